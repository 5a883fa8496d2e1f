"""nbgrader's gradebook, as `grade` uses it: cells in, scores in, points out.

The rules are nbgrader's own (`SaveAutoGrades`, `AssignLatePenalties`, its late plugin);
the queries are fewer: one for all cells of a notebook where nbgrader asks and commits
for each. Manual scores, comments and extra credit are never written here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from nbformat import NotebookNode
from nbgrader.api import Assignment as AssignmentEntry
from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import AssignLatePenalties, SaveCells
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_task
from sqlalchemy import func, select
from traitlets.config import Config

from autograder.assignment.cells import grade_id
from autograder.assignment.notebook import Assignment
from autograder.errors import CourseError

# ------------------------------------------------------ the assignment's own cells


def register(gradebook: Gradebook, assignment: Assignment) -> None:
    """Bring the gradebook's cells up to the source, as nbgrader's release does.

    Parameters
    ----------
    gradebook : Gradebook
        The course's, open.
    assignment : Assignment
        The assignment.

    Raises
    ------
    CourseError
        If the gradebook holds the assignment with other cells and with submissions.
    """
    course, notebooks = assignment.course, assignment.notebooks
    gradebook.update_or_create_assignment(assignment.name)
    entry = gradebook.find_assignment(assignment.name)
    known = {notebook.name for notebook in entry.notebooks}
    if known and known != set(notebooks):
        if entry.submissions:
            raise CourseError(
                f"{course.source_folder(assignment.name)} has the notebooks "
                f"{', '.join(notebooks)}, the gradebook has "
                f"{', '.join(sorted(known))} and submissions of them, which nbgrader "
                "cannot change; name them as they were"
            )
        for name in known - set(notebooks):
            gradebook.remove_notebook(name, assignment.name)
    for name, notebook in notebooks.items():
        cells = notebook.without_solutions
        if name in known and _is_registered(gradebook, assignment.name, name, cells):
            continue
        where = {
            "notebook": name,
            "assignment": assignment.name,
            "db_url": course.db_url,
        }
        try:
            SaveCells(config=course.config).preprocess(cells, {"nbgrader": where})
        except RuntimeError as error:
            raise CourseError(
                f"{notebook.path} has other cells than the gradebook, which has "
                f"graded submissions of it: {error}"
            ) from None
    gradebook.db.expire_all()


def _is_registered(
    gradebook: Gradebook, assignment: str, name: str, notebook: NotebookNode
) -> bool:
    registered = gradebook.find_notebook(name, assignment)
    points = {
        cell.name: cell.max_score
        for cell in [*registered.grade_cells, *registered.task_cells]
    }
    cells = {
        cell.name: (cell.cell_type, cell.source, cell.checksum, points.get(cell.name))
        for cell in registered.source_cells
    }
    return cells == {
        grade_id(cell): (
            cell.cell_type,
            cell.source,
            cell.metadata.nbgrader.get("checksum"),
            cell.metadata.nbgrader.get("points"),
        )
        for cell in notebook.cells
        if grade_id(cell)
    }


def due(gradebook: Gradebook, assignment: str) -> dict[str | None, str]:
    """Say when the assignment is due: for everybody (None), and by student.

    Only students who have handed in before are named; they may have an extension.
    """
    entry = gradebook.find_assignment(assignment)
    result: dict[str | None, str] = {None: f"{entry.duedate} None"}
    rows = gradebook.db.execute(
        select(SubmittedAssignment.student_id, SubmittedAssignment.extension).where(
            SubmittedAssignment.assignment_id == entry.id
        )
    )
    for student, extension in rows:
        result[student] = f"{entry.duedate} {extension}"
    return result


# ------------------------------------------------------------------------- scores


@dataclass(frozen=True)
class Cells:
    """The gradebook's ids of one notebook of an assignment and of its cells.

    nbgrader's tables are indexed by these first, and by the submission only then: a
    query that does not name them reads the rows of the whole class.

    Attributes
    ----------
    notebook_id : str
        The notebook's.
    names : dict of str to str
        The names of its cells, by id.
    """

    notebook_id: str
    names: dict[str, str]


def cells_of(gradebook: Gradebook, assignment: str) -> dict[str, Cells]:
    """Read the ids of an assignment's notebooks and their cells, by notebook."""
    result = {}
    for notebook in gradebook.find_assignment(assignment).notebooks:
        rows = gradebook.db.execute(
            select(BaseCell.id, BaseCell.name).where(
                BaseCell.notebook_id == notebook.id
            )
        )
        result[notebook.name] = Cells(notebook.id, dict(rows.all()))
    return result


def entries_of(
    gradebook: Gradebook, submission: SubmittedAssignment, cells: dict[str, Cells]
) -> dict[str, SubmittedNotebook]:
    """Read the entries of a submission's notebooks, by name."""
    ids = {of_notebook.notebook_id: name for name, of_notebook in cells.items()}
    rows = gradebook.db.execute(
        select(SubmittedNotebook).where(
            SubmittedNotebook.notebook_id.in_(ids),
            SubmittedNotebook.assignment_id == submission.id,
        )
    ).scalars()
    return {ids[entry.notebook_id]: entry for entry in rows}


def save_scores(
    gradebook: Gradebook,
    submitted: SubmittedNotebook,
    of_notebook: Cells,
    notebook: NotebookNode | None,
) -> None:
    """Write the automatic scores and comments of one notebook.

    Parameters
    ----------
    gradebook : Gradebook
        The course's, open.
    submitted : SubmittedNotebook
        The notebook's entry in it.
    of_notebook : Cells
        The ids of its cells.
    notebook : NotebookNode or None
        With its outputs; None if there is none, which scores zero.
    """
    cells = {grade_id(cell): cell for cell in notebook.cells} if notebook else {}
    found = _by_name(gradebook, Grade, submitted, of_notebook)
    for name, grade in found.items():
        if notebook is None:
            grade.auto_score, grade.needs_manual_grade = 0, False
            continue
        if not is_grade(cells[name]):  # a task, which only people score
            continue
        grade.auto_score = determine_grade(cells[name])[0]
        grade.needs_manual_grade = (
            grade.manual_score is not None or grade.auto_score is None
        )
    unknown = [n for n, cell in cells.items() if is_grade(cell) and n not in found]
    if unknown:
        raise MissingEntry(f"no place for the scores of {', '.join(unknown)}")
    comments = _by_name(gradebook, Comment, submitted, of_notebook)
    for name, comment in comments.items():
        if notebook is not None:
            cell = cells[name]
            untouched = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
            comment.auto_comment = (
                "No response." if untouched and not is_task(cell) else None
            )


def _by_name(
    gradebook: Gradebook,
    kind: type[Grade] | type[Comment],
    submitted: SubmittedNotebook,
    of_notebook: Cells,
) -> dict[str, Grade | Comment]:
    rows = gradebook.db.execute(
        select(kind).where(
            kind.cell_id.in_(of_notebook.names), kind.notebook_id == submitted.id
        )
    ).scalars()
    return {of_notebook.names[row.cell_id]: row for row in rows}


class Lateness:
    """The course's rule for what is handed in late, by nbgrader's own plugin."""

    def __init__(self, config: Config) -> None:
        """Load the plugin that the configuration names."""
        self._rule = AssignLatePenalties(config=config)
        self._rule.init_plugin()

    def penalise(
        self,
        gradebook: Gradebook,
        submission: SubmittedAssignment,
        notebooks: Iterable[SubmittedNotebook],
        student: str,
    ) -> None:
        """Take off each of a submission's notebooks what the rule says."""
        seconds = submission.total_seconds_late
        for notebook in notebooks:
            penalty = None
            if seconds > 0:
                gradebook.db.flush()
                gradebook.db.refresh(notebook, ["score"])
                penalty = self._rule.plugin_inst.late_submission_penalty(
                    student, notebook.score, seconds
                )
            if penalty is not None:
                penalty = self._rule._check_late_penalty(notebook, penalty)
            notebook.late_submission_penalty = penalty


def points_of(
    gradebook: Gradebook,
    entries: dict[str, SubmittedNotebook],
    cells: dict[str, Cells],
) -> float:
    """Read the points of one submission, as `points` does of all."""
    total = 0.0
    for name, entry in entries.items():
        score = gradebook.db.execute(
            select(func.coalesce(func.sum(Grade.score.expression), 0.0)).where(
                Grade.cell_id.in_(cells[name].names), Grade.notebook_id == entry.id
            )
        ).scalar_one()
        total += score - (entry.late_submission_penalty or 0.0)
    return max(0.0, total)


def points(gradebook: Gradebook, assignment: str) -> dict[str, float]:
    """Read the points of all submissions of an assignment, by student.

    They are as nbgrader exports them: manual scores and extra credit in, late penalty
    off, never below zero.
    """
    scores = (
        select(
            SubmittedAssignment.student_id,
            SubmittedNotebook.late_submission_penalty,
            func.coalesce(func.sum(Grade.score.expression), 0.0),
        )
        .join(AssignmentEntry, SubmittedAssignment.assignment_id == AssignmentEntry.id)
        .join(
            SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id
        )
        .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .where(AssignmentEntry.name == assignment)
        .group_by(
            SubmittedNotebook.id,
            SubmittedAssignment.student_id,
            SubmittedNotebook.late_submission_penalty,
        )
    )
    totals: dict[str, float] = {}
    for name, penalty, score in gradebook.db.execute(scores):
        totals[name] = totals.get(name, 0.0) + score - (penalty or 0.0)
    return {name: max(0.0, total) for name, total in totals.items()}
