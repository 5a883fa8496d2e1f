"""Warm processes, from which the sides of runs are forked.

A `ForkServer` is the grader's end of one warm process (`inside.worker`), which runs
inside the sandbox. It serves one run after another, each of one or two *sides*: the
student's process and the checker, isolated from each other (`side.Side`).

`borrow` gives a fork server that is free, or starts one; it lives as long as this
process. Where a run must be fresh from its interpreter on, each side gets a cold fork
server, which serves that side only.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from autograder.errors import SandboxError
from autograder.runner import folders
from autograder.runner.inside import frames, meter
from autograder.runner.job import Limits
from autograder.runner.sandbox import MEGABYTE, Sandbox, new_uid
from autograder.runner.side import END_SECONDS, KILLED, Side

# What a warm process may load before its runs begin, by the library. A fork costs time
# in proportion to the memory that it shares, so only what is used is loaded.
LIBRARIES = {
    "matplotlib": ("matplotlib.pyplot", "matplotlib_inline.backend_inline"),
    "sklearn": (
        "sklearn.datasets",
        "sklearn.model_selection",
        "sklearn.preprocessing",
    ),
}
START_SECONDS = 120.0  # for a process of ours to get ready


class ForkServer:
    """A warm process in its sandbox."""

    def __init__(
        self,
        sandbox: Sandbox,
        limits: Limits,
        warm: bool = True,
        libraries: Collection[str] = (),
    ) -> None:
        """Start it and wait until it is warm.

        Parameters
        ----------
        sandbox : Sandbox
            The level of isolation, and the Python inside.
        limits : Limits
            Of its runs, if it is cold; a warm one gives each run limits of its own.
        warm : bool
            Whether it serves more than one side.
        libraries : collection of str
            Which of `LIBRARIES` it loads, if it is warm.

        Raises
        ------
        SandboxError
            If it cannot be started.
        """
        self.sandbox, self.warm = sandbox, warm
        self._owner = os.getpid()
        self.thread = threading.current_thread()
        self.libraries = LIBRARIES.keys() & set(libraries) if warm else set()
        self.broken = False  # nothing is to be started in it any more
        self.died = False  # it ended by itself, or was killed from outside
        self._number = 0
        self._exact_bases: dict[str, int] = {}  # by the side's name
        # Exit codes, by the run's number, of runs whose end nobody has dealt with yet.
        self._ended: dict[int, int] = {}
        self._first = 0  # inside bwrap: of its process namespace
        self._as_root = os.geteuid() == 0
        self.uid = new_uid()  # in bwrap: of all its runs, one after the other
        self._undo = contextlib.ExitStack()
        try:
            self.top = self._undo.enter_context(folders.run_folder(self._as_root))
            self._start(limits)
        except OSError as error:
            self.close()
            raise SandboxError(
                f"sandbox: its folder cannot be made ({error}); free some space there, "
                "or set TMPDIR to another place"
            ) from error
        except BaseException:
            self.close()
            raise

    def _start(self, limits: Limits) -> None:
        inside = self.sandbox.level == "bwrap"
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._undo.callback(self._control.close)
        info, info_in = os.pipe2(os.O_CLOEXEC)
        errors, errors_in = os.pipe2(os.O_CLOEXEC)
        self._undo.callback(os.close, errors)
        os.set_blocking(errors, False)
        self._errors = errors
        if not inside:
            folders.make_box(self.top, "box", None)
        command, environment = self.sandbox.command(
            self.top, limits, theirs.fileno(), info_in
        )
        change = {"user": self.uid, "group": self.uid, "extra_groups": []}
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=errors_in,
                stderr=errors_in,
                pass_fds=(theirs.fileno(), *([info_in] if inside else [])),
                env=environment,
                cwd="/",
                start_new_session=True,
                **(change if inside and self.uid is not None else {}),
            )
        except OSError as error:
            os.close(info)
            raise SandboxError(
                f"sandbox: starting {self.sandbox.level} failed: {error}"
            ) from error
        finally:
            theirs.close()
            os.close(info_in)
            os.close(errors_in)
        self._undo.callback(self._end)
        if inside:
            self._first = _first_process(info)
        else:
            os.close(info)
        config = {
            "packages": self.sandbox.interpreter.packages,
            "fonts": self.sandbox.fonts,
            "box": str(self.sandbox.box(self.top, "box")),
            "libraries": sorted(self.libraries),
            "preload": [m for name in self.libraries for m in LIBRARIES[name]],
            "nested": inside and self.sandbox.nested,
        }
        self._send(config)
        self._receive(START_SECONDS, "warm")
        if inside:
            self._worker = next(
                (stat.pid for stat in meter.children(self._first)), self.process.pid
            )
        else:
            self._worker = self.process.pid

    # ------------------------------------------------------------- its runs

    def begin(
        self,
        name: str,
        limits: Limits,
        files: Mapping[str, bytes],
        env: Mapping[str, str],
        checker: Mapping[str, Any] | None = None,
        student_modules: Collection[str] = (),
        snapshots: int = 0,
    ) -> Side:
        """Fork one side of a run; it locks itself in and will say ``ready``.

        Parameters
        ----------
        name : str
            "student" or "checker".
        limits : Limits
            What it may use.
        files : dict
            What it sees in its working folder: contents by relative path.
        env : dict
            Environment variables, besides the fixed ones.
        checker : dict, optional
            For a checker: ``answers``, the names that fall back to the student's.
        student_modules : collection of str
            Modules that live on the student's side.
        snapshots : int
            How many snapshots it will have at most: they count as processes.

        Raises
        ------
        SandboxError
            If the warm process is gone.
        """
        inside = self.sandbox.level == "bwrap"
        no_reaper = checker is not None and inside and self.sandbox.nested
        folder = "box" if name == "student" else "check"
        uid = self.uid if inside else new_uid()
        if not inside:
            folders.make_box(self.top, folder, uid)
        box = self.sandbox.box(self.top, folder)
        contents = _in_memory(files.values())
        job, job_in = socket.socketpair()
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(4)]
        ours, theirs = [p[0] for p in pipes], [*(p[1] for p in pipes), contents]
        self._number += 1
        disk = limits.disk_mb * MEGABYTE
        request = {
            "run": self._number,
            "uid": None if inside else uid,
            "no_reaper": no_reaper,
            "disk_bytes": disk + disk // 16 + MEGABYTE,
            "files": limits.files + limits.files // 16 + 64,
        }
        try:
            self._send(request, [job_in.fileno(), *theirs])
            pid = self._receive(START_SECONDS, "started")["pid"]
            root = self._outer_pid(pid)
        except BaseException:
            for descriptor in ours:
                os.close(descriptor)
            job.close()
            raise
        finally:
            job_in.close()
            for descriptor in theirs:
                os.close(descriptor)
        side = Side(
            name,
            self._number,
            root,
            box,
            job,
            *ours,
            usage=meter.Usage(
                root, memory_limit=limits.memory_mb * MEGABYTE, with_root=no_reaper
            ),
            most_bytes=limits.output_mb * MEGABYTE + frames.READ_BYTES,
            exact_base=self._exact_bases.get(name, 0),
        )
        home = {"HOME": f"{box}/home", "TMPDIR": f"{box}/tmp"}
        side.outgoing += frames.encode(
            {
                "t": frames.ENTER,
                "restrictions": self.sandbox.restrictions(
                    box, self.top, limits, uid, snapshots
                ),
                "memory_bytes": limits.memory_mb * MEGABYTE,
                "box": str(box),
                "files": [[path, len(content)] for path, content in files.items()],
                "env": {**home, **env},
                "checker": checker is not None,
                "answers": sorted((checker or {}).get("answers", ())),
                "student_modules": sorted(student_modules),
            }
        )
        return side

    def _outer_pid(self, pid: int) -> int:
        """Return the process that is `pid` to the warm process, as it is to us."""
        if self.sandbox.level != "bwrap":
            return pid
        for stat in meter.children(self._worker):
            if meter.inner_pid(stat.pid, levels_up=self.sandbox.nested) == pid:
                return stat.pid
        raise SandboxError("sandbox: a run that was started cannot be seen in /proc")

    def end(self, side: Side) -> None:
        """Kill every process of a side and close its pipes. May be called again."""
        for name in ("results", "stdout", "stderr", "status"):
            if getattr(side, name) >= 0:
                os.close(getattr(side, name))
                setattr(side, name, -1)
        side.job.close()
        side.raw.clear()  # the numbers will be those of other descriptors
        if not side.root:
            return
        self._exact_bases[side.name] = side.exact_base
        nested = self.sandbox.level == "bwrap" and self.sandbox.nested
        deadline = time.monotonic() + END_SECONDS
        with contextlib.suppress(SandboxError):
            self._receive(0.0, "ended")  # if it ended by itself, its number is free
        while not self.broken and side.number not in self._ended:
            with contextlib.suppress(ProcessLookupError):
                # The end of the first process of a process namespace ends all in it;
                # where there is none, the reaper ends them.
                os.kill(side.root, signal.SIGKILL if nested else signal.SIGTERM)
            with contextlib.suppress(SandboxError):
                self._receive(1.0, "ended")
            if time.monotonic() > deadline:
                break
        if side.number not in self._ended:
            self.close()
        self._ended.pop(side.number, None)
        side.root = 0

    def exit_code(self, side: Side, pid: int = 0) -> int | None:
        """Return how a process of a side ended; see `Side.wait_for_exit_code`.

        Where the side has no reaper, the warm process says it.
        """
        if not side.usage.with_root:
            return side.wait_for_exit_code(pid)
        with contextlib.suppress(SandboxError):
            while side.number not in self._ended:
                self._receive(END_SECONDS, "ended")
        return KILLED if self.died else self._ended.get(side.number)

    # ------------------------------------------------------------- talking to it

    def _check(self) -> None:
        if self.broken:
            raise SandboxError("sandbox: the warm process has ended; try again")

    def _send(self, message: dict[str, Any], descriptors: Collection[int] = ()) -> None:
        self._check()
        data = json.dumps(message).encode()
        try:
            if descriptors:
                socket.send_fds(self._control, [data], list(descriptors))
            else:
                self._control.send(data)
        except OSError as error:
            self._fail(str(error))

    def _receive(self, seconds: float, kind: str) -> dict[str, Any]:
        """Return the next message of `kind`; others are of no interest any more."""
        self._check()
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._control], [], [], left)
            if not ready:
                break
            try:
                data = self._control.recv(frames.PACKET_BYTES)
            except OSError:
                data = b""
            if not data:
                self._fail("its end")
            message = json.loads(data)
            if message["t"] == "ended":
                self._ended[message["run"]] = message["code"]
            if message["t"] == kind:
                return message
        raise SandboxError(
            f"sandbox: the warm process did not answer within {seconds:.0f} s; is the "
            "machine overloaded?"
        )

    def _fail(self, why: str) -> None:
        self.broken = self.died = True
        text = b""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        with contextlib.suppress(OSError):
            text = os.read(self._errors, 65536)
        reason = text.decode("utf-8", "replace").strip()[-2000:] or why
        raise SandboxError(
            f"sandbox: {self.sandbox.level} ended, with code {self.process.poll()}: "
            f"{reason}; try another level"
        )

    def _end(self) -> None:
        """End the warm process and all that it started."""
        self._control.close()
        if self.sandbox.level == "bwrap" and self._first:
            with contextlib.suppress(ProcessLookupError):
                if self.process.poll() is None:
                    os.kill(self._first, signal.SIGKILL)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        """End it and remove its folder. May be called again.

        A fork of the process that started it does nothing of the kind.
        """
        if os.getpid() != self._owner:
            return
        self.broken = True
        self._undo.close()


def _in_memory(contents: Iterable[bytes]) -> int:
    """Return a descriptor of a file without a name that holds all `contents`."""
    descriptor = os.memfd_create("files")
    with open(descriptor, "wb", closefd=False) as stream:
        stream.writelines(contents)
    return descriptor


def _first_process(info: int) -> int:
    """Return the process that bwrap reports as the first of its namespace; 0 if none.

    bwrap closes the pipe without a word when it fails to set up.
    """
    with os.fdopen(info, "rb") as stream:
        text = stream.read(65536)
    with contextlib.suppress(ValueError, KeyError):
        return int(json.loads(text)["child-pid"])
    return 0


# ---------------------------------------------------- fork servers to borrow

_free: dict[tuple[Sandbox, frozenset[str]], list[ForkServer]] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def borrow(
    sandbox: Sandbox, limits: Limits, libraries: Collection[str] = ()
) -> Iterator[ForkServer]:
    """Lend a warm fork server that nobody else uses; start one if there is none.

    The kernel ends a warm process with the thread that started it, so each thread gets
    its own.
    """
    wanted = frozenset(LIBRARIES).intersection(libraries)
    me = threading.current_thread()
    with _guard:
        waiting = _free.setdefault((sandbox, wanted), [])
        own = [server for server in waiting if server.thread is me]
        dead = [server for server in waiting if not server.thread.is_alive()]
        dead += [server for server in own if server.process.poll() is not None]
        server = next((server for server in own if server not in dead), None)
        waiting[:] = [s for s in waiting if s is not server and s not in dead]
    for other in dead:
        other.close()
    server = server or ForkServer(sandbox, limits, libraries=wanted)
    try:
        yield server
    except BaseException:
        server.close()
        raise
    if server.broken:
        server.close()
    else:
        with _guard:
            waiting.append(server)


def close_all() -> None:
    """End every fork server of this process."""
    with _guard:
        for waiting in _free.values():
            while waiting:
                waiting.pop().close()


atexit.register(close_all)
os.register_at_fork(after_in_child=_free.clear)  # they belong to the parent
