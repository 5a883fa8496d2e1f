"""What becomes of cases in one process with the tests: the control of fairness."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbgrader.utils import determine_grade, is_grade

from redteam import plain
from redteam.fairness.cases import END, Case, files_of, in_one_process


def run_plain(cases: Sequence[Case], top: Path) -> dict[str, dict[str, float]]:
    """Run each case as a grader without isolation does: points by case and item."""
    for case in cases:
        folder = top / case.name
        folder.mkdir()
        nbformat.write(in_one_process(case), folder / "notebook.ipynb")
        for name, content in files_of([case]).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    subprocess.run(
        [sys.executable, plain.__file__, str(top)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return {case.name: _points(top / case.name / "ran.ipynb") for case in cases}


def _points(path: Path) -> dict[str, float]:
    """Read by nbgrader's own rule what the tests of a notebook gave."""
    found: dict[str, float] = {}
    cells = nbformat.from_dict(json.loads(path.read_text())).cells
    if END not in json.dumps(cells[-1].outputs):
        return found  # it was stopped: tests that did not run have no outputs
    for cell in cells:
        if cell.cell_type == "code" and is_grade(cell):
            grade_id = cell.metadata.nbgrader.grade_id
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            found[grade_id.removesuffix("-test")] = determine_grade(cell)[0] or 0.0
    return found
