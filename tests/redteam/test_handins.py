"""No crafted submission pays, changes the course, or stops the others' grading."""

import os
import shutil
import subprocess
import sys

import pytest
from nbgrader.apps.api import NbGraderAPI

from autograder.course import find_course
from autograder.runner import folders
from redteam import exam
from redteam.handins import HANDINS, Handin

pytestmark = pytest.mark.slow  # classes

QUICK = {
    *("skip-execution-tag", "wrong-schema-version", "link-to-the-gradebook"),
    *("gradebook-written", "configuration-appended", "script-in-markdown"),
}
# Longer than the delay of every delayed attack.
WAIT = 3.0


def _cases(group, control=None):
    cases = []
    for handin in HANDINS:
        if control in (None, handin.control):
            marks = [
                pytest.mark.attack(handin.name, control=control is not None),
                pytest.mark.xdist_group(group),
            ]
            if handin.name not in QUICK or control == "stock":
                marks.append(pytest.mark.redteam)
            cases.append(pytest.param(handin, marks=marks, id=handin.name))
    return cases


# ------------------------------------------------------------------------- the control


@pytest.fixture(scope="module")
def stock_course():
    """The course as stock nbgrader grades it."""
    course = exam.make_course("auto")
    config = course.root / "nbgrader_config.py"
    config.write_text("c = get_config()\nc.CourseDirectory.course_id = 'exam'\n")
    course = find_course(course.root)
    api = NbGraderAPI(course.directory, config=course.config)
    made = api.generate_assignment(exam.ASSIGNMENT)
    assert made["success"], made
    for student in exam.HONEST:
        folders.remove_tree(course.submitted / student)
    yield course
    folders.remove_tree(course.root)


@pytest.mark.parametrize("handin", _cases("stock", "stock"))
def test_handin_pays_in_stock_nbgrader(stock_course, handin: Handin, tmp_path):
    """The control: stock nbgrader gives points, is harmed, or stops altogether."""
    shutil.copytree(stock_course.root, tmp_path / "course")
    course = find_course(tmp_path / "course")
    handin.hand_in(course)
    ran = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", exam.ASSIGNMENT],
        cwd=course.root,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(exam.REPOSITORY)},
    )
    points = exam.points_of(course).get(handin.name, {})
    stolen = sum(v or 0 for k, v in points.items() if k != exam.KNOWN)
    paid = stolen > 0 or handin.harm(course, handin.name) or ran.returncode != 0
    assert paid, (points, ran.stderr[-2000:])


@pytest.mark.parametrize("handin", _cases("plain", "plain"))
def test_payload_does_harm_in_a_plain_python(handin: Handin):
    """The control: an ordinary Python in the course folder does what is meant."""
    course = exam.make_course("auto")
    try:
        assert not handin.harm(course, handin.name)
        code = handin.code.replace("ROOT", repr(str(course.root)))
        command = [sys.executable, "-c", code]
        subprocess.run(command, cwd=course.root, timeout=60, check=True)
        harm = handin.harm(course, handin.name)
        for _ in range(50):  # a delayed one takes its time
            harm = harm or handin.harm(course, handin.name)
            if harm:
                break
            subprocess.run(["sleep", "0.1"], check=True)
        assert harm
    finally:
        folders.remove_tree(course.root)


# ------------------------------------------------------------------------- the attack


@pytest.fixture(scope="module")
def graded(chosen, level):
    """The class of all crafted submissions and three honest students."""
    course = exam.make_course(level)
    try:
        for handin in chosen:
            handin.hand_in(course)
        exam.open_to_all(course.root)
        yield exam.grade_class(course, wait=WAIT)
    finally:
        folders.remove_tree(course.root)


@pytest.mark.parametrize("handin", _cases("handins"))
def test_handin_gets_nothing(graded, handin):
    """No point is stolen, nothing is changed or shown, and there is a verdict."""
    outcome = graded.outcomes[handin.name]
    assert outcome.stolen == {}, outcome
    assert outcome.leaks == [], outcome
    assert not handin.harm(graded.course, handin.name)
    assert sum(outcome.points.values()) <= exam.ITEMS[exam.KNOWN][0]
    if handin.code:
        assert "armed" in outcome.printed or "x" * 1000 in outcome.printed, outcome


@pytest.mark.attack("class of handins: honest neighbours, grader's memory, leftovers")
@pytest.mark.xdist_group("handins")
def test_handins_harm_no_neighbour(graded):
    """Each submission has a verdict, honest ones all points, and nothing is left."""
    assert graded.code == 0, graded.said
    assert set(graded.outcomes) == set(graded.course.students(exam.ASSIGNMENT))
    assert graded.unharmed(), [graded.outcomes[name] for name in exam.HONEST]
    assert graded.left == []
    assert graded.peak_mb < 400, graded.peak_mb
