"""Known mistakes of unit 0, and how a check looks at an answer.

A function that is named after an item is its table: for the arguments of a call it
returns pairs, what a mistake gives and the sentence that names the mistake. The other
functions are steps of checks that are too long to be read in the notebook; what they
must find is there. No right answer is in here.
"""

import numpy as np

import checks

RESTORE = "write the kept number back; adding eps and taking it off again rounds"
KEPT = "W holds the last step still: write the kept number back before you go on"
REBOUND = (
    "the net still computes with the old arrays: `v = new` binds a name to another"
    " array; np.copyto(v, new) changes the numbers in it"
)
ANOTHER = (
    "the parameter has become another array, and whoever holds the old one does not"
    " see it: write into the array, np.copyto(v, new)"
)
ALIAS = (
    "the net holds the caller's own array (an alias): what the caller does with it"
    " happens to the net; copy the numbers"
)
BROADCAST = (
    "np.copyto and v[...] = new broadcast: a row, a column or a number fills the whole"
    " array without a word; compare the shapes first"
)
STRAY = "a name that the net does not have is a spelling mistake of the caller's"


# ------------------------------------------------------------------------- an operation


def softsign_node(node, x, kinds):
    """Check that a node was made by one operation, in the documented way.

    Parameters
    ----------
    node, x
        What the answer gave, and what it was given.
    kinds : (class, class)
        dp.Node and dp.Operation.
    """
    text = "softsign(x)"
    checks.true(
        isinstance(node, kinds[0]),
        text,
        "expected a dp.Node, got something else",
        hint="call the operation with the node; inside it the formula works on arrays",
    )
    checks.true(
        len(node.parents) > 0,
        text,
        "expected a node of the graph, got one without parents",
        hint="a node made from an array by hand remembers no parents; call a"
        " dp.Operation with the node",
    )
    checks.true(
        isinstance(node.operation, kinds[1]) and node.operation.name == "softsign",
        text,
        f"expected a node made by a dp.Operation called 'softsign', got"
        f" {node.operation}",
        hint="this is put together from operations that exist: right numbers, but"
        " several nodes in place of one operation with a rule of its own",
    )
    checks.true(
        len(node.parents) == 1 and node.parents[0] == x,
        text,
        "expected the node `x` itself as the only parent of the result",
        hint="call the operation with `node`, not with a copy of it",
    )


def softsign(x):
    """Know mistakes in the formula."""
    return [
        (x, "this is the input itself"),
        (np.tanh(x), "this is tanh"),
        (x / (1 + np.exp(-x)), "this is x times the sigmoid"),
        (x / (1 + x), "the absolute value is missing: negative inputs need it as well"),
        (np.abs(x) / (1 + np.abs(x)), "the sign is lost: the numerator is x"),
    ]


def softsign_slope(x, y, g):
    """Know mistakes in the rule for the way back, from the function's values y."""
    size = 1 + np.abs(x)
    return [
        (
            g * np.abs(np.sign(x)) / size**2,
            "at 0 the slope is 1: both sides meet there without a corner",
        ),
        (g / size, "this is 1 / (1 + |x|): the square is missing"),
        (g * (1 - y**2), "this is 1 - y^2, the slope of tanh"),
        (g * y, "this is the function itself, and its derivative is wanted"),
        (g * size**2, "the rule multiplies by (1 + |x|)^2; it must divide"),
        (
            g / (1 + x) ** 2,
            "the absolute value is missing: negative inputs need it as well in the"
            " derivative too",
        ),
        (
            lambda want: want / g,
            "g is left out: multiply the slope by the gradient that arrives",
        ),
        (lambda want: g + want / g, "g is added: the chain rule multiplies"),
        (
            lambda want: want * np.where(x < 0, -1, 1),
            "the slope of softsign is positive on both sides",
        ),
        (
            lambda want: want * (x > 0),
            "negative inputs pass a gradient, too",
        ),
    ]


def softsign_checked(answer, x, kinds, value, g, gradient):
    """Check the node, its value, and the gradient that its rule passes back."""
    given = np.array(x.value)
    node = checks.call(answer, x)
    softsign_node(node, x, kinds)
    text = f"softsign(x) for x = Node({given.tolist()})"
    checks.close(node.value, value, text, known=softsign(given))
    checks.unchanged(given, x.value, text, "the value of x")
    checks.run(lambda: node.backward(np.array(g, dtype=float)))
    text = f"x.gradient after softsign(x).backward({g})"
    checks.true(x.gradient is not None, text, "expected a gradient, got None")
    known = softsign_slope(given, np.array(value), np.array(g, dtype=float))
    checks.close(x.gradient, gradient, text, known=known)


# -------------------------------------------------------------------- measured gradients


def numeric_grad(f, W, eps):
    """Know mistakes in central differences of f, a sum of cubes and something else."""
    one_sided = (
        "these are one-sided differences, with an error that shrinks only like eps:"
        " step to both sides"
    )
    everywhere = (f(W + eps) - f(W - eps)) / (2 * eps)
    return [
        (lambda want: want + 3 * W * eps, one_sided),
        (lambda want: want - 3 * W * eps, one_sided),
        (
            lambda want: 2 * want,
            "the two steps are 2 eps apart: divide by 2 eps",
        ),
        (
            lambda want: 2 * eps * want,
            "divide by the distance of the two steps, 2 eps",
        ),
        (lambda want: want / 2, "the two steps are 2 eps apart, and not 4 eps"),
        (
            np.full(W.shape, everywhere),
            "all entries are moved at once; move one at a time",
        ),
        (everywhere, "one number for each entry of W is wanted"),
        (lambda want: -want, "the sign is turned: f(W + eps E) comes first"),
        (
            np.zeros(W.shape),
            "f never saw a change: hand it an array with one entry moved",
        ),
        (lambda want: want.ravel(), "give the result the shape of W"),
        (lambda want: want.T, "this is the transpose of what is wanted"),
        (
            lambda want: want - eps**2,
            "is eps the step that was taken, to both sides?",
        ),
        (
            lambda want: want - eps**2 + 1e-8,
            "is eps the step that was taken, to both sides?",
        ),
    ]


def measured(answer, f, W, eps, want):
    """Check measured slopes, and that W is as it was."""
    before = W.copy()
    text = f"numeric_grad(f, W, {eps}), W of shape {W.shape}"
    known = numeric_grad(f, before, eps)
    got = checks.call(answer, f, W, eps)
    off = np.abs(before - W).max()
    if off > eps / 2:
        checks.unchanged(before, W, text, "W", KEPT)
    hint = "when an entry is moved, all others must be as they were"
    checks.close(got, want, text, known=known, hint=hint)
    checks.unchanged(before, W, text, "W", RESTORE)


# --------------------------------------------------------------------- parameters in place


def assigned(answer, made, chosen):
    """Assign ramps to some parameters of a fresh net, and look at everything.

    Parameters
    ----------
    answer : callable
        The student's function.
    made : callable
        Makes the same net at each call.
    chosen : list of str
        The names that are given.
    """
    net = made()
    start = {name: array.copy() for name, array in net.get_param().items()}
    held = {
        f"{layer}_{kind}": getattr(getattr(net, layer), kind).T
        for layer in ("hidden", "out")
        for kind in ("weight", "bias")
    }
    new = {k: 1.0 + np.arange(start[k].size).reshape(start[k].shape) for k in chosen}
    given = {name: array.copy() for name, array in new.items()}
    text = f"assign_params(net, new) with new for {', '.join(chosen)}"
    old = checks.run(answer, net, new)
    missing = "a function without `return` gives None" if old is None else ""
    checks.true(
        isinstance(old, dict),
        text,
        "expected a dict with the old values, got something else",
        hint=missing,
    )
    now = net.get_param()
    for name in start:
        want = given.get(name, start[name])
        known = [(start[name], REBOUND)]
        checks.close(now[name], want, f"{name} after {text}", known=known)
    for name in chosen:
        checks.unchanged(given[name], new[name], text, f"new[{name!r}]")
        known = [(start[name].T, ANOTHER)]
        where = f"{name} as whoever held it before {text} sees it"
        checks.close(held[name].value, given[name].T, where, known=known)
    checks.equal(
        sorted(old),
        sorted(chosen),
        f"names in the result of {text}",
        hint="return the old values of what is in `new`, and only these",
    )
    for name in chosen:
        copied = "this is the new value: copy the old one before you overwrite it"
        known = [(given[name], copied)]
        checks.close(old[name], start[name], f"{text}[{name!r}]", known=known)


def refused(answer, made, error, stray, array, hint):
    """Assign a good entry and then a bad one: an error, and nothing has changed."""
    net = made()
    start = {name: array.copy() for name, array in net.get_param().items()}
    new = {"hidden_weight": np.ones((3, 4)), stray: array}
    checks.raises(error, answer, net, new, hint=hint)
    found = "bad" if error is ValueError else "unknown"
    what = "one" if error is ValueError else "name"
    for name, now in net.get_param().items():
        checks.close(
            now,
            start[name],
            f"{name} after assign_params(net, new) with a good entry and an"
            f" {found if found == 'unknown' else 'ill-shaped'} one",
            hint=f"some entries were written before the {found} {what} was found: look"
            " at all of them first, then write",
        )


def check_assigning(answer, kind, reuse):
    """Check an assignment of some parameters, and two that must change nothing.

    `kind(rng)` makes a net.

    `reuse(answer, new, rng)` assigns `new` to a fresh net, fills the same arrays with
    99, and returns the parameters of the net.
    """

    def made():
        return kind(checks.rng(3))

    assigned(answer, made, ["out_weight", "hidden_bias"])
    ramp = np.arange(8.0).reshape(4, 2)
    after = checks.call(reuse, answer, {"out_weight": ramp}, checks.rng(3))
    where = "out_weight, when the caller has used the arrays of `new` again"
    known = [(np.full((4, 2), 99.0), ALIAS)]
    checks.close(after["out_weight"], np.arange(8.0).reshape(4, 2), where, known=known)
    refused(answer, made, ValueError, "out_weight", np.ones((1, 2)), BROADCAST)
    refused(answer, made, KeyError, "hidden_wieght", np.ones((3, 4)), STRAY)
