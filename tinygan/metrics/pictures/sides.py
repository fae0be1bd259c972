"""Scores of pictures of one kind that were made of pictures of another: what is kept of them, and are they of the other kind?

The kinds are those of `data/sides.py`: sides a and b, here 0 and 1. Networks of our own read them.
"""

import numpy as np

from tinygan.backend import Array
from tinygan.data.sides import ARMOUR, SHIRTS, outlined

from .classifier import Classifier
from .heads import sprite_heads
from .quality import psnr


def digit_measures(classifier: Classifier, source: Array, result: Array, to: int) -> dict[str, float]:
    """Return shares of results that are the digit of their source, and of the style `to`; dB to the true outlines."""
    of_source, of_result = (classifier.judge(x)[1].reshape(-1, 2, 10) for x in (source, result))  # (N, style, digit)
    plain, outlines = ((x + 1) / 2 for x in ((source, result) if to else (result, source)))
    return {
        "kept": float((of_source[:, 1 - to].argmax(1) == of_result[:, to].argmax(1)).mean()),
        "style": float((of_result[:, to].sum(1) > 0.5).mean()),
        "outline": float(psnr(outlined(plain), outlines, (0, 1)).mean()),
    }


def sprite_measures(source: Array, result: Array, to: int) -> dict[str, float]:
    """Return shares of results: what is kept but the top, mean and worst attribute; whether the top is of side `to`."""
    of_source, of_result = ({name: p.argmax(1) for name, p in sprite_heads().read(x).items()} for x in (source, result))
    kept = [float((of_source[name] == of_result[name]).mean()) for name in of_source if name != "top"]
    style = float(np.isin(of_result["top"], (SHIRTS, ARMOUR)[to]).mean())
    return {"kept": float(np.mean(kept)), "least_kept": min(kept), "style": style}
