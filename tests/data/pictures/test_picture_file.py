"""One picture file of any kind: read as it was written, or refused in a sentence, before memory is taken."""

import io

import numpy as np
import pytest
from PIL import Image

from tinygan.data import gather_notes, read_picture

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (8, 12), dtype=np.uint8)
COLOUR = rng.integers(0, 256, (8, 12, 3), dtype=np.uint8)
ALPHA = np.concatenate([COLOUR, np.full((8, 12, 1), 51, np.uint8)], 2)  # a fifth of it is ink
grey, colour = GREY[None] / 255, COLOUR.transpose(2, 0, 1) / 255
paler = 0.2 * colour + 0.8


def encoded(pixels, kind, mode=None, **options):
    """The bytes of a picture file of `kind`, Pillow's name of the format."""
    file, image = io.BytesIO(), Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def animated(kind, **options):
    """The bytes of an animation whose first frame is COLOUR."""
    others = [Image.fromarray(255 - COLOUR), Image.fromarray(COLOUR // 2)]
    return encoded(COLOUR, kind, save_all=True, append_images=others, duration=50, **options)


def palette(pixels, **options):
    """The bytes of a GIF of at most 96 colours, each of them exact."""
    file = io.BytesIO()
    Image.fromarray(pixels).quantize(256).save(file, "GIF", **options)
    return file.getvalue()


def turned(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # by 90 degrees
    return encoded(COLOUR, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))


SIXTEEN = GREY.astype(np.uint16) * 257
GOOD = {
    "PNG": (encoded(COLOUR, "PNG"), colour),
    "PNG, grey": (encoded(GREY, "PNG"), grey),
    "PNG, 16 bits": (encoded(SIXTEEN, "PNG"), grey),
    "PNG, alpha": (encoded(ALPHA, "PNG"), paler),
    "BMP": (encoded(COLOUR, "BMP"), colour),
    "WebP": (encoded(COLOUR, "WEBP", lossless=True), colour),
    "WebP, alpha": (encoded(ALPHA, "WEBP", lossless=True, exact=True), paler),
    "WebP, animated": (animated("WEBP", lossless=True), colour),
    "APNG": (animated("PNG"), colour),
    "GIF": (palette(COLOUR), colour),
    "GIF, animated": (
        palette(COLOUR, save_all=True, append_images=[Image.fromarray(255 - COLOUR)], duration=50), colour,
    ),
    "TIFF": (encoded(COLOUR, "TIFF"), colour),
    "TIFF, grey": (encoded(GREY, "TIFF"), grey),
    "TIFF, deflate": (encoded(COLOUR, "TIFF", compression="tiff_adobe_deflate"), colour),
    "TIFF, LZW": (encoded(COLOUR, "TIFF", compression="tiff_lzw"), colour),
    "TIFF, 16 bits": (encoded(SIXTEEN, "TIFF"), grey),
    "TIFF, 16 bits, 32 a number": (encoded(SIXTEEN.astype(np.int32), "TIFF"), grey),
    "TIFF, float": (encoded((GREY / 255).astype(np.float32), "TIFF"), grey),
    "TIFF, alpha": (encoded(ALPHA, "TIFF"), paler),
    "TIFF, palette": (encoded(GREY // 16 * 16, "TIFF", "P"), (GREY // 16 * 16)[None] / 255),
    "TIFF, black and white": (encoded(GREY // 128 * 255, "TIFF", "1"), (GREY // 128)[None] * 1.0),
    "TIFF, CMYK": (encoded(COLOUR, "TIFF", "CMYK"), colour),
    "TIFF, several pages": (animated("TIFF"), colour),
    "WebP, turned": (turned("WEBP"), np.rot90(colour, -1, (1, 2))),
    "TIFF, turned": (turned("TIFF"), np.rot90(colour, -1, (1, 2))),
    "PNG, turned": (turned("PNG"), np.rot90(colour, -1, (1, 2))),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_a_picture_is_read_as_it_was_written(case, tmp_path):
    content, expected = GOOD[case]
    (tmp_path / "it").write_bytes(content)
    image = read_picture(tmp_path / "it")
    assert image.dtype == np.float32 and image.shape == expected.shape
    np.testing.assert_allclose(image, expected, atol=1e-3)


@pytest.mark.parametrize("kind, mode", [("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("WEBP", "RGB")])
def test_a_lossy_picture_is_nearly_what_was_written(kind, mode, tmp_path):
    smooth = np.linspace(0, 255, 16 * 16).reshape(16, 16).astype(np.uint8)
    (tmp_path / "it").write_bytes(encoded(np.stack([smooth] * 3, 2), kind, mode, quality=95))
    np.testing.assert_allclose(read_picture(tmp_path / "it").mean(0), smooth / 255, atol=0.03)


def test_a_dark_picture_is_said(tmp_path):
    (tmp_path / "it").write_bytes(encoded(GREY // 16, "PNG"))
    with gather_notes() as notes:
        read_picture(tmp_path / "it")
    assert len(notes) == 1 and "the brightest number is 15" in notes[0]
