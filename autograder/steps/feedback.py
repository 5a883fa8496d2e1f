"""Write the pages that students read: points, what each check said, their notebook.

A page says what the run ended with, and for each item its status, its points, what the
check's author wrote for students, and what the instructor added by hand. Below stands
the student's own notebook with its outputs.

A page never holds the text of a hidden test, a traceback through one, or anything else
that a test cell printed: of a test cell it shows the part that was handed out, taken
from the handout, and the message that the gradebook keeps. An output of
another cell that repeats a line of a hidden test is left out. What the student wrote
is made harmless by `autograder.safe_html`.

Beside the pages lie ``timestamp.txt`` and ``submission_secret.txt`` of the submission
that was graded, by which ``nbgrader release_feedback`` puts each page under its own
submission in the exchange. What did not come through the exchange gets a secret that
nobody knows, so that the others can be released.

`PageExporter` is what ``nbgrader_config.py`` names, so that ``nbgrader
generate_feedback`` and formgrader's button make the same pages, byte for byte.
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from traitlets import default

from autograder import safe_html
from autograder.course import Course, course_of
from autograder.errors import CourseError
from autograder.gradebook import database, records
from autograder.pages.feedback import PageMaker
from autograder.submission.files import (
    SECRET,
    TIMESTAMP,
    read_secret,
    read_timestamp,
    timestamp_of,
)

_NOBODYS = "not-from-the-exchange-"  # so a secret begins that no student has


@dataclass
class Feedback:
    """What `feedback` did.

    Attributes
    ----------
    written : list of Path
        Pages that were new or had changed.
    unchanged : list of Path
        Pages that were up to date.
    not_graded : list of str
        Students who handed something in that has not been graded yet.
    not_from_exchange : list of str
        Students whose submission did not come through nbgrader's exchange, if others'
        did: `nbgrader release_feedback` does not bring them their pages.
    """

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    not_graded: list[str] = field(default_factory=list)
    not_from_exchange: list[str] = field(default_factory=list)


def feedback(
    course: Course, assignment: str, students: list[str] | None = None
) -> Feedback:
    """Write a page for every graded notebook of an assignment.

    Parameters
    ----------
    course : Course
        The course to read from and to write to.
    assignment : str
        The assignment's name.
    students : list of str, optional
        Whose pages to write; everybody's by default.

    Raises
    ------
    CourseError
        If there is no such assignment, or no such student.
    """
    result = Feedback()
    maker = PageMaker(course, assignment)
    with database.open_gradebook(
        course.db_url, course.directory.course_id
    ) as gradebook:
        runs = records.runs_by_notebook(gradebook, assignment)
        graded = {run.student for run in runs}
        wanted = _wanted(course, assignment, graded, students)
        result.not_graded = sorted(wanted - graded)
        for run in runs:
            if run.student not in wanted or run.notebook not in maker.outlines:
                continue
            path = _page_of(course, run)
            changed = safe_html.write(path, maker.page(gradebook, run))
            (result.written if changed else result.unchanged).append(path)
    result.not_from_exchange = _stamp(course, assignment, graded, graded & wanted)
    return result


def _stamp(
    course: Course, assignment: str, graded: set[str], wanted: set[str]
) -> list[str]:
    """Put beside the pages what releases them; give those who have no secret.

    It is that of the graded submission: a later one, not graded yet, has no page. Where
    nothing came through the exchange, there is nothing to release and no such file.
    """
    known = {
        student: read_secret(course.autograded_folder(student, assignment))
        for student in graded
    }
    in_use = any(known.values())
    for student in sorted(wanted):
        folder = course.feedback_folder(student, assignment)
        if not in_use:
            for name in (TIMESTAMP, SECRET):
                (folder / name).unlink(missing_ok=True)
            continue
        secret = known[student]
        if not secret:
            before = read_secret(folder)
            fresh = _NOBODYS + secrets.token_hex(32)
            secret = before if before.startswith(_NOBODYS) else fresh
        when = read_timestamp(course.autograded_folder(student, assignment))[0]
        safe_html.write(folder / SECRET, secret)
        safe_html.write(folder / TIMESTAMP, timestamp_of(when))
    return sorted(name for name in wanted if in_use and not known[name])


class PageExporter(Exporter):
    """Makes the pages of `feedback` for nbgrader's own converter.

    nbgrader's pages show each test cell as it ran, with its hidden part. Set in
    ``nbgrader_config.py``::

        c.GenerateFeedback.exporter_class = "autograder.feedback.PageExporter"
    """

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **_: Any
    ) -> tuple[str, dict[str, Any]]:
        """Make the page of one graded notebook, which nbgrader then writes.

        Raises
        ------
        CourseError
            If there is no verdict on it, so that nothing is known of its tests.
        """
        where = resources["nbgrader"]
        assignment, student = where["assignment"], where["student"]
        course = course_of(self.parent.coursedir)
        maker = PageMaker(course, assignment, student)
        with database.open_gradebook(
            course.db_url, course.directory.course_id
        ) as gradebook:
            for run in records.runs_by_notebook(gradebook, assignment, student):
                if run.notebook == where["notebook"]:
                    break
            else:
                raise CourseError(
                    f"{filename} was not graded in the sandbox, so there is no page "
                    f"for it; run `autograder grade {assignment}` first"
                )
            page = maker.page(gradebook, run)
        return page, {**resources, "output_extension": self.file_extension}


def _wanted(
    course: Course, assignment: str, graded: set[str], students: list[str] | None
) -> set[str]:
    everybody = graded | set(course.students(assignment))
    if students is None:
        return everybody
    for student in students:
        if student not in everybody:
            raise CourseError(
                f"no submission of {assignment!r} by {student!r} in "
                f"{course.submitted}; check the spelling"
            )
    return set(students)


def _page_of(course: Course, run: records.StoredRun) -> Path:
    """Name the page of a run; refuse a name that would lead elsewhere."""
    for name in (run.student, run.assignment, run.notebook):
        if name in {"", ".", ".."} or "/" in name or "\\" in name or "\0" in name:
            raise CourseError(
                f"{name!r} in the gradebook cannot name a file; rename it there"
            )
    return course.feedback_page(run.student, run.assignment, run.notebook)
