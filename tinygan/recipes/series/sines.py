"""Sine waves of any frequency, amplitude and phase, written by an LSTM and judged by a CNN or an LSTM.

The oldest test of recurrent GANs (RCGAN, Esteban et al. 2017): a wave is easy to see, and scores catch a generator that
forgets its phase or writes noise of the right loudness. Data: 14,000 waves of 30 steps. D sees every wave twice, as it is
and as loud as all others. Without that soft waves wobble (purity .975 after 14,000 steps; with it .990 after 1,000).
`tinygan train sines`, seeds 0 to 2: MMD² .0002 ± .0003 (95 of 100 times real waves stay below .0011), purity .991 (real
.991). `--set judge=lstm --set penalty_every=8` plays LSTM against LSTM. `--set bands=4 --set noise=12` is RCGAN's
conditional version: both players read at every step which band of frequency the wave is of; `tinygan sample RUN --class 2`.
MMD² -.0003. A GRU that learned the bands from samples reads .96 of real waves (from real ones .98), and .93 of samples are
read as asked: some near a band's edge are beyond it. With noise=4 samples keep to the middle of their band: MMD² .0048,
.90 and .995.
"""

import numpy as np

from tinygan.backend import to_device
from tinygan.data import Loader, note, sines
from tinygan.files import save_array
from tinygan.gan.classes import ClassGame, ClassLoader, in_turn
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings
from tinygan.metrics import sequence_class_scores, sequence_scores
from tinygan.networks.sequences import SequenceSettings, sequence_players
from tinygan.ops import cat, mean, sqrt
from tinygan.plot.drawing import COLOURS, new_figure, pixels, save_small
from tinygan.run.settings import defaults, setting

WAVES = 14_000


@defaults(steps=3000, gamma=0.05, penalty_every=4, ema=0.99)
class Settings(SequenceSettings, AdversarialSettings):
    """Settings of `sines`."""

    length: int = setting(30, "Steps of a wave.", 8, 10_000)
    bands: int = setting(0, "Tell both players which of so many equal bands of frequency a wave is of. 0: do not.", 0)


def beside_even(x):
    """Return (N, T, 2) of waves (N, T, 1): beside every wave the same with a mean square of 1.

    R1 and R2 hold D's slope: what is small in x is small to such a D, however clearly it is seen.
    """
    even = x / sqrt(mean(x * x, (1, 2), True) + 1e-3)  # 1e-3: silence stays finite; the softest real wave has .005
    return cat([x, even], 2)


def by_band(n, length, bands, seed=0):
    """Return real waves of each of `bands` equal parts of the frequencies from 1 to 5, n in all: a list of arrays."""
    edges = np.linspace(1, 5, bands + 1)
    return [sines(n // bands, length, (seed, k), band) for k, band in enumerate(zip(edges, edges[1:]))]


class WaveGame(ClassGame):
    """The game of waves that stand beside themselves, see `beside_even`; with bands, each is told its band."""

    def generate(self, G, z, given):
        return Batch(beside_even(G(*self.to_tensors(z), *given)), given)


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train sines` plays."""
    if s.bands > WAVES:
        raise ValueError(f"bands={s.bands}: there are {WAVES:,} waves, one a band at least; take bands={WAVES} or fewer")
    note(f"{WAVES:,} waves of {s.length} steps, made here")
    g, d = sequence_players(s.length, 1, s, condition=s.bands, judged_features=2)
    if s.bands:
        waves = [to_device(beside_even(x), device) for x in by_band(WAVES, s.length, s.bands)]
        loader = ClassLoader(waves, s.batch_size, s.seed)
    else:
        loader = Loader(to_device(beside_even(sines(WAVES, s.length)), device), batch_size=s.batch_size, seed=s.seed)
    batch = lambda turn: Batch(loader.batch(turn))
    return WaveGame(g.to(device), d.to(device), g.spaces(s.length), batch, s, classes=s.bands, one_hot=True)


def draw(game, samples, path):
    """Draw real waves above, generated ones below; the bands in turn, if there are any."""
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
    """Write an array (N, T, 1) of waves, each once."""
    save_array(path, samples[:, :, :1])


FORMATS = {".png": draw, ".npy": write_array}
EVALUATED_SAMPLES = 4000
READER_STEPS = 3000


def evaluate(game, samples):
    """Return MMD² to real waves and the purity of tones, beside those of real waves; with bands, how well they are read."""
    length, bands, waves = samples.shape[1], game.settings.bands, samples[:, :, :1]
    scores = {"samples": len(samples)}
    scores |= sequence_scores(sines(WAVES, length), waves, n=min(1000, len(samples)))._asdict()
    if not bands:
        return scores
    real = np.concatenate(by_band(WAVES, length, bands))
    of_real, of_samples = np.arange(bands).repeat(len(real) // bands), in_turn(len(waves), bands)
    return scores | sequence_class_scores(real, of_real, waves, of_samples, steps=READER_STEPS)
