"""Data: right files are read, wrong ones refused in a sentence and little memory, batches follow from seed and step."""

import gzip
import hashlib
import math
import os
import struct
import subprocess
import sys
import threading
import tracemalloc
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan import data
from tinygan.data import DataError, Loader, digits, find_file, mnist, read_idx, split_by_class
from tinygan.data.images import _SOURCES

CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def header(code, *sizes, zeros=b"\0\0"):
    return zeros + bytes([code, len(sizes)]) + b"".join(struct.pack(">I", size) for size in sizes)


def idx(array):
    """The bytes of an IDX file, written here a second time so that the reader is not checked against itself."""
    return header(CODES[array.dtype.name], *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def refused(call, *fragments):
    """Run `call`, which must raise exactly DataError, in one sentence with the fragments -> peak bytes allocated."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            call()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert caught.type is DataError and (caught.value.__suppress_context__ or not caught.value.__context__)
    assert "\n" not in message and len(message) < 500, message
    for fragment in fragments:
        assert fragment in message
    return peak


# --- the embedded digits -----------------------------------------------------------------------------------------


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
    folder = Path(data.__file__).parent
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


def test_import_needs_numpy_only():
    code = "import sys, tinygan.data; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"pooch", "requests", "matplotlib", "tqdm", "safetensors", "scipy", "cupy"} & set(loaded)


# --- IDX: what is right ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(5,), (3, 2), (2, 3, 4), (1, 1, 1, 7), (1,) * 8], ids=lambda shape: f"{len(shape)}d")
@pytest.mark.parametrize("dtype", CODES)
def test_idx_round_trip(tmp_path, dtype, shape, pack):
    rng = np.random.default_rng(0)
    array = rng.integers(-100, 100, shape).astype(dtype) if dtype != "uint8" else rng.integers(0, 256, shape, np.uint8)
    (tmp_path / "file").write_bytes(pack(idx(array)))
    result = read_idx(tmp_path / "file")
    assert result.dtype == array.dtype and result.dtype.isnative and result.flags.writeable
    np.testing.assert_array_equal(result, array)


def test_idx_accepts_several_gzip_members_and_expected_shapes(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "file").write_bytes(gzip.compress(idx(array)[:17]) + gzip.compress(idx(array)[17:]))
    np.testing.assert_array_equal(read_idx(str(tmp_path / "file"), (None, 3, 4), "uint8", max_bytes=24), array)


def test_idx_keeps_within_one_and_a_half_times_the_array(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (8 << 20,), np.uint8)
    (tmp_path / "file.gz").write_bytes(gzip.compress(idx(array), 1))
    tracemalloc.start()
    read_idx(tmp_path / "file.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert array.nbytes < peak < 1.5 * array.nbytes


# --- IDX: what is wrong ------------------------------------------------------------------------------------------

LABELS = idx(np.arange(100, dtype=np.uint8))
PICTURES = idx(np.zeros((10, 28, 28), np.uint8))
PACKED = gzip.compress(idx(np.random.default_rng(0).integers(0, 256, (3000,), np.uint8)))
any_shape, picture, label = {}, {"shape": (None, 28, 28), "dtype": "uint8"}, {"shape": (None,), "dtype": "uint8"}

BAD = {  # what: (bytes, what is expected of the file, what the message says)
    "empty": (b"", any_shape, "holds 0 bytes, too few for an IDX header"),
    "cut in the magic": (LABELS[:3], any_shape, "holds 3 bytes"),
    "cut in the sizes": (PICTURES[:9], any_shape, "ends within the sizes of its 3 dimensions"),
    "cut in the values": (LABELS[:-1], any_shape, "(100) uint8, 100 bytes, but the file holds 99; the file"),
    "no values": (LABELS[:8], any_shape, "but the file holds 0"),
    "values appended": (LABELS + b"!", any_shape, "100 bytes, but the file goes on after them"),
    "web page": (b"<!DOCTYPE html><html>", any_shape, "begins with 3c 21 44 4f, not with 00 00"),
    "zip": (b"PK\3\4" + bytes(100), any_shape, "not an IDX file"),
    "numpy file": (b"\x93NUMPY" + bytes(100), any_shape, "not an IDX file"),
    "zeros": (bytes(1000), any_shape, "begins with 00 00 00 00"),
    "wrong zeros": (header(8, 3, zeros=b"\0\1") + b"abc", any_shape, "begins with 00 01 08 01"),
    "unknown type": (header(10, 3) + b"abc", any_shape, "begins with 00 00 0a 01"),
    "little endian": (struct.pack("<II", 2049, 3) + b"abc", any_shape, "begins with 01 08 00 00"),
    "no dimensions": (header(8) + b"a", any_shape, "1 to 8 dimensions"),
    "9 dimensions": (header(8, *[1] * 9) + b"a", any_shape, "1 to 8 dimensions"),
    "255 dimensions": (header(8, *[2] * 255), any_shape, "1 to 8 dimensions"),
    "no items": (header(8, 0, 28, 28), any_shape, "(0, 28, 28) uint8, which is empty"),
    "no width": (header(8, 10, 28, 0), any_shape, "which is empty"),
    "negative": (header(8, 2**32 - 1) + bytes(8), any_shape, "(4294967295) uint8, more than the 1,073,741,824"),
    "overflow to 0": (header(8, 2**31, 2**31, 4) + bytes(8), any_shape, "more than the 1,073,741,824 bytes allowed"),
    "huge": (header(14, *[2**32 - 1] * 8) + bytes(8), any_shape, "more than the 1,073,741,824 bytes allowed"),
    "just too large": (header(8, 2**30) + bytes(8), any_shape, "1,073,741,824 bytes, but the file holds 8"),
    "over max_bytes": (LABELS, {"max_bytes": 99}, "(100) uint8, more than the 99 bytes allowed; raise max_bytes"),
    "images for labels": (PICTURES, label, "announces (10, 28, 28) uint8 where (N) uint8 was expected"),
    "labels for images": (LABELS, picture, "announces (100) uint8 where (N, 28, 28) uint8 was expected"),
    "other size": (idx(np.zeros((2, 32, 32), np.uint8)), picture, "(2, 32, 32) uint8 where (N, 28, 28)"),
    "other type": (idx(np.zeros((2, 28, 28), np.float32)), picture, "(2, 28, 28) float32 where (N, 28, 28) uint8"),
    "other type, any shape": (LABELS, {"dtype": "int32"}, "(100) uint8 where anything int32 was expected"),
    "gzip: empty": (gzip.compress(b""), any_shape, "holds 0 bytes"),
    "gzip: only its magic": (b"\x1f\x8b", any_shape, "gzip data ends early, after 2 bytes"),
    "gzip: cut": (PACKED[:1000], any_shape, "gzip data ends early, after 1,000 bytes"),
    "gzip: sum cut off": (PACKED[:-4], any_shape, "gzip data ends early"),
    "gzip: wrong sum": (PACKED[:-8] + b"abcd" + PACKED[-4:], any_shape, "gzip data is damaged (CRC check failed"),
    "gzip: wrong method": (PACKED[:2] + b"\7" + PACKED[3:], any_shape, "gzip data is damaged"),
    "gzip: wrong deflate": (PACKED[:10] + b"\7" + PACKED[11:], any_shape, "gzip data is damaged (Error -3"),
    "gzip: bytes appended": (PACKED + b"hello", any_shape, "gzip data is damaged (Not a gzipped file"),
    "gzip: values appended": (gzip.compress(LABELS + b"!"), any_shape, "goes on after them"),
    "gzip: fewer values": (gzip.compress(LABELS[:-1]), any_shape, "but the file holds 99"),
    "gzip: no values": (gzip.compress(LABELS[:8]), any_shape, "but the file holds 0"),
    "gzip: not IDX": (gzip.compress(b"hello, world"), any_shape, "begins with 68 65 6c 6c"),
    "gzip: twice": (gzip.compress(PACKED), any_shape, "begins with 1f 8b 08"),
    "gzip: false header": (gzip.compress(header(8, 10**9)), any_shape, "bytes, but the file can hold at most"),
    "gzip: bomb behind its header": (gzip.compress(header(8, 10) + bytes(64 << 20)), any_shape, "goes on after them"),
    "gzip: bomb with a true header": (
        gzip.compress(header(8, 64 << 20) + bytes(64 << 20)),
        {"max_bytes": 1 << 20},
        "(67108864) uint8, more than the 1,048,576 bytes allowed",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_idx_file_is_refused_in_one_sentence_and_two_megabytes(tmp_path, case):
    content, expected, fault = BAD[case]
    path = tmp_path / "bad-file"
    path.write_bytes(content)
    peak = refused(lambda: read_idx(path, **expected), f"{path}: ", fault)
    assert peak < 2 << 20


def test_what_is_no_file_is_refused(tmp_path):
    refused(lambda: read_idx(tmp_path / "absent"), f"{tmp_path / 'absent'}: no such file")
    refused(lambda: read_idx(tmp_path), f"{tmp_path}: is not a regular file")
    if hasattr(os, "mkfifo"):  # opening one would wait forever
        os.mkfifo(tmp_path / "pipe")
        refused(lambda: read_idx(tmp_path / "pipe"), "is not a regular file")


def test_unreadable_file_is_refused(tmp_path, monkeypatch):
    def denied(*arguments):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "file").write_bytes(LABELS)
    monkeypatch.setattr("builtins.open", denied)
    refused(lambda: read_idx(tmp_path / "file"), f"{tmp_path / 'file'}: cannot be read (Permission denied)")


valid_files = st.sampled_from([LABELS, PICTURES, PACKED, gzip.compress(LABELS)])
header_edits = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=4)  # where the danger is


@settings(max_examples=300, deadline=None)
@given(valid_files, header_edits, st.integers(0, 60), st.booleans())
def test_any_damage_gives_an_array_or_a_data_error(tmp_path_factory, content, edits, cut, from_end):
    damaged = bytearray(content)
    for place, value in edits:
        damaged[place % len(damaged)] = value
    damaged = damaged[: len(damaged) - cut] if from_end else damaged[:cut] or damaged
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged)
    try:
        array = read_idx(path, max_bytes=1 << 20)
    except DataError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert 0 < array.nbytes <= 1 << 20 and array.size == math.prod(array.shape)


# --- finding files, MNIST and its kin ----------------------------------------------------------------------------


PUT_IT_THERE = "put the file under that name into a folder named by TINYGAN_DATA"


@pytest.fixture
def no_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("TINYGAN_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server for the folder tmp_path/"web" -> (its address, the folder, the paths asked for)."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    (tmp_path / "web").mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path / "web")) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", tmp_path / "web", asked
        server.shutdown()
        thread.join()


def test_find_file_looks_in_the_folder_then_in_tinygan_data(tmp_path, monkeypatch):
    for folder in ("given", "environment"):
        (tmp_path / folder / "sub").mkdir(parents=True)
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "environment"))
    packed, unpacked = (tmp_path / "environment" / "sub" / name for name in ("file.gz", "file"))
    unpacked.touch()
    assert find_file("sub/file.gz") == unpacked
    packed.touch()
    assert find_file("sub/file.gz") == packed
    refused(lambda: find_file("sub/other"), f"sub/other: not found in {tmp_path / 'environment'}; put the file there")
    refused(  # a folder that was given is not replaced by a download
        lambda: find_file("sub/file.gz", "http://127.0.0.1:9/file.gz", folder=tmp_path / "given"),
        f"sub/file.gz: not found in {tmp_path / 'given'}; put the file there",
    )
    (tmp_path / "given" / "sub" / "file.gz").touch()
    assert find_file("sub/file.gz", folder=tmp_path / "given") == tmp_path / "given" / "sub" / "file.gz"


def test_find_file_without_a_folder_names_the_variable(no_data_folder):
    refused(lambda: find_file("a/b"), f"a/b: not found; {PUT_IT_THERE}")


def test_download_is_checked_kept_and_made_once(no_data_folder, server, tmp_path):
    address, web, asked = server
    (web / "file.gz").write_bytes(b"content")
    sha256 = hashlib.sha256(b"content").hexdigest()
    for _ in range(2):
        path = find_file("sub/file.gz", address + "file.gz", sha256)
        assert path == tmp_path / "cache/tinygan/sub/file.gz" and path.read_bytes() == b"content"
    assert asked == ["/file.gz"]


def test_failed_download_says_where_to_put_the_file(no_data_folder, server, tmp_path, monkeypatch):
    address, web, _ = server
    (web / "file").write_bytes(b"tampered")
    remedy = f"; {PUT_IT_THERE}"
    refused(
        lambda: find_file("sub/file", address + "file", hashlib.sha256(b"content").hexdigest()),
        f"sub/file: not found, nor could {address}file be downloaded (what came has another SHA-256)" + remedy,
    )
    assert not (tmp_path / "cache/tinygan/sub/file").exists()
    refused(lambda: find_file("sub/none", address + "none", "0" * 64), "(HTTPError)" + remedy)
    refused(lambda: find_file("sub/file", "http://127.0.0.1:9/file", "0" * 64), "(ConnectionError)" + remedy)
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pooch", None)
    refused(
        lambda: find_file("sub/file", address + "file"),
        f"sub/file: not found in {tmp_path}, nor could {address}file be",
        "(pooch is not installed); put the file there",
    )


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


# --- batches -----------------------------------------------------------------------------------------------------

loaders = st.builds(
    dict,
    batch_size=st.integers(1, 12),
    seed=st.integers(0, 5),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
)


@settings(deadline=None)
@given(st.integers(12, 60), loaders)
def test_an_epoch_shows_every_row_once(rows, options):
    loader = Loader(np.arange(rows), -np.arange(rows), batch_size=options.pop("batch_size"), **options)
    for _ in range(2):
        batches = list(loader)
        seen = np.concatenate([x for x, _ in batches])
        assert all(np.array_equal(x, -y) for x, y in batches)  # rows of the arrays stay together
        assert len(batches) == len(loader) and len(np.unique(seen)) == len(seen)
        assert all(len(x) == loader.batch_size for x, _ in batches[:-1]) and len(batches[-1][0]) > 0
        left_over = rows % loader.batch_size if loader.drop_last else 0
        assert len(seen) == rows - left_over
        if not loader.shuffle:
            assert np.array_equal(seen, np.arange(len(seen)))


@settings(deadline=None)
@given(st.integers(12, 60), loaders, st.lists(st.integers(0, 100), min_size=1, max_size=10))
def test_batch_is_a_function_of_seed_and_step(rows, options, steps):
    array = np.arange(rows)
    loader = Loader(array, batch_size=options.pop("batch_size"), **options)
    options["batch_size"] = loader.batch_size
    looped = [batch for _ in range(101 // len(loader) + 1) for batch in loader]
    for step in steps:  # in any order, from a loader that has seen nothing or anything
        assert np.array_equal(Loader(array, **options).batch(step), looped[step])
        assert np.array_equal(loader.batch(step), looped[step])


def test_epochs_and_seeds_shuffle_differently():
    a, b = (Loader(np.arange(50), batch_size=10, seed=seed) for seed in (0, 1))
    assert len({np.concatenate(list(loader)).tobytes() for loader in (a, a, b, b)}) == 4


def test_a_loop_left_early_ends_its_epoch_and_epoch_can_be_set():
    loader = Loader(np.arange(20), batch_size=5)
    next(iter(loader))
    assert loader.epoch == 1
    assert np.array_equal(next(iter(loader)), loader.batch(4))
    loader.epoch = 7
    assert np.array_equal(next(iter(loader)), loader.batch(28))


@pytest.mark.parametrize("shuffle", [False, True])
def test_writing_to_a_batch_leaves_the_data_alone(shuffle):
    array = np.zeros((10, 3), np.float32)
    batch = Loader(array, batch_size=10, shuffle=shuffle).batch(0)
    batch += 1
    assert batch.dtype == np.float32 and not array.any()


ten = np.zeros(10)
BAD_LOADERS = {
    "no arrays": ((), {"batch_size": 1}, ValueError, "no arrays given"),
    "unequal": ((ten, ten[:9]), {"batch_size": 1}, ValueError, r"arrays have \[10, 9\] rows"),
    "list": (([1, 2],), {"batch_size": 1}, TypeError, "list has no rows; expected an array"),
    "scalar": ((np.zeros(()),), {"batch_size": 1}, TypeError, "ndarray has no rows"),
    "no rows": ((ten[:0],), {"batch_size": 1}, ValueError, "batch_size 1 from 0 rows"),
    "batch of 0": ((ten,), {"batch_size": 0}, ValueError, "batch_size 0 from 10 rows"),
    "half a row": ((ten,), {"batch_size": 2.5}, TypeError, "integer"),
    "batch too large": ((ten,), {"batch_size": 11}, ValueError, "batch_size 11 exceeds the 10 rows.*drop_last=False"),
}


@pytest.mark.parametrize("case", BAD_LOADERS)
def test_bad_loader_is_refused_at_the_door(case):
    arrays, options, error, message = BAD_LOADERS[case]
    with pytest.raises(error, match=message):
        Loader(*arrays, **options)


def test_large_batch_without_drop_last_and_negative_step():
    loader = Loader(ten, batch_size=11, drop_last=False)
    assert [len(batch) for batch in loader] == [10]
    with pytest.raises(ValueError, match="step -1 is negative"):
        loader.batch(-1)
