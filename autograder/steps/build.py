"""Build notebooks from text, in one direction.

The text (jupytext's percent format) is what people edit, review and lint. An assignment
``source/NN_slug.py`` becomes ``source/NN_slug/NN_slug.ipynb`` with nbgrader's metadata
filled in, and beside it links to the modules that students get. A lesson
``notebooks/NN_slug.py`` becomes ``notebooks/NN_slug.ipynb``, executed, outputs kept.

What is built depends on the text alone: cell ids come from positions, so that a
rebuild changes no byte. A lesson is executed again only if its text, or a shipped
module that it imports, has changed since; a hash in its metadata remembers.
"""

import ast
import hashlib
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.errors import BuildError

METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
HIDDEN = re.compile(r"^\s*###\s*(BEGIN|END) HIDDEN TESTS\s*$")
GRADE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LESSON_SECONDS = 600
# Matrices are small: more threads than one cost time, and may change a last digit.
LESSON_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass
class Built:
    """What `build` did.

    Attributes
    ----------
    written : list of Path
        Files that were new or had changed.
    unchanged : list of Path
        Files that were up to date.
    stale : list of Path
        With ``check=True``: files that a build would have changed.
    """

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    stale: list[Path] = field(default_factory=list)


def build(
    course: Course,
    names: list[str] | None = None,
    *,
    check: bool = False,
    lessons: bool = True,
) -> Built:
    """Build the notebooks of assignments and lessons from their texts.

    Parameters
    ----------
    course : Course
        The course to build in.
    names : list of str, optional
        Units to build, such as ``02_variance_bookkeeping``; all by default.
    check : bool
        Write nothing; list what is stale.
    lessons : bool
        Build (and so execute) lessons too.

    Raises
    ------
    BuildError
        If a name is unknown, a text is not sound, or a lesson fails to run.
    """
    texts = _texts(course, names)
    built = Built()
    for text in texts:
        if text.parent == course.source:
            _build_assignment(course, text, built, check=check)
        elif lessons:
            _build_lesson(course, text, built, check=check)
    return built


def _texts(course: Course, names: list[str] | None) -> list[Path]:
    """Find the texts to build; lessons come after assignments."""
    folders = (course.source, course.notebooks)
    texts = [text for folder in folders for text in sorted(folder.glob("*.py"))]
    texts = [text for text in texts if text.name not in course.shipped]  # links
    if names is None:
        return texts
    known = {text.stem for text in texts}
    for name in names:
        if name not in known:
            raise BuildError(
                f"no text {name}.py in {course.source.name}/ or "
                f"{course.notebooks.name}/; there is: {', '.join(sorted(known))}"
            )
    return [text for text in texts if text.stem in names]


# ---------------------------------------------------------------- assignments


def _build_assignment(course: Course, text: Path, built: Built, *, check: bool) -> None:
    folder = course.source / text.stem
    content = nbformat.writes(assignment_notebook(text)) + "\n"
    _write(folder / f"{text.stem}.ipynb", content, built, check=check)
    _link_shipped(course, folder, built, check=check)


def _link_shipped(course: Course, folder: Path, built: Built, *, check: bool) -> None:
    """Put links to the shipped modules into a folder of notebooks."""
    for name in course.shipped:
        target = course.root / name
        if not target.is_file():
            raise BuildError(f"{name} is to be shipped but is not in {course.root}")
        link = folder / name
        points_to = os.path.relpath(target, folder)
        if link.is_symlink() and os.readlink(link) == points_to:
            built.unchanged.append(link)
        elif check:
            built.stale.append(link)
        else:
            link.unlink(missing_ok=True)
            link.symlink_to(points_to)
            built.written.append(link)


def assignment_notebook(text: Path) -> NotebookNode:
    """Make the notebook of an assignment from its text.

    Raises
    ------
    BuildError
        If the text is not sound; the message names the cell.
    """
    notebook = _read_text(text)
    for number, cell in enumerate(notebook.cells):
        where = f"{text.name}, cell {number}"
        if "nbgrader" in cell.metadata:
            rate = cell.metadata.nbgrader.pop("false_alarms", None)
            cell.metadata.nbgrader = _nbgrader_metadata(cell, where)
            if rate is not None:
                cell.metadata["autograder"] = {"false_alarms": _rate(rate, cell, where)}
    _refuse_unsound(notebook, text.name)
    return notebook


def _read_text(text: Path) -> NotebookNode:
    """Read percent text into a notebook without a trace of its making."""
    notebook = jupytext.read(text, fmt="py:percent")
    # jupytext's pairing metadata in a handout could bring answers back: start anew.
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata.pop("lines_to_next_cell", None)
    return notebook


def _nbgrader_metadata(cell: NotebookNode, where: str) -> dict[str, object]:
    """Fill nbgrader's schema 3 from the short header of one cell."""
    header = dict(cell.metadata.nbgrader)
    unknown = set(header) - {"grade_id", "solution", "points", "locked"}
    if unknown:
        raise BuildError(
            f"{where}: unknown key {sorted(unknown)[0]!r} in the nbgrader header; "
            "known are grade_id, solution, points, locked and false_alarms"
        )
    grade_id = header.get("grade_id", "")
    if not GRADE_ID.fullmatch(grade_id):
        raise BuildError(
            f"{where}: grade_id {grade_id!r} is not in kebab-case, like 'var-product'"
        )
    solution = bool(header.get("solution", False))
    points = header.get("points")
    filled: dict[str, object] = {
        "grade": points is not None,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        if isinstance(points, bool) or not isinstance(points, int | float):
            raise BuildError(f"{where}: points must be a number, got {points!r}")
        if points < 0:
            raise BuildError(f"{where}: points must not be negative, got {points}")
        filled["points"] = points
    return filled


def _rate(rate: object, cell: NotebookNode, where: str) -> float:
    """Check the false-alarm rate that the header of a test states."""
    if (
        not isinstance(rate, float)
        or not 0 < rate < 1
        or not cell.metadata.nbgrader.grade
    ):
        raise BuildError(
            f"{where}: false_alarms is for a test cell, and a number between 0 and 1, "
            f"such as 1e-7; got {rate!r}"
        )
    return rate


def _refuse_unsound(notebook: NotebookNode, name: str) -> None:
    """Raise BuildError for what would make an assignment ungradable or unfair."""
    graded = [
        (number, cell)
        for number, cell in enumerate(notebook.cells)
        if "nbgrader" in cell.metadata
    ]
    position: dict[str, int] = {}
    for number, cell in graded:
        grade_id = cell.metadata.nbgrader["grade_id"]
        if grade_id in position:
            raise BuildError(
                f"{name}: cells {position[grade_id]} and {number} share the "
                f"grade_id {grade_id!r}; give each its own"
            )
        position[grade_id] = number
    for number, cell in graded:
        meta = cell.metadata.nbgrader
        where = f"{name}, cell {number} ({meta['grade_id']})"
        if meta["solution"] and not meta["grade"]:
            test = f"{meta['grade_id']}-test"
            if position.get(test, -1) < number:
                raise BuildError(
                    f"{where}: no later cell {test!r} grades it; add one with points"
                )
        if meta["grade"] and not meta["solution"] and cell.cell_type == "code":
            _refuse_valued_end(cell.source, where)
    for number, cell in enumerate(notebook.cells):
        tested = cell.metadata.get("nbgrader", {}).get("grade", False)
        if not tested and any(map(HIDDEN.match, cell.source.splitlines())):
            raise BuildError(
                f"{name}, cell {number}: hidden tests outside of a test cell"
            )


def _refuse_valued_end(source: str, where: str) -> None:
    """Refuse a test cell whose last expression has a value: it reads as points."""
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise BuildError(f"{where}: {error.msg} in line {error.lineno}") from error
    if body and isinstance(body[-1], ast.Expr):
        last = body[-1].value
        if not isinstance(last, ast.Call):
            raise BuildError(
                f"{where}: the test ends in an expression, whose value nbgrader would "
                "read as partial points; end in a statement or a call that returns None"
            )


# -------------------------------------------------------------------- lessons


def _build_lesson(course: Course, text: Path, built: Built, *, check: bool) -> None:
    target = text.with_suffix(".ipynb")
    _link_shipped(course, text.parent, built, check=check)
    fingerprint = lesson_fingerprint(course, text)
    if target.is_file():
        made_from = nbformat.read(target, as_version=4).metadata.get("made_from")
        if made_from == fingerprint:
            built.unchanged.append(target)
            return
    if check:
        built.stale.append(target)
        return
    notebook = _read_text(text)
    notebook.metadata["made_from"] = fingerprint
    _execute(notebook, text)
    _write(target, nbformat.writes(notebook) + "\n", built, check=False)


def lesson_fingerprint(course: Course, text: Path) -> str:
    """Hash a lesson's text with the shipped modules that it imports.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.
    """
    waiting, seen = [text], set()
    while waiting:
        file = waiting.pop()
        seen.add(file)
        for module in _imports(file.read_text(encoding="utf-8")):
            imported = course.root / f"{module}.py"
            if imported.name in course.shipped and imported not in seen:
                waiting.append(imported)
    digest = hashlib.sha256()
    for file in sorted(seen):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _imports(source: str) -> set[str]:
    """Name the top-level modules that a source imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def _execute(notebook: NotebookNode, text: Path) -> None:
    """Run a lesson in place; our own text, so no sandbox."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    client = NotebookClient(
        notebook,
        timeout=LESSON_SECONDS,
        record_timing=False,
        resources={"metadata": {"path": str(text.parent)}},
    )
    try:
        environment = {**os.environ, **LESSON_ENVIRONMENT}
        # The kernel's own chatter is nobody's concern.
        client.execute(env=environment, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise BuildError(f"{text.name} does not run: {error}") from error
    notebook.metadata["language_info"] = nbformat.from_dict(METADATA["language_info"])


# ---------------------------------------------------------------------- shared


def _write(file: Path, content: str, built: Built, *, check: bool) -> None:
    """Write a file if its content differs, whole or not at all."""
    if file.is_file() and file.read_text(encoding="utf-8") == content:
        built.unchanged.append(file)
    elif check:
        built.stale.append(file)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(file.suffix + ".new")
        fresh.write_text(content, encoding="utf-8")
        fresh.replace(file)
        built.written.append(file)
