"""Tests of building notebooks from their texts."""

import os
import subprocess
import sys

import nbformat
import pytest

from autograder.assignment.text import assignment_notebook
from autograder.course import find_course
from autograder.errors import BuildError, CourseError
from autograder.steps.build import build, lesson_fingerprint

SOUND = '''\
# %% [markdown]
# # Doubling

# %%
import helper

# %% nbgrader={"grade_id": "double", "solution": true}
def double(x):
    """Double `x`."""
    ### BEGIN SOLUTION
    return helper.TWO * x
    ### END SOLUTION

# %% nbgrader={"grade_id": "double-test", "points": 2}
assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(-3) == -6, "a negative number"
### END HIDDEN TESTS
'''

LESSON = """\
# %% [markdown]
# # A lesson

# %%
import helper

print(helper.TWO)
"""


@pytest.fixture
def course(tmp_path):
    """A course of one assignment and one lesson, in a folder with a space."""
    root = tmp_path / "a course"
    (root / "source").mkdir(parents=True)
    (root / "notebooks").mkdir()
    (root / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        "c.CourseDirectory.course_id = 'tiny'\n"
        "c.Autograder.shipped = ['helper.py']\n"
    )
    (root / "helper.py").write_text("TWO = 2\n")
    (root / "source" / "01_double.py").write_text(SOUND)
    (root / "notebooks" / "01_double.py").write_text(LESSON)
    return find_course(root)


def text(tmp_path, content):
    """Write a text and return its path."""
    file = tmp_path / "text.py"
    file.write_text(content)
    return file


def test_build_fills_metadata(course):
    """A short header becomes nbgrader's schema 3, and the source is kept."""
    build(course, lessons=False)
    notebook = nbformat.read(
        course.source / "01_double" / "01_double.ipynb", as_version=4
    )
    _, _, solution, test = notebook.cells
    assert solution.metadata.nbgrader == {
        "grade": False,
        "grade_id": "double",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    assert test.metadata.nbgrader["grade"]
    assert test.metadata.nbgrader["locked"]
    assert test.metadata.nbgrader["points"] == 2
    assert "helper.TWO * x" in solution.source


def test_build_keeps_the_rate_that_a_test_states(tmp_path):
    """A stated false-alarm rate is kept apart from nbgrader's own metadata."""
    stated = SOUND.replace('"points": 2', '"points": 2, "false_alarms": 1e-7')
    test = assignment_notebook(text(tmp_path, stated)).cells[-1]
    assert test.metadata.autograder == {"false_alarms": 1e-7}
    assert set(test.metadata.nbgrader) == {
        *("grade", "grade_id", "locked", "points", "schema_version", "solution", "task")
    }


@pytest.mark.parametrize(
    ("header", "stated"),
    [
        ('"points": 2', '"points": 2, "false_alarms": "rare"'),
        ('"points": 2', '"points": 2, "false_alarms": 1.5'),
        ('"solution": true', '"solution": true, "false_alarms": 1e-7'),
    ],
)
def test_build_refuses_a_rate_that_is_none(tmp_path, header, stated):
    """A rate is a number between 0 and 1, and a test's."""
    with pytest.raises(BuildError, match="false_alarms is for a test cell"):
        assignment_notebook(text(tmp_path, SOUND.replace(header, stated)))


def test_build_links_shipped_modules(course):
    """An assignment's folder links to the one copy of each shipped module."""
    build(course, lessons=False)
    link = course.source / "01_double" / "helper.py"
    assert os.readlink(link) == os.path.join("..", "..", "helper.py")
    assert link.read_text() == "TWO = 2\n"


def test_build_again_changes_no_byte(course):
    """A second build writes nothing; a build from scratch gives the same bytes."""
    file = course.source / "01_double" / "01_double.ipynb"
    build(course, lessons=False)
    first = file.read_bytes()
    assert build(course, lessons=False).written == []
    file.unlink()
    build(course, lessons=False)
    assert file.read_bytes() == first


def test_build_check_names_what_is_stale(course):
    """With check, nothing is written and what a build would change is listed."""
    built = build(course, check=True)
    assert {path.name for path in built.stale} == {
        "01_double.ipynb",
        "helper.py",
    }
    assert not (course.source / "01_double").exists()


def test_build_executes_a_lesson_once(course):
    """A lesson keeps its outputs and is executed again only when it must be."""
    lesson = course.notebooks / "01_double.ipynb"
    assert lesson in build(course).written
    notebook = nbformat.read(lesson, as_version=4)
    assert notebook.cells[1].outputs[0].text == "2\n"
    assert lesson in build(course).unchanged
    assert not (course.notebooks / "helper.ipynb").exists()  # a link is no lesson
    (course.root / "helper.py").write_text("TWO = 2.0\n")
    assert lesson in build(course, check=True).stale


def test_build_fingerprint_ignores_what_is_not_imported(course):
    """Only the modules that a lesson imports, at any remove, can make it stale."""
    file = course.notebooks / "01_double.py"
    before = lesson_fingerprint(course, file)
    file.with_name("other.py").write_text("1\n")
    assert lesson_fingerprint(course, file) == before


def test_build_runs_lessons_on_one_thread(course, monkeypatch):
    """Whoever builds, a lesson's matrices are multiplied in the same order."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    (course.notebooks / "01_double.py").write_text(
        '# %%\nimport os\n\nprint(os.environ["OMP_NUM_THREADS"])\n'
    )
    build(course)
    notebook = nbformat.read(course.notebooks / "01_double.ipynb", as_version=4)
    assert notebook.cells[0].outputs[0].text == "1\n"


def test_build_names_a_lesson_that_fails(course):
    """A lesson that raises is not written, and the error shows what it raised."""
    (course.notebooks / "01_double.py").write_text("# %%\n1 / 0\n")
    with pytest.raises(BuildError, match="ZeroDivisionError"):
        build(course)
    assert not (course.notebooks / "01_double.ipynb").exists()


def test_build_refuses_an_unknown_name(course):
    """An unknown unit is named together with those that exist."""
    with pytest.raises(BuildError, match=r"no text 09_none\.py.*01_double"):
        build(course, ["09_none"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"double-test"', '"double"', "share the grade_id 'double'"),
        ('"double-test"', '"other-test"', "no later cell 'double-test'"),
        ('"grade_id": "double",', '"grade_id": "Double It",', "kebab-case"),
        ('"points": 2', '"points": "two"', "points must be a number"),
        ('"points": 2', '"points": -1', "must not be negative"),
        ('"points": 2', '"point": 2', "unknown key 'point'"),
        ("assert double(1) == 2\n###", "double(1) == 2\n###", None),
        (
            'assert double(-3) == -6, "a negative number"',
            "double(-3) == -6",
            "ends in an expression",
        ),
        ("import helper", "### BEGIN HIDDEN TESTS", "outside of a test cell"),
        ("assert double(1) == 2", "assert double(1", "was never closed"),
    ],
)
def test_build_refuses_what_cannot_be_graded(tmp_path, old, new, message):
    """A text that would be ungradable or unfair is refused, with the cell named."""
    file = text(tmp_path, SOUND.replace(old, new, 1))
    if message is None:
        assignment_notebook(file)
    else:
        with pytest.raises(BuildError, match=message):
            assignment_notebook(file)


def test_course_must_have_a_configuration(tmp_path):
    """A folder without nbgrader_config.py is refused with the way out."""
    with pytest.raises(CourseError, match="--course DIR"):
        find_course(tmp_path)


def test_course_names_a_broken_configuration(tmp_path):
    """A configuration that raises is named with its reason."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n1 / 0\n")
    with pytest.raises(CourseError, match=r"nbgrader_config\.py.*division"):
        find_course(tmp_path)


def test_course_reads_jupyters_configuration_first(tmp_path, monkeypatch):
    """As nbgrader does: a hub's file may name the gradebook; the course's own wins."""
    root, hub, home = (tmp_path / name for name in ("course", "hub", "home"))
    for folder in (root, hub, home):
        folder.mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", f"{home}{os.pathsep}{hub}")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "none"))
    (root / "nbgrader_config.py").write_text("c.CourseDirectory.course_id = 'own'\n")
    (hub / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        "c.CourseDirectory.db_url = 'sqlite:////hub/other.db'\n"
        "c.CourseDirectory.source_directory = 'from-hub'\n"
        "c.CourseDirectory.course_id = 'hub'\n"
        "c.CourseDirectory.root = '/elsewhere'\n"
    )
    (home / "nbgrader_config.json").write_text(
        '{"CourseDirectory": {"source_directory": "from-home"}}'
    )
    (home / "jupyter_config.py").write_text("c.SandboxLimits.memory_mb = 77\n")
    course = find_course(root)
    assert course.db_url == "sqlite:////hub/other.db"
    assert course.source == root / "from-home"
    assert course.directory.course_id == "own"
    assert course.config.SandboxLimits.memory_mb == 77
    asked = "print(app.coursedir.db_url, app.coursedir.source_directory)"
    program = (
        "from nbgrader.apps import NbGraderApp; app = NbGraderApp(); "
        f"app.initialize([]); {asked}"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True
    )
    assert done.stdout.split() == [course.db_url, "from-home"], done.stderr
    (hub / "nbgrader_config.py").write_text("1 / 0")
    with pytest.raises(CourseError, match=r"hub/nbgrader_config\.py.*division"):
        find_course(root)


def test_course_with_folders_in_another_order_is_refused(tmp_path):
    """Submissions would be looked for where they are not; the option is named."""
    (tmp_path / "nbgrader_config.py").write_text(
        "c.CourseDirectory.directory_structure = "
        "'{nbgrader_step}/{assignment_id}/{student_id}'\n"
    )
    with pytest.raises(CourseError, match=r"directory_structure is '.*leave it out"):
        find_course(tmp_path)
