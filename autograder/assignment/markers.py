"""The markers around solutions and hidden tests: what of a cell they enclose.

As for nbgrader, a line that contains a marker is one, whatever else is in it, and a
region that is never closed goes on to the end of its cell.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from traitlets.config import Config


class Where(Enum):
    """Where a line of a cell stands."""

    OUTSIDE = "outside"
    BEGIN = "begin"  # it is the marker that opens a region
    INSIDE = "inside"
    END = "end"  # it is the marker that closes a region


MARKS = (Where.BEGIN, Where.END)


class Line(NamedTuple):
    """One line of a cell, and where it stands."""

    text: str
    where: Where


@dataclass(frozen=True)
class Markers:
    """What opens a region and what closes it."""

    begin: str
    end: str

    def lines(self, source: str) -> list[Line]:
        """Split a cell into its lines, each with where it stands."""
        found = []
        inside = False
        for text in source.split("\n"):
            if self.begin in text:
                inside, where = True, Where.BEGIN
            elif self.end in text:
                inside, where = False, Where.END
            else:
                where = Where.INSIDE if inside else Where.OUTSIDE
            found.append(Line(text, where))
        return found

    def are_in(self, source: str) -> bool:
        """Tell whether a cell has a marker."""
        return self.begin in source or self.end in source

    def split(self, source: str) -> tuple[str, str]:
        """Give what of a cell is outside its regions, and what is inside."""
        outside, inside = (
            "\n".join(text for text, where in self.lines(source) if where is wanted)
            for wanted in (Where.OUTSIDE, Where.INSIDE)
        )
        return outside, inside


def solution_markers(config: Config | None = None) -> Markers:
    """Give the markers around solutions; without a configuration, nbgrader's own."""
    step = ClearSolutions(config=config)
    return Markers(step.begin_solution_delimeter, step.end_solution_delimeter)


def hidden_test_markers(config: Config | None = None) -> Markers:
    """Give the markers around hidden tests; without a configuration, nbgrader's own."""
    step = ClearHiddenTests(config=config)
    return Markers(step.begin_test_delimeter, step.end_test_delimeter)


def telling_lines(hidden: Iterable[str], shown: Iterable[str], least: int) -> set[str]:
    """Give the lines of hidden texts that stand in none that is shown.

    Lines of fewer than `least` characters give nothing away.
    """
    openly = "\n".join(shown)
    lines = {line.strip() for text in hidden for line in text.split("\n")}
    return {line for line in lines if len(line) >= least and line not in openly}
