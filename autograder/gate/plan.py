"""What `check` tries of one assignment, in two rounds.

The first round has all that depends on no other run. It tells which items are *sealed*:
no other test can feel what stands in the place of their answers. The second round runs
the whole notebook with each variant of an item that is not.
"""

import ast
import builtins
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import is_solution

from autograder.assignment.cells import grade_id
from autograder.assignment.markers import solution_markers
from autograder.course import Course
from autograder.errors import BuildError
from autograder.gate.answers import (
    Answer,
    defined_names,
    defines_classes,
    only_defines,
    raising,
    without_solution,
)
from autograder.gate.false_alarms import stated_rate
from autograder.gate.mutants import mutants
from autograder.gate.results import PARTS
from autograder.gate.runs import (
    Candidate,
    Executor,
    SharedRun,
    Subject,
    WholeRun,
    shared_runs,
)
from autograder.gate.variants import (
    Accepted,
    Wrong,
    accepted_variants,
    named_wrongs,
    read_equivalents,
)

_POWER_SHARE = 4  # a named mistake is tried on this part of the seeds
REFERENCE = "the reference"  # the origin of a candidate that is right
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
    whole_runs : list of WholeRun
        The runs of whole notebooks.
    candidates : list of (Subject, Candidate)
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
        self.wrongs = self._wanted("wrong", "visible", read=named_wrongs)
        self.accepted = self._wanted("accepted", read=accepted_variants)
        self.equivalents = read_equivalents(course, assignment)
        self.no_mutants = parts is None and self.equivalents is None
        if self.no_mutants:
            self.parts.remove("mutants")
        folder = course.source_folder(assignment)
        self._shared = {folder / module for module in course.shipped}
        self.markers = solution_markers(course.config)
        self.whole_runs: list[WholeRun] = []
        self.candidates: list[tuple[Subject, Candidate]] = []
        self._refuse_unknown_items()

    def _wanted(self, *parts: str, read: Callable) -> list | None:
        if not set(parts) & set(self.parts):
            return None
        return read(self.course, self.assignment)

    def _refuse_unknown_items(self) -> None:
        known = {item for subject in self.subjects for item in subject.harness.tests}
        cells = {
            grade_id(cell)
            for subject in self.subjects
            for cell in subject.notebook.source.cells
            if is_solution(cell)
        }
        for what, variants in (
            ("the wrong solution", self.wrongs),
            ("the accepted variant", self.accepted),
        ):
            for variant in variants or ():
                if variant.item not in cells:
                    raise BuildError(
                        f"{self.assignment}: {what} {variant.name!r} is for "
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
            for item in subject.harness.tests
            if item not in subject.failed and (wanted is None or item in wanted)
        ]

    # --- what is run

    def first_round(self) -> Iterator[WholeRun | SharedRun]:
        """Make the runs that depend on no other."""
        for subject in self.subjects:
            yield from self._keep(self._whole(subject))
            for item in self.items(subject):
                candidates = [*self._candidates(subject, item)]
                self.candidates += [(subject, candidate) for candidate in candidates]
                yield from shared_runs(subject, candidates)

    def second_round(self, executor: Executor) -> Iterator[WholeRun]:
        """Make the runs of variants that other items might feel."""
        for subject in self.subjects:
            sealed = self._sealed(subject, executor)
            yield from self._keep(
                WholeRun(
                    subject,
                    part,
                    f"{variant.item} {variant.name}",
                    subject.harness.with_answers({variant.item: variant.code}),
                    item=variant.item,
                )
                for part, variant in self._variants(subject)
                if not self._is_sealed(subject, sealed, variant)
            )

    def _keep(self, runs: Iterable[WholeRun]) -> Iterator[WholeRun]:
        for run in runs:
            self.whole_runs.append(run)
            yield run

    def _whole(self, subject: Subject) -> Iterator[WholeRun]:
        """Make the runs of a whole notebook: right, untouched, with broken answers."""
        source = subject.notebook.source
        stubs = untouched(self.course, source)
        if "reference" in self.parts:
            for seed in range(self.seeds):
                notebook = subject.harness.with_answers({}) if seed else source
                yield WholeRun(subject, "reference", f"seed {seed}", notebook, seed)
        if "untouched" in self.parts:
            yield WholeRun(subject, "untouched", "", stubs)
        if "independence" in self.parts and len(subject.harness.tests) > 1:
            yield from self._broken(subject, stubs)

    def _broken(self, subject: Subject, stubs: NotebookNode) -> Iterator[WholeRun]:
        """Make, for each item, the runs in which its answer is broken."""
        handed_out = {
            grade_id(cell): cell.source for cell in stubs.cells if is_solution(cell)
        }
        for item in self.items(subject):
            code = subject.harness.code(item)
            all_raises = None if defines_classes(code) else raising(code)
            answers = {
                _HANDED_OUT: handed_out[item],
                _RAISES: all_raises or without_solution(code, self.markers),
            }
            for how, answer in answers.items():
                notebook = subject.harness.with_answers({item: answer})
                seals = how == _RAISES and all_raises is not None
                yield WholeRun(
                    subject, "independence", how, notebook, item=item, seals=seals
                )

    def _candidates(self, subject: Subject, item: str) -> Iterator[Candidate]:
        """Make the answers to one item that are tried alone."""
        code = subject.harness.code(item)
        if "shipped" in self.parts:
            yield from self._shipped(item, defined_names(code))
        rate = stated_rate(subject.notebook.source, subject.harness.tests[item])
        for part, variant in self._variants(subject):
            if variant.item == item:
                draws = part == "wrong" and rate is not None
                for seed in range(self._power_seeds() if draws else 1):
                    yield Candidate(part, Answer(item, variant.code), variant, seed)
        if "visible" in self.parts and self.wrongs is not None:
            yield from self._visible(item, code)
        if "mutants" in self.parts:
            for mutant in mutants(item, code, self.markers):
                yield Candidate("mutants", Answer(item, mutant.code), mutant)

    def _visible(self, item: str, code: str) -> Iterator[Candidate]:
        """Make the answers that the visible part of a test meets: one of them right."""
        yield Candidate("visible", Answer(item, code), REFERENCE)
        for wrong in self.wrongs or ():
            if wrong.item == item:
                yield Candidate("visible", Answer(item, wrong.code), wrong)

    def _shipped(self, item: str, names: list[str]) -> Iterator[Candidate]:
        """Make answers that bind the names of an item to each shipped callable."""
        beside = self.course.source_folder(self.assignment).glob("*.py")
        for path in sorted({*beside} | self._shared) if names else ():
            module = path.name
            for function in public_callables(path):
                answer = "\n".join(
                    f"import {path.stem}; {name} = {path.stem}.{function}"
                    for name in names
                )
                label = f"{module}: {item} = {path.stem}.{function}"
                yield Candidate("shipped", Answer(item, answer), label)

    def _variants(self, subject: Subject) -> Iterator[tuple[str, Wrong | Accepted]]:
        for part, variants in (("accepted", self.accepted), ("wrong", self.wrongs)):
            for variant in (variants or ()) if part in self.parts else ():
                if variant.item in self.items(subject):
                    yield part, variant

    def _power_seeds(self) -> int:
        return max(1, self.seeds // _POWER_SHARE)

    def _sealed(self, subject: Subject, executor: Executor) -> set[str]:
        """Name the items of which no other test uses what they define.

        Either no other cell names it; or it is functions alone, and they can raise
        without another test being lost. (A class could be felt by its children.)
        """
        sealed = {
            item
            for item in self.items(subject)
            if not subject.harness.names_elsewhere(item)
        }
        for run in self.whole_runs:
            if run.subject is subject and run.seals:
                outcome = executor.whole[run]
                others = {*outcome.lost} - {*subject.harness.tests[run.item]}
                if not outcome.error and not others:
                    sealed.add(run.item)
        return sealed

    def _is_sealed(
        self, subject: Subject, sealed: set[str], variant: Wrong | Accepted
    ) -> bool:
        """Tell whether other items cannot feel a variant, so need not be run."""
        own = set(defined_names(subject.harness.code(variant.item)))
        elsewhere = (subject.notebook.protection.names - own) | frozenset(dir(builtins))
        return variant.item in sealed and only_defines(variant.code, elsewhere)


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
