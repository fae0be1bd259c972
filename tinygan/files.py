"""Files that are whole or absent: written under a temporary name, flushed, renamed. And a lock for a folder."""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def written_whole(path):
    """A temporary path with the same ending, renamed to `path` when the block ends well, and else removed.

    A kill at any instant leaves the old file or the new one. OSError if the disk is full or the folder not writable.
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


def save_array(path, array):
    """Write an array as a .npy file that is whole or absent."""
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)


def remove_leftovers(folder):
    """Remove what a killed `written_whole` left in `folder`. No other process may be writing there."""
    for path in Path(folder).glob(".*"):
        pid, dot, name = path.name[1:].partition(".")
        if pid.isdigit() and dot and name:
            path.unlink(missing_ok=True)


class Locked(Exception):
    """Another process holds the lock; `pid` is its number, or None if it has not yet written it."""

    def __init__(self, pid):
        super().__init__(f"locked by process {pid}")
        self.pid = pid


@contextmanager
def locked(path):
    """Hold the file `path`, which then has the number of this process; Locked if another process, or this one, does.

    The operating system keeps the lock and drops it when its holder ends, however it ends: a file that a killed process
    left behind locks nothing, even if another program has its number by now.
    """
    f = _opened_and_locked(path)
    try:
        f.truncate(0)
        f.write(f"{os.getpid()}\n".encode())
        f.flush()
        yield
    finally:
        try:
            os.unlink(path)  # while it is still locked: nobody can mistake it for theirs
        except OSError:
            pass  # Windows removes no open file; the next holder takes it over
        f.close()


def _opened_and_locked(path):
    while True:
        f = open(path, "a+b")
        try:
            _lock(f)
            if os.path.samestat(os.fstat(f.fileno()), os.stat(path)):
                return f
            f.close()
        except FileNotFoundError:
            f.close()  # its last holder removed it between our opening and locking it: again
        except BlockingIOError:
            f.seek(0)
            number = f.read(20).strip()
            f.close()
            raise Locked(int(number) if number.isdigit() else None) from None
        except BaseException:
            f.close()
            raise


def _lock(f):
    """Lock an open file; BlockingIOError if it is. A file system without locks (some network drives) is let through."""
    try:
        import fcntl
    except ImportError:  # Windows: one byte far beyond the end, so that the number before it can be read
        import msvcrt

        f.seek(1 << 30)
        try:
            msvcrt.locking(f.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
        return
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass
