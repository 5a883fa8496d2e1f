"""Turn how runs ended into findings about an assignment, a sentence for a shortfall.

`Judge` goes through the runs of one assignment, part by part (see
`autograder.gate.results.PARTS`), and fills in its `Findings`: the counts, the rows of
the page, and what falls short.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator

from autograder.gate.false_alarms import LARGEST_RATE, stated_rate, upper_bound
from autograder.gate.mutants import Mutant
from autograder.gate.plan import REFERENCE, Plan
from autograder.gate.results import (
    LEAST_SCORE,
    PARTS,
    AcceptedResult,
    Count,
    Findings,
    IndependenceResult,
    MutantResult,
    Statistic,
    WrongResult,
)
from autograder.gate.runs import Candidate, Executor, RunOutcome, Subject, WholeRun
from autograder.gate.variants import Equivalent, Wrong
from autograder.verdicts import Status

_FEW_MESSAGES = 2  # of so few, all may well say the same
_Key = tuple[str, str, str]  # of a mutant: its item, the line before, the line after


class Judge:
    """Judges how the runs of one assignment ended."""

    def __init__(self, plan: Plan, executor: Executor) -> None:
        """Begin with nothing found; `executor` has run what `plan` tries."""
        self.plan = plan
        self.executor = executor
        self.findings = Findings(plan.assignment, seeds=plan.seeds)
        self.alarms: Counter[str] = Counter()  # seeds that refuse the reference

    def judge(self, protected: bool) -> Findings:
        """Judge all runs; `protected`, a test that cannot be is a shortfall."""
        cpu_seconds = self.executor.cpu_seconds.get(self.plan.assignment, 0.0)
        self.findings.cpu_seconds = cpu_seconds
        for subject in self.plan.subjects:
            self._judge_subject(subject, protected)
        for part in PARTS:
            if part in self.plan.parts:
                self.findings.counts[part] = Count() if self._has(part) else None
            elif part == "mutants" and self.plan.no_mutants:
                self.findings.counts[part] = None
        for run in self.plan.whole_runs:
            if run.part in _SHORTFALLS:
                self._judge_whole(run)
        self._judge_shipped()
        self._judge_accepted()
        self._judge_wrongs()
        self._judge_visible()
        self._judge_statistics()
        self._judge_mutants()
        self._judge_what_nothing_grades()
        return self.findings

    def _has(self, part: str) -> bool:
        """Tell whether the course has something to try in a part."""
        subjects = self.plan.subjects
        return {
            "shipped": bool(self.plan.course.shipped),
            "accepted": self.plan.accepted is not None,
            "wrong": self.plan.wrongs is not None,
            "visible": bool(self.plan.wrongs),
            "independence": any(len(s.harness.tests) > 1 for s in subjects),
        }.get(part, True)

    def _fall_short(self, label: str, lines: list[str]) -> None:
        """Add what falls short of one thing that was tried."""
        self.findings.shortfalls += [f"{label}: {line}" for line in lines]

    def _judge_subject(self, subject: Subject, protected: bool) -> None:
        """Judge what `survey` found of one notebook."""
        self.findings.notebooks[subject.notebook.name] = subject.notebook.fingerprint
        unprotected = sorted(subject.notebook.protection.unprotected)
        self.findings.unprotected += unprotected
        for test in unprotected if protected else ():
            self._fall_short(test, ["it cannot run apart from the answers"])
        self.findings.items |= subject.harness.tests
        self.findings.cpu_seconds += sum(subject.seconds.values())
        for item in subject.failed:
            self._fall_short(item, ["the reference does not pass its tests alone"])

    # --- runs of whole notebooks

    def _judge_whole(self, run: WholeRun) -> None:
        """Judge the run of a whole notebook, but for those of variants."""
        outcome = self.executor.whole[run]
        if outcome.error:
            lines = [outcome.error]
        else:
            lines = [*_SHORTFALLS[run.part](run, outcome)]
        self._fall_short(" ".join(filter(None, (run.part, run.item, run.name))), lines)
        if run.part == "independence":
            self._count_kept(run, outcome)
        else:
            self._count(run.part).add(not lines)
        if run.part == "reference":
            self.alarms.update(outcome.lost)

    def _count(self, part: str) -> Count:
        count = self.findings.counts[part]
        assert count is not None  # something was tried, so the course has the part
        return count

    def _count_kept(self, run: WholeRun, outcome: RunOutcome) -> None:
        """Count the items that lost no test when the answer to another was broken."""
        row = IndependenceResult(run.item, run.name, outcome.lost)
        self.findings.independence.append(row)
        others = dict(run.subject.harness.tests)
        lost = set(outcome.lost) - set(others.pop(run.item))
        for tests in others.values():
            good = not outcome.error and not lost & set(tests)
            self._count("independence").add(good)

    def _run_with(self, subject: Subject, candidate: Candidate) -> WholeRun | None:
        """Find the run of the whole notebook with a variant, if there was one."""
        name = f"{candidate.origin.item} {candidate.origin.name}"
        for run in self.plan.whole_runs:
            if (run.subject, run.part, run.name) == (subject, candidate.part, name):
                return run
        return None

    # --- answers that were tried alone

    def _tried(self, part: str) -> Iterator[tuple[Subject, Candidate, RunOutcome]]:
        """Give each candidate of a part, with its notebook and how its tests ended."""
        for subject, candidate in self.plan.candidates:
            if candidate.part == part:
                yield subject, candidate, self.executor.alone[subject, candidate]

    def _judge_shipped(self) -> None:
        for _, candidate, outcome in self._tried("shipped"):
            points = sum(item.points for item in outcome.items)
            self._count("shipped").add(not points and not outcome.error)
            if outcome.error:
                self._fall_short(f"shipped {candidate.origin}", [outcome.error])
            elif points:
                self.findings.shortfalls.append(
                    f"shipped {candidate.origin} earns {points:g} points"
                )

    def _judge_accepted(self) -> None:
        for subject, candidate, outcome in self._tried("accepted"):
            variant = candidate.origin
            run = self._run_with(subject, candidate)
            lines = [*_refusals(outcome if run is None else self.executor.whole[run])]
            self.findings.accepted.append(
                AcceptedResult(
                    variant.item, variant.name, variant.code, "; ".join(lines)
                )
            )
            self._count("accepted").add(not lines)
            self._fall_short(f"accepted {variant.item} {variant.name}", lines)

    def _judge_wrongs(self) -> None:
        results: dict[Wrong, WrongResult] = {}
        for subject, candidate, outcome in self._tried("wrong"):
            wrong = candidate.origin
            missed = [*_missed(wrong, outcome)]
            lines = [*missed]
            label = f"wrong {wrong.item} {wrong.name}"
            if candidate.seed:
                label += f", seed {candidate.seed}"
            else:
                results[wrong] = result = _wrong_result(wrong, outcome)
                run = self._run_with(subject, candidate)
                if run is not None:
                    result.others = "all tests"
                    lines += _lost_too(run, self.executor.whole[run])
                self._count("wrong").add(not lines)
            results[wrong].seeds += 1
            results[wrong].caught += not missed
            self._fall_short(label, lines)
        self.findings.wrongs = list(results.values())
        self.findings.shortfalls += _naming_nothing(self.findings.wrongs)
        self.findings.shortfalls += _not_told_apart(self.findings.wrongs)

    def _judge_visible(self) -> None:
        """Judge what students learn of named mistakes before they hand in."""
        rows = {(row.item, row.name): row for row in self.findings.wrongs}
        missed: list[str] = []
        for _, candidate, outcome in self._tried("visible"):
            item, origin = candidate.answer.item, candidate.origin
            if origin == REFERENCE:
                self._fall_short(f"visible {item}", [*_refusals(outcome)])
                continue
            said = [*_said(outcome)]
            self._count("visible").add(bool(said))
            if not said:
                missed.append(f"{item} {origin.name}")
            elif (item, origin.name) in rows:
                rows[item, origin.name].visible = said[0]
        self.findings.unseen = missed
        least = self.plan.course.least_visible
        count = self.findings.counts.get("visible")
        if count and count.good < least * count.tried:
            self._fall_short(
                "visible",
                [
                    f"{count} of the named mistakes are noticed before handing in; "
                    f"{least:g} of them is the least; not {', '.join(missed)}"
                ],
            )

    def _judge_statistics(self) -> None:
        """Judge what the tests that draw state, and measure what can be."""
        if not {"reference", "wrong"} & set(self.plan.parts):
            return
        for subject in self.plan.subjects:
            for item in self.plan.items(subject):
                tests = subject.harness.tests[item]
                rate = stated_rate(subject.notebook.source, tests)
                if rate is None:
                    continue
                for test in tests:
                    row = self._statistic(item, test, rate)
                    self.findings.statistics.append(row)
                if not 0 <= rate <= LARGEST_RATE:
                    self.findings.shortfalls.append(
                        f"{item}: its test states a false-alarm rate of {rate:g}; "
                        f"{LARGEST_RATE:g} is the most"
                    )

    def _statistic(self, item: str, test: str, rate: float) -> Statistic:
        alarms = self.alarms[test]
        seeds = self.plan.seeds if "reference" in self.plan.parts else 0
        wrongs = [wrong for wrong in self.findings.wrongs if wrong.item == item]
        return Statistic(
            test,
            rate,
            alarms,
            seeds,
            upper_bound(alarms, seeds),
            mistakes=len(wrongs),
            caught=sum(wrong.caught for wrong in wrongs),
            runs=sum(wrong.seeds for wrong in wrongs),
        )

    def _judge_mutants(self) -> None:
        explained = self._explanations()
        unused = dict(explained)
        made: set[_Key] = set()
        for _, candidate, outcome in self._tried("mutants"):
            result = _mutant_result(candidate.origin, outcome, explained)
            self.findings.mutants.append(result)
            key = result.item, result.before, result.after
            made.add(key)
            if result.state == "explained":
                unused.pop(key, None)
            else:
                self._count("mutants").add(result.state == "killed")
            if result.state in {"survived", "not run"}:
                state = _with_message(result.state, result.message)
                change = f"{result.before} -> {result.after}"
                self._fall_short(f"mutants {result.item}", [f"{state}: {change}"])
        if "mutants" not in self.plan.parts:
            return
        for key in unused:
            item, before, after = key
            state = "is killed" if key in made else "is not made"
            self._fall_short(
                f"mutants {item}",
                [f"explained, but this mutant {state}: {before} -> {after}"],
            )
        score = self.findings.score
        if score is not None and score < LEAST_SCORE:
            self._fall_short(
                "mutants", [f"the score is {score:.3f}; {LEAST_SCORE} is the least"]
            )

    def _explanations(self) -> dict[_Key, Equivalent]:
        """Return the explanations of mutants by what they explain."""
        wanted = self.plan.only_items
        return {
            (entry.item, entry.before, after): entry
            for entry in self.plan.equivalents or ()
            for after in entry.after
            if wanted is None or entry.item in wanted
        }

    def _judge_what_nothing_grades(self) -> None:
        for variant in (*(self.plan.accepted or ()), *(self.plan.wrongs or ())):
            if variant.item not in self.findings.items:
                self.findings.shortfalls.append(
                    f"{variant.item} {variant.name}: no test grades this item"
                )


# ----------------------------------------------------- what falls short in one outcome


def _with_message(state: str, message: str) -> str:
    """Write a state with the message that came with it, if there is one."""
    return f"{state}: {message}" if message else state


def _refusals(outcome: RunOutcome) -> Iterator[str]:
    """Say why a right program does not have full marks."""
    if outcome.error:
        yield outcome.error
        return
    for item in outcome.items:
        if item.status is not Status.CORRECT:
            state = f"{item.grade_id} is {item.status.value}"
            yield _with_message(state, item.message)


def _short_of_reference(run: WholeRun, outcome: RunOutcome) -> Iterator[str]:
    for grade_id in outcome.valued:
        yield f"{grade_id} ends in a value, which reads as points"
    yield from _refusals(outcome)


def _short_of_untouched(run: WholeRun, outcome: RunOutcome) -> Iterator[str]:
    for item in outcome.items:
        if item.points or item.status is not Status.NOT_ATTEMPTED:
            state = f"{item.status.value} with {item.points:g} points"
            yield _with_message(f"{item.grade_id} is {state}", item.message)


def _short_of_independence(run: WholeRun, outcome: RunOutcome) -> Iterator[str]:
    own = run.subject.harness.tests[run.item]
    if not set(outcome.lost) & set(own):
        yield "its points are not lost"
    yield from _lost_too(run, outcome)


# For each part that runs whole notebooks: what falls short in the outcome of a run.
_SHORTFALLS: dict[str, Callable[[WholeRun, RunOutcome], Iterator[str]]] = {
    "reference": _short_of_reference,
    "untouched": _short_of_untouched,
    "independence": _short_of_independence,
}


def _lost_too(run: WholeRun, outcome: RunOutcome) -> Iterator[str]:
    """Name the tests that were lost besides those of the item that was replaced."""
    if outcome.error:
        yield outcome.error
        return
    own = run.subject.harness.tests[run.item]
    for item in outcome.items:
        if item.grade_id not in own and item.status is not Status.CORRECT:
            yield f"{item.grade_id} is lost too: {item.message or item.status.value}"


def _missed(wrong: Wrong, outcome: RunOutcome) -> Iterator[str]:
    """Say in what a mistake was not caught as it must be."""
    if outcome.error:
        yield outcome.error
        return
    lost = [item for item in outcome.items if item.points < item.max_points]
    if not lost:
        yield f"earns {sum(item.points for item in outcome.items):g} points"
    elif not any(wrong.says in item.message for item in lost):
        messages = "; ".join(item.message for item in lost)
        yield f"the message lacks {wrong.says!r}: {messages!r}"


def _said(outcome: RunOutcome) -> Iterator[str]:
    """Give what each lost test says; what went wrong before a test says nothing."""
    for item in outcome.items:
        if item.status is not Status.CORRECT:
            yield item.message or item.status.value


def _not_told_apart(wrongs: list[WrongResult]) -> Iterator[str]:
    """Name two mistakes in one item of which each one's message would do for both.

    Programs that share `says` are by that one mistake. Tests that are plain asserts
    have no messages, and nothing to tell apart.
    """
    for one, other in itertools.combinations(wrongs, 2):
        if (
            one.item == other.item
            and one.says != other.says
            and one.message
            and other.message
            and one.says in other.message
            and other.says in one.message
        ):
            yield (
                f"wrong {one.item} {one.name} and {other.name} cannot be told apart: "
                f"the message to each contains {one.says!r} and {other.says!r}"
            )


def _naming_nothing(wrongs: list[WrongResult]) -> Iterator[str]:
    """Name the mistakes whose `says` is in every message of their item.

    Tests that are plain asserts have no messages, and nothing to tell apart.
    """
    of_item: dict[str, list[str]] = {}
    for wrong in wrongs:
        if wrong.message:
            of_item.setdefault(wrong.item, []).append(wrong.message)
    for wrong in wrongs:
        messages = of_item.get(wrong.item, [])
        if len(messages) > _FEW_MESSAGES and all(wrong.says in m for m in messages):
            yield (
                f"wrong {wrong.item} {wrong.name}: every message of this item contains "
                f"{wrong.says!r}, so it names no mistake"
            )


# -------------------------------------------------------------------- rows of the page


def _wrong_result(wrong: Wrong, outcome: RunOutcome) -> WrongResult:
    """Make the row of a mistake: how its last lost test ended, and what that said."""
    result = WrongResult(wrong.item, wrong.name, wrong.says, others="sealed")
    for item in outcome.items:
        if item.status is not Status.CORRECT:
            result.status, result.message = item.status.value, item.message
    return result


def _mutant_result(
    mutant: Mutant, outcome: RunOutcome, explained: dict[_Key, Equivalent]
) -> MutantResult:
    """Make the row of a mutant: killed by which tests, explained, or survived."""
    result = MutantResult(mutant.item, mutant.kind, mutant.before, mutant.after)
    entry = explained.get((mutant.item, mutant.before, mutant.after))
    if outcome.error:
        result.state, result.message = "not run", outcome.error
        return result
    lost = [item for item in outcome.items if item.status is not Status.CORRECT]
    if lost:
        result.state, result.message = "killed", lost[0].message
        for item in lost:
            not_run = item.status is Status.NOT_RUN
            end = outcome.verdict if not_run else item.status.value
            result.by[item.grade_id] = end
    elif entry is not None:
        result.state, result.why = "explained", entry.why
    else:
        result.state = "survived"
    return result
