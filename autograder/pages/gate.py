"""The page that shows what `check` found in one assignment: ``reports/gate/A.html``.

It is for instructors: it shows hidden tests' messages and lines of the solutions.
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

from autograder import safe_html
from autograder.gate.false_alarms import LARGEST_RATE
from autograder.gate.results import (
    LEAST_SCORE,
    PARTS,
    Findings,
    IndependenceResult,
    MutantResult,
)
from autograder.pages import template

MESSAGE_CHARACTERS = 400

_WHAT = {
    "reference": "The reference solution has full marks on each seed.",
    "untouched": "The untouched handout has zero, and each item says “not attempted”.",
    "shipped": "No public callable that is shipped earns points as an answer.",
    "accepted": "Other right programs have full marks.",
    "wrong": "Each named mistake loses exactly its item, and its message names it.",
    "visible": "The visible part of its test notices a named mistake.",
    "mutants": "Small changes of the solutions are noticed.",
    "independence": "Breaking the answer to one item loses no other.",
}


@dataclass
class _Row:
    """One part of the proof, in the first table."""

    part: str
    what: str
    good: str
    tried: str
    sound: bool


@dataclass
class _Broken:
    """One row of the matrix of independence: a mark for each test."""

    item: str
    how: str
    marks: list[tuple[str, str]]  # (class, what the cell says)


@dataclass
class _Mutant:
    """One row of the kill matrix."""

    before: Markup
    after: Markup
    kind: str
    state: str
    marks: list[str]  # for each test of the item, how it ended
    reason: str  # what its first test said, or why it is no mistake


@dataclass
class _ItemMutants:
    """The mutants of one item."""

    name: str
    tests: list[str]
    counts: str
    mutants: list[_Mutant]


def gate_page(findings: Findings) -> str:
    """Make the page of one assignment."""
    return template.fill("gate.html", **_view(findings))


def _view(findings: Findings) -> dict:
    short = len(findings.shortfalls)
    tests = [test for tests in findings.items.values() for test in tests]
    return {
        "assignment": findings.assignment,
        "verdict": "Sound."
        if not short
        else f"Not sound: {short} shortfall{'s' if short > 1 else ''}.",
        "sound": not short,
        "rows": [_row(findings, part) for part in PARTS],
        "shortfalls": [safe_html.plain(line) for line in findings.shortfalls],
        "unprotected": findings.unprotected,
        "accepted": [
            (
                result.item,
                result.name,
                safe_html.code(result.code),
                safe_html.plain(result.message),
            )
            for result in findings.accepted
        ],
        "wrongs": [
            (
                result,
                _message(result.message),
                "yes" if result.visible else "no",
                f"{result.caught} of {result.seeds}",
            )
            for result in findings.wrongs
        ],
        "statistics": [
            (
                test.test,
                _rate(test.stated),
                f"{test.alarms} of {test.seeds}",
                _rate(test.bound) if test.seeds else "not measured",
                test.power,
            )
            for test in findings.statistics
        ],
        "largest_rate": _rate(LARGEST_RATE),
        "tests": tests,
        "broken": [_broken_row(findings, row) for row in findings.independence],
        "score": findings.score,
        "least_score": LEAST_SCORE,
        "mutants": [
            _item_mutants(name, tests, [m for m in findings.mutants if m.item == name])
            for name, tests in findings.items.items()
            if any(mutant.item == name for mutant in findings.mutants)
        ],
        "kinds": _kinds(findings),
        "cpu_seconds": f"{findings.cpu_seconds:.0f}",
        "seeds": findings.seeds,
        "notebooks": findings.notebooks,
        "today": f"{date.today():%d %B %Y}".lstrip("0"),
    }


def _row(findings: Findings, part: str) -> _Row:
    count = findings.counts.get(part)
    if count is None:
        return _Row(part, _WHAT[part], "absent", "", True)
    what = _WHAT[part]
    if part == "mutants" and findings.explained:
        what += f" {findings.explained} more are explained below."
    good, tried = count.good, count.tried
    sound = good == tried
    if part == "visible":
        sound = not any(line.startswith("visible") for line in findings.shortfalls)
    return _Row(part, what, str(good), str(tried), sound)


def _rate(value: float) -> str:
    """Write a rate as people do: ``1e-7``, ``.14``."""
    if value >= 0.001:
        return f"{value:.2g}".removeprefix("0")
    return re.sub(r"e-0", "e-", f"{value:.2g}")


def _message(text: str) -> str:
    return safe_html.cut(safe_html.plain(text), MESSAGE_CHARACTERS)[0]


def _broken_row(findings: Findings, broken: IndependenceResult) -> _Broken:
    marks = []
    for item, tests in findings.items.items():
        for test in tests:
            lost, own = test in broken.lost, item == broken.item
            if own:
                marks.append(("own", "lost") if lost else ("other lost", "kept"))
            else:
                marks.append(
                    ("other lost" if lost else "other", "lost" if lost else "")
                )
    return _Broken(broken.item, broken.how, marks)


def _kinds(findings: Findings) -> list[tuple[str, int, int, int, int]]:
    """Count mutants by kind: all, killed, explained, survived."""
    kinds = Counter(mutant.kind for mutant in findings.mutants)
    rows = []
    for kind, count in kinds.most_common():
        states = Counter(m.state for m in findings.mutants if m.kind == kind)
        others = count - states["killed"] - states["explained"]
        rows.append((kind, count, states["killed"], states["explained"], others))
    return rows


def _item_mutants(
    name: str, tests: list[str], found: list[MutantResult]
) -> _ItemMutants:
    states = Counter(mutant.state for mutant in found)
    counts = ", ".join(f"{number} {state}" for state, number in states.items())
    return _ItemMutants(name, tests, counts, [_mutant(m, tests) for m in found])


def _mutant(mutant: MutantResult, tests: list[str]) -> _Mutant:
    before, after = _marked(mutant.before, mutant.after)
    reason = mutant.why or _message(mutant.message)
    marks = [mutant.by.get(test, "passed") for test in tests]
    return _Mutant(before, after, mutant.kind, mutant.state, marks, reason)


def _marked(before: str, after: str) -> tuple[Markup, Markup]:
    """Mark what was taken out of one line, and what came in in the other."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    while start and _inside_word(before, start):
        start -= 1
    end = 0
    while (
        end < min(len(before), len(after)) - start
        and before[len(before) - end - 1] == after[len(after) - end - 1]
    ):
        end += 1
    while end and (
        _inside_word(before, len(before) - end) or _inside_word(after, len(after) - end)
    ):
        end -= 1
    return _mark(before, start, end, "del"), _mark(after, start, end, "ins")


def _inside_word(text: str, at: int) -> bool:
    """Tell whether an index is between two letters of one word or number."""
    return 0 < at < len(text) and bool(re.fullmatch(r"[\w.]{2}", text[at - 1 : at + 1]))


def _mark(text: str, start: int, end: int, tag: str) -> Markup:
    stop = len(text) - end
    parts = (escape(text[:start]), escape(text[start:stop]), escape(text[stop:]))
    if start == stop:
        return parts[0] + parts[2]
    return parts[0] + Markup(f"<{tag}>") + parts[1] + Markup(f"</{tag}>") + parts[2]
