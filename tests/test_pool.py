"""Tests of many jobs in processes, one of which may die."""

import operator
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from autograder.workers import pool


def test_pool_every_job_has_an_outcome():
    """Each job's result comes back under its key, with fewer workers than jobs."""
    jobs = [(number, (number, 1)) for number in range(5)]
    outcomes = list(pool.run_all(operator.add, jobs, workers=2))
    assert {o.key: o.result for o in outcomes} == {n: n + 1 for n in range(5)}
    assert not any(outcome.error for outcome in outcomes)


def test_pool_exception_is_an_outcome():
    """A function that raises gives an outcome with the reason; the worker goes on."""
    jobs = [("bad", (1, 0)), ("good", (4, 2))]
    outcomes = {o.key: o for o in pool.run_all(operator.truediv, jobs, workers=1)}
    assert "ZeroDivisionError" in outcomes["bad"].error
    assert not outcomes["bad"].died
    assert outcomes["good"].result == 2


def test_pool_killed_worker_takes_only_its_own_job():
    """A job whose worker dies is reported; another worker does the rest."""
    signals = [signal.SIGKILL, 0, signal.SIGKILL, 0]  # 0 is none
    jobs = [(number, (which,)) for number, which in enumerate(signals)]
    outcomes = {o.key: o for o in pool.run_all(signal.raise_signal, jobs, workers=1)}
    assert [outcomes[n].died for n in range(4)] == [True, False, True, False]
    assert "signal 9" in outcomes[0].error


def test_pool_each_worker_has_a_core_of_its_own():
    """Bound workers have a core each; fewer than there are cores are not bound."""
    allowed = os.sched_getaffinity(0)
    count = min(2, len(allowed))
    jobs = [(number, (0,)) for number in range(count)]
    done = pool.run_all(os.sched_getaffinity, jobs, workers=count, bind=True)
    bound = [outcome.result for outcome in done]
    assert sorted(map(sorted, bound)) == [[core] for core in sorted(allowed)[:count]]
    if count > 1:
        (free,) = pool.run_all(os.sched_getaffinity, jobs[:1], workers=1)
        assert free.result == allowed


def test_pool_jobs_are_taken_as_workers_become_free():
    """Jobs are prepared one by one, not all at the beginning."""
    taken = []

    def jobs():
        for number in range(4):
            taken.append(number)
            yield number, (0,)

    running = pool.run_all(time.sleep, jobs(), workers=1)
    next(running)
    assert taken == [0]
    running.close()


def test_pool_closing_stops_the_workers():
    """A caller that stops early leaves no process behind."""
    running = pool.run_all(os.getpid, [(1, ()), (2, ()), (3, ())], workers=1)
    pid = next(running).result
    assert Path(f"/proc/{pid}").exists()
    running.close()
    assert not Path(f"/proc/{pid}").exists()


def test_pool_workers_end_with_a_killed_caller():
    """If the caller is killed, its workers end too."""
    script = (
        "import os, time; from autograder.workers import pool\n"
        "running = pool.run_all(os.getpid, [(1, ()), (2, ())], 1)\n"
        "print(next(running).result, flush=True); time.sleep(60)"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    with caller:
        pid = int(caller.stdout.readline())
        caller.kill()
    deadline = time.monotonic() + 20
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(pid)


def _is_running(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
