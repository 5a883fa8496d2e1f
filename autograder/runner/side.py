"""One side of a run, seen from the grader: a process's pipes, its usage and its end.

A run has two sides, the student's and the checker's. `Side` holds the grader's ends of
a side's pipes and kills what the side has started.
"""

import codecs
import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import SandboxError
from autograder.runner.inside import frames, meter

END_SECONDS = 20.0
_KILL_SECONDS = 0.005
_EXIT_SECONDS = 2.0
_STATUS_BYTES = 8192 * frames.EXIT.size
KILLED = 128 + signal.SIGKILL  # the exit code
_MOST_AWAITED = 64  # processes at once: each takes a descriptor


@dataclass
class Side:
    """One locked process of a run, seen from the grader.

    Attributes
    ----------
    name : str
        "student" or "checker".
    number : int
        Which run of its fork server it is.
    root : int
        The process whose descendants it is, reaper included; the checker itself where
        it needs no reaper. 0 once it was ended.
    box : Path
        The folder it may write to, as it sees it.
    job : socket.socket
        Messages to it.
    results, stdout, stderr, status : int
        What comes from it, as descriptors; -1 once closed. On `status` its reaper says
        how its first process has ended, then how others have; it ends with the reaper.
    usage : meter.Usage
        What its processes use.
    most_bytes : int
        The largest message that it may send.
    decoder : frames.Decoder
        Of what comes on `results`, or from a snapshot of it.
    outgoing : bytearray
        What is to be sent to it and was not yet.
    raw : dict of int to (str, decoder)
        By `stdout` and `stderr`: the stream's name, and the decoder of its text.
    start_text : str
        What it wrote raw before it was ready.
    began : float
        When it was started, by the monotonic clock.
    main : int
        The process that runs the cells; 0 before it was ready.
    exact_base : int
        What it had of memory at the beginning, shared pages counted once, in bytes; the
        same for all that a warm process forks, so it is looked at once. 0: not yet.
    """

    name: str
    number: int
    root: int
    box: Path
    job: socket.socket
    results: int
    stdout: int
    stderr: int
    status: int
    usage: meter.Usage
    most_bytes: int
    decoder: frames.Decoder = field(init=False)
    outgoing: bytearray = field(default_factory=bytearray)
    raw: dict[int, tuple[str, codecs.IncrementalDecoder]] = field(default_factory=dict)
    start_text: str = ""
    began: float = field(default_factory=time.monotonic)
    cpu_at_start: float = 0.0
    main: int = 0
    exact_base: int = 0
    _exit_codes: dict[int, int] = field(default_factory=dict)
    _reaper_gone: bool = False
    _inner_pids: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare to read its messages and text; make the descriptors non-blocking."""
        self.decoder = frames.Decoder(self.most_bytes)
        utf8 = codecs.getincrementaldecoder("utf-8")
        self.raw = {
            self.stdout: ("stdout", utf8("replace")),
            self.stderr: ("stderr", utf8("replace")),
        }
        self.job.setblocking(False)
        for descriptor in (self.results, self.stdout, self.stderr, self.status):
            os.set_blocking(descriptor, False)

    @property
    def cpu_seconds(self) -> float:
        """CPU time since it was ready, in seconds."""
        return self.usage.cpu_seconds - self.cpu_at_start

    def forget_messages(self) -> None:
        """Drop what was half read and what was still to be sent."""
        self.decoder = frames.Decoder(self.most_bytes)
        self.outgoing.clear()

    def wait_for_exit_code(self, pid: int = 0) -> int | None:
        """Return how one of its processes ended: 128 + n for signal n.

        Parameters
        ----------
        pid : int
            As it is numbered inside; 0 is the first process. Another one's end is known
            once the first has ended.

        Returns
        -------
        int or None
            None if it has not ended within two seconds. SIGKILL if its reaper was
            killed, since it ends with that, or if it is gone and nobody saw how.
        """
        deadline = time.monotonic() + _EXIT_SECONDS
        while True:
            self._read_exit_codes()
            if (code := self._exit_codes.get(pid)) is not None:
                return code
            if self._reaper_gone:
                return KILLED
            left = deadline - time.monotonic()
            if left < 0:
                return KILLED if pid and not self._is_alive(pid) else None
            select.select([self.status], [], [], left)

    def _read_exit_codes(self) -> None:
        """Read what its reaper has said so far."""
        try:
            while data := os.read(self.status, _STATUS_BYTES):
                for pid, code in frames.EXIT.iter_unpack(data):
                    self._exit_codes.setdefault(pid, code)
            self._reaper_gone = True
        except BlockingIOError:
            pass

    def _is_alive(self, pid: int) -> bool:
        """Return whether there is a process that is numbered `pid` inside."""
        return any(self._inner_pid(stat) == pid for stat in self.others(()))

    def sweep(self, spared: Collection[int] = ()) -> bool:
        """Kill all of its processes but the reaper and those `spared`.

        Parameters
        ----------
        spared : collection of int
            Processes that stay, as they are numbered inside.

        Returns
        -------
        bool
            Whether none is left. A process that forks faster than it is killed is
            stopped by the limit on processes, so this takes some rounds at most.
        """
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            # A process that forks and ends, over and over, is seen now and then only:
            # none is left if none ended while this looked, and none waits to be reaped.
            missed: set[int] = set()
            left = [stat.pid for stat in self.others(spared, missed)]
            if not left and not missed:
                return True
            _kill(left)
        return False

    def others(
        self, spared: Collection[int], missed: set[int] | None = None
    ) -> list[meter.Stat]:
        """Find its processes but the reaper and those `spared`; see `sweep`."""
        return [
            stat
            for stat in self.usage.living(missed)
            if stat.pid not in self.usage.reapers
            and self._inner_pid(stat) not in spared
        ]

    def _inner_pid(self, stat: meter.Stat) -> int:
        """Return the number of a process inside, which never changes."""
        key = stat.pid, stat.started
        if not (number := self._inner_pids.get(key, 0)):
            number = self._inner_pids[key] = meter.inner_pid(stat.pid)
        return number

    def ready(self) -> None:
        """Take what there is now, before any code ran, as the beginning."""
        self.exact_base = self.usage.begin(self.exact_base)
        self.cpu_at_start = self.usage.cpu_seconds
        if not self.usage.pids:
            raise SandboxError("sandbox: the student's process cannot be seen in /proc")
        self.main = self.usage.pids[-1]


def _kill(pids: list[int]) -> None:
    """Kill processes, and wait a moment until they have ended."""
    ends: list[int] = []
    with contextlib.ExitStack() as stack:
        for pid in pids[:_MOST_AWAITED]:
            with contextlib.suppress(OSError):
                ends.append(os.pidfd_open(pid))
                stack.callback(os.close, ends[-1])
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if ends:
            select.select(ends, [], [], _KILL_SECONDS)
    time.sleep(0.0002)  # they are still to be reaped
