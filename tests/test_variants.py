"""Tests of the small files beside an assignment."""

import pytest

from autograder.course import find_course
from autograder.errors import BuildError
from autograder.gate.results import MutantResult
from autograder.gate.variants import accepted_variants, as_toml, read_equivalents


@pytest.fixture
def course(tmp_path):
    """A course with nothing but its configuration."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    for name in ("accepted", "equivalent"):
        (tmp_path / "tests" / name).mkdir(parents=True)
    return find_course(tmp_path)


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
