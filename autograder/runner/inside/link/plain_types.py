"""Which types cross the link as plain data or by name, and the bounds of a message."""

import builtins
import copy
import dataclasses
import datetime
import decimal
import json
import queue
import random
import re
import struct
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np
from numpy import uint8

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

MOST_NODES = 1_000_000  # containers, items of containers and long numbers of a message
MOST_PACKED = 8_000_000  # numbers in a list of floats or of ints
MOST_DEPTH = 100  # containers in containers
MOST_HEX_DIGITS = 250_000  # of one int: arithmetic with longer ones takes too long
MOST_COLLISIONS = 64  # keys of one dict or set that may share hashes


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
TYPE_NAMES = {id(kind): _name_of(kind) for kind in _PLAIN_TYPES}

NUMPY_SCALARS = {id(getattr(np, name)) for name in _SCALARS.split()}
DTYPE = re.compile(
    r"[<>|=]?[biufcUSmM]\d{0,9}"
    r"(\[\d{0,9}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as|generic)\])?"
)
KINDS = frozenset("biufcUSmM")


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


def raise_malformed(reason: str) -> NoReturn:
    """Refuse what this codec cannot have written."""
    raise Malformed(reason)


def flat_bytes(value: np.ndarray, order: str) -> np.ndarray:
    """Return the bytes of an array that lie together in this order, without a copy."""
    return (value.T if order in "Ff" else value).reshape(-1).view(uint8)
