# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 1 · Symmetry
#
# Previous: [The engine](00_the_engine.ipynb) ·
# Next: [Variance bookkeeping](02_variance_bookkeeping.ipynb) ·
# Assignment: [Symmetry](../release/01_symmetry/01_symmetry.ipynb) ·
# [Contents](README.md)
#
# **One question: what can a net learn whose neurons all start alike?**
#
# You will see a layer of four neurons do the work of one. You will find out which
# parameters move from a start at zero, and why a published explanation of it is wrong.
# You will run four published experiments again, and measure how much chance it takes
# to make equal neurons different.
#
# Did you download this notebook alone? Put `dp.py` and `lab.py` of the course beside it
# (both lie in the folder above); it needs numpy, matplotlib and scikit-learn as well.

# %% [markdown]
# **Recall**, from unit 0; answer before you unfold.
#
# <details><summary>A layer computes x @ W + b. Which part of W belongs to one
# neuron?</summary>
# A column: the weights of all inputs into that neuron.</details>
# <details><summary>A value is used along two ways. What is its gradient?</summary>
# The sum of the shares that come back along both.</details>
# <details><summary>How do you set all weights of a net to 0.5?</summary>
# By writing into the live arrays, np.copyto(v, ...) or net.set_param; never v = ....
# </details>

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split

import dp
import lab

lab.style()
SEEDS = range(5)

# %% [markdown]
# The data of the first sections: four clouds in the four quadrants of the plane. Label
# 1 is where both coordinates have the same sign. No straight line separates the labels;
# two lines do, so it takes at least two neurons, and they have to differ.


# %%
def quadrants(rng, n=200):
    corners = rng.choice([-1.0, 1.0], (n, 2))
    return corners + rng.normal(0, 0.3, (n, 2)), corners.prod(axis=1) > 0


class Net(dp.Model):
    def __init__(self, rng, activation=dp.Node.tanh, fan_in=2, width=4):
        super().__init__(rng)
        self.activation = activation
        self.hidden = self.Linear_Layer(fan_in, width, "hidden")
        self.out = self.Linear_Layer(width, 1, "out")

    def forward(self, x):
        return self.out(self.activation(self.hidden(x)))

    def loss(self, x, y):
        return dp.bce_with_logits(self.forward(x), y)


# %% [markdown]
# Two helpers: a constant start, written in place, and plain gradient descent on all
# examples.


# %%
def constant(net, c, bias=0.0):
    for name, v in net.get_param().items():
        v[...] = c if name.endswith("weight") else bias
    return net


def train(net, x, y, steps, rate=0.5, hook=None):
    descent = dp.SGD(net, x, y, {"alpha": rate}, batch_size=None)
    return descent.train(steps, print_each=0, hook=hook).loss


# %% [markdown]
# ## 1. Four neurons that start alike
#
# All weights start at 0.5, all biases at 0. Four tanh neurons, 1000 steps.
#
# **Predict.** How many *different* columns does the hidden weight matrix have then?

# %%
lab.predict("u1.alike", None)
x, y = quadrants(np.random.default_rng(0))

# %%
same = constant(Net(np.random.default_rng(0)), 0.5)
same_loss = train(same, x, y, 1000)
W = same.get_param()["hidden_weight"]
print(W.round(3), f"loss {same_loss[0]:.3f} -> {same_loss[-1]:.3f}")
assert np.ptp(W, axis=1).max() < 1e-9
lab.reveal("u1.alike", 1)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# One. The weights have moved, and all four columns have moved together.
#
# </details>
#
# **Why.** Equal columns give equal pre-activations, so $h_1 = \dots = h_4$. The
# gradient of $W_2$ is $H^\top \delta$: four equal rows. Through equal rows of $W_2$ the
# same gradient comes back to each neuron, and the gradient of $W_1$ has equal columns.
# Equal weights minus equal gradients are equal weights: by induction, for ever.
# Nothing in it depends on the activation, on the data or on the rate.

# %%
gradients, _ = constant(Net(np.random.default_rng(0)), 0.5).get_grad(x, y)
for name, axis in (("hidden_weight", 1), ("hidden_bias", 1), ("out_weight", 0)):
    assert np.ptp(gradients[name], axis=axis).max() < 1e-12
    assert np.abs(gradients[name]).max() > 1e-3

# %% [markdown]
# What has such a net learnt? Beside it is a net of the same size that starts from
# random weights. Colours show each net's probability of label 1 in the plane:

# %%
free = Net(np.random.default_rng(1))
free_loss = train(free, x, y, 1000)
grid = np.stack(np.meshgrid(*[np.linspace(-2, 2, 81)] * 2), axis=-1).reshape(-1, 2)
fig, axes = plt.subplots(1, 2, figsize=(6.6, 4.0), sharey=True)
for ax, net, title in zip(axes, (same, free), ("constant", "random"), strict=True):
    p = net(grid).sigmoid().value.reshape(81, 81)
    look = {"cmap": "PuOr", "vmin": -0.6, "vmax": 1.6, "origin": "lower"}
    ax.imshow(p, extent=(-2, 2, -2, 2), **look)
    for label, marker in ((0, "x"), (1, "o")):
        ax.plot(*x[y == label].T, "k" + marker, ms=3.5, label=f"label {label}")
    ax.set(title=f"{title} start", xlabel="first feature", xlim=(-2, 2), ylim=(-2, 2))
    ax.grid(visible=False)
axes[0].set_ylabel("second feature")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
lab.show(
    fig,
    alt="Two maps of the plane with four clouds of points. The net with the constant"
    " start cuts it by one diagonal line and gets one of the clouds wrong; the net with"
    " the random start answers 1 in a band between two lines and gets all four right.",
)

# %%
for net, loss, name in ((same, same_loss, "constant"), (free, free_loss, "random")):
    accuracy = np.mean((net(x).value[:, 0] > 0) == y)
    print(f"{name:9} loss {loss[-1]:.3f}, accuracy {accuracy:.3f}")
    assert 0.7 < accuracy < 0.8 if net is same else accuracy > 0.95

# %% [markdown]
# A neuron cuts the plane by one line, and four equal neurons cut it by the same one.
# That costs a whole cloud, a quarter of the points. The neurons stay equal, so more
# steps do not change it. The net with the random start has four different lines.

# %% [markdown]
# ## 2. Four neurons are one neuron, exactly
#
# Four equal neurons with the output weight $v$ each add as much to the output as one
# neuron with $4v$. Can one neuron also *train* as the four do?
# Its output weight collects four gradients, so it must move at four times the rate;
# and what comes back to it is four times as large as for each of the four, so its
# input weights need a quarter.
#
# **Check.** Both nets, 300 steps, loss by loss:

# %%
wide = constant(Net(np.random.default_rng(0)), 0.5)
one = constant(Net(np.random.default_rng(0), width=1), 0.5)
one.get_param()["out_weight"][...] = 4 * 0.5
rates = {"hidden_weight": 0.1 / 4, "hidden_bias": 0.1 / 4, "out_weight": 4 * 0.1}
losses = train(wide, x, y, 300, 0.1), train(one, x, y, 300, {**rates, "out_bias": 0.1})
assert np.allclose(*losses, rtol=0, atol=1e-12)

# %% [markdown]
# The assertion holds: not similar, but equal in every step. A layer of a thousand
# neurons that start alike is one neuron with other learning rates.

# %% [markdown]
# ## 3. Measuring it: the rank of a hidden layer
#
# In a trained net nobody prints a thousand columns. Collect the activations $H$, a row
# for each example and a column for each neuron, and look at its singular values: as
# many as there are independent neurons are different from zero.
#
# First subtract the mean of each column. A neuron with the activation $2h + 3$ beside
# one with $h$ adds nothing, since the next layer multiplies and has a bias; without
# centring it would count.
#
# **Predict.** How many of eight singular values are above a millionth of the largest,
# after 300 steps from 0.5? And from random weights?

# %%
lab.predict("u1.rank", None)


# %%
def singular_values(net, x):
    H = net.activation(net.hidden(x)).value
    return np.linalg.svd(H - H.mean(axis=0), compute_uv=False)


def spectrum(rng, c):
    x, y = quadrants(rng)
    net = Net(rng, width=8)
    if c is not None:
        constant(net, c)
    train(net, x, y, 300)
    values = singular_values(net, x)
    return np.maximum(values / values[0], 1e-17)


spectra = {
    name: lab.over_seeds(lambda rng, c=c: spectrum(rng, c), SEEDS)
    for name, c in (("constant", 0.5), ("normal", None))
}
counts = {name: int(np.max(np.sum(v > 1e-6, axis=1))) for name, v in spectra.items()}
lab.reveal("u1.rank", str(counts))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Medians of five seeds; bands from the smallest to the largest ("normal" are the random
# weights, which are drawn from a normal distribution). Dashed is $10^{-16}$,
# where float64 stops telling a number from rounding:
#
# </details>

# %%
fig, ax = lab.depth_curves(
    spectra,
    "singular value (largest = 1)",
    theory={"rounding": np.full(8, 1e-16)},
    xlabel="number of the singular value",
)
lab.show(
    fig,
    alt="Singular values of a centred hidden layer of eight neurons, log axis. From"
    " random weights all eight are above 1e-3; from a constant start the first is one"
    " and all others lie near the dashed line of rounding.",
)
assert np.all(spectra["constant"][:, 1:] < 1e-12)
assert np.all(spectra["normal"] > 1e-3)
assert list(counts.values()) == [1, 8]

# %% [markdown]
# One against eight. The seven others are not zero but near $10^{-16}$ or below:
# arithmetic rounds. So a count of exact zeros, or of exactly equal columns, would be
# fooled; a rank needs a tolerance, and one that is relative to the largest value, since
# activations have no fixed unit. Exercise 1.1 makes a function of it.

# %% [markdown]
# ## 4. Zero
#
# Zero is a constant, so the rank cannot be more than one. But do the weights move at
# all? Many notes claim that nothing ever moves from zero. Kumar writes of tanh that it
# "is hardly learning anything", since "the value of tanh at x = 0 is zero and the
# derivative of tanh is also zero".
#
# **Predict.** The breast-cancer data (357 benign, 212 malignant), 100 steps from zero
# everywhere. How many of the four arrays move with the *sigmoid* in the hidden layer?

# %%
lab.predict("u1.zero", None)


# %%
def moved(activation, x, y, c=0.0, bias=0.0, steps=100):
    net = Net(np.random.default_rng(0), activation, x.shape[1])
    constant(net, c, bias).get_param()["out_bias"][...] = 0
    start = {name: v.copy() for name, v in net.get_param().items()}
    train(net, x, y, steps, rate=0.1)
    change = {name: np.abs(v - start[name]) for name, v in net.get_param().items()}
    return [name for name, size in change.items() if size.max() > 1e-12]


acts = {"sigmoid": dp.Node.sigmoid, "tanh": dp.Node.tanh, "relu": dp.Node.relu}
features, benign = lab.breast_cancer()
assert np.bincount(benign).tolist() == [212, 357]
lab.reveal("u1.zero", len(moved(acts["sigmoid"], features, benign)))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# All four. And the others? The same with as many benign cases as malignant ones:
#
# </details>

# %%
even = np.r_[np.flatnonzero(benign == 0), np.flatnonzero(benign == 1)[:212]]
from_zero = {}
for name, f in acts.items():
    for rows, label in ((slice(None), "357 : 212"), (even, "212 : 212")):
        from_zero[name, label] = moved(f, features[rows], benign[rows])
        print(f"{name:8} {label}: {', '.join(from_zero[name, label]) or 'nothing'}")

# %% [markdown]
# **Why.** With all weights zero, every example gets the same answer.
#
# - *The last bias* has the gradient mean$(p
# - y)$: not zero, unless the labels are   balanced. It moves until $p$ is the share of
#   benign cases.
# - *$W_2$* has the gradient $H^\top\delta$. The sigmoid gives $H = 0.5$ at zero, so it
#   is   half the last bias's gradient. Tanh and ReLU give $H = 0$: no gradient.
# - *$W_1$ and $b_1$* are reached through $W_2$ only. While it is zero, nothing passes.
#
# So with the sigmoid $W_2$ moves first, and everything else from the second step on;
# with tanh and ReLU the last bias moves alone.

# %%
four = ["hidden_weight", "hidden_bias", "out_weight", "out_bias"]
assert from_zero["sigmoid", "357 : 212"] == four
assert from_zero["tanh", "357 : 212"] == from_zero["relu", "357 : 212"] == ["out_bias"]
assert all(not from_zero[name, "212 : 212"] for name in acts)
assert moved(acts["sigmoid"], features, benign, steps=1) == ["out_weight", "out_bias"]

# %% [markdown]
# **The published explanation.** Is the derivative of tanh zero at zero? Ask the engine.
# Then take tanh with a start where only the *value* at zero is gone and the slope stays
# as it was: hidden biases of 1.

# %%
origin = dp.Node(0.0)
origin.tanh().backward()
print("slope of tanh at 0:", origin.gradient.item())
print(
    "tanh, hidden biases 1:", ", ".join(moved(acts["tanh"], features, benign, bias=1))
)
assert origin.gradient.item() == 1
assert moved(acts["tanh"], features, benign, bias=1) == four

# %% [markdown]
# The slope is 1, the largest that tanh has. Because the *value* tanh(0) is 0, $W_2$
# gets no gradient; because $W_2$ is 0, nothing before it gets one. With a bias of 1 the
# hidden layer gives tanh(1), at a smaller slope, and everything moves. A wrong reason
# is worth correcting: from "the slope is zero" one would conclude that small weights
# are bad for tanh, and they are where tanh passes gradients best.

# %% [markdown]
# ## 5. Four published experiments, run again
#
# Kumar trains a net of two hidden neurons on four blobs, 1000 points, a
# quarter held out, from zeros, with four activations. Its notebook prints
# accuracies; its text says that biases "are always initialized to the value one".
# Its code, though, starts them at zero with zero weights. Which of the two belongs to
# the printed numbers?
#
# **Predict.** With biases of one and weights of zero, what accuracy does tanh reach?
# (Four equal classes: guessing gives 0.25.)

# %%
lab.predict("u1.ones", None)


# %%
class Blobs(dp.Model):
    def __init__(self, activation):
        super().__init__(np.random.default_rng(0))
        self.activation = activation
        self.hidden = self.Linear_Layer(2, 2, "hidden")
        self.out = self.Linear_Layer(2, 4, "out")

    def forward(self, x):
        return self.out(self.activation(self.hidden(x)))

    def loss(self, x, y):
        return dp.softmax_cross_entropy(self.forward(x), y)


points, classes = make_blobs(1000, centers=4, random_state=0)
xt, xv, yt, yv = train_test_split(points, classes, stratify=classes, random_state=0)

# %% [markdown]
# Rates and steps are Kumar's. (For tanh it uses a momentum method; where only the
# last bias moves, the method makes no difference to the accuracy.)

# %%
acts["leaky"] = lambda z: z.leaky_relu(0.1)
settings = {
    "sigmoid": (1, 50),
    "tanh": (0.5, 100),
    "relu": (0.25, 50),
    "leaky": (0.5, 50),
}
published = {"sigmoid": 0.540, "tanh": 0.248, "relu": 0.248, "leaky": 0.248}
ours, ranks = {0: {}, 1: {}}, []
for bias in ours:
    for name, (rate, steps) in settings.items():
        net = constant(Blobs(acts[name]), 0.0, bias)
        train(net, xt, yt, steps, rate)
        ours[bias][name] = float(np.mean(net(xv).value.argmax(axis=1) == yv))
        values = singular_values(net, xt)
        ranks.append(int(np.sum(values > 1e-9 * max(values[0], 1e-9))))

# %% [markdown]
# Accuracy on the 250 held-out points; the dashed line is guessing:

# %%
fig, ax = plt.subplots()
rows = [("published", published, "slate", "//"), ("biases 0", ours[0], "sky", "")]
rows += [("biases 1", ours[1], "sand", "..")]
for k, (label, values, colour, hatch) in enumerate(rows):
    look = {"color": lab.COLOURS[colour], "hatch": hatch, "edgecolor": "white"}
    bars = ax.bar(
        np.arange(4) + 0.27 * (k - 1), values.values(), 0.25, label=label, **look
    )
    ax.bar_label(bars, fmt="%.3f", fontsize=10, padding=3, rotation=90)
ax.axhline(0.25, ls="--", color=lab.COLOURS["black"], lw=1.2, label="guessing")
ax.set_xticks(range(4), ["sigmoid", "tanh", "ReLU", "leaky ReLU"])
ax.set(ylabel="validation accuracy", ylim=(0, 1))
ax.legend(ncols=2, loc="upper center")
lab.show(
    fig,
    alt="Bars of validation accuracy for four activations from zero weights: published,"
    " ours with biases of zero, ours with biases of one. The first two are equal: 0.540"
    " for sigmoid, 0.248 for the others. With biases of one sigmoid is lower and the"
    " others are above 0.5.",
)
lab.reveal("u1.ones", ours[1]["tanh"])

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# With biases of zero all four published numbers come again, to every digit. With the
# biases of one that the text names, tanh reaches 0.588, ReLU 0.536 and the leaky one
# 0.624: the text contradicts its own numbers. Only a run can show which of the two is
# right.
#
# </details>
#
# All eight nets end with a hidden rank of one or none: where they are better than
# guessing, it is with one neuron's view, in which the four blobs overlap.

# %%
assert {name: round(a, 3) for name, a in ours[0].items()} == published
assert np.allclose([*ours[1].values()], [0.460, 0.588, 0.536, 0.624])
assert ranks == [1, 0, 0, 0, 1, 1, 1, 1]
assert (len(xv), len(xt)) == (250, 750)

# %% [markdown]
# ## 6. How much chance does it take?
#
# Add a little noise to the hidden weights of the constant start and leave all else
# alone. If small differences grow fast, the smallest noise is enough, and rounding
# alone would make the neurons different in the end.
#
# **Predict.** Which is the smallest of the noises $10^{-9}$, $10^{-6}$, $10^{-3}$ and
# $10^{-1}$ with which all of five nets have a loss below 0.2 after 1000 steps? Write
# its exponent.

# %%
lab.predict("u1.noise", None)


# %%
def from_noise(rng, noise):
    x, y = quadrants(rng)
    net, ratios = constant(Net(rng), 0.5), []
    net.get_param()["hidden_weight"][...] += noise * rng.normal(size=(2, 4))

    def hook(step, loss, model):
        if step % 25 == 1:
            values = singular_values(model, x)
            ratios.append(values[1] / values[0])

    loss = train(net, x, y, 1000, hook=hook)
    return np.array([ratios, loss[::25]])


noises = [1e-9, 1e-6, 1e-3, 1e-1]
runs = {
    k: lab.over_seeds(lambda rng, k=k: from_noise(rng, k), SEEDS) for k in noises
}  # (seeds, 2, 40)

# %% [markdown]
# Above, how different the neurons are: the second singular value of $H$ over the first.
# Dashed: the curve of the smallest noise, multiplied by the ratio of the noises.
# Below, the loss, where the two smallest lie on top of each other:

# %%
fig, axes = plt.subplots(2, 1, figsize=(6, 6.4), sharex=True)
at = np.arange(40) * 25 + 1
for k, colour in zip(noises, ("sand", "teal", "indigo", "wine"), strict=True):
    for side, ax in enumerate(axes):
        rows, c = runs[k][:, side], lab.COLOURS[colour]
        low, high = rows.min(axis=0), rows.max(axis=0)
        ax.fill_between(at, low, high, color=c, alpha=0.25, lw=0)
        ax.plot(at, np.median(rows, axis=0), color=c, label=f"noise {k:.0e}")
    linear = np.median(runs[1e-9][:, 0], axis=0) * k / 1e-9
    axes[0].plot(at, linear, "--", color=lab.COLOURS["black"], lw=1)
axes[0].set(yscale="log", ylim=(1e-11, 2), ylabel="2nd / 1st singular value")
axes[1].set(yscale="log", ylabel="loss (nats)", xlabel="step")
lab.plain_ticks(axes[1])
axes[1].legend(loc="lower left")
lab.show(
    fig,
    alt="Above: second over first singular value against the step, log axis, for four"
    " noises; three run along dashed lines and grow less than a hundredfold, the"
    " largest reaches one half. Below: only the largest leaves the plateau of the loss"
    " in all seeds.",
)
final = {k: run[:, 1, -1] for k, run in runs.items()}
found = [k for k in noises if final[k].max() < 0.2]
lab.reveal("u1.noise", float(np.log10(min(found))))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Only $10^{-1}$. The differences grow by less than a hundredfold in 1000 steps, and in
# proportion to what they started from: the dashed lines hold over eight powers of ten,
# up to where the neurons clearly differ. So a very small noise is not enough.
# The noise must be large enough to matter *at the start*; rounding, at $10^{-16}$,
# would need longer than anybody waits.
#
# </details>

# %%
growth = np.median(runs[1e-9][:, 0, -1] / runs[1e-9][:, 0, 0])
linear = runs[1e-6][:, 0] / runs[1e-9][:, 0] / 1e3
assert 5 < growth < 100
assert np.allclose(linear, 1, rtol=0.05)
assert found == [1e-1]
assert final[1e-1].max() < 0.1 < 0.4 < final[1e-6].min()

# %% [markdown]
# ## 7. Where must chance enter?
#
# Not every parameter has to be random. Draw one of the four arrays from a normal
# distribution of standard deviation 0.5 and leave the others constant, weights at 0.5
# and biases at 0.
#
# **Predict.** Which of the arrays does *not* help: "hidden_weight", "hidden_bias",
# "out_weight" or "out_bias"?

# %%
lab.predict("u1.where", None)


# %%
def one_random(rng, name):
    x, y = quadrants(rng)
    net = constant(Net(rng), 0.5)
    v = net.get_param()[name]
    v[...] = rng.normal(0, 0.5, v.shape)
    return train(net, x, y, 1000)[-1]


ends = {}
for name in four:
    ends[name] = lab.over_seeds(lambda rng, n=name: one_random(rng, n), SEEDS)
    print(f"{name:14} loss {ends[name].min():.2f} to {ends[name].max():.2f}")
assert all(ends[name].max() < 0.3 for name in four[:3])
assert ends["out_bias"].min() > 0.4
lab.reveal("u1.where", "out_bias")

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Any array that has an entry *for each neuron* will do. Random hidden biases shift the
# neurons along the one direction, random output weights send different gradients back,
# and the first step makes the rest different. The last bias belongs to no neuron.
#
# </details>
#
# This is why later units may start biases at zero, or even a whole matrix: residual
# nets do so on purpose (unit 10). One source of chance a layer is enough.

# %% [markdown]
# **A symmetry that does no harm.** Swap two neurons of any net, columns of $W_1$ and
# rows of $W_2$: the net computes the same. Turn all signs of a tanh neuron: the same
# again. These symmetries relate *different* sets of parameters. Harm is done where a
# set of parameters is mapped to *itself*, for gradient descent keeps it so.

# %%
p, swap, mirror = free.get_param(), [1, 0, 2, 3], Net(np.random.default_rng(0))
columns = {name: p[name][:, swap] for name in ("hidden_weight", "hidden_bias")}
mirror.set_param({**p, **columns, "out_weight": p["out_weight"][swap]})
assert np.allclose(mirror(x).value, free(x).value)
mirror.set_param({**p, **{k: -v for k, v in p.items() if k != "out_bias"}})
assert np.allclose(mirror(x).value, free(x).value)

# %% [markdown]
# ## Summary
#
# | start | what moves | rank of the hidden layer |
# |---|---|---|
# | constant, not 0 | everything, neurons together | 1 |
# | 0, sigmoid | everything, neurons together; nothing if labels are balanced | 1 or 0 |
# | 0, tanh or ReLU | the last bias; nothing if labels are balanced | 0 |
# | 0 with hidden biases of 1 | as with the sigmoid | 1 or 0 |
# | one array for each neuron random | everything | as many as there are neurons |
#
# - Neurons that start alike are one neuron, with other learning rates.
# - The slope of tanh at zero is 1. Its value there is 0, and that is what stops $W_2$.
# - Chance must be large enough to matter at the start. *How* large is unit 2.

# %% [markdown]
# **Checkpoint.** Say it aloud, then unfold.
#
# <details><summary>Dropout switches neurons off at random while a net trains. Could it
# make equal neurons different?</summary>
# Yes: it gives them different gradients. The induction of section 1 needs the same
# forward pass for each.</details>
# <details><summary>A net starts at 0.5 everywhere and has two hidden layers. What is
# the
# rank of each?</summary>
# At most 1 in both: the argument goes through layer by layer.</details>
# <details><summary>Two rows of W1 are equal, its columns are not. Does that hurt?
# </summary>
# No: these are two inputs that start with the same weight, and their gradients differ
# as the inputs do.</details>
#
# **Exercises**: the assignment *Symmetry*: the rank (1.1), training from a constant
# (1.2), and saying beforehand what moves (1.3).

# %% [markdown]
# **Sources.**
# D. E. Rumelhart, G. E. Hinton and R. J. Williams (1986), *Learning internal
# representations by error propagation*, in Parallel Distributed Processing 1, ch. 8,
# "Symmetry breaking": equal weights never part.
# I. Goodfellow, Y. Bengio and A. Courville (2016), *Deep Learning*, sec. 8.4.
# Kumar: text and notebook. Full references: [bibliography](README.md#bibliography).

# %% [markdown]
# Previous: [The engine](00_the_engine.ipynb) ·
# Next: [Variance bookkeeping](02_variance_bookkeeping.ipynb) ·
# Assignment: [Symmetry](../release/01_symmetry/01_symmetry.ipynb) ·
# [Contents](README.md)
