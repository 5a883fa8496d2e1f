"""One side of a run: an IPython shell in a locked process, between two pipes.

The grader sends messages on the one (ENTER first, then one for each cell) and this side
answers on the other: READY, then for each cell its outputs, and DONE (see `frames`).
The source of a cell arrives when its turn has come, so no cell can read a later one.
Descriptors 1 and 2 are pipes that the grader reads itself: what other programs and C
code write there does not pass through here.

The same shell serves three processes:

- the student's, which runs the student's cells, and at the place of each test cell
  forks a *snapshot* of itself;
- a snapshot, which waits on its `link` for what the checker asks of the student's
  names (`autograder.runner.inside.link.server`), or, if the test cell is unprotected,
  runs it;
- the checker, which runs the test cells: its names fall back to those of a snapshot
  (`autograder.runner.inside.link.namespace`). It has seen no code of the student's.

`Shell` is built before it has anybody to talk to: the warm process builds one, forks,
and the fork calls `enter_and_serve`.
"""

import _random
import _signal
import array
import builtins
import getpass
import os
import random
import socket
import sys
from collections.abc import Iterator
from typing import Any

from autograder.runner.inside import frames, lockdown, tracebacks
from autograder.runner.inside.channel import Channel, OutStream
from autograder.runner.inside.link.namespace import Namespace
from autograder.runner.inside.link.proxy import SnapshotGone, Tampering
from autograder.runner.inside.link.server import LinkServer

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

_ANCILLARY_BYTES = socket.CMSG_LEN(array.array("i").itemsize)  # one descriptor
_LIBRARIES_BYTES = 512 * 1024 * 1024  # address space of what a notebook may import


class Shell:
    """An IPython shell that runs one cell after another for the grader."""

    def __init__(self, fonts: str = "") -> None:
        """Build the shell, without a channel. `fonts` is for `write_fonts`."""
        # The folder that IPython is in may have been put on the path just now.
        from autograder.runner.inside import ipython

        self._fonts = fonts
        self._ipython = ipython.build_ipython()
        self._namespace: Namespace | None = None  # of the checker
        builtins.input = ipython.no_input
        getpass.getpass = ipython.no_password

    def warm_up(self) -> None:
        """Format a cell's traceback once, so that forks inherit what that loads.

        A traceback looks for the module of each file among all that are loaded, so this
        comes after the libraries.
        """
        tracebacks.quicken()
        try:
            exec(compile("1 / 0", "/tmp/ipykernel_1/0.py", "exec"))
        except ZeroDivisionError as error:
            details = type(error), error, error.__traceback__
            self._ipython.InteractiveTB.structured_traceback(*details)

    def enter_and_serve(self, job: socket.socket, results: int, files: int) -> None:
        """Wait for the first message, lock this process in, and serve.

        Parameters
        ----------
        job : socket
            Where messages, and descriptors with them, come from.
        results : int
            The pipe for the answers.
        files : int
            A file that holds what the working folder will, one after the other.
        """
        decoder = frames.Decoder(cap=2**31)
        links: list[int] = []
        first = next(_messages(job, decoder, links), None)
        if first is None or first["t"] != frames.ENTER:
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
        self._channel.send({"t": frames.READY})
        self._serve(job, results, decoder, links)

    def attach(self, channel: Any) -> None:
        """Send outputs and messages over `channel` from now on."""
        self._channel = channel
        self._ipython.channel = channel
        sys.stdout = OutStream(channel, "stdout", 1)
        sys.stderr = OutStream(channel, "stderr", 2)
        sys.displayhook = self._ipython.displayhook

    def _serve(
        self,
        job: socket.socket,
        results: int,
        decoder: frames.Decoder,
        links: list[int],
    ) -> None:
        """Do what each message on `job` asks for, until there are no more."""
        _on_signal(_signal.SIGINT, _signal.SIG_IGN)
        for message in _messages(job, decoder, links):
            if message["t"] == frames.SNAPSHOT:
                self._snapshot(links.pop(0), message["protected"], job, results)
            elif message["t"] == frames.LINK:
                assert self._namespace is not None
                self._namespace.attach(links.pop(0))
            elif message["t"] == frames.RUN:
                self._run(message["source"], message.get("number"))

    def _run(self, source: str, number: int | None) -> None:
        """Run a cell, and report whether it has passed."""
        passed = self.run_cell(source, number)
        if self._namespace is not None:
            # A test cell may have swallowed what was raised; it has not passed.
            fault, refusals = self._namespace.fault, self._namespace.refusals
            passed = passed and fault is None and not refusals
            self._report_fault(fault)
            self._namespace.detach()
        self._channel.send({"t": frames.DONE, "passed": passed})

    def _report_fault(self, fault: BaseException | None) -> None:
        """Report a fault of the snapshot, even if the test cell has caught it."""
        if isinstance(fault, Tampering):
            self._channel.send({"t": frames.TAMPERING, "evidence": str(fault)})
        elif isinstance(fault, SnapshotGone):
            self._channel.send({"t": frames.GONE})

    def run_cell(self, source: str, number: int | None = None) -> bool:
        """Run `source` as the cell of that number and send its outputs.

        Return whether it ran to its end without an exception; the outputs do not tell,
        since some exceptions show nothing, or something else.
        """
        if number is not None:
            self._ipython.execution_count = number
        try:
            return self._run_cell(source)
        except KeyboardInterrupt:  # it came when the cell had just ended
            _on_signal(_signal.SIGINT, _signal.SIG_IGN)
            return False

    def _run_cell(self, source: str) -> bool:
        owner = os.getpid()
        try:
            _on_signal(_signal.SIGINT, _signal.default_int_handler)
            return bool(self._ipython.run_cell(source, store_history=True).success)
        except BaseException as error:
            # Only what goes wrong around a cell arrives here: IPython shows the rest.
            if os.getpid() == owner:
                self._ipython._showtraceback(type(error), error, [repr(error)])
            return False
        finally:
            if os.getpid() != owner:
                os._exit(0)  # a fork of the cell must not go on with the next cell
            _on_signal(_signal.SIGINT, _signal.SIG_IGN)

    def _snapshot(
        self, link: int, protected: bool, job: socket.socket, results: int
    ) -> None:
        """Fork a process that keeps the names as they are, and answers on `link`."""
        self._channel.flush()
        state = _get_random_state(_random_numbers)  # Python draws a new one in forks
        try:
            pid = _fork()
        except OSError:
            pid = -1  # no process to be had: that test will not run
        if pid:
            os.close(link)
            self._channel.send({"t": frames.SNAPSHOT, "pid": pid})
            return
        try:
            try:  # noqa: SIM105 (`suppress` looks builtins up)
                _end_own_kill()
            except Exception:
                pass  # the student's code may have changed what that needs
            _set_random_state(_random_numbers, state)
            os.close(results)
            job.close()
            if protected:
                server = LinkServer(
                    link,
                    self._ipython.user_ns,
                    self._student_modules,
                    self._ipython.compile.format_code_name,
                )
                self.attach(server)
                server.serve()
            else:
                self.attach(Channel(link))
                end = socket.socket(fileno=link)
                self._serve(end, link, frames.Decoder(cap=2**31), [])
        finally:
            os._exit(0)

    def _show_student_output(self, message: dict[str, Any]) -> None:
        """Pass on what the student's code displays while a test calls it."""
        self._channel.send({"t": frames.OUTPUT, "output": message["output"]})


# The student's code may put others in their places. Those in C look no builtins up.
_fork = os.fork
_on_signal = _signal.signal
_end_own_kill = lockdown.end_own_kill
_random_numbers = random._inst
_get_random_state, _set_random_state = _random.Random.getstate, _random.Random.setstate


def _messages(
    job: socket.socket, decoder: frames.Decoder, links: list[int]
) -> Iterator[dict[str, Any]]:
    """Yield the messages that arrive on `job`; descriptors go to the end of `links`."""
    while True:
        data, ancillary, _, _ = job.recvmsg(frames.READ_BYTES, _ANCILLARY_BYTES)
        if not data:
            return
        for _, _, descriptors in ancillary:  # of one kind: nothing else was asked for
            links += array.array("i", descriptors)
        for message, _ in decoder.feed(data):
            yield message


def _enter(message: dict[str, Any], files: int) -> None:
    """Lock this process in, and make its folders and its `files`."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as stream:
        stream.write("1000")  # if the machine runs out of memory, this goes first
    lockdown.lock(message["restrictions"])
    os.umask(0o022)
    box = message["box"]
    for folder in ("home", "tmp", "shm", "work"):
        os.makedirs(f"{box}/{folder}", exist_ok=True)
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
    """Write matplotlib's list of fonts, so that no process makes it again."""
    if fonts:
        name, _, text = fonts.partition("\n")
        folder = f"{home}/.cache/matplotlib"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{name}", "w", encoding="utf-8") as stream:
            stream.write(text)
