"""Measure the engine beside its peers and write engine.md and engine.png.

Run ``python benchmarks/engine.py``. Peers that are not installed are named as absent.
``python benchmarks/engine.py W1 W4 --rounds 10 --dry`` measures two workloads and
writes nothing.

How it measures: every implementation runs in a process of its own, with one BLAS
thread, on one core, the same for all; only one of them computes at any time. Losses
are compared before anything is timed. Then rounds go through the implementations in
turn, so that a slow moment of the machine meets all of them. Within a round, windows
of a few steps are timed, in processor time: the best of them all counts, since nothing
makes a window too short, and the median tells how steady they were. Whole scripts are
timed by the clock on the wall.
"""

# ruff: noqa: D107 (a class's docstring describes its __init__)

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-W", "ignore", str(HERE / "implementations.py")]
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    )
}
ENVIRONMENT = {
    **os.environ,
    **ONE_THREAD,
    "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}
os.environ.update(ONE_THREAD)
sys.path[:0] = [str(HERE), str(HERE.parent)]

from implementations import IMPLEMENTATIONS  # noqa: E402 (needs the path above)
from workloads import Workload, make  # noqa: E402

# By implementation and round, the seconds of the best and of the median window.
Times = dict[str, list[list[float]]]

BASE = "hand-tuned NumPy"
GOALS = {  # ratio to hand-tuned NumPy: (eager, recorded)
    "W1": (1.25, 1.04),
    "W2": (1.01, 1.0),
    "W3": (1.02, 1.02),
    "W4": (1.8, 1.15),
    "W5": (1.05, 1.03),
    "W6": (1.6, 1.15),
}


class Worker:
    """A process that holds one implementation and answers with numbers."""

    def __init__(self, label: str, core: int | None) -> None:
        self.label = label
        self.process = subprocess.Popen(
            [*COMMAND, "serve", label],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
            text=True,
        )
        pin(self.process.pid, core)

    def ask(self, command: str, key: str) -> list[float]:
        """Send a command and wait for its numbers."""
        self.process.stdin.write(f"{command} {key}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.label} stopped at {command} {key}")
        return [float(number) for number in answer.split()]

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def pin(pid: int, core: int | None) -> None:
    """Keep a process on one core, where the system can."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {core})


def measure(workers: list[Worker], workload: Workload, rounds: int) -> Times:
    """Compare losses, then return each implementation's seconds per step by round."""
    losses = {w.label: w.ask("check", workload.key)[0] for w in workers}
    expected = losses[BASE]
    for label, loss in losses.items():
        if not abs(loss - expected) <= 1e-7 * abs(expected):
            raise RuntimeError(
                f"{workload.key}: {label} computes {loss}, {BASE} {expected}"
            )
    times: Times = {worker.label: [] for worker in workers}
    for _ in range(rounds):
        for worker in workers:
            times[worker.label].append(worker.ask("time", workload.key))
    return times


def measure_scripts(labels: list[str], core: int | None, rounds: int) -> dict:
    """Time whole processes: import, 2000 steps of W4, the end."""
    times: dict[str, list[float]] = {label: [] for label in labels}
    for _ in range(rounds):
        for label in labels:
            begin = time.perf_counter()
            process = subprocess.Popen(
                [*COMMAND, "script", label],
                stdout=subprocess.DEVNULL,
                env=ENVIRONMENT,
            )
            pin(process.pid, core)
            if process.wait():
                raise RuntimeError(f"the script of {label} failed")
            times[label].append(time.perf_counter() - begin)
    return times


def summary(rounds: list[list[float]]) -> tuple[float, float]:
    """Return the best window of all rounds, and the median of the rounds' medians."""
    return min(best for best, _ in rounds), median(middle for _, middle in rounds)


def duration(seconds: float) -> str:
    """Write a time with three digits and its unit."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size or unit == "us":
            return f"{seconds / size:.3g} {unit}"
    raise AssertionError


def machine() -> str:
    """Describe the processor and the software, without names or paths."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    packages = ["numpy", "jax", "torch", "autograd"]
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in packages
        if importlib.util.find_spec(name)
    ]
    return (
        f"{model}, {os.cpu_count()} cores of which one is used, "
        f"{platform.system()}, Python {platform.python_version()}, "
        f"{', '.join(versions)}."
    )


def table(
    workloads: list[Workload],
    results: dict[str, Times],
    scripts: dict[str, list[float]],
    absent: list[str],
    rounds: int,
) -> str:
    """Write the report as Markdown."""
    labels = list(next(iter(results.values())))
    others = [label for label in labels if label != BASE]
    lines = [
        "# The engine beside its peers",
        "",
        "Made by `python benchmarks/engine.py`; its docstring says how it measures.",
        "The first column is the time of a step, the best window of "
        f"{rounds} interleaved rounds.",
        "The others are ratios to it: best to best, in brackets median to median.",
        "Float64, one BLAS thread, one core. Hand-tuned NumPy keeps matrices as units",
        "by rows, in arrays made once and aligned, and its parameters in one vector.",
        "",
        machine(),
        "",
    ]
    if absent:
        lines += [f"Absent, because not installed: {', '.join(absent)}.", ""]
    lines += [
        "| | workload | " + " | ".join(labels) + " | goal, recorded / eager |",
        "|---|---|" + "---|" * (len(labels) + 1),
    ]
    for workload in workloads:
        times = results[workload.key]
        best, middle = summary(times[BASE])
        cells = [duration(best)]
        for label in others:
            one, other = summary(times[label])
            cells.append(f"{one / best:.2f} ({other / middle:.2f})")
        eager, recorded = GOALS[workload.key]
        lines.append(
            f"| {workload.key} | {workload.title} | {' | '.join(cells)} "
            f"| {recorded} / {eager} |"
        )
    if scripts:
        lines += [
            "",
            "A whole script: a new Python process, its imports, 2000 steps of W4, its "
            "end.",
            "",
            "| | best | median | best, as a multiple of recorded dp |",
            "|---|---|---|---|",
        ]
        best = min(scripts["dp, recorded"])
        lines += [
            f"| {label} | {duration(min(times))} | {duration(median(times))} "
            f"| {min(times) / best:.1f} |"
            for label, times in scripts.items()
        ]
    return "\n".join(lines) + "\n"


def figure(workloads: list[Workload], results: dict[str, Times], path: Path) -> None:
    """Draw every implementation's ratio to hand-tuned NumPy, one row a workload."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    colours = {  # Okabe and Ito's palette
        "dp, recorded": ("#D55E00", "o"),
        "dp, eager": ("#E69F00", "o"),
        "plain NumPy": ("#000000", "|"),
        "closures": ("#999999", "s"),
        "JAX, jit": ("#009E73", "^"),
        "PyTorch, eager": ("#CC79A7", "D"),
        "HIPS autograd": ("#56B4E9", "v"),
    }
    fig, ax = plt.subplots(figsize=(9, 4.4), layout="constrained")
    rows = range(len(workloads))
    for label, (colour, marker) in colours.items():
        if label not in next(iter(results.values())):
            continue
        ratios = [
            summary(results[w.key][label])[0] / summary(results[w.key][BASE])[0]
            for w in workloads
        ]
        size = 9 if label.startswith("dp") else 7
        ax.plot(ratios, rows, marker, color=colour, label=label, ms=size, mew=2)
    ax.axvline(1, color="black", lw=1, ls="--")
    ax.set_xscale("log")
    ticks = [1, 1.5, 2, 3, 5, 10, 20]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_yticks(
        rows, [f"{w.key}  {w.title.replace(', ', chr(10), 1)}" for w in workloads]
    )
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.3)
    ax.set_xlabel("time of a step, as a multiple of hand-tuned NumPy (log scale)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    fig.savefig(path, dpi=150)


def main() -> None:
    """Measure, print, and write unless told not to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keys", nargs="*", help="workloads; all if none is named")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    parser.add_argument("--only", nargs="*", help="implementations to measure")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    options = parser.parse_args()

    workloads = [
        w for key, w in make().items() if not options.keys or key in options.keys
    ]
    labels = [
        label
        for label in IMPLEMENTATIONS
        if not options.only or label in options.only or label == BASE
    ]
    absent = [
        label
        for label in labels
        if importlib.util.find_spec(IMPLEMENTATIONS[label][1]) is None
    ]
    labels = [label for label in labels if label not in absent]
    workers = [Worker(label, options.core) for label in labels]
    results = {}
    try:
        for workload in workloads:
            print(f"{workload.key}: {workload.title}", file=sys.stderr)
            results[workload.key] = measure(workers, workload, options.rounds)
    finally:
        for worker in workers:
            worker.close()
    scripts = {}
    if "dp, recorded" in labels and "W4" in results:
        chosen = [
            label
            for label in labels
            if label in ("dp, recorded", "dp, eager", "JAX, jit", "PyTorch, eager")
        ]
        scripts = measure_scripts(chosen, options.core, max(3, options.rounds // 3))
    report = table(workloads, results, scripts, absent, options.rounds)
    print(report)
    if not options.dry:
        (HERE / "engine.md").write_text(report, encoding="utf-8")
        figure(workloads, results, HERE / "engine.png")


if __name__ == "__main__":
    main()
