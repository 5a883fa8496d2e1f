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

import copy
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
Activation = Callable[["Node"], "Node"] | None


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
        arrays. It may also return a tuple, ``(array, kept, ...)``: what is kept is
        handed to the rules, which need not compute it again.
    *rules : callable
        One for each parent: ``rule(g, y, *values, *options, *kept) -> array``. `g` is
        the gradient of the final number with respect to the output, `y` the output
        itself, both (n, m). The share returned has the parent's shape, or a shape
        that the parent's shape broadcasts to. Rules must not write to their inputs.
        Without any rule, the result is a constant.

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

    def __call__(self, *parents: Node, options: tuple = (), name: str = "") -> Node:
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
        values, kept = [parent.value for parent in parents], ()
        try:
            with _without_warnings():
                value = self.forward(*values, *options)
        except ValueError as error:
            shapes = " and ".join(str(value.shape) for value in values)
            raise ValueError(
                f"{self.name}: the shapes {shapes} do not fit{_where(name, parents)} "
                f"(NumPy says: {error}); print the .shape of both sides"
            ) from error
        if isinstance(value, tuple):
            value, *kept = value  # for the rules
        if getattr(value, "ndim", 0) != 2:
            raise ValueError(
                f"{self.name}: forward must return an array of two dimensions, got "
                f"shape {np.shape(value)}; give sums keepdims=True"
            )
        if _state.detecting:
            _refuse_nan(value, values, f"{self.name} made", _where(name, parents))
        node = Node.__new__(Node)  # Node(value) would check what is known here
        node.value, node.name, node.number = value, name, next(_numbers)
        node.needs_gradient = False
        if _state.tracking:
            node.operation, node.parents, node.options = self, parents, options
            if self.rules and any([parent.needs_gradient for parent in parents]):
                node.needs_gradient, node.kept = True, kept
        return node


_numbers = count()  # creation numbers: a node's is larger than its parents'
_nothing = nullcontext()  # for a `with` that has nothing to do
_state = SimpleNamespace(  # the engine's switches: one for the process, not for threads
    tracking=True,  # remember parents? off inside no_grad()
    leaves_need_gradient=True,  # off while a model's own gradient is computed
    detecting=False,  # look for NaN and infinity after every operation?
    quiet=False,  # on where NumPy's warnings are switched off already
    tuned=True,  # use what section 6 adds?
)


class _switched:
    """Set some of the engine's switches for the length of a ``with`` block."""

    def __init__(self, **switches: bool) -> None:
        self.switches = switches

    def __enter__(self) -> None:
        self.before = {**vars(_state)}
        vars(_state).update(self.switches)

    def __exit__(self, *exception: object) -> None:
        vars(_state).update(self.before)


def _without_warnings() -> AbstractContextManager:
    """Switch NumPy's floating-point warnings off, unless they are off already."""
    return _nothing if _state.quiet else _quietly()


@contextmanager
def _quietly() -> Iterator[None]:
    """Do so, and remember it: np.errstate takes as long as a small operation."""
    with _switched(quiet=True), np.errstate(all="ignore"):
        yield


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


def _where(name: str, parents: Sequence[Node]) -> str:
    """Name for a message the nearest layer above, following first parents."""
    while not name and parents:
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
_matmul = Operation(
    "matmul", np.matmul, lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g
)
_transpose = Operation("transpose", np.transpose, lambda g, y, x: g.T)
_reshape = Operation("reshape", np.reshape, lambda g, y, x, shape: g.reshape(x.shape))
_cast = Operation("cast", lambda x, dtype: x.astype(dtype))  # for constants only


def _power_forward(a: Array, b: Array) -> Array:
    """Return a ** b; NumPy is quicker with one number than with a matrix of it."""
    return a ** (b.item() if b.size == 1 else b)


_power = Operation(  # the derivative in b counts only where a > 0
    "power",
    _power_forward,
    lambda g, y, a, b: g * np.where(b == 0, 0, b * _power_forward(a, b - 1)),
    lambda g, y, a, b: g * y * np.log(np.where(a > 0, a, 1)),
)


# x @ W + b as one operation makes one matrix less. Its results are stored column by
# column: (W.T @ x.T).T is x @ W in another order of memory. What follows keeps that
# order, and adding a bias, summing a column and comparing the entries of a row then
# run along memory: for narrow layers this is two to twenty times faster.


def _linear_forward(x: Array, weight: Array, bias: Array) -> Array:
    y = (weight.T @ x.T).T
    y += bias
    return y


_linear = Operation(
    "linear",
    _linear_forward,
    lambda g, y, x, weight, bias: (weight @ g.T).T,
    # a weight that is stored by columns (section 6) gets its gradient by columns
    lambda g, y, x, weight, bias: (g.T @ x).T if weight.flags.fnc else x.T @ g,
    lambda g, y, x, weight, bias: g.sum(axis=0, keepdims=True),
)

# Sums. The result keeps two dimensions; a full sum is (1, 1).

_sum = Operation(
    "sum",
    lambda x, axis: x.sum(axis=axis, keepdims=True),
    lambda g, y, x, axis: np.broadcast_to(g, x.shape, subok=True),  # see section 6
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


# ======================================================================================
# 2. Nodes
# ======================================================================================


def _matrix(value: Any) -> Array:
    """Turn a number, a list or an array into a matrix: see the module's conventions."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Node: must hold real numbers, got dtype {array.dtype}")
    if array.ndim > 2:
        raise ValueError(f"Node: shape {array.shape}; reshape each example to a row")
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


def _method(operation: Operation, docstring: str) -> Callable[[Node], Node]:
    """Return a Node's method that applies an operation of one input."""

    def method(self: Node) -> Node:
        return operation(self)

    method.__name__, method.__doc__ = operation.name, docstring
    method.__qualname__ = f"Node.{operation.name}"
    return method


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
    kept: Sequence = ()

    def __init__(
        self, value: Any, name: str = "", needs_gradient: bool | None = None
    ) -> None:
        if isinstance(value, Node):
            value = value.value
        self.value: Array = _matrix(value)
        if self.value.dtype.kind != "f" and not hasattr(value, "dtype"):
            self.value = self.value.astype(float)  # Python's whole numbers
        self.is_float = self.value.dtype.kind == "f"
        if needs_gradient and not self.is_float:
            raise TypeError("Node: integers have no gradient; pass value.astype(float)")
        if needs_gradient is None:
            needs_gradient = self.is_float and _state.leaves_need_gradient
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
    __pow__, __rpow__ = _operator(_power)
    __neg__ = _method(_negative, "Return -x.")

    def _other(self, other: Any) -> Node:
        """Make the other side of an operator a node; a number takes our precision."""
        if isinstance(other, (int, float, np.number)):
            other = np.full((1, 1), other, self.dtype if self.is_float else float)
        return _constant(other)

    def dot(self, other: Any) -> Node:
        """Return the matrix product ``self @ other``, (n, k) by (k, m)."""
        return self @ other

    # ---- shapes ----------------------------------------------------------------------

    transpose = _method(_transpose, "Return the transposed matrix, (m, n).")
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

    exp = _method(_exp, "Return exp(x).")
    square = _method(_square, "Return x**2.")
    sqrt = _method(_sqrt, "Return the square root; its derivative at 0 is infinite.")
    abs = _method(_abs, "Return the absolute value; its derivative at 0 is taken as 0.")
    tanh = _method(_tanh, "Return tanh(x).")
    sigmoid = _method(_sigmoid, "Return 1 / (1 + exp(-x)).")
    relu = _method(_relu, "Return max(x, 0); the derivative at 0 is taken as 0.")
    selu = _method(
        _selu, "Return SELU: Klambauer et al. (2017), arXiv:1706.02515, eq. 2."
    )
    silu = _method(_silu, "Return x sigmoid(x): Hendrycks & Gimpel (2016), sec. 2.")
    softmax = _method(_softmax, "Return exp(x), each row divided by its sum.")

    def log(self) -> Node:
        """Return the natural logarithm; at 0 that of the smallest normal number.

        So log(0) is -708.4 in float64 and -87.3 in float32, its derivative there 0,
        and 0 * log(0) is 0, as entropy wants it. The logarithm of a negative number
        is NaN. For the logarithm of a sigmoid or softmax use ``bce_with_logits`` or
        ``softmax_cross_entropy``, whose gradients stay right when outputs saturate.
        """
        return _log(self)

    def gelu(self) -> Node:
        """Return x times the normal distribution function, in its tanh form.

        Hendrycks & Gimpel (2016), arXiv:1606.08415, sec. 2. The tanh form is within
        5e-4 of the exact one.
        """
        return _gelu(self)

    def leaky_relu(self, slope: float = 0.01) -> Node:
        """Return x where x > 0 and `slope` (dimensionless) times x elsewhere."""
        return _leaky_relu(self, options=(float(slope),))

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
                f"backward: shape {self.shape} needs a seed gradient; or call .sum()"
            )
        seed = np.asarray(1 if seed is None else seed, self.dtype)
        if seed.shape not in ((), self.shape):
            raise ValueError(
                f"backward: the seed must have shape {self.shape}, got {seed.shape}"
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
        leaves = [node for node in _ancestors(self) if node.name and not node.parents]
        gradients = {node.name: node.gradient for node in leaves}
        if len(gradients) < len(leaves):
            twice, _ = Counter(node.name for node in leaves).most_common(1)[0]
            raise ValueError(f"grad: two nodes are called {twice!r}; rename one")
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
    g = node.gradient
    inputs = [parent.value for parent in node.parents]
    inputs += [*node.options, *node.kept]
    for parent, rule in zip(node.parents, node.operation.rules, strict=True):
        if not parent.needs_gradient:
            continue
        share = rule(g, node.value, *inputs)
        if share.shape != parent.value.shape:
            share = _unbroadcast(share, parent.value.shape)
        if _state.detecting:
            what = f"the backward rule of {node.operation.name} made"
            _refuse_nan(share, [g], what, _where(node.name, node.parents))
        if parent.gradient is not None:
            parent.gradient = parent.gradient + share  # a new array: a tape holds both
        elif np.may_share_memory(share, g) or not share.flags.writeable:
            parent.gradient = share.copy("K")  # each gradient has its own memory
        else:
            parent.gradient = share


def _unbroadcast(share: Array, shape: tuple[int, int]) -> Array:
    """Sum `share` over the axes along which a matrix of `shape` was broadcast.

    (With `subok`, the arrays of section 6 stay what they are.)
    """
    for axis in (0, 1):
        if shape[axis] == 1 != share.shape[axis]:
            share = share.sum(axis=axis, keepdims=True)
    try:
        return np.broadcast_to(share, shape, subok=True)
    except ValueError:
        raise ValueError(
            f"backward: a rule returned a share of shape {share.shape} for an input of "
            f"shape {shape}; each rule returns the share of its own input"
        ) from None


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
        z = _linear(x, self.weight, self.bias, name=self.name)
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
        array = _stored(_matrix(value), self.dtype)
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
        loss = self._backward(x, y)
        gradients = {name: node.gradient for name, node in self._parameters.items()}
        return gradients, float(loss.value[0, 0])

    def _backward(self, x: Any, y: Any) -> Node:
        """Compute the loss and leave in every parameter its gradient."""
        for node in self._parameters.values():
            node.gradient = None
        with _without_warnings():
            loss = self._loss(x, y)
            loss.backward()
        for node in self._parameters.values():
            if node.gradient is None:  # the loss does not use it
                node.gradient = np.zeros_like(node.value)
        return loss

    def _loss(self, x: Any, y: Any) -> Node:
        """Compute the loss. Fresh nodes made on the way are data: constants."""
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
        _refuse_strangers(f"{who}: unknown hyperparam", hyperparam, self.defaults)
        rates, names = hyperparam.pop("alpha"), model._parameters
        if not isinstance(rates, Mapping):
            rates = dict.fromkeys(names, rates)
        _refuse_strangers(f"{who}: alpha names", rates, names)
        # As Python's numbers: those of NumPy would widen float32.
        rates = {name: float(rate) for name, rate in rates.items()}
        self.hyperparam = {name: float(value) for name, value in hyperparam.items()}
        self.groups = _grouped(names.values(), rates, self.states)
        self.steps_taken = 0

    def _batch(self) -> tuple[Array, Array]:
        """Draw the rows of the next batch, or return all rows in their order."""
        if self.batch_size == len(self.x_train):
            return self.x_train, self.y_train
        if len(self.order) < self.batch_size:
            self.order = self.rng.permutation(len(self.x_train))
        rows, self.order = np.split(self.order, [self.batch_size])
        return self.x_train[rows], self.y_train[rows]

    def _step(self, backward: Callable[[Array, Array], Node]) -> Node:
        """Take one step and return the loss before it.

        `backward` is the model's, or a tape in its place. A group is one parameter, or
        several that move as one: section 6.
        """
        self.steps_taken += 1
        loss = backward(*self._batch())
        self._prepare()
        for group in self.groups:
            group.descend(self._direction)
        return loss

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
        backward = self.model._backward
        if record and _state.tuned:
            backward = _Tape(self.model, self.batch_size == len(self.x_train))
        losses, traces, stopped = [], {}, False
        start = time.perf_counter()
        with _without_warnings():
            for step in range(1, steps + 1):
                node = self._step(backward)
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


def _refuse_strangers(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError if a given name is not among the known ones."""
    if strangers := sorted(set(given) - set(known)):
        raise ValueError(f"{what} {strangers}, not among {sorted(known)}")


_TRACED = "pre_activation", "activation", "weight"


def _trace(loss: Node, trace: dict[str, dict[str, list[float]]]) -> None:
    """Append the sizes of each layer's signals and gradients to `trace`."""
    nodes = _ancestors(loss)
    # Which operation came first on a node: newer ones are entered before, and replaced.
    first_on = {n.parents[0]: n for n in reversed(nodes) if len(n.parents) == 1}
    uses = Counter()
    for z in nodes:
        if z.operation is not _linear:
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
# Nothing here changes a result. ``with _switched(tuned=False):`` leaves it out, and
# a test compares the two.
#
# _Group     the gradients of small parameters are laid side by side in one vector, so
#            that an optimiser's formula runs once for all of them: with Adam, 1.2 times
#            faster on small nets.
# _stored    large weights are stored transposed, in the order in which their gradient
#            is quickest to compute: 1.4 times on a layer with 12288 inputs.
# _Tape      a training loop may record one step as a list of NumPy calls and replay
#            it into the same arrays: no graph is built, no array is made. 1.3 to 2.3
#            times on small nets.

_LARGE = 2**14  # entries from which a parameter is stored transposed and moves alone


def _stored(array: Array, dtype: np.dtype) -> Array:
    """Return a parameter's own copy of its start."""
    transposed = _state.tuned and array.size >= _LARGE
    return array.astype(dtype, order="F" if transposed else "C")


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


def _grouped(nodes: Iterable[Node], rates: dict[str, float], states: int) -> list:
    """Group parameters of equal rates; a large one is a group of its own."""
    groups: dict[tuple, list[Node]] = {}
    for node in nodes:
        rate = rates.get(node.name, 0.0)
        alone = node.value.size >= _LARGE or not _state.tuned
        groups.setdefault((rate, node.name if alone else None), []).append(node)
    return [_Group(group, rate, states) for (rate, _), group in groups.items()]


class _Tape:
    """Do what a model's ``_backward`` does, from the second step on by replaying.

    The first step's graph is computed once more on leaves that note the NumPy calls
    made with them (``_Listening``): by the same formulas and rules, in the same order,
    so that losses are the same to the last bit. What does not depend on a parameter
    or, with ``same_batch`` false, on the batch is noted by nobody and stays as it is.

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
        if _state.detecting:
            return self.model._backward(x, y)
        arrays = [node.value for node in self.parameters]
        if not self.arrays or not all(map(is_, arrays, self.arrays)):
            self.x, self.y, self.arrays = x, y, arrays
            self._record()
        else:
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
        """Compute the step on twins of its nodes that note what is done with them."""
        self.checked, self.calls = False, []
        _Listening.calls = self.calls
        loss = self.model._loss(self.x, self.y)
        twins: dict[Node, Node] = {}
        for node in _ancestors(loss, all_parents=True):
            if node.parents:
                parents = [twins[parent] for parent in node.parents]
                heard = node.operation in _HEARD
                operation = node.operation if heard else _as_a_whole(node.operation)
                twin = operation(*parents, options=node.options, name=node.name)
            else:
                twin = copy.copy(node)
                if node.needs_gradient or not self.same_batch:
                    twin.value = node.value.view(_Listening)
            twins[node] = twin
        self.loss = twins[loss]
        self.loss.backward()
        for twin in twins.values():  # the same memory, which no longer listens
            twin.value = np.asarray(twin.value)
            if twin.gradient is not None:
                twin.gradient = np.asarray(twin.gradient)
        _Listening.calls = []
        self.gradients = [
            twins[node].gradient if node in twins else np.zeros_like(node.value)
            for node in self.parameters
        ]

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


class _Listening(np.ndarray):
    """An array that notes the ufuncs called with it, and their results, in `calls`.

    Results listen as well, as do views, ``x.T`` for one. What would be computed in
    place, ``y += bias``, gets an array of its own.
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
        result = getattr(ufunc, method)(*arrays, **settings)
        if result.dtype == bool:  # a comparison: 0.0 and 1.0 multiply quicker
            result = result.astype(self.dtype)
        if method == "reduce":
            axis, keepdims = settings.get("axis", 0), settings.get("keepdims", False)
            call = ufunc.reduce, (*arrays, axis, None, result, keepdims)
        else:
            call = _CALLS.get(ufunc, ufunc), (*arrays, result)
        self.calls.append(call)
        return result.view(_Listening)

    def copy(self, order: str = "K") -> Array:
        """Copy by a ufunc, which is heard."""
        return np.positive(self)


# Ufuncs that do not take the array for their result as the last argument.
_CALLS = {np.maximum: lambda a, b, result: np.maximum(a, b, out=result)}


def _as_a_whole(operation: Operation) -> Operation:
    """Return an operation whose formula and rules are each noted as one call."""

    def noted(function: Callable) -> Callable:
        def call(*arguments: Any) -> Any:
            if not any(isinstance(a, _Listening) for a in arguments):
                return function(*arguments)  # constants: computed once
            plain = [
                np.asarray(a) if isinstance(a, _Listening) else a for a in arguments
            ]
            results = [np.array(r) for r in _as_tuple(function(*plain))]
            _Listening.calls.append((_recompute, (results, function, plain)))
            value, *kept = [result.view(_Listening) for result in results]
            return (value, *kept) if kept else value

        return call

    rules = map(noted, operation.rules)
    return Operation(operation.name, noted(operation.forward), *rules)


def _recompute(results: list[Array], function: Callable, arguments: list) -> None:
    """Call a function again and copy what it returns into its earlier results."""
    for result, again in zip(results, _as_tuple(function(*arguments)), strict=True):
        np.copyto(result, again)


def _as_tuple(result: Any) -> tuple:
    return result if isinstance(result, tuple) else (result,)


# Operations whose formula and rules consist of ufuncs and views alone. Others may make
# arrays that do not listen: np.where, x[index] and x.reshape do.
_HEARD: set[Operation] = {
    *(_add, _subtract, _multiply, _divide, _negative, _matmul, _linear, _sum),
    *(_exp, _square, _sqrt, _abs, _tanh, _sigmoid, _relu, _silu, _softmax),
    *(_bce, _softmax_ce),
}
