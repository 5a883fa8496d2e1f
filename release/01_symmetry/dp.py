"""A small engine for differentiable programming, written to be read from the top.

A program on matrices is a graph: every operation makes a new value and remembers
which values it was made from. To differentiate the program, walk the graph from its
end to its beginning and apply the chain rule at each operation. That is the whole
idea, and section 1 is all of it; the rest of this file is built on top, in this order:

1. The whole idea: operations, the chain rule, nodes, ``backward``.
2. The table of operations: formulas, and beside them their derivatives.
3. Losses: cross-entropy that survives saturated outputs.
4. Layers and models: named parameters and the gradient of a loss.
5. Optimisers: four update rules under one training loop.
6. Guards: integers and numbers, NaN, messages for what does not fit.
7. Speed: what is there only for speed. The file works without it.

Conventions
-----------
Every value is a matrix, that is, has two dimensions. Rows are examples. A number
becomes (1, 1), a 1-D array of n numbers the column (n, 1). A layer computes
``x @ W + b`` with ``W`` of shape (fan_in, fan_out) and ``b`` of shape (1, fan_out).

float32 stays float32: Python and NumPy numbers and arrays of integers take the
precision of the matrix they meet. Arrays of integers or booleans are labels or
indices: they take part in arithmetic, and never have a gradient.

NaN and infinity pass through without NumPy's warnings; ``with detect_nan():`` names
the first operation that made one.

Do not change a value in place between a forward pass and its backward pass: the
rules read the values as they are at that moment, so the gradient would be wrong.
Change parameters after ``backward``, as the optimisers do.

Examples
--------
>>> a, b = Node(2.0), Node(3.0)
>>> c = a * b + a
>>> c.backward()
>>> float(a.gradient[0, 0]), float(b.gradient[0, 0])
(4.0, 2.0)
"""

# ruff: noqa: D105, D107 (a class's docstring describes its __init__ and its operators)

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from operator import attrgetter, is_
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

__all__ = ["Layer", "Model", "Node", "Operation", "bce_with_logits", "concatenate"]
__all__ += ["SGD", "Adam", "History", "Optimiser", "RMS_Prop", "SGD_Momentum"]
__all__ += ["detect_nan", "no_grad", "softmax_cross_entropy"]

Array = np.ndarray
Activation = Callable[["Node"], "Node"] | None


# ======================================================================================
# 1. The whole idea
# ======================================================================================

# `_hook` holds the few steps that later sections replace: section 6 puts guards around
# them, section 7 takes them quicker. Read `_hook.call(node, f, arguments)` as
# f(*arguments), and any other `_hook.name(...)` as the function `_name`, further down.
_hook = SimpleNamespace()

# A `Node`, further down, holds a matrix: its `value`. It remembers what made it, its
# `operation` and its `parents`; what the formula was given, its `arguments`; its
# `number`, larger than that of every node made before; and whether it `needs_gradient`.


class Operation:
    """Describe an operation: its formula, and one derivative rule for each parent.

    This is how to add an operation to the engine: write the forward formula on
    arrays, write for each input the rule that turns the gradient of the output into
    that input's share, and call the result with nodes. The engine does the rest: it
    adds up the shares of a node that is used several times, and sums a share over
    the axes along which an input was broadcast.

    Parameters
    ----------
    name : str
        How messages call the operation.
    forward : callable
        ``forward(*values, *options) -> (n, m) array``; `values` are the parents'
        arrays. It may also return a tuple, ``(array, kept, ...)``: what is kept is
        handed to the rules, which need not compute it again.
    *rules : callable
        One for each parent: ``rule(g, y, *values, *options, *kept) -> array``. `g` is
        the gradient of the final number with respect to the output, `y` the output
        itself, both (n, m). The share returned has the parent's shape, or a shape
        that broadcasts to it or to which it broadcasts. Rules must not write to their
        inputs. Without any rule, the result is a constant.

    Examples
    --------
    The cube, x**3, whose derivative is 3 x**2:

    >>> cube = Operation("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
    >>> x = Node([[1.0, 2.0]])
    >>> cube(x).sum().backward()
    >>> x.gradient
    array([[ 3., 12.]])
    """

    def __init__(self, name: str, forward: Callable, *rules: Callable) -> None:
        self.name, self.forward, self.rules = name, forward, rules

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"

    def __call__(self, *inputs: Any, options: tuple = (), name: str = "") -> Node:
        """Compute the formula and return a new node that remembers its parents.

        Parameters
        ----------
        *inputs : Node
            The parents. What is not a node, a number for one, becomes a constant.
        options : tuple
            Further arguments of the formula and the rules that are not
            differentiated (an axis, a slope).
        name : str, optional
            The layer that the new node is the output of.

        Raises
        ------
        ValueError
            If the shapes do not fit; the message names them and the layer.
        FloatingPointError
            Inside ``detect_nan()``, if the result is the first that is not finite.
        """
        node = Node.__new__(Node)  # without __init__, which is for values from outside
        node.name, node.number = name, next(_numbers)
        node.operation, node.parents = self, _hook.make_nodes(self, inputs)
        node.arguments = [*[p.value for p in node.parents], *options]
        result = _hook.call(node, self.forward, node.arguments)
        if isinstance(result, tuple):  # what the formula keeps is for the rules
            result, *kept = result
            node.arguments = [*node.arguments, *kept]
        node.value = result
        needed = any([parent.needs_gradient for parent in node.parents])
        node.needs_gradient = needed and self.rules != ()
        return node


# Three operations; section 2 has the others. In a rule, g is the gradient that arrives,
# y the operation's output, a and b are its inputs.
_add = Operation("add", np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
_multiply = Operation(
    "multiply", np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a
)
_matmul = Operation(
    "matmul", np.matmul, lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g
)


def _apply_chain_rule(node: Node) -> None:
    """Add to each parent's gradient its share of this node's gradient."""
    for parent, rule in zip(node.parents, node.operation.rules, strict=True):
        if not parent.needs_gradient:
            continue
        share = _hook.call(node, rule, (node.gradient, node.value, *node.arguments))
        if share.shape != parent.value.shape:
            share = _hook.call(node, _unbroadcast, (share, parent.value.shape))
        if parent.gradient is not None:
            share = _hook.call(node, np.add, (parent.gradient, share))
        elif np.may_share_memory(share, node.gradient) or not share.flags.writeable:
            # The rule of `_add` returns g itself. Copy: gradients share no memory.
            share = _hook.call(node, np.positive, (share,))
        parent.gradient = share


def _unbroadcast(share: Array, shape: tuple[int, int]) -> Array:
    """Fit a share to its parent of `shape`.

    Where the parent was repeated, the shares of its copies are summed. Where the share
    has one entry for many, as that of a sum has, the entry is repeated.
    """
    for axis in (0, 1):
        if shape[axis] == 1 != share.shape[axis]:
            share = share.sum(axis=axis, keepdims=True)
    return np.broadcast_to(share, shape)


def _ancestors(root: Node) -> list[Node]:
    """List `root` and the nodes below it that need a gradient, oldest first."""
    seen, waiting = {root}, [root]
    while waiting:
        for parent in waiting.pop().parents:
            if parent.needs_gradient and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(seen, key=attrgetter("number"))


_numbers = count()  # creation numbers: a node's is larger than its parents'


def _matrix(value: Any) -> Array:
    """Return a number as (1, 1), n numbers as a column, a matrix as it is."""
    array = np.asarray(value)
    return array if array.ndim > 1 else array.reshape(-1, 1)


def _constant(value: Any) -> Node:
    """Return `value` if it is a node, else a node without a gradient."""
    return value if isinstance(value, Node) else Node(value, needs_gradient=False)


def _read(value: Any, needs_gradient: bool | None) -> tuple[Array, bool]:
    """Return a value from outside as a matrix, and whether it needs a gradient.

    Section 6 also takes integers and nodes, as `Node` describes.
    """
    return _matrix(np.asarray(value, float)), needs_gradient is not False


def _make_nodes(operation: Operation, inputs: Sequence) -> Sequence[Node]:
    """Return an operation's inputs as nodes."""
    return tuple([_constant(value) for value in inputs])


def _make_seed(node: Node, seed: Any) -> Array:
    """Return the gradient that the way back starts from: 1, unless told."""
    return np.full(node.value.shape, 1 if seed is None else seed, node.value.dtype)


def _call(node: Node, function: Callable, arguments: Sequence) -> Any:
    """Call the formula that makes `node`, or a rule that takes its gradient further."""
    return function(*arguments)


_hook.read, _hook.make_nodes, _hook.make_seed = _read, _make_nodes, _make_seed
_hook.call, _hook.ignore_warnings = _call, nullcontext


class Node:
    """Hold a matrix, what it was computed from, and, after ``backward``, its gradient.

    Parameters
    ----------
    value : Node, number, sequence or array of at most two dimensions
        Real numbers. A number becomes (1, 1), n numbers the column (n, 1). An array
        of two dimensions is not copied. A Node gives its value, and the new node does
        not lead back to it. Python's whole numbers, and lists of them, become
        float64; arrays of integers or booleans keep their dtype and have no gradient.
    name : str, optional
        Under this name ``grad`` returns the node's gradient.
    needs_gradient : bool, optional
        Whether ``backward`` computes this node's gradient. By default yes for floats
        and no for integers.

    Attributes
    ----------
    value : (n, m) array
    gradient : (n, m) array or None
        Gradient of the node on which ``backward`` was last called with respect to
        this one. Each gradient is an array of its own: changing one changes no other.
    operation : Operation or None
        What made the node; None for a leaf, a value from outside.
    parents : tuple of Node
        What the node was computed from; () for a leaf.

    Raises
    ------
    ValueError
        If the value has more than two dimensions.
    TypeError
        If the value does not hold real numbers, or if integers should need a gradient.
    """

    is_float = True  # else a leaf of integers or booleans; read in section 6
    gradient: Array | None = None
    operation: Operation | None = None
    parents: tuple[Node, ...] = ()
    arguments: Sequence = ()  # the formula's, and after g and y the rules'

    def __init__(
        self, value: Any, name: str = "", needs_gradient: bool | None = None
    ) -> None:
        self.value, self.needs_gradient = _hook.read(value, needs_gradient)
        self.is_float = self.value.dtype.kind == "f"
        self.name, self.number = name, next(_numbers)

    def backward(self, seed: Any = None) -> None:
        """Compute the gradient of this node with respect to every node below it.

        Nodes are visited once each, from the newest to the oldest: a node is older
        than everything computed from it, so when its turn comes, its gradient is
        complete. There is no recursion, and the time is linear in the number of
        operations. Every call starts from zero; gradients of an earlier call on the
        same nodes are replaced, not added to.

        Parameters
        ----------
        seed : number or (n, m) array, optional
            Gradient of the final number with respect to this node. Left out, this node
            is the final number: it must be (1, 1), and the seed is 1. One number stands
            for all entries.

        Raises
        ------
        ValueError
            If the node is not (1, 1) and no seed is given, if the seed has another
            shape, or if nothing below needs a gradient.
        """
        seed = _hook.make_seed(self, seed)
        nodes = _ancestors(self)
        for node in nodes:
            node.gradient = None
        self.gradient = seed
        with _hook.ignore_warnings():
            for node in reversed(nodes):
                if node.parents:
                    _apply_chain_rule(node)

    def __add__(self, other: Any) -> Node:
        return _add(self, other)

    def __mul__(self, other: Any) -> Node:
        return _multiply(self, other)

    def __matmul__(self, other: Any) -> Node:
        return _matmul(self, other)

    # ---- the other operators, and a method for each operation of section 2 -----------

    __radd__, __rmul__ = __add__, __mul__

    def __rmatmul__(self, other: Any) -> Node:
        return _matmul(other, self)

    def __sub__(self, other: Any) -> Node:
        return _subtract(self, other)

    def __rsub__(self, other: Any) -> Node:
        return _subtract(other, self)

    def __truediv__(self, other: Any) -> Node:
        return _divide(self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return _divide(other, self)

    def __pow__(self, other: Any) -> Node:
        return _power(self, other)

    def __rpow__(self, other: Any) -> Node:
        return _power(other, self)

    def __neg__(self) -> Node:
        return _negative(self)

    def dot(self, other: Any) -> Node:
        """Return the matrix product ``self @ other``, (n, k) by (k, m)."""
        return self @ other

    def transpose(self) -> Node:
        """Return the transposed matrix, (m, n)."""
        return _transpose(self)

    T = property(transpose)

    def reshape(self, *shape: Any) -> Node:
        """Return the same entries, row by row, as ``reshape(rows, columns)``.

        One of the two may be -1. One length alone gives a column.
        """
        if len(shape) == 1:
            shape = shape[0] if isinstance(shape[0], Sequence) else (shape[0], 1)
        if len(shape) != 2:
            raise ValueError(f"reshape: got {shape}; give rows, columns")
        return _reshape(self, options=(tuple(shape),))

    def __getitem__(self, index: Any) -> Node:
        """Return entries. A whole number keeps its axis: ``x[0]`` is the row (1, m)."""
        parts = index if isinstance(index, tuple) else (index,)
        lists = tuple([p] if isinstance(p, (int, np.integer)) else p for p in parts)
        return _index(self, options=(lists,))

    def sum(self, axis: int | None = None) -> Node:
        """Add up all entries, (1, 1); ``axis=0`` each column, ``axis=1`` each row."""
        return _sum(self, options=(axis,))

    def mean(self, axis: int | None = None) -> Node:
        """Average all entries, (1, 1); ``axis=0`` each column, ``axis=1`` each row."""
        how_many = self.value.size if axis is None else self.shape[axis]
        return self.sum(axis) / how_many

    def max(self, axis: int | None = None) -> Node:
        """Return the largest entry; entries that tie share its gradient equally."""
        return _max(self, options=(axis,))

    def exp(self) -> Node:
        """Return exp(x)."""
        return _exp(self)

    def log(self) -> Node:
        """Return the natural logarithm; at 0 that of the smallest normal number.

        So log(0) is -708.4 in float64 and -87.3 in float32, its derivative there 0,
        and 0 * log(0) is 0, as entropy wants it. The logarithm of a negative number
        is NaN. For the logarithm of a sigmoid or softmax use ``bce_with_logits`` or
        ``softmax_cross_entropy``, whose gradients stay right when outputs saturate.
        """
        return _log(self)

    def square(self) -> Node:
        """Return x**2."""
        return _square(self)

    def sqrt(self) -> Node:
        """Return the square root; its derivative at 0 is infinite."""
        return _sqrt(self)

    def abs(self) -> Node:
        """Return the absolute value; its derivative at 0 is taken as 0."""
        return _abs(self)

    def tanh(self) -> Node:
        """Return tanh(x)."""
        return _tanh(self)

    def sigmoid(self) -> Node:
        """Return 1 / (1 + exp(-x))."""
        return _sigmoid(self)

    def relu(self) -> Node:
        """Return max(x, 0); the derivative at 0 is taken as 0."""
        return _relu(self)

    def leaky_relu(self, slope: float = 0.01) -> Node:
        """Return x where x > 0 and `slope` (dimensionless) times x elsewhere."""
        return _leaky_relu(self, options=(float(slope),))

    def selu(self) -> Node:
        """Return SELU: Klambauer et al. (2017), arXiv:1706.02515, eq. 2."""
        return _selu(self)

    def silu(self) -> Node:
        """Return x sigmoid(x): Hendrycks & Gimpel (2016), sec. 2."""
        return _silu(self)

    def gelu(self) -> Node:
        """Return x times the normal distribution function, in its tanh form.

        Hendrycks & Gimpel (2016), arXiv:1606.08415, sec. 2. The tanh form is within
        5e-4 of the exact one.
        """
        return _gelu(self)

    def softmax(self) -> Node:
        """Return exp(x), each row divided by its sum."""
        return _softmax(self)

    # ---- what a node says of itself --------------------------------------------------

    __array_ufunc__ = None  # so that array * node asks the node

    @property
    def shape(self) -> tuple[int, int]:
        """Return (rows, columns)."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype:
        """Return the dtype of the value."""
        return self.value.dtype

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        label = f", name={self.name!r}" if self.name else ""
        source = f", from {self.operation.name}" if self.operation else ""
        return f"Node({self.value}{label}{source})"

    def grad(self, seed: Any = 1) -> dict[str, Array]:
        """Return the gradients of all named leaves below as ``{name: (n, m) array}``.

        Takes and refuses what ``backward`` does; two leaves of one name are a
        ValueError as well.
        """
        self.backward(seed)
        leaves = [node for node in _ancestors(self) if node.name and not node.parents]
        gradients = {node.name: node.gradient for node in leaves}
        if len(gradients) < len(leaves):
            twice, _ = Counter(node.name for node in leaves).most_common(1)[0]
            raise ValueError(f"grad: two nodes are called {twice!r}; rename one")
        return gradients


# ======================================================================================
# 2. The table of operations
# ======================================================================================

# The formula, and beside it its derivative. In a rule, g is the gradient that arrives,
# y the operation's output, x or a, b its inputs. Three operations stand in section 1.

_subtract = Operation(
    "subtract", np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g
)
_divide = Operation(
    "divide", np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b
)
_negative = Operation("negative", np.negative, lambda g, y, x: -g)
_transpose = Operation("transpose", np.transpose, lambda g, y, x: g.T)
_reshape = Operation("reshape", np.reshape, lambda g, y, x, shape: g.reshape(x.shape))
_cast = Operation("cast", lambda x, dtype: x.astype(dtype))  # for constants only
_linear = (
    Operation(  # a layer, as one operation: one matrix less than x @ weight + bias
        "linear",
        lambda x, weight, bias: x @ weight + bias,
        lambda g, y, x, weight, bias: g @ weight.T,
        lambda g, y, x, weight, bias: x.T @ g,
        lambda g, y, x, weight, bias: g.sum(axis=0, keepdims=True),
    )
)


def _power_forward(a: Array, b: Array) -> Array:
    """Return a ** b; NumPy is quicker with one number than with a matrix of it."""
    return a ** (b.item() if b.size == 1 else b)


_power = Operation(  # the derivative in b counts only where a > 0
    "power",
    _power_forward,
    lambda g, y, a, b: g * np.where(b == 0, 0, b * _power_forward(a, b - 1)),
    lambda g, y, a, b: g * y * np.log(np.where(a > 0, a, 1)),
)

# Sums and maxima. The result keeps two dimensions; a full sum is (1, 1). All entries of
# a sum have the same share: `_unbroadcast` repeats it.

_sum = Operation(
    "sum", lambda x, axis: x.sum(axis=axis, keepdims=True), lambda g, y, x, axis: g
)


def _max_rule(g: Array, y: Array, x: Array, axis: int | None) -> Array:
    """Share the gradient equally among ties, as torch.amax does."""
    winners = x == y
    ties = winners.sum(axis=axis, keepdims=True, dtype=x.dtype)
    return g * winners / np.maximum(ties, 1)


_max = Operation("max", lambda x, axis: x.max(axis=axis, keepdims=True), _max_rule)


def _index_rule(g: Array, y: Array, x: Array, index: tuple) -> Array:
    """Add each entry of `g` where it was taken from; an entry taken twice gets both."""
    share = np.zeros_like(x)
    np.add.at(share, index, g.reshape(x[index].shape))
    return share


_index = Operation("index", lambda x, index: _matrix(x[index]), _index_rule)

# Functions of each entry.

_exp = Operation("exp", np.exp, lambda g, y, x: g * y)
_square = Operation("square", np.square, lambda g, y, x: g * 2 * x)
_sqrt = Operation("sqrt", np.sqrt, lambda g, y, x: g / (2 * y))
_abs = Operation("abs", np.abs, lambda g, y, x: g * np.sign(x))
_log = Operation(  # of 0: that of the smallest normal number, 2e-308 or 1e-38
    "log",
    lambda x: np.log(np.where(x == 0, np.finfo(x.dtype).tiny, x)),
    lambda g, y, x: np.where(x == 0, 0, g / np.where(x == 0, 1, x)),
)
_tanh = Operation("tanh", np.tanh, lambda g, y, x: g - g * y * y)
_sigmoid = Operation(
    "sigmoid", lambda x: 1 / (1 + np.exp(-x)), lambda g, y, x: g * (y - y * y)
)
# relu's y is 0 or positive: its sign is the slope.
_relu = Operation("relu", lambda x: np.maximum(x, 0), lambda g, y, x: g * np.sign(y))
_leaky_relu = Operation(
    "leaky_relu",
    lambda x, slope: np.where(x > 0, x, slope * x),
    lambda g, y, x, slope: np.where(x > 0, g, slope * g),
)

# SELU's two constants make mean 0 and variance 1 a fixed point: Klambauer et al.
# (2017), arXiv:1706.02515, eq. 14.
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

_selu = Operation(
    "selu",
    lambda x: (
        _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0)))
    ),
    lambda g, y, x: g * np.where(x > 0, _SELU_SCALE, y + _SELU_SCALE * _SELU_ALPHA),
)


def _silu_forward(x: Array) -> tuple[Array, Array]:
    gate = _sigmoid.forward(x)
    return x * gate, gate


_silu = Operation(
    "silu", _silu_forward, lambda g, y, x, gate: g * (gate + y - y * gate)
)

# GELU in its tanh form: Hendrycks & Gimpel (2016), arXiv:1606.08415, sec. 2.
_GELU_SLOPE, _GELU_CUBIC = 0.7978845608028654, 0.044715  # sqrt(2 / pi), and a fit


def _gelu_forward(x: Array) -> tuple[Array, Array, Array]:
    near = np.clip(x, -30, 30)  # farther out, the tanh is exactly 1 or -1
    gate = np.tanh(_GELU_SLOPE * (near + _GELU_CUBIC * near**3))
    return 0.5 * x * (1 + gate), near, gate


def _gelu_rule(g: Array, y: Array, x: Array, near: Array, gate: Array) -> Array:
    slope = _GELU_SLOPE * (1 + 3 * _GELU_CUBIC * near**2)
    return g * (0.5 * (1 + gate) + 0.5 * near * (1 - gate**2) * slope)


_gelu = Operation("gelu", _gelu_forward, _gelu_rule)


def _softmax_forward(x: Array) -> Array:
    """Divide exp(x) by its sum in each row, having moved the row's maximum to 0."""
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


_softmax = Operation(
    "softmax",
    _softmax_forward,
    lambda g, y, x: y * (g - (g * y).sum(axis=1, keepdims=True)),
)


def concatenate(nodes: Sequence[Node], axis: int = 0) -> Node:
    """Join nodes one below the other (``axis=0``) or side by side (``axis=1``).

    A ValueError says if there are none, or if their other lengths differ.
    """
    nodes = [_constant(node) for node in nodes]
    ends = np.cumsum([node.shape[axis] for node in nodes])[:-1]
    rules = [
        lambda g, y, *values, i=i: np.split(g, ends, axis)[i] for i in range(len(nodes))
    ]
    join = Operation(
        "concatenate", lambda *values: np.concatenate(values, axis), *rules
    )
    return join(*nodes)


# ======================================================================================
# 3. Losses
# ======================================================================================


def bce_with_logits(logits: Node, y: Any, reduction: str = "mean") -> Node:
    """Compute the cross-entropy of 0/1 labels and ``sigmoid(logits)``.

    Per entry this is ``max(z, 0) - z y + log(1 + exp(-|z|))``, in which nothing
    overflows and no logarithm meets a zero; the gradient is ``sigmoid(z) - y``.

    Parameters
    ----------
    logits : Node, (n, m)
        Outputs before the sigmoid.
    y : Node or array, (n, m), or (n,) for m = 1
        Labels or probabilities, in [0, 1].
    reduction : {"mean", "sum"}
        Mean over all entries (the default), or their sum.

    Returns
    -------
    Node, (1, 1)
        Cross-entropy in nats.

    Raises
    ------
    ValueError
        If the shapes differ; a row of labels for a column of logits is not
        broadcast.
    """
    scale = _scale(reduction, logits.value.size)
    return _bce(logits, _labels(logits, y, "bce_with_logits"), options=(scale,))


def _bce_forward(z: Array, y: Array, scale: float) -> Array:
    losses = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    return losses.sum(keepdims=True) * scale


_bce = Operation(
    "bce_with_logits",
    _bce_forward,
    lambda g, loss, z, y, scale: (_sigmoid.forward(z) - y) * (g * scale),
    lambda g, loss, z, y, scale: z * (-scale * g),
)


def softmax_cross_entropy(logits: Node, y: Any, reduction: str = "mean") -> Node:
    """Compute the cross-entropy of class labels and ``softmax(logits)``.

    Parameters
    ----------
    logits : Node, (n, classes)
        Outputs before the softmax.
    y : Node or array
        Either the class of each row, whole numbers of shape (n,) or (n, 1), or one
        probability for each class, (n, classes), rows that add up to 1.
    reduction : {"mean", "sum"}
        Mean over the n rows (the default), or their sum.

    Returns
    -------
    Node, (1, 1)
        Cross-entropy in nats.

    Raises
    ------
    ValueError
        If the shapes do not fit or a class is not in 0 .. classes - 1.
    """
    y, scale = _constant(y), _scale(reduction, len(logits))
    classes = logits.shape[1]
    if y.shape == (len(logits), 1) and classes > 1:
        y = _one_hot(y, options=(classes, logits.dtype))
        if np.count_nonzero(y.value) != len(logits):  # some row has no class
            raise ValueError(
                "softmax_cross_entropy: classes must be whole numbers in "
                f"0 .. {classes - 1}; count them from 0"
            )
    y = _labels(logits, y, "softmax_cross_entropy")
    return _softmax_ce(logits, y, options=(scale,))


_one_hot = Operation(
    "one_hot",
    lambda y, classes, dtype: (np.arange(classes)[:, None] == y.T).T.astype(dtype),
)


def _softmax_ce_forward(z: Array, y: Array, scale: float) -> tuple[Array, ...]:
    """Return the loss; keep the probabilities and their logarithms for the rules."""
    log_p = z - z.max(axis=1, keepdims=True)
    p = np.exp(log_p)
    sums = p.sum(axis=1, keepdims=True)
    log_p -= np.log(sums)
    p /= sums
    return (log_p * y).sum(keepdims=True) * -scale, p, log_p


_softmax_ce = Operation(
    "softmax_cross_entropy",
    _softmax_ce_forward,
    lambda g, loss, z, y, scale, p, log_p: (p - y) * (g * scale),
    lambda g, loss, z, y, scale, p, log_p: log_p * (-scale * g),
)


def _labels(logits: Node, y: Any, loss: str) -> Node:
    """Make of `y` a node with the shape and precision of the logits, or refuse it."""
    y = _constant(y)
    if y.shape != logits.shape:
        raise ValueError(
            f"{loss}: logits {logits.shape} and labels {y.shape} do not fit; "
            "give one label per row as (n,), or one per entry"
        )
    if y.dtype == logits.dtype or y.needs_gradient:
        return y
    return _cast(y, options=(logits.dtype,))  # labels do not widen float32


def _scale(reduction: str, size: int) -> float:
    """Return the factor of the summed loss: 1 for "sum", 1 / size for "mean"."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f'reduction must be "mean" or "sum", got {reduction!r}')
    return 1.0 / max(size, 1) if reduction == "mean" else 1.0


# ======================================================================================
# 4. Layers and models
# ======================================================================================


def _store(array: Array, dtype: np.dtype) -> Array:
    """Return a parameter's own copy of its start."""
    return array.astype(dtype)


# Section 7 has another layout for large parameters, and for what a layer computes.
_hook.store, _hook.linear = _store, _linear


class Layer:
    """Compute ``activation(x @ W + b)``; made by a model's ``Linear_Layer`` and others.

    Weights start as draws from U(-a, a) with a = 1 / sqrt(fan_in), biases at 0: the
    "commonly used heuristic" of Glorot & Bengio (2010), eq. 1. The variance of a
    weight is then 1 / (3 fan_in). It is a start that favours no activation; the
    course replaces it.

    Parameters
    ----------
    model : Model
        Draws the weights and keeps the parameters.
    fan_in, fan_out : int
        Inputs and outputs of the layer; columns of `x` and of the result.
    name : str
        Its parameters are called ``<name>_weight`` and ``<name>_bias``.
    activation : callable or None
        Takes a Node of shape (n, fan_out) and returns one.

    Attributes
    ----------
    name, fan_in, fan_out, activation
    weight : Node, (fan_in, fan_out)
    bias : Node, (1, fan_out)
    """

    def __init__(
        self, model: Model, fan_in: int, fan_out: int, name: str, activation: Activation
    ) -> None:
        for width in (fan_in, fan_out):
            if not isinstance(width, (int, np.integer)) or width < 1:
                raise ValueError(
                    f"layer {name!r}: fan_in and fan_out must be a positive int, "
                    f"got {width!r}; count the inputs and outputs of the layer"
                )
        self.name, self.activation = name, activation
        self.fan_in, self.fan_out = fan_in, fan_out
        bound = fan_in**-0.5
        weight = model.rng.uniform(-bound, bound, (fan_in, fan_out))
        self.weight = model.Parameter(weight, f"{name}_weight")
        self.bias = model.Parameter(np.zeros((1, fan_out)), f"{name}_bias")

    def __call__(self, x: Any) -> Node:
        """Return the layer's output, a Node (n, fan_out), for `x` of (n, fan_in)."""
        if not isinstance(x, Node):
            x = Node(np.asarray(x, self.weight.dtype), needs_gradient=False)
        z = _hook.linear(x, self.weight, self.bias, name=self.name)
        return self.activation(z) if self.activation else z


class Model:
    """Collect layers and their parameters; the base class of every network.

    A network is a subclass that makes its layers in ``__init__``, after
    ``super().__init__()``, and defines ``forward(x)`` and ``loss(x, y)``.

    Parameters
    ----------
    rng : np.random.Generator, optional
        Draws the layers' default start; without it, unpredictable draws.
    dtype : float dtype
        Precision of the parameters, float64 or float32.

    Examples
    --------
    >>> class Line(Model):
    ...     def __init__(self, rng=None):
    ...         super().__init__(rng)
    ...         self.line = self.Linear_Layer(1, 1, "line")
    ...     def forward(self, x):
    ...         return self.line(x)
    ...     def loss(self, x, y):
    ...         return (self.forward(x) - Node(y)).square().mean()
    >>> x = np.linspace(0, 1, 8)
    >>> net = Line(np.random.default_rng(0))
    >>> history = SGD(net, x, 2 * x, {"alpha": 0.5}).train(200, print_each=0)
    >>> net.get_param()["line_weight"].round(2)
    array([[2.]])
    """

    _layers: int | None = None  # how many there are, once __init__ has run

    def __init__(
        self, rng: np.random.Generator | None = None, dtype: Any = np.float64
    ) -> None:
        self.rng = np.random.default_rng() if rng is None else rng
        self.dtype = np.dtype(dtype)
        self._layers = 0
        self._parameters: dict[str, Node] = {}

    # ---- what a subclass defines -----------------------------------------------------

    def forward(self, x: Any) -> Node:
        """Return the network's output for `x`, (n, inputs); defined by a subclass."""
        raise NotImplementedError("Model: define forward(self, x) in your subclass")

    def loss(self, x: Any, y: Any) -> Node:
        """Return the loss as a (1, 1) Node; defined by a subclass."""
        raise NotImplementedError("Model: define loss(self, x, y) in your subclass")

    def __call__(self, x: Any) -> Node:
        """Return ``forward(x)``."""
        return self.forward(self._data(x))

    # ---- layers ----------------------------------------------------------------------

    def Linear_Layer(self, fan_in: int, fan_out: int, name: str = "") -> Layer:
        """Make a layer that computes ``x @ W + b``; see ``Layer`` for its start."""
        return self._layer(fan_in, fan_out, name, None)

    def ReLu_Layer(self, fan_in: int, fan_out: int, name: str = "") -> Layer:
        """Make a layer that computes ``relu(x @ W + b)``."""
        return self._layer(fan_in, fan_out, name, Node.relu)

    def Tanh_Layer(self, fan_in: int, fan_out: int, name: str = "") -> Layer:
        """Make a layer that computes ``tanh(x @ W + b)``."""
        return self._layer(fan_in, fan_out, name, Node.tanh)

    def Sigmoid_Layer(self, fan_in: int, fan_out: int, name: str = "") -> Layer:
        """Make a layer that computes ``sigmoid(x @ W + b)``."""
        return self._layer(fan_in, fan_out, name, Node.sigmoid)

    def _layer(
        self, fan_in: int, fan_out: int, name: str, activation: Activation
    ) -> Layer:
        if self._layers is None:
            raise RuntimeError("Model: call super().__init__() before making layers")
        name = name or f"layer_{self._layers}"
        self._layers += 1
        return Layer(self, fan_in, fan_out, name, activation)

    def Parameter(self, value: Any, name: str) -> Node:
        """Make a parameter outside any layer (a learnt scale, say) and return its Node.

        Parameters
        ----------
        value : number or array of at most two dimensions
            Its start; copied, in the model's dtype.
        name : str
            Its key in ``get_param()``.
        """
        if name in self._parameters:
            raise ValueError(f"Model: there is a parameter called {name!r} already")
        array = _hook.store(Node(value).value, self.dtype)
        self._parameters[name] = Node(array, name, needs_gradient=True)
        return self._parameters[name]

    # ---- parameters and gradients ----------------------------------------------------

    def get_param(self) -> dict[str, Array]:
        """Return the parameters, ``{"<layer>_weight": ..., "<layer>_bias": ...}``.

        The arrays are the live ones: ``np.copyto(array, new)`` changes the network.
        """
        return {name: node.value for name, node in self._parameters.items()}

    def set_param(self, new: Mapping[str, Any]) -> None:
        """Copy `new` arrays, some or all of them by name, into the parameters.

        Raises
        ------
        KeyError
            If a name is not one of the model's.
        ValueError
            If a shape differs. Nothing is changed then.
        """
        arrays = {name: np.array(value) for name, value in new.items()}
        for name, array in arrays.items():
            if name not in self._parameters:
                raise KeyError(f"set_param: no parameter is called {name!r}")
            if array.shape != self._parameters[name].shape:
                raise ValueError(
                    f"set_param: {name!r} has shape {self._parameters[name].shape}, "
                    f"got {array.shape}; nothing was changed"
                )
        for name, array in arrays.items():
            np.copyto(self._parameters[name].value, array, casting="same_kind")

    def get_grad(self, x: Any, y: Any) -> tuple[dict[str, Array], float]:
        """Return the gradient of ``loss(x, y)`` for each parameter, and the loss.

        Parameters
        ----------
        x : (n, inputs) array or Node
        y : labels as ``loss`` takes them

        Returns
        -------
        gradients : dict of str to array
            With the keys and shapes of ``get_param()``; zeros for a parameter that
            the loss does not use.
        loss : float

        Raises
        ------
        ValueError
            If the loss is not a (1, 1) node.
        """
        loss = self._loss_and_gradients(x, y)
        gradients = {name: node.gradient for name, node in self._parameters.items()}
        return gradients, float(loss.value[0, 0])

    def _loss_and_gradients(self, x: Any, y: Any) -> Node:
        """Compute the loss, and leave in every parameter its gradient."""
        for node in self._parameters.values():
            node.gradient = None
        with _hook.ignore_warnings():
            loss = self._loss(x, y)
            loss.backward()
        for node in self._parameters.values():
            if node.gradient is None:  # the loss does not use it
                node.gradient = np.zeros_like(node.value)
        return loss

    def _loss(self, x: Any, y: Any) -> Node:
        """Compute the loss. Inside `loss`, `Node(y)` is a constant: data."""
        with _switched(leaves_need_gradient=False):
            loss = self.loss(self._data(x), self._data(y))
        if not isinstance(loss, Node) or loss.shape != (1, 1):
            raise ValueError(
                "loss: must return a Node of shape (1, 1), got "
                f"{type(loss).__name__} of {np.shape(loss)}; end with .sum() or .mean()"
            )
        return loss

    def _data(self, data: Any) -> Any:
        """Give an array of floats the model's precision; leave the rest alone."""
        if isinstance(data, np.ndarray) and data.dtype.kind == "f":
            return data.astype(self.dtype, copy=False)
        return data


# ======================================================================================
# 5. Optimisers
# ======================================================================================


@dataclass
class History:
    """What happened in a training run.

    Attributes
    ----------
    loss : (steps,) float array
        Loss of each step's batch, before that step's update.
    steps : int
        Number of steps taken.
    stopped : bool
        Whether `stop` ended the run before its last step.
    seconds : float
        Time taken.
    trace : dict of str to dict of str to (steps,) float array
        ``trace[layer][quantity]``, a root mean square over all entries at each step:
        of "pre_activation" (``x @ W + b``) and "activation" (what the first operation
        on it made, or itself), of their gradients, "pre_activation_gradient" and
        "activation_gradient", and of "weight" and "weight_gradient". The weight is the
        one after the step, all else belongs to the step's forward and backward pass.
        A layer's second use in one step is called "<layer> (use 2)". Empty unless
        asked for.
    """

    loss: Array
    steps: int
    stopped: bool
    seconds: float
    trace: dict[str, dict[str, Array]]


class Optimiser:
    """Train a model in steps: draw a batch, get the gradient, take a step against it.

    The base class of ``SGD``, ``SGD_Momentum``, ``RMS_Prop`` and ``Adam``, which differ
    in the direction of their steps.

    Parameters
    ----------
    model : Model
    x_train : (n, inputs) array
    y_train : (n,) or (n, outputs) array
    hyperparam : dict, optional
        ``"alpha"``, the learning rate: a number, or a dict from parameter names to
        numbers (parameters that are not named keep still). Others: see the class.
        What is given here holds from the first step to the last.
    batch_size : int, optional
        Rows in each step, 128 unless told; None, or n and more, for all rows. Smaller
        batches are cut from a fresh permutation of the rows; what is left at its end,
        too few for a batch, is not used before the next permutation.
    rng : np.random.Generator, optional
        Draws the permutations; without it, the model's.

    Raises
    ------
    ValueError
        If x_train and y_train differ in length, a hyperparameter is unknown, or
        the batch size is not positive.
    """

    defaults: ClassVar[Mapping[str, float]] = {"alpha": 0.01}
    states: ClassVar[int] = 0  # running means per parameter

    def __init__(
        self,
        model: Model,
        x_train: Any,
        y_train: Any,
        hyperparam: Mapping[str, Any] | None = None,
        batch_size: int | None = 128,
        rng: np.random.Generator | None = None,
    ) -> None:
        who = type(self).__name__
        self.model, self.rng = model, model.rng if rng is None else rng
        self.x_train = model._data(np.asarray(x_train))
        self.y_train = model._data(np.asarray(y_train))
        rows = len(self.x_train)
        if rows != len(self.y_train) or rows == 0:
            raise ValueError(
                f"{who}: x_train has {rows} rows and y_train {len(self.y_train)}; "
                "each row needs its label"
            )
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"{who}: batch_size must be positive, got {batch_size}")
        self.batch_size = rows if batch_size is None else min(batch_size, rows)
        self.order = np.empty(0, int)  # rows of the current permutation still to use
        hyperparam = {**self.defaults, **(hyperparam or {})}
        _refuse_unknown(f"{who}: unknown hyperparam", hyperparam, self.defaults)
        rates = hyperparam.pop("alpha")
        if not isinstance(rates, Mapping):
            rates = dict.fromkeys(model._parameters, rates)
        _refuse_unknown(f"{who}: alpha names", rates, model._parameters)
        # As Python's numbers: those of NumPy would widen float32.
        self.hyperparam = {name: float(value) for name, value in hyperparam.items()}
        self.moving = {
            name: (node, float(rates.get(name, 0)))
            for name, node in model._parameters.items()
        }
        self.running = {
            name: [np.zeros_like(node.value) for _ in range(self.states)]
            for name, node in model._parameters.items()
        }
        self.steps_taken = 0

    def _batch(self) -> tuple[Array, Array]:
        """Draw the rows of the next batch, or return all rows in their order."""
        if self.batch_size == len(self.x_train):
            return self.x_train, self.y_train
        if len(self.order) < self.batch_size:
            self.order = self.rng.permutation(len(self.x_train))
        rows, self.order = np.split(self.order, [self.batch_size])
        return self.x_train[rows], self.y_train[rows]

    def train(
        self,
        steps: int = 1000,
        print_each: int | None = 100,
        hook: Callable[[int, float, Model], Any] | None = None,
        stop: Callable[[int, float, Model], bool] | None = None,
        trace: bool = False,
        record: bool = False,
    ) -> History:
        """Take steps and return what happened. Called again, it goes on.

        Parameters
        ----------
        steps : int
        print_each : int or None
            Print the loss after every so many steps; 0 or None for silence.
        hook : callable, optional
            ``hook(step, loss, model)`` is called after every step (counted from 1 in
            each call of ``train``), with the loss before the step: for a progress
            bar, or for records of your own. What it returns is ignored. NumPy's
            floating-point warnings are off in it, as in `stop`.
        stop : callable, optional
            ``stop(step, loss, model)``; when it returns true, training ends early.
        trace : bool
            Keep the size of every layer's signals and gradients at every step: see
            ``History``.
        record : bool
            Record the first step as a list of NumPy calls and replay it from the
            second. The results are the same, and small nets train about twice as fast.
            Only for a ``forward`` and a ``loss`` that do the same at every step: their
            Python runs in the first two steps and not again, so a choice that depends
            on values, or a list that they append to, would stand still. Fresh random
            draws are noticed.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If `record` is true and the second step, replayed, has another loss than
            the second step computed.
        """
        compute = self.model._loss_and_gradients
        if record:
            compute = _hook.record(self.model, self.batch_size == len(self.x_train))
        losses, traces, stopped = [], {}, False
        start = time.perf_counter()
        with _hook.ignore_warnings():
            for step in range(1, steps + 1):
                node = self._step(compute)
                loss = float(node.value[0, 0])
                losses.append(loss)
                if trace:
                    _trace(node, traces)
                if print_each and step % print_each == 0:
                    print(f"step {step}: loss {loss:.6g}")
                if hook is not None:
                    hook(step, loss, self.model)
                if stop is not None and stop(step, loss, self.model):
                    stopped = True
                    break
        seconds = time.perf_counter() - start
        arrays = {
            layer: {what: np.array(sizes) for what, sizes in quantities.items()}
            for layer, quantities in traces.items()
        }
        return History(np.array(losses), len(losses), stopped, seconds, arrays)

    def _step(self, compute: Callable[[Array, Array], Node]) -> Node:
        """Take one step and return the loss before it.

        `compute` is the model's ``_loss_and_gradients``, or its recording.
        """
        self.steps_taken += 1
        loss = compute(*self._batch())
        _hook.update(self)  # `_update`, below; section 7 does the same in groups
        return loss

    def _update(self) -> None:
        """Move each parameter against its direction, by its learning rate."""
        for name, (node, alpha) in self.moving.items():
            p, g = node.value, node.gradient
            p -= alpha * self._direction(g, *self.running[name])

    def _direction(self, g: Array, *running: Array) -> Array:
        """Turn a gradient into the direction to step against; update the running means.

        All arrays have the shape of a parameter, or of several that section 7 laid side
        by side: formulas work entry by entry.
        """
        raise NotImplementedError


class SGD(Optimiser):
    """Gradient descent: ``p -= alpha g``.

    Hyperparameters: ``alpha`` (0.01), the learning rate. See ``Optimiser`` for
    the arguments.
    """

    def _direction(self, g: Array) -> Array:
        return g


class SGD_Momentum(Optimiser):
    """Gradient descent with momentum: ``v = beta v + g; p -= alpha v``.

    Hyperparameters: ``alpha`` (0.01) and ``beta`` (0.9), the share of the velocity
    that is kept. Polyak (1964), with the rate outside the velocity. See ``Optimiser``
    for the arguments.
    """

    defaults: ClassVar = {"alpha": 0.01, "beta": 0.9}
    states = 1

    def _direction(self, g: Array, velocity: Array) -> Array:
        velocity *= self.hyperparam["beta"]
        velocity += g
        return velocity


class RMS_Prop(Optimiser):
    """Divide the gradient by a running root mean square of itself.

    ``s += (1 - beta) (g^2 - s); p -= alpha g / (sqrt(s) + epsilon)``.
    Hyperparameters: ``alpha`` (0.001), ``beta`` (0.9), ``epsilon`` (1e-8).
    Tieleman & Hinton (2012), lecture 6.5 of "Neural Networks for Machine Learning".
    See ``Optimiser`` for the arguments.
    """

    defaults: ClassVar = {"alpha": 0.001, "beta": 0.9, "epsilon": 1e-8}
    states = 1

    def _direction(self, g: Array, mean_square: Array) -> Array:
        mean_square += (1 - self.hyperparam["beta"]) * (g * g - mean_square)
        return g / (np.sqrt(mean_square) + self.hyperparam["epsilon"])


class Adam(Optimiser):
    """Divide a running mean of the gradient by a running root mean square.

    Both means start at 0 and are corrected for that. Hyperparameters: ``alpha``
    (0.001), ``beta1`` (0.9), ``beta2`` (0.999) and ``epsilon`` (1e-8). Kingma & Ba
    (2015), arXiv:1412.6980, algorithm 1, in the order of its section 2: the
    corrections are multiplied into one number per step. See ``Optimiser`` for the
    arguments.
    """

    defaults: ClassVar = {"alpha": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    states = 2

    def _direction(self, g: Array, mean: Array, mean_square: Array) -> Array:
        beta1, beta2 = self.hyperparam["beta1"], self.hyperparam["beta2"]
        mean += (1 - beta1) * (g - mean)
        mean_square += (1 - beta2) * (g * g - mean_square)
        root_correction = (1 - beta2**self.steps_taken) ** 0.5
        correction = root_correction / (1 - beta1**self.steps_taken)
        epsilon = self.hyperparam["epsilon"] * root_correction
        return correction * mean / (np.sqrt(mean_square) + epsilon)


def _record(model: Model, same_batch: bool) -> Callable[[Array, Array], Node]:
    """Return what computes a step's loss and gradients: here, what always does."""
    return model._loss_and_gradients


# Section 7 moves small parameters as one, and replays steps instead of computing them.
_hook.update, _hook.record = Optimiser._update, _record


_TRACED = "pre_activation", "activation", "weight"


def _trace(loss: Node, trace: dict[str, dict[str, list[float]]]) -> None:
    """Append the sizes of each layer's signals and gradients to `trace`."""
    nodes = _ancestors(loss)
    # Which operation came first on a node: of several, the oldest is entered last.
    first_on = {n.parents[0]: n for n in reversed(nodes) if len(n.parents) == 1}
    uses = Counter()
    for z in nodes:
        if z.operation is not _hook.linear:
            continue
        uses[z.name] += 1
        use = z.name if uses[z.name] == 1 else f"{z.name} (use {uses[z.name]})"
        sizes = trace.setdefault(use, {})
        activation, weight = first_on.get(z, z), z.parents[1]
        for what, node in zip(_TRACED, (z, activation, weight), strict=True):
            sizes.setdefault(what, []).append(_root_mean_square(node.value))
            frozen = node.gradient is None
            size = 0.0 if frozen else _root_mean_square(node.gradient)
            sizes.setdefault(f"{what}_gradient", []).append(size)


def _root_mean_square(array: Array) -> float:
    """Return sqrt(mean(a**2)) with one pass over the entries."""
    flat = array.ravel(order="K")
    return float(np.sqrt(np.dot(flat, flat) / max(flat.size, 1)))


# ======================================================================================
# 6. Guards
# ======================================================================================

_hook.tracking = True  # do nodes remember their parents? not inside no_grad()
_hook.leaves_need_gradient = True  # not while a model's own gradient is computed
_hook.detecting = False  # look for NaN and infinity in every result?


class _switched:
    """Set entries of `_hook` for the length of a ``with`` block, for all threads."""

    def __init__(self, **entries: Any) -> None:
        self.entries = entries

    def __enter__(self) -> None:
        self.before = {name: vars(_hook)[name] for name in self.entries}
        vars(_hook).update(self.entries)

    def __exit__(self, *exception: object) -> None:
        vars(_hook).update(self.before)


def no_grad() -> AbstractContextManager:
    """Switch off the memory of operations: ``with no_grad(): ...``.

    Nodes made inside have no parents, so values are freed at once and ``backward``
    cannot pass through them. Use it to evaluate a model.
    """
    return _switched(tracking=False)


def detect_nan() -> AbstractContextManager:
    """Name the operation that makes the first NaN or infinity: ``with detect_nan():``.

    Inside, every operation, forward and backward, checks what it made. It costs a
    pass over each result, so it is a switch for the search and not for the training.

    Raises
    ------
    FloatingPointError
        At the first result that is not finite; the message names the operation, the
        layer, and whether the operation's inputs were finite.
    """
    return _switched(detecting=True)


def _read_checked(value: Any, needs_gradient: bool | None) -> tuple[Array, bool]:
    """Read a value; integers never need a gradient, floats do unless told otherwise."""
    array = _matrix(value.value if isinstance(value, Node) else value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Node: must hold real numbers, got dtype {array.dtype}")
    if array.ndim > 2:
        raise ValueError(f"Node: shape {array.shape}; reshape each example to a row")
    if array.dtype.kind != "f" and not hasattr(value, "dtype"):
        array = array.astype(float)  # Python's whole numbers
    is_float = array.dtype.kind == "f"
    if needs_gradient and not is_float:
        raise TypeError("Node: integers have no gradient; pass value.astype(float)")
    if needs_gradient is None:
        needs_gradient = is_float and _hook.leaves_need_gradient
    return array, needs_gradient


def _make_nodes_of_floats(operation: Operation, inputs: Sequence) -> Sequence[Node]:
    """Give numbers and integers the precision of the others (float64 if alone)."""
    if all([getattr(x, "is_float", False) for x in inputs]):
        return inputs
    if not operation.rules:  # a constant may be made of integers
        return _make_nodes(operation, inputs)
    number = int, float, np.number
    inputs = [x if isinstance(x, number) else _constant(x) for x in inputs]
    floats = [x.dtype for x in inputs if getattr(x, "is_float", False)]
    dtype = np.result_type(*floats) if floats else np.dtype(float)
    for i, x in enumerate(inputs):
        if isinstance(x, number):
            inputs[i] = Node(np.full((1, 1), x, dtype), needs_gradient=False)
        elif not x.is_float:
            inputs[i] = _cast(x, options=(dtype,))
    return tuple(inputs)


def _make_seed_checked(node: Node, seed: Any) -> Array:
    """Make the seed, or say why there is nothing to go back from."""
    if not node.needs_gradient:
        raise ValueError(
            "backward: nothing below this node needs a gradient; it was made "
            "inside no_grad(), or only from integers (write x.astype(float))"
        )
    if seed is None and node.value.size != 1:
        raise ValueError(
            f"backward: shape {node.shape} needs a seed gradient; or call .sum()"
        )
    if seed is not None and np.shape(seed) not in ((), node.shape):
        raise ValueError(
            f"backward: the seed must have shape {node.shape}, got {np.shape(seed)}"
        )
    return _make_seed(node, seed)


def _ignore_warnings() -> AbstractContextManager:
    """Switch NumPy's floating-point warnings off."""
    return np.errstate(all="ignore")


def _call_without_warnings(node: Node, function: Callable, arguments: Sequence) -> Any:
    """Call a formula or a rule; NaN and infinity pass through."""
    with _hook.ignore_warnings():
        return function(*arguments)


def _call_checked(node: Node, function: Callable, arguments: Sequence) -> Array:
    """Call a formula or a rule; say what does not fit, and where a NaN was made."""
    try:
        result = _hook.inner_call(node, function, arguments)
    except ValueError as error:
        if message := _explain(node, function, arguments, error):
            raise ValueError(message) from error
        raise
    is_formula = function is node.operation.forward
    value = result[0] if isinstance(result, tuple) else result
    if is_formula and getattr(value, "ndim", 0) != 2:
        raise ValueError(
            f"{node.operation.name}: forward must return an array of two dimensions, "
            f"got shape {np.shape(value)}; give sums keepdims=True"
        )
    if _hook.detecting:
        _refuse_nan(node, value, is_formula)
    if is_formula and not _hook.tracking:
        node.operation, node.parents, node.arguments = None, (), ()
        return value
    return result


def _explain(
    node: Node, function: Callable, arguments: Sequence, error: ValueError
) -> str:
    """Say which shapes do not fit, and where; "" for what may be another error."""
    if function is node.operation.forward:
        shapes = " and ".join(str(parent.shape) for parent in node.parents)
        return (
            f"{node.operation.name}: the shapes {shapes} do not fit{_where(node)} "
            f"(NumPy says: {error}); print the .shape of both sides"
        )
    if function is not _unbroadcast:
        return ""
    return (
        f"backward: a rule returned a share of shape {arguments[0].shape} for an input "
        f"of shape {arguments[1]}; each rule returns the share of its own input"
    )


def _refuse_nan(node: Node, result: Array, is_formula: bool) -> None:
    """Raise FloatingPointError if a result holds a NaN or an infinity."""
    if np.isfinite(result).all():
        return
    inputs = [p.value for p in node.parents] if is_formula else [node.gradient]
    kind = "NaN" if np.isnan(result).any() else "infinity"
    origin = "its inputs held one already"
    if all(np.isfinite(array).all() for array in inputs):
        largest = max(np.abs(array).max(initial=0.0) for array in inputs)
        origin = f"its inputs were finite, the largest of size {largest:.3g}"
    maker = f"{'' if is_formula else 'the backward rule of '}{node.operation.name}"
    raise FloatingPointError(f"detect_nan: {maker} made {kind}{_where(node)}; {origin}")


def _where(node: Node) -> str:
    """Name for a message the nearest layer towards the inputs, by first parents."""
    name, parents = node.name, node.parents
    while not name and parents:
        if parents[0].parents:  # a leaf's name is not a layer's
            name = parents[0].name
        parents = parents[0].parents
    return f" in or after layer {name!r}" if name else ""


def _refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError if a given name is not among the known ones."""
    if strangers := sorted(set(given) - set(known)):
        raise ValueError(f"{what} {strangers}, not among {sorted(known)}")


_hook.read, _hook.make_nodes = _read_checked, _make_nodes_of_floats
_hook.make_seed, _hook.ignore_warnings = _make_seed_checked, _ignore_warnings
_hook.call, _hook.inner_call = _call_checked, _call_without_warnings


# ======================================================================================
# 7. Speed
# ======================================================================================
#
# Nothing here changes a result by more than rounding, and the file works without this
# section; `record=True` then changes nothing. Only its last lines, which put its
# functions into `_hook`, let the others know of it.
#
# _ignore_warnings_once   switches NumPy's warnings off for a whole step: to do so takes
#                         as long as a small operation.
# _linear_by_columns      stores x @ W + b in the order of memory in which what follows
#                         is quickest, _store_by_columns large weights: 1.4 times faster
#                         on a layer with 12288 inputs.
# _Group                  lays the gradients of small parameters side by side in one
#                         vector, so that an optimiser's formula runs once for all of
#                         them: with Adam, 1.2 times faster on small nets.
# _Tape                   records one step of a training loop as a list of NumPy calls,
#                         and replays it into the same arrays: no graph is built, no
#                         array is made. 1.3 to 2.3 times faster on small nets.

_LARGE = 2**14  # entries from which a parameter is stored transposed and moves alone
_nothing = nullcontext()  # for a `with` that has nothing to do
_hook.quiet = False  # are warnings off already?


def _ignore_warnings_once() -> AbstractContextManager:
    """Switch NumPy's warnings off, unless they are off already."""
    return _nothing if _hook.quiet else _quietly()


@contextmanager
def _quietly() -> Iterator[None]:
    """Switch them off, and call formulas and rules without switching again."""
    with _switched(quiet=True, inner_call=_call), np.errstate(all="ignore"):
        yield


def _linear_by_columns(x: Array, weight: Array, bias: Array) -> Array:
    """Return x @ weight + bias, stored column by column.

    (W.T @ x.T).T is x @ W in another order of memory. What follows keeps that order.
    Adding a bias, summing a column and comparing the entries of a row then run along
    memory: for narrow layers this is two to twenty times faster.
    """
    y = (weight.T @ x.T).T
    y += bias
    return y


_linear_quick = Operation(
    "linear",
    _linear_by_columns,
    lambda g, y, x, weight, bias: (weight @ g.T).T,
    # a weight that is stored by columns gets its gradient by columns
    lambda g, y, x, weight, bias: (g.T @ x).T if weight.flags.fnc else x.T @ g,
    lambda g, y, x, weight, bias: g.sum(axis=0, keepdims=True),
)


def _store_by_columns(array: Array, dtype: np.dtype) -> Array:
    """Return a parameter's own copy of its start, by columns if it is large."""
    return array.astype(dtype, order="F" if array.size >= _LARGE else "C")


class _Group:
    """Parameters that move together, at one rate: a large one, or all small ones."""

    def __init__(self, nodes: list[Node], rate: float, states: int) -> None:
        self.rate, self.step = rate, np.empty_like(nodes[0].value)
        self.windows = [(nodes[0], self.step)]  # each parameter's own part of the step
        if len(nodes) > 1:
            ends = np.cumsum([node.value.size for node in nodes])
            self.step = np.empty(ends[-1], nodes[0].dtype)
            parts = zip(nodes, np.split(self.step, ends[:-1]), strict=True)
            self.windows = [(node, part.reshape(node.shape)) for node, part in parts]
        self.states = [np.zeros_like(self.step) for _ in range(states)]

    def descend(self, direction: Callable[..., Array]) -> None:
        """Move each parameter by the rate against its direction."""
        if len(self.windows) == 1:
            g = self.windows[0][0].gradient
        else:
            g = np.concatenate([node.gradient.ravel() for node, _ in self.windows])
        np.multiply(direction(g, *self.states), self.rate, self.step)
        for node, window in self.windows:
            node.value -= window


def _update_in_groups(optimiser: Optimiser) -> None:
    """Move parameters of equal rates together; a large one is a group of its own."""
    if not hasattr(optimiser, "groups"):
        members: dict[tuple, list[Node]] = {}
        for name, (node, rate) in optimiser.moving.items():
            alone = name if node.value.size >= _LARGE else None
            members.setdefault((rate, alone), []).append(node)
        optimiser.groups = [
            _Group(nodes, rate, optimiser.states)
            for (rate, _), nodes in members.items()
        ]
    for group in optimiser.groups:
        group.descend(optimiser._direction)


def _owner(array: Array) -> Array:
    """Return the array whose memory `array` is a view of; itself, if of none."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class _Tracer(np.ndarray):
    """An array that notes the ufuncs called with it, and their results, in `calls`.

    Results are tracers as well, as are views, ``x.T`` for one. What would be computed
    in place, ``y += bias``, gets an array of its own.
    """

    calls: ClassVar[list[tuple[Callable, tuple]]] = []

    def __array_ufunc__(  # NumPy calls this instead of the ufunc
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **settings: Any
    ) -> Array:
        # Numbers as arrays without a dimension: NumPy takes those quicker.
        arrays = [np.asarray(a, getattr(a, "dtype", self.dtype)) for a in inputs]
        result = getattr(ufunc, method)(*arrays, **settings)
        if method == "reduce":
            axis, keepdims = settings.get("axis", 0), settings.get("keepdims", False)
            call = ufunc.reduce, (*arrays, axis, None, result, keepdims)
        else:
            call = _CALLS.get(ufunc, ufunc), (*arrays, result)
        _Tracer.calls.append(call)
        return result.view(_Tracer)


# A ufunc that does not take the array for its result as the last argument.
_CALLS = {np.maximum: lambda a, b, result: np.maximum(a, b, out=result)}

# Operations whose formula and rules consist of ufuncs and views alone. Others may make
# arrays that are not noted: np.where, x[index] and x.reshape do. A test tries each.
_TRACEABLE = {
    *(_add, _subtract, _multiply, _divide, _negative, _matmul, _transpose, _linear),
    *(_linear_quick, _sum, _max, _exp, _square, _sqrt, _abs, _tanh, _sigmoid, _relu),
    *(_silu, _gelu, _softmax, _bce, _softmax_ce),
}


def _recompute(results: list[Array], function: Callable, arguments: tuple) -> None:
    """Call a function again and copy what it returns into its earlier results."""
    for result, again in zip(results, _as_tuple(function(*arguments)), strict=True):
        np.copyto(result, again)


def _as_tuple(result: Any) -> tuple:
    return result if isinstance(result, tuple) else (result,)


class _Tape:
    """Do what ``_loss_and_gradients`` does, from the second step on by replaying.

    In the first step, ``_hook.inner_call`` is the tape's own. It calls every formula
    and every rule as always, and notes the NumPy calls that they make. Calls that do
    not depend on a parameter or, with `same_batch` false, on the batch are not noted:
    what they made stays as it is. Whether an array depends on these is known from the
    memory that it lies in: `known` holds the arrays that own such memory.

    A tape repeats the operations of the step it was made from and nothing else of it.
    Therefore the second step is computed as well as replayed, and is refused if its
    losses differ. A parameter that is bound to another array begins a new tape.
    """

    def __init__(self, model: Model, same_batch: bool) -> None:
        self.model, self.same_batch = model, same_batch
        self.parameters = list(model._parameters.values())
        self.arrays: list[Array] = []  # of the parameters, as the tape knows them

    def __call__(self, x: Array, y: Array) -> Node:
        """Compute the loss and leave in every parameter its gradient."""
        if _hook.detecting:
            return self.model._loss_and_gradients(x, y)
        arrays = [node.value for node in self.parameters]
        if not self.arrays or not all(map(is_, arrays, self.arrays)):
            self.x, self.y, self.arrays = x, y, arrays
            self._record()
            return self.loss
        if not self.same_batch:
            np.copyto(self.x, x)
            np.copyto(self.y, y)
        for function, arguments in self.calls:
            function(*arguments)
        if not self.checked:
            self._check()
        for node, gradient in zip(self.parameters, self.gradients, strict=True):
            node.gradient = gradient
        return self.loss

    def _record(self) -> None:
        """Compute the step, and note the calls that it consists of."""
        self.checked, self.calls, self.known = False, [], {}
        if not self.same_batch:
            self._learn(self.x, self.y)
        with _switched(inner_call=self._call):
            self.loss = self.model._loss_and_gradients(self.x, self.y)
        _Tracer.calls = []
        self.gradients = [node.gradient for node in self.parameters]

    def _learn(self, *arrays: Array) -> None:
        """Note that what lies in these arrays' memory changes from step to step."""
        for array in map(_owner, arrays):
            self.known[id(array)] = array

    def _knows(self, value: Any) -> bool:
        """Say whether a value is an array that changes from step to step."""
        return isinstance(value, np.ndarray) and id(_owner(value)) in self.known

    def _call(self, node: Node, function: Callable, arguments: Sequence) -> Any:
        """Call a formula or a rule; note the calls that it makes, or itself as one."""
        for parent in node.parents:
            if parent.needs_gradient and not parent.parents:
                self._learn(parent.value)  # a parameter
        if not any(map(self._knows, arguments)):
            return function(*arguments)  # of constants
        if node.operation in _TRACEABLE or isinstance(function, np.ufunc):
            _Tracer.calls = self.calls
            traced = [a.view(_Tracer) if self._knows(a) else a for a in arguments]
            results = [np.asarray(result) for result in _as_tuple(function(*traced))]
        else:
            results = [np.array(result) for result in _as_tuple(function(*arguments))]
            self.calls.append((_recompute, (results, function, arguments)))
        self._learn(*results)
        return tuple(results) if len(results) > 1 else results[0]

    def _check(self) -> None:
        """Compute the loss as well; refuse one that differs by more than rounding."""
        replayed, computed = self.loss.value, self.model._loss(self.x, self.y).value
        rounding = 1000 * np.finfo(replayed.dtype).eps
        if not np.isclose(replayed, computed, rounding, 0, equal_nan=True):
            raise ValueError(
                "train: record=True needs steps that repeat; the second's loss is "
                f"{computed[0, 0]:.9g}, replayed {replayed[0, 0]:.9g}; a draw or a "
                "choice in forward or loss needs record=False"
            )
        self.checked = True


_hook.ignore_warnings = _ignore_warnings_once
_hook.linear, _hook.store = _linear_quick, _store_by_columns
_hook.update, _hook.record = _update_in_groups, _Tape
