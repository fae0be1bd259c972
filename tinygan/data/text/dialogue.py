"""Prompts and replies: small talk made here, whose replies are right or wrong, and pairs from a file.

Small talk is about numbers, times, colours and directions. Each question has several wordings and several right
replies, so a reply can be checked and a model still has a choice. A fifth of the prompts is held out of training: a
"test" prompt is a question whose words were never seen together.

>>> talk = small_talk("test")
>>> prompt, replies = talk[0]
>>> is_right(prompt, replies[1]), is_right(prompt, "i do not know.")
(True, False)
"""

import itertools
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

from ..files import DataError, check_split, read_lines

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


def number_words(n: int) -> str:
    """Return a number from 0 to 119 in words: 47 is "forty seven"."""
    if n < 20:
        return _UNITS[n]
    if n < 100:
        return _TENS[n // 10 - 2] + (f" {_UNITS[n % 10]}" if n % 10 else "")
    return "one hundred" + (f" and {number_words(n - 100)}" if n > 100 else "")


def clock_words(minutes: int) -> str:
    """Return a time of day in words, from minutes after twelve o'clock, a multiple of 5: 225 is "a quarter to four"."""
    hour, minute = divmod(minutes % 720, 60)
    name = lambda h: _UNITS[h % 12 or 12]
    if minute == 0:
        return f"{name(hour)} o'clock"
    if minute == 30:
        return f"half past {name(hour)}"
    if minute < 30:
        return f"{_MINUTES[minute // 5 - 1]} past {name(hour)}"
    return f"{_MINUTES[(60 - minute) // 5 - 1]} to {name(hour + 1)}"


# --- the topics: each yields (prompts with the same meaning, their right replies) ----------------------------------

Questions: TypeAlias = Iterator[tuple[tuple[str, ...], tuple[str, ...]]]


def _numbers() -> Questions:
    for number in range(100):
        n, after = number_words(number), number_words(number + 1)
        prompts = f"what comes after {n}?", f"which number follows {n}?", f"i count to {n}. what is next?"
        yield prompts, (f"{after}.", f"it is {after}.", f"after {n} comes {after}.")
        if number:
            before = number_words(number - 1)
            prompts = f"what comes before {n}?", f"which number leads to {n}?", f"i count down to {n}. what is next?"
            yield prompts, (f"{before}.", f"it is {before}.", f"before {n} comes {before}.")


def _times() -> Questions:
    for minutes in range(0, 720, 5):
        now = clock_words(minutes)
        for wait, passed in _WAITS.items():
            then = clock_words(minutes + passed)
            prompts = f"it is {now}. what time is it in {wait}?", f"what time is {wait} after {now}?"
            yield prompts, (f"{then}.", f"it is {then} then.", f"the clock says {then}.")


def _colours() -> Questions:
    for colour, things in THINGS.items():
        for thing in things.split(", "):
            prompts = f"what colour is {thing}?", f"tell me the colour of {thing}.", f"{thing}: which colour is that?"
            yield prompts, (f"{colour}.", f"it is {colour}.", f"{thing} is {colour}.")
    for pair, mixed in _MIXED.items():
        for a, b in (pair, pair[::-1]):
            prompts = f"i mix {a} and {b}. what do i get?", f"what do {a} and {b} make?", f"mix {a} with {b}, please."
            yield prompts, (f"{mixed}.", f"you get {mixed}.", f"{a} and {b} make {mixed}.")


def _directions() -> Questions:
    for start in range(4):
        for turns in itertools.chain(*(itertools.product(_TURNS, repeat=count) for count in (1, 2, 3))):
            quarters = itertools.accumulate((_TURNS[turn] for turn in turns), initial=start)
            facing, *directions = (_COMPASS[quarter % 4] for quarter in quarters)
            prompts = (
                f"i look {facing}, turn {', then turn '.join(turns)}. where do i look?",
                f"facing {facing}, i turn {' and '.join(turns)}. which way now?",
                f"my face is to the {facing}. i turn {' then '.join(turns)}. what do i face?",
            )
            then = ", then ".join(directions)
            yield prompts, (f"{then}.", f"you look {then}.", f"to the {then}.")


TOPICS: dict[str, Callable[[], Questions]] = {
    "numbers": _numbers, "times": _times, "colours": _colours, "directions": _directions,
}  # fmt: skip


@cache
def _right_replies() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return {prompt: (topic, its right replies)} for every prompt of every topic."""
    return {
        prompt: (topic, replies)
        for topic, questions in TOPICS.items()
        for prompts, replies in questions()
        for prompt in prompts
    }


def small_talk(part: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return [(prompt, its right replies)] of a part, "train" or "test". A fifth of the prompts is in "test" only."""
    check_split(part, ("train", "test"))
    held_out = lambda prompt: zlib.crc32(prompt.encode()) % 5 == 0
    return [(p, replies) for p, (_, replies) in _right_replies().items() if held_out(p) == (part == "test")]


def topic_of(prompt: str) -> str | None:
    """Return the topic of a prompt of small talk, None for any other prompt."""
    return _right_replies()[prompt][0] if prompt in _right_replies() else None


def is_right(prompt: str, reply: str) -> bool:
    """Return whether a reply is one of the right ones; ValueError for a prompt that is not from `small_talk`."""
    if prompt not in _right_replies():
        raise ValueError(f"is_right: {prompt!r} is not a prompt of small_talk")
    return reply in _right_replies()[prompt][1]


def read_pairs(path: str | Path) -> list[tuple[str, str]]:
    """Return [(prompt, reply)] of a UTF-8 file, a line a pair with one tab between; DataError for any other line."""
    path, pairs = Path(path), []
    for line in read_lines(path):
        prompt, reply = (piece.strip() for piece in line.partition("\t")[::2])
        if not (prompt and reply) or "\t" in reply:
            raise DataError(f"{path}: the line {line[:60]!r} is not a pair; expected a prompt, one tab, a reply")
        pairs.append((prompt, reply))
    return pairs
