"""Tests of the layout of a course: one module joins the paths of its files."""

import ast
from pathlib import Path

import pytest

from autograder.course import find_course

PACKAGE = Path(__file__).resolve().parent.parent / "autograder"
FOLDERS = (
    "source release submitted autograded feedback reports wrong accepted equivalent"
)


def joins(source: str) -> list[str]:
    """List the joins of a path to one of the folders of a course, as written."""
    found = []
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = [node.left]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.endswith(".joinpath"):
                parts = [node.func.value]
            elif name in {"Path", "os.path.join"} and len(node.args) > 1:
                parts = node.args[:1]
        if any(isinstance(p, ast.Attribute) and p.attr in FOLDERS for p in parts):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "source",
    [
        "course.submitted / student / assignment",
        "self.course.source / f'{name}.ipynb'",
        "course.reports.joinpath('gate')",
        "os.path.join(course.feedback, student)",
        "Path(course.autograded, student)",
    ],
)
def test_course_join_by_hand_is_found(source):
    """The test of the package finds what it looks for."""
    assert joins(source)


def test_course_alone_joins_paths_of_its_folders():
    """Outside `course`, no module joins a student, an assignment or a file by hand."""
    found = {
        file.relative_to(PACKAGE).as_posix(): made
        for file in PACKAGE.rglob("*.py")
        if (made := joins(file.read_text(encoding="utf-8")))
    }
    assert found.keys() == {"course.py"}


def test_course_paths_are_nbgraders(tiny_course):
    """Folders are where nbgrader itself looks for them, also under other names."""
    config = tiny_course.root / "nbgrader_config.py"
    text = (
        config.read_text() + "\nc.CourseDirectory.submitted_directory = 'handed-in'\n"
    )
    config.write_text(text)
    course = find_course(tiny_course.root)
    layout = course.directory
    for ours, step, student in (
        (course.source_folder("a"), layout.source_directory, "."),
        (course.release_folder("a"), layout.release_directory, "."),
        (course.submitted_folder("s", "a"), "handed-in", "s"),
        (course.autograded_folder("s", "a"), layout.autograded_directory, "s"),
        (course.feedback_page("s", "a", "n").parent, layout.feedback_directory, "s"),
    ):
        assert ours == Path(layout.format_path(step, student, "a"))
    assert course.submitted_notebook("s", "a", "n").name == "n.ipynb"
