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
# Previous: [Variance bookkeeping](02_variance_bookkeeping.ipynb) ·
# Next: [Backward signal](04_backward_signal.ipynb) ·
# Assignment: [Forward signal](../release/03_forward_signal/03_forward_signal.ipynb) ·
# [Contents](README.md)
#
# **One question: how far does a signal travel through layers that nobody has trained?**
#
# You will break a network twice, once with weights that are too large and once with
# weights that are too small. Then you will compute the scale in between at which twelve
# layers, or fifty, keep the signal at its size. Only the last section trains.
#
# Did you download this notebook alone? Put `dp.py` and `lab.py` of the course beside it
# (both lie in the folder above); it needs numpy, matplotlib and scikit-learn as well.

# %% [markdown]
# **Recall**, from units 1 and 2; answer before you unfold.
#
# <details><summary>A layer sums n products of a weight and an input, all independent
# and centred. What is the variance of the sum?</summary>
# n times Var(w) times E[x²]: products of variances, added up.</details>
# <details><summary>Why E[x²], and not Var(x)?</summary>
# Because a weight of mean zero multiplies the input's mean as well.</details>
# <details><summary>Is the standard deviation of the weights or their variance divided
# by n?</summary>
# The variance. The standard deviation is divided by the root of n.</details>

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import dp
import lab

lab.style()
SEEDS = range(5)
RMS = "root mean square of a"

# %% [markdown]
# The activation of this lesson is **softsign**, $f(z) = z / (1 + |z|)$.
# Like tanh it saturates at -1 and 1, but much more slowly;
# Glorot and Bengio (2010) studied it beside tanh and the sigmoid.
# The network: 200 examples of 256 standard normal features,
# then twelve layers of 256 units each. No biases.


# %%
def softsign(z):
    return z / (1 + np.abs(z))


def walk(rng, weight_std, f=softsign, depth=12, width=256, rows=200, x_std=1.0):
    a = rng.normal(0, x_std, (rows, width))
    for _ in range(depth):
        a = f(a @ rng.normal(0, weight_std, (width, width)))
        yield a


# %% [markdown]
# ## 1. Break it: weights that are too large
#
# Take standard normal weights. A unit sums 256 products, so its sum is
# $\sqrt{256} = 16$ times as large as the inputs.
#
# **Predict.** A unit passes a gradient back in proportion to its slope
# $f'(z) = (1 - |a|)^2$, which is 1 at the centre.
# In the twelfth layer, which share of units has a slope below 0.01?

# %%
lab.predict("u3.flat", None)

# %%
large = list(walk(np.random.default_rng(0), weight_std=1.0))
fig, ax = plt.subplots()
heights, edges = np.histogram(large[11], np.linspace(-1, 1, 81), density=True)
ax.stairs(heights, edges, fill=True, color=lab.COLOURS["blue"], alpha=0.75)
for low, high in ((-1, -0.9), (0.9, 1)):
    ax.axvspan(low, high, color=lab.COLOURS["vermillion"], alpha=0.25, lw=0)
ax.text(0, heights.max() / 2, "shaded: slope below 0.01", ha="center")
ax.set(xlabel="activation in layer 12", ylabel="density", xlim=(-1, 1))
lab.show(
    fig,
    alt="Histogram of the activations in layer 12 with standard normal weights: two"
    " peaks at -1 and 1 and hardly anything between. Half of the area lies in the"
    " shaded ends, beyond -0.9 and 0.9, where the slope is below 0.01.",
)

# %% [markdown]
# Two heaps at the walls, in every layer. One look is one seed, so count in five:


# %%
def share_flat(rng):
    *_, last = walk(rng, weight_std=1.0)
    return np.mean((1 - np.abs(last)) ** 2 < 0.01)


flat = lab.over_seeds(share_flat, SEEDS)
z_std = 16 * np.sqrt(np.mean(large[11] ** 2))
assert np.all(np.abs(flat - 0.51) < 0.02)
beyond = math.erfc(9 / z_std / 2**0.5)
slope_at_9 = (1 - softsign(9.0)) ** 2  # softsign(9) = 0.9
assert np.allclose([z_std / 16, beyond, slope_at_9], [0.855, 0.51, 0.01], atol=3e-3)
print(f"five seeds: {flat.min():.3f} to {flat.max():.3f}; z has std {z_std:.1f}")
lab.reveal("u3.flat", flat.mean())

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Half of the units, 0.51 in each of five seeds, pass back less than a hundredth of what
# they are given.
#
# </details>
#
# **Why.** The activations are near -1 and 1, with a root mean square of 0.855.
# So $z$ has a standard deviation of $16 \cdot 0.855 = 13.7$,
# and the slope falls below 0.01 at $|z| = 9$.
# A normal number of that spread is beyond 9 in 0.51 of all cases:
# no simulation was needed, only the variance of a sum (unit 2).

# %% [markdown]
# ## 2. Break it again: weights that are too small
#
# Then weights of standard deviation 0.01, a start that tutorials still print.
#
# **Predict.** How large is a typical activation (root mean square) in layer 12?
# Each layer multiplies by about $16 \cdot 0.01 = 0.16$.

# %%
lab.predict("u3.small", None)


# %%
def sizes(rng, weight_std, **options):
    return [np.sqrt(np.mean(a**2)) for a in walk(rng, weight_std, **options)]


small = lab.over_seeds(lambda rng: sizes(rng, 0.01), SEEDS)
assert np.all(np.abs(small[:, 11] / 2.15e-10 - 1) < 0.06)
lab.reveal("u3.small", float(np.median(small[:, 11])))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Both failures in one picture, five seeds each, with $0.16^l$ dashed:
#
# </details>

# %%
big = lab.over_seeds(lambda rng: sizes(rng, 1.0), SEEDS)
line = 0.16 ** np.arange(1, 13)
fig, ax = lab.depth_curves({"large": big, "low": small}, RMS, theory={"low": line})
factor = small[:, 3:] / small[:, 2:-1]
assert np.all(np.abs(factor / 0.16 - 1) < 0.03)
lab.show(
    fig,
    alt="Root mean square of the activations by layer, log axis. Large weights: flat"
    " near 0.86. Weights of 0.01: a straight line down to 2e-10, just below 0.16^l.",
)

# %% [markdown]
# A signal of size 1 arrives as $2 \cdot 10^{-10}$, on a straight line: from the third
# layer on, the factor is 0.16 to within 3 % in all five seeds.
# (The first layers' numbers are not yet so small that softsign leaves them alone.)
# Every unit is at the centre, where the slope is 1. No unit is saturated, and still the
# signal is lost.

# %% [markdown]
# ## 3. The scale in between
#
# A factor of 1 for each layer needs $n \,\mathrm{Var}(w) = 1$,
# so a standard deviation of $1/\sqrt{n} = 1/16$.
# This is LeCun's advice of 1998 and, for layers with as many inputs as outputs, Glorot
# and Bengio's as well.
#
# **Predict.** Does the signal keep its size through twelve layers of softsign?
# Guess the root mean square in the twelfth.

# %%
lab.predict("u3.between", None)

# %%
unit = lab.over_seeds(lambda rng: sizes(rng, 1 / 16), SEEDS)
assert np.all(np.abs(unit[:, 11] - 0.052) < 0.002)
lab.reveal("u3.between", float(np.median(unit[:, 11])))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# It is down to 0.052, a twentieth, and goes on falling. The weights keep the mean
# square. Softsign makes it smaller, since $|f(z)| < |z|$ for every $z$ but 0.
#
# </details>
#
# **Why, in numbers.** Write $q$ for the mean square of $z$ in a layer.
# A sum of many terms is close to normal, so $z = \sqrt{q}\, t$ with $t \sim N(0, 1)$:
#
# $$q_{l+1} = n\,\mathrm{Var}(w) \; E\!\left[f(\sqrt{q_l}\; t)^2\right] .$$
#
# So one number for each layer, $q$, determines the next. The expectation is a sum over
# a grid.

# %%
t = np.linspace(-12, 12, 4801)
weight = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi) * (t[1] - t[0])


def mean_square(f, q):
    return np.sum(weight * f(np.sqrt(q) * t) ** 2)


def predicted_sizes(gain, f=softsign, depth=12, x_std=1.0):
    q, sizes = (gain * x_std) ** 2, []
    for _ in range(depth):
        sizes.append(np.sqrt(mean_square(f, q)))
        q = gain**2 * sizes[-1] ** 2
    return np.array(sizes)


# %% [markdown]
# `gain` is the factor by which the weights are larger than $1/\sqrt{n}$, so
# $n\,\mathrm{Var}(w) = \mathrm{gain}^2$. The standard normal weights of section 1 had a
# gain of 16, those of section 2 a gain of 0.16.
#
# **Check.** Theory against five seeds, for the gain of 1:

# %%
off = np.abs(unit / predicted_sizes(1) - 1)
assert off.max() < 0.025
print(f"largest difference in twelve layers: {off.max():.1%}")

# %% [markdown]
# One scalar recursion follows a network of 786,432 weights to within 2.5 %.

# %% [markdown]
# ## 4. Weights that make up for softsign
#
# We want a fixed point: $z$ has mean square 1 in every layer. With $q = 1$ on
# both sides of the recursion,
#
# $$1 = \mathrm{gain}^2 \; E[f(t)^2] .$$
#
# **Predict.** How much larger than $1/\sqrt{n}$ must the weights be for softsign?

# %%
assert 12 * 256**2 == 786_432
lab.predict("u3.gain", None)

# %%
gain = 1 / np.sqrt(mean_square(softsign, 1))
assert np.allclose([gain, gain**-2], [2.338, 0.183], atol=5e-4)
matched = lab.over_seeds(lambda rng: sizes(rng, gain / 16), SEEDS)
gains = {"large": 16, "gain": gain, "xavier": 1}
theory = {name: predicted_sizes(g) for name, g in gains.items()}
curves = {"large": big, "gain": matched, "xavier": unit}
fig, ax = lab.depth_curves(curves, RMS, theory)
lab.show(
    fig,
    alt="Root mean square of the activations by layer for gains 16, 2.338 and 1. The"
    " first is flat near 0.86, the second settles at 0.43, the third falls to"
    " 0.05. Dashed theory lies on all three.",
)
lab.reveal("u3.gain", float(gain))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Softsign keeps 0.183 of a standard normal signal's mean square, so the gain is 2.338.
# The matched signal settles at 1/gain, and stays; five seeds lie on the dashed theory.
#
# </details>
#
# What is "kept", as an area: under the dashed curve is $t^2$ times the density of a
# standard normal number, an area of $E[t^2] = 1$. Below it is the same with $f(t)^2$:

# %%
inside = np.abs(t) < 4
fig, ax = plt.subplots()
density = np.exp(-(t[inside] ** 2) / 2) / np.sqrt(2 * np.pi)
ax.plot(t[inside], t[inside] ** 2 * density, "--", color="black", label="t², area 1")
for name, f, colour in (("tanh", np.tanh, "sky"), ("softsign", softsign, "wine")):
    kept = f(t[inside]) ** 2 * density
    text = f"{name}², area {mean_square(f, 1):.3f}"
    ax.fill_between(t[inside], kept, color=lab.COLOURS[colour], alpha=0.6, label=text)
ax.plot(t[inside], density, ":", color=lab.COLOURS["grey"], label="density of t")
ax.set(xlabel="t, standard normal", ylabel="density times square", ylim=(0, 0.5))
ax.legend(ncols=2, loc="upper center")
lab.show(
    fig,
    alt="Curves over a standard normal t. Dashed, t squared times the density, two"
    " humps of total area 1; filled below it the same for tanh, area 0.394, and"
    " for softsign, area 0.183; dotted the bell curve itself.",
)

# %% [markdown]
# And all three starts, layer by layer. The dashed lines are densities that the
# recursion predicts, with $z$ normal of mean square $q$ and $a = f(z)$:


# %%
def density(q):
    def curve(a):
        z, slope = a / (1 - np.abs(a)), (1 - np.abs(a)) ** 2
        return np.exp(-(z**2) / (2 * q)) / np.sqrt(2 * np.pi * q) / slope

    return curve


rows = {"std 1": 1.0, "std 0.01": 0.01, "matched": gain / 16}
panels, names, curves = [], [], []
for name, std in rows.items():
    layers = list(walk(np.random.default_rng(0), std))
    q = np.append((16 * std) ** 2, (16 * std * predicted_sizes(16 * std)) ** 2)
    for k in (1, 2, 4, 12):
        panels.append(layers[k - 1])
        names.append(f"{name}, layer {k}")
        curves.append(density(q[k - 1]))

# %%
span = {"limits": (-0.999, 0.999), "bins": 51, "columns": 4}
fig, axes = lab.histograms(panels, names, curves, **span)
for ax, title in zip(axes, names, strict=True):
    ax.set_title(title.replace(", ", "\n"), fontsize=11)
    ax.set_ylim(0, ax.patches[0].get_data()[0].max() * 1.25)
lab.show(
    fig,
    alt="Three rows of four histograms of activations in layers 1, 2, 4 and 12. Weights"
    " of standard deviation 1: two peaks at -1 and 1 in every layer. 0.01: a narrow"
    " bell, then a spike at zero. Matched: the same broad hump in every layer, on its"
    " dashed predicted density.",
)

# %% [markdown]
# Too large: all layers are saturated. Too small: from the second layer on there is one
# value for everything. Matched: layer 12 has the distribution of layer 4.
#
# **Check.** It does not depend on where the signal starts.
# Inputs ten times smaller and ten times larger end at the same height:

# %%
print("input   layer 1   layer 3   layer 12   (std 0.1, 1 and 10)")
for x_std in (0.1, 1, 10):
    runs = lab.over_seeds(lambda r, s=x_std: sizes(r, gain / 16, x_std=s), SEEDS)
    first, third, last = np.median(runs, axis=0)[[0, 2, 11]]
    print(f"{x_std:5}   {first:.3f}     {third:.3f}     {last:.3f}")
    assert np.all(np.abs(runs[:, 11] * gain - 1) < 0.012)

# %% [markdown]
# With softsign every signal moves towards the fixed point, from above and from below.
# Section 6 shows an activation that does the opposite.
#
# **Predict.** All weights so far were normal. Now draw them from a uniform
# distribution, or as plus and minus one by the toss of a coin, of the same variance.
# Which of the three keeps the signal best?

# %%
lab.predict("u3.shape", None)

# %%
draws = {
    "normal": lambda rng, s: rng.normal(size=s),
    "uniform": lambda rng, s: rng.uniform(-(3**0.5), 3**0.5, s),
    "coin": lambda rng, s: rng.choice([-1.0, 1.0], s),
}


def last_size(rng, draw):
    a = rng.normal(size=(200, 256))
    for _ in range(12):
        a = softsign(a @ (gain / 16 * draw(rng, (256, 256))))
    return np.sqrt(np.mean(a**2))


ends = {
    k: lab.over_seeds(lambda r, d=d: last_size(r, d), SEEDS) for k, d in draws.items()
}
for name, runs in ends.items():
    print(f"{name:8} {runs.min():.4f} to {runs.max():.4f}")
    assert np.all(np.abs(runs * gain - 1) < 0.012)
lab.reveal("u3.shape", "all the same")

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# No difference: a sum of 256 terms is nearly normal, however each of them is
# distributed. Only their variance counts. "Xavier uniform" and "Xavier normal" are one
# idea.
#
# </details>

# %% [markdown]
# ## 5. A published exercise, run again
#
# This unit's assignment grew from deep.TEACHING: 1000 examples of 500 features, ten
# layers of tanh, weights from $U[-1, 1]$, then Xavier's times a gain, by default
# $\sqrt{2}$. It prints no numbers and leaves its histograms to the reader. The column
# "theory" below is the recursion of section 3 for tanh; ours are three seeds each, with
# uniform weights for $U[-1, 1]$ and normal ones of Xavier's variance for the gains.

# %%
gains = {
    "U[-1, 1]": (500 / 3) ** 0.5,
    "gain 1": 1,
    "gain √2": 2**0.5,
    "gain 5/3": 5 / 3,
}


def tenth(rng, g, uniform):
    a, bound = rng.normal(size=(1000, 500)), g * (3 / 500) ** 0.5
    for _ in range(10):
        W = rng.uniform(-bound, bound, (500, 500)) if uniform else None
        W = W if uniform else rng.normal(0, g / 500**0.5, (500, 500))
        a = np.tanh(a @ W)
    return a.std(), np.mean(np.abs(a) > 0.99), a


ours, tenths = [], {}
for name, g in gains.items():
    runs = [tenth(np.random.default_rng(s), g, name == "U[-1, 1]") for s in range(3)]
    ours.append(np.array([run[:2] for run in runs]))
    tenths[name] = runs[0][2]

# %%
expected = [predicted_sizes(g, np.tanh, depth=10)[-1] for g in gains.values()]
assert np.allclose(expected, [0.968, 0.228, 0.557, 0.652], atol=0.005)
print("layer 10: theory std, ours in three seeds, share of |a| > 0.99")
for name, std, runs in zip(gains, expected, ours, strict=True):
    print(f"{name:9} {std:.3f}  {runs[:, 0].round(3)}  {runs[:, 1].mean():.3f}")
    assert np.all(np.abs(runs[:, 0] - std) < 0.01)
assert np.all(np.abs(ours[0][:, 1] - 0.83) < 0.01)
assert np.all(np.array(ours[1:])[:, :, 1] < 0.02)

# %% [markdown]
# The numbers agree to 0.01. With $U[-1, 1]$, 0.83 of the tenth layer is within 0.01 of
# -1 or 1; with any of the gains it is less than 0.02. The histograms that the notebook
# asks for, of the tenth layer:

# %%
fig, axes = lab.histograms(list(tenths.values()), list(tenths), columns=2)
lab.show(
    fig,
    alt="Histograms of the tenth tanh layer for four starts. From U[-1, 1]: two spikes"
    " at -1 and 1. Gain 1: a bell around zero. Gain root 2: nearly flat. Gain 5/3:"
    " higher towards both ends.",
)

# %% [markdown]
#
# Why $\sqrt{2}$? It is ReLU's gain: ReLU keeps half of the mean square. Does tanh keep
# more than half, or less? Compute it as in section 4.

# %%
keeps = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
keeps = {name: mean_square(f, 1) for name, f in keeps.items()}
print({name: round(float(share), 3) for name, share in keeps.items()})
assert np.allclose([keeps["tanh"], keeps["relu"]], [0.394, 0.5], atol=5e-4)

# %% [markdown]
# Tanh keeps 0.394, less than half, so $\sqrt{2}$ is too little for it:
# the exercise's default carries ReLU's number over to tanh.
# Where does the signal settle then? Follow the recursion to its fixed point.

# %%
settled = {}
for name, g in {"sqrt 2": 2**0.5, "5/3": 5 / 3, "1": 1.0}.items():
    settled[name] = (g * predicted_sizes(g, np.tanh, depth=2000)[-1]) ** 2
    print(f"gain {name:6}  mean square of z: {settled[name]:.4f}")
assert np.allclose(list(settled.values()), [0.62, 1.18, 0], atol=5e-3)

# %% [markdown]
# At 0.62 instead of 1. The signal is not lost: with tanh it moves towards *some* fixed
# point, as long as the gain is above 1.
# PyTorch's recommended 5/3 overshoots to 1.18. At a gain of 1 the only fixed point is
# zero, and the 0.228 of the table is on its way there.
# The gain that gives tanh exactly 1 is yours to compute, in exercise 3.3.

# %% [markdown]
# **LeCun's own activation.** Does the advice of 1998, the standard deviation
# $1/\sqrt{n}$, fail for every activation with two walls, then? It was given together
# with one: $f(z) = 1.7159 \tanh(2z/3)$, made so that $f(\pm 1) = \pm 1$. It keeps more:


# %%
def lecun(z):
    return 1.7159 * np.tanh(2 * z / 3)


rest = predicted_sizes(1, lecun, depth=200)[-1] ** 2
seen = lab.over_seeds(lambda r: sizes(r, 1 / 16, f=lecun, depth=50), SEEDS)[:, -1] ** 2
print(f"E f^2 = {mean_square(lecun, 1):.3f}; q settles at {rest:.3f}")
print("fifty layers, five seeds:", seen.round(3))
assert np.allclose(
    [lecun(1.0), mean_square(lecun, 1), rest], [1, 0.75, 0.382], atol=1e-3
)
assert np.all(np.abs(seen / rest - 1) < 0.1)

# %% [markdown]
# This activation keeps 0.750 of the mean square at $q = 1$, and since its slope at zero
# is above 1, small signals grow. With the variance $1/n$ the mean square settles at
# 0.382, and fifty layers of width 256 stay there. The advice is sound for the
# activation that it was given for. With plain tanh it has no fixed point but zero.

# %% [markdown]
# ## 6. A fixed point is not yet a stable one
#
# The recipe "gain $= 1/\sqrt{E[f^2]}$" works for every activation.
# It makes $q = 1$ a fixed point, and says nothing about $q = 1.1$.
#
# **Predict.** Three activations with their own matched gains: tanh, ReLU, GELU.
# Start at $q = 0.9$ and at $q = 1.1$.
# After 25 layers, which of them is back at 1?

# %%
lab.predict("u3.stable", None)

# %%
erf = np.vectorize(math.erf)
functions = {
    "tanh": np.tanh,
    "ReLU": lambda z: np.maximum(z, 0),
    "GELU": lambda z: z * (1 + erf(z / 2**0.5)) / 2,
}
fates = {}
for name, f in functions.items():
    own_gain = mean_square(f, 1) ** -0.5
    for q in (0.9, 1.1):
        heights = predicted_sizes(own_gain, f, depth=25, x_std=q**0.5 / own_gain)
        fates[name, q] = np.append(q, (own_gain * heights) ** 2)
ends = [q[25] for q in fates.values()]
assert np.allclose(ends, [1, 1, 0.9, 1.1, 0.016, 5.33], rtol=0, atol=5e-3)
lab.reveal("u3.stable", "tanh")

# %% [markdown]
# As a picture: the recursion leads from $q$ on the horizontal axis up to the curve
# $V(q) = \mathrm{gain}^2 E[f(\sqrt{q}\,t)^2]$, and over to the dashed diagonal for the
# next layer. Two walks each, from 0.6 and from 1.4, ten layers:

# %%
fig, axes = plt.subplots(3, 1, figsize=(4.6, 10.6))
grid = np.linspace(0.01, 2.2, 100)
for ax, (name, f) in zip(axes, functions.items(), strict=True):
    own_square = 1 / mean_square(f, 1)
    V = [own_square * mean_square(f, q) for q in grid]
    ax.plot(grid, V, color=lab.COLOURS["wine"], label="V(q)")
    ax.plot([0, 2.2], [0, 2.2], "--", color="black", lw=1.2, label="V(q) = q")
    for q, colour in ((0.6, "blue"), (1.4, "vermillion")):
        ways = [q]
        for _ in range(10):
            ways.append(own_square * mean_square(f, ways[-1]))
        x_steps, y_steps = np.repeat(ways, 2)[:-1], np.repeat(ways, 2)[1:]
        ax.plot(x_steps[:20], y_steps[:20], color=lab.COLOURS[colour], lw=1.2)
        ax.plot(q, q, "o", color=lab.COLOURS[colour])
    ax.set(title=name, xlim=(0, 2.2), ylim=(0, 2.2), aspect="equal", ylabel="V(q)")
axes[0].legend()
axes[2].set_xlabel("q of a layer")
lab.show(
    fig,
    alt="Three cobwebs of V(q) with the dashed diagonal. Tanh: the curve crosses the"
    " diagonal at 1 flatly and both walks climb in stairs to the crossing. ReLU: the"
    " curve is the diagonal and walks stay where they start. GELU: the curve crosses"
    " more steeply than the diagonal and the walks leave, one to zero, one upward.",
)

# %% [markdown]
# Tanh comes back from both sides. ReLU stays where it starts: it is a straight line on
# each side of zero, so a scaled signal stays scaled. GELU leaves: after 25 layers it is
# at 0.016 from 0.9 and at 5.3 from 1.1.
#
# **Why.** Near the fixed point a deviation is multiplied in each layer by the slope of
# the recursion at $q = 1$. Measure it:


# %%
def slope(f):
    return (mean_square(f, 1.001) - mean_square(f, 0.999)) / 0.002 / mean_square(f, 1)


slopes = [round(float(slope(f)), 3) for f in functions.values()]
print(dict(zip(functions, slopes, strict=True)))
assert np.allclose(slopes, [0.461, 1, 1.144])

# %% [markdown]
# 0.461 for tanh: a deviation halves in every layer. 1 for ReLU. 1.144 for GELU, and
# $1.144^{25}$ is 29.

# %% [markdown]
# A real network is never exactly at 1: it has finitely many units. Ten nets for each
# activation, width 128, all started at $q = 1$, with 100 inputs each. Now $q$ is
# computed for each input on its own, since each input has its own walk:


# %%
def last_q(rng, f, n=128):
    own = mean_square(f, 1) ** -0.5
    *_, a = walk(rng, own / n**0.5, f, depth=25, width=n, rows=100, x_std=1 / own)
    return own**2 * np.mean(a**2, axis=1)  # one number an input


spread, table = {}, []
for name, f in functions.items():
    spread[name] = q = lab.over_seeds(lambda rng, f=f: last_q(rng, f), range(10))
    low, middle, high = np.quantile(q, [0.1, 0.5, 0.9])
    table.append([name, low, middle, high, float(np.mean(q)), int(sum(q[:, 0] < 0.01))])
lab.table(
    table, ["", "10 %", "median", "90 %", "mean", "nets whose first input < 0.01"]
)
dead = int(np.sum(np.median(spread["GELU"], axis=1) < 0.3))
print(f"GELU: the median input is below 0.3 in {dead} of ten nets")
assert abs(1.144**25 - 29) < 0.5
assert np.all(np.abs(spread["tanh"] - 1) < 0.4)
nets = {name: q.mean(axis=1) for name, q in spread.items()}
assert nets["ReLU"].max() / nets["ReLU"].min() > 5
assert dead == 8
assert np.mean(spread["GELU"]) > 5 > 0.05 > np.median(spread["GELU"])

# %%
fig, ax = plt.subplots()
for name, colour in zip(spread, ("sky", "green", "wine"), strict=True):
    values = np.maximum(np.sort(spread[name].ravel()), 1e-8)
    shares = np.arange(1, values.size + 1) / values.size
    ax.plot(values, shares, color=lab.COLOURS[colour], label=name)
ax.axvline(1, ls="--", lw=1.2, color="black", label="start")
ax.set(xscale="log", xlabel="q after 25 layers", ylabel="share of inputs below")
ax.set_xlim(1e-6, 1e4)
ax.legend()
lab.show(
    fig,
    alt="Share of 1000 inputs whose q after 25 layers is below a value, log axis. Tanh"
    " rises steeply at 1; ReLU between 0.1 and 5; GELU in two parts, more than half of"
    " the inputs far below 0.1 and the rest between 1 and several hundred.",
)

# %% [markdown]
# With tanh all inputs stay near 1. With ReLU the nets differ more than fivefold. With
# GELU the inputs part: for most of them the signal is gone, for a few it is large. The
# mean of $q$ over inputs is above 5 only because of these few; the median is below
# 0.05. A mean over a batch can hide that most of its inputs have vanished.
#
# The gain sets the fixed point; whether a network stays there is a property of the
# activation. Unit 9 makes a theory of it.

# %% [markdown]
# ## 7. Does it matter for training?
#
# Take the breast-cancer data and twelve hidden
# layers of 30 softsign units, plain SGD at rate 0.1 with batches of 128 (the engine's
# default), and three starts: standard deviation 0.01, gain 1, and the matched gain.
#
# **Predict.** A net that gives every patient the probability 0.5 has the loss
# $\ln 2 = 0.69$. Which loss does the 0.01 start have after 150 steps?

# %%
lab.predict("u3.train", None)


# %%
class Deep(dp.Model):
    def __init__(self, rng):
        super().__init__(rng)
        self.hidden = [self.Linear_Layer(30, 30) for _ in range(12)]
        self.out = self.Linear_Layer(30, 1)

    def forward(self, x):
        for layer in self.hidden:
            z = layer(x)
            x = z / (z.abs() + 1)
        return self.out(x)

    def loss(self, x, y):
        return dp.bce_with_logits(self.forward(x), y)


# %% [markdown]
# Each start overwrites the weights in place; biases stay at zero.


# %%
def normal_start(std):
    def start(net, rng):
        for array in net.get_param().values():
            if len(array) > 1:  # a weight; a bias is one row
                np.copyto(array, rng.normal(0, std, array.shape))

    return start


x, y = lab.breast_cancer()
stds = {"low": 0.01, "xavier": 30**-0.5, "gain": gain * 30**-0.5}
losses = lab.train_starts(
    Deep,
    {name: normal_start(std) for name, std in stds.items()},
    {"SGD, rate 0.1": lambda net: dp.SGD(net, x, y, {"alpha": 0.1})},
    seeds=range(3),
    steps=150,
)

# %%
fig, axes = lab.loss_curves(losses, "loss (nats), mean of 15 steps", window=15)
lab.show(
    fig,
    alt="Running mean of the loss against step for three starts, three seeds each."
    " The low start stays near 0.66; gain 1 falls; the matched gain falls first"
    " and lowest.",
)
late = {start: runs[:, -20:].mean(axis=1) for (start, _), runs in losses.items()}
assert np.all(np.abs(late["low"] - 0.66) < 0.03)
assert late["gain"].max() < late["xavier"].min() < 0.3
lab.reveal("u3.train", float(np.median(late["low"])))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# The 0.01 start comes to rest near 0.66, a little below $\ln 2$; unit 4 asks why just
# there. Both others learn, and over the last 20 steps the matched gain is ahead in
# every seed (line: median of three, band: lowest to highest). This is one data set and
# one rate; unit 5 compares starts with more care, and unit 4 follows the other signal,
# the gradient, on its way back.
#
# </details>

# %% [markdown]
# ## What to keep
#
# - A layer multiplies the signal's size by about $\sqrt{n}$ times the weights' standard
#   deviation; depth turns any other factor than 1 into a power.
# - Too large: units saturate, and slopes vanish. Too small: the signal is lost.
# - $q_{l+1} = \mathrm{gain}^2\, E[f(\sqrt{q_l}\,t)^2]$ predicts a whole network.
# - The gain $1/\sqrt{E[f^2]}$ belongs to one activation. It makes a fixed point;
#   whether a network stays there depends on the slope of the recursion.
# - Look at single inputs: a mean over a batch can be the work of a few.

# %% [markdown]
# **Checkpoint.** Say it aloud, then unfold.
#
# <details><summary>Weights of variance 4/n and a linear network: what happens in ten
# layers?</summary>
# The size doubles in each: a factor of about 1000.</details>
# <details><summary>You widen all layers from 256 to 1024 and keep the weights' standard
# deviation. What changes?</summary>
# The gain doubles, since it is the standard deviation times the root of n.</details>
# <details><summary>Why could the default gain of √2 go unnoticed in a tanh
# network?</summary>
# The signal settles at a fixed point anyway, only at a lower one.</details>

# %% [markdown]
# **Exercises**: the assignment *Forward signal*.
# You write the forward pass (3.1), measure saturation (3.2) and compute the gain of any
# activation (3.3).
#
# **Sources.**
# LeCun, Bottou, Orr and Müller (1998), *Efficient BackProp*, section 4.6: the standard
# deviation $1/\sqrt{n}$.
# Glorot and Bengio (2010), *Understanding the difficulty of training deep feedforward
# neural networks*: eq. 1 (the older heuristic), eq. 10 ($n\,\mathrm{Var}(w) = 1$),
# eq. 16 (the uniform bound).
# He et al. (2015), arXiv:1502.01852, eq. 10: ReLU's factor of 2.
# Poole et al. (2016), arXiv:1606.05340, eq. 3: the recursion of $q$.
# deep.TEACHING. Full references: [bibliography](README.md#bibliography).

# %% [markdown]
# Previous: [Variance bookkeeping](02_variance_bookkeeping.ipynb) ·
# Next: [Backward signal](04_backward_signal.ipynb) ·
# Assignment: [Forward signal](../release/03_forward_signal/03_forward_signal.ipynb) ·
# [Contents](README.md)
