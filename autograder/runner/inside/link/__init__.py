"""The link between the checker and a snapshot of the student's process."""
