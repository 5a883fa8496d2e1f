"""Modules as the checker sees them: its own, and those of the student's side."""

import builtins
import functools
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
import types
from collections.abc import Collection
from typing import Any

from autograder.runner.inside.link import protocol
from autograder.runner.inside.link.proxy import get_own

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

# ------------------------------------------------------------------------------------
# Modules of the checker's own


def full_name(value: Any) -> str:
    """Return module and qualified name of a class or function."""
    return f"{value.__module__}.{value.__qualname__}"


_FOLDERS = tuple(
    os.path.join(os.path.realpath(path), "")
    for path in {
        sysconfig.get_path(name)
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    if path
)


@functools.cache
def is_installed(name: str) -> bool:
    """Return whether a loaded module is the interpreter's or an installed package's."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if spec is None or name.partition(".")[0] in ("__main__", "autograder"):
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    return isinstance(spec.origin, str) and os.path.realpath(spec.origin).startswith(
        _FOLDERS
    )


def is_found(name: str) -> bool:
    """Return whether a module is the checker's own, loaded or not."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def public_name(value: Any) -> list[str] | None:
    """Return module and name under which an installed module has `value`, or None."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if type(name) is not str:
        return None
    module = getattr(value, "__module__", None)
    for place in (module, "numpy", "numpy.random", "scipy.special"):
        found = sys.modules.get(place) if type(place) is str else None
        if found is None or not is_installed(place):
            continue
        for attempt in {name, name.rpartition(".")[2]}:
            if _walk(found, attempt) is value:
                return [place, attempt]
    return None


def _walk(value: Any, names: str) -> Any:
    for name in names.split("."):
        value = getattr(value, name, None)
    return value


# ------------------------------------------------------------------------------------
# Modules of the student's side


class _Late:
    """The type of `LATE`."""


# What a student's module gives for any name while there is no snapshot to ask. A
# `Namespace` does not bind it: after `from dp import Model` it asks when one is there.
LATE = _Late()


class StudentModule(types.ModuleType):
    """A module that lives on the student's side, whichever snapshot there is now."""

    def __getattr__(self, name: str) -> Any:
        """Ask the student's side."""
        link = get_own(self, "_link_namespace").link
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        if link is None:
            return [] if name == "__all__" else LATE
        module = link.ask(protocol.IMPORT, self.__name__)
        return link.ask(protocol.GET, module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the student's side."""
        link = self.__dict__.get("_link_namespace")
        if link is None or name.startswith("__") or isinstance(value, StudentModule):
            super().__setattr__(name, value)
        else:
            owner = link.link
            if owner is None:
                raise RuntimeError("there is no student's process to set a name in")
            owner.ask(
                protocol.PUT, owner.ask(protocol.IMPORT, self.__name__), name, value
            )


class Finder:
    """Finds the modules of the student's side for `import`."""

    def __init__(self, namespace: Any, modules: Collection[str]) -> None:
        """Find top-level `modules` and what is in them, for a `Namespace`."""
        self._namespace = namespace
        self._modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find a module if it lives on the student's side."""
        if name.partition(".")[0] not in self._modules:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        """Make the module that asks the student's side."""
        module = StudentModule(spec.name)
        module.__dict__["_link_namespace"] = self._namespace
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: what is in it is asked for when it is needed."""
