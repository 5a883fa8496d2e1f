"""The small files beside an assignment that say what its tests must make of answers.

All are optional, and named after the assignment:

- ``tests/wrong/A.py``: named wrong solutions, each a cell headed
  ``# %% wrong={"item": ..., "name": ..., "says": ...}``;
- ``tests/accepted/A.py``: other right programs, each a cell headed
  ``# %% accepted={"item": ..., "name": ...}``;
- ``tests/equivalent/A.toml``: mutants of the solutions that no test need notice, each
  with its reason, see `read_equivalents`.

A cell of the first two holds what stands in the solution cell instead. With
``"replace": true`` in its header it holds only the lines that differ from the solution,
as comments in the manner of a diff::

    # %% wrong={"item": "mean", "name": "n-dropped", "says": "...", "replace": true}
    #       total = sum(values)
    # -     return total / n
    # +     return total

``# -`` marks a line of the solution that goes, ``# +`` one that comes, and a line
without a sign stays. Behind the sign and a space a line is as it is in the solution,
indentation included. An empty line parts two places, each of them consecutive lines of
the solution. A place that the solution does not have exactly once is refused, so that
no edit of a solution turns a mistake into the solution itself.
"""

import ast
import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution
from traitlets.config import Config

from autograder.assignment.cells import grade_id
from autograder.assignment.markers import MARKS, solution_markers
from autograder.course import Course
from autograder.errors import BuildError
from autograder.gate.results import MutantResult


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
class Accepted:
    """A right program that is not the reference.

    Attributes
    ----------
    item : str
        The grade_id of the solution cell that it replaces.
    name : str
        How it is different, in kebab-case; unique for its item.
    code : str
        What the student wrote.
    """

    item: str
    name: str
    code: str


@dataclass(frozen=True)
class Equivalent:
    """Why some mutants of one line are no mistakes.

    Attributes
    ----------
    item : str
        The grade_id of the solution cell.
    before : str
        The line, without its indentation.
    after : tuple of str
        What mutants made of it.
    why : str
        The reason, a sentence for a person.
    """

    item: str
    before: str
    after: tuple[str, ...]
    why: str


def named_wrongs(course: Course, assignment: str) -> list[Wrong] | None:
    """Read the named wrong solutions of an assignment; None if there is no file.

    Raises
    ------
    BuildError
        If a cell of the file lacks its header, a name is used twice, or lines to be
        replaced are not in the solution.
    """
    file = course.named_mistakes(assignment)
    keys = {"item", "name", "says"}
    found = _cells(course, assignment, file, "wrong", keys)
    return None if found is None else [Wrong(**cell) for cell in found]


def accepted_variants(course: Course, assignment: str) -> list[Accepted] | None:
    """Read the accepted variants of an assignment; None if there is no file.

    Raises
    ------
    BuildError
        If a cell of the file lacks its header, a name is used twice, or lines to be
        replaced are not in the solution.
    """
    file = course.accepted_variants(assignment)
    found = _cells(course, assignment, file, "accepted", {"item", "name"})
    return None if found is None else [Accepted(**cell) for cell in found]


def solution_cells(source: NotebookNode, config: Config) -> list[NotebookNode]:
    """Give the instructor's answer cells, without the markers around solutions."""
    markers = solution_markers(config)
    cells = [cell for cell in source.cells if is_solution(cell)]
    for cell in cells:
        lines = markers.lines(cell.source)
        cell.source = "\n".join(ln.text for ln in lines if ln.where not in MARKS)
    return cells


def read_equivalents(course: Course, assignment: str) -> list[Equivalent] | None:
    """Read which mutants are explained, and why; None if there is no file.

    The file holds tables ``[[equivalent]]`` with the keys ``item``, ``before`` (the
    line as it is in the solution), ``after`` (what the mutant made of it, or a list of
    such lines) and ``why``.

    Raises
    ------
    BuildError
        If it is no TOML, has something else, or an entry is not as it must be.
    """
    file = course.explained_mutants(assignment)
    if not file.is_file():
        return None
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{file.name}: {error}") from None
    entries = document.pop("equivalent", [])
    if document or not isinstance(entries, list):
        other = next(iter(document), "equivalent")
        raise BuildError(
            f"{file.name}: it holds tables [[equivalent]] alone; what is {other!r}?"
        )
    found = []
    for number, entry in enumerate(entries, start=1):
        if not _explains(entry):
            got = sorted(entry) if isinstance(entry, dict) else repr(entry)
            raise BuildError(
                f"{file.name}, entry {number}: it needs item, before, after and why, "
                f"all of them texts, after perhaps a list of some; got {got}"
            )
        after = entry.pop("after")
        after = (after,) if isinstance(after, str) else tuple(after)
        found.append(Equivalent(**entry, after=after))
    return found


def _explains(entry: object) -> bool:
    """Tell whether an entry has its four keys, each with what it must be."""
    keys = {"item", "before", "after", "why"}
    if not isinstance(entry, dict) or entry.keys() != keys:
        return False
    after = entry["after"]
    texts = [entry["item"], entry["before"], entry["why"]]
    texts += after if isinstance(after, list) else [after]
    return all(isinstance(text, str) for text in texts) and bool(entry["why"].strip())


def refuse_strays(course: Course, assignments: Collection[str]) -> None:
    """Refuse small files that are for none of a course's assignments.

    Raises
    ------
    BuildError
        If there is one: it would prove nothing, in silence.
    """
    for folder, suffix in (
        (course.wrong, ".py"),
        (course.accepted, ".py"),
        (course.equivalent, ".toml"),
    ):
        for file in sorted(folder.glob(f"*{suffix}")):
            if file.stem not in assignments:
                raise BuildError(
                    f"{file.relative_to(course.root)} is for no assignment; there is: "
                    f"{', '.join(sorted(assignments))}"
                )


def as_toml(survivors: Iterable[MutantResult]) -> str:
    """Write survivors as entries of such a file, each `why` still to be filled in."""
    lines: dict[tuple[str, str], list[str]] = {}
    for mutant in survivors:
        afters = lines.setdefault((mutant.item, mutant.before), [])
        if mutant.after not in afters:
            afters.append(mutant.after)
    entries = []
    for (item, before), afters in lines.items():
        inside = "".join(f"  {_literal(after)},\n" for after in afters)
        after = _literal(afters[0]) if len(afters) == 1 else f"[\n{inside}]"
        entries.append(
            f"[[equivalent]]\nitem = {_literal(item)}\nbefore = {_literal(before)}\n"
            f'after = {after}\nwhy = ""\n'
        )
    return "\n".join(entries)


def _literal(text: str) -> str:
    """Write a text as TOML that can be read as code."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f"'{text}'" if "'" not in text else f"'''{text}'''"


def _cells(
    course: Course, assignment: str, file: Path, kind: str, keys: set[str]
) -> list[dict[str, str]] | None:
    """Read the cells of a file, each with its header's keys and its code."""
    if not file.is_file():
        return None
    solutions: dict[str, str] = {}
    found: dict[tuple[str, str], dict[str, str]] = {}
    for number, cell in enumerate(jupytext.read(file, fmt="py:percent").cells):
        if cell.cell_type != "code":
            continue
        header = cell.metadata.get(kind)
        if header is None:
            if _is_comment(cell.source):
                continue
            raise BuildError(f"{file.name}, cell {number}: no header {kind}={{...}}")
        if not _is_complete(header, keys):
            *others, last = [key for key in ("item", "name", "says") if key in keys]
            raise BuildError(
                f"{file.name}, cell {number}: the header needs {', '.join(others)} and "
                f'{last}, all of them texts, and may have "replace": true; '
                f"got {header!r}"
            )
        place = header["item"], header["name"]
        if place in found:
            raise BuildError(f"{file.name}: {' '.join(place)} is there twice")
        code = cell.source
        if header.pop("replace", False):
            solutions = solutions or _solutions(course, assignment)
            where = f"{file.name}, {' '.join(place)}"
            if header["item"] not in solutions:
                raise BuildError(f"{where}: no solution cell has that grade_id")
            code = _replaced(solutions[header["item"]], code, where)
        found[place] = {**header, "code": code}
    return list(found.values())


def _is_complete(header: object, keys: set[str]) -> bool:
    """Tell whether a header has its keys, each a text, and ``replace`` only as true."""
    if not isinstance(header, dict) or header.keys() - {"replace"} != keys:
        return False
    texts = all(isinstance(header[key], str) for key in keys)
    return texts and header.get("replace", True) is True


def _solutions(course: Course, assignment: str) -> dict[str, str]:
    """Read the solutions of an assignment, by grade_id."""
    found = {}
    for name in course.notebook_names(assignment):
        file = course.source_notebook(assignment, name)
        for cell in solution_cells(nbformat.read(file, as_version=4), course.config):
            found[grade_id(cell)] = cell.source
    return found


def _replaced(solution: str, changes: str, where: str) -> str:
    """Replace lines of a solution.

    Parameters
    ----------
    solution : str
        The whole solution cell.
    changes : str
        The lines that go, come and stay, as the module's docstring has them.
    where : str
        The file, the item and the name, for messages.

    Raises
    ------
    BuildError
        If a line of `changes` is none of the three, a place is not in the solution
        exactly once, or nothing is changed.
    """
    lines = solution.split("\n")
    for place in re.split(r"\n{2,}", changes.strip("\n")):
        old, new = [], []
        for change in place.split("\n"):
            parts = re.fullmatch(r"# ([ +-]) (.*)", change.ljust(4))  # editors strip
            if not parts:
                raise BuildError(
                    f"{where}: {change!r} is no line to be replaced; write `# - old`, "
                    "`# + new`, or `#   stays`, and an empty line between two places"
                )
            sign, text = parts.groups()
            old += [text] * (sign != "+")
            new += [text] * (sign != "-")
        starts = [
            start
            for start in range(len(lines) - len(old) + 1)
            if lines[start : start + len(old)] == old
        ]
        if len(starts) != 1:
            text = "\n".join(old)
            mend = (
                "add the line before or after, as `#   line`"
                if starts
                else "write what is there now, indentation included"
            )
            raise BuildError(
                f"{where}: the solution must have {text!r} once, and has it "
                f"{len(starts)} times; {mend}"
            )
        lines[starts[0] : starts[0] + len(old)] = new
    code = "\n".join(lines)
    if code == solution:
        raise BuildError(f"{where}: the lines are the solution's own; change some")
    return code


def _is_comment(source: str) -> bool:
    """Tell whether a cell is only comments, a docstring or nothing."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    return all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for node in body
    )
