"""Each library's way to do the workloads, and the process that times one of them.

An implementation is a function ``prepare(workload) -> run``. A call
``run(start, steps, tick)`` trains a network that starts with the given parameters for
so many steps, calls ``tick()`` after each, and returns the last loss, that of the
last step before its update. For a forward pass, `run` draws its weights itself and
returns the standard deviation of the last layer.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from itertools import count, islice, pairwise

import numpy as np
from workloads import Parameters, Workload, make, make_w4

Tick = Callable[[], object]
Run = Callable[[Parameters, int, Tick], float]
NUMPY_ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}
ADAM = 0.9, 0.999, 1e-8


def draws() -> np.ndarray:
    """Draw one layer's weights of the forward pass, U(-1, 1)."""
    return DRAWS.uniform(-1, 1, (500, 500))


DRAWS = np.random.default_rng(0)


# ---- this engine ---------------------------------------------------------------------


def dp_eager(workload: Workload) -> Run:
    """Train with dp.py as it is."""
    return _dp(workload, record=False)


def dp_recorded(workload: Workload) -> Run:
    """Train with dp.py and ``train(record=True)``."""
    return _dp(workload, record=True)


def _dp(workload: Workload, record: bool) -> Run:
    import dp

    loss = {"bce": dp.bce_with_logits, "softmax": dp.softmax_cross_entropy}
    make_loss = loss.get(workload.loss)
    make_optimiser = {"gd": dp.SGD, "adam": dp.Adam}[workload.optimiser]

    class Net(dp.Model):
        def __init__(self) -> None:
            super().__init__(np.random.default_rng(0))
            make_layer = {
                "tanh": self.Tanh_Layer,
                "relu": self.ReLu_Layer,
                "sigmoid": self.Sigmoid_Layer,
            }[workload.activation]
            *hidden, last = zip(workload.widths, workload.widths[1:], strict=False)
            self.stack = [make_layer(*widths) for widths in hidden]
            self.stack.append(self.Linear_Layer(*last))

        def forward(self, x):
            for layer in self.stack:
                x = layer(x)
            return x

        def loss(self, x, y):
            return make_loss(self.forward(x), y)

    def train(start: Parameters, steps: int, tick: Tick) -> float:
        net = Net()
        for array, value in zip(
            net.get_param().values(), (a for pair in start for a in pair), strict=True
        ):
            np.copyto(array, value)
        optimiser = make_optimiser(
            net,
            workload.x,
            workload.y,
            {"alpha": workload.rate},
            batch_size=workload.batch,
            rng=np.random.default_rng(5),
        )
        history = optimiser.train(
            steps, print_each=0, hook=lambda *_: tick(), record=record
        )
        return history.loss[-1]

    def forward(start: Parameters, steps: int, tick: Tick) -> float:
        with dp.no_grad():
            x = dp.Node(workload.x)
            for _ in workload.widths[1:]:
                x = (x @ dp.Node(draws())).tanh()
        return x.value.std()

    return forward if workload.loss == "none" else train


# ---- NumPy by hand -------------------------------------------------------------------


def hand_tuned(workload: Workload) -> Run:
    """NumPy with every array made once, the layout chosen, nothing computed twice.

    This is what the engine's overhead is measured against: matrices are kept
    transposed (units x rows), so that biases and sums run along memory; arrays start
    at multiples of 64 bytes; parameters are windows of one vector.
    """
    if workload.loss == "none":
        return _hand_tuned_forward(workload)

    def run(start: Parameters, steps: int, tick: Tick) -> float:
        net = _HandTuned(workload, start)
        for x, y in islice(workload.batches(), steps):
            net.step(x, y)
            tick()
        return net.loss

    return run


def _empty(*shape: int) -> np.ndarray:
    size = int(np.prod(shape))
    raw = np.empty(size + 8)
    start = -raw.__array_interface__["data"][0] % 64 // 8
    return raw[start : start + size].reshape(shape)


def _hand_tuned_forward(workload: Workload) -> Run:
    a, b, w = _empty(1000, 500), _empty(1000, 500), _empty(500, 500)

    def run(start: Parameters, steps: int, tick: Tick) -> float:
        x, y = workload.x, a
        for _ in workload.widths[1:]:
            DRAWS.random(out=w)
            np.multiply(w, 2, w)
            np.subtract(w, 1, w)
            np.matmul(x, w, y)
            np.tanh(y, y)
            x, y = y, (b if y is a else a)
        return x.std()

    return run


class _HandTuned:
    """One network; see `hand_tuned`."""

    def __init__(self, workload: Workload, start: Parameters) -> None:
        self.workload = workload
        rows = workload.batch or len(workload.x)
        widths = workload.widths
        size = sum(w.size + b.size for w, b in start)
        self.flat, self.gradient = _empty(size), _empty(size)
        self.weights, self.biases, self.dw, self.db = [], [], [], []
        at = 0
        for w, b in start:
            for value, params, gradients in (
                (w.T, self.weights, self.dw),
                (b.T, self.biases, self.db),
            ):
                window = slice(at, at + value.size)
                params.append(self.flat[window].reshape(value.shape))
                gradients.append(self.gradient[window].reshape(value.shape))
                params[-1][...] = value
                at += value.size
        self.a = [_empty(width, rows) for width in widths]
        self.g = [_empty(width, rows) for width in widths]
        self.t = [_empty(width, rows) for width in widths]
        self.y = _empty(widths[-1], rows)
        self.row, self.row2 = _empty(1, rows), _empty(1, rows)
        self.fixed = False
        self.zero, self.one = np.array(0.0), np.array(1.0)
        self.scale, self.rate = np.array(1.0 / rows), np.array(workload.rate)
        if workload.optimiser == "adam":
            self.m, self.v = np.zeros(size), np.zeros(size)
            self.u, self.s = _empty(size), _empty(size)
            beta1, beta2, self.epsilon = ADAM
            self.keep1, self.keep2 = np.array(1 - beta1), np.array(1 - beta2)
            self.steps = 0

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        workload, a, g, t = self.workload, self.a, self.g, self.t
        last = len(self.weights)
        if not self.fixed:
            np.copyto(a[0], x.T)
            if workload.loss == "bce":
                self.y[0] = y
            else:
                np.equal(np.arange(workload.widths[-1])[:, None], y, out=self.y)
            self.fixed = workload.batch is None
        for i in range(last):
            z = a[i + 1]
            np.matmul(self.weights[i], a[i], z)
            np.add(z, self.biases[i], z)
            if i == last - 1:
                break
            if workload.activation == "tanh":
                np.tanh(z, z)
            elif workload.activation == "relu":
                np.maximum(z, self.zero, out=z)
            else:
                np.negative(z, z)
                np.exp(z, z)
                np.add(z, self.one, z)
                np.divide(self.one, z, z)
        (self._bce if workload.loss == "bce" else self._softmax)(a[last], g[last])
        for i in reversed(range(last)):
            np.matmul(g[i + 1], a[i].T, self.dw[i])
            np.add.reduce(g[i + 1], 1, None, self.db[i], True)
            if i == 0:
                break
            product = np.multiply if g[i + 1].shape[0] == 1 else np.matmul
            product(self.weights[i].T, g[i + 1], g[i])
            if workload.activation == "tanh":
                np.multiply(g[i], a[i], t[i])
                np.multiply(t[i], a[i], t[i])
                np.subtract(g[i], t[i], g[i])
            elif workload.activation == "relu":
                np.greater(a[i], self.zero, t[i])
                np.multiply(g[i], t[i], g[i])
            else:
                np.multiply(a[i], a[i], t[i])
                np.subtract(a[i], t[i], t[i])
                np.multiply(g[i], t[i], g[i])
        self._update()

    def _bce(self, z: np.ndarray, g: np.ndarray) -> None:
        t, u = self.row, self.row2
        np.abs(z, t)
        np.negative(t, t)
        np.exp(t, t)
        np.log1p(t, t)
        np.maximum(z, self.zero, out=u)
        np.add(t, u, t)
        np.multiply(z, self.y, u)
        np.subtract(t, u, t)
        self.loss = t.sum() * self.scale
        np.negative(z, g)
        np.exp(g, g)
        np.add(g, self.one, g)
        np.divide(self.one, g, g)
        np.subtract(g, self.y, g)
        np.multiply(g, self.scale, g)

    def _softmax(self, z: np.ndarray, g: np.ndarray) -> None:
        t = self.t[-1]
        np.maximum.reduce(z, 0, None, self.row, True)
        np.subtract(z, self.row, z)
        np.exp(z, g)
        np.add.reduce(g, 0, None, self.row, True)
        np.log(self.row, self.row2)
        np.subtract(z, self.row2, z)
        np.multiply(z, self.y, t)
        self.loss = -t.sum() * self.scale
        np.divide(g, self.row, g)
        np.subtract(g, self.y, g)
        np.multiply(g, self.scale, g)

    def _update(self) -> None:
        g = self.gradient
        if self.workload.optimiser == "gd":
            for start in range(0, len(g), 8192):
                part = g[start : start + 8192]
                np.multiply(part, self.rate, part)
                window = self.flat[start : start + 8192]
                np.subtract(window, part, window)
            return
        self.steps += 1
        m, v, u, s = self.m, self.v, self.u, self.s
        np.subtract(g, m, u)
        np.multiply(u, self.keep1, u)
        np.add(m, u, m)
        np.multiply(g, g, u)
        np.subtract(u, v, u)
        np.multiply(u, self.keep2, u)
        np.add(v, u, v)
        root = (1 - ADAM[1] ** self.steps) ** 0.5
        np.sqrt(v, u)
        np.add(u, self.epsilon * root, u)
        np.divide(m, u, s)
        np.multiply(s, self.rate * root / (1 - ADAM[0] ** self.steps), s)
        np.subtract(self.flat, s, self.flat)


def plain_numpy(workload: Workload) -> Run:
    """NumPy as a textbook writes it: formulas, one array for each result."""
    activate = NUMPY_ACTIVATIONS[workload.activation]
    slope = {
        "tanh": lambda a: 1 - a**2,
        "relu": lambda a: a > 0,
        "sigmoid": lambda a: a * (1 - a),
    }[workload.activation]

    def forward(start: Parameters, steps: int, tick: Tick) -> float:
        x = workload.x
        for _ in workload.widths[1:]:
            x = activate(x @ draws())
        return x.std()

    def train(start: Parameters, steps: int, tick: Tick) -> float:
        params = [array.copy() for pair in start for array in pair]
        means = [np.zeros_like(p) for p in params]
        squares = [np.zeros_like(p) for p in params]
        for t, (x, y) in enumerate(islice(workload.batches(), steps), 1):
            outputs = [x]
            for w, b in zip(params[::2], params[1::2], strict=True):
                z = outputs[-1] @ w + b
                outputs.append(activate(z))
            if workload.loss == "bce":
                labels = y[:, None]
                loss = np.mean(
                    np.maximum(z, 0) - z * labels + np.log1p(np.exp(-np.abs(z)))
                )
                p = 1 / (1 + np.exp(-z))
            else:
                labels = np.eye(z.shape[1])[y]
                powers = np.exp(z - z.max(axis=1, keepdims=True))
                p = powers / powers.sum(axis=1, keepdims=True)
                loss = -np.mean(np.log(p[np.arange(len(y)), y]))
            g = (p - labels) / len(y)
            gradients = []
            for i in reversed(range(len(params) // 2)):
                gradients += [g.sum(axis=0, keepdims=True), outputs[i].T @ g]
                if i:
                    g = (g @ params[2 * i].T) * slope(outputs[i])
            gradients.reverse()
            for p, g, m, v in zip(params, gradients, means, squares, strict=True):
                if workload.optimiser == "gd":
                    p -= workload.rate * g
                else:
                    m[...] = ADAM[0] * m + (1 - ADAM[0]) * g
                    v[...] = ADAM[1] * v + (1 - ADAM[1]) * g**2
                    m_hat, v_hat = m / (1 - ADAM[0] ** t), v / (1 - ADAM[1] ** t)
                    p -= workload.rate * m_hat / (np.sqrt(v_hat) + ADAM[2])
            tick()
        return loss

    return forward if workload.loss == "none" else train


# ---- other engines -------------------------------------------------------------------


def closures(workload: Workload) -> Run:
    """Train with an engine of one closure per operation; see closure_engine.py."""
    from closure_engine import Value, bce, softmax_ce

    make_loss = {"bce": bce, "softmax": softmax_ce}.get(workload.loss)

    def forward(start: Parameters, steps: int, tick: Tick) -> float:
        x = Value(workload.x)
        for _ in workload.widths[1:]:
            x = (x @ Value(draws())).tanh()
        return x.data.std()

    def train(start: Parameters, steps: int, tick: Tick) -> float:
        params = [Value(array.copy()) for pair in start for array in pair]
        means = [np.zeros_like(p.data) for p in params]
        squares = [np.zeros_like(p.data) for p in params]
        for t, (x, y) in enumerate(islice(workload.batches(), steps), 1):
            h = Value(x)
            for i in range(0, len(params), 2):
                h = h @ params[i] + params[i + 1]
                if i < len(params) - 2:
                    h = getattr(h, workload.activation)()
            loss = make_loss(h, y)
            loss.backward()
            for p, m, v in zip(params, means, squares, strict=True):
                if workload.optimiser == "gd":
                    p.data -= workload.rate * p.grad
                else:
                    m[...] = ADAM[0] * m + (1 - ADAM[0]) * p.grad
                    v[...] = ADAM[1] * v + (1 - ADAM[1]) * p.grad**2
                    m_hat, v_hat = m / (1 - ADAM[0] ** t), v / (1 - ADAM[1] ** t)
                    p.data -= workload.rate * m_hat / (np.sqrt(v_hat) + ADAM[2])
            tick()
        return float(loss.data)

    return forward if workload.loss == "none" else train


def torch_eager(workload: Workload) -> Run:
    """Train with PyTorch's autograd and its own optimisers."""
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    F = torch.nn.functional
    activate = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}[
        workload.activation
    ]

    def forward(start: Parameters, steps: int, tick: Tick) -> float:
        with torch.no_grad():
            x = torch.from_numpy(workload.x)
            for _ in workload.widths[1:]:
                x = activate(x @ torch.from_numpy(draws()))
        return float(x.numpy().std())

    data_x, data_y = torch.from_numpy(workload.x), torch.from_numpy(workload.y)
    if workload.loss == "bce":
        data_y = data_y[:, None]

    def make_loss(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if workload.loss == "bce":
            return F.binary_cross_entropy_with_logits(z, y)
        return F.cross_entropy(z, y)

    def train(start: Parameters, steps: int, tick: Tick) -> float:
        params = [
            torch.tensor(array, requires_grad=True) for pair in start for array in pair
        ]
        optimiser = (
            torch.optim.SGD(params, workload.rate)
            if workload.optimiser == "gd"
            else torch.optim.Adam(params, workload.rate)
        )
        batches = iter(workload.batches())
        for _ in range(steps):
            if workload.batch is None:
                x, y = data_x, data_y
            else:
                x, y = (torch.from_numpy(array) for array in next(batches))
            for i in range(0, len(params), 2):
                x = torch.addmm(params[i + 1], x, params[i])
                if i < len(params) - 2:
                    x = activate(x)
            loss = make_loss(x, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            value = loss.item()
            tick()
        return value

    return forward if workload.loss == "none" else train


def jax_jit(workload: Workload) -> Run:
    """Train with JAX, the whole step compiled, compilation not timed."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    import jax.numpy as jnp

    activate = {"tanh": jnp.tanh, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[
        workload.activation
    ]
    layer = jax.jit(lambda x, w: activate(x @ w))

    def forward(start: Parameters, steps: int, tick: Tick) -> float:
        x = jnp.asarray(workload.x)
        for _ in workload.widths[1:]:
            x = layer(x, draws())
        return float(np.asarray(x).std())

    def compute_loss(params, x, y):
        for w, b in params[:-1]:
            x = activate(x @ w + b)
        z = x @ params[-1][0] + params[-1][1]
        if workload.loss == "bce":
            z = z[:, 0]
            return jnp.mean(jax.nn.softplus(z) - z * y)
        picked = jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1)
        return -jnp.mean(picked)

    tree_map = jax.tree_util.tree_map

    def step(state, x, y):
        params, means, squares, t = state
        loss, gradients = jax.value_and_grad(compute_loss)(params, x, y)
        if workload.optimiser == "gd":
            params = tree_map(lambda p, g: p - workload.rate * g, params, gradients)
            return (params, means, squares, t), loss
        t = t + 1
        means = tree_map(lambda m, g: ADAM[0] * m + (1 - ADAM[0]) * g, means, gradients)
        squares = tree_map(
            lambda v, g: ADAM[1] * v + (1 - ADAM[1]) * g * g, squares, gradients
        )
        params = tree_map(
            lambda p, m, v: (
                p
                - workload.rate
                * (m / (1 - ADAM[0] ** t))
                / (jnp.sqrt(v / (1 - ADAM[1] ** t)) + ADAM[2])
            ),
            params,
            means,
            squares,
        )
        return (params, means, squares, t), loss

    step = jax.jit(step, donate_argnums=0)
    data_x, data_y = jnp.asarray(workload.x), jnp.asarray(workload.y)

    def train(start: Parameters, steps: int, tick: Tick) -> float:
        params = [(jnp.array(w), jnp.array(b)) for w, b in start]
        adam = workload.optimiser == "adam"
        zeros = tree_map(jnp.zeros_like, params) if adam else 0.0
        state = (params, zeros, tree_map(jnp.zeros_like, zeros), jnp.array(0.0))
        batches = iter(workload.batches())
        for _ in range(steps):
            x, y = (data_x, data_y) if workload.batch is None else next(batches)
            state, loss = step(state, x, y)
            loss.block_until_ready()
            tick()
        return float(loss)

    return forward if workload.loss == "none" else train


def hips_autograd(workload: Workload) -> Run:
    """Train with HIPS autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    activate = {
        "tanh": anp.tanh,
        "relu": lambda z: z * (z > 0),  # its maximum has slope 1/2 at a tie
        "sigmoid": lambda z: 1 / (1 + anp.exp(-z)),
    }[workload.activation]

    def forward(start: Parameters, steps: int, tick: Tick) -> float:
        x = workload.x
        for _ in workload.widths[1:]:
            x = activate(anp.dot(x, draws()))
        return x.std()

    def compute_loss(params, x, y):
        for i in range(0, len(params), 2):
            z = anp.dot(x, params[i]) + params[i + 1]
            x = activate(z) if i < len(params) - 2 else z
        if workload.loss == "bce":
            z = z[:, 0]
            return anp.mean(anp.logaddexp(0, z) - z * y)
        one_hot = np.eye(z.shape[1])[y]
        z = z - anp.max(z, axis=1, keepdims=True)
        log_sums = anp.log(anp.sum(anp.exp(z), axis=1))
        return anp.mean(log_sums - anp.sum(z * one_hot, axis=1))

    differentiate = value_and_grad(compute_loss)

    def train(start: Parameters, steps: int, tick: Tick) -> float:
        params = [array.copy() for pair in start for array in pair]
        means = [np.zeros_like(p) for p in params]
        squares = [np.zeros_like(p) for p in params]
        for t, (x, y) in enumerate(islice(workload.batches(), steps), 1):
            loss, gradients = differentiate(params, x, y)
            for p, g, m, v in zip(params, gradients, means, squares, strict=True):
                if workload.optimiser == "gd":
                    p -= workload.rate * g
                else:
                    m[...] = ADAM[0] * m + (1 - ADAM[0]) * g
                    v[...] = ADAM[1] * v + (1 - ADAM[1]) * g**2
                    m_hat, v_hat = m / (1 - ADAM[0] ** t), v / (1 - ADAM[1] ** t)
                    p -= workload.rate * m_hat / (np.sqrt(v_hat) + ADAM[2])
            tick()
        return loss

    return forward if workload.loss == "none" else train


# label: (function, module that must be installed)
IMPLEMENTATIONS: dict[str, tuple[Callable[[Workload], Run], str]] = {
    "hand-tuned NumPy": (hand_tuned, "numpy"),
    "dp, recorded": (dp_recorded, "numpy"),
    "dp, eager": (dp_eager, "numpy"),
    "plain NumPy": (plain_numpy, "numpy"),
    "closures": (closures, "numpy"),
    "JAX, jit": (jax_jit, "jax"),
    "PyTorch, eager": (torch_eager, "torch"),
    "HIPS autograd": (hips_autograd, "autograd"),
}


def serve(label: str) -> None:
    """Answer lines on stdin: ``check KEY`` with a loss, ``time KEY`` with two times.

    The times are seconds per step, of the best and of the median window. A window is
    a number of consecutive steps that takes about a millisecond, so that it often
    fits between two interruptions; where a run makes a new network, it is the whole
    run, with making it.
    """
    global DRAWS
    workloads = make()
    prepare = IMPLEMENTATIONS[label][0]
    runs: dict[str, Run] = {}
    for line in sys.stdin:
        command, key = line.split()
        workload = workloads[key]
        if key not in runs:
            runs[key] = prepare(workload)
            runs[key](workload.start(), 3, int)  # compile and warm up
        run = runs[key]
        if command == "check":
            DRAWS = np.random.default_rng(0)
            print(repr(float(run(workload.start(), workload.check_steps, int))))
        else:
            windows = sorted(_windows(run, workload))
            print(windows[0], windows[len(windows) // 2])
        sys.stdout.flush()


def _windows(run: Run, workload: Workload) -> list[float]:
    """Run a workload and return the seconds per step of each window.

    Time is the processor's, of all threads of this process: what other processes
    take in between does not count.
    """
    gc.collect()
    if workload.window is None:
        times = []
        for seed in range(workload.nets):
            start = workload.start(seed)
            begin = time.process_time()
            run(start, workload.steps, int)
            times.append((time.process_time() - begin) / workload.steps)
        return times
    steps, stamps = count(1), []

    def tick() -> None:
        if next(steps) % workload.window == 0:
            stamps.append(time.process_time())

    run(workload.start(), workload.steps, tick)
    stamps = stamps[2:]  # the first steps may record
    return [(end - begin) / workload.window for begin, end in pairwise(stamps)]


def script(label: str, steps: int = 2000) -> None:
    """Do what a short script does: import, make a net, train it, print the loss."""
    workload = make_w4()
    print(IMPLEMENTATIONS[label][0](workload)(workload.start(), steps, int))


if __name__ == "__main__":
    {"serve": serve, "script": script}[sys.argv[1]](sys.argv[2])
