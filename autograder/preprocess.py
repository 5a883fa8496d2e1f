"""Preparing and running a submission, as preprocessors of nbgrader.

`RebuildSubmission` and `SandboxExecute` are what ``nbgrader_config.py`` names, so that
plain ``nbgrader autograde`` and formgrader's button prepare and run submissions as
``autograder grade`` does. The functions beside them are the steps that both take:

- `read_source`, `read_submitted`: read one notebook, ours or a stranger's;
- `gather`: read the files that the code may see; `job`: all that a run needs;
- `SandboxLimits`: the limits, from the course's configuration;
- `protection_of`: find, once for each state of the source, how its tests are run.

What counts as partial credit is nbgrader's rule on clean outputs, see
`autograder.assignment.scoring`. A test cell that did not run gets an error output that
says so, so that nbgrader's rule gives it zero points, whoever applies it.
"""

import os
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.assignment.limits import SandboxLimits, sandbox
from autograder.assignment.rebuild import rebuild, without_solutions
from autograder.assignment.source import ENVIRONMENT, master_files, read_source
from autograder.errors import NotReadableError
from autograder.gradebook import database, records
from autograder.gradebook.references import protection_of
from autograder.gradebook.rows import stored_end, stored_run
from autograder.runner import run_notebook
from autograder.submission.files import gather, prune
from autograder.submission.sanitize import sanitize_outputs, sanitize_texts
from autograder.verdicts import Verdict

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
        master = without_solutions(source, self.config)
        prepared = rebuild(master, nb, self.config)
        trusted = {cell.source for cell in master.cells}
        prepared.repairs.extend(sanitize_texts(prepared.notebook, trusted))
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
        prune(graded, files, master)
        box = sandbox(configured.level)
        instructors = read_source(
            source / f"{name}.ipynb", Path(directory.root), self.config
        )
        with database.open_gradebook(where["db_url"], directory.course_id) as gradebook:
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
            run.repairs.extend(sanitize_outputs(result.notebook))
            records.record(gradebook, run, items)
            # nbgrader gives a notebook that is missing zero points, and no word.
            for other in sorted(notebooks):
                if os.path.lexists(submitted / other):
                    continue
                whole = without_solutions(
                    read_source(source / other, Path(directory.root), self.config),
                    self.config,
                )
                place = student, assignment, other.removesuffix(".ipynb")
                ended = Verdict.MISSING, f"{other} is missing"
                records.record(gradebook, *stored_end(*place, whole, *ended))
        return result.notebook, resources
