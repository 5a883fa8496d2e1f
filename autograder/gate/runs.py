"""The runs that `check` makes: whole notebooks, and many answers tried alone.

A `Place` is one notebook under check. A `Trial` runs all of it, a `Tryout` tries
several answers on a bench; `Runs` has the pool that runs them, and keeps how each
`Ended`. `survey` comes first: it finds how the tests run, and tries the reference's own
answers alone.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode
from nbgrader.utils import is_solution

from autograder.assignment.limits import SandboxLimits
from autograder.assignment.protect import Protection, find_unprotected, protect
from autograder.assignment.scoring import Item, is_test, settle
from autograder.assignment.source import ENVIRONMENT, master_files, read_source
from autograder.course import Course
from autograder.errors import BuildError
from autograder.gate.bench import MOST_TRIED, Answer, Bench, renamed_tests, sorted_out
from autograder.gate.mutants import Mutant
from autograder.gate.variants import Accepted, Wrong
from autograder.runner import Job, Limits, RunResult, Sandbox, run_notebook
from autograder.verdicts import Status, Verdict
from autograder.workers import pool

SEED_VARIABLE = "CHECKS_SEED"
QUICK_KINDS = {"mutants", "shipped"}  # may loop, so that they have little time
QUICK_TIMES = 4  # how much, in times of the reference
QUICK_SECONDS = 2.0  # CPU time that they may use in any case
_RUN_SECONDS = 15.0  # about as long as a run of many answers should take


@dataclass(eq=False)
class Place:
    """One notebook of an assignment, and what is known of how it runs."""

    assignment: str
    name: str
    source: NotebookNode
    limits: Limits
    protection: Protection
    bench: Bench
    seconds: dict[str, float] = field(default_factory=dict)  # CPU time of each item
    failed: list[str] = field(default_factory=list)  # items not passed alone

    def code(self, item: str) -> str:
        """Return the reference's answer to an item."""
        (code,) = (
            cell.source
            for cell in self.source.cells
            if is_solution(cell) and cell.metadata.nbgrader.grade_id == item
        )
        return code

    def job(self, notebook: NotebookNode, seed: int) -> Job:
        """Make the job of running the whole notebook, with whatever answers."""
        protection = self.protection
        env = {**ENVIRONMENT, SEED_VARIABLE: str(seed)}
        return protection.job(notebook, protection.trusted, self.limits, env)

    def tryout(self, answers: list[Answer], seed: int, quick: bool) -> Job:
        """Make the job of trying answers alone."""
        notebook = self.bench.tried(answers)
        unprotected = renamed_tests(self.protection.unprotected, notebook)
        protection = replace(self.protection, unprotected=unprotected)
        limits = self.limits
        if quick:
            most = max(self.seconds.get(answer.item, 0.0) for answer in answers)
            most = min(limits.cell_cpu_seconds, max(QUICK_SECONDS, QUICK_TIMES * most))
            limits = replace(limits, cell_cpu_seconds=most)
        count = len(answers) + 1
        limits = replace(
            limits,
            notebook_cpu_seconds=limits.notebook_cpu_seconds
            + count * limits.cell_cpu_seconds,
            notebook_wall_seconds=count * limits.notebook_wall_seconds,
        )
        env = {**ENVIRONMENT, SEED_VARIABLE: str(seed)}
        return protection.job(notebook, protection.trusted, limits, env)


def read_places(course: Course, assignment: str, limits: SandboxLimits) -> list[Place]:
    """Read the notebooks of an assignment."""
    files = master_files(
        course.source / assignment, course.directory.ignore, course.config
    )
    places = []
    for name in course.notebook_names(assignment):
        file = course.source / assignment / f"{name}.ipynb"
        source = read_source(file, course.root, course.config)
        protection = protect(source, files, limits.student_modules)
        bounds = limits.limits(assignment)
        place = Place(assignment, name, source, bounds, protection, Bench(source))
        places.append(place)
    return places


def survey(places: list[Place], runs: "Runs") -> None:
    """Find how each notebook's tests run, and try the reference's answers alone.

    This is the control of all that follows: an answer that is refused where the
    reference is too would say nothing.
    """
    found = runs.call(
        explore,
        ((place.source, place.protection, place.limits, runs.box) for place in places),
    )
    for place, outcome in zip(places, found, strict=True):
        if outcome.error:
            raise BuildError(f"{place.name} could not be run: {outcome.error}")
        place.protection, place.bench, place.seconds, place.failed = outcome.result


def explore(
    source: NotebookNode, protection: Protection, limits: Limits, box: Sandbox
) -> tuple[Protection, Bench, dict[str, float], list[str]]:
    """Find the unprotected tests of a notebook, and what its items' tests take alone.

    Cells that are the student's to change are left out, unless items need them.

    Returns
    -------
    protection : Protection
        What cannot be protected is in it.
    bench : Bench
        Where answers can be tried.
    seconds : dict of str to float
        CPU time of trying the reference's answer to each item, in seconds.
    failed : list of str
        The items whose reference is not passed there.
    """
    protection, _ = find_unprotected(
        source, protection, limits, ENVIRONMENT, lambda job: run_notebook(job, box)
    )
    for all_cells in (False, True):
        bench = Bench(source, all_cells)
        place = Place("", "", source, limits, protection, bench)
        for item in bench.tests:
            job = place.tryout([Answer(item, place.code(item))], 0, quick=False)
            result = run_notebook(job, box)
            ended = settle(result.notebook, result.ran, result.message)
            place.seconds[item] = result.cpu_seconds
            if not all(test.status is Status.CORRECT for test in ended):
                place.failed.append(item)
        if not place.failed:
            break
    return protection, bench, place.seconds, place.failed


# ------------------------------------------------------------------------- the runs


@dataclass(frozen=True, eq=False)
class Trial:
    """One run of a whole notebook and what is wanted of it.

    Attributes
    ----------
    place : Place
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

    place: Place
    kind: str
    name: str
    notebook: NotebookNode
    seed: int = 0
    item: str = ""
    seals: bool = False

    def job(self) -> Job:
        """Make the job."""
        return self.place.job(self.notebook, self.seed)


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

    place: Place
    tries: tuple[Try, ...]

    def job(self) -> Job:
        """Make the job."""
        quick = self.tries[0].kind in QUICK_KINDS
        answers = [tried.answer for tried in self.tries]
        return self.place.tryout(answers, self.tries[0].seed, quick)

    def halves(self) -> "list[Tryout]":
        """Split it, so that what ended a run spoils ever fewer answers."""
        middle = (len(self.tries) + 1) // 2
        parts = self.tries[:middle], self.tries[middle:]
        return [Tryout(self.place, part) for part in parts if part]


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
        self.tries: dict[tuple[Place, Try], Ended] = {}
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
            seconds = self.cpu_seconds.get(work.place.assignment, 0.0)
            self.cpu_seconds[work.place.assignment] = seconds + result.cpu_seconds
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
                self.tries[work.place, tried] = replace(ended, items=items)
        return Tryout(work.place, tuple(rest)).halves() if rest else []


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


def in_runs(place: Place, tries: list[Try]) -> Iterator[Tryout]:
    """Part answers to one item into runs of about the same length."""
    groups: dict[tuple, list[Try]] = {}
    for tried in tries:
        quick = tried.kind in QUICK_KINDS
        groups.setdefault((quick, tried.seed), []).append(tried)
    for group in groups.values():
        seconds = max(place.seconds[group[0].answer.item], 0.01)
        size = max(4, min(MOST_TRIED, int(_RUN_SECONDS / seconds)))
        for start in range(0, len(group), size):
            yield Tryout(place, tuple(group[start : start + size]))


def lost_tests(ended: Ended) -> list[str]:
    """Name the tests that were not passed."""
    return [item.grade_id for item in ended.items if item.status is not Status.CORRECT]
