"""The reading half of the codec: nodes and raw bytes become values.

The reader trusts nothing: each tag, size, shape and type is checked, and what cannot
have been written by `autograder.runner.inside.link.encode` raises `Malformed`.
"""

import array
import builtins
import datetime
import math
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np
from numpy import dtype as new_dtype
from numpy import empty, frombuffer, uint8

from autograder.runner.inside.link import protocol
from autograder.runner.inside.link.plain_types import (
    DTYPE,
    KINDS,
    MOST_COLLISIONS,
    MOST_DEPTH,
    MOST_HEX_DIGITS,
    MOST_NODES,
    MOST_PACKED,
    TYPES,
    Malformed,
    flat_bytes,
    raise_malformed,
)
from autograder.runner.inside.link.stream import Raw

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

# ------------------------------------------------------------------------------------
# Reading


class Decoder:
    """Read nodes and buffers; every method raises Malformed on what cannot be.

    Parameters
    ----------
    other : callable
        ``other(node, decoder)`` returns the value of a node with another tag.
    raw : stream.Raw
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
                raise_malformed("an object where a value belongs")
            return node
        if not node or type(node[0]) is not str:
            raise_malformed("a list without a tag")
        self._add(1)
        read = _READERS.get(node[0])
        if read is None:
            return self._other(node, self)
        return read(self, node)

    def finish(self) -> None:
        """Check that nothing is left over."""
        if self._raw.left:
            raise_malformed("more raw bytes than values")

    def _add(self, count: int) -> None:
        self._count += count
        if self._count > MOST_NODES * 2:
            raise_malformed("too many values in one message")

    def expect(self, size: Any) -> None:
        """Check that there are `size` more raw bytes."""
        if type(size) is not int or not 0 <= size <= self._raw.left:
            raise_malformed("a buffer of impossible length")

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
            raise_malformed("a value nested too deep")
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
            raise_malformed("a reference to nothing")
        size = self._sizes[number]
        if size is None:
            raise_malformed("a value that contains itself")
        self._add(size)  # so that references to references cannot multiply unseen
        return self.objects[number]


def _parts(node: list, count: int, *kinds: type) -> list[Any]:
    """Return the parts of a node that has `count`, all exactly of one of `kinds`."""
    if len(node) != count + 1 or (
        kinds and not all(type(part) in kinds for part in node[1:])
    ):
        raise_malformed(f"a bad {node[0][:8]!r}")
    return node[1:]


def _refuse_collisions(keys: Sequence[Any]) -> None:
    """Refuse keys that share their hashes: a dict of them takes quadratic time."""
    if len(keys) > MOST_COLLISIONS and (
        len(set(map(repr, keys))) - len(set(map(hash, keys))) > MOST_COLLISIONS
    ):
        raise_malformed("keys that share their hashes")


def _pairs(decoder: Decoder, nodes: Sequence[Any]) -> list[tuple[Any, Any]]:
    if len(nodes) % 2:
        raise_malformed("a dict with a key and no value")
    parts = decoder.items(nodes)
    keys = parts[::2]
    try:
        _refuse_collisions(keys)
    except TypeError as error:
        raise Malformed("a dict with a key that cannot be one") from error
    return list(zip(keys, parts[1::2], strict=True))


def _read_dict(make: Callable[[], dict]) -> Callable[..., Any]:
    def read(decoder: Decoder, node: list) -> Any:
        value = make()
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
        raise_malformed("a defaultdict without a factory")
    value: defaultdict = defaultdict(None)
    factory = decoder.decode(node[1])
    if factory is not None and not callable(factory):
        raise_malformed("a factory that cannot be called")
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
        _refuse_collisions(items)
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
        raise_malformed("a bad packed list")
    if size // 8 > MOST_PACKED:
        raise_malformed("too many values in one message")
    packed = array.array(code)
    packed.frombytes(decoder.take(size))
    value = packed.tolist()
    return decoder.end(decoder.begin(value), value)


def _read_deque(decoder: Decoder, node: list) -> Any:
    if len(node) < 2 or not (
        node[1] is None or (type(node[1]) is int and 0 <= node[1] < 2**31)
    ):
        raise_malformed("a bad deque")
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
        raise_malformed("a bad int")
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
    if type(text) is not str or not DTYPE.fullmatch(text):
        raise_malformed("a bad dtype")
    try:
        kind = new_dtype(text)
    except (TypeError, ValueError) as error:
        raise Malformed("a bad dtype") from error
    if kind.kind not in KINDS or not 0 <= kind.itemsize < 2**24:
        raise_malformed("a bad dtype")
    return kind


def read_shape(shape: Any) -> int:
    """Return the number of items of an array of this shape."""
    if type(shape) is not list or len(shape) > 32:
        raise_malformed("a bad shape")
    for length in shape:
        if type(length) is not int or not 0 <= length < 2**48:
            raise_malformed("a bad shape")
    return math.prod(shape)


def _checked_bits(value: np.ndarray, order: str = "C") -> np.ndarray:
    """Return an array whose items all have a bit pattern that their type allows."""
    kind = value.dtype
    if kind.kind == "b":
        return value.view(uint8) != 0
    if kind.kind == "U" and value.size and kind.itemsize:
        codes = flat_bytes(value, order).view(
            new_dtype("u4").newbyteorder(kind.byteorder)
        )
        if codes.max() > 0x10FFFF:
            raise_malformed("a text with a character that does not exist")
    return value


def _read_array(decoder: Decoder, node: list) -> Any:
    name, order, shape, size = _parts(node, 4)
    kind, count = read_dtype(name), read_shape(shape)
    if order not in ("C", "F", "c", "f") or size != count * kind.itemsize:
        raise_malformed("an array whose size is not that of its shape")
    decoder.expect(size)
    try:
        value = empty(shape, kind, order=order.upper())
        if size:
            decoder.take_into(memoryview(flat_bytes(value, order)))
            value = _checked_bits(value, order)
    except (ValueError, TypeError) as error:
        raise Malformed("an array of an impossible shape") from error
    if order.islower():
        value.flags.writeable = False
    return decoder.end(decoder.begin(value), value)


def _read_objects(decoder: Decoder, node: list) -> Any:
    if len(node) < 3:
        raise_malformed("a bad array of objects")
    order, shape = node[1:3]
    if order not in ("C", "F", "c", "f") or read_shape(shape) != len(node) - 3:
        raise_malformed("a bad array of objects")
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
            raise_malformed("a bad NumPy number")
        try:
            return kind.type(value)
        except OverflowError as error:
            raise Malformed("a NumPy number out of its range") from error
    if value != kind.itemsize:
        raise_malformed("a bad NumPy scalar")
    if not kind.itemsize:
        return kind.type()
    return _checked_bits(frombuffer(decoder.take(value), kind))[0]


def _read_type(decoder: Decoder, node: list) -> Any:
    (name,) = _parts(node, 1, str)
    if name not in TYPES:
        raise_malformed("a type that is not plain")
    return TYPES[name]


def _read_made(
    make: Callable[..., Any], count: int, *kinds: type
) -> Callable[..., Any]:
    """Return a reader that calls `make` with so many values of these types."""

    def read(decoder: Decoder, node: list) -> Any:
        if len(node) != count + 1:
            raise_malformed(f"a bad {node[0]!r}")
        parts = decoder.items(node[1:])
        if not all(type(part) in kinds for part in parts):
            raise_malformed(f"a bad {node[0]!r}")
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
    protocol.REFERENCE: lambda decoder, node: decoder.reference(*_parts(node, 1)),
    protocol.LIST: _read_list,
    protocol.PACKED: _read_packed,
    protocol.TUPLE: lambda decoder, node: tuple(decoder.items(node[1:])),
    protocol.DICT: _read_dict(dict),
    protocol.COUNTER: _read_dict(Counter),
    protocol.ORDERED_DICT: _read_ordered,
    protocol.DEFAULT_DICT: _read_defaultdict,
    protocol.SET: _read_set,
    protocol.FROZENSET: lambda decoder, node: _fill(frozenset, decoder.items(node[1:])),
    protocol.DEQUE: _read_deque,
    protocol.BYTES: lambda decoder, node: bytes(decoder.take(*_parts(node, 1))),
    protocol.BYTEARRAY: _read_bytearray,
    protocol.COMPLEX: _read_made(complex, 2, float),
    protocol.INT: _read_long,
    protocol.TEXT: _read_text,
    protocol.RANGE: _read_made(range, 3, int),
    protocol.SLICE: lambda decoder, node: slice(*decoder.items(_parts(node, 3))),
    protocol.ELLIPSIS: lambda decoder, node: (
        ... if len(node) == 1 else raise_malformed("a bad '.'")
    ),
    protocol.NOT_IMPLEMENTED: lambda decoder, node: (
        NotImplemented if len(node) == 1 else raise_malformed("a bad '!'")
    ),
    protocol.ARRAY: _read_array,
    protocol.OBJECT_ARRAY: _read_objects,
    protocol.SCALAR: _read_scalar,
    protocol.TYPE: _read_type,
    protocol.DTYPE: lambda decoder, node: read_dtype(*_parts(node, 1)),
    protocol.FRACTION: _read_made(Fraction, 2, int),
    protocol.DECIMAL: _read_made(Decimal, 1, str),
    protocol.DATE: _read_made(datetime.date, 3, int),
    protocol.TIME: _read_made(_make_time, 6, int, _NONE, datetime.timezone),
    protocol.DATETIME: _read_made(_make_time, 9, int, _NONE, datetime.timezone),
    protocol.TIMEDELTA: _read_made(
        lambda d, s, us: datetime.timedelta(d, s, us), 3, int
    ),
    protocol.TIMEZONE: _read_made(datetime.timezone, 1, datetime.timedelta),
    protocol.KEYS: lambda decoder, node: dict.fromkeys(decoder.items(node[1:])).keys(),
    protocol.VALUES: lambda decoder, node: dict(
        enumerate(decoder.items(node[1:]))
    ).values(),
    protocol.ITEMS: lambda decoder, node: dict(_pairs(decoder, node[1:])).items(),
}
