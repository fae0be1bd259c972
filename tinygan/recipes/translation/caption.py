"""A sentence for a picture: convolutions see it, an LSTM writes with attention over its places, D judges the two together.

First the generator learns to say what people said of pictures (maximum likelihood). Then it draws sentences of its own; D
says how well each fits its picture, and what D liked becomes likelier (REINFORCE): the game of `dialogue`, see
`gan/replies.py`. Imitation may see the sentences of a share of the pictures only, `--set paired=.1`; the others come
without, and G is judged on them all the same.
"""


import numpy as np

from tinygan import ops
from tinygan.gan.replies import ReplySettings
from tinygan.networks.attending import AttendingSettings, AttendingWriter, Reader
from tinygan.nn import Conv2d, Linear, Module, Parameter
from tinygan.run.settings import defaults, setting


@defaults(steps=4000, learning_rate=2e-3, ema=0.99, beta1=0.9, clip_gradients=5.0, batch_size=32, imitation=0.6)
class Settings(AttendingSettings, ReplySettings):
    """Settings of `caption`."""

    world: str = setting("shapes", "What the pictures show: shapes made here, or figures put together of sprites.", choices=("shapes", "sprites"))
    pictures: int = setting(20_000, "Pictures to learn from.", 1)
    paired: float = setting(1.0, "Share of them whose sentences imitation sees; the others come without.", 0.0, 1.0)
    channels: int = setting(32, "Channels of the first convolution; the second has twice as many.", 1)


# --- the players -----------------------------------------------------------------------------------------------

PLACES = 8  # a side of the picture in places that are attended to: 4 x 4 pixels each


class Eye(Module):
    """Pictures (N, 3, 32, 32) -> states of their 64 places (N, 64, H), each of which has seen the others, and a gist (N, H)."""

    def __init__(self, s, rng):
        c, h = s.channels, s.hidden
        self.edges = Conv2d(3, c, 4, 2, 1, rng=rng)
        self.parts = Conv2d(c, 2 * c, 4, 2, 1, rng=rng)
        self.things = Conv2d(2 * c, h, 3, 1, 1, rng=rng)
        self.where = Parameter(0.1 * rng.standard_normal((PLACES**2, h), dtype=np.float32))
        self.ask, self.tell = Linear(h, 3 * h, rng=rng), Linear(h, h, rng=rng)

    def forward(self, pictures):
        x = ops.relu(self.parts(ops.relu(self.edges(pictures))))  # (N, 2c, 8, 8)
        x = ops.relu(self.things(x))  # (N, H, 8, 8)
        x = ops.transpose(ops.flatten(x, 2), 1, 2) + self.where  # (N, 64, H)
        x = x + self.tell(ops.scaled_dot_product_attention(*ops.chunk(self.ask(x), 3, 2)))
        return x, ops.mean(x, 1)


class Captioner(AttendingWriter):
    """Generator: an eye's states of the picture's places, and a writer that attends to them."""

    def __init__(self, words, longest, s, rng):
        self.eye = Eye(s, rng)
        self.first = Linear(s.hidden, 2 * s.hidden, rng=rng)
        super().__init__(words, longest, s, rng)

    def read(self, pictures):
        states, gist = self.eye(pictures)
        return states, None, tuple(ops.chunk(ops.tanh(self.first(gist)), 2, 1))


class PictureJudge(Module):
    """Discriminator: each word looks at the picture's places; the verdict is the mean of what the words found."""

    def __init__(self, words, s, rng):
        self.eye = Eye(s, rng)
        self.first = Linear(s.hidden, 2 * s.hidden, rng=rng)
        self.reader = Reader(words, s, rng)
        self.mix = Linear(2 * s.hidden, s.hidden, rng=rng)
        self.verdict = Linear(s.hidden, 1, rng=rng)

    def forward(self, pictures, sentences):
        states, gist = self.eye(pictures)
        there = sentences != 0
        hidden, _ = self.reader(sentences, tuple(ops.chunk(ops.tanh(self.first(gist)), 2, 1)), there.sum(1))
        hidden = ops.transpose(hidden, 0, 1)  # (N, T, H)
        seen = ops.scaled_dot_product_attention(hidden, states, states)
        each = self.verdict(ops.tanh(self.mix(ops.cat([hidden, seen], 2))))[:, :, 0]  # (N, T)
        return ops.sum(ops.where(there, each, 0.0), 1, True) / there.sum(1, keepdims=True).astype(each.dtype)
