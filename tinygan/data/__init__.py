"""Data by medium: where files come from, how they are read, and how rows become batches.

    points     drawn here from known distributions
    pictures   a folder: data sets by name, a folder or array of your own, the IDX format
    tables     tables of numbers: CSV files
    series     scaling, windows; waves and prices made here
    text       a folder: lines by name, their numbering, prompts with replies
    sound      music in four voices; `midi` reads a melody
    waves      WAV files, another rate; `spectra` makes pictures of sound and back
    speech     spoken digits, recorded or said by a small synthesiser, and utterances of them
    video      clips of your own, and worlds of clips: `video`, a folder
    worlds     pictures whose every property can be told in a sentence and read back: `shapes`, a folder, and `sprites`

`files.py` finds or downloads a file, `loader.py` serves batches. Importing this package needs numpy only. A file that
cannot be used raises `DataError`, one sentence.
"""

from typing import TYPE_CHECKING

from tinygan import remedies

from .files import DataError, find_file, gather_notes, note, read_lines
from .loader import Loader
from .midi import read_melody
from .pictures import (
    centred,
    digits,
    fashion_mnist,
    kmnist,
    mnist,
    read_classes,
    read_idx,
    read_picture,
    read_pictures,
    read_sides,
    split_by_class,
)
from .points import SWISS_ROLL_SIGMA, gaussians, swiss_roll
from .series import MinMax, Whitening, made_prices, sines, stock, windows
from .sound import SILENCE, chorales, crops, made_chorales, read_chorales
from .speech import made_recordings, recordings
from .tables import Table, read_csv
from .text import (
    Vocabulary,
    captions,
    is_right,
    made_captions,
    made_names,
    names,
    read_pairs,
    small_talk,
    small_text,
    topic_of,
    words,
)
from .video import read_clip, read_clips
from .waves import read_wave, read_waves, resample, write_wave
from .worlds import find_world

__all__ = [
    "SILENCE", "SWISS_ROLL_SIGMA", "DataError", "Loader", "MinMax", "Table", "Vocabulary", "Whitening", "captions",
    "centred", "chorales", "crops", "digits", "fashion_mnist", "find_file", "find_world", "gather_notes", "gaussians",
    "is_right", "kmnist", "made_captions", "made_chorales", "made_names", "made_prices", "made_recordings", "mnist",
    "names", "note", "read_chorales", "read_classes", "read_clip", "read_clips", "read_csv", "read_idx", "read_lines",
    "read_melody", "read_pairs", "read_picture", "read_pictures", "read_sides", "read_wave", "read_waves",
    "recordings", "resample", "sines", "small_talk", "small_text", "split_by_class", "stock", "swiss_roll",
    "topic_of", "windows", "words", "write_wave",
]  # fmt: skip

remedies.watch_functions(globals(), __name__)

if not TYPE_CHECKING:  # a type checker would take any name for one of these
    __getattr__ = remedies.absent(__name__)
