"""A gradebook on a PostgreSQL server: a real server, the same grades as in SQLite."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import CONFIG, hand_in, solved
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, text

from autograder.course import find_course
from autograder.gradebook import database, records
from autograder.steps.feedback import feedback
from autograder.steps.grade import grade
from autograder.steps.report import report
from autograder.verdicts import Verdict

pytestmark = pytest.mark.slow  # a server

CLASS = {
    "good": solved(),
    "wrong": solved({"square": "def square(x): return 2 * x"}),
    "partial": solved({"half": "half = 2.5"}),
    "crash": solved({"half": "import os\nos._exit(3)"}),
    "late": solved(),
    "junk": b"{",
}


def _programs():
    """Find the folder of the server's programs."""
    found = [Path(p).parent for p in [shutil.which("initdb")] if p]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").is_file()), None)


@pytest.fixture(scope="module")
def server():
    """Start a server in a folder of its own, without network; give its folder."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    owner = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam("postgres")
            owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if not owner:
            pytest.skip("there is no user postgres for the server to run as")
    # A socket's path is short: pytest's own folder is too deep, and closed to others.
    folder = Path(tempfile.mkdtemp(prefix="autograder-pg-", dir="/tmp"))
    if owner:
        os.chown(folder, owner["user"], owner["group"])

    def run(program, *arguments):
        done = subprocess.run(
            [programs / program, *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
            **owner,
        )
        assert done.returncode == 0, (folder / "log").read_text()

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run(
            "pg_ctl",
            "-D",
            data,
            "-l",
            str(folder / "log"),
            "-o",
            options,
            "-w",
            "start",
        )
        try:
            yield folder
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_course(server, tiny_course):
    """Give a course with a new database on the server."""
    address = "postgresql+psycopg://postgres@/{}?host=" + str(server)
    engine = create_engine(address.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS grades"))
        connection.execute(text("CREATE DATABASE grades"))
    engine.dispose()
    root = tiny_course.root.parent / "on-postgres"
    shutil.copytree(tiny_course.root, root)
    (root / "gradebook.db").unlink()
    setting = f"c.CourseDirectory.db_url = {address.format('grades')!r}\n"
    (root / "nbgrader_config.py").write_text(CONFIG + setting)
    return find_course(root)


def everything(course):
    """Read all that the gradebook knows of the class."""
    scores = {}
    with database.open_gradebook(
        course.db_url, course.directory.course_id
    ) as gradebook:
        for submission in gradebook.assignment_submissions("ps1"):
            (notebook,) = submission.notebooks
            scores[submission.student_id] = (
                {
                    g.name: (g.auto_score, g.manual_score, g.needs_manual_grade)
                    for g in notebook.grades
                },
                {c.name: c.comment for c in notebook.comments},
                notebook.late_submission_penalty,
                (submission.score, submission.max_score, submission.timestamp),
            )
    runs = {(r.student, r.verdict, r.message) for r in records.runs(course, "ps1")}
    return scores, runs, records.items(course, "ps1")


def test_postgres_gives_the_grades_of_sqlite(tiny_course, postgres_course):
    """Grades, a mark by hand, a regrade, feedback and report are those of SQLite."""
    found = []
    for course in (tiny_course, postgres_course):
        for student, notebook in CLASS.items():
            hand_in(course, student, notebook)
        late = course.submitted / "late" / "ps1" / "timestamp.txt"
        late.write_text("2020-01-02 00:00:00 UTC")
        with Gradebook(course.db_url, "tiny") as gradebook:
            gradebook.update_or_create_assignment(
                "ps1", duedate="2020-01-01 00:00:00 UTC"
            )
        grade(course, "ps1")
        with Gradebook(course.db_url, "tiny") as gradebook:
            entry = gradebook.find_grade("half-test", "squares", "ps1", "wrong")
            entry.manual_score = 0.25
            gradebook.db.commit()
        again = grade(course, "ps1")
        assert all(row.skipped for row in again.rows)
        hand_in(course, "wrong", solved({"half": "half = 2.5"}))
        (changed,) = (r for r in grade(course, "ps1").rows if not r.skipped)
        assert (changed.student, changed.points) == ("wrong", 2.25)
        assert len(feedback(course, "ps1").written) == len(CLASS)
        (table, _) = report(course, "ps1")
        assert len(table.read_text().splitlines()) == len(CLASS) + 1
        found.append(everything(course))
    assert found[0] == found[1]


def test_postgres_older_tables_get_the_new_columns(postgres_course):
    """A gradebook of an older version of ours is brought up to date there too."""
    hand_in(postgres_course, "junk", b"{")
    grade(postgres_course, "ps1")
    before = records.items(postgres_course, "ps1")
    engine = create_engine(postgres_course.db_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE autograder_run DROP COLUMN evidence"))
        connection.execute(text("ALTER TABLE autograder_item DROP COLUMN protected"))
    engine.dispose()
    assert records.items(postgres_course, "ps1") == before
    assert grade(postgres_course, "ps1").rows[0].skipped


def test_postgres_takes_what_a_text_there_cannot_hold(postgres_course):
    """A message with a zero byte, which PostgreSQL refuses, is stored without it."""
    run = records.StoredRun("ada", "ps1", "squares", Verdict.CRASHED, message="a\0b")
    course_id = postgres_course.directory.course_id
    with database.open_gradebook(postgres_course.db_url, course_id) as gradebook:
        records.record(gradebook, run, [])
    assert records.runs(postgres_course, "ps1")[0].message == "a\ufffdb"


def test_postgres_failure_while_writing_leaves_the_old_grade(
    postgres_course, monkeypatch
):
    """A grade is one transaction there too."""
    hand_in(postgres_course, "ada", b"{")
    grade(postgres_course, "ps1")
    before = everything(postgres_course)
    hand_in(postgres_course, "ada", solved())
    real = records.record

    def interrupted(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(records, "record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grade(postgres_course, "ps1")
    assert everything(postgres_course) == before
    assert grade(postgres_course, "ps1").rows[0].points == 3
