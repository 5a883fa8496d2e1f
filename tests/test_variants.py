"""Tests of the small files beside an assignment."""

import pytest

from autograder.course import find_course
from autograder.errors import BuildError
from autograder.gate.results import MutantResult
from autograder.gate.variants import (
    accepted_variants,
    as_toml,
    named_wrongs,
    read_equivalents,
)
from autograder.steps.build import build

SOLUTION = """\
def mean(values):
    total = 0
    for value in values:
        total += value

    total = total / len(values)
    return total"""
SOURCE = f"""\
# %% nbgrader={{"grade_id": "mean", "solution": true}}
### BEGIN SOLUTION
{SOLUTION}
### END SOLUTION

# %% nbgrader={{"grade_id": "mean-test", "points": 1}}
assert mean([1, 3]) == 2
"""
HEADER = '# %% wrong={"item": "mean", "name": "slip", "says": "", "replace": true}\n'


@pytest.fixture
def course(tmp_path):
    """A course with nothing but its configuration."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    for name in ("accepted", "equivalent", "wrong"):
        (tmp_path / "tests" / name).mkdir(parents=True)
    return find_course(tmp_path)


@pytest.fixture
def built(course):
    """The course with one assignment, `a`, that has a solution."""
    course.source.mkdir()
    (course.source / "a.py").write_text(SOURCE)
    build(course)
    return course


def test_variants_absent_files_are_none(course):
    """No file is told apart from a file with nothing in it."""
    assert accepted_variants(course, "a") is None
    assert read_equivalents(course, "a") is None
    (course.equivalent / "a.toml").write_text("# nothing to explain\n")
    (course.accepted / "a.py").write_text('"""None yet."""\n')
    assert (accepted_variants(course, "a"), read_equivalents(course, "a")) == ([], [])


def test_variants_accepted_have_item_name_and_code(course):
    """Each cell is one right program."""
    (course.accepted / "a.py").write_text(
        '# %% accepted={"item": "double", "name": "by-adding"}\n'
        "def double(x):\n    return x + x\n"
    )
    (only,) = accepted_variants(course, "a")
    assert (only.item, only.name) == ("double", "by-adding")
    assert only.code == "def double(x):\n    return x + x"


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        pytest.param(
            "# -         total += value\n# +         total = value",
            "total += value",
            "total = value",
            id="one",
        ),
        pytest.param(
            "#       total = 0\n# +     values = values[1:]",
            "total = 0\n",
            "total = 0\n    values = values[1:]\n",
            id="added",
        ),
        pytest.param(
            "# -\n# -     total = total / len(values)",
            "\n    total = total / len(values)\n",
            "",
            id="dropped, with the empty line before",
        ),
        pytest.param(
            "# -     total = 0\n# +     total = 1\n\n\n"
            "# -     return total\n# +     return total - 1",
            SOLUTION[SOLUTION.index("    total = 0") :],
            SOLUTION[SOLUTION.index("    total = 0") :]
            .replace("total = 0", "total = 1")
            .replace("return total", "return total - 1"),
            id="two places",
        ),
    ],
)
def test_variants_may_say_only_the_lines_that_differ(built, changes, before, after):
    """All other lines are the solution's, for a mistake as for a right program."""
    assert SOLUTION.count(before) == 1
    expected = SOLUTION.replace(before, after)
    (built.wrong / "a.py").write_text(f"{HEADER}{changes}\n")
    (wrong,) = named_wrongs(built, "a")
    assert (wrong.item, wrong.name, wrong.code) == ("mean", "slip", expected)
    header = HEADER.replace("wrong=", "accepted=").replace('"says": "", ', "")
    (built.accepted / "a.py").write_text(f"{header}{changes}\n")
    (accepted,) = accepted_variants(built, "a")
    assert accepted.code == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            "# -     return sum\n# +     return 0",
            r"'    return sum' once, and has it 0 times; write what is there now",
        ),
        ("# - return total\n# + return 0", "'return total' once, and has it 0 times"),
        (
            "# -     total = 0\n# -         total += value",  # the loop is between them
            "has it 0 times",
        ),
        (
            "# -         total += value\n# +         total = value",
            "has it 2 times; add the line before or after, as `#   line`",
        ),
        ("# +     total = 1", "has it 9 times; add the line before or after"),
        ("#       total = 0", "the lines are the solution's own"),
        ("# -     total = 0\n# +     total = 0", "the lines are the solution's own"),
        (
            "# -     total = 0\n# +     total = 1\n\n"
            "# -     total = 1\n# +     total = 0",
            "the lines are the solution's own",
        ),
        ("def mean(values):\n    return 0", "'def mean.*' is no line to be replaced"),
        ("# return total", "'# return total' is no line to be replaced"),
        ("", "'' is no line to be replaced"),
    ],
)
def test_variants_refuse_lines_that_the_solution_does_not_have(built, changes, message):
    """An edit of the solution cannot turn a mistake into nothing, in silence."""
    twice = SOURCE.replace("        total += value\n", "        total += value\n" * 2)
    (built.source / "a.py").write_text(twice)
    build(built)
    (built.wrong / "a.py").write_text(f"{HEADER}{changes}\n")
    with pytest.raises(BuildError, match=f"a.py, mean slip: .*{message}"):
        named_wrongs(built, "a")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("true", "false"), 'may have "replace": true'),
        (HEADER.replace("true", '{"a": "b"}'), 'may have "replace": true'),
        (HEADER.replace("mean", "median"), "median slip: no solution cell has that"),
    ],
)
def test_variants_refuse_a_header_that_replaces_nothing(built, header, message):
    """What is replaced, and in which solution, is never guessed."""
    (built.wrong / "a.py").write_text(f"{header}# -     total = 0\n")
    with pytest.raises(BuildError, match=message):
        named_wrongs(built, "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[equivalent]\n", "a.toml: "),
        ('[[equivalent]]\nitem = "x"\n', "entry 1: it needs item"),
        (
            '[[equivalent]]\nitem = "x"\nbefore = "a"\nafter = "b"\nwhy = " "\n',
            "entry 1: it needs item, before, after and why",
        ),
        (
            '[[equivalent]]\nitem = "x"\nbefore = "a"\nafter = 3\nwhy = "so"\n',
            "all of them texts",
        ),
        ("equivalent = 3\n", "what is 'equivalent'"),
        ('[[equivalents]]\nitem = "x"\n', "what is 'equivalents'"),
    ],
)
def test_variants_refuse_a_careless_explanation(course, content, message):
    """An explanation without a reason is none."""
    (course.equivalent / "a.toml").write_text(content)
    with pytest.raises(BuildError, match=message):
        read_equivalents(course, "a")


def test_variants_survivors_are_written_as_they_are_read(course):
    """What `check` prints for a survivor is an entry that only lacks its reason."""
    lines = [
        ('return "a"', "return b"),
        ('return "a"', "return 'c'"),
        ("return \"a\" + 'b'", "pass"),
        ("x = 1", "x = 2"),
    ]
    survivors = [MutantResult("it", "name", before, after) for before, after in lines]
    text = as_toml([*survivors, survivors[-1]]).replace('why = ""', 'why = "so"')
    (course.equivalent / "a.toml").write_text(text)
    read = read_equivalents(course, "a")
    assert [(e.before, after) for e in read for after in e.after] == lines
