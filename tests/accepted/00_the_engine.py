"""Accepted variants of unit 0: different right programs, each worth full marks."""

# %% accepted={"item": "prediction", "name": "another-honest-guess"}
my_exponent = -15

# %% accepted={"item": "prediction", "name": "between-two-powers"}
my_exponent = -7.5


# %% accepted={"item": "softsign", "name": "rule-from-the-output"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g * (1 - np.abs(y)) ** 2,
    )(node)


# %% accepted={"item": "softsign", "name": "kept-for-the-rule"}
def forward(values):
    size = 1 + abs(values)
    return values / size, size


def backward(upstream, output, values, size):
    return upstream * size**-2.0


one_for_all = dp.Operation("softsign", forward, backward)


def softsign(node):
    return one_for_all(node, name="")


# %% accepted={"item": "softsign", "name": "two-branches"}
def softsign(node, *, scale=1.0):
    def forward(x, scale):
        return np.where(x < 0, x / (1 - np.minimum(x, 0)), x / (1 + np.maximum(x, 0)))

    def rule(g, y, x, scale):
        up, down = 1 + np.maximum(x, 0), 1 - np.minimum(x, 0)
        return g * np.where(x < 0, 1 / down**2, 1 / up**2)

    return dp.Operation("softsign", forward, rule)(node, options=(scale,))


# %% accepted={"item": "softsign", "name": "engine-function-as-class"}
class Softsign(dp.Operation):
    def __init__(self):
        super().__init__("softsign", self.value, self.share)

    @staticmethod
    def value(x):
        return x / (np.abs(x) + 1)

    @staticmethod
    def share(g, y, x):
        return np.divide(g, np.square(1 + np.abs(x)))


softsign = Softsign()


# %% accepted={"item": "numeric-grad", "name": "on-copies"}
def numeric_grad(f, W, eps):
    gradient = np.empty_like(W)
    for index in np.ndindex(*W.shape):
        up, down = W.copy(), W.copy()
        up[index] += eps
        down[index] -= eps
        gradient[index] = (f(up) - f(down)) / eps / 2
    return gradient


# %% accepted={"item": "numeric-grad", "name": "unit-matrices-backwards"}
def numeric_grad(f, W, eps=1e-5):
    slopes = np.zeros(W.size)
    for i in reversed(range(W.size)):
        step = np.zeros(W.size)
        step[i] = eps
        step = step.reshape(W.shape)
        slopes[i] = (f(W + step) - f(W - step)) / (2 * eps)
    return slopes.reshape(W.shape)


# %% accepted={"item": "numeric-grad", "name": "nditer-in-place"}
def numeric_grad(f, W, eps):
    slopes = np.zeros_like(W)
    walk = np.nditer(W, flags=["multi_index"], op_flags=["readwrite"])
    with walk:
        for entry in walk:
            kept = entry.item()
            values = []
            for sign in (1, -1):
                entry[...] = kept + sign * eps
                values.append(f(W))
            entry[...] = kept
            slopes[walk.multi_index] = (values[0] - values[1]) / (2 * eps)
    return slopes


# %% accepted={"item": "numeric-grad", "name": "nested-list"}
def numeric_grad(f, W, eps):
    def along(index):
        if len(index) == W.ndim:
            V = W.copy()
            V[index] = W[index] + eps
            above = f(V)
            V[index] = W[index] - eps
            return (above - f(V)) / (2 * eps)
        return [along((*index, i)) for i in range(W.shape[len(index)])]

    return along(())


# %% accepted={"item": "assign-params", "name": "slices"}
def assign_params(net, new):
    live = net.get_param()
    if not set(new) <= set(live):
        raise KeyError(sorted(set(new) - set(live)))
    if any(np.shape(new[name]) != live[name].shape for name in new):
        raise ValueError("shapes differ")
    old = {}
    for name in new:
        old[name] = np.array(live[name])
        live[name][:] = new[name]
    return old


# %% accepted={"item": "assign-params", "name": "by-set-param"}
def assign_params(net, new):
    live = net.get_param()
    old = {name: live[name].copy() for name in new}
    net.set_param(new)
    return old


# %% accepted={"item": "assign-params", "name": "undo-on-error"}
def assign_params(net, new, verbose=False):
    live, old = net.get_param(), {}
    try:
        for name, value in reversed(new.items()):
            before = live[name].copy()
            if np.asarray(value).shape != before.shape:
                raise ValueError(f"{name}: {np.asarray(value).shape}")
            live[name][...] = value
            old[name] = before
    except (KeyError, ValueError):
        for name, value in old.items():
            live[name][...] = value
        raise
    return old


# %% accepted={"item": "assign-params", "name": "through-the-nodes"}
def assign_params(net, new):
    nodes = dict(net._parameters)
    for name in new:
        if nodes[name].shape != np.asarray(new[name]).shape:
            raise ValueError(name)
    old = {name: nodes[name].value + 0.0 for name in new}
    for name in sorted(new):
        value = nodes[name].value
        value *= 0
        value += new[name]
    return old
