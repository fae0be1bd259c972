"""From lines to rows of integers and back: `Vocabulary` numbers the characters or words of a text.

A text is a list of lines, each a name, a sentence or a verse, in any language; a character is one code point of
Unicode. Lines come from `corpora.py` or from a file of your own (`read_lines`). `tinygan.metrics.text` scores generated
lines.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array

from ..files import INKLESS, DataError

PAD, END, UNKNOWN = "<pad>", "<end>", "<unknown>"  # tokens 0, 1 and 2 of every vocabulary
LEVELS = ("char", "word")
MOST_TOKENS = 1 << 27  # of rows: 1 GB of int64

# Ideographs, kana and their marks. They are written without spaces, so each counts as a word.
_WIDE = r"\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"


@cache
def _word_pattern() -> re.Pattern:
    """Return the pattern of a word. n't and 's are words, as in the Penn Treebank, and so is every punctuation mark."""
    # re's \w excludes the vowel signs of Hindi, Thai and others, which would make them punctuation
    signs = (
        "".join(map(chr, (c for c in range(0x300, 0x2E80) if unicodedata.category(chr(c))[0] == "M"))) + "\u200c\u200d"
    )
    letter = rf"[^\W_{_WIDE}]"
    word = rf"{letter}(?:{letter}|[{signs}])*"
    clitic = r"'(?:s|m|d|ll|re|ve)\b"
    return re.compile(
        rf"[{_WIDE}]|[a-zA-Z]+?(?=n't\b)|n't\b|{clitic}"
        rf"|{word}(?:[-./'&_]{word})*?(?={clitic})|{word}(?:[-./'&_]{word})*"
        rf"|\.\.+|--+|``|''|_+|(?!{INKLESS})\S"
    )


def words(line: str) -> list[str]:
    """Return the words and punctuation marks of a line; BLEU is within .001 of that with NLTK's word_tokenize.

    >>> words("the dog's tail doesn't wag.")
    ['the', 'dog', "'s", 'tail', 'does', "n't", 'wag', '.']
    """
    return _word_pattern().findall(line)


_MARKS = ".!?…;:\"“”„«»'`()[]-–—"


def plain_words(sentence: str) -> list[str]:
    """Return the words of a reader's sentence in small letters, and its commas, as recipes that are told say them.

    >>> plain_words('A red circle, "above" a blue square!')
    ['a', 'red', 'circle', ',', 'above', 'a', 'blue', 'square']
    """
    return [word for word in words(sentence.lower()) if word.strip(_MARKS)]


def tokens(line: str, level: str, most: int | None = None) -> list[str]:
    """Return the tokens of a line, the first `most` of them, at level "char" or "word"."""
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}: expected 'char' or 'word'")
    if level == "char":
        return list(line[:most])
    if most is None:
        return words(line)
    return [found[0] for found in itertools.islice(_word_pattern().finditer(line), most)]


def count_tokens(line: str, level: str) -> int:
    """Return the number of tokens of a line."""
    return len(line) if level == "char" else sum(1 for _ in _word_pattern().finditer(line))


class Vocabulary:
    """Number the characters or words of a text by frequency, after <pad> 0, <end> 1 and <unknown> 2.

    <end> closes every encoded line; a model that needs a first token begins with it too. Tokens seen less than
    `min_count` times, or beyond the `max_size` most frequent, are encoded as <unknown>.

    >>> vocabulary = Vocabulary(["ab", "b"], "char")
    >>> rows, lengths = vocabulary.encode(["ba", "b?"])
    >>> rows.tolist(), lengths.tolist(), vocabulary.decode(rows)
    ([[3, 4, 1], [3, 2, 1]], [3, 3], ['ba', 'b�'])
    """

    level: str
    tokens: list[str]  # the token of every number
    number: dict[str, int]  # the number of every token but the three special ones

    def __init__(self, lines: Iterable[str], level: str, min_count: int = 1, max_size: int | None = None) -> None:
        counts = Counter(token for line in lines for token in tokens(line, level))
        frequent = sorted((t for t, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))[:max_size]
        if not frequent:
            raise ValueError(f"Vocabulary: no {level} is seen {min_count} times or more")
        self._number([PAD, END, UNKNOWN, *frequent], level)

    def _number(self, tokens: list[str], level: str) -> None:
        self.level, self.tokens = level, tokens
        self.number = {token: i for i, token in enumerate(tokens) if i > 2}

    @classmethod
    def from_tokens(cls, tokens: Iterable[str], level: str) -> Vocabulary:
        """Return the vocabulary with these `tokens`, as a run has stored them."""
        vocabulary = cls.__new__(cls)
        vocabulary._number(list(tokens), level)
        return vocabulary

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, lines: Sequence[str], length: int | None = None) -> tuple[Array, Array]:
        """Return rows (N, length) int64, each closed by <end> and filled with <pad>, and lengths (N,) that count <end>.

        `length` is that of the longest line unless given. A longer line is cut and has no <end>. An empty line is <end>
        alone. DataError if there are too many rows of that length.
        """
        if length is None:
            length = 1 + max((count_tokens(line, self.level) for line in lines), default=0)
        if length < 1:
            raise ValueError(f"Vocabulary.encode: length {length}: expected 1 or more")
        if len(lines) * length > MOST_TOKENS:
            raise DataError(
                f"{len(lines):,} lines of {length:,} tokens are more than the {MOST_TOKENS:,} tokens that are kept: cut"
                " lines to a smaller length, or take fewer"
            )
        rows, lengths = np.zeros((len(lines), length), np.int64), np.empty(len(lines), np.int64)
        for i, line in enumerate(lines):
            numbers = [self.number.get(t, 2) for t in tokens(line, self.level, length)]
            rows[i, : len(numbers)] = numbers
            lengths[i] = min(len(numbers) + 1, length)
            if len(numbers) < length:
                rows[i, len(numbers)] = 1
        return rows, lengths

    def token_lists(self, rows: ArrayLike) -> list[list[str]]:
        """Return the tokens before the first <end> of each row (N, T), without <pad>."""
        rows = np.asarray(rows)
        if rows.ndim != 2 or rows.dtype.kind not in "iu":
            raise ValueError(f"Vocabulary: rows {rows.shape} {rows.dtype}: expected integers (N, T)")
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
            raise ValueError(f"Vocabulary: token {rows.max()} or {rows.min()} is not in 0..{len(self) - 1}")
        cut = (row[: row.index(1)] if 1 in row else row for row in rows.tolist())
        return [[self.tokens[i] for i in row if i] for row in cut]

    def decode(self, rows: ArrayLike) -> list[str]:
        """Return rows (N, T) as strings. Spaces join words, but not before punctuation and between ideographs."""
        return [join(line, self.level) for line in self.token_lists(rows)]


def join(line_tokens: Sequence[str], level: str) -> str:
    """Return a list of tokens as one string, with <unknown> written as U+FFFD."""
    line = ["\ufffd" if t == UNKNOWN else t for t in line_tokens]
    if level == "char":
        return "".join(line)
    text = " ".join(line)
    text = re.sub(r" ([,.;:!?)\]。，！？；：、]|\.\.+|n't\b|'(?:s|m|d|ll|re|ve)\b)", r"\1", text)
    wide = rf"[{_WIDE}\u3000-\u303f\uff00-\uffef]"
    return re.sub(rf"(?<={wide}) (?={wide})", "", text)
