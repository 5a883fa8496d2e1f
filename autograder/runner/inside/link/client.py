"""The checker's end of the link, which trusts nothing that the other end sends.

A test cell's globals are a `Namespace`, which asks a snapshot of the student's process
for each name that the test has not bound. Plain data arrives by value, everything else
as a `Proxy`.

Each frame is checked against the table of messages. What no honest student's side sends
raises `Tampering`, which a test cell cannot catch by `except Exception`; if it does by
a bare `except`, `Namespace.fault` still holds it.
"""

import builtins
import importlib
import importlib.machinery
import importlib.util
import io
import sys
import types
import weakref
from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar, NoReturn

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
from autograder.runner.inside.link.modules import (
    StudentModule,
    full_name,
    is_found,
    is_installed,
    public_name,
)
from autograder.runner.inside.link.protocol import MOST_NESTING, SPECIAL, lengths
from autograder.runner.inside.link.proxy import (
    Proxy,
    Reference,
    SnapshotGone,
    StudentClass,
    StudentError,
    Tampering,
    make_type,
    put_own,
    raise_tampering,
)

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

_MOST_NAME = 200
_SORTS = (
    *(protocol.INSTANCE, protocol.CLASS),
    *(protocol.PYTHON_FUNCTION, protocol.ROUTINE),
)
_EXCEPTION_CLASSES = (protocol.KNOWN_CLASS, protocol.STUDENT_CLASS)


# How long each message and node of the other end may be, by its tag.
_MESSAGES, _OBJECTS = (
    {
        tag: lengths(row.snapshot)
        for tag, row in table.items()
        if row.snapshot is not None
    }
    for table in (protocol.MESSAGES, protocol.OBJECTS)
)
_ANSWERS = _RESULT, _FAILURE = protocol.RESULT, protocol.FAILURE


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
        self._stream = stream.Stream(descriptor)
        self._modules = frozenset(modules)
        self._on_output = on_output
        self._proxies: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
        self._types: dict[int, type] = {}
        self._errors: dict[int, type] = {}  # handles of exception classes
        self._methods: set[int] = set()  # handles of methods of plain classes
        self._callbacks: dict[int, Any] = {}  # what the other end may call back
        self._callback_numbers: dict[int, int] = {}
        self._raised: dict[int, BaseException] = {}
        self._generators = generators.Generators(2)
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
        self._callbacks.clear()

    # -- asking

    def ask(self, operation: str, *arguments: Any) -> Any:
        """Send a request, answer callbacks meanwhile, and return the result.

        Raises
        ------
        Tampering, SnapshotGone
            If what comes cannot be, or nothing can come any more.
        """
        self._check()
        encoder = encode.Encoder(self._write_other)
        nodes = encoder.items(arguments)
        passed = list(encoder.objects)
        frame = self._pack([operation, nodes], encoder)
        self._depth += 1
        try:
            self._stream.send(frame)
            kind, value = self._wait(passed)
        except stream.Closed as error:
            raise self._broken(SnapshotGone("the student's process is gone")) from error
        except (stream.BadFrame, plain_types.Malformed) as error:
            raise self._broken(Tampering(str(error))) from error
        except BaseException as error:
            self._broken(error)
            raise
        finally:
            self._depth -= 1
        if kind == _RESULT:
            return value
        if isinstance(value, KeyboardInterrupt):
            self._broken(value)  # the cell's time is over, whatever it catches
        raise value

    def _pack(self, parts: list[Any], encoder: encode.Encoder) -> list[Any]:
        """Return a frame that also says what was dropped and drawn meanwhile."""
        sync = self._generators.write(encoder)
        self._idle += self._generators.unused(sys.getrefcount)
        dropped = [self.released, self._idle]
        try:
            frame = self._stream.pack([*parts, dropped, sync], encoder.buffers)
        except stream.TooLarge as error:
            self._generators.undo()
            raise plain_types.TooMuch(str(error)) from error
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
        """Keep the error that ended the link: the two ends may be out of step."""
        if self.fault is None:
            self.fault = error
        return error

    def _wait(self, objects: list[Any]) -> tuple[str, Any]:
        """Receive messages until one ends the request; return its tag and its value."""
        while True:
            message, raw = self._stream.receive()
            if type(message) is not list or not message:
                raise_tampering("a message that is no list")
            tag = message[0]
            if type(tag) is not str or len(message) not in _MESSAGES.get(tag, ()):
                raise_tampering("a message of an unknown kind")
            if tag in _ANSWERS:
                return self._finish(message, raw, objects)
            self._handlers[tag](self, message, raw)

    def _finish(
        self, message: list, raw: stream.Raw, objects: list[Any]
    ) -> tuple[str, Any]:
        """Take the changes of the objects in a request; return tag and value."""
        tag, changes, node, sync = message
        try:
            decoder = decode.Decoder(self._read_other, raw, objects)
            contents = self._read_changes(changes, decoder, len(objects))
            if tag == _RESULT:
                value = decoder.decode(node)
            else:
                value = self._read_error(node, decoder)
            self._generators.read(sync, decoder, but=self._unseeded)
            decoder.finish()
        except Exception as error:
            raise _misread(error) from error
        for old, new in contents:
            put_back(old, new)
        return tag, value

    @staticmethod
    def _read_changes(changes: Any, decoder: decode.Decoder, count: int) -> list[Any]:
        if type(changes) is not list or len(changes) > count:
            raise_tampering("changes of arguments that cannot be")
        contents = []
        for change in changes:
            if type(change) is not list or len(change) != 2:
                raise_tampering("changes of arguments that cannot be")
            number, node = change
            if type(number) is not int or not 0 <= number < count:
                raise_tampering("a change of an argument that was not passed")
            contents.append((decoder.objects[number], decoder.decode(node)))
        return contents

    def _show(self, message: list, raw: stream.Raw) -> None:
        """Write text of student code to this process's stdout or stderr."""
        _, stream, text = message
        if type(text) is not str or stream not in ("stdout", "stderr"):
            raise_tampering("an output that cannot be")
        (sys.stdout if stream == "stdout" else sys.stderr).write(text)

    def _display(self, message: list, raw: stream.Raw) -> None:
        """Pass on a display of student code."""
        try:
            decoder = decode.Decoder(self._read_other, raw)
            display = decoder.decode(message[1])
            decoder.finish()
        except Exception as error:
            raise _misread(error) from error
        if type(display) is not dict or not _is_json(display):
            raise_tampering("a display that cannot be")
        if self._on_output is not None and _is_display(display):
            self._on_output(display)

    # -- answering

    def _call_back(self, message: list, raw: stream.Raw) -> None:
        """Call something of the test cell's for the student's code."""
        if self._depth > MOST_NESTING * 2:
            raise_tampering("functions call each other too deep")
        tag, number, *nodes, sync = message
        try:
            decoder = decode.Decoder(self._read_other, raw)
            args, kwargs = decoder.items(nodes)
            passed = list(decoder.objects)
            self._generators.read(sync, decoder, but=self._unseeded)
            decoder.finish()
        except Exception as error:
            raise _misread(error) from error
        kwargs = {} if kwargs is None else kwargs
        if type(number) is not int or number not in self._callbacks:
            raise_tampering("a call of a function that was not passed")
        if type(args) is not tuple or type(kwargs) is not dict:
            raise_tampering("a call without arguments")
        if not all(type(name) is str for name in kwargs):
            raise_tampering("a call with an argument that has no name")
        called = self._callbacks[number]
        if isinstance(called, _Iterator) != (tag == protocol.ADVANCE):
            raise_tampering(
                "an iterator that was called, or a function that was iterated"
            )
        before = [snapshot(part) for part in passed]
        try:
            if tag == protocol.ADVANCE:
                value = next(called.items)
            else:
                value = called(*args, **kwargs)
            self._reply(_RESULT, value, passed, before)
        except StopIteration as error:
            ended = tag == protocol.ADVANCE
            self._reply(
                protocol.EXHAUSTED if ended else _FAILURE, error, passed, before
            )
        except Exception as error:
            self._reply(_FAILURE, error, passed, before)

    def _reply(self, tag: str, value: Any, passed: list, before: list) -> None:
        """Send what a function or an iterator of the test cell has given or raised."""
        encoder = encode.Encoder(self._write_other, passed)
        changes = [
            [i, encoder.contents(part)]
            for i, part in enumerate(passed)
            if has_changed(part, before[i])
        ]
        node = None
        if tag == _RESULT:
            node = encoder.encode(value)
        elif tag == _FAILURE:
            node = self._write_error(value, encoder)
        self._stream.send(self._pack([tag, changes, node], encoder))

    _handlers: ClassVar[dict[str, Callable[..., None]]] = {
        protocol.CALL_BACK: _call_back,
        protocol.ADVANCE: _call_back,
        protocol.OUTPUT: _show,
        protocol.DISPLAY: _display,
    }

    def _write_error(self, error: BaseException, encoder: encode.Encoder) -> list[Any]:
        """Return the fields of an exception, which is kept: it may come back."""
        if isinstance(error, StudentError) and error._link_own is not None:
            return [0, None, encoder.encode(()), "", error._link_own]
        number = len(self._raised)
        self._raised[number] = error
        name, base = "", type(error)
        while full_name(base) not in plain_types.EXCEPTIONS:
            name, base = type(error).__name__, base.__base__
        text, arguments = str(error), error.args
        if isinstance(error, AssertionError):
            text, arguments = "", ()  # what a test says may name what it expects
        try:
            encode.Encoder(_no_other).encode(arguments)
        except Exception:
            arguments = (text,)
        kind = [name, full_name(base)]
        return [number, kind, encoder.encode(arguments), text, None]

    # -- what is no plain data, going out

    def _write_other(self, value: Any, encoder: encode.Encoder) -> Any:
        """Return the node of a value that is no plain data."""
        kind = type(value)
        if issubclass(kind, Proxy):
            if value._link_of is not self:
                value._link_of._check()
                raise TypeError("an object of another student's process")
            return [protocol.HANDLE, value._link_id]
        if kind is Reference:
            return [protocol.HANDLE, value.number]
        if generators.can_track(value):
            number = self._generators.number(value)
            return [protocol.GENERATOR, number, self._generators.kind(number)]
        if issubclass(kind, StudentClass):
            return [protocol.HANDLE, value._link_id]
        if issubclass(kind, BaseException):
            return [protocol.TEST_ERROR, *self._write_error(value, encoder)]
        if issubclass(kind, types.ModuleType):
            if kind is StudentModule or is_installed(value.__name__):
                return [protocol.MODULE, value.__name__]
        elif issubclass(kind, Iterator) and not issubclass(kind, io.IOBase):
            return [protocol.ITERATOR, self._keep_callback(value, _Iterator)]
        elif callable(value):
            return self._write_callable(value)
        raise TypeError(
            f"a {kind.__name__} of the test cell cannot be passed to the student's"
            " code; pass numbers, strings, arrays, containers of them, or functions"
        )

    def _write_callable(self, value: Any) -> list[Any]:
        """Return the node of what the other end has too, or will call back."""
        kind = type(value)
        if (
            issubclass(kind, type)
            and plain_types.EXCEPTIONS.get(full_name(value)) is value
        ):
            return [protocol.KNOWN_CLASS, full_name(value)]
        name = public_name(value)
        if name is not None:
            return [protocol.PUBLIC, *name]
        called = getattr(value, "__name__", None)
        called = called[:_MOST_NAME] if type(called) is str else kind.__name__
        number = self._keep_callback(value, lambda value: value)
        return [protocol.FUNCTION, number, called]

    def _keep_callback(self, value: Any, wrap: Callable[[Any], Any]) -> int:
        """Keep what the other end may call back; return its number."""
        number = self._callback_numbers.get(id(value))
        if number is None:
            number = self._callback_numbers[id(value)] = len(self._callbacks)
            self._callbacks[number] = wrap(value)
        return number

    # -- and coming in

    def _read_other(self, node: list, decoder: decode.Decoder) -> Any:
        """Return the value of a node that is no plain data."""
        tag = node[0]
        if len(node) not in _OBJECTS.get(tag, ()):
            raise_tampering(f"a value of the unknown kind {tag[:20]!r}")
        return self._readers[tag](self, decoder, *node[1:])

    def _read_generator(self, decoder: decode.Decoder, number: Any, kind: Any) -> Any:
        return self._generators.get(number, kind)

    def _read_callback(self, decoder: decode.Decoder, number: Any) -> Any:
        """Return a function or an iterator of the test cell's that comes back."""
        called = self._callbacks.get(number) if type(number) is int else None
        if called is None:
            raise_tampering("a function that was not passed")
        return called.items if isinstance(called, _Iterator) else called

    def _read_method(self, decoder: decode.Decoder, number: Any, *more: Any) -> Proxy:
        self._methods.add(_number(number))
        return self._read_handle(decoder, number, *more)

    def _read_handle(
        self,
        decoder: decode.Decoder,
        number: Any,
        kind: Any,
        name: Any,
        new: Any = None,
    ) -> Proxy:
        """Return the proxy of a handle; `new` describes its type, the first time."""
        _number(number)
        if name is not None:
            _text(name)
        cls = self._types.get(_number(kind))
        if new is not None:
            if cls is not None:
                raise_tampering("a type that was described twice")
            cls = self._types[kind] = self._read_type(new)
        if cls is None:
            raise_tampering("a type that was not described")
        proxy = self._proxies.get(number)
        if proxy is None:
            proxy = cls.__new__(cls)
            put_own(proxy, "_link_of", self)
            put_own(proxy, "_link_id", number)
            put_own(proxy, "_link_count", 0)
            put_own(proxy, "_link_name", name)
            put_own(proxy, "_link_tainted", False)
            self._proxies[number] = proxy
        put_own(proxy, "_link_count", proxy._link_count + 1)
        return proxy

    @staticmethod
    def _read_type(new: Any) -> type:
        """Return the type of proxies that a description asks for."""
        if type(new) is not list or len(new) != 5:
            raise_tampering("a description of a type that cannot be")
        name, sort, special, no_ufuncs, is_sequence = new
        _text(name)
        if sort not in _SORTS or type(special) is not list:
            raise_tampering("a description of a type that cannot be")
        for index in special:
            if type(index) is not int or not 0 <= index < len(SPECIAL):
                raise_tampering("a description of a type that cannot be")
        return make_type(name, sort, special, no_ufuncs is True, is_sequence is True)

    def _read_module(self, decoder: decode.Decoder, name: Any, node: Any) -> Any:
        """Return the checker's own module of that name, if it has one."""
        _text(name)
        value = decoder.decode(node)
        if name.partition(".")[0] in self._modules:
            return importlib.import_module(name)
        if is_installed(name) or is_found(name):
            return importlib.import_module(name)
        return value

    def _read_exception_class(self, node: Any) -> type:
        """Return the class that the node of an exception's class stands for."""
        if type(node) is not list or not node or type(node[0]) is not str:
            raise_tampering("an exception that cannot be")
        tag, *fields = node
        if tag not in _EXCEPTION_CLASSES or len(node) not in _OBJECTS[tag]:
            raise_tampering("an exception that cannot be")
        return self._readers[tag](self, None, *fields)

    def _read_known_class(self, decoder: Any, name: Any) -> type:
        found = plain_types.EXCEPTIONS.get(name) if type(name) is str else None
        if found is None:
            raise_tampering("an exception that is not known")
        return found

    def _read_student_class(
        self, decoder: Any, number: Any, name: Any, bases: Any
    ) -> type:
        """Return the class that stands for a student's class of exceptions."""
        _number(number)
        _text(name)
        if number in self._errors:
            return self._errors[number]
        if type(bases) is not list or not 0 < len(bases) < 20:
            raise_tampering("an exception that cannot be")
        parents = tuple(self._read_exception_class(base) for base in bases)
        if name in tracebacks.AUTHORED:
            name = f"Student{name}"
        if not any(issubclass(parent, StudentError) for parent in parents):
            parents = (StudentError, *parents)
        body = {"_link_of": self, "_link_id": number, "__module__": "student"}
        try:
            made = StudentClass(name, parents, body)
        except TypeError as error:
            raise Tampering("an exception that cannot be") from error
        self._errors[number] = made
        return made

    def _read_student_error(self, decoder: decode.Decoder, *node: Any) -> BaseException:
        return self._read_error(list(node), decoder)

    def _read_error(self, node: Any, decoder: decode.Decoder) -> BaseException:
        """Return the exception that these fields describe, or one that we raised."""
        if type(node) is not list:
            raise_tampering("an exception that cannot be")
        if len(node) == 2 and node[0] == protocol.OWN_ERROR:
            found = self._raised.get(node[1]) if type(node[1]) is int else None
            if found is None:
                raise_tampering("an exception that was not raised")
            return found
        if len(node) != 5 or type(node[2]) is not str or type(node[4]) is not str:
            raise_tampering("an exception that cannot be")
        error = self._make_error(node, decoder)
        error._link_where = node[4][: tracebacks.MOST_TEXT]
        return error

    def _make_error(self, node: Any, decoder: decode.Decoder) -> BaseException:
        kind = self._read_exception_class(node[0])
        arguments = decoder.decode(node[1])
        if type(arguments) is not tuple:
            raise_tampering("an exception that cannot be")
        if issubclass(kind, StudentError):
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

    _readers: ClassVar[dict[str, Callable[..., Any]]] = {
        protocol.HANDLE: _read_handle,
        protocol.METHOD: _read_method,
        protocol.GENERATOR: _read_generator,
        protocol.FUNCTION: _read_callback,
        protocol.ITERATOR: _read_callback,
        protocol.MODULE: _read_module,
        protocol.KNOWN_CLASS: _read_known_class,
        protocol.STUDENT_CLASS: _read_student_class,
        protocol.STUDENT_ERROR: _read_student_error,
    }

    def is_method(self, proxy: Proxy, name: str) -> bool:
        """Return whether it is a method that a plain class defines under this name."""
        return proxy._link_id in self._methods and proxy._link_name == name

    # -- names of the snapshot

    def name(self, name: str) -> tuple[Any] | None:
        """Return the value of a student's name in a tuple, or None."""
        found = self.ask(protocol.GET_NAME, name)
        if found is not None and (type(found) is not tuple or len(found) != 1):
            raise self._broken(Tampering("a name was asked for, something else came"))
        return found

    def names(self) -> list[str]:
        """Return the names that the student's side has."""
        found = self.ask(protocol.LIST_NAMES)
        if type(found) is not list or not all(type(name) is str for name in found):
            raise self._broken(Tampering("names were asked for, something else came"))
        return found


def _misread(error: Exception) -> Exception:
    """Return the error to raise for one that came up while a message was read."""
    if isinstance(error, plain_types.Malformed | MemoryError | stream.Closed):
        return error
    return plain_types.Malformed(
        f"a message that raises {type(error).__name__} when read"
    )


class _Iterator:
    """An iterator of the test cell's that the other end may advance."""

    __slots__ = ("items",)

    def __init__(self, items: Iterator[Any]) -> None:
        self.items = items


def _no_other(value: Any, encoder: encode.Encoder) -> NoReturn:
    raise TypeError("not plain data")


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise_tampering("a number of a handle that cannot be")
    return value


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > _MOST_NAME or "\0" in value:
        raise_tampering("a name that cannot be")
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
    output = message.get("output")
    return (
        type(output) is dict
        and output.get("output_type") == "display_data"
        and type(output.get("data")) is dict
        and type(output.get("metadata")) is dict
    )
