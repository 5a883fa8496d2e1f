"""Tests of verdicts and statuses in the gradebook's database."""

import subprocess
import sys

import pytest
from sqlalchemy import inspect, text

from autograder.gradebook import database, records, references
from autograder.gradebook.records import StoredItem, StoredRun
from autograder.verdicts import Status, Verdict


def run(student="ada", notebook="a", verdict=Verdict.GRADED, **values):
    """Make a run of one notebook."""
    return StoredRun(student, "ps1", notebook, verdict, **values)


def item(student="ada", notebook="a", grade_id="q", **values):
    """Make an item."""
    return StoredItem(
        student, "ps1", notebook, grade_id, 0, Status.CORRECT, 1.0, 2.0, **values
    )


def opened(course):
    """Open the gradebook of a course."""
    return database.open_gradebook(course.db_url, "tiny")


def test_records_gives_back_what_was_recorded(tiny_course):
    """Runs and items come back as they went in; times are without a zone."""
    written = run(level="bwrap", message="Hm.", cpu_seconds=1.5, repairs=["One."])
    with opened(tiny_course) as gradebook:
        records.record(gradebook, written, [item(message="No.")])
        assert records.runs_by_notebook(gradebook, "ps1") == [written]
    assert records.items(tiny_course, "ps1") == [item(message="No.")]
    assert records.items(tiny_course, "ps2") == []


def test_records_an_older_gradebook_gets_the_new_columns(tiny_course):
    """Tables without evidence and protection get them, and keep their rows."""
    with opened(tiny_course) as gradebook:
        records.record(gradebook, run(evidence="Old."), [item(protected=True)])
        for table, column in (("run", "evidence"), ("item", "protected")):
            gradebook.db.execute(
                text(f"ALTER TABLE autograder_{table} DROP COLUMN {column}")
            )
        gradebook.db.commit()
    assert records.items(tiny_course, "ps1") == [item(protected=False)]
    assert records.runs(tiny_course, "ps1")[0].evidence == ""
    with opened(tiny_course) as gradebook:
        records.record(gradebook, run(evidence="New."), [item(protected=True)])
    assert records.items(tiny_course, "ps1") == [item(protected=True)]
    assert records.runs(tiny_course, "ps1")[0].evidence == "New."


def test_records_record_replaces_one_notebook_only(tiny_course):
    """Recorded again, a notebook's rows are replaced; its neighbour's stay."""
    with opened(tiny_course) as gradebook:
        for notebook in ("a", "b"):
            records.record(gradebook, run(notebook=notebook), [item(notebook=notebook)])
        records.record(gradebook, run(verdict=Verdict.CRASHED), [])
    assert records.items(tiny_course, "ps1") == [item(notebook="b")]
    (whole,) = records.runs(tiny_course, "ps1")
    assert whole.verdict is Verdict.CRASHED


def test_records_submission_has_its_worst_notebook_and_their_sums(tiny_course):
    """A submission is graded only if all its notebooks are."""
    with opened(tiny_course) as gradebook:
        records.record(gradebook, run(cpu_seconds=1, peak_memory_mb=5), [])
        late = run(notebook="b", verdict=Verdict.OUT_OF_TIME, message="Long.")
        records.record(gradebook, late, [])
        records.record(gradebook, run(notebook="c", cpu_seconds=2, level="bwrap"), [])
    (whole,) = records.runs(tiny_course, "ps1")
    assert (whole.verdict, whole.message) == (Verdict.OUT_OF_TIME, "b.ipynb: Long.")
    assert (whole.cpu_seconds, whole.peak_memory_mb, whole.level) == (3, 5, "bwrap")


@pytest.mark.parametrize(
    ("messages", "whole"),
    [
        (["Cell 2 crashed."], "Cell 2 crashed."),
        (["Cell 2 crashed.", ""], "a.ipynb: Cell 2 crashed."),
        (["Cell 2 crashed.", "No."], "a.ipynb: Cell 2 crashed; b.ipynb: No."),
        (
            ["a.ipynb is missing", "b.ipynb is missing"],
            "a.ipynb is missing; b.ipynb is missing",
        ),
    ],
)
def test_records_message_of_one_notebook_of_several_names_it(messages, whole):
    """Of several notebooks, each message says whose it is, and where it ends."""
    parts = [
        run(notebook=notebook, message=message)
        for notebook, message in zip("ab", messages, strict=False)
    ]
    assert records.merge(parts).message == whole


def test_records_remembers_what_the_solution_fails(tiny_course):
    """One state of each notebook's source is known; failing tests are a warning."""
    with opened(tiny_course) as gradebook:

        def keep(state, *failing):
            references.keep_reference(
                gradebook, "ps1", "squares", state, ["u"], failing
            )
            return references.warnings(gradebook, tiny_course, "ps1")

        assert references.read_unprotected(gradebook, "ps1", "squares", "old") is None
        assert keep("old") == []
        assert references.read_unprotected(gradebook, "ps1", "squares", "old") == {"u"}
        (told,) = keep("new", "b-test", "a-test")
        assert told == (
            "the solution in source/ps1 does not pass a-test, b-test; "
            "run `autograder check ps1`"
        )
        assert "t4 and 2 more;" in keep("new", *(f"t{n}" for n in range(7)))[0]
        assert references.read_unprotected(gradebook, "ps1", "squares", "old") is None
        # What failed is to be tried again.
        assert references.read_unprotected(gradebook, "ps1", "squares", "new") is None
        references.keep_reference(gradebook, "ps1", "gone", "old", [], ["gone-test"])
        assert keep("new") == []


def test_records_transaction_is_all_or_nothing(tiny_course):
    """What nbgrader's calls commit inside the block is taken back with it."""

    def broken(gradebook):
        with database.one_transaction(gradebook):
            gradebook.add_student("ada")
            records.record(gradebook, run(), [item()])
            assert len(gradebook.students) == 1
            raise ZeroDivisionError

    with opened(tiny_course) as gradebook:
        with pytest.raises(ZeroDivisionError):
            broken(gradebook)
        assert gradebook.students == []
        with database.one_transaction(gradebook):
            gradebook.add_student("ada")
        assert [student.id for student in gradebook.students] == ["ada"]
    assert records.runs(tiny_course, "ps1") == []


@pytest.mark.slow
def test_records_database_stays_one_that_nbgrader_upgrades(tiny_course):
    """Our tables are there, and nbgrader's own migration does not mind them."""
    with opened(tiny_course) as gradebook:
        records.record(gradebook, run(), [item()])
        tables = set(inspect(gradebook.engine).get_table_names())
    assert {"autograder_run", "autograder_item", "alembic_version"} <= tables
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "db", "upgrade"],
        cwd=tiny_course.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert records.items(tiny_course, "ps1") == [item()]
