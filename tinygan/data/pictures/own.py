"""Your own pictures: a folder of PNG and JPEG files, a NumPy file, or an IDX file, checked before training begins.

A folder is read with the folders inside it. Pictures stay grey if all are grey, transparent pixels become white, and 16
bits a value are read as well as 8. A picture that does not fit is a DataError: one sentence that names the file, the
fault and the remedy.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tinygan.backend import Array
from tinygan.ops import interpolate

from ..files import DataError
from .idx import read_idx

SUFFIXES = ".png", ".jpg", ".jpeg"
MOST_BYTES = 4 << 30  # of all pictures as float32


def read_pictures(path: str | Path, size: int = 0) -> Array:
    """Return all pictures in a folder or file: (N, 1 or 3, height, width) float32 in [0, 1], in order of their names.

    size: 0 keeps each picture as it is; otherwise the middle square of each is scaled to size x size, and pictures may
    differ in size. An array in a file is (N, h, w), (N, h, w, C) or (N, C, h, w) with C = 1, 3 or 4; it holds bytes,
    16-bit integers, or numbers in [0, 1] or [-1, 1].
    """
    path = Path(path)
    try:
        read = _read_folder if path.is_dir() else _READERS.get(_kind(path) or b"")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if read is None:
        raise DataError(
            f"{path}: expected a folder of {', '.join(SUFFIXES)} files, a .npy or .npz array, or an IDX file"
        )
    images = read(path, size)
    return images[:, :1] if images.shape[1] == 3 and (images == images[:, :1]).all() else images


def _kind(path: Path) -> bytes | None:
    """Return the key of `_READERS` that a file begins with, None if no reader fits."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    with open(path, "rb") as f:
        start = f.read(6)
    if start.startswith((b"\x89PNG", b"\xff\xd8")):
        raise DataError(f"{path}: a single picture; give the folder that it lies in, with others like it")
    return next((kind for kind in _READERS if start.startswith(kind)), None)


# --- a folder ----------------------------------------------------------------------------------------------------


def _read_folder(folder: Path, size: int) -> Array:
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not paths:
        raise DataError(f"{folder}: no {', '.join(SUFFIXES)} file in it")
    first = _read_file(paths[0], size)
    _check_bytes(folder, len(paths), (3, *first.shape[1:]), size)
    images = np.empty((len(paths), 3, *first.shape[1:]), np.float32)
    for k, path in enumerate(paths):
        image = _read_file(path, size) if k else first
        if image.shape[1:] != first.shape[1:]:
            a, b = (f"{p.relative_to(folder)} is {_sides(x)}" for p, x in ((paths[0], first), (path, image)))
            raise DataError(f"{folder}: {a}, {b}: pictures must be of one size; --set size=32 makes them 32x32")
        images[k] = image
    return images


def _read_file(path: Path, size: int) -> Array:
    """Return the picture in a file: (1 or 3, height, width), float32 in [0, 1]."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I"):  # grey of 16 bits
                values = np.asarray(picture, np.float32)[..., None] / 65535
            else:
                grey = picture.mode in ("1", "L")
                transparent = picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info
                picture = picture.convert("RGBA" if transparent else "L" if grey else "RGB")
                values = np.asarray(picture, np.float32).reshape(picture.height, picture.width, -1) / 255
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split()).replace(f" {str(path)!r}", "")
        raise DataError(f"{path}: cannot be read as a picture ({reason}); repair or remove it") from None
    return _fit(_without_alpha(values.transpose(2, 0, 1)[None]), size)[0]


# --- arrays ------------------------------------------------------------------------------------------------------


def _read_numpy(path: Path, size: int) -> Array:
    content = _load(path)
    if isinstance(content, dict):
        pictures = {name: array for name, array in content.items() if array.ndim in (3, 4)}
        if len(pictures) != 1:
            several = f"has several arrays that could be pictures ({', '.join(pictures)})"
            fault = several if pictures else "has no array of 3 or 4 dimensions"
            raise DataError(f"{path}: {fault}; save the array of pictures alone, with numpy.save")
        (content,) = pictures.values()
    return _from_array(path, content, size)


def _load(path: Path) -> Array | dict[str, Array]:
    """Return the array in a .npy file, or those of a .npz file by name."""
    import zipfile
    import zlib

    try:
        with open(path, "rb") as f:
            content = np.load(f, allow_pickle=False)
            return dict(content) if isinstance(content, np.lib.npyio.NpzFile) else content
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        if "allow_pickle" in reason:
            reason = "it holds Python objects, a pickle, and reading a pickle runs the code in it: save plain numbers"
        raise DataError(f"{path}: cannot be read ({reason})") from None


def _read_idx(path: Path, size: int) -> Array:
    return _from_array(path, read_idx(path), size)


def _from_array(path: Path, array: Array, size: int) -> Array:
    """Return the pictures (N, 1 or 3, height, width), float32 in [0, 1], of an array of any accepted kind."""
    shape = array.shape
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and shape[1] not in (1, 3, 4):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] not in (1, 3, 4) or 0 in shape:
        raise DataError(f"{path}: an array {shape}: expected (N, h, w), (N, h, w, C) or (N, C, h, w), C 1, 3 or 4")
    _check_bytes(path, len(array), array.shape[1:], size)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{path}: an array of {array.dtype}: expected numbers")
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
    return _fit(_without_alpha(images), size)


# --- shared by all readers ---------------------------------------------------------------------------------------


def _without_alpha(images: Array) -> Array:
    """Lay red, green, blue and alpha (N, 4, h, w) on white paper: (N, 3, h, w). Other images are returned unchanged."""
    if images.shape[1] != 4:
        return images
    alpha = images[:, 3:]
    return images[:, :3] * alpha + (1 - alpha)


def _fit(images: Array, size: int) -> Array:
    """Scale the middle squares of images (N, C, h, w) to size x size; size 0 returns the images unchanged."""
    if not size:
        return images
    height, width = images.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images[:, :, top : top + side, left : left + side]
    return np.clip(interpolate(square, size=(size, size), mode="bicubic", antialias=True), 0, 1).astype(np.float32)


def _check_bytes(path: Path, n: int, shape: tuple[int, ...], size: int) -> None:
    needed = 4 * n * (shape[0] * size**2 if size else math.prod(shape))
    if needed > MOST_BYTES:
        raise DataError(
            f"{path}: {n:,} pictures of {shape[1]}x{shape[2]} take {needed / 2**30:.1f} GB, more than the"
            f" {MOST_BYTES / 2**30:.0f} allowed; --set size=32 makes them 32x32"
        )


def _sides(image: Array) -> str:
    return f"{image.shape[1]}x{image.shape[2]}"


_READERS: dict[bytes, Callable[[Path, int], Array]] = {  # what a file begins with: its reader
    b"\x93NUMPY": _read_numpy,
    b"PK\x03\x04": _read_numpy,
    b"\x1f\x8b": _read_idx,
    b"\0\0": _read_idx,
}
