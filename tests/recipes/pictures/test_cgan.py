"""MNIST by class: every condition trains, classes come in turn, each judge is its equation, AC-GAN's head learns to read."""

import numpy as np
import pytest
from small_runs import hold, small_game

from tinygan import Tensor
from tinygan.backend import stream
from tinygan.losses import cross_entropy
from tinygan.recipes.pictures import cgan


@pytest.mark.parametrize("condition", cgan.JUDGES)
def test_every_condition_trains(condition):
    game = small_game("cgan", condition=condition, objective="non-saturating")  # relativistic: no use for D's last bias
    before = [p.numpy().copy() for p in (*game.G.parameters, *game.D.parameters)]
    rows = [game.step(k) for k in range(2)]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    after = [p.numpy() for p in (*game.G.parameters, *game.D.parameters)]
    assert all((a != b).any() for a, b in zip(before, after))  # no weight is left out, neither embedding nor head
    assert isinstance(game, cgan.ReadingGame) == (condition == "auxiliary")


def test_classes_come_in_turn():
    """In real batches, in generated ones and in samples, of any number: sample i is of class i modulo 10."""
    game = small_game("cgan", batch_size=37)
    for turn in (0, 5):
        x, (labels,) = game.batch(turn)
        assert len(x) == 37
        np.testing.assert_array_equal(labels.data, np.arange(37) % 10)
        np.testing.assert_allclose((x[:, 0, 0, 0] + 1) / 2 * 255, 25 * labels.data, atol=1e-3)
    assert (game.batch(0).x != game.batch(1).x).any()

    def echo(z, labels):
        return Tensor(labels.data[:, None, None, None] * np.ones((1, 1, 2, 2)))

    game.G.average.module = echo
    samples = game.sample(777, 0)
    np.testing.assert_array_equal(samples[:, 0, 0, 0], np.arange(777) % 10)
    asked = np.array([7, 7, 3])
    np.testing.assert_array_equal(game.sample(3, 0, given=asked)[:, 0, 0, 0], asked)


def test_the_painter_paints_z_and_the_vector_of_the_class_end_to_end():
    game = small_game("cgan")
    g, z, labels = game.G.module.eval(), np.ones((3, 4), "f"), np.array([2, 9, 2])
    both = np.concatenate([z, g.embedding.weight.data[labels]], 1)
    np.testing.assert_array_equal(g(Tensor(z), Tensor(labels)).numpy(), g.paint(Tensor(both)).numpy())
    assert game.G.module.embedding.weight.shape == (10, 16)


# --- the judges --------------------------------------------------------------------------------------------------


def judge_and_pictures(condition):
    game = small_game("cgan", condition=condition)
    return game.D.module, game.batch(0).x, np.arange(len(game.batch(0).x)) % 10


def affine(layer, x):
    return x @ layer.weight.data.T + layer.bias.data


def test_projection_is_its_equation():
    """w·φ + b + e_y·φ / √features: the second term for it, with its sign and size."""
    judge, x, labels = judge_and_pictures("projection")
    features = judge.trunk(Tensor(x)).numpy()
    own = (judge.embedding.weight.data[labels] * features).sum(1, keepdims=True) / np.sqrt(8)
    assert features.shape == (20, 8) and np.abs(own).max() > 0.05
    np.testing.assert_allclose(judge(x, labels).numpy(), affine(judge.verdict, features) + own, atol=1e-5)


def test_projection_likes_a_picture_the_better_the_more_it_is_like_its_class():
    """Where e_y is φ itself the verdict gains |φ|² / √features; where it is -φ, it loses as much."""
    judge, x, _ = judge_and_pictures("projection")
    features = judge.trunk(Tensor(x[:2])).numpy()
    judge.embedding.weight.data[:3] = [features[0], -features[0], 0 * features[0]]
    like, unlike, neither = (judge(x[:1], np.array([k])).item() for k in range(3))
    gain = np.square(features[0]).sum() / np.sqrt(8)
    assert gain > 0.01
    assert like - neither == pytest.approx(gain, rel=1e-3) and neither - unlike == pytest.approx(gain, rel=1e-3)


def test_an_embedding_joins_the_picture_as_a_channel():
    judge, x, labels = judge_and_pictures("embedding")
    channel = judge.embedding.weight.data[labels].reshape(-1, 1, 28, 28)
    expected = affine(judge.verdict, judge.trunk(Tensor(np.concatenate([x, channel], 1))).numpy())
    np.testing.assert_allclose(judge(x, labels).numpy(), expected, atol=1e-5)


def test_the_auxiliary_judge_reads_the_class_beside_the_verdict_and_is_not_told_it():
    judge, x, labels = judge_and_pictures("auxiliary")
    features = judge.trunk(Tensor(x)).numpy()
    verdicts, logits = judge(x, labels)
    np.testing.assert_allclose(verdicts.numpy(), affine(judge.verdict, features), atol=1e-5)
    np.testing.assert_allclose(logits.numpy(), affine(judge.reads, features), atol=1e-5)
    np.testing.assert_array_equal(judge(x, labels[::-1])[1].numpy(), logits.numpy())


# --- AC-GAN ------------------------------------------------------------------------------------------------------

AUXILIARY = {"condition": "auxiliary", "penalty": "none", "objective": "non-saturating"}


def same_fakes(game):
    """What G makes, in every call of the same noise."""
    real = game.batch(0)
    return game.fake(game.G.module, len(real.x), real.given, stream(game.settings.seed, "noise", 0))


def misread(game, x, labels):
    """-log p of the right class, as D's second head reads x now."""
    return cross_entropy(game.D.module(x, labels)[1], labels)


def test_what_the_head_reads_joins_both_losses():
    """With D's learning rate at nearly 0, G's loss is on the D that was; both are what the paper says."""
    row, again = small_game("cgan", **AUXILIARY, d_rate=1e-12).step(0), small_game("cgan", **AUXILIARY, d_rate=1e-12)
    real, fake = again.batch(0), same_fakes(again)
    of_real, of_fake = (again.D.module(x, *given)[0] for x, given in (real, fake))
    read_real, read_fake = (misread(again, x, *given).item() for x, given in (real, fake))
    d_loss = again.objective.discriminator(of_real, of_fake).item() + read_real + read_fake
    assert row["d_loss"] == pytest.approx(d_loss, rel=1e-4)
    assert row["g_loss"] == pytest.approx(again.objective.generator(of_real, of_fake).item() + read_fake, rel=1e-4)


def striped(labels, row):
    """Pictures that are black but for a bar at `row` that says their class."""
    x = np.full((len(labels), 1, 28, 28), -1, "f")
    for k, label in enumerate(labels):
        x[k, :, row : row + 6, 2 + 2 * label : 6 + 2 * label] = 1
    return x


def test_d_learns_to_read_real_and_generated_pictures():
    """Real pictures have their bar above, generated ones below. A reader has to learn from both to read both."""
    game = small_game("cgan", **AUXILIARY, learning_rate=0.01, d_channels=4, features=16, steps=40)
    labels = np.arange(20) % 10
    game.read = lambda turn: cgan.Batch(striped(labels, 2))
    game.G.module.forward = lambda z, given: Tensor(striped(given.data, 18)) + 0 * game.G.module.embedding.weight.sum()
    hold(game.G)
    for k in range(40):
        game.step(k)
    assert misread(game, striped(labels, 2), Tensor(labels)).item() < 1.2 < np.log(10)
    assert misread(game, striped(labels, 18), Tensor(labels)).item() < 1.2


def test_a_step_of_g_makes_its_class_easier_to_read():
    """A D that stands still, all of whose verdicts are 0: G's loss is the cross-entropy of what it reads."""
    game = small_game("cgan", **AUXILIARY, learning_rate=1e-3)
    hold(game.D)
    game.D.module.verdict.weight.data *= 0
    fake = same_fakes(game)
    before = misread(game, fake.x, *fake.given).item()
    for _ in range(3):
        game.step(0)
    fake = same_fakes(game)
    assert misread(game, fake.x, *fake.given).item() < before
