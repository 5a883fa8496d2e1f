"""Nothing that a student wrote acts on whoever opens a graded notebook.

Each attack is rendered as formgrader renders ``autograded/``, by nbconvert with
formgrader's own template; the control is the same notebook as stock nbgrader leaves it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup, Comment
from conftest import cell_of, hand_in, solved
from nbconvert import HTMLExporter
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
    new_raw_cell,
)
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from autograder.gradebook import records
from autograder.steps.grade import grade
from autograder.submission.sanitize import (
    is_harmless,
    sanitize_name,
    sanitize_outputs,
    sanitize_text,
    sanitize_texts,
)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
# What a payload does: the browser's page, or the address of a link, then says so.
RUN = "document.documentElement.setAttribute('data-canary','sings')"

TEXTS = {
    "script": f"<script>{RUN}</script>",
    "script in prose": f"Hello *there* <script>{RUN}</script> and so on",
    "handler": f'<img src=x onerror="{RUN}">',
    "handler in a table": f'| a |\n|---|\n| <img src=x onerror="{RUN}"> |',
    "svg": f'<svg onload="{RUN}"></svg>',
    "frame": f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    "link": f"[click](javascript:{RUN})",
    "link with entities": f"[click](java&#115;cript:{RUN})",
    "link by reference": f"[click][x]\n\n[x]: javascript:{RUN}",
    "autolink": f"<javascript:{RUN}>",
    "html link": f'<a href="javascript:{RUN}">click</a>',
    "data link": "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "mermaid": f"```mermaid\n<img src=x onerror={RUN}>\n```",
    "math link": rf"$\href{{javascript:{RUN}}}{{click}}$",
    "style": "<style>body { display: none }</style>",
    "form": '<form action="https://evil.example"><input name=p></form>',
    "meta": '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "broken tag": f'<div><img src=x onerror="{RUN}"//',
    "comment": f'<!--><img src=x onerror="{RUN}">-->',
    "after a fence": f"```\ncode\n```\n<script>{RUN}</script>",
}
OUTPUTS = {
    "text/html": f"<b>bold</b><script>{RUN}</script><img src=x onerror={RUN}>",
    "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' onload={RUN}></svg>",
    "application/javascript": RUN,
    "text/latex": f"$x$<img src=x onerror={RUN}>",
    "text/markdown": f'*x* <img src=x onerror="{RUN}">',
    "image/png": f'"><img src=x onerror={RUN}>',
    "text/vnd.mermaid": f"<img src=x onerror={RUN}>",
}


def rendered(notebook):
    """Render a notebook as formgrader does."""
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {"base_url": "", "index": 0, "total": 1, "student": "ada"}
    for name in ("assignment_id", "notebook_id", "submission_id", "notebook_path"):
        resources[name] = "x"
    html, _ = HTMLExporter(config=config).from_notebook_node(notebook, resources)
    return html


def acting(html):
    """List what in a page could act: tags, handlers and addresses."""
    found = []
    for tag in BeautifulSoup(html, "html.parser").find(id="notebook").find_all():
        if tag.name in {"script", "iframe", "style", "form", "meta", "svg", "object"}:
            found.append(str(tag))
        for name, value in tag.attrs.items():
            if name.startswith("on"):
                found.append(f"{name}={value}")
            address = re.sub(r"[\s\x00-\x1f]", "", str(value)).lower()
            if re.match(r"(javascript|vbscript|data:(?!image/(png|jpeg)))", address):
                found.append(f"{name}={value}")
        if tag.name == "pre" and "mermaid" in tag.get("class", []):
            found.append(str(tag))
    # MathJax reads what is neither code nor preformatted.
    page = BeautifulSoup(html, "html.parser").find(id="notebook")
    # A browser may end a comment earlier than this parser.
    comments = page.find_all(string=lambda text: isinstance(text, Comment))
    found += [comment for comment in comments if "<" in comment]
    for quoted in page.find_all(["pre", "code"]):
        quoted.decompose()
    found += re.findall(r"\\href", page.get_text())
    return found


def notebook_of(text):
    """Make a notebook with one markdown cell."""
    return new_notebook(cells=[new_markdown_cell(text)])


@pytest.mark.parametrize("attack", TEXTS)
def test_sanitize_texts_do_not_act(attack):
    """What acts in formgrader's page as it was written is only read when tamed."""
    notebook = notebook_of(TEXTS[attack])
    assert acting(rendered(notebook)), "the control: it does act"
    said = sanitize_texts(notebook, ())
    assert acting(rendered(notebook)) == []
    assert "shown as it was typed" in said[0]
    shown = BeautifulSoup(rendered(notebook), "html.parser").find(id="notebook")
    for word in re.findall(r"canary|Hello|code|evil\.example", TEXTS[attack]):
        assert word in shown.get_text(), "what was written can still be read"


@pytest.mark.parametrize("form", OUTPUTS)
def test_sanitize_outputs_do_not_act(form):
    """Of an output only the forms that cannot act are kept."""
    value = OUTPUTS[form]
    output = new_output("display_data", data={form: value, "text/plain": "plain"})
    output.metadata = {
        "image/png": {"width": f"1 onerror={RUN}", "alt": f'" onerror="{RUN}'},
        "text/html": {"isolated": True},
    }
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[output])])
    said = sanitize_outputs(notebook)
    nbformat.validate(notebook)
    assert acting(rendered(notebook)) == []
    assert said == ["Active content was taken out of the outputs of cell 1."]
    assert output.data["text/plain"] == "plain"
    kept = output.metadata.get("image/png", {})
    assert "width" not in kept
    assert '"' not in kept.get("alt", "")


def test_sanitize_output_without_another_form_says_what_it_was():
    """An output of which nothing can stay is named."""
    output = new_output("display_data", data={"image/svg+xml": "<svg></svg>"})
    sanitize_outputs(new_notebook(cells=[new_code_cell("1", outputs=[output])]))
    assert output.data == {"text/plain": "[an output left out: image/svg+xml]"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain *words*, `code`, $a < b$ and \\(x\\), 1 < 2, a<b.",
        "# Title\n\n1. one\n2. two\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "```python\nif a < b:\n    print('<script>')\n```",
        "`<script>`",
        "H<sub>2</sub>O<br>and<br/><b>bold</b> <!-- a remark -->",
        "[a page](https://example.org/x?y=1) ![mine](plots/my%20plot.png) [up](#top)",
        "![dot](data:image/png;base64,iVBORw0KGgo=)",
        "\\begin{align} a &< b \\\\ c &> d \\end{align}",
        "\\frac{1}{2} and \\classify",
    ],
)
def test_sanitize_honest_texts_stay_as_they_are(text):
    """Formatted text, formulas, code and links are not touched."""
    assert is_harmless(text)
    assert sanitize_text(text) == text
    assert acting(rendered(notebook_of(text))) == []


def test_sanitize_only_the_html_of_a_text_is_changed():
    """Code beside a script stays readable as code."""
    text = f"`a < b` and <script>{RUN}</script>"
    assert sanitize_text(text) == f"`a < b` and &lt;script>{RUN}&lt;/script>"


def test_sanitize_attached_image_is_named():
    """A cell with an attached image, which is not there any more, can be opened."""
    notebook = notebook_of("See ![a plot](attachment:plot.png).")
    with pytest.raises(Exception, match="missing attachment"):
        rendered(notebook)
    sanitize_texts(notebook, ())
    assert "See [image: a plot]." in rendered(notebook)


@pytest.mark.parametrize(
    "text",
    ["<script>" + "x" * 200_000, "> " * 3000 + "deep <script>", "```" * 9 + "<b c>"],
)
def test_sanitize_extreme_texts_become_code(text):
    """What is too long or too deep to judge is shown as typed."""
    assert acting(rendered(notebook_of(sanitize_text(text)))) == []


def test_sanitize_texts_of_the_instructor_are_trusted():
    """The instructor's own HTML is left alone, a student's raw cell is not."""
    notebook = new_notebook(
        cells=[new_markdown_cell("<details open>x</details>"), new_raw_cell("<b>x</b>")]
    )
    assert len(sanitize_texts(notebook, {"<details open>x</details>"})) == 1
    assert notebook.cells[0].source == "<details open>x</details>"
    assert notebook.cells[1].source == "&lt;b>x&lt;/b>"


def test_sanitize_honest_outputs_are_not_worth_a_word():
    """A figure, a table of a data frame and a formula stay, and nothing is said."""
    table = (
        "<div>\n<style scoped>.dataframe th { text-align: right; }</style>\n"
        '<table border="1" class="dataframe"><tr><th>a</th></tr></table></div>'
    )
    outputs = [
        new_output("display_data", data={"image/png": "aGk=\n", "text/plain": "<Fig>"}),
        new_output("execute_result", data={"text/html": table, "text/plain": "a"}),
        new_output("display_data", data={"text/latex": "$a < b$", "text/plain": "a"}),
        new_output("stream", text="<script>", name="stdout"),
    ]
    outputs[0].metadata = {"image/png": {"width": 10, "height": 5, "alt": "A plot."}}
    notebook = new_notebook(cells=[new_code_cell("1", outputs=outputs)])
    assert sanitize_outputs(notebook) == []
    assert outputs[0].metadata["image/png"] == {
        "width": 10,
        "height": 5,
        "alt": "A plot.",
    }
    assert "<th>a</th>" in outputs[1].data["text/html"]
    assert outputs[2].data["text/latex"] == "$a < b$"
    assert acting(rendered(notebook)) == []


@pytest.mark.parametrize(
    ("name", "tamed"),
    [
        *(
            ("a.html", "a.html.txt"),
            ("b/C.SVG", "b/C.SVG.txt"),
            ("x.xhtml", "x.xhtml.txt"),
        ),
        *(("a.png", "a.png"), ("data.csv", "data.csv"), ("helper.py", "helper.py")),
    ],
)
def test_sanitize_files_are_named_so_that_no_browser_runs_them(name, tamed):
    """formgrader serves files beside the notebook; pages of a student's are text."""
    assert sanitize_name(name) == tamed


def attacked(left_out=()):
    """Make a submission that holds every attack at once, or all but some."""
    notebook = solved({"why": "Because.\n\n" + TEXTS["handler"]})
    for name, text in TEXTS.items():
        if name not in left_out:
            notebook.cells.append(new_markdown_cell(text))
    notebook.cells.append(new_raw_cell(TEXTS["script"]))
    for form, value in OUTPUTS.items():
        bundle = f"{{{form!r}: {value!r}}}"
        notebook.cells.append(
            new_code_cell(
                f"from IPython.display import display; display({bundle}, raw=1)"
            )
        )
    return notebook


@pytest.fixture
def graded_both_ways(tiny_course):
    """Grade the attack by `grade` and by plain nbgrader; give both folders."""
    folders = []
    for student in ("ada", "eve"):
        folder = hand_in(tiny_course, student, attacked())
        (folder / "page.html").write_text(TEXTS["script"])
        folders.append(tiny_course.autograded / student / "ps1")
    grade(tiny_course, "ps1", students=["ada"])
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", "ps1", "--student", "eve"],
        cwd=tiny_course.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        check=True,
        capture_output=True,
    )
    return tiny_course, folders


@pytest.mark.slow
def test_sanitize_autograded_notebooks_cannot_act(graded_both_ways):
    """Whichever way it was graded, formgrader's page of it holds nothing that acts."""
    course, folders = graded_both_ways
    for folder in folders:
        notebook = nbformat.read(folder / "squares.ipynb", as_version=4)
        nbformat.validate(notebook)
        assert acting(rendered(notebook)) == []
        assert "Because." in cell_of(notebook, "why").source
        assert (folder / "page.html.txt").is_file()
        assert not (folder / "page.html").exists()
    for run in records.runs(course, "ps1"):
        said = " ".join(run.repairs)
        assert "Active content in the text of cells" in said
        assert "taken out of the outputs of cells" in said


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_sanitize_page_runs_nothing_in_a_browser(graded_both_ways, tmp_path):
    """A browser that opens formgrader's page of an attack runs none of it."""

    def sings(notebook):
        page = tmp_path / "page.html"
        page.write_text(rendered(notebook), encoding="utf-8")
        done = subprocess.run(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
                *(
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-background-networking",
                ),
                *("--disable-component-update", "--disable-sync"),
                *(f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=3000"),
                *("--dump-dom", page.as_uri()),
            ],
            capture_output=True,
            timeout=120,
            check=True,
        )
        root = re.search(rb"<html[^>]*>", done.stdout)[0]
        return b"data-canary" in root

    _, (folder, _) = graded_both_ways
    assert sings(attacked({"meta", "style", "form"})), (
        "the control: left as it was, it runs"
    )
    assert not sings(nbformat.read(folder / "squares.ipynb", as_version=4))
