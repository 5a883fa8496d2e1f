# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 4 · Backward signal
#
# Previous: [Forward signal](03_forward_signal.ipynb) ·
# Next: [Initializers](05_initializers.ipynb) ·
# Assignment: [Backward signal](../release/04_backward_signal/04_backward_signal.ipynb)
# [Contents](README.md)
#
# **One question: how much of the error comes back to the first layer?**
#
# An exercise, *the cats notebook*, trains two networks on 209 pictures, 72 of them of
# cats. One has four layers of sigmoid units, the other five. Every 300 steps it prints
# the loss:
#
# | step | 0 | 300 | 600 | 900 | 1200 | 1500 | 1800 |
# |---|---|---|---|---|---|---|---|
# | four layers | 0.6953 | 0.6440 | 0.6440 | 0.6440 | 0.6440 | 0.6440 | 0.6440 |
# | five layers | 0.6939 | 0.6440 | 0.6440 | 0.6440 | 0.6440 | 0.6440 | 0.6440 |
#
# Both stop at the same four digits, and both are right on 65.55 % of the training
# pictures and on 34.00 % of the test pictures. The notebook calls this the vanishing
# gradient. You will stop a network in the same way, find out what 0.6440 is, measure
# the gradient neuron by neuron, and repair the start.
#
# Did you download this notebook alone? Put `lab.py` and `dp.py` of the course beside it
# (both lie in the folder above); it needs numpy, matplotlib and scikit-learn as well.

# %% [markdown]
# **Recall** units 2 and 3; answer before you unfold.
#
# <details><summary>Going forward, a layer multiplies the signal's size by about what?
# </summary>
# By the root of fan_in, times the standard deviation of the weights, times what the
# activation lets through.</details>
# <details><summary>What does a unit multiply a gradient by on its way back?</summary>
# By its slope, f'(z).</details>
# <details><summary>What is the gradient of the cross-entropy with respect to the
# logit?</summary>
# p − y, for each example; over the number of rows if the loss is a mean.</details>

# %%
from itertools import pairwise
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

import lab

lab.style()
x, y = lab.breast_cancer()
y = y[:, None].astype(float)

# %% [markdown]
# ## 1. Layers that can be taken apart
#
# The cats notebook builds its networks from modules, and so do we. Every layer has a
# `forward`, and a `backward` that takes the gradient with respect to the layer's output
# and returns the gradient with respect to its input. An abstract class lists both
# methods.
#
# The first kind of layer has no parameters; its slope is a function of its *output*,
# which it keeps.

# %%
from abc import ABC, abstractmethod


class Layer(ABC):
    @abstractmethod
    def forward(self, x, train=True): ...

    @abstractmethod
    def backward(self, dy): ...


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


FUNCTIONS = {  # the formula, and its slope as a function of the output
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
    "centred": (lambda z: sigmoid(z) - 0.5, lambda a: (0.5 + a) * (0.5 - a)),
}


class NonLinear(Layer):
    def __init__(self, name):
        self.f, self.slope = FUNCTIONS[name]

    def forward(self, x, train=True):
        self.a = self.f(x)
        return self.a

    def backward(self, da):
        return da * self.slope(self.a)


# %% [markdown]
# A linear layer has parameters; its three gradients are those of unit 0. It may add a
# penalty on large weights to the loss: `lam` times half their squares (**L2**), or
# `lam` times their sizes (**L1**). The slope of the penalty joins `dW`. Section 10 uses
# it.
#
# (The cats notebook writes `W @ x` with examples in columns; here rows are examples, so
# its W is the transpose of ours.)

# %%
PRICE = {"L2": lambda W: np.sum(W**2) / 2, "L1": lambda W: np.sum(np.abs(W))}
SLOPE = {"L2": lambda W: W, "L1": np.sign}


class Linear(Layer):
    def __init__(self, W, lam=0.0, kind="L2"):
        self.W, self.b, self.lam, self.kind = W, np.zeros((1, W.shape[1])), lam, kind

    def forward(self, x, train=True):
        self.x, self.penalty = x, self.lam * PRICE[self.kind](self.W)
        return x @ self.W + self.b

    def backward(self, dz):
        self.dW = self.x.T @ dz + self.lam * SLOPE[self.kind](self.W)
        self.db = dz.sum(axis=0, keepdims=True)
        return dz @ self.W.T

    def step(self, rate):
        self.W -= rate * self.dW
        self.b -= rate * self.db


# %% [markdown]
# A network is a list of layers. Its loss is the mean cross-entropy, so the backward
# pass starts at $(p - y)$ over the number of rows. (The cats notebook starts at $(a -
# y)/(a(1 - a) + 10^{-6})$ and multiplies by $a(1 - a)$. The small number makes the
# gradient vanish just where $a$ is confidently wrong.)


# %%
class Net:
    def __init__(self, layers):
        self.layers = layers
        self.linears = [layer for layer in layers if isinstance(layer, Linear)]

    def logits(self, x, train=True):
        for layer in self.layers:
            x = layer.forward(x, train)
        return x

    def backward(self, x, y):
        z = self.logits(x)
        dz = (sigmoid(z) - y) / len(x)
        for layer in reversed(self.layers):
            dz = layer.backward(dz)
        return np.mean(np.logaddexp(0, z) - y * z)

    def step(self, rate):
        for layer in self.linears:
            layer.step(rate)

    def accuracy(self, x, y):
        return np.mean((self.logits(x, train=False) > 0) == y)


# %% [markdown]
# **Check.** One weight of each layer of a small net, penalties included, against a
# central difference:

# %%
draw, eps = np.random.default_rng(1), 1e-6
first, second, third = (draw.normal(size=shape) for shape in ((6, 5), (5, 4), (4, 1)))
layers = [Linear(first, 0.1, "L1"), NonLinear("sigmoid"), Linear(second, 0.2)]
small_net = Net([*layers, NonLinear("relu"), Linear(third)])
batch, target = draw.normal(size=(9, 6)), draw.integers(0, 2, (9, 1))
small_net.backward(batch, target)
for layer in small_net.linears:
    ends, slope = [], layer.dW[1, 0]
    for shift in (eps, -2 * eps):
        layer.W[1, 0] += shift
        cost = small_net.backward(batch, target)
        ends.append(cost + sum(linear.penalty for linear in small_net.linears))
    layer.W[1, 0] += eps
    assert np.isclose((ends[0] - ends[1]) / (2 * eps), slope, rtol=1e-5)

# %% [markdown]
# ## 2. Deeper, and it stops
#
# The exercises of the cats notebook: three and four hidden layers of 30 sigmoid units,
# weights of standard deviation 0.01, zero biases, gradient descent at rate 0.008. Its
# pictures do not come with a library. Instead we use the breast-cancer data, 455 rows
# to train on and 114 to test (section 9 goes back to the pictures' size).


# %%
def deep(rng, depth, activation, std):
    """A net of `depth` linear layers; std(fan_in, fan_out) for its weights."""
    layers = []
    for shape in pairwise([30] * depth + [1]):
        layers += [Linear(rng.normal(0, std(*shape), shape)), NonLinear(activation)]
    return Net(layers[:-1])  # nothing behind the logits


def tiny(fan_in, fan_out):
    return 0.01


# %% [markdown]
# `train` keeps the loss at every step. At every twentieth step it also keeps the norm
# of each neuron's column of `dW`, and each layer's *speed*, $\eta\,\lVert dW \rVert /
# \lVert W \rVert$: how far a step moves it, relative to its size.
#
# **Predict.** At the start the loss is near 0.69. Which loss do four sigmoid layers
# reach in 1800 steps on our data?

# %%
lab.predict("u4.stall", None)
# The legacy generator: its stream, and so this split, stays the same for ever.
order = np.random.RandomState(0).permutation(569)
x_train, y_train = x[order[:455]], y[order[:455]]
x_test, y_test = x[order[455:]], y[order[455:]]


def train(net, steps, rate=0.008, every=20):
    loss, norms, speed = [], [], []
    for step in range(steps + 1):
        loss.append(net.backward(x_train, y_train))
        if step % every == 0:
            columns = [np.linalg.norm(layer.dW, axis=0) for layer in net.linears]
            norms.append(columns)
            sizes = [np.linalg.norm(layer.W) for layer in net.linears]
            moves = [rate * np.linalg.norm(c) for c in columns]
            speed.append(np.divide(moves, sizes))
        net.step(rate)
    norms = [np.array(layer) for layer in zip(*norms, strict=True)]
    at, loss, speed = np.arange(0, steps + 1, every), np.array(loss), np.array(speed).T
    return SimpleNamespace(at=at, loss=loss, norms=norms, speed=speed)


# %%
def end(rng, depth):
    return train(deep(rng, depth, "sigmoid", tiny), 600).loss[-1]


nets, runs = {}, {}
published = {4: [0.6953] + [0.6440] * 6, 5: [0.6939] + [0.6440] * 6}
print("step      ", "  ".join(f"{step:6}" for step in range(0, 1801, 300)))
for depth in (4, 5):
    net = nets[depth] = deep(np.random.default_rng(0), depth, "sigmoid", tiny)
    run = runs[depth] = train(net, 1800)
    ends = lab.over_seeds(lambda rng, depth=depth: end(rng, depth), range(1, 4))
    right = net.accuracy(x_train, y_train), net.accuracy(x_test, y_test)
    print(f"{depth} published", "  ".join(f"{v:.4f}" for v in published[depth]))
    print(f"{depth} ours     ", "  ".join(f"{v:.4f}" for v in run.loss[::300]))
    print(f"  train {right[0]:.2%}, test {right[1]:.2%}; seeds 1 to 3: {ends.round(4)}")
    assert np.allclose([*run.loss[300:], *ends], 0.6585, rtol=0, atol=1e-4)
    assert np.allclose(right, [y_train.mean(), y_test.mean()])
    assert np.allclose(right, [0.6308, 0.6140], atol=1e-4)
print("  [published: train 65.55%, test 34.00%]")
lab.reveal("u4.stall", float(runs[4].loss[1800]))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# 0.6585, with four layers and with five: from step 300 on nothing changes, and three
# more seeds agree to the fourth digit. It is the same picture as the published one,
# with another number.
#
# </details>

# %% [markdown]
# ## 3. What are 0.6440 and 0.6585?
#
# The level is the same for every start and for both depths, so it must come from the
# *data*. Suppose that nothing of the input reaches the last layer. Then the net gives
# all examples one probability $p$. With a share $s$ of ones its loss is $-s \ln p - (1
# - s) \ln(1 - p)$.
#
# **Predict.** Which $p$ makes it smallest for the pictures, of which 72 in 209 are
# cats?

# %%
lab.predict("u4.constant", None)

# %%
grid = np.linspace(0.001, 0.999, 999)
best = {}
for name, ones, rows in (("pictures", 72, 209), ("ours", y_train.sum(), 455)):
    curve = -(ones * np.log(grid) + (rows - ones) * np.log(1 - grid)) / rows
    best[name] = curve.min()
    print(f"{name:8}  lowest loss {curve.min():.4f} at p = {grid[curve.argmin()]:.3f}")
p = sigmoid(nets[4].logits(x_train, train=False))
assert np.ptp(p) < 1e-3 > abs(p.mean() - y_train.mean())
s = y.mean()
whole = -s * np.log(s) - (1 - s) * np.log(1 - s)
known = [0.6440, 0.6585, 0.6603, 0.6555, 0.34]
assert np.allclose([*best.values(), whole, 137 / 209, 17 / 50], known, atol=1e-4)
lab.reveal("u4.constant", 72 / 209)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# $p = s = 72/209$, and the smallest loss is 0.6440. It is called the **entropy of the
# labels**. That of our 455 rows is 0.6585 (of all 569, 0.6603).
#
# </details>
#
# So both nets have learnt the share of ones and nothing about the inputs: ours gives
# every patient the same probability, the share of benign cases, to within 0.001. The
# same number stood in earlier lessons without its name: in unit 0, where the rule with
# the turned sign came to rest, and in unit 3 at the 0.01 start.
#
# The accuracies follow from it. "Never a cat" is right for 137 of 209 pictures, 65.55
# %, and for 17 of 50 test pictures, 34 %: there are more cats among those. Exercise 4.3
# makes a function of this test.

# %% [markdown]
# ## 4. The gradient, neuron by neuron
#
# Why does nothing of the input arrive? Each neuron's weights are a column of `W`, so
# each neuron has a column of `dW`. Its norm tells how strongly the loss depends on this
# neuron.
#
# **Predict.** At the first step, in the net of four layers: how many times smaller is
# the whole `dW` of layer 1 than that of layer 4?

# %%
lab.predict("u4.first", None)


def first_norms(rng):
    net = deep(rng, 4, "sigmoid", tiny)
    net.backward(x_train, y_train)
    return [np.linalg.norm(layer.dW) for layer in net.linears]


# %%
norms_4 = lab.over_seeds(first_norms, range(5))
middle = np.exp(np.log(norms_4).mean(axis=0))  # geometric: they differ by factors
print("layer                    1        2        3        4")
print("five seeds, least  ", "  ".join(f"{v:.1e}" for v in norms_4.min(axis=0)))
print("geometric mean     ", "  ".join(f"{v:.1e}" for v in middle))
print("five seeds, largest", "  ".join(f"{v:.1e}" for v in norms_4.max(axis=0)))
assert np.all(norms_4.max(axis=0) / norms_4.min(axis=0) < 4)
assert 7e4 < middle[3] / middle[0] < 1.5e5
assert middle[1] / middle[0] < 25 < 50 < middle[2] / middle[1] < 100
lab.reveal("u4.first", float(middle[3] / middle[0]))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# About a hundred thousand times, before anything has been learnt. (The cats notebook
# gives its figures as pictures only, without numbers.)
#
# </details>
#
# A dot for each neuron, with medians. Dashed is a factor of 0.0137 a layer, which
# section 5 derives:

# %%
fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.8), sharey=True)
for ax, (depth, run) in zip(axes, runs.items(), strict=True):
    dots = {str(layer): norms[0] for layer, norms in enumerate(run.norms, 1)}
    lab.strips(dots, "", ax=ax)
    for line in ax.get_lines():
        line.set(color=lab.COLOURS["slate"], marker="o")
    hidden = np.arange(1, depth - 1)  # positions of layers 2 to the last but one
    line = np.median(run.norms[-2][0]) * 0.0137 ** (depth - 2.0 - hidden)
    ax.plot(hidden, line, "--", color=lab.COLOURS["black"], label="0.0137 a layer")
    ax.set(yscale="log", xlabel="layer", title=f"{depth} layers")
axes[0].set_ylabel("norm of a neuron's dW")
axes[0].legend()
axes[1].set_xlabel("layer")
lab.show(
    fig,
    alt="Norms of dW of single neurons by layer, log axis, for four and five layers."
    " The clouds fall by about two orders of magnitude a layer from right to left,"
    " along the dashed line; those of five layers begin near 1e-8.",
)

# %% [markdown]
# Nearly two orders of magnitude a layer, down to layer 2. Layer 1 lies above the line
# drawn on: its inputs are the features, which differ between benign and malignant
# cases, where later layers have inputs near 0.5 for all.
#
# And across training, as in the notebook's figures of the two nets. A line is the
# median over a layer's neurons, the band holds eight of ten:

# %%
NORM = "norm of a neuron's dW"
for depth, falls in ((4, "two to three decades"), (5, "more than four decades")):
    run = runs[depth]
    fig, _ = lab.unit_traces(run.at, run.norms[:-1], NORM, f"{depth} sigmoid layers")
    lab.show(
        fig,
        alt=f"Median norm of a neuron's dW against step, log axis, a line for each of"
        f" {depth - 1} hidden layers. The layers before the last stay low, the last"
        f" falls by {falls}. Below, the number of neurons with a norm of zero: none.",
    )
fall = {d: r.norms[-2][0].mean() / r.norms[-2][-1].mean() for d, r in runs.items()}
rise = runs[4].norms[0][-1].mean() / runs[4].norms[0][0].mean()
print(f"last hidden layer falls {fall[4]:.0f}-fold and {fall[5]:.0f}-fold")
print(f"first layer of four: {rise:.1f} times its start")
assert 100 < fall[4] < 1000
assert 1e4 < fall[5] < 1e5
assert 1 < rise < 10
assert all((norms > 0).all() for run in runs.values() for norms in run.norms)

# %% [markdown]
# The notebook reads off its figures that the norms come down by $10^3$ with four layers
# and by $10^5$ with five; ours fall by hundreds and by more than $10^4$. But layer 1
# does not fall at all: its gradient is negligible from the start, and ends a little
# higher.
#
# What falls are the *late* layers. Once the share of ones is learnt, the errors of ones
# and zeros cancel in every gradient that treats all examples alike.

# %% [markdown]
# ## 5. Why: two factors in each layer
#
# Going back through one layer is, with rows as examples,
#
# $$dz^{[l]} = \big(dz^{[l+1]}\, W^{[l+1]\top}\big) * \sigma'(z^{[l]}), \qquad
# dW^{[l]} = a^{[l-1]\top} dz^{[l]} .$$
#
# Written out for the first of five layers,
#
# $$dW^{[1]} = x^\top \Big[\Big(\Big(\Big(\Big(\tfrac{p - y}{m}\, W^{[5]\top} *
# \sigma'(z^{[4]})\Big) W^{[4]\top} * \sigma'(z^{[3]})\Big) W^{[3]\top} *
# \sigma'(z^{[2]})\Big) W^{[2]\top} * \sigma'(z^{[1]})\Big)\Big] :$$
#
# four weight matrices and four slopes stand between the error and the first layer.
#
# **A published slip.** The cats notebook writes this chain with $dW^{[l+1]\top}$ where
# $W^{[l+1]\top}$ belongs, and its last factor is $\sigma'(z^{[2]})$ a second time, in
# place of $\sigma'(z^{[1]})$. (Its code is right.) How much would each slip change?


# %%
def chain(net, wrong=""):
    net.backward(x_train, y_train)
    W = [layer.W for layer in net.linears]
    dW = [layer.dW for layer in net.linears]
    a = [layer.a for layer in net.layers if isinstance(layer, NonLinear)]
    dz = (sigmoid(net.logits(x_train)) - y_train) / len(x_train)
    for k in range(4, 0, -1):
        back = dW[k] if wrong == "dW" else W[k]
        here = a[1] if wrong == "slope" and k == 1 else a[k - 1]
        dz = dz @ back.T * here * (1 - here)
    return x_train.T @ dz, dW[0]


for std, start in ((0.01, tiny), (1.0, lambda fan_in, fan_out: 1.0)):
    for wrong in ("", "slope", "dW"):
        net = deep(np.random.default_rng(0), 5, "sigmoid", start)
        ours, true = chain(net, wrong)
        off = np.linalg.norm(ours - true) / np.linalg.norm(true)
        print(f"std {std:<4} {wrong or 'right':6} relative error {off:.2g}")
        assert off < 1e-12 if not wrong else off > 1e-3
        assert off > 0.3 or wrong != "dW"
        assert off > 0.3 or not wrong or std < 1

# %% [markdown]
# With weights of 0.01 all slopes are nearly 0.25, so the wrong slope hardly matters;
# with larger weights it does. The wrong matrix is wrong everywhere.
#
# The notebook's reading is that $\sigma' \le 0.25$, once in every layer, makes the
# gradient vanish. There is a second factor: a sum over $n$ units with weights of
# standard deviation $\sigma_w$ has $\sqrt{n}\,\sigma_w$ times the size. With 30 units
# and 0.01,
#
# $$0.25 \cdot 0.01 \cdot \sqrt{30} = 0.0137 .$$
#
# The slope alone leaves a quarter a layer; the weights leave an eighteenth of that.
# Twenty nets of ten layers, for 0.01 and for $1/\sqrt{30}$:


# %%
def dz_sizes(rng, sigma_w):
    """Size of dz in each of nine hidden layers, relative to the last of them."""
    net = deep(rng, 10, "sigmoid", lambda fan_in, fan_out: sigma_w)
    z = net.logits(x_train)
    dz, sizes = (sigmoid(z) - y_train) / len(z), []
    for layer in reversed(net.layers):
        dz = layer.backward(dz)
        if isinstance(layer, NonLinear):
            sizes.append(np.linalg.norm(dz))
    return np.array(sizes[::-1]) / sizes[0]


# %%
sizes, theory, depths = {}, {}, np.arange(1, 10)
starts = ("low", 0.01, 0, 0.02), ("lecun", 30**-0.5, 0.08, 0.005)
for name, sigma_w, below, near in starts:
    rows = lab.over_seeds(lambda rng, s=sigma_w: dz_sizes(rng, s), range(20))
    logs, factor = np.log(rows[:, :-1] / rows[:, 1:]), 0.25 * sigma_w * 30**0.5
    typical, spread = np.exp(logs.mean()), logs.std()
    print(f"std {sigma_w:.3f}: {typical:.4f} a layer, theory {factor:.4f}", end="")
    print(f", spread of one ratio {spread:.0%}")
    assert abs(typical / factor - 1 + below) < near
    assert 0.13 < spread < 0.16
    sizes[name], theory[name] = rows, factor ** (9.0 - depths)
assert 1e9 < (sizes["lecun"][:, 0] / sizes["low"][:, 0]).mean() < 1e11
assert np.isclose(theory["low"][-2], 0.0137, atol=5e-5)
assert abs(0.01 * 30**0.5 - 1 / 18) < 0.001
later = [0.25 * 0.01 * 120**0.5, np.log(10)]  # for the checkpoint
assert np.allclose(later, [0.0274, 2.303], rtol=1e-3)
fig, ax = lab.depth_curves(sizes, "norm of dz, layer 9 = 1", theory)
lab.show(
    fig,
    alt="Norm of dz by layer for weights of 0.01 and of 1/sqrt(30), twenty nets each,"
    " log axis. Two straight lines down to the left, to 1e-15 and 1e-5, with dashed"
    " theory.",
)

# %% [markdown]
# The geometric mean is within 2 % of theory for the small weights. For the larger ones
# it is 8 % below, since z is not so small that the slope is 0.25 everywhere. One ratio
# alone is off by some 14 % from chance: 30 units are few.
#
# The better start gains ten orders of magnitude over eight layers. The sigmoid still
# takes its quarter in each: the notebook's reading is right once the start is *good*.
# (Other activations: exercise 4.2.)

# %% [markdown]
# ## 6. The speed of learning
#
# A small gradient does no harm if the weights are small as well. What counts is the
# relative move, which the cats notebook plots for its five layers: layers 1 and 2 never
# learn, and the later ones stop "after around 400 epochs".
#
# **Predict.** In our net: after how many steps has layer 4 slowed down to a thousandth
# of its first speed?

# %%
lab.predict("u4.stop", None)


def speed_curves(run):
    speeds = {f"layer {k}": speed for k, speed in enumerate(run.speed, 1)}
    what = "relative change of W in a step"
    fig, ax = lab.depth_curves(speeds, what, xlabel="step", at=run.at)
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.88, len(run.speed)))
    for line, shade in zip(ax.get_lines(), shades, strict=True):
        line.set_color(shade)  # as in the figures above
    ax.legend(ncols=2)
    return fig, ax


# %%
fig, ax = speed_curves(runs[5])
ax.axvline(400, ls=":", color=lab.COLOURS["grey"], label="published stop")
ax.legend(ncols=2)
lab.show(
    fig,
    alt="Speed of learning of five sigmoid layers against step, log axis. Layer 5 and 4"
    " start high and fall steeply, then all five are flat and tiny, below 1e-8.",
)
slowed = runs[5].speed[3:] < runs[5].speed[3:, :1] / 1000  # layers 4 and 5
stops = runs[5].at[slowed.argmax(axis=1)]
early = runs[5].speed[:2].max() * 1800
print(f"layers 1 and 2 move by less than {early:.0e} of their size in 1800 steps")
lab.reveal("u4.stop", int(stops[0]))
assert 300 <= min(stops) <= max(stops) <= 600
assert early < 1e-4

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# As published, the late layers stop: 4 and 5 are at a thousandth between 300 and 600
# steps. Layers 1 and 2 never began: in 1800 steps they move by less than a
# ten-thousandth of their size.
#
# </details>
#
# So the first layer stays what it was drawn as: a random map of the inputs, which no
# error corrects.

# %% [markdown]
# ## 7. Another activation, the same start
#
# A rectifier's slope is 1 or 0: half of the units pass everything back, and the factor
# of a quarter is gone. The slope of tanh is 1 near zero. Same weights, same rate.
#
# **Predict.** Which loss do four ReLU layers reach in 1800 steps?

# %%
lab.predict("u4.relu", None)

# %%
losses, dead = {}, {}
for depth in (4, 5):
    run = train(deep(np.random.default_rng(0), depth, "relu", tiny), 1800)
    fig, _ = lab.unit_traces(run.at, run.norms[:-1], NORM, f"{depth} layers, ReLU")
    lab.show(
        fig,
        alt=f"Median norm of a neuron's dW against step, log axis, {depth - 1} hidden"
        " layers of rectifiers: all lines close together near 1e-6 to 1e-5. Below, the"
        " number of neurons at exactly zero: it grows from layer to layer.",
    )
    losses[depth] = float(run.loss[-1])
    start = [np.linalg.norm(norms[0]) for norms in run.norms[:-1]]
    dead[depth] = [int(np.sum(norms[15] == 0)) for norms in run.norms[:-1]]
    print(f"{depth} layers: {losses[depth]:.4f}, dW", *(f"{v:.1e}" for v in start))
    print("    of 30 neurons a layer, zero gradient at step 300:", dead[depth])
    assert run.at[15] == 300
    assert abs(losses[depth] - 0.6585) < 1e-3
    assert max(start) < min(1e-4, 2 * min(start))
lab.reveal("u4.relu", losses[4])

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# 0.6585 again: the loss is on its way to the entropy of the labels. The gradients of
# all layers are now alike, and all are small.
#
# </details>
#
# The cats notebook reads its figure so: "many neurons from layers 1 and 2 are visible".
# That is right, and it is not the whole figure. A part of the neurons has a gradient of
# exactly zero: no example makes them positive. How many, in three more seeds? And tanh?


# %%
def last_hidden(rng, activation, depth=5):
    run = train(deep(rng, depth, activation, tiny), 300)
    return np.sum(run.norms[-2][-1] == 0)


for activation in ("sigmoid", "tanh", "relu"):
    gone = lab.over_seeds(lambda g, a=activation: last_hidden(g, a), range(3))
    counts = ", ".join(f"{n:.0f}" for n in gone)
    print(f"{activation:8} five layers, dead in the last hidden one: {counts} of 30")
    assert np.all(gone == 0) if activation != "relu" else np.all(np.abs(gone - 12) < 6)
tanh_run = train(deep(np.random.default_rng(0), 4, "tanh", tiny), 600)
start = [np.linalg.norm(norms[0]) for norms in tanh_run.norms[:-1]]
print(f"tanh, 600 steps: {tanh_run.loss[-1]:.4f}, dW", *(f"{v:.1e}" for v in start))
assert abs(tanh_run.loss[-1] - 0.6585) < 5e-3
assert abs(0.5**0.5 * 0.01 * 30**0.5 - 0.039) < 5e-4
assert abs(0.01 * 30**0.5 - 0.055) < 5e-4

# %% [markdown]
# With ReLU about a third of the last hidden layer is dead by step 300; with sigmoid and
# tanh no neuron is. Tanh, too, is on its way to the same loss.
#
# **Why alike?** Each layer of ReLU multiplies the *forward* signal by
# $\sqrt{0.5} \cdot 0.01 \cdot \sqrt{30} = 0.039$, and the backward one as well (tanh:
# 0.055 both ways). `dW` is a product of both: layer 1 has the whole input and hardly an
# error, the last hidden layer the reverse. The activation was changed; the start is the
# cause.

# %%
fig, _ = speed_curves(run)
lab.show(
    fig,
    alt="Speed of learning of five ReLU layers against step, log axis: layers 1 to 4"
    " flat near 1e-7; layer 5 rises to 1e-4 by step 400 and then falls slowly.",
)

# %% [markdown]
# The speed of learning of five ReLU layers, as the notebook plots it: only the last
# layer moves.

# %% [markdown]
# ## 8. He's start, and a factor of four
#
# He et al. (2015) ask that each ReLU layer keep the size: $\mathrm{Var}(w) = 2/n$. The
# cats notebook derives $\tfrac12 n\,\mathrm{Var}(w) = 1$, correctly, and then writes
# $\mathrm{Var}(w) = 1/(2n)$, in text and code: a quarter of what it should be. Its run
# has five layers, L2 with $\lambda = 1.5$ on the first, rate 0.008, and it trained.
#
# **Predict.** Which of the two variances is at a loss of 0.1 first?

# %%
lab.predict("u4.he", None)


def he_run(rng, factor):
    net = deep(rng, 5, "relu", lambda fan_in, fan_out: (factor / fan_in) ** 0.5)
    net.linears[0].lam = 1.5 / len(x_train)
    loss = train(net, 2100, every=2100).loss
    return [*loss[::300], net.accuracy(x_train, y_train), net.accuracy(x_test, y_test)]


# %%
small, right = (lab.over_seeds(lambda r, f=f: he_run(r, f), range(3)) for f in (0.5, 2))
he_published = [0.6930, 0.6274, 0.5294, 0.4088, 0.2337, 0.0490, 0.0130, 0.0061]
print("published  ", *(f"{v:.4f}" for v in he_published), " 100.0%  78.0%")
for name, rows in (("1/(2n)", small), ("2/n", right)):
    for r in rows:
        print(f"{name:11}", *(f"{v:.4f}" for v in r[:8]), f" {r[8]:.1%}  {r[9]:.1%}")
lab.reveal("u4.he", "2 / n")
assert right[:, 2].max() < 0.1 < 0.3 < small[:, 2].min()
assert np.abs(small[:, 0] - 0.693).max() < 0.01
assert np.abs(right[:, 0] - 0.693).min() > 0.03

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# $2/n$ is below 0.1 at step 600, where $1/(2n)$ is still above 0.3. With both the
# plateau is gone.
#
# </details>
#
# The rows are losses at step 0, 300, ..., 2100, then accuracies in training and test.
# The published numbers show which factor was used: that loss starts at 0.6930, next to
# $\ln 2$, as ours do with $1/(2n)$. Weights that keep their signal give logits of size
# 1, and a first loss further from $\ln 2$.
#
# **The first layer.** No ReLU stands before it, so its own condition is
# $n\,\mathrm{Var}(w) = 1$. The notebook says that this single factor of 2 "does not
# matter". Test it: draw both nets from one seed.


# %%
def with_first(rng, first):
    net = deep(rng, 5, "relu", lambda fan_in, fan_out: (2 / fan_in) ** 0.5)
    net.linears[0].W *= (first / 2) ** 0.5
    return net


one, two = (with_first(np.random.default_rng(0), first) for first in (1, 2))
assert np.allclose(one.logits(x_train) * 2**0.5, two.logits(x_train))
for first in (1, 2):
    nets_of = [with_first(np.random.default_rng(seed), first) for seed in range(3)]
    runs_of = [train(net, 520) for net in nets_of]
    below = [int(np.argmax(run.loss < 0.1)) for run in runs_of]
    print(f"first layer {first}/n: loss below 0.1 at steps {below}")
    assert all(0 < step < 520 for step in below)

# %% [markdown]
# ReLU nets without biases are homogeneous, so a factor in one layer is a factor of the
# logits, $\sqrt{2}$ here, at every depth. Both nets train. In thirty layers the same
# factor in *each* would be $2^{15}$.

# %% [markdown]
# ## 9. At the pictures' size
#
# How much depends on our 30 inputs, where the pictures have 12,288? The stop and the
# norms need no cats, only that many pixels and 72 ones in 209 labels: we draw smooth
# random pictures from a seed.
#
# The first layer has 368,640 weights. They need not be kept. A step changes them by
# $-\eta\, x^\top dz$, so it changes the products $z = xW$ by $-\eta\, K dz$ with the
# 209 by 209 matrix $K = x x^\top$; and the norm of a column of $dW = x^\top dz$ is the
# root of $dz^\top K dz$. This is exact.


# %%
class Followed(Linear):
    """A first layer on fixed inputs, followed through their products."""

    def __init__(self, W, x):
        super().__init__(W[:1])
        self.K, self.z = x @ x.T, x @ W

    def forward(self, x, train=True):
        self.penalty = 0
        return self.z + self.b

    def backward(self, dz):
        self.dz, self.db = dz, dz.sum(axis=0, keepdims=True)
        self.norms = np.sqrt(np.sum(dz * (self.K @ dz), axis=0))

    def step(self, rate):
        self.z -= rate * self.K @ self.dz
        self.b -= rate * self.db


# %%
def picture_net(rng, depth, std=0.01):
    coarse = rng.uniform(0, 1, (209, 8, 8, 3))
    pictures = np.kron(coarse, np.ones((1, 8, 8, 1))).reshape(209, 12_288)
    net = deep(rng, depth, "sigmoid", lambda fan_in, fan_out: std)
    first = Followed(rng.normal(0, std, (12_288, 30)), pictures)
    net.layers[0] = net.linears[0] = first
    return net


cat = np.zeros((209, 1))
cat[np.random.default_rng(0).permutation(209)[:72]] = 1
for depth in (4, 5):
    net = picture_net(np.random.default_rng(0), depth)
    loss = []
    for step in range(301):
        loss.append(net.backward(np.empty((209, 0)), cat))
        if step == 0:
            sizes_0 = [np.linalg.norm(net.linears[0].norms)]
            sizes_0 += [np.linalg.norm(layer.dW) for layer in net.linears[1:]]
        net.step(0.008)
    print(f"{depth} layers: loss {loss[0]:.4f} {loss[300]:.4f}")
    print("    published:", *(f"{v:.4f}" for v in published[depth][:2]))
    print("    norm of dW at step 0:", *(f"{v:.1e}" for v in sizes_0))
    assert abs(loss[300] - 0.6440) < 1e-4
    assert sizes_0[0] < sizes_0[-1] / 1e3

# %% [markdown]
# 0.6440 after 300 steps, at both depths: to the fourth digit the
# published numbers, with random pictures. Cats or no cats, the net does not see the
# difference. (The first layer's norm is larger than with 30 inputs, since it sums over
# 12,288 pixels.)
#
# The same with He's two variances, 2100 steps, is stored by
# [`benchmarks/published_runs.py`](../benchmarks/published_runs.py): with $1/(2n)$ and
# L2
# as published, losses from 0.6908 to 0.0025 (published: 0.6930 to 0.0061).

# %% [markdown]
# ## 10. A centred sigmoid with Xavier's start
#
# The second remedy of the cats notebook keeps the sigmoid. Its outputs average 0.5;
# subtract that behind each hidden layer, and draw weights with variance $2 / (fan_{in}
# + fan_{out})$. The slope is still a quarter at best. The published run has L2 on the
# first layer, with the program's default $\lambda = 1$; so has ours.
#
# **Predict.** Rate 0.01, as published: at which loss is it after 1000 steps?

# %%
lab.predict("u4.centred", None)


def xavier(fan_in, fan_out):
    return (2 / (fan_in + fan_out)) ** 0.5


def centred_run(rng, rate, steps, std=xavier, activation="centred"):
    net = deep(rng, 5, activation, std)
    net.linears[0].lam = 1 / len(x_train)
    return train(net, steps, rate, every=steps).loss


# %%
slow = lab.over_seeds(lambda rng: centred_run(rng, 0.01, 1000), range(3))
fast = lab.over_seeds(lambda rng: centred_run(rng, 0.1, 1800), range(3))
steps = np.array([0, 300, 600, 900, 1200, 1500, 3000, 6000, 9000, 14_100])
crept = [0.6930, 0.6531, 0.6458, 0.6444, 0.6440, 0.6439, 0.6434, 0.6421, 0.6398, 0.6219]
at, what = 0.1 * np.arange(1801), "loss (nats)"
levels = {f"entropy, {name}": np.full(1801, h) for name, h in best.items()}
look = {"xlabel": "rate times step", "log": False, "at": at}
fig, ax = lab.depth_curves({"ours, three seeds": fast}, what, levels, **look)
ax.plot(0.01 * steps, crept, "^-", color=lab.COLOURS["vermillion"], label="published")
late = np.array([0, 3000, 9000, 14_100, 16_200, 18_000, 19_200, 20_100, 21_000, 22_800])
kept = [0.6930, 0.6437, 0.6428, 0.6395, 0.6350, 0.6247, 0.6058, 0.5701, 0.4784, 0.1359]
look = {"color": lab.COLOURS["slate"], "label": "12,288 inputs (stored)"}
ax.plot(0.01 * late, kept, "x-", **look)
ax.set_ylim(0, 0.72)
ax.legend(loc="lower left", fontsize=10)
lab.show(
    fig,
    alt="Loss against rate times step. Ours rests on the upper dashed entropy until"
    " about 60, then falls below 0.1 by 140; the published run rests on the lower one"
    " and has only begun to leave it at 141, where its printout ends. A stored run with"
    " as many inputs leaves it at about 170 and ends at 0.14.",
)
lab.reveal("u4.centred", float(np.median(slow[:, -1])))
assert np.all(np.abs(slow[:, -1] - 0.6575) < 0.002)
assert np.all(np.abs(slow[:, 1000] - fast[:, 100]) < 2e-3)
assert np.all(fast[:, -1] < 0.09)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# It is still near the entropy of the labels, and so was the published run: the loss
# creeps.
#
# </details>
#
# Ten times the rate does in a tenth of the steps the same, to within 0.002, so in the
# figure ours ran at 0.1. All curves rest at the entropy of their labels for long, and
# all get away: ours is below 0.09 in three seeds, the published one is at 0.6219 after
# 14,100 of its 23,000 iterations, where its printout is cut off. The third curve has
# 12,288 inputs, seeded pictures and all 23,000 steps; it took two minutes, and is
# stored with its program, `benchmarks/published_runs.py`.
#
# Does the centring help, or do the weights? Two seeds each, 1200 steps at rate 0.1:

# %%
for activation in ("sigmoid", "centred"):
    for std in (tiny, xavier):
        ends = lab.over_seeds(
            lambda rng, s=std, a=activation: centred_run(rng, 0.1, 1200, s, a)[-1],
            range(2),
        )
        print(f"{activation} {std.__name__:6}", ends.round(4))
        assert np.all(ends < 0.3) if std is xavier else np.all(ends > 0.658)

# %% [markdown]
# The weights. Centring alone stops at the entropy of the labels; with Xavier's weights
# a plain sigmoid gets through as well. With centring no layer hands on a constant 0.5;
# exercise 4.5 shows that the backward formula stays the same.

# %% [markdown]
# ## 11. Why deeper at all? Regularization does not answer
#
# Before its deep nets the cats notebook asks another question. A shallow net scores 100
# % on the 209 pictures and 72 % on new ones: is it overfitting? But logistic regression
# scores the same, regularization does not help, and setting some parameters to zero
# makes both numbers worse. We need one more layer for this.
#
# **Dropout** sets units to zero at random while training, and divides the others by
# `keep`, so that the mean stays. **A slip in the notebook:** its `backward` returns
# `dy * d` with the mask `d` alone, and leaves out the division that its `forward` does.
# (None of its printed runs uses dropout.)


# %%
class Dropout(Layer):
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        heard = self.rng.random(x.shape) < self.keep
        self.factor = heard / self.keep if train else np.ones(x.shape)
        return x * self.factor

    def backward(self, dy):
        return dy * self.factor


# %%
signal, ones = draw.normal(size=(4, 5)), np.ones((4, 5))
high, low = (Dropout(0.8, np.random.default_rng(7)) for _ in range(2))
slope = (high.forward(signal + eps) - low.forward(signal - eps)) / (2 * eps)
ours = high.backward(ones)
mask = ours > 0  # what the notebook's backward multiplies by
assert np.allclose(ours, slope)
assert np.allclose(slope[mask] / mask[mask], 1.25)
assert abs(0.8**4 - 0.41) < 5e-3

# %% [markdown]
# The true slope is 1.25 times that of the notebook: each dropout layer with `keep` =
# 0.8 makes all gradients before it a fifth too small, and four leave 0.41.
#
# **Another slip**: the penalty shapes its gradients and never reaches the loss it
# prints. Its loop asks `hasattr(att, 'reg_penalty')` for every `att` in
# `self.__dict__`, and what a dict yields are *names*:

# %%
model = SimpleNamespace(fc1=SimpleNamespace(reg_penalty=0.05), fc2=SimpleNamespace())
by_name = [att for att in vars(model) if hasattr(att, "reg_penalty")]
by_value = [att for att in vars(model).values() if hasattr(att, "reg_penalty")]
assert (len(by_name), len(by_value)) == (0, 1)
sum_of_squares = 12288 * 30 / (2 * 12288)  # its He start, as it prints it
missing = 1.5 / (2 * 209) * sum_of_squares
assert abs(missing - 0.054) < 5e-4

# %% [markdown]
# With the settings of its He run (12,288 inputs, 30 units, $\lambda = 1.5$, 209
# pictures) the term is 0.054 at the start. So the 0.0061 printed at the end is the
# cross-entropy alone, not what was minimised.
#
# Now the question. Our candidates:


# %%
def masked(rng, share):
    """Logistic regression in which a share of the weights is zero for ever."""
    layer = Linear(rng.normal(0, 0.01, (30, 1)))
    keep = rng.random((30, 1)) < share
    layer.step = lambda rate: np.copyto(layer.W, (layer.W - rate * layer.dW) * keep)
    layer.W *= keep
    return [layer]


def shallow(rng, lam=0.0, kind="L2", keep=1.0):
    hidden, out = (rng.normal(0, 30**-0.5, (30, width)) for width in (30, 1))
    layers = [Linear(hidden, lam, kind), NonLinear("sigmoid"), Dropout(keep, rng)]
    return [*layers, Linear(out, lam, kind)]


models = {
    "logistic regression": lambda rng: masked(rng, 1.0),
    "... half its weights": lambda rng: masked(rng, 0.5),
    "... a tenth of them": lambda rng: masked(rng, 0.1),
    "one hidden layer": shallow,
    "... with L2": lambda rng: shallow(rng, 1.5 / 40),
    "... with L1": lambda rng: shallow(rng, 0.5 / 40, "L1"),
    "... with dropout": lambda rng: shallow(rng, keep=0.5),
}

# %% [markdown]
# The breast-cancer data: 40 rows to learn from, drawn ten times, 529 to be tested on;
# 400 steps of gradient descent at rate 0.5.
#
# **Predict.** By how many percentage points does a hidden layer of 30 units raise the
# test accuracy over logistic regression?

# %%
lab.predict("u4.hidden", None)


def learn_and_test(rng, make):
    train, test = np.split(rng.permutation(len(x)), [40])
    net = Net(make(rng))
    for _ in range(400):
        net.backward(x[train], y[train])
        net.step(0.5)
    return net.accuracy(x[train], y[train]), net.accuracy(x[test], y[test])


# %%
scores = {}
for name, make in models.items():
    runs = lab.over_seeds(lambda rng, make=make: learn_and_test(rng, make), range(10))
    mine, new = scores[name] = (100 * runs).mean(axis=0)
    span = f"{100 * runs[:, 1].min():.1f} to {100 * runs[:, 1].max():.1f}"
    print(f"{name:21} train {mine:5.1f} %   test {new:.1f} %   ({span})")
plain, hidden = scores["logistic regression"], scores["one hidden layer"]
lab.reveal("u4.hidden", float(hidden[1] - plain[1]))
assert plain[0] == hidden[0] == 100
assert abs(hidden[1] - plain[1]) < 1
helped = [scores[f"... with {how}"][1] for how in ("L2", "L1", "dropout")]
assert max(helped) < hidden[1] + 1
assert np.all(scores["... a tenth of them"] < plain - 5)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# By less than one point: as on the pictures, both models fit all 40 rows, and the
# hidden layer hardly changes the test accuracy.
#
# </details>
#
# L1, L2 and dropout with `keep` = 0.5 gain no point either. Without nine tenths of the
# weights both accuracies are more than five points lower. So this net does not have too
# many parameters, and the notebook concludes: go deeper. That is where it stops at
# 0.6440.

# %% [markdown]
# ## 12. If you have the pictures
#
# The file `train_catvnoncat.h5` is not ours to bundle. Put it beside this notebook (and
# have h5py installed), and the next cell runs on the cats themselves:

# %%
try:
    x_train, y_train = lab.cats("train_catvnoncat.h5")
except FileNotFoundError:
    print("no pictures here: the published numbers stand for them")
else:
    y_train = y_train[:, None].astype(float)
    net = deep(np.random.default_rng(0), 4, "sigmoid", tiny)
    net.linears[0].W = np.random.default_rng(0).normal(0, 0.01, (12288, 30))
    print(train(net, 600).loss[::300].round(4), "published: 0.6953 0.6440 0.6440")

# %% [markdown]
# ## What to keep
#
# - A loss that rests at the entropy of the labels has learnt the labels' shares and
#   nothing else.
# - Going back, a layer multiplies by about $\sqrt{E[f'^2]}\;\sigma_w \sqrt{n}$: the
#   slope *and* the weights.
# - Late layers stop because their errors cancel; early ones never begin.
# - ReLU changes the slope, not the start; a part of its units is dead. He's $2/n$
#   repairs the start.
# - Look at relative changes, neuron by neuron, before you look at the loss.
#
# **Checkpoint.** Say it aloud, then unfold.
#
# <details><summary>A classifier of ten equally frequent classes rests at 2.303. What
# has it learnt?</summary>
# Nothing that can be told from its start: ln 10 is the entropy of its labels and also
# the loss of equal probabilities.</details>
# <details><summary>Which layers of the stalled net stopped, and which never began?
# </summary>
# The late ones stopped, when the shares were learnt and the errors cancelled. The early
# ones never began.</details>
# <details><summary>Would 120 units in place of 30 have helped the 0.01 start?</summary>
# Twice: the factor grows with the root of n, to 0.0274 a layer. It stalls as well.
# </details>

# %% [markdown]
# **Exercises**: the assignment *Backward signal*.
# You write the backward pass by hand (4.1), predict its decay (4.2), explain a plateau
# (4.3), measure the speed of learning (4.4), build the centred net (4.5), and mend two
# of the notebook's mistakes (4.6, 4.7).
#
# **Sources.**
# The cats notebook: exercises 1 and 2 of its first part, its six figures, and both
# exercises of its second part.
# Hochreiter (1991) and Bengio, Simard and Frasconi (1994): the vanishing gradient.
# Glorot and Bengio (2010): eqs. 2 and 6 (the backward signal), eq. 12 (their
# compromise).
# He et al. (2015), arXiv:1502.01852: eqs. 10 and 14.
# Srivastava et al. (2014), *Dropout*, section 10: scaling by $1/p$ at training time.
# Nielsen (2015), *Neural Networks and Deep Learning*, chapter 5: speed of learning.
#
# Full references: [bibliography](README.md#bibliography).

# %% [markdown]
# Previous: [Forward signal](03_forward_signal.ipynb) ·
# Next: [Initializers](05_initializers.ipynb) ·
# Assignment: [Backward signal](../release/04_backward_signal/04_backward_signal.ipynb)
# ·
# [Contents](README.md)
