"""Run again what takes too long for a lesson, and store what came out.

    .venv/bin/python benchmarks/published_runs.py [NAME ...]

Each function below is one published run. What it returns is kept in
`published_runs.json` beside this file, which docs/seeds.md and the lessons quote as
stored. A run of all takes a few minutes on one core.
"""

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
STORE = Path(__file__).with_suffix(".json")
sys.path.insert(0, str(ROOT))

import lab  # noqa: E402 (it lies beside no package: the path comes first)

Array = np.ndarray


def sigmoid(z: Array) -> Array:
    """Return the logistic function without overflow."""
    return np.exp(-np.logaddexp(0, -z))


# ------------------------------------------------------------------------------------
# Nowland: five hidden layers, no biases, 100,000 epochs

SLOPES = {
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
}


def accepted(rng: np.random.RandomState, shape: tuple[int, int], std: float) -> Array:
    """Draw weights until their mean and std are within .05 of what is wanted."""
    while True:
        W = rng.normal(0, std, shape)
        if abs(W.std() - std) <= 0.05 and abs(W.mean()) <= 0.05:
            return W


def nowland(number: int, widths: tuple, act: str, eta: float, epochs: int) -> dict:
    """Train one bias-free net of Nowland's on one of his sets, from seed 3.

    Returns
    -------
    dict
        `wrong`: share of wrong points after the last epoch, and `least`: the smallest
        share in any epoch.
    """
    x, y = lab.plane(number)
    x = ((x - x.mean(axis=0)) / x.std(axis=0, ddof=1)).T
    rng, f, slope = np.random.RandomState(3), *SLOPES[act]
    fans = pairwise((2, *widths, 1))
    stds = [(i, o, 2 / (i if act == "relu" else i + o)) for i, o in fans]
    raw = [accepted(rng, (o, i), np.sqrt(var)) for i, o, var in stds]
    mean, least = [W.copy() for W in raw], 1.0
    last = len(raw) - 1

    def passes() -> list[Array]:
        layers = [x]
        for k, W in enumerate(mean):
            layers.append((sigmoid if k == last else f)(W @ layers[-1]))
        return layers

    layers = passes()
    for t in range(1, epochs + 1):
        out = layers[-1]
        d, gradients = (out - y) * out * (1 - out) / len(y), []
        for k in reversed(range(last + 1)):
            gradients.append(d @ layers[k].T)
            d = mean[k].T @ d * slope(layers[k]) if k else d
        for k, g in enumerate(reversed(gradients)):
            raw[k] = raw[k] - eta * g
            mean[k] = (t * mean[k] + raw[k]) / (t + 1)
        layers = passes()
        wrong = float(np.mean((layers[-1][0] >= 0.5) != (y == 1)))
        least = min(least, wrong)
    return {"wrong": round(wrong, 4), "least": round(least, 4)}


# ------------------------------------------------------------------------------------
# The vanishing-gradient notebook: 12,288 inputs, from seeded images


def images(rng: np.random.Generator, count: int) -> Array:
    """Return smooth random images in [0, 1], (count, 12288), 64 x 64 x 3 each."""
    coarse = rng.uniform(0, 1, (count, 8, 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).reshape(count, -1)


def wide_net(std, activation: str, steps: int, rate: float, lam: float) -> dict:
    """Train five layers on 209 seeded images with 72 ones, full batch.

    The first layer's 12,288 weights a unit are followed through their products with
    the images: a step changes `z = x W` by `-rate (K dz + lam / 209 z)`, with
    `K = x x^T`. That is exact, and 209 x 209 in place of 209 x 12,288.
    """
    rng = np.random.default_rng(0)
    x, y = images(rng, 209), np.zeros((209, 1))
    y[rng.permutation(209)[:72]] = 1
    shapes = [(12_288, 30), *[(30, 30)] * 3, (30, 1)]
    W = [rng.normal(0, std(*shape), shape) for shape in shapes]
    K, first = x @ x.T, x @ W[0]
    W, b = W[1:], [np.zeros((1, shape[1])) for shape in shapes]
    functions = {
        "centred": (lambda z: sigmoid(z) - 0.5, lambda a: (0.5 + a) * (0.5 - a)),
        "relu": SLOPES["relu"],
    }
    f, slope = functions[activation]
    losses = {}
    for step in range(steps + 1):
        hidden = [f(first + b[0])]
        for k, weight in enumerate(W):
            z = hidden[-1] @ weight + b[k + 1]
            hidden.append(f(z))
        if step % 300 == 0:
            loss = float(np.mean(np.logaddexp(0, z) - y * z))
            losses[step] = round(loss, 4)
        dz = (sigmoid(z) - y) / 209
        for k in reversed(range(len(W))):
            b[k + 1] -= rate * dz.sum(axis=0, keepdims=True)
            back, change = dz @ W[k].T, hidden[k].T @ dz
            W[k] = W[k] - rate * change
            dz = back * slope(hidden[k])
        b[0] -= rate * dz.sum(axis=0, keepdims=True)
        first = first - rate * (K @ dz + lam / 209 * first)
    right = float(np.mean((z > 0) == (y == 1)))
    return {"losses": losses, "train accuracy": round(right, 4)}


def xavier(fan_in: int, fan_out: int) -> float:
    """Return Glorot's standard deviation."""
    return (2 / (fan_in + fan_out)) ** 0.5


RUNS = {
    "nowland 3b tanh": lambda: nowland(3, (10, 10, 10, 10, 5), "tanh", 1.0, 100_000),
    "nowland 3b relu": lambda: nowland(3, (10, 10, 10, 10, 5), "relu", 1.0, 100_000),
    "nowland 2b tanh": lambda: nowland(2, (6, 3), "tanh", 1.0, 100_000),
    "nowland 2b relu": lambda: nowland(2, (6, 3), "relu", 1.0, 100_000),
    "centred, L2": lambda: wide_net(xavier, "centred", 23_000, 0.01, 1.0),
    "centred, no L2": lambda: wide_net(xavier, "centred", 23_000, 0.01, 0.0),
    "he 1/(2n), L2": lambda: wide_net(
        lambda n, m: (0.5 / n) ** 0.5, "relu", 2100, 0.008, 1.5
    ),
    "he 2/n, L2": lambda: wide_net(
        lambda n, m: (2 / n) ** 0.5, "relu", 2100, 0.008, 1.5
    ),
}


def main() -> None:
    """Run what is named, or all, and store it."""
    stored = json.loads(STORE.read_text()) if STORE.is_file() else {}
    for name in sys.argv[1:] or RUNS:
        start = time.perf_counter()
        stored[name] = RUNS[name]()
        print(f"{name}: {stored[name]} ({time.perf_counter() - start:.0f} s)")
        STORE.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
