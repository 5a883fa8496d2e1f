"""The parts of the runner: frames, folders, the interpreter's files, the filter."""

import ast
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_runner_levels import sandbox_or_skip

import autograder
from autograder.errors import SandboxError
from autograder.runner import (
    LEVELS,
    choose_sandbox,
    ending,
    folders,
    interpreter_copy,
    probe,
    sandbox,
)
from autograder.runner.inside import frames
from autograder.verdicts import Verdict

ROOT = os.geteuid() == 0

# --------------------------------------------------------------- what goes inside


def test_inside_imports_only_what_is_inside():
    """What is copied into the sandbox needs itself, IPython and NumPy, no more."""
    folder = Path(folders.__file__).parent / "inside"
    # IPython brings traitlets, and pygments, without which tracebacks are slower.
    allowed = {*sys.stdlib_module_names, "numpy", "IPython", "traitlets", "pygments"}
    files = list(folder.rglob("*.py"))
    assert {"worker.py", "link"} <= {file.name for file in folder.iterdir()}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, file.name
                names = [node.module]
            else:
                continue
            for name in names:
                inside = f"{name}.".startswith("autograder.runner.inside.")
                assert inside or name.split(".")[0] in allowed, f"{file.name}: {name}"


def test_run_folder_holds_the_grader_s_inside_and_nothing_else_of_it(tmp_path):
    """The copy has the modules of `inside`, and empty packages around them."""
    folders._copy_inside(tmp_path / "autograder" / "runner")
    inside = Path(folders.__file__).parent / "inside"
    copied = {
        str(file.relative_to(tmp_path)): file.read_text(encoding="utf-8")
        for file in tmp_path.rglob("*")
        if file.is_file()
    }
    assert copied == {
        "autograder/__init__.py": "",
        "autograder/runner/__init__.py": "",
    } | {
        f"autograder/runner/inside/{file.relative_to(inside)}": file.read_text(
            encoding="utf-8"
        )
        for file in inside.rglob("*.py")
    }


# ------------------------------------------------------------------------- frames

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.lists(st.dictionaries(st.text(), _json), max_size=4), st.integers(1, 40))
def test_decoder_returns_what_was_encoded(messages, step):
    """Messages arrive whole and in order, in whatever pieces their bytes come."""
    data = b"".join(frames.encode(message) for message in messages)
    decoder = frames.Decoder(cap=2**20)
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    received = [message for piece in pieces for message, _ in decoder.feed(piece)]
    assert received == messages


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=8))
def test_decoder_raises_wire_error_only(data):
    """Whatever the bytes, the decoder yields messages or raises WireError."""
    decoder = frames.Decoder(cap=100)
    for prefix in (b"", frames.MAGIC, frames.MAGIC + b"\0\0\0\x04"):
        try:
            for message, _ in decoder.feed(prefix + data):
                assert isinstance(message, dict)
        except frames.WireError:
            decoder = frames.Decoder(cap=100)


def test_decoder_refuses_a_frame_over_the_cap_at_its_header():
    """A frame that announces too much is refused before its body is stored."""
    decoder = frames.Decoder(cap=10)
    with pytest.raises(frames.TooLarge):
        list(decoder.feed(frames.MAGIC + (11).to_bytes(4, "big")))


MESSAGES = {*frames.FROM_GRADER, *frames.FROM_SHELL}


@pytest.mark.parametrize("folder", ["..", "."], ids=["grader", "shell"])
def test_frames_both_ends_name_the_messages_of_the_table(folder):
    """Grader and shell take each message's name from the table, and know them all."""
    used, bare = set(), set()
    for path in (Path(frames.__file__).parent / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in vars(frames):
                used.add(node.attr)
            elif isinstance(node, ast.Dict) and "t" in [
                getattr(key, "value", None) for key in node.keys
            ]:
                bare |= MESSAGES.intersection(
                    part.value for part in node.values if isinstance(part, ast.Constant)
                )
            elif isinstance(node, ast.Compare):
                bare |= MESSAGES.intersection(
                    part.value
                    for part in ast.walk(node)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
    assert MESSAGES - {vars(frames)[name] for name in used if name.isupper()} == set()
    assert bare == set()


# ----------------------------------------------------------------------- folders


def test_remove_tree_removes_deep_and_closed_trees_and_no_target_of_a_link(tmp_path):
    """Depth beyond any recursion, closed folders and links do not stop it."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    top = tmp_path / "top"
    top.mkdir()
    (top / "link").symlink_to(kept)
    closed = top / "closed" / "inner"
    closed.mkdir(parents=True)
    (closed / "file").write_text("x")
    closed.chmod(0)
    closed.parent.chmod(0)
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(top)
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(before)
        os.close(before)
    folders.remove_tree(top)
    assert not top.exists()
    assert (kept / "file").read_text() == "x"


def test_remove_tree_follows_no_link_that_takes_the_place_of_a_folder(
    tmp_path, monkeypatch
):
    """A process that puts a link where a folder was has nothing removed elsewhere."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    inner = tmp_path / "top" / "inner"
    inner.mkdir(parents=True)
    look = folders._unlink_files

    def look_then_swap(folder):
        found = look(folder)
        if found == ["inner"]:
            inner.rename(tmp_path / "moved")
            inner.symlink_to(kept)
        return found

    monkeypatch.setattr(folders, "_unlink_files", look_then_swap)
    with pytest.raises(NotADirectoryError):
        folders.remove_tree(inner.parent)
    assert (kept / "file").read_text() == "x"
    monkeypatch.undo()
    folders.remove_tree(inner.parent)
    assert not inner.parent.exists()


def test_removing_what_was_left_behind_opens_nothing(tmp_path):
    """A long life among folders of killed graders costs no descriptors."""
    before = len(os.listdir("/proc/self/fd"))
    for number in range(3):
        left = tmp_path / f"autograder-run-{number}"
        left.mkdir()
        os.utime(left, (1, 1))
    folders.remove_left_behind(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_run_folder_is_kept_while_it_lives_and_removed_after(tmp_path, monkeypatch):
    """Only a folder that is old, ours and held by nobody counts as left behind."""
    monkeypatch.setattr(folders, "temporary_root", lambda for_others: tmp_path)
    with folders.run_folder(for_others=False) as living:
        os.utime(living, (1, 1))
        left = tmp_path / "autograder-run-left"
        left.mkdir()
        folders.remove_left_behind(tmp_path)
        assert left.exists(), "it may be so new that it has no lock yet"
        os.utime(left, (1, 1))
        folders.remove_left_behind(tmp_path)
        assert living.exists()
        assert not left.exists()
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------- interpreter


def _python_env(**more):
    site_packages = str(Path(pytest.__file__).parents[1])
    package = str(Path(autograder.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": f"{package}:{site_packages}", **more}


@pytest.mark.parametrize("name", [".venv", "."])
def test_interpreter_exposes_no_more_than_python(tmp_path, name):
    """With a venv inside the course, or as the home itself, its files stay hidden."""
    course = tmp_path / "course"
    course.mkdir()
    (course / "gradebook.db").write_text("secret")
    venv = course / name
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    program = (
        "import json; from autograder.runner import interpreter; "
        "print(json.dumps(interpreter.here().readable))"
    )
    done = subprocess.run(
        [venv / "bin" / "python", "-c", program],
        env=_python_env(HOME=str(course)),
        capture_output=True,
        text=True,
        check=True,
    )
    readable = [Path(path) for path in json.loads(done.stdout)]
    book = course / "gradebook.db"
    assert any(path.is_relative_to(venv) for path in readable)
    for path in readable:
        assert not book.is_relative_to(path)
        assert path.is_file() or path.name.startswith(("python", "site-packages"))


@pytest.mark.skipif(not ROOT, reason="only root needs a Python that others can read")
def test_interpreter_for_another_user_is_readable_by_all_and_safe():
    """Every file of it can be read by anybody and written by root alone."""
    python = interpreter_copy.for_another_user()
    for top in python.readable:
        for path in [Path(top), *Path(top).glob("*/*")]:
            status = path.stat()
            assert status.st_mode & stat.S_IROTH
            assert not status.st_mode & stat.S_IWOTH
            assert status.st_uid == 0
    assert folders.open_to_others(Path(python.executable).parent)
    assert interpreter_copy.for_another_user() == python


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """Keep copies of the interpreter in a folder of the test's, with little in them."""
    monkeypatch.setattr(interpreter_copy, "_copy_home", lambda near: tmp_path)
    monkeypatch.setattr(interpreter_copy, "_held", set())
    monkeypatch.setattr(
        interpreter_copy,
        "_fill",
        lambda target, version, packages: (target / "bin").mkdir(),
    )
    return tmp_path


def _copy_of(copies: Path, which: str, prefix: str | None, days: float = 0) -> Path:
    """Make a copy of the environment at `prefix`, used so many days ago."""
    copy = copies / f"autograder-python-{which}-0123"
    (copy / "lib").mkdir(parents=True)
    (copy / "lib" / "module.py").write_text("")
    if prefix is not None:
        (copy / "environment").write_text(f"{prefix}\0{sys.base_prefix}")
    then = time.time() - days * 24 * 3600
    os.utime(copy, (then, then))
    return copy


def test_interpreter_copies_of_environments_that_are_gone_are_removed(copies):
    """At once; those of others stay, and such as do not say what they are of, for days.

    The copy that is asked for says what it is of, and so does one without a mark when
    it is used again.
    """
    gone = _copy_of(copies, "aaaaaaaa", "/no/such/environment")
    there = _copy_of(copies, "bbbbbbbb", sys.prefix)
    rested = _copy_of(copies, "cccccccc", sys.prefix, days=4)
    unmarked = _copy_of(copies, "dddddddd", None, days=2)
    old = _copy_of(copies, "eeeeeeee", None, days=4)
    outside = copies / "outside"
    outside.mkdir()
    link = copies / "autograder-python-ffffffff-0123"
    link.symlink_to(outside)
    own = Path(interpreter_copy._copy().readable[0])
    left = set(copies.glob("autograder-python-*"))
    assert left == {there, unmarked, own, link}
    assert not any(path.exists() for path in (gone, rested, old))
    assert outside.is_dir()
    of = f"{sys.prefix}\0{sys.base_prefix}"
    assert (own / "environment").read_text() == of
    (own / "environment").unlink()
    interpreter_copy._held.clear()
    assert Path(interpreter_copy._copy().readable[0]) == own
    assert (own / "environment").read_text() == of


def test_interpreter_copy_in_use_or_in_its_turn_is_never_removed(copies):
    """A process that uses a copy keeps it, though the environment is gone by then."""
    own = Path(interpreter_copy._copy().readable[0])
    (own / "environment").write_text("/no/such/environment\0/")
    os.utime(own, (1, 1))
    being_made = _copy_of(copies, "aaaaaaaa", "/no/such/environment")
    program = (
        "import sys; from pathlib import Path; "
        "from autograder.runner import interpreter_copy; "
        "interpreter_copy._remove_unused(Path(sys.argv[1]), Path('/'))"
    )

    def clean() -> None:
        """Let another process remove what is unused."""
        command = [sys.executable, "-c", program, copies]
        subprocess.run(command, env=_python_env(), check=True)

    with interpreter_copy._exclusive_lock(copies, "aaaaaaaa"):
        clean()
    assert own.is_dir()
    assert being_made.is_dir()
    clean()
    assert own.is_dir()
    assert not being_made.exists()


@pytest.mark.skipif(not ROOT, reason="needs root to make another user's folder")
def test_interpreter_refuses_a_copy_that_another_user_made(tmp_path):
    """A folder of the right name that is not ours is refused, not used."""
    (tmp_path / "planted").mkdir()
    os.chown(tmp_path / "planted", 12345, 12345)
    with pytest.raises(SandboxError, match="remove it and try again"):
        interpreter_copy._safe(tmp_path / "planted")


# ------------------------------------------------------------------ how a run ended


@pytest.mark.parametrize(
    ("code", "verdict", "how", "from_outside"),
    [
        (None, Verdict.CRASHED, "closed its pipe to the grader", False),
        (3, Verdict.CRASHED, "ended with exit code 3", False),
        (137, Verdict.INTERRUPTED, "was killed from outside", True),
        (143, Verdict.CRASHED, "was ended by signal 15 (SIGTERM)", True),
        (159, Verdict.CRASHED, "ended itself by signal 9 (SIGKILL) or ", False),
        (255, Verdict.CRASHED, "was ended by signal 127 (unknown)", False),
    ],
)
def test_end_of_a_process_is_told_by_its_exit_code(code, verdict, how, from_outside):
    """The message says how which process ended, and in which cell."""
    end = ending.interpret_end("student", code, 4)
    assert (end.verdict, end.from_outside) == (verdict, from_outside)
    assert end.message.startswith(f"In cell 4 the Python process {how}")
    for process in ("answer", "checker"):
        end = ending.interpret_end(process, code, 4)
        assert (end.verdict, end.from_outside) == (verdict, from_outside)
        assert how in end.message


def test_ending_of_a_run_that_was_interrupted_judges_nothing_but_tampering():
    """Whatever else there was, the run says nothing of the submission."""
    run = ending.Ending()
    run.survive(Verdict.OUT_OF_TIME, "Much time.")
    run.note_end(ending.interpret_end("answer", 137, 3))
    assert (run.verdict, run.from_outside) == (Verdict.INTERRUPTED, True)
    run.end(Verdict.CRASHED, "Gone.")
    assert run.verdict is Verdict.INTERRUPTED
    run.hold("a forged answer")
    assert run.verdict is Verdict.HELD_FOR_REVIEW


def test_ending_takes_the_verdict_that_ended_the_run_before_what_it_survived():
    """The first thing survived is the verdict only if nothing ended the run."""
    run = ending.Ending()
    assert run.verdict is Verdict.GRADED
    run.survive(Verdict.OUT_OF_MEMORY, "Much memory.")
    run.survive(Verdict.OUT_OF_TIME, "Much time.", by_clock=True)
    assert (run.verdict, run.wall_only) == (Verdict.OUT_OF_MEMORY, False)
    run.end(Verdict.OUT_OF_TIME, "More time.", by_clock=True)
    run.end(Verdict.CRASHED, "Gone.")
    assert (run.verdict, run.wall_only) == (Verdict.OUT_OF_TIME, True)
    assert run.message == "Much memory. Much time. More time. Gone."
    run.survive(Verdict.OUT_OF_TIME, "CPU time, too.")
    assert not run.wall_only
    run.hold("a forged answer")
    assert (run.verdict, run.evidence) == (Verdict.HELD_FOR_REVIEW, "a forged answer")
    assert "Gone" not in run.message


# ------------------------------------------------------------------ choosing a level


def test_choose_sandbox_takes_the_strongest_that_works(monkeypatch):
    """Auto is bwrap, lockdown if the probe of bwrap fails, and never nothing."""
    works = {level: sandbox_or_skip(level) for level in LEVELS}
    assert choose_sandbox().level == "bwrap"
    monkeypatch.setattr(probe, "_tried", {**works, "bwrap": "no"}.__getitem__)
    assert choose_sandbox().level == "lockdown"
    monkeypatch.setattr(probe, "_tried", dict.fromkeys(LEVELS, "why").__getitem__)
    with pytest.raises(SandboxError, match=r"bwrap: why; lockdown: why\); install"):
        choose_sandbox()
    with pytest.raises(ValueError, match="level must be"):
        choose_sandbox("none")


@pytest.mark.parametrize("level", LEVELS)
def test_probe_notices_a_sandbox_with_a_hole(level, monkeypatch):
    """A level that lets the code read a file outside is refused."""
    good = sandbox_or_skip(level)
    restrictions = sandbox.Sandbox.restrictions
    bwrap = sandbox.Sandbox._bwrap
    place = "/var/tmp"

    def with_a_hole(self, *arguments):
        found = restrictions(self, *arguments)
        found["readable"].append(place)
        return found

    def with_a_door(self, *arguments):
        argv = bwrap(self, *arguments)
        at = argv.index("--remount-ro")
        return [*argv[:at], "--ro-bind", place, place, *argv[at:]]

    monkeypatch.setattr(folders, "temporary_root", lambda for_others: Path(place))
    assert probe._probe(good)
    monkeypatch.setattr(sandbox.Sandbox, "restrictions", with_a_hole)
    monkeypatch.setattr(sandbox.Sandbox, "_bwrap", with_a_door)
    with pytest.raises(SandboxError, match="could be read from inside"):
        probe._probe(good)


def test_new_uid_is_nobody_else_s():
    """Runs at the same time get different users, never root."""
    uids = [sandbox.new_uid() for _ in range(64)]
    assert 0 not in uids
    if not ROOT:
        assert set(uids) == {None}
    elif uids[0] != 65534:
        assert len(set(uids)) == 64


# ----------------------------------------------------------------- system call filter

_SIGNALS = """
import os, signal, subprocess, sys
sys.path.insert(0, sys.argv[1])
from autograder.runner.inside import lockdown
other = int(sys.argv[2])
received = []
signal.signal(signal.SIGUSR1, lambda *_: received.append(1))
os.kill(other, 0)
lockdown._prctl(38, 1)
lockdown.restrict_calls(scoped_signals=False, own_files=True)
os.kill(os.getpid(), signal.SIGUSR1)
print(received)
for what in (lambda: os.kill(other, 0),
             lambda: signal.pidfd_send_signal(os.pidfd_open(other), 0),
             lambda: os.kill(-1, 0)):
    try:
        what()
        print("sent")
    except PermissionError:
        print("refused")
"""


def test_filter_keeps_signals_inside_where_landlock_cannot():
    """Before Landlock 6 a process can signal itself and nobody else."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _SIGNALS,
            str(Path(autograder.__file__).parents[1]),
            str(os.getpid()),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["[1]", "refused", "refused", "refused"]


# -------------------------------------------------------------------- as another user

_AS_USER = """
import json, os, sys
from pathlib import Path
from autograder.runner import Job, Limits, choose_sandbox, fork_server, run_notebook
def run(source):
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    result = run_notebook(Job(notebook, {}, limits), sandbox)
    outputs = result.notebook.cells[0].outputs
    text = outputs[0].get("text") or outputs[0].get("ename") if outputs else ""
    return str(result.verdict), text
sandbox = choose_sandbox(sys.argv[1])
book = Path(sys.argv[2])
book.write_text("canary")
before = book.stat(), os.listxattr(book)
limits = Limits(cell_cpu_seconds=0.5, memory_mb=256, processes=24, disk_mb=16)
found = {
    "plain": run("print('ran')"),
    "spin": run("while True: pass"),
    "bomb": run("import os\\nwhile True: os.fork()"),
    "memory": run("x = []\\nwhile True: x.append(bytearray(2**24))"),
    "closed": run("import os; os.mkdir('a'); os.mkdir('a/b'); os.chmod('a', 0)"),
    "signal": run(f"import os; os.kill({os.getpid()}, 15)"),
    "environ": run(f"open('/proc/{os.getpid()}/environ').read()"),
    "attributes": run(
        "import os, shutil\\n"
        f"book = {str(book)!r}\\n"
        "for action in (lambda: os.chmod(book, 0), lambda: os.utime(book, (1, 1)),\\n"
        "               lambda: os.truncate(book, 0),\\n"
        "               lambda: os.chown(book, -1, -1),\\n"
        "               lambda: os.setxattr(book, 'user.x', b'1')):\\n"
        "    try: action()\\n"
        "    except OSError: pass\\n"
        "open('a', 'w').write('1'); shutil.copy('a', 'b'); shutil.copy2('a', 'c')\\n"
        "print(open('b').read() + open('c').read())"
    ),
    "hidden": run(
        "import os, time\\nos.mkdir('a', 0o300)\\n"
        "for i in range(64): open(f'a/{i}', 'wb').write(bytes(2**20))\\n"
        "time.sleep(30)"
    ),
    "unseen": run(
        "import ctypes, os, time\\n"
        "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\\nkept = []\\n"
        "for i in range(64):\\n"
        "    kept.append(open('x', 'wb'))\\n    os.unlink('x')\\n"
        "    kept[-1].write(bytes(2**20))\\n    kept[-1].flush()\\n"
        "time.sleep(30)"
    ),
    "in flight": run(
        "import socket\\nkept = []\\n"
        "try:\\n"
        "    while True:\\n"
        "        kept.append(socket.socketpair())\\n"
        "        socket.send_fds(kept[-1][0], [b'x'], [0] * 250)\\n"
        "except OSError as error: print(type(error).__name__)"
    ),
    "priority": run(
        "import ctypes, os\\n"
        "try: os.setpriority(os.PRIO_USER, 0, 7)\\nexcept OSError: pass\\n"
        "ctypes.CDLL(None).syscall(251, 3, 0, 3 << 13)\\nprint('tried')"
    ),
    "nice": os.getpriority(os.PRIO_PROCESS, 0),
    "book": before == (book.stat(), os.listxattr(book)),
}
fork_server.close_all()
print(json.dumps(found | {"left": os.listdir(os.environ["TMPDIR"])}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not ROOT, reason="all other tests run as an ordinary user already")
@pytest.mark.parametrize("level", LEVELS)
def test_runner_works_for_an_ordinary_user(level):
    """Verdicts and isolation are the same when the grader is not root."""
    sandbox_or_skip(level)
    python = interpreter_copy.for_another_user()
    folder = folders.temporary_root(for_others=True) / f"autograder-test-user-{level}"
    folders.remove_tree(folder)
    try:
        for name in ("tmp", "package", "own"):
            (folder / name).mkdir(parents=True)
        shutil.copytree(
            Path(autograder.__file__).parent, folder / "package" / "autograder"
        )
        for name in ("tmp", "own"):
            shutil.chown(folder / name, 12345, 12345)
        done = subprocess.run(
            [
                *(python.executable, "-c", _AS_USER, level),
                str(folder / "own" / "gradebook.db"),
            ],
            user=12345,
            group=12345,
            extra_groups=[],
            cwd="/",
            env={
                "PATH": os.environ["PATH"],
                "TMPDIR": str(folder / "tmp"),
                "HOME": str(folder / "tmp"),
                "PYTHONPATH": str(folder / "package"),
                "LD_LIBRARY_PATH": python.library_path,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
        )
    finally:
        folders.remove_tree(folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["plain"] == ["graded", "ran\n"]
    assert found["spin"] == ["out of time", "KeyboardInterrupt"]
    assert found["bomb"][0] == "out of processes"
    assert found["memory"][0] == "out of memory"
    assert found["closed"][0] == "graded"
    assert found["signal"][1] in ("PermissionError", "ProcessLookupError")
    assert found["environ"][1] in ("PermissionError", "FileNotFoundError")
    assert found["attributes"] == ["graded", "11\n"]
    assert found["hidden"][0] == "out of disk" or level == "bwrap"
    assert found["unseen"][0] == "out of disk"
    assert found["in flight"] == ["graded", "PermissionError\n"]
    assert found["priority"] == ["graded", "tried\n"]
    assert found["nice"] == 0
    assert found["book"]
    assert found["left"] == []
