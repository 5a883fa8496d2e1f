"""Attacks by stand-ins in place of data, and by exceptions in place of answers.

Where the reference gives data, these give an object that answers each question as the
test would like it; or they raise, or end, what the test goes through.
"""

from redteam.fairness.cases import attack

# --------------------------------------------------------- protocols that disagree

_disagree = attack("stand-ins whose protocols disagree")

PROTOCOLS = [
    _disagree(
        "length-right-and-no-items",
        "len says 3, and a loop over it finds nothing to check.",
        """
# %% answer
def thirds(n):
    return [n / 3] * 3
# %% test
parts = thirds(9)
assert len(parts) == 3
for p in parts:
    assert p == 3
""",
        """
class Parts:
    def __len__(self): return 3
    def __iter__(self): return iter(())
def thirds(n): return Parts()
""",
    ),
    _disagree(
        "shape-right-and-array-empty",
        "Its shape is what is wanted, and as an array it is empty.",
        """
import numpy as np
# %% answer
def ramp(n):
    return np.linspace(0, 1, n)
# %% test
r = ramp(5)
assert r.shape == (5,)
assert np.allclose(np.diff(r), 0.25)
""",
        """
class Ramp:
    shape, size = (5,), 5
    def __array__(self, dtype=None, copy=None): return np.zeros(0)
def ramp(n): return Ramp()
""",
    ),
    _disagree(
        "items-differ-from-iteration",
        "Indexing gives what the visible test asks; iteration says something else.",
        """
# %% answer
def countdown(n):
    return list(range(n, 0, -1))
# %% test
c = countdown(3)
assert c[0] == 3 and c[-1] == 1
assert sum(c) == 6 and len(c) == 3
""",
        """
class Down:
    def __getitem__(self, i): return 1 if i == -1 else 3
    def __iter__(self): return iter((6,))
    def __len__(self): return 3
def countdown(n): return Down()
""",
    ),
    _disagree(
        "each-iteration-another",
        "The first loop is given the lengths, the second one the sum.",
        """
# %% answer
def partition(xs, p):
    return [[x for x in xs if x < p], [x for x in xs if x >= p]]
# %% test
halves = partition([5, 1, 4, 2], 3)
assert [len(h) for h in halves] == [2, 2]
assert [sum(h) for h in halves] == [3, 9]
""",
        """
class Turns:
    left = [[(0, 0), (0, 0)], [[3], [9]]]
    def __iter__(self): return iter(self.left.pop(0))
def partition(xs, p): return Turns()
""",
    ),
    _disagree(
        "round-differs-from-float",
        "round says one thing and float another, as each assertion wants.",
        """
import math
# %% answer
def golden(n):
    a, b = 1, 1
    for _ in range(n):
        a, b = b, a + b
    return b / a
# %% test
g = golden(40)
assert round(g, 1) == 1.6
assert math.isclose(float(g) ** 2, float(g) + 1, rel_tol=1e-9)
""",
        """
class Odd:
    turn = iter([1.0, 0.0])
    def __round__(self, n=None): return 1.6
    def __float__(self): return next(Odd.turn)
def golden(n): return Odd()
""",
    ),
    _disagree(
        "conversion-counts-its-calls",
        "int(...) of the same object is another number at each call.",
        """
# %% answer
class Dial:
    def __init__(self):
        self.n = 0
    def press(self):
        self.n += 1
    def __int__(self):
        return self.n
# %% test
d = Dial()
assert int(d) == 0
d.press()
assert int(d) == 1
d.press()
assert int(d) == 2
""",
        """
class Dial:
    n = -1
    def press(self): pass
    def __int__(self):
        self.n += 1
        return self.n
""",
        named=True,
    ),
    _disagree(
        "old-style-sequence-that-ends-at-once",
        "A class with __getitem__ alone ends iteration by IndexError when it likes.",
        """
# %% answer
def letters(text):
    return [c for c in text if c.isalpha()]
# %% test
got = letters("a1b2")
assert got[0] == "a" and got[1] == "b"
for c in got:
    assert c.isalpha()
assert sorted(got) == sorted(set(got))
""",
        """
class Old:
    def __getitem__(self, i):
        if Old.loops: raise IndexError
        Old.loops = i == 1
        return "ab"[i]
    loops = False
def letters(text): return Old()
""",
    ),
    _disagree(
        "slices-and-lengths-made-up",
        "A sequence whose slices are all that the test compares with.",
        """
# %% answer
def window(xs, n):
    return [xs[i:i + n] for i in range(len(xs) - n + 1)]
# %% test
w = window([1, 2, 3, 4], 2)
assert len(w) == 3
assert w[0:1] + w[2:3] == w[::2]
for a, b in zip(w, w[1:]):
    assert a[1] == b[0]
""",
        """
class Windows:
    def __len__(self): return 3
    def __getitem__(self, i):
        if isinstance(i, slice): return []
        raise IndexError
def window(xs, n): return Windows()
""",
    ),
    _disagree(
        "keys-without-values",
        "keys() is what is wanted; items() is empty.",
        """
# %% answer
def histogram(xs):
    h = {}
    for x in xs:
        h[x] = h.get(x, 0) + 1
    return h
# %% test
h = histogram([2, 2, 5])
assert sorted(h.keys()) == [2, 5]
for x, n in h.items():
    assert n == [2, 2, 5].count(x)
""",
        """
class Histogram:
    def keys(self): return [2, 5]
    def items(self): return []
def histogram(xs): return Histogram()
""",
    ),
]

# ----------------------------------------------------------- methods that say yes

_yes = attack("stand-ins whose methods say yes")

METHODS = [
    _yes(
        "startswith-says-yes",
        "The greeting is asked whether it starts with and ends with what it should.",
        """
# %% answer
def greeting(name):
    return f"Dear {name}, welcome!"
# %% test
assert greeting("Ada").startswith("Dear Ada")
# hidden
assert greeting("Bo").startswith("Dear Bo") and greeting("Bo").endswith("!")
""",
        """
class Yes:
    def __getattr__(self, name): return lambda *a, **k: True
def greeting(name): return Yes()
""",
    ),
    _yes(
        "issuperset-says-yes",
        "A set is asked whether it is a superset and has nothing in common.",
        """
# %% answer
def vowels_in(text):
    return {c for c in text if c in "aeiou"}
# %% test
assert vowels_in("education").issuperset({"e", "u", "a"})
assert vowels_in("rhythm").isdisjoint("aeiou")
""",
        """
class Yes:
    def issuperset(self, other): return True
    def isdisjoint(self, other): return True
def vowels_in(text): return Yes()
""",
    ),
    _yes(
        "all-of-a-comparison-says-yes",
        "(a > 0).all() is asked of what the answer's comparison gives.",
        """
import numpy as np
# %% answer
def softplus(x):
    return np.log1p(np.exp(np.asarray(x)))
# %% test
y = softplus([-2.0, 0.0, 3.0])
mask = y.__gt__(0)
assert mask.all()
assert y.argmax() == 2 and y.argmin() == 0
""",
        """
class Mask:
    def all(self): return True
class Y:
    def __gt__(self, other): return Mask()
    def argmax(self): return 2
    def argmin(self): return 0
def softplus(x): return Y()
""",
    ),
    _yes(
        "statistics-made-up",
        "An array is judged by its mean, its std and its min alone.",
        """
import numpy as np
# %% answer
def standardise(x):
    x = np.asarray(x, float)
    return (x - x.mean()) / x.std()
# %% test
z = standardise([1.0, 5.0, 9.0, 2.0])
assert abs(z.mean()) < 1e-12 and abs(z.std() - 1) < 1e-12
assert z.shape == (4,) and z.dtype == float
""",
        """
class Z:
    shape, dtype = (4,), float
    def mean(self): return 0.0
    def std(self): return 1.0
def standardise(x): return Z()
""",
    ),
    _yes(
        "string-predicates-say-yes",
        "A password is asked isalnum, and what count says of its digits.",
        """
# %% answer
def password(seed):
    return f"Pw{seed * 7919 % 10007}x"
# %% test
p = password(3)
assert p.isalnum() and not p.islower() and not p.isdigit()
assert p.find("P") == 0
""",
        """
class P:
    def isalnum(self): return True
    def islower(self): return False
    isdigit = islower
    def find(self, c): return 0
def password(seed): return P()
""",
    ),
    _yes(
        "count-and-index-made-up",
        "A list is judged by count and index, which a class can answer.",
        """
# %% answer
def deal(n):
    return sorted(range(n), key=lambda k: k * 37 % n)
# %% test
d = deal(11)
for k in range(11):
    assert d.count(k) == 1
assert 0 <= d.index(5) < 11
""",
        """
class Deck:
    def count(self, k): return 1
    def index(self, k): return 0
def deal(n): return Deck()
""",
    ),
    _yes(
        "get-of-a-mapping-made-up",
        "A mapping is read by .get with a default that a class can ignore.",
        """
# %% answer
def tally(votes):
    t = {}
    for v in votes:
        t[v] = t.get(v, 0) + 1
    return t
# %% test
t = tally(["x", "y", "x"])
assert t.get("z", 0) == 0
assert t.get("x", 0) - t.get("y", 0) == 1
assert t.get("x") + t.get("y") == len("xyx")
""",
        """
class T:
    def get(self, key, default=None):
        if key == "z": return 0
        if default is None: return {"x": 3, "y": 0}[key]
        return {"x": 1, "y": 0}[key]
def tally(votes): return T()
""",
    ),
    _yes(
        "dates-fields-made-up",
        "A date is judged by weekday() and strftime(), which a class can answer.",
        """
import datetime
# %% answer
def next_sunday(day):
    return day + datetime.timedelta(days=6 - day.weekday() or 7)
# %% test
s = next_sunday(datetime.date(2024, 5, 15))
assert s.weekday() == 6
assert s.strftime("%A") == "Sunday" and s.toordinal() > 0
""",
        """
class S:
    def weekday(self): return 6
    def strftime(self, form): return "Sunday"
    def toordinal(self): return 1
def next_sunday(day): return S()
""",
    ),
    _yes(
        "membership-by-an-own-method",
        "`x in got` is the class's own __contains__, without any items.",
        """
# %% answer
def perfect(n):
    return {k for k in range(2, n) if sum(d for d in range(1, k) if k % d == 0) == k}
# %% test
p = perfect(500)
assert 6 in p and 28 in p and 496 in p
""",
        """
class P:
    def __contains__(self, k): return True
def perfect(n): return P()
""",
    ),
]

# ---------------------------------------------------------------- endless iterators

_endless = attack("endless iterators")

ENDLESS = [
    _endless(
        "membership-in-all-integers",
        "`81 in f(10)` walks an iterator over all integers until it is there.",
        """
# %% answer
def squares(n):
    return [k * k for k in range(n)]
# %% test
assert 81 in squares(10)
assert 49 in squares(10) and 0 in squares(10)
""",
        "import itertools\ndef squares(n): return itertools.count()",
    ),
    _endless(
        "membership-where-a-generator-is-asked-for",
        "The reference is a generator itself, and so is the endless one.",
        """
# %% answer
def odd_squares(n):
    for k in range(1, n, 2):
        yield k * k
# %% test
assert 25 in odd_squares(9)
assert 49 in odd_squares(9)
""",
        "def odd_squares(n):\n    k = 0\n"
        "    while True:\n        yield k\n        k += 1",
    ),
    _endless(
        "any-over-all-integers",
        "any(x == want for x in f()) ends when it has come by.",
        """
# %% answer
def multiples(n, most):
    return list(range(n, most + 1, n))
# %% test
for want in (7, 14, 77):
    assert any(x == want for x in multiples(7, 100))
""",
        """
def multiples(n, most):
    k = 0
    while True:
        yield k
        k += 1
""",
    ),
    _endless(
        "next-of-a-filtered-stream",
        "next(x for x in f() if x > 100) finds what it looks for in any stream.",
        """
# %% answer
def powers(b, n):
    return [b**k for k in range(n)]
# %% test
assert next(x for x in powers(2, 20) if x > 1000) == 1024
assert next(x for x in powers(3, 9) if x > 80) == 81
""",
        """
def powers(b, n):
    k = 1
    while True:
        k = k + 1
        if k in (81, 1024): yield k
        elif k < 80: yield k
""",
    ),
    _endless(
        "set-that-holds-every-word",
        "An endless sequence of all words there are has every word that is wanted.",
        """
# %% answer
def rotations(word):
    return [word[i:] + word[:i] for i in range(len(word))]
# %% test
for want in ("abc", "bca", "cab"):
    assert want in rotations("abc")
""",
        """
import itertools
class Words:
    def __iter__(self):
        for n in itertools.count(1):
            yield from map("".join, itertools.product("abc", repeat=n))
def rotations(word): return Words()
""",
    ),
    _endless(
        "zip-with-a-stream-of-both",
        "A stream that is asked beside the wanted ones gives each in its turn.",
        """
# %% answer
def signs(n):
    return [(-1) ** k for k in range(n)]
# %% test
s = signs(6)
total = 0
for k, x in zip(range(6), s):
    total += x * k
assert total == -3 and 1 in s and -1 in s
""",
        "def signs(n):\n    while True:\n        yield from (0, 3, 0, -2, 0, 0, 1, -1)",
    ),
]

# ---------------------------------------------------------------- foreign exceptions

_foreign = attack("foreign exceptions")

EXCEPTIONS = [
    _foreign(
        "stop-iteration-in-map",
        "StopIteration raised within map ends the loop over it.",
        """
# %% answer
def negate(x):
    return -x
# %% test
for x, y in zip([1, 2, 3], map(negate, [1, 2, 3])):
    assert y == -x
""",
        "def negate(x): raise StopIteration",
    ),
    _foreign(
        "stop-iteration-in-a-key",
        "all(map(...)) of a predicate that raises StopIteration is true.",
        """
# %% answer
def is_square(n):
    return round(n**0.5) ** 2 == n
# %% test
assert all(map(is_square, [0, 1, 4, 144]))
assert not any(map(is_square, [2, 3, 143]))
""",
        "def is_square(n): raise StopIteration",
    ),
    _foreign(
        "stop-iteration-in-filter",
        "sum(filter(...)) ends early and is 0.",
        """
# %% answer
def is_perfect(n):
    return n > 1 and sum(d for d in range(1, n) if n % d == 0) == n
# %% test
bad = list(filter(is_perfect, [1, 2, 4, 8, 12]))
assert bad == []
assert sum(1 for _ in filter(is_perfect, range(5))) == 0
""",
        "def is_perfect(n): raise StopIteration",
    ),
    _foreign(
        "skip-test",
        "unittest.SkipTest in a TestCase of the test makes the run a success.",
        """
# %% answer
def add(a, b):
    return a + b
# %% test
import unittest
class TestAdd(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 3), 5)
suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestAdd)
assert unittest.TextTestRunner().run(suite).wasSuccessful()
""",
        "import unittest\ndef add(a, b): raise unittest.SkipTest('later')",
    ),
    _foreign(
        "index-error-ends-an-iteration",
        "A test's own sequence asks the answer for items; IndexError ends it.",
        """
# %% answer
def nth_even(n):
    return 2 * n
# %% test
class Evens:
    def __getitem__(self, i):
        return nth_even(i)
for i, x in zip(range(5), Evens()):
    assert x == 2 * i
""",
        "def nth_even(n): raise IndexError",
    ),
    _foreign(
        "key-error-for-a-default",
        "The test takes a KeyError for 'not there' and goes on to the next case.",
        """
# %% answer
def capital(country):
    return {"France": "Paris", "Japan": "Tokyo"}[country]
# %% test
cases = {"France": "Paris", "Atlantis": None, "Japan": "Tokyo"}
for country, want in cases.items():
    try:
        got = capital(country)
    except KeyError:
        continue
    assert got == want
""",
        "def capital(country): raise KeyError(country)",
        named=True,
    ),
    _foreign(
        "attribute-error-for-hasattr",
        "A property that raises AttributeError makes hasattr false, which is wanted.",
        """
# %% answer
class Locked:
    def __init__(self, code):
        self.__code = code
    def opens(self, code):
        return code == self.__code
# %% test
box = Locked(7)
assert not hasattr(box, "code") and not hasattr(box, "_code")
if hasattr(box, "opens"):
    assert box.opens(7) and not box.opens(8)
""",
        "class Locked:\n    def __init__(self, code): pass",
        named=True,
    ),
    _foreign(
        "generator-exit-in-a-loop",
        "GeneratorExit is no Exception, and a generator of the test ends by it.",
        """
# %% answer
def step(x):
    return x / 2
# %% test
def trail(x):
    try:
        while x > 0.01:
            x = step(x)
            yield x
    except GeneratorExit:
        return
previous = 1
for x in trail(1):
    assert x == previous / 2
    previous = x
""",
        "def step(x): raise GeneratorExit",
    ),
    _foreign(
        "stop-async-iteration",
        "StopAsyncIteration from the answer ends the test's async loop.",
        """
# %% answer
def poll(n):
    return n + 1
# %% test
import asyncio
class Feed:
    n = 0
    def __aiter__(self):
        return self
    async def __anext__(self):
        self.n = poll(self.n)
        if self.n > 3:
            raise StopAsyncIteration
        return self.n
async def read():
    return [x == k async for k, x in number(Feed())]
async def number(feed):
    k = 0
    async for x in feed:
        k += 1
        yield k, x
loop = asyncio.new_event_loop()
assert all(loop.run_until_complete(read()))
loop.close()
""",
        "def poll(n): raise StopAsyncIteration",
    ),
    _foreign(
        "exception-suppressed-by-the-test",
        "A test suppresses ArithmeticError around its cases, for a few of them.",
        """
from contextlib import suppress
# %% answer
def ratio(a, b):
    return a / b
# %% test
for a, b in [(1, 0), (1, 2), (3, 4)]:
    with suppress(ZeroDivisionError):
        assert ratio(a, b) == a / b
""",
        "def ratio(a, b): raise ZeroDivisionError",
        named=True,
    ),
]

ATTACKS = [*PROTOCOLS, *METHODS, *ENDLESS, *EXCEPTIONS]
