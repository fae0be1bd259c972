"""Scores of music: how far generated pieces are from real ones in pitches, intervals, harmony and lengths of notes.

A score is the total variation ½ Σ |p - q| between two histograms over all pieces: 0 for equal histograms, 1 for
disjoint ones. Two bags of real pieces do not score 0; print their score beside it. A low score does not make a piece
good: the notes of a real piece in random order have its pitch classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array

LONGEST = 16  # rows, a bar of sixteenths; longer notes count as this length


def total_variation(p: ArrayLike, q: ArrayLike) -> float:
    """Return ½ Σ |p - q| of two histograms of counts, each divided by its sum: 0 to 1."""
    p, q = (np.asarray(h, np.float64) for h in (p, q))
    if p.shape != q.shape or not p.sum() or not q.sum():
        raise ValueError(f"total_variation: histograms {p.shape} and {q.shape}: expected one shape, and counts above 0")
    return float(0.5 * np.abs(p / p.sum() - q / q.sum()).sum())


def histograms(pieces: ArrayLike) -> dict[str, Array]:
    """Return counts over pieces (N, T, voices), whose pitches are 0 to 127, or -1 for silence.

    pitch_class  (12,)          pitches of all rows, modulo the octave
    interval     (25,)          half tones from a note to the next of its voice, clipped to -12 ... 12
    harmony      (12,)          half tones between each two voices in a row, modulo the octave
    polyphony    (voices + 1,)  different pitches in a row
    held         (16,)          rows that a note lasts, clipped to 1 ... 16
    """
    pieces = np.asarray(pieces)
    if pieces.ndim != 3 or pieces.dtype.kind not in "iu" or not pieces.size:
        raise ValueError(f"histograms: pieces {pieces.dtype} {pieces.shape}: expected integers (N, T, voices)")
    n, length, voices = pieces.shape
    sounding = pieces >= 0
    rows = np.sort(np.where(sounding, pieces, -1).reshape(-1, voices), 1)
    new = np.concatenate([rows[:, :1] >= 0, (rows[:, 1:] != rows[:, :-1]) & (rows[:, 1:] >= 0)], 1)
    pairs = [(a, b) for a in range(voices) for b in range(a + 1, voices)]
    harmony = [(pieces[..., a] - pieces[..., b])[sounding[..., a] & sounding[..., b]] % 12 for a, b in pairs]
    intervals, held = [], []
    for pitches in pieces.transpose(0, 2, 1).reshape(n * voices, length):
        edges = np.flatnonzero(np.r_[True, pitches[1:] != pitches[:-1], True])
        tones, lengths = pitches[edges[:-1]], np.diff(edges)
        both = (tones[1:] >= 0) & (tones[:-1] >= 0)
        intervals.append(np.diff(tones)[both].clip(-12, 12) + 12)
        held.append(lengths[tones >= 0].clip(1, LONGEST) - 1)
    return {
        "pitch_class": np.bincount(pieces[sounding] % 12, minlength=12),
        "interval": np.bincount(np.concatenate(intervals), minlength=25),
        "harmony": np.bincount(np.concatenate([*harmony, np.zeros(0, int)]), minlength=12),
        "polyphony": np.bincount(new.sum(1), minlength=voices + 1),
        "held": np.bincount(np.concatenate(held), minlength=LONGEST),
    }


def music_scores(real: ArrayLike, generated: ArrayLike) -> dict[str, float]:
    """Return the total variation of each of `histograms` between real and generated pieces (N, T, voices).

    A histogram may be empty, as the harmony of one voice is. Two empty histograms score 0, an empty and a filled one 1.
    """
    of_real, of_generated = histograms(real), histograms(generated)
    if len(of_real["polyphony"]) != len(of_generated["polyphony"]):
        shapes = f"{np.shape(real)} and {np.shape(generated)}"
        raise ValueError(f"music_scores: pieces {shapes}: expected equally many voices")
    scores = {}
    for name, p in of_real.items():
        q = of_generated[name]
        scores[name] = total_variation(p, q) if p.sum() and q.sum() else float(p.sum() != q.sum())
    return scores


# --- voices that were written to a melody ----------------------------------------------------------------------

BEAT = 4  # rows
DISSONANT = (1, 2, 6, 10, 11)  # half tones, modulo the octave: seconds, the tritone, sevenths
PERFECT = (0, 7)  # octaves and fifths


def agreement(real: ArrayLike, made: ArrayLike) -> dict[str, float]:
    """Return how often pieces (N, T, voices), made to the first voices of real ones, are like these.

    same_notes   share of the rows of the other voices that have the real pitch
    same_chords  share of beats with the real one's pitch classes, whichever voice sings them
    """
    real, made = np.asarray(real), np.asarray(made)
    if real.shape != made.shape or real.ndim != 3 or real.shape[2] < 2:
        raise ValueError(f"agreement: pieces {real.shape} and {made.shape}: expected one shape (N, T, voices)")
    classes = [_classes(pieces[:, ::BEAT]) for pieces in (real, made)]
    return {
        "same_notes": float((real[..., 1:] == made[..., 1:]).mean()),
        "same_chords": float((classes[0] == classes[1]).all(-1).mean()),
    }


def _classes(pieces: Array) -> Array:
    """Return which pitch classes sound in each row of pieces (N, T, voices): (N, T, 12)."""
    return ((pieces[..., None] % 12 == np.arange(12)) & (pieces[..., None] >= 0)).any(2)


def part_writing(pieces: ArrayLike) -> dict[str, float]:
    """Return how well the voices of pieces (N, T, voices) go together, by the rules of the school.

    consonant  share of beats on which no two voices sing a second, a tritone or a seventh
    parallels  of 100 times that two voices move on together, how often in parallel fifths or octaves
    """
    pieces = np.asarray(pieces)
    if pieces.ndim != 3 or pieces.dtype.kind not in "iu" or not pieces.size:
        raise ValueError(f"part_writing: pieces {pieces.dtype} {pieces.shape}: expected integers (N, T, voices)")
    upper, lower = (pieces[..., voices] for voices in np.triu_indices(pieces.shape[2], 1))  # (N, T, pairs)
    sounding, apart = (upper >= 0) & (lower >= 0), np.abs(upper - lower)
    dissonant = np.any(np.isin(apart % 12, DISSONANT) & sounding, axis=2)[:, ::BEAT]
    move_on = [(x[:, 1:] != x[:, :-1]) & (x[:, 1:] >= 0) & (x[:, :-1] >= 0) for x in (upper, lower)]
    both = move_on[0] & move_on[1]
    kept = np.diff(upper - lower, axis=1) == 0
    parallel = both & kept & np.isin(apart[:, 1:] % 12, PERFECT)
    return {"consonant": 1 - float(dissonant.mean()), "parallels": 100 * float(parallel.sum() / max(1, both.sum()))}
