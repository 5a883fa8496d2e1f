"""A course in which every case is a notebook, and what became of each item."""

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from conftest import hand_in

from autograder.course import Course, find_course
from autograder.gradebook import database, records
from autograder.runner import folders
from autograder.steps.grade import grade
from redteam import exam
from redteam.fairness.cases import POINTS, Case, files_of

_NOTEBOOKS = (
    20  # of one assignment: what has to run again, alone, is a whole submission
)

Notebook = Callable[[Case], nbformat.NotebookNode]


@dataclass(frozen=True)
class Result:
    """What became of one student's notebook.

    Attributes
    ----------
    points : dict of str to float
        By item.
    protected : dict of str to bool
        Whether the item's test ran out of the reach of the student's code.
    statuses : dict of str to str
        How each item ended.
    printed : str
        By the student's own cells.
    message : str
        How the run ended, if there is anything to say.
    """

    points: dict[str, float]
    protected: dict[str, bool]
    statuses: dict[str, str]
    printed: str
    message: str

    def full(self) -> bool:
        """Tell whether every item has all its points."""
        return all(points == POINTS for points in self.points.values())

    def paid(self, items: Sequence[str]) -> list[str]:
        """Name those of `items` that have points."""
        return [name for name in items if self.points[name]]

    def named(self, item: str) -> bool:
        """Tell whether the grader names the item as one that it cannot protect."""
        return not self.protected[item]


def grade_all(
    cases: Sequence[Case], level: str, students: dict[str, Notebook]
) -> dict[str, dict[str, Result]]:
    """Grade what each student hands in for each case: results by student and case."""
    top = folders.temporary_root(for_others=True)
    root = top / f"autograder-test-{os.getpid()}-{secrets.token_hex(4)}"
    root.mkdir(parents=True)
    try:
        course = _make_course(root, cases, level)
        found: dict[str, dict[str, Result]] = {student: {} for student in students}
        for number, some in enumerate(_batches(cases), start=1):
            assignment = f"fair-{number}"
            _write_assignment(course, assignment, some, students)
            grade(course, assignment, jobs=2)
            for student, results in _results(course, assignment, some).items():
                found[student].update(results)
        return found
    finally:
        folders.remove_tree(root)


def _batches(cases: Sequence[Case]) -> list[list[Case]]:
    return [
        list(cases[start : start + _NOTEBOOKS])
        for start in range(0, len(cases), _NOTEBOOKS)
    ]


def _make_course(root: Path, cases: Sequence[Case], level: str) -> Course:
    lent = sorted({name for case in cases for name in case.lent})
    config = exam.CONFIG.format(level=level)
    config += f"c.SandboxLimits.student_modules = {lent}\n"
    (root / "nbgrader_config.py").write_text(config)
    course = find_course(root)
    with database.open_gradebook(course.db_url, "exam"):
        pass
    return course


def _write_assignment(
    course: Course,
    assignment: str,
    cases: Sequence[Case],
    students: dict[str, Notebook],
) -> None:
    folder = course.source / assignment
    for name, content in files_of(cases).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        nbformat.write(case.source(), folder / f"{case.name}.ipynb")
        for student, notebook in students.items():
            hand_in(course, student, notebook(case), assignment, case.name)
    exam.open_to_all(course.root)


def _results(
    course: Course, assignment: str, cases: Sequence[Case]
) -> dict[str, dict[str, Result]]:
    items: dict[tuple[str, str], list[records.StoredItem]] = {}
    for item in records.items(course, assignment):
        items.setdefault((item.student, item.notebook), []).append(item)
    with database.open_gradebook(course.db_url, "exam") as gradebook:
        runs = records.runs_by_notebook(gradebook, assignment)
        messages = {(run.student, run.notebook): run.message for run in runs}
    found: dict[str, dict[str, Result]] = {}
    for (student, name), graded in items.items():
        path = course.autograded / student / assignment / f"{name}.ipynb"
        by_name = {item.grade_id.removesuffix("-test"): item for item in graded}
        found.setdefault(student, {})[name] = Result(
            points={key: item.points for key, item in by_name.items()},
            protected={key: item.protected for key, item in by_name.items()},
            statuses={key: item.status.value for key, item in by_name.items()},
            printed=exam.outputs_of_students_cells(nbformat.read(path, as_version=4)),
            message=messages[student, name],
        )
    return found
