"""What a run uses, compared with its limits: usage and limits in, a breach out.

`Watch` reads what the processes of a run use and says which limit they have passed, in
words for the student, and what is to be done about it. It ends nothing itself; the one
thing it does to a process is to interrupt it, as Ctrl-C would. A cell that is over its
time is interrupted first, and ended if it goes on for longer than a grace period.
"""

import contextlib
import errno
import os
import re
import signal
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import NamedTuple

from autograder.errors import SandboxError
from autograder.runner.inside import meter
from autograder.runner.job import Limits
from autograder.runner.sandbox import MEGABYTE
from autograder.runner.side import Side
from autograder.verdicts import Verdict

POLL_SECONDS = 0.025
DISK_POLL_SECONDS = 0.25
_GRACE_CPU_SECONDS = 2.0  # after an interrupt, before the end
_GRACE_WALL_SECONDS = 20.0
_BLOCK_BYTES = 4096  # of the disk: the least that a file takes
_NO_MORE_PROCESSES = re.compile(
    rf"BlockingIOError: \[Errno {errno.EAGAIN}\]|RuntimeError: can't start new thread"
)
_MEMORY_ERRORS = {"MemoryError", "_ArrayMemoryError", "ArrayMemoryError"}


class Then(Enum):
    """What a breach of a limit leads to."""

    GO_ON = auto()
    INTERRUPT = auto()
    END_CELL = auto()  # a test cell alone; one of the student's, with all that follow
    END_RUN = auto()


@dataclass(frozen=True)
class Breach:
    """A limit that was passed.

    Attributes
    ----------
    verdict : Verdict
        Which limit.
    message : str
        What happened, with the figures, for the student.
    then : Then
        What it leads to.
    by_clock : bool
        Whether only the clock says so, not the CPU time.
    """

    verdict: Verdict
    message: str
    then: Then
    by_clock: bool = False


class _Mark(NamedTuple):
    """A moment: by the clock, and in CPU time of the run, in seconds."""

    clock: float
    cpu: float


class Watch:
    """The usage of a run's processes, and the limits for it.

    Methods that judge take the number of the cell to name in the message, and return
    the breach that there is, or None.
    """

    def __init__(self, limits: Limits) -> None:
        """Begin with no process."""
        self._limits = limits
        self._sides: list[Side] = []  # the student's first, then the checkers
        self._disk: int | None = None  # a descriptor of the run's own file system
        self._polled = 0.0
        self._interrupted: _Mark | None = None
        self._phase = self._cell = _Mark(time.monotonic(), 0.0)

    # ------------------------------------------------------------- usage

    def add(self, side: Side) -> None:
        """Watch one more side of the run; the student's is the first."""
        self._sides.append(side)

    def watch_disk(self) -> None:
        """Read what files take from the student's own file system, as bwrap gives it.

        Without this, the files are counted one by one.

        Raises
        ------
        SandboxError
            If it cannot be opened.
        """
        try:
            path = f"/proc/{self._sides[0].main}/root/tmp"
            self._disk = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SandboxError(
                f"sandbox: the student's process cannot be watched: {error}"
            ) from error

    @property
    def disk_is_quick(self) -> bool:
        """Whether `judge_disk` takes next to no time."""
        return self._disk is not None

    def begin_phase(self) -> None:
        """Count the time of a notebook from now."""
        self._phase = _Mark(time.monotonic(), self.cpu_seconds)

    def begin_cell(self) -> None:
        """Count the time of a cell from now."""
        self._interrupted = None
        self._cell = _Mark(time.monotonic(), self.cpu_seconds)

    def poll(self, after_seconds: float = 0.0) -> bool:
        """Read what the processes use; return whether that was done.

        It is not if the last time is less than `after_seconds` ago.
        """
        if time.monotonic() - self._polled < after_seconds:
            return False
        for side in self._sides:
            if side.root:
                side.usage.poll()
        self._polled = time.monotonic()
        return True

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all sides since each was ready, in seconds."""
        return sum(side.cpu_seconds for side in self._sides if side.main)

    @property
    def peak_memory_bytes(self) -> int:
        """The largest memory of the student's processes so far, in bytes."""
        return self._sides[0].usage.peak_memory_bytes if self._sides else 0

    # ------------------------------------------------------------- limits

    def judge(self, cell: int) -> Breach | None:
        """Compare processes, memory and time, as last polled, with the limits."""
        return (
            self._judge_processes(cell)
            or self._judge_memory(cell)
            or self._judge_time(cell)
        )

    def _judge_processes(self, cell: int) -> Breach | None:
        tasks = self._sides[0].usage.tasks
        if tasks <= self._limits.processes:
            return None
        return Breach(
            Verdict.OUT_OF_PROCESSES,
            f"Cell {cell} had {tasks} processes and threads at once; the limit is "
            f"{self._limits.processes}.",
            Then.END_CELL,
        )

    def _judge_memory(self, cell: int) -> Breach | None:
        student, *checkers = self._sides
        limit = self._limits.memory_mb
        used = student.usage.memory_bytes / MEGABYTE
        if used > limit:
            message = (
                f"Cell {cell} used {used:.0f} MB of memory; the limit is {limit} MB."
            )
        elif any(
            side.root and side.usage.memory_bytes > limit * MEGABYTE
            for side in checkers
        ):
            message = f"Cell {cell} took a check over {limit} MB of memory, the limit."
        else:
            return None
        return Breach(Verdict.OUT_OF_MEMORY, message, Then.END_CELL)

    def _judge_time(self, cell: int) -> Breach | None:
        """Judge the notebook's time, then a cell that was interrupted, then the cell's.

        CPU time comes before the clock, which a busy machine can run out alone.
        """
        limits, now, cpu = self._limits, time.monotonic(), self.cpu_seconds
        cell_cpu, cell_wall = cpu - self._cell.cpu, now - self._cell.clock
        all_cpu, all_wall = cpu - self._phase.cpu, now - self._phase.clock
        then, by_clock = Then.END_RUN, False
        if all_cpu > limits.notebook_cpu_seconds:
            message = (
                f"The notebook used {all_cpu:.0f} s of CPU time by cell {cell}; "
                f"the limit is {limits.notebook_cpu_seconds:g} s for all cells."
            )
        elif all_wall > limits.notebook_wall_seconds:
            by_clock = True
            message = (
                f"The notebook took {all_wall:.0f} s by the clock by cell {cell}, with "
                f"{all_cpu:.0f} s of CPU time; the limit is "
                f"{limits.notebook_wall_seconds:g} s for all cells."
            )
        elif self._interrupted is not None:
            if (
                cpu - self._interrupted.cpu <= _GRACE_CPU_SECONDS
                and now - self._interrupted.clock <= _GRACE_WALL_SECONDS
            ):
                return None
            then = Then.END_CELL
            message = "It did not stop when interrupted, so it was ended there."
        elif cell_cpu > limits.cell_cpu_seconds:
            then = Then.INTERRUPT
            message = (
                f"Cell {cell} used {cell_cpu:.0f} s of CPU time; the limit is "
                f"{limits.cell_cpu_seconds:g} s for a cell."
            )
        elif cell_wall > limits.cell_wall_seconds:
            then, by_clock = Then.INTERRUPT, True
            message = (
                f"Cell {cell} took {cell_wall:.0f} s by the clock, with "
                f"{cell_cpu:.0f} s of CPU time; the limit is "
                f"{limits.cell_wall_seconds:g} s for a cell."
            )
        else:
            return None
        return Breach(Verdict.OUT_OF_TIME, message, then, by_clock)

    def judge_disk(self, cell: int) -> Breach | None:
        """Look at the files, and compare them with the limits."""
        limits, student = self._limits, self._sides[0]
        if self._disk is not None:
            disk = os.fstatvfs(self._disk)
            used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
            count = disk.f_files - disk.f_ffree
        else:
            used, count = meter.folder_use(student.box, limits.files)
            used += meter.unlinked_use(student.usage.pids)
        if used > limits.disk_mb * MEGABYTE:
            message = (
                f"By cell {cell} the notebook had written {used / MEGABYTE:.0f} MB of "
                f"files; the limit is {limits.disk_mb} MB."
            )
        elif count > limits.files:
            message = (
                f"By cell {cell} the notebook had made more than {limits.files} files, "
                "the limit, or folders that nobody can look into."
            )
        else:
            return None
        return Breach(Verdict.OUT_OF_DISK, message, Then.END_RUN)

    def judge_error(self, cell: int, name: str, text: str) -> Breach | None:
        """Look whether an exception that `cell` shows came from a limit."""
        limits = self._limits
        if name in _MEMORY_ERRORS:
            return Breach(
                Verdict.OUT_OF_MEMORY,
                f"Cell {cell} asked for more memory than there is; the limit is "
                f"{limits.memory_mb} MB.",
                Then.GO_ON,
            )
        if _NO_MORE_PROCESSES.search(f"{name}: {text}"):
            return Breach(
                Verdict.OUT_OF_PROCESSES,
                f"Cell {cell} asked for more processes and threads than there are; the "
                f"limit is {limits.processes}.",
                Then.GO_ON,
            )
        return None

    # ------------------------------------------------------------- interrupts

    @property
    def was_interrupted(self) -> bool:
        """Whether the cell whose time is counted has been interrupted."""
        return self._interrupted is not None

    def interrupt(self, side: Side, spared: Collection[int]) -> None:
        """Interrupt the processes of `side`, but those `spared`; see `Side.others`."""
        self._interrupted = _Mark(time.monotonic(), self.cpu_seconds)
        for process in side.others(spared):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)

    def close(self) -> None:
        """Close what was opened."""
        if self._disk is not None:
            os.close(self._disk)


def judge_files(files: Mapping[str, bytes], limits: Limits) -> Breach | None:
    """Compare the files that a run begins with, by relative name, with its limits."""
    blocks = sum(-(-len(content) // _BLOCK_BYTES) for content in files.values())
    folders = {folder for name in files for folder in PurePosixPath(name).parents[:-1]}
    used, count = blocks * _BLOCK_BYTES, len(files) + len(folders)
    if used <= limits.disk_mb * MEGABYTE and count <= limits.files:
        return None
    return Breach(
        Verdict.OUT_OF_DISK,
        f"The files handed in take {used / MEGABYTE:.0f} MB in {count} files "
        f"and folders; the limits are {limits.disk_mb} MB and {limits.files}.",
        Then.END_RUN,
    )
