"""Modules that a warm process has loaded and keeps hidden until they are imported.

A process that has loaded ``matplotlib.pyplot`` would let a notebook that only says
``import matplotlib`` use ``matplotlib.pyplot``, which fails anywhere else. So those
modules of a package that importing the package does not load are taken away again, out
of ``sys.modules`` and off the package; the first import of one puts all of its
package's back, which takes no time.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterable
from types import ModuleType


class Preloaded(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds hidden modules before anything looks for files."""

    def __init__(self, packages: Iterable[str], names: Iterable[str]) -> None:
        """Load modules, and hide what the import of `packages` does not load.

        Parameters
        ----------
        packages : iterable of str
            Packages; those that are not installed are left out.
        names : iterable of str
            Modules, of these packages or not; likewise.
        """
        packages = list(packages)
        _load(packages)
        visible = set(sys.modules)
        _load(names)
        self._modules: dict[str, ModuleType] = {
            name: sys.modules.pop(name)
            for name in set(sys.modules) - visible
            if name.partition(".")[0] in packages
        }
        for name, module in self._modules.items():
            package, _, last = name.rpartition(".")
            parent = sys.modules.get(package)
            if parent is not None and vars(parent).get(last) is module:
                delattr(parent, last)
        self._specs = {name: m.__spec__ for name, m in self._modules.items()}
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module if it is hidden."""
        if fullname not in self._modules:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Put the module and all others of its package back."""
        module = self._modules[spec.name]
        top = spec.name.partition(".")[0]
        taken = [name for name in self._modules if name.partition(".")[0] == top]
        for name in taken:
            other = self._modules.pop(name)
            package, _, last = name.rpartition(".")
            sys.modules[name] = other
            parent = sys.modules.get(package) or self._modules.get(package)
            if parent is not None and not hasattr(parent, last):
                setattr(parent, last, other)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it is: it has been executed."""
        module.__spec__ = self._specs[module.__name__]


def _load(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
