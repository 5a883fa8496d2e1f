"""How each run and each item ended, beside the scores in the gradebook.

Three tables of our own hold it, see `autograder.gradebook.database`:

``autograder_run``
    One row for each notebook of each submission: how its run ended. `runs` merges the
    rows of a submission's notebooks into one `StoredRun`.
``autograder_item``
    One row for each auto-graded test cell of each submission: how it ended, and the
    message of its check, if the check's author wrote it for students.
``autograder_reference``
    One row for each notebook of each assignment: what grading its own solution showed,
    see `autograder.gradebook.references`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import Gradebook
from sqlalchemy import Table, delete, insert, select, update

from autograder.course import Course
from autograder.gradebook.database import item_table, open_gradebook, run_table
from autograder.verdicts import Status, Verdict


@dataclass(frozen=True)
class StoredRun:
    """How the run of one notebook of a submission, or of a whole submission, ended.

    Attributes
    ----------
    student, assignment : str
        Whose submission of what.
    notebook : str
        The notebook's name; empty for a whole submission, which is what `runs` gives.
    verdict : Verdict
        How it ended. A whole submission has the verdict of its first notebook (by
        name) that did not end as "graded".
    level : str
        The sandbox's level of isolation; empty if no code ran.
    message : str
        What happened, in words for the student; empty if there is nothing to say.
    cpu_seconds, wall_seconds, peak_memory_mb : float
        What the code used; for a whole submission the sums, and the largest peak.
    repairs : list of str
        What was set right in the submission before it ran, a sentence each.
    digest : str
        A fingerprint of everything the grade depends on; empty if not known.
    graded_at : datetime
        When, in UTC, without a zone.
    evidence : str
        Signs of tampering, for the instructor alone; empty unless it is held for
        review.
    """

    student: str
    assignment: str
    notebook: str
    verdict: Verdict
    level: str = ""
    message: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    repairs: list[str] = field(default_factory=list)
    digest: str = ""
    graded_at: datetime = field(
        default_factory=lambda: datetime.now(UTC).replace(tzinfo=None)
    )
    evidence: str = ""


@dataclass(frozen=True)
class StoredItem:
    """How one auto-graded test cell of one submission ended.

    Attributes
    ----------
    student, assignment, notebook, grade_id : str
        Which test cell of which submission.
    position : int
        Its place among the items of its notebook, from 0.
    status : Status
        How it ended.
    points, max_points : float
        What the automatic grader gave, before any manual score, and the most it gives.
    message : str
        What the check said, if its author wrote it for students; otherwise empty.
    protected : bool
        Whether it ran out of the reach of the student's code.
    """

    student: str
    assignment: str
    notebook: str
    grade_id: str
    position: int
    status: Status
    points: float
    max_points: float
    message: str = ""
    protected: bool = False


def record(gradebook: Gradebook, run: StoredRun, items: Iterable[StoredItem]) -> None:
    """Write how one notebook's run and its items ended, in place of what was there."""
    where = {
        "student": run.student,
        "assignment": run.assignment,
        "notebook": run.notebook,
    }
    for table in (run_table, item_table):
        gradebook.db.execute(
            delete(table).where(*(table.c[k] == v for k, v in where.items()))
        )
    row = {
        **_storable(vars(run)),
        "verdict": run.verdict.value,
        "repairs": json.dumps(run.repairs),
    }
    gradebook.db.execute(insert(run_table).values(**row))
    rows = [{**_storable(vars(item)), "status": item.status.value} for item in items]
    if rows:
        gradebook.db.execute(insert(item_table), rows)
    gradebook.db.commit()


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    """Replace what a text in a database cannot hold.

    That is half of a surrogate pair, as in a file's name that is not UTF-8; and in
    PostgreSQL a zero byte.
    """
    return {
        name: value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
        if isinstance(value, str)
        else value
        for name, value in values.items()
    }


def renew_digest(gradebook: Gradebook, run: StoredRun) -> None:
    """Note that a run that was recorded earlier still holds, under a new digest."""
    keys = ("student", "assignment", "notebook")
    gradebook.db.execute(
        update(run_table)
        .where(*(run_table.c[key] == getattr(run, key) for key in keys))
        .values(digest=run.digest)
    )


def runs_by_notebook(
    gradebook: Gradebook, assignment: str, student: str | None = None
) -> list[StoredRun]:
    """Read how each notebook of each submission ended, by student and notebook.

    With `student`, of that one's submission alone.
    """
    rows = gradebook.db.execute(
        select(run_table)
        .where(*_of(run_table, assignment, student))
        .order_by(run_table.c.student, run_table.c.notebook)
    ).mappings()
    result = []
    for row in rows:
        values = {name: value for name, value in row.items() if name != "id"}
        values["verdict"] = Verdict(values["verdict"])
        values["repairs"] = json.loads(values["repairs"])
        result.append(StoredRun(**values))
    return result


def runs(course: Course, assignment: str) -> list[StoredRun]:
    """Read how each submission of an assignment ended, sorted by student.

    Parameters
    ----------
    course : Course
        The course whose gradebook is read.
    assignment : str
        The assignment's name; one that was never graded gives an empty list.
    """
    with open_gradebook(course.db_url, course.directory.course_id) as gradebook:
        parts: dict[str, list[StoredRun]] = {}
        for run in runs_by_notebook(gradebook, assignment):
            parts.setdefault(run.student, []).append(run)
    return [merge(runs) for runs in parts.values()]


def merge(parts: list[StoredRun]) -> StoredRun:
    """Put the runs of one submission's notebooks together into one."""
    not_graded = [part for part in parts if part.verdict is not Verdict.GRADED]
    messages = [_message(part, len(parts) > 1) for part in parts if part.message]
    return StoredRun(
        student=parts[0].student,
        assignment=parts[0].assignment,
        notebook="",
        verdict=(not_graded or parts)[0].verdict,
        level=next((part.level for part in parts if part.level), ""),
        message="; ".join([m.removesuffix(".") for m in messages[:-1]] + messages[-1:]),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        wall_seconds=sum(part.wall_seconds for part in parts),
        peak_memory_mb=max(part.peak_memory_mb for part in parts),
        repairs=[repair for part in parts for repair in part.repairs],
        digest=parts[0].digest,
        graded_at=max(part.graded_at for part in parts),
        evidence=" ".join(part.evidence for part in parts if part.evidence),
    )


def _message(part: StoredRun, several: bool) -> str:
    """Give a notebook's message; of several notebooks it names its own."""
    name = f"{part.notebook}.ipynb"
    named = not several or part.message.startswith(name)
    return part.message if named else f"{name}: {part.message}"


def _of(table: Table, assignment: str, student: str | None) -> list[Any]:
    """Give the conditions for an assignment's rows, perhaps for one student's."""
    where = [table.c.assignment == assignment]
    return where if student is None else [*where, table.c.student == student]


def items(
    course: Course, assignment: str, student: str | None = None
) -> list[StoredItem]:
    """Read how each item of each submission ended, by student, notebook and place.

    Parameters
    ----------
    course : Course
        The course whose gradebook is read.
    assignment : str
        The assignment's name; one that was never graded gives an empty list.
    student : str, optional
        Read this one's alone.
    """
    with open_gradebook(course.db_url, course.directory.course_id) as gradebook:
        rows = gradebook.db.execute(
            select(item_table)
            .where(*_of(item_table, assignment, student))
            .order_by(
                item_table.c.student, item_table.c.notebook, item_table.c.position
            )
        ).mappings()
        result = []
        for row in rows:
            values = {name: value for name, value in row.items() if name != "id"}
            values["status"] = Status(values["status"])
            result.append(StoredItem(**values))
        return result
