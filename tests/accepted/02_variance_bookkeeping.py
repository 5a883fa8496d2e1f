"""Other right programs for unit 2: each must get full marks."""

# %% accepted={"item": "prediction", "name": "an-integer"}
my_moment = 1000
lab.predict("u2.a1", my_moment)

# %% accepted={"item": "prediction", "name": "a-numpy-number"}
my_moment = np.float32(0.25)
lab.predict("u2.a1", my_moment)

# %% accepted={"item": "prediction", "name": "nothing-is-left"}
my_moment = 0


# %% accepted={"item": "var-product", "name": "by-second-moments"}
def var_product(mx, vx, my, vy):
    return (vx + mx**2) * (vy + my**2) - (mx * my) ** 2


# %% accepted={"item": "var-product", "name": "by-einsum"}
def var_product(mx, vx, my, vy):
    terms = np.einsum("i,j->ij", [vx, mx**2], [vy, my**2])
    return terms.sum() - terms[1, 1]


# %% accepted={"item": "var-product", "name": "by-two-coins"}
def var_product(mean_x=0.0, var_x=1.0, mean_y=0.0, var_y=1.0):
    x = mean_x + np.sqrt(var_x) * np.array([-1, 1])
    y = mean_y + np.sqrt(var_y) * np.array([-1, 1])
    return np.var(np.outer(x, y))


# %% accepted={"item": "var-linear", "name": "a-loop"}
def var_linear(n, q_in, var_w):
    total = 0
    for _ in range(n):
        total += q_in * var_w
    return total


# %% accepted={"item": "var-linear", "name": "by-prod"}
def var_linear(fan_in, second_moment=1.0, weight_var=1.0):
    return np.prod([fan_in, second_moment, weight_var])


# %% accepted={"item": "fans", "name": "the-shape-itself"}
def fans(shape, kind="dense"):
    if kind != "dense":
        raise ValueError(f"fans: {kind!r} has no fans")
    return tuple(shape)


# %% accepted={"item": "fans", "name": "by-match"}
def fans(shape, kind):
    match kind, shape:
        case "dense", (rows, columns):
            return np.int64(rows), np.int64(columns)
        case "bias", _:
            raise ValueError("a bias multiplies nothing")
        case _:
            raise ValueError("unknown kind")


# %% accepted={"item": "fans", "name": "by-a-matrix"}
def fans(shape, kind):
    if kind not in ("dense",):
        raise ValueError(kind)
    W = np.ones(shape)
    return int(W[:, 0].sum()), int(W[0].sum())


# %% accepted={"item": "leaky-moments", "name": "half-by-half"}
def leaky_moments(z_var, slope=0.0):
    up = z_var**0.5 / (2 * np.pi) ** 0.5  # E[z; z > 0]
    mean = up - slope * up
    second = z_var / 2 + slope * slope * z_var / 2
    return [mean, second, second - mean * mean]


# %% accepted={"item": "leaky-moments", "name": "an-array"}
def leaky_moments(z_var, slope):
    slopes = np.array([1.0, slope])
    mean = np.sqrt(z_var / 2 / np.pi) * (slopes @ [1, -1])
    second = z_var * np.mean(slopes**2)
    return np.array([mean, second, second - mean**2])


# %% accepted={"item": "backward-moments", "name": "by-cumprod"}
def backward_moments(widths, weight_vars, q_out):
    factors = np.array(widths[1:]) * np.array(weight_vars)
    return q_out * np.cumprod(factors[::-1])[::-1]


# %% accepted={"item": "backward-moments", "name": "a-list-by-recursion"}
def backward_moments(widths, weight_vars, q_out=1.0):
    if len(weight_vars) == 0:
        return []
    rest = backward_moments(widths[1:], weight_vars[1:], q_out)
    behind = rest[0] if rest else q_out
    return [widths[1] * weight_vars[0] * behind, *rest]


# %% accepted={"item": "backward-moments", "name": "by-einsum"}
def backward_moments(widths, weight_vars, q_out):
    g = np.full(widths[-1], float(q_out))
    moments = []
    for k in reversed(range(len(weight_vars))):
        variances = np.full((widths[k], widths[k + 1]), weight_vars[k])
        g = np.einsum("jk,k->j", variances, g)
        moments = [g[0], *moments]
    return np.asarray(moments)


# %% accepted={"item": "conv-fans", "name": "by-prod"}
def conv_fans(shape):
    return int(np.prod(shape[:3])), int(np.prod(shape[:2]) * shape[3])


# %% accepted={"item": "conv-fans", "name": "by-counting"}
def conv_fans(shape):
    W = np.ones(shape)
    return W[..., 0].size, W[:, :, 0].size
