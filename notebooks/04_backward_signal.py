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
# A published assignment (from here on *the seed*, since this unit grew from it) trains
# four and five sigmoid layers on pictures of cats and other things, stops learning at a
# loss of .6440, and calls it the vanishing gradient.
# You will stop a network in the same way, find out what .6440 is, measure the gradient
# neuron by neuron, and repair the start.

# %% [markdown]
# **Recall**, from units 2 and 3; answer before you unfold.
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
from abc import ABC, abstractmethod
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

import lab

lab.style()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# %% [markdown]
# ## 1. Layers that can be taken apart
#
# The seed builds its networks from modules, and so do we:
# every layer has a `forward`, and a `backward` that takes the gradient of what the
# layer gave and returns the gradient of what it got.
# An abstract class says so, and cannot be used by itself.
# The first kind of layer has no parameters; its slope is a function of its *output*,
# which is at hand.


# %%
class Layer(ABC):
    @abstractmethod
    def forward(self, x, train=True): ...

    @abstractmethod
    def backward(self, dy): ...

    def step(self, rate):  # noqa: B027
        """Move the parameters; most layers have none."""


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
# A finite difference is the judge; both calls of it draw the same mask.


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
rng = np.random.default_rng(0)
signal, eps = rng.normal(size=(4, 5)), 1e-4
high, low = (Dropout(0.8, np.random.default_rng(7)) for _ in range(2))
slope = (high.forward(signal + eps) - low.forward(signal - eps)) / (2 * eps)
ours = high.backward(np.ones((4, 5)))
seeds = ours > 0  # the mask, as the seed's backward has it
assert np.allclose(ours, slope)
assert np.allclose(slope[seeds] / seeds[seeds], 1.25)
assert abs(0.8**4 - 0.41) < 5e-3

# %% [markdown]
# The true slope is 1.25 times the seed's.
# Each dropout layer with `keep` = .8 costs everything before it a fifth of its
# gradient, and four of them leave .41: a small vanishing gradient of its own.
#
# A network is a list of layers; its loss is the mean cross-entropy, and the way back
# starts at $(a - y)$, divided by the number of rows.
# (The seed starts at $(a - y) / (a(1 - a) + 10^{-6})$ and multiplies by $a(1 - a)$;
# the small number stops the gradient just where $a$ is confidently wrong.)
# **Check:** one weight of each layer against a central difference, prices included.


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
        for layer in self.layers:
            layer.step(rate)

    def accuracy(self, x, y):
        return np.mean((self.logits(x, train=False) > 0) == y)


# %%
draw = np.random.default_rng(1)
shapes = (6, 5), (5, 4), (4, 1)
first, second, third = (draw.normal(size=shape) for shape in shapes)
layers = [Linear(first, 0.1, "L1"), NonLinear("sigmoid"), Linear(second, 0.2)]
small_net = Net([*layers, NonLinear("relu"), Linear(third)])
batch, target = draw.normal(size=(9, 6)), draw.integers(0, 2, (9, 1))
small_net.backward(batch, target)
for layer in small_net.linears:
    ends, slope = [], layer.dW[1, 0]
    for shift in (1e-6, -2e-6):
        layer.W[1, 0] += shift
        cost = small_net.backward(batch, target)
        ends.append(cost + sum(linear.penalty for linear in small_net.linears))
    layer.W[1, 0] += 1e-6
    assert np.isclose((ends[0] - ends[1]) / 2e-6, slope, rtol=1e-5)

# %% [markdown]
# **Another mistake in the seed**: the penalty shapes its gradients and never reaches
# the loss it prints. Its loop asks `hasattr(att, 'reg_penalty')` for every `att` in
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
# For the settings of its He run (12,288 inputs, 30 units, $\lambda = 1.5$, 209
# pictures) the term is .054 at the start.
# A loss printed as .0061 at the end is a fit, not the quantity that was minimised.
#
# ## 2. Why go deeper at all?
#
# The seed's opening question is about capacity. A shallow net scores 100 % on its 209
# pictures and 72 % on new ones: overfitting, one would say. But plain logistic
# regression scores the same, regularization does not help either, and zeroing some of
# the parameters makes both numbers worse.
#
# **Predict.** Below: 40 rows to learn from, 529 to be tested on.
# By how many percentage points does a hidden layer of 30 units raise the test accuracy
# over logistic regression?

# %%
x, y = lab.breast_cancer()
y = y[:, None].astype(float)
lab.predict("u4.hidden", None)


# %%
def masked(rng, share):
    """Logistic regression in which a share of the weights is zero for ever."""
    layer = Linear(rng.normal(0, 0.01, (30, 1)))
    keep = rng.random((30, 1)) < share
    layer.step = lambda rate: np.copyto(layer.W, (layer.W - rate * layer.dW) * keep)
    layer.W *= keep
    return [layer]


def shallow(rng, lam=0.0, kind="L2", keep=1.0):
    hidden = Linear(rng.normal(0, 30**-0.5, (30, 30)), lam, kind)
    out = Linear(rng.normal(0, 30**-0.5, (30, 1)), lam, kind)
    return [hidden, NonLinear("sigmoid"), Dropout(keep, rng), out]


# %% [markdown]
# Ten draws of the 40 rows; 400 steps of gradient descent at rate .5.

# %%
models = {
    "logistic regression": lambda rng: masked(rng, 1.0),
    "... half its weights": lambda rng: masked(rng, 0.5),
    "... a tenth of them": lambda rng: masked(rng, 0.1),
    "one hidden layer": shallow,
    "... with L2": lambda rng: shallow(rng, 1.5 / 40),
    "... with L1": lambda rng: shallow(rng, 0.5 / 40, "L1"),
    "... with dropout": lambda rng: shallow(rng, keep=0.8),
}


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
    scores[name] = (100 * runs).mean(axis=0)
    low, high = 100 * runs[:, 1].min(), 100 * runs[:, 1].max()
    print(
        f"{name:21} train {scores[name][0]:5.1f} %   test {scores[name][1]:.1f} %",
        end="",
    )
    print(f"   ({low:.1f} to {high:.1f})")
gain = scores["one hidden layer"][1] - scores["logistic regression"][1]
lab.reveal("u4.hidden", float(gain))
assert scores["logistic regression"][0] == scores["one hidden layer"][0] == 100
assert abs(gain) < 1
fewer = scores["... a tenth of them"] - scores["logistic regression"]
assert np.all(fewer < -5)
helped = [scores[f"... with {how}"][1] for how in ("L2", "L1", "dropout")]
assert max(helped) - scores["one hidden layer"][1] < 1

# %% [markdown]
# The same picture on our data. Both models fit all 40 rows, and the hidden layer
# changes the test accuracy by less than a point.
# Neither L1 nor L2 nor dropout gains as much as a point, and taking weights away costs
# more than five points on both sides.
# So the simplest model that fits is not too large; if anything, a better one has to be
# richer. The seed concludes: go deeper. Then it goes deeper.
#
# ## 3. Deeper, and it stalls
#
# Three and four hidden layers of 30 sigmoid units, weights of standard deviation .01,
# biases zero, gradient descent at rate .008: the seed's two exercises.
# Its pictures are not bundled with anything, so 455 rows of the breast-cancer data
# stand in for them; the other 114 are for testing.
#
# `train` keeps the loss at every step and, at every twentieth, the norm of each
# neuron's column of `dW` and each layer's *speed*,
# $\eta\,\lVert dW \rVert / \lVert W \rVert$: how far it moves, relative to its size.

# %%
# The legacy generator, since these are the rows that this course's figures are for.
order = np.random.RandomState(0).permutation(569)
x_train, y_train = x[order[:455]], y[order[:455]]
x_test, y_test = x[order[455:]], y[order[455:]]
RATE = 0.008


def deep(rng, depth, activation, std):
    """A net of `depth` linear layers; std(fan_in, fan_out) for its weights."""
    layers = []
    for shape in pairwise([30] * depth + [1]):
        layers += [Linear(rng.normal(0, std(*shape), shape)), NonLinear(activation)]
    return Net(layers[:-1])  # nothing behind the logits


def tiny(fan_in, fan_out):
    return 0.01


# %%
def train(net, steps, rate=RATE, every=20):
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
    by_layer = [np.array(layer) for layer in zip(*norms, strict=True)]
    shown = np.arange(0, steps + 1, every)
    return SimpleNamespace(
        loss=np.array(loss), shown=shown, norms=by_layer, speed=np.array(speed).T
    )


# %% [markdown]
# **Predict.** Which loss do four sigmoid layers reach in 1800 steps?
# At the start it is near .69.

# %%
lab.predict("u4.stall", None)

# %% jupyter={"outputs_hidden": true}
nets = {
    depth: deep(np.random.default_rng(0), depth, "sigmoid", tiny) for depth in (4, 5)
}
runs = {depth: train(net, 1800) for depth, net in nets.items()}
published = {4: [0.6953] + [0.6440] * 6, 5: [0.6939] + [0.6440] * 6}
print("step      ", "  ".join(f"{step:6}" for step in range(0, 1801, 300)))
for depth, run in runs.items():
    print(f"{depth} published", "  ".join(f"{v:.4f}" for v in published[depth]))
    print(f"{depth} ours     ", "  ".join(f"{v:.4f}" for v in run.loss[::300]))
lab.reveal("u4.stall", float(runs[4].loss[1800]))

# %% [markdown]
# The same picture to the fourth digit: from step 300 on, nothing. Three more seeds
# each, and the accuracies, the published ones in brackets:

# %%
for depth, net in nets.items():
    ends = lab.over_seeds(
        lambda rng, depth=depth: train(deep(rng, depth, "sigmoid", tiny), 600).loss[-1],
        range(1, 4),
    )
    right = net.accuracy(x_train, y_train), net.accuracy(x_test, y_test)
    print(f"{depth} layers: {ends.round(4)}, train {right[0]:.2%}, test {right[1]:.2%}")
    assert np.all(np.abs(ends - 0.6585) < 1e-4)
    assert np.all(np.abs(runs[depth].loss[300:] - 0.6585) < 1e-4)
    assert np.allclose(right, [0.6308, 0.6140], atol=1e-4)
print("       [published: .6440,  train 65.55%, test 34.00%]")

# %% [markdown]
# ## 4. What is .6440?
#
# The level is the same for every seed and both depths, so it belongs to the *data*.
#
# Suppose that nothing of the input reaches the last layer. Then the net gives one
# number $p$ for all examples, and the best it can do is to choose it well.
# With a share $s$ of ones the loss is $-s \log p - (1 - s) \log(1 - p)$,
# lowest at $p = s$. Try it on a grid, for both data sets:

# %%
grid = np.linspace(0.001, 0.999, 999)
best = {}
for name, ones, rows in (("pictures", 72, 209), ("ours", y_train.sum(), 455)):
    curve = -(ones * np.log(grid) + (rows - ones) * np.log(1 - grid)) / rows
    best[name] = curve.min()
    print(f"{name:8}  lowest loss {curve.min():.4f} at p = {grid[curve.argmin()]:.3f}")
assert np.allclose(list(best.values()), [0.6440, 0.6585], atol=1e-4)
assert np.allclose([137 / 209, 17 / 50], [0.6555, 0.34], atol=1e-4)
p = sigmoid(nets[4].logits(x_train, train=False))
assert np.ptp(p) < 1e-3
assert abs(p.mean() - y_train.mean()) < 1e-3
assert abs(y_test.mean() - 0.6140) < 1e-4

# %% [markdown]
# There it is: .6440 is the **entropy of the labels**, 72 cats in 209 pictures, and
# .6585 is that of our 455 rows. Our net gives every patient the same probability, the
# share of benign cases, to within .001.
#
# The accuracies say no more. "Never a cat" is right for 137 of 209 pictures, 65.55 %,
# and for 17 of 50 in the test set, which has more cats: 34 %.
# The plateau is not slow learning. It is the end of all that can be learnt
# without looking: exercise 4.3.
#
# ## 5. The gradient, neuron by neuron
#
# Now to the first layer. Each neuron's weights are a column of `W`,
# so each has a column of `dW`; its norm says how hard this neuron is pulled.
#
# **Predict.** At the first step, in the net of four layers: how many times smaller is
# the whole `dW` of layer 1 than that of layer 4?

# %%
lab.predict("u4.first", None)


# %% jupyter={"outputs_hidden": true}
def first_norms(rng, depth=4):
    net = deep(rng, depth, "sigmoid", tiny)
    net.backward(x_train, y_train)
    return [np.linalg.norm(layer.dW) for layer in net.linears]


norms_4 = lab.over_seeds(first_norms, range(5))
middle = np.exp(np.log(norms_4).mean(axis=0))  # geometric: they differ by factors
reference = np.array([3.9e-6, 7.6e-5, 5.6e-3, 3.9e-1])
print("layer           1        2        3        4")
print("this course", "  ".join(f"{v:.1e}" for v in reference))
print("five seeds ", "  ".join(f"{v:.1e}" for v in middle))
assert np.all(np.abs(np.log2(norms_4 / reference)) < 1.2)
assert 7e4 < middle[3] / middle[0] < 1.5e5
lab.reveal("u4.first", float(middle[3] / middle[0]))

# %% [markdown]
# About a hundred thousand times, before anything has been learnt. (The first line is
# this course's own reference; the seed gives its figures as pictures only.)
# Neuron by neuron, for both depths:

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
spots = np.random.default_rng(0).uniform(-0.25, 0.25, 30)
for ax, (depth, run) in zip(axes, runs.items(), strict=True):
    for k, norms in enumerate(run.norms, 1):
        size = norms.shape[1]
        ax.plot(k + spots[:size], norms[0], "o", ms=3, color=lab.COLOURS["blue"])
    hidden = np.arange(2, depth)
    line = np.median(run.norms[-2][0]) * 0.0137 ** (depth - 1.0 - hidden)
    ax.plot(hidden, line, "--", color=lab.COLOURS["black"], label=".0137 a layer")
    ax.set(yscale="log", xlabel="layer", title=f"{depth} layers")
    ax.set_xticks(range(1, depth + 1))
axes[0].set_ylabel("norm of a neuron's dW at step 0")
axes[0].legend()
lab.show(
    fig,
    alt="Norms of dW of single neurons by layer, log axis, for four and five layers."
    " The clouds fall by about two orders of magnitude a layer from right to left,"
    " along the dashed line; those of five layers begin near 1e-8.",
)


# %% [markdown]
# Two orders of magnitude a layer; section 6 derives the dashed line.
#
# And across training, one line for each neuron, hidden layers only, as in the seed's
# figures of the two nets. Watch both ends of each line:


# %%
def neuron_figure(run, title, seen):
    hidden = run.norms[:-1]
    fig, axes = plt.subplots(1, len(hidden), figsize=(9, 2.9), sharey=True)
    for k, (ax, norms) in enumerate(zip(axes, hidden, strict=True), 1):
        shown = np.where(norms > 1e-11, norms, np.nan)  # a silent unit has no norm
        ax.plot(run.shown, shown, lw=0.7, color=lab.COLOURS["blue"], alpha=0.6)
        ax.set(yscale="log", title=f"layer {k}", xlabel="step")
    axes[0].set_ylabel("norm of a neuron's dW")
    fig.suptitle(title, fontsize=11)
    panels = f"One panel for each of {len(hidden)} hidden layers: norm of each neuron's"
    lab.show(fig, alt=f"{panels} dW against step, log axis. {seen}")


what = "layers before the last stay low, the last falls by"
neuron_figure(runs[4], "four sigmoid layers", f"The {what} two to three decades.")
neuron_figure(runs[5], "five sigmoid layers", f"The {what} more than four decades.")
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
#
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
# eighteenth of that.
# Twenty nets of ten layers, for .01 and for $1/\sqrt{30}$:


# %%
def dz_sizes(rng, sigma_w, depth=10):
    """Size of dz in each layer of a deep sigmoid net, relative to the last but one."""
    net = deep(rng, depth, "sigmoid", lambda fan_in, fan_out: sigma_w)
    z = net.logits(x_train)
    dz, sizes = (sigmoid(z) - y_train) / len(z), []
    for layer in reversed(net.layers):
        dz = layer.backward(dz)
        if isinstance(layer, NonLinear):
            sizes.append(np.linalg.norm(dz))
    return np.array(sizes[::-1]) / sizes[0]


sizes = {
    s: lab.over_seeds(lambda r, s=s: dz_sizes(r, s), range(20))
    for s in (0.01, 30**-0.5)
}
for sigma_w, runs_of_it in sizes.items():
    ratios = runs_of_it[:, :-1] / runs_of_it[:, 1:]
    typical = np.exp(np.log(ratios).mean())
    theory = 0.25 * sigma_w * 30**0.5
    print(f"std {sigma_w:.3f}: {typical:.4f} a layer, theory {theory:.4f}", end="")
    print(f", spread of one ratio {np.log(ratios).std():.0%}")
    assert abs(typical / theory - 1) < (0.02 if sigma_w == 0.01 else 0.1)
    assert 0.08 < np.log(ratios).std() < 0.2

# %%
assert abs(0.25 * 0.01 * 30**0.5 - 0.0137) < 5e-5
assert abs(0.01 * 30**0.5 - 1 / 18) < 0.001
assert 1e9 < (sizes[30**-0.5][:, 0] / sizes[0.01][:, 0]).mean() < 1e11
depths = np.arange(1, 10)
curves = {"low": sizes[0.01], "lecun": sizes[30**-0.5]}
lines = {"low": 0.0137 ** (9.0 - depths), "lecun": 0.25 ** (9.0 - depths)}
fig, ax = lab.depth_curves(curves, "norm of dz, layer 9 = 1", theory=lines)
lab.show(
    fig,
    alt="Norm of dz by layer for weights of .01 and of 1/sqrt(30), twenty nets each,"
    " log axis. Two straight lines down to the left, to 1e-15 and 1e-5, with dashed"
    " theory.",
)

# %% [markdown]
# For the small weights the geometric mean is within 2 % of theory;
# for the larger ones it is 8 % below, since z is no longer so small that the slope is
# .25 everywhere. One ratio alone is off by some 14 % from chance: 30 units are few.
#
# The better start wins ten orders of magnitude over eight layers, and the sigmoid still
# takes its quarter in each. So the seed is half right: with a *good* start the slope is
# what remains.
#
# (Why `dW` of layer 1 was above the dashed line: its inputs are the features, which
# know the labels, where later layers see a constant .5. Exercise 4.2 has other
# activations.)
#
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


# %% jupyter={"outputs_hidden": true}
def speed_figure(run, alt, stop=None):
    curves = {f"layer {k}": speed for k, speed in enumerate(run.speed, 1)}
    fig, ax = plt.subplots()
    names = ("blue", "vermillion", "green", "orange", "purple")
    for colour, (name, speed) in zip(names, curves.items(), strict=True):
        ax.plot(run.shown, speed, color=lab.COLOURS[colour], label=name)
    if stop:
        ax.axvline(stop, ls=":", color=lab.COLOURS["grey"], label="published stop")
    ax.set(yscale="log", xlabel="step", ylabel="relative change of W in a step")
    ax.legend(ncols=2)
    lab.show(fig, alt=alt)


speed_figure(
    runs[5],
    alt="Speed of learning of five sigmoid layers against step, log axis. Layer 5 and 4"
    " start high and fall steeply, then all five are flat and tiny, below 1e-8.",
    stop=400,
)
slowed = runs[5].speed[3] < runs[5].speed[3, 0] / 1000
stop = int(runs[5].shown[slowed.argmax()])
assert 300 <= stop <= 600
lab.reveal("u4.stop", stop)
early = runs[5].speed[:2].max() * 1800
assert early < 1e-4
print(f"layers 1 and 2 move by less than {early:.0e} of their size in 1800 steps")

# %% [markdown]
# As published: the late layers stop between 300 and 600 steps, and layers 1 and 2 never
# began. In 1800 steps they move by less than a ten-thousandth of their size:
# whatever they were drawn as, they are still.
# That is what vanished means. The input goes through a random filter that no error ever
# corrects.
#
# ## 8. ReLU alone does not save it
#
# The slope of a rectifier is 1 or 0. Half of the units pass everything back, so the
# quarter is gone. Same weights of .01, same rate.
#
# **Predict.** Which loss do four ReLU layers reach in 1800 steps?

# %%
lab.predict("u4.relu", None)

# %% jupyter={"outputs_hidden": true}
relus = {
    depth: train(deep(np.random.default_rng(0), depth, "relu", tiny), 1800)
    for depth in (4, 5)
}
what = "All layers are alike and stay low"
neuron_figure(relus[4], "four layers, ReLU", f"{what}, most between 1e-7 and 1e-5.")
neuron_figure(relus[5], "five layers, ReLU", f"{what}, most between 1e-8 and 1e-6.")
speed_figure(
    relus[5],
    alt="Speed of learning of five ReLU layers against step, log axis: layers 1 to 4"
    " flat near 1e-7; layer 5 rises to 1e-4 by step 400 and then falls slowly.",
)
lab.reveal("u4.relu", float(relus[4].loss[-1]))
for depth, run in relus.items():
    first = [np.linalg.norm(norms[0]) for norms in run.norms[:-1]]
    print(f"{depth} layers: {run.loss[-1]:.4f}, dW", *(f"{v:.1e}" for v in first))
    assert abs(run.loss[-1] - 0.6585) < 1e-3
    assert max(first) / min(first) < 2
    assert max(first) < 1e-4

# %% [markdown]
# The seed's reading holds: more neurons take part, all layers are alike, and all of
# them learn nothing. The loss is on its way to the same .6585.
#
# **Why alike?** Each layer of ReLU takes $\sqrt{.5} \cdot .01 \cdot \sqrt{30} = .039$
# from the *forward* signal, and the same from the backward one. `dW` is a product of
# both: layer 1 has the whole input and hardly an error, layer 4 the whole error and
# hardly an input. The activation was changed; the start is to blame.
#
# ## 9. He's start, and a factor of four
#
# He et al. (2015) ask that each ReLU layer keep the size: $\mathrm{Var}(w) = 2/n$.
# The seed derives $\tfrac12 n\,\mathrm{Var}(w) = 1$, correctly, and then writes
# $\mathrm{Var}(w) = 1/(2n)$, in its text and in its code: a quarter of what it should
# be. Its run has five layers, L2 with $\lambda = 1.5$ on the first, rate .008.
#
# **Predict.** It trained all the same. Which of the two variances is at a loss of .1
# first?

# %%
assert abs(0.5**0.5 * 0.01 * 30**0.5 - 0.039) < 5e-4
lab.predict("u4.he", None)


# %% jupyter={"outputs_hidden": true}
def he_run(rng, factor):
    net = deep(rng, 5, "relu", lambda fan_in, fan_out: (factor / fan_in) ** 0.5)
    net.linears[0].lam = 1.5 / len(x_train)
    loss = train(net, 2100, every=2100).loss
    scores = net.accuracy(x_train, y_train), net.accuracy(x_test, y_test)
    return np.array([*loss[::300], *scores])


he = {f: lab.over_seeds(lambda r, f=f: he_run(r, f), range(3)) for f in (0.5, 2)}
lab.reveal("u4.he", "2 / n")
he_published = [0.6930, 0.6274, 0.5294, 0.4088, 0.2337, 0.0490, 0.0130, 0.0061]
print("published  ", *(f"{v:.4f}" for v in he_published), " 100.0%  78.0%")
for factor, name in ((0.5, "1/(2n)"), (2, "2/n")):
    for row in he[factor]:
        print(f"{name:11}", *(f"{v:.4f}" for v in row[:8]), end="")
        print(f"  {row[8]:.1%}  {row[9]:.1%}")
assert np.all(np.abs(he[0.5][:, 0] - 0.693) < 0.01)
assert np.all(np.abs(he[2][:, 0] - 0.693) > 0.03)
assert np.all(he[2][:, 2] < 0.1)
assert np.all(he[0.5][:, 2] > 0.3)

# %% [markdown]
# Losses at step 0, 300, ..., 2100, then the accuracies in training and test.
# The plateau is gone with both. $2/n$ is below .1 at step 600, where $1/(2n)$ is still
# above .3. And the seed's own numbers give the factor away: its loss starts at .6930,
# next to the logarithm of 2, as ours do with $1/(2n)$. Weights that keep their signal
# give
# logits of size 1, and then the first loss is no such round number.
#
# (It has 12,288 inputs where we have 30, so the curves agree in shape and no further.)
#
# ## 10. A centred sigmoid with Xavier's start
#
# The seed's second remedy keeps the sigmoid. Its outputs average .5; subtract that
# behind each hidden layer, and draw weights with variance
# $2 / (fan_{in} + fan_{out})$. The slope is still a quarter at best.
#
# **Predict.** Rate .01, as published: at which loss is it after 1000 steps?

# %%
lab.predict("u4.centred", None)


# %% jupyter={"outputs_hidden": true}
def xavier(fan_in, fan_out):
    return (2 / (fan_in + fan_out)) ** 0.5


def centred_run(rng, rate, steps, std=xavier, activation="centred"):
    return train(deep(rng, 5, activation, std), steps, rate, every=steps).loss


slow = lab.over_seeds(lambda rng: centred_run(rng, 0.01, 1000), range(3))
fast = lab.over_seeds(lambda rng: centred_run(rng, 0.1, 1800), range(3))
assert np.all(np.abs(slow[:, -1] - 0.6575) < 0.002)
assert np.all(np.abs(slow[:, 1000] - fast[:, 100]) < 2e-3)
assert np.all(fast[:, -1] < 0.09)
lab.reveal("u4.centred", float(np.median(slow[:, -1])))

# %% [markdown]
# It creeps, and so did the published run. Ten times the rate does in a tenth of the
# steps what the small one does (to within .002), so let it run on at rate .1, against
# the published curve:

# %%
steps = np.array([0, 300, 600, 900, 1200, 1500, 3000, 6000, 9000, 14_100])
crept = [0.6930, 0.6531, 0.6458, 0.6444, 0.6440, 0.6439, 0.6434, 0.6421, 0.6398, 0.6219]
fig, ax = plt.subplots()
look = lab.scheme("xavier", label="ours, three seeds", marker=None)
ax.fill_between(
    0.1 * np.arange(1801), fast.min(0), fast.max(0), color=look["color"], alpha=0.2
)
ax.plot(0.1 * np.arange(1801), np.median(fast, axis=0), **look)
ax.plot(0.01 * steps, crept, "^-", color=lab.COLOURS["vermillion"], label="published")
for level in best.values():
    ax.axhline(level, ls="--", lw=1.2, color=lab.COLOURS["black"])
ax.set(xlabel="rate times step", ylabel="loss (nats)", ylim=(0, 0.72))
ax.legend()
lab.show(
    fig,
    alt="Loss against rate times step. Ours rests on the upper dashed entropy until"
    " about 60, then falls below .1 by 140; the published run rests on the lower one"
    " and has only begun to leave it at 141.",
)

# %%
parts = {
    "plain, .01": ("sigmoid", tiny),
    "centred, .01": ("centred", tiny),
    "plain, Xavier": ("sigmoid", xavier),
}
for name, (activation, std) in parts.items():
    ends = lab.over_seeds(
        lambda rng, s=std, a=activation: centred_run(rng, 0.1, 1200, s, a)[-1], range(2)
    )
    print(f"{name:15}", ends.round(4))
    assert np.all(ends < 0.3) if std is xavier else np.all(ends > 0.658)
print("centred, Xavier", fast[:2, 1200].round(4))
assert np.all(fast[:, 1200] < 0.3)

# %% [markdown]
# Both curves rest at the entropy of their labels for a long while, and both get away:
# ours is below .09 in three seeds, and the published run has reached .6219 at 14,100 of
# its 23,000 iterations, where its printout is cut off.
#
# Is it the centring or the weights? The table takes them apart, 1200 steps at rate .1:
# the weights. Centring alone stalls; Xavier's weights get a plain sigmoid through as
# well. What centring buys is that no layer sends a constant .5 ahead of its signal;
# exercise 4.5 shows that it leaves the backward formula alone.
#
# ## 11. If you have the pictures
#
# The seed's `train_catvnoncat.h5` is not ours to bundle. Put it beside this notebook
# (and have h5py installed), and the next cell runs on the cats themselves:

# %%
path = Path("train_catvnoncat.h5")
if path.exists():
    x_train, y_train = lab.cats(path)
    y_train = y_train[:, None].astype(float)
    net = deep(np.random.default_rng(0), 4, "sigmoid", tiny)
    net.linears[0].__init__(np.random.default_rng(0).normal(0, 0.01, (12288, 30)))
    print(train(net, 600).loss[::300].round(4), "published: .6953 .6440 .6440")
else:
    print("no pictures here: the published numbers stand for them")

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
