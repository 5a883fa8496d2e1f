"""What one run needs, as one value that can travel to another process or machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import nbformat

from autograder.verdicts import Verdict


@dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    CPU time is that of all processes of the run together, and decides; wall time is a
    second, generous limit for code that waits. A cell over its limit is interrupted
    and the notebook goes on; over a limit of the notebook, or if it does not yield,
    the run ends.

    Attributes
    ----------
    cell_cpu_seconds, notebook_cpu_seconds : float
        CPU time for a cell and for all cells, in seconds.
    cell_wall_seconds, notebook_wall_seconds : float
        Time by the clock, in seconds.
    memory_mb : int
        Memory of all processes together, in MiB, beyond what Python and the libraries
        take before the first cell; files in memory not counted.
    processes : int
        Processes and threads at any moment, besides the shell itself.
    disk_mb : int
        Size of all files, in MiB.
    files : int
        Number of files and folders.
    output_mb : int
        All outputs of the notebook together, in MiB.
    """

    cell_cpu_seconds: float = 60.0
    notebook_cpu_seconds: float = 300.0
    cell_wall_seconds: float = 300.0
    notebook_wall_seconds: float = 1500.0
    memory_mb: int = 2048
    processes: int = 64
    disk_mb: int = 256
    files: int = 10_000
    output_mb: int = 8

    def __post_init__(self) -> None:
        """Refuse limits that are not positive.

        Raises
        ------
        ValueError
            If a limit is zero or less.
        """
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(
                    f"Limits: {name} must be positive, got {value}; leave it out for "
                    "the default"
                )


@dataclass(frozen=True)
class Job:
    """One notebook to run, with everything that its run may see.

    Attributes
    ----------
    notebook : NotebookNode or dict
        A notebook in format 4, rebuilt from the instructor's, full test cells in place.
        Every code cell runs, whatever its tags, also after a cell that raised.
    files : dict of str to bytes
        What the student's code sees in its working folder: contents by relative name.
    limits : Limits
        What the run may use.
    env : dict of str to str
        Environment variables for the code.
    tests : dict of int to bool
        For the index of each auto-graded test cell, whether it is protected, that is
        run by the checker.
    trusted : dict of str to bytes
        The files that the checker sees in its own working folder: the master's.
    student_modules : frozenset of str
        Shipped modules that live on the student's side.
    imports : str
        The import statements of the instructor's own cells, run first in the checker.
    names : frozenset of str
        The names that the instructor's other cells bind.
    libraries : frozenset of str
        What the run is likely to load, of `autograder.runner.LIBRARIES`:
        it saves time to have that loaded before.
    """

    notebook: Mapping[str, Any]
    files: Mapping[str, bytes]
    limits: Limits
    env: Mapping[str, str] = field(default_factory=dict)
    tests: Mapping[int, bool] = field(default_factory=dict)
    trusted: Mapping[str, bytes] = field(default_factory=dict)
    student_modules: frozenset[str] = frozenset()
    imports: str = ""
    names: frozenset[str] = frozenset()
    libraries: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse files that would lie outside the working folder.

        Raises
        ------
        ValueError
            If a name is absolute, empty or has a part ``..``.
        """
        for name in (*self.files, *self.trusted):
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(
                    f"Job: {name!r} is not a relative name within the working folder"
                )


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
        Largest memory seen of the student's processes together, in MiB.
    wall_only : bool
        Whether the verdict is `OUT_OF_TIME` by the clock alone, which a busy machine
        can cause.
    from_outside : bool
        Whether a process of the run was ended from outside, or may have been.
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
    from_outside: bool = False
    evidence: str = ""

    @property
    def is_doubtful(self) -> bool:
        """Whether the machine may have caused the verdict: worth another run, alone."""
        return self.wall_only or self.from_outside
