"""Run one notebook of a stranger: start it, watch it, keep what comes, end it.

The grader's side of the pipes. It believes nothing it reads: a message that is not as
agreed ends the run with a verdict, and every byte is counted when it arrives.
"""

import codecs
import contextlib
import errno
import math
import os
import re
import selectors
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograder.errors import SandboxError
from autograder.runner import meter, scratch, wire
from autograder.runner.job import Job
from autograder.runner.sandbox import MEGABYTE, Limits, Process, Sandbox, new_uid
from autograder.verdicts import Verdict

_POLL_SECONDS = 0.025
_DISK_POLL_SECONDS = 0.25
_START_SECONDS = 120.0
_GRACE_CPU_SECONDS = 2.0  # after an interrupt, before the end
_GRACE_WALL_SECONDS = 20.0
_MESSAGE_BYTES = 256  # what a message costs besides its text
_DEEPEST_JSON = 32
_MOST_DISPLAYS = 32  # with the same id: an update renews each of them
_JSON_TYPE = re.compile(r"application/(.*\+)?json")
_NO_MORE_PROCESSES = re.compile(
    rf"BlockingIOError: \[Errno {errno.EAGAIN}\]|RuntimeError: can't start new thread"
)
_MEMORY_ERRORS = {"MemoryError", "_ArrayMemoryError", "ArrayMemoryError"}


@dataclass(frozen=True)
class RunResult:
    """How a run ended, and what came of it.

    Attributes
    ----------
    verdict : Verdict
        `Verdict.GRADED` if every cell ran within the limits, whatever exceptions it
        raised.
    level : str
        The sandbox's level: "bwrap" or "lockdown".
    notebook : nbformat.NotebookNode
        The notebook with the outputs. A cell that did not run has none. A cell that
        the run ended in keeps what it had shown, and an error output says why.
    ran : list of bool
        For each cell, whether it is a code cell that ran to its end.
    message : str
        What happened, with the figures, for the student; empty if all is well.
    cpu_seconds : float
        CPU time of all processes, without the start of the shell, in seconds.
    wall_seconds : float
        Time by the clock, from the start of the process to its end, in seconds.
    peak_memory_mb : float
        Largest memory seen of all processes together, in MiB.
    wall_only : bool
        Whether the verdict is `OUT_OF_TIME` by the clock alone, which a busy machine
        can cause: worth another run, alone.
    evidence : str
        Signs of tampering, for the instructor alone; empty unless the verdict is
        `HELD_FOR_REVIEW`.
    """

    verdict: Verdict
    level: str
    notebook: nbformat.NotebookNode
    ran: list[bool]
    message: str
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float
    wall_only: bool = False
    evidence: str = ""


def run_notebook(job: Job, sandbox: Sandbox) -> RunResult:
    """Run every code cell of a job's notebook, in order, inside `sandbox`.

    Parameters
    ----------
    job : Job
        The notebook, which is not changed, and what its code may see and use.
    sandbox : Sandbox
        What `choose_sandbox` returned.

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
    uid = new_uid()
    limits = job.limits
    used, count = sum(map(len, job.files.values())), len(job.files)
    run = _Run(job.notebook, limits, sandbox)
    if used > limits.disk_mb * MEGABYTE or count > limits.files:
        run.end(
            Verdict.OUT_OF_DISK,
            f"The files handed in take {used / MEGABYTE:.0f} MB in {count} files; "
            f"the limits are {limits.disk_mb} MB and {limits.files} files.",
        )
        return run.result(began)
    with scratch.run_folder(job.files, uid) as top:
        process = sandbox.start(top, limits, dict(job.env), uid)
        try:
            run.watch(process, top, uid)
        finally:
            process.end()
            run.close()
    return run.result(began)


class _Run:
    """The state of one run, from the grader's side."""

    def __init__(
        self, notebook: Mapping[str, Any], limits: Limits, sandbox: Sandbox
    ) -> None:
        self.limits = limits
        self.sandbox = sandbox
        self.notebook = nbformat.from_dict(_copied(notebook))
        self.ran = [False] * len(self.notebook.cells)
        self.verdict: Verdict | None = None  # set once: the run is over
        self.milder: list[tuple[Verdict, bool]] = []  # what a run survives
        self.messages: list[str] = []
        self.code_cells: list[int] = []
        for index, cell in enumerate(self.notebook.cells):
            if isinstance(cell.source, list):  # as in a file, line by line
                cell.source = "".join(cell.source)
            if cell.cell_type == "code":
                cell.outputs = []
                cell.execution_count = None
                self.code_cells.append(index)
        self.number = 0  # the code cell that is running, counted from 1
        self.bytes = 0
        self.clear_first = False
        self.displays: dict[str, list[nbformat.NotebookNode]] = {}
        self.disk: int | None = None
        self.usage: meter.Usage | None = None
        self.cpu_at_start = 0.0

    # ------------------------------------------------------------- the loop

    def watch(self, process: Process, top: Path, uid: int | None) -> None:
        """Send the cells, take what comes, enforce the limits, until the end."""
        self.process = process
        self.top = top
        self.usage = meter.Usage(
            process.root, overhead=0, memory_limit=self.limits.memory_mb * MEGABYTE
        )
        self.decoder = wire.Decoder(self.limits.output_mb * MEGABYTE + 65536)
        self.outgoing = bytearray()
        self.raw = {
            process.stdout: (
                "stdout",
                codecs.getincrementaldecoder("utf-8")("replace"),
            ),
            process.stderr: (
                "stderr",
                codecs.getincrementaldecoder("utf-8")("replace"),
            ),
        }
        self.start_text = ""
        for descriptor in (process.job, process.results, *self.raw):
            os.set_blocking(descriptor, False)
        self.selector = selectors.DefaultSelector()
        for descriptor in (process.results, *self.raw):
            self.selector.register(descriptor, selectors.EVENT_READ)
        self.started = self.cell_started = time.monotonic()
        next_poll = next_disk_poll = self.started
        self.send(self.sandbox.entry(top, self.limits, uid))
        while self.verdict is None:
            for key, _ in self.selector.select(_POLL_SECONDS):
                if self.verdict is None:
                    self.handle(key.fd)
            now = time.monotonic()
            if self.verdict is None and now >= next_poll:
                self.usage.poll()
                self.judge(now)
                next_poll = now + _POLL_SECONDS
            if self.verdict is None and self.number and now >= next_disk_poll:
                self.judge_disk()
                next_disk_poll = now + _DISK_POLL_SECONDS
        self.usage.poll()
        if self.verdict is Verdict.GRADED:
            self.judge_disk()

    def send(self, message: dict[str, Any]) -> None:
        """Queue `message` for the student's process, which may be slow to read it."""
        self.outgoing += wire.encode(message)
        self.flush()

    def flush(self) -> None:
        """Write what the pipe takes now."""
        registered = self.process.job in self.selector.get_map()
        try:
            while self.outgoing:
                written = os.write(self.process.job, self.outgoing[: wire.READ_BYTES])
                del self.outgoing[:written]
        except BlockingIOError:
            if not registered:
                self.selector.register(self.process.job, selectors.EVENT_WRITE)
            return
        except BrokenPipeError:
            self.outgoing.clear()  # the end will be noticed on the other pipe
        if registered:
            self.selector.unregister(self.process.job)

    def handle(self, descriptor: int) -> None:
        """Take what `descriptor` has."""
        if descriptor == self.process.job:
            self.flush()
        elif descriptor in self.raw:
            self.take_raw(descriptor)
        else:
            self.take_messages()

    def take_raw(self, descriptor: int) -> bool:
        """Take some of what was written to descriptor 1 or 2; return if there was any.

        Other programs and C code write there, behind the shell's back.
        """
        try:
            data = os.read(descriptor, wire.READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self.selector.unregister(descriptor)
            return False
        name, decoder = self.raw[descriptor]
        text = decoder.decode(data)
        if not self.number:
            self.start_text = (self.start_text + text)[-4000:]
        elif self.count(len(data)):
            self.add({"output_type": "stream", "name": name, "text": text})
        return self.verdict is None

    def take_messages(self) -> None:
        """Take what the shell sent."""
        try:
            data = os.read(self.process.results, wire.READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.crashed()
            return
        try:
            for message, size in self.decoder.feed(data):
                self.take(message, size)
                if self.verdict is not None:
                    return
        except wire.TooLarge:
            self.too_much_output()
        except (wire.WireError, KeyError, TypeError, ValueError) as error:
            self.end(
                Verdict.CRASHED,
                f"Cell {self.number} wrote something to the grader's pipe that is "
                f"not an output ({error}).",
            )

    def take(self, message: dict[str, Any], size: int) -> None:
        """Act on one message of the shell."""
        kind = message["t"]
        if kind == "ready" and not self.number:
            self.ready()
        elif not self.number:
            raise wire.WireError("a message before the start")
        elif kind == "done":
            self.done()
        elif kind == "clear":
            self.clear_first = bool(message["wait"])
            if self.count(_MESSAGE_BYTES) and not self.clear_first:
                self.cell.outputs = []
        elif kind == "output":
            output = _checked_output(message["output"], self.number)
            stream = output["output_type"] == "stream"
            if self.count(size + (0 if stream else _MESSAGE_BYTES)):
                self.show(output, message)
        else:
            raise wire.WireError("a message of no known kind")

    # --------------------------------------------------------- cells and outputs

    @property
    def cell(self) -> nbformat.NotebookNode:
        """The cell that is running."""
        return self.notebook.cells[self.code_cells[self.number - 1]]

    def ready(self) -> None:
        """Begin: the shell is built and locked in."""
        assert self.usage is not None
        self.usage.poll()
        self.usage.overhead = self.usage.tasks
        self.cpu_at_start = self.usage.cpu_seconds
        if not self.usage.pids:
            raise SandboxError("sandbox: the student's process cannot be seen in /proc")
        main = self.usage.pids[0]
        try:
            if self.sandbox.level == "bwrap":
                disk = f"/proc/{main}/root/tmp"
                self.disk = os.open(disk, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SandboxError(
                f"sandbox: the student's process cannot be watched: {error}"
            ) from error
        self.started = time.monotonic()
        self.next_cell()

    def next_cell(self) -> None:
        """Send the next cell; if there is none, the run is over."""
        assert self.usage is not None
        if self.number == len(self.code_cells):
            self.verdict = Verdict.GRADED
            return
        self.number += 1
        self.cell.execution_count = self.number
        self.clear_first = False
        self.interrupted: tuple[float, float] | None = None
        self.cell_started = time.monotonic()
        self.cell_cpu = self.usage.cpu_seconds
        self.send({"t": "run", "source": self.cell.source})

    def done(self) -> None:
        """Close the running cell."""
        assert self.usage is not None
        for descriptor in self.raw:
            while descriptor in self.selector.get_map() and self.take_raw(descriptor):
                pass
        if self.verdict is not None:
            return
        self.ran[self.code_cells[self.number - 1]] = True
        self.usage.poll()
        self.judge(time.monotonic())
        if self.verdict is None:
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
            if len(shown) < _MOST_DISPLAYS:
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
        """End the run with `verdict`."""
        if self.verdict is None or self.verdict is Verdict.GRADED:
            self.verdict = verdict
            self.messages.append(message)
            if self.number and not self.ran[self.code_cells[self.number - 1]]:
                name = "".join(word.title() for word in verdict.split())
                error = {"ename": name, "evalue": message, "traceback": [message]}
                self.add({"output_type": "error", **error})

    def survive(self, verdict: Verdict, message: str, wall: bool = False) -> None:
        """Note `verdict` and go on."""
        self.milder.append((verdict, wall))
        self.messages.append(message)

    def too_much_output(self) -> None:
        """End the run: its outputs are too large."""
        self.end(
            Verdict.OUT_OF_OUTPUT,
            f"Cell {self.number} took the outputs of the notebook over "
            f"{self.limits.output_mb} MB, the limit for all of them together.",
        )

    def crashed(self) -> None:
        """End the run: the shell is gone."""
        code = self.process.outer_code()
        if not self.number:
            raise SandboxError(
                f"sandbox: {self.sandbox.level} ended at its start with code {code}: "
                f"{self.start_text.strip() or 'no message'}; try another level"
            )
        if code is None:
            how = "closed its pipe to the grader"
        elif code > 128:
            how = f"was ended by signal {code - 128} ({_signal_name(code - 128)})"
        else:
            how = f"ended with exit code {code}"
        self.end(Verdict.CRASHED, f"In cell {self.number} the Python process {how}.")

    def judge(self, now: float) -> None:
        """Compare what is used with the limits of time, memory and processes."""
        assert self.usage is not None
        usage, limits = self.usage, self.limits
        if not self.number:
            if now - self.started > _START_SECONDS:
                raise SandboxError(
                    f"sandbox: the student's process was not ready within "
                    f"{_START_SECONDS:.0f} s; is the machine overloaded?"
                )
            return
        cell = f"Cell {self.number}"
        if usage.tasks > limits.processes:
            self.end(
                Verdict.OUT_OF_PROCESSES,
                f"{cell} had {usage.tasks} processes and threads at once; the limit "
                f"is {limits.processes}.",
            )
        elif usage.memory_bytes > limits.memory_mb * MEGABYTE:
            self.end(
                Verdict.OUT_OF_MEMORY,
                f"{cell} used {usage.memory_bytes / MEGABYTE:.0f} MB of memory; the "
                f"limit is {limits.memory_mb} MB.",
            )
        else:
            self.judge_time(now)

    def judge_time(self, now: float) -> None:
        """Interrupt a cell that takes too long; end the run if that does not help."""
        assert self.usage is not None
        limits = self.limits
        cpu = self.usage.cpu_seconds
        cell_cpu, cell_wall = cpu - self.cell_cpu, now - self.cell_started
        all_cpu, all_wall = cpu - self.cpu_at_start, now - self.started
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
                self.end(
                    Verdict.OUT_OF_TIME,
                    "It did not stop when interrupted, so the run ended there.",
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
        assert self.usage is not None
        self.survive(Verdict.OUT_OF_TIME, message, wall)
        self.interrupted = now, self.usage.cpu_seconds
        for process in meter.descendants(self.process.root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)

    def judge_disk(self) -> None:
        """Compare the files with the limits."""
        assert self.usage is not None
        limits = self.limits
        if self.disk is not None:
            disk = os.fstatvfs(self.disk)
            used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
            count = disk.f_files - disk.f_ffree
        else:
            used, count = meter.folder_use(self.top / "box", limits.files)
            used += meter.unlinked_use(self.usage.pids)
        if used > limits.disk_mb * MEGABYTE:
            self.end(
                Verdict.OUT_OF_DISK,
                f"Cell {self.number} had written {used / MEGABYTE:.0f} MB of files; "
                f"the limit is {limits.disk_mb} MB.",
            )
        elif count > limits.files:
            self.end(
                Verdict.OUT_OF_DISK,
                f"Cell {self.number} had made more than {limits.files} files, the "
                "limit.",
            )

    # ------------------------------------------------------------------- the end

    def close(self) -> None:
        """Close what was opened; may be called at any moment."""
        if self.disk is not None:
            os.close(self.disk)
        if hasattr(self, "selector"):
            self.selector.close()

    def result(self, began: float) -> RunResult:
        """Return what came of the run."""
        verdict = self.verdict or Verdict.CRASHED
        if verdict is Verdict.GRADED and self.milder:
            verdict = self.milder[0][0]
        for cell in self.notebook.cells:
            for output in cell.get("outputs", []):
                if output.output_type == "stream":
                    output.text = "".join(output.text)
        usage = self.usage
        timed = [wall for which, wall in self.milder if which is Verdict.OUT_OF_TIME]
        return RunResult(
            verdict=verdict,
            level=self.sandbox.level,
            notebook=self.notebook,
            ran=self.ran,
            message=" ".join(self.messages),
            cpu_seconds=usage.cpu_seconds - self.cpu_at_start if usage else 0.0,
            wall_seconds=time.monotonic() - began,
            peak_memory_mb=usage.peak_memory_bytes / MEGABYTE if usage else 0.0,
            wall_only=verdict is Verdict.OUT_OF_TIME and bool(timed) and all(timed),
        )


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


# ------------------------------------------------------------- what an output may be


def _checked_output(output: Any, number: int) -> dict[str, Any]:
    """Return `output` of cell `number` as an nbformat output, each part checked.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is none.
    """
    kind = output["output_type"]
    if kind == "stream":
        if output["name"] not in ("stdout", "stderr"):
            raise ValueError("a stream of no known name")
        return {
            "output_type": kind,
            "name": output["name"],
            "text": _text(output["text"]),
        }
    if kind == "error":
        return {
            "output_type": kind,
            "ename": _text(output["ename"]),
            "evalue": _text(output["evalue"]),
            "traceback": [_text(line) for line in output["traceback"]],
        }
    if kind not in ("display_data", "execute_result"):
        raise ValueError("an output of no known type")
    checked = {
        "output_type": kind,
        "data": _bundle(output["data"]),
        "metadata": _plain_object(output["metadata"]),
    }
    if kind == "execute_result":
        checked["execution_count"] = number
    return checked


def _text(value: Any) -> str:
    """Return `value`, which must be a str, as text that can be written as UTF-8."""
    if not isinstance(value, str):
        raise TypeError("a text that is none")
    return value.encode("utf-8", "replace").decode("utf-8")


def _bundle(value: Any) -> dict[str, Any]:
    """Return `value` as the data of an output: text, or JSON where the type says so."""
    bundle = _plain_object(value)
    for kind, content in bundle.items():
        if not isinstance(content, str) and not _JSON_TYPE.fullmatch(kind):
            raise TypeError("data that is not text")
    return bundle


def _plain_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("an object that is none")
    return _plain(value, _DEEPEST_JSON)


def _plain(value: Any, depth: int) -> Any:
    """Return the JSON `value` with all text made writable, at most `depth` deep."""
    if depth == 0:
        raise ValueError(f"JSON nested deeper than {_DEEPEST_JSON}")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(key): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value
