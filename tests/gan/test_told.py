"""Games of words: D is moved apart from generated samples and from wrong words, and looks at a real sample once."""

import numpy as np
import pytest
from small_runs import hold

from tinygan import Tensor, nn, ops
from tinygan.autodiff import no_grad
from tinygan.backend import stream
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.told import Told, ToldSettings, exchange
from tinygan.run.settings import defaults

WORDS = 4


@defaults(steps=8, batch_size=8, learning_rate=1e-2, penalty="none")
class Settings(ToldSettings):
    """Settings of a game on points."""


class Writer(nn.Module):
    """G: points about the corner of their word, each weight at 0 to begin with."""

    def __init__(self):
        self.reader = nn.Embedding(WORDS, 2, rng=0)
        self.reader.weight.data *= 0

    def forward(self, z, rows):
        return 0.1 * z + self.reader(rows[:, 0])


class Listener(nn.Module):
    """D: w·x + e_word·x, with a count of how often it looked and a list of the words that it compared."""

    def __init__(self):
        self.real, self.reader = nn.Linear(2, 1, rng=0), nn.Embedding(WORDS, 2, rng=1)
        self.looks, self.told = 0, []

    def look(self, x):
        self.looks += 1
        return x

    def compare(self, seen, rows):
        self.told.append(np.asarray(rows.data))
        return self.real(seen) + ops.sum(self.reader(rows[:, 0]) * seen, 1, True)

    def forward(self, x, rows):
        return self.compare(self.look(x), rows)


CORNERS = np.array([[2, 0], [0, 2], [-2, 0], [0, -2]], "float32")


def asked():
    return np.arange(WORDS)[:, None]


def read(turn):
    words = stream(0, "words", turn).permutation(8)[:, None] % WORDS
    return Batch(CORNERS[words[:, 0]], (words,))


def game_of(mislead=exchange, **settings):
    return Told(Writer(), Listener(), [Normal(2)], read, Settings(**settings), asked=asked, mislead=mislead)


def opposite(words, k=1, turn=0, rng=None):
    return np.tile((words + 2) % WORDS, (k, 1))


def mean_verdict(game, x, words):
    with no_grad():
        return float(game.D.module(Tensor(x), words).data.mean())


# --- D's step -----------------------------------------------------------------------------------------------------


def wrong_gap(game):
    """How much more D likes real samples with their words than with those of the opposite corner."""
    x, (words,) = read(0)
    return mean_verdict(game, x, words) - mean_verdict(game, x, opposite(words))


def test_a_step_of_d_parts_right_words_from_wrong_ones():
    """Where G is perfect, generated samples move nothing: the words alone are what D learns."""
    gaps = {}
    for wrong in (0.0, 1.0):
        game = game_of(opposite, wrong=wrong)
        hold(game.G)
        game.fake = lambda G, n, given, rng: Batch(Tensor(read(0).x) + 0 * G.reader.weight.sum(), given)
        game.read = lambda turn: read(0)
        before = wrong_gap(game)
        for k in range(3):
            game.step(k)
        gaps[wrong] = wrong_gap(game) - before
    assert gaps[1.0] > 0.05 > 1e-6 > abs(gaps[0.0])


def test_a_step_of_d_parts_real_samples_from_generated_ones_of_the_same_words():
    game = game_of(opposite)
    hold(game.G)
    gap = lambda: mean_verdict(game, *real) - mean_verdict(game, made, real[1])
    x, (words,) = read(0)
    real, made = (x, words), game.sample(8, 0, given=words)
    before = gap()
    for k in range(3):
        game.step(k)
    assert gap() > before + 0.05


def test_a_step_of_g_moves_samples_to_what_d_wants_of_their_words():
    """A D that stands still and wants each word in its own corner."""
    game = game_of()
    hold(game.D)
    game.D.module.reader.weight.data[:] = CORNERS
    for k in range(3):
        game.step(k)
    moved = game.G.module.reader.weight.data
    assert ((moved * CORNERS).sum(1) > 0.02).all()


@pytest.mark.parametrize("wrong", [0.0, 0.5])
@pytest.mark.parametrize("objective", ["relativistic", "non-saturating"])
def test_the_loss_of_d(objective, wrong):
    """L(real, generated) + wrong · L(real, real with wrong words)."""
    game = game_of(opposite, wrong=wrong, objective=objective)
    (x, (words,)), D = game.batch(0), game.D.module
    made = game.fake(game.G.module, 8, (words,), stream(0, "noise", 0)).x
    loss = lambda other, told: game.objective.discriminator(D(Tensor(x), words), D(other, told)).item()
    expected = loss(made, words) + wrong * loss(Tensor(x), opposite(words))
    assert game.step(0)["d_loss"] == pytest.approx(expected, rel=1e-5)


def test_the_loss_is_twice_that_of_reed_et_al():
    """-log σ(real, right) - log(1 - σ(made)) / 2 - log(1 - σ(real, wrong)) / 2."""
    game = game_of(opposite, wrong=1.0, objective="non-saturating")
    (x, (words,)), D = game.batch(0), game.D.module
    made = game.fake(game.G.module, 8, (words,), stream(0, "noise", 0)).x
    right, fake, wrong = (
        1 / (1 + np.exp(-D(Tensor(a), b).numpy()))
        for a, b in ((x, words), (made.numpy(), words), (x, opposite(words)))
    )
    reed = -np.log(right).mean() - np.log(1 - fake).mean() / 2 - np.log(1 - wrong).mean() / 2
    assert game.step(0)["d_loss"] == pytest.approx(2 * reed, rel=1e-5)


@pytest.mark.parametrize("matching", [0.0, 0.5])
@pytest.mark.parametrize("objective", ["relativistic", "non-saturating"])
def test_the_loss_of_g(objective, matching):
    """That of the objective + matching · L(generated, generated with wrong words)."""
    game = game_of(opposite, matching=matching, objective=objective)
    hold(game.D)
    (x, (words,)), D = game.batch(0), game.D.module
    made = game.fake(game.G.module, 8, (words,), stream(0, "noise", 0)).x
    right, wrong = D(made, words), D(made, opposite(words))
    of_real = D(Tensor(x), words) if game.objective.compares else None
    expected = game.objective.generator(of_real, right) + matching * game.objective.discriminator(right, wrong)
    assert game.step(0)["g_loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_a_step_of_g_moves_samples_away_from_wrong_words():
    """A D that stands still and says 0 of words 0 and 1, which G is told, and something of 2 and 3, the wrong ones."""
    words = np.arange(8)[:, None] % 2
    moved = {}
    for matching in (0.0, 1.0):
        game = game_of(opposite, matching=matching)
        hold(game.D)
        game.D.module.real.weight.data *= 0
        game.D.module.reader.weight.data[:] = [[0, 0], [0, 0], *CORNERS[2:]]
        game.read = lambda turn: Batch(CORNERS[words[:, 0]], (words,))
        for k in range(3):
            game.step(k)
        moved[matching] = (game.G.module.reader.weight.data * CORNERS).sum(1)
    assert (moved[1.0][:2] > 0.02).all() and not moved[1.0][2:].any() and not moved[0.0].any()


def test_a_sample_is_looked_at_once_and_compared_with_its_own_words_and_with_several_wrong_ones():
    game = game_of(exchange, wrong_words=3)
    D = game.D.module
    game.step(0)
    words = read(0).given[0]
    assert D.looks == 4  # real, generated; both again for G
    right, wrong, of_made, real_again, made_again, wrong_again = D.told
    for told in (right, of_made, real_again, made_again):
        np.testing.assert_array_equal(told, words)
    for told in (wrong, wrong_again):
        each = told.reshape(3, 8, 1)
        assert (np.sort(each, 1) == np.sort(words, 0)).all() and not (each[0] == each[1:]).all()
    assert (wrong != wrong_again).any()


def test_each_wrong_words_are_compared_with_their_own_sample():
    """L(right, wrong) is the mean over all of them; a D that sees several things keeps each with its sample."""
    game = game_of(opposite, wrong_words=2)
    D = game.D.module
    D.look = lambda x: (x, 2 * x)
    D.compare = lambda seen, rows: D.real(seen[0]) + ops.sum(D.reader(rows[:, 0]) * seen[1], 1, True)
    x, given = read(0)
    _, loss = game.tell_apart(D, Tensor(x), given, "wrong words", 0)
    right, wrong = (D.compare(D.look(Tensor(x)), words) for words in (given[0], opposite(given[0])))
    assert loss.item() == pytest.approx(game.objective.discriminator(right, wrong).item(), rel=1e-6)


def test_wrong_words_are_drawn_anew_in_every_turn_and_alike_in_every_run():
    drawn = []

    def mislead(words, k, turn, rng):
        drawn.append((turn, rng.random()))
        return np.tile(words, (k, 1))

    for _ in range(2):
        game = game_of(mislead, n_critic=2)
        game.step(0)
        game.step(1)
    assert drawn[:6] == drawn[6:] and len(set(drawn)) == 6
    assert [turn for turn, _ in drawn[:6]] == [0, 1, 1, 2, 3, 3]  # D's turns, and G's, on the samples of D's last


# --- D listens first ----------------------------------------------------------------------------------------------


def test_a_listening_d_parts_right_words_from_wrong_ones_and_g_waits():
    game = game_of(opposite, listening=0.5)
    game.read = lambda turn: read(0)
    before, kept = wrong_gap(game), [p.numpy().copy() for p in game.G.parameters]
    rows = [game.step(k) for k in range(4)]  # of 8
    assert wrong_gap(game) > before + 0.05
    assert rows[0].keys() == {"words_loss"} and rows[3]["words_loss"] < rows[0]["words_loss"]
    for p, old in zip(game.G.parameters, kept):
        np.testing.assert_array_equal(p.numpy(), old)
    assert {"d_loss", "g_loss"} <= game.step(4).keys()


def test_the_loss_of_a_listening_d():
    game = game_of(opposite, listening=1.0)
    (x, (words,)), D = game.batch(0), game.D.module
    expected = game.objective.discriminator(D(Tensor(x), words), D(Tensor(x), opposite(words))).item()
    assert game.step(0)["words_loss"] == pytest.approx(expected, rel=1e-5)


def test_g_begins_with_what_d_knows_of_words_and_goes_on_by_itself():
    game = game_of(opposite, listening=0.25)
    hold(game.G)
    weights = lambda module: module.reader.weight.numpy().copy()
    G, D, average = game.G.module, game.D.module, game.G.average.module
    for k in range(2):
        game.step(k)
    heard = weights(D)
    game.step(2)
    np.testing.assert_array_equal(weights(G), heard)
    np.testing.assert_array_equal(weights(average), heard)
    game.step(3)
    np.testing.assert_array_equal(weights(G), heard)  # D's goes on, and G's does not follow
    assert (weights(D) != heard).any()


def test_without_listening_g_keeps_its_own_words():
    game = game_of(opposite)
    hold(game.G)
    game.step(0)
    assert not game.G.module.reader.weight.numpy().any()


# --- words --------------------------------------------------------------------------------------------------------


def test_exchanged_words_are_those_of_another_sample():
    words = np.arange(12).reshape(6, 2)
    seen = [other for k in range(20) for other in np.split(exchange(words, 2, 0, stream(0, "x", k)), 2)]
    for other in seen:
        assert (other != words).all() and sorted(map(tuple, other)) == sorted(map(tuple, words))
    assert len({other.tobytes() for other in seen}) == 5
    np.testing.assert_array_equal(exchange(words[:1], 1, 0, stream(0, "x")), words[:1])  # nobody else's are there


def test_samples_are_told_the_words_that_are_asked_for_or_given():
    game = game_of()
    game.G.average.module.reader.weight.data[:] = 10 * CORNERS
    corner = lambda x: (x @ CORNERS.T).argmax(1)
    samples = game.sample(300, 0)
    np.testing.assert_array_equal(corner(samples), np.arange(300) % WORDS)
    given = np.array([[3], [3], [1]])
    np.testing.assert_array_equal(corner(game.sample(3, 0, given=given)), given[:, 0])
    (frame,) = game.walk(6, 0, [0.5])
    np.testing.assert_array_equal(corner(frame), np.arange(6) % WORDS)
    with pytest.raises(ValueError, match="no classes"):
        game.sample(3, 0, of_class=1)
