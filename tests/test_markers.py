"""Tests of the markers around solutions and hidden tests."""

import pytest
from traitlets.config import Config

from autograder.assignment.markers import (
    Markers,
    Where,
    hidden_test_markers,
    solution_markers,
    telling_lines,
)

MARKERS = Markers("BEGIN", "END")


def test_markers_say_where_each_line_stands():
    """A line that contains a marker is one; what follows is in or out of the region."""
    lines = MARKERS.lines("a\n  ## BEGIN x\nb\n## END\nc")
    assert [where.value for _, where in lines] == [
        *("outside", "begin", "inside", "end", "outside")
    ]
    assert "\n".join(text for text, _ in lines) == "a\n  ## BEGIN x\nb\n## END\nc"


def test_markers_open_region_goes_on_to_the_end():
    """What follows a marker that nothing closes is hidden, to the end of the cell."""
    assert MARKERS.split("a\n# BEGIN\nb\nc") == ("a", "b\nc")


def test_markers_are_found_in_a_cell():
    """Either marker alone is one."""
    assert MARKERS.are_in("# BEGIN")
    assert MARKERS.are_in("x  # END")
    assert not MARKERS.are_in("begin\nend")


@pytest.mark.parametrize(
    ("find", "section", "begin"),
    [
        (solution_markers, "ClearSolutions", "begin_solution_delimeter"),
        (hidden_test_markers, "ClearHiddenTests", "begin_test_delimeter"),
    ],
)
def test_markers_are_those_of_the_configuration(find, section, begin):
    """A course may have markers of its own; nbgrader's are the default."""
    config = Config()
    config[section][begin] = "ANSWER"
    assert find(config).begin == "ANSWER"
    assert find(config).end == find().end
    source = f"{find().begin}\nx\n{find().end}"
    assert [where for _, where in find().lines(source)] == [
        *(Where.BEGIN, Where.INSIDE, Where.END)
    ]


def test_markers_short_lines_and_those_shown_tell_nothing():
    """What a student may read anyway, or could guess, gives nothing away."""
    hidden = ["  assert f(3) == 9\nx = 1", "total = sum(parts)"]
    shown = ["# as in total = sum(parts)"]
    assert telling_lines(hidden, shown, least=10) == {"assert f(3) == 9"}
