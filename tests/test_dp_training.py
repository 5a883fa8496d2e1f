"""Layers, models, optimisers, the training loop, and what is there for speed only."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from alone import alone, garbage, growth

import dp
from dp import (
    SGD,
    Adam,
    History,
    Model,
    Node,
    Operation,
    RMS_Prop,
    SGD_Momentum,
    bce_with_logits,
    concatenate,
    softmax_cross_entropy,
)

OPTIMISERS = [SGD, SGD_Momentum, RMS_Prop, Adam]


class Net(Model):
    """A small net for 0/1 labels."""

    def __init__(self, seed=0, widths=(5, 4, 3), dtype=np.float64):
        """Make tanh layers of these widths and a linear one for the logit."""
        super().__init__(np.random.default_rng(seed), dtype)
        self.stack = [self.Tanh_Layer(*pair) for pair in pairwise(widths)]
        self.out = self.Linear_Layer(widths[-1], 1, "out")

    def forward(self, x):
        """Return the logits."""
        for layer in self.stack:
            x = layer(x)
        return self.out(x)

    def loss(self, x, y):
        """Return the mean cross-entropy."""
        return bce_with_logits(self.forward(x), y)


def data(rows=40, inputs=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, inputs)), rng.integers(0, 2, rows)


# ---- layers and models ---------------------------------------------------------------


def test_layer_names_given_and_left_out():
    """Left-out names are counted; the parameters carry them."""
    net = Net()
    assert list(net.get_param()) == [
        "layer_0_weight",
        "layer_0_bias",
        "layer_1_weight",
        "layer_1_bias",
        "out_weight",
        "out_bias",
    ]


def test_layer_called_weighted_is_no_special_case():
    """Names are only names: "weighted" and "bias" train like any other."""
    x, y = data()
    losses = []
    for first, second in (("weighted", "bias"), ("a", "b")):

        class Named(Model):
            def __init__(self, first=first, second=second):
                super().__init__(np.random.default_rng(0))
                self.one = self.Tanh_Layer(5, 3, first)
                self.two = self.Linear_Layer(3, 1, second)

            def loss(self, x, y):
                return bce_with_logits(self.two(self.one(x)), y)

        net = Named()
        assert set(net.get_param()) == {
            f"{name}_{kind}" for name in (first, second) for kind in ("weight", "bias")
        }
        losses.append(Adam(net, x, y).train(20, print_each=0).loss)
    np.testing.assert_array_equal(*losses)


def test_a_subclass_may_call_its_own_list_layers():
    """`self.layers` is a name that a subclass is free to use."""

    class Stack(Model):
        def __init__(self):
            super().__init__(np.random.default_rng(0))
            self.layers = []
            for _ in range(3):
                self.layers.append(self.Linear_Layer(2, 2))

    assert len(Stack().get_param()) == 6


def test_two_models_share_nothing():
    """Two nets with the same layer names have their own parameters."""
    one, other = Net(0), Net(1)
    before = other.get_param()["out_weight"].copy()
    one.get_param()["out_weight"][...] = 7
    np.testing.assert_array_equal(other.get_param()["out_weight"], before)


def test_layer_of_one_name_twice_is_refused():
    """A second layer of a name is an error, as is a parameter."""
    net = Net()
    with pytest.raises(ValueError, match="a parameter called 'out_weight' already"):
        net.Linear_Layer(2, 2, "out")
    with pytest.raises(ValueError, match="a parameter called 'out_bias' already"):
        net.Parameter(1.0, "out_bias")


def test_forgotten_super_init_is_explained():
    """Making a layer before super().__init__() says what is missing."""

    class Forgetful(Model):
        def __init__(self):
            self.layer = self.Linear_Layer(2, 2)

    with pytest.raises(RuntimeError, match=r"super\(\)\.__init__\(\)"):
        Forgetful()


@pytest.mark.parametrize("widths", [(0, 3), (3, -1), (2.5, 3), ("3", 3)])
def test_layer_refuses_impossible_widths(widths):
    """Widths are positive whole numbers."""
    with pytest.raises(ValueError, match="must be a positive int, got"):
        Model(np.random.default_rng(0)).Linear_Layer(*widths)


def test_layer_names_itself_in_a_shape_mismatch():
    """The message has the layer's name and both shapes."""
    net = Net()
    with pytest.raises(ValueError, match=r"linear.*\(2, 4\).*\(3, 1\).*layer 'out'"):
        net.out(np.zeros((2, 4)))


def test_operation_after_a_layer_names_the_layer():
    """A later mismatch, and a later NaN, name the layer they come after."""
    net = Net()
    with pytest.raises(ValueError, match=r"multiply.*after layer 'out'"):
        net(np.zeros((2, 5))) * Node(np.zeros((3, 1)))
    net.get_param()["layer_1_weight"][...] = np.nan
    with (
        dp.detect_nan(),
        pytest.raises(FloatingPointError, match=r"linear made NaN.*layer 'layer_1'"),
    ):
        net(np.zeros((2, 5)))


def test_default_start_is_the_documented_one():
    """Weights fill U(-1/sqrt(fan_in), 1/sqrt(fan_in)), biases are 0."""
    layer = Model(np.random.default_rng(0)).Linear_Layer(100, 400)
    weight = layer.weight.value
    assert np.abs(weight).max() <= 0.1
    # 40,000 draws: the variance of a uniform sample's variance is (4/5) var^2 / n, so
    # six standard errors are 6 * sqrt(0.8 / 40000) = 2.7 %; false alarms below 1e-8.
    np.testing.assert_allclose(weight.var(), 1 / 300, rtol=0.027)
    assert not layer.bias.value.any()


def test_start_comes_from_the_passed_generator():
    """The same generator gives the same net, another one another."""
    same, again, other = (Net(seed).get_param()["out_weight"] for seed in (3, 3, 4))
    np.testing.assert_array_equal(same, again)
    assert (same != other).any()


@pytest.mark.parametrize("size", [3, 100, 300])
def test_parameters_are_live(size):
    """np.copyto into get_param() changes the net, whatever the size of the layer."""
    model = Model(np.random.default_rng(0))
    layer = model.Linear_Layer(size, size + 1, "a")
    weight = model.get_param()["a_weight"]
    assert weight.shape == (size, size + 1)
    np.copyto(weight, np.arange(weight.size).reshape(weight.shape))
    x = np.eye(size)
    np.testing.assert_array_equal(layer(x).value, weight)
    assert model.get_param()["a_weight"] is weight


def test_small_parameters_are_flat_in_rows():
    """ravel() of a small weight is a view, so loops over its entries reach the net."""
    weight = Net().get_param()["layer_0_weight"]
    weight.ravel()[1] = 123
    assert weight[0, 1] == 123


def test_set_param_reaches_the_net():
    """set_param copies into the arrays that forward uses, some or all of them."""
    net, x = Net(), np.ones((1, 5))
    arrays = net.get_param()
    net.set_param({"out_bias": [[3.0]], "out_weight": np.zeros((3, 1))})
    assert net(x).value == 3
    assert net.get_param()["out_bias"] is arrays["out_bias"]


def test_set_param_checks_before_it_changes():
    """A wrong shape or name is an error, and nothing is changed then."""
    net = Net()
    before = copy.deepcopy(net.get_param())
    with pytest.raises(ValueError, match="nothing was changed"):
        net.set_param({"out_bias": [[3.0]], "out_weight": np.zeros((1, 3))})
    with pytest.raises(KeyError, match="no parameter is called 'bias'"):
        net.set_param({"out_bias": [[3.0]], "bias": [[1.0]]})
    np.testing.assert_equal(net.get_param(), before)


def test_set_param_does_not_alias():
    """The given array and the net's stay apart."""
    net, bias = Net(), np.array([[3.0]])
    net.set_param({"out_bias": bias})
    bias[...] = 9
    assert net.get_param()["out_bias"] == 3


def test_get_grad_agrees_with_finite_differences():
    """Every parameter's gradient is the slope of the loss."""
    net, (x, y) = Net(), data()
    gradients, loss = net.get_grad(x, y)
    assert isinstance(loss, float)
    assert loss == net.loss(x, y).value
    rng = np.random.default_rng(0)
    for name, array in net.get_param().items():
        assert gradients[name].shape == array.shape
        direction, start = rng.normal(size=array.shape), array.copy()
        ends = []
        for step in (1e-6, -1e-6):
            np.copyto(array, start + step * direction)
            ends.append(float(net.loss(x, y).value[0, 0]))
        np.copyto(array, start)
        slope = (ends[0] - ends[1]) / 2e-6
        # Rounding 1e-16 / 1e-6 = 1e-10, truncation 1e-12.
        np.testing.assert_allclose(
            (gradients[name] * direction).sum(), slope, atol=1e-8
        )


def test_get_grad_of_an_unused_parameter_is_zero():
    """A parameter that the loss does not touch has gradient 0, not None."""
    net, (x, y) = Net(), data()
    net.Parameter([[1.0, 2.0]], "spare")
    net.get_grad(x, y)
    np.testing.assert_array_equal(net.get_grad(x, y)[0]["spare"], [[0, 0]])


def test_get_grad_gradients_are_kept():
    """A later call makes new arrays: what was returned stays as it was."""
    net, (x, y) = Net(), data()
    first, _ = net.get_grad(x, y)
    kept = copy.deepcopy(first)
    net.get_grad(x[:7], y[:7])
    np.testing.assert_equal(first, kept)


def test_data_get_no_gradient_inside_get_grad():
    """Nodes made of data in forward or loss cost nothing on the way back."""
    seen = []

    class Watching(Net):
        def forward(self, x):
            seen.append(Node(x))
            return super().forward(seen[-1])

    net, (x, y) = Watching(), data()
    net.get_grad(x, y)
    assert seen[0].gradient is None
    net.forward(x).sum().backward()  # outside, a node is an ordinary node
    assert seen[1].gradient.shape == x.shape


def test_loss_must_be_a_number():
    """A loss that is not (1, 1) is an error that says how to end it."""

    class Unfinished(Net):
        def loss(self, x, y):
            return self.forward(x)

    with pytest.raises(
        ValueError, match=r"\(40, 1\); end with \.sum\(\) or \.mean\(\)"
    ):
        Unfinished().get_grad(*data())


def test_model_without_forward_says_so():
    """The two methods a subclass owes are named."""
    with pytest.raises(NotImplementedError, match=r"define forward\(self, x\)"):
        Model()(np.zeros((1, 1)))
    with pytest.raises(NotImplementedError, match=r"define loss\(self, x, y\)"):
        Model().loss(0, 0)


def test_parameter_outside_a_layer_trains():
    """A learnt scale is a parameter like others, (1, 1) for a number."""

    class Scaled(Net):
        def __init__(self):
            super().__init__()
            self.scale = self.Parameter(0.5, "scale")

        def forward(self, x):
            return super().forward(x) * self.scale

    net = Scaled()
    assert net.get_param()["scale"].shape == (1, 1)
    SGD(net, *data()).train(3, print_each=0)
    assert net.get_param()["scale"] != 0.5


def test_weight_used_twice_gets_both_gradients():
    """One layer applied twice: the gradient is summed over its uses."""

    class Twice(Model):
        def __init__(self):
            super().__init__(np.random.default_rng(0))
            self.layer = self.Linear_Layer(3, 3, "a")

        def loss(self, x, y):
            return self.layer(self.layer(x).tanh()).square().sum()

    net, x = Twice(), np.ones((2, 3))
    gradient = net.get_grad(x, None)[0]["a_weight"]
    weight = net.get_param()["a_weight"]
    step = np.zeros((3, 3))
    step[1, 2] = 1e-6
    start = weight.copy()
    ends = []
    for sign in (1, -1):
        np.copyto(weight, start + sign * step)
        ends.append(float(net.loss(x, None).value[0, 0]))
    np.testing.assert_allclose(gradient[1, 2], (ends[0] - ends[1]) / 2e-6, atol=1e-7)


@pytest.mark.parametrize(
    "copier", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_copied_model_trains_on_its_own(copier):
    """A copy has its own parameters and trains as the original would have."""
    net, (x, y) = Net(), data()
    other = copier(net)
    before = copy.deepcopy(net.get_param())
    losses = SGD(other, x, y).train(5, print_each=0).loss
    np.testing.assert_equal(net.get_param(), before)
    np.testing.assert_array_equal(SGD(net, x, y).train(5, print_each=0).loss, losses)


# ---- optimisers ----------------------------------------------------------------------


def by_hand(optimiser, gradients, rate):
    """Return where a scalar that starts at 0 goes under these gradients."""
    p = v = s = 0.0
    path = []
    for t, g in enumerate(gradients, 1):
        if optimiser is SGD:
            step = g
        elif optimiser is SGD_Momentum:
            step = v = 0.9 * v + g
        elif optimiser is RMS_Prop:
            s = 0.9 * s + 0.1 * g * g
            step = g / (s**0.5 + 1e-8)
        else:
            v, s = 0.9 * v + 0.1 * g, 0.999 * s + 0.001 * g * g
            step = v / (1 - 0.9**t) / ((s / (1 - 0.999**t)) ** 0.5 + 1e-8)
        p -= rate * step
        path.append(p)
    return path


class Slope(Model):
    """A loss that is x times one parameter, so that its gradient is x."""

    def __init__(self):
        """Make the parameter, at 0."""
        super().__init__(np.random.default_rng(0))
        self.p = self.Parameter(0.0, "p")

    def loss(self, x, y):
        """Return x p."""
        return (Node(x) * self.p).sum()


@pytest.mark.parametrize("record", [False, True])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_optimiser_follows_its_formula(optimiser, record):
    """Six steps of each rule are those worked out by hand, Adam's first ones too."""
    net = Slope()
    x = np.array([[-2.0]])
    path = []
    optimiser(net, x, [0], {"alpha": 0.1}).train(
        6, 0, hook=lambda *_: path.append(float(net.p.value[0, 0])), record=record
    )
    np.testing.assert_allclose(path, by_hand(optimiser, [-2.0] * 6, 0.1), rtol=1e-12)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_optimiser_agrees_with_pytorch(optimiser):
    """Twenty steps on a net follow PyTorch's optimiser of that name."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net, (x, y) = Net(), data()
    theirs = [
        torch.tensor(array.copy(), requires_grad=True)
        for array in net.get_param().values()
    ]
    other = {
        SGD: lambda p: torch.optim.SGD(p, 0.05),
        SGD_Momentum: lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
        RMS_Prop: lambda p: torch.optim.RMSprop(p, 0.05, alpha=0.9),
        Adam: lambda p: torch.optim.Adam(p, 0.05),
    }[optimiser](theirs)
    optimiser(net, x, y, {"alpha": 0.05}).train(20, print_each=0)
    for _ in range(20):
        h = torch.tensor(x)
        for i in range(0, 6, 2):
            h = h @ theirs[i] + theirs[i + 1]
            h = h.tanh() if i < 4 else h
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            h[:, 0], torch.tensor(y, dtype=torch.float64)
        )
        other.zero_grad()
        loss.backward()
        other.step()
    for ours, tensor in zip(net.get_param().values(), theirs, strict=True):
        np.testing.assert_allclose(ours, tensor.detach().numpy(), atol=1e-9)


def test_rms_prop_store_does_not_run_away():
    """Under a constant gradient the store tends to its square."""
    optimiser = RMS_Prop(Slope(), np.array([[3.0]]), [0])
    optimiser.train(500, print_each=0)
    np.testing.assert_allclose(optimiser.groups[0].states, [[[9.0]]])


@pytest.mark.parametrize("optimiser", [RMS_Prop, Adam])
def test_epsilon_is_ten_to_the_minus_eight(optimiser):
    """The published engine had 10e-8."""
    assert optimiser.defaults["epsilon"] == 1e-8


def test_rate_can_differ_by_parameter():
    """alpha as a dict: named parameters move at their rate, others keep still."""
    net, (x, y) = Net(), data()
    before = copy.deepcopy(net.get_param())
    gradients, _ = net.get_grad(x, y)
    rates = {"out_weight": 0.5, "layer_0_bias": 0.1}
    SGD(net, x, y, {"alpha": rates}).train(1, print_each=0)
    for name, array in net.get_param().items():
        expected = before[name] - rates.get(name, 0) * gradients[name]
        np.testing.assert_allclose(array, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hyperparam": {"beta": 1}}, r"unknown hyperparam \['beta'\]"),
        ({"hyperparam": {"alpha": {"w": 1}}}, r"alpha names \['w'\]"),
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"y_train": np.zeros(3)}, "x_train has 40 rows and y_train 3"),
    ],
)
def test_optimiser_refuses_what_it_does_not_know(arguments, message):
    """Misspelt hyperparameters, wrong lengths and empty batches are errors."""
    x, y = data()
    with pytest.raises(ValueError, match=message):
        SGD(**{"model": Net(), "x_train": x, "y_train": y, **arguments})


# ---- the training loop ---------------------------------------------------------------


def test_train_returns_its_history(capsys):
    """One loss per step, the first the loss before any step; printed as asked."""
    net, (x, y) = Net(), data()
    before = float(net.loss(x, y).value[0, 0])
    history = Adam(net, x, y, {"alpha": 0.05}).train(steps=30, print_each=10)
    assert isinstance(history, History)
    assert history.loss.shape == (30,)
    assert history.loss[0] == before
    assert history.loss[-1] < history.loss[0]
    assert (history.steps, history.stopped) == (30, False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["step 10", "step 20", "step 30"]


@pytest.mark.parametrize("silence", [0, None])
def test_train_can_be_silent(silence, capsys):
    """print_each=0 or None prints nothing."""
    SGD(Net(), *data()).train(3, print_each=silence)
    assert capsys.readouterr().out == ""


def test_train_goes_on_where_it_stopped():
    """Two calls of 10 are one of 20, Adam's step counter included."""
    x, y = data()
    one, other = Net(), Net()
    whole = Adam(one, x, y).train(20, print_each=0).loss
    optimiser = Adam(other, x, y)
    parts = [optimiser.train(10, print_each=0).loss for _ in range(2)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize("record", [False, True])
def test_train_calls_hook_and_stop(record):
    """hook sees every step, its truth does not matter; stop ends the run."""
    seen = []

    def hook(step, loss, model):
        seen.append((step, loss, model))
        return True

    net = Net()
    history = SGD(net, *data()).train(
        50, 0, hook=hook, stop=lambda step, loss, model: step == 7, record=record
    )
    assert [step for step, *_ in seen] == list(range(1, 8))
    assert seen[-1][1] == history.loss[-1]
    assert seen[0][2] is net
    assert (history.steps, history.stopped, len(history.loss)) == (7, True, 7)


def test_minibatches_come_from_the_passed_generator():
    """The same generator gives the same run; each row is used once in an epoch."""
    x, y = data(rows=40)
    x[:, 0] = np.arange(40)
    seen = []

    class Watching(Net):
        def loss(self, x, y):
            seen.append(np.asarray(x)[:, 0].copy())
            return super().loss(x, y)

    runs = []
    for _ in range(2):
        rng = np.random.default_rng(9)
        optimiser = SGD(Watching(), x, y, batch_size=10, rng=rng)
        runs.append(optimiser.train(8, print_each=0).loss)
    np.testing.assert_array_equal(*runs)
    for epoch in (seen[:4], seen[4:8]):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), np.arange(40))
    assert (seen[0] != seen[4]).any()


def test_batches_are_always_full():
    """Rows left over at the end of a permutation are not used as a small batch."""
    sizes = []

    class Watching(Net):
        def loss(self, x, y):
            sizes.append(len(x))
            return super().loss(x, y)

    SGD(Watching(), *data(rows=40), batch_size=16).train(10, print_each=0)
    assert sizes == [16] * 10


def test_batch_size_of_all_rows_keeps_their_order():
    """With all rows in a batch, nothing is drawn."""
    rng = np.random.default_rng(3)
    state = rng.bit_generator.state
    SGD(Net(), *data(rows=40), batch_size=64, rng=rng).train(3, print_each=0)
    assert rng.bit_generator.state == state


@pytest.mark.parametrize("record", [False, True])
def test_trace_has_the_sizes_of_every_layer(record):
    """For each layer and step: root mean squares that agree with arrays by hand."""
    net, (x, y) = Net(), data()
    expected = []

    class Pausing(Adam):
        def _step(self, backward):
            z = self.model.stack[0].weight.value
            pre = x @ z + self.model.stack[0].bias.value
            gradient = self.model.get_grad(x, y)[0]["layer_0_weight"]
            expected.append([pre, np.tanh(pre), gradient])
            return super()._step(backward)

    optimiser = Pausing(net, x, y, {"alpha": 0.05})
    history = optimiser.train(5, print_each=0, trace=True)
    assert list(history.trace) == ["layer_0", "layer_1", "out"]
    traced = history.trace["layer_0"]
    for i, name in enumerate(["pre_activation", "activation", "weight_gradient"]):
        sizes = [np.sqrt(np.mean(arrays[i] ** 2)) for arrays in expected]
        np.testing.assert_allclose(traced[name], sizes, rtol=1e-10)
    again = Adam(Net(), x, y, {"alpha": 0.05})
    other = again.train(5, print_each=0, trace=True, record=record).trace
    for layer, quantities in history.trace.items():
        for name, sizes in quantities.items():
            np.testing.assert_allclose(other[layer][name], sizes, rtol=1e-10)


def test_trace_tells_two_uses_of_a_layer_apart():
    """A layer used twice in a step has a trace for each use, of one entry a step."""
    x, _ = data()
    y = np.random.default_rng(1).integers(0, 4, 40)
    trace = SGD(Mixed(), x, y).train(3, print_each=0, trace=True).trace
    assert {"layer_3", "layer_3 (use 2)"} <= set(trace)
    assert {len(s) for sizes in trace.values() for s in sizes.values()} == {3}


def test_numpy_numbers_as_hyperparameters_do_not_widen_float32():
    """np.float64 settings give the same float32 run as Python's numbers."""
    runs = []
    for number in (float, np.float64):
        settings = {"alpha": number(0.01), "beta1": number(0.9)}
        net = Net(dtype=np.float32)
        optimiser = Adam(net, *data(), settings)
        loss = optimiser.train(5, print_each=0).loss
        runs.append([loss, net.get_param(), optimiser.groups[0].states])
    np.testing.assert_equal(*runs)


def test_float32_model_stays_float32():
    """Parameters, outputs, gradients and states are float32 through training."""
    x, y = data()
    for record in (False, True):
        net = Net(dtype=np.float32)
        optimiser = Adam(net, x, y, batch_size=16)
        optimiser.train(5, print_each=0, record=record)
        gradients, _ = net.get_grad(x, y)
        arrays = [*net.get_param().values(), *gradients.values(), net(x).value]
        arrays += [state for group in optimiser.groups for state in group.states]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_exploding_training_passes_without_a_warning():
    """A rate that is far too large gives NaN losses and not one warning."""

    class Squares(Net):
        def loss(self, x, y):
            return (self.forward(x) - Node(y)).square().sum().exp()

    for record in (False, True):
        history = SGD(Squares(), *data(), {"alpha": 1e3}).train(20, 0, record=record)
        assert not np.isfinite(history.loss[-1])


# ---- speed: nothing changes ----------------------------------------------------------


class Mixed(Model):
    """Operations with and without kernels of their own, a reused layer, a parameter."""

    def __init__(self, dtype=np.float64):
        """Make a net for four classes, with one layer large enough to be transposed."""
        super().__init__(np.random.default_rng(0), dtype)
        self.wide = self.ReLu_Layer(5, 300)
        self.big = self.Linear_Layer(300, 300)
        self.narrow = self.Sigmoid_Layer(300, 4)
        self.again = self.Tanh_Layer(4, 4)
        self.scale = self.Parameter([[1.0, 0.5, 2.0, 1.0]], "scale")
        self.spare = self.Parameter(1.0, "spare")

    def forward(self, x):
        """Return the logits."""
        h = self.narrow(self.big(self.wide(x)).silu())
        h = h + self.again(self.again(h)) * self.scale
        return concatenate([h[:, :2], h[:, 2:] * 3], axis=1) - h.max(axis=1)

    def loss(self, x, y):
        """Return the mean cross-entropy and a penalty."""
        penalty = self.scale.square().sum()
        return softmax_cross_entropy(self.forward(x), y) + 0.01 * penalty


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_recorded_training_is_the_same_to_the_last_bit(optimiser, batch_size, dtype):
    """Replaying a step gives every loss and parameter that computing it gives."""
    x, _ = data()
    y = np.random.default_rng(1).integers(0, 4, 40)
    runs = []
    for record in (False, True):
        net = Mixed(dtype)
        rng = np.random.default_rng(2)
        history = optimiser(net, x, y, batch_size=batch_size, rng=rng).train(
            12, print_each=0, record=record
        )
        runs.append((history.loss, net.get_param()))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    np.testing.assert_equal(runs[0][1], runs[1][1])


class Everything(Model):
    """Every operation that a tape takes apart into NumPy's calls, and some others."""

    def __init__(self, dtype):
        """Make one matrix, which some of the operations read as it is."""
        super().__init__(np.random.default_rng(0), dtype)
        self.w = self.Parameter(self.rng.normal(size=(5, 4)), "w")

    def loss(self, x, y):
        """Return the mean over all results."""
        w, z = self.w, Node(x) @ self.w
        terms = [w + w, w.T, -w, 2 - w, w - z.mean(axis=0), z + 1, 1 - z, z * z]
        terms += [z / (2 + z.square()), z.exp(), (z.square() + 1).sqrt(), z.abs()]
        terms += [z.tanh(), z.sigmoid(), z.relu(), z.silu(), z.softmax(), z.T @ z]
        terms += [z.sum(axis=0), z.sum(axis=1), z.gelu(), z[1:], z.max(axis=1), z**3]
        return sum(term.mean() for term in terms) + bce_with_logits(z[:, 0], y)


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_recorded_operations_are_the_same_to_the_last_bit(batch_size, dtype):
    """Each operation's calls, heard once, compute what its formula and rules do."""
    runs = []
    for record in (False, True):
        net, rng = Everything(dtype), np.random.default_rng(2)
        optimiser = Adam(net, *data(), batch_size=batch_size, rng=rng)
        history = optimiser.train(10, print_each=0, record=record)
        runs.append([history.loss, net.get_param()["w"]])
    np.testing.assert_equal(*runs)


class Odd(Net):
    """A frozen weight below a bias that trains, and an operation from outside."""

    def __init__(self):
        """Freeze the first weight."""
        super().__init__()
        frozen = self.stack[0].weight.value
        self.stack[0].weight = Node(frozen, needs_gradient=False)

    def forward(self, x):
        """Return the logits, after an operation that keeps an array and a number."""
        squash = Operation(
            "squash",
            lambda x: (np.arctan(x), 1 + x * x, 0.5),
            lambda g, y, x, kept, half: g / kept,
        )
        return squash(super().forward(x))


@pytest.mark.parametrize("batch_size", [None, 16])
def test_recorded_odd_net_is_the_same_to_the_last_bit(batch_size):
    """Constants are not recorded, own operations as a whole, with what they keep."""
    runs = []
    for record in (False, True):
        net, rng = Odd(), np.random.default_rng(2)
        optimiser = Adam(net, *data(), batch_size=batch_size, rng=rng)
        history = optimiser.train(10, 0, trace=True, record=record)
        runs.append([history.loss, net.get_param(), history.trace])
    assert not history.trace["layer_0"]["weight_gradient"].any()  # it is frozen
    np.testing.assert_equal(*runs)


def test_recording_notices_a_new_parameter_array():
    """A parameter bound to another array is used from the next step on."""
    x, y = data()
    runs = []
    for record in (False, True):
        net = Net()

        def hook(step, loss, model):
            if step == 5:
                model.out.weight.value = np.full((3, 1), 0.25)

        optimiser = Adam(net, x, y)
        runs.append(optimiser.train(12, print_each=0, hook=hook, record=record).loss)
    np.testing.assert_array_equal(*runs)


def test_recording_sees_values_copied_into_parameters():
    """np.copyto between steps acts at once; so does a get_grad in a hook."""
    x, y = data()
    runs = []
    for record in (False, True):
        net = Net()

        def hook(step, loss, model):
            model.get_grad(x[:3], y[:3])
            if step == 5:
                np.copyto(model.get_param()["out_weight"], 0.25)

        optimiser = Adam(net, x, y)
        runs.append(optimiser.train(12, print_each=0, hook=hook, record=record).loss)
    np.testing.assert_array_equal(*runs)


def drop(self, h):
    return h * self.rng.integers(0, 2, h.shape)


def drop_in_an_operation(self, h):
    mask = self.rng.integers(0, 2, h.shape)
    return Operation("drop", lambda x: x * mask, lambda g, y, x: g * mask)(h)


def drop_rows(self, h):
    return h[self.rng.permutation(40)]


def grow(self, h):
    self.calls = getattr(self, "calls", 0) + 1
    for _ in range(self.calls):
        h = h * 0.9
    return h


@pytest.mark.parametrize("step", [drop, drop_in_an_operation, drop_rows, grow])
def test_recording_refuses_steps_that_differ(step):
    """Random draws and growing graphs are noticed and named, not frozen."""

    class Restless(Net):
        def forward(self, x):
            return step(self, super().forward(x))

    with pytest.raises(ValueError, match="record=True needs steps that repeat"):
        SGD(Restless(), *data()).train(5, print_each=0, record=True)


def test_recording_refuses_labels_copied_out_of_the_batch():
    """Labels turned by NumPy inside loss would stand still: they are noticed."""

    class Copying(Net):
        def loss(self, x, y):
            return bce_with_logits(self.forward(x), 1.0 - np.asarray(y, float))

    with pytest.raises(ValueError, match="needs steps that repeat"):
        SGD(Copying(), *data(), batch_size=8).train(5, print_each=0, record=True)
    SGD(Copying(), *data()).train(5, print_each=0, record=True)  # all rows: constant


def test_detect_nan_works_while_recording():
    """The switch turns replaying off, so that the operation can be named."""
    net, (x, y) = Net(), data()

    def hook(step, loss, model):
        if step == 4:
            model.get_param()["out_weight"][...] = np.inf

    with (
        dp.detect_nan(),
        pytest.raises(FloatingPointError, match="layer 'out'"),
    ):
        SGD(net, x, y).train(10, print_each=0, hook=hook, record=True)


def training_garbage(record):
    optimiser = Adam(Net(), *data(), batch_size=16)
    optimiser.train(5, print_each=0, record=record)
    return garbage(lambda: optimiser.train(200, print_each=0, record=record))


@pytest.mark.parametrize("record", [False, True])
def test_training_leaves_no_cyclic_garbage(record):
    """Steps are freed by reference counts alone."""
    assert alone(training_garbage, record) == 0


def training_growth(record):
    optimiser = SGD(Net(), *data(), batch_size=16)
    return growth(
        lambda steps: optimiser.train(steps, print_each=0, record=record),
        3000,  # fills Python's free lists
        10_000,
    )


@pytest.mark.slow
@pytest.mark.parametrize("record", [False, True])
def test_training_memory_is_flat_over_10000_steps(record):
    """10,000 steps leave behind the losses, 8 bytes each, and nothing that grows."""
    assert alone(training_growth, record) < 20_000  # 2 bytes a step
