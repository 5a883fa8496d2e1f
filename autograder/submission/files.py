"""Read what a student handed in: the notebook, and the files that its code may see."""

import importlib.machinery
import os
import stat
import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cache
from pathlib import Path, PurePosixPath

from nbgrader.utils import parse_utc

from autograder.errors import NotReadableError
from autograder.submission.sanitize import sanitize_name
from autograder.texts import some_of

LARGEST_NOTEBOOK = 20 * 1024**2  # bytes; a notebook full of figures has a few million
LARGEST_FILES = 50 * 1024**2  # bytes, all other files of a submission together
MOST_FILES = 500
# What nbgrader lays beside a submission.
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"
_LARGEST_BESIDE = 1000  # bytes, of each of them

# Modules that Python or IPython would import by itself, had a submission one.
_IMPORTED_UNASKED = frozenset({"sitecustomize", "usercustomize", "ipython_config"})


def read_submitted(path: Path) -> bytes:
    """Read a submitted notebook's file, and nothing that a link or device leads to.

    Raises
    ------
    FileNotFoundError
        If there is none.
    NotReadableError
        If it is not an ordinary file, or larger than `LARGEST_NOTEBOOK`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        kind = "a link" if path.is_symlink() else f"not readable: {error.strerror}"
        raise NotReadableError(f"{path.name} is {kind}, not an ordinary file") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotReadableError(f"{path.name} is not an ordinary file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(LARGEST_NOTEBOOK + 1)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST_NOTEBOOK:
        raise NotReadableError(
            f"{path.name} has {status.st_size / 1024**2:.0f} MB; notebooks are read up "
            f"to {LARGEST_NOTEBOOK // 1024**2} MB (clear its outputs)"
        )
    return data


def read_timestamp(folder: Path) -> tuple[datetime | None, list[str]]:
    """Read when a submission was handed in, as nbgrader writes it down.

    Returns
    -------
    timestamp : datetime or None
        None if there is none, or none that can be read.
    repairs : list of str
        That it cannot be read, a sentence or none.
    """
    try:
        text = _read_beside(folder / TIMESTAMP)
        return (parse_utc(text) if text else None), []
    except FileNotFoundError:
        return None, []
    except (ValueError, OverflowError, TypeError, OSError) as error:
        return None, [f"{TIMESTAMP} was not read ({error}); no lateness is counted."]


def timestamp_of(when: datetime | None) -> str:
    """Write a time as nbgrader does, empty for None; one without a zone is UTC."""
    if when is None:
        return ""
    when = when.astimezone(UTC) if when.tzinfo else when
    return f"{when:%Y-%m-%d %H:%M:%S.%f} UTC"


def read_secret(folder: Path) -> str:
    """Read the secret by which `nbgrader fetch_feedback` finds a submission's pages.

    Empty if there is none, because the submission did not come through the exchange, or
    if it is no ordinary small file.
    """
    try:
        return _read_beside(folder / SECRET)
    except (OSError, ValueError):
        return ""


def _read_beside(path: Path) -> str:
    """Read what nbgrader lays beside a submission, and nothing that a link leads to."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_BESIDE:
        raise ValueError("no ordinary small file")
    return path.read_text(encoding="utf-8").strip()


def _folders(name: str) -> list[str]:
    """Return the folders that a file lies in."""
    return [str(folder) for folder in PurePosixPath(name).parents][:-1]


def gather(
    submitted: Path,
    master: Mapping[str, bytes],
    ignore: list[str],
    notebooks: Collection[str],
) -> tuple[dict[str, bytes], list[str]]:
    """Read the files that a submission's code may see, by relative name.

    These are the assignment's own, and the submission's other files, except notebooks
    and what would take the place of something: a file that the assignment has too, or a
    module that could be imported instead of an installed one. Links and devices are
    left out, and what goes beyond `MOST_FILES` files or `LARGEST_FILES` bytes.

    Parameters
    ----------
    submitted : Path
        ``submitted/S/A``; need not exist.
    master : dict of str to bytes
        What `master_files` gave.
    ignore : list of str
        File name patterns that nbgrader ignores.
    notebooks : collection of str
        The names of the notebook files that are graded; others are left out.

    Returns
    -------
    files : dict of str to bytes
        Contents by relative name.
    left_out : list of str
        What was left out, a sentence each.
    """
    taken = {name.casefold() for name in master}
    folders = {folder for name in taken for folder in _folders(name)}
    files = dict(master)
    left_out: dict[str, list[str]] = {}
    total = count = 0
    for name, path in _walk(submitted, ignore):
        if name in notebooks:
            continue
        status = path.lstat()
        if name.endswith(".ipynb"):
            reason = "the assignment has no notebook of that name"
        elif not stat.S_ISREG(status.st_mode):
            reason = "links and devices are not followed"
        elif name.casefold() in taken:
            # The handout's own files come back with every submission: say something
            # only if this one differs.
            if _read(path) == master.get(name):
                continue
            reason = "the assignment's own is used"
        elif name.casefold() in folders or not taken.isdisjoint(
            _folders(name.casefold())
        ):
            reason = "a file and a folder cannot have the same name"
        elif module := _shadowed(name):
            reason = f"it would be imported instead of the module {module}"
        elif count >= MOST_FILES or total + status.st_size > LARGEST_FILES:
            reason = (
                f"{MOST_FILES} files and {LARGEST_FILES // 1024**2} MB are copied at "
                "most"
            )
        elif (content := _read(path)) is None:
            reason = "it cannot be read"
        else:
            count, total = count + 1, total + len(content)
            files[name] = content
            continue
        left_out.setdefault(reason, []).append(name)
    sentences = [
        f"Left out: {some_of(names)}; {reason}." for reason, names in left_out.items()
    ]
    return files, sentences


def _walk(folder: Path, ignore: list[str]) -> Iterator[tuple[str, Path]]:
    """List what is below `folder` and no real folder, by relative name, sorted."""

    def unwanted(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in ignore)

    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        folders[:] = sorted(n for n in folders if n not in links and not unwanted(n))
        for name in sorted([*files, *links]):
            if not unwanted(name):
                path = Path(parent, name)
                yield os.path.relpath(path, folder), path


def _read(path: Path) -> bytes | None:
    """Read a student's file; None if it cannot be read or is too large for any."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILES + 1)
    except OSError:
        return None
    return content if len(content) <= LARGEST_FILES else None


def _shadowed(name: str) -> str | None:
    """Name the installed module that a file would be imported instead of, if any."""
    top, *below = Path(name).parts
    module = top.split(".")[0]
    importable = below or Path(top).suffix in {".py", ".pyc", ".so", ".zip"}
    return module if importable and _is_installed(module) else None


@cache
def _is_installed(module: str) -> bool:
    if module in sys.stdlib_module_names or module in _IMPORTED_UNASKED:
        return True
    folders = [name for name in sys.path if name and Path(name) != Path.cwd()]
    spec = importlib.machinery.PathFinder.find_spec(module, folders)
    return spec is not None and spec.origin is not None


def prune(
    graded: Path, files: Mapping[str, bytes], master: Mapping[str, bytes]
) -> None:
    """Remove the copies that nbgrader made of files that were left out.

    Those of the student's that a browser would run get another name.

    nbgrader follows links: a link to the gradebook would end up in the feedback.
    """
    for parent, _, names in os.walk(graded):
        for name in names:
            path = Path(parent, name)
            relative = os.path.relpath(path, graded)
            if relative not in files and path.suffix != ".ipynb":
                path.unlink()
            elif relative not in master:
                path.rename(path.parent / sanitize_name(name))
