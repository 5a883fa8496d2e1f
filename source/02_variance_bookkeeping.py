# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Unit 2 · Variance bookkeeping
#
# A layer multiplies, adds and rectifies.
# This assignment makes you the accountant of these three steps:
# at the end you can say how large the numbers in a network will be,
# before it has run.
#
# Read the lesson *Variance bookkeeping* first.
# There are seven items and 14 points;
# the last item is for the curious and counts one of them.
#
# - Write each answer where it says `YOUR CODE HERE`.
# - Run the cell below an answer. It says which known mistake your answer has, or that
#   it passes; more checks run when the assignment is graded.
# - Every item stands alone: a test never uses another item's answer.
# - Hints come in three steps. The first is a question, the third is nearly the answer.

# %% nbgrader={"grade_id": "setup", "locked": true}
import numpy as np

try:
    import checks
    import lab
    import mistakes  # noqa: F401  (for the checks)
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"{missing.name}.py is not in the folder of this notebook: put checks.py,"
        " dp.py, lab.py and mistakes.py there, which came with it, and run this again"
    ) from None

lab.style()

# %% [markdown]
# **Conventions.**
# Rows are examples and a dense layer computes `Y = X @ W + b`,
# with `W.shape == (fan_in, fan_out)` and `b.shape == (1, fan_out)`.
#
# | here | in the text | is |
# |---|---|---|
# | `mx` | $E[X]$ | the mean |
# | `vx`, `var_w`, `z_var` | $\mathrm{Var}(X)$ | a variance, no standard deviation |
# | `q_in`, `q_out` | $E[x^2]$ | a second moment: variance **plus** squared mean |
#
# $\mathrm{Var}(X) = E[X^2] - E[X]^2$ is the one identity that everything here rests on.

# %% [markdown]
# ## Predict (1 point)
#
# Inputs with second moment 1 go through a net of the widths 64, 256, 32 and 128.
# All weights have mean 0 and variance .02.
# Behind the first and the second layer is a leaky rectifier with slope .2;
# the third layer's numbers are left as they come.
#
# How large is their second moment?
# Write down a guess **before** you go on.
# The point is for committing yourself; whether you are right is never scored.
# At the end you compute it, and measure it.

# %% nbgrader={"grade_id": "prediction", "solution": true}
# my_moment = your guess, a number from 0 to 1000, in place of the next two lines:
### BEGIN SOLUTION
my_moment = 1.0
### END SOLUTION
lab.predict("u2.a1", my_moment)

# %% nbgrader={"grade_id": "prediction-test", "points": 1}
import checks

with checks.visible("my_moment"):
    checks.predicted(my_moment, "my_moment", 0, 1000)

# %% [markdown]
# ## 2.1 The variance of a product (2 points)
#
# An activation times a weight is a product of two random numbers that know nothing
# of each other.
# In the lesson you saw its variance written in second moments, and the special case of
# two means of zero.
# Now write it for any two means, in means and variances.


# %% nbgrader={"grade_id": "var-product", "solution": true}
def var_product(mx, vx, my, vy):
    """Return the variance of X * Y, where X and Y are independent.

    Parameters
    ----------
    mx, my : float
        The means E[X] and E[Y], dimensionless.
    vx, vy : float
        The variances Var(X) and Var(Y), dimensionless, not negative. They are variances
        already: square neither, take no root.

    Returns
    -------
    float
        Var(XY), dimensionless.
    """
    ### BEGIN SOLUTION
    return vx * vy + vx * my**2 + vy * mx**2  # Goodman (1960), eq. 2
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# How is the variance of any random number written with two expectations?
# Put the product in its place.
# </details>
# <details><summary>Hint 2</summary>
# Independent numbers have independent squares, so E[X²Y²] = E[X²] E[Y²].
# You are given E[X] and Var(X): how do you get E[X²] from them?
# </details>
# <details><summary>Hint 3</summary>
# (Var(X) + E[X]²) (Var(Y) + E[Y]²) has four terms when multiplied out.
# Subtract E[X]² E[Y]²: three are left.
# </details>

# %% nbgrader={"grade_id": "var-product-test", "points": 2}
import checks

with checks.visible("var_product"):
    checks.value(var_product, (2, 3, 5, 7), 124)
### BEGIN HIDDEN TESTS
# The oracle: X is mx - sqrt(vx) or mx + sqrt(vx) by the toss of a coin, which has the
# mean mx and the variance vx, and Y likewise. The four products are equally likely, so
# their plain variance is exact.
cases = [*checks.rng(1).uniform([1, 0.5, -3, 0.5], [3, 2, -1, 2], (4, 4)).tolist()]
cases += [(2.0, 0.7, 0.0, 1.3), (1.5, 0.0, -2.0, 3.0)]  # one mean zero; a constant X
for mx, vx, my, vy in cases:
    x = np.array([mx - vx**0.5, mx + vx**0.5])
    y = np.array([my - vy**0.5, my + vy**0.5])
    checks.value(var_product, (mx, vx, my, vy), np.outer(x, y).var())
### END HIDDEN TESTS

# %% [markdown]
# ## 2.2 One output of a linear layer (2 points)
#
# One number that comes out of a layer is a sum of `n` products,
# $z = \sum_{j=1}^{n} x_j w_j$ with $n$ the fan-in.
# The weights are independent of each other and of the inputs,
# have mean zero and variance `var_w`.
# The inputs may have any mean: think of what a rectifier lets through.
# What they contribute is `q_in`, their second moment.


# %% nbgrader={"grade_id": "var-linear", "solution": true}
def var_linear(n, q_in, var_w):
    """Return the variance of z, a sum of n products x_j * w_j.

    Parameters
    ----------
    n : int
        Number of products in the sum: the fan-in of the layer, at least 1.
    q_in : float
        E[x^2], the second moment of one input, dimensionless. Not Var(x): the inputs
        may have a mean, and E[x^2] contains it already.
    var_w : float
        Var(w), the variance of one weight, dimensionless; the weights have mean zero
        and are independent of each other and of the inputs.

    Returns
    -------
    float
        Var(z), dimensionless.
    """
    ### BEGIN SOLUTION
    return n * q_in * var_w  # He et al. (2015), eq. 7
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# What is E[x w] when w has mean zero and x does not?
# And what is left of the variance of the product?
# </details>
# <details><summary>Hint 2</summary>
# Two different terms share no weight. What is E[x₁w₁ x₂w₂],
# and what does it say about the variance of their sum?
# </details>
# <details><summary>Hint 3</summary>
# One term has the variance E[x²] Var(w), and n uncorrelated terms add their variances.
# </details>

# %% nbgrader={"grade_id": "var-linear-test", "points": 2, "false_alarms": 1e-8}
import checks

with checks.visible("var_linear"):
    checks.value(var_linear, (3, 4, 0.3), 3.6)
### BEGIN HIDDEN TESTS
# A rectified normal input, x = max(z, 0) with Var(z) = v, has E[x^2] = v / 2. Simulated
# with fresh weights for each of 20,000 sums of 64 products. The kurtosis of a product
# is 18, so that of the sum is 3 + 15 / 64; the relative standard error of the variance
# is sqrt(2.23 / 20,000) = .0106, and .065 is 6.1 of these: false alarms below 1e-8.
rng = checks.rng(1)
n, v, var_w = 64, 3.0, 0.05
x = np.maximum(rng.normal(0, v**0.5, (20_000, n)), 0)
simulated = (x * rng.normal(0, var_w**0.5, x.shape)).sum(1).var()
checks.value(var_linear, (n, v / 2, var_w), simulated, rtol=0.065)
# Exact: x is 0 or c, w is -s or s, each by the toss of a coin, three products.
c, s = checks.rng(2).uniform(1, 2, 2)
products = np.array([0, 0, -c * s, c * s])
sums = products[:, None, None] + products[:, None] + products
near = "this is close for many inputs and wrong for three: do not approximate"
args = 3, float(c**2 / 2), float(s**2)
checks.value(var_linear, args, sums.var(), hint=near)
### END HIDDEN TESTS

# %% [markdown]
# ## 2.3 Fan-in and fan-out (2 points)
#
# Going forward, one output is a sum over the **fan-in**.
# Going backward, the gradient of one input is a sum over the **fan-out**.
# Both can be read off the shape of an array, if you know what kind of array it is:
# a row of biases looks exactly like the weights of a layer with one input.


# %% nbgrader={"grade_id": "fans", "solution": true}
def fans(shape, kind):
    """Return (fan_in, fan_out) of a parameter array of this shape.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array; two numbers for both kinds.
    kind : str
        "dense" for the weights of Y = X @ W + b, whose shape is (fan_in, fan_out);
        "bias" for b, whose shape is (1, fan_out).

    Returns
    -------
    tuple of int
        (fan_in, fan_out). fan_in is the number of terms in the sum that makes one
        output, fan_out the number of outputs that one input reaches.

    Raises
    ------
    ValueError
        If kind is "bias": a bias multiplies nothing, so it has no fans. Also for every
        kind that is not named above.
    """
    ### BEGIN SOLUTION
    if kind == "dense":
        fan_in, fan_out = shape
        return fan_in, fan_out
    if kind == "bias":
        raise ValueError(
            f"fans: a bias has no fans, got shape {shape}; set it directly"
        )
    raise ValueError(
        f'fans: kind must be "dense", got {kind!r}; name the kind of array'
    )
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# Multiply a row x of 30 numbers by W of shape (30, 20) on paper.
# How many terms does one output have?
# </details>
# <details><summary>Hint 2</summary>
# Decide by <code>kind</code>, not by the numbers in the shape: (1, 20) may be either.
# </details>
# <details><summary>Hint 3</summary>
# Return the shape for "dense" and raise a ValueError with a sentence in it otherwise.
# </details>

# %% nbgrader={"grade_id": "fans-test", "points": 2}
import checks

with checks.visible("fans"):
    checks.exact(fans, ((30, 20), "dense"), (30, 20))
    checks.exact(fans, ((1, 50), "dense"), (1, 50))
    checks.raises(ValueError, fans, (1, 50), "bias")
### BEGIN HIDDEN TESTS
n, m = sorted(checks.rng(1).permutation(np.arange(2, 500))[:2].tolist())  # it widens
checks.exact(fans, ((n, m), "dense"), (n, m))
checks.raises(ValueError, fans, (40, 20), "bias")
checks.raises(ValueError, fans, (30, 20), "dence")
### END HIDDEN TESTS

# %% [markdown]
# ## 2.4 What a leaky rectifier lets through (3 points)
#
# The lesson followed a rectifier: half of the second moment passes, and part of what
# passes is a mean.
# A *leaky* rectifier keeps a share of the negative half as well:
#
# $$a = \begin{cases} z & z > 0 \\ \text{slope} \cdot z & z \le 0 \end{cases}
# \qquad z \sim N(0, \text{z\_var})$$
#
# Give the three numbers that a bookkeeper needs.
# With slope 0 they are the lesson's, with slope 1 nothing happens at all.


# %% nbgrader={"grade_id": "leaky-moments", "solution": true}
def leaky_moments(z_var, slope):
    """Return mean, second moment and variance of a leaky rectifier's output.

    The output is a = z for z > 0 and a = slope * z otherwise, for normal z with mean 0.

    Parameters
    ----------
    z_var : float
        Var(z), dimensionless, positive; a variance, not a standard deviation.
    slope : float
        The slope for negative z, dimensionless; 0 is the plain rectifier, 1 the
        identity, -1 the absolute value. Any number is allowed.

    Returns
    -------
    tuple of three floats
        (E[a], E[a^2], Var(a)), dimensionless, exact (a formula, no simulation).
    """
    ### BEGIN SOLUTION
    mean = (1 - slope) * np.sqrt(z_var / (2 * np.pi))
    second = (1 + slope**2) / 2 * z_var
    return mean, second, second - mean**2
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# The bell curve is symmetric. Which share of E[z²] comes from z > 0,
# and what happens to the other share when every negative z is multiplied by the slope?
# </details>
# <details><summary>Hint 2</summary>
# The positive half contributes sqrt(z_var / (2 π)) to the mean: the lesson's number,
# scaled like a standard deviation.
# With which sign and which factor does the negative half enter?
# </details>
# <details><summary>Hint 3</summary>
# The slope is squared in the second moment and enters the mean as (1 - slope).
# The variance follows from these two; it needs no integral of its own.
# </details>


# %% nbgrader={"grade_id": "leaky-moments-test", "points": 3}
import checks

with checks.visible("leaky_moments"):
    want = (0.957461, 4.68, 3.763268)
    parts = ("mean", "second moment", "variance")
    checks.value(leaky_moments, (9.0, 0.2), want, parts=parts, rtol=1e-5)


### BEGIN HIDDEN TESTS
def leaky_check(z_var, slope):
    """Compare with sums over a fine grid of z, ten standard deviations each way."""
    std = z_var**0.5
    z = np.linspace(-10, 10, 200_001) * std
    share = np.exp(-(z**2) / (2 * z_var))
    share /= share.sum()
    a = np.where(z > 0, z, slope * z)
    mean, second = (share * a).sum(), (share * a**2).sum()
    # The grid is exact to 1e-9 of the scale: 1e-6 leaves room, no more.
    want = mean, second, second - mean**2
    checks.value(leaky_moments, (z_var, slope), want, parts=parts)


leaky_check(1.0, 1.0)
leaky_check(4.0, 0.0)
leaky_check(4.0, 0.2)
leaky_check(0.25, -1.0)
leaky_check(*(float(value) for value in checks.rng(1).uniform([2, 0.3], [5, 0.7])))
### END HIDDEN TESTS

# %% [markdown]
# ## 2.5 The ledger read backward (3 points)
#
# The lesson took one step backward:
# if the loss has the gradient `G` with respect to a layer's output `X @ W`,
# then `G @ W.T` is its gradient with respect to that layer's input.
# Now go on, step by step, from the end of a chain of linear layers to its beginning.
#
# Given how large the gradient is at the end of the chain, say how large it is at the
# input of every layer.


# %% nbgrader={"grade_id": "backward-moments", "solution": true}
def backward_moments(widths, weight_vars, q_out):
    """Return the second moment of the gradient at the input of every linear layer.

    The net is x_0 -> x_1 -> ... -> x_L with x_l = x_(l-1) @ W_l and no activation. All
    weights are independent, with mean zero.

    Parameters
    ----------
    widths : sequence of L + 1 ints
        The widths of x_0 ... x_L, so that W_l.shape == (widths[l - 1], widths[l]).
    weight_vars : sequence of L floats
        The variance of one weight of W_1 ... W_L, dimensionless: weight_vars[l - 1]
        belongs to W_l.
    q_out : float
        E[g^2] of one entry g of the loss's gradient with respect to x_L, in the squared
        units of the gradient.

    Returns
    -------
    ndarray of shape (L,), float
        E[g^2] of one entry of the gradient with respect to x_0, x_1 ... x_(L-1), in
        this order: the input of the net comes first.
    """
    ### BEGIN SOLUTION
    moments = []
    q = q_out
    for fan_out, weight_var in zip(widths[:0:-1], weight_vars[::-1], strict=True):
        q = fan_out * weight_var * q  # Glorot & Bengio (2010), eq. 6
        moments.append(q)
    return np.array(moments[::-1])
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# Look at one entry of <code>G @ W.T</code>.
# Over which axis of W does its sum run, and how many terms has it?
# </details>
# <details><summary>Hint 2</summary>
# Each layer multiplies the second moment by fan_out times its weight variance. Start at
# the end of the net, with q_out.
# </details>
# <details><summary>Hint 3</summary>
# Loop over the layers from the last to the first, collect the numbers in a list,
# and turn the list round at the end. W_l has the fan-out <code>widths[l]</code>.
# </details>


# %% nbgrader={"grade_id": "backward-moments-test", "points": 3}
import checks

with checks.visible("backward_moments"):
    checks.value(backward_moments, ([2, 3, 5], [0.1, 0.5], 2.0), [1.5, 5])


### BEGIN HIDDEN TESTS
def backward_check(widths, weight_vars, q_out):
    """Compare with a sum over every weight, one layer after the other."""
    layers = list(zip(widths[:-1], widths[1:], weight_vars, strict=True))
    # Entry j of the gradient at a layer's input is the sum over k of w_jk g_k, with the
    # second moment sum_k Var(w_jk) E[g_k^2]: a matrix of variances times a vector.
    moments = [np.full(widths[-1], float(q_out))]
    for fan_in, fan_out, weight_var in layers[::-1]:
        moments.insert(0, np.full((fan_in, fan_out), weight_var) @ moments[0])
    right = np.array([entries[0] for entries in moments[:-1]])
    checks.value(backward_moments, (widths, weight_vars, q_out), right)


backward_check([30, 20], [0.1], 1.0)
backward_check([64, 256, 32, 100, 10], [0.02, 0.002, 0.05, 0.03], 0.7)
sizes = [int(size) for size in checks.rng(1).permutation(np.arange(3, 60))[:5]]
variances = [float(value) for value in checks.rng(2).uniform(0.01, 0.2, 4)]
backward_check(sizes, variances, float(checks.rng(3).uniform(2, 3)))
# Exact, without any rule of variances: widths 2, 3, 2 and weights of +-s1 and +-s2 have
# 12 signs, so 4096 equally likely nets; the gradient at the end is (c, -c).
s1, s2, c = (float(value) for value in checks.rng(4).uniform(0.5, 1.5, 3))
signs = 1 - 2 * ((np.arange(4096)[:, None] >> np.arange(12)) & 1)
W1, W2 = s1 * signs[:, :6].reshape(-1, 2, 3), s2 * signs[:, 6:].reshape(-1, 3, 2)
g1 = np.einsum("njk,k->nj", W2, np.array([c, -c]))
g0 = np.einsum("njk,nk->nj", W1, g1)
checks.close(
    checks.call(backward_moments, [2, 3, 2], [s1**2, s2**2], c**2),
    [(g0**2).mean(), (g1**2).mean()],
    checks.describe(backward_moments, [2, 3, 2], [s1**2, s2**2], c**2),
)
### END HIDDEN TESTS

# %% [markdown]
# ## The ledger and the net
#
# Nothing is graded here: this is what your functions are for.
# The net of the prediction, first in the books.
# Weights with mean 0 give sums with mean 0, so a sum's variance is its second moment:

# %%
widths, weight_var, slope = [64, 256, 32, 128], 0.02, 0.2
ledger, q = [], 1.0
for fan_in in widths[:-1]:
    z_var = var_linear(fan_in, q, weight_var)
    ledger.append(z_var)
    q = leaky_moments(z_var, slope)[1]
lab.reveal("u2.a1", float(ledger[-1]))


# %% [markdown]
# Now the net itself: 200 draws of its weights, 100 examples each.


# %%
def run(rng):
    a, moments = rng.normal(size=(100, 64)), []
    for fan_in, fan_out in [(64, 256), (256, 32), (32, 128)]:
        z = a @ rng.normal(0, weight_var**0.5, (fan_in, fan_out))
        moments.append((z**2).mean())
        a = np.where(z > 0, z, slope * z)
    return moments


measured = lab.over_seeds(run, range(200))
for layer, (books, net) in enumerate(zip(ledger, measured.T, strict=True), start=1):
    print(
        f"layer {layer}: books {books:.3f}, net {net.mean():.3f}, std {net.std():.3f}"
    )

# %% [markdown]
# The books say what happens on average; one draw of the weights strays from it.
# At which layer does it stray most, compared with its size, and why there?
# (Look at the widths: how many numbers was its sum averaged over?)
# And what would `weight_var` have to be at each layer for the second moment to stay 1?

# %% [markdown]
# ## 2.6 For the curious: the fans of a convolution (1 point)
#
# A convolution slides a small window over an image.
# Its weights have the shape `(kernel_height, kernel_width, channels_in, channels_out)`,
# and neither fan is a number of this shape. Both follow from what they count:
# the terms in the sum that makes one output, and the outputs that one input reaches.


# %% nbgrader={"grade_id": "conv-fans", "solution": true}
def conv_fans(shape):
    """Return (fan_in, fan_out) of the weights of a convolution.

    The window moves by one pixel at a time, and edges do not matter: count for an
    output, and for an input, far from any edge.

    Parameters
    ----------
    shape : tuple of four ints
        (kernel_height, kernel_width, channels_in, channels_out).

    Returns
    -------
    tuple of int
        (fan_in, fan_out): the terms in the sum that makes one output (one pixel of one
        channel), and the outputs that one input (one pixel of one channel) reaches.
    """
    ### BEGIN SOLUTION
    height, width, channels_in, channels_out = shape
    window = height * width
    return window * channels_in, window * channels_out
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# How many pixels are under the window, and how many channels has each of them?
# </details>
# <details><summary>Hint 2</summary>
# One input pixel is seen by the window at several of its positions. At how many?
# </details>
# <details><summary>Hint 3</summary>
# The window's area multiplies both channel numbers.
# </details>


# %% nbgrader={"grade_id": "conv-fans-test", "points": 1}
import checks

with checks.visible("conv_fans"):
    checks.exact(conv_fans, ((3, 5, 2, 7),), (30, 105))


### BEGIN HIDDEN TESTS
def conv_check(shape):
    """Slide the window over an image of 15 by 15 and count."""
    height, width, channels_in, channels_out = shape
    seen = np.zeros((15, 15, channels_in), dtype=int)
    for top in range(16 - height):
        for left in range(16 - width):
            window = seen[top : top + height, left : left + width]
            window += 1
    want = window.size, int(seen[7, 7, 0]) * channels_out
    checks.exact(conv_fans, (shape,), want)


conv_check((1, 1, 7, 5))
conv_check((3, 3, 16, 32))
conv_check((5, 3, *checks.rng(1).permutation(np.arange(2, 9))[:2].tolist()))
### END HIDDEN TESTS
