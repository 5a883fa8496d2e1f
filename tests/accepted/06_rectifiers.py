"""Different right answers of unit 6: each must get full marks."""

# %% accepted={"item": "prediction", "name": "zero"}
my_share = 0

# %% accepted={"item": "prediction", "name": "numpy-number"}
my_share = np.float64(0.5)

# %% accepted={"item": "prediction", "name": "everything"}
my_share = 1.0

# %% accepted={"item": "prediction", "name": "percent"}
my_share = 25


# %% accepted={"item": "he-normal", "name": "unit-draws-scaled"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in fans:
        raise ValueError("mode must be fan_in or fan_out")
    std = (2 / (1 + slope * slope) / fans[mode]) ** 0.5
    return std * rng.standard_normal((fan_in, fan_out))


# %% accepted={"item": "he-normal", "name": "row-by-row"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in fans:
        raise ValueError("mode must be fan_in or fan_out")
    std = (2 / (1 + slope * slope) / fans[mode]) ** 0.5
    return np.stack([rng.normal(0, std, fan_out) for _ in range(fan_in)])


# %% accepted={"item": "he-normal", "name": "drawn-transposed"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in fans:
        raise ValueError("mode must be fan_in or fan_out")
    std = (2 / (1 + slope * slope) / fans[mode]) ** 0.5
    W = rng.standard_normal((fan_out, fan_in))
    return (std * W).T


# %% accepted={"item": "he-normal", "name": "another-signature"}
def he_normal(fan_in, fan_out, rng=None, mode="fan_in", slope=0, *, dtype=float):
    rng = rng or np.random.default_rng()
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in fans:
        raise ValueError("mode must be fan_in or fan_out")
    std = (2 / (1 + slope * slope) / fans[mode]) ** 0.5
    return (std * rng.standard_normal((fan_in, fan_out))).astype(dtype)


# %% accepted={"item": "he-normal", "name": "by-gain"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    match mode:
        case "fan_in":
            n = fan_in
        case "fan_out":
            n = fan_out
        case _:
            raise ValueError(f"unknown mode {mode}")
    gain = np.sqrt(2 / (1 + slope**2))
    return rng.normal(scale=gain / np.sqrt(n), size=(fan_in, fan_out))


# %% accepted={"item": "he-uniform", "name": "unit-draws-scaled"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in fans:
        raise ValueError("mode must be fan_in or fan_out")
    std = (2 / (1 + slope * slope) / fans[mode]) ** 0.5
    return std * (2 * rng.random((fan_in, fan_out)) - 1) * np.sqrt(3)


# %% accepted={"item": "he-uniform", "name": "row-by-row"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in fans:
        raise ValueError("mode must be fan_in or fan_out")
    std = (2 / (1 + slope * slope) / fans[mode]) ** 0.5
    return np.stack(
        [rng.uniform(-std * 3**0.5, std * 3**0.5, fan_out) for _ in range(fan_in)]
    )


# %% accepted={"item": "he-uniform", "name": "drawn-transposed"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in fans:
        raise ValueError("mode must be fan_in or fan_out")
    std = (2 / (1 + slope * slope) / fans[mode]) ** 0.5
    W = (2 * rng.random((fan_out, fan_in)) - 1) * np.sqrt(3)
    return (std * W).T


# %% accepted={"item": "he-uniform", "name": "another-signature"}
def he_uniform(fan_in, fan_out, rng=None, mode="fan_in", slope=0, *, dtype=float):
    rng = rng or np.random.default_rng()
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in fans:
        raise ValueError("mode must be fan_in or fan_out")
    std = (2 / (1 + slope * slope) / fans[mode]) ** 0.5
    return (std * (2 * rng.random((fan_in, fan_out)) - 1) * np.sqrt(3)).astype(dtype)


# %% accepted={"item": "he-uniform", "name": "by-gain"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    match mode:
        case "fan_in":
            n = fan_in
        case "fan_out":
            n = fan_out
        case _:
            raise ValueError(f"unknown mode {mode}")
    gain = np.sqrt(2 / (1 + slope**2))
    return gain * rng.uniform(-1, 1, size=(fan_in, fan_out)) * np.sqrt(3 / n)


# %% accepted={"item": "depth-variance", "name": "loop"}
def depth_variance(L, rule):
    n, q, out = 50, 1.0, []
    for _ in range(L):
        out.append(q)
        q *= 0.5 * n * rule(n, n)
    return out


# %% accepted={"item": "depth-variance", "name": "cumulative-product"}
def depth_variance(L, rule):
    factors = np.full(L, 256 * rule(256, 256) / 2)
    factors[0] = 1
    return np.cumprod(factors)


# %% accepted={"item": "depth-variance", "name": "by-logarithms"}
def depth_variance(L, rule):
    return np.exp(np.arange(L) * np.log(rule(1000, 1000) * 500))


# %% accepted={"item": "depth-variance", "name": "by-recursion"}
def depth_variance(L, rule):
    if L == 1:
        return np.ones(1)
    shorter = depth_variance(L - 1, rule)
    return np.append(shorter, shorter[-1] * rule(7, 7) * 7 / 2)


# %% accepted={"item": "depth-variance", "name": "with-a-width"}
def depth_variance(L, rule, n=64, kept=0.5):
    return np.array([(n * rule(n, n) * kept) ** k for k in range(L)])


# %% accepted={"item": "dead-units", "name": "by-maximum"}
def dead_units(acts):
    return np.array([(a.max(axis=0) == 0).mean() for a in acts])


# %% accepted={"item": "dead-units", "name": "by-any"}
def dead_units(acts):
    return [1 - a.any(axis=0).mean() for a in acts]


# %% accepted={"item": "dead-units", "name": "by-count-nonzero"}
def dead_units(acts):
    awake = [np.count_nonzero(np.count_nonzero(a, axis=0)) for a in acts]
    widths = [a.shape[1] for a in acts]
    return 1 - np.array(awake) / np.array(widths)


# %% accepted={"item": "dead-units", "name": "loops"}
def dead_units(acts):
    fractions = []
    for a in acts:
        rows = a.tolist()
        dead = 0
        for column in zip(*rows, strict=True):
            dead += all(value == 0 for value in column)
        fractions.append(dead / len(rows[0]))
    return np.array(fractions)
