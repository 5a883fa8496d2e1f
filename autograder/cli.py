"""The command line: it parses and prints; the work is done by functions elsewhere.

Each command is a function of the same name in a module of the same name. Those modules
are imported when their command runs, so that ``--help`` is quick.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from autograder.errors import AutograderError

app = typer.Typer(
    name="autograder",
    help="Grade notebooks written by strangers: isolated, against hidden tests.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

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
Students = Annotated[
    list[str] | None,
    typer.Option("--student", metavar="S", help="Only this student; may be repeated."),
]


@contextlib.contextmanager
def _explained(debug: bool) -> Iterator[None]:
    """Turn an error into one line and exit code 1; with ``--debug``, show it whole."""
    try:
        yield
    except AutograderError as error:
        if debug:
            raise
        err.print(f"autograder: {error}", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        err.print("autograder: stopped; what was finished is kept")
        raise typer.Exit(130) from None
    except Exception as error:
        if debug or isinstance(error, typer.Exit):
            raise
        err.print(
            f"autograder: unexpected {type(error).__name__}: {error}; "
            "run again with --debug to see where",
            markup=False,
        )
        raise typer.Exit(1) from None


def _course(folder: Path) -> Any:
    from autograder.course import find_course

    return find_course(folder)


def _shown(path: Path) -> str:
    """Write a path as a person here would type it."""
    with contextlib.suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return str(path)


def _print(text: str) -> None:
    out.print(text, markup=False)


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
        _print(f"wrote {_shown(path)}")
    if unchanged:
        _print(f"{unchanged} up to date")


def _fail_if_stale(stale: list[Path], mend: str) -> None:
    if stale:
        for path in stale:
            err.print(f"stale: {_shown(path)}", markup=False)
        err.print(f"mend with: {mend}")
        raise typer.Exit(1)


def main() -> None:
    """Run the command line."""
    sys.exit(app())
