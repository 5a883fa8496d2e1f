"""Show everything at once: a little class, handed in, graded, with pages and a report.

The demo lives in a folder of its own, ``demo/`` in the course, so that a real class is
never mixed with it: a copy of the course's sources and configuration, with a gradebook
of its own and short limits. Eight students hand in every assignment, each in a way of
their own:

=============  ========================================================================
student-01     has solved everything
student-02     has solved every other item
student-03     hands in the untouched handout
student-04/05  have solved everything but one item, each with a named wrong solution
               from ``tests/wrong/`` (nothing is handed in where the course names none)
student-06     crashes Python half-way
student-07     loops for ever half-way
student-08     hands in half of a file
=============  ========================================================================

What they hand in is the handout with answers put in, made from the instructor's
notebook. A second run finds everything done, unless the course has changed.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from autograder import safe_html
from autograder.assignment.cells import grade_id
from autograder.course import Course, find_course
from autograder.errors import CourseError
from autograder.gate.variants import Wrong, named_wrongs, solution_cells
from autograder.gradebook import records
from autograder.steps.build import build
from autograder.steps.feedback import feedback
from autograder.steps.grade import Event, GradeSummary, Row, grade
from autograder.steps.release import release
from autograder.steps.report import report

MARKER = ".autograder-demo.json"  # says that a folder is a demo, and of which sources
CRASH = "import ctypes\n\nctypes.string_at(0)  # reads where no memory is"
LOOP = "step = 0\nwhile True:\n    step += 1"
# Enough for honest work on a small assignment, and soon over for an endless loop.
LIMITS = {"cell_cpu_seconds": 5.0, "notebook_cpu_seconds": 60.0}

KINDS = {
    "student-01": "solved",
    "student-02": "half solved",
    "student-03": "untouched",
    "student-04": "wrong",
    "student-05": "wrong",
    "student-06": "crashing",
    "student-07": "looping",
    "student-08": "unreadable",
}


@dataclass(frozen=True)
class DemoRow:
    """How one submission of the sample class went.

    Attributes
    ----------
    kind : str
        How the sample was made, such as ``"half solved"``.
    grade : Row
        What `autograder.steps.grade.grade` says of it.
    message : str
        What stopped the run, or the message of the first failed check.
    """

    kind: str
    grade: Row
    message: str


@dataclass
class DemoResult:
    """What `demo` made, and where.

    Attributes
    ----------
    folder, gradebook, feedback : Path
        The demo's course folder, its gradebook, and its folder of feedback pages.
    reports : list of Path
        The instructor's reports, tables and pages.
    rows : list of DemoRow
        One for each submission, by assignment and student.
    """

    folder: Path
    gradebook: Path
    feedback: Path
    reports: list[Path] = field(default_factory=list)
    rows: list[DemoRow] = field(default_factory=list)


def demo(
    course: Course,
    into: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[Event], None] | None = None,
) -> DemoResult:
    """Make a sample class, grade it in the sandbox, and write its pages and reports.

    Parameters
    ----------
    course : Course
        The course to show; nothing in it is changed.
    into : Path, optional
        The demo's folder; ``demo/`` in the course by default.
    jobs : int, optional
        Submissions at once; one for each core by default.
    progress : callable, optional
        Called with an `Event` after each submission of all assignments.

    Raises
    ------
    CourseError
        If `into` holds something that is no demo, or the course has no assignments.
    """
    folder = (into or course.root / "demo").resolve()
    copy = _set_up(course, folder)
    assignments = copy.assignments()
    result = DemoResult(folder, folder / "gradebook.db", copy.feedback)
    done, total = 0, sum(len(copy.students(name)) for name in assignments)
    for assignment in assignments:

        def count(event: Event, before: int = done) -> None:
            if progress:
                progress(Event(before + event.done, total, event.row, event.note))

        summary = grade(copy, assignment, jobs=jobs, progress=count)
        done += len(summary.rows)
        feedback(copy, assignment)
        result.reports += report(copy, assignment)
        result.rows += _rows(copy, summary)
    return result


def _rows(course: Course, summary: GradeSummary) -> list[DemoRow]:
    """Add to each grade how the sample was made, and what its student reads first."""
    first_messages: dict[str, str] = {}
    for item in records.items(course, summary.assignment):
        if item.message and not item.points:
            first_messages.setdefault(item.student, item.message)
    return [
        DemoRow(
            kind=KINDS.get(row.student, "added to the demo"),
            grade=row,
            message=row.message or first_messages.get(row.student, ""),
        )
        for row in summary.rows
    ]


# ------------------------------------------------------------------- the copy


def _set_up(course: Course, folder: Path) -> Course:
    """Copy the course, make its handouts and the submissions, unless all is there."""
    origin = _fingerprint(course)
    marker = folder / MARKER
    if folder.exists() and any(folder.iterdir()):
        if not marker.is_file():
            raise CourseError(
                f"{folder} holds something that is no demo; move it away, or name "
                "another folder"
            )
        if json.loads(marker.read_text("utf-8")) == {"origin": origin}:
            return find_course(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(json.dumps({"origin": "unfinished"}), "utf-8")
    copy = _copy(course, folder)
    build(copy, lessons=False)
    assignments = copy.assignments()
    if not assignments:
        raise CourseError(
            f"no assignments in {course.source}; there is nothing to show"
        )
    release(copy, assignments)
    for assignment in assignments:
        _hand_in(copy, assignment, named_wrongs(course, assignment) or [])
    marker.write_text(json.dumps({"origin": origin}), "utf-8")
    return copy


def _copied(course: Course) -> list[Path]:
    """List what a demo copies: configuration, sources, shipped modules."""
    return [
        course.root / "nbgrader_config.py",
        *(course.root / name for name in course.shipped),
        *(
            path
            for path in sorted(course.source.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        ),
    ]


def _fingerprint(course: Course) -> str:
    """Sum up everything that the samples depend on, this module included."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    wrongs = sorted(course.wrong.glob("*.py"))
    for path in [*_copied(course), *wrongs]:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(course.root)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _copy(course: Course, folder: Path) -> Course:
    for path in _copied(course):
        target = folder / path.relative_to(course.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("\n\n# The demo's own: a gradebook here, and short limits.\n")
        gradebook = f"sqlite:///{folder / 'gradebook.db'}"
        config.write(f"c.CourseDirectory.db_url = {gradebook!r}\n")
        for name, value in LIMITS.items():
            config.write(f"c.SandboxLimits.{name} = {value!r}\n")
        config.write("c.SandboxLimits.assignments = {}\n")
    copy = find_course(folder)
    for inner in (
        copy.source,
        copy.release,
        copy.submitted,
        copy.autograded,
        copy.feedback,
    ):
        if not inner.is_relative_to(folder):
            raise CourseError(
                f"the course's configuration puts {inner.name} outside its folder, "
                f"at {inner}; a demo would write there"
            )
    return copy


# ------------------------------------------------------------- the submissions


def _hand_in(course: Course, assignment: str, wrongs: list[Wrong]) -> None:
    """Write what the sample class hands in for one assignment."""
    wrong_answers = iter(_of_two_items(wrongs))
    for student, kind in KINDS.items():
        wrong = next(wrong_answers, None) if kind == "wrong" else None
        if kind == "wrong" and wrong is None:
            continue
        folder = course.submitted_folder(student, assignment)
        shutil.copytree(course.release_folder(assignment), folder)
        for name in course.notebook_names(assignment):
            path = course.source_notebook(assignment, name)
            source = nbformat.read(path, as_version=4)
            solutions = solution_cells(source, course.config)
            path = folder / f"{name}.ipynb"
            handout = nbformat.read(path, as_version=4)
            text = nbformat.writes(_answer(handout, _answers(kind, solutions, wrong)))
            safe_html.write(
                path, text[: len(text) // 2] if kind == "unreadable" else text
            )


def _of_two_items(wrongs: list[Wrong]) -> list[Wrong]:
    """Choose two wrong solutions, of different items if there are such.

    They are taken from the middle: an assignment begins with its easiest items.
    """
    of_items = list({wrong.item: wrong for wrong in reversed(wrongs)}.values())[::-1]
    choice = of_items if len(of_items) > 1 else wrongs
    indices = sorted({len(choice) // 3, 2 * len(choice) // 3})
    return [choice[index] for index in indices if index < len(choice)]


def _answers(
    kind: str, solutions: list[NotebookNode], wrong: Wrong | None
) -> dict[str, str]:
    """Choose what a student of this kind writes, by grade_id."""
    answers = {grade_id(cell): cell.source for cell in solutions}
    if kind == "untouched":
        return {}
    if kind == "half solved":
        return dict(list(answers.items())[::2])
    if wrong and wrong.item in answers:
        answers[wrong.item] = wrong.code
    code = [cell for cell in solutions if cell.cell_type == "code"]
    if kind in {"crashing", "looping"} and code:
        half_way = grade_id(code[len(code) // 2])
        answers[half_way] = CRASH if kind == "crashing" else LOOP
    return answers


def _answer(handout: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """Put answers into the solution cells of a handout."""
    for cell in handout.cells:
        if is_solution(cell):
            cell.source = answers.get(grade_id(cell), cell.source)
    return handout
