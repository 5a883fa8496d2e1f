"""The layout of a course: the one module that joins the paths of its files.

A course is a folder with an ``nbgrader_config.py``. All folder names come from
nbgrader's own `CourseDirectory`, so a course that renames ``source`` or keeps its
gradebook elsewhere works without a word to us, and so does one whose gradebook is named
in Jupyter's folders for configuration, which nbgrader reads first.
"""

import copy
import itertools
import os
import sysconfig
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jupyter_core.paths import jupyter_config_path
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, JSONFileConfigLoader, PyFileConfigLoader

from autograder.errors import CourseError


@dataclass(frozen=True)
class Course:
    """One nbgrader course on disk.

    Parameters
    ----------
    root : Path
        The folder that holds ``nbgrader_config.py``; absolute.
    config : Config
        nbgrader's configuration of this course, its files already read.
    """

    root: Path
    config: Config

    @cached_property
    def directory(self) -> CourseDirectory:
        """nbgrader's own view of the course."""
        return CourseDirectory(config=self.config)

    def _folder(self, name: str) -> Path:
        return self.root / name

    @property
    def source(self) -> Path:
        """Where assignments with their solutions are."""
        return self._folder(self.directory.source_directory)

    @property
    def release(self) -> Path:
        """Where handouts are."""
        return self._folder(self.directory.release_directory)

    @property
    def submitted(self) -> Path:
        """Where submissions are, as ``student/assignment/``."""
        return self._folder(self.directory.submitted_directory)

    @property
    def autograded(self) -> Path:
        """Where graded notebooks are, as ``student/assignment/``."""
        return self._folder(self.directory.autograded_directory)

    @property
    def feedback(self) -> Path:
        """Where feedback pages are, as ``student/assignment/``."""
        return self._folder(self.directory.feedback_directory)

    @property
    def reports(self) -> Path:
        """Where the instructor's reports are."""
        return self.root / "reports"

    @property
    def roster(self) -> Path:
        """The table (CSV) of the people of the class; a course need not have any."""
        return self.root / "roster.csv"

    @property
    def collected(self) -> Path:
        """Where `collect` notes what came from where, and keeps what was replaced."""
        return self.root / "collected"

    @property
    def notebooks(self) -> Path:
        """Where lessons are; a course need not have any."""
        return self.root / "notebooks"

    @property
    def wrong(self) -> Path:
        """Where the named wrong solutions are; a course need not have any."""
        return self.root / "tests" / "wrong"

    @property
    def accepted(self) -> Path:
        """Where the accepted variants are; a course need not have any."""
        return self.root / "tests" / "accepted"

    @property
    def equivalent(self) -> Path:
        """Where mutants that are no mistakes are explained; a course need not."""
        return self.root / "tests" / "equivalent"

    # --- one assignment ---------------------------------------------------------------

    def _assignment_folder(self, step: str, assignment: str, student: str) -> Path:
        """Name a folder of one assignment, laid out as nbgrader's configuration says.

        nbgrader takes "." for the student in the steps that have none.
        """
        relative = self.directory.directory_structure.format(
            nbgrader_step=step, student_id=student, assignment_id=assignment
        )
        return Path(os.path.normpath(self.root / relative))

    def text(self, assignment: str) -> Path:
        """Name the text, ``source/A.py``, that an assignment is built from."""
        return self.source / f"{assignment}.py"

    def source_folder(self, assignment: str) -> Path:
        """Name the folder of an assignment with its solutions."""
        return self._assignment_folder(self.directory.source_directory, assignment, ".")

    def source_notebook(self, assignment: str, notebook: str) -> Path:
        """Name one of the instructor's notebooks, with its solutions."""
        return self.source_folder(assignment) / f"{notebook}.ipynb"

    def release_folder(self, assignment: str) -> Path:
        """Name the folder of an assignment's handout."""
        return self._assignment_folder(
            self.directory.release_directory, assignment, "."
        )

    def release_notebook(self, assignment: str, notebook: str) -> Path:
        """Name a notebook of the handout."""
        return self.release_folder(assignment) / f"{notebook}.ipynb"

    def named_mistakes(self, assignment: str) -> Path:
        """Name the file of an assignment's named wrong solutions."""
        return self.wrong / f"{assignment}.py"

    def accepted_variants(self, assignment: str) -> Path:
        """Name the file of the other programs that an assignment must accept."""
        return self.accepted / f"{assignment}.py"

    def explained_mutants(self, assignment: str) -> Path:
        """Name the file that explains the mutants which are no mistakes."""
        return self.equivalent / f"{assignment}.toml"

    def report_table(self, assignment: str) -> Path:
        """Name the table (CSV) about a class."""
        return self.reports / f"{assignment}.csv"

    def report_page(self, assignment: str) -> Path:
        """Name the page (HTML) about a class."""
        return self.reports / f"{assignment}.html"

    def gate_page(self, assignment: str) -> Path:
        """Name the page (HTML) that says whether an assignment is sound."""
        return self.reports / "gate" / f"{assignment}.html"

    def collected_notes(self, assignment: str) -> Path:
        """Name the file (JSON) that says under which names submissions came in."""
        return self.collected / f"{assignment}.json"

    def exported(self, name: str) -> Path:
        """Name a file that goes back to a learning platform."""
        return self.reports / "export" / name

    # --- one student's submission of an assignment ------------------------------------

    def earlier_folder(self, student: str, assignment: str, when: str) -> Path:
        """Name the folder of what a student handed in before, which does not count."""
        return self.collected / "earlier" / student / assignment / when

    def submitted_folder(self, student: str, assignment: str) -> Path:
        """Name the folder of what a student handed in."""
        return self._assignment_folder(
            self.directory.submitted_directory, assignment, student
        )

    def submitted_notebook(self, student: str, assignment: str, notebook: str) -> Path:
        """Name a notebook as a student handed it in."""
        return self.submitted_folder(student, assignment) / f"{notebook}.ipynb"

    def autograded_folder(self, student: str, assignment: str) -> Path:
        """Name the folder of a graded submission."""
        return self._assignment_folder(
            self.directory.autograded_directory, assignment, student
        )

    def autograded_notebook(self, student: str, assignment: str, notebook: str) -> Path:
        """Name a graded notebook, as it ran."""
        return self.autograded_folder(student, assignment) / f"{notebook}.ipynb"

    def feedback_page(self, student: str, assignment: str, notebook: str) -> Path:
        """Name the page (HTML) that a student reads about one notebook."""
        return self.feedback_folder(student, assignment) / f"{notebook}.html"

    def feedback_folder(self, student: str, assignment: str) -> Path:
        """Name the folder of the pages that a student reads."""
        return self._assignment_folder(
            self.directory.feedback_directory, assignment, student
        )

    # --- while `grade` is at work -----------------------------------------------------

    @property
    def grading_lock(self) -> Path:
        """The file that one `grade` at a time holds locked."""
        return self.autograded / ".lock"

    @property
    def grading_folder(self) -> Path:
        """Where `grade` builds graded submissions: a rename moves them to their place.

        The dot hides it from nbgrader.
        """
        return self.autograded / ".staging"

    def unfinished_folder(self, student: str) -> Path:
        """Name the folder that becomes a student's graded submission."""
        return self.grading_folder / "new" / student

    def replaced_folder(self, student: str, assignment: str) -> Path:
        """Name where a graded submission waits while a new one takes its place."""
        return self.grading_folder / "old" / student / assignment

    def replaced_folders(self) -> list[tuple[str, str]]:
        """List the student and assignment of each folder that waits there."""
        folders = sorted(self.grading_folder.glob("old/*/*"))
        return [(folder.parent.name, folder.name) for folder in folders]

    # --- what the configuration says, and what is there -------------------------------

    @property
    def db_url(self) -> str:
        """The SQLAlchemy address of the gradebook."""
        return self.directory.db_url

    @property
    def shipped(self) -> list[str]:
        """Modules in the course folder that every assignment ships to students.

        Set by ``c.Autograder.shipped = ["dp.py"]`` in ``nbgrader_config.py``.
        """
        return list(self.config.get("Autograder", {}).get("shipped", []))

    @property
    def least_visible(self) -> float:
        """The share of named mistakes that visible tests must notice, dimensionless.

        Set by ``c.Autograder.least_visible = 0.8`` in ``nbgrader_config.py``; 0, the
        default, asks for nothing.
        """
        return float(self.config.get("Autograder", {}).get("least_visible", 0))

    def assignments(self) -> list[str]:
        """Name every assignment that has a notebook in ``source/``, sorted."""
        if not self.source.is_dir():
            return []
        return sorted(
            folder.name
            for folder in self.source.iterdir()
            if folder.is_dir() and any(folder.glob("*.ipynb"))
        )

    def students(self, assignment: str) -> list[str]:
        """Name every student with a folder for this assignment in ``submitted/``."""
        if not self.submitted.is_dir():
            return []
        return sorted(
            student.name
            for student in self.submitted.iterdir()
            if self.submitted_folder(student.name, assignment).is_dir()
        )

    def notebook_names(self, assignment: str) -> list[str]:
        """Name the notebooks of an assignment, without their ending, sorted."""
        there = self.assignments()
        if assignment not in there:  # it may be the name of no folder, or of many
            known = ", ".join(there) or "none yet; run `autograder build`"
            raise CourseError(
                f"no assignment {assignment!r} in {self.source}; there is: {known}"
            )
        return sorted(p.stem for p in self.source_folder(assignment).glob("*.ipynb"))


def find_course(root: Path | str = ".") -> Course:
    """Read the configuration of the course in `root`.

    Raises
    ------
    CourseError
        If `root` has no ``nbgrader_config.py``, if that or one of Jupyter's own cannot
        be read, or if the course's folders are not laid out as nbgrader's are.
    """
    root = Path(root).resolve()
    file = root / "nbgrader_config.py"
    if not file.is_file():
        raise CourseError(
            f"{root} is not a course: it has no nbgrader_config.py; "
            "name the course folder with --course DIR"
        )
    config = _read_configuration(root)
    config.CourseDirectory.root = str(root)
    _find_scripts()
    course = Course(root=root, config=config)
    layout = CourseDirectory.directory_structure.default_value
    if course.directory.directory_structure != layout:
        raise CourseError(
            "c.CourseDirectory.directory_structure is "
            f"{course.directory.directory_structure!r}, and only nbgrader's default, "
            f"{layout!r}, can be graded; leave it out of nbgrader_config.py"
        )
    return course


def _read_configuration(root: Path) -> Config:
    """Read all files that nbgrader, started in `root`, reads; the course's come last.

    The others are those in Jupyter's folders, by which a hub may say for every course
    where gradebooks are.
    """
    jupyters = [Path(folder) for folder in reversed(jupyter_config_path())]
    stems = [folder / "jupyter_config" for folder in jupyters]
    stems += [folder / "nbgrader_config" for folder in (*jupyters, root)]
    loaders = {".py": PyFileConfigLoader, ".json": JSONFileConfigLoader}
    config = Config()
    for stem, ending in itertools.product(stems, loaders):
        file = stem.with_suffix(ending)
        # Unlike Path's own, this takes what is out of reach for none.
        if os.path.isfile(file):
            try:
                loader = loaders[ending](file.name, path=str(file.parent))
                config.merge(loader.load_config())
            except Exception as error:
                raise CourseError(f"{file} cannot be read: {error}") from error
    return config


def course_of(directory: CourseDirectory) -> Course:
    """Take the course that one of nbgrader's own commands is at work in."""
    config = copy.deepcopy(directory.config)
    config.CourseDirectory.root = directory.root
    return Course(root=Path(directory.root), config=config)


def _find_scripts() -> None:
    """Put this interpreter's scripts on PATH: nbgrader starts ``alembic`` by name."""
    scripts = sysconfig.get_path("scripts")
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if scripts not in folders:
        os.environ["PATH"] = os.pathsep.join([scripts, *folders])
