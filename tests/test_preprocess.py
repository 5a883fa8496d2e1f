"""Tests of the steps that grading and nbgrader's converters share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import cell_of, hand_in, solved, tiny_source
from nbformat.v4 import new_output
from nbgrader.apps.api import NbGraderAPI
from nbgrader.utils import determine_grade
from traitlets.config import Config

from autograder.assignment.limits import SandboxLimits
from autograder.assignment.rebuild import prepare
from autograder.assignment.scoring import settle
from autograder.assignment.source import master_files, read_source
from autograder.errors import CourseError, NotReadableError
from autograder.gradebook import records
from autograder.steps.report import report
from autograder.submission.files import LARGEST_NOTEBOOK, gather, read_submitted
from autograder.verdicts import Status, Verdict

IGNORE = [".ipynb_checkpoints", "*.pyc", "__pycache__"]


@pytest.fixture
def folders(tmp_path):
    """Give empty folders: submitted and source."""
    names = ("submitted", "ps1")
    for name in names:
        (tmp_path / name).mkdir()
    return [tmp_path / name for name in names]


def gathered(folders, config=None):
    """Gather the files of a submission; give them and what was said."""
    submitted, source = folders
    master = master_files(source, IGNORE, config or Config())
    return gather(submitted, master, IGNORE, {"ps1.ipynb"})


def test_gather_brings_own_files_and_master_copies(folders):
    """A student's own files come along; the assignment's are the instructor's."""
    submitted, source = folders
    (source / "dp.py").write_text("master")
    (source / "ps1.ipynb").write_text("secret")
    (submitted / "dp.py").write_text("forged")
    (submitted / "helper_of_ada.py").write_text("own")
    (submitted / "pictures").mkdir()
    (submitted / "pictures" / "a.png").write_bytes(b"png")
    (submitted / "ps1.ipynb").write_text("{}")
    files, said = gathered(folders)
    assert files == {
        "dp.py": b"master",
        "helper_of_ada.py": b"own",
        "pictures/a.png": b"png",
    }
    assert said == ["Left out: dp.py; the assignment's own is used."]


def test_gather_unchanged_master_copies_are_not_worth_a_word(folders):
    """Students hand back what they were given."""
    submitted, source = folders
    for folder in (submitted, source):
        (folder / "dp.py").write_text("master")
    assert gathered(folders)[1] == []


def test_gather_honours_exclude_overwriting(folders):
    """nbgrader's own option lets students hand in a file that the source has too."""
    submitted, source = folders
    (source / "answer_of_student.py").write_text("stub")
    (submitted / "answer_of_student.py").write_text("mine")
    config = Config()
    config.Autograde.exclude_overwriting = {"ps1": ["answer_of_student.py"]}
    files, said = gathered(folders, config)
    assert (files, said) == ({"answer_of_student.py": b"mine"}, [])


@pytest.mark.parametrize(
    "name",
    [
        *("numpy.py", "random.py", "sitecustomize.py", "numpy/__init__.py"),
        *("IPython/core.py", "json.cpython-311-x86_64-linux-gnu.so", "DP.PY"),
    ],
)
def test_gather_leaves_out_what_would_be_imported_instead(folders, name):
    """A file that would shadow a module or a master file is left out, and said."""
    submitted, source = folders
    (source / "dp.py").write_text("master")
    (submitted / name).parent.mkdir(exist_ok=True)
    (submitted / name).write_text("evil")
    files, (said,) = gathered(folders)
    assert sorted(files) == ["dp.py"]
    assert name in said


def test_gather_leaves_out_a_file_where_the_assignment_has_a_folder(folders):
    """And what lies in a folder where it has a file: both cannot be written."""
    submitted, source = folders
    (source / "data").mkdir()
    (source / "data" / "x.csv").write_text("master")
    (source / "notes").write_text("master")
    (submitted / "Data").write_text("mine")
    (submitted / "notes" / "deep").mkdir(parents=True)
    (submitted / "notes" / "deep" / "a.txt").write_text("mine")
    files, (said,) = gathered(folders)
    assert sorted(files) == ["data/x.csv", "notes"]
    assert "Data" in said
    assert "a.txt" in said


def test_gather_follows_no_links(folders, tmp_path):
    """Links to files and folders, and devices, are left out."""
    submitted, _ = folders
    (tmp_path / "gradebook.db").write_text("secret")
    (submitted / "a.txt").symlink_to(tmp_path / "gradebook.db")
    (submitted / "b").symlink_to(tmp_path)
    os.mkfifo(submitted / "c")
    files, (said,) = gathered(folders)
    assert sorted(files) == []
    assert "a.txt, b, c" in said


def test_gather_stops_at_its_limits(folders, monkeypatch):
    """Beyond the limit of bytes or files nothing more is copied."""
    submitted, _ = folders
    for number in range(4):
        (submitted / f"{number}.txt").write_text("xx")
    monkeypatch.setattr("autograder.submission.files.MOST_FILES", 3)
    monkeypatch.setattr("autograder.submission.files.LARGEST_FILES", 5)
    files, (said,) = gathered(folders)
    assert sorted(files) == ["0.txt", "1.txt"]
    assert "2.txt, 3.txt" in said


def test_read_submitted_reads_ordinary_files_only(tmp_path):
    """A link, a pipe, a folder or a huge file is refused before it is read."""
    path = tmp_path / "a.ipynb"
    with pytest.raises(FileNotFoundError):
        read_submitted(path)
    path.write_bytes(b"{}")
    assert read_submitted(path) == b"{}"
    link = tmp_path / "link.ipynb"
    link.symlink_to(path)
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    with open(tmp_path / "huge.ipynb", "wb") as huge:
        huge.truncate(LARGEST_NOTEBOOK + 1)
    for name in ("link", "pipe", "folder", "huge"):
        with pytest.raises(NotReadableError):
            read_submitted(tmp_path / f"{name}.ipynb")


def test_limits_come_from_the_configuration():
    """What is not set is the runner's default; an assignment can have its own."""
    config = Config()
    config.SandboxLimits.cell_cpu_seconds = 7
    config.SandboxLimits.assignments = {"ps1": {"memory_mb": 99}}
    own = SandboxLimits(config=config)
    assert (own.limits("ps1").cell_cpu_seconds, own.limits("ps1").memory_mb) == (7, 99)
    assert own.limits("ps2").memory_mb == SandboxLimits().limits("ps2").memory_mb


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"memroy_mb": 9}, "no such limit memroy_mb; do you mean memory_mb"),
        ({"nonsense": 9}, "no such limit nonsense; there is: .*memory_mb"),
        ({"assignments": {"ps1": {"memory_mb": 0}}}, "ps1.*memory_mb"),
        ({"assignments": {"ps1": {"memroy_mb": 9}}}, "'ps1'.*do you mean memory_mb"),
    ],
)
def test_limits_that_cannot_be_are_an_error(tiny_course, setting, message):
    """A limit of an unknown name, or of nothing, is not passed over.

    The name of an assignment may be that of one to come, or of another course's.
    """
    tiny_course.config.SandboxLimits.update(setting)
    with pytest.raises(CourseError, match=message):
        SandboxLimits(config=tiny_course.config).limits("ps1")


def test_settle_test_that_did_not_run_earns_nothing():
    """Its output says so, and nbgrader's rule gives it zero points."""
    notebook = prepare(tiny_source(), solved()).notebook
    items = settle(notebook, [False] * len(notebook.cells), "The run ended.")
    assert {item.status for item in items} == {Status.NOT_RUN}
    assert cell_of(notebook, "square-test").outputs[0].ename == "NotRun"


def test_settle_value_shown_before_an_error_is_no_result():
    """nbgrader's own rule, which stops at the first result, gives zero points too."""
    notebook = prepare(tiny_source(), solved()).notebook
    test = cell_of(notebook, "square-test")
    test.outputs = [
        new_output("execute_result", data={"text/plain": "2.0"}),
        new_output("error", ename="AssertionError", evalue="", traceback=[]),
    ]
    assert determine_grade(test) == (2, 2)  # before: the attack works
    settle(notebook, [True] * len(notebook.cells), "")
    assert determine_grade(test) == (0, 2)


def test_settle_untouched_answer_is_not_attempted():
    """nbgrader's stub leaves a NameError in the test; the answer was not attempted."""
    for answer, status in [({}, Status.NOT_ATTEMPTED), ({"square": "x"}, Status.ERROR)]:
        handed_in = prepare(tiny_source(), {"cells": []}).notebook
        for grade_id, text in answer.items():
            cell_of(handed_in, grade_id).source = text
        notebook = prepare(tiny_source(), handed_in).notebook
        cell_of(notebook, "square-test").outputs = [
            new_output("error", ename="NameError", evalue="square", traceback=[])
        ]
        items = settle(notebook, [True] * len(notebook.cells), "")
        assert items[0].status is status


def test_read_source_puts_the_header_around(tiny_course, tmp_path):
    """A course's header notebook is part of every assignment."""
    header = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Hello")])
    nbformat.write(header, tiny_course.root / "header.ipynb")
    config = Config()
    config.IncludeHeaderFooter.header = "header.ipynb"
    path = tiny_course.source / "ps1" / "squares.ipynb"
    notebook = read_source(path, tiny_course.root, config)
    assert notebook.cells[0].source == "Hello"


@pytest.mark.slow
def test_preprocess_plain_nbgrader_follows_no_links(tiny_course):
    """With plain nbgrader too, what a link points at is nowhere in ``autograded/``."""
    (tiny_course.root / "secret.txt").write_text("canary")
    for student in ("ada", "eve"):
        folder = hand_in(tiny_course, student, solved())
    (folder / "notes.txt").symlink_to(tiny_course.root / "secret.txt")
    (folder / "mine.txt").write_text("own")
    ada = tiny_course.submitted / "ada" / "ps1" / "squares.ipynb"
    ada.unlink()
    ada.symlink_to(folder / "squares.ipynb")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    for command in ("generate_assignment", "autograde"):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", command, "ps1"],
            cwd=tiny_course.root,
            env=environment,
            capture_output=True,
            text=True,
        )
    assert "squares.ipynb is a link" in done.stderr
    graded = tiny_course.autograded / "eve" / "ps1"
    assert sorted(os.listdir(graded)) == ["data.txt", "mine.txt", "squares.ipynb"]
    assert not (tiny_course.autograded / "ada" / "ps1").exists()


# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_preprocess_plain_nbgrader_tells_of_missing_notebooks(tiny_course):
    """With plain nbgrader too, one notebook of two leaves the other one's verdict."""
    source = tiny_course.source / "ps1"
    shutil.copy(source / "squares.ipynb", source / "again.ipynb")
    hand_in(tiny_course, "ada", solved())
    hand_in(tiny_course, "ada", solved(), name="again (1)")
    for student in ("bob", "eve"):
        hand_in(tiny_course, student, solved(), name="again")
    hand_in(tiny_course, "bob", b"{")
    api = NbGraderAPI(config=tiny_course.config)
    api.generate_assignment("ps1")
    for student in ("ada", "bob", "eve"):
        api.autograde("ps1", student)
    hand_in(tiny_course, "eve", solved())  # handed in later: graded then
    api.autograde("ps1", "eve")
    runs = {run.student: run for run in records.runs(tiny_course, "ps1")}
    told = {student: (run.verdict, run.message) for student, run in runs.items()}
    assert told["ada"] == (Verdict.MISSING, "again.ipynb is missing")
    assert told["eve"] == (Verdict.GRADED, "")
    items = [
        item for item in records.items(tiny_course, "ps1") if item.student == "ada"
    ]
    assert [(item.notebook, item.status, item.points) for item in items] == [
        ("again", Status.NOT_RUN, 0),
        ("again", Status.NOT_RUN, 0),
        ("squares", Status.CORRECT, 2),
        ("squares", Status.CORRECT, 1),
    ]
    table, _ = report(tiny_course, "ps1")
    assert "bob,not graded yet" in table.read_text()
