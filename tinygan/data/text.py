"""Text: lines of a file become rows of integers, and back; names, captions, and sentences made here.

A text is a list of lines, each a name, a sentence, a verse. `Vocabulary` numbers its characters or words. Any language
will do: files are UTF-8, and a character is what Unicode calls one. `tinygan.metrics.text` measures what comes out.
"""

import re
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from tinygan.backend import stream

from .files import DataError, find_file

PAD, END, UNKNOWN = "<pad>", "<end>", "<unknown>"  # tokens 0, 1 and 2 of every vocabulary
LEVELS = ("char", "word")

# Ideographs, kana and their marks, which are written without spaces: each is a word.
_WIDE = r"\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"


@cache
def _word_pattern():
    """n't and 's are words, as in the Penn Treebank (NLTK's word_tokenize), and so is every mark of punctuation."""
    # re's \w leaves out the vowel signs of Hindi, Thai and others: to it, they would be punctuation
    signs = (
        "".join(map(chr, (c for c in range(0x300, 0x2E80) if unicodedata.category(chr(c))[0] == "M"))) + "\u200c\u200d"
    )
    letter = rf"[^\W_{_WIDE}]"
    word = rf"{letter}(?:{letter}|[{signs}])*"
    clitic = r"'(?:s|m|d|ll|re|ve)\b"
    return re.compile(
        rf"[{_WIDE}]|[a-zA-Z]+?(?=n't\b)|n't\b|{clitic}"
        rf"|{word}(?:[-./'&_]{word})*?(?={clitic})|{word}(?:[-./'&_]{word})*"
        r"|\.\.+|--+|``|''|_+|[^\w\s]|\S"
    )


def words(line):
    """The words and marks of a line, a list of strings: within .001 of NLTK's word_tokenize where BLEU is counted.

    >>> words("the dog's tail doesn't wag.")
    ['the', 'dog', "'s", 'tail', 'does', "n't", 'wag', '.']
    """
    return _word_pattern().findall(line)


def tokens(line, level):
    """The tokens of a line at level "char" or "word"."""
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}: expected 'char' or 'word'")
    return list(line) if level == "char" else words(line)


class Vocabulary:
    """The characters or words of a text, numbered by frequency after <pad> 0, <end> 1 and <unknown> 2.

    <end> closes every encoded line; a model that needs a token to begin with takes it too. Tokens seen less than
    `min_count` times, or beyond the `max_size` most frequent, are read as <unknown>.

    >>> vocabulary = Vocabulary(["ab", "b"], "char")
    >>> rows, lengths = vocabulary.encode(["ba", "b?"])
    >>> rows.tolist(), lengths.tolist(), vocabulary.decode(rows)
    ([[3, 4, 1], [3, 2, 1]], [3, 3], ['ba', 'b�'])
    """

    def __init__(self, lines, level, min_count=1, max_size=None):
        counts = Counter(token for line in lines for token in tokens(line, level))
        kept = sorted((t for t, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))[:max_size]
        if not kept:
            raise ValueError(f"Vocabulary: no {level} is seen {min_count} times or more")
        self._number([PAD, END, UNKNOWN, *kept], level)

    def _number(self, tokens, level):
        self.level, self.tokens = level, tokens
        self.number = {token: i for i, token in enumerate(tokens) if i > 2}

    @classmethod
    def from_tokens(cls, tokens, level):
        """The vocabulary whose `tokens` these are: what a run keeps, read back."""
        vocabulary = cls.__new__(cls)
        vocabulary._number(list(tokens), level)
        return vocabulary

    def __len__(self):
        return len(self.tokens)

    def encode(self, lines, length=None):
        """Rows (N, length) int64, each closed by <end> and filled with <pad>, and lengths (N,) that count <end>.

        `length` is that of the longest line unless given; longer lines are cut, and then have no <end>. An empty
        line is <end> alone.
        """
        numbers = [[*(self.number.get(t, 2) for t in tokens(line, self.level)), 1] for line in lines]
        length = max(map(len, numbers), default=1) if length is None else length
        if length < 1:
            raise ValueError(f"Vocabulary.encode: length {length}: expected 1 or more")
        rows = np.zeros((len(numbers), length), np.int64)
        for row, line in zip(rows, numbers):
            row[: len(line)] = line[:length]
        return rows, np.array([min(len(line), length) for line in numbers], np.int64)

    def token_lists(self, rows):
        """The tokens before the first <end> of each row (N, T), a list of lists of strings; <pad> is left out."""
        rows = np.asarray(rows)
        if rows.ndim != 2 or rows.dtype.kind not in "iu":
            raise ValueError(f"Vocabulary: rows {rows.shape} {rows.dtype}: expected integers (N, T)")
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
            raise ValueError(f"Vocabulary: token {rows.max()} or {rows.min()} is not in 0..{len(self) - 1}")
        cut = (row[: row.index(1)] if 1 in row else row for row in rows.tolist())
        return [[self.tokens[i] for i in row if i] for row in cut]

    def decode(self, rows):
        """Rows (N, T) as strings. Words are joined by spaces, but not before marks and between ideographs."""
        return [join(line, self.level) for line in self.token_lists(rows)]


def join(line_tokens, level):
    """One string of a list of tokens, <unknown> written as U+FFFD."""
    line = ["\ufffd" if t == UNKNOWN else t for t in line_tokens]
    if level == "char":
        return "".join(line)
    text = " ".join(line)
    text = re.sub(r" ([,.;:!?)\]。，！？；：、]|\.\.+|n't\b|'(?:s|m|d|ll|re|ve)\b)", r"\1", text)
    wide = rf"[{_WIDE}\u3000-\u303f\uff00-\uffef]"
    return re.sub(rf"(?<={wide}) (?={wide})", "", text)


# --- files -------------------------------------------------------------------------------------------------------


def read_lines(path, max_bytes=1 << 28):
    """The lines of a UTF-8 file that are not blank, stripped, in Unicode's composed form (NFC): a list of strings.

    Raises DataError if the file is missing, empty, larger than `max_bytes`, not UTF-8, or not text.
    """
    path = Path(path)
    lines = [unicodedata.normalize("NFC", line).strip() for line in read_text(path, max_bytes).splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        raise DataError(f"{path}: holds no text; expected a line for each example")
    return lines


def read_text(path, max_bytes):
    """A UTF-8 file as a string, without a byte order mark; DataError otherwise."""
    path = Path(path)
    try:
        if not path.is_file():
            raise DataError(f"{path}: {'is not a regular file' if path.exists() else 'no such file'}")
        with open(path, "rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > max_bytes:
        raise DataError(f"{path}: larger than the {max_bytes:,} bytes allowed; raise max_bytes if that is meant")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fault = f"line {line} is not UTF-8 (byte {data[error.start]:#04x})"
        raise DataError(f"{path}: {fault}; save the file as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{path}: has zero bytes, so it is not a text file; save it as UTF-8 text")
    return text


def names(split="train", folder=None):
    """Given names of makemore, a-z: 28,843 to train on, some of them twice, or 2,949 others ("test"); a list of strings.

    The file names.txt is looked for in `folder`, else in $TINYGAN_DATA/names, else downloaded. Raises DataError.
    """
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: expected 'train' or 'test'")
    url = "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt"
    sha256 = "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"
    path = find_file("names.txt", folder=folder) if folder else find_file("names/names.txt", url, sha256)
    lines = read_lines(path)
    different = sorted(set(lines))  # a name on two lines must not be on both sides
    order = stream(0, "names split").permutation(len(different))
    held_out = {different[i] for i in order[: len(different) // 10].tolist()}
    return sorted(held_out) if split == "test" else [line for line in lines if line not in held_out]


def captions(split="train", folder=None):
    """10,000 captions of pictures ("train"), or Texygen's 10,000 others for BLEU ("test"): a list of strings.

    image_coco.txt and test_coco.txt are looked for in `folder`, else in $TINYGAN_DATA/captions. Raises DataError.
    Chen et al. 2015 (COCO); Zhu et al. 2018 (Texygen).
    """
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: expected 'train' or 'test'")
    file = {"train": "image_coco.txt", "test": "test_coco.txt"}[split]
    return read_lines(find_file(file, folder=folder) if folder else find_file(f"captions/{file}"))


# --- made, so that nothing need be downloaded ----------------------------------------------------------------------


def made_names(n, seed=0):
    """n names of two or three syllables that nobody has to have borne, such as "tamirel"; repetitions occur."""
    rng = stream(seed, "made names")
    pick = lambda parts: parts[rng.integers(len(parts))]
    starts = "b c d f g h j k l m n p r s t v br dr el gr kr or tr".split()
    middles = "l m n r s v d th nd rr".split()
    vowels = "a e i o u a e i ai ia".split()
    ends = ["", "", "n", "l", "r", "s", "th", "na", "ra", "el"]
    return [
        pick(starts)
        + pick(vowels)
        + "".join(pick(middles) + pick(vowels) for _ in range(rng.integers(1, 3)))
        + pick(ends)
        for _ in range(n)
    ]


def made_captions(n, seed=0):
    """n sentences of a small grammar, such as "two red boats wait near the old bridge ."; repetitions occur.

    Numbers agree: "a" has one thing that waits, "two" have several that wait, so that grammar can be checked.
    """
    rng = stream(seed, "made captions")
    pick = lambda listed: listed.split()[rng.integers(len(listed.split()))]
    lines = []
    for _ in range(n):
        several = rng.random() < 0.4
        one = pick("boat dog child bird train cat horse clock kite cloud")
        subject = (pick("two three some many") if several else "a") + " "
        subject += pick("red small white green young tall") + " " if rng.random() < 0.7 else ""
        subject += {"child": "children"}.get(one, one + "s") if several else one
        verb = pick("wait stand sleep rest stay") + ("" if several else "s")
        place = f"{pick('near under behind beside above')} the {pick('old wide quiet yellow')} "
        lines.append(f"{subject} {verb} {place}{pick('bridge house tree river table station')} .")
    return lines


# Traditional English proverbs and two old Chinese quatrains (Li Bai; Wang Zhihuan, 8th century): in the public domain.
_SMALL_TEXT = """
a bird in the hand is worth two in the bush
a burnt child dreads the fire
a cat may look at a king
a friend in need is a friend indeed
a new broom sweeps clean
a rolling stone gathers no moss
a stitch in time saves nine
a watched pot never boils
actions speak louder than words
all roads lead to rome
all that glitters is not gold
all work and no play makes jack a dull boy
an apple a day keeps the doctor away
as you sow so shall you reap
barking dogs seldom bite
better late than never
birds of a feather flock together
blood is thicker than water
do not count your chickens before they are hatched
do not cross the bridge until you come to it
do not put all your eggs in one basket
early to bed and early to rise makes a man healthy
every cloud has a silver lining
every dog has his day
fine feathers make fine birds
fools rush in where angels fear to tread
great oaks from little acorns grow
half a loaf is better than no bread
haste makes waste
he who laughs last laughs longest
honesty is the best policy
hunger is the best sauce
it never rains but it pours
it takes two to make a quarrel
least said soonest mended
let sleeping dogs lie
look before you leap
make hay while the sun shines
many hands make light work
necessity is the mother of invention
no smoke without fire
one swallow does not make a summer
out of sight out of mind
practice makes perfect
rome was not built in a day
still waters run deep
strike while the iron is hot
the early bird catches the worm
the proof of the pudding is in the eating
there is no place like home
time and tide wait for no man
too many cooks spoil the broth
two heads are better than one
when the cat is away the mice will play
where there is a will there is a way
you cannot make an omelette without breaking eggs
床前明月光
疑是地上霜
举头望明月
低头思故乡
白日依山尽
黄河入海流
欲穷千里目
更上一层楼
"""


def small_text():
    """64 lines, in the package: 56 English proverbs and 8 verses in Chinese, to try a text model on."""
    return _SMALL_TEXT.split("\n")[1:-1]
