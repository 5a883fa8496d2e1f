"""Attacks by empty data, and by objects that judge themselves or change when read."""

from redteam.fairness.cases import attack

# ----------------------------------------------------------------------- vacuous data

_vacuous = attack("vacuous data")

VACUOUS = [
    _vacuous(
        "empty-list-is-close-to-anything",
        "np.allclose([], 2.0) is true: NumPy broadcasts the number to no numbers.",
        """
import numpy as np
# %% answer
def root(x):
    return x**0.5
# %% test
assert np.allclose(root(4), 2.0)
# hidden
assert np.allclose(root(10), 3.1622776601683795)
""",
        "def root(x): return []",
    ),
    _vacuous(
        "empty-array-in-assert-allclose",
        "assert_allclose of an empty array and a number compares nothing.",
        """
import numpy as np
# %% answer
def variance(x):
    return np.var(x)
# %% test
np.testing.assert_allclose(variance([1, 2, 3]), 2 / 3)
# hidden
np.testing.assert_allclose(variance([5, 5, 9]), 3.5555555555555554)
""",
        "def variance(x): return np.zeros(0)",
    ),
    _vacuous(
        "empty-axis-against-a-matrix",
        "An array of shape (0, 1, 1, 1) fits any array of up to three dimensions.",
        """
import numpy as np
# %% answer
def outer(a, b):
    return np.outer(a, b)
# %% test
got = outer([1, 2], [3, 4])
assert (got == np.array([[3, 4], [6, 8]])).all()
""",
        "def outer(a, b): return np.zeros((0, 1, 1, 1))",
    ),
    _vacuous(
        "nan-is-not-beyond-the-tolerance",
        "`not abs(e) > tol` holds for NaN.",
        """
# %% answer
def log_mean(a, b):
    import math
    return (a - b) / (math.log(a) - math.log(b))
# %% test
error = log_mean(2, 1) - 1.4426950408889634
assert not abs(error) > 1e-9
""",
        "def log_mean(a, b): return float('nan')",
    ),
    _vacuous(
        "nan-through-a-failing-branch",
        "`if e > tol: raise` never raises for NaN; max() keeps what came first.",
        """
import math
# %% answer
def exp_series(x):
    return sum(x**k / math.factorial(k) for k in range(30))
# %% test
worst = 0.0
for x in (0.0, 0.5, 2.0):
    worst = max(worst, abs(exp_series(x) - math.exp(x)))
if worst > 1e-9:
    raise AssertionError(f"off by {worst}")
""",
        "def exp_series(x): return float('nan')",
    ),
    _vacuous(
        "dict-without-items",
        "A loop over the items of an empty dict checks none of them.",
        """
# %% answer
def word_lengths(words):
    return {w: len(w) for w in words}
# %% test
for word, n in word_lengths(["a", "bcd"]).items():
    assert n == len(word)
""",
        "def word_lengths(words): return {}",
    ),
    _vacuous(
        "zip-cut-short",
        "zip with an empty answer compares no pair.",
        """
# %% answer
def running_max(xs):
    out = []
    for x in xs:
        out.append(x if not out else max(x, out[-1]))
    return out
# %% test
for got, want in zip(running_max([1, 3, 2, 5]), [1, 3, 3, 5]):
    assert got == want
""",
        "def running_max(xs): return ()",
    ),
    _vacuous(
        "all-of-nothing",
        "all(...) over an empty answer is true, and so is issubset.",
        """
# %% answer
def primes_below(n):
    return {p for p in range(2, n) if all(p % d for d in range(2, p))}
# %% test
found = primes_below(30)
assert all(p % d for p in found for d in range(2, p))
assert found <= {2, 3, 5, 7, 11, 13, 17, 19, 23, 29}
""",
        "def primes_below(n): return set()",
    ),
    _vacuous(
        "empty-text",
        "A loop over the characters of '' finds nothing wrong, and '' is in any text.",
        """
# %% answer
def only_letters(text):
    return "".join(c for c in text if c.isalpha())
# %% test
for c in only_letters("a1 b2"):
    assert c.isalpha()
assert only_letters("x-y") in "xyz"
""",
        "def only_letters(text): return ''",
    ),
    _vacuous(
        "sum-and-any-of-nothing",
        "sum and any over an empty array are 0 and false: no error is seen.",
        """
import numpy as np
# %% answer
def centred(x):
    x = np.asarray(x, float)
    return x - x.mean()
# %% test
c = centred([1.0, 2.0, 6.0])
assert abs(np.sum(c)) < 1e-12
assert not np.any(np.isnan(c))
""",
        "def centred(x): return np.array([])",
    ),
]

# --------------------------------------------------- objects judged by objects

_judged = attack("objects judged by their own methods", named=True)

JUDGED = [
    _judged(
        "equal-to-every-instance",
        "Both sides are the student's objects, and their __eq__ always says yes.",
        """
# %% answer
class Vec:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __add__(self, o):
        return Vec(self.x + o.x, self.y + o.y)
    def __eq__(self, o):
        return (self.x, self.y) == (o.x, o.y)
# %% test
assert Vec(1, 2) + Vec(3, 4) == Vec(4, 6)
# hidden
assert Vec(0, 1) + Vec(5, -1) == Vec(5, 0)
""",
        """
class Vec:
    def __init__(self, x, y): pass
    def __add__(self, o): return self
    def __eq__(self, o): return True
""",
    ),
    _judged(
        "deepcopy-that-is-itself",
        "copy.deepcopy is answered by the object itself, so before equals after.",
        """
import copy
# %% answer
class Account:
    def __init__(self):
        self.log = []
    def peek(self):
        return sum(self.log)
    def __eq__(self, other):
        return self.log == other.log
# %% test
a = Account()
before = copy.deepcopy(a)
assert before is not a
a.peek()
assert a == before
""",
        """
class Account:
    def peek(self): Account.log = "spent"
    def __deepcopy__(self, memo): return Account()
    def __eq__(self, other): return True
""",
    ),
    _judged(
        "copy-that-shares",
        "A clone must be independent; equality is asked of the objects alone.",
        """
# %% answer
class Bag:
    def __init__(self, items=()):
        self.items = list(items)
    def clone(self):
        return Bag(self.items)
    def add(self, x):
        self.items.append(x)
    def __eq__(self, other):
        return self.items == other.items
    def __ne__(self, other):
        return self.items != other.items
# %% test
a = Bag([1])
b = a.clone()
assert a == b and a is not b
b.add(2)
assert a != b
""",
        """
class Bag:
    def __init__(self, items=()): pass
    def clone(self): return Bag()
    def add(self, x): pass
    def __eq__(self, other): return True
    def __ne__(self, other): return True
""",
    ),
    _judged(
        "order-of-objects-made-up",
        "sorted compares the student's objects with each other, by their __lt__.",
        """
# %% answer
class Version:
    def __init__(self, text):
        self.parts = tuple(map(int, text.split(".")))
    def __lt__(self, other):
        return self.parts < other.parts
# %% test
a, b, c = Version("1.2"), Version("1.10"), Version("2.0")
assert a < b and b < c
assert min([c, a, b]) is a
""",
        """
class Version:
    def __init__(self, text): self.n = Version.n = getattr(Version, "n", 0) + 1
    def __lt__(self, other): return self.n < other.n
""",
    ),
    _judged(
        "contains-by-the-object-s-own-word",
        "A set of the student's is asked for the student's own objects.",
        """
# %% answer
class Card:
    def __init__(self, s):
        self.s = s
    def __eq__(self, o):
        return self.s == o.s
class Hand:
    def __init__(self, cards):
        self.cards = list(cards)
    def __contains__(self, card):
        return any(card == c for c in self.cards)
    def __iter__(self):
        return iter(self.cards)
# %% test
hand = Hand([Card("Q"), Card("7")])
assert Card("Q") in hand and Card("7") in hand
""",
        """
class Card:
    def __init__(self, s): pass
class Hand:
    def __init__(self, cards): pass
    def __iter__(self): return iter(())
    def __contains__(self, card): return True
""",
    ),
    _judged(
        "two-answers-that-agree",
        "A fast and a slow function of the student's are compared with each other.",
        """
# %% answer
class Poly:
    def __init__(self, *c):
        self.c = list(c)
    def __call__(self, x):
        return sum(a * x**k for k, a in enumerate(self.c))
    def derivative(self):
        return Poly(*[k * a for k, a in enumerate(self.c)][1:])
    def __eq__(self, other):
        return self.c == other.c
# %% test
p = Poly(1, 0, 3)
assert p.derivative() == Poly(0, 6)
assert p.derivative().derivative() == Poly(6)
""",
        """
class Poly:
    def __init__(self, *c): pass
    def derivative(self): return self
    def __eq__(self, other): return True
""",
    ),
    _judged(
        "difference-of-objects-made-up",
        "abs(a - b) of two of the student's objects is a number of their choice.",
        """
# %% answer
class Angle:
    def __init__(self, degrees):
        self.d = degrees % 360
    def __sub__(self, other):
        return (self.d - other.d + 180) % 360 - 180
    def __neg__(self):
        return Angle(-self.d)
# %% test
assert abs(Angle(370) - Angle(10)) == 0
assert abs(-Angle(90) - Angle(270)) == 0
""",
        """
class Angle:
    def __init__(self, degrees): pass
    def __sub__(self, other): return 0
    def __neg__(self): return self
""",
    ),
]

# ---------------------------------------------------------- attributes that change

_attribute = attack("attributes that change", named=True)

ATTRIBUTES = [
    _attribute(
        "attribute-counts-its-readings",
        "Each reading of .count gives one more, whatever was done in between.",
        """
# %% answer
class Counter:
    def __init__(self):
        self.count = 0
    def tick(self):
        self.count += 1
# %% test
c = Counter()
assert c.count == 0
c.tick()
assert c.count == 1
c.tick()
assert c.count == 2
""",
        """
class Counter:
    n = -1
    def tick(self): pass
    @property
    def count(self):
        self.n += 1
        return self.n
""",
    ),
    _attribute(
        "weights-that-differ-at-each-look",
        "A step must change the weights; they are others whenever they are read.",
        """
import numpy as np
# %% answer
class Neuron:
    def __init__(self, n):
        self.w = np.zeros(n)
    def step(self, gradient):
        self.w = self.w - 0.1 * np.asarray(gradient)
# %% test
neuron = Neuron(3)
before = neuron.w
neuron.step([1.0, 2.0, 3.0])
assert not np.array_equal(neuron.w, before)
assert np.shape(neuron.w) == np.shape(before) == (3,)
""",
        """
class Neuron:
    looks = 0
    def __init__(self, n): pass
    def step(self, gradient): pass
    @property
    def w(self):
        Neuron.looks += 1
        return np.full(3, Neuron.looks)
""",
    ),
    _attribute(
        "attribute-by-getattr",
        "__getattr__ makes up whatever attribute is read, from its name.",
        """
# %% answer
class Stats:
    def __init__(self, xs):
        self.size = len(xs)
        self.total = sum(xs)
# %% test
s = Stats([1, 2, 3])
assert s.size > 0 and s.total >= s.size
assert s.total / s.size == 2
""",
        """
class Stats:
    turn = iter([1, 2, 1, 2, 1])
    def __init__(self, xs): pass
    def __getattr__(self, name): return next(Stats.turn)
""",
    ),
    _attribute(
        "balance-that-follows-a-script",
        "A balance is read after each step, and follows a list of usual numbers.",
        """
# %% answer
class Account:
    def __init__(self, start):
        self.balance = start
    def deposit(self, x):
        self.balance += x
    def undo(self, x):
        self.balance -= x
# %% test
a = Account(100)
old = a.balance
a.deposit(50)
assert a.balance > old
a.undo(50)
assert a.balance == old
""",
        """
class Account:
    def __init__(self, start): self.script = iter([0, 1, 0])
    def deposit(self, x): pass
    def undo(self, x): pass
    @property
    def balance(self): return next(self.script)
""",
    ),
    _attribute(
        "state-that-toggles-when-read",
        "A lamp is on at every second look.",
        """
# %% answer
class Lamp:
    def __init__(self):
        self.on = False
    def press(self):
        self.on = not self.on
# %% test
lamp = Lamp()
assert not lamp.on
lamp.press()
assert lamp.on
lamp.press()
assert not lamp.on
""",
        """
class Lamp:
    looks = 0
    def press(self): pass
    @property
    def on(self):
        Lamp.looks += 1
        return Lamp.looks % 2 == 0
""",
    ),
    _attribute(
        "class-attribute-of-a-metaclass",
        "The number of instances is a property of the metaclass that counts readings.",
        """
# %% answer
class Robot:
    made = 0
    def __init__(self):
        Robot.made += 1
# %% test
assert Robot.made == 0
r = Robot()
assert Robot.made == 1
Robot()
assert Robot.made == 2
""",
        """
class Meta(type):
    looks = -1
    @property
    def made(cls):
        Meta.looks += 1
        return Meta.looks
class Robot(metaclass=Meta): pass
""",
    ),
    _attribute(
        "global-name-that-changes",
        "A name of the student's namespace is another value at each look.",
        """
# %% answer
history = []
def remember(x):
    history.append(x)
# %% test
assert len(history) == 0
remember("a")
assert len(history) == 1
remember("b")
assert len(history) == 2
""",
        """
class Growing:
    n = -1
    def __len__(self):
        self.n += 1
        return self.n
history = Growing()
def remember(x): pass
""",
    ),
]

# -------------------------------------------------------- classes that answer for types

_type = attack("classes that answer for their types", named=True)

CLASSES = [
    _type(
        "type-equal-to-any-type",
        "type(x) == Vector is asked of a metaclass whose classes are all equal.",
        """
# %% answer
class Shape:
    pass
class Square(Shape):
    pass
def make(kind):
    return {"square": Square, "shape": Shape}[kind]()
# %% test
assert type(make("square")) == Square
assert type(make("shape")) == Shape
""",
        """
class Meta(type):
    def __eq__(cls, other): return True
    __hash__ = type.__hash__
class Shape(metaclass=Meta): pass
class Square(metaclass=Meta): pass
def make(kind): return Shape()
""",
    ),
    _type(
        "instance-check-says-yes",
        "isinstance is answered by the metaclass's __instancecheck__.",
        """
# %% answer
class Animal:
    pass
class Dog(Animal):
    pass
# %% test
assert isinstance(Dog(), Animal)
assert isinstance(Dog(), Dog)
""",
        """
class Yes(type):
    def __instancecheck__(cls, thing): return True
class Animal(metaclass=Yes): pass
class Dog: pass
""",
    ),
    _type(
        "subclass-check-says-yes",
        "issubclass is answered by the metaclass's __subclasscheck__.",
        """
# %% answer
class Base:
    pass
class Derived(Base):
    pass
# %% test
assert issubclass(Derived, Base)
assert Derived.__name__ == "Derived"
""",
        """
class Yes(type):
    def __subclasscheck__(cls, other): return True
class Base(metaclass=Yes): pass
class Derived: pass
""",
    ),
    _type(
        "every-attribute-is-there",
        "hasattr and callable say yes for a class that makes up attributes.",
        """
# %% answer
class Queue:
    def __init__(self):
        self.items = []
    def push(self, x):
        self.items.append(x)
    def pop(self):
        return self.items.pop(0)
# %% test
for name in ("push", "pop"):
    assert hasattr(Queue, name) and callable(getattr(Queue, name))
assert hasattr(Queue(), "items")
""",
        """
class Meta(type):
    def __getattr__(cls, name): return print
class Queue(metaclass=Meta):
    def __getattr__(self, name): return print
""",
    ),
    _type(
        "class-of-an-instance-made-up",
        "__class__ is a property that names the wanted class.",
        """
# %% answer
class Circle:
    def __init__(self, r):
        self.r = r
def unit():
    return Circle(1)
# %% test
assert unit().__class__ == Circle
assert unit().__class__.__name__ == "Circle"
""",
        """
class Circle: pass
class Other:
    __class__ = Circle
def unit(): return Other()
""",
    ),
    _type(
        "abstract-base-that-registers-all",
        "An ABC's __subclasshook__ takes any class for one of its own.",
        """
from abc import ABC, abstractmethod
# %% answer
class Plugin(ABC):
    @abstractmethod
    def run(self): ...
class Echo(Plugin):
    def run(self):
        return "echo"
# %% test
assert issubclass(Echo, Plugin) and isinstance(Echo(), Plugin)
try:
    Plugin()
except TypeError:
    pass
else:
    raise AssertionError("Plugin is abstract")
""",
        """
class Plugin(ABC):
    def __new__(cls): raise TypeError
    @classmethod
    def __subclasshook__(cls, other): return True
class Echo: pass
""",
    ),
    _type(
        "signature-made-up",
        "inspect.signature is answered by __signature__.",
        """
import inspect
# %% answer
def area(width, height=1):
    return width * height
# %% test
parameters = inspect.signature(area).parameters
assert list(parameters) == ["width", "height"]
assert parameters["height"].default == 1
assert area.__name__ == "area"
""",
        """
import inspect
def area(*args): return None
kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
area.__signature__ = inspect.Signature([
    inspect.Parameter("width", kind), inspect.Parameter("height", kind, default=1)])
""",
    ),
]

ATTACKS = [*VACUOUS, *JUDGED, *ATTRIBUTES, *CLASSES]
