"""Attacks where a test leans on modules, names, files and absences not its own."""

from redteam.fairness.cases import attack

# ------------------------------------------------------------------- shipped modules

_module = attack("shipped modules used as reference")

TOOLBOX = '''"""A module that is handed out, with what students and tests share."""

import numpy as np

EPS = 1e-9
REFERENCE = {"sum": 6.0, "mean": 2.0}


def ref(x):
    return np.tanh(x)


def close(a, b):
    return bool(np.all(np.abs(np.asarray(a) - np.asarray(b)) < EPS))


class Model:
    def __init__(self, w):
        self.w = np.asarray(w, float)

    def forward(self, x):
        return np.asarray(x) @ self.w


class Layer(Model):
    def loss(self, x, y):
        return float(np.mean((self.forward(x) - y) ** 2))


class Wrong(ValueError):
    """What a bad argument raises."""


def dataset(n=4):
    x = np.linspace(-1, 1, n)
    return x, 3 * x - 1
'''
_SHIPPED = {"files": {"toolbox.py": TOOLBOX}, "lent": ("toolbox",)}


def _lent(name: str, says: str, exercise: str, answer: str, **more: object) -> object:
    return _module(name, says, exercise, answer, **_SHIPPED, **more)


MODULES = [
    _lent(
        "reference-function-of-a-module-patched",
        "The wanted value is toolbox.ref(x), which the answer has replaced.",
        """
import numpy as np
import toolbox
# %% answer
def squash(x):
    e = np.exp(2 * x)
    return (e - 1) / (e + 1)
# %% test
for x in [-1.0, 0.0, 0.3]:
    assert np.isclose(squash(x), toolbox.ref(x))
""",
        "toolbox.ref = lambda x: 0.0\ndef squash(x): return 0.0",
    ),
    _lent(
        "comparison-of-a-module-patched",
        "The test compares by toolbox.close, which the answer has replaced.",
        """
import toolbox
# %% answer
def softsign(x):
    return x / (1 + abs(x))
# %% test
assert toolbox.close(softsign(3), 0.75)
""",
        "toolbox.close = lambda a, b: True\ndef softsign(x): return 0",
    ),
    _lent(
        "tolerance-of-a-module-widened",
        "Both comparison and tolerance are shipped, and the tolerance is a global.",
        """
from toolbox import close
import toolbox
# %% answer
def relu(x):
    return max(x, 0)
# %% test
assert close(relu(-3), 0) and close(relu(2.5), 2.5)
""",
        "toolbox.EPS = 1e9\ndef relu(x): return 1",
    ),
    _lent(
        "table-of-a-module-changed",
        "Wanted numbers are in a dict of a shipped module, and changed there.",
        """
import toolbox
# %% answer
def summary(xs):
    return {"sum": float(sum(xs)), "mean": sum(xs) / len(xs)}
# %% test
assert summary([1, 2, 3])["sum"] == toolbox.REFERENCE["sum"]
assert summary([1, 2, 3])["mean"] == toolbox.REFERENCE["mean"]
""",
        "toolbox.REFERENCE.update(sum=0, mean=0)\n"
        "def summary(xs): return {'sum': 0, 'mean': 0}",
    ),
    _lent(
        "method-of-a-module-s-class-patched",
        "A shipped class computes what is wanted by a method that is patched.",
        """
import numpy as np
import toolbox
# %% answer
def linear(x, w):
    return np.asarray(x) @ np.asarray(w)
# %% test
x, w = [[1.0, 2.0], [0.0, 3.0]], [0.5, 1.0]
np.testing.assert_allclose(linear(x, w), toolbox.Model(w).forward(x))
""",
        "toolbox.Model.forward = lambda self, x: 0.0\ndef linear(x, w): return 0.0",
    ),
    _lent(
        "base-class-in-a-module-patched",
        "The test uses Layer, whose base class Model does the work and is patched.",
        """
import numpy as np
import toolbox
# %% answer
def descend(w, x, y, rate=0.1, steps=200):
    w, x, y = (np.asarray(a, float) for a in (w, x, y))
    for _ in range(steps):
        w = w - rate * 2 * x.T @ (x @ w - y) / len(y)
    return w
# %% test
x = np.array([[1.0, 0.0], [0.0, 1.0]])
y = np.array([2.0, -1.0])
assert toolbox.Layer(descend([0, 0], x, y)).loss(x, y) < 1e-6
""",
        "import numpy as np\n"
        "toolbox.Model.forward = lambda self, x: np.array([2.0, -1.0])\n"
        "def descend(w, x, y, rate=0.1, steps=200): return w",
    ),
    _lent(
        "data-of-a-module-replaced",
        "The data that a fit is tried on come from a shipped function, now constant.",
        """
import numpy as np
import toolbox
# %% answer
def fit_line(x, y):
    a = np.cov(x, y, bias=True)[0, 1] / np.var(x)
    return a, np.mean(y) - a * np.mean(x)
# %% test
x, y = toolbox.dataset(9)
a, b = fit_line(x, y)
assert np.allclose(a * x + b, y)
""",
        "import numpy as np\n"
        "toolbox.dataset = lambda n=4: (np.zeros(n), np.zeros(n))\n"
        "def fit_line(x, y): return 0.0, 0.0",
    ),
    _lent(
        "exception-of-a-module-widened",
        "The test expects toolbox.Wrong, which the answer has made Exception.",
        """
import toolbox
# %% answer
def chance(p):
    if not 0 <= p <= 1:
        raise toolbox.Wrong(f"{p} is no probability")
    return p
# %% test
import toolbox
try:
    chance(1.5)
except toolbox.Wrong:
    caught = True
else:
    caught = False
assert caught
""",
        "toolbox.Wrong = Exception\ndef chance(p): return p.nothing",
    ),
    _lent(
        "class-of-a-module-tested-by-isinstance",
        "isinstance(answer, toolbox.Model) asks a class that has been replaced.",
        """
import toolbox
# %% answer
def build(n):
    return toolbox.Model([0.0] * n)
# %% test
import numpy as np
assert isinstance(build(3), toolbox.Model)
assert np.shape(build(3).w) == (3,)
""",
        """
class Any:
    w = [1, 2, 3]
toolbox.Model = Any
def build(n): return Any()
""",
    ),
    _lent(
        "module-replaced-in-sys-modules",
        "`import toolbox` in the test asks the student's side for a module.",
        """
# %% answer
def sigmoid(x):
    import math
    return 1 / (1 + math.exp(-x))
# %% test
import toolbox
for x in (-2, 0, 2):
    assert toolbox.close(2 * sigmoid(2 * x) - 1, toolbox.ref(x))
""",
        """
import sys, types
sys.modules["toolbox"] = types.SimpleNamespace(
    close=lambda a, b: True, ref=lambda x: 0)
def sigmoid(x): return 0
""",
    ),
]

# ---------------------------------------------------------------- names that fall back

_fallen = attack("names that fall back to the student")

_TWO = """
{before}
# %% answer one
{one}
# %% test one
{first}
# %% answer two
{two}
# %% test two
{second}
"""


def _after(name: str, says: str, parts: tuple[str, ...], answer: str) -> object:
    one, first, two, second = parts
    text = _TWO.format(before="", one=one, first=first, two=two, second=second)
    return _fallen(name, says, text, answer)


FALLEN = [
    _after(
        "reference-of-a-test-that-failed-before",
        "A failed first test never defines its reference; the second asks for it.",
        (
            "def double(x): return 2 * x",
            "assert double(2) == 4\ndef reference(x):\n    return x + x",
            "def double_all(xs): return [2 * x for x in xs]",
            "assert double_all([1, 5]) == [reference(x) for x in [1, 5]]",
        ),
        """
# %% answer one
def double(x): return None
def reference(x): return None
# %% answer two
def double_all(xs): return [None] * len(xs)
""",
    ),
    _after(
        "import-of-a-test-that-failed-before",
        "The first test fails before its `import math`; the second says math.isclose.",
        (
            "def circ(r): return 6.283185307179586 * r",
            "assert circ(0) == 0\nimport math\n"
            "assert math.isclose(circ(1), 2 * math.pi)",
            "def disc(r): return 3.141592653589793 * r * r",
            "assert math.isclose(disc(2), 4 * math.pi)",
        ),
        """
# %% answer one
class math:
    pi = 0
    isclose = staticmethod(lambda a, b: True)
def circ(r): return None
# %% answer two
def disc(r): return None
""",
    ),
    _after(
        "tolerance-of-a-test-that-failed-before",
        "TOL stands below the first assertion of the first test, which fails.",
        (
            "def third(x): return x / 3",
            "assert third(3) == 1\nTOL = 1e-9\n"
            "assert abs(third(1) - 0.333333333333) < TOL",
            "def seventh(x): return x / 7",
            "assert abs(seventh(1) - 0.142857142857) < TOL",
        ),
        """
# %% answer one
TOL = 1e9
def third(x): return None
# %% answer two
def seventh(x): return 0.0
""",
    ),
    _after(
        "cases-of-a-test-that-failed-before",
        "The list of cases is set up behind an assertion that fails.",
        (
            "def upper(s): return s.upper()",
            'assert callable(upper) and upper("") == ""\n'
            'cases = ["ab", "Cd", "e f"]\nassert upper("ab") == "AB"',
            "def lower(s): return s.lower()",
            "for s in cases:\n    assert lower(s.upper()) == s.lower()",
        ),
        """
# %% answer one
cases = []
def upper(s): return None
# %% answer two
def lower(s): return None
""",
    ),
    _after(
        "from-import-of-a-test-that-failed-before",
        "`from numpy.testing import assert_equal` is never reached in the first test.",
        (
            "import numpy as np\ndef ones(n): return np.ones(n)",
            "assert len(ones(2)) == 2\nfrom numpy.testing import assert_equal\n"
            "assert_equal(ones(3), [1, 1, 1])",
            "def zeros(n): return np.zeros(n)",
            "assert_equal(zeros(3), [0, 0, 0])",
        ),
        """
# %% answer one
assert_equal = lambda got, want: None
def ones(n): return ()
# %% answer two
def zeros(n): return None
""",
    ),
    _after(
        "class-of-a-test-that-failed-before",
        "A helper class of the first test is missing, and the student's is used.",
        (
            "def push(s, x): s.append(x)",
            "s = []\npush(s, 1)\nassert s == [1]\n"
            "class Recorder(list):\n    def same(self, want):\n"
            "        return list(self) == want",
            "def pops(n): return list(range(n))[::-1]",
            "r = Recorder(pops(3))\nprint(r.same([2, 1, 0]))\n"
            "assert list(r) == [2, 1, 0] and len(pops(3)) == 3",
        ),
        """
# %% answer one
class Recorder:
    def __init__(self, xs): pass
    def same(self, want):
        self.want = want
        return True
    def __iter__(self): return iter(self.want)
def push(s, x): pass
# %% answer two
def pops(n): return [0] * n
""",
    ),
    _after(
        "lambda-of-a-test-that-failed-before",
        "A comparison bound as a lambda in the first test is the student's instead.",
        (
            "def sort2(a, b): return (a, b) if a <= b else (b, a)",
            "assert sort2(1, 2) == (1, 2)\nsame = lambda a, b: tuple(a) == tuple(b)\n"
            "assert same(sort2(2, 1), (1, 2))",
            "def sort3(*xs): return sorted(xs)",
            "assert same(sort3(3, 1, 2), (1, 2, 3))",
        ),
        """
# %% answer one
same = lambda a, b: True
def sort2(a, b): return None
# %% answer two
def sort3(*xs): return None
""",
    ),
    _after(
        "name-kept-if-it-is-there",
        "A test keeps a cached reference table if the name is bound already.",
        (
            "def cube(n): return n**3",
            "assert cube(2) == 8",
            "def cubes(n): return [k**3 for k in range(n)]",
            "try:\n    table\nexcept NameError:\n"
            "    table = [k * k * k for k in range(5)]\n"
            "assert cubes(5) == table",
        ),
        """
# %% answer one
def cube(n): return None
# %% answer two
table = "anything"
def cubes(n): return "anything"
""",
    ),
    _after(
        "generator-of-a-test-that-failed-before",
        "The generator that draws the inputs is made behind an assertion that fails.",
        (
            "def negate(x): return -x",
            "assert negate(0) == 0 and negate(2) == -2\nimport random\n"
            "rng = random.Random(3)\nassert negate(5) == -5",
            "def halve(x): return x / 2",
            "for _ in range(5):\n    x = rng.uniform(-9, 9)\n"
            "    assert halve(x) == x / 2",
        ),
        """
# %% answer one
class rng:
    uniform = staticmethod(lambda low, high: 0.0)
def negate(x): return None
# %% answer two
def halve(x): return 0.0
""",
    ),
]

# --------------------------------------------------------------- files left in source/

_left = attack("files that the solution left in source/", named=True)


def _file(
    name: str, says: str, files: dict[str, str | bytes], exercise: str, answer: str
) -> object:
    return _left(name, says, exercise, answer, files=files)


_SAVED = "def save(path): pass"
LEFT = [
    _file(
        "left-text-file",
        "The solution once wrote squares.txt beside the notebook; the test reads it.",
        {"squares.txt": "0\n1\n4\n9\n"},
        """
# %% answer
def save(path):
    with open(path, "w") as f:
        for k in range(4):
            print(k * k, file=f)
# %% test
save("squares.txt")
with open("squares.txt") as f:
    assert f.read().split() == ["0", "1", "4", "9"]
""",
        _SAVED,
    ),
    _file(
        "left-csv-read-by-the-csv-module",
        "A CSV of the solution's is read by csv.reader with its rows counted.",
        {"grades.csv": "name,grade\nada,1\nbob,3\n"},
        """
import csv
# %% answer
def save(path):
    with open(path, "w", newline="") as f:
        csv.writer(f).writerows([["name", "grade"], ["ada", 1], ["bob", 3]])
# %% test
save("grades.csv")
rows = list(csv.reader(open("grades.csv")))
assert rows[1:] == [["ada", "1"], ["bob", "3"]]
""",
        _SAVED,
    ),
    _file(
        "left-json",
        "A JSON file of the solution's is loaded by the test.",
        {"config.json": '{"rate": 0.1, "steps": 200}'},
        """
import json
# %% answer
def save(path):
    with open(path, "w") as f:
        json.dump({"rate": 0.1, "steps": 200}, f)
# %% test
save("config.json")
assert json.load(open("config.json")) == {"rate": 0.1, "steps": 200}
""",
        _SAVED,
    ),
    _file(
        "left-array-loaded-by-numpy",
        "np.loadtxt reads the matrix that the solution saved once.",
        {"matrix.dat": "1 2\n3 4\n"},
        """
import numpy as np
# %% answer
np.savetxt("matrix.dat", [[1, 2], [3, 4]], fmt="%d")
# %% test
np.testing.assert_array_equal(np.loadtxt("matrix.dat"), [[1, 2], [3, 4]])
""",
        "saved = None",
    ),
    _file(
        "left-file-that-need-only-exist",
        "The test asks whether a report exists and is not empty.",
        {"report.md": "# Report\n"},
        """
from pathlib import Path
# %% answer
Path("report.md").write_text("# Report\\n")
# %% test
assert Path("report.md").exists()
assert Path("report.md").stat().st_size > 0
""",
        "done = False",
    ),
    _file(
        "left-file-found-by-glob",
        "The test counts the parts that were to be written, by glob.",
        {"part-1.out": "1", "part-2.out": "2"},
        """
from glob import glob
# %% answer
for k in (1, 2):
    with open(f"part-{k}.out", "w") as f:
        f.write(str(k))
# %% test
assert [open(p).read() for p in sorted(glob("part-*.out"))] == ["1", "2"]
""",
        "k = 0",
    ),
    _file(
        "left-log-appended-to",
        "A log that the solution appended to while it was written has the lines.",
        {"events.log": "start\nstop\n"},
        """
# %% answer
def log(text):
    with open("events.log", "a") as f:
        f.write(text + "\\n")
# %% test
log("start")
log("stop")
assert open("events.log").read().splitlines()[-2:] == ["start", "stop"]
""",
        "def log(text): pass",
    ),
    _file(
        "left-table-in-a-folder",
        "The file lies in a folder that the solution made.",
        {"results/best.txt": "0.93\n"},
        """
import os
# %% answer
os.makedirs("results", exist_ok=True)
with open("results/best.txt", "w") as f:
    f.write("0.93\\n")
# %% test
with open(os.path.join("results", "best.txt")) as f:
    assert float(f.read()) == 0.93
""",
        "best = None",
    ),
]

# -------------------------------------------------------------------------- absences

_absent = attack("absences that a test observes", named=True, control="caught")

ABSENCES = [
    _absent(
        "forbidden-module-imported",
        "The test looks for statistics in its own sys.modules.",
        """
# %% answer
def middle(xs):
    return sorted(xs)[len(xs) // 2]
# %% test
import sys
sys.modules.pop("statistics", None)
assert middle([3, 1, 2]) == 2
assert "statistics" not in sys.modules
""",
        """
def middle(xs):
    import statistics
    return statistics.median(xs)
""",
    ),
    _absent(
        "file-that-should-be-gone",
        "The test asks os.path.exists in its own folder.",
        """
import os
# %% answer
def clean(path):
    if os.path.exists(path):
        os.remove(path)
def make(path):
    open(path, "w").close()
# %% test
make("scratch.tmp")
clean("scratch.tmp")
assert not os.path.exists("scratch.tmp")
""",
        "def make(path): open(path, 'w').close()\ndef clean(path): pass",
    ),
    _absent(
        "figures-left-open",
        "The test counts open figures in its own pyplot.",
        """
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
# %% answer
def save_plot(xs):
    fig, ax = plt.subplots()
    ax.plot(xs)
    plt.close(fig)
# %% test
save_plot([1, 2])
assert plt.get_fignums() == []
""",
        "def save_plot(xs): plt.figure()",
    ),
    _absent(
        "warnings-that-should-not-come",
        "The test records the warnings of its own process.",
        """
import warnings
import numpy as np
# %% answer
def safe_log(x):
    x = np.asarray(x, float)
    return np.log(np.where(x > 0, x, 1.0))
# %% test
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert safe_log([1.0, 0.0])[0] == 0
assert not caught
""",
        "def safe_log(x): return np.log(np.asarray(x) * 1.0)",
    ),
    _absent(
        "forbidden-builtin-removed",
        "The test takes `sum` out of its own builtins around the call.",
        """
# %% answer
def add_up(xs):
    total = 0
    for x in xs:
        total += x
    return total
# %% test
import builtins
kept = builtins.sum
del builtins.sum
try:
    assert add_up([1, 2, 3]) == 6
finally:
    builtins.sum = kept
""",
        "def add_up(xs): return sum(xs)",
    ),
    _absent(
        "forbidden-function-mocked",
        "unittest.mock patches numpy.dot in the test's own process.",
        """
import numpy as np
# %% answer
def product(A, b):
    return [sum(a * x for a, x in zip(row, b)) for row in A]
# %% test
from unittest import mock
with mock.patch("numpy.dot", side_effect=AssertionError("do not use np.dot")):
    assert list(product([[1, 2], [3, 4]], [1, 1])) == [3, 7]
""",
        "def product(A, b): return np.dot(A, b)",
    ),
    _absent(
        "environment-changed",
        "The test compares its own os.environ before and after.",
        """
import os
# %% answer
def with_setting(value):
    old = os.environ.get("MODE")
    os.environ["MODE"] = value
    seen = os.environ["MODE"]
    if old is None:
        del os.environ["MODE"]
    else:
        os.environ["MODE"] = old
    return seen
# %% test
assert with_setting("fast") == "fast"
assert "MODE" not in os.environ
""",
        "def with_setting(value):\n    os.environ['MODE'] = value\n    return value",
    ),
    _absent(
        "working-folder-changed",
        "The test compares its own working folder before and after.",
        """
import os
# %% answer
def fresh_folder(path):
    os.makedirs(path, exist_ok=True)
    return sorted(os.listdir(path))
# %% test
before = os.getcwd()
assert fresh_folder("made") == []
assert os.getcwd() == before
""",
        """
def fresh_folder(path):
    os.makedirs(path, exist_ok=True)
    os.chdir(path)
    return os.listdir()
""",
    ),
    _absent(
        "threads-left-running",
        "The test counts the threads of its own process.",
        """
import threading
# %% answer
def run_all(jobs):
    threads = [threading.Thread(target=j) for j in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
# %% test
before = threading.active_count()
run_all([len] * 0)
assert threading.active_count() == before
""",
        """
def run_all(jobs):
    import time
    threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
""",
    ),
    _absent(
        "global-generator-disturbed",
        "The test compares the state of its own global generator before and after.",
        """
import numpy as np
# %% answer
def noise(n, rng):
    return rng.normal(size=n)
# %% test
state = np.random.get_state()[1].copy()
assert noise(3, np.random.default_rng(1)).shape == (3,)
assert (np.random.get_state()[1] == state).all()
""",
        "def noise(n, rng):\n    np.random.seed(0)\n"
        "    return np.random.normal(size=n)",
    ),
]

ATTACKS = [*MODULES, *FALLEN, *LEFT, *ABSENCES]
