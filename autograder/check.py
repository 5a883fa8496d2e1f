"""Is an assignment sound? Run it as the best, the worst and the mistaken student.

For every assignment, in the sandbox that students' work runs in:

- the reference solution gets full marks, on each of several seeds;
- the untouched handout gets zero, and every item says "not attempted";
- every named wrong solution in ``tests/wrong/A.py`` loses exactly its item, and the
  message that the student reads contains what the file says it must;
- no public callable of a module shipped to students earns points as an answer.

A course without ``tests/wrong/`` or shipped modules is checked by what it has.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import is_solution

from autograder import pool
from autograder.course import Course
from autograder.errors import BuildError
from autograder.preprocess import (
    ENVIRONMENT,
    SandboxLimits,
    master_files,
    read_source,
    sandbox,
)
from autograder.protect import Protection, find_unprotected, protect
from autograder.runner import Job, RunResult, run_notebook
from autograder.score import Item, is_test, settle
from autograder.verdicts import Status, Verdict

SEED_VARIABLE = "CHECKS_SEED"
_MOST_TRIED = 40  # shipped callables in one notebook: each test has a process waiting


@dataclass(frozen=True)
class Wrong:
    """One named wrong solution.

    Attributes
    ----------
    item : str
        The grade_id of the solution cell that it replaces.
    name : str
        The mistake, in kebab-case; unique for its item.
    says : str
        Text that the message to the student must contain.
    code : str
        What the student wrote in place of the answer.
    """

    item: str
    name: str
    says: str
    code: str


@dataclass(frozen=True)
class Trial:
    """One run of an assignment and what was wanted of it.

    Attributes
    ----------
    assignment, notebook_name : str
        What is run.
    kind : str
        "reference", "untouched", "wrong" or "shipped".
    name : str
        The seed, the mistake or the module.
    notebook : NotebookNode
        What is run, hidden tests included.
    seed : int
        Value of ``CHECKS_SEED`` during the run.
    wrong : Wrong or None
        The mistake, for a trial of that kind.
    """

    assignment: str
    notebook_name: str
    kind: str
    name: str
    notebook: NotebookNode
    seed: int = 0
    wrong: Wrong | None = None


@dataclass
class Checked:
    """What `check` found in one assignment.

    Attributes
    ----------
    assignment : str
        Its name.
    trials : dict of str to int
        Number of runs of each kind.
    shortfalls : list of str
        What is not as it must be, a line each; empty for a sound assignment.
    unprotected : list of str
        The tests that cannot run apart from the student's process: sound, but what
        hostile code does there is not excluded.
    """

    assignment: str
    trials: dict[str, int] = field(default_factory=dict)
    shortfalls: list[str] = field(default_factory=list)
    unprotected: list[str] = field(default_factory=list)


def check(
    course: Course,
    assignments: list[str] | None = None,
    *,
    seeds: int = 20,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Checked]:
    """Check that assignments measure what they say, by running them in the sandbox.

    Parameters
    ----------
    course : Course
        The course; its notebooks are built.
    assignments : list of str, optional
        All, by default.
    seeds : int
        On how many values of ``CHECKS_SEED``, from 0, the reference must be right.
    jobs : int, optional
        Runs at once; by default one for each core.
    progress : callable, optional
        Called with the number of finished runs and of all runs.

    Returns
    -------
    list of Checked
        One for each assignment.

    Raises
    ------
    BuildError
        If a file of wrong solutions is not as it must be.
    """
    names = assignments or course.assignments()
    if not names:
        raise BuildError(
            f"nothing to check: {course.source} has no notebooks; "
            "run `autograder build` first"
        )
    results = {name: Checked(name) for name in names}
    todo = [trial for name in names for trial in trials(course, name, seeds)]
    limits = SandboxLimits(config=course.config)
    box = sandbox(limits.level)
    ignore = course.directory.ignore
    files = {
        name: master_files(course.source / name, ignore, course.config)
        for name in names
    }
    protections: dict[tuple[str, str], Protection] = {}
    for trial in todo:
        place = trial.assignment, trial.notebook_name
        if trial.kind == "reference" and place not in protections:
            protections[place] = find_unprotected(
                trial.notebook,
                protect(
                    trial.notebook, files[trial.assignment], limits.student_modules
                ),
                limits.limits(trial.assignment),
                ENVIRONMENT,
                lambda job: run_notebook(job, box),
            )
            found = sorted(protections[place].unprotected)
            results[trial.assignment].unprotected += found
    jobs_and_keys = (
        (number, (_job(trial, protections, limits), box))
        for number, trial in enumerate(todo)
    )
    outcomes = pool.run_all(run_notebook, jobs_and_keys, jobs or pool.cores())
    shortfalls: dict[int, list[str]] = {}
    for done, outcome in enumerate(outcomes, start=1):
        shortfalls[outcome.key] = _shortfalls(todo[outcome.key], outcome)
        if progress:
            progress(done, len(todo))
    for number, trial in enumerate(todo):
        result = results[trial.assignment]
        result.trials[trial.kind] = result.trials.get(trial.kind, 0) + 1
        result.shortfalls += shortfalls[number]
    return list(results.values())


def _job(
    trial: Trial,
    protections: dict[tuple[str, str], Protection],
    limits: SandboxLimits,
) -> Job:
    protection = protections[trial.assignment, trial.notebook_name]
    return protection.job(
        trial.notebook,
        protection.trusted,
        limits.limits(trial.assignment),
        {**ENVIRONMENT, SEED_VARIABLE: str(trial.seed)},
    )


def _shortfalls(trial: Trial, outcome: pool.Outcome) -> list[str]:
    """Judge one outcome, be it a result or a worker's failure."""
    label = f"{trial.kind} {trial.name}".strip()
    if outcome.error:
        return [f"{label}: {outcome.error}"]
    result: RunResult = outcome.result
    if result.verdict is not Verdict.GRADED:
        return [f"{label}: the run ended as {result.verdict.value!r}: {result.message}"]
    valued = [
        f"{cell.metadata.nbgrader.grade_id} ends in a value, which reads as points"
        for cell in result.notebook.cells
        if is_test(cell)
        and any(output.output_type == "execute_result" for output in cell.outputs)
    ]
    items = settle(result.notebook, result.ran, result.message)
    lines = [*valued, *_JUDGES[trial.kind](trial, items)]
    return [f"{label}: {line}" for line in lines]


def named_wrongs(course: Course, assignment: str) -> list[Wrong]:
    """Read the named wrong solutions of an assignment.

    Raises
    ------
    BuildError
        If a cell of the file lacks its header, or a name is used twice.
    """
    file = course.wrong / f"{assignment}.py"
    if not file.is_file():
        return []
    wrongs: dict[tuple[str, str], Wrong] = {}
    for number, cell in enumerate(jupytext.read(file, fmt="py:percent").cells):
        if cell.cell_type != "code":
            continue
        header = cell.metadata.get("wrong")
        if header is None:
            if _is_comment(cell.source):
                continue
            raise BuildError(f"{file.name}, cell {number}: no header wrong={{...}}")
        if set(header) != {"item", "name", "says"}:
            raise BuildError(
                f"{file.name}, cell {number}: the header needs item, name and says, "
                f"got {sorted(header)}"
            )
        wrong = Wrong(**header, code=cell.source)
        if (wrong.item, wrong.name) in wrongs:
            raise BuildError(f"{file.name}: {wrong.item} {wrong.name} is there twice")
        wrongs[wrong.item, wrong.name] = wrong
    return list(wrongs.values())


def _is_comment(source: str) -> bool:
    """Tell whether a cell is only comments, a docstring or nothing."""
    body = ast.parse(source).body
    return all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for node in body
    )


# -------------------------------------------------------------------- the trials


def trials(course: Course, assignment: str, seeds: int) -> Iterator[Trial]:
    """Make every run that `check` wants of one assignment."""
    wrongs = named_wrongs(course, assignment)
    places: set[str] = set()
    for name in course.notebook_names(assignment):
        file = course.source / assignment / f"{name}.ipynb"
        source = read_source(file, course.root, course.config)
        here = {
            cell.metadata.nbgrader.grade_id
            for cell in source.cells
            if is_solution(cell)
        }
        places |= here
        for seed in range(seeds):
            label = f"seed {seed}"
            yield Trial(assignment, name, "reference", label, source, seed=seed)
        yield Trial(assignment, name, "untouched", "", untouched(course, source))
        for wrong in wrongs:
            if wrong.item in here:
                label = f"{wrong.item} {wrong.name}"
                notebook = with_answer(source, wrong.item, wrong.code)
                yield Trial(assignment, name, "wrong", label, notebook, wrong=wrong)
        for module in course.shipped:
            for notebook in with_shipped(source, course.root / module):
                yield Trial(assignment, name, "shipped", module, notebook)
    for wrong in wrongs:
        if wrong.item not in places:
            raise BuildError(
                f"{assignment}: the wrong solution {wrong.name!r} is for "
                f"{wrong.item!r}, and no solution cell has that grade_id"
            )


def untouched(course: Course, source: NotebookNode) -> NotebookNode:
    """Make the notebook of a student who did nothing: nbgrader's own stubs."""
    notebook, _ = ClearSolutions(config=course.config).preprocess(
        nbformat.from_dict(source), {}
    )
    return notebook


def with_answer(source: NotebookNode, item: str, code: str) -> NotebookNode:
    """Put `code` in place of the solution of `item`."""
    notebook = nbformat.from_dict(source)
    for cell in notebook.cells:
        if is_solution(cell) and cell.metadata.nbgrader.grade_id == item:
            cell.source = code
    return notebook


def with_shipped(source: NotebookNode, module: Path) -> Iterator[NotebookNode]:
    """Answer every item with every public callable of one shipped module.

    A notebook tries many: after the source's own cells, without their tests, each name
    that a solution defines is bound to a callable in turn; the item's test cell
    follows, with a grade_id that says which callable it tries.
    """
    tests = {
        cell.metadata.nbgrader.grade_id: cell for cell in source.cells if is_test(cell)
    }
    tried = [*_tried(source, tests, module)]
    for start in range(0, len(tried), _MOST_TRIED):
        notebook = nbformat.from_dict(source)
        notebook.cells = [cell for cell in notebook.cells if not is_test(cell)]
        for answer, test in tried[start : start + _MOST_TRIED]:
            notebook.cells += [answer, test]
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number:04d}"
        yield notebook


def _tried(
    source: NotebookNode, tests: dict[str, NotebookNode], module: Path
) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    """Make each answer from a module's callable, and the test cell that tries it."""
    for cell in source.cells:
        item = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if not is_solution(cell) or f"{item}-test" not in tests:
            continue
        for attribute in public_callables(module):
            answer = "\n".join(
                f"import {module.stem}; {name} = {module.stem}.{attribute}"
                for name in _defined_names(cell.source)
            )
            test = nbformat.from_dict(tests[f"{item}-test"])
            test.metadata.nbgrader.grade_id = f"{item} = {module.stem}.{attribute}"
            yield new_code_cell(answer), test


def public_callables(module: Path) -> list[str]:
    """Name the functions and classes that a module defines for others."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    ]


def _defined_names(source: str) -> list[str]:
    """Name the functions, classes and variables that a solution cell defines."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
    return names


# ----------------------------------------------------------------- the judgement


def _judge_reference(trial: Trial, items: list[Item]) -> Iterator[str]:
    for item in items:
        if item.status is not Status.CORRECT:
            yield f"{item.grade_id} is {item.status.value}: {item.message}"


def _judge_untouched(trial: Trial, items: list[Item]) -> Iterator[str]:
    for item in items:
        if item.points or item.status is not Status.NOT_ATTEMPTED:
            yield (
                f"{item.grade_id} is {item.status.value} with {item.points:g} points"
                f": {item.message}"
            )


def _judge_wrong(trial: Trial, items: list[Item]) -> Iterator[str]:
    assert trial.wrong is not None  # by construction of a trial of this kind
    for item in items:
        if item.grade_id != f"{trial.wrong.item}-test":
            if item.status is not Status.CORRECT:
                yield f"{item.grade_id} is lost too: {item.message}"
        elif item.points:
            yield f"earns {item.points:g} points"
        elif trial.wrong.says not in item.message:
            yield f"the message lacks {trial.wrong.says!r}: {item.message!r}"


def _judge_shipped(trial: Trial, items: list[Item]) -> Iterator[str]:
    for item in items:
        if " = " in item.grade_id and item.points:
            yield f"{item.grade_id} earns {item.points:g} points"


_JUDGES: dict[str, Callable[[Trial, list[Item]], Iterator[str]]] = {
    "reference": _judge_reference,
    "untouched": _judge_untouched,
    "wrong": _judge_wrong,
    "shipped": _judge_shipped,
}
