"""Pieces of music for `chorales`: which are learned, how they are encoded and moved to other keys."""

from functools import cache

import numpy as np

from tinygan.data import DataError, chorales, made_chorales, note
from tinygan.data.sound import SILENCE
from tinygan.networks.music import BEAT, KEYS


@cache
def pieces(split, made):
    """Return pieces of "train" or "test": Bach's, or made ones."""
    return made_chorales(200, seed=split) if made else chorales(split)


def are_made(saved):
    """Return whether a run learns made pieces; runs that did not write that down, if Bach's are missing."""
    if "made" in saved:
        return saved["made"]
    try:
        return not pieces("train", False)
    except DataError:
        return True


def learn_what_is_saved(s):
    """Return what the game saves of its data; DataError if no piece is long enough."""
    try:
        music, made = pieces("train", False), False
        note(f"{len(music)} chorales of Bach, others held out")
    except DataError as error:
        music, made = pieces("train", True), True
        note(f"{len(music)} pieces made here are learned instead of Bach's: {error}")
    lengths = [len(piece) for piece in music]
    if s.length > max(lengths):
        raise DataError(
            f"length={s.length}: the longest piece has {max(lengths)} sixteenth notes; take --set length={max(lengths)} or"
            " less"
        )
    crops_of_all = int(np.sum([(length - s.length) // BEAT + 1 for length in lengths if length >= s.length]))
    if crops_of_all < s.batch_size:
        raise DataError(
            f"length={s.length}: the pieces have {crops_of_all} parts so long, and a step takes batch_size={s.batch_size};"
            f" take a smaller --set length, or --set batch_size={crops_of_all}"
        )
    if s.told == "soprano" and music[0].shape[1] == 1:
        raise DataError("told=soprano: the pieces have one voice, and none is left to write; take --set told=nothing")
    short = int(np.sum(np.array(lengths) < s.length))
    if short:
        note(f"left out: {short} pieces shorter than {s.length} sixteenth notes; a smaller --set length takes them in")
    sung = [np.unique(np.concatenate([piece[:, voice] for piece in music])) for voice in range(music[0].shape[1])]
    return {"pitches": [voice.tolist() for voice in sung], "made": made}


def encode(music, pitches):
    """Return, for pieces (N, T, voices), a 1 for each voice's pitch among those it sings, (N, T, all of these), float32."""
    hot = [music[:, :, voice, None] == np.array(sung) for voice, sung in enumerate(pitches)]
    return np.concatenate(hot, 2).astype(np.float32)


def decode(samples, pitches):
    """Return pieces (N, T, voices), int64, of what `encode` made or of any weights: each voice's heaviest pitch."""
    ends = np.cumsum([len(sung) for sung in pitches])
    parts = np.split(samples, ends[:-1], 2)
    return np.stack([np.array(sung)[part.argmax(2)] for part, sung in zip(parts, pitches)], 2)


def transpose(music, pitches, rng):
    """Return pieces (N, T, voices) in other keys, and the numbers of these (N,): any in which all pitches are sung."""
    moved = np.where(music == SILENCE, SILENCE, music + KEYS[:, None, None, None])
    sung = np.all([np.isin(moved[..., v], known).all(2) for v, known in enumerate(pitches)], 0)  # (keys, N)
    key = (sung * rng.uniform(0.5, 1, sung.shape)).argmax(0)
    return moved[key, np.arange(len(music))], key
