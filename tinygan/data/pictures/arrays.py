"""Pictures in a NumPy file (.npy, .npz) or an IDX file: an array of any accepted kind, or one sentence about what is wrong.

What a header promises is compared with what is read, and with the size of the file, before memory is taken.
"""

import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np

from tinygan.backend import Array

from ..files import DataError, list_some, note, open_file, read_exactly
from .fitting import check_bytes, fit, spread_out, without_alpha
from .idx import read_idx


def _read_numpy(path: Path, size: int) -> Array:
    with open_file(path) as file:
        file_bytes = os.fstat(file.fileno()).st_size
        try:
            if file.read(2) == b"PK":
                array = _read_zip(path, file, size, file_bytes)
            else:
                file.seek(0)
                array = read_npy(file, lambda shape: _check_shape(path, shape, size, file_bytes), file_bytes)
        except DataError:
            raise
        except Exception as error:  # zipfile and zlib raise what they happen to meet: NotImplementedError, struct.error ...
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise DataError(f"{path}: cannot be read ({reason}); save it again with numpy.save") from None
    return _from_array(path, array, size)


def _read_zip(path: Path, file: BinaryIO, size: int, file_bytes: int) -> Array:
    """Return the only array of 3 or 4 dimensions in an open .npz file."""
    import zipfile

    pictures = {}
    with zipfile.ZipFile(file) as members:
        for member in members.infolist()[:1000]:
            if member.flag_bits & 1:
                raise ValueError(f"{member.filename[:40]!r} in it is encrypted")
            with members.open(member) as packed:
                if len(read_npy_header(packed)[0]) in (3, 4):
                    pictures[member.filename.removesuffix(".npy")] = member
        if len(pictures) != 1:
            several = f"has several arrays that could be pictures ({list_some(pictures)})"
            fault = several if pictures else "has no array of 3 or 4 dimensions"
            raise DataError(f"{path}: {fault}; save the array of pictures alone, with numpy.save")
        (member,) = pictures.values()
        with members.open(member) as packed:
            return read_npy(packed, lambda shape: _check_shape(path, shape, size, file_bytes), member.file_size)


def read_npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return (shape, whether it is in Fortran's order, dtype) of an open .npy file; ValueError if it has no such header."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"its version is {version}, expected (1, 0) or (2, 0)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a header that Python 2 wrote
        shape, fortran_order, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, a pickle, and reading a pickle runs the code in it: save plain numbers")
    if any(n < 0 for n in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, fortran_order, dtype


def read_npy(file: IO[bytes], check: Callable[[tuple[int, ...]], object], available: int) -> Array:
    """Return the array in an open .npy file of `available` bytes; `check` may refuse its shape before memory is taken."""
    shape, fortran_order, dtype = read_npy_header(file)
    check(shape)
    needed = math.prod(shape) * dtype.itemsize
    if needed > available:
        raise ValueError(f"its header promises {shape} {dtype}, {needed:,} bytes, and it has {available:,}")
    array = np.frombuffer(read_exactly(file, needed), dtype)
    return array.reshape(shape[::-1]).transpose() if fortran_order else array.reshape(shape)


def _read_idx(path: Path, size: int) -> Array:
    file_bytes = path.stat().st_size
    check = lambda shape: _check_shape(path, shape, size, file_bytes)
    return _from_array(path, read_idx(path, check=check), size)


def _check_shape(path: Path, shape: tuple[int, ...], size: int, file_bytes: int) -> tuple[int, int, int, int]:
    """Return (N, C, h, w) of the shape of an array of pictures; DataError if it is none or too large."""
    if len(shape) == 3:
        shape4 = shape[0], 1, shape[1], shape[2]
    elif len(shape) == 4 and shape[1] not in (1, 3, 4):
        shape4 = shape[0], shape[3], shape[1], shape[2]
    elif len(shape) == 4:
        shape4 = shape[0], shape[1], shape[2], shape[3]
    if len(shape) not in (3, 4) or shape4[1] not in (1, 3, 4) or 0 in shape:
        raise DataError(f"{path}: an array {shape}: expected (N, h, w), (N, h, w, C) or (N, C, h, w), C 1, 3 or 4")
    check_bytes(path, shape4[0], shape4[1:], size, file_bytes)
    return shape4


def _from_array(path: Path, array: Array, size: int) -> Array:
    """Return the pictures (N, 1 or 3, height, width), float32 in [0, 1], of an array of any accepted kind."""
    _, channels, height, width = _check_shape(path, array.shape, size, max(path.stat().st_size, array.nbytes))
    if array.dtype.kind not in "biuf":
        raise DataError(f"{path}: an array of {array.dtype}: expected numbers")
    array = array[:, None] if array.ndim == 3 else array
    if array.shape[1:] != (channels, height, width):
        array = array.transpose(0, 3, 1, 2)
    low, high = float(array.min()), float(array.max())
    whole, wide = array.dtype.kind in "iu", array.dtype.itemsize == 2 and high > 255
    least, most = (0.0, 65535.0 if wide else 255.0) if whole else (-1.0, 1.0)
    if not (least <= low and high <= most):
        raise DataError(
            f"{path}: {array.dtype} from {low:g} to {high:g}: expected whole numbers from 0 to 255 (to 65535 in 16 bits),"
            " or fractions from 0 to 1 or from -1 to 1"
        )
    images = np.divide(array, most, dtype=np.float32)
    if low < 0:
        images = images / 2 + 0.5
        note(f"{path.name}: numbers from {low:.4g} to {high:.4g}: -1 was taken as black, 1 as white")
    if whole:
        spread_out(images, int(high), int(most))
    return fit(without_alpha(images), size)


READERS: dict[bytes, Callable[[Path, int], Array]] = {  # what a file begins with: its reader
    b"\x93NUMPY": _read_numpy,
    b"PK\x03\x04": _read_numpy,
    b"\x1f\x8b": _read_idx,
    b"\0\0": _read_idx,
}
