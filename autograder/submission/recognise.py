"""Find out who handed in what: the names in an archive, and the roster.

An id decides; where a name stands beside it, the two must agree. A name decides alone
if nobody else in the roster may be called so. Everything else is a problem, which the
instructor solves, and never a guess.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import PurePosixPath

from autograder.errors import CollectError
from autograder.people.names import forms_of
from autograder.people.roster import Person, Roster, is_student_id
from autograder.submission.archives import HandedInFile
from autograder.submission.layouts import Found, stem_of
from autograder.submission.platforms import Claim, Claims, Clue, people_with

_REPEATED = re.compile(r"(.+)-\d{1,3}\.ipynb")  # how Canvas names what comes again
_MOODLE_TIMES = ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M")


class NotSureError(Exception):
    """It is not clear who is meant; the message says why."""


@dataclass
class Attempt:
    """One submission of one person.

    Attributes
    ----------
    student, assignment : str
        Whose, of what.
    came : str
        Its name in the archive.
    by : str
        By what the person was recognised.
    when : datetime or None
        When it was handed in.
    late : bool
        Whether the platform says that it is late.
    files : dict of str to HandedInFile
        By the name in the submission.
    names : dict of str to str
        Their names in the archive.
    earlier : list of Attempt
        What the person handed in before, and what a later file took the place of.
    """

    student: str
    assignment: str
    came: str
    by: str
    when: datetime | None = None
    late: bool = False
    files: dict[str, HandedInFile] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    order: tuple[int, ...] = ()
    earlier: list["Attempt"] = field(default_factory=list)


@dataclass
class Recognised:
    """Who was recognised, and in which names nobody was, with the reason."""

    platform: str
    attempts: list[Attempt] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


# --- who is it ------------------------------------------------------------------------


def who_is(claim: Claim, roster: Roster) -> tuple[list[Person], str]:
    """Find the person a claim is about, or the members of the group; say by what.

    Raises
    ------
    NotSureError
        If it may be nobody, or several who are no group.
    """
    found: dict[str, tuple[Person, str]] = {}
    for clue in claim.clues:
        by_id = roster.by_id(clue.kind, clue.value)
        people = people_with(roster, clue.value) if clue.kind == "any" else [by_id]
        for person in people:
            if person is not None:
                what = "id" if clue.kind == "any" else clue.kind
                found.setdefault(person.student, (person, f"{what} {clue.value}"))
    if len(found) > 1:
        raise NotSureError(f"its ids are those of {' and of '.join(sorted(found))}")
    if not found:
        return _by_name(claim, roster)
    person, by = next(iter(found.values()))
    if not claim.name or not person.name or _agree(claim, person):
        return [person], by
    group = roster.by_group(claim.name)
    if group and person in group:
        return group, f"{by}, group {claim.name}"
    raise NotSureError(
        f"its {by} is {person.student}'s ({person.name}), the name is not; if that is "
        "a group's, name the group in the column group of roster.csv, else correct the "
        "column name there"
    )


def _names_in(claim: Claim) -> list[str]:
    """Give the names that a claim may mean: Moodle writes ``<group>-<full name>``."""
    pieces = claim.name.split("-")
    if not any(clue.kind == "moodle" for clue in claim.clues):
        return [claim.name]
    return ["-".join(pieces[begin:]) for begin in range(len(pieces))]


def _agree(claim: Claim, person: Person) -> bool:
    ids = {clue.value for clue in claim.clues if clue.kind == "any"}
    forms = forms_of(person.name)
    return claim.name in ids or any(forms_of(name) & forms for name in _names_in(claim))


def _by_name(claim: Claim, roster: Roster) -> tuple[list[Person], str]:
    names = _names_in(claim) if claim.name else []
    called = {p.student: p for name in names for p in roster.by_name(name)}
    group = roster.by_group(claim.name) if claim.name else []
    if len(called) + bool(group) > 1:
        who = ", ".join(sorted({*called, *(p.student for p in group)}))
        raise NotSureError(f"it may be {who}, and no id in it says which")
    if group:
        return group, f"group {claim.name}"
    if not called:
        ids = ", ".join(f"{clue.kind} {clue.value}" for clue in claim.clues)
        raise NotSureError(f"nobody in the roster has that name or id ({ids})")
    (person,) = called.values()
    for clue in claim.clues:
        theirs = person.ids.get(clue.kind, ())
        if clue.kind == "email" and person.email:
            theirs = (person.email,)
        if theirs and clue.kind != "moodle":
            raise NotSureError(
                f"its name is that of {person.student}, whose {clue.kind} is "
                f"{theirs[0]} and not {clue.value}"
            )
    return [person], "name"


def _without_roster(claim: Claim) -> tuple[list[Person], str]:
    """Take the id in a name for the student's id, where the platform has it there."""
    student = claim.clues[0].value
    if not is_student_id(student):
        raise NotSureError(f"{student!r} cannot be a student's id")
    return [Person(student)], "id in the name"


# --- all of an archive ----------------------------------------------------------------


def plain_claims(found: Found) -> Claims:
    """Turn what `sort_out` has found into claims: a folder's name may be any id."""
    claims = []
    for (who, assignment), files in found.items():
        names = {name: file.shown for name, file in files.items()}
        claim = Claim(who, [Clue("any", who)], who, dict(files), names)
        claim.assignment = assignment
        claims.append(claim)
    return Claims("plain", claims)


def recognise(
    claims: Claims,
    roster: Roster,
    stems: Mapping[str, list[str]],
    assignment: str | None,
    zone: tzinfo | None = None,
) -> Recognised:
    """Find who handed in what; of several submissions by one person the latest counts.

    Parameters
    ----------
    claims : Claims
        What the archive says.
    roster : Roster
        The class; if it is empty, ids in names are taken where the platform has them.
    stems : dict of str to list of str
        The assignments that have a notebook of a name.
    assignment : str or None
        The one that the archive is of; by default its notebooks' names say it.
    zone : tzinfo, optional
        Of times that stand in a platform's table without one; this machine's else.

    Raises
    ------
    CollectError
        If a roster is needed, or it is not clear which assignment it is.
    """
    result = Recognised(claims.platform)
    if not roster.people and not all(claim.own_id for claim in claims.claims):
        raise CollectError(
            f"this looks like an archive from {claims.platform}, whose names are no "
            "student ids: make the roster first, by `autograder roster FILE` with the "
            "table of the class that you download there; or say --platform plain"
        )
    of_archive = assignment or _assignment_of(claims, stems)
    by_person: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for claim in claims.claims:
        for one in claim.several or [claim]:
            try:
                people, by = (
                    who_is(one, roster) if roster.people else _without_roster(one)
                )
            except NotSureError as reason:
                who = f" ({one.name})" if one.name and one is not claim else ""
                result.problems.append(f"{claim.came}{who}: {reason}")
                continue
            for person in people:
                attempt = _attempt(claim, person, by, of_archive, stems, zone)
                if assignment in (None, attempt.assignment):
                    key = attempt.student, attempt.assignment
                    by_person[key].append(attempt)
    what = f"no name that {claims.platform} gives, so nobody knows whose it is"
    result.problems += [f"{name}: {what}" for name in claims.strange]
    for attempts in by_person.values():
        try:
            result.attempts.append(_latest(attempts))
        except NotSureError as reason:
            result.problems.append(f"{attempts[0].student}: {reason}")
    result.attempts.sort(key=lambda attempt: (attempt.student, attempt.assignment))
    return result


def _assignment_of(claims: Claims, stems: Mapping[str, list[str]]) -> str:
    """Find the one assignment that an archive's notebooks are of."""
    if all(claim.assignment for claim in claims.claims):
        return ""
    meant = {
        assignment
        for claim in claims.claims
        for name in claim.files
        if name.endswith(".ipynb")
        for assignment in stems.get(_stem(PurePosixPath(name).name, stems), [])
    }
    if len(meant) == 1:
        return meant.pop()
    which = f"may be of {', '.join(sorted(meant))}" if meant else "are of none"
    raise CollectError(
        f"by their names the notebooks {which} of the course's assignments; say which "
        "one it is, by --assignment A"
    )


def _stem(name: str, stems: Mapping[str, list[str]]) -> str:
    stem = stem_of(name, stems)
    repeated = _REPEATED.fullmatch(name)
    return repeated[1] if stem not in stems and repeated else stem


def _attempt(
    claim: Claim,
    person: Person,
    by: str,
    assignment: str,
    stems: Mapping[str, list[str]],
    zone: tzinfo | None,
) -> Attempt:
    """Make one person's submission of a claim."""
    attempt = Attempt(
        person.student,
        claim.assignment or assignment,
        claim.came,
        by,
        when=claim.when or _time_in_table(person.handed_in, zone),
        late=claim.late,
        order=claim.order,
    )
    if any(clue.kind in ("canvas", "anonymous") for clue in claim.clues):
        _join_attachments(attempt, claim, stems)
    else:
        attempt.files, attempt.names = dict(claim.files), dict(claim.names)
    if not claim.assignment:
        _lift(attempt)
    return attempt


def _time_in_table(text: str, zone: tzinfo | None) -> datetime | None:
    """Read a time of Moodle's worksheet, if it is in English."""
    for form in _MOODLE_TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone).astimezone()
        except ValueError:
            continue
    return None


def _join_attachments(
    attempt: Attempt, claim: Claim, stems: Mapping[str, list[str]]
) -> None:
    """Put attachments together; of two of one notebook the later one counts."""
    for numbered in sorted(claim.files):
        _, _, name = numbered.partition("/")
        stem = _stem(name, stems) if "/" not in name else ""
        if stem in stems and _REPEATED.fullmatch(name) and name[:-6] not in stems:
            name = f"{stem}.ipynb"
        if name in attempt.files:
            earlier = Attempt(attempt.student, attempt.assignment, claim.came, "")
            earlier.files[name] = attempt.files[name]
            attempt.earlier.append(earlier)
        attempt.files[name] = claim.files[numbered]
        attempt.names[name] = claim.names[numbered]


def _lift(attempt: Attempt) -> None:
    """Take files out of the one folder that has notebooks, if none lies outside."""
    folders = {
        PurePosixPath(name).parent for name in attempt.files if name.endswith(".ipynb")
    }
    if not folders:
        return
    top = min(len(folder.parts) for folder in folders)
    highest = [folder for folder in folders if len(folder.parts) == top]
    if top == 0 or len(highest) > 1:
        return
    new = {}
    for name in attempt.files:
        path = PurePosixPath(name)
        inside = path.is_relative_to(highest[0])
        new[name] = str(path.relative_to(highest[0])) if inside else name
    if len(set(new.values())) == len(new):
        attempt.files = {new[name]: file for name, file in attempt.files.items()}
        attempt.names = {new[name]: came for name, came in attempt.names.items()}


def _latest(attempts: list[Attempt]) -> Attempt:
    """Choose the submission that counts, and keep the others with it.

    Raises
    ------
    NotSureError
        If nothing says which is the latest.
    """
    if all(attempt.when for attempt in attempts):
        ordered = sorted(attempts, key=lambda attempt: attempt.when)
        tied = len(ordered) > 1 and ordered[-1].when == ordered[-2].when
    else:
        ordered = sorted(attempts, key=lambda attempt: attempt.order)
        tied = len(ordered) > 1 and ordered[-1].order == ordered[-2].order
    if tied and not _same_files(ordered[-1].files, ordered[-2].files):
        came = " and ".join(attempt.came for attempt in ordered[-2:])
        raise NotSureError(f"handed in {came}, and nothing says which is the later one")
    last = ordered[-1]
    last.earlier += ordered[:-1]
    return last


def _same_files(
    one: Mapping[str, HandedInFile], other: Mapping[str, HandedInFile]
) -> bool:
    return one.keys() == other.keys() and all(
        one[name].path.read_bytes() == other[name].path.read_bytes() for name in one
    )


def missing_people(roster: Roster, attempts: Iterable[Attempt]) -> list[str]:
    """Name the people of the roster from whom nothing came."""
    there = {attempt.student for attempt in attempts}
    return [p.student for p in roster.people if p.student not in there]
