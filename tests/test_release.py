"""Tests of the handouts: what they must not hold, and that they repeat."""

import json

import nbformat
import pytest

from autograder.course import find_course
from autograder.errors import BuildError
from autograder.steps.build import build
from autograder.steps.release import find_leaks, release
from tests.test_build import SOUND, course  # noqa: F401  (a fixture)


@pytest.fixture
def built(course):  # noqa: F811
    """The tiny course, its assignment built."""
    build(course, lessons=False)
    return course


def handout(built):
    """Return the path of the released notebook."""
    return built.release / "01_double" / "01_double.ipynb"


def test_release_strips_and_ships(built):
    """A handout has stubs, visible tests and a real copy of each shipped module."""
    release(built)
    text = handout(built).read_text()
    assert "raise NotImplementedError()" in text
    assert "assert double(1) == 2" in text
    assert "helper.TWO" not in text
    assert "negative" not in text
    module = handout(built).with_name("helper.py")
    assert not module.is_symlink()
    assert module.read_text() == "TWO = 2\n"


@pytest.mark.slow
def test_release_again_is_byte_identical(built):
    """A second release, and one with a fresh gradebook, give the same bytes."""
    release(built)
    first = handout(built).read_bytes()
    release(built)
    assert handout(built).read_bytes() == first
    (built.root / "gradebook.db").unlink()
    release(built)
    assert handout(built).read_bytes() == first
    assert release(built, check=True).stale == []


@pytest.mark.slow
def test_release_check_names_what_differs(built):
    """With check, changed and missing files of a handout are listed, none touched."""
    assert handout(built) in release(built, check=True).stale
    release(built)
    handout(built).write_text("{}")
    assert release(built, check=True).stale == [handout(built)]
    assert handout(built).read_text() == "{}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "hide",
    [
        lambda nb: nb.cells[0].metadata.update(answer="return helper.TWO * x"),
        lambda nb: nb.metadata.update(jupytext={"text": "    return helper.TWO * x"}),
        lambda nb: nb.cells[0].update(source="### BEGIN SOLUTION"),
        lambda nb: nb.cells[3].update(
            source='assert double(-3) == -6, "a negative number"'
        ),
    ],
    ids=["cell metadata", "notebook metadata", "marker", "hidden test"],
)
def test_release_finds_answers_wherever_they_hide(built, hide):
    """A line of a solution or hidden test is found in cells and in metadata."""
    release(built)
    source = built.source / "01_double"
    assert find_leaks(source, handout(built).parent) == []
    notebook = nbformat.read(handout(built), as_version=4)
    hide(notebook)
    handout(built).write_text(json.dumps(notebook))
    assert find_leaks(source, handout(built).parent)


def test_release_refuses_unclosed_solutions(built):
    """A solution that is never closed stops the release, with nbgrader's reason."""
    file = built.source / "01_double.py"
    file.write_text(SOUND.replace("    ### END SOLUTION\n", ""))
    build(built, lessons=False)
    with pytest.raises(BuildError, match="no end solution statement"):
        release(built)


def test_release_needs_a_build(course):  # noqa: F811
    """A course whose notebooks are not built yet says so."""
    with pytest.raises(BuildError, match="autograder build"):
        release(find_course(course.root))
