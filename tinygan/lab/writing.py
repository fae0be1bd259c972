"""Digits that an LSTM writes row by row, and its state at each row: the game of the recipe `digits`, smaller."""

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import Array, stream
from tinygan.data import digits
from tinygan.gan.latent import draw_each
from tinygan.lab.history import History
from tinygan.lab.moves import Moves
from tinygan.recipes.pictures.digits import WrittenSettings, row_game
from tinygan.run.settings import defaults

PICTURES, REAL = 12, 6  # generated and real ones that are shown
LARGEST = {"hidden": 128, "batch_size": 128, "n_critic": 10, "noise": 64, "row_noise": 32}


@defaults(steps=10**9, schedule="constant", ema=0.0, hidden=48, features=64, batch_size=32, penalty_every=4)
class WritingSettings(WrittenSettings):
    """Settings of the LSTM and of the network that judges what it writes."""

    def __post_init__(self):
        super().__post_init__()
        for name, most in LARGEST.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name}={getattr(self, name)}: at most {most} here; more would not move while you look")


class Writing(Moves):
    """The LSTM at work. ValueError, in a sentence, for settings that do not fit."""

    SETTINGS = tuple(
        "objective penalty gamma learning_rate d_rate beta1 n_critic ema hidden noise row_noise batch_size seed".split()
    )
    NETWORKS = ("hidden", "noise", "row_noise", "seed")

    def __init__(self, values: dict):
        s = WritingSettings(**values)
        images = digits()[0] * 2 - 1
        super().__init__(row_game(images, [(24, 4, 2), (32, 3, 2)], s, "cpu"), s, History("d_loss", "g_loss"))
        self.real = images[stream(s.seed, "shown real").permutation(len(images))[:REAL]]

    def show(self) -> tuple[dict, dict[str, Array]]:
        """Return numbers, and arrays float32: pictures (12, 8, 8), states (8, 12, hidden), verdicts (12,), real (6, 8, 8)."""
        z = draw_each(self.game.spaces, stream(self.settings.seed, "shown"), PICTURES)
        D = self.game.D.module
        with no_grad():
            pictures, states = self.game.G.average.module(*self.game.to_tensors(z))
            verdicts, on_real = D(pictures).data, D(Tensor(self.real)).data
        self.history.add(self.k, **self.row)
        numbers = {**self.numbers(), "fake_verdict": float(verdicts.mean()), "real_verdict": float(on_real.mean())}
        return numbers, {
            "pictures": pictures.data[:, 0], "states": states.data, "verdicts": verdicts[:, 0], "real": self.real[:, 0],
            "history": self.history.array(),
        }  # fmt: skip
