"""IDX files: right ones are read, wrong ones refused in a sentence and little memory."""

import gzip
import math
import os
import struct
import tracemalloc

import numpy as np
import pytest
from data_files import CODES, header, idx, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.data import DataError, read_idx

# --- what is right -----------------------------------------------------------------------------------------------


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


# --- what is wrong -----------------------------------------------------------------------------------------------

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
    "overflow to 0": (header(8, 2**31, 2**31, 4) + bytes(8), any_shape, "more than the 1,073,741,824 bytes that are read"),
    "huge": (header(14, *[2**32 - 1] * 8) + bytes(8), any_shape, "more than the 1,073,741,824 bytes that are read"),
    "just too large": (header(8, 2**30) + bytes(8), any_shape, "1,073,741,824 bytes, but the file holds 8"),
    "over max_bytes": (LABELS, {"max_bytes": 99}, "(100) uint8, more than the 99 bytes that are read; split the file"),
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
        "(67108864) uint8, more than the 1,048,576 bytes that are read",
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
    monkeypatch.setattr("os.open", denied)
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
