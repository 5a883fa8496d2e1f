"""Small changes of a solution, made from its syntax tree: would the tests notice?

A *mutant* is a solution cell with one change between nbgrader's markers ``BEGIN
SOLUTION`` and ``END SOLUTION`` (in the whole cell, where there are none): an operator,
a constant, a name, a call, arguments, a statement or a condition. The order is that of
the text, so that two runs make the same mutants.

No mutant is made of what no test can see or is meant to look at: comments, docstrings,
annotations, what is written after ``raise E(``, f-strings and other strings with a
blank in them (prose for people), the order of the arguments of a commutative function,
and the only assignment of a name (without it, nothing runs).

The tree is libcst's, which keeps the text as it was written: a mutant differs from the
solution in the line that is shown, and nowhere else. The tools for mutation testing
(mutmut, Cosmic Ray, mutatest) change modules on disk and start a test runner for each
change; neither fits a cell whose test runs in a sandbox.
"""

import ast
import difflib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from autograder.assignment.markers import Markers, Where, solution_markers

# What one operator becomes. Comparisons lose or gain their boundary.
_BINARY = {
    cst.Add: cst.Subtract,
    cst.Subtract: cst.Add,
    cst.Multiply: cst.Divide,
    cst.Divide: cst.Multiply,
    cst.FloorDivide: cst.Divide,
    cst.Modulo: cst.Multiply,
    cst.Power: cst.Multiply,
    cst.MatrixMultiply: cst.Multiply,
    cst.BitAnd: cst.BitOr,
    cst.BitOr: cst.BitAnd,
    cst.BitXor: cst.BitAnd,
    cst.LeftShift: cst.RightShift,
    cst.RightShift: cst.LeftShift,
}
_IN_PLACE = {
    cst.AddAssign: cst.SubtractAssign,
    cst.SubtractAssign: cst.AddAssign,
    cst.MultiplyAssign: cst.DivideAssign,
    cst.DivideAssign: cst.MultiplyAssign,
    cst.FloorDivideAssign: cst.DivideAssign,
    cst.ModuloAssign: cst.MultiplyAssign,
    cst.PowerAssign: cst.MultiplyAssign,
    cst.MatrixMultiplyAssign: cst.MultiplyAssign,
    cst.BitAndAssign: cst.BitOrAssign,
    cst.BitOrAssign: cst.BitAndAssign,
}
_COMPARED = {
    cst.LessThan: cst.LessThanEqual,
    cst.LessThanEqual: cst.LessThan,
    cst.GreaterThan: cst.GreaterThanEqual,
    cst.GreaterThanEqual: cst.GreaterThan,
    cst.Equal: cst.NotEqual,
    cst.NotEqual: cst.Equal,
    cst.Is: cst.IsNot,
    cst.IsNot: cst.Is,
    cst.In: cst.NotIn,
    cst.NotIn: cst.In,
}
_ORDERED = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)
_CONSTANTS = {
    "True": cst.Name("False"),
    "False": cst.Name("True"),
    "None": cst.Integer("0"),
}
# The order of their arguments does not matter.
_COMMUTATIVE = {
    *("max", "min", "maximum", "minimum", "fmax", "fmin", "add", "multiply", "hypot"),
    *("array_equal", "logical_and", "logical_or", "logical_xor", "gcd", "lcm", "equal"),
}
_COMPREHENSIONS = (cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp)
_TIGHT = (
    *(cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float),
    *(cst.SimpleString, cst.List, cst.Dict, cst.Set, cst.ListComp),
)


@dataclass(frozen=True)
class Mutant:
    """A solution cell with one change.

    Attributes
    ----------
    item : str
        The grade_id of the solution cell.
    kind : str
        What was changed, such as "operator" or "statement dropped".
    before, after : str
        The changed lines, without their indentation; joined if they are several.
    code : str
        The whole cell.
    """

    item: str
    kind: str
    before: str
    after: str
    code: str


def mutants(item: str, source: str, markers: Markers | None = None) -> list[Mutant]:
    """Make every mutant of one solution cell, in the order of its text.

    Parameters
    ----------
    item : str
        The grade_id of the cell.
    source : str
        The cell, solution in place.
    markers : Markers, optional
        The markers around solutions; by default nbgrader's own.

    Returns
    -------
    list of Mutant
        None of them is the same program as another, or as the solution; empty for a
        cell that is no plain Python.
    """
    try:
        wrapper = MetadataWrapper(cst.parse_module(source))
    except cst.ParserSyntaxError:  # IPython's own lines
        return []
    lines = _solution_lines(source, markers or solution_markers())
    finder = _Changes(lines)
    wrapper.visit(finder)
    made: list[Mutant] = []
    seen = {ast.dump(ast.parse(source))}
    for old, new, kind in sorted(finder.found, key=lambda change: change.line):
        code = wrapper.module.deep_replace(old, new).code
        try:
            program = ast.dump(ast.parse(code))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "1 is not callable", and the like
                compile(code, "mutant", "exec")
        except SyntaxError:
            continue
        if program not in seen:
            seen.add(program)
            made.append(Mutant(item, kind, *_changed_lines(source, code), code))
    return made


def _solution_lines(source: str, markers: Markers) -> set[int]:
    """Number, from 1, the lines between the markers; all, where there are none."""
    wanted = Where.INSIDE if markers.begin in source else Where.OUTSIDE
    lines = enumerate(markers.lines(source), start=1)
    return {number for number, line in lines if line.where is wanted}


def _changed_lines(before: str, after: str) -> tuple[str, str]:
    """Return the lines that differ, each version on one line."""
    old, new = before.splitlines(), after.splitlines()
    blocks = [
        block
        for block in difflib.SequenceMatcher(None, old, new, False).get_opcodes()
        if block[0] != "equal"
    ]
    first, last = blocks[0], blocks[-1]
    return _joined(old[first[1] : last[2]]), _joined(new[first[3] : last[4]])


def _joined(lines: Sequence[str]) -> str:
    bare = (re.sub(r"\s\s#.*", "", line) for line in lines)  # no comments
    return " ".join(" ".join(bare).split())


@dataclass(frozen=True)
class _Change:
    """A node, what stands in its place, and what kind of change that is."""

    old: cst.CSTNode
    new: cst.CSTNode
    kind: str
    line: int

    def __iter__(self) -> Iterator:
        return iter((self.old, self.new, self.kind))


@dataclass
class _Scope:
    """The names that a function, lambda or comprehension binds, and where first."""

    names: dict[str, int]


class _Changes(cst.CSTVisitor):
    """Collects every change of the nodes on some lines."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, lines: set[int]) -> None:
        super().__init__()
        self.lines = lines
        self.found: list[_Change] = []
        self.scopes: list[_Scope] = []

    # --- helpers

    def line(self, node: cst.CSTNode) -> int:
        return self.get_metadata(PositionProvider, node).start.line

    def change(
        self,
        old: cst.CSTNode,
        new: cst.CSTNode,
        kind: str,
        at: cst.CSTNode | None = None,
    ) -> None:
        """Note a change, if `at` (by default the changed node) is in the solution."""
        line = self.line(at or old)
        if line in self.lines:
            self.found.append(_Change(old, new, kind, line))

    # --- where nothing is changed

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        return False

    def visit_FormattedString(self, node: cst.FormattedString) -> bool:
        return False

    def visit_ConcatenatedString(self, node: cst.ConcatenatedString) -> bool:
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_Decorator(self, node: cst.Decorator) -> bool:
        return False

    def visit_Raise(self, node: cst.Raise) -> bool:
        """Change the type of the error alone."""
        named = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
        if isinstance(named, cst.Name):
            other = "KeyError" if named.value == "RuntimeError" else "RuntimeError"
            self.change(named, named.with_changes(value=other), "name")
        return False

    # --- scopes

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        start = self.line(node)
        names = {name: start for name in _parameters(node.params)}
        collector = _Bindings(self)
        node.body.visit(collector)
        for name, line in collector.found:
            names.setdefault(name, line)
        self.scopes.append(_Scope(names))

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self.scopes.pop()

    def visit_Lambda(self, node: cst.Lambda) -> None:
        names = _parameters(node.params)
        self.scopes.append(_Scope({name: self.line(node) for name in names}))

    def leave_Lambda(self, original_node: cst.Lambda) -> None:
        self.scopes.pop()

    def _enter_comprehension(self, node: cst.BaseComp) -> None:
        names: list[str] = []
        loop: cst.CompFor | None = node.for_in
        while loop is not None:
            names += _targets(loop.target)
            loop = loop.inner_for_in
        self.scopes.append(_Scope({name: 0 for name in names}))

    def _leave_comprehension(self, original_node: cst.BaseComp) -> None:
        self.scopes.pop()

    visit_ListComp = visit_SetComp = _enter_comprehension
    visit_GeneratorExp = visit_DictComp = _enter_comprehension
    leave_ListComp = leave_SetComp = _leave_comprehension
    leave_GeneratorExp = leave_DictComp = _leave_comprehension

    def other_name(self, name: str, line: int) -> str | None:
        """Choose another name that is bound here: the next one, in a ring."""
        known: dict[str, None] = {}
        for scope in self.scopes:
            for bound, first in scope.names.items():
                if bound == name or first < line:
                    known[bound] = None
        if name not in known:
            return None
        ring = [n for n in known if n not in {"self", "_"}]
        if name not in ring or len(ring) < 2:
            return None
        return ring[(ring.index(name) + 1) % len(ring)]

    # --- operators

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        other = _BINARY.get(type(node.operator))
        if other is None:
            return
        operator = _spaced(other, node.operator)
        new = node.with_changes(operator=operator)
        if isinstance(node.operator, cst.Power):  # binds closer than what comes
            new = _parenthesized(new)
        self.change(node, new, "operator")

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        other = _IN_PLACE.get(type(node.operator))
        if other is not None:
            self.change(
                node.operator, _spaced(other, node.operator), "operator", at=node
            )
        plain = cst.Assign([cst.AssignTarget(node.target)], node.value)
        self.change(node, plain, "operator")

    def visit_UnaryOperation(self, node: cst.UnaryOperation) -> None:
        if not isinstance(node.operator, cst.Plus):
            self.change(node, _parenthesized(node.expression), "operator")

    def visit_ComparisonTarget(self, node: cst.ComparisonTarget) -> bool:
        other = _COMPARED.get(type(node.operator))
        if other is not None:
            new = _spaced(other, node.operator)
            self.change(node.operator, new, "comparison", at=node)
        return not isinstance(node.operator, cst.Is | cst.IsNot)  # `is None` stays

    def visit_BooleanOperation(self, node: cst.BooleanOperation) -> None:
        other = cst.Or if isinstance(node.operator, cst.And) else cst.And
        new = node.with_changes(operator=_spaced(other, node.operator))
        self.change(node, _parenthesized(new), "boolean")

    # --- conditions

    def _negate(self, test: cst.BaseExpression) -> None:
        if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            return  # its `not` is dropped already
        if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
            operator = test.comparisons[0].operator
            if not isinstance(operator, _ORDERED):
                return  # that comparison is turned round already
        negated = cst.UnaryOperation(cst.Not(), _parenthesized(test))
        self.change(test, negated, "condition negated")

    def visit_If(self, node: cst.If) -> None:
        self._negate(node.test)

    def visit_IfExp(self, node: cst.IfExp) -> None:
        self._negate(node.test)

    def visit_While(self, node: cst.While) -> None:
        self._negate(node.test)

    def visit_CompIf(self, node: cst.CompIf) -> None:
        self._negate(node.test)

    # --- constants

    def visit_Integer(self, node: cst.Integer) -> None:
        new = str(ast.literal_eval(node.value) + 1)
        self.change(node, node.with_changes(value=new), "constant")

    def visit_Float(self, node: cst.Float) -> None:
        value = ast.literal_eval(node.value)
        new = repr(2 * value if value else 1.0)
        self.change(node, node.with_changes(value=new), "constant")

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        text = ast.literal_eval(node.value)
        if isinstance(text, str) and not set(text) & set(" \n"):
            new = repr(f"XX{text}XX").replace("'", '"')
            self.change(node, node.with_changes(value=new), "constant")

    # --- names

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False  # the attribute is no name

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        constant = _CONSTANTS.get(node.value)
        if constant is not None:
            self.change(node, constant, "constant")
            return
        line = self.line(node)
        other = self.other_name(node.value, line)
        if other is not None:
            self.change(node, node.with_changes(value=other), "name")

    def visit_Param(self, node: cst.Param) -> bool:
        if node.default is not None:
            node.default.visit(self)
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:
        return self._visit_target(node.target)

    def visit_CompFor(self, node: cst.CompFor) -> bool:
        node.iter.visit(self)
        for condition in node.ifs:
            condition.visit(self)
        if node.inner_for_in is not None:
            node.inner_for_in.visit(self)
        return False

    def visit_NamedExpr(self, node: cst.NamedExpr) -> bool:
        node.value.visit(self)
        return False

    def _visit_target(self, target: cst.BaseExpression) -> bool:
        """Look into what is assigned to, but leave the names that are bound."""
        if isinstance(target, cst.Subscript):
            for element in target.slice:
                element.visit(self)
        return False

    # --- calls

    def visit_Call(self, node: cst.Call) -> None:
        inside = _what_is_called_on(node, self._is_bound)
        if inside is not None:
            self.change(node, _parenthesized(inside), "call dropped")
        positional = 0
        for argument in node.args:
            if argument.star or argument.keyword:
                break
            positional += 1
        if _called(node) not in _COMMUTATIVE:
            for k in range(positional - 1):
                values = [argument.value for argument in node.args]
                values[k], values[k + 1] = values[k + 1], values[k]
                args = [
                    argument.with_changes(value=value)
                    for argument, value in zip(node.args, values, strict=True)
                ]
                self.change(node, node.with_changes(args=args), "arguments swapped")
        for k, argument in enumerate(node.args):
            if argument.keyword is not None:
                args = [*node.args[:k], *node.args[k + 1 :]]
                if args:
                    args[-1] = args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
                new = node.with_changes(args=args)
                self.change(node, new, "keyword dropped", at=argument)

    def _is_bound(self, name: str) -> bool:
        return any(name in scope.names for scope in self.scopes)

    # --- statements

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        first = node.body[0]
        if isinstance(first, cst.Expr) and isinstance(
            first.value, cst.SimpleString | cst.ConcatenatedString
        ):
            return False  # a docstring
        if self._can_be_dropped(first):
            self.change(node, _passing(node), "statement dropped")
        if isinstance(first, cst.Expr) and isinstance(first.value, cst.Call):
            # To drop the call is to drop the statement.
            kept = len(self.found)
            first.value.visit(self)
            self.found[kept:] = [
                change
                for change in self.found[kept:]
                if change.old is not first.value or change.kind != "call dropped"
            ]
            return False
        return True

    def _can_be_dropped(self, statement: cst.BaseSmallStatement) -> bool:
        if isinstance(statement, cst.Assign | cst.AnnAssign):
            names: list[str] = []
            targets = getattr(statement, "targets", None) or [statement]
            for target in targets:
                names += _targets(target.target)
            return bool(self.scopes) and not any(
                self._assigned_once(name) for name in names
            )
        return not isinstance(statement, cst.Import | cst.ImportFrom | cst.Pass)

    def _assigned_once(self, name: str) -> bool:
        return self._times.get(name, 0) == 1 and name not in self._given

    def visit_Module(self, node: cst.Module) -> None:
        """Count the assignments of each name, and note the parameters."""
        counter = _Bindings(self)
        node.visit(counter)
        self._times: dict[str, int] = {}
        for name, _ in counter.found:
            self._times[name] = self._times.get(name, 0) + 1
        self._given = counter.parameters

    def visit_For(self, node: cst.For) -> bool:
        self.change(node, _passing(node), "statement dropped")
        node.iter.visit(self)
        node.body.visit(self)
        if node.orelse is not None:
            node.orelse.visit(self)
        return False


class _Bindings(cst.CSTVisitor):
    """Collects the names that statements bind, with their lines."""

    def __init__(self, changes: _Changes) -> None:
        super().__init__()
        self.line = changes.line
        self.found: list[tuple[str, int]] = []
        self.parameters: set[str] = set()

    def _bind(self, target: cst.CSTNode, at: cst.CSTNode) -> None:
        self.found += [(name, self.line(at)) for name in _targets(target)]

    def visit_Param(self, node: cst.Param) -> None:
        self.parameters.add(node.name.value)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._bind(node.target, node)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._bind(node.target, node)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self._bind(node.target, node)

    def visit_For(self, node: cst.For) -> None:
        self._bind(node.target, node)

    def visit_AsName(self, node: cst.AsName) -> None:
        self._bind(node.name, node)


def _parameters(params: cst.Parameters) -> list[str]:
    found = [*params.posonly_params, *params.params, *params.kwonly_params]
    stars = params.star_arg, params.star_kwarg
    found += [star for star in stars if isinstance(star, cst.Param)]
    return [parameter.name.value for parameter in found]


def _targets(target: cst.CSTNode) -> list[str]:
    """Return the plain names that a target binds."""
    if isinstance(target, cst.Name):
        return [target.value]
    if isinstance(target, cst.Tuple | cst.List):
        return [n for element in target.elements for n in _targets(element.value)]
    return []


def _called(node: cst.Call) -> str:
    """Return the last name of what is called."""
    if isinstance(node.func, cst.Attribute):
        return node.func.attr.value
    return node.func.value if isinstance(node.func, cst.Name) else ""


def _what_is_called_on(
    node: cst.Call, is_bound: Callable[[str], bool]
) -> cst.BaseExpression | None:
    """Return what stands for a call that is dropped: its object, or first argument."""
    root = node.func
    while isinstance(root, cst.Attribute | cst.Subscript | cst.Call):
        root = root.func if isinstance(root, cst.Call) else root.value
    of_module = isinstance(root, cst.Name) and not is_bound(root.value)
    if isinstance(node.func, cst.Attribute) and not of_module:
        return node.func.value
    if node.args and not node.args[0].star and node.args[0].keyword is None:
        return node.args[0].value
    return None


def _spaced(other: type, like: cst.CSTNode) -> cst.CSTNode:
    """Make an operator with the same blanks around it as another one has."""
    blanks = {
        name: getattr(like, name)
        for name in ("whitespace_before", "whitespace_after")
        if hasattr(like, name)
    }
    made = other()
    words = isinstance(made, cst.Not | cst.NotIn | cst.IsNot)
    return made if words else made.with_changes(**blanks)


def _parenthesized(node: cst.BaseExpression) -> cst.BaseExpression:
    """Put parentheses around an expression that may need them."""
    if node.lpar or isinstance(node, _TIGHT):
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _passing(node: cst.CSTNode) -> cst.SimpleStatementLine:
    leading = getattr(node, "leading_lines", ())
    return cst.SimpleStatementLine([cst.Pass()], leading_lines=leading)
