"""Other right programs for unit 4: each must get full marks."""

# %% accepted={"item": "prediction", "name": "zero"}
my_powers = 0
lab.predict("u4.a1", my_powers)


# %% accepted={"item": "prediction", "name": "numpy-float"}
my_powers = np.float64(5.5)


# %% accepted={"item": "prediction", "name": "out-of-range"}
my_powers = 1_000_000


# %% accepted={"item": "backward-trace", "name": "index-loops-and-einsum"}
def backward_trace(weights, biases, x, y):
    def sigmoid(z):
        return np.where(z >= 0, 1, np.exp(-abs(z))) / (1 + np.exp(-abs(z)))

    count, depth = len(x), len(weights)
    a = {0: x}
    for k in range(depth):
        a[k + 1] = sigmoid(np.einsum("ij,jk->ik", a[k], weights[k]) + biases[k])
    dz = {depth: (a[depth] - np.asarray(y, float).reshape(count, 1)) / count}
    for k in range(depth - 1, 0, -1):
        da = np.einsum("ik,jk->ij", dz[k + 1], weights[k])
        dz[k] = da * (a[k] - a[k] ** 2)
    trace = []
    for k in range(1, depth + 1):
        dW = np.einsum("ij,ik->jk", a[k - 1], dz[k])
        trace += [(dz[k], dW, np.sqrt(np.einsum("jk,jk->k", dW, dW)))]
    return trace


# %% accepted={"item": "backward-trace", "name": "columns-as-the-seed"}
def backward_trace(weights, biases, x, y, check=False):
    """Work on transposes, as the seed does, and turn everything round at the end."""
    a = [np.array(x).T]
    for W, b in zip(weights, biases):
        a.append(0.5 * (1 + np.tanh((W.T @ a[-1] + b.T) / 2)))
    dz = (a[-1] - np.ravel(y)[None, :]) / a[0].shape[1]
    trace = []
    for k in range(len(weights) - 1, -1, -1):
        dW = dz @ a[k].T
        trace.insert(0, [dz.T, dW.T, np.linalg.norm(dW, axis=1)])
        dz = (weights[k] @ dz) * a[k] * (1 - a[k])
    return tuple(trace)


# %% accepted={"item": "backward-trace", "name": "with-the-engine"}
def backward_trace(weights, biases, x, y):
    from dp import bce_with_logits

    nodes = [(Node(W), Node(b)) for W, b in zip(weights, biases)]
    a, zs = Node(x), []
    for W, b in nodes:
        zs.append(a @ W + b)
        a = zs[-1].sigmoid()
    bce_with_logits(zs[-1], np.reshape(y, (-1, 1))).backward()
    return [
        (z.gradient, W.gradient, np.hypot.reduce(W.gradient, axis=0))
        for z, (W, _) in zip(zs, nodes)
    ]


# %% accepted={"item": "predicted-decay", "name": "ifs"}
def predicted_decay(act, sigma_w, n):
    if act == "sigmoid":
        return sigma_w * n**0.5 / 4
    if act == "tanh":
        return sigma_w * n**0.5
    if act == "relu":
        return sigma_w * (n / 2) ** 0.5
    raise ValueError("unknown activation")


# %% accepted={"item": "predicted-decay", "name": "moments-by-draws-of-the-sign"}
def predicted_decay(act, sigma_w, n, small=1e-6):
    z = np.array([-small, small])
    mean_square = {
        "sigmoid": np.mean((np.exp(-z) / (1 + np.exp(-z)) ** 2) ** 2),
        "tanh": np.mean(np.cosh(z) ** -4),
        "relu": np.mean(np.heaviside(z, 0) ** 2),
    }
    try:
        return np.sqrt(n * mean_square[act]) * sigma_w
    except KeyError:
        raise ValueError(act) from None


# %% accepted={"item": "label-entropy", "name": "counter"}
def label_entropy(y):
    import math
    from collections import Counter

    counts = Counter(np.asarray(y).ravel().tolist())
    total = sum(counts.values())
    return sum(n / total * math.log(total / n) for n in counts.values())


# %% accepted={"item": "label-entropy", "name": "mean-over-examples"}
def label_entropy(y):
    y = np.ravel(y)
    share_of_own_class = np.mean(y[:, None] == y[None, :], axis=1)
    return np.mean(-np.log(share_of_own_class))


# %% accepted={"item": "explain-plateau", "name": "ratios"}
def explain_plateau(loss, y):
    k = len(loss) // 10
    before, late = np.reshape(np.asarray(loss)[-2 * k :], (2, k)).mean(axis=1)
    _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    entropy = -np.mean(np.log(counts / counts.sum())[np.ravel(inverse)])
    if late / before < 0.99:
        return "falling"
    if late / entropy < 0.99:
        return "input"
    if late / entropy > 1.01:
        return "nothing"
    return "prior"


# %% accepted={"item": "explain-plateau", "name": "plain-python"}
def explain_plateau(loss, y):
    import math

    values = [float(v) for v in loss]
    labels = np.ravel(y).tolist()
    k = len(values) // 10
    late, before = sum(values[-k:]) / k, sum(values[-2 * k : -k]) / k
    shares = [labels.count(c) / len(labels) for c in set(labels)]
    entropy = sum(-s * math.log(s) for s in shares)
    verdict = "prior"
    if late > entropy * 1.01:
        verdict = "nothing"
    elif late < entropy * 0.99:
        verdict = "input"
    return "falling" if before - late > 0.01 * before else verdict


# %% accepted={"item": "speed-of-learning", "name": "filled-array"}
def speed_of_learning(history):
    speeds = np.zeros((len(history[0]), len(history) - 1))
    for t in range(speeds.shape[1]):
        for k in range(speeds.shape[0]):
            old = np.ravel(history[t][k])
            change = np.ravel(history[t + 1][k]) - old
            speeds[k, t] = np.sqrt((change @ change) / (old @ old))
    return speeds


# %% accepted={"item": "speed-of-learning", "name": "layer-by-layer-in-lists"}
def speed_of_learning(history):
    result = []
    for layer in zip(*history):
        stacked = np.stack(layer)
        change = np.sqrt((np.diff(stacked, axis=0) ** 2).sum(axis=(1, 2)))
        result.append((change / np.sqrt((stacked[:-1] ** 2).sum(axis=(1, 2)))).tolist())
    return result


# %% accepted={"item": "centred-sigmoid-net", "name": "uniform-draws-and-tanh"}
def centred_sigmoid_net(widths, rng):
    class Net(Model):
        def __init__(self):
            super().__init__(rng)
            self.weights, self.biases = [], []
            for k in range(len(widths) - 1):
                size = widths[k], widths[k + 1]
                bound = np.sqrt(6 / sum(size))
                new = rng.uniform(-bound, bound, size)
                self.weights.append(self.Parameter(new, f"w{k}"))
                self.biases.append(self.Parameter(np.zeros((1, size[1])), f"b{k}"))

        def activations(self, x):
            outputs, last = [], len(self.weights) - 1
            for k, (W, b) in enumerate(zip(self.weights, self.biases)):
                z = Node(x) @ W + b if k == 0 else outputs[-1] @ W + b
                outputs.append(z.sigmoid() if k == last else (z * 0.5).tanh() * 0.5)
            return outputs

        def loss(self, x, y):
            p, y = self.activations(x)[-1], Node(y)
            return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    return Net()


# %% accepted={"item": "centred-sigmoid-net", "name": "sigmoid-layers-last-drawn-first"}
def centred_sigmoid_net(widths, rng):
    class Net(Model):
        def __init__(self):
            super().__init__(rng)
            self.stack = []
            for k, (fan_in, fan_out) in enumerate(pairwise(widths)):
                self.stack.append(self.Sigmoid_Layer(fan_in, fan_out, f"fc{k}"))
            for layer in reversed(self.stack):
                n = layer.fan_in + layer.fan_out
                draws = rng.standard_normal((layer.fan_in, layer.fan_out))
                layer.weight.value[...] = draws * (n / 2) ** -0.5

        def activations(self, x):
            outputs = []
            for layer in self.stack:
                outputs.append(layer(x))
                if layer is not self.stack[-1]:
                    outputs[-1] = outputs[-1] + -0.5
                x = outputs[-1]
            return outputs

        def loss(self, x, y):
            p, y = self.activations(x)[-1], Node(y)
            return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    return Net()


# %% accepted={"item": "dropout", "name": "binomial-and-where"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep = keep
        self.rng = rng

    def forward(self, x, train=True):
        self.heard = np.ones(x.shape, bool)
        self.scale = 1
        if train:
            self.heard = self.rng.binomial(1, self.keep, x.shape).astype(bool)
            self.scale = self.keep
        return np.where(self.heard, x / self.scale, 0.0)

    def backward(self, dy):
        return np.where(self.heard, dy / self.scale, 0.0)


# %% accepted={"item": "dropout", "name": "remembers-how-to-go-back"}
class Dropout:
    def __init__(self, keep, rng):
        def forward(x, train=True):
            if not train:
                self.backward = lambda dy: dy
                return x
            gone = rng.random(x.shape) >= keep
            factor = 1 / keep * ~gone
            self.backward = lambda dy: np.multiply(dy, factor)
            return x * factor

        self.forward = forward


# %% accepted={"item": "penalised", "name": "one-long-vector"}
def penalised(loss, weights, gradients, lam, kind):
    every = np.concatenate([W.ravel() for W in weights])
    if kind == "L1":
        return loss + lam * np.linalg.norm(every, 1), [
            g + lam * np.sign(W) for g, W in zip(gradients, weights)
        ]
    if kind != "L2":
        raise ValueError("kind must be L1 or L2")
    return loss + 0.5 * lam * (every @ every), [
        g + lam * W for g, W in zip(gradients, weights)
    ]


# %% accepted={"item": "penalised", "name": "table-of-rules"}
def penalised(loss, weights, gradients, lam, kind):
    rules = {
        "L1": (np.abs, lambda W: (W > 0).astype(float) - (W < 0)),
        "L2": (lambda W: np.square(W) / 2, lambda W: W),
    }
    if kind not in rules:
        raise ValueError(kind)
    price, slope = rules[kind]
    new = list(gradients)
    for k, W in enumerate(weights):
        loss = loss + lam * price(W).sum()
        new[k] = new[k] + lam * slope(W)
    return [loss, new]
