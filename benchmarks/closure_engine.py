"""A closure-per-operation engine, the design most course engines have; to compare.

Every operation makes a node and a function that adds to its parents' gradients. It is
written as such engines are, with an iterative sort so that depth is no obstacle.
"""

# ruff: noqa: D107 (a class's docstring describes its __init__)

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class Value:
    """Hold an array, its gradient, its parents, and the closure of its operation."""

    def __init__(self, data: np.ndarray, parents: tuple[Value, ...] = ()) -> None:
        self.data = data
        self.grad = np.zeros_like(data)
        self.parents = parents
        self._backward: Callable[[], None] = lambda: None

    def __add__(self, other: Value) -> Value:
        """Return the sum."""
        out = Value(self.data + other.data, (self, other))

        def backward() -> None:
            self.grad += _fit(out.grad, self.data.shape)
            other.grad += _fit(out.grad, other.data.shape)

        out._backward = backward
        return out

    def __matmul__(self, other: Value) -> Value:
        """Return the matrix product."""
        out = Value(self.data @ other.data, (self, other))

        def backward() -> None:
            self.grad += out.grad @ other.data.T
            other.grad += self.data.T @ out.grad

        out._backward = backward
        return out

    def tanh(self) -> Value:
        """Return tanh."""
        out = Value(np.tanh(self.data), (self,))

        def backward() -> None:
            self.grad += out.grad * (1 - out.data**2)

        out._backward = backward
        return out

    def sigmoid(self) -> Value:
        """Return the logistic function."""
        out = Value(1 / (1 + np.exp(-self.data)), (self,))

        def backward() -> None:
            self.grad += out.grad * out.data * (1 - out.data)

        out._backward = backward
        return out

    def relu(self) -> Value:
        """Return the positive part."""
        out = Value(np.maximum(self.data, 0), (self,))

        def backward() -> None:
            self.grad += out.grad * (self.data > 0)

        out._backward = backward
        return out

    def backward(self) -> None:
        """Compute the gradients of everything below."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent in node.parents)
        for node in order:
            node.grad = np.zeros_like(node.data)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            node._backward()


def _fit(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    for axis, length in enumerate(shape):
        if length == 1 and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def bce(z: Value, y: np.ndarray) -> Value:
    """Return the mean cross-entropy of labels (n,) and sigmoid(z), z (n, 1)."""
    labels = y[:, None]
    losses = np.maximum(z.data, 0) - z.data * labels + np.log1p(np.exp(-np.abs(z.data)))
    out = Value(losses.mean(), (z,))

    def backward() -> None:
        p = 1 / (1 + np.exp(-z.data))
        z.grad += out.grad * (p - labels) / len(y)

    out._backward = backward
    return out


def softmax_ce(z: Value, y: np.ndarray) -> Value:
    """Return the mean cross-entropy of classes (n,) and softmax(z)."""
    powers = np.exp(z.data - z.data.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    out = Value(-np.log(p[rows, y]).mean(), (z,))

    def backward() -> None:
        share = p.copy()
        share[rows, y] -= 1
        z.grad += out.grad * share / len(y)

    out._backward = backward
    return out
