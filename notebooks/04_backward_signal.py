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
# **One question: how much of the error comes back to the first layer?**
#
# A published assignment, *the seed* of this unit, trains four and five sigmoid layers
# on pictures of cats and other things, stops learning at a loss of .6440, and calls it
# the vanishing gradient.
# You will stop a network in the same way, find out what .6440 is, measure the gradient
# neuron by neuron, and repair the start.

# %% [markdown]
# **Recall** units 2 and 3; answer before you unfold.
#
# <details><summary>Going forward, a layer multiplies the signal's size by about what?
# </summary>
# By the root of fan_in, times the standard deviation of the weights, times what the
# activation lets through.</details>
# <details><summary>What does a unit multiply a gradient by on its way back?</summary>
# By its slope, f'(z).</details>
# <details><summary>Why did twelve layers with weights of .01 learn nothing in unit 3?
# </summary>
# What reached the last layer was the same for every example.</details>

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

import lab

lab.style()
x, y = lab.breast_cancer()
y = y[:, None].astype(float)

# %% [markdown]
# ## 1. Layers that can be taken apart
#
# The seed builds its networks from modules, and so do we:
# every layer has a `forward`, and a `backward` that takes the gradient of what the
# layer gave and returns the gradient of what it got.
# An abstract class says so, and cannot be used by itself.
#
# The first kind of layer has no parameters; its slope is a function of its *output*,
# which is at hand.


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
# A linear layer has parameters, and may add a price on large weights to the loss:
# `lam` times half their squares (**L2**), or `lam` times their sizes (**L1**).
# The slope of that price joins `dW`.
# (The seed writes `W @ x` with examples in columns; here rows are examples, as in the
# whole course, so its W is the transpose of ours.)

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
# **Dropout** silences units at random while training, and divides what is left by
# `keep`, so that its mean stays. **A mistake in the seed:** its `backward` returns
# `dy * d` with the mask `d` alone, and forgets the division that its `forward` does.
# A finite difference will be the judge; both calls of it draw the same mask.


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


# %% [markdown]
# A network is a list of layers. Its loss is the mean cross-entropy, so the way back
# starts at $(a - y)$, over the number of rows. (The seed starts at
# $(a - y)/(a(1 - a) + 10^{-6})$ and multiplies by $a(1 - a)$; the small number stops
# the gradient just where $a$ is confidently wrong.)
#
# **Check:** the mask of dropout, and one weight of each layer of a small net, prices
# included, each against a central difference.


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


# %%
draw, eps = np.random.default_rng(1), 1e-6
signal, ones = draw.normal(size=(4, 5)), np.ones((4, 5))
high, low = (Dropout(0.8, np.random.default_rng(7)) for _ in range(2))
slope = (high.forward(signal + eps) - low.forward(signal - eps)) / (2 * eps)
ours = high.backward(ones)
mask = ours > 0  # what the seed's backward multiplies by
assert np.allclose(ours, slope)
assert np.allclose(slope[mask] / mask[mask], 1.25)

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
# The true slope is 1.25 times the seed's: each of its dropout layers with `keep` = .8
# costs all before it a fifth of the gradient, and four leave .41, a small vanishing
# gradient of its own.
#
# **Another mistake in the seed**: the penalty shapes its gradients and never reaches
# the loss it prints. Its loop asks `hasattr(att, 'reg_penalty')` for every `att` in
# `self.__dict__`, and what a dict yields are *names*:

# %%
from types import SimpleNamespace

model = SimpleNamespace(fc1=SimpleNamespace(reg_penalty=0.05), fc2=SimpleNamespace())
by_name = [att for att in vars(model) if hasattr(att, "reg_penalty")]
by_value = [att for att in vars(model).values() if hasattr(att, "reg_penalty")]
assert (len(by_name), len(by_value)) == (0, 1)
sum_of_squares = 12288 * 30 / (2 * 12288)  # its He start, as it prints it
missing = 1.5 / (2 * 209) * sum_of_squares
assert abs(missing - 0.054) < 5e-4
assert abs(0.8**4 - 0.41) < 5e-3

# %% [markdown]
# With the settings of its He run (12,288 inputs, 30 units, $\lambda = 1.5$, 209
# pictures) the term is .054 at the start: the .0061 printed at the end is a fit, not
# what was minimised.
#
# ## 2. Why go deeper at all?
#
# A shallow net scores 100 % on the seed's 209 pictures and 72 % on new ones:
# overfitting? But logistic regression scores the same, regularization does not help,
# and zeroing some parameters makes both numbers worse. Our candidates:


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
    "... with dropout": lambda rng: shallow(rng, keep=0.8),
}

# %% [markdown]
# The breast-cancer data: 40 rows to learn from, drawn ten times, 529 to be tested on;
# 400 steps of gradient descent at rate .5.
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


# %% jupyter={"outputs_hidden": true}
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
# As on the pictures, both models fit all 40 rows, and the hidden layer changes the test
# accuracy by less than a point; L1, L2 and dropout gain no point either. Taking away
# nine tenths of the weights costs over five on both sides. So a better model has to be
# richer. The seed concludes: go deeper.
#
# ## 3. Deeper, and it stalls
#
# The seed's exercises: three and four hidden layers of 30 sigmoid units, weights of
# standard deviation .01, zero biases, gradient descent at rate .008. Its pictures come
# with no library; 455 rows of our data stand in, 114 are for testing.


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
# `train` keeps the loss at every step and, at every twentieth, the norm of each
# neuron's column of `dW` and each layer's *speed*,
# $\eta\,\lVert dW \rVert / \lVert W \rVert$: how far it moves, relative to its size.
#
# **Predict.** Which loss do four sigmoid layers reach in 1800 steps?
# At the start it is near .69.

# %%
lab.predict("u4.stall", None)
# The legacy generator, since these are the rows that this course's figures are for.
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


# %% jupyter={"outputs_hidden": true}
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
# The same picture to the fourth digit: from step 300 on, nothing, and three more seeds
# agree.
#
# ## 4. What is .6440?
#
# The level is the same for every start and both depths, so it belongs to the *data*.
# Suppose that nothing of the input reaches the last layer: then the net gives one
# number $p$ for all examples, and can only choose it well. With a share $s$ of ones the
# loss is $-s \log p - (1 - s) \log(1 - p)$, lowest at $p = s$. Try it:

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

# %% [markdown]
# There it is: .6440 is the **entropy of the labels**, 72 cats in 209 pictures, and
# .6585 is that of our 455 rows (.6603 of all 569). Our net gives every patient one
# probability, the share of benign cases, to within .001.
#
# The accuracies say no more. "Never a cat" is right for 137 of 209 pictures, 65.55 %,
# and for 17 of 50 test pictures, 34 %: more cats there. The plateau is not slow
# learning, but the end of what can be learnt without looking: exercise 4.3.

# %% [markdown]
# ## 5. The gradient, neuron by neuron
#
# Now to the first layer. Each neuron's weights are a column of `W`,
# so each has a column of `dW`; its norm says how hard this neuron is pulled.
#
# **Predict.** At the first step, in the net of four layers: how many times smaller is
# the whole `dW` of layer 1 than that of layer 4?

# %%
lab.predict("u4.first", None)


def first_norms(rng):
    net = deep(rng, 4, "sigmoid", tiny)
    net.backward(x_train, y_train)
    return [np.linalg.norm(layer.dW) for layer in net.linears]


# %% jupyter={"outputs_hidden": true}
norms_4 = lab.over_seeds(first_norms, range(5))
middle = np.exp(np.log(norms_4).mean(axis=0))  # geometric: they differ by factors
reference = np.array([3.9e-6, 7.6e-5, 5.6e-3, 3.9e-1])
print("layer           1        2        3        4")
print("this course", "  ".join(f"{v:.1e}" for v in reference))
print("five seeds ", "  ".join(f"{v:.1e}" for v in middle))
assert np.all(np.abs(np.log2(norms_4 / reference)) < 1.2)
assert 7e4 < middle[3] / middle[0] < 1.5e5
assert middle[1] / middle[0] < 25 < 50 < middle[2] / middle[1] < 100
lab.reveal("u4.first", float(middle[3] / middle[0]))

# %% [markdown]
# About a hundred thousand times, before anything has been learnt. (The first line is
# this course's own reference; the seed gives its figures as pictures only.)
# Neuron by neuron, a dot each, with medians; dashed is a factor of .0137 a layer, which
# section 6 derives:

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
for ax, (depth, run) in zip(axes, runs.items(), strict=True):
    dots = {str(layer): norms[0] for layer, norms in enumerate(run.norms, 1)}
    lab.strips(dots, "", ax=ax)
    hidden = np.arange(1, depth - 1)  # positions of layers 2 to the last but one
    line = np.median(run.norms[-2][0]) * 0.0137 ** (depth - 2.0 - hidden)
    ax.plot(hidden, line, "--", color=lab.COLOURS["black"], label=".0137 a layer")
    ax.set(yscale="log", xlabel="layer", title=f"{depth} layers")
axes[0].set_ylabel("norm of a neuron's dW at step 0")
axes[0].legend()
lab.show(
    fig,
    alt="Norms of dW of single neurons by layer, log axis, for four and five layers."
    " The clouds fall by about two orders of magnitude a layer from right to left,"
    " along the dashed line; those of five layers begin near 1e-8.",
)

# %% [markdown]
# Nearly two orders of magnitude a layer, down to layer 2. Layer 1 lies above the line
# drawn on: its inputs are the features, which know the labels, where later layers see a
# constant .5.
#
# And across training, one line for each neuron, hidden layers only, as in the seed's
# figures of the two nets. Watch both ends of each line:

# %%
NORM = "norm of a neuron's dW"
for depth, falls in ((4, "two to three decades"), (5, "more than four decades")):
    run = runs[depth]
    fig, _ = lab.unit_traces(run.at, run.norms[:-1], NORM, f"{depth} sigmoid layers")
    lab.show(
        fig,
        alt=f"One panel for each of {depth - 1} hidden layers: norm of each neuron's dW"
        " against step, log axis. The layers before the last stay low, the last falls"
        f" by {falls}.",
    )
fall = {d: r.norms[-2][0].mean() / r.norms[-2][-1].mean() for d, r in runs.items()}
rise = runs[4].norms[0][-1].mean() / runs[4].norms[0][0].mean()
print(f"last hidden layer falls {fall[4]:.0f}-fold and {fall[5]:.0f}-fold")
print(f"first layer of four: {rise:.1f} times its start")
assert 100 < fall[4] < 1000
assert 1e4 < fall[5] < 1e5
assert 1 < rise < 10

# %% [markdown]
# The seed reads off its figures that the norms come down by $10^3$ with four layers and
# by $10^5$ with five; ours fall by hundreds and by more than $10^4$.
# But look at layer 1: it does not fall at all. Its gradient was negligible from the
# start, and ends a little higher.
# What falls are the *late* layers: once the share of ones is learnt, the errors
# cancel, and nothing else is asked of them.

# %% [markdown]
# ## 6. Why, with both factors
#
# Going back through one layer is
#
# $$dz^{[l]} = \big(dz^{[l+1]}\, W^{[l+1]\top}\big) * \sigma'(z^{[l]}) .$$
#
# The seed blames $\sigma' \le .25$, once in every layer. There is a second factor:
# a sum over $n$ units with weights of standard deviation $\sigma_w$
# has $\sqrt{n}\,\sigma_w$ times the size. With 30 units and .01,
#
# $$.25 \cdot .01 \cdot \sqrt{30} = .0137 .$$
#
# The slope alone would leave a quarter a layer; the weights leave an
# eighteenth of that. Twenty nets of ten layers, for .01 and for $1/\sqrt{30}$:


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
    alt="Norm of dz by layer for weights of .01 and of 1/sqrt(30), twenty nets each,"
    " log axis. Two straight lines down to the left, to 1e-15 and 1e-5, with dashed"
    " theory.",
)

# %% [markdown]
# The geometric mean is within 2 % of theory for the small weights; for the larger ones
# it is 8 % below, since z is not so small that the slope is .25 everywhere. One ratio
# alone is off by some 14 % from chance: 30 units are few.
#
# The better start wins ten orders of magnitude over eight layers; the sigmoid still
# takes its quarter in each. So the seed is half right: with a *good* start the slope
# remains. (Other activations: exercise 4.2.)

# %% [markdown]
# ## 7. The speed of learning
#
# A small gradient is no harm if the weights are small as well. What counts is the
# relative move, which the seed plots for its five layers:
# layers 1 and 2 never learn, and the later ones stop "after around 400 epochs".
#
# **Predict.** In our net: after how many steps has layer 4 slowed down to a thousandth
# of its first speed?

# %%
lab.predict("u4.stop", None)


def speed_curves(run):
    speeds = {f"layer {k}": speed for k, speed in enumerate(run.speed, 1)}
    what = "relative change of W in a step"
    return lab.depth_curves(speeds, what, xlabel="step", at=run.at)


# %% jupyter={"outputs_hidden": true}
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
# As published, the late layers stop (4 and 5 are at a thousandth between 300 and 600
# steps), and layers 1 and 2 never began: in 1800 steps they move by less than a
# ten-thousandth of their size. That is what vanished means. The input goes through a
# random filter that no error corrects.
#
# ## 8. ReLU alone does not save it
#
# A rectifier's slope is 1 or 0: half of the units pass everything back, and the quarter
# is gone. Same weights, same rate.
#
# **Predict.** Which loss do four ReLU layers reach in 1800 steps?

# %%
lab.predict("u4.relu", None)

# %% jupyter={"outputs_hidden": true}
losses = {}
for depth, span in ((4, "1e-7 and 1e-4"), (5, "1e-8 and 1e-6")):
    run = train(deep(np.random.default_rng(0), depth, "relu", tiny), 1800)
    fig, _ = lab.unit_traces(run.at, run.norms[:-1], NORM, f"{depth} layers, ReLU")
    lab.show(
        fig,
        alt=f"One panel for each of {depth - 1} hidden layers: norm of each neuron's dW"
        " against step, log axis. All layers are alike and stay low, most between"
        f" {span}.",
    )
    losses[depth] = float(run.loss[-1])
    start = [np.linalg.norm(norms[0]) for norms in run.norms[:-1]]
    print(f"{depth} layers: {losses[depth]:.4f}, dW", *(f"{v:.1e}" for v in start))
    assert abs(losses[depth] - 0.6585) < 1e-3
    assert max(start) < min(1e-4, 2 * min(start))
assert abs(0.5**0.5 * 0.01 * 30**0.5 - 0.039) < 5e-4
lab.reveal("u4.relu", losses[4])
fig, _ = speed_curves(run)
lab.show(
    fig,
    alt="Speed of learning of five ReLU layers against step, log axis: layers 1 to 4"
    " flat near 1e-7; layer 5 rises to 1e-4 by step 400 and then falls slowly.",
)

# %% [markdown]
# The seed's reading holds: more neurons take part, all layers are alike, and none
# learns. The loss is on its way to the same .6585.
#
# **Why alike?** Each layer of ReLU multiplies the *forward* signal by
# $\sqrt{.5} \cdot .01 \cdot \sqrt{30} = .039$, and the backward one as well. `dW` is a
# product of both: layer 1 has the whole input and hardly an error, the last hidden
# layer the reverse. The activation was changed; the start is to blame.

# %% [markdown]
# ## 9. He's start, and a factor of four
#
# He et al. (2015) ask that each ReLU layer keep the size: $\mathrm{Var}(w) = 2/n$.
# The seed derives $\tfrac12 n\,\mathrm{Var}(w) = 1$, correctly, and then writes
# $\mathrm{Var}(w) = 1/(2n)$, in text and code: a quarter of what it should be. Its run
# has five layers, L2 with $\lambda = 1.5$ on the first, rate .008, and it trained.
#
# **Predict.** Which of the two variances is at a loss of .1 first?

# %%
lab.predict("u4.he", None)


def he_run(rng, factor):
    net = deep(rng, 5, "relu", lambda fan_in, fan_out: (factor / fan_in) ** 0.5)
    net.linears[0].lam = 1.5 / len(x_train)
    loss = train(net, 2100, every=2100).loss
    return [*loss[::300], net.accuracy(x_train, y_train), net.accuracy(x_test, y_test)]


# %% jupyter={"outputs_hidden": true}
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
# Losses at step 0, 300, ..., 2100, then accuracies in training and test. The plateau is
# gone with both. $2/n$ is below .1 at step 600, where $1/(2n)$ is still above .3. And
# the seed's numbers give the factor away: its loss starts at .6930, next to $\log 2$,
# as ours do with $1/(2n)$. Weights that keep their signal give logits of size 1, and no
# such number. (With 12,288 inputs for our 30, the curves agree in shape only.)

# %% [markdown]
# ## 10. A centred sigmoid with Xavier's start
#
# The seed's second remedy keeps the sigmoid. Its outputs average .5; subtract that
# behind each hidden layer, and draw weights with variance
# $2 / (fan_{in} + fan_{out})$. The slope is still a quarter at best.
#
# **Predict.** Rate .01, as published: at which loss is it after 1000 steps?

# %%
lab.predict("u4.centred", None)


def xavier(fan_in, fan_out):
    return (2 / (fan_in + fan_out)) ** 0.5


def centred_run(rng, rate, steps, std=xavier, activation="centred"):
    return train(deep(rng, 5, activation, std), steps, rate, every=steps).loss


# %% jupyter={"outputs_hidden": true}
slow = lab.over_seeds(lambda rng: centred_run(rng, 0.01, 1000), range(3))
fast = lab.over_seeds(lambda rng: centred_run(rng, 0.1, 1800), range(3))
steps = np.array([0, 300, 600, 900, 1200, 1500, 3000, 6000, 9000, 14_100])
crept = [0.6930, 0.6531, 0.6458, 0.6444, 0.6440, 0.6439, 0.6434, 0.6421, 0.6398, 0.6219]
at, what = 0.1 * np.arange(1801), "loss (nats)"
levels = {f"entropy {h:.4f}, {name}": np.full(1801, h) for name, h in best.items()}
look = {"xlabel": "rate times step", "log": False, "at": at}
fig, ax = lab.depth_curves({"ours, three seeds": fast}, what, levels, **look)
ax.plot(0.01 * steps, crept, "^-", color=lab.COLOURS["vermillion"], label="published")
ax.set_ylim(0, 0.72)
ax.legend()
lab.show(
    fig,
    alt="Loss against rate times step. Ours rests on the upper dashed entropy until"
    " about 60, then falls below .1 by 140; the published run rests on the lower one"
    " and has only begun to leave it at 141.",
)
lab.reveal("u4.centred", float(np.median(slow[:, -1])))
assert np.all(np.abs(slow[:, -1] - 0.6575) < 0.002)
assert np.all(np.abs(slow[:, 1000] - fast[:, 100]) < 2e-3)
assert np.all(fast[:, -1] < 0.09)

# %% [markdown]
# It creeps, and so did the published run. Ten times the rate does in a tenth of the
# steps the same (to within .002), so in the figure ours ran at .1. Both curves rest at
# the entropy of their labels for long, and both get away: ours is below .09 in three
# seeds, the published one is at .6219 after 14,100 of its 23,000 iterations, where its
# printout is cut off.
#
# Is it the centring or the weights? Two seeds each, 1200 steps at rate .1:

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
# The weights. Centring alone stalls; Xavier's weights get a plain sigmoid through as
# well. What centring buys is that no layer sends a constant .5 ahead of its signal;
# exercise 4.5 shows that it leaves the backward formula alone.
#
# ## 11. If you have the pictures
#
# The seed's `train_catvnoncat.h5` is not ours to bundle. Put it beside this notebook
# (and have h5py installed), and the next cell runs on the cats themselves:

# %%
try:
    x_train, y_train = lab.cats("train_catvnoncat.h5")
except FileNotFoundError:
    print("no pictures here: the published numbers stand for them")
else:
    y_train = y_train[:, None].astype(float)
    net = deep(np.random.default_rng(0), 4, "sigmoid", tiny)
    net.linears[0].W = np.random.default_rng(0).normal(0, 0.01, (12288, 30))
    print(train(net, 600).loss[::300].round(4), "published: .6953 .6440 .6440")

# %% [markdown]
# ## What to keep
#
# - A loss that rests at the entropy of the labels has learnt the labels' shares and
#   nothing else.
# - Going back, a layer multiplies by about $\sqrt{E[f'^2]}\;\sigma_w \sqrt{n}$: the
#   slope *and* the weights.
# - Late layers stop because their errors cancel; early ones never begin.
# - ReLU mends the slope, not the start. He's $2/n$ mends both.
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
# <details><summary>Would 120 units in place of 30 have helped the .01 start?</summary>
# Twice: the factor grows with the root of n, to .0274 a layer. It stalls as well.
# </details>

# %% [markdown]
# **Exercises**: the assignment *Backward signal*.
# You write the backward pass by hand (4.1), predict its decay (4.2), explain a plateau
# (4.3), measure the speed of learning (4.4), build the centred net (4.5), and mend two
# of the seed's mistakes (4.6, 4.7).
#
# **Sources.**
# The seed: *Vanishing Gradient problem and Weight Initialization*, exercises 1 and 2 of
# its first part, its six figures, and both exercises of its second part.
# Hochreiter (1991) and Bengio, Simard and Frasconi (1994): the vanishing gradient.
# Glorot and Bengio (2010): eqs. 2 and 6 (the backward signal), eq. 12 (their
# compromise).
# He et al. (2015), arXiv:1502.01852: eqs. 10 and 14.
# Srivastava et al. (2014), *Dropout*, section 10: scaling by $1/p$ at training time.
# Nielsen (2015), *Neural Networks and Deep Learning*, chapter 5: speed of learning.
