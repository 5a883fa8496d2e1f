"""The runs that `check` makes: whole notebooks, and many answers tried alone.

A `Subject` is one notebook under check. A `WholeRun` runs all of it; a `SharedRun`
tries several answers in one notebook, each of them a `Candidate`, and each alone. The
`Executor` runs them on a pool of workers, and keeps the `RunOutcome` of each. `survey`
comes first: it finds how the tests run, and tries the reference's own answers alone.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode

from autograder.assignment.cells import grade_id, is_test
from autograder.assignment.markers import hidden_test_markers
from autograder.assignment.notebook import Assignment, AssignmentNotebook
from autograder.assignment.protect import Protection, find_unprotected
from autograder.assignment.scoring import Item, settle
from autograder.assignment.source import ENVIRONMENT
from autograder.course import Course
from autograder.errors import BuildError
from autograder.gate.answers import Answer
from autograder.gate.harness import (
    MOST_TRIED,
    Harness,
    renamed_tests,
    results_by_answer,
)
from autograder.gate.mutants import Mutant
from autograder.gate.variants import Accepted, Wrong
from autograder.runner import (
    Job,
    Limits,
    RunResult,
    Sandbox,
    run_notebook,
    run_surely,
)
from autograder.verdicts import Status, Verdict
from autograder.workers import pool

SEED_VARIABLE = "CHECKS_SEED"
QUICK_PARTS = {"mutants", "shipped"}  # may loop, so that they have little time
QUICK_TIMES = 4  # how much, in times of the reference
QUICK_SECONDS = 2.0  # CPU time that they may use in any case
_RUN_SECONDS = 15.0  # about as long as a run of many answers should take


@dataclass(eq=False)
class Subject:
    """One notebook under check, and what `survey` finds of it.

    Attributes
    ----------
    notebook : AssignmentNotebook
        The notebook.
    harness : Harness
        Where answers to its items are tried alone.
    seconds : dict of str to float
        CPU time of trying the reference's answer to each item, in seconds.
    failed : list of str
        The items whose reference is not passed when it is tried alone.
    """

    notebook: AssignmentNotebook
    harness: Harness
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def job(self, notebook: NotebookNode, seed: int) -> Job:
        """Make the job of running the whole notebook, with whatever answers."""
        return self.notebook.job(notebook, environment={SEED_VARIABLE: str(seed)})

    def shared_job(self, answers: list[Answer], seed: int, part: str) -> Job:
        """Make the job of trying answers alone, as a part of the proof has it.

        Mutants and shipped callables have little time; in the part ``visible`` the
        tests are what students see of them.
        """
        limits = self.notebook.assignment.limits
        if part in QUICK_PARTS:
            most = max(self.seconds.get(answer.item, 0.0) for answer in answers)
            most = min(limits.cell_cpu_seconds, max(QUICK_SECONDS, QUICK_TIMES * most))
            limits = replace(limits, cell_cpu_seconds=most)
        harness = self.harness
        if part == "visible":
            config = self.notebook.assignment.course.config
            harness = harness.as_shown(hidden_test_markers(config))
        return shared_job(harness, self.notebook.protection, limits, answers, seed)


def shared_job(
    harness: Harness,
    protection: Protection,
    limits: Limits,
    answers: list[Answer],
    seed: int,
) -> Job:
    """Make the job of trying answers alone, each as long as a cell may take."""
    notebook = harness.shared(answers)
    unprotected = renamed_tests(protection.unprotected, notebook)
    count = len(answers) + 1
    limits = replace(
        limits,
        notebook_cpu_seconds=limits.notebook_cpu_seconds
        + count * limits.cell_cpu_seconds,
        notebook_wall_seconds=count * limits.notebook_wall_seconds,
    )
    return replace(protection, unprotected=unprotected).job(
        notebook,
        protection.trusted,
        limits,
        {**ENVIRONMENT, SEED_VARIABLE: str(seed)},
    )


def read_subjects(course: Course, assignment: str) -> list[Subject]:
    """Read the notebooks of an assignment."""
    notebooks = Assignment(course, assignment).notebooks.values()
    return [Subject(notebook, Harness(notebook.source)) for notebook in notebooks]


def survey(subjects: list[Subject], executor: "Executor") -> None:
    """Find how each notebook's tests run, and try the reference's answers alone.

    This is the control of all that follows: an answer that is refused where the
    reference is too would say nothing.
    """
    outcomes = executor.call(
        explore,
        (
            (
                subject.notebook.source,
                subject.notebook.protection,
                subject.notebook.assignment.limits,
                executor.sandbox,
            )
            for subject in subjects
        ),
    )
    for subject, outcome in zip(subjects, outcomes, strict=True):
        if outcome.error:
            name = subject.notebook.name
            raise BuildError(f"{name} could not be run: {outcome.error}")
        protection, subject.harness, subject.seconds, subject.failed = outcome.result
        subject.notebook.protection = protection


def explore(
    source: NotebookNode, protection: Protection, limits: Limits, sandbox: Sandbox
) -> tuple[Protection, Harness, dict[str, float], list[str]]:
    """Find the unprotected tests of a notebook, and what its items' tests take alone.

    Cells that are the student's to change are left out, unless items need them.

    Returns
    -------
    protection : Protection
        What cannot be protected is in it.
    harness, seconds, failed
        As a `Subject` has them.
    """
    protection, _ = find_unprotected(
        source, protection, limits, ENVIRONMENT, lambda job: run_surely(job, sandbox)
    )
    for all_cells in (False, True):
        harness = Harness(source, all_cells)
        seconds: dict[str, float] = {}
        failed: list[str] = []
        for item in harness.tests:
            answer = Answer(item, harness.code(item))
            job = shared_job(harness, protection, limits, [answer], seed=0)
            result = run_surely(job, sandbox)
            tests = settle(result.notebook, result.ran, result.message)
            seconds[item] = result.cpu_seconds
            if not all(test.status is Status.CORRECT for test in tests):
                failed.append(item)
        if not failed:
            break
    return protection, harness, seconds, failed


# ------------------------------------------------------------------------- the runs


@dataclass(frozen=True, eq=False)
class WholeRun:
    """One run of a whole notebook, and which part of the proof it is for.

    Attributes
    ----------
    subject : Subject
        What is run.
    part : str
        One of `PARTS`.
    name : str
        The seed, the mistake, the variant or what was broken.
    notebook : NotebookNode
        Hidden tests included.
    seed : int
        Value of ``CHECKS_SEED`` during the run.
    item : str
        Whose answer was replaced.
    seals : bool
        Whether all that the item's answer defines are functions that raise: if no
        other item is lost, none can feel what stands in its place.
    """

    subject: Subject
    part: str
    name: str
    notebook: NotebookNode
    seed: int = 0
    item: str = ""
    seals: bool = False

    def job(self) -> Job:
        """Make the job."""
        return self.subject.job(self.notebook, self.seed)


@dataclass(frozen=True)
class Candidate:
    """One answer that is tried alone.

    Attributes
    ----------
    part : str
        The part of the proof that it is for, one of `PARTS`.
    answer : Answer
        What is tried.
    origin : Wrong, Accepted, Mutant or str
        Where the answer comes from; for a shipped callable, a label.
    seed : int
        Value of ``CHECKS_SEED`` during the run.
    """

    part: str
    answer: Answer
    origin: Wrong | Accepted | Mutant | str
    seed: int = 0


@dataclass(frozen=True, eq=False)
class SharedRun:
    """One run that tries several answers to one item, each alone.

    Its candidates have the seed in common, whether they are given little time, and
    whether their tests are what students see of them.
    """

    subject: Subject
    candidates: tuple[Candidate, ...]

    def job(self) -> Job:
        """Make the job."""
        first = self.candidates[0]
        answers = [candidate.answer for candidate in self.candidates]
        return self.subject.shared_job(answers, first.seed, first.part)

    def halves(self) -> "list[SharedRun]":
        """Split it, so that what ended a run spoils ever fewer answers."""
        middle = (len(self.candidates) + 1) // 2
        parts = self.candidates[:middle], self.candidates[middle:]
        return [SharedRun(self.subject, part) for part in parts if part]


@dataclass(frozen=True)
class RunOutcome:
    """How the tests of a whole run, or of one candidate, ended.

    Attributes
    ----------
    items : list of Item
        How each test ended; empty if they could not be run.
    error : str
        Why they could not be run; empty if they were.
    verdict : str
        How the run ended.
    valued : tuple of str
        The grade_ids of the tests that end in a value without being meant to.
    """

    items: list[Item]
    error: str = ""
    verdict: str = ""
    valued: tuple[str, ...] = ()

    @property
    def lost(self) -> list[str]:
        """The grade_ids of the tests that were not passed."""
        return [i.grade_id for i in self.items if i.status is not Status.CORRECT]


class Executor:
    """Runs jobs on a pool of workers, and keeps how each run ended.

    Attributes
    ----------
    whole : dict of WholeRun to RunOutcome
        How the runs of whole notebooks ended.
    alone : dict of (Subject, Candidate) to RunOutcome
        How the answers that were tried alone ended.
    cpu_seconds : dict of str to float
        CPU time of all runs of each assignment, in seconds.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        workers: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Start nothing yet: workers come with the first runs."""
        self.sandbox = sandbox
        self.workers = workers
        self.progress = progress or (lambda done, total: None)
        self.idle: list[pool.Worker] = []
        self.done = self.total = 0
        self.whole: dict[WholeRun, RunOutcome] = {}
        self.alone: dict[tuple[Subject, Candidate], RunOutcome] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.repeated: set[WholeRun | SharedRun] = set()

    def stop(self) -> None:
        """End the workers."""
        for worker in self.idle:
            worker.stop()

    def call(
        self, function: Callable, arguments: Iterable[tuple]
    ) -> list[pool.Outcome]:
        """Call a function for each tuple of arguments; return in their order."""
        calls: list[tuple[Hashable, tuple]] = list(enumerate(arguments))
        self.total += len(calls)
        outcomes = {}
        for outcome in pool.run_all(function, calls, self.workers, self.idle):
            outcomes[outcome.key] = outcome
            self._count_one()
        return [outcomes[key] for key, _ in calls]

    def run(self, runs: Iterable[WholeRun | SharedRun]) -> None:
        """Run all of them; answers that another's end kept from running go again."""
        todo = list(runs)
        while todo:
            self.total += len(todo)
            jobs = ((k, (run.job(), self.sandbox)) for k, run in enumerate(todo))
            again: list[WholeRun | SharedRun] = []
            for outcome in pool.run_all(run_notebook, jobs, self.workers, self.idle):
                again += self._record(todo[outcome.key], outcome)
                self._count_one()
            todo = again

    def _count_one(self) -> None:
        self.done += 1
        self.progress(self.done, self.total)

    def _record(
        self, run: WholeRun | SharedRun, outcome: pool.Outcome
    ) -> Sequence[WholeRun | SharedRun]:
        """Keep how a run ended; return what has to be run once more, or in parts."""
        result: RunResult | None = outcome.result
        if outcome.is_doubtful and run not in self.repeated:  # a busy machine, say
            self.repeated.add(run)
            return [run]
        if result is not None:
            assignment = run.subject.notebook.assignment.name
            seconds = self.cpu_seconds.get(assignment, 0.0)
            self.cpu_seconds[assignment] = seconds + result.cpu_seconds
        if isinstance(run, WholeRun):
            self.whole[run] = _outcome(outcome)
            return []
        return self._record_shared(run, outcome)

    def _record_shared(self, run: SharedRun, outcome: pool.Outcome) -> list[SharedRun]:
        """Keep the candidates that ran to their end; split the rest into new runs.

        Of a candidate that was tried without others, the end of the run is its own.
        """
        count = len(run.candidates)
        ended = _outcome(outcome, single=count == 1)
        if ended.error and count > 1:
            return run.halves()
        rest = []
        by_answer = results_by_answer(ended.items, count)
        for candidate, items in zip(run.candidates, by_answer, strict=True):
            if count > 1 and any(item.status is Status.NOT_RUN for item in items):
                rest.append(candidate)
            else:
                self.alone[run.subject, candidate] = replace(ended, items=items)
        return SharedRun(run.subject, tuple(rest)).halves() if rest else []


def _outcome(outcome: pool.Outcome, single: bool = False) -> RunOutcome:
    """Score a run, or say why it cannot be scored.

    A run that tried a `single` candidate is scored however it ended: its tests are
    lost then.
    """
    if outcome.error:
        return RunOutcome([], outcome.error)
    result: RunResult = outcome.result
    if result.verdict is Verdict.INTERRUPTED:
        return RunOutcome([], f"it was interrupted: {result.message}")
    items = settle(result.notebook, result.ran, result.message)
    valued = tuple(
        grade_id(cell)
        for cell in result.notebook.cells
        if is_test(cell)
        and not cell.metadata.get("autograder", {}).get("partial_credit", False)
        and any(output.output_type == "execute_result" for output in cell.outputs)
    )
    error = ""
    if result.verdict is not Verdict.GRADED and not single:
        error = f"the run ended as {result.verdict.value!r}: {result.message}"
    return RunOutcome(items, error, result.verdict.value, valued)


def shared_runs(subject: Subject, candidates: list[Candidate]) -> Iterator[SharedRun]:
    """Part answers to one item into runs of about the same length."""
    groups: dict[tuple, list[Candidate]] = {}
    for candidate in candidates:
        quick, visible = candidate.part in QUICK_PARTS, candidate.part == "visible"
        groups.setdefault((quick, visible, candidate.seed), []).append(candidate)
    for group in groups.values():
        seconds = max(subject.seconds[group[0].answer.item], 0.01)
        size = max(4, min(MOST_TRIED, int(_RUN_SECONDS / seconds)))
        for start in range(0, len(group), size):
            yield SharedRun(subject, tuple(group[start : start + size]))
