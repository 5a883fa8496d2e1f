"""The warm process and its runs, when something ends them from outside."""

import contextlib
import gc
import os
import select
import signal
import subprocess
import threading
import time
import warnings

import nbformat
import pytest
from test_runner_levels import left_of_runs, sandbox_or_skip

from autograder.errors import SandboxError
from autograder.runner import (
    LEVELS,
    Job,
    Limits,
    RunResult,
    folders,
    fork_server,
    run,
    run_notebook,
)
from autograder.runner.inside import meter
from autograder.verdicts import Verdict


@pytest.fixture(scope="module", params=LEVELS)
def sandbox(request):
    return sandbox_or_skip(request.param)


def _job(*sources, limits=None, **more):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    return Job(notebook, {}, limits or Limits(), **more)


def _warm(sandbox):
    """Return a fork server that has served a run and is free."""
    assert run_notebook(_job("1"), sandbox).verdict is Verdict.GRADED
    return fork_server._free[sandbox, frozenset()][-1]


@contextlib.contextmanager
def _meanwhile(action):
    thread = threading.Thread(target=action)
    thread.start()
    yield
    thread.join()


@pytest.mark.slow
@pytest.mark.parametrize(
    "job",
    [
        _job("import time; time.sleep(60)"),
        _job("import time\ndef wait():\n    time.sleep(60)", "wait()", tests={1: True}),
        _job(
            "import time\ndef wait():\n    time.sleep(60)", "wait()", tests={1: False}
        ),
    ],
    ids=["cell", "protected test", "unprotected test"],
)
def test_end_of_the_warm_process_is_no_verdict_on_the_code(sandbox, job):
    """If the warm process is killed during a run, the run failed and not the code."""
    warm = _warm(sandbox)

    def kill():
        while not (sides := meter.children(warm._worker)):
            time.sleep(0.05)
        time.sleep(1)
        assert sides
        os.kill(warm._worker, signal.SIGKILL)

    with _meanwhile(kill), pytest.raises(SandboxError, match="ended"):
        run_notebook(job, sandbox)
    assert run_notebook(_job("1"), sandbox).verdict is Verdict.GRADED
    assert not warm.top.exists()


def test_nothing_survives_the_reaper_of_a_run(sandbox):
    """What a run has started ends with it even if the run's reaper was killed."""
    warm = _warm(sandbox)
    mark = f"{time.monotonic_ns() % 10**9 + 10**6}"
    daemon = ["sleep", mark]

    def running():
        return subprocess.run(["pgrep", "-f", " ".join(daemon)]).returncode == 0

    def kill():
        while not running():
            time.sleep(0.05)
        (top,) = meter.children(warm._worker)
        os.kill(top.pid, signal.SIGKILL)

    start = f"subprocess.Popen({daemon}, start_new_session=True)"
    with _meanwhile(kill):
        result = run_notebook(
            _job(f"import subprocess, time\n{start}\ntime.sleep(60)"), sandbox
        )
    assert result.verdict is Verdict.INTERRUPTED
    assert not running()
    assert left_of_runs() == []


_HOP = """
import ctypes, os
libc = ctypes.CDLL(None)
if os.fork() == 0:
    while True:
        if libc.fork():
            libc._exit(0)
"""


def test_process_that_forks_and_ends_is_gone_before_the_tests(sandbox, monkeypatch):
    """A process is found and killed even if it is another one at every look."""
    seen: list[int] = []
    begin = run.Conversation.test_phase

    def look_then_begin(self):
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            seen.extend(
                stat.pid
                for stat in meter.descendants(self.student.root)
                if stat.pid not in self.student.usage.reapers
                and meter.inner_pid(stat.pid) not in self.snapshots.pids
            )
        begin(self)

    monkeypatch.setattr(run.Conversation, "test_phase", look_then_begin)
    for _ in range(8):
        result = run_notebook(_job(_HOP, "assert True", tests={1: True}), sandbox)
        assert result.ran[0]
        assert seen == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_fork_server_says_that_the_temporary_folder_is_full(
    sandbox, tmp_path, monkeypatch
):
    """A full disk is told as such, with what helps, and leaves nothing there."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k,mode=1777", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this container does not let root mount a disk in memory")
    try:
        monkeypatch.setattr(folders, "temporary_root", lambda for_others: disk)
        with pytest.raises(SandboxError, match=r"No space left.*set TMPDIR"):
            fork_server.ForkServer(sandbox, Limits())
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("imports", [f"BIG = '{'x' * 400_000}'", "while True: pass"])
def test_imports_of_the_checker_cost_no_test(sandbox, imports):
    """Imports that are long, or that had to be interrupted, fail no test."""
    limits = Limits(cell_cpu_seconds=1)
    job = _job("x = 4", "assert x == 4", tests={1: True}, limits=limits)
    job = Job(**{**vars(job), "imports": imports})
    result = run_notebook(job, sandbox)
    assert result.ran == [True, True]
    assert result.notebook.cells[1].outputs == []


def test_descriptors_and_processes_do_not_add_up(sandbox):
    """Many runs on one warm process leave no descriptor and no process behind."""
    warm = _warm(sandbox)

    def open_ones():
        return [len(os.listdir(f"/proc/{p}/fd")) for p in ("self", warm._worker)]

    before = open_ones()
    job = _job("x = 4", "assert x == 4", "assert x == 4", tests={1: True, 2: False})
    for _ in range(8):
        assert run_notebook(job, sandbox).verdict is Verdict.GRADED
    assert open_ones() == before
    assert fork_server._free[sandbox, frozenset()][-1] is warm
    assert left_of_runs() == []


def test_grader_needs_nothing_that_students_can_use_up(sandbox, monkeypatch):
    """Watches of epoll are counted by user: without one left, runs go on."""

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(select, "epoll", refuse)
    job = _job("x = 4", "assert x == 4", tests={1: True})
    assert run_notebook(job, sandbox).ran == [True, True]


def _run_into(results, sandbox):
    results.append(run_notebook(_job("1"), sandbox))


def test_warm_process_is_not_lent_beyond_its_thread(sandbox):
    """A run works right after the thread that ran the last one has ended."""
    for _ in range(3):
        results: list[RunResult] = []
        thread = threading.Thread(target=_run_into, args=(results, sandbox))
        thread.start()
        thread.join()
        results.append(run_notebook(_job("1"), sandbox))
        assert [result.verdict for result in results] == [Verdict.GRADED] * 2


def test_fork_of_the_grader_leaves_its_parent_s_process_alone(sandbox):
    """A fork that ends, or forgets its parent's fork servers, takes nothing from it."""
    warm = _warm(sandbox)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of the test's own
        pid = os.fork()
    if pid == 0:
        fork_server.close_all()
        warm.close()
        del warm
        gc.collect()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert warm.top.is_dir()
    assert warm.process.poll() is None
    assert run_notebook(_job("1"), sandbox).verdict is Verdict.GRADED
