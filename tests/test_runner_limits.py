"""Whatever a notebook uses up, the run ends with the verdict that says so."""

import threading
import time

import nbformat
import pytest
from test_runner_levels import left_of_runs, sandbox_or_skip

from autograder.runner import LEVELS, Job, Limits, run_notebook, watch
from autograder.verdicts import Verdict

SMALL = Limits(
    cell_cpu_seconds=1,
    notebook_cpu_seconds=8,
    cell_wall_seconds=20,
    notebook_wall_seconds=60,
    memory_mb=256,
    processes=24,
    disk_mb=16,
    files=500,
    output_mb=1,
)


@pytest.fixture(scope="module", params=LEVELS)
def sandbox(request):
    return sandbox_or_skip(request.param)


@pytest.fixture
def attempt(sandbox):
    """Run cells with small limits; the first prints a marker: the payload did run."""

    def attempt(*sources, limits=SMALL):
        cells = [nbformat.v4.new_code_cell(s) for s in ("print('ran')", *sources)]
        notebook = nbformat.v4.new_notebook(cells=cells)
        result = run_notebook(Job(notebook, {}, limits), sandbox)
        assert _text(result.notebook.cells[0]) == "ran\n"
        assert result.ran[0]
        assert left_of_runs() == []
        nbformat.validate(result.notebook)
        return result

    return attempt


def _text(cell):
    return "".join(o.text for o in cell.outputs if o.output_type == "stream")


@pytest.mark.attack("CPU spin")
def test_cpu_loop_is_interrupted_and_the_rest_goes_on(attempt):
    """An endless loop gets KeyboardInterrupt at its limit; later cells run."""
    result = attempt("print('looping')\nwhile True: pass", "print('after')")
    assert result.verdict is Verdict.OUT_OF_TIME
    assert not result.wall_only
    assert result.ran == [True, True, True]
    assert result.notebook.cells[1].outputs[-1].ename == "KeyboardInterrupt"
    assert _text(result.notebook.cells[1]) == "looping\n"
    assert _text(result.notebook.cells[2]) == "after\n"
    assert "Cell 2 used 1 s of CPU time; the limit is 1 s for a cell." in result.message


@pytest.mark.slow
@pytest.mark.attack("CPU spin with signals ignored")
def test_cpu_loop_that_does_not_yield_is_ended(attempt):
    """A loop that catches every interrupt is ended; later cells do not run."""
    result = attempt(
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        "print('looping')\nwhile True: pass",
        "print('after')",
    )
    assert result.verdict is Verdict.OUT_OF_TIME
    assert result.ran == [True, False, False]
    assert _text(result.notebook.cells[1]) == "looping\n"
    assert result.notebook.cells[1].outputs[-1].ename == "OutOfTime"
    assert result.notebook.cells[2].outputs == []


@pytest.mark.attack("CPU spin in children")
def test_cpu_of_children_counts(attempt):
    """Time burnt in other processes, even those nobody waits for, is the cell's."""
    result = attempt(
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "burn = 'while True: pass'\n"
        "subprocess.run([sys.executable, '-c', burn])"
    )
    assert result.verdict is Verdict.OUT_OF_TIME


def test_cpu_of_the_notebook_counts(attempt):
    """Many cells, each within its limit, end at the limit of the notebook."""
    burn = "import time\nend = time.process_time() + 0.5\n"
    burn += "while time.process_time() < end: pass"
    limits = Limits(cell_cpu_seconds=5, notebook_cpu_seconds=1.2)
    result = attempt(*[burn] * 6, limits=limits)
    assert result.verdict is Verdict.OUT_OF_TIME
    assert "limit is 1.2 s for all cells" in result.message
    assert not result.ran[-1]


def test_wall_limit_alone_is_told_apart(attempt):
    """Code that waits hits the limit by the clock, and the result says that only."""
    limits = Limits(cell_wall_seconds=0.5)
    result = attempt("import time; time.sleep(60)", "print('on')", limits=limits)
    assert result.verdict is Verdict.OUT_OF_TIME
    assert result.wall_only
    assert result.ran == [True, True, True]
    assert "by the clock" in result.message


@pytest.mark.parametrize(
    "wait",
    [
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: 0",
    ],
    ids=["stopped", "sleeps through interrupts"],
)
@pytest.mark.attack("waiting for ever: {}")
def test_wall_limit_ends_what_cannot_be_interrupted(attempt, wait, monkeypatch):
    """A process that stops itself or sleeps through interrupts is ended."""
    monkeypatch.setattr(watch, "_GRACE_WALL_SECONDS", 0.5)
    result = attempt(wait, limits=Limits(cell_wall_seconds=0.5))
    assert result.verdict is Verdict.OUT_OF_TIME
    assert result.wall_only
    assert result.ran == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize(
    "eat",
    [
        "data = []\nwhile True: data.append(bytearray(2**24))",
        "import numpy as np\nx = np.ones(2**29)",
        "import mmap\nm = []\n"
        "while True:\n    m.append(mmap.mmap(-1, 2**24)); m[-1].write(b'x' * 2**24)",
        # 200 MB/s in all, so that a look which comes a second late still comes in time
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        data = []\n"
        "        while True: data.append(b'x' * 2**20); time.sleep(.03)\n"
        "time.sleep(60)",
    ],
    ids=["lists", "4 GB array", "shared maps", "many processes"],
)
@pytest.mark.attack("memory: {}")
def test_memory_is_limited(attempt, eat):
    """Memory of one process or of many together ends at the limit."""
    result = attempt(eat, "print('after')")
    assert result.verdict is Verdict.OUT_OF_MEMORY
    assert "256 MB" in result.message
    assert result.peak_memory_mb < 2 * SMALL.memory_mb


def test_memory_shared_by_forks_counts_once(attempt):
    """Forks that only share what the parent holds are within the limit."""
    result = attempt(
        "import os, time\n"
        "data = bytearray(os.urandom(2**20) * 100)\n"
        "children = []\n"
        "for _ in range(6):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        time.sleep(0.5); os._exit(0)\n"
        "    children.append(child)\n"
        "for child in children: os.waitpid(child, 0)\n"
        "print('shared')"
    )
    assert result.verdict is Verdict.GRADED, result.message
    assert _text(result.notebook.cells[1]) == "shared\n"


@pytest.mark.parametrize(
    "bomb",
    [
        "import os\nwhile True: os.fork()",
        "import os, time\n"
        "while True:\n"
        "    try:\n        os.fork()\n"
        "    except OSError: time.sleep(0.01)",
        "import os\nos.system('while :; do sleep 30 & done')",
        "import threading, time\n"
        "while True:\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    ],
    ids=["fork", "patient fork", "shell", "threads"],
)
@pytest.mark.attack("fork bomb: {}")
def test_processes_are_limited(attempt, bomb):
    """A fork bomb ends quickly, and leaves the machine as it was."""
    began = time.monotonic()
    result = attempt(bomb, "print('after')")
    assert result.verdict is Verdict.OUT_OF_PROCESSES, result.message
    assert "limit is 24" in result.message
    assert time.monotonic() - began < 40


@pytest.mark.attack("fork bomb that collapses")
def test_fork_bomb_that_collapses_harms_nobody(attempt):
    """A bomb that is over before a poll sees it is contained by the kernel's limit."""
    began = time.monotonic()
    result = attempt("import os\nos.system('bomb(){ bomb|bomb& }; bomb')")
    assert result.verdict in (Verdict.OUT_OF_PROCESSES, Verdict.GRADED)
    assert time.monotonic() - began < 40


def test_snapshots_are_not_the_student_s_processes(sandbox):
    """A notebook may have more tests than the student's code may have processes."""
    cells = ["x = 4", *["assert x == 4"] * 12]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    tests = dict.fromkeys(range(1, 13), True)
    result = run_notebook(Job(notebook, {}, Limits(processes=2), tests=tests), sandbox)
    assert result.verdict is Verdict.GRADED, result.message
    assert all(result.ran)


@pytest.mark.parametrize(
    "fill",
    [
        "open('big', 'wb').write(bytes(2**25))",
        "for i in range(64): open(f'part{i}', 'wb').write(bytes(2**20))",
        "for i in range(600): open(f'empty{i}', 'w').close()",
        "import os\nfor i in range(600): os.mkdir('d'); os.chdir('d')",
        "import os\nfor i in range(20): os.mkdir('d' * 250); os.chdir('d' * 250)\n"
        "for i in range(64): open(f'part{i}', 'wb').write(bytes(2**20))",
        "f = open('x', 'wb'); import os; os.unlink('x')\n"
        "f.write(bytes(2**24)); f.flush()\n"
        "g = open('x', 'wb'); os.unlink('x'); g.write(bytes(2**23)); g.flush()",
    ],
    ids=["one file", "many files", "names", "depth", "long path", "unlinked"],
)
@pytest.mark.attack("disk: {}")
def test_disk_is_limited(attempt, fill):
    """Files over the limit of size or number end the run."""
    wait = "import time\ntime.sleep(30)"
    result = attempt(
        f"try:\n    {fill.replace(chr(10), chr(10) + '    ')}\n"
        f"except OSError: print('refused')\n{wait}"
    )
    assert result.verdict is Verdict.OUT_OF_DISK, result.message


def test_disk_limit_names_the_cell_that_went_over(attempt, sandbox):
    """The files of an earlier cell are not laid at a later one's door."""
    over = "open('big', 'wb').write(bytes(2**25))"
    result = attempt(over, "2", "3")
    assert result.verdict is Verdict.OUT_OF_DISK
    if sandbox.level == "bwrap":  # elsewhere a look takes time, and comes now and then
        assert result.message.startswith("By cell 2 the notebook had written ")


def test_disk_limit_covers_what_was_handed_in(sandbox):
    """Files over the limit are a verdict too, before anything runs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    result = run_notebook(Job(notebook, {"big": bytes(2**25)}, SMALL), sandbox)
    assert result.verdict is Verdict.OUT_OF_DISK
    assert result.ran == [False]
    many = {f"folder{number}/file": b"" for number in range(300)}
    result = run_notebook(Job(notebook, many, SMALL), sandbox)
    assert result.verdict is Verdict.OUT_OF_DISK
    small = {f"file{number}": b"x" for number in range(300)}
    tight = Limits(disk_mb=1, files=500)
    result = run_notebook(Job(notebook, small, tight), sandbox)
    assert result.verdict is Verdict.OUT_OF_DISK


@pytest.mark.slow
@pytest.mark.parametrize(
    "flood",
    [
        "while True: print('x' * 1000)",
        "print('x' * 30_000_000)",
        "import os\nwhile True: os.write(1, b'x' * 65536)",
        "import os\nwhile True: os.write(2, b'x')",
        "import os\nos.system('yes')",
        "from IPython.display import display\nwhile True: display(1)",
        "'x' * 30_000_000",
        "raise ValueError('x' * 30_000_000)",
        "from IPython.display import display, HTML\n"
        "h = display(HTML(''), display_id='a')\n"
        "while True: h.update(HTML('x' * 1000))",
    ],
    ids=[
        "print",
        "one line",
        "fd 1",
        "fd 2 bytewise",
        "child",
        "display",
        "result",
        "error",
        "update",
    ],
)
@pytest.mark.attack("output flood: {}")
def test_output_is_limited(attempt, flood):
    """Output over the limit ends the run; what came before is kept, and bounded."""
    limits = Limits(
        **{
            **vars(SMALL),
            "memory_mb": 2048,
            "cell_cpu_seconds": 20,
            "notebook_cpu_seconds": 40,
        }
    )
    result = attempt("print('kept')", flood, limits=limits)
    assert result.verdict is Verdict.OUT_OF_OUTPUT, result.message
    assert _text(result.notebook.cells[1]) == "kept\n"
    # The text kept is within the limit; a line costs a few bytes more on disk.
    assert len(_text(result.notebook.cells[2])) <= 2**20


@pytest.mark.attack("output flood and the grader's memory")
def test_output_flood_leaves_the_grader_small(attempt):
    """While a flood arrives the grader's own memory grows by a few MB at most."""
    limits = Limits(output_mb=4)
    peak = 0
    stop = threading.Event()

    def watch():
        nonlocal peak
        while not stop.is_set():
            with open("/proc/self/statm", "rb") as stream:
                peak = max(peak, int(stream.read().split()[1]) * 4096)
            time.sleep(0.005)

    attempt("1", limits=limits)
    with open("/proc/self/statm", "rb") as stream:
        before = int(stream.read().split()[1]) * 4096
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = attempt(
            "import os\nwhile True: os.write(1, b'x' * 65536)", limits=limits
        )
    finally:
        stop.set()
        watcher.join()
    assert result.verdict is Verdict.OUT_OF_OUTPUT
    # 4 MB of text, held at most as parts, as a whole and as a copy, and some slack.
    assert peak - before < 40 * 2**20


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("import os; os._exit(7)", "exit code 7"),
        ("import ctypes; ctypes.string_at(0)", "signal 11"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("import os; os.abort()", "signal 6"),
    ],
)
@pytest.mark.attack("crash: {}")
def test_crash_is_a_verdict_and_keeps_what_ran(attempt, end, says):
    """A process that ends itself is a crash; what it had shown until then is kept."""
    result = attempt(f"print('before')\n{end}", "print('after')")
    assert result.verdict is Verdict.CRASHED
    assert says in result.message
    assert "cell 2" in result.message
    assert result.ran == [True, False, False]
    assert _text(result.notebook.cells[1]).startswith("before\n")


_FIND_PIPE = """
import os, stat
pipes = [n for n in range(3, 64)
         if os.path.exists(f"/proc/self/fd/{n}") and stat.S_ISFIFO(os.fstat(n).st_mode)]
def frame(body):
    return b"AGR1" + len(body).to_bytes(4, "big") + body
def send(data):
    for n in pipes:
        try: os.write(n, data)
        except OSError: pass
"""


@pytest.mark.parametrize(
    ("garbage", "verdict"),
    [
        ("send(b'garbage' * 100)", Verdict.HELD_FOR_REVIEW),
        ("send(b'AGR1' + b'\\xff' * 4)", Verdict.OUT_OF_OUTPUT),
        ("send(frame(b'not json'))", Verdict.HELD_FOR_REVIEW),
        ("send(frame(b'[1, 2]'))", Verdict.HELD_FOR_REVIEW),
        ("send(frame(b'{}'))", Verdict.CRASHED),
        ('send(frame(b\'{"t": "ready"}\'))', Verdict.HELD_FOR_REVIEW),
        ('send(frame(b\'{"t": "tampering"}\'))', Verdict.HELD_FOR_REVIEW),
        ('send(frame(b\'{"t": ["done"]}\'))', Verdict.HELD_FOR_REVIEW),
        ('send(frame(b\'{"t": "output", "output": 3}\'))', Verdict.CRASHED),
        ("send(frame(b'[' * 100_000))", Verdict.HELD_FOR_REVIEW),
        (
            "deep = b'{\"a\":' * 200 + b'1' + b'}' * 200\n"
            'send(frame(b\'{"t": "output", "output": {"output_type": "display_data", '
            '"metadata": {}, "data": \' + deep + b"}}"))',
            Verdict.CRASHED,
        ),
        (
            'send(frame(b\'{"t": "output", "output": {"output_type": "display_data", '
            '"metadata": {}, "data": {"a": 1e999}}}\'))',
            Verdict.CRASHED,
        ),
        ("for n in pipes: os.close(n)", Verdict.CRASHED),
    ],
)
@pytest.mark.attack("garbage on the grader's pipe: {}")
def test_garbage_on_the_pipe_is_a_verdict(attempt, garbage, verdict):
    """Bytes on the grader's pipe that are no message end the run, not the grader."""
    wait = "import time; time.sleep(30)"
    result = attempt(_FIND_PIPE + f"print(len(pipes))\n{garbage}\n{wait}")
    assert _text(result.notebook.cells[1]).startswith("1\n")
    assert result.verdict is verdict, result.message
    assert bool(result.evidence) is (verdict is Verdict.HELD_FOR_REVIEW)


def test_graded_run_reports_its_figures(attempt):
    """A run within its limits reports CPU time, wall time and memory that fit."""
    result = attempt(
        "import time\nend = time.process_time() + 0.4\n"
        "while time.process_time() < end: pass",
        "x = bytearray(2**26); time.sleep(0.2)",
    )
    assert result.verdict is Verdict.GRADED
    assert result.message == ""
    assert 0.35 < result.cpu_seconds < 3
    assert result.wall_seconds > 0.6
    assert 64 < result.peak_memory_mb < 256


def test_limits_refuse_what_is_not_positive():
    """A limit of zero is refused with the name of the limit."""
    with pytest.raises(ValueError, match="memory_mb must be positive, got 0"):
        Limits(memory_mb=0)
