"""Other right programs for unit 5: each must get full marks."""


# %% accepted={"item": "lecun-normal", "name": "scaled-afterwards"}
def lecun_normal(fan_in, fan_out, rng, gain=1.0):
    return gain * rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)


# %% accepted={"item": "lecun-normal", "name": "neuron-by-neuron"}
def lecun_normal(fan_in, fan_out, rng, gain=1, mean=0.0):
    columns = [rng.normal(mean, gain * fan_in**-0.5, fan_in) for _ in range(fan_out)]
    return np.stack(columns, axis=1)


# %% accepted={"item": "glorot-uniform", "name": "from-the-unit-interval"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    average = (fan_in + fan_out) / 2
    return gain * (3 / average) ** 0.5 * (2 * rng.random((fan_in, fan_out)) - 1)


# %% accepted={"item": "glorot-uniform", "name": "transposed-draws"}
def glorot_uniform(fan_in, fan_out, rng, *, gain=1.0):
    a = np.sqrt(3) * np.sqrt(2) / np.sqrt(fan_in + fan_out)
    return rng.uniform(-a, a, size=(fan_out, fan_in)).T * gain


# %% accepted={"item": "glorot-normal", "name": "by-the-average-fan"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    average = np.mean([fan_in, fan_out])
    return rng.standard_normal(size=(fan_in, fan_out)) * gain * average**-0.5


# %% accepted={"item": "glorot-normal", "name": "row-by-row"}
def glorot_normal(fan_in, fan_out, rng, gain=1.0):
    std = gain * (2 / (fan_in + fan_out)) ** 0.5
    weights = np.empty((fan_in, fan_out))
    for row in weights:
        row[:] = rng.normal(scale=std, size=fan_out)
    return weights


# %% accepted={"item": "normal", "name": "scaled-afterwards"}
def normal(fan_in, fan_out, rng, gain=1):
    return np.multiply(gain, rng.standard_normal((fan_in, fan_out)))


# %% accepted={"item": "normal", "name": "reshaped"}
def normal(fan_in, fan_out, rng=None, gain=1.0):
    return rng.normal(scale=gain, size=fan_in * fan_out).reshape(fan_in, fan_out)


# %% accepted={"item": "initializer", "name": "by-slices"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for key, array in net.get_param().items():
            _, kind = key.rsplit("_", 1)
            fan_in, fan_out = array.shape
            if kind == "weight":
                array[...] = self.initial_weights(fan_in, fan_out)
            else:
                array[...] = self.initial_bias(fan_in, fan_out)

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% accepted={"item": "initializer", "name": "by-set-param"}
class Initializer:
    def __init__(self, rng=None, name="initializer"):
        self.rng = np.random.default_rng(rng)
        self.name = name

    def initialize(self, net):
        new = {}
        for key, array in net.get_param().items():
            method = (
                self.initial_bias if key.endswith("_bias") else self.initial_weights
            )
            new[key] = method(*array.shape)
        net.set_param(new)

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError("a subclass defines initial_weights")

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError("a subclass defines initial_bias")


# %% accepted={"item": "low-initializer", "name": "small-biases-too"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return 0.001 * self.rng.standard_normal((fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.uniform(-0.001, 0.001, (1, fan_out))


# %% accepted={"item": "low-initializer", "name": "by-the-earlier-function"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return normal(fan_in, fan_out, self.rng, gain=0.001)

    def initial_bias(self, fan_in, fan_out):
        return np.full((1, fan_out), 0.0)


# %% accepted={"item": "large-initializer", "name": "from-the-unit-interval"}
class LargeInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return 200 * self.rng.random((fan_in, fan_out)) - 100

    def initial_bias(self, fan_in, fan_out):
        return 200 * self.rng.random((1, fan_out)) - 100


# %% accepted={"item": "large-initializer", "name": "a-method-of-its-own"}
class LargeInitializer(Initializer):
    def draw(self, shape):
        return self.rng.uniform(-100.0, 100.0, size=shape)

    def initial_weights(self, fan_in, fan_out):
        return self.draw((fan_out, fan_in)).T

    def initial_bias(self, fan_in, fan_out):
        return self.draw((1, fan_out))


# %% accepted={"item": "normal-initializer", "name": "standard-normal"}
class NormalInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.standard_normal((fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.standard_normal(fan_out)[None, :]


# %% accepted={"item": "normal-initializer", "name": "weights-by-columns"}
class NormalInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return np.array([self.rng.normal(size=fan_in) for _ in range(fan_out)]).T

    def initial_bias(self, fan_in=1, fan_out=1):
        return self.rng.normal(size=(1, fan_out))


# %% accepted={"item": "xavier-initializer", "name": "by-the-earlier-function"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return glorot_uniform(fan_in, fan_out, self.rng)

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% accepted={"item": "xavier-initializer", "name": "scaled-afterwards"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        unit = self.rng.uniform(-1, 1, (fan_in, fan_out))
        return unit * np.sqrt(6) / np.sqrt(fan_in + fan_out)

    def initial_bias(self, fan_in, fan_out):
        return 0.0 * np.ones(fan_out).reshape(1, -1)


# %% accepted={"item": "lecun-initializer", "name": "by-the-earlier-function"}
class LeCunInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return lecun_normal(fan_in, fan_out, self.rng, gain=1)

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% accepted={"item": "lecun-initializer", "name": "a-child-of-a-child"}
class _Normal(Initializer):
    def initial_weights(self, fan_in, fan_out):
        std = np.sqrt(self.weight_var(fan_in, fan_out))
        return std * self.rng.standard_normal((fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


class LeCunInitializer(_Normal):
    def weight_var(self, fan_in, fan_out):
        return 1 / fan_in


# %% accepted={"item": "check-initializer", "name": "many-draws-pooled"}
def check_initializer(f, rule, sigma=7):
    complaints = []
    for shape in [(50, 200), (200, 50), (90, 110)]:
        rng = np.random.default_rng(1)
        std = rule(*shape) ** 0.5
        draws = []
        for _ in range(8):
            W = f(*shape, rng)
            if np.shape(W) != shape:
                return ["the shape is not (fan_in, fan_out)"]
            draws.append(W)
        pooled = np.stack(draws)
        if not np.isfinite(pooled).all():
            return ["there are weights that are not finite"]
        if abs(pooled.mean()) >= sigma * std * pooled.size**-0.5:
            complaints.append("the mean is not zero")
        if abs(pooled.std() - std) >= sigma * std * (2 * pooled.size) ** -0.5:
            complaints.append("the spread is not what the rule asks for")
        if (draws[0] == draws[1]).all():
            complaints.append("a second call gives the same weights")
        if (draws[0][:, 0] == draws[0][:, 1]).all():
            complaints.append("two neurons are copies")
        if not (f(*shape, np.random.default_rng(1)) == draws[0]).all():
            complaints.append("the draws are not those of rng")
    return complaints


# %% accepted={"item": "check-initializer", "name": "by-correlations"}
def check_initializer(f, rule):
    def problems():
        for n, m in ((800, 200), (150, 600)):
            make = np.random.default_rng
            one, again, rng = f(n, m, make(3)), f(n, m, make(3)), make(4)
            if one.shape != (n, m):
                yield f"{one.shape} in place of {(n, m)}"
                continue
            if not np.isfinite(one).all():
                yield "not a number"
                continue
            if np.any(one != again):
                yield "rng is not used"
            if np.all(f(n, m, rng) == f(n, m, rng)):
                yield "draws are repeated"
            ratio = np.mean(one**2) / rule(n, m)
            if abs(ratio - 1) > 8 * np.sqrt(2 / one.size):
                yield f"mean square {ratio:.3f} times what it should be"
            if abs(np.mean(one)) > 8 * np.sqrt(rule(n, m) / one.size):
                yield "mean"
            correlation = np.corrcoef(one.T) - np.eye(m)
            if np.abs(correlation).max() > 0.9:
                yield "neurons alike"

    return list(problems())


# %% accepted={"item": "net", "name": "formula-written-out"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.layers = [
            self.Tanh_Layer(30, 20, "one"),
            self.Tanh_Layer(20, 10, "two"),
            self.Linear_Layer(10, 1, "three"),
        ]

    def outputs(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def forward(self, x):
        return self.outputs(x).sigmoid()

    def loss(self, x, y):
        z = self.outputs(x)
        labels = np.asarray(y, dtype=float).reshape(-1, 1)
        size = z.relu() + (-z).relu()
        return (z.relu() - z * labels + (1 + (-size).exp()).log()).sum()


# %% accepted={"item": "net", "name": "linear-layers-and-tanh"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.first = self.Linear_Layer(30, 20)
        self.second = self.Linear_Layer(20, 10)
        self.third = self.Linear_Layer(10, 1)

    def _z(self, x):
        return self.third(self.second(self.first(x).tanh()).tanh())

    def forward(self, x):
        return self._z(x).sigmoid()

    def loss(self, x, y):
        z = self._z(x)
        return bce_with_logits(z, y, reduction="mean") * len(z)


# %% accepted={"item": "prediction", "name": "another-honest-guess"}
my_count = 0

# %% accepted={"item": "prediction", "name": "in-doubt"}
my_count = 2.5

# %% accepted={"item": "prediction", "name": "a-numpy-number"}
my_count = np.float64(3.5)
