"""The exercise the engine was made for: a small net, its start, its training."""
# ruff: noqa: D102, D107, SIM201 (the nets are written as the exercise prints them)

import numpy as np
import pytest
from sklearn import datasets, preprocessing

from dp import SGD, Adam, Model, Node, RMS_Prop, SGD_Momentum


@pytest.fixture(scope="module")
def cancer():
    x, y = datasets.load_breast_cancer(return_X_y=True)
    return preprocessing.scale(x), y


class NamedNet(Model):
    """30-20-10-1 with named linear layers and activations in forward."""

    def __init__(self):
        super(NamedNet, self).__init__()  # noqa: UP008 (as the exercise prints it)
        self.first = self.Linear_Layer(30, 20, "first")
        self.second = self.Linear_Layer(20, 10, "second")
        self.third = self.Linear_Layer(10, 1, "third")

    def loss(self, x, y):
        if not type(y) == Node:  # noqa: E721 (as the exercise prints it)
            y = Node(y)
        p = self.forward(x)
        return -(y * p.log() + (1 - y) * (1 - p).log()).sum()

    def forward(self, x):
        if not type(x) == Node:  # noqa: E721
            x = Node(x)
        return self.third(self.second(self.first(x).tanh()).tanh()).sigmoid()


class UnnamedNet(NamedNet):
    """The same net without names, and with layers that bring their activation."""

    def __init__(self):
        super(NamedNet, self).__init__()
        self.first = self.Tanh_Layer(30, 20)
        self.second = self.Tanh_Layer(20, 10)
        self.third = self.Sigmoid_Layer(10, 1)

    def forward(self, x):
        if not type(x) == Node:  # noqa: E721
            x = Node(x)
        return self.third(self.second(self.first(x)))


class Initializer:
    """Set every parameter in place, weights and biases by their key."""

    def initialize(self, net):
        for key, value in net.get_param().items():
            fan_in, fan_out = value.shape
            if "weight" in key:
                np.copyto(value, self.initial_weights(fan_in, fan_out))
            elif "bias" in key:
                np.copyto(value, np.zeros((1, fan_out)))


class SmallInitializer(Initializer):
    """A modest uniform start."""

    def initial_weights(self, fan_in, fan_out):
        return np.random.default_rng(fan_in).uniform(-0.3, 0.3, (fan_in, fan_out))


class LargeInitializer(Initializer):
    """A start that saturates every unit."""

    def initial_weights(self, fan_in, fan_out):
        return np.random.default_rng(1).uniform(-100, 100, (fan_in, fan_out))


@pytest.mark.parametrize("net_class", [NamedNet, UnnamedNet])
@pytest.mark.parametrize("optimiser", [SGD, SGD_Momentum, RMS_Prop, Adam])
def test_seed_exercise_trains(net_class, optimiser, cancer, capsys):
    """The exercise's code runs unchanged and learns, under every optimiser."""
    x_train, y_train = cancer
    net = net_class()
    SmallInitializer().initialize(net)
    rate = 0.01 if optimiser in (RMS_Prop, Adam) else 0.001
    history = optimiser(
        net, x_train=x_train, y_train=y_train, hyperparam={"alpha": rate}
    ).train(steps=100, print_each=10)
    assert capsys.readouterr().out.count("\n") == 10
    assert history.loss.shape == (100,)
    right = (net(x_train).value.ravel() > 0.5) == y_train
    assert right.mean() > 0.93


def test_seed_exercise_saturated_start_stays_finite(cancer):
    """A start in [-100, 100] gives a finite loss and finite gradients, no warning."""
    x_train, y_train = cancer
    net = NamedNet()
    LargeInitializer().initialize(net)
    optimiser = Adam(net, x_train=x_train, y_train=y_train, hyperparam={"alpha": 0.01})
    history = optimiser.train(steps=100, print_each=0)
    assert np.isfinite(history.loss).all()
    gradients, loss = net.get_grad(x_train, y_train)
    assert np.isfinite(loss)
    assert all(np.isfinite(g).all() for g in gradients.values())


def test_seed_exercise_initializer_reaches_the_net(cancer):
    """np.copyto into get_param() changes the output at once."""
    x_train, _ = cancer
    net = NamedNet()
    before = net(x_train).value
    SmallInitializer().initialize(net)
    assert np.abs(net(x_train).value - before).max() > 0.01


def test_seed_exercise_shapes():
    """Parameters have the exercise's names and shapes."""
    shapes = {key: value.shape for key, value in NamedNet().get_param().items()}
    assert shapes == {
        "first_weight": (30, 20),
        "first_bias": (1, 20),
        "second_weight": (20, 10),
        "second_bias": (1, 10),
        "third_weight": (10, 1),
        "third_bias": (1, 1),
    }
