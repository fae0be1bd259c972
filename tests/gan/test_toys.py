"""Two systems that no recipe has, to see what the design holds: a game of three players, and samples that answer to a batch.

Each is written as a reader would write it, in few lines; it learns something that can be checked, and its run resumes.
"""

import ast
import inspect
from functools import partial

import numpy as np
import pytest

from tinygan import Tensor, nn, ops
from tinygan.backend import stream
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Normal
from tinygan.gan.objectives import relativistic
from tinygan.gan.penalties import zero_centred
from tinygan.gan.players import Batch, Game, Player
from tinygan.gan.settings import AdversarialSettings, AverageSettings, DuelSettings
from tinygan.optim import EMA, Adam
from tinygan.run.folder import Run
from tinygan.run.loop import train
from tinygan.run.settings import defaults, setting

# --- three players: two generators against one discriminator ----------------------------------------------------------


@defaults(steps=400, learning_rate=2e-2, ema=0.9, batch_size=32)
class PairSettings(AverageSettings, DuelSettings):
    """Settings of two generators against one D."""

    gamma: float = setting(0.1, "Weight of the penalty on D's slope.", 0.0)


class PairGame(Game):
    """Two painters of points, which begin far from the data on either side, and the one D that both have to convince."""

    painters = ("left", "right")

    def __init__(self, s):
        adam = lambda module, rate: Adam(module.parameters(), lr=rate, betas=(s.beta1, s.beta2))
        players = []
        for name, start in zip(self.painters, (-4.0, 4.0)):
            G = nn.Linear(2, 2, rng=stream(s.seed, name))
            G.bias.data[:] = start
            average = {"average": EMA(G, s.ema)}
            players.append(Player(name, G, adam(G, s.learning_rate), s.share_left, averages=average))
        D = nn.Sequential(nn.Linear(2, 32, rng=stream(s.seed, "D")), nn.LeakyReLU(0.2), nn.Linear(32, 1, rng=1))
        players.append(Player("discriminator", D, adam(D, s.learning_rate * s.d_rate), s.share_left))
        super().__init__(players, s)

    def batch(self, k):
        x = stream(self.settings.seed, "real", k).standard_normal((self.settings.batch_size, 2), dtype="float32")
        return Batch(np.float32([1, -1]) + np.float32(0.2) * x)

    def paint(self, module, n, rng):
        return module(Tensor(rng.standard_normal((n, 2), dtype="float32")))

    def step(self, k):
        s, D = self.settings, self.players["discriminator"]
        real = Tensor(self.batch(k).x, requires_grad=True)
        painted = {p: self.paint(self.players[p].module, s.batch_size, stream(s.seed, p, k)) for p in self.painters}
        of_real = D.module(real)
        d_loss = 0.5 * s.gamma * zero_centred(of_real, real)
        for x in painted.values():
            seen = Tensor(x.data, requires_grad=True)
            verdicts = D.module(seen)
            d_loss = d_loss + relativistic.discriminator(of_real, verdicts) + 0.5 * s.gamma * zero_centred(verdicts, seen)
        D.move(d_loss, k)
        row = {"d_loss": d_loss.item()}
        for name, x in painted.items():
            loss = relativistic.generator(D.module(Tensor(real.data)), D.module(x))
            self.players[name].move(loss, k)
            row[f"{name}_loss"] = loss.item()
        return row

    def draw(self, n, rng):
        halves = n - n // 2, n // 2
        parts = [self.paint(self.players[p].average.module, m, rng).numpy() for p, m in zip(self.painters, halves)]
        return np.concatenate(parts)


# --- samples that answer to a batch: the second half of a sequence, from its first half -------------------------------


@defaults(steps=400, learning_rate=1e-2, ema=0.9, batch_size=64, gamma=0.05, beta1=0.5)
class HalfSettings(AdversarialSettings):
    """Settings of second halves."""


class Beside(nn.Module):
    """A perceptron that reads its arguments side by side."""

    def __init__(self, inputs, outputs, seed):
        self.layers = nn.Sequential(nn.Linear(inputs, 32, rng=seed), nn.LeakyReLU(0.2), nn.Linear(32, outputs, rng=seed + 1))

    def forward(self, *parts):
        return self.layers(ops.cat(parts, 1))


class HalfGame(FromNoise):
    """Sequences that turn back: the second half is the first, mirrored and doubled, with a little noise."""

    takes = ("given",)

    def __init__(self, s):
        super().__init__(Beside(2 + 3, 3, 1), Beside(3 + 3, 1, 2), [Normal(2)], self.real, s)

    def real(self, turn):
        rng = stream(0, "real", turn)
        first = rng.uniform(-1, 1, (64, 3)).astype("float32")
        noise = np.float32(0.1) * rng.standard_normal((64, 3), dtype="float32")
        return Batch(2 * first[:, ::-1] + noise, (first,))

    def ask(self, n, rng):
        return self.tell(rng.uniform(-1, 1, (n, 3)).astype("float32"))


# --- both are trained into a run, and go on where they were stopped ---------------------------------------------------


def lines(*systems):
    """How many lines of code some classes have, their settings included."""
    trees = [ast.parse(inspect.getsource(system)) for system in systems]
    return sum(tree.body[0].end_lineno for tree in trees)


def write_nothing(samples, path):
    assert len(samples) == 100


def trained(folder, make):
    game = make()
    run = Run.create(folder, "toy", game.settings)
    train(game, run, write_nothing, pictures=4, progress=False)
    return game, run


def weights(game):
    return {f"{part}.{k}": np.array(a) for part, owner in game.parts().items() for k, a in owner.state_dict().items()}


@pytest.fixture(params=["three players", "answers"])
def toy(request):
    """What makes the game."""
    pair, half = partial(PairGame, PairSettings()), partial(HalfGame, HalfSettings())
    return {"three players": pair, "answers": half}[request.param]


def test_a_run_of_it_resumes_at_the_same_bits(toy, tmp_path):
    whole, run = trained(tmp_path / "whole", toy)
    steps = whole.settings.steps
    (run.folder / "checkpoints" / f"step-{steps}.safetensors").unlink()
    again = toy()
    start = run.resume(again)
    assert start == 3 * steps // 4
    train(again, run, write_nothing, start=start, pictures=4, progress=False)
    expected, found = weights(whole), weights(again)
    assert expected.keys() == found.keys()
    assert all(expected[name].tobytes() == found[name].tobytes() for name in expected)
    assert [row["step"] for row in run.rows()][-1] == steps


def test_both_painters_come_to_the_data(tmp_path):
    assert lines(PairSettings, PairGame) < 60
    game, run = trained(tmp_path / "run", partial(PairGame, PairSettings()))
    before = PairGame(PairSettings()).sample(200, 0)
    distance = lambda x: np.linalg.norm(x.mean(0) - np.array([1, -1]))
    after = game.sample(200, 0)
    for half in (slice(0, 100), slice(100, 200)):
        assert distance(before[half]) > 3 and distance(after[half]) < 0.3
        assert 0.05 < after[half].std(0).mean() < 0.5
    assert set(game.parts()) >= {"left", "right_average", "discriminator_optimizer"}
    assert {"left_loss", "right_loss", "d_loss"} <= set(run.rows()[-1])


def test_the_second_half_answers_to_the_first(tmp_path):
    assert lines(HalfSettings, Beside, HalfGame) < 60
    game, _ = trained(tmp_path / "run", partial(HalfGame, HalfSettings()))
    first = np.random.default_rng(0).uniform(-1, 1, (300, 3)).astype("float32")
    right = 2 * first[:, ::-1]
    error = lambda x: np.abs(x - right).mean()
    found = game.sample(300, 0, given=first)
    assert error(found) < 0.3 < 1 < error(game.sample(300, 0, given=first[::-1]))
    assert error(HalfGame(HalfSettings()).sample(300, 0, given=first)) > 0.8
    assert np.abs(game.sample(300, 0)).max() < 3.5
