"""What a submission may not do, in the process that runs it: limits of the system, and an audit hook of Python.

This stops accidents and simple tricks: a file written outside the working folder, a fork bomb, 50 GB of memory, a look at
the hidden tests. It is not a sandbox. Python code that is written to break out can, for it shares its process with the
hook: it can change the hook's memory, or call a C library that Python does not audit. Where students are not trusted, run
`tinygan grade` in a container or a virtual machine without a network, as a user who owns nothing.
"""

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

# audit events that change files: where their arguments have (a path, the open folder that it is relative to)
CHANGES: dict[str, list[tuple[int, int | None]]] = {
    "os.remove": [(0, 1)], "os.rename": [(0, 2), (1, 3)], "os.mkdir": [(0, 2)], "os.rmdir": [(0, 1)], "os.symlink": [(1, 2)],
    "os.link": [(0, 2), (1, 3)], "os.truncate": [(0, None)], "os.chmod": [(0, 2)], "os.chown": [(0, 3)], "os.utime": [(0, 3)],
    "os.chflags": [(0, None)], "os.setxattr": [(0, None)], "os.removexattr": [(0, None)],
}  # fmt: skip
LISTS = {"os.listdir", "os.scandir"}
REFUSED = {
    "os.fork": "start a process", "os.forkpty": "start a process", "os.posix_spawn": "start a process",
    "os.spawn": "start a process", "os.exec": "start a process", "os.system": "start a process",
    "os.startfile": "start a process", "os.startfile/2": "start a process", "subprocess.Popen": "start a process",
    "_winapi.CreateProcess": "start a process", "pty.spawn": "start a process",
    "_thread.start_new_thread": "start a thread", "_thread.start_joinable_thread": "start a thread",
    "os.kill": "send a signal", "os.killpg": "send a signal", "signal.pthread_kill": "send a signal",
    "ctypes.dlopen": "load a C library", "ctypes.dlsym": "load a C library", "ctypes.call_function": "call a C library",
    "ctypes.string_at": "read memory", "ctypes.wstring_at": "read memory", "ctypes.cdata": "read memory",
    "gc.get_objects": "look through all objects", "gc.get_referrers": "look through all objects",
    "gc.get_referents": "look through all objects", "sqlite3.connect": "open a database",
    "sys.addaudithook": "add an audit hook", "resource.prlimit": "change its limits",
}  # fmt: skip
UNAUDITED = ("mkfifo", "mknod", "chroot", "pidfd_open", "memfd_create")  # of os
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
MOST_IN_A_FILE = 64 << 20  # bytes
LEAST = 1 << 24  # bytes that a submission must be able to use


def missing_limits() -> str:
    """Return what this system cannot limit, for a sentence, or nothing."""
    if resource is None:
        return "memory, processor time and the size of files"
    return "memory" if sys.platform == "darwin" else ""


def limit(memory: float) -> None:
    """Limit this process to `memory` bytes of addresses, to files of 64 MiB, and to no other process where that works.

    MemoryError if less than 16 MiB are left.
    """
    if resource is None:
        return
    limits = {"RLIMIT_AS": int(memory), "RLIMIT_FSIZE": MOST_IN_A_FILE, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0}
    for name, most in limits.items():
        if hasattr(resource, name):
            try:
                resource.setrlimit(getattr(resource, name), (most, most))
            except (ValueError, OSError):  # macOS has RLIMIT_AS and refuses it
                pass
    bytearray(LEAST)  # else a small file may be graded in what this process has left over, and another is not


def limit_time(seconds: float) -> None:
    """Let the system end this process after `seconds` more of processor time."""
    if resource is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def install(folder: str, hidden: Iterable[str], closed: Iterable[str], python: Iterable[str]) -> None:
    """Refuse, from now on: changes outside `folder`, reads of `hidden` and `closed`, processes, threads, the network.

    hidden: files or folders with solutions. closed: folders with what others handed in. `python` in them can be read all the
    same: such a folder may hold the environment that runs all this.
    """
    real = os.path.realpath
    inside = _within([folder, os.devnull])
    in_hidden, in_closed, in_python = _within(hidden), _within(closed), _within(python)

    def refuse(what: str) -> None:
        raise PermissionError(f"a submission may not {what}")

    def check_change(path: Any, folder: Any = -1) -> None:
        if isinstance(path, int) or path is None or not inside(real(os.path.join(_place(folder), os.fsdecode(path)))):
            refuse(f"change anything outside its own folder: {path!r:.200}")

    def check_read(path: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        where = real(os.fsdecode(path))
        if in_hidden(where) or (in_closed(where) and not inside(where) and not in_python(where)):
            refuse(f"read {path!r:.200}")

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, int):  # an open file again
                return
            if (mode and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITING):
                check_change(path)
            else:
                check_read(path)
                if mode is None and not inside(real(os.fsdecode(path))) and os.path.isdir(path):
                    refuse(f"open the folder {path!r:.200}")  # paths relative to it could not be checked
        elif event in CHANGES:
            for i, folder in CHANGES[event]:
                check_change(arguments[i], -1 if folder is None else arguments[folder])
        elif event in LISTS:
            check_read(arguments[0] if arguments and arguments[0] is not None else ".")
        elif event in REFUSED:
            refuse(REFUSED[event])
        elif event.startswith("socket."):
            refuse("use the network")
        elif event == "resource.setrlimit" and arguments[0] != resource.RLIMIT_CPU:
            refuse("change its limits")

    _replace_unaudited(refuse)
    sys.addaudithook(hook)


def _place(folder: Any) -> str:
    """Return the path of an open folder; -1 stands for none, and for one that cannot be found out, a path that is refused."""
    try:
        return "" if folder == -1 else os.readlink(f"/proc/self/fd/{folder}")
    except OSError:
        return os.sep


def _within(folders: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that says whether a real path is one of `folders` or in one."""
    roots = [os.path.realpath(folder) for folder in folders]
    beginnings = tuple(root.rstrip(os.sep) + os.sep for root in roots)
    return lambda path: path in roots or path.startswith(beginnings)


def _replace_unaudited(refuse: Callable[[str], None]) -> None:
    """Put refusals in the place of functions that make processes, threads and devices without an audit event."""
    import _thread
    import subprocess
    import threading

    modules = [os, sys.modules.get("posix"), sys.modules.get("nt")]
    for name in UNAUDITED:
        for module in modules:
            if hasattr(module, name):
                setattr(module, name, lambda *a, name=name, **k: refuse(f"call os.{name}"))
    for module, name in ((sys.modules.get("_posixsubprocess"), "fork_exec"), (subprocess, "_fork_exec")):
        if hasattr(module, name):
            setattr(module, name, lambda *a, **k: refuse("start a process"))
    for module in (_thread, threading):  # audited from Python 3.12 on
        for name in ("start_new_thread", "start_new", "_start_new_thread", "_start_joinable_thread"):
            if hasattr(module, name):
                setattr(module, name, lambda *a, **k: refuse("start a thread"))
