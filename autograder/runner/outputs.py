"""The notebook of a run while it fills: outputs are checked, counted and added.

What arrives over the pipe was written in the student's process. `checked_output` takes
only what nbformat allows, in the types it allows. `FilledNotebook` adds such outputs to
the cell that is running, joins text, renews displays, and counts every byte.
"""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import nbformat

from autograder.verdicts import Verdict

_MESSAGE_BYTES = 256  # what a message costs besides its text
_DEEPEST_JSON = 32
_MOST_DISPLAYS = 32  # with the same id: an update renews each of them
_JSON_TYPE = re.compile(r"application/(.*\+)?json")


# ------------------------------------------------------------- what an output may be


def checked_output(output: Any, number: int | None) -> dict[str, Any]:
    """Return `output` of cell `number` as an nbformat output, each part checked.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is none.
    """
    kind = output["output_type"]
    if kind == "stream":
        if output["name"] not in ("stdout", "stderr"):
            raise ValueError("a stream of no known name")
        return {
            "output_type": kind,
            "name": output["name"],
            "text": _text(output["text"]),
        }
    if kind == "error":
        return {
            "output_type": kind,
            "ename": _text(output["ename"]),
            "evalue": _text(output["evalue"]),
            "traceback": [_text(line) for line in output["traceback"]],
        }
    if kind not in ("display_data", "execute_result"):
        raise ValueError("an output of no known type")
    checked = {
        "output_type": kind,
        "data": _bundle(output["data"]),
        "metadata": _plain_object(output["metadata"]),
    }
    if kind == "execute_result":
        checked["execution_count"] = number
    return checked


def _text(value: Any) -> str:
    """Return `value`, which must be a str, as text that can be written as UTF-8."""
    if not isinstance(value, str):
        raise TypeError("a text that is none")
    return value.encode("utf-8", "replace").decode("utf-8")


def _bundle(value: Any) -> dict[str, Any]:
    """Return `value` as the data of an output: text, or JSON where the type says so."""
    bundle = _plain_object(value)
    for kind, content in bundle.items():
        if not isinstance(content, str) and not _JSON_TYPE.fullmatch(kind):
            raise TypeError("data that is not text")
    return bundle


def _plain_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("an object that is none")
    return _plain(value, _DEEPEST_JSON)


def _plain(value: Any, depth: int) -> Any:
    """Return the JSON `value` with all text made writable, at most `depth` deep."""
    if depth == 0:
        raise ValueError(f"JSON nested deeper than {_DEEPEST_JSON}")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(key): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


# ------------------------------------------------------------- the notebook


class TooMuchOutput(Exception):
    """The outputs of the notebook have grown over their limit."""


class FilledNotebook:
    """A copy of a notebook, which gets its outputs while its cells run.

    Code cells are numbered from 1. What arrives is added to one of them, the first at
    the beginning; `turn_to` and `open` choose another.

    Parameters
    ----------
    notebook : mapping
        A notebook in format 4; it is not changed.
    most_bytes : int
        The limit for all outputs together.

    Attributes
    ----------
    notebook : NotebookNode
        The copy, to be read once `finish` has completed it.
    code_cells : list of int
        The index of each code cell among all cells.
    ran : list of bool
        For each cell, whether it is a code cell that ran to its end.
    """

    def __init__(self, notebook: Mapping[str, Any], most_bytes: int) -> None:
        """Copy the notebook without outputs."""
        self.notebook = nbformat.from_dict(_copied(notebook))
        self.ran = [False] * len(self.notebook.cells)
        self.code_cells: list[int] = []
        for index, cell in enumerate(self.notebook.cells):
            if isinstance(cell.source, list):  # as in a file, line by line
                cell.source = "".join(cell.source)
            if cell.cell_type == "code":
                cell.outputs = []
                cell.execution_count = None
                self.code_cells.append(index)
        self._cell: nbformat.NotebookNode | None = None
        if self.code_cells:
            self.turn_to(1)
        self._most_bytes = most_bytes
        self._bytes = 0
        self._clear_first = False
        self._displays: dict[str, list[nbformat.NotebookNode]] = {}

    # ------------------------------------------------------------- which cell

    def turn_to(self, number: int) -> None:
        """Add what arrives from now on to code cell `number`."""
        self._cell = self.notebook.cells[self.code_cells[number - 1]]

    def open(self, number: int) -> str:
        """Begin to run code cell `number`; return its source."""
        self.turn_to(number)
        self._cell.execution_count = number
        self._clear_first = False
        return self._cell.source

    def has_run(self, number: int) -> bool:
        """Return whether code cell `number` ran to its end."""
        return self.ran[self.code_cells[number - 1]]

    def mark_run(self, number: int) -> None:
        """Note that code cell `number` ran to its end."""
        self.ran[self.code_cells[number - 1]] = True

    # ------------------------------------------------------------- its outputs

    def has_error(self) -> bool:
        """Return whether the cell shows an error."""
        return any(output.output_type == "error" for output in self._cell.outputs)

    def add_text(self, stream: str, text: str, size: int) -> None:
        """Add text of `size` bytes that was written to "stdout" or "stderr".

        Raises
        ------
        TooMuchOutput
            If that is over the limit.
        """
        self._count(size)
        self._add({"output_type": "stream", "name": stream, "text": text})

    def add_output(
        self, message: Mapping[str, Any], size: int
    ) -> nbformat.NotebookNode | None:
        """Add the output in a message of `size` bytes, or renew displays with its id.

        Return the output, or None if it only renewed others.

        Raises
        ------
        TooMuchOutput
            If that is over the limit.
        ValueError, TypeError, KeyError
            If the message holds no output.
        """
        output = checked_output(message["output"], self._cell.execution_count)
        is_stream = output["output_type"] == "stream"
        self._count(size + (0 if is_stream else _MESSAGE_BYTES))
        name = message.get("id")
        if isinstance(name, str) and message.get("update"):
            renewed = nbformat.from_dict(output)
            for shown in self._displays.get(name, []):
                shown.data, shown.metadata = renewed.data, renewed.metadata
            return None
        node = self._add(output)
        if isinstance(name, str):
            shown = self._displays.setdefault(name, [])
            if len(shown) < _MOST_DISPLAYS:
                shown.append(node)
        return node

    def note(self, verdict: Verdict, message: str) -> None:
        """Show in the cell why it ended."""
        name = "".join(word.title() for word in verdict.split())
        error = {"ename": name, "evalue": message, "traceback": [message]}
        self._add({"output_type": "error", **error})

    def clear(self, wait: bool) -> None:
        """Take away the cell's outputs: now, or with `wait` before the next one.

        Raises
        ------
        TooMuchOutput
            If so many messages have come that they are over the limit.
        """
        self._clear_first = wait
        self._count(_MESSAGE_BYTES)
        if not wait:
            self._cell.outputs = []

    def finish(self, withheld: Collection[int] = ()) -> None:
        """Complete the notebook; cells at the indices `withheld` count as not run."""
        for index, cell in enumerate(self.notebook.cells):
            if index in withheld:
                cell.outputs = []
                self.ran[index] = False
            for output in cell.get("outputs", []):
                if output.output_type == "stream":
                    output.text = "".join(output.text)

    def _count(self, size: int) -> None:
        """Count `size` bytes of output."""
        self._bytes += size
        if self._bytes > self._most_bytes:
            raise TooMuchOutput

    def _add(self, output: dict[str, Any]) -> nbformat.NotebookNode:
        """Add `output` to the cell; text joins the text before it."""
        if self._clear_first:
            self._cell.outputs = []
            self._clear_first = False
        outputs = self._cell.outputs
        if output["output_type"] == "stream":
            last = outputs[-1] if outputs else None
            if last and last.output_type == "stream" and last.name == output["name"]:
                last.text.append(output["text"])
                return last
            output = output | {"text": [output["text"]]}  # joined by `finish`
        node = nbformat.from_dict(output)
        outputs.append(node)
        return node


def _copied(value: Any) -> Any:
    """Return a copy of JSON-like `value` made of plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value
