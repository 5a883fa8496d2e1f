"""Tests of the assignments as students meet them: short checks that talk."""

import ast
import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from autograder.assignment.markers import hidden_test_markers, solution_markers

ROOT = Path(__file__).parent.parent
MOST_LINES = 6
# Units whose checks have their table of mistakes beside the notebook.
UNITS = sorted(file.parent for file in ROOT.glob("source/*/mistakes.py"))
NAMES = [unit.name for unit in UNITS]


def cells(unit):
    """Give the code cells of a unit's text that nbgrader knows, by grade_id."""
    found = {}
    for cell in jupytext.read(unit.with_suffix(".py")).cells:
        if cell.cell_type == "code" and "nbgrader" in cell.metadata:
            found[cell.metadata["nbgrader"]["grade_id"]] = cell
    return found


def shown(cell):
    """Give the lines of a test that a student sees."""
    outside, _ = hidden_test_markers().split(cell.source)
    return [line for line in outside.split("\n") if line.strip()]


@pytest.mark.parametrize("unit", UNITS, ids=NAMES)
def test_handouts_show_six_lines_of_check(unit):
    """A student reads at most six lines of a check, and they say when they pass."""
    for grade_id, cell in cells(unit).items():
        if "points" in cell.metadata["nbgrader"]:
            lines = shown(cell)
            assert len(lines) <= MOST_LINES, f"{grade_id}: {len(lines)} lines"
            assert lines[0] == "import checks", grade_id
            assert any(line.startswith("with checks.visible(") for line in lines)
            assert "known" not in "\n".join(lines), grade_id


@pytest.mark.parametrize("unit", UNITS, ids=NAMES)
def test_handouts_ask_for_one_thing_in_a_prediction(unit):
    """A prediction's stub has one thing to replace, and the check knows its range."""
    found = cells(unit)
    rest, _ = solution_markers().split(found["prediction"].source)
    assert "None" not in rest
    assert re.search(
        r'predicted\(\w+, "\w+", -?\d+, -?\d+\)', found["prediction-test"].source
    )


@pytest.mark.parametrize("unit", UNITS, ids=NAMES)
def test_handouts_tell_what_belongs_beside_them(unit):
    """The first code cell names the files that are missing, and imports them all."""
    first, *_ = cells(unit).values()
    with pytest.raises(ModuleNotFoundError, match=r"mistakes\.py there, which came"):
        exec(first.source.replace("import mistakes", "import no_such_mistakes"), {})
    release = ROOT / "release" / unit.name
    assert {"checks.py", "dp.py", "lab.py", "mistakes.py"} <= {
        file.name for file in release.iterdir()
    }


@pytest.mark.parametrize("unit", UNITS, ids=NAMES)
def test_handouts_tables_hold_no_line_of_an_answer(unit):
    """No line of a solution that could be handed in is in the table of mistakes."""
    table = (unit / "mistakes.py").read_text(encoding="utf-8")
    notebook = nbformat.read(unit / f"{unit.name}.ipynb", as_version=4)
    for cell in notebook.cells:
        _, solution = solution_markers().split(cell.source)
        for line in solution.split("\n"):
            telling = line.strip().startswith("return ") and len(line.strip()) > 24
            assert not telling or line.strip() not in table, line
    assert ast.get_docstring(ast.parse(table))
