"""The smallest games: points of the plane from a linear G, judged by a D with one hidden layer."""

from dataclasses import dataclass

from tinygan import Tensor, nn
from tinygan.backend import stream
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.augment import MinibatchStd
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings, AugmentSettings, PackSettings

NOISE = 3


@dataclass
class Settings(AugmentSettings, PackSettings, AdversarialSettings):
    """Settings of a game that has every group."""


class PointGame(FromNoise):
    """Points (N, 2); `make` puts arrays where they belong."""

    def __init__(self, g, d, s, make=lambda a: a):
        self.make = make
        for p in g.parameters() + d.parameters():
            p.data = make(p.data)
        draw = lambda turn: stream(0, "real", turn).standard_normal((s.batch_size, 2), dtype="float32")
        super().__init__(g, d, [Normal(NOISE)], lambda turn: Batch(make(draw(turn))), s)

    def to_tensors(self, arrays):
        return tuple(Tensor(self.make(a)) for a in arrays)


def players(s):
    """A linear G, and a D that sees the spread of its batch too."""
    g = nn.Linear(NOISE, 2, rng=0)
    d = nn.Sequential(nn.Linear(2 * s.packing, 6, rng=1), MinibatchStd(2), nn.Tanh(), nn.Linear(7, 1, rng=2))
    return g, d


def point_game(make=lambda a: a, kind=PointGame, **settings):
    """A game of these players; settings as given."""
    s = Settings(**{"steps": 10, "batch_size": 8, **settings})
    return kind(*players(s), s, make)


def weights(game):
    """Everything that training changes, by name, as arrays."""
    return {
        f"{part}.{k}": getattr(a, "get", lambda a=a: a)()
        for part, owner in game.parts().items()
        for k, a in owner.state_dict().items()
    }
