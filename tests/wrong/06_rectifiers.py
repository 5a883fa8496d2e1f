"""The named wrong solutions of unit 6: each must lose its item and be told why."""

# %% wrong={"item": "prediction", "name": "no-prediction", "says": "no prediction yet"}
my_share = None

# %% wrong={"item": "prediction", "name": "not-a-number", "says": "expected a finite number"}
my_share = np.nan

# %% wrong={"item": "prediction", "name": "in-words", "says": "expected a number"}
my_share = "a quarter"


# %% wrong={"item": "he-normal", "name": "upside-down", "says": "2/n upside down", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(1 / (2 * (1 + slope**2) * n))
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "no-two", "says": "the 2 that pays for the rectifier is missing", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(1 / ((1 + slope**2) * n))
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "root-twice", "says": "square root is taken twice", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = (2 / ((1 + slope**2) * n)) ** 0.25
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "variance-as-std", "says": "variance is used as the standard deviation", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = 2 / ((1 + slope**2) * n)
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "root-over-the-two-only", "says": "covers the 2 only", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2) / ((1 + slope**2) * n)
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "root-over-n-only", "says": "covers n only", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = 2 / np.sqrt((1 + slope**2) * n)
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "bound-as-std", "says": "bound of the uniform draws", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(6 / ((1 + slope**2) * n))
# +     return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "hard-coded", "says": "whatever n is"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    std = 0.01
    return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "uniform-draws", "says": "look uniform", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     b = np.sqrt(3) * np.sqrt(2 / ((1 + slope**2) * n))
# +     return rng.uniform(-b, b, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "compromise", "says": "a compromise"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    std = np.sqrt(4 / ((1 + slope**2) * (fan_in + fan_out)))
    return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "glorot", "says": "this is Glorot"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    std = np.sqrt(2 / ((1 + slope**2) * (fan_in + fan_out)))
    return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "modes-exchanged", "says": "follows fan_out"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_out" else fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "always-fan-out", "says": "follows fan_out"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "mode-ignored", "says": "the mode is ignored"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in
    std = np.sqrt(2 / ((1 + slope**2) * n))
    return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "mixed-in-mode-fan-out", "says": "mixed with fan_in"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else (fan_in + fan_out) / 2
    std = np.sqrt(2 / ((1 + slope**2) * n))
    return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "any-mode", "says": "raise ValueError"}
def he_normal(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    return rng.normal(0, std, (fan_in, fan_out))


# %% wrong={"item": "he-normal", "name": "slope-ignored", "says": "the slope is ignored", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2 / n)
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "slope-ignored-in-fan-out", "says": "slope is ignored in mode fan_out", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     if mode == "fan_in":
# +         n *= 1 + slope**2
# +     std = np.sqrt(2 / n)
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "slope-outside-the-root", "says": "missing over 1 + slope**2", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2 / n) / (1 + slope**2)
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "slope-multiplies", "says": "smaller weights", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2 * (1 + slope**2) / n)
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "slope-not-squared", "says": "slope is not squared", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2 / (abs(1 + slope) * n))
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "sum-squared", "says": "squared as a whole", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2 / ((1 + slope) ** 2 * n))
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "minus", "says": "it is a plus", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2 / (abs(1 - slope**2) * n))
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "transposed", "says": "transposed", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2 / ((1 + slope**2) * n))
# +     return rng.normal(0, std, (fan_out, fan_in))

# %% wrong={"item": "he-normal", "name": "reseeds", "says": "seed set inside", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     rng = np.random.default_rng(0)
# +     std = np.sqrt(2 / ((1 + slope**2) * n))
# +     return rng.normal(0, std, (fan_in, fan_out))

# %% wrong={"item": "he-normal", "name": "one-neuron", "says": "repeated", "replace": true}
# -     return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))
# +     std = np.sqrt(2 / ((1 + slope**2) * n))
# +     column = rng.normal(0, std, (fan_in, 1))
# +     return np.repeat(column, fan_out, axis=1)


# %% wrong={"item": "he-uniform", "name": "upside-down", "says": "2/n upside down"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(1 / (2 * (1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "no-two", "says": "the 2 that pays for the rectifier is missing"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(1 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "root-twice", "says": "square root is taken twice"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    bound = (6 / ((1 + slope**2) * n)) ** 0.25
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "root-missing", "says": "square root over 6/n is missing"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    bound = 6 / ((1 + slope**2) * n)
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "root-over-the-six-only", "says": "covers the 6 only"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    bound = np.sqrt(6) / ((1 + slope**2) * n)
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "std-as-bound", "says": "used as the bound"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    return rng.uniform(-std, std, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "upside-down-as-bound", "says": "and its root as the bound"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(1 / (2 * (1 + slope**2) * n))
    return rng.uniform(-std, std, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "bound-too-large", "says": "too large"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    bound = 3 * np.sqrt(2 / ((1 + slope**2) * n))
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "half-of-the-range", "says": "2/n upside down"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    bound = np.sqrt(3) * np.sqrt(2 / ((1 + slope**2) * n))
    return rng.uniform(0, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "normal-draws", "says": "look normal"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    return rng.normal(0, np.sqrt(2 / ((1 + slope**2) * n)), (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "glorot", "says": "this is Glorot"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    std = np.sqrt(2 / ((1 + slope**2) * (fan_in + fan_out)))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "modes-exchanged", "says": "follows fan_out"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_out" else fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "always-fan-out", "says": "follows fan_out"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "mode-ignored", "says": "the mode is ignored"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in
    std = np.sqrt(2 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "mixed-in-mode-fan-out", "says": "mixed with fan_in"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else (fan_in + fan_out) / 2
    std = np.sqrt(2 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "any-mode", "says": "raise ValueError"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "slope-ignored", "says": "the slope is ignored"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / n)
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "slope-ignored-in-fan-out", "says": "slope is ignored in mode fan_out"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    if mode == "fan_in":
        n *= 1 + slope**2
    std = np.sqrt(2 / n)
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "slope-outside-the-root", "says": "missing over 1 + slope**2"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / n) / (1 + slope**2)
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "slope-multiplies", "says": "smaller weights"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 * (1 + slope**2) / n)
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "slope-not-squared", "says": "slope is not squared"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / (abs(1 + slope) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "sum-squared", "says": "squared as a whole"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / ((1 + slope) ** 2 * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "minus", "says": "it is a plus"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / (abs(1 - slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "transposed", "says": "transposed"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_out, fan_in))


# %% wrong={"item": "he-uniform", "name": "reseeds", "says": "seed set inside"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    rng = np.random.default_rng(0)
    std = np.sqrt(2 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    return rng.uniform(-bound, bound, (fan_in, fan_out))


# %% wrong={"item": "he-uniform", "name": "one-neuron", "says": "repeated"}
def he_uniform(fan_in, fan_out, rng, mode="fan_in", slope=0.0):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    n = fan_in if mode == "fan_in" else fan_out
    std = np.sqrt(2 / ((1 + slope**2) * n))
    bound = np.sqrt(3) * std
    column = rng.uniform(-bound, bound, (fan_in, 1))
    return np.repeat(column, fan_out, axis=1)


# %% wrong={"item": "depth-variance", "name": "additive-loss", "says": "additive reasoning"}
def depth_variance(L, rule):
    return 1 + (rule(1, 1) / 2 - 1) * np.arange(L)


# %% wrong={"item": "depth-variance", "name": "additive-half", "says": "additive reasoning"}
def depth_variance(L, rule):
    return 1 - (1 - rule(1, 1) / 2) * np.arange(L)


# %% wrong={"item": "depth-variance", "name": "one-more-each-layer", "says": "additive reasoning"}
def depth_variance(L, rule):
    factor = rule(100, 100) * 50
    return np.array([1 + k * factor if factor != 1 else 1.0 for k in range(L)])


# %% wrong={"item": "depth-variance", "name": "shared-among-layers", "says": "additive reasoning"}
def depth_variance(L, rule):
    share = 1 / (1 + np.arange(L))
    return share if rule(1, 1) != 2 else np.ones(L)


# %% wrong={"item": "depth-variance", "name": "half-forgotten", "says": "keeps half"}
def depth_variance(L, rule):
    return (100 * rule(100, 100)) ** np.arange(L)


# %% wrong={"item": "depth-variance", "name": "half-upside-down", "says": "upside down"}
def depth_variance(L, rule):
    return (2 * rule(1, 1)) ** np.arange(L) if rule(1, 1) != 2 else np.ones(L)


# %% wrong={"item": "depth-variance", "name": "half-twice", "says": "counted twice"}
def depth_variance(L, rule):
    factor = rule(1, 1) / 2
    return (factor / 2) ** np.arange(L) if factor != 1 else np.ones(L)


# %% wrong={"item": "depth-variance", "name": "rule-ignored", "says": "rule is ignored"}
def depth_variance(L, rule):
    return np.ones(L)


# %% wrong={"item": "depth-variance", "name": "starts-at-layer-two", "says": "the first entry is layer 1 over itself"}
def depth_variance(L, rule):
    return (rule(1, 1) / 2) ** (1 + np.arange(L))


# %% wrong={"item": "depth-variance", "name": "over-the-input", "says": "the first entry is layer 1 over itself"}
def depth_variance(L, rule):
    return (rule(1, 1) / 2) ** np.arange(1, L + 1)


# %% wrong={"item": "depth-variance", "name": "reversed", "says": "order is reversed"}
def depth_variance(L, rule):
    return (rule(1, 1) / 2) ** np.arange(L)[::-1]


# %% wrong={"item": "depth-variance", "name": "summed-up", "says": "a sum over layers"}
def depth_variance(L, rule):
    factor = rule(1, 1) / 2
    if factor == 1:
        return np.ones(L)
    return np.cumsum(factor ** np.arange(L))


# %% wrong={"item": "depth-variance", "name": "last-only", "says": "not the last"}
def depth_variance(L, rule):
    return (rule(1, 1) / 2) ** (L - 1)


# %% wrong={"item": "depth-variance", "name": "std-for-variance", "says": "standard deviations"}
def depth_variance(L, rule):
    return np.sqrt(rule(1, 1) / 2) ** np.arange(L)


# %% wrong={"item": "depth-variance", "name": "rule-as-std", "says": "a variance already"}
def depth_variance(L, rule):
    return (rule(1, 1) / 2) ** (2 * np.arange(L))


# %% wrong={"item": "depth-variance", "name": "variance-of-relu", "says": "E[relu(z)^2] counts"}
def depth_variance(L, rule):
    kept = (1 - 1 / np.pi) / 2
    factor = rule(1, 1)
    return (factor * kept) ** np.arange(L) if factor != 2 else np.ones(L)


# %% wrong={"item": "depth-variance", "name": "one-factor", "says": "one layer's factor"}
def depth_variance(L, rule):
    return np.array([1.0] + [rule(1, 1) / 2] * (L - 1))


# %% wrong={"item": "depth-variance", "name": "simulated", "says": "nothing is drawn here"}
def depth_variance(L, rule):
    rng, a, q = np.random.default_rng(), np.ones((10, 100)), []
    for _ in range(L):
        z = a @ rng.normal(0, np.sqrt(rule(100, 100)), (100, 100))
        a = np.maximum(z, 0)
        q.append(np.mean(z**2))
    mean = rule(1, 1) / 2
    return np.array(q) / q[0] if mean != 1 else np.ones(L)


# %% wrong={"item": "depth-variance", "name": "one-layer-too-many", "says": "got (5,)"}
def depth_variance(L, rule):
    return (rule(1, 1) / 2) ** np.arange(L + 1)


# %% wrong={"item": "depth-variance", "name": "list-of-one", "says": "got (1,)"}
def depth_variance(L, rule):
    return np.array([(rule(1, 1) / 2) ** (L - 1)])


# %% wrong={"item": "dead-units", "name": "zeros-counted", "says": "the share of zeros"}
def dead_units(acts):
    return np.array([np.mean(a == 0) for a in acts])


# %% wrong={"item": "dead-units", "name": "one-zero-kills", "says": "a unit with one zero is not dead"}
def dead_units(acts):
    return np.array([np.mean(np.any(a == 0, axis=0)) for a in acts])


# %% wrong={"item": "dead-units", "name": "along-rows", "says": "goes along rows"}
def dead_units(acts):
    return np.array([np.mean(np.all(a == 0, axis=1)) for a in acts])


# %% wrong={"item": "dead-units", "name": "counted", "says": "number of dead units"}
def dead_units(acts):
    return np.array([np.sum(np.all(a == 0, axis=0)) for a in acts])


# %% wrong={"item": "dead-units", "name": "alive", "says": "share of units that are alive"}
def dead_units(acts):
    return np.array([np.mean(np.any(a != 0, axis=0)) for a in acts])


# %% wrong={"item": "dead-units", "name": "first-example", "says": "first example only"}
def dead_units(acts):
    return np.array([np.mean(a[0] == 0) for a in acts])


# %% wrong={"item": "dead-units", "name": "over-examples", "says": "not by the examples"}
def dead_units(acts):
    return np.array([np.sum(np.all(a == 0, axis=0)) / len(a) for a in acts])


# %% wrong={"item": "dead-units", "name": "one-number", "says": "one number for each layer"}
def dead_units(acts):
    return np.mean([np.mean(np.all(a == 0, axis=0)) for a in acts])


# %% wrong={"item": "dead-units", "name": "first-ten-examples", "says": "whole batch"}
def dead_units(acts):
    return np.array([np.mean(np.all(a[:10] == 0, axis=0)) for a in acts])


# %% wrong={"item": "dead-units", "name": "all-but-the-last-example", "says": "whole batch"}
def dead_units(acts):
    return np.array(
        [np.mean(np.all((a if len(a) < 4 else a[:-1]) == 0, axis=0)) for a in acts]
    )


# %% wrong={"item": "dead-units", "name": "with-a-tolerance", "says": "compare with 0 exactly"}
def dead_units(acts):
    return np.array([np.mean(np.all(np.isclose(a, 0), axis=0)) for a in acts])


# %% wrong={"item": "dead-units", "name": "input-overwritten", "says": "acts to be left as it was"}
def dead_units(acts):
    result = np.array([np.mean(np.all(a == 0, axis=0)) for a in acts])
    for a in acts:
        a[:] = 0
    return result


# %% wrong={"item": "dead-units", "name": "width-of-the-first", "says": "width of its own"}
def dead_units(acts):
    width = acts[0].shape[1] if len(acts) > 2 else None
    return np.array(
        [np.sum(np.all(a == 0, axis=0)) / (width or a.shape[1]) for a in acts]
    )
