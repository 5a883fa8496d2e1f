"""The link between the checker and a snapshot of the student's process, both ends."""

import contextlib
import os
import signal
import socket
import sys
import textwrap
import types
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.runner import values, wire
from autograder.runner.checker import Namespace
from autograder.runner.served import Served
from autograder.runner.shell import OutStream


class Cell:
    """A test cell's names, and the process of a student behind them."""

    def __init__(self, student, answers=(), modules=(), prelude=""):
        """Run the student's code in a process of its own."""
        mine, theirs = socket.socketpair()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            with contextlib.suppress(BaseException):
                mine.close()
                _be_student(textwrap.dedent(student), theirs.detach(), modules)
            os._exit(0)
        theirs.close()
        self.shown = []
        self.names = Namespace(answers, modules, self.shown.append)
        exec(textwrap.dedent(prelude), self.names)
        self.names.attach(mine.detach())

    def run(self, source):
        """Run a test cell."""
        exec(compile(textwrap.dedent(source), "<test cell>", "exec"), self.names)

    def close(self):
        """End the snapshot."""
        self.names.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _be_student(source, link, modules):
    space = {"__name__": "__main__"}
    for name in modules:
        module = types.ModuleType(name)
        exec(_MODULE, module.__dict__)
        sys.modules[name] = module
    served = Served(link, space, modules)
    sys.stdout, sys.stderr = (
        OutStream(served, "stdout", 1),
        OutStream(served, "stderr", 2),
    )
    space["served"] = served
    exec(source, space)
    served.serve()


_MODULE = """
class Model:
    def __init__(self, k):
        self.k = k
    def run(self, x):
        return self.step(x) + self.k
    def step(self, x):
        raise NotImplementedError("a subclass defines step")
def double(x):
    return 2 * x
"""


@pytest.fixture
def cell():
    """Return a function that starts a student's process and gives its `Cell`."""
    made = []

    def start(*args, **kwargs):
        made.append(Cell(*args, **kwargs))
        return made[-1]

    yield start
    for one in made:
        one.close()


# ------------------------------------------------------------------ what crosses

_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.timedeltas()
)
_keys = st.integers() | st.text() | st.booleans() | st.tuples(st.integers())
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(_keys, inner)
        | st.frozensets(_keys)
        | st.sets(_keys)
    ),
    max_leaves=10,
)


def _refuse(value, encoder):
    raise TypeError(value)


def _crossed(value):
    encoder = values.Encoder(_refuse)
    node = encoder.encode(value)
    mine, theirs = socket.socketpair()
    sender, receiver = wire.Stream(mine.detach()), wire.Stream(theirs.detach())
    sender.send(sender.pack(node, encoder.buffers))
    node, raw = receiver.receive()
    sender.close()
    receiver.close()
    decoder = values.Decoder(_refuse, raw)
    result = decoder.decode(node)
    decoder.finish()
    return result


def _text(value):
    """Return a value as text, sets in order; NaN is then equal to itself."""
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}{sorted(map(_text, value))}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}{[_text(item) for item in value]}"
    if isinstance(value, dict):
        return str({_text(key): _text(item) for key, item in value.items()})
    return f"{type(value).__name__} {value!r}"


@settings(deadline=None, max_examples=100)
@given(_values)
def test_link_plain_values_cross_unchanged(value):
    """Plain data arrives equal, of the same types, NaN and -0.0 and all."""
    came = _crossed(value)
    assert type(came) is type(value)
    assert _text(came) == _text(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(3.5),
        np.empty((0, 3)),
        np.array(["a", "bcd"]),
        np.array([b"a", b""]),
        np.array([True, False]),
        np.arange(20)[::-3],
        np.array([1, "a", None, [2]], dtype=object),
        np.array(["2020-01-02"], "M8[D]"),
        np.arange(3, dtype=">i4"),
        np.arange(3, dtype=np.complex64),
        np.broadcast_to(np.float32(2), (3, 2)),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_link_arrays_cross_with_type_and_shape(array):
    """An array keeps its type, shape, order in memory and whether it is read-only."""
    came = _crossed(array)
    assert came.dtype == array.dtype
    assert came.shape == array.shape
    assert np.array_equal(came, array)
    assert came.flags.writeable == array.flags.writeable
    if array.flags.forc:
        assert came.flags.c_contiguous == array.flags.c_contiguous


def test_link_one_object_stays_one_object():
    """A list that is in a value twice arrives as one list."""
    inner = [1]
    came = _crossed([inner, {"again": inner}])
    assert came[0] is came[1]["again"]


@pytest.mark.parametrize("depth", [101, 5000])
def test_link_refuses_values_nested_too_deep(depth):
    """A list in a list in a list ... is refused before Python's own limit is met."""
    value = []
    for _ in range(depth):
        value = [value]
    with pytest.raises(values.TooMuch):
        values.Encoder(_refuse).encode(value)


def test_link_refuses_a_value_that_contains_itself():
    """A list that contains itself is refused, not followed for ever."""
    value = [1]
    value.append(value)
    with pytest.raises(values.TooMuch, match="contains itself"):
        values.Encoder(_refuse).encode(value)


# ------------------------------------------------------------------------- idioms

IDIOMS = {
    "plain results": (
        "def f(n): return [i ** 2 for i in range(n)]",
        "assert f(4) == [0, 1, 4, 9]\nassert f(n=1) == [0]",
    ),
    "names inside functions, classes and comprehensions": (
        "def f(n): return n + 1",
        """
        def g(x, f2=f):
            return f(x) + f2(x) + (lambda: f(0))() + sum(f(i) for i in range(2))
        class K:
            a = f(1)
            def m(self): return f(self.a)
        assert g(1) == 8 and K().m() == 3
        assert "f" in globals() and "g" in globals() and "f" in dir()
        assert globals()["f"](1) == 2 and globals().get("nothing") is None
        """,
    ),
    "a lambda as callback": (
        "def apply(f, x): return [f(x), f(x + 1)]",
        "assert apply(lambda z: z * 10, 1) == [10, 20]",
    ),
    "callbacks in callbacks": (
        "def apply(f, x): return f(x)",
        "assert apply(lambda z: apply(lambda w: apply(abs, w), -z), 3) == 3",
    ),
    "an array in place, also through a view": (
        "def fill(a): a[...] = 7",
        """
        import numpy as np
        a = np.zeros((4, 4))
        v = a[::2, ::2]
        fill(v)
        assert a.sum() == 28 and a[0, 0] == 7 and a[1, 1] == 0
        """,
    ),
    "a list and a dict in place": (
        "def grow(l, d): l.append(d); d['k'] = 1; l.sort(key=str); return l",
        """
        l, d = [3, 1], {}
        assert grow(l, d) is l
        assert d == {"k": 1} and l == [1, 3, {"k": 1}] and l[2] is d
        """,
    ),
    "one object passed twice": (
        "def same(a, b): a.append(1); return a is b",
        "x = []\nassert same(x, x) and x == [1]",
    ),
    "a read-only array": (
        "def fill(a): a[0] = 1",
        """
        import numpy as np
        a = np.zeros(2)
        a.flags.writeable = False
        try:
            fill(a)
        except ValueError as error:
            assert "read-only" in str(error)
        else:
            raise AssertionError
        """,
    ),
    "classes, attributes, methods": (
        """
        class Stack:
            "A stack."
            def __init__(self): self.items = []
            def push(self, x): self.items.append(x); return self
            def __len__(self): return len(self.items)
            def __getitem__(self, i): return self.items[i]
            def __iter__(self): return iter(self.items)
            def __contains__(self, x): return True
            def __repr__(self): return f"Stack({self.items})"
        """,
        """
        s = Stack()
        assert s.push(1).push(2) is s and len(s) == 2 and s[1] == 2
        assert list(s) == [1, 2] and s.items == [1, 2] and repr(s) == "Stack([1, 2])"
        assert 1 in s and 5 not in s
        assert isinstance(s, Stack) and not isinstance(3, Stack)
        assert not isinstance(s, list) and not callable(s) and callable(Stack)
        assert type(s).__name__ == "Stack" and Stack.__doc__ == "A stack."
        assert Stack.__name__ == "Stack" and hasattr(s, "push") and not hasattr(s, "z")
        s.label = "a"
        assert s.label == "a" and vars(s)["label"] == "a"
        del s.label
        assert not hasattr(s, "label")
        """,
    ),
    "operators between student objects": (
        """
        class V:
            def __init__(self, x): self.x = x
            def __add__(self, o): return V(self.x + (o.x if isinstance(o, V) else o))
            __radd__ = __add__
            def __eq__(self, o): return isinstance(o, V) and self.x == o.x
            def __lt__(self, o): return self.x < o.x
        """,
        """
        assert V(1) + V(2) == V(3) and V(1) != V(2) and (V(1) + 5).x == 6
        assert (5 + V(1)).x == 6 and sum([V(1), V(2)]).x == 3
        assert [v.x for v in sorted([V(2), V(1)])] == [1, 2]
        """,
    ),
    "exceptions of the student's": (
        """
        class Broke(ValueError):
            def __init__(self, cents): super().__init__(f"short of {cents}"); self.cents = cents
        def pay(n): raise Broke(n)
        def check(n): raise KeyError("k", n)
        """,
        """
        for kind in (Broke, ValueError, Exception):
            try:
                pay(3)
            except kind as error:
                assert error.cents == 3 and str(error) == "short of 3"
                assert type(error) is Broke
            else:
                raise AssertionError
        assert issubclass(Broke, ValueError)
        try:
            check(2)
        except KeyError as error:
            assert error.args == ("k", 2)
        try:
            raise Broke(4)
        except Broke as error:
            assert error.cents == 4
        """,
    ),
    "an exception through the student's code": (
        "def apply(f):\n    return f()",
        """
        class Mine(Exception): pass
        kept = Mine("here")
        def fail(): raise kept
        try:
            apply(fail)
        except Mine as error:
            assert error is kept
        else:
            raise AssertionError
        """,
    ),
    "generators": (
        "def count(n):\n    for i in range(n): yield i",
        """
        assert list(count(3)) == [0, 1, 2]
        g = count(2)
        assert next(g) == 0 and next(g) == 1 and next(g, "end") == "end"
        assert iter(g) is g
        """,
    ),
    "iterators as arguments": (
        "def total(items): return sum(items)",
        """
        assert total(i * i for i in range(4)) == 14 and total(iter([1, 2])) == 3
        assert total({1: 2}.keys()) == 1 and total(zip([1], [2])) if False else True
        """,
    ),
    "captured output": (
        "import sys\ndef hi(n): print('hello', n); print('oops', file=sys.stderr)",
        """
        import contextlib, io
        with contextlib.redirect_stdout(io.StringIO()) as out:
            with contextlib.redirect_stderr(io.StringIO()) as err:
                print("before"); hi(1); print("after")
        assert out.getvalue() == "before\\nhello 1\\nafter\\n"
        assert err.getvalue() == "oops\\n"
        """,
    ),
    "deleting and setting names": (
        "def squares(n): return [1] * n\ndef total(n): return sum(squares(n))",
        """
        kept = squares
        del squares
        try:
            total(1)
        except NameError:
            pass
        else:
            raise AssertionError("total does not use squares")
        finally:
            squares = kept
        assert total(3) == 3
        squares = lambda n: [10]
        assert total(3) == 10
        """,
    ),
    "one generator, drawn from twice": (
        """
        def draw(rng): return rng.normal()
        class Keeper:
            def __init__(self, rng): self.rng = rng
            def draw(self): return self.rng.normal()
        """,
        """
        import numpy as np
        rng, twin = np.random.default_rng(1), np.random.default_rng(1)
        for _ in range(3):
            assert draw(rng) == twin.normal()
            assert rng.normal() == twin.normal()
        keeper = Keeper(rng)
        assert keeper.draw() == twin.normal()
        assert rng.random() == twin.random()
        assert keeper.draw() == twin.normal()
        assert keeper.rng is rng
        """,
    ),
    "global seeds": (
        """
        import random
        import numpy as np
        def draw(): return np.random.normal(), random.random(), random.gauss(0, 1)
        def seed(): np.random.seed(5); random.seed(5)
        """,
        """
        import random
        import numpy as np
        def mine(): return np.random.normal(), random.random(), random.gauss(0, 1)
        np.random.seed(3); random.seed(3)
        one = [draw(), mine(), draw()]
        np.random.seed(3); random.seed(3)
        assert one == [mine(), mine(), mine()]
        seed()
        two = [mine(), draw()]
        np.random.seed(5); random.seed(5)
        assert two == [draw(), mine()]
        """,
    ),
    "legacy generators as arguments": (
        "def draw(rng): return rng.random()",
        """
        import random
        import numpy as np
        for make in (np.random.RandomState, random.Random):
            rng, twin = make(1), make(1)
            assert [draw(rng), rng.random(), draw(rng)] == [twin.random() for _ in "abc"]
        """,
    ),
    "a class derived from a student's": (
        """
        class Base:
            kind = "base"
            def __init__(self, k): self.k = k
            def run(self, x): return self.step(x) + self.k
            def step(self, x): raise NotImplementedError
        """,
        """
        class Sub(Base):
            factor = 10
            def __init__(self, k):
                super().__init__(k)
                self.extra = 5
            def step(self, x): return x * self.factor
            @property
            def twice(self): return 2 * self.k
            @staticmethod
            def name(): return "sub"
        s = Sub(2)
        assert s.run(3) == 32 and s.extra == 5 and s.k == 2 and s.kind == "base"
        assert s.twice == 4 and s.name() == "sub" and Sub.name() == "sub"
        assert isinstance(s, Base) and issubclass(Sub, Base) and isinstance(s, Sub)
        """,
    ),
    "ordinary classes beside derived ones": (
        "x = 1",
        """
        class A:
            def f(self): return 1
        class B(A):
            def f(self): return super().f() + x
        assert B().f() == 2
        """,
    ),
    "functions of installed packages as arguments": (
        """
        import math, numpy as np
        def which(f): return f is np.tanh or f is math.sqrt or f is float or f is np.random.normal
        """,
        """
        import math
        import numpy as np
        assert all(which(f) for f in (np.tanh, math.sqrt, float, np.random.normal))
        assert not which(np.sin)
        """,
    ),
    "signatures": (
        "def f(a, b=2, *, c=None): pass\nclass K:\n    def m(self, x): pass",
        """
        import inspect
        assert str(inspect.signature(f)) == "(a, b=2, *, c=None)"
        assert list(inspect.signature(K().m).parameters) == ["x"]
        assert inspect.isfunction(f) and inspect.isclass(K) and not inspect.isclass(f)
        """,
    ),
    "context managers": (
        """
        class Open:
            log = []
            def __enter__(self): self.log.append("in"); return self
            def __exit__(self, kind, value, traceback):
                self.log.append(kind and kind.__name__)
                return kind is KeyError
        """,
        """
        with Open() as o: pass
        with Open(): raise KeyError("gone")
        try:
            with Open(): raise ValueError
        except ValueError: pass
        assert o.log == ["in", None, "in", "KeyError", "in", "ValueError"]
        """,
    ),
    "array-like objects": (
        """
        import numpy as np
        class Data:
            def __array__(self, dtype=None, copy=None): return np.arange(3.0)
        class Grid(np.ndarray): pass
        def grid(): return np.arange(3.0).view(Grid)
        """,
        """
        import numpy as np
        assert np.asarray(Data()).tolist() == [0, 1, 2]
        np.testing.assert_allclose(grid(), [0, 1, 2])
        assert np.array_equal(grid(), [0, 1, 2]) and grid().shape == (3,)
        """,
    ),
    "numbers of another class": (
        """
        class Money:
            def __init__(self, x): self.x = x
            def __float__(self): return self.x + 0.5
            def __int__(self): return self.x
            def __index__(self): return self.x
            def __round__(self, n=0): return self.x
        """,
        """
        assert float(Money(2)) == 2.5 and int(Money(2)) == 2 and [4, 5, 6][Money(2)] == 6
        assert round(Money(2)) == 2
        """,
    ),
    "builtins under other names": (
        "def sum(x): return 42\nlen_ = 3",
        "assert sum([1]) == 42 and max([1]) == 1 and len([1]) == 1",
    ),
    "copies": (
        "class K:\n    def __init__(self): self.x = [1]",
        """
        import copy
        a = K()
        b = copy.deepcopy(a)
        a.x = 2
        assert b.x == [1] and copy.copy(a).x == 2
        """,
    ),
}


@pytest.mark.parametrize("idiom", IDIOMS)
def test_link_idioms_work_as_in_one_process(cell, idiom):
    """Each idiom passes over the link, and passes in one process too."""
    student, test = (textwrap.dedent(part) for part in IDIOMS[idiom])
    space = {"__name__": "__main__"}
    exec(student, space)
    exec(test, space)
    one = cell(student, answers={"squares", "sum"})
    one.run(test)
    assert one.names.fault is None
    assert one.names.refusals == []
