"""What grading an assignment's own solution showed: which tests can be protected."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

from nbgrader.api import Gradebook
from sqlalchemy import delete, insert, select

from autograder.assignment.notebook import AssignmentNotebook
from autograder.assignment.protect import find_unprotected
from autograder.assignment.source import ENVIRONMENT
from autograder.course import Course
from autograder.gradebook.database import reference_table
from autograder.runner import Job, RunResult
from autograder.texts import some_of

# ---------------------------------------------------------------------- reading


def read_unprotected(
    gradebook: Gradebook, assignment: str, notebook: str, fingerprint: str
) -> frozenset[str] | None:
    """Read which tests run in the student's process; None if that is not known yet.

    A solution that did not pass is to be tried again: the machine may have been busy.
    """
    query = select(reference_table.c.unprotected).where(
        reference_table.c.assignment == assignment,
        reference_table.c.notebook == notebook,
        reference_table.c.fingerprint == fingerprint,
        reference_table.c.failing == json.dumps([]),
    )
    found = gradebook.db.execute(query).scalar()
    return None if found is None else frozenset(json.loads(found))


def warnings(gradebook: Gradebook, course: Course, assignment: str) -> list[str]:
    """Say, a line each, what makes the grades of a whole class doubtful.

    That is a solution of the instructor's that does not pass its own tests.
    """
    rows = gradebook.db.execute(
        select(reference_table.c.failing)
        .where(
            reference_table.c.assignment == assignment,
            reference_table.c.notebook.in_(course.notebook_names(assignment)),
        )
        .order_by(reference_table.c.notebook)
    ).scalars()
    failing = [grade_id for row in rows for grade_id in json.loads(row)]
    if not failing:
        return []
    where = f"{course.directory.source_directory}/{assignment}"
    return [
        f"the solution in {where} does not pass {some_of(failing)}; "
        f"run `autograder check {assignment}`"
    ]


# ------------------------------------------------------------ finding and writing


def find_protection(
    gradebook: Gradebook,
    notebook: AssignmentNotebook,
    run: Callable[[Job], RunResult],
    *,
    again: bool = False,
) -> None:
    """Find how the tests of a notebook are run; keep it there and in the gradebook.

    The first time for each state of the source and of the limits, and for as long as it
    does not pass, the reference solution is graded.

    Parameters
    ----------
    gradebook : Gradebook
        Open, with our tables.
    notebook : AssignmentNotebook
        The notebook, whose `protection` is set.
    run : callable
        Runs the reference solution.
    again : bool
        Grade the reference solution also if what the gradebook has still holds.
    """
    where = notebook.assignment.name, notebook.name
    fingerprint = notebook.fingerprint
    known = None if again else read_unprotected(gradebook, *where, fingerprint)
    if known is not None:
        notebook.protection = replace(notebook.protection, unprotected=known)
        return
    notebook.protection, failing = find_unprotected(
        notebook.source,
        notebook.protection,
        notebook.assignment.limits,
        ENVIRONMENT,
        run,
    )
    unprotected = notebook.protection.unprotected
    keep_reference(gradebook, *where, fingerprint, unprotected, failing)


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
        delete(reference_table).where(
            *(reference_table.c[k] == v for k, v in where.items())
        )
    )
    row = {
        **where,
        "fingerprint": fingerprint,
        "unprotected": json.dumps(sorted(unprotected)),
        "failing": json.dumps(sorted(failing)),
    }
    gradebook.db.execute(insert(reference_table).values(**row))
    gradebook.db.commit()
