"""Data files: find one, download it once, read its text.

A file lies in the folder TINYGAN_DATA, or it is downloaded on first use. Every fault of a file is a `DataError`: one
sentence that names the file, the fault and the remedy. The readers of each medium build on this file: `pictures/idx.py`
reads MNIST's format, `series.py` reads CSV.
"""

import os
import unicodedata
from pathlib import Path


class DataError(ValueError):
    """A data file is missing or unfit; the message is one sentence that names the file, the fault and the remedy."""


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


def check_split(split: str | None, known: tuple[str | None, ...]) -> None:
    """Raise ValueError unless `split`, the name of a part of a data set, is one of `known`."""
    if split not in known:
        *others, last = map(repr, known)
        raise ValueError(f"unknown split {split!r}: expected {', '.join(others)} or {last}")


# --- text --------------------------------------------------------------------------------------------------------


def read_lines(path: str | Path, max_bytes: int = 1 << 28) -> list[str]:
    """Return the lines of a UTF-8 file that are not blank, stripped, in Unicode's composed form (NFC).

    DataError if the file is missing, empty, larger than `max_bytes`, not UTF-8, or not text.
    """
    path = Path(path)
    lines = [unicodedata.normalize("NFC", line).strip() for line in read_text(path, max_bytes).splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        raise DataError(f"{path}: holds no text; expected a line for each example")
    return lines


def read_text(path: str | Path, max_bytes: int) -> str:
    """Return a UTF-8 file as a string, without a byte order mark; DataError if it is not such a file."""
    path = Path(path)
    try:
        if not path.is_file():
            raise DataError(f"{path}: {'is not a regular file' if path.exists() else 'no such file'}")
        with open(path, "rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > max_bytes:
        raise DataError(f"{path}: larger than the {max_bytes:,} bytes allowed; raise max_bytes if you expect that size")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fault = f"line {line} is not UTF-8 (byte {data[error.start]:#04x})"
        raise DataError(f"{path}: {fault}; save the file as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{path}: has zero bytes, so it is not a text file; save it as UTF-8 text")
    return text
