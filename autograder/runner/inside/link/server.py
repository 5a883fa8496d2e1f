"""The student's end of the link: answers the checker's requests in a snapshot.

The checker holds numbers in place of the student's objects (handles) and asks for what
it needs: a name, a call, an attribute. Plain data crosses by value (see `encode`). A
function that the checker passes arrives as one that has the checker call it, an
iterator as one that asks the checker for each item.

The checker cannot trust this end, since the student's code shares the process. Honest
code may replace functions of NumPy and of the standard library, so this module binds
what it needs when it is imported.
"""

import _signal
import builtins
import copy
import importlib
import inspect
import math
import operator
import os
import signal
import threading
import types
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar

import numpy as np

from autograder.runner.inside import tracebacks
from autograder.runner.inside.link import (
    decode,
    encode,
    generators,
    plain_types,
    protocol,
    stream,
)
from autograder.runner.inside.link.changes import has_changed, put_back, snapshot
from autograder.runner.inside.link.protocol import MOST_NESTING, OPERATORS, SPECIAL

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

_ANSWERS = (protocol.RESULT, protocol.FAILURE, protocol.EXHAUSTED)
_STREAM_BYTES = 32768
_MOST_TEXT = 1 << 20  # of an exception or a repr

_CONTAINERS = {
    kind: kind.__iter__ for kind in (list, tuple, dict, set, frozenset, deque, str)
}


def _iterate(value: Any) -> Any:
    """Return an iterator, or at once the list of what a container holds."""
    for kind, method in _CONTAINERS.items():
        if isinstance(value, kind) and type(value).__iter__ is method:
            return [part for part in method(value)]
    return iter(value)


def _as_array(value: Any) -> Any:
    array = _asarray(value)
    if array.dtype.char == "O":
        raise TypeError(f"a {type(value).__name__} is no array of plain data")
    return array


_asarray = np.asarray
_signature = inspect.signature
_import = importlib.import_module
_where_raised = tracebacks.where_raised
_on_signal = _signal.signal  # that of `signal` looks builtins up


def _plain_signature(value: Any) -> list[Any]:
    """Return name, kind, and default of each parameter, as plain data."""
    return [
        (
            parameter.name,
            int(parameter.kind),
            parameter.default is not inspect.Parameter.empty,
            None if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for parameter in _signature(value).parameters.values()
    ]


def _short_repr(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "..."


# What OPERATE applies, by name.
OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in OPERATORS},
    "divmod": divmod,
    "len": len,
    "iter": _iterate,
    "next": next,
    "reversed": reversed,
    "enter": lambda value: type(value).__enter__(value),
    "exit": lambda value, *error: type(value).__exit__(value, *error),
    "float": float,
    "int": int,
    "complex": complex,
    "round": round,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "bytes": bytes,
    "array": _as_array,
    "repr": _short_repr,
    "str": lambda value: str.__str__(str(value))[:_MOST_TEXT],
    "format": lambda value, spec: str.__str__(format(value, spec))[:_MOST_TEXT],
    "dir": lambda value: [str(name) for name in dir(value)],
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "isinstance": isinstance,
    "issubclass": issubclass,
    "signature": _plain_signature,
    "super": super,
}


class _Items:
    """Stands for an iterator of the checker's."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask

    def __iter__(self) -> "_Items":
        return self

    def __next__(self) -> Any:
        return self._ask()


class LinkServer:
    """Answers the checker over a socket.

    It serves as the shell's channel too: what student code prints or displays while it
    is called goes to the checker, before the answer.

    Parameters
    ----------
    link : int
        A connected AF_UNIX stream socket.
    namespace : dict
        The student's names.
    student_modules : collection of str
        Top-level modules that live on this side, so that they cross as objects.
    cell_of : callable
        Names the cell of a file name, for tracebacks; see `tracebacks.where_raised`.
    """

    def __init__(
        self,
        link: int,
        namespace: dict,
        student_modules: Collection[str] = (),
        cell_of: Callable[[str], tuple[str, str] | None] = lambda file: None,
    ) -> None:
        """Begin with nothing handed out."""
        self._cell_of = cell_of
        self._stream = stream.Stream(link)
        self._namespace = namespace
        self._student_modules = frozenset(student_modules)
        self._owner = os.getpid()
        self._thread = threading.get_ident()
        self._lock = threading.RLock()
        self._text: list[tuple[str, str]] = []
        self._size = 0
        self._handles: dict[int, list[Any]] = {}  # number -> [object, times sent]
        self._numbers: dict[int, int] = {}  # id of the object -> number
        self._next = 0
        self._kinds: dict[int, tuple[type, int]] = {}  # id of a type -> it, its number
        self._fresh: list[int] = []  # ids of the types first described just now
        self._foreign: dict[int, tuple[Any, str, int]] = {}  # id -> it, tag, number
        self._stubs: dict[int, Any] = {}  # number of the checker's -> what calls it
        self._generators = generators.Generators(3)
        self._answering = False
        self._running = False  # the student's code is, so an interrupt may be raised
        self._interrupted = False
        self._nesting = 0

    # -- what is printed and displayed

    def write(self, stream: str, text: str) -> None:
        """Send `text` of the stream "stdout" or "stderr", before the next answer."""
        if os.getpid() != self._owner:  # a fork must not write frames between ours
            os.write(1 if stream == "stdout" else 2, text.encode("utf-8", "replace"))
            return
        with self._lock:
            self._text.append((stream, text))
            self._size += len(text)
        if self._size > _STREAM_BYTES:
            self.flush()

    def send(self, message: dict) -> None:
        """Send a display of student code, after the text that is still waiting."""
        if not self._may_send():
            return
        self.flush()
        encoder = encode.Encoder(self._write_other)
        self._emit([protocol.DISPLAY, encoder.encode(message)], encoder.buffers)

    def flush(self) -> None:
        """Send the text that is still waiting."""
        if not self._may_send():
            return
        with self._lock:
            waiting, self._text, self._size = self._text, [], 0
        joined: list[tuple[str, list[str]]] = []
        for name, text in waiting:
            if not joined or joined[-1][0] != name:
                joined.append((name, []))
            joined[-1][1].append(text)
        for name, texts in joined:
            text = "".join(texts)
            for start in range(0, len(text), _STREAM_BYTES):
                self._emit([protocol.OUTPUT, name, text[start : start + _STREAM_BYTES]])

    def _may_send(self) -> bool:
        return (
            self._answering
            and os.getpid() == self._owner
            and threading.get_ident() == self._thread
        )

    def _emit(self, parts: list[Any], buffers: Sequence[Any] = ()) -> None:
        """Send a frame that is no answer; an interrupt waits until it is out."""
        running, self._running = self._running, False
        try:
            self._stream.send(self._stream.pack(parts, buffers))
        finally:
            self._running = running
        if running and self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt

    # -- the loop

    def serve(self) -> None:
        """Answer requests until the other end closes."""
        self._thread = threading.get_ident()
        _on_signal(signal.SIGINT, self._interrupt)
        while True:
            try:
                request, raw = self._stream.receive()
            except stream.Closed:
                return
            self._answer(request, raw)

    def _interrupt(self, *_: object) -> None:
        if self._running and os.getpid() == self._owner:
            self._interrupted = False
            raise KeyboardInterrupt
        self._interrupted = True

    def _answer(self, request: list, raw: stream.Raw) -> None:
        """Do what a request asks for, and send the result or what was raised."""
        answering, self._answering = self._answering, True
        self._interrupted = False
        decoder = decode.Decoder(self._read_other, raw)
        tag, value, passed, before = protocol.FAILURE, None, [], []
        try:
            try:
                operation, arguments, dropped, sync = request
                parts = decoder.items(arguments)
                passed = list(decoder.objects)
                self._generators.read(sync, decoder)
                decoder.finish()
                self._drop(dropped)
                before = [snapshot(part) for part in passed]
                do = self._requests[operation]
                self._running = True
                value = do(self, *parts)
                tag = protocol.RESULT
            finally:
                self._running = False
        except BaseException as error:
            self._running = False
            tag, value = protocol.FAILURE, error
        if os.getpid() != self._owner:
            os._exit(0)  # a fork of the student's code must not answer too
        try:
            self.flush()
            frame = self._pack_answer(tag, value, passed, before)
            if self._interrupted:
                raise KeyboardInterrupt
        except stream.Closed:
            return
        except BaseException as error:
            self._forget_fresh()
            frame = self._pack_answer(protocol.FAILURE, error, [], [])
        self._fresh.clear()
        self._answering = answering
        try:
            self._stream.send(frame)
        except stream.Closed:
            return

    def _pack_answer(
        self, tag: str, value: Any, passed: list, before: list
    ) -> list[Any]:
        """Return the frame of an answer, with what has changed meanwhile."""
        encoder = encode.Encoder(self._write_other, passed)
        changes = [
            [i, encoder.contents(part)]
            for i, part in enumerate(passed)
            if has_changed(part, before[i])
        ]
        if tag == protocol.RESULT:
            node = encoder.encode(value)
        else:
            node = self._write_error(value, encoder)
        sync = self._generators.write(encoder)
        try:
            return self._stream.pack([tag, changes, node, sync], encoder.buffers)
        except stream.TooLarge as error:
            raise plain_types.TooMuch(str(error)) from error

    def _forget_fresh(self) -> None:
        """Describe once more, later, what a message was to say that was not sent."""
        for kind in self._fresh:
            self._kinds.pop(kind, None)
        self._fresh.clear()
        self._generators.undo()

    # -- what is no plain data

    def _handle(self, value: Any) -> int:
        """Return the number of an object, which is kept until the checker drops it."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = self._next
            self._next += 1
            self._handles[number] = [value, 0]
        self._handles[number][1] += 1
        return number

    def _drop(self, dropped: list) -> None:
        """Forget objects and generators that the checker no longer holds."""
        handles, generators = dropped
        for number in generators:
            self._generators.forget(number)
        for number, count in handles:
            entry = self._handles[number]
            entry[1] -= count
            if entry[1] <= 0:
                del self._handles[number]
                del self._numbers[id(entry[0])]

    def _write_other(self, value: Any, encoder: encode.Encoder) -> Any:
        """Return the node of a value that is no plain data."""
        foreign = self._foreign.get(id(value))
        if foreign is not None and foreign[1] != protocol.OWN_ERROR:
            return [foreign[1], foreign[2]]
        if generators.can_track(value):
            number = self._generators.number(value)
            return [protocol.GENERATOR, number, self._generators.kind(number)]
        if isinstance(value, type) and issubclass(value, BaseException):
            return self._write_exception_class(value)
        if isinstance(value, BaseException):
            return [protocol.STUDENT_ERROR, *self._write_error(value, encoder)]
        if isinstance(value, types.ModuleType):
            name = str(value.__name__)
            if name.partition(".")[0] in self._student_modules:
                return [
                    protocol.MODULE,
                    name,
                    None,
                ]  # the checker has a stand-in by that name
            return [protocol.MODULE, name, self._write_handle(value)]
        return self._write_handle(value)

    def _write_handle(self, value: Any) -> list[Any]:
        """Return the node of a handle, with its type's description if that is new."""
        kind = type(value)
        is_method = kind is _METHOD and _is_plain_method(value)
        tag = protocol.METHOD if is_method else protocol.HANDLE
        number = self._handle(value)
        known = self._kinds.get(id(kind))
        if known is not None:
            return [tag, number, known[1], self._name(value)]
        self._kinds[id(kind)] = kind, self._next
        self._next += 1
        self._fresh.append(id(kind))
        return [tag, number, self._next - 1, self._name(value), self._describe(kind)]

    @staticmethod
    def _name(value: Any) -> str | None:
        if isinstance(value, (*_ROUTINES, type)):
            name = getattr(value, "__name__", None)
            return name[:200] if type(name) is str else None
        return None

    @staticmethod
    def _describe(kind: type) -> list[Any]:
        """Return what `proxy.make_type` needs to know of a type."""
        found = {}
        for base in reversed(kind.__mro__):
            found.update(base.__dict__)
        special = [i for i, name in enumerate(SPECIAL) if found.get(name) is not None]
        sort = protocol.INSTANCE
        if issubclass(kind, type):
            sort = protocol.CLASS
        elif issubclass(kind, types.FunctionType):
            sort = protocol.PYTHON_FUNCTION
        elif issubclass(kind, _ROUTINES):
            sort = protocol.ROUTINE
        no_ufuncs = "__array_ufunc__" in found and found["__array_ufunc__"] is None
        is_sequence = {"__len__", "__getitem__"} <= found.keys()
        is_sequence = is_sequence and sort == protocol.INSTANCE
        return [kind.__name__[:200], sort, special, no_ufuncs, is_sequence]

    def _write_exception_class(self, value: type) -> list[Any]:
        name = f"{value.__module__}.{value.__qualname__}"
        if plain_types.EXCEPTIONS.get(name) is value:
            return [protocol.KNOWN_CLASS, name]
        bases = [
            self._write_exception_class(base)
            for base in value.__bases__
            if issubclass(base, BaseException)
        ]
        number, name = self._handle(value), value.__name__[:200]
        return [protocol.STUDENT_CLASS, number, name, bases]

    def _write_error(self, error: BaseException, encoder: encode.Encoder) -> list[Any]:
        """Return the fields of an exception."""
        foreign = self._foreign.get(id(error))
        if foreign is not None:
            return [protocol.OWN_ERROR, foreign[2]]
        kind = self._write_exception_class(type(error))
        try:
            text = str(error)[:_MOST_TEXT]
        except Exception:
            text = f"<{type(error).__name__} that cannot be printed>"
        buffers, count = len(encoder.buffers), len(encoder.objects)
        try:
            arguments = encoder.encode(tuple(error.args))
        except Exception:
            if len(encoder.buffers) != buffers or len(encoder.objects) != count:
                raise
            arguments = encoder.encode((text,))
        number = self._handle(error) if kind[0] == protocol.STUDENT_CLASS else None
        try:
            where = _where_raised(error.__traceback__, self._cell_of)
        except Exception:
            where = ""
        return [kind, arguments, text, number, where]

    def _read_other(self, node: list, decoder: decode.Decoder) -> Any:
        """Return the value of a node that is no plain data."""
        return self._readers[node[0]](self, decoder, *node[1:])

    def _read_public(self, decoder: decode.Decoder, module: str, names: str) -> Any:
        """Return what both ends find under a name in an installed module."""
        value = _import(module)
        for name in names.split("."):
            value = getattr(value, name)
        return value

    # -- what calls back

    def _stub(self, decoder: decode.Decoder, number: int, name: str) -> Any:
        """Return the function that has the checker call one of its own."""

        def stub(*args: Any, **kwargs: Any) -> Any:
            return self._call_back(protocol.CALL_BACK, number, args, kwargs)

        if number not in self._stubs:
            stub.__name__ = stub.__qualname__ = name
            self._stubs[number] = stub
            self._foreign[id(stub)] = (stub, protocol.FUNCTION, number)
        return self._stubs[number]

    def _iterator(self, decoder: decode.Decoder, number: int) -> Any:
        """Return the iterator that has the checker advance one of its own."""
        if number not in self._stubs:
            items = _Items(lambda: self._call_back(protocol.ADVANCE, number, (), {}))
            self._stubs[number] = items
            self._foreign[id(items)] = (items, protocol.ITERATOR, number)
        return self._stubs[number]

    def _call_back(self, tag: str, number: int, args: tuple, kwargs: dict) -> Any:
        """Have the checker call or advance what it has passed; return what comes."""
        if not self._answering or threading.get_ident() != self._thread:
            raise RuntimeError("this function can be called only while a test waits")
        if os.getpid() != self._owner:
            raise RuntimeError("this function cannot be called in another process")
        if self._nesting >= MOST_NESTING:
            raise RecursionError("functions call each other too deep")
        running, self._running = self._running, False
        self._nesting += 1
        try:
            self.flush()
            encoder = encode.Encoder(self._write_other)
            try:
                nodes = [encoder.encode(args), encoder.encode(kwargs or None)]
                passed = list(encoder.objects)
                sync = self._generators.write(encoder)
                frame = self._stream.pack([tag, number, *nodes, sync], encoder.buffers)
            except BaseException:
                self._forget_fresh()
                raise
            self._fresh.clear()
            self._stream.send(frame)
            value = self._wait(passed)
        except stream.Closed:
            os._exit(0)
        finally:
            self._nesting -= 1
            self._running = running
        if running and self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt
        return value

    def _wait(self, objects: list[Any]) -> Any:
        """Wait for the checker's result; answer what it asks meanwhile."""
        while True:
            message, raw = self._stream.receive()
            if message[0] not in _ANSWERS:
                interrupted = self._interrupted
                self._answer(message, raw)
                self._interrupted |= interrupted
                self._answering = True
                continue
            tag, changes, node, dropped, sync = message
            decoder = decode.Decoder(self._read_other, raw, objects)
            contents = [(objects[i], decoder.decode(new)) for i, new in changes]
            value = None
            if tag == protocol.RESULT:
                value = decoder.decode(node)
            elif tag == protocol.FAILURE:
                value = self._read_error(node, decoder)
            self._generators.read(sync, decoder)
            decoder.finish()
            self._drop(dropped)
            for old, new in contents:
                put_back(old, new)
            if tag == protocol.RESULT:
                return value
            raise StopIteration if tag == protocol.EXHAUSTED else value

    def _read_test_error(self, decoder: decode.Decoder, *error: Any) -> BaseException:
        return self._read_error(error, decoder)

    def _read_error(
        self, node: Sequence[Any], decoder: decode.Decoder
    ) -> BaseException:
        """Return an exception that stands for one of the checker's."""
        number, kind, arguments, text, own = node
        arguments = decoder.decode(arguments)
        if own is not None:
            return self._handles[own][0]
        name, base = kind
        cls = plain_types.EXCEPTIONS[base]
        if name:
            cls = type(name, (cls,), {"__str__": lambda self: text})
        try:
            error = cls(*arguments)
        except Exception:
            error = cls.__new__(cls)
            error.args = (text,)
        self._foreign[id(error)] = (error, protocol.OWN_ERROR, number)
        return error

    _readers: ClassVar[dict[str, Callable[..., Any]]] = {
        protocol.HANDLE: lambda self, decoder, number: self._handles[number][0],
        protocol.GENERATOR: lambda self, decoder, number, kind: self._generators.get(
            number, kind
        ),
        protocol.PUBLIC: _read_public,
        protocol.MODULE: lambda self, decoder, name: _import(name),
        protocol.KNOWN_CLASS: lambda self, decoder, name: plain_types.EXCEPTIONS[name],
        protocol.TEST_ERROR: _read_test_error,
        protocol.FUNCTION: _stub,
        protocol.ITERATOR: _iterator,
    }

    # -- the requests

    def _name_value(self, name: str) -> Any:
        try:
            return (self._namespace[name],)
        except KeyError:
            return None

    def _names(self) -> list[str]:
        return [name for name in dict.keys(self._namespace) if type(name) is str]

    def _set_name(self, name: str, value: Any) -> None:
        self._namespace[name] = value

    def _delete_name(self, name: str) -> None:
        if name not in self._namespace:
            raise NameError(f"name {name!r} is not defined")
        del self._namespace[name]

    def _derive(self, name: str, bases: tuple, parts: list) -> type:
        makers = {"staticmethod": staticmethod, "classmethod": classmethod}
        body = {}
        for key, kind, part in parts:
            if kind == "property":
                part = property(*part)
            body[key] = makers[kind](part) if kind in makers else part
        return types.new_class(name, bases, {}, lambda space: space.update(body))

    _requests: ClassVar[dict[str, Callable[..., Any]]] = {
        protocol.GET_NAME: _name_value,
        protocol.LIST_NAMES: _names,
        protocol.SET_NAME: _set_name,
        protocol.DELETE_NAME: _delete_name,
        protocol.CALL: lambda self, function, args, kwargs: function(
            *args, **(kwargs or {})
        ),
        protocol.CALL_METHOD: lambda self, value, name, args, kwargs: getattr(
            value, name
        )(*args, **(kwargs or {})),
        protocol.GET: lambda self, value, name: getattr(value, name),
        protocol.PUT: lambda self, value, name, new: setattr(value, name, new),
        protocol.CUT: lambda self, value, name: delattr(value, name),
        protocol.OPERATE: lambda self, name, *parts: OPERATIONS[name](*parts),
        protocol.IMPORT: lambda self, name: _import(name),
        protocol.DERIVE: _derive,
    }


def _is_plain_method(value: Any) -> bool:
    """Return whether to look a method up when it is called makes no difference.

    It makes none if a class defines the method under its own name, and does not look
    attributes up in a way of its own.
    """
    owner, function = value.__self__, value.__func__
    if type(function) is not _FUNCTION or isinstance(owner, type):
        return False
    cls = type(owner)
    if cls.__getattribute__ is not object.__getattribute__:
        return False
    for base in cls.__mro__:
        if function.__name__ in base.__dict__:
            return base.__dict__[function.__name__] is function
    return False


_METHOD, _FUNCTION = types.MethodType, types.FunctionType
_ROUTINES = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    np.ufunc,
)
