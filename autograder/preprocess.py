"""Preparing and running a submission, as preprocessors of nbgrader.

`RebuildSubmission` and `SandboxExecute` are what ``nbgrader_config.py`` names, so that
plain ``nbgrader autograde`` and formgrader's button prepare and run submissions as
``autograder grade`` does. Both take the steps of `autograder.submission.grading`.

What counts as partial credit is nbgrader's rule on clean outputs, see
`autograder.assignment.scoring`. A test cell that did not run gets an error output that
says so, so that nbgrader's rule gives it zero points, whoever applies it.
"""

from typing import Any

from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.assignment.limits import sandbox
from autograder.assignment.notebook import Assignment, AssignmentNotebook
from autograder.course import course_of
from autograder.errors import NotReadableError
from autograder.gradebook import database, records
from autograder.gradebook.references import find_protection
from autograder.runner import run_surely
from autograder.submission.files import prune
from autograder.submission.grading import (
    add_missing,
    make_job,
    read_files,
    rebuild_answers,
    take,
)
from autograder.submission.handed_in import Part, Submission


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

    def _notebook(self, resources: dict[str, Any]) -> AssignmentNotebook:
        """Find the instructor's notebook of the one that is being converted."""
        where = resources["nbgrader"]
        course = course_of(self._course_directory())
        assignment = Assignment(course, where["assignment"])
        return AssignmentNotebook(assignment, where["notebook"])


class RebuildSubmission(_InCourse):
    """Put the student's answers into the instructor's notebook."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Rebuild one submitted notebook.

        Raises
        ------
        NotReadableError
            If what was submitted is a link, or not a notebook.
        """
        notebook = self._notebook(resources)
        student = resources["nbgrader"]["student"]
        course, assignment = notebook.assignment.course, notebook.assignment.name
        if course.submitted_notebook(student, assignment, notebook.name).is_symlink():
            raise NotReadableError(
                f"{notebook.name}.ipynb is a link, not an ordinary file"
            )
        prepared = rebuild_answers(notebook, nb)
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
        notebook = self._notebook(resources)
        assignment, course = notebook.assignment, notebook.assignment.course
        student = resources["nbgrader"]["student"]
        folder = course.submitted_folder(student, assignment.name)
        files, left_out = read_files(assignment, folder)
        graded = course.autograded_folder(student, assignment.name)
        prune(graded, files, assignment.files)
        submission = Submission(student, folder, repairs=left_out, files=files)
        repairs = nb.metadata.pop("autograder", {}).get("repairs", [])
        submission.parts[notebook.name] = Part(notebook=nb, repairs=repairs)
        box = sandbox(assignment.configured.level)
        with database.open_gradebook(
            resources["nbgrader"]["db_url"], course.directory.course_id
        ) as gradebook:
            find_protection(gradebook, notebook, lambda job: run_surely(job, box))
            take(notebook, submission, run_surely(make_job(notebook, submission), box))
            # nbgrader gives a notebook that is missing zero points, and no word.
            add_missing(assignment, submission)
            parts = submission.parts.values()
            for run, part in zip(submission.runs(), parts, strict=True):
                records.record(gradebook, run, part.items)
        return submission.parts[notebook.name].notebook, resources
