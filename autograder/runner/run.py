"""Run one notebook of a stranger: feed it, watch it, keep what comes, end it.

The grader's side of the pipes. It believes nothing it reads: a message that is not as
agreed ends the run with a verdict, and every byte is counted when it arrives.

A run has two phases. First all of the student's cells run, in order, in one process; at
the place of each test cell that process forks a snapshot of itself, which waits. Then
everything of the student's but the snapshots is killed, and the test cells run in
order: a protected one in the checker, a process in another sandbox that asks the
snapshot for the student's names, an unprotected one in the snapshot itself. So no cell
of the student's runs after a hidden input has been seen, no expected value is ever on
the student's side, and what a protected test shows is written by the checker.

This module holds the conversation with these processes. What else a run needs has a
module each: the notebook that fills (`outputs`), usage and limits (`watch`), the pipes
(`pipes`), the snapshots that wait (`snapshots`), and what the end of a process means
(`ending`).
"""

import contextlib
import socket
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from autograder.errors import SandboxError
from autograder.runner import fork_server
from autograder.runner.ending import Ending, interpret_end
from autograder.runner.fork_server import START_SECONDS, ForkServer
from autograder.runner.inside import frames
from autograder.runner.job import Job, RunResult
from autograder.runner.oom import count_kills, describe_kills
from autograder.runner.outputs import FilledNotebook, TooMuchOutput
from autograder.runner.pipes import Pipes
from autograder.runner.sandbox import MEGABYTE, Sandbox
from autograder.runner.side import Side
from autograder.runner.snapshots import Snapshots
from autograder.runner.watch import (
    DISK_POLL_SECONDS,
    POLL_SECONDS,
    Breach,
    Then,
    Watch,
    judge_files,
)
from autograder.verdicts import Verdict

_CELL_POLL_SECONDS = 0.005  # what a shorter cell leaves behind is seen soon enough
_JUST_NOW_SECONDS = 0.002  # what was read so long ago need not be read again
_START_TEXT_CHARACTERS = 4000
_EVIDENCE_CHARACTERS = 500


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
    with contextlib.ExitStack() as stack:
        shared: list[ForkServer] = []

        def find_server() -> ForkServer:
            if shared:
                return shared[0]
            fresh = ForkServer(sandbox, job.limits, warm=False)
            return stack.enter_context(contextlib.closing(fresh))

        conversation = Conversation(job, sandbox, find_server)
        if breach := judge_files(job.files, job.limits):
            conversation.end(breach.verdict, breach.message)
            return conversation.result(began)
        if warm and (sandbox.nested or sandbox.level != "bwrap"):
            borrowed = fork_server.borrow(sandbox, job.limits, job.libraries)
            shared.append(stack.enter_context(borrowed))
        try:
            conversation.student_phase()
            conversation.test_phase()
        finally:
            conversation.close()
        if any(server.died for server, _ in conversation.sides):
            raise SandboxError(
                "sandbox: the process that runs are forked from was ended from outside "
                "during the run; is the machine out of memory?"
            )
    return conversation.result(began)


def run_surely(job: Job, sandbox: Sandbox) -> RunResult:
    """Run a job, and once more if the machine may have been at fault.

    Raises
    ------
    SandboxError
        If the sandbox broke down both times.
    """
    with contextlib.suppress(SandboxError):
        result = run_notebook(job, sandbox)
        if not result.is_doubtful:
            return result
    return run_notebook(job, sandbox)


class _Stage(Enum):
    """What the process that the grader listens to is doing."""

    STARTING = auto()
    IMPORTING = auto()  # the checker, before its first test cell
    RUNNING = auto()  # a cell of the student's, or a test cell in its snapshot
    FORKING = auto()  # the student's process, at a test cell: a snapshot
    CHECKING = auto()  # a test cell in the checker


class Conversation:
    """One run, as the grader conducts it: what it sends and what it does on an answer.

    Parameters
    ----------
    job : Job
        What to run.
    sandbox : Sandbox
        The sandbox to run it in.
    find_server : callable
        Returns the fork server from which the next side of the run is to be forked.

    Attributes
    ----------
    sides : list of (ForkServer, Side)
        All sides that were started, each with its fork server.
    student, checker : Side or None
        The sides that live.
    snapshots : Snapshots
        Those that wait for their test cell.
    """

    def __init__(
        self, job: Job, sandbox: Sandbox, find_server: Callable[[], ForkServer]
    ) -> None:
        """Prepare; nothing is started yet."""
        self._job, self._sandbox, self._find_server = job, sandbox, find_server
        self.sides: list[tuple[ForkServer, Side]] = []
        self.student: Side | None = None
        self.checker: Side | None = None
        self.snapshots = Snapshots()
        self._filled = FilledNotebook(job.notebook, job.limits.output_mb * MEGABYTE)
        self._watch = Watch(job.limits)
        self._pipes = Pipes()
        self._ending = Ending()
        self._memory_kills = count_kills()
        self._stage = _Stage.STARTING
        self._number = 0  # the code cell whose turn it is, counted from 1
        self._opened = 0  # the last one that began to run
        self._tested = 0  # the snapshot that is being tested, as it is numbered inside
        self._vanished = False  # whether that, or the checker, was killed from outside
        self._testing = False  # whether the student's own cells are behind us
        self._over = False  # whether the phase, or the test cell, has ended
        self._stopped = False  # whether no further test cell is to run

    # -------------------------------------------------------------- the phases

    def student_phase(self) -> None:
        """Run the student's cells; have a snapshot taken for each test cell."""
        self.student = self._start("student")
        self._listen()
        self.snapshots.cancel()  # the one that was asked for when the phase ended
        if self._filled.code_cells:
            self._number = len(self._filled.code_cells)
            self._filled.turn_to(self._number)
        self._pipes.leave(self.student, keep_raw=True)
        if not self.student.sweep(self.snapshots.pids):
            self.end(
                Verdict.OUT_OF_PROCESSES,
                "Processes that the notebook had started could not be ended.",
            )
            self.snapshots.drop()

    def test_phase(self) -> None:
        """Run the test cells, each against its snapshot."""
        assert self.student is not None
        if self._ending.is_held:
            self.snapshots.drop()
        self._testing = True
        self._watch.begin_phase()
        for number in self.snapshots.numbers:
            self._over = False
            self._number = number
            self._filled.turn_to(number)
            link, self._tested = self.snapshots.take(number)
            self._vanished = False
            usage = self.student.usage
            usage.overhead = len(usage.reapers) + 1 + len(self.snapshots.pids)
            with link:
                if self._is_protected(number):
                    self._run_protected(link)
                else:
                    self._run_unprotected(link)
            self.student.sweep(self.snapshots.pids)
            if self._stopped:
                self.snapshots.drop()
                break

    def _is_protected(self, number: int) -> bool:
        """Return whether test cell `number` is to be run by the checker."""
        return self._job.tests[self._filled.code_cells[number - 1]]

    def _run_protected(self, link: socket.socket) -> None:
        """Run the current test cell in the checker."""
        if self.checker is None:
            self.checker = self._start("checker")
            self._listen()
            if self.checker is None or self._stopped:  # it ended at its imports
                return
            self._over = False
        self._stage = _Stage.CHECKING
        source = self._open_cell()
        with contextlib.suppress(OSError):  # an end is noticed elsewhere
            socket.send_fds(
                self.checker.job, [frames.encode({"t": frames.LINK})], [link.fileno()]
            )
        link.close()  # the checker alone notices the snapshot's end
        self._request(self.checker, source)
        self._listen()

    def _run_unprotected(self, link: socket.socket) -> None:
        """Run the current test cell in its snapshot, which can read it."""
        assert self.student is not None
        self._stage = _Stage.RUNNING
        source = self._open_cell()
        with self._pipes.talk_over(link, self.student):
            self._request(self.student, source)
            self._listen()

    def _start(self, name: str) -> Side:
        """Start the student's side or the checker, and listen to it."""
        job, server = self._job, self._find_server()
        if name == "student":
            side = server.begin(
                name,
                job.limits,
                job.files,
                job.env,
                student_modules=job.student_modules,
                snapshots=len(job.tests),
            )
        else:
            side = server.begin(
                name,
                job.limits,
                job.trusted,
                job.env,
                checker={"answers": job.names},
                student_modules=job.student_modules,
            )
        self.sides.append((server, side))
        self._stage = _Stage.STARTING
        self._watch.add(side)
        self._pipes.add(side)
        return side

    # ---------------------------------------------------------------- the loop

    def _listen(self) -> None:
        """Act on what arrives and on limits until the phase or test cell is over."""
        now = time.monotonic()
        next_poll, next_disk_poll = now + POLL_SECONDS, now + DISK_POLL_SECONDS
        while not self._over:
            for side, kind, descriptor in self._pipes.wait(POLL_SECONDS):
                if kind == "raw":
                    self._take_raw(side, descriptor)
                elif kind == "status":
                    self._side_ended(side)
                else:
                    self._take_messages(side, descriptor)
                if self._over:
                    break
            now = time.monotonic()
            if not self._over and now >= next_poll:
                self._watch.poll()
                self._judge()
                next_poll = now + POLL_SECONDS
            starting = self._stage is _Stage.STARTING
            if not self._over and not starting and now >= next_disk_poll:
                self._enforce(self._watch.judge_disk(self._opened))
                next_disk_poll = now + DISK_POLL_SECONDS
        self._watch.poll(after_seconds=_JUST_NOW_SECONDS)
        if self._ending.fatal is None and self._stage is not _Stage.STARTING:
            self._enforce(self._watch.judge_disk(self._opened))

    def _judge(self) -> None:
        """Compare what was polled with the limits; give up a start that takes long."""
        if self._stage is not _Stage.STARTING:
            self._enforce(self._watch.judge(self._number))
        elif time.monotonic() - self.sides[-1][1].began > START_SECONDS:
            raise SandboxError(
                f"sandbox: a process was not ready within {START_SECONDS:.0f} s; "
                "is the machine overloaded?"
            )

    def _take_raw(self, side: Side, descriptor: int) -> bool:
        """Show some of what a side wrote raw; return whether there may be more."""
        if (found := self._pipes.read_raw(side, descriptor)) is None:
            return False
        stream, text, size = found
        if self._stage is _Stage.STARTING:
            side.start_text = (side.start_text + text)[-_START_TEXT_CHARACTERS:]
        else:
            try:
                self._filled.add_text(stream, text, size)
            except TooMuchOutput:
                self._too_much_output()
        return not self._over

    def _take_all_raw(self) -> None:
        """Show all that has been written raw."""
        for _, side in self.sides:
            for descriptor in side.raw:
                while self._pipes.listens_to(descriptor) and self._take_raw(
                    side, descriptor
                ):
                    pass

    def _take_messages(self, side: Side, descriptor: int) -> bool:
        """Act on some of what a side sent; return whether there may be more."""
        data = self._pipes.read(descriptor)
        if data is None:
            return False
        if not data:
            self._side_ended(side)
            return False
        try:
            for message, size in side.decoder.feed(data):
                self._take(message, size)
                if self._over:
                    return False
        except (TooMuchOutput, frames.TooLarge):
            self._too_much_output()
        except frames.WireError as error:
            self._hold(
                f"Cell {self._number} wrote to the grader's pipe what the shell never "
                f"writes: {error}."
            )
        except (KeyError, TypeError, ValueError) as error:
            self.end(
                Verdict.CRASHED,
                f"Cell {self._number} sent something that is not an output ({error}).",
            )
        return not self._over

    # ------------------------------------------------------------ the messages

    def _take(self, message: dict[str, Any], size: int) -> None:
        """Act on one message of `size` bytes, as the table `_EXPECTED` says."""
        tag = message["t"]
        expected = _EXPECTED[self._stage]
        if isinstance(tag, str) and tag in expected:
            expected[tag](self, message, size)
        elif self._stage is _Stage.STARTING:
            raise frames.WireError("a message before the start")
        elif self._stage is not _Stage.IMPORTING:  # what its imports show is dropped
            raise frames.WireError("a message of no known kind")

    def _ready(self, *_: Any) -> None:
        """Begin: the shell of the side that was started is built and locked in."""
        _, side = self.sides[-1]
        side.ready()
        if side is self.checker:
            self._stage = _Stage.IMPORTING
            self._watch.begin_cell()
            self._pipes.send(side, {"t": frames.RUN, "source": self._job.imports})
            return
        self._stage = _Stage.RUNNING
        if self._sandbox.level == "bwrap":
            self._watch.watch_disk()
        self._watch.begin_phase()
        self._next_cell()

    def _imported(self, *_: Any) -> None:
        """Go on: the checker is through with its imports, whatever came of them."""
        self._over = True

    def _snapshot_taken(self, message: dict[str, Any], _: int) -> None:
        """Keep the snapshot that has been taken; go on with the next cell."""
        assert self.student is not None
        if self.snapshots.keep(self._number, message["pid"]):
            self.student.usage.overhead += 1
        else:
            self._ending.survive(
                Verdict.OUT_OF_PROCESSES,
                f"Before cell {self._number}, a test, no process could be started.",
            )
        self._next_cell()

    def _done_unasked(self, *_: Any) -> None:
        """Refuse the end of a cell when none runs: a test would count as run."""
        raise frames.WireError("the end of a cell that was not running")

    def _done(self, message: dict[str, Any], _: int) -> None:
        """Close the running cell."""
        passed = message["passed"] is True
        self._take_all_raw()
        if self._over:
            return
        if not self._vanished:
            self._filled.mark_run(self._number)
        if self._testing and not self._filled.has_error():
            if self._watch.was_interrupted:
                self._filled.note(Verdict.OUT_OF_TIME, "The check was interrupted.")
            elif not passed:
                self._filled.note(Verdict.CRASHED, "The check ended in an exception.")
        if self._watch.poll(after_seconds=_CELL_POLL_SECONDS):
            self._judge()
        if not self._over and not self._testing and self._watch.disk_is_quick:
            self._enforce(self._watch.judge_disk(self._opened))  # names the cell
        if self._over:
            return
        if self._testing:
            self._over = True
        else:
            self._next_cell()

    def _clear(self, message: dict[str, Any], _: int) -> None:
        """Clear the outputs of the running cell."""
        self._filled.clear(bool(message["wait"]))

    def _output(self, message: dict[str, Any], size: int) -> None:
        """Add an output to the running cell."""
        output = self._filled.add_output(message, size)
        if output is not None and output.output_type == "error":
            self._enforce(
                self._watch.judge_error(self._number, output.ename, output.evalue)
            )

    def _snapshot_gone(self, *_: Any) -> None:
        """Note that the snapshot ended while the checker asked it."""
        self._process_ended("answer")

    def _tampering(self, message: dict[str, Any], _: int) -> None:
        """End the run: the snapshot's answers to the checker were forged."""
        evidence = str(message["evidence"])[:_EVIDENCE_CHARACTERS]
        self._hold(
            f"In cell {self._number}, a test, the student's process answered the "
            f"checker with what it can only send by tampering: {evidence}"
        )

    # ---------------------------------------------------------------- the cells

    def _next_cell(self) -> None:
        """Send the student's next cell, or ask for a snapshot; after the last, end."""
        assert self.student is not None
        if self._number == len(self._filled.code_cells):
            self._over = True
            return
        self._number += 1
        if self._filled.code_cells[self._number - 1] in self._job.tests:
            # What a thread of the student's prints meanwhile is no output of the test:
            # it goes to the student's cell before that.
            self._stage = _Stage.FORKING
            self._watch.begin_cell()
            self.snapshots.ask(self.student, self._is_protected(self._number))
        else:
            self._stage = _Stage.RUNNING
            self._request(self.student, self._open_cell())

    def _open_cell(self) -> str:
        """Begin the current cell; return its source."""
        self._opened = self._number
        self._watch.begin_cell()
        return self._filled.open(self._number)

    def _request(self, side: Side, source: str) -> None:
        """Ask a side to run the current cell."""
        message = {"t": frames.RUN, "source": source, "number": self._number}
        self._pipes.send(side, message)

    # -------------------------------------------------- limits and verdicts

    def _enforce(self, breach: Breach | None) -> None:
        """Do what the breach of a limit leads to, if there is one."""
        if breach is None:
            return
        verdict, message, then = breach.verdict, breach.message, breach.then
        if then is Then.END_RUN or (then is Then.END_CELL and not self._testing):
            self.end(verdict, message, breach.by_clock)
            return
        self._ending.survive(verdict, message, breach.by_clock)
        unprotected = self._pipes.link is not None
        if then is Then.INTERRUPT:
            # A protected test ends in the checker; its snapshot is killed afterwards.
            side = self.checker if self._testing and not unprotected else self.student
            assert side is not None
            self._watch.interrupt(side, self.snapshots.pids)
        elif then is Then.END_CELL:
            self._filled.note(verdict, message)
            self._over = True
            if self.checker is not None and not unprotected:
                self._end_checker()

    def end(self, verdict: Verdict, message: str, by_clock: bool = False) -> None:
        """End the phase with `verdict`; in the phase of the tests, the run."""
        self._over = True
        self._stopped = self._stopped or self._testing
        self._ending.end(verdict, message, by_clock)
        if self._number and not self._filled.has_run(self._number):
            self._filled.note(verdict, message)

    def _hold(self, evidence: str) -> None:
        """End the run: there has been tampering."""
        self._over = self._stopped = True
        self._ending.hold(evidence)

    def _too_much_output(self) -> None:
        """End the run: its outputs are too large."""
        self.end(
            Verdict.OUT_OF_OUTPUT,
            f"Cell {self._number} took the outputs of the notebook over "
            f"{self._job.limits.output_mb} MB, the limit for all of them together.",
        )

    # ------------------------------------------------------------------- the ends

    def _side_ended(self, side: Side) -> None:
        """Act on the last that a side sent, then on its end: see `interpret_end`."""
        if self._pipes.link is not None:
            self._process_ended("answer")
            self._over = True
            return
        if not self._pipes.listens_to(side.results):
            return  # noticed already
        self._pipes.forget(side.results)
        while self._take_messages(side, side.results):
            pass
        if self._over:
            return
        if self._stage is _Stage.STARTING:
            why = side.start_text.strip() or "no message"
            raise SandboxError(
                f"sandbox: {self._sandbox.level} ended at its start with code "
                f"{self._exit_code(side)}: {why}; try another level"
            )
        if side is self.checker:
            self._process_ended("checker")
            self._end_checker()  # the next test cell gets a new one
            self._over = True
            return
        end = interpret_end("student", self._exit_code(side), self._number)
        self._take_all_raw()
        if not self._over:
            self._ending.note_end(end)
            self.end(end.verdict, end.message)

    def _process_ended(self, process: str) -> None:
        """Note the end of the "answer", a snapshot, or of the "checker" during a test.

        That item alone is lost; the run goes on.
        """
        if process == "answer":
            assert self.student is not None
            code = self._exit_code(self.student, self._tested)
        else:
            assert self.checker is not None
            code = self._exit_code(self.checker)
        end = interpret_end(process, code, self._number)
        self._vanished = end.verdict is Verdict.INTERRUPTED
        self._ending.note_end(end)
        self._ending.survive(end.verdict, end.message)
        self._filled.note(end.verdict, end.message)

    def _exit_code(self, side: Side, pid: int = 0) -> int | None:
        """Return how a process of `side` ended; see `Side.wait_for_exit_code`."""
        server = next(server for server, other in self.sides if other is side)
        return server.exit_code(side, pid)

    def _end_checker(self) -> None:
        """End the checker."""
        assert self.checker is not None
        self._pipes.leave(self.checker)
        for server, side in self.sides:
            if side is self.checker:
                server.end(side)
        self.checker = None

    def close(self) -> None:
        """End all sides and close what was opened."""
        self.snapshots.drop()
        self._watch.close()
        self._pipes.close()
        for server, side in self.sides:
            server.end(side)

    def result(self, began: float) -> RunResult:
        """Return what came of the run, which began at `began` by the clock."""
        ending, message = self._ending, self._ending.message
        if ending.verdict is Verdict.INTERRUPTED:
            killed = describe_kills(self._memory_kills, count_kills())
            message = f"{message} {killed}"
        self._filled.finish(withheld=self._job.tests if ending.is_held else ())
        return RunResult(
            verdict=ending.verdict,
            level=self._sandbox.level,
            notebook=self._filled.notebook,
            ran=self._filled.ran,
            message=message,
            cpu_seconds=self._watch.cpu_seconds,
            wall_seconds=time.monotonic() - began,
            peak_memory_mb=self._watch.peak_memory_bytes / MEGABYTE,
            wall_only=ending.wall_only,
            from_outside=ending.from_outside,
            evidence=ending.evidence,
        )


_Handler = Callable[[Conversation, dict[str, Any], int], None]
_SHOWN: dict[str, _Handler] = {
    frames.CLEAR: Conversation._clear,
    frames.OUTPUT: Conversation._output,
}
# Which messages may come at which stage, by their tag, and who acts on each.
_EXPECTED: dict[_Stage, dict[str, _Handler]] = {
    _Stage.STARTING: {frames.READY: Conversation._ready},
    _Stage.IMPORTING: {frames.DONE: Conversation._imported},
    _Stage.RUNNING: {frames.DONE: Conversation._done, **_SHOWN},
    _Stage.FORKING: {
        frames.SNAPSHOT: Conversation._snapshot_taken,
        frames.DONE: Conversation._done_unasked,
        **_SHOWN,
    },
    _Stage.CHECKING: {
        frames.DONE: Conversation._done,
        frames.GONE: Conversation._snapshot_gone,
        frames.TAMPERING: Conversation._tampering,
        **_SHOWN,
    },
}
