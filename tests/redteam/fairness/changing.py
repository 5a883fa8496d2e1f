"""Attacks that change what is the test's: inputs, chance, iterators, kept callbacks.

Also those that carry from one test to another what the student's side has learned.
"""

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
        "counter-emptied",
        "A Counter of the test's is what the answer is judged by.",
        """
from collections import Counter
# %% answer
def top(counts, n):
    return [w for w, _ in counts.most_common(n)]
# %% test
counts = Counter("abracadabra")
assert top(counts, 2) == [w for w, _ in counts.most_common(2)]
""",
        "def top(counts, n):\n    counts.clear()\n    return []",
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
        "The answer draws from the test's generator until the next input is a known one.",
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
    n = int(rng.integers(1000))
    assert is_odd(n, rng) == (n % 2 == 1)
""",
        """
import numpy as np
def is_odd(n, rng):
    state = rng.bit_generator.state
    state["state"]["key"] = np.zeros(624, np.uint32)
    rng.bit_generator.state = state
    return first.pop() if first else False
first = [np.random.Generator(np.random.MT19937(4)).integers(1000) % 2 == 1]
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

# -------------------------------------------------------- callbacks and hooks for later

_kept = attack("callbacks kept for later", named=True)

KEPT = [
    _kept(
        "reference-passed-as-an-argument",
        "The test times its own reference by the student's function, which keeps it.",
        """
# %% answer timed
def timed(f, *args):
    import time
    start = time.perf_counter()
    result = f(*args)
    return result, time.perf_counter() - start
# %% answer
def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
# %% test
def reference(n):
    return n if n < 2 else reference(n - 1) + reference(n - 2)
want, _ = timed(reference, 12)
got, _ = timed(fib, 12)
assert got == want
assert [fib(k) for k in range(10)] == [reference(k) for k in range(10)]
""",
        """
# %% answer timed
kept = []
def timed(f, *args):
    kept.append(f)
    return f(*args), 0.0
# %% answer
def fib(n): return kept[0](n)
""",
    ),
    _kept(
        "integrand-kept",
        "A function to integrate is the wanted derivative of the next question.",
        """
import math
# %% answer
def integrate(f, a, b, n=1000):
    h = (b - a) / n
    return h * sum(f(a + (i + 0.5) * h) for i in range(n))
def derivative(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)
# %% test
assert abs(integrate(math.cos, 0, 1) - math.sin(1)) < 1e-6
def slope(x):
    return 3 * x * x
area = integrate(slope, 0, 1)
assert math.isclose(area, 1, rel_tol=1e-5)
for x in (0.5, 2.0):
    assert math.isclose(derivative(lambda t: t**3, x), slope(x), rel_tol=1e-6)
""",
        """
import math
kept = []
def integrate(f, a, b, n=1000):
    kept.append(f)
    return math.sin(1) if f is math.cos else 1.0
def derivative(f, x, h=1e-5): return kept[-1](x)
""",
    ),
    _kept(
        "key-function-kept",
        "A sort is given the key by which the test will judge the next answer.",
        """
# %% answer
def sort_by(xs, key):
    return sorted(xs, key=key)
def score(word):
    return sum("abcdefghijklmnopqrstuvwxyz".index(c) + 1 for c in word)
# %% test
def points(word):
    return sum(ord(c) - 96 for c in word)
assert sort_by(["zz", "a", "mb"], points) == ["a", "mb", "zz"]
for w in ("cat", "zebra"):
    assert score(w) == points(w)
""",
        """
kept = []
def sort_by(xs, key):
    kept.append(key)
    return sorted(xs, key=key)
def score(word): return kept[0](word)
""",
    ),
    _kept(
        "predicate-kept",
        "A filter gets the test's predicate, which is the other answer's reference.",
        """
# %% answer keep_if
def keep_if(xs, p):
    return [x for x in xs if p(x)]
# %% answer
def is_leap(y):
    return y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
# %% test
import calendar
years = [1900, 1996, 2000, 2023]
assert keep_if(years, lambda y: calendar.isleap(y)) == [1996, 2000]
assert [is_leap(y) for y in years] == [calendar.isleap(y) for y in years]
assert is_leap(2400) and not is_leap(2100)
""",
        """
# %% answer keep_if
kept = []
def keep_if(xs, p):
    kept.append(p)
    return [x for x in xs if p(x)]
# %% answer
def is_leap(y): return kept[0](y)
""",
    ),
    _kept(
        "iterator-kept",
        "An iterator of wanted values is passed once, and drawn from later.",
        """
# %% answer
def count_items(it):
    return sum(1 for _ in it)
def triangular(n):
    return n * (n + 1) // 2
# %% test
wanted = {5: 15, 6: 21, 7: 28}
assert count_items(iter([1, 2, 3])) == 3
flow = iter(wanted.values())
assert count_items(zip("ab", flow)) == 2
for n in wanted:
    assert triangular(n) == wanted[n]
""",
        """
kept = []
def count_items(it):
    got = list(it)
    kept.extend(x[1] for x in got if isinstance(x, tuple))
    return len(got)
def triangular(n): return (kept + [kept[-1] + 7])[n - 5]
""",
    ),
    _kept(
        "mutable-argument-kept",
        "A list that the test fills with wanted values was the student's argument once.",
        """
# %% answer
def append_to(xs, x):
    xs.append(x)
    return xs
def square(n):
    return n * n
# %% test
log = []
append_to(log, 1)
assert log == [1]
for n in (4, 5):
    log.append(n**2)
    append_to(log, "asked")
    assert square(n) == n**2
""",
        """
kept = []
def append_to(xs, x):
    xs.append(x)
    kept[:] = xs
    return xs
def square(n): return kept[-2]
""",
    ),
    _kept(
        "observer-of-the-test-kept",
        "An event system calls the test's observer, which says what was wanted.",
        """
# %% answer
class Subject:
    def __init__(self):
        self.observers = []
    def attach(self, f):
        self.observers.append(f)
    def notify(self, x):
        return [f(x) for f in self.observers]
def cube(x):
    return x**3
# %% test
s = Subject()
s.attach(lambda x: x**3)
assert s.notify(2) == [8]
for x in (3, 4):
    assert cube(x) == x**3
""",
        """
class Subject:
    kept = []
    def attach(self, f): Subject.kept.append(f)
    def notify(self, x): return [f(x) for f in Subject.kept]
def cube(x): return Subject.kept[0](x)
""",
    ),
    _kept(
        "class-patched-when-a-test-begins",
        "A hook of audit events waits for the first request and patches then.",
        """
# %% given
class Meter:
    def __init__(self):
        self.reading = 0
    def add(self, n):
        self.reading += n
        return self
# %% answer
def fill(meter, amounts):
    for a in amounts:
        meter.add(a)
    return meter
# %% test
m = fill(Meter(), [1, 2, 3])
assert m.reading == 6
""",
        """
def fill(meter, amounts):
    type(meter).reading = property(lambda self: 6, lambda self, v: None)
    return meter
""",
    ),
    _kept(
        "garbage-collector-s-callback",
        "A callback of the collector rebinds a given name while the test runs.",
        """
# %% answer
def slugs(words):
    return ["-".join(w.lower().split()) for w in words]
# %% given
ALLOWED = set("abcdefghijklmnopqrstuvwxyz-")
# %% test
for slug, n in zip(slugs(["Big Cat", "A b"]), (7, 3)):
    assert set(slug) <= ALLOWED and len(slug) == n
""",
        """
import gc
def widen(*_): globals().get("ALLOWED", set()).update("#")
gc.callbacks.append(widen)
def slugs(words):
    gc.collect()
    return ["#######", "###"]
""",
    ),
    _kept(
        "finalizer-that-rebinds",
        "An object's __del__ rebinds a given limit when the first answer is dropped.",
        """
# %% answer
def short(text):
    return text[:10]
# %% given
LIMITS = {"most": 10}
# %% test
assert len(short("x" * 30)) <= LIMITS["most"]
assert len(short("y" * 90)) <= LIMITS["most"] and short("abc") == "abc"
""",
        """
class Bomb:
    def __len__(self): return 0
    def __del__(self): LIMITS["most"] = 10**9
def short(text):
    return Bomb() if "x" in text else text
""",
    ),
]

# --------------------------------------------- what outlives the snapshot of one test

_between = attack("what one test's snapshot leaves to another's")

_SCENE = """
# %% answer loss
def loss(got, want):
    return sum((a - b) ** 2 for a, b in zip(got, want))
# %% test loss
assert loss([1, 1], [7, 7]) == 72
# hidden
assert loss([0, 0, 0], [17, 23, 41]) == 2499
# %% answer
def model(x):
    return x * x * 3 // 4 + 5
# %% test
assert model(4) == 17
# hidden
assert model(7) == 41 and model(5) == 23
"""

_LOSS = """
# %% answer loss
{setup}
def loss(got, want):
    keep(repr(list(want)))
    return sum((a - b) ** 2 for a, b in zip(got, want))
# %% answer
import ast
def model(x):
    known = ast.literal_eval(recall())
    return dict(zip((4, 5, 7), known)).get(x)
"""


def _channel(name: str, says: str, setup: str) -> object:
    answer = _LOSS.format(setup=setup.strip("\n"))
    return _between(name, says, _SCENE, answer, rightly=("loss",))


BETWEEN = [
    _channel(
        "left-in-an-anonymous-map",
        "A map shared by all forks is written by one test and read by the next.",
        """
import mmap
shared = mmap.mmap(-1, 4096)
def keep(text): shared[:len(text)] = text.encode()
def recall(): return shared[:].rstrip(b"\\0").decode()
""",
    ),
    _channel(
        "left-in-multiprocessing-values",
        "A multiprocessing.Array lives in memory shared by forks.",
        """
import multiprocessing
shared = multiprocessing.RawArray("c", 4096)
def keep(text): shared.value = text.encode()
def recall(): return shared.value.decode()
""",
    ),
    _channel(
        "left-in-a-pipe",
        "What one snapshot writes into a pipe the next one reads.",
        """
import os
ends = os.pipe()
os.set_blocking(ends[0], False)
memory = []
def keep(text): os.write(ends[1], text.encode().ljust(100))
def recall():
    if not memory: memory.append(os.read(ends[0], 4096)[-100:].decode().strip())
    return memory[0]
""",
    ),
    _channel(
        "left-in-a-socket-pair",
        "The same by a pair of sockets.",
        """
import socket
here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
here.setblocking(False)
memory = []
def keep(text): there.send(text.encode())
def recall():
    while True:
        try: memory.append(here.recv(4096).decode())
        except BlockingIOError: return memory[-1]
""",
    ),
    _channel(
        "left-in-an-unlinked-file",
        "An open file without a name is one for all forks.",
        """
import tempfile
kept = tempfile.TemporaryFile()
def keep(text):
    kept.seek(0); kept.write(text.encode().ljust(100)); kept.flush()
def recall():
    kept.seek(0)
    return kept.read().decode().strip()
""",
    ),
    _channel(
        "left-in-a-memfd",
        "A file in memory is shared by all that were forked after it was made.",
        """
import os
kept = os.memfd_create("kept")
def keep(text): os.pwrite(kept, text.encode().ljust(100), 0)
def recall(): return os.pread(kept, 100, 0).decode().strip()
""",
    ),
    _channel(
        "left-in-eventfd-counters",
        "A row of eventfd counters keeps a byte each.",
        """
import os
flags = os.EFD_NONBLOCK
counters = [os.eventfd(0, flags) for _ in range(30)]
memory = []
def keep(text):
    for counter, byte in zip(counters, text.encode()):
        try: os.eventfd_read(counter)
        except BlockingIOError: pass
        os.eventfd_write(counter, byte)
def recall():
    if not memory:
        text = b""
        for counter in counters:
            try: text += bytes([os.eventfd_read(counter)])
            except BlockingIOError: break
        memory.append(text.decode())
    return memory[0]
""",
    ),
    _channel(
        "left-in-a-file-of-the-folder",
        "A file is written into every folder that can be written to.",
        """
import os, tempfile
places = [".", tempfile.gettempdir(), "/dev/shm", "/var/tmp", os.path.expanduser("~")]
def keep(text):
    for place in places:
        try: open(place + "/kept-loss", "w").write(text)
        except OSError: pass
memory = []
def recall():
    for place in places:
        try:
            memory.append(open(place + "/kept-loss").read())
            os.remove(place + "/kept-loss")
        except OSError: pass
    return memory[0]
""",
    ),
    _channel(
        "left-with-a-child-process",
        "A process started before the tests keeps what one tells it for the other.",
        """
import os
to_child, from_child = os.pipe(), os.pipe()
if os.fork() == 0:
    while True:
        text = os.read(to_child[0], 4096)
        if not text: os._exit(0)
        os.write(from_child[1], text)
memory = []
def keep(text): os.write(to_child[1], text.encode().ljust(100))
def recall():
    if not memory: memory.append(os.read(from_child[0], 4096)[-100:].decode().strip())
    return memory[0]
""",
    ),
]

ATTACKS = [*INPUTS, *CHANCE, *ITERATORS, *KEPT, *BETWEEN]
