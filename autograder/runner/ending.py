"""How a run ended: what the end of a process means, and the verdict of the whole.

A run can pass several limits: most are noted and the run goes on, one may end it.
Where a limit is reached, `autograder.runner.watch` says so, in words for the student;
`Ending` gathers these messages. A process can also end by itself, crash or be killed;
`interpret_end` is the one place that decides what such an end means.
"""

import signal
from dataclasses import dataclass, field

from autograder.runner.side import KILLED
from autograder.verdicts import Verdict

_HELD = "This submission is held for review by the instructor."
_KILLED_ITSELF = 128 + signal.SIGSYS  # see `inside.lockdown`
# Exit codes of a process that an operator or a system daemon may have ended.
_OUTSIDE = {KILLED, 128 + signal.SIGTERM, 128 + signal.SIGHUP}


@dataclass(frozen=True)
class End:
    """What the end of a process means.

    Attributes
    ----------
    verdict : Verdict
        Of the run. `INTERRUPTED` if it was killed from outside.
    message : str
        What happened, for the student.
    from_outside : bool
        Whether it was ended from outside, or may have been.
    """

    verdict: Verdict
    message: str
    from_outside: bool


def interpret_end(process: str, code: int | None, number: int) -> End:
    """Say what it means that a process ended although the grader did not end it.

    The kernel does not say who sent a signal. A SIGKILL comes from outside: one that
    the code sends itself ends it by SIGSYS (see `inside.lockdown`).

    Parameters
    ----------
    process : str
        "student", which runs the student's cells; "answer", the snapshot that a test
        cell is checking; "checker", which runs the test cells.
    code : int or None
        Its exit code, 128 + n for signal n. None if it only closed its pipe.
    number : int
        The code cell that was running.
    """
    what = {
        "student": f"In cell {number} the Python process",
        "answer": f"During the check in cell {number} the answer's Python process",
        "checker": f"During the check in cell {number} the process of the check",
    }[process]
    verdict = Verdict.INTERRUPTED if code == KILLED else Verdict.CRASHED
    return End(verdict, f"{what} {_describe_exit(code)}.", code in _OUTSIDE)


def _describe_exit(code: int | None) -> str:
    if code is None:
        return "closed its pipe to the grader"
    if code == KILLED:
        return "was killed from outside"
    if code == _KILLED_ITSELF:
        return "ended itself by signal 9 (SIGKILL) or signal 31 (SIGSYS)"
    if code <= 128:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        name = "unknown"
    return f"was ended by signal {code - 128} ({name})"


@dataclass
class Ending:
    """What a run has come to so far.

    Attributes
    ----------
    fatal : Verdict or None
        The first verdict that the run, or the phase of the student's cells, did not
        survive; `HELD_FOR_REVIEW` replaces an earlier one.
    evidence : str
        Signs of tampering, for the instructor alone.
    from_outside : bool
        Whether a process of the run was ended from outside, or may have been.
    """

    fatal: Verdict | None = None
    evidence: str = ""
    _survived: list[Verdict] = field(default_factory=list)
    _messages: list[str] = field(default_factory=list)
    _timeouts_by_clock: list[bool] = field(default_factory=list)
    _interrupted: bool = False
    from_outside: bool = False

    def note_end(self, end: End) -> None:
        """Take note of who may have ended a process."""
        self.from_outside = self.from_outside or end.from_outside
        if end.verdict is Verdict.INTERRUPTED:
            self._interrupted = True

    def survive(self, verdict: Verdict, message: str, by_clock: bool = False) -> None:
        """Note `verdict`; the run goes on."""
        self._survived.append(verdict)
        self._messages.append(message)
        if verdict is Verdict.OUT_OF_TIME:
            self._timeouts_by_clock.append(by_clock)

    def end(self, verdict: Verdict, message: str, by_clock: bool = False) -> None:
        """Note `verdict`, which ends the run or the phase of the student's cells."""
        self.fatal = self.fatal or verdict
        self._messages.append(message)
        if by_clock:
            self._timeouts_by_clock.append(True)

    def hold(self, evidence: str) -> None:
        """Note tampering."""
        self.fatal = Verdict.HELD_FOR_REVIEW
        self.evidence = evidence

    @property
    def is_held(self) -> bool:
        """Whether there has been tampering."""
        return self.fatal is Verdict.HELD_FOR_REVIEW

    @property
    def verdict(self) -> Verdict:
        """The verdict of the run: what ended it, or the first thing it survived.

        A run that was interrupted says nothing of the submission, whatever else there
        was, tampering excepted.
        """
        if self._interrupted and not self.is_held:
            return Verdict.INTERRUPTED
        return self.fatal or next(iter(self._survived), Verdict.GRADED)

    @property
    def message(self) -> str:
        """What happened, for the student; of tampering nothing but the consequence."""
        return _HELD if self.is_held else " ".join(self._messages)

    @property
    def wall_only(self) -> bool:
        """Whether the verdict is `OUT_OF_TIME` by the clock alone."""
        timeouts = self._timeouts_by_clock
        return self.verdict is Verdict.OUT_OF_TIME and bool(timeouts) and all(timeouts)
