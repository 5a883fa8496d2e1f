"""How the cases become tests: by level of the sandbox, and which of them run often."""

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from autograder.runner.probe import LEVELS
from redteam.fairness.cases import Case


def levels(group: str) -> list[Any]:
    """Return the levels as parameters; `make test` has the first of them alone."""
    first, *others = LEVELS
    slow = [pytest.mark.redteam]
    return [
        pytest.param(level, marks=[pytest.mark.xdist_group(f"{group}-{level}"), *more])
        for level, more in [(first, []), *((level, slow) for level in others)]
    ]


def parameters(
    cases: Sequence[Case],
    quick: Collection[str],
    *,
    row: str = "",
    control: bool = False,
    known: Collection[str] = (),
    failure: type[Exception] | None = None,
) -> list[Any]:
    """Return the cases as parameters.

    Parameters
    ----------
    cases : sequence of Case
        All of them.
    quick : collection of str
        The names of those that run in `make test` too.
    row : str
        How the names of their rows in the table of attacks begin.
    control : bool
        Whether the test is the attack's control.
    known : collection of str
        The names of those that are expected to fail, strictly.
    failure : type
        The exception by which they fail; any other is a failure of the test.
    """
    made = []
    for case in cases:
        marks = [pytest.mark.attack(f"{row}{case.name}", control=control)]
        if case.name not in quick:
            marks.append(pytest.mark.redteam)
        if case.name in known:
            marks.append(pytest.mark.xfail(strict=True, raises=failure))
        made.append(pytest.param(case, marks=marks, id=case.name))
    return made
