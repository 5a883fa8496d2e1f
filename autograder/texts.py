"""Texts: one line of many, some names of many, what can be read; and their hash."""

import hashlib
import re
from collections.abc import Sequence

_LONGEST_LINE = 300  # characters

# Control characters, and those that turn the direction of the text around them: a
# terminal would obey them, and a page would not show them.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


def first_line(error: BaseException) -> str:
    """Give the first line of what an error says, shortened if it is long."""
    line = next((text for text in str(error).splitlines() if text.strip()), "")
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "..."


def some_of(names: Sequence[str]) -> str:
    """List the first five names, as text, and say how many more there are."""
    shown = ", ".join(map(legible, names[:5]))
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def legible(name: str) -> str:
    """Write the name of a file, which can hold bytes that are no text, as text."""
    return name.encode("utf-8", "backslashreplace").decode()


def digest_of(*texts: str | bytes) -> str:
    """Hash texts such that it matters where one ends and the next begins."""
    whole = hashlib.sha256()
    for text in texts:
        data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        whole.update(len(data).to_bytes(8))
        whole.update(data)
    return whole.hexdigest()
