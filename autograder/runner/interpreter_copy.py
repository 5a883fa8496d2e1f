"""A copy of the interpreter and its packages that another user can read.

When the grader is root and its Python lies in a folder that no other user may enter (a
private home), it makes such a copy, once for each environment: hard links where
possible, owned by root, made anew when a package is installed or removed. A copy names
its environment, and is removed when that is gone, or after days without use, unless a
process holds the lock on it.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import SandboxError
from autograder.runner import folders
from autograder.runner.interpreter import Interpreter, here, package_folders

_LEFT_OUT = {"site-packages", "test", "idlelib", "turtledemo", "ensurepip", "lib2to3"}
_COPY_PREFIX = "autograder-python-"
_UNUSED_SECONDS = 3 * 24 * 3600  # a grader at work may have begun with an older copy
_MARK = "environment"  # the file in a copy that says what it is of; locked while in use

_held: set[Path] = set()  # the copies that this process uses


def for_another_user() -> Interpreter:
    """Return this interpreter such that any user can run it: itself, or a copy.

    Raises
    ------
    SandboxError
        If a copy is needed and cannot be made safely.
    """
    own = here()
    if all(_readable_by_others(Path(path)) for path in own.readable):
        return own
    return _copy()


def _readable_by_others(path: Path) -> bool:
    needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
    mode = path.stat().st_mode
    return mode & needed == needed and folders.open_to_others(path.parent.resolve())


def _fingerprint(folders: list[Path]) -> str:
    """Return a hash that changes when a package is installed, renewed or removed."""
    digest = hashlib.sha256(sys.version.encode())
    for folder in folders:
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            changed = entry.stat(follow_symlinks=False).st_mtime_ns
            digest.update(f"{entry.path}\0{changed}\0".encode())
    return digest.hexdigest()[:16]


def _copy_home(near: Path) -> Path:
    """Return the folder for copies: on the same disk as `near` if there is one."""
    usable = [
        folder
        for folder in (Path("/var/cache"), Path("/var/tmp"), Path("/tmp"))
        if folder.is_dir()
        and os.access(folder, os.W_OK)
        and folders.open_to_others(folder)
    ]
    if not usable:
        raise SandboxError(
            "sandbox: the interpreter cannot be read by an ordinary user and there is "
            "no folder for a copy of it; install Python where every user can read it, "
            "or do not grade as root"
        )
    same_disk = [f for f in usable if f.stat().st_dev == near.stat().st_dev]
    return (same_disk or usable)[0]


def _safe(folder: Path) -> bool:
    """Return whether `folder` is a real folder that only this user can change."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid != os.geteuid()
        or status.st_mode & 0o022
    ):
        raise SandboxError(
            f"sandbox: {folder} is not a folder of user {os.geteuid()} that nobody "
            "else can write; remove it and try again"
        )
    return True


def _environment() -> str:
    """Name the environment of this process, by the folders that it needs."""
    return f"{sys.prefix}\0{sys.base_prefix}"


@contextlib.contextmanager
def _exclusive_lock(home: Path, which: str, wait: bool = True) -> Iterator[None]:
    """Let no other process make or remove copies of one environment meanwhile.

    If another process does so now, wait; without `wait`, raise BlockingIOError.
    """
    path = home / f".{_COPY_PREFIX}{which}.lock"
    flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def _hold(copy: Path) -> None:
    """Note what a copy is of, and that it is in use for as long as this process lives.

    Call it only while holding the exclusive lock.
    """
    if copy in _held:
        return
    flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(copy / _MARK, flags, 0o600)  # never closed: that would unlock
    if not os.fstat(descriptor).st_size:
        os.write(descriptor, os.fsencode(_environment()))
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    _held.add(copy)


def _remove_unused(home: Path, keep: Path) -> None:
    """Remove our copies of environments that are gone, or that rested for some days.

    Those that a process holds stay, and `keep`. One that cannot be looked at or removed
    now will be another time.
    """
    for copy in home.glob(f"{_COPY_PREFIX}*-*"):
        which = copy.name.removeprefix(_COPY_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if copy == keep or copy.lstat().st_uid != os.geteuid():
                continue
            with _exclusive_lock(home, which, wait=False):
                if _is_unused(copy):
                    # What is half removed must not be taken for a copy.
                    old = home / f"{_COPY_PREFIX}{which}-old-{secrets.token_hex(4)}"
                    copy.rename(old)
                    folders.remove_tree(old)


def _is_unused(copy: Path) -> bool:
    """Tell whether a copy can go; call it only while holding the exclusive lock.

    A copy without a mark, which an older version of this module made, goes by its age.
    """
    rested = time.time() - copy.lstat().st_mtime > _UNUSED_SECONDS
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(copy / _MARK, flags)
    except FileNotFoundError:
        return rested
    with open(descriptor, "rb") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        folders = mark.read().split(b"\0")
    return rested or not all(map(os.path.isdir, folders))


def _copy() -> Interpreter:
    """Return the copy that any user can read, making or renewing it if need be."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = package_folders()
    which = hashlib.sha256(_environment().encode()).hexdigest()[:8]
    home = _copy_home(packages[0] if packages else Path(sys.base_prefix))
    final = home / f"{_COPY_PREFIX}{which}-{_fingerprint(packages)}"
    _remove_unused(home, keep=final)
    with _exclusive_lock(home, which):
        if not _safe(final):
            prefix = f"{_COPY_PREFIX}{which}-new-"
            fresh = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
            try:
                _fill(fresh, version, packages)
                fresh.chmod(0o755)
                os.rename(fresh, final)
            except OSError as error:
                folders.remove_tree(fresh)
                raise SandboxError(
                    f"sandbox: copying the interpreter to {home} failed: {error}; "
                    "make room there, or install Python where every user can read it"
                ) from error
        os.utime(final)
        _hold(final)
    extra = sorted((final / "packages").glob("*"))
    return Interpreter(
        executable=str(final / "bin" / version),
        readable=(str(final),),
        packages=tuple(map(str, extra)),
        library_path=str(final / "lib"),
    )


def _fill(target: Path, version: str, packages: list[Path]) -> None:
    (target / "bin").mkdir()
    _link(os.path.realpath(sys.executable), str(target / "bin" / version))
    standard = Path(sysconfig.get_path("stdlib"))
    library = target / "lib" / version

    def left_out(folder: str, names: list[str]) -> set[str]:
        if folder != str(standard):
            return set()
        return {n for n in names if n in _LEFT_OUT or n.startswith("config-")}

    _copy_tree(standard, library, left_out)
    for shared in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
        _link(os.path.realpath(shared), str(target / "lib" / shared.name))
    for number, folder in enumerate(packages):
        place = library / "site-packages" if not number else None
        _copy_tree(folder, place or target / "packages" / str(number))
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o755)


def _copy_tree(source: Path, target: Path, ignore: object = None) -> None:
    shutil.copytree(
        source,
        target,
        symlinks=False,
        ignore=ignore,
        copy_function=_link,
        ignore_dangling_symlinks=True,
    )


def _link(source: str, target: str) -> None:
    """Make `target` the same file as `source`, or a copy that anybody can read."""
    status = os.stat(source)
    if status.st_mode & stat.S_IROTH and not os.path.islink(source):
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)
    os.chmod(target, stat.S_IMODE(status.st_mode) | 0o444)
