"""Nodes and backward: shapes, dtypes, reuse, depth, memory, messages."""

import gc
import subprocess
import sys
import time

import numpy as np
import pytest
from alone import alone, garbage, growth

import dp
from dp import Node, Operation, concatenate, detect_nan, no_grad


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (2, (1, 1)),
        (2.5, (1, 1)),
        (np.float32(2), (1, 1)),
        (True, (1, 1)),
        ([1.0, 2.0, 3.0], (3, 1)),
        (np.arange(3), (3, 1)),
        ([[1, 2, 3]], (1, 3)),
        (np.zeros((0, 4)), (0, 4)),
        ([], (0, 1)),
        (Node([1.0, 2.0]), (2, 1)),
    ],
)
def test_node_is_a_matrix(value, shape):
    """Numbers become (1, 1), n numbers a column, a matrix stays."""
    node = Node(value)
    assert node.shape == shape
    assert node.value.ndim == 2


def test_node_refuses_three_dimensions():
    """Three dimensions are an error that gives the shape and says what to do."""
    with pytest.raises(ValueError, match=r"\(2, 3, 4\); reshape each example"):
        Node(np.zeros((2, 3, 4)))


@pytest.mark.parametrize("value", [["a"], [1j], [None], {"a": 1}])
def test_node_refuses_what_is_not_real(value):
    """Text, complex numbers and objects are a TypeError that names the dtype."""
    with pytest.raises(TypeError, match="must hold real numbers, got dtype"):
        Node(value)


def test_node_shares_a_matrix_and_its_changes():
    """A matrix is not copied, so an in-place change is seen."""
    array = np.zeros((2, 2))
    node = Node(array)
    array[0, 0] = 5
    assert node.value[0, 0] == 5


def test_integer_array_has_no_gradient():
    """Integers take part in arithmetic and get no gradient."""
    x, labels = Node([1.0, 2.0]), Node(np.array([3, 4]))
    (x * labels).sum().backward()
    np.testing.assert_array_equal(x.gradient, [[3], [4]])
    assert labels.gradient is None


def test_integer_array_cannot_need_a_gradient():
    """Asking for the gradient of integers is an error that says what to write."""
    with pytest.raises(TypeError, match=r"value\.astype\(float\)"):
        Node(np.array([1, 2]), needs_gradient=True)
    with pytest.raises(ValueError, match="only from integers"):
        Node(np.array([1, 2])).sum().backward()


def test_integer_arithmetic_is_done_in_floats():
    """Small unsigned integers do not wrap around: 3 - 5 is -2."""
    three, five = (Node(np.array([n], np.uint8)) for n in (3, 5))
    assert (three - five).value == -2
    assert (three - 5).value == -2
    assert (-three).value == -3
    assert (Node(np.array([True])) - Node(np.array([True]))).value == 0


@pytest.mark.parametrize(
    "number", [2, 2.0, np.float64(2), np.int64(2), np.arange(3), [1, 2, 3]]
)
def test_numbers_and_integers_do_not_widen_float32(number):
    """Python and NumPy numbers and integers take the matrix's precision."""
    x = Node(np.ones((3, 1), np.float32))
    if isinstance(number, list):
        number = np.array(number)
    for result in (x + number, number - x, x * number, number / x):
        assert result.dtype == np.float32
    if np.isscalar(number):
        assert (x**number).dtype == np.float32
        assert (number**x).dtype == np.float32


def test_number_on_the_left_and_array_on_the_left():
    """2 - x, 2 / x, 2 ** x and array @ x ask the node, not NumPy."""
    x = Node([[1.0, 2.0]])
    np.testing.assert_array_equal((2 - x).value, [[1, 0]])
    np.testing.assert_array_equal((2 / x).value, [[2, 1]])
    np.testing.assert_array_equal((2**x).value, [[2, 4]])
    assert isinstance(np.ones((3, 1)) @ x, Node)
    assert isinstance(np.ones((1, 2)) + x, Node)


def test_index_keeps_two_dimensions():
    """A whole number keeps its axis; an index out of range is an IndexError."""
    x = Node(np.arange(12.0).reshape(3, 4))
    assert x[1].shape == (1, 4)
    assert x[:, 1].shape == (3, 1)
    assert x[-1, -1].value == 11
    assert x[1:, ::2].shape == (2, 2)
    assert x[[0, 2]].shape == (2, 4)
    assert x[np.arange(3), [0, 1, 2]].shape == (3, 1)
    assert [row.shape for row in x] == [(1, 4)] * 3
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 3"):
        x[3]


def test_node_used_twice_gets_both_gradients():
    """x * x has slope 2x: a share for each use."""
    x = Node([[3.0]])
    (x * x).backward()
    assert x.gradient[0, 0] == 6


def test_diamond_gradient_is_summed_over_paths():
    """A node below two branches gets the sum, and each branch's node its own."""
    x = Node([[2.0]])
    a, b = x.square(), x.exp()
    y = a * b
    y.backward()
    np.testing.assert_allclose(x.gradient, [[np.exp(2) * (4 + 4)]])
    np.testing.assert_allclose(a.gradient, b.value)
    np.testing.assert_allclose(b.gradient, a.value)


def test_backward_starts_from_zero_each_time():
    """Calling backward twice gives the same gradient, not twice of it."""
    x = Node([[3.0]])
    y = x.square()
    y.backward()
    y.backward()
    assert x.gradient[0, 0] == 6


def test_backward_needs_a_seed_unless_scalar():
    """A matrix has no gradient of its own; with a seed it works; shapes are checked."""
    x = Node([[1.0, 2.0]])
    y = x * 3
    with pytest.raises(ValueError, match=r"shape \(1, 2\) needs a seed"):
        y.backward()
    y.backward([[1.0, 10.0]])
    np.testing.assert_array_equal(x.gradient, [[3, 30]])
    y.backward(2)
    np.testing.assert_array_equal(x.gradient, [[6, 6]])
    with pytest.raises(ValueError, match=r"shape \(1, 2\), got \(2, 1\)"):
        y.backward([[1.0], [2.0]])


def test_grad_returns_named_leaves():
    """grad(g) gives the gradients by name; unnamed leaves are left out."""
    w, x = Node([[1.0], [2.0]], "w"), Node([[3.0, 4.0]])
    b = Node(0.5, "b")
    gradients = (x @ w + b).grad(1)
    assert set(gradients) == {"w", "b"}
    np.testing.assert_array_equal(gradients["w"], [[3], [4]])
    np.testing.assert_array_equal(gradients["b"], [[1]])


def test_grad_refuses_two_nodes_of_one_name():
    """Two leaves of one name are an error; one leaf used twice is not."""
    a, b = Node(1.0, "same"), Node(2.0, "same")
    with pytest.raises(ValueError, match="two nodes are called 'same'"):
        (a * b).grad(1)
    assert (a * a).grad(1)["same"] == 2


def test_no_grad_makes_nodes_without_parents():
    """Inside no_grad nothing is remembered, and backward says so; after it, all is."""
    x = Node([[2.0]])
    with no_grad():
        y = x.square()
    assert y.parents == ()
    with pytest.raises(ValueError, match="inside no_grad"):
        y.backward()
    with pytest.raises(RuntimeError, match="on purpose"), no_grad():
        raise RuntimeError("on purpose")
    x.square().backward()
    assert x.gradient[0, 0] == 4


def test_parameter_changed_between_forward_and_backward_is_read_late():
    """As documented: rules read values when backward runs, not before."""
    x = Node([[3.0]])
    y = x.square()
    x.value[...] = 5
    y.backward()
    assert x.gradient[0, 0] == 10


# ---- depth, time, memory -------------------------------------------------------------


@pytest.mark.slow
def test_chain_of_200000_operations():
    """Depth is no obstacle: no recursion, forward, backward or when freed."""
    x = Node([[1.0]])
    y = x
    for _ in range(200_000):
        y = y + x
    y.backward()
    assert x.gradient[0, 0] == 200_001
    del y
    gc.collect()


def test_residual_blocks_take_linear_time():
    """60 blocks x + f(x) have 2^60 paths; rules run once for each operation."""
    calls = []

    def rule(g, y, x):
        calls.append(1)
        return g * 0.5

    half = Operation("half", lambda x: x * 0.5, rule)
    x = Node([[1.0]])
    y = x
    for _ in range(60):
        y = y + half(y)
    y.backward()
    assert len(calls) == 60
    np.testing.assert_allclose(x.gradient, [[1.5**60]])


def graphs_garbage():
    x = Node(np.ones((10, 10)))

    def work():
        for _ in range(50):
            y = (x @ x.T).tanh().softmax().max(axis=1).log()
            concatenate([y, y])[0].sum().backward()

    return garbage(work)


def test_graph_is_freed_without_the_cyclic_collector():
    """A graph has no reference cycles: it goes when its last name goes."""
    assert alone(graphs_garbage) == 0


def graphs_growth():
    x = Node(np.ones((50, 50)))

    def work(times):
        for _ in range(times):
            ((x @ x).tanh() * x).sum().backward()

    return growth(work, 20, 2000)


def test_memory_is_flat():
    """After a warm-up, 2,000 graphs leave no more behind than 20 did."""
    assert alone(graphs_growth) < 20_000  # a 50 x 50 matrix; a leak: 2,000 times it


def test_import_needs_numpy_only_and_is_quick():
    """Importing dp loads no other package and adds little to NumPy's own import."""
    code = (
        "import sys, time; import numpy; before = set(sys.modules); "
        "t = time.perf_counter(); import dp; t = time.perf_counter() - t; "
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names) - {'dp'}), t)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=dp.__file__.removesuffix("dp.py"),
    ).stdout
    names, seconds = output.rsplit(maxsplit=1)
    assert names == "[]"
    assert float(seconds) < 1


# ---- messages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda a, b: a @ b, ["matmul", "(2, 3)", "(2, 4)"]),
        (lambda a, b: a + b, ["add", "(2, 3)", "(2, 4)"]),
        (lambda a, b: a * b, ["multiply", "(2, 3)", "(2, 4)"]),
        (lambda a, b: concatenate([a, b]), ["concatenate", "(2, 3)", "(2, 4)"]),
        (lambda a, b: a.reshape(4, 4), ["reshape", "(2, 3)"]),
    ],
)
def test_shape_mismatch_names_operation_and_shapes(make, words):
    """The message names the operation and all shapes."""
    with pytest.raises(ValueError, match="do not fit") as caught:
        make(Node(np.zeros((2, 3))), Node(np.zeros((2, 4))))
    assert all(word in str(caught.value) for word in words)


def test_reshape_refuses_three_lengths():
    """A node has two dimensions."""
    with pytest.raises(ValueError, match="give rows, columns"):
        Node(np.zeros((2, 6))).reshape(2, 3, 2)


def test_detect_nan_names_the_first_operation():
    """The operation that made it is named, not those that passed it on."""
    x = Node([[1000.0]])
    assert np.isnan((x.exp() - x.exp()).tanh().value)  # passes through without it
    with (
        detect_nan(),
        pytest.raises(FloatingPointError, match=r"exp made infinity.*size 1e\+03"),
    ):
        (x.exp() - x.exp()).tanh()


def test_detect_nan_looks_at_backward_too():
    """sqrt at 0 is fine forward; its rule makes an infinity."""
    with (
        detect_nan(),
        pytest.raises(FloatingPointError, match="backward rule of sqrt made infinity"),
    ):
        Node([[0.0]]).sqrt().backward()


def test_detect_nan_says_when_the_input_was_bad():
    """A NaN that came in with the data is not blamed on the operation."""
    with (
        detect_nan(),
        pytest.raises(FloatingPointError, match="inputs held one already"),
    ):
        Node([[np.nan]]).tanh()


def test_nan_and_infinity_pass_through():
    """Without the switch they flow, forward and backward, and nothing warns."""
    x = Node([[np.nan, np.inf, -np.inf, 1.0]])
    y = x.relu() * 2 + x.exp()
    y.backward(1)
    assert np.isnan(y.value[0, 0])
    assert y.value[0, 1] == np.inf
    assert np.isnan(x.gradient[0, 0])
    assert np.isfinite(x.gradient[0, 3])


def test_repr_shows_value_name_and_origin():
    """A printed node tells what it is."""
    x = Node([[1.0]], "x")
    assert repr(x) == "Node([[1.]], name='x')"
    assert repr(x.tanh()).endswith(", from tanh)")


def test_engine_takes_little_time_per_operation():
    """Linear time: ten times the operations take about ten times as long."""

    def seconds(length):
        best = np.inf
        for _ in range(3):
            begin = time.process_time()
            x = y = Node([[1.0]])
            for _ in range(length):
                y = y + x
            y.backward()
            best = min(best, time.process_time() - begin)
        return best

    # Quadratic time would make this 100, linear 10; 30 leaves room for caches and gc.
    assert seconds(20_000) / seconds(2_000) < 30
