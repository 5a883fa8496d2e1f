"""Honest values: each kind of data in the forms that a student may choose."""

from redteam.fairness.cases import Idiom, idiom


def each(exercise: str, *answers: tuple[str, str, str], **more: object) -> list[Idiom]:
    """Make an idiom of each answer (name, what is unusual, text) to one exercise."""
    return [idiom(name, says, exercise, text, **more) for name, says, text in answers]


# ------------------------------------------------------------------ a sequence is asked

_SEQUENCE = each(
    """
import numpy as np
# %% answer
def squares(n):
    return [k * k for k in range(n)]
# %% test
assert list(squares(4)) == [0, 1, 4, 9]
# hidden
assert sum(squares(6)) == 55
np.testing.assert_array_equal(np.array(list(squares(5))), [0, 1, 4, 9, 16])
assert max(squares(3)) == 4 and sorted(squares(3)) == [0, 1, 4]
assert all(got == k * k for k, got in enumerate(squares(12)))
assert 49 in squares(10) and 50 not in squares(10)
""",
    (
        "sequence-tuple",
        "A tuple in place of a list.",
        "def squares(n): return tuple(k * k for k in range(n))",
    ),
    (
        "sequence-array",
        "An array in place of a list.",
        "def squares(n): return np.arange(n) ** 2",
    ),
    (
        "sequence-generator",
        "A generator function in place of a list.",
        "def squares(n):\n    for k in range(n): yield k * k",
    ),
    (
        "sequence-map",
        "A map object in place of a list.",
        "def squares(n): return map(lambda k: k * k, range(n))",
    ),
    (
        "sequence-userlist",
        "A collections.UserList in place of a list.",
        "from collections import UserList\n"
        "def squares(n): return UserList(k * k for k in range(n))",
    ),
    (
        "sequence-deque",
        "A deque in place of a list.",
        "from collections import deque\n"
        "def squares(n): return deque(k * k for k in range(n))",
    ),
    (
        "sequence-array-module",
        "An array.array in place of a list.",
        "from array import array\n"
        "def squares(n): return array('q', [k * k for k in range(n)])",
    ),
    (
        "sequence-list-subclass",
        "A list of a class of the student's own.",
        "class Squares(list):\n"
        "    @property\n"
        "    def total(self): return sum(self)\n"
        "def squares(n): return Squares(k * k for k in range(n))",
    ),
    (
        "sequence-of-numpy-scalars",
        "A list whose items are NumPy scalars.",
        "def squares(n): return [np.int64(k) ** 2 for k in range(n)]",
    ),
    (
        "sequence-of-an-int-subclass",
        "A list whose items are of an int subclass.",
        "class N(int): pass\ndef squares(n): return [N(k * k) for k in range(n)]",
    ),
    (
        "sequence-abc",
        "A class of the student's own after collections.abc.Sequence.",
        """
from collections.abc import Sequence
class Squares(Sequence):
    def __init__(self, n): self.n = n
    def __len__(self): return self.n
    def __getitem__(self, i):
        if not 0 <= i < self.n: raise IndexError(i)
        return i * i
def squares(n): return Squares(n)
""",
    ),
    (
        "sequence-iterator-class",
        "An iterator class of the student's own.",
        """
class Squares:
    def __init__(self, n): self.k, self.n = -1, n
    def __iter__(self): return self
    def __next__(self):
        self.k += 1
        if self.k >= self.n: raise StopIteration
        return self.k ** 2
squares = Squares
""",
    ),
    (
        "sequence-ndarray-subclass",
        "An array of a subclass of ndarray.",
        "class Row(np.ndarray): pass\n"
        "def squares(n): return (np.arange(n) ** 2).view(Row)",
    ),
    (
        "sequence-object-array",
        "An array of dtype object.",
        "def squares(n): return np.array([k * k for k in range(n)], dtype=object)",
    ),
    (
        "sequence-memoryview",
        "A memoryview of an array.",
        "def squares(n): return memoryview(np.arange(n) ** 2)",
    ),
    (
        "sequence-dict-keys",
        "The keys of a dict, in order.",
        "def squares(n): return {k * k: None for k in range(n)}.keys()",
    ),
    (
        "sequence-old-style",
        "A class with nothing but __getitem__, the oldest iteration protocol.",
        """
class squares:
    def __init__(self, n): self.n = n
    def __getitem__(self, i):
        if i >= self.n: raise IndexError
        return i * i
""",
    ),
)

_RANGE = each(
    """
# %% answer
def multiples(k, n):
    return [k * i for i in range(1, n + 1)]
# %% test
m = multiples(3, 4)
assert len(m) == 4
assert m[0] == 3 and m[-1] == 12
assert list(m) == [3, 6, 9, 12]
assert list(m[1:3]) == [6, 9]
assert list(reversed(m)) == [12, 9, 6, 3]
""",
    (
        "indexed-range",
        "A range in place of a list.",
        "def multiples(k, n): return range(k, k * n + 1, k)",
    ),
    (
        "indexed-userlist",
        "A UserList is indexed, sliced and reversed.",
        "from collections import UserList\n"
        "def multiples(k, n): return UserList(range(k, k * n + 1, k))",
    ),
    (
        "indexed-sequence-of-one-s-own",
        "A sequence of the student's own with slices.",
        """
class M:
    def __init__(self, items): self.items = items
    def __len__(self): return len(self.items)
    def __getitem__(self, i):
        found = self.items[i]
        return M(found) if isinstance(i, slice) else found
def multiples(k, n): return M([k * i for i in range(1, n + 1)])
""",
    ),
    (
        "indexed-strided-view",
        "A view with a stride of a larger array.",
        "import numpy as np\ndef multiples(k, n): return np.arange(k * n + 1)[k::k]",
    ),
)

# --------------------------------------------------------------------- a pair is asked

_PAIR = each(
    """
import math
# %% answer
def mean_var(xs):
    m = sum(xs) / len(xs)
    return m, sum((x - m) ** 2 for x in xs) / len(xs)
# %% test
pair = mean_var([1, 2, 3, 4])
assert isinstance(pair, tuple) and len(pair) == 2
m, v = pair
assert m == 2.5 and v == 1.25
# hidden
assert math.isclose(mean_var([2.0, 4.0])[1], 1.0)
assert mean_var([5, 5]) == (5, 0)
""",
    (
        "pair-namedtuple",
        "A collections.namedtuple where a tuple is promised.",
        """
from collections import namedtuple
Moments = namedtuple("Moments", "mean var")
def mean_var(xs):
    m = sum(xs) / len(xs)
    return Moments(m, sum((x - m) ** 2 for x in xs) / len(xs))
""",
    ),
    (
        "pair-typing-namedtuple",
        "A typing.NamedTuple with a method.",
        """
from typing import NamedTuple
class Moments(NamedTuple):
    mean: float
    var: float
    def std(self): return self.var ** 0.5
def mean_var(xs):
    m = sum(xs) / len(xs)
    return Moments(m, sum((x - m) ** 2 for x in xs) / len(xs))
""",
    ),
    (
        "pair-tuple-subclass",
        "A plain subclass of tuple.",
        """
class Pair(tuple):
    __slots__ = ()
def mean_var(xs):
    m = sum(xs) / len(xs)
    return Pair((m, sum((x - m) ** 2 for x in xs) / len(xs)))
""",
    ),
    (
        "pair-of-fractions",
        "Exact fractions in place of floats.",
        """
from fractions import Fraction
def mean_var(xs):
    m = sum(map(Fraction, xs)) / len(xs)
    return m, sum((x - m) ** 2 for x in map(Fraction, xs)) / len(xs)
""",
    ),
    (
        "pair-of-decimals",
        "Decimals in place of floats.",
        """
from decimal import Decimal
def mean_var(xs):
    xs = [Decimal(x) for x in xs]
    m = sum(xs) / len(xs)
    return m, sum((x - m) ** 2 for x in xs) / len(xs)
""",
    ),
    (
        "pair-of-numpy-scalars",
        "NumPy scalars in place of floats.",
        "import numpy as np\ndef mean_var(xs): return np.mean(xs), np.var(xs)",
    ),
)

# --------------------------------------------------------------------- a word is asked

_WORD = each(
    """
# %% answer
def parity(n):
    return "odd" if n % 2 else "even"
# %% test
assert parity(3) == "odd"
assert isinstance(parity(4), str)
# hidden
assert parity(0) == "even" and parity(-1) != "even"
assert parity(10).upper() == "EVEN" and len(parity(1)) == 3
assert {parity(k) for k in range(4)} == {"even", "odd"}
assert f"{parity(7)} number" == "odd number"
assert parity(2).startswith("ev") and parity(5) in ("odd", "even")
""",
    (
        "word-strenum",
        "A member of a StrEnum where text is promised.",
        """
from enum import StrEnum
class Parity(StrEnum):
    EVEN = "even"
    ODD = "odd"
def parity(n): return Parity.ODD if n % 2 else Parity.EVEN
""",
    ),
    (
        "word-str-subclass",
        "Text of a str subclass.",
        "class Word(str): pass\ndef parity(n): return Word('odd' if n % 2 else 'even')",
    ),
    (
        "word-numpy-str",
        "Text taken from an array is of type np.str_.",
        "import numpy as np\nWORDS = np.array(['even', 'odd'])\n"
        "def parity(n): return WORDS[n % 2]",
    ),
    (
        "word-by-a-match-statement",
        "A match statement with a guard.",
        """
def parity(n):
    match n % 2:
        case 0: return "even"
        case _: return "odd"
""",
    ),
    (
        "word-from-a-class-that-is-called",
        "The answer is no function but an instance with __call__.",
        """
class Parity:
    words = "even", "odd"
    def __call__(self, n): return self.words[n & 1]
parity = Parity()
""",
    ),
)

# ------------------------------------------------------------------- a number is asked

_NUMBER = each(
    """
import math
import numpy as np
# %% answer
def power_mean(a, b):
    return (a * a + b * b) / 2
# %% test
assert power_mean(1, 3) == 5
assert math.isclose(power_mean(2, 4), 10)
# hidden
assert abs(power_mean(0.5, 1.5) - 1.25) < 1e-12
np.testing.assert_allclose(float(power_mean(3, 3)), 9)
assert np.isclose(float(power_mean(6, 8)), 50)
assert round(float(power_mean(1, 2)), 3) == 2.5
assert power_mean(1, 1) <= 1.0 and not power_mean(2, 2) < 4
""",
    (
        "number-fraction",
        "A Fraction in place of a float.",
        "from fractions import Fraction\n"
        "def power_mean(a, b): return (Fraction(a) ** 2 + Fraction(b) ** 2) / 2",
    ),
    (
        "number-0-d-array",
        "An array without dimensions in place of a number.",
        "def power_mean(a, b): return np.array((a * a + b * b) / 2)",
    ),
    (
        "number-float-subclass",
        "A number of a float subclass.",
        "class Real(float): pass\n"
        "def power_mean(a, b): return Real((a * a + b * b) / 2)",
    ),
    (
        "number-numpy-scalar",
        "A NumPy scalar by np.mean.",
        "def power_mean(a, b): return np.mean(np.square([a, b]))",
    ),
    (
        "number-longdouble",
        "A number of more digits, np.longdouble.",
        "def power_mean(a, b):\n"
        "    a, b = np.longdouble(a), np.longdouble(b)\n"
        "    return (a * a + b * b) / 2",
    ),
    (
        "number-by-partial",
        "The answer is a functools.partial.",
        "from functools import partial\n"
        "def mean(p, a, b): return (a**p + b**p) / 2\n"
        "power_mean = partial(mean, 2)",
    ),
    (
        "number-by-lru-cache",
        "The answer is cached by functools.lru_cache.",
        "from functools import lru_cache\n"
        "@lru_cache\n"
        "def power_mean(a, b): return (a * a + b * b) / 2",
    ),
    (
        "number-by-a-decorator-of-one-s-own",
        "A decorator of the student's own wraps the answer.",
        """
import functools
def logged(f):
    @functools.wraps(f)
    def inner(*a, **k):
        logged.calls += 1
        return f(*a, **k)
    logged.calls = 0
    return inner
@logged
def power_mean(a, b): return (a * a + b * b) / 2
""",
    ),
    (
        "number-by-a-ufunc",
        "The answer is made by np.frompyfunc, so it gives an object.",
        "power_mean = np.frompyfunc(lambda a, b: (a * a + b * b) / 2, 2, 1)",
    ),
    (
        "number-by-np-vectorize",
        "The answer is made by np.vectorize, so it gives an array.",
        "power_mean = np.vectorize(lambda a, b: (a * a + b * b) / 2)",
    ),
    (
        "number-by-reduce-and-operator",
        "Made of functools.reduce and operator.",
        "import functools, operator\n"
        "def power_mean(*xs):\n"
        "    return functools.reduce(operator.add, map(lambda x: x * x, xs)) / len(xs)",
    ),
    (
        "number-with-imports-inside",
        "A module is imported within the function.",
        "def power_mean(a, b):\n"
        "    from statistics import fmean\n"
        "    return fmean([a * a, b * b])",
    ),
)

_COUNT = each(
    """
# %% answer
def count_true(flags):
    return sum(bool(f) for f in flags)
# %% test
assert count_true([True, False, True]) == 2
assert isinstance(count_true([]), int)
# hidden
assert list(range(count_true([1, 1, 0]))) == [0, 1]
assert "abc"[count_true([0, 1])] == "b"
assert count_true([1] * 3) + 1 == 4 and count_true([]) == 0
assert {0: "none"}[count_true([])] == "none"
assert count_true([1, 1]) > count_true([1])
""",
    (
        "count-intenum",
        "A member of an IntEnum where a number is promised.",
        """
from enum import IntEnum
Few = IntEnum("Few", {"NONE": 0, "ONE": 1, "TWO": 2, "THREE": 3})
def count_true(flags): return Few(sum(map(bool, flags)))
""",
    ),
    (
        "count-int-subclass",
        "A number of an int subclass with a repr of its own.",
        """
class Count(int):
    def __repr__(self): return f"Count({int(self)})"
def count_true(flags): return Count(sum(map(bool, flags)))
""",
    ),
    (
        "count-bool",
        "A bool where it is 0 or 1, since bools are ints.",
        "def count_true(flags):\n"
        "    n = sum(map(bool, flags))\n"
        "    return bool(n) if n < 2 else n",
    ),
)

# ------------------------------------------------------------------- a mapping is asked

_MAPPING = each(
    """
# %% answer
def tally(words):
    counts = {}
    for w in words:
        counts[w] = counts.get(w, 0) + 1
    return counts
# %% test
t = tally(["a", "b", "a"])
assert t["a"] == 2 and t["b"] == 1
assert sorted(t.items()) == [("a", 2), ("b", 1)]
assert t == {"a": 2, "b": 1}
# hidden
assert "a" in t and "z" not in t and len(t) == 2
assert sum(tally("mississippi").values()) == 11
assert sorted(tally("banana")) == ["a", "b", "n"]
assert t.get("z", 0) == 0
for letter, n in tally("noon").items():
    assert n == 2, letter
""",
    (
        "mapping-counter",
        "A Counter in place of a dict.",
        "from collections import Counter\ndef tally(words): return Counter(words)",
    ),
    (
        "mapping-defaultdict",
        "A defaultdict in place of a dict.",
        "from collections import defaultdict\n"
        "def tally(words):\n"
        "    t = defaultdict(int)\n"
        "    for w in words: t[w] += 1\n"
        "    return t",
    ),
    (
        "mapping-ordereddict",
        "An OrderedDict in place of a dict.",
        "from collections import OrderedDict\n"
        "def tally(words):\n"
        "    words = list(words)\n"
        "    return OrderedDict((w, words.count(w)) for w in words)",
    ),
    (
        "mapping-dict-subclass",
        "A dict subclass with __missing__.",
        """
class Tally(dict):
    def __missing__(self, key): return 0
def tally(words):
    t = Tally()
    for w in words: t[w] += 1
    return t
""",
    ),
    (
        "mapping-userdict",
        "A UserDict in place of a dict.",
        "from collections import UserDict\n"
        "def tally(words):\n"
        "    words = list(words)\n"
        "    return UserDict({w: words.count(w) for w in words})",
    ),
    (
        "mapping-proxy",
        "A read-only types.MappingProxyType.",
        "from types import MappingProxyType\n"
        "def tally(words):\n"
        "    words = list(words)\n"
        "    return MappingProxyType({w: words.count(w) for w in words})",
    ),
)

_SET = each(
    """
# %% answer
def letters(text):
    return set(text.lower())
# %% test
assert letters("Abba") == {"a", "b"}
assert len(letters("noon")) == 2
# hidden
assert "n" in letters("noon") and "x" not in letters("noon")
assert sorted(letters("Cab")) == ["a", "b", "c"]
assert letters("abc") & {"a", "z"} == {"a"} and letters("ab") <= set("abc")
""",
    (
        "set-frozenset",
        "A frozenset in place of a set.",
        "def letters(text): return frozenset(text.lower())",
    ),
    (
        "set-subclass",
        "A subclass of set.",
        "class Letters(set): pass\ndef letters(text): return Letters(text.lower())",
    ),
    (
        "set-keys-of-a-dict",
        "The keys of a dict, which are a set too.",
        "def letters(text): return dict.fromkeys(text.lower()).keys()",
    ),
)

# -------------------------------------------------------------------- an array is asked

_ARRAY = each(
    """
import numpy as np
# %% answer
def doubled(x):
    return 2 * np.asarray(x)
# %% test
np.testing.assert_allclose(doubled(np.array([1.0, 2.0])), [2.0, 4.0])
# hidden
got = doubled(np.arange(6.0).reshape(2, 3))
assert np.shape(got) == (2, 3)
assert np.allclose(got, [[0, 2, 4], [6, 8, 10]])
np.testing.assert_array_equal(got[1], [6, 8, 10])
assert np.max(got) == 10
""",
    (
        "array-in-place-and-returned",
        "`x *= 2; return x`: the argument itself, changed, is the answer.",
        "def doubled(x):\n    x *= 2\n    return x",
    ),
    (
        "array-by-out",
        "NumPy's out= writes into the argument.",
        "def doubled(x): return np.multiply(x, 2, out=x)",
    ),
    (
        "array-in-fortran-order",
        "An array in Fortran's order.",
        "def doubled(x): return np.asfortranarray(2 * x)",
    ),
    (
        "array-of-single-precision",
        "An array of float32.",
        "def doubled(x): return np.float32(2) * x.astype(np.float32)",
    ),
    (
        "array-masked",
        "A masked array without a masked entry.",
        "def doubled(x): return np.ma.array(2 * x)",
    ),
    (
        "array-read-only-view",
        "A view that cannot be written to.",
        "def doubled(x):\n"
        "    y = 2 * x\n"
        "    y.flags.writeable = False\n"
        "    return y[...]",
    ),
    (
        "array-of-a-subclass-with-attributes",
        "A subclass of ndarray that carries a unit.",
        """
class Quantity(np.ndarray):
    def __new__(cls, values, unit="m"):
        made = np.asarray(values).view(cls)
        made.unit = unit
        return made
    def __array_finalize__(self, origin): self.unit = getattr(origin, "unit", None)
def doubled(x): return Quantity(2 * x)
""",
    ),
    (
        "array-wrapped",
        "An object of the student's own with __array__ and __getitem__.",
        """
class Grid:
    def __init__(self, values): self.values = values
    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)
    def __getitem__(self, i): return self.values[i]
    def __len__(self): return len(self.values)
    shape = property(lambda self: self.values.shape)
def doubled(x): return Grid(2 * x)
""",
    ),
)

# ------------------------------------------------------------------- bytes, dates, None

_OTHER = [
    *each(
        """
# %% answer
def reverse_bytes(data):
    return bytes(reversed(data))
# %% test
assert reverse_bytes(b"abc") == b"cba"
assert bytes(reverse_bytes(b"")) == b"" and len(reverse_bytes(b"xy")) == 2
""",
        (
            "bytes-bytearray",
            "A bytearray in place of bytes.",
            "def reverse_bytes(data): return bytearray(data)[::-1]",
        ),
        (
            "bytes-memoryview",
            "A memoryview in place of bytes.",
            "def reverse_bytes(data): return memoryview(data)[::-1]",
        ),
    ),
    *each(
        """
import datetime
# %% answer
def a_week_later(day):
    return day + datetime.timedelta(days=7)
# %% test
day = datetime.date(2024, 2, 26)
assert a_week_later(day) == datetime.date(2024, 3, 4)
assert (a_week_later(day) - day).days == 7
assert a_week_later(day).isoformat() == "2024-03-04"
""",
        (
            "date-by-replace-and-ordinals",
            "A date by its ordinal number.",
            "def a_week_later(day):\n"
            "    return datetime.date.fromordinal(day.toordinal() + 7)",
        ),
        (
            "date-subclass",
            "A date of a subclass.",
            "class Day(datetime.date): pass\n"
            "def a_week_later(day): return Day.fromordinal(day.toordinal() + 7)",
        ),
    ),
]

IDIOMS: list[Idiom] = [
    *_SEQUENCE,
    *_RANGE,
    *_PAIR,
    *_WORD,
    *_NUMBER,
    *_COUNT,
    *_MAPPING,
    *_SET,
    *_ARRAY,
    *_OTHER,
]
