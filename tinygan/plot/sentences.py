"""Pictures with the sentence of each beside it."""

from collections.abc import Sequence

import numpy as np

from tinygan.autodiff import TensorLike
from tinygan.backend import Array
from tinygan.plot.pictures import image_grid

TEXT, LINE, MARGIN = 170, 12, 6  # pixels: width of a sentence, height of its lines, space around


def captioned(images: TensorLike, sentences: Sequence[str], columns: int = 4, scale: int = 2) -> Array:
    """Return one picture (H, W, 3), uint8, of pictures (N, 1 or 3, h, w) in [-1, 1], each with its sentence on its right.

    Every pixel becomes a square of `scale` pixels. A sentence too long for the height of its
    picture is cut.
    """
    from PIL import Image, ImageDraw, ImageFont

    if len(images) != len(sentences):
        raise ValueError(f"captioned: {len(images)} pictures and {len(sentences)} sentences: expected as many")
    font = ImageFont.load_default(10)
    height, width = images.shape[2] * scale, images.shape[3] * scale
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell = width + TEXT + 3 * MARGIN, height + MARGIN
    sheet = Image.new("RGB", (columns * cell[0], rows * cell[1] + MARGIN), "white")
    pen = ImageDraw.Draw(sheet)
    for k, sentence in enumerate(sentences):
        left, top = MARGIN + k % columns * cell[0], MARGIN + k // columns * cell[1]
        picture = image_grid(images[k : k + 1], 1, scale, border=0, value_range=(-1, 1))
        sheet.paste(Image.fromarray(picture), (left, top))
        for line, text in enumerate(_wrap(sentence, font.getlength)[: (height - 2) // LINE]):
            pen.text((left + width + MARGIN + 1, top + line * LINE), text, fill="#333333", font=font)
    return np.asarray(sheet).copy()


def _wrap(sentence, length):
    """Return the sentence in lines that fit into TEXT, with a pixel on both sides for letters that lean out."""
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".strip()
        if length(longer) > TEXT - 2 and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
