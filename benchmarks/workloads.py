"""The six workloads: data, starts and settings, the same for every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

Parameters = list[tuple[np.ndarray, np.ndarray]]


@dataclass
class Workload:
    """One training task, or, where `loss` is "none", a forward pass.

    Attributes
    ----------
    key, title : str
    widths : tuple of int
        Inputs, hidden units, outputs.
    activation : {"tanh", "relu", "sigmoid"}
        Of the hidden layers.
    loss : {"bce", "softmax", "none"}
        Mean cross-entropy from logits.
    optimiser : {"gd", "adam"}
    rate : float
    x : (n, inputs) float64 array
    y : (n,) array
        Labels: floats 0 and 1 for "bce", classes for "softmax".
    batch : int or None
        Rows of a batch; None for all.
    nets : int
        Networks trained one after the other in a run.
    steps : int
        Steps of each network in a run.
    window : int or None
        Consecutive steps that are timed together; None for the whole run, with the
        making of the network.
    check_steps : int
        Steps after which losses are compared.
    """

    key: str
    title: str
    widths: tuple[int, ...]
    activation: str
    loss: str
    optimiser: str
    rate: float
    x: np.ndarray
    y: np.ndarray
    steps: int
    batch: int | None = None
    nets: int = 1
    window: int | None = None
    check_steps: int = 20

    def start(self, seed: int = 0) -> Parameters:
        """Draw (W, b) of each layer: He's variance for ReLU, 1 / fan_in otherwise."""
        rng = np.random.default_rng(seed)
        gain = 2.0 if self.activation == "relu" else 1.0
        return [
            (
                rng.normal(0, (gain / fan_in) ** 0.5, (fan_in, fan_out)),
                np.zeros((1, fan_out)),
            )
            for fan_in, fan_out in zip(self.widths, self.widths[1:], strict=False)
        ]

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield batches without end, cut from permutations, as the engine does."""
        if self.batch is None:
            while True:
                yield self.x, self.y
        rng, order = np.random.default_rng(5), np.empty(0, int)
        while True:
            if len(order) < self.batch:
                order = rng.permutation(len(self.x))
            rows, order = order[: self.batch], order[self.batch :]
            yield self.x[rows], self.y[rows]


def make_w4() -> Workload:
    """Make the smallest workload, which needs NumPy only."""
    rng = np.random.default_rng(1)
    return Workload(
        "W4",
        "gradient descent, 2-6-3-1, ReLU, 300 rows",
        (2, 6, 3, 1),
        "relu",
        "bce",
        "gd",
        0.25,
        rng.normal(size=(300, 2)),
        rng.integers(0, 2, 300).astype(float),
        steps=600,
        window=20,
    )


def make() -> dict[str, Workload]:
    """Make all workloads."""
    from sklearn import datasets

    cancer_x, cancer_y = datasets.load_breast_cancer(return_X_y=True)
    cancer_x = (cancer_x - cancer_x.mean(0)) / cancer_x.std(0)
    digits_x, digits_y = datasets.load_digits(return_X_y=True)
    rng = np.random.default_rng(1)
    blobs_y = rng.integers(0, 4, 1000)
    blobs_x = rng.normal(size=(1000, 2)) + 3 * rng.normal(size=(4, 2))[blobs_y]
    workloads = [
        Workload(
            "W1",
            "Adam, 30-20-10-1, tanh, all 569 rows",
            (30, 20, 10, 1),
            "tanh",
            "bce",
            "adam",
            0.01,
            cancer_x,
            cancer_y.astype(float),
            steps=100,
            window=5,
        ),
        Workload(
            "W2",
            "forward, 1000x500 through 10 tanh layers, fresh draws",
            (500,) * 11,
            "tanh",
            "none",
            "gd",
            0.0,
            rng.normal(size=(1000, 500)),
            np.zeros(1000),
            steps=1,
            check_steps=1,
        ),
        Workload(
            "W3",
            "gradient descent, 12288-30-30-30-30-1, ReLU, 209 rows",
            (12288, 30, 30, 30, 30, 1),
            "relu",
            "bce",
            "gd",
            0.001,
            rng.uniform(size=(209, 12288)),
            (rng.uniform(size=209) < 72 / 209).astype(float),
            steps=13,
            window=1,
        ),
        make_w4(),
        Workload(
            "W5",
            "gradient descent, 30 ReLU layers of 256 on digits, batches of 128",
            (64, *(256,) * 30, 10),
            "relu",
            "softmax",
            "gd",
            0.01,
            (digits_x - digits_x.mean()) / digits_x.std(),
            digits_y,
            steps=8,
            window=1,
            batch=128,
        ),
        Workload(
            "W6",
            "gradient descent, 16 new nets 2-2-4, sigmoid, 50 epochs of 1000 rows",
            (2, 2, 4),
            "sigmoid",
            "softmax",
            "gd",
            1.0,
            blobs_x,
            blobs_y,
            steps=50,
            nets=16,
        ),
    ]
    return {workload.key: workload for workload in workloads}
