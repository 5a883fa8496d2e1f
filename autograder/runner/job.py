"""What one run needs, as one value that can travel to another process or machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from autograder.runner.sandbox import Limits


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
        What the run is likely to load, of `autograder.runner.host.LIBRARIES`: it saves
        time to have that loaded before.
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
