"""Frames of one JSON value and raw bytes, both ways over one socket.

`Stream` joins the checker and a snapshot of the student's process. The reader trusts
nothing: a wrong magic number, a part over its cap, too many containers or a text that
is not one JSON value raises `BadFrame` or `TooLarge`.
"""

import builtins
import json
import json.encoder
import json.scanner
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

LINK_MAGIC = b"AGL1"
_LINK_HEADER = struct.Struct(">4sIQ")
_READ_AHEAD = 65536
_JOINED = 1 << 15  # bytes up to which copying them together costs less than two calls
_MOST_PARTS = 64  # in one call
_write_some = os.writev
# The functions in C beneath those of `json` and `os`: honest student code may replace
# these, and those of `json` look builtins up.
_encode_json = json.encoder.c_make_encoder(
    None,
    None,
    json.encoder.encode_basestring_ascii,
    None,
    ":",
    ",",
    False,
    False,
    True,
)
_decode_json = json.scanner.c_make_scanner(json.JSONDecoder(strict=True))


_MOST_CONTAINERS = 2_000_000  # each takes 56 bytes of text that may be 3 bytes long


def _containers(text: bytes) -> int:
    return text.count(b"[") + text.count(b"{")


class BadFrame(Exception):
    """What came over the link is not a frame."""


class TooLarge(BadFrame):
    """A frame is larger than its cap allows, or all frames together are."""


class Closed(Exception):
    """The other end of the link is gone."""


class Raw:
    """The raw bytes of a frame that have not been taken yet.

    Attributes
    ----------
    left : int
        How many there are.
    """

    __slots__ = ("_stream", "left")

    def __init__(self, stream: "Stream") -> None:
        """Begin with none."""
        self._stream = stream
        self.left = 0

    def take(self, size: int) -> bytes | bytearray:
        """Return the next `size` bytes, at most those that are left."""
        self.left -= size
        return self._stream.take(size)

    def take_into(self, view: memoryview) -> None:
        """Fill `view`, at most as long as what is left, with the next bytes."""
        self.left -= len(view)
        self._stream.take_into(view)


class Stream:
    """Frames over a connected socket.

    A frame is the four bytes ``AGL1``, the lengths of its two parts (32 and 64 bits,
    big-endian), a JSON value in ASCII and raw bytes.

    Parameters
    ----------
    descriptor : int
        A connected AF_UNIX stream socket. The stream owns it.
    most_text, most_raw : int
        The largest parts accepted, in bytes.
    most_total : int
        How many bytes cross in all, each way.
    """

    def __init__(
        self,
        descriptor: int,
        most_text: int = 1 << 24,
        most_raw: int = 1 << 28,
        most_total: int = 1 << 32,
    ) -> None:
        """Begin with nothing read."""
        self._socket = socket.socket(
            socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor
        )
        self._buffer = bytearray(_READ_AHEAD)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._raw = Raw(self)
        self._most = most_text, most_raw
        self._to_send = most_total
        self._to_take = most_total + most_raw  # so that what this end sends can arrive

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def pack(self, tree: Any, buffers: Sequence[Any] = ()) -> list[Any]:
        """Return the parts of a frame.

        Raises
        ------
        TooLarge
            If the other end would refuse it.
        """
        text = "".join(_encode_json(tree, 0)).encode("ascii")
        size = sum(map(len, buffers))
        if len(text) > self._most[0] or size > self._most[1]:
            raise TooLarge(f"{len(text) + size} bytes are too many for one message")
        if len(text) > _MOST_CONTAINERS and _containers(text) > _MOST_CONTAINERS:
            raise TooLarge("too many containers for one message")
        self._to_send -= len(text) + size
        if self._to_send < 0 and len(text) + size > _READ_AHEAD:
            raise TooLarge("too many bytes in all messages together")
        return [_LINK_HEADER.pack(LINK_MAGIC, len(text), size) + text, *buffers]

    def send(self, parts: Sequence[Any]) -> None:
        """Send the parts of a frame.

        Raises
        ------
        Closed
            If the other end is gone.
        """
        send = self._socket.sendall
        try:
            if len(parts) == 1:
                send(parts[0])
            elif sum(map(len, parts)) <= _JOINED:
                send(b"".join(parts))
            else:
                few = len(parts) <= _MOST_PARTS
                sent = _write_some(self._socket.fileno(), parts) if few else 0
                for part in parts:
                    if sent < len(part):
                        send(memoryview(part)[sent:])
                    sent = max(0, sent - len(part))
        except OSError as error:
            raise Closed("the other end of the link is gone") from error

    def receive(self) -> "tuple[Any, Raw]":
        """Return the JSON value of the next frame, and what gives its raw bytes.

        The next call drops those that have not been taken.

        Raises
        ------
        Closed
            If the other end is gone.
        BadFrame
            If what came is not a frame, or too large.
        """
        while self._raw.left:  # whoever read the last frame gave up
            self._raw.take(min(self._raw.left, _READ_AHEAD))
        if self._end - self._start < _LINK_HEADER.size:
            self._read_ahead(_LINK_HEADER.size)
        magic, text_size, raw_size = _LINK_HEADER.unpack_from(self._buffer, self._start)
        self._start += _LINK_HEADER.size
        if magic != LINK_MAGIC:
            raise BadFrame("the bytes are not a frame")
        if text_size > self._most[0] or raw_size > self._most[1]:
            raise TooLarge(f"a frame of {text_size} + {raw_size} bytes")
        self._to_take -= text_size + raw_size
        if self._to_take < 0:
            raise TooLarge("too many bytes in all")
        text_part = self.take(text_size)
        if text_size > _MOST_CONTAINERS and _containers(text_part) > _MOST_CONTAINERS:
            raise TooLarge("too many containers")
        try:
            text = str(text_part, "ascii")
            tree, end = _decode_json(text, 0)
        except (ValueError, StopIteration, RecursionError) as error:
            raise BadFrame("the text of a frame is not JSON") from error
        if end != len(text):
            raise BadFrame("the text of a frame is not one JSON value")
        self._raw.left = raw_size
        return tree, self._raw

    def take(self, size: int) -> bytes | bytearray:
        """Return the next `size` bytes."""
        if size > _READ_AHEAD:
            data = bytearray(size)
            self.take_into(memoryview(data))
            return data
        if self._end - self._start < size:
            self._read_ahead(size)
        self._start += size
        return bytes(self._view[self._start - size : self._start])

    def take_into(self, view: memoryview) -> None:
        """Fill `view` with the next bytes."""
        filled = min(len(view), self._end - self._start)
        view[:filled] = self._view[self._start : self._start + filled]
        self._start += filled
        while filled < len(view):
            filled += self._read(view[filled:])

    def _read_ahead(self, size: int) -> None:
        """Read until `size` bytes, at most the whole buffer, lie there together."""
        if self._start:
            held = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, len(held)
            self._buffer[: len(held)] = held
        while self._end < size:
            self._end += self._read(self._view[self._end :])

    def _read(self, view: memoryview) -> int:
        try:
            count = self._socket.recv_into(view)
        except OSError as error:
            raise Closed("the other end of the link is gone") from error
        if not count:
            raise Closed("the other end of the link is gone")
        return count
