"""The student's side: an IPython shell in a process of its own, on two pipes.

The grader sends messages on the one (`enter` first, then `run` for each cell) and this
side answers on the other: `ready`, then for each cell its outputs, as nbformat has
them, and `done`. The source of a cell arrives when its turn has come, so no cell can
read a later one. Descriptors 1 and 2 are pipes that the grader reads itself; what is
written there by other programs or by C code needs no help from here.

`Shell` is built before it has anybody to talk to: a process that has built one can
fork, and the child calls `attach` and `serve`.
"""

import base64
import builtins
import getpass
import io
import json
import os
import shutil
import signal
import site
import sys
import threading
import time
import zlib
from typing import Any

from autograder.runner import lockdown, wire

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

        def _showtraceback(
            self, etype: type, evalue: BaseException, stb: list[str]
        ) -> None:
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

    def __init__(self) -> None:
        """Build the shell; nobody listens yet."""
        self._ipython = _build_ipython()
        self._channel: Channel | None = None
        builtins.input = _no_input
        getpass.getpass = _no_password

    def attach(self, descriptor: int) -> None:
        """Talk to the grader over `descriptor` from now on."""
        self._channel = Channel(descriptor)
        self._ipython.channel = self._channel
        sys.stdout = OutStream(self._channel, "stdout", 1)
        sys.stderr = OutStream(self._channel, "stderr", 2)
        sys.displayhook = self._ipython.displayhook

    def run_cell(self, source: str) -> None:
        """Run `source` as the next cell and send its outputs."""
        try:
            self._run_cell(source)
        except KeyboardInterrupt:  # it came when the cell had just ended
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _run_cell(self, source: str) -> None:
        owner = os.getpid()
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._ipython.run_cell(source, store_history=True)
        except BaseException as error:
            # Only what goes wrong around a cell arrives here: IPython shows the rest.
            if os.getpid() == owner:
                self._ipython._showtraceback(type(error), error, [repr(error)])
        finally:
            if os.getpid() != owner:
                os._exit(0)  # a fork of the cell must not go on with the next cell
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self, job: int, decoder: wire.Decoder) -> None:
        """Run the cells that arrive on `job` until it ends."""
        assert self._channel is not None
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._channel.send({"t": "ready"})
        while data := os.read(job, wire.READ_BYTES):
            for message, _ in decoder.feed(data):
                self.run_cell(message["source"])
                self._channel.send({"t": "done"})


def _enter(message: dict[str, Any]) -> None:
    """Lock this process in and make its folders."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as stream:
        stream.write("1000")  # if the machine runs out of memory, this goes first
    lockdown.lock(message["walls"])
    os.umask(0o022)
    box = message["box"]
    shutil.copytree(message["files"], f"{box}/work", symlinks=True)
    for room in ("home", "tmp"):
        os.mkdir(f"{box}/{room}")
    if message["fonts"]:
        name, _, text = message["fonts"].partition("\n")
        folder = f"{box}/home/.cache/matplotlib"
        os.makedirs(folder)
        with open(f"{folder}/{name}", "w", encoding="utf-8") as stream:
            stream.write(text)
    os.chdir(f"{box}/work")
    for folder in message["packages"]:
        site.addsitedir(folder)


def main(job: int, results: int) -> None:
    """Wait for the first message, lock this process in, run the cells."""
    del sys.path[0]  # where this module came from
    decoder = wire.Decoder(cap=2**31)
    first = None
    while first is None:
        data = os.read(job, wire.READ_BYTES)
        if not data:
            return
        first = next(decoder.feed(data), None)
    message = first[0]
    _enter(message)
    shell = Shell()
    sys.path.insert(0, "")
    sys.argv = [""]
    with open("/proc/self/statm", "rb") as stream:
        in_use = int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    lockdown.limit("AS", in_use + _LIBRARIES_BYTES + message["memory_bytes"])
    shell.attach(results)
    shell.serve(job, decoder)
    os._exit(0)
