"""Nothing of the host is reached, and no limit is slipped, by ways less common."""

import os
import signal
import subprocess
import sys
import threading
import time

import nbformat
import pytest
from test_runner_isolation import _control, _inside, _payload
from test_runner_levels import sandbox_or_skip

from autograder.runner import LEVELS, Job, Limits, folders, run_notebook
from autograder.verdicts import Verdict
from redteam.escapes import ESCAPES

TOKEN = "AUTOGRADER_TEST_TOKEN"


@pytest.fixture(scope="module", autouse=True)
def _token():
    """Put a secret into the grader's environment before any sandbox is made."""
    os.environ[TOKEN] = "CANARY_OF_THE_GRADER"
    yield
    del os.environ[TOKEN]


@pytest.fixture(scope="module", params=LEVELS)
def sandbox(request, _token):
    return sandbox_or_skip(request.param)


@pytest.fixture(scope="module")
def outside():
    """A folder of the host that every user may read and write."""
    root = folders.temporary_root(for_others=True)
    folder = root / f"autograder-test-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "canary").write_text("the canary sings")
    (folder / "canary").chmod(0o666)
    # What a neighbour's run would look like, for whoever can see it.
    (folder / "run" / "box" / "work").mkdir(parents=True)
    (folder / "run" / "box" / "work" / "CANARY_FILE").write_text("x")
    yield folder
    folders.remove_tree(folder)


@pytest.fixture
def neighbour(outside):
    """A process of the grader's user: it has a secret, and notes a SIGCONT."""
    program = (
        "import pathlib, signal, sys, time\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "signal.signal(signal.SIGCONT, lambda *_: path.touch())\n"
        "print('up', flush=True)\n"
        "time.sleep(120)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(outside / "pwned-signal")],
        env={**os.environ, "TOKEN": "CANARY_IN_A_NEIGHBOUR"},
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    (outside / "pwned-signal").unlink(missing_ok=True)


def _cases():
    return [
        pytest.param(escape, marks=pytest.mark.attack(escape.name), id=escape.name)
        for escape in ESCAPES
    ]


def _controls():
    return [
        pytest.param(
            escape,
            marks=[
                pytest.mark.attack(escape.name, control=True),
                pytest.mark.skipif(
                    escape.needs_root and os.geteuid() != 0,
                    reason="its control needs root",
                ),
            ],
            id=escape.name,
        )
        for escape in ESCAPES
    ]


@pytest.mark.parametrize("escape", _cases())
def test_escape_is_contained(sandbox, outside, neighbour, escape):
    """Every try is refused, and the host's canary is as it was."""
    before = escape.canary(outside)
    payload = _payload(escape.body, OUTSIDE=str(outside), CONTROL=False)
    report = _inside(payload, sandbox)
    time.sleep(0.1)
    assert report
    through = {name: said for name, said in report.items() if "refused" not in said}
    assert through == {}
    assert escape.canary(outside) == before
    assert neighbour.poll() is None


@pytest.mark.parametrize("escape", _controls())
def test_escape_works_outside(outside, neighbour, escape):
    """The control: an ordinary Python outside gets through."""
    before = escape.canary(outside)
    try:
        payload = _payload(escape.body, OUTSIDE=str(outside), CONTROL=True)
        report = _control(payload)
        time.sleep(0.2)
        assert any("refused" not in said for said in report.values()), report
        if escape.name in ("sysv-residue", "signal-to-everybody"):
            assert escape.canary(outside) != before
    finally:
        escape.undo(outside)


# ------------------------------------------------------------- limits that are slipped


def _run(sandbox, *sources, limits):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return run_notebook(Job(nbformat.v4.new_notebook(cells=cells), {}, limits), sandbox)


@pytest.mark.attack("memory-of-an-unreadable-process")
def test_memory_of_a_process_that_hides_is_limited(sandbox):
    """A process that may not be looked into still counts."""
    result = _run(
        sandbox,
        "import ctypes, os, time\n"
        "ctypes.CDLL(None).prctl(4, 0)\n"  # PR_SET_DUMPABLE: no
        "print('armed', flush=True)\n"
        "kept = []\n"
        "for _ in range(120): kept.append(bytearray(os.urandom(1) * 2**23))\n"
        "time.sleep(5)",
        limits=Limits(memory_mb=256, cell_wall_seconds=20),
    )
    assert "armed" in str(result.notebook.cells[0].outputs)
    assert result.verdict is Verdict.OUT_OF_MEMORY, result.message


COPIES = """
import ctypes, os, time
pages = []
for line in open("/proc/self/maps").read().splitlines():
    span, mode, *_ = line.split()
    low, high = (int(n, 16) for n in span.split("-"))
    if mode == "rw-p" and "stack" not in line and high - low < 2**29:
        with open("/proc/self/pagemap", "rb") as file:
            file.seek(low // 4096 * 8)
            table = file.read((high - low) // 4096 * 8)
        pages += [low + 4096 * i for i in range(len(table) // 8)
                  if table[8 * i + 7] & 0x80]  # it is there
print("armed" if len(pages) * 4096 > 2**24 else "no pages", flush=True)
for _ in range(12):
    if os.fork() == 0:
        for page in pages:
            byte = ctypes.c_ubyte.from_address(page)
            byte.value = byte.value
        time.sleep(15); os._exit(0)
time.sleep(15)
"""
SOCKETS = """
import os, socket, time
print("armed", flush=True)
kept = []
for _ in range(2):
    os.fork()
for _ in range(100):
    kept += socket.socketpair()
    for end in kept[-2:]:
        end.setblocking(False)
        try:
            while True: end.send(bytes(65536))
        except BlockingIOError: pass
time.sleep(10)
"""


@pytest.mark.attack("memory-hidden: {}")
@pytest.mark.parametrize(
    ("hide", "limit"), [(COPIES, 256), (SOCKETS, 64)], ids=["copies", "sockets"]
)
def test_memory_that_no_size_shows_is_limited(sandbox, hide, limit):
    """Copies of shared pages, and what lies unread in sockets, count as memory."""
    limits = Limits(memory_mb=limit, cell_wall_seconds=40)
    result = _run(sandbox, hide, limits=limits)
    assert "armed" in str(result.notebook.cells[0].outputs)
    assert result.verdict is Verdict.OUT_OF_MEMORY, (result.verdict, result.message)


@pytest.mark.attack("shared-memory-filled")
def test_shared_memory_is_limited(sandbox):
    """What is written into /dev/shm is refused, or counts as disk."""
    free = os.statvfs("/dev/shm").f_bavail
    result = _run(
        sandbox,
        "import mmap, os, time\n"
        "print('armed', flush=True)\n"
        "try:\n"
        "    with open('/dev/shm/pwned', 'wb') as file:\n"
        "        for _ in range(64): file.write(bytes(2**20))\n"
        "    time.sleep(5)\n"
        "except OSError as error: print('refused', error)",
        limits=Limits(disk_mb=16),
    )
    printed = str(result.notebook.cells[0].outputs)
    assert "armed" in printed
    assert "refused" in printed or result.verdict is Verdict.OUT_OF_DISK
    assert not os.path.exists("/dev/shm/pwned")
    assert free - os.statvfs("/dev/shm").f_bavail < 32 * 2**20 / 4096


@pytest.mark.attack("everybody-killed")
def test_killing_everybody_ends_that_run_alone(sandbox, outside, neighbour):
    """SIGKILL to all that can be reached ends the run; the next one is as ever."""
    result = _run(
        sandbox,
        "print('armed', flush=True)",
        "import os, signal\n"
        "for pid in range(2, 60):\n"
        "    try: os.kill(pid, signal.SIGKILL) if pid != os.getpid() else 0\n"
        "    except OSError: pass\n"
        "os.kill(-1, signal.SIGKILL)\n"
        "os.kill(os.getpid(), signal.SIGKILL)",
        limits=Limits(),
    )
    assert "armed" in str(result.notebook.cells[0].outputs)
    # The first process of a process namespace survives its own SIGKILL.
    assert result.verdict in (Verdict.CRASHED, Verdict.GRADED), result.message
    assert neighbour.poll() is None
    after = _run(sandbox, "print('as ever')", limits=Limits())
    assert after.verdict is Verdict.GRADED, after.message
    assert after.notebook.cells[0].outputs[0].text == "as ever\n"


@pytest.mark.attack("neighbour-s-run-at-the-same-time")
def test_two_runs_at_once_do_not_find_each_other(sandbox):
    """A run sees neither the folder nor a process of another that runs beside it."""
    wait = "open('CANARY_FILE', 'w').write('x'); import time; time.sleep(4)"
    look = (
        "import glob, os, time\n"
        "time.sleep(1.5)\n"
        "open('mine', 'w').close()\n"
        "found = [p for place in ('/tmp', '/var/tmp', '/proc/[0-9]*/cwd',"
        " '/proc/[0-9]*/root/tmp') for p in glob.glob(place + '/**/CANARY_FILE',"
        " recursive=True)]\n"
        "print('armed', found)"
    )
    other = threading.Thread(
        target=_run, args=(sandbox, wait), kwargs={"limits": Limits()}
    )
    other.start()
    try:
        result = _run(sandbox, look, limits=Limits())
    finally:
        other.join()
    assert result.notebook.cells[0].outputs[0].text == "armed []\n"


@pytest.mark.attack("grader-stopped")
def test_signals_to_the_parent_do_not_stop_the_grader(sandbox):
    """Stopping the parent and its group leaves the grader and the next run alone."""
    began = time.monotonic()
    result = _run(
        sandbox,
        "import os, signal\n"
        "for pid in (os.getppid(), -os.getpgid(0), 1):\n"
        "    for number in (signal.SIGTTOU, signal.SIGUSR2, signal.SIGWINCH):\n"
        "        try: os.kill(pid, number)\n"
        "        except OSError as error: print('refused', error)\n"
        "print('armed', flush=True)",
        limits=Limits(cell_wall_seconds=15),
    )
    assert time.monotonic() - began < 60
    assert result.verdict in (Verdict.GRADED, Verdict.CRASHED, Verdict.OUT_OF_TIME)
    after = _run(sandbox, "print('as ever')", limits=Limits())
    assert after.notebook.cells[0].outputs[0].text == "as ever\n"
    assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL
