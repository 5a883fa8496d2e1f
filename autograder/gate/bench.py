"""Try answers to one item alone: other cells as given, its own tests, nothing else.

A `Bench` is laid out from the instructor's notebook. First come its own cells, without
tests and without those cells that are the student's to change (experiments, figures);
then, for each answer, what the item's solution cell defined is forgotten, the answer
runs, the given cells between it and its tests run again, and the tests follow under
names of their own. Since the tests of a notebook run against snapshots, each sees its
own answer and no other: many answers share one run.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbgrader.utils import is_locked, is_solution

from autograder.assignment.scoring import Item, is_test

MOST_TRIED = 40  # answers in one notebook: each test has a process waiting
BROKEN = 'raise RuntimeError("broken on purpose")'


@dataclass(frozen=True)
class Answer:
    """An answer to one item.

    Attributes
    ----------
    item : str
        The grade_id of the solution cell that it replaces.
    code : str
        What it is replaced by.
    """

    item: str
    code: str


@dataclass(frozen=True)
class Bench:
    """A notebook laid out so that answers to its items can be tried alone.

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
        object.__setattr__(self, "tests", graded_by(self.source))

    def code(self, item: str) -> str:
        """Return the reference's answer to an item."""
        (answer,) = (c for c in self.source.cells if is_solution(c) and _id(c) == item)
        return answer.source

    def whole(self, answers: Mapping[str, str]) -> NotebookNode:
        """Make the notebook with other answers to some items, and every test."""
        notebook = nbformat.from_dict(self.source)
        notebook.cells = [cell for cell in notebook.cells if self._runs(cell)]
        for cell in notebook.cells:
            if is_solution(cell) and _id(cell) in answers:
                cell.source = answers[_id(cell)]
        return _numbered(notebook)

    def tried(self, answers: Sequence[Answer]) -> NotebookNode:
        """Make the notebook that tries each answer, by its place, in `answers`."""
        notebook = nbformat.from_dict(self.source)
        cells = notebook.cells
        notebook.cells = [c for c in cells if self._runs(c) and not is_test(c)]
        for number, answer in enumerate(answers):
            tests = self.tests[answer.item]
            inside = False
            for cell in cells:
                if is_solution(cell) and _id(cell) == answer.item:
                    inside = True
                    notebook.cells += [_forget(cell.source), _code_cell(answer.code)]
                elif inside and is_test(cell) and _id(cell) in tests:
                    test = nbformat.from_dict(cell)
                    test.metadata.nbgrader.grade_id = f"{number} {_id(cell)}"
                    notebook.cells.append(test)
                    if _id(cell) == tests[-1]:
                        break
                elif inside and _is_given(cell):
                    notebook.cells.append(nbformat.from_dict(cell))
        return _numbered(notebook)

    def names_elsewhere(self, item: str) -> set[str]:
        """Return what an item's answer defines and cells of other items name."""
        others: set[str] = set()
        for cell in self.source.cells:
            if self._runs(cell) and _id(cell) not in {item, *self.tests[item]}:
                others |= set(re.findall(r"\w+", cell.source))
        return others & set(defined_names(self.code(item)))

    def _runs(self, cell: NotebookNode) -> bool:
        if cell.cell_type != "code":
            return False
        return self.all_cells or "nbgrader" in cell.metadata


def graded_by(source: NotebookNode) -> dict[str, list[str]]:
    """Name the tests of each solution cell that has any.

    These are ``<id>-test``, if there is such a cell, or else the tests between it and
    the next solution cell.
    """
    everywhere = {_id(cell) for cell in source.cells if is_test(cell)}
    found: dict[str, list[str]] = {}
    item = ""
    for cell in source.cells:
        if cell.cell_type == "code" and is_solution(cell):
            item = _id(cell)
            own = f"{item}-test"
            found[item] = [own] if own in everywhere else []
        elif is_test(cell) and item and f"{item}-test" not in everywhere:
            found[item].append(_id(cell))
    return {item: tests for item, tests in found.items() if tests}


def sorted_out(items: Sequence[Item], count: int) -> list[list[Item]]:
    """Return for each of `count` answers how its tests ended, under their own names."""
    found: list[list[Item]] = [[] for _ in range(count)]
    for item in items:
        number, _, grade_id = item.grade_id.partition(" ")
        if grade_id and number.isdigit():
            renamed = Item(
                grade_id, item.status, item.points, item.max_points, item.message
            )
            found[int(number)].append(renamed)
    return found


def renamed_tests(
    unprotected: frozenset[str], notebook: NotebookNode
) -> frozenset[str]:
    """Name the tests of a notebook that `Bench.tried` made which are unprotected."""
    names = (_id(cell) for cell in notebook.cells if is_test(cell))
    return frozenset(n for n in names if n.partition(" ")[2] in unprotected)


# ------------------------------------------------------------------- breaking answers


def without_solution(source: str, begin: str, end: str) -> str:
    """Put a statement that raises where each solution of a cell was, like its stub."""
    if begin not in source:
        return BROKEN
    kept: list[str] = []
    inside = False
    for line in source.splitlines():
        if begin in line:
            inside = True
            kept.append(line[: len(line) - len(line.lstrip())] + BROKEN)
        elif end in line:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def raising(source: str) -> str | None:
    """Make a solution cell of which every function raises; None if it has none."""
    tree = _tree(source)
    breaker = _Breaker()
    tree = ast.fix_missing_locations(breaker.visit(tree))
    return ast.unparse(tree) if breaker.broken else None


class _Breaker(ast.NodeTransformer):
    """Replaces the body of every outermost function."""

    broken = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.broken = True
        node.body = ast.parse(BROKEN).body
        return node


def defines_classes(code: str) -> bool:
    """Tell whether a cell defines a class, of which others could be children."""
    return any(isinstance(node, ast.ClassDef) for node in ast.walk(_tree(code)))


def only_defines(code: str, elsewhere: frozenset[str]) -> bool:
    """Tell whether running a cell can do nothing but define names of its own.

    Parameters
    ----------
    code : str
        The cell.
    elsewhere : frozenset of str
        Names that other cells bind.
    """
    try:
        body = ast.parse(textwrap.dedent(code)).body
    except SyntaxError:
        return False
    return all(_is_definition(node) for node in body) and not (
        set(defined_names(code)) & elsewhere
    )


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return not node.decorator_list
    if isinstance(node, ast.ClassDef):
        plain = not node.decorator_list and not node.keywords
        return plain and all(map(_is_definition, node.body))
    if isinstance(node, ast.Assign):
        plain = all(isinstance(target, ast.Name) for target in node.targets)
        return plain and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def defined_names(source: str) -> list[str]:
    """Name the functions, classes and variables that a solution cell defines."""
    return list(dict.fromkeys(_defined(_tree(source).body)))


def _tree(source: str) -> ast.Module:
    """Parse a cell; of one that is no Python, IPython's own lines are written out."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.parse(TransformerManager().transform_cell(source))


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        yield part.id


# ---------------------------------------------------------------------------- helpers


def _id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


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
    """Make a cell that unbinds what an answer of before has defined."""
    names = tuple(defined_names(source))
    return _code_cell(f"[globals().pop(name, None) for name in {names!r}];")


def _numbered(notebook: NotebookNode) -> NotebookNode:
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:04d}"
    return notebook
