"""The bench: seeded data, training comparisons, figures and predictions.

Read from top to bottom: data, figures (one style for the whole course, one helper for
each kind of figure), training several starts side by side, predictions.

Helpers that draw return `(fig, ax)`, so that a notebook can add to a figure before it
ends its cell with `lab.show(fig, alt="...")`. Chance enters through a passed `rng` or a
list of seeds.
"""

import base64
import html
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from IPython.display import display
from IPython.utils.capture import capture_output
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

import dp

__all__ = [
    "COLOURS",
    "SCHEMES",
    "breast_cancer",
    "cats",
    "decision_map",
    "depth_curves",
    "digits",
    "error_map",
    "histograms",
    "loss_curves",
    "over_seeds",
    "panel_curves",
    "plain_ticks",
    "plane",
    "predict",
    "reveal",
    "scheme",
    "show",
    "strip_panels",
    "strips",
    "style",
    "table",
    "train_starts",
    "unit_traces",
]

Array = np.ndarray


# ------------------------------------------------------------------------------------
# Data


def breast_cancer() -> tuple[Array, Array]:
    """Return scikit-learn's breast-cancer data, each feature standardised.

    Returns
    -------
    x : (569, 30) float64
        Mean 0 and standard deviation 1 (ddof 0) in each column.
    y : (569,) int
        1 benign (357 rows), 0 malignant (212 rows).
    """
    from sklearn import datasets  # here, not above: it takes twice as long as the rest

    x, y = datasets.load_breast_cancer(return_X_y=True)
    return _standardised(x), y


def digits(scale: str = "standard") -> tuple[Array, Array]:
    """Return scikit-learn's 8x8 digits.

    Parameters
    ----------
    scale
        "standard": each pixel has mean 0 and standard deviation 1 (constant pixels 0);
        "unit": between 0 and 1; "row": each image has mean square 1.

    Returns
    -------
    x : (1797, 64) float64
    y : (1797,) int
        The digit, 0 to 9.

    Raises
    ------
    ValueError
        If `scale` is none of the three.
    """
    from sklearn import datasets

    x, y = datasets.load_digits(return_X_y=True)
    if scale == "standard":
        return _standardised(x), y
    if scale == "unit":
        return x / 16, y
    if scale == "row":
        return x / np.sqrt((x**2).mean(axis=1, keepdims=True)), y
    raise ValueError(
        f"digits: scale must be 'standard', 'unit' or 'row', got {scale!r}"
    )


def plane(number: int, seed: int | None = None) -> tuple[Array, Array]:
    """Return one of three labelled sets of points in the plane.

    The sets of Nowland (2020), *Training neural nets - Initialization*: 1, a wedge
    below the origin among three others; 2, a disc within a ring; 3, two stripes in a
    square. They come from NumPy's legacy generator, whose stream is kept for ever, so
    that published numbers can be compared digit by digit.

    Parameters
    ----------
    number
        1, 2 or 3.
    seed
        Of the generator; None: the published one (8, 3 and 6).

    Returns
    -------
    x : (N, 2) float64
        The points as drawn, most of them within [-5, 5]; not normalised. With the
        published seeds N is 179, 131 and 301.
    y : (N,) int
        1 for the wedge, disc or stripes, 0 for what is around; the ones come first.

    Raises
    ------
    ValueError
        If there is no such set.
    """
    if number not in (1, 2, 3):
        raise ValueError(f"plane: number must be 1, 2 or 3, got {number!r}")
    rng = np.random.RandomState((8, 3, 6)[number - 1] if seed is None else seed)
    if number == 1:
        wedges = []
        for centre in ((0, -2.5), (0, 2.5), (2.5, 0), (-2.5, 0)):
            points = rng.normal(0, 1, (50, 2)) + centre
            diagonals = np.array([[-1, 1], [1, 1]])  # x2 - x1 and x2 + x1
            side = np.sign(diagonals @ centre)
            wedges.append(points[(points @ diagonals * side > 0.25).all(axis=1)])
        inside, outside = wedges[0], np.concatenate(wedges[1:])
    elif number == 2:
        inside, outside = rng.normal(0, 0.75, (40, 2)), rng.uniform(-5, 5, (300, 2))
        inner, outer = (np.sum(p**2, axis=1) for p in (inside, outside))
        inside, outside = inside[inner < 4], outside[(outer > 6.25) & (outer < 16)]
    else:
        inside, outside = rng.uniform(-5, 5, (400, 2)), rng.uniform(-5, 5, (400, 2))
        near, far = (np.abs(np.abs(p[:, 0]) - 2.5) for p in (inside, outside))
        inside, outside = inside[near < 0.7], outside[far > 1.25]
    y = np.repeat([1, 0], [len(inside), len(outside)])
    return np.concatenate([inside, outside]), y


def cats(path: str | os.PathLike) -> tuple[Array, Array]:
    """Return the pictures of cats and other things, if the reader has their file.

    They are those of deeplearning.ai's first course, in `train_catvnoncat.h5` (209
    pictures, 72 of cats) and `test_catvnoncat.h5` (50, 33 of cats), and are not bundled
    here.

    Parameters
    ----------
    path
        The HDF5 file, with one data set whose name ends in "set_x", (n, height, width,
        channels) uint8, and one whose name ends in "set_y", (n,).

    Returns
    -------
    x : (n, height * width * channels) float64
        One picture a row, between 0 and 1.
    y : (n,) int
        1 cat, 0 anything else.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If h5py is not installed.
    ValueError
        If the file is no HDF5, or does not hold the two data sets.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"cats: there is no file {str(path)!r}; put train_catvnoncat.h5 of"
            " deeplearning.ai's first course there, or go on with breast_cancer()"
        )
    try:
        import h5py
    except ImportError:
        raise ImportError("cats: h5py is not installed; pip install h5py") from None
    try:
        with h5py.File(path, "r") as file:
            found = {name[-5:]: data[()] for name, data in file.items()}
    except OSError:
        raise ValueError(f"cats: {str(path)!r} is no HDF5 file") from None
    if not {"set_x", "set_y"} <= set(found):
        raise ValueError(
            f"cats: {str(path)!r} must hold data sets named ...set_x and ...set_y,"
            f" got {sorted(found)}"
        )
    x, y = found["set_x"], found["set_y"]
    return x.reshape(len(x), -1) / 255, y.ravel().astype(int)


def _standardised(x: Array) -> Array:
    """Return columns with mean 0 and std 1; a constant column becomes 0."""
    std = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(std > 0, std, 1)


def over_seeds(f: Callable[..., Any], seeds: Sequence[int], *args: Any) -> Array:
    """Return `f(rng, *args)` for a fresh Generator from each seed, stacked.

    Parameters
    ----------
    f
        Returns a number or an array, of one shape for all seeds.
    seeds
        One row of the result each.
    *args
        Passed on to `f` behind the Generator.

    Returns
    -------
    (len(seeds), ...) array
    """
    return np.array([f(np.random.default_rng(seed), *args) for seed in seeds])


# ------------------------------------------------------------------------------------
# Figures: one look for the whole course

COLOURS = {  # Okabe & Ito (2008): told apart with every kind of colour vision
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#767676",
    # Tol's muted colours, for schemes beyond the first eight
    "indigo": "#332288",
    "wine": "#882255",
    "olive": "#999933",
    "teal": "#44AA99",
    "sand": "#C2A83E",
    "rose": "#CC6677",
    "violet": "#AA4499",
    "brown": "#8C5A2B",
    "slate": "#5B6C8C",
}

# Name: colour, marker, label. Both are the scheme's own everywhere; black is kept for
# theory, which is drawn dashed.
SCHEMES = {
    "zero": ("grey", "x", "zero"),
    "constant": ("brown", "+", "constant"),
    "low": ("sky", "v", "low"),
    "large": ("vermillion", "^", "large"),
    "normal": ("purple", "D", "normal"),
    "lecun": ("orange", "s", "LeCun"),
    "xavier": ("blue", "o", "Xavier"),
    "he": ("green", "P", "He"),
    "gain": ("wine", "d", "matched gain"),
    "orthogonal": ("indigo", "*", "orthogonal"),
    "lsuv": ("teal", "h", "LSUV"),
    "fixup": ("olive", "p", "Fixup"),
    "rezero": ("violet", "8", "ReZero"),
    "selu": ("rose", "X", "SELU"),
    "standard": ("slate", "<", "standard"),
    "mup": ("sand", ">", "muP"),
}


def scheme(name: str, **changes: Any) -> dict[str, Any]:
    """Return a scheme's colour, marker and label as keywords for `ax.plot`.

    Raises
    ------
    KeyError
        If the course has no scheme of this name.
    """
    if name not in SCHEMES:
        raise KeyError(f"scheme: no scheme {name!r}; there are {', '.join(SCHEMES)}")
    colour, marker, label = SCHEMES[name]
    return {"color": COLOURS[colour], "marker": marker, "label": label, **changes}


def _line(name: str, position: int) -> dict[str, Any]:
    """Return a scheme's look, or one by position for a curve that is no scheme."""
    if name in SCHEMES:
        return scheme(name)
    colour = COLOURS[CYCLE[position % 6]]
    return {"color": colour, "marker": "osDP^v"[position % 6], "label": name}


CYCLE = ("blue", "vermillion", "green", "orange", "purple", "sky")


def style() -> None:
    """Set the course's look for all figures that follow."""
    plt.rcParams.update(
        {
            "figure.figsize": (6.0, 3.8),
            "figure.constrained_layout.use": True,
            "font.size": 12.0,
            "axes.titlesize": 12.0,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": plt.cycler(color=[COLOURS[c] for c in CYCLE]),
            "grid.color": "#E4E4E4",
            "lines.linewidth": 1.8,
            "lines.markersize": 5.5,
            "legend.frameon": False,
            "legend.fontsize": 11.0,
        }
    )


def show(fig: Figure, alt: str) -> None:
    """Show a figure with a text that says what is seen in it, and close it.

    The text goes where each reader can find it: into the image's metadata, from which
    nbconvert's `classic` template makes `<img alt=...>`; and, since JupyterLab and the
    `lab` template leave that out, into a paragraph behind the image that screen readers
    read and the screen does not show. The image is a PNG at 144 dpi, shown at 96.

    Parameters
    ----------
    fig
        The figure.
    alt
        One or two sentences: kind of figure, axes, what is seen.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    if not alt.strip():
        raise ValueError("show: alt is empty; say in a sentence what is seen")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=144, metadata={"Software": None})
    plt.close(fig)
    width = round(fig.get_figwidth() * 96)
    hidden = (
        "position:absolute;width:1px;height:1px;overflow:hidden;"
        "clip-path:inset(50%);white-space:nowrap"
    )
    text = f'<p class="figure-text" style="{hidden}">Figure: {html.escape(alt)}</p>'
    display(
        {
            "image/png": base64.b64encode(buffer.getvalue()).decode(),
            "text/plain": f"Figure: {alt}",
        },
        raw=True,
        metadata={"image/png": {"alt": alt, "width": width}},
    )
    display({"text/html": text, "text/plain": ""}, raw=True)


def table(
    rows: Sequence[Sequence[Any]],
    header: Sequence[str],
    marked: Array | None = None,
) -> None:
    """Show a table as a table, which can be read aloud, copied and made larger.

    Parameters
    ----------
    rows
        One sequence of texts or numbers for each row; a float is shown with three
        significant digits.
    header
        One text for each column.
    marked
        (rows, columns) bool: cells to be shown bold, with an asterisk.

    Raises
    ------
    ValueError
        If a row is not as long as the header.
    """
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"table: each row must have {len(header)} entries")
    texts = [
        [f"{v:.3g}" if isinstance(v, float) else str(v) for v in row] for row in rows
    ]
    marks = np.zeros((len(rows), len(header)), bool) if marked is None else marked
    plain = [list(header)]
    lines = ["".join(f"<th>{html.escape(name)}</th>" for name in header)]
    for row, mark in zip(texts, marks, strict=True):
        plain.append([t + "*" * bool(m) for t, m in zip(row, mark, strict=True)])
        cells = [
            f"<td><b>{html.escape(t)} *</b></td>" if m else f"<td>{html.escape(t)}</td>"
            for t, m in zip(row, mark, strict=True)
        ]
        lines.append("".join(cells))
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    text = "\n".join(
        "  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip()
        for row in plain
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    display({"text/html": f"<table>{body}</table>", "text/plain": text}, raw=True)


MOST_PANELS = 60


def histograms(
    layers: Sequence[Array],
    titles: Sequence[str] | None = None,
    theory: Callable[[Array], Array] | Sequence[Callable] | None = None,
    limits: tuple[float, float] = (-1.0, 1.0),
    bins: int = 60,
    xlabel: str = "activation",
    columns: int = 3,
    share: bool = False,
) -> tuple[Figure, Array]:
    """Draw the distribution of each layer's values, one small panel a layer.

    Parameters
    ----------
    layers
        One array of any shape for each panel.
    titles
        One for each panel; "layer 1", "layer 2", ... unless given.
    theory
        A density, or one for each panel: called with (m,) values, returns (m,)
        densities; drawn dashed.
    limits
        Range of the horizontal axis; values outside are left out of the picture and
        their share is written in the panel.
    bins
        Number of bars.
    xlabel
        What is counted, with its unit if it has one.
    columns
        Panels in a row.
    share
        Whether all panels have one vertical axis, so that heights can be compared.

    Returns
    -------
    fig, axes
        The figure and its panels, shape (len(layers),).

    Raises
    ------
    ValueError
        If there are no layers, or more than 60: one layer's array of many rows, say,
        whose panels would take minutes to draw.
    """
    count = len(layers)
    if not 1 <= count <= MOST_PANELS:
        raise ValueError(
            f"histograms: layers must be 1 to {MOST_PANELS} arrays, got {count}; pass a"
            " list with one array for each layer"
        )
    columns = min(columns, count)
    rows = -(-count // columns)
    fig, grid = plt.subplots(
        rows,
        columns,
        figsize=(2.0 * columns + 0.4, 1.6 * rows + 0.6),
        sharex=True,
        sharey=share,
        squeeze=False,
    )
    axes = grid.ravel()
    for ax in axes[count:]:
        ax.set_visible(False)
    curves = theory if isinstance(theory, Sequence) else [theory] * count
    points = np.linspace(*limits, 400)
    for index, values in enumerate(layers):
        ax, values = axes[index], np.ravel(values)
        heights, edges = np.histogram(values, bins, limits)
        density = heights / values.size / np.diff(edges)
        ax.stairs(density, edges, fill=True, color=COLOURS["blue"], alpha=0.75)
        if curves[index] is not None:
            ax.plot(points, curves[index](points), "--", color=COLOURS["black"], lw=1.2)
        outside = 1 - heights.sum() / values.size
        if outside > 0.001:
            ax.text(
                0.97, 0.9, f"{outside:.0%} outside", transform=ax.transAxes, ha="right"
            )
        ax.set(title=titles[index] if titles else f"layer {index + 1}", yticks=[])
        ax.set_xlim(limits)
    fig.supxlabel(xlabel, fontsize=12)
    fig.supylabel("density", fontsize=12)
    return fig, axes[:count]


def depth_curves(
    curves: Mapping[str, Array],
    ylabel: str,
    theory: Mapping[str, Array] | None = None,
    xlabel: str = "layer",
    first: int = 1,
    log: bool = True,
    ax: Axes | None = None,
    at: Array | None = None,
) -> tuple[Figure, Axes]:
    """Draw a quantity against depth, one curve for each scheme.

    Parameters
    ----------
    curves
        Name of a scheme (or any label) to an (L,) array, or (seeds, L): then the line
        is the median and the band goes from the smallest to the largest.
    ylabel
        The quantity, with its unit if it has one.
    theory
        Name to an (L,) array, drawn dashed in black; the legend says "theory" where
        the name is one of the curves, else the name.
    xlabel
        What the horizontal axis counts.
    first
        Number of the first layer.
    log
        Whether the vertical axis is logarithmic.
    ax
        Axes to draw into; new ones unless given.
    at
        (L,) positions along the horizontal axis, steps for example, in place of
        `first`, `first` + 1, ...; then eight markers a curve, not one a value.
    """
    if ax is None:
        _, ax = plt.subplots()
    for position, (name, values) in enumerate(curves.items()):
        look = _line(name, position)
        values = np.atleast_2d(values)
        depth = first + np.arange(values.shape[1]) if at is None else at
        if at is not None:
            look["markevery"] = max(1, len(at) // 8)
        ax.plot(depth, np.median(values, axis=0), **look)
        if len(values) > 1:
            low, high = values.min(axis=0), values.max(axis=0)
            ax.fill_between(depth, low, high, color=look["color"], alpha=0.2, lw=0)
    looks = {"ls": "--", "lw": 1.2, "color": COLOURS["black"], "zorder": 4}
    for name, values in (theory or {}).items():
        depth = first + np.arange(len(values)) if at is None else at
        label = "theory" if name in curves else name
        seen = label in ax.get_legend_handles_labels()[1]
        ax.plot(depth, values, label=None if seen else label, **looks)
    if log:
        ax.set_yscale("log")
        plain_ticks(ax)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax.figure, ax


def plain_ticks(ax: Axes) -> None:
    """Write 0.2 in place of 2 x 10^-1 where a log axis spans few powers of ten."""
    low, high = ax.get_ylim()
    if low > 0 and high / low < 300:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())


def unit_traces(
    at: Array,
    layers: Sequence[Array],
    ylabel: str,
    title: str = "",
    xlabel: str = "step",
) -> tuple[Figure, Array]:
    """Draw a quantity of all units of each layer, and how many units have none.

    Above, one line a layer is the median over its units, and the band goes from the
    tenth to the ninetieth percentile; units at exactly zero are left out there and
    counted below.

    Parameters
    ----------
    at
        (T,) positions along the horizontal axis.
    layers
        One (T, units) array for each layer, the first layer first; not negative.
    ylabel
        The quantity, with its unit if it has one.
    title
        Of the whole figure.
    xlabel
        What the horizontal axis counts.

    Returns
    -------
    fig, axes
        The figure and its panels, shape (2,): the quantity and the count.
    """
    how = {"sharex": True, "height_ratios": (3, 1)}
    fig, axes = plt.subplots(2, 1, figsize=(6.0, 4.8), **how)
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.88, len(layers)))
    for number, (values, colour) in enumerate(zip(layers, shades, strict=True), 1):
        alive = np.where(np.asarray(values) > 0, values, np.nan)
        low, middle, high = np.nanpercentile(alive, (10, 50, 90), axis=1)
        axes[0].fill_between(at, low, high, color=colour, alpha=0.2, lw=0)
        axes[0].plot(at, middle, color=colour, label=f"layer {number}")
        none = np.sum(np.asarray(values) == 0, axis=1)
        axes[1].plot(at, none, color=colour)
    axes[0].set(yscale="log", ylabel=ylabel, title=title)
    axes[0].legend(ncols=2)
    units = max(np.shape(values)[1] for values in layers)
    axes[1].set(ylabel=f"zero,\nof {units}", xlabel=xlabel, ylim=(-0.5, None))
    return fig, axes


def strips(
    groups: Mapping[str, Array],
    ylabel: str,
    marked: Mapping[str, float] | None = None,
    mark: str = "published",
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw every run as a dot, one strip for each group, with the median as a bar.

    Parameters
    ----------
    groups
        Name of a scheme (or any label) to an (n,) array, one number a run. Dots go
        from left to right in the order of the runs.
    ylabel
        The quantity, with its unit if it has one.
    marked
        Group to a number that stands out, drawn as an open black diamond.
    mark
        What the diamond is called in the legend.
    ax
        Axes to draw into; new ones unless given.
    """
    if ax is None:
        _, ax = plt.subplots()
    looks = [_line(name, position) for position, name in enumerate(groups)]
    for position, values in enumerate(groups.values()):
        values, look = np.ravel(values), {**looks[position], "label": None}
        across = position + (
            np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else 0
        )
        ax.plot(across, values, ls="", alpha=0.65, **look)
        bar = {"color": COLOURS["black"], "lw": 1.4, "zorder": 3}
        ax.hlines(np.median(values), position - 0.3, position + 0.3, **bar)
    diamond = {"marker": "D", "ms": 9, "mfc": "none", "mec": COLOURS["black"], "ls": ""}
    for name, value in (marked or {}).items():
        ax.plot(
            list(groups).index(name), value, **diamond, mew=1.6, label=mark, zorder=4
        )
        mark = "_" + mark.lstrip("_")  # one entry in the legend
    if marked:
        ax.legend()
    ax.set_xticks(range(len(groups)), [look["label"] for look in looks])
    ax.set(ylabel=ylabel, xlim=(-0.6, len(groups) - 0.4))
    return ax.figure, ax


def strip_panels(
    panels: Mapping[str, Mapping[str, Array]],
    ylabel: str,
    marked: Mapping[str, Mapping[str, float]] | None = None,
    mark: str = "published",
) -> tuple[Figure, Array]:
    """Draw `strips` on one vertical axis, one panel for each setting, two in a row.

    Parameters
    ----------
    panels
        Title of a panel to its groups, as `strips` takes them.
    ylabel
        The quantity, with its unit if it has one.
    marked
        Title of a panel to its marked numbers, group to number.
    mark
        What the diamond is called in the legend, which the last panel has.

    Returns
    -------
    fig, axes
        The figure and its panels, shape (len(panels),).
    """
    count = len(panels)
    rows = -(-count // 2)
    size = (6.6, 3.0 * rows + 0.3)
    fig, grid = plt.subplots(rows, 2, figsize=size, sharey=True, squeeze=False)
    axes = grid.ravel()[:count]
    for ax in grid.ravel()[count:]:
        ax.set_visible(False)
    for ax, (title, groups) in zip(axes, panels.items(), strict=True):
        strips(groups, "", (marked or {}).get(title), mark, ax)
        ax.set_title(title)
        if ax.get_legend() and ax is not axes[-1]:
            ax.get_legend().remove()
    fig.supylabel(ylabel, fontsize=12)
    return fig, axes


def panel_curves(
    curves: Mapping[str, Array],
    titles: Sequence[str],
    xlabel: str,
    ylabel: str,
    columns: int = 4,
) -> tuple[Figure, Array]:
    """Draw many small curves on the same axes, one panel for each quantity.

    Parameters
    ----------
    curves
        Name of a scheme (or any label) to an (n, panels) array: one row a step, one
        column a panel.
    titles
        One for each panel.
    xlabel, ylabel
        What all panels show, each with its unit if it has one. Steps count from 1.
    columns
        Panels in a row.

    Returns
    -------
    fig, axes
        The figure and its panels, shape (len(titles),).
    """
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    size = (1.65 * columns, 1.5 * rows)
    how = {"sharex": True, "sharey": True, "squeeze": False}
    fig, grid = plt.subplots(rows, columns, figsize=size, **how)
    for ax in grid.ravel()[len(titles) :]:
        ax.set_visible(False)
    axes = grid.ravel()[: len(titles)]
    for position, (name, values) in enumerate(curves.items()):
        look = {**_line(name, position), "marker": None}
        steps = 1 + np.arange(len(values))
        for ax, title, curve in zip(axes, titles, np.transpose(values), strict=True):
            ax.plot(steps, curve, **look)
            ax.set_title(title)
    axes[columns - 1].legend(fontsize=9)
    fig.supxlabel(xlabel, fontsize=12)
    fig.supylabel(ylabel, fontsize=12)
    return fig, axes


def decision_map(
    p: Callable[[Array], Array],
    x: Array,
    y: Array,
    limits: tuple[float, float] = (-5.0, 5.0),
    label: str = "x",
    ax: Axes | None = None,
    title: str | None = None,
) -> tuple[Figure, Axes]:
    """Draw what a classifier says of the plane, and which points it gets right.

    The ground shows the probability of class 1, the line where it is one half. Points
    of class 1 are circles and those of class 0 squares, filled where the classifier is
    right and hollow where it is wrong; the legend counts the four kinds.

    Parameters
    ----------
    p
        Takes (m, 2) points, returns (m,) probabilities of class 1.
    x, y
        (N, 2) points in the coordinates of `p`, and their (N,) labels 0 and 1.
    limits
        Of both axes.
    label
        Of the coordinates: "x" gives "x1" and "x2".
    ax
        Axes to draw into; new ones unless given.
    title
        Of the map; with one, the legend stands above the map in one row, below the
        title, and covers no point.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(5.0, 4.4))
    line = np.linspace(*limits, 121)
    grid = np.stack(np.meshgrid(line, line), axis=-1)
    ground = np.reshape(p(grid.reshape(-1, 2)), (121, 121))
    ends = COLOURS["vermillion"], "#FFFFFF", COLOURS["blue"]
    paint = LinearSegmentedColormap.from_list("classes", ends)
    ax.pcolormesh(line, line, ground, cmap=paint, vmin=0, vmax=1, alpha=0.45, lw=0)
    if ground.min() < 0.5 < ground.max():
        ax.contour(line, line, ground, [0.5], colors=COLOURS["black"], linewidths=1)
    said = np.ravel(p(x)) >= 0.5
    kinds = {"TP": (1, 1), "FN": (1, 0), "TN": (0, 0), "FP": (0, 1)}
    for name, (truth, answer) in kinds.items():
        mine = (y == truth) & (said == answer)
        colour = COLOURS["blue" if truth else "vermillion"]
        face = colour if truth == answer else "none"
        look = {"marker": "o" if truth else "s", "ls": "", "ms": 4.5, "mec": colour}
        text = f"{name} {mine.sum()}"
        ax.plot(*x[mine].T, mfc=face, label=text, **look)
    ax.set(xlabel=f"{label}1", ylabel=f"{label}2", xlim=limits, ylim=limits)
    ax.grid(False)
    if title is None:
        ax.legend(frameon=True, framealpha=0.9, fontsize=9, loc="upper right")
    else:
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "ncols": 4}
        ax.legend(**above, columnspacing=0.5, handletextpad=-0.3, fontsize=9)
        ax.set_title(title, pad=26)
    return ax.figure, ax


def error_map(
    x: Array, y: Array, said: Array, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw labelled points of the plane, large where a classifier is wrong.

    The title gives the share of wrong points. Each class has a colour and a marker.

    Parameters
    ----------
    x, y
        (N, 2) points and their (N,) labels: 0, 1, ... up to 5.
    said
        (N,) labels that the classifier gave them.
    ax
        Axes to draw into; new ones unless given.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(5.0, 3.8))
    size = np.where(said == y, 6, 45)
    for k in range(y.max() + 1):
        colour = COLOURS[("blue", "orange", "green", "purple", "sky", "vermillion")[k]]
        look = {"color": colour, "marker": "osD^vP"[k], "label": f"class {k}"}
        ax.scatter(*x[y == k].T, s=size[y == k], lw=0, **look)
    for handle in ax.legend(fontsize=9).legend_handles:
        handle.set_sizes([25])
    ax.set(title=f"{np.mean(said != y):.1%} wrong", xlabel="x1", ylabel="x2")
    return ax.figure, ax


# ------------------------------------------------------------------------------------
# Training several starts side by side


def train_starts(
    make_net: Callable[[np.random.Generator], dp.Model],
    starts: Mapping[str, Callable[[dp.Model, np.random.Generator], Any]],
    optimisers: Mapping[str, Callable[[dp.Model], Any]],
    seeds: Sequence[int],
    steps: int,
    progress: bool = False,
) -> dict[tuple[str, str], Array]:
    """Train every start with every optimiser from every seed.

    Parameters
    ----------
    make_net
        `make_net(rng)`, a fresh network.
    starts
        Name to `start(net, rng)`, which sets the parameters in place.
    optimisers
        Name to `optimiser(net)`, which returns an optimiser with its data, for example
        `lambda net: dp.SGD(net, x, y, {"alpha": 0.1})`.
    seeds
        One run each; network, start and batches draw from one Generator.
    steps
        Steps in a run.
    progress
        Whether to show a progress bar, if tqdm is installed.

    Returns
    -------
    dict from (start, optimiser) to (len(seeds), steps) array
        The loss of each step's batch before the step, in the loss's own unit. NaN and
        infinity stay as they are.
    """
    runs = [(s, o, seed) for s in starts for o in optimisers for seed in seeds]
    losses: dict[tuple[str, str], list[Array]] = {}
    for start, optimiser, seed in _bar(runs) if progress else runs:
        rng = np.random.default_rng(seed)
        net = make_net(rng)
        starts[start](net, rng)
        history = optimisers[optimiser](net).train(steps, print_each=0)
        losses.setdefault((start, optimiser), []).append(history.loss)
    return {key: np.array(rows) for key, rows in losses.items()}


def _bar(runs: Sequence[Any]) -> Any:
    """Wrap `runs` in tqdm's bar if it is installed."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return runs
    return tqdm(runs)


def loss_curves(
    losses: Mapping[tuple[str, str], Array],
    ylabel: str = "loss (nats)",
    theory: Mapping[str, float] | None = None,
    log: bool = True,
    window: int = 1,
) -> tuple[Figure, Array]:
    """Draw what `train_starts` returned, one panel for each optimiser.

    The line is the median over seeds, the band goes from the smallest to the largest;
    a run is drawn as far as its loss is finite.

    Parameters
    ----------
    losses
        (start, optimiser) to (seeds, steps) losses.
    ylabel
        The loss with its unit.
    theory
        Label to a level, drawn as a dashed line in every panel.
    log
        Whether the vertical axis is logarithmic.
    window
        Steps in the running mean that each run is drawn as: the loss of one batch
        jumps from step to step. 1: the losses as they are.

    Returns
    -------
    fig, axes
        The figure and one panel for each optimiser.
    """
    panels = list(dict.fromkeys(optimiser for _, optimiser in losses))
    fig, grid = plt.subplots(
        1,
        len(panels),
        figsize=(max(6.0, 3.3 * len(panels)), 3.6),
        sharey=True,
        squeeze=False,
    )
    axes = grid[0]
    for ax, panel in zip(axes, panels, strict=True):
        rows = {start: runs for (start, o), runs in losses.items() if o == panel}
        for position, (start, runs) in enumerate(rows.items()):
            runs = np.where(np.isfinite(runs), runs, np.nan)
            runs = _running_mean(runs, window)
            good = ~np.isnan(runs).all(axis=0)
            steps = np.flatnonzero(good) + 1
            look = {**_line(start, position), "markevery": max(1, runs.shape[1] // 8)}
            ax.plot(steps, np.nanmedian(runs[:, good], axis=0), **look)
            low, high = np.nanmin(runs[:, good], 0), np.nanmax(runs[:, good], 0)
            ax.fill_between(steps, low, high, color=look["color"], alpha=0.2, lw=0)
        for label, level in (theory or {}).items():
            ax.axhline(level, ls="--", color=COLOURS["black"], lw=1.2, label=label)
        if log:
            ax.set_yscale("log")
            plain_ticks(ax)
        ax.set(title=panel, xlabel="step")
    axes[0].set_ylabel(ylabel)
    axes[-1].legend()
    return fig, axes


def _running_mean(rows: Array, window: int) -> Array:
    """Return the mean of up to `window` values that end at each place of a row."""
    if window == 1:
        return rows
    sums = np.cumsum(np.pad(rows, ((0, 0), (window, 0))), axis=1)
    counts = np.minimum(np.arange(1, rows.shape[1] + 1), window)
    return (sums[:, window:] - sums[:, :-window]) / counts


# ------------------------------------------------------------------------------------
# Predictions: written down before the run, shown beside its result

_predictions: dict[str, Any] = {}


def _prediction_file() -> Path:
    """Return where predictions are kept: LAB_PREDICTIONS, or beside the notebook."""
    return Path(os.environ.get("LAB_PREDICTIONS", "predictions.json"))


def _stored() -> dict[str, Any]:
    """Return all predictions, those of this session over those on disk."""
    try:
        on_disk = json.loads(_prediction_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        on_disk = {}
    return {**(on_disk if isinstance(on_disk, dict) else {}), **_predictions}


def predict(key: str, value: float | str | bool | None) -> None:
    """Write down a prediction before the run; `reveal` shows it beside the result.

    Predictions are kept in `predictions.json` beside the notebook (or in the file that
    the environment variable LAB_PREDICTIONS names), one entry for each key. Where no
    file can be written they live as long as the session. Nobody scores whether a
    prediction is right: making one is the point.

    Parameters
    ----------
    key
        Unit and question, "u3.q1".
    value
        A number, a text or a bool. None: no prediction yet; an earlier one under this
        key is forgotten.

    Raises
    ------
    TypeError
        If `key` is no text, or `value` anything else.
    """
    if not isinstance(key, str):
        raise TypeError(f'predict: key must be a text, got {key!r}; try "u3.q1"')
    if isinstance(value, np.generic):
        value = value.item()
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(
            f"predict: value must be a number, a text or a bool, got"
            f" {type(value).__name__}; give one of these"
        )
    _predictions[key] = value
    _fold.ask(key, value)
    try:
        text = json.dumps(_stored(), indent=2, ensure_ascii=False, sort_keys=True)
        _prediction_file().write_text(text + "\n", encoding="utf-8")
    except OSError:
        pass  # a read-only folder or a sandbox: the session remembers
    if value is None:
        print(f"{key}: no prediction yet. Put yours in and run this cell again.")
    else:
        print(f"{key}: you predict {value}. Now run it.")


def reveal(key: str, result: float | str | bool) -> None:
    """Show the prediction made under `key` beside what the run gave.

    Where no prediction was made, a notebook folds away all that it put out since the
    prediction was asked for: a reader opens it. See `_Fold`.
    """
    came = f"{result:.3g}" if isinstance(result, float) else str(result)
    mine = _stored().get(key)
    if mine is None:
        print(f"{key}: the run gave {came}. (You made no prediction.)")
    else:
        print(f"{key}: you predicted {mine}, the run gave {came}.")
    _fold.revealed(key)


class _Fold:
    """What a notebook puts out between a prediction and its result, to be opened.

    On the web a notebook is read, not run: what follows a question would answer it in
    the next line. So from `predict(key, None)` on, each cell's outputs are held until
    the cell is done, and shown in a `<details>` element, up to the cell that reveals
    `key`. With a prediction, and outside of a notebook's kernel, nothing is folded.
    """

    def __init__(self) -> None:
        """Fold nothing yet."""
        self.asked: set[str] = set()
        self.held: Any = None
        self.watched: Any = None

    def ask(self, key: str, value: Any) -> None:
        """Fold from the next cell on, unless there is a prediction."""
        self.asked.discard(key)
        shell = _kernel_shell()
        if shell is None or value is not None:
            return
        self.asked.add(key)
        if self.watched is not shell:
            shell.events.register("pre_run_cell", self.hold)
            shell.events.register("post_run_cell", self.release)
            self.watched = shell

    def revealed(self, key: str) -> None:
        """Fold no cell after this one on account of `key`."""
        self.asked.discard(key)

    def hold(self, info: Any = None) -> None:
        """Hold what the cell that begins now puts out."""
        if self.asked and self.held is None:
            self.held = capture_output(stderr=False)
            self.outputs = self.held.__enter__()

    def release(self, result: Any = None) -> None:
        """Show what was held: folded, or as it is if the cell failed."""
        if self.held is None:
            return
        held, self.held = self.held, None
        held.__exit__(None, None, None)
        if result is not None and not result.success:
            self.outputs.show()
        elif self.outputs.stdout or self.outputs.outputs:
            display(folded(self.outputs.stdout, self.outputs.outputs), raw=True)


def folded(stdout: str, outputs: Sequence[Any]) -> dict[str, str]:
    """Return printed text and rich outputs as one element that a reader opens.

    Returns
    -------
    dict
        "text/html", the element, and "text/plain", for readers without HTML.
    """
    plain, parts = [], []
    if stdout:
        plain.append(stdout.rstrip())
        parts.append(f"<pre>{html.escape(stdout.rstrip())}</pre>")
    for output in outputs:
        data, options = output.data, (output.metadata or {}).get("image/png", {})
        if data.get("text/plain"):
            plain.append(data["text/plain"])
        if "image/png" in data:
            alt = html.escape(options.get("alt", ""))
            parts.append(
                f'<img alt="{alt}" width="{options.get("width", 600)}"'
                ' style="max-width:100%;height:auto"'
                f' src="data:image/png;base64,{data["image/png"]}">'
            )
        elif "text/html" in data and "figure-text" not in data["text/html"]:
            parts.append(data["text/html"])
        elif "text/html" not in data:
            parts.append(f"<pre>{html.escape(data.get('text/plain', ''))}</pre>")
    summary = "<summary><b>Predicted? Open what the run gave.</b></summary>"
    element = f"<details>{summary}{''.join(parts)}</details>"
    return {"text/html": element, "text/plain": "\n".join(plain)}


def _kernel_shell() -> Any:
    """Return the shell of a notebook's kernel, or None where there is none."""
    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None


_fold = _Fold()
