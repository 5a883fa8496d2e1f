"""Processes of a run that end although the grader did not end them."""

import contextlib
import os
import signal
import threading
import time

import nbformat
import pytest
from processes import processes
from test_runner_levels import left_of_runs, sandbox_or_skip

from autograder.errors import SandboxError
from autograder.runner import LEVELS, Job, Limits, fork_server, oom, run_notebook
from autograder.verdicts import Verdict

_WAIT = "import time\ndef wait(x=1):\n    time.sleep(3)\n    return x"
_FIND_SECONDS = 60


@pytest.fixture(scope="module", params=LEVELS)
def sandbox(request):
    sandbox = sandbox_or_skip(request.param)
    fork_server.close_all()  # those of another level have processes too
    return sandbox


@pytest.fixture
def attempt(sandbox):
    """Run cells; nothing is left of a run, not even a descriptor."""

    def attempt(*sources, tests=None, limits=None):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells)
        job = Job(notebook, {}, limits or Limits(), tests=tests or {})
        result = run_notebook(job, sandbox)
        assert left_of_runs() == []
        nbformat.validate(result.notebook)
        return result

    attempt("1")
    before = len(os.listdir("/proc/self/fd"))
    yield attempt
    attempt("1")
    assert len(os.listdir("/proc/self/fd")) == before


@contextlib.contextmanager
def killing(role, number=signal.SIGKILL, after=0.0, which=-1):
    """Send a signal to the first process with a role that is found, or `which`."""
    sent = []

    def kill():
        deadline = time.monotonic() + _FIND_SECONDS
        while not sent and time.monotonic() < deadline:
            found = [p.pid for p in processes(os.getpid()) if p.role == role]
            if len(found) > max(0, which):
                time.sleep(after)
                sent.append(found[which])
                os.kill(found[which], number)
            time.sleep(0.002)

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()
    assert sent


def errors(cell):
    return [output.ename for output in cell.outputs if output.output_type == "error"]


# --------------------------------------------------------------------- from outside


def test_killed_student_process_is_no_crash(attempt):
    """A SIGKILL from outside judges nothing: the run is to be repeated."""
    with killing("student", after=1.0):
        result = attempt("x = 1", "import time; time.sleep(30)", "1 / 0")
    assert result.verdict is Verdict.INTERRUPTED
    assert result.is_doubtful
    assert "In cell 2 the Python process was killed from outside." in result.message
    assert "want of memory" in result.message
    assert result.ran == [True, False, False]


def test_killed_student_process_leaves_what_was_there_before(attempt):
    """The tests whose snapshots were taken before run; those after it did not."""
    with killing("student", after=1.0):
        result = attempt(
            *("x = 1", "assert x == 1", "import time; time.sleep(30)", "assert x == 1"),
            tests={1: True, 3: True},
        )
    assert result.verdict is Verdict.INTERRUPTED
    assert result.ran == [True, True, False, False]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_may_come_from_outside_is_doubted(attempt, number):
    """SIGTERM may be an operator's or the code's own: judged, but worth another run."""
    with killing("student", number, after=1.0):
        result = attempt("import time; time.sleep(30)")
    assert result.verdict is Verdict.CRASHED
    assert result.is_doubtful
    assert not attempt("import os; os._exit(3)").is_doubtful


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("role", ["snapshot", "checker", "reaper"])
def test_killed_in_a_test_loses_that_item_alone(attempt, role, protected):
    """What a test needed was killed: the run is to be repeated, others are as ever."""
    if role == "checker" and not protected:
        pytest.skip("an unprotected test runs in its snapshot")
    with killing(role, after=1.5 if role == "checker" else 3.0, which=0):
        result = attempt(
            *(_WAIT, "assert wait() == 1", "assert wait(2) == 2"),
            *("x = 3", "assert x == 3"),
            tests={1: protected, 2: protected, 4: True},
        )
    assert result.verdict is Verdict.INTERRUPTED
    assert result.is_doubtful
    if role != "reaper":
        lost = [index for index in (1, 2, 4) if not result.ran[index]]
        assert len(lost) == 1
        assert errors(result.notebook.cells[lost[0]]) == ["Interrupted"]
        assert errors(result.notebook.cells[4]) == []


@pytest.mark.parametrize("protected", [True, False])
def test_killed_snapshot_that_waits_is_found_at_its_test(attempt, protected):
    """A snapshot that vanished before its test is no wrong answer."""
    with killing("snapshot", after=0.5):
        result = attempt(
            *("x = 1", "assert x == 1", "import time; time.sleep(3)", "assert x == 1"),
            tests={1: protected, 3: protected},
        )
    assert result.verdict is Verdict.INTERRUPTED
    assert result.ran == [True, False, True, True]


def test_killed_snapshot_that_the_student_reaped_is_not_judged(attempt):
    """Where nobody saw how a snapshot ended, it is taken for killed."""
    reap = (
        "import os, time\nuntil = time.monotonic() + 4\n"
        "while time.monotonic() < until:\n"
        "    try: os.waitpid(-1, os.WNOHANG)\n"
        "    except ChildProcessError: pass\n    time.sleep(0.01)"
    )
    with killing("snapshot", after=1.0):
        result = attempt("x = 1", "assert x == 1", reap, tests={1: True})
    assert result.verdict is Verdict.INTERRUPTED
    assert result.ran == [True, False, True]


@pytest.mark.parametrize("after", [0.0, 1.0])
def test_killed_reaper_or_fork_server_is_no_verdict_on_the_code(sandbox, after):
    """Whatever of the grader's own is killed: the run is doubtful, or it failed."""
    cells = [nbformat.v4.new_code_cell("import time; time.sleep(3)")]
    job = Job(nbformat.v4.new_notebook(cells=cells), {}, Limits())
    run_notebook(job, sandbox)
    with killing("reaper", after=after), contextlib.suppress(SandboxError):
        assert run_notebook(job, sandbox).verdict is Verdict.INTERRUPTED
    with killing("fork server", after=after), pytest.raises(SandboxError):
        run_notebook(job, sandbox)
    assert run_notebook(job, sandbox).verdict is Verdict.GRADED
    assert left_of_runs() == []


def test_next_run_after_a_kill_is_as_ever(attempt):
    """A killed reaper takes nothing with it that the next run needs."""
    for role in ("reaper", "student"):
        with killing(role, after=1.0):
            attempt("import time; time.sleep(30)")
        assert attempt("x = 1", "assert x == 1", tests={1: True}).ran == [True, True]


# ------------------------------------------------------------------ by its own doing

_OWN_KILLS = {
    "kill": "os.kill(os.getpid(), 9)",
    "raise": "signal.raise_signal(9)",
    "its thread": "signal.pthread_kill(threading.get_ident(), 9)",
    "from a thread": "threading.Thread(target=os.kill, args=(os.getpid(), 9)).start()",
    "its group": "os.killpg(os.getpgid(0), 9)",
    "group 0": "os.kill(0, 9)",
    "everybody": "os.kill(-1, 9)",
    "sigqueue": "libc.sigqueue(os.getpid(), 9, None)",
}
_START = "import ctypes, fcntl, os, resource, signal, subprocess, threading, time\n"
_START += "libc = ctypes.CDLL(None, use_errno=True)\n"


@pytest.mark.parametrize("way", _OWN_KILLS)
@pytest.mark.attack("SIGKILL to itself: {}")
def test_own_kill_is_a_crash(attempt, way):
    """Code that sends itself SIGKILL has crashed, and is not taken for a victim."""
    result = attempt("x = 1", f"{_START}{_OWN_KILLS[way]}\ntime.sleep(20)")
    assert result.verdict is Verdict.CRASHED
    assert "signal 9 (SIGKILL)" in result.message
    assert not result.is_doubtful
    assert result.ran == [True, False]


@pytest.mark.parametrize("way", _OWN_KILLS)
@pytest.mark.parametrize("protected", [True, False])
def test_own_kill_of_a_snapshot_is_a_crash(attempt, way, protected):
    """An answer that kills itself when it is called loses that item alone."""
    answer = f"{_START}def f():\n    {_OWN_KILLS[way]}\n    time.sleep(20)"
    result = attempt(
        *(answer, "assert f() == 1", "x = 3", "assert x == 3"),
        tests={1: protected, 3: protected},
    )
    assert result.verdict is Verdict.CRASHED
    assert not result.is_doubtful
    assert errors(result.notebook.cells[1])[0] == "Crashed"
    assert errors(result.notebook.cells[3]) == []
    assert result.ran[3]


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("os._exit(3)", "ended with exit code 3"),
        ("ctypes.string_at(0)", "was ended by signal 11 (SIGSEGV)"),
        ("os.closerange(3, 4000)", "closed its pipe to the grader"),
    ],
)
@pytest.mark.parametrize("protected", [True, False])
def test_answer_that_ends_in_its_test_is_a_crash(attempt, end, says, protected):
    """The run of such an answer is never "graded"; the other items are."""
    answer = f"{_START}def f():\n    {end}\n    time.sleep(20)"
    result = attempt(
        *(answer, "assert f() == 1", "x = 3", "assert x == 3"),
        tests={1: protected, 3: protected},
    )
    assert result.verdict is Verdict.CRASHED
    assert says in result.message
    assert not result.is_doubtful
    assert errors(result.notebook.cells[3]) == []
    assert result.ran[3]


_REFUSED = {
    "pidfd": "signal.pidfd_send_signal(os.pidfd_open(os.getpid()), 9)",
    "limit on CPU time": "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))",
    "the same by its own call": "check(libc.syscall(SETRLIMIT, 0, b'\\1' * 16))",
    "signal of a descriptor": "fcntl.fcntl(0, 10, 9)",
    "timer": "check(libc.timer_create(0, None, ctypes.byref(ctypes.c_long())))",
}


@pytest.mark.parametrize("way", _REFUSED)
@pytest.mark.attack("SIGKILL to itself that names nobody: {}")
def test_own_kill_that_names_nobody_is_refused(attempt, way):
    """What would have the kernel kill the code later is an ordinary exception."""
    result = attempt(
        f"{_START}SETRLIMIT = {{'x86_64': 160, 'aarch64': 164}}[os.uname().machine]\n"
        "def check(result):\n"
        "    if result < 0: raise OSError(ctypes.get_errno(), 'refused')\n"
        f"try:\n    {_REFUSED[way]}\n"
        "except (PermissionError, ValueError):\n    print('refused')"
    )
    assert result.verdict is Verdict.GRADED
    assert [o.text for o in result.notebook.cells[0].outputs] == ["refused\n"]


def test_killing_children_is_as_ever(attempt):
    """What the code has started itself it may kill; limits can be asked for."""
    result = attempt(
        f"{_START}child = subprocess.Popen(['sleep', '60'])\n"
        "child.kill()\nprint(child.wait())\n"
        "pid = os.fork() or time.sleep(60)\nos.kill(pid, 9)\n"
        "print(os.WTERMSIG(os.waitpid(pid, 0)[1]))\n"
        "group = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "os.killpg(group.pid, 9)\nprint(group.wait())\n"
        "print(len(resource.getrlimit(resource.RLIMIT_CPU)))\n"
        "signal.pidfd_send_signal(os.pidfd_open(os.getpid()), 0)"
    )
    assert result.verdict is Verdict.GRADED, result.message
    shown = "".join(
        output.get("text", "") for output in result.notebook.cells[0].outputs
    )
    assert shown.split() == ["-9", "9", "-9", "2"]


def test_child_cannot_kill_for_the_code(attempt):
    """A child that sends SIGKILL to the code's process ends itself."""
    result = attempt(
        f"{_START}me = os.getpid()\n"
        "child = os.fork() or os.kill(me, 9)\n"
        "print(os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGSYS)"
    )
    assert result.verdict is Verdict.GRADED
    assert result.notebook.cells[0].outputs[0].text == "True\n"


# ------------------------------------------------------------------------- the words


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ((3, 0), (3, 0), "killed nothing for want of memory"),
        ((3, 0), (5, 0), "on this machine: 2."),
        (
            (3, 1),
            (5, 2),
            "on this machine: 2, 1 of them in the grader's control group.",
        ),
    ],
)
def test_kills_for_want_of_memory_are_told(before, after, says):
    """What the kernel counted between two moments is said in a sentence."""
    assert says in oom.describe_kills(oom.Kills(*before), oom.Kills(*after))


def test_kills_for_want_of_memory_are_counted():
    """The count is that of the kernel, and it takes next to no time."""
    with open("/proc/vmstat") as stream:
        counts = dict(line.split() for line in stream)
    assert oom.count_kills().machine == int(counts["oom_kill"])
