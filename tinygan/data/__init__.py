"""Data: where files are found, how they are read, and how they become batches.

`files.py` finds or downloads, `idx.py` reads MNIST's format, `images.py` has the data sets by name, `loader.py` serves
batches. Importing this needs numpy only. A file that cannot be used raises `DataError`: one sentence.
"""

from .files import DataError, find_file
from .idx import read_idx
from .images import digits, fashion_mnist, kmnist, mnist, split_by_class
from .loader import Loader

__all__ = [
    "DataError",
    "Loader",
    "digits",
    "fashion_mnist",
    "find_file",
    "kmnist",
    "mnist",
    "read_idx",
    "split_by_class",
]
