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

import importlib
import importlib.machinery
import importlib.util
import io
import sys
import types
import weakref
from collections.abc import Callable, Collection, Iterator
from typing import Any, NoReturn

from autograder.runner.inside import frames, tracebacks
from autograder.runner.inside.link import (
    changes,
    decode,
    encode,
    generators,
    plain_types,
    stream,
)
from autograder.runner.inside.link.modules import (
    StudentModule,
    full_name,
    is_found,
    is_installed,
    public_name,
)
from autograder.runner.inside.link.protocol import MOST_NESTING, SPECIAL
from autograder.runner.inside.link.proxy import (
    Proxy,
    Reference,
    SnapshotGone,
    StudentClass,
    StudentError,
    Tampering,
    comparison,
    make_type,
    put_own,
    tampering,
)

_MOST_NAME = 200


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Proxy, f"__{_name}__", comparison(_name))


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
        self._lent: dict[int, Any] = {}  # what the other end may call, by number
        self._lent_numbers: dict[int, int] = {}
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
        except (frames.WireError, plain_types.Malformed) as error:
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

    def _pack(self, parts: list[Any], encoder: encode.Encoder) -> list[Any]:
        """Return a frame that also tells what was dropped and drawn meanwhile."""
        sync = self._generators.write(encoder)
        self._idle += self._generators.unused(sys.getrefcount)
        dropped = [self.released, self._idle]
        try:
            frame = self._stream.pack([*parts, dropped, sync], encoder.buffers)
        except frames.TooLarge as error:
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
        """Note that the two ends may be out of step, so that nothing more is asked."""
        if self.fault is None:
            self.fault = error
        return error

    def _wait(self, objects: list[Any]) -> tuple[str, Any]:
        while True:
            message, raw = self._stream.receive()
            if type(message) is not list or not message:
                tampering("a message that is no list")
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
                tampering("a message of an unknown kind")

    def _finish(
        self, message: list, raw: stream.Raw, objects: list[Any]
    ) -> tuple[str, Any]:
        kind, changes, node, sync = message
        try:
            decoder = decode.Decoder(self._read_other, raw, objects)
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
            changes.put_back(old, new)
        return kind, value

    @staticmethod
    def _read_changes(changes: Any, decoder: decode.Decoder, count: int) -> list[Any]:
        if type(changes) is not list or len(changes) > count:
            tampering("changes of arguments that cannot be")
        contents = []
        for change in changes:
            if type(change) is not list or len(change) != 2:
                tampering("changes of arguments that cannot be")
            number, node = change
            if type(number) is not int or not 0 <= number < count:
                tampering("a change of an argument that was not passed")
            contents.append((decoder.objects[number], decoder.decode(node)))
        return contents

    def _show(self, stream: Any, text: Any) -> None:
        if type(text) is not str or stream not in ("stdout", "stderr"):
            tampering("an output that cannot be")
        (sys.stdout if stream == "stdout" else sys.stderr).write(text)

    def _display(self, node: Any, raw: stream.Raw) -> None:
        try:
            decoder = decode.Decoder(self._read_other, raw)
            message = decoder.decode(node)
            decoder.finish()
        except Exception as error:
            raise _misread(error) from error
        if type(message) is not dict or not _is_json(message):
            tampering("a display that cannot be")
        if self._on_output is not None and _is_display(message):
            self._on_output(message)

    # -- answering

    def _call_back(self, message: list, raw: stream.Raw) -> None:
        """Call something of the test cell's for the student's code."""
        if self._depth > MOST_NESTING * 2:
            tampering("functions call each other too deep")
        kind, number, *nodes, sync = message
        try:
            decoder = decode.Decoder(self._read_other, raw)
            args, kwargs = decoder.items(nodes)
            passed = list(decoder.objects)
            self._generators.read(sync, decoder, but=self._unseeded)
            decoder.finish()
        except Exception as error:
            raise _misread(error) from error
        kwargs = {} if kwargs is None else kwargs
        if type(number) is not int or number not in self._lent:
            tampering("a call of a function that was not passed")
        if type(args) is not tuple or type(kwargs) is not dict:
            tampering("a call without arguments")
        if not all(type(name) is str for name in kwargs):
            tampering("a call with an argument that has no name")
        lent = self._lent[number]
        if isinstance(lent, _Lent) != (kind == "n"):
            tampering("an iterator that was called, or a function that was iterated")
        before = [changes.snapshot(part) for part in passed]
        try:
            value = next(lent.items) if kind == "n" else lent(*args, **kwargs)
            self._reply("v", value, passed, before)
        except StopIteration as error:
            self._reply("z" if kind == "n" else "e", error, passed, before)
        except Exception as error:
            self._reply("e", error, passed, before)

    def _reply(self, kind: str, value: Any, passed: list, before: list) -> None:
        encoder = encode.Encoder(self._write_other, passed)
        changes = [
            [i, encoder.contents(part)]
            for i, part in enumerate(passed)
            if changes.has_changed(part, before[i])
        ]
        node = None
        if kind == "v":
            node = encoder.encode(value)
        elif kind == "e":
            node = self._write_error(value, encoder)
        self._stream.send(self._pack([kind, changes, node], encoder))

    def _write_error(self, error: BaseException, encoder: encode.Encoder) -> list[Any]:
        """Tell the other end what was raised; it is kept, to come back as it is."""
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
        kind = type(value)
        if issubclass(kind, Proxy):
            if value._link_of is not self:
                value._link_of._check()
                raise TypeError("an object of another student's process")
            return ["h", value._link_id]
        if kind is Reference:
            return ["h", value.number]
        if generators.can_track(value):
            number = self._generators.number(value)
            return ["G", number, self._generators.kind(number)]
        if issubclass(kind, StudentClass):
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
                and plain_types.EXCEPTIONS.get(full_name(value)) is value
            ):
                return ["X", full_name(value)]
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

    def _read_other(self, node: list, decoder: decode.Decoder) -> Any:
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
                tampering("a function that was not passed")
            return lent.items if isinstance(lent, _Lent) else lent
        if tag in ("X", "x"):
            return self._read_exception_class(node)
        if tag == "xi" and count in (3, 6):
            return self._read_error(node[1:], decoder)
        if tag == "M" and count == 3:
            return self._read_module(node[1], node[2], decoder)
        tampering(f"a value of the unknown kind {str(tag)[:20]!r}")

    def _read_handle(self, number: Any, kind: Any, name: Any, new: Any = None) -> Proxy:
        _number(number)
        if name is not None:
            _text(name)
        cls = self._types.get(_number(kind))
        if new is not None:
            if cls is not None:
                tampering("a type that was described twice")
            cls = self._types[kind] = self._read_type(new)
        if cls is None:
            tampering("a type that was not described")
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
        if type(new) is not list or len(new) != 5:
            tampering("a description of a type that cannot be")
        name, sort, special, aloof, listed = new
        _text(name)
        if sort not in ("i", "c", "f", "b") or type(special) is not list:
            tampering("a description of a type that cannot be")
        for index in special:
            if type(index) is not int or not 0 <= index < len(SPECIAL):
                tampering("a description of a type that cannot be")
        return make_type(name, sort, special, aloof is True, listed is True)

    def _read_module(self, name: Any, node: Any, decoder: decode.Decoder) -> Any:
        _text(name)
        value = decoder.decode(node)
        if name.partition(".")[0] in self._modules:
            return importlib.import_module(name)
        if is_installed(name) or is_found(name):
            return importlib.import_module(name)
        return value

    def _read_exception_class(self, node: Any) -> type:
        if type(node) is list and len(node) == 2 and node[0] == "X":
            found = (
                plain_types.EXCEPTIONS.get(node[1]) if type(node[1]) is str else None
            )
            if found is None:
                tampering("an exception that is not known")
            return found
        if type(node) is not list or len(node) != 4 or node[0] != "x":
            tampering("an exception that cannot be")
        number, name, bases = _number(node[1]), _text(node[2]), node[3]
        if number in self._errors:
            return self._errors[number]
        if type(bases) is not list or not 0 < len(bases) < 20:
            tampering("an exception that cannot be")
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

    def _read_error(self, node: Any, decoder: decode.Decoder) -> BaseException:
        if type(node) is not list:
            tampering("an exception that cannot be")
        if len(node) == 2 and node[0] == "k":
            found = self._raised.get(node[1]) if type(node[1]) is int else None
            if found is None:
                tampering("an exception that was not raised")
            return found
        if len(node) != 5 or type(node[2]) is not str or type(node[4]) is not str:
            tampering("an exception that cannot be")
        error = self._make_error(node, decoder)
        error._link_where = node[4][: tracebacks.MOST_TEXT]
        return error

    def _make_error(self, node: Any, decoder: decode.Decoder) -> BaseException:
        kind = self._read_exception_class(node[0])
        arguments = decoder.decode(node[1])
        if type(arguments) is not tuple:
            tampering("an exception that cannot be")
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
    if isinstance(error, plain_types.Malformed | MemoryError | stream.Closed):
        return error
    return plain_types.Malformed(
        f"a message that raises {type(error).__name__} when read"
    )


class _Lent:
    """An iterator that the other end may advance."""

    __slots__ = ("items",)

    def __init__(self, items: Iterator[Any]) -> None:
        self.items = items


def _no_other(value: Any, encoder: encode.Encoder) -> NoReturn:
    raise TypeError("not plain data")


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        tampering("a number of a handle that cannot be")
    return value


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > _MOST_NAME or "\0" in value:
        tampering("a name that cannot be")
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
