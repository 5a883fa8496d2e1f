"""Read people from the tables that learning platforms give.

Canvas's headings are always English. Moodle's follow the teacher's language, so its
columns are found by what stands in them. All others are found by their headings.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from autograder.errors import PeopleError
from autograder.people.names import key_of, slug_of
from autograder.people.roster import IDS, Person, folded, is_student_id
from autograder.people.sheets import Sheet, as_number, cell

# Headings, as `key_of` gives them, of the columns that tables other than Canvas's and
# Moodle's worksheets have.
_HEADINGS = {
    "student": ("student", "studentid", "id"),
    "name": ("name", "fullname", "studentname"),
    "first": ("firstname", "givenname", "first"),
    "last": ("lastname", "surname", "familyname", "last"),
    "email": ("email", "emailaddress", "mail"),
    "section": ("section", "sections"),
    "group": ("group", "groups", "team"),
    "role": ("role",),
    "sid": ("sid", "idnumber", "sisuserid", "studentnumber", "orgdefinedid"),
    "login": ("login", "username", "userid", "sisloginid"),
    **{kind: (kind,) for kind in ("canvas", "moodle", "brightspace", "anonymous")},
}
KINDS = tuple(_HEADINGS)
_CANVAS = {
    "Student": "name",
    "ID": "canvas",
    "SIS User ID": "sid",
    "SIS Login ID": "login",
    "Section": "section",
}
_PARTICIPANT = re.compile(r"(\D*\D) ?(\d+)")
_TEST_LOGIN = re.compile("[0-9a-f]{40}")  # of Canvas's test student
# Which of a person's ids becomes the student id, the first that all of a table have.
_PREFERRED = ("student", "login", "sid", "email", "canvas")


@dataclass(frozen=True)
class Columns:
    """Which columns a platform's table has.

    Attributes
    ----------
    platform : str
        "canvas", "moodle" or "plain".
    where : dict of str to int
        Columns by what stands in them: a name of `KINDS`, ``handed_in``.
    identifier : int or None
        In Moodle's worksheet, the column with "Participant 123".
    maximum : int or None
        There, the column with the most that can be had; the grade stands before it.
    """

    platform: str
    where: dict[str, int]
    identifier: int | None = None
    maximum: int | None = None


def columns_of(sheet: Sheet, named: dict[str, str] | None = None) -> Columns:
    """Find out whose table it is, and its columns.

    Parameters
    ----------
    sheet : Sheet
        The table.
    named : dict of str to str, optional
        Headings by kind, as the instructor says.

    Raises
    ------
    PeopleError
        If a heading that was named is not there.
    """
    titles = [title.strip() for title in sheet.header]
    if {"Student", "ID", "Section"} <= set(titles):
        where = {kind: titles.index(t) for t, kind in _CANVAS.items() if t in titles}
        found = Columns("canvas", where)
    elif _is_worksheet(sheet):
        found = _worksheet(sheet)
    else:
        keys = [key_of(title) for title in titles]
        where = {}
        for kind, headings in _HEADINGS.items():
            fitting = [index for index, key in enumerate(keys) if key in headings]
            if fitting:
                where[kind] = fitting[0]
        found = Columns("plain", where)
    for kind, title in (named or {}).items():
        if kind not in KINDS:
            raise PeopleError(
                f"no kind of column {kind!r}; there is {', '.join(KINDS)}"
            )
        if title not in titles:
            raise PeopleError(f"{sheet.path} has no column {title!r}")
        found.where[kind] = titles.index(title)
    return found


def is_person(sheet: Sheet, columns: Columns, row: list[str]) -> bool:
    """Tell whether a row is a student's.

    Canvas's table has rows of its own, such as the points possible, and a test student;
    tables with roles have staff.
    """
    if not any(text.strip() for text in row):
        return False
    if columns.platform == "canvas":
        school = columns.where.get("sid"), columns.where.get("login")
        texts = [cell(row, index) for index in school if index is not None]
        real = any(text and not _TEST_LOGIN.fullmatch(text) for text in texts)
        test = cell(row, columns.where["name"]) in {"Student, Test", "Test Student"}
        return bool(cell(row, columns.where["canvas"])) and (real or not test)
    if (role := columns.where.get("role")) is not None:
        return "student" in cell(row, role).casefold() or not cell(row, role)
    return True


def people_of(
    sheet: Sheet, named: dict[str, str] | None = None, by: str | None = None
) -> list[Person]:
    """Read the people of a table; `by` is the kind of id that becomes the student id.

    Raises
    ------
    PeopleError
        If it has nobody, or nothing by which all of them can be told apart.
    """
    columns = columns_of(sheet, named)
    rows = [row for row in sheet.rows if is_person(sheet, columns, row)]
    if not rows:
        raise PeopleError(f"{sheet.path} has no students")
    drafts = [_draft(row, columns) for row in rows]
    ids = _student_ids(drafts, by, sheet)
    return [
        Person(**{**draft, "student": student})
        for draft, student in zip(drafts, ids, strict=True)
    ]


def _draft(row: list[str], columns: Columns) -> dict:
    """Read a row: what `Person` takes, the student id still being what is given."""
    texts = {kind: cell(row, index) for kind, index in columns.where.items()}
    name = texts.get("name", "")
    if not name and (texts.get("first") or texts.get("last")):
        name = f"{texts.get('last', '')}, {texts.get('first', '')}".strip(" ,")
    ids = {k: tuple(texts[k].split("|")) for k in IDS if texts.get(k)}
    if columns.identifier is not None:
        number = _PARTICIPANT.fullmatch(cell(row, columns.identifier))[2]
        ids["moodle"] = (number,)
    own = ("email", "section", "group", "student", "handed_in")
    return {"name": name, "ids": ids, **{kind: texts.get(kind, "") for kind in own}}


def _student_ids(drafts: list[dict], by: str | None, sheet: Sheet) -> list[str]:
    """Choose the ids: of the kind asked for, else the first that all have."""

    def of_kind(kind: str) -> list[str]:
        if kind in IDS:
            return [(draft["ids"].get(kind) or ("",))[0] for draft in drafts]
        return [draft.get(kind, "") for draft in drafts]

    ways: dict[str, Callable[[], list[str]]] = {
        kind: (lambda kind=kind: of_kind(kind)) for kind in _PREFERRED
    }
    ways["name"] = lambda: [slug_of(draft["name"]) for draft in drafts]
    ways["moodle"] = lambda: [
        f"participant-{number}" if number else "" for number in of_kind("moodle")
    ]
    if by is not None and by not in ways:
        raise PeopleError(f"--id takes one of {', '.join(ways)}, not {by!r}")
    if by is None and any(draft["student"] for draft in drafts):
        by = "student"
    for kind in ways if by is None else [by]:
        ids = ways[kind]()
        if all(map(is_student_id, ids)) and len(set(map(folded, ids))) == len(ids):
            return ids
    what = f"column {by!r}" if by else "column"
    raise PeopleError(
        f"{sheet.path} has no {what} by which all {len(drafts)} students can be told "
        "apart and that can name a folder; add one, with the heading student"
    )


# --- Moodle's worksheet, in any language ----------------------------------------------


def _is_worksheet(sheet: Sheet) -> bool:
    """Tell whether the first column is "Participant 123", in whatever language.

    Ids of other tables may look like that too: their headings are known.
    """
    if key_of(sheet.header[0]) in {key for keys in _HEADINGS.values() for key in keys}:
        return False
    matches = [_PARTICIPANT.fullmatch(text) for text in sheet.column(0)]
    return (
        bool(matches)
        and all(matches)
        and len({match[1] for match in matches}) == 1
        and len({match[2] for match in matches}) == len(matches)
    )


def _worksheet(sheet: Sheet) -> Columns:
    """Find the columns of Moodle's grading worksheet.

    They are: identifier, full name, what identifies users there, status, perhaps a
    group, grade, maximum, whether it can be changed, times, comments. Where marking is
    blind, names and what identifies users are left out.
    """
    width = len(sheet.header)
    columns = [sheet.column(index) for index in range(width)]
    maximum = next((i for i in range(2, width) if _is_maximum(columns, i)), None)
    keys = [key_of(title) for title in sheet.header]
    where = {}
    before = range(1, (maximum or width) - 1)
    for kind in ("name", "email", "sid", "login", "group"):
        fitting = [i for i in before if keys[i] in _HEADINGS[kind]]
        if fitting:
            where[kind] = fitting[0]
    mails = [i for i in before if all("@" in text for text in columns[i])]
    if mails:
        where.setdefault("email", mails[0])
    named = len(before) >= 2 and keys[1] != "status" and _are_names(columns[1])
    if "name" not in where and named:
        where["name"] = 1
    if "lastmodifiedsubmission" in keys:
        where["handed_in"] = keys.index("lastmodifiedsubmission")
    return Columns("moodle", where, identifier=0, maximum=maximum)


def _is_maximum(columns: list[list[str]], index: int) -> bool:
    """Tell whether a column has one number throughout, and grades stand before it."""
    numbers = {as_number(text) for text in columns[index]}
    if len(numbers) != 1 or not (most := numbers.pop()):
        return False
    grades = [as_number(text) for text in columns[index - 1] if text not in {"", "-"}]
    return all(grade is not None and grade <= 2 * most for grade in grades)


def _are_names(texts: list[str]) -> bool:
    """Tell names from states of submissions, of which there are few in a class."""
    return all(text and not any(map(str.isdigit, text)) for text in texts) and len(
        set(texts)
    ) > 0.8 * len(texts)
