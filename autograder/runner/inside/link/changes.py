"""Finds which arguments a call has changed, and changes the caller's likewise."""

import builtins
import operator
from collections import deque
from typing import Any

from numpy import ndarray, uint64

from autograder.runner.inside.link.encode import array_bytes
from autograder.runner.inside.link.plain_types import raise_malformed

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins


def snapshot(value: Any) -> Any:
    """Return a copy of what a mutable object holds, for `has_changed`."""
    if isinstance(value, ndarray):
        if value.dtype.char == "O":
            return value.shape, value.ravel().tolist()
        return value.shape, array_bytes(value).copy()
    if isinstance(value, dict):
        return [part for pair in dict.items(value) for part in pair]
    return bytes(value) if isinstance(value, bytearray) else list(value)


def has_changed(value: Any, before: Any) -> bool:
    """Return whether an object has changed since its snapshot."""
    if isinstance(value, ndarray):
        shape, then = before
        if value.shape != shape:
            return True
        if value.dtype.char == "O":
            return not _same(value.ravel().tolist(), then)
        now = array_bytes(value)
        if now.size != then.size:
            return True
        if not now.size % 8:  # eight bytes at once
            now, then = now.view(uint64), then.view(uint64)
        return bool((now != then).any())
    if isinstance(value, bytearray):
        return bytes(value) != before
    return not _same(snapshot(value), before)


def _same(one: list, other: list) -> bool:
    return len(one) == len(other) and all(map(operator.is_, one, other))


def put_back(value: Any, new: Any) -> None:
    """Make a mutable object hold what `new` holds.

    Raises
    ------
    Malformed
        If `new` is of another type.
    TypeError
        If it is an array that `value` cannot become in place.
    """
    if type(value) is not type(new):
        raise_malformed("an argument that came back as another type")
    if isinstance(value, ndarray):
        if value.dtype != new.dtype or value.size != new.size:
            raise TypeError("an argument was made into another kind of array in place")
        if not value.flags.writeable:
            raise TypeError("a read-only argument was changed")
        if value.shape != new.shape:
            value.shape = new.shape
        value[...] = new
    elif isinstance(value, list | bytearray):
        value[:] = new
    elif isinstance(value, deque):
        value.clear()
        value.extend(new)
    else:
        value.clear()
        value.update(new)
