"""The language model and maximum likelihood, held to what can be counted: on three words every sentence can be enumerated."""

import numpy as np
import pytest
from small_text import RNG, every, every_sentence, log_p, model, sharp

from tinygan.autodiff import Tensor
from tinygan.text.language import END, PADDED, LanguageModel, trim


@pytest.mark.parametrize("ended", [False, True])
def test_probabilities_of_all_sentences_add_up_to_1(ended):
    m = model(5 if ended else 3, ended)
    rows = every_sentence(4, (3, 4)) if ended else every(4, range(3))
    assert np.exp(log_p(m, rows)).sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("ended", [False, True])
def test_sentences_are_drawn_with_their_probabilities(ended):
    m = model(5 if ended else 3, ended)
    rows = every_sentence(3, (3, 4)) if ended else every(3, range(3))
    drawn = m.sample(20_000, 3, RNG(0))
    base = 5 ** np.arange(3)
    seen = np.array([np.mean(drawn @ base == row @ base) for row in rows])
    assert seen.sum() == pytest.approx(1)  # nothing else is written
    assert np.abs(seen - np.exp(log_p(m, rows))).max() < 4 * np.sqrt(0.25 / len(drawn))


def test_losses_are_those_of_a_loop():
    m = model(6, ended=True)
    rows = np.array([[3, 4, 5, END, PADDED], [2, 3, END, PADDED, PADDED], [5, 5, 5, 5, 5]])
    losses = []
    for row in rows:
        state, x = None, END
        for token in row[: list(row).index(END) + 1 if END in row else None]:
            h, state = m.step(np.array([x]), state)
            logits = h.data[0] @ m.head.weight.data.T + m.head.bias.data
            logits[[PADDED, 2]] = -np.inf
            if token != 2:  # <unknown> is read and not learned
                losses.append(np.log(np.exp(logits).sum()) - logits[token])
            x = token
    assert len(losses) == 4 + 2 + 5
    assert m.loss(rows).item() == pytest.approx(np.mean(losses))
    assert m.nll(rows) == pytest.approx(np.mean(losses))
    assert m.token_losses(rows).data.sum() == pytest.approx(np.sum(losses))
    wider = np.pad(rows[:2], ((0, 0), (0, 3)))
    assert m.loss(wider).item() == pytest.approx(m.loss(trim(wider)).item())
    assert trim(wider).shape == (2, 4)


def test_a_first_state_and_what_is_given_are_read():
    """Read at once, or token by token."""
    m = sharp(LanguageModel(3, 2, 3, given=2, ended=False))
    rows, rng = every(3, range(3)), RNG(1)
    state, given = tuple(rng.standard_normal((1, 27, 3)) for _ in range(2)), rng.standard_normal((27, 2))
    found = m(rows, state, np.broadcast_to(given, (3, 27, 2))).data
    for t, read in enumerate(m.before(rows).T):
        h, state = m.step(read, state, given)
        np.testing.assert_allclose(found[t], h.data)


def test_sharpness_is_the_inverse_of_temperature():
    m = model()
    h = RNG(0).standard_normal((4, 3))
    plain = m.logits(Tensor(h)).data
    m.sharpness = 2.0
    np.testing.assert_allclose(m.logits(Tensor(h)).data, 2 * plain)
