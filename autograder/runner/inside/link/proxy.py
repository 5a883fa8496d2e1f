"""Stand-ins for the student's objects, in the checker.

A `Proxy` forwards calls, attributes and operators over its link. What the student's
side could answer as it likes is never taken for a result: comparing a proxy with plain
data, asking whether it is true or hashing it is an error in the test cell.
"""

import builtins
import inspect
import math
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from autograder.runner.inside.link.protocol import SPECIAL

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins


class Tampering(BaseException):
    """What came over the link can only come from tampering; the text is evidence."""


class SnapshotGone(BaseException):
    """The other end is gone: student code ended its process, or it was killed."""


class Refused(TypeError):
    """A test cell asked for what the student's side could answer as it likes."""


def tampering(why: str) -> NoReturn:
    """Refuse what no honest student's side sends."""
    raise Tampering(why)


# ------------------------------------------------------------------------------------
# Stand-ins


class Proxy:
    """Stands for an object of the student's."""

    __slots__ = (
        *("__weakref__", "_link_count", "_link_id", "_link_name", "_link_of"),
        "_link_tainted",
    )

    def __del__(self) -> None:
        """Tell the other end, with the next request, that the object is not needed."""
        self._link_of.released.append((self._link_id, self._link_count))

    def __getattr__(self, name: str) -> Any:
        """Ask the student's side."""
        if name.startswith(_UNASKED) or name == "__wrapped__":
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        if name == "__signature__":
            return _signature(self)
        if name == "__name__" and self._link_name is not None:
            return self._link_name
        if self._link_tainted:
            return _checked(self._link_of.ask("get", self, name), name, self)
        method = type(self)._link_methods.get(name)
        if method is not None:
            return method(self, name)
        value = self._link_of.ask("get", self, name)
        if isinstance(value, Proxy) and value._link_of.is_method(value, name):
            type(self)._link_methods[name] = _make_method(type(value))
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the student's side."""
        self._link_of.ask("put", self, name, value)
        if name == "__name__":
            put_own(self, "_link_name", None)

    def __delattr__(self, name: str) -> None:
        """Forward."""
        self._link_of.ask("cut", self, name)

    def __repr__(self) -> str:
        """Return the text that the student's side gives."""
        return _exactly(str, _operate("repr", self))

    def __str__(self) -> str:
        """Return the text that the student's side gives."""
        return _exactly(str, _operate("str", self))

    def __format__(self, spec: str) -> str:
        """Return the text that the student's side gives."""
        return _exactly(str, _operate("format", self, spec))

    def __dir__(self) -> list[str]:
        """Return the names that the student's side gives."""
        return _exactly(list, _operate("dir", self))

    def __bool__(self) -> bool:
        """Refuse: it would be the student's code that decides a test."""
        _refuse(self, "whether it is true is not decided by plain data")

    def __hash__(self) -> int:
        """Refuse for instances, which could claim to be equal to anything."""
        if type(self)._link_sort in "cfb":
            return hash(("proxy", self._link_id))
        _refuse(self, "it cannot be a key or an item of a set")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("an object of the student's process cannot be pickled")

    def __copy__(self) -> Any:
        """Return a copy made on the student's side."""
        return _operate("copy", self)

    def __deepcopy__(self, memo: Any) -> Any:
        """Return a copy made on the student's side."""
        return _operate("deepcopy", self)

    def __mro_entries__(self, bases: tuple) -> tuple:
        """Let a class statement make the class on the student's side."""
        return (_Derived,)


_UNASKED = ("__array_", "_repr_", "_ipython_", "_link_", "__pandas", "__dlpack")
get_own = object.__getattribute__
put_own = object.__setattr__


def _refuse(proxy: Proxy, why: str) -> NoReturn:
    text = (
        f"a {type(proxy).__name__} of the student's code stands here where a test needs"
        f" plain data: {why}"
    )
    proxy._link_of.refusals.append(text)
    raise Refused(text)


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        tampering(f"a {kind.__name__} was asked for, something else came")
    return value


def _operate(name: str, *operands: Any) -> Any:
    """Ask for an operation; what it was told of plain data it may not answer as data.

    Otherwise `abs(f(3) - 9) < 1e-9` would pass for an object whose difference with
    anything is 0. The result of such an operation is marked, and only an attribute or
    a method that plain data does not have leads from it to plain data again.
    """
    proxies = [part for part in operands if isinstance(part, _PROXY)]
    return proxies[0]._link_of.ask("op", name, *operands)


def _checked(value: Any, name: str, proxy: Proxy) -> Any:
    """Return what a marked proxy gave for an attribute, marked too."""
    if isinstance(value, Proxy):
        if name in _GENERIC or type(value)._link_sort not in "cfb":
            put_own(value, "_link_tainted", True)
    elif name in _GENERIC:
        _refuse(proxy, "it was computed with plain data of the test")
    return value


# NumPy calls a method of the same name where an operand is no plain data.
_DATA = (np.ndarray, float, int, complex, str, list, tuple, dict, set, bytes, np, math)
_GENERIC = {name for kind in _DATA for name in dir(kind)}
_GENERIC -= {"__class__", "__doc__", "__name__", "__qualname__", "__module__"}
_PROXY = Proxy


def _marked(name: str, *operands: Any) -> Any:
    """Forward an arithmetic operation."""
    proxies = [part for part in operands if isinstance(part, _PROXY)]
    tainted = len(proxies) < len(operands) or any(p._link_tainted for p in proxies)
    value = _operate(name, *operands)
    if tainted:
        if not isinstance(value, _PROXY):
            _refuse(proxies[0], "it was computed with plain data of the test")
        put_own(value, "_link_tainted", True)
    return value


def _taken(name: str, proxy: Proxy, *more: Any) -> Any:
    """Turn a proxy into plain data by one of Python's protocols."""
    if proxy._link_tainted:
        _refuse(proxy, "it was computed with plain data of the test")
    return _operate(name, proxy, *more)


def comparison(name: str) -> Callable[..., Any]:
    """Make a method that compares, which plain data cannot be compared by."""

    def method(self: Proxy, other: Any) -> Any:
        if name == "eq" and other is self:
            return True
        if name == "ne" and other is self:
            return False
        if not isinstance(other, _PROXY):
            _refuse(self, f"it is compared with a {type(other).__name__}")
        if self._link_tainted or other._link_tainted:
            _refuse(self, "it was computed with plain data of the test")
        return _operate(name, self, other)

    return method


def _binary(name: str) -> Callable[..., Any]:
    return lambda self, other: _marked(name, self, other)


def _reflected(name: str) -> Callable[..., Any]:
    return lambda self, other: _marked(name, other, self)


def _unary(name: str) -> Callable[..., Any]:
    return lambda self: _marked(name, self)


def _converted(name: str, kind: type) -> Callable[..., Any]:
    return lambda self: _exactly(kind, _taken(name, self))


def _call(self: Proxy, /, *args: Any, **kwargs: Any) -> Any:
    value = self._link_of.ask("call", self, args, kwargs or None)
    if self._link_tainted:
        if not isinstance(value, Proxy):
            _refuse(self, "it was computed with plain data of the test")
        put_own(value, "_link_tainted", True)
    return value


def _iterate(self: Proxy) -> Iterator[Any]:
    found = _taken("iter", self)
    if type(found) is list:
        return iter(found)
    if not isinstance(found, Proxy) or not hasattr(type(found), "__next__"):
        tampering("an iterator was asked for, something else came")
    return found


def _contains(self: Proxy, needle: Any) -> bool:
    if isinstance(needle, _PROXY):
        return _exactly(bool, _operate("contains", self, needle))
    if not hasattr(type(self), "__iter__"):
        _refuse(self, "whether it holds something is its own answer")
    return any(item is needle or item == needle for item in self)


def _as_array(self: Proxy, dtype: Any = None, copy: Any = None) -> np.ndarray:
    array = _exactly(np.ndarray, _taken("array", self))
    return array if dtype is None else array.astype(dtype)


def _leave(self: Proxy, kind: Any, value: Any, traceback: Any) -> Any:
    if value is None:
        return _operate("exit", self, None, None, None)
    if not isinstance(value, Exception):
        return False  # the end of the cell, or of the process
    handled = _operate("exit", self, type(value), value, None)
    # A failed assertion is the test's own; student code must not swallow it.
    return handled is True and not isinstance(value, AssertionError | Refused)


_ARITHMETIC = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "matmul": "matmul",
    "truediv": "truediv",
    "floordiv": "floordiv",
    "mod": "mod",
    "divmod": "divmod",
    "pow": "pow",
    "lshift": "lshift",
    "rshift": "rshift",
    "and": "and_",
    "xor": "xor",
    "or": "or_",
}
_METHODS: dict[str, Callable[..., Any]] = {
    "__call__": _call,
    "__len__": _converted("len", int),
    "__length_hint__": _converted("length_hint", int),
    "__iter__": _iterate,
    "__next__": lambda self: _taken("next", self),
    "__reversed__": lambda self: _taken("reversed", self),
    "__contains__": _contains,
    "__getitem__": lambda self, key: _taken("getitem", self, key),
    "__setitem__": lambda self, key, value: _operate("setitem", self, key, value),
    "__delitem__": lambda self, key: _operate("delitem", self, key),
    "__enter__": lambda self: _operate("enter", self),
    "__exit__": _leave,
    "__float__": _converted("float", float),
    "__int__": _converted("int", int),
    "__index__": _converted("index", int),
    "__complex__": _converted("complex", complex),
    "__round__": lambda self, *digits: _taken("round", self, *digits),
    "__trunc__": lambda self: _taken("trunc", self),
    "__floor__": lambda self: _taken("floor", self),
    "__ceil__": lambda self: _taken("ceil", self),
    "__bytes__": _converted("bytes", bytes),
    "__array__": _as_array,
    **{f"__{name}__": _unary(name) for name in ("neg", "pos", "invert", "abs")},
    **{f"__{name}__": _binary(op) for name, op in _ARITHMETIC.items()},
    **{f"__r{name}__": _reflected(op) for name, op in _ARITHMETIC.items()},
    **{
        f"__i{name}__": _binary("i" + op.rstrip("_"))
        for name, op in _ARITHMETIC.items()
        if name != "divmod"
    },
}


def _signature(proxy: Proxy) -> inspect.Signature:
    """Return the signature of a student's callable, without annotations."""
    found = _operate("signature", proxy)
    try:
        return inspect.Signature(
            [
                inspect.Parameter(
                    name,
                    inspect._ParameterKind(kind),
                    default=default if has else inspect.Parameter.empty,
                )
                for name, kind, has, default in found
            ]
        )
    except (TypeError, ValueError) as error:
        raise Tampering("a signature that cannot be one") from error


def _is_instance(cls: Any, value: Any) -> bool:
    if not isinstance(value, _PROXY):
        return False
    return _exactly(bool, _operate("isinstance", value, cls))


def _is_subclass(cls: Any, other: Any) -> bool:
    if not isinstance(other, _PROXY):
        return False
    return _exactly(bool, _operate("issubclass", other, cls))


def make_type(
    name: str, sort: str, special: list[int], aloof: bool, listed: bool
) -> type:
    """Return the type of the proxies of one of the student's types."""
    body: dict[str, Any] = {"__slots__": (), "__module__": "student"}
    body["_link_sort"] = sort
    body["_link_methods"] = {}  # by name, the type that stands for them before a call
    body["__doc__"] = property(lambda self: self._link_of.ask("get", self, "__doc__"))
    for index in special:
        body[SPECIAL[index]] = _METHODS[SPECIAL[index]]
    if listed:
        body["__array__"] = _as_array
    if aloof:
        body["__array_ufunc__"] = None
    if sort == "c":
        body["__class__"] = property(lambda self: type)
        body["__instancecheck__"] = _is_instance
        body["__subclasscheck__"] = _is_subclass
    elif sort == "f":
        body["__class__"] = property(lambda self: types.FunctionType)
    return type(name, (Proxy,), body)


class _Method:
    """A method of a student's object that is asked for when it is called.

    To ask for a method first would double what a call costs. Methods are known by an
    earlier answer: those that a plain class defines, under their own names. What else
    is done with one asks for it after all.
    """

    __slots__ = ()

    def __init__(self, owner: Proxy, name: str) -> None:
        put_own(self, "_link_of", owner._link_of)
        put_own(self, "_link_name", name)
        put_own(self, "_link_tainted", False)
        put_own(self, "_method_owner", owner)
        put_own(self, "_method_found", None)

    def __del__(self) -> None:
        """Do nothing: what was found tells of its own end."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if self._link_tainted:
            return _call(self, *args, **kwargs)
        return self._link_of.ask(
            "method", self._method_owner, self._link_name, args, kwargs or None
        )

    @property
    def _link_id(self) -> int:
        if self._method_found is None:
            name = self._link_name
            found = self._link_of.ask("get", self._method_owner, name)
            if not isinstance(found, Proxy):
                raise AttributeError(f"{name!r} is no method any more")
            put_own(self, "_method_found", found)
        return self._method_found._link_id


def _make_method(cls: type) -> type:
    """Return the type of methods that are asked for when they are called."""
    body = {"__slots__": ("_method_found", "_method_owner"), "__module__": "student"}
    body["__doc__"] = cls.__dict__["__doc__"]  # the student's, not that above
    return type(cls.__name__, (_Method, cls), body)


# ------------------------------------------------------------------------------------
# Exceptions


class StudentClass(type):
    """The type of exception classes that stand for the student's."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the exception on the student's side."""
        if "_link_id" not in cls.__dict__:
            return super().__call__(*args, **kwargs)  # a test cell's own subclass
        link, number = cls._link_of, cls._link_id
        value = link.ask("call", Reference(number), args, kwargs or None)
        if not isinstance(value, cls):
            tampering("an exception was asked for, something else came")
        return value

    def __getattr__(cls, name: str) -> Any:
        """Ask the student's side."""
        if name.startswith("_"):
            raise AttributeError(f"{cls.__name__} has no attribute {name!r}")
        return cls._link_of.ask("get", Reference(cls._link_id), name)


class StudentError:
    """What the exceptions of the student's classes have in common."""

    _link_text: str | None = None
    _link_own: int | None = None

    def __str__(self) -> str:
        """Return the text that the student's side gave."""
        if self._link_text is None:
            return super().__str__()
        return self._link_text

    def __getattr__(self, name: str) -> Any:
        """Ask the student's side."""
        if name.startswith("_") or self._link_own is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return type(self)._link_of.ask("get", Reference(self._link_own), name)


class Reference:
    """Names a handle without a proxy."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        """Name the handle `number`."""
        self.number = number


# ------------------------------------------------------------------------------------
# Classes that a test cell derives from a student's


class _Derive(type):
    """Makes a class on the student's side whose methods are a test cell's."""

    def __new__(
        cls, name: str, bases: tuple, body: dict[str, Any], **options: Any
    ) -> Any:
        if "__orig_bases__" not in body:
            return super().__new__(cls, name, bases, body)
        originals = body.pop("__orig_bases__")
        cell = body.pop("__classcell__", None)
        link = next(base._link_of for base in originals if isinstance(base, Proxy))
        if options:
            raise TypeError(f"class {name}: options cannot cross to the student's side")
        body.pop("__annotations__", None)
        parts = [(key, *_member(value)) for key, value in body.items()]
        made = link.ask("derive", name, tuple(originals), parts)
        if cell is not None:
            cell.cell_contents = made
        return made


def _member(value: Any) -> tuple[str, Any]:
    """Return what a member of a class body is, and what it is made of."""
    if isinstance(value, staticmethod | classmethod):
        return type(value).__name__, value.__func__
    if isinstance(value, property):
        return "property", (value.fget, value.fset, value.fdel, value.__doc__)
    return "", value


class _Derived(metaclass=_Derive):
    """The base that stands for a student's class in a class statement."""


class _Super:
    """`super` for the methods of classes derived from a student's."""

    def __call__(self, *given: Any) -> Any:
        if not given:
            frame = sys._getframe(1)
            code, names = frame.f_code, frame.f_locals
            if "__class__" not in names or not code.co_argcount:
                raise RuntimeError("super(): no arguments")
            given = names["__class__"], names[code.co_varnames[0]]
        if isinstance(given[0], Proxy):
            return _Above(_operate("super", *given))
        return builtins.super(*given)


class _Above:
    """What `super()` gives in such a method: each name is asked for on the other side.

    A proxy cannot do this, since it has an `__init__` of its own.
    """

    __slots__ = ("_above",)

    def __init__(self, above: Proxy) -> None:
        self._above = above

    def __getattribute__(self, name: str) -> Any:
        above = get_own(self, "_above")
        return above._link_of.ask("get", above, name)


SUPER = _Super()
