# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 0 · The engine
#
# Everything in this course runs on `dp.py`, a file that you can read in an evening.
# You add an operation to it, check a gradient without trusting anybody's formula,
# and change a network's parameters so that everybody who holds them sees the change.
#
# Read the lesson *The engine* first.
# There are four items and 10 points.
#
# - Write each answer where it says `YOUR CODE HERE`.
# - Run the cell below an answer. It says which known mistake your answer has, or that
#   it passes; more checks run when the assignment is graded.
# - Every item stands alone: a test never uses another item's answer.
# - Hints come in three steps. The first is a question, the third is nearly the answer.

# %% nbgrader={"grade_id": "setup", "locked": true}
import matplotlib.pyplot as plt
import numpy as np

try:
    import checks
    import dp
    import lab
    import mistakes
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"{missing.name}.py is not in the folder of this notebook: put checks.py,"
        " dp.py, lab.py and mistakes.py there, which came with it, and run this again"
    ) from None

lab.style()

# %% [markdown]
# **Conventions.**
# Every value of the engine is a matrix; rows are examples.
# A layer computes `x @ W + b` with `W.shape == (fan_in, fan_out)` and
# `b.shape == (1, fan_out)`.
# A *gradient* has the shape of what it belongs to: one number for each entry, which
# says how fast the loss changes when that entry grows.

# %% [markdown]
# ## Predict (1 point)
#
# A slope can be measured: move $x$ by a small step to both sides and divide,
#
# $$ f'(x) \approx \frac{f(x + \varepsilon) - f(x - \varepsilon)}{2\,\varepsilon} . $$
#
# Take $f = \tanh$ at $x = 1$ in float64, which carries 16 digits.
# Which step comes closest to the true slope: $10^{-1}$, $10^{-2}$, ... or $10^{-15}$?
# Write down the exponent **before** you go on.
# The point is for committing yourself; whether you are right is never scored.

# %% nbgrader={"grade_id": "prediction", "solution": true}
# my_exponent = your guess, from -15 to -1, in place of the next two lines:
### BEGIN SOLUTION
my_exponent = -5
### END SOLUTION
lab.predict("u0.a1", my_exponent)

# %% nbgrader={"grade_id": "prediction-test", "points": 1}
import checks

with checks.visible("my_exponent"):
    checks.predicted(my_exponent, "my_exponent", -15, -1)

# %% [markdown]
# ## 0.1 An operation that the engine lacks (3 points)
#
# The engine has tanh, the sigmoid, ReLU and a few more. It has no **softsign**:
#
# $$ f(x) = \frac{x}{1 + |x|} $$
#
# Add it the way that the engine documents: read `help(dp.Operation)`.
# An operation is one formula for the way forward and one rule for the way back.
# The rule gets `g`, the gradient that arrives at the output, and returns the share of
# the input; adding up the shares of a node that is used twice is the engine's work.
#
# The same numbers come out of `node / (1 + node.abs())`, which is three operations,
# three nodes and three rules. Here one is wanted.


# %% nbgrader={"grade_id": "softsign", "solution": true}
def softsign(node):
    """Return x / (1 + abs(x)) of each entry, as one new node of the graph.

    Parameters
    ----------
    node : dp.Node, (n, m)
        Its value stays as it is.

    Returns
    -------
    dp.Node, (n, m)
        Made by a dp.Operation of the name "softsign"; its only parent is `node`, and
        `backward` passes through it.
    """
    ### BEGIN SOLUTION
    operation = dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g / (1 + np.abs(x)) ** 2,
    )
    return operation(node)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# Treat the two sides apart: for positive x the function is x / (1 + x), for negative x
# it is x / (1 - x). What is the derivative of each, and what do the two have in common?
# </details>
# <details><summary>Hint 2</summary>
# The example in <code>help(dp.Operation)</code> is the cube: one lambda on arrays, and
# one lambda of <code>g, y, x</code>. Which of the three does your derivative need, and
# where does <code>g</code> go?
# </details>
# <details><summary>Hint 3</summary>
# The derivative is 1 / (1 + |x|)² on both sides of zero. Multiply it by g.
# Make the operation with <code>dp.Operation("softsign", ..., ...)</code> and return
# what it gives when it is called with the node.
# </details>

# %% nbgrader={"grade_id": "softsign-test", "points": 3}
import checks
import mistakes

with checks.visible("softsign"):
    x, kinds = dp.Node(np.array([[0.0, 1.0, -3.0]])), (dp.Node, dp.Operation)
    value, slopes = [[0, 0.5, -0.75]], [[2, 0.75, 0.25]]
    mistakes.softsign_checked(softsign, x, kinds, value, [[2, 3, 4]], slopes)


### BEGIN HIDDEN TESTS
# -- against central differences of the formula itself
def numbers(x):
    return x / (1 + np.abs(x))


def measured(f, x, step=1e-6):
    return (f(x + step) - f(x - step)) / (2 * step)


draws = checks.rng(1)
a, g = draws.normal(0, 2, (3, 4)), draws.normal(size=(3, 4))
a[0, 0], a[1, 2], a[2, 3] = -3.0, -0.5, 2.0  # both sides on every seed
given = a.copy()
x = dp.Node(given)
y = checks.call(softsign, x)
text = "softsign(x) for x of shape (3, 4)"
checks.close(y.value, numbers(a), text, known=mistakes.softsign(a))
checks.unchanged(a, x.value, text, "the value of x")
checks.run(lambda: y.backward(g))
slope = measured(numbers, a)
known = mistakes.softsign_slope(a, numbers(a), g)
text = "x.gradient after softsign(x).backward(g), shapes (3, 4)"
checks.close(x.gradient, g * slope, text, rtol=1e-5, atol=1e-8, known=known)
checks.unchanged(a, x.value, text, "the value of x")

# -- used twice, and behind itself: shares must add up, whoever adds them
s, once = numbers(a), slope
x = dp.Node(a.copy())
y = checks.call(softsign, x)
z = checks.call(softsign, x)
checks.run(lambda: (y * y + z * x).sum().backward())
overwritten = (
    "the gradient of a node that is used twice is overwritten: shares are added up;"
    " return the share, and let the engine do the rest"
)
known = [
    (once * a + s, overwritten),
    (2 * s * once + s, overwritten),
    (2 * s * once, overwritten),
    (once * a, overwritten),
]
text = "x.gradient after (softsign(x)^2 + softsign(x) * x).sum().backward()"
hint = overwritten
want = 2 * s * once + once * a + s
checks.close(x.gradient, want, text, rtol=1e-5, atol=1e-8, known=known, hint=hint)
x = dp.Node(a.copy())
y = checks.call(softsign, checks.call(softsign, x))
checks.run(lambda: y.sum().backward())
text = "x.gradient after softsign(softsign(x)).sum().backward()"
want = measured(lambda v: numbers(numbers(v)), a)
checks.close(x.gradient, want, text, rtol=1e-5, atol=1e-8)
### END HIDDEN TESTS

# %% [markdown]
# ## 0.2 A gradient that trusts no formula (3 points)
#
# A derivative rule is easily wrong, and a network with a wrong rule often still learns
# a little. So measure: move **one** entry of `W` by `eps` to both sides, call `f`
# twice, divide, and go on to the next entry.
#
# $$ \frac{\partial f}{\partial W_{ij}} \approx
#    \frac{f(W + \varepsilon E_{ij}) - f(W - \varepsilon E_{ij})}{2\,\varepsilon} $$
#
# $E_{ij}$ is 1 at $(i, j)$ and 0 elsewhere.
# These are **central** differences: the error of one-sided ones shrinks only in
# proportion to the step.


# %% nbgrader={"grade_id": "numeric-grad", "solution": true}
def numeric_grad(f, W, eps):
    """Return the gradient of f at W by central differences, one entry at a time.

    Parameters
    ----------
    f : callable
        Takes an array of W's shape and returns a float.
    W : float array of any shape
        It may be a view, `V.T` for one. After the call it holds exactly, to the last
        bit, what it held before.
    eps : float
        The step to each side, in the unit of W.

    Returns
    -------
    float array of W's shape
        (f(W + eps E) - f(W - eps E)) / (2 eps) for each entry, where E is 1 at that
        entry and 0 elsewhere.
    """
    ### BEGIN SOLUTION
    gradient = np.zeros(W.shape)
    for index in np.ndindex(W.shape):
        kept = W[index]
        W[index] = kept + eps
        above = f(W)
        W[index] = kept - eps
        below = f(W)
        W[index] = kept
        gradient[index] = (above - below) / (2 * eps)
    return gradient
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# How often is f called for a W of shape (2, 3)? And what does W have to hold when f is
# called for the second entry?
# </details>
# <details><summary>Hint 2</summary>
# <code>np.ndindex(W.shape)</code> gives the index of every entry, for any shape.
# Keep the entry before you change it. Adding eps and taking it off again does not
# always give the old number back: floats round.
# </details>
# <details><summary>Hint 3</summary>
# For each index: kept = W[index]; write kept + eps, call f; write kept - eps, call f;
# write kept. The difference of the two results over 2 eps goes into a new array of
# zeros, at the same index.
# </details>

# %% nbgrader={"grade_id": "numeric-grad-test", "points": 3}
import checks
import mistakes

with checks.visible("numeric_grad"):
    W = np.array([[1.0, 2.0, 3.0], [-1.0, 0.3, 4.0]])
    want = [[-4.19, 8.41, 24.61], [10.21, -23.72, 46.21]]
    mistakes.measured(numeric_grad, lambda V: (V**3).sum() + V.prod(), W, 0.1, want)
### BEGIN HIDDEN TESTS
one_sided = (
    "these are one-sided differences, with an error that shrinks only like eps: step to"
    " both sides"
)
restore = mistakes.RESTORE
# -- not square, any number of axes, with a weight for each entry
draws = checks.rng(2)
several = (
    "several entries are moved at once: W[i, j] is one entry only where W has two axes;"
    " np.ndindex(W.shape) goes through any shape"
)
for shape in ((3, 4), (2, 3, 2), (5,), (1, 6)):
    weights, W = draws.normal(size=shape), draws.normal(size=shape)
    before = W.copy()
    text = f"numeric_grad(f, W, 0.05), W of shape {shape}"
    got = checks.call(
        numeric_grad, lambda V, w=weights: float((w * V**3).sum()), W, 0.05
    )
    checks.shape(got, shape, text, hint="W may have any shape: np.ndindex(W.shape)")
    # The central difference of x^3 is 3 x^2 + eps^2, exactly.
    want = weights * (3 * before**2 + 0.05**2)
    known = [
        (weights * (3 * before**2 + 3 * before * 0.05 + 0.05**2), one_sided),
        (weights * (3 * before**2 - 3 * before * 0.05 + 0.05**2), one_sided),
        (want.sum(-1, keepdims=True) + np.zeros(shape), several),
    ]
    hint = "is eps the step that was taken, to both sides?"
    checks.close(got, want, text, rtol=1e-7, atol=1e-9, known=known, hint=hint)
    checks.unchanged(before, W, text, "W", restore)

# -- entries that know of each other: W must be whole again before the next entry
W = draws.normal(size=(4, 2))
before = W.copy()
text = "numeric_grad(product of all entries, W, 0.5), W of shape (4, 2)"
got = checks.call(numeric_grad, lambda V: float(np.prod(V)), W, 0.5)
want = [[before.prod() / before[i, j] for j in range(2)] for i in range(4)]
hint = "when an entry is moved, all others must be as they were"
checks.close(got, want, text, rtol=1e-7, atol=1e-9, hint=hint)
checks.unchanged(before, W, text, "W", restore)

# -- a view whose entries lie in another order in memory
W = draws.normal(size=(3, 2)).T
before = W.copy()
text = "numeric_grad(f, V.T, 0.1), V.T of shape (2, 3)"
ramp = np.arange(6.0).reshape(2, 3)
got = checks.call(numeric_grad, lambda V: float((ramp * V).sum()), W, 0.1)
hint = "W.reshape(-1), W.ravel() and W.flatten() can be copies, which f never sees"
known = [(np.zeros((2, 3)), hint), (ramp.ravel("F").reshape(2, 3), hint)]
checks.close(got, ramp, text, rtol=1e-7, atol=1e-9, known=known, hint=hint)
checks.unchanged(before, W, text, "W", restore)

# -- numbers whose sum with eps rounds: restored to the last bit?
W = np.array([[0.1, 1e8, 3e-9, -0.7, 1 / 3]])
before = W.copy()
text = "numeric_grad(f, W, 0.001), W = [[0.1, 1e8, 3e-9, -0.7, 1/3]]"
checks.call(numeric_grad, lambda V: float(V.sum()), W, 0.001)
checks.unchanged(before, W, text, "W", restore)
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# The error of your slope of tanh at 1 for fifteen steps, beside the prediction:

# %%
exponents = np.arange(-15, 0)
errors = [
    abs(
        numeric_grad(lambda V: float(np.tanh(V).sum()), np.ones((1, 1)), 10.0**k)[0, 0]
        - (1 - np.tanh(1) ** 2)
    )
    for k in exponents
]
fig, ax = plt.subplots()
ax.loglog(10.0**exponents, errors, "o", color=lab.COLOURS["blue"])
ax.set(xlabel="step eps", ylabel="error of the slope of tanh at 1")
lab.show(fig, alt="Error of a central difference against its step, both logarithmic.")
lab.reveal("u0.a1", int(exponents[np.argmin(errors)]))

# %% [markdown]
# To the right the formula's own error falls with the square of the step. To the left
# two nearly equal numbers are subtracted, and what they had in common is lost:
# rounding divided by the step.
# Now the engine's rule for your operation against your measurement:

# %%
V = np.random.default_rng(0).normal(size=(3, 4))
node = dp.Node(V.copy())
softsign(node).sum().backward()
slopes = numeric_grad(lambda M: float((M / (1 + np.abs(M))).sum()), V, 1e-5)
print("largest difference:", np.abs(node.gradient - slopes).max())

# %% [markdown]
# ## 0.3 Parameters changed in place (3 points)
#
# `net.get_param()` returns a dict of **live** arrays: the arrays that the net computes
# with. Whoever holds one of them (a layer, a view, a record that is drawn after every
# step) sees a change only if the numbers in the array change.
# To bind a name or an attribute to another array changes nothing for the others.
#
# Write the function that every initializer of this course comes down to: it puts new
# numbers into some parameters and hands back the old ones, so that the change can be
# undone with one more call. If anything is wrong with `new`, nothing at all is changed:
# a net that is half new is a bug that shows itself hours later.


# %% nbgrader={"grade_id": "given-net", "locked": true}
class Net(dp.Model):
    """Three inputs, four tanh units, two outputs."""

    def __init__(self, rng):
        super().__init__(rng)
        self.hidden = self.Tanh_Layer(3, 4, "hidden")
        self.out = self.Linear_Layer(4, 2, "out")

    def forward(self, x):
        return self.out(self.hidden(x))


def assigned_and_reused(assign, new, rng):
    """Assign `new` to a fresh net, fill the same arrays with 99, look at the net."""
    net = Net(rng)
    arrays = {name: np.array(value) for name, value in new.items()}
    assign(net, arrays)
    for array in arrays.values():
        array.fill(99.0)
    return net.get_param()


# %% nbgrader={"grade_id": "assign-params", "solution": true}
def assign_params(net, new):
    """Copy new values into the parameters of a net, and return the old ones.

    Parameters
    ----------
    net : dp.Model
        `net.get_param()` gives its live arrays by name. They stay the arrays they are;
        their entries change.
    new : dict of str to array
        Some or all of the parameters by name, each in the shape of its parameter. The
        arrays are copied: the caller may use them again for something else.

    Returns
    -------
    dict of str to array
        The old values of the parameters named in `new`, in arrays of their own.

    Raises
    ------
    KeyError
        If a name is not one of the net's.
    ValueError
        If a shape differs, be it one that NumPy could broadcast. In both cases nothing
        has been changed, whichever entry of `new` is the bad one.
    """
    ### BEGIN SOLUTION
    live = net.get_param()
    for name, value in new.items():
        if name not in live:
            raise KeyError(f"assign_params: the net has no parameter {name!r}")
        if np.shape(value) != live[name].shape:
            raise ValueError(
                f"assign_params: {name!r} has the shape {live[name].shape}, "
                f"got {np.shape(value)}; nothing was changed"
            )
    old = {name: live[name].copy() for name in new}
    for name, value in new.items():
        np.copyto(live[name], value)
    return old
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# After <code>v = net.get_param()["out_bias"]</code>, what is the difference between
# <code>v = new</code> and <code>v[...] = new</code>?
# </details>
# <details><summary>Hint 2</summary>
# Two loops: the first only looks (is the name known, is the shape equal?) and raises;
# the second only writes. What must be kept between them, and as what?
# </details>
# <details><summary>Hint 3</summary>
# <code>old = {name: live[name].copy() for name in new}</code> between the loops;
# <code>np.copyto(live[name], value)</code> in the second. Compare
# <code>np.shape(value)</code> with <code>live[name].shape</code> in the first, since
# copyto would broadcast a row into a matrix without a word.
# </details>

# %% nbgrader={"grade_id": "assign-params-test", "points": 3}
import checks
import mistakes

with checks.visible("assign_params"):
    mistakes.check_assigning(assign_params, Net, assigned_and_reused)
### BEGIN HIDDEN TESTS
draws = checks.rng(3)


# -- some of the parameters, from a fresh net each time
def made():
    return Net(checks.rng(4))


start = {name: array.copy() for name, array in made().get_param().items()}
shapes = {name: array.shape for name, array in start.items()}
fresh = {name: draws.normal(size=shape) for name, shape in shapes.items()}
for chosen in (["out_bias"], ["out_weight", "hidden_bias"], ["hidden_weight"], []):
    net, new = made(), {name: fresh[name].copy() for name in chosen}
    text = f"assign_params(net, new) with new for {', '.join(chosen) or 'nothing'}"
    old = checks.call(assign_params, net, new)
    checks.equal(
        sorted(old),
        sorted(chosen),
        f"names in the result of {text}",
        hint="return the old values of what is in `new`, and only these",
    )
    for name, now in net.get_param().items():
        want = fresh[name] if name in chosen else start[name]
        checks.close(now, want, f"{name} after {text}")
        if name in chosen:
            checks.close(old[name], start[name], f"result[{name!r}] of {text}")
            checks.unchanged(fresh[name], new[name], text, f"new[{name!r}]")
    checks.run(assign_params, net, old)
    for name, now in net.get_param().items():
        checks.close(
            now, start[name], f"{name} after {text} and assign_params(net, old)"
        )

# -- in place: a view of an array sees what is written into it, and nothing else
net = made()
layers = {"hidden": net.hidden, "out": net.out}
views = {
    f"{k}_{p}": getattr(v, p).T for k, v in layers.items() for p in ("weight", "bias")
}
checks.call(assign_params, net, {name: value.copy() for name, value in fresh.items()})
for name, view in views.items():
    checks.close(
        view.value,
        fresh[name].T,
        f"a view of {name}, made before assign_params(net, new)",
        known=[
            (
                start[name].T,
                "the parameter has become another array, and whoever holds the old one"
                " does not see it: write into the array, np.copyto(v, new)",
            )
        ],
    )

# -- not an alias
after = checks.call(
    assigned_and_reused,
    assign_params,
    {name: value.copy() for name, value in fresh.items()},
    checks.rng(4),
)
for name, array in after.items():
    checks.close(
        array,
        fresh[name],
        f"{name}, when the caller has used the arrays of `new` again",
        known=[
            (
                np.full(shapes[name], 99.0),
                "the net holds the caller's own array (an alias): what the caller does"
                " with it happens to the net; copy the numbers",
            )
        ],
    )

# -- all or nothing
bad_shapes = {
    "out_weight": [(1, 2), (4, 1), (2,), (2, 4), (3, 2)],
    "hidden_bias": [(4,), (1, 1), (4, 1), (1, 3)],
    "hidden_weight": [(3, 4, 1), (1, 4), ()],
}
broadcast = (
    "np.copyto and v[...] = new broadcast: a row, a column or a number fills the whole"
    " array without a word; compare the shapes first"
)
for name, wrong_shapes in bad_shapes.items():
    for shape in wrong_shapes:
        for last in (True, False):
            net = made()
            good = {k: v.copy() for k, v in fresh.items() if k != name}
            bad = {name: np.ones(shape)}
            new = {**good, **bad} if last else {**bad, **good}
            checks.raises(ValueError, assign_params, net, new, hint=broadcast)
            for k, now in net.get_param().items():
                checks.close(
                    now,
                    start[k],
                    f"{k} after assign_params(net, new) with a bad shape {shape} for"
                    f" {name}",
                    hint="some entries were written before the bad one was found: look"
                    " at all of them first, then write",
                )
for last in (True, False):
    net, stray = made(), {"hidden_wieght": np.ones((3, 4))}
    good = {name: value.copy() for name, value in fresh.items()}
    new = {**good, **stray} if last else {**stray, **good}
    checks.raises(
        KeyError,
        assign_params,
        net,
        new,
        hint="a name that the net does not have is a spelling mistake of the caller's",
    )
    for name, now in net.get_param().items():
        checks.close(
            now,
            start[name],
            f"{name} after assign_params(net, new) with an unknown name",
            hint="some entries were written before the unknown name was found: look at"
            " all of them first, then write",
        )
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# A zero start, and back again, in two calls:

# %%
net, batch = Net(np.random.default_rng(0)), np.random.default_rng(1).normal(size=(2, 3))
print("as it was:  ", net(batch).value[0].round(3))
zeros = {name: np.zeros(array.shape) for name, array in net.get_param().items()}
old = assign_params(net, zeros)
print("at zero:    ", net(batch).value[0].round(3))
assign_params(net, old)
print("back again: ", net(batch).value[0].round(3))

# %% [markdown]
# ## Checkpoint
#
# Answer aloud before you unfold.
#
# <details><summary>Your rule for softsign has a wrong sign. Does the forward pass
# notice? Does the loss?</summary>
# Neither computes anything wrong. Training goes uphill in some layers and downhill in
# others; only a measured gradient names the culprit.
# </details>
# <details><summary>Why are the steps of 0.2 taken one entry at a time, when one call of
# <code>backward</code> gives all entries?</summary>
# Each call of f gives one number. A measured gradient of a million weights costs two
# million forward passes, backward about two. It is a test, and no way to train.
# </details>
# <details><summary>A net holds the caller's own arrays, and the caller is an optimiser
# that reuses one buffer. What happens?</summary>
# The parameters change whenever the buffer is written to, long after the call: a bug
# without an error message.
# </details>
