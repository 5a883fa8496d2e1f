"""Grade an assignment: every submission gets a verdict, and none can spoil another's.

For each submission, in this order: read it, rebuild it from the instructor's notebook
(the steps are those of `autograder.submission.grading`), run it in the sandbox in a
worker process (`autograder.workers.pool`), score it by nbgrader's rule, and write it:
scores, late penalty, verdict and statuses in one transaction of the gradebook, and the
folder
``autograded/S/A`` by renaming a finished one. Only this process writes. Killed at any
moment, it leaves the old grade of a submission or the new one, and the next run goes on
where it stopped: what it depends on (the submission, the source, the limits, the level,
due date and versions) has the same fingerprint, so the submission is skipped.

Manual scores and comments in the gradebook are kept, as nbgrader keeps them.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from autograder.assignment.limits import sandbox
from autograder.assignment.notebook import Assignment, AssignmentNotebook
from autograder.course import Course
from autograder.errors import CourseError
from autograder.gradebook import database, records, references
from autograder.gradebook.database import LONGEST_NAME
from autograder.gradebook.scores import (
    Lateness,
    cells_of,
    due,
    entries_of,
    points,
    points_of,
    register,
    save_scores,
)
from autograder.runner import Job
from autograder.submission.grading import end, make_job, prepare, read_if_there, take
from autograder.submission.handed_in import Submission
from autograder.submission.sanitize import sanitize_name
from autograder.texts import digest_of
from autograder.verdicts import Verdict
from autograder.workers import pool
from autograder.workers.cluster import Cluster

# A stored digest is that of the run, a colon, and that of the lateness.
_RUN_DIGITS, _LATENESS_DIGITS = 47, 16


@dataclass(frozen=True)
class Row:
    """What became of one submission.

    Attributes
    ----------
    student, assignment : str
        Whose submission of what.
    verdict : Verdict
        How its run ended.
    points, max_points : float
        As nbgrader exports them: manual scores and extra credit in, late penalty off.
    level : str
        The sandbox's level of isolation; empty if no code ran.
    seconds : float
        Wall time of the run.
    message : str
        What happened, in words; empty if there is nothing to say.
    repairs : list of str
        What was set right before the run, a sentence each.
    skipped : bool
        Whether the grade was up to date and so was left as it is.
    """

    student: str
    assignment: str
    verdict: Verdict
    points: float
    max_points: float
    level: str = ""
    seconds: float = 0.0
    message: str = ""
    repairs: list[str] = field(default_factory=list)
    skipped: bool = False


@dataclass(frozen=True)
class GradeSummary:
    """What `grade` did: one row for each submission, sorted by student.

    The `warnings`, a line each, say what makes the grades of a whole class doubtful.
    """

    assignment: str
    rows: list[Row]
    warnings: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many submissions had each verdict, in the order of the set."""
        counts = {verdict: 0 for verdict in Verdict}
        for row in self.rows:
            counts[row.verdict] += 1
        return {verdict: count for verdict, count in counts.items() if count}


@dataclass(frozen=True)
class Event:
    """Progress: `done` of `total` submissions are finished, the latest being `row`.

    With a `note` it says why nothing is finished for a while.
    """

    done: int
    total: int
    row: Row | None = None
    note: str = ""


def grade(
    course: Course,
    assignment: str,
    students: list[str] | None = None,
    jobs: int | None = None,
    progress: Callable[[Event], None] | None = None,
    force: bool = False,
    scheduler: str | None = None,
) -> GradeSummary:
    """Grade the submissions of an assignment.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str
        The assignment's name. One that nbgrader's gradebook does not know yet, or knows
        with other cells, is registered there as ``nbgrader generate_assignment`` does.
    students : list of str, optional
        Only these; by default all that have a folder in ``submitted/``.
    jobs : int, optional
        Submissions at once; by default one for each core this process may use.
    progress : callable, optional
        Called with an `Event` at the start and after each submission.
    force : bool
        Grade again what is up to date.
    scheduler : str, optional
        The address of a Dask scheduler; its workers run the submissions then.

    Raises
    ------
    CourseError
        If there is no such assignment, no such student, nothing was submitted, another
        `grade` is at work, or the gradebook holds the assignment with other cells and
        with submissions.
    SandboxError
        If no level of isolation works on this machine. Nothing has been written then.
    ClusterError
        If the cluster is not there, or is lost; what was finished is kept then.
    """
    graded = Assignment(course, assignment)
    chosen = _chosen_students(course, assignment, students)
    level = graded.configured.level
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            workers = pool.Local(sandbox(level), jobs or pool.cores())
        else:
            workers = Cluster(scheduler, level)
        stack.enter_context(workers)
        stack.enter_context(_exclusive_lock(course))
        return _Grader(graded, workers).grade(chosen, progress or _quiet, force)


def _quiet(event: Event) -> None:
    """Report progress to nobody."""


def _chosen_students(
    course: Course, assignment: str, students: list[str] | None
) -> list[str]:
    there = course.students(assignment)
    if not there:
        raise CourseError(
            f"nobody has submitted {assignment}: no folder STUDENT/{assignment} in "
            f"{course.submitted}; run `autograder collect` first"
        )
    for student in there if students is None else students:
        if len(student) > LONGEST_NAME or not _is_text(student):
            folder = course.submitted_folder(student, assignment).parent
            raise CourseError(
                f"{folder}: the gradebook cannot hold this name; "
                f"rename the folder to at most {LONGEST_NAME} characters of UTF-8"
            )
    if students is None:
        return there
    unknown = sorted(set(students) - set(there))
    if unknown:
        shown = ", ".join(there[:10]) + (", ..." if len(there) > 10 else "")
        raise CourseError(
            f"no submission of {assignment} by {', '.join(unknown)}; "
            f"there are submissions by {shown}"
        )
    return sorted(set(students))


def _is_text(name: str) -> bool:
    """Tell whether a file's name is UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def _exclusive_lock(course: Course) -> Iterator[None]:
    """Make sure that no other `grade` writes to this course; have a folder to build in.

    The folder is `Course.grading_folder`, which is empty at first and removed at the
    end.
    """
    course.autograded.mkdir(parents=True, exist_ok=True)
    with open(course.grading_lock, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(
                f"another `autograder grade` is at work in {course.root}; "
                "wait until it has finished"
            ) from None
        _recover(course)
        course.grading_folder.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(course.grading_folder, ignore_errors=True)


def _recover(course: Course) -> None:
    """Clear away what a run that was killed has left.

    A submission that it had moved away, without putting another in its place, goes
    back.
    """
    for student, assignment in course.replaced_folders():
        final = course.autograded_folder(student, assignment)
        if not final.exists():
            final.parent.mkdir(parents=True, exist_ok=True)
            course.replaced_folder(student, assignment).rename(final)
    shutil.rmtree(course.grading_folder, ignore_errors=True)


class _Grader:
    """Grades the submissions of one assignment; has what they share."""

    def __init__(self, assignment: Assignment, workers: pool.Local | Cluster) -> None:
        self.assignment = assignment
        self.course = assignment.course
        self.workers = workers
        self.lateness = Lateness(self.course.config)
        for notebook in assignment.notebooks.values():
            _ = notebook.digest  # an unsound notebook is refused before anything else

    # --- the run through all of them --------------------------------------------------

    def grade(
        self, students: list[str], progress: Callable[[Event], None], force: bool
    ) -> GradeSummary:
        rows: list[Row] = []

        def done(row: Row) -> None:
            rows.append(row)
            progress(Event(len(rows), len(students), row))

        def note(line: str) -> None:
            progress(Event(len(rows), len(students), note=line))

        self.note = note
        progress(Event(0, len(students)))
        course_id = self.course.directory.course_id
        with database.open_gradebook(self.course.db_url, course_id, note) as gradebook:
            register(gradebook, self.assignment)
            for notebook in self.assignment.notebooks.values():
                references.find_protection(
                    gradebook,
                    notebook,
                    lambda job: pool.run_one(self.workers, job),
                    again=force,
                )
            name = self.assignment.name
            warnings = references.warnings(gradebook, self.course, name)
            self.max_points = gradebook.find_assignment(name).max_score
            self.due = due(gradebook, name)
            self.cells = cells_of(gradebook, name)
            self.graded = self.complete(gradebook)
            gradebook.db.rollback()  # reading is over: others may write
            # What may be the machine's doing is run again, alone, before it is judged.
            again = self.grade_some(gradebook, students, done, force, alone=False)
            self.grade_some(gradebook, again, done, force, alone=True)
        rows.sort(key=lambda row: row.student)
        return GradeSummary(name, rows, warnings)

    def grade_some(
        self,
        gradebook: Gradebook,
        students: list[str],
        done: Callable[[Row], None],
        force: bool,
        *,
        alone: bool,
    ) -> list[str]:
        """Grade submissions, several at once; give those to be run again `alone`."""
        notebooks = self.assignment.notebooks
        under_way: dict[str, Submission] = {}
        again: list[str] = []

        def prepared() -> Iterator[tuple[tuple[str, str], Job]]:
            """Prepare submissions one by one, as there is room for their jobs."""
            for student in students:
                submission = self.read(student, force)
                if submission is None:
                    done(self.row_of_gone(student))
                    continue
                if self.is_done(submission):
                    done(self.row(self.graded[student].values(), skipped=True))
                    continue
                self.prepare_or_end(submission)
                if submission.finished():
                    done(self.save(gradebook, submission))
                    continue
                under_way[student] = submission
                for name, part in submission.parts.items():
                    if part.run is None:
                        yield (student, name), make_job(notebooks[name], submission)

        for outcome in self.workers.run_all(prepared(), alone=alone):
            student, name = outcome.key
            if student not in under_way:
                continue  # its other notebook is the reason to run it again
            if not alone and outcome.is_doubtful:
                del under_way[student]
                again.append(student)
                continue
            submission = under_way[student]
            self.take(notebooks[name], submission, outcome)
            if submission.finished():
                done(self.save(gradebook, under_way.pop(student)))
        return again

    # --- one submission ---------------------------------------------------------------

    def read(self, student: str, force: bool) -> Submission | None:
        """Read what was handed in, and find out what of its grade still holds.

        None if it has disappeared since the students were listed.
        """
        submission = read_if_there(self.assignment, student)
        if submission is None:
            return None
        when = self.due.get(student, self.due[None])
        lateness = digest_of(str(submission.timestamp), when)
        submission.lateness = lateness[:_LATENESS_DIGITS]
        for name, part in submission.parts.items():
            part.digest = digest_of(self.workers.level, part.digest)[:_RUN_DIGITS]
            old = self.graded.get(student, {}).get(name)
            if old and not force and old.digest.partition(":")[0] == part.digest:
                part.run, part.kept = old, True
        return submission

    def is_done(self, submission: Submission) -> bool:
        """Tell whether the grade of a submission is as it would be made now."""
        return all(
            part.kept and part.run.digest == f"{part.digest}:{submission.lateness}"
            for part in submission.parts.values()
        )

    def prepare_or_end(self, submission: Submission) -> None:
        """Prepare a submission; whatever goes wrong there is this submission's end.

        What failed here, and not in the submission's code, is tried again next time.
        """
        for name, part in submission.parts.items():
            if part.kept:
                continue
            notebook = self.assignment.notebooks[name]
            try:
                prepare(notebook, submission)
            except Exception as error:
                message = f"not prepared: {type(error).__name__}: {error}"
                end(notebook, submission, Verdict.CRASHED, message)
                part.digest = ""

    def take(
        self,
        notebook: AssignmentNotebook,
        submission: Submission,
        outcome: pool.Outcome,
    ) -> None:
        """Take what became of a notebook's run; what ended twice is tried next time."""
        if outcome.error:
            message = f"not run: {outcome.error}"
            end(notebook, submission, Verdict.INTERRUPTED, message)
            submission.parts[notebook.name].digest = ""
        else:
            take(notebook, submission, outcome.result)

    # --- writing ----------------------------------------------------------------------

    def save(self, gradebook: Gradebook, submission: Submission) -> Row:
        """Write one submission: all of it, or nothing."""
        student = submission.student
        self.build_folder(submission)
        runs = submission.runs()
        with contextlib.ExitStack() as undo:
            with database.one_transaction(gradebook, self.note):
                gradebook.update_or_create_student(student)
                when = {"timestamp": submission.timestamp}
                entry = gradebook.update_or_create_submission(
                    self.assignment.name,
                    student,
                    **(when if submission.timestamp else {}),
                )
                entries = entries_of(gradebook, entry, self.cells)
                for run, part in zip(runs, submission.parts.values(), strict=True):
                    if part.kept:
                        records.renew_digest(gradebook, run)
                    else:
                        save_scores(
                            gradebook,
                            entries[run.notebook],
                            self.cells[run.notebook],
                            part.notebook,
                        )
                        records.record(gradebook, run, part.items)
                self.lateness.penalise(gradebook, entry, entries.values(), student)
                gradebook.db.flush()
                self.points[student] = points_of(gradebook, entries, self.cells)
                self.put_in_place(submission, undo)
            undo.pop_all()
        return self.row(runs)

    def build_folder(self, submission: Submission) -> None:
        """Build what becomes ``autograded/S/A``."""
        student, assignment = submission.student, self.assignment
        folder = self.course.unfinished_folder(student)
        folder.mkdir(parents=True)
        for name, content in submission.files.items():
            path = folder / (name if name in assignment.files else sanitize_name(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name, part in submission.parts.items():
            path = folder / f"{name}.ipynb"
            old = self.course.autograded_notebook(student, assignment.name, name)
            if part.notebook is not None:
                path.write_text(nbformat.v4.writes(part.notebook), encoding="utf-8")
            elif part.kept and old.is_file():
                shutil.copyfile(old, path)
        _set_permissions(folder, self.course.directory.groupshared)

    def put_in_place(self, submission: Submission, undo: contextlib.ExitStack) -> None:
        """Move the finished folder to ``autograded/S/A``; `undo` moves it back."""
        where = submission.student, self.assignment.name
        new = self.course.unfinished_folder(submission.student)
        old = self.course.replaced_folder(*where)
        final = self.course.autograded_folder(*where)
        for folder in (final, old):
            folder.parent.mkdir(parents=True, exist_ok=True)
        if final.exists():
            final.rename(old)
            undo.callback(old.rename, final)
        new.rename(final)
        undo.callback(final.rename, new)

    def row(self, runs: Iterable[records.StoredRun], *, skipped: bool = False) -> Row:
        """Say what became of a submission."""
        run = records.merge(list(runs))
        return Row(
            student=run.student,
            assignment=self.assignment.name,
            verdict=run.verdict,
            points=self.points[run.student],
            max_points=self.max_points,
            level=run.level,
            seconds=run.wall_seconds,
            message=run.message,
            repairs=run.repairs,
            skipped=skipped,
        )

    def row_of_gone(self, student: str) -> Row:
        """Say that a submission has disappeared; what is graded of it stays."""
        where = self.course.submitted_folder(student, self.assignment.name)
        before = self.graded.get(student)
        return Row(
            student=student,
            assignment=self.assignment.name,
            verdict=records.merge(list(before.values())).verdict
            if before
            else Verdict.MISSING,
            points=self.points.get(student, 0.0),
            max_points=self.max_points,
            message=f"{where} disappeared meanwhile; it is graded when it is back",
        )

    def complete(self, gradebook: Gradebook) -> dict[str, dict[str, records.StoredRun]]:
        """Find the submissions whose grade is complete: their runs, by notebook."""
        name = self.assignment.name
        self.points = points(gradebook, name)
        parts: dict[str, dict[str, records.StoredRun]] = {}
        for run in records.runs_by_notebook(gradebook, name):
            parts.setdefault(run.student, {})[run.notebook] = run
        return {
            student: {n: run for n, run in runs.items() if self.is_written(run)}
            for student, runs in parts.items()
            if runs.keys() == self.assignment.notebooks.keys()
            and student in self.points
            and self.course.autograded_folder(student, name).is_dir()
        }

    def is_written(self, run: records.StoredRun) -> bool:
        """Tell whether the graded notebook of a run is there, if there was any."""
        if run.verdict in (Verdict.MISSING, Verdict.NOT_READABLE):
            return True
        path = self.course.autograded_notebook(
            run.student, run.assignment, run.notebook
        )
        return path.is_file() and path.stat().st_size > 0


def _set_permissions(folder: Path, groupshared: bool) -> None:
    """Make the files of a graded submission read-only, as nbgrader does."""
    for parent, _, files in os.walk(folder):
        if groupshared:
            os.chmod(parent, os.stat(parent).st_mode & 0o777 | 0o2770)
        for name in files:
            os.chmod(Path(parent, name), 0o664 if groupshared else 0o444)
