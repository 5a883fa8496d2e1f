"""Read what the instructor made: an assignment's notebooks and its other files."""

import os
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import IncludeHeaderFooter, InstantiateTests
from nbgrader.utils import chdir, find_all_files
from traitlets.config import Config

from autograder.errors import CourseError
from autograder.texts import first_line

# What the code of a submission finds in its environment.
ENVIRONMENT = {"NBGRADER_EXECUTION": "autograde"}


# --- reading --------------------------------------------------------------------------


def read_as_written(path: Path) -> NotebookNode:
    """Read one of the instructor's notebooks as its file has it.

    Raises
    ------
    CourseError
        If it is no notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat has many for what is no notebook
        raise CourseError(
            f"{path} cannot be read as a notebook: {first_line(error)}; mend it, "
            "or save it anew"
        ) from error


def read_source(path: Path, root: Path, config: Config) -> NotebookNode:
    """Read the instructor's notebook as ``nbgrader generate_assignment`` begins.

    A header and footer of the course are put around it, and its autotests written out
    (which runs the instructor's own code, in a kernel, if there are any).

    Parameters
    ----------
    path : Path
        The notebook in ``source/``.
    root : Path
        The course's folder, which configured paths are relative to.
    config : Config
        The course's configuration.

    Raises
    ------
    CourseError
        If it is no notebook, or its kernel is one of another language than Python.
    """
    notebook = read_as_written(path)
    _refuse_other_languages(notebook, path)
    resources: dict[str, Any] = {"metadata": {"path": str(path.parent)}}
    with chdir(str(root)):
        for step in (IncludeHeaderFooter, InstantiateTests):
            notebook, resources = step(config=config)(notebook, resources)
    return notebook


def _refuse_other_languages(notebook: NotebookNode, path: Path) -> None:
    """Refuse a notebook that names a language, and nowhere Python."""
    keys = (("kernelspec", "language"), ("language_info", "name"))
    named = [notebook.metadata.get(key, {}).get(inner) for key, inner in keys]
    languages = [str(language) for language in named if language]
    if languages and not any("python" in name.lower() for name in languages):
        raise CourseError(
            f"{path} is for a kernel of {languages[0]}, and only Python can be graded; "
            "choose a Python kernel for it in Jupyter and save it"
        )


# --- the files beside the notebook ----------------------------------------------------


def master_files(source: Path, ignore: list[str], config: Config) -> dict[str, bytes]:
    """Read the assignment's own files, by relative name; those of links too.

    Parameters
    ----------
    source : Path
        ``source/A``; need not exist.
    ignore : list of str
        File name patterns that nbgrader ignores; notebooks are left out besides.
    config : Config
        The course's configuration; what ``c.Autograde.exclude_overwriting`` names is
        the student's to hand in.
    """
    kept = _exclude_overwriting(config, source.name)
    files = {
        os.path.relpath(file, source): Path(file)
        for file in sorted(find_all_files(str(source), [*ignore, "*.ipynb"]))
    }
    return {name: file.read_bytes() for name, file in files.items() if name not in kept}


def _exclude_overwriting(config: Config, assignment: str) -> set[str]:
    return set(
        config.get("Autograde", {}).get("exclude_overwriting", {}).get(assignment, [])
    )
