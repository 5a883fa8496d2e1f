"""The limits that a course's configuration sets, and the sandbox that it asks for."""

import difflib
from collections.abc import Collection, Iterable
from dataclasses import fields
from functools import cache
from typing import Any

from traitlets import Dict, Enum, Float, Integer, List, Unicode
from traitlets.config import Configurable

from autograder.errors import CourseError
from autograder.runner import LEVELS, Limits, Sandbox, choose_sandbox

_LIMITS = [field.name for field in fields(Limits)]


class SandboxLimits(Configurable):
    """What one notebook may use; set in ``nbgrader_config.py``.

    A limit that is not set is the runner's own default. For example::

        c.SandboxLimits.cell_cpu_seconds = 60
        c.SandboxLimits.assignments = {"05_initializers": {"notebook_cpu_seconds": 600}}
    """

    level = Enum(("auto", *LEVELS), "auto", help="The sandbox").tag(config=True)
    cell_cpu_seconds = Float(None, allow_none=True).tag(config=True)
    notebook_cpu_seconds = Float(None, allow_none=True).tag(config=True)
    cell_wall_seconds = Float(None, allow_none=True).tag(config=True)
    notebook_wall_seconds = Float(None, allow_none=True).tag(config=True)
    memory_mb = Integer(None, allow_none=True).tag(config=True)
    processes = Integer(None, allow_none=True).tag(config=True)
    disk_mb = Integer(None, allow_none=True).tag(config=True)
    files = Integer(None, allow_none=True).tag(config=True)
    output_mb = Integer(None, allow_none=True).tag(config=True)
    assignments = Dict(Dict(), help="Other limits, by assignment").tag(config=True)
    student_modules = List(
        Unicode(),
        help="Modules beside the notebooks whose objects tests hand to the students' "
        "functions: they live on the students' side of the sandbox",
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        """Take what the configuration says.

        Raises
        ------
        CourseError
            If it names a limit that there is not.
        """
        section = options.get("config", {}).get("SandboxLimits", {})
        settings = self.class_trait_names(config=True)
        _refuse_unknown("c.SandboxLimits", section, settings, "limit")
        super().__init__(**options)
        for assignment, own in self.assignments.items():
            setting = f"c.SandboxLimits.assignments[{assignment!r}]"
            _refuse_unknown(setting, own, _LIMITS, "limit")

    def limits(self, assignment: str) -> Limits:
        """Give the limits of one assignment.

        Raises
        ------
        CourseError
            If the configuration sets one to what it cannot be.
        """
        own = {name: getattr(self, name, None) for name in _LIMITS}
        values = {name: value for name, value in own.items() if value is not None}
        values |= self.assignments.get(assignment, {})
        try:
            return Limits(**values)
        except (TypeError, ValueError) as error:
            raise CourseError(f"SandboxLimits of {assignment}: {error}") from None


def _refuse_unknown(
    setting: str, names: Iterable[str], known: Collection[str], what: str
) -> None:
    """Refuse a name in the configuration that nothing has; it may be misspelt."""
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            there = f"there is: {', '.join(known) or 'none'}"
            hint = f"do you mean {close[0]}?" if close else there
            raise CourseError(f"{setting}: no such {what} {name}; {hint}")


@cache
def sandbox(level: str) -> Sandbox:
    """Choose the sandbox, once: the choice is a probe that starts processes."""
    return choose_sandbox(level)
