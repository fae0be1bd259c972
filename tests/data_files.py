"""What tests of data share: IDX files, written a second time, and a call that is refused in a sentence and little memory."""

import struct
import tracemalloc

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
