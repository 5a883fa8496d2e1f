"""Turn what was found of an assignment into shortfalls, a sentence for each.

`Judge` goes through the runs of one assignment, part by part (see
`autograder.gate.results.PARTS`), and fills in its `Checked`: the counts, the rows of
the page, and what falls short.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from autograder.gate.mutants import Mutant
from autograder.gate.plan import Plan, stated_rate
from autograder.gate.results import (
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
from autograder.gate.runs import Ended, Runs, Subject, Trial, Try, lost_tests
from autograder.gate.variants import Equivalent, Wrong
from autograder.verdicts import Status

_FEW_MESSAGES = 2  # of so few, all may well say the same


class Judge:
    """Judges what came of the runs of one assignment."""

    def __init__(self, plan: Plan, runs: Runs) -> None:
        """Begin with nothing found; `runs` has what `plan` tries."""
        self.plan = plan
        self.runs = runs
        self.found = Checked(plan.assignment, seeds=plan.seeds)
        self.alarms: Counter[str] = Counter()  # seeds that refuse the reference

    def judge(self, protected: bool) -> Checked:
        """Judge what came of all runs; `protected` is what every test must be."""
        self.found.notebooks = {
            subject.notebook.name: subject.notebook.fingerprint
            for subject in self.plan.subjects
        }
        self.found.cpu_seconds = self.runs.cpu_seconds.get(self.plan.assignment, 0.0)
        for subject in self.plan.subjects:
            unprotected = sorted(subject.notebook.protection.unprotected)
            self.found.unprotected += unprotected
            if protected:
                self.found.shortfalls += [
                    f"{test}: it cannot run apart from the answers"
                    for test in unprotected
                ]
            self.found.items |= subject.bench.tests
            self.found.cpu_seconds += sum(subject.seconds.values())
            self.found.shortfalls += [
                f"{item}: the reference does not pass its tests alone"
                for item in subject.failed
            ]
        for part in PARTS:
            if part in self.plan.parts:
                self.found.counts[part] = Count() if self._has(part) else None
            elif part == "mutants" and self.plan.no_mutants:
                self.found.counts[part] = None
        self._judge_whole()
        self._judge_shipped()
        self._judge_accepted()
        self._judge_wrongs()
        self._judge_statistics()
        self._judge_mutants()
        self._judge_what_nothing_grades()
        return self.found

    def _has(self, part: str) -> bool:
        """Tell whether the course has something to try in a part."""
        return {
            "shipped": bool(self.plan.course.shipped),
            "accepted": self.plan.accepted is not None,
            "wrong": self.plan.wrongs is not None,
            "independence": any(len(p.bench.tests) > 1 for p in self.plan.subjects),
        }.get(part, True)

    def _judge_whole(self) -> None:
        """Judge the runs of whole notebooks, but for those of variants."""
        for trial in self.plan.trials:
            judge = _JUDGES.get(trial.kind)
            if judge is None:
                continue
            ended = self.runs.trials[trial]
            lines = [ended.error] if ended.error else []
            if not ended.error:
                lines += [
                    f"{grade_id} ends in a value, which reads as points"
                    for grade_id in ended.valued
                    if trial.kind == "reference"
                ]
                lines += judge(trial, ended)
            label = " ".join(filter(None, (trial.kind, trial.item, trial.name)))
            self.found.shortfalls += [f"{label}: {line}" for line in lines]
            count = self.found.counts[trial.kind]
            assert count is not None  # the part has something to try: this trial
            if trial.kind == "independence":
                lost = lost_tests(ended)
                self.found.independence.append(Broken(trial.item, trial.name, lost))
                own = set(trial.subject.bench.tests[trial.item])
                for item, tests in trial.subject.bench.tests.items():
                    if item != trial.item:
                        count.add(not ended.error and not (set(lost) - own) & {*tests})
            else:
                count.add(not lines)
            if trial.kind == "reference":
                self.alarms.update(lost_tests(ended))

    def _tried(self, kind: str) -> Iterator[tuple[Subject, Try]]:
        return ((p, tried) for p, tried in self.plan.tryouts if tried.kind == kind)

    def _judge_shipped(self) -> None:
        for subject, tried in self._tried("shipped"):
            ended = self.runs.tries[subject, tried]
            points = sum(item.points for item in ended.items)
            self.found.counts["shipped"].add(not points and not ended.error)
            if ended.error:
                self.found.shortfalls.append(f"shipped {tried.what}: {ended.error}")
            elif points:
                self.found.shortfalls.append(
                    f"shipped {tried.what} earns {points:g} points"
                )

    def _judge_accepted(self) -> None:
        for subject, tried in self._tried("accepted"):
            variant = tried.what
            seen = AcceptedSeen(variant.item, variant.name, variant.code)
            lines = [*_refusals(self.runs.tries[subject, tried])]
            if (trial := self._trial(subject, tried)) is not None:
                lines = [*_refusals(self.runs.trials[trial])]
            seen.message = "; ".join(lines)
            self.found.accepted.append(seen)
            self.found.counts["accepted"].add(not lines)
            label = f"accepted {variant.item} {variant.name}"
            self.found.shortfalls += [f"{label}: {line}" for line in lines]

    def _trial(self, subject: Subject, tried: Try) -> Trial | None:
        """Find the run of the whole notebook with a variant, if there was one."""
        name = f"{tried.what.item} {tried.what.name}"
        for trial in self.plan.trials:
            if (trial.subject, trial.kind, trial.name) == (subject, tried.kind, name):
                return trial
        return None

    def _judge_wrongs(self) -> None:
        seen: dict[Wrong, WrongSeen] = {}
        for subject, tried in self._tried("wrong"):
            wrong = tried.what
            ended = self.runs.tries[subject, tried]
            missed = [*_spared(wrong, ended)]
            lines = [*missed]
            label = f"wrong {wrong.item} {wrong.name}"
            if tried.seed:
                label += f", seed {tried.seed}"
            else:
                shown = WrongSeen(wrong.item, wrong.name, wrong.says, others="sealed")
                seen[wrong] = shown
                for item in ended.items:
                    if item.status is not Status.CORRECT:
                        shown.status, shown.message = item.status.value, item.message
                if (trial := self._trial(subject, tried)) is not None:
                    shown.others = "all tests"
                    lines += _lost_too(trial, self.runs.trials[trial])
                self.found.counts["wrong"].add(not lines)
            seen[wrong].seeds += 1
            seen[wrong].caught += not missed
            self.found.shortfalls += [f"{label}: {line}" for line in lines]
        self.found.wrongs = list(seen.values())
        self.found.shortfalls += _says_nothing(self.found.wrongs)

    def _judge_statistics(self) -> None:
        if not {"reference", "wrong"} & set(self.plan.parts):
            return
        for subject in self.plan.subjects:
            for item in self.plan.items(subject):
                rate = stated_rate(subject, item)
                if rate is None:
                    continue
                seeds = self.plan.seeds if "reference" in self.plan.parts else 0
                wrongs = [wrong for wrong in self.found.wrongs if wrong.item == item]
                for test in subject.bench.tests[item]:
                    seen = self.alarms[test]
                    self.found.statistics.append(
                        Statistic(
                            test,
                            rate,
                            seen,
                            seeds,
                            upper_bound(seen, seeds),
                            len(wrongs),
                            sum(wrong.caught for wrong in wrongs),
                            sum(wrong.seeds for wrong in wrongs),
                        )
                    )
                if not 0 <= rate <= LARGEST_RATE:
                    self.found.shortfalls.append(
                        f"{item}: its test states a false-alarm rate of {rate:g}; "
                        f"{LARGEST_RATE:g} is the most"
                    )

    def _judge_mutants(self) -> None:
        unused = {
            (entry.item, entry.before, after): entry
            for entry in self.plan.equivalents or ()
            for after in entry.after
            if self.plan.only_items is None or entry.item in self.plan.only_items
        }
        explained = dict(unused)
        for subject, tried in self._tried("mutants"):
            mutant = tried.what
            seen = _mutant_seen(mutant, self.runs.tries[subject, tried], explained)
            self.found.mutants.append(seen)
            key = mutant.item, mutant.before, mutant.after
            if seen.state == "explained":
                unused.pop(key, None)
            if seen.state != "explained":
                self.found.counts["mutants"].add(seen.state == "killed")
            if seen.state in {"survived", "not run"}:
                said = _told(seen.state, seen.message)
                self.found.shortfalls.append(
                    f"mutants {mutant.item}: {said}: {mutant.before} -> {mutant.after}"
                )
        if "mutants" not in self.plan.parts:
            return
        made = {(m.item, m.before, m.after) for m in self.found.mutants}
        for item, before, after in unused:
            state = "is killed" if (item, before, after) in made else "is not made"
            self.found.shortfalls.append(
                f"mutants {item}: explained, but this mutant {state}: "
                f"{before} -> {after}"
            )
        score = self.found.score
        if score is not None and score < LEAST_SCORE:
            self.found.shortfalls.append(
                f"mutants: the score is {score:.3f}; {LEAST_SCORE} is the least"
            )

    def _judge_what_nothing_grades(self) -> None:
        for variant in (*(self.plan.accepted or ()), *(self.plan.wrongs or ())):
            if variant.item not in self.found.items:
                self.found.shortfalls.append(
                    f"{variant.item} {variant.name}: no test grades this item"
                )


def _told(state: str, message: str) -> str:
    """Write a state with what is said of it, if anything is."""
    return f"{state}: {message}" if message else state


def _refusals(ended: Ended) -> Iterator[str]:
    """Say why a right program does not have full marks."""
    if ended.error:
        yield ended.error
        return
    for item in ended.items:
        if item.status is not Status.CORRECT:
            yield _told(f"{item.grade_id} is {item.status.value}", item.message)


def _judge_reference(trial: Trial, ended: Ended) -> Iterator[str]:
    yield from _refusals(ended)


def _judge_untouched(trial: Trial, ended: Ended) -> Iterator[str]:
    for item in ended.items:
        if item.points or item.status is not Status.NOT_ATTEMPTED:
            state = f"{item.status.value} with {item.points:g} points"
            yield _told(f"{item.grade_id} is {state}", item.message)


def _judge_independence(trial: Trial, ended: Ended) -> Iterator[str]:
    own = trial.subject.bench.tests[trial.item]
    if not set(lost_tests(ended)) & set(own):
        yield "its points are not lost"
    yield from _lost_too(trial, ended)


def _lost_too(trial: Trial, ended: Ended) -> Iterator[str]:
    """Name the tests that were lost besides those of the item that was replaced."""
    if ended.error:
        yield ended.error
        return
    own = trial.subject.bench.tests[trial.item]
    for item in ended.items:
        if item.grade_id not in own and item.status is not Status.CORRECT:
            yield f"{item.grade_id} is lost too: {item.message or item.status.value}"


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


def _says_nothing(wrongs: list[WrongSeen]) -> Iterator[str]:
    """Name the mistakes whose `says` is in every message of their item.

    Tests that are plain asserts have no messages, and nothing to tell apart.
    """
    messages: dict[str, list[str]] = {}
    for seen in wrongs:
        if seen.message:
            messages.setdefault(seen.item, []).append(seen.message)
    for seen in wrongs:
        said = messages.get(seen.item, [])
        if len(said) > _FEW_MESSAGES and all(seen.says in text for text in said):
            yield (
                f"wrong {seen.item} {seen.name}: every message of this item contains "
                f"{seen.says!r}, so it names no mistake"
            )


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
    lost = [item for item in ended.items if item.status is not Status.CORRECT]
    if lost:
        seen.state, seen.message = "killed", lost[0].message
        for item in lost:
            not_run = item.status is Status.NOT_RUN
            seen.by[item.grade_id] = ended.verdict if not_run else item.status.value
    elif entry is not None:
        seen.state, seen.why = "explained", entry.why
    else:
        seen.state = "survived"
    return seen


_JUDGES: dict[str, Callable[[Trial, Ended], Iterator[str]]] = {
    "reference": _judge_reference,
    "untouched": _judge_untouched,
    "independence": _judge_independence,
}
