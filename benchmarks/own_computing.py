"""Run one notebook in plain IPython and print the CPU time of its cells, in seconds.

``python benchmarks/own_computing.py NOTEBOOK LIBRARY...`` runs the cells in the current
folder, in a process that has loaded Python, IPython, numpy and those libraries before
the clock starts: what a notebook costs in any grader, and no grader can save.
"""

import contextlib
import importlib
import io
import itertools
import json
import os
import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from autograder.runner import LIBRARIES


def main(path: Path, libraries: list[str]) -> None:
    """Run the notebook at `path`."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    sources = [
        "".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"
    ]
    shell = InteractiveShell.instance()
    for name in ("numpy", *itertools.chain(*map(LIBRARIES.get, libraries))):
        importlib.import_module(name)
    sys.path.insert(0, "")
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell("1 / 0")  # a first traceback imports what shows it
        began = _cpu_seconds()
        for source in sources:
            shell.run_cell(source, store_history=True)
        used = _cpu_seconds() - began
    print(used)


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
