"""Many jobs at once, in processes of their own, one of which may die.

The standard library's pools give up when a worker is killed; here the job that a dead
worker had is reported as such, and another worker takes its place. Workers are started
as ``python -m autograder.workers.pool``, not by forking: the caller may have threads (a
progress bar has), and may be a notebook or a script without a main guard.

What crosses the pipes is pickled. Both ends are ours: a worker runs the *runner*, which
hands over only what it has read as JSON from the student's side.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from socket import socketpair
from typing import Any, Protocol

from autograder.errors import SandboxError
from autograder.runner import Job, RunResult, Sandbox, die_with_parent, run_notebook
from autograder.verdicts import Verdict

_TRIES = 3


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

    @property
    def is_doubtful(self) -> bool:
        """Whether the machine may be at fault, for a function that runs a job."""
        return bool(self.error) or self.result.is_doubtful


class Worker:
    """One process, one connection to it, and the job that it has.

    Parameters
    ----------
    core : int, optional
        The one core that it, and all that it starts, may use. The processes of a run
        take turns: a question and its answer cost a third on one core of what they
        cost on two, where each wakes another core.
    """

    def __init__(self, core: int | None = None) -> None:
        """Start the process."""
        self.core = core
        ours, theirs = socketpair()
        package = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        with theirs:
            self.process = subprocess.Popen(
                # -P: a file in the current folder is no module.
                [sys.executable, "-P", "-m", __spec__.name, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )
        if core is not None:
            with contextlib.suppress(OSError):  # it may run anywhere then
                os.sched_setaffinity(self.process.pid, {core})
        self.connection = Connection(ours.detach())
        self.key: Hashable = None

    def give(
        self, key: Hashable, function: Callable[..., Any], arguments: tuple
    ) -> None:
        """Give it a job: call a function that it can import."""
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
        """End it; it clears away what it has started and made."""
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
    idle: "list[Worker] | None" = None,
    bind: bool | None = None,
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
    idle : list of Worker, optional
        Workers to use first; those that are idle at the end are put back there, and
        are the caller's to stop.
    bind : bool, optional
        Whether each new worker is bound to a core. If not given: if there are as many
        workers as cores; fewer might share one while another core has nothing to do.

    Yields
    ------
    Outcome
        One for each job, as they end, in any order. When the caller stops, by an
        exception or by closing the iterator, the workers are stopped too.
    """
    todo = iter(jobs)
    busy: dict[Connection, Worker] = {}
    kept = idle is not None
    idle = idle if kept else []
    bind = workers >= cores() if bind is None else bind
    try:
        while True:
            while len(busy) < workers and (job := next(todo, None)) is not None:
                if (worker := _living(idle)) is None:
                    worker = Worker(_least_used(busy.values()) if bind else None)
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
        for worker in [*busy.values(), *([] if kept else idle)]:
            worker.stop()


class Local:
    """This machine as a place to run jobs; a context that ends its workers.

    Parameters
    ----------
    box : Sandbox
        What the jobs run in.
    workers : int
        How many at once.

    Attributes
    ----------
    level : str
        The level of isolation of every run.
    """

    def __init__(self, box: Sandbox, workers: int) -> None:
        """Take note; workers are started when there are jobs."""
        self.box = box
        self.level = box.level
        self.workers = workers
        self._idle: list[Worker] = []

    def __enter__(self) -> "Local":
        """Do nothing: workers are started when there are jobs."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the workers."""
        while self._idle:
            self._idle.pop().stop()

    def run_all(
        self, jobs: Iterable[tuple[Hashable, Job]], *, alone: bool = False
    ) -> Iterator[Outcome]:
        """Run jobs, several at once or each `alone`; see `run_all` for the rest."""
        calls = ((key, (job, self.box)) for key, job in jobs)
        return run_all(
            run_notebook,
            calls,
            1 if alone else self.workers,
            self._idle,
            bind=self.workers >= cores(),
        )


class Place(Protocol):
    """Where jobs can be run: `Local`, or a cluster."""

    level: str

    def run_all(
        self, jobs: Iterable[tuple[Hashable, Job]], *, alone: bool = False
    ) -> Iterator[Outcome]:
        """Run jobs, several at once or each `alone`."""


def run_one(place: Place, job: Job) -> RunResult:
    """Run one job that is the instructor's, which must not fail for outside reasons.

    Raises
    ------
    SandboxError
        If it did.
    """
    for _ in range(_TRIES):
        (outcome,) = place.run_all([("", job)], alone=True)
        if not outcome.is_doubtful:
            break
    if outcome.error:
        raise SandboxError(f"the reference solution was not run: {outcome.error}")
    if outcome.result.verdict is Verdict.INTERRUPTED:
        raise SandboxError(f"the reference solution: {outcome.result.message}")
    return outcome.result


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _living(idle: list[Worker]) -> Worker | None:
    """Take a worker out of those that are idle; stop those that were killed there."""
    while idle:
        worker = idle.pop()
        if worker.process.poll() is None:
            return worker
        worker.stop()
    return None


def _least_used(workers: Collection[Worker]) -> int | None:
    """Return the core that the fewest of `workers` are bound to."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    bound = [worker.core for worker in workers]
    return min(sorted(os.sched_getaffinity(0)), key=bound.count)


def _work(connection: Connection) -> None:
    """Do jobs until the other end is closed."""
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # on its way out already
            return
        try:
            answer = (function(*arguments), "")
        except Exception as error:
            answer = (None, f"{type(error).__name__}: {error}")
        connection.send(answer)


def _stop(*_: object) -> None:
    """End this process in good order, once."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + signal.SIGTERM)


def _end_with_parent() -> None:
    """Ask Linux to end this process when the one that started it ends."""
    if sys.platform == "linux":
        die_with_parent(signal.SIGTERM)


if __name__ == "__main__":
    # Ctrl-C, or the end of the terminal, reaches the whole group; the caller decides,
    # and stops its workers. Stopped so, or by the caller's end, a worker clears away
    # what it has started and made.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    _end_with_parent()
    _work(Connection(int(sys.argv[1])))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending already
