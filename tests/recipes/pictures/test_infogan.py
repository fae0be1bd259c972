"""InfoGAN: codes come in turn, the bound joins both losses, Q sorts real pictures, pictures are moved as it says."""

import itertools

import numpy as np
import pytest
from small_runs import hold, small_game

from tinygan import Tensor, grad, no_grad
from tinygan.backend import stream
from tinygan.gan.adversarial import Adversarial
from tinygan.losses import cross_entropy, mse_loss
from tinygan.ops import softmax
from tinygan.recipes.pictures import infogan


def test_codes_come_in_turn():
    game = small_game("infogan")
    game.G.average.module = lambda z: Tensor(z.data[:, :, None, None])
    samples = game.sample(777, 0)[:, :, 0, 0]
    np.testing.assert_array_equal(samples[:, 4:14].argmax(1), np.arange(777) % 10)
    assert (samples[:, 4:14].sum(1) == 2).all() and np.abs(samples[:, 14:]).max() <= 1  # √noise, and half of it
    assert samples[:, 14:].std(0) == pytest.approx(np.full(2, 1 / np.sqrt(3)), rel=0.1)


def test_g_is_told_z_the_code_and_the_sliders_end_to_end():
    z, sliders = np.float32([[1, 2, 3, 4]] * 3), np.float32([[1, -0.5], [0, 0], [0.5, 1]])
    found = infogan.latent(z, np.array([0, 3, 9]), sliders)
    np.testing.assert_array_equal(found[:, :4], z)
    np.testing.assert_array_equal(found[:, 4:14], 2 * np.eye(10)[[0, 3, 9]])
    np.testing.assert_array_equal(found[:, 14:], sliders)  # √noise / 2 is 1


def test_real_pictures_come_without_a_code_and_generated_ones_with_theirs():
    game = small_game("infogan")
    assert game.batch(0).given == () and len(game.batch(0).x) == 20
    x, (code, sliders) = game.fake(game.G.module, 20, (), stream(0, "noise", 0))
    assert x.shape == (20, 1, 28, 28) and sliders.shape == (20, 2)
    np.testing.assert_array_equal(code.data, np.arange(20) % 10)


# --- the bound ---------------------------------------------------------------------------------------------------


def heads(game, x, code, sliders):
    """(-log Q(code), half the squared error of the sliders), as D and Q read x now."""
    _, logits, means = game.D.module(x, code, sliders)
    return cross_entropy(logits, code), 0.5 * mse_loss(means, sliders)


def same_fakes(game):
    """What G makes, in every call of the same noise."""
    return game.fake(game.G.module, 20, (), stream(game.settings.seed, "noise", 0))


def test_what_the_heads_read_joins_both_losses():
    """With D's learning rate at nearly 0, G's loss is on the D that was; both are what the paper says."""
    chosen = {"information": 3.0, "penalty": "none", "d_rate": 1e-12, "objective": "non-saturating"}
    row, again = small_game("infogan", **chosen).step(0), small_game("infogan", **chosen)
    again.players["sorter"].move(sorting_loss(again, 0), 0)  # Q's step comes first
    fake = same_fakes(again)
    of_real, of_fake = again.D.module(Tensor(again.batch(0).x)), again.D.module(fake.x, *fake.given)[0]
    read = 3 * sum(heads(again, fake.x, *fake.given)).item()
    assert row["d_loss"] == pytest.approx(again.objective.discriminator(of_real, of_fake).item() + read, rel=1e-4)
    assert row["g_loss"] == pytest.approx(again.objective.generator(of_real, of_fake).item() + read, rel=1e-4)
    assert read > 3 * 2


@pytest.mark.parametrize("head", ["code", "sliders"])
def test_a_step_of_g_makes_each_code_easier_to_read(head):
    """Only λ to gain by, and only one of the two heads not blind: what it reads is nearer to the truth after G's step."""
    game = small_game("infogan", information=1e4, penalty="none", learning_rate=1e-3)
    hold(game.D, game.players["sorter"])
    blind = game.D.module.sliders if head == "code" else game.players["sorter"].module[-1]
    blind.weight.data *= 0
    other, which = (1, 0) if head == "code" else (0, 1)
    before = [part.item() for part in heads(game, *unpack(same_fakes(game)))]
    for k in range(3):
        game.step(k)
    after = [part.item() for part in heads(game, *unpack(same_fakes(game)))]
    assert after[which] < before[which] and after[other] == before[other]


def unpack(fake):
    return fake.x, *fake.given


def test_a_step_of_d_reads_the_sliders_better():
    """Its verdicts cannot outweigh λ = 10,000; G and Q stand still."""
    game = small_game("infogan", information=1e4, penalty="none", learning_rate=5e-3)
    hold(game.G, game.players["sorter"])
    before = [part.item() for part in heads(game, *unpack(same_fakes(game)))]
    for _ in range(3):
        game.step(0)
    code, sliders = (part.item() for part in heads(game, *unpack(same_fakes(game))))
    assert code == before[0] and sliders < 0.95 * before[1]


def test_information_reaches_the_generator():
    """With λ alone to gain by, G soon writes the code so that a Q that stays as it is, and is never in doubt, reads it."""
    game = small_game(
        "infogan", steps=40, learning_rate=0.01, information=10.0, penalty="none", g_channels=8, features=32
    )
    sorter = game.players["sorter"]
    sorter.module.parameters()[-2].data *= 100
    hold(sorter)
    losses = [game.step(k)["g_loss"] for k in range(40)]
    assert losses[-1] < 0.6 * losses[0]
    fake = same_fakes(game)
    g_gradients = grad(game.judge(game.D.module, fake.x, fake.given)[1], game.G.parameters)
    assert all(np.abs(g).max() > 0 for g in (g_gradients[0], g_gradients[-1]))


# --- Q -----------------------------------------------------------------------------------------------------------


def sorting_loss(game, k):
    """What Q's step k lowers: the disorder of its real pictures and of the same, moved."""
    x, q = game.pictures(k), game.players["sorter"].module
    return infogan.disorder(q(Tensor(x)), q(Tensor(infogan.move_pictures(x, stream(game.settings.seed, "moved", k)))))


def test_q_learns_from_real_pictures_and_by_nothing_else(monkeypatch):
    """Its steps are those it would take without a game: what G draws, and what D and G gain by, leaves it as it is."""
    game, alone = (small_game("infogan", information=value) for value in (5.0, 0.0))
    q, q_alone = (g.players["sorter"].module for g in (game, alone))
    before = [p.numpy().copy() for p in q.parameters()]
    rows = [game.step(k)["disorder"] for k in range(3)]
    monkeypatch.setattr(Adversarial, "step", lambda self, k: {})
    assert rows == [alone.step(k)["disorder"] for k in range(3)]
    for p, other, then in zip(q.parameters(), q_alone.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.numpy(), other.numpy())
        assert (p.numpy() != then).any()
    assert not {id(p) for p in q.parameters()} & {id(p) for p in game.D.parameters}
    assert len(game.pictures(0)) == 2 * game.settings.batch_size


def test_steps_of_q_lower_disorder(monkeypatch):
    """Of squares and bars, and of the same moved: 1.2 log 10 where all answers are alike, .8 log 5 where two codes say all.

    Not in every step: what is said of a picture is a constant for what is said of it moved.
    """
    monkeypatch.setattr(Adversarial, "step", lambda self, k: {})
    game = small_game("infogan", learning_rate=2e-3)
    x = np.full((20, 1, 28, 28), -1, "f")
    x[::2, :, 8:20, 8:20], x[1::2, :, 4:24, 12:16] = 1, 1
    game.pictures = lambda k: x
    before = sorting_loss(game, 0).item()
    hold(game.players["sorter"])
    assert game.step(0) == game.step(0) != game.step(1)  # pictures are moved anew in every step
    game.players["sorter"].schedule.base_lr = 2e-3
    rows = [game.step(0)["disorder"] for _ in range(16)]
    assert rows[0] == before == pytest.approx(1.2 * np.log(10), abs=0.01)
    assert rows[-1] < before - 0.4 and rows[-1] > 0.8 * np.log(5)


def test_disorder_is_least_for_ten_codes_each_as_often_and_sure():
    """Sure answers that agree and come as often cost 0; one code for all, or no answer at all, what they should."""
    sure = 50 * np.eye(10)[infogan.in_turn(40, 10)]
    value = lambda logits, of_moved: infogan.disorder(Tensor(logits), Tensor(of_moved)).item()
    assert value(sure, sure) == pytest.approx(0, abs=1e-5)
    assert value(sure[:1].repeat(40, 0), sure[:1].repeat(40, 0)) == pytest.approx(0.8 * np.log(10), abs=1e-5)
    assert value(0 * sure, 0 * sure) == pytest.approx(1.2 * np.log(10), abs=1e-5)
    assert value(sure, sure[::-1]) > 10  # sure and apart, but never the same of a picture and of it moved


def slopes_of_disorder(logits, of_moved):
    tensors = [Tensor(np.asarray(x, float), requires_grad=True) for x in (logits, of_moved)]
    return grad(infogan.disorder(*tensors), tensors)


def test_each_term_of_disorder_pulls_its_way():
    """A step down its slope: moved pictures are said to be what they were, rare codes come more often, answers surer."""
    q = np.zeros((20, 10))
    q[np.arange(20), np.arange(20) % 10] = 2.0  # all codes as often
    _, slope = slopes_of_disorder(q, 0 * q)
    toward = softmax(0 * q - slope, 1)[np.arange(20), np.arange(20) % 10]
    assert (toward > 0.1).all()  # q' moves towards q
    slope, _ = slopes_of_disorder(q, q)
    assert (softmax(q - slope, 1).max(1) > softmax(q, 1).max(1)).all()  # evenly spread answers become surer
    one = np.zeros((20, 10))
    one[:, 3] = 2.0 + np.linspace(0, 0.1, 20)  # one code for all: its share falls although answers would be surer
    slope, _ = slopes_of_disorder(one, 0 * one)
    assert softmax(one - slope, 1)[:, 3].mean() < softmax(one, 1)[:, 3].mean()


def test_what_is_said_of_a_moved_picture_does_not_pull_at_what_is_said_of_the_picture():
    rng = np.random.default_rng(0)
    logits, some, others = rng.standard_normal((3, 8, 10))
    np.testing.assert_array_equal(slopes_of_disorder(logits, some)[0], slopes_of_disorder(logits, others)[0])


# --- moved pictures and measures ---------------------------------------------------------------------------------


def test_moved_pictures_are_copies_under_affine_maps():
    """A picture of its own coordinates says whence each pixel came: a linear function of where it is, ± rounding."""
    h, w = 12, 20
    row, column = np.mgrid[:h, :w].astype("float32")
    x = np.stack([row, column])[None].repeat(5, 0)
    y = infogan.move_pictures(x, stream(0, "moved"))
    assert y.shape == x.shape and y.dtype == np.float32 and (y != infogan.move_pictures(x, stream(1, "moved"))).any()
    for whence in y:
        inside = whence[0] >= 0
        assert 0.4 < inside.mean() and ((whence[0] == -1) == (whence[1] == -1)).all()
        places = np.stack([row - (h - 1) / 2, column - (w - 1) / 2, np.ones((h, w))])[:, inside].T
        found, *_ = np.linalg.lstsq(places, whence[:, inside].T, rcond=None)  # (3, 2)
        assert np.abs(places @ found - whence[:, inside].T).max() < 0.7
        assert np.abs(found[:2] - np.eye(2)).max() < 0.48 and np.abs(found[2] - [(h - 1) / 2, (w - 1) / 2]).max() < 2.1


def test_pictures_are_moved_by_as_much_as_is_said():
    """Of 200 moves: maps up to .45 from the identity, shifts up to 2, each nearly reached on both sides."""
    h = w = 41
    row, column = np.mgrid[:h, :w].astype("float32")
    y = infogan.move_pictures(np.stack([row, column])[None].repeat(200, 0), stream(0, "moved"))
    found = []
    for whence in y:
        inside = whence[0] >= 0
        places = np.stack([row - 20, column - 20, np.ones((h, w))])[:, inside].T
        found.append(np.linalg.lstsq(places, whence[:, inside].T, rcond=None)[0])
    maps, shifts = np.array(found)[:, :2] - np.eye(2), np.array(found)[:, 2] - 20
    for values, most in ((maps, 0.45), (shifts, 2.0)):
        assert most * 0.9 < values.max() < most * 1.03 and -most * 0.9 > values.min() > -most * 1.03
        assert abs(values.mean()) < 0.1 * most


@pytest.mark.parametrize("size", [1, 3, 5])
def test_best_matching_is_the_best_of_all(size):
    for seed in range(5):
        counts = np.random.default_rng(seed).integers(0, 20, (size, size))
        total, columns = infogan.best_matching(counts)
        by_force = max(sum(counts[range(size), list(p)]) for p in itertools.permutations(range(size)))
        assert total == by_force == counts[range(size), columns].sum() and sorted(columns) == list(range(size))


def test_codes_are_scored_by_the_class_they_stand_for(monkeypatch):
    """A classifier that reads a number in the first pixel; codes are classes in another order, but for every tenth pair."""

    class Reader:
        def judge(self, images):
            return None, np.eye(10)[np.rint(images[:, 0, 0, 0]).astype(int)]

    monkeypatch.setattr(infogan, "digit_classifier", lambda name: Reader())
    monkeypatch.setattr(infogan, "evaluate_images", lambda samples, name: {})
    order = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    classes = order[np.arange(200) % 10]
    classes[:20] = (classes[:20] + 1) % 10
    samples = np.zeros((200, 1, 2, 2))
    samples[:, 0, 0, 0] = classes
    assert infogan.evaluate(None, samples) == {"code_is_class": 0.9, "class_of_code": order.tolist()}


def test_a_slider_sweeps_from_minus_1_to_1_while_all_else_stays():
    game = small_game("infogan")
    game.G.average.module = lambda z: Tensor(z.data[:, :, None, None])
    with no_grad():
        swept = infogan.sweep(game, 1, steps=5)[:, :, 0, 0].reshape(10, 5, 16)
    np.testing.assert_allclose(swept[:, :, 15], np.tile([-1, -0.5, 0, 0.5, 1], (10, 1)))
    assert (swept[:, :, 14] == 0).all() and (swept[:, 1:, :4] == swept[:, :1, :4]).all()
    assert (swept[:, :, 4:14].argmax(2) == np.arange(10)[:, None]).all()
