"""Tests of grading a class: real sandbox, real gradebook, tiny notebooks."""

import contextlib
import copy
import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest
from conftest import cell_of, graded, hand_in, solved, tiny_source
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.apps.api import NbGraderAPI

from autograder.assignment.rebuild import prepare
from autograder.course import find_course
from autograder.errors import CourseError
from autograder.gradebook import database, records
from autograder.steps.grade import Event, grade
from autograder.verdicts import Status, Verdict
from autograder.workers import pool

DUE = "2020-01-01 00:00:00 UTC"


def open_gradebook(course):
    """Open a course's gradebook."""
    return database.open_gradebook(course.db_url, course.directory.course_id)


def scores(course):
    """Read every score, comment, flag and penalty of every student."""
    result = {}
    with open_gradebook(course) as gradebook:
        for submission in gradebook.assignment_submissions("ps1"):
            for notebook in submission.notebooks:
                result[submission.student_id] = (
                    {
                        g.name: (g.auto_score, g.needs_manual_grade)
                        for g in notebook.grades
                    },
                    {c.name: c.auto_comment for c in notebook.comments},
                    notebook.late_submission_penalty,
                    notebook.score,
                    submission.timestamp,
                )
    return result


def tagged():
    """Make a submission without answers, with a tag that stock nbgrader obeys."""
    notebook = solved({"square": "", "half": ""})
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution"]
    cell_of(notebook, "square-test").metadata.nbgrader["points"] = 1000
    return notebook


def duplicated():
    """Make a good submission with copied cells, and an import cell of its own."""
    notebook = solved({"square": "def square(x): return int(math.pow(x, 2))"})
    test = cell_of(notebook, "square-test")
    notebook.cells += [copy.deepcopy(test), new_code_cell("import sys")]
    return notebook


CLASS = {
    "good": solved(),
    "wrong": solved({"square": "def square(x): return 2 * x"}),
    "partial": solved({"half": "half = 2.5"}),
    "nan": solved({"half": "half = float('nan')"}),
    "noisy": solved(
        {
            "square": "import sys\n"
            "def square(x):\n print(x, file=sys.stderr)\n return x * x"
        }
    ),
    "forged": solved(
        {"square": "import sys\ndef square(x):\n sys.displayhook(2.0)\n return 0"}
    ),
    "late": solved(),
    "empty": solved({"square": "", "half": "", "why": "YOUR ANSWER HERE"}),
    "untouched": prepare(tiny_source(), new_notebook()).notebook,
    "tagged": tagged(),
    "duplicated": duplicated(),
    "crashing": solved({"half": "import os\nos._exit(3)"}),
}
AUTOMATIC = {
    **{"good": 3, "wrong": 1, "partial": 2.5, "nan": 2, "noisy": 3, "forged": 1},
    **{
        "late": 3,
        "empty": 0,
        "untouched": 0,
        "tagged": 0,
        "duplicated": 3,
        "crashing": 2,
    },
}


@pytest.fixture(scope="module")
def classes(_tiny_template, tmp_path_factory):
    """Grade one class twice: by `grade`, and by plain nbgrader.

    Returns the graded course, its summary and events, and the course that plain
    nbgrader graded.
    """
    root = tmp_path_factory.mktemp("class")
    shutil.copytree(_tiny_template, root / "ours")
    course = find_course(root / "ours")
    for student, notebook in CLASS.items():
        hand_in(course, student, notebook)
    late = course.submitted / "late" / "ps1" / "timestamp.txt"
    late.write_text("2020-01-02 00:00:00 UTC")
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate=DUE)
    shutil.copytree(root / "ours", root / "plain")
    plain = find_course(root / "plain")
    made = NbGraderAPI(plain.directory, config=plain.config).generate_assignment("ps1")
    assert made["success"], made
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", "ps1"],
        cwd=plain.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        check=True,
        capture_output=True,
    )
    hand_in(course, "junk", b'{"cells": [')
    hand_in(course, "huge", b" " * (20 * 1024**2 + 1))
    hand_in(course, "renamed", solved(), name="final_version")
    hand_in(course, "other", new_notebook(), name="final_version")
    folder = hand_in(course, "linked", b"")
    (folder / "squares.ipynb").unlink()
    (folder / "squares.ipynb").symlink_to(course.root / "source/ps1/squares.ipynb")
    events: list[Event] = []
    summary = grade(course, "ps1", jobs=2, progress=events.append)
    return course, summary, events, plain


@pytest.mark.slow
@pytest.mark.parametrize("student", CLASS)
def test_grade_gives_the_scores_of_plain_nbgrader(classes, student):
    """Both ways give the same scores, comments, flags, penalties and timestamps."""
    course, _, _, plain = classes
    assert scores(course)[student] == scores(plain)[student]


@pytest.mark.slow
@pytest.mark.xdist_group("grade")
@pytest.mark.parametrize("student", CLASS)
def test_grade_earns_what_was_answered(classes, student):
    """Only right answers earn points, and honest detours cost none."""
    course, *_ = classes
    found, *_ = scores(course)[student]
    assert found["square-test"][0] + found["half-test"][0] == AUTOMATIC[student]


@pytest.mark.slow
@pytest.mark.xdist_group("grade")
def test_grade_plain_nbgrader_stores_the_same_items(classes):
    """Verdicts and statuses are in the store whichever way the grading went."""
    course, _, _, plain = classes
    ours = [i for i in records.items(course, "ps1") if i.student in CLASS]
    assert ours == records.items(plain, "ps1")
    verdicts = {r.student: r.verdict for r in records.runs(course, "ps1")}
    for run in records.runs(plain, "ps1"):
        assert run.verdict is verdicts[run.student]


@pytest.mark.slow
@pytest.mark.xdist_group("grade")
@pytest.mark.parametrize(
    ("student", "verdict", "says"),
    [
        ("good", Verdict.GRADED, ""),
        ("junk", Verdict.NOT_READABLE, "not valid JSON"),
        ("huge", Verdict.NOT_READABLE, "20 MB"),
        ("linked", Verdict.NOT_READABLE, "link"),
        ("renamed", Verdict.GRADED, ""),
        ("other", Verdict.MISSING, "final_version.ipynb"),
        ("crashing", Verdict.CRASHED, "code 3"),
    ],
)
def test_grade_every_submission_has_its_verdict(classes, student, verdict, says):
    """Whatever is handed in becomes a row with a verdict and a reason."""
    _, summary, *_ = classes
    (row,) = [row for row in summary.rows if row.student == student]
    assert row.verdict is verdict
    assert says in row.message
    if verdict in (Verdict.NOT_READABLE, Verdict.MISSING):
        assert (row.points, row.max_points) == (0, 10)


@pytest.mark.slow
@pytest.mark.xdist_group("grade")
def test_grade_summary_and_progress_are_complete(classes):
    """One row for each submission, sorted; one event for each, after the first."""
    course, summary, events, _ = classes
    assert [row.student for row in summary.rows] == course.students("ps1")
    assert [event.done for event in events] == list(range(len(summary.rows) + 1))
    assert sum(summary.counts.values()) == len(summary.rows)


@pytest.mark.slow
@pytest.mark.xdist_group("grade")
def test_grade_statuses_say_how_each_item_ended(classes):
    """An item is correct, incorrect, not attempted, an error or not run."""
    course, *_ = classes
    found = {(i.student, i.grade_id): i.status for i in records.items(course, "ps1")}
    assert found["good", "square-test"] is Status.CORRECT
    assert found["wrong", "square-test"] is Status.INCORRECT
    assert found["partial", "half-test"] is Status.INCORRECT
    assert found["empty", "square-test"] is Status.ERROR
    assert found["untouched", "square-test"] is Status.NOT_ATTEMPTED
    assert found["crashing", "half-test"] is Status.NOT_RUN
    assert found["junk", "half-test"] is Status.NOT_RUN


@pytest.mark.slow
@pytest.mark.xdist_group("grade")
def test_grade_writes_autograded_folders(classes):
    """The graded notebook, the master files and nothing unfinished are there."""
    course, *_ = classes
    folder = course.autograded / "good" / "ps1"
    notebook = nbformat.read(folder / "squares.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert "square(-3)" in cell_of(notebook, "square-test").source
    assert (folder / "data.txt").read_text() == "42"
    assert not (course.autograded / "junk" / "ps1" / "squares.ipynb").exists()
    assert not (course.autograded / ".staging").exists()


def test_grade_keeps_manual_scores_and_skips_what_is_done(tiny_course):
    """A regrade keeps a person's scores and comments; nothing new, no regrade."""
    hand_in(tiny_course, "ada", solved())
    assert grade(tiny_course, "ps1").rows[0].points == 3
    with open_gradebook(tiny_course) as gradebook:
        where = ("squares", "ps1", "ada")
        gradebook.find_grade("why", *where).manual_score = 2
        gradebook.find_grade("half-test", *where).manual_score = 0.25
        gradebook.find_comment("why", *where).manual_comment = "Nearly."
        gradebook.db.commit()
    (row,) = grade(tiny_course, "ps1").rows
    assert row.skipped
    assert row.points == 4.25
    hand_in(tiny_course, "ada", solved({"square": "def square(x): return 1"}))
    (row,) = grade(tiny_course, "ps1").rows
    assert not row.skipped
    assert row.points == 2.25
    with open_gradebook(tiny_course) as gradebook:
        assert gradebook.find_comment("why", *where).comment == "Nearly."
        assert gradebook.find_grade("half-test", *where).needs_manual_grade


def test_grade_interrupted_while_writing_leaves_the_old_grade(tiny_course, monkeypatch):
    """A failure in the middle of writing takes scores, store and folder back."""
    hand_in(tiny_course, "ada", b"{")
    grade(tiny_course, "ps1")
    before = scores(tiny_course), records.runs(tiny_course, "ps1")
    hand_in(tiny_course, "ada", solved())
    real = records.record

    def interrupted(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(records, "record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grade(tiny_course, "ps1")
    assert (scores(tiny_course), records.runs(tiny_course, "ps1")) == before
    assert not (tiny_course.autograded / "ada" / "ps1" / "squares.ipynb").exists()
    assert grade(tiny_course, "ps1").rows[0].points == 3


def test_grade_killed_worker_costs_the_student_nothing(tiny_course):
    """A run whose worker is killed from outside is done again."""
    hand_in(tiny_course, "bob", solved())
    grade(tiny_course, "ps1")  # the reference has run: the next run is ada's
    hand_in(
        tiny_course,
        "ada",
        solved(
            {"square": "import time; time.sleep(2)\n" + ("def square(x): return x * x")}
        ),
    )
    killed = []

    def kill_first_worker():
        children = Path(f"/proc/{os.getpid()}/task/{threading.main_thread().native_id}")
        while not killed:
            for pid in (children / "children").read_text().split():
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                if b"autograder.workers.pool" in line:
                    os.kill(int(pid), signal.SIGKILL)
                    killed.append(pid)
            time.sleep(0.02)

    killer = threading.Thread(target=kill_first_worker, daemon=True)
    killer.start()
    row, _ = grade(tiny_course, "ps1", jobs=1).rows
    killer.join(timeout=5)
    assert killed
    assert (row.verdict, row.points) == (Verdict.GRADED, 3)


def test_grade_names_in_no_encoding_spoil_nothing(tiny_course):
    """A file whose name is not UTF-8, or that cannot be read, costs nobody a grade."""
    ada, eve = (hand_in(tiny_course, student, solved()) for student in ("ada", "eve"))
    (ada / "\udce9.txt").write_text("own")
    (eve / "squares.ipynb").rename(eve / "\udce9.ipynb")
    if os.geteuid():
        (ada / "closed.txt").touch(0)
    rows = grade(tiny_course, "ps1").rows
    assert [row.verdict for row in rows] == [Verdict.GRADED, Verdict.GRADED]
    assert [row.points for row in rows] == [3, 3]
    for run in records.runs(tiny_course, "ps1"):
        assert run.verdict is Verdict.GRADED
    (tiny_course.submitted / "\udce9" / "ps1").mkdir(parents=True)
    with pytest.raises(CourseError, match="rename the folder"):
        grade(tiny_course, "ps1")


def test_grade_unknown_students_are_an_error(tiny_course):
    """A name without a submission is said, with the names there are."""
    hand_in(tiny_course, "ada", solved())
    with pytest.raises(CourseError, match=r"by eve; there are submissions by ada"):
        grade(tiny_course, "ps1", students=["ada", "eve"])


def test_grade_nothing_submitted_is_an_error(tiny_course):
    """Without submissions the message says which command brings them."""
    with pytest.raises(CourseError, match="autograder collect"):
        grade(tiny_course, "ps1")


def test_grade_second_grader_is_refused(tiny_course):
    """Two graders at once would write over each other."""
    hand_in(tiny_course, "ada", solved())
    tiny_course.autograded.mkdir()
    with open(tiny_course.autograded / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CourseError, match="at work"):
            grade(tiny_course, "ps1")


def test_grade_changed_cells_with_submissions_are_an_error(tiny_course):
    """A test added after grading began cannot be registered: nbgrader refuses."""
    hand_in(tiny_course, "ada", b"{")
    grade(tiny_course, "ps1")
    source = tiny_source()
    source.cells.append(graded(new_code_cell("assert 1"), "new", points=1, locked=True))
    nbformat.write(source, tiny_course.source / "ps1" / "squares.ipynb")
    with pytest.raises(CourseError, match="other cells than the gradebook"):
        grade(tiny_course, "ps1")


# Grades, and kills itself at the n-th step of writing, if n is not 0. A step is a
# statement to the database, a commit, or a folder that is renamed.
GRADER = """
import os, pathlib, signal, sys
from sqlalchemy import Engine, event
from autograder.course import find_course
from autograder.steps.grade import grade

steps, last = 0, int(sys.argv[2])
def step(*_):
    global steps
    steps += 1
    if steps == last:
        os.kill(os.getpid(), signal.SIGKILL)
for what in ("before_cursor_execute", "commit"):
    event.listen(Engine, what, step)
rename = pathlib.Path.rename
def stepping(*arguments):
    step()
    result = rename(*arguments)
    step()
    return result
pathlib.Path.rename = stepping
course = find_course(sys.argv[1])
grade(course, "ps1", jobs=2, progress=lambda e: print(e.done, flush=1))
print("steps", steps)
"""
MIXED = {
    "good": solved(),
    "wrong": solved({"square": "def square(x): return 2 * x"}),
    "crash": solved({"half": "import os\nos._exit(3)"}),
    "junk": b"{",
}


def run_grader(course, step=0, temporary=None):
    """Start a grader in a process of its own."""
    root = str(Path(__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-c", GRADER, str(course.root), str(step)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root, "TMPDIR": str(temporary or "/tmp")},
    )


def marked(course, folder):
    """Find the processes that belong to a grader's temporary folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def kill_and_go_on(course, temporary, kills, rng):
    """Kill graders at random moments; see each time that what is recorded is right."""
    for student, notebook in MIXED.items():
        hand_in(course, student, notebook)
    whole = course.root.parent / "whole"
    shutil.copytree(course.root, whole)
    undisturbed = find_course(whole)
    with run_grader(undisturbed, temporary=temporary) as grader:
        said = grader.stdout.read().split()
    assert grader.returncode == 0
    wanted, steps = scores(undisturbed), int(said[-1])
    recorded = set()
    for number in range(kills):
        step = rng.randrange(1, steps) if number % 2 else 0
        grader = run_grader(course, step, temporary)
        with grader:
            if not step:
                after = rng.choice([0, 1, 2])  # submissions
                print("killed after", after, "submissions and a while")
                while grader.stdout.readline().strip() != str(after):
                    if grader.poll() is not None:
                        break
                time.sleep(rng.uniform(0, 0.5))
                grader.kill()
            else:
                print("killed at step", step, "of", steps)
            grader.stdout.read()
        assert grader.returncode in (0, -signal.SIGKILL)
        runs = {run.student for run in records.runs(course, "ps1")}
        assert recorded <= runs, "a recorded grade was lost"
        recorded = runs
        found = scores(course)
        assert {s: found[s] for s in runs} == {s: wanted[s] for s in runs}
        for student in runs:
            there = course.autograded / student / "ps1"
            moved = course.autograded / ".staging" / "old" / student / "ps1"
            assert there.is_dir() or moved.is_dir()
        deadline = time.monotonic() + 60
        while marked(course, temporary) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not marked(course, temporary), "a process was left alive"
    rows = grade(course, "ps1").rows
    assert recorded <= {row.student for row in rows if row.skipped}
    assert scores(course) == wanted
    assert records.items(course, "ps1") == records.items(undisturbed, "ps1")
    for student in MIXED:
        folders = [c.autograded / student / "ps1" for c in (course, undisturbed)]
        assert sorted(os.listdir(folders[0])) == sorted(os.listdir(folders[1]))
    assert not (course.autograded / ".staging").exists()
    assert list(temporary.glob("autograder-*")) == []


@pytest.mark.slow
def test_grade_killed_at_random_moments_goes_on_where_it_stopped(
    tiny_course, temporary
):
    """After SIGKILL what was graded is complete, and only the rest is graded."""
    seed = int.from_bytes(os.urandom(4))
    print("seed", seed)
    kill_and_go_on(tiny_course, temporary, 4, random.Random(seed))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_grade_killed_many_times_goes_on_where_it_stopped(tiny_course, temporary, seed):
    """The same with many kills in a row."""
    kill_and_go_on(tiny_course, temporary, 12, random.Random(seed))


def test_grade_moved_away_by_a_killed_run_is_put_back(tiny_course):
    """Killed between two renames, the old folder is put back by any later run."""
    for student in ("ada", "bob"):
        hand_in(tiny_course, student, b"{")
    grade(tiny_course, "ps1")
    old = tiny_course.autograded / ".staging" / "old" / "ada"
    old.mkdir(parents=True)
    (tiny_course.autograded / "ada" / "ps1").rename(old / "ps1")
    grade(tiny_course, "ps1", students=["bob"])
    assert (tiny_course.autograded / "ada" / "ps1" / "data.txt").is_file()
    assert not (tiny_course.autograded / ".staging").exists()


@pytest.mark.slow
def test_grade_changed_notebook_of_two_runs_alone(tiny_course):
    """What has not changed is not run again: of two notebooks, or of a class."""
    source = tiny_course.source / "ps1"
    shutil.copy(source / "squares.ipynb", source / "again.ipynb")
    for student in ("ada", "bob"):
        hand_in(tiny_course, student, solved())
        hand_in(tiny_course, student, solved(), name="again")
    grade(tiny_course, "ps1")
    kept = (tiny_course.autograded / "ada" / "ps1" / "again.ipynb").read_bytes()

    def ran_again():
        """Grade; name what ran."""
        before = {(r.student, r.notebook): r.graded_at for r in of_notebooks()}
        grade(tiny_course, "ps1")
        after = {(r.student, r.notebook): r.graded_at for r in of_notebooks()}
        return {key for key in after if after[key] != before[key]}

    def of_notebooks():
        with open_gradebook(tiny_course) as gradebook:
            return records.runs_by_notebook(gradebook, "ps1")

    assert ran_again() == set()
    hand_in(tiny_course, "ada", solved({"half": "half = 2.5"}))
    assert ran_again() == {("ada", "squares")}
    assert scores(tiny_course)["ada"][3] in (2.5, 3)
    graded_again = tiny_course.autograded / "ada" / "ps1" / "again.ipynb"
    assert graded_again.read_bytes() == kept

    changed = nbformat.read(source / "again.ipynb", as_version=4)
    solution = cell_of(changed, "square")
    solution.source = solution.source.replace("return x * x", "return x ** 2")
    nbformat.write(changed, source / "again.ipynb")
    assert ran_again() == set(), "a solution that is worded otherwise"
    cell_of(changed, "square-test").source += "\nassert square(4) == 16"
    nbformat.write(changed, source / "again.ipynb")
    assert ran_again() == {("ada", "again"), ("bob", "again")}, "a changed test"
    (tiny_course.submitted / "bob" / "ps1" / "own.txt").write_text("x")
    assert ran_again() == {("bob", "again"), ("bob", "squares")}, "a file beside it"


def test_grade_changed_due_date_renews_the_penalty_alone(tiny_course):
    """A due date, an extension or a time of handing in costs no run."""
    folder = hand_in(tiny_course, "ada", solved())
    (folder / "timestamp.txt").write_text("2020-01-02 00:00:00 UTC")
    assert grade(tiny_course, "ps1").rows[0].points == 3
    (before,) = records.runs(tiny_course, "ps1")
    with open_gradebook(tiny_course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate=DUE)
    (row,) = grade(tiny_course, "ps1").rows
    assert (row.points, row.skipped) == (0, False)
    with open_gradebook(tiny_course) as gradebook:
        gradebook.grant_extension("ps1", "ada", days=2)
    assert grade(tiny_course, "ps1").rows[0].points == 3
    (after,) = records.runs(tiny_course, "ps1")
    assert after.graded_at == before.graded_at
    assert grade(tiny_course, "ps1").rows[0].skipped


@pytest.mark.slow
@pytest.mark.parametrize("force", [False, True])
def test_grade_what_people_gave_survives_a_regrade(tiny_course, force):
    """Manual scores, comments, extra credit and penalties stay, with force too."""
    folder = hand_in(tiny_course, "ada", solved())
    (folder / "timestamp.txt").write_text("2020-01-02 00:00:00 UTC")
    (tiny_course.root / "late.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class Half(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, seconds):\n"
        "        return score / 2\n"
    )
    tiny_course.config.AssignLatePenalties.plugin_class = "late.Half"
    sys.path.insert(0, str(tiny_course.root))
    try:
        with open_gradebook(tiny_course) as gradebook:
            gradebook.update_or_create_assignment("ps1", duedate=DUE)
        assert grade(tiny_course, "ps1").rows[0].points == 1.5
        where = ("squares", "ps1", "ada")
        with open_gradebook(tiny_course) as gradebook:
            gradebook.find_grade("why", *where).manual_score = 2
            gradebook.find_grade("essay", *where).manual_score = 4
            gradebook.find_grade("square-test", *where).manual_score = 0.5
            gradebook.find_grade("half-test", *where).extra_credit = 3
            gradebook.find_comment("why", *where).manual_comment = "Nearly."
            gradebook.find_comment("square", *where).manual_comment = "Shorter!"
            gradebook.db.commit()
        if not force:
            hand_in(tiny_course, "ada", solved({"half": "half = 2.5"}))
        (row,) = grade(tiny_course, "ps1", force=force).rows
        assert not row.skipped
        automatic = 1 if force else 0.5
        assert row.points == (2 + 4 + 0.5 + automatic + 3) / 2
        with open_gradebook(tiny_course) as gradebook:
            assert gradebook.find_comment("why", *where).comment == "Nearly."
            assert gradebook.find_comment("square", *where).comment == "Shorter!"
            assert gradebook.find_grade("square-test", *where).auto_score == 2
    finally:
        sys.path.remove(str(tiny_course.root))
        sys.modules.pop("late", None)


def test_grade_missing_notebook_of_two_costs_only_its_own_points(tiny_course):
    """Of an assignment with two notebooks the one that is there is graded."""
    source = tiny_course.source / "ps1"
    shutil.copy(source / "squares.ipynb", source / "again.ipynb")
    hand_in(tiny_course, "ada", solved())
    (row,) = grade(tiny_course, "ps1").rows
    assert row.verdict is Verdict.MISSING
    assert (row.points, row.max_points, row.level != "") == (3, 20, True)
    (whole,) = records.runs(tiny_course, "ps1")
    assert whole.message == "again.ipynb is missing; there is squares.ipynb"
    assert len(records.items(tiny_course, "ps1")) == 4


def renamed(course, *names, notebook=None):
    """Let ada hand in the same notebook under other names, and grade her."""
    for name in names:
        hand_in(course, "ada", notebook or solved(), name=name)
    (row,) = grade(course, "ps1").rows
    return row


@pytest.mark.slow
@pytest.mark.parametrize("name", ["squares (1)", "squares-Copy1", "Ada's homework"])
def test_grade_renamed_notebook_is_taken_and_reported(tiny_course, name):
    """A notebook of another name is known by its cells' ids, once and for all."""
    row = renamed(tiny_course, name)
    assert (row.verdict, row.points, row.message) == (Verdict.GRADED, 3, "")
    assert row.repairs == [f"{name}.ipynb was taken for squares.ipynb."]
    folder = tiny_course.autograded / "ada" / "ps1"
    assert sorted(os.listdir(folder)) == ["data.txt", "squares.ipynb"]
    assert grade(tiny_course, "ps1").rows[0].skipped
    changed = renamed(tiny_course, name, notebook=solved({"half": ""}))
    assert (changed.skipped, changed.points) == (False, 2)


def test_grade_renamed_notebook_that_is_named_right_later_is_graded_again(tiny_course):
    """What is said of a submission holds for the names that it has now."""
    assert renamed(tiny_course, "squares (1)").repairs != []
    folder = tiny_course.submitted / "ada" / "ps1"
    (folder / "squares (1).ipynb").rename(folder / "squares.ipynb")
    (row,) = grade(tiny_course, "ps1").rows
    assert (row.skipped, row.points, row.repairs) == (False, 3, [])


def test_grade_two_renamed_notebooks_that_fit_are_not_guessed_between(tiny_course):
    """Which of two copies counts is for people to say; both are named."""
    row = renamed(tiny_course, "squares (1)", "squares (2)")
    assert (row.verdict, row.points) == (Verdict.MISSING, 0)
    assert row.message == (
        "squares.ipynb is missing; squares (1).ipynb and squares (2).ipynb "
        "fit equally well: hand in one of them"
    )
    assert grade(tiny_course, "ps1").rows[0].skipped
    less = solved()
    less.cells.remove(cell_of(less, "why"))
    row = renamed(tiny_course, "squares (1)", notebook=less)
    assert (row.verdict, row.points) == (Verdict.GRADED, 3)
    assert row.repairs == [
        "Left out: squares (1).ipynb; the assignment has no notebook of that name.",
        "squares (2).ipynb was taken for squares.ipynb.",
    ]


def test_grade_other_notebooks_are_never_taken(tiny_course):
    """Without a cell of the assignment, as a link, or not readable: it is not taken."""
    folder = hand_in(tiny_course, "ada", new_notebook(), name="empty")
    stranger = solved()
    for cell in stranger.cells:
        cell.metadata.pop("nbgrader", None)
    hand_in(tiny_course, "ada", stranger, name="stranger")
    hand_in(tiny_course, "ada", b'{"cells": [', name="broken")
    hand_in(tiny_course, "ada", b"[" * 100_000, name="deep")
    hand_in(tiny_course, "ada", b" " * (20 * 1024**2 + 1), name="huge")
    hand_in(tiny_course, "ada", b'{"cells": [{"metadata": 7}, 3]}', name="junk")
    (folder / "link.ipynb").symlink_to(tiny_course.source / "ps1" / "squares.ipynb")
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "folder.ipynb").mkdir()
    (row,) = grade(tiny_course, "ps1").rows
    assert (row.verdict, row.points) == (Verdict.MISSING, 0)
    assert row.message == (
        "squares.ipynb is missing; there is broken.ipynb, deep.ipynb, empty.ipynb, "
        "folder.ipynb, huge.ipynb and 4 more"
    )
    hand_in(tiny_course, "ada", solved(), name="squares (1)")
    assert grade(tiny_course, "ps1").rows[0].verdict is Verdict.GRADED


def test_grade_many_notebooks_are_not_looked_into(tiny_course, monkeypatch):
    """A heap of notebooks cannot keep the grader busy."""
    names = [f"squares ({number})" for number in range(11)]
    monkeypatch.setattr("autograder.submission.handed_in.count_of_ids", None)
    row = renamed(tiny_course, *names)
    assert row.verdict is Verdict.MISSING
    assert row.message.endswith("squares (3).ipynb and 6 more")


def test_grade_renamed_notebook_of_two_goes_to_the_one_it_fits(tiny_course):
    """A copy of a notebook that is there is not taken for the one that is missing."""
    source = tiny_course.source / "ps1"
    other = tiny_source()
    for cell in other.cells:
        if "nbgrader" in cell.metadata and cell.metadata.nbgrader.grade_id != "why":
            cell.metadata.nbgrader.grade_id += "-again"
    nbformat.write(other, source / "again.ipynb")
    row = renamed(tiny_course, "squares", "squares (1)")
    assert (row.verdict, row.points) == (Verdict.MISSING, 3)
    assert row.repairs == [
        "Left out: squares (1).ipynb; the assignment has no notebook of that name."
    ]
    hers = prepare(other, new_notebook()).notebook
    cell_of(hers, "half-again").source = "half = 5"
    row = renamed(tiny_course, "mine", notebook=hers)
    assert (row.verdict, row.points) == (Verdict.GRADED, 4)
    assert "mine.ipynb was taken for again.ipynb." in row.repairs


def test_grade_notebook_of_two_that_fits_both_is_not_taken(tiny_course):
    """Where two notebooks have the same ids, ids do not say which one it is."""
    source = tiny_course.source / "ps1"
    shutil.copy(source / "squares.ipynb", source / "again.ipynb")
    row = renamed(tiny_course, "mine")
    assert (row.verdict, row.points) == (Verdict.MISSING, 0)
    assert row.message == (
        "again.ipynb is missing; there is mine.ipynb; "
        "squares.ipynb is missing; there is mine.ipynb"
    )


def test_grade_says_which_notebooks_were_left_out(tiny_course):
    """A notebook that the assignment does not have is left out, and that is said."""
    folder = hand_in(tiny_course, "ada", new_notebook(), name="more")
    (folder / "old").mkdir()
    (folder / "old" / "squares.ipynb").write_bytes(b"{}")
    row = renamed(tiny_course, "squares")
    assert (row.verdict, row.points) == (Verdict.GRADED, 3)
    assert row.repairs == [
        "Left out: more.ipynb, old/squares.ipynb; "
        "the assignment has no notebook of that name."
    ]
    assert not (tiny_course.autograded / "ada" / "ps1" / "more.ipynb").exists()


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: os.truncate(path, 0)])
def test_grade_lost_graded_notebook_is_made_again(tiny_course, spoil):
    """A grade whose notebook is gone or empty is not up to date; others are."""
    for student in ("ada", "bob"):
        hand_in(tiny_course, student, solved())
    hand_in(tiny_course, "eve", b"{")
    grade(tiny_course, "ps1")
    path = tiny_course.autograded / "ada" / "ps1" / "squares.ipynb"
    before = path.read_bytes()
    spoil(path)
    rows = grade(tiny_course, "ps1").rows
    assert [row.skipped for row in rows] == [False, True, True]
    assert path.read_bytes() == before


def break_solution(course, wrong="return x + x"):
    """Let the instructor's solution be wrong."""
    source = tiny_source()
    answer = cell_of(source, "square")
    answer.source = answer.source.replace("return x * x", wrong)
    nbformat.write(source, course.source / "ps1" / "squares.ipynb")


def test_grade_warns_of_a_solution_that_fails_its_own_tests(tiny_course, monkeypatch):
    """A broken test is said at every run, and whether it still is."""
    hand_in(tiny_course, "ada", solved())
    assert grade(tiny_course, "ps1").warnings == []
    break_solution(tiny_course)
    warning = (
        "the solution in source/ps1 does not pass square-test; "
        "run `autograder check ps1`"
    )
    assert grade(tiny_course, "ps1").warnings == [warning]
    assert grade(tiny_course, "ps1").warnings == [warning]
    break_solution(tiny_course, "return x ** 2")
    assert grade(tiny_course, "ps1").warnings == []
    with monkeypatch.context() as patch:  # what passed is remembered
        patch.setattr("autograder.gradebook.references.find_unprotected", None)
        assert grade(tiny_course, "ps1").warnings == []


@pytest.mark.slow
def test_grade_tries_the_solution_again_if_the_limits_change(tiny_course):
    """A solution that only a limit stopped is sound once the limit is wider."""
    break_solution(tiny_course, "import time; time.sleep(2); return x * x")
    tiny_course.config.SandboxLimits.cell_wall_seconds = 1
    hand_in(tiny_course, "ada", b"{")
    assert "square-test" in grade(tiny_course, "ps1").warnings[0]
    tiny_course.config.SandboxLimits.cell_wall_seconds = 60
    assert grade(tiny_course, "ps1").warnings == []


def test_grade_forced_run_tries_the_solution_again(tiny_course, monkeypatch):
    """With ``force`` what was remembered of the solution is found anew."""
    hand_in(tiny_course, "ada", b"{")
    with monkeypatch.context() as patch:
        patch.setattr("autograder.assignment.protect.settle", lambda *_: [])
        grade(tiny_course, "ps1")
    break_solution(tiny_course)
    with monkeypatch.context() as patch:
        patch.setattr("autograder.assignment.protect.settle", lambda *_: [])
        assert grade(tiny_course, "ps1").warnings == []
    assert grade(tiny_course, "ps1").warnings == []
    assert len(grade(tiny_course, "ps1", force=True).warnings) == 1


@pytest.mark.parametrize(
    ("metadata", "refused"),
    [
        ({"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}, True),
        ({"language_info": {"name": "julia"}}, True),
        ({"language_info": {"name": "ipython"}}, False),
        ({}, False),
    ],
)
def test_grade_source_for_another_language_is_an_error(tiny_course, metadata, refused):
    """Only Python can be graded; a source that says nothing is taken for Python."""
    source = tiny_source()
    source.metadata = nbformat.from_dict(metadata)
    nbformat.write(source, tiny_course.source / "ps1" / "squares.ipynb")
    hand_in(tiny_course, "ada", b"{")
    if not refused:
        assert grade(tiny_course, "ps1").rows
        return
    with pytest.raises(
        CourseError, match=r"squares.ipynb is for a kernel of (R|julia),"
    ):
        grade(tiny_course, "ps1")


def test_grade_forced_run_grades_again(tiny_course):
    """With ``force`` an up-to-date submission is graded again."""
    hand_in(tiny_course, "ada", b"{")
    grade(tiny_course, "ps1")
    assert grade(tiny_course, "ps1").rows[0].skipped
    assert not grade(tiny_course, "ps1", force=True).rows[0].skipped


def test_grade_unsound_source_is_an_error(tiny_course):
    """A source that nbgrader cannot release is the instructor's to mend."""
    source = tiny_source()
    cell_of(source, "square").source = "### BEGIN SOLUTION"
    nbformat.write(source, tiny_course.source / "ps1" / "squares.ipynb")
    hand_in(tiny_course, "ada", solved())
    with pytest.raises(CourseError, match="no end solution"):
        grade(tiny_course, "ps1")


def test_grade_unreadable_timestamp_is_no_lateness(tiny_course):
    """A timestamp that says nothing is reported, and the submission is graded."""
    folder = hand_in(tiny_course, "ada", b"{")
    (folder / "timestamp.txt").write_text("yesterday, more or less")
    (row,) = grade(tiny_course, "ps1").rows
    assert "timestamp.txt was not read" in row.repairs[0]


def test_grade_run_over_the_wall_limit_alone_is_repeated_alone(
    tiny_course, monkeypatch
):
    """A run that only the clock stopped is run again, by one worker, then judged."""
    tiny_course.config.SandboxLimits.cell_wall_seconds = 1
    hand_in(tiny_course, "ada", solved({"square": "import time; time.sleep(30)"}))
    started = []
    real = pool.run_all

    def watched(function, jobs, workers, idle, **rest):
        for outcome in real(function, jobs, workers, idle, **rest):
            started.append((outcome.key, workers))
            yield outcome

    monkeypatch.setattr(pool, "run_all", watched)
    (row,) = grade(tiny_course, "ps1", jobs=2).rows
    of_ada = [(key, workers) for key, workers in started if key]
    assert of_ada == [(("ada", "squares"), 2), (("ada", "squares"), 1)]
    assert (row.verdict, row.points) == (Verdict.OUT_OF_TIME, 1)
    assert grade(tiny_course, "ps1", jobs=2).rows[0].skipped
