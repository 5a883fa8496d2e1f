"""Honest programs: callbacks, threads, names, chance, state and changes in place."""

from redteam.fairness.cases import Idiom
from redteam.honest.values import each

# ------------------------------------------------------------------ callbacks, threads

_CALLBACK = each(
    """
# %% answer
def apply_all(f, xs):
    return [f(x) for x in xs]
# %% test
assert list(apply_all(lambda x: x + 1, [1, 2, 3])) == [2, 3, 4]
# hidden
seen = []
def note(x):
    seen.append(x)
    return x * 10
assert list(apply_all(note, range(5))) == [0, 10, 20, 30, 40]
assert sorted(seen) == [0, 1, 2, 3, 4]
assert list(apply_all(str.upper, "ab")) == ["A", "B"]
""",
    (
        "callback-in-a-thread-pool",
        "ThreadPoolExecutor.map calls the test's function while the test waits.",
        """
from concurrent.futures import ThreadPoolExecutor
def apply_all(f, xs):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(f, xs))
""",
    ),
    (
        "callback-in-threads-of-one-s-own",
        "A thread for each call, joined before the answer returns.",
        """
import threading
def apply_all(f, xs):
    xs = list(xs)
    results = [None] * len(xs)
    def run(i): results[i] = f(xs[i])
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(xs))]
    for t in threads: t.start()
    for t in threads: t.join()
    return results
""",
    ),
    (
        "callback-in-futures",
        "submit and as_completed, put in order afterwards.",
        """
from concurrent.futures import ThreadPoolExecutor, as_completed
def apply_all(f, xs):
    with ThreadPoolExecutor() as pool:
        futures = {pool.submit(f, x): i for i, x in enumerate(xs)}
        found = {futures[done]: done.result() for done in as_completed(futures)}
    return [found[i] for i in sorted(found)]
""",
    ),
    (
        "callback-in-an-event-loop",
        "asyncio.to_thread and gather.",
        """
import asyncio
def apply_all(f, xs):
    async def run():
        return await asyncio.gather(*(asyncio.to_thread(f, x) for x in xs))
    loop = asyncio.new_event_loop()
    try: return loop.run_until_complete(run())
    finally: loop.close()
""",
    ),
    (
        "callback-by-recursion",
        "Recursion over the rest of the arguments.",
        "def apply_all(f, xs):\n"
        "    xs = list(xs)\n"
        "    return [f(xs[0]), *apply_all(f, xs[1:])] if xs else []",
    ),
    (
        "callback-by-a-generator",
        "A generator calls back whenever the test asks for an item.",
        "def apply_all(f, xs): yield from (f(x) for x in xs)",
    ),
)

_FUNCTION = each(
    """
# %% answer
def make_adder(n):
    def add(x):
        return x + n
    return add
# %% test
add3 = make_adder(3)
assert add3(4) == 7
assert callable(add3)
assert [make_adder(k)(1) for k in range(3)] == [1, 2, 3]
assert list(map(add3, [0, 10])) == [3, 13]
""",
    (
        "function-by-lambda",
        "A lambda in place of a nested function.",
        "make_adder = lambda n: lambda x: x + n",
    ),
    (
        "function-by-partial",
        "functools.partial of operator.add.",
        "import functools, operator\n"
        "def make_adder(n): return functools.partial(operator.add, n)",
    ),
    (
        "function-by-a-bound-method",
        "A bound method of an int.",
        "def make_adder(n): return (n).__add__",
    ),
    (
        "function-by-a-callable-class",
        "A dataclass with __call__.",
        """
from dataclasses import dataclass
@dataclass(frozen=True)
class make_adder:
    n: int
    def __call__(self, x): return x + self.n
""",
    ),
    (
        "function-cached",
        "A nested function under functools.cache.",
        "import functools\n"
        "def make_adder(n):\n"
        "    @functools.cache\n"
        "    def add(x): return x + n\n"
        "    return add",
    ),
    (
        "function-by-currying",
        "A general curry of the student's own.",
        """
def curry(f, *bound):
    return lambda *more: f(*bound, *more)
def make_adder(n): return curry(lambda a, b: a + b, n)
""",
    ),
)

# ------------------------------------------------------ names that a test uses as well


def _named(
    name: str, says: str, before: str, test: str, answer: str, solution: str = ""
) -> list[Idiom]:
    exercise = f"""
# %% open demo
{before}
# %% answer
{solution or answer.replace(name, "helper_")}
# %% test
{test}
"""
    return each(exercise, (f"helper-called-{name}", says, answer), control="refused")


_NAMES = [
    *_named(
        "sizes",
        "A demonstration and the test bind `sizes`; the student's helper has the name.",
        "sizes = [2, 3]\nprint(len(sizes))",
        "sizes = [4, 3, 2]\nassert count_weights(sizes) == 18",
        "def sizes(n): return list(zip(n, n[1:]))\n"
        "def count_weights(n): return sum(a * b for a, b in sizes(n))",
    ),
    *_named(
        "labels",
        "A loop of a demonstration binds `labels`; a hidden test does too.",
        "for labels in (['a'], ['b', 'c']):\n    print(labels)",
        "assert one_hot(['x']) == [[1]]\n# hidden\n"
        "labels = ['u', 'v', 'u']\nassert one_hot(labels) == [[1, 0], [0, 1], [1, 0]]",
        "def labels(xs): return sorted(set(xs))\n"
        "def one_hot(xs): return [[int(x == k) for k in labels(xs)] for x in xs]",
    ),
    *_named(
        "trace",
        "The solution binds `trace` at its end, and so does the test.",
        "print('a matrix')",
        "trace = 5\nassert matrix_trace([[1, 2], [3, 4]]) == trace",
        "def trace(m): return sum(m[i][i] for i in range(len(m)))\n"
        "def matrix_trace(m): return trace(m)",
        "def matrix_trace(m):\n    return sum(m[i][i] for i in range(len(m)))\n"
        "trace = matrix_trace([[1, 0], [0, 1]])",
    ),
    *_named(
        "start",
        "A demonstration measures time from `start`, and the test as well.",
        "import time\nstart = time.perf_counter()",
        "import time\nstart = time.perf_counter()\nassert first_word('to be') == 'to'\n"
        "assert time.perf_counter() - start < 5",
        "def start(text): return text.index(' ')\n"
        "def first_word(text): return text[:start(text)]",
    ),
    *_named(
        "epochs",
        "A locked cell's constant and the test's loop are `epochs`.",
        "epochs = 3",
        "for epochs in (1, 4):\n    assert len(history(epochs)) == epochs",
        "def epochs(n): yield from range(n)\n"
        "def history(n): return [1 / (k + 1) for k in epochs(n)]",
    ),
    *_named(
        "grid",
        "A demonstration unpacks into `grid`, and the test passes its own.",
        "import numpy as np\ngrid, step = np.linspace(0, 1, 5, retstep=True)",
        "grid, step = np.linspace(0, 2, 9, retstep=True)\n"
        "assert np.allclose(spacing(grid), step)",
        "def grid(x): return np.diff(x)\ndef spacing(x): return grid(x)",
    ),
]

_BUILTINS = each(
    """
# %% answer
def spread(xs):
    return max(xs) - min(xs)
# %% test
assert spread([3, 9, 4]) == 6
assert abs(spread([0.5, 2.5]) - 2) < 1e-12
assert sum([spread([1, 2]), spread([1, 1])]) == 1
assert len([spread([7])]) == 1
""",
    (
        "builtin-names-for-variables",
        "Variables are called list, sum, id and input.",
        """
def spread(xs):
    list = sorted(xs)
    sum, id, input = list[0], list[-1], None
    return id - sum
""",
    ),
    (
        "builtin-names-for-helpers",
        "Helpers are called max, min and abs, at the top of the cell.",
        """
def max(xs):
    best = xs[0]
    for x in xs:
        if x > best: best = x
    return best
def min(xs): return -max([-x for x in xs])
def spread(xs): return max(xs) - min(xs)
""",
    ),
    (
        "builtin-names-as-globals",
        "Globals called range, len and type hold results of a trial.",
        "range = len = type = None\n"
        "def spread(xs): return sorted(xs)[-1] - sorted(xs)[0]",
    ),
    (
        "builtin-deleted-by-accident",
        "A builtin is replaced in the module builtins, to count its calls.",
        """
import builtins
real = builtins.range
calls = []
def counted(*a):
    calls.append(a)
    return real(*a)
builtins.range = counted
def spread(xs):
    best = 0
    for i in range(len(xs)):
        for j in range(i):
            best = max(best, abs(xs[i] - xs[j]))
    return best
""",
    ),
)
# Where `len` is None in the notebook, a test in the same process cannot use it.
_BUILTINS[2] = each(
    _BUILTINS[2].exercise,
    (_BUILTINS[2].name, _BUILTINS[2].says, _BUILTINS[2].answer),
    control="refused",
)[0]

# ------------------------------------------------------------------- chance and state

_CHANCE = each(
    """
import numpy as np
# %% answer
def noisy(x, rng):
    return np.asarray(x) + rng.normal(scale=0.1, size=np.shape(x))
# %% test
rng = np.random.default_rng(1)
y = noisy(np.zeros(2000), rng)
assert np.shape(y) == (2000,)
assert abs(np.mean(y)) < 0.02 and 0.08 < np.std(y) < 0.12
# hidden
a = noisy(np.zeros(5), np.random.default_rng(2))
b = noisy(np.zeros(5), np.random.default_rng(2))
np.testing.assert_array_equal(a, b)
c = noisy(np.zeros(5), rng)
d = noisy(np.zeros(5), rng)
assert not np.allclose(c, d), "two calls draw other numbers"
np.random.seed(0)
first = np.random.rand()
noisy(np.zeros(3), rng)
np.random.seed(0)
assert np.random.rand() == first
""",
    (
        "chance-one-by-one",
        "Numbers are drawn one by one.",
        """
def noisy(x, rng): return [v + 0.1 * rng.standard_normal() for v in x]
""",
    ),
    (
        "chance-by-uniform-numbers",
        "Normal numbers are made of uniform ones.",
        """
def noisy(x, rng):
    u, v = 1 - rng.random(len(x)), rng.random(len(x))
    return x + 0.1 * np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)
""",
    ),
    (
        "chance-by-a-generator-of-one-s-own",
        "A generator is seeded from the given one.",
        """
def noisy(x, rng):
    own = np.random.default_rng(rng.integers(2**32))
    return x + own.normal(0, 0.1, len(x))
""",
    ),
    (
        "chance-by-spawning",
        "A child is spawned from the given generator.",
        """
def noisy(x, rng):
    seed = np.random.SeedSequence(int(rng.integers(2**63)))
    child, = seed.spawn(1)
    return x + np.random.Generator(np.random.Philox(child)).normal(0, 0.1, len(x))
""",
    ),
    (
        "chance-by-the-random-module",
        "random.Random is seeded from the generator.",
        """
import random
def noisy(x, rng):
    r = random.Random(int(rng.integers(2**60)))
    return np.array([v + r.gauss(0, 0.1) for v in x])
""",
    ),
)

_STATE = each(
    """
# %% answer
class Ids:
    def __init__(self):
        self.last = 0
    def new(self):
        self.last += 1
        return self.last
ids = Ids()
def next_id():
    return ids.new()
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
# %% test
a = next_id()
assert next_id() == a + 1
assert [fib(k) for k in range(8)] == [0, 1, 1, 2, 3, 5, 8, 13]
# hidden
assert len({next_id() for _ in range(10)}) == 10
assert fib(15) == 610
""",
    (
        "state-in-a-global",
        "A global counter and a table of known results.",
        """
last = 0
known = {0: 0, 1: 1}
def next_id():
    global last
    last += 1
    return last
def fib(n):
    if n not in known: known[n] = fib(n - 1) + fib(n - 2)
    return known[n]
""",
    ),
    (
        "state-in-a-closure",
        "nonlocal in a closure, and a mutable default argument.",
        """
def counter():
    n = 0
    def new():
        nonlocal n
        n += 1
        return n
    return new
next_id = counter()
def fib(n, known={0: 0, 1: 1}):
    if n not in known: known[n] = fib(n - 1) + fib(n - 2)
    return known[n]
""",
    ),
    (
        "state-in-an-iterator",
        "itertools.count under next, and function attributes.",
        """
import functools, itertools
next_id = functools.partial(next, itertools.count(1))
def fib(n):
    while len(fib.known) <= n: fib.known.append(sum(fib.known[-2:]))
    return fib.known[n]
fib.known = [0, 1]
""",
    ),
    (
        "state-in-class-attributes",
        "A class attribute and __call__ of a metaclass.",
        """
class Meta(type):
    made = 0
    def __call__(cls):
        Meta.made += 1
        return Meta.made
class next_id(metaclass=Meta): pass
def fib(n):
    a, b = 0, 1
    for _ in range(n): a, b = b, a + b
    return a
""",
    ),
)

_IN_PLACE = each(
    """
# %% answer
def sort_in_place(xs):
    for i in range(len(xs)):
        for j in range(i):
            if xs[i] < xs[j]:
                xs[i], xs[j] = xs[j], xs[i]
# %% test
xs = [3, 1, 2]
sort_in_place(xs)
assert xs == [1, 2, 3]
# hidden
ys = list("quick")
alias = ys
sort_in_place(ys)
assert alias == sorted("quick") and alias is ys
sort_in_place([])
""",
    (
        "in-place-by-slice",
        "The whole list is assigned by a slice.",
        "def sort_in_place(xs): xs[:] = sorted(xs)",
    ),
    (
        "in-place-by-method-and-returned",
        "list.sort, and the list is returned too.",
        "def sort_in_place(xs):\n    xs.sort()\n    return xs",
    ),
    (
        "in-place-by-heap",
        "heapq takes the list apart and puts it together.",
        """
import heapq
def sort_in_place(xs):
    heapq.heapify(xs)
    done = [heapq.heappop(xs) for _ in range(len(xs))]
    xs.extend(done)
""",
    ),
    (
        "in-place-by-recursion",
        "Quicksort by recursion on indices.",
        """
def sort_in_place(xs, low=0, high=None):
    high = len(xs) - 1 if high is None else high
    if low >= high: return
    pivot, i = xs[high], low
    for j in range(low, high):
        if xs[j] < pivot: xs[i], xs[j], i = xs[j], xs[i], i + 1
    xs[i], xs[high] = xs[high], xs[i]
    sort_in_place(xs, low, i - 1)
    sort_in_place(xs, i + 1, high)
""",
    ),
)

IDIOMS: list[Idiom] = [
    *_CALLBACK,
    *_FUNCTION,
    *_NAMES,
    *_BUILTINS,
    *_CHANCE,
    *_STATE,
    *_IN_PLACE,
]
