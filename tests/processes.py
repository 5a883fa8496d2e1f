"""The processes of runs, seen from outside, each with what it does."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from autograder.runner.inside import meter

ROLES = ("worker", "fork server", "reaper", "student", "snapshot", "checker")


class Process(NamedTuple):
    """A process of the grader's, and its role, one of `ROLES`."""

    role: str
    pid: int


def processes(root: int) -> list[Process]:
    """Find the processes beneath `root`, which may be a worker itself."""
    return list(_beneath(root, in_server=False))


def _beneath(pid: int, in_server: bool) -> Iterator[Process]:
    command = _read(pid, "cmdline")
    if b"workers.pool" in command:
        yield Process("worker", pid)
    is_server = b"inside.worker" in command and b"bwrap" not in command[:40]
    if is_server and in_server:
        yield from _of_run(pid)
        return
    if is_server:
        yield Process("fork server", pid)
    for child in meter.children(pid):
        yield from _beneath(child.pid, is_server)


def _of_run(first: int) -> Iterator[Process]:
    """Tell apart what a fork server has forked: a reaper and its own, or a checker.

    What is not locked in yet, or was started by the student's code, is left out.
    """
    if _folder(first).endswith("/work"):  # locked in: inside bwrap a checker
        yield Process("checker", first)
        return
    yield Process("reaper", first)
    for stat in meter.descendants(first):
        folder = Path(_folder(stat.pid))
        if folder.name == "work":
            is_check = folder.parent.name == "check"
            role = "student" if _leads_group(stat.pid) else "snapshot"
            yield Process("checker" if is_check else role, stat.pid)


def _folder(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def _leads_group(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
