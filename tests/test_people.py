"""Tests of the roster: who is in the class, from the tables that platforms give."""

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from autograder import cli
from autograder.errors import PeopleError
from autograder.people.names import first_and_last, forms_of, key_of
from autograder.people.platforms import people_of
from autograder.people.roster import read_roster
from autograder.people.sheets import as_number, read_sheet
from autograder.steps.roster import roster

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,PS 1 (77),Final Score
,,,,,Manual Posting,
    Points Possible,,,,,3,(read only)
"O'Dare, Zoë",11,S-11,zodare,A,,
"Doe, Jane",12,S-12,jdoe,B,,
"Doe, Jane",13,S-13,jdoe2,B,,
"Student, Test",99,,0123456789abcdef0123456789abcdef01234567,A,,
"""
MOODLE = """\
Bezeichner,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,\
Bewertung kann geändert werden,Zuletzt geändert (Bewertung)
"Teilnehmer/in 501","Zoë O'Dare",zo@uni.example,Zur Bewertung,,"3,00",Ja,-
"Teilnehmer/in 502","Jane Doe",jd@uni.example,Zur Bewertung,,"3,00",Ja,-
"""
GRADESCOPE = """\
First Name,Last Name,SID,Email,Role,Section
Zoë,O'Dare,S-11,zo@uni.example,Student,A
Jane,Doe,S-12,jd@uni.example,Student,B
Alan,Teacher,,al@uni.example,Instructor,
"""


def table(tmp_path, text, encoding="utf-8"):
    """Write a table."""
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def people(tmp_path, text, **options):
    """Read the people of a table, by student id."""
    found = people_of(read_sheet(table(tmp_path, text)), **options)
    return {person.student: person for person in found}


# --- tables and names -----------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_people_a_table_comes_back_as_it_was(tmp_path, encoding, delimiter, newline):
    """Encoding, delimiter and line ends are found; nothing of a table is lost."""
    rows = ['"a b";name', '1;"O\'Dare; Zoë"', '"  2";']
    text = newline.join([*rows, ""]).replace(";", delimiter).replace('"a b"', "a b")
    text = text.replace('"  2"', "  2")
    path = table(tmp_path, text, encoding)
    sheet = read_sheet(path)
    assert sheet.rows[0][1] == f"O'Dare{delimiter} Zoë"
    sheet.write(path)
    assert path.read_bytes() == text.encode(encoding)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,5", 1.5), ("1.5", 1.5), ("3", 3), ("-", None), ("EX", None)],
)
def test_people_numbers_have_a_comma_or_a_point(text, number):
    """Both signs are read; what is no number is none."""
    assert as_number(text) == number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Doe, Jane", "Jane Doe"),
        ("Doe, Jane", "doejane"),
        ("O'Dare, Zoë", "odarezoë"),
        ("O'Dare, Zoë", "Zoe ODare"),
        ("de la Cruz, María José", "maria jose de la cruz"),
        ("Anna Maria Strauß", "strauss, anna maria"),
        ("李, 小龙", "李小龙"),
    ],
)
def test_people_names_are_compared_by_their_letters(one, other):
    """Order, case, accents, apostrophes and blanks do not matter."""
    assert forms_of(one) & forms_of(other)


def test_people_other_names_are_other_people():
    """Letters do matter, and a name of signs alone is like no other."""
    assert not forms_of("Doe, Jane") & forms_of("Doe, Jan")
    assert forms_of("--") == set()
    assert key_of("É") == "e"
    assert first_and_last("Jane van Doe") == ("Jane van", "Doe")


# --- platforms ------------------------------------------------------------------------


def test_people_of_canvas_have_all_their_ids(tmp_path):
    """Points possible, manual posting and the test student are no people."""
    found = people(tmp_path, CANVAS)
    assert set(found) == {"zodare", "jdoe", "jdoe2"}
    zoe = found["zodare"]
    assert (zoe.name, zoe.section) == ("O'Dare, Zoë", "A")
    assert zoe.ids == {"canvas": ("11",), "sid": ("S-11",), "login": ("zodare",)}
    assert set(people(tmp_path, CANVAS, by="canvas")) == {"11", "12", "13"}


def test_people_of_moodle_are_found_in_any_language(tmp_path):
    """Names, e-mails and participants' numbers are found by what the columns hold."""
    found = people(tmp_path, MOODLE)
    assert found["zo@uni.example"].name == "Zoë O'Dare"
    assert found["jd@uni.example"].ids == {"moodle": ("502",)}


def test_people_of_blind_moodle_have_numbers_alone(tmp_path):
    """Where marking is blind, a status is not taken for a name."""
    text = "Identifier,Status,Grade,Maximum Grade\n"
    text += "Participant 7,No submission,,3.00\nParticipant 8,Submitted,,3.00\n"
    found = people(tmp_path, text)
    assert {p.student: p.name for p in found.values()} == {
        "participant-7": "",
        "participant-8": "",
    }


def test_people_of_gradescope_are_its_students(tmp_path):
    """Staff are left out; the number of the school becomes the id."""
    found = people(tmp_path, GRADESCOPE)
    assert set(found) == {"S-11", "S-12"}
    assert found["S-11"].name == "O'Dare, Zoë"


def test_people_ids_with_numbers_are_no_participants(tmp_path):
    """A table of ids such as s001 is no worksheet of Moodle's."""
    found = people(tmp_path, "login,group\ns001,A\ns002,B\n")
    assert found["s001"].ids == {"login": ("s001",)}
    assert found["s002"].group == "B"


def test_people_columns_can_be_named(tmp_path):
    """A heading that nobody foresaw is said by the instructor."""
    text = "Matrikel,Wer\n1,Jane Doe\n"
    found = people(tmp_path, text, named={"student": "Matrikel", "name": "Wer"})
    assert found["1"].name == "Jane Doe"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Name\nJane Doe\nJane Doe\n", "told apart"),
        ("student,name\na/b,Jane\n", "told apart"),
        ("Student,ID,Section\n", "no students"),
        ("", "empty"),
        ("PK\x03\x04", "no CSV"),
    ],
)
def test_people_who_cannot_be_told_apart_are_an_error(tmp_path, text, says):
    """Namesakes without ids, and tables with nobody, are refused."""
    with pytest.raises(PeopleError, match=says):
        people(tmp_path, text)


# --- the roster -----------------------------------------------------------------------


def test_roster_puts_platforms_together(tiny_course, tmp_path):
    """Ids, e-mails and numbers of several tables meet in one row for each person."""
    unique = CANVAS.replace('"Doe, Jane",13', '"Roe, Rick",13')
    first = roster(tiny_course, table(tmp_path, unique))
    assert (len(first.new), first.path) == (3, tiny_course.root / "roster.csv")
    second = roster(tiny_course, table(tmp_path, GRADESCOPE))
    assert (second.new, len(second.changed)) == ([], 2)
    assert second.absent == ["jdoe2"]
    third = roster(tiny_course, table(tmp_path, MOODLE))
    assert third.new == []
    other = MOODLE.replace("501", "601").replace("502", "602")
    roster(tiny_course, table(tmp_path, other))
    zoe = read_roster(tiny_course.roster).by_id("moodle", "601")
    assert (zoe.student, zoe.email) == ("zodare", "zo@uni.example")
    assert zoe.ids["moodle"] == ("501", "601")
    assert roster(tiny_course, table(tmp_path, other)).same == ["zodare", "jdoe"]


def test_roster_never_guesses_between_namesakes(tiny_course, tmp_path):
    """Two of one name, and no id in common: nothing is written."""
    roster(tiny_course, table(tmp_path, CANVAS))
    before = tiny_course.roster.read_bytes()
    with pytest.raises(PeopleError, match="may be any of jdoe, jdoe2"):
        roster(tiny_course, table(tmp_path, MOODLE))
    clash = "login,sid\nzodare,S-12\n"
    with pytest.raises(PeopleError, match="has ids of"):
        roster(tiny_course, table(tmp_path, clash))
    assert tiny_course.roster.read_bytes() == before


def test_roster_namesake_with_another_id_is_somebody_new(tiny_course, tmp_path):
    """The same name with another number of the school is another person."""
    roster(tiny_course, table(tmp_path, "student,name,sid\nada,Jane Doe,1\n"))
    done = roster(tiny_course, table(tmp_path, "student,name,sid\neve,Jane Doe,2\n"))
    assert done.new == ["eve"]


def test_roster_brings_names_to_the_gradebook(tiny_course, tmp_path):
    """Formgrader reads first and last names, e-mails and ids there."""
    done = CliRunner().invoke(
        cli.app,
        [
            *("roster", str(table(tmp_path, CANVAS)), "--json"),
            *("--course", str(tiny_course.root)),
        ],
    )
    assert len(json.loads(done.stdout)["new"]) == 3
    roster(tiny_course, table(tmp_path, GRADESCOPE.replace("Doe,S-12", "Doe,S-13")))
    with sqlite3.connect(tiny_course.root / "gradebook.db") as book:
        rows = book.execute(
            "SELECT id, first_name, last_name, email, lms_user_id FROM student"
        ).fetchall()
    book.close()
    assert ("zodare", "Zoë", "O'Dare", "zo@uni.example", "11") in rows
    assert ("jdoe", "Jane", "Doe", None, "12") in rows
