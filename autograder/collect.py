"""Put submissions from an archive or a folder where nbgrader looks for them.

`collect` takes a ``.zip``, ``.tar`` or ``.tar.gz`` (or another compression that
`tarfile` reads), or a folder, and recognises these layouts:

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

A notebook's name may have what browsers and Jupyter add to that of a copy, as in
``notebook (1).ipynb`` or ``notebook-Copy1.ipynb``. It is kept: `grade` looks into such
files for a notebook that is missing.

All this may stand in folders that everything has in common (``export/2025/...``).
What operating systems and Jupyter leave behind is passed over.

Nothing in an archive is trusted: absolute paths, ``..``, links, devices, the same name
twice, encryption, and more files or bytes than the limits below are refused, and then
nothing at all is written. Everything is unpacked into a temporary folder first and
moved to its place at the end.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import re
import shutil
import stat
import tarfile
import tempfile
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import IO

from nbgrader.utils import parse_utc

from autograder.course import Course
from autograder.errors import CollectError

MOST_FILES = 50_000
LARGEST_FILE = 200 * 1024**2  # bytes
LARGEST_TOTAL = 4 * 1024**3  # bytes
# An archive that grows more than so many times is a bomb; small ones may.
LARGEST_RATIO = 200
RATIO_COUNTS_FROM = 50 * 1024**2  # bytes
LONGEST_STUDENT = 128  # characters; the gradebook's column

SEPARATORS = ("__", "--", "_", "-", ".")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_LARGEST_READ = 4 * 1024**2  # bytes; more than the pieces that files are read in
_HEADERS = 100 * 1024**2  # bytes that a tar archive may have besides its files
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", ".ipynb_checkpoints", "__pycache__"}
_COPY = re.compile(r"(?:[ _-]*\(\d{1,9}\)|[ _-]+copy(?:[ _-]?\d{1,9})?)+\Z", re.I)
_NO_STUDENT = set("+*?[]{},:;|<>\"'\\/$`")


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
    """

    written: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """One file of the source: its name there, and where its bytes are now."""

    parts: tuple[str, ...]
    path: Path
    by_student: bool = False  # from an archive that a student made

    @property
    def shown(self) -> str:
        return "/".join(self.parts)


@dataclass
class _Budget:
    """What may still be unpacked."""

    files: int = field(default_factory=lambda: MOST_FILES)
    bytes: int = field(default_factory=lambda: LARGEST_TOTAL)


def collect(
    course: Course,
    source: Path | str,
    assignment: str | None = None,
    force: bool = False,
) -> Collected:
    """Put submissions from an archive or a folder into ``submitted/S/A/``.

    A submission that is there already is replaced only by a newer one: by the later
    ``timestamp.txt`` if both have one, otherwise by the latest file.

    Parameters
    ----------
    course : Course
        The course.
    source : Path or str
        An archive or a folder, see the module's text for its layout.
    assignment : str, optional
        Take submissions of this assignment only; a folder ``STUDENT`` whose notebooks
        have names that no assignment knows then counts as one. By default each
        notebook's name decides.
    force : bool
        Replace what is there, newer or not.

    Raises
    ------
    CollectError
        If `source` cannot be read, is not safe to unpack, or names a student in a way
        that nbgrader cannot take. Nothing has been written then.
    """
    source = Path(source)
    stems = _known_notebooks(course, assignment)
    course.submitted.mkdir(parents=True, exist_ok=True)
    # Beside its destination, so that a move is a rename.
    with tempfile.TemporaryDirectory(
        prefix=".collect-", dir=course.submitted
    ) as scratch:
        files = _unpack_all(source, Path(scratch) / "unpacked")
        collected = Collected()
        found = _sort_out(files, stems, assignment, collected.notes)
        if not found:
            collected.notes.append(
                f"{source.name} has no submission that could be placed"
            )
        staged = _stage(found, Path(scratch) / "staged")
        _put_in_place(course, staged, Path(scratch) / "old", force, collected)
    return collected


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


# --- reading the source ---------------------------------------------------------------


def _unpack_all(source: Path, scratch: Path) -> list[_File]:
    """List the files of a folder or archive, with students' archives unpacked."""
    budget = _Budget()
    scratch.mkdir()
    if source.is_dir():
        files = list(_listed(source, budget))
    elif source.is_file():
        files = _unpacked(source, source.name, scratch, budget)
    else:
        raise CollectError(f"there is no file or folder {source}")
    result: list[_File] = []
    for file in files:
        student = _archive_stem(file.parts[-1])
        if student is None:
            result.append(file)
            continue
        prefix = (*file.parts[:-1], student)
        result += [
            _File((*prefix, *inner.parts), inner.path, by_student=True)
            for inner in _unpacked(file.path, file.shown, scratch, budget)
        ]
    _refuse_twice(result, source.name)
    return result


def _archive_stem(name: str) -> str | None:
    for ending in sorted(ARCHIVES, key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return None


def _listed(folder: Path, budget: _Budget) -> Iterator[_File]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _JUNK)
        for name in sorted([*names, *folders]):
            path = Path(parent, name)
            relative = str(path.relative_to(folder)).encode("utf-8", "replace").decode()
            parts = PurePosixPath(relative).parts
            status = path.lstat()
            if name in _JUNK or stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise CollectError(
                    f"{path} is a link or device; links are not followed, remove it"
                )
            _spend(budget, status.st_size, "/".join(parts))
            yield _File(parts, path)


def _unpacked(archive: Path, name: str, scratch: Path, budget: _Budget) -> list[_File]:
    """Unpack one archive under names of our own; its own names stay words."""
    files = []
    folder = Path(tempfile.mkdtemp(dir=scratch))
    packed = archive.stat().st_size
    unpacked = 0
    try:
        for parts, opened, modified in _members(archive, name):
            path = folder / str(len(files))
            with opened as member, open(path, "wb") as target:
                size = 0
                while chunk := member.read(2**20):
                    size += len(chunk)
                    unpacked += len(chunk)
                    _spend(budget, len(chunk), "/".join(parts), files=0)
                    if size > LARGEST_FILE:
                        raise CollectError(
                            f"{name}: {'/'.join(parts)} has more than "
                            f"{LARGEST_FILE // 1024**2} MB; nothing was collected"
                        )
                    if unpacked > max(RATIO_COUNTS_FROM, packed * LARGEST_RATIO):
                        raise CollectError(
                            f"{name} grows more than {LARGEST_RATIO} times when "
                            "unpacked, like an archive made to fill a disk; nothing "
                            "was collected"
                        )
                    target.write(chunk)
            _spend(budget, 0, "/".join(parts))
            os.utime(path, (modified, modified))
            files.append(_File(parts, path))
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        ValueError,  # a time that is none
        OverflowError,
    ) as error:
        raise CollectError(f"{name} cannot be unpacked: {error}") from None
    except (NotImplementedError, RuntimeError) as error:  # a method or a password
        raise CollectError(f"{name} cannot be unpacked: {error}") from None
    return files


def _members(
    archive: Path, name: str
) -> Iterator[tuple[tuple[str, ...], IO[bytes], float]]:
    """List the files of an archive: the safe parts of its name, its bytes, its time."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            _refuse_too_many(len(packed.infolist()), name)
            for info in packed.infolist():
                parts = _safe_parts(info.filename, name)
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _not_plain(info.filename, name)
                if info.is_dir() or not parts or _JUNK & set(parts):
                    continue
                modified = time.mktime((*info.date_time, 0, 0, -1))
                yield parts, packed.open(info), modified
        return
    with contextlib.ExitStack() as stack:
        plain = _Bounded(stack.enter_context(_decompressed(archive)), archive, name)
        try:
            packed = stack.enter_context(tarfile.open(fileobj=plain, mode="r:"))
        except tarfile.ReadError:
            raise CollectError(f"{name} is neither a zip nor a tar archive") from None
        for number, member in enumerate(packed):
            _refuse_too_many(number, name)
            parts = _safe_parts(member.name, name)
            if not (member.isreg() or member.isdir()):
                raise _not_plain(member.name, name)
            opened = packed.extractfile(member)
            if opened is None or not parts or _JUNK & set(parts):
                continue
            yield parts, opened, max(0.0, float(member.mtime))


def _refuse_too_many(members: int, name: str) -> None:
    """Refuse an archive of very many members, be they only folders."""
    if members > 2 * MOST_FILES:
        raise CollectError(
            f"{name} has more than {2 * MOST_FILES} members; nothing was collected"
        )


def _decompressed(archive: Path) -> IO[bytes]:
    """Open a tar archive, whatever it is compressed by."""
    for opener in (gzip.open, bz2.open, lzma.open):
        file = opener(archive)
        with contextlib.suppress(OSError, EOFError, lzma.LZMAError):
            file.read(1)
            file.seek(0)
            return file
        file.close()
    return open(archive, "rb")


class _Bounded:
    """A tar archive's bytes, of which no header and no gap may be huge.

    `tarfile` reads extended headers whole and passes over members that are not wanted,
    however large they say they are.
    """

    def __init__(self, file: IO[bytes], archive: Path, name: str) -> None:
        """Take the decompressed bytes of `archive`, called `name` in messages."""
        self.file = file
        self.name = name
        packed = archive.stat().st_size * LARGEST_RATIO
        self.most = min(LARGEST_TOTAL, max(RATIO_COUNTS_FROM, packed)) + _HEADERS

    def read(self, size: int = -1) -> bytes:
        """Read; a member's content is asked for in smaller pieces than the limit."""
        if not 0 <= size <= _LARGEST_READ:
            raise CollectError(
                f"{self.name} has a header of {size} bytes; nothing was collected"
            )
        return self.file.read(size)

    def seek(self, to: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, for which what lies between is decompressed."""
        if whence != os.SEEK_SET or to > self.most:
            raise CollectError(
                f"{self.name} grows too large when unpacked, like an archive made to "
                "fill a disk; nothing was collected"
            )
        return self.file.seek(to)

    def tell(self) -> int:
        """Give the place."""
        return self.file.tell()


def _not_plain(member: str, name: str) -> CollectError:
    return CollectError(
        f"{name} holds {member!r}, a link or device; nothing was collected"
    )


def _safe_parts(member: str, name: str) -> tuple[str, ...]:
    """Split a member's name, or refuse it if it could lead anywhere but down."""
    # A name that is not UTF-8 gets question marks where it is not.
    plain = member.encode("utf-8", "replace").decode().replace("\\", "/")
    parts = PurePosixPath(plain).parts
    if plain.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", plain):
        raise CollectError(
            f"{name} holds {member!r}, which leads out of its folder; "
            "nothing was collected"
        )
    if "\0" in plain or any(len(part.encode()) > 255 for part in parts):
        raise CollectError(f"{name} holds a name that no file can have: {member!r}")
    return parts


def _spend(budget: _Budget, size: int, shown: str, files: int = 1) -> None:
    budget.files -= files
    budget.bytes -= size
    if budget.files < 0 or budget.bytes < 0:
        raise CollectError(
            f"more than {MOST_FILES} files or {LARGEST_TOTAL // 1024**3} GB "
            f"(at {shown}); nothing was collected"
        )


def _refuse_twice(files: list[_File], name: str) -> None:
    """Refuse names that are the same, or that some disks take for the same.

    Those differ in case or in how accents are written; and one name cannot be a file's
    and a folder's.
    """
    seen: set[str] = set()
    folders: set[str] = set()
    for file in files:
        key = unicodedata.normalize("NFC", file.shown).casefold()
        if key in seen:
            raise CollectError(
                f"{name} holds {file.shown!r} twice; nothing was collected"
            )
        seen.add(key)
        folders.update(str(parent) for parent in PurePosixPath(key).parents)
    if both := sorted(seen & folders):
        raise CollectError(
            f"{name} holds {both[0]!r} as a file and as a folder; nothing was collected"
        )


# --- whose is it, and of what ---------------------------------------------------------

# (student, assignment) -> name in the submission -> file
_Found = dict[tuple[str, str], dict[str, _File]]


def _sort_out(
    files: list[_File],
    stems: dict[str, list[str]],
    assignment: str | None,
    notes: list[str],
) -> _Found:
    """Find the layout: the fewest common folders passed over that place the most."""
    folders = [file.parts[:-1] for file in files]
    levels = zip(*folders, strict=False)
    common = len(list(takewhile(lambda level: len(set(level)) == 1, levels)))
    best: tuple[tuple[int, int], _Found, list[str]] | None = None
    for passed in range(common + 1):
        said: list[str] = []
        found = _placed(files, passed, stems, assignment, said)
        odd = [
            stem
            for _, a, _, stem in _renamed(found, stems)
            if a not in stems.get(stem, [])
        ]
        doubts = len(said) + len(odd), len(said)
        if best is None or doubts < best[0]:
            best = (doubts, found, said)
    assert best is not None  # range(common + 1) is not empty
    _, found, said = best
    notes += said
    notes += [
        f"{student}: {shown} was put into {name}, which has no notebook of that name; "
        "if one is missing, `autograder grade` looks for it there"
        for student, name, shown, _ in _renamed(found, stems)
    ]
    spelt: dict[str, str] = {}
    for student, _ in found:
        _refuse_student(student)
        key = unicodedata.normalize("NFC", student).casefold()
        if spelt.setdefault(key, student) != student:
            raise CollectError(
                f"the students {spelt[key]!r} and {student!r} would be one on some "
                "disks; rename one. Nothing was collected"
            )
    return found


def _placed(
    files: list[_File],
    passed: int,
    stems: dict[str, list[str]],
    assignment: str | None,
    notes: list[str],
) -> _Found:
    """Place each file, the first `passed` folders of its name aside."""
    assignments = {name for names in stems.values() for name in names}
    found: _Found = {}
    beside: dict[str, dict[str, _File]] = {}  # STUDENT/name, by student and name
    for file in files:
        first, *rest = file.parts[passed:]
        if file.by_student and rest and rest[-1].casefold() == "timestamp.txt":
            continue
        if not rest:
            _place_flat(found, file, first, stems, notes)
        elif len(rest) > 1 and rest[0] in assignments:
            found.setdefault((first, rest[0]), {})["/".join(rest[1:])] = file
        else:
            beside.setdefault(first, {})["/".join(rest)] = file
    for student, own in beside.items():
        _place_beside(found, student, own, stems, assignment, notes)
    for student, name in list(found):
        if assignment not in (None, name):
            del found[student, name]
            notes.append(f"{student}: {name} was not asked for, and not collected")
    return found


def _is_notebook(name: str) -> bool:
    return name.endswith(".ipynb") and "/" not in name


def _renamed(
    found: _Found, stems: dict[str, list[str]]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield the notebooks with another name than their assignment's have.

    Student, assignment, the file's name, and whose copy it is by that.
    """
    for (student, assignment), submission in found.items():
        for name in submission:
            if _is_notebook(name) and assignment not in stems.get(name[:-6], []):
                yield student, assignment, name, _stem(name, stems)


def _stem(name: str, stems: dict[str, list[str]]) -> str:
    """Give the name of the notebook that a file is by its name, or is a copy of."""
    stem = name.removesuffix(".ipynb")
    return stem if stem in stems else _COPY.sub("", stem)


def _place_flat(
    found: _Found,
    file: _File,
    name: str,
    stems: dict[str, list[str]],
    notes: list[str],
) -> None:
    """Place ``STUDENT_notebook.ipynb``; the longest notebook's name that fits wins."""
    whole = name.removesuffix(".ipynb")
    plains = (whole, _COPY.sub("", whole)) if _is_notebook(name) else ()
    for plain in dict.fromkeys(plains):
        for stem in sorted(stems, key=len, reverse=True):
            for separator in SEPARATORS:
                student = plain.removesuffix(separator + stem)
                if student not in ("", plain):
                    notebook = f"{stem}{whole.removeprefix(plain)}.ipynb"
                    for assignment in stems[stem]:
                        found.setdefault((student, assignment), {})[notebook] = file
                    return
    notes.append(
        f"{file.shown} was not collected: no STUDENT_notebook.ipynb of a course's"
    )


def _place_beside(
    found: _Found,
    student: str,
    own: dict[str, _File],
    stems: dict[str, list[str]],
    assignment: str | None,
    notes: list[str],
) -> None:
    """Place ``STUDENT/notebook.ipynb`` and the files beside it."""
    notebooks = {name for name in own if _is_notebook(name)}
    known = {name: stems.get(_stem(name, stems), []) for name in notebooks}
    meant = {target for targets in known.values() for target in targets}
    if not meant and notebooks and assignment:
        meant = {assignment}
    for name, file in own.items():
        if not meant or (known.get(name) == [] and len(meant) > 1):
            notes.append(
                f"{file.shown} was not collected: its name does not say which "
                "assignment it belongs to"
            )
            continue
        for target in sorted(known.get(name) or meant):
            found.setdefault((student, target), {})[name] = file


def _refuse_student(student: str) -> None:
    if (
        not student.isprintable()
        or student != student.strip()
        or student.startswith(".")
        or len(student) > LONGEST_STUDENT
        or _NO_STUDENT & set(student)
    ):
        raise CollectError(
            f"{student!r} cannot be a student's id: nbgrader takes no + * ? [ ] and "
            "the like, no leading dot, no blank at an end, at most "
            f"{LONGEST_STUDENT} characters; rename it. Nothing was collected"
        )


# --- writing --------------------------------------------------------------------------


def _stage(found: _Found, folder: Path) -> dict[tuple[str, str], Path]:
    """Copy each submission into a folder of its own."""
    staged = {}
    for number, (key, submission) in enumerate(sorted(found.items())):
        staged[key] = folder / str(number)
        for name, file in submission.items():
            target = staged[key] / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file.path, target, follow_symlinks=False)
                target.chmod(0o644)
            except OSError as error:  # a path that is too long, a full disk
                raise CollectError(
                    f"{file.shown[:200]} cannot be written: {error.strerror}; nothing "
                    "was collected"
                ) from None
    return staged


def _put_in_place(
    course: Course,
    staged: dict[tuple[str, str], Path],
    old: Path,
    force: bool,
    collected: Collected,
) -> None:
    """Move submissions to where they belong; if one cannot be moved, take all back."""
    with contextlib.ExitStack() as undo:
        for number, ((student, assignment), folder) in enumerate(staged.items()):
            final = course.submitted / student / assignment
            if final.exists():
                if not force and not _is_newer(folder, final):
                    collected.kept.append((student, assignment))
                    continue
                old.mkdir(exist_ok=True)
                away = old / str(number)
                final.rename(away)
                undo.callback(away.rename, final)
            final.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(final)
            undo.callback(final.rename, folder)
            collected.written.append((student, assignment))
        undo.pop_all()


def _is_newer(new: Path, there: Path) -> bool:
    """Compare timestamps where both have one, otherwise the latest files."""
    stamps = [_timestamp(folder) for folder in (new, there)]
    if all(stamps):
        return stamps[0] > stamps[1]
    return _latest(new) > _latest(there)


def _timestamp(folder: Path) -> datetime | None:
    try:
        return parse_utc((folder / "timestamp.txt").read_text("utf-8").strip())
    except (OSError, ValueError, OverflowError, TypeError):
        return None


def _latest(folder: Path) -> int:
    """Give the time of the latest file, in seconds: archives know no more."""
    return max((int(p.lstat().st_mtime) for p in folder.rglob("*")), default=0)
