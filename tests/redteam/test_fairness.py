"""No answer that is not right earns points by what a test takes for its own."""

import pytest

from redteam.fairness import ATTACKS, KINDS
from redteam.fairness.cases import Case
from redteam.fairness.classroom import grade_all
from redteam.fairness.control import run_plain
from redteam.fairness.known import KNOWN_HOLES
from redteam.fairness.parameters import levels, parameters

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = [
    pytest.mark.slow,  # classes
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]

# These run in `make test` too, at the first level: one of each kind.
QUICK = {attack.kind: attack.name for attack in reversed(ATTACKS)}.values()


class Paid(AssertionError):
    """An answer that is not right has points."""


CONTROLS = parameters(ATTACKS, QUICK, control=True)
CASES = parameters(ATTACKS, QUICK, known=KNOWN_HOLES, failure=Paid)
BY_LEVEL = pytest.mark.parametrize("level", levels("fairness"), indirect=True)


def test_fairness_suite_is_broad():
    """There are 150 attacks in 15 kinds, at most ten of a kind, each name once."""
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 150
    assert len(KINDS) >= 15
    assert max(KINDS.values()) <= 10
    assert {attack.name for attack in ATTACKS} >= KNOWN_HOLES


@pytest.fixture(scope="module")
def plain(chosen, tmp_path_factory):
    """What each attack earns in one process with the tests."""
    return run_plain(chosen, tmp_path_factory.mktemp("plain"))


@pytest.mark.xdist_group("fairness-plain")
@pytest.mark.parametrize("attack", CONTROLS)
def test_fairness_attack_would_pay(plain, attack):
    """In one process the attack pays, or the test sees there what was done."""
    points = plain[attack.name]
    assert points, "the run was stopped"
    earned = sum(points[item] for item in attack.attacked())
    assert (earned > 0) == (attack.control == "pays"), points


@pytest.fixture(scope="module")
def graded(chosen, level):
    """What the attackers have, and those who answer as the instructor does."""
    return grade_all(chosen, level, {"right": Case.right, "attacker": Case.submission})


@BY_LEVEL
@pytest.mark.parametrize("attack", CONTROLS)
def test_fairness_right_answer_has_full_marks(graded, attack):
    """The attacked item is protected, and a right answer has all of its points."""
    right = graded["right"][attack.name]
    assert right.full(), right
    assert attack.named or all(map(right.protected.get, attack.attacked())), right


@BY_LEVEL
@pytest.mark.parametrize("attack", CASES)
def test_fairness_attack_earns_nothing(graded, attack):
    """No attacked item has points, unless the grader may and does name it."""
    result = graded["attacker"][attack.name]
    assert "armed" in result.printed, result  # the answer's cell ran to its end
    assert result.paid(attack.rightly) == list(attack.rightly), result
    paid = result.paid(attack.attacked())
    if attack.named:
        paid = [item for item in paid if not result.named(item)]
    if paid:
        raise Paid(f"{attack.kind}: {paid} of {attack.name}")
