"""Files that are whole or absent, and a lock for a folder.

`written_whole` writes under a temporary name, flushes and renames: a kill at any instant leaves the old file or the new
one. `locked` keeps two processes out of one folder.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path with the same ending; rename it to `path` if the block succeeds, otherwise remove it.

    OSError if the disk is full or the folder is not writable.
    """
    path = Path(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        with open(temporary, "r+b") as f:
            os.fsync(f.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_array(path: str | Path, array: np.ndarray) -> None:
    """Write an array as a .npy file that is whole or absent."""
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)


def remove_leftovers(folder: str | Path) -> None:
    """Remove the temporary files of a killed `written_whole` in `folder`. No other process may be writing to it."""
    for path in Path(folder).glob(".*"):
        pid, dot, name = path.name[1:].partition(".")
        if pid.isdigit() and dot and name:
            path.unlink(missing_ok=True)


class Locked(Exception):
    """Another process holds the lock; `pid` is its number, or None if it has not yet written it."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"locked by process {pid}")
        self.pid = pid


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Lock the file `path` and write the number of this process into it; Locked if a process holds it, even this one.

    The operating system holds the lock and drops it when the process ends, in any way. A file left by a killed process
    locks nothing, even if another program has its number by now.
    """
    f = _open_and_lock(path)
    try:
        f.truncate(0)
        f.write(f"{os.getpid()}\n".encode())
        f.flush()
        yield
    finally:
        try:
            os.unlink(path)  # before it is unlocked: no other process can have locked it
        except OSError:
            pass  # Windows cannot remove an open file; the next holder reuses it
        f.close()


def _open_and_lock(path: str | Path) -> BinaryIO:
    while True:
        f = open(path, "a+b")
        try:
            _lock(f)
            if os.path.samestat(os.fstat(f.fileno()), os.stat(path)):
                return f
            f.close()
        except FileNotFoundError:
            f.close()  # its last holder removed it after we opened it and before we locked it: try again
        except BlockingIOError:
            f.seek(0)
            number = f.read(20).strip()
            f.close()
            raise Locked(int(number) if number.isdigit() else None) from None
        except BaseException:
            f.close()
            raise


def _lock(f: BinaryIO) -> None:
    """Lock an open file; BlockingIOError if it is locked. A drive without locks (some network drives) is accepted."""
    try:
        import fcntl
    except ImportError:  # Windows: one byte far beyond the end, so that the number before it can be read
        import msvcrt

        f.seek(1 << 30)
        try:
            msvcrt.locking(f.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError as error:
            raise BlockingIOError from error
        return
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass
