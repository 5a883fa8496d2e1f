"""The named wrong solutions of unit 1: each must lose its item and be told why."""

# %% wrong={"item": "prediction", "name": "no-prediction", "says": "no prediction yet"}
my_count = None


# %% wrong={"item": "prediction", "name": "infinite", "says": "expected a finite number"}
my_count = float("inf")


# %% wrong={"item": "prediction", "name": "in-words", "says": "expected a number"}
my_count = "all of them"


# %% wrong={"item": "prediction", "name": "more-than-there-are", "says": "from 0 to 4"}
my_count = 5


# %% wrong={"item": "hidden-rank", "name": "unique-rows-counted", "says": "-h adds nothing to h"}
def hidden_rank(H, tol):
    return len(np.unique(H.round(9), axis=1).T)


# %% wrong={"item": "hidden-rank", "name": "unique-examples", "says": "counts rows (examples)"}
def hidden_rank(H, tol):
    return len(np.unique(H, axis=0))


# %% wrong={"item": "hidden-rank", "name": "not-centred", "says": "columns must be centred"}
def hidden_rank(H, tol):
    values = np.linalg.svd(H, compute_uv=False)
    return int(np.sum(values > tol * values[0]))


# %% wrong={"item": "hidden-rank", "name": "no-tolerance", "says": "tol is not looked at"}
def hidden_rank(H, tol):
    values = np.linalg.svd(H - H.mean(axis=0), compute_uv=False)
    return int(np.sum(values > 1e-14 * values[0]))


# %% wrong={"item": "hidden-rank", "name": "numpy-default-tolerance", "says": "tol is not looked at"}
def hidden_rank(H, tol):
    return int(np.linalg.matrix_rank(H - H.mean(axis=0)))


# %% wrong={"item": "hidden-rank", "name": "absolute-tolerance", "says": "relative to the largest"}
def hidden_rank(H, tol):
    return int(np.linalg.matrix_rank(H - H.mean(axis=0), tol=tol))


# %% wrong={"item": "hidden-rank", "name": "tolerance-of-the-sum", "says": "not of their sum or norm"}
def hidden_rank(H, tol):
    values = np.linalg.svd(H - H.mean(axis=0), compute_uv=False)
    return int(np.sum(values > tol * values.sum()))


# %% wrong={"item": "hidden-rank", "name": "squared-values", "says": "not their squares"}
def hidden_rank(H, tol):
    values = np.linalg.svd(H - H.mean(axis=0), compute_uv=False) ** 2
    return int(np.sum(values > tol * values[0]))


# %% wrong={"item": "hidden-rank", "name": "centred-by-row", "says": "centre each column (axis 0), not each row"}
def hidden_rank(H, tol):
    values = np.linalg.svd(H - H.mean(axis=1, keepdims=True), compute_uv=False)
    return int(np.sum(values > tol * values[0]))


# %% wrong={"item": "hidden-rank", "name": "centred-as-a-whole", "says": "columns must be centred"}
def hidden_rank(H, tol):
    values = np.linalg.svd(H - H.mean(), compute_uv=False)
    return int(np.sum(values > tol * values[0]))


# %% wrong={"item": "hidden-rank", "name": "not-strict", "says": "compare with >, not with >="}
def hidden_rank(H, tol):
    values = np.linalg.svd(H - H.mean(axis=0), compute_uv=False)
    return int(np.sum(values >= tol * values[0]))


# %% wrong={"item": "hidden-rank", "name": "written-into", "says": "expected H to be left as it was"}
def hidden_rank(H, tol):
    H -= H.mean(axis=0)
    values = np.linalg.svd(H, compute_uv=False)
    return int(np.sum(values > tol * values[0]))


# %% wrong={"item": "hidden-rank", "name": "a-float", "says": "a rank is an int"}
def hidden_rank(H, tol):
    values = np.linalg.svd(H - H.mean(axis=0), compute_uv=False)
    return float(np.sum(values > tol * values[0]))


# %% wrong={"item": "hidden-rank", "name": "one-too-few", "says": "one neuron that varies is one"}
def hidden_rank(H, tol):
    values = np.linalg.svd(H - H.mean(axis=0), compute_uv=False)
    return int(np.sum(values[1:] > tol * values[0]))


# %% wrong={"item": "hidden-rank", "name": "correlated-columns-merged", "says": "compared two at a time"}
def hidden_rank(H, tol):
    kept = []
    for h in (H - H.mean(axis=0)).T:
        size = np.linalg.norm(h)
        if size > 0 and all(
            abs(h @ k) < (1 - tol) * size * np.linalg.norm(k) for k in kept
        ):
            kept.append(h)
    return len(kept)


# %% wrong={"item": "train-constant-init", "name": "zero-never-moves", "says": "as if zero never moved anything"}
def train_constant_init(c, act, x, y, rate, steps, bias=0.0):
    functions = {
        "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)),
        "tanh": (np.tanh, lambda h: 1 - h**2),
        "relu": (lambda z: np.maximum(z, 0), lambda h: h > 0),
    }
    if act not in functions:
        raise ValueError(act)
    f, slope = functions[act]
    y, (n, d) = np.reshape(y, (-1, 1)), x.shape
    W1, b1 = np.full((d, 4), float(c)), np.full((1, 4), float(bias))
    W2, b2, losses = np.full((4, 1), float(c)), np.zeros((1, 1)), []
    if c == 0:
        steps_taken = 0
    else:
        steps_taken = steps
    losses = [] if c else [np.log(2)] * steps
    for _ in range(steps_taken):
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


# %% wrong={"item": "train-constant-init", "name": "tanh-flat-at-zero", "says": "tanh'(0) is 1", "replace": true}
# -         "tanh": (np.tanh, lambda h: 1 - h**2),
# +         "tanh": (np.tanh, lambda h: np.where(h == 0, 0, 1 - h**2)),

# %% wrong={"item": "train-constant-init", "name": "summed-gradient", "says": "gradient is that of the summed loss", "replace": true}
# -         delta = (1 / (1 + np.exp(-z)) - y) / n
# +         delta = 1 / (1 + np.exp(-z)) - y

# %% wrong={"item": "train-constant-init", "name": "summed-loss", "says": "this is the sum over the examples", "replace": true}
# -         losses.append(np.mean(np.logaddexp(0, z) - y * z))
# +         losses.append(np.sum(np.logaddexp(0, z) - y * z))

# %% wrong={"item": "train-constant-init", "name": "slope-left-out", "says": "slope of the activation is left out", "replace": true}
# -         below = delta @ W2.T * slope(hidden)
# +         below = delta @ W2.T

# %% wrong={"item": "train-constant-init", "name": "w2-changed-first", "says": "W2 is changed before", "replace": true}
# +         W2 -= rate * hidden.T @ delta
#           below = delta @ W2.T * slope(hidden)
# -         W2 -= rate * hidden.T @ delta

# %% wrong={"item": "train-constant-init", "name": "uphill", "says": "this goes uphill", "replace": true}
# -         W2 -= rate * hidden.T @ delta
# -         b2 -= rate * delta.sum(axis=0)
# -         W1 -= rate * x.T @ below
# -         b1 -= rate * below.sum(axis=0)
# +         W2 += rate * hidden.T @ delta
# +         b2 += rate * delta.sum(axis=0)
# +         W1 += rate * x.T @ below
# +         b1 += rate * below.sum(axis=0)

# %% wrong={"item": "train-constant-init", "name": "bias-ignored", "says": "`bias` is not looked at", "replace": true}
# -     W1, b1 = np.full((d, 4), float(c)), np.full((1, 4), float(bias))
# +     W1, b1 = np.full((d, 4), float(c)), np.full((1, 4), 0.0)

# %% wrong={"item": "train-constant-init", "name": "last-bias-too", "says": "the last bias starts at 0", "replace": true}
# -     W2, b2, losses = np.full((4, 1), float(c)), np.zeros((1, 1)), []
# +     W2, b2, losses = np.full((4, 1), float(c)), np.full((1, 1), float(bias)), []

# %% wrong={"item": "train-constant-init", "name": "biases-at-c", "says": "c is for the weights", "replace": true}
# -     W1, b1 = np.full((d, 4), float(c)), np.full((1, 4), float(bias))
# +     W1, b1 = np.full((d, 4), float(c)), np.full((1, 4), float(c))

# %% wrong={"item": "train-constant-init", "name": "hidden-before-the-last-step", "says": "before the last step", "replace": true}
# -     hidden = f(x @ W1 + b1)

# %% wrong={"item": "train-constant-init", "name": "one-loss-more", "says": "expected shape (20,), got (21,)", "replace": true}
#       hidden = f(x @ W1 + b1)
# +     z = hidden @ W2 + b2
# +     losses.append(np.mean(np.logaddexp(0, z) - y * z))

# %% wrong={"item": "train-constant-init", "name": "chance-in-the-start", "says": "is there chance in the start", "replace": true}
#       W2, b2, losses = np.full((4, 1), float(c)), np.zeros((1, 1)), []
# +     W1 += np.random.default_rng(0).normal(0, 0.01, W1.shape)

# %% wrong={"item": "train-constant-init", "name": "labels-a-row", "says": "the call raised ValueError", "replace": true}
# -     y, (n, d) = np.reshape(y, (-1, 1)), x.shape
# +     y, (n, d) = y, x.shape

# %% wrong={"item": "train-constant-init", "name": "transposed-weights", "says": "[\"W1\"]: expected shape (2, 4), got (4, 2)", "replace": true}
# -     arrays = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
# +     arrays = {"W1": W1.T, "b1": b1, "W2": W2, "b2": b2}

# %% wrong={"item": "train-constant-init", "name": "two-neurons", "says": "expected shape (2, 4), got (2, 2)", "replace": true}
# -     W1, b1 = np.full((d, 4), float(c)), np.full((1, 4), float(bias))
# -     W2, b2, losses = np.full((4, 1), float(c)), np.zeros((1, 1)), []
# +     W1, b1 = np.full((d, 2), float(c)), np.full((1, 2), float(bias))
# +     W2, b2, losses = np.full((2, 1), float(c)), np.zeros((1, 1)), []

# %% wrong={"item": "train-constant-init", "name": "unknown-act-taken-for-relu", "says": "expected it to raise ValueError", "replace": true}
# -     if act not in functions:
# -         raise ValueError(f"train_constant_init: act is one of {list(functions)}")
# -     f, slope = functions[act]
# +     f, slope = functions.get(act, functions["relu"])

# %% wrong={"item": "train-constant-init", "name": "first-layer-frozen", "says": "only the last layer is trained", "replace": true}
# -         W1 -= rate * x.T @ below
# -         b1 -= rate * below.sum(axis=0)

# %% wrong={"item": "train-constant-init", "name": "tanh-slope-for-all", "says": "this is the slope of tanh", "replace": true}
# -         "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)),
# +         "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: 1 - h**2),

# %% wrong={"item": "train-constant-init", "name": "loss-missing", "says": "keys of", "replace": true}
# -     return {**arrays, "hidden": hidden, "loss": np.array(losses)}
# +     return {**arrays, "hidden": hidden}


# %% wrong={"item": "who-moves", "name": "zero-never-moves-anything", "says": "zero never moves anything?"}
def who_moves(act, c, bias, balanced):
    return set() if c == 0 else {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "tanh-slope-zero", "says": "zero never moves anything?"}
def who_moves(act, c, bias, balanced):
    if c == 0 and (balanced or act == "tanh"):
        return set()
    if c == 0 and bias == 0 and act == "relu":
        return {"b2"}
    return {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "everything-moves", "says": "H is 0, so W2 has no gradient"}
def who_moves(act, c, bias, balanced):
    return {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "sigmoid-like-tanh", "says": "the sigmoid of 0 is .5"}
def who_moves(act, c, bias, balanced):
    if c == 0 and balanced:
        return set()
    if c == 0 and bias == 0:
        return {"b2"}
    return {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "first-step-only", "says": "the first step only"}
def who_moves(act, c, bias, balanced):
    if c == 0 and balanced:
        return set()
    if c == 0 and bias == 0 and act != "sigmoid":
        return {"b2"}
    return {"W2", "b2"} if c == 0 else {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "balance-ignored", "says": "the mean of p - y is zero"}
def who_moves(act, c, bias, balanced):
    if c == 0 and bias == 0 and act != "sigmoid":
        return {"b2"}
    return {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "balance-for-every-start", "says": "balance matters only where all weights are 0"}
def who_moves(act, c, bias, balanced):
    if balanced:
        return set()
    if c == 0 and bias == 0 and act != "sigmoid":
        return {"b2"}
    return {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "hidden-bias-ignored", "says": "a hidden bias that is not 0"}
def who_moves(act, c, bias, balanced):
    if c == 0 and balanced:
        return set()
    if c == 0 and act != "sigmoid":
        return {"b2"}
    return {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "slope-zero-blocks-w1", "says": "tanh'(0) is"}
def who_moves(act, c, bias, balanced):
    if c == 0 and balanced:
        return set()
    if c == 0 and bias == 0:
        return {"b2"} if act != "sigmoid" else {"W2", "b1", "b2"}
    return {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "bias-one-only", "says": "bias = 1 is no special case"}
def who_moves(act, c, bias, balanced):
    if c == 0 and balanced:
        return set()
    if c == 0 and bias != 1 and act != "sigmoid":
        return {"b2"}
    return {"W1", "b1", "W2", "b2"}


# %% wrong={"item": "who-moves", "name": "a-string", "says": "expected a set of names"}
def who_moves(act, c, bias, balanced):
    return "b2" if c == 0 else "W1 b1 W2 b2"
