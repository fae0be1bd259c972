"""Writes tinygan/data/pictures/digits-*.gz, the embedded digits, from scikit-learn's copy of the UCI data set.

    python tools/make_digits.py        (needs scikit-learn)

Images are stored as they are, one byte a pixel with values 0 to 16, in MNIST's format IDX, so that one reader serves
both. Gzip's time stamp is left out: the same data gives the same file.
"""

import gzip
import struct
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

FOLDER = Path(__file__).resolve().parents[1] / "tinygan" / "data" / "pictures"


def write_idx(path, array):
    """Write an array of bytes as gzipped IDX: two zeros, type 8, the number of dimensions, the sizes, the values."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))
    print(f"{path.name}: {array.shape}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    digits = load_digits()
    images = digits.images.astype(np.uint8)  # (1797, 8, 8)
    assert images.shape == (1797, 8, 8) and np.array_equal(images, digits.images)
    write_idx(FOLDER / "digits-images-idx3-ubyte.gz", images)
    write_idx(FOLDER / "digits-labels-idx1-ubyte.gz", digits.target.astype(np.uint8))
