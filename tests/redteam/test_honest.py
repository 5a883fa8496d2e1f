"""Right answers have full marks, in whatever form a student gives them."""

import pytest

from redteam.fairness.cases import POINTS, Case
from redteam.fairness.classroom import grade_all
from redteam.fairness.control import run_plain
from redteam.fairness.known import KNOWN_REFUSALS
from redteam.fairness.parameters import levels, parameters
from redteam.honest import IDIOMS
from redteam.table import HONEST

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = [
    pytest.mark.slow,  # classes
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]

# These run in `make test` too, at the first level: every fifth.
QUICK = {idiom.name for idiom in IDIOMS[::5]}


class Refused(AssertionError):
    """A right answer has lost points."""


CONTROLS = parameters(IDIOMS, QUICK, row=HONEST, control=True)
CASES = parameters(IDIOMS, QUICK, row=HONEST, known=KNOWN_REFUSALS, failure=Refused)
BY_LEVEL = pytest.mark.parametrize("level", levels("honest"), indirect=True)


def test_honest_table_is_broad():
    """There are 80 honest idioms, each name once."""
    assert len({idiom.name for idiom in IDIOMS}) == len(IDIOMS) >= 80
    assert {idiom.name for idiom in IDIOMS} >= KNOWN_REFUSALS


@pytest.fixture(scope="module")
def plain(chosen, tmp_path_factory):
    """What each idiom earns in one process with the tests."""
    return run_plain(chosen, tmp_path_factory.mktemp("plain"))


@pytest.mark.xdist_group("honest-plain")
@pytest.mark.parametrize("idiom", CONTROLS)
def test_honest_idiom_is_right(plain, idiom):
    """In one process the answer passes, or loses a name to the test there."""
    points = plain[idiom.name]
    assert points, "the run was stopped"
    full = all(earned == POINTS for earned in points.values())
    assert full == (idiom.control == "passes"), points


@pytest.fixture(scope="module")
def graded(chosen, level):
    """What the students have, and those who answer as the instructor does."""
    students = {"reference": Case.right, "student": Case.submission}
    return grade_all(chosen, level, students)


@BY_LEVEL
@pytest.mark.parametrize("idiom", CONTROLS)
def test_honest_reference_has_full_marks(graded, idiom):
    """The exercise's usual answer has all points."""
    assert graded["reference"][idiom.name].full(), graded["reference"][idiom.name]


@BY_LEVEL
@pytest.mark.parametrize("idiom", CASES)
def test_honest_idiom_has_full_marks(graded, idiom):
    """The unusual answer has all points as well."""
    result = graded["student"][idiom.name]
    assert "armed" in result.printed, result  # the answer's cell ran to its end
    if not result.full():
        raise Refused(f"{idiom.name}: {result.statuses} {result.message}")
