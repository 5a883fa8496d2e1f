"""The steps that take a submission from its folder to rows of the gradebook.

In this order: `read` the folder; `prepare` each notebook, which rebuilds it on the
instructor's; `make_job`; run the job; `take` what came back. A notebook that cannot be
run is ended instead (`end`). `Submission.runs` gives the rows.

`grade` takes these steps for all submissions and runs their jobs in a pool. nbgrader's
preprocessors get one notebook at a time, and run its job at once.
"""

import copy
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from autograder.assignment.notebook import Assignment, AssignmentNotebook
from autograder.assignment.rebuild import Prepared, read_notebook, rebuild
from autograder.errors import NotReadableError
from autograder.gradebook.rows import stored_end, stored_run
from autograder.runner import Job, RunResult
from autograder.submission.files import gather, read_timestamp
from autograder.submission.handed_in import (
    Part,
    Submission,
    find_renamed,
    read_part,
)
from autograder.submission.sanitize import sanitize_outputs, sanitize_texts
from autograder.verdicts import Verdict

_READINGS = 3

# --- reading --------------------------------------------------------------------------


def read(assignment: Assignment, student: str) -> Submission:
    """Read what a student handed in for an assignment; nothing is parsed yet.

    The digest of each part covers what was read of the submission, and all of the
    assignment that its run depends on.
    """
    folder = assignment.course.submitted_folder(student, assignment.name)
    timestamp, repairs = read_timestamp(folder)
    fitting = find_renamed(folder, assignment.notebooks)
    renamed = [files[0] for files in fitting.values() if len(files) == 1]
    files, left_out = read_files(assignment, folder, renamed)
    submission = Submission(
        student=student,
        folder=folder,
        timestamp=timestamp,
        repairs=[*repairs, *left_out],
        files=files,
    )
    own = [name for name in files if name not in assignment.files]
    shared = [text for name in own for text in (name, files[name])]
    for name, notebook in assignment.notebooks.items():
        depends_on = (notebook.digest, *shared, *submission.repairs)
        part = read_part(folder, name, fitting.get(name, []), depends_on)
        submission.parts[name] = part
    return submission


def read_if_there(assignment: Assignment, student: str) -> Submission | None:
    """Read what a student handed in, as `read` does; None if it has disappeared.

    If a file of it disappears while it is read, it is read again.
    """
    folder = assignment.course.submitted_folder(student, assignment.name)
    for _ in range(_READINGS):
        try:
            submission = read(assignment, student)
        except FileNotFoundError:
            continue
        if folder.is_dir():
            return submission
    return None


def read_files(
    assignment: Assignment, folder: Path, renamed: Collection[str] = ()
) -> tuple[dict[str, bytes], list[str]]:
    """Read the files that a submission's code may see, see `gather`.

    Notebooks are not among them, be they `renamed` ones.
    """
    notebooks = {*(f"{name}.ipynb" for name in assignment.notebooks), *renamed}
    ignore = assignment.course.directory.ignore
    return gather(folder, assignment.files, ignore, notebooks)


def add_missing(assignment: Assignment, submission: Submission) -> None:
    """End each notebook of the assignment that is not in the submission's folder."""
    for name, notebook in assignment.notebooks.items():
        file = f"{name}.ipynb"
        if not os.path.lexists(submission.folder / file):
            submission.parts[name] = Part()
            end(notebook, submission, Verdict.MISSING, f"{file} is missing")


# --- before the run -------------------------------------------------------------------


def prepare(notebook: AssignmentNotebook, submission: Submission) -> None:
    """Rebuild one notebook of a submission; if that cannot be, end it."""
    part = submission.parts[notebook.name]
    if part.ended is not None:
        end(notebook, submission, *part.ended)
        return
    try:
        prepared = rebuild_answers(notebook, read_notebook(part.data))
    except NotReadableError as error:
        end(notebook, submission, Verdict.NOT_READABLE, str(error))
    else:
        part.notebook = prepared.notebook
        part.repairs += prepared.repairs
    part.data = None


def rebuild_answers(notebook: AssignmentNotebook, handed_in: Any) -> Prepared:
    """Put a student's answers into the instructor's notebook, and sanitize their texts.

    Raises
    ------
    NotReadableError
        If what was handed in is not a notebook.
    """
    prepared = rebuild(
        notebook.without_solutions,
        handed_in,
        notebook.assignment.course.config,
        notebook.handout_texts,
    )
    prepared.repairs.extend(sanitize_texts(prepared.notebook, notebook.trusted_texts))
    return prepared


def make_job(notebook: AssignmentNotebook, submission: Submission) -> Job:
    """Make the job of running one prepared notebook."""
    part = submission.parts[notebook.name]
    part.job = notebook.job(part.notebook, submission.files)
    return part.job


# --- after the run --------------------------------------------------------------------


def take(
    notebook: AssignmentNotebook, submission: Submission, result: RunResult
) -> None:
    """Score one notebook that was run, and sanitize its outputs."""
    part = submission.parts[notebook.name]
    part.run, part.items = stored_run(
        submission.student, notebook.assignment.name, notebook.name, part.job, result
    )
    if result.verdict is Verdict.INTERRUPTED:
        part.digest = ""  # to be run again next time
    part.notebook, part.job = result.notebook, None
    part.repairs += sanitize_outputs(part.notebook)


def end(
    notebook: AssignmentNotebook,
    submission: Submission,
    verdict: Verdict,
    message: str,
) -> None:
    """End one notebook that was not run: each of its items has zero points."""
    part = submission.parts[notebook.name]
    part.run, part.items = stored_end(
        submission.student,
        notebook.assignment.name,
        notebook.name,
        part.notebook or copy.deepcopy(notebook.without_solutions),
        verdict,
        message,
    )
