"""The gradebook's database: how it is opened, our three tables, and one transaction.

The tables are on a metadata object of their own, so nbgrader's migrations
(``nbgrader db upgrade``) never see them. If the database refuses, one line says
what that means and what to do about it. `one_transaction` makes one of all that
nbgrader's calls commit, and that `records.record` writes: after a kill the old grade is
there, or the new one.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
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
    event,
    false,
    inspect,
    make_url,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.schema import CreateColumn

from autograder.errors import GradebookError
from autograder.texts import first_line

LONGEST_NAME = 128  # characters of the name of a student, assignment, notebook or item
_WAIT_SECONDS = 60  # for another program that is writing
_WORD_SECONDS = 1.0  # after so long it is said that there is one

_tables = MetaData()

run_table = Table(
    "autograder_run",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("student", String(LONGEST_NAME), nullable=False, index=True),
    Column("assignment", String(LONGEST_NAME), nullable=False, index=True),
    Column("notebook", String(LONGEST_NAME), nullable=False),
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

item_table = Table(
    "autograder_item",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("student", String(LONGEST_NAME), nullable=False, index=True),
    Column("assignment", String(LONGEST_NAME), nullable=False, index=True),
    Column("notebook", String(LONGEST_NAME), nullable=False),
    Column("grade_id", String(LONGEST_NAME), nullable=False),
    Column("position", Integer, nullable=False),  # among the items of its notebook
    Column("status", String(32), nullable=False),
    Column("points", Float, nullable=False),
    Column("max_points", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("protected", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("student", "assignment", "notebook", "grade_id"),
)


reference_table = Table(
    "autograder_reference",
    _tables,
    Column("assignment", String(LONGEST_NAME), primary_key=True),
    Column("notebook", String(LONGEST_NAME), primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # of a state of the source
    # JSON lists of ids of tests
    Column("unprotected", Text, nullable=False),
    Column("failing", Text, nullable=False),
)


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


@contextlib.contextmanager
def open_gradebook(
    db_url: str, course_id: str, waiting: Callable[[str], None] | None = None
) -> Iterator[Gradebook]:
    """Open nbgrader's gradebook and make sure that our tables are in it, complete.

    nbgrader opens it first: a database that already has tables would not get the
    version stamp that ``nbgrader db upgrade`` needs.

    Parameters
    ----------
    db_url, course_id : str
        As nbgrader's configuration has them.
    waiting : callable, optional
        Given by who will write: it is waited until nobody else does, and this is
        called once with a line that says so.

    Raises
    ------
    GradebookError
        If the database refuses, now or while it is used inside the block.
    """
    try:
        if waiting is not None:
            _wait_until_free(db_url, waiting)
        with _open(db_url, course_id) as gradebook:
            _be_patient(gradebook.engine)
            _tables.create_all(gradebook.engine)
            _add_missing_columns(gradebook.engine)
            yield gradebook
    except SQLAlchemyError as error:
        raise GradebookError(_refusal(error, db_url)) from error


def _open(db_url: str, course_id: str) -> Gradebook:
    """Open the gradebook; the driver of its database may not be installed."""
    try:
        return Gradebook(db_url, course_id)
    except ModuleNotFoundError as error:
        raise GradebookError(
            f"gradebook {_without_password(db_url)}: {error}; for PostgreSQL install "
            'it from a checkout of the grader: pip install -e ".[postgres]"'
        ) from error


def _wait_until_free(db_url: str, waiting: Callable[[str], None]) -> None:
    """Wait until nobody writes to a database of SQLite, which is a file.

    A server has its clients wait by itself.
    """
    url = make_url(db_url)
    path = url.database if url.drivername.startswith("sqlite") else None
    if not path or not os.path.isfile(path):
        return
    deadline, said = time.monotonic() + _WAIT_SECONDS, False
    with contextlib.closing(sqlite3.connect(path, timeout=_WORD_SECONDS)) as connection:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.DatabaseError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    return  # what is the matter is said when it is written to
                if not said:
                    waiting(
                        f"waiting for the gradebook {path}: another program is "
                        "writing to it"
                    )
                said = True


def _be_patient(engine: Engine) -> None:
    """Have each connection of SQLite wait for other writers as long as we do."""
    if engine.dialect.name != "sqlite":
        return

    def wait(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}")

    event.listen(engine, "connect", wait)
    engine.dispose()  # those that are open already


def _refusal(error: SQLAlchemyError, db_url: str) -> str:
    """Say in one line why the database refused, without the query, and what to do."""
    if isinstance(error, ArgumentError):  # its text may have the password
        return (
            "c.CourseDirectory.db_url in nbgrader_config.py is not the address of a "
            "database; one is, for instance, sqlite:////folder/gradebook.db"
        )
    reason = first_line(getattr(error, "orig", None) or error)
    advice = next(
        (
            advice
            for advice, signs in _ADVICE.items()
            if any(sign in reason.lower() for sign in signs)
        ),
        "run again with --debug to see where",
    )
    return f"gradebook {_without_password(db_url)}: {reason}; {advice}"


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


@contextlib.contextmanager
def one_transaction(
    gradebook: Gradebook, waiting: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Make everything written to `gradebook` inside the block one transaction.

    nbgrader's calls commit as they go. Inside this block their session is joined to
    an outer transaction, where a commit only flushes; the block's end commits for
    all of them, and an exception takes all of it back. Somebody else may be writing
    (formgrader, say): that is waited for, and `waiting` is called as in
    `open_gradebook`.
    """
    ordinary = gradebook.db
    if waiting is not None:
        url = gradebook.engine.url.render_as_string(hide_password=False)
        _wait_until_free(url, waiting)
    with gradebook.engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'")
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
