"""The folder of one run: made for it, locked while it lives, gone afterwards.

::

    autograder-run-XXXXXXXX/   only the grader writes here
    ├── lock                   held while the run lives; free means left behind
    ├── code/                  the modules that the sandbox's side needs
    └── box/  check/           of a student's process and of a checker, at the level
                               lockdown only
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import SandboxError

_PREFIX = "autograder-run-"
_INSIDE = Path(__file__).parent / "inside"
_LEFT_OUT = shutil.ignore_patterns("__pycache__")
_FRESH_SECONDS = 60  # a folder younger than this may not have taken its lock yet


def open_to_others(path: Path) -> bool:
    """Return whether every user may enter `path` and all folders above it."""
    return all(
        os.stat(folder).st_mode & stat.S_IXOTH
        for folder in (path, *path.parents)
        if folder.is_dir()
    )


def temporary_root(for_others: bool) -> Path:
    """Return the folder for temporary folders; one that others may enter if asked."""
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    for candidate in candidates:
        folder = candidate.resolve()
        if os.access(folder, os.W_OK) and (not for_others or open_to_others(folder)):
            return folder
    raise SandboxError(
        "run folder: no temporary folder can be entered by other users, tried "
        + ", ".join(map(str, candidates))
        + "; set TMPDIR to one with mode 1777"
    )


def remove_tree(top: Path) -> None:
    """Remove `top` and all beneath it, however deep and whatever the modes.

    Symbolic links are removed, never followed, not even one that a process puts in the
    place of a folder meanwhile: root may be removing what a stranger made.
    """
    if not top.is_dir() or top.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            top.unlink()
        return
    # What lies deeper is first moved up to `top`, so neither the stack nor the length
    # of a path grows with the depth.
    with _opened(str(top)) as above:
        while folders := _unlink_files(above):
            for name in folders:
                with _opened(name, above) as folder:
                    for deeper in _unlink_files(folder):
                        moved = secrets.token_hex(16)
                        os.rename(deeper, moved, src_dir_fd=folder, dst_dir_fd=above)
                os.rmdir(name, dir_fd=above)
    os.rmdir(top)


@contextlib.contextmanager
def _opened(name: str, above: int | None = None) -> Iterator[int]:
    """Open the folder `name`, which is no link, whatever its mode."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    found = os.open(name, flags | os.O_PATH, dir_fd=above)
    try:
        itself = f"/proc/self/fd/{found}"
        if os.geteuid() != 0:  # root needs no permission
            os.chmod(itself, 0o700)
        descriptor = os.open(itself, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(found)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _unlink_files(folder: int) -> list[str]:
    """Remove everything in `folder` but its folders; return these."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=folder)
    return folders


def remove_left_behind(root: Path) -> None:
    """Remove the run folders in `root` that are ours and that no living run holds."""
    for folder in root.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            age = time.time() - status.st_mtime
            if (
                stat.S_ISDIR(status.st_mode)
                and status.st_uid == os.geteuid()
                and age > _FRESH_SECONDS
                and (lock := _lock(folder)) is not None
            ):
                os.close(lock)
                remove_tree(folder)


def _lock(folder: Path) -> int | None:
    """Return a descriptor that holds the lock of `folder`, or None if it is held."""
    flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder / "lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def run_folder(for_others: bool) -> Iterator[Path]:
    """Make the folder of a warm process and its runs; remove it after.

    Parameters
    ----------
    for_others : bool
        Whether other users than the caller will run the code. They can go through the
        folder to what is theirs; they cannot list it.
    """
    owner = os.getpid()
    root = temporary_root(for_others)
    remove_left_behind(root)
    top = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    lock = None
    try:
        lock = _lock(top)
        if for_others:
            top.chmod(0o711)
        _copy_inside(top / "code" / "autograder" / "runner")
        yield top
    finally:
        if os.getpid() == owner:  # a fork of ours has the folder in its memory too
            if lock is not None:
                os.close(lock)
            remove_tree(top)


def make_box(top: Path, name: str, uid: int | None) -> None:
    """Make an empty folder for one process of one run, in place of an older one."""
    box = top / name
    if box.exists():
        remove_tree(box)
    box.mkdir(mode=0o700)
    if uid is not None:
        os.chown(box, uid, uid)


def _copy_inside(package: Path) -> None:
    """Copy what goes inside, so that every user can read it, and nothing else of ours.

    Parameters
    ----------
    package : Path
        The folder that is to be the package `autograder.runner` inside. It and the one
        above it get an empty ``__init__.py``.
    """
    shutil.copytree(_INSIDE, package / "inside", ignore=_LEFT_OUT)
    for parent in (package, package.parent):
        (parent / "__init__.py").touch()
    for folder, _, files in os.walk(package.parent.parent):
        os.chmod(folder, 0o755)
        for name in files:
            os.chmod(os.path.join(folder, name), 0o644)
