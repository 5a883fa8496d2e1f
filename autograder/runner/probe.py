"""Find out, by trying, which sandbox works on this machine.

A probe is a notebook run at the level in question. It has to find the right Python and
numpy, and it has to fail at what a sandbox forbids: reading a file that anybody else
may read, reaching a port that is open, being root. The grader looks from outside too.
"""

import contextlib
import functools
import json
import os
import socket
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from autograder.errors import SandboxError
from autograder.runner import folders, interpreter, interpreter_copy
from autograder.runner.job import Job, Limits
from autograder.runner.run import run_notebook
from autograder.runner.sandbox import Sandbox
from autograder.verdicts import Verdict

LEVELS = ("bwrap", "lockdown")
_SECRET = "canary"

_FIND = """
import json, os, sys
import numpy
found = {"version": sys.version, "numpy": numpy.__version__, "uid": os.getuid(),
         "files": [os.__file__, numpy.__file__]}
"""
_BREAK_OUT = """
import socket
try:
    found["canary"] = open(CANARY).read()
except OSError as error:
    found["canary"] = type(error).__name__
try:
    socket.create_connection(("127.0.0.1", PORT), timeout=2).close()
    found["socket"] = "connected"
except OSError as error:
    found["socket"] = type(error).__name__
try:
    open(CANARY + ".new", "w").close()
    found["write"] = "written"
except OSError as error:
    found["write"] = type(error).__name__
print(json.dumps(found))
"""
_FONTS = """
import pathlib
try:
    import matplotlib
    import matplotlib.font_manager
except ImportError:
    print(json.dumps(""))
else:
    lists = sorted(pathlib.Path(matplotlib.get_cachedir()).glob("fontlist-*.json"))
    print(json.dumps(lists[-1].name + "\\n" + lists[-1].read_text() if lists else ""))
"""


def choose_sandbox(level: str = "auto") -> Sandbox:
    """Return the strongest sandbox that works here, or the one that is asked for.

    Each level is tried once in a process: the first call takes some seconds.

    Parameters
    ----------
    level : str
        "auto", "bwrap" or "lockdown".

    Raises
    ------
    ValueError
        If there is no such level.
    SandboxError
        If no level works; the message says why and what to do.
    """
    if level not in ("auto", *LEVELS):
        raise ValueError(
            f'choose_sandbox: level must be "auto", "bwrap" or "lockdown", got '
            f"{level!r}; take auto for the strongest that works"
        )
    failures = []
    for candidate in LEVELS if level == "auto" else (level,):
        outcome = _tried(candidate)
        if isinstance(outcome, Sandbox):
            return outcome
        failures.append(f"{candidate}: {outcome}")
    raise SandboxError(_what_to_do(failures))


def failing_levels() -> dict[str, str]:
    """Try every level, the strongest first; say why those fail that do."""
    outcomes = {level: _tried(level) for level in LEVELS}
    return {level: why for level, why in outcomes.items() if isinstance(why, str)}


def _what_to_do(failures: list[str]) -> str:
    if sys.platform != "linux":
        advice = "run it on Linux; on Windows inside WSL2, on macOS in a container"
    else:
        advice = (
            "install bubblewrap and allow it user namespaces (on Ubuntu 24.04 the "
            "AppArmor profile bwrap-userns-restrict), or use a kernel with Landlock "
            "(5.13 or later, with landlock among the security modules)"
        )
    return f"choose_sandbox: no sandbox works here ({'; '.join(failures)}); {advice}"


@functools.cache
def _tried(level: str) -> Sandbox | str:
    """Return the sandbox of `level` if its probe succeeds, else the reason it fails."""
    if sys.platform != "linux":
        return "needs Linux"
    reason = ""
    # Not every system that lets bwrap make namespaces lets a run inside make its own.
    for nested in (True, False) if level == "bwrap" else (False,):
        try:
            python = (
                interpreter_copy.for_another_user()
                if os.geteuid() == 0
                else interpreter.here()
            )
            sandbox = Sandbox(level, python, nested)
            return replace(sandbox, fonts=_probe(sandbox))
        except (SandboxError, OSError) as error:
            reason = str(error)
    return reason


def _probe(sandbox: Sandbox) -> str:
    """Run the probe in `sandbox`; return its list of fonts.

    Raises
    ------
    SandboxError
        If something needed is missing inside, or something forbidden is possible.
    """
    with contextlib.ExitStack() as stack:
        top = stack.enter_context(folders.run_folder(os.geteuid() == 0))
        top.chmod(0o755)
        outside = top / "outside"
        outside.mkdir()
        canary = outside / "canary"
        canary.write_text(_SECRET)
        canary.chmod(0o666)
        outside.chmod(0o777)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        known = f"CANARY = {str(canary)!r}\nPORT = {listener.getsockname()[1]}"
        notebook = _notebook(_FIND, known + _BREAK_OUT, _FONTS)
        result = run_notebook(Job(notebook, {}, Limits()), sandbox, warm=False)
        if result.verdict is not Verdict.GRADED:
            raise SandboxError(f"the probe ended {result.verdict}: {result.message}")
        printed = [_printed(cell) for cell in result.notebook.cells]
        try:
            found, fonts = json.loads(printed[1]), json.loads(printed[2])
        except ValueError as error:
            raise SandboxError(f"the probe failed inside: {printed}") from error
        reached = True
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            reached = False
        if reached or found["socket"] == "connected":
            raise SandboxError("the network could be reached from inside")
        if found["canary"] == _SECRET:
            raise SandboxError("a file outside could be read from inside")
        if found["write"] == "written" or Path(f"{canary}.new").exists():
            raise SandboxError("a file outside could be written from inside")
        _check_python(found, sandbox)
    return fonts


def _check_python(found: dict[str, Any], sandbox: Sandbox) -> None:
    """Raise SandboxError unless the Python inside is the one that is meant."""
    wanted = sys.version, metadata.version("numpy")
    if (found["version"], found["numpy"]) != wanted:
        raise SandboxError(
            f"inside are Python and numpy {found['version']}, {found['numpy']}, "
            f"outside {wanted}"
        )
    allowed = ("/usr", *sandbox.interpreter.readable)
    for file in found["files"]:
        if not any(file.startswith(f"{folder}/") for folder in allowed):
            raise SandboxError(f"the Python inside uses {file}, an unknown place")
    if found["uid"] == 0:
        raise SandboxError("the code would run as root")


def _notebook(*sources: str) -> dict[str, Any]:
    cells = [
        {"cell_type": "code", "metadata": {}, "source": s, "outputs": []}
        for s in sources
    ]
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}


def _printed(cell: Any) -> str:
    """Return what `cell` printed, or its error."""
    return "".join(
        output.text if output.output_type == "stream" else output.get("evalue", "")
        for output in cell.outputs
        if output.get("name") != "stderr"
    )
