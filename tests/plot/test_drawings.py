"""Drawings of networks: what is in them, that nothing covers anything, and that they leave pyplot alone."""

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from tinygan.plot.drawings import lstm_cell, unrolled_writer


def drawn(function, size, *settings):
    """The texts of a drawing, those that are not empty, and its arrows' paths in units of the axis."""
    canvas = FigureCanvasAgg(Figure(figsize=size, layout="constrained"))
    axis = canvas.figure.subplots()
    function(axis, *settings)
    canvas.draw()
    arrows = [patch for patch in axis.patches if isinstance(patch, FancyArrowPatch)]
    paths = [arrow._path_original.vertices.tolist() for arrow in arrows]
    return axis, [text for text in axis.texts if text.get_text()], paths


DRAWINGS = {"cell": (lstm_cell, (7, 4.2)), "writer": (unrolled_writer, (7.5, 3)), "short": (unrolled_writer, (7.5, 3), 2)}


@pytest.mark.parametrize("case", DRAWINGS.values(), ids=DRAWINGS)
def test_no_text_covers_another_or_leaves_the_picture(case):
    axis, texts, _ = drawn(*case)
    boxes = [text.get_window_extent() for text in texts]
    whole = axis.get_window_extent()
    for text, box in zip(texts, boxes):
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1, text
    for (a, box), (b, other) in combinations(zip(texts, boxes), 2):
        assert not box.overlaps(other), (a, b)


def test_cell_has_three_gates_and_a_candidate():
    _, texts, _ = drawn(*DRAWINGS["cell"])
    said = [text.get_text() for text in texts]
    assert said.count("$\\sigma$") == 3 and said.count("tanh") == 2
    assert said.count("$\\times$") == 3 and said.count("$+$") == 1
    assert {"forget", "input", "candidate", "output"} <= set(said)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_each_row_is_read_by_the_step_after_it(steps):
    _, texts, paths = drawn(unrolled_writer, (9, 3), steps)
    at = {text.get_text(): text.get_position() for text in texts}
    lstms = sorted(text.get_position() for text in texts if text.get_text() == "LSTM")
    assert len(lstms) == steps
    feedback = [path for path in paths if len(path) == 5]
    assert len(feedback) == steps - 1
    for t, path in enumerate(feedback, 1):
        (x, y), (next_x, _) = at[f"$x_{{{t}}}$"], lstms[t]
        assert path[0] == pytest.approx([x + 0.7, y]) and abs(path[-1][0] - next_x) < 0.7  # the box is 1.4 wide


def test_refuses_a_writer_without_steps():
    with pytest.raises(ValueError, match="steps=0"):
        drawn(unrolled_writer, (7, 3), 0)
