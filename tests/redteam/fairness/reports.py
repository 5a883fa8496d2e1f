"""Attacks by false reports: the student's side says what a call drew and changed."""

from redteam.fairness.cases import attack

_LINK = """
import sys
def of_the_link(name):
    for module in list(sys.modules.values()):
        if str(getattr(module, "__name__", "")).startswith("autograder"):
            if hasattr(module, name): yield module
"""
_lie = attack("false reports on the link", control="caught")

LIES = [
    _lie(
        "argument-said-to-be-unchanged",
        "The student's side says what a call changed: it is made to say nothing.",
        """
# %% answer
def ordered(xs):
    return sorted(xs)
# %% test
xs = [3, 1, 2]
assert ordered(xs) == [1, 2, 3]
assert xs == [3, 1, 2], "the argument must not change"
""",
        _LINK
        + """
for module in of_the_link("has_changed"): module.has_changed = lambda *a: False
def ordered(xs):
    xs.sort()
    return xs + []
""",
    ),
    _lie(
        "array-said-to-be-unchanged",
        "The same of an array that an in-place answer overwrites.",
        """
import numpy as np
# %% answer
def scaled(a, k):
    return a * k
# %% test
a = np.ones(4)
b = scaled(a, 3)
np.testing.assert_array_equal(b, 3 * np.ones(4))
np.testing.assert_array_equal(a, np.ones(4))
""",
        _LINK
        + """
for module in of_the_link("has_changed"): module.has_changed = lambda *a: False
for module in of_the_link("snapshot"): module.snapshot = lambda *a: None
def scaled(a, k):
    a *= k
    return a.copy()
""",
    ),
    _lie(
        "draws-not-reported",
        "The student's side reports what was drawn: it is made to report nothing.",
        """
import numpy as np
# %% answer
def bias(n, rng):
    return np.zeros(n)
# %% test
rng = np.random.default_rng(3)
assert (bias(4, rng) == np.zeros(4)).all() and bias(2, rng).shape == (2,)
assert rng.integers(10**9) == np.random.default_rng(3).integers(10**9), "do not draw"
""",
        _LINK
        + """
for module in of_the_link("Generators"): module.Generators.changes = lambda self: []
def bias(n, rng): return 0 * rng.normal(size=n)
""",
    ),
    _lie(
        "argument-returned-as-a-new-list",
        "The encoder notes which answer is an argument: it is made to forget them.",
        """
# %% answer
def copied(xs):
    return list(xs)
# %% test
xs = [1, 2]
ys = copied(xs)
assert ys == [1, 2]
ys.append(3)
assert xs == [1, 2], "return a new list"
""",
        _LINK
        + """
for module in of_the_link("Encoder"):
    class Forgetful(module.Encoder):
        def __init__(self, other, known=()): super().__init__(other)
    module.Encoder = Forgetful
def copied(xs): return xs
""",
    ),
]

ATTACKS = LIES
