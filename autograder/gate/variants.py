"""The small files beside an assignment that say what its tests must make of answers.

All are optional, and named after the assignment:

- ``tests/wrong/A.py``: named wrong solutions, each a cell headed
  ``# %% wrong={"item": ..., "name": ..., "says": ...}``;
- ``tests/accepted/A.py``: other right programs, each a cell headed
  ``# %% accepted={"item": ..., "name": ...}``;
- ``tests/equivalent/A.toml``: mutants of the solutions that no test need notice, each
  with its reason, see `read_equivalents`.
"""

import ast
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import jupytext

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
        If a cell of the file lacks its header, or a name is used twice.
    """
    file = course.named_mistakes(assignment)
    found = _cells(file, "wrong", {"item", "name", "says"})
    return None if found is None else [Wrong(**cell) for cell in found]


def accepted_variants(course: Course, assignment: str) -> list[Accepted] | None:
    """Read the accepted variants of an assignment; None if there is no file.

    Raises
    ------
    BuildError
        If a cell of the file lacks its header, or a name is used twice.
    """
    file = course.accepted_variants(assignment)
    found = _cells(file, "accepted", {"item", "name"})
    return None if found is None else [Accepted(**cell) for cell in found]


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


def _cells(file: Path, kind: str, keys: set[str]) -> list[dict[str, str]] | None:
    """Read the cells of a file, each with its header's keys and its code."""
    if not file.is_file():
        return None
    found: dict[tuple[str, str], dict[str, str]] = {}
    for number, cell in enumerate(jupytext.read(file, fmt="py:percent").cells):
        if cell.cell_type != "code":
            continue
        header = cell.metadata.get(kind)
        if header is None:
            if _is_comment(cell.source):
                continue
            raise BuildError(f"{file.name}, cell {number}: no header {kind}={{...}}")
        named = isinstance(header, dict) and header.keys() == keys
        if not named or not all(isinstance(text, str) for text in header.values()):
            *others, last = [key for key in ("item", "name", "says") if key in keys]
            raise BuildError(
                f"{file.name}, cell {number}: the header needs {', '.join(others)} and "
                f"{last}, all of them texts, got {header!r}"
            )
        place = header["item"], header["name"]
        if place in found:
            raise BuildError(f"{file.name}: {' '.join(place)} is there twice")
        found[place] = {**header, "code": cell.source}
    return list(found.values())


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
