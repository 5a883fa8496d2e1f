"""Draw the map of the course: `.venv/bin/python docs/images/course_map.py`."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

UNITS = {  # place of the box, title, its question, colour
    0: ((1, 6), "The engine", "which way should\na parameter move?", "#5B6C8C"),
    1: ((1, 5), "Symmetry", "what if all neurons\nstart alike?", "#767676"),
    2: ((1, 4), "Variance bookkeeping", "how large is what\na layer gives?", "#CC79A7"),
    3: (
        (0, 3),
        "Forward signal",
        "does the input arrive\nat the end?",
        "#E69F00",
    ),
    4: ((2, 3), "Backward signal", "does the error arrive\nat the start?", "#D55E00"),
    5: ((0, 2), "Initializers", "is this one right,\nand does it matter?", "#0072B2"),
    6: ((2, 2), "Rectifiers", "what if half of the\nunits are off?", "#009E73"),
    7: ((1, 1), "Replication lab", "what is a printed\nnumber worth?", "#882255"),
}
ARROWS = [
    (0, 1),
    (1, 2),
    (2, 3),
    (2, 4),
    (3, 5),
    (4, 6),
    (3, 6),
    (4, 5),
    (5, 7),
    (6, 7),
]


def main() -> None:
    """Write course_map.png beside this file."""
    fig, ax = plt.subplots(figsize=(5.6, 7.4), layout="constrained")
    for start, end in ARROWS:
        (x0, y0), (x1, y1) = UNITS[start][0], UNITS[end][0]
        arrow = {"arrowstyle": "-|>", "color": "#767676", "lw": 1.4}
        ax.annotate("", (x1, y1 + 0.36), (x0, y0 - 0.36), arrowprops=arrow)
    for number, ((x, y), title, question, colour) in UNITS.items():
        box = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": colour, "lw": 2.2}
        ax.add_patch(
            mpl.patches.FancyBboxPatch((x - 0.86, y - 0.26), 1.72, 0.52, **box)
        )
        ax.text(x, y + 0.2, f"{number} · {title}", ha="center", va="center",
                fontsize=12.5, fontweight="bold", color=colour)  # fmt: skip
        ax.text(x, y - 0.12, question, ha="center", va="center", fontsize=12)
    ax.text(1, 0.32, "8 to 14: orthogonal starts, chaos, residual streams,\n"
            "normalization, width, frameworks, clinic (in writing)",
            ha="center", va="center", fontsize=11, color="#555555")  # fmt: skip
    ax.set(xlim=(-1, 3), ylim=(0, 6.5))
    ax.axis("off")
    fig.savefig(
        Path(__file__).with_suffix(".png"), dpi=144, metadata={"Software": None}
    )


if __name__ == "__main__":
    main()
