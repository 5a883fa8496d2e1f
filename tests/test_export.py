"""Tests of the way back: grades and pages, in what the platform gave."""

import json
import re
import zipfile

import platform_class as made
import pytest
from typer.testing import CliRunner

from autograder import cli
from autograder.assignment.notebook import Assignment
from autograder.errors import PeopleError
from autograder.gradebook import database, records
from autograder.gradebook.scores import register
from autograder.people.sheets import read_sheet
from autograder.steps.collect import collect
from autograder.steps.export import export
from autograder.steps.roster import roster
from autograder.verdicts import Verdict

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

CLASS = made.make_class()
GRADED = [*CLASS[:20], *CLASS[-6:]]
SHEETS = {
    "canvas": made.canvas_sheet,
    "moodle": made.moodle_sheet,
    "gradescope": made.gradescope_sheet,
}


def points_of(student):
    """Say how many of 10 points a student has: halves, too, and zero."""
    return student.number % 20 / 2


def grade(course, students):
    """Write grades to the gradebook as if they had been graded."""
    with database.open_gradebook(course.db_url, "tiny") as book:
        register(book, Assignment(course, "ps1"))
        for student in students:
            with database.one_transaction(book):
                book.update_or_create_student(student.login)
                entry = book.update_or_create_submission("ps1", student.login)
                for cell in entry.notebooks[0].grades:
                    cell.needs_manual_grade = False
                    if cell.name == "essay":
                        cell.manual_score = points_of(student)
                run = records.StoredRun(student.login, "ps1", "squares", Verdict.GRADED)
                records.record(book, run, [])


@pytest.fixture
def course(tiny_course, tmp_path):
    """A course whose roster knows all platforms, and some of it graded."""
    roster(tiny_course, made.canvas_sheet(tmp_path / "c.csv", CLASS))
    roster(tiny_course, made.gradescope_roster(tmp_path / "g.csv", CLASS))
    roster(tiny_course, made.moodle_sheet(tmp_path / "m.csv", CLASS))
    grade(tiny_course, GRADED)
    return tiny_course


def cells(path):
    """Read a table as rows of texts."""
    sheet = read_sheet(path)
    return [sheet.header, *sheet.rows]


@pytest.mark.parametrize("to", SHEETS)
def test_export_joins_every_row_on_its_id(course, tmp_path, to):
    """Each grade is in the row of its student, and no other cell is different."""
    sheet = SHEETS[to](tmp_path / "sheet.csv", CLASS)
    column = {"canvas": "PS 1 (77)", "moodle": "Bewertung", "gradescope": "Total Score"}
    title = "77" if to == "canvas" else None
    done = export(course, "ps1", to, sheet, column=title)
    (path,) = done.written
    assert done.filled.column == column[to]
    assert done.filled.problems == []
    assert len(done.filled.changed) == len(GRADED)
    assert len(done.filled.ungraded) == len(CLASS) - len(GRADED)
    key = {"canvas": "ID", "moodle": "Bezeichner", "gradescope": "SID"}[to]
    ids = {
        {
            "canvas": s.canvas,
            "moodle": f"Teilnehmer/in {s.participant}",
            "gradescope": s.sid,
        }[to]: s
        for s in GRADED
    }
    before, after = cells(sheet), cells(path)
    assert after[0] == before[0]
    where, index = before[0].index(key), before[0].index(column[to])
    joined = 0
    for old, new in zip(before, after, strict=True):
        assert old[:index] + old[index + 1 :] == new[:index] + new[index + 1 :]
        if student := ids.get(new[where]):
            joined += 1
            assert float(new[index].replace(",", ".")) == points_of(student)
            assert "," not in new[index] or to == "moodle"
        else:
            assert old == new
    assert joined == len(GRADED)
    if to == "moodle":
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        assert any(row[index] == "4,5" for row in after)
    again = export(course, "ps1", to, path, column=title, out=tmp_path / "again.csv")
    assert (again.filled.changed, len(again.filled.same)) == ([], len(GRADED))
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


def test_export_says_what_changed_and_keeps_the_excused(course, tmp_path):
    """Old and new stand side by side; EX stays; the command says where it wrote."""
    sheet = made.canvas_sheet(tmp_path / "sheet.csv", CLASS)
    text = sheet.read_text("utf-8")
    text = text.replace("s003,CS 1,4.5,", "s003,CS 1,4.5,EX")
    text = text.replace("s004,CS 2,4.5,", "s004,CS 2,4.5,1.5")
    sheet.write_text(text, "utf-8")
    done = CliRunner().invoke(
        cli.app,
        [
            *("export", "ps1", "--to", "canvas", "--sheet", str(sheet)),
            *("--column", "PS 1", "--course", str(course.root)),
        ],
    )
    assert done.exit_code == 0, done.output
    assert re.search(r"^s004 +1.5 +2$", done.stdout, re.MULTILINE)
    assert "column PS 1 (77): 25 changed, 0 up to date, 1 excused" in done.stdout
    assert "ps1-canvas.csv" in done.stdout
    assert sheet.read_text("utf-8") == text
    written = course.exported("ps1-canvas.csv").read_text("utf-8")
    assert "s003,CS 1,4.5,EX" in written


def test_export_finds_the_column_by_the_assignments_name(course, tmp_path):
    """Signs and case aside the title is the assignment's name, or it is asked for."""
    sheet = made.canvas_sheet(tmp_path / "sheet.csv", CLASS)
    assert export(course, "ps1", "canvas", sheet).filled.column == "PS 1 (77)"
    other = made.canvas_sheet(tmp_path / "sheet.csv", CLASS, "Homework (77)")
    with pytest.raises(PeopleError, match=r"--column: Quiz \(70\), Homework \(77\)"):
        export(course, "ps1", "canvas", other)
    with pytest.raises(PeopleError, match="no column is called 'Final Score'"):
        export(course, "ps1", "canvas", other, column="Final Score")


def test_export_other_maximum_is_not_passed_over(course, tmp_path):
    """9 of 10 points are not 9 of 100: it stops, or converts if it is told to."""
    sheet = made.canvas_sheet(tmp_path / "sheet.csv", CLASS)
    text = sheet.read_text("utf-8").replace(",5,10,", ",5,100,")
    sheet.write_text(text, "utf-8")
    with pytest.raises(PeopleError, match="100 as the most"):
        export(course, "ps1", "canvas", sheet)
    done = export(course, "ps1", "canvas", sheet, scale=True)
    assert ("s003", "", "15") in done.filled.changed


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda t: t.replace(",4003,", ",4999,"), "are both|is of s003|is nobody"),
        (lambda t: re.sub(r".*,4003,.*\r?\n", "", t), "s003 has a grade and no row"),
        (lambda t: t.replace(",4004,", ",4003,"), "is of s003 and of s004"),
    ],
)
def test_export_stops_where_a_row_does_not_join(course, tmp_path, damage, says):
    """A grade without a row, or a row of two people: nothing is written."""
    sheet = made.canvas_sheet(tmp_path / "sheet.csv", CLASS)
    text = damage(sheet.read_text("utf-8"))
    if "4999" in text:
        text = re.sub(",4999,[^,]*,[^,]*,", ",4999,,,", text)
    sheet.write_text(text, "utf-8")
    done = export(course, "ps1", "canvas", sheet)
    assert done.stopped
    assert done.written == []
    assert any(re.search(says, problem) for problem in done.filled.problems)
    assert export(course, "ps1", "canvas", sheet, partial=True).written


def test_export_refuses_another_platforms_table(course, tmp_path):
    """A table of Moodle's is not filled in as Canvas's, nor is the table replaced."""
    sheet = made.moodle_sheet(tmp_path / "sheet.csv", CLASS)
    with pytest.raises(PeopleError, match="no table from canvas"):
        export(course, "ps1", "canvas", sheet)
    with pytest.raises(PeopleError, match="would replace"):
        export(course, "ps1", "moodle", sheet, out=sheet)
    with pytest.raises(PeopleError, match="--sheet FILE"):
        export(course, "ps1", "moodle")
    with pytest.raises(PeopleError, match="--to takes"):
        export(course, "ps1", "elsewhere", sheet)


def test_export_makes_a_table_of_its_own(course):
    """Without a platform there is a table with names, e-mails and points."""
    (path,) = export(course, "ps1", "csv").written
    header, *rows = cells(path)
    assert header[0] == "student"
    found = {row[0]: row for row in rows}
    assert set(found) == {s.login for s in GRADED}
    s = GRADED[4]
    assert found[s.login][1:] == [s.last, s.first, s.email, f"{points_of(s):g}", "10"]


@pytest.mark.parametrize("to", ["canvas", "moodle", "csv"])
def test_export_packs_pages_under_the_names_they_came_by(course, tmp_path, to):
    """The platform finds each student's page by the name the submission had."""
    archives = {"canvas": made.canvas_archive, "moodle": made.moodle_archive}
    archive = archives.get(to, made.blackboard_archive)
    collect(course, archive(tmp_path / "all.zip", GRADED[:-1]))
    for s in GRADED[1:]:
        page = course.feedback_page(s.login, "ps1", "squares")
        page.parent.mkdir(parents=True)
        page.write_text(s.login)
    done = export(course, "ps1", to, feedback=True)
    (path,) = [path for path in done.written if path.suffix == ".zip"]
    with zipfile.ZipFile(path) as packed:
        pages = {name: packed.read(name).decode() for name in packed.namelist()}
    expected = {}
    for s in GRADED[1:-1] if to != "csv" else GRADED[1:]:
        late = "_LATE" if s.late else ""
        again = "-1" if s.twice else ""
        start = f"{made.canvas_slug(s.sortable)}{late}_{s.canvas}_{60000 + s.number}"
        name = {
            "canvas": f"{start}_squares{again}.html",
            "moodle": f"{made.moodle_name(s)}_{s.participant}_assignfeedback_file_/"
            "squares.html",
            "csv": f"{s.login}/squares.html",
        }[to]
        expected[name] = s.login
    assert pages == expected
    assert done.not_packed[0].startswith(f"{GRADED[0].login}: no page")
    assert len(done.not_packed) == (1 if to == "csv" else 2)


def test_export_of_nobody_says_how_to_grade(tiny_course, tmp_path):
    """Before anybody is graded the message names the command."""
    done = CliRunner().invoke(
        cli.app,
        [
            *("export", "ps1", "--to", "csv", "--json"),
            *("--course", str(tiny_course.root)),
        ],
    )
    assert done.exit_code == 1
    assert "autograder grade ps1" in json.loads(done.stdout)["error"]
