"""Gumbel-softmax: relaxed sentences against the tokens that they stand for; and where each step of the game leads."""

import numpy as np
import pytest
from small_runs import hold
from small_text import RNG, every, little_game, log_p, model

from tinygan import ops
from tinygan.autodiff import grad
from tinygan.backend import stream
from tinygan.text.language import END, PADDED
from tinygan.text.relaxed import relaxed_sentences


def test_relaxed_sentences_become_the_tokens():
    m = model(5, ended=True)
    y, tokens = relaxed_sentences(m, 6, 4, 1e6, RNG(0))
    length = tokens.shape[1]
    inside = tokens != PADDED
    np.testing.assert_allclose(y.data[inside], ops.one_hot(tokens, 5)[inside], atol=1e-6)
    soft, same = relaxed_sentences(m, 6, 4, 1.0, RNG(0))
    assert (same == tokens).all() and soft.shape == (6, length, 5)  # β changes how sharp they are, not what is drawn
    np.testing.assert_allclose(soft.data.sum(2), 1)
    assert (soft.data[..., [PADDED, 2]] == 0).all()


def test_a_sentence_is_over_after_its_end_and_no_longer_than_the_longest():
    m = model(5, ended=True)
    lengths = set()
    for seed in range(20):
        _, tokens = relaxed_sentences(m, 6, 12, 1.0, RNG(seed))
        ends = (tokens == END).cumsum(1)
        np.testing.assert_array_equal(tokens == PADDED, (ends > 0) & (tokens != END))
        assert ends.max() == 1 and (tokens[:, -1] != PADDED).any()
        lengths.add(tokens.shape[1])
    assert max(lengths) <= 12 and len(lengths) > 3


def test_a_relaxed_token_is_gumbel_softmax():
    m = model()
    y, _ = relaxed_sentences(m, 400, 1, 3.0, RNG(0))
    logits = np.repeat(m.logits(m(np.zeros((1, 1), int))).data[0], 400, 0)
    expected = ops.gumbel_softmax(logits.astype(np.float32), 1 / 3.0, rng=RNG(0))
    np.testing.assert_allclose(y.data[:, 0], expected, atol=1e-5)


def test_relaxed_sentences_are_drawn_with_their_probabilities():
    m, rows = model(), every(3, range(3))
    _, tokens = relaxed_sentences(m, 20_000, 3, 1.0, RNG(0))
    seen = np.bincount(tokens @ [9, 3, 1], minlength=27) / len(tokens)
    assert np.abs(seen - np.exp(log_p(m, rows))).max() < 4 * np.sqrt(0.25 / len(tokens))


def test_the_slope_of_relaxed_sentences_is_that_of_differences():
    m, weight = model(), RNG(1).standard_normal((5, 3, 3))
    value = lambda: (relaxed_sentences(m, 5, 3, 2.0, RNG(0))[0] * weight).sum()
    (slope,) = grad(value(), [m.head.bias])
    for k in range(3):
        ends = []
        for step in (1e-5, -1e-5):
            before = m.head.bias.data
            m.head.bias.data = before + step * np.eye(3)[k]
            ends.append(value().item())
            m.head.bias.data = before
        assert slope[k] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)


# --- the game ----------------------------------------------------------------------------------------------------

REAL = np.array([[3, 4, 5, 1], [3, 3, 1, PADDED], [5, 4, 1, PADDED], [5, 5, 1, PADDED]] * 16)
LONG = np.array([[3, 4, 5, 3], [4, 4, 3, 3], [5, 5, 4, 4], [3, 5, 3, 5]] * 16)  # sentences without ends


def test_a_step_of_g_raises_the_verdict_of_a_d_that_stands_still():
    """By D's slope, through the relaxed tokens, of the same noise in every step."""
    game = little_game("gumbel", LONG, ended=False, learning_rate=1e-3)
    hold(game.D)
    verdict = lambda: game.D.module(game.fake(game.G.module.eval(), 64, (), stream(0, "noise", 0)).x).data.mean()
    before, rows = verdict(), [game.step(0) for _ in range(8)]
    assert verdict() > before + 1e-3 and rows[7]["g_loss"] < rows[0]["g_loss"] - 5e-4


def test_a_step_of_g_makes_likelier_what_d_likes():
    """A D that likes 4 in the first place, whatever it learns."""
    game = little_game("gumbel", REAL, learning_rate=0.03)
    liking = np.eye(6, dtype="f")[4] * 5
    game.D.module.forward = lambda x: (
        (x[:, 0] * liking).sum(1, True) if x.ndim == 3 else np.zeros((len(x), 1), "f") + 0 * game.D.module.verdict.bias
    ) + 0 * game.D.module.verdict.bias
    share = lambda: (game.G.module.eval().sample(2000, 4, RNG(0))[:, 0] == 4).mean()
    before = share()
    for k in range(3):
        game.step(k)
    assert share() > before + 0.05


def test_steps_of_d_like_real_tokens_better_and_relaxed_sentences_less():
    """G writes 3s and stands still; a D whose verdicts are all 0 has learned after 8 steps."""
    real = np.where(REAL == 3, 4, REAL)
    game = little_game("gumbel", real, learning_rate=1e-3)
    hold(game.G)
    game.G.module.head.bias.data[3] = 100
    game.D.module.verdict.weight.data *= 0
    game.D.module.verdict.bias.data *= 0
    for _ in range(8):
        game.step(0)
    fake = relaxed_sentences(game.G.module.eval(), 9, 4, 1.0, RNG(3))[0]
    of_real, of_fake = (game.D.module.eval()(rows).data.mean() for rows in (real, fake))
    assert of_real > 0.2 and of_fake < -0.2


def test_sharpness_rises_from_1_to_its_end_by_the_same_factor_in_every_step():
    game = little_game("gumbel", REAL, pretrain=2, steps=6, sharpest=16.0)
    seen = []
    fake = game.fake
    game.fake = lambda *arguments: (seen.append(game.inverse_temperature), fake(*arguments))[1]
    rows = [game.step(k) for k in range(6)]
    assert seen == pytest.approx([1, 2, 4, 8]) == [row["inverse_temperature"] for row in rows[2:]]
    assert "g_nll" in rows[1] and "inverse_temperature" not in rows[1]


def test_generated_sentences_are_relaxed_at_the_games_sharpness():
    game = little_game("gumbel", REAL, dropout=0.5)
    modes, fake = [], game.fake
    game.fake = lambda G, *arguments: (modes.append(G.training), fake(G, *arguments))[1]
    game.step(0)
    assert modes == [False]  # the sentence is drawn and read again by one network, without dropout
    game.inverse_temperature = 7.0
    game.G.module.eval()
    expected, _ = relaxed_sentences(game.G.module, 9, 4, 7.0, RNG(1))
    np.testing.assert_array_equal(game.fake(game.G.module, 9, (), RNG(1)).x.data, expected.data)
    assert game.fake(game.G.module, 9, (), RNG(1)).given == ()


def test_an_earth_movers_game_needs_clipped_weights():
    with pytest.raises(ValueError, match="clip_weights=.01"):
        little_game("gumbel", REAL, objective="wasserstein")
    game = little_game("gumbel", REAL, objective="wasserstein", clip_weights=0.01)
    game.step(game.imitation)
    assert max(np.abs(p.data).max() for p in game.D.parameters) <= np.float32(0.01)
