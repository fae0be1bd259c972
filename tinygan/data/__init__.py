"""Data: where files are found, how they are read, and how they become batches.

`files.py` finds or downloads, `idx.py` reads MNIST's format, `images.py` has the data sets by name, `pictures.py` reads your
own pictures, `text.py`, `series.py` and `music.py` have what comes in a row, `loader.py` serves batches. Importing this needs
numpy only. A file that cannot be used raises `DataError`: one sentence.
"""

from .files import DataError, find_file
from .idx import read_idx
from .images import centred, digits, fashion_mnist, kmnist, mnist, split_by_class
from .loader import Loader
from .music import chorales, crops, made_chorales, read_chorales
from .pictures import read_pictures
from .series import MinMax, Table, Whitening, made_prices, read_csv, sines, stock, windows
from .text import Vocabulary, captions, made_captions, made_names, names, read_lines, small_text, words

__all__ = [
    "DataError",
    "Loader",
    "MinMax",
    "Table",
    "Vocabulary",
    "Whitening",
    "captions",
    "centred",
    "chorales",
    "crops",
    "digits",
    "fashion_mnist",
    "find_file",
    "kmnist",
    "made_captions",
    "made_chorales",
    "made_names",
    "made_prices",
    "mnist",
    "names",
    "read_chorales",
    "read_csv",
    "read_idx",
    "read_lines",
    "read_pictures",
    "sines",
    "small_text",
    "split_by_class",
    "stock",
    "windows",
    "words",
]
