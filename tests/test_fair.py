"""Scores on honest work: as stock nbgrader gives them, where stock is right."""

import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder.course import find_course
from autograder.gradebook import records
from autograder.steps.grade import grade

pytestmark = pytest.mark.slow  # classes, graded twice

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

# Two mistakes on this course; the long test has them all.
MISTAKES = ["prediction/no-prediction", "var-product/cross-terms-dropped"]
EXAMPLES = [
    "reference",
    "untouched",
    "extra cell",
    "squares/no-check",
    "squares/no-python",
    "sum_of_squares/by-formula",
]
# A warning in a test cell: stock takes its points, since it reads stderr as a failure.
WARNS = """\
import warnings


def squares(n):
    warnings.warn("slow")
    if n < 1:
        raise ValueError("n must be at least 1")
    return [i ** 2 for i in range(1, n + 1)]"""


@pytest.fixture(scope="module")
def classes():
    """The classes of the benchmark."""
    sys.path.insert(0, str(BENCHMARKS))
    import classes

    yield classes
    sys.path.remove(str(BENCHMARKS))


def scores(course: Path) -> dict[tuple[str, str, str], tuple]:
    """Read every grade of a gradebook: by student, notebook and cell."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            (entry.student.id, notebook.name, grade.name): (
                grade.auto_score,
                grade.max_score,
                grade.needs_manual_grade,
            )
            for assignment in gradebook.assignments
            for entry in assignment.submissions
            for notebook in entry.notebooks
            for grade in notebook.grades
        }


def graded_by_both(classes, room, folder: Path, ways: list[str]) -> tuple[Path, Path]:
    """Grade the same class by nbgrader with its own configuration, and by ours."""
    theirs = room.course(folder / "theirs", ways)
    ours = room.course(folder / "ours", ways)
    classes.make_stock(theirs)
    classes.nbgrader(theirs, "autograde", "--create", room.assignment)
    grade(find_course(ours), room.assignment)
    return theirs, ours


@pytest.fixture(scope="module")
def example(classes, tmp_path_factory) -> tuple[Path, Path]:
    """nbgrader's example course, graded by both; the last student's answer warns."""
    folder = tmp_path_factory.mktemp("example")
    room = classes.quickstart(folder)
    room.ways["warns"] = {**room.ways["reference"], "squares": WARNS}
    return graded_by_both(classes, room, folder, [*EXAMPLES, "warns"])


def by_student(found: dict, number: int) -> dict:
    """Give the scores of one student, by notebook and cell."""
    name = f"student-{number:03}"
    return {key[1:]: value for key, value in found.items() if key[0] == name}


@pytest.mark.xdist_group("fair-example")
def test_fair_example_scores_equal_stock(example):
    """On nbgrader's example every score of honest work is stock's."""
    expected, found = map(scores, example)
    for number, way in enumerate(EXAMPLES, start=1):
        assert len(by_student(found, number)) == 9
        assert by_student(found, number) == by_student(expected, number), way
    # The class tells right from wrong.
    earned = {
        way: sum(score or 0 for score, *_ in by_student(found, number).values())
        for number, way in enumerate(EXAMPLES, start=1)
    }
    assert earned == {
        "reference": 3,
        "untouched": 0,
        "extra cell": 3,
        "squares/no-check": 2,
        "squares/no-python": 0,
        "sum_of_squares/by-formula": 2.5,
    }


@pytest.mark.xdist_group("fair-example")
def test_fair_warning_costs_points_in_stock_alone(example):
    """A warning takes a right answer's points in stock nbgrader, and none here."""
    theirs, ours = map(scores, example)
    number = len(EXAMPLES) + 1
    assert by_student(ours, number) == by_student(ours, 1)
    expected, found = by_student(theirs, number), by_student(ours, number)
    differing = [key for key in found if found[key] != expected[key]]
    assert differing
    assert all(expected[key][0] == 0 for key in differing)


@pytest.mark.xdist_group("fair-example")
def test_fair_example_is_protected(example):
    """Every test cell of nbgrader's example runs apart from the student's code."""
    items = records.items(find_course(example[1]), "ps1")
    assert {item.grade_id for item in items if item.protected} == {
        "correct_squares",
        "squares_invalid_input",
        "correct_sum_of_squares",
        "sum_of_squares_uses_squares",
    }


def test_fair_course_scores_equal_stock(classes, tmp_path):
    """On this course every score is stock's, right or wrong, and all is protected."""
    room = classes.this_course(tmp_path)
    ways = ["reference", "untouched", *MISTAKES]
    theirs, ours = map(scores, both := graded_by_both(classes, room, tmp_path, ways))
    assert len(ours) == 7 * len(ways)
    assert ours == theirs
    assert len({score for score, *_ in ours.values()}) > 1
    items = records.items(find_course(both[1]), room.assignment)
    assert all(item.protected for item in items)


@pytest.mark.soak
def test_fair_every_mistake_scores_as_in_stock(classes, tmp_path):
    """Every named mistake of unit 2 scores as in stock nbgrader."""
    room = classes.this_course(tmp_path)
    theirs, ours = map(scores, graded_by_both(classes, room, tmp_path, list(room.ways)))
    assert len(ours) == 7 * len(room.ways)
    assert ours == theirs


@pytest.mark.soak
@pytest.mark.parametrize("assignment", find_course(ROOT).assignments())
def test_fair_every_assignment_scores_as_in_stock(classes, tmp_path, assignment):
    """Of each assignment a right and a wrong answer score as in stock nbgrader."""
    room = classes.this_course(tmp_path, assignment)
    mistake = next(way for way in room.ways if "/" in way)
    both = graded_by_both(classes, room, tmp_path, ["reference", mistake])
    theirs, ours = map(scores, both)
    assert ours == theirs
    right, wrong = by_student(ours, 1), by_student(ours, 2)
    assert all(score == most for score, most, _ in right.values())
    assert {key[1] for key in right if right[key] != wrong[key]} == {
        f"{mistake.partition('/')[0]}-test"
    }
