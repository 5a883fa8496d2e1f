"""Tracebacks as a student should see them: cells and modules, not the runner.

An exception that a test meets was raised on the student's side of the link, in a
process whose frames the checker cannot see. It crosses with a few lines of text that
say where (`where_raised`); the checker shows them below its own frames, and leaves out
those of the runner (`hide_runner`).
"""

import builtins
import contextlib
import functools
import linecache
import os
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

# Errors whose message the author of a check wrote for the student, by their names.
AUTHORED = frozenset({"Incorrect", "NotAttempted"})
MOST_TEXT = 4096  # of what crosses, in characters
_RUNNER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_FIRST, _LAST = 2, 4  # frames that cross, of many
_MOST_LINE = 160


def hide_runner(error: BaseException | None) -> None:
    """Take the runner's frames out of a traceback, and of those it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = _without_runner(error.__traceback__)
        error = error.__cause__ or error.__context__


def _without_runner(trace: TracebackType | None) -> TracebackType | None:
    kept = [part for part in _parts(trace) if not _is_runners(part.tb_frame)]
    for part, following in zip(kept, [*kept[1:], None], strict=True):
        if part.tb_next is not following:
            part.tb_next = following
    return kept[0] if kept else None


def _parts(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_runners(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_RUNNER)


def where_raised(
    trace: TracebackType | None,
    cell_of: Callable[[str], tuple[str, str] | None],
) -> str:
    """Say in words where an exception was raised, outermost frame first.

    Parameters
    ----------
    trace : traceback or None
        Of the exception.
    cell_of : callable
        Gives ``("Cell", "In[3]")`` for the file name of a cell, None for other files.
    """
    parts = [part for part in _parts(trace) if not _is_runners(part.tb_frame)]
    left_out = len(parts) - _FIRST - _LAST
    if left_out > 0:
        parts = parts[:_FIRST] + parts[-_LAST:]
    blocks = []
    for part in parts:
        file, number = part.tb_frame.f_code.co_filename, part.tb_lineno
        name = part.tb_frame.f_code.co_name
        cell = cell_of(file)
        place = " ".join(cell) if cell else f"File {os.path.basename(file)}"
        line = linecache.getline(file, number).rstrip()[:_MOST_LINE]
        blocks.append(f"{place}, line {number}, in {name}\n----> {number} {line}\n")
    if left_out > 0:
        blocks.insert(_FIRST, f"[... {left_out} more frames ...]\n")
    return "\n".join(blocks)[:MOST_TEXT]


def quicken() -> None:
    """Make pygments compute once what it computes anew for each frame of a traceback.

    stack_data makes a new subclass of the Python lexer for each frame, whose tables are
    those of its parent, and IPython a new formatter, whose nearest colours are those of
    the last. That is half of the 7 ms that a short traceback takes.
    """
    with contextlib.suppress(ImportError, AttributeError):  # another pygments: slower
        from pygments.formatters.terminal256 import Terminal256Formatter
        from pygments.lexer import RegexLexerMeta

        process = RegexLexerMeta.process_tokendef

        def process_once(
            cls: Any, name: str, tokendefs: dict[str, Any] | None = None
        ) -> Any:
            parent = vars(cls.__base__)
            if not name and "tokens" not in vars(cls) and "_tokens" in parent:
                return parent["_tokens"]
            return process(cls, name, tokendefs)

        closest = functools.cache(
            functools.partial(
                Terminal256Formatter._closest_color, Terminal256Formatter()
            )
        )
        RegexLexerMeta.process_tokendef = process_once
        Terminal256Formatter._closest_color = lambda self, r, g, b: closest(r, g, b)
