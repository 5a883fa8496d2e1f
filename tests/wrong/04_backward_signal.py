"""The named wrong solutions of unit 4: each must lose its item and be told why."""

# %% wrong={"item": "prediction", "name": "no-prediction", "says": "no prediction yet"}
my_powers = None


# %% wrong={"item": "prediction", "name": "infinite", "says": "expected a finite number"}
my_powers = float("inf")


# %% wrong={"item": "prediction", "name": "in-words", "says": "expected a number"}
my_powers = "a lot"


# %% wrong={"item": "backward-trace", "name": "wrong-axis", "says": "use axis=0", "replace": true}
# -         trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
# +         trace.append((dz, dW, np.linalg.norm(dW, axis=1)))

# %% wrong={"item": "backward-trace", "name": "one-norm-a-layer", "says": "one norm for each neuron", "replace": true}
# -         trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
# +         trace.append((dz, dW, np.linalg.norm(dW)))

# %% wrong={"item": "backward-trace", "name": "reversed", "says": "turn it round", "replace": true}
# -     return trace[::-1]
# +     return trace

# %% wrong={"item": "backward-trace", "name": "transposed-as-the-seed", "says": "as the seed writes it", "replace": true}
# -         dW = a.T @ dz
# +         dW = (dz.T @ a).T

# -     return trace[::-1]
# +     return [(dz, dW.T, n) for dz, dW, n in trace[::-1]]

# %% wrong={"item": "backward-trace", "name": "labels-as-a-row", "says": "reshape y", "replace": true}
# -     dz = (layers.pop() - np.reshape(y, (-1, 1))) / len(x)
# +     dz = (layers[-1] - y) / len(x)
#       trace = []
# -     for W, a in zip(weights[::-1], layers[::-1], strict=True):
# +     for W, a in zip(weights[::-1], layers[-2::-1]):

# %% wrong={"item": "backward-trace", "name": "summed-loss", "says": "divide by N, once", "replace": true}
# -     dz = (layers.pop() - np.reshape(y, (-1, 1))) / len(x)
# +     dz = layers[-1] - np.reshape(y, (-1, 1))
#       trace = []
# -     for W, a in zip(weights[::-1], layers[::-1], strict=True):
# +     for W, a in zip(weights[::-1], layers[-2::-1]):

# %% wrong={"item": "backward-trace", "name": "divided-twice", "says": "do not divide dW by N again", "replace": true}
# -         dW = a.T @ dz
# +         dW = a.T @ dz / len(x)

# %% wrong={"item": "backward-trace", "name": "sign-turned", "says": "not (y - a)", "replace": true}
# -     dz = (layers.pop() - np.reshape(y, (-1, 1))) / len(x)
# +     dz = (np.reshape(y, (-1, 1)) - layers[-1]) / len(x)
#       trace = []
# -     for W, a in zip(weights[::-1], layers[::-1], strict=True):
# +     for W, a in zip(weights[::-1], layers[-2::-1]):

# %% wrong={"item": "backward-trace", "name": "last-slope-again", "says": "not multiplied in again", "replace": true}
# -     dz = (layers.pop() - np.reshape(y, (-1, 1))) / len(x)
# +     dz = (layers[-1] - np.reshape(y, (-1, 1))) / len(x) * layers[-1] * (1 - layers[-1])
#       trace = []
# -     for W, a in zip(weights[::-1], layers[::-1], strict=True):
# +     for W, a in zip(weights[::-1], layers[-2::-1]):

# %% wrong={"item": "backward-trace", "name": "slope-left-out", "says": "multiply by the sigmoid's slope", "replace": true}
# -         dz = (dz @ W.T) * a * (1 - a)
# +         dz = dz @ W.T

# %% wrong={"item": "backward-trace", "name": "squared-norms", "says": "the norm has a root", "replace": true}
# -         trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
# +         trace.append((dz, dW, np.sum(dW**2, axis=0)))

# %% wrong={"item": "backward-trace", "name": "l1-norms", "says": "no root of squares", "replace": true}
# -         trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
# +         trace.append((dz, dW, np.abs(dW).sum(axis=0)))

# %% wrong={"item": "backward-trace", "name": "largest-entries", "says": "the largest entry", "replace": true}
# -         trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
# +         trace.append((dz, dW, np.abs(dW).max(axis=0)))

# %% wrong={"item": "backward-trace", "name": "norms-of-w", "says": "those of dW are wanted", "replace": true}
# -         trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
# +         trace.append((dz, dW, np.linalg.norm(W, axis=0)))

# %% wrong={"item": "backward-trace", "name": "norms-of-dz", "says": "not of dW", "replace": true}
# -         trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
# +         trace.append((dz, dW, np.linalg.norm(dz, axis=0)))

# %% wrong={"item": "backward-trace", "name": "rms-for-norm", "says": "root mean square", "replace": true}
# -         trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
# +         trace.append((dz, dW, np.sqrt((dW**2).mean(axis=0))))


# %% wrong={"item": "backward-trace", "name": "small-number-as-the-seed", "says": "the seed's detour"}
def backward_trace(weights, biases, x, y):
    layers = [x]
    for W, b in zip(weights, biases):
        layers.append(1 / (1 + np.exp(-(layers[-1] @ W + b))))
    dz = (
        lambda a: (
            (a - np.reshape(y, (-1, 1))) / len(x) / (a * (1 - a) + 1e-6) * a * (1 - a)
        )
    )(layers[-1])
    trace = []
    for W, a in zip(weights[::-1], layers[-2::-1]):
        dW = a.T @ dz
        trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
        dz = (dz @ W.T) * a * (1 - a)
    return trace[::-1]


# %% wrong={"item": "backward-trace", "name": "divided-and-multiplied", "says": "with a small number added or not", "replace": true}
# -     dz = (layers.pop() - np.reshape(y, (-1, 1))) / len(x)
# +     dz = (
# +         lambda a: (a - np.reshape(y, (-1, 1))) / len(x) / (a * (1 - a)) * a * (1 - a)
# +     )(layers[-1])
#       trace = []
# -     for W, a in zip(weights[::-1], layers[::-1], strict=True):
# +     for W, a in zip(weights[::-1], layers[-2::-1]):

# %% wrong={"item": "backward-trace", "name": "exp-over-exp", "says": "with a small number added or not", "replace": true}
# -         layers.append(1 / (1 + np.exp(-(layers[-1] @ W + b))))
# +         layers.append(np.exp(layers[-1] @ W + b) / (1 + np.exp(layers[-1] @ W + b)))

# %% wrong={"item": "backward-trace", "name": "biases-left-out", "says": "dz of layer", "replace": true}
# -         layers.append(1 / (1 + np.exp(-(layers[-1] @ W + b))))
# +         layers.append(1 / (1 + np.exp(-(layers[-1] @ W))))

# %% wrong={"item": "backward-trace", "name": "tanh-for-sigmoid", "says": "dz of layer", "replace": true}
# -         dz = (dz @ W.T) * a * (1 - a)
# +         dz = (dz @ W.T) * (1 - a**2)


# %% wrong={"item": "backward-trace", "name": "outputs-for-inputs", "says": "not what went out"}
def backward_trace(weights, biases, x, y):
    layers = [x]
    for W, b in zip(weights, biases):
        layers.append(1 / (1 + np.exp(-(layers[-1] @ W + b))))
    dz = (layers[-1] - np.reshape(y, (-1, 1))) / len(x)
    trace = []
    for k in reversed(range(len(weights))):
        read = layers[k + 1] if layers[k + 1].shape == layers[k].shape else layers[k]
        dW = read.T @ dz
        trace.append((dz, dW, np.linalg.norm(dW, axis=0)))
        dz = (dz @ weights[k].T) * layers[k] * (1 - layers[k])
    return trace[::-1]


# %% wrong={"item": "backward-trace", "name": "last-layer-only", "says": "expected 3 entries, got 1"}
def backward_trace(weights, biases, x, y):
    a = x
    for W, b in zip(weights, biases):
        before, a = a, 1 / (1 + np.exp(-(a @ W + b)))
    dz = (a - np.reshape(y, (-1, 1))) / len(x)
    dW = before.T @ dz
    return [(dz, dW, np.linalg.norm(dW, axis=0))]


# %% wrong={"item": "backward-trace", "name": "arguments-changed", "says": "to be left as it was", "replace": true}
#           dz = (dz @ W.T) * a * (1 - a)
# +         W -= 0.1 * dW


# %% wrong={"item": "predicted-decay", "name": "weights-left-out", "says": "factor is left out"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act]


# %% wrong={"item": "predicted-decay", "name": "n-for-root-n", "says": "sqrt(n)"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * sigma_w * n


# %% wrong={"item": "predicted-decay", "name": "n-left-out", "says": "n is left out"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * sigma_w


# %% wrong={"item": "predicted-decay", "name": "sigma-left-out", "says": "sigma_w is left out"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * n**0.5


# %% wrong={"item": "predicted-decay", "name": "mean-square", "says": "factor of the mean square"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] ** 2 * sigma_w**2 * n


# %% wrong={"item": "predicted-decay", "name": "divided-by-root-n", "says": "not their mean"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * sigma_w / n**0.5


# %% wrong={"item": "predicted-decay", "name": "no-root-of-the-slope", "says": "under a root"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] ** 2 * sigma_w * n**0.5


# %% wrong={"item": "predicted-decay", "name": "variance-for-std", "says": "no square"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * sigma_w**2 * n**0.5


# %% wrong={"item": "predicted-decay", "name": "root-of-sigma", "says": "only n is under the root"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * (sigma_w * n) ** 0.5


# %% wrong={"item": "predicted-decay", "name": "slope-left-out", "says": "slope is left out"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 1.0, "tanh": 1.0, "relu": 1.0}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * sigma_w * n**0.5


# %% wrong={"item": "predicted-decay", "name": "sigmoid-value-for-slope", "says": ".5 is its value there"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.5, "tanh": 1.0, "relu": 0.5**0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * sigma_w * n**0.5


# %% wrong={"item": "predicted-decay", "name": "relu-mean-slope", "says": "root mean square is sqrt(.5)"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.5}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * sigma_w * n**0.5


# %% wrong={"item": "predicted-decay", "name": "relu-slope-one", "says": "root mean square is sqrt(.5)"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "tanh": 1.0, "relu": 1.0}
    if act not in slopes:
        raise ValueError(act)
    return slopes[act] * sigma_w * n**0.5


# %% wrong={"item": "predicted-decay", "name": "sigmoid-whatever-act", "says": "the sigmoid's slope, .25; `act`"}
def predicted_decay(act, sigma_w, n):
    return 0.25 * sigma_w * n**0.5


# %% wrong={"item": "predicted-decay", "name": "unknown-act-is-one", "says": "raises a ValueError"}
def predicted_decay(act, sigma_w, n):
    slopes = {"sigmoid": 0.25, "relu": 0.5**0.5}
    return slopes.get(act, 1.0) * sigma_w * n**0.5


# %% wrong={"item": "label-entropy", "name": "bits", "says": "this is in bits"}
def label_entropy(y):
    _, counts = np.unique(y, return_counts=True)
    share = counts / np.size(y)
    return -np.sum(share * np.log2(share))


# %% wrong={"item": "label-entropy", "name": "base-ten", "says": "base 10"}
def label_entropy(y):
    _, counts = np.unique(y, return_counts=True)
    share = counts / np.size(y)
    return -np.sum(share * np.log10(share))


# %% wrong={"item": "label-entropy", "name": "accuracy", "says": "the accuracy of the commonest class"}
def label_entropy(y):
    _, counts = np.unique(y, return_counts=True)
    share = counts / np.size(y)
    return share.max()


# %% wrong={"item": "label-entropy", "name": "sign-turned", "says": "the sign is turned"}
def label_entropy(y):
    _, counts = np.unique(y, return_counts=True)
    share = counts / np.size(y)
    return np.sum(share * np.log(share))


# %% wrong={"item": "label-entropy", "name": "summed", "says": "the sum over all examples"}
def label_entropy(y):
    _, counts = np.unique(y, return_counts=True)
    share = counts / np.size(y)
    return -np.sum(counts * np.log(share))


# %% wrong={"item": "label-entropy", "name": "relative-entropy", "says": "divided by its largest value"}
def label_entropy(y):
    _, counts = np.unique(y, return_counts=True)
    share = counts / np.size(y)
    return -np.sum(share * np.log(share)) / np.log(len(share))


# %% wrong={"item": "label-entropy", "name": "gini", "says": "Gini"}
def label_entropy(y):
    _, counts = np.unique(y, return_counts=True)
    share = counts / np.size(y)
    return 1 - np.sum(share**2)


# %% wrong={"item": "label-entropy", "name": "ln-classes", "says": "equally frequent"}
def label_entropy(y):
    _, counts = np.unique(y, return_counts=True)
    share = counts / np.size(y)
    return np.log(len(share))


# %% wrong={"item": "label-entropy", "name": "ones-only", "says": "the zeros are a class too"}
def label_entropy(y):
    p = np.mean(y)
    return -p * np.log(p)


# %% wrong={"item": "label-entropy", "name": "two-classes-only", "says": "a share for 0 and 1 only"}
def label_entropy(y):
    p = np.clip(np.mean(y), 1e-300, 1 - 1e-16)
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


# %% wrong={"item": "label-entropy", "name": "zero-log-zero", "says": "0 log 0 is NaN"}
def label_entropy(y):
    if set(np.ravel(y).tolist()) <= {0, 1}:
        p = np.mean(y)
        return -p * np.log(p) - (1 - p) * np.log(1 - p)
    share = np.unique(y, return_counts=True)[1] / np.size(y)
    return -np.sum(share * np.log(share))


# %% wrong={"item": "label-entropy", "name": "clipped", "says": "do not clip shares"}
def label_entropy(y):
    share = np.bincount(np.ravel(y).clip(0)) / np.size(y)
    return -np.sum(share * np.log(np.clip(share, 0.01, 1)))


# %% wrong={"item": "label-entropy", "name": "counted-from-zero", "says": "any whole numbers"}
def label_entropy(y):
    y = np.ravel(y)
    share = np.array([np.mean(y == c) for c in range(len(set(y.tolist())))])
    share = share[share > 0]
    return -np.sum(share * np.log(share))


# %% wrong={"item": "explain-plateau", "name": "bits", "says": "the entropy in bits", "replace": true}
# -     entropy = -np.sum(share * np.log(share))
# +     entropy = -np.sum(share * np.log2(share))

# %% wrong={"item": "explain-plateau", "name": "accuracy", "says": "the share of the commonest class", "replace": true}
# -     entropy = -np.sum(share * np.log(share))
# +     entropy = share.max()

# %% wrong={"item": "explain-plateau", "name": "ln-classes", "says": "two equally frequent classes", "replace": true}
# -     entropy = -np.sum(share * np.log(share))
# +     entropy = np.log(len(share))

# %% wrong={"item": "explain-plateau", "name": "absolute-tolerance", "says": "relative to the entropy", "replace": true}
# -     if abs(late - entropy) <= 0.01 * entropy:
# +     if abs(late - entropy) <= 0.01:

# %% wrong={"item": "explain-plateau", "name": "last-loss-only", "says": "one step's loss is noise", "replace": true}
# -     late = np.mean(loss[-tenth:])
# +     late = loss[-1]

# %% wrong={"item": "explain-plateau", "name": "falling-from-the-start", "says": "only the tenth before", "replace": true}
# -     if late < 0.99 * np.mean(loss[-2 * tenth : -tenth]):
# +     if late < 0.99 * loss[0]:

# %% wrong={"item": "explain-plateau", "name": "falling-from-all-before", "says": "only the tenth before", "replace": true}
# -     if late < 0.99 * np.mean(loss[-2 * tenth : -tenth]):
# +     if late < 0.99 * np.mean(loss[:-tenth]):

# %% wrong={"item": "explain-plateau", "name": "never-falling", "says": "still falling", "replace": true}
# -     if late < 0.99 * np.mean(loss[-2 * tenth : -tenth]):
# +     if False:

# %% wrong={"item": "explain-plateau", "name": "any-fall", "says": "less than 1 %", "replace": true}
# -     if late < 0.99 * np.mean(loss[-2 * tenth : -tenth]):
# +     if late < np.mean(loss[-2 * tenth : -tenth]):

# %% wrong={"item": "explain-plateau", "name": "elevenths", "says": "still falling", "replace": true}
# -     tenth = len(loss) // 10
# +     tenth = len(loss) // 11

# %% wrong={"item": "explain-plateau", "name": "too-tight", "says": "within 1 % counts", "replace": true}
# -     if abs(late - entropy) <= 0.01 * entropy:
# +     if abs(late - entropy) <= 0.001 * entropy:

# %% wrong={"item": "explain-plateau", "name": "too-loose", "says": "relative to the entropy", "replace": true}
# -     if abs(late - entropy) <= 0.01 * entropy:
# +     if abs(late - entropy) <= 0.05 * entropy:

# %% wrong={"item": "explain-plateau", "name": "input-and-nothing-exchanged", "says": "and above it \"nothing\"", "replace": true}
# -     return "input" if late < entropy else "nothing"
# +     return "nothing" if late < entropy else "input"


# %% wrong={"item": "explain-plateau", "name": "falling-last", "says": "still falling"}
def explain_plateau(loss, y):
    tenth = len(loss) // 10
    late, before = np.mean(loss[-tenth:]), np.mean(loss[-2 * tenth : -tenth])
    share = np.unique(y, return_counts=True)[1] / np.size(y)
    entropy = -np.sum(share * np.log(share))
    if abs(late - entropy) <= 0.01 * entropy:
        return "prior"
    if late < 0.99 * before:
        return "falling"
    return "input" if late < entropy else "nothing"


# %% wrong={"item": "explain-plateau", "name": "two-classes-only", "says": "a share for 0 and 1 only", "replace": true}
# -     share = np.unique(y, return_counts=True)[1] / np.size(y)
# -     entropy = -np.sum(share * np.log(share))
# +     p = np.mean(y)
# +     entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)


# %% wrong={"item": "speed-of-learning", "name": "absolute-change", "says": "this is the absolute change"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([norm(new - old) for old, new in pairs])
    return np.array(speeds).T


# %% wrong={"item": "speed-of-learning", "name": "divided-by-the-new", "says": "before the change"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([norm(new - old) / norm(new) for old, new in pairs])
    return np.array(speeds).T


# %% wrong={"item": "speed-of-learning", "name": "transposed", "says": "rows are layers"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([norm(new - old) / norm(old) for old, new in pairs])
    return np.array(speeds)


# %% wrong={"item": "speed-of-learning", "name": "change-of-the-norm", "says": "without growing"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([abs(norm(new) - norm(old)) / norm(old) for old, new in pairs])
    return np.array(speeds).T


# %% wrong={"item": "speed-of-learning", "name": "signed-change-of-the-norm", "says": "without growing"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([(norm(new) - norm(old)) / norm(old) for old, new in pairs])
    return np.array(speeds).T


# %% wrong={"item": "speed-of-learning", "name": "squares", "says": "a norm has a root"}
def speed_of_learning(history):
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([np.sum((new - old) ** 2) / np.sum(old**2) for old, new in pairs])
    return np.array(speeds).T


# %% wrong={"item": "speed-of-learning", "name": "mean-sizes", "says": "not a mean of sizes"}
def speed_of_learning(history):
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append(
            [np.mean(np.abs(new - old)) / np.mean(np.abs(old)) for old, new in pairs]
        )
    return np.array(speeds).T


# %% wrong={"item": "speed-of-learning", "name": "spectral-norm", "says": "largest singular value"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([norm(new - old, 2) / norm(old, 2) for old, new in pairs])
    return np.array(speeds).T


# %% wrong={"item": "speed-of-learning", "name": "layers-reversed", "says": "wrong order"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([norm(new - old) / norm(old) for old, new in pairs])
    return np.array(speeds).T[::-1]


# %% wrong={"item": "speed-of-learning", "name": "in-place", "says": "history to be left"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append(
            [norm(np.subtract(new, old, out=new)) / norm(old) for old, new in pairs]
        )
    return np.array(speeds).T


# %% wrong={"item": "speed-of-learning", "name": "sum-over-epochs", "says": "expected shape"}
def speed_of_learning(history):
    norm = np.linalg.norm
    speeds = []
    for t in range(len(history) - 1):
        pairs = zip(history[t], history[t + 1])
        speeds.append([norm(new - old) / norm(old) for old, new in pairs])
    return np.array(speeds).sum(axis=0)


# %% wrong={"item": "speed-of-learning", "name": "since-the-start", "says": "since the start"}
def speed_of_learning(history):
    norm = np.linalg.norm
    first = history[0]
    return np.array(
        [
            [norm(now[k] - first[k]) / norm(first[k]) for now in history[1:]]
            for k in range(len(first))
        ]
    )


# %% wrong={"item": "speed-of-learning", "name": "relative-to-the-first", "says": "not at the first one"}
def speed_of_learning(history):
    norm = np.linalg.norm
    return np.array(
        [
            [
                norm(history[t + 1][k] - history[t][k]) / norm(history[0][k])
                for t in range(len(history) - 1)
            ]
            for k in range(len(history[0]))
        ]
    )


# %% wrong={"item": "speed-of-learning", "name": "one-epoch-short", "says": "expected shape"}
def speed_of_learning(history):
    norm = np.linalg.norm
    return np.array(
        [
            [
                norm(history[t + 1][k] - history[t][k]) / norm(history[t][k])
                for t in range(len(history) - 2)
            ]
            for k in range(len(history[0]))
        ]
    )


# %% wrong={"item": "centred-sigmoid-net", "name": "shift-after-the-last", "says": "it is not shifted", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -             return [*outputs, self.layers[-1](x).sigmoid()]
# +             return [*outputs, self.layers[-1](x).sigmoid() - 0.5]

# %% wrong={"item": "centred-sigmoid-net", "name": "no-shift", "says": "subtract one half", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -                 x = layer(x).sigmoid() - 0.5
# +                 x = layer(x).sigmoid()

# %% wrong={"item": "centred-sigmoid-net", "name": "he-for-xavier", "says": "these are He's weights", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / fan_in) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# %% wrong={"item": "centred-sigmoid-net", "name": "lecun-for-xavier", "says": "these are LeCun's weights", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, fan_in**-0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# %% wrong={"item": "centred-sigmoid-net", "name": "hard-coded", "says": "hard-coded", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, 0.01, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# %% wrong={"item": "centred-sigmoid-net", "name": "variance-for-std", "says": "used as the standard deviation", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, 2 / (fan_in + fan_out), (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# %% wrong={"item": "centred-sigmoid-net", "name": "own-start-of-the-layer", "says": "draw new weights", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = layer.weight.value
# +                 np.copyto(layer.weight.value, new)

# %% wrong={"item": "centred-sigmoid-net", "name": "two-missing", "says": "the 2 is missing", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (fan_in + fan_out) ** -0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)


# %% wrong={"item": "centred-sigmoid-net", "name": "std-for-bound", "says": "uniform draw's bound"}
def centred_sigmoid_net(widths, rng):
    class Net(Model):
        def __init__(self):
            super().__init__(rng)
            self.layers = []
            for fan_in, fan_out in pairwise(widths):
                layer = self.Linear_Layer(fan_in, fan_out)
                new = (
                    rng.uniform(-1, 1, (fan_in, fan_out))
                    * (2 / (fan_in + fan_out)) ** 0.5
                )
                np.copyto(layer.weight.value, new)
                self.layers.append(layer)

        def activations(self, x):
            outputs = []
            for layer in self.layers[:-1]:
                x = layer(x).sigmoid() - 0.5
                outputs.append(x)
            return [*outputs, self.layers[-1](x).sigmoid()]

        def loss(self, x, y):
            p, y = self.activations(x)[-1], Node(y)
            return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    return Net()


# %% wrong={"item": "centred-sigmoid-net", "name": "fan-out-only", "says": "only fan_out", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, fan_out**-0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)


# %% wrong={"item": "centred-sigmoid-net", "name": "one-neuron-repeated", "says": "repeated numbers"}
def centred_sigmoid_net(widths, rng):
    class Net(Model):
        def __init__(self):
            super().__init__(rng)
            self.layers = []
            for fan_in, fan_out in pairwise(widths):
                layer = self.Linear_Layer(fan_in, fan_out)
                new = np.repeat(
                    rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, 1)),
                    fan_out,
                    axis=1,
                )
                np.copyto(layer.weight.value, new)
                self.layers.append(layer)

        def activations(self, x):
            outputs = []
            for layer in self.layers[:-1]:
                x = layer(x).sigmoid() - 0.5
                outputs.append(x)
            return [*outputs, self.layers[-1](x).sigmoid()]

        def loss(self, x, y):
            p, y = self.activations(x)[-1], Node(y)
            return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    return Net()


# %% wrong={"item": "centred-sigmoid-net", "name": "global-draws", "says": "draw from `rng`"}
def centred_sigmoid_net(widths, rng):
    class Net(Model):
        def __init__(self):
            super().__init__(rng)
            self.layers = []
            for fan_in, fan_out in pairwise(widths):
                layer = self.Linear_Layer(fan_in, fan_out)
                new = np.random.normal(
                    0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out)
                )
                np.copyto(layer.weight.value, new)
                self.layers.append(layer)

        def activations(self, x):
            outputs = []
            for layer in self.layers[:-1]:
                x = layer(x).sigmoid() - 0.5
                outputs.append(x)
            return [*outputs, self.layers[-1](x).sigmoid()]

        def loss(self, x, y):
            p, y = self.activations(x)[-1], Node(y)
            return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    return Net()


# %% wrong={"item": "centred-sigmoid-net", "name": "seeded-inside", "says": "a seed of your own"}
def centred_sigmoid_net(widths, rng):
    class Net(Model):
        def __init__(self):
            super().__init__(rng)
            self.layers = []
            for fan_in, fan_out in pairwise(widths):
                layer = self.Linear_Layer(fan_in, fan_out)
                new = np.random.default_rng(0).normal(
                    0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out)
                )
                np.copyto(layer.weight.value, new)
                self.layers.append(layer)

        def activations(self, x):
            outputs = []
            for layer in self.layers[:-1]:
                x = layer(x).sigmoid() - 0.5
                outputs.append(x)
            return [*outputs, self.layers[-1](x).sigmoid()]

        def loss(self, x, y):
            p, y = self.activations(x)[-1], Node(y)
            return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    return Net()


# %% wrong={"item": "centred-sigmoid-net", "name": "tanh-of-half", "says": "do not double", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -                 x = layer(x).sigmoid() - 0.5
# +                 x = 2 * layer(x).sigmoid() - 1

# %% wrong={"item": "centred-sigmoid-net", "name": "shift-before-the-sigmoid", "says": "and nowhere else", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -                 x = layer(x).sigmoid() - 0.5
# +                 x = (layer(x) - 0.5).sigmoid() - 0.5

# %% wrong={"item": "centred-sigmoid-net", "name": "shift-twice", "says": "subtract one half once", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -                 x = layer(x).sigmoid() - 0.5
# +                 x = layer(x).sigmoid() - 1.0

# %% wrong={"item": "centred-sigmoid-net", "name": "graph-cut", "says": "keep Nodes", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -                 x = layer(x).sigmoid() - 0.5
# +                 x = Node(layer(x).value).sigmoid() - 0.5

# %% wrong={"item": "centred-sigmoid-net", "name": "arrays-for-nodes", "says": "Nodes all the way", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -             return [*outputs, self.layers[-1](x).sigmoid()]
# +             return [a.value for a in [*outputs, self.layers[-1](x).sigmoid()]]

# %% wrong={"item": "centred-sigmoid-net", "name": "input-in-the-list", "says": "no layer's output", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -             return [*outputs, self.layers[-1](x).sigmoid()]
# +             return [Node(np.zeros(1)), *outputs, self.layers[-1](x).sigmoid()]

# %% wrong={"item": "centred-sigmoid-net", "name": "logits-for-probabilities", "says": "it is not shifted", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)

# -             return [*outputs, self.layers[-1](x).sigmoid()]
# +             return [*outputs, self.layers[-1](x)]

# %% wrong={"item": "centred-sigmoid-net", "name": "biases-drawn", "says": "biases start at zero", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)
# +                 np.copyto(layer.bias.value, rng.normal(0, 0.1, (1, fan_out)))

# %% wrong={"item": "centred-sigmoid-net", "name": "biases-one-half", "says": "biases start at zero", "replace": true}
# -
#       class Net(Model):

# -                 std = np.sqrt(2 / (fan_in + fan_out))
# -                 np.copyto(layer.weight.value, rng.normal(0, std, (fan_in, fan_out)))
# +                 new = rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))
# +                 np.copyto(layer.weight.value, new)
# +                 np.copyto(layer.bias.value, np.full((1, fan_out), -0.5))


# %% wrong={"item": "dropout", "name": "backward-without-keep-as-the-seed", "says": "the seed's mistake"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * self.mask


# %% wrong={"item": "dropout", "name": "forward-without-keep", "says": "so that the mean stays"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "multiplied-by-keep", "says": "not multiplied"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask * self.divisor

    def backward(self, dy):
        return dy * self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "keep-is-the-chance-to-go", "says": "1 - keep is kept"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) > self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "mask-a-column", "says": "each number has its own fate"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            np.ones(x.shape, bool) & (self.rng.random((1, x.shape[1])) < self.keep)
            if train
            else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "mask-a-row", "says": "each number has its own fate"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            np.ones(x.shape, bool) & (self.rng.random((len(x), 1)) < self.keep)
            if train
            else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "backward-without-mask", "says": "passes no gradient back"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy / self.divisor


# %% wrong={"item": "dropout", "name": "backward-untouched", "says": "passes no gradient back"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy


# %% wrong={"item": "dropout", "name": "backward-squared", "says": "once, not twice"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * self.mask / self.divisor**2


# %% wrong={"item": "dropout", "name": "backward-multiplied", "says": "divide by keep, as forward does"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * self.mask * self.divisor


# %% wrong={"item": "dropout", "name": "new-mask-in-backward", "says": "draws none of its own"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * (self.rng.random(dy.shape) < self.keep) / self.divisor


# %% wrong={"item": "dropout", "name": "mask-turned-in-backward", "says": "the wrong way round"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * ~self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "global-draws", "says": "not from np.random"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            np.random.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "seeded-inside", "says": "a seed of your own"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            np.random.default_rng(0).random(x.shape) < self.keep
            if train
            else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return x * self.mask / self.divisor

    def backward(self, dy):
        return dy * self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "in-place", "says": "left as it was"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x, train=True):
        self.mask = (
            self.rng.random(x.shape) < self.keep if train else np.ones(x.shape, bool)
        )
        self.divisor = self.keep if train else 1.0
        return np.multiply(x, self.mask / self.divisor, out=x)

    def backward(self, dy):
        return dy * self.mask / self.divisor


# %% wrong={"item": "dropout", "name": "mask-in-init", "says": "expected a new mask"}
class Dropout:
    def __init__(self, keep, rng):
        self.keep, self.rng, self.factor = keep, rng, None

    def forward(self, x, train=True):
        if not train:
            self.used = 1.0
            return x
        if self.factor is None:
            self.factor = (self.rng.random(x.shape) < self.keep) / self.keep
        self.used = self.factor
        return x * self.used

    def backward(self, dy):
        return dy * self.used


# %% wrong={"item": "dropout", "name": "always-training", "says": "when `train` is False", "replace": true}
# -
#       def __init__(self, keep, rng):

# -         self.factor = 1.0
# -         if train:
# -             self.factor = (self.rng.random(x.shape) < self.keep) / self.keep
# +         self.factor = (self.rng.random(x.shape) < self.keep) / self.keep

# %% wrong={"item": "dropout", "name": "old-mask-after-test", "says": "nothing is dropped", "replace": true}
# -
#       def __init__(self, keep, rng):

# -         self.factor = 1.0
# -         if train:
# -             self.factor = (self.rng.random(x.shape) < self.keep) / self.keep
# +         if not train:
# +             return x
# +         self.factor = (self.rng.random(x.shape) < self.keep) / self.keep

# %% wrong={"item": "dropout", "name": "scaled-in-use", "says": "in use nothing is multiplied by keep", "replace": true}
# -
#       def __init__(self, keep, rng):

# -         self.factor = 1.0
# -         if train:
# -             self.factor = (self.rng.random(x.shape) < self.keep) / self.keep
# +         self.factor = (self.rng.random(x.shape) < self.keep) / self.keep
# +         if not train:
# +             self.factor = self.keep

# %% wrong={"item": "penalised", "name": "not-in-the-loss-as-the-seed", "says": "the seed's mistake", "replace": true}
# -         price = sum(np.sum(W**2) for W in weights) / 2
# +         sum(np.sum(W**2) for W in weights) / 2

# -         price = sum(np.sum(np.abs(W)) for W in weights)
# +         sum(np.sum(np.abs(W)) for W in weights)

# -     return loss + lam * price, added
# +     return loss, added

# %% wrong={"item": "penalised", "name": "penalty-alone", "says": "add the loss", "replace": true}
# -     return loss + lam * price, added
# +     return lam * price, added

# %% wrong={"item": "penalised", "name": "penalty-subtracted", "says": "makes the loss larger", "replace": true}
# -     return loss + lam * price, added
# +     return loss - lam * price, added

# %% wrong={"item": "penalised", "name": "l2-without-half", "says": "lam / 2 before the squares", "replace": true}
# -         price = sum(np.sum(W**2) for W in weights) / 2
# +         price = sum(np.sum(W**2) for W in weights)

# %% wrong={"item": "penalised", "name": "l1-with-half", "says": "without a half", "replace": true}
# -         price = sum(np.sum(np.abs(W)) for W in weights)
# +         price = sum(np.sum(np.abs(W)) for W in weights) / 2

# %% wrong={"item": "penalised", "name": "first-layer-only", "says": "not the first alone", "replace": true}
# -         price = sum(np.sum(W**2) for W in weights) / 2
# +         price = np.sum(weights[0] ** 2) / 2

# -         price = sum(np.sum(np.abs(W)) for W in weights)
# +         price = np.sum(np.abs(weights[0]))

# %% wrong={"item": "penalised", "name": "last-layer-only", "says": "not the last alone", "replace": true}
# -         price = sum(np.sum(W**2) for W in weights) / 2
# +         price = np.sum(weights[-1] ** 2) / 2

# -         price = sum(np.sum(np.abs(W)) for W in weights)
# +         price = np.sum(np.abs(weights[-1]))

# %% wrong={"item": "penalised", "name": "signed-sizes", "says": "sizes have no sign", "replace": true}
# -         price = sum(np.sum(np.abs(W)) for W in weights)
# +         price = sum(np.sum(W) for W in weights)

# %% wrong={"item": "penalised", "name": "norms-for-squares", "says": "the squares have no root", "replace": true}
# -         price = sum(np.sum(W**2) for W in weights) / 2
# +         price = sum(np.linalg.norm(W) for W in weights)

# %% wrong={"item": "penalised", "name": "not-in-the-gradients", "says": "not in the gradients", "replace": true}
# -         slopes = weights

# -         slopes = [np.sign(W) for W in weights]
# +         [np.sign(W) for W in weights]

# -     added = [g + lam * s for g, s in zip(gradients, slopes, strict=True)]
# +     added = [g + 0 for g in gradients]

# %% wrong={"item": "penalised", "name": "slope-alone", "says": "add the gradient", "replace": true}
# -     added = [g + lam * s for g, s in zip(gradients, slopes, strict=True)]
# +     added = [lam * s for s in slopes]

# %% wrong={"item": "penalised", "name": "slope-subtracted", "says": "added, not subtracted", "replace": true}
# -     added = [g + lam * s for g, s in zip(gradients, slopes, strict=True)]
# +     added = [g - lam * s for g, s in zip(gradients, slopes)]

# %% wrong={"item": "penalised", "name": "l2-slope-doubled", "says": "cancels against", "replace": true}
# -         slopes = weights
# +         slopes = [2 * W for W in weights]

# %% wrong={"item": "penalised", "name": "l2-slope-halved", "says": "the half cancels", "replace": true}
# -         slopes = weights
# +         slopes = [W / 2 for W in weights]

# %% wrong={"item": "penalised", "name": "l1-slope-for-l2", "says": "this is L1's slope", "replace": true}
# -         slopes = weights
# +         slopes = [np.sign(W) for W in weights]

# %% wrong={"item": "penalised", "name": "l2-slope-for-l1", "says": "this is L2's slope", "replace": true}
# -         slopes = [np.sign(W) for W in weights]
# +         slopes = weights

# %% wrong={"item": "penalised", "name": "l1-slope-without-sign", "says": "its sign: -1", "replace": true}
# -         slopes = [np.sign(W) for W in weights]
# +         slopes = [np.ones(W.shape) for W in weights]

# %% wrong={"item": "penalised", "name": "l1-slope-as-size", "says": "the slope of |w| is its sign", "replace": true}
# -         slopes = [np.sign(W) for W in weights]
# +         slopes = [np.abs(W) for W in weights]

# %% wrong={"item": "penalised", "name": "sign-of-zero-is-one", "says": "at 0 is taken as 0", "replace": true}
# -         slopes = [np.sign(W) for W in weights]
# +         slopes = [np.where(W >= 0, 1, -1) for W in weights]

# %% wrong={"item": "penalised", "name": "sign-of-zero-is-minus-one", "says": "at 0 is taken as 0", "replace": true}
# -         slopes = [np.sign(W) for W in weights]
# +         slopes = [np.where(W > 0, 1, -1) for W in weights]

# %% wrong={"item": "penalised", "name": "in-place", "says": "left as it was", "replace": true}
# -     added = [g + lam * s for g, s in zip(gradients, slopes, strict=True)]
# +     added = [np.add(g, lam * s, out=g) for g, s in zip(gradients, slopes)]


# %% wrong={"item": "penalised", "name": "kind-not-checked", "says": "raise ValueError"}
def penalised(loss, weights, gradients, lam, kind):
    if kind == "L2":
        price, slopes = sum(np.sum(W**2) for W in weights) / 2, weights
    else:
        price = sum(np.sum(np.abs(W)) for W in weights)
        slopes = [np.sign(W) for W in weights]
    return loss + lam * price, [g + lam * s for g, s in zip(gradients, slopes)]
