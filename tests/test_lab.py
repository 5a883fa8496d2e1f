"""The bench: data, figures with their texts, training comparisons, predictions."""

import json
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

import dp
import lab

mpl.use("Agg")


# ---- data --------------------------------------------------------------------------


def test_lab_breast_cancer_is_standardised():
    """Every feature has mean 0 and std 1; the labels are 357 of 569."""
    x, y = lab.breast_cancer()
    assert x.shape == (569, 30)
    assert np.allclose(x.mean(axis=0), 0, atol=1e-12)
    assert np.allclose(x.std(axis=0), 1)
    assert (y.sum(), len(y)) == (357, 569)


def test_lab_digits_come_in_three_scales():
    """Standardised by pixel, in [0, 1], or each image with mean square 1."""
    x, y = lab.digits()
    std = x.std(axis=0)
    assert x.shape == (1797, 64)
    assert set(y) == set(range(10))
    assert np.all(np.isclose(std, 1) | np.isclose(std, 0))
    assert lab.digits("unit")[0].max() == 1
    assert np.allclose((lab.digits("row")[0] ** 2).mean(axis=1), 1)
    with pytest.raises(ValueError, match="scale must be"):
        lab.digits("whitened")


def test_lab_over_seeds_is_one_row_for_each_seed():
    """Each seed gets its own Generator, the same one again; arguments follow it."""
    draws = lab.over_seeds(lambda rng, n: rng.normal(size=n), [1, 2, 1], 3)
    assert draws.shape == (3, 3)
    assert np.array_equal(draws[0], draws[2])
    assert np.array_equal(draws[1], np.random.default_rng(2).normal(size=3))


def test_lab_cats_reads_a_file_that_is_there(tmp_path):
    """Pictures become rows between 0 and 1, labels a vector of 0 and 1."""
    h5py = pytest.importorskip("h5py")
    pictures = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
    with h5py.File(tmp_path / "cats.h5", "w") as file:
        file["train_set_x"] = pictures
        file["train_set_y"] = np.array([[0, 1, 1, 0, 1]])
        file["list_classes"] = np.array([b"non-cat", b"cat"])
    x, y = lab.cats(tmp_path / "cats.h5")
    assert x.shape == (5, 48)
    assert np.array_equal(x[3], pictures[3].ravel() / 255)
    assert y.tolist() == [0, 1, 1, 0, 1]
    with h5py.File(tmp_path / "dogs.h5", "w") as file:
        file["train_set_x"] = pictures
    with pytest.raises(ValueError, match="must hold data sets"):
        lab.cats(str(tmp_path / "dogs.h5"))
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(ValueError, match="is no HDF5 file"):
        lab.cats(tmp_path / "text.h5")


def test_lab_cats_says_what_is_missing(tmp_path, monkeypatch):
    """Without the file, or without h5py, the message says what to do."""
    with pytest.raises(FileNotFoundError, match="go on with breast_cancer"):
        lab.cats(tmp_path / "cats.h5")
    (tmp_path / "cats.h5").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match="pip install h5py"):
        lab.cats(tmp_path / "cats.h5")


def test_lab_plane_gives_the_published_sets():
    """The sets have the published sizes, and their points lie where they should."""
    sizes = {}
    for number in (1, 2, 3):
        x, y = lab.plane(number)
        sizes[number] = (len(x), int(y.sum()))
        assert x.shape == (len(y), 2)
        assert np.all(np.diff(y) <= 0)
        assert np.array_equal(x, lab.plane(number)[0])
        assert not np.array_equal(x[:5], lab.plane(number, seed=0)[0][:5])
    assert sizes == {1: (179, 41), 2: (131, 40), 3: (301, 105)}
    x, y = lab.plane(1)
    assert np.all((x[:, 1] < -0.25 - np.abs(x[:, 0])) == (y == 1))
    x, y = lab.plane(2)
    assert np.all((np.hypot(*x.T) < 2.25) == (y == 1))
    x, y = lab.plane(3)
    assert np.all((np.abs(np.abs(x[:, 0]) - 2.5) < 1) == (y == 1))
    with pytest.raises(ValueError, match="1, 2 or 3"):
        lab.plane(4)


# ---- figures -----------------------------------------------------------------------


def test_lab_schemes_look_different_and_never_like_theory():
    """No two schemes share a colour or a marker; black is theory's alone."""
    colours, markers, _ = zip(*lab.SCHEMES.values(), strict=True)
    assert len(set(colours)) == len(set(markers)) == len(lab.SCHEMES)
    assert len({lab.COLOURS[name] for name in colours}) == len(colours)
    assert "black" not in colours
    assert lab.scheme("he", label="mine")["label"] == "mine"
    with pytest.raises(KeyError, match="no scheme 'kaiming'"):
        lab.scheme("kaiming")


def test_lab_histograms_integrate_to_one():
    """Each panel is a density: its bars have area 1 where nothing is outside."""
    rng = np.random.default_rng(0)
    layers = [np.tanh(rng.normal(size=(50, 40))) for _ in range(7)]
    _, axes = lab.histograms(layers, theory=lambda v: np.full(v.shape, 0.5))
    assert len(axes) == 7
    for ax in axes:
        heights, edges, _ = ax.patches[0].get_data()
        assert np.sum(heights * np.diff(edges)) == pytest.approx(1)
        assert ax.lines[0].get_linestyle() == "--"


def test_lab_histograms_say_what_is_outside():
    """The share of values beyond the axis is written in the panel."""
    _, axes = lab.histograms([np.array([0.0, 0.5, 3.0, -2.0])])
    assert axes[0].texts[0].get_text() == "50% outside"


def test_lab_histograms_refuse_one_array_for_a_list_of_them():
    """One layer's array is not drawn row by row, which would take minutes."""
    with pytest.raises(ValueError, match="got 1000; pass a list with one array"):
        lab.histograms(np.zeros((1000, 5)))
    with pytest.raises(ValueError, match="got 0"):
        lab.histograms([])


def test_lab_depth_curves_draw_median_band_and_theory():
    """Several seeds give the median and a band; theory is dashed and named once."""
    runs = np.array([[1.0, 2.0], [3.0, 8.0], [2.0, 3.0]])
    theory = {"xavier": np.ones(2), "he": np.ones(2), "limit": np.ones(2)}
    _, ax = lab.depth_curves({"xavier": runs, "he": runs[0]}, "std", theory)
    assert np.array_equal(ax.lines[0].get_ydata(), [2, 3])
    assert len(ax.collections) == 1
    assert [line.get_linestyle() for line in ax.lines] == ["-", "-", "--", "--", "--"]
    shown = [text.get_text() for text in ax.get_legend().texts]
    assert shown == ["Xavier", "He", "theory", "limit"]
    assert ax.get_yscale() == "log"


def test_lab_depth_curves_stand_where_they_are_put():
    """With `at`, curves and theory are drawn at these positions, markers are few."""
    at = np.arange(0, 400, 20)
    runs = np.array([at + 1.0, at + 3.0])
    _, ax = lab.depth_curves({"he": runs}, "loss", {"limit": np.ones(20)}, at=at)
    assert all(np.array_equal(line.get_xdata(), at) for line in ax.lines)
    assert ax.lines[0].get_markevery() == 2
    assert len(ax.collections) == 1


def test_lab_unit_traces_draw_medians_and_count_zeros():
    """A line a layer is the median of units above zero; the others are counted."""
    layers = [np.array([[1.0, 0, 3], [2, 2, 2]]), np.ones((2, 3))]
    fig, axes = lab.unit_traces(np.array([0, 20]), layers, "norm", "four layers")
    assert [line.get_ydata().tolist() for line in axes[0].lines] == [[2, 2], [1, 1]]
    assert [line.get_ydata().tolist() for line in axes[1].lines] == [[1, 0], [0, 0]]
    assert len(axes[0].collections) == 2
    assert (axes[0].get_yscale(), axes[0].get_ylabel()) == ("log", "norm")
    assert "of 3" in axes[1].get_ylabel()
    mpl.pyplot.close(fig)


def test_lab_log_axes_of_few_decades_have_plain_numbers():
    """Where an axis spans few powers of ten, its ticks are numbers like 0.2."""
    _, ax = lab.depth_curves({"he": np.array([0.2, 0.5])}, "std")
    ax.figure.canvas.draw()
    shown = {tick.get_text() for tick in ax.get_yticklabels()}
    assert {"0.2", "0.5"} <= shown


def test_lab_table_is_a_table(monkeypatch):
    """Rows and header come as HTML, escaped, and as text; marked cells are bold."""
    shown = []
    monkeypatch.setattr(lab, "display", lambda data, **k: shown.append(data))
    marked = np.array([[False, True]])
    lab.table([["a < b", 0.12345]], ["name", "value"], marked)
    assert "<td>a &lt; b</td><td><b>0.123 *</b></td>" in shown[0]["text/html"]
    assert shown[0]["text/plain"] == "name   value\na < b  0.123*"
    with pytest.raises(ValueError, match="must have 2 entries"):
        lab.table([["a"]], ["name", "value"])


def test_lab_show_gives_the_image_its_text(monkeypatch):
    """The text is in the image's metadata and, escaped, in a paragraph."""
    shown = []
    monkeypatch.setattr(lab, "display", lambda data, **k: shown.append((data, k)))
    fig, _ = lab.depth_curves({"he": np.ones(3)}, "std")
    lab.show(fig, alt="Flat at 1 < 2")
    image, options = shown[0]
    assert options["metadata"]["image/png"]["alt"] == "Flat at 1 < 2"
    assert image["text/plain"] == "Figure: Flat at 1 < 2"
    assert "Flat at 1 &lt; 2</p>" in shown[1][0]["text/html"]
    with pytest.raises(ValueError, match="alt is empty"):
        lab.show(fig, alt=" ")


def test_lab_strips_draw_a_dot_a_run_and_mark_what_is_published():
    """One strip for each group, one entry in the legend for all diamonds."""
    groups = {"he": np.array([0.5, 0.7, 0.6]), "mine": np.array([0.1])}
    fig, ax = lab.strips(groups, "accuracy", marked={"he": 0.7, "mine": 0.2})
    dots = [len(line.get_xdata()) for line in ax.get_lines()]
    assert dots == [3, 1, 1, 1]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["He", "mine"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["published"]
    assert ax.get_ylabel() == "accuracy"
    mpl.pyplot.close(fig)


def test_lab_strip_panels_share_one_axis_and_one_legend():
    """Each panel has its own groups and marks; only the last shows the legend."""
    panels = {"tanh": {"he": np.array([0.5, 0.7])}, "relu": {"he": np.array([0.2])}}
    marked = {"tanh": {"he": 0.7}, "relu": {"he": 0.2}}
    fig, axes = lab.strip_panels(panels, "accuracy", marked, mark="seed 0")
    assert [ax.get_title() for ax in axes] == ["tanh", "relu"]
    assert [len(ax.get_lines()[0].get_xdata()) for ax in axes] == [2, 1]
    assert axes[0].get_legend() is None
    shown = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert shown == ["seed 0"]
    assert axes[0].get_ylim() == axes[1].get_ylim()
    mpl.pyplot.close(fig)


def test_lab_panel_curves_draw_a_column_a_panel():
    """Column k of each scheme is in panel k, step by step from 1."""
    curves = {"zero": np.zeros((5, 4)), "he": np.arange(20.0).reshape(5, 4)}
    fig, axes = lab.panel_curves(curves, list("abcd"), "epoch", "change", columns=3)
    assert [ax.get_title() for ax in axes] == list("abcd")
    line = axes[3].get_lines()[1]
    assert line.get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert line.get_ydata().tolist() == [3, 7, 11, 15, 19]
    assert [t.get_text() for t in axes[2].get_legend().get_texts()] == ["zero", "He"]
    mpl.pyplot.close(fig)


def test_lab_decision_map_counts_the_four_kinds():
    """The legend says how many points of each class are right and wrong."""
    x = np.array([[1.0, 0], [2, 0], [-1, 0], [-2, 1], [3, 1], [-3, 2]])
    y = np.array([1, 1, 1, 0, 0, 0])
    fig, ax = lab.decision_map(lambda points: 1.0 * (points[:, 0] > 0), x, y, label="u")
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["TP 2", "FN 1", "TN 2", "FP 1"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("u1", "u2")
    mpl.pyplot.close(fig)


def test_lab_error_map_draws_mistakes_large():
    """Wrong points are larger than right ones, and the title counts them."""
    x, y = np.arange(8.0).reshape(4, 2), np.array([0, 0, 1, 2])
    fig, ax = lab.error_map(x, y, np.array([0, 1, 1, 2]))
    sizes = [dots.get_sizes().tolist() for dots in ax.collections]
    assert sizes == [[6, 45], [6], [6]]
    assert ax.get_title() == "25.0% wrong"
    mpl.pyplot.close(fig)


def test_lab_decision_map_with_a_title_has_its_legend_above():
    """Title, legend and map lie one below the other, none over another."""
    x, y = np.array([[4.0, 4], [-4, -4]]), np.array([1, 0])
    fig, ax = lab.decision_map(lambda points: points[:, 0] > 0, x, y, title="a map")
    fig.canvas.draw()
    boxes = ax.title, ax.get_legend(), ax.patch
    title, legend, ground = (box.get_window_extent() for box in boxes)
    assert title.y0 >= legend.y1 > legend.y0 >= ground.y1 - 1
    mpl.pyplot.close(fig)


# ---- training ----------------------------------------------------------------------


class Line(dp.Model):
    """A line through data, for runs of a few milliseconds."""

    def __init__(self, rng):  # noqa: D107
        super().__init__(rng)
        self.line = self.Linear_Layer(1, 1, "line")

    def forward(self, x):  # noqa: D102
        return self.line(x)

    def loss(self, x, y):  # noqa: D102
        return (self.forward(x) - dp.Node(y)).square().mean()


def test_lab_train_starts_runs_every_combination():
    """Each start meets each optimiser from each seed; a seed repeats its run."""
    x = np.linspace(-1, 1, 16)
    zero = {"zero": lambda net, rng: net.set_param({"line_weight": np.zeros((1, 1))})}
    starts = {"default": lambda net, rng: None, **zero}
    optimisers = {
        "slow": lambda net: dp.SGD(net, x, x, {"alpha": 0.1}),
        "wild": lambda net: dp.SGD(net, x, x, {"alpha": 1e160}),
    }
    runs = lab.train_starts(Line, starts, optimisers, seeds=[0, 1], steps=5)
    again = lab.train_starts(Line, starts, optimisers, seeds=[0, 1], steps=5)
    assert set(runs) == {(s, o) for s in starts for o in optimisers}
    for key, losses in runs.items():
        assert losses.shape == (2, 5)
        assert np.array_equal(losses, again[key], equal_nan=True)
    slow = runs["zero", "slow"]
    assert slow[0, 0] == pytest.approx((x**2).mean())
    assert np.all(np.diff(slow) < 0)
    assert not np.isfinite(runs["zero", "wild"]).all()


def test_lab_loss_curves_stop_where_losses_do():
    """A run that became infinite is drawn as far as it was finite; theory is dashed."""
    losses = {("low", "SGD"): np.array([[1.0, 0.5, np.inf], [1.0, 0.7, np.nan]])}
    _, axes = lab.loss_curves(losses, theory={"entropy": 0.66})
    assert np.array_equal(axes[0].lines[0].get_xdata(), [1, 2])
    assert axes[0].lines[1].get_linestyle() == "--"


# ---- predictions -------------------------------------------------------------------


@pytest.fixture
def predictions(tmp_path, monkeypatch):
    """A file of predictions of its own, in an empty session."""
    monkeypatch.setattr(lab, "_predictions", {})
    monkeypatch.setenv("LAB_PREDICTIONS", str(tmp_path / "predictions.json"))
    return tmp_path / "predictions.json"


def test_lab_predictions_are_kept_and_shown(predictions, monkeypatch, capsys):
    """A prediction is on disk, outlives the session and stands beside the result."""
    lab.predict("u3.q1", np.float64(0.5))
    assert json.loads(predictions.read_text()) == {"u3.q1": 0.5}
    monkeypatch.setattr(lab, "_predictions", {})
    lab.predict("u3.q2", "yes")
    lab.reveal("u3.q1", 0.8324)
    assert "u3.q1: you predicted 0.5, the run gave 0.832." in capsys.readouterr().out


def test_lab_prediction_of_none_forgets(predictions, capsys):
    """None is no prediction: nothing is shown later, not even an earlier one."""
    lab.predict("u3.q1", 0.5)
    lab.predict("u3.q1", None)
    lab.reveal("u3.q1", 3)
    out = capsys.readouterr().out
    assert "no prediction yet" in out
    assert out.endswith("u3.q1: the run gave 3. (You made no prediction.)\n")


def test_lab_predictions_need_no_disk(predictions, monkeypatch, capsys):
    """Where no file can be written the session remembers; a broken file is no error."""
    monkeypatch.setenv("LAB_PREDICTIONS", str(predictions / "no" / "folder.json"))
    lab.predict("u3.q1", 1)
    lab.reveal("u3.q1", 2)
    assert "you predicted 1, the run gave 2" in capsys.readouterr().out
    monkeypatch.setenv("LAB_PREDICTIONS", str(predictions))
    predictions.write_text("{broken")
    lab.reveal("u3.q1", 2)
    assert "you predicted 1" in capsys.readouterr().out
    with pytest.raises(TypeError, match="value must be"):
        lab.predict("u3.q1", [1, 2])
    with pytest.raises(TypeError, match="key must be"):
        lab.predict(0.5, 1)


class Kernel:
    """As much of a kernel's shell as folding uses."""

    kernel = object()

    def __init__(self):
        """Begin without hooks."""
        self.hooks = {}
        self.events = self

    def register(self, name, hook):
        """Keep a hook."""
        self.hooks[name] = hook

    def cell(self, run, success=True):
        """Run a function as a cell would be."""
        for hook in [h for n, h in self.hooks.items() if n == "pre_run_cell"]:
            hook(None)
        run()
        result = type("Result", (), {"success": success})
        for hook in [h for n, h in self.hooks.items() if n == "post_run_cell"]:
            hook(result)


@pytest.fixture
def kernel(predictions, monkeypatch):
    """A kernel's shell, and what `lab` shows in it."""
    shell = Kernel()
    shell.shown = []
    monkeypatch.setattr(lab, "_fold", lab._Fold())
    monkeypatch.setattr(lab, "get_ipython", lambda: shell)
    monkeypatch.setattr(lab, "display", lambda data, **k: shell.shown.append(data))
    return shell


def test_lab_result_of_a_question_is_folded(kernel, capsys):
    """Without a prediction all output up to the result is one element to open."""
    kernel.cell(lambda: lab.predict("u3.q1", None))
    capsys.readouterr()
    kernel.cell(lambda: print("on the way"))
    kernel.cell(lambda: lab.reveal("u3.q1", 3))
    kernel.cell(lambda: print("after"))
    assert capsys.readouterr().out == "after\n"
    first, second = kernel.shown
    assert first["text/html"].startswith("<details><summary>")
    assert "<pre>on the way</pre>" in first["text/html"]
    assert "the run gave 3" in second["text/plain"]


def test_lab_result_of_a_prediction_is_plain(kernel, capsys):
    """Who has predicted sees the result at once; so does who has an error."""
    kernel.cell(lambda: lab.predict("u3.q1", 2))
    kernel.cell(lambda: lab.reveal("u3.q1", 3))
    assert "you predicted 2, the run gave 3" in capsys.readouterr().out
    kernel.cell(lambda: lab.predict("u3.q2", None))
    kernel.cell(lambda: print("then it fails"), success=False)
    assert "then it fails" in capsys.readouterr().out
    assert kernel.shown == []


def test_lab_folded_figure_keeps_its_text():
    """A figure within the element has its alternative text and no second one."""
    output = type("Output", (), {})()
    output.data = {"image/png": "AAAA", "text/plain": "Figure: a < b"}
    output.metadata = {"image/png": {"alt": "a < b", "width": 500}}
    text = lab.folded("", [output])["text/html"]
    assert '<img alt="a &lt; b" width="500"' in text
    assert "data:image/png;base64,AAAA" in text


def test_lab_loss_curves_can_be_running_means():
    """With a window each run is drawn as the mean of its last losses."""
    losses = {("he", "SGD"): np.array([[4.0, 2, 0, 2]])}
    _, axes = lab.loss_curves(losses, window=2)
    assert axes[0].lines[0].get_ydata().tolist() == [4, 3, 1, 1]


def test_lab_imports_without_a_progress_bar():
    """tqdm is optional: without it, runs have no bar."""
    code = (
        "import sys; sys.modules['tqdm'] = None; sys.modules['tqdm.auto'] = None;"
        "import lab; assert lab._bar([1, 2]) == [1, 2]"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(lab.__file__).parent
    )
