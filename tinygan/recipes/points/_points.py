"""What `ring`, `grid` and `swissroll` share: their settings, the game on points of the plane, their picture."""


from tinygan.backend import to_device
from tinygan.data import Loader, note
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import SPACES, Categorical, Joined, sparse_code
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings, PackSettings
from tinygan.networks.perceptrons import PerceptronSettings, point_discriminator, point_generator
from tinygan.ops import abs, mean
from tinygan.plot import point_picture, save_image
from tinygan.run.settings import defaults


@defaults(steps=30_000, batch_size=256, gamma=0.005, ema=0.999)
class PointSettings(PerceptronSettings, PackSettings, AdversarialSettings):
    """Settings of points in the plane."""


@defaults(
    steps=12_000, schedule="exponential", decay_from=0.0, gamma=0.03, gamma_end=1e-6, penalty_every=4, ema=0.99, noise=2,
    codes=256, noise_share=0.05, frequencies=64,
)  # fmt: skip
class ModeSettings(PointSettings):
    """Settings of points about many centres: G has a code, D sees waves, and all that moves is annealed, from far to near.

    At first D is smooth, as a large gamma makes it, and draws each code to some mode. Then it may see finer and finer,
    in the end how wide a mode is, while smaller steps keep G from jumping about by more than a mode's width.
    """


class PointGame(FromNoise):
    """The game on points; with `sparsity` G also wants few active features."""

    def g_extra(self):
        if not self.settings.sparsity:
            return 0.0, {}
        h = sparse_code(self.G.module)
        return self.settings.sparsity * mean(abs(h)), {"active_share": float((h.data > 0).mean())}


def point_game(points, s, device):
    """Return the game of two perceptrons on points (N, 2)."""
    note(f"{len(points):,} points, drawn here")
    loader = Loader(to_device(points, device), batch_size=s.batch_size, seed=s.seed)
    space = Joined(SPACES[s.latent](s.noise), *([Categorical(s.codes)] if s.codes else []))
    g, d = point_generator(s).to(device), point_discriminator(s).to(device)
    return PointGame(g, d, [space], lambda turn: Batch(loader.batch(turn)), s)


def draw_points(game, real, samples, path):
    """Draw real and generated points over D's surface, if D judges one point at a time."""
    alone = game.packing == 1 and not game.settings.spread_of
    save_image(point_picture(real, samples, game.D.module if alone else None), path)
