"""Tell by the names of its files which learning platform made an archive, and for whom.

Each platform writes into a name who handed a file in. `claims_of` finds the platform
and gives for each submission what the name claims; who that is,
`autograder.submission.recognise` finds out with the roster. Nothing is guessed here.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

from autograder.errors import CollectError
from autograder.people.roster import Roster
from autograder.submission.archives import HandedInFile
from autograder.submission.files import SECRET, TIMESTAMP

METADATA = "submission_metadata.yml"
_LARGEST_METADATA = 20 * 1024**2  # bytes
_FROM_NBGRADER = {TIMESTAMP, SECRET}  # a student made it else

_CANVAS_END = re.compile(r"_(\d+)_(?:(\d+)_(.+)|(?:\d+_)?(?:text|link)\.html)\Z")
_MOODLE = re.compile(
    r"([^_]*)_(\d+)_assignsubmission_(file|onlinetext)(?:_(.*))?", re.DOTALL
)
_BLACKBOARD = re.compile(
    r"(.+)_attempt_(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)(?:_(.+)|\.txt)", re.DOTALL
)
_BRIGHTSPACE = re.compile(r"(\d+)-(\d+) - (.+) - (.*\d{4}.*)", re.DOTALL)
_BRIGHTSPACE_TIME = re.compile(r"(\w+)\.? (\d+), (\d{4}) (\d+)(\d\d) ([AP]M)")
_EXCHANGE = re.compile(r"([^+]+)\+([^+]+)\+([^+]+)(?:\+.*)?", re.DOTALL)


@dataclass(frozen=True)
class Clue:
    """An id that stands in a name.

    The `kind` is a column of the roster, or "any" where it may be of several.
    """

    kind: str
    value: str


@dataclass
class Claim:
    """What the names in an archive say of one submission, or of one try of it.

    Attributes
    ----------
    came : str
        The name by which it came: of its folder, or what its files' names begin with.
    clues : list of Clue
        The ids in it.
    name : str
        The name of a person or group in it; empty if there is none.
    files : dict of str to HandedInFile
        By the name in the submission.
    names : dict of str to str
        Their names in the archive.
    when : datetime or None
        When it was handed in, with its time zone.
    late : bool
        Whether the platform says that it is late.
    order : tuple of int
        Of two by one person without times, the larger one is the later.
    own_id : bool
        Whether the clue is the student's id here, if there is no roster.
    several : list of Claim
        Of a group's submission, a claim for each of its members.
    assignment : str
        Its name, where the archive says it.
    """

    came: str
    clues: list[Clue] = field(default_factory=list)
    name: str = ""
    files: dict[str, HandedInFile] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    when: datetime | None = None
    late: bool = False
    order: tuple[int, ...] = ()
    own_id: bool = False
    several: list["Claim"] = field(default_factory=list)
    assignment: str = ""

    def add(self, name: str, file: HandedInFile, came: str) -> None:
        """Take a file in under a name, unless it only says who handed it in."""
        if name.rpartition("/")[2].casefold() not in _FROM_NBGRADER:
            self.files[name] = file
            self.names[name] = came


@dataclass
class Claims:
    """What an archive claims: the platform, the submissions, names it did not make."""

    platform: str
    claims: list[Claim]
    strange: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What helps to read a name: the roster, the course's assignments, a time zone."""

    roster: Roster
    assignments: frozenset[str]
    zone: tzinfo | None = None  # None is this machine's

    def at(self, *numbers: int) -> datetime | None:
        """Give a time that was written without its zone; None if there is none such."""
        try:
            return datetime(*numbers).replace(tzinfo=self.zone).astimezone()
        except ValueError:
            return None


def claims_of(
    files: list[HandedInFile], known: Known, platform: str | None = None
) -> Claims | None:
    """Find the platform whose names these are, and read them; None if it is none.

    It is the one that may have made at least half of the names, below the folders that
    all have in common; the others are `strange` then. Asked for by name, it is taken
    if it may have made any.

    Raises
    ------
    CollectError
        If the archive is none of the platform that was asked for.
    """
    folders = [file.parts[:-1] for file in files]
    common = len(
        list(takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False)))
    )
    for name, read in _READERS.items():
        if platform not in (None, name):
            continue
        for passed in range(common + 1):
            found = read(files, passed, known)
            count = len(found.claims)
            if count and (platform == name or count >= len(found.strange)):
                return found
    if platform not in (None, "plain"):
        raise CollectError(
            f"no name in it is one that {platform} gives; leave --platform out, or "
            f"name one of {', '.join(_READERS)}, plain"
        )
    return None


def _by_first(files: list[HandedInFile], passed: int) -> dict[str, list[HandedInFile]]:
    """Group files by the first part of their names, the `passed` ones aside."""
    groups: dict[str, list[HandedInFile]] = {}
    for file in files:
        groups.setdefault(file.parts[passed], []).append(file)
    return groups


def _add_all(claim: Claim, file: HandedInFile, passed: int, own: str) -> None:
    """Add a file under `own`, its own name; below a folder the folder comes along."""
    below = file.parts[passed + 1 :]
    inside = "/".join(below) if below else own
    claim.add(inside, file, file.parts[passed] if not below else file.shown)


# --- the platforms --------------------------------------------------------------------


def _canvas(files: list[HandedInFile], passed: int, known: Known) -> Claims:
    """``<name>[_LATE]_<user>_<attachment>_<file>``, ``[LATE_]anon_<id>_...``."""
    found = Claims("canvas", [])
    claims: dict[tuple[str, str], Claim] = {}
    for first, own in _by_first(files, passed).items():
        reading = _canvas_reading(first, known.roster)
        if reading is None:
            found.strange.append(first)
            continue
        name, late, kind, user, attachment, file_name = reading
        claim = claims.setdefault((kind, user), Claim(first, [Clue(kind, user)], name))
        claim.late |= late
        claim.order = max(claim.order, (attachment,))
        for file in own:
            _add_attachment(claim, file, passed, file_name, attachment)
    found.claims = list(claims.values())
    return found


def _add_attachment(
    claim: Claim, file: HandedInFile, passed: int, name: str, attachment: int
) -> None:
    """Add what one attachment holds; a number keeps those of one name apart."""
    if not name:
        return  # what was typed into the page, or a link
    inner = "/".join(file.parts[passed + 1 :])
    claim.add(f"{attachment:020}/{inner or name}", file, file.parts[passed])


def _canvas_reading(
    first: str, roster: Roster
) -> tuple[str, bool, str, str, int, str] | None:
    """Read one of Canvas's names; where several readings fit, the roster decides."""
    readings = []
    for begin in (match.start() for match in re.finditer(r"_(?=\d)", first)):
        if end := _CANVAS_END.match(first, begin):
            who = first[:begin]
            late = who.endswith("_LATE")
            user, attachment, file_name = end[1], int(end[2] or 0), end[3] or ""
            who = who.removesuffix("_LATE")
            readings.append((who, late, "canvas", user, attachment, file_name))
    anonymous = re.fullmatch(r"(LATE_)?anon_([^_]+)_(?:(\d+)_(.+)|.*\.html)", first)
    if anonymous:
        late, user, attachment, file_name = anonymous.groups()
        whose = (user, int(attachment or 0), file_name or "")
        return ("", bool(late), "anonymous", *whose)
    sure = [reading for reading in readings if roster.by_id("canvas", reading[3])]
    return next(iter(sure or readings), None)


def _moodle(files: list[HandedInFile], passed: int, known: Known) -> Claims:
    """``<full name>_<number>_assignsubmission_file[_]/...``, or flat."""
    found = Claims("moodle", [])
    claims: dict[str, Claim] = {}
    for first, own in _by_first(files, passed).items():
        match = _MOODLE.fullmatch(first)
        if match is None:
            found.strange.append(first)
            continue
        who, number, plugin, file_name = match.groups()
        clues = [Clue("moodle", number)]
        came = f"{who}_{number}_assignsubmission_file_"
        claim = claims.setdefault(number, Claim(came, clues, who))
        for file in own:
            if plugin == "file":
                _add_all(claim, file, passed, file_name or file.parts[-1])
    for claim in claims.values():
        stands_for = known.roster.by_id("moodle", claim.clues[0].value)
        if stands_for and _is_pseudonym(claim.name, claims.values()):
            claim.name = ""
    found.claims = list(claims.values())
    return found


def _is_pseudonym(name: str, claims: Iterable[Claim]) -> bool:
    """Tell whether all are called the same, "Participant" in some language."""
    return all(claim.name in ("", name) for claim in claims)


def _gradescope(files: list[HandedInFile], passed: int, known: Known) -> Claims:
    """Folders that ``submission_metadata.yml`` says the submitters of."""
    found = Claims("gradescope", [])
    groups = _by_first(files, passed)
    described = groups.pop(METADATA, None)
    if not described or len(described[0].parts) != passed + 1:
        return found
    metadata = _metadata(described[0].path)
    for first, own in groups.items():
        entry = metadata.get(first)
        if not isinstance(entry, dict):
            found.strange.append(first)
            continue
        claim = Claim(first, when=_time_of(entry.get(":created_at")))
        for one in entry.get(":submitters") or []:
            clues = [
                Clue(kind, str(one[f":{given}"]))
                for kind, given in (("sid", "sid"), ("email", "email"))
                if one.get(f":{given}")
            ]
            claim.several.append(Claim(first, clues, str(one.get(":name") or "")))
        for file in own:
            _add_all(claim, file, passed, file.parts[-1])
        found.claims.append(claim)
    return found


def _metadata(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_METADATA:
            raise ValueError("it is too large")
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise CollectError(f"{METADATA} cannot be read: {error}") from None
    return read if isinstance(read, dict) else {}


def _time_of(value: Any) -> datetime | None:
    """Take the time that YAML has read; one without a zone is UTC."""
    if not isinstance(value, datetime):
        return None
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _blackboard(files: list[HandedInFile], passed: int, known: Known) -> Claims:
    """``<assignment>_<username>_attempt_<time>_<file>``."""
    found = Claims("blackboard", [])
    claims: dict[tuple[str, str], Claim] = {}
    for first, own in _by_first(files, passed).items():
        match = _BLACKBOARD.fullmatch(first)
        user = match and _user_of(match[1], known)
        if not user:
            found.strange.append(first)
            continue
        time = match[2]
        when = known.at(*map(int, time.split("-")))
        made = Claim(first, [Clue("any", user)], when=when, own_id=True)
        claim = claims.setdefault((user, time), made)
        for file in own:
            if match[3]:
                _add_all(claim, file, passed, match[3])
    found.claims = list(claims.values())
    return found


def _user_of(before: str, known: Known) -> str | None:
    """Find the user's name behind the assignment's, both of which may have ``_``."""
    pieces = before.split("_")
    ways = ["_".join(pieces[begin:]) for begin in range(1, len(pieces))]
    if known.roster.people:
        ways = [way for way in ways if people_with(known.roster, way)] or ways
    sure = [way for way in ways if before.removesuffix(f"_{way}") in known.assignments]
    ways = sure or ways
    return ways[0] if len(ways) == 1 else None


def people_with(roster: Roster, value: str) -> list[Any]:
    """Find all whose id of any kind that people know by heart is `value`."""
    kinds = ("student", "login", "sid", "email")
    found = [roster.by_id(kind, value) for kind in kinds]
    return list({person.student: person for person in found if person}.values())


def _brightspace(files: list[HandedInFile], passed: int, known: Known) -> Claims:
    """``<id>-<id> - <name> - <Mon D, YYYY HMM AM>/<file>``."""
    found = Claims("brightspace", [])
    for first, own in _by_first(files, passed).items():
        match = _BRIGHTSPACE.fullmatch(first)
        if match is None:
            if first != "index.html":
                found.strange.append(first)
            continue
        when = _brightspace_time(match[4], known)
        clues = [Clue("brightspace", match[1])]
        claim = Claim(first, clues, match[3], when=when)
        for file in own:
            _add_all(claim, file, passed, file.parts[-1])
        found.claims.append(claim)
    return found


def _brightspace_time(text: str, known: Known) -> datetime | None:
    match = _BRIGHTSPACE_TIME.fullmatch(text.strip())
    if match is None:
        return None
    month, day, year, hour, minute, half = match.groups()
    for name in ("%b", "%B"):
        try:
            number = datetime.strptime(month[:3] if name == "%b" else month, name).month
        except ValueError:
            continue
        hours = int(hour) % 12 + 12 * (half == "PM")
        return known.at(int(year), number, int(day), hours, int(minute))
    return None


def _exchange(files: list[HandedInFile], passed: int, known: Known) -> Claims:
    """``<student>+<assignment>+<time>[+<random>]/<file>``, by `nbgrader submit`."""
    found = Claims("exchange", [])
    for first, own in _by_first(files, passed).items():
        match = _EXCHANGE.fullmatch(first)
        when = match and _exchange_time(match[3])
        if not when or match[2] not in known.assignments:
            found.strange.append(first)
            continue
        claim = Claim(first, [Clue("any", match[1])], when=when, own_id=True)
        claim.assignment = match[2]
        for file in own:
            name = "/".join(file.parts[passed + 1 :])
            claim.files[name], claim.names[name] = file, file.shown
        found.claims.append(claim)
    return found


def _exchange_time(text: str) -> datetime | None:
    plain = re.sub(r" (UTC|GMT)\Z", "+00:00", text)
    try:
        when = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


_READERS: dict[str, Callable[[list[HandedInFile], int, Known], Claims]] = {
    "gradescope": _gradescope,
    "moodle": _moodle,
    "blackboard": _blackboard,
    "brightspace": _brightspace,
    "exchange": _exchange,
    "canvas": _canvas,
}
PLATFORMS = (*_READERS, "plain")
