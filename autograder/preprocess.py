"""Preparing and running a submission, as preprocessors of nbgrader.

`RebuildSubmission` and `SandboxExecute` are what ``nbgrader_config.py`` names, so that
plain ``nbgrader autograde`` and formgrader's button prepare and run submissions as
``autograder grade`` does. The functions beside them are the steps that both take:

- `read_source`, `read_submitted`: read one notebook, ours or a stranger's;
- `gather`: read the files that the code may see; `job`: all that a run needs;
- `SandboxLimits`: the limits, from the course's configuration;
- `protection_of`: find, once for each state of the source, how its tests are run.

What counts as partial credit is nbgrader's rule on clean outputs, see
`autograder.score`. A test cell that did not run gets an error output that says so, so
that nbgrader's rule gives it zero points, whoever applies it.
"""

import difflib
import importlib.machinery
import os
import stat
import sys
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import fields, replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    IncludeHeaderFooter,
    InstantiateTests,
    NbGraderPreprocessor,
)
from nbgrader.utils import chdir, find_all_files
from traitlets import Dict, Enum, Float, Integer, List, Unicode
from traitlets.config import Config, Configurable

from autograder import store
from autograder.errors import CourseError, NotReadableError, first_line, some_of
from autograder.harmless import tame_name, tame_outputs, tame_texts
from autograder.prepare import rebuild, reference
from autograder.protect import Protection, find_unprotected, protect
from autograder.runner import Job, Limits, RunResult, choose_sandbox, run_notebook
from autograder.runner.probe import LEVELS
from autograder.runner.sandbox import Sandbox
from autograder.score import Item, settle
from autograder.verdicts import Verdict

_LIMITS = [field.name for field in fields(Limits)]
LARGEST_NOTEBOOK = 20 * 1024**2  # bytes; a notebook full of figures has a few million
LARGEST_FILES = 50 * 1024**2  # bytes, all other files of a submission together
MOST_FILES = 500
LONGEST_MESSAGE = 2000  # characters of what a check says

# What the code of a submission finds in its environment.
ENVIRONMENT = {"NBGRADER_EXECUTION": "autograde"}

# Modules that Python or IPython would import by itself, had a submission one.
_IMPORTED_UNASKED = frozenset({"sitecustomize", "usercustomize", "ipython_config"})


class SandboxLimits(Configurable):
    """What one notebook may use; set in ``nbgrader_config.py``.

    A limit that is not set is the runner's own default. For example::

        c.SandboxLimits.cell_cpu_seconds = 60
        c.SandboxLimits.assignments = {"05_initializers": {"notebook_cpu_seconds": 600}}
    """

    level = Enum(("auto", *LEVELS), "auto", help="The sandbox").tag(config=True)
    cell_cpu_seconds = Float(None, allow_none=True).tag(config=True)
    notebook_cpu_seconds = Float(None, allow_none=True).tag(config=True)
    cell_wall_seconds = Float(None, allow_none=True).tag(config=True)
    notebook_wall_seconds = Float(None, allow_none=True).tag(config=True)
    memory_mb = Integer(None, allow_none=True).tag(config=True)
    processes = Integer(None, allow_none=True).tag(config=True)
    disk_mb = Integer(None, allow_none=True).tag(config=True)
    files = Integer(None, allow_none=True).tag(config=True)
    output_mb = Integer(None, allow_none=True).tag(config=True)
    assignments = Dict(Dict(), help="Other limits, by assignment").tag(config=True)
    student_modules = List(
        Unicode(),
        help="Modules beside the notebooks whose objects tests hand to the students' "
        "functions: they live on the students' side of the sandbox",
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        """Take what the configuration says.

        Raises
        ------
        CourseError
            If it names a limit that there is not.
        """
        section = options.get("config", {}).get("SandboxLimits", {})
        settings = self.class_trait_names(config=True)
        _refuse_unknown("c.SandboxLimits", section, settings, "limit")
        super().__init__(**options)
        for assignment, own in self.assignments.items():
            place = f"c.SandboxLimits.assignments[{assignment!r}]"
            _refuse_unknown(place, own, _LIMITS, "limit")

    def limits(self, assignment: str) -> Limits:
        """Give the limits of one assignment.

        Raises
        ------
        CourseError
            If the configuration sets one to what it cannot be.
        """
        own = {name: getattr(self, name, None) for name in _LIMITS}
        values = {name: value for name, value in own.items() if value is not None}
        values |= self.assignments.get(assignment, {})
        try:
            return Limits(**values)
        except (TypeError, ValueError) as error:
            raise CourseError(f"SandboxLimits of {assignment}: {error}") from None


def _refuse_unknown(
    place: str, names: Iterable[str], known: Collection[str], what: str
) -> None:
    """Refuse a name in the configuration that nothing has; it may be misspelt."""
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            there = f"there is: {', '.join(known) or 'none'}"
            hint = f"do you mean {close[0]}?" if close else there
            raise CourseError(f"{place}: no such {what} {name}; {hint}")


@cache
def sandbox(level: str) -> Sandbox:
    """Choose the sandbox, once: the choice is a probe that starts processes."""
    return choose_sandbox(level)


# --- reading --------------------------------------------------------------------------


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
    resources: dict[str, Any] = {"metadata": {"path": str(path.parent)}}
    with chdir(str(root)):
        try:
            notebook = nbformat.read(path, as_version=4)
        except Exception as error:  # nbformat has many for what is no notebook
            raise CourseError(
                f"{path} cannot be read as a notebook: {first_line(error)}; mend it, "
                "or save it anew"
            ) from error
        _refuse_other_languages(notebook, path)
        for step in (IncludeHeaderFooter, InstantiateTests):
            notebook, resources = step(config=config)(notebook, resources)
    return notebook


def _refuse_other_languages(notebook: NotebookNode, path: Path) -> None:
    """Refuse a notebook that names a language, and nowhere Python."""
    told = (("kernelspec", "language"), ("language_info", "name"))
    named = [notebook.metadata.get(key, {}).get(what) for key, what in told]
    languages = [str(language) for language in named if language]
    if languages and not any("python" in name.lower() for name in languages):
        raise CourseError(
            f"{path} is for a kernel of {languages[0]}, and only Python can be graded; "
            "choose a Python kernel for it in Jupyter and save it"
        )


def read_submitted(path: Path) -> bytes:
    """Read a submitted notebook's file, and nothing that a link or device leads to.

    Raises
    ------
    FileNotFoundError
        If there is none.
    NotReadableError
        If it is not an ordinary file, or larger than `LARGEST_NOTEBOOK`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        kind = "a link" if path.is_symlink() else f"not readable: {error.strerror}"
        raise NotReadableError(f"{path.name} is {kind}, not an ordinary file") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotReadableError(f"{path.name} is not an ordinary file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(LARGEST_NOTEBOOK + 1)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST_NOTEBOOK:
        raise NotReadableError(
            f"{path.name} has {status.st_size / 1024**2:.0f} MB; notebooks are read up "
            f"to {LARGEST_NOTEBOOK // 1024**2} MB (clear its outputs)"
        )
    return data


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


def _folders(name: str) -> list[str]:
    """Return the folders that a file lies in."""
    return [str(folder) for folder in PurePosixPath(name).parents][:-1]


def gather(
    submitted: Path,
    master: Mapping[str, bytes],
    ignore: list[str],
    notebooks: Collection[str],
) -> tuple[dict[str, bytes], list[str]]:
    """Read the files that a submission's code may see, by relative name.

    These are the assignment's own, and the submission's other files, except notebooks
    and what would take the place of something: a file that the assignment has too, or a
    module that could be imported instead of an installed one. Links and devices are
    left out, and what goes beyond `MOST_FILES` files or `LARGEST_FILES` bytes.

    Parameters
    ----------
    submitted : Path
        ``submitted/S/A``; need not exist.
    master : dict of str to bytes
        What `master_files` gave.
    ignore : list of str
        File name patterns that nbgrader ignores.
    notebooks : collection of str
        The names of the notebook files that are graded; others are left out.

    Returns
    -------
    files : dict of str to bytes
        Contents by relative name.
    left_out : list of str
        What was left out, a sentence each.
    """
    taken = {name.casefold() for name in master}
    folders = {folder for name in taken for folder in _folders(name)}
    files = dict(master)
    left_out: dict[str, list[str]] = {}
    total = count = 0
    for name, path in _walk(submitted, ignore):
        if name in notebooks:
            continue
        status = path.lstat()
        if name.endswith(".ipynb"):
            reason = "the assignment has no notebook of that name"
        elif not stat.S_ISREG(status.st_mode):
            reason = "links and devices are not followed"
        elif name.casefold() in taken:
            # The handout's own files come back with every submission: say something
            # only if this one differs.
            if _read(path) == master.get(name):
                continue
            reason = "the assignment's own is used"
        elif name.casefold() in folders or not taken.isdisjoint(
            _folders(name.casefold())
        ):
            reason = "a file and a folder cannot have the same name"
        elif module := _shadowed(name):
            reason = f"it would be imported instead of the module {module}"
        elif count >= MOST_FILES or total + status.st_size > LARGEST_FILES:
            reason = (
                f"{MOST_FILES} files and {LARGEST_FILES // 1024**2} MB are copied at "
                "most"
            )
        elif (content := _read(path)) is None:
            reason = "it cannot be read"
        else:
            count, total = count + 1, total + len(content)
            files[name] = content
            continue
        left_out.setdefault(reason, []).append(name)
    said = [
        f"Left out: {some_of(names)}; {reason}." for reason, names in left_out.items()
    ]
    return files, said


def protection_of(
    gradebook: Gradebook,
    source: NotebookNode,
    master: Mapping[str, bytes],
    configured: SandboxLimits,
    place: tuple[str, str],
    run: Callable[[Job], RunResult],
    *,
    again: bool = False,
) -> Protection:
    """Find how the tests of a notebook are run; remember it in the gradebook.

    The first time for each state of the source and of the limits, and for as long as it
    does not pass, the reference solution is graded.

    Parameters
    ----------
    gradebook : Gradebook
        Open, with our tables.
    source : NotebookNode
        What `read_source` gave.
    master : dict of str to bytes
        What `master_files` gave.
    configured : SandboxLimits
        The course's configuration.
    place : (str, str)
        The assignment, whose limits hold, and its notebook.
    run : callable
        Runs the reference solution.
    again : bool
        Grade the reference solution also if what is remembered still holds.
    """
    protection = protect(source, master, configured.student_modules)
    limits = configured.limits(place[0])
    fingerprint = protection.fingerprint(source, limits)
    known = None if again else store.unprotected(gradebook, *place, fingerprint)
    if known is not None:
        return replace(protection, unprotected=known)
    found, failing = find_unprotected(source, protection, limits, ENVIRONMENT, run)
    store.keep_reference(gradebook, *place, fingerprint, found.unprotected, failing)
    return found


def _exclude_overwriting(config: Config, assignment: str) -> set[str]:
    return set(
        config.get("Autograde", {}).get("exclude_overwriting", {}).get(assignment, [])
    )


def _walk(folder: Path, ignore: list[str]) -> Iterator[tuple[str, Path]]:
    """List what is below `folder` and no real folder, by relative name, sorted."""

    def unwanted(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in ignore)

    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        folders[:] = sorted(n for n in folders if n not in links and not unwanted(n))
        for name in sorted([*files, *links]):
            if not unwanted(name):
                path = Path(parent, name)
                yield os.path.relpath(path, folder), path


def _read(path: Path) -> bytes | None:
    """Read a student's file; None if it cannot be read or is too large for any."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILES + 1)
    except OSError:
        return None
    return content if len(content) <= LARGEST_FILES else None


def _shadowed(name: str) -> str | None:
    """Name the installed module that a file would be imported instead of, if any."""
    top, *below = Path(name).parts
    module = top.split(".")[0]
    importable = below or Path(top).suffix in {".py", ".pyc", ".so", ".zip"}
    return module if importable and _is_installed(module) else None


@cache
def _is_installed(module: str) -> bool:
    if module in sys.stdlib_module_names or module in _IMPORTED_UNASKED:
        return True
    places = [place for place in sys.path if place and Path(place) != Path.cwd()]
    spec = importlib.machinery.PathFinder.find_spec(module, places)
    return spec is not None and spec.origin is not None


def _prune(
    graded: Path, files: Mapping[str, bytes], master: Mapping[str, bytes]
) -> None:
    """Remove the copies that nbgrader made of files that were left out.

    Those of the student's that a browser would run get another name.

    nbgrader follows links: a link to the gradebook would end up in the feedback.
    """
    for parent, _, names in os.walk(graded):
        for name in names:
            path = Path(parent, name)
            relative = os.path.relpath(path, graded)
            if relative not in files and path.suffix != ".ipynb":
                path.unlink()
            elif relative not in master:
                path.rename(path.parent / tame_name(name))


# --- after the run --------------------------------------------------------------------


def stored_items(
    student: str,
    assignment: str,
    notebook: str,
    items: list[Item],
    protected: Collection[str] = (),
) -> list[store.Item]:
    """Turn the items of one notebook into rows of the store.

    Of those whose ``grade_id`` is in `protected` the checker ran the test.
    """
    return [
        store.Item(
            student=student,
            assignment=assignment,
            notebook=notebook,
            grade_id=item.grade_id,
            position=position,
            status=item.status,
            points=item.points,
            max_points=item.max_points,
            message=item.message[:LONGEST_MESSAGE],
            protected=item.grade_id in protected,
        )
        for position, item in enumerate(items)
    ]


def stored_run(
    student: str,
    assignment: str,
    notebook: str,
    job: Job,
    result: RunResult,
    repairs: Sequence[str] = (),
) -> tuple[store.Run, list[store.Item]]:
    """Settle what came back from the sandbox and turn it into rows of the store.

    The outputs of ``result.notebook`` are changed in place, see `settle`.
    """
    items = settle(result.notebook, result.ran, result.message)
    protected = {
        result.notebook.cells[index].metadata.nbgrader["grade_id"]
        for index, by_checker in job.tests.items()
        if by_checker
    }
    run = store.Run(
        student=student,
        assignment=assignment,
        notebook=notebook,
        verdict=result.verdict,
        level=result.level,
        message=result.message,
        cpu_seconds=result.cpu_seconds,
        wall_seconds=result.wall_seconds,
        peak_memory_mb=result.peak_memory_mb,
        repairs=list(repairs),
        evidence=result.evidence,
    )
    return run, stored_items(student, assignment, notebook, items, protected)


def stored_end(
    student: str,
    assignment: str,
    name: str,
    notebook: NotebookNode,
    verdict: Verdict,
    message: str,
) -> tuple[store.Run, list[store.Item]]:
    """Make the rows of a notebook that was not run: each item has zero points.

    The outputs of `notebook` are changed in place, see `settle`.
    """
    items = settle(notebook, [False] * len(notebook.cells), message)
    run = store.Run(student, assignment, name, verdict, message=message)
    return run, stored_items(student, assignment, name, items)


# --- the preprocessors ----------------------------------------------------------------


class _InCourse(NbGraderPreprocessor):
    """A preprocessor that knows which submission of which course it is working on."""

    def _course_directory(self) -> CourseDirectory:
        """Find nbgrader's view of the course: its converter has it."""
        parent = self.parent
        while parent is not None:
            if getattr(parent, "coursedir", None) is not None:
                return parent.coursedir
            parent = parent.parent
        return CourseDirectory(parent=self)

    def _folder(self, step: str, student: str, resources: dict[str, Any]) -> Path:
        assignment = resources["nbgrader"]["assignment"]
        directory = self._course_directory()
        return Path(os.path.normpath(directory.format_path(step, student, assignment)))


class RebuildSubmission(_InCourse):
    """Put the student's answers into the instructor's notebook, see `prepare`."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Rebuild one submitted notebook.

        Raises
        ------
        NotReadableError
            If what was submitted is a link, or not a notebook.
        """
        directory = self._course_directory()
        student, name = (
            resources["nbgrader"]["student"],
            resources["nbgrader"]["notebook"],
        )
        handed_in = self._folder(directory.submitted_directory, student, resources)
        if (handed_in / f"{name}.ipynb").is_symlink():
            raise NotReadableError(f"{name}.ipynb is a link, not an ordinary file")
        source = read_source(
            self._folder(directory.source_directory, ".", resources) / f"{name}.ipynb",
            Path(directory.root),
            self.config,
        )
        master = reference(source, self.config)
        prepared = rebuild(master, nb, self.config)
        trusted = {cell.source for cell in master.cells}
        prepared.repairs.extend(tame_texts(prepared.notebook, trusted))
        for repair in prepared.repairs:
            self.log.warning(repair)
        # The converter writes this notebook and reads it again before it is run.
        prepared.notebook.metadata["autograder"] = {"repairs": prepared.repairs}
        return prepared.notebook, resources


class SandboxExecute(_InCourse):
    """Run a rebuilt notebook in the sandbox and store how it ended."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run one notebook."""
        where = resources["nbgrader"]
        student, assignment, name = (
            where["student"],
            where["assignment"],
            where["notebook"],
        )
        directory = self._course_directory()
        repairs = nb.metadata.pop("autograder", {}).get("repairs", [])
        configured = SandboxLimits(config=self.config)
        limits = configured.limits(assignment)
        source = self._folder(directory.source_directory, ".", resources)
        master = master_files(source, directory.ignore, self.config)
        submitted = self._folder(directory.submitted_directory, student, resources)
        notebooks = {path.name for path in source.glob("*.ipynb")}
        files, left_out = gather(submitted, master, directory.ignore, notebooks)
        repairs += left_out
        graded = self._folder(directory.autograded_directory, student, resources)
        _prune(graded, files, master)
        box = sandbox(configured.level)
        instructors = read_source(
            source / f"{name}.ipynb", Path(directory.root), self.config
        )
        with store.open_gradebook(where["db_url"], directory.course_id) as gradebook:
            protection = protection_of(
                gradebook,
                instructors,
                master,
                configured,
                (assignment, name),
                lambda job: run_notebook(job, box),
            )
            job = protection.job(nb, files, limits, ENVIRONMENT)
            result = run_notebook(job, box)
            if result.wall_only:  # a busy machine does this to honest work
                result = run_notebook(job, box)
            run, items = stored_run(student, assignment, name, job, result, repairs)
            run.repairs.extend(tame_outputs(result.notebook))
            store.record(gradebook, run, items)
            # nbgrader gives a notebook that is missing zero points, and no word.
            for other in sorted(notebooks):
                if os.path.lexists(submitted / other):
                    continue
                whole = reference(
                    read_source(source / other, Path(directory.root), self.config),
                    self.config,
                )
                place = student, assignment, other.removesuffix(".ipynb")
                ended = Verdict.MISSING, f"{other} is missing"
                store.record(gradebook, *stored_end(*place, whole, *ended))
        return result.notebook, resources
