"""Fill grades into the table that an instructor downloaded from a platform.

Nothing else in it changes. Which column holds the grades, and whose row is which, must
be certain: a column that a platform does not know would become a new assignment there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from autograder.errors import PeopleError
from autograder.people.names import key_of
from autograder.people.platforms import Columns, columns_of, is_person
from autograder.people.roster import Person, Roster
from autograder.people.sheets import Sheet, as_number, cell

_TITLED = re.compile(r"(.*) \((\d+)\)", re.DOTALL)  # how Canvas heads an assignment
_EXCUSED = "EX"
_KINDS = ("canvas", "moodle", "sid", "login", "email", "student")


@dataclass
class Filled:
    """What was filled into a table.

    Attributes
    ----------
    column : str
        The heading of the column.
    changed : list of (student, old, new)
        Cells that are different now.
    same : list of str
        Student ids whose cell said so already.
    excused : list of str
        Of those whom the table excuses; their cells stay.
    ungraded : list of str
        Of those in the table who have no grade; their cells stay.
    problems : list of str
        Grades and rows that could not be joined.
    """

    column: str
    changed: list[tuple[str, str, str]] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    ungraded: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def fill(
    sheet: Sheet,
    grades: Mapping[str, float],
    most: float,
    roster: Roster,
    *,
    to: str,
    title: str,
    named: bool = False,
    scale: bool = False,
) -> Filled:
    """Fill grades in, in place.

    Parameters
    ----------
    sheet : Sheet
        The table.
    grades : dict of str to float
        Points by student id.
    most : float
        Points that can be had.
    roster : Roster
        The class, by whose ids rows are found.
    to : str
        The platform: "canvas", "moodle", "gradescope" or "csv".
    title : str
        The assignment's name, or the column's heading if it is `named` so.
    named : bool
        Whether the instructor has named the column.
    scale : bool
        Convert to the table's maximum if that is another than `most`.

    Raises
    ------
    PeopleError
        If the column is not certain, or the maximum is another.
    """
    columns = columns_of(sheet)
    expected = to if to in ("canvas", "moodle") else "plain"
    if columns.platform != expected and to != "csv":
        raise PeopleError(f"{sheet.path} is no table from {to}")
    index = _column(sheet, columns, to, title, named)
    factor = _factor(sheet, columns, index, to, most, scale)
    result = Filled(sheet.header[index])
    left = dict(grades)
    done: dict[str, int] = {}
    for number, row in enumerate(sheet.rows):
        if not is_person(sheet, columns, row):
            continue
        person = _whose(row, columns, roster, number, result)
        if person is None:
            continue
        student = person.student
        if student in done:
            result.problems.append(
                f"rows {done[student]} and {number + 2} are both {student}'s"
            )
            continue
        done[student] = number + 2
        if student not in grades:
            result.ungraded.append(student)
            continue
        del left[student]
        _fill_row(sheet, row, index, grades[student] * factor, student, result)
    result.problems += [f"{student} has a grade and no row" for student in sorted(left)]
    return result


def _fill_row(
    sheet: Sheet, row: list[str], index: int, value: float, student: str, result: Filled
) -> None:
    row += [""] * (index + 1 - len(row))
    old = row[index].strip()
    if old.upper() == _EXCUSED:
        result.excused.append(student)
        return
    new = sheet.number(value)
    number = as_number(old)
    if number is not None and abs(number - value) < 5e-5:
        result.same.append(student)
        return
    row[index] = new
    result.changed.append((student, old, new))


def _whose(
    row: list[str], columns: Columns, roster: Roster, number: int, result: Filled
) -> Person | None:
    """Find whose row it is, by the ids in it; all must be of the same person."""
    ids = [
        (kind, cell(row, columns.where[kind]))
        for kind in _KINDS
        if kind in columns.where
    ]
    if columns.identifier is not None:
        digits = re.search(r"\d+\Z", cell(row, columns.identifier))
        ids.insert(0, ("moodle", digits[0] if digits else ""))
    found = [roster.by_id(kind, value) for kind, value in ids if value]
    people = {person.student: person for person in found if person}
    if len(people) == 1:
        return next(iter(people.values()))
    shown = ", ".join(f"{kind} {value}" for kind, value in ids if value)
    why = f"is of {' and of '.join(people)}" if people else "is nobody's in the roster"
    result.problems.append(f"row {number + 2} ({shown}) {why}")
    return None


# --- which column, and out of how many ------------------------------------------------


def _column(sheet: Sheet, columns: Columns, to: str, title: str, named: bool) -> int:
    """Find the column of the grades."""
    titles = [text.strip() for text in sheet.header]
    if to == "moodle" and not named:
        if columns.maximum is None:
            raise PeopleError(
                f"{sheet.path}: no column is seen to be that of the grades, before one "
                "with the maximum grade; name it by --column"
            )
        return columns.maximum - 1
    if to == "gradescope" and not named:
        title = "Total Score"
    fitting = [i for i, text in enumerate(titles) if _fits(text, title, to, named)]
    if len(fitting) == 1:
        return fitting[0]
    known = [text for text in titles if to != "canvas" or _TITLED.fullmatch(text)]
    found = "several columns fit" if fitting else "no column is called"
    raise PeopleError(
        f"{sheet.path}: {found} {title!r}; name one by --column: {', '.join(known)}"
    )


def _fits(heading: str, title: str, to: str, named: bool) -> bool:
    match = _TITLED.fullmatch(heading)
    if to == "canvas" and match is None:
        return False  # one of Canvas's own, or of nobody
    names = {heading, *(match.groups() if match else ())}
    if named:
        return title in names
    return key_of(title) in map(key_of, names)


def _factor(
    sheet: Sheet, columns: Columns, index: int, to: str, most: float, scale: bool
) -> float:
    """Compare the table's maximum with ours, and say by what to multiply."""
    theirs = _maximum(sheet, columns, index, to)
    if theirs is None or abs(theirs - most) < 1e-9:
        return 1.0
    if not scale or most <= 0:
        raise PeopleError(
            f"{sheet.path} has {theirs:g} as the most for {sheet.header[index]!r}, the "
            f"assignment has {most:g} points; change it on the platform, or convert "
            "by --scale"
        )
    return theirs / most


def _maximum(sheet: Sheet, columns: Columns, index: int, to: str) -> float | None:
    if to == "canvas":
        for row in sheet.rows:
            if cell(row, columns.where["name"]) == "Points Possible":
                return as_number(cell(row, index))
        return None
    if to == "moodle" and columns.maximum == index + 1:
        return as_number(cell(sheet.rows[0], columns.maximum))
    if to == "gradescope" and "Max Points" in sheet.header:
        numbers = {as_number(t) for t in sheet.column(sheet.header.index("Max Points"))}
        numbers.discard(None)
        return numbers.pop() if len(numbers) == 1 else None
    return None
