"""Tests of the way from outputs to points, statuses and messages."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder.assignment.scoring import clean_outputs, score
from autograder.verdicts import Status


def executed(*outputs, points=3, ran=True):
    """Score a notebook of one test cell that gave these outputs."""
    cell = new_code_cell("pass", outputs=list(outputs))
    cell.metadata["nbgrader"] = {
        "grade": True,
        "grade_id": "double-test",
        "locked": True,
        "points": points,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    notebook = new_notebook(cells=[new_code_cell("x = 1"), cell])
    clean_outputs(notebook)
    (item,) = score(notebook, [True, ran])
    return item


def error(ename, evalue="text"):
    """Make the output of an exception."""
    return new_output("error", ename=ename, evalue=evalue, traceback=[])


def result(text):
    """Make the output of a last expression."""
    return new_output("execute_result", data={"text/plain": text})


def test_scoring_silent_cell_is_correct():
    """A test cell that says nothing earns all its points."""
    item = executed()
    assert (item.status, item.points, item.max_points) == (Status.CORRECT, 3, 3)


def test_scoring_warning_costs_nothing():
    """Text on stderr, which costs all the points in nbgrader, is no mistake."""
    assert executed(new_output("stream", name="stderr", text="overflow")).points == 3


@pytest.mark.parametrize(
    ("ename", "status", "message"),
    [
        ("Incorrect", Status.INCORRECT, "text"),
        ("AssertionError", Status.INCORRECT, ""),
        ("NotAttempted", Status.NOT_ATTEMPTED, "text"),
        ("NotImplementedError", Status.NOT_ATTEMPTED, ""),
        ("ZeroDivisionError", Status.ERROR, ""),
    ],
)
def test_scoring_tells_errors_apart(ename, status, message):
    """Each kind of error has its status; only an author's text becomes a message."""
    item = executed(error(ename))
    assert (item.status, item.points, item.message) == (status, 0, message)


def test_scoring_output_before_an_error_earns_nothing():
    """A value displayed before the test fails is not read as points."""
    assert executed(result("3"), error("AssertionError")).points == 0


@pytest.mark.parametrize(
    ("text", "points"),
    [
        *[("1.5", 1.5), ("3", 3), ("0", 0), ("np.float64(1.5)", 1.5)],
        *[("nan", 0), ("inf", 0), ("-inf", 0), ("-1", 0), ("9", 3)],
        *[("'1.5 of 3'", 3), ("None", 3), ("[1, 2]", 3), ("", 3)],
    ],
)
def test_scoring_partial_credit_is_a_number_within_bounds(text, points):
    """A last number is partial credit, cut to [0, maximum]; other values are none."""
    assert executed(result(text)).points == points


def test_scoring_unfinished_cell_is_not_run():
    """A cell that the run never reached, or left unfinished, earns nothing."""
    item = executed(ran=False)
    assert (item.status, item.points, item.max_points) == (Status.NOT_RUN, 0, 3)
