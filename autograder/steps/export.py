"""Fill grades into the table that a learning platform gave, and pack pages for it.

The table is the one that the instructor downloaded, so that its rows and columns are
those that the platform knows. A new file is written; the old one stays.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Course
from autograder.errors import PeopleError
from autograder.gradebook import database, records
from autograder.gradebook.scores import points
from autograder.people.filling import Filled, fill
from autograder.people.names import first_and_last
from autograder.people.roster import Roster, read_roster
from autograder.people.sheets import Sheet, read_sheet

TARGETS = ("canvas", "moodle", "gradescope", "csv")
_MOODLES_FOLDER = "assignfeedback_file_"


@dataclass
class Exported:
    """What `export` did.

    Attributes
    ----------
    written : list of Path
        The table, and the archive of pages.
    filled : Filled or None
        What changed in the table; None if one was made.
    by_hand : list of str
        Student ids of those of whom something is to be graded by hand yet.
    not_packed : list of str
        Of those whose pages are not in the archive, with the reason.
    stopped : bool
        Whether nothing was written because of the table's problems.
    """

    written: list[Path] = field(default_factory=list)
    filled: Filled | None = None
    by_hand: list[str] = field(default_factory=list)
    not_packed: list[str] = field(default_factory=list)
    stopped: bool = False


def export(
    course: Course,
    assignment: str,
    to: str,
    sheet: Path | str | None = None,
    *,
    column: str | None = None,
    out: Path | str | None = None,
    feedback: bool = False,
    scale: bool = False,
    partial: bool = False,
) -> Exported:
    """Fill in a platform's table, and with `feedback` pack the pages for it.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str
        The assignment's name.
    to : str
        One of `TARGETS`.
    sheet : Path or str, optional
        The table that was downloaded; for "csv" one is made without it.
    column : str, optional
        The heading of the grades' column; by default that of the assignment's name.
    out : Path or str, optional
        Where the table is written; by default in ``reports/export/``.
    feedback : bool
        Make the archive of pages, too.
    scale : bool
        Convert to the table's maximum, if that is another.
    partial : bool
        Write the table although some grades or rows cannot be joined.

    Raises
    ------
    PeopleError
        If something is missing, or it is not certain which column is meant.
    """
    course.notebook_names(assignment)  # raises for an unknown one
    if to not in TARGETS:
        raise PeopleError(f"--to takes one of {', '.join(TARGETS)}, not {to!r}")
    if feedback and to == "gradescope":
        raise PeopleError("Gradescope takes no pages back; leave --feedback out")
    if sheet is None and to != "csv" and not feedback:
        raise PeopleError(f"--sheet FILE: the table that you downloaded from {to}")
    grades, most, by_hand = _grades(course, assignment)
    roster = read_roster(course.roster)
    result = Exported(by_hand=by_hand)
    if sheet is not None or to == "csv":
        target = Path(out) if out else course.exported(f"{assignment}-{to}.csv")
        if sheet is None:
            table = _new_table(target, roster, grades, most)
        else:
            table = read_sheet(Path(sheet))
            if target.resolve() == Path(sheet).resolve():
                raise PeopleError(
                    f"{target} would replace the table; give another --out"
                )
            result.filled = fill(
                table,
                grades,
                most,
                roster,
                to=to,
                title=column or assignment,
                named=column is not None,
                scale=scale,
            )
            result.stopped = bool(result.filled.problems) and not partial
        if result.stopped:
            return result
        table.write(target)
        result.written.append(target)
    if feedback:
        _pack(course, assignment, to, set(grades), result)
    return result


def _grades(
    course: Course, assignment: str
) -> tuple[dict[str, float], float, list[str]]:
    """Read points of all who are graded, the most, and who is to be graded by hand."""
    graded = {run.student for run in records.runs(course, assignment)}
    if not graded:
        raise PeopleError(
            f"nobody has been graded yet; run `autograder grade {assignment}`"
        )
    with database.open_gradebook(
        course.db_url, course.directory.course_id
    ) as gradebook:
        found = points(gradebook, assignment)
        entry = gradebook.find_assignment(assignment)
        by_hand = [s.student.id for s in entry.submissions if s.needs_manual_grade]
        most = entry.max_score
    grades = {student: found[student] for student in sorted(graded & found.keys())}
    return grades, most, sorted(graded & set(by_hand))


def _new_table(
    path: Path, roster: Roster, grades: dict[str, float], most: float
) -> Sheet:
    """Make a table of one's own: ids, names, points."""
    rows = []
    for student, value in grades.items():
        person = roster.by_id("student", student)
        first, last = first_and_last(person.name) if person else ("", "")
        email = person.email if person else ""
        rows.append([student, last, first, email, f"{value:g}", f"{most:g}"])
    header = ["student", "last_name", "first_name", "email", "points", "max_points"]
    return Sheet(path, header, rows)


# --- pages ----------------------------------------------------------------------------


def _pack(
    course: Course,
    assignment: str,
    to: str,
    students: set[str],
    result: Exported,
) -> None:
    """Make the archive of pages, under the names by which the platform knows them."""
    path = course.collected_notes(assignment)
    came = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    target = course.exported(f"{assignment}-{to}-feedback.zip")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for student in sorted(students):
            pages = list(_pages(course, assignment, student))
            if not pages:
                result.not_packed.append(
                    f"{student}: no page; run `autograder feedback {assignment}`"
                )
                continue
            for page in pages:
                name = _name_for(to, student, page, came.get(student))
                if name is None:
                    result.not_packed.append(
                        f"{student}: it is not known under which name the submission "
                        f"came from {to}"
                    )
                    break
                archive.write(page, name)
    unfinished.replace(target)
    result.written.append(target)


def _pages(course: Course, assignment: str, student: str) -> Iterator[Path]:
    for notebook in course.notebook_names(assignment):
        page = course.feedback_page(student, assignment, notebook)
        if page.is_file() and not page.is_symlink():
            yield page


def _name_for(to: str, student: str, page: Path, came: dict | None) -> str | None:
    """Name a page as the platform will recognise it; None if that is not known."""
    if to == "csv":
        return f"{student}/{page.name}"
    known = came if came and came["platform"] == to else None
    if to == "canvas":
        if known is None:
            return None
        names = known["names"]
        own = names.get(f"{page.stem}.ipynb")
        stem = re.sub(r"\.[A-Za-z0-9]{1,5}\Z", "", own or known["came"])
        return f"{stem}.html" if own else f"{stem}-{page.stem}.html"
    if known:
        folder = known["came"].partition("_assignsubmission_file")[0]
        return f"{folder}_{_MOODLES_FOLDER}/{page.name}"
    return None
