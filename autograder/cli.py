"""The command line: it parses and prints; the work is done by functions elsewhere.

Each command is a function of the same name in a module of the same name. Those modules
are imported when their command runs, so that ``--help`` is quick.
"""

import contextlib
import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from typer.core import TyperGroup

from autograder.errors import AutograderError, explain


class _Commands(TyperGroup):
    """The commands; with ``--json`` a mistake in how one is used is JSON as well."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run a command; what it raises goes on to become an exit code."""
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except Exception as error:
            if as_json and hasattr(error, "format_message"):  # an error in usage
                _print_json({"error": error.format_message()})
            raise


app = typer.Typer(
    name="autograder",
    cls=_Commands,
    help="Grade notebooks written by strangers: isolated, against hidden tests.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
LINE_SECONDS = 10  # between lines about progress, where there is no terminal

# Control characters, and those that turn the direction of the text around them: names
# and messages of students' are printed here, and a terminal would obey them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


class _Console(Console):
    """Prints what students wrote: never as markup, nor as orders to the terminal."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Print to stdout, or to stderr."""
        super().__init__(
            stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False
        )

    def print(self, *values: Any, **options: Any) -> None:
        """Print texts without what is unseen in them; print tables as they are."""
        seen = (_seen(v) if isinstance(v, str) else v for v in values)
        super().print(*seen, **options)


def _seen(text: str) -> str:
    """Leave out what would be obeyed, and replace what cannot be written."""
    return _UNSEEN.sub("", text).encode("utf-8", "replace").decode()


out = _Console()
err = _Console(stderr=True)

CourseDir = Annotated[
    Path,
    typer.Option("--course", metavar="DIR", help="The folder with nbgrader_config.py."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[A]...", help="Assignments; default all.")
]
Assignment = Annotated[str, typer.Argument(metavar="A", help="The assignment's name.")]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Submissions at once; default one for each core."),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document, and nothing else, instead."),
]
Students = Annotated[
    list[str] | None,
    typer.Option("--student", metavar="S", help="Only this student; may be repeated."),
]


@contextlib.contextmanager
def _explained(debug: bool, as_json: bool = False) -> Iterator[None]:
    """Turn an error into one line and exit code 1; with ``--debug``, show it whole.

    With ``--json`` the document on stdout is then an object with the key "error".
    """

    def fail(said: str, code: int) -> typer.Exit:
        err.print(f"autograder: {said}")
        if as_json:
            _print_json({"error": said})
        return typer.Exit(code)

    try:
        yield
    except AutograderError as error:
        if debug:
            raise
        raise fail(str(error), 1) from None
    except KeyboardInterrupt:
        raise fail("stopped; what was finished is kept", 130) from None
    except Exception as error:
        if debug or isinstance(error, typer.Exit | typer.BadParameter):
            raise
        raise fail(explain(error), 1) from None


def _print_json(document: dict[str, Any]) -> None:
    """Print the one document of ``--json``; paths and dates become text."""
    sys.stdout.write(json.dumps(document, default=str, indent=2) + "\n")


def _course(folder: Path) -> Any:
    from autograder.course import find_course

    return find_course(folder)


def _shown(path: Path) -> str:
    """Write a path as a person here would type it."""
    with contextlib.suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return str(path)


@app.command()
def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[A]...", help="Units to build; default all."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if any is stale.")
    ] = False,
    lessons: Annotated[
        bool, typer.Option(help="Build lessons, which executes changed ones.")
    ] = True,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Build notebooks from their texts (source/A.py, notebooks/A.py)."""
    with _explained(debug):
        from autograder.build import build

        built = build(_course(course), names or None, check=check, lessons=lessons)
        _print_made(built.written, len(built.unchanged))
        _fail_if_stale(built.stale, "autograder build")


@app.command()
def release(
    names: Names = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if any is stale.")
    ] = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Make the handouts: solutions and hidden tests stripped, and proved absent."""
    with _explained(debug):
        from autograder.release import release

        released = release(_course(course), names or None, check=check)
        _print_made(released.folders)
        _fail_if_stale(released.stale, "autograder release")


def _print_made(paths: list[Path], unchanged: int = 0) -> None:
    for path in paths:
        out.print(f"wrote {_shown(path)}")
    if unchanged:
        out.print(f"{unchanged} up to date")


def _fail_if_stale(stale: list[Path], mend: str) -> None:
    if stale:
        for path in stale:
            err.print(f"stale: {_shown(path)}")
        err.print(f"mend with: {mend}")
        raise typer.Exit(1)


@app.command()
def collect(
    archive: Annotated[
        Path,
        typer.Argument(
            metavar="ARCHIVE_OR_FOLDER", help="What came in: .zip, .tar(.gz), a folder."
        ),
    ],
    assignment: Annotated[
        str | None,
        typer.Option("--assignment", metavar="A", help="Take only this assignment."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace submissions that are there.")
    ] = False,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Put what was handed in into submitted/STUDENT/ASSIGNMENT/, all or nothing."""
    with _explained(debug, as_json):
        from autograder.collect import collect

        collected = collect(_course(course), archive, assignment, force=force)
        if as_json:
            _print_json(asdict(collected))
            return
        for student, name in collected.written:
            out.print(f"wrote {student}/{name}")
        if collected.kept:
            out.print(f"{len(collected.kept)} up to date")
        for note in collected.notes:
            err.print(note)


@app.command()
def grade(
    assignment: Assignment,
    student: Students = None,
    jobs: Jobs = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade again what is up to date.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Run on the workers of this Dask scheduler."
        ),
    ] = None,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Grade submissions in the sandbox; exit code 0 means that each has a verdict."""
    with _explained(debug, as_json):
        from autograder.grade import grade

        if jobs is not None and scheduler is not None:
            raise typer.BadParameter(
                "--jobs is for this machine; with --scheduler the cluster decides"
            )
        found = _course(course)
        with _graded_bar() as progress:
            summary = grade(
                found,
                assignment,
                student or None,
                jobs,
                progress,
                force=force,
                scheduler=scheduler,
            )
        if as_json:
            rows = [asdict(row) for row in summary.rows]
            counts = {"assignment": assignment, "counts": summary.counts}
            said = {"warnings": summary.warnings, "submissions": rows}
            _print_json({**counts, **said})
        else:
            _print_grades(summary)
        for warning in summary.warnings:
            err.print(warning)


@contextlib.contextmanager
def _graded_bar() -> Iterator[Callable[[Any], None]]:
    """Show how far it is, with the counts by verdict; give the callback for that.

    On a terminal this is a bar, anywhere else a line now and then.
    """
    counts: dict[str, int] = {}

    def count(event: Any) -> str:
        if event.row:
            verdict = event.row.verdict.value
            counts[verdict] = counts.get(verdict, 0) + 1
        return ", ".join(f"{number} {name}" for name, number in counts.items())

    if not err.is_terminal:
        yield _lines(count)
        return
    with Progress(
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[counts]}", markup=False),
        console=err,
    ) as bar:
        task = bar.add_task("grading", total=None, counts="")
        yield lambda event: bar.update(
            task, completed=event.done, total=event.total, counts=count(event)
        )


def _lines(count: Callable[[Any], str]) -> Callable[[Any], None]:
    """Make a callback that prints a line about progress, not too often."""
    began = told = time.monotonic()

    def progress(event: Any) -> None:
        nonlocal told
        said, now = count(event), time.monotonic()
        if event.done and event.done < event.total and now - told >= LINE_SECONDS:
            told = now
            left = (now - began) / event.done * (event.total - event.done)
            err.print(f"{event.done} of {event.total}: {said}; about {left:.0f} s left")

    return progress


def _print_grades(summary: Any) -> None:
    if all(row.skipped for row in summary.rows):
        out.print("nothing to do: every grade is up to date (--force grades again)")
    table = _table("student", "verdict", "points", "seconds", "message")
    for row in summary.rows:
        seconds = "" if row.skipped else f"{row.seconds:.1f}"
        said = "up to date" if row.skipped else row.message
        _add_grade(table, row, seconds=seconds, message=said)
    _print_table(table)
    counts = ", ".join(f"{n} {verdict.value}" for verdict, n in summary.counts.items())
    levels = ", ".join(sorted({row.level for row in summary.rows if row.level}))
    out.print(
        f"{summary.assignment}: {counts}" + (f"; sandbox: {levels}" if levels else "")
    )


def _table(*columns: str) -> Table:
    """Make a quiet table; numbers to the right; student text is never markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column in {"points", "seconds"}
        table.add_column(
            column,
            justify="right" if right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _print_table(table: Table) -> None:
    """Print a table; where a terminal is too narrow, its last column alone is cut.

    Without a terminal nothing is cut: a log has all of it.
    """
    columns = [[str(c.header), *map(str, c.cells)] for c in table.columns]
    *others, last = [max(map(cell_len, cells)) + 2 for cells in columns]
    if out.is_terminal:
        table.columns[-1].max_width = max(20, out.width - sum(others))
        out.print(table)
        return
    wide = out.options.update(width=sum(others) + last)
    for line in out.render_lines(table, wide):
        out.print("".join(segment.text for segment in line).rstrip())


def _add_grade(
    table: Table, row: Any, *kind: str, seconds: str | None = None, message: str
) -> None:
    """Add a submission's row: student, kind if any, verdict, points, and so on."""
    points = f"{row.points:g}/{row.max_points:g}"
    cells = [row.student, *kind, row.verdict.value, points]
    cells += [] if seconds is None else [seconds]
    table.add_row(*map(_seen, cells), _seen(" ".join(message.split())))


@app.command()
def feedback(
    assignment: Assignment,
    student: Students = None,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Write a page for each student, without hidden tests, into feedback/."""
    with _explained(debug, as_json):
        from autograder.feedback import feedback

        found = _course(course)
        made = feedback(found, assignment, student or None)
        _say_if_nobody_is_graded(found, assignment)
        if as_json:
            _print_json(asdict(made))
            return
        _print_made(made.written, len(made.unchanged))
        for name in made.not_graded:
            err.print(f"not graded yet: {name}")


@app.command()
def report(
    assignment: Assignment,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Write a table (CSV) and a page about the whole class into reports/."""
    with _explained(debug, as_json):
        from autograder.report import report

        found = _course(course)
        table, page = report(found, assignment)
        _say_if_nobody_is_graded(found, assignment)
        if as_json:
            _print_json({"table": table, "page": page})
        else:
            _print_made([table, page])


def _say_if_nobody_is_graded(course: Any, assignment: str) -> None:
    from autograder import store

    if not store.runs(course, assignment):
        err.print(f"nobody has been graded yet; run `autograder grade {assignment}`")


@app.command()
def check(
    names: Names = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Seeds on which the reference must be right.")
    ] = 10,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PART", help="Only this part; may be repeated."),
    ] = None,
    item: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Answers to this item only; may be repeated."),
    ] = None,
    protected: Annotated[
        bool,
        typer.Option("--protected", help="Fail if a test cannot run in the checker."),
    ] = False,
    jobs: Jobs = None,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Prove assignments sound: full marks, zero, and every mistake noticed."""
    with _explained(debug, as_json):
        from autograder.check import check

        found = _course(course)
        _refuse_stale(found, names or found.assignments())
        with _checked_bar() as progress:
            results = check(
                found,
                names or None,
                seeds=seeds,
                jobs=jobs,
                parts=only or None,
                items=item or None,
                protected=protected,
                progress=progress,
            )
        sound = not any(result.shortfalls for result in results)
        if as_json:
            found = [asdict(result) | {"score": result.score} for result in results]
            _print_json({"sound": sound, "assignments": found})
        else:
            _print_checked(results)
        if not sound:
            raise typer.Exit(1)


def _refuse_stale(course: Any, names: list[str]) -> None:
    """Refuse notebooks that are not what their texts say, where they have texts."""
    from autograder.build import build
    from autograder.errors import BuildError

    texts = [name for name in names if (course.source / f"{name}.py").is_file()]
    stale = build(course, texts, check=True, lessons=False).stale
    if stale:
        raise BuildError(
            f"{stale[0].relative_to(course.root)} is not what its text says now; run "
            f"`autograder build {stale[0].parent.name}` first"
        )


@contextlib.contextmanager
def _checked_bar() -> Iterator[Callable[[int, int], None]]:
    """Show how many runs are done: a bar, or without a terminal a line now and then."""
    told = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal told
        if done < total and time.monotonic() - told >= LINE_SECONDS:
            told = time.monotonic()
            err.print(f"{done} of {total} runs")

    if not err.is_terminal:
        yield line
        return
    with Progress(console=err) as bar:
        task = bar.add_task("checking", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_checked(results: list[Any]) -> None:
    """Print a row for each assignment, and below the table what falls short."""
    from autograder.checked import PARTS
    from autograder.variants import as_toml

    order = [part for part in PARTS if any(part in r.counts for r in results)]
    header = ["assignment"]
    for part in order:
        header += [part, "explained", "score"] if part == "mutants" else [part]
    rows = [[*header, "CPU s", "sound"]]
    for result in results:
        cells = [result.assignment]
        for part in order:
            count = result.counts.get(part)
            cells.append("absent" if count is None else str(count))
            if part == "mutants":
                cells.append(str(result.explained) if count else "")
                cells.append("" if result.score is None else f"{result.score:.3f}")
        cells += [f"{result.cpu_seconds:.0f}", "no" if result.shortfalls else "yes"]
        rows.append(cells)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        padded = [cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True)]
        out.print("  ".join([first.ljust(widths[0]), *padded]))
    for result in results:
        for test in result.statistics:
            out.print(
                f"{result.assignment}: {test.test}: false alarms: stated "
                f"{test.stated:g}, seen {test.alarms} on {test.seeds} seeds "
                f"(with 95 % confidence at most {test.bound:.2g}); "
                f"power: {test.power}"
            )
        for name in result.unprotected:
            err.print(
                f"{result.assignment}: {name} cannot run apart from the answers, so it "
                "is unprotected"
            )
        for line in result.shortfalls:
            err.print(f"{result.assignment}: {line}")
        if result.page:
            out.print(f"wrote {_shown(Path(result.page))}")
        survivors = [m for m in result.mutants if m.state == "survived"]
        if survivors:
            out.print(
                f"\nMend the tests, or explain in tests/equivalent/{result.assignment}"
                ".toml why no test need notice:\n"
            )
            out.print(as_toml(survivors))


@app.command()
def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Say which level of isolation works here, and what would help to a better one."""
    with _explained(debug, as_json):
        from autograder.doctor import doctor

        found = doctor()
        if as_json:
            _print_json(asdict(found))
        else:
            out.print(f"isolation    {found.level or 'none: grading is not possible'}")
            for level, why in found.failures.items():
                out.print(f"not {level:<8} {why}")
            if found.helps:
                out.print(f"would help   {found.helps}")
            if found.course:
                out.print(f"this course  {found.course}")
            out.print(f"cores        {found.cores}")
            for name, version in found.versions.items():
                out.print(f"{name:<12} {version}")
        if not found.level:
            raise typer.Exit(1)


@app.command()
def demo(
    into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where; default demo/ in the course."),
    ] = None,
    jobs: Jobs = None,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Build, release, grade a sample class of strangers, and write all its pages."""
    with _explained(debug):
        from autograder.demo import demo

        found = _course(course)
        with _graded_bar() as progress:
            result = demo(found, into, jobs, progress)
        for assignment, rows in itertools.groupby(
            result.rows, key=lambda row: row.grade.assignment
        ):
            table = _table("student", "kind", "verdict", "points", "message")
            for row in rows:
                _add_grade(table, row.grade, row.kind, message=row.message)
            out.print(f"\n{assignment}")
            _print_table(table)
        out.print()
        out.print(f"gradebook  {_shown(result.gradebook)}")
        out.print(f"feedback   {_shown(result.feedback)}")
        for page in result.reports:
            out.print(f"report     {_shown(page)}")


def main() -> None:
    """Run the command line."""
    sys.exit(app())
