"""Video: clips of your own, and worlds of clips made here.

    clip_file.py   read a GIF, an animated PNG or WebP, a folder of frames
    own.py         read a folder of such clips, and cut windows out of them
    digits.py      a digit moves along a path
    figures.py     figures of `data/sprites.py` act; edits of them, told by sentences
    scenes.py      coloured shapes move; edits of them, told by sentences
    edits.py       both as worlds of edits: before, sentence, after; parts that training does not show

A clip is an array (T, C, height, width), float32 in [-1, 1]; several are (N, T, C, height, width).
"""

from .clip_file import read_clip
from .digits import DigitClips
from .figures import FigureClips
from .own import OwnClips, read_clips

__all__ = ["DigitClips", "FigureClips", "OwnClips", "read_clip", "read_clips"]
