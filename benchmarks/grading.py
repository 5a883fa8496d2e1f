"""Measure what grading a class costs and write grading.md and grading.png.

Run ``python benchmarks/grading.py``; ``--quick`` takes four minutes, writes nothing.
Four classes are graded, see classes.py. Three are on this course:
02_variance_bookkeeping computes little, the answers to 07_replication_lab train
networks, and the tests of 05_initializers call answers, and are called by them, five
thousand times. The fourth is on nbgrader's example course (two notebooks).

How it measures:

- ``autograder grade`` is started as a user would, in a new process, on a course whose
  gradebook knows the assignment and has no submissions. Classes of several sizes, each
  in a new course folder. Stock ``nbgrader autograde`` grades small classes, with its
  own configuration, since its time grows in a line; so does Otter, where its command is
  found.
- The *wall time* is that of the command, from its start to its end.
- The *CPU time* is that of the command and of all that it starts, as the kernel's own
  counter has it (``perf_event_open``, task clock, inherited by every fork). What a
  parent learns by waiting for its children is not enough here: it lacks all who ended
  with their process namespace, or whose parent had ended.
- The students' *own computing* is the CPU time of the cells of the same notebooks, test
  cells included, in plain IPython (own_computing.py): a new process for each notebook,
  libraries loaded before the clock starts, as many at once as there are cores. It is
  measured on forty students from all over the class, twenty before the class is graded
  and twenty after, since a machine may be quicker now than it was then.
- *Start-up* is the wall time of grading a class of one, less the time of its runs (for
  ours, as the gradebook has them), or less the time of each further submission (for the
  others).
- Otter grades a class in Docker containers (``otter grade``), which is not tried here;
  ``otter run`` grades one notebook on the machine itself, with no wall around it. It is
  given the example's first notebook and three of its four tests, as many commands at
  once as there are cores. Name its command with ``--otter``, if it is in an environment
  of its own.
- *Memory* is the PSS of the command and all its descendants, the students' processes
  included, once a second; and apart from that the resident size of its first process.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT)]

from classes import (  # noqa: E402 (needs the path above)
    ENVIRONMENT,
    NBGRADER,
    Classroom,
    calling_course,
    make_stock,
    quickstart,
    this_course,
    training_course,
)

from autograder.assignment.notebook import Assignment  # noqa: E402
from autograder.assignment.rebuild import read_notebook, rebuild  # noqa: E402
from autograder.course import find_course  # noqa: E402
from autograder.gradebook import records  # noqa: E402
from autograder.runner.inside import meter  # noqa: E402
from autograder.workers.pool import cores  # noqa: E402

GRADER = [sys.executable, "-m", "autograder", "grade"]
# One BLAS thread, as in the sandbox, for everybody.
ENVIRONMENT |= {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NBGRADER_EXECUTION": "autograde",
    "PYTHONPATH": str(ROOT),
}
MEGABYTE = 1024 * 1024
OWN_SAMPLE = 40  # four cycles of the class
OWN_STEP = 7  # from one to the next: it shares no factor with a cycle of ten
ROOMS = {
    "this": this_course,
    "training": training_course,
    "calling": calling_course,
    "quickstart": quickstart,
}
# Where a student takes a second or more, a thousand would take an hour.
HEADLINE = 200
# The page for instructors, which repeats the table.
COST_PAGE = ROOT / "docs" / "cost.md"
BEGIN = "<!-- begin: benchmarks/grading.md -->"
END = "<!-- end: benchmarks/grading.md -->"

# The tests of the example's first notebook, as Otter has them. The fourth, which
# deletes a name of the student's, has no counterpart there.
OTTER_TESTS = {
    "squares": """\
from otter.test_files import test_case

OK_FORMAT = False
name = "squares"
points = 2


@test_case()
def correct_squares(squares):
    assert squares(1) == [1]
    assert squares(2) == [1, 4]
    assert squares(10) == [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]
    assert squares(11) == [1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121]


@test_case()
def squares_invalid_input(squares):
    for wrong in (0, -4):
        try:
            squares(wrong)
        except ValueError:
            pass
        else:
            raise AssertionError("did not raise")
""",
    "sum_of_squares": """\
from otter.test_files import test_case

OK_FORMAT = False
name = "sum_of_squares"
points = 0.5


@test_case()
def correct_sum_of_squares(sum_of_squares):
    assert sum_of_squares(1) == 1
    assert sum_of_squares(2) == 5
    assert sum_of_squares(10) == 385
    assert sum_of_squares(11) == 506
""",
}


# ------------------------------------------------------------------- measuring


@dataclass(frozen=True)
class Measured:
    """What a command that graded `count` submissions took.

    Attributes
    ----------
    count : int
        Submissions.
    wall, cpu : float
        In seconds.
    memory, main_memory : float
        Peaks of PSS of all its processes and of the first one's resident size, in MiB.
    runs : float
        Wall time of the runs, where the gradebook has it, in seconds.
    """

    count: int
    wall: float
    cpu: float
    memory: float = 0.0
    main_memory: float = 0.0
    runs: float = 0.0

    @property
    def rate(self) -> float:
        """Submissions a minute."""
        return 60 * self.count / self.wall


class CpuClock:
    """The CPU time of a process and of all its descendants from now on, reaped or not.

    Parameters
    ----------
    pid : int
        The process; it has no descendants yet.
    """

    _NUMBER = 298 if platform.machine() == "x86_64" else 241  # of the system call
    _SOFTWARE, _TASK_CLOCK, _INHERIT = 1, 1, 1 << 1
    _SIZE = 112  # of the attributes
    _CLOSE_ON_EXEC = 8

    def __init__(self, pid: int) -> None:
        """Open the counter."""
        attributes = struct.pack(
            "IIQQQQQ",
            self._SOFTWARE,
            self._SIZE,
            self._TASK_CLOCK,
            0,
            0,
            0,
            self._INHERIT,
        ).ljust(self._SIZE, b"\0")
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.syscall(
            self._NUMBER,
            attributes,
            pid,
            -1,
            -1,
            self._CLOSE_ON_EXEC,
        )
        if self._descriptor < 0:
            why = os.strerror(ctypes.get_errno())
            raise SystemExit(
                f"the CPU time of a process tree cannot be counted here ({why}); run "
                "as root, or lower it: sysctl kernel.perf_event_paranoid=1"
            )

    def seconds(self) -> float:
        """Return the CPU time so far."""
        return int.from_bytes(os.read(self._descriptor, 8), sys.byteorder) / 1e9

    def close(self) -> None:
        """Close the counter."""
        os.close(self._descriptor)


def measure(
    command: list[str],
    folder: Path,
    count: int,
    environment: dict[str, str] = ENVIRONMENT,
) -> Measured:
    """Run a command in a folder, to its end.

    Raises
    ------
    RuntimeError
        If it fails; with the last that it said.
    """
    log = folder / "said.txt"
    with log.open("w") as said:
        # The shell waits until it is watched, then becomes the command.
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r go && exec "$@"', "sh", *command],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            cwd=folder,
            env=environment,
        )
    clock = CpuClock(process.pid)
    began = time.perf_counter()
    process.stdin.write(b"\n")
    process.stdin.close()
    memory = main_memory = 0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1.0)
            break
        pids = [stat.pid for stat in meter.descendants(process.pid)]
        memory = max(memory, sum(map(proportional, [process.pid, *pids])))
        main_memory = max(main_memory, resident(process.pid))
    wall = time.perf_counter() - began
    cpu = clock.seconds()
    clock.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {log.read_text()[-3000:]}")
    return Measured(count, wall, cpu, memory / MEGABYTE, main_memory / MEGABYTE)


def proportional(pid: int) -> int:
    """Return the PSS of a process in bytes; 0 if it has ended."""
    return _figure(f"/proc/{pid}/smaps_rollup", b"Pss:")


def resident(pid: int) -> int:
    """Return the resident size of a process in bytes; 0 if it has ended."""
    return _figure(f"/proc/{pid}/status", b"VmRSS:")


def _figure(path: str, name: bytes) -> int:
    with contextlib.suppress(OSError):
        for line in Path(path).read_bytes().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def measure_ours(room: Classroom, scratch: Path, count: int) -> Measured:
    """Grade a class with ``autograder grade``."""
    with course_folder(scratch) as folder:
        room.class_of(folder, count)
        done = measure([*GRADER, room.assignment], folder, count)
        runs = records.runs(find_course(folder), room.assignment)
        bad = {run.verdict.value for run in runs} - {"graded"}
        if len(runs) != count or bad:
            raise RuntimeError(f"{room.title}: {len(runs)} of {count} graded, {bad}")
    return Measured(**{**vars(done), "runs": sum(run.wall_seconds for run in runs)})


def measure_stock(room: Classroom, scratch: Path, count: int) -> Measured:
    """Grade a class with stock ``nbgrader autograde``."""
    with course_folder(scratch) as folder:
        room.class_of(folder, count)
        make_stock(folder)
        command = [*NBGRADER, "autograde", "--create", room.assignment]
        done = measure(command, folder, count)
        graded = len(list(folder.glob(f"autograded/*/{room.assignment}/*.ipynb")))
        handed_in = len(list(folder.glob(f"submitted/*/{room.assignment}/*.ipynb")))
        if graded != handed_in:
            raise RuntimeError(f"{room.title}: stock graded {graded} of {handed_in}")
    return done


def measure_otter(otter: str, room: Classroom, scratch: Path, count: int) -> Measured:
    """Grade the example's first notebook of a class with ``otter run``."""
    with course_folder(scratch) as folder:
        room.class_of(folder, count)
        tests = folder / "tests"
        tests.mkdir()
        for name, text in OTTER_TESTS.items():
            (tests / f"{name}.py").write_text(text, encoding="utf-8")
        subprocess.run(
            [otter, "generate", "-t", "tests", "-o", "tests.zip"],
            cwd=folder,
            env=otter_environment(otter),
            capture_output=True,
            check=True,
        )
        one = (
            f"mkdir -p out/{{}} && {shlex.quote(otter)} run -a tests.zip -o out/{{}} "
            f"submitted/{{}}/{room.assignment}/problem1.ipynb"
        )
        command = f"ls submitted | xargs -P {cores()} -I {{}} sh -c {shlex.quote(one)}"
        shell = ["/bin/sh", "-c", command]
        done = measure(shell, folder, count, otter_environment(otter))
        graded = len(list(folder.glob("out/*/results.json")))
        if graded != count:
            raise RuntimeError(f"Otter graded {graded} of {count}")
    return done


def otter_environment(otter: str) -> dict[str, str]:
    """Put what is beside Otter's command on PATH, its kernel among it."""
    there = str(Path(otter).resolve().parent)
    path = f"{there}{os.pathsep}{ENVIRONMENT['PATH']}"
    kept = {k: v for k, v in ENVIRONMENT.items() if k not in ("PYTHONPATH",)}
    return {**kept, "PATH": path}


@contextlib.contextmanager
def course_folder(scratch: Path) -> Iterator[Path]:
    """Name a folder for a course that is not there yet, and remove it afterwards."""
    folder = scratch / "course"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure_own(room: Classroom, scratch: Path, students: list[int]) -> float:
    """Return the own computing of these students, in seconds, on average."""
    with course_folder(scratch) as folder:
        room.course(folder, map(room.way, students))
        course = find_course(folder)
        assignment = Assignment(course, room.assignment)
        whole: list[tuple[Path, list[str]]] = []
        for name, notebook in assignment.notebooks.items():
            libraries = sorted(notebook.protection.libraries)
            for student in course.students(assignment.name):
                path = course.submitted_notebook(student, assignment.name, name)
                submitted = read_notebook(path.read_bytes())
                work = folder / "own" / student / name
                work.mkdir(parents=True)
                for file, content in assignment.files.items():
                    (work / file).write_bytes(content)
                rebuilt = rebuild(
                    notebook.without_solutions, submitted, course.config
                ).notebook
                (work / "notebook.json").write_text(json.dumps(rebuilt))
                whole.append((work, libraries))
        with ThreadPoolExecutor(cores()) as pool:
            seconds = list(pool.map(_own, whole))
    return sum(seconds) / len(students)


def _own(job: tuple[Path, list[str]]) -> float:
    work, libraries = job
    command = [sys.executable, str(HERE / "own_computing.py"), "notebook.json"]
    done = subprocess.run(
        [*command, *libraries],
        cwd=work,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


# ------------------------------------------------------------------- what came


@dataclass(frozen=True)
class Line:
    """A time that grows with the class, by two measurements: start and slope."""

    start: float
    each: float

    def at(self, count: int) -> float:
        """Return the time of a class of that many."""
        return self.start + count * self.each


def line(small: Measured, large: Measured, what: str) -> Line:
    """Draw the line through two measurements of "wall" or "cpu"."""
    low, high = getattr(small, what), getattr(large, what)
    each = (high - low) / (large.count - small.count)
    return Line(low - small.count * each, each)


@dataclass
class Result:
    """All that was measured on one class."""

    room: Classroom
    own: float
    ours: dict[int, Measured]
    stock: tuple[Measured, Measured]
    otter: tuple[Measured, Measured] | None = None

    @property
    def headline(self) -> Measured:
        """The class that the table is about: 200, or the largest up to that."""
        return self.ours[max(n for n in self.ours if n <= HEADLINE)]

    @property
    def startup(self) -> float:
        """Of `autograder grade`, in seconds."""
        one = self.ours[1]
        return one.wall - one.runs

    @property
    def stock_rate(self) -> float:
        """Submissions a minute of stock nbgrader, with a class of that size."""
        count = self.headline.count
        return 60 * count / line(*self.stock, "wall").at(count)

    @property
    def beyond(self) -> float:
        """CPU seconds a submission beyond the own computing, start-up included."""
        return self.headline.cpu / self.headline.count - self.own

    @property
    def beyond_each(self) -> float:
        """CPU seconds beyond the own computing that a further submission costs."""
        return line(self.ours[1], self.headline, "cpu").each - self.own

    @property
    def stretch(self) -> float:
        """Wall time, as a multiple of the own computing divided by the cores."""
        return self.headline.wall * cores() / (self.own * self.headline.count)


def rows(results: list[Result]) -> list[tuple[str, list[str], str]]:
    """Return the table's rows: what is measured, a figure for each class, the goal."""

    def row(title: str, figure: Any, goal: str = "") -> tuple[str, list[str], str]:
        return title, [figure(result) for result in results], goal

    return [
        row("submissions graded", lambda r: f"{r.headline.count}"),
        row("submissions a minute", lambda r: f"**{r.headline.rate:.0f}**"),
        row(
            "... stock `nbgrader autograde`, from two small classes",
            lambda r: f"{r.stock_rate:.1f}",
        ),
        row(
            "... as a multiple of stock",
            lambda r: f"{r.headline.rate / r.stock_rate:.1f}",
            "at least 20 on nbgrader's example",
        ),
        row(
            "... Otter's `otter run`, one of the two notebooks",
            lambda r: (
                f"{60 / line(*r.otter, 'wall').each:.1f}" if r.otter else "not measured"
            ),
        ),
        row("start-up, s", lambda r: f"{r.startup:.1f}"),
        row("... stock", lambda r: f"{line(*r.stock, 'wall').start:.1f}"),
        row("own computing, CPU s a submission", lambda r: f"{r.own:.3f}"),
        row(
            f"wall time, as a multiple of own computing / {cores()} cores",
            lambda r: f"{r.stretch:.2f}",
            "at most 1.1 on this course",
        ),
        row(
            "CPU s a submission beyond own computing",
            lambda r: f"{r.beyond:.3f}",
            "at most 0.1",
        ),
        row("... without start-up", lambda r: f"{r.beyond_each:.3f}"),
        row(
            "... stock, without start-up",
            lambda r: f"{line(*r.stock, 'cpu').each - r.own:.2f}",
        ),
        row("peak memory of all processes, MB", lambda r: f"{r.headline.memory:.0f}"),
        row("... of the first process, MB", lambda r: f"{r.headline.main_memory:.0f}"),
    ]


def table(results: list[Result]) -> str:
    """Write the table that docs/cost.md repeats, as Markdown."""
    titles = " | ".join(result.room.title for result in results)
    lines = [
        f"| grading a class | {titles} | goal |",
        f"|---|{'---:|' * len(results)}---|",
        *(
            f"| {title} | {' | '.join(figures)} | {goal} |"
            for title, figures, goal in rows(results)
        ),
    ]
    return "\n".join(lines) + "\n"


def growth(results: list[Result]) -> str:
    """Write how the figures grow with the class, as Markdown."""
    lines = [
        "| class | submissions | wall, s | a minute | CPU s beyond own, a submission "
        "| memory of all, MB | of the first process, MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        for count, done in sorted(result.ours.items()):
            beyond = done.cpu / count - result.own
            lines.append(
                f"| {result.room.title} | {count} | {done.wall:.1f} | {done.rate:.0f} "
                f"| {beyond:.3f} | {done.memory:.0f} | {done.main_memory:.0f} |"
            )
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Describe the processor and the software, without names or paths."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for text in cpuinfo.read_text().splitlines():
            if text.startswith("model name"):
                model = text.partition(":")[2].strip()
                break
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("nbgrader", "IPython", "numpy")
    ]
    busy = os.getloadavg()[0]
    wall = level()
    return (
        f"{model}, {cores()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}. "
        f"Level of isolation: {wall}. Load of the machine at the start: {busy:.1f}."
    )


def level() -> str:
    """Name the level of isolation that grading has here."""
    from autograder.assignment.limits import sandbox

    return sandbox("auto").level


def page(results: list[Result], machine_now: str) -> str:
    """Write the report as Markdown."""
    return (
        "\n".join(
            [
                "# What grading costs",
                "",
                "Made by `make bench-grading`. How it measures, who the students are:",
                "that say the docstrings of `benchmarks/grading.py` and `classes.py`.",
                "All students are honest, and no two hand in the same text.",
                "",
                machine_now,
                "",
                table(results),
                "How it grows with the class:",
                "",
                growth(results),
                "![Speed and memory by the size of the class](grading.png)",
            ]
        )
        + "\n"
    )


def figure(results: list[Result], path: Path) -> None:
    """Draw speed and memory by the size of the class."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    colours = ["#D55E00", "#009E73", "#0072B2", "#CC79A7"]  # Okabe and Ito's palette
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
    for result, colour in zip(results, colours, strict=True):
        done = [result.ours[count] for count in sorted(result.ours)]
        counts = [one.count for one in done]
        name = result.room.title
        left.plot(counts, [one.rate for one in done], "o-", color=colour, label=name)
        stock = line(*result.stock, "wall")
        left.plot(
            counts,
            [60 * count / stock.at(count) for count in counts],
            "--",
            color=colour,
            label=f"{name}: stock nbgrader",
        )
        known = [one for one in done if one.memory]
        counts = [one.count for one in known]
        right.plot(
            counts, [one.memory for one in known], "o-", color=colour, label=name
        )
        right.plot(
            counts,
            [one.main_memory for one in known],
            "s--",
            color=colour,
            label=f"{name}: first process",
        )
    left.set_yscale("log")
    left.set_ylabel("submissions a minute (log scale)")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter(ScalarFormatter())
    left.yaxis.set_minor_formatter(NullFormatter())
    right.set_ylim(bottom=0)
    right.set_ylabel("peak memory, MB")
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xlabel("submissions in the class (log scale)")
        ax.grid(alpha=0.3)
        sizes = sorted({count for result in results for count in result.ours})
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
        ax.legend(frameon=False, fontsize=8, **below)
    fig.savefig(path, dpi=150)


def renew_cost_page(text: str) -> None:
    """Put the table between its marks in docs/cost.md."""
    page = COST_PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    COST_PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


# ------------------------------------------------------------------- the command


def measure_class(room: Classroom, scratch: Path, options: Sizes) -> Result:
    """Measure all there is about one class."""
    chosen = own_sample(options)
    half = len(chosen) // 2
    say(f"{room.title}: own computing of {half}")
    before = measure_own(room, scratch, chosen[:half])
    ours = {}
    for count in sorted({1, *options.ours}):
        say(f"{room.title}: autograder grade, {count}")
        ours[count] = measure_ours(room, scratch, count)
    say(f"{room.title}: own computing of {half} others")
    after = measure_own(room, scratch, chosen[half:])
    stock = []
    for count in options.stock:
        say(f"{room.title}: stock nbgrader, {count}")
        stock.append(measure_stock(room, scratch, count))
    otter = None
    if options.otter and room.assignment == "ps1":
        say(f"{room.title}: Otter")
        small, large = (
            measure_otter(options.otter, room, scratch, cores() * n) for n in (1, 4)
        )
        otter = small, large
    return Result(room, (before + after) / 2, ours, (stock[0], stock[1]), otter)


def own_sample(sizes: Sizes) -> list[int]:
    """Choose students, by number, from all over the class of the table."""
    size = max(n for n in sizes.ours if n <= HEADLINE)
    return [OWN_STEP * n % size + 1 for n in range(sizes.sample)]


def say(text: str) -> None:
    """Tell where it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


@dataclass(frozen=True)
class Sizes:
    """How many submissions are graded by whom, and how many run in plain IPython."""

    ours: list[int]
    stock: list[int]
    sample: int
    otter: str | None


def main() -> None:
    """Measure, print, and write unless it was quick."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10, 50, 200, 1000], help="of classes"
    )
    parser.add_argument(
        "--stock", type=int, nargs=2, default=[2, 12], help="the same for nbgrader"
    )
    parser.add_argument("--only", choices=ROOMS, help="one class")
    parser.add_argument(
        "--quick", action="store_true", help="small classes; print, write nothing"
    )
    parser.add_argument(
        "--sample",
        type=int,
        default=OWN_SAMPLE,
        help="students whose own computing is measured",
    )
    parser.add_argument(
        "--otter", default=shutil.which("otter"), help="Otter's command, if not found"
    )
    options = parser.parse_args()
    sizes = Sizes(options.sizes, options.stock, options.sample, options.otter)
    if options.quick:
        sizes = Sizes([20], [1, 3], OWN_SAMPLE // 2, options.otter)
    machine_now = machine()
    results = []
    with tempfile.TemporaryDirectory(prefix="bench-grading-") as name:
        scratch = Path(name)
        for key, make in ROOMS.items():
            if options.only in (None, key):
                room, its = make(scratch), sizes
                if key in ("training", "calling"):
                    small = [n for n in sizes.ours if n <= HEADLINE]
                    its = replace(sizes, ours=small, stock=[1, 4])
                results.append(measure_class(room, scratch, its))
                print(table(results[-1:]))
    report = page(results, machine_now)
    print(report)
    if not options.quick and options.only is None:
        (HERE / "grading.md").write_text(report, encoding="utf-8")
        figure(results, HERE / "grading.png")
        renew_cost_page(table(results))


if __name__ == "__main__":
    main()
