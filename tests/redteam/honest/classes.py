"""Honest classes, iterators, context managers, exceptions and coroutines."""

from redteam.fairness.cases import Idiom
from redteam.honest.values import each

# -------------------------------------------------------------------------- classes

_STACK = each(
    """
# %% answer
class Stack:
    def __init__(self):
        self._items = []
    def push(self, x):
        self._items.append(x)
    def pop(self):
        if not self._items:
            raise IndexError("pop from an empty stack")
        return self._items.pop()
    def __len__(self):
        return len(self._items)
# %% test
s = Stack()
s.push(1)
s.push("two")
assert len(s) == 2
assert s.pop() == "two" and s.pop() == 1
# hidden
assert len(s) == 0 and isinstance(s, Stack)
try:
    s.pop()
except IndexError:
    pass
else:
    raise AssertionError("an empty stack must raise IndexError")
t = Stack()
t.push([1, 2])
assert t.pop() == [1, 2] and len(Stack()) == 0
""",
    (
        "stack-list-subclass",
        "A class derived from list.",
        """
class Stack(list):
    push = list.append
""",
    ),
    (
        "stack-deque",
        "A class around a deque, with slots.",
        """
from collections import deque
class Stack:
    __slots__ = ("items",)
    def __init__(self): self.items = deque()
    def push(self, x): self.items.appendleft(x)
    def pop(self): return self.items.popleft()
    def __len__(self): return len(self.items)
""",
    ),
    (
        "stack-linked-list",
        "Nodes that are linked, with a dataclass.",
        """
from dataclasses import dataclass
from typing import Any
@dataclass
class Node:
    value: Any
    below: "Node | None"
class Stack:
    top, size = None, 0
    def push(self, x): self.top, self.size = Node(x, self.top), self.size + 1
    def pop(self):
        if self.top is None: raise IndexError
        x, self.top, self.size = self.top.value, self.top.below, self.size - 1
        return x
    def __len__(self): return self.size
""",
    ),
    (
        "stack-hierarchy",
        "An abstract base, a mixin, and super().",
        """
from abc import ABC, abstractmethod
class Container(ABC):
    def __init__(self): self.items = []
    @abstractmethod
    def pop(self): ...
    def __len__(self): return len(self.items)
class Pushes:
    def push(self, x): self.items = [*self.items, x]
class Stack(Pushes, Container):
    def __init__(self): super().__init__()
    def pop(self):
        *self.items, x = self.items or self.fail()
        return x
    def fail(self): raise IndexError("empty")
""",
    ),
    (
        "stack-delegating",
        "A class that passes attributes on by __getattr__.",
        """
class Stack:
    def __init__(self): self._list = []
    def __getattr__(self, name):
        return getattr(self._list, {"push": "append"}.get(name, name))
    def __len__(self): return len(self._list)
""",
    ),
    (
        "stack-generic-dataclass",
        "A generic dataclass with a default factory.",
        """
from dataclasses import dataclass, field
from typing import Generic, TypeVar
T = TypeVar("T")
@dataclass
class Stack(Generic[T]):
    items: list[T] = field(default_factory=list)
    def push(self, x: T) -> None: self.items.append(x)
    def pop(self) -> T: return self.items.pop()
    def __len__(self) -> int: return len(self.items)
""",
    ),
)

_VECTOR = each(
    """
# %% answer
class Vec:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __add__(self, other):
        return Vec(self.x + other.x, self.y + other.y)
    def __mul__(self, k):
        return Vec(self.x * k, self.y * k)
    __rmul__ = __mul__
    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)
    def __abs__(self):
        return (self.x**2 + self.y**2) ** 0.5
    def __repr__(self):
        return f"Vec({self.x}, {self.y})"
# %% test
v = Vec(1, 2) + Vec(2, 2)
assert (v.x, v.y) == (3, 4)
assert abs(v) == 5
# hidden
assert repr(2 * Vec(1, 5)) == "Vec(2, 10)" and (Vec(1, 1) * 3).y == 3
assert Vec(1, 2) == Vec(1, 2) and not Vec(1, 2) == Vec(2, 1)
assert isinstance(v, Vec)
""",
    (
        "vector-dataclass",
        "A dataclass, ordered, with operators.",
        """
from dataclasses import dataclass
@dataclass(order=True)
class Vec:
    x: float
    y: float
    def __add__(self, o): return type(self)(self.x + o.x, self.y + o.y)
    def __mul__(self, k): return type(self)(self.x * k, self.y * k)
    __rmul__ = __mul__
    def __abs__(self): return (self.x * self.x + self.y * self.y) ** 0.5
    def __repr__(self): return f"Vec({self.x}, {self.y})"
""",
    ),
    (
        "vector-complex",
        "A subclass of complex with properties.",
        """
class Vec(complex):
    def __new__(cls, x, y): return super().__new__(cls, x, y)
    x = property(lambda self: self.real)
    y = property(lambda self: self.imag)
    def __add__(self, o): return Vec(self.real + o.real, self.imag + o.imag)
    def __mul__(self, k): return Vec(self.real * k, self.imag * k)
    __rmul__ = __mul__
    def __repr__(self): return f"Vec({self.real:g}, {self.imag:g})"
""",
    ),
    (
        "vector-namedtuple",
        "A NamedTuple whose operators are replaced.",
        """
from typing import NamedTuple
class Vec(NamedTuple):
    x: float
    y: float
    def __add__(self, o): return Vec(self.x + o.x, self.y + o.y)
    def __mul__(self, k): return Vec(k * self.x, k * self.y)
    __rmul__ = __mul__
    def __abs__(self): return (self.x**2 + self.y**2) ** 0.5
    def __repr__(self): return f"Vec({self.x}, {self.y})"
""",
    ),
    (
        "vector-by-numpy",
        "A class around an array, whose numbers are NumPy's.",
        """
import numpy as np
class Vec:
    def __init__(self, *xy): self.a = np.array(xy)
    x = property(lambda self: self.a[0])
    y = property(lambda self: self.a[1])
    def __add__(self, o): return Vec(*(self.a + o.a))
    def __mul__(self, k): return Vec(*(self.a * k))
    __rmul__ = __mul__
    def __eq__(self, o): return bool((self.a == o.a).all())
    def __abs__(self): return np.linalg.norm(self.a)
    def __repr__(self): return "Vec({}, {})".format(*self.a)
""",
    ),
)

_ITERATOR = each(
    """
# %% answer
class Countdown:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        n = self.n
        while n > 0:
            yield n
            n -= 1
# %% test
assert list(Countdown(3)) == [3, 2, 1]
c = Countdown(2)
assert [x for x in c] == [2, 1]
assert list(zip(Countdown(2), "ab")) == [(2, "a"), (1, "b")]
it = iter(Countdown(1))
assert next(it) == 1
try:
    next(it)
except StopIteration:
    pass
else:
    raise AssertionError("the iterator must end")
""",
    (
        "iterator-by-protocol",
        "A class with __next__ that raises StopIteration.",
        """
class Countdown:
    def __init__(self, n): self.n = n
    def __iter__(self): return Down(self.n)
class Down:
    def __init__(self, n): self.n = n + 1
    def __iter__(self): return self
    def __next__(self):
        self.n -= 1
        if self.n <= 0: raise StopIteration
        return self.n
""",
    ),
    (
        "iterator-by-iter-of-a-range",
        "__iter__ hands out another object's iterator.",
        """
class Countdown:
    def __init__(self, n): self.items = range(n, 0, -1)
    def __iter__(self): return iter(self.items)
""",
    ),
    (
        "iterator-by-a-generator-function",
        "The name is a generator function.",
        """
def Countdown(n):
    if n > 0:
        yield n
        yield from Countdown(n - 1)
""",
    ),
)

_CONTEXT = each(
    """
# %% answer
class Recorder:
    def __init__(self):
        self.events = []
    def __enter__(self):
        self.events.append("in")
        return self
    def __exit__(self, kind, error, trace):
        self.events.append("out" if kind is None else kind.__name__)
        return kind is KeyError
# %% test
with Recorder() as r:
    r.events.append("body")
assert r.events == ["in", "body", "out"]
# hidden
s = Recorder()
with s:
    {}["missing"]
assert s.events == ["in", "KeyError"]
""",
    (
        "context-by-an-exit-stack",
        "A class derived from ExitStack.",
        """
import contextlib
class Recorder(contextlib.ExitStack):
    def __init__(self):
        super().__init__()
        self.events = []
    def __enter__(self):
        self.events += ["in"]
        return super().__enter__()
    def __exit__(self, *error):
        super().__exit__(*error)
        self.events += [error[0].__name__ if error[0] else "out"]
        return error[0] is KeyError
""",
    ),
    (
        "context-by-contextmanager",
        "A generator under contextlib.contextmanager.",
        """
from contextlib import contextmanager
from types import SimpleNamespace
class Recorder:
    def __init__(self):
        self.events = []
        self.manager = self.run()
    @contextmanager
    def run(self):
        self.events.append("in")
        try: yield self
        except KeyError as error: self.events.append(type(error).__name__)
        else: self.events.append("out")
    def __enter__(self): return self.manager.__enter__()
    def __exit__(self, *error): return self.manager.__exit__(*error)
""",
    ),
)

_EXCEPTION = each(
    """
# %% answer
def withdraw(balance, amount):
    if amount > balance:
        raise ValueError(f"only {balance} left")
    return balance - amount
# %% test
assert withdraw(10, 4) == 6
try:
    withdraw(3, 5)
except ValueError as error:
    assert "3" in str(error)
else:
    raise AssertionError("ValueError was expected")
# hidden
import unittest
case = unittest.TestCase()
with case.assertRaises(ValueError):
    withdraw(0, 1)
""",
    (
        "exception-subclass",
        "A class of the student's own, derived from ValueError.",
        """
class Overdrawn(ValueError):
    def __init__(self, balance, amount):
        super().__init__(balance, amount)
        self.balance = balance
    def __str__(self): return f"{self.balance} is not enough"
def withdraw(balance, amount):
    if amount > balance: raise Overdrawn(balance, amount)
    return balance - amount
""",
    ),
    (
        "exception-from-another",
        "The exception is raised from a KeyError.",
        """
def withdraw(balance, amount):
    try: return {True: balance - amount}[amount <= balance]
    except KeyError as error: raise ValueError(f"{balance} < {amount}") from error
""",
    ),
    (
        "exception-of-two-bases",
        "A class derived from ValueError and ArithmeticError.",
        """
class Short(ArithmeticError, ValueError): pass
def withdraw(balance, amount):
    if amount <= balance: return balance - amount
    raise Short(f"{balance} short of {amount}")
""",
    ),
)

_ASYNC = each(
    """
import asyncio
# %% answer
async def fetch_all(n):
    async def one(k):
        await asyncio.sleep(0)
        return k * k
    return [await one(k) for k in range(n)]
# %% test
loop = asyncio.new_event_loop()
assert list(loop.run_until_complete(fetch_all(4))) == [0, 1, 4, 9]
loop.close()
""",
    (
        "async-gather",
        "Coroutines that run together.",
        """
async def one(k):
    await asyncio.sleep(0.001 * (k % 3))
    return k * k
async def fetch_all(n): return await asyncio.gather(*map(one, range(n)))
""",
    ),
    (
        "async-generator",
        "An async generator, read by an async comprehension.",
        """
async def numbers(n):
    for k in range(n):
        await asyncio.sleep(0)
        yield k ** 2
async def fetch_all(n): return [x async for x in numbers(n)]
""",
    ),
)

_GIVEN = each(
    """
# %% given
import numpy as np
class Layer:
    def __init__(self, fan_in, fan_out):
        self.fan_in, self.fan_out = fan_in, fan_out
        self.W = np.zeros((fan_in, fan_out))
TOLERANCE = 1e-9
# %% answer
def initialise(layer, value):
    layer.W[:] = value / layer.fan_in
    return layer
# %% test
layer = initialise(Layer(4, 2), 2.0)
assert layer.W.shape == (4, 2)
assert abs(layer.W.sum() - 4.0) < TOLERANCE
assert isinstance(layer, Layer)
""",
    (
        "given-object-rebound",
        "A new array takes the place of the given object's.",
        "def initialise(layer, value):\n"
        "    layer.W = np.full(layer.W.shape, value / layer.fan_in)\n"
        "    return layer",
    ),
    (
        "given-object-derived",
        "An object of a class derived from the given one.",
        """
class Filled(Layer):
    def __init__(self, m, n, v):
        super().__init__(m, n)
        self.W += v / m
def initialise(layer, value): return Filled(layer.fan_in, layer.fan_out, value)
""",
    ),
    (
        "given-object-copied",
        "A deep copy is changed and returned.",
        """
import copy
def initialise(layer, value):
    other = copy.deepcopy(layer)
    np.copyto(other.W, value / layer.fan_in)
    return other
""",
    ),
)

IDIOMS: list[Idiom] = [
    *_STACK,
    *_VECTOR,
    *_ITERATOR,
    *_CONTEXT,
    *_EXCEPTION,
    *_ASYNC,
    *_GIVEN,
]
