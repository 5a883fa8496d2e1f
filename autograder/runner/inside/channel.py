"""The pipe to the grader: messages, and what is written to stdout and stderr.

Text is sent at once, so that a crash loses none. A token bucket limits how often: while
it is empty, text is gathered and sent in larger pieces.
"""

import _signal
import builtins
import io
import os
import threading
import time
from typing import Any

from autograder.runner.inside import frames

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

_MOST_TOKENS = 64.0  # each sending takes one
_TOKENS_PER_SECOND = 200.0
_STREAM_BYTES = 32768
_ALL_SIGNALS = _signal.valid_signals()
_mask_signals = _signal.pthread_sigmask  # that of `signal` looks builtins up


class Channel:
    """Messages to the grader, whole, whatever signals arrive."""

    def __init__(self, descriptor: int) -> None:
        """Send over `descriptor`, a pipe."""
        self._descriptor = descriptor
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._stream = ""
        self._text: list[str] = []
        self._size = 0
        self._tokens = _MOST_TOKENS
        self._filled = time.monotonic()

    def send(self, message: dict[str, Any]) -> None:
        """Send `message`, after the text that is still waiting."""
        self.flush()
        self._write(frames.encode(message))

    def write(self, stream: str, text: str) -> None:
        """Send `text` of the stream "stdout" or "stderr", soon."""
        if os.getpid() != self._owner:  # a fork must not write frames between ours
            data = text.encode("utf-8", "replace")
            os.write(1 if stream == "stdout" else 2, data)
            return
        with self._lock:
            if stream != self._stream:
                self.flush()
                self._stream = stream
            self._text.append(text)
            self._size += len(text)
            if self._take_token() or self._size > _STREAM_BYTES:
                self.flush()

    def _take_token(self) -> bool:
        """Take a token from the bucket; return False if it is empty."""
        now = time.monotonic()
        added = (now - self._filled) * _TOKENS_PER_SECOND
        self._filled = now
        self._tokens = min(_MOST_TOKENS, self._tokens + added)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def flush(self) -> None:
        """Send the text that is still waiting."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            text = "".join(self._text)
            self._text.clear()
            self._size = 0
            for start in range(0, len(text), _STREAM_BYTES):
                output = {
                    "output_type": "stream",
                    "name": self._stream,
                    "text": text[start : start + _STREAM_BYTES],
                }
                self._write(frames.encode({"t": frames.OUTPUT, "output": output}))

    def _write(self, frame: bytes) -> None:
        if os.getpid() != self._owner:
            return
        with self._lock:
            # An interrupt between two halves of a frame would spoil all that follow.
            before = _mask_signals(_signal.SIG_BLOCK, _ALL_SIGNALS)
            try:
                view = memoryview(frame)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            finally:
                _mask_signals(_signal.SIG_SETMASK, before)


class OutStream(io.TextIOBase):
    """A text stream whose text becomes an output of the running cell."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, channel: Channel, name: str, descriptor: int) -> None:
        """Make the stream `name` ("stdout" or "stderr") of `channel`."""
        self._channel = channel
        self.name = name
        self._descriptor = descriptor

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the pipe that the grader reads."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Pass `text` on to the channel; return its length."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        if text:
            self._channel.write(self.name, text)
        return len(text)

    def flush(self) -> None:
        """Send what is waiting."""
        self._channel.flush()
