"""The outermost process of a run at the level lockdown: it leaves nobody behind.

Started as ``python -I -S warden.py CONFIG`` by the grader, with its rights and outside
the walls. It makes itself the parent of every orphan of the run, starts the student's
process (as another user when it is root), and ends everything, itself last, when the
student's process ends, when the grader ends, or on SIGTERM. Standard library only.

`CONFIG` is a JSON object: ``argv``, ``uid`` (an int or null), ``descriptors`` (those
that the student's process keeps, besides 0, 1 and 2), ``lifeline`` (a descriptor that
is readable at its end once the grader is gone).
"""

import contextlib
import json
import os
import select
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(__file__))))

from autograder.runner import lockdown, meter


def _student(config: dict) -> None:
    """Become the student's process: another session, another user, no way back."""
    lockdown.die_with_parent(signal.SIGKILL)
    os.setsid()
    if config["uid"] is not None:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
        lockdown.die_with_parent(signal.SIGKILL)  # a change of user clears it
    os.execv(config["argv"][0], config["argv"])


def _end_everybody() -> None:
    """Kill until no descendant is left, and reap them."""
    me = os.getpid()
    while living := meter.descendants(me):
        for stat in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stat.pid, signal.SIGKILL)
        _reap(block=False)


def _reap(block: bool, watched: int = 0) -> int | None:
    """Wait for ended children; return the wait status of `watched` if it was there."""
    result = None
    while True:
        try:
            pid, status = os.waitpid(-1, 0 if block else os.WNOHANG)
        except ChildProcessError:
            return result
        if pid == 0:
            return result
        if pid == watched:
            result = status
        block = False


def main() -> None:
    """Start the student's process, wait for an end, leave nobody behind."""
    config = json.loads(sys.argv[1])
    lockdown.die_with_parent(signal.SIGTERM)
    lockdown.become_subreaper()
    os.set_inheritable(config["lifeline"], False)
    wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)

    child = os.fork()
    if child == 0:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _student(config)
        except BaseException as error:
            os.write(2, f"warden: {type(error).__name__}: {error}\n".encode())
            os._exit(127)
    # The pipes of the student's process must end with the student's processes.
    for descriptor in [*config["descriptors"], 1, 2]:
        os.close(descriptor)

    status = None
    while status is None and not stopped:
        ready, _, _ = select.select([wake, config["lifeline"]], [], [])
        if config["lifeline"] in ready:
            break
        with contextlib.suppress(BlockingIOError):
            os.read(wake, 512)
        status = _reap(block=False, watched=child)
    _end_everybody()
    code = os.waitstatus_to_exitcode(status) if status is not None else -9
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
