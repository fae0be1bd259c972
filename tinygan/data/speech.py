"""Spoken digits: recordings of ten words by several speakers, texts of them, and utterances joined of recordings.

`recordings` reads files called DIGIT_SPEAKER_TAKE.wav, those of TINYGAN_DATA/speech or of a reader's own folder.
`made_recordings` has the same from a small synthesiser (`formants.py`). A word takes a slot of 5,120 samples, .64 s: silence
at its ends is cut off, all words are made equally loud, and what remains of the slot is the pause. An utterance is a row of
slots, so its length grows with its text. Takes and one speaker are held out of training. So are pairs of words: training
never says the one after the other.
"""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinygan.backend import Array

from . import formants
from .files import DataError, find_file, list_files, list_some, note, say_what_was_read
from .waves import SUFFIXES, read_wave

WORDS = tuple(formants.WORDS)  # zero to nine; a digit is a place in it
RATE = 8000  # Hz
SLOT = 5120  # samples of a word and the pause after it
PARTS = ("train", "takes", "speaker")
LOUDNESS = 0.1  # root mean square of a word; full scale is 1
HELD_TAKES = 0.2  # share of the takes that are held out, the first by number
MADE_TAKES = 10  # of each word by each voice
_QUIET = 0.03  # of the loudest 10 ms: what is below, at the ends, is silence
_STILL = 1e-4  # of full scale: a word that moves less is silent
_MOVED = 480  # samples that a word may begin later in its slot


class Recordings(NamedTuple):
    """Words (N, SLOT) float32, and of each its digit, speaker and take, (N,); names: of all speakers, held out ones too."""

    sounds: Array
    digits: Array
    speakers: Array
    takes: Array
    names: tuple[str, ...]

    def where(self, chosen: Array) -> "Recordings":
        """Return some of the recordings."""
        sounds, digits, speakers, takes, names = self
        return Recordings(sounds[chosen], digits[chosen], speakers[chosen], takes[chosen], names)


def recordings(part: str, folder: str | Path | None = None) -> Recordings:
    """Return a part of the recordings in `folder`, else in $TINYGAN_DATA/speech: "train", "takes" or "speaker".

    The speaker held out is the last by name, of three or more. The takes held out, of the others, are of each word the
    first fifth by number, one at least. DataError if the folder is missing, or if a word of theirs has but one take.
    """
    return _part(_read_folder(Path(folder) if folder else find_file("speech")), part)


def made_recordings(part: str) -> Recordings:
    """Return a part of the words that the synthesiser says, as `recordings` does: five voices, and one held out."""
    return _part(_make(), part)


def _part(everything: Recordings, part: str) -> Recordings:
    if part not in PARTS:
        raise ValueError(f"no part {part!r} of the recordings: expected one of {', '.join(PARTS)}")
    words = everything.speakers * len(WORDS) + everything.digits
    order = np.lexsort((everything.takes, words))
    first, inverse, count = np.unique(words[order], return_index=True, return_inverse=True, return_counts=True)[1:]
    apart = np.zeros(len(words), bool)
    apart[order] = np.arange(len(words)) - first[inverse] < np.ceil(HELD_TAKES * count)[inverse]
    stranger = (everything.speakers == len(everything.names) - 1) & (len(everything.names) > 2)
    return everything.where({"train": ~stranger & ~apart, "takes": ~stranger & apart, "speaker": stranger}[part])


@lru_cache(2)
def _make() -> Recordings:
    keys = [(d, s, t) for d in range(len(WORDS)) for s in range(len(formants.VOICES)) for t in range(MADE_TAKES)]
    voices = sorted(formants.VOICES)
    sounds = [fit(formants.say(WORDS[digit], voices[speaker], take, RATE)) for digit, speaker, take in keys]
    digits, speakers, takes = np.array(keys).T
    return Recordings(np.stack(sounds), digits, speakers, takes, tuple(voices))


_NAME = re.compile(r"([0-9])_(.+)_([0-9]{1,9})")


@lru_cache(2)
def _read_folder(folder: Path) -> Recordings:
    """Return all recordings in a folder; those that cannot be read, or are called otherwise, are left out, and said."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no folder of recordings")
    keys, sounds, unread, cut = [], [], dict[str, list[str]](), 0
    for path in list_files(folder, SUFFIXES, "WAV files"):
        name = str(path.relative_to(folder))
        try:
            found = _NAME.fullmatch(path.stem)
            if not found:
                raise DataError("not called DIGIT_SPEAKER_TAKE.wav")
            sound = trim(read_wave(path, RATE)[0])
            if not len(sound) or np.ptp(sound[:SLOT]) < _STILL:
                raise DataError("silent")
        except DataError as error:
            unread.setdefault(str(error).removeprefix(str(DataError(f"{path}: "))), []).append(name)
            continue
        cut += len(sound) > SLOT
        keys.append((int(found[1]), found[2], int(found[3])))
        sounds.append(fit(sound))
    say_what_was_read(folder, len(keys), unread, "recordings")
    if cut:
        note(f"cut: {cut:,} words longer than {SLOT / RATE:.2f} s")
    digits, speakers, takes = zip(*keys)
    names = tuple(sorted(set(speakers)))
    everything = Recordings(
        np.stack(sounds), np.array(digits), np.array([names.index(name) for name in speakers]), np.array(takes), names
    )
    takes_of = Counter(zip(digits, speakers))
    learned = names[:-1] if len(names) > 2 else names
    missing = [f"{d}_{name}" for name in learned for d in range(len(WORDS)) if takes_of[d, name] < 2]
    if missing:
        raise DataError(f"{folder}: fewer than two takes of {list_some(missing)}: one is learned, another is held out")
    return everything


def trim(sound: Array) -> Array:
    """Return a sound (T,) without the silence at its ends, but for 10 ms."""
    window = RATE // 100
    energy = np.convolve(np.square(sound, dtype=np.float64), np.ones(window), "same")
    loud = np.nonzero(energy > max(_QUIET**2 * energy.max(initial=0), 1e-9))[0]
    return sound[max(0, loud[0] - window) : loud[-1] + 1 + window] if len(loud) else sound[:0]


def fit(sound: Array) -> Array:
    """Return a sound (T,) as one word: made as loud as all are, its last 10 ms faded, in a slot (SLOT,), silence after it."""
    word, fade = sound[:SLOT].astype(np.float32), min(len(sound), RATE // 100)
    word = word - word.mean()
    word[len(word) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    loudness = np.sqrt(np.square(word).mean())
    word *= min(LOUDNESS / loudness, 0.99 / np.abs(word).max())
    return np.pad(word, (0, SLOT - len(word)))


# --- texts and utterances ----------------------------------------------------------------------------------------


def follows(a: Array, b: Array) -> Array:
    """Return whether training may say b after a: 20 of the 100 pairs are held out, two after each word, two before each."""
    return (np.asarray(b) - 3 * np.asarray(a) - 1) % 5 != 0


def texts(part: str, n: int, length: int, rng: np.random.Generator) -> Array:
    """Return n texts of `length` digits, (n, length). "train": no pair of them is held out; "held_out": all pairs are."""
    if part not in ("train", "held_out"):
        raise ValueError(f"no part {part!r} of the texts: expected train or held_out")
    digits = np.arange(len(WORDS))
    shown = follows(digits[:, None], digits)  # (before, after)
    text = rng.integers(0, len(WORDS), (n, length))
    for k in range(1, length):
        may = shown[text[:, k - 1]] == (part == "train")  # (n, 10)
        text[:, k] = (rng.random((n, 10)) * may).argmax(1)
    return text


def utter(spoken: Recordings, text: Array, speakers: Array, rng: np.random.Generator) -> Array:
    """Return utterances (n, length SLOT) of texts (n, length) by these speakers (n,): a recording of any take a word.

    A word begins up to 60 ms late in its slot, where there is room.
    """
    sounds = np.zeros((*text.shape, SLOT), np.float32)
    for place, digit in np.ndenumerate(text):
        takes = np.nonzero((spoken.digits == digit) & (spoken.speakers == speakers[place[0]]))[0]
        if not len(takes):
            raise ValueError(f"utter: speaker {speakers[place[0]]} has no recording of {WORDS[digit]}")
        word = spoken.sounds[rng.choice(takes)]
        room = min(_MOVED, SLOT - 1 - int(np.flatnonzero(word)[-1]))
        sounds[place] = np.roll(word, int(rng.integers(0, room + 1)))
    return sounds.reshape(len(text), -1)


def spell(digits: Sequence[int] | Array) -> str:
    """Return a text in words.

    >>> spell([3, 1, 4])
    'three one four'
    """
    return " ".join(WORDS[digit] for digit in digits)


def read_digits(text: str) -> list[int]:
    """Return the digits of a text in words or figures. DataError for anything else.

    >>> read_digits("Two seven, 42")
    [2, 7, 4, 2]
    """
    digits: list[int] = []
    for word in re.findall(r"[^\s,.;!?-]+", text.lower()):
        if word in WORDS:
            digits.append(WORDS.index(word))
        elif word.isascii() and word.isdigit():
            digits += map(int, word)
        else:
            near = difflib.get_close_matches(word, WORDS, 1, 0.5)
            raise DataError(f"{word!r}: " + (f"did you mean {near[0]}?" if near else f"expected words of {spell(range(10))}"))
    if not digits:
        raise DataError('no word to say; a text is such as "three one four"')
    return digits
