# The named wrong solutions of unit 5: each loses its own item, by name, and no other.

# %% [markdown]
# ## 5.1 lecun_normal


# %% wrong={"item": "lecun-normal", "name": "variance-used-as-std", "says": "variance is used as the standard deviation"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain / fan_in, (fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "fans-swapped", "says": "swapped"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain / np.sqrt(fan_out), (fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "transposed", "says": "transposed"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain / np.sqrt(fan_in), (fan_out, fan_in))


# %% wrong={"item": "lecun-normal", "name": "one-hundredth-hard-coded", "says": "0.01 at every shape: it is hard-coded"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    return 0.01 * gain * rng.normal(size=(fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "rectifier-rule", "says": "times what it should be"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain * np.sqrt(2 / fan_in), (fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "reseeds-inside", "says": "seed set inside"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    rng = np.random.default_rng(0)
    return rng.normal(0, gain / np.sqrt(fan_in), (fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "own-generator", "says": "do not come from `rng`"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    rng = np.random.default_rng()
    return rng.normal(0, gain / np.sqrt(fan_in), (fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "one-neuron-repeated", "says": "repeated"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    column = rng.normal(0, gain / np.sqrt(fan_in), (fan_in, 1))
    return np.repeat(column, fan_out, axis=1)


# %% wrong={"item": "lecun-normal", "name": "uniform-draws", "says": "look uniform"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(3 / fan_in)
    return rng.uniform(-a, a, (fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "gain-ignored", "says": "`gain` is ignored"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, 1 / np.sqrt(fan_in), (fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "gain-squared", "says": "gain is applied twice"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain**2 / np.sqrt(fan_in), (fan_in, fan_out))


# %% wrong={"item": "lecun-normal", "name": "columns-standardised", "says": "standardised"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    draws = rng.normal(size=(fan_in, fan_out))
    draws = (draws - draws.mean(axis=0)) / draws.std(axis=0)
    return gain * draws / np.sqrt(fan_in)


# %% wrong={"item": "lecun-normal", "name": "two-points", "says": "two values are no distribution"}
def lecun_normal(fan_in, fan_out, rng, gain=1):
    return gain / np.sqrt(fan_in) * rng.choice([-1.0, 1.0], (fan_in, fan_out))


# %% [markdown]
# ## 5.2 glorot_uniform


# %% wrong={"item": "glorot-uniform", "name": "square-root-misplaced", "says": "misplaced square root"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(6) / (fan_in + fan_out)
    return rng.uniform(-a, a, (fan_in, fan_out))


# %% wrong={"item": "glorot-uniform", "name": "bound-is-the-std", "says": "bound is the standard deviation"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(2 / (fan_in + fan_out))
    return rng.uniform(-a, a, (fan_in, fan_out))


# %% wrong={"item": "glorot-uniform", "name": "from-zero-to-a", "says": "not from [0, a]"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(0, a, (fan_in, fan_out))


# %% wrong={"item": "glorot-uniform", "name": "mean-of-the-variances", "says": "mean of the variances"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(3 * (1 / fan_in + 1 / fan_out) / 2)
    return rng.uniform(-a, a, (fan_in, fan_out))


# %% wrong={"item": "glorot-uniform", "name": "fan-in-alone", "says": "fan_in + fan_out"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(3 / fan_in)
    return rng.uniform(-a, a, (fan_in, fan_out))


# %% wrong={"item": "glorot-uniform", "name": "normal-with-the-bound", "says": "sqrt(3) times too large"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(6 / (fan_in + fan_out))
    return rng.normal(0, a, (fan_in, fan_out))


# %% wrong={"item": "glorot-uniform", "name": "normal-draws", "says": "look normal"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain * np.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))


# %% wrong={"item": "glorot-uniform", "name": "transposed", "says": "transposed"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-a, a, (fan_out, fan_in))


# %% wrong={"item": "glorot-uniform", "name": "reseeds-inside", "says": "seed set inside"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(6 / (fan_in + fan_out))
    return np.random.default_rng(42).uniform(-a, a, (fan_in, fan_out))


# %% wrong={"item": "glorot-uniform", "name": "gain-on-the-variance", "says": "gain multiplies the standard deviation"}
def glorot_uniform(fan_in, fan_out, rng, gain=1):
    a = np.sqrt(6 * gain / (fan_in + fan_out))
    return rng.uniform(-a, a, (fan_in, fan_out))


# %% [markdown]
# ## 5.3 glorot_normal


# %% wrong={"item": "glorot-normal", "name": "uniform-bound-as-std", "says": "bound of a uniform distribution"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain * np.sqrt(6 / (fan_in + fan_out)), (fan_in, fan_out))


# %% wrong={"item": "glorot-normal", "name": "variance-used-as-std", "says": "variance is used as the standard deviation"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain * 2 / (fan_in + fan_out), (fan_in, fan_out))


# %% wrong={"item": "glorot-normal", "name": "square-root-misplaced", "says": "misplaced square root"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain * np.sqrt(2) / (fan_in + fan_out), (fan_in, fan_out))


# %% wrong={"item": "glorot-normal", "name": "sum-of-the-fans", "says": "0.5 times what it should be"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain / np.sqrt(fan_in + fan_out), (fan_in, fan_out))


# %% wrong={"item": "glorot-normal", "name": "mean-of-the-variances", "says": "mean of the variances"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    weight_var = (1 / fan_in + 1 / fan_out) / 2
    return rng.normal(0, gain * np.sqrt(weight_var), (fan_in, fan_out))


# %% wrong={"item": "glorot-normal", "name": "mean-of-the-stds", "says": "mean of two standard deviations"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    weight_std = (fan_in**-0.5 + fan_out**-0.5) / 2
    return rng.normal(0, gain * weight_std, (fan_in, fan_out))


# %% wrong={"item": "glorot-normal", "name": "geometric-mean", "says": "geometric mean"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain * (fan_in * fan_out) ** -0.25, (fan_in, fan_out))


# %% wrong={"item": "glorot-normal", "name": "uniform-draws", "says": "look uniform"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    a = gain * np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-a, a, (fan_in, fan_out))


# %% wrong={"item": "glorot-normal", "name": "one-neuron-repeated", "says": "repeated"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    column = rng.normal(0, gain * np.sqrt(2 / (fan_in + fan_out)), (fan_in, 1))
    return np.tile(column, (1, fan_out))


# %% wrong={"item": "glorot-normal", "name": "gain-divides", "says": "gain divides"}
def glorot_normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, np.sqrt(2 / (fan_in + fan_out)) / gain, (fan_in, fan_out))


# %% [markdown]
# ## 5.4 normal


# %% wrong={"item": "normal", "name": "one-hundredth-hard-coded", "says": "0.01 at every shape, and must be 1"}
def normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, 0.01, (fan_in, fan_out))


# %% wrong={"item": "normal", "name": "one-hundredth-times-gain", "says": "0.01 at every shape, and must be 1"}
def normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, 0.01 * gain, (fan_in, fan_out))


# %% wrong={"item": "normal", "name": "gain-ignored", "says": "`gain` is ignored"}
def normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, 1, (fan_in, fan_out))


# %% wrong={"item": "normal", "name": "gain-as-variance", "says": "not the variance"}
def normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, np.sqrt(gain), (fan_in, fan_out))


# %% wrong={"item": "normal", "name": "gain-squared", "says": "gain is applied twice"}
def normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain**2, (fan_in, fan_out))


# %% wrong={"item": "normal", "name": "scaled-by-fan-in", "says": "do not scale the weights"}
def normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain / np.sqrt(fan_in), (fan_in, fan_out))


# %% wrong={"item": "normal", "name": "transposed", "says": "transposed"}
def normal(fan_in, fan_out, rng, gain=1):
    return rng.normal(0, gain, (fan_out, fan_in))


# %% wrong={"item": "normal", "name": "legacy-generator", "says": "do not come from `rng`"}
def normal(fan_in, fan_out, rng, gain=1):
    return gain * np.random.randn(fan_in, fan_out)


# %% wrong={"item": "normal", "name": "one-neuron-repeated", "says": "repeated"}
def normal(fan_in, fan_out, rng, gain=1):
    return gain * np.ones((fan_in, fan_out)) * rng.normal(size=(fan_in, 1))


# %% [markdown]
# ## 5.5 Initializer


# %% wrong={"item": "initializer", "name": "rebinds-the-name", "says": "copy in place"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for name, array in net.get_param().items():
            if name.endswith("_weight"):
                array = self.initial_weights(*array.shape)
            else:
                array = self.initial_bias(*array.shape)

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "writes-into-a-copy-of-the-dict", "says": "copy in place"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        parameters = net.get_param()
        for name, array in parameters.items():
            if name.endswith("_weight"):
                parameters[name] = self.initial_weights(*array.shape)
            else:
                parameters[name] = self.initial_bias(*array.shape)

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "weight-anywhere-in-the-key", "says": "'weight' in key"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for key, array in net.get_param().items():
            if "weight" in key:
                np.copyto(array, self.initial_weights(*array.shape))
            elif "bias" in key:
                np.copyto(array, self.initial_bias(*array.shape))

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "bias-anywhere-in-the-key", "says": "'bias' in key"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for key, array in net.get_param().items():
            if "bias" in key:
                np.copyto(array, self.initial_bias(*array.shape))
            else:
                np.copyto(array, self.initial_weights(*array.shape))

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "both-methods-for-each-array", "says": "one result is thrown away"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for name, array in net.get_param().items():
            weights = self.initial_weights(*array.shape)
            bias = self.initial_bias(*array.shape)
            np.copyto(array, weights if name.endswith("_weight") else bias)

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "told-apart-by-one-row", "says": "a row is taken for a bias", "replace": true}
# -             if name.endswith("_weight"):
# +             if array.shape[0] > 1:

# -             elif name.endswith("_bias"):
# +             else:


# %% wrong={"item": "initializer", "name": "biases-forgotten", "says": "every bias"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for name, array in net.get_param().items():
            if name.endswith("_weight"):
                np.copyto(array, self.initial_weights(*array.shape))

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "first-layer-only", "says": "every layer has to be set"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for name, array in list(net.get_param().items())[:2]:
            if name.endswith("_weight"):
                np.copyto(array, self.initial_weights(*array.shape))
            else:
                np.copyto(array, self.initial_bias(*array.shape))

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "one-draw-for-each-shape", "says": "draws of their own"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        drawn = {}
        for name, array in net.get_param().items():
            weight = name.endswith("_weight")
            make = self.initial_weights if weight else self.initial_bias
            key = (weight, array.shape)
            if key not in drawn:
                drawn[key] = make(*array.shape)
            np.copyto(array, drawn[key])

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "every-layer-twice", "says": "touch every layer once"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for _ in range(2):
            for name, array in net.get_param().items():
                if name.endswith("_weight"):
                    np.copyto(array, self.initial_weights(*array.shape))
                else:
                    np.copyto(array, self.initial_bias(*array.shape))

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "fans-swapped-in-the-call", "says": "could not broadcast"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for name, array in net.get_param().items():
            fan_out, fan_in = array.shape
            if name.endswith("_weight"):
                np.copyto(array, self.initial_weights(fan_in, fan_out))
            else:
                np.copyto(array, self.initial_bias(fan_in, fan_out))

    def initial_weights(self, fan_in, fan_out):
        raise NotImplementedError

    def initial_bias(self, fan_in, fan_out):
        raise NotImplementedError


# %% wrong={"item": "initializer", "name": "base-class-chooses-zeros", "says": "abstract class"}
class Initializer:
    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)

    def initialize(self, net):
        for name, array in net.get_param().items():
            if name.endswith("_weight"):
                np.copyto(array, self.initial_weights(*array.shape))
            else:
                np.copyto(array, self.initial_bias(*array.shape))

    def initial_weights(self, fan_in, fan_out):
        return np.zeros((fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% [markdown]
# ## 5.5 The five subclasses


# %% wrong={"item": "low-initializer", "name": "all-zero", "says": "zeros and constants"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return np.zeros((fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "low-initializer", "name": "constant", "says": "zeros and constants"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return np.full((fan_in, fan_out), 0.001)

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "low-initializer", "name": "std-taken-for-variance", "says": "not the variance"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, np.sqrt(0.001), (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "low-initializer", "name": "variance-used-as-std", "says": "variance is used as the standard deviation"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, 0.001**2, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "low-initializer", "name": "positive-only", "says": "no weight is negative"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return 0.001 * np.sqrt(12) * self.rng.random((fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "low-initializer", "name": "bias-one", "says": "biases are parameters too"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, 0.001, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.ones((1, fan_out))


# %% wrong={"item": "low-initializer", "name": "own-generator", "says": "do not come from `rng`"}
class LowInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return np.random.normal(0, 0.001, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "large-initializer", "name": "from-zero-to-100", "says": "draw from [-100, 100]"}
class LargeInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.uniform(0, 100, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.uniform(0, 100, (1, fan_out))


# %% wrong={"item": "large-initializer", "name": "normal-with-std-100", "says": "100 is the bound"}
class LargeInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, 100, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.uniform(-100, 100, (1, fan_out))


# %% wrong={"item": "large-initializer", "name": "zero-bias", "says": "biases too"}
class LargeInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.uniform(-100, 100, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "large-initializer", "name": "bias-shaped-like-weights", "says": "whatever fan_in"}
class LargeInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.uniform(-100, 100, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.uniform(-100, 100, (fan_in, fan_out))


# %% wrong={"item": "normal-initializer", "name": "one-hundredth-hard-coded", "says": "0.01 is hard-coded"}
class NormalInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, 0.01, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.normal(0, 0.01, (1, fan_out))


# %% wrong={"item": "normal-initializer", "name": "scaled-by-fan-in", "says": "do not scale the weights"}
class NormalInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, fan_in**-0.5, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.normal(0, 1, (1, fan_out))


# %% wrong={"item": "normal-initializer", "name": "uniform-draws", "says": "these draws are uniform"}
class NormalInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.uniform(-1, 1, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.uniform(-1, 1, (1, fan_out))


# %% wrong={"item": "normal-initializer", "name": "zero-bias", "says": "biases too"}
class NormalInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, 1, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "normal-initializer", "name": "one-bias-for-all-units", "says": "one number is drawn for all units"}
class NormalInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, 1, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.full((1, fan_out), self.rng.normal())


# %% wrong={"item": "normal-initializer", "name": "uniform-bias", "says": "initial_bias(1, 20), 200 draws pooled: expected the kurtosis"}
class NormalInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, 1, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.uniform(-np.sqrt(3), np.sqrt(3), (1, fan_out))


# %% wrong={"item": "large-initializer", "name": "one-bias-for-all-units", "says": "one number is drawn for all units"}
class LargeInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.uniform(-100, 100, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.full((1, fan_out), self.rng.uniform(-100, 100))


# %% wrong={"item": "large-initializer", "name": "two-points", "says": "neither uniform nor normal"}
class LargeInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.choice([-1.0, 1.0], (fan_in, fan_out)) * 100 / np.sqrt(3)

    def initial_bias(self, fan_in, fan_out):
        return self.rng.uniform(-100, 100, (1, fan_out))


# %% wrong={"item": "xavier-initializer", "name": "bias-from-its-own-shape", "says": "the shape of a bias gives fan_in 1"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        a = np.sqrt(6 / (fan_in + fan_out))
        return self.rng.uniform(-a, a, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        a = np.sqrt(6 / (1 + fan_out))
        return self.rng.uniform(-a, a, (1, fan_out))


# %% wrong={"item": "xavier-initializer", "name": "bias-by-the-weights-rule", "says": "a bias is (1, fan_out)"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        a = np.sqrt(6 / (fan_in + fan_out))
        return self.rng.uniform(-a, a, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return 0 * self.initial_weights(fan_in, fan_out)


# %% wrong={"item": "xavier-initializer", "name": "bound-is-the-std", "says": "bound is the standard deviation"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        a = np.sqrt(2 / (fan_in + fan_out))
        return self.rng.uniform(-a, a, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "xavier-initializer", "name": "lecun-rule", "says": "this is LeCun's rule"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        a = np.sqrt(3 / fan_in)
        return self.rng.uniform(-a, a, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "xavier-initializer", "name": "mean-of-the-variances", "says": "mean of the variances"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        a = np.sqrt(1.5 * (1 / fan_in + 1 / fan_out))
        return self.rng.uniform(-a, a, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "xavier-initializer", "name": "normal-draws", "says": "look normal"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, np.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "xavier-initializer", "name": "reseeds-at-each-call", "says": "same weights twice"}
class XavierInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        a = np.sqrt(6 / (fan_in + fan_out))
        return np.random.default_rng(0).uniform(-a, a, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "lecun-initializer", "name": "fans-swapped", "says": "swapped"}
class LeCunInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, fan_out**-0.5, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "lecun-initializer", "name": "bias-from-its-own-shape", "says": "draws it from N(0, 1)"}
class LeCunInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, fan_in**-0.5, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return self.rng.normal(0, fan_in**-0.5, (1, fan_out))


# %% wrong={"item": "lecun-initializer", "name": "glorot-rule", "says": "this is Glorot's rule"}
class LeCunInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, np.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% wrong={"item": "lecun-initializer", "name": "variance-used-as-std", "says": "variance is used as the standard deviation"}
class LeCunInitializer(Initializer):
    def initial_weights(self, fan_in, fan_out):
        return self.rng.normal(0, 1 / fan_in, (fan_in, fan_out))

    def initial_bias(self, fan_in, fan_out):
        return np.zeros((1, fan_out))


# %% [markdown]
# ## 5.6 check_initializer
#
# Most of these are a sound test in which one thing is spoilt.


# %% wrong={"item": "check-initializer", "name": "accepts-everything", "says": "too loose: swapped fans"}
def check_initializer(f, rule):
    return []


# %% wrong={"item": "check-initializer", "name": "rejects-everything", "says": "this one is right"}
def check_initializer(f, rule):
    return ["this is wrong"]


# %% wrong={"item": "check-initializer", "name": "returns-a-verdict", "says": "expected a list of strings"}
def check_initializer(f, rule):
    weights = f(400, 100, np.random.default_rng(0))
    return bool(abs(weights.std() ** 2 / rule(400, 100) - 1) < 0.05)


# %% wrong={"item": "check-initializer", "name": "raises-in-place-of-a-list", "says": "AssertionError"}
def check_initializer(f, rule):
    weights = f(400, 100, np.random.default_rng(0))
    assert abs(weights.std() ** 2 / rule(400, 100) - 1) < 1e-6
    return []


# %% wrong={"item": "check-initializer", "name": "half-to-double", "says": "40 % too large passes"}
def check_initializer(f, rule):
    problems = []
    for fan_in, fan_out in ((400, 100), (100, 400), (300, 300)):
        weights = f(fan_in, fan_out, np.random.default_rng(7))
        if weights.shape != (fan_in, fan_out) or np.isnan(weights).any():
            problems.append("shape or NaN")
        elif not 0.5 < weights.std() / np.sqrt(rule(fan_in, fan_out)) < 2:
            problems.append("std")
        elif np.unique(weights, axis=1).shape[1] < fan_out:
            problems.append("copies")
    rng = np.random.default_rng(8)
    first, second = f(40, 30, rng), f(40, 30, rng)
    if np.array_equal(first, second):
        problems.append("same")
    if not np.array_equal(first, f(40, 30, np.random.default_rng(8))):
        problems.append("other")
    return problems


# %% wrong={"item": "check-initializer", "name": "squares-only", "says": "too loose: swapped fans"}
def check_initializer(f, rule):
    problems = []
    weights = f(300, 300, np.random.default_rng(7))
    std, n = np.sqrt(rule(300, 300)), 300 * 300
    if weights.shape != (300, 300) or not np.isfinite(weights).all():
        return ["shape or NaN"]
    if abs(weights.mean()) > 6 * std / np.sqrt(n):
        problems.append("mean")
    if abs(weights.std() / std - 1) > 6 / np.sqrt(2 * n):
        problems.append("std")
    if np.unique(weights, axis=1).shape[1] < 300:
        problems.append("copies")
    rng = np.random.default_rng(8)
    first, second = f(40, 30, rng), f(40, 30, rng)
    if np.array_equal(first, second):
        problems.append("same")
    if not np.array_equal(first, f(40, 30, np.random.default_rng(8))):
        problems.append("other")
    return problems


# %% wrong={"item": "check-initializer", "name": "two-standard-errors", "says": "too strict"}
def check_initializer(f, rule):
    problems = []
    for fan_in, fan_out in ((400, 100), (100, 400), (300, 300)):
        weights = f(fan_in, fan_out, np.random.default_rng(4))
        if weights.shape != (fan_in, fan_out) or np.isnan(weights).any():
            problems.append("shape or NaN")
            continue
        std, n = np.sqrt(rule(fan_in, fan_out)), fan_in * fan_out
        if abs(weights.mean()) > 2 * std / np.sqrt(n):
            problems.append("mean")
        if abs(weights.std() / std - 1) > 2 / np.sqrt(2 * n):
            problems.append("std")
        if np.unique(weights, axis=1).shape[1] < fan_out:
            problems.append("copies")
    rng = np.random.default_rng(8)
    first, second = f(40, 30, rng), f(40, 30, rng)
    if np.array_equal(first, second):
        problems.append("same")
    if not np.array_equal(first, f(40, 30, np.random.default_rng(8))):
        problems.append("other")
    return problems


# %% wrong={"item": "check-initializer", "name": "fixed-seed-comparison", "says": "this one is right"}
def check_initializer(f, rule):
    problems = []
    for fan_in, fan_out in ((400, 100), (100, 400)):
        std = np.sqrt(rule(fan_in, fan_out))
        want = np.random.default_rng(42).normal(0, std, (fan_in, fan_out))
        got = f(fan_in, fan_out, np.random.default_rng(42))
        if got.shape != want.shape or not np.allclose(got, want):
            problems.append("other draws than stored")
    return problems


# %% wrong={"item": "check-initializer", "name": "mean-not-looked-at", "says": "no weight below zero passes"}
def check_initializer(f, rule):
    problems = []
    for fan_in, fan_out in ((400, 100), (100, 400), (300, 300)):
        weights = f(fan_in, fan_out, np.random.default_rng(7))
        if weights.shape != (fan_in, fan_out) or np.isnan(weights).any():
            problems.append("shape or NaN")
            continue
        std, n = np.sqrt(rule(fan_in, fan_out)), fan_in * fan_out
        if abs(weights.std() / std - 1) > 6 / np.sqrt(2 * n):
            problems.append("std")
        if np.unique(weights, axis=1).shape[1] < fan_out:
            problems.append("copies")
    rng = np.random.default_rng(8)
    first, second = f(40, 30, rng), f(40, 30, rng)
    if np.array_equal(first, second):
        problems.append("same")
    if not np.array_equal(first, f(40, 30, np.random.default_rng(8))):
        problems.append("other")
    return problems


# %% wrong={"item": "check-initializer", "name": "means-above-zero-only", "says": "no weight above zero"}
def check_initializer(f, rule):
    problems = []
    for fan_in, fan_out in ((400, 100), (100, 400), (300, 300)):
        weights = f(fan_in, fan_out, np.random.default_rng(7))
        if weights.shape != (fan_in, fan_out) or np.isnan(weights).any():
            problems.append("shape or NaN")
            continue
        std, n = np.sqrt(rule(fan_in, fan_out)), fan_in * fan_out
        if weights.mean() > 6 * std / np.sqrt(n):
            problems.append("mean")
        if abs(weights.std() / std - 1) > 6 / np.sqrt(2 * n):
            problems.append("std")
        if np.unique(weights, axis=1).shape[1] < fan_out:
            problems.append("copies")
    rng = np.random.default_rng(8)
    first, second = f(40, 30, rng), f(40, 30, rng)
    if np.array_equal(first, second):
        problems.append("same")
    if not np.array_equal(first, f(40, 30, np.random.default_rng(8))):
        problems.append("other")
    return problems


# %% wrong={"item": "check-initializer", "name": "one-call-of-f", "says": "the same weights at each call passes"}
def check_initializer(f, rule):
    problems = []
    for fan_in, fan_out in ((400, 100), (100, 400), (300, 300)):
        weights = f(fan_in, fan_out, np.random.default_rng(7))
        if weights.shape != (fan_in, fan_out) or np.isnan(weights).any():
            problems.append("shape or NaN")
            continue
        std, n = np.sqrt(rule(fan_in, fan_out)), fan_in * fan_out
        if abs(weights.mean()) > 6 * std / np.sqrt(n):
            problems.append("mean")
        if abs(weights.std() / std - 1) > 6 / np.sqrt(2 * n):
            problems.append("std")
        if np.unique(weights, axis=1).shape[1] < fan_out:
            problems.append("copies")
    return problems


# %% wrong={"item": "check-initializer", "name": "copies-not-looked-for", "says": "copied into all columns"}
def check_initializer(f, rule):
    problems = []
    for fan_in, fan_out in ((400, 100), (100, 400), (300, 300)):
        weights = f(fan_in, fan_out, np.random.default_rng(7))
        if weights.shape != (fan_in, fan_out) or np.isnan(weights).any():
            problems.append("shape or NaN")
            continue
        std, n = np.sqrt(rule(fan_in, fan_out)), fan_in * fan_out
        if abs(weights.mean()) > 6 * std / np.sqrt(n):
            problems.append("mean")
        if abs(weights.std() / std - 1) > 6 / np.sqrt(2 * n):
            problems.append("std")
    rng = np.random.default_rng(8)
    first, second = f(40, 30, rng), f(40, 30, rng)
    if np.array_equal(first, second):
        problems.append("same")
    if not np.array_equal(first, f(40, 30, np.random.default_rng(8))):
        problems.append("other")
    return problems


# %% wrong={"item": "check-initializer", "name": "blind-to-nan", "says": "not a number"}
def check_initializer(f, rule):
    problems = []
    for fan_in, fan_out in ((400, 100), (100, 400), (300, 300)):
        weights = f(fan_in, fan_out, np.random.default_rng(7))
        if weights.shape != (fan_in, fan_out):
            problems.append("shape")
            continue
        std, n = np.sqrt(rule(fan_in, fan_out)), fan_in * fan_out
        if abs(weights.mean()) > 6 * std / np.sqrt(n):
            problems.append("mean")
        if abs(weights.std() / std - 1) > 6 / np.sqrt(2 * n):
            problems.append("std")
        if np.unique(weights, axis=1).shape[1] < fan_out:
            problems.append("copies")
    rng = np.random.default_rng(8)
    first, second = f(40, 30, rng), f(40, 30, rng)
    if np.array_equal(first, second):
        problems.append("same")
    third = f(40, 30, np.random.default_rng(8))
    if np.any(np.abs(first - third) > 0):
        problems.append("other")
    return problems


# %% [markdown]
# ## 5.7 Net


# %% wrong={"item": "net", "name": "mean-for-sum", "says": "this is the mean"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def logits(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def forward(self, x):
        return self.logits(x).sigmoid()

    def loss(self, x, y):
        return bce_with_logits(self.logits(x), y)


# %% wrong={"item": "net", "name": "log-of-a-probability-of-zero", "says": "logarithm of 0"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Sigmoid_Layer(10, 1, "output")

    def forward(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def loss(self, x, y):
        p, y = self.forward(x), Node(y)
        return -(y * p.log() + (1 - y) * (1 - p).log()).sum()


# %% wrong={"item": "net", "name": "probability-nudged-from-zero", "says": "logarithm of 0"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Sigmoid_Layer(10, 1, "output")

    def forward(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def loss(self, x, y):
        p, y = self.forward(x), Node(y)
        return -(y * (p + 1e-12).log() + (1 - y) * (1 - p + 1e-12).log()).sum()


# %% wrong={"item": "net", "name": "first-activation-missing", "says": "first tanh is missing"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Linear_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def logits(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def forward(self, x):
        return self.logits(x).sigmoid()

    def loss(self, x, y):
        return bce_with_logits(self.logits(x), y, reduction="sum")


# %% wrong={"item": "net", "name": "all-activations-missing", "says": "both tanh are missing"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Linear_Layer(30, 20, "hidden0")
        self.hidden1 = self.Linear_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def logits(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def forward(self, x):
        return self.logits(x).sigmoid()

    def loss(self, x, y):
        return bce_with_logits(self.logits(x), y, reduction="sum")


# %% wrong={"item": "net", "name": "no-sigmoid", "says": "sigmoid at the end is missing"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def forward(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def loss(self, x, y):
        return bce_with_logits(self.forward(x), y, reduction="sum")


# %% wrong={"item": "net", "name": "sigmoid-twice", "says": "sigmoid is applied twice"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def forward(self, x):
        return self.output(self.hidden1(self.hidden0(x))).sigmoid()

    def loss(self, x, y):
        return bce_with_logits(self.forward(x), y, reduction="sum")


# %% wrong={"item": "net", "name": "relu-in-place-of-tanh", "says": "ReLU in place of tanh"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.ReLu_Layer(30, 20, "hidden0")
        self.hidden1 = self.ReLu_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def logits(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def forward(self, x):
        return self.logits(x).sigmoid()

    def loss(self, x, y):
        return bce_with_logits(self.logits(x), y, reduction="sum")


# %% wrong={"item": "net", "name": "half-of-the-cross-entropy", "says": "label 0 have a term too"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Sigmoid_Layer(10, 1, "output")

    def forward(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def loss(self, x, y):
        return -(Node(y) * self.forward(x).log()).sum()


# %% wrong={"item": "net", "name": "chain-cut-behind-the-first-layer", "says": "break the chain"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def logits(self, x):
        return self.output(self.hidden1(self.hidden0(x).value))

    def forward(self, x):
        return self.logits(x).sigmoid()

    def loss(self, x, y):
        return bce_with_logits(self.logits(x), y, reduction="sum")


# %% wrong={"item": "net", "name": "returns-an-array", "says": "expected a Node"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def logits(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def forward(self, x):
        return self.logits(x).sigmoid().value

    def loss(self, x, y):
        return bce_with_logits(self.logits(x), y, reduction="sum")


# %% wrong={"item": "net", "name": "numpy-cuts-the-chain", "says": "nothing below this node needs a gradient"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 20, "hidden0")
        self.hidden1 = self.Tanh_Layer(20, 10, "hidden1")
        self.output = self.Linear_Layer(10, 1, "output")

    def logits(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def forward(self, x):
        return self.logits(x).sigmoid()

    def loss(self, x, y):
        return bce_with_logits(Node(self.logits(x).value), y, reduction="sum")


# %% wrong={"item": "net", "name": "layer-sizes-swapped", "says": "get_param"}
class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden0 = self.Tanh_Layer(30, 10, "hidden0")
        self.hidden1 = self.Tanh_Layer(10, 20, "hidden1")
        self.output = self.Linear_Layer(20, 1, "output")

    def logits(self, x):
        return self.output(self.hidden1(self.hidden0(x)))

    def forward(self, x):
        return self.logits(x).sigmoid()

    def loss(self, x, y):
        return bce_with_logits(self.logits(x), y, reduction="sum")


# %% [markdown]
# ## The prediction

# %% wrong={"item": "prediction", "name": "no-prediction", "says": "no prediction yet"}
my_count = None

# %% wrong={"item": "prediction", "name": "infinite", "says": "expected a finite number"}
my_count = np.inf

# %% wrong={"item": "prediction", "name": "in-words", "says": "expected a number"}
my_count = "all but zero"

# %% wrong={"item": "prediction", "name": "yes-or-no", "says": "got True"}
my_count = True

# %% wrong={"item": "prediction", "name": "more-than-there-are", "says": "from 0 to 6"}
my_count = 9
