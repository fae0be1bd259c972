"""What goes wrong between two players, noticed while it does and said in plain words: three failures, each once a run.

The losses are read from the logged rows, diversity from the samples that are drawn for the pictures. The monitor only
looks: training is the same with and without it, bit for bit. `report.py` asks it and logs what it says. Of samples that
are all alike `tinygan sample` and `tinygan evaluate` say it too.
"""

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from tinygan.backend import to_numpy

WINS_BELOW, WINS_ROWS = 0.05, 10  # D's loss as a share of a guesser's, in so many logged rows on end
COLLAPSED_BELOW, COLLAPSED_LOOKS = 0.2, 2  # diversity as a share of the real samples', in so many looks on end
ALIKE_BELOW = 0.01  # distance of samples from their mean, as a share of their size
FIRST_LOOK = 200  # steps; before, G draws what it was born with
SWING_ROWS, SHORTEST_SWING, LONGEST_SWING = 64, 4, 16  # logged rows: at least four swings are seen before it is said


class Warned(NamedTuple):
    """A failure that was noticed: its name, and what is happening and what to try, in a sentence."""

    name: str
    says: str


class Monitor:
    """Watches a game: `see` takes each logged row, `look` takes samples; both return what is new to say.

    `rows` is the log so far of a run that is resumed: what was said is not said again.
    """

    def __init__(self, game, rows=()):
        self.bounds = game.bounds
        self.steps: deque = deque(maxlen=SWING_ROWS)
        self.d_losses: deque = deque(maxlen=SWING_ROWS)
        self.low_looks = 0
        self.said = set()
        self.first_look, self.remedy = find_first_look(game), name_remedies(game)
        for row in rows:
            if "d_loss" in row:
                self.steps.append(row["step"])
                self.d_losses.append(row["d_loss"])
            self._diversity(row["step"], row.get("diversity"))
        self.said = {row["event"] for row in rows if "event" in row}

    def see(self, row):
        """Return what a logged row, {"step": ..., "d_loss": ...}, shows about the losses: a list of Warned."""
        if "d_loss" not in row:
            return []
        self.steps.append(row["step"])
        self.d_losses.append(row["d_loss"])
        return self._new("D wins", self._d_wins()) + self._new("oscillation", self._oscillation())

    def look(self, step, made, real):
        """Return (diversity or None, a list of Warned) of what each G made, see `Game.made`, and of real samples (N, ...)."""
        if step < self.first_look:
            return None, []
        share = 0.0 if any(map(are_alike, made)) and not are_alike(real) else diversity(made[0], real)
        return share, self._diversity(step, share)

    def _new(self, name, says):
        if says is None or name in self.said:
            return []
        self.said.add(name)
        return [Warned(name, says)]

    def _diversity(self, step, share):
        if share is None:
            return []
        self.low_looks = self.low_looks + 1 if share < COLLAPSED_BELOW else 0
        if self.low_looks < COLLAPSED_LOOKS:
            return []
        return self._new(
            "G collapsed",
            f"G has collapsed by step {step}: its samples are {share:.2f} times as diverse as real ones, it makes nearly the"
            f" same again and again; {self.remedy}",
        )

    def _d_wins(self):
        if self.bounds is None or len(self.d_losses) < WINS_ROWS:
            return None
        undecided, certain = self.bounds
        recent = list(self.d_losses)[-WINS_ROWS:]
        if max(recent) - certain >= WINS_BELOW * (undecided - certain):
            return None
        return (
            f"D wins outright since step {self.steps[-WINS_ROWS]}: its loss is below {WINS_BELOW:.0%} of a guesser's, and G"
            " learns little from a judge that is always certain; try a larger --set gamma, a smaller --set d_rate, or"
            " --set instance_noise=0.1"
        )

    def _oscillation(self):
        if len(self.d_losses) < SWING_ROWS:
            return None
        values = np.array(self.d_losses, np.float64)
        rows = period(values)
        scale = self.bounds[0] - self.bounds[1] if self.bounds else 2 * abs(values.mean())
        if rows is None or values.std() < 0.25 * scale:
            return None
        steps = rows * (self.steps[-1] - self.steps[0]) / (SWING_ROWS - 1)
        return (
            f"the players run in circles: D's loss swings between {values.min():.2g} and {values.max():.2g} about every"
            f" {steps:.0f} steps and does not settle; try a larger --set gamma or a smaller --set learning_rate"
        )


def find_first_look(game):
    """Return the step from which on the samples of a game are judged."""
    decays = [average.decay for player in game.players.values() for average in player.averages.values()]
    # samples are drawn with averaged weights; after so many steps a fifth of them is from the start
    return max([FIRST_LOOK, *(math.log(0.2) / math.log(decay) for decay in decays if 0 < decay < 1)])


def name_remedies(game):
    """Return what may keep G from collapsing, of the settings that this game has."""
    others = {"learning_rate": "a smaller", "objective": "another", "gamma": "a larger"}
    named = [f"{which} --set {name}" for name, which in others.items() if hasattr(game.settings, name)]
    return f"try {', '.join([*named, 'another --seed'])} in a new run"


def say_alike(game, step, samples):
    """Return a sentence if what a game of this step made is all alike, or None. Of few steps that shows nothing."""
    if step < find_first_look(game) or not any(map(are_alike, game.made(samples))):
        return None
    return f"G has collapsed: what it makes is all but the same, whatever it is given; {name_remedies(game)}"


def are_alike(samples):
    """Return whether eight or more samples (N, ...) are all but the same; tokens have to be the same."""
    x = to_numpy(samples[:128])
    if len(x) < 8:
        return False
    if x.dtype.kind != "f":
        return bool((x == x[:1]).all())
    x = x.astype(np.float64)
    return bool(x.var(0).mean() <= ALIKE_BELOW**2 * np.square(x).mean())


def diversity(fake, real):
    """Return how much generated samples (N, ...) differ from each other, as a share of how much real ones do, or None.

    The geometric mean of two shares: of the mean distance between two samples, small if all are alike, and of the median
    distance to the nearest other one, small if they are copies of a few. None for fewer than 8 or for no real numbers.
    """
    n = min(len(fake), len(real), 128)
    fake, real = (to_numpy(a)[:n] for a in (fake, real))
    if n < 8 or fake.shape != real.shape or fake.dtype.kind != "f" or real.dtype.kind != "f":
        return None
    (mean_fake, near_fake), (mean_real, near_real) = _spread(fake), _spread(real)
    if not mean_real > 0:
        return None
    share = mean_fake / mean_real
    if near_real > 0:
        share = math.sqrt(share * near_fake / near_real)
    return round(share, 4) if math.isfinite(share) else None


def _spread(samples):
    """Return the mean distance between two samples, and the median over samples of that to the nearest other one."""
    x = samples.reshape(len(samples), -1).astype(np.float64)
    x = x - x.mean(0)
    squares = np.square(x).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * (x @ x.T), 0))
    others = distances[~np.eye(len(x), dtype=bool)].reshape(len(x), -1)
    return float(others.mean()), float(np.median(others.min(1)))


def period(values):
    """Return after how many of the values they come again, or None: a peak of the autocorrelation between two troughs.

    Noise and slow drifts have peaks too: this one must be .5 high, its trough -.3 deep, and a second must follow it.
    """
    n = len(values)
    time = np.arange(n)
    values = values - np.polyval(np.polyfit(time, values, 1), time)
    power = values @ values
    if not power > 0:
        return None
    r = np.array([values[: n - k] @ values[k:] for k in range(n // 2 + 1)]) / power
    for lag in range(SHORTEST_SWING, LONGEST_SWING + 1):
        is_peak = r[lag] >= 0.5 and r[lag] >= max(r[lag - 1], r[lag + 1])
        if is_peak and r[2 : lag - 1].min(initial=1) <= -0.3 and r[2 * lag - 1 : 2 * lag + 2].max() >= 0.25:
            return lag
    return None
