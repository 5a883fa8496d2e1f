"""The two levels of isolation, bwrap and lockdown, and how a process gets into each.

- ``bwrap``: bubblewrap puts the student's process into namespaces of its own: it sees
  a file system with the system's programs, Python and one small disk in memory, no
  network, no other process. What `lockdown` does is done inside too, as a second line.
- ``lockdown``: Landlock, seccomp and rlimits alone, for containers and systems that
  allow no user namespaces. Other processes exist but cannot be reached.

Which of them works here is found out by trying: see `autograder.runner.probe`.
When the grader is root, each run gets a user of its own that nobody else has.
"""

import contextlib
import itertools
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.runner.interpreter import Interpreter
from autograder.runner.job import Limits

MEGABYTE = 1024 * 1024
_DEVICES = ("null", "zero", "full", "random", "urandom")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
_SETTINGS = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
)
_START = """\
import sys
sys.path.insert(0, sys.argv[1])
from autograder.runner.inside.worker import main
main(int(sys.argv[2]))
"""
# What the kernel holds for open files counts nowhere, and can grow with their square
# (an epoll of each, with all others in it).
_OPEN_FILES = 256
# The kernel's limit lies above the one that is judged: the shell itself counts there,
# and a fork bomb that is refused too early is over before it is seen.
_KERNEL_PROCESSES = 4
_OWN_PROCESSES = 2  # the run's first process and its reaper
_NOBODY = 65534
# A range that distributions leave unused: 64 runs at once for each possible pid.
_FIRST_RUN_UID = 1_879_048_192
_run_numbers = itertools.count()


@dataclass(frozen=True)
class Sandbox:
    """A level of isolation that works here, with the Python it runs.

    Attributes
    ----------
    level : str
        "bwrap" or "lockdown".
    interpreter : Interpreter
        The Python of the student's process.
    nested : bool
        Whether inside bwrap each run can have namespaces of its own, so that a warm
        process can serve one run after another. At the level lockdown it always can.
    fonts : str
        matplotlib's list of fonts as it is inside, so that no run has to make its own:
        name of the file, a newline, its text; empty if there is none.
    """

    level: str
    interpreter: Interpreter
    nested: bool = True
    fonts: str = ""

    def command(
        self, top: Path, limits: Limits, control: int, info: int
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command that starts a warm process, and its environment.

        Parameters
        ----------
        top : Path
            A folder made by `folders.run_folder`.
        limits : Limits
            What its runs may use, where they have no disk of their own.
        control, info : int
            Descriptors for it: its socket to the grader, and bwrap's report.
        """
        inside = self.level == "bwrap"
        code = Path("/grader/code") if inside else top / "code"
        python = [
            *(self.interpreter.executable, "-I", "-B", "-c", _START),
            *(str(code), str(control)),
        ]
        around = self._bwrap(top, limits, info) if inside else []
        return [*around, *python], self._environment(self.box(top, "box"))

    def box(self, top: Path, name: str) -> Path:
        """Return the folder that a run may write to, as the run sees it."""
        return Path("/tmp/box") if self.level == "bwrap" else top / name

    def restrictions(
        self,
        box: Path,
        top: Path,
        limits: Limits,
        uid: int | None,
        snapshots: int = 0,
    ) -> dict[str, Any]:
        """Return what a run's first process gives up: the argument of `lockdown.lock`.

        Besides the processes that `limits` allows, it may have so many `snapshots`.
        """
        inside = self.level == "bwrap"
        if inside:
            readable, writable = ["/"], ["/tmp"]
        else:
            readable = [*_SYSTEM, *_SETTINGS, *self.interpreter.readable]
            readable += [str(top / "code"), "/proc/self"]
            writable = [str(box)]
        own_user = uid not in (None, _NOBODY)
        # The kernel counts processes by user, or by user and namespace.
        alone = own_user or (inside and _kernel() >= (5, 14))
        others = 0 if alone else _tasks_of_user(os.geteuid() if uid is None else uid)
        disk = limits.disk_mb * MEGABYTE
        return {
            "readable": readable,
            "writable": writable,
            "devices": [f"/dev/{name}" for name in _DEVICES],
            "namespaces": inside,
            "own_user": own_user,
            "rlimits": {
                "CORE": 0,
                "MSGQUEUE": 0,
                "MEMLOCK": 0,
                "NOFILE": _OPEN_FILES,
                "FSIZE": disk + disk // 16,
                "NPROC": _KERNEL_PROCESSES * limits.processes
                + _OWN_PROCESSES
                + snapshots
                + others,
                "CPU": int(2 * limits.notebook_cpu_seconds) + 60,
            },
        }

    def _environment(self, box: Path) -> dict[str, str]:
        fixed = {
            "PATH": f"{Path(self.interpreter.executable).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
            "USER": "student",
            "LOGNAME": "student",
            "HOME": str(box / "home"),
            "TMPDIR": str(box / "tmp"),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "NUMEXPR_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",
            # Its semaphores need /dev/shm, which lockdown does not give.
            "JOBLIB_MULTIPROCESSING": "0",
            "PYTHONHASHSEED": "0",
        }
        if self.interpreter.library_path:
            fixed["LD_LIBRARY_PATH"] = self.interpreter.library_path
        return fixed

    def _bwrap(self, top: Path, limits: Limits, info: int) -> list[str]:
        """Return the command that puts what follows into namespaces of its own."""
        disk = limits.disk_mb * MEGABYTE
        argv = [
            shutil.which("bwrap") or "bwrap",
            *("--unshare-all", "--unshare-user"),
            *("--uid", str(_NOBODY), "--gid", str(_NOBODY), "--cap-drop", "ALL"),
            *([] if self.nested else ["--disable-userns"]),
            *("--die-with-parent", "--new-session"),
            *("--hostname", "sandbox", "--info-fd", str(info), "--proc", "/proc"),
            *("--size", str(disk + disk // 16 + MEGABYTE), "--tmpfs", "/tmp"),
            *("--dir", "/dev"),
        ]
        for name in _DEVICES:
            argv += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            argv += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
        argv += ["--symlink", "/proc/self/fd", "/dev/fd"]
        argv += ["--symlink", "/tmp/box/shm", "/dev/shm"]
        seen: list[str] = []
        for path in (*_SYSTEM, *_SETTINGS, *self.interpreter.readable):
            if any(path == s or path.startswith(s + "/") for s in seen):
                continue
            if os.path.islink(path) and path in _SYSTEM:
                argv += ["--symlink", os.readlink(path), path]
            elif os.path.exists(path):
                argv += ["--ro-bind", path, path]
                seen.append(path)
        argv += ["--ro-bind", str(top / "code"), "/grader/code"]
        return [*argv, "--remount-ro", "/", "--chdir", "/tmp", "--"]


def new_uid() -> int | None:
    """Return a user id for a run: None, for the caller's own, unless that is root's.

    No other run has it now; only where there are too few ids it is that of nobody.
    """
    if os.geteuid() != 0:
        return None
    number = (os.getpid() % 2**22) * 64 + next(_run_numbers) % 64
    wanted = _FIRST_RUN_UID + number
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, length = map(int, line.split())
        if first <= wanted < first + length:
            return wanted
    return _NOBODY


def _kernel() -> tuple[int, int]:
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(itertools.takewhile(str.isdigit, minor)))


def _tasks_of_user(uid: int) -> int:
    """Return how many threads the user has on this machine now."""
    count = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdecimal() and os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count
