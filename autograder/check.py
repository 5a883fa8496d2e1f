"""Is an assignment sound? Run it as the best, the worst and the mistaken student.

For every assignment, in the sandbox that students' work runs in:

- the *reference* solution gets full marks, on each of several seeds;
- the *untouched* handout gets zero, and every item says "not attempted";
- no public callable of a module *shipped* to students earns points as an answer;
- every *accepted* variant, another right program, gets full marks;
- every named *wrong* solution loses exactly its item, and the message that the student
  reads contains what the file says it must;
- of the *mutants* of each solution all are noticed, but for those that are explained;
- *independence*: breaking the answer to one item loses that one only.

Tests that draw state their false-alarm rate in their header; it is measured with the
reference, and their power with the named mistakes, on several seeds.

A course is checked by what it has: a part without its file is absent, not failed. The
files are read by `autograder.variants`; the notebooks in which answers are tried alone
are laid out by `autograder.tryout`, and mutants made by `autograder.mutants`.
"""

import ast
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import is_solution

from autograder import pool
from autograder.checked import (
    LARGEST_RATE,
    LEAST_SCORE,
    PARTS,
    AcceptedSeen,
    Broken,
    Checked,
    Count,
    MutantSeen,
    Statistic,
    WrongSeen,
    upper_bound,
)
from autograder.course import Course
from autograder.errors import BuildError
from autograder.mutants import Mutant, mutants
from autograder.preprocess import (
    ENVIRONMENT,
    SandboxLimits,
    master_files,
    read_source,
    sandbox,
)
from autograder.protect import Protection, find_unprotected, protect
from autograder.runner import Job, Limits, RunResult, run_notebook
from autograder.runner.sandbox import Sandbox
from autograder.score import Item, is_test, settle
from autograder.tryout import (
    MOST_TRIED,
    Answer,
    Bench,
    defined_names,
    defines_classes,
    only_defines,
    raising,
    renamed_tests,
    sorted_out,
    without_solution,
)
from autograder.variants import (
    Accepted,
    Equivalent,
    Wrong,
    accepted_variants,
    named_wrongs,
    read_equivalents,
)
from autograder.verdicts import Status, Verdict

SEED_VARIABLE = "CHECKS_SEED"
QUICK_TIMES = 4  # what a mutant may use, in times of the reference; it may loop
QUICK_SECONDS = 2.0  # CPU time that it may use in any case
_RUN_SECONDS = 15.0  # about as long as a run of many answers should take
_POWER_SHARE = 4  # a named mistake is tried on this part of the seeds
_HANDED_OUT, _RAISES, _SEALED = "as handed out", "raises", "sealed"


def check(
    course: Course,
    assignments: list[str] | None = None,
    *,
    seeds: int = 20,
    jobs: int | None = None,
    parts: Collection[str] | None = None,
    items: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Checked]:
    """Check that assignments measure what they say, by running them in the sandbox.

    Parameters
    ----------
    course : Course
        The course; its notebooks are built.
    assignments : list of str, optional
        All, by default.
    seeds : int
        On how many values of ``CHECKS_SEED``, from 0, the reference must be right.
    jobs : int, optional
        Runs at once; by default one for each core.
    parts : collection of str, optional
        Which of `PARTS`; all by default. Mutants that are asked for by name are run
        also where no file explains any.
    items : collection of str, optional
        Try answers to these items alone.
    progress : callable, optional
        Called with the number of finished runs and of all runs that are known of.

    Returns
    -------
    list of Checked
        One for each assignment.

    Raises
    ------
    BuildError
        If one of the small files beside an assignment is not as it must be.
    """
    names = assignments or course.assignments()
    if not names:
        raise BuildError(
            f"nothing to check: {course.source} has no notebooks; "
            "run `autograder build` first"
        )
    for part in parts or ():
        if part not in PARTS:
            raise BuildError(
                f"no part is called {part!r}; there is: {', '.join(PARTS)}"
            )
    limits = SandboxLimits(config=course.config)
    runs = _Runs(sandbox(limits.level), jobs or pool.cores(), progress)
    try:
        plans = [
            _Plan(course, name, seeds, parts, items, _read(course, name, limits))
            for name in names
        ]
        _survey([place for plan in plans for place in plan.places], runs)
        runs.finish(work for plan in plans for work in plan.first())
        runs.finish(work for plan in plans for work in plan.second(runs))
    finally:
        runs.stop()
    return [plan.judge(runs) for plan in plans]


# ------------------------------------------------------------- notebooks under check


@dataclass(eq=False)
class _Place:
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


def _read(course: Course, assignment: str, limits: SandboxLimits) -> list[_Place]:
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
        place = _Place(assignment, name, source, bounds, protection, Bench(source))
        places.append(place)
    return places


def _survey(places: list[_Place], runs: "_Runs") -> None:
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
    protection = find_unprotected(
        source, protection, limits, ENVIRONMENT, lambda job: run_notebook(job, box)
    )
    for all_cells in (False, True):
        bench = Bench(source, all_cells)
        place = _Place("", "", source, limits, protection, bench)
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
    place : _Place
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
        Whether all that the item's answer defines raises: if no other item is lost,
        none can feel what stands in its place.
    """

    place: _Place
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

    place: _Place
    tries: tuple[Try, ...]

    def job(self) -> Job:
        """Make the job."""
        quick = self.tries[0].kind in {"mutants", "shipped"}
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


class _Runs:
    """The pool of all runs, and what came of them."""

    def __init__(
        self,
        box: Sandbox,
        workers: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.box = box
        self.workers = workers
        self.progress = progress or (lambda done, total: None)
        self.idle: list[pool.Worker] = []
        self.done = self.total = 0
        self.trials: dict[Trial, Ended] = {}
        self.tries: dict[tuple[_Place, Try], Ended] = {}
        self.cpu_seconds: dict[str, float] = {}

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

    def _settle(self, work: Trial | Tryout, outcome: pool.Outcome) -> list[Tryout]:
        result: RunResult | None = outcome.result
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
        and any(output.output_type == "execute_result" for output in cell.outputs)
    )
    error = ""
    if result.verdict is not Verdict.GRADED and not alone:
        error = f"the run ended as {result.verdict.value!r}: {result.message}"
    return Ended(items, error, result.verdict.value, valued)


# ------------------------------------------------------------------------- the plan


class _Plan:
    """What is tried of one assignment, in two rounds, and the judgement."""

    def __init__(
        self,
        course: Course,
        assignment: str,
        seeds: int,
        parts: Collection[str] | None,
        items: Collection[str] | None,
        places: list[_Place],
    ) -> None:
        self.course = course
        self.assignment = assignment
        self.seeds = seeds
        self.parts = [part for part in PARTS if parts is None or part in parts]
        self.only_items = items
        self.places = places
        self.wrongs = self._wanted("wrong", named_wrongs)
        self.accepted = self._wanted("accepted", accepted_variants)
        self.equivalents = read_equivalents(course, assignment)
        self.no_mutants = parts is None and self.equivalents is None
        if self.no_mutants:
            self.parts.remove("mutants")
        clearing = ClearSolutions(config=course.config)
        self.markers = (
            clearing.begin_solution_delimeter,
            clearing.end_solution_delimeter,
        )
        self.trials: list[Trial] = []
        self.tryouts: list[tuple[_Place, Try]] = []
        self._refuse_unknown_items()

    def _wanted(self, part: str, read: Callable) -> list | None:
        return read(self.course, self.assignment) if part in self.parts else None

    def _refuse_unknown_items(self) -> None:
        known = {item for place in self.places for item in place.bench.tests}
        cells = {
            cell.metadata.nbgrader.grade_id
            for place in self.places
            for cell in place.source.cells
            if is_solution(cell)
        }
        for kind, variants in (
            ("the wrong solution", self.wrongs),
            ("the accepted variant", self.accepted),
        ):
            for variant in variants or ():
                if variant.item not in cells:
                    raise BuildError(
                        f"{self.assignment}: {kind} {variant.name!r} is for "
                        f"{variant.item!r}, and no solution cell has that grade_id"
                    )
        for item in self.only_items or ():
            if item not in known:
                raise BuildError(
                    f"{self.assignment}: no item is called {item!r}; there is: "
                    f"{', '.join(sorted(known))}"
                )

    def _items(self, place: _Place) -> list[str]:
        """Name the items of a notebook whose answers are tried alone."""
        wanted = self.only_items
        return [
            item
            for item in place.bench.tests
            if item not in place.failed and (wanted is None or item in wanted)
        ]

    # --- what is run

    def first(self) -> Iterator[Trial | Tryout]:
        """Make the runs that depend on no other."""
        for place in self.places:
            yield from self._keep(self._whole(place))
            for item in self._items(place):
                tries = [*self._alone(place, item)]
                self.tryouts += [(place, tried) for tried in tries]
                yield from _in_runs(place, tries)

    def second(self, runs: _Runs) -> Iterator[Trial]:
        """Make the runs of variants that other items might feel."""
        for place in self.places:
            sealed = self._sealed(place, runs)
            yield from self._keep(
                Trial(
                    place,
                    kind,
                    f"{variant.item} {variant.name}",
                    place.bench.whole({variant.item: variant.code}),
                    item=variant.item,
                )
                for kind, variant in self._variants(place)
                if not self._is_sealed(place, sealed, variant)
            )

    def _keep(self, trials: Iterable[Trial]) -> Iterator[Trial]:
        for trial in trials:
            self.trials.append(trial)
            yield trial

    def _whole(self, place: _Place) -> Iterator[Trial]:
        bench = place.bench
        stubs = untouched(self.course, place.source)
        if "reference" in self.parts:
            for seed in range(self.seeds):
                notebook = place.source if seed == 0 else bench.whole({})
                yield Trial(place, "reference", f"seed {seed}", notebook, seed)
        if "untouched" in self.parts:
            yield Trial(place, "untouched", "", stubs)
        if "independence" not in self.parts or len(bench.tests) < 2:
            return
        handed_out = {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in stubs.cells
            if is_solution(cell)
        }
        for item in self._items(place):
            code = place.code(item)
            broken = {_HANDED_OUT: handed_out[item]}
            all_raises = raising(code)
            seal = _RAISES
            if all_raises is None or defines_classes(code):
                broken[_RAISES] = without_solution(code, *self.markers)
                seal = _SEALED
            if all_raises is not None:
                broken[seal] = all_raises
            for how, answer in broken.items():
                notebook = bench.whole({item: answer})
                seals = how == seal and all_raises is not None
                yield Trial(
                    place, "independence", how, notebook, item=item, seals=seals
                )

    def _alone(self, place: _Place, item: str) -> Iterator[Try]:
        code = place.code(item)
        if "shipped" in self.parts:
            names = defined_names(code)
            for module in self.course.shipped:
                path = self.course.root / module
                for called in public_callables(path) if names else ():
                    answer = "\n".join(
                        f"import {path.stem}; {name} = {path.stem}.{called}"
                        for name in names
                    )
                    label = f"{module}: {item} = {path.stem}.{called}"
                    yield Try("shipped", Answer(item, answer), label)
        for kind, variant in self._variants(place):
            if variant.item == item:
                draws = kind == "wrong" and _stated_rate(place, item) is not None
                for seed in range(self._power_seeds() if draws else 1):
                    yield Try(kind, Answer(item, variant.code), variant, seed)
        if "mutants" in self.parts:
            for mutant in mutants(item, code, *self.markers):
                yield Try("mutants", Answer(item, mutant.code), mutant)

    def _variants(self, place: _Place) -> Iterator[tuple[str, Wrong | Accepted]]:
        for kind, variants in (("accepted", self.accepted), ("wrong", self.wrongs)):
            for variant in variants or ():
                if variant.item in self._items(place):
                    yield kind, variant

    def _power_seeds(self) -> int:
        return max(1, self.seeds // _POWER_SHARE)

    def _sealed(self, place: _Place, runs: _Runs) -> set[str]:
        """Name the items of which no other test calls what they define."""
        return {
            trial.item
            for trial in self.trials
            if trial.place is place
            and trial.seals
            and not runs.trials[trial].error
            and not set(_lost(runs.trials[trial])) - {*place.bench.tests[trial.item]}
        }

    def _is_sealed(
        self, place: _Place, sealed: set[str], variant: Wrong | Accepted
    ) -> bool:
        """Tell whether other items cannot feel a variant, so need not be run."""
        own = set(defined_names(place.code(variant.item)))
        elsewhere = place.protection.names - own
        return variant.item in sealed and only_defines(variant.code, elsewhere)

    # --- the judgement

    def judge(self, runs: _Runs) -> Checked:
        """Judge what came of all runs."""
        found = Checked(self.assignment, seeds=self.seeds)
        found.cpu_seconds = runs.cpu_seconds.get(self.assignment, 0.0)
        for place in self.places:
            found.unprotected += sorted(place.protection.unprotected)
            found.items |= place.bench.tests
            found.cpu_seconds += sum(place.seconds.values())
            found.shortfalls += [
                f"{item}: the reference does not pass its tests alone"
                for item in place.failed
            ]
        for part in self.parts:
            found.counts[part] = Count() if self._has(part) else None
        self._judge_whole(found, runs)
        self._judge_shipped(found, runs)
        self._judge_accepted(found, runs)
        self._judge_wrongs(found, runs)
        self._judge_statistics(found)
        self._judge_mutants(found, runs)
        if self.no_mutants:
            found.counts["mutants"] = None
        return found

    def _has(self, part: str) -> bool:
        """Tell whether the course has something to try in a part."""
        return {
            "shipped": bool(self.course.shipped),
            "accepted": self.accepted is not None,
            "wrong": self.wrongs is not None,
            "independence": any(len(p.bench.tests) > 1 for p in self.places),
        }.get(part, True)

    def _judge_whole(self, found: Checked, runs: _Runs) -> None:
        """Judge the runs of whole notebooks, but for those of variants."""
        for trial in self.trials:
            judge = _JUDGES.get(trial.kind)
            if judge is None or trial.name == _SEALED:
                continue
            ended = runs.trials[trial]
            lines = [ended.error] if ended.error else []
            if not ended.error:
                lines += [
                    f"{grade_id} ends in a value, which reads as points"
                    for grade_id in ended.valued
                ]
                lines += judge(trial, ended)
            label = " ".join(filter(None, (trial.kind, trial.item, trial.name)))
            found.shortfalls += [f"{label}: {line}" for line in lines]
            count = found.counts[trial.kind]
            assert count is not None  # the part has something to try: this trial
            if trial.kind == "independence":
                lost = _lost(ended)
                found.independence.append(Broken(trial.item, trial.name, lost))
                own = set(trial.place.bench.tests[trial.item])
                for item, tests in trial.place.bench.tests.items():
                    if item != trial.item:
                        count.add(not ended.error and not (set(lost) - own) & {*tests})
            else:
                count.add(not lines)

    def _tried(self, kind: str) -> Iterator[tuple[_Place, Try]]:
        return ((p, tried) for p, tried in self.tryouts if tried.kind == kind)

    def _judge_shipped(self, found: Checked, runs: _Runs) -> None:
        for place, tried in self._tried("shipped"):
            ended = runs.tries[place, tried]
            points = sum(item.points for item in ended.items)
            found.counts["shipped"].add(not points and not ended.error)
            if ended.error:
                found.shortfalls.append(f"shipped {tried.what}: {ended.error}")
            elif points:
                found.shortfalls.append(f"shipped {tried.what} earns {points:g} points")

    def _judge_accepted(self, found: Checked, runs: _Runs) -> None:
        for place, tried in self._tried("accepted"):
            variant = tried.what
            seen = AcceptedSeen(variant.item, variant.name, variant.code)
            lines = [*_refusals(runs.tries[place, tried])]
            if (trial := self._trial(place, tried)) is not None:
                lines = [*_refusals(runs.trials[trial])]
            seen.message = "; ".join(lines)
            found.accepted.append(seen)
            found.counts["accepted"].add(not lines)
            label = f"accepted {variant.item} {variant.name}"
            found.shortfalls += [f"{label}: {line}" for line in lines]

    def _trial(self, place: _Place, tried: Try) -> Trial | None:
        """Find the run of the whole notebook with a variant, if there was one."""
        name = f"{tried.what.item} {tried.what.name}"
        for trial in self.trials:
            if (trial.place, trial.kind, trial.name) == (place, tried.kind, name):
                return trial
        return None

    def _judge_wrongs(self, found: Checked, runs: _Runs) -> None:
        seen: dict[Wrong, WrongSeen] = {}
        for place, tried in self._tried("wrong"):
            wrong = tried.what
            ended = runs.tries[place, tried]
            lines = [*_spared(wrong, ended)]
            label = f"wrong {wrong.item} {wrong.name}"
            if tried.seed:
                label += f", seed {tried.seed}"
            else:
                shown = WrongSeen(wrong.item, wrong.name, wrong.says, others="sealed")
                seen[wrong] = shown
                for item in ended.items:
                    if item.status is not Status.CORRECT:
                        shown.status, shown.message = item.status.value, item.message
                if (trial := self._trial(place, tried)) is not None:
                    shown.others = "all tests"
                    lines += _lost_too(trial, runs.trials[trial])
                found.counts["wrong"].add(not lines)
            seen[wrong].seeds += 1
            seen[wrong].caught += not [*_spared(wrong, ended)]
            found.shortfalls += [f"{label}: {line}" for line in lines]
        found.wrongs = list(seen.values())

    def _judge_statistics(self, found: Checked) -> None:
        alarms: dict[str, int] = {}
        for line in found.shortfalls:
            if line.startswith("reference seed "):
                test = line.split(": ", 1)[1].split(" ", 1)[0]
                alarms[test] = alarms.get(test, 0) + 1
        for place in self.places:
            for item in self._items(place):
                rate = _stated_rate(place, item)
                if rate is None:
                    continue
                seeds = self.seeds if "reference" in self.parts else 0
                for test in place.bench.tests[item]:
                    bound = upper_bound(alarms.get(test, 0), seeds) if seeds else 1.0
                    found.statistics.append(
                        Statistic(test, rate, alarms.get(test, 0), seeds, bound)
                    )
                if not 0 <= rate <= LARGEST_RATE:
                    found.shortfalls.append(
                        f"{item}: its test states a false-alarm rate of {rate:g}; "
                        f"{LARGEST_RATE:g} is the most"
                    )

    def _judge_mutants(self, found: Checked, runs: _Runs) -> None:
        unused = {
            (entry.item, entry.before, after): entry
            for entry in self.equivalents or ()
            for after in entry.after
            if self.only_items is None or entry.item in self.only_items
        }
        explained = dict(unused)
        for place, tried in self._tried("mutants"):
            mutant = tried.what
            seen = _mutant_seen(mutant, runs.tries[place, tried], explained)
            found.mutants.append(seen)
            key = mutant.item, mutant.before, mutant.after
            if seen.state == "explained":
                unused.pop(key, None)
            found.counts["mutants"].add(seen.state == "killed")
            if seen.state in {"survived", "not run"}:
                said = ": ".join(filter(None, (seen.state, seen.message)))
                found.shortfalls.append(
                    f"mutants {mutant.item}: {said}: {mutant.before} -> {mutant.after}"
                )
        if "mutants" not in self.parts:
            return
        made = {(m.item, m.before, m.after) for m in found.mutants}
        for item, before, after in unused:
            state = "is killed" if (item, before, after) in made else "is not made"
            found.shortfalls.append(
                f"mutants {item}: explained, but this mutant {state}: "
                f"{before} -> {after}"
            )
        if found.score is not None and found.score < LEAST_SCORE:
            found.shortfalls.append(
                f"mutants: the score is {found.score:.3f}; {LEAST_SCORE} is the least"
            )


def _in_runs(place: _Place, tries: list[Try]) -> Iterator[Tryout]:
    """Part answers to one item into runs of about the same length."""
    groups: dict[tuple, list[Try]] = {}
    for tried in tries:
        quick = tried.kind in {"mutants", "shipped"}
        groups.setdefault((quick, tried.seed), []).append(tried)
    for group in groups.values():
        seconds = max(place.seconds[group[0].answer.item], 0.01)
        size = max(4, min(MOST_TRIED, int(_RUN_SECONDS / seconds)))
        for start in range(0, len(group), size):
            yield Tryout(place, tuple(group[start : start + size]))


def _stated_rate(place: _Place, item: str) -> float | None:
    """Return the false-alarm rate that the tests of an item state, if they do."""
    tests = place.bench.tests[item]
    rates = [
        cell.metadata.get("autograder", {}).get("false_alarms")
        for cell in place.source.cells
        if is_test(cell) and cell.metadata.nbgrader.grade_id in tests
    ]
    known = [rate for rate in rates if rate is not None]
    return max(known) if known else None


def untouched(course: Course, source: NotebookNode) -> NotebookNode:
    """Make the notebook of a student who did nothing: nbgrader's own stubs."""
    notebook, _ = ClearSolutions(config=course.config).preprocess(
        nbformat.from_dict(source), {}
    )
    return notebook


def public_callables(module: Path) -> list[str]:
    """Name the functions and classes that a module defines for others."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    ]


# --------------------------------------------------------------------- the judgement


def _lost(ended: Ended) -> list[str]:
    """Name the tests that were not passed."""
    return [item.grade_id for item in ended.items if item.status is not Status.CORRECT]


def _refusals(ended: Ended) -> Iterator[str]:
    """Say why a right program does not have full marks."""
    if ended.error:
        yield ended.error
        return
    for item in ended.items:
        if item.status is not Status.CORRECT:
            yield f"{item.grade_id} is {item.status.value}: {item.message}"


def _judge_reference(trial: Trial, ended: Ended) -> Iterator[str]:
    yield from _refusals(ended)


def _judge_untouched(trial: Trial, ended: Ended) -> Iterator[str]:
    for item in ended.items:
        if item.points or item.status is not Status.NOT_ATTEMPTED:
            yield (
                f"{item.grade_id} is {item.status.value} with {item.points:g} points"
                f": {item.message}"
            )


def _judge_independence(trial: Trial, ended: Ended) -> Iterator[str]:
    own = trial.place.bench.tests[trial.item]
    if not set(_lost(ended)) & set(own):
        yield "its points are not lost"
    yield from _lost_too(trial, ended)


def _lost_too(trial: Trial, ended: Ended) -> Iterator[str]:
    """Name the tests that were lost besides those of the item that was replaced."""
    if ended.error:
        yield ended.error
        return
    own = trial.place.bench.tests[trial.item]
    for item in ended.items:
        if item.grade_id not in own and item.status is not Status.CORRECT:
            yield f"{item.grade_id} is lost too: {item.message}"


def _spared(wrong: Wrong, ended: Ended) -> Iterator[str]:
    """Say in what a mistake was not caught as it must be."""
    if ended.error:
        yield ended.error
        return
    lost = [item for item in ended.items if item.points < item.max_points]
    if not lost:
        yield f"earns {sum(item.points for item in ended.items):g} points"
    elif not any(wrong.says in item.message for item in lost):
        said = "; ".join(item.message for item in lost)
        yield f"the message lacks {wrong.says!r}: {said!r}"


def _mutant_seen(
    mutant: Mutant,
    ended: Ended,
    explained: dict[tuple[str, str, str], Equivalent],
) -> MutantSeen:
    seen = MutantSeen(mutant.item, mutant.kind, mutant.before, mutant.after)
    entry = explained.get((mutant.item, mutant.before, mutant.after))
    if ended.error:
        seen.state, seen.message = "not run", ended.error
        return seen
    for item in ended.items:
        if item.status is not Status.CORRECT:
            seen.state, seen.by, seen.how = "killed", item.grade_id, item.status.value
            seen.message = item.message
            if item.status is Status.NOT_RUN:
                seen.how = ended.verdict
            return seen
    if entry is not None:
        seen.state, seen.why = "explained", entry.why
    else:
        seen.state = "survived"
    return seen


_JUDGES: dict[str, Callable[[Trial, Ended], Iterator[str]]] = {
    "reference": _judge_reference,
    "untouched": _judge_untouched,
    "independence": _judge_independence,
}
