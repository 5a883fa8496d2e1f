"""Runs one notebook of a stranger in a sandbox; knows no nbgrader and no course."""

from autograder.runner.job import Job, Limits, RunResult
from autograder.runner.probe import choose_sandbox
from autograder.runner.run import run_notebook

__all__ = ["Job", "Limits", "RunResult", "choose_sandbox", "run_notebook"]
