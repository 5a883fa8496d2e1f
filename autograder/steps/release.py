"""Make the handouts: nbgrader strips them, and nothing of an answer may remain.

The stripping is nbgrader's `GenerateAssignment`, which also registers the assignment
in the gradebook. What comes out is read again and refused if it holds a marker, a line
of a solution or of a hidden test, in a cell, in metadata or in any other file.
"""

import copy
import filecmp
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.assignment.markers import (
    hidden_test_markers,
    solution_markers,
    telling_lines,
)
from autograder.course import Course, course_of
from autograder.errors import BuildError

MARKER = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS)")
SHORTEST_TELLING_LINE = 12


@dataclass
class Released:
    """What `release` did.

    Attributes
    ----------
    folders : list of Path
        Handouts made.
    stale : list of Path
        With ``check=True``: files in ``release/`` that differ from a fresh release.
    """

    folders: list[Path] = field(default_factory=list)
    stale: list[Path] = field(default_factory=list)


def release(
    course: Course, assignments: list[str] | None = None, *, check: bool = False
) -> Released:
    """Generate the handouts of assignments into ``release/``.

    Parameters
    ----------
    course : Course
        The course to release from.
    assignments : list of str, optional
        All that have a notebook in ``source/``, by default.
    check : bool
        Write nothing into the course; list what differs from a fresh release.

    Raises
    ------
    BuildError
        If nbgrader cannot make a handout, or one would give an answer away.
    """
    assignments = assignments or course.assignments()
    if not assignments:
        raise BuildError(
            f"nothing to release: {course.source} has no notebooks; "
            "run `autograder build` first"
        )
    for assignment in assignments:
        course.notebook_names(assignment)  # raises for an unknown one
    if not check:
        return Released(
            folders=[
                _generate(course.config, course, assignment)
                for assignment in assignments
            ]
        )
    released = Released()
    with tempfile.TemporaryDirectory() as scratch:
        config = copy.deepcopy(course.config)
        # nbgrader resolves the release folder against the course, so copy the source.
        config.CourseDirectory.root = scratch
        config.CourseDirectory.source_directory = str(course.source)
        config.CourseDirectory.db_url = f"sqlite:///{scratch}/gradebook.db"
        for assignment in assignments:
            fresh = _generate(config, course, assignment)
            kept = course.release_folder(assignment)
            released.stale += _differences(fresh, kept)
    return released


def _generate(config: Config, course: Course, assignment: str) -> Path:
    """Run nbgrader's generator and read what it made."""
    directory = CourseDirectory(config=config)
    api = NbGraderAPI(directory, config=config)
    result = api.generate_assignment(assignment, force=True, create=True)
    if not result["success"]:
        raise BuildError(
            f"nbgrader cannot release {assignment}: {_reason(result.get('log', ''))}"
        )
    folder = course_of(directory).release_folder(assignment)
    leaks = find_leaks(course.source_folder(assignment), folder)
    if leaks:
        raise BuildError(
            f"{assignment}: the handout gives answers away: {'; '.join(leaks[:3])}"
        )
    return folder


def _reason(log: str) -> str:
    """Find the exception's own line in the log, which repeats itself at its end."""
    lines = [line.strip() for line in log.splitlines()]
    raised = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
    errors = [line for line in lines if "ERROR" in line]
    return (raised or errors or ["it gave no reason"])[0]


def find_leaks(source: Path, handout: Path) -> list[str]:
    """List what a handout holds of the solutions and hidden tests of its source.

    Parameters
    ----------
    source, handout : Path
        The folders of one assignment in ``source/`` and in ``release/``.

    Returns
    -------
    list of str
        One line for each leak: the file, and what of it gives an answer away.
    """
    leaks = []
    secrets = _secret_lines(source)
    for file in sorted(p for p in handout.rglob("*") if p.is_file()):
        if (source / file.relative_to(handout)).is_file() and file.suffix != ".ipynb":
            continue  # a module or data file that is shipped as it is
        text = file.read_text(encoding="utf-8", errors="replace")
        where = file.relative_to(handout)
        if found := MARKER.search(text):
            leaks.append(f"{where} has the marker {found.group()!r}")
        plain = _plain(file, text)
        leaks += [f"{where} has {line!r}" for line in sorted(secrets) if line in plain]
    return leaks


def _plain(file: Path, text: str) -> str:
    """Undo JSON's quoting, so that a line of code is found in a notebook.

    Metadata is kept: an answer can hide there too.
    """
    if file.suffix != ".ipynb":
        return text
    parts: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(nbformat.reads(text, as_version=4))
    return "\n".join(parts)


def _secret_lines(source: Path) -> set[str]:
    """Collect the lines of solutions and hidden tests that stand openly nowhere."""
    hidden: list[str] = []
    shown: list[str] = []
    for notebook in source.glob("*.ipynb"):
        for cell in nbformat.read(notebook, as_version=4).cells:
            rest = cell.source
            for markers in (solution_markers(), hidden_test_markers()):
                rest, inside = markers.split(rest)
                hidden.append(inside)
            shown.append(rest)
    return telling_lines(hidden, shown, SHORTEST_TELLING_LINE)


def _differences(fresh: Path, kept: Path) -> list[Path]:
    """List the files of `kept` that are missing, extra or not byte for byte equal."""
    files = {
        p.relative_to(folder)
        for folder in (fresh, kept)
        for p in folder.rglob("*")
        if p.is_file()
    }
    return [
        kept / file
        for file in sorted(files)
        if not (fresh / file).is_file()
        or not (kept / file).is_file()
        or not filecmp.cmp(fresh / file, kept / file, shallow=False)
    ]
