"""Tests of the small changes that are made of solutions."""

import ast

import pytest

from autograder.assignment.markers import solution_markers
from autograder.gate.mutants import mutants

MARKERS = solution_markers()

CELL = '''\
def shares(acts, thr, axis=None):
    """Say what is wanted: a docstring with 1 number."""
    if axis is None:
        raise ValueError("axis is missing")  # as in the handout
    ### BEGIN SOLUTION
    {}
    ### END SOLUTION
'''


def changes(solution, cell=CELL):
    """Return (kind, line after) of each mutant of a one-line solution."""
    source = cell.format(solution.replace("\n", "\n    "))
    return [
        (mutant.kind, mutant.after) for mutant in mutants("shares", source, MARKERS)
    ]


@pytest.mark.parametrize(
    ("solution", "kind", "after"),
    [
        ("return acts + thr", "operator", "return acts - thr"),
        ("return acts @ thr", "operator", "return acts * thr"),
        ("return acts**2 / thr", "operator", "return (acts*2) / thr"),
        ("return -acts", "operator", "return acts"),
        ("acts += thr\nreturn acts", "operator", "acts -= thr"),
        ("acts += thr\nreturn acts", "operator", "acts = thr"),
        ("return acts > thr", "comparison", "return acts >= thr"),
        ("return acts == thr", "comparison", "return acts != thr"),
        ("return acts and thr", "boolean", "return (acts or thr)"),
        ("return acts if acts > thr else 0", "condition negated", None),
        ("return acts[1]", "constant", "return acts[2]"),
        ("return 0.25 * acts", "constant", "return 0.5 * acts"),
        ("return acts(True)", "constant", "return acts(False)"),
        ("return acts == 'tanh'", "constant", 'return acts == "XXtanhXX"'),
        ("return acts.sum(None)", "constant", "return acts.sum(0)"),
        ("return acts / thr", "name", "return thr / thr"),
        ("return np.sqrt(acts)", "call dropped", "return acts"),
        ("return acts.mean()", "call dropped", "return acts"),
        ("return np.dot(acts, thr)", "arguments swapped", "return np.dot(thr, acts)"),
        ("return np.sum(acts, axis=1)", "keyword dropped", "return np.sum(acts)"),
        ("acts.sort()\nreturn acts", "statement dropped", "pass"),
        ("for a in acts:\n    print(a)", "statement dropped", "pass"),
        ("raise KeyError('no')", "name", "raise RuntimeError('no')"),
    ],
)
def test_mutants_change_each_kind(solution, kind, after):
    """Operators, constants, names, calls, arguments and statements are changed."""
    found = changes(solution)
    if after is None:
        assert kind in {made for made, _ in found}
    else:
        assert (kind, after) in found


@pytest.mark.parametrize(
    "solution",
    [
        '"""Add nothing."""',
        "raise RuntimeError(f'no {thr}')",
        "import math",
    ],
)
def test_mutants_leave_what_no_test_looks_at(solution):
    """Docstrings and the messages of errors give no mutants but a dropped error."""
    found = changes(solution)
    assert {kind for kind, _ in found} <= {"statement dropped", "name"}


def test_mutants_leave_prose_alone():
    """A string with a blank in it is for people; one without is a value."""
    found = changes("acts.append('a sentence for people')\nreturn acts")
    assert not [after for kind, after in found if kind == "constant"]


def test_mutants_leave_annotations_and_the_handout_alone():
    """Only lines of the solution are changed, and no annotation in them."""
    found = mutants("shares", CELL.format("total: int = 1\n    return total"), MARKERS)
    assert {mutant.before for mutant in found} == {"total: int = 1", "return total"}
    assert not [mutant for mutant in found if "int" not in mutant.code]


def test_mutants_do_not_swap_what_commutes():
    """The order of arguments is left where it cannot matter."""
    assert not [k for k, _ in changes("return max(acts, thr)") if k.endswith("swapped")]


def test_mutants_keep_the_only_assignment_of_a_name():
    """Without it nothing would run, which says nothing about the tests."""
    found = changes("total = thr\nreturn total")
    assert [after for kind, after in found if kind == "statement dropped"] == ["pass"]
    twice = changes("total = thr\ntotal = acts\nreturn total")
    assert len([1 for kind, _ in twice if kind == "statement dropped"]) == 3


def test_mutants_swap_only_names_that_are_bound_already():
    """A name that is bound further down would only be an error."""
    found = changes("first = acts\nsecond = thr\nreturn first + second")
    assert ("name", "first = second") not in found
    assert ("name", "return second + second") in found


def test_mutants_are_different_programs_that_compile():
    """None is the solution again, or another mutant, or no Python."""
    solution = "return [np.mean(a > thr) + 0 * 1 for a in acts if a is not None]"
    found = mutants("shares", CELL.format(solution), MARKERS)
    trees = [ast.dump(ast.parse(mutant.code)) for mutant in found]
    assert len(set(trees)) == len(trees) > 5
    assert ast.dump(ast.parse(CELL.format(solution))) not in trees


def test_mutants_come_in_the_same_order():
    """Two runs make the same mutants, in the order of the lines."""
    cell = CELL.format("acts = acts + 1\n    return acts[thr]")
    first = mutants("shares", cell, MARKERS)
    assert first == mutants("shares", cell, MARKERS)
    before = [mutant.before for mutant in first]
    assert before == sorted(before)  # "acts" comes before "return"


def test_mutants_have_a_key_that_does_not_hang_on_layout():
    """Lines are without indentation and comments, so that an explanation stays."""
    (mutant, *_) = mutants("shares", CELL.format("return acts  # of all"), MARKERS)
    assert (mutant.before, mutant.after) == ("return acts", "pass")


def test_mutants_use_the_whole_cell_without_markers():
    """Where nbgrader would replace the whole cell, all of it is the solution."""
    (mutant,) = mutants("answer", "answer = 42\n", MARKERS)
    assert mutant.after == "answer = 43"


def test_mutants_of_a_cell_with_magics_are_none():
    """A cell that is no plain Python gives none, and no error."""
    assert mutants("answer", "%matplotlib inline\nanswer = 42\n", MARKERS) == []
