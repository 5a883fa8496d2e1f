"""The demo: a class of samples, graded in the sandbox, in a folder of its own."""

import csv
import html
import re
from pathlib import Path

import nbformat
import pytest

from autograder.course import Course, find_course
from autograder.errors import CourseError
from autograder.steps.demo import KINDS, DemoResult, demo

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "tiny"
c.CourseDirectory.db_url = "sqlite:///{real}"
c.SandboxLimits.assignments = {{"sums": {{"cell_cpu_seconds": 600}}}}
"""
TEXT = '''\
# %% [markdown]
# # Sums

# %% nbgrader={"grade_id": "double", "solution": true}
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% nbgrader={"grade_id": "double-test", "points": 2}
assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(40961) == 81922  # hidden-canary-double
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "halve", "solution": true}
def halve(x):
    """Return half of x."""
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION

# %% nbgrader={"grade_id": "halve-test", "points": 3}
class Incorrect(AssertionError):
    """A message for students."""

if halve(2) != 1:
    raise Incorrect("halve(2) must be 1; do you round?")
### BEGIN HIDDEN TESTS
assert halve(40963) == 20481.5  # hidden-canary-halve
### END HIDDEN TESTS
'''
WRONG = """\
# %% wrong={"item": "double", "name": "adds-two", "says": ""}
def double(x):
    return x + 1

# %% wrong={"item": "halve", "name": "rounds", "says": "do you round"}
def halve(x):
    return 7
"""


def files(folder: Path) -> dict[Path, bytes]:
    """Read every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course of one small assignment, with two named wrong solutions."""
    root = tmp_path_factory.mktemp("tiny")
    (root / "source").mkdir()
    (root / "tests" / "wrong").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG.format(real=root / "real.db"))
    (root / "source" / "sums.py").write_text(TEXT)
    (root / "tests" / "wrong" / "sums.py").write_text(WRONG)
    (root / "submitted" / "real-student" / "sums").mkdir(parents=True)
    return find_course(root)


@pytest.fixture(scope="module")
def shown(course: Course) -> tuple[DemoResult, list]:
    """The demo of that course, made once, and its progress."""
    before, events = files(course.root), []
    result = demo(course, jobs=2, progress=events.append)
    outside = {
        path: content
        for path, content in files(course.root).items()
        if not path.is_relative_to(course.root / "demo")
    }
    assert outside == before  # the course itself is untouched; it has no gradebook yet
    return result, events


@pytest.mark.slow
def test_demo_gives_every_kind_its_verdict_and_points(shown):
    """Eight students, eight ways to hand in, and each ends as it should."""
    result, _ = shown
    ends = {
        row.grade.student: (row.kind, row.grade.verdict.value, row.grade.points)
        for row in result.rows
    }
    assert ends == {
        "student-01": ("solved", "graded", 5),
        "student-02": ("half solved", "graded", 2),
        "student-03": ("untouched", "graded", 0),
        "student-04": ("wrong", "graded", 3),
        "student-05": ("wrong", "graded", 2),
        "student-06": ("crashing", "crashed", 2),
        "student-07": ("looping", "out of time", 2),
        "student-08": ("unreadable", "not readable", 0),
    }
    assert all(row.grade.max_points == 5 for row in result.rows)
    said = {row.grade.student: row.message for row in result.rows}
    assert said["student-05"] == "halve(2) must be 1; do you round?"
    assert "CPU" in said["student-07"]


@pytest.mark.slow
def test_demo_reports_its_progress(shown):
    """Progress counts all submissions of all assignments."""
    _, events = shown
    assert [event.total for event in events] == [8] * len(events)
    assert events[-1].done == 8


@pytest.mark.slow
def test_demo_hands_in_the_handout_with_answers(shown):
    """Samples hold no hidden test and no marker: they are what a student could send."""
    result, _ = shown
    for student, kind in KINDS.items():
        text = (result.folder / "submitted" / student / "sums/sums.ipynb").read_text()
        assert "canary" not in text
        assert "HIDDEN" not in text
        assert "SOLUTION" not in text
        if kind == "solved":
            cells = nbformat.reads(text, as_version=4).cells
            assert any("return x / 2" in cell.source for cell in cells)


@pytest.mark.slow
def test_demo_makes_pages_and_reports_that_agree(shown):
    """The table has the same points as the pages, and no page a hidden test."""
    result, _ = shown
    table = next(path for path in result.reports if path.suffix == ".csv")
    with table.open(newline="") as file:
        points = {row["student"]: row["points"] for row in csv.DictReader(file)}
    assert set(points) == set(KINDS)
    for student in KINDS:
        raw = (result.feedback / student / "sums" / "sums.html").read_text()
        seen = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", raw)).split())
        assert f"{points[student]} of 5 points" in seen
        for secret in ("canary", "40961", "40963", "81922", "20481"):
            assert secret not in seen
    assert result.gradebook.is_file()


@pytest.mark.slow
def test_demo_run_again_finds_everything_done(course, shown):
    """A second run grades nothing and changes no page, report or submission."""
    result, _ = shown
    kept = [result.feedback, result.folder / "reports", result.folder / "submitted"]
    before = [files(folder) for folder in kept]
    again = demo(course, jobs=2)
    assert all(row.grade.skipped for row in again.rows)
    assert [files(folder) for folder in kept] == before


def test_demo_refuses_a_folder_that_is_no_demo(course, tmp_path):
    """A folder with other things in it is left as it is."""
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(CourseError, match="holds something that is no demo"):
        demo(course, into=tmp_path)
    assert files(tmp_path) == {tmp_path / "thesis.txt": b"precious"}


def test_demo_of_a_course_without_assignments_says_so(tmp_path):
    """There is nothing to show of an empty course."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    with pytest.raises(CourseError, match="no assignments in"):
        demo(find_course(tmp_path))


def test_demo_refuses_a_course_that_keeps_its_folders_elsewhere(tmp_path):
    """A configuration with an absolute folder would lead out of the demo."""
    elsewhere = tmp_path / "elsewhere"
    root = tmp_path / "course"
    (root / "source").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        f"c.CourseDirectory.submitted_directory = {str(elsewhere)!r}\n"
    )
    with pytest.raises(CourseError, match="outside its folder"):
        demo(find_course(root))
    assert not elsewhere.exists()
