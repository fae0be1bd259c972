"""What is measured on music: how far generated pieces are from real ones in what a listener would count.

Each is a histogram over all pieces of a bag, and the score is the total variation ½ Σ |p - q| between two histograms: 0
for equal ones, 1 for disjoint ones. Two bags of real pieces are not at 0; print what those score beside it. None of them
says that a piece is good: a piece of notes in random order has the right pitch classes.
"""

import numpy as np

LONGEST = 16  # rows, a bar of sixteenths: longer notes are counted there


def total_variation(p, q):
    """½ Σ |p - q| of two histograms of counts, each divided by its sum: 0 to 1."""
    p, q = (np.asarray(h, np.float64) for h in (p, q))
    if p.shape != q.shape or not p.sum() or not q.sum():
        raise ValueError(f"total_variation: histograms {p.shape} and {q.shape}: expected one shape, and counts above 0")
    return float(0.5 * np.abs(p / p.sum() - q / q.sum()).sum())


def histograms(pieces):
    """Counts over pieces (N, T, voices), pitches from 0 to 127 and -1 for silence -> dict of arrays.

    pitch_class: (12,), of all rows; interval: (25,), from note to next note of a voice, -12 to 12 half tones, larger ones
    counted there; harmony: (12,), between all pairs of voices at a time, modulo the octave; polyphony: (voices + 1,),
    different pitches at a time; held: (16,), rows that a note is held, longer ones counted at 16.
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


def music_scores(real, generated):
    """Total variation of each of `histograms` between real and generated pieces (N, T, voices): a dict of floats.

    A histogram without counts, as of the harmony of one voice, is 0 from another without and 1 from one with counts.
    """
    found = [histograms(pieces) for pieces in (real, generated)]
    if len(found[0]["polyphony"]) != len(found[1]["polyphony"]):
        raise ValueError(f"music_scores: pieces {np.shape(real)} and {np.shape(generated)}: not as many voices")
    scores = {}
    for name, p in found[0].items():
        q = found[1][name]
        scores[name] = total_variation(p, q) if p.sum() and q.sum() else float(p.sum() != q.sum())
    return scores
