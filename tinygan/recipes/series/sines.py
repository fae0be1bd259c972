"""Sine waves of any frequency, amplitude and phase, written by an LSTM and judged by a CNN or an LSTM.

The oldest test of recurrent GANs (RCGAN, Esteban et al. 2017): a wave is easy to see, and a generator that forgets the
phase it is in, or writes noise of the right loudness, is caught by numbers. Data: 14,000 waves of 30 steps. D sees
every wave twice, as it is and as loud as all others: without that soft waves wobble (purity .975 after 14,000 steps;
with it .990 after 1,000). `tinygan train sines`, seeds 0 to 2: MMD² .0002 ± .0003 (95 of 100 times real waves stay below
.0011), purity .991 (real .991). `--set judge=lstm --set penalty_every=8` plays LSTM against LSTM. `--set bands=4 --set
noise=12` is RCGAN's conditional version: both players read at every step which band of frequency the wave is of; `tinygan
sample RUN --class 2`. MMD² -.0003; a GRU that learned the bands from samples reads .96 of real waves (from real ones .98),
and .93 of samples are read as asked, since some near a band's edge are beyond it. With noise=4 samples keep to the middle
of their band: MMD² .0048, .90 and .995.
"""

from dataclasses import dataclass

import numpy as np

from tinygan.backend import stream, to_device
from tinygan.data import Loader, sines
from tinygan.files import written_whole
from tinygan.gan import training
from tinygan.gan.classes import ClassGame, ClassLoader, in_turn, one_hot_in_turn
from tinygan.gan.sequences import CELLS, VERDICTS, ConvolutionalJudge, RecurrentJudge, SequenceGenerator
from tinygan.gan.training import setting
from tinygan.metrics import sequence_class_scores, sequence_scores
from tinygan.ops import cat, mean, sqrt
from tinygan.plot.drawing import COLOURS, new_figure, pixels, save_small


@dataclass
class SequenceSettings(training.Settings):
    """Settings of sequences of numbers."""

    penalty_every: int = setting(4, "The penalty is taken every so many steps, as many times as strong.", 1)
    ema: float = setting(0.999, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    cell: str = setting("lstm", "What writes the sequence.", choices=tuple(CELLS))
    hidden: int = setting(64, "Size of the generator's state.", 1)
    layers: int = setting(1, "Recurrent layers of the generator.", 1)
    noise: int = setting(4, "Size of z, drawn once a sequence.", 0)
    step_noise: int = setting(4, "Size of z_t, drawn anew at every step.", 0)
    tokens: int = setting(0, "z_t is the embedding of one of so many random tokens; 0: normal noise.", 0)
    feedback: int = setting(0, "1: each step reads what the step before it wrote; 0: not.", 0, 1)
    judge: str = setting("cnn", "What judges it: a CNN over time, or a recurrent network.", choices=("cnn", *CELLS))
    verdict: str = setting("pooled", "The states that a recurrent judge's verdict comes from.", choices=VERDICTS)
    judge_hidden: int = setting(64, "Size of a recurrent judge's state.", 1)
    channels: int = setting(32, "Channels of the CNN's first convolution; the others have twice as many.", 1)

    def __post_init__(self):
        super().__post_init__()
        if self.noise + self.step_noise == 0:
            raise ValueError("noise=0 and step_noise=0: without noise there is one sequence; give one of them a size")
        if self.tokens and not self.step_noise:
            raise ValueError(f"tokens={self.tokens} with step_noise=0: an embedding needs a size; 4 is one")


def sequence_players(length, features, s, activation="tanh", condition=0, shown=None):
    """(generator, discriminator) of sequences (N, length, features), as the settings say.

    shown: how many features D sees, if not as many.
    """
    rng = stream(s.seed, "generator")
    g = SequenceGenerator(
        features, hidden=s.hidden, noise=s.noise, step_noise=s.step_noise, cell=s.cell, layers=s.layers,
        feedback=s.feedback, tokens=s.tokens, condition=condition, activation=activation, rng=rng,
    )  # fmt: skip
    rng, shown = stream(s.seed, "discriminator"), shown or features
    if s.judge == "cnn":
        channels = s.channels, 2 * s.channels, 2 * s.channels
        return g, ConvolutionalJudge(shown, channels, length=length, condition=condition, rng=rng)
    judge = RecurrentJudge(shown, hidden=s.judge_hidden, cell=s.judge, verdict=s.verdict, condition=condition, rng=rng)
    return g, judge


# --- the recipe ------------------------------------------------------------------------------------------------


@dataclass
class Settings(SequenceSettings):
    """Settings of `sines`."""

    steps: int = setting(3000, "Training steps; each moves both players once, D n_critic times.", 1)
    gamma: float = setting(0.05, "Weight of the penalty; see `penalty`.", 0.0)
    ema: float = setting(0.99, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    length: int = setting(30, "Steps of a wave.", 8)
    bands: int = setting(0, "Both players are told which of so many equal bands of frequency a wave is of; 0: not.", 0)


def beside_even(x):
    """(N, T, 1) -> (N, T, 2): beside every wave the same with a mean square of 1, as R1 and R2 hold D's slope.

    What is small in x is small to such a D, however clearly it is seen.
    """
    even = x / sqrt(mean(x * x, (1, 2), True) + 1e-3)  # 1e-3: silence stays finite; the softest real wave has .005
    return cat([x, even], 2)


def by_band(n, length, bands, seed=0):
    """Real waves of each of `bands` equal parts of the frequencies from 1 to 5, n in all: a list of arrays."""
    edges = np.linspace(1, 5, bands + 1)
    return [sines(n // bands, length, (seed, k), band) for k, band in enumerate(zip(edges, edges[1:]))]


def make_game(s, device="cpu"):
    """The game that `tinygan train sines` plays."""
    g, d = sequence_players(s.length, 1, s, condition=s.bands, shown=2)
    if s.bands:
        waves = [to_device(beside_even(x), device) for x in by_band(14_000, s.length, s.bands)]
        loader = ClassLoader(waves, s.batch_size, s.seed)
    else:
        loader = Loader(to_device(beside_even(sines(14_000, s.length)), device), batch_size=s.batch_size, seed=s.seed)
    told = lambda n: (one_hot_in_turn(n, s.bands, device),) if s.bands else ()

    def real(turn):
        return loader.batch(turn), *(band.data for band in told(s.batch_size))

    def fake(generator, rng, n):
        return beside_even(generator(*generator.draw_noise(rng, n, s.length), *told(n))), *told(n)

    return ClassGame(g.to(device), d.to(device), real, fake, s, classes=s.bands)


def draw(game, samples, path):
    """Real waves above, generated ones below; the bands in turn, if there are any."""
    bands = max(1, game.settings.bands)
    real = np.stack(by_band(6 * bands, samples.shape[1], bands, "drawn"), 1).reshape(6 * bands, -1, 1)
    figure, canvas = new_figure(9, 2.6)
    for row, (name, waves, colour) in zip(
        figure.subplots(2, 6, sharey=True), (("real", real, COLOURS[""]), ("generated", samples, COLOURS["g"]))
    ):
        for axes, wave in zip(row, waves):
            axes.plot(wave[:, 0], color=colour, linewidth=1.4, marker=".", markersize=3)
            axes.set(ylim=(-1, 1), xticks=[], yticks=[])
            axes.spines[:].set_color("#cccccc")
        row[0].set_ylabel(name, fontsize=10)
    save_small(pixels(canvas), path)


def write_array(game, samples, path):
    """An array (N, T, 1) of waves, each once."""
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.save(file, samples[:, :, :1])


FORMATS = {".png": draw, ".npy": write_array}
EVALUATED_SAMPLES = 4000
READER_STEPS = 3000


def evaluate(game, samples):
    """MMD² to real waves, and how pure the tones are, each beside what real waves score; with bands, who reads them right."""
    length, bands, waves = samples.shape[1], game.settings.bands, samples[:, :, :1]
    scores = {"samples": len(samples)}
    scores |= sequence_scores(sines(14_000, length), waves, n=min(1000, len(samples)))._asdict()
    if not bands:
        return scores
    real = np.concatenate(by_band(14_000, length, bands))
    of_real, of_samples = np.arange(bands).repeat(len(real) // bands), in_turn(len(waves), bands)
    return scores | sequence_class_scores(real, of_real, waves, of_samples, steps=READER_STEPS)
