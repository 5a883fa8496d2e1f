"""Two courses and their classes, for grading.py and for the tests of fair scores.

One is this course, with one of its assignments. The other is the
example that ``nbgrader quickstart`` makes, with its assignment ps1: two notebooks, test
cells that delete a name and expect exceptions, and answers that are marked by hand.

Every student is honest: the reference solution, a mistake somewhere, half of the work,
or the untouched handout. No two hand in the same text.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.utils import is_solution

from autograder.course import find_course
from autograder.gate.variants import named_wrongs

ROOT = Path(__file__).resolve().parent.parent
NBGRADER = [sys.executable, "-m", "nbgrader"]
# nbgrader starts alembic by name.
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}",
}
# nbgrader's own preprocessors, in nbgrader's own order.
STOCK_CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "before-the-first-step"
"""
EXTRA = ""  # in place of a grade_id: a cell that the student added

# By grade_id, the text of an answer; what is not there is left as handed out.
Answers = Mapping[str, str]

_NO_CHECK = """\
def squares(n):
    return [i ** 2 for i in range(1, n + 1)]"""
_ONE_SHORT = """\
def squares(n):
    if n < 1:
        raise ValueError("n must be at least 1")
    return [i ** 2 for i in range(1, n)]"""
_OWN_SUM = """\
def sum_of_squares(n):
    return n * (n + 1) * (2 * n + 1) // 6"""
_BROKEN = "def squares(n)\n    return n"
_HELPER = "from itertools import accumulate\n\nrunning = list(accumulate([1, 4, 9]))"


@dataclass(frozen=True)
class Classroom:
    """A course folder to copy from, and the ways in which its students answer.

    Attributes
    ----------
    title : str
        The course and the assignment, in words.
    folder : Path
        The course: source, release, and a gradebook that has the assignment.
    assignment : str
        The assignment's name.
    ways : dict of str to dict
        Answers by the name of the way.
    cycle : list of str
        What ten students in a row hand in, as names of ways.
    """

    title: str
    folder: Path
    assignment: str
    ways: Mapping[str, Answers]
    cycle: list[str]

    def way(self, number: int) -> str:
        """Name what the student of that number hands in, from 1 on."""
        name = self.cycle[(number - 1) % len(self.cycle)]
        if name != "wrong":
            return name
        mistakes = [way for way in self.ways if "/" in way]
        return mistakes[number // 2 % len(mistakes)]

    def course(self, into: Path, ways: Iterable[str]) -> Path:
        """Make a course folder whose students hand in what is named, one each."""
        shutil.copytree(self.folder, into)
        for number, way in enumerate(ways, start=1):
            self.hand_in(into, f"student-{number:03}", self.ways[way])
        return into

    def class_of(self, into: Path, count: int) -> Path:
        """Make a course folder with a class of that many."""
        return self.course(into, map(self.way, range(1, count + 1)))

    def hand_in(self, course: Path, student: str, answers: Answers) -> None:
        """Write what a student hands in: the handout, with answers put in."""
        folder = course / "submitted" / student / self.assignment
        folder.mkdir(parents=True)
        for path in (course / "release" / self.assignment).glob("*.ipynb"):
            notebook = nbformat.read(path, as_version=4)
            for cell in notebook.cells:
                if not is_solution(cell):
                    continue
                grade_id = cell.metadata.nbgrader["grade_id"]
                cell.source = answers.get(grade_id, cell.source)
                if cell.cell_type == "code" and grade_id in answers:
                    cell.source += f"\n# handed in by {student}"
            if EXTRA in answers:
                added = new_code_cell(answers[EXTRA])
                del added["id"]  # the example's format does not know it yet
                notebook.cells.insert(1, added)
            nbformat.write(notebook, folder / path.name)


def nbgrader(course: Path, *arguments: str) -> None:
    """Run a command of nbgrader's in a course folder.

    Raises
    ------
    RuntimeError
        If it fails; with what it said.
    """
    done = subprocess.run(
        [*NBGRADER, *arguments],
        cwd=course,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"nbgrader {' '.join(arguments)}: {done.stdout[-3000:]}")


def this_course(
    scratch: Path, assignment: str = "02_variance_bookkeeping"
) -> Classroom:
    """Set up this course, with one assignment."""
    folder = scratch / f"this-course-{assignment}"
    shutil.copytree(ROOT / "source" / assignment, folder / "source" / assignment)
    (folder / "nbgrader_config.py").write_text(STOCK_CONFIG, encoding="utf-8")
    nbgrader(folder, "generate_assignment", assignment)
    # From here on it is as it stands in the repository.
    for name in ("nbgrader_config.py", *find_course(ROOT).shipped):
        shutil.copyfile(ROOT / name, folder / name)
    reference = _reference(folder, assignment)
    ways: dict[str, Answers] = {
        "reference": reference,
        "half": dict(list(reference.items())[::2]),
        "untouched": {},
    }
    for wrong in named_wrongs(find_course(ROOT), assignment) or []:
        ways[f"{wrong.item}/{wrong.name}"] = {**reference, wrong.item: wrong.code}
    cycle = ["reference", "wrong"] * 4 + ["half", "untouched"]
    return Classroom(f"this course, {assignment}", folder, assignment, ways, cycle)


def training_course(scratch: Path) -> Classroom:
    """Set up this course, with an assignment whose answers train networks."""
    return this_course(scratch, "07_replication_lab")


def calling_course(scratch: Path) -> Classroom:
    """Set up this course, with an assignment whose tests call answers all the time."""
    return this_course(scratch, "05_initializers")


def quickstart(scratch: Path) -> Classroom:
    """Set up nbgrader's example course."""
    folder = scratch / "quickstart"
    nbgrader(scratch, "quickstart", folder.name)
    nbgrader(folder, "generate_assignment", "ps1")
    reference = _reference(folder, "ps1")
    ways: dict[str, Answers] = {
        "reference": reference,
        "half": {k: v for k, v in reference.items() if "sum" not in k},
        "untouched": {},
        "extra cell": {**reference, EXTRA: _HELPER},
        "squares/no-check": {**reference, "squares": _NO_CHECK},
        "squares/one-short": {**reference, "squares": _ONE_SHORT},
        "squares/no-python": {**reference, "squares": _BROKEN},
        "sum_of_squares/by-formula": {**reference, "sum_of_squares": _OWN_SUM},
    }
    cycle = ["reference", "wrong"] * 3 + ["reference", "extra cell"]
    cycle += ["half", "untouched"]
    return Classroom("nbgrader's example, ps1", folder, "ps1", ways, cycle)


def make_stock(course: Path) -> None:
    """Take our preprocessors out of a course's configuration."""
    (course / "nbgrader_config.py").write_text(STOCK_CONFIG, encoding="utf-8")


def _reference(course: Path, assignment: str) -> dict[str, str]:
    """Read the instructor's answers, by grade_id, without the marks around them."""
    answers: dict[str, str] = {}
    for path in sorted((course / "source" / assignment).glob("*.ipynb")):
        notebook: NotebookNode = nbformat.read(path, as_version=4)
        for cell in filter(is_solution, notebook.cells):
            lines = cell.source.split("\n")
            kept = (line for line in lines if "### " not in line)
            answers[cell.metadata.nbgrader["grade_id"]] = "\n".join(kept)
    return answers
