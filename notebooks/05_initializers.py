# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 5 · Initializers
#
# Previous: [Backward signal](04_backward_signal.ipynb) ·
# Next: [Rectifiers](06_rectifiers.ipynb) ·
# Assignment: [Initializers](../release/05_initializers/05_initializers.ipynb) ·
# [Contents](README.md)
#
# **One question: how do you know that an initializer is right, and when does it
# matter?**
#
# An initializer is one line of code. Its numbers look random whether it is right or
# wrong, and a net with a wrong one may train all the same. You will derive its
# variance, write a test that accepts what is right and refuses what is wrong, repeat
# the central experiment of the field, and see what a start does to training under two
# optimisers.
#
# **Recall**, from units 2 to 4; answer before you unfold.
#
# <details><summary>A unit sums fan_in products of inputs and weights, all centred and
# independent. What is the variance of the sum?</summary>
# fan_in times the weights' variance times the inputs' mean square.</details>
# <details><summary>Which fan decides how errors grow on their way back?</summary>
# fan_out: a unit collects the errors of the fan_out units it feeds.</details>
# <details><summary>What does a rectifier do to the mean square of a centred,
# symmetric signal?</summary>
# It halves it.</details>
#
# Did you download this notebook alone? Put `dp.py` and `lab.py` of the course beside it
# (both lie in the folder above); it needs numpy, matplotlib and scikit-learn as well.

# %%
import math
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

import dp
import lab

lab.style()
SEEDS = range(5)

# %% [markdown]
# ## 1. Two conditions for one number
#
# A layer with $n$ inputs and $m$ outputs has one weight variance $v$ to choose.
# The forward signal keeps its size when $n v = 1$, the backward signal when $m v = 1$.
# From 400 to 100 units these conditions give $1/400$ and $1/100$.
# Glorot and Bengio settle on $2/(n + m)$, here $1/250$.
#
# **Predict.** Is that the "arithmetic", the "geometric" or the "harmonic" mean of the
# two?

# %%
lab.predict("u5.mean", None)

# %%
MEANS = {
    "arithmetic": lambda n, m: (1 / n + 1 / m) / 2,
    "geometric": lambda n, m: 1 / math.sqrt(n * m),
    "harmonic": lambda n, m: 2 / (n + m),
}
assert np.allclose([v(400, 100) for v in MEANS.values()], [1 / 160, 1 / 200, 1 / 250])
chosen = next(k for k, v in MEANS.items() if math.isclose(v(400, 100), 1 / 250))
lab.reveal("u5.mean", chosen)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# The harmonic one: $2 / (1/v_1 + 1/v_2)$ with $v_1 = 1/n$ and $v_2 = 1/m$ is
# $2/(n + m)$. The arithmetic mean would be $1/160$, the geometric $1/200$.
#
# </details>
#
# deep.TEACHING, which this unit grew from, takes "the average between forward and
# backward pass". That is right for the *fans*, whose average is $(n + m)/2$, and wrong
# for the *variances*.

# %% [markdown]
# ## 2. Does it matter which mean?
#
# Stack ten linear layers whose widths alternate, 400, 100, 400, and so on. Each layer
# multiplies the variance of the signal by $n v$.
#
# **Predict.** With the *arithmetic* mean of the two variances in every layer, by which
# factor has the variance changed after ten layers?

# %%
lab.predict("u5.ten_layers", None)
PAIRS = list(pairwise([400, 100] * 5 + [400]))


def forward_variances(rng, rule):
    h, variances = rng.normal(size=(300, 400)), []
    for n, m in PAIRS:
        h = h @ rng.normal(0, math.sqrt(rule(n, m)), (n, m))
        variances.append(h.var())
    return variances


# %%
ten = {
    k: lab.over_seeds(lambda g, v=v: forward_variances(g, v), SEEDS)
    for k, v in MEANS.items()
}
theory = {k: np.cumprod([n * v(n, m) for n, m in PAIRS]) for k, v in MEANS.items()}
fig, ax = lab.depth_curves(ten, "variance of the signal (input = 1)", theory)
ax.set_xticks(range(1, 11))
lab.show(
    fig,
    alt="Variance against layer on a log axis, ten layers with widths alternating"
    " between 400 and 100. The arithmetic mean zigzags upward, the geometric mean"
    " zigzags between one and two, the harmonic mean zigzags downward; each on its"
    " dashed theory line.",
)
lab.reveal("u5.ten_layers", float(ten["arithmetic"][:, -1].mean()))
# Var log of the end is about 2 sum(1/widths) = .13: a standard deviation of 36 %.
for k, end in (("arithmetic", 9.31), ("geometric", 1.0), ("harmonic", 0.107)):
    assert np.isclose(theory[k][-1], end, rtol=5e-3)
    assert np.all(np.abs(np.log(ten[k][:, -1] / end)) < 6 * 0.36)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# The arithmetic mean ends at 9.31, the harmonic at 0.107, the geometric at 1:
# over a pair of layers its factors $\sqrt{n/m}$ and $\sqrt{m/n}$ cancel.
# Bands go from the smallest to the largest of five seeds.
#
# </details>
#
# So Glorot's rule is *a* compromise, not *the* best one. Where neighbouring layers are
# equally wide all three agree.

# %% [markdown]
# ## 3. From a variance to a distribution
#
# A rule gives a variance and leaves the shape of the distribution open.
# Take one that no library uses for weights: the symmetric triangle on $[-c, c]$.
# It is the sum of two independent numbers, uniform on $[-c/2, c/2]$.
# A uniform number on an interval of length $\ell$ has the variance $\ell^2/12$.
#
# **Predict.** Which $c$ gives the variance $1/600$?

# %%
lab.predict("u5.bound", None)


# %%
def triangular(shape, weight_var, rng):
    bound = math.sqrt(6 * weight_var)
    return rng.triangular(-bound, 0, bound, shape)


draws = triangular((400, 100), 1 / 600, np.random.default_rng(0))
assert np.allclose([math.sqrt(6 / 600), math.sqrt(12 / 150)], [0.1, 0.283], atol=2e-4)
assert 0.97 * 0.1 < np.abs(draws).max() < 0.1
lab.reveal("u5.bound", math.sqrt(6 / 600))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# **Why.** Variances add: $c^2/12 + c^2/12 = c^2/6$, so $c = \sqrt{6 v}$, here 0.1.
#
# </details>
#
# Mind the 6. Glorot's famous $\sqrt{6}$ has another origin, a 2 from the rule and a
# factor from the *uniform* distribution.
# A bound, a standard deviation and a variance are three numbers; most wrong
# initializers use one of them in the place of another.

# %% [markdown]
# ## 4. Glorot and Bengio's experiment
#
# In 2010 the usual start was uniform on $[-1/\sqrt{n}, 1/\sqrt{n}]$, a variance of
# $1/(3n)$; they call it the standard one. Glorot and Bengio compared it with their own,
# on five hidden layers of tanh. We repeat their figures 6 and 7 with digits, five
# layers of 300 units and ten outputs, before any training: activations on the way
# forward, and gradients on the way back.
#
# **Predict.** With the standard start, how do the gradients of the *weights* compare,
# first hidden layer to last: "larger", "equal" or "smaller"?

# %%
lab.predict("u5.glorot", None)
WIDTHS = [64, *[300] * 5, 10]
pixels, digit = lab.digits()
pixels, digit = pixels[:600], digit[:600]


def both_ways(rng, rule):
    """Activations, gradients of z and of W in each of five hidden layers."""
    a, weights = [pixels], []
    for n, m in pairwise(WIDTHS):
        bound = math.sqrt(3 * rule(n, m))
        weights.append(rng.uniform(-bound, bound, (n, m)))
        z = a[-1] @ weights[-1]
        a.append(np.tanh(z) if m == 300 else z)
    p = np.exp(a[-1] - a[-1].max(axis=1, keepdims=True))
    dz, back = p / p.sum(axis=1, keepdims=True) - np.eye(10)[digit], []
    for W, h in zip(weights[:0:-1], a[-2:0:-1], strict=True):
        dz = dz @ W.T * (1 - h**2)
        back.insert(0, dz)
    return a[1:-1], back, [h.T @ g / 600 for h, g in zip(a[:-2], back, strict=True)]


# %%
OLD, NEW = (lambda n, m: 1 / (3 * n)), (lambda n, m: 2 / (n + m))
RULES = {"standard": OLD, "xavier": NEW}
shades = plt.get_cmap("viridis")(np.linspace(0, 0.88, 5))


def by_layer(which, title, limit):
    fig, axes = plt.subplots(2, 1, figsize=(6, 6), sharex=True)
    edges = np.linspace(-limit, limit, 81)
    for ax, (name, rule) in zip(axes, RULES.items(), strict=True):
        layers = both_ways(np.random.default_rng(0), rule)[which]
        for number, (values, shade) in enumerate(zip(layers, shades, strict=True), 1):
            heights, _ = np.histogram(values, edges)
            density = heights / values.size / (edges[1] - edges[0])
            ax.stairs(density, edges, color=shade, lw=1.8, label=f"layer {number}")
        ax.set(title=lab.scheme(name)["label"], ylabel="density")
    axes[0].legend()
    axes[1].set_xlabel(title)
    return fig


# %%
fig = by_layer(0, "activation", 1)
lab.show(
    fig,
    alt="Densities of the activations in five tanh layers. With variance 1/(3n) they"
    " are narrower from layer to layer; with Xavier's start all five are nearly"
    " the same.",
)

# %% [markdown]
# With the standard start the activations of each layer are narrower than those of the
# one before: the factor is $\sqrt{1/3}$ where tanh is nearly linear. Now the gradients
# with respect to $z$, on their way back:

# %%
fig = by_layer(1, "gradient with respect to z", 0.25)
lab.show(
    fig,
    alt="Densities of the gradients with respect to z in five tanh layers. With"
    " variance 1/(3n) the gradient is a narrow peak in layer 1 and wider in each"
    " later layer; with Xavier's start the five are alike.",
)

# %% [markdown]
# They shrink as well, from the last layer to the first. A gradient of a weight is a
# product of both, $a^{\top} dz$ (unit 0). Its standard deviation by layer, from five
# seeds:


# %%
def spreads(rng, rule):
    _, back, dW = both_ways(rng, rule)
    return [[g.std() for g in back], [g.std() for g in dW]]


found = {
    k: lab.over_seeds(lambda g, r=r: spreads(g, r), SEEDS) for k, r in RULES.items()
}
fig, axes = plt.subplots(2, 1, figsize=(6, 6), sharex=True)
for which, (ax, what) in enumerate(zip(axes, ("z", "W"), strict=True)):
    curves = {name: runs[:, which] for name, runs in found.items()}
    lab.depth_curves(curves, f"std, gradient of {what}", ax=ax)
axes[0].set_xlabel("")
axes[1].set_xticks(range(1, 6))
lab.show(
    fig,
    alt="Above: standard deviation of the gradient of z by layer, log axis. It rises"
    " with the layer for variance 1/(3n) and is nearly flat for Xavier. Below: that of"
    " the weights' gradients, nearly flat from layer 2 on for both.",
)
old, new = found["standard"], found["xavier"]
steps, even = (runs[:, 0, 1:] / runs[:, 0, :-1] for runs in (old, new))
assert np.all(np.abs(steps - 3**0.5) < 0.45)
assert np.all(np.abs(even - 1.1) < 0.15)
flat = old[:, 1, 4] / old[:, 1, 1]
print("standard start, weights' gradient, layer 5 over layer 2:", flat.round(2))
assert np.all(np.abs(flat - 1) < 0.3)
lab.reveal("u5.glorot", "equal")

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# "Equal", nearly: the weights' gradients have the same size in all layers of equal
# width, with the standard start as well.
#
# </details>
#
# **Why.** Going forward, layer $l$ has the factor $(1/\sqrt{3})^l$; going back,
# $(1/\sqrt{3})^{5 - l}$. Their product does not depend on $l$ (Glorot and Bengio,
# eq. 14). So whoever looks at weight gradients alone, layer by layer, does not see that
# both signals vanish. Look at activations and at the gradients of $z$.

# %% [markdown]
# ## 5. How far off may a sample be?
#
# Is `triangular` right? Its 40,000 draws should have the standard deviation
# $\sqrt{1/600}$, but no sample hits that exactly. We draw the matrix 1000 times.
#
# **Predict.** By how many percent is the sample's standard deviation typically off?

# %%
lab.predict("u5.percent_off", None)


def sample_stds(rng, count, size, weight_var=1):
    return np.array([triangular(size, weight_var, rng).std() for _ in range(count)])


def relative_error(size, kurtosis=2.4):
    return math.sqrt((kurtosis - 1) / (4 * size))


# %%
ratios = sample_stds(np.random.default_rng(1), 1000, 40_000, 1 / 600) * math.sqrt(600)
off = relative_error(40_000)
fig, ax = plt.subplots()
ax.hist(ratios, 40, density=True, color=lab.COLOURS["blue"], alpha=0.75)
r = np.linspace(0.988, 1.012, 300)
bell = np.exp(-(((r - 1) / off) ** 2) / 2) / off / math.sqrt(2 * math.pi)
ax.plot(r, bell, "--", color=lab.COLOURS["black"], label="theory")
ax.set(xlabel="sample std / true std", ylabel="density", xlim=(0.988, 1.012))
ax.legend()
lab.show(
    fig,
    alt="Histogram of the standard deviation of 1000 matrices over the true one: a bell"
    " around 1 that is about a third of a percent wide, on its dashed theory curve.",
)
# The std of 1000 ratios has a relative standard error of 1 / sqrt(2000), 2.2 %.
assert abs(ratios.std() / off - 1) < 6 / math.sqrt(2000)
assert np.isclose(100 * off, 0.30, atol=0.005)
rng, million = np.random.default_rng(2), 10**6
draws = {3: rng.normal(size=million), 2.4: triangular(million, 1, rng)}
for kurtosis, w in {**draws, 1.8: rng.uniform(-1, 1, million)}.items():
    # Standard error for normal draws sqrt(24 / 10^6) = .005, less for the others.
    assert abs(np.mean(w**4) / np.mean(w**2) ** 2 - kurtosis) < 6 * 0.005
lab.reveal("u5.percent_off", 100 * float(ratios.std()))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# 0.30 %: with so many draws the standard deviation is known well.
#
# </details>
#
# **Why.** With the kurtosis $\kappa = E[w^4]/E[w^2]^2$, one square $w^2$ has the
# variance $(\kappa - 1)\sigma^4$, so the mean of $N$ of them has
# $(\kappa - 1)\sigma^4/N$. A root has half the relative error:
#
# $$\frac{\text{error of } s}{\sigma} = \sqrt{\frac{\kappa - 1}{4 N}}.$$
#
# Here $\kappa$ is 3 for the normal, 2.4 for the triangular, 1.8 for the uniform
# distribution.

# %% [markdown]
# ## 6. False alarms
#
# A test rejects when the sample is more than $k$ standard errors off.
# With $k = 2$ a *right* initializer is rejected by chance in 4.6 % of all trials,
# and that is the width that is taught first.
#
# **Predict.** A class of 200 hands in ten right answers each, every one tested with
# $k = 2$. How many right answers are marked wrong?

# %%
lab.predict("u5.false_alarms", None)

# %%
stds = sample_stds(np.random.default_rng(5), 10_000, 1000)
chance = {k: math.erfc(k / math.sqrt(2)) for k in (2, 3, 6)}
for k, theory_share in chance.items():
    seen = np.mean(np.abs(stds - 1) > k * relative_error(1000))
    print(f"k = {k}: theory {theory_share:.1e}, in 10,000 trials {seen:.1e}")
    if k == 2:  # 10,000 trials: a standard error of .0021
        assert abs(seen - theory_share) < 6 * math.sqrt(0.0455 / 10_000)
assert np.allclose([2000 * chance[2], 2000 * chance[3]], [91, 5.4], rtol=1e-3)
assert np.allclose([chance[2], chance[6] * 1e9], [0.046, 2.0], rtol=0.02)
assert np.isclose(10 * chance[3], 0.027, rtol=1e-3)
lab.reveal("u5.false_alarms", round(2000 * chance[2]))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# 91 of the 2000 are told that something is wrong with code that is right.
# With $k = 3$ there are still 5.4; with $k = 6$ the chance of one alarm is
# $2 \cdot 10^{-9}$.
#
# </details>
#
# That is why the tests of this course take six. Does such a wide band still catch
# anything?

# %% [markdown]
# ## 7. Power
#
# The *power* of a test is the chance that it rejects what is wrong.
# Let the standard deviation be $\rho$ times what it should be. A check "between half
# and double" lets everything up to $\rho = 2$ through.
#
# **Predict.** With 1000 weights and six standard errors, which $\rho > 1$ is caught
# half of the time? Marks will be simulated, lines are theory.

# %%
lab.predict("u5.half_power", None)


def power(rho, size, k=6):
    error = relative_error(size)
    high = math.erfc((1 + k * error - rho) / (rho * error * math.sqrt(2))) / 2
    low = math.erfc((rho - 1 + k * error) / (rho * error * math.sqrt(2))) / 2
    return high + low


# %%
fig, ax = plt.subplots()
ax.axvspan(0.5, 2, color=lab.COLOURS["grey"], alpha=0.15, label="half to double")
fine, coarse = np.linspace(0.4, 2.2, 361), np.linspace(0.4, 2.2, 37)
for size, colour in ((100, "orange"), (1000, "blue"), (40_000, "green")):
    line, colour = [power(rho, size) for rho in fine], lab.COLOURS[colour]
    ax.plot(fine, line, "--", color=colour, lw=1.2)
    stds = sample_stds(np.random.default_rng(size), 400, size)
    far = np.abs(coarse * stds[:, None] - 1) > 6 * relative_error(size)
    ax.plot(coarse, far.mean(axis=0), "o", color=colour, label=f"{size} weights")
    # 400 trials: a standard error of at most .025.
    assert np.allclose(far.mean(axis=0), [power(r, size) for r in coarse], atol=0.15)
ax.set(xlabel="actual std / wanted std", ylabel="share rejected", xlim=(0.4, 2.2))
ax.legend(loc="center right")
lab.show(
    fig,
    alt="Power against the ratio of actual to wanted standard deviation for 100, 1000"
    " and 40,000 weights: valleys around 1 that narrow as the number grows,"
    " simulated marks on dashed theory. A grey field from 0.5 to 2 is what a loose"
    " check accepts.",
)
half = 1 + 6 * relative_error(1000)
lab.reveal("u5.half_power", half)
assert np.allclose([half, power(half, 1000)], [1.11, 0.5], atol=0.01)
assert np.isclose(6 * relative_error(40_000), 0.018, atol=5e-4)
assert min(power(2**0.5, 40_000), power(3**-0.5, 40_000)) > 1 - 1e-9

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# At 1.11 already; and with 40,000 weights the band of six standard errors is 1.8 % wide
# on each side. A factor $\sqrt2$ (a rectifier's rule) or $1/\sqrt3$ (a bound used as a
# standard deviation) is caught every time, and both pass the loose check.
#
# </details>
#
# So make a test stronger with more weights, never with a narrower band: false alarms
# depend on $k$ alone, power on $k$ *and* $N$.

# %% [markdown]
# ## 8. What no sample size can show
#
# Here is a triangular initializer with the backward rule, variance $1/m$, and five
# wrong ones. For each we measure five statistics, in standard errors from what is
# wanted. (A correlation of $N$ pairs has a standard error of $1/\sqrt N$.) The table
# shows the middle one of five seeds, bold beyond six standard errors.
#
# **Predict.** How many of the five wrong ones does the standard deviation of a *square*
# matrix show?

# %%
lab.predict("u5.square", None)
SUSPECTS = {
    "right": lambda n, m, g: triangular((n, m), 1 / m, g),
    "root twice": lambda n, m, g: triangular((n, m), m**-0.5, g),
    "fans swapped": lambda n, m, g: triangular((n, m), 1 / n, g),
    "never negative": lambda n, m, g: np.abs(triangular((n, m), 1 / m, g)),
    "units in pairs": lambda n, m, g: np.repeat(
        triangular((n, m // 2), 1 / m, g), 2, 1
    ),
    "same every time": lambda n, m, g: triangular(
        (n, m), 1 / m, np.random.default_rng(6)
    ),
}


def evidence(f, rng):
    square, tall, again = f(300, 300, rng), f(400, 100, rng), f(400, 100, rng)
    neighbours = [np.corrcoef(tall[:, j : j + 2].T)[0, 1] for j in range(0, 100, 2)]
    return [
        abs(square.std() * 300**0.5 - 1) / relative_error(square.size),
        abs(tall.std() * 100**0.5 - 1) / relative_error(tall.size),
        abs(tall.mean()) / tall.std() * tall.size**0.5,
        np.abs(neighbours).max() * 400**0.5,
        abs(np.corrcoef(tall.ravel(), again.ravel())[0, 1]) * tall.size**0.5,
    ]


# %%
table = [
    lab.over_seeds(lambda g, f=f: evidence(f, g), SEEDS) for f in SUSPECTS.values()
]
middle = np.median(table, axis=1)
header = ["", "std, square", "std, tall", "mean", "neighbours", "second draw"]
rows = [
    [k, *(f"{v:.1f}" for v in row)] for k, row in zip(SUSPECTS, middle, strict=True)
]
lab.table(rows, header, np.column_stack([np.zeros(6, bool), middle > 6]))
lab.reveal("u5.square", int(np.sum(middle[:, 0] > 6)))
exposed = [np.flatnonzero(row > 6).tolist() for row in middle]
assert exposed == [[], [0, 1], [1], [0, 1, 2], [3], [4]]
assert np.max(table[0]) < 6

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Two of five. Swapped fans show on the tall matrix alone, copied units in the
# correlation of neighbours, a generator reseeded inside in a second draw. More weights
# would not have helped: on a square the swap changes nothing. (deep.TEACHING calls
# the $n$ inputs of its sum "fan out"; in $2/(n+m)$ this makes no difference.)
#
# </details>
#
# A test of an initializer is a *battery*: one statistic for each way of being wrong, on
# shapes that are wide, tall and square.

# %% [markdown]
# ## 9. Initializers for a net
#
# Now to a net: 30 features of breast tumours, hidden layers of 20 and 10 with tanh, one
# output, and the *mean* cross-entropy.


# %%
class Classifier(dp.Model):
    def __init__(self, rng):
        super().__init__(rng)
        self.stack = [self.Tanh_Layer(30, 20), self.Tanh_Layer(20, 10)]
        self.stack.append(self.Linear_Layer(10, 1))

    def forward(self, x):
        for layer in self.stack:
            x = layer(x)
        return x

    def loss(self, x, y):
        return dp.bce_with_logits(self.forward(x), y)


# %% [markdown]
# **The class.** deep.TEACHING separates *walking over a net* from *choosing numbers*.
# An abstract `Initializer` walks over all parameters and writes into their arrays, in
# place. A subclass has two methods: which weights, and which biases, for given fans.


# %%
from abc import ABC, abstractmethod


class Initializer(ABC):
    @abstractmethod
    def initial_weights(self, fan_in, fan_out): ...

    @abstractmethod
    def initial_bias(self, fan_in, fan_out): ...

    def initialize(self, net):
        for layer in net.stack:
            fans = layer.fan_in, layer.fan_out
            np.copyto(layer.weight.value, self.initial_weights(*fans))
            np.copyto(layer.bias.value, self.initial_bias(*fans))


# %% [markdown]
# In the notebook the loop takes `fan_in, fan_out = v.shape` of *every* array. A bias
# has the shape $(1, m)$, so a rule for biases that uses the fan-in would get 1 there.
# Above, a bias gets the fans of its layer.
#
# Five subclasses, each one line. To keep the exercises open all are triangular (zero
# aside), and differ in their standard deviation alone; biases are zero. `large` stands
# for weights between -100 and 100.


# %%
class Triangular(Initializer):
    def __init__(self, weight_std, rng):
        self.weight_std, self.rng = weight_std, rng

    def initial_weights(self, fan_in, fan_out):
        noise = triangular((fan_in, fan_out), 1, self.rng)
        return self.weight_std(fan_in, fan_out) * noise

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


WEIGHT_STD = {
    "zero": lambda n, m: 0,
    "low": lambda n, m: 0.001,
    "large": lambda n, m: 100 / math.sqrt(3),
    "normal": lambda n, m: 1,
    "xavier": lambda n, m: math.sqrt(2 / (n + m)),
}
X, Y = lab.breast_cancer()


# %%
def fresh(weight_std, seed):
    net = Classifier(np.random.default_rng(seed))
    Triangular(weight_std, net.rng).initialize(net)
    return net


def train(weight_std, optimiser, rate, steps, seed):
    net = fresh(weight_std, seed)
    history = optimiser(net, X, Y, {"alpha": rate}).train(steps, print_each=0)
    accuracy = np.mean((net.forward(X).value[:, 0] > 0) == Y)
    return history.loss, net.loss(X, Y).value[0, 0], accuracy


# %% [markdown]
# First Adam, rate 0.01, a hundred steps, as in deep.TEACHING (which prints no results),
# with batches of 128, the engine's default.
#
# **Predict.** Which accuracy will `low` reach, whose weights are a thousandth?

# %%
lab.predict("u5.adam_low", None)

# %%
adam = {
    start: [train(std, dp.Adam, 0.01, 100, seed) for seed in SEEDS]
    for start, std in WEIGHT_STD.items()
}
accuracy = {start: np.array([run[2] for run in runs]) for start, runs in adam.items()}
print("start    accuracy: mean, smallest to largest of five seeds")
for start, a in accuracy.items():
    spread = f"{a.min():.3f} to {a.max():.3f}"
    print(f"{start:8} {a.mean():.3f}, {spread}")
lab.reveal("u5.adam_low", float(accuracy["low"].mean()))
assert np.all(accuracy["zero"].round(3) == 0.627)
assert round(Y.mean(), 3) == 0.627
assert accuracy["large"].max() - accuracy["large"].min() > 0.2
for start in ("low", "normal", "xavier"):
    assert accuracy[start].min() > 0.97

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Zero stays at 0.627, the share of benign tumours. Large depends on the seed. Low,
# normal and Xavier all end above 0.97.
#
# </details>
#
# So initialization does not matter? Before an answer, a look at the row "large". Its
# outputs are in the hundreds, and a cross-entropy written as
# $-y \log p - (1-y) \log(1-p)$ meets a probability of exactly 1. Zero times minus
# infinity is not a number, although both predictions below are *right*; written from
# the outputs the loss is sound:

# %%
outputs, labels = np.array([40.0, 200.0]), np.ones(2)
p = 1 / (1 + np.exp(-outputs))
with np.errstate(all="ignore"):
    naive = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
stable = dp.bce_with_logits(dp.Node(outputs), labels).value
print("naive", naive, " from the outputs", stable)
assert 100 < fresh(WEIGHT_STD["large"], 0).forward(X).value.std() < 1000
assert np.all(np.isnan(naive))
assert 0 <= stable < 1e-15

# %% [markdown]
# ## 10. The same starts under SGD
#
# Now plain gradient descent, rate 0.1 on the mean loss, batches of 128 as before.
#
# **Predict.** At which loss is `low` after 1000 steps?

# %%
lab.predict("u5.sgd_low", None)

# %%
sgd = {
    start: [train(WEIGHT_STD[start], dp.SGD, 0.1, 1000, seed) for seed in SEEDS]
    for start in ("low", "normal", "xavier")
}
curves = {(s, "Adam, rate 0.01"): np.array([run[0] for run in adam[s]]) for s in sgd}
curves |= {(s, "SGD, rate 0.1"): np.array([run[0] for run in sgd[s]]) for s in sgd}
share = Y.mean()
entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
fig, axes = lab.loss_curves(
    curves, "loss (nats), running mean", {"entropy": entropy}, window=25
)
lab.show(
    fig,
    alt="Running mean of the loss against step for the starts low, normal and Xavier."
    " Under Adam all three fall below a tenth within 100 steps. Under SGD Xavier"
    " falls, normal falls later, and low stays on the dashed line at the labels'"
    " entropy for 1000 steps.",
)
low_loss, low_accuracy = np.array([run[1:] for run in sgd["low"]]).T
lab.reveal("u5.sgd_low", float(low_loss.mean()))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Low stays at the entropy of the labels, 0.660 (unit 4): the last bias has learnt how
# common the classes are, and nothing else has moved. Its accuracy is 0.627.
#
# </details>

# %%
early = np.array([train(WEIGHT_STD["xavier"], dp.SGD, 0.1, 100, s)[1:] for s in SEEDS])
print("low after 1000 steps:")
print("   losses", low_loss.round(3), " accuracies", low_accuracy.round(3))
print("Xavier after 100 steps:")
print("   losses", early[:, 0].round(3), " accuracies", early[:, 1].round(3))
assert round(entropy, 3) == 0.660
assert np.allclose(low_loss, 0.660, atol=2e-3)
assert np.all(low_accuracy.round(3) == 0.627)
assert np.allclose(early.mean(axis=0), [0.076, 0.980], atol=0.012)


# %% [markdown]
# In a tenth of the time Xavier is near 0.076 and 0.980. Adam hid what SGD shows.
#
# And between these starts? Multiply Xavier's standard deviation by a factor, and train
# 200 steps with each optimiser at its rate:


# %%
FACTORS = 10 ** np.arange(-3, 2.1, 0.5)


def after(factor, optimiser, rate, seed):
    def std(n, m):
        return factor * math.sqrt(2 / (n + m))

    return train(std, optimiser, rate, 200, seed)[2]


fig, ax = plt.subplots()
scaled = {}
for name, optimiser, rate, look in (
    ("Adam, rate 0.01", dp.Adam, 0.01, {"color": "C3", "marker": "s"}),
    ("SGD, rate 0.1", dp.SGD, 0.1, {"color": "C4", "marker": "o"}),
):
    runs = [[after(f, optimiser, rate, s) for f in FACTORS] for s in range(3)]
    scaled[name] = np.array(runs)
    ax.plot(FACTORS, np.median(runs, axis=0), label=name, **look)
    low, high = np.min(runs, axis=0), np.max(runs, axis=0)
    ax.fill_between(FACTORS, low, high, color=look["color"], alpha=0.2, lw=0)
ax.axvline(1, ls=":", color="black", label="Xavier")
ax.axhline(share, ls="--", lw=1.2, color="black", label="always benign")
ax.set(xscale="log", xlabel="std over Xavier's", ylabel="accuracy after 200 steps")
ax.legend(loc="lower left")
lab.show(
    fig,
    alt="Accuracy after 200 steps against the factor on Xavier's standard deviation,"
    " log axis. Adam is above 0.95 from a thousandth to about three; SGD is at the"
    " share of benign cases up to 0.03 and above 0.95 from a tenth to three; both"
    " fall for larger factors.",
)
assert np.all(scaled["SGD, rate 0.1"][:, :4] < 0.7)
assert np.all(scaled["Adam, rate 0.01"][:, :7] > 0.93)
assert np.all(scaled["SGD, rate 0.1"][:, 6] > 0.95)

# %% [markdown]
# ## 11. What Adam hides
#
# The gradients are the same for both optimisers. For each layer, take the root mean
# square of the change that the *first* step makes to its weights.
#
# **Predict.** Under Adam, how many times larger is the first layer's change from
# Xavier's start than from the low one?

# %%
lab.predict("u5.adam_ratio", None)


def first_change(weight_std, optimiser, rate, seed):
    net = fresh(weight_std, seed)
    before = [layer.weight.value.copy() for layer in net.stack]
    optimiser(net, X, Y, {"alpha": rate}, batch_size=None).train(1, print_each=0)
    after = [layer.weight.value for layer in net.stack]
    return [
        math.sqrt(np.mean((b - a) ** 2)) for a, b in zip(after, before, strict=True)
    ]


# %%
fig, ax = plt.subplots()
first = {}
for start in ("low", "xavier"):
    for optimiser, rate, face in ((dp.Adam, 0.01, None), (dp.SGD, 0.1, "white")):
        rms = [first_change(WEIGHT_STD[start], optimiser, rate, seed) for seed in SEEDS]
        name = f"{start}, {optimiser.__name__}"
        look = lab.scheme(start, label=name, markerfacecolor=face)
        ax.plot([1, 2, 3], np.median(rms, axis=0), **look)
        first[name] = np.median(rms, axis=0)[0]
ax.axhline(0.01, ls="--", color=lab.COLOURS["black"], lw=1.2, label="Adam's rate")
ax.set(xlabel="layer", ylabel="first change of the weights (rms)", yscale="log")
ax.set_xticks([1, 2, 3])
ax.legend()
lab.show(
    fig,
    alt="Size of the first change of the weights by layer, log axis. Under Adam both"
    " starts change by the rate in all layers. Under SGD Xavier changes by some"
    " thousandths, low by about a ten-millionth in the first layer.",
)
lab.reveal("u5.adam_ratio", first["xavier, Adam"] / first["low, Adam"])
assert 0.9 < first["xavier, Adam"] / first["low, Adam"] < 1.2
assert 3e4 < first["xavier, SGD"] / first["low, SGD"] < 3e5

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# About once: they are alike. **Why.** Adam's first step is
# $\alpha\, g / (|g| + \epsilon)$, the sign of the gradient times the rate, as long as
# $|g|$ is well above $\epsilon = 10^{-8}$. Two layers of tiny weights stand between the
# loss and the first layer and make its gradient some $10^5$ times smaller than
# Xavier's. Adam divides that away; SGD lives with it.
#
# </details>

# %% [markdown]
# ## 12. How long a plateau lasts
#
# Is low lost under SGD, or late? On all rows, at rate 0.3, weights with the standard
# deviation 0.01 leave the plateau (loss below 0.5) after some 80 steps.
#
# **Predict.** After how many with 0.001?

# %%
lab.predict("u5.plateau", None)
STDS = np.array([0.03, 0.01, 0.003, 0.001])


def steps_to_leave(weight_std, seed):
    net = fresh(lambda n, m: weight_std, seed)
    optimiser = dp.SGD(net, X, Y, {"alpha": 0.3}, batch_size=None)
    return optimiser.train(3000, 0, stop=lambda step, loss, net: loss < 0.5).steps


# %%
left = np.array([[steps_to_leave(std, seed) for std in STDS] for seed in range(3)])
constant = float(np.median(left * STDS))
fig, ax = plt.subplots()
ax.plot(STDS, left.T, "v", color=lab.COLOURS["sky"])
ax.plot(STDS, constant / STDS, "--", color=lab.COLOURS["black"], label="constant / std")
ax.set(xscale="log", yscale="log", xlabel="standard deviation of all weights")
ax.set_ylabel("steps until the loss is below 0.5")
ax.legend()
lab.show(
    fig,
    alt="Steps until the plateau is left against the standard deviation of the weights,"
    " both axes logarithmic: marks of three seeds fall along a dashed line of slope"
    " minus one, from under 30 steps at 0.03 to some 800 at 0.001.",
)
lab.reveal("u5.plateau", int(np.median(left[:, 3])))
assert np.all(np.abs(left[:, 1] / 80 - 1) < 0.25)
assert np.all(np.abs(left[:, 3] / left[:, 1] / 10 - 1) < 0.1)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Ten times smaller, ten times as long.
#
# </details>
#
# **Why.** Near zero tanh is linear and the net is a product of three matrices. Let $a$
# be the size of each. A layer's gradient has the other two as factors, so
# $\dot a = \lambda a^2$, with a $\lambda$ from data and rate. Its solution
# $1/a = 1/a_0 - \lambda t$ blows up at $t = 1/(\lambda a_0)$: the plateau lasts in
# proportion to $1/a_0$.

# %% [markdown]
# deep.TEACHING asks for a loss "accumulated over all samples". On a *summed* loss a
# batch of 128 has 128 times the gradient: a rate of 0.1 acts as 12.8 does on the mean,
# and the plateau is 128 times as short. So low leaves it within 100 steps, at a rate so
# large that the outcome depends on the seed:

# %%
summed = [train(WEIGHT_STD["low"], dp.SGD, 0.1 * 128, 100, seed)[2] for seed in SEEDS]
print("accuracy of low, five seeds:", np.round(summed, 3))
assert np.isclose(0.1 * 128, 12.8)
assert min(summed) > 0.85

# %% [markdown]
# ## 13. Where the four comes from
#
# For rectifiers deep.TEACHING gives $4/(n + m)$. A rectifier halves the mean square of
# a symmetric signal (unit 2), so the conditions become $n v / 2 = 1$ and $m v / 2 = 1$.
#
# **Predict.** Twenty ReLU layers of width 256 with tanh's $v = 2/(n + m)$: by which
# factor has the mean square changed from the first to the last?

# %%
lab.predict("u5.relu", None)


def relu_mean_squares(rng, weight_var, width=256, layers=20):
    h, sizes = rng.normal(size=(100, width)), []
    for _ in range(layers):
        z = h @ rng.normal(0, math.sqrt(weight_var), (width, width))
        sizes.append(np.mean(z**2))
        h = np.maximum(z, 0)
    return np.array(sizes) / sizes[0]


# %%
relu = {
    f"{c}/(n + m)": lab.over_seeds(
        lambda g, c=c: relu_mean_squares(g, c / 512), range(10)
    )
    for c in (2, 4)
}
theory = {f"{c}/(n + m)": (c / 4) ** np.arange(20.0) for c in (2, 4)}
fig, ax = lab.depth_curves(relu, "mean square before ReLU (layer 1 = 1)", theory)
ax.set_xticks(range(1, 21, 3))
lab.show(
    fig,
    alt="Mean square before the rectifier against layer on a log axis. With two over"
    " the sum of fans it halves in each layer, down to about two millionths; with four"
    " it stays near 1, and the band of ten seeds widens with depth.",
)
two, four = (rows[:, -1] for rows in relu.values())
lab.reveal("u5.relu", float(np.median(two)))
# Var log is about 5 per layer and unit, 5 * 19 / 256 = .37: a std of .61.
assert np.isclose(0.5**19, 1.9e-6, rtol=0.01)
assert np.all(np.abs(np.log(two / 0.5**19)) < 6 * 0.61)
assert np.all(np.abs(np.log(four)) < 6 * 0.61)
assert four.max() / four.min() > 2

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Nineteen rectifiers take it down to $1/2^{19}$, about $1.9 \cdot 10^{-6}$; with the
# four it stays. Note the width of the band: by layer 20 single nets with the
# right variance differ by more than a factor of two. Unit 6 is about rectifiers.
#
# </details>

# %% [markdown]
# ## Checkpoint
#
# <details><summary>A rule asks for the variance 1/150 and you draw uniformly. What is
# the length of the interval?</summary>
# The length squared over 12 is the variance: √(12/150), about 0.283.</details>
# <details><summary>A test has ten checks at three standard errors. How often does a
# right answer fail?</summary>
# About 10 · 0.0027, in 2.7 % of all trials.</details>
# <details><summary>Your net trains well with Adam from any start. What would you try
# before saying that the start does not matter?</summary>
# SGD, several seeds, and a look at the gradients by layer at step 0.</details>

# %% [markdown]
# ## Summary
#
# - Glorot's variance is the harmonic mean of $1/n$ and $1/m$: one over the mean fan.
# - Weight gradients of equal size in all layers do not prove that the signals arrive.
# - A rule gives a variance; bound, standard deviation and variance are three numbers.
# - A sample std has the relative error $\sqrt{(\kappa - 1)/4N}$; six of them make a
#   band without false alarms, and sample size buys power.
# - Each way of being wrong needs its own statistic, on shapes that are not square.
# - Adam's first steps ignore the scale of the gradient; SGD's plateau lasts in
#   proportion to one over the weights' size.

# %% [markdown]
# ## Exercises and sources
#
# The assignment `05_initializers` has thirteen items. Beyond it: find a distribution
# whose kurtosis lets a band for normal draws raise false alarms, and a seventh suspect
# that passes all five statistics and is wrong.
#
# - LeCun et al. (1998), *Efficient BackProp*, eq. 16.
# - Glorot, Bengio (2010), *Understanding the difficulty of training deep feedforward
#   neural networks*, eq. 10 to 12 and 14, figures 6 and 7 (both conditions and the
#   compromise), eq. 16 (uniform draw).
# - He et al. (2015), arXiv:1502.01852, eq. 10 and 14. Kingma, Ba (2015),
#   arXiv:1412.6980, algorithm 1.
# - deep.TEACHING: the net, the class `Initializer`, the family, the comparison. It
#   recommends G. Larsson (2015), *Initialization of deep networks*.
#
# Full references: [bibliography](README.md#bibliography).

# %% [markdown]
# Previous: [Backward signal](04_backward_signal.ipynb) ·
# Next: [Rectifiers](06_rectifiers.ipynb) ·
# Assignment: [Initializers](../release/05_initializers/05_initializers.ipynb) ·
# [Contents](README.md)
