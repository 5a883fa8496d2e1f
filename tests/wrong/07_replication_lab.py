"""The named wrong solutions of unit 7: each must lose its item and be told why."""

# %% wrong={"item": "prediction", "name": "no-prediction", "says": "no prediction yet"}
my_count = None

# %% wrong={"item": "prediction", "name": "in-words", "says": "expected a number"}
my_count = "nearly all"

# %% wrong={"item": "prediction", "name": "not-a-number", "says": "expected a finite number"}
my_count = float("nan")


# %% wrong={"item": "replicate", "name": "hard-coded", "says": "1183 is the answer for one setting"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    return 1183


# %% wrong={"item": "replicate", "name": "no-return", "says": "no epoch was found"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            t
    return None


# %% wrong={"item": "replicate", "name": "counted-from-zero", "says": "counted from 1"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t - 1
    return None


# %% wrong={"item": "replicate", "name": "one-too-many", "says": "one epoch too many"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t + 1
    return None


# %% wrong={"item": "replicate", "name": "ddof-0", "says": "pandas divides by N - 1"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=0)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "not-normalised", "says": "not normalised"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "normalised-as-a-whole", "says": "along axis 0"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean()) / x.std(ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "new-generator", "says": "legacy RandomState"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.default_rng(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "glorot-for-relu", "says": "Glorot's start; with ReLU it is He's"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "glorot-at-the-output", "says": "the output layer has Glorot's std"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" and fan_out > 1 else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "fan-out", "says": "fan_in counts the inputs"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_out if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "variance-as-std", "says": "the variance is used"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = 2 / fans
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "lecun-for-relu", "says": "Glorot's start; with ReLU it is He's"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(1 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "generator-for-each-layer", "says": "a generator is made for each layer"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        rng = np.random.RandomState(seed)
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "draws-not-transposed", "says": "transpose the accepted matrix"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_in, fan_out))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_in, fan_out))
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "draws-reshaped", "says": "transpose the accepted matrix"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.reshape(fan_in, fan_out)
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "draws-judged-with-ddof-1", "says": "NumPy's default is 0"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std(ddof=1) - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "never-drawn-again", "says": "no epoch was found"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while False:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "only-the-mean-judged", "says": "only the mean of the draws"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "only-the-std-judged", "says": "no epoch was found"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "abs-left-out", "says": "lack abs"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while W.std() - std > 0.05 or W.mean() > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "output-layer-not-judged", "says": "output layer's draws are not judged"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while fan_out > 1 and (abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05):
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "gradient-at-the-plain-weights", "says": "take it at the averaged ones"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(plain, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "no-average", "says": "no average", "replace": true}
# -     plain = averaged
# +     plain = list(averaged)

# -         averaged = [
# -             (t * mean + w) / (t + 1) for mean, w in zip(averaged, plain, strict=True)
# -         ]
# +         averaged = [w for m, w in zip(averaged, plain)]

# %% wrong={"item": "replicate", "name": "weights-of-the-average-swapped", "says": "no average", "replace": true}
# -     plain = averaged
# +     plain = list(averaged)

# -         averaged = [
# -             (t * mean + w) / (t + 1) for mean, w in zip(averaged, plain, strict=True)
# -         ]
# +         averaged = [(m + t * w) / (t + 1) for m, w in zip(averaged, plain)]

# %% wrong={"item": "replicate", "name": "average-of-two", "says": "output layer's draws are not judged", "replace": true}
# -     plain = averaged
# +     plain = list(averaged)

# -         averaged = [
# -             (t * mean + w) / (t + 1) for mean, w in zip(averaged, plain, strict=True)
# -         ]
# +         averaged = [(m + w) / 2 for m, w in zip(averaged, plain)]

# %% wrong={"item": "replicate", "name": "average-one-behind", "says": "one epoch behind", "replace": true}
# -     plain = averaged
# +     plain = list(averaged)

# -         averaged = [
# -             (t * mean + w) / (t + 1) for mean, w in zip(averaged, plain, strict=True)
# -         ]
# +         averaged = [((t - 1) * m + w) / t for m, w in zip(averaged, plain)]


# %% wrong={"item": "replicate", "name": "plain-weights-judged", "says": "the plain weights are judged"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(plain, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "step-from-the-average", "says": "no epoch was found"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(averaged, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "he-for-tanh", "says": "Glorot's, sqrt(2"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "eta-ignored", "says": "go through the five steps"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - 0.25 * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "seed-ignored", "says": "1183 is the answer for one setting"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(3)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "limit-ignored", "says": "max_epochs itself"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, 10001):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "limit-one-short", "says": "max_epochs itself"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "limit-returned-in-vain", "says": "max_epochs itself"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return max_epochs


# %% wrong={"item": "replicate", "name": "biases-at-a-tenth", "says": "start at `bias`"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), 0.1)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "bias-falsy", "says": "start at `bias`"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if False:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "biases-drawn-with-the-weights", "says": "start at `bias`"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, rng.normal(0, std, (1, fan_out))])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "no-bias-in-the-output", "says": "start at `bias`"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None and fan_out > 1:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% wrong={"item": "replicate", "name": "other-class-counted", "says": "no epoch was found"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    rng = np.random.RandomState(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = rng.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = rng.normal(0, std, (fan_out, fan_in))
        W = W.T
        if bias is not None:
            W = np.vstack([W, np.full((1, fan_out), bias)])
        averaged.append(W)
    plain = list(averaged)
    for t in range(1, max_epochs + 1):
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 0)):
            return t
    return None


# %% wrong={"item": "bias-start", "name": "any-published-number", "says": "not some of them"}
def bias_start(run, candidates, published):
    return [c for c in candidates if any(run(n, c) == e for n, e in published.items())]


# %% wrong={"item": "bias-start", "name": "first-experiment-only", "says": "not some of them"}
def bias_start(run, candidates, published):
    name, epoch = next(iter(published.items()))
    return [c for c in candidates if run(name, c) == epoch]


# %% wrong={"item": "bias-start", "name": "last-experiment-only", "says": "not some of them"}
def bias_start(run, candidates, published):
    fits = []
    for c in candidates:
        for name, epoch in published.items():
            good = run(name, c) == epoch
        if good:
            fits.append(c)
    return fits


# %% wrong={"item": "bias-start", "name": "stops-at-the-first", "says": "return all of them"}
def bias_start(run, candidates, published):
    for c in candidates:
        if all(run(n, c) == e for n, e in published.items()):
            return [c]
    return []


# %% wrong={"item": "bias-start", "name": "no-list", "says": "return a list"}
def bias_start(run, candidates, published):
    for c in candidates:
        if all(run(n, c) == e for n, e in published.items()):
            return c
    return None


# %% wrong={"item": "bias-start", "name": "misfits-returned", "says": "do not fit"}
def bias_start(run, candidates, published):
    return [c for c in candidates if any(run(n, c) != e for n, e in published.items())]


# %% wrong={"item": "bias-start", "name": "convergence-is-enough", "says": "to run to an end is not enough"}
def bias_start(run, candidates, published):
    return [c for c in candidates if all(run(n, c) is not None for n in published)]


# %% wrong={"item": "bias-start", "name": "the-nearest", "says": "the nearest is not the same"}
def bias_start(run, candidates, published):
    def off(c):
        gaps = [abs((run(n, c) or 1e6) - e) for n, e in published.items()]
        return sum(gaps)

    least = min(off(c) for c in candidates)
    return [c for c in candidates if off(c) == least]


# %% wrong={"item": "bias-start", "name": "within-a-tenth", "says": "the nearest is not the same"}
def bias_start(run, candidates, published):
    return [
        c
        for c in candidates
        if all(abs((run(n, c) or 0) - e) < 0.001 * e for n, e in published.items())
    ]


# %% wrong={"item": "bias-start", "name": "as-the-text-says", "says": "the text says .1"}
def bias_start(run, candidates, published):
    return [0.1]


# %% wrong={"item": "bias-start", "name": "sorted", "says": "order of `candidates`"}
def bias_start(run, candidates, published):
    return sorted(
        c for c in candidates if all(run(n, c) == e for n, e in published.items())
    )


# %% wrong={"item": "seed-spread", "name": "best-of-seeds", "says": "the best of the seeds"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.max(), "std": r.std(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "ddof-0", "says": "ddof=0"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.std(ddof=0), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "standard-error", "says": "standard error"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {
        "mean": r.mean(),
        "std": r.std(ddof=1) / len(r) ** 0.5,
        "low": r.min(),
        "high": r.max(),
    }


# %% wrong={"item": "seed-spread", "name": "variance", "says": "the variance"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.var(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "range-for-std", "says": "the range"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.max() - r.min(), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "spread-of-one-run", "says": "every seed"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seeds[0]) for seed in seeds], dtype=float)
    return {"mean": 0.5, "std": r.std(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "one-run-for-all", "says": "every seed"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seeds[0]) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.std(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "low-and-high-swapped", "says": "swapped"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.std(ddof=1), "low": r.max(), "high": r.min()}


# %% wrong={"item": "seed-spread", "name": "first-and-last", "says": "not the lowest"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.std(ddof=1), "low": r[0], "high": r[-1]}


# %% wrong={"item": "seed-spread", "name": "seeds-counted", "says": "run the seeds that are given"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array(
        [run(seed) for seed in (seeds if len(seeds) == 3 else range(len(seeds)))],
        dtype=float,
    )
    return {"mean": r.mean(), "std": r.std(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "median", "says": "the median"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": np.median(r), "std": r.std(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "run-twice", "says": "keep its result"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    [run(seed) for seed in seeds]
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.std(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "one-seed-allowed", "says": "one run has no spread"}
def seed_spread(run, seeds):
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.std(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "two-seeds-refused", "says": "raised ValueError"}
def seed_spread(run, seeds):
    if len(seeds) < 3:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.std(ddof=1), "low": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "wrong-keys", "says": "keys mean, std, low, high"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return {"mean": r.mean(), "std": r.std(ddof=1), "min": r.min(), "high": r.max()}


# %% wrong={"item": "seed-spread", "name": "a-tuple", "says": "keys mean, std, low, high"}
def seed_spread(run, seeds):
    if len(seeds) < 2:
        raise ValueError("two seeds at least")
    r = np.array([run(seed) for seed in seeds], dtype=float)
    return r.mean(), r.std(ddof=1), r.min(), r.max()


# %% wrong={"item": "verdict", "name": "higher-mean-wins", "says": "the intervals overlap", "replace": true}
# -     half_a, half_b = (2 * r.std(ddof=1) / np.sqrt(len(r)) for r in (a, b))
# +     half_a = half_b = 0


# %% wrong={"item": "verdict", "name": "best-of-seeds", "says": "one lucky run decides nothing"}
def verdict(a, b):
    if len(a) != len(b) or len(a) < 2:
        raise ValueError("the same two or more seeds")
    if np.array_equal(a, b):
        return "identical"
    return "a" if a.max() > b.max() else "b" if b.max() > a.max() else "no claim"


# %% wrong={"item": "verdict", "name": "equal-means-are-identical", "says": "in another order", "replace": true}
# -     if list(a) == list(b):
# +     if np.isclose(a.mean(), b.mean()):

# %% wrong={"item": "verdict", "name": "sorted-results-are-identical", "says": "in another order", "replace": true}
# -     if list(a) == list(b):
# +     if np.array_equal(np.sort(a), np.sort(b)):

# %% wrong={"item": "verdict", "name": "one-equal-seed-is-identical", "says": "equal in every seed", "replace": true}
# -     if list(a) == list(b):
# +     if np.any(a == b):

# %% wrong={"item": "verdict", "name": "never-identical", "says": "identical", "replace": true}
# -     if list(a) == list(b):
# +     if False:

# %% wrong={"item": "verdict", "name": "ddof-0", "says": "ddof=1", "replace": true}
# -     half_a, half_b = (2 * r.std(ddof=1) / np.sqrt(len(r)) for r in (a, b))
# +     half_a, half_b = (2 * r.std(ddof=0) / np.sqrt(len(r)) for r in (a, b))

# %% wrong={"item": "verdict", "name": "std-for-standard-error", "says": "2 s / sqrt(n)", "replace": true}
# -     half_a, half_b = (2 * r.std(ddof=1) / np.sqrt(len(r)) for r in (a, b))
# +     half_a, half_b = (2 * r.std(ddof=1) for r in (a, b))

# %% wrong={"item": "verdict", "name": "one-standard-error", "says": "two standard errors", "replace": true}
# -     half_a, half_b = (2 * r.std(ddof=1) / np.sqrt(len(r)) for r in (a, b))
# +     half_a, half_b = (r.std(ddof=1) / np.sqrt(len(r)) for r in (a, b))

# %% wrong={"item": "verdict", "name": "touching-intervals-claimed", "says": "the intervals touch", "replace": true}
# -     if a.mean() - half_a > b.mean() + half_b:
# +     if a.mean() - half_a >= b.mean() + half_b:
#           return "a"
# -     if b.mean() - half_b > a.mean() + half_a:
# +     if b.mean() - half_b >= a.mean() + half_a:

# %% wrong={"item": "verdict", "name": "divided-by-n", "says": "two standard errors", "replace": true}
# -     half_a, half_b = (2 * r.std(ddof=1) / np.sqrt(len(r)) for r in (a, b))
# +     half_a, half_b = (2 * r.std(ddof=1) / len(r) for r in (a, b))

# %% wrong={"item": "verdict", "name": "half-widths-in-quadrature", "says": "ddof=1", "replace": true}
#       half_a, half_b = (2 * r.std(ddof=1) / np.sqrt(len(r)) for r in (a, b))
# +     half_a = half_b = np.hypot(half_a, half_b) / 2

# %% wrong={"item": "verdict", "name": "mean-inside-the-other-interval", "says": "the intervals overlap", "replace": true}
# -     if a.mean() - half_a > b.mean() + half_b:
# +     if a.mean() - half_a > b.mean():
#           return "a"
# -     if b.mean() - half_b > a.mean() + half_a:
# +     if b.mean() - half_b > a.mean():

# %% wrong={"item": "verdict", "name": "spread-of-a-for-both", "says": "the spread of its own runs", "replace": true}
#       half_a, half_b = (2 * r.std(ddof=1) / np.sqrt(len(r)) for r in (a, b))
# +     half_b = half_a

# %% wrong={"item": "verdict", "name": "only-a-can-be-higher", "says": "b can be the higher one too", "replace": true}
# -         return "b"
# +         return "no claim"

# %% wrong={"item": "verdict", "name": "lengths-not-compared", "says": "the same seeds for both", "replace": true}
# -     if len(a) != len(b) or len(a) < 2:
# +     if len(a) < 2:

# %% wrong={"item": "verdict", "name": "one-run-allowed", "says": "the same seeds for both", "replace": true}
# -     if len(a) != len(b) or len(a) < 2:
# +     if len(a) != len(b):

# %% wrong={"item": "verdict", "name": "worse-one-named", "says": "the higher one is named", "replace": true}
# +         return "b"
# +     if b.mean() - half_b > a.mean() + half_a:
#           return "a"
# -     if b.mean() - half_b > a.mean() + half_a:
# -         return "b"


# %% wrong={"item": "fix-normalise", "name": "the-grids-own", "says": "the grid's own"}
def fix_normalise(grid, train):
    return (grid - grid.mean(axis=0)) / grid.std(axis=0, ddof=1)


# %% wrong={"item": "fix-normalise", "name": "the-grids-own-ddof-0", "says": "grid's own statistics, and ddof=0"}
def fix_normalise(grid, train):
    return (grid - grid.mean(axis=0)) / grid.std(axis=0)


# %% wrong={"item": "fix-normalise", "name": "ddof-0", "says": "divides by n - 1"}
def fix_normalise(grid, train):
    return (grid - train.mean(axis=0)) / train.std(axis=0)


# %% wrong={"item": "fix-normalise", "name": "as-a-whole", "says": "each column has its own"}
def fix_normalise(grid, train):
    return (grid - train.mean()) / train.std(ddof=1)


# %% wrong={"item": "fix-normalise", "name": "variance", "says": "the variance"}
def fix_normalise(grid, train):
    return (grid - train.mean(axis=0)) / train.var(axis=0, ddof=1)


# %% wrong={"item": "fix-normalise", "name": "mean-only", "says": "still to be divided"}
def fix_normalise(grid, train):
    return grid - train.mean(axis=0)


# %% wrong={"item": "fix-normalise", "name": "std-only", "says": "mean is still to be taken away"}
def fix_normalise(grid, train):
    return grid / train.std(axis=0, ddof=1)


# %% wrong={"item": "fix-normalise", "name": "std-of-the-grid", "says": "the grid's own std"}
def fix_normalise(grid, train):
    return (grid - train.mean(axis=0)) / grid.std(axis=0, ddof=1)


# %% wrong={"item": "fix-normalise", "name": "pooled", "says": "pooled"}
def fix_normalise(grid, train):
    both = np.concatenate([grid, train])
    return (grid - both.mean(axis=0)) / both.std(axis=0, ddof=1)


# %% wrong={"item": "fix-normalise", "name": "grid-overwritten", "says": "left as it was"}
def fix_normalise(grid, train):
    grid -= train.mean(axis=0)
    grid /= train.std(axis=0, ddof=1)
    return grid


# %% wrong={"item": "fix-normalise", "name": "train-overwritten", "says": "left as it was"}
def fix_normalise(grid, train):
    std = train.std(axis=0, ddof=1)
    mean = train.mean(axis=0)
    train -= mean
    return (grid - mean) / std


# %% wrong={"item": "fix-normalise", "name": "along-rows", "says": "not along rows"}
def fix_normalise(grid, train):
    return (grid - train.mean(axis=1)[:2].sum()) / train.std(axis=1, ddof=1)[0]


# %% wrong={"item": "effective-nag", "name": "as-meant", "says": "enters v, and then w"}
def effective_nag(eta, gamma):
    return eta, gamma, gamma


# %% wrong={"item": "effective-nag", "name": "momentum-once", "says": "momentum is applied twice"}
def effective_nag(eta, gamma):
    return eta**2, gamma, gamma / eta


# %% wrong={"item": "effective-nag", "name": "rate-once", "says": "enters v, and then w"}
def effective_nag(eta, gamma):
    return eta, gamma**2, gamma / eta


# %% wrong={"item": "effective-nag", "name": "look-ahead-in-v", "says": "v is u / eta"}
def effective_nag(eta, gamma):
    return eta**2, gamma**2, gamma


# %% wrong={"item": "effective-nag", "name": "look-ahead-squared", "says": "applied once there"}
def effective_nag(eta, gamma):
    return eta**2, gamma**2, gamma**2


# %% wrong={"item": "effective-nag", "name": "look-ahead-twice", "says": "multiplied once"}
def effective_nag(eta, gamma):
    return eta**2, gamma**2, gamma**2 / eta


# %% wrong={"item": "effective-nag", "name": "look-ahead-times-eta", "says": "not eta u"}
def effective_nag(eta, gamma):
    return eta**2, gamma**2, gamma * eta


# %% wrong={"item": "effective-nag", "name": "twice-as-a-sum", "says": "expected three numbers between"}
def effective_nag(eta, gamma):
    return 2 * eta, 2 * gamma, 2 * gamma / eta


# %% wrong={"item": "effective-nag", "name": "rate-and-momentum-swapped", "says": "rate and momentum are swapped"}
def effective_nag(eta, gamma):
    return gamma**2, eta**2, gamma / eta


# %% wrong={"item": "effective-nag", "name": "numbers-of-the-post", "says": "for eta .5 and gamma .9"}
def effective_nag(eta, gamma):
    return 0.25, 0.81, 1.8


# %% wrong={"item": "effective-nag", "name": "two-numbers", "says": "rate, momentum, look_ahead"}
def effective_nag(eta, gamma):
    return eta**2, gamma**2
