"""The people of a class: their ids here and on the platforms, and how one is found.

A person has one student id, which names the folder in ``submitted/`` and the student in
nbgrader's gradebook, and any number of ids elsewhere. Two people never share an id.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.errors import PeopleError
from autograder.people.names import forms_of, key_of
from autograder.people.sheets import Sheet, cell, read_sheet

# The kinds of ids, which are the columns of roster.csv after the person's own.
IDS = ("sid", "login", "canvas", "moodle", "brightspace", "anonymous")
COLUMNS = ("student", "name", "email", "section", "group", *IDS)
LONGEST_ID = 128  # characters, as in the gradebook
_SEVERAL = "|"  # between the ids of one kind
_NO_STUDENT = set("+*?[]{},:;|<>\"'\\/$`")


@dataclass(frozen=True)
class Person:
    """One student.

    Attributes
    ----------
    student : str
        The id here.
    name, email, section, group : str
        Empty if unknown.
    ids : dict of str to tuple of str
        By kind: ``sid`` is the number that the school gives, ``login`` the name for
        logging in, ``moodle`` the numbers of participants, one for each assignment;
        the others are the platforms' own.
    handed_in : str
        When, as a sheet of one assignment has it; not kept in the roster.
    """

    student: str
    name: str = ""
    email: str = ""
    section: str = ""
    group: str = ""
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    handed_in: str = ""

    def known_as(self) -> set[tuple[str, str]]:
        """Give the person's ids, as kind and value; case does not matter."""
        pairs = {(kind, one) for kind, values in self.ids.items() for one in values}
        pairs |= {("student", self.student), ("email", self.email)}
        return {(kind, folded(one)) for kind, one in pairs if one}


def folded(text: str) -> str:
    """Write an id such that ids which some disk takes for one are the same."""
    return unicodedata.normalize("NFC", text.strip()).casefold()


def is_student_id(text: str) -> bool:
    """Tell whether nbgrader and a disk can take a text for a student's id."""
    return (
        bool(text)
        and text.isprintable()
        and text == text.strip()
        and not text.startswith(".")
        and len(text) <= LONGEST_ID
        and not _NO_STUDENT & set(text)
    )


class Roster:
    """All people of a class, found by id, by name or by group."""

    def __init__(self, people: Iterable[Person] = ()) -> None:
        """Take the people.

        Raises
        ------
        PeopleError
            If two share an id, or a student id cannot be one.
        """
        self.people = sorted(people, key=lambda person: person.student)
        self._by_id: dict[tuple[str, str], Person] = {}
        self._by_name: dict[str, list[Person]] = defaultdict(list)
        self._by_group: dict[str, list[Person]] = defaultdict(list)
        for person in self.people:
            self._add(person)

    def _add(self, person: Person) -> None:
        if not is_student_id(person.student):
            raise PeopleError(
                f"{person.student!r} ({person.name}) cannot be a student's id: it "
                f"takes none of {''.join(sorted(_NO_STUDENT))}, no leading dot, at "
                f"most {LONGEST_ID} characters; give another column with --id"
            )
        for kind, one in person.known_as():
            other = self._by_id.setdefault((kind, one), person)
            if other is not person:
                raise PeopleError(
                    f"{other.student} ({other.name}) and {person.student} "
                    f"({person.name}) have the same {kind}, {one!r}; mend the table"
                )
        for form in forms_of(person.name):
            self._by_name[form].append(person)
        if person.group:
            self._by_group[key_of(person.group)].append(person)

    def by_id(self, kind: str, value: str) -> Person | None:
        """Find who has an id."""
        return self._by_id.get((kind, folded(value)))

    def by_name(self, name: str) -> list[Person]:
        """Find all who may be called so."""
        found = {p.student: p for f in forms_of(name) for p in self._by_name.get(f, [])}
        return list(found.values())

    def by_group(self, group: str) -> list[Person]:
        """Find the members of a group."""
        return list(self._by_group.get(key_of(group), [])) if key_of(group) else []

    def knows(self, kind: str) -> bool:
        """Tell whether anybody has an id of a kind."""
        return any(kind == known for known, _ in self._by_id)


# --- the file -------------------------------------------------------------------------


def read_roster(path: Path) -> Roster:
    """Read ``roster.csv``; an absent one has nobody.

    Raises
    ------
    PeopleError
        If it has no column ``student``, or people who cannot be told apart.
    """
    if not path.is_file():
        return Roster()
    sheet = read_sheet(path)
    titles = [title.strip() for title in sheet.header]
    if "student" not in titles:
        raise PeopleError(
            f"{path} has no column student; make it by `autograder roster`"
        )
    where = {name: titles.index(name) for name in COLUMNS if name in titles}
    people = []
    for row in sheet.rows:
        texts = {name: cell(row, index) for name, index in where.items()}
        ids = {
            kind: tuple(one.strip() for one in texts[kind].split(_SEVERAL))
            for kind in IDS
            if texts.get(kind)
        }
        own = {name: text for name, text in texts.items() if name not in IDS}
        if any(texts.values()):
            people.append(Person(**own, ids=ids))
    return Roster(people)


def write_roster(roster: Roster, path: Path) -> None:
    """Write ``roster.csv``."""
    rows = []
    for person in roster.people:
        own = [person.student, person.name, person.email, person.section, person.group]
        rows.append([*own, *(_SEVERAL.join(person.ids.get(kind, ())) for kind in IDS)])
    Sheet(path, list(COLUMNS), rows).write(path)


# --- putting two together -------------------------------------------------------------


@dataclass
class Merged:
    """What became of a roster: it, and the student ids of whom it changed."""

    roster: Roster
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # not in what was added


def merge(roster: Roster, people: list[Person]) -> Merged:
    """Add people to a roster: by their ids, else by a name that nobody else has.

    Raises
    ------
    PeopleError
        If it is not clear who somebody is.
    """
    names: dict[str, int] = defaultdict(int)
    for person in people:
        for form in forms_of(person.name):
            names[form] += 1
    found: dict[str, Person] = {}
    result = Merged(roster)
    for person in people:
        there = _same_person(roster, person, names)
        if there is None:
            result.new.append(person.student)
            found[person.student] = person
            continue
        if there.student in found:
            raise PeopleError(
                f"two rows fit {there.student} ({there.name}): {person.name}; mend the "
                "table"
            )
        joined = _joined(there, person)
        kept = replace(joined, handed_in="") == replace(there, handed_in="")
        (result.same if kept else result.changed).append(there.student)
        found[there.student] = joined
    result.absent = [p.student for p in roster.people if p.student not in found]
    stay = [person for person in roster.people if person.student in result.absent]
    result.roster = Roster([*stay, *found.values()])
    return result


def _same_person(
    roster: Roster, person: Person, names: dict[str, int]
) -> Person | None:
    """Find a person in the roster by an id, else by the name if that is sure."""
    ids = person.known_as() - {("student", folded(person.student))}
    matches = [roster.by_id(kind, one) for kind, one in sorted(ids)]
    found = {match.student: match for match in matches if match}
    if len(found) > 1:
        raise PeopleError(
            f"{person.name or person.student} has ids of {' and of '.join(found)}; "
            "mend the table or roster.csv"
        )
    if found:
        return next(iter(found.values()))
    if same := roster.by_id("student", person.student):
        if (
            person.name
            and same.name
            and not forms_of(person.name) & forms_of(same.name)
        ):
            raise PeopleError(
                f"{person.student} would be {person.name}, and is {same.name} in "
                "roster.csv; mend one of them"
            )
        return same
    called = roster.by_name(person.name)
    alone = all(names[form] == 1 for form in forms_of(person.name))
    able = [other for other in called if not _contradict(other, person)]
    if not able:
        return None
    if len(called) > 1 or not alone:
        raise PeopleError(
            f"{person.name} may be any of {', '.join(p.student for p in called)}, and "
            "no id says which; add a column with ids or e-mails to the table"
        )
    return able[0]


def _contradict(one: Person, other: Person) -> bool:
    """Tell whether two have different ids of a kind of which a person has only one."""
    pairs = [(one.ids.get(k, ()), other.ids.get(k, ())) for k in IDS if k != "moodle"]
    pairs.append((folded(one.email).split(), folded(other.email).split()))
    return any(a and b and not set(a) & set(b) for a, b in pairs)


def _joined(there: Person, new: Person) -> Person:
    ids = dict(there.ids)
    for kind, values in new.ids.items():
        old = ids.get(kind, ()) if kind == "moodle" else ()
        ids[kind] = tuple(dict.fromkeys([*old, *values]))
    return Person(
        student=there.student,
        name=new.name or there.name,
        email=new.email or there.email,
        section=new.section or there.section,
        group=new.group or there.group,
        ids=ids,
        handed_in=new.handed_in or there.handed_in,
    )
