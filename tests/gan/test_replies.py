"""The game of replies, on a small dialogue: each term of both losses, its size and its sign, the phases."""

import numpy as np
import pytest
from small_runs import hold, small_game

from tinygan import recipes
from tinygan.autodiff import Tensor, grad
from tinygan.backend import stream
from tinygan.gan.replies import pair_loss, reward_loss

dialogue = recipes.load("dialogue")


def test_what_the_step_would_not_read_is_refused():
    with pytest.raises(ValueError, match="n_critic=2: no such setting"):
        dialogue.Settings(n_critic=2)


@pytest.mark.parametrize("name", ["dialogue", "caption"])
@pytest.mark.parametrize("unread", [{"reward_weight": 0.5}, {"d_rate": 2.0}], ids="-".join)
def test_what_imitation_alone_would_not_read_is_refused(name, unread):
    kind = recipes.load(name).Settings
    assert kind(imitation=1.0).imitation == 1 and kind(imitation=0.9, **unread)
    ((key, value),) = unread.items()
    with pytest.raises(
        ValueError, match=f"{key}={value} with imitation=1.0: nothing would read it; leave one of them out"
    ):
        kind(imitation=1.0, **unread)


def test_phases():
    game = small_game("dialogue", steps=20, imitation=0.5)
    rows = [game.step(step) for step in range(20)]
    assert [step for step, row in enumerate(rows) if "d_loss" in row] == list(range(8, 20))
    assert [step for step, row in enumerate(rows) if "reward" in row] == list(range(10, 20))
    assert all(np.isfinite(v) for row in rows for v in row.values())
    assert rows[9]["nll"] < rows[0]["nll"]


def test_a_step_of_imitation_makes_real_replies_likelier():
    game = small_game("dialogue", learning_rate=1e-3)
    replies, (prompts,) = game.batch(0)
    nll = lambda: -game.G.module(prompts, replies).data.sum() / (replies != 0).sum()
    before = nll()
    row = game.step(0)
    assert row["nll"] == row["g_loss"] == pytest.approx(before) and nll() < before


def test_each_term_of_ds_loss_has_its_size_and_its_sign():
    """Of verdicts 0 it is 2 log 2; real pairs pull by 1/2 up, each kind of wrong ones by 1/4 down."""
    zeros = [Tensor(np.zeros((4, 1)), requires_grad=True) for _ in range(3)]
    loss = pair_loss(*zeros)
    assert loss.item() == pytest.approx(2 * np.log(2))
    of_real, of_drawn, of_wrong = (g.sum() for g in grad(loss, zeros))
    assert (of_real, of_drawn, of_wrong) == pytest.approx((-0.5, 0.25, 0.25))


def test_d_is_shown_real_pairs_drawn_replies_and_real_replies_to_other_prompts():
    """Its loss by hand, with weights so large that no two verdicts are alike."""
    game = small_game("dialogue", imitation=0.0)
    for p in game.D.parameters:
        p.data *= 4
    replies, (prompts,) = game.batch(0)
    drawn = game.G.module.reply(prompts, stream(0, "reply", 0))
    pairs = (replies, drawn, replies[[-1, *range(len(replies) - 1)]])
    of_real, of_drawn, of_wrong = (game.D.module(prompts, rows) for rows in pairs)
    expected = pair_loss(of_real, of_drawn, of_wrong).item()
    for other in ((of_real, of_drawn, of_real), (of_real, of_real, of_wrong), (of_wrong, of_drawn, of_real)):
        assert abs(pair_loss(*other).item() - expected) > 1e-4
    assert game.step(0)["d_loss"] == pytest.approx(expected, rel=1e-5)


def test_steps_of_d_like_real_replies_better_and_drawn_ones_less(monkeypatch):
    """All real replies are one, so that the replies to other prompts are real pairs too; drawn ones are another."""
    game = small_game("dialogue", imitation=0.0, reward_weight=0.0, learning_rate=3e-3)
    hold(game.G)
    replies, (prompts,) = game.batch(0)
    replies = np.repeat(replies[:1], len(replies), 0)
    drawn = np.full_like(replies, 5)
    game.read = lambda k: (prompts, replies)
    monkeypatch.setattr(dialogue.Replier, "reply", lambda self, prompts, rng: drawn)
    gap = lambda: (game.D.module(prompts, replies).data - game.D.module(prompts, drawn).data).mean()
    before = gap()
    for _ in range(5):
        game.step(0)
    assert gap() > before + 0.05


def test_reward_pulls_up_what_was_paid_more_than_the_mean_and_down_what_was_paid_less():
    """Words of four replies: by (reward - mean) / deviation over replies and words; paid alike, nothing pulls."""
    log_p = Tensor(np.zeros((4, 5)), requires_grad=True)
    reward = np.array([0.9, 0.1, 0.5, 0.5])
    (slope,) = grad(reward_loss(reward, log_p), [log_p])
    expected = -(reward - 0.5) / reward.std() / 20
    np.testing.assert_allclose(slope, np.repeat(expected[:, None], 5, 1), rtol=1e-4)
    assert slope[0, 0] < 0 < slope[1, 0]
    (slope,) = grad(reward_loss(np.full(4, 0.7), log_p), [log_p])
    assert np.abs(slope).max() < 1e-6


def test_gs_loss_is_that_of_real_replies_and_the_reward_times_its_weight():
    """On the D that has just learned, and on the replies that it learned from."""
    rows = [small_game("dialogue", imitation=0.0, reward_weight=w).step(0) for w in (0.0, 0.5, 2.0)]
    assert rows[0]["g_loss"] == rows[0]["nll"] and all(row["reward"] == rows[0]["reward"] for row in rows)
    added = [row["g_loss"] - row["nll"] for row in rows]
    assert added[2] == pytest.approx(4 * added[1], rel=1e-3) and abs(added[1]) > 1e-5
    game = small_game("dialogue", imitation=0.0, reward_weight=1.0)
    hold(game.G)
    row = game.step(0)
    replies, (prompts,) = game.batch(0)
    drawn = game.G.module.reply(prompts, stream(0, "reply", 0))
    verdicts = game.D.module(prompts, drawn).data[:, 0]
    reward = 1 / (1 + np.exp(-verdicts))
    assert row["reward"] == pytest.approx(reward.mean(), rel=1e-5)
    expected = reward_loss(reward, game.G.module(prompts, drawn)).item()
    assert row["g_loss"] - row["nll"] == pytest.approx(expected, abs=1e-5)


def test_reward_makes_replies_that_the_judge_likes_likelier(monkeypatch):
    """With a judge that likes replies which begin with `it`, and them alone, their share must rise."""
    game = small_game("dialogue", steps=60, imitation=0.0, reward_weight=50.0, learning_rate=0.01)
    it = game.vocabulary.number["it"]
    likes = lambda judge, prompts, replies: (
        Tensor(np.where(replies[:, :1] == it, 5.0, -5.0).astype(np.float32))
        + (
            0.0 * sum(p.sum() for p in judge.parameters())  # so that D, which learns nothing here, has a gradient
        )
    )
    monkeypatch.setattr(dialogue.PairJudge, "forward", likes)
    prompts = np.repeat(game.batch(0).given[0], 50, 0)
    share = lambda: (game.G.module.reply(prompts, stream(0, "look")) == it)[:, 0].mean()
    before = share()
    for step in range(60):
        game.step(step)
    assert share() > 5 * before
