"""The folder of one run: made for it, locked while it lives, gone afterwards.

::

    autograder-run-XXXXXXXX/   only the grader writes here
    ├── lock                   held while the run lives; free means left behind
    ├── code/                  the four modules that the student's side needs
    ├── files/                 the files that the student's code will see
    └── box/                   the student's own, at the level lockdown only
        ├── work/  home/  tmp/
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from autograder.errors import SandboxError

_PREFIX = "autograder-run-"
_STUDENT_MODULES = ("lockdown.py", "meter.py", "shell.py", "warden.py", "wire.py")
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

    Symbolic links are removed, never followed. No process may be using the tree.
    """
    if not top.is_dir() or top.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            top.unlink()
        return
    # What lies deeper is first moved up to `top`, so neither the stack nor the length
    # of a path grows with the depth.
    _open_up(top)
    while True:
        folders = _unlink_files(top)
        if not folders:
            os.rmdir(top)
            return
        for folder in folders:
            for deeper in _unlink_files(folder):
                os.rename(deeper, f"{top}/{secrets.token_hex(16)}")
            os.rmdir(folder)


def _open_up(folder: str | Path) -> None:
    if os.geteuid() != 0:  # root needs no permission
        os.chmod(folder, 0o700)


def _unlink_files(folder: str | Path) -> list[str]:
    """Remove everything in `folder` but its folders; return these, opened up."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _open_up(entry.path)
                folders.append(entry.path)
            else:
                os.unlink(entry.path)
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
                and _lock(folder) is not None
            ):
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


def _write_files(files: Mapping[str, bytes], target: Path) -> None:
    """Write the files of a job into the new folder `target`."""
    target.mkdir(mode=0o755)
    for name, content in files.items():
        folder = target
        for part in Path(name).parent.parts:
            folder /= part
            folder.mkdir(mode=0o755, exist_ok=True)
        (target / name).write_bytes(content)
        (target / name).chmod(0o644)


@contextlib.contextmanager
def run_folder(files: Mapping[str, bytes], uid: int | None) -> Iterator[Path]:
    """Make the folder of a run, with `files` in it; remove it after.

    Parameters
    ----------
    files : dict of str to bytes
        What the code sees in its working folder: contents by relative name.
    uid : int or None
        The user who will run the code, if not the caller.
    """
    root = temporary_root(for_others=uid is not None)
    remove_left_behind(root)
    top = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    lock = None
    try:
        lock = _lock(top)
        if uid is not None:  # nobody else may enter
            os.chown(top, os.geteuid(), uid)
            top.chmod(0o710)
        package = top / "code" / "autograder" / "runner"
        package.mkdir(parents=True)
        (package.parent / "__init__.py").touch()
        (package / "__init__.py").touch()
        for name in _STUDENT_MODULES:
            shutil.copyfile(Path(__file__).parent / name, package / name)
            (package / name).chmod(0o644)
        for room in (top / "code", package.parent, package):
            room.chmod(0o755)
        _write_files(files, top / "files")
        yield top
    finally:
        if lock is not None:
            os.close(lock)
        remove_tree(top)
