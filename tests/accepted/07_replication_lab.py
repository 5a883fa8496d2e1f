"""Accepted variants of unit 7: other right programs, which must get full marks."""

# %% accepted={"item": "prediction", "name": "as-a-float"}
my_count = 4.5


# %% accepted={"item": "prediction", "name": "from-numpy"}
my_count = np.int64(0)


# %% accepted={"item": "prediction", "name": "out-of-range"}
my_count = 21


# %% accepted={"item": "replicate", "name": "global-legacy-seed"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    np.random.seed(seed)
    averaged = []
    for fan_in, fan_out in pairwise((2, *widths, 1)):
        fans = fan_in if act == "relu" else fan_in + fan_out
        std = np.sqrt(2 / fans)
        W = np.random.normal(0, std, (fan_out, fan_in))
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = np.random.normal(0, std, (fan_out, fan_in))
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


# %% accepted={"item": "replicate", "name": "randn-times-std"}
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
        W = std * rng.randn(fan_out, fan_in)
        while abs(W.std() - std) > 0.05 or abs(W.mean()) > 0.05:
            W = std * rng.randn(fan_out, fan_in)
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


# %% accepted={"item": "replicate", "name": "endless-draws-with-break"}
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
        while True:
            W = rng.normal(size=(fan_out, fan_in), scale=std)
            if np.abs(np.std(W) - std) <= 0.05 and np.abs(np.mean(W)) <= 0.05:
                break
        W = np.transpose(W)
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


# %% accepted={"item": "replicate", "name": "by-hand-without-the-given-net"}
def replicate(
    number=1, widths=(6, 3), act="relu", eta=0.25, max_epochs=2000, seed=3, bias=None
):
    x, y = lab.plane(number)
    n = len(x)
    centred = x - x.sum(axis=0) / n
    a0 = (centred / np.sqrt((centred**2).sum(axis=0) / (n - 1))).T
    rng = np.random.RandomState(seed)
    sizes = [2, *widths, 1]
    W = []
    for k in range(1, len(sizes)):
        var = 2 / sizes[k - 1] if act == "relu" else 2 / (sizes[k - 1] + sizes[k])
        while True:
            draw = rng.normal(0, var**0.5, (sizes[k], sizes[k - 1]))
            if abs(draw.std() - var**0.5) <= 0.05 and abs(draw.mean()) <= 0.05:
                break
        W.append(draw)
    b = [np.full((size, 1), 0.0 if bias is None else bias) for size in sizes[1:]]
    plain_W, plain_b, last = list(W), list(b), len(W) - 1

    def forward():
        a = [a0]
        for k in range(last + 1):
            z = np.einsum("oi,in->on", W[k], a[-1]) + b[k]
            if k == last:
                a.append(1 / (1 + np.exp(-z)))
            else:
                a.append(np.tanh(z) if act == "tanh" else np.where(z > 0, z, 0))
        return a

    for t in range(1, max_epochs + 1):
        a = forward()
        p = a[-1][0]
        delta = ((p - y) * p * (1 - p) / n)[None]
        slopes = [None] * (last + 1)
        for k in range(last, -1, -1):
            slopes[k] = delta @ a[k].T, delta.sum(axis=1, keepdims=True)
            if k:
                inner = 1 - a[k] ** 2 if act == "tanh" else a[k] > 0
                delta = W[k].T @ delta * inner
        for k in range(last + 1):
            plain_W[k] = plain_W[k] - eta * slopes[k][0]
            W[k] = W[k] + (plain_W[k] - W[k]) / (t + 1)
            if bias is not None:
                plain_b[k] = plain_b[k] - eta * slopes[k][1]
                b[k] = b[k] + (plain_b[k] - b[k]) / (t + 1)
        if not np.any((forward()[-1][0] >= 0.5) != y):
            return int(t)


# %% accepted={"item": "replicate", "name": "numpy-integer"}
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
            return np.int64(t)
    return None


# %% accepted={"item": "replicate", "name": "while-loop"}
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
    t = 0
    while t < max_epochs:
        t += 1
        grads = gradients(averaged, x, y, act)
        plain = [w - eta * g for w, g in zip(plain, grads)]
        averaged = [(t * m + w) / (t + 1) for m, w in zip(averaged, plain)]
        if np.all((output(averaged, x, act) >= 0.5) == (y == 1)):
            return t
    return None


# %% accepted={"item": "bias-start", "name": "loops"}
def bias_start(run, candidates, published):
    fits = []
    for c in candidates:
        good = True
        for name in published:
            if run(name, c) != published[name]:
                good = False
        if good:
            fits.append(c)
    return fits


# %% accepted={"item": "bias-start", "name": "dicts-compared"}
def bias_start(run, candidates, published):
    def ran(c):
        return {name: run(name, c) for name in published}

    return list(filter(lambda c: ran(c) == published, candidates))


# %% accepted={"item": "bias-start", "name": "a-tuple"}
def bias_start(run, candidates, published):
    return tuple(
        c for c in candidates if all(run(n, c) == e for n, e in published.items())
    )


# %% accepted={"item": "seed-spread", "name": "statistics"}
def seed_spread(run, seeds):
    import statistics

    if len(seeds) <= 1:
        raise ValueError("one run has no spread")
    r = [float(run(seed)) for seed in seeds]
    return dict(
        mean=statistics.mean(r), std=statistics.stdev(r), low=min(r), high=max(r)
    )


# %% accepted={"item": "seed-spread", "name": "by-hand"}
def seed_spread(run, seeds):
    r = list(map(run, seeds))
    n = len(r)
    if n < 2:
        raise ValueError("at least two seeds")
    mean = sum(r) / n
    std = (sum((k - mean) ** 2 for k in r) / (n - 1)) ** 0.5
    return {"low": sorted(r)[0], "high": sorted(r)[-1], "mean": mean, "std": std}


# %% accepted={"item": "seed-spread", "name": "other-signature"}
def seed_spread(run, seeds=range(20), *, ddof=1):
    results = np.fromiter((run(s) for s in seeds), float)
    if results.size < 2:
        raise ValueError("at least two seeds")
    stats = np.mean(results), np.std(results, ddof=ddof), results.min(), results.max()
    return dict(zip(("mean", "std", "low", "high"), stats))


# %% accepted={"item": "verdict", "name": "gap-against-half-widths"}
def verdict(a, b):
    a, b = list(map(float, a)), list(map(float, b))
    n = len(a)
    if n != len(b) or n == 1 or n == 0:
        raise ValueError("the same seeds, two or more")
    if a == b:
        return "identical"
    gap = np.mean(a) - np.mean(b)
    reach = 2 * (np.std(a, ddof=1) + np.std(b, ddof=1)) / n**0.5
    return "no claim" if abs(gap) <= reach else "ab"[int(gap < 0)]


# %% accepted={"item": "verdict", "name": "intervals"}
def verdict(a, b):
    def interval(r):
        error = np.sqrt(np.var(r, ddof=1) / len(r))
        return np.mean(r) - 2 * error, np.mean(r) + 2 * error

    if len(a) != len(b):
        raise ValueError("lengths differ")
    if len(a) < 2:
        raise ValueError("one run has no spread")
    if all(x == y for x, y in zip(a, b)):
        return "identical"
    (low_a, high_a), (low_b, high_b) = interval(a), interval(b)
    if low_a > high_b:
        return "a"
    return "b" if low_b > high_a else "no claim"


# %% accepted={"item": "fix-normalise", "name": "column-by-column"}
def fix_normalise(grid, train):
    result = np.empty(grid.shape)
    for k in range(grid.shape[1]):
        column = train[:, k]
        result[:, k] = (grid[:, k] - column.mean()) / column.std(ddof=1)
    return result


# %% accepted={"item": "fix-normalise", "name": "by-var-and-lists"}
def fix_normalise(grid, train):
    std = np.sqrt(np.var(train, axis=0, ddof=1))
    return ((grid - np.mean(train, 0)) / std).tolist()


# %% accepted={"item": "fix-normalise", "name": "on-copies"}
def fix_normalise(grid, train):
    grid = grid.copy()
    grid -= train.mean(axis=0, keepdims=True)
    grid /= train.std(axis=0, ddof=1, keepdims=True)
    return grid


# %% accepted={"item": "effective-nag", "name": "as-an-array"}
def effective_nag(eta, gamma):
    return np.array([eta * eta, np.square(gamma), gamma / eta])


# %% accepted={"item": "effective-nag", "name": "a-list-by-steps"}
def effective_nag(eta, gamma):
    momentum = rate = 1.0
    for _ in range(2):
        momentum *= gamma
        rate *= eta
    return [rate, momentum, gamma / eta]
