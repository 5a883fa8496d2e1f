"""Known mistakes of unit 3, and how a check looks at an answer.

A function that is named after an item is its table: for the arguments of a call it
returns pairs, what a mistake gives and the sentence that names the mistake. The other
functions are steps of checks that are too long to be read in the notebook; what they
must find is there. No right answer is in here.
"""

import numpy as np

import checks

# ---------------------------------------------------------------------- the forward pass


def check_layers(answer, std):
    """Check ten layers with plain weights, and three that a fit can look into.

    Over 50 seeds the std of the last layer varies by .0022; the band is nine of these
    wide on each side (rate below 1e-18). The other bands are what known slips give.
    """
    x = checks.rng(31).normal(size=(200, 60))
    before = x.copy()
    text = "feed_forward(x, 10, rng=rng)"
    layers = checks.call(answer, x, 10, rng=checks.rng(32))
    too_long = "the list starts with the input; it must start with the first layer's"
    one_only = "this looks like one layer's array; return a list of all of them"
    checks.length(layers, 10, text, known={11: too_long + " output", 200: one_only})
    for number, a in enumerate(layers, 1):
        checks.shape(a, (200, 60), f"layer {number} of {text}")
        checks.finite(a, f"layer {number} of {text}")
    checks.unchanged(before, x, text, "x")
    checks.between(
        max(float(np.abs(a).max()) for a in layers),
        0,
        1,
        f"largest absolute value in {text}",
        hint="tanh stays within [-1, 1]: these are pre-activations z; return act(z)",
    )
    checks.true(
        not np.array_equal(layers[0], layers[9]),
        text,
        "expected ten different layers, got the same array ten times",
        hint="each layer needs an array of its own; writing into one (`a[:] = ...`,"
        " `out=a`) changes what is in the list already",
    )
    _chain(answer)
    known = [
        ((0.99, 1), "these weights have no negative draws: `rng.random` is [0, 1)"),
        ((0.75, 0.79), "the range is [-.5, .5]; use rng.uniform(-1, 1, ...)"),
        (
            (0.9375, 0.955),
            "rng.normal has std 1, U[-1, 1] has 1/sqrt(3): use rng.uniform",
        ),
        ((0.92, 0.9375), "gain is applied without xavier"),
    ]
    last = float(np.std(layers[9]))
    where = f"std of the last layer of {text}"
    checks.between(last, std - 0.02, std + 0.02, where, known=known)


def _fitted(inputs, outputs):
    """Fit weights by least squares; return them and the largest error of the fit."""
    z = np.arctanh(np.clip(outputs, -1 + 1e-15, 1 - 1e-15))
    W = np.linalg.lstsq(inputs, z, rcond=None)[0]
    return W, float(np.abs(inputs @ W - z).max())


def _chain(answer):
    """Check that each layer is fed by the one before, through weights of its own."""
    text = "feed_forward(x, 3, xavier=True, gain=1, rng=rng)"
    x = checks.rng(35).normal(size=(200, 20))
    a = [x, *checks.call(answer, x, 3, xavier=True, gain=1, rng=checks.rng(36))]
    seen = []
    for k in (1, 2, 3):
        W, error = _fitted(a[k - 1], a[k])
        hint = "a layer computes tanh(a @ W), with the activations of the layer before,"
        hint += " as they are and without a bias"
        if k > 1 and _fitted(x, a[k])[1] < 1e-6:
            hint = "this layer starts from x again; feed it the layer before"
        checks.true(
            error < 1e-6,
            text,
            f"expected layer {k} to be tanh(a @ W) of layer {k - 1}, got something"
            " else",
            hint=hint,
        )
        for j, earlier in enumerate(seen, 1):
            checks.true(
                not np.allclose(W, earlier, atol=1e-6),
                text,
                f"expected fresh weights in each layer, got layer {j}'s again in layer"
                f" {k}",
                hint="one W is reused: draw inside the loop (the spread looks right,"
                " but ten layers of one matrix are another network)",
            )
        seen.append(W)


def check_weights(answer, bound, gain, xavier=False):
    """Check the weights of one layer of 100 units: uniform within +-bound.

    They are seen through a signal so small that tanh keeps it. Of 10,000 draws the band
    on the mean is 6 %, that on the std 2.7 % of the std: six standard errors each, with
    the false-alarm rate 2e-9.
    """
    options = {"xavier": True, "gain": gain} if xavier else {"gain": gain}
    said = ", ".join(f"{name}={value}" for name, value in options.items())
    small = 1e-3 * checks.rng(33).normal(size=(200, 100))
    a = checks.call(answer, small, 1, rng=checks.rng(34), **options)[0]
    largest = np.abs(a).max()
    checks.between(largest, 0, 0.9, f"feed_forward(0.001 * x, 1, {said})")
    W = np.linalg.lstsq(small, np.arctanh(a), rcond=None)[0]
    text = f"weights of feed_forward(x (200, 100), 1, {said})"
    low, high = float(W.min()), float(W.max())
    checks.true(
        low < -0.5 * high,
        text,
        f"expected weights from {-bound:.3g} to {bound:.3g}, got {low:.2g} to"
        f" {high:.2g}",
        hint="`rng.random` and `rng.uniform(0, b)` give no negative draws; the bound"
        " counts on both sides",
    )
    std = bound / np.sqrt(3)
    known = _glorot(std, gain) if xavier else _plain(gain)
    # The std first: weights that are far too large miss the mean's band by chance.
    checks.has_std(W, std, text, kurtosis=1.8, known=known)
    checks.has_mean(W, 0, std, text)
    largest = float(np.abs(W).max())
    checks.true(
        largest <= bound * (1 + 1e-5),
        text,
        f"expected weights within +-{bound:.4g}, got one of {largest:.4g}",
        hint="a uniform distribution has a bound; these draws look normal",
    )


def _plain(gain):
    return [
        (gain / 3**0.5, "gain is applied without xavier"),
        (gain / 100**0.5, "these are Glorot's weights: xavier=False means U[-1, 1]"),
        (1, "rng.normal has std 1, U[-1, 1] has 1/sqrt(3): use rng.uniform"),
        (0.5 / 3**0.5, "the range is [-.5, .5]; use rng.uniform(-1, 1, ...)"),
    ]


def _glorot(std, gain):
    return [
        (gain * std, "gain is applied twice"),
        (std / gain, "gain is ignored: it multiplies the weights"),
        (std / gain**0.5, "gain multiplies the weights, not their variance"),
        (std / gain**2, "gain divides here; it must multiply"),
        (
            std / 3**0.5,
            "the bound is the standard deviation: 6 belongs under the root",
        ),
        (
            std * 3**0.5,
            "the bound of the uniform draws is used as a std of normal ones",
        ),
        (std * 2**0.5, "only one fan is counted: the sum fan_in + fan_out is 2 n"),
        (gain * 6**0.5 / 200 / 3**0.5, "the square root covers the 6 only"),
        (
            gain * (6 / 300) ** 0.5 / 3**0.5,
            "x.shape is no pair of fans: its first number counts examples; both fans"
            " are n",
        ),
        (gain * 6 / 200 / 3**0.5, "the square root is missing"),
        (1 / 3**0.5, "these are the plain weights: xavier=True is not looked at"),
    ]


# -------------------------------------------------------------------------- saturation


def saturation(acts, act, thr):
    """Know mistakes in counting what is saturated."""
    if act not in ("tanh", "sigmoid"):
        return [
            (..., "a rectifier has no upper wall: end with raise ValueError(...)")
        ]
    sizes = np.array([a.size for a in acts])
    one_sided = "only the positive side is counted; there are two walls"
    lower = "only the lower side is counted; there are two walls"
    if act == "sigmoid":
        one_sided += ": near 0 the sigmoid is flat too"
        below = [np.mean(a < 1 - thr) for a in acts]
        edge = [np.mean((a >= thr) | (a <= 1 - thr)) for a in acts]
        coded = [np.mean((a > 0.9) | (a < 0.1)) for a in acts]
    else:
        below = [np.mean(a < -thr) for a in acts]
        edge = [np.mean(np.abs(a) >= thr) for a in acts]
        coded = [np.mean(np.abs(a) > 0.9) for a in acts]
    return [
        ([np.mean(a > thr) for a in acts], one_sided),
        (below, lower),
        (lambda want: want * sizes, "these are counts; divide by the number of them"),
        (
            lambda want: 100 * want,
            "these are percentages; a share lies between 0 and 1",
        ),
        (lambda want: 1 - want, "these are the shares that are not saturated"),
        (np.mean, "one number for each layer is wanted, not one for all of them"),
        (
            lambda want: np.sum(want * sizes) / sizes.sum(),
            "one number for each layer is wanted, not one for all of them",
        ),
        (edge, "an activation at the threshold is not beyond it: use > and <"),
        (coded, "thr is not looked at: a threshold is hard-coded"),
        (
            0 * sizes,
            "`and` and `or`: nothing is above thr and below 1 - thr at once",
        ),
        (0 * sizes + 1, "`and` and `or`: this is true of every number"),
    ]


# --------------------------------------------------------------------------- the gain


def check_steady(answer):
    """Check that a gain is the same when it is computed again."""
    got, again = (checks.call(answer, lambda z: z**2) for _ in range(2))
    chance = "quadrature has no chance in it; draws would need millions for .001"
    text = "gain_for(z^2), called twice"
    checks.close(again, got, text, rtol=0, atol=1e-12, hint=chance)


def gain_for(f):
    """Know mistakes in the gain of an activation, from sums over a fine grid."""
    grid = np.linspace(-12, 12, 48_001)

    def mean_of(values, var=1.0):
        density = np.exp(-(grid**2) / (2 * var)) / np.sqrt(2 * np.pi * var)
        return float(np.sum(values * density)) * (grid[1] - grid[0])

    y = f(grid)
    mean = mean_of(y)
    slope2 = mean_of(np.gradient(y, grid) ** 2)
    derivative = "this is made from f', the backward signal; the forward one needs f"
    squared = "this is made from E[f]; square f first, then average"
    return [
        (lambda want: want**2, "this is the square of the gain: a root is missing"),
        (
            lambda want: 1 / want,
            "this is the inverse: a gain makes up for what f loses",
        ),
        (
            lambda want: want**-2,
            "this is E[f^2] itself; the gain is 1 over its root",
        ),
        (1 / slope2, derivative),
        (slope2**-0.5, derivative),
        (1 / max(abs(mean), 1e-9), squared),
        (1 / max(mean**2, 1e-9), squared),
        (1 / mean_of(np.abs(y)), "this is made from E|f|; square f first"),
        (
            lambda want: max(want**-2 - mean**2, 1e-9) ** -0.5,
            "this is made from Var(f); E[f^2] is wanted",
        ),
        (
            mean_of(y**2, 0.5) ** -0.5,
            "the nodes are not scaled: with exp(-t^2), z is sqrt(2) t",
        ),
        (
            lambda want: want * np.pi**-0.25,
            "the weights sum to sqrt(pi): divide by it",
        ),
        (
            lambda want: want * 2**0.25,
            "divide by sqrt(pi), not by sqrt(2 pi)",
        ),
        (2**0.5, "sqrt(2) is ReLU's gain; every activation has its own"),
        (5 / 3, "5/3 is a rule of thumb for tanh; compute the expectation"),
    ]
