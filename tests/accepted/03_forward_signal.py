"""Other right programs for unit 3: each must get full marks."""

# %% accepted={"item": "prediction", "name": "an-integer"}
my_share = 1
lab.predict("u3.a1", my_share)


# %% accepted={"item": "feed-forward", "name": "by-einsum"}
def feed_forward(x, num_layers, xavier=False, gain=2**0.5, act="tanh", rng=None):
    rng = rng or np.random.default_rng()
    n = x.shape[-1]
    half = gain * (3 / n) ** 0.5 if xavier else 1
    found = []
    for _ in range(num_layers):
        W = rng.uniform(low=-half, high=half, size=(n, n))
        x = ACTIVATIONS[act](np.einsum("ij,jk->ik", x, W))
        found += [x]
    return found


# %% accepted={"item": "feed-forward", "name": "all-draws-first"}
def feed_forward(x, num_layers, xavier=False, gain=2**0.5, act="tanh", rng=None):
    if rng is None:
        rng = np.random.default_rng()
    n = x.shape[1]
    Ws = rng.random((num_layers, n, n)) * 2 - 1
    if xavier:
        Ws *= gain * np.sqrt(6 / (n + n))
    layers = [x]
    for W in Ws:
        layers.append(ACTIVATIONS[act](np.dot(layers[-1], W)))
    return tuple(layers[1:])


# %% accepted={"item": "feed-forward", "name": "neuron-by-neuron-into-one-array"}
def feed_forward(
    x, num_layers=10, xavier=False, gain=np.sqrt(2.0), act="tanh", rng=None, start=0
):
    source = np.random.default_rng() if rng is None else rng
    n = x.shape[1]
    bound = np.sqrt(6 / (2 * n)) * gain if xavier else 1.0
    stack = np.empty((num_layers, *x.shape))
    for k in range(start, num_layers):
        W = np.array([source.uniform(-bound, bound, n) for _ in range(n)]).T
        before = x if k == 0 else stack[k - 1]
        stack[k] = ACTIVATIONS[act](before @ W)
    return stack


# %% accepted={"item": "saturation", "name": "counted-in-a-list"}
def saturation(acts, act="tanh", thr=0.99):
    if act not in {"tanh", "sigmoid"}:
        raise ValueError("only activations with two walls")
    lower = -thr if act == "tanh" else 1 - thr
    return [(np.sum(a > thr) + np.sum(a < lower)) / np.size(a) for a in acts]


# %% accepted={"item": "saturation", "name": "distance-from-the-middle"}
def saturation(acts, act, thr):
    middle = {"tanh": 0.0, "sigmoid": 0.5}
    if act not in middle:
        raise ValueError(f"unknown act: {act}")
    shares = np.empty(len(acts))
    for k, a in enumerate(acts):
        far = np.abs(np.asarray(a) - middle[act]) > thr - middle[act]
        shares[k] = np.count_nonzero(far) / far.size
    return shares


# %% accepted={"item": "gain-for", "name": "other-nodes"}
def gain_for(f, nodes=96):
    z, w = np.polynomial.hermite_e.hermegauss(nodes)  # for exp(-z^2 / 2)
    w = w / w.sum()
    return np.sum(w * f(z) ** 2) ** -0.5


# %% accepted={"item": "gain-for", "name": "by-einsum"}
def gain_for(f):
    t, w = np.polynomial.hermite.hermgauss(64)
    y = f(t * np.sqrt(2))
    return np.sqrt(np.sqrt(np.pi) / np.einsum("i,i,i", w, y, y))


# %% accepted={"item": "gain-for", "name": "a-fine-sum"}
def gain_for(f):
    z = np.linspace(-10, 10, 100_001)
    density = np.exp(-(z**2) / 2)
    return float((np.sum(f(z) ** 2 * density) / np.sum(density)) ** -0.5)
