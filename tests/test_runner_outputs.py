"""What a notebook shows in the sandbox is what it shows in a real kernel."""

import re

import nbclient
import nbformat
import pytest
from test_runner_levels import sandbox_or_skip

from autograder.runner import LEVELS, Job, Limits, run_notebook
from autograder.verdicts import Verdict

FILES = {"data.txt": b"some data", "helper.py": b"VALUE = 42\n"}
CELLS = [
    "print('one'); print('two', end='')",
    "1 + 1",
    "'a'\n'b';",
    "import sys, matplotlib, sklearn\n"
    "hasattr(matplotlib, 'pyplot'), 'sklearn.datasets' in sys.modules",
    "matplotlib.pyplot",
    "import sys\nprint('to stderr', file=sys.stderr)\nprint('to stdout')",
    "from IPython.display import display, HTML, Markdown\n"
    "display(HTML('<b>bold</b>'), metadata={'alt': 'a word'})\n"
    "display({'text/plain': 'raw'}, raw=True)\n"
    "Markdown('# title')",
    "class Rich:\n"
    "    def _repr_html_(self):\n        return '<i>rich</i>'\n"
    "    def __repr__(self):\n        return 'plain'\n"
    "Rich()",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()",
    "fig, ax = plt.subplots()\nax.set_title('left open')",
    "%matplotlib inline\nprint('magic')",
    "def inner(x):\n    return 1 / x\n\ndef outer(x):\n    return inner(x)\n\nouter(0)",
    "undefined_name",
    "def broken(:\n    pass",
    "  print('indented')\nfor",
    "raise ValueError('several\\nlines')",
    "class Odd(Exception):\n"
    "    def _render_traceback_(self):\n        return ['only this']\n"
    "raise Odd('x')",
    "import warnings\nwarnings.warn('careful')",
    "import numpy as np\nnp.exp(np.array([1e4]))",
    "np.arange(5.0)",
    "input('name? ')",
    "import getpass\ngetpass.getpass()",
    "%%capture caught\nprint('hidden')",
    "caught.stdout",
    "_",
    "In[1], len(Out) > 3, __name__",
    "await __import__('asyncio').sleep(0, 'awaited')",
    "handle = display('before', display_id='it')",
    "handle.update('after')",
    "from IPython.display import clear_output\n"
    "print('gone')\nclear_output()\nprint('kept')",
    "print('gone too')\nclear_output(wait=True)\nprint('kept too')",
    "raise SystemExit(3)",
    "raise KeyboardInterrupt",
    "import logging\nlogging.getLogger('x').warning('logged')",
    "print('é ∑')",
    "x?",
    "!echo from the shell",
    "import os\n_ = os.system('echo from a child; echo and its errors >&2')",
    "import time\n_ = os.write(1, b'raw bytes\\n'); time.sleep(1)",  # a kernel is slow
    "try:\n    outer(0)\nexcept ZeroDivisionError as error:\n"
    "    raise RuntimeError('while handling') from error",
    "raise ExceptionGroup('group', [ValueError('a'), TypeError('b')])",
    "import pathlib; sorted(p.name for p in pathlib.Path('.').iterdir())",
    "open('data.txt').read()",
    "import helper; helper.VALUE",
    "b'bytes', {'a': [1, 2.5, None]}, lambda: 0",
    "%time 1 + 1\n%timeit -n1 -r1 pass",
    "%not_a_magic",
    "print('last')",
    "quit",  # the last: a kernel ends itself a tenth of a second after it
]


def _notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture(scope="module", params=LEVELS)
def sandbox(request):
    return sandbox_or_skip(request.param)


@pytest.fixture(scope="module")
def from_kernel(tmp_path_factory):
    """The notebook as nbclient and ipykernel run it."""
    # Under pytest ipykernel does not look at descriptors 1 and 2.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST")
        folder = tmp_path_factory.mktemp("folder")
        for name, content in FILES.items():
            (folder / name).write_bytes(content)
        return _run_in_kernel(folder)


def _run_in_kernel(folder):
    notebook = _notebook(*CELLS)
    client = nbclient.NotebookClient(
        notebook,
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
        timeout=120,
    )
    client.execute()
    return notebook


_CHANGES = [
    (r"\x1b\[[0-9;]*m", ""),  # colours are compared apart
    (r"/tmp/ipykernel_\d+/\d+\.py", "FILE"),
    (r"<ipython-input-[^>]*>", "FILE"),
    (r"\b\d{7,10}\.py", "FILE"),
    (r"(?ms)^File [^\n]+?\.py:\d.*?\n\n", ""),  # frames of the kernel or of our shell
    (r"(?m)^/[^\n:]*/(site-packages/\S+)", r"\1"),  # a path may have a space
    (r'(?<=")/[^"\n]*/(site-packages/[^"\n]+)', r"\1"),
    (r"\S*/(site-packages/\S+)", r"\1"),
    (r"\r\n", "\n"),  # a kernel starts commands on a terminal
    (r"0x[0-9a-f]+", "ADDRESS"),
    (r"[\d.]+(e[+-]\d+)? (ns|μs|us|µs|ms|s)\b", "TIME"),
    (r"[\d.]+(e[+-]\d+)? (ns|μs|us|µs|ms|s) ±", "TIME ±"),
]


def _normalised(text):
    for pattern, replacement in _CHANGES:
        text = re.sub(pattern, replacement, text)
    return text


def _comparable(cell):
    """The outputs of a cell with what changes from run to run taken out.

    Streams are joined by name: their order against one another is a race in a kernel.
    """
    streams = {"stdout": "", "stderr": ""}
    others = []
    for output in cell.outputs:
        if output.output_type == "stream":
            streams[output.name] += _normalised(output.text)
        elif output.output_type == "error":
            trace = _normalised("\n".join(output.traceback))
            others.append(("error", output.ename, _normalised(output.evalue), trace))
        else:
            data = {
                kind: _normalised(value) if isinstance(value, str) else value
                for kind, value in output.data.items()
            }
            count = output.get("execution_count")
            others.append((output.output_type, data, dict(output.metadata), count))
    return streams, others


def _run(sandbox, *cells, env=None, warm=True):
    job = Job(_notebook(*cells), FILES, Limits(), env or {})
    return run_notebook(job, sandbox, warm=warm)


@pytest.mark.slow
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_run_notebook_shows_what_a_kernel_shows(sandbox, from_kernel, warm):
    """Every kind of output equals that of a real kernel, started warm or cold."""
    result = _run(sandbox, *CELLS, warm=warm)
    assert result.verdict is Verdict.GRADED, result.message
    assert all(result.ran)
    different = {}
    for ours, theirs in zip(result.notebook.cells, from_kernel.cells, strict=True):
        if _comparable(ours) != _comparable(theirs):
            different[ours.source] = (_comparable(ours), _comparable(theirs))
        assert ours.execution_count == theirs.execution_count
    assert not different


def test_warm_runs_share_nothing(sandbox):
    """What a run changes is not there in the next, and each draws its own numbers."""
    first = (
        "import builtins, json, os, random, numpy as np\n"
        "builtins.hex = json.LEFT = np.LEFT = 3\n"
        "os.environ['LEFT'] = 'x'; open('left', 'w').close()\n"
        "try: open('/tmp/left', 'w').close()\n"
        "except OSError: pass"
    )
    second = (
        "import builtins, json, os, random, numpy as np\n"
        "print(hex(2), hasattr(json, 'LEFT'), hasattr(np, 'LEFT'),\n"
        "      'LEFT' in os.environ, os.path.exists('left'),\n"
        "      os.path.exists('/tmp/left'))"
    )
    draws = "print(random.random(), np.random.rand(), np.random.default_rng().random())"
    runs = [_run(sandbox, cell, draws) for cell in (first, second, second)]
    assert [r.verdict for r in runs] == [Verdict.GRADED] * 3
    kept = runs[1].notebook.cells[0].outputs[0].text
    assert kept == "0x2 False False False False False\n"
    drawn = [r.notebook.cells[1].outputs[0].text.split() for r in runs]
    for numbers in zip(*drawn, strict=True):
        assert len(set(numbers)) == 3


def test_run_notebook_colours_tracebacks(sandbox):
    """A traceback carries the terminal colours that a kernel puts in."""
    result = _run(sandbox, "1 / 0")
    (error,) = result.notebook.cells[0].outputs
    assert "\x1b[31mZeroDivisionError\x1b[39m" in "\n".join(error.traceback)


def test_run_notebook_test_shows_where_the_answer_failed(sandbox):
    """A failing test's traceback leads to the student's line, not into the runner."""
    cells = (
        "import json",
        "def inner(text):\n    return json.loads(text)\n\n"
        "def outer(text):\n    return inner(text)",
        "assert outer('[1]') == [1]\nouter('[')",
        "def deep(n):\n    return 1 / n if n == 0 else deep(n - 1)",
        "deep(40)",
    )
    job = Job(_notebook(*cells), {}, Limits(), tests={2: True, 4: True})
    result = run_notebook(job, sandbox)
    shown = [
        re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))
        for cell in result.notebook.cells
        for output in cell.outputs
    ]
    assert len(shown) == 2
    failed, deep = shown
    assert "----> 2 outer('[')" in failed
    assert "Cell In[2], line 5, in outer\n----> 5     return inner(text)" in failed
    assert "Cell In[2], line 2, in inner" in failed
    assert "File decoder.py, line" in failed
    assert failed.index("in outer") < failed.index("in inner")
    assert failed.splitlines()[-1].startswith("JSONDecodeError: Expecting value")
    assert "[... 35 more frames ...]" in deep
    assert "checker.py" not in failed + deep


def test_run_notebook_goes_on_after_quit_and_exit(sandbox):
    """A cell that says quit() or exit() ends itself, not the run."""
    cells = "quit()", "exit()", "import sys; sys.exit(1)", "print('on')"
    result = _run(sandbox, *cells)
    assert result.verdict is Verdict.GRADED
    assert result.notebook.cells[-1].outputs[0].text == "on\n"


def test_run_notebook_keeps_text_that_is_no_unicode(sandbox):
    """Half a surrogate pair, which breaks a kernel, arrives as a question mark."""
    cells = ["print('a\\ud800b')", "'\\ud800'", "raise ValueError('\\ud800')"]
    result = _run(sandbox, *cells)
    assert result.verdict is Verdict.GRADED
    assert result.notebook.cells[0].outputs[0].text == "a?b\n"
    assert nbformat.writes(result.notebook).encode("utf-8")


def test_run_notebook_runs_every_code_cell_and_only_these(sandbox):
    """Tags do not matter, markdown does not run, and the input stays as it was."""
    notebook = _notebook("x = 1", "x")
    notebook.cells[0].metadata.tags = ["skip-execution", "raises-exception"]
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("x = 2"))
    before = nbformat.writes(notebook)
    result = run_notebook(Job(notebook, FILES, Limits()), sandbox)
    assert result.ran == [True, False, True]
    assert result.notebook.cells[2].outputs[0].data["text/plain"] == "1"
    assert nbformat.writes(notebook) == before


def test_run_notebook_gives_a_fixed_environment(sandbox, monkeypatch):
    """The code sees the variables it is given and none of the grader's."""
    monkeypatch.setenv("GRADER_SECRET", "canary")
    cells = ["import os; print(os.environ['GIVEN'], sorted(os.environ))"]
    result = _run(sandbox, *cells, env={"GIVEN": "yes"})
    text = result.notebook.cells[0].outputs[0].text
    assert text.startswith("yes ")
    assert "GRADER_SECRET" not in text


@pytest.mark.slow
def test_run_notebook_makes_a_valid_notebook(sandbox):
    """The notebook that comes back is valid nbformat and can be written."""
    result = _run(sandbox, *CELLS)
    nbformat.validate(result.notebook)
    assert nbformat.reads(nbformat.writes(result.notebook), as_version=4)
