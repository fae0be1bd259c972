"""Where a data file is: in the folder TINYGAN_DATA, or else downloaded once. Next, `idx.py` reads it."""

import os
from pathlib import Path


class DataError(ValueError):
    """A data file is missing or unfit; the message is one sentence that names the file, the fault and the remedy."""


def find_file(name, url=None, sha256=None, folder=None):
    """The path of a data file: in `folder` if given, else in $TINYGAN_DATA, else downloaded from `url` and kept.

    `name` is relative, such as "mnist/t10k-labels-idx1-ubyte.gz"; one that ends in .gz is also found unpacked, without
    the .gz. A download is checked against `sha256`; `folder` rules it out. Raises DataError: where to put the file.

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
    except OSError as error:  # requests' own errors are OSErrors too; their text runs over lines, their name does not
        failure = type(error).__name__
    except ValueError:
        failure = "what came has another SHA-256"
    raise DataError(f"{missing}, nor could {url} be downloaded ({failure}); {remedy}")


def _download(name, url, sha256):
    import pooch

    folder = pooch.os_cache("tinygan") / Path(name).parent
    return Path(pooch.retrieve(url, known_hash=sha256 and f"sha256:{sha256}", fname=Path(name).name, path=folder))
