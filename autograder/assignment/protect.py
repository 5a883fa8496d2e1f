"""Which test cells run apart from the student's code, and what they need for it.

A protected test cell runs in the checker, where the student's process cannot reach it.
What the instructor's own cells import is imported there again, from the instructor's
files, so that no name of a submission can stand in for `numpy` or for a helper module;
everything else that a test cell names is asked of the student's process. Constants and
self-contained functions of locked cells are defined in the checker too: tests measure
with them.

Not every test can work so: one that reads the source of a function, or the figure that
a function drew, needs the student's own process. Which these are is found out by
grading the reference solution both ways (`find_unprotected`).
"""

import ast
import builtins
import contextlib
import hashlib
import importlib.util
import json
import marshal
import symtable
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode
from nbgrader.utils import is_locked, is_solution

import autograder
from autograder.assignment.cells import grade_id, is_test
from autograder.assignment.scoring import settle
from autograder.runner import LIBRARIES, Job, Limits, RunResult
from autograder.verdicts import Status


@dataclass(frozen=True)
class Protection:
    """How the test cells of one notebook are run.

    Attributes
    ----------
    trusted : dict of str to bytes
        The instructor's files, which the checker sees: contents by relative name.
    student_modules : frozenset of str
        Modules among them that live on the student's side all the same, since tests
        hand their objects to the student's functions.
    imports : str
        The import statements of the instructor's cells, and the helpers of locked ones.
    names : frozenset of str
        What the instructor's cells other than tests bind.
    libraries : frozenset of str
        What runs are likely to load, of those that can be loaded before.
    unprotected : frozenset of str
        The ``grade_id`` of each test cell that runs in the student's process.
    compiled : dict of str to bytes
        The instructor's modules as their import would compile them, so that no run has
        to. Python uses them only with the very text that they were made from.
    """

    trusted: Mapping[str, bytes]
    student_modules: frozenset[str]
    imports: str
    names: frozenset[str]
    libraries: frozenset[str] = frozenset()
    unprotected: frozenset[str] = frozenset()
    compiled: Mapping[str, bytes] = field(default_factory=dict)

    def tests(self, notebook: NotebookNode) -> dict[int, bool]:
        """Say for the index of each test cell of `notebook` whether it is protected."""
        return {
            index: grade_id(cell) not in self.unprotected
            for index, cell in enumerate(notebook.cells)
            if is_test(cell)
        }

    def job(
        self,
        notebook: NotebookNode,
        files: Mapping[str, bytes],
        limits: Limits,
        env: Mapping[str, str],
    ) -> Job:
        """Make the job of running one notebook, rebuilt from the instructor's."""
        return Job(
            notebook,
            {**files, **self.compiled},
            limits,
            env,
            tests=self.tests(notebook),
            trusted={**self.trusted, **self.compiled},
            student_modules=self.student_modules,
            imports=self.imports,
            names=self.names,
            libraries=self.libraries,
        )

    def fingerprint(self, source: NotebookNode, limits: Limits) -> str:
        """Return a hash of all that decides which of the source's tests can work."""
        whole = hashlib.sha256(json.dumps(source, sort_keys=True).encode())
        for name, content in sorted(self.trusted.items()):
            whole.update(f"{name}\0{len(content)}\0".encode())
            whole.update(content)
        whole.update(f"{sorted(self.student_modules)} {limits!r}".encode())
        whole.update(autograder.__version__.encode())
        return whole.hexdigest()


def protect(
    source: NotebookNode, master: Mapping[str, bytes], student_modules: Collection[str]
) -> Protection:
    """Find what the checker needs to run the test cells of an instructor's notebook.

    Parameters
    ----------
    source : NotebookNode
        The instructor's notebook.
    master : dict of str to bytes
        The assignment's own files.
    student_modules : collection of str
        Modules among these that live on the student's side.
    """
    imports: list[str] = []
    names: Counter[str] = Counter()
    given: list[ast.stmt] = []
    for cell in source.cells:
        if cell.cell_type != "code" or is_test(cell):
            continue
        code = _without_magics(cell.source)
        if code is None:
            continue
        tree = ast.parse(code)
        names.update(name for node in tree.body for name in _bound(ast.unparse(node)))
        # An answer that is nothing but an import is asked for by its test.
        if not is_solution(cell) or not all(map(_is_import, tree.body)):
            imports += _imports(tree, student_modules)
        if not is_solution(cell):
            given += tree.body if is_locked(cell) else []
    # One that fails is as it would be in the notebook: the test says what is missing.
    guarded = [f"try:\n    {line}\nexcept ImportError:\n    pass" for line in imports]
    imported = set().union(*map(_bound, imports))
    helpers = _helpers([n for n in given if _bound_once(n, names)], imported)
    return Protection(
        trusted=dict(master),
        student_modules=frozenset(student_modules),
        imports="\n".join([*dict.fromkeys(guarded), *helpers]),
        names=frozenset(names),
        libraries=_libraries(source, master),
        compiled=_compiled(master),
    )


def _compiled(master: Mapping[str, bytes]) -> dict[str, bytes]:
    """Compile the modules beside a notebook into what Python keeps in __pycache__."""
    checked_by_hash = (0b11).to_bytes(4, "little")  # PEP 552
    found = {}
    for path, content in master.items():
        if path.endswith(".py") and "/" not in path:
            with contextlib.suppress(SyntaxError, ValueError):
                code = compile(content, path, "exec", dont_inherit=True)
                header = importlib.util.MAGIC_NUMBER + checked_by_hash
                header += importlib.util.source_hash(content)
                cached = importlib.util.cache_from_source(path)
                found[cached] = header + marshal.dumps(code)
    return found


def _libraries(source: NotebookNode, master: Mapping[str, bytes]) -> frozenset[str]:
    """Name the libraries that the instructor's notebook, solutions and all, will load.

    That is what its cells import, and the modules beside it: these as a whole, but of
    what they define only that which is named. A guess, which costs or saves time alone.
    """
    codes = (_without_magics(c.source) for c in source.cells if c.cell_type == "code")
    reached: list[tuple[str, ast.AST]] = [("", ast.parse(c)) for c in codes if c]
    defined: dict[tuple[str, str], list[tuple[str, ast.AST]]] = {}
    for path, content in master.items():
        module = path.removesuffix(".py")
        with contextlib.suppress(SyntaxError, ValueError):
            for node in ast.parse(content).body if module != path else ():
                name = getattr(node, "name", "")
                here = defined.setdefault((module, name), []) if name else reached
                here.append((module, node))
    modules: set[str] = set()
    for module, tree in reached:  # grows on the way
        for node in ast.walk(tree):
            named: list[tuple[str, str]] = []
            match node:
                case ast.Import(names=names):
                    modules.update(alias.name for alias in names)
                case ast.ImportFrom(module=str(origin), names=names):
                    modules.add(origin)
                    named = [(origin, alias.name) for alias in names]
                case ast.Attribute(value=ast.Name(id=origin), attr=name):
                    named = [(origin, name)]
                case ast.Name(id=name):
                    named = [(module, name)]
            for key in named:
                reached += defined.pop(key, [])
    return frozenset(LIBRARIES) & {module.split(".")[0] for module in modules}


def _without_magics(source: str) -> str | None:
    """Return a cell as Python without IPython's own lines; None if it is none."""
    lines = source.splitlines()
    if lines and lines[0].startswith("%%"):
        return None
    kept = [line for line in lines if not line.lstrip().startswith(("%", "!", "?"))]
    try:
        ast.parse("\n".join(kept))
    except SyntaxError:
        return None
    return "\n".join(kept)


def _bound(code: str) -> set[str]:
    """Return the names that a cell binds."""
    table = symtable.symtable(code, "cell", "exec")
    return {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _bound_once(node: ast.stmt, names: Mapping[str, int]) -> bool:
    return all(names[name] == 1 for name in _bound(ast.unparse(node)))


def _helpers(given: list[ast.stmt], imported: set[str]) -> list[str]:
    """Return the helpers of tests among what locked cells define.

    These are constants, and functions that name nothing but each other, builtins and
    what is imported. A test may rely on them, and a student may not change them: they
    are defined in the checker. Whatever needs the student's names stays on their side,
    and so do functions that make classes: their objects would be the student's.
    """
    found: dict[str, ast.stmt] = {}
    for node in given:
        if isinstance(node, ast.FunctionDef) and not _makes_classes(node):
            found[node.name] = node
        elif isinstance(node, ast.Assign) and _is_constant(node.value):
            target, *others = node.targets
            if isinstance(target, ast.Name) and not others:
                found[target.id] = node
    known = imported | set(dir(builtins))
    while lacking := [
        name
        for name, node in found.items()
        if not _needed(ast.unparse(node)) <= known | found.keys()
    ]:
        for name in lacking:
            del found[name]
    return [ast.unparse(node) for node in found.values()]


def _makes_classes(node: ast.FunctionDef) -> bool:
    return bool(node.decorator_list) or any(
        isinstance(part, ast.ClassDef) for part in ast.walk(node)
    )


def _is_constant(node: ast.expr) -> bool:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False
    try:
        hash(value)
    except TypeError:  # what can be changed must be the student's own
        return False
    return True


def _needed(code: str) -> set[str]:
    """Return the names that a definition takes from outside."""
    names: set[str] = set()
    tables = [symtable.symtable(code, "cell", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            top = table.get_type() == "module"
            if symbol.is_global() or (top and not symbol.is_assigned()):
                names.add(symbol.get_name())
    return names - _bound(code)


def _imports(tree: ast.Module, left_out: Collection[str]) -> Iterator[str]:
    """Yield the import statements of a cell, without those of some modules."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] not in left_out:
                    yield ast.unparse(ast.Import([alias]))
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            if module and not node.level and module not in {"__future__", *left_out}:
                yield ast.unparse(node)


def find_unprotected(
    source: NotebookNode,
    protection: Protection,
    limits: Limits,
    env: Mapping[str, str],
    run: Callable[[Job], RunResult],
) -> tuple[Protection, frozenset[str]]:
    """Grade the reference solution both ways; unprotect the tests that only so pass.

    Parameters
    ----------
    source : NotebookNode
        The instructor's notebook, solutions in place.
    protection : Protection
        With every test protected.
    limits, env
        As for a submission.
    run : callable
        Runs a job.

    Returns
    -------
    protection : Protection
        The same, with those tests unprotected that the reference passes in its own
        process and not in the checker.
    failing : frozenset of str
        The tests that it passes neither way.
    """
    failed = _failed(source, protection, limits, env, run)
    if not failed:
        return protection, frozenset()
    inside = replace(protection, unprotected=frozenset(failed))
    failing = failed & _failed(source, inside, limits, env, run)
    unprotected = frozenset(failed - failing)
    return replace(protection, unprotected=unprotected), frozenset(failing)


def _failed(
    source: NotebookNode,
    protection: Protection,
    limits: Limits,
    env: Mapping[str, str],
    run: Callable[[Job], RunResult],
) -> set[str]:
    """Return the tests that the reference does not pass."""
    result = run(protection.job(source, protection.trusted, limits, env))
    items = settle(result.notebook, result.ran, result.message)
    return {item.grade_id for item in items if item.status is not Status.CORRECT}
