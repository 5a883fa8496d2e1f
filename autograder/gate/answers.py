"""Answers to an item: what one defines, and how to break one.

All is read from an answer's syntax tree; no answer is run here.
"""

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager

from autograder.assignment.markers import Markers, Where

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


# ----------------------------------------------------------------- what it defines


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


# -------------------------------------------------------------------- breaking one


def without_solution(source: str, markers: Markers) -> str:
    """Put a statement that raises where each solution of a cell was, like its stub."""
    if markers.begin not in source:
        return BROKEN
    kept: list[str] = []
    for text, where in markers.lines(source):
        if where is Where.BEGIN:
            kept.append(text[: len(text) - len(text.lstrip())] + BROKEN)
        elif where is Where.OUTSIDE:
            kept.append(text)
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
