"""The pages that are written: feedback, the class report, the gate's."""
