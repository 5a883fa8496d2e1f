"""Lock this process in, with what the Linux kernel offers without any privilege.

Three mechanisms, each inherited by every process started later and none removable:

- *Landlock*: only the named folders can be opened; no TCP; with ABI 6 or later no
  signal and no abstract socket reaches a process outside.
- *seccomp*: system calls that no notebook needs answer with an error number. They are
  refused, not punished by a kill: the code sees an ordinary exception.
- *rlimits*: address space, processes, size of a file, open files, no core files.

One call does end its caller: SIGKILL sent to the locked process itself. The kernel does
not say who sent a SIGKILL, so whoever is told that the process ended by one could not
tell its own doing from an OOM killer's. By this rule its own ends it by SIGSYS.

Standard library only: this runs before anything else in the student's process.
Sources: landlock(7), seccomp(2), linux/landlock.h, linux/seccomp.h, asm/unistd.h.
"""

import builtins
import ctypes
import errno
import os
import platform
import resource
import struct
from typing import Any

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

# ------------------------------------------------------------------ the C library

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2


def check(result: int, what: str) -> int:
    """Return what a call of the C library returned; OSError if that says it failed."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _prctl(option: int, *values: int) -> None:
    padded = [ctypes.c_ulong(v) for v in (*values, 0, 0, 0, 0)[:4]]
    check(libc.prctl(option, *padded), f"prctl({option})")


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send `signal_number` to this process when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def become_subreaper() -> None:
    """Make this process the parent of every orphan among its descendants."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


# ------------------------------------------------------------------------ Landlock

_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_SOCK, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 11
_TRUNCATE = 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
# How many access rights on files each ABI knows: bits 0 to n - 1.
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NET_BIND_AND_CONNECT = 3  # from ABI 4
_SCOPE_ABSTRACT_SOCKET_AND_SIGNAL = 3  # from ABI 6


def landlock_abi() -> int:
    """Return the version of Landlock that the kernel offers; 0 if there is none."""
    return max(0, libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1))


def restrict_files(readable: list[str], writable: list[str], devices: list[str]) -> int:
    """Close every file and folder that is not beneath one of those named.

    Parameters
    ----------
    readable : list of str
        Files and folders that may be read and executed.
    writable : list of str
        Folders in which everything but devices and sockets may be made and changed.
    devices : list of str
        Device files that may be read and written.

    Returns
    -------
    int
        The Landlock ABI in force.

    Raises
    ------
    OSError
        If the kernel has no Landlock or refuses.
    """
    abi = landlock_abi()
    if abi == 0:
        raise OSError(errno.ENOSYS, "Landlock is not available")
    handled = (1 << _FS_RIGHTS.get(abi, 16)) - 1
    net = _NET_BIND_AND_CONNECT if abi >= 4 else 0
    scope = _SCOPE_ABSTRACT_SOCKET_AND_SIGNAL if abi >= 6 else 0
    # struct landlock_ruleset_attr grew with the ABI; an older kernel takes a prefix.
    attributes = struct.pack("=QQQ", handled, net, scope)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = check(
        libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, size, 0),
        "landlock_create_ruleset",
    )

    def allow(path: str, rights: int) -> None:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return  # what is not there needs no permission
        try:
            if not os.path.isdir(path):
                rights &= _FILE_ONLY
            rule = struct.pack("=Qi", rights & handled, descriptor)
            check(
                libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0),
                "landlock_add_rule",
            )
        finally:
            os.close(descriptor)

    for path in readable:
        allow(path, _READ)
    for path in writable:
        allow(path, handled & ~(_MAKE_CHAR | _MAKE_BLOCK | _MAKE_SOCK))
    for path in devices:
        allow(path, _READ_FILE | _WRITE_FILE)
    check(libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)
    return abi


# ------------------------------------------------------------------------- seccomp

# Numbers of the system calls: (x86_64, aarch64); None where there is no such call.
_CALLS: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # large parts of the kernel that no notebook needs
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "vmsplice": (278, 75),
    "remap_file_pages": (216, 234),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "lookup_dcookie": (212, 18),
    "uselib": (134, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "nfsservctl": (180, 42),
    # memory that no limit counts, and what stays after a process has ended
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semctl": (66, 191),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgctl": (71, 187),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # Descriptors on their way are counted by user: with too many of them sent and never
    # received, the grader itself can pass none to another run.
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    # the names of files outside, which Landlock lets a process watch
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    # namespaces and mounts
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount_setattr": (442, 442),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # the machine
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "syslog": (103, 116),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "timer_create": (222, 107),  # may send its owner SIGKILL
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
    # the network
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
}
_SOCKET = (41, 198)
_SOCKETPAIR = (53, 199)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_IOCTL = (16, 29)
_FCNTL = (72, 25)
_PRCTL = (157, 167)
# These name a process, a thread or a user in an argument; 0 means the caller itself.
_ON_OTHERS: dict[str, tuple[tuple[int, int], int]] = {
    "prlimit64": ((302, 261), 0),
    "sched_setaffinity": ((203, 122), 0),
    "sched_setscheduler": ((144, 119), 0),
    "sched_setparam": ((142, 118), 0),
    "sched_setattr": ((314, 274), 0),
    "setpriority": ((141, 140), 1),
    "ioprio_set": ((251, 30), 1),
}
# These two also reach every process of a user, who may be the grader.
_OF_A_USER = {"setpriority": 2, "ioprio_set": 3}
# kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, each with the argument that
# has the signal. The first argument says who gets it.
_SIGNALS = [
    *[((62, 129), 1), ((200, 130), 1), ((234, 131), 2)],
    *[((129, 138), 1), ((297, 240), 2)],
]
_PIDFD_SEND_SIGNAL = (424, 424)
_SETRLIMIT, _PRLIMIT64 = (160, 164), (302, 261)
_RLIMIT_CPU = 0  # ends a process that is over it by SIGKILL
_F_SETSIG = 10
_SIGKILL = 9

# Modes, times and attributes of files: Landlock does not look at these.
_CHOWN = [(92, None), (93, 55), (94, None), (260, 54)]
_ATTRIBUTES = [
    *[(90, None), (91, 52), (268, 53), (452, 452)],  # chmod, f-, f-at, f-at2
    *[(132, None), (235, None), (261, None), (280, 88)],  # utime, -s, futimesat, -ensat
    *[(188, 5), (189, 6), (190, 7), (197, 14), (198, 15), (199, 16)],  # xattr
]
_FIRST_ABI_THAT_GUARDS_TRUNCATE = 3

_NEWEST_KNOWN_CALL = 456  # later ones answer ENOSYS; C libraries then fall back
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEWNS, NEWCGROUP ... NEWNET and NEWTIME
_X32_BIT = 0x40000000
_MACHINE = platform.machine()
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _REFUSE, _END_CALLER = 0x7FFF0000, 0x00050000, 0x80000000
_32_BITS = 0xFFFFFFFF


class _Filter:
    """A filter of system calls for seccomp, in the making.

    Parameters
    ----------
    machine : str
        As `platform.machine` names it.

    Attributes
    ----------
    column : int
        Where the numbers of this machine stand in the tables above.
    """

    def __init__(self, machine: str) -> None:
        """Begin: let in calls of this machine alone, and none that is unknown."""
        if machine not in _ARCHITECTURES:
            raise OSError(errno.ENOSYS, f"no system call table for {machine}")
        self.column, architecture = _ARCHITECTURES[machine]
        self._lines: list[bytes] = []
        self.add(_LOAD, 4)
        self.add(_JUMP_EQUAL, architecture, 1, 0)
        self.refuse(errno.ENOSYS)
        self.add(_LOAD, 0)
        # One comparison covers unknown calls and, on x86_64, the whole x32 table.
        assert _X32_BIT > _NEWEST_KNOWN_CALL
        self.add(_JUMP_GREATER, _NEWEST_KNOWN_CALL, 0, 1)
        self.refuse(errno.ENOSYS)

    def add(self, code: int, value: int, yes: int = 0, no: int = 0) -> None:
        """Add an instruction; a jump skips `yes` or `no` instructions after it."""
        self._lines.append(struct.pack("=HBBI", code, yes, no, value))

    def refuse(self, error: int) -> None:
        """Add: answer with the error number."""
        self.add(_RETURN, _REFUSE | error)

    def allow(self) -> None:
        """Add: let the call through."""
        self.add(_RETURN, _ALLOW)

    def load_argument(self, index: int) -> None:
        """Add: take an argument, to be compared."""
        self.add(_LOAD, 16 + 8 * index)  # low half: both machines are little-endian

    def refuse_call(self, numbers: tuple[int | None, int | None], error: int) -> None:
        """Refuse a call, if this machine has it."""
        number = numbers[self.column]
        if number is not None:
            self.add(_JUMP_EQUAL, number, 0, 1)
            self.refuse(error)

    def guard_call(self, number: int, checks: list[tuple[int, int, int, int]]) -> None:
        """Within calls of `number`, refuse when a check holds.

        A check is (argument, jump code, value, error): the low 32 bits are compared.
        """
        self.add(_JUMP_EQUAL, number, 0, 3 * len(checks) + 1)
        for index, code, value, error in checks:
            self.load_argument(index)
            self.add(code, value, 0, 1)
            self.refuse(error)
        self.allow()

    def end_own_kill(self, pid: int) -> None:
        """End, by SIGSYS, who sends SIGKILL to `pid`, to its group or to everybody."""
        targets = [target & _32_BITS for target in (0, -1, -pid, pid)]
        for numbers, argument in _SIGNALS:
            self.add(_JUMP_EQUAL, numbers[self.column], 0, len(targets) + 5)
            self.load_argument(argument)
            self.add(_JUMP_EQUAL, _SIGKILL, 0, len(targets) + 2)
            self.load_argument(0)
            for left, target in zip(range(len(targets))[::-1], targets, strict=True):
                self.add(_JUMP_EQUAL, target, left, 0 if left else 1)
            self.add(_RETURN, _END_CALLER)
            self.add(_LOAD, 0)  # the call's number again, for what comes next

    def program(self) -> bytes:
        """Return the filter, which lets the rest through: struct sock_filter, often."""
        self.allow()
        return b"".join(self._lines)


def _program(scoped_signals: bool, own_files: bool) -> bytes:
    """Return the filter as the kernel takes it; see `restrict_calls`."""
    rules = _Filter(_MACHINE)
    rules.end_own_kill(os.getpid())
    for numbers in _CALLS.values():
        rules.refuse_call(numbers, errno.EPERM)
    # The flags of clone3 lie in memory, where a filter cannot look.
    rules.refuse_call(_CLONE3, errno.ENOSYS)
    rules.refuse_call(_SOCKET, errno.EOPNOTSUPP)
    _refuse_other_kills(rules, scoped_signals)
    _guard_arguments(rules)
    _guard_socketpair(rules)
    if not scoped_signals:
        _keep_signals_inside(rules)
    if not own_files:
        for numbers in _CHOWN:
            rules.refuse_call(numbers, errno.EPERM)
        for numbers in _ATTRIBUTES:
            rules.refuse_call(numbers, 0)  # answers "done" and does nothing
    return rules.program()


def _refuse_other_kills(rules: _Filter, scoped_signals: bool) -> None:
    """Refuse what makes a process end by SIGKILL without naming it in a call."""
    column = rules.column
    if scoped_signals:  # if not, these two are refused further, see below
        for numbers, argument, value in (
            (_PIDFD_SEND_SIGNAL, 1, _SIGKILL),
            (_FCNTL, 2, _SIGKILL),
        ):
            extra = 2 if numbers is _FCNTL else 0  # F_SETSIG alone
            rules.add(_JUMP_EQUAL, numbers[column], 0, 4 + extra)
            if extra:
                rules.load_argument(1)
                rules.add(_JUMP_EQUAL, _F_SETSIG, 0, 3)
            rules.load_argument(argument)
            rules.add(_JUMP_EQUAL, value, 0, 1)
            rules.refuse(errno.EPERM)
            rules.add(_LOAD, 0)
    rules.add(_JUMP_EQUAL, _SETRLIMIT[column], 0, 4)
    rules.load_argument(0)
    rules.add(_JUMP_EQUAL, _RLIMIT_CPU, 0, 1)
    rules.refuse(errno.EPERM)
    rules.add(_LOAD, 0)
    rules.add(_JUMP_EQUAL, _PRLIMIT64[column], 0, 6)
    rules.load_argument(1)
    rules.add(_JUMP_EQUAL, _RLIMIT_CPU, 0, 3)
    rules.load_argument(2)  # a new limit, or none
    rules.add(_JUMP_EQUAL, 0, 1, 0)
    rules.refuse(errno.EPERM)
    rules.add(_LOAD, 0)


def _guard_arguments(rules: _Filter) -> None:
    """Refuse calls that are harmless but for some of their arguments."""
    column = rules.column
    rules.guard_call(_CLONE[column], [(0, _JUMP_ANY_BIT, _NEW_NAMESPACES, errno.EPERM)])
    rules.guard_call(
        _IOCTL[column],
        [(1, _JUMP_EQUAL, 0x5412, errno.EPERM), (1, _JUMP_EQUAL, 0x541C, errno.EPERM)],
    )  # TIOCSTI and TIOCLINUX type into a terminal
    # What a process that cannot be looked into holds open goes uncounted.
    rules.guard_call(_PRCTL[column], [(0, _JUMP_EQUAL, _PR_SET_DUMPABLE, errno.EPERM)])
    for name, (numbers, index) in _ON_OTHERS.items():
        checks = [(index, _JUMP_GREATER, 0, errno.EPERM)]
        if name in _OF_A_USER:
            checks.append((0, _JUMP_EQUAL, _OF_A_USER[name], errno.EPERM))
        rules.guard_call(numbers[column], checks)


def _guard_socketpair(rules: _Filter) -> None:
    """Allow AF_UNIX stream pairs only, which asyncio needs.

    A datagram pair could still send to any named socket.
    """
    rules.add(_JUMP_EQUAL, _SOCKETPAIR[rules.column], 0, 6)
    rules.load_argument(0)
    rules.add(_JUMP_EQUAL, 1, 0, 3)
    rules.load_argument(1)
    rules.add(_JUMP_ANY_BIT, 0xF & ~1, 1, 0)
    rules.allow()
    rules.refuse(errno.EOPNOTSUPP)


def _keep_signals_inside(rules: _Filter) -> None:
    """Let signals through to this very process only."""
    for numbers, _ in _SIGNALS:
        rules.add(_JUMP_EQUAL, numbers[rules.column], 0, 5)
        rules.load_argument(0)
        rules.add(_JUMP_EQUAL, os.getpid(), 1, 0)
        rules.add(_JUMP_EQUAL, 0, 0, 1)
        rules.allow()
        rules.refuse(errno.EPERM)
    rules.refuse_call(_PIDFD_SEND_SIGNAL, errno.EPERM)
    # F_SETOWN, F_SETSIG and F_SETOWN_EX aim the signals of a descriptor.
    rules.guard_call(
        _FCNTL[rules.column],
        [(1, _JUMP_EQUAL, number, errno.EPERM) for number in (8, 10, 15)],
    )


def restrict_calls(scoped_signals: bool, own_files: bool) -> None:
    """Refuse the system calls that no notebook needs.

    Parameters
    ----------
    scoped_signals : bool
        Whether something else (a process namespace, Landlock 6) keeps signals inside;
        if not, this process can signal only itself.
    own_files : bool
        Whether the files of this user outside are safe from a change of their modes:
        by a user or a mount namespace of its own. If not, changing modes, times and
        attributes of any file does nothing and says that it did, so that honest code
        (`shutil.copy`) goes on.

    Raises
    ------
    OSError
        If the kernel has no seccomp filters or the machine is not known.
    """
    _install(_program(scoped_signals, own_files))


def end_own_kill() -> None:
    """End this process, a fork of a locked one, by SIGSYS if it sends itself SIGKILL.

    What it was forked from has that rule for its own number alone.
    """
    rules = _Filter(_MACHINE)
    rules.end_own_kill(os.getpid())
    _install(rules.program())


def _install(program: bytes) -> None:
    """Have the kernel put every later system call of this process to a filter."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    buffer = ctypes.create_string_buffer(header, len(header))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(buffer))


# -------------------------------------------------------------------- all together


def limit(name: str, value: int) -> None:
    """Set the resource limit ``RLIMIT_<name>``, soft and hard, never raising it."""
    number = getattr(resource, f"RLIMIT_{name}")
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(number, (value, value))


def lock(restrictions: dict[str, Any]) -> None:
    """Lock this process in for good.

    Parameters
    ----------
    restrictions : dict
        ``readable``, ``writable``, ``devices``: lists of paths; ``rlimits``: names and
        values; ``namespaces``: whether this process has namespaces of its own for
        processes and mounts, so that Landlock comes second and may be missing;
        ``own_user``: whether it has a user of its own.

    Raises
    ------
    OSError
        If the kernel does not offer what is needed, or refuses.
    """
    for name, value in restrictions["rlimits"].items():
        limit(name, value)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    in_namespaces = restrictions["namespaces"]
    abi = 0
    if landlock_abi() or not in_namespaces:
        abi = restrict_files(
            restrictions["readable"], restrictions["writable"], restrictions["devices"]
        )
    own_files = in_namespaces or restrictions["own_user"]
    if not own_files and abi < _FIRST_ABI_THAT_GUARDS_TRUNCATE:
        raise OSError(
            errno.ENOSYS,
            f"Landlock {abi} does not keep this user's files from being truncated; "
            "version 3, Linux 6.2, does",
        )
    restrict_calls(in_namespaces or abi >= 6, own_files)
