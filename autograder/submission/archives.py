"""Read archives and folders of strangers, within bounds, before anything is written."""

import bz2
import contextlib
import gzip
import lzma
import os
import re
import stat
import tarfile
import tempfile
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from autograder.errors import CollectError

MOST_FILES = 50_000
LARGEST_FILE = 200 * 1024**2  # bytes
LARGEST_TOTAL = 4 * 1024**3  # bytes
# An archive that grows more than so many times is a bomb; small ones may.
LARGEST_RATIO = 200
RATIO_COUNTS_FROM = 50 * 1024**2  # bytes
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_LARGEST_READ = 4 * 1024**2  # bytes; more than the pieces that files are read in
_HEADERS = 100 * 1024**2  # bytes that a tar archive may have besides its files
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", ".ipynb_checkpoints", "__pycache__"}


@dataclass(frozen=True)
class HandedInFile:
    """One file of the source: its name there, and where its bytes are now."""

    parts: tuple[str, ...]
    path: Path
    by_student: bool = False  # from an archive that a student made

    @property
    def shown(self) -> str:
        """The name as messages show it."""
        return "/".join(self.parts)


@dataclass
class _Budget:
    """What may still be unpacked."""

    files: int = field(default_factory=lambda: MOST_FILES)
    bytes: int = field(default_factory=lambda: LARGEST_TOTAL)


# --- reading the source ---------------------------------------------------------------


def unpack_all(source: Path, scratch: Path) -> list[HandedInFile]:
    """List the files of a folder or archive, with students' archives unpacked."""
    budget = _Budget()
    scratch.mkdir()
    if source.is_dir():
        files = list(_listed(source, budget))
    elif source.is_file() and source.suffix == ".ipynb":
        _spend(budget, source.stat().st_size, source.name)
        files = [HandedInFile((source.name,), source)]
    elif source.is_file():
        files = _unpacked(source, source.name, scratch, budget)
    else:
        raise CollectError(f"there is no file or folder {source}")
    result: list[HandedInFile] = []
    for file in files:
        student = _archive_stem(file.parts[-1])
        if student is None:
            result.append(file)
            continue
        prefix = (*file.parts[:-1], student)
        result += [
            HandedInFile((*prefix, *inner.parts), inner.path, by_student=True)
            for inner in _unpacked(file.path, file.shown, scratch, budget)
        ]
    _refuse_twice(result, source.name)
    return result


def _archive_stem(name: str) -> str | None:
    for ending in sorted(ARCHIVES, key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return None


def _listed(folder: Path, budget: _Budget) -> Iterator[HandedInFile]:
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
            yield HandedInFile(parts, path)


def _unpacked(
    archive: Path, name: str, scratch: Path, budget: _Budget
) -> list[HandedInFile]:
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
            files.append(HandedInFile(parts, path))
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
                parts = _safe_parts(_in_unicode(info), name)
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


def _in_unicode(info: zipfile.ZipInfo) -> str:
    """Give a member's name; many programs write UTF-8 and do not say so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


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
        """Go to a position; what lies before it is decompressed on the way."""
        if whence != os.SEEK_SET or to > self.most:
            raise CollectError(
                f"{self.name} grows too large when unpacked, like an archive made to "
                "fill a disk; nothing was collected"
            )
        return self.file.seek(to)

    def tell(self) -> int:
        """Give the position."""
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


def _refuse_twice(files: list[HandedInFile], name: str) -> None:
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
