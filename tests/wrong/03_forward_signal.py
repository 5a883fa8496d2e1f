"""The named wrong solutions of unit 3: each must lose its item and be told why."""

# %% wrong={"item": "prediction", "name": "no-prediction", "says": "no prediction yet"}
my_share = None

# %% wrong={"item": "prediction", "name": "not-a-number", "says": "expected a finite number"}
my_share = float("nan")

# %% wrong={"item": "prediction", "name": "in-words", "says": "expected a number"}
my_share = "most of them"

# %% wrong={"item": "prediction", "name": "percent", "says": "from 0 to 1"}
my_share = 80


# %% wrong={"item": "feed-forward", "name": "pre-activations", "says": "pre-activations"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        z = a @ rng.uniform(-bound, bound, (n, n))
        a = ACTIVATIONS[act](z)
        layers.append(z)
    return layers


# %% wrong={"item": "feed-forward", "name": "no-activation", "says": "pre-activations"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = a @ rng.uniform(-bound, bound, (n, n))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "one-w-reused", "says": "one W is reused"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    W = rng.uniform(-bound, bound, (n, n))
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ W)
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "x-overwritten", "says": "x to be left as it"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers = []
    for _ in range(num_layers):
        x[:] = ACTIVATIONS[act](x @ rng.uniform(-bound, bound, (n, n)))
        layers.append(x.copy())
    return layers


# %% wrong={"item": "feed-forward", "name": "same-array", "says": "an array of its own"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x.copy()
    for _ in range(num_layers):
        a[:] = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "gain-twice", "says": "gain is applied twice"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    scale = gain if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](scale * (a @ rng.uniform(-bound, bound, (n, n))))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "gain-ignored", "says": "gain is ignored"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "gain-always", "says": "applied without xavier"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * (np.sqrt(3 / n) if xavier else 1.0)
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "gain-under-the-root", "says": "not their variance"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = np.sqrt(gain * 6 / (n + n)) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "zero-to-one", "says": "no negative draws"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ (bound * rng.random((n, n))))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "zero-to-bound", "says": "no negative draws"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    low, high = (0, gain * np.sqrt(3 / n)) if xavier else (-1, 1)
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(low, high, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "half-range", "says": "the range is [-.5, .5]"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 0.5
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "normal-draws", "says": "rng.normal has std 1"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    scale = gain * np.sqrt(1 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ (scale * rng.normal(size=(n, n))))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "normal-xavier", "says": "look normal"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    layers, a = [], x
    for _ in range(num_layers):
        if xavier:
            W = rng.normal(0, gain * np.sqrt(2 / (n + n)), (n, n))
        else:
            W = rng.uniform(-1, 1, (n, n))
        a = ACTIVATIONS[act](a @ W)
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "bound-as-std", "says": "used as a std of normal"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    layers, a = [], x
    for _ in range(num_layers):
        if xavier:
            W = rng.normal(0, gain * np.sqrt(6 / (n + n)), (n, n))
        else:
            W = rng.uniform(-1, 1, (n, n))
        a = ACTIVATIONS[act](a @ W)
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "std-as-bound", "says": "6 belongs under the root"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(2 / (n + n)) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "root-of-6-only", "says": "covers the 6 only"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(6) / (n + n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "no-root", "says": "square root is missing"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * 6 / (n + n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "one-fan", "says": "only one fan is counted"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(6 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "fans-of-the-batch", "says": "first number counts examples"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(6 / sum(x.shape)) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "xavier-ignored", "says": "xavier=True is not looked"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-1, 1, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "starts-from-x", "says": "starts from x again"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    return [
        ACTIVATIONS[act](x @ rng.uniform(-bound, bound, (n, n)))
        for _ in range(num_layers)
    ]


# %% wrong={"item": "feed-forward", "name": "act-ignored", "says": "look at act"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = np.tanh(a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "other-default", "says": "default gain is np.sqrt(2)"}
def feed_forward(x, num_layers, xavier=False, gain=1.0, act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "global-draws", "says": "from `rng`, not from"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ np.random.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "seeded-default", "says": "without a seed"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng(0) if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "reseeded-in-the-loop", "says": "one W is reused"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    seed = rng.integers(2**32)
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        W = np.random.default_rng(seed).uniform(-bound, bound, (n, n))
        a = ACTIVATIONS[act](a @ W)
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "two-ws-in-turn", "says": "one W is reused"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    two = rng.uniform(-bound, bound, (2, n, n))
    layers, a = [], x
    for number in range(num_layers):
        a = ACTIVATIONS[act](a @ two[number % 2])
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "biases-too", "says": "as they are and without a bias"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for _ in range(num_layers):
        b = rng.uniform(-bound, bound, n) * (len(layers) > 0)
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)) + b)
        layers.append(a)
    return layers


# %% wrong={"item": "feed-forward", "name": "input-in-the-list", "says": "starts with the input"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers = [x]
    for _ in range(num_layers):
        layers.append(ACTIVATIONS[act](layers[-1] @ rng.uniform(-bound, bound, (n, n))))
    return layers


# %% wrong={"item": "feed-forward", "name": "last-layer-only", "says": "one layer's array"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    for _ in range(num_layers):
        x = ACTIVATIONS[act](x @ rng.uniform(-bound, bound, (n, n)))
    return x


# %% wrong={"item": "feed-forward", "name": "no-return", "says": "without `return`"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    layers = []
    for _ in range(num_layers):
        layers.append(np.tanh(x @ rng.uniform(-1, 1, (n, n))))


# %% wrong={"item": "feed-forward", "name": "normalised", "says": "as they are and without a bias"}
def feed_forward(x, num_layers, xavier=False, gain=np.sqrt(2), act="tanh", rng=None):
    rng = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = gain * np.sqrt(3 / n) if xavier else 1.0
    layers, a = [], x
    for number in range(num_layers):
        if xavier and number > 0:
            a = (a - a.mean()) / a.std()
        a = ACTIVATIONS[act](a @ rng.uniform(-bound, bound, (n, n)))
        layers.append(a)
    return layers


# %% wrong={"item": "saturation", "name": "positive-side-only", "says": "only the positive side"}
def saturation(acts, act, thr):
    if act not in ("tanh", "sigmoid"):
        raise ValueError(act)
    return np.array([np.mean(a > thr) for a in acts])


# %% wrong={"item": "saturation", "name": "sigmoid-upper-only", "says": "near 0 the sigmoid"}
def saturation(acts, act, thr):
    if act not in ("tanh", "sigmoid"):
        raise ValueError(act)
    return np.array([np.mean(np.abs(a) > thr) for a in acts])


# %% wrong={"item": "saturation", "name": "and-for-or", "says": "at once", "replace": true}
# -         return np.array([np.mean((a > thr) | (a < 1 - thr)) for a in acts])
# +         return np.array([np.mean((a > thr) & (a < 1 - thr)) for a in acts])


# %% wrong={"item": "saturation", "name": "counts", "says": "these are counts"}
def saturation(acts, act, thr):
    if act == "tanh":
        return np.array([np.sum(np.abs(a) > thr) for a in acts])
    if act == "sigmoid":
        return np.array([np.sum((a > thr) | (a < 1 - thr)) for a in acts])
    raise ValueError(act)


# %% wrong={"item": "saturation", "name": "percentages", "says": "percentages"}
def saturation(acts, act, thr):
    if act == "tanh":
        return np.array([100 * np.mean(np.abs(a) > thr) for a in acts])
    if act == "sigmoid":
        return np.array([100 * np.mean((a > thr) | (a < 1 - thr)) for a in acts])
    raise ValueError(act)


# %% wrong={"item": "saturation", "name": "complement", "says": "not saturated"}
def saturation(acts, act, thr):
    if act == "tanh":
        return np.array([np.mean(np.abs(a) <= thr) for a in acts])
    if act == "sigmoid":
        return np.array([np.mean((a <= thr) & (a >= 1 - thr)) for a in acts])
    raise ValueError(act)


# %% wrong={"item": "saturation", "name": "one-number", "says": "one number for each layer"}
def saturation(acts, act, thr):
    if act == "tanh":
        return float(np.mean([np.mean(np.abs(a) > thr) for a in acts]))
    if act == "sigmoid":
        return float(np.mean([np.mean((a > thr) | (a < 1 - thr)) for a in acts]))
    raise ValueError(act)


# %% wrong={"item": "saturation", "name": "at-the-threshold", "says": "use > and <"}
def saturation(acts, act, thr):
    if act == "tanh":
        return np.array([np.mean(np.abs(a) >= thr) for a in acts])
    if act == "sigmoid":
        return np.array([np.mean((a >= thr) | (a <= 1 - thr)) for a in acts])
    raise ValueError(act)


# %% wrong={"item": "saturation", "name": "threshold-hard-coded", "says": "hard-coded", "replace": true}
# -         return np.array([np.mean(np.abs(a) > thr) for a in acts])
# +         return np.array([np.mean(np.abs(a) > 0.9) for a in acts])


# %% wrong={"item": "saturation", "name": "ragged-widths", "says": "inhomogeneous"}
def saturation(acts, act, thr):
    a = np.array(acts)
    if act == "tanh":
        return (np.abs(a) > thr).mean(axis=(1, 2))
    if act == "sigmoid":
        return ((a > thr) | (a < 1 - thr)).mean(axis=(1, 2))
    raise ValueError(act)


# %% wrong={"item": "saturation", "name": "any-other-act", "says": "no upper wall"}
def saturation(acts, act, thr):
    if act == "sigmoid":
        return np.array([np.mean((a > thr) | (a < 1 - thr)) for a in acts])
    return np.array([np.mean(np.abs(a) > thr) for a in acts])


# %% wrong={"item": "gain-for", "name": "from-the-derivative", "says": "made from f'"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    z = np.sqrt(2) * t
    slope = (f(z + 1e-5) - f(z - 1e-5)) / 2e-5
    return float(1 / (w @ slope**2 / np.sqrt(np.pi)))


# %% wrong={"item": "gain-for", "name": "root-of-derivative", "says": "made from f'"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    z = np.sqrt(2) * t
    slope = (f(z + 1e-5) - f(z - 1e-5)) / 2e-5
    return float((w @ slope**2 / np.sqrt(np.pi)) ** -0.5)


# %% wrong={"item": "gain-for", "name": "gain-squared", "says": "a root is missing"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    return float(1 / (w @ f(np.sqrt(2) * t) ** 2 / np.sqrt(np.pi)))


# %% wrong={"item": "gain-for", "name": "mean-squared", "says": "made from E[f]"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    mean = w @ f(np.sqrt(2) * t) / np.sqrt(np.pi)
    return float(1 / mean**2)


# %% wrong={"item": "gain-for", "name": "mean-of-absolute", "says": "made from E|f|"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(200)
    return float(1 / (w @ np.abs(f(np.sqrt(2) * t)) / np.sqrt(np.pi)))


# %% wrong={"item": "gain-for", "name": "variance", "says": "made from Var(f)"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    a = f(np.sqrt(2) * t)
    mean = w @ a / np.sqrt(np.pi)
    return float((w @ a**2 / np.sqrt(np.pi) - mean**2) ** -0.5)


# %% wrong={"item": "gain-for", "name": "inverse", "says": "this is the inverse"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    return float(np.sqrt(w @ f(np.sqrt(2) * t) ** 2 / np.sqrt(np.pi)))


# %% wrong={"item": "gain-for", "name": "nodes-not-scaled", "says": "nodes are not scaled"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    return float((w @ f(t) ** 2 / np.sqrt(np.pi)) ** -0.5)


# %% wrong={"item": "gain-for", "name": "not-normalised", "says": "divide by it"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    return float((w @ f(np.sqrt(2) * t) ** 2) ** -0.5)


# %% wrong={"item": "gain-for", "name": "root-of-two-pi", "says": "not by sqrt(2 pi)"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(128)
    return float((w @ f(np.sqrt(2) * t) ** 2 / np.sqrt(2 * np.pi)) ** -0.5)


# %% wrong={"item": "gain-for", "name": "always-root-two", "says": "every activation has its own"}
def gain_for(f):
    return 2**0.5


# %% wrong={"item": "gain-for", "name": "three-known", "says": "every activation has its own"}
def gain_for(f):
    a = f(np.array([-2.0, 2.0]))
    return {(4.0, 4.0): 3**-0.5, (-2.0, 2.0): 1.0}.get(tuple(a.tolist()), 2**0.5)


# %% wrong={"item": "gain-for", "name": "few-nodes", "says": "64 nodes"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(16)
    return float((w @ f(np.sqrt(2) * t) ** 2 / np.sqrt(np.pi)) ** -0.5)


# %% wrong={"item": "gain-for", "name": "few-draws", "says": "no chance in it"}
def gain_for(f):
    z = np.random.default_rng().normal(size=1000)
    return float(np.mean(f(z) ** 2) ** -0.5)
