"""Make web pages out of what strangers wrote.

Feedback pages show a student's own prose, code and outputs, and the instructor opens
them too. Whatever a submission holds, no script of it may run there, nothing may be
fetched from the network, and no page may grow without bound. There are three defences,
each enough for the attacks we know:

1. Every piece of a submission passes one of the functions here. They return `Markup`
   (HTML that is safe to insert); all else is escaped by the templates.
2. HTML is parsed and rebuilt by nh3 from a short list of elements, with no classes,
   identifiers, styles, event handlers or relative addresses.
3. The page carries a Content-Security-Policy that allows no script, no frame, no form
   and no network, and only the one style sheet whose hash it names
   (`autograder.pages.template`).
"""

import base64
import binascii
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import nh3
from markupsafe import Markup, escape
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.texts import UNSEEN

CODE_CHARACTERS = 20_000
PROSE_CHARACTERS = 10_000
TEXT_CHARACTERS = 10_000
TEXT_LINES = 300
HTML_CHARACTERS = 50_000
IMAGE_BYTES = 2_000_000
IMAGE_PIXELS = 25_000_000

TAGS = {
    *("p", "br", "hr", "div", "span", "blockquote", "pre", "code", "kbd", "samp"),
    *("b", "strong", "i", "em", "u", "s", "del", "ins", "sub", "sup", "small", "mark"),
    *("h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "a", "img"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("details", "summary"),
}
DROPPED_WITH_CONTENT = {
    *("script", "style", "title", "noscript", "template", "svg", "math", "iframe"),
    *("object", "embed", "applet", "frameset", "noframes", "noembed", "textarea"),
    *("select", "xmp", "plaintext", "head", "audio", "video", "canvas"),
}
ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt"},
    "th": {"colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
    "ol": {"start"},
}

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
DATA_URI = re.compile(r"data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=\s]*)\Z")
PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"


# ------------------------------------------------------------------------ text


def plain(value: Any) -> str:
    """Make printable text of what a notebook holds: a string or a list of strings.

    Colours of a terminal, other control characters and lone surrogates are removed; of
    a line that was overprinted with carriage returns, such as a progress bar, the last
    state is kept. Anything that is no text becomes the empty string.
    """
    if isinstance(value, list | tuple):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    text = value.encode("utf-8", "replace").decode("utf-8")
    text = ANSI.sub("", text).replace("\r\n", "\n")
    if "\r" in text:
        lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
        text = "\n".join(lines)
    return UNSEEN.sub("", text)


def cut(text: str, characters: int, lines: int | None = None) -> tuple[str, str]:
    """Shorten a text, and say how much was left out.

    Returns
    -------
    text : str
        The beginning of the text, at most so many characters and lines.
    note : str
        Empty, or such as ``"cut here: 12,345 more characters"``.
    """
    kept = text[:characters]
    if lines is not None:
        kept = "\n".join(kept.split("\n", lines)[:lines])
    left_out = len(text) - len(kept)
    return kept, f"cut here: {left_out:,} more characters" if left_out else ""


def number(value: float) -> str:
    """Write points as people do: ``2``, ``1.5``, ``0.33``."""
    return f"{round(value, 2):g}"


def code(source: Any) -> Markup:
    """Highlight Python code; what is too long is cut, with a note."""
    text, note = cut(plain(source), CODE_CHARACTERS)
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    marked = highlight(text, lexer, HtmlFormatter(nowrap=True))
    return Markup(marked) + _cut_note(note)


def text(value: Any) -> Markup:
    """Escape plain output; what is too long is cut, with a note."""
    shown, note = cut(plain(value), TEXT_CHARACTERS, TEXT_LINES)
    return escape(shown) + _cut_note(note)


def _cut_note(note: str) -> Markup:
    return Markup('\n<span class="cut">[{}]</span>').format(note) if note else Markup()


# ------------------------------------------------------------------------ HTML


def html(fragment: Any) -> Markup | None:
    """Rebuild a piece of HTML from the elements that can do no harm.

    Returns
    -------
    Markup or None
        None if the piece is too long to be shown.
    """
    fragment = plain(fragment)
    if len(fragment) > HTML_CHARACTERS:
        return None
    return _sanitise(fragment)


def _sanitise(fragment: str) -> Markup:
    return Markup(
        nh3.clean(
            fragment,
            tags=TAGS,
            clean_content_tags=DROPPED_WITH_CONTENT,
            attributes=ATTRIBUTES,
            attribute_filter=_keep_attribute,
            allowed_classes={"code": {"math"}},
            url_schemes={"http", "https", "mailto", "data"},
            url_relative="deny",
            link_rel="noopener noreferrer nofollow",
        )
    )


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        match = DATA_URI.match(value)
        return image(match[1], match[2]) if match else None
    if attribute == "href" and value.strip().lower().startswith("data:"):
        return None
    if attribute in {"colspan", "rowspan", "start"}:
        return value if value.isascii() and value.isdigit() and len(value) < 4 else None
    return value


class _Renderer(IPythonRenderer):
    """Markdown to HTML: headings below ours, formulas as code, images attached."""

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Put a heading two levels lower: the page's own come first."""
        level = min(level + 2, 6)
        return f"<h{level}>{text}</h{level}>\n"

    def block_code(self, code: str, info: str | None = None) -> str:
        """Show code as it is."""
        return f"<pre><code>{escape(code)}</code></pre>\n"

    def block_math(self, body: str) -> str:
        """Show a formula as it was typed: the page runs no script to set it."""
        return f'<p><code class="math">{escape(body.strip())}</code></p>'

    def inline_math(self, body: str) -> str:
        """Show a formula as it was typed."""
        return f'<code class="math">{escape(body.strip())}</code>'

    def latex_environment(self, name: str, body: str) -> str:
        """Show a formula as it was typed."""
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Show an image that is attached to the cell; name any other."""
        attached = self.attachments.get(url.removeprefix("attachment:"))
        found = _first_image(attached) if isinstance(attached, dict) else None
        if found is None and (match := DATA_URI.match(url)):
            found = image(match[1], match[2])
        if found is None:
            return f"[image: {text}]"
        return f'<img src="{found}" alt="{escape(text)}">'


def markdown(source: Any, attachments: Any = None) -> Markup:
    """Render markdown; a cell that is too long or too deep is shown as typed."""
    typed = plain(source)
    shown, note = cut(typed, PROSE_CHARACTERS)
    if not note:
        attached = attachments if isinstance(attachments, dict) else {}
        renderer = _Renderer(escape=False, attachments=attached)
        try:
            return _sanitise(MarkdownWithMath(renderer=renderer).render(typed))
        except RecursionError:
            pass
    return Markup("<pre>{}{}</pre>").format(shown, _cut_note(note))


# ---------------------------------------------------------------------- images


def image(mime: str, data: Any) -> str | None:
    """Make an address that holds a PNG or JPEG image, or None if it is not one.

    The bytes must decode, begin as that format does, and not unfold to an image of
    more than `IMAGE_PIXELS`.
    """
    try:
        raw = base64.b64decode("".join(plain(data).split()), validate=True)
    except binascii.Error:
        return None
    size = _SIZES[mime](raw) if mime in _SIZES else None
    if size is None or len(raw) > IMAGE_BYTES:
        return None
    width, height = size
    if not 0 < width * height <= IMAGE_PIXELS:
        return None
    return f"data:{mime};base64,{base64.b64encode(raw).decode('ascii')}"


def _png_size(raw: bytes) -> tuple[int, int] | None:
    if not raw.startswith(PNG) or raw[12:16] != b"IHDR" or len(raw) < 24:
        return None
    return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    """Walk the segments of a JPEG up to its frame header."""
    if not raw.startswith(JPEG):
        return None
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        marker = raw[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = raw[at + 5 : at + 7], raw[at + 7 : at + 9]
            return int.from_bytes(width), int.from_bytes(height)
        at += 2 + int.from_bytes(raw[at + 2 : at + 4])
    return None


_SIZES = {"image/png": _png_size, "image/jpeg": _jpeg_size}


def _first_image(data: dict[str, Any]) -> str | None:
    """Make an address of the first sound image in a bundle of MIME types."""
    found = (image(mime, data[mime]) for mime in _SIZES if mime in data)
    return next((address for address in found if address), None)


# --------------------------------------------------------------------- outputs


def output(node: Any, *, rich: bool = True) -> Markup:
    """Make HTML of one output of a code cell; without `rich`, never from its HTML.

    Of the forms in which an object shows itself we take the first of: a PNG or JPEG
    image, HTML (rebuilt from harmless elements: tables of data frames survive), plain
    text. Scripts, widgets, SVG and LaTeX are never shown.
    """
    kind = node.get("output_type")
    if kind == "stream":
        error = " stderr" if node.get("name") == "stderr" else ""
        return Markup('<pre class="text{}">{}</pre>').format(
            error, text(node.get("text"))
        )
    if kind == "error":
        shown = node.get("traceback") or f"{node.get('ename')}: {node.get('evalue')}"
        if isinstance(shown, list):
            shown = "\n".join(plain(part) for part in shown)
        return Markup('<pre class="text stderr">{}</pre>').format(text(shown))
    data = node.get("data")
    if not isinstance(data, dict):
        return Markup()
    if address := _first_image(data):
        alt = _alt_text(node.get("metadata"))
        return Markup('<img src="{}" alt="{}">').format(address, alt)
    if rich and "text/html" in data and (rebuilt := html(data["text/html"])):
        return Markup('<div class="rich">{}</div>').format(rebuilt)
    if "text/plain" in data:
        return Markup('<pre class="text">{}</pre>').format(text(data["text/plain"]))
    return Markup('<p class="cut">[an output that this page cannot show]</p>')


def _alt_text(metadata: Any) -> str:
    """Find the description of an image in the metadata of its output."""
    places = [metadata]
    if isinstance(metadata, dict):
        places += [metadata.get(mime) for mime in _SIZES]
    for place in places:
        if isinstance(place, dict) and plain(place.get("alt")).strip():
            return cut(plain(place["alt"]), 1000)[0]
    return "A figure that your code made."


# ------------------------------------------------------------------------ files


def write(path: Path, content: str) -> bool:
    """Write a file in one step, unless it already holds this; say whether we wrote.

    A link in its place is replaced, not followed.
    """
    raw = content.encode("utf-8", "replace")
    if path.is_file() and not path.is_symlink() and path.read_bytes() == raw:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True
