"""What crosses between the grader and the student's process: JSON, framed and capped.

A frame is the four bytes ``AGR1``, the length of the body as a big-endian 32-bit
number, and the body: one JSON object in UTF-8. The student's code shares a process
with the writer of the frames, so the reader trusts nothing: a wrong magic number, a
length over the cap or a body that is no JSON object raises `WireError` or `TooLarge`,
and the reader never holds more than one capped frame and one read.

`Stream` is the link between the checker and a snapshot of the student's process: frames
of one JSON value and raw bytes, both ways over one socket.
"""

import json
import json.encoder
import json.scanner
import struct
from builtins import bytearray, bytes, len, str
from collections.abc import Iterator
from typing import Any

MAGIC = b"AGR1"
_HEADER = struct.Struct(">4sI")
READ_BYTES = 65536
PACKET_BYTES = 2**20  # at most, between the grader and the warm process


class WireError(Exception):
    """What came over the pipe is not a frame of the runner."""


class TooLarge(WireError):
    """A frame announces more bytes than the cap allows."""


def encode(message: dict[str, Any]) -> bytes:
    """Return `message` as one frame.

    Raises
    ------
    TypeError, ValueError
        If `message` cannot be written as JSON.
    """
    body = json.dumps(message, ensure_ascii=False, allow_nan=False).encode(
        "utf-8", "backslashreplace"
    )
    return _HEADER.pack(MAGIC, len(body)) + body


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class Decoder:
    """Turn bytes, in any pieces, into messages.

    Parameters
    ----------
    cap : int
        The largest body accepted, in bytes.
    """

    def __init__(self, cap: int) -> None:
        """Begin with nothing read."""
        self._cap = cap
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[dict[str, Any], int]]:
        """Yield each message that `data` completes, with its size in bytes.

        Raises
        ------
        WireError
            If the bytes are not a frame.
        TooLarge
            If a frame announces a body larger than the cap.
        """
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            magic, length = _HEADER.unpack_from(self._buffer)
            if magic != MAGIC:
                raise WireError("the bytes are not a frame")
            if length > self._cap:
                raise TooLarge(f"a frame of {length} bytes, over {self._cap}")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            try:
                message = json.loads(body, parse_constant=_refuse)
            except (ValueError, RecursionError) as error:
                raise WireError("the body of a frame is not JSON") from error
            if not isinstance(message, dict):
                raise WireError("the body of a frame is not a JSON object")
            yield message, end
