"""The command line: it parses, calls a step, and has `autograder.console` print.

Each command is a function of the same name in a module of the same name, in
`autograder.steps`. Those modules are imported when their command runs, so that
``--help`` is quick.
"""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from autograder.console import (
    checking_progress,
    grading_progress,
    print_checked,
    print_collected,
    print_demo,
    print_diagnosis,
    print_error,
    print_exported,
    print_feedback,
    print_grades,
    print_json,
    print_line,
    print_nobody_graded,
    print_rostered,
    print_stale,
    print_took,
    print_warnings,
    print_written,
)
from autograder.errors import AutograderError, explain

_STOPPING = (signal.SIGTERM, signal.SIGHUP)


class _Commands(TyperGroup):
    """The commands; with ``--json`` a mistake in how one is used is JSON as well."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run a command; what it raises goes on to become an exit code."""
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except Exception as error:
            if as_json and hasattr(error, "format_message"):  # an error in usage
                print_json({"error": error.format_message()})
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


def _say_version(asked: bool) -> None:
    if asked:
        from autograder import __version__

        print_line(f"autograder {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    course: Annotated[
        Path | None,
        typer.Option("--course", metavar="DIR", help="As after the command."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say the version."
        ),
    ] = False,
) -> None:
    """Grade notebooks written by strangers: isolated, against hidden tests."""
    if course is not None:
        commands = context.command.commands
        context.default_map = {name: {"course": str(course)} for name in commands}


@contextlib.contextmanager
def _explained(debug: bool, as_json: bool = False) -> Iterator[list[Path]]:
    """Turn an error into one line and exit code 1; with ``--debug``, show it whole.

    With ``--json`` the document on stdout is then an object with the key "error".
    At the end it is said how long it took, and where to look: the paths in the list
    that the command gets.
    """
    began = time.monotonic()
    places: list[Path] = []

    def fail(message: str, code: int) -> typer.Exit:
        print_error(message)
        if as_json:
            print_json({"error": message})
        return typer.Exit(code)

    try:
        yield places
        if not as_json:
            print_took(time.monotonic() - began, places)
    except AutograderError as error:
        if debug:
            raise
        raise fail(str(error), 1) from None
    except KeyboardInterrupt as stop:
        code = 128 + (stop.args[0] if stop.args else signal.SIGINT)
        raise fail("stopped; what was finished is kept", code) from None
    except Exception as error:
        if debug or isinstance(error, typer.Exit | typer.BadParameter):
            raise
        raise fail(explain(error), 1) from None


def _course(folder: Path) -> Any:
    from autograder.course import find_course

    return find_course(folder)


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
        from autograder.steps.build import build

        built = build(_course(course), names or None, check=check, lessons=lessons)
        print_written(built.written, len(built.unchanged))
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
        from autograder.steps.release import release

        released = release(_course(course), names or None, check=check)
        print_written(released.folders)
        _fail_if_stale(released.stale, "autograder release")


def _fail_if_stale(stale: list[Path], remedy: str) -> None:
    if stale:
        print_stale(stale, remedy)
        raise typer.Exit(1)


@app.command()
def roster(
    table: Annotated[
        Path, typer.Argument(metavar="FILE", help="A table (CSV) from a platform.")
    ],
    by: Annotated[
        str | None,
        typer.Option("--id", metavar="KIND", help="What becomes the id of new people."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=HEADING", help="Where a column is not recognised."),
    ] = None,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Make roster.csv, the people of the class, from a platform's table."""
    with _explained(debug, as_json):
        from autograder.steps.roster import roster

        pairs = [text.partition("=")[::2] for text in column or []]
        made = roster(_course(course), table, by, dict(pairs))
        if as_json:
            print_json(asdict(made))
        else:
            print_rostered(made)


@app.command()
def collect(
    archive: Annotated[
        Path,
        typer.Argument(
            metavar="ARCHIVE", help="What came in: .zip, .tar(.gz), folder or notebook."
        ),
    ],
    assignment: Annotated[
        str | None,
        typer.Option("--assignment", metavar="A", help="Take only this assignment."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace submissions that are there.")
    ] = False,
    roster: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read this table too, beside roster.csv."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who is recognised; write nothing.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out who is not recognised.")
    ] = False,
    platform: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who made the archive, if that is not seen."),
    ] = None,
    due: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the assignment is due."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Of times that have none; default here."),
    ] = None,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Put what was handed in into submitted/STUDENT/ASSIGNMENT/, all or nothing."""
    with _explained(debug, as_json) as places:
        from autograder.steps.collect import collect

        found = _course(course)
        collected = collect(
            found,
            archive,
            assignment,
            force=force,
            roster=roster,
            dry_run=dry_run,
            partial=partial,
            platform=platform,
            due=due,
            timezone=timezone,
        )
        places.append(found.submitted)
        if as_json:
            print_json(asdict(collected))
        else:
            print_collected(collected)
        if collected.stopped:
            raise typer.Exit(1)


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
    with _explained(debug, as_json) as places:
        from autograder.steps.grade import grade

        if jobs is not None and scheduler is not None:
            raise typer.BadParameter(
                "--jobs is for this machine; with --scheduler the cluster decides"
            )
        found = _course(course)
        with grading_progress() as progress:
            summary = grade(
                found,
                assignment,
                student or None,
                jobs,
                progress,
                force=force,
                scheduler=scheduler,
            )
        places.append(found.autograded)
        if as_json:
            print_json(
                {
                    "assignment": assignment,
                    "counts": summary.counts,
                    "warnings": summary.warnings,
                    "submissions": [asdict(row) for row in summary.rows],
                }
            )
        else:
            print_grades(summary)
        print_warnings(summary.warnings)


@app.command()
def feedback(
    assignment: Assignment,
    student: Students = None,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Write a page for each student, without hidden tests, into feedback/."""
    with _explained(debug, as_json) as places:
        from autograder.steps.feedback import feedback

        found = _course(course)
        made = feedback(found, assignment, student or None)
        _say_if_nobody_is_graded(found, assignment)
        places.append(found.feedback)
        if as_json:
            print_json(asdict(made))
        else:
            print_feedback(made)


@app.command()
def report(
    assignment: Assignment,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Write a table (CSV) and a page about the whole class into reports/."""
    with _explained(debug, as_json) as places:
        from autograder.steps.report import report

        found = _course(course)
        table, page = report(found, assignment)
        _say_if_nobody_is_graded(found, assignment)
        places.append(found.reports)
        if as_json:
            print_json({"table": table, "page": page})
        else:
            print_written([table, page])


def _say_if_nobody_is_graded(course: Any, assignment: str) -> None:
    from autograder.gradebook import records

    if not records.runs(course, assignment):
        print_nobody_graded(assignment)


@app.command()
def export(
    assignment: Assignment,
    to: Annotated[
        str,
        typer.Option(metavar="PLATFORM", help="canvas, moodle, gradescope or csv."),
    ],
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The table (CSV) that you downloaded there."),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="HEADING", help="Of the grades; default the assignment's."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where; default in reports/export/."),
    ] = None,
    with_feedback: Annotated[
        bool, typer.Option("--feedback", help="Pack the students' pages, too.")
    ] = False,
    scale: Annotated[
        bool, typer.Option("--scale", help="Convert to the table's maximum.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out what cannot be joined.")
    ] = False,
    as_json: Json = False,
    course: CourseDir = Path("."),
    debug: Debug = False,
) -> None:
    """Fill grades into the table that a platform gave, and pack pages for it."""
    with _explained(debug, as_json):
        from autograder.steps.export import export

        made = export(
            _course(course),
            assignment,
            to,
            sheet,
            column=column,
            out=out,
            feedback=with_feedback,
            scale=scale,
            partial=partial,
        )
        if as_json:
            print_json(asdict(made))
        else:
            print_exported(made)
        if made.stopped:
            raise typer.Exit(1)


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
        from autograder.steps.check import check

        found = _course(course)
        _refuse_stale(found, names or found.assignments())
        with checking_progress() as progress:
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
            print_json({"sound": sound, "assignments": found})
        else:
            print_checked(results)
        if not sound:
            raise typer.Exit(1)


def _refuse_stale(course: Any, names: list[str]) -> None:
    """Refuse notebooks that are not what their texts say, where they have texts."""
    from autograder.errors import BuildError
    from autograder.steps.build import build

    texts = [name for name in names if course.text(name).is_file()]
    stale = build(course, texts, check=True, lessons=False).stale
    if stale:
        raise BuildError(
            f"{stale[0].relative_to(course.root)} is not what its text says now; run "
            f"`autograder build {stale[0].parent.name}` first"
        )


@app.command()
def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Say which level of isolation works here, and what would help to a better one."""
    with _explained(debug, as_json):
        from autograder.steps.doctor import doctor

        found = doctor()
        if as_json:
            print_json(asdict(found))
        else:
            print_diagnosis(found)
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
        from autograder.steps.demo import demo

        found = _course(course)
        with grading_progress() as progress:
            result = demo(found, into, jobs, progress)
        print_demo(result)


def _stop(number: int, _: Any) -> None:
    """Stop as Ctrl-C does, in good order and once."""
    for other in _STOPPING:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def main() -> None:
    """Run the command line; SIGTERM and SIGHUP stop it as Ctrl-C does."""
    for number in _STOPPING:
        if signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, _stop)
    sys.exit(app())
