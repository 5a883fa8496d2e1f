"""What a notebook may show: each output is checked before it enters the notebook.

What comes over the pipe was written in the student's process. `checked_output` takes
only what nbformat allows, in the types it allows, and counts its bytes.
"""

import math
import re
from typing import Any

MESSAGE_BYTES = 256  # what a message costs besides its text
_DEEPEST_JSON = 32
MOST_DISPLAYS = 32  # with the same id: an update renews each of them
_JSON_TYPE = re.compile(r"application/(.*\+)?json")


# ------------------------------------------------------------- what an output may be


def checked_output(output: Any, number: int) -> dict[str, Any]:
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
