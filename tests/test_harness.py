"""Tests of the notebooks in which answers are tried alone."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.assignment.markers import Markers
from autograder.gate.answers import (
    Answer,
    defined_names,
    only_defines,
    raising,
    without_solution,
)
from autograder.gate.harness import Harness, items_with_tests


def cell(source, grade_id=None, **nbgrader):
    """Make a cell with nbgrader's metadata."""
    made = new_code_cell(source)
    if grade_id:
        defaults = {"grade": False, "solution": False, "locked": True, "task": False}
        made.metadata["nbgrader"] = {
            "grade_id": grade_id,
            "schema_version": 3,
            **defaults,
            **nbgrader,
        }
    return made


def solution(source, grade_id):
    return cell(source, grade_id, solution=True, locked=False)


def graded(source, grade_id):
    return cell(source, grade_id, grade=True, points=1)


NOTEBOOK = new_notebook(
    cells=[
        cell("import os", "setup"),
        cell("experiment()"),
        solution("f = 1", "first"),
        cell("wrapped = f", "given"),
        graded("assert wrapped", "first-test"),
        solution("def g(): ...", "second"),
        graded("assert g()", "right"),
        graded("assert not g()", "not-wrong"),
    ]
)


def sources(notebook):
    return [c.source for c in notebook.cells]


def test_harness_finds_the_tests_of_an_item():
    """`<id>-test`, or where there is none all tests up to the next answer."""
    assert items_with_tests(NOTEBOOK) == {
        "first": ["first-test"],
        "second": ["right", "not-wrong"],
    }


def test_harness_gives_each_answer_its_own_test():
    """The notebook's own cells, then each answer with given cells and tests after."""
    answers = [Answer("first", "f = 2"), Answer("second", "def g(): return 1")]
    found = sources(Harness(NOTEBOOK).shared(answers))
    assert found[:4] == ["import os", "f = 1", "wrapped = f", "def g(): ..."]
    assert "('f',)" in found[4]  # forgotten before the answer runs
    assert found[5:8] == ["f = 2", "wrapped = f", "assert wrapped"]
    assert found[9:] == ["def g(): return 1", "assert g()", "assert not g()"]


def test_harness_leaves_out_experiments_unless_they_are_needed():
    """Cells that are the student's to change cost time, and rarely matter."""
    assert "experiment()" not in sources(Harness(NOTEBOOK).with_answers({}))
    assert "experiment()" in sources(Harness(NOTEBOOK, all_cells=True).with_answers({}))


def test_harness_replaces_answers_in_the_whole_notebook():
    """Every test stays, and only the named answer changes."""
    found = sources(Harness(NOTEBOOK).with_answers({"first": "f = 3"}))
    assert "f = 3" in found
    assert len([s for s in found if s.startswith("assert")]) == 3


def test_harness_breaks_every_function_of_an_answer():
    """All that an answer defines raises when it is used."""
    names = {}
    exec(raising("class A:\n    def f(self): return 1\ndef g(x): return x"), names)
    for call in (lambda: names["A"]().f(), lambda: names["g"](1)):
        with pytest.raises(RuntimeError, match="broken on purpose"):
            call()
    assert raising("answer = 1") is None


def test_harness_reads_cells_with_magics():
    """What IPython adds to Python hides no name."""
    source = "%matplotlib inline\ndef f():\n    return 1"
    assert defined_names(source) == ["f"]
    assert "broken on purpose" in raising(source)


def test_harness_breaks_the_solution_alone():
    """Between the markers something raises; the handout's part stays."""
    source = "def f():\n    a = 1\n    ### BEGIN S\n    b\n    ### END S\n    return a"
    found = without_solution(source, Markers("BEGIN S", "END S"))
    assert found.splitlines()[1:] == [
        "    a = 1",
        '    raise RuntimeError("broken on purpose")',
        "    return a",
    ]
    assert without_solution("x = 1", Markers("BEGIN S", "END S")).startswith("raise")


@pytest.mark.parametrize(
    ("code", "harmless"),
    [
        ("def f(x):\n    return x", True),
        ("class A:\n    size = 3\n    def f(self): ...", True),
        ("def f(x):\n    return x\nprint(f(1))", False),
        ("np.sqrt = None", False),
        ("import math\ndef f(x): ...", False),
        ("@register\ndef f(x): ...", False),
        ("other = 3", False),  # another cell's name
        ("no python", False),
    ],
)
def test_harness_knows_what_only_defines(code, harmless):
    """What runs nothing and binds no name of others cannot be felt elsewhere."""
    assert only_defines(code, frozenset({"other"})) is harmless
