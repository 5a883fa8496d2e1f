"""Grading on a Dask cluster: a real scheduler and real workers, one of them killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import hand_in, solved

from autograder.errors import ClusterError
from autograder.gradebook import records
from autograder.runner import Job, Limits
from autograder.steps.grade import grade
from autograder.verdicts import Verdict
from autograder.workers import cluster, pool
from autograder.workers.cluster import Cluster

distributed = pytest.importorskip("distributed")

SLOW = {"square": "import time; time.sleep(3)\ndef square(x): return x * x"}


class Machines:
    """A scheduler and workers on this machine, in a folder that is no course."""

    def __init__(self, folder):
        """Start the scheduler."""
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.started = []
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        _wait_for(self.file.exists)
        self.address = json.loads(self.file.read_text())["address"]

    def _start(self, what, *options, **env):
        command = [sys.executable, "-m", "dask", what, "--no-dashboard", *options]
        root = str(Path(__file__).parent.parent)
        with open(self.folder / f"{what}.log", "a") as log:
            process = subprocess.Popen(
                [*command, "--scheduler-file", str(self.file)],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": root, **env},
            )
        self.started.append(process)
        return process

    def worker(self, **env):
        """Start a worker of one thread."""
        options = ("--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
        options += ("--local-directory", str(self.folder))
        return self._start("worker", *options, **env)

    def stop(self):
        """Kill all, and see that nothing of theirs lives on."""
        for process in self.started:
            process.kill()
            process.wait()


def _wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _processes(word):
    """Find processes by their environment."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdecimal() and word in Path(f"/proc/{name}/environ").read_bytes():
                found.append(int(name))
    return found


@pytest.fixture
def machines(tmp_path):
    """Give a scheduler, to which workers can be added."""
    folder = tmp_path / "machines"
    folder.mkdir()
    made = Machines(folder)
    yield made
    made.stop()


@pytest.mark.slow
def test_cluster_lost_worker_costs_nobody_anything(machines, tiny_course):
    """Of two workers one is killed in the middle; every grade is as on one machine."""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    victim = machines.worker(MARK=mark)
    machines.worker(MARK=mark)
    answers = {f"slow-{n}": SLOW for n in range(4)}
    answers["wrong"] = {"square": "def square(x): return 0"}
    answers["crash"] = {"half": "import os\nos._exit(3)"}
    for student, answer in answers.items():
        hand_in(tiny_course, student, solved(answer))
    hand_in(tiny_course, "junk", b"{")
    killed = threading.Event()

    def kill(event):
        if event.done and not killed.is_set():
            victim.send_signal(signal.SIGKILL)
            killed.set()

    summary = grade(tiny_course, "ps1", progress=kill, scheduler=machines.address)
    assert killed.is_set()
    found = {row.student: (row.verdict, row.points) for row in summary.rows}
    assert found == {
        **{f"slow-{n}": (Verdict.GRADED, 3) for n in range(4)},
        "wrong": (Verdict.GRADED, 1),
        "crash": (Verdict.CRASHED, 2),
        "junk": (Verdict.NOT_READABLE, 0),
    }
    assert len(records.runs(tiny_course, "ps1")) == len(answers) + 1
    again = grade(tiny_course, "ps1", jobs=1)
    assert all(row.skipped for row in again.rows)
    machines.stop()
    _wait_for(lambda: not _processes(mark.encode()))


@pytest.mark.slow
def test_cluster_job_that_kills_workers_is_given_up(machines, monkeypatch):
    """A job that takes one worker after the other with it becomes a dead outcome."""
    starting = threading.Event()

    def kill_this_worker(*_):  # pickled whole: it is no module's
        signal.raise_signal(signal.SIGKILL)

    def keep_two_alive():
        alive = []
        while not starting.is_set():
            alive = [w for w in alive if w.poll() is None]
            while len(alive) < 2:
                alive.append(machines.worker())
            time.sleep(0.1)

    keeper = threading.Thread(target=keep_two_alive)
    keeper.start()
    try:
        with Cluster(machines.address, "auto") as connected:
            # The worker's own end, where a job can only get at it by our mistake.
            monkeypatch.setattr(cluster, "_in_own_process", kill_this_worker)
            (outcome,) = connected.run_all([("it", Job({}, {}, Limits()))])
    finally:
        starting.set()
        keeper.join()
    assert (outcome.key, outcome.died) == ("it", True)
    assert "workers were lost" in outcome.error


@pytest.mark.slow
def test_cluster_workers_must_agree(machines, monkeypatch):
    """Another version or another level on a worker is refused, with what differs."""
    machines.worker()
    monkeypatch.setattr(cluster, "versions", lambda: "autograder 9.9")
    with pytest.raises(ClusterError, match=r"not autograder 9\.9; install the same"):
        Cluster(machines.address, "auto")


def test_cluster_versions_name_what_is_not_installed(monkeypatch):
    """A course without figures needs no matplotlib, neither here nor on workers."""
    monkeypatch.setattr(cluster, "_PACKAGES", ("numpy", "no-such-package"))
    *_, numpy, absent = cluster.versions().split(", ")
    assert numpy == f"numpy {np.__version__}"
    assert absent == "no-such-package not installed"


@pytest.mark.parametrize(
    ("offered", "says"),
    [
        (cluster.Fitness("bwrap", "1"), ""),
        (cluster.Fitness("lockdown", "1"), "its sandbox is lockdown, not bwrap"),
        (cluster.Fitness("bwrap", "2"), "it has 2, not 1"),
        (cluster.Fitness("", "1", "no sandbox works here"), "no sandbox works here"),
    ],
)
def test_cluster_worker_says_why_it_cannot_take_part(offered, says):
    """A worker fits if its level and versions are those that the grade records."""
    assert says in offered.shortfall("bwrap", "1")
    assert bool(says) == bool(offered.shortfall("bwrap", "1"))


@pytest.mark.slow
def test_cluster_without_workers_or_scheduler_is_an_error(machines, monkeypatch):
    """The message says which command starts what is missing."""
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with pytest.raises(ClusterError, match="start some with: dask worker tcp://127"):
        Cluster(machines.address, "auto")
    machines.stop()
    with pytest.raises(ClusterError, match="start one with: dask scheduler"):
        Cluster(machines.address, "auto")


def test_cluster_without_dask_names_the_command(tiny_course):
    """Where the extra is not installed, the message says how to install it."""
    hand_in(tiny_course, "ada", solved())
    script = (
        "import sys; sys.modules['distributed'] = None\n"
        "from autograder.cli import main\n"
        f"sys.argv = ['autograder', 'grade', 'ps1', '--course', "
        f"{str(tiny_course.root)!r}, '--scheduler', 'tcp://127.0.0.1:1']\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert done.returncode == 1
    assert 'pip install -e ".[cluster]"' in done.stderr
    assert not (tiny_course.autograded / "ada").exists()


def test_cluster_process_of_a_thread_is_replaced_when_it_dies():
    """A job that kills the process that runs it costs the worker nothing."""
    outcome = cluster._in_own_process(signal.raise_signal, signal.SIGKILL)
    assert outcome.died
    assert cluster._in_own_process(os.getpid).result != os.getpid()
    worker = cluster._of_this_thread.worker
    assert isinstance(worker, pool.Worker)
    worker.stop()
    del cluster._of_this_thread.worker
