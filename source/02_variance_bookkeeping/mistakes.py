"""Known mistakes of unit 2: what a check compares a wrong answer with.

Each function is named after an item, takes the arguments of a call, and returns pairs:
what a mistake gives for them, and the sentence that names the mistake. A function of
the right value stands for what it returns. There is no right answer in here.
"""

import numpy as np

STD = "this is a standard deviation; return the variance, without a root"


def var_product(mx, vx, my, vy):
    """Know mistakes in the variance of a product."""
    return [
        (
            vx * vy,
            "the cross terms are dropped: Var(X) Var(Y) alone is right only when both"
            " means are zero",
        ),
        (
            vx * my**2 + vy * mx**2,
            "the product of the two variances is missing: this is the approximate"
            " formula, good only when both are small beside the squared means",
        ),
        (
            (vx + mx**2) * (vy + my**2),
            "this is E[X^2 Y^2]: the squared mean of the product is still to be"
            " subtracted",
        ),
        (
            vx * vy - mx**2 * my**2,
            "Var(X) stands where E[X^2] belongs: E[X^2] = Var(X) + E[X]^2",
        ),
        (0, "E[X]^2 stands where E[X^2] belongs: E[X^2] = Var(X) + E[X]^2"),
        (
            vx * vy + vx * mx**2 + vy * my**2,
            "each variance is paired with its own mean; it belongs to the mean of the"
            " other factor",
        ),
        (
            vx * vy + vx * my + vy * mx,
            "the means are not squared in the cross terms",
        ),
        (
            vx**2 * vy**2 + vx**2 * my**2 + vy**2 * mx**2,
            "vx and vy are variances already: do not square them",
        ),
        (vx + vy, "variances add for a sum; this is a product"),
        (
            vx * my**2 - vx * vy + vy * mx**2,
            "the signs: all terms that are left are added",
        ),
        (np.sqrt, STD),
    ]


def var_linear(n, q_in, var_w):
    """Know mistakes in the variance of a sum of n products."""
    return [
        (q_in * var_w, "n is dropped: the variances of the n terms add up"),
        (
            n**0.5 * q_in * var_w,
            "sqrt(n) is how the standard deviation grows; the variance grows with n",
        ),
        (
            n**2 * q_in * var_w,
            "n^2 would be right if all terms were equal; they are uncorrelated",
        ),
        (
            q_in * var_w / n,
            "this divides by n: that is the variance of a mean; here is a sum",
        ),
        (
            n * q_in * (1 - 1 / np.pi) * var_w,
            "the squared mean is taken off: this is the variance of a rectified input,"
            " and E[x^2] is what the weights multiply",
        ),
        (
            n * q_in / 2 * var_w,
            "q_in is what comes in, after any rectifier: do not halve it again",
        ),
        (n * q_in * var_w**2, "var_w is a variance already: do not square it"),
        (n * q_in * var_w**0.5, "var_w is a variance already: take no root of it"),
        (n * q_in**2 * var_w, "q_in is E[x^2] already: do not square it"),
        (n * (q_in + var_w), "q_in and var_w are added; the variance of a product is"
         " their product"),
        (np.sqrt, STD),
    ]


def fans(shape, kind):
    """Know mistakes in reading fans off a shape."""
    if kind == "bias":
        return [
            (
                ...,
                "a bias has no fans: its 1 is there for broadcasting and counts no"
                " inputs; a rule fed with fan_in = 1 would make the biases enormous",
            )
        ]
    if kind != "dense":
        unseen = "an unknown kind is accepted: a typing error would pass for weights"
        return [(..., unseen + " unseen")]
    guessed = (
        "a bias was guessed from the shape; a layer with one input looks the same, so"
        " decide by `kind`"
    )
    swapped = (
        "the two are swapped: rows are examples and Y = X @ W + b, so one output is a"
        " sum over the rows of W, and fan_in comes first"
    )
    if shape[0] < shape[1]:
        swapped = "the larger number comes first: a layer may widen as well as narrow"
    return [
        (ValueError, guessed),
        (tuple(reversed(shape)), swapped),
        ((30, 20), "the numbers are fixed; read them off the shape"),
        (shape[0] * shape[1], "this counts the weights; return two numbers"),
    ]


def leaky_moments(z_var, slope):
    """Know mistakes in what a leaky rectifier lets through, by what is returned."""
    half = (z_var / (2 * np.pi)) ** 0.5
    whole = z_var / (2 * np.pi) ** 0.5
    second = (1 + slope**2) / 2
    return {
        "mean": [
            (0, "the mean is left out: z has mean zero, the rectified z has not"),
            (
                (1 - slope) * whole,
                "z_var is used as a standard deviation; its root belongs here",
            ),
            ((1 + slope) * half, "the negative half pulls the mean down, not up"),
            (half, "the negative half is left out of the mean"),
            (2 * (1 - slope) * half, "each half holds half of the probability"),
        ],
        "second moment": [
            (
                second * z_var**2,
                "z_var is a variance already: do not square it",
            ),
            (
                second * z_var - ((1 - slope) * half) ** 2,
                "this is the variance: the mean is taken off; E[a^2] keeps it",
            ),
            ((1 + slope) / 2 * z_var, "the slope is not squared"),
            (z_var / 2, "the negative half is left out of the second moment"),
            ((1 + slope) ** 2 / 4 * z_var, "square each half first, then average"),
            (2 * second * z_var, "each half holds half of the probability"),
        ],
        "variance": [
            (
                second * z_var,
                "the squared mean is not taken off: this is E[a^2] again",
            ),
            (
                second * z_var - (1 - slope) * half,
                "the mean is taken off without being squared",
            ),
            (
                second * z_var * (1 - 1 / np.pi),
                "1 - 1/pi is the plain rectifier's factor; it changes with the slope",
            ),
            (np.sqrt, "this is a standard deviation; return the variance"),
        ],
    }


def backward_moments(widths, weight_vars, q_out):
    """Know mistakes in the second moments of gradients."""
    fans_in, fans_out = np.array(widths[:-1]), np.array(widths[1:])
    var = np.array(weight_vars)

    def chain(factors):
        return q_out * np.cumprod(factors[::-1])[::-1]

    beyond = "q_out itself is no part of the result: leave x_L out"
    factors = fans_out * var
    return [
        (
            chain(fans_in * var),
            "this counts fan_in; G @ W.T sums over the fan_out of a layer",
        ),
        (
            lambda want: want[::-1],
            "the order is reversed: the input of the net comes first",
        ),
        (
            q_out * factors,
            "each layer is taken alone; the factors of all later layers multiply",
        ),
        (
            q_out * np.cumsum(factors[::-1])[::-1],
            "the factors are added; layer after layer they multiply",
        ),
        (
            q_out * np.cumprod(factors),
            "the product runs from the input; a gradient starts at the end of the net",
        ),
        (chain(var), "the number of terms in each sum is dropped"),
        (
            chain(fans_out * var**0.5),
            "weight_vars holds variances already: take no root",
        ),
        (
            chain(fans_out * var**2),
            "weight_vars holds variances already: do not square them",
        ),
        (np.sqrt, "this is a standard deviation; return the second moment"),
        (lambda want: want / q_out, "q_out is left out"),
        (lambda want: np.append(want, q_out), beyond),
        (lambda want: np.append(want[1:], q_out), beyond),
        (lambda want: want[:1], "the gradient at the input of every layer is wanted"),
    ]


def conv_fans(shape):
    """Know mistakes in the fans of a convolution."""
    height, width, channels_in, channels_out = shape
    area = height * width
    return [
        (
            (area * channels_out, area * channels_in),
            "the two are swapped: channels_in belong to fan_in",
        ),
        (
            (channels_in, channels_out),
            "the window's area is dropped: the sum runs over its pixels too",
        ),
        (
            (area * channels_in, channels_out),
            "fan_out lacks the window's area: one input is seen at every position of"
            " the window that covers it",
        ),
        (
            (height * channels_in, height * channels_out),
            "only one side of the window is counted",
        ),
        (
            (width * channels_in, width * channels_out),
            "only one side of the window is counted",
        ),
        (
            (height**2 * channels_in, height**2 * channels_out),
            "the window is taken for a square; its two sides may differ",
        ),
        ((height, width), "the first two numbers are the window, not the channels"),
        (
            (channels_in * channels_out * width, channels_in * channels_out * height),
            "the shape is read in another order; here it is (kernel_height,"
            " kernel_width, channels_in, channels_out)",
        ),
    ]
