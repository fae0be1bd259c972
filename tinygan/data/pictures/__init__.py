"""Pictures: data sets by name (`datasets.py`), your own folder or array (`own.py`), MNIST's format (`idx.py`)."""

from .datasets import centred, digits, fashion_mnist, kmnist, mnist, split_by_class
from .idx import read_idx
from .own import read_pictures

__all__ = [
    "centred", "digits", "fashion_mnist", "kmnist", "mnist", "read_idx", "read_pictures", "split_by_class",
]  # fmt: skip
