"""Tests of the proof that an assignment measures what it says."""

import html
import json
import re

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import find_course
from autograder.errors import BuildError
from autograder.gate.false_alarms import upper_bound
from autograder.gate.variants import named_wrongs
from autograder.steps.build import build
from autograder.steps.check import check

pytestmark = pytest.mark.xdist_group("check")  # they share a checked course

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
# It states a rate of false alarms that is too large, too.
UNSOUND = (
    "# %%\nimport os\n\n"
    + SOLUTION
    + STUB
    + HEADER.format('"grade_id": "double-test", "points": 2, "false_alarms": 1e-3')
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


# One test uses the answer to another item, and one answer is a child of another.
TANGLED = (
    SOLUTION
    + STUB
    + TEST
    + "assert double(2) == 4\n\n"
    + HEADER.format('"grade_id": "quadruple", "solution": true')
    + STUB.replace("double", "quadruple").replace("2 * x", "4 * x")
    + HEADER.format('"grade_id": "quadruple-test", "points": 1')
    + "assert quadruple(1) == double(2)\n\n"
    + HEADER.format('"grade_id": "base", "solution": true')
    + """\
class Base:
    def size(self):
        ### BEGIN SOLUTION
        return 3
        ### END SOLUTION

"""
    + HEADER.format('"grade_id": "base-test", "points": 1')
    + """\
class Incorrect(AssertionError):
    pass

if Base().size() != 3:
    raise Incorrect("the size is 3")

"""
    + HEADER.format('"grade_id": "child", "solution": true')
    + """\
class Child(Base):
    def area(self):
        ### BEGIN SOLUTION
        return 9
        ### END SOLUTION

"""
    + HEADER.format('"grade_id": "child-test", "points": 1')
    + "assert Child().area() == 9\n"
)

# Mutants of these run for ever, or end the whole process.
RESTLESS = (
    HEADER.format('"grade_id": "setup", "locked": true')
    + "import os\n\n"
    + HEADER.format('"grade_id": "count", "solution": true')
    + """\
def count(n):
    ### BEGIN SOLUTION
    steps = 0
    while n > 0:
        n -= 1
        steps += 1
    return steps
    ### END SOLUTION

"""
    + HEADER.format('"grade_id": "count-test", "points": 1')
    + "assert count(3) == 3\n\n"
    + HEADER.format('"grade_id": "leave", "solution": true')
    + """\
### BEGIN SOLUTION
if 1 > 2:
    os._exit(3)
answer = 1
### END SOLUTION

"""
    + HEADER.format('"grade_id": "leave-test", "points": 1')
    + "assert answer == 1\n"
)

# A test that draws: the mistake is caught on some seeds, and missed on others.
DRAWING = (
    HEADER.format('"grade_id": "setup", "locked": true')
    + "import os\n\n"
    + SOLUTION
    + STUB
    + HEADER.format('"grade_id": "double-test", "points": 2, "false_alarms": 1e-8')
    + """\
class Incorrect(AssertionError):
    pass

x = int(os.environ["CHECKS_SEED"]) % 3
if double(x) != 2 * x:
    raise Incorrect("twice x is wanted; did you square it?")
"""
)

EXPLAINED = """\
[[equivalent]]
item = "double"
before = "return 2 * x"
after = ["return 3 * x", "return 7 * x"]
why = "A reason that does not hold."
"""


def wrong(name, says, code):
    """Make a cell of a file of wrong solutions."""
    return WRONG.replace("NAME", name).replace("SAYS", says) + code + "\n"


SQUARED = "def double(x):\n    return x**2\n"
CUBED = "def double(x):\n    return x**3 / 2\n"
ADDED = "def double(x):\n    return x + 1\n"


def accepted(name, code):
    """Make a cell of a file of accepted variants."""
    return f'# %% accepted={{"item": "double", "name": "{name}"}}\n{code}\n'


BY_ADDING = "def double(x):\n    return x + x\n"
BASE = """\
# %% wrong={"item": "base", "name": "needs-an-argument", "says": ""}
class Base:
    def __init__(self, size):
        self.size = lambda: size


# %% wrong={"item": "base", "name": "four", "says": "the size is 3"}
class Base:
    def size(self):
        return 4
"""

# Three mistakes; what the file wants to hear of the first is said of all of them.
VAGUE = (
    wrong("added", "did you square it", ADDED)
    + wrong("squared", "twice 3", SQUARED)
    + wrong("as-it-is", "twice 2", "def double(x):\n    return x\n")
)
FILES = {
    "nbgrader_config.py": "c = get_config()\nc.Autograder.shipped = ['helper.py']\n",
    "helper.py": "def twice(x):\n    return 2 * x\n",
    "source/sound.py": SOUND,
    "source/unsound.py": UNSOUND,
    "source/inside.py": INSIDE,
    "source/tangled.py": TANGLED,
    "source/restless.py": RESTLESS,
    "source/drawing.py": DRAWING,
    "source/vague.py": SOUND,
    "source/alike.py": SOUND,
    "tests/wrong/vague.py": VAGUE,
    "tests/wrong/sound.py": '"""Mistakes."""\n\n' + wrong("squared", "square", SQUARED),
    "tests/wrong/unsound.py": wrong("squared", "no", SQUARED)
    + wrong("added", "one more", ADDED),
    "tests/wrong/tangled.py": BASE,
    "tests/wrong/drawing.py": wrong("squared", "square", SQUARED),
    "tests/accepted/sound.py": accepted("by-adding", BY_ADDING),
    "tests/accepted/unsound.py": accepted("by-adding", BY_ADDING)
    + accepted("refused", "def double(x):\n    return [x, x]\n"),
    "tests/equivalent/sound.toml": "",
    "tests/equivalent/unsound.toml": EXPLAINED,
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A sound assignment, and others that fall short in every way."""
    root = tmp_path_factory.mktemp("course")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    made = find_course(root)
    build(made)
    return made


@pytest.fixture(scope="module")
def checked(course):
    """What check says of each, by name."""
    names = ["sound", "unsound", "inside", "tangled"]
    return {result.assignment: result for result in check(course, names, seeds=2)}


def test_check_runs_every_kind(checked):
    """References on all seeds, the untouched, each mistake and each shipped module."""
    tried = {
        part: count and count.tried for part, count in checked["unsound"].counts.items()
    }
    assert tried == {
        "reference": 2,
        "untouched": 1,
        "shipped": 2,
        "accepted": 2,
        "wrong": 2,
        "visible": 2,
        "mutants": 4,
        "independence": 4,
    }


def test_check_tells_absent_from_failed(checked):
    """A part for which the course has no file is absent, and no shortfall."""
    absent = [part for part, n in checked["inside"].counts.items() if n is None]
    assert absent == ["accepted", "wrong", "visible", "mutants", "independence"]


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
        "accepted double refused: double-test is incorrect: no",
        "double: its test states a false-alarm rate of 0.001; 1e-06 is the most",
        "mutants free: survived: answer = 1 -> answer = 2",
        "mutants double: explained, but this mutant is killed: "
        "return 2 * x -> return 3 * x",
        "mutants double: explained, but this mutant is not made: "
        "return 2 * x -> return 7 * x",
        "mutants: the score is 0.750; 0.95 is the least",
    ],
)
def test_check_names_each_shortfall(checked, line):
    """Every way in which an assignment does not measure is a line of its own."""
    assert line in checked["unsound"].shortfalls


def test_check_counts_what_is_as_it_must_be(checked):
    """Of a sound assignment all mutants are killed and all variants accepted."""
    sound = checked["sound"]
    assert {k: str(n) for k, n in sound.counts.items() if n} == {
        "reference": "2/2",
        "untouched": "1/1",
        "shipped": "0/1",
        "accepted": "1/1",
        "wrong": "1/1",
        "visible": "0/1",
        "mutants": "3/3",
    }
    assert sound.score == 1
    seen = [(mutant.state, mutant.by) for mutant in sound.mutants]
    assert seen == [("killed", {"double-test": "incorrect"})] * 3


def test_check_tries_mistakes_on_what_students_see(checked, course):
    """A mistake that only the hidden part of a test notices is not seen in time."""
    sound = checked["sound"]
    assert sound.unseen == ["double squared"]
    assert [wrong.visible for wrong in sound.wrongs] == [""]
    unsound = checked["unsound"]
    assert unsound.unseen == ["double squared"]
    assert [wrong.visible for wrong in unsound.wrongs] == ["", "no"]


def test_check_refuses_too_few_mistakes_before_handing_in(course):
    """A course says which share of its mistakes must be seen; none, by default."""
    strict = find_course(course.root)
    strict.config.Autograder.least_visible = 0.8
    (found,) = check(strict, ["sound"], seeds=1, parts=["visible"])
    assert found.shortfalls == [
        "visible: 0/1 of the named mistakes are noticed before handing in; 0.8 of them"
        " is the least; not double squared"
    ]


def test_check_refuses_two_mistakes_that_one_message_fits(course):
    """Messages that would do for both of two mistakes name neither of them."""
    mistakes = wrong("squared", "twice 3", SQUARED) + wrong("cubed", "is 6", CUBED)
    (course.root / "tests/wrong/alike.py").write_text(mistakes)
    (found,) = check(course, ["alike"], seeds=1, parts=["wrong"])
    assert found.shortfalls == [
        "wrong double squared and cubed cannot be told apart: the message to each"
        " contains 'twice 3' and 'is 6'"
    ]
    same = mistakes.replace("is 6", "twice 3")
    (course.root / "tests/wrong/alike.py").write_text(same)
    (found,) = check(course, ["alike"], seeds=1, parts=["wrong"])
    assert found.shortfalls == []


def test_check_finds_an_item_that_depends_on_another(checked):
    """Breaking one answer must not lose another item; which pair it is is said."""
    tangled = checked["tangled"]
    lost = [line for line in tangled.shortfalls if line.startswith("independence")]
    assert lost == [
        "independence double as handed out: quadruple-test is lost too: not attempted",
        "independence double raises: quadruple-test is lost too: error",
    ]
    assert str(tangled.counts["independence"]) == "22/24"
    assert all(f"{row.item}-test" in row.lost for row in tangled.independence)


def test_check_runs_all_tests_where_another_item_could_feel_a_mistake(checked):
    """A mistake in a class that others inherit from is tried with their tests."""
    tangled = checked["tangled"]
    assert [(w.name, w.others) for w in tangled.wrongs] == [
        ("needs-an-argument", "all tests"),
        ("four", "all tests"),
    ]
    lost = [line for line in tangled.shortfalls if line.startswith("wrong")]
    assert lost == ["wrong base needs-an-argument: child-test is lost too: error"]
    assert [w.others for w in checked["unsound"].wrongs] == ["sealed", "sealed"]


def test_check_refuses_words_that_every_message_has(course):
    """What a message must say is to tell a mistake from the others of its item."""
    (found,) = check(course, ["vague"], seeds=1, parts=["wrong"])
    assert found.shortfalls == [
        "wrong double added: every message of this item contains 'did you square it', "
        "so it names no mistake",
        "wrong double added and as-it-is cannot be told apart: the message to each "
        "contains 'did you square it' and 'twice 2'",
    ]
    assert str(found.counts["wrong"]) == "3/3"


@pytest.mark.slow
def test_check_measures_false_alarms_and_power(course, checked):
    """Both are counted over seeds; a mistake that one seed misses is a shortfall."""
    (test,) = checked["unsound"].statistics
    assert (test.test, test.stated, test.alarms, test.seeds) == (
        "double-test",
        1e-3,
        1,
        2,
    )
    (drawing,) = check(course, ["drawing"], seeds=12, parts=["reference", "wrong"])
    (test,) = drawing.statistics
    assert (test.alarms, test.seeds) == (0, 12)
    assert test.bound == pytest.approx(1 - 0.05 ** (1 / 12))
    assert (test.mistakes, test.caught, test.runs) == (1, 1, 3)  # seeds 0, 1, 2
    assert drawing.shortfalls == [
        "wrong double squared: earns 2 points",
        "wrong double squared, seed 2: earns 2 points",
    ]


@pytest.mark.parametrize(
    ("alarms", "seeds", "bound"),
    [(0, 20, 0.1391), (1, 20, 0.2161), (3, 10, 0.6066), (5, 5, 1.0)],
)
def test_check_bounds_a_rate_from_above(alarms, seeds, bound):
    """The one-sided 95 % bound is exact: what the binomial distribution gives."""
    assert upper_bound(alarms, seeds) == pytest.approx(bound, abs=1e-4)


@pytest.mark.slow
def test_check_kills_mutants_that_never_end_or_end_everything(course, monkeypatch):
    """A loop, or the end of the process, is a kill, and spoils no other answer."""
    monkeypatch.setattr("autograder.gate.runs.QUICK_SECONDS", 0.5)
    (found,) = check(course, ["restless"], seeds=1, parts=["mutants"])
    seen = {(m.before, m.after): (m.state, *m.by.values()) for m in found.mutants}
    assert seen["n -= 1", "n += 1"] == ("killed", "error")
    assert seen["if 1 > 2:", "if not (1 > 2):"] == ("killed", "crashed")
    assert seen["answer = 1", "answer = 2"] == ("killed", "incorrect")
    assert seen["if 1 > 2:", "if 1 > 3:"] == ("survived",)


def test_check_page_shows_all_that_was_found(course, checked):
    """One page an assignment, with nothing from outside, kept with the reports."""
    page = (course.reports / "gate" / "unsound.html").read_text("utf-8")
    assert checked["unsound"].page == str(course.reports / "gate" / "unsound.html")
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    for said in (
        "Not sound: ",
        "helper.py: double = helper.twice earns 2 points",
        "one more",
        "1 of 2",
        "survived",
        "as handed out",
        "becomes",
    ):
        assert said in text
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"<(script|link|img|iframe)|src=|https?://", page)
    assert page.count("<th scope=") > 20
    (digest,) = checked["unsound"].notebooks.values()
    assert f"on 2 seeds: unsound {digest[:12]} ." in text


@pytest.mark.slow
def test_check_tries_what_is_asked_for(course):
    """Parts and items can be named; mutants then need no file, and no page is made."""
    (found,) = check(course, ["tangled"], seeds=1, parts=["mutants"], items=["base"])
    assert list(found.counts) == ["mutants"]
    assert {mutant.item for mutant in found.mutants} == {"base"}
    assert not found.page
    with pytest.raises(BuildError, match="no part is called 'mutant'"):
        check(course, ["tangled"], parts=["mutant"])
    with pytest.raises(BuildError, match="no item is called 'treble'; there is: base"):
        check(course, ["tangled"], items=["treble"])


@pytest.mark.slow
def test_check_command_ends_with_1_on_a_shortfall(course):
    """The table says what holds, and the exit code whether all does."""
    run = CliRunner().invoke
    where = ["--course", str(course.root), "--only", "untouched"]
    good = run(app, ["check", "sound", *where, "--json"])
    assert good.exit_code == 0
    assert json.loads(good.stdout)["sound"] is True
    bad = run(app, ["check", "sound", "unsound", *where])
    assert bad.exit_code == 1
    rows = [line.split() for line in bad.stdout.splitlines()[:3]]
    assert rows[0][:2] == ["assignment", "untouched"]
    assert [row[:2] for row in rows[1:]] == [["sound", "1/1"], ["unsound", "0/1"]]
    assert "free-test is correct with 1 points" in bad.stderr


def test_check_finds_what_cannot_be_protected(checked):
    """A test that only works beside the answer is named, and is no shortfall."""
    found = {name: result.unprotected for name, result in checked.items()}
    assert found == {
        "sound": [],
        "unsound": [],
        "inside": ["double-test"],
        "tangled": [],
    }
    assert not [line for line in checked["inside"].shortfalls if "apart" in line]


@pytest.mark.slow
def test_check_can_insist_on_protection(course):
    """A course may want every test to run where no submission can reach it."""
    what = {"seeds": 1, "parts": ["untouched"], "protected": True}
    inside, sound = check(course, ["inside", "sound"], **what)
    assert "double-test: it cannot run apart from the answers" in inside.shortfalls
    assert not sound.shortfalls


def test_check_allows_partial_credit_that_is_meant(course):
    """A last value that reads as points is no shortfall where the cell says so."""
    file = course.source / "unsound" / "unsound.ipynb"
    kept = file.read_text()
    notebook = json.loads(kept)
    (free,) = (
        cell["metadata"]
        for cell in notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "free-test"
    )
    free["autograder"] = {"partial_credit": True}
    file.write_text(json.dumps(notebook))
    try:
        (found,) = check(course, ["unsound"], seeds=1, parts=["reference"])
    finally:
        file.write_text(kept)
    assert not [line for line in found.shortfalls if "reads as points" in line]


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
        ('# %% wrong="a"\nx = 1\n', "needs item, name and says"),
        ("# %%\nx = = 1\n", "careless.py, cell 0: no header"),
        (wrong("a", "b", SQUARED) + wrong("a", "b", ADDED), "is there twice"),
    ],
)
def test_check_refuses_a_careless_file(course, content, message):
    """A cell without its header, or a name used twice, is refused with its place."""
    file = course.wrong / "careless.py"
    file.write_text(content)
    try:
        with pytest.raises(BuildError, match=message):
            named_wrongs(course, "careless")
    finally:
        file.unlink()


def test_check_refuses_a_notebook_older_than_its_text(course):
    """What is judged is what the text says now, or nothing is."""
    text = course.source / "sound.py"
    kept = text.read_text()
    text.write_text(kept + "\n# %%\n# another cell\n")
    try:
        where = ["--course", str(course.root), "--only", "untouched"]
        ended = CliRunner().invoke(app, ["check", "sound", *where])
    finally:
        text.write_text(kept)
    assert ended.exit_code == 1
    assert "run `autograder build sound` first" in " ".join(ended.stderr.split())


def test_check_refuses_a_file_for_no_assignment(course):
    """Mistakes that no check reads are named, when all is checked."""
    stray = course.wrong / "sond.py"
    stray.write_text(wrong("squared", "square", SQUARED))
    try:
        with pytest.raises(BuildError, match=r"wrong/sond.py is for no assignment"):
            check(course, seeds=1)
    finally:
        stray.unlink()


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
