"""Ways of learning to write, held to what can be counted: on three words every sentence can be enumerated."""

from itertools import product

import numpy as np
import pytest

from tinygan import ops
from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.gan.infill import Filler, TokenJudge, returns
from tinygan.gan.language import END, PADDED, LanguageModel, rate_left, trimmed
from tinygan.gan.policy import SentenceJudge, policy_loss, rollout_values, whitened
from tinygan.gan.relaxed import relaxed_sentences
from tinygan.gan.vae import SentenceVAE

RNG = np.random.default_rng


def sharp(module, seed=0):
    """The module with weights large enough for its probabilities to differ, in float64: enumeration to 1e-9."""
    rng = RNG(seed)
    module.to(dtype=np.float64)
    for p in module.parameters():
        p.data = rng.standard_normal(p.shape)
    return module


def model(vocabulary=3, ended=False, **options):
    return sharp(LanguageModel(vocabulary, 2, 3, ended=ended, **options))


def every(length, tokens):
    return np.array(list(product(tokens, repeat=length)))


def every_sentence(length, words):
    """All sentences of at most `length` tokens, END among them, and those that were cut before it: PADs follow END."""
    rows = {tuple(r[: r.index(END) + 1]) if END in r else r for r in product((END, *words), repeat=length)}
    return np.array([r + (PADDED,) * (length - len(r)) for r in sorted(rows)])


def log_p(m, rows):
    """log p of every row."""
    return -m.token_losses(rows).data.sum(1)


# --- the language model ------------------------------------------------------------------------------------------


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
    assert m.loss(wider).item() == pytest.approx(m.loss(trimmed(wider)).item())
    assert trimmed(wider).shape == (2, 4)


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


# --- policy gradient ---------------------------------------------------------------------------------------------


def exact_values(m, rewards, length):
    """{prefix: E[reward | prefix]} by enumeration; rewards {sentence: reward}."""
    rows = every(length, range(3))
    p = dict(zip(map(tuple, rows.tolist()), np.exp(log_p(m, rows))))
    values = {}
    for k in range(1, length + 1):
        for prefix in product(range(3), repeat=k):
            going_on = [row for row in p if row[:k] == prefix]
            values[prefix] = sum(p[r] * rewards[r] for r in going_on) / sum(p[r] for r in going_on)
    return values


def test_rollouts_are_unbiased():
    m, rows = model(), every(3, range(3))
    rewards = dict(zip(map(tuple, rows.tolist()), RNG(1).random(27)))
    exact = exact_values(m, rewards, 3)
    reward = lambda tokens: np.array([rewards[tuple(t)] for t in tokens.tolist()])
    tokens = rows[[0, 5, 14, 26]]
    found = rollout_values(m, reward, tokens, 4000, RNG(0))
    expected = [[exact[tuple(row[: k + 1])] for k in range(3)] for row in tokens.tolist()]
    np.testing.assert_allclose(found, expected, atol=4 * 0.5 / np.sqrt(4000))
    np.testing.assert_allclose(found[:, -1], reward(tokens))


def test_rollouts_stop_where_a_sentence_has_ended():
    m = model(5, ended=True)
    tokens = np.array([[3, END, PADDED, PADDED], [3, 4, 3, 4]])
    seen = []
    found = rollout_values(m, lambda rows: (seen.append(rows), rows[:, 0] * 1.0 + rows[:, 1])[1], tokens, 3, RNG(0))
    assert found[0].tolist()[1:] == [4.0, 4.0, 4.0]  # all from END on: the sentence's own reward
    for rows in seen:
        ends = (rows == END).cumsum(1)
        assert ((rows == PADDED) == ((ends > 0) & (rows != END))).all() and ends.max() <= 1


def test_reinforce_is_the_gradient_of_the_expected_reward():
    m, rows = model(), every(3, range(3))
    rewards = RNG(1).random(27)
    values = exact_values(m, dict(zip(map(tuple, rows.tolist()), rewards)), 3)
    q = np.array([[values[tuple(row[: k + 1])] for k in range(3)] for row in rows.tolist()])
    p = np.exp(log_p(m, rows))
    losses = m.token_losses(rows)
    exact = grad((ops.exp(-losses.sum(1)) * rewards).sum(), m.parameters())
    # E over sentences of policy_loss: every sentence weighted by its probability; 3 tokens a sentence
    estimate = grad(policy_loss(m, rows, q * p[:, None])[0] * (-losses.data.size), m.parameters())
    for a, b in zip(exact, estimate):
        np.testing.assert_allclose(a, b, atol=1e-10)
    entropy = policy_loss(m, rows, q)[1]
    assert entropy == pytest.approx(losses.data.mean())


def test_a_baseline_leaves_the_expectation_as_it_is():
    m, rows = model(), every(3, range(3))
    p = np.exp(log_p(m, rows))
    gradients = grad(
        policy_loss(m, rows, np.broadcast_to([3.0, -1.0, 2.0], rows.shape) * p[:, None])[0], m.parameters()
    )
    assert max(np.abs(g).max() for g in gradients) < 1e-12


def test_whitened_values():
    values, counts = RNG(0).random((6, 4)), np.ones((6, 4), bool)
    counts[3:, 2:] = False
    found = whitened(values, counts)
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-12)
    assert (found**2).sum() / counts.sum() == pytest.approx(1, abs=1e-5)
    assert (found[~counts] == 0).all()
    assert (whitened(np.ones((3, 2)), np.ones((3, 2), bool)) == 0).all()


# --- judges ------------------------------------------------------------------------------------------------------


def test_padding_never_changes_a_verdict():
    judge = sharp(SentenceJudge(7, 4, ((1, 3), (3, 5)))).eval()
    rows = np.array([[3, 4, END, PADDED, PADDED], [5, 6, 3, 4, END], [END, PADDED, PADDED, PADDED, PADDED]])
    verdicts = judge(rows).data
    assert np.ptp(verdicts) > 0.1
    np.testing.assert_allclose(judge(np.pad(rows, ((0, 0), (0, 4)))).data, verdicts)
    np.testing.assert_allclose(judge(rows[:1, :3]).data, verdicts[:1])
    after = np.where(rows == PADDED, 5, rows)  # nor does anything else after the end
    np.testing.assert_allclose(judge(after).data, verdicts)
    relaxed = ops.one_hot(rows, 7).astype(np.float64)
    np.testing.assert_allclose(judge(Tensor(relaxed)).data, verdicts)


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


# --- Gumbel-softmax ----------------------------------------------------------------------------------------------


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


# --- the VAE -----------------------------------------------------------------------------------------------------


def test_the_bound_is_that_of_integration():
    vae = sharp(SentenceVAE(3, 2, 3, 1, ended=False), 3)
    row = np.array([[2, 0, 1]])
    z = np.linspace(-12, 12, 4801)[:, None]
    state, given = vae.started(Tensor(z), 3)
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


# --- in-filling --------------------------------------------------------------------------------------------------


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


def test_rates_fall_in_a_line():
    assert [rate_left(step, 8, 0.5) for step in (0, 4, 6, 7)] == [1, 1, 0.5, 0.25]
    assert rate_left(7, 8, 1.0) == 1
