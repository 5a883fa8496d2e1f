"""The page that one student gets: points, messages, and the notebook as it ran.

What is shown of a test is the handout's text and the message that its author wrote,
never its outputs. Everything of the student's is escaped or sanitized.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_grade, is_solution, is_task

from autograder import safe_html
from autograder.course import Course
from autograder.gradebook import records
from autograder.pages import template
from autograder.verdicts import Status, Verdict

MESSAGE_CHARACTERS = 4000
OUTPUTS_OF_A_CELL = 50
PAGE_CHARACTERS = 8_000_000  # of the student's notebook, images included
RICH_CHARACTERS = 300_000  # of prose, code and HTML; beyond, all is shown as typed
TELLING_CHARACTERS = 16  # a shorter line of a hidden test gives nothing away

# What each verdict means for its student, and what may help.
VERDICTS = {
    Verdict.GRADED: ("Your notebook ran to its end.", ""),
    Verdict.CRASHED: (
        "Your notebook crashed: it ended the Python process that ran it.",
        "Look for exit calls and for code that works on memory directly.",
    ),
    Verdict.OUT_OF_TIME: (
        "Your notebook ran out of computing time and was stopped.",
        "Look for a loop that never ends, or for far more work than is needed.",
    ),
    Verdict.OUT_OF_MEMORY: (
        "Your notebook ran out of memory and was stopped.",
        "Look for an array or a list that grows, or whose shape is not as meant.",
    ),
    Verdict.OUT_OF_OUTPUT: (
        "Your notebook printed or displayed too much and was stopped.",
        "Look for a print inside a long loop.",
    ),
    Verdict.OUT_OF_DISK: (
        "Your notebook wrote too much into files and was stopped.",
        "Look for files that are written again and again.",
    ),
    Verdict.OUT_OF_PROCESSES: (
        "Your notebook started too many processes and was stopped.",
        "Look for code that starts processes or threads.",
    ),
    Verdict.NOT_READABLE: (
        "Your notebook could not be read, so nothing of it was run.",
        "Open it in Jupyter, save it, and hand it in again.",
    ),
    Verdict.MISSING: ("No notebook of this name was handed in.", ""),
}
# What an item says if its check had nothing to say for students.
SAID_BY_DEFAULT = {
    Status.CORRECT: "",
    Status.INCORRECT: "Your answer did not pass every check of this test.",
    Status.NOT_ATTEMPTED: "There is no answer here yet.",
    Status.ERROR: "The test could not use your answer: running it raised an error.",
    Status.NOT_RUN: "This test was not run.",
}
SCORED_BY_HAND = "graded by hand"
WAITING = "waits for your instructor"


class PageMaker:
    """Makes the pages of an assignment; what they share is read once.

    With `student`, those of one submission alone, and no other's items are read.
    """

    def __init__(
        self, course: Course, assignment: str, student: str | None = None
    ) -> None:
        """Read the instructor's notebooks and the stored items."""
        self.course = course
        self.masters = {
            name: _read_master(course, assignment, name)
            for name in course.notebook_names(assignment)
        }
        self.items: dict[tuple[str, str], dict[str, records.StoredItem]] = {}
        for item in records.items(course, assignment, student):
            of_notebook = self.items.setdefault((item.student, item.notebook), {})
            of_notebook[item.grade_id] = item

    def page(self, gradebook: Gradebook, run: records.StoredRun) -> str:
        """Make the page of one notebook of one submission."""
        view = _view(
            self.course,
            self.masters[run.notebook],
            run,
            self.items.get((run.student, run.notebook), {}),
            _marks(gradebook, run),
        )
        return template.fill("feedback.html", view=view)


# ----------------------------------------------------- the instructor's notebook


@dataclass(frozen=True)
class _Graded:
    """A cell that earns points, as the instructor's notebook has it."""

    grade_id: str
    title: str
    points: float
    by_hand: bool


@dataclass
class _Master:
    """What a page needs to know of the instructor's notebook."""

    title: str
    graded: dict[str, _Graded] = field(default_factory=dict)
    visible: dict[str, str] = field(default_factory=dict)  # of test cells, by grade_id
    hidden: set[str] = field(default_factory=set)  # telling lines of hidden tests
    comment_goes_to: dict[str, str] = field(default_factory=dict)  # solution: graded


def _read_master(course: Course, assignment: str, notebook: str) -> _Master:
    """Read the instructor's notebook: its items, their titles, what is hidden.

    What was handed out of a test cell is read from the handout itself.
    """
    file = Path(assignment, f"{notebook}.ipynb")
    cells = nbformat.read(course.source / file, as_version=4).cells
    handout: dict[str, str] = {}
    if (course.release / file).is_file():
        for cell in nbformat.read(course.release / file, as_version=4).cells:
            handout[_grade_id(cell)] = cell.source
    markers = ClearHiddenTests(config=course.config)
    headings = _headings(cells)
    uses = Counter(headings[i] for i, cell in enumerate(cells) if is_grade(cell))
    master = _Master(title=_first_title(cells) or assignment)
    shown: list[str] = []
    unanswered: list[str] = []
    for heading, cell in zip(headings, cells, strict=True):
        seen, hidden = _split_hidden(cell.source, markers)
        if not is_solution(cell):
            shown.append(seen)
        master.hidden.update(line.strip() for line in hidden.split("\n"))
        if not is_grade(cell):
            if is_solution(cell):
                unanswered.append(cell.metadata.nbgrader["grade_id"])
            continue
        grade_id = cell.metadata.nbgrader["grade_id"]
        name = grade_id.removesuffix("-test")
        title = (
            f"{heading}: {name}" if heading and uses[heading] > 1 else heading or name
        )
        by_hand = is_solution(cell) or is_task(cell) or cell.cell_type != "code"
        points = float(cell.metadata.nbgrader["points"])
        master.graded[grade_id] = _Graded(grade_id, title, points, by_hand)
        if not by_hand:
            given, _ = _split_hidden(handout.get(grade_id, ""), markers)
            master.visible[grade_id] = given.strip("\n")
        for solution in [*unanswered, grade_id]:
            master.comment_goes_to[solution] = grade_id
        unanswered = []
    openly = "\n".join(shown)
    master.hidden = {
        line
        for line in master.hidden
        if len(line) >= TELLING_CHARACTERS and line not in openly
    }
    return master


def _split_hidden(source: str, markers: ClearHiddenTests) -> tuple[str, str]:
    """Part a cell into what was handed out and what was not.

    A region that is never closed hides all that follows.
    """
    parts: tuple[list[str], list[str]] = ([], [])
    inside = False
    for line in source.split("\n"):
        if markers.begin_test_delimeter in line:
            inside = True
        elif markers.end_test_delimeter in line:
            inside = False
        else:
            parts[inside].append(line)
    return "\n".join(parts[0]), "\n".join(parts[1])


def _headings(cells: list[NotebookNode]) -> list[str]:
    """Give each cell the nearest heading above it, below the level of the title."""
    result, current = [], ""
    for cell in cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^#{2,6}[ \t]+(.+?)[ \t#]*$", cell.source, re.MULTILINE)
            current = (
                re.sub(r"[*`$]|(?<!\w)_|_(?!\w)", "", found[-1]) if found else current
            )
        result.append(current)
    return result


def _first_title(cells: list[NotebookNode]) -> str:
    for cell in cells:
        if cell.cell_type == "markdown" and (
            found := re.search(r"^#[ \t]+(.+?)[ \t#]*$", cell.source, re.MULTILINE)
        ):
            return re.sub(r"[*`$]", "", found[1])
    return ""


# ------------------------------------------------------------------ the gradebook


@dataclass
class _Marks:
    """What nbgrader's gradebook says of one notebook of one submission."""

    grades: dict[str, Any] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    penalty: float = 0.0


def _marks(gradebook: Gradebook, run: records.StoredRun) -> _Marks:
    try:
        found = gradebook.find_submission_notebook(
            run.notebook, run.assignment, run.student
        )
    except MissingEntry:
        return _Marks()
    return _Marks(
        grades={grade.name: grade for grade in found.grades},
        # nbgrader's own comment, "No response.", is no instructor's.
        comments={c.name: c.manual_comment for c in found.comments if c.manual_comment},
        penalty=found.late_submission_penalty or 0.0,
    )


# ---------------------------------------------------------------------- the view


@dataclass
class _ItemView:
    """One item, in words."""

    title: str
    status: str
    css: str
    points: str
    max_points: str
    message: str = ""
    scored: str = ""
    comments: list[str] = field(default_factory=list)
    anchor: str = ""


@dataclass
class _CellView:
    """One cell of the notebook: prose, code, test, or a note."""

    kind: str
    content: Markup | str
    outputs: list[Markup] = field(default_factory=list)
    item: _ItemView | None = None
    number: int = 0  # among the cells of code and tests, as messages count them


@dataclass
class _View:
    """Everything that a page shows."""

    title: str
    student: str
    notebook: str
    held: bool
    points: str = ""
    max_points: str = ""
    penalty: str = ""
    verdict: str = ""
    stopped: bool = False
    message: str = ""
    advice: str = ""
    items: list[_ItemView] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    cells: list[_CellView] = field(default_factory=list)


def _view(
    course: Course,
    master: _Master,
    run: records.StoredRun,
    items: dict[str, records.StoredItem],
    marks: _Marks,
) -> _View:
    view = _View(
        title=master.title,
        student=safe_html.plain(run.student),
        notebook=run.notebook,
        held=run.verdict is Verdict.HELD_FOR_REVIEW,
    )
    if view.held:
        return view
    shown = {
        grade_id: _item_view(graded, items.get(grade_id), marks)
        for grade_id, graded in master.graded.items()
    }
    earned = sum(_points(graded, items, marks) for graded in master.graded.values())
    view.points = safe_html.number(max(0.0, earned - marks.penalty))
    view.max_points = safe_html.number(
        sum(graded.points for graded in master.graded.values())
    )
    if marks.penalty:
        view.penalty = (
            f"{safe_html.number(marks.penalty)} points were taken off for lateness."
        )
    view.verdict, view.advice = VERDICTS[run.verdict]
    view.stopped = run.verdict is not Verdict.GRADED
    view.message = safe_html.plain(run.message)
    for solution, comment in marks.comments.items():
        if target := shown.get(master.comment_goes_to.get(solution, "")):
            target.comments.append(safe_html.plain(comment))
    view.items = list(shown.values())
    view.repairs = [safe_html.plain(repair) for repair in run.repairs]
    if run.verdict not in {Verdict.NOT_READABLE, Verdict.MISSING}:
        folder = course.autograded / run.student / run.assignment
        view.cells = _cell_views(folder / f"{run.notebook}.ipynb", master, shown)
    return view


def _points(
    graded: _Graded, items: dict[str, records.StoredItem], marks: _Marks
) -> float:
    """Take the gradebook's score, which knows of marks by hand; else the test's."""
    if graded.grade_id in marks.grades:
        return float(marks.grades[graded.grade_id].score)
    item = items.get(graded.grade_id)
    return item.points if item else 0.0


def _item_view(
    graded: _Graded, item: records.StoredItem | None, marks: _Marks
) -> _ItemView:
    grade = marks.grades.get(graded.grade_id)
    by_hand = grade is not None and grade.manual_score is not None
    if graded.by_hand:
        status = SCORED_BY_HAND if by_hand or not grade else WAITING
        css = "manual"
    else:
        status = (item.status if item else Status.NOT_RUN).value
        css = status.replace(" ", "-")
    view = _ItemView(
        title=graded.title,
        status=status,
        css=css,
        points=safe_html.number(
            _points(graded, {graded.grade_id: item} if item else {}, marks)
        ),
        max_points=safe_html.number(graded.points),
        message="" if graded.by_hand else _said(item),
    )
    if by_hand and not graded.by_hand:
        automatic = safe_html.number(grade.auto_score or 0.0)
        given = safe_html.number(grade.manual_score)
        view.scored = f"The test gave {automatic}; your instructor made it {given}."
    if grade is not None and grade.extra_credit:
        view.scored += (
            f" {safe_html.number(grade.extra_credit)} of the points are extra credit."
        )
    return view


def _said(item: records.StoredItem | None) -> str:
    """Give what a check said, or a plain sentence for its status."""
    if item is None:
        return SAID_BY_DEFAULT[Status.NOT_RUN]
    said = safe_html.cut(safe_html.plain(item.message), MESSAGE_CHARACTERS)[0]
    return said or SAID_BY_DEFAULT[item.status]


# ------------------------------------------------------------------ the notebook


def _cell_views(
    path: Path, master: _Master, shown: dict[str, _ItemView]
) -> list[_CellView]:
    """Show the graded notebook, if there is one."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (OSError, ValueError, nbformat.ValidationError):
        return []
    own = "\n".join(
        safe_html.plain(cell.source)
        for cell in cells
        if _grade_id(cell) not in master.visible
    )
    told = {line for line in master.hidden if line not in own}
    result: list[_CellView] = []
    characters = typed = number = 0
    for cell in cells:
        typed += _rich_characters(cell)
        rich = typed <= RICH_CHARACTERS
        view = _cell_view(cell, master, shown, told, rich=rich)
        if cell.cell_type == "code":
            number += 1
            view.number = number
        characters += len(view.content) + sum(map(len, view.outputs))
        if characters > PAGE_CHARACTERS:
            left_out = len(cells) - len(result)
            note = f"[the page is full: {left_out} more cells are not shown]"
            result.append(_CellView("note", note))
            break
        result.append(view)
    for i, view in enumerate(view for view in result if view.item):
        view.item.anchor = f"item-{i + 1}"
    return result


def _grade_id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _rich_characters(cell: NotebookNode) -> int:
    """Count what takes time to render: a text can be made to take long."""
    shown = [cell.source]
    shown += [out.get("data", {}).get("text/html") for out in cell.get("outputs", [])]
    return sum(len(safe_html.plain(text)) for text in shown)


def _cell_view(
    cell: NotebookNode,
    master: _Master,
    shown: dict[str, _ItemView],
    hidden: set[str],
    *,
    rich: bool,
) -> _CellView:
    grade_id = _grade_id(cell)
    if grade_id in master.visible:
        content = safe_html.code(master.visible[grade_id])
        return _CellView("test", content, item=shown[grade_id])
    if cell.cell_type == "markdown" and rich:
        return _CellView(
            "prose", safe_html.markdown(cell.source, cell.get("attachments"))
        )
    if cell.cell_type != "code":
        return _CellView("code", safe_html.text(cell.source))
    outputs = [
        Markup('<p class="cut">[an output that repeats a test is left out]</p>')
        if _repeats(output, hidden)
        else safe_html.output(output, rich=rich)
        for output in cell.outputs[:OUTPUTS_OF_A_CELL]
    ]
    if left_out := len(cell.outputs) - len(outputs):
        note = Markup('<p class="cut">[cut here: {} more outputs]</p>')
        outputs.append(note.format(left_out))
    content = safe_html.code(cell.source) if rich else safe_html.text(cell.source)
    return _CellView("code", content, outputs)


def _repeats(output: NotebookNode, hidden: set[str]) -> bool:
    """Tell whether an output holds a line of a hidden test."""
    texts = [safe_html.plain(part) for part in _texts(output)]
    texts += [html.unescape(text) for text in texts]
    return any(line in text for line in hidden for text in texts)


def _texts(output: NotebookNode) -> list[Any]:
    data = output.get("data") or {}
    trace = "\n".join(map(safe_html.plain, output.get("traceback") or []))
    return [
        *(output.get("text"), output.get("ename"), output.get("evalue"), trace),
        *(data.get("text/plain"), data.get("text/html")),
    ]
