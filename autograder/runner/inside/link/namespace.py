"""The globals of test cells: their own names first, then the student's."""

import builtins
import contextlib
import functools
import random
import re
import sys
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from autograder.runner.inside.link import plain_types, protocol
from autograder.runner.inside.link.client import Link
from autograder.runner.inside.link.modules import LATE, Finder, StudentModule
from autograder.runner.inside.link.proxy import SUPER, Proxy, StudentClass, StudentError

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

_IPYTHON = re.compile(r"_+|_i*\d*|_[iod]h|In|Out")  # a shell's own names, at both ends
# The global generators of `numpy.random` and `random`, by number, and what seeds them.
# A test may draw its inputs from them. The student's side could choose their states, so
# until the test has seeded one itself, the checker sends its state and takes none.
_GLOBAL = {0: (np.random, ("seed", "set_state")), 1: (random, ("seed", "setstate"))}


# ------------------------------------------------------------------------------------
# The names of a test cell


def _watch(
    number: int, module: Any, name: str, unseeded: set[int]
) -> Callable[[], None]:
    """Wrap a function that seeds a global generator; return one that unwraps it."""
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
        """Bind nothing, and ask no snapshot yet."""
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
        self._finder = Finder(self, self._modules)
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
        """The error that ended the last link before its time, or None.

        Look at it after each test cell: a bare `except` in the cell may have caught it.
        """
        return self._last and self._last.fault

    @property
    def refusals(self) -> list[str]:
        """Where the last test cell used stand-ins that could lie: see `Refused`."""
        return self._last.refusals if self._last else []

    def attach(self, link: int) -> None:
        """Begin a test cell: ask the snapshot at the other end for names."""
        if self.link is not None:
            raise RuntimeError("a test cell is running already; detach it first")
        self._unseeded |= set(_GLOBAL)
        self.link = self._last = Link(
            link, self._modules, self._on_output, self._unseeded
        )

    def detach(self) -> None:
        """End a test cell: its stand-ins cannot be used any more."""
        if self.link is None:
            return
        link, self.link = self.link, None
        for name, value in list(dict.items(self)):
            if isinstance(value, Proxy | StudentClass | StudentError) or (
                value is SUPER
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
            return SUPER if name == "super" else _BUILTINS[name]
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
        """Bind a name here, and in the snapshot too if it is an answer.

        Other names are not sent: the student's code could read `expected` there.
        """
        if value is LATE:
            return
        if self.link is not None and name in self._answers:
            # What cannot cross is bound here alone.
            with contextlib.suppress(TypeError, plain_types.TooMuch):
                self.link.ask(protocol.SET_NAME, name, value)
        dict.__setitem__(self, name, value)

    def __delitem__(self, name: Any) -> None:
        """Delete a name here, and in the snapshot too if it is an answer."""
        mine = dict.__contains__(self, name)
        if self.link is not None and name in self._answers:
            try:
                self.link.ask(protocol.DELETE_NAME, name)
            except NameError:
                if not mine:
                    raise KeyError(name) from None
        elif not mine:
            raise KeyError(name)
        if mine:
            dict.__delitem__(self, name)

    def __contains__(self, name: Any) -> bool:
        """Return whether the name is bound here or in the snapshot."""
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
        """Iterate over the names here, then over the snapshot's."""
        yield from list(dict.__iter__(self))
        if self.link is not None:
            for name in self.link.names():
                if not dict.__contains__(self, name) and not name.startswith("_"):
                    yield name

    def keys(self) -> Any:
        """Return the names, the student's too."""
        return [*iter(self)]


class _Builtins(dict):
    """The builtins of a namespace, where the interpreter looks last.

    In the body of a class it reads the globals as a plain dict, without
    `Namespace.__missing__`, but calls the `__missing__` of the builtins.
    """

    def __init__(self, namespace: Namespace) -> None:
        """Hold the two that the interpreter reads without `__missing__`."""
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
