"""Picture data sets: the embedded digits, and MNIST and its kin from files and downloads."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from data_files import idx, refused

from tinygan import data
from tinygan.data import digits, mnist, split_by_class
from tinygan.data.pictures.datasets import _SOURCES


def test_digits_are_the_uci_digits():
    images, labels = digits()
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((1797, 1, 8, 8), np.float32, (1797,), np.int64)
    assert images.min() == 0 and images.max() == 1
    assert (images[0, 0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    # of the bytes in sklearn.datasets.load_digits()
    pixels = (images * 16).astype(np.uint8)
    classes = labels.astype(np.uint8)
    assert hashlib.sha256(pixels).hexdigest() == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    assert hashlib.sha256(classes).hexdigest() == "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def test_digits_take_less_than_60_kilobytes():
    folder = Path(data.__file__).parent / "pictures"
    assert 0 < sum(path.stat().st_size for path in folder.iterdir() if path.suffix == ".gz") <= 60_000


def test_digits_split_is_fixed_balanced_and_complete():
    images, labels = digits()
    (train_images, train_labels), (test_images, test_labels) = digits("train"), digits("test")
    assert len(train_images) == len(train_labels) == 1437
    assert np.bincount(test_labels).tolist() == [36] * 10
    train, test = split_by_class(labels, 36)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(1797))
    assert np.array_equal(images[train], train_images) and np.array_equal(images[test], test_images)
    assert np.array_equal(labels[train], train_labels) and np.array_equal(labels[test], test_labels)
    assert (test[:4].tolist(), test.sum()) == ([1, 2, 6, 7], 325343)  # figures compare only if this holds


def test_centred_brings_images_to_the_range_of_tanh_without_a_copy():
    images, _ = digits()
    expected = images * 2 - 1
    assert data.centred(images) is images
    np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize("load", [digits, mnist], ids=lambda load: load.__name__)
def test_unknown_split_names_the_known_ones(load):
    with pytest.raises(ValueError, match="unknown split 'valid': expected .*'train' or 'test'"):
        load("valid")


def test_split_by_class_draws_another_test_set_for_another_seed_and_refuses_a_small_class():
    labels = np.repeat([3, 5], 20)
    tests = [split_by_class(labels, 4, seed)[1] for seed in (0, 0, 1)]
    assert np.array_equal(tests[0], tests[1]) and not np.array_equal(tests[0], tests[2])
    assert [np.count_nonzero(labels[test] == 5) for test in tests] == [4, 4, 4]
    with pytest.raises(ValueError, match="cannot hold out 20 of 20 rows of class 3"):
        split_by_class(labels, 20)


def write_mnist(folder, images, labels, prefix="train"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))


IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
CLASSES = np.arange(20, dtype=np.uint8) % 10


@pytest.mark.parametrize("split, prefix", [("train", "train"), ("test", "t10k")])
@pytest.mark.parametrize("name", _SOURCES)
def test_mnist_kin_from_folder_and_from_tinygan_data(tmp_path, monkeypatch, name, split, prefix):
    write_mnist(tmp_path / name, IMAGES, CLASSES, prefix)
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    for folder in (None, tmp_path / name):
        images, labels = getattr(data, name)(split, folder)
        assert (images.shape, images.dtype, labels.dtype) == ((20, 1, 28, 28), np.float32, np.int64)
        np.testing.assert_array_equal(labels, CLASSES)
        np.testing.assert_allclose(images[:, 0] * 255, IMAGES, rtol=1e-6)


@pytest.mark.parametrize("split, prefix, first", [("train", "train", 0), ("test", "t10k", 2)])
@pytest.mark.parametrize("name", _SOURCES)
def test_mnist_kin_download(tmp_path, no_data_folder, monkeypatch, name, split, prefix, first):
    write_mnist(tmp_path, IMAGES, CLASSES, prefix)
    requests = {}

    def retrieve(url, known_hash, fname, path):
        requests[url] = known_hash
        return str(tmp_path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert np.array_equal(getattr(data, name)(split)[1], CLASSES)
    address, *sums = _SOURCES[name]
    assert requests == {
        f"{address}{prefix}-images-idx3-ubyte.gz": f"sha256:{sums[first]}",
        f"{address}{prefix}-labels-idx1-ubyte.gz": f"sha256:{sums[first + 1]}",
    }


BAD_MNIST = {  # what: (images, labels, the file at fault, what the message says)
    "more images": (IMAGES, CLASSES[:19], "images-idx3", "announces (20, 28, 28) uint8 where (19, 28, 28)"),
    "more labels": (IMAGES[:19], CLASSES, "images-idx3", "announces (19, 28, 28) uint8 where (20, 28, 28)"),
    "exchanged": (CLASSES, IMAGES, "labels-idx1", "announces (20, 28, 28) uint8 where (N) uint8"),
    "labels of another set": (IMAGES, CLASSES + 1, "labels-idx1", "label 10 is not in 0..9"),
    "images of another set": (IMAGES[:, :8, :8], CLASSES, "images-idx3", "announces (20, 8, 8)"),
    "too many labels": (IMAGES, np.zeros((1 << 20) + 1, np.uint8), "labels-idx1", "announces (1048577)"),
}


@pytest.mark.parametrize("case", BAD_MNIST)
def test_bad_mnist_is_refused(tmp_path, case):
    images, labels, file, fault = BAD_MNIST[case]
    write_mnist(tmp_path, images, labels)
    refused(lambda: mnist("train", tmp_path), f"{tmp_path / f'train-{file}-ubyte.gz'}: ", fault)


def test_missing_mnist_says_where_to_put_it(tmp_path):
    refused(lambda: mnist("test", tmp_path), f"t10k-labels-idx1-ubyte.gz: not found in {tmp_path}; put the file there")


@pytest.mark.parametrize("split, counts", [
    ("train", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
    ("test", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
])  # fmt: skip
def test_real_mnist(split, counts):
    folder = Path(os.environ.get("TINYGAN_DATA", ""), "mnist")
    if not folder.is_dir():
        pytest.skip("needs TINYGAN_DATA/mnist, the four MNIST files")
    images, labels = mnist(split)
    assert images.shape == (sum(counts), 1, 28, 28) and images.min() == 0 and images.max() == 1
    assert np.bincount(labels).tolist() == counts
    if split == "test":  # these two files are the originals, so they prove half of the table of checksums
        for name, sha256 in zip(("images-idx3", "labels-idx1"), _SOURCES["mnist"][3:]):
            assert hashlib.sha256((folder / f"t10k-{name}-ubyte.gz").read_bytes()).hexdigest() == sha256
