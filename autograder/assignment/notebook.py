"""An assignment as the grader uses it: the instructor's notebooks and all about them.

An `Assignment` has its notebooks, the files that lie beside them and its limits; each
`AssignmentNotebook` has all that is derived from one notebook of the instructor's.
Everything is read, or derived, when it is first asked for, and once.
"""

import json
from collections.abc import Mapping
from functools import cached_property

import nbformat
import nbgrader
from nbformat import NotebookNode

import autograder
from autograder.assignment import rebuild
from autograder.assignment.limits import SandboxLimits
from autograder.assignment.protect import Protection, protect
from autograder.assignment.source import (
    ENVIRONMENT,
    master_files,
    read_as_written,
    read_source,
)
from autograder.course import Course
from autograder.errors import CourseError
from autograder.runner import Job, Limits
from autograder.texts import digest_of


class Assignment:
    """One assignment: its notebooks, its other files, its limits.

    Parameters
    ----------
    course : Course
        The course that it belongs to.
    name : str
        Its name, which is that of its folder in ``source/``.

    Attributes
    ----------
    notebooks : dict of str to AssignmentNotebook
        By their names, without the ending, sorted.

    Raises
    ------
    CourseError
        If there is no such assignment.
    """

    def __init__(self, course: Course, name: str) -> None:
        """Find the notebooks; none is read yet."""
        self.course = course
        self.name = name
        self.notebooks = {
            notebook: AssignmentNotebook(self, notebook)
            for notebook in course.notebook_names(name)
        }

    @cached_property
    def configured(self) -> SandboxLimits:
        """What the course's configuration says of limits and of the sandbox."""
        return SandboxLimits(config=self.course.config)

    @cached_property
    def limits(self) -> Limits:
        """What one notebook of this assignment may use."""
        return self.configured.limits(self.name)

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The instructor's files beside the notebooks, by relative name."""
        folder = self.course.source_folder(self.name)
        return master_files(folder, self.course.directory.ignore, self.course.config)

    @cached_property
    def digest(self) -> str:
        """A hash of all, besides the notebooks, that a submission's run depends on."""
        # traitlets adds an empty section for each that is merely looked at.
        sections = {name: part for name, part in self.course.config.items() if part}
        config = json.dumps(sections, default=repr, sort_keys=True)
        versions = f"{autograder.__version__} {nbgrader.__version__}"
        files = [text for item in sorted(self.files.items()) for text in item]
        return digest_of(config, repr(self.limits), versions, *files)


class AssignmentNotebook:
    """One of the instructor's notebooks, and all that grading derives from it.

    Parameters
    ----------
    assignment : Assignment
        The assignment that it belongs to.
    name : str
        Its name, without the ending.

    Raises
    ------
    CourseError
        By each attribute that needs the file: if that cannot be read as a notebook,
        is for another language than Python, or is unsound for nbgrader.
    """

    def __init__(self, assignment: Assignment, name: str) -> None:
        """Read nothing yet."""
        self.assignment = assignment
        self.name = name
        self.path = assignment.course.source_notebook(assignment.name, name)

    @cached_property
    def as_written(self) -> NotebookNode:
        """The notebook as its file has it."""
        return read_as_written(self.path)

    @cached_property
    def source(self) -> NotebookNode:
        """The notebook with its solutions and tests.

        The course's header and footer are around it, and its autotests written out.
        """
        course = self.assignment.course
        try:
            return read_source(self.path, course.root, course.config)
        except CourseError:
            raise
        except Exception as error:  # nbgrader has many for an unsound notebook
            raise self._unsound(error) from error

    @cached_property
    def without_solutions(self) -> NotebookNode:
        """The notebook that submissions are rebuilt on: hidden tests in, no solution.

        It is to be copied, not changed.
        """
        source = self.source
        try:
            return rebuild.without_solutions(source, self.assignment.course.config)
        except Exception as error:  # as above
            raise self._unsound(error) from error

    def _unsound(self, error: Exception) -> CourseError:
        return CourseError(f"{self.path} cannot be graded with: {error}")

    @cached_property
    def handout(self) -> NotebookNode | None:
        """The notebook as it was handed out; None if nothing was released."""
        course = self.assignment.course
        path = course.release_notebook(self.assignment.name, self.name)
        return nbformat.read(path, as_version=4) if path.is_file() else None

    @cached_property
    def handout_texts(self) -> dict[str, str]:
        """The text that each cell with an id has for students, hidden tests left out.

        It is made from the source: what was handed out may be older.
        """
        config = self.assignment.course.config
        return rebuild.handout_texts(self.without_solutions, config)

    @cached_property
    def trusted_texts(self) -> frozenset[str]:
        """The texts of the instructor's cells, which a submission may repeat as is."""
        return frozenset(cell.source for cell in self.without_solutions.cells)

    @cached_property
    def digest(self) -> str:
        """A hash of all of the instructor's that a submission's run depends on.

        Solutions are not in it: a better one changes no grade.
        """
        notebook = self.without_solutions
        cells = [(c.cell_type, c.source, c.metadata) for c in notebook.cells]
        text = json.dumps([notebook.metadata, cells], sort_keys=True)
        return digest_of(self.assignment.digest, text)

    # --- running it -------------------------------------------------------------------

    @cached_property
    def protection(self) -> Protection:
        """How its tests are run: all of them protected, to begin with.

        Which cannot be is known when the reference solution has been graded; whoever
        has done so assigns what was found.
        """
        modules = self.assignment.configured.student_modules
        return protect(self.source, self.assignment.files, modules)

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides which of its tests pass with its own solutions."""
        return self.protection.fingerprint(self.source, self.assignment.limits)

    def job(
        self,
        notebook: NotebookNode,
        files: Mapping[str, bytes] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Job:
        """Make the job of running a notebook that was made from this one.

        Parameters
        ----------
        notebook : NotebookNode
            With whatever answers.
        files : dict of str to bytes, optional
            What its code may read, by relative name; by default the instructor's files.
        environment : dict of str to str, optional
            Variables of the environment besides those that every run has.
        """
        return self.protection.job(
            notebook,
            self.assignment.files if files is None else files,
            self.assignment.limits,
            {**ENVIRONMENT, **(environment or {})},
        )
