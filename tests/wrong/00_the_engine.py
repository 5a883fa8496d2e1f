"""The named wrong solutions of unit 0: each must lose its item and be told why."""

# %% wrong={"item": "prediction", "name": "no-prediction", "says": "no prediction yet"}
my_exponent = None

# %% wrong={"item": "prediction", "name": "infinite", "says": "expected a finite number"}
my_exponent = float("-inf")

# %% wrong={"item": "prediction", "name": "in-words", "says": "expected a number"}
my_exponent = "the smallest"

# %% wrong={"item": "prediction", "name": "the-step-itself", "says": "from -15 to -1"}
my_exponent = 1e-5


# %% wrong={"item": "softsign", "name": "derivative-without-abs", "says": "absolute value is missing: negative inputs need it as well in"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g / (1 + x) ** 2,
    )(node)


# %% wrong={"item": "softsign", "name": "formula-without-abs", "says": "absolute value is missing"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + x),
        lambda g, y, x: g / (1 + np.abs(x)) ** 2,
    )(node)


# %% wrong={"item": "softsign", "name": "gradient-overwritten", "says": "is overwritten: shares are added up"}
def softsign(node):
    def rule(g, y, x):
        node.gradient = g / (1 + np.abs(x)) ** 2
        return np.zeros_like(x)

    return dp.Operation("softsign", lambda x: x / (1 + np.abs(x)), rule)(node)


# %% wrong={"item": "softsign", "name": "g-left-out", "says": "g is left out"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: 1 / (1 + np.abs(x)) ** 2,
    )(node)


# %% wrong={"item": "softsign", "name": "square-missing", "says": "the square is missing"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g / (1 + np.abs(x)),
    )(node)


# %% wrong={"item": "softsign", "name": "slope-of-tanh", "says": "the slope of tanh"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g * (1 - y**2),
    )(node)


# %% wrong={"item": "softsign", "name": "slope-zero-at-zero", "says": "at 0 the slope is 1"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g * np.abs(np.sign(x)) / (1 + np.abs(x)) ** 2,
    )(node)


# %% wrong={"item": "softsign", "name": "odd-slope", "says": "positive on both sides"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g * np.where(x < 0, -1, 1) / (1 + np.abs(x)) ** 2,
    )(node)


# %% wrong={"item": "softsign", "name": "constant-node", "says": "remembers no parents"}
def softsign(node):
    return dp.Node(node.value / (1 + np.abs(node.value)))


# %% wrong={"item": "softsign", "name": "an-array", "says": "expected a dp.Node"}
def softsign(node):
    return node.value / (1 + np.abs(node.value))


# %% wrong={"item": "softsign", "name": "the-operation-itself", "says": "expected a dp.Node", "replace": true}
# -     operation = dp.Operation(
# +     return dp.Operation(

# -     return operation(node)


# %% wrong={"item": "softsign", "name": "composed", "says": "one operation with a rule of its own"}
def softsign(node):
    return node / (1 + node.abs())


# %% wrong={"item": "softsign", "name": "on-a-copy", "says": "as the only parent"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g / (1 + np.abs(x)) ** 2,
    )(dp.Node(node))


# %% wrong={"item": "softsign", "name": "behind-another-node", "says": "as the only parent"}
def softsign(node):
    return dp.Operation(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda g, y, x: g / (1 + np.abs(x)) ** 2,
    )(node * 1.0)


# %% wrong={"item": "softsign", "name": "input-overwritten", "says": "the value of x"}
def softsign(node):
    def forward(x):
        size = 1 + np.abs(x)
        x /= size
        return x.copy(), size

    return dp.Operation("softsign", forward, lambda g, y, x, size: g / size**2)(node)


# %% wrong={"item": "numeric-grad", "name": "forward-difference", "says": "one-sided differences"}
def numeric_grad(f, W, eps):
    gradient, here = np.zeros(W.shape), f(W)
    for index in np.ndindex(W.shape):
        kept = W[index]
        W[index] = kept + eps
        gradient[index] = (f(W) - here) / eps
        W[index] = kept
    return gradient


# %% wrong={"item": "numeric-grad", "name": "backward-difference", "says": "one-sided differences"}
def numeric_grad(f, W, eps):
    gradient, here = np.zeros(W.shape), f(W)
    for index in np.ndindex(W.shape):
        kept = W[index]
        W[index] = kept - eps
        gradient[index] = (here - f(W)) / eps
        W[index] = kept
    return gradient


# %% wrong={"item": "numeric-grad", "name": "own-coarse-step", "says": "is eps the step", "replace": true}
# -     gradient = np.zeros(W.shape)
# +     eps, gradient = 1e-4, np.zeros(W.shape)

# -         below = f(W)
# +         gradient[index] = (above - f(W)) / (2 * eps)
#           W[index] = kept
# -         gradient[index] = (above - below) / (2 * eps)

# %% wrong={"item": "numeric-grad", "name": "not-restored", "says": "W holds the last step still", "replace": true}
# -         below = f(W)
# -         W[index] = kept
# -         gradient[index] = (above - below) / (2 * eps)
# +         gradient[index] = (above - f(W)) / (2 * eps)


# %% wrong={"item": "numeric-grad", "name": "restored-by-arithmetic", "says": "write the kept number back"}
def numeric_grad(f, W, eps):
    gradient = np.zeros(W.shape)
    for index in np.ndindex(W.shape):
        W[index] += eps
        above = f(W)
        W[index] -= 2 * eps
        gradient[index] = (above - f(W)) / (2 * eps)
        W[index] += eps
    return gradient


# %% wrong={"item": "numeric-grad", "name": "restored-too-late", "says": "all others must be as they were"}
def numeric_grad(f, W, eps):
    gradient, start = np.zeros(W.shape), W.copy()
    for index in np.ndindex(W.shape):
        W[index] = start[index] + eps
        above = f(W)
        W[index] = start[index] - eps
        gradient[index] = (above - f(W)) / (2 * eps)
    W[...] = start
    return gradient


# %% wrong={"item": "numeric-grad", "name": "divided-by-eps", "says": "2 eps apart"}
def numeric_grad(f, W, eps):
    gradient = np.zeros(W.shape)
    for index in np.ndindex(W.shape):
        up, down = W.copy(), W.copy()
        up[index] += eps
        down[index] -= eps
        gradient[index] = (f(up) - f(down)) / eps
    return gradient


# %% wrong={"item": "numeric-grad", "name": "not-divided", "says": "divide by the distance"}
def numeric_grad(f, W, eps):
    gradient = np.zeros(W.shape)
    for index in np.ndindex(W.shape):
        up, down = W.copy(), W.copy()
        up[index] += eps
        down[index] -= eps
        gradient[index] = f(up) - f(down)
    return gradient


# %% wrong={"item": "numeric-grad", "name": "all-at-once", "says": "move one at a time"}
def numeric_grad(f, W, eps):
    return np.full(W.shape, (f(W + eps) - f(W - eps)) / (2 * eps))


# %% wrong={"item": "numeric-grad", "name": "one-number", "says": "one number for each entry"}
def numeric_grad(f, W, eps):
    return (f(W + eps) - f(W - eps)) / (2 * eps)


# %% wrong={"item": "numeric-grad", "name": "squares-only", "says": "expected shape (2, 3), got shape (2, 2)"}
def numeric_grad(f, W, eps):
    n = len(W)
    gradient = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            up, down = W.copy(), W.copy()
            up[i, j] += eps
            down[i, j] -= eps
            gradient[i, j] = (f(up) - f(down)) / (2 * eps)
    return gradient


# %% wrong={"item": "numeric-grad", "name": "two-axes-only", "says": "one entry only where W has two axes"}
def numeric_grad(f, W, eps):
    gradient = np.zeros(W.shape)
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            up, down = W.copy(), W.copy()
            up[i, j] += eps
            down[i, j] -= eps
            gradient[i, j] = (f(up) - f(down)) / (2 * eps)
    return gradient


# %% wrong={"item": "numeric-grad", "name": "flat-copy", "says": "can be copies"}
def numeric_grad(f, W, eps):
    flat, gradient = W.reshape(-1), np.zeros(W.size)
    for i in range(W.size):
        kept = flat[i]
        flat[i] = kept + eps
        above = f(W)
        flat[i] = kept - eps
        gradient[i] = (above - f(W)) / (2 * eps)
        flat[i] = kept
    return gradient.reshape(W.shape)


# %% wrong={"item": "numeric-grad", "name": "change-never-seen", "says": "f never saw a change"}
def numeric_grad(f, W, eps):
    gradient = np.zeros(W.shape)
    for index in np.ndindex(W.shape):
        up, down = W.copy(), W.copy()
        up[index] += eps
        down[index] -= eps
        gradient[index] = (f(W) - f(W)) / (2 * eps)
    return gradient


# %% wrong={"item": "numeric-grad", "name": "sign-turned", "says": "the sign is turned"}
def numeric_grad(f, W, eps):
    gradient = np.zeros(W.shape)
    for index in np.ndindex(W.shape):
        up, down = W.copy(), W.copy()
        up[index] += eps
        down[index] -= eps
        gradient[index] = (f(down) - f(up)) / (2 * eps)
    return gradient


# %% wrong={"item": "numeric-grad", "name": "flattened", "says": "the shape of W"}
def numeric_grad(f, W, eps):
    slopes = []
    for index in np.ndindex(W.shape):
        up, down = W.copy(), W.copy()
        up[index] += eps
        down[index] -= eps
        slopes.append((f(up) - f(down)) / (2 * eps))
    return np.array(slopes)


# %% wrong={"item": "assign-params", "name": "rebinding", "says": "binds a name to another"}
def assign_params(net, new):
    live = net.get_param()
    for name, value in new.items():
        if name not in live:
            raise KeyError(name)
        if np.shape(value) != live[name].shape:
            raise ValueError(name)
    old = {name: live[name].copy() for name in new}
    for name, v in live.items():
        if name in new:
            v = new[name]
    return old


# %% wrong={"item": "assign-params", "name": "rebinding-the-dict", "says": "binds a name to another"}
def assign_params(net, new):
    live = net.get_param()
    for name, value in new.items():
        if name not in live:
            raise KeyError(name)
        if np.shape(value) != live[name].shape:
            raise ValueError(name)
    old = {name: live[name].copy() for name in new}
    live.update(new)
    return old


# %% wrong={"item": "assign-params", "name": "another-array", "says": "has become another array"}
def assign_params(net, new):
    live = net.get_param()
    for name, value in new.items():
        if name not in live:
            raise KeyError(name)
        if np.shape(value) != live[name].shape:
            raise ValueError(name)
    old = {name: live[name].copy() for name in new}
    for layer in (net.hidden, net.out):
        for node in (layer.weight, layer.bias):
            if node.name in new:
                node.value = new[node.name].copy()
    return old


# %% wrong={"item": "assign-params", "name": "alias-behind-a-copy", "says": "the caller's own array"}
def assign_params(net, new):
    live = net.get_param()
    for name, value in new.items():
        if name not in live:
            raise KeyError(name)
        if np.shape(value) != live[name].shape:
            raise ValueError(name)
    old = {name: live[name].copy() for name in new}
    for layer in (net.hidden, net.out):
        for node in (layer.weight, layer.bias):
            if node.name in new:
                node.value[...] = new[node.name]
                node.value = new[node.name]
    return old


# %% wrong={"item": "assign-params", "name": "old-not-copied", "says": "copy the old one before"}
def assign_params(net, new):
    live = net.get_param()
    for name, value in new.items():
        if name not in live:
            raise KeyError(name)
        if np.shape(value) != live[name].shape:
            raise ValueError(name)
    old = {name: live[name] for name in new}
    for name, value in new.items():
        np.copyto(live[name], value)
    return old


# %% wrong={"item": "assign-params", "name": "nothing-returned", "says": "without `return` gives None"}
def assign_params(net, new):
    net.set_param(new)


# %% wrong={"item": "assign-params", "name": "all-returned", "says": "only these"}
def assign_params(net, new):
    old = {name: array.copy() for name, array in net.get_param().items()}
    net.set_param(new)
    return old


# %% wrong={"item": "assign-params", "name": "broadcast", "says": "compare the shapes first"}
def assign_params(net, new):
    live = net.get_param()
    old = {name: live[name].copy() for name in new}
    for name, value in new.items():
        np.copyto(live[name], value)
    return old


# %% wrong={"item": "assign-params", "name": "sizes-compared", "says": "compare the shapes first"}
def assign_params(net, new):
    live = net.get_param()
    for name, value in new.items():
        if name not in live:
            raise KeyError(name)
        if np.size(value) != live[name].size:
            raise ValueError(name)
    old = {name: live[name].copy() for name in new}
    for name, value in new.items():
        np.copyto(live[name], np.reshape(value, live[name].shape))
    return old


# %% wrong={"item": "assign-params", "name": "checked-on-the-way", "says": "before the bad one was found"}
def assign_params(net, new):
    live, old = net.get_param(), {}
    for name, value in new.items():
        if name not in live:
            raise KeyError(name)
        if np.shape(value) != live[name].shape:
            raise ValueError(name)
        old[name] = live[name].copy()
        np.copyto(live[name], value)
    return old


# %% wrong={"item": "assign-params", "name": "names-on-the-way", "says": "before the unknown name was found"}
def assign_params(net, new):
    live, old = net.get_param(), {}
    for name, value in new.items():
        if name in live and np.shape(value) != live[name].shape:
            raise ValueError(name)
    for name, value in new.items():
        old[name] = live[name].copy()
        np.copyto(live[name], value)
    return old


# %% wrong={"item": "assign-params", "name": "unknown-names-skipped", "says": "a spelling mistake"}
def assign_params(net, new):
    live = net.get_param()
    for name, value in live.items():
        if name in new and np.shape(new[name]) != value.shape:
            raise ValueError(name)
    old = {name: live[name].copy() for name in new if name in live}
    for name in old:
        np.copyto(live[name], new[name])
    return old


# %% wrong={"item": "assign-params", "name": "swapped", "says": "expected new['out_weight'] to be left as it was"}
def assign_params(net, new):
    live = net.get_param()
    for name, value in new.items():
        if name not in live:
            raise KeyError(name)
        if np.shape(value) != live[name].shape:
            raise ValueError(name)
    old = {name: live[name].copy() for name in new}
    for name, value in new.items():
        np.copyto(live[name], value)
        np.copyto(value, old[name])
    return old
