"""Namespaces of its own for one run, made inside bwrap's without any privilege.

bwrap puts the warm process into namespaces once; each run forked from it gets others
of its own: processes, mounts, System V IPC, and a user namespace that allows this. The
process that makes them has every capability inside, and drops them all when it is done.
Standard library only.
Sources: clone(2), user_namespaces(7), mount(2), capabilities(7).
"""

import ctypes
import os
import signal
import struct

from autograder.runner.inside.lockdown import check, libc

_NEW_MOUNTS, _NEW_IPC, _NEW_USER, _NEW_PIDS = 0x20000, 0x8000000, 0x10000000, 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 4, 24
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64
_CLONE = {"x86_64": 56, "aarch64": 220}  # numbers of the system call


def fork() -> int:
    """Fork as `os.fork` does; the child is the first process of new namespaces.

    `os.fork` cannot do that, and a process that has called unshare(2) has to fork once
    more, which costs as much as a cell. So this makes the system call itself, between
    what Python does before and after each fork. The C library does not notice: in the
    child its idea of the thread's number is wrong until that forks in the ordinary way.

    Raises
    ------
    OSError
        If the kernel, or a policy of this machine, does not allow it.
    """
    flags = _NEW_USER | _NEW_MOUNTS | _NEW_PIDS | _NEW_IPC | signal.SIGCHLD
    # Called so, the interpreter's lock stays taken, in the child too.
    call = ctypes.PyDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    arguments = [ctypes.c_ulong(n) for n in (_CLONE[os.uname().machine], flags)]
    arguments += [ctypes.c_ulong(0)] * 4
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = call(*arguments)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    check(pid, "clone")
    return pid


def map_ids(user: int, group: int) -> None:
    """Keep this process's user and group in the new user namespace."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
            stream.write(text)


def mount_own(disk_bytes: int, files: int) -> None:
    """Put an empty disk in memory at ``/tmp``, and this process namespace at ``/proc``.

    Parameters
    ----------
    disk_bytes, files : int
        What fits on the disk.
    """
    options = f"size={disk_bytes},nr_inodes={files},mode=755".encode()
    safe = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV)
    check(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", safe, options), "mount /tmp")
    safe = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    check(libc.mount(b"proc", b"/proc", b"proc", safe, None), "mount /proc")


def drop_capabilities() -> None:
    """Give up every capability, here and in whatever is started from here."""
    for number in range(_MOST_CAPABILITIES):
        libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    check(libc.capset(header, ctypes.create_string_buffer(24)), "capset")


def open_to_own_user(is_open: bool) -> None:
    """Open or close this process's memory and /proc to others of its user.

    A change of user closes them: a process could not even read its own /proc/self.
    """
    check(libc.prctl(_PR_SET_DUMPABLE, int(is_open), 0, 0, 0), "prctl")
