"""How far long work is, and a sentence about it at least every few seconds, on a terminal and in a file.

Work that takes long names itself: `for step in track(range(2000), "training a judge")`. Whoever waits for it enters a
`Pulse`, which says how far it is. Without one, nothing is said.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")

QUIET = 8.0  # seconds

_works: list["_Work"] = []  # innermost last; threads that wait read it
_pulses: list["Pulse"] = []  # innermost last; it alone speaks


class _Work:
    def __init__(self, doing: str, total: int | None):
        self.doing, self.total, self.done, self.begun = doing, total, 0, time.monotonic()

    def __str__(self) -> str:
        if not self.total:
            return self.doing
        left = (time.monotonic() - self.begun) / max(1, self.done) * (self.total - self.done)
        soon = f", {in_words(left)} left" if self.done else ""
        return f"{self.doing}, {self.done} of {self.total}{soon}"


def in_words(seconds: float) -> str:
    """Return a time as a person says it: 8 s, 3 min, 1.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def track(items: Iterable[T], doing: str) -> Iterator[T]:
    """Yield the items; meanwhile a Pulse says what is being done and how much of it is left."""
    work = _Work(doing, len(items) if isinstance(items, Sized) else None)
    _works.append(work)
    try:
        for item in items:
            yield item
            work.done += 1
    finally:
        _works.remove(work)


class Pulse:
    """While entered, call say(sentence) whenever `QUIET` seconds passed without news. A context manager.

    about() returns the sentence, without what `track` says of the work inside. `news()` tells that something was printed.
    """

    def __init__(self, say: Callable[[str], None], about: Callable[[], str]):
        self.say, self.about = say, about
        self.ended, self.last = threading.Event(), time.monotonic()

    def news(self) -> None:
        """Something was printed: the next sentence is due `QUIET` seconds from now."""
        self.last = time.monotonic()

    def __enter__(self) -> "Pulse":
        _pulses.append(self)
        self.thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        _pulses.remove(self)
        self.ended.set()
        self.thread.join()

    def _beat(self) -> None:
        while not self.ended.wait(max(0.05, self.last + QUIET - time.monotonic())):
            if time.monotonic() >= self.last + QUIET:
                self.news()
                if _pulses[-1:] == [self]:
                    self.say("; ".join([self.about(), *map(str, _works[-1:])]))
