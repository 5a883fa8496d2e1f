"""Student code may replace what `builtins` holds; the runner beside it works on."""

import ast
import builtins
import dis
import gc
import importlib
import types
from pathlib import Path

import nbformat
import pytest
from test_runner_levels import sandbox_or_skip

from autograder.runner import Job, Limits, inside, run_notebook
from autograder.runner.probe import LEVELS
from autograder.verdicts import Verdict

FOLDER = Path(inside.__file__).parent
MODULES = sorted(
    ".".join([inside.__name__, *path.relative_to(FOLDER).with_suffix("").parts])
    for path in FOLDER.rglob("*.py")
    if path.name != "__init__.py"
)
# What stands before a module has its copy: nothing in it may run later.
HEAD = (ast.Import, ast.ImportFrom, ast.Expr)


def _code_objects(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_objects(constant)


def _builtins_used(code):
    """Return the builtins that functions of a module look up, by name."""
    names = {
        instruction.argval
        for inner in _code_objects(code)
        for instruction in dis.get_instructions(inner)
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    names.discard("__annotations__")  # of a class: no builtin where it is used
    return {name for name in names if hasattr(builtins, name)}


@pytest.mark.parametrize("name", MODULES)
def test_builtins_of_each_module_are_its_own(name):
    """Each module makes its copy before its functions, which all look into it."""
    module = importlib.import_module(name)
    source = Path(module.__file__).read_text(encoding="utf-8")
    first = next(n for n in ast.parse(source).body if not isinstance(n, HEAD))
    assert ast.unparse(first) == "__builtins__ = dict(vars(builtins))"
    own = vars(module)["__builtins__"]
    assert own is not vars(builtins)
    functions = [
        thing
        for thing in gc.get_objects()
        if type(thing) is types.FunctionType and thing.__globals__ is vars(module)
    ]
    assert functions
    assert all(function.__builtins__ is own for function in functions)
    used = _builtins_used(compile(source, name, "exec"))
    assert used
    assert [n for n in used if n not in own and n not in vars(module)] == []


# All but one, which ctypes needs, and so NumPy's generators.
REPLACE = """
import builtins, sys
replace = setattr
names = [n for n in dir(builtins) if n[0] != "_" and n != "KeyError"]
names = [n for n in names if n not in ("True", "False", "None")]
"""
ANSWER = """
def f(values, call):
    sys.stdout.write("x" * 40_000)
    values.sort()
    return [call(value) for value in values], {"shape": values}
"""
TEST = """
import numpy as np
for size in 2, 40, 9000:
    values = np.arange(float(size))[::-1].copy()
    halves, rest = f(values, lambda value: value / 2)
    assert halves == [value / 2 for value in range(size)]
    assert np.array_equal(rest["shape"], np.arange(size))
    assert values[0] == 0
"""
LOOP = "for n in names: replace(builtins, n, None)\n"
CASES = {
    "in a cell": ANSWER + LOOP,
    "in a call": ANSWER.replace("    values.sort", f"    {LOOP}    values.sort"),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("case", CASES)
def test_builtins_set_to_none_cost_no_point(level, case):
    """Code that sets nearly all builtins to None passes the tests that it deserves."""
    cells = [REPLACE + CASES[case], TEST, TEST.replace("/ 2 for", "/ 3 for")]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    tests, names = {1: True, 2: True}, frozenset({"f"})
    job = Job(notebook, {}, Limits(), tests=tests, names=names)
    result = run_notebook(job, sandbox_or_skip(level))
    errors = [
        [output.ename for output in cell.outputs if output.output_type == "error"]
        for cell in result.notebook.cells
    ]
    assert result.verdict is Verdict.GRADED, result.message
    # IPython itself cannot end such a cell; what counts is that the tests can run.
    assert errors[1:] == [[], ["AssertionError"]]
