"""Tests of collecting what learning platforms export: nobody's identity is guessed."""

import json
import zipfile
from datetime import timedelta

import platform_class as made
import pytest
from conftest import solved
from test_collect import zipped
from typer.testing import CliRunner

from autograder import cli
from autograder.errors import CollectError
from autograder.people.platforms import people_of
from autograder.people.roster import merge, read_roster, write_roster
from autograder.people.sheets import read_sheet
from autograder.steps.collect import collect
from autograder.steps.feedback import feedback
from autograder.steps.grade import grade
from autograder.steps.roster import roster

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

CLASS = made.make_class()


def enrol(course, tmp_path, class_=CLASS, moodle=True):
    """Make the course's roster from the platforms' tables."""
    path = tmp_path / "table.csv"
    makers = [made.canvas_sheet, made.gradescope_roster, made.moodle_sheet]
    known = read_roster(course.roster)
    for make in makers if moodle else makers[:-1]:
        known = merge(known, people_of(read_sheet(make(path, class_)))).roster
    write_roster(known, course.roster)


def handed_in(course):
    """Read the notebook of each student in ``submitted/``."""
    found = {}
    for path in course.submitted.glob("*/ps1/*"):
        assert path.name in {"squares.ipynb", "timestamp.txt", "submission_secret.txt"}
        if path.suffix == ".ipynb":
            found[path.parent.parent.name] = path.read_bytes()
    return found


def stamp(course, student):
    """Read when a student handed in."""
    return (course.submitted / student / "ps1" / "timestamp.txt").read_text()


ARCHIVES = {
    "canvas": made.canvas_archive,
    "moodle": made.moodle_archive,
    "moodle, old folders": lambda p, c: made.moodle_archive(p, c, "old"),
    "moodle, flat": lambda p, c: made.moodle_archive(p, c, "flat"),
    "moodle, blind": lambda p, c: made.moodle_archive(p, c, "blind"),
    "moodle, groups": lambda p, c: made.moodle_archive(p, c, group="Team 1-"),
    "gradescope": made.gradescope_archive,
    "blackboard": made.blackboard_archive,
    "brightspace": made.brightspace_archive,
    "exchange": made.exchange_archive,
    "plain": made.plain_archive,
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_platforms_300_students_each_get_their_own(tiny_course, tmp_path, name):
    """Every student's last notebook is under the right id; none is anybody else's."""
    platform = name.partition(",")[0]
    class_ = CLASS
    if platform in ("brightspace", "plain"):  # these have no id that the roster knows
        class_ = CLASS[1:]
    enrol(tiny_course, tmp_path, class_)
    done = collect(tiny_course, ARCHIVES[name](tmp_path / "all.zip", class_))
    assert (done.problems, done.platform) == ([], platform)
    assert done.stopped is False
    expected = {s.login: made.answer(s) for s in class_}
    if platform == "gradescope":
        for group in (class_[-6:-3], class_[-3:]):
            expected |= {s.login: made.answer(group[0]) for s in group}
    assert handed_in(tiny_course) == expected
    assert len(done.people) == len(class_)
    if platform == "canvas":
        late = {row.student for row in done.people if row.late}
        assert late == {s.login for s in class_ if s.late}
    if platform in ("blackboard", "brightspace", "exchange", "gradescope"):
        first = class_[2]
        assert stamp(tiny_course, first.login).startswith(
            f"{first.when:%Y-%m-%d %H:%M:%S}"
        )
    if platform in ("canvas", "blackboard", "brightspace", "exchange"):
        earlier = tiny_course.collected / "earlier"
        kept = {p.parts[-4] for p in earlier.glob("*/ps1/*/squares.ipynb")}
        assert kept == {s.login for s in class_ if s.twice}
    again = collect(tiny_course, tmp_path / "all.zip")
    assert (again.written, len(again.kept)) == ([], len(class_))


def test_platforms_time_of_moodle_is_in_its_worksheet(tiny_course, tmp_path):
    """A worksheet in English, given for this time, says when each handed in."""
    enrol(tiny_course, tmp_path, CLASS[:9], moodle=False)
    sheet = made.moodle_sheet(tmp_path / "w.csv", CLASS[:9], german=False)
    archive = made.moodle_archive(tmp_path / "all.zip", CLASS[:9])
    collect(tiny_course, archive, roster=sheet, timezone="UTC")
    for s in CLASS[:9]:
        assert stamp(tiny_course, s.login).startswith(f"{s.when:%Y-%m-%d %H:%M}:00")


def test_platforms_unknown_person_stops_all(tiny_course, tmp_path):
    """One who is not in the roster: nothing is written, unless --partial."""
    enrol(tiny_course, tmp_path, CLASS[:9])
    archive = made.canvas_archive(tmp_path / "all.zip", CLASS[:10])
    course = ["--course", str(tiny_course.root)]
    done = CliRunner().invoke(cli.app, ["collect", str(archive), *course])
    assert done.exit_code == 1
    assert "nobody in the roster has that name or id (canvas 4010)" in done.stderr
    assert "1 not recognised, so nothing was written" in done.stderr
    assert "canvas 4003" in done.stdout
    assert handed_in(tiny_course) == {}
    done = CliRunner().invoke(
        cli.app, ["collect", str(archive), "--partial", "--json", *course]
    )
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["problems"]) == 1
    assert len(handed_in(tiny_course)) == 9


def test_platforms_dry_run_writes_nothing(tiny_course, tmp_path):
    """It says who is recognised, and leaves the course as it was."""
    enrol(tiny_course, tmp_path, CLASS[:9])
    archive = made.canvas_archive(tmp_path / "all.zip", CLASS[:9])
    done = collect(tiny_course, archive, dry_run=True)
    assert len(done.people) == 9
    assert not tiny_course.collected.exists()
    assert handed_in(tiny_course) == {}


@pytest.mark.parametrize("name", ["canvas", "moodle", "gradescope", "brightspace"])
def test_platforms_without_a_roster_are_not_guessed(tiny_course, tmp_path, name):
    """Names and numbers of a platform are no student ids: a roster is asked for."""
    archive = ARCHIVES[name](tmp_path / "all.zip", CLASS[2:5] + CLASS[20:26])
    with pytest.raises(CollectError, match="make the roster first"):
        collect(tiny_course, archive)
    assert handed_in(tiny_course) == {}


@pytest.mark.parametrize("name", ["exchange", "blackboard"])
def test_platforms_that_know_students_ids_need_no_roster(tiny_course, tmp_path, name):
    """The exchange and Blackboard write the user's own name, which is taken as is."""
    class_ = CLASS[:12]
    path = ARCHIVES[name](tmp_path / "all.zip", class_)
    if name == "blackboard":
        files = {
            f"Set 1_{s.login}_attempt_2026-11-01-10-00-00_squares.ipynb": made.answer(s)
            for s in class_
        }
        zipped(path, files)
    assert len(collect(tiny_course, path).written) == 12
    assert handed_in(tiny_course) == {s.login: made.answer(s) for s in class_}


def test_platforms_namesakes_without_an_id_are_a_problem(tiny_course, tmp_path):
    """Two Jane Does, and a name alone: it says who it may be."""
    enrol(tiny_course, tmp_path, CLASS[:5])
    archive = made.brightspace_archive(tmp_path / "all.zip", CLASS[:5])
    done = collect(tiny_course, archive)
    assert len(done.problems) == 2
    assert "it may be s001, s002" in done.problems[0]
    assert done.written == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("doejane_4003_7_squares.ipynb", "the name is not"),
        ("somebodyelse_4003_7_squares.ipynb", "the name is not"),
        ("odare_9_7_squares.ipynb", "nobody in the roster"),
        ("{slug}_9_7_squares.ipynb", "whose canvas is 4003 and not 9"),
        ("notes.txt", "no name that canvas gives"),
        ("LATE_anon_x7Yz_7_squares.ipynb", "nobody in the roster"),
    ],
)
def test_platforms_id_and_name_must_agree(tiny_course, tmp_path, name, says):
    """An id with another's name, or a name with another id, is no success."""
    enrol(tiny_course, tmp_path, CLASS[:9])
    slug = made.canvas_slug(CLASS[2].sortable)
    archive = made.canvas_archive(tmp_path / "all.zip", CLASS[4:9])
    with zipfile.ZipFile(archive, "a") as all_of_them:
        all_of_them.writestr(name.format(slug=slug), made.answer(CLASS[2]))
    done = collect(tiny_course, archive)
    (problem,) = done.problems
    assert says in problem
    assert done.stopped
    assert done.written == []


def test_platforms_group_of_the_roster_gets_it_whole(tiny_course, tmp_path):
    """Canvas names a group and one member: with the group known each has it."""
    enrol(tiny_course, tmp_path, CLASS[:9])
    rows = [["login", "group"], *([s.login, "Team Rocket"] for s in CLASS[3:6])]
    roster(tiny_course, made.table(tmp_path / "g.csv", rows))
    files = {f"teamrocket_{CLASS[4].canvas}_7_squares.ipynb": made.answer(CLASS[4])}
    collect(tiny_course, zipped(tmp_path / "all.zip", files))
    assert handed_in(tiny_course) == {
        s.login: made.answer(CLASS[4]) for s in CLASS[3:6]
    }


def test_platforms_anonymous_are_found_by_what_the_roster_has(tiny_course, tmp_path):
    """An anonymous id that stands in the roster is an id like others."""
    enrol(tiny_course, tmp_path, CLASS[:3])
    rows = [["login", "anonymous"], [CLASS[2].login, "x7Yz"]]
    roster(tiny_course, made.table(tmp_path / "a.csv", rows))
    files = {"LATE_anon_x7Yz_7_squares.ipynb": made.answer(CLASS[2])}
    done = collect(tiny_course, zipped(tmp_path / "all.zip", files))
    assert [(row.student, row.late) for row in done.people] == [("s003", True)]


def test_platforms_two_tries_without_times_are_a_problem(tiny_course, tmp_path):
    """If nothing says which of two is the later one, neither is taken."""
    enrol(tiny_course, tmp_path, CLASS[:5])
    one, other = CLASS[2], CLASS[3]
    files = {
        f"{one.login}/squares.ipynb": made.answer(one),
        f"{one.email}/squares.ipynb": made.answer(one, True),
        f"{other.login}/squares.ipynb": made.answer(other),
        f"{other.sid}/squares.ipynb": made.answer(other),
    }
    done = collect(tiny_course, zipped(tmp_path / "all.zip", files))
    (problem,) = done.problems
    assert problem.startswith("s003: handed in")
    assert [row.student for row in done.people] == ["s004"]


def test_platforms_odd_files_come_along_when_the_assignment_is_named(
    tiny_course, tmp_path
):
    """Nobody is left out: a PDF, a folder in an archive, a text without any file."""
    enrol(tiny_course, tmp_path, CLASS[:9])
    names = [f"{made.canvas_slug(s.sortable)}_{s.canvas}" for s in CLASS[:9]]
    files = {
        f"{names[2]}_7_report.pdf": b"%PDF",
        f"{names[3]}_8_hw.zip": {"hw/squares.ipynb": b"{}", "hw/d/x.csv": b"1"},
        f"{names[4]}_text.html": b"<p>",
    }
    archive = zipped(tmp_path / "all.zip", files)
    done = collect(tiny_course, archive, "ps1")
    assert (len(done.written), done.problems) == (3, [])
    assert done.notes == ["handed in without a file: s005"]
    there = {
        str(p.relative_to(tiny_course.submitted))
        for p in tiny_course.submitted.rglob("*")
        if p.is_file()
    }
    assert there == {
        "s003/ps1/report.pdf",
        "s004/ps1/squares.ipynb",
        "s004/ps1/d/x.csv",
    }


def test_platforms_a_students_own_stamps_are_left_out(tiny_course, tmp_path):
    """When somebody handed in is the platform's word, not the student's."""
    enrol(tiny_course, tmp_path, CLASS[:5])
    s = CLASS[2]
    folder = f"{made.moodle_name(s)}_{s.participant}_assignsubmission_file"
    files = {
        f"{folder}/{name}": b"1990-01-01"
        for name in ("timestamp.txt", "submission_secret.txt")
    }
    files[f"{folder}/squares.ipynb"] = made.answer(s)
    collect(tiny_course, zipped(tmp_path / "all.zip", files))
    assert [p.name for p in (tiny_course.submitted / "s003/ps1").iterdir()] == [
        "squares.ipynb"
    ]


def test_platforms_one_notebook_and_a_due_date(tiny_course, tmp_path):
    """A single notebook is taken; the due date and the names reach the gradebook."""
    from autograder.gradebook import database

    enrol(tiny_course, tmp_path, CLASS[:5])
    path = tmp_path / f"{CLASS[2].sortable}_squares.ipynb"
    path.write_bytes(made.answer(CLASS[2]))
    collect(tiny_course, path, "ps1", due="2026-11-03 13:00", timezone="Europe/Vienna")
    assert list(handed_in(tiny_course)) == ["s003"]
    with database.open_gradebook(tiny_course.db_url, "tiny") as book:
        assert book.find_assignment("ps1").duedate == made.DUE.replace(tzinfo=None)
        found = book.find_student("s003")
        assert (found.last_name, found.email) == (CLASS[2].last, CLASS[2].email)


def test_platforms_a_newer_archive_replaces_and_keeps_the_old(tiny_course, tmp_path):
    """What was collected before goes to collected/earlier, and is not lost."""
    enrol(tiny_course, tmp_path, CLASS[:9])
    collect(tiny_course, made.blackboard_archive(tmp_path / "a.zip", CLASS[2:5]))
    files = {}
    for s in CLASS[2:5]:
        when = s.when + timedelta(days=1)
        start = f"Problem Set_1_{s.login}_attempt_{when:%Y-%m-%d-%H-%M-%S}"
        files[f"{start}_squares.ipynb"] = b"newer"
    done = collect(tiny_course, zipped(tmp_path / "b.zip", files))
    assert len(done.written) == 3
    assert set(handed_in(tiny_course).values()) == {b"newer"}
    old = list(tiny_course.collected.glob("earlier/*/ps1/*/squares.ipynb"))
    assert len(old) == 3
    assert made.answer(CLASS[2]) in {path.read_bytes() for path in old}


def test_platforms_a_file_of_nobody_is_a_problem(tiny_course, tmp_path):
    """In a plain folder, too, a person who would be left out stops it."""
    enrol(tiny_course, tmp_path, CLASS[:5])
    files = {
        "s003/squares.ipynb": made.answer(CLASS[2]),
        "s004/other.ipynb": made.answer(CLASS[3]),
    }
    done = collect(tiny_course, zipped(tmp_path / "all.zip", files))
    assert done.problems[0].startswith("s004/other.ipynb was not collected")
    assert done.written == []


@pytest.mark.slow
def test_platforms_late_penalty_and_feedback_in_step(tiny_course, tmp_path):
    """Time and due date lead to the course's penalty, and the secret to the page."""
    notebook = json.dumps(solved()).encode()
    files = {}
    for student, hour in (("s003", 10), ("s004", 14)):
        stamp_ = f"2026-11-03 {hour}:00:00.000000 UTC"
        folder = f"inbound/{student}+ps1+{stamp_}+x"
        files[f"{folder}/squares.ipynb"] = notebook
        files[f"{folder}/submission_secret.txt"] = f"secret of {student}".encode()
    enrol(tiny_course, tmp_path, CLASS[:5])
    archive = zipped(tmp_path / "all.zip", files)
    collect(tiny_course, archive, "ps1", due="2026-11-03 12:00", timezone="UTC")
    rows = {row.student: row for row in grade(tiny_course, "ps1").rows}
    assert rows["s003"].points == 3
    assert rows["s004"].points == 0  # the course's rule for what is late
    feedback(tiny_course, "ps1")
    for student in rows:
        folder = tiny_course.feedback_folder(student, "ps1")
        secret = (folder / "submission_secret.txt").read_text()
        assert secret == f"secret of {student}"
        assert (folder / "timestamp.txt").read_text() == stamp(tiny_course, student)
