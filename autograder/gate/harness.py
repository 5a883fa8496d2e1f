"""Try answers to one item alone: other cells as given, its own tests, nothing else.

A `Harness` makes, from the instructor's notebook, a notebook that many answers share.
First come the instructor's cells, without tests and without those cells that are the
student's to change (experiments, figures); then, for each answer, what the item's
solution cell defined is forgotten, the answer runs, the given cells between it and its
tests run again, and the tests follow under names of their own. Since the tests of a
notebook run against snapshots, each sees its own answer and no other.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_locked, is_solution

from autograder.assignment.cells import grade_id, is_test
from autograder.assignment.markers import Markers
from autograder.assignment.scoring import Item
from autograder.gate.answers import Answer, defined_names

MOST_TRIED = 40  # answers in one notebook: each test has a process waiting


@dataclass(frozen=True)
class Harness:
    """Makes notebooks in which answers to the items of one notebook are tried.

    Attributes
    ----------
    source : NotebookNode
        The instructor's notebook.
    all_cells : bool
        Whether the cells that are the student's to change run too.
    tests : dict of str to list of str
        For each solution cell, by grade_id, the grade_ids of its tests.
    """

    source: NotebookNode
    all_cells: bool = False
    tests: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        """Find the tests of each item."""
        object.__setattr__(self, "tests", items_with_tests(self.source))

    def as_shown(self, hidden: Markers) -> "Harness":
        """Make the harness whose tests are what a student sees of them.

        Parameters
        ----------
        hidden : Markers
            What encloses the hidden part of a test.
        """
        source = nbformat.from_dict(self.source)
        for cell in source.cells:
            if is_test(cell):
                cell.source, _ = hidden.split(cell.source)
        return Harness(source, self.all_cells)

    def code(self, item: str) -> str:
        """Return the reference's answer to an item."""
        (answer,) = (
            cell.source
            for cell in self.source.cells
            if is_solution(cell) and grade_id(cell) == item
        )
        return answer

    def with_answers(self, answers: Mapping[str, str]) -> NotebookNode:
        """Make the notebook with other answers to some items, and every test."""
        notebook = nbformat.from_dict(self.source)
        notebook.cells = [cell for cell in notebook.cells if self._runs(cell)]
        for cell in notebook.cells:
            if is_solution(cell) and grade_id(cell) in answers:
                cell.source = answers[grade_id(cell)]
        return _numbered(notebook)

    def shared(self, answers: Sequence[Answer]) -> NotebookNode:
        """Make the notebook in which each of several answers is tried alone.

        The tests of the answer at index `k` of `answers` are named ``k <grade_id>``.
        """
        notebook = nbformat.from_dict(self.source)
        cells = notebook.cells
        notebook.cells = [c for c in cells if self._runs(c) and not is_test(c)]
        for number, answer in enumerate(answers):
            notebook.cells += self._trying(answer, number)
        return _numbered(notebook)

    def _trying(self, answer: Answer, number: int) -> Iterator[NotebookNode]:
        """Make the cells that try one answer, up to the last of its tests."""
        tests = self.tests[answer.item]
        begun = False
        for cell in self.source.cells:
            if is_solution(cell) and grade_id(cell) == answer.item:
                begun = True
                yield _forget(cell.source)
                yield _code_cell(answer.code)
            elif begun and is_test(cell) and grade_id(cell) in tests:
                test = nbformat.from_dict(cell)
                test.metadata.nbgrader.grade_id = f"{number} {grade_id(cell)}"
                yield test
                if grade_id(cell) == tests[-1]:
                    return
            elif begun and _is_given(cell):
                yield nbformat.from_dict(cell)

    def names_elsewhere(self, item: str) -> set[str]:
        """Return what an item's answer defines and cells of other items name."""
        others: set[str] = set()
        for cell in self.source.cells:
            if self._runs(cell) and grade_id(cell) not in {item, *self.tests[item]}:
                others |= set(re.findall(r"\w+", cell.source))
        return others & set(defined_names(self.code(item)))

    def _runs(self, cell: NotebookNode) -> bool:
        if cell.cell_type != "code":
            return False
        return self.all_cells or "nbgrader" in cell.metadata


def items_with_tests(source: NotebookNode) -> dict[str, list[str]]:
    """Name the tests of each solution cell that has any.

    These are ``<id>-test``, if there is such a cell, or else the tests between it and
    the next solution cell.
    """
    everywhere = {grade_id(cell) for cell in source.cells if is_test(cell)}
    tests: dict[str, list[str]] = {}
    item = ""
    for cell in source.cells:
        if cell.cell_type == "code" and is_solution(cell):
            item = grade_id(cell)
            own = f"{item}-test"
            tests[item] = [own] if own in everywhere else []
        elif is_test(cell) and item and f"{item}-test" not in everywhere:
            tests[item].append(grade_id(cell))
    return {item: of_item for item, of_item in tests.items() if of_item}


def results_by_answer(items: Sequence[Item], count: int) -> list[list[Item]]:
    """Return for each of `count` answers how its tests ended, under their own names."""
    results: list[list[Item]] = [[] for _ in range(count)]
    for item in items:
        number, _, name = item.grade_id.partition(" ")
        if name and number.isdigit():
            results[int(number)].append(replace(item, grade_id=name))
    return results


def renamed_tests(
    unprotected: frozenset[str], notebook: NotebookNode
) -> frozenset[str]:
    """Name the unprotected tests of a notebook that `Harness.shared` has made."""
    names = (grade_id(cell) for cell in notebook.cells if is_test(cell))
    return frozenset(n for n in names if n.partition(" ")[2] in unprotected)


# ---------------------------------------------------------------------------- helpers


def _code_cell(source: str) -> NotebookNode:
    """Make a code cell; nbformat's own way validates each, which takes 2 ms."""
    return nbformat.from_dict(
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": source,
        }
    )


def _is_given(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and is_locked(cell) and not is_test(cell)


def _forget(source: str) -> NotebookNode:
    """Make a cell that unbinds what an earlier answer has defined."""
    names = tuple(defined_names(source))
    return _code_cell(f"[globals().pop(name, None) for name in {names!r}];")


def _numbered(notebook: NotebookNode) -> NotebookNode:
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:04d}"
    return notebook
