"""Measure what grading costs besides the students' own code: CPU time and memory.

Run ``python benchmarks/bookkeeping.py 100 1000``: for each number, a class of that many
hands in nbgrader's own example assignment, and `autograder grade` grades it with the
runs left out. What is measured is all the rest: reading, preparing, scoring, writing
the gradebook and the folders. A class of one is taken off, for what happens once.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_output

from autograder.assignment import limits
from autograder.course import Course, find_course
from autograder.runner import Job, RunResult
from autograder.steps import grade
from autograder.verdicts import Verdict
from autograder.workers import pool


class NoRuns:
    """A place that answers each job at once, with one line of output a cell."""

    level = "none"

    def __init__(self, *_: object) -> None:
        """Take what `pool.Local` takes."""

    def __enter__(self) -> "NoRuns":
        """Do nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def run_all(
        self, jobs: Iterable[tuple[Hashable, Job]], *, alone: bool = False
    ) -> Iterator[pool.Outcome]:
        """Answer jobs."""
        for key, job in jobs:
            notebook = nbformat.from_dict(job.notebook)
            ran = [cell.cell_type == "code" for cell in notebook.cells]
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs = [new_output("stream", text="a line\n")]
            result = RunResult(Verdict.GRADED, "none", notebook, ran, "", 1.0, 1.0, 1.0)
            yield pool.Outcome(key, result)


def example(folder: Path, students: int) -> Course:
    """Make nbgrader's example course, with a class that hands in the solutions."""
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "quickstart", "example"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    course = find_course(folder / "example")
    for number in range(students):
        target = course.submitted / f"student-{number:05d}" / "ps1"
        shutil.copytree(course.source / "ps1", target)
    return course


def measure(students: int) -> None:
    """Grade a class and print what it took; once more, when nothing has changed."""
    pool.Local = NoRuns
    limits.sandbox = lambda level: None
    with tempfile.TemporaryDirectory() as folder:
        course = example(Path(folder), students)
        one = course.students("ps1")[:1]
        began = time.process_time()
        grade.grade(course, "ps1", one)
        once = time.process_time() - began
        began = time.process_time()
        grade.grade(course, "ps1", force=True)
        spent = time.process_time() - began - once
        began = time.process_time()
        grade.grade(course, "ps1")
        nothing = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{students:6} submissions: {1000 * spent / students:.1f} ms of CPU each, peak "
        f"{peak:.0f} MB; with nothing to do {1000 * nothing / students:.1f} ms each"
    )


if __name__ == "__main__":
    if len(sys.argv) == 2:
        measure(int(sys.argv[1]))
    else:
        for number in sys.argv[1:] or ("100", "1000"):  # each in a process of its own
            subprocess.run(
                [sys.executable, __file__, number], check=True, env=os.environ
            )
