"""The trusted end of the link: test cells run here, the student's names live elsewhere.

A test cell's globals are a `Namespace`: what it does not hold itself it asks a snapshot
of the student's process for. Plain data comes by value. Everything else comes as a
`Proxy`, a stand-in that forwards calls, attributes and operators; what the student's
side could answer as it likes is never taken for a result: comparing a proxy with plain
data, asking whether it is true or hashing it is an error in the test cell.

Nothing that comes over the link is trusted: each frame is checked, and what no honest
student's side sends raises `Tampering`, which a test cell cannot catch by
`except Exception`. `Namespace.fault` keeps it if a bare `except` does.
"""

import builtins
import contextlib
import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import io
import math
import os
import random
import re
import sys
import sysconfig
import types
import weakref
from collections.abc import Callable, Collection, Iterator
from typing import Any, NoReturn

import numpy as np

from autograder.runner import traces, values, wire
from autograder.runner.served import MOST_NESTING, SPECIAL

_IPYTHON = re.compile(r"_+|_i*\d*|_[iod]h|In|Out")  # a shell's own names, at both ends
_AUTHORED = frozenset({"Incorrect", "NotAttempted"})  # names that carry our messages
_MOST_NAME = 200
# The global generators of `numpy.random` and `random`, by number, and what seeds them.
# A test may draw its inputs from them: until it has seeded one itself, the student's
# side gets our state and we do not take theirs, which they could choose.
_GLOBAL = {0: (np.random, ("seed", "set_state")), 1: (random, ("seed", "setstate"))}


class Tampering(BaseException):
    """What came over the link can only come from tampering; the text is evidence."""


class SnapshotGone(BaseException):
    """The other end is gone: student code ended its process, or it was killed."""


class Refused(TypeError):
    """A test cell asked for what the student's side could answer as it likes."""


def _tampering(why: str) -> NoReturn:
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
            _put(self, "_link_name", None)

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
_get = object.__getattribute__
_put = object.__setattr__


def _refuse(proxy: Proxy, why: str) -> NoReturn:
    text = (
        f"a {type(proxy).__name__} of the student's code stands here where a test needs"
        f" plain data: {why}"
    )
    proxy._link_of.refusals.append(text)
    raise Refused(text)


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        _tampering(f"a {kind.__name__} was asked for, something else came")
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
            _put(value, "_link_tainted", True)
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
        _put(value, "_link_tainted", True)
    return value


def _taken(name: str, proxy: Proxy, *more: Any) -> Any:
    """Turn a proxy into plain data by one of Python's protocols."""
    if proxy._link_tainted:
        _refuse(proxy, "it was computed with plain data of the test")
    return _operate(name, proxy, *more)


def _comparison(name: str) -> Callable[..., Any]:
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


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Proxy, f"__{_name}__", _comparison(_name))


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
        _put(value, "_link_tainted", True)
    return value


def _iterate(self: Proxy) -> Iterator[Any]:
    found = _taken("iter", self)
    if type(found) is list:
        return iter(found)
    if not isinstance(found, Proxy) or not hasattr(type(found), "__next__"):
        _tampering("an iterator was asked for, something else came")
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


def _make_type(
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
        _put(self, "_link_of", owner._link_of)
        _put(self, "_link_name", name)
        _put(self, "_link_tainted", False)
        _put(self, "_method_owner", owner)
        _put(self, "_method_found", None)

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
            _put(self, "_method_found", found)
        return self._method_found._link_id


def _make_method(cls: type) -> type:
    """Return the type of methods that are asked for when they are called."""
    body = {"__slots__": ("_method_found", "_method_owner"), "__module__": "student"}
    body["__doc__"] = cls.__dict__["__doc__"]  # the student's, not that above
    return type(cls.__name__, (_Method, cls), body)


# ------------------------------------------------------------------------------------
# Exceptions


class _StudentClass(type):
    """The type of exception classes that stand for the student's."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "_link_id" not in cls.__dict__:
            return super().__call__(*args, **kwargs)  # a test cell's own subclass
        link, number = cls._link_of, cls._link_id
        value = link.ask("call", _Reference(number), args, kwargs or None)
        if not isinstance(value, cls):
            _tampering("an exception was asked for, something else came")
        return value

    def __getattr__(cls, name: str) -> Any:
        """Ask the student's side."""
        if name.startswith("_"):
            raise AttributeError(f"{cls.__name__} has no attribute {name!r}")
        return cls._link_of.ask("get", _Reference(cls._link_id), name)


class _StudentError:
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
        return type(self)._link_of.ask("get", _Reference(self._link_own), name)


class _Reference:
    """Names a handle without a proxy."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


# ------------------------------------------------------------------------------------
# The link to one snapshot


class Link:
    """Asks one snapshot, and answers what it calls back."""

    def __init__(
        self,
        descriptor: int,
        modules: Collection[str],
        on_output: Any,
        unseeded: Collection[int] = (),
    ) -> None:
        """Begin to talk over a connected socket."""
        self._unseeded = unseeded
        self._stream = wire.Stream(descriptor)
        self._modules = frozenset(modules)
        self._on_output = on_output
        self._proxies: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
        self._types: dict[int, type] = {}
        self._errors: dict[int, type] = {}  # handles of exception classes
        self._methods: set[int] = set()  # handles of methods of plain classes
        self._lent: dict[int, Any] = {}  # what the other end may call, by number
        self._lent_numbers: dict[int, int] = {}
        self._raised: dict[int, BaseException] = {}
        self._generators = values.Generators(2)
        self._idle: list[int] = []  # generators that only the other end may still hold
        self._depth = 0
        self.released: list[tuple[int, int]] = []
        self.refusals: list[str] = []
        self.fault: BaseException | None = None
        self.closed = False

    def close(self) -> None:
        """End the link; its proxies are dead."""
        self.closed = True
        self._stream.close()
        self._lent.clear()

    # -- asking

    def ask(self, operation: str, *arguments: Any) -> Any:
        """Send a request, answer callbacks meanwhile, and return the result.

        Raises
        ------
        Tampering, SnapshotGone
            If what comes cannot be, or nothing can come any more.
        """
        self._check()
        encoder = values.Encoder(self._write_other)
        nodes = encoder.items(arguments)
        passed = list(encoder.objects)
        frame = self._pack([operation, nodes], encoder)
        self._depth += 1
        try:
            self._stream.send(frame)
            kind, value = self._wait(passed)
        except wire.Closed as error:
            raise self._broken(SnapshotGone("the student's process is gone")) from error
        except (wire.WireError, values.Malformed) as error:
            raise self._broken(Tampering(str(error))) from error
        except BaseException as error:
            self._broken(error)
            raise
        finally:
            self._depth -= 1
        if kind == "v":
            return value
        if isinstance(value, KeyboardInterrupt):
            self._broken(value)  # the cell's time is over, whatever it catches
        raise value

    def _pack(self, parts: list[Any], encoder: values.Encoder) -> list[Any]:
        """Return a frame that also tells what was dropped and drawn meanwhile."""
        sync = self._generators.write(encoder)
        self._idle += self._generators.unused(sys.getrefcount)
        dropped = [self.released, self._idle]
        try:
            frame = self._stream.pack([*parts, dropped, sync], encoder.buffers)
        except wire.TooLarge as error:
            self._generators.undo()
            raise values.TooMuch(str(error)) from error
        self.released, self._idle = [], []
        return frame

    def _check(self) -> None:
        if self.closed:
            raise RuntimeError(
                "this object lived in the student's process of an earlier test cell;"
                " a test cell can use only what it asked for itself"
            )
        if self.fault is not None:
            raise self.fault

    def _broken(self, error: BaseException) -> BaseException:
        """Note that the two ends may be out of step, so that nothing more is asked."""
        if self.fault is None:
            self.fault = error
        return error

    def _wait(self, objects: list[Any]) -> tuple[str, Any]:
        while True:
            message, raw = self._stream.receive()
            if type(message) is not list or not message:
                _tampering("a message that is no list")
            kind = message[0]
            if kind in ("v", "e") and len(message) == 4:
                return self._finish(message, raw, objects)
            if kind == "o" and len(message) == 3:
                self._show(*message[1:])
            elif kind == "m" and len(message) == 2:
                self._display(message[1], raw)
            elif kind in ("k", "n") and len(message) == 5:
                self._call_back(message, raw)
            else:
                _tampering("a message of an unknown kind")

    def _finish(
        self, message: list, raw: wire.Raw, objects: list[Any]
    ) -> tuple[str, Any]:
        kind, changes, node, sync = message
        try:
            decoder = values.Decoder(self._read_other, raw, objects)
            contents = self._read_changes(changes, decoder, len(objects))
            if kind == "v":
                value = decoder.decode(node)
            else:
                value = self._read_error(node, decoder)
            self._generators.read(sync, decoder, but=self._unseeded)
            decoder.finish()
        except Exception as error:
            raise _misread(error) from error
        for old, new in contents:
            values.put_back(old, new)
        return kind, value

    @staticmethod
    def _read_changes(changes: Any, decoder: values.Decoder, count: int) -> list[Any]:
        if type(changes) is not list or len(changes) > count:
            _tampering("changes of arguments that cannot be")
        contents = []
        for change in changes:
            if type(change) is not list or len(change) != 2:
                _tampering("changes of arguments that cannot be")
            number, node = change
            if type(number) is not int or not 0 <= number < count:
                _tampering("a change of an argument that was not passed")
            contents.append((decoder.objects[number], decoder.decode(node)))
        return contents

    def _show(self, stream: Any, text: Any) -> None:
        if type(text) is not str or stream not in ("stdout", "stderr"):
            _tampering("an output that cannot be")
        (sys.stdout if stream == "stdout" else sys.stderr).write(text)

    def _display(self, node: Any, raw: wire.Raw) -> None:
        try:
            decoder = values.Decoder(self._read_other, raw)
            message = decoder.decode(node)
            decoder.finish()
        except Exception as error:
            raise _misread(error) from error
        if type(message) is not dict or not _is_json(message):
            _tampering("a display that cannot be")
        if self._on_output is not None and _is_display(message):
            self._on_output(message)

    # -- answering

    def _call_back(self, message: list, raw: wire.Raw) -> None:
        """Call something of the test cell's for the student's code."""
        if self._depth > MOST_NESTING * 2:
            _tampering("functions call each other too deep")
        kind, number, *nodes, sync = message
        try:
            decoder = values.Decoder(self._read_other, raw)
            args, kwargs = decoder.items(nodes)
            passed = list(decoder.objects)
            self._generators.read(sync, decoder, but=self._unseeded)
            decoder.finish()
        except Exception as error:
            raise _misread(error) from error
        kwargs = {} if kwargs is None else kwargs
        if type(number) is not int or number not in self._lent:
            _tampering("a call of a function that was not passed")
        if type(args) is not tuple or type(kwargs) is not dict:
            _tampering("a call without arguments")
        if not all(type(name) is str for name in kwargs):
            _tampering("a call with an argument that has no name")
        lent = self._lent[number]
        if isinstance(lent, _Lent) != (kind == "n"):
            _tampering("an iterator that was called, or a function that was iterated")
        before = [values.snapshot(part) for part in passed]
        try:
            value = next(lent.items) if kind == "n" else lent(*args, **kwargs)
            self._reply("v", value, passed, before)
        except StopIteration as error:
            self._reply("z" if kind == "n" else "e", error, passed, before)
        except Exception as error:
            self._reply("e", error, passed, before)

    def _reply(self, kind: str, value: Any, passed: list, before: list) -> None:
        encoder = values.Encoder(self._write_other, passed)
        changes = [
            [i, encoder.contents(part)]
            for i, part in enumerate(passed)
            if values.has_changed(part, before[i])
        ]
        node = None
        if kind == "v":
            node = encoder.encode(value)
        elif kind == "e":
            node = self._write_error(value, encoder)
        self._stream.send(self._pack([kind, changes, node], encoder))

    def _write_error(self, error: BaseException, encoder: values.Encoder) -> list[Any]:
        """Tell the other end what was raised; it is kept, to come back as it is."""
        if isinstance(error, _StudentError) and error._link_own is not None:
            return [0, None, encoder.encode(()), "", error._link_own]
        number = len(self._raised)
        self._raised[number] = error
        name, base = "", type(error)
        while _full_name(base) not in values.EXCEPTIONS:
            name, base = type(error).__name__, base.__base__
        text, arguments = str(error), error.args
        if isinstance(error, AssertionError):
            text, arguments = "", ()  # what a test says may name what it expects
        try:
            values.Encoder(_no_other).encode(arguments)
        except Exception:
            arguments = (text,)
        kind = [name, _full_name(base)]
        return [number, kind, encoder.encode(arguments), text, None]

    # -- what is no plain data, going out

    def _write_other(self, value: Any, encoder: values.Encoder) -> Any:
        kind = type(value)
        if issubclass(kind, Proxy):
            if value._link_of is not self:
                value._link_of._check()
                raise TypeError("an object of another student's process")
            return ["h", value._link_id]
        if kind is _Reference:
            return ["h", value.number]
        if values.can_track(value):
            number = self._generators.number(value)
            return ["G", number, self._generators.kind(number)]
        if issubclass(kind, _StudentClass):
            return ["h", value._link_id]
        if issubclass(kind, BaseException):
            return ["e", *self._write_error(value, encoder)]
        if issubclass(kind, types.ModuleType):
            if kind is StudentModule or is_installed(value.__name__):
                return ["M", value.__name__]
        elif issubclass(kind, Iterator) and not issubclass(kind, io.IOBase):
            return ["it", self._lend(value, _Lent)]
        elif callable(value):
            if (
                issubclass(kind, type)
                and values.EXCEPTIONS.get(_full_name(value)) is value
            ):
                return ["X", _full_name(value)]
            name = public_name(value)
            if name is not None:
                return ["q", *name]
            called = getattr(value, "__name__", None)
            called = called[:_MOST_NAME] if type(called) is str else kind.__name__
            return ["f", self._lend(value, lambda value: value), called]
        raise TypeError(
            f"a {kind.__name__} of the test cell cannot be passed to the student's"
            " code; pass numbers, strings, arrays, containers of them, or functions"
        )

    def _lend(self, value: Any, wrap: Callable[[Any], Any]) -> int:
        number = self._lent_numbers.get(id(value))
        if number is None:
            number = self._lent_numbers[id(value)] = len(self._lent)
            self._lent[number] = wrap(value)
        return number

    # -- and coming in

    def _read_other(self, node: list, decoder: values.Decoder) -> Any:
        tag, count = node[0], len(node)
        if tag in ("h", "m") and count in (4, 5):
            if tag == "m":
                self._methods.add(_number(node[1]))
            return self._read_handle(*node[1:])
        if tag == "G" and count == 3:
            return self._generators.get(*node[1:])
        if tag in ("f", "it") and count == 2:
            lent = self._lent.get(node[1]) if type(node[1]) is int else None
            if lent is None:
                _tampering("a function that was not passed")
            return lent.items if isinstance(lent, _Lent) else lent
        if tag in ("X", "x"):
            return self._read_exception_class(node)
        if tag == "xi" and count in (3, 6):
            return self._read_error(node[1:], decoder)
        if tag == "M" and count == 3:
            return self._read_module(node[1], node[2], decoder)
        _tampering(f"a value of the unknown kind {str(tag)[:20]!r}")

    def _read_handle(self, number: Any, kind: Any, name: Any, new: Any = None) -> Proxy:
        _number(number)
        if name is not None:
            _text(name)
        cls = self._types.get(_number(kind))
        if new is not None:
            if cls is not None:
                _tampering("a type that was described twice")
            cls = self._types[kind] = self._read_type(new)
        if cls is None:
            _tampering("a type that was not described")
        proxy = self._proxies.get(number)
        if proxy is None:
            proxy = cls.__new__(cls)
            _put(proxy, "_link_of", self)
            _put(proxy, "_link_id", number)
            _put(proxy, "_link_count", 0)
            _put(proxy, "_link_name", name)
            _put(proxy, "_link_tainted", False)
            self._proxies[number] = proxy
        _put(proxy, "_link_count", proxy._link_count + 1)
        return proxy

    @staticmethod
    def _read_type(new: Any) -> type:
        if type(new) is not list or len(new) != 5:
            _tampering("a description of a type that cannot be")
        name, sort, special, aloof, listed = new
        _text(name)
        if sort not in ("i", "c", "f", "b") or type(special) is not list:
            _tampering("a description of a type that cannot be")
        for index in special:
            if type(index) is not int or not 0 <= index < len(SPECIAL):
                _tampering("a description of a type that cannot be")
        return _make_type(name, sort, special, aloof is True, listed is True)

    def _read_module(self, name: Any, node: Any, decoder: values.Decoder) -> Any:
        _text(name)
        value = decoder.decode(node)
        if name.partition(".")[0] in self._modules:
            return importlib.import_module(name)
        if is_installed(name) or _is_found(name):
            return importlib.import_module(name)
        return value

    def _read_exception_class(self, node: Any) -> type:
        if type(node) is list and len(node) == 2 and node[0] == "X":
            found = values.EXCEPTIONS.get(node[1]) if type(node[1]) is str else None
            if found is None:
                _tampering("an exception that is not known")
            return found
        if type(node) is not list or len(node) != 4 or node[0] != "x":
            _tampering("an exception that cannot be")
        number, name, bases = _number(node[1]), _text(node[2]), node[3]
        if number in self._errors:
            return self._errors[number]
        if type(bases) is not list or not 0 < len(bases) < 20:
            _tampering("an exception that cannot be")
        parents = tuple(self._read_exception_class(base) for base in bases)
        if name in _AUTHORED:
            name = f"Student{name}"
        if not any(issubclass(parent, _StudentError) for parent in parents):
            parents = (_StudentError, *parents)
        body = {"_link_of": self, "_link_id": number, "__module__": "student"}
        try:
            made = _StudentClass(name, parents, body)
        except TypeError as error:
            raise Tampering("an exception that cannot be") from error
        self._errors[number] = made
        return made

    def _read_error(self, node: Any, decoder: values.Decoder) -> BaseException:
        if type(node) is not list:
            _tampering("an exception that cannot be")
        if len(node) == 2 and node[0] == "k":
            found = self._raised.get(node[1]) if type(node[1]) is int else None
            if found is None:
                _tampering("an exception that was not raised")
            return found
        if len(node) != 5 or type(node[2]) is not str or type(node[4]) is not str:
            _tampering("an exception that cannot be")
        error = self._make_error(node, decoder)
        error._link_where = node[4][: traces.MOST_TEXT]
        return error

    def _make_error(self, node: Any, decoder: values.Decoder) -> BaseException:
        kind = self._read_exception_class(node[0])
        arguments = decoder.decode(node[1])
        if type(arguments) is not tuple:
            _tampering("an exception that cannot be")
        if issubclass(kind, _StudentError):
            error = kind.__new__(kind)
            error.args = arguments
            error._link_text = node[2]
            error._link_own = _number(node[3])
            return error
        try:
            return kind(*arguments)
        except Exception:
            pass  # its arguments are not those that it was made with
        try:
            error = kind.__new__(kind)
        except TypeError:
            return RuntimeError(f"{kind.__name__}: {node[2]}")
        error.args = (node[2],)
        return error

    def is_method(self, proxy: Proxy, name: str) -> bool:
        """Return whether it is a method that a plain class defines under this name."""
        return proxy._link_id in self._methods and proxy._link_name == name

    # -- names of the snapshot

    def name(self, name: str) -> tuple[Any] | None:
        """Return the value of a student's name in a tuple, or None."""
        found = self.ask("name", name)
        if found is not None and (type(found) is not tuple or len(found) != 1):
            raise self._broken(Tampering("a name was asked for, something else came"))
        return found

    def names(self) -> list[str]:
        """Return the names that the student's side has."""
        found = self.ask("names")
        if type(found) is not list or not all(type(name) is str for name in found):
            raise self._broken(Tampering("names were asked for, something else came"))
        return found


def _misread(error: Exception) -> Exception:
    """Return what an error means that reading a message raised: it is malformed."""
    if isinstance(error, values.Malformed | MemoryError | wire.Closed):
        return error
    return values.Malformed(f"a message that raises {type(error).__name__} when read")


class _Lent:
    """An iterator that the other end may advance."""

    __slots__ = ("items",)

    def __init__(self, items: Iterator[Any]) -> None:
        self.items = items


def _no_other(value: Any, encoder: values.Encoder) -> NoReturn:
    raise TypeError("not plain data")


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        _tampering("a number of a handle that cannot be")
    return value


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > _MOST_NAME or "\0" in value:
        _tampering("a name that cannot be")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Tampering("a name that cannot be") from error
    return value


def _is_json(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str for key in value) and _is_json(list(value.values()))
    if type(value) is list:
        return all(_is_json(item) for item in value)
    return value is None or type(value) in (bool, int, float, str)


def _is_display(message: dict) -> bool:
    """Return whether student code may show this: a result could be partial credit."""
    if message.get("t") == "clear":
        return True
    output = message.get("output")
    return (
        message.get("t") == "output"
        and type(output) is dict
        and output.get("output_type") == "display_data"
        and type(output.get("data")) is dict
        and type(output.get("metadata")) is dict
    )


# ------------------------------------------------------------------------------------
# What both sides have


def _full_name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


_FOLDERS = tuple(
    os.path.join(os.path.realpath(path), "")
    for path in {
        sysconfig.get_path(name)
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    if path
)


@functools.cache
def is_installed(name: str) -> bool:
    """Return whether a loaded module is the interpreter's or an installed package's."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if spec is None or name.partition(".")[0] in ("__main__", "autograder"):
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    return isinstance(spec.origin, str) and os.path.realpath(spec.origin).startswith(
        _FOLDERS
    )


def _is_found(name: str) -> bool:
    """Return whether a module is the checker's own, loaded or not."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def public_name(value: Any) -> list[str] | None:
    """Return module and name under which an installed module has `value`, or None."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if type(name) is not str:
        return None
    module = getattr(value, "__module__", None)
    for place in (module, "numpy", "numpy.random", "scipy.special"):
        found = sys.modules.get(place) if type(place) is str else None
        if found is None or not is_installed(place):
            continue
        for attempt in {name, name.rpartition(".")[2]}:
            if _walk(found, attempt) is value:
                return [place, attempt]
    return None


def _walk(value: Any, names: str) -> Any:
    for name in names.split("."):
        value = getattr(value, name, None)
    return value


# ------------------------------------------------------------------------------------
# Modules of the student's side


class _Late:
    """What `from dp import Model` binds before there is a snapshot to ask: nothing."""


_LATE = _Late()


class StudentModule(types.ModuleType):
    """A module that lives on the student's side, whichever snapshot there is now."""

    def __getattr__(self, name: str) -> Any:
        """Ask the student's side."""
        link = _get(self, "_link_namespace").link
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        if link is None:
            return [] if name == "__all__" else _LATE
        module = link.ask("module", self.__name__)
        return link.ask("get", module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the student's side."""
        link = self.__dict__.get("_link_namespace")
        if link is None or name.startswith("__") or isinstance(value, StudentModule):
            super().__setattr__(name, value)
        else:
            owner = link.link
            if owner is None:
                raise RuntimeError("there is no student's process to set a name in")
            owner.ask("put", owner.ask("module", self.__name__), name, value)


class _Finder:
    """Finds the modules of the student's side for `import`."""

    def __init__(self, namespace: "Namespace", modules: Collection[str]) -> None:
        self._namespace = namespace
        self._modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] not in self._modules:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        module = StudentModule(spec.name)
        module.__dict__["_link_namespace"] = self._namespace
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: what is in it is asked for when it is needed."""


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
        above = _get(self, "_above")
        return above._link_of.ask("get", above, name)


# ------------------------------------------------------------------------------------
# The names of a test cell


def _watch(
    number: int, module: Any, name: str, unseeded: set[int]
) -> Callable[[], None]:
    """Note when a global generator is seeded; return what ends that."""
    plain = getattr(module, name)

    @functools.wraps(plain)
    def seed(*args: Any, **options: Any) -> Any:
        unseeded.discard(number)
        return plain(*args, **options)

    setattr(module, name, seed)
    return lambda: setattr(module, name, plain)


class Namespace(dict):
    """The globals of test cells: their own names, then the student's.

    Parameters
    ----------
    answers : collection of str
        Names bound by the instructor's other cells; they are the student's even where a
        builtin has the name too.
    student_modules : collection of str
        Top-level modules that live on the student's side.
    on_output : callable, optional
        Gets the message of each display of student code.
    """

    def __init__(
        self,
        answers: Collection[str] = (),
        student_modules: Collection[str] = (),
        on_output: Callable[[dict], None] | None = None,
    ) -> None:
        """Begin without a snapshot."""
        super().__init__(__builtins__=_Builtins(self))
        self._answers = frozenset(n for n in answers if not _IPYTHON.fullmatch(n))
        self._modules = frozenset(student_modules)
        self._on_output = on_output
        self._dead: set[str] = set()
        self.link: Link | None = None
        self._last: Link | None = None
        for name in [*sys.modules]:
            if name.partition(".")[0] in self._modules:
                del sys.modules[name]
        self._finder = _Finder(self, self._modules)
        if self._modules:
            sys.meta_path.insert(0, self._finder)
        self._unseeded: set[int] = set()
        self._undo = [
            _watch(number, module, name, self._unseeded)
            for number, (module, names) in _GLOBAL.items()
            for name in names
        ]

    @property
    def fault(self) -> BaseException | None:
        """What ended the talk with the last snapshot before its time, or None.

        Look at it after each test cell: a bare `except` in the cell may have caught it.
        """
        return self._last and self._last.fault

    @property
    def refusals(self) -> list[str]:
        """What the last test cell asked of student objects that they may not decide."""
        return self._last.refusals if self._last else []

    def attach(self, link: int) -> None:
        """Begin a test cell: names fall back to the snapshot at the other end."""
        if self.link is not None:
            raise RuntimeError("a test cell is running already; detach it first")
        self._unseeded |= set(_GLOBAL)
        self.link = self._last = Link(
            link, self._modules, self._on_output, self._unseeded
        )

    def detach(self) -> None:
        """End a test cell: what it got from the snapshot is dead from now on."""
        if self.link is None:
            return
        link, self.link = self.link, None
        for name, value in list(dict.items(self)):
            if isinstance(value, Proxy | _StudentClass | _StudentError) or (
                value is _SUPER
            ):
                dict.__delitem__(self, name)
                self._dead.add(name)
        link.close()

    def close(self) -> None:
        """Take the student's modules out of `import` again."""
        self.detach()
        while self._undo:
            self._undo.pop()()
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        for name, module in list(sys.modules.items()):
            if isinstance(module, StudentModule):
                del sys.modules[name]

    def __missing__(self, name: Any) -> Any:
        """Return a builtin or, on demand, a value of the student's."""
        if type(name) is not str or name.startswith("__"):
            raise KeyError(name)
        if name not in self._answers and name in _BUILTINS:
            return _SUPER if name == "super" else _BUILTINS[name]
        if self.link is None or _IPYTHON.fullmatch(name):
            raise KeyError(name)
        found = self.link.name(name)
        if found is None:
            if name in _BUILTINS:
                return _BUILTINS[name]
            if name in self._dead:
                raise NameError(
                    f"name {name!r} held an object of the student's process of an"
                    " earlier test cell; a test cell can use only what it asked for"
                    " itself"
                )
            raise KeyError(name)
        return found[0]

    def __setitem__(self, name: Any, value: Any) -> None:
        """Bind a name here, and there too if it is an answer.

        Only answers: a student who had bound `expected` could read it there otherwise.
        """
        if value is _LATE:
            return
        if self.link is not None and name in self._answers:
            # What cannot cross is the test's own affair.
            with contextlib.suppress(TypeError, values.TooMuch):
                self.link.ask("set", name, value)
        dict.__setitem__(self, name, value)

    def __delitem__(self, name: Any) -> None:
        """Delete a name wherever it exists."""
        mine = dict.__contains__(self, name)
        if self.link is not None and name in self._answers:
            try:
                self.link.ask("delete", name)
            except NameError:
                if not mine:
                    raise KeyError(name) from None
        elif not mine:
            raise KeyError(name)
        if mine:
            dict.__delitem__(self, name)

    def __contains__(self, name: Any) -> bool:
        """Return whether the name exists here or there."""
        if dict.__contains__(self, name):
            return True
        if type(name) is not str or name.startswith("__") or self.link is None:
            return False
        if _IPYTHON.fullmatch(name):
            return False
        return self.link.name(name) is not None

    def get(self, name: Any, default: Any = None) -> Any:
        """Return the value of a name, or `default`."""
        try:
            return self[name]
        except (KeyError, NameError):
            return default

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the names here, then over those there."""
        yield from list(dict.__iter__(self))
        if self.link is not None:
            for name in self.link.names():
                if not dict.__contains__(self, name) and not name.startswith("_"):
                    yield name

    def keys(self) -> Any:
        """Return the names, the student's too."""
        return [*iter(self)]


class _Builtins(dict):
    """What the interpreter looks into after a namespace, as a last resort.

    In the body of a class it looks into the globals as a plain dict, past
    `Namespace.__missing__`, but asks this.
    """

    def __init__(self, namespace: Namespace) -> None:
        """Hold what the interpreter takes from here without asking."""
        super().__init__(
            __import__=builtins.__import__, __build_class__=builtins.__build_class__
        )
        self._namespace = namespace

    def __missing__(self, name: Any) -> Any:
        """Return a builtin or, on demand, a value of the student's."""
        if type(name) is str and name.startswith("__"):
            return _BUILTINS[name]
        return self._namespace.__missing__(name)


_BUILTINS = vars(builtins)
_SUPER = _Super()
