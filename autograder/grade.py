"""Grade an assignment: every submission gets a verdict, and none can spoil another's.

For each submission, in this order: read it, rebuild it from the instructor's notebook
(`autograder.prepare`), run it in the sandbox in a worker process (`autograder.pool`),
score it by nbgrader's rule, and write it: scores, late penalty, verdict and statuses in
one transaction of the gradebook, and the folder ``autograded/S/A`` by renaming a
finished one. Only this process writes. Killed at any moment, it leaves the old grade of
a submission or the new one, and the next run goes on where it stopped: what it depends
on (the submission, the source, the limits, the level, due date and versions) has the
same fingerprint, so the submission is skipped.

Manual scores and comments in the gradebook are kept, as nbgrader keeps them.
"""

import contextlib
import copy
import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import nbformat
import nbgrader
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades, SaveCells
from nbgrader.utils import parse_utc

import autograder
from autograder import pool, store
from autograder.course import Course
from autograder.errors import CourseError, NotReadableError
from autograder.prepare import grade_id, read_notebook, rebuild, reference
from autograder.preprocess import (
    ENVIRONMENT,
    LARGEST_FILES,
    SandboxLimits,
    gather,
    master_files,
    protection_of,
    read_source,
    read_submitted,
    sandbox,
    settle,
    stored_items,
    stored_run,
)
from autograder.runner import Job, Limits, RunResult, run_notebook
from autograder.runner.sandbox import Sandbox
from autograder.verdicts import Verdict

_LARGEST_TIMESTAMP = 1000  # bytes


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
    """What `grade` did: one row for each submission, sorted by student."""

    assignment: str
    rows: list[Row]

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


@dataclass
class _Part:
    """One notebook of a submission on its way: first prepared, then run."""

    notebook: NotebookNode | None = None  # None if there is none to run
    repairs: list[str] = field(default_factory=list)
    job: Job | None = None  # once it is under way
    run: store.Run | None = None  # None until it has ended
    items: list[store.Item] = field(default_factory=list)
    final: bool = True  # False if it was not the submission's doing


@dataclass
class _Submission:
    """One submission on its way."""

    student: str
    folder: Path
    staging: Path  # becomes autograded/S/A
    digest: str
    timestamp: datetime | None = None
    repairs: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)  # besides the notebooks
    parts: dict[str, _Part] = field(default_factory=dict)  # by notebook

    def finished(self) -> bool:
        return all(part.run is not None for part in self.parts.values())

    def runs(self) -> list[store.Run]:
        """Give the runs as they are stored; the first has the repairs of the files."""
        # What failed here and not in the submission's code is tried again next time.
        digest = self.digest if all(p.final for p in self.parts.values()) else ""
        shared = self.repairs
        runs = []
        for part in self.parts.values():
            repairs = [*shared, *part.repairs]
            runs.append(replace(part.run, repairs=repairs, digest=digest))
            shared = []
        return runs


def grade(
    course: Course,
    assignment: str,
    students: list[str] | None = None,
    jobs: int | None = None,
    progress: Callable[[Event], None] | None = None,
    force: bool = False,
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

    Raises
    ------
    CourseError
        If there is no such assignment, no such student, nothing was submitted, another
        `grade` is at work, or the gradebook holds the assignment with other cells and
        with submissions.
    SandboxError
        If no level of isolation works on this machine. Nothing has been written then.
    """
    names = course.notebook_names(assignment)
    chosen = _chosen_students(course, assignment, students)
    configured = SandboxLimits(config=course.config)
    box = sandbox(configured.level)
    with _alone(course) as staging:
        grader = _Grader(course, assignment, names, configured, box, staging)
        return grader.grade(chosen, jobs or pool.cores(), progress or _quiet, force)


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


@contextlib.contextmanager
def _alone(course: Course) -> Iterator[Path]:
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
        shutil.rmtree(staging, ignore_errors=True)  # left by a run that was killed
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


class _Grader:
    """Grades one assignment; what all its submissions share."""

    def __init__(
        self,
        course: Course,
        assignment: str,
        names: list[str],
        configured: SandboxLimits,
        box: Sandbox,
        staging: Path,
    ) -> None:
        self.course = course
        self.config = course.config
        self.assignment = assignment
        self.configured = configured
        self.limits = configured.limits(assignment)
        self.box = box
        self.staging = staging
        self.source = course.source / assignment
        self.sources: dict[str, NotebookNode] = {}  # with the solutions
        self.references: dict[str, NotebookNode] = {}
        for name in names:
            path = self.source / f"{name}.ipynb"
            try:
                self.sources[name] = read_source(path, course.root, self.config)
                self.references[name] = reference(self.sources[name], self.config)
            except Exception as error:  # nbgrader has many for an unsound notebook
                raise CourseError(f"{path} cannot be graded with: {error}") from error
        self.master = master_files(self.source, course.directory.ignore, self.config)
        self.common = _fingerprint_of_course(course, self.source, self.limits, box)

    # --- the run through all of them --------------------------------------------------

    def grade(
        self,
        students: list[str],
        jobs: int,
        progress: Callable[[Event], None],
        force: bool,
    ) -> GradeSummary:
        rows: list[Row] = []

        def done(row: Row) -> None:
            rows.append(row)
            progress(Event(len(rows), len(students), row))

        progress(Event(0, len(students)))
        with store.open_gradebook(
            self.course.db_url, self.course.directory.course_id
        ) as gradebook:
            self.register(gradebook)
            self.protections = {
                name: protection_of(
                    gradebook,
                    source,
                    self.master,
                    self.configured,
                    self.assignment,
                    self.box,
                )
                for name, source in self.sources.items()
            }
            graded = self.up_to_date(gradebook)
            waiting: dict[str, _Submission] = {}

            def prepared() -> Iterator[tuple[tuple[str, str], tuple]]:
                """Prepare submissions one by one, as workers become free."""
                for student in students:
                    submission = self.submission(gradebook, student)
                    old = graded.get(student)
                    if old and old.digest == submission.digest and not force:
                        done(self.row(gradebook, old, skipped=True))
                        continue
                    self.prepare_or_end(submission)
                    if submission.finished():
                        done(self.save(gradebook, submission))
                        continue
                    waiting[student] = submission
                    for name, part in submission.parts.items():
                        if part.run is None:
                            yield self.job(submission, name)

            def take(outcome: pool.Outcome) -> None:
                student, name = outcome.key
                submission = waiting[student]
                self.take(submission, name, outcome)
                if submission.finished():
                    done(self.save(gradebook, waiting.pop(student)))

            # What may be the machine's doing is run again, alone, before it is judged.
            again = []
            for outcome in pool.run_all(run_notebook, prepared(), jobs):
                if outcome.error or outcome.result.wall_only:
                    again.append(outcome.key)
                else:
                    take(outcome)
            repeats = [self.job(waiting[student], name) for student, name in again]
            for outcome in pool.run_all(run_notebook, repeats, 1):
                take(outcome)
        return GradeSummary(self.assignment, sorted(rows, key=lambda row: row.student))

    def job(self, submission: _Submission, name: str) -> tuple[tuple[str, str], tuple]:
        """Give what a worker needs to run one notebook."""
        part = submission.parts[name]
        part.job = self.protections[name].job(
            part.notebook, submission.files, self.limits, ENVIRONMENT
        )
        return (submission.student, name), (part.job, self.box)

    # --- the gradebook's side of the assignment ---------------------------------------

    def register(self, gradebook: Gradebook) -> None:
        """Bring the gradebook's cells up to the source, as nbgrader's release does."""
        gradebook.update_or_create_assignment(self.assignment)
        entry = gradebook.find_assignment(self.assignment)
        known = {notebook.name for notebook in entry.notebooks}
        if known and known != set(self.references):
            if entry.submissions:
                raise CourseError(
                    f"{self.source} has the notebooks {', '.join(self.references)}, "
                    f"the gradebook has {', '.join(sorted(known))} and submissions of "
                    "them, which nbgrader cannot change; name them as they were"
                )
            for name in known - set(self.references):
                gradebook.remove_notebook(name, self.assignment)
        for name, notebook in self.references.items():
            if name in known and self._is_registered(gradebook, name, notebook):
                continue
            resources = {
                "nbgrader": {
                    "notebook": name,
                    "assignment": self.assignment,
                    "db_url": self.course.db_url,
                }
            }
            try:
                SaveCells(config=self.config).preprocess(notebook, resources)
            except RuntimeError as error:
                raise CourseError(
                    f"{self.source / name}.ipynb has other cells than the gradebook, "
                    f"which has graded submissions of it: {error}"
                ) from None
        gradebook.db.expire_all()

    def _is_registered(
        self, gradebook: Gradebook, name: str, notebook: NotebookNode
    ) -> bool:
        registered = gradebook.find_notebook(name, self.assignment)
        points = {
            cell.name: cell.max_score
            for cell in [*registered.grade_cells, *registered.task_cells]
        }
        cells = {
            cell.name: (
                cell.cell_type,
                cell.source,
                cell.checksum,
                points.get(cell.name),
            )
            for cell in registered.source_cells
        }
        return cells == {
            grade_id(cell): (
                cell.cell_type,
                cell.source,
                cell.metadata.nbgrader.get("checksum"),
                cell.metadata.nbgrader.get("points"),
            )
            for cell in notebook.cells
            if grade_id(cell)
        }

    # --- one submission, step by step -------------------------------------------------

    def submission(self, gradebook: Gradebook, student: str) -> _Submission:
        """Look at a submission without reading its notebooks."""
        folder = self.course.submitted / student / self.assignment
        timestamp, repairs = _timestamp(folder)
        due = _due(gradebook, self.assignment, student)
        return _Submission(
            student=student,
            folder=folder,
            staging=self.staging / "new" / student,
            digest=_digest(folder, self.common, due),
            timestamp=timestamp,
            repairs=repairs,
            parts={name: _Part() for name in self.references},
        )

    def prepare_or_end(self, submission: _Submission) -> None:
        """Prepare a submission; whatever goes wrong there is this submission's end."""
        try:
            self.prepare(submission)
        except Exception as error:
            for name, part in submission.parts.items():
                if part.run is None:
                    message = f"not prepared: {type(error).__name__}: {error}"
                    self.end(submission, name, Verdict.CRASHED, message)
                    part.final = False

    def prepare(self, submission: _Submission) -> None:
        """Read and rebuild the notebooks, and read the other files."""
        submission.files, left_out = gather(
            submission.folder, self.master, self.course.directory.ignore
        )
        submission.repairs += left_out
        for name, part in submission.parts.items():
            try:
                data = read_submitted(submission.folder / f"{name}.ipynb")
                prepared = rebuild(
                    self.references[name], read_notebook(data), self.config
                )
            except FileNotFoundError:
                there = sorted(p.name for p in submission.folder.glob("*.ipynb"))
                hint = f"; there is {', '.join(there[:5])}" if there else ""
                message = f"{name}.ipynb is missing{hint}"
                self.end(submission, name, Verdict.MISSING, message)
            except NotReadableError as error:
                self.end(submission, name, Verdict.NOT_READABLE, str(error))
            else:
                part.notebook = prepared.notebook
                part.repairs = prepared.repairs

    def end(
        self, submission: _Submission, name: str, verdict: Verdict, message: str
    ) -> None:
        """End a notebook that was not run: each of its items has zero points."""
        part = submission.parts[name]
        notebook = part.notebook or copy.deepcopy(self.references[name])
        items = settle(notebook, [False] * len(notebook.cells), message)
        part.items = stored_items(submission.student, self.assignment, name, items)
        part.run = store.Run(
            student=submission.student,
            assignment=self.assignment,
            notebook=name,
            verdict=verdict,
            message=message,
        )

    def take(self, submission: _Submission, name: str, outcome: pool.Outcome) -> None:
        """Take what came back from a worker."""
        part = submission.parts[name]
        if outcome.error:
            self.end(submission, name, Verdict.CRASHED, f"not run: {outcome.error}")
            part.final = False
            return
        result: RunResult = outcome.result
        part.notebook = result.notebook
        part.run, part.items = stored_run(
            submission.student, self.assignment, name, part.job, result
        )

    # --- writing ----------------------------------------------------------------------

    def save(self, gradebook: Gradebook, submission: _Submission) -> Row:
        """Write one submission: all of it, or nothing."""
        student, assignment = submission.student, self.assignment
        submission.staging.mkdir(parents=True)
        for name, content in submission.files.items():
            path = submission.staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name, part in submission.parts.items():
            if part.notebook is not None:
                nbformat.write(part.notebook, submission.staging / f"{name}.ipynb")
        _set_permissions(submission.staging, self.course.directory.groupshared)
        runs = submission.runs()
        with contextlib.ExitStack() as undo:
            with store.one_transaction(gradebook):
                gradebook.update_or_create_student(student)
                when = {"timestamp": submission.timestamp}
                gradebook.update_or_create_submission(
                    assignment, student, **(when if submission.timestamp else {})
                )
                for run, part in zip(runs, submission.parts.values(), strict=True):
                    self.save_scores(gradebook, student, run.notebook, part.notebook)
                    store.record(gradebook, run, part.items)
                row = self.row(gradebook, store.together(runs))
                self.put_in_place(submission, undo)
            undo.pop_all()
        return row

    def save_scores(
        self,
        gradebook: Gradebook,
        student: str,
        name: str,
        notebook: NotebookNode | None,
    ) -> None:
        """Write the scores of one notebook, by nbgrader's own preprocessors."""
        submitted = gradebook.find_submission_notebook(name, self.assignment, student)
        if notebook is None:  # as nbgrader does for a missing one
            for score in submitted.grades:
                score.auto_score = 0
                score.needs_manual_grade = False
        else:
            saver = SaveAutoGrades(config=self.config)
            saver.gradebook = gradebook
            saver.notebook_id = name
            saver.assignment_id = self.assignment
            saver.student_id = student
            for index, cell in enumerate(notebook.cells):
                saver.preprocess_cell(cell, {}, index)
        gradebook.db.commit()
        late = AssignLatePenalties(config=self.config)
        late.init_plugin()
        seconds = gradebook.find_submission(self.assignment, student).total_seconds_late
        submitted.late_submission_penalty = None
        if seconds > 0:
            penalty = late.plugin_inst.late_submission_penalty(
                student, submitted.score, seconds
            )
            if penalty is not None:
                penalty = late._check_late_penalty(submitted, penalty)
            submitted.late_submission_penalty = penalty
        gradebook.db.commit()

    def put_in_place(self, submission: _Submission, undo: contextlib.ExitStack) -> None:
        """Move the finished folder to ``autograded/S/A``; `undo` moves it back."""
        final = self.course.autograded / submission.student / self.assignment
        old = self.staging / "old" / submission.student
        for folder in (final, old):
            folder.parent.mkdir(parents=True, exist_ok=True)
        if final.exists():
            final.rename(old)
            undo.callback(old.rename, final)
        submission.staging.rename(final)
        undo.callback(final.rename, submission.staging)

    def row(
        self, gradebook: Gradebook, run: store.Run, *, skipped: bool = False
    ) -> Row:
        """Read a submission's points back from the gradebook."""
        submission = gradebook.find_submission(self.assignment, run.student)
        return Row(
            student=run.student,
            assignment=self.assignment,
            verdict=run.verdict,
            points=max(0.0, submission.score - submission.late_submission_penalty),
            max_points=submission.max_score,
            level=run.level,
            seconds=run.wall_seconds,
            message=run.message,
            repairs=run.repairs,
            skipped=skipped,
        )

    def up_to_date(self, gradebook: Gradebook) -> dict[str, store.Run]:
        """Find the submissions whose grade is complete, by student."""
        parts: dict[str, list[store.Run]] = {}
        for run in store.runs_by_notebook(gradebook, self.assignment):
            parts.setdefault(run.student, []).append(run)
        entered = {
            s.student_id for s in gradebook.assignment_submissions(self.assignment)
        }
        return {
            student: store.together(runs)
            for student, runs in parts.items()
            if {run.notebook for run in runs} == set(self.references)
            and len({run.digest for run in runs}) == 1
            and student in entered
            and (self.course.autograded / student / self.assignment).is_dir()
        }


# --- what a grade depends on ----------------------------------------------------------


def _timestamp(folder: Path) -> tuple[datetime | None, list[str]]:
    """Read when a submission was handed in, as nbgrader writes it down."""
    path = folder / "timestamp.txt"
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_TIMESTAMP:
            raise ValueError("no ordinary small file")
        text = path.read_text(encoding="utf-8").strip()
        return (parse_utc(text) if text else None), []
    except FileNotFoundError:
        return None, []
    except (ValueError, OverflowError, TypeError, OSError) as error:
        return None, [f"timestamp.txt was not read ({error}); no lateness is counted."]


def _due(gradebook: Gradebook, assignment: str, student: str) -> str:
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return f"{gradebook.find_assignment(assignment).duedate} None"
    return f"{submission.assignment.duedate} {submission.extension}"


def _fingerprint_of_course(
    course: Course, source: Path, limits: Limits, box: Sandbox
) -> str:
    config = json.dumps(course.config, default=repr, sort_keys=True)
    versions = f"{autograder.__version__} {nbgrader.__version__}"
    return _digest(source, config, repr(limits), box.level, versions)


def _digest(folder: Path, *words: str) -> str:
    """Hash words, and the names and contents of the files below a folder.

    For links, and files larger than any that is read, their times stand for the
    contents.
    """
    whole = hashlib.sha256("\0".join(words).encode())
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            status = path.stat() if path.exists() else path.lstat()
            what = f"{path.relative_to(folder)}\0{status.st_mode}\0{status.st_size}"
            whole.update(what.encode("utf-8", "surrogateescape"))
            plain = stat.S_ISREG(status.st_mode) and not path.is_symlink()
            if plain and status.st_size <= LARGEST_FILES:
                whole.update(hashlib.sha256(path.read_bytes()).digest())
            else:
                whole.update(str(status.st_mtime_ns).encode())
    return whole.hexdigest()


def _set_permissions(folder: Path, groupshared: bool) -> None:
    """Make the files of a graded submission read-only, as nbgrader does."""
    for parent, _, files in os.walk(folder):
        if groupshared:
            os.chmod(parent, os.stat(parent).st_mode & 0o777 | 0o2770)
        for name in files:
            os.chmod(Path(parent, name), 0o664 if groupshared else 0o444)
