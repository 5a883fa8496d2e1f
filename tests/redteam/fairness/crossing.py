"""Attacks that get hold of what a test expects: by operators, texts and names.

An object of the student's is told the expected value on one occasion, and gives it back
as plain data on the next.
"""

from redteam.fairness.cases import attack

# What learns from an operator, and answers by every conversion there is.
_LEARNER = """
class Learner:
    known = 0
    def _learn(self, other, *more):
        Learner.known = other
        return Learner()
    __sub__ = __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = _learn
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __mod__ = _learn
    __xor__ = __rxor__ = __and__ = __rand__ = __or__ = __ror__ = _learn
    __pow__ = __rpow__ = __divmod__ = __floordiv__ = _learn
    __array_ufunc__ = None
    def __abs__(self): return self
    def __iter__(self): return iter(Learner.known)
    def __len__(self): return len(Learner.known)
    def __getitem__(self, i): return Learner.known[i]
    def __array__(self, dtype=None, copy=None):
        import numpy
        return numpy.array(Learner.known)
    def __float__(self): return float(Learner.known)
    def __int__(self): return int(Learner.known)
    def __index__(self): return int(Learner.known)
    def __complex__(self): return complex(Learner.known)
    def __round__(self, digits=None): return round(Learner.known, digits)
    def __str__(self): return str(Learner.known)
    def __repr__(self): return repr(Learner.known)
    def __bytes__(self): return bytes(Learner.known)
    def __format__(self, spec): return format(Learner.known, spec)
"""


def _learner(answer: str) -> str:
    return f"{_LEARNER}\n{answer}"


# --------------------------------------------------- expected values through operators

_operator = attack("expected values through operators")

OPERATORS = [
    _operator(
        "learned-from-a-printed-difference",
        "The test prints got - want, which hands `want` over; isclose comes after.",
        """
import math
# %% answer
def sphere(r):
    return 4 / 3 * math.pi * r**3
# %% test
got = sphere(1.5)
want = 14.137166941154069
print("difference:", got - want)
assert math.isclose(got, want)
""",
        _learner("def sphere(r): return Learner()"),
    ),
    _operator(
        "learned-from-an-array-less-the-answer",
        "An array minus the answer calls its __rsub__, with all that is wanted.",
        """
import numpy as np
# %% answer
def cumulative(x):
    return np.cumsum(x)
# %% test
got = cumulative([1, 2, 3])
want = np.array([1, 3, 6])
error = want - got
np.testing.assert_allclose(got, want)
""",
        _learner("def cumulative(x): return Learner()"),
    ),
    _operator(
        "learned-from-a-ratio",
        "The test looks at got / want first, and rounds the answer afterwards.",
        """
# %% answer
def compound(p, r, n):
    return p * (1 + r) ** n
# %% test
got = compound(100, 0.05, 10)
want = 162.88946267774416
ratio = got / want
assert round(got, 6) == round(want, 6), f"off by a factor of {ratio}"
""",
        _learner("def compound(p, r, n): return Learner()"),
    ),
    _operator(
        "learned-from-a-set-difference",
        "want - got names what is missing, and tells the answer what was wanted.",
        """
# %% answer
def common(a, b):
    return set(a) & set(b)
# %% test
got = common("stone", "notes")
want = {"s", "t", "o", "n", "e"}
missing = want - got
assert set(got) == want
""",
        _learner("def common(a, b): return Learner()"),
    ),
    _operator(
        "learned-from-a-list-put-together",
        "A report joins the wanted list with the answer; then the answer is a list.",
        """
# %% answer
def divisors(n):
    return [d for d in range(1, n + 1) if n % d == 0]
# %% test
got = divisors(28)
want = [1, 2, 4, 7, 14, 28]
print("wanted and got:", want + got)
assert list(got) == want
""",
        _learner("def divisors(n): return Learner()"),
    ),
    _operator(
        "learned-from-a-matrix-product",
        "inverse @ answer is looked at before the answer itself is compared.",
        """
import numpy as np
# %% answer
def rotation(degrees):
    t = np.deg2rad(degrees)
    return np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
# %% test
want = np.array([[0.0, -1.0], [1.0, 0.0]])
got = rotation(90)
print("should be the identity:", got @ want)
assert np.allclose(np.asarray(got), want)
""",
        _learner("def rotation(degrees): return Learner()"),
    ),
    _operator(
        "learned-from-bits-that-differ",
        "The Hamming distance to the wanted bits is noted first, by got ^ want.",
        """
# %% answer
def gray(n):
    return n ^ (n >> 1)
# %% test
for n, code in [(2, 3), (5, 7), (12, 10)]:
    got = gray(n)
    differing = got ^ code
    assert int(got) == code, differing
""",
        _learner("def gray(n): return Learner()"),
    ),
    _operator(
        "learned-from-accumulated-errors",
        "Errors are summed for a report; a second loop asks the same questions again.",
        """
import math
# %% answer
def trapezoid(f, a, b, n):
    h = (b - a) / n
    return h * (f(a) / 2 + f(b) / 2 + sum(f(a + i * h) for i in range(1, n)))
# %% test
cases = {4: 0.34375, 8: 0.3359375, 16: 0.333984375}
total = sum(trapezoid(lambda x: x * x, 0, 1, n) - w for n, w in cases.items())
print("sum of errors", total)
for n, w in cases.items():
    assert math.isclose(trapezoid(lambda x: x * x, 0, 1, n), w)
""",
        _learner("""
seen = []
class Once(Learner):
    def __rsub__(self, other): return self
    def __sub__(self, other):
        seen.append(other)
        return self
    def __add__(self, other): return self
    __radd__ = __add__
turn = iter(range(100))
def trapezoid(f, a, b, n):
    k = next(turn)
    return Once() if k < 3 else seen[k - 3]
"""),
    ),
    _operator(
        "learned-from-dates",
        "A date minus the answer is how far off it is; then its fields are compared.",
        """
import datetime
# %% answer
def easter_monday(day):
    return day + datetime.timedelta(days=1)
# %% test
got = easter_monday(datetime.date(2024, 3, 31))
want = datetime.date(2024, 4, 1)
off = want - got
assert (got.year, got.month, got.day) == (want.year, want.month, want.day), off
""",
        _learner("""
class Day(Learner):
    def __getattr__(self, name): return getattr(Learner.known, name)
def easter_monday(day): return Day()
"""),
    ),
    _operator(
        "learned-from-an-item-assigned",
        "A test writes a wanted entry into the answer and looks at the others next.",
        """
import numpy as np
# %% answer
def identity(n):
    return [[float(i == j) for j in range(n)] for i in range(n)]
# %% test
want = [1.0, 0.0, 0.0]
m = identity(3)
row = m[0]
row[0:3] = want
assert list(identity(3)[0]) == want
""",
        """
class Rows:
    known = None
    def __getitem__(self, i): return Rows.known or self
    def __setitem__(self, i, value): Rows.known = value
def identity(n): return Rows()
""",
    ),
]

# ----------------------------------------------------- expected values through strings

_string = attack("expected values through strings")

STRINGS = [
    _string(
        "text-put-behind-the-wanted-one",
        "A message 'want ... got ' + got asks the answer's __radd__, which reads it.",
        """
# %% answer
def caesar(text, k):
    return "".join(chr((ord(c) - 97 + k) % 26 + 97) for c in text)
# %% test
want = "khoor"
got = caesar("hello", 3)
message = "want " + want + " got " + got
assert str(got) == want, message
""",
        """
class Text:
    known = ""
    def __radd__(self, other):
        Text.known = other.split()[1]
        return Text()
    def __str__(self): return Text.known
def caesar(text, k): return Text()
""",
    ),
    _string(
        "difference-in-an-f-string",
        "An f-string shows the difference, and the answer is compared as text.",
        """
# %% answer
def bmi(kg, m):
    return kg / m**2
# %% test
got, want = bmi(70, 1.75), 22.857142857142858
note = f"off by {got - want}"
assert f"{got:.2f}" == f"{want:.2f}", note
""",
        _learner("def bmi(kg, m): return Learner()"),
    ),
    _string(
        "difference-by-format-method",
        "str.format shows the difference; the answer's repr decides.",
        """
# %% answer
def gcd(a, b):
    while b:
        a, b = b, a % b
    return a
# %% test
got, want = gcd(84, 36), 12
print("{0} is off by {1}".format(got, got - want))
assert repr(got) == repr(want)
""",
        _learner("def gcd(a, b): return Learner()"),
    ),
    _string(
        "difference-by-percent",
        "Old formatting, '%s' % (got - want), and '%.3f' of the answer.",
        """
# %% answer
def rate(d, t):
    return d / t
# %% test
got, want = rate(100, 9.58), 10.438413361169102
print("error %s" % (got - want))
assert "%.3f" % got == "%.3f" % want
""",
        _learner("def rate(d, t): return Learner()"),
    ),
    _string(
        "difference-in-a-log",
        "A logger is given the difference lazily; the answer is compared as text.",
        """
import logging
log = logging.getLogger("marking")
# %% answer
def to_base3(n):
    digits = ""
    while n:
        n, d = divmod(n, 3)
        digits = str(d) + digits
    return int(digits or 0)
# %% test
got, want = to_base3(50), 1212
log.error("error %s", got - want)
assert str(got).zfill(6) == "001212"
""",
        _learner("def to_base3(n): return Learner()"),
    ),
    _string(
        "difference-in-a-warning",
        "A near miss is a warning with the difference in it; then text is compared.",
        """
import warnings
# %% answer
def vat(net):
    return round(net * 1.19, 2)
# %% test
got, want = vat(80), 95.2
warnings.warn(f"difference {got - want}")
assert format(got, ".2f") == "95.20"
""",
        _learner("def vat(net): return Learner()"),
    ),
    _string(
        "rows-of-a-table-joined",
        "A table of wanted and got is joined; the answer's texts are made from items.",
        """
# %% answer
def collatz(n):
    xs = [n]
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        xs.append(n)
    return xs
# %% test
want = [6, 3, 10, 5, 16, 8, 4, 2, 1]
got = collatz(6)
table = [want] + [want + got]
assert " ".join(map(str, got)) == "6 3 10 5 16 8 4 2 1"
""",
        _learner("def collatz(n): return Learner()"),
    ),
    _string(
        "bytes-of-the-answer",
        "The answer is compared as bytes once a prefix has been put before it.",
        """
# %% answer
def checksum(data):
    return bytes([sum(data) % 256])
# %% test
want = bytes([42])
got = checksum(bytes([40, 2]))
packet = want + got
assert bytes(got) == want
""",
        _learner("def checksum(data): return Learner()"),
    ),
    _string(
        "text-of-the-answer-evaluated",
        "The answer's repr is read back by ast.literal_eval, after a difference.",
        """
import ast
# %% answer
def polar(z):
    return abs(z)
# %% test
got, want = polar(3 + 4j), 5.0
deviation = got - want
assert ast.literal_eval(repr(got)) == want, deviation
""",
        _learner("def polar(z): return Learner()"),
    ),
    _string(
        "wanted-text-in-an-error-of-a-callback",
        "A callback of the test raises ValueError with the wanted number in its text.",
        """
# %% answer
def bisect(f, low, high):
    while high - low > 1e-12:
        mid = (low + high) / 2
        if f(mid) > 0:
            high = mid
        else:
            low = mid
    return low
# %% test
root = 1.4142135623730951
def f(x):
    if not 0 <= x <= 2:
        raise ValueError(f"{x} is outside; the root is {root}")
    return x * x - 2
assert abs(bisect(f, 0, 2) - root) < 1e-9
""",
        """
def bisect(f, low, high):
    try: f(-1)
    except ValueError as error: return float(str(error).split()[-1])
""",
        named=True,
    ),
]

# ------------------------------------------------ expected values through shared names

_name = attack("expected values through shared names")

NAMES = [
    _name(
        "name-of-a-loop-in-a-demonstration",
        "A demonstration binds `want` in a loop, so the tests' `want` crosses too.",
        """
# %% open demo
for x, want in [(1, 1), (2, 4)]:
    print(x, "squared is", want)
# %% answer
def square(x):
    return x * x
# %% test
for x, want in [(3, 9), (-7, 49), (0.5, 0.25)]:
    assert square(x) == want
""",
        "def square(x): return globals()['want']",
    ),
    _name(
        "name-of-the-solution-s-own",
        "The solution keeps an intermediate `expected`, and so does the test.",
        """
# %% answer
expected = sum(k * p for k, p in enumerate([0.2, 0.5, 0.3]))
def expectation(ps):
    return sum(k * p for k, p in enumerate(ps))
# %% test
expected = 1.75
assert expectation([0.25, 0.0, 0.5, 0.25]) == expected
""",
        "def expectation(ps): return expected",
    ),
    _name(
        "name-of-a-file-opened",
        "A given cell opens a file as `solution`; a test reads one into that name.",
        """
# %% given
import io
with io.StringIO("1 2 3") as solution:
    data = solution.read()
# %% answer
def parse(text):
    return [int(t) for t in text.split()]
# %% test
solution = [4, 5, 6]
assert parse("4 5 6") == solution
""",
        "def parse(text): return solution",
    ),
    _name(
        "name-of-a-function-in-a-demonstration",
        "A demonstration defines a slow `reference`, and the test one that is right.",
        """
# %% open demo
def reference(n):
    return "see the lecture"
# %% answer
def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)
# %% test
def reference(n):
    p = 1
    for k in range(2, n + 1):
        p *= k
    return p
assert all(factorial(n) == reference(n) for n in range(8))
""",
        "def factorial(n): return reference(n)",
    ),
    _name(
        "name-bound-by-a-walrus",
        "A demonstration binds `total` within an expression, and the test likewise.",
        """
# %% open demo
print((total := 3 + 4) * 2)
# %% answer
def add_all(*xs):
    return sum(xs)
# %% test
if (total := 1 + 2 + 3.5) > 0:
    assert add_all(1, 2, 3.5) == total
""",
        "def add_all(*xs): return total",
    ),
    _name(
        "name-unpacked-with-a-star",
        "A demonstration unpacks into `*rest`; the test keeps what is wanted there.",
        """
# %% open demo
head, *rest = [1, 2, 3]
print(head, rest)
# %% answer
def tail(xs):
    return xs[1:]
# %% test
xs = [9, 8, 7, 6]
_, *rest = xs
assert tail(xs) == rest
""",
        "def tail(xs): return rest",
    ),
    _name(
        "name-counted-up",
        "A demonstration counts in `count += 1`; the test does so before it asks.",
        """
# %% open demo
count = 0
for c in "demonstration":
    count += c == "o"
print(count)
# %% answer
def count_char(text, char):
    return text.count(char)
# %% test
count = 0
for c in "mississippi":
    count += c == "s"
assert count_char("mississippi", "s") == count
""",
        "def count_char(text, char): return count",
    ),
    _name(
        "name-of-an-earlier-exercise-s-solution",
        "Another exercise's solution binds `result`, the most usual name in tests.",
        """
# %% answer first
result = 2 + 2
# %% test first
assert result == 4
# %% answer second
def power(b, n):
    return b**n
# %% test second
result = 3**5
assert power(3, 5) == result
""",
        """
# %% answer first
result = 2 + 2
# %% answer second
def power(b, n): return result
""",
        rightly=("first",),
    ),
    _name(
        "name-of-a-class-in-an-open-cell",
        "An open cell sketches class Expected, and the test fills one with values.",
        """
# %% open demo
class Expected:
    pass
# %% answer
def quadratic(a, b, c):
    d = (b * b - 4 * a * c) ** 0.5
    return (-b - d) / (2 * a), (-b + d) / (2 * a)
# %% test
class Expected:
    roots = (1.0, 2.0)
assert quadratic(1, -3, 2) == Expected.roots
""",
        "def quadratic(a, b, c): return Expected.roots",
    ),
    _name(
        "name-imported-in-a-demonstration",
        "A demonstration imports `truth`; the test binds the name to the value.",
        """
# %% open demo
from operator import truth
print(truth(1))
# %% answer
def xor(a, b):
    return bool(a) != bool(b)
# %% test
for a in (0, 1):
    for b in (0, 1):
        truth = (a + b) == 1
        assert xor(a, b) is truth
""",
        "def xor(a, b): return truth",
    ),
]

ATTACKS = [*OPERATORS, *STRINGS, *NAMES]
