"""IPython as a kernel has it, without the kernel: its outputs go to a channel."""

import base64
import builtins
import json
import sys
import zlib
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from autograder.runner.inside import frames, tracebacks
from autograder.runner.inside.link.proxy import Proxy, Refused, SnapshotGone, Tampering

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins


def _json_value(value: Any) -> Any:
    """Return what a kernel would send for `value`: bytes as base64, the rest as is."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value


def no_input(prompt: object = "") -> str:
    """Raise what a kernel raises when nobody is there to answer."""
    raise StdinNotImplementedError(
        "raw_input was called, but this frontend does not support input requests."
    )


def no_password(prompt: object = "", stream: object = None) -> str:
    """Raise what a kernel raises when nobody is there to answer."""
    raise StdinNotImplementedError(
        "getpass was called, but this frontend does not support input requests."
    )


class _Compiler(CachingCompiler):
    """Names cells as a kernel does, since warnings and tracebacks show the name."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        number = zlib.crc32(raw_code.encode("utf-8", "replace"))
        return f"/tmp/ipykernel_1/{number}.py"


class _Publisher(DisplayPublisher):
    """Sends what `display` shows."""

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: object = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_: object,
    ) -> None:
        output = {
            "output_type": "display_data",
            "data": _json_value(data),
            "metadata": _json_value(metadata or {}),
        }
        message: dict[str, Any] = {"t": frames.OUTPUT, "output": output}
        if (transient or {}).get("display_id") is not None:
            message["id"] = str(transient["display_id"])
            message["update"] = bool(update)
        self.shell.channel.send(message)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.channel.send({"t": frames.CLEAR, "wait": bool(wait)})


class _Hook(DisplayHook):
    """Sends the value of a cell's last expression."""

    def compute_format_data(self, result: Any) -> Any:
        if issubclass(type(result), Proxy):  # in a test this would be its points
            raise Refused("an object of the student's code is no result of a test")
        return super().compute_format_data(result)

    def start_displayhook(self) -> None:
        self.output = {
            "output_type": "execute_result",
            "data": {},
            "metadata": {},
            "execution_count": None,
        }

    def write_output_prompt(self) -> None:
        self.output["execution_count"] = self.prompt_count

    def write_format_data(
        self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None
    ) -> None:
        self.output["data"] = _json_value(format_dict)
        self.output["metadata"] = _json_value(md_dict or {})

    def finish_displayhook(self) -> None:
        if self.output["data"]:
            self.shell.channel.send({"t": frames.OUTPUT, "output": self.output})


class StudentShell(InteractiveShell):
    """IPython as a kernel has it, without the kernel."""

    channel: Any = None  # no trait: to set one, traitlets looks builtins up
    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)
    compiler_class = Type(_Compiler)
    colors_force = True
    autoindent = False

    @property
    def user_global_ns(self) -> dict[str, Any]:
        """The names of the cells: also for functions that they define."""
        return self.user_ns

    def _get_exc_info(self, exc_tuple: Any = None) -> tuple[Any, Any, Any]:
        kind, error, _ = super()._get_exc_info(exc_tuple)
        tracebacks.hide_runner(error)
        return kind, error, error.__traceback__

    def _showtraceback(
        self, etype: type, evalue: BaseException, stb: list[str]
    ) -> None:
        if etype in (
            Tampering,
            SnapshotGone,
        ):  # the shell reports it when the cell ends
            return
        if where := getattr(evalue, "_link_where", ""):
            stb = [*stb[:-1], *where.split("\n"), *stb[-1:]]
        try:
            text = str(evalue)
        except Exception:
            text = f"<{etype.__name__} that cannot be printed>"
        output = {
            "output_type": "error",
            "ename": str(etype.__name__),
            "evalue": text,
            "traceback": [str(line) for line in stb],
        }
        self.channel.send({"t": frames.OUTPUT, "output": output})
        self._last_traceback = stb

    def system(self, cmd: str) -> None:
        """Run a shell command, whose output does not pass through the channel."""
        sys.stdout.flush()
        self.system_raw(cmd)

    def ask_exit(self) -> None:
        """Go on: the end of a cell that says `quit()` is not the end of the run."""

    def enable_gui(self, gui: object = None) -> None:
        """Do nothing: there is no screen."""


def build_ipython() -> Any:
    """Return an IPython shell that sends its outputs to `shell.channel`."""
    config = Config()
    config.HistoryManager.enabled = False
    StudentShell.clear_instance()
    return StudentShell.instance(config=config)
