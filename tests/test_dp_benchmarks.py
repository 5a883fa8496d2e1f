"""The engine's rivals in benchmarks/ compute what the engine computes."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def implementations():
    sys.path.insert(0, str(BENCHMARKS))
    import implementations

    yield implementations
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("key", ["W1", "W4", "W6"])
def test_benchmark_losses_agree(implementations, key):
    """After ten steps all NumPy implementations have the same loss."""
    workload = implementations.make()[key]
    losses = [
        prepare(workload)(workload.start(), 10, int)
        for prepare, module in implementations.IMPLEMENTATIONS.values()
        if module == "numpy"
    ]
    assert len(losses) == 5
    # Rounding is 1e-16 a sum; ten small steps do not raise it beyond 1e-10.
    np.testing.assert_allclose(losses, losses[0], rtol=1e-10)
