"""The warm process: it loads the libraries once, then forks a process for each run.

Started by the grader, inside bwrap at that level. It never runs code of a submission
and never holds a test: a fork inherits its memory. For each run it forks

::

    warm process
    └── reaper          reaps, reports how the run's first process ended, ends the rest
        └── the run's first process: locked in, then `Shell.serve`

Inside bwrap the reaper is the first process of namespaces of the run's own, so that
all that the run has started ends with it. At the level lockdown it is the parent of
every orphan of the run and kills until none is left; there the warm process has the
grader's rights, and each run gives them up.

The grader asks over `control`, a socket of packets: one JSON object each, with the
run's descriptors. The answers are ``{"t": "warm"}``, then for each run ``started`` and
``ended``. When `control` closes, the grader is gone, and so is everything here.
"""

import builtins
import contextlib
import gc
import json
import os
import select
import signal
import site
import socket
import sys
from collections.abc import Collection
from typing import Any

from autograder.runner.inside import frames, lockdown, meter, namespaces
from autograder.runner.inside.preloaded import Preloaded
from autograder.runner.inside.shell import Shell, write_fonts

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

_KEPT_BYTES = 2**25 - 2**16  # glibc's own bound is 32 MB
_DESCRIPTORS = 6  # of a run: job, results, stdout, stderr, status, files


class _Stop(BaseException):
    """The reaper was asked to end the run."""


def main(control_descriptor: int) -> None:
    """Load, say so, and fork runs until the grader is gone."""
    del sys.path[0]  # where this module came from
    lockdown.die_with_parent(signal.SIGTERM)
    lockdown.become_subreaper()
    control = socket.socket(fileno=control_descriptor)
    control.set_inheritable(False)
    config = json.loads(control.recv(frames.PACKET_BYTES))
    config |= {"uid": os.getuid(), "gid": os.getgid()}
    shell = _load(config)
    # The C library keeps blocks up to the size of the largest that was ever freed. If
    # it gives back every array of 200 kB, the kernel clears the pages of the next one.
    bytearray(_KEPT_BYTES)
    # What is here now is never collected: forks go on sharing its pages.
    gc.collect()
    gc.freeze()
    control.send(b'{"t": "warm"}')
    try:
        _serve(control, shell, config)
    finally:
        _end_everybody()


def _load(config: dict[str, Any]) -> Shell:
    """Build the shell and import what most notebooks do."""
    for folder in config["packages"]:
        site.addsitedir(folder)
    fonts = config["fonts"]
    write_fonts(fonts, f"{config['box']}/home")
    shell = Shell(fonts)
    Preloaded(config["libraries"], config["preload"])
    shell.warm_up()
    return shell


def _serve(control: socket.socket, shell: Shell, config: dict[str, Any]) -> None:
    wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    runs: dict[int, int] = {}  # number of the run, by its first process
    while True:
        ready, _, _ = select.select([control, wake], [], [])
        if wake in ready:
            numbers = os.read(wake, 512)
            if signal.SIGTERM in numbers or signal.SIGHUP in numbers:
                return
            for pid, code in _reaped():
                if pid in runs:
                    number = runs.pop(pid)
                    _end_strays(runs)
                    _report(control, t="ended", run=number, code=code)
        if control in ready:
            data, descriptors, _, _ = socket.recv_fds(
                control, frames.PACKET_BYTES, _DESCRIPTORS
            )
            if not data:
                return
            message = json.loads(data)
            pid = namespaces.fork() if config["nested"] else os.fork()
            if pid == 0:
                _child(message, descriptors, shell, config, (control, wake, woken))
            runs[pid] = message["run"]
            for descriptor in descriptors:
                os.close(descriptor)
            _report(control, t="started", run=message["run"], pid=pid)


def _report(control: socket.socket, **message: Any) -> None:
    with contextlib.suppress(OSError):  # the grader is gone: seen when next waited for
        control.send(json.dumps(message).encode())


def _reaped() -> list[tuple[int, int]]:
    """Reap every child that has ended; return them with their exit codes."""
    found = []
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            found.append((ended[0], _exit_code(ended[1])))
    return found


def _exit_code(status: int) -> int:
    """Return the exit code, 128 + n for signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


# ------------------------------------------------------------------- one run


def _child(
    message: dict[str, Any],
    descriptors: list[int],
    shell: Shell,
    config: dict[str, Any],
    parents: tuple[Any, ...],
) -> None:
    """Be a run, from the fork to its end; never returns."""
    code = 127
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        control, *ends = parents
        control.close()
        for descriptor in ends:
            os.close(descriptor)
        os.dup2(descriptors[2], 1)
        os.dup2(descriptors[3], 2)
        for descriptor in descriptors[2:4]:
            os.close(descriptor)
        job, results, _, _, status, files = descriptors
        code = _run(message, shell, config, job, results, status, files)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(2, f"worker: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def _run(
    message: dict[str, Any],
    shell: Shell,
    config: dict[str, Any],
    job: int,
    results: int,
    status: int,
    files: int,
) -> int:
    """Be the reaper; fork the run's first process. Return an exit code in each.

    The checker needs no reaper where it has a process namespace of its own: that ends
    with it, and nothing is to outlive it. It is the first process itself then, and the
    grader learns of its end from the end of `status`.
    """
    if config["nested"]:
        lockdown.die_with_parent(signal.SIGKILL)
        namespaces.map_ids(config["uid"], config["gid"])
        namespaces.mount_own(message["disk_bytes"], message["files"])
        namespaces.drop_capabilities()
    else:
        lockdown.die_with_parent(signal.SIGTERM)
        lockdown.become_subreaper()
    if message["no_reaper"]:
        os.setsid()
        shell.enter_and_serve(socket.socket(fileno=job), results, files)
        return 0
    # Until the reaper can act on it, a request to end the run waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    first = os.fork()
    if first:
        for descriptor in (job, results, files, 1, 2):
            os.close(descriptor)
        namespaces.open_to_own_user(False)
        return _reap(first, status)
    os.close(status)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    lockdown.die_with_parent(signal.SIGKILL)
    os.setsid()
    if message["uid"] is not None:
        os.setgroups([])
        os.setresgid(message["uid"], message["uid"], message["uid"])
        os.setresuid(message["uid"], message["uid"], message["uid"])
        lockdown.die_with_parent(signal.SIGKILL)  # a change of user clears it
        namespaces.open_to_own_user(True)
    shell.enter_and_serve(socket.socket(fileno=job), results, files)
    return 0


def _reap(first: int, status: int) -> int:
    """Wait for every process of the run; report how they ended; end on SIGTERM.

    Reported are `first`, and from its end on every other one, since then all of them
    are this process's children. What does not fit into the pipe is left out: `first`
    is never, being the first.
    """

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it may come again
        raise _Stop

    signal.signal(signal.SIGTERM, stop)
    os.set_blocking(status, False)
    first_ended = False
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        while True:
            try:
                pid, how = os.waitpid(-1, 0)
            except ChildProcessError:
                signal.pause()
                continue
            if pid == first and not first_ended:
                first_ended, pid = True, 0
            if first_ended:
                with contextlib.suppress(OSError):
                    os.write(status, frames.EXIT.pack(pid, _exit_code(how)))
    except _Stop:
        _end_everybody()
        return 0


def _end_strays(kept: Collection[int]) -> None:
    """End the children that are not `kept`: what a killed reaper has left behind."""
    me = os.getpid()
    while strays := [s.pid for s in meter.children(me) if s.pid not in kept]:
        for stray in strays:
            for pid in [stray, *(stat.pid for stat in meter.descendants(stray))]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(stray, 0)


def _end_everybody() -> None:
    """Kill until no descendant is left, and reap them."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    me = os.getpid()
    while living := meter.descendants(me):
        for stat in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stat.pid, signal.SIGKILL)
        _reaped()
