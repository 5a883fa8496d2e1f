"""Known mistakes of unit 1, and how a check looks at an answer.

A function that is named after an item is its table: for the arguments of a call it
returns pairs, what a mistake gives and the sentence that names the mistake. The other
functions are steps of checks that are too long to be read in the notebook; what they
must find is there. No right answer is in here.
"""

import numpy as np

import checks

KEYS = ["W1", "W2", "b1", "b2", "hidden", "loss"]
CENTRING = (
    "columns must be centred: the next layer's bias takes care of a constant, so an"
    " affine copy 2 h + 3 adds nothing"
)
STRICT = "compare with >, not with >="
RELATIVE = "tol is relative to the largest singular value, and H has no fixed unit"
IGNORED = "tol is not looked at"
SQUARES = "compare the singular values with tol, not their squares"
FROZEN = (
    "this start is treated as if zero never moved anything; with sigmoid the hidden"
    " layer says .5 at zero, so W2 moves first, and then everything"
)

# ------------------------------------------------------------------------------ the rank


def _waves():
    """Make four columns of mean zero, orthogonal and of length 1, with eight rows."""
    signs = 1 - 2 * ((np.arange(8)[:, None] >> np.arange(3)) & 1)
    return np.column_stack([signs, signs[:, 0] * signs[:, 1]]) / np.sqrt(8)


def check_rank(answer, equal, copies, total, constant, sizes):
    """Check the rank of five layers.

    Parameters
    ----------
    answer : callable
        The student's function.
    equal, copies, total, constant, sizes : int
        The ranks wanted of three equal columns; of h, -h and 2 h + 3; of two columns
        and their sum; of columns of .5; and of four columns with the singular values
        10, 1, .1 and .01, for tol = .089.
    """
    h = np.array([[1.0], [2.0], [4.0], [-3.0], [0.5]])
    one = "one neuron that varies is one, not none"
    rows = "this counts rows (examples) and not neurons"
    row = "centre each column (axis 0), not each row"
    if checks.call(answer, np.hstack([h, 2 * h + 3]), 1e-9) == 0:
        row = one  # that is lost however it is centred
    layers = {
        "three equal columns": (
            np.tile(h, 3),
            1e-9,
            equal,
            {0: row, 3: "identical neurons count once", 5: rows},
        ),
        "columns h, -h and 2 h + 3": (
            np.hstack([h, -h, 2 * h + 3]),
            1e-9,
            copies,
            {
                0: one,
                3: "distinct columns are counted; -h adds nothing to h",
                2: CENTRING,
                5: rows,
            },
        ),
        "two columns and their sum": (
            np.hstack([h, h**2, h + h**2]),
            1e-9,
            total,
            {3: "columns are compared two at a time; one can depend on several others"},
        ),
        "four columns of .5": (
            np.full((8, 4), 0.5),
            1e-9,
            constant,
            {1: CENTRING, 4: STRICT},
        ),
        "singular values 10, 1, .1 and .01": (
            _waves() * [10, 1, 0.1, 0.01],
            0.089,
            sizes,
            {4: IGNORED, 3: RELATIVE, 1: SQUARES},
        ),
    }
    for name, (layer, tol, want, known) in layers.items():
        before = layer.copy()
        text = f"hidden_rank(H, {tol:g}) for {name}"
        got = checks.call(answer, layer, tol)
        checks.unchanged(before, layer, text, "H")
        integer = "a rank is an int"
        if isinstance(got, float) and got == want:
            checks.equal(got, want, text, hint=integer)
        checks.equal(got, want, text, known=known)


# -------------------------------------------------------------------------- the training

SLIPS = {
    "sum": "the gradient is that of the summed loss; the mean divides by n",
    "flat at zero": "the slope is taken as 0 where the pre-activation is 0: tanh'(0) is"
    " 1, its largest value (it is tanh(0) that is 0)",
    "slope of tanh": "this is the slope of tanh, 1 - h^2; each activation has its own",
    "no slope": "the slope of the activation is left out of the gradient of W1 and b1",
    "new W2": "W2 is changed before the hidden layer's gradient is computed: all four"
    " gradients belong to the parameters before the step",
    "uphill": "the gradient is added: this goes uphill",
    "only last": "only the last layer is trained",
    "no bias": "`bias` is not looked at: it is the start of b1",
    "bias c": "the hidden biases start at `bias`, and c is for the weights",
    "last bias": "the last bias starts at 0, whatever `bias` is",
    "old hidden": "the activations are those before the last step; compute them again",
}
# What a slip gives in the three trainings of a check: last loss, first activation.
SLIPPED = {
    "tanh": {
        "sum": (0.125342, -0.221848),
        "flat at zero": (0.288677, -0.076717),
        "no slope": (0.281465, -0.056888),
        "new W2": (0.287936, -0.072408),
        "uphill": (1.039291, -0.10003),
        "only last": (0.324021, -0.049958),
        "bias c": (0.312934, 0.143665),
        "old hidden": (0.288671, -0.06843),
    },
    "bias": {
        "no bias": (0.288671, -0.071639),
        "last bias": (0.293939, -0.021998),
        "old hidden": (0.293824, 0.025947),
    },
    "sigmoid": {
        "only last": (0.673012, 0.5),
        "slope of tanh": (0.619219, 0.461409),
        "no slope": (0.585169, 0.460343),
        "sum": (0.294581, 0.35669),
    },
}


def check_training(answer, tanh, bias, sigmoid):
    """Check three trainings: the last loss and the first activation of each.

    Parameters
    ----------
    answer : callable
        The student's function.
    tanh, bias, sigmoid : (float, float)
        What is wanted from (.5, "tanh", x, y, .3, 20), from the same with bias = .25,
        and from (0, "sigmoid", x, y, .5, 40).
    """
    x = np.array([[0.2, -0.3], [1.0, 0.5], [0.0, 0.0], [0.4, 0.9], [-1.1, -0.6]])
    y = np.array([0, 1, 1, 1, 0])
    runs = {
        "tanh": ((0.5, "tanh", x, y, 0.3, 20), {}, tanh),
        "bias": ((0.5, "tanh", x, y, 0.3, 20), {"bias": 0.25}, bias),
        "sigmoid": ((0, "sigmoid", x, y, 0.5, 40), {}, sigmoid),
    }
    for name, (args, options, want) in runs.items():
        text = checks.describe(answer, *args, **options)
        got = checks.call(answer, *args, **options)
        _looks_trained(got, args, text)
        if name == "sigmoid" and abs(got["loss"][-1] - np.log(2)) < 1e-9:
            checks.fail(text, "expected the loss to fall, and it has not", FROZEN)
        known = [(np.array(w), SLIPS[slip]) for slip, w in SLIPPED[name].items()]
        pair = [np.asarray(got["loss"])[-1], np.asarray(got["hidden"])[0, 0]]
        where = f"last loss and hidden[0, 0] of {text}"
        checks.close(pair, want, where, rtol=1e-5, atol=2e-6, known=known)


def _looks_trained(got, args, text):
    """Check keys, shapes, the first loss, and that four neurons stay alike."""
    checks.kind(got, dict, text)
    checks.equal(sorted(got), KEYS, f"keys of {text}")
    steps = args[-1]
    shapes = {"W1": (2, 4), "b1": (1, 4), "W2": (4, 1), "b2": (1, 1)}
    for key, shape in {**shapes, "hidden": (5, 4), "loss": (steps,)}.items():
        checks.shape(got[key], shape, f'{text}["{key}"]')
        checks.finite(got[key], f'{text}["{key}"]')
    summed = [(5 * np.log(2), "this is the sum over the examples; the mean is wanted")]
    if args[0] == 0:
        first = got["loss"][0]
        checks.close(first, np.log(2), f"first loss of {text}", known=summed)
    elif got["loss"][0] > 2:
        checks.fail(
            f"first loss of {text}",
            f"expected a mean below 1, got {got['loss'][0]:.4g}",
            summed[0][1],
        )
    for key in ("W1", "hidden"):
        checks.true(
            np.ptp(got[key], axis=1).max() < 1e-9,
            text,
            f"expected the four neurons to stay alike in {key}, and they differ",
            hint="equal neurons get equal gradients: is there chance in the start?",
        )


# ------------------------------------------------------------------------------ who moves


def who_moves(act, c, bias, balanced):
    """Know mistakes in saying which parameters move."""
    every, none = ["W1", "W2", "b1", "b2"], []
    if c > 0:
        where = "balance matters only where all weights are 0: p is .5 for every"
        return [(none, where + " example there")]
    if balanced:
        even = "with balanced labels and p = .5 the mean of p - y is zero, and all"
        even += " examples look alike to the last layer: nothing moves"
        return [(["b2"], even), (every, even), (["W2", "b2"], even)]
    known = [
        (
            none,
            "zero never moves anything? b2 has the gradient mean(p - y), which is not"
            " 0; look at what each layer is given",
        )
    ]
    if bias > 0:
        ones = "a hidden bias that is not 0 makes H different from 0, so W2 has a"
        ones += " gradient, and after it W1 and b1"
        if bias < 1:
            ones += "; bias = 1 is no special case"
        known += [(["b2"], ones)]
    elif act == "sigmoid":
        half = "the sigmoid of 0 is .5, so H is not 0: W2 has a gradient, and then W1"
        known += [(["b2"], half + " and b1")]
    else:
        known += [
            (
                every,
                "H is 0, so W2 has no gradient; and W2 is 0, so W1 and b1 have none",
            )
        ]
    first = "this is the first step only: once W2 has moved, W1 and b1 have a gradient"
    slope = "is the slope of the activation taken as 0 at 0? tanh'(0) is 1, and"
    return [
        *known,
        (["W2", "b2"], first + " too"),
        (["W2", "b1", "b2"], slope + " sigmoid'(0) .25"),
    ]


def moves(answer, case, want):
    """Check the names that an answer gives for one case, in whatever collection."""
    got = checks.call(answer, *case)
    text = checks.describe(answer, *case)
    kinds = set | frozenset | list | tuple
    checks.true(isinstance(got, kinds), text, "expected a set of names, got no set")
    checks.equal(sorted(set(got)), sorted(want), text, known=who_moves(*case))
