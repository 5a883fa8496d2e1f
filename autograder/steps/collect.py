"""Put submissions from an archive or a folder where nbgrader looks for them.

`collect` takes a ``.zip``, ``.tar`` or ``.tar.gz`` (or another compression that
`tarfile` reads), a folder, or one notebook. It knows the names that Canvas, Moodle,
Gradescope, Blackboard, Brightspace and nbgrader's exchange give
(`autograder.submission.platforms`), and these layouts:

``STUDENT/ASSIGNMENT/notebook.ipynb``
    as in ``submitted/``; other files below ``STUDENT/ASSIGNMENT/`` come along.
``STUDENT/notebook.ipynb``
    the notebook's name decides the assignment; files beside it come along.
``STUDENT_notebook.ipynb``
    flat; between student and notebook stands ``_``, ``__``, ``-``, ``--`` or ``.``.
``STUDENT.zip`` (or ``.tar``, ``.tar.gz``)
    one student's archive inside, as if it were a folder ``STUDENT``; its files may be
    in a folder ``ASSIGNMENT`` or at its top. A ``timestamp.txt`` in it is left out,
    because the student made it.

Whoever handed something in is looked up in ``roster.csv``, if the course has one:
``STUDENT`` may be any id in it then, or a name. If it is not clear who somebody is,
nothing is written. Without a roster, ``STUDENT`` is the student id.

A notebook's name may have what browsers and Jupyter add to that of a copy, as in
``notebook (1).ipynb`` or ``notebook-Copy1.ipynb``. It is kept: `grade` looks into such
files for a notebook that is missing.

All this may stand in folders that everything has in common (``export/2025/...``).
What operating systems and Jupyter leave behind is passed over.

Nothing in an archive is trusted: absolute paths, ``..``, links, devices, the same name
twice, encryption, and more files or bytes than the limits below are refused, and then
nothing at all is written. Everything is unpacked into a temporary folder first and
moved to its place at the end. What a later submission takes the place of is moved to
``collected/earlier/``.
"""

import contextlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autograder.course import Course
from autograder.errors import CollectError
from autograder.gradebook.people import put_due_date, put_people
from autograder.people.platforms import people_of
from autograder.people.roster import Roster, merge, read_roster
from autograder.people.sheets import read_sheet
from autograder.safe_html import write
from autograder.submission.archives import HandedInFile, unpack_all
from autograder.submission.files import TIMESTAMP, read_timestamp, timestamp_of
from autograder.submission.layouts import LEFT_OUT, sort_out
from autograder.submission.platforms import PLATFORMS, Known, claims_of
from autograder.submission.recognise import (
    Attempt,
    Recognised,
    missing_people,
    plain_claims,
    recognise,
)


@dataclass(frozen=True)
class Row:
    """Who was recognised in an archive.

    Attributes
    ----------
    student, assignment : str
        Whose submission of what.
    came : str
        Its name in the archive.
    by : str
        By what the person was recognised.
    when : str
        When it was handed in, in UTC; empty if unknown.
    late : bool
        Whether the platform says that it is late.
    earlier : int
        How many submissions or notebooks came before, which do not count.
    """

    student: str
    assignment: str
    came: str
    by: str
    when: str = ""
    late: bool = False
    earlier: int = 0


@dataclass
class Collected:
    """What `collect` did.

    Attributes
    ----------
    written : list of (student, assignment)
        Put in place, new or in place of an older one.
    kept : list of (student, assignment)
        Not touched, because the one in place is the same or not older.
    notes : list of str
        What the instructor should look at: files that could not be placed, notebooks
        whose name no assignment knows.
    platform : str
        Who made the archive; empty where there is no roster and the layout is plain.
    people : list of Row
        Who was recognised, and by what.
    problems : list of str
        Who was not, and why.
    absent : list of str
        People of the roster from whom nothing came.
    stopped : bool
        Whether nothing was written because of the problems.
    folder : Path
        Where submissions are.
    """

    written: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    platform: str = ""
    people: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    stopped: bool = False
    folder: Path = Path()


def collect(
    course: Course,
    source: Path | str,
    assignment: str | None = None,
    force: bool = False,
    *,
    roster: Path | str | None = None,
    dry_run: bool = False,
    partial: bool = False,
    platform: str | None = None,
    due: str | None = None,
    timezone: str | None = None,
) -> Collected:
    """Put submissions from an archive or a folder into ``submitted/S/A/``.

    A submission that is there already is replaced only by a newer one: by the later
    ``timestamp.txt`` if both have one, otherwise by the latest file.

    Parameters
    ----------
    course : Course
        The course.
    source : Path or str
        An archive, a folder or a notebook, see the module's text for its layout.
    assignment : str, optional
        Take submissions of this assignment only; a folder ``STUDENT`` whose notebooks
        have names that no assignment knows then counts as one. By default each
        notebook's name decides.
    force : bool
        Replace what is there, newer or not.
    roster : Path or str, optional
        A platform's table to be read with ``roster.csv``, for this time alone.
    dry_run : bool
        Only find out who is recognised.
    partial : bool
        Collect those who are recognised, if others are not.
    platform : str, optional
        Who made the archive, one of `PLATFORMS`; by default its names say it.
    due : str, optional
        When the assignment is due, written to the gradebook.
    timezone : str, optional
        Of times without a zone, such as "Europe/Vienna"; by default this machine's.

    Raises
    ------
    CollectError
        If `source` cannot be read, is not safe to unpack, or names a student in a way
        that nbgrader cannot take. Nothing has been written then.
    PeopleError
        If the roster or the table cannot be read.
    """
    source = Path(source)
    if platform not in (None, *PLATFORMS):
        raise CollectError(f"--platform takes one of {', '.join(PLATFORMS)}")
    stems = _known_notebooks(course, assignment)
    zone = _zone(timezone)
    due_date = _due_date(due, zone, assignment)
    people = _people(course, roster)
    course.submitted.mkdir(parents=True, exist_ok=True)
    collected = Collected(folder=course.submitted)
    # Beside its destination, so that a move is a rename.
    with tempfile.TemporaryDirectory(
        prefix=".collect-", dir=course.submitted
    ) as scratch:
        files = unpack_all(source, Path(scratch) / "unpacked")
        known = Known(people, frozenset(course.assignments()), zone)
        found = _recognised(files, known, stems, assignment, platform, collected)
        collected.stopped = bool(collected.problems) and not partial
        if not found:
            collected.notes.append(
                f"{source.name} has no submission that could be placed"
            )
        if dry_run or collected.stopped:
            return collected
        staged = _stage(found, Path(scratch) / "staged")
        _put_in_place(course, staged, force, collected)
        _keep_earlier(course, found)
        _note_names(course, found, collected)
    if due_date:
        put_due_date(course, assignment, due_date)
    if people.people:
        written = {student for student, _ in collected.written}
        put_people(course, (p for p in people.people if p.student in written))
    return collected


def _people(course: Course, table: Path | str | None) -> Roster:
    people = read_roster(course.roster)
    if table is None:
        return people
    return merge(people, people_of(read_sheet(Path(table)))).roster


def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise CollectError(
            f"no time zone {name!r}; one is, for instance, Europe/Vienna"
        ) from None


def _due_date(
    due: str | None, zone: tzinfo | None, assignment: str | None
) -> datetime | None:
    if due is None:
        return None
    if assignment is None:
        raise CollectError("--due needs --assignment A: of which assignment is it?")
    try:
        when = datetime.fromisoformat(due)
    except ValueError:
        raise CollectError(
            f"--due {due!r} is no time; write it like 2026-11-03 23:59"
        ) from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone).astimezone() if zone else when.astimezone()
    return when


def _recognised(
    files: list[HandedInFile],
    known: Known,
    stems: dict[str, list[str]],
    assignment: str | None,
    platform: str | None,
    collected: Collected,
) -> list[Attempt]:
    """Sort the files by student and assignment, and say in `collected` how."""
    claims = None if platform == "plain" else claims_of(files, known, platform)
    left_out: list[str] = []
    if claims is None:
        rostered = bool(known.roster.people)
        notes: list[str] = []
        found = sort_out(files, stems, assignment, notes, ids=not rostered)
        left_out = [note for note in notes if LEFT_OUT in note and rostered]
        collected.notes += [note for note in notes if note not in left_out]
        if not rostered:
            return [
                Attempt(student, name, student, "", files=files)
                for (student, name), files in sorted(found.items())
            ]
        claims = plain_claims(found)
    result = recognise(claims, known.roster, stems, assignment, known.zone)
    collected.platform = result.platform
    collected.problems = [*result.problems, *left_out]
    collected.people = [
        Row(
            a.student,
            a.assignment,
            a.came,
            a.by,
            timestamp_of(a.when),
            a.late,
            len(a.earlier),
        )
        for a in result.attempts
    ]
    collected.absent = missing_people(known.roster, result.attempts)
    collected.notes += _notes_of(result)
    return result.attempts


def _notes_of(result: Recognised) -> list[str]:
    """Say what the instructor should know of what was recognised."""
    notes = []
    empty = [a.student for a in result.attempts if not a.files]
    if empty:
        notes.append(f"handed in without a file: {', '.join(empty)}")
    late = sum(a.late and a.when is None for a in result.attempts)
    if late:
        notes.append(
            f"{late} are late, and {result.platform} does not say by how much: no "
            "penalty is counted here; let the platform count it, or write "
            "timestamp.txt into their folders"
        )
    return notes


def _known_notebooks(course: Course, assignment: str | None) -> dict[str, list[str]]:
    """Map each notebook's name to the assignments that have it."""
    if assignment:
        course.notebook_names(assignment)  # raises for an unknown one
    stems: dict[str, list[str]] = {}
    for name in course.assignments():
        for stem in course.notebook_names(name):
            stems.setdefault(stem, []).append(name)
    if not stems:
        raise CollectError(
            f"{course.source} has no assignment, so no notebook can be recognised; "
            "run `autograder build` first"
        )
    return stems


# --- writing --------------------------------------------------------------------------


def _stage(found: list[Attempt], folder: Path) -> dict[tuple[str, str], Path]:
    """Copy each submission into a folder of its own."""
    staged = {}
    for number, attempt in enumerate(found):
        staged[attempt.student, attempt.assignment] = folder / str(number)
        _copy(attempt, folder / str(number))
    return staged


def _copy(attempt: Attempt, folder: Path) -> None:
    """Copy the files of a submission, and write down when it was handed in."""
    folder.mkdir(parents=True)
    for name, file in attempt.files.items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.path, target, follow_symlinks=False)
            target.chmod(0o644)
        except OSError as error:  # a path that is too long, a full disk
            raise CollectError(
                f"{file.shown[:200]} cannot be written: {error.strerror}; nothing "
                "was collected"
            ) from None
    if attempt.when and TIMESTAMP not in attempt.files:
        (folder / TIMESTAMP).write_text(timestamp_of(attempt.when), encoding="utf-8")


def _put_in_place(
    course: Course,
    staged: dict[tuple[str, str], Path],
    force: bool,
    collected: Collected,
) -> None:
    """Move submissions to where they belong; if one cannot be moved, take all back."""
    with contextlib.ExitStack() as undo:
        for (student, assignment), folder in staged.items():
            final = course.submitted_folder(student, assignment)
            if final.exists():
                if not force and not _is_newer(folder, final):
                    collected.kept.append((student, assignment))
                    continue
                away = _free_place(course, student, assignment, _time_of(final))
                shutil.move(final, away)
                undo.callback(shutil.move, away, final)
            final.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(final)
            undo.callback(final.rename, folder)
            collected.written.append((student, assignment))
        undo.pop_all()


def _free_place(course: Course, student: str, assignment: str, when: datetime) -> Path:
    """Name a new folder for an earlier submission; make its parent."""
    name = f"{when.astimezone(UTC):%Y-%m-%d %H.%M.%S}"
    place, number = course.earlier_folder(student, assignment, name), 1
    while place.exists():
        number += 1
        place = place.with_name(f"{name} ({number})")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _time_of(folder: Path) -> datetime:
    """Say when a submission was handed in, or else changed last."""
    stamp = read_timestamp(folder)[0]
    if stamp is not None:
        return stamp.replace(tzinfo=UTC)
    return datetime.fromtimestamp(_latest(folder), UTC)


def _keep_earlier(course: Course, found: list[Attempt]) -> None:
    """Keep what was handed in before and does not count, unless it is there already."""
    for attempt in found:
        for number, earlier in enumerate(attempt.earlier, 1):
            when = f"try {number}"
            if earlier.when:
                when = f"{earlier.when.astimezone(UTC):%Y-%m-%d %H.%M.%S}"
            place = course.earlier_folder(attempt.student, attempt.assignment, when)
            if not place.exists():
                _copy(earlier, place)


def _note_names(course: Course, found: list[Attempt], collected: Collected) -> None:
    """Write down under which names submissions came in, for the way back."""
    written = set(collected.written)
    by_assignment: dict[str, list[Attempt]] = {}
    for attempt in found if collected.platform else ():
        if (attempt.student, attempt.assignment) in written:
            by_assignment.setdefault(attempt.assignment, []).append(attempt)
    for assignment, attempts in by_assignment.items():
        path = course.collected_notes(assignment)
        known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        for attempt in attempts:
            known[attempt.student] = {
                "platform": collected.platform,
                "came": attempt.came,
                "by": attempt.by,
                "when": timestamp_of(attempt.when),
                "late": attempt.late,
                "names": attempt.names,
            }
        write(path, json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False))


def _is_newer(new: Path, there: Path) -> bool:
    """Compare timestamps where both have one, otherwise the latest files.

    What is the same is not newer, whenever the platform wrote it.
    """
    stamps = [read_timestamp(folder)[0] for folder in (new, there)]
    if all(stamps):
        return stamps[0] > stamps[1]
    return _latest(new) > _latest(there) and _contents(new) != _contents(there)


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _latest(folder: Path) -> int:
    """Give the time of the latest file, in seconds: archives know no more."""
    return max((int(p.lstat().st_mtime) for p in folder.rglob("*")), default=0)
