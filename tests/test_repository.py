"""Tests of the repository: what is shipped, listed where, and ignored by git."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.steps.release import MARKER, find_leaks

ROOT = Path(__file__).resolve().parent.parent
STANDARD = set(sys.stdlib_module_names)
OWN = {"dp", "lab", "checks"}
COURSE = {"numpy", "matplotlib", "sklearn", *OWN}

# Who may import what, beyond the standard library; the table of CONTRIBUTING.md.
ALLOWED = {
    "dp.py": {"numpy"},
    "checks.py": {"numpy"},
    "lab.py": {"numpy", "matplotlib", "sklearn", "IPython", "dp", "tqdm", "h5py"},
}


def imports(file: Path) -> set[str]:
    """Name the top-level modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: a relative import"
            names.add(node.module)
    return names


def top(names: set[str]) -> set[str]:
    """Cut dotted names down to their first part."""
    return {name.split(".")[0] for name in names}


def named(requirements: list[str]) -> set[str]:
    """Name the distributions that are required."""
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def distributions(*files: Path) -> set[str]:
    """Name the distributions whose modules files import, besides our own."""
    modules = set().union(*(top(imports(file)) for file in files))
    found = metadata.packages_distributions()
    return {
        canonicalize_name(name)
        for module in modules - STANDARD - OWN - {"autograder"}
        for name in found[module]
    }


def tracked(*patterns: str) -> list[Path]:
    """List the files that git tracks; without git, nothing can be said."""
    done = subprocess.run(
        ["git", "ls-files", "-z", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name]


@pytest.mark.parametrize("name", ALLOWED)
def test_repository_shipped_modules_import_only_what_students_have(name):
    """What is shipped needs nothing beyond a student's environment."""
    assert top(imports(ROOT / name)) - STANDARD <= ALLOWED[name]


def test_repository_texts_import_only_course_modules():
    """Lessons and assignments import the course's packages and files beside them."""
    texts = [*ROOT.glob("notebooks/*_*.py"), *ROOT.glob("source/*.py")]
    assert texts
    for text in texts:
        beside = {path.stem for path in text.with_suffix("").glob("*.py")}
        extra = top(imports(text)) - STANDARD - COURSE - beside
        assert not extra, f"{text.name} imports {extra}"


def test_repository_environment_is_what_a_student_needs():
    """environment.yml names what pyproject's extra `course` names, and Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    course = project["optional-dependencies"]["course"]
    wanted = {f"python{project['requires-python']}", *course}
    text = (ROOT / "environment.yml").read_text()
    assert set(re.findall(r"^  - (\S*[<>=]\S*)$", text, re.MULTILINE)) == wanted


def test_repository_grader_imports_its_plain_dependencies():
    """A bare `pip install .` brings all that the grader imports, and nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    used = distributions(*ROOT.glob("autograder/**/*.py"))
    assert used - {"distributed"} == named(project["dependencies"])
    assert "distributed" in named(project["optional-dependencies"]["cluster"])


def test_repository_constraints_satisfy_pyproject():
    """Each direct dependency is pinned to a version that pyproject allows."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pins = {re.sub("[-_.]+", "-", name).lower(): pin for name, pin in pins.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["course"], *extras["dev"]]:
        wanted = Requirement(line)
        if wanted.name != project["name"]:
            assert wanted.specifier.contains(pins[wanted.name.lower()]), line


@pytest.mark.slow
def test_repository_wheel_is_the_grader_alone(tmp_path):
    """The wheel holds the whole package and its command, and nothing of the course."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (setuptools,) = map(Requirement, project["build-system"]["requires"])
    if not setuptools.specifier.contains(metadata.version("setuptools")):
        pytest.skip(f"{setuptools} is not installed")
    files = [file for file in tracked() if file.is_file()]
    for file in files:  # pip leaves what it builds beside the sources
        copy = tmp_path / "sources" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--wheel-dir", tmp_path, tmp_path / "sources"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        about = wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
        command = archive.read(f"{about}/entry_points.txt").decode()
    own = {str(file.relative_to(ROOT)) for file in files}
    own = {name for name in own if name.startswith("autograder/")}
    assert {name for name in names if not name.startswith(f"{about}/")} == own
    assert command.split("\n")[:2] == [
        "[console_scripts]",
        "autograder = autograder.cli:main",
    ]


@pytest.mark.xdist_group("house")
def test_repository_tests_of_a_group_run_together(request):
    """What a group shares, such as a graded class, is made by one worker alone."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("not run by `make test`")
    assert request.node.nodeid.endswith("@house")  # how pytest-xdist knows a group


def test_repository_student_data_is_ignored():
    """Nothing that a student handed in, or that comes of it, can be committed."""
    names = ["submitted/s/a/x.ipynb", "autograded/s/a/x.ipynb", "feedback/s/a/x.html"]
    names += ["reports/a.csv", "gradebook.db", "gradebook.db-journal", "demo/x"]
    for name in names:
        done = subprocess.run(
            ["git", "check-ignore", "-q", name], cwd=ROOT, check=False
        )
        if done.returncode == 128:
            pytest.skip("not a git checkout")
        assert done.returncode == 0, name


def test_repository_has_no_machine_in_it():
    """No tracked text holds a path of somebody's machine."""
    machine = re.compile(r"/(home|Users)/\w+/|/root/|\bfile:///")
    for file in tracked("*.ipynb", "*.md", "*.txt", "*.toml", "*.yml", "Makefile"):
        found = machine.search(file.read_text(encoding="utf-8"))
        assert not found, f"{file.relative_to(ROOT)}: {found.group()}"


@pytest.mark.parametrize("text", sorted(ROOT.glob("source/*.py")), ids=lambda p: p.stem)
def test_repository_handouts_hold_no_answer(text):
    """No line of a solution or hidden test is in a handout, in cells or metadata."""
    handout = ROOT / "release" / text.stem
    assert (handout / f"{text.stem}.ipynb").is_file()
    assert find_leaks(ROOT / "source" / text.stem, handout) == []
    for file in handout.rglob("*.ipynb"):
        assert not MARKER.search(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", sorted(ROOT.glob("source/*.py")), ids=lambda p: p.stem)
def test_repository_assignments_are_tested_too(text):
    """Each has its named mistakes, other right programs and explained mutants."""
    for name in ("wrong/{}.py", "accepted/{}.py", "equivalent/{}.toml"):
        assert (ROOT / "tests" / name.format(text.stem)).is_file()


@pytest.mark.parametrize("text", sorted(ROOT.glob("source/*.py")), ids=lambda p: p.stem)
def test_repository_tests_that_draw_state_their_rate(text):
    """A test cell with a statistical check states its false-alarm rate."""
    cells = re.split(r"^# %% ", text.read_text(encoding="utf-8"), flags=re.MULTILINE)
    statistical = re.compile(
        r"checks\.(has_mean|has_std|std_band|initializer_battery)"
        r"|^ *#.*(standard error|false.alarm|\brate\b.*\de-\d)",
        flags=re.MULTILINE,
    )
    for cell in cells:
        header = cell.splitlines()[0] if cell else ""
        if '"points"' in header and statistical.search(cell):
            assert '"false_alarms"' in header, f"{text.name}: {header}"


def test_repository_documents_list_every_command():
    """The table of commands in docs/grading.md is what ``autograder --help`` says."""
    from autograder.cli import app

    page = (ROOT / "docs/grading.md").read_text()
    listed = dict(re.findall(r"^\| `autograder (\w+)[^`]*` \| (.+) \|$", page, re.M))
    real = {
        command.name or command.callback.__name__: command.callback.__doc__
        for command in app.registered_commands
    }
    assert listed == {name: doc.splitlines()[0] for name, doc in real.items()}


def test_repository_documents_state_the_default_limits():
    """The limits in docs/grading.md and their figures are the defaults."""
    from autograder.runner import Limits

    page = (ROOT / "docs/grading.md").read_text()
    pattern = r"^c\.SandboxLimits\.(\w+) = (\d+)\b"
    stated = {name: float(n) for name, n in re.findall(pattern, page, re.MULTILINE)}
    assert stated == {name: float(value) for name, value in vars(Limits()).items()}


def test_repository_every_option_has_help():
    """No argument or option of a command is left without a word."""
    import typer

    from autograder.cli import app

    group = typer.main.get_command(app)
    for name, command in group.commands.items():
        options = {option.name for option in command.params}
        wanted = {"debug"} if name == "doctor" else {"course", "debug"}
        assert wanted <= options, name
        for option in command.params:
            assert getattr(option, "help", None), f"{name}: {option.name}"


def documents() -> list[Path]:
    """List the documents: what git tracks of Markdown, handouts apart."""
    found = [file for file in tracked("*.md") if ROOT / "release" not in file.parents]
    assert ROOT / "README.md" in found
    return found


def prose(document: Path) -> str:
    """Read a document without its blocks of code."""
    text = document.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """Name the headings of a document as GitHub's links do."""
    titles = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_repository_links_lead_somewhere():
    """Each relative link of a document has its file, and its heading there."""
    link = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
    seen = 0
    for document in documents():
        for match in link.finditer(prose(document)):
            target = match[1] or match[2]
            if re.match(r"\w+:", target):
                continue
            seen += 1
            where = f"{document.relative_to(ROOT)}: {target}"
            name, _, heading = target.partition("#")
            file = document.parent / name if name else document
            assert file.exists(), where
            if heading:
                assert heading in anchors(file), where
    assert seen > 0


def test_repository_images_of_documents_are_small_and_described():
    """README's images say in words what they show, and each is below 200 kB."""
    images = re.findall(r"<img [^>]*>", (ROOT / "README.md").read_text("utf-8"))
    assert len(images) == 2
    for image in images:
        assert len(re.search(r'alt="([^"]*)"', image)[1]) > 50, image
        file = ROOT / re.search(r'src="([^"]*)"', image)[1]
        assert file.read_bytes().startswith(b"\x89PNG"), image
        assert file.stat().st_size < 200_000, image


def test_repository_index_lists_every_page():
    """docs/README.md, which says who reads what, links to every page of docs/."""
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    for page in ROOT.glob("docs/*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name


@pytest.mark.parametrize(
    ("name", "most"), [("README.md", 120), ("CONTRIBUTING.md", 130)]
)
def test_repository_first_pages_are_short(name, most):
    """What everybody reads first has few lines; the rest is in docs/."""
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= most


def test_repository_documents_name_real_targets():
    """Every make target that a document names is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for document in documents():
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"(?:`|^\$ )make ([a-z-]+)", text, re.MULTILINE):
            where = f"{document.relative_to(ROOT)}: make {target}"
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), where


def test_repository_documents_name_real_modules():
    """Every module that a document names by its path is there."""
    folders = [ROOT, ROOT / "autograder", ROOT / "benchmarks"]
    for document in documents():
        for name in re.findall(r"`([\w/]+\.py)`", document.read_text(encoding="utf-8")):
            if "NN_slug" not in name and not re.search(r"\bA\.py$", name):
                where = f"{document.relative_to(ROOT)}: {name}"
                assert any((folder / name).is_file() for folder in folders), where
