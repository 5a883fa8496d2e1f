"""The runs that `check` makes: whole notebooks, and many answers tried alone.

A `Subject` is one notebook under check. A `Trial` runs all of it, a `Tryout` tries
several answers on a bench; `Runs` has the pool that runs them, and keeps how each
`Ended`. `survey` comes first: it finds how the tests run, and tries the reference's own
answers alone.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode

from autograder.assignment.notebook import Assignment, AssignmentNotebook
from autograder.assignment.protect import Protection, find_unprotected
from autograder.assignment.scoring import Item, is_test, settle
from autograder.assignment.source import ENVIRONMENT
from autograder.course import Course
from autograder.errors import BuildError
from autograder.gate.bench import MOST_TRIED, Answer, Bench, renamed_tests, sorted_out
from autograder.gate.mutants import Mutant
from autograder.gate.variants import Accepted, Wrong
from autograder.runner.job import Job, Limits, RunResult
from autograder.runner.run import run_notebook
from autograder.runner.sandbox import Sandbox
from autograder.verdicts import Status, Verdict
from autograder.workers import pool

SEED_VARIABLE = "CHECKS_SEED"
QUICK_KINDS = {"mutants", "shipped"}  # may loop, so that they have little time
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
    bench : Bench
        Where answers to its items are tried alone.
    seconds : dict of str to float
        CPU time of trying the reference's answer to each item, in seconds.
    failed : list of str
        The items whose reference is not passed when it is tried alone.
    """

    notebook: AssignmentNotebook
    bench: Bench
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def job(self, notebook: NotebookNode, seed: int) -> Job:
        """Make the job of running the whole notebook, with whatever answers."""
        return self.notebook.job(notebook, environment={SEED_VARIABLE: str(seed)})

    def tryout(self, answers: list[Answer], seed: int, quick: bool) -> Job:
        """Make the job of trying answers alone; `quick`, they may not take long."""
        limits = self.notebook.assignment.limits
        if quick:
            most = max(self.seconds.get(answer.item, 0.0) for answer in answers)
            most = min(limits.cell_cpu_seconds, max(QUICK_SECONDS, QUICK_TIMES * most))
            limits = replace(limits, cell_cpu_seconds=most)
        return tryout_job(self.bench, self.notebook.protection, limits, answers, seed)


def tryout_job(
    bench: Bench,
    protection: Protection,
    limits: Limits,
    answers: list[Answer],
    seed: int,
) -> Job:
    """Make the job of trying answers alone, each as long as a cell may take."""
    notebook = bench.tried(answers)
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
    return [Subject(notebook, Bench(notebook.source)) for notebook in notebooks]


def survey(subjects: list[Subject], runs: "Runs") -> None:
    """Find how each notebook's tests run, and try the reference's answers alone.

    This is the control of all that follows: an answer that is refused where the
    reference is too would say nothing.
    """
    found = runs.call(
        explore,
        (
            (
                subject.notebook.source,
                subject.notebook.protection,
                subject.notebook.assignment.limits,
                runs.box,
            )
            for subject in subjects
        ),
    )
    for subject, outcome in zip(subjects, found, strict=True):
        if outcome.error:
            name = subject.notebook.name
            raise BuildError(f"{name} could not be run: {outcome.error}")
        protection, subject.bench, subject.seconds, subject.failed = outcome.result
        subject.notebook.protection = protection


def explore(
    source: NotebookNode, protection: Protection, limits: Limits, box: Sandbox
) -> tuple[Protection, Bench, dict[str, float], list[str]]:
    """Find the unprotected tests of a notebook, and what its items' tests take alone.

    Cells that are the student's to change are left out, unless items need them.

    Returns
    -------
    protection : Protection
        What cannot be protected is in it.
    bench, seconds, failed
        As a `Subject` has them.
    """
    protection, _ = find_unprotected(
        source, protection, limits, ENVIRONMENT, lambda job: run_notebook(job, box)
    )
    for all_cells in (False, True):
        bench = Bench(source, all_cells)
        seconds: dict[str, float] = {}
        failed: list[str] = []
        for item in bench.tests:
            answer = Answer(item, bench.code(item))
            job = tryout_job(bench, protection, limits, [answer], seed=0)
            result = run_notebook(job, box)
            ended = settle(result.notebook, result.ran, result.message)
            seconds[item] = result.cpu_seconds
            if not all(test.status is Status.CORRECT for test in ended):
                failed.append(item)
        if not failed:
            break
    return protection, bench, seconds, failed


# ------------------------------------------------------------------------- the runs


@dataclass(frozen=True, eq=False)
class Trial:
    """One run of a whole notebook and what is wanted of it.

    Attributes
    ----------
    subject : Subject
        What is run.
    kind : str
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
    kind: str
    name: str
    notebook: NotebookNode
    seed: int = 0
    item: str = ""
    seals: bool = False

    def job(self) -> Job:
        """Make the job."""
        return self.subject.job(self.notebook, self.seed)


@dataclass(frozen=True)
class Try:
    """One answer that is tried alone: `what` it is, a variant, a mutant or a label."""

    kind: str
    answer: Answer
    what: Wrong | Accepted | Mutant | str
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Tryout:
    """One run that tries several answers, each alone."""

    subject: Subject
    tries: tuple[Try, ...]

    def job(self) -> Job:
        """Make the job."""
        quick = self.tries[0].kind in QUICK_KINDS
        answers = [tried.answer for tried in self.tries]
        return self.subject.tryout(answers, self.tries[0].seed, quick)

    def halves(self) -> "list[Tryout]":
        """Split it, so that what ended a run spoils ever fewer answers."""
        middle = (len(self.tries) + 1) // 2
        parts = self.tries[:middle], self.tries[middle:]
        return [Tryout(self.subject, part) for part in parts if part]


@dataclass(frozen=True)
class Ended:
    """How the tests of one trial or try ended; `error` if they could not be run."""

    items: list[Item]
    error: str = ""
    verdict: str = ""
    valued: tuple[str, ...] = ()


class Runs:
    """The pool of all runs, and what came of them."""

    def __init__(
        self,
        box: Sandbox,
        workers: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Start nothing yet: workers come with the first runs."""
        self.box = box
        self.workers = workers
        self.progress = progress or (lambda done, total: None)
        self.idle: list[pool.Worker] = []
        self.done = self.total = 0
        self.trials: dict[Trial, Ended] = {}
        self.tries: dict[tuple[Subject, Try], Ended] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.repeated: set[Trial | Tryout] = set()

    def stop(self) -> None:
        """End the workers."""
        for worker in self.idle:
            worker.stop()

    def call(
        self, function: Callable, arguments: Iterable[tuple]
    ) -> list[pool.Outcome]:
        """Call a function for each tuple of arguments; return in their order."""
        todo: list[tuple[Hashable, tuple]] = list(enumerate(arguments))
        self.total += len(todo)
        found = {}
        for outcome in pool.run_all(function, todo, self.workers, self.idle):
            found[outcome.key] = outcome
            self.done += 1
            self.progress(self.done, self.total)
        return [found[key] for key, _ in todo]

    def finish(self, work: Iterable[Trial | Tryout]) -> None:
        """Run everything; answers that another's end kept from running go again."""
        todo = list(work)
        while todo:
            self.total += len(todo)
            jobs = ((k, (w.job(), self.box)) for k, w in enumerate(todo))
            again: list[Trial | Tryout] = []
            for outcome in pool.run_all(run_notebook, jobs, self.workers, self.idle):
                again += self._settle(todo[outcome.key], outcome)
                self.done += 1
                self.progress(self.done, self.total)
            todo = again

    def _settle(
        self, work: Trial | Tryout, outcome: pool.Outcome
    ) -> Sequence[Trial | Tryout]:
        result: RunResult | None = outcome.result
        outside = outcome.died or (result is not None and result.wall_only)
        if outside and work not in self.repeated:  # a busy machine, say
            self.repeated.add(work)
            return [work]
        if result is not None:
            assignment = work.subject.notebook.assignment.name
            seconds = self.cpu_seconds.get(assignment, 0.0)
            self.cpu_seconds[assignment] = seconds + result.cpu_seconds
        if isinstance(work, Trial):
            self.trials[work] = _ended(outcome)
            return []
        return self._settle_tryout(work, outcome)

    def _settle_tryout(self, work: Tryout, outcome: pool.Outcome) -> list[Tryout]:
        """Keep what ran to its end; split the rest; alone, the run's end judges."""
        ended = _ended(outcome, alone=len(work.tries) == 1)
        if ended.error and len(work.tries) > 1:
            return work.halves()
        alone = len(work.tries) == 1
        rest = []
        for tried, items in zip(
            work.tries, sorted_out(ended.items, len(work.tries)), strict=True
        ):
            if not alone and any(item.status is Status.NOT_RUN for item in items):
                rest.append(tried)
            else:
                self.tries[work.subject, tried] = replace(ended, items=items)
        return Tryout(work.subject, tuple(rest)).halves() if rest else []


def _ended(outcome: pool.Outcome, alone: bool = False) -> Ended:
    """Score a run, or say why it cannot be; `alone`, a bad end is a lost item."""
    if outcome.error:
        return Ended([], outcome.error)
    result: RunResult = outcome.result
    items = settle(result.notebook, result.ran, result.message)
    valued = tuple(
        cell.metadata.nbgrader.grade_id
        for cell in result.notebook.cells
        if is_test(cell)
        and not cell.metadata.get("autograder", {}).get("partial_credit", False)
        and any(output.output_type == "execute_result" for output in cell.outputs)
    )
    error = ""
    if result.verdict is not Verdict.GRADED and not alone:
        error = f"the run ended as {result.verdict.value!r}: {result.message}"
    return Ended(items, error, result.verdict.value, valued)


def in_runs(subject: Subject, tries: list[Try]) -> Iterator[Tryout]:
    """Part answers to one item into runs of about the same length."""
    groups: dict[tuple, list[Try]] = {}
    for tried in tries:
        quick = tried.kind in QUICK_KINDS
        groups.setdefault((quick, tried.seed), []).append(tried)
    for group in groups.values():
        seconds = max(subject.seconds[group[0].answer.item], 0.01)
        size = max(4, min(MOST_TRIED, int(_RUN_SECONDS / seconds)))
        for start in range(0, len(group), size):
            yield Tryout(subject, tuple(group[start : start + size]))


def lost_tests(ended: Ended) -> list[str]:
    """Name the tests that were not passed."""
    return [item.grade_id for item in ended.items if item.status is not Status.CORRECT]
