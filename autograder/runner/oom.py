"""What the kernel's OOM killer has done, before and after a run.

The kernel does not say why a process was killed. It counts those that it killed for
want of memory: on the machine, and in each control group with a limit. Of a run that
ended by a SIGKILL that nobody here sent, the difference tells whether that may have
been the reason.
"""

import functools
import re
from typing import NamedTuple

_GROUPS = "/sys/fs/cgroup"
_OOM_KILL = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


class Kills(NamedTuple):
    """How many processes the kernel has killed for want of memory.

    Attributes
    ----------
    machine : int
        Since the machine started.
    group : int
        In the grader's own control group; 0 if it has none that counts.
    """

    machine: int
    group: int


def count_kills() -> Kills:
    """Read the counts as they are now."""
    return Kills(
        _count("/proc/vmstat") or 0,
        next((n for path in _group_files() if (n := _count(path)) is not None), 0),
    )


def describe_kills(before: Kills, after: Kills) -> str:
    """Say in a sentence what was killed for want of memory between two counts."""
    machine, group = after.machine - before.machine, after.group - before.group
    if not machine and not group:
        return "The kernel killed nothing for want of memory meanwhile."
    here = f", {group} of them in the grader's control group" if group else ""
    return (
        "Meanwhile the kernel killed processes for want of memory on this machine: "
        f"{max(machine, group)}{here}."
    )


@functools.cache
def _group_files() -> tuple[str, ...]:
    """Return the files that may have the count of this process's control group.

    Version 2 has it in ``memory.events``, version 1 in ``memory.oom_control``.
    """
    files = []
    for line in (_read("/proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            files += [
                f"{_GROUPS}{path}/memory.events",
                f"{_GROUPS}/unified{path}/memory.events",
            ]
        elif "memory" in controllers.split(","):
            files.append(f"{_GROUPS}/memory{path}/memory.oom_control")
    return tuple(files)


def _count(path: str) -> int | None:
    text = _read(path)
    found = _OOM_KILL.search(text) if text is not None else None
    return int(found[1]) if found else None


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None
