"""Long work says how far it is: within QUIET seconds, with the time left, and only once."""

import threading
import time

import pytest

from tinygan import progress
from tinygan.progress import Pulse, in_words, track


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(progress, "QUIET", 0.05)


def test_a_pulse_says_what_is_done_and_how_much_is_left(quick):
    said = []
    with Pulse(said.append, lambda: "scoring"):
        for _ in track(range(3), "comparing"):
            time.sleep(0.12)
    assert said[0] == "scoring; comparing, 0 of 3" and any(s.startswith("scoring; comparing, 2 of 3, 0 s left") for s in said)
    count = len(said)
    time.sleep(0.12)
    assert len(said) == count and not progress._works and not progress._pulses


def test_news_puts_the_next_sentence_off(quick):
    said = []
    with Pulse(said.append, lambda: "training") as pulse:
        for _ in range(20):
            time.sleep(0.01)
            pulse.news()
    assert said == []


def test_of_two_pulses_the_inner_one_speaks(quick):
    outer, inner = [], []
    with Pulse(outer.append, lambda: "outer"), Pulse(inner.append, lambda: "inner"):
        time.sleep(0.1)
        outer.clear()  # on a busy machine it spoke before there was an inner one
        time.sleep(0.2)
    assert not outer and inner


def test_work_that_is_left_early_is_forgotten():
    for k in track(range(9), "looking"):
        if k == 2:
            break
    assert not progress._works
    with pytest.raises(KeyError):
        for _ in track(range(9), "looking"):
            raise KeyError
    assert not progress._works


def test_threads_that_work_at_once_do_not_disturb_each_other():
    def work():
        assert sum(track(range(200), "adding")) == 19900

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not progress._works


@pytest.mark.parametrize("seconds, words", [(0.2, "0 s"), (89, "89 s"), (200, "3 min"), (9000, "2.5 h")])
def test_times_are_put_as_a_person_puts_them(seconds, words):
    assert in_words(seconds) == words
