"""Tests of the command line: exit codes, one line for a mistake, what it prints."""

import contextlib
import html
import json
import re
import shutil
import sqlite3

import nbformat
import pytest
from conftest import cell_of, hand_in, solved, tiny_source
from rich.console import Console
from typer.testing import CliRunner

from autograder import cli, console
from autograder.gradebook import database
from autograder.steps.grade import Event, GradeSummary, Row
from autograder.verdicts import Verdict

COMMANDS = [
    command.name or command.callback.__name__ for command in cli.app.registered_commands
]
IN_A_COURSE = [name for name in COMMANDS if name != "doctor"]
ARGUMENTS = {
    "roster": ["x.csv"],
    "collect": ["x.zip"],
    "export": ["a", "--to", "csv"],
    "grade": ["a"],
    "feedback": ["a"],
    "report": ["a"],
}


def run(*arguments):
    """Run the command line in this process."""
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.mark.parametrize("name", IN_A_COURSE)
def test_cli_explains_a_folder_that_is_no_course(name, tmp_path):
    """Every command says in one line what is wrong and how to mend it; exit code 1."""
    done = run(name, *ARGUMENTS.get(name, []), "--course", str(tmp_path))
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("autograder: ")
    assert "--course DIR" in done.stderr


@pytest.mark.parametrize("name", ["collect", "grade", "feedback", "report", "check"])
def test_cli_json_of_a_mistake_is_an_object_with_the_error(name, tmp_path):
    """With --json a script finds the message on stdout, and the same exit code."""
    arguments = ARGUMENTS.get(name, [])
    done = run(name, *arguments, "--json", "--course", str(tmp_path))
    assert done.exit_code == 1
    assert "is not a course" in json.loads(done.stdout)["error"]


@pytest.mark.slow
def test_cli_json_is_one_document_and_nothing_else(tiny_course):
    """Every command of a script's day prints one JSON document on stdout."""
    course = str(tiny_course.root)
    incoming = tiny_course.root / "incoming"
    hand_in(tiny_course, "ada", solved())
    tiny_course.submitted.rename(incoming)

    def said(*arguments):
        done = run(*arguments, "--json", "--course", course)
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    assert said("collect", str(incoming))["written"] == [["ada", "ps1"]]
    done = run("feedback", "ps1", "--course", course)
    assert done.exit_code == 0
    assert re.fullmatch(r"took .* s; see .*feedback\n", done.stdout)
    nobody = "nobody has been graded yet; run `autograder grade ps1`\n"
    assert done.stderr == f"{nobody}not graded yet: ada\n"
    assert run("report", "ps1", "--course", course).stderr == nobody
    graded = said("grade", "ps1")
    assert graded["warnings"] == []
    assert graded["counts"] == {"graded": 1}
    (row,) = graded["submissions"]
    assert (row["student"], row["verdict"], row["points"]) == ("ada", "graded", 3)
    assert said("grade", "ps1")["submissions"][0]["skipped"]
    assert said("feedback", "ps1")["written"][0].endswith("ada/ps1/squares.html")
    assert said("report", "ps1")["table"].endswith("reports/ps1.csv")
    assert run("report", "ps1", "--course", course).stderr == ""
    done = run("check", "ps1", "--seeds", "1", "--json", "--course", course)
    assert json.loads(done.stdout)["sound"] is (done.exit_code == 0)
    again = run("grade", "ps1", "--course", course)
    assert "nothing to do: every grade is up to date" in again.stdout


@pytest.mark.slow
def test_cli_warns_of_a_solution_that_fails_its_own_tests(tiny_course):
    """The warning is a line on stderr, in the document and on top of the report."""
    source = tiny_source()
    cell_of(source, "square").source = "def square(x):\n    return x + x"
    nbformat.write(source, tiny_course.source / "ps1" / "squares.ipynb")
    hand_in(tiny_course, "ada", solved())
    warning = (
        "the solution in source/ps1 does not pass square-test; "
        "run `autograder check ps1`"
    )
    course = str(tiny_course.root)
    done = run("grade", "ps1", "--json", "--course", course)
    assert (done.exit_code, done.stderr) == (0, f"{warning}\n")
    assert json.loads(done.stdout)["warnings"] == [warning]
    assert run("grade", "ps1", "--course", course).stderr == f"{warning}\n"
    assert run("report", "ps1", "--course", course).exit_code == 0
    page = html.unescape((tiny_course.reports / "ps1.html").read_text())
    assert page.index(warning) < page.index("How the runs ended")


def test_cli_doctor_says_what_works_here():
    """The level, the versions, the cores; exit code 0 only if grading is possible."""
    done = run("doctor", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code == 0) == bool(found["level"])
    assert set(found["failures"]) | {found["level"]} <= {"bwrap", "lockdown", ""}
    assert found["cores"] >= 1
    assert found["versions"]["nbgrader"]
    assert "isolation" in run("doctor").stdout


def test_cli_progress_without_a_terminal_is_a_line_now_and_then(monkeypatch, capsys):
    """Without a terminal, lines say how far it is, with counts and time left."""
    monkeypatch.setattr(console, "LINE_SECONDS", 0)
    monkeypatch.setattr(console, "err", Console(stderr=True, soft_wrap=True))
    with console.grading_progress() as progress:
        for done in range(3):
            row = Row("ada", "ps1", Verdict.GRADED, 1, 2) if done else None
            progress(Event(done, 3, row))
    said = capsys.readouterr().err.splitlines()
    assert [re.sub(r"about \d+", "about N", line) for line in said] == [
        "1 of 3: 1 graded; about N s left",
        "2 of 3: 2 graded; about N s left",
    ]


def test_cli_gives_no_orders_to_the_terminal(capsys, monkeypatch):
    """Escape sequences in what a student wrote are not printed."""
    monkeypatch.setattr(console, "out", console._Console())
    monkeypatch.setattr(console, "err", console._Console(stderr=True))
    order = "\x1b]0;owned\x07\x1b[2J\u202eevil\udce9"
    row = Row("ada" + order, "ps1", Verdict.CRASHED, 0, 2, message=order)
    console.print_grades(GradeSummary("ps1", [row]))
    console.out.print(f"wrote {order}")
    console.err.print(order)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert "evil" in text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)


def test_cli_says_its_version():
    """``--version`` is the package's, and wants no command."""
    from autograder import __version__

    done = run("--version")
    assert (done.exit_code, done.stdout) == (0, f"autograder {__version__}\n")


def test_cli_takes_the_course_before_or_after_the_command(tiny_course, tmp_path):
    """Both places mean the same; after the command has the last word."""
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / "squares.ipynb").write_text("{}")
    course, archive = str(tiny_course.root), str(tmp_path / "in")
    first = run("--course", course, "collect", archive)
    assert "wrote ada/ps1" in first.stdout, first.stderr
    assert re.search(r"took \d+\.\d s; see .*submitted\n\Z", first.stdout)
    assert "1 up to date" in run("collect", archive, "--course", course).stdout
    again = run("--course", archive, "collect", archive, "--course", course)
    assert "1 up to date" in again.stdout


def test_cli_shows_a_traceback_only_with_debug(tmp_path):
    """With --debug the error itself comes through."""
    done = run("build", "--debug", "--course", str(tmp_path))
    assert type(done.exception).__name__ == "CourseError"


@pytest.mark.parametrize(
    "arguments",
    [
        *(["nonsense"], ["grade"], ["grade", "a", "--x"]),
        ["grade", "a", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"],
    ],
)
def test_cli_usage_errors_exit_with_2(arguments):
    """An unknown command or option, or a missing argument, is a usage error."""
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "a", "--jobs", "0"], "--jobs"),
        (["grade"], "Missing argument"),
        (["feedback", "a", "--nonsense"], "--nonsense"),
        (["check", "--seeds", "many"], "--seeds"),
        (["grade", "a", "--jobs", "2", "--scheduler", "x"], "--scheduler"),
    ],
)
def test_cli_usage_errors_are_json_too(arguments, message):
    """With --json a usage error is the one document on stdout; the exit code stays."""
    done = run(*arguments, "--json")
    assert done.exit_code == 2
    assert message in json.loads(done.stdout)["error"]
    assert message in done.stderr


def one_line(done):
    """Give the one line that a command said when it failed."""
    assert done.exit_code == 1, done.output
    (line,) = [text for text in done.stderr.splitlines() if text]
    assert line.startswith("autograder: ")
    assert "[SQL" not in line
    return line


@pytest.mark.slow
def test_cli_says_what_is_the_matter_with_the_gradebook(tiny_course, monkeypatch):
    """One line names the database, what it said, and what to do; grades are kept."""
    hand_in(tiny_course, "ada", solved())
    course = ["--course", str(tiny_course.root)]
    assert run("grade", "ps1", *course).exit_code == 0
    before = tiny_course.root / "before.db"
    book = tiny_course.root / "gradebook.db"
    shutil.copyfile(book, before)

    book.write_bytes(b"This is no database. " * 100)
    for command in ("grade", "feedback", "report"):
        line = one_line(run(command, "ps1", *course))
        assert f"gradebook {book}: file is not a database" in line
        assert "backup" in line

    shutil.copyfile(before, book)
    with contextlib.closing(sqlite3.connect(book)) as older:
        older.execute("ALTER TABLE student DROP COLUMN lms_user_id")
    hand_in(tiny_course, "bob", solved())
    line = one_line(run("grade", "ps1", *course))
    assert "no such column: student.lms_user_id" in line or "lms_user_id" in line
    assert "make a backup of it, then run `nbgrader db upgrade`" in line

    shutil.copyfile(before, book)
    monkeypatch.setattr(database, "_WAIT_SECONDS", 1)
    monkeypatch.setattr(database, "_WORD_SECONDS", 2)
    with contextlib.closing(sqlite3.connect(book, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        line = one_line(run("grade", "ps1", *course))
        assert "database is locked; another program is writing to it: close" in line
    again = run("grade", "ps1", "--json", *course)
    assert again.exit_code == 0
    kept, new = json.loads(again.stdout)["submissions"]
    assert (kept["student"], kept["skipped"], new["points"]) == ("ada", True, 3)


@pytest.mark.parametrize(
    ("setting", "messages"),
    [
        ("db_url = 'postgresql+psycopg://me:secret@127.0.0.1:1/grades'", ["me:***@"]),
        ("db_url = 'me:secret@nowhere'", ["c.CourseDirectory.db_url in"]),
        ("db_url = 'sqlite:////no/such/folder/g.db'", ["unable to open", "see that"]),
        ("ignore = 3", ["'ignore' trait of a CourseDirectory", "nbgrader_config.py"]),
    ],
)
def test_cli_says_what_is_wrong_with_a_setting(tiny_course, setting, messages):
    """One line names the option or the address, without its password."""
    hand_in(tiny_course, "ada", solved())
    config = tiny_course.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.CourseDirectory.{setting}\n")
    line = one_line(run("grade", "ps1", "--course", str(tiny_course.root)))
    assert "secret" not in line
    for message in messages:
        assert message in line


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("memory_mb = 'lots'", "'memory_mb' trait of a SandboxLimits"),
        ("level = 'none'", "'level' trait of a SandboxLimits .*bwrap"),
        ("memroy_mb = 5", "no such limit memroy_mb; do you mean memory_mb"),
    ],
)
def test_cli_names_a_limit_that_cannot_be(tiny_course, setting, message):
    """The limit and the configuration's place are named, in one line."""
    hand_in(tiny_course, "ada", solved())
    config = tiny_course.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.SandboxLimits.{setting}\n")
    for arguments in (["grade", "ps1"], ["check"]):
        line = one_line(run(*arguments, "--course", str(tiny_course.root)))
        assert re.search(message, line)
        assert "unexpected" not in line


def test_cli_names_an_assignment_or_source_that_is_none(tiny_course):
    """An empty name, and a notebook in source/ that is none, are said as such."""
    hand_in(tiny_course, "ada", solved())
    course = ["--course", str(tiny_course.root)]
    for name in ("", ".", "../source/ps1", "ps1/"):
        assert f"no assignment {name!r}" in one_line(run("grade", name, *course))
    file = tiny_course.source / "ps1" / "squares.ipynb"
    file.write_text("[]\nnot JSON at all " * 100)
    for arguments in (["grade", "ps1"], ["check"]):
        line = one_line(run(*arguments, *course))
        assert f"{file} cannot be read as a notebook" in line
        assert line.count(file.name) == 1


@pytest.mark.parametrize(
    ("error", "messages"),
    [
        (OSError(28, "No space left on device"), ["No space left", "make room"]),
        (OSError(30, "Read-only file system", "/x/a"), ["system: /x/a; nothing can"]),
        (PermissionError(13, "Permission denied", "/x/b"), ["denied: /x/b; you may"]),
        (KeyError("a\nb"), ["unexpected KeyError", "--debug"]),
        (RuntimeError("long " * 1000 + "\nand more"), ["...; run again"]),
    ],
)
def test_cli_says_an_unforeseen_error_in_one_line(
    tiny_course, monkeypatch, error, messages
):
    """Of the disk's it says what to do, of others where to look; never a page."""

    def fail(*arguments):
        raise error

    monkeypatch.setattr("autograder.steps.report.report", fail)
    line = one_line(run("report", "ps1", "--course", str(tiny_course.root)))
    assert len(line) < 500
    for message in messages:
        assert message in line
    done = run("report", "ps1", "--debug", "--course", str(tiny_course.root))
    assert done.exception is error


def test_cli_module_runs(tmp_path):
    """``python -m autograder`` is the same command line."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "autograder", "build", "--course", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "is not a course" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_cli_takes_a_class_from_release_to_report(tmp_path):
    """The five commands of docs/grading.md, in turn, with what each says it wrote."""
    course = tmp_path / "course"
    text = """\
# %% nbgrader={"grade_id": "double", "solution": true}
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% nbgrader={"grade_id": "double-test", "points": 2}
assert double(2) == 4
"""
    (course / "source").mkdir(parents=True)
    (course / "source" / "tiny.py").write_text(text)
    (course / "nbgrader_config.py").write_text("c = get_config()\n")

    def said(*arguments):
        done = run(*arguments, "--course", str(course))
        assert done.exit_code == 0, done.stderr
        return done.stdout

    assert "tiny.ipynb" in said("build")
    assert "release" in said("release", "tiny")
    handed_in = tmp_path / "handed-in" / "student-01" / "tiny"
    shutil.copytree(course / "release" / "tiny", handed_in)
    archive = shutil.make_archive(
        str(tmp_path / "handed-in"), "zip", tmp_path / "handed-in"
    )
    assert "wrote student-01/tiny" in said("collect", archive)
    assert "1 up to date" in said("collect", archive)
    graded = said("grade", "tiny")
    assert "student-01" in graded
    assert "0/2" in graded
    assert "tiny: 1 graded; sandbox: " in graded
    assert "tiny.html" in said("feedback", "tiny")
    assert "tiny.csv" in said("report", "tiny")
    assert "yes" in said("check", "tiny", "--seeds", "1")


def test_cli_prints_what_students_wrote_as_text(monkeypatch, capsys):
    """A message with rich's markup in it is shown, not obeyed.

    On a terminal that is too narrow it alone is cut; in a log nothing is.
    """
    said = "[red]:x: " * 20
    row = Row("student-01", "a", Verdict.CRASHED, 1.0, 2.0, "bwrap", 3.0, said)
    short = Row("student-02", "a", Verdict.GRADED, 1.0, 2.0, "bwrap", 3.0, "short")
    for terminal in (True, False):
        narrow = Console(
            width=60,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            force_terminal=terminal,
            color_system=None,
        )
        monkeypatch.setattr(console, "out", narrow)
        console.print_grades(GradeSummary("a", [row, short]))
        first, second, last = capsys.readouterr().out.strip().splitlines()[-3:]
        assert "student-01  crashed     1/2" in first
        assert "[red]:x: [red]" in first
        assert first.endswith(said.strip()) != terminal
        assert terminal or second.endswith("  short")
        assert last == "a: 1 graded, 1 crashed; sandbox: bwrap"
