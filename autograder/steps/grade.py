"""Grade an assignment: every submission gets a verdict, and none can spoil another's.

For each submission, in this order: read it, rebuild it from the instructor's notebook
(`autograder.assignment.rebuild`), run it in the sandbox in a worker process
(`autograder.workers.pool`), score it by nbgrader's rule, and write it: scores, late
penalty, verdict and statuses in one transaction of the gradebook, and the folder
``autograded/S/A`` by renaming a finished one. Only this process writes. Killed at any
moment, it leaves the old grade of a submission or the new one, and the next run goes on
where it stopped: what it depends on (the submission, the source, the limits, the level,
due date and versions) has the same fingerprint, so the submission is skipped.

Manual scores and comments in the gradebook are kept, as nbgrader keeps them.
"""

import contextlib
import copy
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import nbgrader
from nbformat import NotebookNode
from nbgrader.api import Gradebook

import autograder
from autograder.assignment.limits import SandboxLimits, sandbox
from autograder.assignment.protect import Protection
from autograder.assignment.rebuild import (
    handout_texts,
    read_notebook,
    rebuild,
    without_solutions,
)
from autograder.assignment.source import ENVIRONMENT, master_files, read_source
from autograder.course import Course
from autograder.errors import CourseError, NotReadableError
from autograder.gradebook import database, records, references
from autograder.gradebook.references import protection_of
from autograder.gradebook.rows import stored_end, stored_run
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
from autograder.runner.job import Job, Limits, RunResult
from autograder.submission.files import gather
from autograder.submission.handed_in import (
    Submission,
    find_renamed,
    read_part,
    read_timestamp,
)
from autograder.submission.sanitize import (
    sanitize_name,
    sanitize_outputs,
    sanitize_texts,
)
from autograder.texts import digest_of
from autograder.verdicts import Verdict
from autograder.workers import pool
from autograder.workers.cluster import Cluster

_LONGEST_STUDENT = 128  # characters; the gradebook's column
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
    """Progress: `done` of `total` submissions are finished, the latest being `row`."""

    done: int
    total: int
    row: Row | None = None


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
    names = course.notebook_names(assignment)
    chosen = _chosen_students(course, assignment, students)
    configured = SandboxLimits(config=course.config)
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            local = pool.Local(sandbox(configured.level), jobs or pool.cores())
            place = stack.enter_context(local)
        else:
            place = stack.enter_context(Cluster(scheduler, configured.level))
        staging = stack.enter_context(_exclusive_lock(course))
        grader = _Grader(course, assignment, names, configured, place, staging)
        return grader.grade(chosen, progress or _quiet, force)


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
        if len(student) > _LONGEST_STUDENT or not _is_text(student):
            raise CourseError(
                f"{course.submitted / student}: the gradebook cannot hold this name; "
                f"rename the folder to at most {_LONGEST_STUDENT} characters of UTF-8"
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
def _exclusive_lock(course: Course) -> Iterator[Path]:
    """Make sure that no other `grade` writes to this course; give a folder to build in.

    The folder is beside the graded submissions, so that a rename moves them; the dot
    hides it from nbgrader.
    """
    course.autograded.mkdir(parents=True, exist_ok=True)
    with open(course.autograded / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(
                f"another `autograder grade` is at work in {course.root}; "
                "wait until it has finished"
            ) from None
        staging = course.autograded / ".staging"
        _recover(course, staging)
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _recover(course: Course, staging: Path) -> None:
    """Clear away what a run that was killed has left.

    What it had moved away to make place, and put nothing into its place, goes back.
    """
    for old in staging.glob("old/*/*"):
        final = course.autograded / old.parent.name / old.name
        if not final.exists():
            final.parent.mkdir(parents=True, exist_ok=True)
            old.rename(final)
    shutil.rmtree(staging, ignore_errors=True)


class _Grader:
    """Grades one assignment; what all its submissions share."""

    def __init__(
        self,
        course: Course,
        assignment: str,
        names: list[str],
        configured: SandboxLimits,
        place: pool.Local | Cluster,
        staging: Path,
    ) -> None:
        self.course = course
        self.config = course.config
        self.assignment = assignment
        self.configured = configured
        self.limits = configured.limits(assignment)
        self.place = place
        self.staging = staging
        self.source = course.source / assignment
        self.ignore = course.directory.ignore
        self.lateness = Lateness(self.config)
        self.master = master_files(self.source, self.ignore, self.config)
        shared = _digest_of_course(course, self.master, self.limits, place.level)
        self.sources: dict[str, NotebookNode] = {}  # with the solutions
        self.references: dict[str, NotebookNode] = {}
        self.handouts: dict[str, dict[str, str]] = {}
        self.trusted: dict[str, set[str]] = {}
        self.digests: dict[str, str] = {}
        for name in names:
            path = self.source / f"{name}.ipynb"
            try:
                self.sources[name] = read_source(path, course.root, self.config)
                self.references[name] = without_solutions(
                    self.sources[name], self.config
                )
            except CourseError:
                raise
            except Exception as error:  # nbgrader has many for an unsound notebook
                raise CourseError(f"{path} cannot be graded with: {error}") from error
            self.handouts[name] = handout_texts(self.references[name], self.config)
            self.trusted[name] = {cell.source for cell in self.references[name].cells}
            self.digests[name] = digest_of(shared, _told(self.references[name]))

    # --- the run through all of them --------------------------------------------------

    def grade(
        self, students: list[str], progress: Callable[[Event], None], force: bool
    ) -> GradeSummary:
        rows: list[Row] = []

        def done(row: Row) -> None:
            rows.append(row)
            progress(Event(len(rows), len(students), row))

        progress(Event(0, len(students)))
        course_id = self.course.directory.course_id
        with database.open_gradebook(self.course.db_url, course_id) as gradebook:
            register(gradebook, self.course, self.assignment, self.references)
            self.protections = {
                name: self.protection(gradebook, name, force) for name in self.sources
            }
            warnings = references.warnings(gradebook, self.course, self.assignment)
            self.max_points = gradebook.find_assignment(self.assignment).max_score
            self.due = due(gradebook, self.assignment)
            self.cells = cells_of(gradebook, self.assignment)
            self.graded = self.complete(gradebook)
            gradebook.db.rollback()  # reading is over: others may write
            # What may be the machine's doing is run again, alone, before it is judged.
            again = self.grade_some(gradebook, students, done, force, alone=False)
            self.grade_some(gradebook, again, done, force, alone=True)
        rows.sort(key=lambda row: row.student)
        return GradeSummary(self.assignment, rows, warnings)

    def protection(self, gradebook: Gradebook, name: str, force: bool) -> Protection:
        """Find how the tests of a notebook are run."""
        return protection_of(
            gradebook,
            self.sources[name],
            self.master,
            self.configured,
            (self.assignment, name),
            lambda job: pool.run_one(self.place, job),
            again=force,
        )

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
        under_way: dict[str, Submission] = {}
        again: list[str] = []

        def prepared() -> Iterator[tuple[tuple[str, str], Job]]:
            """Prepare submissions one by one, as there is room for their jobs."""
            for student in students:
                submission = self.read(student, force)
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
                        part.job = self.protections[name].job(
                            part.notebook, submission.files, self.limits, ENVIRONMENT
                        )
                        yield (student, name), part.job

        for outcome in self.place.run_all(prepared(), alone=alone):
            student, name = outcome.key
            if student not in under_way:
                continue  # its other notebook is the reason to run it again
            if not alone and (outcome.error or outcome.result.wall_only):
                del under_way[student]
                again.append(student)
                continue
            submission = under_way[student]
            self.take(submission, name, outcome)
            if submission.finished():
                done(self.save(gradebook, under_way.pop(student)))
        return again

    # --- one submission, step by step -------------------------------------------------

    def read(self, student: str, force: bool) -> Submission:
        """Read what was handed in, and find out what of its grade still holds."""
        folder = self.course.submitted / student / self.assignment
        timestamp, repairs = read_timestamp(folder)
        when = self.due.get(student, self.due[None])
        fitting = find_renamed(folder, self.references)
        taken = [there[0] for there in fitting.values() if len(there) == 1]
        read = {*(f"{name}.ipynb" for name in self.references), *taken}
        files, left_out = gather(folder, self.master, self.ignore, read)
        submission = Submission(
            student=student,
            folder=folder,
            staging=self.staging / "new" / student,
            lateness=digest_of(str(timestamp), when)[:_LATENESS_DIGITS],
            timestamp=timestamp,
            repairs=[*repairs, *left_out],
            files=files,
        )
        own = [name for name in files if name not in self.master]
        shared = [text for name in own for text in (name, files[name])]
        for name in self.references:
            part = read_part(
                folder, name, fitting.get(name, []), (*shared, *submission.repairs)
            )
            part.digest = digest_of(self.digests[name], part.digest)[:_RUN_DIGITS]
            submission.parts[name] = part
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
        """Prepare a submission; whatever goes wrong there is this submission's end."""
        for name, part in submission.parts.items():
            if part.kept:
                continue
            try:
                self.prepare(submission, name)
            except Exception as error:
                message = f"not prepared: {type(error).__name__}: {error}"
                self.end(submission, name, Verdict.CRASHED, message)
                part.final = False

    def prepare(self, submission: Submission, name: str) -> None:
        """Rebuild a notebook; if that cannot be, end it."""
        part = submission.parts[name]
        if part.ended is not None:
            self.end(submission, name, *part.ended)
            return
        try:
            handed_in = read_notebook(part.data)
            prepared = rebuild(
                self.references[name], handed_in, self.config, self.handouts[name]
            )
        except NotReadableError as error:
            self.end(submission, name, Verdict.NOT_READABLE, str(error))
        else:
            part.notebook = prepared.notebook
            part.repairs += prepared.repairs
            part.repairs += sanitize_texts(part.notebook, self.trusted[name])
        part.data = None

    def end(
        self, submission: Submission, name: str, verdict: Verdict, message: str
    ) -> None:
        """End a notebook that was not run: each of its items has zero points."""
        part = submission.parts[name]
        notebook = part.notebook or copy.deepcopy(self.references[name])
        part.run, part.items = stored_end(
            submission.student, self.assignment, name, notebook, verdict, message
        )

    def take(self, submission: Submission, name: str, outcome: pool.Outcome) -> None:
        """Take what came back from a worker."""
        part = submission.parts[name]
        if outcome.error:
            self.end(submission, name, Verdict.CRASHED, f"not run: {outcome.error}")
            part.final = False
            return
        result: RunResult = outcome.result
        part.run, part.items = stored_run(
            submission.student, self.assignment, name, part.job, result
        )
        part.notebook, part.job = result.notebook, None
        part.repairs += sanitize_outputs(part.notebook)

    # --- writing ----------------------------------------------------------------------

    def save(self, gradebook: Gradebook, submission: Submission) -> Row:
        """Write one submission: all of it, or nothing."""
        student = submission.student
        self.build_folder(submission)
        runs = submission.runs()
        with contextlib.ExitStack() as undo:
            with database.one_transaction(gradebook):
                gradebook.update_or_create_student(student)
                when = {"timestamp": submission.timestamp}
                entry = gradebook.update_or_create_submission(
                    self.assignment, student, **(when if submission.timestamp else {})
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
        folder = submission.staging
        folder.mkdir(parents=True)
        for name, content in submission.files.items():
            path = folder / (name if name in self.master else sanitize_name(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name, part in submission.parts.items():
            path = folder / f"{name}.ipynb"
            old = self.final(submission.student) / path.name
            if part.notebook is not None:
                path.write_text(nbformat.v4.writes(part.notebook), encoding="utf-8")
            elif part.kept and old.is_file():
                shutil.copyfile(old, path)
        _set_permissions(folder, self.course.directory.groupshared)

    def final(self, student: str) -> Path:
        """Name the folder of a graded submission."""
        return self.course.autograded / student / self.assignment

    def put_in_place(self, submission: Submission, undo: contextlib.ExitStack) -> None:
        """Move the finished folder to ``autograded/S/A``; `undo` moves it back."""
        final = self.final(submission.student)
        old = self.staging / "old" / submission.student / self.assignment
        for folder in (final, old):
            folder.parent.mkdir(parents=True, exist_ok=True)
        if final.exists():
            final.rename(old)
            undo.callback(old.rename, final)
        submission.staging.rename(final)
        undo.callback(final.rename, submission.staging)

    def row(self, runs: Iterable[records.StoredRun], *, skipped: bool = False) -> Row:
        """Say what became of a submission."""
        run = records.merge(list(runs))
        return Row(
            student=run.student,
            assignment=self.assignment,
            verdict=run.verdict,
            points=self.points[run.student],
            max_points=self.max_points,
            level=run.level,
            seconds=run.wall_seconds,
            message=run.message,
            repairs=run.repairs,
            skipped=skipped,
        )

    def complete(self, gradebook: Gradebook) -> dict[str, dict[str, records.StoredRun]]:
        """Find the submissions whose grade is complete: their runs, by notebook."""
        self.points = points(gradebook, self.assignment)
        parts: dict[str, dict[str, records.StoredRun]] = {}
        for run in records.runs_by_notebook(gradebook, self.assignment):
            parts.setdefault(run.student, {})[run.notebook] = run
        return {
            student: {n: run for n, run in runs.items() if self.is_written(run)}
            for student, runs in parts.items()
            if runs.keys() == self.references.keys()
            and student in self.points
            and self.final(student).is_dir()
        }

    def is_written(self, run: records.StoredRun) -> bool:
        """Tell whether the graded notebook of a run is there, if there was any."""
        if run.verdict in (Verdict.MISSING, Verdict.NOT_READABLE):
            return True
        path = self.final(run.student) / f"{run.notebook}.ipynb"
        return path.is_file() and path.stat().st_size > 0


def _digest_of_course(
    course: Course, master: dict[str, bytes], limits: Limits, level: str
) -> str:
    # traitlets adds an empty section for each that is merely looked at.
    sections = {name: section for name, section in course.config.items() if section}
    config = json.dumps(sections, default=repr, sort_keys=True)
    versions = f"{autograder.__version__} {nbgrader.__version__}"
    files = [text for name, data in sorted(master.items()) for text in (name, data)]
    return digest_of(config, repr(limits), level, versions, *files)


def _told(master: NotebookNode) -> str:
    """Give all of the instructor's notebook that can matter; its solutions do not."""
    cells = [(c.cell_type, c.source, c.metadata) for c in master.cells]
    return json.dumps([master.metadata, cells], sort_keys=True)


def _set_permissions(folder: Path, groupshared: bool) -> None:
    """Make the files of a graded submission read-only, as nbgrader does."""
    for parent, _, files in os.walk(folder):
        if groupshared:
            os.chmod(parent, os.stat(parent).st_mode & 0o777 | 0o2770)
        for name in files:
            os.chmod(Path(parent, name), 0o664 if groupshared else 0o444)
