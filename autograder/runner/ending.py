"""How a run ended: what the end of a process means, and the verdict of the whole.

A run can pass several limits: most are noted and the run goes on, one may end it.
`Ending` gathers them. A process can also end by itself, crash or be killed;
`interpret_end` is the one place that decides what such an end means.
"""

import signal
from dataclasses import dataclass, field

from autograder.verdicts import Verdict

_HELD = "This submission is held for review by the instructor."


def interpret_end(process: str, code: int | None, number: int) -> tuple[Verdict, str]:
    """Say what it means that a process ended although the grader did not end it.

    Parameters
    ----------
    process : str
        "student", which runs the student's cells; "snapshot", which holds the answer
        that a test cell is checking; "checker", which runs the test cells.
    code : int or None
        Its exit code, 128 + n for signal n. None if it only closed its pipe, and for a
        snapshot and the checker, whose exit codes are not read.
    number : int
        The code cell that was running.

    Returns
    -------
    verdict : Verdict
        Of the run where the student's process ended; of the test cell otherwise.
    message : str
        What happened, for the student.
    """
    if process == "snapshot":
        how = "The Python process of the answer ended during this check."
    elif process == "checker":
        how = "The process of the check ended during this check."
    else:
        how = f"In cell {number} the Python process {_describe_exit(code)}."
    return Verdict.CRASHED, how


def _describe_exit(code: int | None) -> str:
    if code is None:
        return "closed its pipe to the grader"
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
    """

    fatal: Verdict | None = None
    evidence: str = ""
    _survived: list[Verdict] = field(default_factory=list)
    _messages: list[str] = field(default_factory=list)
    _timeouts_by_clock: list[bool] = field(default_factory=list)

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
        """The verdict of the run: what ended it, or the first thing it survived."""
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
