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
# A network that rests at the entropy of its labels, and the reasons why.
# You write the backward pass by hand, predict how fast it fades,
# read a plateau, measure the speed of learning, build a net that gets away,
# and mend two mistakes of the published assignment that this unit grew from
# (the *seed*).
#
# Read the lesson *Backward signal* first.
# There are nine items and 25 points.
#
# - Write each answer where it says `YOUR CODE HERE`.
# - Run the cell below an answer: it checks what can be seen at a glance.
#   More checks run when the assignment is graded.
# - Every item stands alone: a test never uses another item's answer.
# - Hints come in three steps. The first is a question, the third is nearly the answer.

# %% nbgrader={"grade_id": "setup", "locked": true}
from itertools import pairwise

import numpy as np

import checks
import lab
from dp import Model, Node

lab.style()

# %% [markdown]
# **Conventions.**
# Rows are examples; a layer computes `z = a @ W + b` with `W.shape == (fan_in,
# fan_out)` and `b.shape == (1, fan_out)`, so a neuron is a **column** of `W`.
# `dz` is the gradient of the loss with respect to `z`, `dW` with respect to `W`:
# each has the shape of what it belongs to.
# Losses are in nats, the unit of the natural logarithm.

# %% [markdown]
# ## Predict (1 point)
#
# Five sigmoid layers of widths 30, 30, 30, 30, 30 and 1, weights of standard deviation
# .01, biases zero: the published net. At the very first step, by how many powers of ten
# is the norm of `dW` smaller in the first layer than in the last?
#
# Write down a guess between 0 and 20 **before** you go on.
# The point is for committing yourself; whether you are right is never scored.

# %% nbgrader={"grade_id": "prediction", "solution": true}
my_powers = None  # your guess, from 0 to 20; then delete the line that raises
### BEGIN SOLUTION
my_powers = 6
### END SOLUTION
lab.predict("u4.a1", my_powers)

# %% nbgrader={"grade_id": "prediction-test", "points": 1}
checks.predicted(my_powers, "my_powers")

# %% [markdown]
# ## 4.1 The backward pass by hand (5 points)
#
# A net of sigmoid layers, the last one too, and the **mean** cross-entropy over the
# rows:
#
# $$a^{[0]} = x, \quad z^{[l]} = a^{[l-1]} W^{[l]} + b^{[l]}, \quad
#   a^{[l]} = \sigma(z^{[l]}), \quad
#   L = -\frac{1}{N} \sum_i y_i \log a_i + (1 - y_i) \log (1 - a_i) .$$
#
# Go back through it without any engine, and keep for each layer `dz`, `dW`, and the
# norm of each neuron's part of `dW`.


# %% nbgrader={"grade_id": "backward-trace", "solution": true}
def backward_trace(weights, biases, x, y):
    """Return the gradients of every layer, from the input to the output.

    Parameters
    ----------
    weights : list of L float arrays (fan_in, fan_out)
        The last has one column. They are left as they were, as are all arguments.
    biases : list of L float arrays (1, fan_out)
    x : (N, n) float array
        One example a row.
    y : (N,) or (N, 1) array of 0 and 1

    Returns
    -------
    list of L tuples (dz, dW, norms)
        dz (N, fan_out) and dW (fan_in, fan_out): gradients of the mean cross-entropy,
        in nats per unit of z and W; exact also where a sigmoid rounds to 0 or 1.
        norms (fan_out,): the Euclidean norm of each neuron's weights' gradient.
        The first tuple belongs to the layer that reads x.
    """
    ### BEGIN SOLUTION
    layers = [x]
    for W, b in zip(weights, biases, strict=True):
        layers.append(1 / (1 + np.exp(-(layers[-1] @ W + b))))
    dz = (layers.pop() - np.reshape(y, (-1, 1))) / len(x)
    trace = []
    for W, a in zip(weights[::-1], layers[::-1], strict=True):
        dW = a.T @ dz
        trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
        dz = (dz @ W.T) * a * (1 - a)
    return trace[::-1]
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What does a layer need on the way back that only the way forward knows?
# And what is left of the derivative of the cross-entropy when it is multiplied by that
# of the last sigmoid?
# </details>
#
# <details><summary>Hint 2</summary>
# Forward: keep x and every a in a list. The last dz is (a - y) / N, with y as a column;
# the slopes of loss and sigmoid have cancelled, so nothing is divided by a (1 - a).
# From dz to dW: which of a.T @ dz and dz.T @ a has the shape of W? The seed writes the
# second, since its W is (fan_out, fan_in).
# </details>
#
# <details><summary>Hint 3</summary>
#
# ```python
# dW = a.T @ dz                        # a: what the layer got
# norms = np.linalg.norm(dW, axis=0)   # down each column
# dz = (dz @ W.T) * a * (1 - a)        # one layer further down
# ```
#
# You walk from the last layer to the first; turn the list round at the end.
# </details>

# %% nbgrader={"grade_id": "backward-trace-test", "points": 5}
rng = checks.rng(1)
widths = [4, 3, 2, 1]
shapes = [(4, 3), (3, 2), (2, 1)]
weights = [rng.normal(size=shape) for shape in shapes]
biases = [rng.normal(size=(1, shape[1])) for shape in shapes]
x, y = rng.normal(size=(6, 4)), np.array([0.0, 1, 1, 0, 1, 1])
text = "backward_trace(weights, biases, x, y)"
row = "a row of labels against a column of outputs makes a matrix: reshape y"
trace = checks.call(backward_trace, weights, biases, x, y.reshape(6, 1))
try:
    trace = checks.call(backward_trace, weights, biases, x, y)
except checks.Incorrect:
    problem = "expected for y of shape (6,) what comes for (6, 1), got an error"
    checks.fail(text, problem, row)
checks.length(
    trace,
    3,
    text,
    known={2: "the last layer counts too", 4: "the input is no layer: drop its entry"},
)
turned = "the list runs from the output to the input; turn it round"
for k, (shape, entry) in enumerate(zip(shapes, trace, strict=True), 1):
    checks.length(entry, 3, f"entry {k} of {text}", hint="(dz, dW, norms) are wanted")
    known = [(shapes[-k], turned), (shapes[-k][::-1], turned)] if k != 2 else []
    known += [
        (
            shape[::-1],
            "this is dW transposed, as the seed writes it; here W is (fan_in, fan_out)",
        )
    ]
    checks.shape(entry[1], shape, f"dW of layer {k} in {text}", known=known)
    known = [((6, 6), row)]
    checks.shape(entry[0], (6, shape[1]), f"dz of layer {k} in {text}", known=known)
    rows = "these are norms over rows; a neuron is a column: use axis=0"
    known = [((shape[0],), rows), ((), "one norm for each neuron, not one a layer")]
    checks.shape(entry[2], shape[1:], f"norms of layer {k} in {text}", known=known)

### BEGIN HIDDEN TESTS
# The oracle is the complex step: for f real on the reals, Im f(x + ih) / h is f'(x) to
# machine precision, with no difference of nearly equal numbers.
STEP = 1e-30


def shifted_loss(weights, biases, x, y, at=None, index=None):
    # the mean cross-entropy, with i STEP added to z of layer `at` at `index`
    a = x
    for k, (W, b) in enumerate(zip(weights, biases, strict=True)):
        z = (a @ W + b).astype(complex)
        if k == at:
            z[index] += 1j * STEP
        a = 1 / (1 + np.exp(-z))
    y = y.reshape(-1, 1)
    return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))


def right_dz(weights, biases, x, y, k):
    slopes = np.empty((len(x), weights[k].shape[1]))
    for index in np.ndindex(*slopes.shape):
        slopes[index] = shifted_loss(weights, biases, x, y, k, index).imag / STEP
    return slopes


def right_dW(weights, biases, x, y, k):
    slopes = np.empty(weights[k].shape)
    for index in np.ndindex(*slopes.shape):
        W = weights[k].astype(complex)
        W[index] += 1j * STEP
        moved = [*weights[:k], W, *weights[k + 1 :]]
        slopes[index] = shifted_loss(moved, biases, x, y).imag / STEP
    return slopes


for number, widths in ((2, [4, 3, 2, 1]), (3, [3, 5, 5, 6, 1]), (4, [5, 1])):
    rng = checks.rng(number)
    pairs = list(pairwise(widths))
    weights = [1.5 * rng.normal(size=pair) for pair in pairs]
    biases = [rng.normal(size=(1, pair[1])) for pair in pairs]
    x, y = rng.normal(size=(7, widths[0])), rng.integers(0, 2, 7).astype(float)
    y[:2] = 0, 1
    kept = [v.copy() for v in (*weights, *biases, x, y)]
    for labels in (y, y.reshape(-1, 1), y.astype(int)):
        text = f"backward_trace for widths {widths} and y of shape {labels.shape}"
        trace = checks.call(backward_trace, weights, biases, x, labels)
        checks.length(trace, len(pairs), text)
        for before, after in zip(kept, (*weights, *biases, x, y), strict=True):
            checks.unchanged(before, after, text, "every argument")
        for k in reversed(range(len(pairs))):
            dz = right_dz(weights, biases, x, y, k)
            checks.length(trace[k], 3, f"entry {k + 1} of {text}")
            a = x
            for W, b in zip(weights[: k + 1], biases[: k + 1], strict=True):
                before, a = a, 1 / (1 + np.exp(-(a @ W + b)))
            slope = a * (1 - a)
            summed = "the loss is the mean over the rows: divide by N, once"
            known = [
                (
                    dz * slope / (slope + 1e-6),
                    "a small number in a denominator changes the slope: a - y is the"
                    " whole slope of loss and sigmoid together (the seed's detour)",
                ),
                (7 * dz, summed),
                (dz / 7, summed),
                (-dz, "the sign is turned: (a - y), not (y - a)"),
                (
                    dz / slope,
                    "this is da, the gradient of the activations: multiply by the"
                    " sigmoid's slope a (1 - a)",
                ),
                (
                    dz * slope,
                    "the last sigmoid's slope cancels against the loss's: it is not"
                    " multiplied in again",
                ),
            ]
            checks.close(
                trace[k][0],
                dz,
                f"dz of layer {k + 1} in {text}",
                known=known,
                hint="from layer to layer: (dz @ W.T) * a * (1 - a), with the a that W"
                " was multiplied with",
            )
            dW = right_dW(weights, biases, x, y, k)
            known = [
                (7 * dW, summed),
                (dW / 7, "dz holds the 1/N already: do not divide dW by N again"),
                (
                    a.T @ dz if a.shape[1] == before.shape[1] else dW,
                    "dW needs what came into the layer, not what went out",
                ),
                (np.abs(dW), "these are sizes; dW has signs"),
            ]
            checks.close(trace[k][1], dW, f"dW of layer {k + 1} in {text}", known=known)
            norms = np.sqrt((dW**2).sum(axis=0))
            known = [
                (norms**2, "these are squares; the norm has a root"),
                (
                    norms / len(dW) ** 0.5,
                    "this is a root mean square; a norm sums the squares, and divides"
                    " by nothing",
                ),
                (
                    np.abs(dW).sum(axis=0),
                    "this is a sum of sizes, no root of squares",
                ),
                (np.abs(dW).max(axis=0), "this is the largest entry, not the norm"),
                (
                    np.sqrt((weights[k] ** 2).sum(axis=0)),
                    "these are the norms of W; those of dW are wanted",
                ),
                (np.sqrt((dz**2).sum(axis=0)), "these are the norms of dz, not of dW"),
            ]
            checks.close(
                trace[k][2], norms, f"norms of layer {k + 1} in {text}", known=known
            )

# A confidently wrong output: the gradient of one example of four is 1 / 4. At z = 20
# and 40, a (1 - a) is 2e-9 and 0; at 800 exp(z) is infinite.
for z in (20.0, 40.0, 800.0):
    text = f"backward_trace for one layer with z = {z:g} and label 0"
    one = [np.array([[z]])], [np.zeros((1, 1))], np.ones((4, 1)), np.zeros(4)
    trace = checks.call(backward_trace, *one)
    hint = (
        "a - y is the whole slope of loss and sigmoid together; dividing by a (1 - a),"
        " with a small number added or not, and multiplying again loses it"
    )
    checks.finite(trace[0][0], f"dz of {text}", hint=hint)
    checks.close(trace[0][0], np.full((4, 1), 0.25), f"dz of {text}", hint=hint)
    checks.close(trace[0][2], [1.0], f"norms of {text}", hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# The published net on the breast-cancer data, one step: what came, and what you had
# said.

# %%
features, labels = lab.breast_cancer()
start = np.random.default_rng(0)
shapes = [(30, 30)] * 4 + [(30, 1)]
trace = backward_trace(
    [start.normal(0, 0.01, shape) for shape in shapes],
    [np.zeros((1, shape[1])) for shape in shapes],
    features,
    labels,
)
sizes = np.array([np.linalg.norm(norms) for _, _, norms in trace])
fig, ax = lab.depth_curves({"low": sizes}, "norm of dW")
lab.show(fig, alt="Norm of dW by layer, log axis, at the first step of five layers.")

# %%
lab.reveal("u4.a1", float(np.log10(sizes[-1] / sizes[0])))

# %% [markdown]
# ## 4.2 How fast does it fade? (3 points)
#
# Between two hidden layers of `n` units each, the size of `dz` is multiplied by about
#
# $$\sqrt{E[f'(z)^2]} \;\cdot\; \sigma_w \sqrt{n} .$$
#
# At **small signals** the first factor is a number that belongs to the activation:
# z is close to 0, where a smooth f has its slope f'(0); a rectifier's z is positive
# or negative with equal chance.


# %% nbgrader={"grade_id": "predicted-decay", "solution": true}
def predicted_decay(act, sigma_w, n):
    """Return the factor by which the backward signal shrinks in a hidden layer.

    Parameters
    ----------
    act : str
        "sigmoid", "tanh" or "relu".
    sigma_w : float
        Standard deviation of the weights, dimensionless.
    n : int
        Number of units in the layer and in the one behind it.

    Returns
    -------
    float
        sqrt(E[f'^2]) * sigma_w * sqrt(n) at small signals, dimensionless.

    Raises
    ------
    ValueError
        If `act` is none of the three.
    """
    ### BEGIN SOLUTION
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": np.sqrt(0.5)}
    if act not in slopes:
        raise ValueError(f"predicted_decay: unknown act {act!r}")
    return slopes[act] * sigma_w * np.sqrt(n)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What is the slope of the sigmoid at 0? Of tanh? A rectifier's slope is 1 or 0: what is
# the mean of its square?
# </details>
#
# <details><summary>Hint 2</summary>
# n products with weights of variance s² add up to n s² times the mean square.
# You are asked for a size, not for a mean square.
# </details>
#
# <details><summary>Hint 3</summary>
# Three numbers in a dict: 1/4, 1, and the root of one half. Times sigma_w, times the
# root of n. What is not in the dict raises a ValueError.
# </details>

# %% nbgrader={"grade_id": "predicted-decay-test", "points": 3, "false_alarms": 1e-16}
checks.close(
    checks.call(predicted_decay, "tanh", 0.02, 25),
    0.1,
    'predicted_decay("tanh", 0.02, 25)',
    known=[
        (0.5, "n products of random sign add up to sqrt(n) times one of them, not n"),
        (1, "the weights' factor is left out: sigma_w sqrt(n)"),
        (0.02, "n is left out: sqrt(n) terms' worth of gradient add up"),
        (5, "sigma_w is left out"),
        (0.01, "this is the factor of the mean square; a size is its root"),
        (0.002, "sigma_w is a standard deviation: no square"),
        (
            0.004,
            "the signal is a sum over n units, not their mean: multiply by sqrt(n)",
        ),
        (0.5**0.5, "sigma_w is a standard deviation: only n is under the root"),
        (0.025, "this is the sigmoid's slope, .25; `act` is tanh here"),
    ],
)

### BEGIN HIDDEN TESTS
for act, slope in (("sigmoid", 0.25), ("tanh", 1.0), ("relu", 0.5**0.5)):
    for sigma_w, n in ((0.01, 30), (0.2, 17), (1.0, 4)):
        root = n**0.5
        known = [
            (slope, "the weights' factor is left out: sigma_w sqrt(n)"),
            (slope * sigma_w * n, "n terms of random sign give sqrt(n), not n"),
            (slope * sigma_w, "n is left out"),
            (slope * root, "sigma_w is left out"),
            ((slope * sigma_w) ** 2 * n, "this is the factor of the mean square"),
            (slope * sigma_w**2 * root, "sigma_w is a standard deviation: no square"),
            (slope * sigma_w**0.5 * root, "sigma_w is no variance: no root"),
            (
                sigma_w * root,
                "the activation's slope is left out"
                if act != "relu"
                else "half of ReLU's slopes are 0: the slope's root mean square is"
                " sqrt(.5)",
            ),
            (
                0.5 * sigma_w * root,
                "the sigmoid's slope at 0 is .25; .5 is its value there"
                if act == "sigmoid"
                else "ReLU's slopes have mean .5; their root mean square is sqrt(.5)",
            ),
            (slope**2 * sigma_w * root, "E[f'^2] is under a root"),
        ]
        text = f'predicted_decay("{act}", {sigma_w}, {n})'
        got = checks.call(predicted_decay, act, sigma_w, n)
        checks.close(got, slope * sigma_w * root, text, known=known)
got = checks.call(predicted_decay, "sigmoid", 0.01, 30)
checks.close(got, 0.0137, 'predicted_decay("sigmoid", 0.01, 30)', rtol=0, atol=5e-5)

# And against nets: 24 of ten hidden layers of 60 units. Over 300 nets the geometric
# mean of a net's nine ratios varies by 1.2 % (sigmoid, tanh) and 2.1 % (ReLU), so the
# mean over 24 by .43 % at most, and it is .4 % below the theory at most. +-5 % is ten
# standard errors (rate below 1e-16).
functions = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}
slopes_of = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: a > 0,
}
for number, act in enumerate(functions, 11):
    rng, logs = checks.rng(number), []
    for _ in range(24):
        a, layers = 1e-3 * rng.normal(size=(20, 60)), []
        for _ in range(10):
            W = rng.normal(0, 0.02, (60, 60))
            a = functions[act](a @ W)
            layers.append((W, slopes_of[act](a)))
        dz, sizes = rng.normal(size=(20, 60)) * layers[-1][1], []
        for (W, _), (_, slope) in zip(layers[:0:-1], layers[-2::-1], strict=True):
            sizes.append(np.linalg.norm(dz))
            dz = (dz @ W.T) * slope
        sizes.append(np.linalg.norm(dz))
        logs.append(np.log(sizes[-1] / sizes[0]) / 9)
    simulated = float(np.exp(np.mean(logs)))
    checks.close(
        checks.call(predicted_decay, act, 0.02, 60),
        simulated,
        f'predicted_decay("{act}", 0.02, 60) against 24 simulated nets',
        rtol=0.05,
    )
checks.raises(
    ValueError,
    predicted_decay,
    "softsign",
    0.1,
    10,
    hint="what is not in the list raises a ValueError",
)
### END HIDDEN TESTS

# %% [markdown]
# ## 4.3 The plateau (4 points)
#
# ### The entropy of the labels (2 points)
#
# A net that sees nothing of its input can only learn how frequent each class is.
# Its best loss is the entropy of the labels, $H = -\sum_c p_c \log p_c$,
# with $p_c$ the share of class $c$.


# %% nbgrader={"grade_id": "label-entropy", "solution": true}
def label_entropy(y):
    """Return the entropy of the classes in y, in nats.

    Parameters
    ----------
    y : (N,) or (N, 1) array
        The class of each example: any whole numbers, as many classes as there are. All
        examples may be of one class.

    Returns
    -------
    float
        In nats (natural logarithm); 0 for a single class.
    """
    ### BEGIN SOLUTION
    _, counts = np.unique(y, return_counts=True)
    share = counts / counts.sum()
    return float(-np.sum(share * np.log(share)))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# How often does each class come up, and which classes are there at all?
# </details>
#
# <details><summary>Hint 2</summary>
# `np.unique(y, return_counts=True)` lists the classes that are present, with their
# counts. A class that is not there has no term, so no logarithm of 0 comes up.
# </details>
#
# <details><summary>Hint 3</summary>
# Make the counts shares by dividing by their sum; then it is minus the sum of
# share times `np.log(share)`.
# </details>

# %% nbgrader={"grade_id": "label-entropy-test", "points": 2}
cats, p = np.repeat([1, 0], [72, 137]), 72 / 209
entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
# for two classes, bits and what is divided by the largest value are one number
for y, right, gini, name in (
    (np.array([0, 0, 1, 2]), 1.5 * np.log(2), 0.625, "the classes 0, 0, 1, 2"),
    (cats, entropy, 2 * p * (1 - p), "72 cats in 209 pictures"),
):
    mean, zeros, classes = y.mean(), np.mean(y == 0), len(set(y.tolist()))
    ones = -mean * np.log(mean)
    checks.close(
        checks.call(label_entropy, y),
        right,
        f"label_entropy of {name}",
        known=[
            (right / np.log(2), "this is in bits: use the natural logarithm, np.log"),
            (
                right / np.log(classes),
                "this is divided by its largest value, ln of the number of classes",
            ),
            (right / np.log(10), "this is with the logarithm to base 10: use np.log"),
            (zeros, "this is the accuracy of the commonest class, not a loss"),
            (mean, "this is the mean of the labels, not the entropy"),
            (-right, "the sign is turned: logarithms of shares are negative"),
            (len(y) * right, "this is the sum over all examples; the mean is wanted"),
            (ones, "the zeros are a class too: their term is missing"),
            (
                -np.log(zeros),
                "this is the logarithm of one share; every class has a term",
            ),
            (
                ones - (1 - mean) * np.log(1 - mean),
                "y.mean() is a share for 0 and 1 only: count each class that is there",
            ),
            (np.log(classes), "this is the entropy of equally frequent classes"),
            (gini, "this is the Gini impurity, not the entropy"),
        ],
    )

### BEGIN HIDDEN TESTS
cases = {
    "three classes": ([0, 1, 2, 2, 1, 2, 2, 2], [1, 2, 5]),
    "the classes 3 and 7": ([7, 3, 7, 7], [1, 3]),
    "the classes -1 and 1": ([-1, 1, 1, -1, 1], [2, 3]),
    "one example in 400": (np.repeat([0, 1], [399, 1]), [399, 1]),
    "ten classes": (list(range(10)) * 3, [3] * 10),
    "five classes with 1 to 5 examples": (
        np.repeat(np.arange(5), np.arange(1, 6)),
        [1, 2, 3, 4, 5],
    ),
}
for name, (labels, counts) in cases.items():
    share = np.array(counts) / sum(counts)
    right = -sum(s * np.log(s) for s in share)
    mean = np.mean(labels)
    binary = [-m * np.log(m) - (1 - m) * np.log(1 - m) for m in [mean] if 0 < mean < 1]
    for y in (np.array(labels), np.array(labels).reshape(-1, 1)):
        text = f"label_entropy for {name}, y of shape {y.shape}"
        kept = y.copy()
        got = checks.call(label_entropy, y)
        known = [(b, "y.mean() is a share for 0 and 1 only") for b in binary]
        hint = "the classes may be any whole numbers: count each one that is there"
        if name == "one example in 400":
            hint = "do not clip shares, nor add to them: a rare class counts as it is"
        checks.close(got, right, text, known=known, hint=hint)
        checks.unchanged(kept, y, text, "y")
for value in (0, 1, 4):
    y = np.full(9, value)
    text = f"label_entropy of nine examples of class {value}"
    hint = "0 log 0 is NaN in floating point: only classes that are there have a term"
    checks.finite(checks.call(label_entropy, y), text, hint=hint)
    checks.close(checks.call(label_entropy, y), 0.0, text, hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# ### What has it learnt? (2 points)
#
# Now read a loss curve. Take the mean over the **last tenth** of the steps, and compare
# it with the tenth before and with the entropy of the labels, which you compute here
# once more: a cell of this assignment never needs another one.


# %% nbgrader={"grade_id": "explain-plateau", "solution": true}
def explain_plateau(loss, y):
    """Say what a network has learnt whose training ends in these losses.

    Parameters
    ----------
    loss : (steps,) float array
        Mean cross-entropy before each step, in nats; 20 steps or more.
    y : (N,) or (N, 1) array
        The class of each example, two classes or more, any whole numbers.

    Returns
    -------
    str
        The first of these that holds for `late`, the mean of the last steps // 10
        losses:
        "falling" if `late` is more than 1 % below the mean of the steps // 10 before;
        "prior" if `late` is within 1 % of the entropy of y: the shares of the classes,
        and nothing else;
        "input" if `late` is lower: it uses its input;
        "nothing" if `late` is higher: not even the shares.
        (Percentages are of the number that `late` is compared with.)
    """
    ### BEGIN SOLUTION
    tenth = len(loss) // 10
    late = np.mean(loss[-tenth:])
    if late < 0.99 * np.mean(loss[-2 * tenth : -tenth]):
        return "falling"
    share = np.unique(y, return_counts=True)[1] / np.size(y)
    entropy = -np.sum(share * np.log(share))
    if abs(late - entropy) <= 0.01 * entropy:
        return "prior"
    return "input" if late < entropy else "nothing"
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# Which four numbers do you compare? Two come from the curve and one from the labels;
# and why is a mean safer than the last loss?
# </details>
#
# <details><summary>Hint 2</summary>
# With `tenth = len(loss) // 10`, the last tenth is `loss[-tenth:]` and the one before
# is
# `loss[-2 * tenth : -tenth]`. "Within 1 %" is relative: of the entropy, not of 1.
# </details>
#
# <details><summary>Hint 3</summary>
# Three ifs in the order of the docstring: late < .99 * before; abs(late - entropy) <=
# .01 * entropy; late < entropy. What is left is "nothing".
# </details>

# %% nbgrader={"grade_id": "explain-plateau-test", "points": 2}
cats, rare = np.repeat([1, 0], [72, 137]), np.repeat([1, 0], [2, 98])
text = "explain_plateau for losses that rest at .0061, with 72 cats in 209"
learnt = np.full(1800, 0.0061)
hint = 'below the entropy, here .6440 nats, it is "input", and above it "nothing"'
checks.equal(checks.call(explain_plateau, learnt, cats), "input", text, hint=hint)
for rest, hint in (
    (0.98, "compare with the entropy; .98 is the share of the commonest class"),
    (0.6931, "ln 2 is the entropy of two equally frequent classes; these are not"),
    (0.1414, ".1414 is the entropy in bits; the loss is in nats: use np.log"),
):
    text = f"explain_plateau for losses that rest at {rest}, with 2 ones in 100"
    got = checks.call(explain_plateau, np.full(1800, rest), rare)
    above = "the entropy of these labels is .0980 nats"
    checks.equal(got, "nothing", text, known={"prior": hint}, hint=above)
text = "explain_plateau for 1800 steps that rest at .6440, with 72 cats in 209"
flat = np.full(1800, 0.6440)
hint = "the entropy of these labels is .6440 nats"
checks.equal(checks.call(explain_plateau, flat, cats), "prior", text, hint=hint)

### BEGIN HIDDEN TESTS
unit = "the entropy is in nats, as the loss is: np.log"
rests = (
    "this curve is at rest: only the tenth before the last counts, not what was earlier"
)


def entropy_of(y):
    counts = np.array([np.sum(y == c) for c in set(np.ravel(y).tolist())])
    return float(-np.sum(counts / counts.sum() * np.log(counts / counts.sum())))


def curve(end, steps=200, before=None):
    values = np.linspace(3 * end, end, steps)
    tenth = steps // 10
    values[-2 * tenth : -tenth] = end if before is None else before
    values[-tenth:] = end
    return values


three = np.repeat([4, 7, -1], [10, 20, 30])
even = np.repeat([0, 1], [50, 50])
for name, y in (
    ("72 cats in 209", cats),
    ("2 ones in 100", rare),
    ("three classes", three),
    ("two equal classes", even),
    ("a column of labels", cats.reshape(-1, 1)),
):
    H = entropy_of(y)
    told = {
        "above": "above the entropy, not even the shares are learnt",
        "below": "below the entropy, the net must have looked at its input",
        "at": "at the entropy of these labels, only their shares are learnt",
    }
    relative = "1 % is meant relative to the entropy, which may be small"
    bits = H / np.log(2)
    cases = [
        (H, "prior", told["at"]),
        (1.005 * H, "prior", told["at"] + "; within 1 % counts"),
        (0.995 * H, "prior", told["at"] + "; within 1 % counts"),
        (0.985 * H, "input", told["below"] + f"; {relative}"),
        (1.015 * H, "nothing", told["above"] + f"; {relative}"),
        (0.5 * H, "input", told["below"]),
        (1.5 * H, "nothing", told["above"]),
        (bits, "nothing", unit),
    ]
    for end, want, hint in cases:
        for steps in (200, 57):
            text = f"explain_plateau for {steps} losses that rest at {end:.4g}"
            text += f", with {name} (entropy {H:.4g} nats)"
            got = checks.call(explain_plateau, curve(end, steps), y)
            if y is three:
                hint = "count each class: y.mean() is a share for 0 and 1 only"
            checks.equal(got, want, text, known={"falling": rests}, hint=hint)
    # still on the way, wherever it is; with elevenths of the steps, 1.04 % would be .93
    for end, fall in ((1.3 * H, 1.5), (H, 1.5), (0.3 * H, 1.5), (H, 1.04)):
        text = f"explain_plateau for losses that fall by {fall} % to {end:.4g}"
        text += f", with {name}"
        got = checks.call(explain_plateau, curve(end, before=end / (1 - fall / 100)), y)
        hint = "look at the tenth before first: this curve is still falling"
        checks.equal(got, "falling", text, hint=hint)
        text = f"explain_plateau for losses that fall by .5 % to {end:.4g}, with {name}"
        got = checks.call(explain_plateau, curve(end, before=end / 0.995), y)
        want = {1.3 * H: "nothing", H: "prior", 0.3 * H: "input"}[end]
        hint = "less than 1 % of the tenth before counts as rest"
        checks.equal(got, want, text, hint=hint)

# one loss is not the last tenth, and the first steps are not the tenth before
jumps = curve(0.6440)
jumps[-1] = 0.55
jumps[-2] = 0.738
text = "explain_plateau for losses that rest at .6440 and jump in the last two steps"
hint = "one step's loss is noise: take the mean of the last tenth"
checks.equal(checks.call(explain_plateau, jumps, cats), "prior", text, hint=hint)
spike = curve(0.6440)
spike[[-21, -19]] = 0.70, 0.588
text = (
    "explain_plateau for losses that rest at .6440, with a jump near the tenths' border"
)
checks.equal(checks.call(explain_plateau, spike, cats), "prior", text, hint=hint)
early = curve(0.6440)
early[:-40] = 30.0
text = "explain_plateau for losses that fell from 30 and rest at .6440 for a fifth"
hint = "only the tenth before the last counts, not the steps before it"
checks.equal(checks.call(explain_plateau, early, cats), "prior", text, hint=hint)
kept = early.copy()
checks.run(explain_plateau, early, cats)
checks.unchanged(kept, early, text, "loss")
### END HIDDEN TESTS

# %% [markdown]
# ## 4.4 The speed of learning (3 points)
#
# A layer whose weights are small moves far with a small gradient.
# What counts is the **relative** change of its weights in an epoch:
#
# $$\mathrm{speed}_{l,t} =
#   \frac{\lVert W_l(t+1) - W_l(t) \rVert}{\lVert W_l(t) \rVert}$$
#
# with the norm over all entries of a matrix: the root of the sum of their squares.


# %% nbgrader={"grade_id": "speed-of-learning", "solution": true}
def speed_of_learning(history):
    """Return how far each layer moves in each epoch, relative to its size.

    Parameters
    ----------
    history : list of epochs + 1 lists of L float arrays (fan_in, fan_out)
        history[t][l] is the weight matrix of layer l before epoch t; the last entry
        is what training ended with. No matrix is zero. They are left as they were.

    Returns
    -------
    (L, epochs) float array
        Norm of the change over norm of the weights before it, dimensionless.
    """
    ### BEGIN SOLUTION
    norm = np.linalg.norm
    speeds = [
        [norm(new - old) / norm(old) for old, new in zip(before, after, strict=True)]
        for before, after in pairwise(history)
    ]
    return np.array(speeds).T
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# How many changes are there between epochs + 1 snapshots?
# And which of the two snapshots is "what it was"?
# </details>
#
# <details><summary>Hint 2</summary>
# `np.linalg.norm` of a matrix is the root of the sum of its squared entries.
# Take it of the difference, not the difference of two norms.
# </details>
#
# <details><summary>Hint 3</summary>
# Two loops: over neighbours `history[t]`, `history[t + 1]`, and over the layers in
# them; inside, norm(new - old) / norm(old). If your rows are epochs, transpose at the
# end.
# </details>

# %% nbgrader={"grade_id": "speed-of-learning-test", "points": 3}
old = [np.array([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]), np.array([[2.0], [0.0]])]
new = [np.array([[3.0, 0.0], [0.0, 4.0], [1.0, 0.0]]), np.array([[2.0], [0.5]])]
end = [np.array([[3.0, 0.0], [0.0, 4.0], [1.0, 2.0]]), np.array([[2.0], [0.5]])]
text = "speed_of_learning of three snapshots of two layers"
got = checks.call(speed_of_learning, [old, new, end])
checks.unchanged([[2.0], [0.5]], end[1], text, "history")
right = np.array([[1 / 5, 2 / 26**0.5], [0.5 / 2, 0.0]])
checks.shape(
    got,
    (2, 2),
    text,
    known=[
        ((2, 3), "three snapshots have two changes between them"),
        ((3, 2), "three snapshots have two changes between them"),
    ],
)
checks.close(
    got,
    right,
    text,
    known=[
        (right.T, "this is the transpose: rows are layers, columns are epochs"),
        (
            [[1.0, 2.0], [0.5, 0.0]],
            "this is the absolute change; divide by the norm of W before it",
        ),
        (
            [[1 / 26**0.5, 2 / 30**0.5], [0.5 / 4.25**0.5, 0.0]],
            "divide by the norm before the change, not after it",
        ),
        (
            [[1.04**0.5 - 1, (30 / 26) ** 0.5 - 1], [4.25**0.5 / 2 - 1, 0.0]],
            "this is the change of the norm; a matrix can turn without growing: take"
            " the norm of the change",
        ),
        ([[1 / 25, 4 / 26], [1 / 16, 0.0]], "these are squares; a norm has a root"),
        (
            [[1 / 7, 2 / 8], [0.25, 0.0]],
            "the norm is the root of the sum of squares, not a mean of sizes",
        ),
        (
            [[1 / 4, 2 / 4], [0.25, 0.0]],
            "this is the largest singular value; the norm is over all entries",
        ),
        (right[::-1], "the layers are in the wrong order: the input's comes first"),
        (
            [[1 / 5, 5**0.5 / 5], [0.25, 0.25]],
            "this is the way since the start; an epoch's change begins at that epoch",
        ),
        (
            [[1 / 5, 2 / 5], [0.25, 0.0]],
            "divide by the norm at that epoch, not at the first one",
        ),
    ],
)

### BEGIN HIDDEN TESTS
rng = checks.rng(21)
shapes = [(5, 3), (3, 4), (4, 2), (2, 1)]
history = [[rng.normal(size=shape) for shape in shapes]]
for _ in range(6):
    factor = rng.uniform(0.05, 1, 4)
    history.append(
        [
            W + f * rng.normal(size=W.shape)
            for W, f in zip(history[-1], factor, strict=True)
        ]
    )


def size(W):
    return float(np.sqrt(np.sum(W**2)))


def table(cell):
    return np.array([[cell(k, t) for t in range(6)] for k in range(4)])


H = history
change = table(lambda k, t: size(H[t + 1][k] - H[t][k]))
before = table(lambda k, t: size(H[t][k]))
after = table(lambda k, t: size(H[t + 1][k]))
right = change / before
since = table(lambda k, t: size(H[t + 1][k] - H[0][k]) / size(H[0][k]))
means = table(
    lambda k, t: np.abs(H[t + 1][k] - H[t][k]).mean() / np.abs(H[t][k]).mean()
)
entries = table(lambda k, t: size((H[t + 1][k] - H[t][k]) / H[t][k]))
spectral = table(
    lambda k, t: np.linalg.norm(H[t + 1][k] - H[t][k], 2) / np.linalg.norm(H[t][k], 2)
)
known = [
    (right.T, "this is the transpose: rows are layers, columns are epochs"),
    (change, "this is the absolute change; divide by the norm of W before it"),
    (change / after, "divide by the norm before the change, not after it"),
    (change / before[:, :1], "divide by the norm at that epoch, not at the first one"),
    (
        np.abs(after - before) / before,
        "this is the change of the norm; a matrix can turn without growing: take the"
        " norm of the change",
    ),
    ((after - before) / before, "this is the change of the norm, not the norm of it"),
    (right**2, "these are squares; a norm has a root"),
    (since, "this is the way since the start; an epoch's change begins at that epoch"),
    (means, "the norm is the root of the sum of squares, not a mean of sizes"),
    (entries, "divide the norms, not entry by entry"),
    (spectral, "this is the largest singular value; the norm is over all entries"),
    (right[::-1], "the layers are in the wrong order: the input's comes first"),
    (right[:, ::-1], "the epochs are in the wrong order"),
]
text = "speed_of_learning of seven snapshots of four layers"
kept = [[W.copy() for W in snapshot] for snapshot in history]
got = checks.call(speed_of_learning, history)
checks.shape(got, (4, 6), text, known=[((6, 4), known[0][1])])
checks.close(got, right, text, known=known)
for was, now in zip(kept, history, strict=True):
    for old, new in zip(was, now, strict=True):
        checks.unchanged(old, new, text, "history")
# what it is for: the first layer beside the last at step 0
first, last = [size(H[1][k] - H[0][k]) / size(H[0][k]) for k in (0, 3)]
got = np.asarray(got)
text = "speed of the first layer over that of the last at step 0"
checks.close(got[0, 0] / got[3, 0], first / last, text)
# one epoch; and no change at all
got = checks.call(speed_of_learning, history[:2])
checks.close(got, right[:, :1], "speed_of_learning of two snapshots")
got = checks.call(speed_of_learning, [history[0]] * 3)
checks.close(got, np.zeros((4, 2)), "speed_of_learning of a net that stands still")
### END HIDDEN TESTS

# %% [markdown]
# ## 4.5 A centred sigmoid net (4 points)
#
# The seed's last exercise: sigmoid layers whose outputs are moved to be centred around
# zero, and Xavier's weights.
# The **hidden** layers give $\sigma(z) - \frac12$; the last layer gives $\sigma(z)$,
# a probability.
#
# Build it with the engine: `self.Linear_Layer(fan_in, fan_out)` makes a layer, which is
# called like a function and has the parameters `.weight` and `.bias`, both Nodes;
# `np.copyto(layer.weight.value, new)` sets its weights in place.
# A Node has `.sigmoid()`, and numbers can be added to it and subtracted.
# The loss is given.


# %% nbgrader={"grade_id": "centred-sigmoid-net", "solution": true}
def centred_sigmoid_net(widths, rng):
    """Return a net of centred sigmoid layers with Xavier's start.

    Parameters
    ----------
    widths : list of int
        Inputs, units of each hidden layer, 1: [30, 20, 10, 1] has three layers.
    rng : np.random.Generator
        Source of all draws.

    Returns
    -------
    Model
        One layer for each pair of neighbours in `widths`, in that order. Weights
        (fan_in, fan_out) are independent, with mean 0 and variance
        2 / (fan_in + fan_out), Glorot and Bengio (2010), eq. 12; normal or uniform.
        Biases are zero. `activations(x)` returns a list of Nodes (N, width), what
        comes out of each layer: sigmoid(z) - .5 of the hidden ones, sigmoid(z) of the
        last.
    """

    class Net(Model):
        def __init__(self):
            super().__init__(rng)
            ### BEGIN SOLUTION
            self.layers = []
            for fan_in, fan_out in pairwise(widths):
                layer = self.Linear_Layer(fan_in, fan_out)
                std = np.sqrt(2 / (fan_in + fan_out))
                np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
                self.layers.append(layer)
            ### END SOLUTION

        def activations(self, x):
            ### BEGIN SOLUTION
            outputs = []
            for layer in self.layers[:-1]:
                x = layer(x).sigmoid() - 0.5
                outputs.append(x)
            return [*outputs, self.layers[-1](x).sigmoid()]
            ### END SOLUTION

        def loss(self, x, y):
            p, y = self.activations(x)[-1], Node(y)
            return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    return Net()


# %% [markdown]
# <details><summary>Hint 1</summary>
# How many layers have their output moved, if there are L? Why would a probability moved
# to [-.5, .5] be a bad one?
# </details>
#
# <details><summary>Hint 2</summary>
# In `__init__`: a list of layers, one for each pair of neighbours in `widths`; draw new
# weights for each and copy them in. In `activations`: walk through all layers but the
# last with `layer(x).sigmoid() - 0.5`, then the last without the shift.
# </details>
#
# <details><summary>Hint 3</summary>
#
# ```python
# layer = self.Linear_Layer(fan_in, fan_out)
# std = ...  # the root of 2 / (fan_in + fan_out)
# np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# ```
#
# `for layer in self.layers[:-1]` walks through the hidden ones.
# </details>

# %% nbgrader={"grade_id": "centred-sigmoid-net-test", "points":4, "false_alarms": 1e-7}
net = checks.call(centred_sigmoid_net, [8, 6, 4, 1], checks.rng(31))
text = "centred_sigmoid_net([8, 6, 4, 1], rng)"
got = sorted(value.shape for value in checks.call(net.get_param).values())
want = sorted([(8, 6), (1, 6), (6, 4), (1, 4), (4, 1), (1, 1)])
checks.equal(got, want, f"shapes of {text}.get_param(), sorted")
x = checks.rng(32).normal(size=(50, 8))
outputs = checks.call(net.activations, x)
too_many = "the input is no layer's output"
checks.length(outputs, 3, f"{text}.activations(x)", known={4: too_many})
for k, (node, width) in enumerate(zip(outputs, (6, 4, 1), strict=True), 1):
    checks.true(
        hasattr(node, "value"),
        f"{text}.activations(x)",
        "expected a list of Nodes, got something without `.value`",
        hint="work with Nodes all the way, so that gradients can flow back",
    )
    checks.shape(node.value, (50, width), f"layer {k} of {text}.activations(x)")
lowest = min(float(node.value.min()) for node in outputs[:2])
checks.true(
    lowest < 0,
    f"{text}.activations(x)",
    "expected hidden outputs on both sides of 0, got none below",
    hint="subtract one half behind each hidden sigmoid",
)
checks.true(
    outputs[2].value.min() > 0,
    f"{text}.activations(x)",
    f"expected probabilities from the last layer, got {outputs[2].value.min():.3g}",
    hint="the last layer gives sigmoid(z): it is not shifted, and it is not z itself",
)


### BEGIN HIDDEN TESTS
def parts_of(net, widths):
    # the weights and biases by their shapes, which all differ
    by_shape = {v.shape: v for v in checks.call(net.get_param).values()}
    pairs = list(pairwise(widths))
    return [by_shape[pair] for pair in pairs], [by_shape[1, pair[1]] for pair in pairs]


# -- the start: eight bands of six standard errors (rate 2e-9 each, 6e-9 for the std of
# the last layer: 3e-8 in all, stated as 1e-7); a uniform draw's band is
# narrower, so the normal one's holds for both
widths = [300, 120, 500, 40, 1]
text = f"centred_sigmoid_net({widths}, rng)"
net = checks.call(centred_sigmoid_net, widths, checks.rng(33))
weights, biases = parts_of(net, widths)
for W in weights:
    fan_in, fan_out = W.shape
    std = (2 / (fan_in + fan_out)) ** 0.5
    known = [
        ((2 / fan_in) ** 0.5, "these are He's weights, 2 / fan_in, for rectifiers"),
        ((1 / fan_in) ** 0.5, "these are LeCun's weights, 1 / fan_in"),
        ((1 / fan_out) ** 0.5, "only fan_out is counted; Xavier takes the average fan"),
        (0.01, ".01 is hard-coded: the start that stalls"),
        (1.0, "these weights are not scaled at all"),
        (std**2, "the variance is used as the standard deviation"),
        ((1 / (3 * fan_in)) ** 0.5, "this is the layer's own start: draw new weights"),
        (std * 2**-0.5, "1 / (fan_in + fan_out): the 2 is missing"),
        (std * 3**-0.5, "the standard deviation is used as a uniform draw's bound"),
    ]
    what = f"weights {W.shape} of {text}"
    checks.true(
        len(np.unique(W)) > 0.99 * W.size,
        what,
        "expected independent draws, got repeated numbers",
        hint="draw the whole matrix at once",
    )
    checks.has_std(W, std, what, known=known)
    checks.has_mean(W, 0, std, what)
for b in biases:
    hint = "biases start at zero"
    checks.close(b, np.zeros(b.shape), f"biases {b.shape} of {text}", hint=hint)
again = checks.call(centred_sigmoid_net, widths, checks.rng(33))
other = checks.call(centred_sigmoid_net, widths, checks.rng(34))
checks.true(
    np.array_equal(weights[0], parts_of(again, widths)[0][0]),
    text,
    "expected the same weights from two generators in the same state, got others",
    hint="draw from `rng`, not from np.random",
)
checks.true(
    not np.array_equal(weights[0], parts_of(other, widths)[0][0]),
    text,
    "expected other weights from another generator, got the same",
    hint="draw from `rng`; a seed of your own makes all nets alike",
)
# -- centred: with standard normal inputs a unit's mean over 400 rows, averaged over a
# layer, is within .01 in 50 seeds; without the shift it is .5
x = checks.rng(35).normal(size=(400, 300))
for k, node in enumerate(checks.call(net.activations, x)[:-1], 1):
    mean = float(node.value.mean())
    what = f"mean of layer {k} of {text}.activations(x)"
    known = [((-0.55, -0.45), "subtract one half once: here it is taken away twice")]
    hint = "subtract one half behind each hidden sigmoid, and nowhere else"
    checks.between(mean, -0.05, 0.05, what, known=known, hint=hint)

# -- forward and backward, against NumPy, with biases that are not zero
widths = [5, 4, 6, 3, 1]
text = f"centred_sigmoid_net({widths}, rng)"
net = checks.call(centred_sigmoid_net, widths, checks.rng(36))
rng = checks.rng(37)
new = {
    name: rng.normal(size=value.shape)
    for name, value in checks.call(net.get_param).items()
}
checks.run(net.set_param, new)
weights, biases = parts_of(net, widths)
x, y = rng.normal(size=(9, 5)), rng.integers(0, 2, (9, 1)).astype(float)


def forward(shift=0.5, last=0.0):
    layers = [x]
    for W, b in zip(weights, biases, strict=True):
        layers.append(1 / (1 + np.exp(-(layers[-1] @ W + b))) - shift)
    layers[-1] = layers[-1] + shift - last
    return layers


right, plain, shifted = forward(), forward(shift=0.0), forward(last=0.5)
outputs = checks.call(net.activations, x)
checks.length(outputs, 4, f"{text}.activations(x)")
for k, node in enumerate(outputs, 1):
    what = f"layer {k} of {text}.activations(x)"
    known = [
        (plain[k], "the shift is missing in the hidden layers before"),
        (shifted[k], "the last layer is not shifted: its output is a probability"),
        (right[k] + 0.5, "the shift is missing: sigmoid(z) - .5"),
        (right[k] - 0.5, "the shift is done twice"),
        (2 * right[k], "this is 2 sigmoid(z) - 1, tanh of half of z: do not double it"),
    ]
    checks.close(node.value, right[k], what, known=known)
dz = (right[-1] - y) / 9
gradients, _ = checks.call(net.get_grad, x, y)
gradients = {value.shape: value for value in gradients.values()}
for k in reversed(range(4)):
    what = f"gradient of layer {k + 1}'s weights in {text}"
    hint = "the shift is a constant: the slope stays that of the sigmoid; keep Nodes"
    checks.close(gradients[weights[k].shape], right[k].T @ dz, what, hint=hint)
    s = right[k] + 0.5
    dz = (dz @ weights[k].T) * s * (1 - s)

# -- it trains where the plain start of .01 rests at the entropy: a rule of one feature,
# 40 % ones, two hidden layers, 60 steps of rate 3. Of 4000 nets the loss ends at a
# median of .05 times the entropy and at most at .17; the logarithm has a spread of .34,
# so that .6 is seven of these above (rate below 1e-11).
rng = checks.rng(38)
x = rng.normal(size=(60, 7))
y = (x[:, :1] > np.sort(x[:, 0])[35]).astype(float)
share = y.mean()
entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
net = checks.call(centred_sigmoid_net, [7, 14, 15, 1], checks.rng(39))
for _ in range(60):
    gradients, loss = checks.call(net.get_grad, x, y)
    old = net.get_param()
    net.set_param({name: old[name] - 3 * g for name, g in gradients.items()})
checks.between(
    loss,
    0,
    0.6 * entropy,
    "loss of centred_sigmoid_net([7, 14, 15, 1], rng) after 60 steps",
    known=[((0.9 * entropy, 1.1 * entropy), "it rests at the entropy of the labels")],
)
### END HIDDEN TESTS

# %% [markdown]
# ## 4.6 Dropout that goes back as it came (3 points)
#
# Dropout silences units at random in training and divides the rest by `keep`, so that
# the mean stays. Whatever multiplied a number on its way forward multiplies its
# gradient on the way back. The seed's layer returns `dy * mask` and forgets the
# division, so that everything before the layer gets too small a gradient.


# %% nbgrader={"grade_id": "dropout", "solution": true}
class Dropout:
    """Silence units at random, and keep the mean.

    Parameters
    ----------
    keep : float
        Probability, in (0, 1], that a number is kept. Each number of an array has its
        own fate, drawn anew in every call of `forward` in training.
    rng : np.random.Generator
        Source of all draws.
    """

    def __init__(self, keep, rng):
        ### BEGIN SOLUTION
        self.keep, self.rng = keep, rng
        ### END SOLUTION

    def forward(self, x, train=True):
        """Return x (N, n) with some numbers 0 and the others divided by `keep`.

        Without training, x itself is returned. x is left as it was.
        """
        ### BEGIN SOLUTION
        self.factor = 1.0
        if train:
            self.factor = (self.rng.random(x.shape) < self.keep) / self.keep
        return x * self.factor
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient of x, given that of the last `forward`'s output."""
        ### BEGIN SOLUTION
        return dy * self.factor
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What is the derivative of a times x with respect to x, when a is 0 or 1/keep?
# </details>
#
# <details><summary>Hint 2</summary>
# Keep one array in `self`: the factor of each number, mask / keep. In `forward` it
# multiplies x. Without training it is 1.
# </details>
#
# <details><summary>Hint 3</summary>
# `self.factor = (self.rng.random(x.shape) < self.keep) / self.keep` in training,
# `1.0` without; return `x * self.factor` from the one and `dy * self.factor` from the
# other.
# </details>

# %% nbgrader={"grade_id": "dropout-test", "points": 3, "false_alarms": 1e-7}
layer = checks.call(Dropout, 0.5, checks.rng(41))
x = np.arange(1.0, 13).reshape(3, 4)
before = x.copy()
text = "Dropout(0.5, rng).forward(x)"
got = np.asarray(checks.call(layer.forward, x))
checks.unchanged(before, x, text, "x")
checks.shape(got, (3, 4), text)
kept = got != 0
checks.close(
    got[kept],
    2 * x[kept],
    "what is kept of " + text,
    known=[
        (x[kept], "what is kept is divided by keep, so that the mean stays"),
        (x[kept] / 2, "what is kept is divided by keep, not multiplied by it"),
    ],
)
checks.close(
    checks.call(layer.forward, x, train=False),
    x,
    text[:-1] + ", train=False)",
    known=[
        (
            x / 2,
            "in use nothing is multiplied by keep: training has divided by it already",
        )
    ],
    hint="nothing is dropped or divided when `train` is False",
)

### BEGIN HIDDEN TESTS
# chance comes from rng, and from nowhere else
x = np.ones((20, 30))
same = [checks.call(checks.call(Dropout, 0.5, checks.rng(44)).forward, x) for _ in "ab"]
checks.true(
    np.array_equal(*same),
    "Dropout(0.5, rng).forward(x)",
    "expected the same mask from two generators in the same state, got another",
    hint="draw from `rng`, not from np.random",
)
other = checks.call(checks.call(Dropout, 0.5, checks.rng(45)).forward, x)
checks.true(
    not np.array_equal(same[0], other),
    "Dropout(0.5, rng).forward(x)",
    "expected another mask from another generator, got the same",
    hint="draw from self.rng; a seed of your own gives the same mask each time",
)
for number, keep in ((42, 0.8), (43, 0.3)):
    layer = checks.call(Dropout, keep, checks.rng(number))
    x = checks.rng(number + 10).uniform(1, 2, (300, 200))
    dy = checks.rng(number + 20).normal(size=(300, 200))
    before, text = x.copy(), f"Dropout({keep}, rng).forward(x)"
    got = np.asarray(checks.call(layer.forward, x))
    checks.unchanged(before, x, text, "x")
    mask = got != 0
    checks.close(
        got[mask],
        x[mask] / keep,
        "what is kept of " + text,
        known=[
            (x[mask], "what is kept is divided by keep, so that the mean stays"),
            (x[mask] / (1 - keep), "divided by 1 - keep: keep is the chance to stay"),
            (x[mask] * keep, "what is kept is divided by keep, not multiplied by it"),
        ],
    )
    # 60,000 coins: a band of six standard errors (rate 2e-9). Each row's share has one
    # of 200 coins and each column's of 300: a band of seven for the 500 (rate 3.0e-8 at
    # .8 and 5e-9 at .3, from the binomial). In all 4e-8, stated as 1e-7.
    error = (keep * (1 - keep)) ** 0.5
    share = "share that is kept by " + text
    came, hint = float(mask.mean()), "1 - keep is kept: turn the < round"
    checks.between(came, keep - 0.2, keep + 0.2, share, hint=hint)
    for axis, count in ((0, 300), (1, 200)):
        off = float(np.abs(mask.mean(axis=axis) - keep).max())
        hint = "each number has its own fate: draw an array of x's shape"
        what = f"largest deviation from {keep} of a row's or column's {share}"
        checks.between(off, 0, 7 * error / count**0.5, what, hint=hint)
    band = 6 * error / 60_000**0.5
    checks.between(came, keep - band, keep + band, share)
    back = np.asarray(checks.call(layer.backward, dy))
    what = f"Dropout({keep}, rng).backward(dy)"
    silent = np.where(mask, 0, dy)
    checks.close(
        back,
        np.where(mask, dy / keep, 0),
        what,
        known=[
            (
                np.where(mask, dy, 0),
                "1 / keep is missing: what was divided on the way forward is divided on"
                " the way back (the seed's mistake)",
            ),
            (np.where(mask, dy * keep, 0), "divide by keep, as forward does"),
            (dy / keep, "what was silenced passes no gradient back"),
            (dy, "what was silenced passes no gradient back"),
            (silent / keep, "the mask is the wrong way round"),
            (np.where(mask, dy / keep**2, 0), "divide by keep once, not twice"),
        ],
        hint="backward takes the mask of the last forward; it draws none of its own",
    )
    # another forward, another mask, and backward goes with it
    second = np.asarray(checks.call(layer.forward, x))
    checks.true(
        not np.array_equal(second, got),
        text + ", called twice",
        "expected a new mask in each call, got the same",
        hint="draw in forward, not in __init__",
    )
    back = np.asarray(checks.call(layer.backward, dy))
    wanted = np.where(second != 0, dy / keep, 0)
    hint = "backward belongs to the last call of forward"
    checks.close(back, wanted, what + " after a second forward", hint=hint)
    # in use
    hint = "without training nothing is dropped or divided"
    got = checks.call(layer.forward, x, train=False)
    checks.close(got, x, text[:-1] + ", train=False)", hint=hint)
    back = checks.call(layer.backward, dy)
    checks.close(back, dy, what + " after forward(x, train=False)", hint=hint)
layer = checks.call(Dropout, 1.0, checks.rng(46))
checks.close(checks.call(layer.forward, x), x, "Dropout(1.0, rng).forward(x)")
### END HIDDEN TESTS

# %% [markdown]
# ## 4.7 A penalty that is in the loss (2 points)
#
# A penalty on large weights changes the loss **and** the gradients, or the two do not
# belong together. The seed adds it to the gradients; its loop over the names of the
# layers never finds a penalty, so the loss it prints is another function than the one
# it minimises.
#
# | kind | added to the loss |
# |---|---|
# | "L2" | `lam` / 2 times the sum of all squared weights |
# | "L1" | `lam` times the sum of their absolute values |


# %% nbgrader={"grade_id": "penalised", "solution": true}
def penalised(loss, weights, gradients, lam, kind):
    """Return loss and gradients with a penalty on all weights of a network.

    Parameters
    ----------
    loss : float
        The loss without penalty, in nats.
    weights, gradients : lists of L float arrays (fan_in, fan_out)
        The gradients are those of `loss`. Both lists are left as they were.
    lam : float
        Strength of the penalty, in nats per unit of the sum.
    kind : str
        "L1" or "L2".

    Returns
    -------
    tuple of float and list of L arrays
        The loss with the penalty of all layers, and its gradients. The slope of the
        absolute value at 0 is taken as 0.

    Raises
    ------
    ValueError
        If `kind` is neither.
    """
    ### BEGIN SOLUTION
    if kind == "L2":
        price = sum(np.sum(W**2) for W in weights) / 2
        slopes = weights
    elif kind == "L1":
        price = sum(np.sum(np.abs(W)) for W in weights)
        slopes = [np.sign(W) for W in weights]
    else:
        raise ValueError(f"penalised: kind must be 'L1' or 'L2', got {kind!r}")
    added = [g + lam * s for g, s in zip(gradients, slopes, strict=True)]
    return loss + lam * price, added
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What is the derivative of lam/2 times w² with respect to w? And of lam times |w|?
# </details>
#
# <details><summary>Hint 2</summary>
# One sum over all layers for the loss; for the gradients, one new array a layer:
# the old gradient plus lam times W, or plus lam times the sign of W.
# </details>
#
# <details><summary>Hint 3</summary>
# `sum(np.sum(W**2) for W in weights)` and `np.sign(W)`; write `g + lam * ...`, which
# makes a new array, and not `g += ...`, which changes the caller's.
# </details>

# %% nbgrader={"grade_id": "penalised-test", "points": 2}
weights = [np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([[-4.0], [5.0]])]
gradients = [np.full((2, 2), 0.5), np.full((2, 1), -0.5)]
text = 'penalised(0.9, weights, gradients, 0.1, "L2")'
got = checks.call(penalised, 0.9, weights, gradients, 0.1, "L2")
checks.length(got, 2, text, hint="return the loss and the list of gradients")
checks.close(
    got[0],
    0.9 + 0.1 / 2 * 55,
    "loss of " + text,
    known=[
        (0.9, "the penalty is not in the loss: the seed's mistake"),
        (0.9 + 0.1 * 55, "L2 has lam / 2 before the squares"),
        (0.9 + 0.05 * 14, "all layers count, not the first alone"),
        (0.9 + 0.05 * 41, "all layers count, not the last alone"),
        (0.1 / 2 * 55, "this is the penalty alone; add the loss"),
        (0.9 - 0.1 / 2 * 55, "a penalty makes the loss larger"),
        (0.9 + 0.1 * (14**0.5 + 41**0.5), "the squares have no root: no norms here"),
    ],
)

### BEGIN HIDDEN TESTS
for number, kind in enumerate(("L2", "L1", "L2", "L1"), 51):
    rng = checks.rng(number)
    shapes = [(4, 3), (3, 5), (5, 1)]
    weights = [rng.normal(size=shape) for shape in shapes]
    weights[0][1, 2] = 0.0
    gradients = [rng.normal(size=shape) for shape in shapes]
    kept = [v.copy() for v in (*weights, *gradients)]
    loss, lam = float(rng.uniform(1, 2)), float(rng.uniform(0.1, 0.9))
    text = f'penalised({loss:.3f}, weights, gradients, {lam:.3f}, "{kind}")'
    got = checks.call(penalised, loss, weights, gradients, lam, kind)
    for before, after in zip(kept, (*weights, *gradients), strict=True):
        checks.unchanged(before, after, text, "every array")
    checks.length(got, 2, text, hint="return the loss and the list of gradients")
    squares = [float((W * W).sum()) for W in weights]
    sizes = [float(W[W > 0].sum() - W[W < 0].sum()) for W in weights]
    prices = [s / 2 for s in squares] if kind == "L2" else sizes
    other = sizes if kind == "L2" else [s / 2 for s in squares]
    known = [
        (loss, "the penalty is not in the loss: the seed's mistake"),
        (loss + 2 * lam * sum(prices), "L2 has lam / 2 before the squares, L1 has lam"),
        (loss + lam / 2 * sum(prices), "L1 has lam before the sizes, without a half"),
        (loss + lam * prices[0], "all layers count, not the first alone"),
        (loss + lam * prices[-1], "all layers count, not the last alone"),
        (loss + lam * sum(other), "L1 and L2 are exchanged"),
        (loss + lam * sum(s**0.5 for s in squares), "the squares have no root"),
        (loss + lam * sum(float(W.sum()) for W in weights), "sizes have no sign"),
    ]
    checks.close(got[0], loss + lam * sum(prices), "loss of " + text, known=known)
    checks.length(got[1], 3, "gradients of " + text)
    # the slope of the penalty by a central difference, exact for squares and, away from
    # 0, for sizes
    price = {"L2": lambda w: w * w / 2, "L1": abs}[kind]
    for k, (W, g) in enumerate(zip(weights, gradients, strict=True)):
        far = np.abs(W) > 1e-4
        slope = np.where(far | (kind == "L2"), price(W + 1e-5) - price(W - 1e-5), 0)
        slope = slope / 2e-5
        what = f"gradient of layer {k + 1} in {text}"
        known = [
            (g, "the penalty's slope is not in the gradients"),
            (g - lam * slope, "the penalty's slope is added, not subtracted"),
            (
                g + 2 * lam * slope,
                "the 2 of the square's slope cancels against lam / 2",
            ),
            (g + lam / 2 * slope, "the half cancels against the square's slope of 2 w"),
            (lam * slope, "this is the penalty's slope alone; add the gradient"),
            (g + lam * np.sign(W), "this is L1's slope; L2's is lam W"),
            (g + lam * W, "this is L2's slope; L1's is lam times the sign of W"),
            (g + lam * np.abs(W), "the slope of |w| is its sign"),
            (g + lam, "the slope of |w| is its sign: -1 for a negative weight"),
            (g + lam * np.where(W > 0, 1, -1), "the slope of |w| at 0 is taken as 0"),
            (g + lam * np.where(W < 0, -1, 1), "the slope of |w| at 0 is taken as 0"),
        ]
        checks.close(got[1][k], g + lam * slope, what, known=known, atol=1e-8)
checks.raises(
    ValueError,
    penalised,
    0.7,
    weights,
    gradients,
    0.1,
    "L3",
    hint="only L1 and L2 are known: end with raise ValueError(...)",
)
### END HIDDEN TESTS

# %% [markdown]
# ## Checkpoint
#
# Answer aloud before you unfold.
#
# <details><summary>In 4.1 the first layer's norm is a millionth of the last's or less.
# Does a learning rate a million times as large help?</summary>
# The last layer would explode long before. A rate for each layer could; a better start
# costs nothing.
# </details>
#
# <details><summary>In 4.2 tanh has the slope 1. Does a tanh net with weights of .01
# train at 30 units a layer?</summary>
# No: .01 times the root of 30 is .055 a layer. The slope is only one of two factors.
# </details>
#
# <details><summary>Why is the accuracy of a net at its plateau a bad witness?</summary>
# It is the share of the commonest class, 65.55 % or 34 % for the same net, depending on
# who is counted. The loss at the entropy of the labels says what was learnt.
# </details>
