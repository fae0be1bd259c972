"""Your own pictures: a folder of PNG, JPEG, BMP and GIF files, a NumPy file, or an IDX file, checked before training begins.

A folder is read with the folders inside it. Pictures stay grey if all are grey, transparent pixels become white, and 16
bits a value are read as well as 8. A picture that does not fit is a DataError: one sentence that names the file, the
fault and the remedy.
"""

import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np

from tinygan.backend import Array
from tinygan.ops import interpolate

from ..files import DataError, list_some, note, open_file, read_exactly
from .idx import read_idx

SUFFIXES = ".png", ".jpg", ".jpeg", ".bmp", ".gif"
FORMATS = "PNG", "JPEG", "BMP", "GIF"  # Pillow's names of these
MOST_BYTES = 4 << 30  # of all pictures as float32
MOST_PIXELS = 1 << 25  # of one picture, 5792x5792: 1 GB while it is read
FEW_BYTES, RATIO = 1 << 28, 500  # a small file may unpack to the one, a larger one to so many times its size
FEW_PIXELS, PIXELS_PER_BYTE = 1 << 22, 64  # likewise of one picture


def read_pictures(path: str | Path, size: int = 0) -> Array:
    """Return all pictures in a folder or file: (N, 1 or 3, height, width) float32 in [0, 1], in order of their names.

    size: 0 keeps each picture as it is; otherwise the middle square of each is scaled to size x size, and pictures may
    differ in size. An array in a file is (N, h, w), (N, h, w, C) or (N, C, h, w) with C = 1, 3 or 4; it holds bytes,
    16-bit integers, numbers 0 and 1, or fractions in [0, 1] or [-1, 1]. What is left out is said with `note`.
    """
    path = Path(path)
    read: Callable[[Path, int], Array] | None = _read_folder
    if not path.is_dir():
        read = _READERS.get(_kind(path) or b"")
    if read is None:
        raise DataError(f"{path}: expected a folder of {', '.join(SUFFIXES)} files, a .npy or .npz array, or an IDX file")
    images = read(path, size)
    return images[:, :1] if images.shape[1] == 3 and (images == images[:, :1]).all() else images


def _kind(path: Path) -> bytes | None:
    """Return the key of `_READERS` that a file begins with, None if no reader fits."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    with open_file(path) as f:
        start = f.read(6)
    if start.startswith((b"\x89PNG", b"\xff\xd8", b"BM", b"GIF8")):
        raise DataError(f"{path}: a single picture; give the folder that it lies in, with others like it")
    return next((kind for kind in _READERS if start.startswith(kind)), None)


# --- a folder ----------------------------------------------------------------------------------------------------


def _read_folder(folder: Path, size: int) -> Array:
    paths = _list_pictures(folder)
    first, brightest, white = _read_file(paths[0], size)
    _check_bytes(folder, len(paths), (3, *first.shape[1:]), size, sum(path.stat().st_size for path in paths))
    images = np.empty((len(paths), 3, *first.shape[1:]), np.float32)
    for k, path in enumerate(paths):
        image, *numbers = _read_file(path, size) if k else (first, brightest, white)
        if image.shape[1:] != first.shape[1:]:
            a, b = (f"{p.relative_to(folder)} is {_sides(x)}" for p, x in ((paths[0], first), (path, image)))
            raise DataError(f"{folder}: {a}, {b}: pictures must be of one size; --set size=32 makes them 32x32")
        images[k] = image
        brightest, white = max((brightest, white), numbers, key=lambda pair: pair[0] / pair[1])
    _spread_out(images, brightest, white)
    return images


def _list_pictures(folder: Path) -> list[Path]:
    """Return the picture files in a folder and those inside it, in order of their names; say which files are left out."""
    inside: list[Path] = []
    left_out: dict[str, list[str]] = {
        "are no pictures": [], "are links to what is elsewhere": [], "are no regular files": [],
    }  # fmt: skip
    home = Path(os.path.realpath(folder))  # of links in a circle too, where Path.resolve raises
    for place, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            path = Path(place, name)
            if name.startswith(".") or path.is_dir() and not path.is_symlink():
                continue
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
                left_out["are links to what is elsewhere"].append(str(path.relative_to(folder)))
            elif path.suffix.lower() not in SUFFIXES:
                if not path.is_dir():
                    left_out["are no pictures"].append(str(path.relative_to(folder)))
            elif not path.is_file():
                left_out["are no regular files"].append(str(path.relative_to(folder)))
            else:
                inside.append(path)
    for why, names in left_out.items():
        if names:
            known = f" ({', '.join(SUFFIXES)} are read)" if "pictures" in why else ""
            note(f"left out: {len(names):,} files in {folder.name} that {why}{known}: {list_some(sorted(names))}")
    if not inside:
        raise DataError(f"{folder}: no {', '.join(SUFFIXES)} file in it")
    return sorted(inside)


def _read_file(path: Path, size: int) -> tuple[Array, int, int]:
    """Return the picture in a file, (1 or 3, height, width), float32 in [0, 1]; its largest number, and that of white."""
    from PIL import Image, ImageOps

    with open_file(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what it mends by itself
        try:
            opened = Image.open(file, formats=FORMATS)
            _check_pixels(path, *opened.size, os.fstat(file.fileno()).st_size)
            picture = ImageOps.exif_transpose(opened)
            if size:
                picture = picture.crop(_middle(picture.height, picture.width))
            white = 65535 if picture.mode.startswith("I") else 255
            if white > 255:  # grey of 16 bits
                values = np.asarray(picture, np.float32)[..., None] / 65535
            else:
                grey = picture.mode in ("1", "L")
                transparent = picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info
                picture = picture.convert("RGBA" if transparent else "L" if grey else "RGB")
                values = np.asarray(picture, np.float32).reshape(picture.height, picture.width, -1) / 255
        except DataError:
            raise
        except Image.DecompressionBombError:
            fault = f"has more pixels than the {MOST_PIXELS:,} that are read"
            raise DataError(f"{path}: {fault}; make it smaller, or remove it") from None
        except Exception as error:  # Pillow's decoders raise what they happen to meet: struct.error, KeyError ...
            reason = " ".join(str(error).split()).replace(f" {str(path)!r}", "")[:200]
            if isinstance(error, Image.UnidentifiedImageError):
                reason = f"it is none of {', '.join(FORMATS)}"
            fault = f"cannot be read as a picture ({reason or type(error).__name__})"
            raise DataError(f"{path}: {fault}; repair or remove it") from None
    brightest = round(float(values.max()) * white)
    return _fit(_without_alpha(values.transpose(2, 0, 1)[None]), size)[0], brightest, white


def _check_pixels(path: Path, width: int, height: int, file_bytes: int) -> None:
    """Raise DataError for a picture with more pixels than are read. Its header says so, before it is unpacked."""
    most = min(MOST_PIXELS, max(FEW_PIXELS, PIXELS_PER_BYTE * file_bytes))
    if width * height > most:
        raise DataError(
            f"{path}: {height}x{width}: {width * height:,} pixels, more than the {most:,} that are read from a file of"
            f" {file_bytes:,} bytes; make it smaller, or remove it"
        )


# --- arrays ------------------------------------------------------------------------------------------------------


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
    _check_bytes(path, shape4[0], shape4[1:], size, file_bytes)
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
        _spread_out(images, int(high), int(most))
    return _fit(_without_alpha(images), size)


# --- shared by all readers ---------------------------------------------------------------------------------------


def _spread_out(images: Array, brightest: int, white: int) -> None:
    """Make pictures of whole numbers 0 and 1 black and white, in place; say so, and where others are dark."""
    if brightest == 1:
        images *= white
        note(f"pictures of the numbers 0 and 1 alone: 1 was taken as white, not as 1 of {white:,}")
    elif 1 < brightest <= white / 4:
        bits = brightest.bit_length()
        note(
            f"the brightest number is {brightest:,}, and {white:,} is white, so pictures are dark; if {2**bits - 1:,} should"
            f" be white, of {bits} bits, multiply by {white / (2**bits - 1):.4g} and save them again"
        )


def _without_alpha(images: Array) -> Array:
    """Lay red, green, blue and alpha (N, 4, h, w) on white paper: (N, 3, h, w). Other images are returned unchanged."""
    if images.shape[1] != 4:
        return images
    alpha = images[:, 3:]
    return images[:, :3] * alpha + (1 - alpha)


def _middle(height: int, width: int) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the middle square."""
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return left, top, left + side, top + side


def _fit(images: Array, size: int) -> Array:
    """Scale the middle squares of images (N, C, h, w) to size x size; size 0 returns the images unchanged."""
    if not size:
        return images
    left, top, right, bottom = _middle(*images.shape[2:])
    square = images[:, :, top:bottom, left:right]
    return np.clip(interpolate(square, size=(size, size), mode="bicubic", antialias=True), 0, 1).astype(np.float32)


def _check_bytes(path: Path, n: int, shape: tuple[int, ...], size: int, file_bytes: int) -> None:
    """Raise DataError for more pictures (C, h, w) than are read, in all or from files of so many bytes."""
    needed = 4 * n * (shape[0] * size**2 if size else math.prod(shape))
    most = min(MOST_BYTES, max(FEW_BYTES, RATIO * file_bytes))
    if needed > most:
        raise DataError(
            f"{path}: {n:,} pictures of {size or shape[1]}x{size or shape[2]} take {needed / 2**30:.2f} GB, more than the"
            f" {most / 2**30:.2f} that are read from {file_bytes:,} bytes; --set size=32 makes them 32x32"
        )


def _sides(image: Array) -> str:
    return f"{image.shape[1]}x{image.shape[2]}"


_READERS: dict[bytes, Callable[[Path, int], Array]] = {  # what a file begins with: its reader
    b"\x93NUMPY": _read_numpy,
    b"PK\x03\x04": _read_numpy,
    b"\x1f\x8b": _read_idx,
    b"\0\0": _read_idx,
}
