# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 3 · Forward signal
#
# Ten layers, a thousand examples, no training at all:
# what is left of the input at the other end?
# You write the forward pass, measure how much of it is saturated,
# and compute the gain that keeps a signal at its size.
#
# Read the lesson *Forward signal* first.
# There are four items and 11 points.
#
# - Write each answer where it says `YOUR CODE HERE`.
# - Run the cell below an answer: it checks what can be seen at a glance.
#   More checks run when the assignment is graded.
# - Every item stands alone: a test never uses another item's answer.
# - Hints come in three steps. The first is a question, the third is nearly the answer.

# %% nbgrader={"grade_id": "setup", "locked": true}
import numpy as np

import checks
import lab

lab.style()

# %% nbgrader={"grade_id": "given-activations", "locked": true}
ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}

# %% [markdown]
# **Conventions.**
# Rows are examples: a batch `x` has the shape `(N, n)`, and a layer of this assignment
# computes `a_next = act(a @ W)` with `W.shape == (n, n)`, without a bias.
# The numbers *before* the activation are called `z`, those after it `a`.
# `rng` is a `np.random.Generator`; all draws come from it.

# %% [markdown]
# ## Predict (1 point)
#
# The batch is 1000 examples of 500 standard normal features.
# Ten layers follow, each `tanh(a @ W)`, with weights drawn uniformly from [-1, 1].
#
# Which share of the numbers in the tenth layer will be within .01 of -1 or 1?
# Write down a guess between 0 and 1 **before** you go on.
# The point is for committing yourself; whether you are right is never scored.

# %% nbgrader={"grade_id": "prediction", "solution": true}
my_share = None  # your guess, from 0 to 1; then delete the line that raises
### BEGIN SOLUTION
my_share = 0.5
### END SOLUTION
lab.predict("u3.a1", my_share)

# %% nbgrader={"grade_id": "prediction-test", "points": 1}
checks.predicted(my_share, "my_share")

# %% [markdown]
# ## 3.1 The forward pass (5 points)
#
# Send a batch through `num_layers` layers of the same width and keep the activations of
# **every** layer.
# Each layer draws weights of its own:
#
# - from the uniform distribution $U[-1, 1]$, or
# - with `xavier=True` from Glorot and Bengio's normalized initialization (eq. 16),
#   multiplied by a constant `gain`:
#
# $$ W \sim \mathrm{gain} \cdot U[-b, b], \qquad
#    b = \sqrt{\frac{6}{fan_{in} + fan_{out}}} $$


# %% nbgrader={"grade_id": "feed-forward", "solution": true}
def feed_forward(x, num_layers, xavier=False, gain=2**0.5, act="tanh", rng=None):
    """Return the activations of every layer of an untrained network.

    Parameters
    ----------
    x : (N, n) float array
        The batch, one example a row. It is left as it was.
    num_layers : int
        Number of layers, each of n inputs and n outputs, without biases.
    xavier : bool
        False: weights from U[-1, 1], whatever `gain` is. True: Glorot's uniform
        weights times `gain`.
    gain : float
        Factor on the weights, dimensionless; counts with `xavier=True` only.
    act : str
        A key of ACTIVATIONS.
    rng : np.random.Generator, optional
        Source of all draws; None: a fresh `np.random.default_rng()`.

    Returns
    -------
    list of num_layers arrays (N, n)
        What comes out of each layer's activation; the input is not in the list.
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng() if rng is None else rng
    fan_in = fan_out = x.shape[1]
    bound = gain * np.sqrt(6 / (fan_in + fan_out)) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        W = rng.uniform(-bound, bound, (fan_in, fan_out))
        a = ACTIVATIONS[act](a @ W)
        layers.append(a)
    return layers
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What goes into the second layer: the batch, or what the first layer gave?
# And how many weight matrices does a network of ten layers have?
# </details>
#
# <details><summary>Hint 2</summary>
# Decide on one number before the loop: the bound of the uniform distribution, 1 or
# gain times a square root.
# In the loop: draw an (n, n) matrix, multiply, apply the activation, append.
# Name the running activations; do not write into `x`.
# </details>
#
# <details><summary>Hint 3</summary>
#
# ```python
# a = x
# for _ in range(num_layers):
#     W = rng.uniform(-bound, bound, (n, n))
#     a = ...  # one line: the layer
#     layers.append(a)
# ```
#
# A square layer has n inputs and n outputs, so the bound is `gain * sqrt(6 / (n + n))`.
# </details>

# %% nbgrader={"grade_id": "feed-forward-test", "points": 5, "false_alarms": 1e-8}
x = checks.rng(31).normal(size=(200, 60))
before = x.copy()
text = "feed_forward(x, 10, rng=rng)"
layers = checks.call(feed_forward, x, 10, rng=checks.rng(32))
too_long = "the list starts with the input; it must start with the first layer's output"
one_only = "this looks like one layer's array; return a list of all of them"
checks.length(layers, 10, text, known={11: too_long, 200: one_only})
for number, a in enumerate(layers, 1):
    checks.shape(a, (200, 60), f"layer {number} of {text}")
    checks.finite(a, f"layer {number} of {text}")
checks.unchanged(before, x, text, "x")
largest = max(float(np.abs(a).max()) for a in layers)
checks.between(
    largest,
    0,
    1,
    f"largest absolute value in {text}",
    hint="tanh stays within [-1, 1]: these are pre-activations z; return act(z)",
)
checks.true(
    not np.array_equal(layers[0], layers[9]),
    text,
    "expected ten different layers, got the same array ten times",
    hint="each layer needs an array of its own; writing into one (`a[:] = ...`,"
    " `out=a`) changes what is in the list already",
)
# Over 50 seeds the std of the last layer is .898 +- .0022; the band is nine of these
# wide on each side (rate below 1e-18). The other bands are what known slips give.
known = [
    ((0.99, 1), "these weights have no negative draws: `rng.random` is [0, 1)"),
    ((0.75, 0.79), "the range is [-.5, .5]; use rng.uniform(-1, 1, ...)"),
    ((0.9375, 0.955), "rng.normal has std 1, U[-1, 1] has 1/sqrt(3): use rng.uniform"),
    ((0.92, 0.9375), "is gain applied without xavier?"),
]
std = float(np.std(layers[9]))
checks.between(std, 0.878, 0.918, f"std of the last layer of {text}", known=known)

### BEGIN HIDDEN TESTS
# False alarms: 2e-9 for each of two means and two stds of weights: below 1e-8.
# -- chance: from rng, and from nowhere else
again = checks.call(feed_forward, x, 10, rng=checks.rng(32))
checks.true(
    np.array_equal(layers[9], again[9]),
    text,
    "expected the same activations from two generators in the same state, got others",
    hint="draw all weights from `rng`, not from np.random or a generator of your own",
)
one, two = (checks.call(feed_forward, x, 1)[0] for _ in range(2))
checks.true(
    not np.array_equal(one, two),
    "feed_forward(x, 1)",
    "expected other weights at each call without rng, got the same twice",
    hint="rng=None means a fresh np.random.default_rng(), without a seed",
)


# -- the weights of the first layer, seen through a signal so small that tanh keeps it
def first_weights(**options):
    small = 1e-3 * checks.rng(33).normal(size=(200, 100))
    a = checks.call(feed_forward, small, 1, rng=checks.rng(34), **options)[0]
    checks.between(np.abs(a).max(), 0, 0.9, "feed_forward(0.001 * x, 1, ...)")
    return np.linalg.lstsq(small, np.arctanh(a), rcond=None)[0]


def uniform_weights(W, bound, text, known, lowest):
    # 10,000 draws: the band on the mean is 6 %, that on the std 2.7 % of the std (six
    # standard errors each, false-alarm rate 2e-9)
    std = bound / np.sqrt(3)
    low, high = float(W.min()), float(W.max())
    checks.true(
        low < -0.5 * high,
        text,
        f"expected weights from {-bound:.3g} to {bound:.3g},"
        f" got {low:.2g} to {high:.2g}",
        hint=f"`rng.random` and `rng.uniform(0, b)` give no negative draws; {lowest}",
    )
    # The std first: weights that are far too large miss the mean's band by chance.
    checks.has_std(W, std, text, kurtosis=1.8, known=known)
    checks.has_mean(W, 0, std, text)
    largest = float(np.abs(W).max())
    checks.true(
        largest <= bound * (1 + 1e-6),
        text,
        f"expected weights within +-{bound:.4g}, got one of {largest:.4g}",
        hint="a uniform distribution has a bound; these draws look normal",
    )


plain = "weights of feed_forward(x, 1, gain=0.3)"
known_plain = [
    (0.3 / 3**0.5, "gain is applied without xavier"),
    (0.3 / 100**0.5, "these are Glorot's weights: xavier=False means U[-1, 1]"),
]
W = first_weights(gain=0.3)
uniform_weights(W, 1, plain, known_plain, "use rng.uniform(-1, 1, ...)")

glorot = "weights of feed_forward(x, 1, xavier=True, gain=0.3)"
bound = 0.3 * np.sqrt(6 / 200)
right = bound / 3**0.5
known_glorot = [
    (0.3 * right, "gain is applied twice"),
    (right / 0.3, "gain is ignored: it multiplies the weights"),
    (right / 0.3**0.5, "gain multiplies the weights, not their variance"),
    (right / 0.09, "gain divides here; it must multiply"),
    (right / 3**0.5, "the bound is the standard deviation: 6 belongs under the root"),
    (right * 3**0.5, "the bound of the uniform draws is used as a std of normal ones"),
    (right * 2**0.5, "only one fan is counted: the sum fan_in + fan_out is 2 n"),
    (0.3 * 6**0.5 / 200 / 3**0.5, "the square root covers the 6 only"),
    (
        0.3 * (6 / 300) ** 0.5 / 3**0.5,
        "x.shape is no pair of fans: its first number counts examples; both fans are n",
    ),
    (0.3 * 6 / 200 / 3**0.5, "the square root is missing"),
    (1 / 3**0.5, "these are the plain weights: xavier=True is not looked at"),
]
W = first_weights(xavier=True, gain=0.3)
uniform_weights(W, bound, glorot, known_glorot, "the bound counts on both sides")

# -- the chain: each layer is fed by the one before, through weights of its own
text = "feed_forward(x, 3, xavier=True, gain=1, rng=rng)"
x = checks.rng(35).normal(size=(200, 20))
a = [x, *checks.call(feed_forward, x, 3, xavier=True, gain=1, rng=checks.rng(36))]


def fitted(inputs, outputs):
    # weights by least squares, and the largest error of the fit
    z = np.arctanh(np.clip(outputs, -1 + 1e-15, 1 - 1e-15))
    W = np.linalg.lstsq(inputs, z, rcond=None)[0]
    return W, float(np.abs(inputs @ W - z).max())


seen = []
for k in (1, 2, 3):
    W, error = fitted(a[k - 1], a[k])
    hint = "a layer computes tanh(a @ W), with the activations of the layer before"
    if k > 1 and fitted(x, a[k])[1] < 1e-6:
        hint = "this layer starts from x again; feed it the layer before"
    checks.true(
        error < 1e-6,
        text,
        f"expected layer {k} to be tanh(a @ W) of layer {k - 1}, got something else",
        hint=hint,
    )
    for j, earlier in enumerate(seen, 1):
        checks.true(
            not np.allclose(W, earlier, atol=1e-6),
            text,
            f"expected fresh weights in each layer, got layer {j}'s again in layer {k}",
            hint="one W is reused: draw inside the loop (the spread looks right, but"
            " ten layers of one matrix are another network)",
        )
    seen.append(W)

# -- defaults and activations
text = "feed_forward(x, 2, xavier=True)"
default = checks.call(feed_forward, x, 2, xavier=True, rng=checks.rng(37))
root2 = checks.call(feed_forward, x, 2, xavier=True, gain=2**0.5, rng=checks.rng(37))
checks.close(default[1], root2[1], text, hint="the default gain is np.sqrt(2)")
text = 'feed_forward(x, 2, xavier=True, act="{}")'
relu = checks.call(feed_forward, x, 2, xavier=True, act="relu", rng=checks.rng(38))
checks.between(
    np.min(relu[1]),
    0,
    0,
    "smallest value of " + text.format("relu"),
    hint="look at act",
)
squashed = checks.call(
    feed_forward, x, 2, xavier=True, act="sigmoid", rng=checks.rng(38)
)
checks.between(np.min(squashed[1]), 0, 1, "smallest value of " + text.format("sigmoid"))

# -- the published setting. Standard deviations vary between seeds by .0001 to .0011,
# shares by .0004; the band of +-.01 is nine of these and more (rate below 1e-18).
x = checks.rng(39).normal(size=(1000, 500))
text = "layer 10 of feed_forward(x (1000, 500), 10)"
last = checks.call(feed_forward, x, 10, rng=checks.rng(40))[9]
share = float(np.mean(np.abs(last) > 0.99))
checks.between(np.std(last), 0.958, 0.978, "std of " + text)
checks.between(share, 0.822, 0.842, "share above .99 in " + text)
for gain, std in ((1, 0.228), (2**0.5, 0.557), (5 / 3, 0.652)):
    text = f"std of layer 10 of feed_forward(x (1000, 500), 10, True, {gain:.4g})"
    last = checks.call(feed_forward, x, 10, True, gain, rng=checks.rng(41))[9]
    checks.between(np.std(last), std - 0.01, std + 0.01, text)
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# Run your network on the batch of the prediction:
# what came, and what you had said.

# %%
batch = np.random.default_rng(0).normal(size=(1000, 500))
trace = feed_forward(batch, 10, rng=np.random.default_rng(1))
fig, axes = lab.histograms(trace)
lab.show(fig, alt="Histograms of ten layers' activations with weights from U[-1, 1].")

# %%
share = float(np.mean(np.abs(trace[9]) > 0.99))
lab.reveal("u3.a1", share)

# %% [markdown]
# Now the same with `xavier=True`, at the default gain.
# Which of the two would you rather train?
# What happens to a gradient that has to pass back through a unit at the wall?

# %%
trace = feed_forward(batch, 10, xavier=True, rng=np.random.default_rng(1))
fig, axes = lab.histograms(trace)
lab.show(fig, alt="Histograms of ten layers' activations with Glorot's weights.")

# %% [markdown]
# ## 3.2 How much is saturated? (2 points)
#
# A unit is saturated where its activation is so flat that a change of its input hardly
# shows.
# Tanh is flat near -1 and near 1, the sigmoid near 0 and near 1:
# both have **two** walls.
#
# Count, in each layer, the share of activations beyond a threshold:
# for tanh where $|a| > thr$, for the sigmoid where $a > thr$ or $a < 1 - thr$.


# %% nbgrader={"grade_id": "saturation", "solution": true}
def saturation(acts, act, thr):
    """Return the share of saturated activations in each layer.

    Parameters
    ----------
    acts : list of L float arrays
        Activations of each layer, (N, n) with any n.
    act : str
        "tanh" or "sigmoid".
    thr : float
        Threshold between .5 and 1, dimensionless. An activation at the threshold itself
        is not saturated.

    Returns
    -------
    (L,) float array
        Shares between 0 and 1.

    Raises
    ------
    ValueError
        If `act` is neither: a rectifier has no upper wall.
    """
    ### BEGIN SOLUTION
    if act == "tanh":
        return np.array([np.mean(np.abs(a) > thr) for a in acts])
    if act == "sigmoid":
        return np.array([np.mean((a > thr) | (a < 1 - thr)) for a in acts])
    raise ValueError(f"saturation: act must be 'tanh' or 'sigmoid', got {act!r}")
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What does NumPy give you for `a > thr` when `a` is an array,
# and what is the mean of that?
# </details>
#
# <details><summary>Hint 2</summary>
# Two walls need two comparisons. For tanh, the absolute value makes one of them;
# the sigmoid's walls are not mirror images around 0 but around one half.
# </details>
#
# <details><summary>Hint 3</summary>
# `(a > thr) | (a < 1 - thr)` is True at both walls of a sigmoid.
# Take `np.mean` of it for each layer, in a list, and make the list an array.
# The last line raises a ValueError.
# </details>

# %% nbgrader={"grade_id": "saturation-test", "points": 2}
given = [np.array([[0.0, 0.95], [0.2, -0.3]]), np.array([[1.0, 0.92], [0.99, 0.1]])]
text = 'saturation(acts, "tanh", 0.9)'
got = checks.call(saturation, given, "tanh", 0.9)
checks.shape(
    got,
    (2,),
    text,
    known=[((), "one number for each layer is wanted, not one for all of them")],
)
checks.close(
    got,
    [0.25, 0.75],
    text,
    known=[
        ([1, 3], "these are counts; divide by the number of activations"),
        ([25, 75], "these are percentages; a share lies between 0 and 1"),
        ([0.75, 0.25], "these are the shares that are not saturated"),
    ],
)

### BEGIN HIDDEN TESTS
one_sided = "only the positive side is counted; there are two walls"
both = [np.array([[-0.95, 0.95, 0.0, -0.99]]), np.array([[-1.0, 0.3, 0.2, 0.1]])]
text = 'saturation(acts with negative values, "tanh", 0.9)'
got = checks.call(saturation, both, "tanh", 0.9)
known = [([0.25, 0.0], one_sided), ([0.5, 0.25], "only the negative side is counted")]
checks.close(got, [0.75, 0.25], text, known=known)

squashed = [np.array([[0.02, 0.98, 0.5, 0.6]]), np.array([[0.01, 0.03, 0.4, 0.99]])]
text = 'saturation(acts, "sigmoid", 0.95)'
got = checks.call(saturation, squashed, "sigmoid", 0.95)
known = [
    ([0.25, 0.25], one_sided + ": near 0 the sigmoid is flat too"),
    ([0.25, 0.5], "only the lower side is counted; there are two walls"),
    ([1, 1], "`and` and `or`: something cannot be above thr and below 1 - thr at once"),
    ([0, 0], "`and` and `or`: nothing is above thr and below 1 - thr at once"),
]
checks.close(got, [0.5, 0.75], text, known=known)

edge = [np.array([[0.75, 0.25, 0.5, 0.875]])]
at_edge = "an activation at the threshold is not beyond it: use > and <"
known = [
    ([0.0], "thr is not looked at: a threshold is hard-coded"),
    ([0.5], at_edge),  # tanh
    ([0.75], at_edge),  # sigmoid
]
for act in ("sigmoid", "tanh"):
    text = f'saturation([[[0.75, 0.25, 0.5, 0.875]]], "{act}", 0.75)'
    checks.close(checks.call(saturation, edge, act, 0.75), [0.25], text, known=known)

draws = checks.rng(51)
widths = [np.tanh(2 * draws.normal(size=(40, n))) for n in (30, 20, 10)]
for thr in (0.8, 0.99):
    text = f'saturation(layers of 30, 20 and 10 units, "tanh", {thr})'
    got = checks.call(saturation, widths, "tanh", thr)
    want = [float(((a > thr) | (a < -thr)).sum() / a.size) for a in widths]
    checks.close(got, want, text, hint="every layer may have a width of its own")
checks.raises(
    ValueError,
    saturation,
    given,
    "relu",
    0.9,
    hint="a rectifier has no upper wall: end with raise ValueError(...)",
)
### END HIDDEN TESTS

# %% [markdown]
# ## 3.3 The gain that keeps a signal at its size (3 points)
#
# Weights of variance $\mathrm{gain}^2 / n$ make $z$ from $a$ with
# $E[z^2] = \mathrm{gain}^2\, E[a^2]$.
# If $z$ is standard normal and comes back with $E[z^2] = 1$ after every layer, then
#
# $$ \mathrm{gain} = \frac{1}{\sqrt{E[f(z)^2]}}, \qquad z \sim N(0, 1) . $$
#
# Compute this number for **any** activation `f`, to within .001,
# by Gauss-Hermite quadrature:
# `np.polynomial.hermite.hermgauss(k)` gives $k$ nodes $t_i$ and weights $w_i$ with
# $\int e^{-t^2} g(t)\, dt \approx \sum_i w_i\, g(t_i)$.


# %% nbgrader={"grade_id": "gain-for", "solution": true}
def gain_for(f):
    """Return the gain that keeps E[z^2] = 1 from layer to layer under `f`.

    Parameters
    ----------
    f : callable
        The activation; takes and returns (k,) float arrays.

    Returns
    -------
    float
        1 / sqrt(E[f(z)^2]) for z ~ N(0, 1), dimensionless, to within 1e-3; from at
        least 64 Gauss-Hermite nodes.
    """
    ### BEGIN SOLUTION
    nodes, weights = np.polynomial.hermite.hermgauss(128)
    second_moment = weights @ f(np.sqrt(2) * nodes) ** 2 / np.sqrt(np.pi)
    return float(1 / np.sqrt(second_moment))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# The density of a standard normal number has $e^{-z^2/2}$ in it, the quadrature
# $e^{-t^2}$. Which substitution turns one into the other?
# </details>
#
# <details><summary>Hint 2</summary>
# With $z = \sqrt{2}\, t$ the expectation becomes
# $E[g(z)] = \frac{1}{\sqrt{\pi}} \int e^{-t^2} g(\sqrt{2}\, t)\, dt$.
# Try it on $g(z) = z^2$, whose expectation you know.
# </details>
#
# <details><summary>Hint 3</summary>
#
# ```python
# t, w = np.polynomial.hermite.hermgauss(128)
# second_moment = np.sum(w * ...) / np.sqrt(np.pi)  # the square of f, at sqrt(2) * t
# ```
#
# Square f first and average then; the root comes last.
# </details>

# %% nbgrader={"grade_id": "gain-for-test", "points": 3}
# For f = z^2 the moments are integers: E[f^2] = E[z^4] = 3, E[f] = 1, E[f'^2] = 4. So
# it is known what most slips would give.
mean = "this is made from E[f]^2 or E|f|; square f first, then average"
derivative = "this is made from f', the backward signal; the forward one needs f"
known = [
    (1 / 3, "this is the square of the gain: a root is missing"),
    (3**0.5, "this is the inverse: a gain makes up for what f loses"),
    (3, "this is E[f^2] itself; the gain is 1 over its root"),
    (1, mean),
    (1 / 4, derivative),
    (1 / 2, derivative),
    (2**-0.5, "this is made from Var(f); E[f^2] is wanted"),
    (0.75**-0.5, "the nodes are not scaled: with exp(-t^2), z is sqrt(2) t"),
    ((9 * np.pi) ** -0.25, "the weights sum to sqrt(pi): divide by it"),
    ((9 / 2) ** -0.25, "divide by sqrt(pi), not by sqrt(2 pi)"),
    (2**0.5, "sqrt(2) is ReLU's gain; every activation has its own"),
]
got, again = (checks.call(gain_for, lambda z: z**2) for _ in range(2))
chance = "quadrature has no chance in it; draws would need millions for .001"
checks.close(again, got, "gain_for(z^2), called twice", rtol=0, atol=1e-12, hint=chance)
checks.close(got, 3**-0.5, "gain_for(z^2)", rtol=0, atol=1e-3, known=known)
got = checks.call(gain_for, lambda z: z)
checks.close(got, 1.0, "gain_for(linear)", rtol=0, atol=1e-3)
got = checks.call(gain_for, lambda z: np.maximum(z, 0))
checks.close(got, 2**0.5, "gain_for(relu)", rtol=0, atol=1e-3)

### BEGIN HIDDEN TESTS
import math

grid = np.linspace(-12, 12, 48_001)
density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)


def mean_of(values):
    # E over z ~ N(0, 1) as a sum over the grid, whose ends carry no weight
    return float(np.sum(values * density)) * (grid[1] - grid[0])


def slips(f):
    # what known mistakes give for f
    y = f(grid)
    slope = np.gradient(y, grid)
    m1, m2, slope2 = mean_of(y), mean_of(y**2), mean_of(slope**2)
    return [
        (1 / m2, "this is the square of the gain: a root is missing"),
        (m2**0.5, "this is the inverse: a gain makes up for what f loses"),
        (m2, "this is E[f^2] itself; the gain is 1 over its root"),
        (1 / slope2, derivative),
        (slope2**-0.5, derivative),
        (1 / max(abs(m1), 1e-9), mean),
        (1 / max(m1**2, 1e-9), mean),
        (1 / mean_of(np.abs(y)), mean),
        (max(m2 - m1**2, 1e-9) ** -0.5, "this is made from Var(f); E[f^2] is wanted"),
        (2**0.5, "sqrt(2) is ReLU's gain; every activation has its own"),
        (5 / 3, "5/3 is a rule of thumb for tanh; compute the expectation"),
    ]


erf = np.vectorize(math.erf)
activations = {
    "tanh": (np.tanh, 1.5925),
    "gelu": (lambda z: z * (1 + erf(z / 2**0.5)) / 2, 1.5335),
    "leaky relu, slope .2": (lambda z: np.where(z > 0, z, 0.2 * z), (2 / 1.04) ** 0.5),
    # unseen ones, with their moments in closed form
    "sin": (np.sin, ((1 - np.exp(-2)) / 2) ** -0.5),
    "sin(3 z)": (lambda z: np.sin(3 * z), ((1 - np.exp(-18)) / 2) ** -0.5),
    "exp(z / 2)": (lambda z: np.exp(z / 2), np.exp(-0.25)),
    "3 z": (lambda z: 3 * z, 1 / 3),
    "z^3": (lambda z: z**3, 15**-0.5),
}
for name, (f, want) in activations.items():
    got = checks.call(gain_for, f)
    hint = "are 64 nodes used, or more?" if name == "sin(3 z)" else ""
    checks.close(
        got, want, f"gain_for({name})", rtol=0, atol=1e-3, known=slips(f), hint=hint
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# Two of your answers together: the default gain, which this exercise has had since it
# was first published, and tanh's own.
# The dashed line is where $E[z^2] = 1$ puts the activations:
# at a standard deviation of 1/gain.

# %%
depth = {}
for label, gain in {"sqrt 2": np.sqrt(2), "tanh's gain": gain_for(np.tanh)}.items():
    trace = feed_forward(batch, 10, True, gain, rng=np.random.default_rng(1))
    depth[label] = np.array([a.std() for a in trace])
level = np.full(10, 1 / gain_for(np.tanh))
fig, ax = lab.depth_curves(depth, "std of a", theory={"tanh's gain": level}, log=False)
lab.show(
    fig, alt="Std of the activations by layer for two gains, with the predicted level."
)

# %% [markdown]
# ## Checkpoint
#
# Answer aloud before you unfold.
#
# <details><summary>The gain 1 lets the signal shrink to .228 in ten layers.
# Is that the fault of the weights or of tanh?</summary>
# Of tanh: weights of variance 1/n keep E[z^2] equal to E[a^2], and tanh makes every
# number smaller. The gain pays for exactly that loss.
# </details>
#
# <details><summary>Does the gain of 3.3 make ten layers of any activation safe?
# </summary>
# It makes E[z^2] = 1 a fixed point. Whether a signal that is a little off comes back to
# it is another question; the lesson's last section asks it.
# </details>
#
# <details><summary>A network whose layers share one W passes every check on spread.
# What gave it away?</summary>
# The weights themselves, recovered from the activations by least squares. A statistic
# that both the right and the wrong program have cannot tell them apart.
# </details>
