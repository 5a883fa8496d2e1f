"""Nothing that students are given is an answer to an exercise."""

import ast
import contextlib
import importlib
import io
import sys
from pathlib import Path

import jupytext
import matplotlib as mpl
import pytest

import checks
import dp
import lab

mpl.use("Agg")
ROOT = Path(__file__).parent.parent


def callables(*modules):
    """Return the public callables of modules, by their full names."""
    return {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in modules
        for name in getattr(module, "__all__", vars(module))
        if callable(getattr(module, name)) and not name.startswith("_")
    }


@pytest.fixture
def shipped(unit, monkeypatch):
    """What students of a unit can call, the table of mistakes beside it too."""
    beside = ROOT / "source" / unit
    monkeypatch.syspath_prepend(beside)
    monkeypatch.delitem(sys.modules, "mistakes", raising=False)
    modules = [checks, lab, dp]
    if (beside / "mistakes.py").exists():
        modules.append(importlib.import_module("mistakes"))
    yield callables(*modules)
    sys.modules.pop("mistakes", None)


def items():
    """Return (unit, its cells, item, names of its answer, test cell) of each item."""
    found = []
    for text in sorted((ROOT / "source").glob("*.py")):
        cells = [c for c in jupytext.read(text).cells if "nbgrader" in c.metadata]
        code = {
            c.metadata["nbgrader"]["grade_id"]: compile(c.source, text.stem, "exec")
            for c in cells
        }
        # What runs before a test: given cells, and the reference for other items.
        before = {k: c for k, c in code.items() if not k.endswith("-test")}
        for cell in cells:
            item = cell.metadata["nbgrader"]["grade_id"]
            kinds = (ast.FunctionDef, ast.ClassDef)
            tree = ast.parse(cell.source).body
            names = [node.name for node in tree if isinstance(node, kinds)]
            if cell.metadata["nbgrader"].get("solution") and names:
                test = code[f"{item}-test"]
                name = f"{text.stem}:{item}"
                values = text.stem, before, item, names, test
                found.append(pytest.param(*values, id=name))
    return found


def passes(cells, item, names, test, candidate=None):
    """Run a unit's cells, `candidate` in the item's place; return whether it passes."""
    space: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for grade_id, cell in cells.items():
            if grade_id == item and candidate is not None:
                space.update(dict.fromkeys(names, candidate))
            else:
                with contextlib.suppress(Exception):  # a notebook goes on, too
                    exec(cell, space)
        try:
            exec(test, space)
        except Exception:
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize(("unit", "cells", "item", "names", "test"), items())
def test_checks_nothing_shipped_is_an_answer(
    shipped, cells, item, names, test, monkeypatch, tmp_path
):
    """Every public callable of the modules given out, handed in, gets no points."""
    monkeypatch.setenv("LAB_PREDICTIONS", str(tmp_path / "predictions.json"))
    monkeypatch.setattr(lab, "_predictions", {})
    assert passes(
        cells, item, names, test
    )  # the reference: so a failure says something
    earned = [k for k, f in shipped.items() if passes(cells, item, names, test, f)]
    assert earned == []
