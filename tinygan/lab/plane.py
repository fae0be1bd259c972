"""The game in the plane: two perceptrons, one move at a time, and what of it is shown.

The moves are those of `gan.adversarial`, the same that `tinygan train` makes. `Plane.show` returns numbers and arrays of the
moment: points, D's verdicts on a grid, where G's loss pulls each point, and what G makes of a grid of z.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import Array, stream
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings, PackSettings
from tinygan.lab.history import History
from tinygan.lab.moves import Moves
from tinygan.lab.scenes import DRAWN, SCENES, SIDE, make_scene
from tinygan.networks.perceptrons import PerceptronSettings, point_discriminator, point_generator
from tinygan.run.settings import defaults, setting

GRID = 40  # D's verdicts are shown on a grid of GRID² points
NET = 17  # lines of the grid of z that is carried through G
SHOWN, ARROWS, COUNTED = 256, 64, 512  # generated points that are drawn, that have an arrow, that places are counted with
LARGEST = {"hidden": 512, "d_hidden": 512, "layers": 6, "d_layers": 6, "batch_size": 1024, "n_critic": 20, "noise": 32}


@defaults(
    steps=10**9, batch_size=128, schedule="constant", gamma=0.02, ema=0.0, noise=2, hidden=64, layers=2, learning_rate=2e-3
)
class PlaneSettings(PerceptronSettings, PackSettings, AdversarialSettings):
    """Settings of the game in the plane; `hidden` and `layers` are G's."""

    d_hidden: int = setting(64, "Width of D's hidden layers.", 1)
    d_layers: int = setting(2, "D's hidden layers.", 1)

    def __post_init__(self):
        super().__post_init__()
        for name, most in LARGEST.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name}={getattr(self, name)}: at most {most} here; more would not move while you look")


PRESETS: dict[str, dict] = {
    "collapse": {
        "scene": "ring", "objective": "non-saturating", "penalty": "none", "learning_rate": 2e-3, "beta1": 0.9,
        "seed": 1,
    },
    "cured": {
        "scene": "ring", "objective": "relativistic", "penalty": "r1+r2", "gamma": 0.1, "learning_rate": 2e-3, "beta1": 0.0,
        "ema": 0.99, "seed": 1,
    },
    "saturates": {
        "scene": "ring", "objective": "minimax", "penalty": "none", "learning_rate": 1e-3, "beta1": 0.0, "d_rate": 3.0,
    },
    "wgan-gp": {
        "scene": "swissroll", "objective": "wasserstein", "penalty": "wgan-gp", "gamma": 1.0, "n_critic": 5,
        "learning_rate": 1e-3, "beta1": 0.5, "beta2": 0.9,
    },
    "moons": {"scene": "moons", "objective": "relativistic", "penalty": "r1+r2", "gamma": 0.02, "learning_rate": 2e-3},
}  # fmt: skip
CURE = "cured"  # the preset that goes on with the networks as they are


class Plane(Moves):
    """A game in the plane. ValueError, in a sentence, for settings that do not fit."""

    SETTINGS = tuple(
        "objective penalty gamma clip_weights learning_rate d_rate beta1 beta2 n_critic ema hidden layers d_hidden d_layers"
        " noise batch_size seed".split()
    )
    NETWORKS = ("hidden", "layers", "d_hidden", "d_layers", "noise", "seed")

    def __init__(self, values: dict, drawing: list | None = None):
        values = dict(values)
        name = values.pop("scene", "ring")
        if name != DRAWN and name not in SCENES:
            raise ValueError(f"scene={name}: expected one of {', '.join([*SCENES, DRAWN])}")
        s = PlaneSettings(**values)
        g = point_generator(s)
        d = point_discriminator(replace(s, hidden=s.d_hidden, layers=s.d_layers))
        game = FromNoise(g, d, [Normal(s.noise)], self.read, s)
        super().__init__(game, s, History("d_loss", "g_loss", "found"))
        self.scene_name = name
        self.draw(drawing or [])
        self.at = np.stack(np.meshgrid(*[np.linspace(-SIDE, SIDE, GRID)] * 2), -1).reshape(-1, 2).astype("float32")
        self.net = net_of_z(s.noise)

    def chosen(self) -> dict[str, Any]:
        return {"scene": self.scene_name, **super().chosen()}

    def draw(self, drawing: list) -> None:
        """Keep what was drawn, and learn it if that is the scene; the networks stay as they are."""
        paths = drawing if self.scene_name == DRAWN else SCENES[self.scene_name]
        self.scene = make_scene(paths) if paths else None
        self.drawing = drawing

    def read(self, turn: int) -> Batch:
        """Return the real samples of a turn."""
        if self.scene is None:
            raise ValueError("nothing is drawn yet: draw a line or a dot first")
        return Batch(self.scene.sample(self.settings.batch_size, stream(self.settings.seed, "scene", turn)))

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show(self) -> tuple[dict, dict[str, Array]]:
        """Return numbers, and arrays float32: real, fake (N, 2), pull (ARROWS, 2), verdicts (GRID, GRID), net, history."""
        s, G, D = self.settings, self.game.G.average.module, self.game.D.module
        with no_grad():
            z = self.game.spaces[0].sample(stream(s.seed, "shown"), COUNTED)
            made = G(Tensor(z)).data
            verdicts = D(Tensor(self.at)).data
            net = G(Tensor(self.net)).data
            on_fake = D(Tensor(made[:SHOWN])).data
            real = self.scene.sample(SHOWN, stream(s.seed, "shown real")) if self.scene else np.empty((0, 2), "float32")
            on_real = D(Tensor(real)).data
        numbers = {**self.numbers(), "fake_verdict": float(on_fake.mean())}
        arrays = {
            "real": real, "fake": made[:SHOWN], "verdicts": verdicts.reshape(GRID, GRID),
            "net": net.reshape(NET, NET, 2) if s.noise > 1 else net[None],
            "pull": self.pull(real, made[:ARROWS]) if len(real) else np.empty((0, 2), "float32"),
        }  # fmt: skip
        if self.scene is not None:
            found, near = self.scene.found(made)
            numbers |= {"found": found, "places": self.scene.places, "near": near, "real_verdict": float(on_real.mean())}
            self.history.add(self.k, **self.row, found=found / self.scene.places)
        return numbers, {**arrays, "history": self.history.array()}

    def pull(self, real: Array, fake: Array) -> Array:
        """Return where G's loss pulls each generated point (N, 2): minus the slope of its own loss there, (N, 2)."""
        D, x = self.game.D.module, Tensor(fake, requires_grad=True)
        of_real = D(Tensor(real[: len(fake)])) if self.game.objective.compares else None
        (slope,) = grad(self.game.objective.generator(of_real, D(x)), x)
        return -len(fake) * slope  # the loss is a mean over points


def net_of_z(noise: int) -> Array:
    """Return z (NET², noise) on a grid that spans nine tenths of the first two numbers, the others 0; a line for one."""
    line = np.linspace(-1.65, 1.65, NET if noise > 1 else NET * 4)
    first = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2) if noise > 1 else line[:, None]
    net = np.zeros((len(first), noise), "float32")
    net[:, : first.shape[1]] = first
    return net
