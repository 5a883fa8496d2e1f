"""All that the command line prints: progress, tables, what was written, mistakes.

What a person asked for goes to stdout; progress, notes and mistakes go to stderr.
"""

import contextlib
import itertools
import json
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

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

from autograder.texts import UNSEEN, some_of

LINE_SECONDS = 10  # between lines about progress, where there is no terminal


class _Console(Console):
    """Prints what students wrote: never as markup, nor as orders to the terminal."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Print to stdout, or to stderr."""
        super().__init__(
            stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False
        )

    def print(self, *values: Any, **options: Any) -> None:
        """Print texts without control characters; print tables as they are."""
        safe = (_printable(v) if isinstance(v, str) else v for v in values)
        super().print(*safe, **options)


def _printable(text: str) -> str:
    """Leave out what a terminal would obey, and replace what cannot be written."""
    return UNSEEN.sub("", text).encode("utf-8", "replace").decode()


out = _Console()
err = _Console(stderr=True)


# ------------------------------------------------------------------- single lines


def print_json(document: dict[str, Any]) -> None:
    """Print the one document of ``--json``; paths and dates become text."""
    sys.stdout.write(json.dumps(document, default=str, indent=2) + "\n")


def shown_path(path: Path) -> str:
    """Write a path as a person here would type it."""
    with contextlib.suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return str(path)


def print_line(line: str) -> None:
    """Print one line."""
    out.print(line)


def print_took(seconds: float, places: list[Path]) -> None:
    """Print how long a command took, and in which folders to look."""
    where = ", ".join(shown_path(place) for place in places)
    out.print(f"took {seconds:.1f} s" + (f"; see {where}" if where else ""))


def print_written(paths: list[Path], unchanged: int = 0) -> None:
    """Print which files were written, and how many were up to date."""
    for path in paths:
        out.print(f"wrote {shown_path(path)}")
    if unchanged:
        out.print(f"{unchanged} up to date")


def print_error(message: str) -> None:
    """Print a mistake, in one line."""
    err.print(f"autograder: {message}")


def print_warnings(warnings: Iterable[str]) -> None:
    """Print each warning on a line of its own."""
    for warning in warnings:
        err.print(warning)


def print_stale(paths: list[Path], remedy: str) -> None:
    """Print which files differ from a fresh build, and the command to run."""
    for path in paths:
        err.print(f"stale: {shown_path(path)}")
    err.print(f"mend with: {remedy}")


def print_nobody_graded(assignment: str) -> None:
    """Print that an assignment has no grades yet, and how to get some."""
    err.print(f"nobody has been graded yet; run `autograder grade {assignment}`")


# ----------------------------------------------------------------------- progress


@contextlib.contextmanager
def grading_progress() -> Iterator[Callable[[Any], None]]:
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
        yield _progress_lines(count)
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

        def show(event: Any) -> None:
            if event.note:
                err.print(event.note)
            how_far = {"completed": event.done, "total": event.total}
            bar.update(task, counts=count(event), **how_far)

        yield show


def _progress_lines(count: Callable[[Any], str]) -> Callable[[Any], None]:
    """Make a callback that prints a line about progress, not too often."""
    began = last_line = time.monotonic()

    def progress(event: Any) -> None:
        nonlocal last_line
        counts, now = count(event), time.monotonic()
        if event.note:
            err.print(event.note)
        if event.done and event.done < event.total and now - last_line >= LINE_SECONDS:
            last_line = now
            left = (now - began) / event.done * (event.total - event.done)
            done = f"{event.done} of {event.total}"
            err.print(f"{done}: {counts}; about {left:.0f} s left")

    return progress


@contextlib.contextmanager
def checking_progress() -> Iterator[Callable[[int, int], None]]:
    """Show how many runs are done: a bar, or without a terminal a line now and then."""
    last_line = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal last_line
        if done < total and time.monotonic() - last_line >= LINE_SECONDS:
            last_line = time.monotonic()
            err.print(f"{done} of {total} runs")

    if not err.is_terminal:
        yield line
        return
    with Progress(console=err) as bar:
        task = bar.add_task("checking", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# ------------------------------------------------------------------------- tables


def quiet_table(
    *columns: str, numbers: Collection[str] = ("points", "seconds")
) -> Table:
    """Make a table without lines; the columns of numbers are set to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column in numbers
        table.add_column(
            column,
            justify="right" if right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def print_table(table: Table) -> None:
    """Print a table; where a terminal is too narrow, its last column alone is cut.

    Without a terminal nothing is cut: a log has all of it.
    """
    if out.is_terminal:
        *others, _ = _widths(table)
        table.columns[-1].max_width = max(20, out.width - sum(others))
        out.print(table)
    else:
        print_whole_table(table)


def print_whole_table(table: Table) -> None:
    """Print a table as plain lines, however long they are."""
    wide = out.options.update(width=sum(_widths(table)))
    for line in out.render_lines(table, wide):
        out.print("".join(segment.text for segment in line).rstrip())


def _widths(table: Table) -> list[int]:
    """Return how wide the columns of a table are, two blanks behind each included."""
    columns = [[str(c.header), *map(str, c.cells)] for c in table.columns]
    return [max(map(cell_len, cells)) + 2 for cells in columns]


def add_grade(
    table: Table, row: Any, *kind: str, seconds: str | None = None, message: str
) -> None:
    """Add a submission's row: student, kind if any, verdict, points, and so on."""
    points = f"{row.points:g}/{row.max_points:g}"
    cells = [row.student, *kind, row.verdict.value, points]
    cells += [] if seconds is None else [seconds]
    table.add_row(*map(_printable, cells), _printable(" ".join(message.split())))


# ----------------------------------------------------------- what each command did


def print_rostered(made: Any) -> None:
    """Print what `roster` did: how many people are new, changed or the same."""
    out.print(
        f"wrote {shown_path(made.path)}: {len(made.new)} new, {len(made.changed)} "
        f"changed, {len(made.same)} up to date"
    )
    if made.absent:
        err.print(f"in the roster, and not in this table: {some_of(made.absent)}")


def print_collected(collected: Any) -> None:
    """Print what `collect` did: who was recognised by what, and what was written."""
    if collected.people:
        columns = ("student", "assignment", "recognised by", "handed in", "it came as")
        table = quiet_table(*columns)
        for row in collected.people:
            when = row.when.partition(".")[0] + (" late" if row.late else "")
            cells = (row.student, row.assignment, row.by, when.strip(), row.came)
            table.add_row(*map(_printable, cells))
        print_table(table)
    for student, name in collected.written:
        out.print(f"wrote {student}/{name}")
    if collected.kept:
        out.print(f"{len(collected.kept)} up to date")
    for note in collected.notes:
        err.print(note)
    if collected.absent:
        err.print(f"nothing came from {some_of(collected.absent)}")
    for problem in collected.problems:
        err.print(f"not recognised: {problem}")
    if collected.stopped:
        print_error(
            f"{len(collected.problems)} not recognised, so nothing was written; mend "
            "roster.csv, or collect the others by --partial"
        )


def print_grades(summary: Any) -> None:
    """Print what `grade` did: a row for each submission, then the counts."""
    if all(row.skipped for row in summary.rows):
        out.print("nothing to do: every grade is up to date (--force grades again)")
    interrupted = [r.student for r in summary.rows if r.verdict == "interrupted"]
    if interrupted:
        who = some_of(interrupted)
        err.print(f"interrupted, no fault of theirs; run the same command again: {who}")
    table = quiet_table("student", "verdict", "points", "seconds", "message")
    for row in summary.rows:
        seconds = "" if row.skipped else f"{row.seconds:.1f}"
        message = "up to date" if row.skipped else row.message
        add_grade(table, row, seconds=seconds, message=message)
    print_table(table)
    counts = ", ".join(f"{n} {verdict.value}" for verdict, n in summary.counts.items())
    levels = ", ".join(sorted({row.level for row in summary.rows if row.level}))
    out.print(
        f"{summary.assignment}: {counts}" + (f"; sandbox: {levels}" if levels else "")
    )


def print_feedback(made: Any) -> None:
    """Print what `feedback` did: the pages written, and who has no grade yet."""
    print_written(made.written, len(made.unchanged))
    for name in made.not_graded:
        err.print(f"not graded yet: {name}")
    if made.not_from_exchange:
        err.print(
            "not handed in through nbgrader's exchange, so `nbgrader release_feedback` "
            f"does not reach {some_of(made.not_from_exchange)}; "
            "`autograder export --feedback` packs their pages"
        )


def print_exported(made: Any) -> None:
    """Print what `export` did: each cell that changed, and what could not be joined."""
    filled = made.filled
    if filled is not None:
        table = quiet_table("student", "was", "is", numbers=("was", "is"))
        for student, old, new in filled.changed:
            table.add_row(*map(_printable, (student, old or "empty", new)))
        print_table(table)
        out.print(
            f"column {filled.column}: {len(filled.changed)} changed, "
            f"{len(filled.same)} up to date, {len(filled.excused)} excused, "
            f"{len(filled.ungraded)} without a grade"
        )
        for problem in filled.problems:
            err.print(f"not joined: {problem}")
    if made.by_hand:
        err.print(f"to be graded by hand yet: {some_of(made.by_hand)}")
    for line in made.not_packed:
        err.print(f"not packed: {line}")
    print_written(made.written)
    if made.stopped:
        print_error(
            f"{len(filled.problems)} not joined, so nothing was written; mend "
            "roster.csv, or write the others by --partial"
        )


def print_diagnosis(found: Any) -> None:
    """Print what `doctor` found: isolation, what would help, cores and versions."""
    out.print(f"isolation    {found.level or 'none: grading is not possible'}")
    for level, why in found.failures.items():
        out.print(f"not {level:<8} {why}")
    if found.helps:
        out.print(f"would help   {found.helps}")
    if found.course:
        out.print(f"this course  {found.course}")
    if found.exchange:
        out.print(f"exchange     {found.exchange}")
    out.print(f"cores        {found.cores}")
    for name, version in found.versions.items():
        out.print(f"{name:<12} {version}")


def print_demo(result: Any) -> None:
    """Print the demo's grades, a table for each assignment, and where its pages are."""
    for assignment, rows in itertools.groupby(
        result.rows, key=lambda row: row.grade.assignment
    ):
        table = quiet_table("student", "kind", "verdict", "points", "message")
        for row in rows:
            add_grade(table, row.grade, row.kind, message=row.message)
        out.print(f"\n{assignment}")
        print_table(table)
    out.print()
    out.print(f"gradebook  {shown_path(result.gradebook)}")
    out.print(f"feedback   {shown_path(result.feedback)}")
    for page in result.reports:
        out.print(f"report     {shown_path(page)}")


# --------------------------------------------------------------- what `check` found


def print_checked(results: list[Any]) -> None:
    """Print a row for each assignment, and below the table what falls short."""
    print_whole_table(_counts_table(results))
    for result in results:
        _print_details(result)


def _counts_table(results: list[Any]) -> Table:
    """Make the table of how many in each part are as they must be."""
    from autograder.gate.results import PARTS

    parts = [part for part in PARTS if any(part in r.counts for r in results)]
    columns = []
    for part in parts:
        columns += [part, "explained", "score"] if part == "mutants" else [part]
    columns += ["CPU s", "sound"]
    table = quiet_table("assignment", *columns, numbers=columns)
    for result in results:
        cells = [cell for part in parts for cell in _count_cells(result, part)]
        cells += [f"{result.cpu_seconds:.0f}", "no" if result.shortfalls else "yes"]
        table.add_row(result.assignment, *cells)
    return table


def _count_cells(result: Any, part: str) -> list[str]:
    """Write the count of one part; for mutants also how many are explained, the score.

    A part for which the course has nothing to try is absent.
    """
    count = result.counts.get(part)
    cells = ["absent" if count is None else str(count)]
    if part == "mutants":
        cells.append(str(result.explained) if count else "")
        cells.append("" if result.score is None else f"{result.score:.3f}")
    return cells


def _print_details(result: Any) -> None:
    """Print what is known of one assignment beyond the counts: lines, not a table."""
    from autograder.gate.variants import as_toml

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
        out.print(f"wrote {shown_path(Path(result.page))}")
    survivors = [m for m in result.mutants if m.state == "survived"]
    if survivors:
        out.print(
            f"\nMend the tests, or explain in tests/equivalent/{result.assignment}"
            ".toml why no test need notice:\n"
        )
        out.print(as_toml(survivors))
