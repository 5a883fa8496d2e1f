"""The grader's ends of the pipes of a run, all waited for together.

`Pipes` knows which descriptor belongs to which side and what it carries; it does not
know what the messages mean. What a side is slow to read waits here until it can be
written.
"""

import contextlib
import os
import selectors
import socket
from collections.abc import Iterator
from typing import Any

from autograder.runner.inside import frames
from autograder.runner.side import Side


class Pipes:
    """The pipes of the sides of one run.

    Attributes
    ----------
    link : socket.socket or None
        While an unprotected test runs in its snapshot: the connection to that, which
        stands in for the student's pipes.
    """

    def __init__(self) -> None:
        """Begin with no side."""
        self.link: socket.socket | None = None
        self._selector = selectors.PollSelector()  # epoll counts its watches by user

    def add(self, side: Side) -> None:
        """Listen to a side that has been started, and send what is to be sent to it."""
        register = self._selector.register
        register(side.results, selectors.EVENT_READ, (side, "results"))
        register(side.status, selectors.EVENT_READ, (side, "status"))
        for descriptor in side.raw:
            register(descriptor, selectors.EVENT_READ, (side, "raw"))
        self._flush(side)

    def leave(self, side: Side, keep_raw: bool = False) -> None:
        """Listen to a side no more; with `keep_raw`, still to what it writes raw."""
        ends = [side.results, side.status, side.job]
        for end in ends if keep_raw else [*ends, *side.raw]:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)

    @contextlib.contextmanager
    def talk_over(self, link: socket.socket, side: Side) -> Iterator[None]:
        """Talk to a snapshot of `side` over `link`, instead of to the side itself."""
        self.link = link
        link.setblocking(False)
        side.forget_messages()
        self._selector.register(link, selectors.EVENT_READ, (side, "link"))
        try:
            yield
        finally:
            with contextlib.suppress(KeyError):
                self._selector.unregister(link)
            self.link = None

    def listens_to(self, descriptor: int) -> bool:
        """Return whether `descriptor` is waited for."""
        return descriptor in self._selector.get_map()

    def forget(self, descriptor: int) -> None:
        """Wait for `descriptor` no more."""
        self._selector.unregister(descriptor)

    def wait(self, seconds: float) -> Iterator[tuple[Side, str, int]]:
        """Wait until something can be read; write what can be written.

        Yields
        ------
        side, kind, descriptor
            `descriptor` has something to read: ``raw`` text, the ``status`` of a side
            that has ended, or messages, as ``results`` or over the ``link``.
        """
        for key, events in self._selector.select(seconds):
            side, kind = key.data
            if events & selectors.EVENT_WRITE:
                self._flush(side)
            if events & selectors.EVENT_READ:
                yield side, kind, key.fd

    def read(self, descriptor: int) -> bytes | None:
        """Read some of what is there: None if nothing is, b"" at the end."""
        try:
            return os.read(descriptor, frames.READ_BYTES)
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""

    def read_raw(self, side: Side, descriptor: int) -> tuple[str, str, int] | None:
        """Read some of what was written to descriptor 1 or 2 of `side`.

        Other programs and C code write there, past the shell.

        Returns
        -------
        stream, text, size
            The stream's name, its text, and how many bytes that was; None if there is
            nothing.
        """
        data = self.read(descriptor)
        if data == b"":
            self.forget(descriptor)
        if not data:
            return None
        stream, decoder = side.raw[descriptor]
        return stream, decoder.decode(data), len(data)

    def send(self, side: Side, message: dict[str, Any]) -> None:
        """Send `message` to a side, which may be slow to read it."""
        side.outgoing += frames.encode(message)
        self._flush(side)

    def _flush(self, side: Side) -> None:
        """Write what the side takes now; wait for when it takes the rest."""
        end, kind = (side.job, "job") if self.link is None else (self.link, "link")
        wanted = 0 if self.link is None else selectors.EVENT_READ
        try:
            while side.outgoing:
                sent = end.send(side.outgoing[: frames.READ_BYTES])
                del side.outgoing[:sent]
        except BlockingIOError:
            wanted |= selectors.EVENT_WRITE
        except OSError:
            side.outgoing.clear()  # the end will be noticed on another descriptor
        registered = end in self._selector.get_map()
        if registered and wanted:
            self._selector.modify(end, wanted, (side, kind))
        elif registered:
            self._selector.unregister(end)
        elif wanted:
            self._selector.register(end, wanted, (side, kind))

    def close(self) -> None:
        """Stop waiting for anything."""
        self._selector.close()
