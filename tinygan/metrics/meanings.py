"""What the scores of `tinygan evaluate` mean: a sentence each, which direction is better, what real data score.

A score is found by its name. What follows the name of a known score does not count: the number of `bleu_4`, the topic of
`right_about_food`, the data set of `psnr_set5`.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Meaning(NamedTuple):
    """A sentence; "higher", "lower", "real" (the nearer to real data the better) or ""; where real data's score is.

    real: the name of another score, or a number. Without it, the score NAME_of_real or NAME_perfect is taken, if there is
    one.
    """

    text: str
    better: str = ""
    real: Any = None


MEANINGS = {
    # how many
    "samples": Meaning("samples that were scored"),
    "pictures": Meaning("your own pictures, held-out ones included"),
    "clips": Meaning("your own clips, held-out ones included"),
    # pictures, read by a classifier
    "frechet_distance": Meaning("between the features of generated and of real samples", "lower", "frechet_floor"),
    "frechet_ratio": Meaning("Frechet distance over that of equally many real samples", "lower", 1.0),
    "frechet_samples": Meaning("generated pictures in the Frechet distance"),
    "frechet_real_samples": Meaning("real pictures in the Frechet distance"),
    "mean_confidence": Meaning("of the classifier in the class that it reads", "real", "real_mean_confidence"),
    "inception_score": Meaning("legible and varied: 1 to the number of classes", "higher", "real_inception_score"),
    "legible": Meaning("share of pictures that the classifier reads as one of the emblems", "higher"),
    "smallest_class_share": Meaning("share of the class that is drawn least often", "higher"),
    "class_shares": Meaning("how often each class is drawn"),
    "classifier_accuracy": Meaning("of the classifier that scores, on real pictures it has not seen"),
    "code_is_class": Meaning("share of pictures whose code means the class that is read", "higher", 1.0),
    "class_of_code": Meaning("the class that each code stands for"),
    # pictures beside the true ones
    "psnr": Meaning("10 log₁₀(white² / mean squared error), in dB, of luminance", "higher"),
    "psnr_of_bicubic": Meaning("PSNR of bicubic interpolation", "higher"),
    "gradients": Meaning("distance between the gradients of made and of true pictures, in 255ths", "lower"),
    "chequered": Meaning("how strong a fine chessboard lies over the pictures, in 255ths", "real"),
    "gradients_of_bicubic": Meaning("this distance of bicubic interpolation", "lower"),
    # pictures of the one side, a, and of the other, b, turned into each other
    "way_back": Meaning("dB from sources to what comes back of them, there and back", "higher"),
    "kept": Meaning("share of translations that are still what their source was", "higher", 1.0),
    "least_kept": Meaning("the same, of the attribute that is kept least often", "higher", 1.0),
    "style": Meaning("share of translations that are of this side", "higher", 1.0),
    "outline": Meaning("dB from outlines to those that the plain digits have in truth", "higher"),
    "distance": Meaning("from translations to real pictures of this side, pixel by pixel", "lower"),
    "distance_before": Meaning("from the sources to real pictures of this side", ""),
    # pictures that are told
    "obeyed": Meaning("share of pictures that do what their sentences say of it", "higher"),
    "obeyed_held_out": Meaning("the same of pairs that were kept from training", "higher"),
    "obeyed_psnr": Meaning("in dB, to the figure that is told", "higher"),
    "obeyed_held_out_psnr": Meaning("in dB, to the figure that is told; pairs kept from training", "higher"),
    "by_chance": Meaning("the same of samples made for other sentences or labels"),
    "variety": Meaning("distance of two pictures of one sentence over that of real ones", "real", 1.0),
    "as_drawn_psnr": Meaning("in dB, to the true picture", "higher"),
    "as_read_psnr": Meaning("in dB, to the figure that is read in it: is it a figure at all?", "higher"),
    "repaired": Meaning("in dB, to the true pictures; this kind of damage", "higher"),
    "unrepaired": Meaning("in dB, of the damaged pictures", "higher"),
    "mean_filled": Meaning("in dB, where damage is filled with the mean of what is whole", "higher"),
    "diffused": Meaning("in dB, where neighbours flow into the damage", "higher"),
    "read": Meaning("share of pictures that are read as the true ones", "higher", "read_of_real"),
    # clips that are told
    "told": Meaning("share of clips, of their frames where looks are told, that are as told", "higher"),
    "told_held_out": Meaning("the same of pairs that were kept from training", "higher"),
    "told_longer": Meaning("the same of clips four times as long as those that D was shown", "higher"),
    "told_longer_held_out": Meaning("the same of both", "higher"),
    "identity": Meaning("share of later frames that are read as the first is", "higher"),
    "flicker": Meaning("change from frame to frame over that of real clips", "real", 1.0),
    "still": Meaning("change, in 255ths, where true clips do not change", "lower"),
    "as_true": Meaning("in dB, to the true clips of what is told", "higher"),
    "intra_entropy": Meaning("how unsure the class of a clip is, in nats", "lower", "real_intra_entropy"),
    "inter_entropy": Meaning("how evenly the classes are drawn, in nats", "higher", "real_inter_entropy"),
    # clips that are edited
    "edit_right": Meaning("share of edits that are done; of looks, the share of frames", "higher"),
    "edit_stays": Meaning("share of all else that is read as it was before", "higher"),
    "edit_outside": Meaning("in dB, to the true clips, where an edit changes nothing", "higher"),
    "edit_inside": Meaning("in dB, to the true clips, where it changes something", "higher"),
    "edit_flicker": Meaning("change from frame to frame over that of the true clips", "real", 1.0),
    # a learner in between
    "synthetic_to_real": Meaning(
        "accuracy on real samples of a classifier taught by generated ones", "higher", "real_to_real"
    ),
    "real_to_synthetic": Meaning(
        "accuracy on generated samples of a classifier taught by real ones", "higher", "real_to_real"
    ),
    # points, and distances between bags
    "modes": Meaning("modes with at least one good sample", "higher"),
    "high_quality": Meaning("share of samples within 3 sigma of a mode", "real"),
    "spread": Meaning("width of the modes over the right width", "real", 1.0),
    "reverse_kl": Meaning("how unevenly the modes are drawn, in nats", "lower"),
    "sliced_wasserstein": Meaning("distance between generated and real samples", "lower"),
    "near_the_curve": Meaning("share of samples within 3 sigma of the curve", "real"),
    "diversity": Meaning("distance between samples over that between real ones", "real"),
    "copied_share": Meaning("share nearer to what was learned from than to what was held out", "real", 0.5),
    # series
    "squared_mmd": Meaning("distance of generated from real waves", "lower", "floor"),
    "purity": Meaning("share of a wave's energy in its strongest tone", "real", "real_purity"),
    "as_asked": Meaning("share that goes up or down as it was asked to", "higher", 1.0),
    "discriminative": Meaning("how surely a GRU of this size tells them from real ones, 0 to .5", "lower"),
    "predictive": Meaning("error on real series of a GRU that learned from generated ones", "lower"),
    # sound
    "pitch_class": Meaning("how far the pitches are from held-out pieces', 0 to 1", "lower"),
    "interval": Meaning("how far the steps from note to note are, 0 to 1", "lower"),
    "harmony": Meaning("how far the intervals that sound together are, 0 to 1", "lower"),
    "polyphony": Meaning("how far the number of different pitches at a time is, 0 to 1", "lower"),
    "held": Meaning("how far the lengths of notes are, 0 to 1", "lower"),
    "not_copied": Meaning("share of bars that are in no training piece", "real"),
    "same_notes": Meaning("share of the lower voices' sixteenths that have Bach's pitch", "higher", 1.0),
    "same_chords": Meaning("share of beats whose chord has Bach's pitch classes", "higher", 1.0),
    "consonant": Meaning("share of beats without a second, a tritone or a seventh", "real"),
    "parallels": Meaning("parallel fifths and octaves, of 100 times that two voices move", "real"),
    "different": Meaning("different samples over samples", "higher"),
    "said": Meaning("share of words that the recogniser hears as told", "higher"),
    "said_of_griffin_lim": Meaning("the same of real sound out of Griffin-Lim: what its inversion costs", "higher"),
    "said_whole": Meaning("share of texts all of whose words it hears as told", "higher"),
    "speaker": Meaning("share that it hears as the speaker's who was asked for", "higher"),
    "nearest_take": Meaning("dB from words to the nearest recording of the same, by cepstra", "real"),
    "level": Meaning("root mean square, dB of full scale", "real"),
    "peak": Meaning("the largest sample of a sound; full scale is 1", "real"),
    "clipped": Meaning("share of samples at full scale", "real"),
    "silent": Meaning("share of the time 40 dB below the loudest", "real"),
    "pitch": Meaning("median of the fundamental frequency, Hz", "real"),
    "pitch_spread": Meaning("how far the pitch moves within a sound, half tones", "real"),
    "voiced": Meaning("share of the time that has a pitch", "real"),
    # text
    "bleu": Meaning("share of n-grams that real sentences have, too: quality", "higher"),
    "self_bleu": Meaning("share of n-grams that other samples have, too: sameness", "real"),
    "not_in_training_and_distinct": Meaning("different new samples over samples", "higher"),
    "copies": Meaning("share of samples that are sentences it learned from", "lower"),
    "distinct": Meaning("different samples over samples", "higher"),
    "ngram_nll": Meaning("surprise of a model of real text, nats a token", "real"),
    "different_replies": Meaning("different replies over replies", "higher"),
    "right": Meaning("share of replies that fit what was said", "higher", 1.0),
    "right_about": Meaning("share of replies that fit, on this topic", "higher", 1.0),
    "evenness": Meaning("how evenly the right ways of replying are taken, 0 to 1", "higher", 1.0),
    "nll_oracle": Meaning("surprise of the oracle by samples: quality, nats a sentence", "lower"),
    "nll_test": Meaning("surprise of the model by the oracle's sentences: variety, nats", "lower", "nll_oracle_of_real"),
    "sum": Meaning("of the two surprises", "lower"),
    "new": Meaning("share of n-grams of this length that no sentence to learn from has", "real"),
    # sentences about pictures
    "exact": Meaning("share of sentences that are true of their pictures in all they claim", "higher", 1.0),
    "readable": Meaning("share of sentences that the grammar can read", "higher", 1.0),
    "true": Meaning("share of sentences whose claims of this kind are true", "higher", 1.0),
    "words": Meaning("words of a sentence", "real"),
    "openness": Meaning("how open each next word is, in nats", "real"),
}


ENDINGS = {  # of the names of scores: what the score is of
    "_untouched": "of no edit at all", "_by_swap": "of the best swap of colours",
    "_held_out": "of pairs kept from training", "_longer": "of clips four times as long",
}  # fmt: skip


def find_meaning(name: str) -> Meaning | None:
    """Return the Meaning of a score, None if it has none: what another score refers to, or an unknown one."""
    for ending, what in ENDINGS.items():
        if name.endswith(ending) and name not in MEANINGS:
            meaning = find_meaning(name.removesuffix(ending))
            return meaning and meaning._replace(text=f"{meaning.text}; {what}")
    known = "" if name.endswith(("_of_real", "_perfect", "_error")) and name not in MEANINGS else name
    while known not in MEANINGS and "_" in known:  # psnr_set5, bleu_4, right_about_food
        known = known.rpartition("_")[0]
    return MEANINGS.get(known)


def find_real(name: str, scores: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Return (name of the score, its value) that real data have where samples have `name`; the name is None for a number."""
    meaning = find_meaning(name)
    wanted = meaning.real if meaning else None
    if isinstance(wanted, float):
        return None, wanted
    for candidate in (wanted, f"{name}_of_real", f"{name}_perfect"):
        if candidate is not None and candidate in scores:
            return candidate, scores[candidate]
    return None, None


def describe_scores(scores: Mapping[str, Any], defined_on: int, width: int = 120) -> Iterator[str]:
    """Yield the lines of a table: each score, what real data score, which direction is better, and what it is.

    defined_on: how many samples the scores are defined on; fewer are said to be few. width: of the terminal.
    """
    rows, referred = [("score", "value", "real data", "better", "")], set()
    for name, value in scores.items():
        of_real, real = find_real(name, scores)
        error = scores.get(f"{name}_error")
        referred |= {of_real, f"{name}_error"}
        meaning = find_meaning(name) or Meaning("")
        text, shown = meaning.text, _in_digits(value)
        if error is not None:
            shown += f" ± {_in_digits(error)}"
            text += "; too few samples to say" if error >= 0.5 * abs(value) else ""
        better = "like real" if meaning.better == "real" else meaning.better
        rows.append((name.replace("_", " "), shown, "" if real is None else _in_digits(real), better, text))
    shown_rows = [rows[0], *(row for name, row in zip(scores, rows[1:]) if name not in referred)]
    columns = list(zip(*shown_rows))[:4]
    widths = [max(len(cell) for cell in column if len(cell) <= 30) for column in columns]
    for *cells, text in shown_rows:
        head = "  ".join(cell.ljust(wide) for cell, wide in zip(cells, widths))
        yield from textwrap.wrap(f"{head}  {text}", max(width, 60), subsequent_indent=" " * min(len(head) + 2, 30)) or [""]
    n = scores.get("samples", defined_on)
    if n < defined_on:
        yield f"of {n:,} samples; the scores are defined on {defined_on:,}: with fewer, chance has a larger part in them"


def _in_digits(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(f"{v:.2f}" if isinstance(v, float) else str(v) for v in value)
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.01 or not value else f"{value:.2g}"  # an MMD² of .0006 is not .001
    return f"{value:,}" if isinstance(value, int) else str(value)
