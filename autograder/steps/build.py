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
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.assignment.text import METADATA, assignment_notebook, read_text
from autograder.course import Course
from autograder.errors import BuildError

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
    content = nbformat.writes(assignment_notebook(text)) + "\n"
    _write(course.source_notebook(text.stem, text.stem), content, built, check=check)
    _link_shipped(course, course.source_folder(text.stem), built, check=check)


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
    notebook = read_text(text)
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
