"""One side of a run: an IPython shell in a locked process, between two pipes.

The grader sends messages on the one (`enter` first, then one for each cell) and this
side answers on the other: `ready`, then for each cell its outputs, as nbformat has
them, and `done`. The source of a cell arrives when its turn has come, so no cell can
read a later one. Descriptors 1 and 2 are pipes that the grader reads itself; what is
written there by other programs or by C code needs no help from here.

The same shell serves three processes:

- the student's, which runs the student's cells, and at the place of each test cell
  forks a *snapshot* of itself;
- a snapshot, which waits on its `link` for what the checker asks of the student's
  names (`autograder.runner.served`), or, if the test cell is unprotected, runs it;
- the checker, which runs the test cells: its names fall back to those of a snapshot
  (`autograder.runner.checker`). It has seen no code of the student's.

`Shell` is built before it has anybody to talk to: the warm process builds one, forks,
and the fork calls `enter_and_serve`.
"""

import base64
import builtins
import getpass
import io
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any

from autograder.runner import lockdown, traces, wire
from autograder.runner.checker import (
    Namespace,
    Proxy,
    Refused,
    SnapshotGone,
    Tampering,
)
from autograder.runner.served import Served

# Text is sent at once, so that a crash loses none, until there is too much of it: then
# it is gathered. Credits are spent one for each sending.
_MOST_CREDITS = 64.0
_CREDITS_PER_SECOND = 200.0
_STREAM_BYTES = 32768
_LIBRARIES_BYTES = 512 * 1024 * 1024  # address space of what a notebook may import


class Channel:
    """Messages to the grader, whole, whatever signals arrive."""

    def __init__(self, descriptor: int) -> None:
        """Send over `descriptor`, a pipe."""
        self._descriptor = descriptor
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._stream = ""
        self._text: list[str] = []
        self._size = 0
        self._credits = _MOST_CREDITS
        self._counted = time.monotonic()

    def send(self, message: dict[str, Any]) -> None:
        """Send `message`, after the text that is still waiting."""
        self.flush()
        self._write(wire.encode(message))

    def write(self, stream: str, text: str) -> None:
        """Send `text` of the stream "stdout" or "stderr", soon."""
        if os.getpid() != self._owner:  # a fork must not write frames between ours
            data = text.encode("utf-8", "replace")
            os.write(1 if stream == "stdout" else 2, data)
            return
        with self._lock:
            if stream != self._stream:
                self.flush()
                self._stream = stream
            self._text.append(text)
            self._size += len(text)
            if self._may_send() or self._size > _STREAM_BYTES:
                self.flush()

    def _may_send(self) -> bool:
        now = time.monotonic()
        earned = (now - self._counted) * _CREDITS_PER_SECOND
        self._counted = now
        self._credits = min(_MOST_CREDITS, self._credits + earned)
        if self._credits < 1:
            return False
        self._credits -= 1
        return True

    def flush(self) -> None:
        """Send the text that is still waiting."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            text = "".join(self._text)
            self._text.clear()
            self._size = 0
            for start in range(0, len(text), _STREAM_BYTES):
                output = {
                    "output_type": "stream",
                    "name": self._stream,
                    "text": text[start : start + _STREAM_BYTES],
                }
                self._write(wire.encode({"t": "output", "output": output}))

    def _write(self, frame: bytes) -> None:
        if os.getpid() != self._owner:
            return
        with self._lock:
            # An interrupt between two halves of a frame would spoil all that follow.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                view = memoryview(frame)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)


class OutStream(io.TextIOBase):
    """A text stream whose text becomes an output of the running cell."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, channel: Channel, name: str, descriptor: int) -> None:
        """Make the stream `name` ("stdout" or "stderr") of `channel`."""
        self._channel = channel
        self.name = name
        self._descriptor = descriptor

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the pipe that the grader reads."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Take `text`; return its length."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        if text:
            self._channel.write(self.name, text)
        return len(text)

    def flush(self) -> None:
        """Send what is waiting."""
        self._channel.flush()


def _json_value(value: Any) -> Any:
    """Return what a kernel would send for `value`: bytes as base64, the rest as is."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value


def _no_input(prompt: object = "") -> str:
    """Raise what a kernel raises when nobody is there to answer."""
    from IPython.core.error import StdinNotImplementedError

    raise StdinNotImplementedError(
        "raw_input was called, but this frontend does not support input requests."
    )


def _no_password(prompt: object = "", stream: object = None) -> str:
    """Raise what a kernel raises when nobody is there to answer."""
    from IPython.core.error import StdinNotImplementedError

    raise StdinNotImplementedError(
        "getpass was called, but this frontend does not support input requests."
    )


def _build_ipython() -> Any:
    """Return an IPython shell that sends its outputs to `shell.channel`."""
    from IPython.core.compilerop import CachingCompiler
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Any as AnyTrait
    from traitlets import Type
    from traitlets.config import Config

    class Compiler(CachingCompiler):
        """Names cells as a kernel does, since warnings and tracebacks show the name."""

        def get_code_name(self, raw_code: str, code: str, number: int) -> str:
            number = zlib.crc32(raw_code.encode("utf-8", "replace"))
            return f"/tmp/ipykernel_1/{number}.py"

    class Publisher(DisplayPublisher):
        """Sends what `display` shows."""

        def publish(
            self,
            data: dict[str, Any],
            metadata: dict[str, Any] | None = None,
            source: object = None,
            *,
            transient: dict[str, Any] | None = None,
            update: bool = False,
            **_: object,
        ) -> None:
            output = {
                "output_type": "display_data",
                "data": _json_value(data),
                "metadata": _json_value(metadata or {}),
            }
            message: dict[str, Any] = {"t": "output", "output": output}
            if (transient or {}).get("display_id") is not None:
                message["id"] = str(transient["display_id"])
                message["update"] = bool(update)
            self.shell.channel.send(message)

        def clear_output(self, wait: bool = False) -> None:
            self.shell.channel.send({"t": "clear", "wait": bool(wait)})

    class Hook(DisplayHook):
        """Sends the value of a cell's last expression."""

        def compute_format_data(self, result: Any) -> Any:
            if issubclass(type(result), Proxy):  # in a test this would be its points
                raise Refused("an object of the student's code is no result of a test")
            return super().compute_format_data(result)

        def start_displayhook(self) -> None:
            self.output = {
                "output_type": "execute_result",
                "data": {},
                "metadata": {},
                "execution_count": None,
            }

        def write_output_prompt(self) -> None:
            self.output["execution_count"] = self.prompt_count

        def write_format_data(
            self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None
        ) -> None:
            self.output["data"] = _json_value(format_dict)
            self.output["metadata"] = _json_value(md_dict or {})

        def finish_displayhook(self) -> None:
            if self.output["data"]:
                self.shell.channel.send({"t": "output", "output": self.output})

    class StudentShell(InteractiveShell):
        """IPython as a kernel has it, without the kernel."""

        channel: Any = AnyTrait()
        display_pub_class = Type(Publisher)
        displayhook_class = Type(Hook)
        compiler_class = Type(Compiler)
        colors_force = True
        autoindent = False

        @property
        def user_global_ns(self) -> dict[str, Any]:
            """The names of the cells: also for functions that they define."""
            return self.user_ns

        def _get_exc_info(self, exc_tuple: Any = None) -> tuple[Any, Any, Any]:
            kind, error, _ = super()._get_exc_info(exc_tuple)
            traces.hide_runner(error)
            return kind, error, error.__traceback__

        def _showtraceback(
            self, etype: type, evalue: BaseException, stb: list[str]
        ) -> None:
            if etype in (Tampering, SnapshotGone):  # told when the cell ends
                return
            if where := getattr(evalue, "_link_where", ""):
                stb = [*stb[:-1], *where.split("\n"), *stb[-1:]]
            try:
                text = str(evalue)
            except Exception:
                text = f"<{etype.__name__} that cannot be printed>"
            output = {
                "output_type": "error",
                "ename": str(etype.__name__),
                "evalue": text,
                "traceback": [str(line) for line in stb],
            }
            self.channel.send({"t": "output", "output": output})
            self._last_traceback = stb

        def system(self, cmd: str) -> None:
            sys.stdout.flush()
            self.system_raw(cmd)

        def ask_exit(self) -> None:
            """Go on: the end of a cell that says `quit()` is not the end of the run."""

        def enable_gui(self, gui: object = None) -> None:
            """Do nothing: there is no screen."""

    config = Config()
    config.HistoryManager.enabled = False
    StudentShell.clear_instance()
    return StudentShell.instance(config=config)


class Shell:
    """An IPython shell that runs one cell after another for the grader."""

    def __init__(self, fonts: str = "") -> None:
        """Build the shell; nobody listens yet. `fonts` is for `write_fonts`."""
        self._fonts = fonts
        self._ipython = _build_ipython()
        self._namespace: Namespace | None = None  # of the checker
        builtins.input = _no_input
        getpass.getpass = _no_password

    def warm_up(self) -> None:
        """Format a cell's traceback: what that imports and looks up is kept.

        A traceback looks for the module of each file among all that are loaded, so this
        comes after the libraries.
        """
        traces.quicken()
        try:
            exec(compile("1 / 0", "/tmp/ipykernel_1/0.py", "exec"))
        except ZeroDivisionError as error:
            details = type(error), error, error.__traceback__
            self._ipython.InteractiveTB.structured_traceback(*details)

    def enter_and_serve(self, job: socket.socket, results: int, files: int) -> None:
        """Wait for the first message, lock this process in, do what is asked.

        Parameters
        ----------
        job : socket
            Where messages, and descriptors with them, come from.
        results : int
            The pipe for the answers.
        files : int
            A file that holds what the working folder will, one after the other.
        """
        decoder = wire.Decoder(cap=2**31)
        links: list[int] = []
        first = next(_messages(job, decoder, links), None)
        if first is None:
            return
        _enter(first, files)
        write_fonts(self._fonts, f"{first['box']}/home")
        self.attach(Channel(results))
        self._student_modules = frozenset(first["student_modules"])
        if first["checker"]:
            self._namespace = Namespace(
                first["answers"], self._student_modules, self._show_student_output
            )
            for name, value in self._ipython.user_ns.items():
                if name != "__builtins__":  # it has its own
                    dict.__setitem__(self._namespace, name, value)
            self._ipython.user_ns = self._namespace
        self._channel.send({"t": "ready"})
        self._serve(job, results, decoder, links)

    def attach(self, channel: Any) -> None:
        """Talk to the grader over `channel` from now on."""
        self._channel = channel
        self._ipython.channel = channel
        sys.stdout = OutStream(channel, "stdout", 1)
        sys.stderr = OutStream(channel, "stderr", 2)
        sys.displayhook = self._ipython.displayhook

    def _serve(
        self,
        job: socket.socket,
        results: int,
        decoder: wire.Decoder,
        links: list[int],
    ) -> None:
        """Do what arrives on `job` until it ends."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for message in _messages(job, decoder, links):
            if message["t"] == "snapshot":
                self._snapshot(links.pop(0), message["protected"], job, results)
                continue
            if message["t"] == "link":
                assert self._namespace is not None
                self._namespace.attach(links.pop(0))
                continue
            passed = self.run_cell(message["source"], message.get("number"))
            if self._namespace is not None:
                # A test cell may have swallowed what was raised; it has not passed.
                fault, refusals = self._namespace.fault, self._namespace.refusals
                passed = passed and fault is None and not refusals
                self._tell_fault(fault)
                self._namespace.detach()
            self._channel.send({"t": "done", "passed": passed})

    def _tell_fault(self, fault: BaseException | None) -> None:
        """Say what was wrong with the snapshot, whatever the test cell made of it."""
        if isinstance(fault, Tampering):
            self._channel.send({"t": "tampering", "evidence": str(fault)})
        elif isinstance(fault, SnapshotGone):
            self._channel.send({"t": "gone"})

    def run_cell(self, source: str, number: int | None = None) -> bool:
        """Run `source` as the cell of that number and send its outputs.

        Return whether it ran to its end without an exception: some exceptions show
        nothing, or something else.
        """
        if number is not None:
            self._ipython.execution_count = number
        try:
            return self._run_cell(source)
        except KeyboardInterrupt:  # it came when the cell had just ended
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return False

    def _run_cell(self, source: str) -> bool:
        owner = os.getpid()
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return bool(self._ipython.run_cell(source, store_history=True).success)
        except BaseException as error:
            # Only what goes wrong around a cell arrives here: IPython shows the rest.
            if os.getpid() == owner:
                self._ipython._showtraceback(type(error), error, [repr(error)])
            return False
        finally:
            if os.getpid() != owner:
                os._exit(0)  # a fork of the cell must not go on with the next cell
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _snapshot(
        self, link: int, protected: bool, job: socket.socket, results: int
    ) -> None:
        """Fork a process that keeps what there is now, and answers on `link`."""
        self._channel.flush()
        state = _get_random_state()  # Python draws a new one in every fork
        try:
            pid = _fork()
        except OSError:
            pid = -1  # no process to be had: that test will not run
        if pid:
            os.close(link)
            self._channel.send({"t": "snapshot", "pid": pid})
            return
        try:
            _set_random_state(state)
            os.close(results)
            job.close()
            if protected:
                served = Served(
                    link,
                    self._ipython.user_ns,
                    self._student_modules,
                    self._ipython.compile.format_code_name,
                )
                self.attach(served)
                served.serve()
            else:
                self.attach(Channel(link))
                end = socket.socket(fileno=link)
                self._serve(end, link, wire.Decoder(cap=2**31), [])
        finally:
            os._exit(0)

    def _show_student_output(self, message: dict[str, Any]) -> None:
        """Pass on what the student's code displays while a test calls it.

        Only the test itself may end in a result or an error.
        """
        output = message.get("output")
        if isinstance(output, dict) and output.get("output_type") == "display_data":
            self._channel.send({"t": "output", "output": output})


# The student's code may put others in their places.
_fork = os.fork
_get_random_state, _set_random_state = random.getstate, random.setstate


def _messages(
    job: socket.socket, decoder: wire.Decoder, links: list[int]
) -> Iterator[dict[str, Any]]:
    """Yield the messages that arrive on `job`; descriptors go to the end of `links`."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(job, wire.READ_BYTES, 1)
        if not data:
            return
        links += descriptors
        for message, _ in decoder.feed(data):
            yield message


def _enter(message: dict[str, Any], files: int) -> None:
    """Lock this process in, and make its folders and its `files`."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as stream:
        stream.write("1000")  # if the machine runs out of memory, this goes first
    lockdown.lock(message["walls"])
    os.umask(0o022)
    box = message["box"]
    for room in ("home", "tmp", "shm", "work"):
        os.makedirs(f"{box}/{room}", exist_ok=True)
    begin = 0
    for name, size in message["files"]:
        path = f"{box}/work/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(os.pread(files, size, begin))
        begin += size
    os.close(files)
    os.environ.update(message["env"])
    os.chdir(f"{box}/work")
    sys.path.insert(0, "")
    sys.argv = [""]
    # A fork has its parent's random numbers to come; Python itself sees to its own.
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    with open("/proc/self/statm", "rb") as stream:
        in_use = int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    lockdown.limit("AS", in_use + _LIBRARIES_BYTES + message["memory_bytes"])


def write_fonts(fonts: str, home: str) -> None:
    """Write matplotlib's list of fonts, so that nobody has to make it again."""
    if fonts:
        name, _, text = fonts.partition("\n")
        folder = f"{home}/.cache/matplotlib"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{name}", "w", encoding="utf-8") as stream:
            stream.write(text)
