"""A small engine for differentiable programming, written to be read from the top.

A program on matrices is a graph: every operation makes a new value and remembers
which values it was made from. To differentiate the program, walk the graph from its
end to its beginning and apply the chain rule at each operation. That is the whole
idea; the rest of this file is bookkeeping around it, in this order:

1. Operations: what a forward formula and its derivative rules look like.
2. Nodes: values that remember where they came from, and ``backward``.
3. Losses: cross-entropy that survives saturated outputs.
4. Layers and models: named parameters and the gradient of a loss.
5. Optimisers: four update rules under one training loop.
6. Speed: what is there only for speed. It changes no result and can be left out.

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
rules read the values as they are at that moment, so the gradient would belong to no
function at all. Change parameters after ``backward``, as the optimisers do.

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

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np

__all__ = [
    "SGD",
    "Adam",
    "History",
    "Layer",
    "Model",
    "Node",
    "Operation",
    "Optimiser",
    "RMS_Prop",
    "SGD_Momentum",
    "bce_with_logits",
    "concatenate",
    "detect_nan",
    "no_grad",
    "softmax_cross_entropy",
]

Array = np.ndarray


# ======================================================================================
# 1. Operations
# ======================================================================================


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
        arrays.
    *rules : callable
        One for each parent: ``rule(g, y, *values, *options) -> array``. `g` is the
        gradient of the final number with respect to the output, `y` the output
        itself, both (n, m). The share returned has the parent's shape, or a shape
        that the parent's shape broadcasts to. Rules must not write to their inputs.
        Without any rule, the result is a constant.
    keeps : bool
        If true, `forward` returns ``(y, kept)``, and the rules are given `kept` as
        their last argument: something the forward pass knew already.

    Examples
    --------
    The cube, x**3, whose derivative is 3 x**2:

    >>> cube = Operation("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
    >>> x = Node([[1.0, 2.0]])
    >>> cube(x).sum().backward()
    >>> x.gradient
    array([[ 3., 12.]])
    """

    def __init__(
        self, name: str, forward: Callable, *rules: Callable, keeps: bool = False
    ) -> None:
        self.name, self.forward, self.rules, self.keeps = name, forward, rules, keeps

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"

    def __call__(
        self, *parents: Node, options: tuple = (), name: str | None = None
    ) -> Node:
        """Compute the operation and return a new node that remembers its parents.

        Parameters
        ----------
        *parents : Node
            The inputs.
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
        if self.rules and not all([parent.is_float for parent in parents]):
            parents = _without_integers(parents)
        node = Node.__new__(Node)
        node.name, node.number = name, next(_numbers)
        values = [parent.value for parent in parents]
        try:
            with _without_warnings():
                node.value, node.kept = self.compute(values, options)
        except ValueError as error:
            shapes = " and ".join(str(value.shape) for value in values)
            raise ValueError(
                f"{self.name}: the shapes {shapes} do not fit{_where(name, parents)} "
                f"(NumPy says: {error}); print the .shape of both sides"
            ) from error
        if getattr(node.value, "ndim", 0) != 2:
            raise ValueError(
                f"{self.name}: forward must return an array of two dimensions, got "
                f"{type(node.value).__name__} of shape {np.shape(node.value)}; give "
                "sums keepdims=True"
            )
        if _state.detecting:
            _refuse_nan(node.value, values, f"{self.name} made", _where(name, parents))
        node.needs_gradient = False
        if _state.tracking:
            node.operation, node.parents, node.options = self, parents, options
            if self.rules:
                node.needs_gradient = any([p.needs_gradient for p in parents])
        return node

    def compute(self, values: Sequence[Array], options: tuple) -> tuple[Array, tuple]:
        """Return the formula's result, and what it keeps for the rules, if it does."""
        result = self.forward(*values, *options)
        return (result[0], result[1:]) if self.keeps else (result, ())


@dataclass
class _State:
    """Hold the engine's switches (one for the process; not for threads)."""

    tracking: bool = True  # remember parents? off inside no_grad()
    leaves_need_gradient: bool = True  # off while a model's own gradient is computed
    detecting: bool = False  # look for NaN and infinity after every operation?
    quiet: bool = False  # on where NumPy's warnings are switched off already
    tuned: bool = True  # use what section 6 adds?


_state = _State()
_numbers = count()  # creation numbers: a node's is larger than its parents'
_nothing = nullcontext()


@contextmanager
def _switched(name: str, value: bool) -> Iterator[None]:
    """Set one switch of the engine for the length of a ``with`` block."""
    before = getattr(_state, name)
    setattr(_state, name, value)
    try:
        yield
    finally:
        setattr(_state, name, before)


def _without_warnings() -> AbstractContextManager:
    """Switch NumPy's floating-point warnings off, unless they are off already."""
    return _nothing if _state.quiet else _quietly()


@contextmanager
def _quietly() -> Iterator[None]:
    with _switched("quiet", True), np.errstate(all="ignore"):
        yield


def no_grad() -> AbstractContextManager:
    """Switch off the memory of operations: ``with no_grad(): ...``.

    Nodes made inside have no parents, so values are freed at once and ``backward``
    cannot pass through them. Use it to evaluate a model.
    """
    return _switched("tracking", False)


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
    return _switched("detecting", True)


def _refuse_nan(value: Array, inputs: Sequence[Array], what: str, where: str) -> None:
    """Raise FloatingPointError if `value` holds a NaN or an infinity."""
    if np.isfinite(value).all():
        return
    kind = "NaN" if np.isnan(value).any() else "infinity"
    origin = "its inputs held one already"
    if all(np.isfinite(array).all() for array in inputs):
        largest = max(np.abs(array).max(initial=0.0) for array in inputs)
        origin = f"its inputs were finite, the largest of size {largest:.3g}"
    raise FloatingPointError(f"detect_nan: {what} {kind}{where}; {origin}")


def _where(name: str | None, parents: Sequence[Node]) -> str:
    """Name for a message the nearest layer above, following first parents."""
    while name is None and parents:
        if parents[0].parents:  # a leaf's name is not a layer's
            name = parents[0].name
        parents = parents[0].parents
    return f" in or after layer {name!r}" if name else ""


# The table of operations: the formula, and beside it its derivative. In a rule, g is
# the gradient that arrives, y the operation's output, x or a, b its inputs.

_add = Operation("add", np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
_subtract = Operation(
    "subtract", np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g
)
_multiply = Operation(
    "multiply", np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a
)
_divide = Operation(
    "divide", np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b
)
_negative = Operation("negative", np.negative, lambda g, y, x: -g)
_power = Operation(  # x ** number
    "power",
    lambda x, n: x**n,
    lambda g, y, x, n: g * (n * x ** (n - 1)) if n else 0 * g,
)
_general_power = Operation(  # a ** b; the derivative in b counts only where a > 0
    "power",
    np.power,
    lambda g, y, a, b: g * np.where(b == 0, 0, b * a ** (b - 1)),
    lambda g, y, a, b: g * y * np.log(np.where(a > 0, a, 1)),
)
_matmul = Operation(
    "matmul", np.matmul, lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g
)
_transpose = Operation("transpose", np.transpose, lambda g, y, x: g.T)
_reshape = Operation(
    "reshape",
    lambda x, shape: x.reshape(shape),
    lambda g, y, x, shape: g.reshape(x.shape),
)
_cast = Operation("cast", lambda x, dtype: x.astype(dtype))  # for constants only


# x @ W + b as one operation makes one matrix less. Its results are stored column by
# column: (W.T @ x.T).T is x @ W in another order of memory. What follows keeps that
# order, and adding a bias, summing a column and comparing the entries of a row then
# run along memory: for narrow layers this is two to twenty times faster.


def _linear_forward(x: Array, weight: Array, bias: Array) -> Array:
    y = (weight.T @ x.T).T
    y += bias
    return y


def _linear_weight_rule(g: Array, y: Array, x: Array, weight: Array, b: Array) -> Array:
    if weight.flags.fnc:  # a weight stored by columns gets its gradient by columns
        return (g.T @ x).T
    return x.T @ g


_linear = Operation(
    "linear",
    _linear_forward,
    lambda g, y, x, weight, bias: (weight @ g.T).T,
    _linear_weight_rule,
    lambda g, y, x, weight, bias: g.sum(axis=0, keepdims=True),
)

# Sums. The result keeps two dimensions; a full sum is (1, 1).

_sum = Operation(
    "sum",
    lambda x, axis: x.sum(axis=axis, keepdims=True),
    lambda g, y, x, axis: np.broadcast_to(g, x.shape),
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
_relu = Operation("relu", lambda x: np.maximum(x, 0), lambda g, y, x: g * (y > 0))
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

# GELU in its tanh form: Hendrycks & Gimpel (2016), arXiv:1606.08415, sec. 2.
_GELU_SLOPE, _GELU_CUBIC = 0.7978845608028654, 0.044715  # sqrt(2 / pi), and a fit


def _gelu_gate(x: Array) -> tuple[Array, Array]:
    """Return tanh(u(x)), and x limited to where that tanh is not yet exactly 1."""
    near = np.clip(x, -30, 30)
    return np.tanh(_GELU_SLOPE * (near + _GELU_CUBIC * near**3)), near


def _gelu_rule(g: Array, y: Array, x: Array) -> Array:
    gate, near = _gelu_gate(x)
    slope = _GELU_SLOPE * (1 + 3 * _GELU_CUBIC * near**2)
    return g * (0.5 * (1 + gate) + 0.5 * near * (1 - gate**2) * slope)


_gelu = Operation("gelu", lambda x: 0.5 * x * (1 + _gelu_gate(x)[0]), _gelu_rule)


def _silu_rule(g: Array, y: Array, x: Array) -> Array:
    gate = _sigmoid.forward(x)
    return g * (gate + y * (1 - gate))


_silu = Operation("silu", lambda x: x * _sigmoid.forward(x), _silu_rule)


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


# ======================================================================================
# 2. Nodes
# ======================================================================================


def _matrix(value: Any) -> Array:
    """Turn a number, a list or an array into a matrix: see the module's conventions."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"Node: the value must hold real numbers, got dtype {array.dtype}; "
            "convert it with .astype(float)"
        )
    if array.ndim > 2:
        raise ValueError(
            f"Node: the value must have at most two dimensions, got shape "
            f"{array.shape}; reshape each example to one row"
        )
    return array if array.ndim == 2 else array.reshape(-1, 1)


def _constant(value: Any) -> Node:
    """Return `value` if it is a node, else a node without a gradient."""
    return value if isinstance(value, Node) else Node(value, needs_gradient=False)


def _without_integers(parents: Sequence[Node]) -> tuple[Node, ...]:
    """Give integer parents the precision of the others (float64 if there is none)."""
    floats = [parent.dtype for parent in parents if parent.is_float]
    dtype = np.result_type(*floats) if floats else np.dtype(float)
    return tuple([p if p.is_float else _cast(p, options=(dtype,)) for p in parents])


def _operator(operation: Operation) -> tuple[Callable, Callable]:
    """Return an operator's two methods: for ``node + other`` and ``other + node``."""
    return (
        lambda node, other: operation(node, node._other(other)),
        lambda node, other: operation(node._other(other), node),
    )


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
    parents : tuple of Node
        What the node was computed from; () for a leaf.

    Raises
    ------
    ValueError
        If the value has more than two dimensions.
    TypeError
        If the value does not hold real numbers, or if integers should need a gradient.
    """

    __array_ufunc__ = None  # so that array * node asks the node

    is_float = True
    gradient: Array | None = None
    operation: Operation | None = None  # with the next three: what made the node
    parents: tuple[Node, ...] = ()
    options: tuple = ()
    kept: tuple = ()

    def __init__(
        self, value: Any, name: str | None = None, needs_gradient: bool | None = None
    ) -> None:
        if isinstance(value, Node):
            value = value.value
        self.value: Array = _matrix(value)
        if self.value.dtype.kind != "f" and not hasattr(value, "dtype"):
            self.value = self.value.astype(float)
        self.is_float = self.value.dtype.kind == "f"
        if needs_gradient is None:
            needs_gradient = self.is_float and _state.leaves_need_gradient
        elif needs_gradient and not self.is_float:
            raise TypeError(
                f"Node: integers cannot have a gradient, got dtype {self.value.dtype}; "
                "pass value.astype(float)"
            )
        self.needs_gradient, self.name = needs_gradient, name
        self.number = next(_numbers)

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

    # ---- arithmetic ------------------------------------------------------------------

    __add__, __radd__ = _operator(_add)
    __sub__, __rsub__ = _operator(_subtract)
    __mul__, __rmul__ = _operator(_multiply)
    __truediv__, __rtruediv__ = _operator(_divide)
    __matmul__, __rmatmul__ = _operator(_matmul)
    _node_power, __rpow__ = _operator(_general_power)

    def __pow__(self, exponent: Any) -> Node:
        if isinstance(exponent, (int, float, np.number)):
            return _power(self, options=(float(exponent),))
        return self._node_power(exponent)

    def __neg__(self) -> Node:
        return _negative(self)

    def _other(self, other: Any) -> Node:
        """Make the other side of an operator a node; a number takes our precision."""
        if isinstance(other, (int, float, np.number)):
            other = np.full((1, 1), other, self.dtype if self.is_float else float)
        return _constant(other)

    def dot(self, other: Any) -> Node:
        """Return the matrix product ``self @ other``, (n, k) by (k, m)."""
        return self @ other

    # ---- shapes ----------------------------------------------------------------------

    def transpose(self) -> Node:
        """Return the transposed matrix, (m, n)."""
        return _transpose(self)

    T = property(transpose)

    def reshape(self, *shape: Any) -> Node:
        """Return the same entries, row by row, as ``reshape(rows, columns)``.

        One of the two may be -1. One length alone gives a column.
        """
        if len(shape) == 1:
            shape = (shape[0], 1) if np.isscalar(shape[0]) else tuple(shape[0])
        if len(shape) != 2:
            raise ValueError(
                f"reshape: a node has two dimensions, got {shape}; give rows, columns"
            )
        return _reshape(self, options=(shape,))

    def __getitem__(self, index: Any) -> Node:
        """Return entries. A whole number keeps its axis: ``x[0]`` is the row (1, m)."""
        parts = index if isinstance(index, tuple) else (index,)
        kept = tuple([p] if isinstance(p, (int, np.integer)) else p for p in parts)
        return _index(self, options=(kept,))

    # ---- sums ------------------------------------------------------------------------

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

    # ---- functions of each entry -----------------------------------------------------

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
        """Return the scaled exponential linear unit.

        Klambauer et al. (2017), arXiv:1706.02515, eq. 2.
        """
        return _selu(self)

    def gelu(self) -> Node:
        """Return x times the normal distribution function, in its tanh form.

        Hendrycks & Gimpel (2016), arXiv:1606.08415, sec. 2. The tanh form is within
        5e-4 of the exact one.
        """
        return _gelu(self)

    def silu(self) -> Node:
        """Return x sigmoid(x). Hendrycks & Gimpel (2016), arXiv:1606.08415, sec. 2."""
        return _silu(self)

    def softmax(self) -> Node:
        """Return exp(x), each row divided by its sum."""
        return _softmax(self)

    # ---- gradients -------------------------------------------------------------------

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
            Gradient of the final number with respect to this node. Left out, it is 1,
            which only makes sense for a (1, 1) node. A number counts for each entry.

        Raises
        ------
        ValueError
            If the node is not (1, 1) and no seed is given, if the seed has another
            shape, or if nothing below needs a gradient.
        """
        if not self.needs_gradient:
            raise ValueError(
                "backward: nothing below this node needs a gradient; it was made "
                "inside no_grad(), or only from integers (write x.astype(float))"
            )
        if seed is None and self.value.size != 1:
            raise ValueError(
                f"backward: a node of shape {self.shape} needs a seed gradient of "
                "that shape; or call .sum() or .mean() first"
            )
        seed = np.asarray(1 if seed is None else seed, self.dtype)
        if seed.ndim > 0 and seed.shape != self.shape:
            raise ValueError(
                f"backward: the seed gradient must have the node's shape {self.shape}, "
                f"got {seed.shape}"
            )
        nodes = _ancestors(self)
        for node in nodes:
            node.gradient = None
        self.gradient = np.full(self.shape, seed)
        with _without_warnings():
            for node in reversed(nodes):
                if node.parents:
                    _pass_on(node)

    def grad(self, seed: Any = 1) -> dict[str, Array]:
        """Return the gradients of all named leaves below as ``{name: (n, m) array}``.

        Takes and refuses what ``backward`` does; two leaves of one name are a
        ValueError as well.
        """
        self.backward(seed)
        gradients: dict[str, Array] = {}
        for node in _ancestors(self):
            if node.parents or node.name is None:
                continue
            if node.name in gradients:
                raise ValueError(
                    f"grad: two nodes are called {node.name!r}; give each its own name"
                )
            gradients[node.name] = node.gradient
        return gradients


def _ancestors(root: Node, all_parents: bool = False) -> list[Node]:
    """List the nodes that `root` was computed from, itself included, oldest first.

    Nodes that need no gradient are left out, unless `all_parents` is true.
    """
    seen, waiting = {root}, [root]
    while waiting:
        for parent in waiting.pop().parents:
            if (parent.needs_gradient or all_parents) and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(seen, key=attrgetter("number"))


def _pass_on(node: Node) -> None:
    """Add to each parent's gradient its share of this node's: the chain rule."""
    g, values = node.gradient, [parent.value for parent in node.parents]
    for parent, rule in zip(node.parents, node.operation.rules, strict=True):
        if not parent.needs_gradient:
            continue
        share = rule(g, node.value, *values, *node.options, *node.kept)
        if share.shape != parent.value.shape:
            share = _unbroadcast(share, parent.value.shape)
        if _state.detecting:
            what = f"the backward rule of {node.operation.name} made"
            _refuse_nan(share, [g], what, _where(node.name, node.parents))
        if parent.gradient is not None:
            parent.gradient += share
        else:
            parent.gradient = np.array(share) if _is_borrowed(share, g) else share


def _is_borrowed(share: Array, g: Array) -> bool:
    """Say whether a share may not be kept: every gradient has its own memory."""
    return share is g or (
        share.base is not None
        and (not share.flags.writeable or np.may_share_memory(share, g))
    )


def _unbroadcast(share: Array, shape: tuple[int, int]) -> Array:
    """Sum `share` over the axes along which a matrix of `shape` was broadcast."""
    for axis in (0, 1):
        if shape[axis] == 1 and share.shape[axis] != 1:
            share = share.sum(axis=axis, keepdims=True)
    try:
        return share if share.shape == shape else np.broadcast_to(share, shape)
    except ValueError:
        raise ValueError(
            f"backward: a rule returned a share of shape {share.shape} for an input of "
            f"shape {shape}; each rule returns the share of its own input"
        ) from None


def concatenate(nodes: Sequence[Node], axis: int = 0) -> Node:
    """Join nodes one below the other (``axis=0``) or side by side (``axis=1``).

    A ValueError says if there are none, or if their other lengths differ.
    """
    if not nodes:
        raise ValueError("concatenate: got no nodes; pass at least one")
    nodes = [_constant(node) for node in nodes]
    return _concatenation(axis, tuple(node.shape[axis] for node in nodes))(*nodes)


@cache
def _concatenation(axis: int, lengths: tuple[int, ...]) -> Operation:
    """Return the operation that joins matrices of these lengths along `axis`."""
    rules, start = [], 0
    for length in lengths:
        window = (slice(None),) * axis + (slice(start, start + length),)
        rules.append(lambda g, y, *values, window=window: g[window])
        start += length
    return Operation(
        "concatenate", lambda *values: np.concatenate(values, axis=axis), *rules
    )


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
    y = _labels(logits, y, "bce_with_logits", "one label per row as (n,) or (n, 1)")
    return _bce(logits, y, options=(_scale(reduction, logits.value.size),))


def _bce_forward(z: Array, y: Array, scale: float) -> Array:
    losses = np.log1p(np.exp(-np.abs(z)))
    losses += np.maximum(z, 0)
    losses -= z * y
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
    advice = "one class per row as (n,), or (n, classes) probabilities"
    y = _labels(logits, y, "softmax_cross_entropy", advice, classes=True)
    return _softmax_ce(logits, y, options=(_scale(reduction, len(logits)),))


def _softmax_ce_forward(z: Array, y: Array, scale: float) -> tuple[Array, Any]:
    """Return the loss; keep the probabilities and their logarithms for the rules."""
    log_p = z - z.max(axis=1, keepdims=True)
    p = np.exp(log_p)
    sums = p.sum(axis=1, keepdims=True)
    log_p -= np.log(sums)
    p /= sums
    loss = (log_p * y).sum(keepdims=True) * -scale
    return loss, (p, log_p)


_softmax_ce = Operation(
    "softmax_cross_entropy",
    _softmax_ce_forward,
    lambda g, loss, z, y, scale, kept: (kept[0] - y) * (g * scale),
    lambda g, loss, z, y, scale, kept: kept[1] * (-scale * g),
    keeps=True,
)


def _labels(
    logits: Node, y: Any, loss: str, advice: str, classes: bool = False
) -> Node:
    """Make of `y` a node with the shape and precision of the logits, or refuse it."""
    if not isinstance(logits, Node):
        raise TypeError(
            f"{loss}: logits must be a Node, got {type(logits).__name__}; "
            "write Node(logits)"
        )
    y, (n, columns) = _constant(y), logits.shape
    if classes and y.shape == (n, 1) and columns > 1:
        given = y.value
        y = _one_hot(y, options=(columns, logits.dtype))
        if np.count_nonzero(y.value) != n:  # some row has no class
            raise ValueError(
                f"{loss}: classes must be whole numbers in 0 .. {columns - 1}, got "
                f"{given.min()} .. {given.max()}; count classes from 0"
            )
    if y.shape != logits.shape:
        raise ValueError(
            f"{loss}: logits {logits.shape} and labels {y.shape} do not fit; "
            f"give {advice}"
        )
    if y.dtype == logits.dtype or y.needs_gradient:
        return y
    return _cast(y, options=(logits.dtype,))  # labels do not widen float32


_one_hot = Operation(
    "one_hot",
    lambda y, classes, dtype: (np.arange(classes)[:, None] == y.T).T.astype(dtype),
)


def _scale(reduction: str, size: int) -> float:
    """Return the factor of the summed loss: 1 for "sum", 1 / size for "mean"."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f'reduction must be "mean" or "sum", got {reduction!r}')
    if reduction == "sum":
        return 1.0
    return 1.0 / size if size else float("nan")


# ======================================================================================
# 4. Layers and models
# ======================================================================================


class Layer:
    """Compute ``activation(x @ W + b)``; made by a model's ``Linear_Layer`` and others.

    Weights start as draws from U(-a, a) with a = 1 / sqrt(fan_in), biases at 0: the
    "commonly used heuristic" of Glorot & Bengio (2010), eq. 1. The variance of a
    weight is then 1 / (3 fan_in). It is a start that favours no activation; the
    course replaces it.

    Parameters
    ----------
    fan_in, fan_out : int
        Inputs and outputs of the layer; columns of `x` and of the result.
    name : str
        Its parameters are called ``<name>_weight`` and ``<name>_bias``.
    activation : callable, optional
        Takes a Node of shape (n, fan_out) and returns one.
    rng : np.random.Generator
    parameter : callable
        ``parameter(value, name) -> Node``, the model's ``Parameter``.

    Attributes
    ----------
    weight : Node, (fan_in, fan_out)
    bias : Node, (1, fan_out)
    """

    def __init__(
        self,
        fan_in: int,
        fan_out: int,
        name: str,
        activation: Callable[[Node], Node] | None,
        rng: np.random.Generator,
        parameter: Callable[[Array, str], Node],
    ) -> None:
        for what, width in (("fan_in", fan_in), ("fan_out", fan_out)):
            if not isinstance(width, (int, np.integer)) or width < 1:
                raise ValueError(
                    f"layer {name!r}: {what} must be a positive int, got {width!r}; "
                    f"count the {'inputs' if what == 'fan_in' else 'outputs'}"
                )
        self.name, self.activation = name, activation
        self.fan_in, self.fan_out = int(fan_in), int(fan_out)
        bound = self.fan_in**-0.5
        weight = rng.uniform(-bound, bound, (self.fan_in, self.fan_out))
        self.weight = parameter(weight, f"{name}_weight")
        self.bias = parameter(np.zeros((1, self.fan_out)), f"{name}_bias")

    def __call__(self, x: Any) -> Node:
        """Return the layer's output, a Node (n, fan_out), for `x` of (n, fan_in)."""
        if not isinstance(x, Node):
            x = Node(np.asarray(x, self.weight.dtype), needs_gradient=False)
        if x.value.shape[1] != self.fan_in:
            raise ValueError(
                f"linear: layer {self.name!r} has a weight of shape "
                f"{self.weight.shape} and got x of shape {x.shape}; x must have "
                f"{self.fan_in} columns, one row per example"
            )
        z = _linear(x, self.weight, self.bias, name=self.name)
        return z if self.activation is None else self.activation(z)


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

    def __init__(
        self, rng: np.random.Generator | None = None, dtype: Any = np.float64
    ) -> None:
        self.rng = np.random.default_rng() if rng is None else rng
        self.dtype = np.dtype(dtype)
        self._layers = 0
        self._parameters: dict[str, Node] = {}
        self._blocks: list[_Block] = []  # where the parameters' arrays lie

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

    def Linear_Layer(self, fan_in: int, fan_out: int, name: str | None = None) -> Layer:
        """Make a layer that computes ``x @ W + b``; see ``Layer`` for its start."""
        return self._layer(fan_in, fan_out, name, None)

    def ReLu_Layer(self, fan_in: int, fan_out: int, name: str | None = None) -> Layer:
        """Make a layer that computes ``relu(x @ W + b)``."""
        return self._layer(fan_in, fan_out, name, Node.relu)

    def Tanh_Layer(self, fan_in: int, fan_out: int, name: str | None = None) -> Layer:
        """Make a layer that computes ``tanh(x @ W + b)``."""
        return self._layer(fan_in, fan_out, name, Node.tanh)

    def Sigmoid_Layer(
        self, fan_in: int, fan_out: int, name: str | None = None
    ) -> Layer:
        """Make a layer that computes ``sigmoid(x @ W + b)``."""
        return self._layer(fan_in, fan_out, name, Node.sigmoid)

    def _layer(
        self, fan_in: int, fan_out: int, name: str | None, activation: Callable | None
    ) -> Layer:
        if "_layers" not in self.__dict__:
            raise RuntimeError(
                "Model: call super().__init__() in your __init__ before making layers"
            )
        name = f"layer_{self._layers}" if name is None else name
        layer = Layer(fan_in, fan_out, name, activation, self.rng, self.Parameter)
        self._layers += 1
        return layer

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
            raise ValueError(
                f"Model: there is a parameter called {name!r} already; "
                "give each layer and each parameter its own name"
            )
        node = Node(_matrix(value).astype(self.dtype), name, needs_gradient=True)
        _place(node, self._blocks)
        self._parameters[name] = node
        return node

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
                raise KeyError(
                    f"set_param: no parameter is called {name!r}; "
                    f"there are {', '.join(self._parameters)}"
                )
            shape = self._parameters[name].shape
            if array.shape != shape:
                raise ValueError(
                    f"set_param: {name!r} has shape {shape}, got {array.shape}; "
                    "nothing was changed"
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
        loss = self._backward(x, y)
        gradients = {
            name: np.zeros_like(node.value) if node.gradient is None else node.gradient
            for name, node in self._parameters.items()
        }
        return gradients, float(loss.value[0, 0])

    def _backward(self, x: Any, y: Any) -> Node:
        """Compute the loss and leave in every parameter its gradient."""
        for node in self._parameters.values():
            node.gradient = None
        # Data need no gradient: fresh nodes made by forward and loss are constants.
        with _without_warnings():
            with _switched("leaves_need_gradient", False):
                loss = self.loss(self._data(x), self._data(y))
            if not isinstance(loss, Node) or loss.shape != (1, 1):
                got = loss.shape if isinstance(loss, Node) else type(loss).__name__
                raise ValueError(
                    f"loss: must return a Node of shape (1, 1), got {got}; "
                    "end with .sum() or .mean()"
                )
            loss.backward()
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

    loss: Array = field(default_factory=lambda: np.empty(0))
    steps: int = 0
    stopped: bool = False
    seconds: float = 0.0
    trace: dict[str, dict[str, Array]] = field(default_factory=dict)


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
    states: ClassVar[int] = 0  # running quantities per parameter

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
        self.model = model
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
        self.rng = model.rng if rng is None else rng
        hyperparam = {**self.defaults, **(hyperparam or {})}
        alpha = hyperparam.pop("alpha")
        by_name = isinstance(alpha, Mapping)
        for what, given, known in (
            ("unknown hyperparam", hyperparam, self.defaults),
            ("alpha names", alpha if by_name else {}, model._parameters),
        ):
            if strangers := sorted(set(given) - set(known)):
                raise ValueError(
                    f"{who}: {what} {strangers}, not among {sorted(known)}"
                )
        # As Python's numbers: those of NumPy would widen float32.
        self.hyperparam = {name: float(value) for name, value in hyperparam.items()}
        self.hyperparam["alpha"] = alpha
        self.blocks = list(model._blocks)
        size = sum(block.used for block in self.blocks)
        self.state = np.zeros((self.states, size), model.dtype)
        rate = np.broadcast_to(model.dtype.type(0 if by_name else alpha), size)
        if by_name:
            rate = np.concatenate(
                [
                    np.full(node.value.size, alpha.get(node.name, 0.0), model.dtype)
                    for block in self.blocks
                    for node, *_ in block.members
                ]
            )
        # Values, rate, states: all that an update needs but the gradient, which is
        # found in the gradients' vector number n, in the same part as the values.
        self.pieces, start = [], 0
        for n, block in enumerate(self.blocks):
            for part in block.parts():
                stop = start + part.stop - part.start
                states = tuple(self.state[:, start:stop])
                self.pieces.append(
                    (block.values[part], rate[start:stop], states, n, part)
                )
                start = stop
        self.order = np.empty(0, int)  # rows of the current permutation still to use
        self.steps_taken = 0

    def _rows(self) -> Array | None:
        """Draw the rows of the next batch; None stands for all, in their order."""
        if self.batch_size == len(self.x_train):
            return None
        if len(self.order) < self.batch_size:
            self.order = self.rng.permutation(len(self.x_train))
        rows, self.order = np.split(self.order, [self.batch_size])
        return rows

    def _step(self) -> Node:
        """Take one step and return the loss before it."""
        rows = self._rows()
        x, y = self.x_train, self.y_train
        for block in self.blocks:
            block.take_back()
        loss = self.model._backward(*((x, y) if rows is None else (x[rows], y[rows])))
        self._descend([block.gather() for block in self.blocks])
        return loss

    def _descend(self, gradients: Sequence[Array]) -> None:
        """Move every parameter by its rate against its direction."""
        self.steps_taken += 1
        self._prepare()
        with _without_warnings():
            for values, rate, states, n, part in self.pieces:
                values -= rate * self._direction(gradients[n][part], *states)

    def _prepare(self) -> None:
        """Compute what the coming step needs and what is the same for all entries."""

    def _direction(self, g: Array, *states: Array) -> Array:
        """Turn gradients into the direction to step against, updating the states.

        All arrays have one shape, whichever; formulas work entry by entry.
        """
        raise NotImplementedError

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
            bar, or for records of your own. What it returns is ignored.
        stop : callable, optional
            ``stop(step, loss, model)``; when it returns true, training ends early.
        trace : bool
            Keep the size of every layer's signals and gradients at every step: see
            ``History``.
        record : bool
            Record the first two steps as a list of NumPy calls and replay it from the
            third. The results are the same, and small nets train about twice as fast.
            Only for a ``forward`` and a ``loss`` that do the same at every step: their
            Python does not run again, so a choice that depends on values, or a list
            that they append to, would stand still. Fresh random draws are noticed.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If `record` is true and the first two steps differ in more than their
            batch and the parameters.
        """
        take_step = _Recorder(self).step if record and _state.tuned else self._step
        losses = np.empty(steps)
        history = History()
        start = time.perf_counter()
        for step in range(1, steps + 1):
            node = take_step()
            losses[step - 1] = loss = float(node.value[0, 0])
            history.steps = step
            if trace:
                _trace(node, history.trace)
            if print_each and step % print_each == 0:
                print(f"step {step}: loss {loss:.6g}")
            if hook is not None:
                hook(step, loss, self.model)
            if stop is not None and stop(step, loss, self.model):
                history.stopped = True
                break
        history.loss = losses[: history.steps]
        history.seconds = time.perf_counter() - start
        history.trace = {
            layer: {what: np.array(sizes) for what, sizes in quantities.items()}
            for layer, quantities in history.trace.items()
        }
        return history


def _root_mean_square(array: Array) -> float:
    """Return sqrt(mean(a**2)) with one pass over the entries."""
    flat = array.ravel(order="K")
    return float(np.sqrt(np.dot(flat, flat) / max(flat.size, 1)))


def _trace(loss: Node, trace: dict[str, dict[str, list]]) -> None:
    """Append the sizes of each layer's signals and gradients to `trace`."""
    nodes = _ancestors(loss)
    outputs = {node: node for node in nodes if node.operation is _linear}
    for node in reversed(nodes):  # the oldest user of a layer's output comes last
        if len(node.parents) == 1 and node.parents[0] in outputs:
            outputs[node.parents[0]] = node
    uses = Counter()
    for z, activation in outputs.items():
        weight = z.parents[1]
        uses[z.name] += 1
        use = z.name if uses[z.name] == 1 else f"{z.name} (use {uses[z.name]})"
        sizes = trace.setdefault(use, {})
        for what, array in (
            ("pre_activation", z.value),
            ("activation", activation.value),
            ("pre_activation_gradient", z.gradient),
            ("activation_gradient", activation.gradient),
            ("weight", weight.value),
            ("weight_gradient", weight.gradient),
        ):
            sizes.setdefault(what, []).append(_root_mean_square(array))


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

    def _prepare(self) -> None:
        mean_correction = 1 - self.hyperparam["beta1"] ** self.steps_taken
        root_correction = (1 - self.hyperparam["beta2"] ** self.steps_taken) ** 0.5
        self.correction = root_correction / mean_correction
        self.epsilon = self.hyperparam["epsilon"] * root_correction

    def _direction(self, g: Array, mean: Array, mean_square: Array) -> Array:
        mean += (1 - self.hyperparam["beta1"]) * (g - mean)
        mean_square += (1 - self.hyperparam["beta2"]) * (g * g - mean_square)
        return self.correction * mean / (np.sqrt(mean_square) + self.epsilon)


# ======================================================================================
# 6. Speed
# ======================================================================================
#
# Nothing here changes a result. ``with _switched("tuned", False):`` leaves it out, and
# a test compares the two.
#
# _Block     parameters stay where they were made. Small ones lie side by side in one
#            vector, so that an optimiser's formula runs once for all of them: 1.2
#            times faster on small nets. Large weights are stored transposed, in the
#            order in which their gradient is quickest to compute: 1.2 times on a layer
#            with 12288 inputs. Updates run in parts that fit the cache: 1.1 times.
# _aligned   an array that starts at a multiple of 64 bytes suits the processor's widest
#            instructions: 1.1 times on small nets.
# _keep_freed_memory
#            memory that was freed is used again instead of being asked for anew from
#            the system, page by page: 1.1 times on wide layers.
# _Tape      a training loop may record one step as a list of NumPy calls and replay
#            it into the same arrays: no graph is built, no array is made.

_SHARED = 4096  # entries of a block of small parameters; larger ones stand alone
_TRANSPOSED = 2**16  # entries from which a weight is stored transposed
_PART = 8192  # entries that an update handles at a time: 64 KB, well within a cache


def _keep_freed_memory() -> None:
    """Tell the C library's malloc to keep up to 62 MB of freed memory for reuse.

    Where malloc is glibc's, freeing one large array raises its two thresholds: arrays
    up to that size come from memory it holds already, and it holds on to twice as
    much before giving any back (mallopt(3), M_MMAP_THRESHOLD). No page is touched.
    """
    np.empty(31 * 2**20, np.uint8)


_keep_freed_memory()


def _aligned(shape: tuple[int, ...], dtype: Any, order: str = "C") -> Array:
    """Return an array with undefined entries that starts at a multiple of 64 bytes."""
    size, itemsize = math.prod(shape), np.dtype(dtype).itemsize
    raw = np.empty(size + 64 // itemsize, dtype)
    start = -_address(raw) % 64 // itemsize
    return raw[start : start + size].reshape(shape, order=order)


def _aligned_like(array: Array) -> Array:
    """Return an array as `_aligned` makes it, with the shape and order of `array`."""
    return _aligned(array.shape, array.dtype, "C" if array.flags.c_contiguous else "F")


def _address(array: Array) -> int:
    return array.__array_interface__["data"][0]


class _Block:
    """Parameters that lie side by side in a vector, and their gradients in another.

    `size` is the number of entries there is room for.
    """

    def __init__(self, size: int, dtype: np.dtype) -> None:
        self.values, self.gradient = _aligned((size,), dtype), _aligned((size,), dtype)
        self.used = 0
        # Each parameter with its windows of the two vectors, shaped as it is.
        self.members: list[tuple[Node, Array, Array]] = []

    def add(self, node: Node) -> None:
        """Move a parameter's value into the block."""
        start, self.used = self.used, self.used + node.value.size
        large = _state.tuned and node.value.size >= _TRANSPOSED
        values, gradient = (
            vector[start : self.used].reshape(node.shape, order="F" if large else "C")
            for vector in (self.values, self.gradient)
        )
        np.copyto(values, node.value)
        node.value = values
        self.members.append((node, values, gradient))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make a copy of a block whose windows are windows of its own vectors."""
        _Block.__init__(self, len(state["values"]), state["values"].dtype)
        for node, *_ in state["members"]:
            self.add(node)

    def parts(self) -> list[slice]:
        """Cut the used entries into parts that fit the cache."""
        starts = range(0, self.used, _PART)
        return [slice(start, min(start + _PART, self.used)) for start in starts]

    def take_back(self) -> None:
        """Copy a parameter whose node was given another array into its place."""
        for node, values, _ in self.members:
            if node.value is not values:
                if node.shape != values.shape:
                    raise ValueError(
                        f"train: parameter {node.name!r} has shape {node.shape}, "
                        f"and had {values.shape} when it was made; make a new model"
                    )
                np.copyto(values, node.value)
                node.value = values

    def gather(self) -> Array:
        """Return the gradients as one vector, in the order of `values`."""
        for node, _, window in self.members:
            if node.gradient is None:
                window[...] = 0
            elif len(self.members) == 1 and node.gradient.strides == window.strides:
                return node.gradient.ravel(order="K")
            else:
                np.copyto(window, node.gradient)
        return self.gradient


def _place(node: Node, blocks: list[_Block]) -> None:
    """Move a parameter's value into the first block with room for it, or a new one."""
    size = node.value.size
    for block in blocks:
        if block.used + size <= len(block.values):
            break
    else:
        block = _Block(max(size, _SHARED if _state.tuned else 1), node.dtype)
        blocks.append(block)
    block.add(node)


class _Recorder:
    """Take an optimiser's steps: two as usual, and from the third on by a tape."""

    def __init__(self, optimiser: Optimiser) -> None:
        self.optimiser = optimiser
        x, y, rows = optimiser.x_train, optimiser.y_train, optimiser.batch_size
        self.batch = x, y
        if rows < len(x):
            self.batch = _aligned_like(x[:rows]), _aligned_like(y[:rows])
        self.tape: _Tape | None = None
        self.losses: list[Node] = []  # of the steps taken as usual

    def step(self) -> Node:
        """Take one step and return the loss before it."""
        optimiser = self.optimiser
        rows = optimiser._rows()
        if rows is not None:
            np.take(optimiser.x_train, rows, 0, self.batch[0], "clip")
            np.take(optimiser.y_train, rows, 0, self.batch[1], "clip")
        for block in optimiser.blocks:
            block.take_back()
        if len(self.losses) == 2:
            _check_repetition(*self.losses, self.batch)
            self.tape = _Tape(
                self.losses[1], optimiser.blocks, fixed_batch=rows is None
            )
            self.losses.clear()
        if self.tape is not None and not _state.detecting:
            loss = self.tape.replay()
            optimiser._descend([block.gradient for block in optimiser.blocks])
        else:
            loss = optimiser.model._backward(*self.batch)
            optimiser._descend([block.gather() for block in optimiser.blocks])
            if self.tape is None:
                self.losses.append(loss)
        return loss


def _check_repetition(first: Node, second: Node, batch: tuple[Array, Array]) -> None:
    """Raise ValueError unless two steps differ only in their batch and parameters."""
    graphs = [_ancestors(loss, all_parents=True) for loss in (first, second)]
    places = {node: i for graph in graphs for i, node in enumerate(graph)}
    problem = None
    if len(graphs[0]) != len(graphs[1]):
        problem = "their numbers of operations"
    for one, other in zip(*graphs, strict=False):
        parents = [[places[p] for p in node.parents] for node in (one, other)]
        if problem:
            break
        if one.operation is not other.operation or parents[0] != parents[1]:
            problem = f"the operation {one.operation or other.operation}"
        elif not _equal(one.options, other.options):
            problem = f"the options of {one.operation}"
        elif one.operation is None and not (
            one is other
            or any(np.may_share_memory(other.value, data) for data in batch)
            or np.array_equal(one.value, other.value, equal_nan=one.is_float)
        ):
            problem = f"a constant of shape {one.shape}"
    if problem:
        raise ValueError(
            f"train: record=True needs steps that repeat, and the first two differ in "
            f"{problem}; a draw or a choice in forward or loss needs record=False"
        )


def _equal(one: Any, other: Any) -> bool:
    """Compare options, which may be arrays, or tuples that hold arrays."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return np.array_equal(one, other)


class _Tape:
    """One training step as a list of NumPy calls, to be replayed into the same arrays.

    To make it, each formula and rule of the step runs once more on arrays that note
    the NumPy calls made with them (``_Listening``). The calls are the same, in the
    same order, so losses are the same to the last bit. An operation whose formulas
    are more than such calls is computed as a whole, and its result copied.

    A tape repeats the operations of the step it was made from and nothing else of
    it: no Python in ``forward`` runs again. Therefore two steps are compared before a
    tape is made, and what differs between them, other than the batch and the
    parameters, is an error.

    The gradients of the parameters go to their `blocks`. With a `fixed_batch`, the
    same at every step, what depends on the batch alone is not computed again.
    """

    def __init__(self, loss: Node, blocks: list[_Block], fixed_batch: bool) -> None:
        self.loss = loss
        self.calls = _Listening.calls = []
        self.windows = {node: w for block in blocks for node, _, w in block.members}
        with _without_warnings():
            for node in _ancestors(loss, all_parents=True):
                if node.parents and (node.needs_gradient or not fixed_batch):
                    self._record_forward(node)
                node.gradient = None
            loss.gradient = np.ones_like(loss.value)
            for window in self.windows.values():
                window[...] = 0  # for parameters that the loss does not use
            for node in reversed(_ancestors(loss)):
                for i, parent in enumerate(node.parents):
                    if parent.needs_gradient:
                        self._record_share(node, i, parent)
        _Listening.calls = []  # the tape alone holds its arrays

    def _record_forward(self, node: Node) -> None:
        if node.operation in _HEARD:
            values = [p.value.view(_Listening) for p in node.parents]
            value, node.kept = node.operation.compute(values, node.options)
            node.value = np.asarray(value)  # the same memory, which no longer listens
        else:
            node.value = _aligned_like(node.value)
            self._note(_recompute, node)

    def _record_share(self, node: Node, i: int, parent: Node) -> None:
        begin, g = len(self.calls), node.gradient
        if node.operation in _HEARD:
            share = _share(node, i, g.view(_Listening), _Listening)
            if _is_borrowed(share, g):  # copied at each replay
                borrowed, share = np.asarray(share), _aligned_like(share)
                self._note(np.copyto, np.asarray(share), borrowed)
            share = np.asarray(share)
        else:
            share = _aligned_like(parent.value)
            self._note(_recompute_share, node, i, g, share)
        if parent.gradient is not None:
            self._note(np.add, parent.gradient, share, parent.gradient)
        elif parent in self.windows:
            parent.gradient = self.windows[parent]
            self._redirect(begin, share, parent.gradient)
        else:
            parent.gradient = share

    def _note(self, function: Callable, *arguments: Any) -> None:
        self.calls.append((function, arguments))

    def _redirect(self, begin: int, array: Array, place: Array) -> None:
        """Let the calls from number `begin` on use `place` where they used `array`."""

        def replaced(argument: Any) -> Any:
            if not isinstance(argument, np.ndarray) or (
                _address(argument) != _address(array)
            ):
                return argument
            return place if argument.strides == array.strides else place.T

        self.calls[begin:] = [
            (function, tuple(map(replaced, arguments)))
            for function, arguments in self.calls[begin:]
        ]

    def replay(self) -> Node:
        """Compute the step again, for what the batch and the parameters hold now."""
        with _without_warnings():
            for function, arguments in self.calls:
                function(*arguments)
        for node, window in self.windows.items():
            node.gradient = window
        return self.loss


class _Listening(np.ndarray):
    """An array that notes the ufuncs called with it, and their results, in `calls`.

    Results are aligned arrays that listen as well, as do views, ``x.T`` for one.
    """

    calls: ClassVar[list[tuple[Callable, tuple]]] = []

    def __array_ufunc__(  # NumPy calls this instead of the ufunc
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **settings: Any
    ) -> Array:
        # Numbers as arrays without a dimension: NumPy takes those quicker.
        arrays = [
            np.asarray(a, None if isinstance(a, np.ndarray) else self.dtype)
            for a in inputs
        ]
        if out is None:
            result = _aligned_like(getattr(ufunc, method)(*arrays, **settings))
            if result.dtype == bool:  # a comparison: 0.0 and 1.0 multiply quicker
                result = _aligned_like(result.astype(self.dtype))
        else:
            result = np.asarray(out[0])
        if method == "reduce":
            axis, keepdims = settings.get("axis", 0), settings.get("keepdims", False)
            call = ufunc.reduce, (*arrays, axis, None, result, keepdims)
        else:
            call = _CALLS.get(ufunc, ufunc), (*arrays, result)
        self.calls.append(call)
        call[0](*call[1])  # so that `result` holds what the next call may need
        return result.view(_Listening)


# Ufuncs that do not take the array for their result as the last argument.
_CALLS = {np.maximum: lambda a, b, result: np.maximum(a, b, out=result)}


def _share(node: Node, i: int, g: Array, kind: type = np.ndarray) -> Array:
    """Return what a node's gradient `g` gives to its parent `i`."""
    y, *values = (n.value.view(kind) for n in (node, *node.parents))
    share = node.operation.rules[i](g, y, *values, *node.options, *node.kept)
    return _unbroadcast(share, values[i].shape)


def _recompute(node: Node) -> None:
    """Compute a node's value again, into its array."""
    values = [parent.value for parent in node.parents]
    value, node.kept = node.operation.compute(values, node.options)
    np.copyto(node.value, value)


def _recompute_share(node: Node, i: int, g: Array, share: Array) -> None:
    """Compute what a node's gradient `g` gives to its parent `i`, into `share`."""
    np.copyto(share, _share(node, i, g))


# Operations whose formula and rules consist of ufuncs and views alone. Others may make
# arrays that do not listen: np.where, x[index] and x.reshape do.
_HEARD: set[Operation] = {
    *(_add, _subtract, _multiply, _divide, _negative, _matmul, _linear, _sum),
    *(_exp, _square, _sqrt, _abs, _tanh, _sigmoid, _relu, _silu, _softmax),
    *(_bce, _softmax_ce),
}
