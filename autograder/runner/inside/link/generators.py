"""Random generators, whose states are kept equal at both ends.

Each end has a twin of every generator that has crossed. With each message an end sends
the states that have changed since they were last equal. To find these it compares
fingerprints, since some states take long to ask for.
"""

import array
import builtins
import ctypes
import random
import struct
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy import dtype as new_dtype
from numpy import frombuffer

from autograder.runner.inside.link.decode import Decoder
from autograder.runner.inside.link.encode import Encoder
from autograder.runner.inside.link.plain_types import Malformed, raise_malformed

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

# ------------------------------------------------------------------------------------
# States as tuples of plain data, and back

_WORDS = 624  # of the Mersenne twister's state


def _int_in(value: Any, top: int) -> int:
    if type(value) is not int or not 0 <= value < top:
        raise_malformed("a bad state of a generator")
    return value


def _words(data: Any, count: int, kind: type) -> np.ndarray:
    if type(data) is not bytes or len(data) != count * new_dtype(kind).itemsize:
        raise_malformed("a bad state of a generator")
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
        raise_malformed("a bad state of a generator")
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


# ------------------------------------------------------------------------------------
# One generator, by its kind
#
# `fingerprint` returns a value that differs once the state has changed, `state` the
# state as a tuple of plain data, and `restore` sets the state and returns its
# fingerprint.


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

    def fingerprint(self) -> Any:
        if self._memory is not None:
            return self._memory.raw
        return self._pack(self._bits.state)

    def state(self) -> tuple:
        return self._pack(self._bits.state)

    def restore(self, state: list[Any]) -> Any:
        new = self._unpack(*state)
        new["bit_generator"] = self.name
        self._bits.state = new
        return tuple(state) if self._memory is None else self.fingerprint()


class _Legacy:
    """A `np.random.RandomState`."""

    name = "RandomState"

    def __init__(self, value: np.random.RandomState) -> None:
        self.value = value
        self._memory = _twister_memory(value._bit_generator.ctypes.state_address)
        self._gauss: tuple | None = None
        self.fingerprint()

    def fingerprint(self) -> Any:
        # NumPy keeps a second normal draw for later, outside of this memory. A draw is
        # kept only when the memory changes; one that is kept can be used up alone.
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
            raise_malformed("a bad state of a generator")
        words = _words(key, _WORDS, np.uint32)
        pos, has = _int_in(pos, _WORDS + 1), _int_in(has, 2)
        _set_legacy(self.value, ("MT19937", words, pos, has, cached))
        return self.fingerprint()


class _Standard:
    """A `random.Random`."""

    name = "Random"

    def __init__(self, value: random.Random) -> None:
        self.value = value
        self._memory = None
        if _MEMORY_IS_KNOWN:
            self._memory = _twister_memory(id(value) + object.__basicsize__)

    def fingerprint(self) -> Any:
        if self._memory is None:
            return _get_standard(self.value)
        return self._memory.raw, self.value.gauss_next

    def state(self) -> tuple:
        _, words, gauss = _get_standard(self.value)
        return array.array("I", words).tobytes(), gauss

    def restore(self, state: list[Any]) -> Any:
        data, gauss = state
        if type(data) is not bytes or len(data) != 4 * (_WORDS + 1):
            raise_malformed("a bad state of a generator")
        if gauss is not None and type(gauss) is not float:
            raise_malformed("a bad state of a generator")
        words = array.array("I", data)
        _int_in(words[-1], _WORDS + 1)
        _set_standard(self.value, (3, tuple(words), gauss))
        return self.fingerprint()


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
    """Return whether `value` is a generator whose twin can be kept equal."""
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


# ------------------------------------------------------------------------------------
# All of a link


class Generators:
    """The generators of one end of a link, by the numbers that both ends use.

    Numbers 0 and 1 are the global generators of `numpy.random` and of `random`. One end
    gives even numbers, the other odd ones, so that they never choose the same.

    Parameters
    ----------
    first : int
        The first number that this end gives, 2 or 3.
    """

    def __init__(self, first: int) -> None:
        """Begin with the two global generators, which are taken to be equal."""
        self._next = first
        self._trackers: dict[int, Any] = {}
        self._fingerprints: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._sent: list[Any] = []
        self._spare: dict[str, Any] = {}  # no longer used, one of each kind
        self._put(0, _Legacy(np.random.mtrand._rand))
        self._put(1, _Standard(random._inst))

    def _put(self, number: int, tracker: Any) -> None:
        self._trackers[number] = tracker
        self._fingerprints[number] = tracker.fingerprint()
        self._numbers[id(tracker.value)] = number

    def number(self, value: Any) -> int:
        """Return the number of a generator, which is tracked from now on."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._next
            self._next += 2
            self._put(number, _TRACKERS[id(type(value))](value))
            self._fingerprints[number] = None
        return number

    def kind(self, number: int) -> str:
        """Return the kind of the generator with this number."""
        return self._trackers[number].name

    def get(self, number: Any, kind: Any) -> Any:
        """Return the generator with this number, new if the other end numbered it."""
        tracker = self._trackers.get(_int_in(number, 2**53))
        if tracker is None:
            if number % 2 == self._next % 2:
                raise_malformed("a generator that does not exist")
            if kind not in _BIT_TYPES and kind not in ("RandomState", "Random"):
                raise_malformed("a generator of an unknown kind")
            tracker = self._spare.pop(kind, None)
            if tracker is None:
                value = _new_generator(kind)
                tracker = _TRACKERS[id(type(value))](value)
            self._put(number, tracker)
        if tracker.name != kind:
            raise_malformed("a generator that changed its kind")
        return tracker.value

    def changes(self) -> list[Any]:
        """Return number and state of each generator whose twin is no longer equal."""
        changed: list[Any] = []
        for number, tracker in self._trackers.items():
            now = tracker.fingerprint()
            if now != self._fingerprints[number]:
                self._fingerprints[number] = now
                changed.append((number, *tracker.state()))
        self._sent = changed
        return changed

    def write(self, encoder: Encoder) -> Any:
        """Return the node of the changes; None if there are none."""
        changes = self.changes()
        return encoder.encode(changes) if changes else None

    def read(self, node: Any, decoder: Decoder, but: Collection[int] = ()) -> None:
        """Set the states that the other end wrote, see `apply`."""
        if node is not None:
            self.apply(decoder.decode(node), but)

    def undo(self) -> None:
        """Note that the last changes were not sent after all."""
        for change in self._sent:
            self._fingerprints[change[0]] = None

    def apply(self, changes: Any, but: Collection[int] = ()) -> None:
        """Set the states that the other end sent, `but` those of some numbers."""
        if type(changes) is not list:
            raise_malformed("bad states of generators")
        for change in changes:
            if type(change) is not tuple or not change:
                raise_malformed("bad states of generators")
            number, *state = change
            tracker = self._trackers.get(_int_in(number, 2**53))
            if tracker is None:
                raise_malformed("bad states of generators")
            if number in but:  # checked all the same, on a twin
                twin = _new_generator(tracker.name)
                tracker = _TRACKERS[id(type(twin))](twin)
            try:
                now = tracker.restore(state)
            except (TypeError, ValueError, OverflowError) as error:
                raise Malformed("a bad state of a generator") from error
            if number not in but:
                self._fingerprints[number] = now

    def forget(self, number: Any) -> None:
        """Stop tracking a generator that the other end has dropped."""
        tracker = self._trackers.pop(number, None)
        if tracker is not None and number > 1:
            del self._fingerprints[number]
            del self._numbers[id(tracker.value)]

    def unused(self, references: Callable[[Any], int]) -> list[int]:
        """Forget the generators that nothing else here refers to; return which."""
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
