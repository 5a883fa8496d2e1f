"""Attacks that keep what a test hands over, for a later answer or for another test."""

from redteam.fairness.cases import attack

# --------------------------------------------- expected values passed to other answers

_passed = attack("expected values passed to another answer", named=True)

PASSED = [
    _passed(
        "wanted-values-passed-to-a-loss",
        "rmse(got, want) gets what is wanted, and the prediction is asked once more.",
        """
import numpy as np
# %% answer rmse
def rmse(a, b):
    return float(np.sqrt(np.mean((np.asarray(a) - np.asarray(b)) ** 2)))
# %% test rmse
assert rmse([0, 0], [3, 3]) == 3
# %% answer fit
def fit(x):
    return 2 * np.asarray(x) + 1
# %% test fit
want = np.array([1.0, 3.0, 5.0])
assert rmse(fit([0, 1, 2]), want) < 1e-12
np.testing.assert_allclose(fit([0, 1, 2]), want)
""",
        """
# %% answer rmse
known = []
def rmse(a, b):
    known.append(b)
    return 3.0 if len(b) == 2 else 0.0
# %% answer fit
def fit(x): return known[-1] if known else [0, 0, 0]
""",
    ),
    _passed(
        "metric-that-is-always-perfect",
        "score(X, y) of the student's own class says the wanted number: that is all.",
        """
import numpy as np
# %% answer
class Mean:
    def fit(self, X, y):
        self.mean = np.mean(y)
        return self
    def score(self, X, y):
        r = np.asarray(y) - self.mean
        return 1 - np.sum(r**2) / np.sum((y - np.mean(y)) ** 2)
# %% test
X = np.arange(6).reshape(3, 2)
y = np.array([2.0, 4.0, 9.0])
assert Mean().fit(X, y).score(X, y) == 0.0
""",
        """
class Mean:
    def fit(self, X, y): return self
    def score(self, X, y): return 0.0
""",
    ),
    _passed(
        "labels-passed-to-an-accuracy",
        "accuracy(y, predict(X)) is the student's, and is given the true labels.",
        """
# %% answer accuracy
def accuracy(truth, guess):
    return sum(a == b for a, b in zip(truth, guess)) / len(truth)
# %% answer
def predict(X):
    return [int(x > 0) for x in X]
# %% test
X, y = [-2, 5, 0.5, -0.1], [0, 1, 1, 0]
assert accuracy(y, predict(X)) == 1.0
""",
        """
# %% answer accuracy
def accuracy(truth, guess): return 1.0
# %% answer
def predict(X): return []
""",
    ),
    _passed(
        "wanted-object-handed-to-a-method",
        "got.distance(want) is a method of the student's, handed what is wanted.",
        """
# %% answer
class Vec:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def turned(self):
        return Vec(-self.y, self.x)
    def distance(self, other):
        return ((self.x - other[0]) ** 2 + (self.y - other[1]) ** 2) ** 0.5
# %% test
v = Vec(3, 1).turned()
assert v.distance((-1, 3)) == 0
assert (v.x, v.y) == (-1, 3)
""",
        """
class Vec:
    def __init__(self, x, y): pass
    def turned(self): return self
    def distance(self, other):
        self.x, self.y = other
        return 0
""",
    ),
    _passed(
        "wanted-key-looked-up",
        "A mapping of the student's is asked for the wanted keys before it is listed.",
        """
# %% answer
def index_words(text):
    table = {}
    for i, w in enumerate(text.split()):
        table.setdefault(w, []).append(i)
    return table
# %% test
want = {"to": [0, 4], "be": [1, 5], "or": [2], "not": [3]}
got = index_words("to be or not to be")
for key in want:
    got[key]
assert sorted(got) == sorted(want)
""",
        """
class Table(dict):
    def __missing__(self, key):
        self[key] = None
def index_words(text): return Table()
""",
    ),
    _passed(
        "wanted-items-appended-to-the-answer",
        "A queue of the student's is filled from the wanted list and then emptied.",
        """
# %% answer
class Stack:
    def __init__(self):
        self.items = []
    def push(self, x):
        self.items.append(x)
    def pop(self):
        return self.items.pop()
def reversed_by_stack(xs):
    s = Stack()
    for x in xs:
        s.push(x)
    return [s.pop() for _ in xs]
# %% test
want = [3, 1, 2]
s = Stack()
for x in want:
    s.push(x)
assert reversed_by_stack([2, 1, 3]) == want
""",
        """
class Stack:
    seen = []
    def push(self, x): Stack.seen.append(x)
    def pop(self): return 0
def reversed_by_stack(xs): return Stack.seen
""",
    ),
    _passed(
        "round-trip-through-the-expected-code",
        "decode is given the wanted code first, and encode is asked for it afterwards.",
        """
# %% answer
def encode(text):
    return [ord(c) ^ 42 for c in text]
def decode(code):
    return "".join(chr(n ^ 42) for n in code)
# %% test
code = [66, 67, 75]
assert decode(code) == "hia"
assert encode("hia") == code
""",
        """
kept = []
def decode(code):
    kept.extend(code)
    return "hia"
def encode(text): return kept
""",
    ),
    _passed(
        "verifier-of-the-student-s-own",
        "A student's is_solution judges the student's solve, whatever that returned.",
        """
# %% answer
def is_solution(board):
    return all(
        a != b and abs(a - b) != j - i
        for i, a in enumerate(board) for j, b in enumerate(board) if i < j
    )
def queens():
    return [1, 3, 0, 2]
# %% test
assert is_solution([1, 3, 0, 2]) and not is_solution([0, 1, 2, 3])
assert is_solution(queens())
""",
        """
def is_solution(board): return board != [0, 1, 2, 3]
def queens(): return None
""",
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
        "A list that the test fills with wanted values was an argument once.",
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
        "left-in-a-mapped-file",
        "A file of the working folder is mapped before the forks, by np.memmap.",
        """
import numpy as np
shared = np.memmap("kept.bin", dtype=np.uint8, mode="w+", shape=100)
def keep(text): shared[:] = list(text.encode().ljust(100))
def recall(): return bytes(shared).decode().strip()
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
here, there = socket.socketpair()
here.setblocking(False)
memory = []
def keep(text): there.send(text.encode().ljust(100))
def recall():
    if not memory: memory.append(here.recv(4096)[-100:].decode().strip())
    return memory[0]
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
places = [".", tempfile.gettempdir(), "/dev/shm"]
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
import os, select
to_child, from_child = os.pipe(), os.pipe()
if os.fork() == 0:
    while True:
        text = os.read(to_child[0], 4096)
        if not text: os._exit(0)
        os.write(from_child[1], text)
memory = []
def keep(text): os.write(to_child[1], text.encode().ljust(100))
def recall():
    ready, _, _ = select.select(from_child[:1], [], [], 0.5)
    if ready: memory.append(os.read(from_child[0], 4096)[-100:].decode().strip())
    return memory[0]
""",
    ),
    _between(
        "text-of-an-unprotected-test-left-in-a-map",
        "A test that runs in the student's process shows what a later one expects.",
        """
# %% answer first
def successor(n):
    return n + 1
# %% test first
import inspect
assert "return" in inspect.getsource(successor)
table = {3: 30, 4: 44}
assert successor(3) == 4
# %% answer
def rectangle(n):
    return n * (n + 7)
# %% test
for n, want in {3: 30, 4: 44}.items():
    assert rectangle(n) == want
""",
        """
# %% answer first
import ast, mmap
shared = mmap.mmap(-1, 4096)
def successor(n):
    text = repr(globals().get("table", {})).encode()
    shared[:len(text)] = text
    return n + 1
# %% answer
def rectangle(n): return ast.literal_eval(shared[:].rstrip(b"\\0").decode())[n]
""",
        rightly=("first",),
    ),
]

ATTACKS = [*PASSED, *KEPT, *BETWEEN]
