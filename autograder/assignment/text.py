"""The text that an assignment is written in: percent format, with nbgrader's headers.

People edit, review and lint the text; the notebook is made from it alone. Cell ids
come from positions, so that the same text gives the same bytes. What would make an
assignment ungradable or unfair is refused here, before there is a notebook.
"""

import ast
import re
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder.assignment.markers import hidden_test_markers
from autograder.errors import BuildError

METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
GRADE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def read_text(text: Path) -> NotebookNode:
    """Read percent text into a notebook without a trace of its making."""
    notebook = jupytext.read(text, fmt="py:percent")
    # jupytext's pairing metadata in a handout could bring answers back: start anew.
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata.pop("lines_to_next_cell", None)
    return notebook


def assignment_notebook(text: Path) -> NotebookNode:
    """Make the notebook of an assignment from its text.

    Raises
    ------
    BuildError
        If the text is not sound; the message names the cell.
    """
    notebook = read_text(text)
    for number, cell in enumerate(notebook.cells):
        where = f"{text.name}, cell {number}"
        if "nbgrader" in cell.metadata:
            rate = cell.metadata.nbgrader.pop("false_alarms", None)
            cell.metadata.nbgrader = _nbgrader_metadata(cell, where)
            if rate is not None:
                cell.metadata["autograder"] = {"false_alarms": _rate(rate, cell, where)}
    _refuse_unsound(notebook, text.name)
    return notebook


def _nbgrader_metadata(cell: NotebookNode, where: str) -> dict[str, object]:
    """Fill nbgrader's schema 3 from the short header of one cell."""
    header = dict(cell.metadata.nbgrader)
    unknown = set(header) - {"grade_id", "solution", "points", "locked"}
    if unknown:
        raise BuildError(
            f"{where}: unknown key {sorted(unknown)[0]!r} in the nbgrader header; "
            "known are grade_id, solution, points, locked and false_alarms"
        )
    grade_id = header.get("grade_id", "")
    if not GRADE_ID.fullmatch(grade_id):
        raise BuildError(
            f"{where}: grade_id {grade_id!r} is not in kebab-case, like 'var-product'"
        )
    solution = bool(header.get("solution", False))
    points = header.get("points")
    filled: dict[str, object] = {
        "grade": points is not None,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        if isinstance(points, bool) or not isinstance(points, int | float):
            raise BuildError(f"{where}: points must be a number, got {points!r}")
        if points < 0:
            raise BuildError(f"{where}: points must not be negative, got {points}")
        filled["points"] = points
    return filled


def _rate(rate: object, cell: NotebookNode, where: str) -> float:
    """Check the false-alarm rate that the header of a test states."""
    if (
        not isinstance(rate, float)
        or not 0 < rate < 1
        or not cell.metadata.nbgrader.grade
    ):
        raise BuildError(
            f"{where}: false_alarms is for a test cell, and a number between 0 and 1, "
            f"such as 1e-7; got {rate!r}"
        )
    return rate


def _refuse_unsound(notebook: NotebookNode, name: str) -> None:
    """Raise BuildError for what would make an assignment ungradable or unfair."""
    position = _positions(notebook, name)
    for grade_id, number in position.items():
        cell = notebook.cells[number]
        meta = cell.metadata.nbgrader
        where = f"{name}, cell {number} ({grade_id})"
        if meta["solution"] and not meta["grade"]:
            test = f"{grade_id}-test"
            if position.get(test, -1) < number:
                raise BuildError(
                    f"{where}: no later cell {test!r} grades it; add one with points"
                )
        if meta["grade"] and not meta["solution"] and cell.cell_type == "code":
            _refuse_valued_end(cell.source, where)
    markers = hidden_test_markers()
    for number, cell in enumerate(notebook.cells):
        tested = cell.metadata.get("nbgrader", {}).get("grade", False)
        if not tested and markers.are_in(cell.source):
            raise BuildError(
                f"{name}, cell {number}: hidden tests outside of a test cell"
            )


def _positions(notebook: NotebookNode, name: str) -> dict[str, int]:
    """Number the cells that have a grade_id, by it; refuse one that two cells share."""
    position: dict[str, int] = {}
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" in cell.metadata:
            grade_id = cell.metadata.nbgrader["grade_id"]
            if grade_id in position:
                raise BuildError(
                    f"{name}: cells {position[grade_id]} and {number} share the "
                    f"grade_id {grade_id!r}; give each its own"
                )
            position[grade_id] = number
    return position


def _refuse_valued_end(source: str, where: str) -> None:
    """Refuse a test cell whose last expression has a value: it reads as points."""
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise BuildError(f"{where}: {error.msg} in line {error.lineno}") from error
    if body and isinstance(body[-1], ast.Expr):
        last = body[-1].value
        if not isinstance(last, ast.Call):
            raise BuildError(
                f"{where}: the test ends in an expression, whose value nbgrader would "
                "read as partial points; end in a statement or a call that returns None"
            )
