"""Which files the student's process needs to run the Python that runs this.

Only what is needed is named: the standard library, the installed packages, the
interpreter itself. Never the prefix as a whole, since that may be a home folder, and
never the folder above a virtual environment, since that may be the course.

When the grader is root and its Python lies in a folder that no other user may enter
(a private home), a copy of these files is used: see `interpreter_copy`.
"""

import contextlib
import os
import site
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Interpreter:
    """A Python that the student's process can run.

    Attributes
    ----------
    executable : str
        The program to start.
    readable : tuple of str
        Files and folders it needs besides those of the system.
    packages : tuple of str
        Folders of packages that it does not find by itself.
    library_path : str
        Folder of its shared library, where the one built into it cannot be read.
    """

    executable: str
    readable: tuple[str, ...]
    packages: tuple[str, ...] = ()
    library_path: str = ""


def package_folders() -> list[Path]:
    """Return the folders of installed packages that this process uses, in order."""
    own = {Path(p).resolve() for p in site.getsitepackages()}
    own.add(Path(site.getusersitepackages()).resolve())
    own |= {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    return [Path(p) for p in sys.path if p and Path(p).resolve() in own]


def _links_and_targets(path: Path) -> list[Path]:
    """Return `path` and what each of its symbolic links leads to."""
    found = [path]
    while path.is_symlink():
        path = path.parent / os.readlink(path)
        found.append(path)
    return [*found, path.resolve()]


def here() -> Interpreter:
    """Return this very interpreter, where it is."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    bases = [Path(sys.base_prefix), Path(sys.base_prefix).resolve()]
    needed: list[Path] = _links_and_targets(Path(sys.executable))
    needed.append(Path(sys.prefix) / "pyvenv.cfg")
    for base in bases:
        if (base / "conda-meta").is_dir():
            needed.append(base / "lib")  # shared libraries of the packages lie here
        needed += [base / "lib" / version, base / "lib64" / version]
        needed += sorted((base / "lib").glob("libpython*.so*"))
    needed += [Path(sysconfig.get_path(n)) for n in ("stdlib", "platstdlib")]
    needed += package_folders()
    with contextlib.suppress(ValueError):
        user_site = Path(site.getusersitepackages())
    packages = (str(user_site),) if user_site in package_folders() else ()
    # A Python that finds its library only by LD_LIBRARY_PATH needs that inside too.
    searched = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    library_path = next(
        (p for p in searched if p and any(Path(p).glob("libpython*.so*"))), ""
    )
    if library_path:
        needed += sorted(Path(library_path).glob("libpython*.so*"))
    found = dict.fromkeys(str(path) for path in needed if path.exists())
    return Interpreter(sys.executable, _outermost(found), packages, library_path)


def _outermost(paths: dict[str, None]) -> tuple[str, ...]:
    """Leave out every path that lies beneath another one."""
    return tuple(
        path
        for path in paths
        if not any(path != other and path.startswith(other + "/") for other in paths)
    )
