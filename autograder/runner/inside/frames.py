"""What crosses between the grader and the student's process: JSON, framed and capped.

A frame is the four bytes ``AGR1``, the length of the body as a big-endian 32-bit
number, and the body: one JSON object in UTF-8. The student's code shares a process
with the writer of the frames, so the reader trusts nothing: a wrong magic number, a
length over the cap or a body that is no JSON object raises `WireError` or `TooLarge`,
and the reader never holds more than one capped frame and one read.

The grader talks in these frames with the shell of each side of a run (the student's
process, its snapshots, the checker). A message has its name under ``"t"``; the tables
`FROM_GRADER` and `FROM_SHELL` say what else is in it, and what it means.
"""

import builtins
import json
import json.encoder
import json.scanner
import struct
from collections.abc import Iterator
from typing import Any

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

MAGIC = b"AGR1"
_HEADER = struct.Struct(">4sI")
EXIT = struct.Struct("=II")  # of a run's process: its number inside, its exit code
READ_BYTES = 65536
PACKET_BYTES = 2**20  # at most, between the grader and the warm process

ENTER, RUN, SNAPSHOT, LINK = "enter", "run", "snapshot", "link"
READY, DONE, OUTPUT, CLEAR = "ready", "done", "output", "clear"
TAMPERING, GONE = "tampering", "gone"
FROM_GRADER = {
    ENTER: "lock yourself in: `restrictions`, `box` (the folder), `files` (names and"
    " sizes), `env`, `memory_bytes`, `checker` (whether it is one), `student_modules`"
    " and `answers` (what the checker asks the student's side for)",
    RUN: "run the code `source` as the cell of `number`, which may be missing",
    SNAPSHOT: "fork a snapshot that talks over the socket sent along: to the checker if"
    " `protected`, else to the grader",
    LINK: "use the snapshot at the other end of the socket sent along",
}
FROM_SHELL = {
    READY: "this process is locked in",
    DONE: "what was to run has ended; `passed`: without an exception",
    SNAPSHOT: "the snapshot is the process `pid`, -1 if none could be forked",
    OUTPUT: "show `output`, as nbformat has it; a display may have an `id`, and with"
    " `update` it replaces those of the same id",
    CLEAR: "take away the outputs of the cell; `wait`: only before the next one",
    TAMPERING: "the snapshot sent what only tampering can send: `evidence`",
    GONE: "the snapshot has ended",
}

# The functions in C beneath those of `json`, which themselves look builtins up.
_encode_json = json.encoder.c_make_encoder(
    None,
    json.JSONEncoder().default,
    json.encoder.c_encode_basestring,
    None,
    ": ",
    ", ",
    False,
    False,
    False,
)


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
    text = "".join(_encode_json(message, 0))
    body = text.encode("utf-8", "backslashreplace")
    return _HEADER.pack(MAGIC, len(body)) + body


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_decode_json = json.scanner.c_make_scanner(json.JSONDecoder(parse_constant=_refuse))


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
                text = str(body, "utf-8")
                message, read = _decode_json(text, 0)
            except (ValueError, StopIteration, RecursionError) as error:
                raise WireError("the body of a frame is not JSON") from error
            if read != len(text) or not isinstance(message, dict):
                raise WireError("the body of a frame is not a JSON object")
            yield message, end
