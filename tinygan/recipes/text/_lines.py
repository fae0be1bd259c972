"""What `names` and `captions` share: lines of text in and out, a reader's own among them, and scores of how new they are."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tinygan.backend import stream
from tinygan.data import DataError, Vocabulary, note, read_lines
from tinygan.data.files import list_some
from tinygan.data.text import LEVELS, count_tokens, tokens
from tinygan.data.text.vocabulary import join
from tinygan.files import Range, written_whole
from tinygan.metrics import NgramModel, distinct_share, exact_copies
from tinygan.run.settings import RunSettings, setting
from tinygan.text.language import ONE, SOME
from tinygan.text.ways import TextSettings, text_game


@dataclass
class OwnTextSettings(RunSettings):
    """Text of your own."""

    split: str = setting("line", "What a sample is: a line of the file, or a sentence of it.", choices=("line", "sentence"))


@dataclass
class LineSettings(TextSettings):
    """Settings of lines of text, a reader's own among them."""

    data: str = setting(
        "", "A UTF-8 file of your own, a sample a line; a tenth is held out. Empty: see the recipe.", brings=OwnTextSettings
    )
    level: str = setting("char", "What a token is.", choices=tuple(LEVELS))
    longest: int = setting(40, "Tokens of a sentence, its end among them; longer lines are cut.", 2, 65_536)
    rarest: int = setting(1, "Tokens seen less often are read as <unknown> and never written.", 1)


SAVED = {"level": tuple(LEVELS), "tokens": [str], "length": Range(1, 65_536), "made?": bool}


class Lines(NamedTuple):
    """Lines to train on, lines held out, and whether they were made here."""

    train: list[str]
    held_out: list[str]
    made: bool


def choose_lines(s, saved, found, made):
    """Return the Lines of the file s.data; without, those of found(), or of made() where found() raises DataError.

    A run that has begun, which `saved` some, goes on with what it began with.
    """
    if s.data:
        return split_lines(s)
    began_with_made = (saved or {}).get("made")
    if not began_with_made:
        try:
            return say_lines(Lines(*found(), False))
        except DataError as error:
            if began_with_made is False:
                raise
            note(f"lines made here are learned instead: {error}")
    return say_lines(Lines(*made(), True))


def say_lines(lines):
    """Note how many lines there are, and return them."""
    note(f"{len(lines.train):,} lines to train on, {len(lines.held_out):,} held out")
    return lines


def split_lines(s):
    """Return the Lines of the file s.data: a tenth is held out."""
    lines = read_lines(Path(s.data), by=s.split)
    order = stream(0, "held out").permutation(len(lines))
    held_out = {lines[i] for i in order[: len(lines) // 10].tolist()}  # a line that comes twice is on one side only
    train = [line for line in lines if line not in held_out]
    if len(train) < 2 or len(held_out) < 2:
        raise DataError(f"{s.data}: lines: {len(lines)}, expected 20 or more: a tenth is held out")
    note(f"{len(lines):,} {s.split}s of {s.data}; {len(lines) - len(train):,} held out")
    return Lines(train, sorted(held_out), False)


def line_game(lines, s, device, saved):
    """Return the game of text_game on lines; `lines(saved)` gives the Lines; saved: see Game."""
    if saved is None:
        train, _, made = lines(None)
        vocabulary = Vocabulary(train, s.level, s.rarest)
        length = say_cuts(train, s, vocabulary)
        saved = {"level": s.level, "tokens": vocabulary.tokens, "length": length, "made": made}
    vocabulary, length = vocabulary_of(saved), saved["length"]
    read = lambda: vocabulary.encode(lines(saved).train, length)[0]
    return text_game(read, len(vocabulary), length, s, device, saved=saved)


def say_cuts(lines, s, vocabulary):
    """Return the tokens that lines are cut to, their end among them, and note what is cut and what becomes <unknown>."""
    unit = {"char": "characters", "word": "words"}[s.level]
    lengths = [count_tokens(line, s.level) + 1 for line in lines]
    cut = sum(length > s.longest for length in lengths)
    if cut:
        sentences = ", --set split=sentence takes sentences instead of lines" if s.data and s.split == "line" else ""
        note(
            f"cut: {cut:,} of {len(lines):,} {s.split if s.data else 'line'}s to {s.longest} {unit}, their end among them;"
            f" --set longest={max(lengths)} keeps them whole{sentences}"
        )
    unknown = {token for line in lines for token in tokens(line, s.level)} - set(vocabulary.tokens) if s.rarest > 1 else ()
    if unknown:
        note(
            f"left out: {len(unknown):,} {unit} that are seen less than {s.rarest} times, read as <unknown>;"
            " --set rarest=1 keeps them"
        )
    return min(s.longest, max(lengths))


def vocabulary_of(saved):
    """Return the Vocabulary that a game saved."""
    return Vocabulary.from_tokens(saved["tokens"], saved["level"])


# --- a sentence that somebody has begun ------------------------------------------------------------------------


def respond(game, given, rng):
    """Return a line that begins as `given` does; with way=infill, one whose blanks are filled, wherever they are.

    ___ is a blank of one word or several, _ of one word. At level=char each _ is a letter.
    """
    vocabulary = vocabulary_of(game.saved)
    pattern = [_number(token, vocabulary) for token in tokens(given.strip(), vocabulary.level)]
    if all(token >= 0 for token in pattern):
        pattern.append(SOME)
    patterns, stop = [pattern], vocabulary.number.get(".", -1)
    if vocabulary.level == "word" and stop >= 0 and pattern[-1] not in (stop, SOME):
        patterns.append([*pattern, stop])  # few people write it, and most captions have it
    return vocabulary.decode(game.complete(patterns, rng)[None])[0]


def _number(token, vocabulary):
    """Return the number of a token, or ONE or SOME of a blank; DataError for a token that the run does not know."""
    if set(token) == {"_"}:
        return ONE if len(token) == 1 else SOME
    for spelled in (token, token.lower()):
        if spelled in vocabulary.number:
            return vocabulary.number[spelled]
    unit = {"char": "character", "word": "word"}[vocabulary.level]
    near = difflib.get_close_matches(token.lower(), vocabulary.number, 3, 0.6)
    meant = f"; did you mean {' or '.join(near)}?" if near else f"; it knows {list_some(vocabulary.number, 12)}"
    raise DataError(f"{token!r} is not a {unit} that this run has learned{meant}")


def example(game):
    """Return the beginning of a line, in the words of a sample; with way=infill a line with a blank, if it is long enough."""
    vocabulary = vocabulary_of(game.saved)
    sample = vocabulary.token_lists(game.sample(1, 0))[0] or vocabulary.tokens[3:4]
    if vocabulary.level == "char":
        return join(sample[:3], "char")
    if game.settings.way == "infill" and len(sample) > 4:
        return join([*sample[:2], "___", *sample[3:]], "word")
    return join([*sample[:2], "___"], "word")


# --- scores ----------------------------------------------------------------------------------------------------


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
