"""Tests of the imports of `autograder`: they are those of one table.

The table stands in CONTRIBUTING.md, between two marks: a row for each room (a folder,
or a module that has a row of its own), and what it may import, ours and others'. Here
it is read and compared with every import statement, in functions too.
"""

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "autograder"
STANDARD = set(sys.stdlib_module_names)
COURSE = {"dp", "lab", "checks"}
MODULES = {
    file.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__"): file
    for file in PACKAGE.rglob("*.py")
}
LARGEST_MODULE = 800  # lines
MOST_FLAT = 9  # modules beside the folders


def read_table() -> dict[str, set[str]]:
    """Read from CONTRIBUTING.md what each room may import, in the table's order."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, begin, rest = text.partition("<!-- begin: imports -->\n")
    table, end, _ = rest.partition("<!-- end: imports -->")
    assert begin, "CONTRIBUTING.md has no table of imports"
    assert end, "the table of imports has no end"
    rows: dict[str, set[str]] = {}
    for line in table.splitlines()[2:]:  # below the header
        room, _, may = line.strip("|").split("|")
        room = room.strip(" `")
        assert room not in rows, f"{room} has two rows"
        rows[room] = set(re.findall(r"[\w/]+", may))
    return rows


MAY_IMPORT = read_table()


def room_of(module: str) -> str:
    """Name the room of a module, by its path in the package: its row, or its folder's.

    ``""`` is the package itself, which all may import for its version.
    """
    if module in MAY_IMPORT or module in {"__init__", "__main__"}:
        return module.removeprefix("__init__")
    folder = (
        module if MODULES[module].name == "__init__.py" else str(Path(module).parent)
    )
    assert f"{folder}/" in MAY_IMPORT, f"{module} has no row in the table"
    return f"{folder}/"


def imported(source: str) -> set[str]:
    """Name what a source imports: our modules as ``/path``, others by their first name.

    Raises
    ------
    AssertionError
        If an import is relative: it would hide what is imported.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {_our_module(name) or name.partition(".")[0] for name in names}


def _our_module(name: str) -> str | None:
    """Find the module of ours that is imported, or that has what is imported of it."""
    first, _, path = name.partition(".")
    if first != "autograder":
        return None
    path = path.replace(".", "/")
    while path and path not in MODULES:
        path = path.rpartition("/")[0]
    return f"/{path or '__init__'}"


def rooms_imported(module: str, source: str) -> set[str]:
    """Name the rooms and packages that a module imports, its own room left out."""
    found = set()
    for name in imported(source):
        if name.startswith("/"):
            found.add(room_of(name[1:]))
        elif name not in STANDARD:
            found.add(name)
    return found - {room_of(module), ""}


def forbidden(module: str, source: str) -> set[str]:
    """Name what a module imports, and its room may not."""
    return rooms_imported(module, source) - MAY_IMPORT.get(room_of(module), set())


def test_imports_are_what_the_table_allows():
    """No module imports what the row of its room does not name."""
    found = {
        module: sorted(forbidden(module, file.read_text(encoding="utf-8")))
        for module, file in MODULES.items()
        if module != "__main__"  # it starts `cli`
    }
    assert not {module: names for module, names in found.items() if names}


def test_imports_the_table_allows_no_more():
    """What a row allows, some module of that room imports; each room is there."""
    used = defaultdict(set)
    for module, file in MODULES.items():
        source = file.read_text(encoding="utf-8")
        used[room_of(module)] |= rooms_imported(module, source)
    assert MAY_IMPORT.keys() <= used.keys()
    unused = {room: may - used[room] for room, may in MAY_IMPORT.items()}
    assert not {room: names for room, names in unused.items() if names}


def test_imports_run_upwards_in_the_table():
    """A room imports only rooms of rows above its own, so that there is no circle."""
    above: set[str] = set()
    for room, allowed in MAY_IMPORT.items():
        below = (allowed & MAY_IMPORT.keys()) - above
        assert not below, f"{room} imports {below}, which stand below it"
        above.add(room)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("runner/inside/worker", "import nbformat"),
        ("runner/inside/link/client", "from autograder.runner.inside import shell"),
        ("runner/inside/lockdown", "import numpy"),
        ("runner/run", "def late():\n    from nbgrader.api import Gradebook"),
        ("runner/run", "from autograder.course import Course"),
        ("assignment/source", "from autograder import safe_html"),
        ("gate/plan", "import dp"),
        ("gradebook/rows", "import autograder.steps.grade"),
        ("errors", "import rich.console"),
    ],
)
def test_imports_that_the_table_lacks_are_found(module, source):
    """A forbidden import is found in whatever form, ours or others', in a function."""
    assert module in MODULES
    assert forbidden(module, source)


def test_imports_steps_never_import_each_other():
    """A step can be run alone; only `demo`, which runs all of them, imports others."""
    steps = {f"/{module}" for module in MODULES if module.startswith("steps/")}
    assert "/steps/grade" in steps
    for step in steps - {"/steps/demo"}:
        source = MODULES[step[1:]].read_text(encoding="utf-8")
        others = imported(source) & (steps - {step})
        assert not others, f"{step} imports {others}"


def test_imports_of_the_course_are_none():
    """The grader grades any course: it knows none of our course's modules."""
    for module, file in MODULES.items():
        named = imported(file.read_text(encoding="utf-8"))
        assert not named & COURSE, module


def test_imports_inside_the_isolation_are_few():
    """What goes inside imports itself, numpy and IPython; the runner no nbgrader."""
    inside = {room for room in MAY_IMPORT if room.startswith("runner/inside/")}
    allowed = inside | {"numpy", "IPython", "traitlets", "pygments"}
    for room in inside:
        assert MAY_IMPORT[room] <= allowed, room
    assert not MAY_IMPORT["runner/inside/lockdown"]
    assert "nbgrader" not in MAY_IMPORT["runner/"]


def test_imports_leave_few_modules_flat():
    """Beside the folders at most nine modules lie in the package."""
    flat = {module for module in MODULES if MODULES[module].parent == PACKAGE}
    flat -= {"__init__", "__main__"}
    assert len(flat) <= MOST_FLAT, sorted(flat)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_modules_are_short(module):
    """No module is longer than one can read at a sitting."""
    lines = MODULES[module].read_text(encoding="utf-8").count("\n")
    assert lines <= LARGEST_MODULE
