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
# **One question: how far does a signal travel through layers that nobody has trained?**
#
# You will break a network twice, once with weights that are too large and once with
# weights that are too small, and then compute the one number in between
# at which twelve layers, or fifty, keep the signal at its size.
# No training until the last section.

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
# It has two walls at -1 and 1 like tanh, and comes closer to them much more slowly;
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
# Standard normal weights look harmless.
# But 256 products are summed, so a standard deviation of 1 becomes
# $\sqrt{256} = 16$ times the size of what came in.
#
# **Predict.** A unit passes a gradient back in proportion to its slope
# $f'(z) = (1 - |a|)^2$, which is 1 at the centre.
# In the twelfth layer, which share of units has a slope below .01?

# %%
lab.predict("u3.flat", None)

# %% jupyter={"outputs_hidden": true}
large = list(walk(np.random.default_rng(0), weight_std=1.0))
shown = [0, 2, 5, 8, 11]
fig, axes = lab.histograms(
    [large[k] for k in shown], titles=[f"layer {k + 1}" for k in shown]
)
lab.show(
    fig,
    alt="Histograms of the activations in layers 1, 3, 6, 9 and 12 with standard normal"
    " weights: in every layer two peaks near -1 and 1 and hardly anything between.",
)


# %% [markdown]
# Two heaps at the walls, in every layer. One look is one seed, so count in five:


# %% jupyter={"outputs_hidden": true}
def share_flat(rng):
    *_, last = walk(rng, weight_std=1.0)
    return np.mean((1 - np.abs(last)) ** 2 < 0.01)


flat = lab.over_seeds(share_flat, SEEDS)
z_std = 16 * np.sqrt(np.mean(large[11] ** 2))
assert np.all(np.abs(flat - 0.51) < 0.02)
beyond = math.erfc(9 / z_std / 2**0.5)
slope_at_9 = (1 - softsign(9.0)) ** 2
assert np.allclose([z_std / 16, beyond, slope_at_9], [0.855, 0.51, 0.01], atol=3e-3)
print(f"five seeds: {flat.min():.3f} to {flat.max():.3f}; z has std {z_std:.1f}")
lab.reveal("u3.flat", flat.mean())

# %% [markdown]
# Half of the units, .51 in each of five seeds, pass back less than a hundredth of what
# they are given. The first layer looks no better: the walls leave no room for worse.
#
# **Why.** The activations are near -1 and 1, with a root mean square of .855.
# So $z$ has a standard deviation of $16 \cdot .855 = 13.7$,
# and the slope falls below .01 at $|z| = 9$.
# A normal number of that spread is beyond 9 in .51 of all cases:
# no simulation was needed, only the ledger of unit 2.

# %% [markdown]
# ## 2. Break it again: weights that are too small
#
# Then weights of standard deviation .01, a start that tutorials still print.
#
# **Predict.** How large is a typical activation (root mean square) in layer 12?
# Each layer multiplies by about $16 \cdot .01 = .16$.

# %%
lab.predict("u3.small", None)


# %% jupyter={"outputs_hidden": true}
def sizes(rng, weight_std, **options):
    return [np.sqrt(np.mean(a**2)) for a in walk(rng, weight_std, **options)]


small = lab.over_seeds(lambda rng: sizes(rng, 0.01), SEEDS)
assert np.all(np.abs(small[:, 11] / 2.15e-10 - 1) < 0.06)
lab.reveal("u3.small", float(np.median(small[:, 11])))

# %% [markdown]
# Both failures in one picture, five seeds each, with $.16^l$ dashed:

# %%
big = lab.over_seeds(lambda rng: sizes(rng, 1.0), SEEDS)
line = 0.16 ** np.arange(1, 13)
fig, ax = lab.depth_curves({"large": big, "low": small}, RMS, theory={"low": line})
factor = small[:, 3:] / small[:, 2:-1]
assert np.all(np.abs(factor / 0.16 - 1) < 0.03)
lab.show(
    fig,
    alt="Root mean square of the activations by layer, log axis. Large weights: flat"
    " near .86. Weights of .01: a straight line down to 2e-10, just below .16^l.",
)

# %% [markdown]
# A signal of size 1 arrives as $2 \cdot 10^{-10}$, on a straight line: from the third
# layer on, the factor is .16 to within 3 % in all five seeds.
# (The first layers' numbers are not yet so small that softsign leaves them alone.)
# Every unit sits at the centre, where the slope is 1: nothing is saturated, and still
# nothing arrives.

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

# %% jupyter={"outputs_hidden": true}
unit = lab.over_seeds(lambda rng: sizes(rng, 1 / 16), SEEDS)
assert np.all(np.abs(unit[:, 11] - 0.052) < 0.002)
lab.reveal("u3.between", float(np.median(unit[:, 11])))

# %% [markdown]
# It is down to .052, a twentieth, and goes on falling. The weights cannot be blamed:
# they return as much as they get. Softsign takes its share,
# since $|f(z)| < |z|$ for every $z$ but 0.
#
# **Why, in numbers.** Write $q$ for the mean square of $z$ in a layer.
# A sum of many terms is close to normal, so $z = \sqrt{q}\, t$ with $t \sim N(0, 1)$:
#
# $$q_{l+1} = n\,\mathrm{Var}(w) \; E\!\left[f(\sqrt{q_l}\; t)^2\right] .$$
#
# One number for each layer is all that travels. The expectation is a sum over a grid.

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
# gain of 16, those of section 2 a gain of .16.
#
# **Check.** Theory against five seeds, for the gain of 1:

# %%
off = np.abs(unit / predicted_sizes(1) - 1)
assert off.max() < 0.025
print(f"largest difference in twelve layers: {off.max():.1%}")

# %% [markdown]
# One scalar recursion follows a network of 786,432 weights to within 2.5 %.
#
# ## 4. Let the weights pay for what softsign takes
#
# Ask for a fixed point: $z$ shall have mean square 1 in every layer. With $q = 1$ on
# both sides of the recursion,
#
# $$1 = \mathrm{gain}^2 \; E[f(t)^2] .$$
#
# **Predict.** How much larger than $1/\sqrt{n}$ must the weights be for softsign?

# %%
assert 12 * 256**2 == 786_432
lab.predict("u3.gain", None)

# %% jupyter={"outputs_hidden": true}
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
    " first is flat near .86, the second settles at .43, the third falls to .05. Dashed"
    " theory lies on all three.",
)
lab.reveal("u3.gain", float(gain))

# %% [markdown]
# Softsign keeps .183 of a standard normal signal's mean square, so the gain is 2.338:
# the price of slow saturation is a strong squeeze in the middle.
# The matched signal settles at 1/gain, and stays; five seeds lie on the dashed theory.
#
# **Check.** It does not depend on where the signal starts.
# Inputs ten times smaller and ten times larger end at the same height:

# %%
print("input   layer 1   layer 3   layer 12   (std .1, 1 and 10)")
for x_std in (0.1, 1, 10):
    runs = lab.over_seeds(lambda r, s=x_std: sizes(r, gain / 16, x_std=s), SEEDS)
    first, third, last = np.median(runs, axis=0)[[0, 2, 11]]
    print(f"{x_std:5}   {first:.3f}     {third:.3f}     {last:.3f}")
    assert np.all(np.abs(runs[:, 11] * gain - 1) < 0.012)

# %% [markdown]
# Softsign pulls every signal towards the fixed point: too large a signal is squeezed
# more, too small a signal less.
# Keep this in mind; section 6 shows an activation that does the opposite.
#
# **Predict.** All weights so far were normal. Now draw them from a uniform
# distribution, or as plus and minus one by the toss of a coin, of the same variance.
# Which of the three keeps the signal best?

# %%
lab.predict("u3.shape", None)

# %% jupyter={"outputs_hidden": true}
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
# No difference: a sum of 256 terms forgets how each of them was distributed, and only
# their variance counts. "Xavier uniform" and "Xavier normal" are one idea.
#
# ## 5. A published exercise, run again
#
# This unit's assignment grew from deep.TEACHING's *Weight Initialization* (Voigt and
# Oktay, 2019): 1000 examples of 500 features, ten layers of tanh, weights from
# $U[-1, 1]$, then Xavier's times a gain, by default $\sqrt{2}$.
# It leaves its histograms to the reader; the first column below holds this course's
# reference values, found with uniform weights.
# Normal weights of the same variance must give the same numbers.

# %%
reference = {"U[-1, 1]": 0.968, "gain 1": 0.228, "gain √2": 0.557, "gain 5/3": 0.652}
scales = [3**-0.5, 500**-0.5, (2 / 500) ** 0.5, 5 / 3 * 500**-0.5]


def tenth(rng, weight_std):
    *_, last = walk(rng, weight_std, np.tanh, depth=10, width=500, rows=1000)
    return last.std(), np.mean(np.abs(last) > 0.99)


ours = [lab.over_seeds(lambda r, s=s: tenth(r, s), range(3)) for s in scales]

# %%
print("layer 10: reference std, ours in three seeds, share of |a| > .99")
for (name, std), runs in zip(reference.items(), ours, strict=True):
    print(f"{name:9} {std}  {runs[:, 0].round(3)}  {runs[:, 1].mean():.3f}")
    assert np.all(np.abs(runs[:, 0] - std) < 0.01)
assert np.all(np.abs(ours[0][:, 1] - 0.83) < 0.01)
assert np.all(np.array(ours[1:])[:, :, 1] < 0.02)

# %% [markdown]
# The numbers agree to .01. With $U[-1, 1]$, .83 of the tenth layer is within .01 of a
# wall; with any of the gains it is less than .02.
#
# And what is $\sqrt{2}$ doing here?
# It is ReLU's number: ReLU keeps half of the mean square.
# Tanh keeps more or less than half? Compute it as in section 4.

# %%
keeps = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
keeps = {name: mean_square(f, 1) for name, f in keeps.items()}
print({name: round(float(share), 3) for name, share in keeps.items()})
assert np.allclose([keeps["tanh"], keeps["relu"]], [0.394, 0.5], atol=5e-4)

# %% [markdown]
# Tanh keeps .394, less than half, so $\sqrt{2}$ is too little for it:
# the exercise's default carries ReLU's number over to tanh.
# Where does the signal settle then? Follow the recursion to its fixed point.

# %%
settled = {}
for name, g in {"sqrt 2": 2**0.5, "5/3": 5 / 3, "1": 1.0}.items():
    settled[name] = (g * predicted_sizes(g, np.tanh, depth=2000)[-1]) ** 2
    print(f"gain {name:6}  mean square of z: {settled[name]:.4f}")
assert np.allclose(list(settled.values()), [0.62, 1.18, 0], atol=5e-3)

# %% [markdown]
# At .62 instead of 1: not a catastrophe, since tanh too pulls a signal towards *some*
# fixed point, as long as the gain is above 1.
# PyTorch's recommended 5/3 overshoots to 1.18. At a gain of 1 the only fixed point is
# zero, and the .228 of the table is on its way there.
# The gain that gives tanh exactly 1 is yours to compute, in exercise 3.3.

# %% [markdown]
# ## 6. A fixed point is not yet a stable one
#
# The recipe "gain $= 1/\sqrt{E[f^2]}$" works for every activation.
# It makes $q = 1$ a fixed point, and says nothing about $q = 1.1$.
#
# **Predict.** Three activations with their own matched gains: tanh, ReLU, GELU.
# Start at $q = .9$ and at $q = 1.1$.
# After 25 layers, which of them is back at 1?

# %%
lab.predict("u3.stable", None)

# %% jupyter={"outputs_hidden": true}
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
# The same as a picture; the dashed line is the fixed point that all three were given:

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), sharey=True)
for ax, name in zip(axes, functions, strict=True):
    curves = {f"from {q}": fates[name, q] for q in (0.9, 1.1)}
    fixed = {"fixed point": np.ones(26)}
    lab.depth_curves(curves, "mean square q of z", theory=fixed, first=0, ax=ax)
    ax.set_title(name)
    ax.label_outer()
lab.show(
    fig,
    alt="Mean square of z over 25 layers, log axis, three panels. Tanh returns to the"
    " dashed 1 from .9 and 1.1, ReLU stays where it starts, GELU falls to .016 from .9"
    " and rises to 5.3 from 1.1.",
)

# %% [markdown]
# Tanh comes back from both sides. ReLU stays where it is put:
# it is a straight line on each side of zero, so a scaled signal stays scaled.
# GELU runs away, down to .016 from .9 and up to 5.3 from 1.1.
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
# .461 for tanh: a deviation halves in every layer. 1 for ReLU. 1.144 for GELU, and
# $1.144^{25}$ is 29.
#
# A real network is never exactly at 1: it has finitely many units and its own luck.
# Ten nets for each, width 128, all started at $q = 1$: the lowest, the median and the
# highest $q$ after 25 layers.


# %%
def last_q(rng, f, n=128):
    own = mean_square(f, 1) ** -0.5
    *_, end = sizes(rng, own / n**0.5, f=f, depth=25, width=n, rows=100, x_std=1 / own)
    return (own * end) ** 2


spread = {}
for name, f in functions.items():
    spread[name] = q = lab.over_seeds(lambda rng, f=f: last_q(rng, f), range(10))
    print(f"{name:5}", np.quantile(q, [0, 0.5, 1]).round(2))
assert abs(1.144**25 - 29) < 0.5
assert np.all(np.abs(spread["tanh"] - 1) < 0.1)
assert spread["ReLU"].max() / spread["ReLU"].min() > 5
assert spread["GELU"].max() / spread["GELU"].min() > 20

# %% [markdown]
# Tanh is within a tenth of 1 in all ten nets. ReLU's largest and smallest differ more
# than fivefold and GELU's more than twentyfold, from identical settings.
# A gain is where to aim; how well the aim holds is a property of the activation.
# Unit 9 makes a theory of it.

# %% [markdown]
# ## 7. Does it matter for training?
#
# So far nothing has learnt anything. Take the breast-cancer data and twelve hidden
# layers of 30 softsign units, plain SGD at rate .1, and three starts:
# standard deviation .01, gain 1, and the matched gain.
#
# **Predict.** Which loss does the .01 start reach in 150 steps?
# The entropy of the labels, .660 nats, is what a net reaches that sees no input at all.

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
    {"SGD, rate .1": lambda net: dp.SGD(net, x, y, {"alpha": 0.1})},
    seeds=range(3),
    steps=150,
)

# %% jupyter={"outputs_hidden": true}
p = y.mean()
entropy = float(-p * np.log(p) - (1 - p) * np.log(1 - p))
fig, axes = lab.loss_curves(losses, theory={"entropy of y": entropy})
lab.show(
    fig,
    alt="Loss against step for three starts, three seeds each. The low start stays on"
    " the dashed entropy; gain 1 leaves it late; the matched gain falls first.",
)
late = {start: runs[:, -20:].mean(axis=1) for (start, _), runs in losses.items()}
assert abs(entropy - 0.660) < 5e-4
assert np.all(np.abs(late["low"] - entropy) < 0.03)
assert late["gain"].max() < late["xavier"].min() < entropy
lab.reveal("u3.train", float(np.median(late["low"])))

# %% [markdown]
# The .01 start learns the share of benign cases and nothing else: what reaches its last
# layer is the same for every patient.
# Both others see their input, and over the last 20 steps the matched gain is ahead in
# every seed (line: median of three, band: lowest to highest).
# This is one data set and one rate; unit 5 compares starts with more care, and unit 4
# follows the other signal, the gradient, on its way back.

# %% [markdown]
# ## What to keep
#
# - A layer multiplies the signal's size by about $\sqrt{n}$ times the weights' standard
#   deviation; depth turns any other factor than 1 into a power.
# - Too large: units at the walls, where slopes vanish. Too small: nothing arrives.
# - $q_{l+1} = \mathrm{gain}^2\, E[f(\sqrt{q_l}\,t)^2]$ predicts a whole network.
# - The gain $1/\sqrt{E[f^2]}$ belongs to one activation. It makes a fixed point;
#   whether it holds is the slope's business.

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
# Tanh pulls the signal to a fixed point anyway, only to a lower one.</details>

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
# Voigt and Oktay (2019), *Weight Initialization*, deep.TEACHING, CC BY-SA 4.0.
