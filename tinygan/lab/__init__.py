"""The playground: a game in the plane and an LSTM that writes digits, played live. `tinygan lab`, or `Lab()` in a notebook.

    scenes       what there is to learn: dots and lines in the plane, chosen or drawn
    plane        the game on them, and what of it is shown
    writing      digits that an LSTM writes row by row, with its state
    session      what the front end asks, and the answers
    server       the page of its own: a small server on this machine alone
    widget       the same in a notebook
    live         the page of a training, read from its folder
    lab.js lab.css words.json   the one front end, and its words in English and Chinese

The front end asks; every answer is JSON and arrays. While it plays, each question trains for some milliseconds: so there
is no thread, a closed page trains nothing, and a notebook's other cells get their turn. Read `session.py` first.
"""

from typing import TYPE_CHECKING, Any

from tinygan.remedies import of_module

if TYPE_CHECKING:
    Lab: Any

__all__ = ["Lab"]


def __getattr__(name: str) -> Any:
    """Return Lab, which needs anywidget, when it is asked for."""
    if name == "Lab":
        from tinygan.lab.widget import make_lab

        return make_lab()
    raise AttributeError(of_module(name, __name__))
