"""In-filling: holes, their losses and verdicts, written a second time; and where each step of the game leads."""

import numpy as np
import pytest
from small_text import RNG, every, sharp

from tinygan.text.infill import Filler, TokenJudge, returns
from tinygan.text.language import END, PADDED


def test_holes_are_filled_and_the_rest_stays():
    filler = sharp(Filler(6, 2, 4))
    rows = np.array([[3, 4, 5, 3, END, PADDED]] * 200)
    hidden = np.zeros(rows.shape, bool)
    hidden[:100, 1:3] = True  # words follow: an END in the hole ends nothing
    hidden[100:, 2:5] = True
    filled = filler.fill(rows, hidden, RNG(0))
    assert (filled[~hidden] == rows[~hidden]).all() and (filled[:100] != PADDED).sum() == 500
    assert len(np.unique(filled[:, 2])) > 1
    ends = (filled[100:] == END).cumsum(1)
    assert ((filled[100:] == PADDED)[:, :5] == ((ends > 0) & (filled[100:] != END))[:, :5]).all()
    assert (filler.counts(filled, hidden) == (hidden & (filled != PADDED))).all()


def test_a_hole_as_large_as_the_sentence_is_a_language_model():
    filler = sharp(Filler(3, 2, 4, ended=False))
    rows = every(3, range(3))
    losses = [filler.nll(row[None]) * 3 for row in rows]
    assert np.exp(-np.array(losses)).sum() == pytest.approx(1, abs=1e-9)
    drawn = filler.sample(20_000, 3, RNG(0))
    seen = np.bincount(drawn @ [9, 3, 1], minlength=27) / len(drawn)
    assert np.abs(seen - np.exp(-np.array(losses))).max() < 4 * np.sqrt(0.25 / len(drawn))


def test_the_loss_of_a_hole_is_that_of_its_tokens():
    """What stands around is read, <unknown> and what was never hidden do not count."""
    filler = sharp(Filler(6, 2, 4))
    rows = np.array([[3, 4, 2, 3, END, PADDED, PADDED], [5, 3, END, PADDED, PADDED, PADDED, PADDED]])
    hidden = np.array([[False, True, True, False, True, False, False], [True] * 7])
    losses = filler.writer.token_losses(rows, None, filler.around(rows, hidden)).data
    chosen = losses[[0, 0, 1, 1, 1], [1, 4, 0, 1, 2]]
    assert filler.loss(rows, hidden).item() == pytest.approx(chosen.mean())
    assert filler.loss(rows, hidden, "sum").item() == pytest.approx(chosen.sum())
    counts = filler.counts(rows, hidden)
    np.testing.assert_allclose(filler.loss(rows, hidden, "none").data, losses.T[counts.T])


def test_returns():
    np.testing.assert_allclose(returns(np.array([[1.0, 2, 4]]), 0.5), [[3, 4, 4]])


# --- the judge -------------------------------------------------------------------------------------------------


def test_padding_never_changes_a_tokens_verdict():
    judge = sharp(TokenJudge(7, 4, 3))
    rows = np.array([[3, 4, END, PADDED, PADDED], [5, 6, 3, 4, END]])
    hidden = RNG(0).random(rows.shape) < 0.5
    verdicts = judge(rows, hidden).data
    wider = judge(np.pad(rows, ((0, 0), (0, 4))), np.pad(hidden, ((0, 0), (0, 4)))).data
    np.testing.assert_allclose(wider[:, :5][rows != PADDED], verdicts[rows != PADDED])
    np.testing.assert_allclose(judge(rows[:1, :3], hidden[:1, :3]).data, verdicts[:1, :3])
    changed = judge(np.array([[3, 4, END], [6, 4, END]]), np.zeros((2, 3), bool)).data
    assert abs(changed[0, 2] - changed[1, 2]) > 1e-6 and abs(changed[0, 1] - changed[1, 1]) > 1e-6  # it reads both ways
