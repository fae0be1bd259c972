"""Policy gradient: roll-outs, REINFORCE and the judge against enumeration; and where each step of the game leads."""

from itertools import product

import numpy as np
import pytest
from small_text import RNG, every, log_p, model, sharp

from tinygan import ops
from tinygan.autodiff import Tensor, grad
from tinygan.text.language import END, PADDED
from tinygan.text.policy import SentenceJudge, policy_loss, rollout_values, whiten


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
    found = whiten(values, counts)
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-12)
    assert (found**2).sum() / counts.sum() == pytest.approx(1, abs=1e-5)
    assert (found[~counts] == 0).all()
    assert (whiten(np.ones((3, 2)), np.ones((3, 2), bool)) == 0).all()


# --- the judge -------------------------------------------------------------------------------------------------


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
