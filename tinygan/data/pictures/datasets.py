"""Picture data sets by name: `digits` comes with the package; MNIST and its kin are read from IDX files.

Each function returns images (N, 1, height, width) float32 in [0, 1] and labels (N,) int64 in 0..9.

The digits are the test part of "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49, licensed CC BY 4.0. tools/make_digits.py packed
scikit-learn's copy into the IDX format and changed no value.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, stream

from ..files import DataError, check_split, find_file, note
from .idx import read_idx


def digits(split: str | None = None) -> tuple[Array, Array]:
    """Return the 1,797 UCI handwritten digits: images (N, 1, 8, 8), labels (N,). They lie in the package.

    split: None for all, "train" for 1,437, "test" for the other 360, which show each digit 36 times. A pixel counts the
    inked cells of a 4x4 block: 17 grey levels from 0 to 1. Alpaydin & Kaynak 1998.
    """
    check_split(split, (None, "train", "test"))
    folder = Path(__file__).parent
    labels = read_idx(folder / "digits-labels-idx1-ubyte.gz").astype(np.int64)
    images = _to_float(read_idx(folder / "digits-images-idx3-ubyte.gz"), 16)
    if split is not None:
        train, test = split_by_class(labels, 36)
        rows = train if split == "train" else test
        images, labels = images[rows], labels[rows]
    note(f"{len(images):,} handwritten digits, 8x8, which come with tinygan")
    return images, labels


def mnist(split: str = "train", folder: str | Path | None = None) -> tuple[Array, Array]:
    """Return MNIST, 60,000 ("train") or 10,000 ("test") handwritten digits: images (N, 1, 28, 28), labels (N,).

    The files come from `folder`, else from $TINYGAN_DATA/mnist, else from the web. DataError if none has them.
    LeCun et al. 1998.
    """
    return _mnist_kin("mnist", split, folder)


def fashion_mnist(split: str = "train", folder: str | Path | None = None) -> tuple[Array, Array]:
    """Return Fashion-MNIST, clothes in MNIST's format, from $TINYGAN_DATA/fashion_mnist or the web.

    Xiao et al. 2017.
    """
    return _mnist_kin("fashion_mnist", split, folder)


def kmnist(split: str = "train", folder: str | Path | None = None) -> tuple[Array, Array]:
    """Return Kuzushiji-MNIST, hiragana in MNIST's format, from $TINYGAN_DATA/kmnist or the web.

    Clanuwat et al. 2018.
    """
    return _mnist_kin("kmnist", split, folder)


def centred(images: Array) -> Array:
    """Bring images from [0, 1] to [-1, 1], the range of tanh, and return them: in place, since MNIST takes 188 MB."""
    images *= 2
    images -= 1
    return images


def split_by_class(labels: ArrayLike, test_per_class: int, seed: int = 0) -> tuple[Array, Array]:
    """Split rows into (train, test): ascending row numbers, `test_per_class` rows of every class drawn into test.

    ValueError if a class has too few rows to leave one in train.
    """
    labels = np.asarray(labels)
    rng = stream(seed, "split")
    test = []
    for value in np.unique(labels):
        rows = np.flatnonzero(labels == value)
        if len(rows) <= test_per_class:
            raise ValueError(f"split_by_class: cannot hold out {test_per_class} of {len(rows)} rows of class {value}")
        test.append(rng.permutation(rows)[:test_per_class])
    is_test = np.zeros(len(labels), bool)
    is_test[np.concatenate(test)] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _to_float(images: Array, white: int) -> Array:
    """Convert bytes (N, height, width) to (N, 1, height, width) float32; `white` becomes 1."""
    return np.divide(images[:, None], white, dtype=np.float32)


# --- MNIST and its kin -------------------------------------------------------------------------------------------

_SOURCES = {  # name: address of the four files, SHA-256 of train images, train labels, test images, test labels
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    "fashion_mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    "kmnist": (
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    ),
}


def _mnist_kin(name: str, split: str, folder: str | Path | None) -> tuple[Array, Array]:
    check_split(split, ("train", "test"))
    url, *sums = _SOURCES[name]
    prefix, (images_sum, labels_sum) = ("train", sums[:2]) if split == "train" else ("t10k", sums[2:])

    def find(file: str, sha256: str) -> Path:  # the checksum is for downloads: a local file may be packed anew
        return find_file(file, folder=folder) if folder else find_file(f"{name}/{file}", url + file, sha256)

    labels_path = find(f"{prefix}-labels-idx1-ubyte.gz", labels_sum)
    images_path = find(f"{prefix}-images-idx3-ubyte.gz", images_sum)
    labels = read_idx(labels_path, (None,), "uint8", max_bytes=1 << 20)
    if labels.max() > 9:
        raise DataError(f"{labels_path}: label {labels.max()} is not in 0..9; another data set?")
    images = read_idx(images_path, (len(labels), 28, 28), "uint8")
    note(f"{len(images):,} pictures, 28x28, of {name} in {images_path.parent}")
    return _to_float(images, 255), labels.astype(np.int64)
