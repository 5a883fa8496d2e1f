"""The snapshots of a student's process, from the request for one to its test cell."""

import contextlib
import socket
from typing import Any

from autograder.runner.inside import frames
from autograder.runner.side import Side


class Snapshots:
    """The snapshots of a student's process that wait for their test cells.

    Each is a process, known by its number inside the sandbox, and our end of the link
    to it.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: dict[int, tuple[socket.socket, int]] = {}  # by code cell
        self._asked: socket.socket | None = None

    @property
    def numbers(self) -> list[int]:
        """The code cells that snapshots wait for, in order."""
        return sorted(self._waiting)

    @property
    def pids(self) -> set[int]:
        """The processes, as they are numbered inside."""
        return {pid for _, pid in self._waiting.values()}

    def ask(self, student: Side, protected: bool) -> None:
        """Ask the student's process for a snapshot, for a test cell."""
        self._asked, theirs = socket.socketpair()
        request = frames.encode({"t": frames.SNAPSHOT, "protected": protected})
        with theirs, contextlib.suppress(OSError):  # an end is noticed elsewhere
            socket.send_fds(student.job, [request], [theirs.fileno()])

    def keep(self, number: int, pid: Any) -> bool:
        """Keep the one asked for, for code cell `number`; return whether there is one.

        `pid` is what the student's process says that it is.
        """
        assert self._asked is not None
        link, self._asked = self._asked, None
        if isinstance(pid, int) and pid > 0:
            self._waiting[number] = link, pid
            return True
        link.close()
        return False

    def take(self, number: int) -> tuple[socket.socket, int]:
        """Return the snapshot for code cell `number`, which waits no more.

        That is the link to it, and the process as it is numbered inside.
        """
        return self._waiting.pop(number)

    def cancel(self) -> None:
        """Give up the one that was asked for, if it has not been taken."""
        if self._asked is not None:
            self._asked.close()
            self._asked = None

    def drop(self) -> None:
        """Give up all."""
        self.cancel()
        for link, _ in self._waiting.values():
            link.close()
        self._waiting.clear()
