# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 0 · The engine
#
# Next: [Symmetry](01_symmetry.ipynb) ·
# Assignment: [The engine](../release/00_the_engine/00_the_engine.ipynb) ·
# [Contents](README.md)
#
# **One question: how does a program know in which direction each of its parameters
# should move?**
#
# All experiments of this course run on `dp.py`, one file under one idea:
# remember how a value was made, and walk that way back.
# You will follow the walk with a pencil, derive the gradients of a layer, add an
# operation of your own, catch a wrong derivative that a loss curve does not show, and
# change parameters in place.
#
# What you should know beforehand, the notation and all sources are on
# [the front page](README.md).
#
# Did you download this notebook alone? Put `dp.py` and `lab.py` of the course beside it
# (both lie in the folder above); it needs numpy, matplotlib and scikit-learn as well.

# %% [markdown]
# **Recall**, from school; answer before you unfold.
#
# <details><summary>What is the derivative of (3w − 1)² at w = 1?</summary>
# The outer derivative 2 (3w − 1) = 4 times the inner one, 3: that is 12.</details>
# <details><summary>If L depends on s, and s on w, how fast does L change with
# w?</summary>
# By the product of the two rates. This is the chain rule, and all there is to
# it.</details>
# <details><summary>And if L depends on w along two ways?</summary>
# Each way has its product, and the two are added.</details>

# %%
import matplotlib.pyplot as plt
import numpy as np

import dp
import lab

lab.style()
SEEDS = range(5)

# %% [markdown]
# ## 1. Values that remember where they came from
#
# A `Node` holds a matrix and the nodes that it was computed from. A number becomes a
# matrix of one row and one column.
# Take one weight, one input and one target, and the squared error of their product:

# %%
w, x, t = dp.Node(3.0, "w"), dp.Node(2.0, "x"), dp.Node(1.0, "t")
product = w * x
difference = product - t
loss = difference.square()
print(loss)
print("made by", loss.operation.name, "from", loss.parents)

# %% [markdown]
# The loss is $(3 \cdot 2 - 1)^2 = 25$, and it knows its parent, which knows its own.
# `dp` keeps no formula, only the steps that the program took. The way back needs them.
#
# **Predict.** If $w$ grows by a little, by how many times that little does the loss
# grow?

# %%
assert loss.value[0, 0] == 25
lab.predict("u0.chain", None)

# %%
loss.backward()
assert difference.gradient[0, 0] == 2 * 5
assert product.gradient[0, 0] == 10
assert w.gradient[0, 0] == 10 * 2
assert x.gradient[0, 0] == 10 * 3
lab.reveal("u0.chain", float(w.gradient[0, 0]))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Twenty. `backward` has put a gradient beside every value: how fast the loss grows with
# *that* value. The picture has both, the value above and the gradient below:
#
# </details>


# %%
def draw(nodes, edges, ax):
    for start, end in edges:
        (x0, y0), (x1, y1) = nodes[start][0], nodes[end][0]
        arrow = {"arrowstyle": "->", "shrinkA": 24, "shrinkB": 24, "color": "#767676"}
        ax.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
    for name, (place, node) in nodes.items():
        value, gradient = node.value.item(), node.gradient.item()
        ax.text(*place, f"{name}\n{value:g}", ha="center", va="bottom")
        below = place[0], place[1] - 0.04
        ax.text(*below, f"{gradient:g}", ha="center", va="top", color="#D55E00")
    ax.set(xlim=(-0.5, 3.6), ylim=(-0.6, 1.6))
    ax.axis("off")


places = [("w", (0, 1), w), ("x", (0, 0), x), ("w x", (1, 0.5), product)]
places += [("t", (1, -0.35), t), ("w x − t", (2.1, 0.2), difference)]
nodes = {name: (place, node) for name, place, node in places}
nodes["loss"] = ((3.3, 0.2), loss)
edges = [("w", "w x"), ("x", "w x"), ("w x", "w x − t"), ("t", "w x − t")]
edges += [("w x − t", "loss")]

# %%
fig, ax = plt.subplots(figsize=(7, 3.2))
draw(nodes, edges, ax)
lab.show(
    fig,
    alt="A graph with arrows from w and x to their product, from it and t to the"
    " difference, and on to the loss. Below each value is its gradient: loss 1,"
    " difference 10, t -10, product 10, w 20, x 30.",
)

# %% [markdown]
# Read the orange numbers from right to left. The loss grows with itself at rate 1.
# Squaring multiplies by $2 \cdot 5$; a difference hands its gradient on, with the
# sign turned for $t$; a product gives each factor the gradient **times the other
# factor**. Every operation needs to know only its own neighbours.

# %% [markdown]
# ## 2. Used twice: shares are added
#
# Now a value that is used along two ways, $L = s^2 + 4s$ with $s = wx$, in the shape of
# a diamond: the graph parts at $s$ and comes together again.
#
# **Predict.** With $w = 3$ and $x = 2$: what is the gradient of $s$?

# %%
lab.predict("u0.diamond", None)

# %%
w, x = dp.Node(3.0), dp.Node(2.0)
s = w * x
(s.square() + s * 4).backward()
assert s.gradient[0, 0] == 2 * 6 + 4
assert w.gradient[0, 0] == 16 * 2
lab.reveal("u0.diamond", float(s.gradient[0, 0]))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Sixteen: $2s = 12$ along one way plus 4 along the other.
# An engine that *sets* the gradient where it should *add* gives 12 or 4, whichever way
# it walks last. On a chain without a fork it is right. So a test on a chain does not
# notice this mistake.
#
# </details>
#
# `dp` walks from the newest node to the oldest. A node is older than everything that
# uses it, so when its turn comes, all of its shares have arrived.

# %% [markdown]
# ## 3. An operation of your own
#
# An operation is one formula on arrays and one *rule* for each input:
# `g` is the gradient that arrives at the output, and the rule returns the share of the
# input. Softplus, $\ln(1 + e^x)$, is not in the engine.
# Its slope is the sigmoid $1 / (1 + e^{-x})$, so:

# %%
softplus = dp.Operation(
    "softplus",
    lambda x: np.logaddexp(0, x),
    lambda g, y, x: g / (1 + np.exp(-x)),
)
z = dp.Node([[-2.0, 0.0, 2.0]])
softplus(z).sum().backward()
print("value   ", softplus(z).value.round(3))
print("gradient", z.gradient.round(3))
assert np.allclose(z.gradient, 1 / (1 + np.exp(-z.value)))

# %% [markdown]
# Every rule has `g` as a factor: `g` is the rest of the chain.
# The engine adds the shares of several uses, and sums over rows where an input was
# broadcast. The rule does neither.
# Exercise 0.1 adds another operation in this way.

# %% [markdown]
# ## 4. Trust no formula: measure the slope
#
# Is the rule right? Measure: move the input by a small step $\varepsilon$, and divide
# the change of the output by it, on one side or on both:
#
# $$\frac{f(x + \varepsilon) - f(x)}{\varepsilon} = f' + \frac{\varepsilon}{2} f'' +
# \dots \qquad
# \frac{f(x + \varepsilon) - f(x - \varepsilon)}{2\varepsilon} = f' +
# \frac{\varepsilon^2}{6} f''' + \dots$$
#
# (Taylor's theorem, to the next term.) So the step should be small.
#
# **Predict.** The smaller the better? Write the exponent $k$ for which a step of
# $10^k$ on *both* sides gives the slope of the sine best, in float64.

# %%
lab.predict("u0.step", None)
steps = 10.0 ** np.arange(-15, 0)


# %%
def errors(rng):
    x = rng.uniform(0.5, 1.2, (20, 1))
    one = (np.sin(x + steps) - np.sin(x)) / steps - np.cos(x)
    two = (np.sin(x + steps) - np.sin(x - steps)) / (2 * steps) - np.cos(x)
    return np.median(np.abs([one, two]), axis=1)  # over 20 places


off = lab.over_seeds(errors, SEEDS)  # (seeds, 2, steps)

# %% [markdown]
# Bands go from the smallest to the largest of five seeds, with twenty places each;
# dashed are $\varepsilon f''/2$ and $\varepsilon^2 f'''/6$ on the right and, as a
# ceiling, $10^{-16} / \varepsilon$ on the left:

# %%
fig, ax = plt.subplots()
dashes = {"ls": "--", "lw": 1.2, "color": lab.COLOURS["black"]}
looks = [("one side", "vermillion"), ("both sides", "blue")]
for side, (name, colour) in enumerate(looks):
    low, high = off[:, side].min(axis=0), off[:, side].max(axis=0)
    ax.fill_between(steps, low, high, color=lab.COLOURS[colour], alpha=0.7, label=name)
typical = np.array([np.sin(0.85) / 2, np.cos(0.85) / 6])
ax.plot(steps[6:], typical[0] * steps[6:], label="theory", **dashes)
ax.plot(steps[9:], typical[1] * steps[9:] ** 2, **dashes)
ax.plot(steps[:12], 1e-16 / steps[:12], **dashes)
ax.set(xscale="log", yscale="log", xlabel="step eps", ylabel="error of the slope")
ax.legend()
lab.show(
    fig,
    alt="Error of a measured slope against the step, both axes logarithmic. One-sided"
    " differences fall with the step down to 1e-8 and rise again to the left; central"
    " ones fall with the square of the step down to 1e-11 near 1e-5 and join the same"
    " rise.",
)
best = steps[np.median(off, axis=0).argmin(axis=1)]
lab.reveal("u0.step", float(np.log10(best[1]).round()))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# No: below $10^{-5}$ it gets worse again. A float64 carries 16 digits; of two numbers
# that agree in the first ten, the difference keeps six, and dividing by $\varepsilon$
# makes the lost digits large. Rounding rises as $10^{-16}/\varepsilon$ while the
# formula's error falls, and the best step is where the two meet.
#
# </details>
#
# **Published beside ours.** Press et al. (*Numerical Recipes*, sec. 5.7) give the best
# step as $\epsilon_m^{1/2}$ for one side and $\epsilon_m^{1/3}$ for both, times a
# length on which the function bends:

# %%
machine = np.finfo(float).eps
published = [machine ** (1 / 2), machine ** (1 / 3)]
for (name, _), rule, ours in zip(looks, published, best, strict=True):
    print(f"{name:10}  published {rule:.1e}  best power of ten here {ours:.0e}")
assert np.allclose(best, [1e-8, 1e-5])
smallest = np.median(off, axis=0).min(axis=1)
assert smallest[1] < 1e-10
assert 1e-9 < smallest[0] < 1e-7
right = np.median(off, axis=0)
assert np.allclose(right[1, 12:] / right[1, 11:14], 100, rtol=0.1)  # eps squared
assert np.allclose(right[0, 9:] / right[0, 8:14], 10, rtol=0.1)
assert 4e-3 < np.finfo(np.float32).eps ** (1 / 3) < 6e-3
assert np.all(np.abs(np.log10(published) - np.log10(best)) < 0.5)

# %% [markdown]
# They agree to the nearest power of ten. Central differences at $10^{-5}$ are good to
# ten digits, one-sided ones at best to eight: hence the factor of two in cost.

# %% [markdown]
# ## 5. The gradients of a layer, entry by entry
#
# A layer computes $Z = XW + b$. Rows of $X$ are examples, and a column of $W$ belongs
# to one unit. Written out, unit $k$ gives for example $i$
#
# $$z_{ik} = \sum_j x_{ij}\, w_{jk} + b_k .$$
#
# Let $G$ have the entries $g_{ik} = \partial L / \partial z_{ik}$: the gradient that
# comes back to $Z$. The chain rule adds up all the ways from a number to $L$:
#
# - the weight $w_{jk}$ is used once in each example, with the factor $x_{ij}$:
#   $\partial L/\partial w_{jk} = \sum_i x_{ij}\, g_{ik}$;
# - the bias $b_k$ is used once in each example, with the factor 1: $\sum_i g_{ik}$;
# - the input $x_{ij}$ is used once in each unit, with the factor $w_{jk}$:
#   $\partial L/\partial x_{ij} = \sum_k g_{ik}\, w_{jk}$.

# %% [markdown]
# As matrices, these three sums are
#
# $$\frac{\partial L}{\partial W} = X^\top G, \qquad
# \frac{\partial L}{\partial b} = \textstyle\sum_i g_{i\cdot}, \qquad
# \frac{\partial L}{\partial X} = G\, W^\top .$$
#
# Each gradient has the shape of what it belongs to, which is a quick test of which
# factor is transposed. **Check** against the engine, with
# $L = \sum_{ik} g_{ik} z_{ik}$, whose gradient with respect to $Z$ is $G$:

# %%
rng = np.random.default_rng(0)
X, W, b = (dp.Node(rng.normal(size=size)) for size in ((5, 3), (3, 2), (1, 2)))
G = rng.normal(size=(5, 2))
((X @ W + b) * G).sum().backward()
assert np.allclose(W.gradient, X.value.T @ G)
assert np.allclose(b.gradient, G.sum(axis=0, keepdims=True))
assert np.allclose(X.gradient, G @ W.value.T)

# %% [markdown]
# ## 6. What a classifier minimises
#
# A classifier gives each example a number $z$ of any size, its **logit**. The sigmoid
# makes a probability of it, $p = 1/(1 + e^{-z})$, for label 1; label 0 gets $1 - p$.
# The **cross-entropy** of an example is minus the logarithm of the probability that its
# own label gets,
#
# $$\ell = -y \ln p - (1 - y) \ln (1 - p),$$
#
# and the loss is its mean over the examples. With the natural logarithm its unit is the
# **nat**. A sure and right answer costs nearly 0, an even guess costs
# $\ln 2 = 0.693$ nats. Since $p' = p (1 - p)$, the gradient with respect to the logit
# is plain: $\partial \ell / \partial z = p - y$.

# %%
z, y = dp.Node([[-1.0], [0.0], [3.0]]), np.array([[0.0], [1.0], [1.0]])
loss = dp.bce_with_logits(z, y)
loss.backward()
p = 1 / (1 + np.exp(-z.value))
assert np.allclose(z.gradient, (p - y) / 3)  # a mean over three examples
assert np.isclose(loss.value.item(), -np.log([1 - p[0], p[1], p[2]]).mean())
assert abs(-np.log(p[1]).item() - 0.693) < 5e-4

# %% [markdown]
# ## 7. A model, and all its gradients
#
# A `Model` collects layers, names their parameters and returns the gradient of its loss
# for all of them at once. The activation is a parameter of this class, so that it can
# be exchanged below:


# %%
class Net(dp.Model):
    def __init__(self, rng, activation=softplus):
        super().__init__(rng)
        self.activation = activation
        self.first = self.Linear_Layer(30, 8, "first")
        self.second = self.Linear_Layer(8, 8, "second")
        self.last = self.Linear_Layer(8, 1, "last")

    def forward(self, x):
        x = self.activation(self.first(x))
        return self.last(self.activation(self.second(x)))

    def loss(self, x, y):
        return dp.bce_with_logits(self.forward(x), y)


# %% [markdown]
# The data: 569 tumours, 30 measurements each, benign or not. One call of `get_grad`:

# %%
features, labels = lab.breast_cancer()
net = Net(np.random.default_rng(0))
gradients, loss = net.get_grad(features, labels)
for name, gradient in gradients.items():
    print(f"{name:14} {net.get_param()[name].shape!s:9} gradient {gradient.shape}")
count = sum(g.size for g in gradients.values())
assert features.shape == (569, 30)
print(f"loss {loss:.3f} nats, {count} parameters")

# %% [markdown]
# **Predict.** To measure all of these slopes, one entry at a time and on both sides,
# how often must the net run?

# %%
lab.predict("u0.cost", None)

# %%
assert count == 30 * 8 + 8 + 8 * 8 + 8 + 8 + 1
assert 2 * count == 658
lab.reveal("u0.cost", 2 * count)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# 658 runs for what `backward` does in one walk, which is why nobody trains like this.
# As a *test* it need not be complete: take one random direction $D$ for all parameters
# together. The loss along it changes at the rate
#
# </details>
#
# $$\frac{L(W + \varepsilon D) - L(W - \varepsilon D)}{2\,\varepsilon} \approx
# \sum \mathrm{gradient} \cdot D ,$$
#
# two runs and one number. A wrong entry anywhere changes the sum.


# %%
def direction_check(net, x, y, rng, eps=1e-5):
    start = {name: array.copy() for name, array in net.get_param().items()}
    direction = {name: rng.normal(size=v.shape) for name, v in start.items()}
    gradients, _ = net.get_grad(x, y)
    claimed = sum((gradients[name] * d).sum() for name, d in direction.items())
    losses = []
    for sign in (1, -1):
        moved = {name: v + sign * eps * direction[name] for name, v in start.items()}
        net.set_param(moved)
        losses.append(net.loss(x, y).value.item())
    net.set_param(start)
    measured = (losses[0] - losses[1]) / (2 * eps)
    return abs(claimed - measured) / (abs(claimed) + abs(measured))


differences = lab.over_seeds(
    lambda rng: direction_check(Net(rng), features, labels, rng), SEEDS
)
print("relative difference below 1e-7 in", np.sum(differences < 1e-7), "of five nets")
assert differences.max() < 1e-7

# %% [markdown]
# All five agree to seven digits and more. Exercise 0.2 is the complete version, entry
# by entry, which also says *where* a gradient is wrong.

# %% [markdown]
# ## 8. A wrong rule can learn as well
#
# Does the loss not show a wrong gradient as well? Give softplus two wrong rules: the
# slope of ReLU, which is 0 or 1 where the right one goes smoothly from one to the
# other, and the right slope with its sign turned. The way forward is the same for all
# three.
#
# **Predict.** After 200 steps, which of the three has the lowest loss: "right",
# "ReLU's slope" or "sign turned"?

# %%
lab.predict("u0.rules", None)

# %%
forward = softplus.forward
rules = {
    "right": softplus,
    "ReLU's slope": dp.Operation("wrong", forward, lambda g, y, x: g * (x > 0)),
    "sign turned": dp.Operation(
        "wrong", forward, lambda g, y, x: -g * (1 - np.exp(-y))
    ),
}
losses = {}
for name, rule in rules.items():
    losses[name, "SGD, rate 0.1"] = lab.over_seeds(
        lambda rng, rule=rule: (
            dp.SGD(Net(rng, rule), features, labels, {"alpha": 0.1}, batch_size=None)
            .train(200, print_each=0)
            .loss
        ),
        SEEDS,
    )

# %% [markdown]
# Lines are medians of five seeds, bands go from the lowest to the highest:

# %%
fig, axes = lab.loss_curves(losses)
lab.show(
    fig,
    alt="Loss against step for three rules, five seeds each. The right rule and ReLU's"
    " slope both fall to about 0.07; the sign turned stays above 0.6.",
)
final = {name: runs[:, -1] for (name, _), runs in losses.items()}
wins = int(np.sum(final["ReLU's slope"] < final["right"]))
lab.reveal("u0.rules", min(final, key=lambda name: np.median(final[name])))

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# The wrong slope ends *below* the right one, in all five seeds. Its loss gives no
# reason for suspicion, and yet its steps do not follow the gradient of this loss. The
# turned sign sends the second layer uphill (the first layer's gradient passes two
# turned signs, and is right again); its loss comes to rest near 0.66. Why just there?
# Unit 4 answers that.
#
# </details>
#
# What does the test of section 7 find?

# %%
for name, rule in rules.items():
    found = lab.over_seeds(
        lambda rng, rule=rule: direction_check(Net(rng, rule), features, labels, rng),
        SEEDS,
    )
    print(f"{name:13}", "below 1e-7" if found.max() < 1e-7 else found.round(2))
    assert found.max() < 1e-7 if name == "right" else found.min() > 0.01
assert wins == 5
assert np.all(np.abs(final["sign turned"] - 0.66) < 0.03)
assert final["sign turned"].min() > 0.6
assert final["right"].max() < 0.1

# %% [markdown]
# Two runs of the net are enough: both wrong rules are off by more than five powers of
# ten in every seed. A loss that falls is no proof of a gradient.
# This is the first habit of the course: **theory and measurement side by side**.

# %% [markdown]
# ## 9. Parameters are changed in place
#
# The rest of the course is about the numbers that parameters start from.
# `net.get_param()` returns the arrays that the net computes with. deep.TEACHING's
# notebook writes into them with `np.copyto(v, W)`. Many students write `v = W`.
#
# **Predict.** What is the loss after the loop below, which was meant to set all
# parameters to zero?

# %%
lab.predict("u0.rebind", None)

# %%
net = Net(np.random.default_rng(0))
before = net.loss(features, labels).value.item()
for v in net.get_param().values():
    v = np.zeros(v.shape)
after = net.loss(features, labels).value.item()
assert after == before
assert abs(before - np.log(2)) > 0.01
lab.reveal("u0.rebind", after)

# %% [markdown]
# <details><summary><b>What came out</b></summary>
#
# Exactly what it was: the net did not change. `v = ...` gives the *name* `v` to a new
# array, and leaves the net's array as it is. To write *into* the array, any of these
# does: `v[...] = W`, `np.copyto(v, W)`, `v *= 0`.
#
# </details>

# %%
for v in net.get_param().values():
    np.copyto(v, np.zeros(v.shape))
zeroed = net.loss(features, labels).value.item()
print(f"loss {zeroed:.4f}")
assert np.isclose(zeroed, np.log(2))
assert abs(np.log(2) - 0.693) < 5e-4

# %% [markdown]
# **Alias.** The opposite mistake is to hand over the array itself.
# Two names, one array: here a "record of the weights at each step", which holds the
# same thing three times over.

# %%
net, record, copies = Net(np.random.default_rng(0)), [], []
optimiser = dp.SGD(net, features, labels, {"alpha": 0.1}, batch_size=None)
for _ in range(3):
    optimiser.train(1, print_each=0)
    record.append(net.get_param()["last_weight"])
    copies.append(net.get_param()["last_weight"].copy())
print("recorded:", [round(float(w[0, 0]), 4) for w in record])
print("copied:  ", [round(float(w[0, 0]), 4) for w in copies])
assert record[0] is record[2]
assert not np.array_equal(copies[0], copies[2])

# %% [markdown]
# **Broadcast.** The third mistake raises no error either. A bias has one row and eight
# columns; NumPy copies it into all eight rows of a weight matrix. Unit 1 is about what
# equal rows and columns do:

# %%
weight, bias = net.get_param()["second_weight"], net.get_param()["first_bias"]
np.copyto(weight, bias)  # meant for the bias of this layer
print("shapes", weight.shape, bias.shape, "rank", np.linalg.matrix_rank(weight))
assert np.linalg.matrix_rank(weight) == 1

# %% [markdown]
# `net.set_param` compares shapes first and refuses. In exercise 0.3 you write a
# relative of it that can also be undone.

# %% [markdown]
# ## 10. A step of training
#
# Gradient descent computes the gradients, takes a share
# `alpha` of each, and subtracts it, in place. By hand and by `dp.SGD`:

# %%
mine, theirs = (Net(np.random.default_rng(1)) for _ in range(2))
for _ in range(20):
    gradients, _ = mine.get_grad(features, labels)
    for name, v in mine.get_param().items():
        v -= 0.1 * gradients[name]
dp.SGD(theirs, features, labels, {"alpha": 0.1}, batch_size=None).train(20, 0)
gap = max(np.abs(mine.get_param()[k] - v).max() for k, v in theirs.get_param().items())
print("equal after 20 steps, up to rounding:", gap < 1e-12)
assert gap < 1e-12

# %% [markdown]
# The same numbers, up to rounding. (`v -= ...` writes in place; `v = v - ...` would
# have trained nothing.)
#
# **Order matters.** Between the forward pass and `backward` no value may change: rules
# read values when they are called, not when the graph was made.

# %%
w = dp.Node([[3.0]])
square = w * w
w.value[...] = 10  # too early: the square was computed with 3
square.backward()
print("value", square.value.item(), "gradient", w.gradient.item())
assert (square.value.item(), w.gradient.item()) == (9, 20)

# %% [markdown]
# The value 9 comes from $w = 3$, the gradient 20 from $w = 10$: no function has both.
# Forward, backward, then change: every optimiser keeps this order.

# %% [markdown]
# ## Summary
#
# | part | what it does |
# |---|---|
# | node | holds a value, and remembers what it was made from |
# | layer | gradients $X^\top G$ (weights), column sums (bias), $G W^\top$ (back) |
# | cross-entropy | minus the logarithm of the true label's probability, in nats |
# | operation | a formula, and a rule that turns `g` into each input's share |
# | backward | from the newest node to the oldest; shares of one node are added |
# | gradient check | two runs and a division; central, with a step of about 1e-5 |
# | `get_param` | the live arrays: write into them, copy what you want to keep |
#
# **Checkpoint.** Say it aloud, then unfold.
#
# <details><summary>A gradient check fails in float32 with a step of 1e-5. Is the rule
# wrong?</summary>
# Not necessarily. Float32 carries 7 digits, and the best central step is near the
# cube root of 1e-7, about 5e-3.</details>
# <details><summary>Why is the gradient of a bias a sum over the examples?</summary>
# The same bias is used in every row: one value used many times, and shares are
# added.</details>
# <details><summary>Your initializer runs without an error and the net starts as if it
# had never been called. What do you look for?</summary>
# An assignment to a name where the array should be written into.</details>

# %% [markdown]
# ## Exercises
#
# The assignment *The engine*: an operation (0.1), a gradient without a formula (0.2),
# parameters in place (0.3). Two more:
#
# - Write the rule of `a / b` for both inputs and check it in one random direction.
# - In section 8, train the net with ReLU's slope for 2000 steps. Which rule is ahead
#   then?

# %% [markdown]
# ## Sources
#
# - W. H. Press et al., *Numerical Recipes*, 3rd ed. (2007), sec. 5.7, eq. 5.7.5 and
#   5.7.8: the best steps.
# - A. G. Baydin et al., *Automatic differentiation in machine learning: a survey*
#   (2018), arXiv:1502.05767, sec. 3.2: the backward walk.
# - deep.TEACHING: models, `get_param` and `np.copyto`, which `dp.py` grew from.
#
# Full references: [bibliography](README.md#bibliography).

# %% [markdown]
# Next: [Symmetry](01_symmetry.ipynb) ·
# Assignment: [The engine](../release/00_the_engine/00_the_engine.ipynb) ·
# [Contents](README.md)
