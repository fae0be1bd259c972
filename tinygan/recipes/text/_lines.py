"""What `names` and `captions` share: lines of text in and out, a reader's own among them, and scores of how new they are."""

from dataclasses import dataclass
from pathlib import Path

from tinygan.backend import stream
from tinygan.data import DataError, Vocabulary, read_lines
from tinygan.data.text import LEVELS, tokens
from tinygan.files import Range, written_whole
from tinygan.metrics import NgramModel, distinct_share, exact_copies
from tinygan.run.settings import setting
from tinygan.text.ways import TextSettings, text_game


@dataclass
class LineSettings(TextSettings):
    """Settings of lines of text, a reader's own among them."""

    data: str = setting(
        "", "A UTF-8 file of your own, a sample a line; a tenth is held out. Empty: see the recipe."
    )
    level: str = setting("char", "What a token is.", choices=tuple(LEVELS))
    longest: int = setting(40, "Tokens of a sentence, its end among them; longer lines are cut.", 2, 65_536)
    rarest: int = setting(1, "Tokens seen less often are read as <unknown> and never written.", 1)


SAVED = {"level": tuple(LEVELS), "tokens": [str], "length": Range(1, 65_536)}


def split_lines(s, otherwise):
    """Return (lines to train on, lines held out) of the file s.data, or those that otherwise() gives."""
    if not s.data:
        return otherwise()
    lines = read_lines(Path(s.data))
    order = stream(0, "held out").permutation(len(lines))
    held_out = {lines[i] for i in order[: len(lines) // 10].tolist()}  # a line that comes twice is on one side only
    train = [line for line in lines if line not in held_out]
    if len(train) < 2 or len(held_out) < 2:
        raise DataError(f"{s.data}: lines: {len(lines)}, expected 20 or more: a tenth is held out")
    return train, sorted(held_out)


def line_game(lines, s, device, saved):
    """Return the game of text_game on lines; `lines()` gives those to train on and those held out; saved: see Game."""
    if saved is None:
        train, _ = lines()
        vocabulary = Vocabulary(train, s.level, s.rarest)
        length = min(s.longest, vocabulary.encode(train)[0].shape[1])
        saved = {"level": s.level, "tokens": vocabulary.tokens, "length": length}
    vocabulary, length = vocabulary_of(saved), saved["length"]
    read = lambda: vocabulary.encode(lines()[0], length)[0]
    return text_game(read, len(vocabulary), length, s, device, saved=saved)


def vocabulary_of(saved):
    """Return the Vocabulary that a game saved."""
    return Vocabulary.from_tokens(saved["tokens"], saved["level"])


def novelty_scores(game, samples, train):
    """Return how new samples are: the share that is neither a training line nor a repetition, and its two parts."""
    ours, level = vocabulary_of(game.saved).token_lists(samples), game.saved["level"]
    train = [tokens(line, level) for line in train]
    new = {tuple(t) for t in ours} - {tuple(t) for t in train}
    return {
        "not_in_training_and_distinct": len(new) / len(ours),
        "copies": exact_copies(ours, train),
        "distinct": distinct_share(ours),
    }


def likelihood_scores(game, samples, held_out):
    """Return what an n-gram model of one half of the held-out lines says of samples, and of the other half: nats a token.

    5 characters or 3 words. The two halves have to be independent: captions are not, several are of one picture.
    """
    level = game.saved["level"]
    held_out = [tokens(line, level) for line in held_out]
    judge = NgramModel(held_out[::2], 5 if level == "char" else 3)
    ours = vocabulary_of(game.saved).token_lists(samples)
    return {"ngram_nll": judge.nll(ours), "ngram_nll_of_real": judge.nll(held_out[1::2])}


def write_lines(lines, path):
    """Write sentences, one a line, as UTF-8."""
    with written_whole(path) as temporary:
        temporary.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_samples(game, samples, path):
    """Write sampled rows of tokens as lines of text."""
    write_lines(vocabulary_of(game.saved).decode(samples), path)
