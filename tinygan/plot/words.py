"""Pictures with words: sentences under pictures, and where in a picture a writer looked for each of its words.

Every picture returned is uint8 (H, W, 3), for `save_image`.
"""

from textwrap import wrap
from typing import Any

import numpy as np

from tinygan.autodiff import raw
from tinygan.backend import Array, to_numpy
from tinygan.ops import interpolate

INK, PAPER = "#222222", "white"
MARGIN, LINE, FONT = 6, 16, 13  # pixels: around a picture, a line of text, the height of its letters


def captioned(pictures: Array, sentences: list[str], columns: int = 4, side: int = 128) -> Array:
    """Return pictures (N, 3, h, w) in [-1, 1], each as wide as `side` pixels at least, with their sentences under them."""
    pictures = _check(pictures, len(sentences), "captioned")
    shown = [_enlarge(picture, side) for picture in pictures]
    width = max(shown[0].shape[1], 190) + 2 * MARGIN
    texts = [wrap(sentence, (width - 2 * MARGIN) // 6) or [""] for sentence in sentences]
    columns = min(columns, len(shown))
    rows = [range(start, min(start + columns, len(shown))) for start in range(0, len(shown), columns)]
    tops = np.cumsum([0, *(shown[0].shape[0] + 2 * MARGIN + LINE * max(len(texts[i]) for i in row) for row in rows)])
    sheet, pen, font, image_of = _sheet(columns * width + MARGIN, int(tops[-1]) + MARGIN)
    for row, top in zip(rows, tops):
        for column, i in enumerate(row):
            left = column * width + MARGIN
            sheet.paste(image_of(shown[i]), (left, int(top) + MARGIN))
            for k, line in enumerate(texts[i]):
                pen.text((left, int(top) + shown[i].shape[0] + MARGIN + 2 + k * LINE), line, fill=INK, font=font)
    return np.asarray(sheet).copy()


def attention_maps(picture: Array, words: list[str], weights: Array, columns: int = 6, side: int = 128) -> Array:
    """Return the picture (3, h, w) in [-1, 1], then once for each word, bright where the writer looked, its word above.

    weights (words, a, b) are those of a x b equal places of the picture; each map is scaled to its own largest weight.
    Without words it is the picture alone.
    """
    weights = to_numpy(raw(weights))
    if weights.ndim != 3 or len(weights) != len(words):
        raise ValueError(f"attention_maps: {len(words)} words, weights {weights.shape}: expected (words, height, width)")
    plain = _enlarge(_check(picture[None], 1, "attention_maps")[0], side)
    cells = [plain]
    if words:
        light = raw(interpolate(weights[:, None].astype(np.float32), size=plain.shape[:2], mode="bilinear"))
        light = to_numpy(light)[:, 0]
        cells += [_lit(plain, amount) for amount in light / np.maximum(light.max((1, 2), keepdims=True), 1e-12)]
    columns = min(columns, len(cells))
    height, width = (size + MARGIN for size in plain.shape[:2])
    rows = -(-len(cells) // columns)
    sheet, pen, font, image_of = _sheet(columns * width + MARGIN, rows * (height + LINE) + MARGIN)
    for i, (cell, word) in enumerate(zip(cells, ["", *words])):
        left, top = MARGIN + i % columns * width, i // columns * (height + LINE)
        pen.text((left + (plain.shape[1] - font.getlength(word)) / 2, top + 3), word, fill=INK, font=font)
        sheet.paste(image_of(cell), (left, top + LINE + 4))
    return np.asarray(sheet).copy()


def _lit(plain: Array, amount: Array) -> Array:
    """Return a picture (H, W, 3) as it is where `amount` (H, W) is 1, and pale where it is 0."""
    share = 0.12 + 0.88 * amount[..., None]
    return np.rint(plain * share + 255 * (1 - share) * 0.92).astype(np.uint8)


def _enlarge(picture: Array, side: int) -> Array:
    """Return a picture (3, h, w) in [-1, 1] as (H, W, 3) uint8, each pixel a square, at least `side` pixels wide."""
    scale = max(1, -(-side // picture.shape[2]))
    pixels = np.rint((picture.clip(-1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    return pixels.repeat(scale, 0).repeat(scale, 1)


def _check(pictures: Array, n: int, name: str) -> Array:
    pictures = to_numpy(raw(pictures))
    if pictures.ndim != 4 or pictures.shape[:2] != (n, 3) or not n:
        raise ValueError(f"{name}: pictures {pictures.shape} for {n} sentences: expected ({n}, 3, height, width)")
    return pictures


def _sheet(width: int, height: int) -> tuple[Any, Any, Any, Any]:
    """Return an empty sheet, its pen, a font, and what makes an image of an array."""
    from PIL import Image, ImageDraw, ImageFont

    sheet = Image.new("RGB", (width, height), PAPER)
    return sheet, ImageDraw.Draw(sheet), ImageFont.load_default(FONT), Image.fromarray
