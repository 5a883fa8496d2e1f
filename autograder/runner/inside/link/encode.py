"""The codec of the link: plain data as JSON and raw bytes, everything else by name.

A value becomes a tree of JSON nodes and a list of raw buffers. Numbers, strings, bools
and None stand for themselves; whatever else is a list whose first item is a tag. Only
values of exactly the types named here cross as data (`type(x) is int`): an instance of
a subclass is something else, and the end that meets it decides what (`other`).

One object that appears twice in a message stays one object: mutable containers are
numbered in the order in which they are met, and a second appearance is a reference. The
reader trusts nothing: each tag, size, shape and type is checked, and what cannot have
been written by this codec raises `Malformed`.
"""

import array
import builtins
import datetime
import operator
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy import frombuffer, uint8

from autograder.runner.inside.link import protocol
from autograder.runner.inside.link.plain_types import (
    KINDS,
    MOST_DEPTH,
    MOST_HEX_DIGITS,
    MOST_NODES,
    MOST_PACKED,
    NUMPY_SCALARS,
    TYPE_NAMES,
    TooMuch,
    flat_bytes,
)

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

_SHORT = 4096  # longer texts travel as raw bytes
_PACKED = 32  # lists of so many floats or ints travel as raw bytes
_INT = 2**63


# ------------------------------------------------------------------------------------
# Writing


class Encoder:
    """Write values as nodes and buffers.

    Parameters
    ----------
    other : callable
        ``other(value, encoder)`` returns the node of a value that is no plain data, or
        raises.
    known : sequence
        Mutable objects that both ends have numbered already, from 0 on.
    """

    __slots__ = (
        *("_count", "_depth", "_numbers", "_open", "_other", "buffers"),
        "objects",
    )

    def __init__(
        self, other: Callable[[Any, "Encoder"], Any], known: Sequence[Any] = ()
    ) -> None:
        """Begin a message."""
        self.buffers: list[Any] = []
        self.objects: list[Any] = list(known)
        self._numbers: dict[int, int] = {}
        if known:
            self._numbers = {id(value): i for i, value in enumerate(known)}
        self._open: set[int] = set()
        self._other = other
        self._count = 0
        self._depth = 0

    def encode(self, value: Any) -> Any:
        """Return the node of `value`."""
        kind = type(value)
        if value is None or kind is float or kind is bool:
            return value
        if kind is int:
            return value if -_INT <= value < _INT else self._long(value)
        if kind is str:
            return value if len(value) < _SHORT else self._text(value)
        write = _WRITERS.get(id(kind))
        if write is None:
            return self._other(value, self)
        self.add(1)
        return write(self, value)

    def contents(self, value: Any) -> Any:
        """Return the node of a numbered object's contents, not a reference to it."""
        return _WRITERS[id(type(value))](self, value, True)

    def add(self, count: int) -> None:
        """Count nodes, and refuse a message that has too many."""
        self._count += count
        if self._count > MOST_NODES:
            raise TooMuch(f"the value has more than {MOST_NODES} parts")

    def raw(self, data: Any) -> int:
        """Append a buffer; return its length."""
        self.buffers.append(data)
        return len(data)

    def items(self, values: Iterable[Any]) -> list[Any]:
        """Return the nodes of `values`, one level deeper."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise TooMuch(f"the value is nested more than {MOST_DEPTH} deep")
        encode = self.encode
        nodes = [encode(value) for value in values]
        self._depth -= 1
        self.add(len(nodes))
        return nodes

    def seen(self, value: Any, again: bool) -> list[Any] | None:
        """Number a mutable object, or return the reference to it."""
        if again:
            self.objects.append(None)  # the reader numbers what it reads here
            return None
        number = self._numbers.get(id(value))
        if number is None:
            self._numbers[id(value)] = len(self.objects)
            self.objects.append(value)
            return None
        if id(value) in self._open:
            raise TooMuch("the value contains itself")
        return [protocol.REFERENCE, number]

    def container(self, tag: str, value: Any, again: bool, *more: Any) -> list[Any]:
        """Return the node of a mutable container, whose items become nodes."""
        known = self.seen(value, again)
        if known is not None:
            return known
        if again:
            return [tag, *more, *self.items(_flat(value))]
        self._open.add(id(value))
        node = [tag, *more, *self.items(_flat(value))]
        self._open.discard(id(value))
        return node

    def _long(self, value: int) -> list[Any]:
        text = hex(value)
        if len(text) > MOST_HEX_DIGITS:
            raise TooMuch(f"the int has more than {MOST_HEX_DIGITS} hex digits")
        self.add(1)
        return [protocol.INT, text]

    def _text(self, value: str) -> list[Any]:
        self.add(1)
        return [protocol.TEXT, self.raw(value.encode("utf-8", "surrogatepass"))]


def _flat(value: Any) -> Iterable[Any]:
    """Return the items of a container; of a dict, keys and values in turn."""
    if isinstance(value, dict):
        return [part for pair in dict.items(value) for part in pair]
    return value


_KEY_TYPES = {id(kind) for kind in (type(None), bool, int, float, complex, str, bytes)}
_KEY_TYPES |= {id(kind) for kind in (Fraction, Decimal, range, type(...))}
_KEY_TYPES |= {id(kind) for kind in (datetime.date, datetime.time, datetime.datetime)}
_KEY_TYPES |= {id(datetime.timedelta), id(datetime.timezone)} | NUMPY_SCALARS
_SEQUENCE_KEYS = {id(tuple), id(frozenset)}


def are_keys(values: Iterable[Any]) -> bool:
    """Return whether all values are hashed by what they hold, not by identity."""
    for value in values:
        kind = id(type(value))
        if kind in _KEY_TYPES or (id(value) in TYPE_NAMES and kind == id(type)):
            continue
        if kind not in _SEQUENCE_KEYS or not are_keys(value):
            return False
    return True


def _write_list(encoder: Encoder, value: list, again: bool = False) -> Any:
    if len(value) >= _PACKED:
        if len(value) > MOST_PACKED:
            raise TooMuch(f"the list has more than {MOST_PACKED} items")
        kinds = set(map(id, map(type, value)))
        if kinds == {id(float)} or kinds == {id(int)}:
            try:
                packed = array.array("d" if kinds == {id(float)} else "q", value)
            except OverflowError:
                pass
            else:
                known = encoder.seen(value, again)
                code = packed.typecode
                return known or [protocol.PACKED, code, encoder.raw(packed.tobytes())]
    return encoder.container(protocol.LIST, value, again)


def _write_keyed(tag: str) -> Callable[..., Any]:
    def write(encoder: Encoder, value: Any, again: bool = False) -> Any:
        if not are_keys(value):
            if again:
                raise TypeError("a key or an item that is no plain data cannot go back")
            return encoder._other(value, encoder)
        more = ()
        if tag == protocol.DEFAULT_DICT:
            more = (encoder.encode(value.default_factory),)
        return encoder.container(tag, value, again, *more)

    return write


def _write_deque(encoder: Encoder, value: deque, again: bool = False) -> Any:
    return encoder.container(protocol.DEQUE, value, again, value.maxlen)


def _write_bytearray(encoder: Encoder, value: bytearray, again: bool = False) -> Any:
    return encoder.seen(value, again) or [protocol.BYTEARRAY, encoder.raw(bytes(value))]


def _write_array(encoder: Encoder, value: np.ndarray, again: bool = False) -> Any:
    kind = value.dtype
    if kind.kind not in KINDS and kind.char != "O":
        return encoder._other(value, encoder)
    if kind.hasobject and kind.char != "O":
        return encoder._other(value, encoder)
    known = encoder.seen(value, again)
    if known is not None:
        return known
    flags = value.flags
    order = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
    if not flags.writeable:
        order = order.lower()
    shape = list(value.shape)
    if kind.char == "O":
        encoder._open.add(id(value))
        items = encoder.items(value.ravel().tolist())
        encoder._open.discard(id(value))
        return [protocol.OBJECT_ARRAY, order, shape, *items]
    return [protocol.ARRAY, kind.str, order, shape, encoder.raw(_raw(value, order))]


def _raw(value: np.ndarray, order: str) -> Any:
    """Return an array's bytes, without a copy where they lie together."""
    if not value.size or not value.itemsize:
        return b""
    if order in "Cc" and not value.flags.c_contiguous:
        return value.tobytes()
    return memoryview(flat_bytes(value, order))


def array_bytes(value: np.ndarray) -> np.ndarray:
    """Return the bytes of an array as an array, in the order of its memory."""
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return frombuffer(_raw(value, order), uint8)


def _write_scalar(encoder: Encoder, value: np.generic) -> Any:
    kind = value.dtype
    if kind.kind in "biu" or kind.char == "d":
        return [protocol.SCALAR, kind.str, value.item()]
    return [protocol.SCALAR, kind.str, encoder.raw(value.tobytes())]


def _write_type(encoder: Encoder, value: type) -> Any:
    name = TYPE_NAMES.get(id(value))
    return encoder._other(value, encoder) if name is None else [protocol.TYPE, name]


def _write_dtype(encoder: Encoder, value: np.dtype) -> Any:
    if value.kind not in KINDS:
        return encoder._other(value, encoder)
    return [protocol.DTYPE, value.str]


def _write_datetime(encoder: Encoder, value: Any) -> Any:
    parts = [value.hour, value.minute, value.second, value.microsecond, value.fold]
    zone = value.tzinfo
    if zone is not None and type(zone) is not datetime.timezone:
        return encoder._other(value, encoder)
    parts.append(None if zone is None else encoder.encode(zone))
    if type(value) is datetime.time:
        return [protocol.TIME, *parts]
    return [protocol.DATETIME, value.year, value.month, value.day, *parts]


def _simple(tag: str, parts: Callable[[Any], Iterable[Any]]) -> Callable[..., Any]:
    def write(encoder: Encoder, value: Any) -> Any:
        return [tag, *encoder.items(parts(value))]

    return write


def _attributes(tag: str) -> Callable[..., Any]:
    """Return a writer of the attributes that the table of messages names."""
    return _simple(tag, operator.attrgetter(*protocol.PLAIN[tag].checker.split()))


_WRITERS: dict[int, Callable[..., Any]] = {
    id(list): _write_list,
    id(tuple): _simple(protocol.TUPLE, tuple),
    id(dict): _write_keyed(protocol.DICT),
    id(OrderedDict): _write_keyed(protocol.ORDERED_DICT),
    id(Counter): _write_keyed(protocol.COUNTER),
    id(defaultdict): _write_keyed(protocol.DEFAULT_DICT),
    id(set): _write_keyed(protocol.SET),
    id(frozenset): lambda encoder, value: (
        [protocol.FROZENSET, *encoder.items(value)]
        if are_keys(value)
        else encoder._other(value, encoder)
    ),
    id(deque): _write_deque,
    id(bytearray): _write_bytearray,
    id(bytes): lambda encoder, value: [protocol.BYTES, encoder.raw(value)],
    id(complex): lambda encoder, value: [protocol.COMPLEX, value.real, value.imag],
    id(range): _attributes(protocol.RANGE),
    id(slice): _attributes(protocol.SLICE),
    id(type(...)): lambda encoder, value: [protocol.ELLIPSIS],
    id(type(NotImplemented)): lambda encoder, value: [protocol.NOT_IMPLEMENTED],
    id(np.ndarray): _write_array,
    id(type): _write_type,
    id(Fraction): _attributes(protocol.FRACTION),
    id(Decimal): lambda encoder, value: [protocol.DECIMAL, str(value)],
    id(datetime.date): _attributes(protocol.DATE),
    id(datetime.time): _write_datetime,
    id(datetime.datetime): _write_datetime,
    id(datetime.timedelta): _attributes(protocol.TIMEDELTA),
    id(datetime.timezone): _simple(
        protocol.TIMEZONE, lambda value: (value.utcoffset(None),)
    ),
    id(type({}.keys())): _simple(protocol.KEYS, list),
    id(type({}.values())): _simple(protocol.VALUES, list),
    id(type({}.items())): _simple(
        protocol.ITEMS, lambda value: [part for pair in value for part in pair]
    ),
    **dict.fromkeys(NUMPY_SCALARS, _write_scalar),
    **{
        id(kind): _write_dtype
        for kind in {type(np.dtype(c)) for c in "?bBhHiIlLqQefdgFDGSUmM"}
    },
}
