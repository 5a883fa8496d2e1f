"""Attacks that change what is the test's own: its inputs, its chance, its iterators."""

from redteam.fairness.cases import attack

# -------------------------------------------------------------------- changed inputs

_input = attack("changed inputs")

INPUTS = [
    _input(
        "list-cleared",
        "The test compares with sorted(xs), of the very list that the answer clears.",
        """
# %% answer
def my_sort(xs):
    return sorted(xs)
# %% test
xs = [3, 1, 2]
assert my_sort(xs) == sorted(xs)
# hidden
for xs in ([5], [2, 2, 1], list("quokka")):
    assert my_sort(xs) == sorted(xs)
""",
        "def my_sort(xs):\n    xs.clear()\n    return []",
    ),
    _input(
        "array-zeroed",
        "The wanted array is computed from the argument after the call.",
        """
import numpy as np
# %% answer
def doubled(a):
    return 2 * a
# %% test
a = np.arange(5.0)
np.testing.assert_array_equal(doubled(a), 2 * a)
""",
        "def doubled(a):\n    a[:] = 0\n    return a",
    ),
    _input(
        "dict-emptied",
        "The test inverts the dict itself, once the answer has emptied it.",
        """
# %% answer
def invert(d):
    return {v: k for k, v in d.items()}
# %% test
d = {"a": 1, "b": 2}
assert invert(d) == {v: k for k, v in d.items()}
""",
        "def invert(d):\n    d.clear()\n    return {}",
    ),
    _input(
        "set-emptied",
        "The union is compared with a | b, of sets that are empty by then.",
        """
# %% answer
def union(a, b):
    return a | b
# %% test
a, b = {1, 2}, {2, 3}
assert union(a, b) == a | b
""",
        "def union(a, b):\n    a.clear(); b.clear()\n    return set()",
    ),
    _input(
        "inner-lists-flattened-away",
        "The lists inside a matrix are emptied, so the loop over rows finds nothing.",
        """
# %% answer
def row_sums(m):
    return [sum(row) for row in m]
# %% test
m = [[1, 2], [3, 4], [5, 6]]
sums = row_sums(m)
assert len(sums) == len(m)
for s, row in zip(sums, m):
    assert s == sum(row)
""",
        "def row_sums(m):\n    for row in m: row.clear()\n    return [0] * len(m)",
    ),
    _input(
        "deque-rotated-to-nothing",
        "A deque is passed to be rotated, and compared with itself.",
        """
from collections import deque
# %% answer
def rotate(d, k):
    d = deque(d)
    d.rotate(k)
    return d
# %% test
d = deque("abcd")
got = rotate(d, 1)
assert list(got) == [d[-1], *list(d)[:-1]] and len(got) == len(d)
""",
        "def rotate(d, k):\n    d.clear(); d.extend('zz')\n    return deque('zz')",
    ),
    _input(
        "bytearray-overwritten",
        "A buffer is encrypted and compared with what the test makes of the buffer.",
        """
# %% answer
def flip(buf):
    return bytes(b ^ 255 for b in buf)
# %% test
buf = bytearray(b"secret")
assert flip(buf) == bytes(b ^ 255 for b in buf)
""",
        "def flip(buf):\n    buf[:] = b''\n    return b''",
    ),
    _input(
        "queries-removed",
        "The answer takes from the list of cases those that it does not know.",
        """
# %% answer
def lookup(queries):
    return [q * 7 % 11 for q in queries]
# %% test
queries = [1, 2, 3, 4]
for q, got in zip(queries, lookup(queries)):
    assert got == q * 7 % 11
""",
        "def lookup(queries):\n    queries[:] = [0]\n    return [0]",
    ),
    _input(
        "inputs-changed-by-an-argument-of-keyword",
        "An optional `out` array is the test's own, and both sides of the comparison.",
        """
import numpy as np
# %% answer
def normalised(a, out=None):
    out = np.empty_like(a) if out is None else out
    out[:] = (a - a.mean()) / a.std()
    return out
# %% test
a = np.array([1.0, 2.0, 3.0])
out = np.zeros(3)
got = normalised(a, out=out)
np.testing.assert_allclose(out, (a - a.mean()) / a.std(), atol=1e-12)
np.testing.assert_allclose(got, out)
""",
        "def normalised(a, out=None):\n    a[:] = [0, 1, -1]\n"
        "    out[:] = a / (2 / 3) ** 0.5\n    return out",
    ),
    _input(
        "list-cleared-where-it-is-to-be-sorted",
        "The reference sorts in place, so the list may change: it is emptied.",
        """
# %% answer
def sort_in_place(xs):
    xs.sort()
# %% test
xs = [3, 1, 2]
sort_in_place(xs)
assert xs == sorted(xs)
""",
        "def sort_in_place(xs): xs.clear()",
    ),
]

# --------------------------------------------------------------------- chosen chance

_chance = attack("chosen chance")

CHANCE = [
    _chance(
        "global-numpy-generator-rewound",
        "Behind np.random.seed the answer seeds again, so every input is the first.",
        """
import numpy as np
# %% answer
def cube(n):
    return n**3
# %% test
np.random.seed(0)
for _ in range(10):
    n = int(np.random.randint(1, 100))
    assert cube(n) == n**3
""",
        """
table = {}
def cube(n):
    table.setdefault(n, 45 * 45 * 45)
    np.random.seed(0)
    return 91125
""",
    ),
    _chance(
        "global-random-rewound",
        "Behind random.seed the answer seeds again, so every input is the first.",
        """
import random
# %% answer
def fourth(x):
    return x**4
# %% test
random.seed(1)
for _ in range(10):
    x = random.randint(-50, 50)
    assert fourth(x) == x**4
""",
        """
import random
random.seed(1)
first = random.randint(-50, 50)
known = first * first * first * first
def fourth(x):
    random.seed(1)
    return known
""",
    ),
    _chance(
        "generator-passed-and-rewound",
        "The test draws inputs from the generator that it hands over.",
        """
import numpy as np
# %% answer
def jitter(x, rng):
    return x + rng.uniform(-0.5, 0.5)
# %% test
rng = np.random.default_rng(5)
for _ in range(8):
    x = float(rng.integers(1000))
    assert abs(jitter(x, rng) - x) <= 0.5
""",
        """
import numpy as np
known = float(np.random.default_rng(5).integers(1000))
def jitter(x, rng, known=known):
    rng.bit_generator.state = np.random.default_rng(5).bit_generator.state
    return known
""",
    ),
    _chance(
        "random-state-passed-and-reseeded",
        "A legacy RandomState is handed over, and seeded again at each call.",
        """
import numpy as np
# %% answer
def resample(xs, rs):
    return [xs[i] for i in rs.randint(0, len(xs), len(xs))]
# %% test
rs = np.random.RandomState(3)
for _ in range(6):
    xs = list(rs.randint(0, 1000, size=5))
    got = resample(xs, rs)
    assert len(got) == 5 and set(got) <= set(xs)
""",
        """
import numpy as np
known = list(np.random.RandomState(3).randint(0, 1000, size=5))
def resample(xs, rs):
    rs.seed(3)
    return known
""",
    ),
    _chance(
        "random-object-passed-and-reset",
        "A random.Random is handed over, and its state is set back.",
        """
import random
# %% answer
def shuffled(xs, rng):
    xs = list(xs)
    rng.shuffle(xs)
    return xs
# %% test
rng = random.Random(11)
for _ in range(6):
    xs = [rng.randrange(10**6) for _ in range(4)]
    assert sorted(shuffled(xs, rng)) == sorted(xs)
""",
        """
import random
twin = random.Random(11)
start = twin.getstate()
known = [twin.randrange(10**6) for _ in range(4)]
def shuffled(xs, rng):
    rng.setstate(start)
    return known
""",
    ),
    _chance(
        "draw-until-lucky",
        "The answer draws from the test's generator until a known input comes next.",
        """
import numpy as np
# %% answer
def collatz_steps(n, rng):
    steps = int(rng.integers(2)) * 0
    while n > 1:
        n, steps = (n // 2 if n % 2 == 0 else 3 * n + 1), steps + 1
    return steps
# %% test
def steps_of(n):
    k = 0
    while n > 1:
        n, k = (n // 2 if n % 2 == 0 else 3 * n + 1), k + 1
    return k
rng = np.random.default_rng(2)
assert collatz_steps(1, rng) == 0
for _ in range(8):
    n = int(rng.integers(1, 64))
    assert collatz_steps(n, rng) == steps_of(n)
""",
        """
import copy
def collatz_steps(n, rng):
    for _ in range(10_000):
        ahead = copy.deepcopy(rng)
        if int(ahead.integers(1, 64)) == 1: break
        rng.integers(1, 64)
    return 0
""",
    ),
    _chance(
        "drawn-to-a-known-state-of-the-global-generator",
        "As before with the global generator, which the test has seeded itself.",
        """
import numpy as np
# %% answer
def digits_sum(n):
    np.random.rand()
    return sum(map(int, str(n)))
# %% test
np.random.seed(42)
assert digits_sum(0) == 0
for _ in range(8):
    n = np.random.randint(200)
    assert digits_sum(n) == sum(int(c) for c in str(n))
""",
        """
import numpy as np
def digits_sum(n):
    while True:
        state = np.random.get_state()
        if np.random.randint(200) == 0: break
    np.random.set_state(state)
    return 0
""",
    ),
    _chance(
        "generator-stuck-at-zero",
        "A Mersenne twister whose words are all 0 gives nothing but zeros.",
        """
import numpy as np
# %% answer
def is_odd(n, rng):
    rng.random()
    return n % 2 == 1
# %% test
rng = np.random.Generator(np.random.MT19937(4))
for _ in range(12):
    n = int(rng.integers(1024))
    assert is_odd(n, rng) == (n % 2 == 1)
""",
        """
import numpy as np
def is_odd(n, rng):
    state = rng.bit_generator.state
    state["state"]["key"] = np.zeros(624, np.uint32)
    rng.bit_generator.state = state
    return first.pop() if first else False
first = [np.random.Generator(np.random.MT19937(4)).integers(1024) % 2 == 1]
""",
    ),
]

# ----------------------------------------------------- iterators of the test exhausted

_iterator = attack("iterators of the test exhausted")

ITERATORS = [
    _iterator(
        "sum-of-what-is-left",
        "What was taken and what is left must make the whole: take it all.",
        """
# %% answer
def take_sum(it, n):
    return sum(next(it) for _ in range(n))
# %% test
it = iter(range(10))
assert take_sum(it, 4) + sum(it) == 45
""",
        "def take_sum(it, n): return sum(it)",
    ),
    _iterator(
        "lines-consumed",
        "The rest of a file's lines is what the test looks at, by csv.reader.",
        """
import csv
# %% answer
def header(rows):
    return next(rows)
# %% test
rows = csv.reader(["a,b", "1,2", "3,4"])
names = header(rows)
for row in rows:
    assert dict(zip(names, row, strict=True)).keys() == {"a", "b"}
""",
        "def header(rows):\n    list(rows)\n    return 'nothing'",
    ),
    _iterator(
        "enumerate-exhausted",
        "An enumerate object is handed over, and the test goes on with it.",
        """
# %% answer
def first_match(pairs, char):
    for i, c in pairs:
        if c == char:
            return i
# %% test
pairs = enumerate("banana")
first = first_match(pairs, "n")
for i, c in pairs:
    assert first == 2 < i
""",
        "def first_match(pairs, char):\n    list(pairs)\n    return -1",
    ),
    _iterator(
        "all-of-a-drained-generator",
        "all(...) over a generator that the answer has drained is true.",
        """
# %% answer
def first_even(numbers):
    return next(n for n in numbers if n % 2 == 0)
# %% test
numbers = (n for n in range(7, 20))
first = first_even(numbers)
assert all(n > first for n in numbers)
""",
        "def first_even(numbers): list(numbers)",
    ),
    _iterator(
        "not-in-a-drained-iterator",
        "`5 not in it` holds for an iterator that has nothing left.",
        """
# %% answer
def drop_through(it, stop):
    for x in it:
        if x == stop:
            break
# %% test
it = iter([3, 5, 1, 5, 2])
drop_through(it, 1)
assert 3 not in it
""",
        "def drop_through(it, stop): list(it)",
    ),
]

ATTACKS = [*INPUTS, *CHANCE, *ITERATORS]
