"""Players of `video`: a generator of clips, whose content stays while a GRU moves it on, and its two judges in one.

The parts are those of Tulyakov et al. 2018, *MoCoGAN*: G draws each frame of one z for the whole clip and of the state that
a GRU has come to; one judge sees single frames, the other the whole clip. Both players are told labels, rows of whole
numbers (N, columns): what is shown, how it moves, and perhaps the step of a cycle at which the clip begins. Clips are
(N, T, C, side, side) in [-1, 1].
"""

from dataclasses import dataclass

import numpy as np

from tinygan import ops
from tinygan.autodiff import raw
from tinygan.backend import xp
from tinygan.gan.latent import Normal
from tinygan.losses import cross_entropy
from tinygan.networks.told import double, halve, spread, widths
from tinygan.nn import GRU, Embedding, Flatten, LeakyReLU, Linear, Module, Sequential, Sigmoid, Tanh, Unflatten
from tinygan.run.settings import RunSettings, setting


@dataclass
class ClipSettings(RunSettings):
    """Sizes of both players."""

    frames: int = setting(8, "Frames of a clip that D is shown.", 8)
    before: int = setting(24, "Frames that may pass before it, at most: what goes on for long is learned from, too.", 0)
    noise: int = setting(16, "Size of z, the content.", 1)
    step_noise: int = setting(4, "Size of the noise that the GRU gets for each frame.", 1)
    motion: int = setting(64, "Size of the state of the GRU.", 1)
    embedding: int = setting(64, "Size of a label's vector.", 1)
    channels: int = setting(32, "Channels of a frame's layers at half its side; at smaller ones there are more.", 1)
    features: int = setting(192, "Size of what D knows of a frame, and of a clip.", 1)


class Labels:
    """How many values each column has: of what is shown, of how it moves, of the first step (0: a clip has none)."""

    def __init__(self, shown, motion, steps=0):
        self.shown, self.steps = len(shown), steps
        self.counts = [*shown, *motion, *[steps] * bool(steps)]
        self.ends = np.cumsum([0, *self.counts])  # of each column's values among all of them

    @property
    def total(self):
        """How many values all columns have."""
        return int(self.ends[-1])

    def move_on(self, rows, frames):
        """Return the labels so many frames later, a number or (N,); the step alone changes."""
        if not self.steps:
            return rows
        rows = raw(rows).copy()
        rows[:, -1] = (rows[:, -1] + frames) % self.steps
        return rows

    def misread(self, logits, rows, of):
        """Return the cross-entropy of each column that is read of a "frame" or a "clip"; logits (N, total)."""
        columns = range(len(self.counts))
        of_clip = columns[self.shown :]
        columns = of_clip if of == "clip" else columns if self.steps else columns[: self.shown]
        return [cross_entropy(logits[:, self.ends[k] : self.ends[k + 1]], raw(rows)[:, k]) for k in columns]


class LabelReader(Module):
    """A vector for each value of each column; what is read of some columns is the sum of theirs, over √columns."""

    def __init__(self, labels, size, rng):
        self.labels, self.vectors = labels, Embedding(labels.total, size, rng=rng)

    def forward(self, rows, columns=slice(None)):
        """Labels (N, columns) -> (N, size) of these columns."""
        rows = raw(rows)
        read = self.vectors((rows + xp(rows).asarray(self.labels.ends[:-1]))[:, columns])
        return ops.sum(read, 1) / read.shape[1] ** 0.5


PERIODS = 4.0, 40.0  # frames of the quickest and the slowest turn
LEAD = 8  # steps of the motion before a clip begins: h_0 is not on its way yet. While G learns, a clip may begin at once
SLOW = 0.2  # of a weight's step that reaches the motion


class Motion(Module):
    """z_t = g(y) h_t, h_t = GRU(h_{t-1}; noise_t, y), where h begins as a bank of turning pairs; y: labels that were read.

    As it is drawn, a GRU comes to rest within some frames, and a motion that goes round has to be learned against that.
    So each pair of h first turns by an angle a frame, R h held by tanh, and g says which pairs matter. What is learned is
    added slowly: while G does not yet draw anything, its gradient would stop the motion.
    """

    def __init__(self, noise, told, size, rng):
        self.gru = GRU(noise + told, size, rng=rng)
        self.gate = Linear(told, size, rng=rng)
        self.begun, self.bias = np.zeros((3 * size, size), np.float32), np.zeros(3 * size, np.float32)  # gates r, z, n
        low, high = np.log(PERIODS)
        for k, angle in enumerate(2 * np.pi / np.exp(np.linspace(low, high, size // 2))):
            turn = 1.25 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            self.begun[2 * (size + k) : 2 * (size + k) + 2, 2 * k : 2 * k + 2] = turn
        self.bias[:size], self.bias[size : 2 * size] = 3, -4  # r is nearly 1, z nearly 0

    def forward(self, noise, told, h):
        """noise_t (T, N, noise), labels that were read (N, told), h_0 (N, size) -> z_t (T, N, size)."""
        given = ops.cat([noise, ops.expand(ops.unsqueeze(told, 0), (len(noise), -1, -1))], 2)
        constant = xp(raw(h)).asarray
        weight_ih, weight_hh, bias_ih, bias_hh = (SLOW * weight for weight in self.gru.parameters())
        states = ops.gru(given, h, weight_ih, constant(self.begun) + weight_hh, constant(self.bias) + bias_ih, bias_hh)
        return states * (2 * ops.sigmoid(self.gate(told)))


class ClipPainter(Module):
    """Generator: frame t is paint(z, what is shown; z_t), z_t the `Motion` told how it moves, from h_0 = FC(noise, ...)."""

    def __init__(self, labels, s, rng):
        self.labels, self.frames = labels, s.frames
        self.reader = LabelReader(labels, s.embedding, rng)
        self.begin = Linear(s.noise + s.embedding, s.motion, rng=rng)
        self.motion = Motion(s.step_noise, s.embedding, s.motion, rng)
        longest = s.frames + max(s.before, 3 * s.frames)  # samples are up to four times as long as what D sees
        self.spaces = Normal(s.noise), Normal(s.noise), Normal(s.step_noise, steps=LEAD + longest)

    def forward(self, z, start, noise, rows, first=LEAD):
        """z (N, noise), noise of h_0 (N, noise), noise_t (first + T, N, step_noise), labels -> clips (N, T, C, side, side).

        The motion has gone on for `first` steps when a clip begins. first (N,), each clip's own: T is `frames`.
        """
        shown = self.reader(rows, slice(0, self.labels.shown))
        moves = self.reader(self.labels.move_on(rows, -first), slice(self.labels.shown, None))
        states = self.motion(noise, moves, ops.tanh(self.begin(ops.cat([start, moves], 1))))  # (first + T, N, motion)
        if isinstance(first, int):
            states = ops.transpose(states[first:], 0, 1)
        else:
            which = xp(first).arange(len(first))[:, None]
            states = states[first[:, None] + xp(first).arange(self.frames), which]  # (N, frames, motion)
        return self.paint(ops.cat([z, shown], 1), states)


class FigureMover(ClipPainter):
    """Each frame is drawn anew, of content and motion, by transposed convolutions; 32x32."""

    def __init__(self, labels, s, rng):
        super().__init__(labels, s, rng)
        a, b, c = widths(s.channels)
        first = Linear(s.noise + s.embedding + s.motion, 16 * c, rng=rng)
        grow = *double(c, b, rng), *double(b, a, rng), *double(a, 3, rng)
        self.draw = Sequential(first, Unflatten(1, (c, 4, 4)), *grow, Tanh())

    def paint(self, content, states):
        """Content (N, noise + embedding), states (N, T, motion) -> clips (N, T, 3, 32, 32)."""
        content = ops.expand(ops.unsqueeze(content, 1), (-1, states.shape[1], -1))
        frames = self.draw(ops.flatten(ops.cat([content, states], 2), 0, 1))
        return ops.reshape(frames, (*states.shape[:2], *frames.shape[1:]))


class DigitMover(ClipPainter):
    """The content is drawn once, 16x16, and the motion says where its middle is in each frame; grey, 24x24."""

    side = 24

    def __init__(self, labels, s, rng):
        super().__init__(labels, s, rng)
        _, b, c = widths(s.channels)
        first = Linear(s.noise + s.embedding, 16 * c, rng=rng)
        self.draw = Sequential(first, Unflatten(1, (c, 4, 4)), *double(c, b, rng), *double(b, 1, rng), Sigmoid())
        self.place = Linear(s.motion, 2, rng=rng)

    def paint(self, content, states):
        """Content (N, noise + embedding), states (N, T, motion) -> clips (N, T, 1, 24, 24)."""
        ink = self.draw(content)  # (N, 1, 16, 16)
        at = self.side / 2 * (1 + ops.tanh(0.5 * self.place(states)))  # (N, T, 2)
        down, across = spread(at[:, :, 0], self.side), spread(at[:, :, 1], self.side)  # (N, T, 24, 16)
        frames = ops.matmul(ops.matmul(down, ink), ops.transpose(across, 2, 3))
        return ops.unsqueeze(2 * frames - 1, 2)


class ClipJudge(Module):
    """D: a judge of frames and one of clips, each D(x, y) = w·φ(x) + y·φ(x): how real, and how like the labels y.

    The judge of frames looks at two frames of each clip, that of clips at all of them, one above another as channels.
    Both also read labels: what is shown and the step in a frame, how it moves in a clip.
    """

    def __init__(self, shape, labels, s, rng):
        channels, side = shape[0], shape[1]
        self.labels, self.size, self.judged = labels, s.features**0.5, (0, s.frames // 2)
        self.reader = LabelReader(labels, s.embedding, rng)
        a, b, c = widths(s.channels)
        self.of_frames, self.of_clips = (
            Sequential(
                *halve(channels * n, a, rng), *halve(a, b, rng), *halve(b, c, rng),
                Flatten(), Linear((side // 8) ** 2 * c, s.features, rng=rng), LeakyReLU(0.2),
            )
            for n in (1, s.frames)
        )  # fmt: skip
        self.real_frame, self.real_clip = (Linear(s.features, 1, rng=rng) for _ in range(2))
        self.like_frame, self.like_clip = (Linear(s.embedding, s.features, rng=rng) for _ in range(2))
        self.read_frame, self.read_clip = (Linear(s.features, labels.total, rng=rng) for _ in range(2))

    def forward(self, x, rows):
        """Clips (N, T, C, side, side), labels (N, columns) -> verdicts (N, 3), how wrongly D reads the labels: a number."""
        clip, like = self.of_clips(ops.flatten(x, 1, 2)), self.like_clip(self.reader(rows))
        verdicts = [self.real_clip(clip) + ops.sum(like * clip, 1, True) / self.size]
        wrong = [*self.labels.misread(self.read_clip(clip), rows, "clip")]
        for t in self.judged:
            frame, now = self.of_frames(x[:, t]), self.labels.move_on(rows, t)
            like = self.like_frame(self.reader(now))
            verdicts.append(self.real_frame(frame) + ops.sum(like * frame, 1, True) / self.size)
            wrong += self.labels.misread(self.read_frame(frame), now, "frame")
        return ops.cat(verdicts, 1), sum(wrong[1:], wrong[0]) / len(wrong)
