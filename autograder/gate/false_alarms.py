"""The false alarms of tests that draw: the rate that is stated, and what was seen."""

from collections.abc import Collection

from nbformat import NotebookNode

from autograder.assignment.cells import grade_id, is_test

LARGEST_RATE = 1e-6  # that a test may state


def stated_rate(source: NotebookNode, tests: Collection[str]) -> float | None:
    """Return the largest false-alarm rate that some tests state; None if none does.

    Parameters
    ----------
    source : NotebookNode
        The instructor's notebook.
    tests : collection of str
        The grade_ids of the tests.
    """
    rates = [
        cell.metadata.get("autograder", {}).get("false_alarms")
        for cell in source.cells
        if is_test(cell) and grade_id(cell) in tests
    ]
    known = [rate for rate in rates if rate is not None]
    return max(known) if known else None


def upper_bound(alarms: int, seeds: int, confidence: float = 0.95) -> float:
    """Return the exact (Clopper-Pearson) upper bound of a rate, one-sided.

    Parameters
    ----------
    alarms, seeds : int
        What happened, of how many.
    confidence : float
        Between 0 and 1, dimensionless.
    """
    if alarms >= seeds:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        term = total = (1 - rate) ** seeds
        for k in range(alarms):  # the probability of at most so many alarms
            term *= (seeds - k) / (k + 1) * rate / (1 - rate)
            total += term
        low, high = (rate, high) if total > 1 - confidence else (low, rate)
    return high
