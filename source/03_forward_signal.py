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
# - Run the cell below an answer. It says which known mistake your answer has, or that
#   it passes; more checks run when the assignment is graded.
# - Every item stands alone: a test never uses another item's answer.
# - Hints come in three steps. The first is a question, the third is nearly the answer.

# %% nbgrader={"grade_id": "setup", "locked": true}
import numpy as np

try:
    import checks
    import lab
    import mistakes
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"{missing.name}.py is not in the folder of this notebook: put checks.py,"
        " dp.py, lab.py and mistakes.py there, which came with it, and run this again"
    ) from None

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
# my_share = your guess, from 0 to 1, in place of the next two lines:
### BEGIN SOLUTION
my_share = 0.5
### END SOLUTION
lab.predict("u3.a1", my_share)

# %% nbgrader={"grade_id": "prediction-test", "points": 1}
import checks

with checks.visible("my_share"):
    checks.predicted(my_share, "my_share", 0, 1)

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
import checks
import mistakes

with checks.visible("feed_forward"):
    mistakes.check_layers(feed_forward, std=0.898)
    mistakes.check_weights(feed_forward, bound=1.0, gain=0.3)
    mistakes.check_weights(feed_forward, bound=0.0519615, gain=0.3, xavier=True)
### BEGIN HIDDEN TESTS
# False alarms: 2e-9 for each of two means and two stds of weights: below 1e-8.
# -- chance: from rng, and from nowhere else
x, text = checks.rng(31).normal(size=(200, 60)), "feed_forward(x, 10, rng=rng)"
layers = checks.call(feed_forward, x, 10, rng=checks.rng(32))
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


# -- defaults and activations
x = checks.rng(35).normal(size=(200, 20))
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
import checks

with checks.visible("saturation"):
    acts = [np.array([0.75, -0.875, 0.8, 0.85, 0.95, 0.99, 0.1, 0.2]), np.ones(2)]
    checks.value(saturation, (acts, "tanh", 0.75), [0.625, 1])
    acts = [np.array([0.9, 0.75, 0.25, 0.1, 0.8]), np.array([0.95, 0.2])]
    checks.value(saturation, (acts, "sigmoid", 0.75), [0.6, 1])
### BEGIN HIDDEN TESTS
given = [np.array([[0.0, 0.95], [0.2, -0.3]]), np.array([[1.0, 0.92], [0.99, 0.1]])]
checks.value(saturation, (given, "tanh", 0.9), [0.25, 0.75])
both = [np.array([[-0.95, 0.95, 0.0, -0.99]]), np.array([[-1.0, 0.3, 0.2, 0.1]])]
checks.value(saturation, (both, "tanh", 0.9), [0.75, 0.25])
squashed = [np.array([[0.02, 0.98, 0.5, 0.6]]), np.array([[0.01, 0.03, 0.4, 0.99]])]
checks.value(saturation, (squashed, "sigmoid", 0.95), [0.5, 0.75])
edge = [np.array([[0.75, 0.25, 0.5, 0.875]])]
checks.value(saturation, (edge, "sigmoid", 0.75), [0.25])
checks.value(saturation, (edge, "tanh", 0.75), [0.25])
draws = checks.rng(51)
widths = [np.tanh(2 * draws.normal(size=(40, n))) for n in (30, 20, 10)]
for thr in (0.8, 0.99):
    want = [float(((a > thr) | (a < -thr)).sum() / a.size) for a in widths]
    hint = "every layer may have a width of its own"
    checks.value(saturation, (widths, "tanh", thr), want, hint=hint)
checks.raises(ValueError, saturation, given, "relu", 0.9)
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
import checks
import mistakes

with checks.visible("gain_for"):
    mistakes.check_steady(gain_for)
    checks.value(gain_for, (lambda z: z + z**2,), 0.5, atol=1e-3)
    checks.value(gain_for, (lambda z: np.maximum(z, 0),), 2**0.5, atol=1e-3)
### BEGIN HIDDEN TESTS
import math

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
    hint = "are 64 nodes used, or more?" if name == "sin(3 z)" else ""
    checks.value(gain_for, (f,), want, rtol=0, atol=1e-3, hint=hint)
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
