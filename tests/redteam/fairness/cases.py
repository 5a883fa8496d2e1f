"""What an attack on fairness and an honest idiom are: a small exercise and an answer.

An exercise is the text of an instructor's notebook. A line ``# %% KIND NAME`` begins a
cell: ``given`` is locked, ``open`` is the student's to change, ``answer`` is the
solution, ``test`` is worth points; behind a line ``# hidden`` a test goes on unseen.
The name, by which an answer and its test belong together, is ``item`` if none is given.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import nbformat
from conftest import graded
from nbformat.v4 import new_code_cell, new_notebook

POINTS = 2  # of each item
END = "the end is reached"  # what a notebook in one process prints last

_HEADER = re.compile(r"^# %% (given|open|answer|test)(?: (\w+))?\n", re.MULTILINE)
_HIDDEN = "# hidden\n"
_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """An exercise, and one answer to it.

    Attributes
    ----------
    name : str
        In kebab-case; also the notebook's name.
    says : str
        What the answer does, and why that could work or fail: one sentence.
    exercise : str
        The instructor's notebook.
    answer : str
        What replaces the answer `item`. A text with headers of its own may replace
        several answers and open cells, by their names.
    files : dict
        The instructor's files beside the notebook, by name. All cases share a folder.
    lent : tuple
        Modules among these that live on the student's side.
    """

    name: str
    says: str
    exercise: str
    answer: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    lent: tuple[str, ...] = ()

    def cells(self) -> list[tuple[str, str, str]]:
        """Return kind, name and text of each of the instructor's cells."""
        return _cells(self.exercise)

    def items(self) -> list[str]:
        """Name the items."""
        return [name for kind, name, _ in self.cells() if kind == "test"]

    def source(self) -> nbformat.NotebookNode:
        """Make the instructor's notebook."""
        return _notebook(self.cells(), self.items(), solved=True)

    def submission(self, answer: str | None = None) -> nbformat.NotebookNode:
        """Make what the student hands in; by default, this case's answer."""
        text = self.answer if answer is None else answer
        said = {(kind, name): text for kind, name, text in _answers(text)}
        first = next(key for key in said if key[0] == "answer")
        said[first] += "\nprint('armed')"
        cells = [(k, n, said.pop((k, n), text)) for k, n, text in self.cells()]
        assert not said, f"{self.name}: there is no {list(said)}"
        return _notebook(cells, self.items(), solved=False)

    def right(self) -> nbformat.NotebookNode:
        """Make the submission of a student who answers as the instructor does."""
        return _notebook(self.cells(), self.items(), solved=False)


@dataclass(frozen=True, kw_only=True)
class Attack(Case):
    """An answer that is not right, and wants the points of every item.

    Attributes
    ----------
    kind : str
        Which kind of leak it tries.
    control : str
        "pays": in one process with the tests it earns points; "caught": it earns
        nothing there, since the test sees what the checker cannot see from outside.
    rightly : tuple
        Items whose answers are right, and so have their points.
    named : bool
        Whether the leak may also be closed by naming the item: as unprotected, as weak,
        or as resting on the student's copy of a module.
    """

    kind: str = ""
    control: str = "pays"
    rightly: tuple[str, ...] = ()
    named: bool = False

    def attacked(self) -> list[str]:
        """Name the items that must earn nothing."""
        return [name for name in self.items() if name not in self.rightly]


@dataclass(frozen=True, kw_only=True)
class Idiom(Case):
    """A right answer in an unusual form, which must have full marks.

    Attributes
    ----------
    control : str
        "passes": in one process with the tests it has full marks; "refused": it does
        not there, since a name of the test's lands on a helper of the student's.
    """

    control: str = "passes"


def attack(kind: str, **shared: object) -> Callable[..., Attack]:
    """Return what makes the attacks of one kind."""

    def make(
        name: str, says: str, exercise: str, answer: str, **more: object
    ) -> Attack:
        options = {**shared, **more}
        return Attack(
            name=name,
            says=says,
            exercise=exercise,
            answer=answer,
            kind=kind,
            **options,
        )

    return make


def idiom(name: str, says: str, exercise: str, answer: str, **more: object) -> Idiom:
    """Make an honest idiom."""
    return Idiom(name=name, says=says, exercise=exercise, answer=answer, **more)


def files_of(cases: Iterable[Case]) -> dict[str, bytes]:
    """Return the instructor's files of all cases; no two may differ under a name."""
    found: dict[str, bytes] = {}
    for case in cases:
        for name, content in case.files.items():
            content = content.encode() if isinstance(content, str) else content
            assert found.setdefault(name, content) == content, (case.name, name)
    return found


def _cells(text: str) -> list[tuple[str, str, str]]:
    """Split a text at its headers; what stands before the first is an open cell."""
    before, *parts = _HEADER.split(text.lstrip("\n"))
    cells = [("open", "first", before.strip("\n"))] if before.strip() else []
    for kind, name, code in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        cells.append((kind, name or "item", code.strip("\n")))
    return cells


def _answers(text: str) -> list[tuple[str, str, str]]:
    if _HEADER.match(text.lstrip("\n")):
        return _cells(text)
    return [("answer", "item", text.strip("\n"))]


def _notebook(
    cells: list[tuple[str, str, str]], items: list[str], *, solved: bool
) -> nbformat.NotebookNode:
    """Make a notebook: with marks of solutions and hidden tests, or without both."""
    made = []
    for number, (kind, name, code) in enumerate([*cells, ("open", "", "# Notes.")]):
        cell = new_code_cell(code)
        if kind == "given":
            graded(cell, f"given-{number}", locked=True)
        elif kind == "answer":
            if solved:
                cell.source = f"### BEGIN SOLUTION\n{code}\n### END SOLUTION"
            graded(cell, name, solution=True)
        elif kind == "test":
            visible, _, hidden = code.partition(_HIDDEN)
            if hidden and solved:
                visible += f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
            cell.source = visible.strip("\n")
            graded(cell, f"{name}-test", points=POINTS, locked=True)
        cell.id = f"cell-{number}"
        made.append(cell)
    assert len(set(items)) == len(items)
    return new_notebook(cells=made, metadata={"kernelspec": _KERNEL})


def in_one_process(case: Case) -> nbformat.NotebookNode:
    """Make the notebook that a grader without isolation would run: tests and answer."""
    notebook = case.submission()
    tests = {
        f"{name}-test": code.replace(_HIDDEN, "")
        for kind, name, code in case.cells()
        if kind == "test"
    }
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in tests:
            cell.source = tests[grade_id]
    notebook.cells[-1].source = f"print('{END}')"
    return notebook
