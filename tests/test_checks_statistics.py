"""Statistical checks: no false alarms, and every known mistake found and named."""

import numpy as np
import pytest
from scipy import stats

import checks
from checks import Incorrect

# The reference rules live here, in the tests: nothing that is shipped is an answer.
RULES = {
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
    "he": lambda fan_in, fan_out: 2 / fan_in,
}


def normal(rule):
    def initializer(fan_in, fan_out, rng, gain=1):
        std = gain * np.sqrt(rule(fan_in, fan_out))
        return rng.normal(0, std, (fan_in, fan_out))

    return initializer


def uniform(rule):
    def initializer(fan_in, fan_out, rng, gain=1):
        bound = gain * np.sqrt(3 * rule(fan_in, fan_out))
        return rng.uniform(-bound, bound, (fan_in, fan_out))

    return initializer


TRUNCATED_STD = stats.truncnorm(-2, 2).std()


def truncated(rule):
    def initializer(fan_in, fan_out, rng, gain=1):
        w = rng.normal(size=(fan_in, fan_out))
        while (outside := np.abs(w) > 2).any():
            w[outside] = rng.normal(size=outside.sum())
        return gain * np.sqrt(rule(fan_in, fan_out)) / TRUNCATED_STD * w

    return initializer


def bound_of(rule, factor=3**0.5):
    return lambda fan_in, fan_out: factor * np.sqrt(rule(fan_in, fan_out))


RIGHT = {
    "glorot_normal": (normal, "glorot", {}),
    "lecun_normal": (normal, "lecun", {}),
    "he_normal": (normal, "he", {}),
    "glorot_uniform": (uniform, "glorot", {"factor": 3**0.5, "kurtosis": 1.8}),
    "he_uniform": (uniform, "he", {"factor": 3**0.5, "kurtosis": 1.8}),
    "lecun_truncated": (
        truncated,
        "lecun",
        {"factor": 2 / TRUNCATED_STD, "kurtosis": 2.3655},
    ),
}


def battery(kind, f=None, **changes):
    make, rule, extra = RIGHT[kind]
    rule = RULES[rule]
    options = {"name": kind}
    if extra:
        options["bound"] = bound_of(rule, extra["factor"])
        options["kurtosis"] = extra["kurtosis"]
    checks.initializer_battery(f or make(rule), rule, **{**options, **changes})


# ---- bands -------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "rate"), [(30, 8e-9), (1000, 2.3e-9), (40_000, 2e-9)])
def test_checks_std_band_has_the_rate_it_states(n, rate):
    """The exact false-alarm rate for normal draws (chi-squared) is as documented."""
    band = checks.std_band(n)
    # n s^2 / sigma^2 is chi-squared with n - 1 degrees of freedom (ddof 0)
    high = stats.chi2.sf(n * (1 + band) ** 2, n - 1)
    low = stats.chi2.cdf(n * max(1 - band, 0) ** 2, n - 1)
    assert high + low < rate


@pytest.mark.parametrize(("draw", "kurtosis"), [("normal", 3), ("uniform", 1.8)])
def test_checks_std_band_is_the_spread_of_sample_stds(draw, kurtosis):
    """One sigma of the band is the measured standard error of a sample's std."""
    rng = np.random.default_rng(1)
    samples = getattr(rng, draw)(size=(4000, 500))
    true_std = 1 if draw == "normal" else 12**-0.5
    spread = samples.std(axis=1).std() / true_std
    # the standard error of a std from 4000 values is 1.1 %: six of them
    assert spread == pytest.approx(checks.std_band(500, 1, kurtosis), rel=0.067)


def test_checks_has_std_and_mean_name_known_values():
    """Right draws pass; a known wrong std or mean is named."""
    x = np.random.default_rng(2).normal(3, 2, 10_000)
    checks.has_std(x, 2, "f()", known=[(4, "variance")])
    checks.has_mean(x, 3, 2, "f()")
    with pytest.raises(Incorrect, match="Hint: variance for std"):
        checks.has_std(x, 4, "f()", known=[(2, "variance for std")])
    with pytest.raises(Incorrect, match=r"expected a mean of 0 \+- 0\.12.*\n.*shift"):
        checks.has_mean(x, 0, 2, "f()", known=[(3, "shifted")])
    with pytest.raises(Incorrect, match="finite"):
        checks.has_std([np.nan, 1.0], 1, "f()")


# ---- the battery -------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", RIGHT)
def test_checks_battery_accepts_right_initializers(kind, monkeypatch):
    """No false alarm on right initializers from twenty seeds (stated rate: 1e-7)."""
    for seed in range(20):
        monkeypatch.setenv("CHECKS_SEED", str(seed))
        battery(kind)


@pytest.mark.soak
@pytest.mark.parametrize("kind", RIGHT)
def test_checks_battery_accepts_right_initializers_a_thousand_times(kind, monkeypatch):
    """No false alarm on right initializers from a thousand seeds."""
    for seed in range(1000):
        monkeypatch.setenv("CHECKS_SEED", str(seed))
        battery(kind)


def scaled(std):
    """Return a normal initializer of the standard deviation `std(fan_in, fan_out)`."""

    def initializer(fan_in, fan_out, rng, gain=1):
        return gain * std(fan_in, fan_out) * rng.normal(size=(fan_in, fan_out))

    return initializer


def box(bound, low=-1.0):
    """Return a uniform initializer of the bound `bound(fan_in, fan_out)`."""

    def initializer(fan_in, fan_out, rng, gain=1):
        return gain * bound(fan_in, fan_out) * rng.uniform(low, 1, (fan_in, fan_out))

    return initializer


def reseeds(fan_in, fan_out, rng, gain=1):
    rng = np.random.default_rng(0)
    return gain * rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))


def reseeds_globally(fan_in, fan_out, rng, gain=1):
    draws = np.random.RandomState(42).randn(fan_in, fan_out)
    return gain * (2 / (fan_in + fan_out)) ** 0.5 * draws


def own_generator(fan_in, fan_out, rng, gain=1):
    return normal(RULES["glorot"])(fan_in, fan_out, np.random.default_rng(), gain)


def global_draws(fan_in, fan_out, rng, gain=1):
    draws = np.random.randn(fan_in, fan_out)  # noqa: NPY002
    return gain * (2 / (fan_in + fan_out)) ** 0.5 * draws


def one_neuron(fan_in, fan_out, rng, gain=1):
    column = normal(RULES["glorot"])(fan_in, fan_out, rng, gain)[:, :1]
    return np.tile(column, (1, fan_out))


def one_row(fan_in, fan_out, rng, gain=1):
    row = normal(RULES["glorot"])(fan_in, fan_out, rng, gain)[:1]
    return np.tile(row, (fan_in, 1))


def two_neurons_equal(fan_in, fan_out, rng, gain=1):
    w = normal(RULES["glorot"])(fan_in, fan_out, rng, gain)
    w[:, 1] = w[:, 0]
    return w


def shared_part(fan_in, fan_out, rng, gain=1):
    std = gain * np.sqrt(1 / (fan_in + fan_out))
    return std * (rng.normal(size=(fan_in, fan_out)) + rng.normal(size=(fan_in, 1)))


def clipped(fan_in, fan_out, rng, gain=1):
    std = gain * np.sqrt(1 / fan_in)
    return std * np.clip(rng.normal(size=(fan_in, fan_out)), -2, 2) / 0.9594


def truncated_uncorrected(fan_in, fan_out, rng, gain=1):
    return TRUNCATED_STD * truncated(RULES["lecun"])(fan_in, fan_out, rng, gain)


def gain_of(power):
    def initializer(fan_in, fan_out, rng, gain=1):
        return normal(RULES["glorot"])(fan_in, fan_out, rng, gain**power)

    return initializer


def changed(change):
    def initializer(fan_in, fan_out, rng, gain=1):
        return change(normal(RULES["glorot"])(fan_in, fan_out, rng, gain))

    return initializer


def with_nan(w):
    w[0, 0] = np.nan
    return w


WRONG = {
    # misplaced square root
    "root_of_two_only": (
        "glorot_normal",
        scaled(lambda i, o: 2**0.5 / (i + o)),
        "root",
    ),
    "root_of_fans_only": (
        "glorot_normal",
        scaled(lambda i, o: 2 / (i + o) ** 0.5),
        "root",
    ),
    "root_he_two_only": ("he_normal", scaled(lambda i, o: 2**0.5 / i), "misplaced"),
    "root_he_fan_only": ("he_normal", scaled(lambda i, o: 2 / i**0.5), "misplaced"),
    "root_twice": ("he_normal", scaled(lambda i, o: (2 / i) ** 0.25), "taken twice"),
    # variance used as standard deviation
    "variance_as_std": (
        "glorot_normal",
        scaled(RULES["glorot"]),
        "variance is used as",
    ),
    "variance_as_std_lecun": (
        "lecun_normal",
        scaled(RULES["lecun"]),
        "variance is used",
    ),
    # fans
    "swapped_lecun": ("lecun_normal", normal(lambda i, o: 1 / o), "swapped"),
    "swapped_he": ("he_uniform", uniform(lambda i, o: 2 / o), "swapped"),
    "swapped_truncated": ("lecun_truncated", truncated(lambda i, o: 1 / o), "swapped"),
    "fan_in_only": ("glorot_normal", normal(lambda i, o: 1 / i), "1 / fan_in is used"),
    "fan_out_only": ("glorot_uniform", uniform(lambda i, o: 1 / o), "1 / fan_out is"),
    "he_for_lecun": ("lecun_normal", normal(lambda i, o: 2 / i), "2 times"),
    "he_as_printed": ("he_normal", normal(lambda i, o: 1 / (2 * i)), "0.25 times"),
    "sum_not_average": ("glorot_normal", normal(lambda i, o: 1 / (i + o)), "0.5 times"),
    # means
    "mean_of_variances": (
        "glorot_normal",
        normal(lambda i, o: (1 / i + 1 / o) / 2),
        "mean of the variances",
    ),
    "mean_of_stds": (
        "glorot_normal",
        scaled(lambda i, o: (i**-0.5 + o**-0.5) / 2),
        "mean of two standard",
    ),
    "geometric_mean": (
        "glorot_normal",
        normal(lambda i, o: (i * o) ** -0.5),
        "geometric mean",
    ),
    # bounds
    "zero_to_a": ("glorot_uniform", box(bound_of(RULES["glorot"]), 0), "[-a, a]"),
    "bound_is_std": (
        "glorot_uniform",
        box(lambda i, o: (2 / (i + o)) ** 0.5),
        "bound is the standard deviation",
    ),
    "bound_as_std": (
        "glorot_normal",
        scaled(lambda i, o: (6 / (i + o)) ** 0.5),
        "used as a standard deviation",
    ),
    "normal_for_uniform": ("glorot_uniform", normal(RULES["glorot"]), "look normal"),
    "uniform_for_normal": ("glorot_normal", uniform(RULES["glorot"]), "look uniform"),
    "clipped": ("lecun_truncated", clipped, "clipping"),
    "not_corrected": ("lecun_truncated", truncated_uncorrected, "a constant factor"),
    # numbers that should follow the shape
    "hard_coded": ("glorot_normal", scaled(lambda i, o: 0.01), "hard-coded"),
    "hard_coded_uniform": ("glorot_uniform", box(lambda i, o: 0.05), "hard-coded"),
    # chance
    "reseeds": ("glorot_normal", reseeds, "seed set inside"),
    "reseeds_globally": ("glorot_normal", reseeds_globally, "seed set inside"),
    "own_generator": ("glorot_normal", own_generator, "do not come from `rng`"),
    "global_draws": ("glorot_normal", global_draws, "do not come from `rng`"),
    "one_neuron_repeated": ("glorot_normal", one_neuron, "repeated"),
    "one_row_repeated": ("glorot_normal", one_row, "repeated"),
    "two_neurons_equal": ("glorot_normal", two_neurons_equal, "repeated"),
    "correlated": ("glorot_normal", shared_part, "independent neurons"),
    "constant": (
        "lecun_normal",
        lambda i, o, rng, gain=1: np.ones((i, o)),
        "same weights",
    ),
    # type, shape, value
    "transposed": ("glorot_normal", changed(np.transpose), "transposed"),
    "flat": ("glorot_normal", changed(np.ravel), "expected shape (400, 100)"),
    "a_list": ("glorot_normal", changed(np.ndarray.tolist), "expected an array"),
    "nan": ("glorot_normal", changed(with_nan), "1 of 40000 NaN"),
    "returns_none": ("glorot_normal", changed(lambda w: None), "without `return`"),
    # gain
    "gain_ignored": ("glorot_normal", gain_of(0), "`gain` is ignored"),
    "gain_on_the_variance": ("glorot_normal", gain_of(0.5), "not the variance"),
    "gain_squared": ("glorot_normal", gain_of(2), "applied twice"),
    "gain_divides": ("glorot_normal", gain_of(-1), "divides"),
}


@pytest.mark.parametrize("name", WRONG)
def test_checks_battery_names_the_mistake(name, monkeypatch):
    """Every wrong initializer is refused from every seed, and its mistake named."""
    kind, f, says = WRONG[name]
    for seed in range(3):
        monkeypatch.setenv("CHECKS_SEED", str(seed))
        with pytest.raises(Incorrect) as caught:
            battery(kind, f)
        said = str(caught.value)
        assert said.startswith(f"{kind}(400, 100, rng")
        assert says in said


def test_checks_battery_without_gain_leaves_it_out():
    """An initializer that takes no gain is not asked for one."""
    rule = RULES["lecun"]
    f = lambda fan_in, fan_out, rng: normal(rule)(fan_in, fan_out, rng)  # noqa: E731
    checks.initializer_battery(f, rule, gain=False)
    with pytest.raises(Incorrect, match="TypeError"):
        checks.initializer_battery(f, rule)


def test_checks_battery_tells_not_attempted():
    """The stub is not attempted, under its own name."""

    def my_init(fan_in, fan_out, rng, gain=1):
        raise NotImplementedError()

    with pytest.raises(checks.NotAttempted, match="my_init is still"):
        checks.initializer_battery(my_init, RULES["he"])
