"""Shared by tests of data: IDX files, picture folders, and a call that is refused in a sentence and little memory."""

import struct
import tracemalloc

import numpy as np
import pytest

from tinygan.data import DataError

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


def folder_of(images, suffix=".png", mode=None):
    """write(path): a folder of picture files, every second one in a folder inside it."""

    def write(path):
        from PIL import Image

        path.mkdir()
        (path / "inside").mkdir()
        for k, image in enumerate(images):
            picture = Image.fromarray(image)
            name = path / ("inside" if k % 2 else ".") / f"{k}{suffix}"
            (picture.convert(mode) if mode else picture).save(name)
        (path / "notes.txt").write_text("not a picture")
        (path / ".hidden.png").write_text("not a picture either")

    return write


def saved(array):
    """write(path): the array as a NumPy file."""

    def write(path):
        with open(path, "wb") as f:
            np.save(f, array)

    return write
