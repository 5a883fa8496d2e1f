"""Runs one notebook of a stranger in a sandbox; knows no nbgrader and no course.

What stands in `__all__` is all that the rest of the grader may use.
"""

from autograder.runner.fork_server import LIBRARIES
from autograder.runner.inside.lockdown import die_with_parent, landlock_abi
from autograder.runner.inside.tracebacks import AUTHORED
from autograder.runner.job import Job, Limits, RunResult
from autograder.runner.probe import LEVELS, choose_sandbox, failing_levels
from autograder.runner.run import run_notebook, run_surely
from autograder.runner.sandbox import Sandbox

__all__ = [
    "AUTHORED",
    "LEVELS",
    "LIBRARIES",
    "Job",
    "Limits",
    "RunResult",
    "Sandbox",
    "choose_sandbox",
    "die_with_parent",
    "failing_levels",
    "landlock_abi",
    "run_notebook",
    "run_surely",
]
