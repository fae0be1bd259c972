"""The sentence VAE: its bound against integration; and where each term of its loss leads."""

import numpy as np
import pytest
from small_text import RNG, every, little_game, sharp, weights_of

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import stream
from tinygan.text.language import END, PADDED, UNKNOWN
from tinygan.text.vae import SentenceVAE


def test_the_bound_is_that_of_integration():
    vae = sharp(SentenceVAE(3, 2, 3, 1, ended=False), 3)
    row = np.array([[2, 0, 1]])
    z = np.linspace(-12, 12, 4801)[:, None]
    state, given = vae.start(Tensor(z), 3)
    log_p_z = -vae.writer.token_losses(np.repeat(row, len(z), 0), state, given).data.sum(1)  # log p(x | z)
    m, v = (t.data.item() for t in vae.encode(row))
    normal = lambda mean, variance: np.exp(-((z[:, 0] - mean) ** 2) / 2 / variance) / np.sqrt(2 * np.pi * variance)
    q, prior, dz = normal(m, np.exp(v)), normal(0, 1), z[1, 0] - z[0, 0]
    log_p_x = np.log((np.exp(log_p_z) * prior).sum() * dz)
    some = q > 1e-300
    kl = (q[some] * np.log(q[some] / prior[some])).sum() * dz
    exact = (q * log_p_z).sum() * dz - kl
    posterior = np.exp(log_p_z) * prior / np.exp(log_p_x)
    gap = (q[some] * np.log(q[some] / posterior[some])).sum() * dz
    assert exact + gap == pytest.approx(log_p_x, abs=1e-6) and gap > 0.01  # the bound is a bound, and by how much
    with no_grad():
        reconstruction, found_kl = vae.bound(np.repeat(row, 4000, 0), RNG(0))
    spread = np.sqrt((q * log_p_z**2).sum() * dz - ((q * log_p_z).sum() * dz) ** 2)
    assert found_kl.item() / 4000 == pytest.approx(kl, abs=1e-5)
    assert -reconstruction.item() / 4000 - kl == pytest.approx(exact, abs=4 * spread / np.sqrt(4000))


def test_padding_never_changes_a_code():
    vae = sharp(SentenceVAE(7, 2, 3, 2))
    rows = np.array([[3, 4, END, PADDED], [5, 2, 4, END]])
    for a, b in zip(vae.encode(rows), vae.encode(np.pad(rows, ((0, 0), (0, 3))))):
        np.testing.assert_allclose(a.data, b.data)


def test_a_code_is_of_the_whole_sentence_with_its_unknown_words_and_its_end():
    """As where sentences have no ends and every token is read."""
    vae, row = sharp(SentenceVAE(7, 2, 3, 2)), np.array([[3, UNKNOWN, 4, END]])
    codes = [t.data for t in vae.encode(row)]
    vae.writer.ended = False
    for a, b in zip(codes, vae.encode(row)):
        np.testing.assert_allclose(a, b.data)


def test_sentences_of_a_code_are_written_with_their_probabilities():
    """What is written of z, and what the writer says of it when z sets its state and is read at every step."""
    vae, z = sharp(SentenceVAE(3, 2, 3, 2, ended=False)), np.array([[0.5, -1.0]])
    rows = every(3, range(3))
    state, given = vae.start(Tensor(np.repeat(z, len(rows), 0)), 3)
    p = np.exp(-vae.writer.token_losses(rows, state, given).data.sum(1))
    drawn = vae.write(Tensor(np.repeat(z, 20_000, 0)), 3, RNG(0))
    seen = np.bincount(drawn @ [9, 3, 1], minlength=27) / len(drawn)
    assert p.sum() == pytest.approx(1) and np.abs(seen - p).max() < 4 * np.sqrt(0.25 / len(drawn))


def test_samples_are_those_of_codes_from_the_prior():
    vae = sharp(SentenceVAE(3, 2, 3, 2, ended=False))
    z = RNG(0).standard_normal((5, 2), dtype="float32")
    rng = RNG(0)
    found = vae.sample(5, 4, rng)
    rng = RNG(0)
    rng.standard_normal((5, 2), dtype="float32")
    np.testing.assert_array_equal(found, vae.write(Tensor(z), 4, rng))


def test_words_are_forgotten_as_often_as_is_said_and_never_the_targets():
    """With forget=1 the words before say nothing: every sentence of a length is as likely as with others before it."""
    vae = sharp(SentenceVAE(7, 2, 3, 2))
    rows = np.full((400, 5), 3)
    read, loss = [], vae.writer.loss
    vae.writer.loss = lambda rows, state, given, before, reduction: (
        read.append(before), loss(rows, state, given, before, reduction=reduction)
    )[1]  # fmt: skip
    with no_grad():
        totals = [vae.bound(rows, RNG(0), forget)[0].item() for forget in (0.0, 0.3, 1.0)]
    assert (read[0] == vae.writer.before(rows)).all() and (read[2] == UNKNOWN).all()
    hidden = read[1] != read[0]
    assert hidden.mean() == pytest.approx(0.3, abs=0.05) and (read[1][hidden] == UNKNOWN).all()
    assert len(set(totals)) == 3
    plain = sharp(SentenceVAE(7, 2, 3, 2, ended=False))
    loss_of_plain = plain.writer.loss
    plain.writer.loss = lambda rows, state, given, before, reduction: (
        read.append(before), loss_of_plain(rows, state, given, before, reduction=reduction)
    )[1]  # fmt: skip
    plain.bound(rows, RNG(0), 1.0)
    assert (read[3] == 0).all()


def test_nll_is_the_bound_a_token():
    vae = sharp(SentenceVAE(7, 2, 3, 2))
    rows = np.array([[3, 4, END, PADDED], [5, 2, 4, END]])
    reconstruction, kl = vae.bound(rows, stream(0, "bound", 0))
    assert vae.nll(rows) == pytest.approx((reconstruction.item() + kl.item()) / 6)  # <unknown> does not count


# --- the game ----------------------------------------------------------------------------------------------------

REAL = np.array([[3, 4, 5, END], [3, 3, END, PADDED], [5, 4, END, PADDED], [5, 5, END, PADDED]] * 16)


def far(game):
    """The game with an encoder whose codes are far from N(0, 1): KL outweighs the rest."""
    game.G.module.mean.weight.data *= 100
    return game


def kl_of(game):
    return game.G.module.bound(REAL, RNG(0))[1].item() / len(REAL)


PLAIN = {"free": 0.0, "forget": 0.0, "kl_rises": 0.0, "mle_rate": 1e-3}


def test_a_step_lowers_kl_where_it_has_a_price():
    game = far(little_game("vae", REAL, **PLAIN))
    before, row = kl_of(game), game.step(0)
    assert row["kl"] == pytest.approx(before, rel=1e-4) and row["kl_weight"] == 1 and kl_of(game) < 0.99 * before


def test_a_step_lowers_reconstruction():
    """Where KL costs nothing yet: step 0 of those in which its price rises."""
    game = little_game("vae", REAL, **{**PLAIN, "kl_rises": 1.0})
    lost = lambda: game.G.module.bound(REAL, RNG(0))[0].item() / len(REAL)
    before = lost()
    rows = [game.step(0) for _ in range(3)]
    assert rows[0]["reconstruction"] == pytest.approx(before, rel=0.01) and lost() < before - 1e-3
    assert rows[0]["kl_weight"] == 0


def test_the_price_of_kl_rises_in_a_line_and_stays():
    game = little_game("vae", REAL, steps=8, kl_rises=0.5)
    assert [game.step(k)["kl_weight"] for k in range(8)] == [0, 0.25, 0.5, 0.75, 1, 1, 1, 1]


def weights_after_a_step(k=0, **settings):
    game = far(little_game("vae", REAL, **{**PLAIN, **settings}))
    game.step(k)
    return weights_of(game.G.module)


def test_a_price_of_0_and_free_nats_move_as_if_there_were_no_kl():
    """And the price of half weighs half as much."""
    free, without = weights_after_a_step(free=1e9), weights_after_a_step(kl_rises=1.0)
    np.testing.assert_array_equal(free, without)
    assert np.abs(weights_after_a_step() - free).max() > 1e-4


@pytest.mark.parametrize("share, costs", [(0.99, True), (1.01, False)])
def test_free_nats_are_counted_a_sentence(share, costs):
    """A little less than the KL of a sentence is free: all is paid for. A little more: nothing is, and KL has no pull."""
    kl = kl_of(far(little_game("vae", REAL, **PLAIN)))
    moved = weights_after_a_step(free=share * kl)
    np.testing.assert_array_equal(moved, weights_after_a_step(free=0.0 if costs else 1e9))


def test_the_loss_is_the_bound_a_token(monkeypatch):
    """reconstruction + weight · KL over the tokens that count, with its price of a quarter."""
    game = far(little_game("vae", REAL, **{**PLAIN, "kl_rises": 1.0, "steps": 4}))
    losses = []
    monkeypatch.setattr(game.imitator, "move", lambda loss, k: losses.append(loss.item()))
    row = game.step(1)
    tokens = (REAL != PADDED).sum() / len(REAL)
    assert row["kl_weight"] == 0.25
    assert losses[0] == pytest.approx((row["reconstruction"] + 0.25 * row["kl"]) / tokens, rel=1e-5)


def test_words_are_forgotten_while_it_learns():
    game, forgetful = (little_game("vae", REAL, **{**PLAIN, "forget": forget}) for forget in (0.0, 1.0))
    seen = {}
    for name, g in (("plain", game), ("forgetful", forgetful)):
        loss = g.G.module.writer.loss
        g.G.module.writer.loss = lambda rows, state, given, before, reduction, name=name, loss=loss: (
            seen.update({name: before}), loss(rows, state, given, before, reduction=reduction)
        )[1]  # fmt: skip
        g.step(0)
    assert (seen["forgetful"] == UNKNOWN).all() and not (seen["plain"] == UNKNOWN).any()


def test_a_walk_begins_and_ends_with_a_sentence_of_its_own():
    """Sentences change on the way, come again with the seed, and are written as surely as they can be."""
    game = little_game("vae", [[3, 4, 5, 1, 0], [4, 4, 1, 0, 0]], latent=2)
    m = game.G.average.module
    m.begin_h.weight.data[:] = 9 * RNG(0).standard_normal(m.begin_h.weight.shape)
    m.writer.head.weight.data[:] = 9 * RNG(1).standard_normal(m.writer.head.weight.shape)
    walk = lambda seed: np.stack(list(game.walk(5, seed, np.linspace(0, 1, 9))))
    there = walk(0)
    assert there.shape == (9, 5, 5) and (there == walk(0)).all() and (there != walk(1)).any()
    assert (there[0] != there[-1]).any() and (there[0] == there[1]).mean() > (there[0] == there[-1]).mean()
