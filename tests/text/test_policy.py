"""Policy gradient: roll-outs, REINFORCE and the judge against enumeration; and where each step of the game leads."""

from itertools import product

import numpy as np
import pytest
from small_text import RNG, every, little_game, log_p, model, sharp, weights_of

from tinygan import ops
from tinygan.autodiff import Tensor, grad
from tinygan.backend import stream
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


def test_a_highway_lets_most_through_at_first():
    """By hand: the largest answer of every filter, y = τ relu(H c) + (1 - τ) c, a verdict linear in it."""
    judge, rows = SentenceJudge(7, 4, ((1, 3), (2, 5)), rng=0).eval(), np.array([[3, 4, 5, END], [6, END, PADDED, PADDED]])
    c = []
    for row, length in zip(rows, (4, 2)):
        x = np.concatenate([judge.embedding.weight.data[row[:length]], np.zeros((1, 4), "f")])
        answers = []
        for conv in judge.convolutions:
            w, b, width = conv.weight.data, conv.bias.data, conv.weight.shape[2]
            windows = [np.einsum("te,fet->f", x[t : t + width], w) + b for t in range(length)]
            answers.append(np.maximum(windows, 0).max(0))
        c.append(np.concatenate(answers))
    c, affine = np.array(c), lambda m, x: x @ m.weight.data.T + m.bias.data
    gate = 1 / (1 + np.exp(-affine(judge.gate, c)))
    assert 0.05 < gate.mean() < 0.2
    y = gate * np.maximum(affine(judge.highway, c), 0) + (1 - gate) * c
    np.testing.assert_allclose(judge(rows).data, affine(judge.verdict, y), atol=1e-6)


# --- the game ----------------------------------------------------------------------------------------------------

REAL = np.array([[3, 4, 5, END], [3, 3, END, PADDED], [5, 4, END, PADDED], [5, 5, END, PADDED]] * 16)


def like(game, worth):
    """Let D's verdict be worth(rows) (N,), whatever it learns."""
    D = game.D.module
    D.forward = lambda rows: Tensor(worth(rows).astype(np.float32)[:, None]) + 0 * D.verdict.weight.sum()


def share_of(game, token, n=2000):
    """How many of the first tokens that G writes are this one."""
    return (game.G.module.eval().sample(n, game.length, RNG(0))[:, 0] == token).mean()


BEGINS_WITH_4 = lambda rows: np.where(rows[:, 0] == 4, 5.0, -5.0)


@pytest.mark.parametrize("baseline", ["whiten", "none"])
def test_what_the_judge_likes_becomes_likelier_and_what_it_dislikes_less_likely(baseline):
    """One step of Adam: the first token's share moves the way of D's verdict, and back if the verdict is turned."""
    for sign in (1, -1):
        game = little_game("policy", REAL, baseline=baseline, learning_rate=0.05)
        like(game, lambda rows, sign=sign: sign * BEGINS_WITH_4(rows))
        before = share_of(game, 4)
        row = game.step(0)
        liked = before if sign == 1 else 1 - before
        assert row["reward"] == pytest.approx(liked, abs=0.15)
        assert (share_of(game, 4) > before + 0.02) if sign == 1 else (share_of(game, 4) < before - 0.02)


def test_a_later_token_that_is_liked_makes_those_likelier_that_lead_to_it():
    """D likes two 4s in a row: the first 4 is paid by roll-outs alone."""
    game = little_game("policy", REAL, learning_rate=0.02, rollouts=8, batch_size=256)
    like(game, lambda rows: np.where((rows[:, :2] == 4).all(1), 5.0, -5.0))
    before = share_of(game, 4)
    for k in range(4):
        game.step(k)
    assert share_of(game, 4) > before + 0.05


def test_whitened_values_of_a_judge_that_likes_all_alike_move_nothing():
    """And without a baseline G's own sentences become likelier, the more the better they are liked."""
    game = little_game("policy", REAL, rollouts=1)
    like(game, lambda rows: 0.0 * rows[:, 0])
    before = weights_of(game.G.module)
    assert game.step(0)["g_loss"] == 0
    np.testing.assert_array_equal(weights_of(game.G.module), before)
    plain = little_game("policy", REAL, rollouts=1, baseline="none")
    like(plain, lambda rows: 0.0 * rows[:, 0] + 1.0)
    row = plain.step(0)
    assert row["g_loss"] == pytest.approx(row["g_entropy"] / (1 + np.exp(-1.0)), rel=1e-5)


def test_the_control_sharpens_its_own_sentences():
    """All are worth 1: what G has drawn becomes likelier, its entropy falls."""
    game = little_game("control", REAL, batch_size=256)
    drawn = game.G.module.eval().sample(256, game.length, stream(0, "noise", 0))  # what the first step draws
    nll = game.G.module.nll(drawn)
    row = game.step(0)
    assert row["g_loss"] == pytest.approx(row["g_entropy"]) == pytest.approx(nll) and "reward" not in row
    assert game.G.module.eval().nll(drawn) < nll - 1e-3


def test_copies_are_worth_their_factor():
    """σ(verdict) times s.copies for sentences that are among the real ones, and for those alone."""
    rows = np.array([[3, 4, 5, END], [4, 4, 4, END], [5, 5, END, PADDED]])
    worth = {}
    for copies in (1.0, 0.25, 0.0):
        game = little_game("policy", REAL, copies=copies)
        like(game, lambda rows: 0.0 * rows[:, 0] + 2.0)
        worth[copies] = game.reward(rows)
        np.testing.assert_allclose(worth[copies], np.array([copies, 1, copies]) / (1 + np.exp(-2.0)), rtol=1e-5)


def test_where_copies_are_worth_nothing_real_sentences_become_less_likely():
    """A D that likes all alike: what is paid is being new. With copies=1 nothing is."""
    for copies in (0.0, 1.0):
        real = np.array([[3, END], [4, END]] * 32)
        game = little_game("policy", real, copies=copies, learning_rate=0.02, batch_size=256)
        like(game, lambda rows: 0.0 * rows[:, 0])
        before = np.exp(log_p(game.G.module.eval(), real[:2])).sum()
        for k in range(4):
            game.step(k)
        after = np.exp(log_p(game.G.module.eval(), real[:2])).sum()
        assert (after < before - 0.02) == (copies == 0) and (abs(after - before) < 0.02) == (copies == 1)


# --- D's turn and the copy that lags -------------------------------------------------------------------------------


def test_steps_of_d_like_real_sentences_better_and_generated_ones_less():
    """G writes 3s; a D whose verdicts are all 0 has learned after 8 steps."""
    real = np.where(REAL == 3, 4, REAL)
    game = little_game("policy", real, d_pretrain=50, learning_rate=1e-3)
    game.G.module.head.bias.data[3] = 100
    game.D.module.verdict.weight.data *= 0
    game.D.module.verdict.bias.data *= 0
    rows = [game.step(k) for k in range(8)]
    of_real, of_fake = (game.D.module.eval()(x).data.mean() for x in (real, game.G.module.sample(9, 4, RNG(0))))
    assert of_real > 0.2 and of_fake < -0.2
    assert rows[0]["d_loss"] == pytest.approx(2 * np.log(2)) and set(rows[0]) == {"d_loss", "d_right"}


def test_d_right_is_how_often_d_is():
    """A D that likes 4, a G that writes nothing else, and real sentences without one: it is never right, or always."""
    for sign, right in ((1, 0.0), (-1, 1.0)):
        game = little_game("policy", np.array([[3, END]] * 64), d_pretrain=5)
        game.G.module.head.bias.data[4] = 100
        like(game, lambda rows, sign=sign: np.where(rows[:, 0] == 4, 5.0 * sign, -5.0 * sign))
        assert game.step(0)["d_right"] == right


def test_roll_outs_are_written_by_a_copy_that_begins_with_the_game_and_lags():
    game = little_game("policy", REAL, pretrain=3, d_pretrain=1, lag=0.9, mle_rate=0.05, learning_rate=0.01)
    for k in range(4):
        game.step(k)
    lagged = game.G.averages["lagged"].module
    np.testing.assert_array_equal(weights_of(lagged), weights_of(game.G.module))  # G has not played yet
    start = weights_of(lagged)
    game.step(4)
    moved = weights_of(game.G.module) - start
    assert np.abs(moved).max() > 1e-3
    np.testing.assert_allclose(weights_of(lagged) - start, 0.1 * moved, atol=1e-6)


def test_what_g_writes_is_finished_by_the_copy_and_not_by_g():
    """A copy that writes 4s: of a roll-out all that comes after the token is a 4."""
    game = little_game("policy", REAL, pretrain=1, d_pretrain=1, rollouts=3, batch_size=8, d_dropout=0.5)
    game.step(0)
    game.step(1)
    game.G.averages["lagged"].module.head.bias.data[4] = 100
    game.G.module.head.bias.data[4] = -100
    seen, reward, paid = [], game.reward, []
    game.reward = lambda rows: (seen.append(rows), paid.append(reward(rows)), paid[-1])[2]
    D, as_it_judges = game.D.module, []
    judge = D.forward
    D.forward = lambda rows: (as_it_judges.append(D.training), judge(rows))[1]
    row = game.step(2)
    assert row["reward"] == pytest.approx(paid[0].mean())  # of what G wrote itself
    assert as_it_judges == [False] * 4 + [True] * 2  # D drops features while it learns, and not where it pays
    written, first, second, third = seen
    assert not (written == 4).any() and (first[:, 1:] == 4).all()
    assert not (second[:, :2] == 4).any() and (second[:, 2:] == 4).all() and (third[:, 3:] == 4).all()


def test_turns_of_d_have_new_real_and_generated_sentences_each():
    game = little_game("policy", np.random.default_rng(0).integers(3, 6, (500, 4)), n_critic=3, d_pretrain=5)
    seen, D = [], game.D.module
    forward = D.forward
    D.forward = lambda rows: (seen.append(rows), forward(rows))[1]
    game.step(0)
    game.step(1)
    assert len(seen) == 2 * 3 * 2 and len({rows.tobytes() for rows in seen}) == 12
