"""One picture file: PNG, JPEG, WebP, BMP, TIFF, or the first frame of a GIF, an APNG or an animated WebP.

A picture is turned as its camera was held, transparent pixels become white, CMYK and palettes become red, green and blue.
Grey of 16 bits is read in full, and so are fractions from 0 to 1 in a TIFF. A picture with too many pixels is refused by
what its header promises, before memory is taken. Pillow decodes; what it raises becomes a DataError of one sentence.
"""

import os
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tinygan.backend import Array

from ..files import DataError, open_file
from .fitting import fit, middle_square, spread_out, without_alpha

SUFFIXES = ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"
FORMATS = {  # Pillow's name: what a file begins with, and the part of Pillow that reads it
    "PNG": ((b"\x89PNG",), "zlib"),
    "JPEG": ((b"\xff\xd8",), "jpg"),
    "WEBP": ((b"RIFF",), "webp"),
    "BMP": ((b"BM",), None),
    "GIF": ((b"GIF8",), None),
    "TIFF": ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "libtiff"),  # without the part, those that are not compressed
}
MOST_PIXELS = 1 << 25  # of one picture, 5792x5792: 1 GB while it is read
FEW_PIXELS, PIXELS_PER_BYTE = 1 << 22, 64  # a small file may unpack to the one, a larger one to so many a byte


def read_picture(path: str | Path) -> Array:
    """Return the picture in a file: (1 or 3, height, width) float32 in [0, 1], 1 if it is grey. DataError if it is none."""
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path}: a folder; expected one picture, a {', '.join(SUFFIXES)} file")
    if not path.exists():
        raise DataError(f"{path}: no such file")
    image, brightest, white = decode(path)
    spread_out(image, brightest, white)
    return image[:1] if (image == image[:1]).all() else image


def find_format(start: bytes) -> str | None:
    """Return Pillow's name of the format of a file that starts so, None if it is none of FORMATS."""
    return next((name for name, (marks, _) in FORMATS.items() if start.startswith(marks)), None)


def decode(path: Path, size: int = 0) -> tuple[Array, int, int]:
    """Return the picture in a file, (1 or 3, height, width), float32 in [0, 1]; its largest number, and that of white.

    size: see `fit`. DataError says why a file cannot be read.
    """
    from PIL import Image, ImageOps

    with open_file(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what it mends by itself
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # before it makes room for a GIF's frame
        start, name = file.read(32), None
        try:
            name = find_format(start)
            if name is None:
                raise ValueError(f"it is none of {', '.join(FORMATS)}")
            if name == "WEBP":  # Pillow makes room for the picture as soon as it opens it
                _check_pixels(path, *_webp_size(start), file)
            file.seek(0)
            opened = Image.open(file, formats=[name])
            _check_pixels(path, *opened.size, file)
            if name == "TIFF":  # a tile may be larger than the picture, and is unpacked as a whole
                tags = opened.tag_v2  # type: ignore[attr-defined]
                _check_pixels(path, int(tags.get(322, 1)), int(tags.get(323, 1)), file)
            picture = ImageOps.exif_transpose(opened)
            if size:
                picture = picture.crop(middle_square(picture.height, picture.width))
            values, brightest, white = _numbers(picture)
        except DataError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            fault = f"has more pixels than the {MOST_PIXELS:,} that are read"
            raise DataError(f"{path}: {fault}; make it smaller, or remove it") from None
        except Exception as error:  # Pillow's decoders raise what they happen to meet: struct.error, KeyError ...
            raise DataError(f"{path}: {_explain(error, name, path)}") from None
    return fit(without_alpha(values.transpose(2, 0, 1)[None]), size)[0], brightest, white


def _numbers(picture: Any) -> tuple[Array, int, int]:
    """Return a picture of Pillow's as (height, width, 1, 3 or 4) float32 in [0, 1], its largest number, and white's."""
    if picture.mode.startswith(("I", "F")):  # grey of 16 bits; of 32; fractions
        values = np.asarray(picture, np.float32)[..., None]
        low, high = float(values.min()), float(values.max())
        white = 1 if picture.mode == "F" else 65535
        if not 0 <= low <= high <= white:
            kind = "fractions from 0 to 1" if white == 1 else "whole numbers from 0 to 65,535"
            raise ValueError(f"its numbers go from {low:g} to {high:g}: expected {kind}")
        return values / white, round(high) if white > 1 else 255, max(white, 255)
    grey = picture.mode in ("1", "L")
    transparent = picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info
    picture = picture.convert("RGBA" if transparent else "L" if grey else "RGB")
    values = np.asarray(picture, np.float32).reshape(picture.height, picture.width, -1) / np.float32(255)
    return values, round(float(values.max()) * 255), 255


def _check_pixels(path: Path, width: int, height: int, file: BinaryIO) -> None:
    """Raise DataError for a picture with more pixels than are read. Its header says so, before it is unpacked."""
    file_bytes = os.fstat(file.fileno()).st_size
    most = min(MOST_PIXELS, max(FEW_PIXELS, PIXELS_PER_BYTE * file_bytes))
    if width * height > most:
        raise DataError(
            f"{path}: {height}x{width}: {width * height:,} pixels, more than the {most:,} that are read from a file of"
            f" {file_bytes:,} bytes; make it smaller, or remove it"
        )


def _webp_size(start: bytes) -> tuple[int, int]:
    """Return the (width, height) that the first bytes of a WebP file promise. RFC 9649, section 2."""
    number = lambda place, length: int.from_bytes(start[place : place + length], "little")
    if start[12:16] == b"VP8X":
        return number(24, 3) + 1, number(27, 3) + 1
    if start[12:16] == b"VP8L":
        return (number(21, 4) & 0x3FFF) + 1, (number(21, 4) >> 14 & 0x3FFF) + 1
    return number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF


def _explain(error: Exception, name: str | None, path: Path) -> str:
    """Return why a file cannot be read, and the remedy."""
    from PIL import __version__, features

    part = name and FORMATS[name][1]
    if part and not features.check(part):
        return f"Pillow {__version__} lacks {part} here, which reads {name}; pip install --upgrade pillow, or save it as PNG"
    reason = " ".join(str(error).split()).replace(f" {str(path)!r}", "")[:200] or type(error).__name__
    return f"cannot be read as a picture ({reason}); repair or remove it"
