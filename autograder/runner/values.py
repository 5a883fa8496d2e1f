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
import copy
import ctypes
import dataclasses
import datetime
import decimal
import json
import math
import operator
import queue
import random
import re
import struct
from builtins import (  # noqa: UP029 - a student may replace what builtins holds
    all,
    bool,
    bytearray,
    bytes,
    complex,
    dict,
    enumerate,
    float,
    frozenset,
    hash,
    hex,
    id,
    int,
    isinstance,
    issubclass,
    len,
    list,
    map,
    memoryview,
    range,
    set,
    slice,
    str,
    tuple,
    type,
    zip,
)
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np
from numpy import dtype as new_dtype
from numpy import empty, frombuffer, ndarray, uint8, uint64

from autograder.runner.wire import Raw

MOST_NODES = 1_000_000  # containers, items of containers and long numbers of a message
MOST_PACKED = 8_000_000  # numbers in a list of floats or of ints
MOST_DEPTH = 100  # containers in containers
MOST_HEX_DIGITS = 250_000  # of one int: arithmetic with longer ones takes too long
_SHORT = 4096  # longer texts travel as raw bytes
_PACKED = 32  # lists of so many floats or ints travel as raw bytes
_INT = 2**63
_COLLISIONS = 64  # keys of one dict or set that may share hashes


class Malformed(Exception):
    """What came was not written by this codec."""


class TooMuch(ValueError):
    """A value is too large, too deep or contains itself, so it cannot cross."""


# ------------------------------------------------------------------------------------
# Types that cross by name

_SCALARS = (
    "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 longlong ulonglong"
    " float16 float32 float64 longdouble complex64 complex128 clongdouble"
    " str_ bytes_ datetime64 timedelta64"
)
_ABSTRACT = "generic number integer signedinteger unsignedinteger inexact floating"
_PLAIN_TYPES: tuple[type, ...] = (
    *(object, type, bool, int, float, complex, str, bytes, bytearray, memoryview),
    *(list, tuple, dict, set, frozenset, range, slice, type(None), type(...)),
    *(OrderedDict, defaultdict, Counter, deque, Fraction, Decimal),
    *(datetime.date, datetime.time, datetime.datetime, datetime.timedelta),
    *(datetime.timezone, np.ndarray, np.dtype, np.random.Generator),
    *(np.random.RandomState, random.Random),
    *(getattr(np, name) for name in f"{_SCALARS} {_ABSTRACT} complexfloating".split()),
)


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


TYPES = {_name_of(kind): kind for kind in _PLAIN_TYPES}
_TYPE_NAMES = {id(kind): _name_of(kind) for kind in _PLAIN_TYPES}

_NUMPY_SCALARS = {id(getattr(np, name)) for name in _SCALARS.split()}
_DTYPE = re.compile(
    r"[<>|=]?[biufcUSmM]\d{0,9}"
    r"(\[\d{0,9}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as|generic)\])?"
)
_KINDS = frozenset("biufcUSmM")


def _exception_classes() -> dict[str, type[BaseException]]:
    spaces: list[Any] = [builtins, decimal, np.linalg, getattr(np, "exceptions", np)]
    found = [value for space in spaces for value in vars(space).values()]
    found += [json.JSONDecodeError, struct.error, copy.Error]
    found += [dataclasses.FrozenInstanceError, queue.Empty, queue.Full, TooMuch]
    return {
        _name_of(value): value
        for value in found
        if isinstance(value, type) and issubclass(value, BaseException)
    }


EXCEPTIONS = _exception_classes()  # those that both ends have, by name


def _bad(why: str) -> NoReturn:
    raise Malformed(why)


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
        return ["r", number]

    def inside(self, tag: str, value: Any, again: bool, *more: Any) -> list[Any]:
        """Return the node of a mutable container, of which items are nodes."""
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
        return ["i", text]

    def _text(self, value: str) -> list[Any]:
        self.add(1)
        return ["u", self.raw(value.encode("utf-8", "surrogatepass"))]


def _flat(value: Any) -> Iterable[Any]:
    """Return the items of a container; of a dict, keys and values in turn."""
    if isinstance(value, dict):
        return [part for pair in dict.items(value) for part in pair]
    return value


_KEY_TYPES = {id(kind) for kind in (type(None), bool, int, float, complex, str, bytes)}
_KEY_TYPES |= {id(kind) for kind in (Fraction, Decimal, range, type(...))}
_KEY_TYPES |= {id(kind) for kind in (datetime.date, datetime.time, datetime.datetime)}
_KEY_TYPES |= {id(datetime.timedelta), id(datetime.timezone)} | _NUMPY_SCALARS
_SEQUENCE_KEYS = {id(tuple), id(frozenset)}


def are_keys(values: Iterable[Any]) -> bool:
    """Return whether all values hash by what they hold, not by who they are."""
    for value in values:
        kind = id(type(value))
        if kind in _KEY_TYPES or (id(value) in _TYPE_NAMES and kind == id(type)):
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
                return known or ["p", code, encoder.raw(packed.tobytes())]
    return encoder.inside("l", value, again)


def _write_keyed(tag: str) -> Callable[..., Any]:
    def write(encoder: Encoder, value: Any, again: bool = False) -> Any:
        if not are_keys(value):
            if again:
                raise TypeError("a key or an item that is no plain data cannot go back")
            return encoder._other(value, encoder)
        more = ()
        if tag == "dd":
            more = (encoder.encode(value.default_factory),)
        return encoder.inside(tag, value, again, *more)

    return write


def _write_deque(encoder: Encoder, value: deque, again: bool = False) -> Any:
    return encoder.inside("dq", value, again, value.maxlen)


def _write_bytearray(encoder: Encoder, value: bytearray, again: bool = False) -> Any:
    return encoder.seen(value, again) or ["B", encoder.raw(bytes(value))]


def _write_array(encoder: Encoder, value: np.ndarray, again: bool = False) -> Any:
    kind = value.dtype
    if kind.kind not in _KINDS and kind.char != "O":
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
        return ["O", order, shape, *items]
    return ["a", kind.str, order, shape, encoder.raw(_raw(value, order))]


def _raw(value: np.ndarray, order: str) -> Any:
    """Return an array's bytes, without a copy where they lie together."""
    if not value.size or not value.itemsize:
        return b""
    if order in "Cc" and not value.flags.c_contiguous:
        return value.tobytes()
    return memoryview(_flat_bytes(value, order))


def _flat_bytes(value: np.ndarray, order: str) -> np.ndarray:
    """Return the bytes of an array that lie together in this order, without a copy."""
    return (value.T if order in "Ff" else value).reshape(-1).view(uint8)


def array_bytes(value: np.ndarray) -> np.ndarray:
    """Return the bytes of an array as an array, in the order of its memory."""
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return frombuffer(_raw(value, order), uint8)


def _write_scalar(encoder: Encoder, value: np.generic) -> Any:
    kind = value.dtype
    if kind.kind in "biu" or kind.char == "d":
        return ["n", kind.str, value.item()]
    return ["n", kind.str, encoder.raw(value.tobytes())]


def _write_type(encoder: Encoder, value: type) -> Any:
    name = _TYPE_NAMES.get(id(value))
    return encoder._other(value, encoder) if name is None else ["T", name]


def _write_dtype(encoder: Encoder, value: np.dtype) -> Any:
    if value.kind not in _KINDS:
        return encoder._other(value, encoder)
    return ["D", value.str]


def _write_datetime(encoder: Encoder, value: Any) -> Any:
    parts = [value.hour, value.minute, value.second, value.microsecond, value.fold]
    zone = value.tzinfo
    if zone is not None and type(zone) is not datetime.timezone:
        return encoder._other(value, encoder)
    parts.append(None if zone is None else encoder.encode(zone))
    if type(value) is datetime.time:
        return ["ti", *parts]
    return ["ts", value.year, value.month, value.day, *parts]


def _simple(tag: str, parts: Callable[[Any], Iterable[Any]]) -> Callable[..., Any]:
    def write(encoder: Encoder, value: Any) -> Any:
        return [tag, *encoder.items(parts(value))]

    return write


_VIEWS = {"vk": type({}.keys()), "vv": type({}.values()), "vi": type({}.items())}
_WRITERS: dict[int, Callable[..., Any]] = {
    id(list): _write_list,
    id(tuple): _simple("t", tuple),
    id(dict): _write_keyed("d"),
    id(OrderedDict): _write_keyed("od"),
    id(Counter): _write_keyed("ct"),
    id(defaultdict): _write_keyed("dd"),
    id(set): _write_keyed("s"),
    id(frozenset): lambda encoder, value: (
        ["fs", *encoder.items(value)]
        if are_keys(value)
        else encoder._other(value, encoder)
    ),
    id(deque): _write_deque,
    id(bytearray): _write_bytearray,
    id(bytes): lambda encoder, value: ["b", encoder.raw(value)],
    id(complex): lambda encoder, value: ["c", value.real, value.imag],
    id(range): _simple("rg", lambda value: (value.start, value.stop, value.step)),
    id(slice): _simple("sl", lambda value: (value.start, value.stop, value.step)),
    id(type(...)): lambda encoder, value: ["."],
    id(type(NotImplemented)): lambda encoder, value: ["!"],
    id(np.ndarray): _write_array,
    id(type): _write_type,
    id(Fraction): _simple("fr", lambda value: (value.numerator, value.denominator)),
    id(Decimal): lambda encoder, value: ["de", str(value)],
    id(datetime.date): _simple(
        "da", lambda value: (value.year, value.month, value.day)
    ),
    id(datetime.time): _write_datetime,
    id(datetime.datetime): _write_datetime,
    id(datetime.timedelta): _simple(
        "td", lambda value: (value.days, value.seconds, value.microseconds)
    ),
    id(datetime.timezone): _simple("tz", lambda value: (value.utcoffset(None),)),
    **{
        id(view): _simple(tag, list if tag != "vi" else _flat_pairs)
        for tag, view in _VIEWS.items()
        for _flat_pairs in (lambda value: [part for pair in value for part in pair],)
    },
    **dict.fromkeys(_NUMPY_SCALARS, _write_scalar),
    **{
        id(kind): _write_dtype
        for kind in {type(np.dtype(c)) for c in "?bBhHiIlLqQefdgFDGSUmM"}
    },
}


# ------------------------------------------------------------------------------------
# Reading


class Decoder:
    """Read nodes and buffers; every method raises Malformed on what cannot be.

    Parameters
    ----------
    other : callable
        ``other(node, decoder)`` returns the value of a node with another tag.
    raw : wire.Raw
        The raw bytes of the message.
    known : sequence
        Mutable objects that both ends have numbered already, from 0 on.
    """

    __slots__ = ("_count", "_depth", "_other", "_raw", "_sizes", "objects")

    def __init__(
        self,
        other: Callable[[list, "Decoder"], Any],
        raw: Raw,
        known: Sequence[Any] = (),
    ) -> None:
        """Begin a message."""
        self.objects: list[Any] = list(known)
        self._sizes: list[int | None] = [1] * len(known)  # None: not yet complete
        self._other = other
        self._raw = raw
        self._count = 0
        self._depth = 0

    def decode(self, node: Any) -> Any:
        """Return the value of `node`."""
        kind = type(node)
        if kind is not list:
            if kind is dict:
                _bad("an object where a value belongs")
            return node
        if not node or type(node[0]) is not str:
            _bad("a list without a tag")
        self._add(1)
        read = _READERS.get(node[0])
        if read is None:
            return self._other(node, self)
        return read(self, node)

    def finish(self) -> None:
        """Check that nothing is left over."""
        if self._raw.left:
            _bad("more raw bytes than values")

    def _add(self, count: int) -> None:
        self._count += count
        if self._count > MOST_NODES * 2:
            _bad("too many values in one message")

    def expect(self, size: Any) -> None:
        """Check that there are `size` more raw bytes."""
        if type(size) is not int or not 0 <= size <= self._raw.left:
            _bad("a buffer of impossible length")

    def take(self, size: Any) -> bytes | bytearray:
        """Return the next `size` raw bytes."""
        self.expect(size)
        return self._raw.take(size)

    def take_into(self, view: memoryview) -> None:
        """Fill `view` with the next raw bytes."""
        self.expect(len(view))
        self._raw.take_into(view)

    def items(self, nodes: Sequence[Any]) -> list[Any]:
        """Return the values of `nodes`, one level deeper."""
        self._depth += 1
        if self._depth > MOST_DEPTH + 20:
            _bad("a value nested too deep")
        decode = self.decode
        values = [decode(node) for node in nodes]
        self._depth -= 1
        self._add(len(nodes))
        return values

    def begin(self, value: Any) -> tuple[int, int]:
        """Number a mutable object before its parts are read."""
        self.objects.append(value)
        self._sizes.append(None)
        return len(self.objects) - 1, self._count

    def end(self, mark: tuple[int, int], value: Any) -> Any:
        """Put the finished object in its place."""
        number, count = mark
        self.objects[number] = value
        self._sizes[number] = 1 + self._count - count
        return value

    def reference(self, number: Any) -> Any:
        """Return the object `number`."""
        if type(number) is not int or not 0 <= number < len(self.objects):
            _bad("a reference to nothing")
        size = self._sizes[number]
        if size is None:
            _bad("a value that contains itself")
        self._add(size)  # so that references to references cannot multiply unseen
        return self.objects[number]


def _parts(node: list, count: int, *kinds: type) -> list[Any]:
    """Return the parts of a node that has `count`, all exactly of one of `kinds`."""
    if len(node) != count + 1 or (
        kinds and not all(type(part) in kinds for part in node[1:])
    ):
        _bad(f"a bad {node[0][:8]!r}")
    return node[1:]


def _spread(keys: Sequence[Any]) -> None:
    """Refuse keys chosen to share hashes: a dict of them takes quadratic time."""
    if len(keys) > _COLLISIONS and (
        len(set(map(repr, keys))) - len(set(map(hash, keys))) > _COLLISIONS
    ):
        _bad("keys that share their hashes")


def _pairs(decoder: Decoder, nodes: Sequence[Any]) -> list[tuple[Any, Any]]:
    if len(nodes) % 2:
        _bad("a dict with a key and no value")
    parts = decoder.items(nodes)
    keys = parts[::2]
    try:
        _spread(keys)
    except TypeError as error:
        raise Malformed("a dict with a key that cannot be one") from error
    return list(zip(keys, parts[1::2], strict=True))


def _read_dict(empty: Callable[[], dict]) -> Callable[..., Any]:
    def read(decoder: Decoder, node: list) -> Any:
        value = empty()
        mark = decoder.begin(value)
        dict.update(value, _pairs(decoder, node[1:]))
        return decoder.end(mark, value)

    return read


def _read_ordered(decoder: Decoder, node: list) -> Any:
    value: OrderedDict = OrderedDict()
    mark = decoder.begin(value)
    value.update(_pairs(decoder, node[1:]))
    return decoder.end(mark, value)


def _read_defaultdict(decoder: Decoder, node: list) -> Any:
    if len(node) < 2:
        _bad("a defaultdict without a factory")
    value: defaultdict = defaultdict(None)
    factory = decoder.decode(node[1])
    if factory is not None and not callable(factory):
        _bad("a factory that cannot be called")
    value.default_factory = factory
    mark = decoder.begin(value)
    dict.update(value, _pairs(decoder, node[2:]))
    return decoder.end(mark, value)


def _read_set(decoder: Decoder, node: list) -> Any:
    value: set = set()
    mark = decoder.begin(value)
    _fill(value.update, decoder.items(node[1:]))
    return decoder.end(mark, value)


def _fill(update: Callable[[Any], Any], items: list[Any]) -> Any:
    try:
        _spread(items)
        return update(items)
    except TypeError as error:
        raise Malformed("a set with an item that cannot be one") from error


def _read_list(decoder: Decoder, node: list) -> Any:
    value: list = []
    mark = decoder.begin(value)
    value.extend(decoder.items(node[1:]))
    return decoder.end(mark, value)


def _read_packed(decoder: Decoder, node: list) -> Any:
    _parts(node, 2)
    code, size = node[1:]
    if code not in ("d", "q") or type(size) is not int or size % 8:
        _bad("a bad packed list")
    if size // 8 > MOST_PACKED:
        _bad("too many values in one message")
    packed = array.array(code)
    packed.frombytes(decoder.take(size))
    value = packed.tolist()
    return decoder.end(decoder.begin(value), value)


def _read_deque(decoder: Decoder, node: list) -> Any:
    if len(node) < 2 or not (
        node[1] is None or (type(node[1]) is int and 0 <= node[1] < 2**31)
    ):
        _bad("a bad deque")
    value: deque = deque(maxlen=node[1])
    mark = decoder.begin(value)
    value.extend(decoder.items(node[2:]))
    return decoder.end(mark, value)


def _read_bytearray(decoder: Decoder, node: list) -> Any:
    (size,) = _parts(node, 1)
    value = bytearray(decoder.take(size))
    return decoder.end(decoder.begin(value), value)


def _read_long(decoder: Decoder, node: list) -> int:
    (text,) = _parts(node, 1, str)
    if len(text) > MOST_HEX_DIGITS + 3 or not re.fullmatch(r"-?0x[0-9a-f]+", text):
        _bad("a bad int")
    decoder._add(len(text) // 64)
    return int(text, 16)


def _read_text(decoder: Decoder, node: list) -> str:
    (size,) = _parts(node, 1)
    try:
        return str(decoder.take(size), "utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise Malformed("a text that is not UTF-8") from error


def read_dtype(text: Any) -> np.dtype:
    """Return the dtype named `text`, one of the plain kinds."""
    if type(text) is not str or not _DTYPE.fullmatch(text):
        _bad("a bad dtype")
    try:
        kind = new_dtype(text)
    except (TypeError, ValueError) as error:
        raise Malformed("a bad dtype") from error
    if kind.kind not in _KINDS or not 0 <= kind.itemsize < 2**24:
        _bad("a bad dtype")
    return kind


def read_shape(shape: Any) -> int:
    """Return the number of items of an array of this shape."""
    if type(shape) is not list or len(shape) > 32:
        _bad("a bad shape")
    for length in shape:
        if type(length) is not int or not 0 <= length < 2**48:
            _bad("a bad shape")
    return math.prod(shape)


def _sound(value: np.ndarray, order: str = "C") -> np.ndarray:
    """Return the array with no bit pattern that its type does not have."""
    kind = value.dtype
    if kind.kind == "b":
        return value.view(uint8) != 0
    if kind.kind == "U" and value.size and kind.itemsize:
        codes = _flat_bytes(value, order).view(
            new_dtype("u4").newbyteorder(kind.byteorder)
        )
        if codes.max() > 0x10FFFF:
            _bad("a text with a character that does not exist")
    return value


def _read_array(decoder: Decoder, node: list) -> Any:
    name, order, shape, size = _parts(node, 4)
    kind, count = read_dtype(name), read_shape(shape)
    if order not in ("C", "F", "c", "f") or size != count * kind.itemsize:
        _bad("an array whose size is not that of its shape")
    decoder.expect(size)
    try:
        value = empty(shape, kind, order=order.upper())
        if size:
            decoder.take_into(memoryview(_flat_bytes(value, order)))
            value = _sound(value, order)
    except (ValueError, TypeError) as error:
        raise Malformed("an array of an impossible shape") from error
    if order.islower():
        value.flags.writeable = False
    return decoder.end(decoder.begin(value), value)


def _read_objects(decoder: Decoder, node: list) -> Any:
    if len(node) < 3:
        _bad("a bad array of objects")
    order, shape = node[1:3]
    if order not in ("C", "F", "c", "f") or read_shape(shape) != len(node) - 3:
        _bad("a bad array of objects")
    try:
        value = empty(shape, object, order=order.upper())
    except (ValueError, TypeError) as error:
        raise Malformed("an array of an impossible shape") from error
    mark = decoder.begin(value)
    items = decoder.items(node[3:])
    flat = empty(len(items), object)
    for i in range(len(items)):
        flat[i] = items[i]
    value[...] = flat.reshape(shape)
    if order.islower():
        value.flags.writeable = False
    return decoder.end(mark, value)


def _read_scalar(decoder: Decoder, node: list) -> Any:
    name, value = _parts(node, 2)
    kind = read_dtype(name)
    if kind.kind in "biu" or kind.char == "d":
        wanted = {"b": bool, "f": float}.get(kind.kind, int)
        if type(value) is not wanted:
            _bad("a bad NumPy number")
        try:
            return kind.type(value)
        except OverflowError as error:
            raise Malformed("a NumPy number out of its range") from error
    if value != kind.itemsize:
        _bad("a bad NumPy scalar")
    if not kind.itemsize:
        return kind.type()
    return _sound(frombuffer(decoder.take(value), kind))[0]


def _read_type(decoder: Decoder, node: list) -> Any:
    (name,) = _parts(node, 1, str)
    if name not in TYPES:
        _bad("a type that is not plain")
    return TYPES[name]


def _made(make: Callable[..., Any], count: int, *kinds: type) -> Callable[..., Any]:
    """Return a reader that makes a value of parts that are plain themselves."""

    def read(decoder: Decoder, node: list) -> Any:
        if len(node) != count + 1:
            _bad(f"a bad {node[0]!r}")
        parts = decoder.items(node[1:])
        if not all(type(part) in kinds for part in parts):
            _bad(f"a bad {node[0]!r}")
        try:
            return make(*parts)
        except (ValueError, TypeError, ArithmeticError, InvalidOperation) as error:
            raise Malformed(f"a bad {node[0]!r}") from error

    return read


def _make_time(*parts: Any) -> Any:
    *numbers, fold, zone = parts
    kind = datetime.datetime if len(numbers) == 7 else datetime.time
    return kind(*numbers, tzinfo=zone, fold=fold)


_NONE = type(None)
_READERS: dict[str, Callable[..., Any]] = {
    "r": lambda decoder, node: decoder.reference(*_parts(node, 1)),
    "l": _read_list,
    "p": _read_packed,
    "t": lambda decoder, node: tuple(decoder.items(node[1:])),
    "d": _read_dict(dict),
    "ct": _read_dict(Counter),
    "od": _read_ordered,
    "dd": _read_defaultdict,
    "s": _read_set,
    "fs": lambda decoder, node: _fill(frozenset, decoder.items(node[1:])),
    "dq": _read_deque,
    "b": lambda decoder, node: bytes(decoder.take(*_parts(node, 1))),
    "B": _read_bytearray,
    "c": _made(complex, 2, float),
    "i": _read_long,
    "u": _read_text,
    "rg": _made(range, 3, int),
    "sl": lambda decoder, node: slice(*decoder.items(_parts(node, 3))),
    ".": lambda decoder, node: ... if len(node) == 1 else _bad("a bad '.'"),
    "!": lambda decoder, node: NotImplemented if len(node) == 1 else _bad("a bad '!'"),
    "a": _read_array,
    "O": _read_objects,
    "n": _read_scalar,
    "T": _read_type,
    "D": lambda decoder, node: read_dtype(*_parts(node, 1)),
    "fr": _made(Fraction, 2, int),
    "de": _made(Decimal, 1, str),
    "da": _made(datetime.date, 3, int),
    "ti": _made(_make_time, 6, int, _NONE, datetime.timezone),
    "ts": _made(_make_time, 9, int, _NONE, datetime.timezone),
    "td": _made(lambda d, s, us: datetime.timedelta(d, s, us), 3, int),
    "tz": _made(datetime.timezone, 1, datetime.timedelta),
    "vk": lambda decoder, node: dict.fromkeys(decoder.items(node[1:])).keys(),
    "vv": lambda decoder, node: dict(enumerate(decoder.items(node[1:]))).values(),
    "vi": lambda decoder, node: dict(_pairs(decoder, node[1:])).items(),
}


# ------------------------------------------------------------------------------------
# Changes to what was passed


def snapshot(value: Any) -> Any:
    """Return what tells later whether a mutable object has changed."""
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
        _bad("an argument that came back as another type")
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


# ------------------------------------------------------------------------------------
# Random generators, kept in step at both ends

_WORDS = 624  # of the Mersenne twister's state


def _int_in(value: Any, top: int) -> int:
    if type(value) is not int or not 0 <= value < top:
        _bad("a bad state of a generator")
    return value


def _words(data: Any, count: int, kind: type) -> np.ndarray:
    if type(data) is not bytes or len(data) != count * new_dtype(kind).itemsize:
        _bad("a bad state of a generator")
    return frombuffer(data, kind)


_PCG = struct.Struct("<16s16sBI")


def _pcg_state(state: dict) -> tuple:
    inner = state["state"]
    now, inc = (
        inner["state"].to_bytes(16, "little"),
        inner["inc"].to_bytes(16, "little"),
    )
    return (_PCG.pack(now, inc, state["has_uint32"], state["uinteger"]),)


def _pcg_dict(data: bytes) -> dict:
    if type(data) is not bytes or len(data) != _PCG.size:
        _bad("a bad state of a generator")
    now, inc, has, low = _PCG.unpack(data)
    inner = {
        "state": int.from_bytes(now, "little"),
        "inc": int.from_bytes(inc, "little"),
    }
    return {"state": inner, "has_uint32": _int_in(has, 2), "uinteger": low}


def _twister_dict(key: bytes, pos: int) -> dict:
    words = _words(key, _WORDS, np.uint32)
    return {"state": {"key": words, "pos": _int_in(pos, _WORDS + 1)}}


def _philox_state(state: dict) -> tuple:
    inner = state["state"]
    return (
        *(inner["counter"].tobytes(), inner["key"].tobytes()),
        *(state["buffer"].tobytes(), int(state["buffer_pos"])),
        *(state["has_uint32"], state["uinteger"]),
    )


def _philox_dict(
    counter: bytes, key: bytes, buffer: bytes, pos: int, has: int, low: int
) -> dict:
    words = {
        "counter": _words(counter, 4, np.uint64),
        "key": _words(key, 2, np.uint64),
    }
    return {
        "state": words,
        "buffer": _words(buffer, 4, np.uint64),
        "buffer_pos": _int_in(pos, 5),
        "has_uint32": _int_in(has, 2),
        "uinteger": _int_in(low, 2**32),
    }


def _sfc_dict(state: bytes, has: int, low: int) -> dict:
    return {
        "state": {"state": _words(state, 4, np.uint64)},
        "has_uint32": _int_in(has, 2),
        "uinteger": _int_in(low, 2**32),
    }


# name -> (state dict to tuple of ints and bytes, and back)
_BIT_GENERATORS: dict[str, tuple[Callable, Callable]] = {
    "PCG64": (_pcg_state, _pcg_dict),
    "PCG64DXSM": (_pcg_state, _pcg_dict),
    "MT19937": (
        lambda state: (state["state"]["key"].tobytes(), int(state["state"]["pos"])),
        _twister_dict,
    ),
    "Philox": (_philox_state, _philox_dict),
    "SFC64": (
        lambda state: (
            state["state"]["state"].tobytes(),
            state["has_uint32"],
            state["uinteger"],
        ),
        _sfc_dict,
    ),
}
_BIT_TYPES = {name: getattr(np.random, name) for name in _BIT_GENERATORS}


_get_legacy, _set_legacy = (
    np.random.RandomState.get_state,
    np.random.RandomState.set_state,
)
_get_standard, _set_standard = random.Random.getstate, random.Random.setstate


def _twister_memory(address: int) -> Any:
    return (ctypes.c_char * (4 * (_WORDS + 1))).from_address(address)


class _Numpy:
    """A `np.random.Generator`."""

    def __init__(self, value: np.random.Generator) -> None:
        self.value = value
        bits = value.bit_generator
        self.name = type(bits).__name__
        self._bits = bits
        self._pack, self._unpack = _BIT_GENERATORS[self.name]
        self._memory = None
        if self.name == "MT19937":  # its state takes 33 us to ask for
            self._memory = _twister_memory(bits.ctypes.state_address)

    def print(self) -> Any:
        """Return what is equal as long as the state is."""
        if self._memory is not None:
            return self._memory.raw
        return self._pack(self._bits.state)

    def state(self) -> tuple:
        return self._pack(self._bits.state)

    def restore(self, state: list[Any]) -> Any:
        new = self._unpack(*state)
        new["bit_generator"] = self.name
        self._bits.state = new
        return tuple(state) if self._memory is None else self.print()


class _Legacy:
    """A `np.random.RandomState`."""

    name = "RandomState"

    def __init__(self, value: np.random.RandomState) -> None:
        self.value = value
        self._memory = _twister_memory(value._bit_generator.ctypes.state_address)
        self._gauss: tuple | None = None
        self.print()

    def print(self) -> Any:
        # A second normal draw is kept for later, outside of the memory seen here; it
        # can come and go only while there is one, or together with the memory.
        raw = self._memory.raw
        if self._gauss is None or self._gauss[0] != raw or self._gauss[1]:
            self._gauss = raw, *_get_legacy(self.value)[3:]
        return self._gauss

    def state(self) -> tuple:
        _, key, pos, has, cached = _get_legacy(self.value)
        return key.tobytes(), int(pos), int(has), float(cached)

    def restore(self, state: list[Any]) -> Any:
        key, pos, has, cached = state
        if type(cached) is not float:
            _bad("a bad state of a generator")
        words = _words(key, _WORDS, np.uint32)
        pos, has = _int_in(pos, _WORDS + 1), _int_in(has, 2)
        _set_legacy(self.value, ("MT19937", words, pos, has, cached))
        return self.print()


class _Standard:
    """A `random.Random`."""

    name = "Random"

    def __init__(self, value: random.Random) -> None:
        self.value = value
        self._memory = None
        if _MEMORY_IS_KNOWN:
            self._memory = _twister_memory(id(value) + object.__basicsize__)

    def print(self) -> Any:
        if self._memory is None:
            return _get_standard(self.value)
        return self._memory.raw, self.value.gauss_next

    def state(self) -> tuple:
        _, words, gauss = _get_standard(self.value)
        return array.array("I", words).tobytes(), gauss

    def restore(self, state: list[Any]) -> Any:
        data, gauss = state
        if type(data) is not bytes or len(data) != 4 * (_WORDS + 1):
            _bad("a bad state of a generator")
        if gauss is not None and type(gauss) is not float:
            _bad("a bad state of a generator")
        words = array.array("I", data)
        _int_in(words[-1], _WORDS + 1)
        _set_standard(self.value, (3, tuple(words), gauss))
        return self.print()


def _memory_is_known() -> bool:
    """Return whether a `random.Random` lies in memory as CPython has it (index, words).

    Asking for its state takes 9 us, looking at its memory .1 us.
    """
    twin = random.Random(1)
    words = twin.getstate()[1]
    if twin.__class__.__basicsize__ < object.__basicsize__ + 4 * (_WORDS + 1):
        return False
    found = array.array("I", _twister_memory(id(twin) + object.__basicsize__).raw)
    return tuple(found) == (words[-1], *words[:-1])


_MEMORY_IS_KNOWN = _memory_is_known()
_TRACKERS = {
    id(np.random.Generator): _Numpy,
    id(np.random.RandomState): _Legacy,
    id(random.Random): _Standard,
}


def can_track(value: Any) -> bool:
    """Return whether `value` is a generator that can be kept in step."""
    kind = id(type(value))
    if kind == id(np.random.Generator):
        bits = value.bit_generator
        return type(bits) is _BIT_TYPES.get(type(bits).__name__)
    if kind == id(np.random.RandomState):
        return type(value._bit_generator) is np.random.MT19937
    return kind == id(random.Random)


def _new_generator(name: str) -> Any:
    if name == "RandomState":
        return np.random.RandomState(0)
    if name == "Random":
        return random.Random(0)
    return np.random.Generator(_BIT_TYPES[name](0))


class Generators:
    """The random generators of a link: each end has one for each of the other's.

    Numbers 0 and 1 are the global states of `numpy.random` and of `random`; those that
    this end numbers are even or odd, so that the ends never choose the same.

    Parameters
    ----------
    first : int
        The first number that this end gives, 2 or 3.
    """

    def __init__(self, first: int) -> None:
        """Begin with the two global states, taken to be in step."""
        self._next = first
        self._trackers: dict[int, Any] = {}
        self._prints: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._sent: list[Any] = []
        self._spare: dict[str, Any] = {}  # of those that nobody holds, one of a kind
        self._put(0, _Legacy(np.random.mtrand._rand))
        self._put(1, _Standard(random._inst))

    def _put(self, number: int, tracker: Any) -> None:
        self._trackers[number] = tracker
        self._prints[number] = tracker.print()
        self._numbers[id(tracker.value)] = number

    def number(self, value: Any) -> int:
        """Return the number of a generator, which is tracked from now on."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._next
            self._next += 2
            self._put(number, _TRACKERS[id(type(value))](value))
            self._prints[number] = None
        return number

    def kind(self, number: int) -> str:
        """Return the kind of the generator with this number."""
        return self._trackers[number].name

    def get(self, number: Any, kind: Any) -> Any:
        """Return the generator with this number; the other end may have begun it."""
        tracker = self._trackers.get(_int_in(number, 2**53))
        if tracker is None:
            if number % 2 == self._next % 2:
                _bad("a generator that does not exist")
            if kind not in _BIT_TYPES and kind not in ("RandomState", "Random"):
                _bad("a generator of an unknown kind")
            tracker = self._spare.pop(kind, None)
            if tracker is None:
                value = _new_generator(kind)
                tracker = _TRACKERS[id(type(value))](value)
            self._put(number, tracker)
        if tracker.name != kind:
            _bad("a generator that changed its kind")
        return tracker.value

    def changes(self) -> list[Any]:
        """Return numbers and states of those whose state the other end lacks."""
        changed: list[Any] = []
        for number, tracker in self._trackers.items():
            now = tracker.print()
            if now != self._prints[number]:
                self._prints[number] = now
                changed.append((number, *tracker.state()))
        self._sent = changed
        return changed

    def write(self, encoder: Encoder) -> Any:
        """Return the node of the changes; None if there are none."""
        changes = self.changes()
        return encoder.encode(changes) if changes else None

    def read(self, node: Any, decoder: Decoder, but: Collection[int] = ()) -> None:
        """Take over what the other end wrote, see `apply`."""
        if node is not None:
            self.apply(decoder.decode(node), but)

    def undo(self) -> None:
        """Note that the last changes were not sent after all."""
        for change in self._sent:
            self._prints[change[0]] = None

    def apply(self, changes: Any, but: Collection[int] = ()) -> None:
        """Take over the states that the other end sent, `but` those of some numbers."""
        if type(changes) is not list:
            _bad("bad states of generators")
        for change in changes:
            if type(change) is not tuple or not change:
                _bad("bad states of generators")
            number, *state = change
            tracker = self._trackers.get(_int_in(number, 2**53))
            if tracker is None:
                _bad("bad states of generators")
            if number in but:  # checked all the same, on a twin
                twin = _new_generator(tracker.name)
                tracker = _TRACKERS[id(type(twin))](twin)
            try:
                now = tracker.restore(state)
            except (TypeError, ValueError, OverflowError) as error:
                raise Malformed("a bad state of a generator") from error
            if number not in but:
                self._prints[number] = now

    def forget(self, number: Any) -> None:
        """Stop tracking a generator that the other end has dropped."""
        tracker = self._trackers.pop(number, None)
        if tracker is not None and number > 1:
            del self._prints[number]
            del self._numbers[id(tracker.value)]

    def unused(self, references: Callable[[Any], int]) -> list[int]:
        """Stop tracking, and return, those that nobody else at this end holds."""
        idle = [
            number
            for number, tracker in self._trackers.items()
            if number > 1 and references(tracker.value) <= 2
        ]
        for number in idle:
            tracker = self._trackers[number]
            self.forget(number)
            self._spare[tracker.name] = tracker
        return idle
