"""One picture file of any kind: read as it was written, or refused in a sentence, before memory is taken."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, WebPImagePlugin, features

from tinygan.data import DataError, gather_notes, read_picture, read_pictures

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


# --- what strangers put there: refused by its size before it is decoded --------------------------------------------

SIDE = 60_000


def png(width, height):
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg(width, height):
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + bytes(100) + b"\xff\xd9"


def bmp(width, height):
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def gif(screen, frame, disposal=0):
    """The bytes of a GIF whose screen and first frame are squares of these sides."""
    control = b"!\xf9\x04" + bytes([disposal << 2, 0, 0, 0, 0])
    image = b"," + struct.pack("<HHHHB", 0, 0, frame, frame, 0) + b"\x02\x02\x4c\x01\0;"
    return b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0xF0, 0, 0) + bytes(6) + control + image


def webp(kind, width, height):
    body = {
        "VP8X": bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
        "VP8L": b"\x2f" + (width - 1 | height - 1 << 14).to_bytes(4, "little") + bytes(21),
        "VP8 ": b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(20),
    }[kind]
    chunk = kind.encode() + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def tiff(width, height, data=b"", **tags):
    """The bytes of a grey TIFF file of one strip, or of one tile if `tags` has t322 and t323, its sides."""
    entries = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1} | {int(k[1:]): v for k, v in tags.items()}
    offset, length = (324, 325) if 322 in entries else (273, 279)
    start = 14 + 12 * (len(entries) + 2 - (length in entries))
    entries = {offset: start, length: len(data)} | entries
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + data


packed = zlib.compress(bytes(1 << 20))
BOMBS = {
    "PNG": (png(SIDE, SIDE), "more pixels than the 33,554,432"),
    "PNG, wide": (png(2**31 - 1, 1), "more pixels than the 33,554,432"),
    "JPEG": (jpeg(SIDE, SIDE), "more pixels than the 33,554,432"),
    "BMP": (bmp(SIDE, SIDE), "more pixels than the 33,554,432"),
    "GIF": (gif(SIDE, 1), "more pixels than the 33,554,432"),
    "GIF, a frame beyond the screen": (gif(8, SIDE), "more pixels than the 33,554,432"),
    "GIF, a frame that would be cleared": (gif(8, 13_000, 2), "more pixels than the 33,554,432"),
    "GIF, a smaller one": (gif(8, 5_000), "25,000,000 pixels, more than the 4,194,304"),
    "WebP": (webp("VP8X", SIDE, SIDE), "60000x60000: 3,600,000,000 pixels, more than the 4,194,304"),
    "WebP, lossless": (webp("VP8L", 16_384, 16_384), "16384x16384: 268,435,456 pixels"),
    "WebP, lossy": (webp("VP8 ", 16_383, 16_383), "16383x16383: 268,402,689 pixels"),
    "TIFF": (tiff(SIDE, SIDE), "more pixels than the 33,554,432"),
    "TIFF, a long one": (tiff(8, 4_000_000, t278=1), "32,000,000 pixels, more than the 4,194,304"),
    "TIFF, a tile": (tiff(8, 8, packed, t259=8, t322=16_384, t323=16_384), "16384x16384: 268,435,456 pixels"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_is_refused_by_its_size_before_it_is_decoded(case, tmp_path, monkeypatch):
    def decoded(*arguments):
        raise AssertionError("it was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    monkeypatch.setattr(WebPImagePlugin._webp, "WebPAnimDecoder", decoded)
    content, says = BOMBS[case]
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(DataError, match=says) as error:
        read_picture(tmp_path / "it")
    assert str(error.value).startswith(str(tmp_path / "it")) and "make it smaller, or remove it" in str(error.value)


def test_bombs_in_a_folder_are_left_out_and_the_good_are_read(tmp_path):
    suffixes = {"PNG": ".png", "JPEG": ".jpeg", "BMP": ".bmp", "GIF": ".gif", "WebP": ".webp", "TIFF": ".tif"}
    for k, (case, (content, _)) in enumerate(BOMBS.items()):
        (tmp_path / f"{k}{suffixes[case.partition(',')[0]]}").write_bytes(content)
    (tmp_path / "good.tiff").write_bytes(encoded(GREY, "TIFF"))
    with gather_notes() as notes:
        images = read_pictures(tmp_path)
    np.testing.assert_allclose(images, grey[None], atol=1e-6)
    assert notes[-1].startswith(f"read: 1 of {len(BOMBS) + 1} picture files in ")
    assert sum(f"{k}{suffix}" in " ".join(notes) for k in range(len(BOMBS)) for suffix in suffixes.values()) >= 10


def test_a_strip_may_promise_more_than_the_picture_has(tmp_path):
    (tmp_path / "it").write_bytes(tiff(8, 8, zlib.compress(bytes(200 << 20)), t259=8, t278=2**32 - 1))
    assert read_picture(tmp_path / "it").shape == (1, 8, 8)


BAD = {
    "nothing": (None, "no such file"),
    "empty": (b"", "it is none of PNG, JPEG, WEBP, BMP, GIF, TIFF"),
    "text": (b"hello", "it is none of PNG"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "it is none of PNG"),
    "RIFF that is sound": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "cannot be read as a picture"),
    "fractions beyond 1": (encoded(np.full((8, 8), 200, np.float32), "TIFF"), "from 200 to 200: expected fractions from 0"),
    "fractions that are none": (encoded(np.full((8, 8), np.nan, np.float32), "TIFF"), "from nan to nan"),
    "numbers below 0": (encoded(np.full((8, 8), -5, np.int32), "TIFF"), "from -5 to -5: expected whole numbers from 0"),
    "numbers beyond 16 bits": (encoded(np.full((8, 8), 70_000, np.int32), "TIFF"), "expected whole numbers from 0 to 65,535"),
} | {f"{kind}, cut short": (encoded(np.tile(COLOUR, (9, 9, 1)), kind)[:-999], "cannot be read") for kind in (
    "PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"
)}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_picture_is_told_in_one_sentence(case, tmp_path):
    content, says = BAD[case]
    if content is not None:
        (tmp_path / "it").write_bytes(content)
    with pytest.raises(DataError, match=says) as error:
        read_picture(tmp_path / "it")
    assert str(tmp_path / "it") in str(error.value) and "\n" not in str(error.value)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(DataError, match="a folder; expected one picture"):
        read_picture(tmp_path)


def test_a_format_that_this_pillow_lacks_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(WebPImagePlugin, "SUPPORTED", False)
    monkeypatch.setattr(features, "check", lambda part: part != "webp")
    (tmp_path / "it").write_bytes(encoded(COLOUR, "WEBP"))
    with pytest.raises(DataError, match=r"Pillow [\d.]+ lacks webp here, .* pip install --upgrade pillow, or save it as PNG"):
        read_picture(tmp_path / "it")
