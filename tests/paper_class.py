"""A course and a class on paper: gradebook and graded notebooks without any grading.

Tests of feedback and reports write down how submissions ended and look at what is made
of it.
"""

import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)

from autograder.course import Course, find_course
from autograder.gradebook import database, records
from autograder.verdicts import Status, Verdict

ASSIGNMENT = "planes"
NOTEBOOK = "planes"
HIDDEN = [
    "secret_length = 7919 # never shown",
    'assert fold(secret_length) == "crease-7919", "wrong crease at 7919"',
    "assert fly(-0.577215664901) > 0, 'Euler would disagree'",
]


def grading(grade_id: str, points: float | None, solution: bool) -> dict:
    """Make the metadata of a cell that nbgrader knows."""
    metadata = {
        "grade_id": grade_id,
        "grade": points is not None,
        "solution": solution,
        "locked": not solution,
        "schema_version": 3,
        "task": False,
    }
    if points is not None:
        metadata["points"] = points
    return {"nbgrader": metadata}


def source_cells() -> list[nbformat.NotebookNode]:
    """Make the cells of the instructor's notebook."""
    return [
        new_markdown_cell("# Paper planes"),
        new_markdown_cell("## 1. Fold\n\nFold a sheet of length $x_0$."),
        new_code_cell(
            "def fold(x):\n    return x", metadata=grading("fold", None, True)
        ),
        new_code_cell(
            "assert fold(1) == 'crease-1'\n### BEGIN HIDDEN TESTS\n"
            f"{HIDDEN[0]}\n{HIDDEN[1]}\n### END HIDDEN TESTS",
            metadata=grading("fold-test", 2, False),
        ),
        new_markdown_cell("## 2. Fly"),
        new_code_cell("def fly(x):\n    return x", metadata=grading("fly", None, True)),
        new_code_cell(
            f"### BEGIN HIDDEN TESTS\n{HIDDEN[2]}\n### END HIDDEN TESTS",
            metadata=grading("fly-test", 3, False),
        ),
        new_markdown_cell("Why does it fly?", metadata=grading("why", 1, True)),
    ]


_empty_course: Path | None = None


def keep_an_empty_course(folder: Path) -> None:
    """Write the course once into `folder`; from then on, copy it."""
    global _empty_course
    if _empty_course is None:
        PaperClass(folder)
        _empty_course = folder


@dataclass
class PaperClass:
    """A course in a folder, and what its gradebook and graded notebooks say."""

    root: Path
    course: Course = field(init=False)

    def __post_init__(self) -> None:
        """Write the course, or copy it: a new gradebook costs seconds."""
        if _empty_course is None:
            self._write()
        else:
            shutil.copytree(_empty_course, self.root)
            self.course = find_course(self.root)

    def _write(self) -> None:
        """Write the course and the assignment's place in the gradebook."""
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "nbgrader_config.py").write_text(
            'c = get_config()\nc.CourseDirectory.course_id = "paper"\n'
        )
        self.course = find_course(self.root)
        folder = self.course.source / ASSIGNMENT
        folder.mkdir(parents=True)
        self.save(folder / f"{NOTEBOOK}.ipynb", source_cells())
        handout = self.course.release / ASSIGNMENT
        handout.mkdir(parents=True)
        cells = source_cells()
        for cell in cells:
            cell.source = cell.source.partition("### BEGIN HIDDEN TESTS")[0]
        self.save(handout / f"{NOTEBOOK}.ipynb", cells)
        with self.gradebook() as gradebook:
            gradebook.add_assignment(ASSIGNMENT)
            gradebook.add_notebook(NOTEBOOK, ASSIGNMENT)
            for name, points in [("fold-test", 2), ("fly-test", 3)]:
                gradebook.add_grade_cell(
                    name, NOTEBOOK, ASSIGNMENT, max_score=points, cell_type="code"
                )
            gradebook.add_grade_cell(
                "why", NOTEBOOK, ASSIGNMENT, max_score=1, cell_type="markdown"
            )
            for name in ["fold", "fly", "why"]:
                gradebook.add_solution_cell(name, NOTEBOOK, ASSIGNMENT)

    def gradebook(self):
        """Open the gradebook."""
        return database.open_gradebook(self.course.db_url, "paper")

    @staticmethod
    def save(path: Path, cells: list[nbformat.NotebookNode]) -> None:
        """Write a notebook with cell ids by position."""
        for i, cell in enumerate(cells):
            cell["id"] = f"cell-{i}"
        path.write_text(nbformat.writes(new_notebook(cells=cells)))

    def grade(
        self,
        student: str,
        items: dict[str, tuple[Status, float, str]],
        *,
        verdict: Verdict = Verdict.GRADED,
        cells: list[nbformat.NotebookNode] | None = None,
        marks: dict[str, float] | None = None,
        comments: dict[str, str] | None = None,
        protected: Collection[str] = ("fold-test", "fly-test"),
        **of_run,
    ) -> None:
        """Write down how a submission ended, as `autograder grade` would."""
        if cells is not None:
            folder = self.course.autograded / student / ASSIGNMENT
            folder.mkdir(parents=True, exist_ok=True)
            self.save(folder / f"{NOTEBOOK}.ipynb", cells)
        run = records.StoredRun(student, ASSIGNMENT, NOTEBOOK, verdict, **of_run)
        most = {"fold-test": 2.0, "fly-test": 3.0}
        rows = [
            records.StoredItem(
                *(student, ASSIGNMENT, NOTEBOOK, name, i, status, points),
                *(most[name], text, name in protected),
            )
            for i, (name, (status, points, text)) in enumerate(items.items())
        ]
        with self.gradebook() as gradebook:
            records.record(gradebook, run, rows)
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(ASSIGNMENT, student)
            for name, (_, points, _) in items.items():
                grade = gradebook.find_grade(name, NOTEBOOK, ASSIGNMENT, student)
                grade.auto_score = points
                grade.needs_manual_grade = False
            for name, points in (marks or {}).items():
                grade = gradebook.find_grade(name, NOTEBOOK, ASSIGNMENT, student)
                grade.manual_score = points
                grade.needs_manual_grade = False
            for name, text in (comments or {}).items():
                comment = gradebook.find_comment(name, NOTEBOOK, ASSIGNMENT, student)
                comment.manual_comment = text
            gradebook.db.commit()

    def page(self, student: str) -> Path:
        """Name the feedback page of a student."""
        return self.course.feedback / student / ASSIGNMENT / f"{NOTEBOOK}.html"


def failing_outputs() -> list[nbformat.NotebookNode]:
    """Make what a test cell leaves when its hidden part fails: all must stay unseen."""
    return [
        new_output("stream", name="stdout", text=f"printed by a test {HIDDEN[0]}\n"),
        new_output(
            "error",
            ename="AssertionError",
            evalue="wrong crease at 7919",
            traceback=["Traceback", f"----> 5 {HIDDEN[1]}", "wrong crease at 7919"],
        ),
    ]
