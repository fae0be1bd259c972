"""Pictures: data sets by name (`datasets.py`), your own (`own.py`), and how they are read.

A folder's files go through `picture_file.py`, arrays through `arrays.py`, MNIST's format through `idx.py`.
"""

from .datasets import centred, digits, fashion_mnist, kmnist, mnist, split_by_class
from .idx import read_idx
from .own import read_classes, read_pictures, read_sides
from .picture_file import read_picture

__all__ = [
    "centred", "digits", "fashion_mnist", "kmnist", "mnist", "read_classes", "read_idx", "read_picture",
    "read_pictures", "read_sides", "split_by_class",
]  # fmt: skip
