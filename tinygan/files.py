"""Files: written whole or not at all, read with limits, and a lock for a folder.

`written_whole` writes under a temporary name, flushes and renames: a kill at any instant leaves the old file or the new
one. `open_regular`, `read_json` and `open_arrays` read files of strangers: nothing but regular files, no more of them than
is allowed, and only what has the form that was expected. `locked` keeps two processes out of one folder.
"""

import errno
import json
import math
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

# Windows has neither: its pipes are no files, and only who may do everything makes links
NO_LINK, NO_WAIT = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_NONBLOCK", 0)
BINARY = getattr(os, "O_BINARY", 0)


# --- writing -------------------------------------------------------------------------------------------------------


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path with the same ending; rename it to `path` if the block succeeds, otherwise remove it.

    The temporary file is new and its name cannot be guessed, so it is no link that somebody has put there. A link at
    `path` is replaced, not followed. OSError if the disk is full or the folder is not writable.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no such folder to write {path.name} into", str(path.parent))
    temporary = path.with_name(f".{os.getpid()}.{os.urandom(8).hex()}.{path.name}")
    os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK | BINARY, 0o666))
    try:
        yield temporary
        number = os.open(temporary, os.O_RDWR | NO_LINK | BINARY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
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
        if is_number(pid) and dot and name and (path.is_symlink() or not path.is_dir()):
            path.unlink(missing_ok=True)


def is_number(text: str) -> bool:
    """Return whether a part of a file's name is a whole number as it is written there: int() takes ² and ٣ too."""
    return text.isascii() and text.isdigit() and len(text) < 19


def open_to_append(path: str | Path) -> BinaryIO:
    """Return the file `path`, made if there is none, open to be written at its end; OSError if it is a link or no file."""
    return os.fdopen(_open_own(path, os.O_WRONLY | os.O_APPEND), "ab")


def _open_own(path: str | Path, flags: int) -> int:
    """Return a file descriptor of a regular file that has this one name; what other folders have is left alone."""
    number = _open(path, flags | os.O_CREAT | NO_LINK)
    about = os.fstat(number)
    fault = "is no regular file" if not stat.S_ISREG(about.st_mode) else "is a link" if about.st_nlink > 1 else ""
    if fault:
        os.close(number)
        raise OSError(errno.EINVAL, f"it {fault}; remove it", str(path))
    return number


def _open(path: str | Path, flags: int) -> int:
    try:
        return os.open(path, flags | NO_WAIT | BINARY, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP and flags & NO_LINK:
            raise OSError(errno.ELOOP, "it is a link; put the file itself there", str(path)) from None
        raise


# --- reading -------------------------------------------------------------------------------------------------------


def open_regular(path: str | Path, most: int, follow: bool = True) -> BinaryIO:
    """Return the regular file `path`, open to be read; OSError for anything else and for more than `most` bytes.

    Pipes and devices are not waited for. follow: a link to such a file will do.
    """
    number = _open(path, os.O_RDONLY | (0 if follow else NO_LINK))
    about = os.fstat(number)
    if stat.S_ISREG(about.st_mode) and about.st_size <= most:
        return os.fdopen(number, "rb")
    os.close(number)
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    raise OSError(errno.EFBIG, f"it has {about.st_size:,} bytes, and at most {most:,} are read", str(path))


def read_bytes(path: str | Path, most: int, follow: bool = True) -> bytes:
    """Return all of a regular file of at most `most` bytes; OSError if it is none."""
    with open_regular(path, most, follow) as file:
        return file.read(most)


class Unfit(ValueError):
    """What was read does not have the form that was expected; the message says where, and what was expected."""


class Range(NamedTuple):
    """A schema: a number from `low` to `high`, a whole one if `low` is."""

    low: float
    high: float


def read_json(path: str | Path, schema: Any, most: int, follow: bool = True) -> Any:
    """Return what a JSON file of at most `most` bytes says; Unfit if it is not of the schema, see `check`."""
    return parse_json(read_bytes(path, most, follow), schema)


def parse_json(content: bytes | str, schema: Any) -> Any:
    """Return what UTF-8 JSON says; Unfit if it is none, or not of the schema."""
    try:
        value = json.loads(content if isinstance(content, str) else content.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"it is not JSON ({error})") from None
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise Unfit(f"it has lists in lists, more than {MOST_DEPTH} deep")
    check(value, schema)
    return value


MOST_DEPTH = 16  # of JSON; what is deeper could not be written again


def _inside(value):
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _refuse(word):
    raise ValueError(f"{word} is no number there")


def check(value: Any, schema: Any, name: str = "") -> None:
    """Raise Unfit unless `value`, read from JSON, is of the schema.

    A schema is a type; a Range; a tuple of the values that are allowed; [schema], a list of any length; or {name: schema}, a
    dict that has these names and may have others. What a name that ends in ? has may be missing, or null.

    >>> check({"pace": 2, "more": 0}, {"pace": Range(0.0, 1.0), "because?": str})
    Traceback (most recent call last):
    tinygan.files.Unfit: pace: expected a number from 0.0 to 1.0, not 2
    """
    if isinstance(schema, dict) and isinstance(value, dict):
        for key, inner in schema.items():
            key, optional = key.removesuffix("?"), key.endswith("?")
            if key in value and not (optional and value[key] is None):
                check(value[key], inner, f"{name}.{key}" if name else key)
            elif not optional:
                raise Unfit(f"{name or 'it'}: expected an entry {key!r}")
    elif isinstance(schema, list) and isinstance(value, list):
        for i, item in enumerate(value):
            check(item, schema[0], f"{name}[{i}]")
    elif not _fits(value, schema):
        raise Unfit(f"{name or 'it'}: expected {_say(schema)}, not {shown(value)}")


def _fits(value, schema):
    if isinstance(schema, Range):
        kind = int if isinstance(schema.low, int) else (int, float)
        return isinstance(value, kind) and not isinstance(value, bool) and schema.low <= value <= schema.high
    if isinstance(schema, tuple):
        return isinstance(value, str) and value in schema
    return isinstance(schema, type) and isinstance(value, schema) and (schema is bool or not isinstance(value, bool))


def _say(schema):
    if isinstance(schema, Range):
        return f"a {'whole ' * isinstance(schema.low, int)}number from {schema.low} to {schema.high}"
    if isinstance(schema, tuple):
        return f"one of {', '.join(schema)}"
    return _KINDS[schema if isinstance(schema, type) else type(schema)]


_KINDS: dict[Any, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "text", dict: "names with values", list: "a list",
}  # fmt: skip


def shown(value: Any) -> str:
    """Return `value` as it is said in a sentence: its repr, cut where it is long."""
    if isinstance(value, dict | list):
        return _KINDS[type(value)]
    text = repr(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def printable(text: str) -> str:
    """Return `text` with what a terminal would obey, or could not show, written out: an escape character as \\x1b."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def sentence(text: object) -> str:
    """Return `text` as one printable line of at most 1000 characters; names and values in it may come from files."""
    text = printable(" ".join(str(text).split("\n")))
    return text if len(text) <= 1000 else f"{text[:997]}..."


# --- arrays --------------------------------------------------------------------------------------------------------

TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
MOST_HEADER = 1 << 24  # bytes
ENTRY = {"dtype": tuple(TYPES), "shape": [Range(0, 2**48)], "data_offsets": [Range(0, 2**48)]}


def safetensors_numpy() -> Any:
    """Return the module safetensors.numpy; ImportError, with the remedy, where safetensors is not installed."""
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "files of arrays are written by safetensors, which is not installed: pip install safetensors. In a browser,"
            " Pyodide before 314 has none: keep arrays there with np.savez(path, **arrays)"
        ) from None
    return safetensors.numpy


class Arrays(NamedTuple):
    """An open safetensors file: what its header says, and a function that then reads the arrays themselves."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, Any]
    read: Callable[[], dict[str, np.ndarray]]


@contextmanager
def open_arrays(path: str | Path, most: int, follow: bool = True) -> Iterator[Arrays]:
    """Yield the Arrays of a safetensors file of at most `most` bytes; Unfit for anything else.

    The header alone is read at first, so that shapes can be compared before memory is taken. OSError if the file cannot
    be read.
    """
    with open_regular(path, most, follow) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(MOST_HEADER, size - 8):
            raise Unfit("its header is longer than the file")
        header = parse_json(file.read(length), dict)
        metadata = header.pop("__metadata__", {})
        check(metadata, dict, "__metadata__")
        check(header, dict.fromkeys(header, ENTRY))
        end = 0
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            count = math.prod(entry["shape"]) * np.dtype(TYPES[entry["dtype"]]).itemsize
            if entry["data_offsets"] != [end, end + count]:
                raise Unfit(f"{shown(name)}: its place in the file is not that of an array of its shape")
            end += count
        if 8 + length + end != size:
            raise Unfit(f"its header promises {8 + length + end:,} bytes and it has {size:,}")

        def read() -> dict[str, np.ndarray]:
            content, arrays = np.fromfile(file, np.uint8, end), {}
            if len(content) < end:
                raise Unfit("it was cut short while it was read")
            for name, entry in header.items():
                begin, stop = entry["data_offsets"]
                arrays[name] = content[begin:stop].view(TYPES[entry["dtype"]]).reshape(entry["shape"])
            return arrays

        yield Arrays({name: tuple(entry["shape"]) for name, entry in header.items()}, metadata, read)


# --- the lock ------------------------------------------------------------------------------------------------------


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
        f = os.fdopen(_open_own(path, os.O_RDWR | os.O_APPEND), "a+b")
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
