"""Reader for IDX, the format of MNIST and its kin: two zeros, a type, the number of dimensions, the sizes, the values.

The reader does not trust a file. It reads the header first and compares it with the file's size, so that four bytes
that claim a terabyte cost four bytes. It unpacks compressed data piece by piece, and never more than the header
announced.
"""

import gzip
import math
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from tinygan.backend import Array

from ..files import DataError, open_file, read_exactly

Shape: TypeAlias = tuple[int | None, ...]  # None for any size

# LeCun et al., "The MNIST database of handwritten digits": most significant byte first
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

_DEFLATE_RATIO = 1032  # 258 bytes from 2 bits: no deflate stream holds more (zlib's technical details)


def read_idx(
    path: str | Path,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    max_bytes: int = 1 << 30,
    check: Callable[[tuple[int, ...]], object] | None = None,
) -> Array:
    """Return the array in an IDX file, plain or gzipped, in the machine's byte order.

    `shape` and `dtype` say what the file must hold, None for any size: `read_idx(path, (None, 28, 28), "uint8")`.
    DataError if the file is truncated, mislabelled, damaged or continues after its array, or if the array is larger
    than `max_bytes`. `check` may refuse a shape before its values are read. The memory used follows what
    the file holds, not what its header claims.
    """
    path = Path(path)

    def fail(fault: str) -> NoReturn:
        raise DataError(f"{path}: {fault}") from None

    with open_file(path) as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        try:
            if packed:
                unpacked = gzip.GzipFile(fileobj=file)
                return _read(unpacked, size * _DEFLATE_RATIO, True, shape, dtype, max_bytes, check, fail)
            return _read(file, size, False, shape, dtype, max_bytes, check, fail)
        except EOFError:
            fail(f"gzip data ends early, after {size:,} bytes; the file is truncated, download it again")
        except (gzip.BadGzipFile, zlib.error) as error:
            fail(f"gzip data is damaged ({error}); download it again")


def _read(
    file: BinaryIO | gzip.GzipFile,
    available: int,
    packed: bool,
    shape: Shape | None,
    dtype: DTypeLike | None,
    max_bytes: int,
    check: Callable[[tuple[int, ...]], object] | None,
    fail: Callable[[str], NoReturn],
) -> Array:
    """Return the array in an open stream that holds `available` bytes, or at most that many if it is packed."""
    magic = file.read(4)
    if len(magic) < 4:
        fail(f"holds {len(magic)} bytes, too few for an IDX header; download it again")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= 8:
        layout = "00 00, a type (08 to 0e) and 1 to 8 dimensions"
        fail(f"not an IDX file: begins with {magic.hex(' ')}, not with {layout}; download it again")
    kind, dimensions = np.dtype(_TYPES[magic[2]]), magic[3]
    packed_sizes = file.read(4 * dimensions)
    if len(packed_sizes) < 4 * dimensions:
        fail(f"ends within the sizes of its {dimensions} dimensions; the file is truncated, download it again")
    sizes = struct.unpack(f">{dimensions}I", packed_sizes)

    claim = f"header announces {_describe(sizes, kind)}"
    if shape is not None and not _matches(sizes, shape) or dtype is not None and kind.newbyteorder("=") != dtype:
        fail(f"{claim} where {_describe(shape, dtype)} was expected; images and labels exchanged, or another data set?")
    if 0 in sizes:
        fail(f"{claim}, which is empty; download it again")
    needed = math.prod(sizes) * kind.itemsize  # a Python integer: cannot overflow
    if needed > max_bytes:
        fail(f"{claim}, more than the {max_bytes:,} bytes that are read; split the file")
    if check:
        check(sizes)
    rest = available - 4 - 4 * dimensions
    if needed > rest:
        held = f"can hold at most {max(rest, 0):,} when unpacked" if packed else f"holds {rest:,}"
        fail(f"{claim}, {needed:,} bytes, but the file {held}; the file is truncated or its header is false")

    try:
        values = read_exactly(file, needed)
    except ValueError as error:
        fail(f"{claim}, {needed:,} bytes, but the file holds {error.args[1]:,}; truncated, or its header is false")
    if file.read(1):  # for gzip this also checks the checksum at the end
        fail(f"{claim}, {needed:,} bytes, but the file goes on after them; its header is false or data was appended")
    array = np.frombuffer(values, kind).reshape(sizes)
    return array if kind.isnative else array.byteswap(inplace=True).view(kind.newbyteorder())


def _matches(sizes: tuple[int, ...], shape: Shape) -> bool:
    return len(sizes) == len(shape) and all(want in (None, size) for size, want in zip(sizes, shape))


def _describe(shape: Shape | None, dtype: DTypeLike | None) -> str:
    sizes = "anything" if shape is None else "(" + ", ".join("N" if n is None else str(n) for n in shape) + ")"
    return sizes if dtype is None else f"{sizes} {np.dtype(dtype).name}"
