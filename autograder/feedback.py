"""A name that courses' configurations use: `c.GenerateFeedback.exporter_class`."""

from autograder.steps.feedback import PageExporter

__all__ = ["PageExporter"]
