"""Ways out of the sandbox that `test_runner_isolation` does not try already.

A payload calls ``attempt(name, action)`` for each try; its report says what each gave,
or ``refused: `` and the error's name. Inside, every try must be refused; outside, as
the control, an ordinary Python gets through with at least one.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Escape:
    """One try to get out.

    Attributes
    ----------
    name : str
        In kebab-case.
    tries : str
        What it tries, and why it could work: one sentence.
    body : str
        The payload. ``OUTSIDE`` is a folder of the host that every user may write.
    canary : callable
        Looks at the host, given that folder: the answer must be the same afterwards.
    needs_root : bool
        Whether the control works for root alone.
    undo : callable
        Takes back what the control did.
    """

    name: str
    tries: str
    body: str
    canary: Callable[[Path], object] = lambda outside: None
    needs_root: bool = False
    undo: Callable[[Path], None] = lambda outside: None
    allowed: frozenset[str] = field(default_factory=frozenset)


def _sysv(outside: Path) -> list[str]:
    """Read the system's table of SysV objects."""
    return [
        line.split()[0] + " " + line.split()[1]
        for name in ("shm", "msg", "sem")
        for line in Path(f"/proc/sysvipc/{name}").read_text().splitlines()[1:]
        if line.split()[0] == str(0x0BADCAFE)
    ]


def _remove_sysv(outside: Path) -> None:
    for option in ("-M", "-Q", "-S"):
        os.system(f"ipcrm {option} {0x0BADCAFE} 2>/dev/null")


def _names(*folders: str) -> Callable[[Path], object]:
    def look(outside: Path) -> object:
        paths = [outside, *map(Path, folders)]
        return [sorted(p.name for p in path.glob("pwned*")) for path in paths]

    return look


def _remove_pwned(outside: Path) -> None:
    for path in [*outside.glob("pwned*"), *Path("/dev/shm").glob("pwned*")]:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


ESCAPES = [
    Escape(
        "namespace-of-its-own",
        "In a user namespace of its own a process is root again, and may mount.",
        """
        import subprocess
        def run(*command):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode: raise PermissionError(done.stderr)
        attempt("unshare user", lambda: run("unshare", "-Ur", "true"))
        attempt("unshare mount", lambda: run("unshare", "-Urm", "true"))
        attempt("unshare pid", lambda: run("unshare", "-Urpf", "true"))
        attempt("bwrap", lambda: run(
            "bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"))
        """,
    ),
    Escape(
        "remount",
        "A read-only mount can be made writable again by who may mount.",
        """
        import subprocess
        def run(*command):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode: raise PermissionError(done.stderr)
        private = ["unshare", "-m", "sh", "-c"] if CONTROL else ["sh", "-c"]
        attempt("remount /usr", lambda: run(
            *private, "mount -o remount,rw,bind / && touch /usr/pwned-remount"))
        attempt("mount over", lambda: run(*private, "mount -t tmpfs none /mnt"))
        attempt("unmount", lambda: run(*private, "umount -l /proc"))
        if not CONTROL:
            attempt("touch", lambda: open("/usr/pwned-remount", "w").close())
        """,
        canary=_names("/usr"),
        needs_root=True,
        undo=lambda outside: Path("/usr/pwned-remount").unlink(missing_ok=True),
    ),
    Escape(
        "device-made",
        "A device file made in the own folder leads to the disk it names.",
        """
        import os, stat, tempfile
        place = tempfile.mkdtemp()
        def make(kind, number):
            os.mknod(place + "/x", kind | 0o666, number)
            os.remove(place + "/x")
        attempt("memory", lambda: make(stat.S_IFCHR, os.makedev(1, 1)))
        attempt("disk", lambda: make(stat.S_IFBLK, os.makedev(254, 0)))
        """,
        needs_root=True,
    ),
    Escape(
        "sysv-residue",
        "SysV memory, queues and semaphores outlive the process and pass messages on.",
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        def made(result):
            if result < 0: raise OSError(ctypes.get_errno(), "")
            return result
        attempt("memory", lambda: made(libc.shmget(0x0BADCAFE, 4096, 0o1666)))
        attempt("queue", lambda: made(libc.msgget(0x0BADCAFE, 0o1666)))
        attempt("semaphores", lambda: made(libc.semget(0x0BADCAFE, 1, 0o1666)))
        """,
        canary=_sysv,
        undo=_remove_sysv,
    ),
    Escape(
        "other-processes-through-proc",
        "/proc shows what other programs were given and have open.",
        """
        import glob
        def search():
            seen = ""
            for path in glob.glob("/proc/[0-9]*/environ"):
                try: seen += open(path).read()
                except OSError: pass
            if "CANARY_IN_A_NEIGHBOUR" not in seen: raise PermissionError
        attempt("environments", search)
        attempt("folders", lambda: open(glob.glob("/proc/[0-9]*/root" + OUTSIDE)[0]
                                        + "/canary").read())
        """,
    ),
    Escape(
        "secrets-in-the-environment",
        "A grader's environment often holds tokens, and a child inherits it.",
        """
        import os
        def look(text):
            if "CANARY_OF_THE_GRADER" not in text: raise PermissionError
        attempt("os.environ", lambda: look(repr(dict(os.environ))))
        attempt("self", lambda: look(open("/proc/self/environ").read()))
        attempt("parent", lambda: look(open(f"/proc/{os.getppid()}/environ").read()))
        attempt("first", lambda: look(open("/proc/1/environ").read()))
        """,
    ),
    Escape(
        "odd-sockets",
        "Families other than the internet's reach the kernel and the virtual machine.",
        """
        import socket
        def reach(family, kind):
            socket.socket(family, kind).close()
        for family in range(1, 46):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW,
                         socket.SOCK_SEQPACKET):
                attempt(f"family {family} {kind}", lambda: reach(family, kind))
        attempt("pair of datagrams", lambda: socket.socketpair(
            socket.AF_UNIX, socket.SOCK_DGRAM))
        """,
    ),
    Escape(
        "descriptors-inherited",
        "A descriptor that was left open leads to what it names, whatever the walls.",
        """
        import os, stat
        def host_file(number):
            mode = os.fstat(number).st_mode
            if stat.S_ISDIR(mode): return os.listdir(f"/proc/self/fd/{number}")
            if not stat.S_ISREG(mode): raise PermissionError
            return os.readlink(f"/proc/self/fd/{number}")
        if CONTROL: os.open(OUTSIDE, os.O_RDONLY)
        for number in range(0, 1024):
            try: os.fstat(number)
            except OSError: continue
            attempt(f"descriptor {number}", lambda: host_file(number))
        """,
    ),
    Escape(
        "kernel-settings-written",
        "Settings below /proc/sys and /sys change the machine for everybody.",
        """
        import os
        def rewrite(path):
            with open(path) as file: text = file.read()
            with open(path, "w") as file: file.write(text)  # as it was
        attempt("core pattern", lambda: rewrite("/proc/sys/kernel/core_pattern"))
        attempt("overcommit", lambda: rewrite("/proc/sys/vm/overcommit_memory"))
        attempt("hostname", lambda: rewrite("/proc/sys/kernel/hostname"))
        attempt("cgroup", lambda: os.mkdir("/sys/fs/cgroup/pwned"))
        def favour():
            with open("/proc/self/oom_score_adj", "w") as file: file.write("-900")
        attempt("out-of-memory score", favour)
        """,
        needs_root=True,
        undo=lambda outside: os.system("rmdir /sys/fs/cgroup/pwned 2>/dev/null"),
    ),
    Escape(
        "signal-to-everybody",
        "A signal to process -1 goes to every process that this user may signal.",
        """
        import os, signal
        signal.signal(signal.SIGCONT, signal.SIG_IGN)
        def tell():
            try: os.kill(-1, signal.SIGCONT)
            except ProcessLookupError: pass  # nobody there: fine
            if not CONTROL: raise PermissionError  # the canary knows better
        attempt("everybody", tell)
        """,
        canary=lambda outside: (outside / "pwned-signal").exists(),
    ),
    Escape(
        "neighbour-s-run",
        "Two runs at once: the one looks for the other's folder and process.",
        """
        import glob, os
        def found(pattern):
            paths = [p for p in glob.glob(pattern) if "mine" not in p]
            for path in paths:
                open(path).read()
                return path
            raise PermissionError
        for place in ("/tmp", "/var/tmp", "/grader", "/tmp/box", OUTSIDE, "/dev/shm"):
            attempt(place, lambda: found(place + "/*/box/work/CANARY_FILE"))
            attempt(place + " deep", lambda: found(place + "/**/CANARY_FILE"))
        attempt("roots", lambda: found("/proc/[0-9]*/root/tmp/**/CANARY_FILE"))
        attempt("working folders", lambda: found("/proc/[0-9]*/cwd/CANARY_FILE"))
        """,
    ),
]
