# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 6 · Rectifiers
#
# Half of what goes into a rectifier is thrown away, and the weights have to pay for it.
# You write the two initializers that do, follow a signal down a net under any rule,
# right or wrong, and count the units that no example wakes.
#
# Read the lesson *Rectifiers* first.
# There are five items and 12 points.
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

# %% [markdown]
# **Conventions.**
# Rows are examples, a layer computes `z = a @ W` and `a_next = relu(z)`, and
# `W.shape == (fan_in, fan_out)`.
# `rng` is a `np.random.Generator`; all draws come from it.
# The *mean square* of an array is the mean of its squared entries.

# %% [markdown]
# ## Predict (1 point)
#
# A published notebook prints He's variance upside down: $1/(2n)$ for $2/n$.
# Ten ReLU layers of equal width get such weights.
#
# Which share of the mean square of `z` in layer 1 is left in layer 10?
# Write down a guess between 0 and 1 **before** you go on.
# The point is for committing yourself; whether you are right is never scored.

# %% nbgrader={"grade_id": "prediction", "solution": true}
my_share = None  # your guess, from 0 to 1; then delete the line that raises
### BEGIN SOLUTION
my_share = 0.001
### END SOLUTION
lab.predict("u6.a1", my_share)

# %% nbgrader={"grade_id": "prediction-test", "points": 1}
checks.predicted(my_share, "my_share")

# %% [markdown]
# ## 6.1 He's weights, normal (3 points)
#
# A leaky rectifier of slope $a$ passes $z$ where $z > 0$ and $a z$ elsewhere
# (ReLU: $a = 0$). He et al. (2015) keep the signal's mean square with
#
# $$\mathrm{Var}(w) = \frac{2}{(1 + a^2)\, n} ,$$
#
# where $n$ is `fan_in` for the forward signal (eqs. 10 and 15) or `fan_out` for the
# gradient (eq. 14).


# %% nbgrader={"grade_id": "he-normal", "solution": true}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    """Draw weights from N(0, 2 / ((1 + slope**2) * n)).

    Parameters
    ----------
    fan_in, fan_out : int
        Inputs and outputs of the layer.
    rng : np.random.Generator
        Where the draws come from; two calls with one `rng` give two matrices.
    mode : str
        "fan_in": n is fan_in; "fan_out": n is fan_out.
    slope : float
        Slope of the rectifier for negative z, dimensionless; 0 is ReLU, -1 is abs(z).

    Returns
    -------
    array (fan_in, fan_out), float
        Mode and slope change the scale of the draws and nothing else: from generators
        in one state come matrices that differ by a factor.

    Raises
    ------
    ValueError
        If `mode` is neither of the two.
    """
    ### BEGIN SOLUTION
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"he_normal: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    n = fan_in if mode == "fan_in" else fan_out
    return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# Half of n times the variance shall be 1, for ReLU. Solve for the variance: does the 2
# end up above the line or below it?
# </details>
#
# <details><summary>Hint 2</summary>
# Choose n first, by `mode`. Then the variance, with the slope *squared*. Then the root,
# once: `rng.normal` wants a standard deviation.
# </details>
#
# <details><summary>Hint 3</summary>
#
# ```python
# n = ...  # fan_in or fan_out
# variance = 2 / ((1 + slope**2) * n)
# return rng.normal(0, ..., (fan_in, fan_out))
# ```
#
# A last `else` raises `ValueError("mode must be ...")`.
# </details>

# %% nbgrader={"grade_id": "he-normal-test", "points": 3, "false_alarms": 3e-7}
# 40,000 draws: the band is six standard errors, 2.1 % of the std (rate 2e-9)
text = "he_normal(400, 100, rng)"
W = checks.call(he_normal, 400, 100, checks.rng(61))
transposed = [((100, 400), "this is transposed: W.shape is (fan_in, fan_out)")]
checks.shape(W, (400, 100), text, known=transposed)
checks.true(
    not np.array_equal(W[:, 0], W[:, 1]),
    text,
    "expected 100 different neurons (columns), got the first one twice",
    hint="one neuron is repeated: draw the whole (fan_in, fan_out) matrix at once",
)
known = [
    ((1 / 800) ** 0.5, "this is 1/(2n), He's 2/n upside down: n/2 Var(w) = 1"),
    ((1 / 400) ** 0.5, "this is 1/n: the 2 that pays for the rectifier is missing"),
    ((2 / 500) ** 0.5, "this is Glorot's 2/(fan_in + fan_out)"),
    ((4 / 500) ** 0.5, "this is 4/(fan_in + fan_out), a compromise; mode is fan_in"),
    ((2 / 100) ** 0.5, "this follows fan_out, and the default mode is fan_in"),
    (2 / 400, "the variance is used as the standard deviation"),
    ((2 / 400) ** 0.25, "the square root is taken twice"),
    (2**0.5 / 400, "the square root covers the 2 only"),
    (2 / 400**0.5, "the square root covers n only"),
    ((6 / 400) ** 0.5, "this std is the bound of the uniform draws, sqrt(3) too large"),
    (0.01, "the std is .01 whatever n is"),
]
checks.has_std(W, (2 / 400) ** 0.5, text, known=known)

### BEGIN HIDDEN TESTS
# slope and mode, by the factor between two matrices from one state: no chance in it
draw = checks.rng(62).integers(2**31)


def size(fan_in, fan_out, *options, **named):
    rng = np.random.default_rng(draw)
    W = checks.call(he_normal, fan_in, fan_out, rng, *options, **named)
    checks.shape(W, (fan_in, fan_out), checks.describe(he_normal, fan_in, fan_out, rng))
    return float(np.sqrt(np.mean(np.asarray(W, float) ** 2)))


for a in (0.1, 0.5, 1.0, -1.0, 2.0):
    text = f"std of he_normal(70, 40, rng, slope={a}) over that at slope 0"
    known = [
        (1, "the slope is ignored"),
        (1 / (1 + a * a), "the root is missing over 1 + slope**2"),
        ((1 + a * a) ** 0.5, "1 + slope**2 multiplies; a leak needs smaller weights"),
        (abs(1 + a) ** -0.5 if a != -1 else 0, "the slope is not squared"),
        (1 / abs(1 + a) if a != -1 else 0, "this is 1 + slope, squared as a whole"),
        (abs(1 - a * a) ** -0.5 if abs(a) != 1 else 0, "1 - slope**2: it is a plus"),
    ]
    ratio = size(70, 40, slope=a) / size(70, 40)
    checks.close(ratio, (1 + a * a) ** -0.5, text, known=known)
text = 'std of he_normal(90, 10, rng, "fan_out") over that with "fan_in"'
known = [
    (1, "the mode is ignored"),
    (1 / 3, "the two modes are exchanged"),
    (9, "the root over n is missing in mode fan_out"),
    (3 / 5**0.5, "fan_out is mixed with fan_in: this is 2/(fan_in + fan_out)"),
]
ratio = size(90, 10, "fan_out") / size(90, 10, "fan_in")
checks.close(ratio, 3, text, known=known)
text = (
    'std of he_normal(90, 10, rng, "fan_out", 0.5) over that of he_normal(90, 10, rng)'
)
known = [(3, "the slope is ignored in mode fan_out")]
ratio = size(90, 10, "fan_out", 0.5) / size(90, 10)
checks.close(ratio, 3 / 1.25**0.5, text, known=known)
for mode in ("fan_avg", "", None):
    hint = "end with raise ValueError(...) for any other mode"
    checks.raises(ValueError, he_normal, 30, 20, checks.rng(63), mode, hint=hint)

# the distribution: 2 batteries, false-alarm rate below 1e-7 each
checks.initializer_battery(he_normal, lambda n, m: 2 / n, gain=False)
checks.initializer_battery(
    lambda n, m, rng: he_normal(n, m, rng, mode="fan_out"),
    lambda n, m: 2 / m,
    gain=False,
    name='partial(he_normal, mode="fan_out")',
)
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# Thirty layers of 200 units with your weights, and with weights of half and of twice
# your standard deviation. Which of the three would you hand to an optimizer?


# %%
def follow(scale):
    rng, a, sizes = np.random.default_rng(0), np.ones((1, 200)), []
    for _ in range(30):
        z = a @ (scale * he_normal(200, 200, rng))
        a = np.maximum(z, 0)
        sizes.append(np.mean(z**2))
    return np.array(sizes)


curves = {f"{scale} times He": follow(scale) for scale in (2, 1, 0.5)}
fig, ax = lab.depth_curves(curves, "mean square of z")
lab.show(fig, alt="Mean square of z by layer for weights of twice, once and half He's.")

# %% [markdown]
# ## 6.1, uniform (3 points)
#
# The same variance from a uniform distribution around zero. Two things change: a bound
# is not a standard deviation, and nothing else.


# %% nbgrader={"grade_id": "he-uniform", "solution": true}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    """Draw weights from U[-b, b] of variance 2 / ((1 + slope**2) * n).

    Parameters
    ----------
    fan_in, fan_out : int
        Inputs and outputs of the layer.
    rng : np.random.Generator
        Where the draws come from; two calls with one `rng` give two matrices.
    mode : str
        "fan_in": n is fan_in; "fan_out": n is fan_out.
    slope : float
        Slope of the rectifier for negative z, dimensionless; 0 is ReLU, -1 is abs(z).

    Returns
    -------
    array (fan_in, fan_out), float
        Mode and slope change the scale of the draws and nothing else: from generators
        in one state come matrices that differ by a factor.

    Raises
    ------
    ValueError
        If `mode` is neither of the two.
    """
    ### BEGIN SOLUTION
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(
            f"he_uniform: mode must be 'fan_in' or 'fan_out', got {mode!r}"
        )
    n = fan_in if mode == "fan_in" else fan_out
    bound = np.sqrt(6 / ((1 + slope**2) * n))
    return rng.uniform(-bound, bound, (fan_in, fan_out))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What is the mean of w squared over [-b, b], where every w is as likely as any other?
# </details>
#
# <details><summary>Hint 2</summary>
# It is b squared over 3. Set this equal to the variance that you want, and solve for b.
# </details>
#
# <details><summary>Hint 3</summary>
#
# ```python
# b = np.sqrt(3 * variance)  # so a 6 stands where the normal weights have a 2
# return rng.uniform(-b, b, (fan_in, fan_out))
# ```
#
# </details>

# %% nbgrader={"grade_id": "he-uniform-test", "points": 3, "false_alarms": 3e-7}
# 40,000 draws: the band is six standard errors, 1.3 % of the std (rate 2e-9)
text = "he_uniform(400, 100, rng)"
W = checks.call(he_uniform, 400, 100, checks.rng(64))
transposed = [((100, 400), "this is transposed: W.shape is (fan_in, fan_out)")]
checks.shape(W, (400, 100), text, known=transposed)
checks.true(
    not np.array_equal(W[:, 0], W[:, 1]),
    text,
    "expected 100 different neurons (columns), got the first one twice",
    hint="one neuron is repeated: draw the whole (fan_in, fan_out) matrix at once",
)
std = (2 / 400) ** 0.5
known = [
    (std / 3**0.5, "the standard deviation is used as the bound: b = std * sqrt(3)"),
    (std * 3**0.5, "the bound is sqrt(3) times too large: b**2 / 3 is the variance"),
    (std / 2, "either this is 1/(2n), He's 2/n upside down, or half of [-b, b]"),
    (std / 12**0.5, "this is 1/(2n), He's 2/n upside down, and its root as the bound"),
    (std / 2**0.5, "this is 1/n: the 2 that pays for the rectifier is missing"),
    ((2 / 500) ** 0.5, "this is Glorot's 2/(fan_in + fan_out)"),
    ((2 / 100) ** 0.5, "this follows fan_out, and the default mode is fan_in"),
    (6 / 400 / 3**0.5, "the square root over 6/n is missing"),
    ((6 / 400) ** 0.25 / 3**0.5, "the square root is taken twice"),
    (6**0.5 / 400 / 3**0.5, "the square root covers the 6 only"),
]
checks.has_std(W, std, text, kurtosis=1.8, known=known)

### BEGIN HIDDEN TESTS
# slope and mode, by the factor between two matrices from one state: no chance in it
draw = checks.rng(65).integers(2**31)


def size(fan_in, fan_out, *options, **named):
    rng = np.random.default_rng(draw)
    W = checks.call(he_uniform, fan_in, fan_out, rng, *options, **named)
    text = checks.describe(he_uniform, fan_in, fan_out, rng)
    checks.shape(W, (fan_in, fan_out), text)
    return float(np.sqrt(np.mean(np.asarray(W, float) ** 2)))


for a in (0.1, 0.5, 1.0, -1.0, 2.0):
    text = f"std of he_uniform(70, 40, rng, slope={a}) over that at slope 0"
    known = [
        (1, "the slope is ignored"),
        (1 / (1 + a * a), "the root is missing over 1 + slope**2"),
        ((1 + a * a) ** 0.5, "1 + slope**2 multiplies; a leak needs smaller weights"),
        (abs(1 + a) ** -0.5 if a != -1 else 0, "the slope is not squared"),
        (1 / abs(1 + a) if a != -1 else 0, "this is 1 + slope, squared as a whole"),
        (abs(1 - a * a) ** -0.5 if abs(a) != 1 else 0, "1 - slope**2: it is a plus"),
    ]
    ratio = size(70, 40, slope=a) / size(70, 40)
    checks.close(ratio, (1 + a * a) ** -0.5, text, known=known)
text = 'std of he_uniform(90, 10, rng, "fan_out") over that with "fan_in"'
known = [
    (1, "the mode is ignored"),
    (1 / 3, "the two modes are exchanged"),
    (9, "the root over n is missing in mode fan_out"),
    (3 / 5**0.5, "fan_out is mixed with fan_in: this is 2/(fan_in + fan_out)"),
]
ratio = size(90, 10, "fan_out") / size(90, 10, "fan_in")
checks.close(ratio, 3, text, known=known)
text = 'std of he_uniform(90, 10, rng, "fan_out", 0.5) over he_uniform(90, 10, rng)'
known = [(3, "the slope is ignored in mode fan_out")]
ratio = size(90, 10, "fan_out", 0.5) / size(90, 10)
checks.close(ratio, 3 / 1.25**0.5, text, known=known)
for mode in ("fan_avg", "", None):
    hint = "end with raise ValueError(...) for any other mode"
    checks.raises(ValueError, he_uniform, 30, 20, checks.rng(66), mode, hint=hint)

# the distribution: 2 batteries, false-alarm rate below 1e-7 each
checks.initializer_battery(
    he_uniform, lambda n, m: 2 / n, lambda n, m: (6 / n) ** 0.5, gain=False
)
checks.initializer_battery(
    lambda n, m, rng: he_uniform(n, m, rng, mode="fan_out"),
    lambda n, m: 2 / m,
    lambda n, m: (6 / m) ** 0.5,
    gain=False,
    name='partial(he_uniform, mode="fan_out")',
)
### END HIDDEN TESTS

# %% [markdown]
# ## 6.2 Down the net (3 points)
#
# Layers of equal width, ReLU between them, zero biases, and weights whose variance a
# `rule` gives. Let $q_l$ be the variance of `z` in layer $l$ (its mean is zero, so this
# is its mean square). Predict, on average over all draws,
#
# $$\frac{q_1}{q_1}, \frac{q_2}{q_1}, \dots, \frac{q_L}{q_1} .$$


# %% nbgrader={"grade_id": "depth-variance", "solution": true}
def depth_variance(L, rule):
    """Return the variance of z in each layer of a ReLU net, over that of layer 1.

    Parameters
    ----------
    L : int
        Number of layers, 1 or more.
    rule : callable
        `rule(fan_in, fan_out)` returns the variance of one weight. It is a constant
        over the fans ("2 / fan_in", "2 / (fan_in + fan_out)", ...), so that with equal
        widths any width gives the same answer.

    Returns
    -------
    (L,) float array
        Dimensionless; the first entry is 1. Computed, not simulated.
    """
    ### BEGIN SOLUTION
    factor = rule(1, 1) / 2  # n Var(w) E[relu(z)^2] / E[z^2], at n = 1
    return factor ** np.arange(L)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What happens to the variance from one layer to the next: is something added to it, or
# is it multiplied?
# </details>
#
# <details><summary>Hint 2</summary>
# Two things multiply it: ReLU keeps half of the mean square, and n products are summed,
# each with the variance of a weight. Choose any n, say 100, for both fans.
# </details>
#
# <details><summary>Hint 3</summary>
#
# ```python
# n = 100
# factor = ...  # n times the variance of a weight, times a half
# return factor ** np.arange(L)
# ```
#
# </details>

# %% nbgrader={"grade_id": "depth-variance-test", "points": 3}
text = "depth_variance(4, He: 2 / fan_in)"
got = checks.call(depth_variance, 4, lambda n, m: 2 / n)
checks.shape(got, (4,), text, known=[((), "return all layers, not the last")])
known = [
    ([1, 2, 4, 8], "ReLU keeps half of the mean square: a factor 1/2 is missing"),
    ([0.5, 0.5, 0.5, 0.5], "the first entry is layer 1 over itself, which is 1"),
    ([1, 0.5, 0.25, 0.125], "He's 2/n pays for the half that ReLU throws away"),
]
checks.close(got, [1, 1, 1, 1], text, known=known)

### BEGIN HIDDEN TESTS
one, two = (checks.call(depth_variance, 9, lambda n, m: 1 / n) for _ in range(2))
text = "depth_variance(9, 1 / fan_in), called twice"
checks.close(one, two, text, hint="nothing is drawn here: compute, do not simulate")
relu_var = (1 - 1 / np.pi) / 2  # Var(relu(z)) / Var(z), which is not what counts
depth = np.arange(6)
rules = {
    "3 / fan_in": (lambda n, m: 3 / n, 3 / 2),
    "1/(2n)": (lambda n, m: 1 / (2 * n), 1 / 4),
    "Xavier: 2 / (fan_in + fan_out)": (lambda n, m: 2 / (n + m), 1 / 2),
    "1 / (3 fan_in), the older heuristic": (lambda n, m: 1 / (3 * n), 1 / 6),
    "8 / fan_out": (lambda n, m: 8 / m, 4),
}
for name, (rule, f) in rules.items():
    text = f"depth_variance(6, {name})"
    got = checks.call(depth_variance, 6, rule)
    checks.shape(got, (6,), text)
    known = [
        (np.ones(6), "the rule is ignored"),
        (1 + depth * (f - 1), "additive reasoning: layers multiply, they do not add"),
        (1 - depth / 2, "additive reasoning: layers multiply, they do not add"),
        (1 + depth * f, "additive reasoning: layers multiply, they do not add"),
        (1 / (1 + depth), "additive reasoning: layers multiply, they do not add"),
        (np.cumsum(f**depth), "a sum over layers; each entry is one layer's variance"),
        (f ** (depth + 1), "the first entry is layer 1 over itself, which is 1"),
        (f ** depth[::-1], "the order is reversed: the first entry is layer 1"),
        ((2 * f) ** depth, "ReLU keeps half of the mean square: a 1/2 is missing"),
        ((4 * f) ** depth, "the 1/2 of ReLU is upside down"),
        ((2 * relu_var * f) ** depth, "E[relu(z)^2] counts, which is 1/2, not Var"),
        (f ** (depth / 2), "these are standard deviations; the variance is asked for"),
        (f ** (2 * depth), "squared: the rule gives a variance already"),
        ((f / 2) ** depth, "the 1/2 of ReLU is counted twice"),
        (
            np.append(1, np.full(5, f)),
            "one layer's factor, not what is left of layer 1",
        ),
    ]
    checks.close(got, f**depth, text, known=known)
got = checks.call(depth_variance, 1, lambda n, m: 1 / n)
checks.shape(got, (1,), "depth_variance(1, rule)", hint="one layer, one entry")
checks.close(got, [1.0], "depth_variance(1, rule)")
got = checks.call(depth_variance, 31, lambda n, m: 1 / (2 * n))
text = "last of depth_variance(31, 1/(2n))"
checks.close(float(np.asarray(got)[-1]), 2.0**-60, text, atol=0)
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# Your prediction of the first page, and what your function says. Then the same for
# twenty layers beside a simulation, with the upside-down rule:

# %%
upside_down = lambda n, m: 1 / (2 * n)  # noqa: E731
lab.reveal("u6.a1", float(depth_variance(10, upside_down)[9]))

# %%
rng, a, sizes = np.random.default_rng(1), np.ones((1, 300)), []
for _ in range(20):
    z = a @ rng.normal(0, np.sqrt(upside_down(300, 300)), (300, 300))
    a = np.maximum(z, 0)
    sizes.append(np.mean(z**2))
curves = {"one net": np.array(sizes) / sizes[0]}
theory = {"one net": depth_variance(20, upside_down)}
fig, ax = lab.depth_curves(curves, "variance of z over layer 1's", theory)
lab.show(fig, alt="Variance of z by layer under 1/(2n): simulation and dashed theory.")

# %% [markdown]
# ## 6.3 Units that nothing wakes (2 points)
#
# A healthy ReLU layer is full of zeros: each unit is off for about half of the
# examples. A unit is **dead** on a batch if it is off for *every* example of it.
# Count these, in each layer.


# %% nbgrader={"grade_id": "dead-units", "solution": true}
def dead_units(acts):
    """Return the fraction of units in each layer that are zero on the whole batch.

    Parameters
    ----------
    acts : list of L float arrays
        What comes out of each layer's ReLU, (N, n) with the same N and any n: one
        example a row, one unit a column. They are left as they were.

    Returns
    -------
    (L,) float array
        Fractions between 0 and 1. A unit is dead if all its N activations are exactly
        zero; a small positive one keeps it alive.
    """
    ### BEGIN SOLUTION
    return np.array([np.mean(np.all(a == 0, axis=0)) for a in acts])
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# Is one unit a row or a column of an activation array? And which question do you ask of
# it: is there a zero in it, how many are there, or is there nothing else?
# </details>
#
# <details><summary>Hint 2</summary>
# `a == 0` is an array of True and False. Reduce it over the examples with `np.all`, and
# the fraction of True in what is left is a mean.
# </details>
#
# <details><summary>Hint 3</summary>
#
# ```python
# dead = np.all(a == 0, axis=...)  # one True or False for each unit
# fractions.append(np.mean(dead))
# ```
#
# </details>

# %% nbgrader={"grade_id": "dead-units-test", "points": 2}
given = [
    np.array([[0.0, 1.0, 0.0, 2.0], [0.0, 0.0, 3.0, 1.0], [0.0, 2.0, 1.0, 1.0]]),
    np.array([[0.0, 0.0], [0.0, 0.0], [1.5, 0.0]]),
]
text = "dead_units(two layers of 4 and 2 units, 3 examples)"
got = checks.call(dead_units, given)
checks.shape(got, (2,), text, known=[((), "one number for each layer, not one in all")])
known = [
    ([5 / 12, 5 / 6], "this is the share of zeros; count units that are always zero"),
    ([0.75, 1.0], "a unit with one zero is not dead; all of its column must be zero"),
    ([0.0, 2 / 3], "this goes along rows (examples); a unit is a column: axis=0"),
    ([1, 1], "this is the number of dead units; divide by the units of the layer"),
    ([0.75, 0.5], "this is the share of units that are alive"),
    ([0.5, 1.0], "this looks at the first example only"),
    ([1 / 3, 1 / 3], "divide by the units of the layer, not by the examples"),
]
checks.close(got, [0.25, 0.5], text, known=known)

### BEGIN HIDDEN TESTS
draws = checks.rng(67)
acts, want = [], []
for n, dead in ((10, 3), (7, 0), (5, 5), (12, 1), (3, 2)):
    a = np.maximum(draws.normal(size=(40, n)), 0)  # a live unit is off at .5 ** 40
    a[39] += 1e-3  # and awake in the last example whatever the draws are
    a[:, draws.permutation(n)[:dead]] = 0
    acts.append(a)
    want.append(dead / n)
before = [a.copy() for a in acts]
text = "dead_units(layers of 10, 7, 5, 12 and 3 units, 40 examples)"
got = checks.call(dead_units, acts)
known = [
    ([np.mean(a == 0) for a in acts], "this is the share of zeros; count units"),
    ([np.mean(np.any(a == 0, axis=0)) for a in acts], "one zero does not kill a unit"),
    ([1 - w for w in want], "this is the share of units that are alive"),
]
checks.close(got, want, text, known=known, hint="every layer has a width of its own")
for a, b in zip(acts, before, strict=True):
    checks.unchanged(b, a, text, "acts")

late = np.zeros((50, 4))
late[49, 0] = 2.0
late[0, 1] = 2.0
late[25, 2] = 2.0
text = "dead_units(units that wake for one example of 50)"
known = [
    ([1.0], "a unit that wakes once is alive; look at the whole batch"),
    ([0.5], "look at the whole batch: one of these units wakes first or last"),
    ([0.75], "look at the whole batch"),
    ([0.985], "this is the share of zeros among examples"),
]
checks.close(checks.call(dead_units, [late]), [0.25], text, known=known)
faint = np.array([[1e-30, 0.0, 0.0], [0.0, 0.0, 1e-9]])
text = "dead_units(activations of 1e-30 and 1e-9)"
hint = "a faint unit still has a gradient: compare with 0 exactly"
checks.close(checks.call(dead_units, [faint]), [1 / 3], text, hint=hint)
one = np.array([[0.0, 2.0, 0.0, 0.0]])
text = "dead_units(a batch of one example)"
checks.close(checks.call(dead_units, [one]), [0.75], text)
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# Twenty layers of 100 units with He's weights, on 200 random examples that share a
# direction, with a bias of 0 and of -.3. The number of zeros, and the number that
# counts:

# %%
curves = {}
for bias in (0.0, -0.3):
    rng, layers = np.random.default_rng(2), []
    a = rng.normal(size=(200, 100)) + rng.normal(size=100)
    for _ in range(20):
        a = np.maximum(a @ rng.normal(0, 0.02**0.5, (100, 100)) + bias, 0)
        layers.append(a)
    curves[f"zeros, bias {bias}"] = np.array([np.mean(a == 0) for a in layers])
    curves[f"dead units, bias {bias}"] = dead_units(layers)
fig, ax = lab.depth_curves(curves, "share", log=False)
lab.show(fig, alt="Zeros and dead units by layer, at a bias of 0 and of -0.3.")

# %% [markdown]
# ## Checkpoint
#
# Answer aloud before you unfold.
#
# <details><summary>Why is Var(w) = 1/(2n) such a tempting mistake, and how do you find
# it without theory?</summary>
# The derivation has the factor n/2, and the variance must be its inverse, not its
# neighbour. Draw one net of thirty layers and print the mean square of z in the last:
# 3e-18 of the first.
# </details>
#
# <details><summary>He's mode fan_in keeps the forward signal. What does it do to the
# gradient, from the last layer to the first?</summary>
# Each layer multiplies its mean square by fan_out/fan_in; in a chain these cancel but
# for the widths at both ends. So either mode will do, as He et al. say.
# </details>
#
# <details><summary>Half of all activations are zero and no unit is dead. Half are zero
# and half of the units are dead. What differs between these nets?</summary>
# In the second one all examples look alike: who is off for one is off for all.
# </details>
