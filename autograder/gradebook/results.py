"""What is known of a class: each student's verdict, items and points."""

from dataclasses import dataclass, field

from nbgrader.api import Gradebook, MissingEntry

from autograder.course import Course
from autograder.gradebook import database, records, references
from autograder.verdicts import Status, Verdict

NOT_GRADED = "not graded yet"


# ------------------------------------------------------------------------ reading


@dataclass
class StudentResult:
    """One student's submission of the assignment.

    `scores` holds the points of each item as the gradebook has them now, so that marks
    by hand count; `items` holds how each test ended. `not_graded` names the notebooks
    without a verdict: those that plain nbgrader could not read have none.
    """

    student: str
    run: records.StoredRun | None  # of the notebooks that have one
    points: float
    items: dict[tuple[str, str], records.StoredItem] = field(default_factory=dict)
    scores: dict[tuple[str, str], float] = field(default_factory=dict)
    waits_for_marks: bool = False
    not_graded: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """How the run ended, or that there is no grade yet."""
        if self.run is None or (self.not_graded and self.run.verdict is Verdict.GRADED):
            return NOT_GRADED
        return self.run.verdict.value

    @property
    def counts(self) -> bool:
        """Whether something was handed in and graded, so that figures include it."""
        return self.verdict not in {NOT_GRADED, Verdict.MISSING.value}

    def unprotected(self, key: tuple[str, str]) -> bool:
        """Whether an item's test ran within the reach of the student's code."""
        item = self.items.get(key)
        return (
            item is not None
            and not item.protected
            and item.status is not Status.NOT_RUN
        )


@dataclass
class ClassResults:
    """Everything that is known of an assignment."""

    assignment: str
    notebooks: list[str]
    rows: list[StudentResult]
    columns: list[tuple[str, str]]  # (notebook, grade_id) of each item, in order
    max_points: float
    absent: list[str]  # in the class list of the gradebook, with nothing handed in
    warnings: list[str]  # what makes all the grades doubtful

    def name(self, key: tuple[str, str]) -> str:
        """Name an item; with its notebook, if there are several."""
        notebook, grade_id = key
        return f"{notebook}/{grade_id}" if len(self.notebooks) > 1 else grade_id


def read_results(course: Course, assignment: str) -> ClassResults:
    """Read verdicts, items and the gradebook's points of everybody in the class."""
    notebooks = course.notebook_names(assignment)
    items: dict[str, dict[tuple[str, str], records.StoredItem]] = {}
    for item in records.items(course, assignment):
        key = item.notebook, item.grade_id
        items.setdefault(item.student, {})[key] = item
    columns = {
        (item.notebook, item.position): key
        for of_student in items.values()
        for key, item in of_student.items()
    }
    with database.open_gradebook(
        course.db_url, course.directory.course_id
    ) as gradebook:
        parts: dict[str, list[records.StoredRun]] = {
            student: [] for student in course.students(assignment)
        }
        for run in records.runs_by_notebook(gradebook, assignment):
            parts.setdefault(run.student, []).append(run)
        rows = [
            StudentResult(
                student=student,
                run=records.merge(runs) if runs else None,
                points=sum(item.points for item in items.get(student, {}).values()),
                items=items.get(student, {}),
                not_graded=sorted({*notebooks} - {run.notebook for run in runs}),
            )
            for student, runs in sorted(parts.items())
        ]
        enrolled = {student.id for student in gradebook.students}
        try:
            max_points = gradebook.find_assignment(assignment).max_score
        except MissingEntry:
            max_points = max(
                (sum(i.max_points for i in row.items.values()) for row in rows),
                default=0.0,
            )
        for row in rows:
            _add_scores(gradebook, assignment, row)
        warnings = references.warnings(gradebook, course, assignment)
    return ClassResults(
        assignment=assignment,
        notebooks=notebooks,
        rows=rows,
        columns=[columns[position] for position in sorted(columns)],
        max_points=max_points,
        absent=sorted(enrolled - {row.student for row in rows}),
        warnings=warnings,
    )


def _add_scores(gradebook: Gradebook, assignment: str, row: StudentResult) -> None:
    """Take a student's points from the gradebook, if they are there."""
    try:
        submission = gradebook.find_submission(assignment, row.student)
    except MissingEntry:
        return
    penalty = submission.late_submission_penalty or 0.0
    row.points = max(0.0, submission.score - penalty)
    row.waits_for_marks = bool(submission.needs_manual_grade)
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            row.scores[notebook.name, grade.name] = grade.score
