"""Every operation's gradient: against finite differences, PyTorch, and mathematics.

Finite differences are central, along random directions, in float64. With a step of
1e-6 the rounding error is about 1e-16 / 1e-6 = 1e-10 and the truncation error about
1e-12 times the third derivative, so a relative tolerance of 1e-6 has room to spare;
directions and points come from fixed seeds, so there are no false alarms.
"""

import warnings

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dp
from dp import Node, Operation, bce_with_logits, concatenate, softmax_cross_entropy

STEP = 1e-6


def normal(rng, shape):
    return rng.normal(size=shape)


def positive(rng, shape):
    return rng.uniform(0.5, 2.0, shape)


def off_kinks(rng, shape):
    """Draw distinct values, none within 0.05 of zero: kinks and ties are left out."""
    values = (
        np.arange(1, np.prod(shape) + 1) * 0.1 * rng.choice([-1, 1], np.prod(shape))
    )
    return rng.permutation(values).reshape(shape)


def logits(rng, shape):
    return 3 * rng.normal(size=shape)


LABELS = np.array([0, 2, 1, 2])
SOFT = np.array([[0.2, 0.5, 0.3], [1, 0, 0], [0.1, 0.1, 0.8], [0, 0.5, 0.5]])
EVERYTHING = slice(None)

# name: (function of nodes, shapes of the inputs, how the inputs are drawn)
CASES = {
    "add": (lambda a, b: a + b, [(4, 3), (4, 3)], normal),
    "add row": (lambda a, b: a + b, [(4, 3), (1, 3)], normal),
    "add column": (lambda a, b: a + b, [(4, 1), (4, 3)], normal),
    "add row to column": (lambda a, b: a + b, [(4, 1), (1, 3)], normal),
    "add number": (lambda a: 2 + a + 1.5, [(4, 3)], normal),
    "subtract": (lambda a, b: a - b, [(4, 3), (1, 1)], normal),
    "subtract from number": (lambda a: 2 - a, [(4, 3)], normal),
    "multiply": (lambda a, b: a * b, [(4, 3), (4, 3)], normal),
    "multiply broadcast": (lambda a, b: a * b, [(1, 3), (4, 1)], normal),
    "multiply integers": (lambda a: a * np.array([[1, 2, 3]]), [(4, 3)], normal),
    "divide": (lambda a, b: a / b, [(4, 3), (4, 3)], positive),
    "divide broadcast": (lambda a, b: a / b, [(4, 3), (1, 3)], positive),
    "divide number": (lambda a: 3 / a, [(4, 3)], positive),
    "negative": (lambda a: -a, [(4, 3)], normal),
    "power": (lambda a: a**3, [(4, 3)], normal),
    "power negative": (lambda a: a**-1.5, [(4, 3)], positive),
    "power zero": (lambda a: a**0, [(4, 3)], normal),
    "power node": (lambda a, b: a**b, [(4, 3), (4, 3)], positive),
    "power of number": (lambda a: 2.5**a, [(4, 3)], normal),
    "matmul": (lambda a, b: a @ b, [(4, 3), (3, 5)], normal),
    "dot": (lambda a, b: a.dot(b), [(1, 3), (3, 1)], normal),
    "matmul array": (lambda a: np.ones((2, 4)) @ a, [(4, 3)], normal),
    "linear": (
        lambda x, w, b: dp._linear(x, w, b),
        [(4, 3), (3, 5), (1, 5)],
        normal,
    ),
    "linear by columns": (
        lambda x, w, b: dp._hook.linear(x, w, b),
        [(4, 3), (3, 5), (1, 5)],
        normal,
    ),
    "transpose": (lambda a: a.transpose(), [(4, 3)], normal),
    "T": (lambda a: a.T @ a, [(4, 3)], normal),
    "reshape": (lambda a: a.reshape(2, -1), [(4, 3)], normal),
    "reshape tuple": (lambda a: a.reshape((6, 2)), [(4, 3)], normal),
    "reshape column": (lambda a: a.reshape(-1), [(4, 3)], normal),
    "sum": (lambda a: a.sum(), [(4, 3)], normal),
    "sum 0": (lambda a: a.sum(axis=0), [(4, 3)], normal),
    "sum 1": (lambda a: a.sum(axis=1), [(4, 3)], normal),
    "mean": (lambda a: a.mean(), [(4, 3)], normal),
    "mean 0": (lambda a: a.mean(axis=0), [(4, 3)], normal),
    "mean 1": (lambda a: a.mean(axis=1), [(4, 3)], normal),
    "max": (lambda a: a.max(), [(4, 3)], off_kinks),
    "max 0": (lambda a: a.max(axis=0), [(4, 3)], off_kinks),
    "max 1": (lambda a: a.max(axis=1), [(4, 3)], off_kinks),
    "exp": (lambda a: a.exp(), [(4, 3)], normal),
    "log": (lambda a: a.log(), [(4, 3)], positive),
    "square": (lambda a: a.square(), [(4, 3)], normal),
    "sqrt": (lambda a: a.sqrt(), [(4, 3)], positive),
    "abs": (lambda a: a.abs(), [(4, 3)], off_kinks),
    "tanh": (lambda a: a.tanh(), [(4, 3)], normal),
    "sigmoid": (lambda a: a.sigmoid(), [(4, 3)], logits),
    "relu": (lambda a: a.relu(), [(4, 3)], off_kinks),
    "leaky_relu": (lambda a: a.leaky_relu(0.2), [(4, 3)], off_kinks),
    "selu": (lambda a: a.selu(), [(4, 3)], off_kinks),
    "gelu": (lambda a: a.gelu(), [(4, 3)], logits),
    "silu": (lambda a: a.silu(), [(4, 3)], logits),
    "softmax": (lambda a: a.softmax(), [(4, 3)], logits),
    "concatenate": (lambda a, b: concatenate([a, b, a]), [(4, 3), (2, 3)], normal),
    "concatenate 1": (lambda a, b: concatenate([a, b], 1), [(4, 3), (4, 1)], normal),
    "index row": (lambda a: a[1], [(4, 3)], normal),
    "index entry": (lambda a: a[-1, 2], [(4, 3)], normal),
    "index column": (lambda a: a[:, 1], [(4, 3)], normal),
    "index slices": (lambda a: a[1:3, ::2], [(4, 3)], normal),
    "index rows twice": (lambda a: a[np.array([0, 2, 0])], [(4, 3)], normal),
    "index pairs": (lambda a: a[[0, 1, 1], [2, 0, 0]], [(4, 3)], normal),
    "index mask": (lambda a: a[np.eye(4, 3) > 0], [(4, 3)], normal),
    "bce": (lambda z: bce_with_logits(z, [1, 0, 1, 1]), [(4, 1)], logits),
    "bce sum": (lambda z: bce_with_logits(z, SOFT, "sum"), [(4, 3)], logits),
    "bce labels": (lambda z, y: bce_with_logits(z, y), [(4, 3), (4, 3)], positive),
    "softmax ce": (lambda z: softmax_cross_entropy(z, LABELS), [(4, 3)], logits),
    "softmax ce sum": (
        lambda z: softmax_cross_entropy(z, SOFT, "sum"),
        [(4, 3)],
        logits,
    ),
    "softmax ce labels": (
        lambda z: softmax_cross_entropy(z, z.softmax()),
        [(4, 3)],
        logits,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_operation_gradient_agrees_with_finite_differences(name):
    """Along three random directions, at three points, slope and gradient agree."""
    function, shapes, draw = CASES[name]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        values = [draw(rng, shape) for shape in shapes]
        nodes = [Node(value) for value in values]
        output = function(*nodes)
        assert output.value.ndim == 2
        projection = rng.normal(size=output.shape)
        output.backward(projection)
        for _ in range(3):
            directions = [rng.normal(size=shape) for shape in shapes]
            up, down = (
                (function(*moved).value * projection).sum()
                for moved in (
                    [Node(v + s * d) for v, d in zip(values, directions, strict=True)]
                    for s in (STEP, -STEP)
                )
            )
            slope = (up - down) / (2 * STEP)
            claimed = sum(
                (node.gradient * direction).sum()
                for node, direction in zip(nodes, directions, strict=True)
            )
            np.testing.assert_allclose(claimed, slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_operation_keeps_float32(name):
    """float32 goes in, float32 values and gradients come out."""
    function, shapes, draw = CASES[name]
    rng = np.random.default_rng(0)
    nodes = [Node(draw(rng, shape).astype(np.float32)) for shape in shapes]
    output = function(*nodes)
    if name == "matmul array":  # an explicit float64 array does widen, as in NumPy
        assert output.dtype == np.float64
        return
    if name in ("bce sum", "softmax ce sum"):  # labels given as float64 do too
        return
    assert output.dtype == np.float32
    output.backward(1)
    assert [node.gradient.dtype for node in nodes] == [np.float32] * len(nodes)


@pytest.mark.parametrize("name", CASES)
def test_operation_gradients_do_not_alias(name):
    """Writing into one node's gradient changes no other gradient and no value."""
    function, shapes, draw = CASES[name]
    rng = np.random.default_rng(0)
    nodes = [Node(draw(rng, shape)) for shape in shapes]
    output = function(*nodes)
    output.backward(1)
    everything = [*nodes, output]
    for node in everything:
        before = [other.gradient.copy() for other in everything if other is not node]
        values = [other.value.copy() for other in everything]
        node.gradient[...] = 77.0
        after = [other.gradient for other in everything if other is not node]
        np.testing.assert_equal(after, before)
        np.testing.assert_equal([other.value for other in everything], values)


TORCH_CASES = {
    "tanh": lambda t, x: t.tanh(x),
    "sigmoid": lambda t, x: t.sigmoid(x),
    "relu": lambda t, x: t.relu(x),
    "leaky_relu": lambda t, x: t.nn.functional.leaky_relu(x, 0.2),
    "selu": lambda t, x: t.selu(x),
    "gelu": lambda t, x: t.nn.functional.gelu(x, approximate="tanh"),
    "silu": lambda t, x: t.nn.functional.silu(x),
    "softmax": lambda t, x: t.softmax(x, dim=1),
    "exp": lambda t, x: t.exp(x),
    "square": lambda t, x: t.square(x),
    "abs": lambda t, x: t.abs(x),
    "max": lambda t, x: t.amax(x),
    "max 0": lambda t, x: t.amax(x, dim=0, keepdim=True),
    "max 1": lambda t, x: t.amax(x, dim=1, keepdim=True),
    "mean": lambda t, x: t.mean(x),
    "sum 0": lambda t, x: t.sum(x, dim=0, keepdim=True),
    "transpose": lambda t, x: x.T,
    "index rows twice": lambda t, x: x[[0, 2, 0]],
    "bce": lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(
        x, t.tensor([[1.0], [0.0], [1.0], [1.0]], dtype=x.dtype)
    ),
    "softmax ce": lambda t, x: t.nn.functional.cross_entropy(x, t.tensor(LABELS)),
    "softmax ce sum": lambda t, x: t.nn.functional.cross_entropy(
        x, t.tensor(SOFT, dtype=x.dtype), reduction="sum"
    ),
}


@pytest.fixture(scope="module")
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.mark.parametrize("name", TORCH_CASES)
@pytest.mark.parametrize("points", ["ordinary", "kinks and ties", "large"])
def test_operation_agrees_with_pytorch(torch, name, points):
    """Values and gradients are PyTorch's, also at kinks, at ties and far out."""
    function, (shape,), _ = CASES[name]
    rng = np.random.default_rng(7)
    value = {
        "ordinary": rng.normal(size=shape),
        "kinks and ties": rng.integers(-1, 2, shape).astype(float),
        "large": rng.choice([-600.0, -40.0, 40.0, 600.0], shape),
    }[points]
    node, tensor = Node(value), torch.tensor(value, requires_grad=True)
    ours, theirs = function(node), TORCH_CASES[name](torch, tensor)
    ours.backward(1)
    theirs.sum().backward()
    np.testing.assert_allclose(
        ours.value.ravel(), theirs.detach().numpy().ravel(), rtol=1e-12, atol=1e-300
    )
    np.testing.assert_allclose(
        node.gradient, tensor.grad.numpy(), rtol=1e-10, atol=1e-15
    )


@settings(max_examples=100, deadline=None)
@given(
    shapes=arrays.mutually_broadcastable_shapes(
        num_shapes=2, min_dims=2, max_dims=2, min_side=0, max_side=4
    ),
    symbol=st.sampled_from(["+", "-", "*", "/"]),
)
def test_broadcast_gradient_is_the_sum_over_the_copies(shapes, symbol):
    """For any two shapes that broadcast, gradients are those of explicit copies."""
    rng = np.random.default_rng(0)
    operate = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
    }[symbol]
    values = [rng.uniform(0.5, 2, shape) for shape in shapes.input_shapes]
    small = [Node(value) for value in values]
    full = [Node(np.broadcast_to(v, shapes.result_shape).copy()) for v in values]
    seed = rng.normal(size=shapes.result_shape)
    operate(*small).backward(seed)
    operate(*full).backward(seed)
    for one, other in zip(small, full, strict=True):
        assert one.gradient.shape == one.shape
        axes = tuple(i for i in (0, 1) if one.shape[i] == 1 != other.shape[i])
        expected = other.gradient.sum(axis=axes, keepdims=True)
        np.testing.assert_allclose(one.gradient, expected, rtol=1e-12, atol=1e-12)


def test_max_ties_share_equally():
    """Three entries that tie for the maximum get a third each."""
    x = Node([[1.0, 2.0], [2.0, 2.0]])
    x.max().backward()
    np.testing.assert_allclose(x.gradient, [[0, 1 / 3], [1 / 3, 1 / 3]])


@pytest.mark.parametrize("name", ["relu", "abs", "leaky_relu"])
def test_kink_derivative_at_zero(name):
    """relu and abs have slope 0 at 0; leaky_relu has its negative side's slope."""
    x = Node([[0.0]])
    getattr(x, name)().backward()
    assert x.gradient[0, 0] == {"relu": 0, "abs": 0, "leaky_relu": 0.01}[name]


def test_sigmoid_is_increasing_and_right():
    """sigmoid(x), not sigmoid(-x): at log 3 it is three quarters."""
    np.testing.assert_allclose(Node(np.log(3.0)).sigmoid().value, [[0.75]], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_of_zero_is_finite(dtype):
    """log(0) is the log of the smallest normal number, 0 log 0 is 0, slope 0."""
    x = Node(np.array([[0.0, 1.0]], dtype))
    log = x.log()
    np.testing.assert_allclose(log.value[0, 0], np.log(np.finfo(dtype).tiny), rtol=1e-6)
    assert (log * x).value[0, 0] == 0
    log.backward(1)
    np.testing.assert_array_equal(x.gradient, [[0, 1]])


def test_log_of_a_negative_number_is_nan():
    """A logarithm that should not be asked for is not hidden."""
    assert np.isnan(Node(-1.0).log().value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_sigmoid_with_a_log(dtype):
    """Cross-entropy at logits of +-1000 is exact, and so is its gradient."""
    z = Node(np.array([[1000.0], [1000.0], [-1000.0], [-1000.0]], dtype))
    loss = bce_with_logits(z, [1, 0, 1, 0], reduction="sum")
    assert loss.value[0, 0] == 2000
    loss.backward()
    np.testing.assert_array_equal(z.gradient, [[0], [1], [-1], [0]])
    assert z.gradient.dtype == dtype


def test_saturated_softmax_with_a_log():
    """The same for classes, the label as a class or as probabilities."""
    for y in ([1, 1], [[0, 1.0], [0, 1.0]]):
        z = Node([[1000.0, -1000.0], [-1000.0, 1000.0]])
        loss = softmax_cross_entropy(z, np.array(y), reduction="sum")
        assert loss.value[0, 0] == 2000
        loss.backward()
        np.testing.assert_array_equal(z.gradient, [[1, -1], [0, 0]])


EXTREMES = [0.0, -0.0, 1e-320, 1e-30, 1e30, 1e308, -1e308, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_operation_takes_extreme_values_without_a_warning(name, dtype):
    """Overflow, NaN and infinity pass through; warnings are errors here."""
    function, shapes, _ = CASES[name]
    with np.errstate(all="ignore"):
        numbers = np.array(EXTREMES).astype(dtype)
    rng = np.random.default_rng(0)
    for _ in range(20):
        nodes = [Node(rng.choice(numbers, shape)) for shape in shapes]
        function(*nodes).backward(1)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softmax", "gelu", "silu", "selu"])
def test_activation_is_finite_far_out(name):
    """Far from zero, values and gradients are finite."""
    x = Node([[-1e300, -1e5, -800.0], [800.0, 1e5, 1e300]])
    y = getattr(x, name)()
    y.backward(1)
    assert np.isfinite(y.value).all()
    assert np.isfinite(x.gradient).all()


def test_softmax_rows_sum_to_one():
    """Each row of a softmax is a distribution, whatever the size of its entries."""
    p = Node([[1000.0, 1001.0, 999.0], [-1e9, 0.0, 1.0]]).softmax().value
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(p[0, 1] / p[0, 0], np.e, rtol=1e-12)


@pytest.mark.parametrize("loss", [bce_with_logits, softmax_cross_entropy])
def test_loss_refuses_a_row_of_labels_for_a_column(loss):
    """(1, n) labels against (n, 1) outputs are an error, not a matrix of losses."""
    with pytest.raises(ValueError, match=r"logits \(4, 1\) and labels \(1, 4\)"):
        loss(Node(np.zeros((4, 1))), np.zeros((1, 4)))


@pytest.mark.parametrize("loss", [bce_with_logits, softmax_cross_entropy])
def test_loss_reduction(loss):
    """The mean is the sum over n; another word is an error that names the two."""
    z = Node(np.arange(3.0))
    y = np.array([1.0, 1.0, 1.0])
    total, mean = loss(z, y, "sum").value, loss(z, y).value
    np.testing.assert_allclose(total, 3 * mean)
    with pytest.raises(ValueError, match='must be "mean" or "sum"'):
        loss(z, y, "avg")


@pytest.mark.parametrize("labels", [[0, 3, 1, 1], [-1, 0, 0, 0], [0.5, 0, 0, 0]])
def test_softmax_loss_refuses_a_class_that_is_not_there(labels):
    """Classes are counted from 0; 3 of 3 classes is out of range."""
    with pytest.raises(ValueError, match=r"whole numbers in 0 \.\. 2"):
        softmax_cross_entropy(Node(np.zeros((4, 3))), np.array(labels))


def test_loss_is_entropy_at_zero_logits():
    """All logits 0: the loss is log 2, or log of the number of classes."""
    loss = bce_with_logits(Node(np.zeros((5, 1))), np.ones(5))
    np.testing.assert_allclose(loss.value, np.log(2))
    loss = softmax_cross_entropy(Node(np.zeros((5, 7))), np.arange(5))
    np.testing.assert_allclose(loss.value, np.log(7))


def test_method_of_an_operation_explains_itself():
    """help(Node.tanh) has a name and a sentence, for every operation that is one."""
    assert Node.tanh.__name__ == "tanh"
    assert Node.tanh.__qualname__ == "Node.tanh"
    methods = [m for name, m in vars(Node).items() if not name.startswith("_")]
    docstrings = [m.__doc__ for m in methods if callable(m)]
    assert len(docstrings) > 20
    assert all(
        text.startswith(("Return", "Add", "Aver", "Comp")) for text in docstrings
    )


def test_own_operation_works_in_a_diamond():
    """An operation added in the documented way is summed over its uses."""
    cube = Operation("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
    x = Node([[1.0, -2.0]])
    (cube(x) * x + cube(x)).sum().backward()
    np.testing.assert_allclose(x.gradient, 4 * x.value**3 + 3 * x.value**2)


def test_own_operation_can_keep_something_for_its_rule():
    """The rule is given what forward returned beside the value."""
    half = Operation("half", lambda x: (x / 2, 0.5), lambda g, y, x, kept: g * kept)
    x = Node([[3.0]])
    half(x).backward()
    assert x.gradient[0, 0] == 0.5


def test_own_operation_with_a_wrong_shape_is_explained():
    """A forward that returns a number, and a rule of the wrong shape, are named."""
    total = Operation("total", lambda x: x.sum(), lambda g, y, x: g)
    with pytest.raises(ValueError, match="total: forward must return an array of two"):
        total(Node([[1.0, 2.0]]))
    turned = Operation("turned", lambda x: x * 2, lambda g, y, x: g.T * 2)
    y = turned(Node(np.ones((2, 3))))
    with pytest.raises(ValueError, match=r"\(3, 2\) for an input of shape \(2, 3\)"):
        y.backward(1)


def test_empty_input_gives_empty_output_and_zero_gradients():
    """No rows is a case like any other."""
    x, weight = Node(np.zeros((0, 3))), Node(np.ones((3, 2)))
    loss = (x @ weight).tanh().sum()
    assert loss.value == 0
    loss.backward()
    assert x.gradient.shape == (0, 3)
    np.testing.assert_array_equal(weight.gradient, np.zeros((3, 2)))
