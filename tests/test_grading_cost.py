"""What grading costs: what is said of it, and what it need not."""

import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.assignment.protect import protect

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "benchmarks" / "grading.md"


def tables(text: str) -> list[list[str]]:
    """Give the tables of a Markdown text, as lists of lines."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_cost_page_has_the_measured_table():
    """docs/cost.md repeats the table of benchmarks/grading.md, to the letter."""
    measured = tables(PAGE.read_text(encoding="utf-8"))[0]
    assert measured[0].startswith("| grading a class |")
    page = ROOT / "docs" / "cost.md"
    assert measured in tables(page.read_text(encoding="utf-8"))


def test_cost_start_builds_no_grammar_of_uris():
    """Neither `grade` nor its workers load what takes a second and serves nothing."""
    code = (
        "import sys, autograder.grade, autograder.pool\n"
        "assert 'nbformat' in sys.modules\n"
        "assert 'lark' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


MODULE = b'''"""It has digits."""
import matplotlib.pyplot


def digits():
    from sklearn import datasets
    return datasets.load_digits()


def both():
    return digits()
'''


@pytest.mark.parametrize(
    ("cell", "files", "expected"),
    [
        ("x = 1", {}, set()),
        ("from sklearn import datasets", {}, {"sklearn"}),
        ("import math, matplotlib.pyplot as plt", {}, {"matplotlib"}),
        ("import tools", {"tools.py": MODULE}, {"matplotlib"}),
        ("digits = 3", {"tools.py": MODULE}, {"matplotlib"}),
        ("import tools\ntools.both()", {"tools.py": MODULE}, {"matplotlib", "sklearn"}),
        (
            "from tools import digits",
            {"tools.py": MODULE},
            {"matplotlib", "sklearn"},
        ),
        ("%matplotlib inline\nx = (", {"tools.py": b"def ("}, set()),
    ],
)
def test_cost_runs_begin_with_what_the_notebook_loads(cell, files, expected):
    """What cells import is loaded before, and what they name of modules beside them."""
    source = new_notebook(cells=[new_code_cell(cell)])
    assert protect(source, files, ()).libraries == expected
