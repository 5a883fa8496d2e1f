"""Known mistakes of unit 5, and how a check looks at an initializer or a net.

Functions that are named after an item take what a check gives them and return pairs:
what a mistake gives, and the sentence that names the mistake. The others are steps of
checks that are too long to be read in the notebook. No right answer is in here.
"""

import numpy as np

import checks

WHATEVER = "a bias is (1, fan_out), whatever fan_in"
NET_SHAPES = [(1, 1), (1, 10), (1, 20), (10, 1), (20, 10), (30, 20)]


# -------------------------------------------------------------- initializers of a class


def own_draws(kind, name, fans, calls=200, method="initial_weights"):
    """Draw from one object again and again, and return all that was drawn.

    Parameters
    ----------
    kind : class
        The student's initializer.
    name : str
        What it is called.
    fans : (int, int)
        fan_in and fan_out.
    """
    text = f"{name}(rng).{method}{fans}"
    made = checks.call(kind, checks.rng(1))
    drawn = [checks.call(getattr(made, method), *fans) for _ in range(calls)]
    want, hint = (fans, "") if method == "initial_weights" else ((1, fans[1]), WHATEVER)
    checks.shape(drawn[0], want, text, hint=hint)
    checks.true(
        not np.array_equal(drawn[0], drawn[1]) or method == "initial_bias",
        text,
        "expected fresh draws at each call, got the same weights twice",
        hint="draw from self.rng at each call; a seed, zeros and constants keep what"
        " should differ alike",
    )
    return np.concatenate(drawn)


def weights(kind, name, std, kurtosis):
    """Check the standard deviation and the kind of the weights that a class draws."""
    values = own_draws(kind, name, (10, 4))
    text = f"{name}(rng).initial_weights(10, 4), 200 draws pooled"
    # Six standard errors of 8000 draws, normal or with lighter tails.
    table = checks.known_mistakes(f"weights_{name}", 10, 4)
    checks.has_std(values, std, text, known=table)
    sign = "no weight is negative: draw from [-a, a], not from [0, a]"
    checks.has_mean(values, 0, std, text, hint=sign if values.min() >= 0 else "")
    looks(values, kurtosis, text)


def looks(values, kurtosis, text):
    """Tell normal draws from uniform ones, and from neither.

    The standard error of the kurtosis of 4000 draws is .08 (normal) or .02 (uniform).
    """
    came = float(np.mean(values**4) / np.mean(values**2) ** 2)
    other = {3.0: (1.8, "uniform"), 1.8: (3.0, "normal")}[kurtosis]
    checks.true(
        abs(came - kurtosis) < 0.55,
        text,
        f"expected the kurtosis {kurtosis:g}, got {came:.2f}",
        hint=f"these draws look {other[1]}"
        if abs(came - other[0]) < 0.55
        else "these draws are neither uniform nor normal",
    )


def battery(kind, name, variance, bound=None):
    """Put the weights that a class draws on trial."""
    checks.initializer_battery(
        lambda fan_in, fan_out, rng: kind(
            np.random.default_rng(rng.integers(2**63))
        ).initial_weights(fan_in, fan_out),
        variance,
        bound=bound,
        gain=False,
        name=f"{name}(rng).initial_weights",
    )


def bias(kind, name, largest):
    """Check the shape of a bias, and that no entry is larger than it may be."""
    hint = {
        "LowInitializer": "biases are parameters too: near 0, or 0, and not 1 as some"
        " texts have it",
        "XavierInitializer": "the shape of a bias gives fan_in 1, so"
        " sqrt(6 / (1 + fan_out)) is no property of the layer; biases start at zero",
        "LeCunInitializer": "the shape of a bias gives fan_in 1, so a rule that divides"
        " by fan_in draws it from N(0, 1); biases start at zero",
    }[name]
    for fans in ((1, 20), (30, 20), (1, 1)):
        values = own_draws(kind, name, fans, 2, "initial_bias")
        text = f"largest entry of {name}(rng).initial_bias{fans}"
        checks.between(np.abs(values).max(), 0, largest, text, hint=hint)


def drawn_bias(kind, name, std, kurtosis):
    """Check that biases are drawn, each entry on its own, and from what."""
    for fans in ((30, 20), (1, 1)):
        own_draws(kind, name, fans, 2, "initial_bias")
    values = own_draws(kind, name, (1, 20), 200, "initial_bias")
    text = f"{name}(rng).initial_bias(1, 20)"
    drawn = "all parameters are drawn, biases too"
    pooled = f"{text}, 200 draws pooled"
    different = np.unique(values[0]).size
    checks.true(
        different == 20 or not values.any(),
        text,
        f"expected 20 different draws, got {different}",
        hint="one number is drawn for all units of the layer: draw (1, fan_out) of them",
    )
    checks.has_std(values, std, pooled, known=[(0, drawn)])
    checks.has_mean(values, 0, std, pooled)
    looks(values, kurtosis, pooled)


def weights_LowInitializer(fan_in, fan_out):
    """Know mistakes in weights close to zero."""
    return [
        (0.001**2, "the variance is used as the standard deviation"),
        (np.sqrt(0.001), ".001 is the standard deviation, not the variance"),
        (0.001 / np.sqrt(3), "these weights are uniform with the bound .001"),
        (0.001 / np.sqrt(fan_in), "every weight has the std .001, whatever the fans"),
    ]


def weights_LargeInitializer(fan_in, fan_out):
    """Know mistakes in large weights."""
    return [
        (100 / np.sqrt(12), "these draws are from [0, 100]; draw from [-100, 100]"),
        (100, "100 is the bound, not the standard deviation"),
        (1 / np.sqrt(3), "these draws are from [-1, 1]"),
    ]


def weights_NormalInitializer(fan_in, fan_out):
    """Know mistakes in standard normal weights."""
    scaled = "the fans give the shape and do not scale the weights"
    return [
        (0.01, "0.01 is hard-coded; the standard normal distribution has the std 1"),
        (fan_in**-0.5, scaled),
        ((fan_in + fan_out) ** -0.5, scaled),
        ((2 / (fan_in + fan_out)) ** 0.5, scaled),
        (1 / np.sqrt(3), "these draws are uniform, from [-1, 1]"),
    ]


def weights_XavierInitializer(fan_in, fan_out):
    """Know mistakes in Glorot's rule."""
    mean = 2 / (fan_in + fan_out)
    return [
        (fan_in**-0.5, "this is LeCun's rule, 1/fan_in; Xavier averages the fans"),
        (fan_out**-0.5, "this follows fan_out alone; Xavier averages the fans"),
        (np.sqrt(mean / 3), "the bound is the standard deviation"),
        (
            np.sqrt((1 / fan_in + 1 / fan_out) / 2),
            "this is the mean of the variances; average the fans",
        ),
        (np.sqrt(2 / fan_in), "2/fan_in is the rule for rectifiers"),
        (np.sqrt(mean / 2), "1 over the sum is half the variance: average the fans"),
    ]


def weights_LeCunInitializer(fan_in, fan_out):
    """Know mistakes in LeCun's rule."""
    return [
        (fan_out**-0.5, "fan_in and fan_out are swapped"),
        (
            np.sqrt(2 / (fan_in + fan_out)),
            "this is Glorot's rule; LeCun's is 1/fan_in",
        ),
        (1 / fan_in, "the variance is used as the standard deviation"),
        (np.sqrt(2 / fan_in), "2/fan_in is the rule for rectifiers"),
    ]


# ------------------------------------------------------------------ the class that sets


def initialized(net, marks):
    """Let an initializer that writes marks set a net, and look who wrote what."""
    text = "initializer.initialize(net)"
    checks.run(marks.initialize, net)
    after = net.get_param()
    old = [key for key, array in after.items() if np.any(np.abs(array) < 1)]
    checks.true(
        not old,
        text,
        f"expected new values in every array, but {', '.join(old)} still hold the old"
        " ones",
        hint="`v = W` rebinds a name and `np.copyto(v, W)` changes the net: copy in"
        " place"
        if len(old) == len(after)
        else "every bias is set, too"
        if all(key.endswith("bias") for key in old)
        else "every layer has to be set",
    )
    for key, array in after.items():
        _by_the_right_method(key, array, text)
    return after


def _by_the_right_method(key, array, text):
    """Say which rule took a weight for a bias, or the other way round."""
    sign, method = (1, "weights") if key.endswith("weight") else (-1, "bias")
    hint = ""
    if array.shape[0] == 1 and sign > 0:
        hint = "a row is taken for a bias; a layer with one input has such weights, so"
        hint += " look at the name"
    elif "weighted" in key:
        hint = "'weight' in key is true for every parameter of a layer called"
        hint += ' "weighted": look at the end of the key'
    elif "unbiased" in key:
        hint = "'bias' in key is true for every parameter of a layer called"
        hint += ' "unbiased": look at the end of the key'
    checks.true(
        np.all(sign * array > 0),
        text,
        f"expected {key!r} to be set by initial_{method}, and the other method did it",
        hint=hint,
    )


def initializer_calls(marks, after, layers):
    """Check how often the two methods were called, and that no result is used twice."""
    text = "initializer.initialize(net)"
    calls = {"weights": marks.weight_calls, "bias": marks.bias_calls}
    for method, sign in (("weights", 1), ("bias", -1)):
        kind = "weight" if sign > 0 else "bias"
        marked = {float(sign * after[f"{name}_{kind}"][0, 0]) for name in layers}
        checks.true(
            len(marked) == len(layers),
            text,
            f"expected a fresh call of initial_{method} for each layer, got"
            f" {len(marked)} different results in {len(layers)} layers",
            hint="layers of one shape need draws of their own",
        )
        came, most = len(calls[method]), len(layers)
        both = "both methods are called for each array, and one result is thrown away"
        again = "touch every layer once: another round of draws replaces the first"
        same_order = [tuple(call) for call in calls["weights"]] == [
            tuple(call) for call in calls["bias"]
        ]
        checks.true(
            came == most,
            f"calls of initial_{method} for {most} layers",
            f"expected {most} calls, got {came}",
            hint=both if same_order else again,
        )


# -------------------------------------------------------------------------- the examiner


def examine(check_initializer):
    """Try an examiner on three right initializers and four wrong ones."""
    root = np.sqrt
    rules = {
        "1 / fan_in": lambda fan_in, fan_out: 1 / fan_in,
        "1 / fan_out": lambda fan_in, fan_out: 1 / fan_out,
        "1": lambda fan_in, fan_out: 1.0,
    }
    draws = {
        "a normal one": lambda i, o, rng: rng.normal(0, i**-0.5, (i, o)),
        "a uniform one": lambda i, o, rng: rng.uniform(-1, 1, (i, o)) * root(3 / o),
        "N(0, 1)": lambda i, o, rng: rng.standard_normal((i, o)),
        "swapped fans": lambda i, o, rng: rng.normal(0, o**-0.5, (i, o)),
        "a variance 40 % too large": lambda i, o, rng: rng.normal(0, root(1.4 / i), (i, o)),
        "no weight below zero": lambda i, o, rng: rng.uniform(0, root(12 / i), (i, o)),
        "the same weights at each call": lambda i, o, rng: np.random.default_rng(
            5
        ).normal(0, i**-0.5, (i, o)),
    }
    right = {"a normal one": "1 / fan_in", "a uniform one": "1 / fan_out", "N(0, 1)": "1"}
    for name, draw in draws.items():
        rule = right.get(name, "1 / fan_in")
        _judged(check_initializer, draw, rules[rule], name, rule, name in right)


def _judged(check_initializer, draw, rule, name, variance, right):
    """Check that an examiner accepts what is right, and refuses what is not."""
    text = f"check_initializer(f, rule) for {name}, rule {variance}"
    found = checks.call(check_initializer, draw, rule)
    checks.true(
        isinstance(found, list) and all(isinstance(line, str) for line in found),
        text,
        f"expected a list of strings, got {type(found).__name__}",
        hint="collect sentences with problems.append(...) and return the list",
    )
    if right:
        hint = f"too strict: this one is right; your test said: {found[:1]}"
        checks.length(found, 0, text, hint=hint)
    else:
        problem = "expected a complaint, got an empty list"
        checks.true(len(found) > 0, text, problem, hint=f"too loose: {name} passes")


# ------------------------------------------------------------------------------ the net

# At the parameters and inputs of `net`, what a mistake gives for the first example.
FORWARD = [
    (-0.370199, "the sigmoid at the end is missing"),
    (-0.354166, "the last layer has a tanh; it needs a sigmoid"),
    (0.400566, "the first tanh is missing"),
    (0.403522, "the second tanh is missing"),
    (0.394977, "both tanh are missing"),
    (0.616419, "the hidden layers have a sigmoid; they need tanh"),
    (0.599314, "ReLU in place of tanh"),
]
LOSS = [
    (lambda want: want / 3, "this is the mean; the loss is the sum over all examples"),
    (lambda want: -want, "the sign is wrong: a cross-entropy is not negative"),
    ([[0.342338]], "the examples with label 0 have a term too: (1 - y) log(1 - p)"),
    ([[3.318382]], "the examples with label 1 have a term too: y log(p)"),
    ([[2.586831]], "the sigmoid is applied twice"),
    ([[2.196701]], "the labels are used the wrong way round"),
    ([[1.132214]], "this is the squared error"),
    (
        [[10.414050]],
        "labels may be (n,) or (n, 1): a row against a column broadcasts to (n, n)",
    ),
]


def net(kind, first, loss):
    """Check the probability of one example and the loss of three, at given parameters."""
    made = checks.call(kind)
    params = made.get_param()
    checks.equal(
        sorted(value.shape for value in params.values()),
        NET_SHAPES,
        "shapes of Net().get_param(), sorted",
        hint="the layers are 30 -> 20 -> 10 -> 1, with a bias for each",
    )
    wave = {k: 0.5 * np.cos(1 + 7 * np.arange(v.size)) for k, v in params.items()}
    given = {name: wave[name].reshape(value.shape) for name, value in params.items()}
    checks.run(made.set_param, given)
    x, y = np.sin(np.arange(90.0)).reshape(3, 30), np.array([0, 1, 0])
    came = checks.call(made.forward, x)
    checks.true(
        hasattr(came, "value"),
        "net.forward(x)",
        "expected a Node, got something without `.value`",
        hint="work with Nodes all the way, so that gradients can flow back",
    )
    checks.shape(came.value, (3, 1), "net.forward(x) with 3 examples")
    text = "net.forward(x)[0], at parameters that the check has set"
    checks.close(came.value[0, 0], first, text, rtol=1e-5, known=FORWARD)
    text = "net.loss(x, y) for the labels 0, 1, 0"
    came = checks.call(made.loss, x, y).value
    checks.close(came, [[loss]], text, rtol=1e-5, known=LOSS)
    gradients, _ = checks.call(made.get_grad, x, y)
    for name, gradient in gradients.items():
        checks.true(
            np.any(gradient),
            f"gradient of {name!r}",
            "expected a gradient, got zeros",
            hint="the loss must be computed with Nodes all the way: `.value` and np.log"
            " break the chain",
        )
    _loss_of_a_certain_net(made, given, x[:1])


def _loss_of_a_certain_net(made, given, x):
    """Check the loss where the probability of class 1 rounds to 1."""
    sure = {k: np.full(v.shape, 50.0 * (v.size == 1)) for k, v in given.items()}
    checks.run(made.set_param, sure)
    hint = (
        "a probability that rounds to 1 has lost its output: log(1 - p) is a logarithm"
        " of 0. Compute the loss from the outputs before the sigmoid"
    )
    text = "net.loss(x, y) for one example with output 50 and label 0"
    came = checks.call(made.loss, x, np.array([0.0])).value
    checks.finite(came, text, hint=hint)
    checks.close(came, [[50.0]], text, hint=hint)
