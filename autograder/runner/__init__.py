"""Runs one notebook of a stranger in a sandbox; knows no nbgrader and no course."""

from autograder.runner.job import Job
from autograder.runner.probe import choose_sandbox
from autograder.runner.run import RunResult, run_notebook
from autograder.runner.sandbox import Limits

__all__ = ["Job", "Limits", "RunResult", "choose_sandbox", "run_notebook"]
