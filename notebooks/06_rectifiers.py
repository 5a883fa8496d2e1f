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
# Previous: [Initializers](05_initializers.ipynb) ·
# Next: [Replication lab](07_replication_lab.ipynb) ·
# Assignment: [Rectifiers](../release/06_rectifiers/06_rectifiers.ipynb) ·
# [Contents](README.md)
#
# **One question: how do you start a network whose units are off half of the time?**
#
# You will use one factor of 2, watch a network that has it upside down, and train
# thirty layers with it. Then you will look at what no factor repairs: the chance of a
# single draw, units that are never on, and networks without biases.
#
# Did you download this notebook alone? Put `dp.py` and `lab.py` of the course beside it
# (both lie in the folder above); it needs numpy, matplotlib and scikit-learn as well.

# %% [markdown]
# **Recall**, from units 2, 3 and 4; answer before you unfold.
#
# <details><summary>What sets the variance of a layer's sums, E[x²] or Var(x) of its
# inputs?</summary>
# E[x²]: weights of mean zero multiply the mean of the inputs as well.</details>
# <details><summary>Which fan does a signal collect on its way forward, and which on its
# way back?</summary>
# Forward each unit sums fan_in products, backward fan_out of them.</details>
# <details><summary>What is ln 10, to a classifier of ten equally frequent digits?
# </summary>
# The loss of a net that gives each class the probability 0.1: it has learnt nothing.
# </details>

# %%
from functools import partial
from itertools import pairwise, product

import matplotlib.pyplot as plt
import numpy as np

import dp
import lab

lab.style()
SEEDS = range(5)

# %% [markdown]
# ## 1. What a rectifier keeps
#
# ReLU, $f(z) = \max(z, 0)$, keeps half of the mean square of a signal that is symmetric
# about zero (unit 2, section 5): $z^2$ is the same on both sides, and ReLU keeps one
# side. As an area:

# %%
z = np.linspace(-4, 4, 401)
bell = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
fig, ax = plt.subplots()
ax.plot(z, z**2 * bell, "--", color="black", label="z², area 1")
kept = np.maximum(z, 0) ** 2 * bell
ax.fill_between(z, kept, color=lab.COLOURS["green"], alpha=0.6, label="ReLU², area 1/2")
ax.plot(z, bell, ":", color=lab.COLOURS["grey"], label="density of z")
ax.set(xlabel="z, standard normal", ylabel="density times square", ylim=(0, 0.5))
ax.legend(loc="upper left")
assert np.isclose(kept.sum() * (z[1] - z[0]), 0.5, atol=1e-3)
lab.show(
    fig,
    alt="Over a standard normal z: dashed, z squared times the density, two equal"
    " humps. The right one is filled: what ReLU keeps, an area of one half."
    " Dotted, the bell curve.",
)

# %% [markdown]
# **Why it matters.** A layer sums $n$ products, so with $q$ for the mean square of $z$
#
# $$q_{l+1} = n\,\mathrm{Var}(w)\,E[a_l^2] = \tfrac{1}{2}\, n\,\mathrm{Var}(w)\; q_l .$$
#
# He, Zhang, Ren and Sun (2015) ask for a factor of 1, hence $\mathrm{Var}(w) = 2/n$
# (their eq. 10).

# %% [markdown]
# ## 2. The factor upside down
#
# Unit 4, section 8, met a slip: the cats notebook writes down the equation
# $\tfrac{1}{2}\, n\,\mathrm{Var}(w) = 1$ and solves it as $\mathrm{Var}(w) = 1/(2n)$,
# in text and code, and its net of five layers trains. What does the slip do in a deep
# net?
#
# **Predict.** With $1/(2n)$, by which factor does the mean square of $z$ change from
# one layer to the next?

# %%
lab.predict("u6.upside", None)


# %%
def mean_squares(rng, c, slope=0.0, depth=30, n=256, rows=50):
    a, q = rng.normal(size=(rows, n)), []
    for _ in range(depth):
        z = a @ rng.normal(0, np.sqrt(c / n), (n, n))
        a = np.where(z > 0, z, slope * z)
        q.append(np.mean(z**2))
    return np.array(q)


# %% [markdown]
# `c` is the variance times $n$: 2 for He, 1 for Xavier (equal widths), ½ for $1/(2n)$.
# Thirty layers, five seeds, and dashed the powers of $c/2$:

# %%
constants = {"xavier": 1, "1/(2n)": 0.5, "he": 2}
q = {name: lab.over_seeds(mean_squares, SEEDS, c) for name, c in constants.items()}
theory = {name: c * (c / 2) ** np.arange(30) for name, c in constants.items()}
fig, ax = lab.depth_curves(q, "mean square of z", theory)
lab.show(
    fig,
    alt="Mean square of z over 30 layers, log axis. He stays near 2, Xavier falls to"
    " 2e-9 and 1/(2n) to 2e-18, each on a dashed straight line.",
)
factors = {name: (runs[:, -1] / runs[:, 0]) ** (1 / 29) for name, runs in q.items()}
for name, c in constants.items():
    assert np.all(np.abs(factors[name] / (c / 2) - 1) < 0.07)
lab.reveal("u6.upside", round(float(np.median(factors["1/(2n)"])), 2))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# A quarter: $\tfrac{1}{2}\, n \cdot 1/(2n) = 1/4$. Over thirty layers the average
# factor is within 7 % of theory for each of five seeds.
#
# </details>
#
# Yet with five layers the net trained. From which depth on does the slip matter? Build
# nets of any depth. A *start* is a rule for the variance; `out` scales the last layer's
# weights, and biases stay at zero, where He et al. put them:


# %%
class Deep(dp.Model):
    def __init__(self, rng, depth, width, dtype=np.float64):
        super().__init__(rng, dtype)
        fans = [64] + [width] * depth
        self.hidden = [self.ReLu_Layer(n, m) for n, m in pairwise(fans)]
        self.out = self.Linear_Layer(width, 10, "out")

    def activations(self, x):
        return [x := layer(x) for layer in self.hidden]

    def forward(self, x):
        return self.out(self.activations(x)[-1])

    def loss(self, x, y):
        return dp.softmax_cross_entropy(self.forward(x), y)


# %%
def start(rule, out=1.0):
    def set_weights(net, rng):
        for name, array in net.get_param().items():
            if name.endswith("_weight"):
                std = np.sqrt(rule(*array.shape)) * (out if name[:3] == "out" else 1)
                array[:] = rng.normal(0, std, array.shape)

    return set_weights


HE = start(lambda n, m: 2 / n)
x, y = lab.digits()

# %% [markdown]
# **Predict.** Digits, width 64, plain SGD at rate 0.05, three seeds, variance $1/(2n)$.
# What is the loss after 400 steps with five hidden layers, and what with eight?

# %%
lab.predict("u6.five", None)
lab.predict("u6.eight", None)
starts = {"he": HE, "1/(2n)": start(lambda n, m: 1 / (2 * n))}
losses = {}
for depth in (5, 8):
    make_net = partial(Deep, depth=depth, width=64)
    how = {f"{depth} hidden layers": lambda net: dp.SGD(net, x, y, {"alpha": 0.05})}
    losses |= lab.train_starts(make_net, starts, how, seeds=range(3), steps=400)

# %%
fig, axes = lab.loss_curves(
    losses, "loss (nats), mean of 20 steps", {"ln 10": np.log(10)}, window=20
)
lab.show(
    fig,
    alt="Loss against step, two panels, three seeds. With five hidden layers He falls"
    " at once and 1/(2n) late; with eight, 1/(2n) stays on the dashed ln 10.",
)
late = {key: runs[:, -20:].mean(axis=1) for key, runs in losses.items()}
five, eight = (late["1/(2n)", f"{depth} hidden layers"] for depth in (5, 8))
assert five.max() < 1
assert np.all(np.abs(eight - np.log(10)) < 0.03)
assert all(runs.max() < 0.1 for (name, _), runs in late.items() if name == "he")
assert np.allclose([4**5 / 1000, np.log(10)], [1, 2.303], atol=0.03)
lab.reveal("u6.five", "below 1 in each of three seeds")
lab.reveal("u6.eight", round(float(eight.mean()), 1))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Five layers begin to learn, after a delay; eight are still at $\ln 10 = 2.303$ when
# the 400 steps are over, in all three seeds. He's start is below 0.1 at both depths.
#
# </details>
#
# So a published run that works does not show that its formula is right: it may be too
# shallow. Five layers of a quarter leave $4^{-5}$, about a thousandth, of the mean
# square. A few hundred steps can grow that back.

# %% [markdown]
# ## 3. The way back
#
# Backward, ReLU's slope is 1 or 0, each half of the time: a layer of $m$ outputs
# changes a gradient's mean square by $\tfrac{1}{2}\, m\,\mathrm{Var}(w)$. (Forward, the
# half is the share of the mean square that is kept; backward, it is the share of units
# with slope 1.) A factor of 1 needs $2/m$ here (eq. 14).
#
# Which fan, then? deep.TEACHING takes both: Glorot's compromise with twice the
# variance, $4/(n + m)$. Equal widths make all three the same.
#
# **Predict.** Ten layers, alternately from 64 to 256 units and back.
# Which share of the input's mean square arrives with $4/(n + m)$?

# %%
lab.predict("u6.fans", None)


def both_ways(rng, rule, pairs=5, rows=8):
    a, weights, on = rng.normal(size=(rows, 64)), [], []
    for n, m in [(64, 256), (256, 64)] * pairs:
        weights.append(rng.normal(0, np.sqrt(rule(n, m)), (n, m)))
        z = a @ weights[-1]
        on.append(z > 0)
        a = z * on[-1]
    g = rng.normal(size=a.shape)
    for W, gate in zip(weights[::-1], on[::-1], strict=True):
        g = (g * gate) @ W.T
    return np.mean(a**2), np.mean(g**2)  # both began at 1


# %%
fans = {
    "2/n": (lambda n, m: 2 / n, 1),
    "2/m": (lambda n, m: 2 / m, 1),
    "4/(n+m)": (lambda n, m: 4 / (n + m), 0.64**5),
}
for name, (rule, expected) in fans.items():
    arrives = lab.over_seeds(both_ways, range(100), rule).mean(axis=0)
    print(f"{name:8} forward {arrives[0]:.3f}  backward {arrives[1]:.3f}")
    assert np.all(np.abs(arrives / expected - 1) < 0.3)
assert np.allclose([2 * 64 / 320, 2 * 256 / 320, 0.4 * 1.6], [0.4, 1.6, 0.64])
assert abs(0.64**5 - 0.107) < 5e-4
lab.reveal("u6.fans", float(arrives[0]))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# A pair of layers multiplies by $\frac{2 n}{n + m} \cdot \frac{2 m}{n + m}$, here $0.4
# \cdot 1.6 = 0.64$, in *both* directions. Five pairs leave 0.107, and the mean of 100
# nets is within 30 % of that. The compromise loses wherever widths alternate; the
# one-sided rules lose nothing.
#
# </details>
#
# **Why either is enough.** With $2/n$ everywhere a gradient collects the factors $m/n$.
# Their product is the last width over the first, whatever the depth. He et al. say so
# below eq. 14, and take $2/n$.

# %% [markdown]
# ## 4. Thirty layers
#
# He et al. trained convolutional nets on ImageNet with 22 layers (their Fig. 2) and 30
# (Fig. 3), each from their start and from Xavier's. Here: digits, width 128, 22 and 30
# hidden layers, plain SGD at rate 0.01, batches of 64, the last layer scaled by 0.1.
#
# **Predict.** What is the loss of Xavier's start after 500 steps, at 22 and at 30?

# %%
lab.predict("u6.xavier22", None)
lab.predict("u6.xavier30", None)
rules = {"he": lambda n, m: 2 / n, "xavier": lambda n, m: 2 / (n + m)}
starts = {name: start(rule, out=0.1) for name, rule in rules.items()}
deep = {}
for depth, seeds in ((22, range(2)), (30, range(3))):
    label = f"{depth} hidden layers"
    make_net = partial(Deep, depth=depth, width=128, dtype=np.float32)
    how = {label: lambda net: dp.SGD(net, x, y, {"alpha": 0.01}, batch_size=64)}
    deep |= lab.train_starts(make_net, starts, how, seeds, steps=500)

# %%
what = "loss (nats), mean of 20 steps"
fig, axes = lab.loss_curves(deep, what, {"ln 10": np.log(10)}, log=False, window=20)
lab.show(
    fig,
    alt="Loss against step for 22 and 30 hidden layers. He's start falls in every seed,"
    " faster at 22; Xavier's lies on the dashed ln 10 at both depths.",
)
late = {key: runs[:, -20:].mean(axis=1) for key, runs in deep.items()}
for depth, most in ((22, 0.5), (30, 0.9)):
    assert late["he", f"{depth} hidden layers"].max() < most
    stalled = late["xavier", f"{depth} hidden layers"]
    assert np.all(np.abs(stalled - np.log(10)) < 0.001)
    lab.reveal(f"u6.xavier{depth}", round(float(stalled[0]), 2))
assert np.allclose([2**30 / 1e9, 2**22 / 4e6], 1, atol=0.08)

# %% [markdown]
# | hidden layers | start | published (2015) | here, loss of the last 20 steps |
# |---|---|---|---|
# | 22 | He | converges, sooner | below 0.5 |
# | 22 | Xavier | converges | 2.30 |
# | 30 | He | converges | below 0.9 |
# | 30 | Xavier | "completely stalls" | 2.30 |
#
# The thirty layers agree. At 22 our Xavier stalls as well, at $\ln 10$.
#
# **Why.** Xavier's $1/n$ halves the mean square in each layer, both ways: over 30
# layers that is $2^{-30}$, a billionth, over 22 it is $2^{-22}$, a four-millionth. The
# paper's many epochs could overcome that one, our 500 steps cannot. (At 30 it saw no
# convergence "even given more epochs".) Whether a net "stalls" depends on the number of
# steps; the factor of a layer does not.

# %% [markdown]
# ## 5. A leak
#
# A leaky rectifier passes $az$ where $z < 0$. The negative half keeps $a^2$ of its mean
# square, so $E[f(z)^2] = \tfrac{1}{2}(1 + a^2)\, q$ and (eq. 15)
#
# $$\mathrm{Var}(w) = \frac{2}{(1 + a^2)\, n} .$$
#
# At $a = 0$ this is He's rule; at $a = 1$ nothing is rectified and it is LeCun's.
#
# **Predict.** A slope of $\tfrac{1}{2}$, with a rule that ignores it: variance $2/n$.
# By which factor does the mean square of $z$ grow from layer 1 to layer 30?

# %%
lab.predict("u6.leak", None)

# %%
for c, expected in ((2 / 1.25, 1), (2, 1.25**29)):
    runs = lab.over_seeds(mean_squares, SEEDS, c, 0.5)
    growth = runs[:, -1] / runs[:, 0]
    print(f"n Var(w) = {c}: median growth {np.median(growth):.2g}")
    assert np.all(np.abs(np.log(growth / expected)) < 1.2)
assert np.allclose([1.25**29, 0.01**2], [646, 1e-4], rtol=1e-3)
lab.reveal("u6.leak", float(np.median(growth)))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# $1.25^{29} = 646$. Five seeds lie around it, and those with the right variance around
# 1. At the usual slope of 0.01 the correction is 0.0001, which no experiment shows.
#
# </details>

# %% [markdown]
# ## 6. One net is not the average
#
# $q_{l+1} = q_l$ holds for the *average* net. One net of finite width has one draw of
# weights, and with ReLU $q$ has no stable fixed point (unit 3).

# %% [markdown]
# A thousand nets are cheap, since no weight need be drawn. For a fixed input
# $a$, the sums $z = aW$ are independent normal numbers of variance $2|a|^2/n$: only the
# norm counts. (The second function multiplies matrices, to check the first.)
#
# **Predict.** Width 32, thirty layers, He's weights, one input of norm 1. In a thousand
# nets, what is the ratio of the 100th largest squared norm at the end to the 100th
# smallest?

# %%
lab.predict("u6.luck", None)


def log_norms(rng, n, depth=30, nets=1000):
    z = rng.normal(0, np.sqrt(2 / n), (nets, depth, n))
    return np.log(np.sum(np.maximum(z, 0) ** 2, axis=2)).cumsum(axis=1)


def log_norm_by_matrices(rng, n, depth=30):
    a = np.full(n, n**-0.5)
    for _ in range(depth):
        a = np.maximum(a @ rng.normal(0, np.sqrt(2 / n), (n, n)), 0)
    return np.log(a @ a)


# %%
widths = [32, 64, 128, 256]
logs = {n: log_norms(np.random.default_rng(n), n) for n in widths}
curves = {f"width {n}": logs[n].var(axis=0) for n in widths}
law = {f"width {n}": 5 * np.arange(1, 31) / n for n in widths}
fig, ax = lab.depth_curves(curves, "variance of log |a|²", law, log=False)
lab.show(
    fig,
    alt="Variance of the log squared norm against depth for four widths: straight lines"
    " on or a little above the dashed 5 l / n, steepest for width 32.",
)
assert all(abs(curves[name][-1] / law[name][-1] - 1) < 0.25 for name in curves)
slow = lab.over_seeds(log_norm_by_matrices, range(300), 32).var()
assert abs(slow / law["width 32"][-1] - 1) < 0.4
ratio = np.exp(np.subtract(*np.quantile(logs[32][:, -1], [0.9, 0.1])))
assert 100 < ratio < 1000
lab.reveal("u6.luck", float(f"{ratio:.1g}"))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Hundreds. Nets with the same start end with squared norms more than a hundredfold
# apart, and a few large ones bring the average to 1.
#
# </details>
#
# **Why.** A layer's factor is $\frac{2}{n}\sum f(t_i)^2$ with standard normal $t_i$.
# $E f^2 = \tfrac12$ and $E f^4 = \tfrac32$, so it has the variance
# $\frac{4}{n}\left(\tfrac32 - \tfrac14\right) = \frac{5}{n}$, and the logarithms of
# $L$ layers add: $5L/n$, within 25 % from width 32 on.
# What counts is depth over width (Hanin and Rolnick, 2018): He's factor of 2 removes
# the trend and leaves the random walk of the logarithm.

# %% [markdown]
# ## 7. Units that are never on
#
# A unit that is off for one example learns from others. One that is off for the
# *whole* batch gets no gradient: it is dead, at least until the layers below change.
#
# **Predict.** He's start, digits, 30 layers of 128 units, about half of the activations
# zero in each. Which share of units in layer 30 has no gradient from 256 images?
# (A second curve will show how alike two images look to each layer: the mean cosine
# between activations.)

# %%
lab.predict("u6.dead", None)


def at_start(rng, bias=0.0, depth=30):
    net = Deep(rng, depth, 128)
    HE(net, rng)
    for name, array in net.get_param().items():
        if name.endswith("_bias"):
            array[:] = bias
    return net


def asleep(net, x, y):
    gradients, _ = net.get_grad(x, y)
    weights = [gradients[f"layer_{k}_weight"] for k in range(len(net.hidden))]
    return [np.mean(np.all(g == 0, axis=0)) for g in weights]


# %%
def cosines_and_zeros(rng):
    rows = []
    for a in at_start(rng).activations(x[:16]):
        unit = a.value / np.linalg.norm(a.value, axis=1, keepdims=True)
        cosines = (unit @ unit.T)[np.triu_indices(16, 1)]
        rows.append([cosines.mean(), np.mean(unit == 0)])
    return np.transpose(rows)


alike, zeros = lab.over_seeds(cosines_and_zeros, SEEDS).swapaxes(0, 1)
dead = lab.over_seeds(lambda rng: asleep(at_start(rng), x[:256], y[:256]), SEEDS)
curves = {"units without gradient": dead, "cosine of two images": alike}
fig, ax = lab.depth_curves(curves, "share of units; cosine", log=False)
lab.show(
    fig,
    alt="By layer, 30 layers, five seeds: the share of units without gradient rises"
    " from 0 to about 0.35; the cosine between images from 0.3 to nearly 1.",
)
assert np.all(np.abs(zeros - 0.5) < 0.15)
assert dead[:, 0].max() == 0
assert np.all(np.abs(dead[:, 29] - 0.35) < 0.15)
assert alike[:, 0].max() < 0.5 < 0.9 < alike[:, 29].min()
lab.reveal("u6.dead", round(float(dead[:, 29].mean()), 2))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# None in the first layer, a third in the last. Zeros cannot show it: they are about
# half of every layer.
#
# </details>
#
# **Why.** ReLU makes different inputs more alike: their cosine rises from below 0.5 to
# above 0.9. Once images look alike, a unit that is off for one is off for all. (So a
# net forgets its input; unit 9 computes the curve.)
#
# Biases change this. Kumar writes that they "are always initialized to the value one",
# Nowland has 0.1, He et al. have 0. Ten layers of He's weights with each
# of these, and with -1:


# %%
def tenth(rng, bias):
    net = at_start(rng, bias, depth=10)
    a = net.activations(x[:256])[9].value
    return np.mean(a**2), asleep(net, x[:256], y[:256])[9]


print("bias  mean square of a and share dead in layer 10 (medians of five seeds)")
for bias, low, high in ((0, 0.4, 1.6), (0.1, 1.6, 6), (1, 20, 99), (-1, 0, 0.1)):
    size, gone = np.median(lab.over_seeds(tenth, SEEDS, bias), axis=0)
    print(f"{bias:4}  {size:4.1f}, {gone:.1f}")
    assert low <= size < high
    assert (gone > 0.5) == (bias == -1)

# %% [markdown]
# Ones are added in every layer and add up: a mean square above 20 in layer 10, while
# zeros keep it near 1. With -1 more than half of the tenth layer is dead.
# The derivation assumes zero.
#
# A start can be right and units die later. Two hidden layers, 300 steps, three rates:


# %%
def after(rng, rate):
    net = Deep(rng, 2, 64)
    HE(net, rng)
    sgd = dp.SGD(net, x, y, {"alpha": rate}, batch_size=64)
    loss = sgd.train(300, print_each=0).loss
    return asleep(net, x, y)[1], loss[-20:].mean()


for rate in (0.1, 0.3, 3.0):
    gone, end = lab.over_seeds(after, range(3), rate).T
    learnt = gone.max() < 0.1 and end.max() < 0.2
    print(f"rate {rate}: loss {'below 0.2' if learnt else 'at ln 10, layer 2 dead'}")
    assert learnt == (rate < 1)
assert gone.min() > 0.9
assert np.allclose(end, np.log(10), atol=0.05)

# %% [markdown]
# At rate 3 more than 0.9 of the second layer is dead within 300 steps, and the loss
# rests at $\ln 10$, without NaN and without a warning. Dead units are a symptom; here
# the cause is the rate.

# %% [markdown]
# ## 8. What a bias is for
#
# Nowland pairs tanh with Xavier and ReLU with He, in hidden layers of 6 and 3
# units before a sigmoid, on three sets of points, without biases at first. We take the
# points and the pairs, with plain gradient descent on the cross-entropy.


# %%
class Pair(dp.Model):
    def __init__(self, rng, act, widths=(6, 3)):
        super().__init__(rng)
        fans = [2, *widths]
        layer = self.Tanh_Layer if act == "tanh" else self.ReLu_Layer
        self.hidden = [layer(n, m) for n, m in pairwise(fans)]
        self.out = self.Linear_Layer(fans[-1], 1, "out")
        start(lambda n, m: 2 / (n + m) if act == "tanh" else 2 / n)(self, rng)

    def forward(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)

    def loss(self, x, y):
        return dp.bce_with_logits(self.forward(x), y)


# %% [markdown]
# Without biases means: they are zero and have no learning rate. Points are standardised
# with the mean and standard deviation of the training set, and so is every other point
# that the trained net is asked about.
#
# **Predict.** 2000 steps without biases, five seeds: in how many of the
# six combinations does at least one run get every point right?

# %%
lab.predict("u6.pairs", None)
DATA = {"wedges": lab.plane(1), "ring": lab.plane(2), "stripes": lab.plane(3)}


def fit(name, act, biases, seed, alpha=0.5, steps=2000, widths=(6, 3), how=dp.SGD):
    points, labels = DATA[name]
    mean, std = points.mean(axis=0), points.std(axis=0)
    net = Pair(np.random.default_rng(seed), act, widths)
    rates = {p: alpha for p in net.get_param() if biases or p.endswith("_weight")}
    trainer = how(net, (points - mean) / std, labels, {"alpha": rates}, None)
    trainer.train(steps, print_each=0, record=True)

    def probability(new, mean=mean, std=std):
        return net((new - mean) / std).sigmoid().value.ravel()

    return probability, np.mean((probability(points) >= 0.5) != labels)


# %%
KINDS = list(product(DATA, ("tanh", "relu"), (False, True)))
runs = {kind: [fit(*kind, seed) for seed in SEEDS] for kind in KINDS}
solved = [kind for kind in KINDS if min(wrong for _, wrong in runs[kind]) == 0]
for name, act, biases in solved:
    print("solved:", act, "on", name, "with" if biases else "without", "biases")
without = [kind for kind in solved if not kind[2]]
assert without == [("wedges", "relu", False)]
assert len(solved) == 7
lab.reveal("u6.pairs", len(without))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# One: ReLU on the wedges. With biases each of the six can be solved, by tanh as well as
# by ReLU. Nowland's post found the same division: its ReLU converged on the wedges at
# epoch 1183, everything else without biases ran to the end of its epochs. (Unit 7
# repeats its numbers to the digit.) Now look at one run of each, without biases:
#
# </details>


# %%
def maps(biases, title):
    fig, grid = plt.subplots(3, 2, figsize=(6.6, 9.8), sharex=True, sharey=True)
    for ax, (name, act) in zip(grid.flat, product(DATA, ("tanh", "relu")), strict=True):
        best = min(runs[name, act, biases], key=lambda run: run[1])
        lab.decision_map(best[0], *DATA[name], ax=ax, title=f"{act}, {name}")
        ax.label_outer()
    fig.suptitle(title)
    return fig


# %%
fig = maps(False, "without biases: the best of five seeds")
lab.show(
    fig,
    alt="Six decision maps without biases, tanh on the left: what is blue on one side"
    " is red on the opposite side. ReLU on the right: sectors that meet in the"
    " centre. Only ReLU on the wedges has no hollow point.",
)

# %% [markdown]
# Look at the shapes before the colours: in every map a boundary passes through the
# centre. The left maps swap colours under half a turn; the right ones are sectors.
#
# **Why.** Without biases a tanh net is *odd*: $-x$ negates every pre-activation, so the
# logit changes sign and $p(x) + p(-x) = 1$. A ReLU net is *homogeneous*: $cx$ with
# $c > 0$ multiplies every layer by $c$, so the logit keeps its sign along a ray.
# ($x$ is standardised: its origin is the mean of the training set.)
# Both hold for any weights, trained or not:

# %%
points, _ = DATA["ring"]
centre, away = points.mean(axis=0), np.random.default_rng(0).normal(size=(500, 2))
for p, _ in runs["ring", "tanh", False]:
    assert np.allclose(p(centre + away) + p(centre - away), 1, rtol=0, atol=1e-12)
for p, _ in runs["ring", "relu", False]:
    assert np.array_equal(p(centre + away) > 0.5, p(centre + 3 * away) > 0.5)
print("odd and homogeneous, in every run")

# %% [markdown]
# So a tanh net puts exactly one of two opposite points of the ring inside: whatever its
# width, it gets half of every symmetrical ring wrong. A ReLU net that puts a point near
# the centre inside does the same with the ring beyond it.
#
# That speaks of the whole plane. In a *finite* sample no two points are exactly
# opposite.
#
# **Predict.** A tanh net without biases, two layers of 64, Adam, 4000 steps on the
# ring. How many of the 131 training points does it get wrong? And which share of a
# fresh ring whose points come in opposite pairs?

# %%
lab.predict("u6.memorised", None)
lab.predict("u6.fresh", None)

# %%
wide, wrong = fit("ring", "tanh", False, 0, 0.003, 4000, (64, 64), dp.Adam)
fresh, label = lab.plane(2, seed=1)
ring = fresh[label == 0]
pairs = np.concatenate([centre + ring, centre - ring])
fig, ax = lab.decision_map(wide, *DATA["ring"], title="tanh, ring, two layers of 64")
lab.show(
    fig,
    alt="Decision map of the wide tanh net on the ring: nearly all training points"
    " right, between them narrow spikes of the wrong class.",
)
assert len(points) == 131
assert wrong * 131 < 8
assert np.mean(wide(pairs) >= 0.5) == 0.5
lab.reveal("u6.memorised", "fewer than 8")
lab.reveal("u6.fresh", float(np.mean(wide(pairs) >= 0.5)))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# It fits nearly all of the sample, and gets exactly half of the fresh ring wrong: it
# has learnt the points and not the ring. The symmetry does not forbid to fit a sample;
# it forbids to learn the ring. (Nowland saw the same with ReLU, "sending out rays from
# the origin in small spots".)
#
# </details>
#
# One parameter a unit breaks both symmetries: with biases from zero every map separates
# the classes:

# %%
fig = maps(True, "with biases: the best of five seeds")
lab.show(
    fig,
    alt="Six decision maps with biases: smooth regions for tanh and polygons for ReLU,"
    " and no hollow point in any.",
)

# %% [markdown]
# **The colours of a map.** A net that was trained on standardised points must be asked
# about standardised points, with the mean and standard deviation *of the training set*.
# Nowland's program takes those of the grid of the map itself, and his post notices that
# the colours are "a little off". Both, for one net:

# %%
right, _ = min(runs["ring", "relu", True], key=lambda run: run[1])


def wrong_grid(new):
    if len(new) == len(DATA["ring"][0]):
        return right(new)  # the points
    return right(new, new.mean(axis=0), new.std(axis=0))  # the grid, by its own


fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.9), sharex=True, sharey=True)
for ax, p, title in (
    (axes[0], wrong_grid, "the grid's own"),
    (axes[1], right, "training set's"),
):
    lab.decision_map(p, *DATA["ring"], ax=ax, title=title)
    ax.label_outer()
lab.show(
    fig,
    alt="Two maps of one ReLU net on the ring. Left, with the grid's own mean and"
    " standard deviation, the blue region is stretched and reaches into the ring."
    " Right, with the training set's, the boundary runs between disc and ring.",
)
inner = np.linspace(-5, 5, 121)
square = np.stack(np.meshgrid(inner, inner), axis=-1).reshape(-1, 2)
shares = np.mean(wrong_grid(square) > 0.5), np.mean(right(square) > 0.5)
print(f"blue share of the map: {shares[0]:.3f} by the grid, {shares[1]:.3f} right")
assert abs(shares[0] - shares[1]) > 0.01

# %% [markdown]
# The points are the same and filled in both, since they were standardised rightly; only
# the ground is at the wrong place. In unit 7 you mend the program.

# %% [markdown]
# ## What to keep
#
# - A rectifier keeps half of the mean square; $\mathrm{Var}(w) = 2/n$ makes up for it,
#   with   a leak $2/((1 + a^2)n)$. Upside down it costs a factor of 4 a layer.
# - $2/n$ or $2/m$: either will do; $4/(n+m)$ loses where widths alternate.
# - The average is kept; in one net the log varies, with the variance $5L/n$.
# - Half zeros is healthy, a unit always zero is dead. Count units, not zeros.
# - Without biases tanh nets are odd, ReLU nets made of rays: no start helps.

# %% [markdown]
# **Checkpoint.** Say it aloud, then unfold.
#
# <details><summary>A paper's formula is wrong and its run works. What do you suspect?
# </summary>
# A net too shallow for the mistake to matter. Try it at twice the depth.</details>
# <details><summary>He's rule for |z| as an activation?</summary>
# That is a slope of -1, which keeps all of the mean square: 1/n.</details>
# <details><summary>Half of a layer's activations are zero. Is it half dead?</summary>
# It cannot be told: look whether the same units are zero for all examples.</details>

# %% [markdown]
# **Exercises**: the assignment *Rectifiers*. You write He's initializers for both fans
# and any slope (6.1), follow the variance down a net under any rule (6.2) and count
# dead units (6.3).
#
# **Sources.**
# He, Zhang, Ren and Sun (2015), *Delving deep into rectifiers*, arXiv:1502.01852:
# eq. 10 (forward), eq. 14 (backward), eq. 15 (slope), Figs. 2 and 3.
# Glorot and Bengio (2010): eq. 12 ($2/(n + m)$).
# Hanin and Rolnick (2018), *How to start training*, arXiv:1803.01719: depth over
# width.
# deep.TEACHING: $4/(n + m)$. Nowland: the three sets. Kumar: biases of one. The cats
# notebook: $1/(2n)$. Full references: [bibliography](README.md#bibliography).

# %% [markdown]
# Previous: [Initializers](05_initializers.ipynb) ·
# Next: [Replication lab](07_replication_lab.ipynb) ·
# Assignment: [Rectifiers](../release/06_rectifiers/06_rectifiers.ipynb) ·
# [Contents](README.md)
