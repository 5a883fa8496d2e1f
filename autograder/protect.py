"""Which test cells run apart from the student's code, and what they need for it.

A protected test cell runs in the checker, where the student's process cannot reach it.
What the instructor's own cells import is imported there again, from the instructor's
files, so that no name of a submission can stand in for `numpy` or for a helper module;
everything else that a test cell names is asked of the student's process.

Not every test can work so: one that reads the source of a function, or the figure that
a function drew, needs the student's own process. Which these are is found out by
grading the reference solution both ways (`find_unprotected`).
"""

import ast
import hashlib
import json
import symtable
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from nbformat import NotebookNode
from nbgrader.utils import is_solution

import autograder
from autograder.runner import Job, Limits, RunResult
from autograder.score import is_test, settle
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
        The import statements of the instructor's cells.
    names : frozenset of str
        What the instructor's cells other than tests bind.
    unprotected : frozenset of str
        The ``grade_id`` of each test cell that runs in the student's process.
    """

    trusted: Mapping[str, bytes]
    student_modules: frozenset[str]
    imports: str
    names: frozenset[str]
    unprotected: frozenset[str] = frozenset()

    def tests(self, notebook: NotebookNode) -> dict[int, bool]:
        """Say for the index of each test cell of `notebook` whether it is protected."""
        return {
            index: cell.metadata.nbgrader["grade_id"] not in self.unprotected
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
            files,
            limits,
            env,
            tests=self.tests(notebook),
            trusted=self.trusted,
            student_modules=self.student_modules,
            imports=self.imports,
            names=self.names,
        )

    def fingerprint(self, source: NotebookNode) -> str:
        """Return a hash of all that decides which of the source's tests can work."""
        whole = hashlib.sha256(json.dumps(source, sort_keys=True).encode())
        for name, content in sorted(self.trusted.items()):
            whole.update(f"{name}\0{len(content)}\0".encode())
            whole.update(content)
        whole.update(f"{sorted(self.student_modules)}".encode())
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
    names: set[str] = set()
    for cell in source.cells:
        if cell.cell_type != "code" or is_test(cell):
            continue
        code = _without_magics(cell.source)
        if code is None:
            continue
        names |= _bound(code)
        if not is_solution(cell):
            imports += _imports(ast.parse(code), student_modules)
    # One that fails is as it would be in the notebook: the test says what is missing.
    guarded = [f"try:\n    {line}\nexcept ImportError:\n    pass" for line in imports]
    return Protection(
        trusted=dict(master),
        student_modules=frozenset(student_modules),
        imports="\n".join(dict.fromkeys(guarded)),
        names=frozenset(names),
    )


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
) -> Protection:
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
    Protection
        The same, with those tests unprotected that the reference passes in its own
        process and not in the checker.
    """
    failed = _failed(source, protection, limits, env, run)
    if not failed:
        return protection
    inside = replace(protection, unprotected=frozenset(failed))
    helped = failed - _failed(source, inside, limits, env, run)
    return replace(protection, unprotected=frozenset(helped))


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
