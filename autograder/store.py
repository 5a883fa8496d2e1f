"""What became of each run and each item, beside the scores in the gradebook.

Three tables of our own live in the gradebook's database. They are on a metadata object
of their own, so nbgrader's migrations (``nbgrader db upgrade``) never see them.

``autograder_run``
    One row for each notebook of each submission: how its run ended. `runs` gives one
    `Run` for each submission, the rows of its notebooks put together.
``autograder_item``
    One row for each auto-graded test cell of each submission: how it ended, and what
    its check said if the check's author wrote it for students.
``autograder_reference``
    One row for each notebook of each assignment: what grading its own solution showed.

`open_gradebook` opens nbgrader's own `Gradebook` and makes sure of the tables, and
says in one line what a database that refuses means and what to do about it;
`one_transaction` turns everything that nbgrader's calls commit, and what `record`
writes, into one transaction: after a kill the old grade is there, or the new one.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import Gradebook
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    false,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.schema import CreateColumn

from autograder.course import Course
from autograder.errors import GradebookError, first_line, some_of
from autograder.verdicts import Status, Verdict

_WAIT_SECONDS = 60  # for another program that is writing

_tables = MetaData()

_run = Table(
    "autograder_run",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("student", String(128), nullable=False, index=True),
    Column("assignment", String(128), nullable=False, index=True),
    Column("notebook", String(128), nullable=False),
    Column("verdict", String(32), nullable=False),
    Column("level", String(32), nullable=False),
    Column("message", Text, nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("wall_seconds", Float, nullable=False),
    Column("peak_memory_mb", Float, nullable=False),
    Column("repairs", Text, nullable=False),  # a JSON list of sentences
    Column("digest", String(64), nullable=False),
    Column("graded_at", DateTime, nullable=False),  # UTC, without a zone
    Column("evidence", Text, nullable=False, server_default=""),
    UniqueConstraint("student", "assignment", "notebook"),
)

_item = Table(
    "autograder_item",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("student", String(128), nullable=False, index=True),
    Column("assignment", String(128), nullable=False, index=True),
    Column("notebook", String(128), nullable=False),
    Column("grade_id", String(128), nullable=False),
    Column("position", Integer, nullable=False),  # among the items of its notebook
    Column("status", String(32), nullable=False),
    Column("points", Float, nullable=False),
    Column("max_points", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("protected", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("student", "assignment", "notebook", "grade_id"),
)


_reference = Table(
    "autograder_reference",
    _tables,
    Column("assignment", String(128), primary_key=True),
    Column("notebook", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # of a state of the source
    # JSON lists of ids of tests
    Column("unprotected", Text, nullable=False),
    Column("failing", Text, nullable=False),
)


@dataclass(frozen=True)
class Run:
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
class Item:
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


# What to do, by what SQLite or PostgreSQL says; the first that fits.
_ADVICE = {
    "see that the server is up and that address, name and password are right": (
        "connection failed",
        "connection to server",
        "connection is bad",
        "server closed the connection",
        "terminating connection",
    ),
    "another program is writing to it: close that, then run this again": (
        "is locked",
        "lock timeout",
    ),
    "another version of nbgrader made it: make a backup of it, then run "
    "`nbgrader db upgrade` in the course's folder": (
        "no such column",
        "no such table",
        "has no column",
        "does not exist",
    ),
    "it is damaged: put a backup in its place": ("not a database", "malformed"),
    "see that its folder is there and that you may write to it": ("unable to open",),
    "see that you may write to it and to its folder": ("readonly", "read-only"),
    "make room on its disk, then run this again": ("is full", "no space left"),
    "see that its disk is well and has room": ("disk i/o error",),
}


@contextmanager
def open_gradebook(db_url: str, course_id: str) -> Iterator[Gradebook]:
    """Open nbgrader's gradebook and make sure that our tables are in it, complete.

    nbgrader opens it first: a database that already has tables would not get the
    version stamp that ``nbgrader db upgrade`` needs.

    Raises
    ------
    GradebookError
        If the database refuses, now or while it is used inside the block.
    """
    try:
        with _opened(db_url, course_id) as gradebook:
            _tables.create_all(gradebook.engine)
            _add_missing_columns(gradebook.engine)
            yield gradebook
    except SQLAlchemyError as error:
        raise GradebookError(_refusal(error, db_url)) from error


def _opened(db_url: str, course_id: str) -> Gradebook:
    """Open the gradebook; the driver of its database may not be installed."""
    try:
        return Gradebook(db_url, course_id)
    except ModuleNotFoundError as error:
        raise GradebookError(
            f"gradebook {_without_password(db_url)}: {error}; for PostgreSQL install "
            'it from a checkout of the grader: pip install -e ".[postgres]"'
        ) from error


def _refusal(error: SQLAlchemyError, db_url: str) -> str:
    """Say what the database said, without the query, and what to do about it."""
    if isinstance(error, ArgumentError):  # its text may have the password
        return (
            "c.CourseDirectory.db_url in nbgrader_config.py is not the address of a "
            "database; one is, for instance, sqlite:////folder/gradebook.db"
        )
    said = first_line(getattr(error, "orig", None) or error)
    advice = next(
        (
            advice
            for advice, signs in _ADVICE.items()
            if any(sign in said.lower() for sign in signs)
        ),
        "run again with --debug to see where",
    )
    return f"gradebook {_without_password(db_url)}: {said}; {advice}"


def _without_password(db_url: str) -> str:
    """Write a database's address for people: a file's path, or no secrets."""
    url = make_url(db_url)
    if url.drivername.startswith("sqlite") and url.database:
        return url.database
    return url.set(query={}).render_as_string(hide_password=True)


def _add_missing_columns(engine: Engine) -> None:
    """Bring tables that an older version of ours made up to date."""
    for table in _tables.sorted_tables:
        there = {column["name"] for column in inspect(engine).get_columns(table.name)}
        with engine.begin() as connection:
            for column in table.columns:
                if column.name not in there:
                    what = CreateColumn(column).compile(dialect=engine.dialect)
                    connection.exec_driver_sql(
                        f"ALTER TABLE {table.name} ADD COLUMN {what}"
                    )


@contextmanager
def one_transaction(gradebook: Gradebook) -> Iterator[None]:
    """Make everything written to `gradebook` inside the block one transaction.

    nbgrader's calls commit as they go. Inside this block their session is joined to
    an outer transaction, where a commit only flushes; the block's end commits for
    all of them, and an exception takes all of it back.
    """
    ordinary = gradebook.db
    with gradebook.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Somebody else may be writing (formgrader, say): wait.
            wait = f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}"
            connection.exec_driver_sql(wait)
            connection.rollback()
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(
                    f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'"
                )
            gradebook.db = scoped_session(
                sessionmaker(
                    bind=connection,
                    join_transaction_mode="rollback_only",
                    autoflush=False,
                )
            )
            try:
                yield
                gradebook.db.flush()
            finally:
                gradebook.db.remove()
                gradebook.db = ordinary


def record(gradebook: Gradebook, run: Run, items: Iterable[Item]) -> None:
    """Write how one notebook's run and its items ended, in place of what was there."""
    where = {
        "student": run.student,
        "assignment": run.assignment,
        "notebook": run.notebook,
    }
    for table in (_run, _item):
        gradebook.db.execute(
            delete(table).where(*(table.c[k] == v for k, v in where.items()))
        )
    row = {
        **_storable(vars(run)),
        "verdict": run.verdict.value,
        "repairs": json.dumps(run.repairs),
    }
    gradebook.db.execute(insert(_run).values(**row))
    rows = [{**_storable(vars(item)), "status": item.status.value} for item in items]
    if rows:
        gradebook.db.execute(insert(_item), rows)
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


def renew_digest(gradebook: Gradebook, run: Run) -> None:
    """Note that a run that was recorded earlier still holds, under a new digest."""
    keys = ("student", "assignment", "notebook")
    gradebook.db.execute(
        update(_run)
        .where(*(_run.c[key] == getattr(run, key) for key in keys))
        .values(digest=run.digest)
    )


def unprotected(
    gradebook: Gradebook, assignment: str, notebook: str, fingerprint: str
) -> frozenset[str] | None:
    """Read which tests run in the student's process; None if that is not known yet.

    A solution that did not pass is to be tried again: the machine may have been busy.
    """
    query = select(_reference.c.unprotected).where(
        _reference.c.assignment == assignment,
        _reference.c.notebook == notebook,
        _reference.c.fingerprint == fingerprint,
        _reference.c.failing == json.dumps([]),
    )
    found = gradebook.db.execute(query).scalar()
    return None if found is None else frozenset(json.loads(found))


def keep_reference(
    gradebook: Gradebook,
    assignment: str,
    notebook: str,
    fingerprint: str,
    unprotected: Iterable[str],
    failing: Iterable[str],
) -> None:
    """Write what grading a notebook's solution showed, in place of what was there.

    Parameters
    ----------
    gradebook : Gradebook
        Open, with our tables.
    assignment, notebook : str
        Whose solution.
    fingerprint : str
        The state of the source that it holds for.
    unprotected : iterable of str
        The tests that run in the student's process.
    failing : iterable of str
        The tests that the solution does not pass.
    """
    where = {"assignment": assignment, "notebook": notebook}
    gradebook.db.execute(
        delete(_reference).where(*(_reference.c[k] == v for k, v in where.items()))
    )
    row = {
        **where,
        "fingerprint": fingerprint,
        "unprotected": json.dumps(sorted(unprotected)),
        "failing": json.dumps(sorted(failing)),
    }
    gradebook.db.execute(insert(_reference).values(**row))
    gradebook.db.commit()


def warnings(gradebook: Gradebook, course: Course, assignment: str) -> list[str]:
    """Say, a line each, what makes the grades of a whole class doubtful.

    That is a solution of the instructor's that does not pass its own tests.
    """
    rows = gradebook.db.execute(
        select(_reference.c.failing)
        .where(
            _reference.c.assignment == assignment,
            _reference.c.notebook.in_(course.notebook_names(assignment)),
        )
        .order_by(_reference.c.notebook)
    ).scalars()
    failing = [grade_id for row in rows for grade_id in json.loads(row)]
    if not failing:
        return []
    where = f"{course.directory.source_directory}/{assignment}"
    return [
        f"the solution in {where} does not pass {some_of(failing)}; "
        f"run `autograder check {assignment}`"
    ]


def runs_by_notebook(
    gradebook: Gradebook, assignment: str, student: str | None = None
) -> list[Run]:
    """Read how each notebook of each submission ended, by student and notebook.

    With `student`, of that one's submission alone.
    """
    rows = gradebook.db.execute(
        select(_run)
        .where(*_of(_run, assignment, student))
        .order_by(_run.c.student, _run.c.notebook)
    ).mappings()
    result = []
    for row in rows:
        values = {name: value for name, value in row.items() if name != "id"}
        values["verdict"] = Verdict(values["verdict"])
        values["repairs"] = json.loads(values["repairs"])
        result.append(Run(**values))
    return result


def runs(course: Course, assignment: str) -> list[Run]:
    """Read how each submission of an assignment ended, sorted by student.

    Parameters
    ----------
    course : Course
        The course whose gradebook is read.
    assignment : str
        The assignment's name; one that was never graded gives an empty list.
    """
    with open_gradebook(course.db_url, course.directory.course_id) as gradebook:
        parts: dict[str, list[Run]] = {}
        for run in runs_by_notebook(gradebook, assignment):
            parts.setdefault(run.student, []).append(run)
    return [together(runs) for runs in parts.values()]


def together(parts: list[Run]) -> Run:
    """Put the runs of one submission's notebooks together into one."""
    told = [part for part in parts if part.verdict is not Verdict.GRADED] or parts
    messages = [_message(part, len(parts) > 1) for part in parts if part.message]
    return Run(
        student=parts[0].student,
        assignment=parts[0].assignment,
        notebook="",
        verdict=told[0].verdict,
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


def _message(part: Run, several: bool) -> str:
    """Give a notebook's message; of several notebooks it names its own."""
    name = f"{part.notebook}.ipynb"
    named = not several or part.message.startswith(name)
    return part.message if named else f"{name}: {part.message}"


def _of(table: Table, assignment: str, student: str | None) -> list[Any]:
    """Give the conditions for an assignment's rows, perhaps for one student's."""
    where = [table.c.assignment == assignment]
    return where if student is None else [*where, table.c.student == student]


def items(course: Course, assignment: str, student: str | None = None) -> list[Item]:
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
            select(_item)
            .where(*_of(_item, assignment, student))
            .order_by(_item.c.student, _item.c.notebook, _item.c.position)
        ).mappings()
        result = []
        for row in rows:
            values = {name: value for name, value in row.items() if name != "id"}
            values["status"] = Status(values["status"])
            result.append(Item(**values))
        return result
