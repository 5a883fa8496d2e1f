"""Fill in a template: the style sheet, and what a browser may do, are the same in all.

What is put into a template is escaped, unless a function of `autograder.safe_html` has
made it `Markup`.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("autograder.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> tuple[Markup, str]:
    """Read the style sheet, and make the policy that allows it and nothing else."""
    templates = Path(__file__).parent / "templates"
    style = (templates / "page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Markup(style), policy


def fill(template: str, **values: Any) -> str:
    """Fill in a template; whatever is not `Markup` is escaped."""
    style, policy = _style()
    filled = _environment().get_template(template)
    return filled.render(style=style, policy=policy, **values)
