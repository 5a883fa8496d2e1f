"""What a run uses, read from outside: its processes, their CPU time and memory.

Everything is read from ``/proc``, so it works without any privilege and whatever the
student's code does to itself. A process that ends while it is read counts as it was
last seen.
"""

import os
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_READ_BYTES = 65536
_LONGEST_PAUSE_SECONDS = 0.5  # between two exact looks at the memory
# What is written to a socket and not read is in no process's memory. This much fits:
# net.core.wmem_max, doubled, which the kernel does for its own overhead.
_SOCKET_BYTES = 2 * 212_992
_USUAL_SOCKETS = 8  # of a process: an event loop has three
_SOCKET_POLL = 10  # polls between two counts of sockets


@dataclass(frozen=True)
class Stat:
    """One process, as ``/proc/PID/stat`` shows it; times in seconds of CPU."""

    pid: int
    parent: int
    own_cpu: float
    reaped_cpu: float
    threads: int
    started: int
    is_zombie: bool
    stack: int  # where its first stack began: the same for a process and its forks
    minor_faults: int  # pages that it was given, or copied because it wrote to them
    resident_bytes: int


def _read(path: str) -> bytes:
    """Return what a file of ``/proc`` says; a `Path` takes longer than the kernel."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(descriptor, _READ_BYTES)
        if len(text) == _READ_BYTES:
            while more := os.read(descriptor, _READ_BYTES):
                text += more
    finally:
        os.close(descriptor)
    return text


def read_stat(pid: int) -> Stat | None:
    """Return the process `pid`, or None if there is none."""
    try:
        text = _read(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name of the program stands in parentheses and may hold anything.
    fields = text[text.rindex(b")") + 2 :].split()
    utime, stime, cutime, cstime = (int(n) / _TICKS_PER_SECOND for n in fields[11:15])
    return Stat(
        pid=pid,
        parent=int(fields[1]),
        own_cpu=utime + stime,
        reaped_cpu=cutime + cstime,
        threads=int(fields[17]),
        started=int(fields[19]),
        is_zombie=fields[0] in (b"Z", b"X"),
        stack=int(fields[25]),
        minor_faults=int(fields[7]),
        resident_bytes=int(fields[21]) * _PAGE_BYTES,
    )


def _children(pid: int, threads: int = 0) -> list[int]:
    """Return the children of a process; of how many `threads`, if that is known."""
    found: list[int] = []
    try:
        tasks = [pid] if threads == 1 else os.listdir(f"/proc/{pid}/task")
        for task in tasks:
            text = _read(f"/proc/{pid}/task/{task}/children")
            found.extend(map(int, text.split()))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def _children_by_scan() -> dict[int, list[int]]:
    by_parent: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (stat := read_stat(int(name))):
            by_parent.setdefault(stat.parent, []).append(stat.pid)
    return by_parent


_KERNEL_LISTS_CHILDREN = os.path.exists(
    f"/proc/{os.getpid()}/task/{os.getpid()}/children"
)


def descendants(root: int, missed: set[int] | None = None) -> list[Stat]:
    """Return every process beneath `root`, zombies too, without `root` itself.

    A process that ended while this looked is put into `missed`: what it had started
    just before may not have been seen.
    """
    by_parent = None if _KERNEL_LISTS_CHILDREN else _children_by_scan()
    found: dict[int, Stat] = {}
    queue = deque([(root, 0)])
    while queue:
        pid, threads = queue.popleft()
        if by_parent is None:
            below = _children(pid, threads)
        else:
            below = by_parent.get(pid, [])
        for child in below:
            if child in found:
                continue
            if stat := read_stat(child):
                found[child] = stat
                queue.append((child, stat.threads))
            elif missed is not None:
                missed.add(child)
    return list(found.values())


def children(pid: int) -> list[Stat]:
    """Return the living children of `pid`."""
    if _KERNEL_LISTS_CHILDREN:
        below = _children(pid)
    else:
        below = _children_by_scan().get(pid, [])
    return [stat for child in below if (stat := read_stat(child))]


def inner_pid(pid: int, levels_up: int = 0) -> int:
    """Return the number of `pid` in its own process namespace; 0 if it is gone.

    With `levels_up`, in the namespace so many levels above that.
    """
    try:
        for line in _read(f"/proc/{pid}/status").splitlines():
            if line.startswith(b"NSpid:"):
                return int(line.split()[-1 - levels_up])
    except OSError:
        pass
    return 0


def _proportional_bytes(pid: int) -> int:
    """Return the PSS of `pid` in bytes; its RSS where the PSS cannot be read."""
    try:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    stat = read_stat(pid)  # again: it may have ended
    return stat.resident_bytes if stat else 0


@dataclass
class Usage:
    """The use of resources of the processes beneath one process, poll by poll.

    Attributes
    ----------
    root : int
        The process; it does not count itself, but `with_root`.
    memory_limit : int
        In bytes: see `memory_bytes`.
    cpu_seconds : float
        CPU time of all processes so far, in seconds. A process that lived and died
        between two polls counts through its parent, once that has waited for it.
    memory_bytes : int
        Memory beyond what there was at `begin`, in bytes. It is the sum of the sizes
        of all processes, each less what it has from `begin`, as long as that sum is
        within the limit. Forks share more pages than these, and the sum counts a shared
        page several times; so beyond the limit the kernel is asked for sizes in which
        it counts once. That is slow: it takes at most a fifth of the time, or half of
        it while what came since the last such look may be too much. What sockets can
        hold is added, since it is in no process's size.
    peak_memory_bytes : int
        The largest `memory_bytes` so far.
    tasks : int
        Threads of all processes at the last poll, less `overhead`.
    reapers : set of int
        Processes of ours among them, whose memory does not count.
    """

    root: int
    memory_limit: int
    with_root: bool = False
    overhead: int = 0
    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    peak_memory_bytes: int = 0
    tasks: int = 0
    pids: list[int] = field(default_factory=list)
    reapers: set[int] = field(default_factory=set)
    _seen: dict[tuple[int, int], float] = field(default_factory=dict)
    _look_began: float = 0.0
    _look_took: float = 0.0
    _summed_at_look: int = 0
    _base: int = 0
    _exact_base: int = 0
    _stack: int = -1
    _polls: int = 0
    _in_sockets: int = 0

    def living(self, missed: set[int] | None = None) -> list[Stat]:
        """Return all processes, reapers too; `missed` is as in `descendants`."""
        own = read_stat(self.root) if self.with_root else None
        return [*([own] if own else []), *descendants(self.root, missed)]

    def poll(self) -> None:
        """Read everything once more."""
        living = self.living()
        root = None if self.with_root else read_stat(self.root)
        for stat in living:
            self._seen[stat.pid, stat.started] = stat.own_cpu
        alive = sum(s.own_cpu + s.reaped_cpu for s in living)
        reaped_by_root = root.reaped_cpu if root else 0.0
        # Two lower bounds, each blind where the other sees: what each process was last
        # seen to have used, and what the kernel added up in those that waited.
        self.cpu_seconds = max(
            self.cpu_seconds, sum(self._seen.values()), alive + reaped_by_root
        )
        self.pids = [stat.pid for stat in living]
        self.tasks = max(0, sum(s.threads for s in living) - self.overhead)
        self._weigh([stat for stat in living if stat.pid not in self.reapers])

    def _weigh(self, weighed: list[Stat]) -> None:
        if self._polls % _SOCKET_POLL == 0:
            self._in_sockets = socket_use([stat.pid for stat in weighed])
        self._polls += 1
        memory = copied = 0
        for stat in weighed:
            shared = self._base if stat.stack == self._stack else 0
            memory += max(0, stat.resident_bytes - shared)
            # A page that was copied takes the place of the shared one in the size.
            copied += min(shared, stat.minor_faults * _PAGE_BYTES)
        memory += self._in_sockets
        # The first process may copy all that it shares: that is what `begin` took off.
        hidden = max(0, copied - self._base)
        summed = memory + hidden
        if summed > self.memory_limit:
            began = time.monotonic()
            most = self.memory_bytes + max(0, summed - self._summed_at_look)
            times = 2 if most > self.memory_limit else 4
            pause = min(times * self._look_took, _LONGEST_PAUSE_SECONDS)
            if began < self._look_began + pause:
                return
            exact = sum(_proportional_bytes(stat.pid) for stat in weighed)
            memory = max(0, exact - self._exact_base) + self._in_sockets
            self._look_began, self._look_took = began, time.monotonic() - began
            self._summed_at_look = summed
        self.memory_bytes = memory
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory)

    def begin(self, exact_base: int = 0) -> int:
        """Count from now: what there is is the shell itself, before any code ran.

        Return the memory that it has, with shared pages counted once, in bytes. That
        takes a while to find out; where it is known already, pass it as `exact_base`.
        """
        self.poll()
        self.overhead = self.tasks
        # The innermost process is the one that will run code; the others are reapers.
        self.reapers = set(self.pids[:-1])
        main = read_stat(self.pids[-1]) if self.pids else None
        if main is not None:
            self._base = main.resident_bytes
            self._exact_base = exact_base or _proportional_bytes(main.pid)
            self._stack = main.stack
        self.memory_bytes = self.peak_memory_bytes = 0
        return self._exact_base


def socket_use(pids: list[int]) -> int:
    """Return the bytes that the sockets of `pids` can hold, beyond the usual few."""
    sockets: set[str] = set()
    for pid in pids:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:"):
                    sockets.add(target)
        except OSError:
            continue
    return max(0, len(sockets) - _USUAL_SOCKETS * len(pids)) * _SOCKET_BYTES


def folder_use(folder: Path, most_files: int) -> tuple[int, int]:
    """Return the bytes on disk and the number of files and folders beneath `folder`.

    Stops counting soon after `most_files`, so a folder of many files costs little. A
    folder that cannot be looked into, since its name is too long or its mode forbids
    it, counts as more than that: whatever lies there would go uncounted.
    """
    used = count = 0
    queue = [str(folder)]
    while queue and count <= most_files:
        path = queue.pop()
        try:
            entries = os.scandir(path)
        except (FileNotFoundError, NotADirectoryError):  # removed meanwhile
            continue
        except OSError:
            return used, count if path == str(folder) else most_files + 1
        with entries:
            for entry in entries:
                count += 1
                if count > most_files:
                    break
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError:
                    return used, most_files + 1
                used += status.st_blocks * 512
                if S_ISDIR(status.st_mode):
                    queue.append(entry.path)
    return used, count


def unlinked_use(pids: list[int]) -> int:
    """Return the bytes of files that `pids` hold open after deleting their names."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in pids:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                status = os.stat(f"/proc/{pid}/fd/{name}")
                if status.st_nlink == 0:
                    key = status.st_dev, status.st_ino
                    sizes[key] = status.st_blocks * 512
        except OSError:
            continue
    return sum(sizes.values())
