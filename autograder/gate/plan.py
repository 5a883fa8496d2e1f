"""What `check` tries of one assignment, in two rounds."""

import ast
import builtins
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import is_solution

from autograder.assignment.scoring import is_test
from autograder.course import Course
from autograder.errors import BuildError
from autograder.gate.bench import (
    Answer,
    defined_names,
    defines_classes,
    only_defines,
    raising,
    without_solution,
)
from autograder.gate.mutants import mutants
from autograder.gate.results import PARTS
from autograder.gate.runs import Runs, Subject, Trial, Try, Tryout, in_runs, lost_tests
from autograder.gate.variants import (
    Accepted,
    Wrong,
    accepted_variants,
    named_wrongs,
    read_equivalents,
)

_POWER_SHARE = 4  # a named mistake is tried on this part of the seeds
_HANDED_OUT, _RAISES = "as handed out", "raises"


class Plan:
    """What is tried of one assignment.

    Attributes
    ----------
    parts : list of str
        Which of `PARTS`.
    no_mutants : bool
        Whether there are none for lack of a file.
    wrongs, accepted, equivalents : list or None
        What the small files say; None for one that is not there or not asked for.
    trials : list of Trial
        The runs of whole notebooks.
    tryouts : list of (Subject, Try)
        The answers that are tried alone.
    """

    def __init__(
        self,
        course: Course,
        assignment: str,
        seeds: int,
        parts: Collection[str] | None,
        items: Collection[str] | None,
        subjects: list[Subject],
    ) -> None:
        """Read the files, and refuse what is for no item; `check` has the meanings."""
        self.course = course
        self.assignment = assignment
        self.seeds = seeds
        self.parts = [part for part in PARTS if parts is None or part in parts]
        self.only_items = items
        self.subjects = subjects
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
        self.tryouts: list[tuple[Subject, Try]] = []
        self._refuse_unknown_items()

    def _wanted(self, part: str, read: Callable) -> list | None:
        return read(self.course, self.assignment) if part in self.parts else None

    def _refuse_unknown_items(self) -> None:
        known = {item for subject in self.subjects for item in subject.bench.tests}
        cells = {
            cell.metadata.nbgrader.grade_id
            for subject in self.subjects
            for cell in subject.notebook.source.cells
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

    def items(self, subject: Subject) -> list[str]:
        """Name the items of a notebook whose answers are tried alone."""
        wanted = self.only_items
        return [
            item
            for item in subject.bench.tests
            if item not in subject.failed and (wanted is None or item in wanted)
        ]

    # --- what is run

    def first(self) -> Iterator[Trial | Tryout]:
        """Make the runs that depend on no other."""
        for subject in self.subjects:
            yield from self._keep(self._whole(subject))
            for item in self.items(subject):
                tries = [*self._alone(subject, item)]
                self.tryouts += [(subject, tried) for tried in tries]
                yield from in_runs(subject, tries)

    def second(self, runs: Runs) -> Iterator[Trial]:
        """Make the runs of variants that other items might feel."""
        for subject in self.subjects:
            sealed = self._sealed(subject, runs)
            yield from self._keep(
                Trial(
                    subject,
                    kind,
                    f"{variant.item} {variant.name}",
                    subject.bench.whole({variant.item: variant.code}),
                    item=variant.item,
                )
                for kind, variant in self._variants(subject)
                if not self._is_sealed(subject, sealed, variant)
            )

    def _keep(self, trials: Iterable[Trial]) -> Iterator[Trial]:
        for trial in trials:
            self.trials.append(trial)
            yield trial

    def _whole(self, subject: Subject) -> Iterator[Trial]:
        bench = subject.bench
        stubs = untouched(self.course, subject.notebook.source)
        if "reference" in self.parts:
            for seed in range(self.seeds):
                notebook = subject.notebook.source if seed == 0 else bench.whole({})
                yield Trial(subject, "reference", f"seed {seed}", notebook, seed)
        if "untouched" in self.parts:
            yield Trial(subject, "untouched", "", stubs)
        if "independence" not in self.parts or len(bench.tests) < 2:
            return
        handed_out = {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in stubs.cells
            if is_solution(cell)
        }
        for item in self.items(subject):
            code = subject.bench.code(item)
            all_raises = None if defines_classes(code) else raising(code)
            answers = {
                _HANDED_OUT: handed_out[item],
                _RAISES: all_raises or without_solution(code, *self.markers),
            }
            for how, answer in answers.items():
                notebook = bench.whole({item: answer})
                seals = how == _RAISES and all_raises is not None
                yield Trial(
                    subject, "independence", how, notebook, item=item, seals=seals
                )

    def _alone(self, subject: Subject, item: str) -> Iterator[Try]:
        code = subject.bench.code(item)
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
        for kind, variant in self._variants(subject):
            if variant.item == item:
                draws = kind == "wrong" and stated_rate(subject, item) is not None
                for seed in range(self._power_seeds() if draws else 1):
                    yield Try(kind, Answer(item, variant.code), variant, seed)
        if "mutants" in self.parts:
            for mutant in mutants(item, code, *self.markers):
                yield Try("mutants", Answer(item, mutant.code), mutant)

    def _variants(self, subject: Subject) -> Iterator[tuple[str, Wrong | Accepted]]:
        for kind, variants in (("accepted", self.accepted), ("wrong", self.wrongs)):
            for variant in variants or ():
                if variant.item in self.items(subject):
                    yield kind, variant

    def _power_seeds(self) -> int:
        return max(1, self.seeds // _POWER_SHARE)

    def _sealed(self, subject: Subject, runs: Runs) -> set[str]:
        """Name the items of which no other test uses what they define.

        Either no other cell names it; or it is functions alone, and they can raise
        without another test being lost. (A class could be felt by its children.)
        """
        unnamed = {
            item
            for item in self.items(subject)
            if not subject.bench.names_elsewhere(item)
        }
        return unnamed | {
            trial.item
            for trial in self.trials
            if trial.subject is subject
            and trial.seals
            and not runs.trials[trial].error
            and not set(lost_tests(runs.trials[trial]))
            - {*subject.bench.tests[trial.item]}
        }

    def _is_sealed(
        self, subject: Subject, sealed: set[str], variant: Wrong | Accepted
    ) -> bool:
        """Tell whether other items cannot feel a variant, so need not be run."""
        own = set(defined_names(subject.bench.code(variant.item)))
        elsewhere = (subject.notebook.protection.names - own) | frozenset(dir(builtins))
        return variant.item in sealed and only_defines(variant.code, elsewhere)


def stated_rate(subject: Subject, item: str) -> float | None:
    """Return the false-alarm rate that the tests of an item state, if they do."""
    tests = subject.bench.tests[item]
    rates = [
        cell.metadata.get("autograder", {}).get("false_alarms")
        for cell in subject.notebook.source.cells
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
