"""Run notebooks as graders do that have no sandbox: student and tests in one process.

This is the control of the cheats. ``python plain.py FOLDER``: each folder inside holds
a ``notebook.ipynb`` and is the working folder of its run, in a fork of its own; what
came of it is ``ran.ipynb``. Outputs are kept as by a kernel, and nothing is prevented.
"""

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

SECONDS = 15  # for one notebook


def run(folder: Path) -> None:
    """Run the notebook in `folder`, in this process."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type

    outputs: list[dict] = []

    class Stream:
        """Keeps what is printed."""

        encoding = "utf-8"

        def __init__(self, name: str) -> None:
            self.name = name

        def write(self, text: str) -> int:
            outputs.append({"output_type": "stream", "name": self.name, "text": text})
            return len(text)

        def flush(self) -> None:
            """Nothing waits."""

    class Hook(DisplayHook):
        """Keeps the value of a last expression."""

        def write_output_prompt(self) -> None:
            """Show no prompt."""

        def write_format_data(self, format_dict: dict, md_dict: object = None) -> None:
            outputs.append(
                {
                    "output_type": "execute_result",
                    "data": {k: str(v) for k, v in format_dict.items()},
                    "metadata": {},
                    "execution_count": 1,
                }
            )

    class Publisher(DisplayPublisher):
        """Keeps what is displayed."""

        def publish(self, data: dict, metadata: object = None, **_: object) -> None:
            data = {k: str(v) for k, v in data.items()}
            outputs.append(
                {"output_type": "display_data", "data": data, "metadata": {}}
            )

    class Shell(InteractiveShell):
        """A shell whose outputs are those of a notebook."""

        displayhook_class = Type(Hook)
        display_pub_class = Type(Publisher)

        def _showtraceback(
            self, etype: type, evalue: BaseException, stb: list[str]
        ) -> None:
            error = {"ename": etype.__name__, "evalue": str(evalue)}
            error["traceback"] = list(map(str, stb))
            outputs.append({"output_type": "error", **error})

    os.chdir(folder)
    sys.path.insert(0, "")
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    Shell.clear_instance()
    shell = Shell.instance()
    shell.history_manager.enabled = False
    sys.displayhook = shell.displayhook
    notebook = json.loads(Path("notebook.ipynb").read_text())
    target = os.open("ran.ipynb", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
    truncate, write, dumps = os.ftruncate, os.pwrite, json.dumps  # not yet patched

    def save() -> None:
        truncate(target, 0)
        write(target, dumps(notebook).encode(), 0)

    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            with contextlib.suppress(KeyboardInterrupt):
                shell.run_cell("".join(cell["source"]), store_history=True)
            cell["outputs"] = list(outputs)
            outputs.clear()
        save()


def main(top: Path) -> None:
    """Run the notebook of each folder in a process of its own."""
    import numpy.testing  # noqa: F401 - loaded once, for every fork

    for folder in sorted(top.iterdir()):
        child = os.fork()
        if child == 0:
            os.setsid()
            try:
                run(folder)
            finally:
                os._exit(0)
        end = time.monotonic() + SECONDS
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                os.killpg(child, signal.SIGKILL)
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what it left behind


if __name__ == "__main__":
    main(Path(sys.argv[1]))
