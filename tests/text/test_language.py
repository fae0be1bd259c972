"""The language model and maximum likelihood, held to what can be counted: on three words every sentence can be enumerated."""

import threading

import numpy as np
import pytest
from small_runs import hold
from small_text import RNG, every, every_sentence, little_game, log_p, model, sharp

from tinygan.autodiff import Tensor
from tinygan.text.language import END, PADDED, UNKNOWN, LanguageModel, trim


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


# --- the game ----------------------------------------------------------------------------------------------------

REAL = np.array([[3, 4, 5, END, PADDED], [3, 3, END, PADDED, PADDED], [5, 4, END, PADDED, PADDED]] * 8)


@pytest.mark.parametrize("ended", [True, False])
def test_a_step_of_imitation_makes_real_sentences_likelier(ended):
    game = little_game("mle", REAL, ended=ended, mle_rate=1e-3)
    before = game.G.module.nll(REAL)
    row = game.step(0)
    assert row["g_nll"] == pytest.approx(before) and game.G.module.nll(REAL) < before - 1e-4


def test_a_batch_is_as_large_as_is_said_or_all_there_is():
    assert len(little_game("mle", REAL, batch_size=8).batch(0).x) == 8
    assert len(little_game("mle", REAL, batch_size=100).batch(0).x) == len(REAL) == 24


def test_weight_decay_is_added_to_the_gradient():
    """Of a word that no sentence has: with 0 its vector stays, otherwise it shrinks, and by Adam's step of mle_rate."""
    for decay in (0.0, 1e-3):
        game = little_game("mle", REAL, vocabulary=9, weight_decay=decay, mle_rate=1e-3)
        before = game.G.module.embedding.weight.data[7].copy()
        game.step(0)
        change = game.G.module.embedding.weight.data[7] - before
        np.testing.assert_allclose(change, -1e-3 * np.sign(before) * (decay > 0), atol=1e-5)


def test_imitations_rate_falls_in_a_line_from_its_share_on():
    for way, steps in (("mle", 8), ("policy", 20)):
        game = little_game(way, REAL, steps=steps, mle_rate=1.0, **({} if way == "mle" else {"pretrain": 8}))
        assert [game.imitator.schedule(k) for k in (0, 4, 6, 7)] == [1, 1, 0.5, 0.25]
    assert little_game("mle", REAL, steps=8, mle_rate=1.0, mle_decay_from=1.0).imitator.schedule(7) == 1


@pytest.mark.parametrize("way", ["policy", "gumbel", "infill"])
def test_each_player_has_a_rate_of_its_own(way):
    game = little_game(way, REAL, learning_rate=0.3, d_rate=10.0, mle_rate=0.02, pretrain=1, steps=50)
    assert [game.players[name].base_lr for name in ("generator", "discriminator", "imitator")] == [0.3, 3.0, 0.02]
    assert {player.clip for player in game.players.values()} == {5.0}
    assert {player.optimizer.param_groups[0]["betas"] for player in game.players.values()} == {(0.9, 0.999)}
    assert game.G.average.decay == 0.99


def test_imitation_comes_first_and_both_players_of_g_are_one_network():
    game = little_game("policy", REAL, pretrain=2, d_pretrain=2)
    rows = [game.step(k) for k in range(5)]
    assert ["g_nll" in row for row in rows] == [True, True, False, False, False]
    assert ["d_loss" in row for row in rows] == [False, False, True, True, True]
    assert ["g_loss" in row for row in rows] == [False, False, False, False, True]
    assert game.imitator.module is game.G.module and game.imitator.average is game.G.average
    assert little_game("mle", REAL).imitator.name == "generator"


def test_samples_are_drawn_with_the_average_at_the_temperature():
    """A low one draws the likeliest sentence; the next call is as before, and training is never sharpened."""
    game = little_game("mle", REAL, temperature=0.5)
    for k in range(3):
        game.step(k)
    average, n = game.G.average.module, 400
    assert average.sharpness == 2 and game.G.module.sharpness == 1
    usual, cold = game.sample(n, 0), game.sample(n, 0, temperature=0.01)
    assert average.sharpness == 2 and len({row.tobytes() for row in cold}) < 5 < len({row.tobytes() for row in usual})
    np.testing.assert_array_equal(game.sample(n, 0), usual)
    np.testing.assert_array_equal(game.sample(n, 0, temperature=0.5), usual)
    before = [p.data.copy() for p in game.G.module.parameters()]
    for p in game.G.module.parameters():
        p.data = p.data * 0
    np.testing.assert_array_equal(game.sample(n, 0), usual)
    assert any(b.any() for b in before)
    for wrong in (-1.0, 0.0, 1e-40, float("nan")):  # 1 / 1e-40 is no float32
        with pytest.raises(ValueError, match="expected 1e-06 or more"):
            game.sample(1, 0, temperature=wrong)


def test_threads_draw_at_temperatures_of_their_own(monkeypatch):
    """One thread draws cold sentences while another, in the middle of a draw of its own, draws at the usual temperature."""
    game = little_game("mle", REAL)
    usual, cold = game.sample(20, 0), game.sample(20, 0, temperature=0.01)
    model, found = game.G.average.module, {}
    sample, meet = model.sample, threading.Barrier(2, timeout=10)

    def sample_at_once(*args):
        meet.wait()  # both have set their temperature
        rows = sample(*args)
        meet.wait()
        return rows

    monkeypatch.setattr(model, "sample", sample_at_once)
    ask = lambda temperature: found.update({temperature: game.sample(20, 0, temperature=temperature)})
    threads = [threading.Thread(target=ask, args=(temperature,)) for temperature in (0.01, None)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found[None], usual)
    np.testing.assert_array_equal(found[0.01], cold)


def test_however_hot_or_cold_no_unknown_and_no_padding_is_written():
    game = little_game("mle", REAL)
    game.G.average.module.head.bias.data[[PADDED, UNKNOWN]] = 20  # the likeliest, were they not barred
    for temperature in (1e-6, 1e-3, 1e4, float("inf")):
        assert UNKNOWN not in (rows := game.sample(400, 0, temperature=temperature))
        ends = (rows == END).cumsum(1)
        assert (ends[rows == PADDED] == 1).all()  # only after the end


def test_dropout_is_for_imitation_alone():
    """Two readings of the same sentences differ while G imitates; a step is a function of the seed and its number."""
    game, again = (little_game("mle", REAL, dropout=0.5) for _ in range(2))
    assert game.step(0) == again.step(0)
    still = little_game("mle", REAL[:1], dropout=0.5)
    hold(still.imitator)
    assert still.step(0) == still.step(0) != still.step(1)
    G = game.G.module.train()
    assert G.loss(REAL).item() != G.loss(REAL).item()
    G.eval()
    assert G.loss(REAL).item() == G.loss(REAL).item()
