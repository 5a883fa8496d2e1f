"""Rebuild a submission from the instructor's notebook.

A submission is not repaired, it is not run as it came: its answers are transplanted,
by their ``grade_id``, into the instructor's notebook. So whatever a student (or a tool)
did to tags, metadata, points, cell types or the order of cells cannot matter. `prepare`
is a pure function from two notebooks to a third.

What comes from where
---------------------
Test cells, locked cells, task cells that are locked, all metadata, the kernel
    from the instructor, always; hidden tests are in, solutions are out.
Solution cells (and task cells that are not locked)
    their text from the submission, everything else from the instructor. Of several
    cells with the same id the last counts, as in nbgrader. A missing one is put back
    as the handout had it.
All other cells: the handout's own without an id, and those a student added
    from the submission, as the student left them, without metadata. Also a copy of a
    cell with an id if its text was changed.
Outputs, execution counts, attachments, tags
    from nowhere: they are dropped.

Where the other cells run
-------------------------
Cells with an id stand in the instructor's order. Another cell follows the nearest cell
with an id that stands before it in the submission. If cells with an id are missing
there, they are put back first, up to the next test: an answer written beside a deleted
solution cell thus comes after the empty one and before its test.

Lost ids
--------
Some tools strip metadata. A cell whose text is word for word that of a missing cell
of the handout is taken for that cell. If between two cells with an id as many solution
cells are missing as there are changed cells of their type, these are the answers.
"""

import copy
import json
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)
from nbgrader.utils import is_grade, is_locked, is_solution, is_task
from traitlets.config import Config

from autograder.assignment.cells import by_id, grade_id
from autograder.errors import NotReadableError

MOST_CELLS = 5000
_SHOWN_OF_A_NAME = 80  # characters
_GRADING = ("grade", "solution", "locked", "task", "points")


@dataclass(frozen=True)
class Prepared:
    """A submission, rebuilt.

    Attributes
    ----------
    notebook : NotebookNode
        The instructor's notebook with the student's answers; nbformat 4.5.
    repairs : list of str
        What was set right, a sentence each, for the instructor and the student.
    """

    notebook: NotebookNode
    repairs: list[str]


@dataclass
class _Cell:
    """What counts of a submitted cell: its kind, its text, and whose place it takes."""

    kind: str
    text: str
    grade_id: str | None


def read_notebook(data: bytes) -> dict[str, Any]:
    """Parse the bytes of a notebook file.

    Raises
    ------
    NotReadableError
        If they are not JSON in UTF-8, or no notebook could be in them.
    """
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotReadableError(
            f"the notebook is not text in UTF-8: {error.reason} at byte {error.start}"
        ) from None
    except json.JSONDecodeError as error:
        raise NotReadableError(
            f"the notebook is not valid JSON: {error.msg} in line {error.lineno}"
        ) from None
    except (RecursionError, ValueError) as error:  # nested too deep; absurd numbers
        raise NotReadableError(f"the notebook cannot be parsed: {error}") from None
    if not isinstance(notebook, dict):
        raise NotReadableError(
            f"the file holds a JSON {type(notebook).__name__} where a notebook was due"
        )
    return notebook


def without_solutions(source_nb: Any, config: Config | None = None) -> NotebookNode:
    """Clear the solutions of the instructor's notebook and keep its hidden tests.

    This is the notebook as ``nbgrader generate_assignment`` saves its cells in the
    gradebook, by the same preprocessors and with the course's configuration.
    """
    notebook = nbformat.from_dict(copy.deepcopy(source_nb))
    resources: dict[str, Any] = {}
    for step in (
        LockCells,
        ClearSolutions,
        ClearOutput,
        CheckCellMetadata,
        ComputeChecksums,
    ):
        notebook, resources = step(config=config)(notebook, resources)
    return notebook


def prepare(
    source_nb: Any, submitted_nb: Any, config: Config | None = None
) -> Prepared:
    """Rebuild a submission from the instructor's notebook.

    Parameters
    ----------
    source_nb : NotebookNode or dict
        The instructor's notebook, with solutions and hidden tests; nbformat 4.
    submitted_nb : NotebookNode or dict
        What was handed in, of any nbformat.
    config : Config, optional
        The course's configuration, for nbgrader's markers and stubs.

    Raises
    ------
    NotReadableError
        If `submitted_nb` is not a notebook: no list of cells, a cell that is none, a
        text that is none, or more than `MOST_CELLS` cells.
    """
    return rebuild(without_solutions(source_nb, config), submitted_nb, config)


def rebuild(
    master: NotebookNode,
    submitted_nb: Any,
    config: Config | None = None,
    handout: dict[str, str] | None = None,
) -> Prepared:
    """Do what `prepare` does, on a notebook without solutions that is already made.

    Parameters
    ----------
    master : NotebookNode
        What `without_solutions` gave.
    submitted_nb, config
        As for `prepare`.
    handout : dict of str to str, optional
        What `handout_texts` gave, which is the same for the whole class.
    """
    repairs: list[str] = []
    if handout is None:
        handout = handout_texts(master, config)
    named = by_id(master)
    cells = _read_cells(submitted_nb, named, repairs)
    _note_kernel(master, submitted_nb, repairs)
    plain = {cell.source.strip() for cell in master.cells if not grade_id(cell)}

    cells = _one_of_each(cells, handout, repairs)
    _find_by_text(cells, named, handout, repairs)
    _note_order(cells, list(named), repairs)

    rebuilt = []
    present = {cell.grade_id: cell for cell in cells if cell.grade_id}
    for anchor, missing in _stretches(list(named), present):
        if anchor:
            rebuilt.append(_transplant(named[anchor], present[anchor]))
            _note_edit(named[anchor], present[anchor], handout[anchor], repairs)
        others = _following(cells, anchor)
        rebuilt += _fill(others, [named[m] for m in missing], plain, repairs)

    for index, cell in enumerate(rebuilt):
        cell.id = f"cell-{index}"
    metadata = {
        key: master.metadata[key]
        for key in ("kernelspec", "language_info")
        if key in master.metadata
    }
    notebook = nbformat.from_dict(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": rebuilt}
    )
    return Prepared(notebook, repairs)


def count_of_ids(master: NotebookNode, submitted_nb: Any) -> int:
    """Count the cells with an id of the instructor's notebook that another has.

    Raises
    ------
    NotReadableError
        As `prepare` does.
    """
    cells = _read_cells(submitted_nb, by_id(master), [])
    return len({cell.grade_id for cell in cells} - {None})


def _is_answer(cell: NotebookNode) -> bool:
    """Tell whether the student may write in this cell of the instructor's."""
    return is_solution(cell) or (is_task(cell) and not is_locked(cell))


def _kind_in_words(cell: NotebookNode) -> str:
    if is_solution(cell):
        return "answer cell"
    if is_task(cell):
        return "task cell"
    return "test cell" if is_grade(cell) else "given cell"


def handout_texts(master: NotebookNode, config: Config | None) -> dict[str, str]:
    """Give the text that each cell with an id had when students got it."""
    notebook, resources = copy.deepcopy(master), {}
    for step in (ClearHiddenTests, ClearMarkScheme):
        notebook, resources = step(config=config)(notebook, resources)
    return {name: cell.source for name, cell in by_id(notebook).items()}


# --- reading what was handed in -------------------------------------------------------


def _read_cells(
    notebook: Any, named: dict[str, NotebookNode], repairs: list[str]
) -> list[_Cell]:
    """Take from a submitted notebook the little that counts, whatever else is in it."""
    if not isinstance(notebook, dict):
        raise NotReadableError(
            f"the file holds a {type(notebook).__name__} where a notebook was due"
        )
    notebook = _upgraded(notebook, repairs)
    raw_cells = notebook.get("cells")
    if not isinstance(raw_cells, list):
        raise NotReadableError("the notebook has no list of cells")
    if len(raw_cells) > MOST_CELLS:
        raise NotReadableError(
            f"the notebook has {len(raw_cells)} cells; {MOST_CELLS} are read at most"
        )
    cells = []
    dropped: dict[str, None] = {}  # what was left out, each once, in order
    for number, raw in enumerate(raw_cells, start=1):
        if not isinstance(raw, dict):
            raise NotReadableError(
                f"cell {number} of the notebook is a {type(raw).__name__}, not a cell"
            )
        written = _text(raw.get("source", ""), number)
        text = written.encode("utf-8", "replace").decode()
        if text != written:
            dropped["characters that no file can hold (lone surrogates)"] = None
        metadata = raw.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        if metadata.get("tags"):
            dropped["tags"] = None
        if raw.get("attachments"):
            dropped["files attached to cells"] = None
        kind = raw.get("cell_type")
        kind = kind if kind in ("code", "markdown") else "raw"
        cell_id = _claimed_id(metadata, named)
        if cell_id:
            _note_metadata(named[cell_id], kind, metadata["nbgrader"], repairs)
        cells.append(_Cell(kind, text, cell_id))
    repairs += [f"Left out: {what}." for what in dropped]
    return cells


def _upgraded(notebook: dict[str, Any], repairs: list[str]) -> dict[str, Any]:
    version = notebook.get("nbformat", 4)
    if "worksheets" in notebook and "cells" not in notebook and version == 4:
        version = 3
    if not isinstance(version, int) or version >= 4:
        return notebook
    try:
        old = nbformat.from_dict({**copy.deepcopy(notebook), "nbformat": version})
        upgraded = nbformat.convert(old, 4)
    except (
        Exception
    ) as error:  # old formats are read by old code, junk breaks it anyhow
        raise NotReadableError(
            f"the notebook has format {version} and cannot be upgraded: "
            f"{type(error).__name__}: {error}"
        ) from None
    repairs.append(f"The notebook had the old format {version} and was upgraded.")
    return upgraded


def _note_kernel(
    master: NotebookNode, notebook: dict[str, Any], repairs: list[str]
) -> None:
    """Say that another kernel was named; a notebook that names none is as good."""
    ours, theirs = _kernel(master), _kernel(notebook)
    if ours and theirs and ours != theirs:
        repairs.append(
            f"The notebook named the kernel {theirs[:_SHOWN_OF_A_NAME]!r}; "
            f"the instructor's, {ours!r}, was used."
        )


def _kernel(notebook: dict[str, Any]) -> str | None:
    """Give the name of a notebook's kernel; None if there is none, or no text."""
    name: Any = notebook
    for key in ("metadata", "kernelspec", "name"):
        name = name.get(key) if isinstance(name, dict) else None
    return name if isinstance(name, str) else None


def _text(source: Any, number: int) -> str:
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    if not isinstance(source, str):
        raise NotReadableError(
            f"cell {number} of the notebook has a {type(source).__name__} as its text"
        )
    return source


def _claimed_id(metadata: dict[str, Any], named: dict[str, NotebookNode]) -> str | None:
    grading = metadata.get("nbgrader")
    claimed = grading.get("grade_id") if isinstance(grading, dict) else None
    return claimed if isinstance(claimed, str) and claimed in named else None


def _note_metadata(
    cell: NotebookNode, kind: str, grading: dict[str, Any], repairs: list[str]
) -> None:
    what = f"The {_kind_in_words(cell)} {grade_id(cell)!r}"
    if kind != cell.cell_type:
        repairs.append(f"{what} had become {kind}; it is {cell.cell_type} again.")
    ours = cell.metadata.nbgrader
    edited = [
        key for key in _GRADING if grading.get(key, False) != ours.get(key, False)
    ]
    if edited:
        repairs.append(
            f"{what} had other grading metadata ({', '.join(edited)}); "
            "the instructor's counts."
        )


# --- finding each cell's place --------------------------------------------------------


def _one_of_each(
    cells: list[_Cell], handout: dict[str, str], repairs: list[str]
) -> list[_Cell]:
    """Keep the id of the last cell of each id; an unchanged earlier copy goes."""
    last = {cell.grade_id: cell for cell in cells if cell.grade_id}
    kept = []
    copied: dict[str, None] = {}
    for cell in cells:
        if cell.grade_id and cell is not last[cell.grade_id]:
            copied[cell.grade_id] = None
            if cell.text.strip() == handout[cell.grade_id].strip():
                continue
            cell.grade_id = None
        kept.append(cell)
    repairs += [f"The cell {name!r} was there more than once." for name in copied]
    return kept


def _find_by_text(
    cells: list[_Cell],
    named: dict[str, NotebookNode],
    handout: dict[str, str],
    repairs: list[str],
) -> None:
    """Give a missing id back to a cell with the very text of that cell."""
    present = {cell.grade_id for cell in cells}
    missing: dict[tuple[str, str], str] = {}
    for name, text in handout.items():
        if name not in present and text.strip():
            missing.setdefault((named[name].cell_type, text.strip()), name)
    for cell in cells:
        if cell.grade_id is None:
            name = missing.pop((cell.kind, cell.text.strip()), None)
            if name:
                cell.grade_id = name
                repairs.append(f"The cell {name!r} had lost its id.")


def _note_order(cells: list[_Cell], names: list[str], repairs: list[str]) -> None:
    found = [cell.grade_id for cell in cells if cell.grade_id]
    if found != [name for name in names if name in set(found)]:
        repairs.append("Cells had been moved; they are in the handout's order again.")


def _stretches(
    names: list[str], present: dict[str, _Cell]
) -> list[tuple[str | None, list[str]]]:
    """Split the ids into those that are there, each with the missing ones after it."""
    stretches: list[tuple[str | None, list[str]]] = [(None, [])]
    for name in names:
        if name in present:
            stretches.append((name, []))
        else:
            stretches[-1][1].append(name)
    return stretches


def _following(cells: list[_Cell], anchor: str | None) -> list[_Cell]:
    """Collect the cells without an id between `anchor` and the next cell with one."""
    following, current = [], None
    for cell in cells:
        if cell.grade_id:
            current = cell.grade_id
        elif current == anchor:
            following.append(cell)
    return following


def _fill(
    others: list[_Cell],
    missing: list[NotebookNode],
    plain: set[str],
    repairs: list[str],
) -> list[NotebookNode]:
    """Put the missing cells of one stretch back among the student's other cells.

    Parameters
    ----------
    others : list of _Cell
        The student's cells there that have no id.
    missing : list of NotebookNode
        The instructor's cells that are missing there.
    plain : set of str
        The texts of the handout's own cells without an id.
    repairs : list of str
        What was set right; added to.
    """
    waiting = [cell for cell in missing if _is_answer(cell)]
    kinds = {cell.cell_type for cell in waiting}
    changed = [
        cell
        for cell in others
        if cell.kind in kinds and cell.text.strip() not in plain | {""}
    ]
    answers = dict(zip(map(id, changed), waiting, strict=False))
    if [c.kind for c in changed] != [c.cell_type for c in waiting]:
        answers = {}

    filled: list[NotebookNode] = []
    left = list(missing)

    def put_back(cell: NotebookNode) -> None:
        filled.append(copy.deepcopy(cell))
        repairs.append(
            f"The {_kind_in_words(cell)} {grade_id(cell)!r} was missing; "
            "it was put back as the handout had it."
        )

    if not answers:
        while left and (not is_grade(left[0]) or is_solution(left[0])):
            put_back(left.pop(0))
    for other in others:
        answered = answers.get(id(other))
        if answered is None:
            filled.append(_plain_cell(other))
            continue
        while left[0] is not answered:
            put_back(left.pop(0))
        filled.append(_transplant(left.pop(0), other))
        repairs.append(
            f"The {_kind_in_words(answered)} {grade_id(answered)!r} had lost its id; "
            "the cell in its place is taken as the answer."
        )
    for cell in left:
        put_back(cell)
    return filled


# --- making cells ---------------------------------------------------------------------


def _transplant(cell: NotebookNode, submitted: _Cell) -> NotebookNode:
    """Copy the instructor's cell, with the student's text if it is an answer."""
    cell = copy.deepcopy(cell)
    if _is_answer(cell):
        cell.source = submitted.text
    return cell


def _note_edit(
    cell: NotebookNode, submitted: _Cell, handout: str, repairs: list[str]
) -> None:
    if not _is_answer(cell) and submitted.text.strip() != handout.strip():
        repairs.append(
            f"The {_kind_in_words(cell)} {grade_id(cell)!r} had been edited; "
            "the instructor's was used."
        )


def _plain_cell(cell: _Cell) -> NotebookNode:
    """Make a cell that carries no grading; nbformat's own makers validate each one."""
    plain = {"cell_type": "raw", "id": "", "metadata": {}, "source": cell.text}
    if cell.kind == "markdown":
        plain["cell_type"] = "markdown"
    elif cell.kind == "code":
        plain |= {"cell_type": "code", "outputs": [], "execution_count": None}
    return nbformat.from_dict(plain)
