"""Write what an instructor wants to know of an assignment: a table and a page.

``reports/A.csv`` has one row for each student, for spreadsheets and further work.
``reports/A.html`` shows how points are spread, how each item went, what the checks said
most often (what the class has misunderstood), and what deserves a look.

Points are those of nbgrader's gradebook: marks by hand and late penalties are in them.
Text that a student controls cannot become a formula in the table, nor a script in the
page.
"""

import csv
import io
import math
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from urllib.parse import quote

from nbgrader.api import Gradebook, MissingEntry

from autograder import pages, store
from autograder.course import Course
from autograder.verdicts import Status, Verdict

MESSAGES_OF_AN_ITEM = 3
MESSAGE_CHARACTERS = 600
MOST_BARS = 12
NOT_GRADED = "not graded yet"
# A spreadsheet takes what begins so for a formula; some locales part cells at ";".
FORMULA = re.compile(r"""(\A|[;\t"])(\s*)([=+\-@＝＋－＠])""")
# Figures differ from student to student; the mistake that a message names does not.
FIGURE = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b")

# Verdicts that deserve a look, the most pressing first.
LOOK_AT = {
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


def report(course: Course, assignment: str) -> list[Path]:
    """Write the table and the page of an assignment.

    Parameters
    ----------
    course : Course
        The course to read from and to write to.
    assignment : str
        The assignment's name.

    Returns
    -------
    list of Path
        The table (CSV) and the page (HTML).

    Raises
    ------
    CourseError
        If there is no such assignment.
    """
    class_ = _read(course, assignment)
    table = course.reports / f"{assignment}.csv"
    pages.write(table, _csv(class_))
    page = course.reports / f"{assignment}.html"
    pages.write(page, pages.page("report.html", view=_view(course, class_)))
    return [table, page]


# ------------------------------------------------------------------------ reading


@dataclass
class _Row:
    """One student's submission of the assignment.

    `scores` holds the points of each item as the gradebook has them now, so that marks
    by hand count; `items` holds how each test ended. `not_graded` names the notebooks
    without a verdict: those that plain nbgrader could not read have none.
    """

    student: str
    run: store.Run | None  # of the notebooks that have one
    points: float
    items: dict[tuple[str, str], store.Item] = field(default_factory=dict)
    scores: dict[tuple[str, str], float] = field(default_factory=dict)
    waits_for_marks: bool = False
    not_graded: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.run is None or (self.not_graded and self.run.verdict is Verdict.GRADED):
            return NOT_GRADED
        return self.run.verdict.value

    @property
    def counts(self) -> bool:
        """Whether something was handed in and graded, so that figures include it."""
        return self.verdict not in {NOT_GRADED, Verdict.MISSING.value}

    def unprotected(self, key: tuple[str, str]) -> bool:
        """Whether an item's test ran within the reach of the student's code."""
        item = self.items.get(key)
        return (
            item is not None
            and not item.protected
            and item.status is not Status.NOT_RUN
        )


@dataclass
class _Class:
    """Everything that is known of an assignment."""

    assignment: str
    notebooks: list[str]
    rows: list[_Row]
    columns: list[tuple[str, str]]  # (notebook, grade_id) of each item, in order
    max_points: float
    absent: list[str]  # in the class list of the gradebook, with nothing handed in
    warnings: list[str]  # what makes all the grades doubtful

    def name(self, key: tuple[str, str]) -> str:
        """Name an item; with its notebook, if there are several."""
        notebook, grade_id = key
        return f"{notebook}/{grade_id}" if len(self.notebooks) > 1 else grade_id


def _read(course: Course, assignment: str) -> _Class:
    notebooks = course.notebook_names(assignment)
    items: dict[str, dict[tuple[str, str], store.Item]] = {}
    for item in store.items(course, assignment):
        key = item.notebook, item.grade_id
        items.setdefault(item.student, {})[key] = item
    columns = {
        (item.notebook, item.position): key
        for of_student in items.values()
        for key, item in of_student.items()
    }
    with store.open_gradebook(course.db_url, course.directory.course_id) as gradebook:
        parts: dict[str, list[store.Run]] = {
            student: [] for student in course.students(assignment)
        }
        for run in store.runs_by_notebook(gradebook, assignment):
            parts.setdefault(run.student, []).append(run)
        rows = [
            _Row(
                student=student,
                run=store.together(runs) if runs else None,
                points=sum(item.points for item in items.get(student, {}).values()),
                items=items.get(student, {}),
                not_graded=sorted({*notebooks} - {run.notebook for run in runs}),
            )
            for student, runs in sorted(parts.items())
        ]
        enrolled = {student.id for student in gradebook.students}
        try:
            max_points = gradebook.find_assignment(assignment).max_score
        except MissingEntry:
            max_points = max(
                (sum(i.max_points for i in row.items.values()) for row in rows),
                default=0.0,
            )
        for row in rows:
            _add_scores(gradebook, assignment, row)
        warnings = store.warnings(gradebook, course, assignment)
    return _Class(
        assignment=assignment,
        notebooks=notebooks,
        rows=rows,
        columns=[columns[place] for place in sorted(columns)],
        max_points=max_points,
        absent=sorted(enrolled - {row.student for row in rows}),
        warnings=warnings,
    )


def _add_scores(gradebook: Gradebook, assignment: str, row: _Row) -> None:
    """Take a student's points from the gradebook, if they are there."""
    try:
        submission = gradebook.find_submission(assignment, row.student)
    except MissingEntry:
        return
    penalty = submission.late_submission_penalty or 0.0
    row.points = max(0.0, submission.score - penalty)
    row.waits_for_marks = bool(submission.needs_manual_grade)
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            row.scores[notebook.name, grade.name] = grade.score


# ---------------------------------------------------------------------- the table


def _csv(class_: _Class) -> str:
    """Make the table: a row for each student, two columns for each item."""
    names = [class_.name(key) for key in class_.columns]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    header = ["student", "verdict", "level", "points", "max points"]
    for name in names:
        header += [f"{name} status", f"{name} points"]
    header += ["cpu seconds", "wall seconds", "peak memory MB", "message", "repairs"]
    header += ["unprotected", "evidence"]
    writer.writerow([inert(name) for name in header])
    for row in class_.rows:
        run = row.run
        cells = [
            inert(row.student),
            row.verdict,
            run.level if run else "",
            pages.number(row.points),
            pages.number(class_.max_points),
        ]
        for key in class_.columns:
            item = row.items.get(key)
            cells += [item.status.value, _score(row, key)] if item else ["", ""]
        if run:
            cells += [f"{run.cpu_seconds:.2f}", f"{run.wall_seconds:.2f}"]
            cells += [f"{run.peak_memory_mb:.0f}", inert(run.message)]
            cells += [inert("; ".join(run.repairs))]
            unprotected = [key for key in class_.columns if row.unprotected(key)]
            cells += [inert(", ".join(map(class_.name, unprotected)))]
            cells += [inert(run.evidence)]
        else:
            cells += [""] * 7
        writer.writerow(cells)
    return file.getvalue()


def _score(row: _Row, key: tuple[str, str]) -> str:
    return pages.number(row.scores.get(key, row.items[key].points))


def inert(text: str) -> str:
    """Make a text that no spreadsheet takes for a formula, on one line."""
    return FORMULA.sub(r"\1\2'\3", " ".join(pages.plain(text).split()))


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


def _view(course: Course, class_: _Class) -> _View:
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
        max_points=pages.number(class_.max_points),
        statuses=[(status.value, _css(status)) for status in Status],
    )


def _summary(class_: _Class, points: list[float]) -> str:
    if not points:
        return "Nothing has been graded yet."
    who = "1 submission" if len(points) == 1 else f"{len(points)} submissions"
    return (
        f"{who} graded; of {pages.number(class_.max_points)} points the mean is "
        f"{pages.number(mean(points))} and the median {pages.number(median(points))}."
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
    said = ", ".join(f"{bar.label}: {bar.count}" for bar in bars if bar.count)
    return _Histogram(bars, f"Bar chart of students by points. {said}.")


def _css(status: Status) -> str:
    return status.value.replace(" ", "-")


def _item_view(name: str, rows: list[_Row], key: tuple[str, str]) -> _ItemView:
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
        mean=pages.number(mean(earned)) if earned else "",
        max_points=pages.number(max((i.max_points for i in found), default=0.0)),
        parts=parts,
        description=", ".join(f"{part.status}: {part.count}" for part in parts),
        messages=_messages(found),
        unprotected=any(row.unprotected(key) for row in having),
    )


def _messages(items: list[store.Item]) -> list[tuple[int, str]]:
    """Count what an item's check said, taking messages that differ in figures for one.

    Of each group the message that came most often stands for all.
    """
    groups: dict[str, Counter[str]] = {}
    for item in items:
        if item.message and item.status is not Status.NOT_ATTEMPTED:
            text = pages.cut(pages.plain(item.message), MESSAGE_CHARACTERS)[0]
            groups.setdefault(FIGURE.sub("#", text), Counter())[text] += 1
    counted = [
        (group.total(), min(group, key=lambda text: (-group[text], text)))
        for group in groups.values()
    ]
    counted.sort(key=lambda pair: (-pair[0], pair[1]))
    return counted[:MESSAGES_OF_AN_ITEM]


def _looks(class_: _Class) -> list[_Look]:
    """List what deserves a look, the most pressing first."""
    looks = []
    for verdict, why in LOOK_AT.items():
        who = [
            (row.student, pages.plain(row.run.evidence or row.run.message))
            for row in class_.rows
            if row.run and row.run.verdict is verdict
        ]
        looks.append(_Look(why, who))
    waiting = [(row.student, "") for row in class_.rows if row.waits_for_marks]
    looks.append(_Look("Answers that wait for marks by hand", waiting))
    levels = Counter(row.run.level for row in class_.rows if row.run and row.run.level)
    if len(levels) > 1:
        strongest = "bwrap" if "bwrap" in levels else levels.most_common(1)[0][0]
        weaker = [
            (row.student, row.run.level)
            for row in class_.rows
            if row.run and row.run.level not in {"", strongest}
        ]
        looks.append(
            _Look(f"Run at another level of isolation than {strongest}", weaker)
        )
    repaired = [
        (row.student, pages.plain("; ".join(row.run.repairs)))
        for row in class_.rows
        if row.run and row.run.repairs
    ]
    looks.append(_Look("Set right or left out before the run", repaired))
    new = [
        (row.student, ", ".join(row.not_graded) if len(class_.notebooks) > 1 else "")
        for row in class_.rows
        if row.not_graded
    ]
    looks.append(_Look("Handed in and not graded yet: run `autograder grade`", new))
    absent = [(student, "") for student in class_.absent]
    looks.append(_Look("In the class list, with nothing handed in", absent))
    return [look for look in looks if look.who]


def _student_view(course: Course, class_: _Class, row: _Row) -> _StudentView:
    links = []
    for notebook in class_.notebooks:
        page = course.feedback / row.student / class_.assignment / f"{notebook}.html"
        if page.is_file():
            address = quote(os.path.relpath(page, course.reports))
            links.append((notebook, address))
    items = [
        (_css(row.items[key].status), _score(row, key))
        if key in row.items
        else ("", "")
        for key in class_.columns
    ]
    return _StudentView(
        student=pages.plain(row.student),
        links=links,
        verdict=row.verdict,
        points=pages.number(row.points) if row.run else "",
        items=items,
        seconds=f"{row.run.cpu_seconds:.1f}" if row.run else "",
        level=row.run.level if row.run else "",
    )
