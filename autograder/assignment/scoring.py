"""From the outputs of test cells to points, statuses and messages.

nbgrader's rule turns outputs into points; this module gives it clean outputs and adds
what it does not say: how each item ended, and the authored message, if there is one.
"""

import math
import re
from dataclasses import dataclass, replace

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import compute_checksum, determine_grade, is_solution

from autograder.assignment.cells import grade_id, is_test
from autograder.runner import AUTHORED
from autograder.verdicts import Status

# Error names that tell a student's missing answer, or a failed check, from a crash.
NOT_ATTEMPTED = frozenset({"NotAttempted", "NotImplementedError"})
FAILED_CHECK = frozenset({"Incorrect", "AssertionError"})

_FAILED = (Status.INCORRECT, Status.ERROR)


@dataclass(frozen=True)
class Item:
    """How one auto-graded test cell ended.

    Attributes
    ----------
    grade_id : str
        The test cell's id.
    status : Status
        One of the documented set.
    points, max_points : float
        Points earned, and points there are.
    message : str
        What the test's author says to the student; empty if nothing authored came.
    """

    grade_id: str
    status: Status
    points: float
    max_points: float
    message: str = ""


def clean_outputs(notebook: NotebookNode) -> None:
    """Leave, in place, only such outputs of test cells as may decide about points.

    nbgrader's rule then gives the same points whoever applies it:

    - a warning on stderr is no mistake (stock nbgrader takes all points for one);
    - after an error nothing is a result (stock stops at the first result it meets, so
      that a value displayed before the failing check earned full marks);
    - only the last result counts, and only if it is a number: partial credit, cut to
      [0, maximum]. NaN and the infinities, which no test means to give, earn zero
      (stock gives full marks for NaN and negative numbers, and breaks on large ones).
    """
    for cell in notebook.cells:
        if is_test(cell):
            cell.outputs = _clean(cell.outputs, float(cell.metadata.nbgrader["points"]))


def _clean(outputs: list[NotebookNode], maximum: float) -> list[NotebookNode]:
    failed = any(output.output_type == "error" for output in outputs)
    results = [output for output in outputs if output.output_type == "execute_result"]
    cleaned = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            continue
        if output.output_type == "execute_result":
            credit = _number(output)
            if failed or output is not results[-1] or credit is None:
                continue
            credit = min(max(credit, 0.0), maximum) if math.isfinite(credit) else 0.0
            output.data["text/plain"] = str(credit)
        cleaned.append(output)
    return cleaned


def _number(result: NotebookNode) -> float | None:
    """Read a result as a number; NumPy 2 writes its own with their type around."""
    text = result.get("data", {}).get("text/plain", "")
    text = "".join(text) if isinstance(text, list) else str(text)
    try:
        return float(re.sub(r"^np\.float\d+\((.*)\)$", r"\1", text.strip()))
    except ValueError:
        return None


def settle(notebook: NotebookNode, ran: list[bool], message: str) -> list[Item]:
    """Make the outputs of a run ready for nbgrader's rule, in place, and score them.

    Parameters
    ----------
    notebook : NotebookNode
        With its outputs; changed in place.
    ran : list of bool
        For each cell, whether it was executed to its end or to its error.
    message : str
        How the run ended, for the tests that did not run.

    Returns
    -------
    list of Item
        One for each test cell, in the order of the notebook.
    """
    reason = message or "the run ended before it"
    for cell, done in zip(notebook.cells, ran, strict=True):
        if is_test(cell) and not done:
            error = nbformat.v4.new_output(
                "error",
                ename="NotRun",
                evalue=reason,
                traceback=[f"This test did not run: {reason}"],
            )
            cell.outputs = [error]
    clean_outputs(notebook)
    untouched = _untouched(notebook)
    return [
        replace(item, status=Status.NOT_ATTEMPTED)
        if item.grade_id in untouched and item.status in _FAILED
        else item
        for item in score(notebook, ran)
    ]


def _untouched(notebook: NotebookNode) -> set[str]:
    """Name the tests of answers that are as the handout had them.

    The answers of a test are those between it and the test before it. nbgrader's own
    stub raises where it stands, so that the test can only say that a name is missing.
    """
    names = set()
    answers: list[bool] = []
    for cell in notebook.cells:
        if is_test(cell):
            if answers and all(answers):
                names.add(grade_id(cell))
            answers = []
        elif cell.cell_type == "code" and is_solution(cell):
            answers.append(
                cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
            )
    return names


def score(notebook: NotebookNode, ran: list[bool]) -> list[Item]:
    """Score every auto-graded test cell of an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode
        Executed, its test cells' outputs cleaned by `clean_outputs`.
    ran : list of bool
        For each cell, whether it was executed to its end or to its error.

    Returns
    -------
    list of Item
        In the order of the notebook.
    """
    return [
        _score_cell(cell, done)
        for cell, done in zip(notebook.cells, ran, strict=True)
        if is_test(cell)
    ]


def _score_cell(cell: NotebookNode, ran: bool) -> Item:
    name = grade_id(cell)
    if not ran:
        maximum = float(cell.metadata.nbgrader["points"])
        return Item(name, Status.NOT_RUN, 0.0, maximum)
    points, maximum = determine_grade(cell)
    for output in cell.outputs:
        if output.output_type == "error":
            message = output.evalue if output.ename in AUTHORED else ""
            return Item(name, _status(output.ename), 0.0, maximum, message)
    status = Status.CORRECT if points == maximum else Status.INCORRECT
    return Item(name, status, points, maximum)


def _status(ename: str) -> Status:
    if ename in NOT_ATTEMPTED:
        return Status.NOT_ATTEMPTED
    if ename in FAILED_CHECK:
        return Status.INCORRECT
    return Status.ERROR
