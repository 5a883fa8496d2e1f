"""Tests of the proof that an assignment measures what it says."""

import pytest

from autograder.build import build
from autograder.check import check
from autograder.course import find_course
from autograder.errors import BuildError
from autograder.variants import named_wrongs

HEADER = "# %% nbgrader={{{}}}\n"
SOLUTION = HEADER.format('"grade_id": "double", "solution": true')
TEST = HEADER.format('"grade_id": "double-test", "points": 2')
WRONG = '# %% wrong={"item": "double", "name": "NAME", "says": "SAYS"}\n'

STUB = """\
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

"""

SOUND = (
    SOLUTION
    + STUB
    + TEST
    + """\
class Incorrect(AssertionError):
    pass

if double(2) != 4:
    raise Incorrect("twice 2 is 4; did you square it?")
### BEGIN HIDDEN TESTS
if double(3) != 6:
    raise Incorrect("twice 3 is 6; did you square it?")
### END HIDDEN TESTS
"""
)

# Every way to fall short at once: a loose test that accepts a square, a seed on which
# the reference fails, a shipped module that has the answer, and a second item whose
# untouched stub earns points and whose test ends in a value.
UNSOUND = (
    "# %%\nimport os\n\n"
    + SOLUTION
    + STUB
    + TEST
    + """\
class Incorrect(AssertionError):
    pass

if double(2) != 4:
    raise Incorrect("no")
if os.environ["CHECKS_SEED"] == "1":
    raise Incorrect("an unlucky seed")

"""
    + HEADER.format('"grade_id": "free", "solution": true')
    + "### BEGIN SOLUTION\nanswer = 1\n### END SOLUTION\n\n"
    + HEADER.format('"grade_id": "free-test", "points": 1')
    + "max(1, 1)\n"
)


# A test that cannot run in another process than the answer's.
INSIDE = (
    SOLUTION
    + STUB
    + TEST
    + """\
import inspect

assert "2 * x" in inspect.getsource(double)
"""
)


def wrong(name, says, code):
    """Make a cell of a file of wrong solutions."""
    return WRONG.replace("NAME", name).replace("SAYS", says) + code + "\n"


SQUARED = "def double(x):\n    return x**2\n"
ADDED = "def double(x):\n    return x + 1\n"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A sound assignment, a thoroughly unsound one, and one that is unprotected."""
    root = tmp_path_factory.mktemp("course")
    (root / "source").mkdir()
    (root / "tests" / "wrong").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(
        "c = get_config()\nc.Autograder.shipped = ['helper.py']\n"
    )
    (root / "helper.py").write_text("def twice(x):\n    return 2 * x\n")
    (root / "source" / "sound.py").write_text(SOUND)
    (root / "source" / "unsound.py").write_text(UNSOUND)
    (root / "source" / "inside.py").write_text(INSIDE)
    (root / "tests" / "wrong" / "sound.py").write_text(
        '"""Mistakes."""\n\n' + wrong("squared", "square", SQUARED)
    )
    (root / "tests" / "wrong" / "unsound.py").write_text(
        wrong("squared", "no", SQUARED) + wrong("added", "one more", ADDED)
    )
    made = find_course(root)
    build(made)
    return made


@pytest.fixture(scope="module")
def checked(course):
    """What check says of each, by name."""
    return {result.assignment: result for result in check(course, seeds=2)}


def test_check_runs_every_kind(checked):
    """References on all seeds, the untouched, each mistake and each shipped module."""
    tried = {
        part: count and count.tried for part, count in checked["unsound"].counts.items()
    }
    assert tried == {
        "reference": 2,
        "untouched": 1,
        "shipped": 2,
        "accepted": None,
        "wrong": 2,
        "mutants": None,
        "independence": 4,
    }


def test_check_finds_nothing_but_the_shipped_answer(checked):
    """A sound assignment falls short only where a shipped module gives its answer."""
    assert checked["sound"].shortfalls == [
        "shipped helper.py: double = helper.twice earns 2 points"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "reference seed 1: double-test is incorrect: an unlucky seed",
        "wrong double squared: earns 2 points",
        "wrong double added: the message lacks 'one more': 'no'",
        "reference seed 0: free-test ends in a value, which reads as points",
    ],
)
def test_check_names_each_shortfall(checked, line):
    """Every way in which an assignment does not measure is a line of its own."""
    assert line in checked["unsound"].shortfalls


def test_check_finds_what_cannot_be_protected(checked):
    """A test that only works beside the answer is named, and is no shortfall."""
    found = {name: result.unprotected for name, result in checked.items()}
    assert found == {"sound": [], "unsound": [], "inside": ["double-test"]}
    assert not [x for x in checked["inside"].shortfalls if "reference" in x]


def test_check_sees_a_stub_that_earns_points(checked):
    """An item that the untouched handout solves is a shortfall."""
    lines = [x for x in checked["unsound"].shortfalls if x.startswith("untouched")]
    assert any("free-test is correct with 1 points" in line for line in lines)


def test_check_reads_the_named_wrongs(course):
    """Each cell of the file is one mistake; prose in it is none."""
    (only,) = named_wrongs(course, "sound")
    assert (only.item, only.name, only.says) == ("double", "squared", "square")
    assert only.code.strip() == SQUARED.strip()
    assert named_wrongs(course, "none") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# %%\nx = 1\n", "no header"),
        ('# %% wrong={"item": "double"}\nx = 1\n', "needs item, name and says"),
        (wrong("a", "b", SQUARED) + wrong("a", "b", ADDED), "is there twice"),
    ],
)
def test_check_refuses_a_careless_file(course, content, message):
    """A cell without its header, or a name used twice, is refused with its place."""
    (course.wrong / "careless.py").write_text(content)
    with pytest.raises(BuildError, match=message):
        named_wrongs(course, "careless")


def test_check_refuses_a_mistake_for_no_item(course):
    """A wrong solution for an item that is not there is refused, not passed over."""
    file = course.wrong / "sound.py"
    kept = file.read_text()
    file.write_text(kept + wrong("lost", "x", SQUARED).replace("double", "treble", 1))
    try:
        with pytest.raises(BuildError, match="no solution cell has that grade_id"):
            check(course, ["sound"], seeds=1)
    finally:
        file.write_text(kept)
