"""Attacks on what instructors give in their cells: values, functions and classes.

A test measures with what is given. The student's cells run after it, in the same
process, so all of it can be bound again, changed or patched there.
"""

from redteam.fairness.cases import attack

# ---------------------------------------------------------------------- given values

_value = attack("given values")

VALUES = [
    _value(
        "given-two-names-at-once",
        "Two tolerances are bound in one assignment, and the answer widens both.",
        """
# %% given
RTOL, ATOL = 1e-7, 1e-12
# %% answer
def area(r):
    return 3.141592653589793 * r * r
# %% test
import numpy as np
np.testing.assert_allclose(area(1), 3.141592653589793, rtol=RTOL, atol=ATOL)
# hidden
np.testing.assert_allclose(area(2.5), 19.634954084936208, rtol=RTOL, atol=ATOL)
""",
        "RTOL, ATOL = 1e9, 1e9\ndef area(r): return 0.0",
    ),
    _value(
        "given-annotated-constant",
        "A constant with an annotation is no plain assignment; the answer rebinds it.",
        """
# %% given
PRECISION: float = 0.001
# %% answer
def half_life(rate):
    import math
    return math.log(2) / rate
# %% test
assert abs(half_life(1) - 0.693147) < PRECISION
# hidden
assert abs(half_life(0.25) - 2.772589) < PRECISION
""",
        "PRECISION = 1e9\ndef half_life(rate): return 0.0",
    ),
    _value(
        "given-computed-constant",
        "A tolerance that is computed, 10 ** -9, is no literal; the answer rebinds it.",
        """
# %% given
EPS = 10 ** -9
# %% answer
def cube_root(x):
    return x ** (1 / 3)
# %% test
assert abs(cube_root(8) - 2) < EPS
# hidden
for x in [27.0, 125.0, 3.375]:
    assert abs(cube_root(x) ** 3 - x) < EPS * 100
""",
        "EPS = 10 ** 9\ndef cube_root(x): return 0.0",
    ),
    _value(
        "given-numpy-scalar",
        "A constant made by a call, np.float64(...), is the student's to rebind.",
        """
import numpy as np
# %% given
G = np.float64(9.81)
# %% answer
def fall(t):
    return G * t**2 / 2
# %% test
assert np.isclose(fall(2), G * 2)
# hidden
assert np.isclose(fall(5), G * 12.5)
""",
        "G = np.float64(0)\ndef fall(t): return 0.0",
    ),
    _value(
        "given-constant-under-if",
        "A value is bound in a branch of an if statement; the answer rebinds it.",
        """
import sys
# %% given
if sys.maxsize > 2**32:
    TOLERANCE = 1e-10
else:
    TOLERANCE = 1e-5
# %% answer
def mean(xs):
    return sum(xs) / len(xs)
# %% test
assert abs(mean([1, 2, 3, 4]) - 2.5) <= TOLERANCE
# hidden
assert abs(mean([0.1] * 7 + [3.3]) - 0.5) <= TOLERANCE
""",
        "TOLERANCE = 99\ndef mean(xs): return 0.0",
    ),
    _value(
        "given-list-of-cases-emptied",
        "The cases that a test walks through are a list, which the answer empties.",
        """
# %% given
CASES = [("kayak", True), ("kayaks", False), ("", True), ("ab", False)]
# %% answer
def is_palindrome(text):
    return text == text[::-1]
# %% test
for text, want in CASES:
    assert is_palindrome(text) == want, text
""",
        "CASES.clear()\ndef is_palindrome(text): return None",
    ),
    _value(
        "given-dict-of-answers",
        "A table of inputs and outputs is a dict: read it, or make it say what comes.",
        """
# %% given
EXAMPLES = {"I": 1, "IV": 4, "IX": 9, "XLII": 42, "MCMXCIV": 1994}
# %% answer
def roman(text):
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for a, b in zip(text, text[1:] + " "):
        total += -values[a] if values.get(b, 0) > values[a] else values[a]
    return total
# %% test
assert all(roman(text) == value for text, value in EXAMPLES.items())
""",
        "for key in EXAMPLES: EXAMPLES[key] = 0\ndef roman(text): return 0",
    ),
    _value(
        "given-array-of-expectations",
        "Expected numbers are given as an array, which the answer overwrites in place.",
        """
import numpy as np
# %% given
t = np.linspace(0, 1, 5)
expected = np.exp(-3 * t)
# %% answer
def decay(t):
    return np.exp(-3 * t)
# %% test
np.testing.assert_allclose(decay(t), expected)
""",
        "expected[:] = 0\ndef decay(t): return np.zeros(5)",
    ),
    _value(
        "given-value-of-a-loop",
        "A given loop fills a table of expected sums; the answer fills it anew.",
        """
# %% given
triangular = []
for k in range(10):
    triangular.append(k * (k + 1) // 2)
# %% answer
def triangle(n):
    return sum(range(n + 1))
# %% test
assert [triangle(k) for k in range(10)] == triangular
""",
        "triangular[:] = [7] * 10\ndef triangle(n): return 7",
    ),
    _value(
        "given-in-an-open-cell",
        "Test data stand in a cell that the student may change, and so is changed.",
        """
# %% open data
words = ["stats", "level", "python"]
lengths = [5, 5, 6]
# %% answer
def sizes_of(words):
    return [len(w) for w in words]
# %% test
assert sizes_of(words) == lengths
""",
        """
# %% open data
words = []
lengths = None
# %% answer
def sizes_of(words):
    return lengths
""",
        named=True,
    ),
]

# ------------------------------------------------------------------- given functions

_function = attack("given functions")

FUNCTIONS = [
    _function(
        "given-lambda",
        "A helper is a lambda bound to a name; the answer binds another.",
        """
# %% given
close = lambda a, b: abs(a - b) < 1e-8
# %% answer
def dot(u, v):
    return sum(a * b for a, b in zip(u, v))
# %% test
assert close(dot([1, 2], [3, 4]), 11)
# hidden
assert close(dot([0.5, -1, 2], [4, 4, 0.25]), -1.5)
""",
        "close = lambda a, b: True\ndef dot(u, v): return 0",
    ),
    _function(
        "given-cached-helper",
        "A decorated helper, functools.lru_cache, is replaced by the answer.",
        """
from functools import lru_cache
# %% given
@lru_cache(maxsize=None)
def fib_reference(n):
    return n if n < 2 else fib_reference(n - 1) + fib_reference(n - 2)
# %% answer
def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
# %% test
assert fib(10) == fib_reference(10)
# hidden
assert [fib(n) for n in range(30)] == [fib_reference(n) for n in range(30)]
""",
        "def fib_reference(n): return None\ndef fib(n): return None",
    ),
    _function(
        "given-guarded-import",
        "A helper is imported under try, with a home-made one as a substitute.",
        """
# %% given
try:
    from math import isclose
except ImportError:
    def isclose(a, b, rel_tol=1e-9):
        return abs(a - b) <= rel_tol * max(abs(a), abs(b))
# %% answer
def celsius(f):
    return (f - 32) * 5 / 9
# %% test
assert isclose(celsius(212), 100)
# hidden
assert isclose(celsius(-40), -40)
""",
        "def isclose(a, b, **k): return True\ndef celsius(f): return 0",
    ),
    _function(
        "given-checker-that-names-the-answer",
        "A given checker calls the answer by name, so it is not self-contained.",
        """
# %% given
def check_even(n, want):
    got = is_even(n)
    assert got == want, f"is_even({n}) should be {want}"
# %% answer
def is_even(n):
    return n % 2 == 0
# %% test
check_even(4, True)
check_even(7, False)
# hidden
check_even(0, True)
check_even(-3, False)
""",
        "def check_even(n, want): pass\ndef is_even(n): return None",
    ),
    _function(
        "given-helper-of-a-helper",
        "The helper is plain, but what it calls is not, and can be replaced.",
        """
# %% given
norm = lambda v: sum(x * x for x in v) ** 0.5
def same_direction(u, v):
    return abs(norm(u) * norm(v) - sum(a * b for a, b in zip(u, v))) < 1e-9
# %% answer
def unit(v):
    n = sum(x * x for x in v) ** 0.5
    return [x / n for x in v]
# %% test
assert abs(norm(unit([3, 4])) - 1) < 1e-9
# hidden
assert abs(norm(unit([1, 2, 2])) - 1) < 1e-9 and same_direction(unit([1, 2]), [1, 2])
""",
        "norm = lambda v: 1\n"
        "same_direction = lambda u, v: True\n"
        "def unit(v): return [0]",
    ),
    _function(
        "given-helper-with-a-module-level-counter",
        "A given helper notes failures in a global list, so it is not self-contained.",
        """
# %% given
failures = []
def expect(got, want):
    if got != want:
        failures.append((got, want))
# %% answer
def reverse(text):
    return text[::-1]
# %% test
failures.clear()
expect(reverse("abc"), "cba")
expect(reverse(""), "")
assert not failures
# hidden
expect(reverse("gnat"), "tang")
assert not failures, failures
""",
        "def expect(got, want): pass\ndef reverse(text): return 0",
    ),
    _function(
        "given-partial",
        "A comparison made by functools.partial is bound anew.",
        """
import functools
import numpy as np
# %% given
agrees = functools.partial(np.allclose, rtol=0, atol=1e-6)
# %% answer
def scale(v, k):
    return np.asarray(v) * k
# %% test
assert agrees(scale([1, 2], 3), [3, 6])
# hidden
assert agrees(scale([0.5, -2, 9], -2), [-1, 4, -18])
""",
        "agrees = functools.partial(lambda a, b: True)\ndef scale(v, k): return v",
    ),
    _function(
        "given-closure",
        "A checker made by a factory carries a cell that the answer can rewrite.",
        """
# %% given
def make_checker(tol):
    def checker(got, want):
        return abs(got - want) <= tol
    return checker
check = make_checker(1e-9)
# %% answer
def hypotenuse(a, b):
    return (a * a + b * b) ** 0.5
# %% test
assert check(hypotenuse(3, 4), 5)
# hidden
assert check(hypotenuse(5, 12), 13)
""",
        "check.__closure__[0].cell_contents = 1e9\ndef hypotenuse(a, b): return 0",
    ),
    _function(
        "given-function-redefined-in-an-open-cell",
        "The instructor's helper stands in a cell that students may edit.",
        """
# %% open helpers
def brute_force(n):
    return [p for p in range(2, n) if all(p % d for d in range(2, p))]
# %% answer
def primes(n):
    found = []
    for p in range(2, n):
        if all(p % q for q in found):
            found.append(p)
    return found
# %% test
assert primes(20) == brute_force(20)
# hidden
assert primes(97) == brute_force(97)
""",
        """
# %% open helpers
def brute_force(n): return []
# %% answer
def primes(n): return []
""",
        named=True,
    ),
    _function(
        "given-generator-of-cases",
        "A given generator function in which a class is made yields no case any more.",
        """
# %% given
from collections import namedtuple
Example = namedtuple("Example", "n want")
def examples():
    yield Example(0, "0b0")
    yield Example(5, "0b101")
    yield Example(18, "0b10010")
# %% answer
def binary(n):
    return bin(n)
# %% test
for example in examples():
    assert binary(example.n) == example.want
""",
        "def examples(): yield from ()\ndef binary(n): return ''",
    ),
]

# --------------------------------------------------------------------- given classes

_class = attack("given classes")
_HOOK = """
def swap(result=None):
    {body}
get_ipython().events.register("post_run_cell", swap)
"""

CLASSES = [
    _class(
        "given-checker-class",
        "A given class collects failures; a method of it is patched.",
        """
# %% given
class Checker:
    def __init__(self):
        self.failed = 0
    def equal(self, got, want):
        self.failed += got != want
# %% answer
def vowels(text):
    return sum(c in "aeiou" for c in text)
# %% test
c = Checker()
c.equal(vowels("banana"), 3)
# hidden
c.equal(vowels("rhythm"), 0)
c.equal(vowels("queue"), 4)
assert c.failed == 0
""",
        "Checker.equal = lambda self, got, want: None\ndef vowels(text): return None",
    ),
    _class(
        "given-class-replaced-by-a-hook",
        "A hook that runs after the given cell puts another class in its place.",
        """
# %% answer
def total(stack):
    s = 0
    while not stack.is_empty():
        s += stack.pop()
    return s
# %% given
class Stack:
    def __init__(self, items):
        self.items = list(items)
        self.popped = 0
    def is_empty(self):
        return not self.items
    def pop(self):
        self.popped += 1
        return self.items.pop()
# %% test
s = Stack([1, 2, 3])
assert total(s) == 6
assert s.popped == 3
""",
        "class Done:\n"
        "    popped = 3\n"
        "    def __init__(self, items): pass\n"
        "def total(stack): return 6\n" + _HOOK.format(body="globals()['Stack'] = Done"),
        named=True,
    ),
    _class(
        "given-helper-replaced-by-a-hook",
        "A hook replaces a given function once its locked cell has run.",
        """
# %% answer
def normalise(v):
    s = sum(v)
    return [x / s for x in v]
# %% given
import numpy as np
def marking(got, want):
    pairs = zip(got, want, strict=True)
    return np.mean([abs(a - b) < 1e-12 for a, b in pairs])
grade_it = np.vectorize(marking, signature="(n),(n)->()")
# %% test
assert grade_it(normalise([1, 1, 2]), [0.25, 0.25, 0.5]) == 1
""",
        "def normalise(v): return v\n"
        + _HOOK.format(body="globals()['grade_it'] = lambda got, want: 1"),
    ),
    _class(
        "given-dataclass",
        "Expected results are instances of a given dataclass, equal to anything now.",
        """
# %% given
from dataclasses import dataclass
@dataclass
class Point:
    x: float
    y: float
# %% answer
def midpoint(p, q):
    return Point((p.x + q.x) / 2, (p.y + q.y) / 2)
# %% test
assert midpoint(Point(0, 0), Point(2, 4)) == Point(1, 2)
# hidden
assert midpoint(Point(1, 1), Point(2, 4)) == Point(1.5, 2.5)
""",
        "Point.__eq__ = lambda self, other: True\ndef midpoint(p, q): return p",
    ),
    _class(
        "given-enum",
        "Expected results are members of a given Enum, whose members become one.",
        """
# %% given
from enum import Enum
class Light(Enum):
    RED = 1
    GREEN = 2
    AMBER = 3
# %% answer
def following(light):
    return {Light.RED: Light.GREEN, Light.GREEN: Light.AMBER,
            Light.AMBER: Light.RED}[light]
# %% test
assert following(Light.RED) == Light.GREEN
# hidden
assert following(Light.AMBER) == Light.RED
""",
        "class Light: RED = GREEN = AMBER = 1\ndef following(light): return light",
    ),
    _class(
        "given-context-manager",
        "A given context manager checks on leaving; another one stands in its place.",
        """
# %% given
from contextlib import contextmanager
@contextmanager
def must_raise(kind):
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")
# %% answer
def root(x):
    if x < 0:
        raise ValueError("x is negative")
    return x ** 0.5
# %% test
with must_raise(ValueError):
    root(-1)
""",
        "import contextlib\n"
        "must_raise = lambda kind: contextlib.nullcontext()\n"
        "def root(x): return 0",
    ),
    _class(
        "given-test-case",
        "A given unittest.TestCase is run by the test; its assertion is replaced.",
        """
# %% given
import unittest
class TestSort(unittest.TestCase):
    def test_small(self):
        self.assertEqual(my_sort([3, 1, 2]), [1, 2, 3])
    def test_empty(self):
        self.assertEqual(my_sort([]), [])
# %% answer
def my_sort(xs):
    return sorted(xs)
# %% test
suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestSort)
result = unittest.TextTestRunner().run(suite)
assert result.wasSuccessful()
""",
        "TestSort.assertEqual = lambda self, a, b: None\ndef my_sort(xs): return 0",
        named=True,
    ),
    _class(
        "given-exception-class",
        "The exception that the answer must raise is given, and made to be any.",
        """
# %% given
class EmptyError(Exception):
    pass
# %% answer
def first(items):
    if not items:
        raise EmptyError("no items")
    return items[0]
# %% test
try:
    first([])
except EmptyError:
    pass
else:
    raise AssertionError("EmptyError was expected")
""",
        "EmptyError = Exception\ndef first(items): return items.nothing",
    ),
    _class(
        "given-base-class",
        "The answer derives from a given class, whose template method is patched.",
        """
# %% given
class Shape:
    def describe(self):
        return f"{type(self).__name__} of area {self.area():.2f}"
# %% answer
class Square(Shape):
    def __init__(self, a):
        self.a = a
    def area(self):
        return self.a ** 2
# %% test
assert Square(3).describe() == "Square of area 9.00"
""",
        "Shape.describe = lambda self: 'Square of area 9.00'\n"
        "class Square(Shape):\n"
        "    def __init__(self, a): pass",
        named=True,
    ),
    _class(
        "given-oracle-object",
        "A given object holds the hidden state that a test compares with at the end.",
        """
# %% given
class Oracle:
    def __init__(self, secret):
        self._secret, self.asked = secret, 0
    def higher(self, n):
        self.asked += 1
        return self._secret > n
    def solved_by(self, n):
        return n == self._secret and self.asked <= 10
# %% answer
def search(oracle):
    low, high = 0, 1000
    while low < high:
        mid = (low + high) // 2
        if oracle.higher(mid):
            low = mid + 1
        else:
            high = mid
    return low
# %% test
for secret in [3, 500, 999]:
    oracle = Oracle(secret)
    assert oracle.solved_by(search(oracle))
""",
        "def search(oracle): return oracle._secret",
        named=True,
    ),
]

ATTACKS = [*VALUES, *FUNCTIONS, *CLASSES]
