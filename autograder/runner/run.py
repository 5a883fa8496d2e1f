"""Run one notebook of a stranger: feed it, watch it, keep what comes, end it.

The grader's side of the pipes. It believes nothing it reads: a message that is not as
agreed ends the run with a verdict, and every byte is counted when it arrives.

A run has two phases. First all of the student's cells run, in order, in one process; at
the place of each test cell that process forks a snapshot of itself, which waits. Then
everything of the student's but the snapshots is killed, and the test cells run in
order: a protected one in the checker, a process behind other walls that asks the
snapshot for the student's names, an unprotected one in the snapshot itself. So no cell
of the student's runs after a hidden input has been seen, no expected value is ever on
the student's side, and what a protected test shows is written by the checker.
"""

import contextlib
import errno
import os
import re
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

import nbformat

from autograder.errors import SandboxError
from autograder.runner import fork_server
from autograder.runner.fork_server import ForkServer
from autograder.runner.inside import frames, meter
from autograder.runner.job import Job, RunResult
from autograder.runner.outputs import MESSAGE_BYTES, MOST_DISPLAYS, checked_output
from autograder.runner.sandbox import MEGABYTE, Sandbox
from autograder.runner.side import Side
from autograder.verdicts import Verdict

_POLL_SECONDS = 0.025
_CELL_POLL_SECONDS = 0.005  # what a shorter cell leaves behind is seen soon enough
_DISK_POLL_SECONDS = 0.25
_JUST_NOW_SECONDS = 0.002  # what was read so long ago need not be read again
_START_SECONDS = 120.0
_GRACE_CPU_SECONDS = 2.0  # after an interrupt, before the end
_GRACE_WALL_SECONDS = 20.0
_BLOCK_BYTES = 4096  # of the disk: the least that a file takes
_NO_MORE_PROCESSES = re.compile(
    rf"BlockingIOError: \[Errno {errno.EAGAIN}\]|RuntimeError: can't start new thread"
)
_MEMORY_ERRORS = {"MemoryError", "_ArrayMemoryError", "ArrayMemoryError"}
_HELD = "This submission is held for review by the instructor."


def run_notebook(job: Job, sandbox: Sandbox, warm: bool = True) -> RunResult:
    """Run every code cell of a job's notebook inside `sandbox`.

    Parameters
    ----------
    job : Job
        The notebook, which is not changed, and what its code may see and use.
    sandbox : Sandbox
        What `choose_sandbox` returned.
    warm : bool
        Whether to fork the run from a process of ours that has loaded the libraries,
        which this process then keeps for the next run, or to start afresh. The result
        is the same.

    Returns
    -------
    RunResult
        Whatever the code does, there is one.

    Raises
    ------
    SandboxError
        If the sandbox cannot be started or broke down: no fault of the code.
    """
    began = time.monotonic()
    limits = job.limits
    used, count = _needed(job.files)
    with contextlib.ExitStack() as stack:
        run = _Run(job, sandbox)
        if used > limits.disk_mb * MEGABYTE or count > limits.files:
            run.end(
                Verdict.OUT_OF_DISK,
                f"The files handed in take {used / MEGABYTE:.0f} MB in {count} files "
                f"and folders; the limits are {limits.disk_mb} MB and {limits.files}.",
            )
            return run.result(began)
        if warm and (sandbox.nested or sandbox.level != "bwrap"):
            shared = stack.enter_context(
                fork_server.borrow(sandbox, limits, job.libraries)
            )
            run.find_host = lambda: shared
        else:

            def find_host() -> ForkServer:
                return stack.enter_context(
                    contextlib.closing(ForkServer(sandbox, limits, warm=False))
                )

            run.find_host = find_host
        try:
            run.student_phase()
            run.test_phase()
        finally:
            run.close()
        if any(host.died for host, _ in run.sides):
            raise SandboxError(
                "sandbox: the process that runs are forked from was ended from outside "
                "during the run; is the machine out of memory?"
            )
    return run.result(began)


class _Run:
    """The state of one run, from the grader's side."""

    find_host: Callable[[], ForkServer]

    def __init__(self, job: Job, sandbox: Sandbox) -> None:
        self.job = job
        self.limits = job.limits
        self.sandbox = sandbox
        self.notebook = nbformat.from_dict(_copied(job.notebook))
        self.ran = [False] * len(self.notebook.cells)
        self.verdict: Verdict | None = None  # set once: what the run did not survive
        self.milder: list[tuple[Verdict, bool]] = []  # what it survived
        self.messages: list[str] = []
        self.evidence = ""
        self.code_cells: list[int] = []
        for index, cell in enumerate(self.notebook.cells):
            if isinstance(cell.source, list):  # as in a file, line by line
                cell.source = "".join(cell.source)
            if cell.cell_type == "code":
                cell.outputs = []
                cell.execution_count = None
                self.code_cells.append(index)
        self.number = 0  # the code cell that is running, counted from 1
        self.opened = 0  # the last one that began to run
        self.testing = False  # whether the student's own cells are behind us
        self.over = False  # whether the phase, or the test cell, has ended
        self.stopped = False  # whether no further test cell is to run
        self.starting = False  # whether a side has not said yet that it is ready
        self.preparing = False  # whether the checker is at its imports
        self.bytes = 0
        self.clear_first = False
        self.interrupted: tuple[float, float] | None = None
        self.displays: dict[str, list[nbformat.NotebookNode]] = {}
        self.disk: int | None = None
        self.sides: list[tuple[ForkServer, Side]] = []
        self.student: Side | None = None
        self.checker: Side | None = None
        # By code cell: our end of the link to its snapshot, and the snapshot's process
        # as it is numbered inside.
        self.links: dict[int, tuple[socket.socket, int]] = {}
        self.waiting_link: socket.socket | None = None  # of a snapshot being taken
        self.own_link: socket.socket | None = None  # that an unprotected test runs on
        self.selector = selectors.PollSelector()  # epoll counts its watches by user
        self.start_text = ""
        self.polled = 0.0  # when the processes were last looked at
        self.phase_started = self.cell_started = time.monotonic()
        self.phase_cpu = self.cell_cpu = 0.0

    # -------------------------------------------------------------- the phases

    def student_phase(self) -> None:
        """Run the student's cells; leave a snapshot for each test cell."""
        host = self.find_host()
        self.student = self.begin(
            host,
            host.begin(
                "student",
                self.limits,
                self.job.files,
                self.job.env,
                student_modules=self.job.student_modules,
                snapshots=len(self.job.tests),
            ),
        )
        self.watch()
        self.number = len(self.code_cells)
        if self.waiting_link is not None:  # the phase ended before it was taken
            self.waiting_link.close()
            self.waiting_link = None
        self.leave(self.student, keep_raw=True)
        if not self.student.sweep(self.snapshots()):
            self.end(
                Verdict.OUT_OF_PROCESSES,
                "Processes that the notebook had started could not be ended.",
            )
            self.drop_links()

    def test_phase(self) -> None:
        """Run the test cells, each against its snapshot."""
        if self.verdict is Verdict.HELD_FOR_REVIEW:
            self.drop_links()
        self.testing = True
        self.phase_started = time.monotonic()
        self.phase_cpu = self.cpu_seconds()
        for number in sorted(self.links):
            assert self.student is not None
            self.over = False
            self.number = number
            link, _ = self.links.pop(number)
            self.student.usage.overhead = len(self.student.usage.keepers) + 1
            self.student.usage.overhead += len(self.links)
            with link:
                if self.job.tests[self.code_cells[number - 1]]:
                    self.run_protected(link)
                else:
                    self.run_unprotected(link)
            self.student.sweep(self.snapshots())
            if self.stopped:
                self.drop_links()
                break

    def run_protected(self, link: socket.socket) -> None:
        """Run the current test cell in the checker."""
        if self.checker is None:
            self.over = False
            host = self.find_host()
            self.checker = self.begin(
                host,
                host.begin(
                    "checker",
                    self.limits,
                    self.job.trusted,
                    self.job.env,
                    checker={"answers": self.job.names},
                    student_modules=self.job.student_modules,
                ),
            )
            self.watch()
            if self.checker is None or self.stopped:  # its imports were the end of it
                return
            self.over = False
        self.open_cell()
        with contextlib.suppress(OSError):  # an end is noticed elsewhere
            socket.send_fds(
                self.checker.job, [frames.encode({"t": frames.LINK})], [link.fileno()]
            )
        link.close()  # the checker alone notices the snapshot's end
        self.send(self.checker, self.request())
        self.watch()

    def run_unprotected(self, link: socket.socket) -> None:
        """Run the current test cell in its snapshot, which can read it."""
        self.open_cell()
        assert self.student is not None
        self.own_link = link
        link.setblocking(False)
        output = self.limits.output_mb * MEGABYTE
        self.student.decoder = frames.Decoder(output + 65536)
        self.student.outgoing.clear()
        self.selector.register(link, selectors.EVENT_READ, (self.student, "link"))
        self.send(self.student, self.request())
        self.watch()
        with contextlib.suppress(KeyError):
            self.selector.unregister(link)
        self.own_link = None

    def snapshots(self) -> set[int]:
        """Return the processes that still wait for their test cell."""
        return {pid for _, pid in self.links.values()}

    def drop_links(self) -> None:
        """Give up the test cells that have not run."""
        for link, _ in self.links.values():
            link.close()
        self.links.clear()

    # ---------------------------------------------------------------- the loop

    def begin(self, host: ForkServer, side: Side) -> Side:
        """Listen to a side that has been started."""
        self.sides.append((host, side))
        register = self.selector.register
        register(side.results, selectors.EVENT_READ, (side, "results"))
        register(side.status, selectors.EVENT_READ, (side, "status"))
        for descriptor in side.raw:
            register(descriptor, selectors.EVENT_READ, (side, "raw"))
        self.cell_started = time.monotonic()
        self.starting = True
        self.flush(side)
        return side

    def leave(self, side: Side, keep_raw: bool = False) -> None:
        """Listen to a side no more; with `keep_raw`, still to what it writes raw."""
        ends = [side.results, side.status, side.job]
        for end in ends if keep_raw else [*ends, *side.raw]:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(end)

    def watch(self) -> None:
        """Take what comes and enforce the limits until the phase or cell is over."""
        now = time.monotonic()
        next_poll, next_disk_poll = now + _POLL_SECONDS, now + _DISK_POLL_SECONDS
        while not self.over:
            for key, events in self.selector.select(_POLL_SECONDS):
                if not self.over:
                    self.handle(key, events)
            now = time.monotonic()
            if not self.over and now >= next_poll:
                self.poll()
                self.judge(now)
                next_poll = now + _POLL_SECONDS
            if not self.over and not self.starting and now >= next_disk_poll:
                self.judge_disk()
                next_disk_poll = now + _DISK_POLL_SECONDS
        if time.monotonic() - self.polled > _JUST_NOW_SECONDS:
            self.poll()
        if self.verdict is None and not self.starting:
            self.judge_disk()

    def poll(self) -> None:
        """Read what the processes use."""
        for _, side in self.sides:
            if side.root:
                side.usage.poll()
        self.polled = time.monotonic()

    def cpu_seconds(self) -> float:
        """CPU time of both sides since they were ready, in seconds."""
        return sum(side.cpu_seconds for _, side in self.sides if side.main)

    def send(self, side: Side, message: dict[str, Any]) -> None:
        """Queue `message` for a side, which may be slow to read it."""
        side.outgoing += frames.encode(message)
        self.flush(side)

    def flush(self, side: Side) -> None:
        """Write what the side takes now."""
        end = self.own_link if self.own_link is not None else side.job
        listening = "link" if self.own_link is not None else ""
        registered = end in self.selector.get_map()
        try:
            while side.outgoing:
                sent = end.send(side.outgoing[: frames.READ_BYTES])
                del side.outgoing[:sent]
            wanted = 0
        except BlockingIOError:
            wanted = selectors.EVENT_WRITE
        except OSError:
            side.outgoing.clear()  # the end will be noticed on another descriptor
            wanted = 0
        if listening:
            wanted |= selectors.EVENT_READ
        if registered and wanted:
            self.selector.modify(end, wanted, (side, listening or "job"))
        elif registered:
            self.selector.unregister(end)
        elif wanted:
            self.selector.register(end, wanted, (side, listening or "job"))

    def handle(self, key: selectors.SelectorKey, events: int) -> None:
        """Take what a descriptor has."""
        side, kind = key.data
        if events & selectors.EVENT_WRITE:
            self.flush(side)
        if not events & selectors.EVENT_READ or self.over:
            return
        if kind == "raw":
            self.take_raw(side, key.fd)
        elif kind == "status":
            self.side_ended(side)
        else:
            self.take_messages(side, key.fd)

    def take_raw(self, side: Side, descriptor: int) -> bool:
        """Take some of what was written to descriptor 1 or 2; return if there was any.

        Other programs and C code write there, behind the shell's back.
        """
        try:
            data = os.read(descriptor, frames.READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self.selector.unregister(descriptor)
            return False
        name, decoder = side.raw[descriptor]
        text = decoder.decode(data)
        if self.starting:
            self.start_text = (self.start_text + text)[-4000:]
        elif self.count(len(data)):
            self.add({"output_type": "stream", "name": name, "text": text})
        return not self.over

    def take_all_raw(self) -> None:
        """Take all that has been written to descriptors 1 and 2."""
        for _, side in self.sides:
            for descriptor in side.raw:
                while descriptor in self.selector.get_map() and self.take_raw(
                    side, descriptor
                ):
                    pass

    def take_messages(self, side: Side, descriptor: int) -> bool:
        """Take some of what a side sent; return whether there may be more."""
        try:
            data = os.read(descriptor, frames.READ_BYTES)
        except BlockingIOError:
            return False
        except ConnectionError:
            data = b""
        if not data:
            self.side_ended(side)
            return False
        try:
            for message, size in side.decoder.feed(data):
                self.take(side, message, size)
                if self.over:
                    return False
        except frames.TooLarge:
            self.too_much_output()
        except frames.WireError as error:
            self.hold(
                f"Cell {self.number} wrote to the grader's pipe what the shell never "
                f"writes: {error}."
            )
        except (KeyError, TypeError, ValueError) as error:
            self.end(
                Verdict.CRASHED,
                f"Cell {self.number} sent something that is not an output ({error}).",
            )
        return not self.over

    def take(self, side: Side, message: dict[str, Any], size: int) -> None:
        """Act on one message of a side's shell."""
        kind = message["t"]
        if self.starting:
            if kind != frames.READY:
                raise frames.WireError("a message before the start")
            self.ready(side)
        elif self.preparing:
            if kind == frames.DONE:
                self.preparing, self.over = False, True
        elif self.waiting_link is not None and kind in (frames.DONE, frames.SNAPSHOT):
            # No cell is running: were "done" taken here, a test would count as run.
            if kind == frames.DONE:
                raise frames.WireError("the end of a cell that was not running")
            self.snapshot_taken(message["pid"])
        elif kind == frames.DONE:
            self.done(message["passed"] is True)
        elif kind == frames.CLEAR:
            self.clear_first = bool(message["wait"])
            if self.count(MESSAGE_BYTES) and not self.clear_first:
                self.cell.outputs = []
        elif kind == frames.OUTPUT:
            output = checked_output(message["output"], self.number)
            stream = output["output_type"] == "stream"
            if self.count(size + (0 if stream else MESSAGE_BYTES)):
                self.show(output, message)
        elif kind == frames.GONE and side is self.checker:
            self.answer_ended()
        elif kind == frames.TAMPERING and side is self.checker:
            self.hold(
                f"In cell {self.number}, a test, the student's process answered the "
                f"checker with what it can only send by tampering: "
                f"{str(message['evidence'])[:500]}"
            )
        else:
            raise frames.WireError("a message of no known kind")

    # --------------------------------------------------------- cells and outputs

    @property
    def cell(self) -> nbformat.NotebookNode:
        """The cell that is running.

        While a snapshot is taken this is the student's cell before it: what a thread of
        the student's prints then is no output of the test.
        """
        number = self.number if self.waiting_link is None else max(self.opened, 1)
        return self.notebook.cells[self.code_cells[number - 1]]

    def ready(self, side: Side) -> None:
        """Begin: a side's shell is built and locked in."""
        side.ready()
        self.starting = False
        if side is not self.student:
            self.preparing = True
            self.begin_to_count()
            self.send(side, {"t": frames.RUN, "source": self.job.imports})
            return
        try:
            if self.sandbox.level == "bwrap":
                disk = f"/proc/{side.main}/root/tmp"
                self.disk = os.open(disk, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SandboxError(
                f"sandbox: the student's process cannot be watched: {error}"
            ) from error
        self.phase_started = time.monotonic()
        self.next_cell()

    def next_cell(self) -> None:
        """Send the student's next cell; if there is none, the phase is over."""
        assert self.student is not None
        while self.number < len(self.code_cells):
            self.number += 1
            if self.code_cells[self.number - 1] in self.job.tests:
                self.take_snapshot()
                return
            self.open_cell()
            self.send(self.student, self.request())
            return
        self.over = True

    def open_cell(self) -> None:
        """Begin the current cell."""
        self.opened = self.number
        self.cell.execution_count = self.number
        self.clear_first = False
        self.begin_to_count()

    def request(self) -> dict[str, Any]:
        """Return the message that asks a side to run the current cell."""
        return {"t": frames.RUN, "source": self.cell.source, "number": self.number}

    def begin_to_count(self) -> None:
        """Give what begins now the time of a cell."""
        self.interrupted = None
        self.cell_started = time.monotonic()
        self.cell_cpu = self.cpu_seconds()

    def take_snapshot(self) -> None:
        """Ask the student's process for a snapshot, for the current test cell."""
        assert self.student is not None
        self.begin_to_count()
        protected = self.job.tests[self.code_cells[self.number - 1]]
        self.waiting_link, theirs = socket.socketpair()
        request = frames.encode({"t": frames.SNAPSHOT, "protected": protected})
        with theirs, contextlib.suppress(OSError):  # an end is noticed elsewhere
            socket.send_fds(self.student.job, [request], [theirs.fileno()])

    def snapshot_taken(self, pid: Any) -> None:
        """Keep the snapshot that has been taken; go on with the next cell."""
        assert self.waiting_link is not None
        assert self.student is not None
        link, self.waiting_link = self.waiting_link, None
        if isinstance(pid, int) and pid > 0:
            self.links[self.number] = link, pid
            self.student.usage.overhead += 1
        else:
            link.close()
            self.survive(
                Verdict.OUT_OF_PROCESSES,
                f"Before cell {self.number}, a test, no process could be started.",
            )
        self.next_cell()

    def done(self, passed: bool) -> None:
        """Close the running cell, which raised nothing if it `passed`."""
        self.take_all_raw()
        if self.over:
            return
        self.ran[self.code_cells[self.number - 1]] = True
        if self.testing and not self.has_error():
            if self.interrupted:
                self.note(Verdict.OUT_OF_TIME, "The check was interrupted.")
            elif not passed:
                self.note(Verdict.CRASHED, "The check ended in an exception.")
        now = time.monotonic()
        if now - self.polled >= _CELL_POLL_SECONDS:
            self.poll()
            self.judge(now)
        if not self.over and not self.testing and self.disk is not None:
            self.judge_disk()  # a look costs nothing there, and names the cell
        if self.over:
            return
        if self.testing:
            self.over = True
        else:
            self.next_cell()

    def show(self, output: dict[str, Any], message: dict[str, Any]) -> None:
        """Add `output` to the running cell, or renew the displays with its id."""
        name = message.get("id")
        if isinstance(name, str) and message.get("update"):
            renewed = nbformat.from_dict(output)
            for shown in self.displays.get(name, []):
                shown.data, shown.metadata = renewed.data, renewed.metadata
            return
        node = self.add(output)
        if isinstance(name, str):
            shown = self.displays.setdefault(name, [])
            if len(shown) < MOST_DISPLAYS:
                shown.append(node)
        if output["output_type"] == "error":
            self.look_at_error(output["ename"], output["evalue"])

    def look_at_error(self, name: str, text: str) -> None:
        """Note a limit that the running cell hit as an exception."""
        if name in _MEMORY_ERRORS:
            self.survive(
                Verdict.OUT_OF_MEMORY,
                f"Cell {self.number} asked for more memory than there is; the limit "
                f"is {self.limits.memory_mb} MB.",
            )
        elif _NO_MORE_PROCESSES.search(f"{name}: {text}"):
            self.survive(
                Verdict.OUT_OF_PROCESSES,
                f"Cell {self.number} asked for more processes and threads than there "
                f"are; the limit is {self.limits.processes}.",
            )

    def add(self, output: dict[str, Any]) -> nbformat.NotebookNode:
        """Add `output` to the running cell; text joins the text before it."""
        if self.clear_first:
            self.cell.outputs = []
            self.clear_first = False
        outputs = self.cell.outputs
        if output["output_type"] == "stream":
            last = outputs[-1] if outputs else None
            if last and last.output_type == "stream" and last.name == output["name"]:
                last.text.append(output["text"])
                return last
            output = output | {"text": [output["text"]]}  # joined by `result`
        node = nbformat.from_dict(output)
        outputs.append(node)
        return node

    def count(self, size: int) -> bool:
        """Count `size` bytes of output; return whether they are within the limit."""
        self.bytes += size
        if self.bytes <= self.limits.output_mb * MEGABYTE:
            return True
        self.too_much_output()
        return False

    # ------------------------------------------------------------------- judging

    def end(self, verdict: Verdict, message: str) -> None:
        """End the phase with `verdict`; in the phase of the tests, the run."""
        self.over = True
        self.stopped = self.stopped or self.testing
        if self.verdict is None:
            self.verdict = verdict
        self.messages.append(message)
        if self.number and not self.ran[self.code_cells[self.number - 1]]:
            self.note(verdict, message)

    def has_error(self) -> bool:
        """Whether the running cell shows an error."""
        return any(output.output_type == "error" for output in self.cell.outputs)

    def note(self, verdict: Verdict, message: str) -> None:
        """Show in the running cell why it ended."""
        name = "".join(word.title() for word in verdict.split())
        error = {"ename": name, "evalue": message, "traceback": [message]}
        self.add({"output_type": "error", **error})

    def hold(self, evidence: str) -> None:
        """End the run: there has been tampering."""
        self.over = self.stopped = True
        self.verdict = Verdict.HELD_FOR_REVIEW
        self.evidence = evidence

    def survive(self, verdict: Verdict, message: str, wall: bool = False) -> None:
        """Note `verdict` and go on."""
        self.milder.append((verdict, wall))
        self.messages.append(message)

    def give_up_test(self, verdict: Verdict, message: str) -> None:
        """End the running test cell, and go on with the next."""
        self.survive(verdict, message)
        self.note(verdict, message)
        self.over = True
        if self.checker is not None and self.own_link is None:
            self.end_checker()

    def too_much_output(self) -> None:
        """End the run: its outputs are too large."""
        self.end(
            Verdict.OUT_OF_OUTPUT,
            f"Cell {self.number} took the outputs of the notebook over "
            f"{self.limits.output_mb} MB, the limit for all of them together.",
        )

    def side_ended(self, side: Side) -> None:
        """Take the last that a side sent, and note that it is gone."""
        if self.own_link is not None:
            self.answer_ended()
            self.over = True
            return
        if side.results not in self.selector.get_map():
            return  # noticed already
        self.selector.unregister(side.results)
        while self.take_messages(side, side.results):
            pass
        if self.over:
            return
        if side is self.checker:
            self.checker_ended()
        else:
            self.student_ended(side)

    def student_ended(self, side: Side) -> None:
        """End the phase: the student's process is gone."""
        code = self.exit_code(side)
        if self.starting:
            raise SandboxError(self.broken_start(code))
        self.take_all_raw()
        if self.over:
            return
        if code is None:
            how = "closed its pipe to the grader"
        elif code > 128:
            how = f"was ended by signal {code - 128} ({_signal_name(code - 128)})"
        else:
            how = f"ended with exit code {code}"
        self.end(Verdict.CRASHED, f"In cell {self.number} the Python process {how}.")

    def exit_code(self, side: Side) -> int | None:
        """Return a side's exit code, waiting for it a little."""
        for _ in range(40):
            if (code := side.exit_code()) is not None:
                return code
            time.sleep(0.05)
        return None

    def broken_start(self, code: int | None) -> str:
        """Say that a side ended before it was ready."""
        return (
            f"sandbox: {self.sandbox.level} ended at its start with code {code}: "
            f"{self.start_text.strip() or 'no message'}; try another level"
        )

    def answer_ended(self) -> None:
        """Note that the snapshot ended while its test cell ran."""
        self.note(
            Verdict.CRASHED,
            "The Python process of the answer ended during this check.",
        )

    def checker_ended(self) -> None:
        """Note that the checker ended while a test ran; the next gets a new one."""
        assert self.checker is not None
        if self.starting:
            raise SandboxError(self.broken_start(self.exit_code(self.checker)))
        self.note(Verdict.CRASHED, "The process of the check ended during this check.")
        self.end_checker()
        self.over = True

    def end_checker(self) -> None:
        """End the checker."""
        assert self.checker is not None
        self.leave(self.checker)
        self.preparing = False
        for host, side in self.sides:
            if side is self.checker:
                host.end(side)
        self.checker = None

    def judge(self, now: float) -> None:
        """Compare what is used with the limits of time, memory and processes."""
        if self.starting:
            if now - self.cell_started > _START_SECONDS:
                raise SandboxError(
                    f"sandbox: a process was not ready within {_START_SECONDS:.0f} s; "
                    "is the machine overloaded?"
                )
            return
        assert self.student is not None
        usage, limits = self.student.usage, self.limits
        cell = f"Cell {self.number}"
        limit = self.give_up_test if self.testing else self.end
        if usage.tasks > limits.processes:
            limit(
                Verdict.OUT_OF_PROCESSES,
                f"{cell} had {usage.tasks} processes and threads at once; the limit "
                f"is {limits.processes}.",
            )
        elif usage.memory_bytes > limits.memory_mb * MEGABYTE:
            limit(
                Verdict.OUT_OF_MEMORY,
                f"{cell} used {usage.memory_bytes / MEGABYTE:.0f} MB of memory; the "
                f"limit is {limits.memory_mb} MB.",
            )
        elif (
            self.checker is not None
            and self.checker.usage.memory_bytes > limits.memory_mb * MEGABYTE
        ):
            limit(
                Verdict.OUT_OF_MEMORY,
                f"{cell} took a check over {limits.memory_mb} MB of memory, the limit.",
            )
        else:
            self.judge_time(now)

    def judge_time(self, now: float) -> None:
        """Interrupt a cell that takes too long; end it if that does not help."""
        limits = self.limits
        cpu = self.cpu_seconds()
        cell_cpu, cell_wall = cpu - self.cell_cpu, now - self.cell_started
        all_cpu, all_wall = cpu - self.phase_cpu, now - self.phase_started
        if all_cpu > limits.notebook_cpu_seconds:
            self.end(
                Verdict.OUT_OF_TIME,
                f"The notebook used {all_cpu:.0f} s of CPU time by cell {self.number}; "
                f"the limit is {limits.notebook_cpu_seconds:g} s for all cells.",
            )
        elif all_wall > limits.notebook_wall_seconds:
            self.milder.append((Verdict.OUT_OF_TIME, True))
            self.end(
                Verdict.OUT_OF_TIME,
                f"The notebook took {all_wall:.0f} s by the clock by cell "
                f"{self.number}, with {all_cpu:.0f} s of CPU time; the limit is "
                f"{limits.notebook_wall_seconds:g} s for all cells.",
            )
        elif self.interrupted is not None:
            at, at_cpu = self.interrupted
            if cpu - at_cpu > _GRACE_CPU_SECONDS or now - at > _GRACE_WALL_SECONDS:
                limit = self.give_up_test if self.testing else self.end
                limit(
                    Verdict.OUT_OF_TIME,
                    "It did not stop when interrupted, so it was ended there.",
                )
        elif cell_cpu > limits.cell_cpu_seconds:
            self.interrupt(
                now,
                f"Cell {self.number} used {cell_cpu:.0f} s of CPU time; the limit is "
                f"{limits.cell_cpu_seconds:g} s for a cell.",
                wall=False,
            )
        elif cell_wall > limits.cell_wall_seconds:
            self.interrupt(
                now,
                f"Cell {self.number} took {cell_wall:.0f} s by the clock, with "
                f"{cell_cpu:.0f} s of CPU time; the limit is "
                f"{limits.cell_wall_seconds:g} s for a cell.",
                wall=True,
            )

    def interrupt(self, now: float, message: str, wall: bool) -> None:
        """Interrupt the running cell, and what it started, as Ctrl-C would."""
        self.survive(Verdict.OUT_OF_TIME, message, wall)
        self.interrupted = now, self.cpu_seconds()
        spared = self.snapshots()
        # A protected test ends in the checker; its snapshot is killed afterwards.
        protected = self.testing and self.own_link is None
        side = self.checker if protected else self.student
        assert side is not None
        for process in side.others(spared):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)

    def judge_disk(self) -> None:
        """Compare the files with the limits."""
        assert self.student is not None
        limits = self.limits
        if self.disk is not None:
            disk = os.fstatvfs(self.disk)
            used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
            count = disk.f_files - disk.f_ffree
        else:
            used, count = meter.folder_use(self.student.box, limits.files)
            used += meter.unlinked_use(self.student.usage.pids)
        if used > limits.disk_mb * MEGABYTE:
            self.end(
                Verdict.OUT_OF_DISK,
                f"By cell {self.opened} the notebook had written "
                f"{used / MEGABYTE:.0f} MB of files; the limit is {limits.disk_mb} MB.",
            )
        elif count > limits.files:
            self.end(
                Verdict.OUT_OF_DISK,
                f"By cell {self.opened} the notebook had made more than "
                f"{limits.files} files, the limit, or folders that nobody can look "
                "into.",
            )

    # ------------------------------------------------------------------- the end

    def close(self) -> None:
        """End both sides and close what was opened."""
        self.drop_links()
        if self.waiting_link is not None:
            self.waiting_link.close()
        if self.disk is not None:
            os.close(self.disk)
        self.selector.close()
        for host, side in self.sides:
            host.end(side)

    def result(self, began: float) -> RunResult:
        """Return what came of the run."""
        verdict = self.verdict or Verdict.GRADED
        if verdict is Verdict.GRADED and self.milder:
            verdict = self.milder[0][0]
        held = verdict is Verdict.HELD_FOR_REVIEW
        for index, cell in enumerate(self.notebook.cells):
            if held and index in self.job.tests:
                cell.outputs = []
                self.ran[index] = False
            for output in cell.get("outputs", []):
                if output.output_type == "stream":
                    output.text = "".join(output.text)
        timed = [wall for which, wall in self.milder if which is Verdict.OUT_OF_TIME]
        memory = self.student.usage.peak_memory_bytes if self.student else 0
        return RunResult(
            verdict=verdict,
            level=self.sandbox.level,
            notebook=self.notebook,
            ran=self.ran,
            message=_HELD if held else " ".join(self.messages),
            cpu_seconds=self.cpu_seconds(),
            wall_seconds=time.monotonic() - began,
            peak_memory_mb=memory / MEGABYTE,
            wall_only=verdict is Verdict.OUT_OF_TIME and bool(timed) and all(timed),
            evidence=self.evidence,
        )


def _needed(files: Mapping[str, bytes]) -> tuple[int, int]:
    """Return the bytes on disk and the number of files and folders that they take."""
    blocks = sum(-(-len(content) // _BLOCK_BYTES) for content in files.values())
    folders = {folder for name in files for folder in PurePosixPath(name).parents[:-1]}
    return blocks * _BLOCK_BYTES, len(files) + len(folders)


def _copied(value: Any) -> Any:
    """Return a copy of JSON-like `value` made of plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
