"""Code in the sandbox reaches nothing but its own folder.

Each attack has a canary on the host's side, and a control: the same payload, run
outside by an ordinary Python, does what it is meant to do. So no attack is contained
merely because it could not have worked.
"""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import pytest
from test_runner_levels import left_of_runs, sandbox_or_skip

from autograder.runner import LEVELS, Job, Limits, folders, run_notebook, side
from autograder.runner.inside import meter
from autograder.verdicts import Verdict

CANARY = "the-canary-sings"


@pytest.fixture(scope="module", params=LEVELS)
def sandbox(request):
    return sandbox_or_skip(request.param)


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A course folder that every user of the machine may read and write."""
    root = folders.temporary_root(for_others=True)
    folder = root / f"autograder-test-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "gradebook.db").write_text(CANARY)
    (folder / "gradebook.db").chmod(0o666)
    yield folder
    folders.remove_tree(folder)


def _notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


_REPORT = """
report = {}
def attempt(name, action):
    try:
        report[name] = str(action())
    except BaseException as error:
        report[name] = "refused: " + type(error).__name__
"""


def _payload(body, **values):
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    body = textwrap.dedent(body)
    return "\n".join([*lines, _REPORT, body, "import json; print(json.dumps(report))"])


def _inside(payload, sandbox):
    """Run `payload` in the sandbox and return its report: it did run to its end."""
    result = run_notebook(Job(_notebook(payload), {}, Limits()), sandbox)
    assert result.verdict is Verdict.GRADED, result.message
    (output,) = (
        o for o in result.notebook.cells[0].outputs if o.get("name") != "stderr"
    )
    assert output.output_type == "stream", output
    return json.loads(output.text)


def _control(payload):
    """Run `payload` outside, by an ordinary Python, and return its report."""
    done = subprocess.run(
        [sys.executable, "-c", payload],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def _all_refused(report):
    return all(value.startswith("refused: ") for value in report.values())


def _none_refused(report):
    return not any(value.startswith("refused: ") for value in report.values())


# ----------------------------------------------------------------------------- files


@pytest.mark.attack("files outside")
def test_files_outside_cannot_be_read_or_changed(sandbox, outside):
    """The gradebook can be neither read, written, replaced, linked nor removed."""
    payload = _payload(
        """
        import os, shutil, pathlib
        book = folder + "/gradebook.db"
        attempt("read", lambda: open(book).read())
        attempt("append", lambda: open(book, "a").write(""))
        attempt("list", lambda: os.listdir(folder))
        attempt("make", lambda: open(folder + "/new", "w").close())
        attempt("folder", lambda: os.mkdir(folder + "/made"))
        attempt("truncate", lambda: os.truncate(folder + "/victim", 0))
        attempt("remove", lambda: os.remove(folder + "/victim"))
        attempt("rename", lambda: os.rename(folder + "/victim2", folder + "/moved"))
        attempt("through a link", lambda: (
            os.path.lexists("link") or os.symlink(book, "link"), open("link").read()))
        attempt("hard link", lambda: os.link(book, folder + "/hard"))
        attempt("through proc", lambda: open(f"/proc/{os.getppid()}/root{book}").read())
        """,
        folder=str(outside),
    )
    reports = {}
    for name, where in (
        ("inside", lambda: _inside(payload, sandbox)),
        ("control", lambda: _control(payload)),
    ):
        for victim in ("victim", "victim2"):
            (outside / victim).write_text("x")
            (outside / victim).chmod(0o666)
        before = sorted(p.name for p in outside.iterdir())
        reports[name] = where()
        changed = sorted(p.name for p in outside.iterdir()) != before
        assert changed == (name == "control")
        for made in ("new", "made", "moved", "hard"):
            with contextlib.suppress(FileNotFoundError):
                path = outside / made
                path.rmdir() if path.is_dir() else path.unlink()
        with contextlib.suppress(FileNotFoundError):
            Path("link").unlink()
    assert _all_refused(reports["inside"]), reports["inside"]
    assert _none_refused(reports["control"]), reports["control"]


@pytest.mark.attack("system and Python changed")
def test_system_and_python_cannot_be_changed(sandbox):
    """Nothing can be written to Python, its packages, /usr, /etc, / or /dev/shm."""
    payload = _payload(
        """
        import os, sys, numpy
        for place in (os.path.dirname(os.__file__), os.path.dirname(numpy.__file__),
                      os.path.dirname(os.path.dirname(numpy.__file__)),
                      "/usr", "/usr/lib", "/etc", "/", "/dev", "/proc", "/var/tmp"):
            attempt(place, lambda: open(place + "/planted.pth", "w").close())
        attempt("patch", lambda: open(os.__file__, "a").close())
        def chmod():
            os.chmod(os.__file__, 0o777)  # may report success and do nothing
            if os.stat(os.__file__).st_mode & 0o777 != 0o777:
                raise PermissionError("the mode is as it was")
        attempt("chmod", chmod)
        """
    )
    report = _inside(payload, sandbox)
    assert len(report) >= 11
    assert _all_refused(report), report


def test_scratch_folder_can_be_used(sandbox):
    """The code may read, write and make folders where it is, in TMPDIR and in HOME."""
    payload = _payload(
        """
        import os, tempfile, pathlib
        attempt("here", lambda: (open("x", "w").write("1"), os.remove("x")))
        attempt("temporary", lambda: tempfile.TemporaryFile().write(b"1"))
        attempt("folder", lambda: (os.mkdir("d"), os.rmdir("d")))
        attempt("home", lambda: (pathlib.Path.home() / "x").write_text("1"))
        attempt("null", lambda: open(os.devnull, "w").write("1"))
        attempt("random", lambda: len(open("/dev/urandom", "rb").read(8)))
        """
    )
    report = _inside(payload, sandbox)
    assert _none_refused(report), report


@pytest.mark.attack("files left behind")
def test_nothing_is_left_for_the_next_student(sandbox):
    """What one run writes, another does not find; nor does the machine."""
    root = folders.temporary_root(for_others=True)
    before = set(root.iterdir())
    plant = (
        "import os\n"
        "for place in ('.', os.environ['HOME'], os.environ['TMPDIR'], '/tmp', "
        "'/dev/shm', '/var/tmp'):\n"
        "    try: open(place + '/left-behind', 'w').write('x')\n"
        "    except OSError: pass\n"
        "os.mkdir('dark'); os.mkdir('dark/er'); open('dark/er/x', 'w').close()\n"
        "os.chmod('dark/er', 0); os.chmod('dark', 0)\n"
        "print(os.path.exists('left-behind'))"
    )
    look = (
        "import os\n"
        "print([p for p in ('.', os.environ['HOME'], os.environ['TMPDIR'], '/tmp', "
        "'/dev/shm', '/var/tmp') if os.path.exists(p + '/left-behind')])"
    )
    for cell, said in ((plant, "True\n"), (look, "[]\n")):
        result = run_notebook(Job(_notebook(cell), {}, Limits()), sandbox)
        assert result.notebook.cells[0].outputs[0].text == said
    new = [p.name for p in set(root.iterdir()) - before]
    assert not [name for name in new if "left-behind" in name]
    assert not any(Path(p, "left-behind").exists() for p in ("/dev/shm", "/var/tmp"))


@pytest.mark.parametrize("name", ["/tmp/x", "../x", "a/../../x", "", "."])
def test_files_of_a_job_lie_in_its_folder(name):
    """A file's name cannot lead out of the folder of the run."""
    with pytest.raises(ValueError, match="not a relative name"):
        Job({}, {name: b""}, Limits())


# --------------------------------------------------------------------------- network


@pytest.mark.attack("network")
def test_network_cannot_be_reached(sandbox, outside):
    """No TCP, UDP, path-named or abstract unix socket of the host hears a word."""
    listeners = {
        "tcp": socket.create_server(("127.0.0.1", 0)),
        "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "path": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "datagram": socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
        "abstract": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    }
    abstract = f"\0autograder-test-{os.getpid()}-{time.monotonic_ns()}"
    listeners["udp"].bind(("127.0.0.1", 0))
    for name in ("path", "datagram"):
        listeners[name].bind(str(outside / f"{name}.sock"))
        (outside / f"{name}.sock").chmod(0o777)
    listeners["abstract"].bind(abstract)
    for name in ("path", "abstract"):
        listeners[name].listen()
    for listener in listeners.values():
        listener.setblocking(False)
    payload = _payload(
        """
        import socket
        def connect(family, kind, address):
            with socket.socket(family, kind) as s:
                s.settimeout(3)
                s.connect(address)
                s.send(b"x")
        inet, unix = socket.AF_INET, socket.AF_UNIX
        stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
        attempt("tcp", lambda: connect(inet, stream, ("127.0.0.1", tcp)))
        attempt("udp", lambda: connect(inet, datagram, ("127.0.0.1", udp)))
        attempt("path", lambda: connect(unix, stream, path))
        attempt("datagram", lambda: connect(unix, datagram, path_datagram))
        attempt("abstract", lambda: connect(unix, stream, abstract))
        def by_pair():
            a, b = socket.socketpair(unix, datagram)
            a.sendto(b"x", path_datagram)
        attempt("datagram pair", by_pair)
        attempt("listen", lambda: socket.create_server(("127.0.0.1", 0)).close())
        """,
        tcp=listeners["tcp"].getsockname()[1],
        udp=listeners["udp"].getsockname()[1],
        path=str(outside / "path.sock"),
        path_datagram=str(outside / "datagram.sock"),
        abstract=abstract,
    )

    def heard():
        """Count what has arrived at each listener, and take it."""
        counts = {}
        for name, listener in listeners.items():
            counts[name] = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    if name in ("udp", "datagram"):
                        listener.recv(10)
                    else:
                        listener.accept()[0].close()
                    counts[name] += 1
        return counts

    try:
        report = _inside(payload, sandbox)
        assert set(heard().values()) == {0}
        assert _all_refused(report), report
        control = _control(payload)
        assert min(heard().values()) > 0
        assert _none_refused(control), control
    finally:
        for listener in listeners.values():
            listener.close()
        for name in ("path", "datagram"):
            (outside / f"{name}.sock").unlink(missing_ok=True)


def test_socketpair_and_asyncio_work(sandbox):
    """A stream socketpair, which asyncio needs, is allowed."""
    payload = _payload(
        """
        import asyncio, socket
        attempt("pair", lambda: [s.close() for s in socket.socketpair()])
        async def main():
            await asyncio.sleep(0)
            return "slept"
        attempt("asyncio", lambda: asyncio.new_event_loop().run_until_complete(main()))
        """
    )
    report = _inside(payload, sandbox)
    assert report["asyncio"] == "slept"
    assert _none_refused(report), report


# --------------------------------------------------------------------- other processes


@pytest.mark.attack("the grader's process")
def test_grader_cannot_be_signalled_or_read(sandbox):
    """The grader's process can be neither signalled, limited, traced nor read."""
    me = os.getpid()
    received = []
    before = signal.signal(signal.SIGUSR1, lambda *_: received.append(1))
    payload = _payload(
        """
        import os, resource, signal
        for name, pid in (("grader", grader), ("parent", os.getppid())):
            if name == "parent" and pid in (0, 1, 2):
                continue  # of this process namespace: itself inside
            attempt(name + " signal", lambda: os.kill(pid, signal.SIGUSR1))
            attempt(name + " pidfd", lambda: signal.pidfd_send_signal(
                os.pidfd_open(pid), signal.SIGUSR1))
            attempt(name + " prlimit", lambda: resource.prlimit(
                pid, resource.RLIMIT_CORE, (0, 0)))
            attempt(name + " priority", lambda: os.setpriority(0, pid, 19))
            attempt(name + " affinity", lambda: os.sched_setaffinity(pid, {0}))
            for file in ("environ", "mem", "maps", "cmdline", "cwd/x", "root/etc"):
                path = f"/proc/{pid}/{file}"
                attempt(f"{name} {file}", lambda: open(path, "rb").read(1))
            attempt(name + " fds", lambda: os.listdir(f"/proc/{pid}/fd"))
        """,
        grader=me,
    )
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        report = _inside(payload, sandbox)
        assert _all_refused(report), report
        assert received == []
        assert os.getpriority(os.PRIO_PROCESS, 0) == niceness
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_grader_signal_control(outside):
    """The control of the test above: outside, the same signal does arrive."""
    received = []
    before = signal.signal(signal.SIGUSR1, lambda *_: received.append(1))
    try:
        _control(
            _payload(
                'import os, signal; attempt("x", lambda: os.kill(pid, signal.SIGUSR1))',
                pid=os.getpid(),
            )
        )
        assert received == [1]
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.attack("daemon")
def test_daemons_end_with_the_run(sandbox):
    """A double-forked, signal-proof daemon is gone when the run is over."""
    daemon = (
        "import os, signal, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    for n in range(1, 32):\n"
        "        try: signal.signal(n, signal.SIG_IGN)\n"
        "        except OSError: pass\n"
        "    if os.fork():\n        os._exit(0)\n"
        "    while True:\n"
        "        open('alive', 'w').close()\n"
        "        time.sleep(0.05)\n"
        "while not os.path.exists('alive'): time.sleep(0.01)\n"
        "print('alive')"
    )
    result = run_notebook(Job(_notebook(daemon), {}, Limits()), sandbox)
    assert result.notebook.cells[0].outputs[0].text == "alive\n"
    assert left_of_runs() == []


_GRADER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job may be born deaf to it
from autograder.runner import Job, Limits, choose_sandbox, run_notebook
source = "import os, time\\nif os.fork() == 0:\\n    os.setsid()\\n" \
         "    time.sleep(100)\\nprint('up')\\ntime.sleep(100)"
notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [
    {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}]}
sandbox = choose_sandbox(sys.argv[1])
print("go", flush=True)
run_notebook(Job(notebook, {}, Limits()), sandbox)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.attack("grader killed mid-run: {}")
def test_nothing_survives_the_grader(sandbox, outside, number, tmp_path):
    """When the grader is killed or interrupted, every process of the run ends."""
    temporary = outside / f"tmp-{os.getpid()}-{time.monotonic_ns()}"
    temporary.mkdir()
    temporary.chmod(0o777)
    grader = subprocess.Popen(
        [sys.executable, "-c", _GRADER, sandbox.level],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    try:
        assert grader.stdout.readline() == b"go\n"
        # The warm process, a reaper, the shell and its fork, at least.
        _wait_for(lambda: len(meter.descendants(grader.pid)) >= 4)
        time.sleep(0.5)
        running = {(s.pid, s.started) for s in meter.descendants(grader.pid)}
        grader.send_signal(number)
        grader.wait(20)
        _wait_for(lambda: not running & _living())
        left = list(temporary.glob("autograder-run-*"))
        if number == signal.SIGKILL:
            assert len(left) == 1
            os.utime(left[0], (1, 1))  # as if it were of yesterday
            folders.remove_left_behind(temporary)
        assert list(temporary.glob("autograder-run-*")) == []
    finally:
        grader.kill()
        grader.wait()
        grader.stdout.close()


def _living():
    """Every process of this machine that is not a zombie."""
    stats = [meter.read_stat(int(n)) for n in os.listdir("/proc") if n.isdecimal()]
    return {(s.pid, s.started) for s in stats if s and not s.is_zombie}


def _wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# ------------------------------------------------------------------ the kernel's doors


@pytest.mark.attack("system calls")
def test_dangerous_system_calls_are_refused_and_the_code_goes_on(sandbox):
    """Each forbidden system call is an ordinary error, whatever way it is made."""
    payload = _payload(
        """
        import ctypes, errno, os, mmap
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        def call(number, *arguments):
            ctypes.set_errno(0)
            result = libc.syscall(number, *arguments)
            if result < 0:
                raise OSError(ctypes.get_errno(), "")
            return result
        x86 = os.uname().machine == "x86_64"
        numbers = {
            "ptrace": (101, 117), "process_vm_readv": (310, 270), "bpf": (321, 280),
            "io_uring_setup": (425, 425), "userfaultfd": (323, 282),
            "keyctl": (250, 219), "add_key": (248, 217),
            "perf_event_open": (298, 241), "memfd_create": (319, 279),
            "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190),
            "msgget": (68, 186), "mq_open": (240, 180), "mount": (165, 40),
            "unshare": (272, 97), "setns": (308, 268), "pivot_root": (155, 41),
            "chroot": (161, 51), "open_by_handle_at": (304, 265),
            "kexec_load": (246, 104), "init_module": (175, 105),
            "inotify_init1": (294, 26), "semop": (65, 193), "clone3": (435, 435),
            "socket": (41, 198), "from the future": (999, 999),
        }
        for name, (first, second) in numbers.items():
            attempt(name, lambda: call(first if x86 else second, 0, 0, 0, 0, 0, 0))
        for flag in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000,
                     0x20000000, 0x40000000, 0x80):
            attempt(f"clone {flag:x}", lambda: call(
                56 if x86 else 220, flag | 17, 0, 0, 0, 0))
        if x86:
            attempt("x32 getpid", lambda: call(0x40000000 + 39))
            attempt("x32 socket", lambda: call(0x40000000 + 41, 2, 1, 0))
            # int 0x80 reaches the table of 32-bit programs, where 20 is getpid.
            code = mmap.mmap(-1, 4096, prot=7)
            code.write(b"\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3")
            start = ctypes.addressof(ctypes.c_char.from_buffer(code))
            result = ctypes.CFUNCTYPE(ctypes.c_int)(start)()
            report["int 0x80"] = "refused: OSError" if result < 0 else str(result)
        """
    )
    report = _inside(payload, sandbox)
    assert len(report) >= 35
    assert set(report.values()) <= {"refused: PermissionError", "refused: OSError"}


@pytest.mark.attack("terminal input")
def test_terminal_input_cannot_be_forged(sandbox):
    """TIOCSTI is refused whatever the high half of its number says."""
    payload = _payload(
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        number = 16 if os.uname().machine == "x86_64" else 29
        def forge(request):
            libc.syscall(number, 0, ctypes.c_ulong(request), b"x")
            return ctypes.get_errno()
        attempt("plain", lambda: forge(0x5412))
        attempt("high bits", lambda: forge(0x100005412))
        """
    )
    assert _inside(payload, sandbox) == {"plain": "1", "high bits": "1"}


@pytest.mark.attack("setuid programs")
def test_setuid_programs_give_no_rights(sandbox):
    """A setuid program runs without the rights of its owner."""
    program = next(
        (
            p
            for p in ("/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd")
            if os.path.exists(p) and os.stat(p).st_mode & stat.S_ISUID
        ),
        None,
    )
    if program is None:
        pytest.skip("no setuid program on this machine")
    payload = _payload(
        """
        import os
        status = open("/proc/self/status").read()
        attempt("no new privileges", lambda: "NoNewPrivs:\\t1" in status)
        attempt("capabilities", lambda: "CapEff:\\t0000000000000000" in status)
        attempt("bounding", lambda: os.getuid() != 0 and os.geteuid() != 0)
        """
    )
    assert set(_inside(payload, sandbox).values()) == {"True"}


@pytest.mark.attack("devices")
def test_devices_are_few(sandbox):
    """Only null, zero, full and the random devices can be opened."""
    payload = _payload(
        """
        import os
        for folder, _, names in os.walk(devices):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    attempt(path, lambda: os.close(
                        os.open(path, os.O_RDONLY | os.O_NONBLOCK)))
        for path in candidates:
            attempt(path, lambda: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK)))
        """,
        devices="/dev",
        candidates=[
            str(path)
            for path in Path("/dev").iterdir()
            if not path.is_symlink()
            and (path.is_char_device() or path.is_block_device())
        ],
    )
    report = _inside(payload, sandbox)
    opened = {path for path, said in report.items() if not said.startswith("refused")}
    assert opened == {
        f"/dev/{n}" for n in ("null", "zero", "full", "random", "urandom")
    }


# ---------------------------------------------------------------------------- as root


@pytest.mark.attack("root inside")
def test_run_is_never_root(sandbox, outside, monkeypatch):
    """The code is an ordinary user, inside and outside, also when root grades."""
    seen = []
    ready = side.Side.ready

    def look(side):
        ready(side)
        lines = Path(f"/proc/{side.main}/status").read_text().splitlines()
        seen.extend(next(line for line in lines if line.startswith("Uid:")).split()[1:])

    monkeypatch.setattr(side.Side, "ready", look)
    notebook = _notebook("import os; print(os.getuid())")
    result = run_notebook(Job(notebook, {}, Limits()), sandbox)
    assert result.notebook.cells[0].outputs[0].text != "0\n"
    assert len(seen) == 4
    assert "0" not in seen


def test_run_uses_the_grader_s_own_python_and_packages(sandbox, outside):
    """The Python and numpy inside are those outside, wherever they had to be put."""
    import numpy

    payload = _payload(
        """
        import sys, numpy
        report["python"], report["numpy"] = sys.version, numpy.__version__
        report["numpy file"] = numpy.__file__
        """
    )
    report = _inside(payload, sandbox)
    assert report["python"] == sys.version
    assert report["numpy"] == numpy.__version__
    inside = os.stat(report["numpy file"])
    assert inside.st_size == os.stat(numpy.__file__).st_size
