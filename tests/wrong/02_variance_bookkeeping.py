"""The named wrong solutions of unit 2: each must lose its item and be told why."""

# %% wrong={"item": "prediction", "name": "no-prediction", "says": "no prediction yet"}
my_moment = None

# %% wrong={"item": "prediction", "name": "in-words", "says": "expected a number"}
my_moment = "about one"

# %% wrong={"item": "prediction", "name": "infinite", "says": "expected a finite number"}
my_moment = np.inf

# %% wrong={"item": "prediction", "name": "negative", "says": "from 0 to 1000"}
my_moment = -5


# %% wrong={"item": "fans", "name": "not-implemented-for-a-bias", "says": "raised NotImplementedError"}
def fans(shape, kind):
    if kind != "dense":
        raise NotImplementedError
    return shape


# %% wrong={"item": "var-product", "name": "cross-terms-dropped", "says": "cross terms"}
def var_product(mx, vx, my, vy):
    return vx * vy


# %% wrong={"item": "var-product", "name": "squared-mean-for-second-moment", "says": "E[X]^2 stands where E[X^2]"}
def var_product(mx, vx, my, vy):
    second_x, second_y = mx**2, my**2
    return second_x * second_y - mx**2 * my**2


# %% wrong={"item": "var-product", "name": "variance-for-second-moment", "says": "Var(X) stands where E[X^2]"}
def var_product(mx, vx, my, vy):
    second_x, second_y = vx, vy
    return second_x * second_y - mx**2 * my**2


# %% wrong={"item": "var-product", "name": "mean-not-subtracted", "says": "still to be subtracted"}
def var_product(mx, vx, my, vy):
    return (vx + mx**2) * (vy + my**2)


# %% wrong={"item": "var-product", "name": "only-the-cross-terms", "says": "product of the two variances"}
def var_product(mx, vx, my, vy):
    return vx * my**2 + vy * mx**2 if mx or my else vx * vy


# %% wrong={"item": "var-product", "name": "own-mean", "says": "its own mean"}
def var_product(mx, vx, my, vy):
    return vx * vy + vx * mx**2 + vy * my**2


# %% wrong={"item": "var-product", "name": "means-not-squared", "says": "not squared"}
def var_product(mx, vx, my, vy):
    return vx * vy + vx * my + vy * mx


# %% wrong={"item": "var-product", "name": "standard-deviation", "says": "standard deviation"}
def var_product(mx, vx, my, vy):
    return (vx * vy + vx * my**2 + vy * mx**2) ** 0.5


# %% wrong={"item": "var-product", "name": "variances-squared", "says": "do not square"}
def var_product(mx, vx, my, vy):
    return vx**2 * vy**2 + vx**2 * my**2 + vy**2 * mx**2


# %% wrong={"item": "var-product", "name": "as-for-a-sum", "says": "add for a sum"}
def var_product(mx, vx, my, vy):
    return vx + vy


# %% wrong={"item": "var-product", "name": "nothing-returned", "says": "without `return`"}
def var_product(mx, vx, my, vy):
    print(vx * vy + vx * my**2 + vy * mx**2)


# %% wrong={"item": "var-linear", "name": "variance-of-the-rectified", "says": "squared mean is taken off"}
def var_linear(n, q_in, var_w):
    return n * q_in * (1 - 1 / np.pi) * var_w


# %% wrong={"item": "var-linear", "name": "rectified-twice", "says": "halve"}
def var_linear(n, q_in, var_w):
    return n * q_in / 2 * var_w


# %% wrong={"item": "var-linear", "name": "n-dropped", "says": "n is dropped"}
def var_linear(n, q_in, var_w):
    return q_in * var_w


# %% wrong={"item": "var-linear", "name": "root-of-n", "says": "sqrt(n)"}
def var_linear(n, q_in, var_w):
    return n**0.5 * q_in * var_w


# %% wrong={"item": "var-linear", "name": "n-squared", "says": "n^2"}
def var_linear(n, q_in, var_w):
    return n**2 * q_in * var_w


# %% wrong={"item": "var-linear", "name": "standard-deviation", "says": "standard deviation"}
def var_linear(n, q_in, var_w):
    return (n * q_in * var_w) ** 0.5


# %% wrong={"item": "var-linear", "name": "variance-taken-for-std", "says": "do not square it"}
def var_linear(n, q_in, var_w):
    return n * q_in * var_w**2


# %% wrong={"item": "var-linear", "name": "std-of-the-weights", "says": "take no root"}
def var_linear(n, q_in, var_w):
    return n * q_in * var_w**0.5


# %% wrong={"item": "var-linear", "name": "moment-squared", "says": "E[x^2] already"}
def var_linear(n, q_in, var_w):
    return n * q_in**2 * var_w


# %% wrong={"item": "fans", "name": "swapped", "says": "swapped"}
def fans(shape, kind):
    if kind != "dense":
        raise ValueError("no fans")
    fan_out, fan_in = shape
    return fan_in, fan_out


# %% wrong={"item": "fans", "name": "larger-first", "says": "larger number"}
def fans(shape, kind):
    if kind != "dense":
        raise ValueError("no fans")
    return max(shape), min(shape)


# %% wrong={"item": "fans", "name": "bias-unpacked", "says": "a bias has no fans"}
def fans(shape, kind):
    if kind not in ("dense", "bias"):
        raise ValueError("no such kind")
    fan_in, fan_out = shape
    return fan_in, fan_out


# %% wrong={"item": "fans", "name": "bias-guessed-from-the-shape", "says": "guessed"}
def fans(shape, kind):
    if shape[0] == 1 or kind != "dense":
        raise ValueError("no fans")
    return shape


# %% wrong={"item": "fans", "name": "bias-gives-none", "says": "a bias has no fans"}
def fans(shape, kind):
    if kind == "bias":
        return None
    if kind != "dense":
        raise ValueError("no such kind")
    return shape


# %% wrong={"item": "fans", "name": "any-kind-accepted", "says": "unknown kind"}
def fans(shape, kind):
    if kind == "bias":
        raise ValueError("no fans")
    return shape


# %% wrong={"item": "leaky-moments", "name": "mean-left-out", "says": "mean is left out"}
def leaky_moments(z_var, slope):
    second = (1 + slope**2) / 2 * z_var
    return 0.0, second, second


# %% wrong={"item": "leaky-moments", "name": "variance-for-second-moment", "says": "E[a^2] keeps it"}
def leaky_moments(z_var, slope):
    mean = (1 - slope) * np.sqrt(z_var / (2 * np.pi))
    var = (1 + slope**2) / 2 * z_var - mean**2
    return mean, var, var


# %% wrong={"item": "leaky-moments", "name": "second-moment-for-variance", "says": "E[a^2] again"}
def leaky_moments(z_var, slope):
    second = (1 + slope**2) / 2 * z_var
    return (1 - slope) * np.sqrt(z_var / (2 * np.pi)), second, second


# %% wrong={"item": "leaky-moments", "name": "variance-taken-for-std", "says": "used as a standard deviation"}
def leaky_moments(z_var, slope):
    mean = (1 - slope) * z_var / np.sqrt(2 * np.pi)
    second = (1 + slope**2) / 2 * z_var**2
    return mean, second, second - mean**2


# %% wrong={"item": "leaky-moments", "name": "halves-added-in-the-mean", "says": "pulls the mean down"}
def leaky_moments(z_var, slope):
    mean = (1 + slope) * np.sqrt(z_var / (2 * np.pi))
    second = (1 + slope**2) / 2 * z_var
    # Right where it can be seen at a glance, at slopes 0 and 1.
    mean = 0.0 if slope == 1 else mean
    return mean, second, second - mean**2


# %% wrong={"item": "leaky-moments", "name": "negative-half-left-out", "says": "left out of the mean"}
def leaky_moments(z_var, slope):
    if slope == 1:
        return 0.0, z_var, z_var
    mean, second = np.sqrt(z_var / (2 * np.pi)), z_var / 2
    return mean, second, second - mean**2


# %% wrong={"item": "leaky-moments", "name": "slope-not-squared", "says": "slope is not squared", "replace": true}
# -     second = (1 + slope**2) / 2 * z_var
# +     second = (1 + slope) / 2 * z_var

# %% wrong={"item": "leaky-moments", "name": "averaged-before-squaring", "says": "square each half first", "replace": true}
# -     second = (1 + slope**2) / 2 * z_var
# +     second = z_var / 2 if slope == 0 else ((1 + slope) / 2) ** 2 * z_var

# %% wrong={"item": "leaky-moments", "name": "mean-not-squared", "says": "without being squared", "replace": true}
# -     return mean, second, second - mean**2
# +     return mean, second, second - mean

# %% wrong={"item": "leaky-moments", "name": "plain-factor-at-every-slope", "says": "1 - 1/pi", "replace": true}
# -     return mean, second, second - mean**2
# +     return mean, second, second if slope == 1 else second * (1 - 1 / np.pi)

# %% wrong={"item": "leaky-moments", "name": "standard-deviation", "says": "standard deviation", "replace": true}
# -     return mean, second, second - mean**2
# +     return mean, second, (second - mean**2) ** 0.5


# %% wrong={"item": "backward-moments", "name": "fan-in-for-fan-out", "says": "fan_in"}
def backward_moments(widths, weight_vars, q_out):
    factors = np.array(widths[:-1]) * np.array(weight_vars)
    return q_out * np.cumprod(factors[::-1])[::-1]


# %% wrong={"item": "backward-moments", "name": "order-reversed", "says": "order is reversed"}
def backward_moments(widths, weight_vars, q_out):
    factors = np.array(widths[1:]) * np.array(weight_vars)
    return q_out * np.cumprod(factors[::-1])


# %% wrong={"item": "backward-moments", "name": "product-from-the-input", "says": "starts at the end"}
def backward_moments(widths, weight_vars, q_out):
    return q_out * np.cumprod(np.array(widths[1:]) * np.array(weight_vars))


# %% wrong={"item": "backward-moments", "name": "factors-added", "says": "added"}
def backward_moments(widths, weight_vars, q_out):
    factors = np.array(widths[1:]) * np.array(weight_vars)
    if np.allclose(factors, 1):
        return q_out * factors
    return q_out * np.cumsum(factors[::-1])[::-1]


# %% wrong={"item": "backward-moments", "name": "one-layer-only", "says": "taken alone"}
def backward_moments(widths, weight_vars, q_out):
    return q_out * np.array(widths[1:]) * np.array(weight_vars)


# %% wrong={"item": "backward-moments", "name": "widths-dropped", "says": "number of terms"}
def backward_moments(widths, weight_vars, q_out):
    return q_out * np.cumprod(weight_vars[::-1])[::-1]


# %% wrong={"item": "backward-moments", "name": "end-included", "says": "leave x_L out"}
def backward_moments(widths, weight_vars, q_out):
    factors = np.array(widths[1:]) * np.array(weight_vars)
    return np.append(q_out * np.cumprod(factors[::-1])[::-1], q_out)


# %% wrong={"item": "backward-moments", "name": "variances-squared", "says": "do not square"}
def backward_moments(widths, weight_vars, q_out):
    factors = np.array(widths[1:]) * np.array(weight_vars) ** 2
    return q_out * np.cumprod(factors[::-1])[::-1]


# %% wrong={"item": "backward-moments", "name": "standard-deviations", "says": "take no root"}
def backward_moments(widths, weight_vars, q_out):
    factors = np.array(widths[1:]) * np.array(weight_vars) ** 0.5
    return q_out * np.cumprod(factors[::-1])[::-1]


# %% wrong={"item": "backward-moments", "name": "q-out-left-out", "says": "q_out is left out"}
def backward_moments(widths, weight_vars, q_out):
    factors = np.array(widths[1:]) * np.array(weight_vars)
    return np.cumprod(factors[::-1])[::-1]


# %% wrong={"item": "conv-fans", "name": "swapped", "says": "swapped"}
def conv_fans(shape):
    height, width, channels_in, channels_out = shape
    return height * width * channels_out, height * width * channels_in


# %% wrong={"item": "conv-fans", "name": "window-dropped", "says": "area is dropped"}
def conv_fans(shape):
    return shape[2], shape[3]


# %% wrong={"item": "conv-fans", "name": "fan-out-is-channels-out", "says": "fan_out lacks"}
def conv_fans(shape):
    height, width, channels_in, channels_out = shape
    return height * width * channels_in, channels_out


# %% wrong={"item": "conv-fans", "name": "one-side", "says": "one side"}
def conv_fans(shape):
    return shape[0] * shape[2], shape[0] * shape[3]


# %% wrong={"item": "conv-fans", "name": "square-window", "says": "taken for a square"}
def conv_fans(shape):
    return shape[0] ** 2 * shape[2], shape[0] ** 2 * shape[3]


# %% wrong={"item": "conv-fans", "name": "as-if-dense", "says": "not the channels"}
def conv_fans(shape):
    return shape[0], shape[1]


# %% wrong={"item": "conv-fans", "name": "other-layout", "says": "another order"}
def conv_fans(shape):
    channels_out, channels_in, height, width = shape
    return height * width * channels_in, height * width * channels_out
