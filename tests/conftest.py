"""What tests of the grader share: a throw-away nbgrader course and its notebooks."""

import copy
import json
import shutil
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import Course, find_course
from autograder.gradebook import database

pytest_plugins = ["redteam.table"]

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "tiny"
c.Autograde.sanitize_preprocessors = ["autograder.preprocess.RebuildSubmission"]
c.Autograde.autograde_preprocessors = [
    "autograder.preprocess.SandboxExecute",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.GenerateFeedback.exporter_class = "autograder.feedback.PageExporter"
c.SandboxLimits.cell_cpu_seconds = 2
c.SandboxLimits.notebook_cpu_seconds = 20
c.LateSubmissionPlugin.penalty_method = "zero"
"""

SQUARE = """def square(x):
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION"""

SQUARE_TEST = """assert square(2) == 4
### BEGIN HIDDEN TESTS
assert square(-3) == 9
### END HIDDEN TESTS"""


@pytest.fixture(scope="session", autouse=True)
def no_configuration_of_our_own(tmp_path_factory):
    """Keep the Jupyter configuration of whoever runs the tests out of them.

    JUPYTER_NO_CONFIG would leave a folder behind for every process.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path_factory.mktemp("jupyter")))
        patch.delenv("JUPYTER_CONFIG_PATH", raising=False)
        yield


def graded(cell, grade_id, **grading):
    """Give a cell nbgrader's metadata."""
    cell.metadata["nbgrader"] = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": "points" in grading and not grading.get("task"),
        "locked": False,
        "solution": False,
        "task": False,
        **grading,
    }
    return cell


def tiny_source():
    """Make the instructor's notebook: 2 + 1 automatic points, 3 + 4 manual ones.

    Cells: plain (imports), square (answer), square-test (2 points), given (locked),
    half (answer), half-test (1 point, partial credit), why (markdown answer, 3 points),
    essay (task, 4 points).
    """
    cells = [
        new_code_cell("import math"),
        graded(new_code_cell(SQUARE), "square", solution=True),
        graded(new_code_cell(SQUARE_TEST), "square-test", points=2, locked=True),
        graded(new_code_cell("BASE = 10"), "given", locked=True),
        graded(
            new_code_cell("### BEGIN SOLUTION\nhalf = BASE / 2\n### END SOLUTION"),
            "half",
            solution=True,
        ),
        graded(new_code_cell("half / 5"), "half-test", points=1, locked=True),
        graded(new_markdown_cell("Because."), "why", points=3, solution=True),
        graded(
            new_markdown_cell(
                "Write.\n=== BEGIN MARK SCHEME ===\nWell.\n=== END MARK SCHEME ==="
            ),
            "essay",
            points=4,
            task=True,
            locked=True,
        ),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"source-{number}"
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return notebook


def solved(answers=None):
    """Make what a student hands in: the reference solution, or other answers by id."""
    notebook = tiny_source()
    for cell in notebook.cells:
        text = cell.source
        for marker in ("    ### BEGIN SOLUTION\n", "\n    ### END SOLUTION"):
            text = text.replace(marker, "")
        text = text.replace("### BEGIN SOLUTION\n", "").replace(
            "\n### END SOLUTION", ""
        )
        cell.source = text.partition("\n### BEGIN HIDDEN")[0].partition("\n=== BEGIN")[
            0
        ]
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = (answers or {}).get(grade_id, cell.source)
    return notebook


def cell_of(notebook, grade_id):
    """Find the cell with an id."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            return cell
    raise KeyError(grade_id)


def hand_in(course: Course, student: str, notebook, assignment="ps1", name="squares"):
    """Write a submission; a notebook may be bytes too. Return its folder."""
    folder = course.submitted / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(notebook, bytes):
        notebook = json.dumps(notebook).encode()
    (folder / f"{name}.ipynb").write_bytes(notebook)
    return folder


@pytest.fixture(scope="session")
def _tiny_template(tmp_path_factory) -> Path:
    """Make the course once: a new gradebook costs a second."""
    root = tmp_path_factory.mktemp("course")
    (root / "nbgrader_config.py").write_text(CONFIG)
    folder = root / "source" / "ps1"
    folder.mkdir(parents=True)
    nbformat.write(tiny_source(), folder / "squares.ipynb")
    (folder / "data.txt").write_text("42")
    course = find_course(root)
    with database.open_gradebook(course.db_url, "tiny"):
        pass
    return root


@pytest.fixture
def tiny_course(_tiny_template, tmp_path) -> Course:
    """Give a fresh course with one assignment, ``ps1``, whose notebook is `squares`."""
    root = tmp_path / "course"
    shutil.copytree(_tiny_template, root)
    return find_course(root)


@pytest.fixture
def solution():
    """Give a fresh reference solution, as a student would hand it in."""
    return copy.deepcopy(solved())


@pytest.fixture
def temporary():
    """Give a temporary folder that other users may go through."""
    folder = Path(tempfile.mkdtemp(prefix="grader-tmp-", dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)
