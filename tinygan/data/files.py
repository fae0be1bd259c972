"""Data files: find one, download it once, read its text, and say what became of it.

A file lies in the folder TINYGAN_DATA, or it is downloaded on first use. Every fault of a file is a `DataError`: one
sentence that names the file, the fault and the remedy. What was read, left out, cut or changed is said with `note`;
`gather_notes` collects these sentences, and `tinygan train` prints them before it begins. The readers of each medium
build on this file: `pictures/idx.py` reads MNIST's format, `series.py` reads CSV.
"""

import errno
import os
import re
import unicodedata
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from tinygan.files import open_regular, printable


class DataError(ValueError):
    """A data file is missing or unfit; the message is one sentence that names the file, the fault and the remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(_on_one_line(message))  # it quotes names and cells of strangers' files


def _on_one_line(text: str) -> str:
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


# --- what became of the data ---------------------------------------------------------------------------------------

_notes: ContextVar[list[str] | None] = ContextVar("notes", default=None)


@contextmanager
def gather_notes() -> Iterator[list[str]]:
    """Yield a list that fills with the sentences of `note` inside the block."""
    notes: list[str] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def note(sentence: str) -> None:
    """Say what was read, left out, cut or changed, why, and how to change that. Nobody hears it outside `gather_notes`."""
    notes = _notes.get()
    if notes is not None and (sentence := _on_one_line(sentence)) not in notes:
        notes.append(sentence)


def list_some(words: Iterable[str], most: int = 6) -> str:
    """Return words with commas between, the first `most` of them and how many more there are."""
    words = [word if len(word) <= 40 else word[:37] + "..." for word in words]
    return ", ".join(words[:most]) + (f" and {len(words) - most:,} more" if len(words) > most else "")


# --- where files are -----------------------------------------------------------------------------------------------


def find_file(name: str, url: str | None = None, sha256: str | None = None, folder: str | Path | None = None) -> Path:
    """Return the path of a data file: in `folder` if given, else in $TINYGAN_DATA, else downloaded from `url`.

    `name` is relative, such as "mnist/t10k-labels-idx1-ubyte.gz". A name that ends in .gz also matches the unpacked
    file, without the .gz. A download is checked against `sha256` and kept. With `folder`, nothing is downloaded.
    DataError, if the file is nowhere, says where to put it.

    >>> find_file("names.txt", folder="nowhere")
    Traceback (most recent call last):
    tinygan.data.files.DataError: names.txt: not found in nowhere; put the file there
    """
    searched = folder or os.environ.get("TINYGAN_DATA")
    if searched:
        for candidate in (name, name.removesuffix(".gz")):
            path = Path(searched, candidate)
            if path.exists():
                return path
        missing, remedy = f"{name}: not found in {searched}", "put the file there"
    else:
        missing, remedy = f"{name}: not found", "put the file under that name into a folder named by TINYGAN_DATA"
    if folder or not url:
        raise DataError(f"{missing}; {remedy}")
    try:
        return _download(name, url, sha256)
    except ImportError:
        failure = "pooch is not installed"
    except OSError as error:  # errors of requests are OSErrors too; their text is long, their name is one word
        failure = type(error).__name__
    except ValueError:
        failure = "the downloaded file has another SHA-256"
    raise DataError(f"{missing}, nor could {url} be downloaded ({failure}); {remedy}")


def _download(name: str, url: str, sha256: str | None) -> Path:
    import pooch

    folder = pooch.os_cache("tinygan") / Path(name).parent
    return Path(pooch.retrieve(url, known_hash=sha256 and f"sha256:{sha256}", fname=Path(name).name, path=folder))


def fingerprint(*arrays: Any) -> int:
    """Return a number of 32 bits that other arrays do not have, but by chance."""
    total = 0
    for array in arrays:
        total = zlib.crc32(array if array.flags.c_contiguous else array.tobytes(), total)
    return total


def refuse_changed(source: str, data: str) -> None:
    """Raise DataError unless `data`, a setting, is empty if a run has a source by name, and a path if not: source ""."""
    if bool(source) == bool(data):
        raise DataError(
            f"a run on {source or 'pictures of a reader'} with the setting data={data!r}: the one or the other was changed"
        )


def refuse_others(name: str, found: Any, began: Any, kind: str = "pictures") -> None:
    """Raise DataError unless the pictures of `name`, or what else, have the fingerprint of those that a run began with."""
    if found != began:
        raise DataError(f"{name}: not the {kind} that this run began with; put them back, or begin a new run")


def check_split(split: str | None, known: tuple[str | None, ...]) -> None:
    """Raise ValueError unless `split`, the name of a part of a data set, is one of `known`."""
    if split not in known:
        *others, last = map(repr, known)
        raise ValueError(f"unknown split {split!r}: expected {', '.join(others)} or {last}")


# --- folders of files ----------------------------------------------------------------------------------------------


def list_files(folder: Path, suffixes: Collection[str], kind: str) -> list[Path]:
    """Return the files with these endings in a folder and those inside it, by name; say which files are left out.

    kind: what such files are, "pictures". DataError if there is none.
    """
    inside: list[Path] = []
    elsewhere, others, irregular = "are links to what is elsewhere", f"are no {kind}", "are no regular files"
    left_out: dict[str, list[str]] = {others: [], elsewhere: [], irregular: []}
    home = Path(os.path.realpath(folder))  # of links in a circle too, where Path.resolve raises
    for place, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            path = Path(place, name)
            if name.startswith(".") or path.is_dir() and not path.is_symlink():
                continue
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
                left_out[elsewhere].append(str(path.relative_to(folder)))
            elif path.suffix.lower() not in suffixes:
                if not path.is_dir():
                    left_out[others].append(str(path.relative_to(folder)))
            elif not path.is_file():
                left_out[irregular].append(str(path.relative_to(folder)))
            else:
                inside.append(path)
    for why, names in left_out.items():
        if names:
            known = f" ({', '.join(suffixes)} are read)" if why == others else ""
            note(f"left out: {len(names):,} files in {folder.name} that {why}{known}: {list_some(sorted(names))}")
    if not inside:
        raise DataError(f"{folder}: no {', '.join(suffixes)} file in it")
    return sorted(inside)


MOST_REASONS = 5  # a sentence each; a reason may have a number in it that no other file has


def say_what_was_read(folder: Path, read: int, unread: dict[str, list[str]], kind: str) -> None:
    """Say how many of a folder's files were read, and which were not; unread: {reason: names}. DataError if none was."""
    total = read + sum(map(len, unread.values()))
    if not read:
        reason, names = next(iter(unread.items()))
        raise DataError(f"{folder}: none of {total:,} {kind} can be read; {list_some(names, 1)}: {reason}")
    for reason, names in [*unread.items()][:MOST_REASONS]:
        note(f"left out: {list_some(names)}: {reason}")
    if others := [name for names in [*unread.values()][MOST_REASONS:] for name in names]:
        note(f"left out, for further reasons: {list_some(others)}")
    note(f"read: {read:,} of {total:,} {kind} in {folder.name}")


# --- text --------------------------------------------------------------------------------------------------------

MOST_LINES = 1 << 22  # of a text: 60 bytes each as strings
MOST_ACCENTS = 100  # on one letter: normalising is quadratic in them, 400,000 take hours

# Characters without ink: control characters but the tab, soft hyphens, zero-width spaces, marks of direction, fillers.
# The joiners U+200C and U+200D and the variation selectors are not among them: they change what stands beside them.
INKLESS = (
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e00ff]"
)
_MODIFIERS = " \t\u200c\u200d" + "".join(map(chr, range(0xFE00, 0xFE10)))  # no text either if they are alone


@contextmanager
def open_file(path: str | Path, max_bytes: int = 1 << 62) -> Iterator[BinaryIO]:
    """Open a regular file to read bytes; DataError if it is missing, a folder, a FIFO or a device, or cannot be read."""
    try:
        opened = open_regular(path, max_bytes)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        number = getattr(error, "errno", None)
        if number == errno.EFBIG:
            raise DataError(f"{path}: larger than {max_bytes:,} bytes, the most that are read; split the file") from None
        if number in (errno.EINVAL, errno.EISDIR):
            raise DataError(f"{path}: is not a regular file") from None
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    with opened as file:
        try:
            yield file
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def read_exactly(file: Any, needed: int) -> bytearray:
    """Return so many bytes of an open file, piece by piece: memory follows what it holds, not what a header promises.

    ValueError(sentence, how many there are) if it holds fewer.
    """
    values = bytearray()
    while len(values) < needed:
        piece = file.read(min(1 << 20, needed - len(values)))
        if not piece:
            raise ValueError(f"it ends after {len(values):,} of {needed:,} bytes", len(values))
        values += piece
    return values


def read_lines(path: str | Path, max_bytes: int = 1 << 28, by: str = "line") -> list[str]:
    """Return the lines of a UTF-8 file that are not blank, stripped, in Unicode's composed form (NFC).

    A line ends at \\n, \\r\\n or \\r. Characters that nobody sees are left out. by="sentence" returns sentences instead:
    lines that follow each other without a blank one between are joined, and cut after . ! ? … and their like.
    DataError if the file is missing, empty, larger than `max_bytes`, not UTF-8, or not text.
    """
    path = Path(path)
    text = read_text(path, max_bytes).replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MOST_LINES:
        raise DataError(f"{path}: more than {MOST_LINES:,} lines, the most that are read; split the file")
    if not text.isascii():
        if piled := _accents().search(text):
            line = text.count("\n", 0, piled.start()) + 1
            raise DataError(f"{path}: line {line} has more than {MOST_ACCENTS} accents on one letter; remove them")
    ink, inkless = re.subn(INKLESS, "", text)
    if inkless:
        note(f"left out: {inkless:,} characters that nobody sees, such as zero-width spaces, of {path.name}")
    lines = [unicodedata.normalize("NFC", line).strip() for line in ink.split("\n")]
    if by == "sentence":
        lines = _sentences(lines)
    lines = [line for line in lines if line.strip(_MODIFIERS)]
    if not lines:
        raise DataError(f"{path}: holds no text; expected a line for each example")
    return lines


@cache
def _accents() -> re.Pattern:
    """Return the pattern of more accents, characters that normalising may put into another order, than a letter has."""
    marks = [c for c in range(0x300, 0x1F000) if unicodedata.combining(chr(c))]
    spans: list[list[int]] = []
    for mark in marks:
        if spans and mark == spans[-1][1] + 1:
            spans[-1][1] = mark
        else:
            spans.append([mark, mark])
    return re.compile(f"[{''.join(f'{chr(low)}-{chr(high)}' for low, high in spans)}]{{{MOST_ACCENTS + 1}}}")


_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*(?=\s)|(?<=[。！？])[”’」』）]*")

_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"  # ideographs and their marks, between which no space stands


def _sentences(lines: list[str]) -> list[str]:
    """Return the sentences of paragraphs, which blank lines part. An abbreviation's full stop ends a sentence too."""
    sentences: list[str] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line:
            paragraph.append(line)
        elif paragraph:
            text, start = re.sub(f"(?<=[{_WIDE}]) (?=[{_WIDE}])", "", " ".join(paragraph)), 0
            for end in _SENTENCE_END.finditer(text):
                sentences.append(text[start : end.end()].strip())
                start = end.end()
            sentences.append(text[start:].strip())
            paragraph = []
    return sentences


def read_text(path: str | Path, max_bytes: int) -> str:
    """Return a UTF-8 file as a string, without a byte order mark; DataError if it is not such a file."""
    with open_file(path, max_bytes) as file:
        data = file.read(os.fstat(file.fileno()).st_size)  # read(max_bytes) would take max_bytes of memory
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fault = f"line {line} is not UTF-8 (byte {data[error.start]:#04x})"
        raise DataError(f"{path}: {fault}; save the file as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{path}: has zero bytes, so it is not a text file; save it as UTF-8 text")
    return text
