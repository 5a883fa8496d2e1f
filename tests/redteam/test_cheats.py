"""No cheat earns a point or shows a hidden test, and no neighbour notices it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import determine_grade, is_grade

from autograder.assignment.rebuild import prepare
from autograder.runner import folders
from autograder.verdicts import Verdict
from redteam import exam
from redteam.cheats import CHEATS

pytestmark = pytest.mark.slow  # classes

BY_NAME = {cheat.name: cheat for cheat in CHEATS}
# These few run in `make test` too: one for each way in.
QUICK = {
    *("always-equal-object", "numpy-testing-patched", "ast-transformer-drops-asserts"),
    *("displayhook", "builtin-shadowed", "history", "inputs-in-an-authored-message"),
    *("usage-error", "expected-value-from-the-frames", "bomb-nested-list"),
}


def _cases(group, cheats=CHEATS):
    cases = []
    for cheat in cheats:
        marks = [
            pytest.mark.attack(cheat.name, control=group == "plain"),
            pytest.mark.xdist_group(group),
        ]
        if cheat.name not in QUICK:
            marks.append(pytest.mark.redteam)
        cases.append(pytest.param(cheat, marks=marks, id=cheat.name))
    return cases


# ------------------------------------------------------------------------- the control


@pytest.fixture(scope="module")
def plain(chosen, tmp_path_factory):
    """What became of each cheat in one process with the tests, without a sandbox."""
    top = tmp_path_factory.mktemp("plain")
    course = exam.make_course("auto")  # copied: the payload may do what it likes
    for cheat in filter(PROVED_OUTSIDE.__contains__, chosen):
        folder = top / cheat.name
        folder.mkdir()
        prepared = prepare(exam.source(), cheat.notebook())
        text = nbformat.writes(prepared.notebook).replace(
            "ROOT", json.dumps(repr(str(course.root)))[1:-1]
        )
        (folder / "notebook.ipynb").write_text(text)
        files = {name: text.encode() for name, text in exam.MODULES.items()}
        for name, content in {**files, **cheat.files}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    try:
        subprocess.run(
            [sys.executable, str(Path(__file__).parent / "plain.py"), str(top)],
            check=True,
            timeout=600,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        folders.remove_tree(course.root)
    yield top
    shutil.rmtree(top, ignore_errors=True)


PROVED_OUTSIDE = [cheat for cheat in CHEATS if cheat.control != "runs"]


@pytest.mark.parametrize("cheat", _cases("plain", PROVED_OUTSIDE))
def test_cheat_would_pay(plain, cheat):
    """The control: in one process with the tests the payload gets what it wants."""
    ran = json.loads((plain / cheat.name / "ran.ipynb").read_text())
    notebook = nbformat.from_dict(ran)
    printed = exam.outputs_of_students_cells(notebook)
    assert "armed" in printed
    if cheat.control == "pays":
        earned = sum(
            determine_grade(cell)[0] or 0
            for cell in notebook.cells
            if cell.cell_type == "code"
            and is_grade(cell)
            and cell.metadata.nbgrader.grade_id != f"{exam.KNOWN}-test"
        )
        assert earned > 0
    elif cheat.control == "leaks":
        assert any(secret in printed for secret in exam.SECRETS), printed[:2000]


# ------------------------------------------------------------------------- the attack


@pytest.fixture(scope="module")
def graded(chosen, level):
    """The class of all attackers and three honest students, graded at one level."""
    course = exam.make_course(level)
    try:
        for cheat in chosen:
            notebook = json.loads(
                nbformat.writes(cheat.notebook()).replace(
                    "ROOT", json.dumps(repr(str(course.root)))[1:-1]
                )
            )
            exam.add(course, cheat.name, notebook, cheat.files)
        exam.open_to_all(course.root)
        yield exam.grade_class(course)
    finally:
        folders.remove_tree(course.root)


@pytest.mark.parametrize("cheat", _cases("cheats"))
def test_cheat_gets_nothing(graded, cheat):
    """The attacked items earn no point, and nothing of a hidden test is shown."""
    outcome = graded.outcomes[cheat.name]
    assert "armed" in outcome.printed, outcome  # the payload did run
    assert outcome.stolen == {}, outcome
    assert outcome.leaks == [], outcome
    if cheat.held:
        assert outcome.verdict is Verdict.HELD_FOR_REVIEW, outcome
        assert outcome.evidence


@pytest.mark.attack("class of cheats: honest neighbours, grader's memory, leftovers")
@pytest.mark.xdist_group("cheats")
def test_cheats_harm_no_neighbour(graded):
    """Each submission has a verdict, honest ones all points, and nothing is left."""
    assert graded.code == 0, graded.said
    assert set(graded.outcomes) == set(graded.course.students(exam.ASSIGNMENT))
    assert graded.unharmed(), [graded.outcomes[name] for name in exam.HONEST]
    assert graded.left == []
    assert graded.peak_mb < 400, graded.peak_mb
