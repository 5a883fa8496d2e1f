"""Many submissions at once on a Dask cluster, one writer here.

A worker gets a `Job`, which holds all that a run needs, and gives back a `RunResult`;
it needs neither the gradebook nor the course folder. Before the first job every worker
says which sandbox works there and which versions it has, and each job is checked
against that again, since workers may join later: a grade means the same on all of them.

Each thread of a worker hands its jobs to a process of its own (`pool.Worker`), as on
one machine. A worker that is lost has its jobs run again elsewhere by the scheduler; a
job that loses one worker after the other is given up after a few (the scheduler's
``allowed-failures``), and reported as `pool.Outcome.died`.

What crosses the network is pickled, by our own code at both ends, and trusted as far as
the cluster is: whoever reaches its scheduler can run code on the workers, so keep it in
a network of its own or behind TLS, as Dask's manual says. Student code reaches neither.
"""

import contextlib
import platform
import threading
import time
import warnings
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import autograder
from autograder.errors import ClusterError, SandboxError
from autograder.runner import Job, choose_sandbox, run_notebook
from autograder.workers import pool

if TYPE_CHECKING:
    from distributed import Client, Future

_PACKAGES = ("numpy", "ipython", "matplotlib", "nbformat")
_CONNECT_SECONDS = 15
_PROBE_SECONDS = 300
_POLL_SECONDS = 5
_WITHOUT_WORKERS_SECONDS = 60
# So many jobs wait at a worker while another runs there; more would only fill memory.
_JOBS_FOR_A_THREAD = 2


@dataclass(frozen=True)
class Fitness:
    """What a worker offers: a level of isolation, or the reason why none, and versions.

    Attributes
    ----------
    level : str
        The sandbox's level; empty if none works there.
    versions : str
        Of everything that a grade may depend on.
    reason : str
        Why no level works; empty if one does.
    """

    level: str
    versions: str
    reason: str = ""

    def shortfall(self, level: str, versions: str) -> str:
        """Say why this worker cannot take part; the empty string if it can."""
        if self.reason:
            return self.reason
        if self.versions != versions:
            return f"it has {self.versions}, not {versions}; install the same there"
        if self.level != level:
            return f"its sandbox is {self.level}, not {level}"
        return ""


@dataclass(frozen=True)
class _Unfit:
    """The answer of a worker that may not run jobs of this grading."""

    reason: str


# ------------------------------------------------------------------ on the worker


def versions() -> str:
    """Name the versions of what a grade may depend on."""
    found = [
        f"autograder {autograder.__version__}",
        f"Python {platform.python_version()}",
    ]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)


def fitness(level: str) -> Fitness:
    """Find out what this machine offers; `level` may be "auto"."""
    try:
        return Fitness(choose_sandbox(level).level, versions())
    except SandboxError as error:
        return Fitness("", versions(), str(error))


def _run(job: Job, level: str, wanted: str) -> Any:
    """Run a job in the process that a worker's thread keeps for it."""
    if reason := fitness(level).shortfall(level, wanted):
        return _Unfit(reason)
    return run_notebook(job, choose_sandbox(level))


_of_this_thread = threading.local()


def _in_own_process(function: Any, *arguments: Any) -> pool.Outcome:
    """Call a function in the process that this thread keeps."""
    worker = getattr(_of_this_thread, "worker", None)
    if worker is None or worker.process.poll() is not None:
        worker = pool.Worker()
    _of_this_thread.worker = worker
    worker.give("", function, arguments)
    outcome = worker.outcome()
    if outcome.died:
        worker.stop()
        _of_this_thread.worker = None
    return outcome


# ----------------------------------------------------------------- on the grader


class Cluster:
    """A connected cluster whose workers agree; a place to run jobs, see `pool.Local`.

    Parameters
    ----------
    address : str
        The scheduler's, such as ``tcp://192.0.2.1:8786``.
    level : str
        The level of isolation that is asked for, or "auto".

    Raises
    ------
    ClusterError
        If Dask is not installed, there is no scheduler or no worker, or the workers do
        not all offer the same as each other and the versions of this machine.
    """

    def __init__(self, address: str, level: str) -> None:
        """Connect, and ask every worker what it offers."""
        try:
            import distributed
        except ImportError:
            raise ClusterError(
                "--scheduler needs dask.distributed, which is not installed; install "
                'it from a checkout of the grader: pip install -e ".[cluster]"'
            ) from None
        self._dask = distributed
        self.address = address
        try:
            self._client: Client = distributed.Client(address, timeout=_CONNECT_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            raise ClusterError(
                f"no Dask scheduler answers at {address} ({error}); start one with: "
                "dask scheduler"
            ) from None
        try:
            self.level = self._agreed(level)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Cluster":
        """Do nothing: it is connected."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self.close()

    def close(self) -> None:
        """Disconnect; what is still running there is called off."""
        self._client.close()

    def _threads(self) -> dict[str, int]:
        """Give the number of threads of each worker, by address."""
        return dict(self._client.nthreads())

    def _agreed(self, level: str) -> str:
        """Ask every worker what it offers; give the level that all have."""
        with contextlib.suppress(TimeoutError):
            self._client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        asked = {
            worker: self._client.submit(
                _in_own_process, fitness, level, workers=[worker], pure=False
            )
            for worker in self._threads()
        }
        if not asked:
            raise ClusterError(
                f"the scheduler at {self.address} has no workers; start some with: "
                f"dask worker {self.address}"
            )
        found: dict[str, Fitness] = {}
        failed: list[str] = []
        for worker, future in asked.items():
            try:
                error = future.exception(timeout=_PROBE_SECONDS)
            except TimeoutError:
                failed.append(f"{worker}: it has not answered")
                continue
            outcome = None if error else future.result()
            if outcome is None or outcome.error:
                failed.append(f"{worker}: {error or outcome.error}")
            else:
                found[worker] = outcome.result
        levels = {fit.level for fit in found.values() if fit.level}
        for worker, fit in found.items():
            if reason := fit.shortfall(fit.level, versions()):
                failed.append(f"{worker}: {reason}")
        if not failed and len(levels) > 1:
            failed = [f"{worker}: {fit.level}" for worker, fit in found.items()]
            failed.append("set c.SandboxLimits.level to the one that all have")
        if failed:
            raise ClusterError(
                f"the cluster's workers cannot grade: {'; '.join(failed)}"
            )
        return levels.pop()

    def run_all(
        self, jobs: Iterable[tuple[Hashable, Job]], *, alone: bool = False
    ) -> Iterator[pool.Outcome]:
        """Run jobs, taken one by one as there is room for them; see `pool.run_all`."""
        todo = iter(jobs)
        flying: dict[Future, Hashable] = {}
        try:
            while True:
                room = (
                    1 if alone else _JOBS_FOR_A_THREAD * sum(self._threads().values())
                )
                while len(flying) < max(room, 1) and (job := next(todo, None)):
                    flying[self._submit(job[1])] = job[0]
                if not flying:
                    return
                for future in self._finished(list(flying)):
                    yield self._outcome(flying.pop(future), future)
        finally:
            self._client.cancel(list(flying))

    def _submit(self, job: Job) -> "Future":
        with warnings.catch_warnings():
            # A job is as large as what was handed in; it cannot lie anywhere else.
            warnings.filterwarnings("ignore", message="Sending large graph")
            return self._client.submit(
                _in_own_process, _run, job, self.level, versions(), pure=False
            )

    def _finished(self, flying: "list[Future]") -> "list[Future]":
        """Wait until a job has ended; give up if there is nobody left to run it."""
        began = time.monotonic()
        while True:
            try:
                done = self._dask.wait(flying, _POLL_SECONDS, "FIRST_COMPLETED").done
                return [future for future in flying if future in done]
            except TimeoutError:
                if self._threads():
                    began = time.monotonic()
            except (OSError, self._dask.CancelledError) as error:
                raise ClusterError(
                    f"the scheduler at {self.address} is gone ({error}); what was "
                    "finished is kept: start it again and run the same command"
                ) from None
            if time.monotonic() - began > _WITHOUT_WORKERS_SECONDS:
                raise ClusterError(
                    f"the scheduler at {self.address} has had no workers for "
                    f"{_WITHOUT_WORKERS_SECONDS} s; what was finished is kept: start "
                    "some and run the same command"
                )

    def _outcome(self, key: Hashable, future: "Future") -> pool.Outcome:
        """Read what became of a job."""
        if future.status != "finished":
            error = future.exception() if future.status == "error" else None
            if not isinstance(error, self._dask.KilledWorker):
                raise ClusterError(
                    f"the cluster lost a job ({error or future.status}); what was "
                    "finished is kept: run the same command again"
                )
            return pool.Outcome(key, error=f"its workers were lost: {error}", died=True)
        outcome = future.result()
        if isinstance(outcome.result, _Unfit):
            raise ClusterError(
                f"a worker that has joined cannot grade: {outcome.result.reason}"
            )
        return pool.Outcome(key, outcome.result, outcome.error, outcome.died)
