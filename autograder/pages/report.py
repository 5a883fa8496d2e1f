"""The page about a whole class: points, items, messages, and what deserves a look."""

import math
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import mean, median
from urllib.parse import quote

from autograder import safe_html
from autograder.course import Course
from autograder.gradebook import records
from autograder.gradebook.results import NOT_GRADED, ClassResults, StudentResult
from autograder.pages import template
from autograder.verdicts import Status, Verdict

MESSAGES_OF_AN_ITEM = 3
MESSAGE_CHARACTERS = 600
MOST_BARS = 12
# Figures differ from student to student; the mistake that a message names does not.
FIGURE = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b")

# Verdicts that deserve a look, the most pressing first.
LOOK_AT = {
    Verdict.INTERRUPTED: "Interrupted, twice: run `autograder grade` again",
    Verdict.HELD_FOR_REVIEW: "Held for review: signs of tampering",
    Verdict.CRASHED: "Crashed",
    Verdict.OUT_OF_TIME: "Out of time",
    Verdict.OUT_OF_MEMORY: "Out of memory",
    Verdict.OUT_OF_OUTPUT: "Out of output",
    Verdict.OUT_OF_DISK: "Out of disk",
    Verdict.OUT_OF_PROCESSES: "Out of processes",
    Verdict.NOT_READABLE: "Not readable: ask for it again",
    Verdict.MISSING: "A notebook is missing from the submission",
}


def score_text(row: StudentResult, key: tuple[str, str]) -> str:
    """Write the points of an item as the gradebook has them now."""
    return safe_html.number(row.scores.get(key, row.items[key].points))


# ----------------------------------------------------------------------- the page


@dataclass
class _Bar:
    """One bar of the histogram, in the units of its drawing."""

    x: float
    y: float
    width: float
    height: float
    label: str
    count: int


@dataclass
class _Histogram:
    """How points are spread."""

    bars: list[_Bar]
    description: str


@dataclass
class _Part:
    """One status of one item: how many, and where its stretch of the bar is."""

    status: str
    css: str
    count: int
    x: float
    width: float


@dataclass
class _ItemView:
    """How the class did on one item."""

    name: str
    solved: int
    n: int
    percent: str
    mean: str
    max_points: str
    parts: list[_Part]
    description: str
    messages: list[tuple[int, str]]
    unprotected: bool


@dataclass
class _Look:
    """Something that deserves the instructor's look."""

    why: str
    who: list[tuple[str, str]]  # (student, detail)


@dataclass
class _StudentView:
    """One line of the table of students."""

    student: str
    links: list[tuple[str, str]]  # (notebook, address of its feedback page)
    verdict: str
    points: str
    items: list[tuple[str, str]]  # (css, what the cell says)
    seconds: str
    level: str


@dataclass
class _View:
    """Everything that the page shows."""

    assignment: str
    summary: str
    warnings: list[str]
    verdicts: list[tuple[str, int]]
    histogram: _Histogram | None
    items: list[_ItemView]
    looks: list[_Look]
    students: list[_StudentView]
    item_names: list[str]
    max_points: str
    statuses: list[tuple[str, str]]


def report_page(course: Course, class_: ClassResults) -> str:
    """Make the page about the class."""
    return template.fill("report.html", view=_view(course, class_))


def _view(course: Course, class_: ClassResults) -> _View:
    counted = [row for row in class_.rows if row.counts]
    verdicts = Counter(row.verdict for row in class_.rows)
    order = [verdict.value for verdict in Verdict] + [NOT_GRADED]
    names = [class_.name(key).removesuffix("-test") for key in class_.columns]
    return _View(
        assignment=class_.assignment,
        summary=_summary(class_, [row.points for row in counted]),
        warnings=class_.warnings,
        verdicts=[(name, verdicts[name]) for name in order if verdicts[name]],
        histogram=_histogram([row.points for row in counted], class_.max_points),
        items=[
            _item_view(name, counted, key)
            for name, key in zip(names, class_.columns, strict=True)
        ],
        looks=_looks(class_),
        students=[_student_view(course, class_, row) for row in class_.rows],
        item_names=names,
        max_points=safe_html.number(class_.max_points),
        statuses=[(status.value, _css(status)) for status in Status],
    )


def _summary(class_: ClassResults, points: list[float]) -> str:
    if not points:
        return "Nothing has been graded yet."
    who = "1 submission" if len(points) == 1 else f"{len(points)} submissions"
    return (
        f"{who} graded; of {safe_html.number(class_.max_points)} points the mean is "
        f"{safe_html.number(mean(points))} and the median "
        f"{safe_html.number(median(points))}."
    )


def _histogram(points: list[float], most: float) -> _Histogram | None:
    """Count students by points: one bar for each whole point, or wider ones."""
    if not points:
        return None
    most = max(most, *points, 1.0)
    step = max(1, math.ceil((most + 1) / MOST_BARS))
    counts = [0] * (math.floor(most / step) + 1)
    for value in points:
        counts[math.floor(value / step)] += 1
    labels = [
        str(k) if step == 1 else f"{k}-{k + step - 1}"
        for k in range(0, len(counts) * step, step)
    ]
    slot = 600 / len(counts)
    bars = []
    for k, (label, count) in enumerate(zip(labels, counts, strict=True)):
        height = 150 * count / max(counts)
        bars.append(
            _Bar(
                x=round(40 + k * slot + 0.1 * slot, 1),
                y=round(180 - height, 1),
                width=round(0.8 * slot, 1),
                height=round(height, 1),
                label=label,
                count=count,
            )
        )
    counted = ", ".join(f"{bar.label}: {bar.count}" for bar in bars if bar.count)
    return _Histogram(bars, f"Bar chart of students by points. {counted}.")


def _css(status: Status) -> str:
    return status.value.replace(" ", "-")


def _item_view(name: str, rows: list[StudentResult], key: tuple[str, str]) -> _ItemView:
    """Sum up one item over those who handed in its notebook."""
    having = [row for row in rows if key in row.items]
    found = [row.items[key] for row in having]
    counts = Counter(item.status for item in found)
    parts, x = [], 0.0
    for status in Status:
        if counts[status]:
            width = 240 * counts[status] / len(found)
            part = _Part(status.value, _css(status), counts[status], x, width)
            parts.append(part)
            x += width
    earned = [row.scores.get(key, row.items[key].points) for row in having]
    solved = counts[Status.CORRECT]
    return _ItemView(
        name=name,
        solved=solved,
        n=len(found),
        percent=f"{100 * solved / len(found):.0f} %" if found else "",
        mean=safe_html.number(mean(earned)) if earned else "",
        max_points=safe_html.number(max((i.max_points for i in found), default=0.0)),
        parts=parts,
        description=", ".join(f"{part.status}: {part.count}" for part in parts),
        messages=_messages(found),
        unprotected=any(row.unprotected(key) for row in having),
    )


def _messages(items: list[records.StoredItem]) -> list[tuple[int, str]]:
    """Count the messages of an item, taking those that differ in figures for one.

    Of each group the message that came most often stands for all.
    """
    groups: dict[str, Counter[str]] = {}
    for item in items:
        if item.message and item.status is not Status.NOT_ATTEMPTED:
            text = safe_html.cut(safe_html.plain(item.message), MESSAGE_CHARACTERS)[0]
            groups.setdefault(FIGURE.sub("#", text), Counter())[text] += 1
    counted = [
        (group.total(), min(group, key=lambda text: (-group[text], text)))
        for group in groups.values()
    ]
    counted.sort(key=lambda pair: (-pair[0], pair[1]))
    return counted[:MESSAGES_OF_AN_ITEM]


def _looks(class_: ClassResults) -> list[_Look]:
    """List what deserves a look, the most pressing first."""
    strongest = _strongest_level(class_)
    # Of each: its title, and what to say of a student; None where it does not apply.
    questions: list[tuple[str, Callable[[StudentResult], str | None]]] = [
        *((title, partial(_ended_as, verdict)) for verdict, title in LOOK_AT.items()),
        ("Answers that wait for marks by hand", _waiting),
        (
            f"Run at another level of isolation than {strongest}",
            partial(_other_level, strongest),
        ),
        ("Set right or left out before the run", _repairs),
        (
            "Handed in and not graded yet: run `autograder grade`",
            partial(_not_graded, len(class_.notebooks) > 1),
        ),
    ]
    looks = []
    for title, answer in questions:
        answers = [(row.student, answer(row)) for row in class_.rows]
        who = [(student, text) for student, text in answers if text is not None]
        looks.append(_Look(title, who))
    absent = [(student, "") for student in class_.absent]
    looks.append(_Look("In the class list, with nothing handed in", absent))
    return [look for look in looks if look.who]


def _strongest_level(class_: ClassResults) -> str:
    """Name the strongest level of isolation that a run had; empty without a run."""
    levels = Counter(row.run.level for row in class_.rows if row.run and row.run.level)
    if "bwrap" in levels:
        return "bwrap"
    return levels.most_common(1)[0][0] if levels else ""


def _ended_as(verdict: Verdict, row: StudentResult) -> str | None:
    if row.run is None or row.run.verdict is not verdict:
        return None
    return safe_html.plain(row.run.evidence or row.run.message)


def _waiting(row: StudentResult) -> str | None:
    return "" if row.waits_for_marks else None


def _other_level(strongest: str, row: StudentResult) -> str | None:
    if row.run is None or row.run.level in {"", strongest}:
        return None
    return row.run.level


def _repairs(row: StudentResult) -> str | None:
    if row.run is None or not row.run.repairs:
        return None
    return safe_html.plain("; ".join(row.run.repairs))


def _not_graded(name_notebooks: bool, row: StudentResult) -> str | None:
    if not row.not_graded:
        return None
    return ", ".join(row.not_graded) if name_notebooks else ""


def _student_view(
    course: Course, class_: ClassResults, row: StudentResult
) -> _StudentView:
    links = []
    for notebook in class_.notebooks:
        page = course.feedback_page(row.student, class_.assignment, notebook)
        if page.is_file():
            address = quote(os.path.relpath(page, course.reports))
            links.append((notebook, address))
    items = [
        (_css(row.items[key].status), score_text(row, key))
        if key in row.items
        else ("", "")
        for key in class_.columns
    ]
    return _StudentView(
        student=safe_html.plain(row.student),
        links=links,
        verdict=row.verdict,
        points=safe_html.number(row.points) if row.run else "",
        items=items,
        seconds=f"{row.run.cpu_seconds:.1f}" if row.run else "",
        level=row.run.level if row.run else "",
    )
