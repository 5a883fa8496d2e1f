"""Grading while processes are killed from outside, and while other things go wrong."""

import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import hand_in, solved
from processes import ROLES, processes
from test_runner_levels import sandbox_or_skip

from autograder.course import find_course
from autograder.gradebook import database, records
from autograder.runner import LEVELS
from autograder.steps.grade import grade
from autograder.submission import grading
from autograder.verdicts import Verdict
from autograder.workers import pool

SOAK_SECONDS = 3600
_PAUSE = "import os, signal, time\ntime.sleep(0.3)\n"
_WAITING = f"{_PAUSE}def square(x):\n    time.sleep(0.2)\n    "
KINDS = {
    "right": solved({"square": f"{_WAITING}return x * x"}),
    "wrong": solved({"square": f"{_WAITING}return x + x"}),
    "raising": solved({"square": f"{_WAITING}return 1 / 0"}),
    "half-right": solved(
        {"square": f"{_WAITING}return x * x", "half": f"{_PAUSE}half = 2"}
    ),
    "not-attempted": solved(
        {"square": "def square(x):\n    raise NotImplementedError"}
    ),
    "crashing": solved({"half": f"{_PAUSE}os._exit(3)"}),
    "killing-itself": solved({"half": f"{_PAUSE}os.kill(os.getpid(), 9)"}),
    "ending-itself": solved({"half": f"{_PAUSE}os.kill(os.getpid(), signal.SIGTERM)"}),
    "crashing-in-a-test": solved({"square": f"{_WAITING}os._exit(3)"}),
    "killing-itself-in-a-test": solved({"square": f"{_WAITING}os.kill(0, 9)"}),
    "unreadable": b"{",
}
ENDLESS = solved({"half": "while True: pass"})
CLASS_SIZE = 60


def hand_in_class(course):
    kinds = list(KINDS)
    for number in range(CLASS_SIZE):
        kind = kinds[number % len(kinds)]
        hand_in(course, f"{number:02}-{kind}", KINDS[kind])
    hand_in(course, "60-endless", ENDLESS)


def at_level(course, level):
    """Give the course whose runs are at a level of isolation."""
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write(f"c.SandboxLimits.level = {level!r}\n")
    return find_course(course.root)


def state(course):
    """Read all that a grade is: of each submission its verdict, statuses, messages."""
    runs = [
        (run.student, run.verdict, re.sub(r"\d+", "#", run.message), bool(run.digest))
        for run in records.runs(course, "ps1")
    ]
    items = [
        (i.student, i.grade_id, i.status, i.points, re.sub(r"\d+", "#", i.message))
        for i in records.items(course, "ps1")
    ]
    return runs, items


class Killer:
    """Kills one process of each run that is given to a worker, at a random moment.

    Runs that are repeated alone are left in peace.
    """

    def __init__(self, rng, monkeypatch):
        """Watch the workers of this process from now on."""
        self.rng, self.killed = rng, dict.fromkeys(ROLES, 0)
        self.alone = False
        self.threads = []
        give, run_all = pool.Worker.give, pool.Local.run_all

        def watched_give(worker, key, function, arguments):
            give(worker, key, function, arguments)
            if not self.alone:
                self.attack(worker, key)

        def watched_run_all(place, jobs, *, alone=False):
            for thread in self.threads:
                thread.join()
            self.alone = alone
            yield from run_all(place, jobs, alone=alone)
            for thread in self.threads:
                thread.join()

        monkeypatch.setattr(pool.Worker, "give", watched_give)
        monkeypatch.setattr(pool.Local, "run_all", watched_run_all)

    def attack(self, worker, key):
        """Choose a role that was killed least so far; wait in a thread for one."""
        role = min(self.killed, key=lambda role: (self.killed[role], self.rng.random()))
        after = self.rng.choice([0, self.rng.uniform(0, 0.5)])
        self.killed[role] += 1
        thread = threading.Thread(target=self._kill, args=(worker, key, role, after))
        self.threads.append(thread)
        thread.start()

    def _kill(self, worker, key, role, after):
        time.sleep(after)
        while worker.key == key and worker.process.poll() is None:
            found = [p.pid for p in processes(worker.process.pid) if p.role == role]
            if found and worker.key == key:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.rng.choice(found), signal.SIGKILL)
                return
            time.sleep(0.002)
            if worker.connection.closed or worker.connection.poll():
                break
        self.killed[role] -= 1  # it was too late


def descendants():
    return sorted(process.pid for process in processes(os.getpid()))


@pytest.fixture(params=LEVELS)
def undisturbed(request, tiny_course):
    """Give a class of 60 at a level, a copy of it, and its undisturbed grades."""
    sandbox_or_skip(request.param)
    course = at_level(tiny_course, request.param)
    hand_in_class(course)
    shutil.copytree(course.root, course.root.parent / "fresh")
    grade(course, "ps1")
    return course.root.parent / "fresh", state(course)


def disturb(fresh, folder, wanted, rng, monkeypatch):
    """Grade a copy of a course while its processes are killed; compare all grades."""
    shutil.copytree(fresh, folder)
    course = find_course(folder)
    descriptors, mounts = len(os.listdir("/proc/self/fd")), Path("/proc/mounts")
    before = descendants(), mounts.read_text()
    with monkeypatch.context() as patch:
        killer = Killer(rng, patch)
        grade(course, "ps1")
    print(killer.killed)
    assert state(course) == wanted
    assert (descendants(), mounts.read_text()) == before
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert all(row.skipped for row in grade(course, "ps1").rows)
    return killer.killed


@pytest.mark.slow
def test_grade_kills_at_random_change_no_grade(undisturbed, tmp_path, monkeypatch):
    """Whatever is killed in each run, once, every grade is that of a quiet machine."""
    fresh, wanted = undisturbed
    verdicts = {verdict for _, verdict, _, _ in wanted[0]}
    assert {Verdict.GRADED, Verdict.CRASHED, Verdict.OUT_OF_TIME} < verdicts
    assert Verdict.INTERRUPTED not in verdicts
    folder = tmp_path / "disturbed"
    killed = disturb(fresh, folder, wanted, random.Random(0), monkeypatch)
    assert min(killed.values()) >= 1


@pytest.mark.soak
def test_grade_an_hour_of_kills_changes_no_grade(undisturbed, tmp_path, monkeypatch):
    """The same over and over, half an hour for each level."""
    fresh, wanted = undisturbed
    end, number = time.monotonic() + SOAK_SECONDS / len(LEVELS), 0
    while time.monotonic() < end:
        number += 1
        folder = tmp_path / "disturbed"
        disturb(fresh, folder, wanted, random.Random(number), monkeypatch)
        shutil.rmtree(folder)


# ------------------------------------------------------------------ killed twice


@pytest.mark.parametrize("role", ["student", "worker"])
def test_grade_killed_twice_says_so_and_is_tried_again(tiny_course, role):
    """Killed alone as well: no points for what did not run, and not for good."""
    hand_in(tiny_course, "bob", solved())
    grade(tiny_course, "ps1")  # the reference has run: the next runs are ada's
    slow = {"half": "import time\ntime.sleep(4)\nhalf = BASE / 2"}
    hand_in(tiny_course, "ada", solved(slow))
    killed = []

    def kill_twice():
        while len(killed) < 2:
            running = processes(os.getpid())
            there = {process.role: process.pid for process in running}
            if "student" in there and there[role] not in killed:
                time.sleep(1.5)
                killed.append(there[role])
                os.kill(there[role], signal.SIGKILL)
            time.sleep(0.02)

    killer = threading.Thread(target=kill_twice)
    killer.start()
    ada, bob = grade(tiny_course, "ps1", jobs=1).rows
    killer.join()
    assert (ada.verdict, bob.skipped) == (Verdict.INTERRUPTED, True)
    assert "killed" in ada.message
    statuses = {i.grade_id: i.status for i in records.items(tiny_course, "ps1", "ada")}
    done = "correct" if role == "student" else "not run"
    assert statuses == {"square-test": done, "half-test": "not run"}
    ada, bob = grade(tiny_course, "ps1").rows
    assert (ada.verdict, ada.points) == (Verdict.GRADED, 3)
    assert (ada.skipped, bob.skipped) == (False, True)


# --------------------------------------------------- signals, the database, the folder


@contextlib.contextmanager
def grading_command(course, temporary):
    """Run ``autograder grade`` in a process group of its own, its lines to be read."""
    command = [sys.executable, "-m", "autograder", "grade", "ps1", "--jobs", "2"]
    with subprocess.Popen(
        [*command, "--course", str(course.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    ) as process:
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_grade_stopped_by_a_signal_keeps_what_was_finished(
    tiny_course, temporary, number, whole_group
):
    """Each of the three ends a run in good order: nothing is left, nothing is lost."""
    for student in range(6):
        slow = {"half": f"import time\ntime.sleep({student})\nhalf = BASE / 2"}
        hand_in(tiny_course, f"s{student}", solved(slow))
    with grading_command(tiny_course, temporary) as process:
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            roles = {found.role for found in processes(process.pid)}
            if len(records.runs(tiny_course, "ps1")) > 1 and "student" in roles:
                break
            time.sleep(0.1)
        started = [found.pid for found in processes(process.pid)]
        if whole_group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        said = process.stdout.read()
    assert process.returncode == 128 + number, said
    assert "stopped; what was finished is kept" in said
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in started):
        assert time.monotonic() < deadline, "a process was left alive"
        time.sleep(0.1)
    assert list(temporary.glob("autograder-*")) == []
    assert not tiny_course.grading_folder.exists()
    kept = {run.student for run in records.runs(tiny_course, "ps1")}
    rows = grade(tiny_course, "ps1").rows
    assert {row.student for row in rows if row.skipped} == kept
    assert {row.points for row in rows} == {3}


def test_grade_waits_for_a_locked_gradebook_and_says_so(tiny_course, monkeypatch):
    """Somebody writes to the gradebook for a while: all is graded, with a word."""
    monkeypatch.setattr(database, "_WORD_SECONDS", 0.1)
    hand_in(tiny_course, "ada", solved())
    notes = []
    book = sqlite3.connect(
        tiny_course.db_url.removeprefix("sqlite:///"),
        isolation_level=None,
        check_same_thread=False,
    )
    with contextlib.closing(book):
        book.execute("BEGIN EXCLUSIVE")

        def progress(event):
            if event.note:
                notes.append(event.note)
                book.execute("ROLLBACK")

        (row,) = grade(tiny_course, "ps1", progress=progress).rows
        assert (row.verdict, row.points) == (Verdict.GRADED, 3)
        assert len(notes) == 1
        assert "another program is writing to it" in notes[0]
        # And in the middle of a class, when the first is to be written.
        with database.open_gradebook(tiny_course.db_url, "tiny") as gradebook:
            book.execute("BEGIN EXCLUSIVE")
            unlock = threading.Timer(0.5, book.execute, ["ROLLBACK"])
            unlock.start()
            said = []
            with database.one_transaction(gradebook, said.append):
                gradebook.update_or_create_student("eve")
            unlock.join()
        assert len(said) == 1


def test_grade_submission_that_disappears_is_graded_when_it_is_back(
    tiny_course, monkeypatch
):
    """What is taken away while it is read is said to be gone; its grade stays."""
    folder = hand_in(tiny_course, "ada", solved())
    hand_in(tiny_course, "bob", solved())
    away = tiny_course.root / "away"
    read = grading.read

    def read_too_late(assignment, student):
        if student == "ada" and folder.exists():
            folder.rename(away)
        return read(assignment, student)

    for graded_before in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr(grading, "read", read_too_late)
            ada, bob = grade(tiny_course, "ps1").rows
        assert "ada/ps1 disappeared meanwhile" in ada.message
        assert (ada.points, bob.points) == (3 if graded_before else 0, 3)
        assert ada.verdict is (Verdict.GRADED if graded_before else Verdict.MISSING)
        known = {run.student for run in records.runs(tiny_course, "ps1")}
        assert known == ({"ada", "bob"} if graded_before else {"bob"})
        away.rename(folder)
        ada, bob = grade(tiny_course, "ps1").rows
        assert (ada.verdict, ada.points) == (Verdict.GRADED, 3)
        assert (ada.skipped, bob.skipped) == (graded_before, True)


def test_grade_file_that_disappears_while_it_is_read_is_read_again(
    tiny_course, monkeypatch
):
    """A file of a submission is gone between its listing and its reading."""
    hand_in(tiny_course, "ada", solved())
    read, failures = grading.read, [FileNotFoundError(2, "gone")]

    def read_again(assignment, student):
        if failures:
            raise failures.pop()
        return read(assignment, student)

    monkeypatch.setattr(grading, "read", read_again)
    (row,) = grade(tiny_course, "ps1").rows
    assert (row.verdict, row.points, failures) == (Verdict.GRADED, 3, [])


# ------------------------------------------------------------- a bad clock, a slow disk

_JUMPS = """
import datetime, os, random, time
_real = time.time
time.time = lambda: _real() + random.choice([-86400, -3600, 0, 3600, 86400])
for _name in ("rename", "replace", "fsync", "mkdir", "rmdir", "unlink"):
    def _slow(*args, _call=getattr(os, _name), **more):
        time.sleep(0.02)
        return _call(*args, **more)
    setattr(os, _name, _slow)
"""


def test_grade_jumping_clock_and_slow_disk_cost_nothing(
    tiny_course, tmp_path, monkeypatch
):
    """In the workers the clock jumps by hours and each change of a folder is slow.

    A test double at the level of Python: what the grader reads as the time of day, and
    how long the calls take that make and move files.
    """
    folder = tmp_path / "double"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_JUMPS)
    for kind in ("right", "wrong", "crashing"):
        hand_in(tiny_course, kind, KINDS[kind])
    calm = tmp_path / "calm"
    shutil.copytree(tiny_course.root, calm)
    grade(find_course(calm), "ps1")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    rename = os.rename
    monkeypatch.setattr(
        os, "rename", lambda *a, **k: (time.sleep(0.2), rename(*a, **k))
    )
    grade(tiny_course, "ps1")
    assert state(tiny_course) == state(find_course(calm))


# -------------------------------------------------------------------- no more memory

_GROUPS = Path("/sys/fs/cgroup")
_SHORT = """
import os, sys
with open(sys.argv[1], "w") as group:
    group.write(str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "autograder", *sys.argv[2:]])
"""


@contextlib.contextmanager
def memory_group(megabytes):
    """Make a control group whose processes may have so much memory together."""
    for folder, limit in (
        (_GROUPS, "memory.max"),
        (_GROUPS / "unified", "memory.max"),
        (_GROUPS / "memory", "memory.limit_in_bytes"),
    ):
        group = folder / f"autograder-test-{os.getpid()}"
        try:
            if limit == "memory.max" and "memory" not in (
                (folder / "cgroup.subtree_control").read_text().split()
            ):
                continue
            group.mkdir()
            (group / limit).write_text(str(megabytes * 2**20))
        except OSError:
            continue
        try:
            yield group
        finally:
            deadline = time.monotonic() + 30
            while (group / "cgroup.procs").read_text():
                assert time.monotonic() < deadline, "a process was left in the group"
                time.sleep(0.1)
            group.rmdir()
        return
    pytest.skip("no control group with a limit on memory can be made here (v1 or v2)")


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_grade_real_shortage_of_memory_costs_nothing(tiny_course, level):
    """The kernel kills in the grader's own group: what it killed is not judged."""
    sandbox_or_skip(level)
    with open(tiny_course.root / "nbgrader_config.py", "a") as config:
        config.write("c.SandboxLimits.cell_cpu_seconds = 60\n")  # memory takes time
        config.write("c.SandboxLimits.notebook_cpu_seconds = 120\n")
    course = at_level(tiny_course, level)
    for student in ("ada", "bob"):
        hand_in(course, student, solved())
    greedy = {"half": "data = b'x' * 1000 * 2**20\nhalf = BASE / 2"}
    hand_in(course, "eve", solved(greedy))
    with memory_group(700) as group:
        command = [sys.executable, "-c", _SHORT, str(group / "cgroup.procs")]
        said = subprocess.run(
            [*command, "grade", "ps1", "--jobs", "1", "--course", str(course.root)],
            capture_output=True,
            text=True,
            timeout=500,
        )
    assert said.returncode == 0, said.stderr
    runs = {run.student: run for run in records.runs(course, "ps1")}
    assert {runs[s].verdict for s in ("ada", "bob")} == {Verdict.GRADED}
    eve = runs["eve"]
    assert (eve.verdict, eve.digest) == (Verdict.INTERRUPTED, "")
    assert "want of memory" in eve.message
    assert "killed nothing" not in eve.message
    assert "run the same command again: eve" in said.stderr
    rows = {row.student: row for row in grade(course, "ps1").rows}  # with memory enough
    assert (rows["eve"].verdict, rows["eve"].points) == (Verdict.GRADED, 3)
