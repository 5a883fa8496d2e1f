"""What students read, and what they must never read; no script of theirs survives."""

import base64
import copy
import html
import io
import os
import re
import shutil
import struct
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default.release_feedback import ExchangeReleaseFeedback
from nbgrader.utils import notebook_hash
from paper_class import (
    ASSIGNMENT,
    HIDDEN,
    NOTEBOOK,
    PaperClass,
    failing_outputs,
    keep_an_empty_course,
    source_cells,
)

from autograder import safe_html
from autograder.errors import CourseError
from autograder.steps.feedback import feedback
from autograder.verdicts import Status, Verdict

SOLVED = {"fold-test": (Status.CORRECT, 2.0, ""), "fly-test": (Status.CORRECT, 3.0, "")}

# What nbgrader's own calls set off under SQLAlchemy 2.1 is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture
def paper(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> PaperClass:
    """A course with one assignment and nobody in it."""
    keep_an_empty_course(tmp_path_factory.getbasetemp() / "empty-course")
    return PaperClass(tmp_path / "course")


def png() -> str:
    """Draw a small figure, in base64."""
    buffer = io.BytesIO()
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, path: Path) -> None:
        """Parse the page at `path`."""
        super().__init__()
        self.raw = path.read_text("utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._unseen = 0
        self.feed(self.raw)
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        self._unseen += tag in {"style", "title"}

    def handle_endtag(self, tag):
        """Leave an element."""
        self._unseen -= tag in {"style", "title"}

    def handle_data(self, data):
        """Note a text that a reader sees."""
        if not self._unseen:
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Give the attributes of every element of a kind."""
        return [attrs for name, attrs in self.elements if name == tag]


# ----------------------------------------------------------- what a page says


def test_feedback_says_points_messages_marks_comments_and_repairs(paper):
    """A page has the points, what the check said, and all that was added by hand."""
    cells = source_cells()
    cells[7].source = "Because of lift."
    paper.grade(
        "ada",
        {
            "fold-test": (Status.INCORRECT, 0.0, "fold(2): got 3; do you count twice?"),
            "fly-test": (Status.CORRECT, 3.0, ""),
        },
        cells=cells,
        marks={"why": 0.5, "fold-test": 1.0},
        comments={"fold": "Nearly: see page 4.", "why": "Say more."},
        repairs=[
            "The test cell 'fly-test' had been edited; the instructor's was used."
        ],
    )
    made = feedback(paper.course, ASSIGNMENT)
    assert made.written == [paper.page("ada")]
    text = Page(paper.page("ada")).text
    assert "4.5 of 6 points" in text  # 1 by hand + 3 + 0.5 by hand
    assert "1. Fold incorrect 1 of 2" in text
    assert "fold(2): got 3; do you count twice?" in text
    assert "The test gave 0; your instructor made it 1." in text
    assert "2. Fly: fly correct 3 of 3" in text
    assert "2. Fly: why graded by hand 0.5 of 1" in text
    assert "Your instructor: Nearly: see page 4." in text
    assert "Your instructor: Say more." in text
    assert "'fly-test' had been edited" in text
    assert "Because of lift." in text


def test_feedback_takes_no_automatic_comment_for_the_instructors(paper):
    """What nbgrader writes by itself beside an empty answer is not shown as theirs."""
    paper.grade("ada", SOLVED, cells=source_cells())
    with paper.gradebook() as gradebook:
        comment = gradebook.find_comment("fold", NOTEBOOK, ASSIGNMENT, "ada")
        comment.auto_comment = "No response."
        gradebook.db.commit()
    feedback(paper.course, ASSIGNMENT)
    assert "No response." not in paper.page("ada").read_text()


def test_feedback_says_why_a_notebook_was_stopped(paper):
    """A stopped run is told in plain words, with its figures."""
    said = "Cell 3 used 10.0 s of CPU time; the limit for a cell is 10 s."
    paper.grade(
        "ada",
        {"fold-test": (Status.NOT_RUN, 0.0, ""), "fly-test": (Status.NOT_RUN, 0.0, "")},
        verdict=Verdict.OUT_OF_TIME,
        message=said,
        cells=source_cells(),
    )
    feedback(paper.course, ASSIGNMENT)
    text = Page(paper.page("ada")).text
    assert "Your notebook ran out of computing time and was stopped." in text
    assert said in text
    assert "1. Fold not run 0 of 2 This test was not run." in text


@pytest.mark.parametrize("verdict", [Verdict.NOT_READABLE, Verdict.MISSING])
def test_feedback_makes_a_page_without_a_notebook(paper, verdict):
    """What cannot be read, or is not there, has a page; an older run is not shown."""
    cells = source_cells()
    cells[2].source = "of_an_older_run = 1"
    paper.grade("ada", {}, verdict=verdict, message="Line 1 is no JSON.", cells=cells)
    feedback(paper.course, ASSIGNMENT)
    page = Page(paper.page("ada"))
    assert "0 of 6 points" in page.text
    assert "Line 1 is no JSON." in page.text
    assert "of_an_older_run" not in page.text


def test_feedback_of_a_held_submission_says_only_so(paper):
    """Whoever is held for review reads these words and nothing else."""
    cells = source_cells()
    cells[2].source = "sign_of_tampering = 1"
    paper.grade(
        "ada",
        SOLVED,
        verdict=Verdict.HELD_FOR_REVIEW,
        message="message: tampering",
        evidence="evidence: a patched module",
        cells=cells,
        comments={"fold": "I have my doubts."},
        repairs=["A cell had been moved."],
    )
    feedback(paper.course, ASSIGNMENT)
    raw = paper.page("ada").read_text()
    main = re.search(r"<main.*?</main>", raw, re.DOTALL)[0]
    assert re.sub(r"<[^>]*>|\s+", " ", main).strip() == "Held for review"
    for secret in ("evidence", "tampering", "doubts", "moved", "3"):
        assert secret not in re.sub(r"<head>.*</head>", "", raw, flags=re.DOTALL)


def test_feedback_written_again_changes_no_byte(paper):
    """A second run finds every page up to date and leaves the files alone."""
    for student in ("ada", "bob"):
        paper.grade(student, SOLVED, cells=source_cells())
    first = feedback(paper.course, ASSIGNMENT)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in first.written}
    assert len(before) == 2
    second = feedback(paper.course, ASSIGNMENT)
    assert second.written == []
    assert sorted(second.unchanged) == sorted(before)
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in before}
    files = {p for p in paper.course.feedback.rglob("*") if p.is_file()}
    assert files == set(before)


def release(course):
    """Release the pages by nbgrader; give those in the exchange by their names."""
    exchange = course.root / "exchange"
    exchange.mkdir(mode=0o777, exist_ok=True)
    exchange.chmod(0o777)
    config = copy.deepcopy(course.config)
    config.Exchange.root = str(exchange)
    config.CourseDirectory.assignment_id = ASSIGNMENT
    directory = CourseDirectory(config=config)
    ExchangeReleaseFeedback(coursedir=directory, config=config).start()
    found = exchange / course.directory.course_id / "feedback"
    return {path.name: path.read_bytes() for path in found.iterdir()}


# nbgrader leaves the files open that it reads there.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_feedback_is_released_each_page_under_its_own_submission(paper):
    """nbgrader releases all: resubmitted, unreadable, and what came another way."""
    for student in ("ada", "bob", "eve"):
        paper.grade(student, SOLVED, cells=source_cells())
    course = paper.course
    assert feedback(course, ASSIGNMENT).not_from_exchange == []
    assert not list(course.feedback.rglob("*.txt"))  # nothing came through it

    def stamped(student, secret, day):
        folder = course.autograded_folder(student, ASSIGNMENT)
        (folder / "submission_secret.txt").write_text(secret)
        (folder / "timestamp.txt").write_text(f"2026-11-0{day} 12:00:00.000000 UTC")

    def released_as(secret):
        return f"{notebook_hash(secret=secret, notebook_id=NOTEBOOK)}.html"

    stamped("ada", "first", 1)
    stamped("bob", "bobs", 1)
    assert feedback(course, ASSIGNMENT).not_from_exchange == ["eve"]
    old = release(course)
    assert len(old) == 3
    assert old[released_as("first")] == paper.page("ada").read_bytes()
    assert old[released_as("bobs")] == paper.page("bob").read_bytes()

    stamped("ada", "second", 2)
    paper.grade("ada", {**SOLVED, "fly-test": (Status.INCORRECT, 0.0, "No.")})
    stamped("ada", "second", 2)
    feedback(course, ASSIGNMENT)
    new = release(course)
    assert len(new) == 4  # eve's is where it was
    assert new[released_as("first")] == old[released_as("first")]
    assert new[released_as("second")] == paper.page("ada").read_bytes()
    assert new[released_as("second")] != new[released_as("first")]

    folder = course.autograded_folder("bob", ASSIGNMENT)
    (folder / "submission_secret.txt").unlink()  # handed in again, by another way
    assert feedback(course, ASSIGNMENT).not_from_exchange == ["bob", "eve"]
    assert release(course)[released_as("bobs")] == old[released_as("bobs")]
    beside = course.feedback_folder("bob", ASSIGNMENT) / "submission_secret.txt"
    assert "bobs" not in beside.read_text()


def test_feedback_of_chosen_students_writes_only_theirs(paper):
    """Only the students named get a page; an unknown name is refused."""
    for student in ("ada", "bob"):
        paper.grade(student, SOLVED, cells=source_cells())
    (paper.course.submitted / "new" / ASSIGNMENT).mkdir(parents=True)
    assert feedback(paper.course, ASSIGNMENT, ["bob"]).written == [paper.page("bob")]
    assert feedback(paper.course, ASSIGNMENT).not_graded == ["new"]
    with pytest.raises(CourseError, match="no submission of 'planes' by 'eve'"):
        feedback(paper.course, ASSIGNMENT, ["eve"])


@pytest.mark.attack("link in a feedback page's place")
def test_feedback_replaces_a_link_and_does_not_follow_it(paper, tmp_path):
    """A link in a page's place is replaced: what it leads to stays as it is."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    paper.page("ada").parent.mkdir(parents=True)
    paper.page("ada").symlink_to(victim)
    paper.grade("ada", SOLVED, cells=source_cells())
    feedback(paper.course, ASSIGNMENT)
    assert victim.read_text() == "precious"
    assert "5 of 6" in Page(paper.page("ada")).text


# ------------------------------------------------------ what a page must not say


@pytest.mark.attack("hidden tests in feedback")
def test_feedback_never_shows_a_hidden_test(paper):
    """However a run and an item ended, no text of a hidden test is in the page."""
    cells = source_cells()
    cells[2].source = "import planes_student_code"
    cells[2].outputs = [
        new_output("stream", name="stdout", text=f"found: {HIDDEN[0]}\n"),
        new_output("stream", name="stdout", text="an honest print\n"),
        *failing_outputs()[1:],
        new_output("display_data", data={"text/plain": f"<{HIDDEN[2]}>"}),
        new_output(
            "display_data",
            data={"text/html": f"<b>{html.escape(HIDDEN[1])}</b>", "text/plain": "x"},
        ),
    ]
    cells[3].outputs = failing_outputs()
    cells[6].outputs = failing_outputs()
    ends = {
        f"{verdict.name} {status.name}": (verdict, status)
        for verdict in Verdict
        for status in Status
    }
    for student, (verdict, status) in ends.items():
        points = 2.0 if status is Status.CORRECT else 0.0
        items = dict.fromkeys(("fold-test", "fly-test"), (status, points, ""))
        message = "what happened"
        paper.grade(student, items, verdict=verdict, message=message, cells=cells)
    assert len(feedback(paper.course, ASSIGNMENT).written) == len(ends) == 55
    for student, (verdict, _) in ends.items():
        graded = paper.course.autograded / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        assert all(line in nbformat_text(graded) for line in HIDDEN)  # they were there
        page = Page(paper.page(student))
        seen = html.unescape(re.sub(r"<[^>]*>", "", page.raw)) + page.raw
        for secret in [*HIDDEN, "7919", "secret_length", "0.5772", "printed by a test"]:
            assert secret not in seen
        shows_the_notebook = verdict not in {
            *(Verdict.HELD_FOR_REVIEW, Verdict.NOT_READABLE, Verdict.MISSING)
        }
        assert ("an honest print" in seen) == shows_the_notebook
        assert ("assert fold(1) == 'crease-1'" in seen) == shows_the_notebook


@pytest.mark.slow
@pytest.mark.attack("hidden tests in nbgrader's own feedback")
def test_feedback_by_nbgrader_is_the_same_page(paper):
    """With the course's line for it ``nbgrader generate_feedback`` makes our pages."""
    config = paper.root / "nbgrader_config.py"
    exporter = "autograder.feedback.PageExporter"
    with config.open("a") as file:
        file.write(f'c.GenerateFeedback.exporter_class = "{exporter}"\n')
    cells = source_cells()
    cells[1].source = "<script>alert(1)</script>"
    cells[2].outputs = [new_output("stream", name="stdout", text=f"saw {HIDDEN[0]}\n")]
    cells[3].outputs = cells[6].outputs = failing_outputs()
    said = {"cells": cells, "marks": {"why": 0.5}, "comments": {"fold": "See page 4."}}
    paper.grade("ada", SOLVED, **said)
    paper.grade("eve", SOLVED, verdict=Verdict.HELD_FOR_REVIEW, **said)
    feedback(paper.course, ASSIGNMENT)
    ours = {student: paper.page(student).read_bytes() for student in ("ada", "eve")}
    shutil.rmtree(paper.course.feedback)
    # A notebook that has not been graded in the sandbox: nothing of it is shown.
    unknown = paper.course.autograded / "bob" / ASSIGNMENT
    shutil.copytree(paper.course.autograded / "ada" / ASSIGNMENT, unknown)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_feedback", ASSIGNMENT],
        cwd=paper.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
    )
    assert {student: paper.page(student).read_bytes() for student in ours} == ours
    for secret in [*HIDDEN, "<script>"]:
        assert secret not in html.unescape(ours["ada"].decode())
    assert "See page 4." in ours["ada"].decode()
    assert not paper.page("bob").exists()
    assert f"run `autograder grade {ASSIGNMENT}` first" in done.stderr


def nbformat_text(path: Path) -> str:
    """Give all the text of a notebook, without JSON's quoting."""
    return str(nbformat.read(path, as_version=4)).replace("\\'", "'")


def test_feedback_shows_an_output_that_repeats_the_students_own_code(paper):
    """A traceback through a student's own line is shown, even if a test has it too."""
    cells = source_cells()
    cells[2].source = HIDDEN[0]
    cells[2].outputs = [
        new_output("error", ename="E", evalue="e", traceback=[f"---> 1 {HIDDEN[0]}"])
    ]
    paper.grade("ada", SOLVED, cells=cells)
    feedback(paper.course, ASSIGNMENT)
    assert f"---> 1 {HIDDEN[0]}" in html.unescape(paper.page("ada").read_text())


# --------------------------------------------------------- outputs in a page


def test_pages_text_drops_colours_and_other_control_characters():
    """Terminal colours, backspaces and marks of direction do not reach the page."""
    assert safe_html.plain("\x1b[1;31mred\x1b[0m\x08 \u202eback\x00") == "red back"
    assert safe_html.plain("10%\r50%\r100%\ndone\r\n") == "100%\ndone\n"
    assert safe_html.plain(["a", "b", 3]) == "ab"
    assert safe_html.plain({"a": 1}) == safe_html.plain(None) == ""
    assert safe_html.plain("\ud800") == "?"


def test_pages_cut_what_is_too_long_and_say_so():
    """A flood of output becomes a beginning and a note of how much is left out."""
    shown = str(safe_html.text("x" * 1_000_000))
    assert len(shown) < safe_html.TEXT_CHARACTERS + 200
    assert "[cut here: 990,000 more characters]" in shown
    shown = str(safe_html.text("line\n" * 5000))
    assert shown.count("line") == safe_html.TEXT_LINES


def test_feedback_keeps_a_page_of_bounded_size(paper):
    """Thousands of outputs and figures make a page of some megabytes at most."""
    figure = "iVBORw0KGgo" + png()[11:]
    big = base64.b64encode(base64.b64decode(figure) + bytes(1_900_000)).decode()
    cells = source_cells()
    cells[2:2] = [
        new_code_cell(
            "show()",
            outputs=[new_output("display_data", data={"image/png": big})] * 2
            + [new_output("stream", name="stdout", text="flood\n" * 5000)] * 100,
        )
        for _ in range(5)
    ]
    paper.grade("ada", SOLVED, cells=cells)
    feedback(paper.course, ASSIGNMENT)
    size = paper.page("ada").stat().st_size
    assert 1_000_000 < size < 10_000_000
    text = Page(paper.page("ada")).text
    assert "more cells are not shown" in text
    assert "[cut here: 52 more outputs]" in text


def test_feedback_of_very_much_prose_is_shown_as_typed(paper, monkeypatch):
    """Past a measure, prose, code and HTML are escaped text: rendering costs time."""
    monkeypatch.setattr("autograder.pages.feedback.RICH_CHARACTERS", 1000)
    cells = source_cells()
    cells[2].outputs = [new_output("display_data", data={"text/html": "<i>early</i>"})]
    cells.append(new_markdown_cell("x" * 1000))
    cells.append(new_markdown_cell("**last prose**"))
    table = new_output(
        "display_data", data={"text/html": "<b>bold</b>", "text/plain": "as plain text"}
    )
    cells.append(new_code_cell("last_code = 1", outputs=[table]))
    paper.grade("ada", SOLVED, cells=cells)
    feedback(paper.course, ASSIGNMENT)
    raw = paper.page("ada").read_text()
    assert "<i>early</i>" in raw
    assert "**last prose**" in raw
    assert "last_code = 1" in raw
    assert "as plain text" in raw
    assert "<b>bold</b>" not in raw


def test_feedback_shows_figures_with_their_description(paper):
    """A PNG is shown with the alt text of its metadata, or a plain default."""
    cells = source_cells()
    data = {"image/png": png(), "text/plain": "<Figure>"}
    told = {"image/png": {"alt": 'A "line" that <b>rises</b>'}}
    cells[2].outputs = [
        new_output("display_data", data=data, metadata=told),
        new_output("display_data", data=data),
    ]
    paper.grade("ada", SOLVED, cells=cells)
    feedback(paper.course, ASSIGNMENT)
    alts = [image["alt"] for image in Page(paper.page("ada")).all("img")]
    assert alts == ['A "line" that <b>rises</b>', "A figure that your code made."]


def bomb() -> bytes:
    """Make the beginning of a PNG that claims 100,000 x 100,000 pixels."""
    return safe_html.PNG + b"\x00\x00\x00\rIHDR" + struct.pack(">II", 10**5, 10**5)


@pytest.mark.parametrize(
    ("mime", "raw"),
    [
        ("image/png", b"<svg onload=alert(1)>"),
        ("image/png", b"GIF89a" + bytes(40)),
        ("image/jpeg", b"<script>alert(1)</script>"),
        ("image/jpeg", safe_html.JPEG + bytes(40)),
        ("image/png", bomb()),
        ("image/png", b""),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ],
)
def test_pages_image_refuses_what_is_no_sound_image(mime, raw):
    """Bytes that are not the image they claim to be, or unfold hugely, are refused."""
    assert safe_html.image(mime, base64.b64encode(raw).decode()) is None
    assert safe_html.image("image/png", png()) is not None  # the control


def test_pages_image_accepts_png_and_jpeg():
    """Sound images pass unchanged; what is no base64 does not."""
    buffer = io.BytesIO()
    Figure(figsize=(1, 1)).savefig(buffer, format="jpeg")
    raw = base64.b64encode(buffer.getvalue()).decode()
    assert safe_html.image("image/jpeg", raw) == f"data:image/jpeg;base64,{raw}"
    assert (
        safe_html.image("image/png", png() + "\n") == f"data:image/png;base64,{png()}"
    )
    assert safe_html.image("image/png", png() + '" onload="x') is None


def test_pages_html_keeps_a_data_frame():
    """A table that a data frame shows survives, its styles do not."""
    shown = safe_html.html(
        "<div><style scoped>td{color:red}</style><table border='1' class='dataframe'>"
        "<thead><tr><th>a</th></tr></thead><tbody><tr><td colspan='2' "
        "style='background:url(x)'>1.5</td></tr></tbody></table></div>"
    )
    assert str(shown) == (
        "<div><table><thead><tr><th>a</th></tr></thead><tbody><tr>"
        '<td colspan="2">1.5</td></tr></tbody></table></div>'
    )


def test_pages_markdown_shows_formulas_as_typed_and_headings_lower():
    """Prose is rendered; a formula keeps its backslashes and underscores."""
    shown = str(safe_html.markdown("# One\n\n$a_i * b_j * \\{x\\}$ is **bold** `x_1`"))
    assert shown == (
        '<h3>One</h3>\n<p><code class="math">a_i * b_j * \\{x\\}</code> is '
        "<strong>bold</strong> <code>x_1</code></p>\n"
    )


SLOW = [
    "[",
    "![",
    "*a ",
    "_a_",
    "`a``",
    ">",
    "\\\\[",
    "\\begin{a}",
    "<a ",
    "<!--",
    "$a ",
]
SLOW += ["|a", "- " * 50 + "\n", "[a](", "&", "<div>", "~~a", "**a *b "]


@pytest.mark.slow
@pytest.mark.parametrize("pattern", SLOW)
def test_pages_markdown_takes_no_pattern_for_long(pattern):
    """Prose made to be slow to parse costs seconds at most (measured: under 0.6 s)."""
    started = time.process_time()
    safe_html.markdown(
        (pattern * safe_html.PROSE_CHARACTERS)[: safe_html.PROSE_CHARACTERS]
    )
    safe_html.html((pattern * safe_html.HTML_CHARACTERS)[: safe_html.HTML_CHARACTERS])
    safe_html.code((pattern * safe_html.CODE_CHARACTERS)[: safe_html.CODE_CHARACTERS])
    assert time.process_time() - started < 10


def test_feedback_survives_outputs_of_wrong_types(paper):
    """An output with numbers, lists or nothing where text belongs makes a page too."""
    cells = source_cells()
    cells[2].outputs = [
        new_output("display_data", data={"application/json": [3], "text/html": ""}),
        new_output("display_data", data={"application/javascript": "alert(1)"}),
        new_output("display_data", data={"text/latex": "$x$", "text/plain": "latex"}),
        new_output("display_data", data={}, metadata={"image/png": 4}),
        new_output("error", ename="E", evalue="lonely", traceback=[]),
    ]
    surrogate, placeholder = "\\ud800", "a lone surrogate"  # JSON can hold one
    cells[2].source = f"print('{placeholder}')"
    paper.grade("ada", SOLVED, cells=cells)
    path = paper.course.autograded / "ada" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    path.write_text(path.read_text().replace(placeholder, surrogate))
    feedback(paper.course, ASSIGNMENT)
    page = Page(paper.page("ada"))
    assert "[an output that this page cannot show]" in page.text
    assert "print('?')" in re.sub(r"</?span[^>]*>", "", page.raw)
    assert "E: lonely" in page.text
    assert "alert" not in page.raw


# ------------------------------------------------------------------ no scripts

CANARY = "data-pwned"
RUN = f"document.documentElement.setAttribute(`{CANARY}`,1)"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<img src=x onerror='{RUN}' alt=x>",
    f"<svg onload={RUN}><circle/></svg>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><style><img src=x onerror={RUN}></style></svg>",
    f"<math><mtext><table><mglyph><style><!--</style><img src=x onerror={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'></noscript>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<iframe src='javascript:parent.{RUN}'></iframe>",
    f"<object data='data:text/html,<script>parent.{RUN}</script>'></object>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}><summary>x</summary></details>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<a href='javascript:{RUN}'>x</a>",
    f"<a href='java\nscript:{RUN}'>x</a>",
    f"<a href='&#106;avascript:{RUN}'>x</a>",
    f"[x](javascript:{RUN})",
    f"[x](data:text/html,<script>{RUN}</script>)",
    f'![x" onerror="{RUN}](x)',
    f"![x](data:image/svg+xml,<svg onload={RUN}>)",
    f"`</code><script>{RUN}</script>`",
    f"```html\n</code></pre><script>{RUN}</script>\n```",
    f"$</code><script>{RUN}</script>$",
    f"$$\n</code><img src=x onerror={RUN}>\n$$",
    f"\\begin{{a}}<img src=x onerror={RUN}>\\end{{a}}",
    f"# <img src=x onerror={RUN}>",
    f"</pre></code></div></main><script>{RUN}</script>",
    f"--></style></title></textarea><script>{RUN}</script>",
    f"<!--><script>{RUN}</script>-->",
    f"<style>@import 'javascript:{RUN}';</style>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    "<base href='https://attacker.example/'>",
    "<link rel=stylesheet href='https://attacker.example/x.css'>",
    "<form action='https://attacker.example/'><button>Hand in again</button></form>",
    "<p style='background:url(https://attacker.example/x)' class=notice id=main>x</p>",
    "<img src='https://attacker.example/x.png'>",
    f'"><script>{RUN}</script>',
    f"'><img src=x onerror={RUN}>",
    f"{{{{ ''.__class__ }}}}{{% raw %}}<script>{RUN}</script>",
]
STUDENT = f'x"><img src=x onerror={RUN}>'


@pytest.fixture
def attacked(paper: PaperClass) -> Path:
    """A page with every payload in every place that a student or a file can write."""
    everything = "\n\n".join(PAYLOADS)
    cells = source_cells()
    cells[7].source = everything
    cells[2].source = everything
    outputs = []
    for payload in PAYLOADS:
        outputs += [
            new_output("stream", name="stdout", text=payload),
            new_output("error", ename=payload, evalue=payload, traceback=[payload]),
            new_output("error", ename=payload, evalue=payload, traceback=[]),
            new_output("display_data", data={"text/html": payload}),
            new_output("display_data", data={"text/plain": payload}),
            new_output("display_data", data={"image/svg+xml": payload}),
            new_output("display_data", data={"application/javascript": RUN}),
            new_output("display_data", data={"image/png": payload, "text/plain": "x"}),
            new_output(
                "display_data",
                data={"image/png": png()},
                metadata={"image/png": {"alt": payload, "width": payload}},
            ),
            new_output("display_data", data={payload: payload}),
        ]
    step = 40  # fewer than the outputs of a cell that a page shows
    cells[2:2] = [
        new_code_cell("", outputs=outputs[k : k + step])
        for k in range(0, len(outputs), step)
    ]
    cells += [new_markdown_cell(payload) for payload in PAYLOADS]
    cells += [nbformat.v4.new_raw_cell(payload) for payload in PAYLOADS]
    cells[-1].metadata["nbgrader"] = {"grade_id": everything}
    paper.grade(
        STUDENT.replace("/", ""),
        {
            "fold-test": (Status.INCORRECT, 0.0, everything),
            "fly-test": (Status.ERROR, 0.0, f"<script>{RUN}</script>"),
        },
        verdict=Verdict.CRASHED,
        message=everything,
        repairs=PAYLOADS,
        comments={"fold": everything, "why": f"<script>{RUN}</script>"},
        cells=cells,
    )
    feedback(paper.course, ASSIGNMENT)
    return paper.page(STUDENT.replace("/", ""))


@pytest.mark.attack("script in feedback: elements")
def test_feedback_has_no_element_of_a_submission_that_could_act(attacked):
    """A page holds only elements and attributes of a short list, and a policy."""
    page = Page(attacked)
    ours = {*("html", "head", "meta", "title", "style", "body", "header", "main")}
    ours |= {*("footer", "section", "h1", "h2")}
    assert {tag for tag, _ in page.elements} <= ours | safe_html.TAGS
    allowed = {
        *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href"),
        *("aria-labelledby", "aria-label", "tabindex", "src", "alt", "rel"),
        *("colspan", "rowspan", "start"),
    }
    assert {name for _, attributes in page.elements for name in attributes} <= allowed
    for image in page.all("img"):
        source = image.get("src", "data:image/png;base64,none")
        assert re.match(r"data:image/(png|jpeg);base64,[\w+/=]+\Z", source)
    for link in page.all("a"):
        assert re.match(r"(https?://|mailto:|#)", link.get("href", "#"))
    assert len(page.all("meta")) == 4
    assert len(page.all("style")) == 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    policy = page.all("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert "default-src 'none'" in policy["content"]
    assert "script-src" not in policy["content"]
    assert "unsafe" not in policy["content"]
    # The payloads are there, as text: the test is not about an empty page.
    assert page.text.count(RUN) > 100


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)


def dom(path: Path, profile: Path) -> str:
    """Open a page in a browser without a window, and dump what became of it."""
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
            *("--disable-quic", "--no-first-run", "--disable-background-networking"),
            *("--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={profile}", "--virtual-time-budget=3000"),
            *("--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    return done.stdout.decode("utf-8", "replace")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.attack("script in feedback: in a browser")
def test_feedback_runs_no_script_in_a_browser(attacked, tmp_path):
    """Each of the two walls alone, and both, keep every payload from running."""
    profile = tmp_path / "profile"
    bare = tmp_path / "bare.html"
    bare.write_text(f"<!DOCTYPE html><title>x</title>{''.join(PAYLOADS[1:4])}")

    def pwned(path: Path) -> bool:
        root = re.search(r"<html[^>]*>", dom(path, profile))[0]
        return CANARY in root

    assert pwned(bare)  # the control: payloads do run
    assert not pwned(attacked)
    raw = attacked.read_text("utf-8")
    policy = re.search(r"<meta http-equiv[^>]*>", raw)[0]
    without = tmp_path / "without-policy.html"
    without.write_text(raw.replace(policy, ""))
    assert not pwned(without)
    only = tmp_path / "only-policy.html"
    only.write_text(bare.read_text().replace("<title>", f"{policy}<title>"))
    assert not pwned(only)


# ---------------------------------------------------------------- accessibility


def test_feedback_has_landmarks_one_title_and_ordered_headings(paper):
    """A page can be read by ear: language, landmarks, one h1, no level left out."""
    cells = source_cells()
    cells[7].source = "# Mine\n\n###### deep\n\n<h1>raw</h1>"
    paper.grade("ada", SOLVED, cells=cells)
    feedback(paper.course, ASSIGNMENT)
    page = Page(paper.page("ada"))
    assert page.all("html") == [{"lang": "en"}]
    assert [len(page.all(tag)) for tag in ("header", "main", "footer", "h1")] == [1] * 4
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[:2] == [1, 2]
    targets = {attributes.get("id") for _, attributes in page.elements}
    for link in page.all("a"):
        assert link["href"].removeprefix("#") in targets
