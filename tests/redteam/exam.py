"""A course with one exam, a class that sits it, and what became of each submission.

The exam has an item for each way in which a test may look at an answer: NumPy's
assertions, plain ``assert``, a given helper, the authored checks of a shipped module,
partial credit, a callback. Its hidden tests hold words and numbers found nowhere else.
"""

import contextlib
import html
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from conftest import cell_of, graded, hand_in
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import Course, find_course
from autograder.gradebook import database, records
from autograder.runner import folders
from autograder.runner.inside import lockdown, meter
from autograder.steps.feedback import feedback
from autograder.verdicts import Verdict

REPOSITORY = Path(__file__).parent.parent.parent
ASSIGNMENT = NOTEBOOK = "exam"
HONEST = ("abe-honest", "moe-honest", "zoe-honest")

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "exam"
c.Autograde.sanitize_preprocessors = ["autograder.preprocess.RebuildSubmission"]
c.Autograde.autograde_preprocessors = [
    "autograder.preprocess.SandboxExecute",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.SandboxLimits.level = "{level}"
c.SandboxLimits.cell_cpu_seconds = 4
c.SandboxLimits.notebook_cpu_seconds = 12
c.SandboxLimits.cell_wall_seconds = 8
c.SandboxLimits.notebook_wall_seconds = 40
c.SandboxLimits.memory_mb = 768
c.SandboxLimits.processes = 32
c.SandboxLimits.disk_mb = 64
c.SandboxLimits.output_mb = 2
"""

# A shipped module with authored messages, as this course's own has.
CHECKS = '''"""What a test says."""


class Incorrect(AssertionError):
    """An authored message."""


class NotAttempted(AssertionError):
    """An authored message."""


def equal(got, want, call):
    """Fail with an authored message unless both are the same plain value."""
    if not isinstance(got, type(want)) or got != want:
        raise Incorrect(f"{call} is wrong")
'''

# Another one, of a name that no installed module has.
RULES = '''"""What two tests share."""


def same(got, want):
    """Fail unless both are the same."""
    assert got == want
'''

MODULES = {"checks.py": CHECKS, "rules.py": RULES}

# What the hidden tests hold and nobody's cell, page or message may show.
SECRETS = ("quagga", "7919.1729", "okapi", "104729", "zorilla", "8128", "tapir-58d2")

# Item: points, right answer, wrong answer, visible test, hidden test.
ITEMS = {
    "scale": (
        1,
        "def scale(x):\n    return 3 * x",
        "def scale(x):\n    return 3 * x",  # every attacker knows this one
        "assert scale(2) == 6",
        "assert scale(7) == 21",
    ),
    "rms": (
        4,
        "def rms(x):\n    return np.sqrt(np.mean(np.square(x)))",
        "def rms(x):\n    return 0.0",
        "np.testing.assert_allclose(rms([3.0, 4.0]), 3.5355339059327378)",
        "want = 5599.7008706\n"
        "quagga = [7919.1729, 7919.1729, 0.0, 0.0]\n"
        "np.testing.assert_allclose(rms(quagga), 5599.7008706, err_msg='quagga')\n"
        "np.testing.assert_allclose(rms(quagga), want)",
    ),
    "tally": (
        2,
        "def tally(words):\n    return {w: words.count(w) for w in words}",
        "def tally(words):\n    return {}",
        "assert tally(['a', 'b', 'a']) == {'a': 2, 'b': 1}",
        "def reference(words):\n    return {w: words.count(w) for w in words}\n"
        "assert tally(['okapi', 'okapi']) == {'okapi': 2}, 'okapi'\n"
        "assert tally(['okapi', 'emu']) == reference(['okapi', 'emu'])",
    ),
    "share": (
        2,
        "def share(x):\n    return x / 4",
        "def share(x):\n    return 1e6",
        "assert near(share(8), 2)",
        "assert near(share(104729), 26182.25)\n"
        "assert abs(share(104729) - 26182.25) < TOLERANCE",
    ),
    "greet": (
        2,
        "def greet(name):\n    return 'hello ' + name",
        "def greet(name):\n    return ''",
        "import checks\nchecks.equal(greet('ada'), 'hello ada', 'greet(\"ada\")')",
        "checks.equal(greet('tapir-58d2'), 'hello tapir-58d2', 'greet(another name)')",
    ),
    "twice": (
        2,
        "def twice(f, x):\n    return f(f(x))",
        "def twice(f, x):\n    return None",
        "assert twice(lambda n: n + 1, 5) == 7",
        "zorilla = 8128\nassert twice(lambda n: n + zorilla, 3) == 16259, 'zorilla'",
    ),
    "part": (
        2,
        "def part(x):\n    return x / 2",
        "def part(x):\n    return 0.0",
        "2 - abs(part(4) - 2.0)",  # near misses earn a part of the points
        "",
    ),
    "sign": (
        1,
        "def sign(x):\n    return (x > 0) - (x < 0)",
        "def sign(x):\n    return None",
        "import rules\nrules.same([sign(-2), sign(0), sign(5)], [-1, 0, 1])",
        "",
    ),
}
# Test: inputs drawn at random from the global generator.
ITEMS["cube"] = (
    2,
    "def cube(n):\n    return n**3",
    "def cube(n):\n    return 0",
    "import random\nassert cube(2) == 8",
    "for _ in range(20):\n"
    "    n = random.randint(-1000, 1000)\n"
    "    assert cube(n) == n**3",
)
# Test: relies on a module that only the answer imports.
ITEMS["root"] = (
    2,
    "import math\ndef root(x):\n    return math.sqrt(x)",
    "def root(x):\n    return None",
    "assert root(16) == 4.0",
    "assert root(2) == math.sqrt(2)",
)
KNOWN = "scale"  # the one item that attackers answer rightly
GIVEN = "TOLERANCE = 1e-6\ndef near(a, b):\n    return abs(a - b) < TOLERANCE"
MOST = sum(points for points, *_ in ITEMS.values())


def source() -> nbformat.NotebookNode:
    """Make the instructor's notebook."""
    cells = [
        new_code_cell("import numpy as np\nimport checks"),
        graded(new_code_cell(GIVEN), "given", locked=True),
    ]
    for name, (points, right, _, visible, hidden) in ITEMS.items():
        answer = f"### BEGIN SOLUTION\n{right}\n### END SOLUTION"
        cells.append(graded(new_code_cell(answer), name, solution=True))
        if hidden:
            visible += f"\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        test = graded(new_code_cell(visible), f"{name}-test", points=points)
        test.metadata.nbgrader["locked"] = True
        cells.append(test)
    cells.append(new_code_cell("# Your notes."))
    cells.append(new_markdown_cell("The end."))
    for number, cell in enumerate(cells):
        cell.id = f"source-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def answered(answers: Mapping[str, str], notes: str = "") -> nbformat.NotebookNode:
    """Make what a student hands in: an answer for each item, and the last cell."""
    notebook = source()
    for cell in notebook.cells:
        cell.source = re.sub(
            r"\n### BEGIN HIDDEN TESTS\n.*### END HIDDEN TESTS",
            "",
            cell.source,
            flags=re.DOTALL,
        )
    for name, text in answers.items():
        cell_of(notebook, name).source = text
    notebook.cells[-2].source = notes or "# Your notes."
    return notebook


def honest() -> nbformat.NotebookNode:
    """Make the submission of a student who knows every answer."""
    return answered({name: right for name, (_, right, *_) in ITEMS.items()})


def wrong() -> dict[str, str]:
    """Give an attacker's answers: the one that is known, and wrong ones."""
    return {name: answer for name, (_, _, answer, *_) in ITEMS.items()}


def open_to_all(folder: Path) -> None:
    """Let every user read and write what is in `folder`: no mode helps the sandbox."""
    for parent, _, files in os.walk(folder):
        os.chmod(parent, 0o777)
        for name in files:
            os.chmod(Path(parent, name), 0o666)


def make_course(level: str) -> Course:
    """Write the course into a fresh folder that every user may enter.

    The caller removes it, with `scratch.remove_tree`.
    """
    top = folders.temporary_root(for_others=True)
    root = top / f"autograder-test-{os.getpid()}-{secrets.token_hex(4)}"
    folder = root / "source" / ASSIGNMENT
    folder.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG.format(level=level))
    nbformat.write(source(), folder / f"{NOTEBOOK}.ipynb")
    for name, text in MODULES.items():
        (folder / name).write_text(text)
    course = find_course(root)
    with database.open_gradebook(course.db_url, "exam"):
        pass
    for student in HONEST:
        hand_in(course, student, honest(), ASSIGNMENT, NOTEBOOK)
    open_to_all(root)
    return course


def add(
    course: Course, student: str, notebook: object, files: Mapping[str, bytes]
) -> Path:
    """Hand in a notebook (or bytes) and files beside it; return the folder."""
    folder = hand_in(course, student, notebook, ASSIGNMENT, NOTEBOOK)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@dataclass
class Outcome:
    """What became of one submission."""

    student: str
    verdict: Verdict
    points: dict[str, float]  # by item, as the gradebook has them
    message: str
    evidence: str
    printed: str  # by the student's own cells
    leaks: list[str]

    @property
    def stolen(self) -> dict[str, float]:
        """The points of items that were not answered rightly."""
        return {k: v for k, v in self.points.items() if v and k != KNOWN}


@dataclass
class Graded:
    """A graded class: what `autograder grade` said, and what it left."""

    course: Course
    code: int
    said: str
    peak_mb: float  # of the largest process of the grader itself
    left: list[str]  # temporary folders and processes
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def unharmed(self) -> bool:
        """Tell whether every honest student has all points."""
        return all(
            sum(self.outcomes[name].points.values()) == MOST
            and self.outcomes[name].verdict is Verdict.GRADED
            for name in HONEST
        )


def grade_class(course: Course, wait: float = 0.0, timeout: float = 900) -> Graded:
    """Grade the class by the command itself, make feedback, look at everything.

    `wait` seconds pass between the end of the command and the look: a delayed attack
    would strike then.
    """
    temporary = course.root / "temporary"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o1777)
    mine = descendants()
    command = [sys.executable, "-m", "autograder", "grade", ASSIGNMENT, "--jobs", "2"]
    process = subprocess.Popen(
        [*command, "--course", str(course.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={
            **os.environ,
            "COLUMNS": "400",
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(REPOSITORY),
        },
    )
    peak = _Peak(process.pid)
    try:
        said, _ = process.communicate(timeout=timeout)
    finally:
        process.kill()
        process.wait()
        peak.stop()
    time.sleep(wait)
    left = [path.name for path in temporary.iterdir()]
    left += end_survivors(mine)
    result = Graded(course, process.returncode, said, peak.megabytes, left)
    made = feedback(course, ASSIGNMENT)
    assert made.written
    _look(result)
    return result


class _Peak:
    """Watches the memory of a grader and its pool's workers, not of what they run."""

    def __init__(self, pid: int) -> None:
        self.pid, self.megabytes = pid, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            for pid in (self.pid, *_children(self.pid)):
                try:
                    command = Path(f"/proc/{pid}/cmdline").read_bytes()
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                peak = re.search(r"VmHWM:\s+(\d+)", status)
                if (
                    peak
                    and b"autograder" in command
                    and b"inside.worker" not in command
                ):
                    self.megabytes = max(self.megabytes, int(peak[1]) / 1024)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def descendants() -> set[int]:
    """List the processes below this one; from now on it also gets their orphans."""
    lockdown.become_subreaper()
    return {stat.pid for stat in meter.descendants(os.getpid())}


def end_survivors(mine: set[int]) -> list[str]:
    """End every descendant that is not one of `mine`; tell which were alive."""
    found = []
    for stat in meter.descendants(os.getpid()):
        if stat.pid not in mine:
            command = Path(f"/proc/{stat.pid}/cmdline").read_bytes()[:200]
            if command:  # a zombie has none
                found.append(f"process {stat.pid} {command!r}")
                os.kill(stat.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(stat.pid, 0)
    return found


def _look(result: Graded) -> None:
    """Read from gradebook, folders and pages what became of each submission."""
    course = result.course
    points = points_of(course)
    messages: dict[str, list[str]] = {}
    for item in records.items(course, ASSIGNMENT):
        messages.setdefault(item.student, []).append(item.message)
    for run in records.runs(course, ASSIGNMENT):
        name = run.student
        evidence = getattr(run, "evidence", "")
        seen = {
            "the run's message": run.message,
            "an item's message": "\n".join(messages.get(name, [])),
            "the repairs": "\n".join(run.repairs),
            "the evidence": evidence,
            "a cell of the student's": printed(course, name),
        }
        for page in (course.feedback / name).rglob("*"):
            if page.is_file():
                seen[f"feedback/{page.name}"] = _text_of(page)
        leaks = [
            f"{secret} in {where}"
            for where, text in seen.items()
            for secret in SECRETS
            if secret in text
        ]
        result.outcomes[name] = Outcome(
            name,
            run.verdict,
            points.get(name, {}),
            run.message,
            evidence,
            seen["a cell of the student's"],
            leaks,
        )
    for secret in SECRETS:
        if secret in result.said:
            result.left.append(f"the command printed {secret}")


def points_of(course: Course) -> dict[str, dict[str, float]]:
    """Read from the gradebook the points of each student, by item."""
    points: dict[str, dict[str, float]] = {}
    with database.open_gradebook(course.db_url, "exam") as gradebook:
        for submission in gradebook.assignment_submissions(ASSIGNMENT):
            for notebook in submission.notebooks:
                points[submission.student_id] = {
                    grade.name.removesuffix("-test"): grade.score
                    for grade in notebook.grades
                }
    return points


def _text_of(page: Path) -> str:
    raw = page.read_bytes().decode("utf-8", "replace")
    return raw + html.unescape(re.sub(r"<[^>]*>", "", raw))


def printed(course: Course, student: str) -> str:
    """Give all outputs of cells that are not tests, as the graded notebook has them."""
    path = course.autograded / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    if not path.exists():
        return ""
    return outputs_of_students_cells(nbformat.read(path, as_version=4))


def outputs_of_students_cells(notebook: nbformat.NotebookNode) -> str:
    """Give the text of the outputs of cells that are not tests."""
    texts: list[str] = []
    for cell in notebook.cells:
        if not cell.metadata.get("nbgrader", {}).get("grade"):
            texts += _strings(cell.get("outputs", []))
    return "\n".join(texts)


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield json.dumps(value, default=str, ensure_ascii=False)
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
