"""Prompts and replies: small talk made here, whose replies can be checked for being right, and pairs from a file.

Small talk is about numbers, times, colours and directions. Each question is put in several ways and each way has several
right replies, so a reply is right or wrong, and there is still something to choose. A fifth of the prompts is kept from
training: "test" prompts are questions put in words that were never seen together.

>>> talk = small_talk("test")
>>> prompt, replies = talk[0]
>>> is_right(prompt, replies[1]), is_right(prompt, "i do not know.")
(True, False)
"""

import itertools
import zlib
from functools import cache
from pathlib import Path

from .files import DataError
from .text import read_lines

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()

THINGS = {
    "yellow": "a banana, a lemon, the sun, a chick, a sunflower",
    "red": "a tomato, a strawberry, blood, a fire engine, a cherry",
    "green": "grass, a frog, a pea, a cucumber, a fir tree",
    "blue": "the sky, the sea, a sapphire, a cornflower",
    "white": "snow, milk, salt, a swan, a polar bear",
    "black": "coal, a raven, the night, ink",
    "orange": "a carrot, a pumpkin, an apricot",
    "brown": "chocolate, a chestnut, bark, coffee",
    "pink": "a flamingo, a piglet",
    "grey": "an elephant, a mouse, ash, a rain cloud",
}
_MIXED = {
    ("blue", "yellow"): "green", ("red", "yellow"): "orange", ("blue", "red"): "purple",
    ("black", "white"): "grey", ("red", "white"): "pink",
}  # fmt: skip
_COMPASS = ["north", "east", "south", "west"]
_TURNS = {"left": 3, "right": 1, "around": 2}
_MINUTES = ["five", "ten", "a quarter", "twenty", "twenty five"]
_WAITS = {"an hour": 60, "two hours": 120, "half an hour": 30, "a quarter of an hour": 15, "ten minutes": 10}


def number_words(n):
    """0 to 119 in words: 47 is "forty seven"."""
    if n < 20:
        return _UNITS[n]
    if n < 100:
        return _TENS[n // 10 - 2] + (f" {_UNITS[n % 10]}" if n % 10 else "")
    return "one hundred" + (f" and {number_words(n - 100)}" if n > 100 else "")


def clock_words(minutes):
    """A time of day to five minutes, counted from twelve o'clock, as it is said: 225 is "a quarter to four"."""
    hour, minute = divmod(minutes % 720, 60)
    name = lambda h: _UNITS[h % 12 or 12]
    if minute == 0:
        return f"{name(hour)} o'clock"
    if minute == 30:
        return f"half past {name(hour)}"
    if minute < 30:
        return f"{_MINUTES[minute // 5 - 1]} past {name(hour)}"
    return f"{_MINUTES[(60 - minute) // 5 - 1]} to {name(hour + 1)}"


# --- the topics: each yields (prompts that ask the same, their right replies) --------------------------------------


def _numbers():
    for n in range(100):
        after, before = number_words(n + 1), number_words(n - 1) if n else None
        n = number_words(n)
        asked = (f"what comes after {n}?", f"which number follows {n}?", f"i count to {n}. what is next?")
        yield asked, (f"{after}.", f"it is {after}.", f"after {n} comes {after}.")
        if before:
            asked = f"what comes before {n}?", f"which number leads to {n}?", f"i count down to {n}. what is next?"
            yield asked, (f"{before}.", f"it is {before}.", f"before {n} comes {before}.")


def _times():
    for minutes in range(0, 720, 5):
        now = clock_words(minutes)
        for wait, passed in _WAITS.items():
            then = clock_words(minutes + passed)
            asked = f"it is {now}. what time is it in {wait}?", f"what time is {wait} after {now}?"
            yield asked, (f"{then}.", f"it is {then} then.", f"the clock says {then}.")


def _colours():
    for colour, things in THINGS.items():
        for thing in things.split(", "):
            asked = f"what colour is {thing}?", f"tell me the colour of {thing}.", f"{thing}: which colour is that?"
            yield asked, (f"{colour}.", f"it is {colour}.", f"{thing} is {colour}.")
    for pair, mixed in _MIXED.items():
        for a, b in (pair, pair[::-1]):
            asked = f"i mix {a} and {b}. what do i get?", f"what do {a} and {b} make?", f"mix {a} with {b}, please."
            yield asked, (f"{mixed}.", f"you get {mixed}.", f"{a} and {b} make {mixed}.")


def _directions():
    for start in range(4):
        for turns in itertools.chain(*(itertools.product(_TURNS, repeat=count) for count in (1, 2, 3))):
            faced = itertools.accumulate((_TURNS[turn] for turn in turns), initial=start)
            facing, *then = (_COMPASS[at % 4] for at in faced)
            asked = (
                f"i look {facing}, turn {', then turn '.join(turns)}. where do i look?",
                f"facing {facing}, i turn {' and '.join(turns)}. which way now?",
                f"my face is to the {facing}. i turn {' then '.join(turns)}. what do i face?",
            )
            then = ", then ".join(then)
            yield asked, (f"{then}.", f"you look {then}.", f"to the {then}.")


TOPICS = {"numbers": _numbers, "times": _times, "colours": _colours, "directions": _directions}


@cache
def _right_replies():
    """{prompt: (topic, its right replies)}, every prompt there is."""
    return {p: (topic, replies) for topic, asks in TOPICS.items() for prompts, replies in asks() for p in prompts}


def small_talk(part):
    """[(prompt, its right replies)] of one "part", "train" or "test": a fifth of the prompts, never in "train"."""
    if part not in ("train", "test"):
        raise ValueError(f"small_talk: part {part!r}: expected 'train' or 'test'")
    kept = lambda prompt: zlib.crc32(prompt.encode()) % 5 == 0
    return [(p, replies) for p, (_, replies) in _right_replies().items() if kept(p) == (part == "test")]


def topic_of(prompt):
    """The topic of a prompt of small talk, None if it is not one."""
    return _right_replies().get(prompt, (None,))[0]


def is_right(prompt, reply):
    """Whether a reply is one of the right ones; ValueError if the prompt is not small talk as it is made here."""
    if prompt not in _right_replies():
        raise ValueError(f"is_right: {prompt!r} is no prompt of small_talk")
    return reply in _right_replies()[prompt][1]


def read_pairs(path):
    """[(prompt, reply)] of a UTF-8 file with a pair on each line, a tab between; DataError if a line is none."""
    path, pairs = Path(path), []
    for line in read_lines(path):
        prompt, reply = (piece.strip() for piece in line.partition("\t")[::2])
        if not (prompt and reply) or "\t" in reply:
            raise DataError(f"{path}: the line {line[:60]!r} is no pair; expected a prompt, one tab, a reply")
        pairs.append((prompt, reply))
    return pairs
