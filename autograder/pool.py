"""Many jobs at once, in processes of their own, one of which may die.

The standard library's pools give up when a worker is killed; here the job that a dead
worker had is reported as such, and another worker takes its place. Workers are started
as ``python -m autograder.pool``, not by forking: the caller may have threads (a
progress bar has), and may be a notebook or a script without a main guard.

What crosses the pipes is pickled. Both ends are ours: a worker runs the *runner*, which
hands over only what it has read as JSON from the student's side.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from socket import socketpair
from typing import Any

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Outcome:
    """What became of one job.

    Attributes
    ----------
    key : Hashable
        The job's name.
    result : object
        What the function returned; None if it did not.
    error : str
        Why it did not; empty if it did.
    died : bool
        Whether its worker was killed or crashed, rather than the function raising.
    """

    key: Hashable
    result: Any = None
    error: str = ""
    died: bool = False


class _Worker:
    """One process, one connection to it, and the job that it has."""

    def __init__(self) -> None:
        ours, theirs = socketpair()
        package = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        with theirs:
            self.process = subprocess.Popen(
                # -P: a file in the current folder is no module.
                [sys.executable, "-P", "-m", "autograder.pool", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )
        self.connection = Connection(ours.detach())
        self.key: Hashable = None

    def give(
        self, key: Hashable, function: Callable[..., Any], arguments: tuple
    ) -> None:
        self.key = key
        with contextlib.suppress(OSError):  # dead already: seen when waited for
            self.connection.send((function, arguments))

    def outcome(self) -> Outcome:
        """Read what became of the job; the connection is ready."""
        try:
            result, error = self.connection.recv()
        except (EOFError, OSError):
            code = self.process.wait()
            how = f"killed by signal {-code}" if code < 0 else f"ended with code {code}"
            return Outcome(self.key, error=f"its worker was {how}", died=True)
        return Outcome(self.key, result, error)

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run_all(
    function: Callable[..., Any],
    jobs: Iterable[tuple[Hashable, tuple]],
    workers: int,
) -> Iterator[Outcome]:
    """Call ``function(*arguments)`` for each job, in `workers` processes.

    Parameters
    ----------
    function : callable
        Found by its module and name in the workers.
    jobs : iterable of (key, arguments)
        Taken one by one, as workers become free.
    workers : int
        How many at once; as many are started as there are jobs for.

    Yields
    ------
    Outcome
        One for each job, as they end, in any order. When the caller stops, by an
        exception or by closing the iterator, the workers are stopped too.
    """
    todo = iter(jobs)
    busy: dict[Connection, _Worker] = {}
    idle: list[_Worker] = []
    try:
        while True:
            while len(busy) < workers and (job := next(todo, None)) is not None:
                worker = idle.pop() if idle else _Worker()
                busy[worker.connection] = worker
                worker.give(job[0], function, job[1])
            if not busy:
                return
            for connection in wait(list(busy)):
                worker = busy.pop(connection)
                outcome = worker.outcome()
                if outcome.died:
                    worker.stop()
                else:
                    idle.append(worker)
                yield outcome
    finally:
        for worker in [*idle, *busy.values()]:
            worker.stop()


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _work(connection: Connection) -> None:
    """Do jobs until the other end is closed."""
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer = (function(*arguments), "")
        except Exception as error:
            answer = (None, f"{type(error).__name__}: {error}")
        connection.send(answer)


def _end_with_parent() -> None:
    """Ask Linux to end this process when the one that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    # Ctrl-C reaches the whole group; the caller decides, and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # An ordinary exit removes the folders of the runner.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _end_with_parent()
    _work(Connection(int(sys.argv[1])))
