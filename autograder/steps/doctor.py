"""Find out how well this machine isolates students' code, and what would help."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from nbgrader.exchange.default.exchange import Exchange
from traitlets.utils.importstring import import_item

import autograder
from autograder.course import find_course
from autograder.errors import CourseError
from autograder.runner import LEVELS, failing_levels, landlock_abi
from autograder.workers import pool

PACKAGES = ("nbgrader", "nbformat", "ipython", "numpy", "matplotlib", "scikit-learn")
OPTIONAL = ("distributed", "psycopg")

# What nbgrader_config.py must name so that nbgrader grades in the sandbox, and writes
# pages without hidden tests.
NAMED = {
    ("Autograde", "sanitize_preprocessors"): "autograder.preprocess.RebuildSubmission",
    ("Autograde", "autograde_preprocessors"): "autograder.preprocess.SandboxExecute",
    ("GenerateFeedback", "exporter_class"): "autograder.feedback.PageExporter",
}

_UBUNTU = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
_SETTINGS = {  # of the kernel: what forbids user namespaces, and what allows them
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "1"),
    "/proc/sys/user/max_user_namespaces": ("0", "15000"),
}
_INSTALLERS = {
    "apt-get": "apt install bubblewrap",
    "dnf": "dnf install bubblewrap",
    "pacman": "pacman -S bubblewrap",
    "zypper": "zypper install bubblewrap",
    "apk": "apk add bubblewrap",
}


@dataclass(frozen=True)
class Diagnosis:
    """What was found out.

    Attributes
    ----------
    level : str
        The strongest level of isolation that works here; empty if none does.
    failures : dict of str to str
        For each level that does not work, why.
    helps : str
        The one command, or the one thing to do, that would help; empty if all is well.
    cores : int
        How many submissions are run at once by default.
    course : str
        What the configuration of the course in this folder lacks; empty if nothing, or
        if there is no course.
    versions : dict of str to str
        Of what a grade may depend on; "not installed" for an optional package.
    exchange : str
        What is wrong with nbgrader's exchange, if the course in this folder uses it.
    """

    level: str
    failures: dict[str, str]
    helps: str
    cores: int
    course: str
    versions: dict[str, str]
    exchange: str = ""


def doctor() -> Diagnosis:
    """Try every level of isolation; read versions and the course's configuration."""
    failed = failing_levels()
    level = next((level for level in LEVELS if level not in failed), "")
    helps = "" if level == LEVELS[0] else what_helps()
    lacks = what_lacks(Path())
    exchange = what_the_exchange_lacks(Path())
    return Diagnosis(level, failed, helps, pool.cores(), lacks, _versions(), exchange)


def what_lacks(folder: Path) -> str:
    """Say what a course needs so that nbgrader's own commands are safe there, too."""
    if not (folder / "nbgrader_config.py").is_file():
        return ""
    try:
        config = find_course(folder).config
    except CourseError as error:
        return str(error)
    lacking = [
        f"c.{section}.{option}"
        for (section, option), name in NAMED.items()
        if not _holds(config.get(section, {}).get(option), name)
    ]
    if not lacking:
        return ""
    return (
        "nbgrader and formgrader run students' code without a sandbox or show hidden "
        f"tests here: set {', '.join(lacking)} in nbgrader_config.py as in "
        "docs/another-course.md"
    )


def what_the_exchange_lacks(folder: Path) -> str:
    """Say why students could not hand in through the exchange, or could look into it.

    A course uses it if its configuration names the folder, or if nbgrader's default
    is there.
    """
    if not (folder / "nbgrader_config.py").is_file():
        return ""
    try:
        course = find_course(folder)
    except CourseError:
        return ""  # which `what_lacks` says
    root = Path(Exchange(coursedir=course.directory, config=course.config).root)
    if "root" not in course.config.get("Exchange", {}) and not root.exists():
        return ""
    if not root.is_dir():
        return f"the exchange {root} is not there: make it, with mode 0777"
    if not os.access(root, os.W_OK | os.X_OK) or not _has_mode(root, 0o003):
        return f"not everybody can write to the exchange {root}: chmod 0777 {root}"
    name = course.directory.course_id
    if not name:
        return "c.CourseDirectory.course_id is empty, and the exchange needs it"
    for part, wanted in (("inbound", "wx"), ("feedback", "x")):
        place = root / name / part
        if not place.is_dir():
            continue  # nbgrader makes it when it is needed
        if not _has_mode(place, {"wx": 0o003, "x": 0o001}[wanted]):
            return f"students cannot use {place}: chmod o+{wanted} {place}"
        if _has_mode(place, 0o004):
            return f"students can list what others have in {place}: chmod o-r {place}"
    return ""


def _has_mode(place: Path, wanted: int) -> bool:
    return place.stat().st_mode & wanted == wanted


def _holds(value: Any, name: str) -> bool:
    """Tell whether an option holds a class, by its dotted name or the class itself."""
    values = value if isinstance(value, list | tuple) else [value]
    return any(
        one is import_item(name) if isinstance(one, type) else one == name
        for one in values
    )


def what_helps() -> str:
    """Name the one thing to do for the strongest level, which does not work here."""
    if sys.platform != "linux":
        return (
            "run the grader on Linux; on Windows inside WSL2, on macOS in a container"
        )
    if shutil.which("bwrap") is None:
        installers = (line for name, line in _INSTALLERS.items() if shutil.which(name))
        return next(installers, "install bubblewrap with the system's package manager")
    if _setting(_UBUNTU) == "1":
        return (
            "apt install apparmor-profiles && ln -s "
            "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ "
            "&& systemctl reload apparmor"
        )
    for path, (forbids, allows) in _SETTINGS.items():
        if _setting(path) == forbids:
            name = path.removeprefix("/proc/sys/").replace("/", ".")
            return f"sysctl -w {name}={allows}"
    return (
        "run the grader where user namespaces are allowed: on the machine itself, or "
        "in a container in which bwrap --unshare-all --ro-bind / / true works"
    )


def _setting(path: str) -> str:
    file = Path(path)
    return file.read_text().strip() if file.is_file() else ""


def _versions() -> dict[str, str]:
    found = {
        "autograder": autograder.__version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }
    if sys.platform == "linux":
        found["Landlock"] = f"version {landlock_abi()}"
        found["bubblewrap"] = _bubblewrap()
    for name in (*PACKAGES, *OPTIONAL):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _bubblewrap() -> str:
    try:
        done = subprocess.run(
            ["bwrap", "--version"], capture_output=True, text=True, timeout=10
        )
    except OSError:
        return "not installed"
    return done.stdout.strip().removeprefix("bubblewrap ")
