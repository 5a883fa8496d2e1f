"""Accepted variants of unit 1: different right programs, each worth full marks."""

# %% accepted={"item": "prediction", "name": "another-honest-guess"}
my_count = 0

# %% accepted={"item": "prediction", "name": "in-doubt"}
my_count = 2.5


# %% accepted={"item": "hidden-rank", "name": "by-matrix-rank"}
def hidden_rank(H, tol=1e-9):
    return np.linalg.matrix_rank(H - np.mean(H, 0, keepdims=True), rtol=tol)


# %% accepted={"item": "hidden-rank", "name": "by-loop"}
def hidden_rank(H, tol):
    centred = np.array([column - np.mean(column) for column in np.transpose(H)])
    values = sorted(np.linalg.svd(centred)[1], reverse=True)
    count = 0
    while count < len(values) and values[count] > tol * values[0]:
        count += 1
    return count


# %% accepted={"item": "hidden-rank", "name": "by-norm"}
def hidden_rank(H, tol):
    n = len(H)
    centred = (np.eye(n) - np.full((n, n), 1 / n)) @ H
    largest = np.linalg.norm(centred, 2)
    if largest == 0:
        return 0
    return sum(1 for s in np.linalg.svd(centred, False, False) if s / largest > tol)


# %% accepted={"item": "train-constant-init", "name": "by-the-engine"}
import dp


def train_constant_init(c, act, x, y, rate, steps, bias=0.0):
    if act not in ("sigmoid", "tanh", "relu"):
        raise ValueError(act)

    class Small(dp.Model):
        def __init__(self):
            super().__init__(np.random.default_rng(0))
            self.first = self.Linear_Layer(x.shape[1], 4, "first")
            self.second = self.Linear_Layer(4, 1, "second")

        def hidden(self, x):
            return getattr(self.first(x), act)()

        def forward(self, x):
            return self.second(self.hidden(x))

        def loss(self, x, y):
            return dp.bce_with_logits(self.forward(x), y)

    net = Small()
    live = net.get_param()
    live["first_weight"][...] = live["second_weight"][...] = c
    live["first_bias"][...] = bias
    live["second_bias"][...] = 0
    optimiser = dp.SGD(net, x, y, {"alpha": rate}, batch_size=None)
    history = optimiser.train(steps, print_each=0)
    names = {"W1": "first_weight", "b1": "first_bias"}
    names |= {"W2": "second_weight", "b2": "second_bias"}
    found = {key: live[name] for key, name in names.items()}
    return {**found, "hidden": net.hidden(x).value, "loss": history.loss}


# %% accepted={"item": "train-constant-init", "name": "example-by-example"}
def train_constant_init(c, act, x, y, rate, steps, bias=0):
    if act == "sigmoid":
        f, slope = lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)
    elif act == "tanh":
        f, slope = np.tanh, lambda h: (1 - h) * (1 + h)
    elif act == "relu":
        f, slope = lambda z: z * (z > 0), lambda h: np.sign(h)
    else:
        raise ValueError("no such activation")
    d = x.shape[1]
    W1, b1 = c * np.ones((d, 4)), bias * np.ones(4)
    W2, b2, loss = c * np.ones(4), 0.0, []
    for _ in range(steps):
        total, g1, gb1, g2, gb2 = 0.0, 0 * W1, 0 * b1, 0 * W2, 0.0
        for row, label in zip(x, y):
            h = f(row @ W1 + b1)
            p = 1 / (1 + np.exp(-(h @ W2 + b2)))
            total -= np.log(p if label else 1 - p)
            g2, gb2 = g2 + (p - label) * h, gb2 + p - label
            back = (p - label) * W2 * slope(h)
            g1, gb1 = g1 + np.outer(row, back), gb1 + back
        loss.append(total / len(x))
        step = rate / len(x)
        W1, b1, W2, b2 = (
            W1 - step * g1,
            b1 - step * gb1,
            W2 - step * g2,
            b2 - step * gb2,
        )
    return {
        "loss": loss,
        "hidden": f(x @ W1 + b1),
        "b2": [[b2]],
        "W2": W2[:, None],
        "b1": b1[None],
        "W1": W1,
    }


# %% accepted={"item": "train-constant-init", "name": "one-neuron-four-times"}
def train_constant_init(c, act, x, y, rate, steps, bias=0.0):
    activations = {
        "sigmoid": (lambda z: 0.5 + 0.5 * np.tanh(z / 2), lambda h: h - h * h),
        "tanh": (np.tanh, lambda h: 1 - h * h),
        "relu": (lambda z: np.where(z > 0, z, 0), lambda h: np.where(h > 0, 1, 0)),
    }
    try:
        f, slope = activations[act]
    except KeyError:
        raise ValueError(act) from None
    w, b = np.full(x.shape[1], c, float), float(bias)
    v, a, losses = float(c), 0.0, []
    for _ in range(steps):
        h = f(x @ w + b)
        p = 1 / (1 + np.exp(-(4 * v * h + a)))
        losses.append(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))
        error = (p - y) / len(y)
        below = error * v * slope(h)
        v, a = v - rate * error @ h, a - rate * np.sum(error)
        w, b = w - rate * below @ x, b - rate * np.sum(below)
    h = f(x @ w + b)
    return dict(
        W1=np.column_stack([w] * 4),
        b1=np.full((1, 4), b),
        W2=np.full((4, 1), v),
        b2=np.array([[a]]),
        hidden=np.column_stack([h] * 4),
        loss=np.array(losses),
    )


# %% accepted={"item": "who-moves", "name": "by-formula"}
def who_moves(act, c, bias, balanced):
    f = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh}
    silent = f.get(act, lambda z: max(z, 0))(bias) == 0
    moving = set()
    if c or not balanced:
        moving.add("b2")
    if c or not (balanced or silent):
        moving |= {"W1", "b1", "W2"}
    return moving


# %% accepted={"item": "who-moves", "name": "list-by-cases"}
def who_moves(act, c, bias, balanced=False):
    if c != 0:
        return ["b2", "W2", "b1", "W1"]
    if balanced:
        return []
    if bias == 0 and act in ("tanh", "relu"):
        return ["b2"]
    return ["b2", "W2", "b1", "W1"]


# %% accepted={"item": "who-moves", "name": "by-trying"}
def who_moves(act, c, bias, balanced):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 3)), np.arange(10) % 2
    if not balanced:
        y[0] = 1
    f = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
    f = f.get(act, lambda z: 1 / (1 + np.exp(-z)))
    start = [np.full((3, 2), c), np.full(2, bias), np.full(2, c), np.zeros(1)]
    now = [a.astype(float) for a in start]
    for _ in range(4):
        h = f(x @ now[0] + now[1])
        slope = {"tanh": 1 - h * h, "relu": h > 0}.get(act, h * (1 - h))
        e = 1 / (1 + np.exp(-(h @ now[2] + now[3]))) - y
        d = e[:, None] * now[2] * slope
        steps = [x.T @ d, d.sum(0), h.T @ e, e.sum()]
        now = [a - 0.1 * g for a, g in zip(now, steps)]
    pairs = zip(("W1", "b1", "W2", "b2"), start, now)
    return frozenset(k for k, a, b in pairs if np.abs(a - b).max() > 1e-9)
