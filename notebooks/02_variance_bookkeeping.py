# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 2 · Variance bookkeeping
#
# Previous: [Symmetry](01_symmetry.ipynb) ·
# Next: [Forward signal](03_forward_signal.ipynb) ·
# Assignment: [Variance
# bookkeeping](../release/02_variance_bookkeeping/02_variance_bookkeeping.ipynb) ·
# [Contents](README.md)
#
# **One question: how large are the numbers that come out of a layer?**
#
# You will be able to answer it with a pencil: for a sum, for a product, for a whole
# linear layer, for a rectifier in front of it, and in both directions through it.
# Every rule for starting a network in the later units follows from these results.
#
# Did you download this notebook alone? Put `dp.py` and `lab.py` of the course beside it
# (both lie in the folder above); it needs numpy, matplotlib and scikit-learn as well.

# %% [markdown]
# **Recall**, from units 0 and 1; answer before you unfold.
#
# <details><summary>What are the shapes of W and b in a layer from 30 to 20
# numbers?</summary>
# W is (30, 20) and b is (1, 20): rows are examples, and Y = X @ W + b.</details>
# <details><summary>Why must weights differ from each other at the start?</summary>
# Equal neurons get equal gradients and stay equal.</details>
# <details><summary>So the weights are drawn at random. What is left to
# choose?</summary>
# How large. That is this unit and the rest of the course.</details>

# %%
import matplotlib.pyplot as plt
import numpy as np

import dp
import lab

lab.style()
SEEDS = range(10)

# %% [markdown]
# **Words.**
# The *mean* is $E[x]$, the *second moment* is $E[x^2]$,
# and the *variance* is what the second moment has beyond the mean:
#
# $$\mathrm{Var}(x) = E[x^2] - E[x]^2$$
#
# The standard deviation is its root, and the only one of the last three with the unit
# of $x$. In code a name that ends in `_var` holds a variance, one in `_std` its root.
# The two are never exchanged.

# %% [markdown]
# ## 1. Variances add; standard deviations do not
#
# A layer's output is a sum of many terms, so sums come first.
# Take 48 independent numbers, each uniform on $[-1, 1]$.
# Each has the variance $1/3$, and so the standard deviation 0.577.
#
# **Predict.** What is the standard deviation of their sum?
# Put a number in place of `None`; then run ten seeds with 20,000 sums each.

# %%
lab.predict("u2.sum", None)


# %%
def std_of_sum(rng):
    terms = rng.uniform(-1, 1, (20_000, 48))
    return terms.sum(axis=1).std()


sum_std = lab.over_seeds(std_of_sum, SEEDS)
assert np.allclose([(1 / 3) ** 0.5, 48 * 0.577, 16**0.5], [0.577, 27.7, 4], atol=5e-3)
# A std from 20,000 sums has a standard error of 4 / sqrt(40,000) = .02.
assert np.all(np.abs(sum_std - 4) < 6 * 0.02)
print(f"ten seeds: {sum_std.min():.3f} to {sum_std.max():.3f}")
lab.reveal("u2.sum", sum_std.mean())

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Four, and not 48 times 0.577, which is 27.7.
# Most terms cancel: some are positive where others are negative.
#
# </details>
#
# **Why.** For two centred numbers
#
# $$E[(x + y)^2] = E[x^2] + 2\,E[xy] + E[y^2],$$
#
# and $E[xy] = E[x]\,E[y] = 0$ when they are independent.
# So variances add: $48 \cdot 1/3 = 16$, and its root is 4.
# A standard deviation grows with the root of the number of terms.

# %% [markdown]
# ## 2. Correlated terms
#
# The middle term $2\,E[xy]$ was dropped because the terms were independent.
# Suppose that every pair has the correlation 0.1 instead,
# too little to see in a scatter plot.
#
# **Predict.** With 100 such terms, how many times larger is the variance of the sum
# than without correlation?
# Below, terms are made from one number that all share and one of their own.

# %%
lab.predict("u2.pairs", None)


# %%
def variance_as_terms_join(rng, correlation, count=256):
    shared = rng.normal(size=(2000, 1))
    own = rng.normal(size=(2000, count))
    terms = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    return np.cumsum(terms, axis=1).var(axis=0)


joined = {
    c: lab.over_seeds(lambda rng, c=c: variance_as_terms_join(rng, c), SEEDS)
    for c in (0, 0.1, 1)
}

# %% [markdown]
# The coloured bands go from the smallest to the largest of ten seeds;
# dashed lines are the theory that is derived below:

# %%
n = np.arange(1, 257)
fig, ax = plt.subplots()
for c, name in zip(joined, ("blue", "orange", "vermillion"), strict=True):
    low, high, colour = joined[c].min(0), joined[c].max(0), lab.COLOURS[name]
    ax.fill_between(n, low, high, color=colour, label=f"correlation {c}")
    ax.plot(n, n * (1 + (n - 1) * c), "--", color=lab.COLOURS["black"], lw=1)
ax.set(xscale="log", yscale="log", xlabel="number of terms")
ax.set_ylabel("variance of the sum (one term = 1)")
ax.legend()
lab.show(
    fig,
    alt="Variance of a sum against the number of terms, both axes logarithmic. Without"
    " correlation it grows in proportion; with a small correlation it leaves that line"
    " and then grows with the square, as it does from the start with correlation one.",
)
excess = joined[0.1][:, 99] / 100
assert np.isclose(1 + (100 - 1) * 0.1, 10.9)
# A variance from 2000 sums has a standard error of sqrt(2 / 2000) = 3.2 %.
assert np.all(np.abs(excess / 10.9 - 1) < 6 * 0.032)
lab.reveal("u2.pairs", excess.mean())

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# About eleven times, from a correlation of 0.1.
#
# </details>
#
# **Why.** A sum of $n$ terms has $n$ variances and $n(n-1)$ ordered pairs,
# each pair with the covariance $c\,\mathrm{Var}(x)$:
#
# $$\mathrm{Var}\Big(\sum_j x_j\Big) = n\,\mathrm{Var}(x)\,\big(1 + (n-1)\,c\big)$$
#
# For $n = 100$ and $c = 0.1$ the bracket is 10.9.
# There are far more pairs than terms. Whoever leaves the pairs out must know that their
# covariances are zero.

# %% [markdown]
# ## 3. Products
#
# What a layer adds up are products: an input times a weight.
# Dice make the point without any simulation, since their 36 outcomes can be listed.
# One die has the mean 3.5 and the variance $35/12$, about 2.92.
#
# **Predict.** Is the variance of the product of two dice $2.92^2$, about 8.5?
# Or less, or more: how much?

# %%
lab.predict("u2.dice", None)

# %%
die = np.arange(1, 7)
product = np.outer(die, die)
print(f"variance of one die: {die.var():.3f}, squared {die.var() ** 2:.3f}")
lab.reveal("u2.dice", product.var())

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Nearly 80: more than nine times the product of the variances.
#
# </details>
#
# **Why.** The expectation of a product of independent factors is the product of their
# expectations:
#
# $$\mathrm{Var}(XY) = E[X^2Y^2] - E[XY]^2 = E[X^2]\,E[Y^2] - E[X]^2\,E[Y]^2$$
#
# A die has a large mean, and the means carry most of it.
# Goodman (1960, eq. 2) writes the right side in means and variances;
# finding his three terms is exercise 2.1.

# %%
assert np.isclose(product.var(), (die**2).mean() ** 2 - die.mean() ** 4)
assert np.allclose([die.mean(), die.var()], [3.5, 35 / 12])
assert np.allclose([die.var(), die.var() ** 2], [2.92, 8.5], atol=0.01)
assert 9 * die.var() ** 2 < 79.9 < product.var() < 80
centred = np.outer(die - 3.5, die - 3.5)  # two means of zero: the variances multiply
assert np.isclose(centred.var(), die.var() ** 2)

# %% [markdown]
# **One mean of zero is enough.**
# Weights are drawn around zero, inputs need not be.
# With $E[w] = 0$ the last term vanishes and $E[w^2]$ is $\mathrm{Var}(w)$:
#
# $$\mathrm{Var}(xw) = E[x^2]\,\mathrm{Var}(w)$$
#
# The input enters with its *second moment*, not with its variance.
# To see the difference, move the mean of $x$ and keep its variance at 1.
# Bars go from the smallest to the largest of ten seeds:

# %%
means, weight_var = np.linspace(-3, 3, 13), 0.25


def product_variance(rng):
    x = means + rng.normal(size=(20_000, 1))
    return (x * rng.normal(0, np.sqrt(weight_var), x.shape)).var(axis=0)


measured = lab.over_seeds(product_variance, SEEDS)
# The kurtosis of x w is at most 9: the standard error of a variance from 20,000 draws
# is at most sqrt(8 / 20,000) = 2 %.
assert np.all(np.abs(measured / (1 + means**2) / weight_var - 1) < 6 * 0.02)

# %%
fig, ax = plt.subplots()
centre, m = measured.mean(axis=0), np.linspace(-3, 3, 200)
bars = [centre - measured.min(axis=0), measured.max(axis=0) - centre]
blue, black, red = (lab.COLOURS[c] for c in ("blue", "black", "vermillion"))
ax.errorbar(means, centre, bars, fmt="o", color=blue, label="measured")
ax.plot(m, (1 + m**2) * weight_var, "--", color=black, label="E[x²] Var(w)")
ax.axhline(weight_var, ls=":", color=red, label="Var(x) Var(w)")
ax.set(xlabel="mean of x", ylabel="variance of x w")
ax.legend()
lab.show(
    fig,
    alt="Variance of a product x w against the mean of x. The measured points lie on"
    " the dashed parabola, second moment of x times variance of w; the dotted level,"
    " the product of the two variances, touches them only where the mean is zero.",
)

# %% [markdown]
# The points follow the parabola; the dotted line is right in one place only.
# At a mean of 3 the second moment is $1 + 3^2$:
# the product of the variances is wrong by a factor of ten.
# The formula $\mathrm{Var}(XY) = \mathrm{Var}(X)\,\mathrm{Var}(Y)$ of many notes
# needs *both* means to be zero.

# %% [markdown]
# ## 4. A linear layer
#
# One output is $z = \sum_j x_j w_j$ over the $n$ inputs of the layer. Images of digits
# break two common assumptions about inputs: pixels between 0 and 1 are not centred, and
# neighbours are strongly correlated.
#
# **Predict.** Divide $E[z^2]$ by $n\,\mathrm{Var}(w)$.
# Is the result the variance of the pixels, 0.141, or their second moment, 0.235,
# or far more, since they are correlated (section 2)?

# %%
lab.predict("u2.layer", None)

# %%
pixels, _ = lab.digits("unit")


def output_moment(rng, weight_std=0.1):
    W = rng.normal(0, weight_std, (64, 1000))
    return ((pixels @ W) ** 2).mean() / (64 * weight_std**2)


layer = lab.over_seeds(output_moment, SEEDS)
print(f"pixels: variance {pixels.var():.3f}, second moment {(pixels**2).mean():.3f}")
print(f"outputs, ten seeds: {layer.min():.3f} to {layer.max():.3f}")
lab.reveal("u2.layer", layer.mean())

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# The second moment, and correlation does not matter.
#
# </details>
#
# **Why.** Two terms of the sum, $x_1w_1$ and $x_2w_2$, have different weights, so
# $E[x_1w_1\,x_2w_2] = E[x_1x_2]\,E[w_1]\,E[w_2] = 0$ whatever the inputs do:
# the pairs of section 2 are zero, and
#
# $$\mathrm{Var}(z) = n\,\mathrm{Var}(w)\,E[x^2]$$
#
# (He et al. 2015, eq. 7). Nobody had to assume centred or independent inputs.

# %%
assert np.allclose([pixels.var(), (pixels**2).mean()], [0.141, 0.235], atol=5e-4)
# Units of one layer share their correlated inputs, and stray together: the std over
# units is about as large as the mean, so 1000 units leave 3 % and 10 seeds 1 %.
assert abs(layer.mean() / (pixels**2).mean() - 1) < 6 * 0.01

# %% [markdown]
# **One size does not fit all.** The cats notebook starts every weight with the standard
# deviation 0.01, in a net whose first layer has 12,288 inputs and whose other layers
# have 30. By how much does each layer multiply a second moment, and its root?

# %%
for fan_in in (12_288, 30):
    factor = fan_in * 0.01**2
    print(f"fan-in {fan_in:6}: second moment x {factor:.4f}, root x {factor**0.5:.3f}")
assert 1.10 < np.sqrt(12_288) * 0.01 < 1.11
assert 18 < 1 / (np.sqrt(30) * 0.01) < 18.5

# %% [markdown]
# The same 0.01 is almost right for the first layer, which keeps its input's size within
# eleven percent, and makes signals eighteen times smaller in each of the others.
# A weight's size means nothing without the number of terms it is added up with.
# What this does to learning is the subject of unit 4.

# %% [markdown]
# ## 5. Behind a rectifier
#
# A rectifier $a = \max(z, 0)$ removes the negative half.
# Let $z$ be normal with mean 0 and variance 1, and let the weights of the next layer
# have the variance $2/n$.
#
# **Predict.** Which of these is the second moment of the next layer's outputs:
# 0.50, 0.68, 1.00 or 1.36?
# The run has 400 inputs and 400 units, 1000 examples, ten seeds.

# %%
lab.predict("u2.relu", None)


# %%
def relu(z):
    return np.maximum(z, 0)


def behind(activation):
    def run(rng, n=400):
        a = activation(rng.normal(size=(1000, n)))
        z = a @ rng.normal(0, np.sqrt(2 / n), (n, n))
        over_examples, between_units = z.var(axis=0).mean(), z.mean(axis=0).var()
        return a.mean(), a.var(), (a**2).mean(), over_examples, between_units

    return lab.over_seeds(run, SEEDS)


rectified = behind(relu)
next_moment = rectified[:, 3:].sum(axis=1)
for name, values in zip(("E[a]", "Var(a)", "E[a²]"), rectified.T, strict=False):
    print(
        f"{name:6} {values.mean():.3f}, seeds {values.min():.3f} to {values.max():.3f}"
    )
print(f"E[z²] behind it: seeds {next_moment.min():.3f} to {next_moment.max():.3f}")
lab.reveal("u2.relu", next_moment.mean())

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# One.
# The bell curve is symmetric, so half of $E[z^2]$ belongs to $z > 0$:
# $E[a^2] = 1/2$, and the factor 2 in the weights undoes it. The mean is
#
# </details>
#
# $$E[a] = \int_0^\infty \frac{z\,e^{-z^2/2}}{\sqrt{2\pi}}\,dz = \frac{1}{\sqrt{2\pi}}
# \approx 0.399, \qquad \mathrm{Var}(a) = \frac12 - \frac1{2\pi} \approx 0.341$$
#
# The variance is $1 - 1/\pi \approx 0.68$ of the second moment.
# With the variance in place of the second moment one computes 0.68 where the layer
# gives 1.

# %%
z = np.linspace(-10, 10, 200_001)
share = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
mean, second = (share * relu(z)).sum(), (share * relu(z) ** 2).sum()
assert np.allclose([mean, second], [1 / np.sqrt(2 * np.pi), 1 / 2])
assert np.isclose((second - mean**2) / second, 1 - 1 / np.pi)
three = [mean, second - mean**2, second]
assert np.allclose([*three, 1 - 1 / np.pi], [0.399, 0.341, 0.5, 0.68], atol=2e-3)
assert np.allclose(rectified[:, :3].mean(axis=0), three, rtol=0.01)
assert abs(next_moment.mean() - 1) < 0.05

# %% [markdown]
# **Where the other 0.32 is.**
# Both numbers are real: they are two ways to look at one layer.
# Here are five single units, each over all examples, beside the bell curve of
# variance 1 (dashed). The seed was picked so that all five are well off centre;
# in other draws some sit near the middle:

# %%
rng = np.random.default_rng(15)
a = relu(rng.normal(size=(4000, 400)))
units = (a @ rng.normal(0, np.sqrt(2 / 400), (400, 400)))[:, :5]
edges = np.linspace(-4, 4, 41)
fig, ax = plt.subplots()
for number, column in enumerate(units.T, 1):
    heights, _ = np.histogram(column, edges, density=True)
    ax.stairs(heights, edges, lw=1.8, color=f"C{number - 1}", label=f"unit {number}")
middle = (edges[1:] + edges[:-1]) / 2
bell = np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)
ax.plot(middle, bell, "--", color=lab.COLOURS["black"], label="variance 1")
ax.set(xlabel="pre-activation z", ylabel="density", xlim=(-4, 4), ylim=(0, None))
ax.legend(loc="upper left", handlelength=1.2)
lab.show(
    fig,
    alt="Densities of z over all examples for five units of a layer behind a rectifier,"
    " on one axis. Each is narrower and higher than the dashed standard normal curve"
    " and has a centre of its own, left or right of zero.",
)

# %% [markdown]
# Each unit's distribution is narrower than the curve and has its own centre. Inputs
# with a mean shift all examples of a unit by the same amount, $E[a]\sum_j w_j$. Over
# examples a unit varies by 0.68; the units' centres vary by 0.32, which is $1/\pi$. A
# centred activation such as tanh has no such share:

# %%
squashed = behind(np.tanh)
for name, rows in (("rectifier", rectified), ("tanh", squashed)):
    shares = rows[:, 3:].mean(axis=0) / rows[:, 3:].sum(axis=1).mean()
    print(f"{name:10} over examples {shares[0]:.3f}, between units {shares[1]:.3f}")
assert np.allclose(rectified[:, 3:].mean(0), [1 - 1 / np.pi, 1 / np.pi], atol=0.03)
assert np.all(squashed[:, 4] < 0.01)

# %% [markdown]
# **Compounded.**
# Suppose somebody computes with $\mathrm{Var}(a)$ and picks the weight variance
# $2.93/n$, because $2.93 \cdot 0.341 = 1$. One layer is then wrong by a factor of 1.47.
# Follow ten layers from ten seeds, beside $2/n$, which is He's rule (unit 6).
# Dashed lines multiply the one-layer factor:


# %%
def through_depth(rng, constant, width=512, layers=10):
    x, moments = rng.normal(size=(100, width)), []
    for _ in range(layers):
        z = x @ rng.normal(0, np.sqrt(constant / width), (width, width))
        moments.append((z**2).mean())
        x = relu(z)
    return np.array(moments) / moments[0]


factor = 1 / (1 - 1 / np.pi)
constants = {"he": 2, "2.93 / n, from the variance": 2 * factor}
depth = {
    name: lab.over_seeds(lambda rng, c=c: through_depth(rng, c), SEEDS)
    for name, c in constants.items()
}
final = {name: np.median(rows[:, -1]) for name, rows in depth.items()}

# %%
theory = {name: (c / 2) ** np.arange(10) for name, c in constants.items()}
fig, ax = lab.depth_curves(depth, "second moment of z (layer 1 = 1)", theory)
lab.show(
    fig,
    alt="Second moment of z against the layer, logarithmic. With weight variance 2/n it"
    " stays near one through ten layers; with the constant chosen from the variance it"
    " climbs on a straight line to about thirty.",
)
assert np.allclose([factor, 2 * factor], [1.47, 2.93], atol=5e-3)
assert abs(2.93 * 0.341 - 1) < 2e-3
assert abs(factor**9 - 31.5) < 0.1
assert 20 < final["2.93 / n, from the variance"] < 45
assert 0.7 < final["he"] < 1.4
spread = np.log(depth["he"]).std(axis=0)
assert spread[9] > 2 * spread[1]

# %% [markdown]
# A factor of 1.47 becomes 31.5 in nine steps.
# Factors of layers multiply, so a small mistake in one layer is a large one at the end.
# The bands, from the smallest to the largest seed, widen with depth: each layer's
# weights are one draw, and the deviations of the draws multiply as well.

# %% [markdown]
# ## 6. Fan-in and fan-out
#
# A layer works in two directions. Forward it computes `X @ W`; backward, a gradient `G`
# at its output becomes `G @ W.T` at its input (unit 0, section 5). One layer of four
# inputs and six units, with the weights of one unit and those of one input in colour:

# %%
fig, ax = plt.subplots(figsize=(6, 3.8))
heights = [np.linspace(0.15, 0.85, 4), np.linspace(0, 1, 6)]
for j, low in enumerate(heights[0]):
    for k, high in enumerate(heights[1]):
        colour = "blue" if k == 1 else "vermillion" if j == 2 else "grey"
        width = 0.6 if colour == "grey" else 2.4
        ax.plot([0, 1], [low, high], color=lab.COLOURS[colour], lw=width)
for side, places in enumerate(heights):
    ax.plot([side] * len(places), places, "o", ms=15, mfc="white", mec="black")
left, right = {"ha": "right", "va": "center"}, {"ha": "left", "va": "center"}
ax.text(-0.08, heights[0][2], "one input:\nfan-out 6", color="#D55E00", **left)
ax.text(1.08, heights[1][1], "one unit:\nfan-in 4", color="#0072B2", **right)
ax.text(0.5, 1.1, "forward: sum over a fan-in  →", color="#0072B2", ha="center")
ax.text(0.5, -0.16, "←  backward: sum over a fan-out", color="#D55E00", ha="center")
ax.set(xlim=(-0.55, 1.5), ylim=(-0.22, 1.2))
ax.axis("off")
lab.show(
    fig,
    alt="A layer of four inputs on the left and six units on the right, each joined to"
    " each. The four lines into one unit are blue, its fan-in; the six lines out of one"
    " input are orange, its fan-out.",
)

# %% [markdown]
# Take `W.shape == (100, 400)` and the weight variance 0.01, which is $1/100$.
#
# **Predict.** If the entries of `G` are independent with second moment 1, what is the
# second moment of the entries of `G @ W.T`?

# %%
lab.predict("u2.back", None)


# %%
def both_ways(rng, fan_in=100, fan_out=400, weight_var=0.01):
    W = rng.normal(0, np.sqrt(weight_var), (fan_in, fan_out))
    X, G = rng.normal(size=(500, fan_in)), rng.normal(size=(500, fan_out))
    return ((X @ W) ** 2).mean(), ((G @ W.T) ** 2).mean()


ways = lab.over_seeds(both_ways, SEEDS)
print("forward, backward:", ways.mean(axis=0).round(2))
print("std over seeds:   ", ways.std(axis=0).round(2))
lab.reveal("u2.back", ways[:, 1].mean())

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Forward 1, backward 4.
#
# </details>
#
# **Why.** One output is a sum down a *column* of W: 100 terms, the **fan-in**.
# One entry of `G @ W.T` is a sum along a *row*: 400 terms, the **fan-out**.
# Nothing else differs, so the same formula holds twice:
#
# $$E[z^2] = \text{fan-in} \cdot \mathrm{Var}(w)\,E[x^2], \qquad
# E[g_x^2] = \text{fan-out} \cdot \mathrm{Var}(w)\,E[g_z^2]$$

# %% [markdown]
# **A published slip.**
# deep.TEACHING sums $x_j w_{ji}$ over the $n$ inputs and then says that
# "n is also called the 'fan out' of a layer" and m "the 'fan in'".
# It is the other way round. The result, $1/n$, is right because n is the number of
# *terms*. Taking $1/\text{fan-out}$ for the layer above gives:

# %%
swapped = lab.over_seeds(lambda rng: both_ways(rng, weight_var=1 / 400), SEEDS)
print("variance 1/fan_out, forward and backward:", swapped.mean(axis=0).round(3))
assert np.allclose(ways.mean(axis=0), [1, 4], rtol=0.03)
assert np.allclose(swapped.mean(axis=0), [1 / 4, 1], rtol=0.03)

# %% [markdown]
# Signals keep a quarter of their second moment. On a square layer both rules are the
# same, so a test needs shapes that are not square.
#
# **Can one variance serve both directions?**
# Five shapes with fan_in + fan_out = 500, and three rules.
# Markers are measured (means over ten seeds), dashed lines are the two formulas:

# %%
shapes = [(400, 100), (325, 175), (250, 250), (175, 325), (100, 400)]
rules = {
    "1 / fan_in": lambda n, m: 1 / n,
    "1 / fan_out": lambda n, m: 1 / m,
    "2 / (fan_in + fan_out)": lambda n, m: 2 / (n + m),
}


def factors(rule):
    runs = [
        lab.over_seeds(lambda rng, s=s: both_ways(rng, *s, rule(*s)), SEEDS)
        for s in shapes
    ]
    theory = np.array([[n * rule(n, m), m * rule(n, m)] for n, m in shapes])
    came = np.mean(runs, axis=1)
    assert np.allclose(came, theory, rtol=0.05)
    return came, theory


both = {name: factors(rule) for name, rule in rules.items()}

# %%
fig, axes = plt.subplots(1, 2, figsize=(6.6, 4.2), sharey=True)
ratio = [m / n for n, m in shapes]
looks = [("orange", "s"), ("teal", "^"), ("blue", "o")]
for way, ax in enumerate(axes):
    for (name, (came, theory)), look in zip(both.items(), looks, strict=True):
        colour = lab.COLOURS[look[0]]
        ax.plot(ratio, came[:, way], look[1], color=colour, label=name)
        ax.plot(ratio, theory[:, way], "--", color=colour, lw=1.2)
    ax.set(xscale="log", yscale="log", xlabel="fan_out / fan_in")
    ax.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    ax.set_yticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    ax.minorticks_off()
    ax.set_title(("forward", "backward")[way])
axes[0].set_ylabel("second moment, out over in")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
lab.show(
    fig,
    alt="Two panels, forward and backward: factor on the second moment against fan_out"
    " over fan_in. The rule 1/fan_in is flat forward and rises backward, 1/fan_out"
    " falls forward and is flat backward; 2/(fan_in + fan_out) lies between. All meet"
    " at one.",
)

# %% [markdown]
# No rule is flat in both panels; on the square shape all three are the same.
# $2/(\text{fan-in} + \text{fan-out})$ is the compromise of Glorot & Bengio (2010, eq.
# 12): at a ratio of four it multiplies by 0.4 one way and by 1.6 the other, and the two
# factors always add up to 2. It averages the *fans*. Averaging the variances $1/100$
# and $1/400$ would give 0.00625, not 0.004; their harmonic mean is the one that fits.

# %%
n, m = 100, 400
came, theory = both["2 / (fan_in + fan_out)"]
assert np.allclose(theory[-1], [0.4, 1.6])
assert np.allclose(theory.sum(axis=1), 2)
assert np.allclose([(1 / n + 1 / m) / 2, 2 / (n + m)], [0.00625, 0.004])
assert np.isclose(2 / (1 / (1 / n) + 1 / (1 / m)), 0.004)

# %% [markdown]
# ## 7. Which number of the shape is it?
#
# Here rows are examples and `W.shape == (fan_in, fan_out)`; the engine agrees.
# The cats notebook writes its layer the other way: examples are columns, `z = W @ x`,
# and the shape of `W` is (outputs, inputs). (Its text says $(n_{in}, n_{out})$;
# its code has the two exchanged.)

# %%
net = dp.Model(np.random.default_rng(0))
net.Linear_Layer(30, 20, "first")
for name, value in net.get_param().items():
    print(f"{name:12} {value.shape}")
W, X = net.get_param()["first_weight"], np.random.default_rng(1).normal(size=(5, 30))
theirs = W.T @ X.T  # weights (outputs, inputs), examples in columns
assert np.allclose(X @ W, theirs.T)
assert np.isclose((1 / 30) / (1 / 12_288), 409.6)

# %% [markdown]
# The numbers are the same, transposed; only the reading of the shape differs.
# Its first layer has the shape (30, 12288), and
# `fan_in, fan_out = W.shape` takes 30 for its fan-in: with the rule $1/\text{fan-in}$,
# a variance 409.6 times too large.
# A bias can be misread as well. Its shape (1, 20) unpacks into a fan-in of 1, which
# means nothing: a bias is added, not multiplied.

# %% [markdown]
# ## Summary
#
# | step | what happens to the second moment |
# |---|---|
# | sum | variances add, if no two terms are correlated |
# | product | $E[X^2]E[Y^2] - E[X]^2E[Y]^2$; if $E[w] = 0$: $E[x^2]\,\mathrm{Var}(w)$ |
# | layer, forward | the second moment is multiplied by fan-in · Var(w) |
# | layer, backward | the second moment is multiplied by fan-out · Var(w) |
# | rectifier | half of the second moment is left; $1/\pi$ of that is mean |
# | depth | factors multiply |

# %% [markdown]
# ## Exercises
#
# The assignment of this unit asks for the variance of a product, a layer, the fans,
# a leaky rectifier, the backward chain and, for the curious, a convolution. Two more:
#
# - Shuffle each pixel column of section 4 on its own and run it again.
#   What stays as it was, and what happens to the spread over seeds?
# - Give the weights of section 4 a mean of 0.05.
#   Where does the correlation of the pixels enter?

# %% [markdown]
# ## Sources
#
# - L. A. Goodman, *On the exact variance of products*, Journal of the American
#   Statistical Association 55 (1960), 708–713: eq. 2.
# - X. Glorot & Y. Bengio, *Understanding the difficulty of training deep feedforward
#   neural networks* (2010): eq. 5 (forward), 6 (backward), 12 (the compromise).
# - K. He et al., *Delving deep into rectifiers* (2015), arXiv:1502.01852: eq. 7 (second
#   moment), 8 (the half).
# - deep.TEACHING and the cats notebook. Full references:
#   [bibliography](README.md#bibliography).

# %% [markdown]
# Previous: [Symmetry](01_symmetry.ipynb) ·
# Next: [Forward signal](03_forward_signal.ipynb) ·
# Assignment: [Variance
# bookkeeping](../release/02_variance_bookkeeping/02_variance_bookkeeping.ipynb) ·
# [Contents](README.md)
