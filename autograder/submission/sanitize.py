"""Take what could act on its reader out of a graded notebook, and keep its text.

nbgrader's formgrader shows ``autograded/S/A/*.ipynb`` as it is, in a page that has the
instructor's rights: a script in a student's markdown or output would run there. So
before a notebook is written there

- a text of the student's that nbconvert would turn into more than formatted text has
  its tags shown as typed, or all of it: `sanitize_texts`;
- an output keeps the forms that cannot act: text, images, and HTML that nh3 has
  rebuilt: `sanitize_outputs`;
- a file of the student's that a browser would run is kept under a name that it shows as
  text: `sanitize_name`.

A text is judged by the renderer that formgrader uses, listening to what it makes of it,
so no guess of ours about markdown can be wrong; and what has been mended is judged
again. Texts of the instructor's are trusted.
"""

import re
from collections.abc import Collection
from pathlib import PurePath
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from autograder import safe_html

RICH_CHARACTERS = 100_000  # of one text; beyond, all of it is shown as typed

_TAGS = (
    "b|strong|i|em|u|s|del|ins|sub|sup|small|mark|kbd|code|samp|pre|p|br|hr|blockquote"
    "|ul|ol|li|dl|dt|dd|table|caption|thead|tbody|tfoot|tr|th|td|details|summary"
)
_FORMATTING = re.compile(rf"</?(?:{_TAGS})\s*/?>|<!--[^<>]*-->", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?|mailto):[^\s\"'<>]*\Z|#[\w.\-]*\Z", re.IGNORECASE)
_OWN_FILE = re.compile(r"(?!.*\.\.)[\w][\w./%\- ]*\Z")
# Commands of MathJax that make links, load extensions or set attributes.
_MATH = re.compile(
    r"\\(?:href|url|require|html\w*|class|cssId|style|data|unicode|bbox|action|toggle"
    r"|mmlToken|includegraphics|texttip|tooltip|extension)(?![A-Za-z])",
    re.IGNORECASE,
)
# Without one of these a text is only formatted text.
_SUSPECT = re.compile(r"[<\\]|\]\s*[(:\[]|mermaid|attachment:", re.IGNORECASE)
_ATTACHED = re.compile(r"!\[([^\]\n]*)\]\(attachment:[^)\n]*\)")
_ACTING_HTML = re.compile(
    r"<\s*(?:script|iframe|object|embed|svg|math|form|meta|link|base|frame|applet)"
    r"|\son\w+\s*=|(?:java|vb)script:",
    re.IGNORECASE,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*\Z")
_IMAGES = ("image/png", "image/jpeg", "image/gif")
_QUIETLY_DROPPED = "application/"  # widgets and data for extensions: no page shows them
_SHOWN_BY_BROWSERS = re.compile(
    r"\.(?:s?x?html?|xht|svgz?|x[ms]lt?|mht(?:ml)?|m?js|swf|hta|rdf|atom|rss|pdf)\Z",
    re.IGNORECASE,
)

# ---------------------------------------------------------------------------- texts


class _Listener(IPythonRenderer):
    """Renders markdown as formgrader does, and notes what may be more than text."""

    def __init__(self) -> None:
        super().__init__(escape=False)
        self.html: list[str] = []
        self.addresses: list[str] = []
        self.drawings = False

    def block_html(self, html: str) -> str:
        self.html.append(html)
        return super().block_html(html)

    def inline_html(self, html: str) -> str:
        self.html.append(html)
        return super().inline_html(html)

    def block_mermaidjs(self, code: str) -> str:
        self.drawings = True
        return super().block_mermaidjs(code)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not (_ADDRESS.match(url) or _OWN_FILE.match(url)):
            self.addresses.append(url)
        return super().link(text, url, title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        allowed = (_ADDRESS, _OWN_FILE, safe_html.DATA_URI)
        if not any(pattern.match(url) for pattern in allowed):
            self.addresses.append(url)
        return super().image(text, url, title)

    @property
    def acting(self) -> list[str]:
        """The pieces of HTML that hold more than plain formatting."""
        return [html for html in self.html if "<" in _FORMATTING.sub("", html)]


def _listen(text: str) -> _Listener | None:
    """Render a text; None if it cannot be rendered."""
    listener = _Listener()
    try:
        MarkdownWithMath(renderer=listener).render(text)
    except Exception:  # the renderer's own, or too deep: formgrader would fail as well
        return None
    return listener


def is_harmless(text: str) -> bool:
    """Tell whether a markdown text becomes formatted text and nothing else."""
    if len(text) > RICH_CHARACTERS:
        return False
    if not _SUSPECT.search(text):
        return True
    if _MATH.search(text):
        return False
    rendered = _listen(text)
    return (
        rendered is not None
        and not rendered.acting
        and not rendered.addresses
        and not rendered.drawings
    )


def sanitize_text(text: str) -> str:
    """Make a markdown text harmless, changing as little of it as will do."""
    text = _ATTACHED.sub(r"[image: \1]", text)
    if is_harmless(text):
        return text
    rendered = None
    if len(text) <= RICH_CHARACTERS and not _MATH.search(text):
        rendered = _listen(text)
    if rendered is not None:
        milder = text
        for piece in rendered.acting:
            milder = milder.replace(piece, piece.replace("<", "&lt;"))
        for candidate in (milder, text.replace("<", "&lt;")):
            if is_harmless(candidate):
                return candidate
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def sanitize_texts(notebook: NotebookNode, trusted: Collection[str]) -> list[str]:
    """Make the student's markdown and raw cells harmless, in place.

    Parameters
    ----------
    notebook : NotebookNode
        A rebuilt submission; changed in place.
    trusted : collection of str
        The texts of the instructor's notebook, which stay as they are.

    Returns
    -------
    list of str
        What was done, a sentence or none.
    """
    changed = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" or cell.source in trusted:
            continue
        if cell.cell_type == "raw":  # shown as if it were HTML
            sanitized = cell.source.replace("<", "&lt;")
        else:
            sanitized = sanitize_text(cell.source)
        if sanitized != cell.source:
            cell.source = sanitized
            changed.append(number)
    if not changed:
        return []
    return [
        f"Active content in the text of {_cells(changed)} is shown as it was typed, "
        "so that it cannot act."
    ]


def _cells(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return f"cell {shown}" if len(numbers) == 1 else f"cells {shown}"


# -------------------------------------------------------------------------- outputs


def sanitize_outputs(notebook: NotebookNode) -> list[str]:
    """Leave of every output the forms that cannot act, in place.

    Plain text stays as it is, so nbgrader's rule from outputs to points finds what it
    would have found.

    Returns
    -------
    list of str
        What was done, a sentence or none.
    """
    changed = []
    for number, cell in enumerate(notebook.cells, start=1):
        acted = [
            _sanitize_output(output)
            for output in cell.get("outputs", [])
            if output.output_type in ("display_data", "execute_result")
        ]
        if any(acted):
            changed.append(number)
    if not changed:
        return []
    return [f"Active content was taken out of the outputs of {_cells(changed)}."]


def _sanitize_output(output: NotebookNode) -> bool:
    """Sanitize one output; tell whether something that acts was taken out."""
    data, removed = {}, []
    acted = False
    for kind, value in output.data.items():
        kept, acts = _sanitize_form(kind, value)
        acted |= acts
        if kept is None:
            removed.append(kind)
        else:
            data[kind] = kept
    if removed and not data:
        data["text/plain"] = f"[an output left out: {', '.join(sorted(removed))}]"
    output.data = NotebookNode(data)
    output.metadata = NotebookNode(_sanitize_metadata(output.metadata))
    return acted


def _sanitize_form(kind: str, value: Any) -> tuple[Any, bool]:
    """Give what stays of one form of an output, and whether what goes could act."""
    if kind == "application/json":
        return value, False
    text = safe_html.plain(value) if isinstance(value, list) else value
    if not isinstance(text, str):
        return None, not kind.startswith(_QUIETLY_DROPPED)
    if kind == "text/plain":
        return value, False
    if kind in _IMAGES:
        sound = _BASE64.match(text) is not None
        return (value if sound else None), not sound
    if kind == "text/html":
        rebuilt = None if _MATH.search(text) else safe_html.html(text)
        acts = rebuilt is None or _ACTING_HTML.search(text) is not None
        return (str(rebuilt) if rebuilt is not None else None), acts
    if kind == "text/markdown":
        return (value, False) if is_harmless(text) else (None, True)
    if kind == "text/latex":
        acts = re.search(r"<[A-Za-z/!?]", text) or _MATH.search(text)
        return (None, True) if acts else (value, False)
    return None, True


def _sanitize_metadata(metadata: Any) -> dict[str, Any]:
    """Keep the size and the description of images, of which a page makes attributes."""
    found = metadata if isinstance(metadata, dict) else {}
    kept: dict[str, Any] = _sanitize_attributes(found)
    for kind in _IMAGES:
        if isinstance(found.get(kind), dict):
            kept[kind] = NotebookNode(_sanitize_attributes(found[kind]))
    return kept


def _sanitize_attributes(found: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        name: found[name]
        for name in ("width", "height")
        if isinstance(found.get(name), int | float)
    }
    if isinstance(found.get("alt"), str):
        kept["alt"] = re.sub(r"[<>\"'`=]", " ", found["alt"])
    return kept


# ---------------------------------------------------------------------------- files


def sanitize_name(name: str) -> str:
    """Name a student's file such that a browser shows it as text or not at all."""
    return f"{name}.txt" if _SHOWN_BY_BROWSERS.search(PurePath(name).name) else name
