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
# Start all neurons of a layer alike, and they stay alike: the layer has the width that
# you paid for and the use of one neuron.
# You measure how many neurons a layer really has, train from constant starts and see
# what moves, and then say beforehand what will move.
#
# Read the lesson *Symmetry* first.
# There are four items and 10 points.
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
    import mistakes
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"{missing.name}.py is not in the folder of this notebook: put checks.py,"
        " dp.py, lab.py and mistakes.py there, which came with it, and run this again"
    ) from None

lab.style()

# %% [markdown]
# **Conventions.**
# Rows are examples. The net of this assignment has one hidden layer of four neurons and
# one output, whose sigmoid is the probability of label 1:
#
# $$ H = f(X W_1 + b_1), \qquad z = H W_2 + b_2, \qquad p = \frac{1}{1 + e^{-z}} $$
#
# | array | shape | |
# |---|---|---|
# | `W1`, `b1` | (d, 4), (1, 4) | one column a neuron |
# | `W2`, `b2` | (4, 1), (1, 1) | one row a neuron, and the last bias |
#
# The loss is the mean cross-entropy in nats. Its gradient at $z$ is $(p - y) / n$.

# %% [markdown]
# ## Predict (1 point)
#
# Such a net starts with the weight .5 everywhere and biases of zero. Its activation is
# tanh, no single straight line separates the labels, and it trains for 500 steps.
#
# How many of its four neurons are then different from each other?
# Write down a guess **before** you go on.
# The point is for committing yourself; whether you are right is never scored.

# %% nbgrader={"grade_id": "prediction", "solution": true}
# my_count = your guess, from 0 to 4, in place of the next two lines:
### BEGIN SOLUTION
my_count = 1
### END SOLUTION
lab.predict("u1.a1", my_count)

# %% nbgrader={"grade_id": "prediction-test", "points": 1}
import checks

with checks.visible("my_count"):
    checks.predicted(my_count, "my_count", 0, 4)

# %% [markdown]
# ## 1.1 How many neurons does a layer have? (3 points)
#
# `H` holds the activations of a hidden layer, a row for each example and a column for
# each neuron. Two neurons that always say the same add nothing to each other; neither
# does one that says $2h + 3$ where another says $h$, since the next layer multiplies
# and has a bias.
#
# So the useful count is the rank of `H` **after the mean of each column is taken off**.
# In floating point no singular value is exactly zero. Count those that are larger than
# `tol` **times the largest**: a layer has the same rank in volts and in millivolts.


# %% nbgrader={"grade_id": "hidden-rank", "solution": true}
def hidden_rank(H, tol):
    """Return the rank of a hidden layer's activations, centred by column.

    Parameters
    ----------
    H : (n, units) float array
        Activations: one row for each example. It is left as it was.
    tol : float
        Dimensionless. A singular value of the centred matrix counts if it is larger
        than `tol` times the largest of them.

    Returns
    -------
    int
        From 0, if no neuron varies, to the number of units.
    """
    ### BEGIN SOLUTION
    values = np.linalg.svd(H - H.mean(axis=0), compute_uv=False)
    return int(np.sum(values > tol * values[0]))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# Along which axis do you average to get one mean for each neuron?
# And what is the rank of a layer whose columns are all constant?
# </details>
# <details><summary>Hint 2</summary>
# <code>np.linalg.svd(A, compute_uv=False)</code> gives the singular values, the largest
# first. They are proportional to A, so what they are compared with must be as well.
# </details>
# <details><summary>Hint 3</summary>
# Centre with <code>H - H.mean(axis=0)</code>, which makes a new array. Compare the
# singular values with tol times the first one, and sum the comparison: a strict
# <code>&gt;</code> also gives 0 for a layer of zeros.
# </details>

# %% nbgrader={"grade_id": "hidden-rank-test", "points": 3}
import checks
import mistakes

with checks.visible("hidden_rank"):
    mistakes.check_rank(hidden_rank, equal=1, copies=1, total=2, constant=0, sizes=2)
### BEGIN HIDDEN TESTS
draws = checks.rng(1)
base = draws.normal(size=(40, 3))
centring = (
    "columns must be centred: the next layer's bias takes care of a constant, so an"
    " affine copy 2 h + 3 adds nothing"
)
tolerance = (
    "a tolerance is missing: numbers that differ in the twelfth digit are the same"
    " neuron, rounded"
)
unique = "distinct columns are counted; a column can depend on several others"
pairs = "columns are compared two at a time; one can depend on several others"
relative = "tol is relative to the largest singular value, and H has no fixed unit"
cases = {
    "three columns and an affine copy of each": (
        np.hstack([base, 2 * base + 3, 1 - base]),
        3,
        [(9, unique), (4, centring)],
    ),
    "columns that are 2 h + 3 of one another": (
        np.hstack([base[:, :1], 2 * base[:, :1] + 3]),
        1,
        [(2, centring)],
    ),
    "a sum of two other columns": (
        np.hstack([base, base[:, :1] + base[:, 1:2]]),
        3,
        [(4, pairs)],
    ),
    "five copies of a column with noise of 1e-12": (
        base[:, :1] + 1e-12 * draws.normal(size=(40, 5)),
        1,
        [(5, tolerance)],
    ),
    "independent columns": (draws.normal(size=(40, 7)), 7, []),
    "more neurons than examples": (draws.normal(size=(5, 9)), 4, [(5, centring)]),
    "columns that are all .5": (
        np.full((16, 4), 0.5),  # with 16 rows a mean of halves is exact
        0,
        [(1, centring), (4, "compare with >, not with >=")],
    ),
    "columns of zeros": (np.zeros((20, 4)), 0, [(4, "compare with >, not with >=")]),
    "one column that varies beside constant ones": (
        np.hstack([base[:, :1], np.full((40, 2), 2.0)]),
        1,
        [(2, centring)],
    ),
    "independent columns of size 1e-12": (1e-12 * base, 3, [(0, relative)]),
    "three copies of a column of size 1e6, with noise of 1e-5": (
        1e6 * (base[:, :1] + 1e-11 * draws.normal(size=(40, 3))),
        1,
        [(3, relative)],
    ),
}
for name, (H, want, known) in cases.items():
    before = H.copy()
    text = f"hidden_rank(H, 1e-9) for {name}"
    checks.equal(checks.call(hidden_rank, H, 1e-9), want, text, known=known)
    checks.unchanged(before, H, text, "H")
# Orthogonal columns with mean zero: the singular values are known, 1, .1 and .001.
waves = np.array([[1, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]]) / 2
H = waves * [1, 0.1, 0.001] + [5, -2, 0]
ignored = "tol is not looked at"
squares = "compare the singular values with tol, not their squares"
total = "tol is a share of the largest singular value, not of their sum or norm"
for tol, want, known in (
    (0.2, 1, {2: ignored, 3: ignored}),
    (1e-4, 3, {1: ignored, 2: squares}),
    (0.01, 2, {}),
    (0.0997, 2, {1: total}),
):
    text = f"hidden_rank(H, {tol}) for singular values 1, .1 and .001"
    checks.equal(checks.call(hidden_rank, H, tol), want, text, known=known)
    text = f"hidden_rank(H, {tol}) for singular values 100, 10 and .1"
    got = checks.call(hidden_rank, 100 * H, tol)
    checks.equal(got, want, text, known=[(k, relative) for k in (1, 2, 3)])
### END HIDDEN TESTS

# %% [markdown]
# ## 1.2 Training from a constant start (4 points)
#
# Now train the net of the conventions from the same number everywhere:
# all weights start at `c`, the biases of the hidden layer at `bias`, and the last bias
# at zero. Plain gradient descent: in each step compute the four gradients for **all**
# examples from the parameters as they are, then change all four.
#
# Use NumPy or `dp`, as you like. For pencil work: with $\delta = (p - y)/n$ of shape
# (n, 1) the gradients are
#
# $$ \nabla W_2 = H^\top \delta, \quad \nabla b_2 = \sum \delta, \quad
#    \Delta = (\delta\, W_2^\top) \odot f'(X W_1 + b_1), \quad
#    \nabla W_1 = X^\top \Delta, \quad \nabla b_1 = \sum \Delta , $$
#
# sums running over the examples. The slope of tanh is $1 - h^2$. What is it at zero?


# %% nbgrader={"grade_id": "train-constant-init", "solution": true}
def train_constant_init(c, act, x, y, rate, steps, bias=0.0):
    """Train one hidden layer of four neurons from a constant start.

    Parameters
    ----------
    c : float
        Start of every weight, W1 and W2.
    act : str
        "sigmoid", "tanh" or "relu"; the slope of relu at 0 is taken as 0.
    x : (n, d) float array
    y : (n,) array of 0 and 1
    rate : float
        Learning rate on the mean cross-entropy, the same for all parameters.
    steps : int
        Steps of gradient descent on all n examples.
    bias : float
        Start of the hidden biases b1. The last bias b2 starts at 0.

    Returns
    -------
    dict of str to array
        "W1" (d, 4), "b1" (1, 4), "W2" (4, 1), "b2" (1, 1): after the last step.
        "hidden" (n, 4): the activations that these parameters give for x.
        "loss" (steps,): the loss before each step, in nats.

    Raises
    ------
    ValueError
        If `act` is none of the three.
    """
    ### BEGIN SOLUTION
    functions = {
        "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)),
        "tanh": (np.tanh, lambda h: 1 - h**2),
        "relu": (lambda z: np.maximum(z, 0), lambda h: h > 0),
    }
    if act not in functions:
        raise ValueError(f"train_constant_init: act is one of {list(functions)}")
    f, slope = functions[act]
    y, (n, d) = np.reshape(y, (-1, 1)), x.shape
    W1, b1 = np.full((d, 4), float(c)), np.full((1, 4), float(bias))
    W2, b2, losses = np.full((4, 1), float(c)), np.zeros((1, 1)), []
    for _ in range(steps):
        hidden = f(x @ W1 + b1)
        z = hidden @ W2 + b2
        losses.append(np.mean(np.logaddexp(0, z) - y * z))
        delta = (1 / (1 + np.exp(-z)) - y) / n
        below = delta @ W2.T * slope(hidden)
        W2 -= rate * hidden.T @ delta
        b2 -= rate * delta.sum(axis=0)
        W1 -= rate * x.T @ below
        b1 -= rate * below.sum(axis=0)
    hidden = f(x @ W1 + b1)
    arrays = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    return {**arrays, "hidden": hidden, "loss": np.array(losses)}
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# Which of the four gradients needs W2? Which value of W2 must it be: the one before or
# after this step's change?
# </details>
# <details><summary>Hint 2</summary>
# A start of zero is no special case: write the loop for any c and let the numbers tell.
# Make y a column first; (n, 1) minus (n,) is an (n, n) matrix.
# </details>
# <details><summary>Hint 3</summary>
# In the loop: H, z, the loss, delta, then Delta from delta and W2, and only then four
# lines like <code>W2 -= rate * H.T @ delta</code>. After the loop compute H once more.
# The loss is the mean of <code>np.logaddexp(0, z) - y * z</code>.
# </details>

# %% nbgrader={"grade_id": "train-constant-init-test", "points": 4}
import checks
import mistakes

with checks.visible("train_constant_init"):
    tanh, bias = (0.288671, -0.071639), (0.293824, 0.018903)
    sigmoid = (0.665137, 0.496847)
    mistakes.check_training(train_constant_init, tanh, bias, sigmoid)
### BEGIN HIDDEN TESTS
KEYS, SLIPS, frozen = mistakes.KEYS, mistakes.SLIPS, mistakes.FROZEN
FUNCTIONS = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, h: h - h**2),
    "tanh": (np.tanh, lambda z, h: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: (z + np.abs(z)) / 2, lambda z, h: np.where(z > 0, 1.0, 0.0)),
}


def reference(c, act, x, y, rate, steps, bias=0.0, slip=""):
    # the same training in one matrix of four columns, with a slip if one is named
    f, slope = FUNCTIONS[act]
    (n, d), target = x.shape, y.astype(float)[:, None]
    W1, b1 = np.ones((d, 4)) * c, np.ones((1, 4)) * bias
    W2, b2, losses = np.ones((4, 1)) * c, np.zeros((1, 1)), []
    b1 = b1 * 0 if slip == "no bias" else b1
    b1 = b1 * 0 + c if slip == "bias c" else b1
    b2 = b2 + bias if slip == "last bias" else b2
    for _ in range(steps):
        pre = x @ W1 + b1
        h = f(pre)
        z = h @ W2 + b2
        losses.append(
            np.mean(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - target * z)
        )
        share = (1 / (1 + np.exp(-z)) - target) * (1 if slip == "sum" else 1 / n)
        grad2, grad2b = h.T @ share, share.sum(0, keepdims=True)
        rise = slope(pre, h)
        if slip == "flat at zero":
            rise = np.where(pre == 0, 0.0, rise)
        if slip == "slope of tanh":
            rise = 1 - h**2
        if slip == "no slope":
            rise = np.ones_like(rise)
        back = W2 - rate * grad2 if slip == "new W2" else W2
        down = share @ back.T * rise
        sign = -1 if slip == "uphill" else 1
        W2, b2 = W2 - sign * rate * grad2, b2 - sign * rate * grad2b
        W1 = W1 - sign * rate * x.T @ down
        b1 = b1 - sign * rate * down.sum(0, keepdims=True)
        if slip == "only last":
            W1, b1 = np.ones((d, 4)) * c, np.ones((1, 4)) * bias
    last = h if slip == "old hidden" else f(x @ W1 + b1)
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "hidden": last, "loss": losses}


draws = checks.rng(2)
x = draws.normal(size=(11, 3))
x[4] = 0.0  # an example at the origin: its pre-activations are exactly b1
y = np.array([0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0])
settings = [
    (0.5, "tanh", 0.3, 25, 0.0),
    (0.5, "sigmoid", 0.3, 25, 0.0),
    (0.5, "relu", 0.1, 25, 0.0),
    (-0.25, "tanh", 0.3, 1, 0.0),
    (0.0, "sigmoid", 0.7, 60, 0.0),
    (0, "tanh", 0.3, 25, 1),  # whole numbers, as a student would type them
    (0.0, "relu", 0.3, 25, 1.0),
    (0.75, "sigmoid", 0.3, 10, -0.5),
    (0.5, "relu", 0.1, 10, 0.25),
]
before = x.copy(), y.copy()
for c, act, rate, steps, bias in settings:
    options = {"bias": bias} if bias else {}
    text = checks.describe(train_constant_init, c, act, x, y, rate, steps, **options)
    got = checks.call(train_constant_init, c, act, x, y, rate, steps, **options)
    checks.kind(got, dict, text)
    checks.equal(sorted(got), KEYS, f"keys of {text}")
    arguments = c, act, x, y, rate, steps, bias
    want = reference(*arguments)
    wrong = {slip: reference(*arguments, slip=slip) for slip in SLIPS}
    for key in ("loss", "b2", "W2", "b1", "W1", "hidden"):
        known = [
            (wrong[slip][key], hint)
            for slip, hint in SLIPS.items()
            if not np.allclose(wrong[slip][key], want[key], rtol=1e-6, atol=1e-8)
        ]
        moved = max(
            np.abs(np.asarray(got[k]) - (0 if k[0] == "b" else c)).max()
            for k in ("W1", "W2", "b2")
        )
        hint = frozen if moved == 0 else ""
        label = f'{text}["{key}"]'
        checks.close(
            got[key], want[key], label, rtol=1e-6, atol=1e-9, known=known, hint=hint
        )
checks.unchanged(before[0], x, text, "x")
checks.unchanged(before[1], y, text, "y")

# -- tanh and relu at zero: only the last bias moves, by a rule of its own
for act in ("tanh", "relu"):
    text = f'train_constant_init(0, "{act}", x, y, 0.5, 30)'
    got = checks.call(train_constant_init, 0, act, x, y, 0.5, 30)
    b2 = 0.0
    for _ in range(30):
        b2 -= 0.5 * (1 / (1 + np.exp(-b2)) - 4 / 11)
    known = [
        (
            np.zeros((1, 1)),
            "not even the last bias has moved: its gradient is the"
            " mean of p - y, which is zero for balanced labels only",
        )
    ]
    checks.close(got["b2"], [[b2]], f'{text}["b2"]', known=known)
    for key in ("W1", "b1", "W2", "hidden"):
        checks.true(
            np.all(np.asarray(got[key]) == 0),
            text,
            f"expected {key} to stay exactly 0, and it has moved",
            hint="H is 0, so W2 has no gradient; W2 is 0, so nothing passes through it",
        )
# -- balanced labels and sigmoid at zero: nothing moves at all
even = np.array([0, 1, 1, 0])
text = 'train_constant_init(0, "sigmoid", x, balanced y, 0.5, 30)'
got = checks.call(train_constant_init, 0, "sigmoid", x[:4], even, 0.5, 30)
for key in ("W1", "b1", "W2", "b2"):
    checks.close(got[key], 0 * np.asarray(got[key]), f'{text}["{key}"]')
checks.close(got["hidden"], np.full((4, 4), 0.5), f'{text}["hidden"]')
checks.close(got["loss"], np.full(30, np.log(2)), f'{text}["loss"]')
checks.raises(ValueError, train_constant_init, 0.5, "softsign", x, y, 0.1, 2)
### END HIDDEN TESTS

# %% [markdown]
# ### Look at it
#
# Labels that no single line separates: 1 where both coordinates have the same sign.
# Train from .5 everywhere, and count the different columns of `W1`, beside your
# prediction:

# %%
rng = np.random.default_rng(0)
corners = rng.choice([-1.0, 1.0], (80, 2))
points = corners + rng.normal(0, 0.3, (80, 2))
same = (corners[:, 0] == corners[:, 1]).astype(int)
trained = train_constant_init(0.5, "tanh", points, same, 0.5, 500)
columns = trained["W1"]
different = len(np.unique(columns.round(9), axis=1).T)
lab.reveal("u1.a1", different)
print("loss", trained["loss"][[0, -1]].round(3), "and ln 2 is", np.log(2).round(3))

# %% [markdown]
# ## 1.3 Say beforehand what will move (2 points)
#
# No training this time: reasoning. The net of 1.2 starts with weights `c`, hidden
# biases `bias` and the last bias 0, and trains for many steps on data that are in
# general position.
# Which of its four parameter arrays will have moved at all?
#
# Two published sentences to test your answer against, both from our fourth source:
# that with zero weights tanh hardly learns since "the derivative of tanh is also zero"
# at zero; and that its biases "are always initialized to the value one".


# %% nbgrader={"grade_id": "who-moves", "solution": true}
def who_moves(act, c, bias, balanced):
    """Return the names of the parameters that move in training.

    Parameters
    ----------
    act : str
        "sigmoid", "tanh" or "relu".
    c : float
        Start of all weights W1 and W2; at least 0.
    bias : float
        Start of the hidden biases b1, at least 0. The last bias b2 starts at 0.
    balanced : bool
        Whether exactly half of the labels are 1.

    Returns
    -------
    set of str
        Those of "W1", "b1", "W2" and "b2" that differ from their start after many
        steps; which of them was the first does not matter.
    """
    ### BEGIN SOLUTION
    if c == 0 and balanced:
        return set()  # p is .5 everywhere, and the mean of p - y is zero
    if c == 0 and bias == 0 and act != "sigmoid":
        return {"b2"}  # the hidden layer says 0, and W2 passes nothing back
    return {"W1", "b1", "W2", "b2"}
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
# With W1 = 0 every example gets the same H. What is it for each activation, at a bias
# of 0 and of 1? And what is then the gradient of W2?
# </details>
# <details><summary>Hint 2</summary>
# W1 and b1 get a gradient through W2 only. Suppose that W2 has moved in the first step:
# what happens in the second?
# </details>
# <details><summary>Hint 3</summary>
# Three cases. c = 0 and balanced labels: the mean of p - y is zero. c = 0 and a hidden
# layer that says 0 (which activations, which bias?): only the last bias has a gradient.
# In all other cases everything moves sooner or later.
# </details>

# %% nbgrader={"grade_id": "who-moves-test", "points": 2}
import checks
import mistakes

with checks.visible("who_moves"):
    mistakes.moves(who_moves, ("tanh", 0, 0, False), {"b2"})
    mistakes.moves(who_moves, ("sigmoid", 0, 0, False), {"W1", "b1", "W2", "b2"})
    mistakes.moves(who_moves, ("relu", 0, 1, False), {"W1", "b1", "W2", "b2"})


### BEGIN HIDDEN TESTS
ALL = ["W1", "W2", "b1", "b2"]


def moved(act, c, bias, balanced):
    # by training such a net for a while
    x = checks.rng(3).normal(size=(8, 3))
    x[0] = 1.0  # one example that keeps the relus alive, on every seed
    y = np.array([[1, 0, 0, 1, 0, 1, 1, 0]]).T if balanced else np.eye(8, 1) + 0
    start = {"W1": np.full((3, 2), c), "b1": np.full((1, 2), bias)}
    start |= {"W2": np.full((2, 1), c), "b2": np.zeros((1, 1))}
    now = {key: value.astype(float) for key, value in start.items()}
    for _ in range(5):
        pre = x @ now["W1"] + now["b1"]
        h, slope = {
            "sigmoid": (1 / (1 + np.exp(-pre)), 1 / (2 + np.exp(pre) + np.exp(-pre))),
            "tanh": (np.tanh(pre), 1 - np.tanh(pre) ** 2),
            "relu": (np.maximum(pre, 0), pre > 0),
        }[act]
        share = 1 / (1 + np.exp(-(h @ now["W2"] + now["b2"]))) - y
        down = share @ now["W2"].T * slope
        now = {
            "W1": now["W1"] - 0.1 * x.T @ down,
            "b1": now["b1"] - 0.1 * down.sum(0, keepdims=True),
            "W2": now["W2"] - 0.1 * h.T @ share,
            "b2": now["b2"] - 0.1 * share.sum(0, keepdims=True),
        }
    return sorted(k for k in ALL if np.abs(now[k] - start[k]).max() > 1e-9)


for act in ("sigmoid", "tanh", "relu"):
    for c in (0, 0.5, 2):
        for bias in (0, 1, 0.25):
            for balanced in (False, True):
                case = act, c, bias, balanced
                mistakes.moves(who_moves, case, moved(*case))
### END HIDDEN TESTS

# %% [markdown]
# ## Checkpoint
#
# Answer aloud before you unfold.
#
# <details><summary>A layer of 512 neurons has rank 1. What do you suspect, and what
# would you print?</summary>
# A start that is the same for all neurons: a constant, or a row that was broadcast into
# the matrix. Print the columns of W; they are equal.
# </details>
# <details><summary>"Tanh cannot learn from zero since its slope is zero there." Which
# half is right?</summary>
# It does not learn, apart from the last bias. But the slope is 1: it is the value
# tanh(0) = 0 that leaves W2 without a gradient, and W2 = 0 that blocks W1.
# </details>
# <details><summary>Is it enough to draw W1 at random and leave W2 at zero?</summary>
# Yes: H differs between neurons, so their weights in W2 get different gradients in the
# first step, and W1 follows in the second. Fixup (unit 10) starts in this way.
# </details>
