"""In-filling: holes, their losses and verdicts, written a second time; and where each step of the game leads."""

import numpy as np
import pytest
from small_runs import hold
from small_text import RNG, every, every_sentence, little_game, sharp

from tinygan.autodiff import Tensor
from tinygan.backend import stream
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
    over = np.array([[3, END, PADDED, PADDED]] * 50)  # an end that stands ends the sentence, whatever is hidden after it
    assert (filler.fill(over, over == PADDED, RNG(0)) == over).all()


@pytest.mark.parametrize("ended", [False, True])
def test_a_hole_as_large_as_the_sentence_is_a_language_model(ended):
    filler = sharp(Filler(5 if ended else 3, 2, 4, ended=ended))
    rows = every_sentence(3, (3, 4)) if ended else every(3, range(3))
    losses = [filler.loss(row[None], np.ones((1, 3), bool), "sum").item() for row in rows]
    assert np.exp(-np.array(losses)).sum() == pytest.approx(1, abs=1e-9)
    tokens = (rows != PADDED).sum() if ended else rows.size
    assert filler.nll(rows) == pytest.approx(np.sum(losses) / tokens)
    drawn, base = filler.sample(20_000, 3, RNG(0)), 5 ** np.arange(3)
    seen = np.array([np.mean(drawn @ base == row @ base) for row in rows])
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


def test_a_tokens_verdict_is_its_equation():
    """One LSTM from the front and one from the end of the sentence, over words and whether they were hidden."""
    judge = sharp(TokenJudge(7, 4, 3))
    row, hidden = np.array([3, 4, 6, END]), np.array([False, True, True, False])
    sigma = lambda a: 1 / (1 + np.exp(-a))

    def states(cell, xs):
        h = c = np.zeros(3)
        for x in xs:
            gates = cell.weight_ih.data @ x + cell.bias_ih.data + cell.weight_hh.data @ h + cell.bias_hh.data
            i, f, g, o = np.split(gates, 4)
            c = sigma(f) * c + sigma(i) * np.tanh(g)
            h = sigma(o) * np.tanh(c)
            yield h

    x = np.c_[judge.words.weight.data[row], hidden]
    onward, back = list(states(judge.reader.onward, x)), list(states(judge.reader.back, x[::-1]))[::-1]
    expected = np.c_[onward, back] @ judge.verdict.weight.data[0] + judge.verdict.bias.data[0]
    rows = np.array([[*row, PADDED], [5, END, PADDED, PADDED, PADDED]])
    hiding = np.array([[*hidden, False], [True] * 5])
    np.testing.assert_allclose(judge(rows, hiding).data[0, :4], expected)


# --- the game ----------------------------------------------------------------------------------------------------

REAL = np.array([[3, 4, 5, END, PADDED], [3, 3, END, PADDED, PADDED], [5, 4, 3, 4, END], [5, 5, 3, END, PADDED]] * 16)
LONG = np.array([[3, 4, 5, 3], [4, 4, 3, 3], [5, 5, 4, 4], [3, 5, 3, 5]] * 16)  # sentences without ends


def likes(game, verdicts):
    """Let D's verdicts be `verdicts(rows)` (N, T), whatever it learns; the critic stays."""
    D = game.D.module
    D.forward = lambda rows, hidden: Tensor(verdicts(rows).astype("f")) + 0 * D.verdict.weight.sum()


def set_critic(game, value):
    """A critic that expects `value` of every token, and does not learn."""
    critic = game.D.module.critic
    critic.weight.data *= 0
    critic.bias.data[:] = value
    hold(game.D)


def first_share(game, token=4):
    return (game.G.module.eval().sample(2000, game.length, RNG(0))[:, 0] == token).mean()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("rows, ended", [(LONG, False), (REAL, True)], ids=["whole", "ended"])
def test_what_the_judge_likes_becomes_likelier(sign, rows, ended):
    """Of the first token alone, with a critic that expects nothing: its share moves the way of the verdict."""
    game = little_game("infill", rows, ended=ended, whole=1.0, discount=0.0, learning_rate=0.02)
    set_critic(game, 0.0)
    place = np.arange(rows.shape[1]) == 0
    likes(game, lambda x: sign * place * np.where(x == 4, 3.0, -3.0))
    before = first_share(game)
    for k in range(3):
        game.step(k)
    assert sign * (first_share(game) - before) > 0.03


def test_gs_loss_is_that_of_each_token_times_its_own_advantage():
    """By hand, sentence by sentence: verdicts and expectations that differ everywhere, returns, a mean square of 1."""
    game = little_game("infill", REAL, whole=0.5, discount=0.5)
    hold(game.D)
    critic = game.D.module.critic
    critic.weight.data *= 5
    some = RNG(0).standard_normal(REAL.shape)
    likes(game, lambda rows: some)
    rows, G = game.batch(0).x, game.G.module.eval()
    hidden = game.holes(rows, 0)
    filled = G.fill(rows, hidden, stream(0, "noise", 0))
    losses = G.writer.token_losses(filled, None, G.around(filled, hidden)).data
    states = G.writer(filled, None, G.around(filled, hidden)).data  # (T, N, H), each before its token is chosen
    expected = states @ critic.weight.data[0] + critic.bias.data[0]
    assert expected.std() > 0.1
    products, advantages = [], []
    for n, row in enumerate(filled):
        counted = [t for t in range(5) if hidden[n, t] and row[t] not in (PADDED, 2)]
        for t in counted:
            advantages.append(sum(0.5 ** (s - t) * some[n, s] for s in counted if s >= t) - expected[t, n])
            products.append(losses[n, t] * advantages[-1])
    row = game.step(0)
    assert row["g_loss"] == pytest.approx(np.mean(products) / np.sqrt(np.mean(np.square(advantages))), rel=1e-4)
    assert row["critic_loss"] == pytest.approx(np.mean(np.square(advantages)), rel=1e-4)
    assert row["g_entropy"] == pytest.approx(losses[G.counts(filled, hidden)].mean(), rel=1e-4)


@pytest.mark.parametrize("expected, sign", [(50.0, -1), (-50.0, 1)], ids=["less than expected", "more than expected"])
def test_what_comes_off_better_than_the_critic_expected_becomes_likelier(expected, sign):
    """All verdicts are 0: what G has filled becomes less likely if more was expected, and likelier if less was."""
    game = little_game("infill", REAL, whole=1.0, learning_rate=1e-3)
    set_critic(game, expected)
    likes(game, lambda x: np.zeros(x.shape))
    rows = game.batch(0).x
    hidden = np.ones(rows.shape, bool)
    filled = game.G.module.eval().fill(rows, hidden, stream(0, "noise", 0))  # what the first step fills
    before = game.G.module.loss(filled, hidden).item()
    game.step(0)
    assert sign * (before - game.G.module.eval().loss(filled, hidden).item()) > 1e-4


@pytest.mark.parametrize("discount, paid", [(0.0, False), (1.0, True)])
def test_a_token_is_paid_for_what_follows_from_it(discount, paid):
    """A D that likes the last token if the first is 4: with discount 0 the first has nothing of it."""
    game = little_game(
        "infill", LONG, ended=False, whole=1.0, discount=discount, learning_rate=0.01, batch_size=256, hidden=16
    )
    set_critic(game, 0.0)
    last = np.arange(4) == 3
    likes(game, lambda x: last * np.where(x[:, :1] == 4, 3.0, -3.0))
    before = first_share(game)
    game.step(0)
    game.step(1)
    assert (first_share(game) > before + 0.02) == paid


def test_advantages_are_scaled_to_a_mean_square_of_1():
    """A judge ten times as strong moves G as far."""
    moved = []
    for strength in (1.0, 10.0):
        game = little_game("infill", REAL, whole=1.0, learning_rate=1e-3)
        set_critic(game, 0.0)
        likes(game, lambda x, strength=strength: strength * np.where(x == 4, 1.0, -1.0))
        moved.append(game.step(0)["g_loss"])
    assert moved[0] == pytest.approx(moved[1], rel=1e-4) and abs(moved[0]) > 0.01


def test_steps_of_d_like_real_tokens_better_and_filled_ones_less():
    """G fills every hole with 4s, of which real sentences have few."""
    real = np.where(REAL == 4, 3, REAL)
    game = little_game("infill", real, whole=0.0, d_pretrain=50, learning_rate=0.02, hidden=16)
    game.G.module.writer.head.bias.data[4] = 100
    rows = [game.step(k) for k in range(12)]
    hidden = game.holes(real, 99)
    filled = game.G.module.fill(real, hidden, RNG(1))
    D, counts = game.D.module, game.G.module.counts
    of_real, of_filled = (D(x, hidden).data[counts(x, hidden)].mean() for x in (real, filled))
    assert of_real > 0.2 and of_filled < -0.2
    assert rows[0]["d_loss"] == pytest.approx(2 * np.log(2), abs=0.1) and "g_loss" not in rows[0]


def test_the_critic_learns_what_is_to_come():
    """Of verdicts that are all 2 it is 2 for the last token and, with discount 1, 2 more for each before it."""
    game = little_game("infill", LONG, ended=False, whole=1.0, discount=1.0, d_pretrain=90, learning_rate=0.05)
    likes(game, lambda x: np.full(x.shape, 2.0))
    rows = [game.step(k) for k in range(80)]
    assert rows[0]["critic_loss"] > 20 and rows[0]["reward"] == pytest.approx(2)
    assert rows[1]["critic_loss"] < rows[0]["critic_loss"] and rows[-1]["critic_loss"] < 8


def test_the_critics_loss_is_the_mean_square_over_filled_tokens():
    game = little_game("infill", REAL, whole=1.0, discount=0.0)
    set_critic(game, 3.0)
    likes(game, lambda x: np.full(x.shape, 2.0))
    row = game.step(0)
    assert row["critic_loss"] == pytest.approx(1.0) and row["reward"] == pytest.approx(2.0)


def test_a_step_of_imitation_makes_hidden_tokens_likelier():
    game = little_game("infill", REAL, pretrain=20, mle_rate=1e-3)
    hidden = game.holes(REAL, 0)
    row = game.step(0)
    again = little_game("infill", REAL, pretrain=20)
    rows = again.batch(0).x
    before = again.G.module.loss(rows, again.holes(rows, 0)).item()
    assert row["g_nll"] == pytest.approx(before)
    assert game.G.module.loss(rows, game.holes(rows, 0)).item() < before - 1e-4 and hidden.any()


def test_holes_are_stretches_within_the_sentence():
    """Each as long as any other, anywhere in it: none is empty, none is broken, every token is hidden at times."""
    game = little_game("infill", REAL, whole=0.0)
    length = (REAL != PADDED).sum(1)
    seen = np.zeros(REAL.shape)
    sizes = []
    for k in range(60):
        hidden = game.holes(REAL, k)
        assert not hidden[REAL == PADDED].any() and hidden.any(1).all()
        starts = np.diff(np.pad(hidden, ((0, 0), (1, 0))).astype(int), axis=1) == 1
        assert (starts.sum(1) == 1).all()
        seen += hidden
        sizes += (hidden.sum(1) / length).tolist()
    assert (seen[REAL != PADDED] > 5).all() and 0.5 < np.mean(sizes) < 0.75
    of_longest = np.array([s for s, n in zip(sizes, np.tile(length, 60)) if n == 5])
    np.testing.assert_allclose(np.bincount(np.rint(5 * of_longest).astype(int)) / len(of_longest), [0] + [0.2] * 5, atol=0.05)
    starts = []  # of stretches of one token in sentences of five: the last place is reached as often as the first
    for k in range(60):
        hidden = game.holes(REAL, k)
        starts += hidden[(hidden.sum(1) == 1) & (length == 5)].argmax(1).tolist()
    np.testing.assert_allclose(np.bincount(starts, minlength=5) / len(starts), 0.2, atol=0.1)
    whole = little_game("infill", REAL, whole=1.0).holes(REAL, 0)
    assert whole.all()
    half = np.mean([little_game("infill", REAL, whole=0.5).holes(REAL, k).all(1).mean() for k in range(20)])
    assert half == pytest.approx(0.5, abs=0.07)


def test_d_and_g_are_shown_the_same_holes_filled_by_g():
    game = little_game("infill", REAL, whole=0.0)
    D, seen = game.D.module, []
    forward = D.forward
    D.forward = lambda rows, hidden: (seen.append((rows, hidden)), forward(rows, hidden))[1]
    game.step(0)
    (filled, hidden), (real, same) = seen
    np.testing.assert_array_equal(hidden, same)
    np.testing.assert_array_equal(real, game.batch(0).x)
    np.testing.assert_array_equal(filled[~hidden], real[~hidden])
    assert (filled != real)[hidden].any()
