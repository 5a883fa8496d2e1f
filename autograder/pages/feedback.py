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
from nbgrader.utils import is_grade, is_solution

from autograder import safe_html
from autograder.assignment.cells import by_id, grade_id, is_test
from autograder.assignment.markers import hidden_test_markers, telling_lines
from autograder.assignment.notebook import Assignment, AssignmentNotebook
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
    Verdict.INTERRUPTED: (
        "The machine that ran your notebook ended it: that is no mistake of yours.",
        "What did not run has no points yet; it will be run again.",
    ),
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
# The message of an item whose check has none for students.
DEFAULT_MESSAGES = {
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
        notebooks = Assignment(course, assignment).notebooks
        self.outlines = {name: _outline(nb) for name, nb in notebooks.items()}
        self.items: dict[tuple[str, str], dict[str, records.StoredItem]] = {}
        for item in records.items(course, assignment, student):
            of_notebook = self.items.setdefault((item.student, item.notebook), {})
            of_notebook[item.grade_id] = item

    def page(self, gradebook: Gradebook, run: records.StoredRun) -> str:
        """Make the page of one notebook of one submission."""
        view = _view(
            self.course,
            self.outlines[run.notebook],
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


@dataclass(frozen=True)
class _Outline:
    """What a page shows of the instructor's notebook, and what it must not show.

    Attributes
    ----------
    title : str
        The notebook's first heading, or the assignment's name.
    graded : dict of str to _Graded
        The cells that earn points, by their ids.
    visible : dict of str to str
        The text of each test cell as it was handed out, by its id.
    hidden : set of str
        The lines of hidden tests that would give something away.
    comment_goes_to : dict of str to str
        By the id of a cell that an instructor may comment: the id of the graded cell
        that the comment is shown with.
    """

    title: str
    graded: dict[str, _Graded]
    visible: dict[str, str]
    hidden: set[str]
    comment_goes_to: dict[str, str]


def _outline(notebook: AssignmentNotebook) -> _Outline:
    """Outline a notebook of the instructor's.

    What was handed out of a test cell is read from the handout itself.
    """
    cells = notebook.as_written.cells
    handout = by_id(notebook.handout) if notebook.handout else {}
    markers = hidden_test_markers(notebook.assignment.course.config)
    graded = _graded_cells(cells)
    visible = {}
    for name in (name for name, cell in graded.items() if not cell.by_hand):
        text = handout[name].source if name in handout else ""
        visible[name] = markers.split(text)[0].strip("\n")
    parts = [(is_solution(cell), *markers.split(cell.source)) for cell in cells]
    return _Outline(
        title=_first_title(cells) or notebook.assignment.name,
        graded=graded,
        visible=visible,
        hidden=telling_lines(
            hidden=[inside for _, _, inside in parts],
            shown=[outside for answer, outside, _ in parts if not answer],
            least=TELLING_CHARACTERS,
        ),
        comment_goes_to=_comment_targets(cells),
    )


def _graded_cells(cells: list[NotebookNode]) -> dict[str, _Graded]:
    """Describe the cells that earn points, by their ids.

    Each has the title of the heading above it; where a heading is above several, the
    id comes after it.
    """
    headings = _headings(cells)
    uses = Counter(headings[i] for i, cell in enumerate(cells) if is_grade(cell))
    graded = {}
    for heading, cell in zip(headings, cells, strict=True):
        if not is_grade(cell):
            continue
        cell_id = grade_id(cell)
        name = cell_id.removesuffix("-test")
        title = f"{heading}: {name}" if uses[heading] > 1 else heading
        graded[cell_id] = _Graded(
            cell_id,
            title if heading else name,
            points=float(cell.metadata.nbgrader["points"]),
            by_hand=not is_test(cell),
        )
    return graded


def _comment_targets(cells: list[NotebookNode]) -> dict[str, str]:
    """Say which graded cell a comment on an answer goes to: the next one."""
    targets = {}
    answers: list[str] = []
    for cell in cells:
        if is_grade(cell) or is_solution(cell):
            answers.append(grade_id(cell))
        if is_grade(cell):
            targets |= dict.fromkeys(answers, grade_id(cell))
            answers = []
    return targets


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
    outline: _Outline,
    run: records.StoredRun,
    items: dict[str, records.StoredItem],
    marks: _Marks,
) -> _View:
    view = _View(
        title=outline.title,
        student=safe_html.plain(run.student),
        notebook=run.notebook,
        held=run.verdict is Verdict.HELD_FOR_REVIEW,
    )
    if view.held:
        return view
    shown = {
        cell_id: _item_view(graded, items.get(cell_id), marks)
        for cell_id, graded in outline.graded.items()
    }
    earned = sum(_points(graded, items, marks) for graded in outline.graded.values())
    view.points = safe_html.number(max(0.0, earned - marks.penalty))
    view.max_points = safe_html.number(
        sum(graded.points for graded in outline.graded.values())
    )
    if marks.penalty:
        view.penalty = (
            f"{safe_html.number(marks.penalty)} points were taken off for lateness."
        )
    view.verdict, view.advice = VERDICTS[run.verdict]
    view.stopped = run.verdict is not Verdict.GRADED
    view.message = safe_html.plain(run.message)
    for solution, comment in marks.comments.items():
        if target := shown.get(outline.comment_goes_to.get(solution, "")):
            target.comments.append(safe_html.plain(comment))
    view.items = list(shown.values())
    view.repairs = [safe_html.plain(repair) for repair in run.repairs]
    if run.verdict not in {Verdict.NOT_READABLE, Verdict.MISSING}:
        path = course.autograded_notebook(run.student, run.assignment, run.notebook)
        view.cells = _cell_views(path, outline, shown)
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
        message="" if graded.by_hand else _message(item),
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


def _message(item: records.StoredItem | None) -> str:
    """Give the message of an item's check, or a plain sentence for its status."""
    if item is None:
        return DEFAULT_MESSAGES[Status.NOT_RUN]
    message = safe_html.cut(safe_html.plain(item.message), MESSAGE_CHARACTERS)[0]
    return message or DEFAULT_MESSAGES[item.status]


# ------------------------------------------------------------------ the notebook


def _cell_views(
    path: Path, outline: _Outline, shown: dict[str, _ItemView]
) -> list[_CellView]:
    """Show the graded notebook, if there is one."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (OSError, ValueError, nbformat.ValidationError):
        return []
    own = "\n".join(
        safe_html.plain(cell.source)
        for cell in cells
        if grade_id(cell) not in outline.visible
    )
    hidden = {line for line in outline.hidden if line not in own}
    result: list[_CellView] = []
    characters = typed = number = 0
    for cell in cells:
        typed += _rich_characters(cell)
        rich = typed <= RICH_CHARACTERS
        view = _cell_view(cell, outline, shown, hidden, rich=rich)
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


def _rich_characters(cell: NotebookNode) -> int:
    """Count what takes time to render: a text can be made to take long."""
    shown = [cell.source]
    shown += [out.get("data", {}).get("text/html") for out in cell.get("outputs", [])]
    return sum(len(safe_html.plain(text)) for text in shown)


def _cell_view(
    cell: NotebookNode,
    outline: _Outline,
    shown: dict[str, _ItemView],
    hidden: set[str],
    *,
    rich: bool,
) -> _CellView:
    cell_id = grade_id(cell)
    if cell_id in outline.visible:
        content = safe_html.code(outline.visible[cell_id])
        return _CellView("test", content, item=shown[cell_id])
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
