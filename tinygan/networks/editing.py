"""Players of `video-edit`: G writes a clip anew, frame by frame, as a sentence asks; D judges both clips and the sentence.

G paints over what it is given: w_t = (1 - m) v_t + m p_t, a mask m and paint p for each pixel. What the mask leaves out
stays as it was. Each player has an LSTM that reads, a `WordReader`. Clips are (N, T, 3, 32, 32) in [-1, 1], sentences are
rows of tokens (N, T), 0 after the end.
"""

from dataclasses import dataclass

from tinygan import ops
from tinygan.networks.words import WordReader
from tinygan.nn import Conv2d, ConvTranspose2d, GRUCell, LeakyReLU, Linear, Module, Sequential
from tinygan.run.settings import RunSettings, setting

SIDE = 32  # of a frame
LOUDER = 5  # times what is read, which is about .1 at first
WAYS, SIZE = 4, 32  # in which a place fits a sentence; and of the vectors that are compared


@dataclass
class EditingSettings(RunSettings):
    """Sizes of both players."""

    frames: int = setting(3, "Frames of a clip to learn from; clips of any length are edited.", 2)
    embedding: int = setting(48, "Size of a word's vector before it is read.", 1)
    hidden: int = setting(64, "Size of the state of the LSTM that reads.", 1)
    channels: int = setting(16, "G's channels at 32x32; at smaller sides there are two and four times as many.", 1)
    state: int = setting(128, "Size of the state that G carries from frame to frame.", 1)
    d_channels: int = setting(24, "D's channels at 16x16; at 8x8 there are twice as many.", 1)


class Told(Module):
    """Features as a sentence wants them: (1 + γ(s)) x + β(s), channel by channel. Perez et al. 2018 (FiLM)."""

    def __init__(self, told, channels, rng):
        self.scale, self.shift = (Linear(told, channels, rng=rng) for _ in range(2))

    def forward(self, x, told):
        """Features (N, C, h, w), what was read (N, told) -> (N, C, h, w)."""
        return x * (1 + self.scale(told)[:, :, None, None]) + self.shift(told)[:, :, None, None]


class Matches(Module):
    """How well each place fits what was read, in some ways a: q_a(s)·k_a(x, around) / √SIZE.

    "The red circle" is what is red and also a circle: a product, which a sum of features cannot tell from what is one of
    both. Each place is compared with the sentence as attention compares keys with a query (Vaswani et al. 2017, eq. 1).
    """

    def __init__(self, told, channels, rng):
        self.around = Conv2d(channels, WAYS * SIZE, 3, 1, 1, rng=rng)
        self.key = Conv2d(WAYS * SIZE, WAYS * SIZE, 1, rng=rng)
        self.query = Linear(told, WAYS * SIZE, rng=rng)

    def forward(self, x, told):
        """Features (N, C, h, w), what was read (N, told) -> (N, WAYS, h, w)."""
        product = self.key(ops.leaky_relu(self.around(x), 0.2)) * self.query(told)[:, :, None, None]
        return ops.sum(ops.unflatten(product, 1, (WAYS, SIZE)), 2) / SIZE**0.5


class Editor(Module):
    """Generator: a U-net whose narrowest place is a GRU's state; it sees a frame, and the frame that it wrote before."""

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        c, told = s.channels, 2 * s.hidden
        self.first = Conv2d(6, c, 3, 1, 1, rng=rng)
        self.to_16 = Conv2d(c, 2 * c, 4, 2, 1, rng=rng)
        self.to_8 = Conv2d(2 * c, 4 * c, 4, 2, 1, rng=rng)
        self.to_4 = Conv2d(4 * c, 4 * c, 4, 2, 1, rng=rng)
        self.sum_up = Linear(16 * 4 * c + told, s.state, rng=rng)
        self.cell = GRUCell(s.state, s.state, rng=rng)
        self.recall = Linear(2 * s.state, 16 * 4 * c, rng=rng)
        self.told_half, self.told_quarter, self.told_eighth = (Told(told, n * c, rng) for n in (2, 4, 4))
        self.matches = Matches(told, 4 * c, rng)
        self.look = Conv2d(4 * c, 4 * c, 3, 1, 1, rng=rng)
        self.up_8 = ConvTranspose2d(4 * c, 4 * c, 4, 2, 1, rng=rng)
        self.up_16 = ConvTranspose2d(8 * c + WAYS, 2 * c, 4, 2, 1, rng=rng)
        self.up_32 = ConvTranspose2d(4 * c, c, 4, 2, 1, rng=rng)
        self.told_whole = Told(told, 2 * c, rng)
        self.join = Conv2d(2 * c, c, 3, 1, 1, rng=rng)
        self.last = Conv2d(c, 4, 3, 1, 1, rng=rng)
        self.colour = Linear(told, 3, rng=rng)

    def forward(self, clips, rows):
        """Clips (N, T, 3, 32, 32), tokens -> edited clips (N, T, 3, 32, 32)."""
        return self.paint_over(clips, rows)[0]

    def paint_over(self, clips, rows):
        """Clips, tokens -> edited clips, how surely each pixel changes (N, T, 1, 32, 32), logits; paint (N, T, 3, 32, 32)."""
        told, before, h, done = LOUDER * self.reader(rows).whole, clips[:, 0], None, []
        for t in range(clips.shape[1]):
            change, paint, h = self.write(clips[:, t], before, told, h)
            mask = ops.sigmoid(change)
            before = (1 - mask) * clips[:, t] + mask * paint
            done.append((before, change, paint))
        return [ops.stack(part, 1) for part in zip(*done)]

    def write(self, frame, before, told, h):
        """A frame, the one written before, (N, 3, 32, 32), what was read, the state -> change, paint, the state."""
        act = lambda x: ops.leaky_relu(x, 0.2)
        whole = act(self.first(ops.cat([frame, before], 1)))  # (N, c, 32, 32)
        half = act(self.told_half(self.to_16(whole), told))  # (N, 2c, 16, 16)
        quarter = act(self.told_quarter(self.to_8(half), told))  # (N, 4c, 8, 8)
        eighth = act(self.told_eighth(self.to_4(quarter), told))  # (N, 4c, 4, 4)
        seen = act(self.sum_up(ops.cat([ops.flatten(eighth, 1), told], 1)))
        h = self.cell(seen, h)
        recalled = ops.reshape(self.recall(ops.cat([seen, h], 1)), eighth.shape)
        x = act(self.look(eighth) + recalled)
        x = ops.cat([act(self.up_8(x)), quarter, self.matches(quarter, told)], 1)
        x = ops.cat([act(self.up_16(x)), half], 1)
        x = ops.cat([act(self.up_32(x)), whole], 1)  # (N, 2c, 32, 32)
        x = self.last(act(self.join(self.told_whole(x, told))))
        return x[:, :1], ops.tanh(x[:, 1:] + self.colour(told)[:, :, None, None]), h


class EditJudge(Module):
    """D(v, w, s), place by place: do clips before and after belong together, and to the sentence? (N, 1, 8, 8) verdicts."""

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        c, told = s.d_channels, 2 * s.hidden
        self.first = Conv2d(6 * s.frames, c, 4, 2, 1, rng=rng)
        self.second = Conv2d(c, 2 * c, 4, 2, 1, rng=rng)
        self.told_first, self.told_second = Told(told, c, rng), Told(told, 2 * c, rng)
        self.verdict = Sequential(Conv2d(2 * c, 2 * c, 3, 1, 1, rng=rng), LeakyReLU(0.2), Conv2d(2 * c, 1, 3, 1, 1, rng=rng))

    def forward(self, after, before, rows):
        """Clips after and before (N, T, 3, 32, 32), frames one above another as channels; tokens -> verdicts."""
        told = LOUDER * self.reader(rows).whole
        x = self.first(ops.flatten(ops.cat([after, before], 2), 1, 2))
        x = ops.leaky_relu(self.told_first(x, told), 0.2)
        return self.verdict(ops.leaky_relu(self.told_second(self.second(x), told), 0.2))
