"""What the command line prints: tables, progress, and what was written."""

import contextlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
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
        seen = (_printable(v) if isinstance(v, str) else v for v in values)
        super().print(*seen, **options)


def _printable(text: str) -> str:
    """Leave out what would be obeyed, and replace what cannot be written."""
    return _UNSEEN.sub("", text).encode("utf-8", "replace").decode()


out = _Console()
err = _Console(stderr=True)


def print_json(document: dict[str, Any]) -> None:
    """Print the one document of ``--json``; paths and dates become text."""
    sys.stdout.write(json.dumps(document, default=str, indent=2) + "\n")


def shown_path(path: Path) -> str:
    """Write a path as a person here would type it."""
    with contextlib.suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return str(path)


def print_written(paths: list[Path], unchanged: int = 0) -> None:
    """Print which files were written, and how many were up to date."""
    for path in paths:
        out.print(f"wrote {shown_path(path)}")
    if unchanged:
        out.print(f"{unchanged} up to date")


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
        yield lambda event: bar.update(
            task, completed=event.done, total=event.total, counts=count(event)
        )


def _progress_lines(count: Callable[[Any], str]) -> Callable[[Any], None]:
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


def print_grades(summary: Any) -> None:
    """Print what `grade` did: a row for each submission, then the counts."""
    if all(row.skipped for row in summary.rows):
        out.print("nothing to do: every grade is up to date (--force grades again)")
    table = quiet_table("student", "verdict", "points", "seconds", "message")
    for row in summary.rows:
        seconds = "" if row.skipped else f"{row.seconds:.1f}"
        said = "up to date" if row.skipped else row.message
        add_grade(table, row, seconds=seconds, message=said)
    print_table(table)
    counts = ", ".join(f"{n} {verdict.value}" for verdict, n in summary.counts.items())
    levels = ", ".join(sorted({row.level for row in summary.rows if row.level}))
    out.print(
        f"{summary.assignment}: {counts}" + (f"; sandbox: {levels}" if levels else "")
    )


def quiet_table(*columns: str) -> Table:
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


def print_table(table: Table) -> None:
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


def add_grade(
    table: Table, row: Any, *kind: str, seconds: str | None = None, message: str
) -> None:
    """Add a submission's row: student, kind if any, verdict, points, and so on."""
    points = f"{row.points:g}/{row.max_points:g}"
    cells = [row.student, *kind, row.verdict.value, points]
    cells += [] if seconds is None else [seconds]
    table.add_row(*map(_printable, cells), _printable(" ".join(message.split())))


@contextlib.contextmanager
def checking_progress() -> Iterator[Callable[[int, int], None]]:
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


def print_checked(results: list[Any]) -> None:
    """Print a row for each assignment, and below the table what falls short."""
    from autograder.gate.results import PARTS
    from autograder.gate.variants import as_toml

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
            out.print(f"wrote {shown_path(Path(result.page))}")
        survivors = [m for m in result.mutants if m.state == "survived"]
        if survivors:
            out.print(
                f"\nMend the tests, or explain in tests/equivalent/{result.assignment}"
                ".toml why no test need notice:\n"
            )
            out.print(as_toml(survivors))
