"""Files that are whole or absent: written under a temporary name, flushed, renamed."""

import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path):
    """A temporary path with the same ending, renamed to `path` when the block ends well, and else removed.

    A kill at any instant leaves the old file or the new one. OSError if the disk is full or the folder not writable.
    """
    path = Path(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        with open(temporary, "rb") as f:
            os.fsync(f.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
