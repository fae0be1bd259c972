"""The lab in a notebook, without a browser: what the kernel is asked and what it sends."""

import numpy as np
import pytest

from tinygan.lab.session import FOLDER, words


@pytest.fixture
def lab():
    pytest.importorskip("anywidget", reason="anywidget is missing: pip install 'tinygan[lessons]'")
    from tinygan.lab import Lab

    lab, lab.sent = Lab(), []
    lab.send = lambda header, buffers: lab.sent.append((header, buffers))
    return lab


def test_it_sends_one_answer_for_a_question(lab):
    lab._ask(lab, {"do": "move", "tab": "plane", "player": "step"}, [])
    ((header, (block,)),) = lab.sent
    assert header["k"] == 1 and sum(int(np.prod(shape)) for _, shape in header["arrays"]) * 4 == len(block)


def test_what_is_no_question_is_said(lab):
    lab._ask(lab, "x", [])
    ((header, (block,)),) = lab.sent
    assert "tab" in header["gone"] and block == b""


def test_it_has_the_one_front_end_and_its_words(lab):
    assert lab.words == words() and lab.view == "lab"
    assert str(lab._esm) == (FOLDER / "lab.js").read_text("utf-8")
    assert str(lab._css) == (FOLDER / "lab.css").read_text("utf-8")


def test_two_labs_are_two_games(lab):
    from tinygan.lab import Lab

    assert Lab().session is not lab.session


def test_without_anywidget_it_says_what_to_install(monkeypatch):
    import sys

    from tinygan.lab.widget import make_lab

    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match="pip install"):
        make_lab.__wrapped__()
