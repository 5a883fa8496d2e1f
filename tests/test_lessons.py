"""Tests of the lessons' texts and stored notebooks: what a reader meets."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted(ROOT.glob("notebooks/[0-9]*.py"))

every_lesson = pytest.mark.parametrize("text", LESSONS, ids=lambda path: path.stem)


def cells(text: Path) -> list[tuple[bool, str]]:
    """Split a text into cells: whether it is prose, and what is in it."""
    found = []
    for cell in re.split(r"^# %%", text.read_text("utf-8"), flags=re.M)[1:]:
        header, _, body = cell.partition("\n")
        prose = "[markdown]" in header
        if prose:
            body = re.sub(r"^# ?", "", body, flags=re.M)
        found.append((prose, body.strip()))
    return found


@every_lesson
def test_lessons_lead_on(text):
    """First and last cell link to the neighbours, the assignment and the contents."""
    number = LESSONS.index(text)
    wanted = {f"../release/{text.stem}/{text.stem}.ipynb", "README.md"}
    wanted |= {
        f"{LESSONS[k].stem}.ipynb"
        for k in (number - 1, number + 1)
        if 0 <= k < len(LESSONS)
    }
    parts = cells(text)
    for _, cell in (parts[0], parts[-1]):
        links = set(re.findall(r"\]\(([^)]+)\)", cell))
        assert wanted <= links
        assert all((text.parent / link.split("#")[0]).exists() for link in links)


@every_lesson
def test_lessons_say_what_to_put_beside_them(text):
    """The first cell names the course's modules that the lesson needs."""
    _, first = cells(text)[0]
    assert "alone" in first
    for module in ("dp.py", "lab.py"):
        assert f"`{module}`" in first


@every_lesson
def test_lessons_headings_start_cells(text):
    """A section's heading is the first line of its cell."""
    for prose, body in cells(text):
        if prose:
            assert not re.search(r"\n## ", body), body[:80]


@every_lesson
def test_lessons_write_a_zero_before_the_point(text):
    """In prose a number is 0.32, not .32."""
    for prose, body in cells(text):
        if prose:
            found = re.search(r"(?<![\w.)\]])\.\d", body)
            assert not found, body[max(0, found.start() - 40) : found.end() + 10]


@every_lesson
def test_lessons_reveal_what_they_ask(text):
    """Each question has a result, behind it, and each result a question."""
    asked = []
    for call, key in re.findall(
        r'lab\.(predict|reveal)\(f?"([^"]+)"', text.read_text()
    ):
        pattern = re.sub(r"\\\{\w+\\\}", r"\\w+", re.escape(key))
        if call == "predict":
            asked.append(key)
        else:
            assert any(re.fullmatch(pattern, other) for other in asked), key
            asked = [other for other in asked if not re.fullmatch(pattern, other)]
    assert asked == []


@every_lesson
def test_lessons_results_are_opened_by_the_reader(text):
    """In the stored notebook all output from a question to its result is folded."""
    notebook = nbformat.read(text.with_suffix(".ipynb"), as_version=4)
    open_questions, folded = set(), 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if open_questions:
            for output in cell.outputs:
                assert output.output_type == "display_data", cell.source[:80]
                assert output.data["text/html"].startswith("<details>")
                folded += 1
        calls = re.findall(r'lab\.(predict|reveal)\("([^"]+)"', cell.source)
        for call, key in calls:
            (open_questions.add if call == "predict" else open_questions.discard)(key)
        if 'lab.reveal(f"' in cell.source:
            open_questions.clear()
    assert folded > 0
