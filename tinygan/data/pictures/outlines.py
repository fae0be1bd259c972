"""Digits in two styles, plain and outlined, made of MNIST or of the digits that come with tinygan.

An outline is a morphological gradient: the stroke, two pixels wider on every side, less the stroke. The plain and the
outlined digits of a part are different ones, so nothing is paired.
"""

import os
from pathlib import Path

import numpy as np

from tinygan.backend import Array
from tinygan.ops import interpolate

from .datasets import digits, mnist

WIDER = 2  # pixels on every side


def outlined(images: Array) -> Array:
    """Return the outlines of pictures (N, C, h, w) in [0, 1]: the largest of 5x5 pixels, less the one in the middle."""
    wide = images
    for axis in (2, 3):
        beyond = [(WIDER, WIDER) if k == axis else (0, 0) for k in range(4)]
        wide = np.lib.stride_tricks.sliding_window_view(np.pad(wide, beyond), 2 * WIDER + 1, axis).max(-1)
    return wide - images


def enlarged(images: Array) -> Array:
    """Return digits (N, 1, 8, 8) about as large and as sharp as MNIST's: (N, 1, 28, 28) in [0, 1]."""
    images = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return np.clip(2.5 * interpolate(images, (28, 28), mode="bicubic") - 0.75, 0, 1)


def find_handwriting() -> str:
    """Return "mnist" where $TINYGAN_DATA/mnist is, otherwise "digits", the ones that come with tinygan."""
    folder = os.environ.get("TINYGAN_DATA")
    return "mnist" if folder and Path(folder, "mnist").is_dir() else "digits"


def plain_and_outlined(source: str, split: str) -> tuple[Array, Array, Array, Array]:
    """Return plain digits (N, 1, 28, 28) in [0, 1], their labels, the outlines of as many other digits, their labels.

    source: "mnist" or "digits". split: "train" or "test".
    """
    images, labels = mnist(split) if source == "mnist" else digits(split)
    if source == "digits":
        images = enlarged(images)
    half = len(images) // 2
    return images[:half], labels[:half], outlined(images[half : 2 * half]), labels[half : 2 * half]
