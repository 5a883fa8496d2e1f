"""The table of attacks: a pytest plugin that ``make redteam`` turns on.

A test marked ``attack(name)`` is a row. Its column is the level of the sandbox among
its parameters, with the user who grades; a test that needs no sandbox counts for every
column. ``control=True`` marks the proof that the attack pays where nothing stops it.
Parametrised tests may say ``{}`` in the name: the rest of the parameters' ids.

A row says ``contained`` if every test of it passed, ``SUCCEEDED`` if one failed,
``known hole`` if one failed as `redteam.fairness.known` expects, and ``n/a`` with a
number, explained below the table, if it cannot be tried here. A right answer's row says
``full marks``, ``REFUSED`` or ``known refusal`` in their place. The exit
code is 0 if all were tried, or said why not, and none succeeded. An attack of the
public list that has no row is a failure too.
"""

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from redteam.promised import PROMISED

_LEVELS = ("bwrap", "lockdown")
_KEY = "attack"
_LONGEST_NAME = 60
HONEST = "honest: "  # so begin the rows of right answers, which must have full marks
_WORDS = {
    False: {"passed": "contained", "known": "known hole", "failed": "SUCCEEDED"},
    True: {"passed": "full marks", "known": "known refusal", "failed": "REFUSED"},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options."""
    group = parser.getgroup("attacks")
    group.addoption("--attack-table", action="store_true", help="print the table")
    group.addoption("--attack-rows", metavar="FILE", help="write the rows as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Listen, if asked to."""
    asked = config.getoption("--attack-table") or config.getoption("--attack-rows")
    if asked and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Table(config), "attack-table")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note in each attack's test which cell of the table it is."""
    for item in items:
        mark = item.get_closest_marker("attack")
        if mark is not None:
            name, column = _place(item, mark)
            item.user_properties.append((_KEY, json.dumps([name, column])))


def _place(item: pytest.Item, mark: pytest.Mark) -> tuple[str, str]:
    callspec = getattr(item, "callspec", None)
    ids = list(callspec._idlist) if callspec else []
    levels = [name for name in ids if name in _LEVELS]
    rest = "-".join(name for name in ids if name not in _LEVELS)
    if mark.kwargs.get("control"):
        column = "control"
    elif levels:
        column = f"{levels[0]}, {'root' if os.geteuid() == 0 else 'user'}"
    else:
        column = "everywhere"
    name = mark.args[0].replace("{}", rest)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}...", (
        column
    )


class _Table:
    """What is known of each attack so far."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.cells: dict[str, dict[str, str]] = {}  # by row and column
        self.reasons: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the outcome of one test."""
        for key, value in report.user_properties:
            if key == _KEY and (report.when == "call" or not report.passed):
                name, column = json.loads(value)
                known = hasattr(report, "wasxfail") and report.skipped
                reason = report.longrepr[2] if report.skipped and not known else ""
                self.enter(name, column, "known" if known else report.outcome, reason)
            elif key == f"{_KEY}-rows" and report.when == "teardown":
                for row in json.loads(value):
                    self.enter(*row)

    def enter(self, name: str, column: str, outcome: str, reason: str = "") -> None:
        """Enter an outcome; a failure stays, whatever else there is."""
        row = self.cells.setdefault(name, {})
        reason = reason.removeprefix("Skipped: ")
        if outcome == "failed":
            row[column] = "failed"
        elif outcome == "known" and row.get(column) in (None, "passed"):
            row[column] = "known"
        elif outcome == "skipped" and row.get(column) in (None, "passed"):
            row[column] = f"skipped {reason}"
        else:
            row.setdefault(column, "passed")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the rows, and fail if the public list is not covered."""
        file = self.config.getoption("--attack-rows")
        if file:
            rows = []
            for name, row in self.cells.items():
                for column, cell in row.items():
                    outcome, _, reason = cell.partition(" ")
                    rows.append([name, column, outcome, reason])
            Path(file).write_text(json.dumps(rows))
        elif self.missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def missing(self) -> list[str]:
        """Name the attacks of the public list that have no row, in a whole run."""
        if self.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
            return []
        return [
            f"{promise}: {name}"
            for promise, names in PROMISED.items()
            for name in names
            if not any(row == name or row.startswith(f"{name}: ") for row in self.cells)
        ]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table."""
        if not self.config.getoption("--attack-table"):
            return
        write = terminalreporter.write_line
        columns = sorted({c for row in self.cells.values() for c in row})
        columns = [c for c in columns if c not in ("control", "everywhere")]
        heads = ["attack", "control", *columns]
        lines = [
            [name, self.control(row), *(self.cell(name, row, c) for c in columns)]
            for name, row in sorted(self.cells.items())
        ]
        widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
        terminalreporter.section("attacks")
        for line in (heads, ["-" * width for width in widths], *lines):
            write("  ".join(f"{c:{w}}" for c, w in zip(line, widths, strict=True)))
        for number, reason in enumerate(self.reasons, start=1):
            write(textwrap.fill(f"({number}) {reason}", 100))
        for name in self.missing():
            write(f"NOT TRIED, though on the public list: {name}")
        attacks = [line for line in lines if not line[0].startswith(HONEST)]
        write(
            f"{len(attacks)} attacks, "
            f"{sum('SUCCEEDED' in line for line in attacks)} succeeded, "
            f"{sum('known hole' in line for line in attacks)} known holes; "
            f"{len(lines) - len(attacks)} honest idioms, "
            f"{sum('REFUSED' in line for line in lines)} refused, "
            f"{sum('known refusal' in line for line in lines)} known refusals; "
            f"{sum('NO PROOF' in line for line in lines)} controls without proof"
        )

    def control(self, row: dict[str, str]) -> str:
        """Say how the control of a row went; most tests hold their own."""
        return {"passed": "proved", "failed": "NO PROOF"}.get(
            row.get("control", ""), "in the test"
        )

    def cell(self, name: str, row: dict[str, str], column: str) -> str:
        """Say how a row went in a column."""
        known = row.get(column) or row.get("everywhere")
        if known is None:
            return ""
        if known.startswith("skipped"):
            reason = known.removeprefix("skipped ")
            if reason not in self.reasons:
                self.reasons.append(reason)
            return f"n/a ({self.reasons.index(reason) + 1})"
        return _WORDS[name.startswith(HONEST)][known]
