"""Pictures made of pictures: a small residual network of layers of half their height and width, and its settings.

Johnson et al. 2016; Zhu et al. 2017, section 4, whose networks are larger.
"""

from dataclasses import dataclass

from tinygan import nn
from tinygan.ops import sigmoid, tanh
from tinygan.run.settings import RunSettings, defaults, setting


@dataclass
class TranslatorSettings(RunSettings):
    """Settings of the translators."""

    channels: int = setting(24, "Channels within the translators, whose layers see pictures of half the sides.", 1)
    blocks: int = setting(2, "Residual blocks of each translator.", 1)


@dataclass
class DrawSettings(RunSettings):
    """How the translators draw."""

    draws: str = setting(
        "anew", "The whole picture anew, or over what is given: good where little changes, the default of sprites.",
        choices=("anew", "over"),
    )  # fmt: skip


@defaults(draws="over")
class OverSettings(DrawSettings):
    """How the translators draw where little changes."""


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))). He et al. 2016."""

    def __init__(self, channels, rng):
        conv = lambda: nn.Conv2d(channels, channels, 3, padding=1, rng=rng)
        norm = lambda: nn.InstanceNorm2d(channels, affine=True)
        self.change = nn.Sequential(conv(), norm(), nn.ReLU(), conv(), norm())

    def forward(self, x):
        """(N, channels, h, w) -> the same shape."""
        return x + self.change(x)


class Over(nn.Module):
    """m x + (1 - m) y: what stays of a picture, and what is drawn over it. Pumarola et al. 2018, section 3.1."""

    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        """(N, colours, h, w) -> the same shape; the layers' first channel is the mask, the others are y."""
        made = self.layers(x)
        mask = sigmoid(made[:, :1])
        return mask * x + (1 - mask) * tanh(made[:, 1:])


def translator(shape, s, rng):
    """Return G or F: pictures (N, *shape) -> pictures of the same shape, by way of half the height and width.

    Without the norm both end in black: tanh is flat there, and neither comes back.
    """
    is_over = s.draws == "over"
    layers = [
        nn.Conv2d(shape[0], s.channels, 4, 2, 1, rng=rng), nn.InstanceNorm2d(s.channels, affine=True), nn.ReLU(),
        *(Residual(s.channels, rng) for _ in range(s.blocks)), nn.ReLU(),
        nn.ConvTranspose2d(s.channels, shape[0] + is_over, 4, 2, 1, rng=rng),
    ]  # fmt: skip
    return Over(nn.Sequential(*layers)) if is_over else nn.Sequential(*layers, nn.Tanh())
