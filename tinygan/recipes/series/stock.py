"""Days of a stock, or any series of numbers in a CSV file: windows of 24 steps, all columns at once, LSTM against CNN.

Prices are hard in their own way: a day's high and low differ by a hundredth of what the level differs between years, and
a judge that sees the level alone never asks for the rest. So the rows are whitened first: small directions become as large
as the large ones. Slow directions are written as changes from the step before. Beside values, the judge is shown changes
from the step before and from the first (without those from the first: discriminative .044 and .057).
`--data FILE.csv` brings a series of your own; samples come back in its columns and units. Columns that only count on, such
as years, are left out; `--set columns=year,price` says which to learn.
Measured as TimeGAN (Yoon et al. 2019): can a GRU tell them from real windows, and can one learn from them to predict?
`tinygan train stock`, seed 0: discriminative .027 by TimeGAN's GRU of 3 and .046 by one of 32 (real from real .005 and
.004), predictive .038 (real .037). `--set told=direction` tells both players at every step whether the price falls or
rises; `tinygan sample RUN --class 1` draws windows of those that rise: .81 of all samples go as they were asked to.
`--set told=first` tells them the first row: `tinygan apply RUN recent.csv --out next.csv` then goes on from the last row of
a file with the same columns, --seed 1 in another way; --out next.png draws it.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import stream, to_device, to_numpy
from tinygan.data import DataError, Loader, MinMax, Whitening, find_file, made_prices, note, read_csv, windows
from tinygan.data.files import list_some
from tinygan.files import Range, printable, save_array
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.classes import ClassGame, ClassLoader, in_turn
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings
from tinygan.metrics import discriminative_score, predictive_score, sequence_class_scores
from tinygan.networks.sequences import SequenceSettings, sequence_players
from tinygan.nn import Module
from tinygan.ops import cat, cumsum, unsqueeze
from tinygan.plot.drawing import COLOURS, new_figure, pixels, quiet_axes, save_small
from tinygan.recipes.series._tables import write_rows, write_table
from tinygan.run.settings import RunSettings, defaults, setting

DIRECTIONS = 2  # 0: the price falls, or stays; 1: it rises
SLOW = 0.5  # a direction is written as changes if those of one step spread less than this; white noise has 1.4


@dataclass
class OwnSeriesSettings(RunSettings):
    """A series of your own."""

    columns: str = setting("", "Columns to learn, by name or number from 1, with commas between; empty: all but time.")


@defaults(steps=8000, penalty_every=4, ema=0.999, noise=8, step_noise=8)
class Settings(SequenceSettings, AdversarialSettings):
    """Settings of `stock`."""

    data: str = setting(
        "", "A CSV file of numbers, a row a step; empty: Google's stock, or a made one.", brings=OwnSeriesSettings
    )
    length: int = setting(24, "Steps of a window.", 2, 10_000)
    told: str = setting(
        "nothing",
        "What both players are told: nothing, the first row, or the direction, whether the price falls or rises.",
        choices=("nothing", "first", "direction"),
    )


# --- data ------------------------------------------------------------------------------------------------------


table = cache(read_csv)


def series(s, saved=None):
    """Return (Table, whether it is made) of the file s.data; without, of Google's stock, or the made one if it is missing.

    A run that has begun, which `saved` some, goes on with the series and the columns that it began with.
    """
    saved = saved or {}
    if s.data:
        return table(s.data, tuple(saved["columns"]) if "columns" in saved else s.columns), False
    if not saved.get("made"):
        try:
            return table(find_file("series/stock_data.csv")), False
        except DataError as error:
            if saved.get("made") is False:
                raise
            note(f"prices made here are learned instead of Google's: {error}")
    return made_prices(), True


def learn(values, names):
    """Return what the game saves of a table: names and range of columns, whitening, spread of each direction's changes."""
    whitening = Whitening(values)
    return {
        "columns": list(names),
        "range": [values.min(0).tolist(), values.max(0).tolist()],
        "whitening": whitening.to_json(),
        "spreads": np.diff(whitening.apply(values), axis=0).std(0).tolist(),
    }


def rises(series, columns):
    """Return whether the column Close, or the first, ends above where it begins: (N,) 0 or 1 of (N, T, F)."""
    names = [name.lower() for name in columns]
    price = series[:, :, names.index("close") if "close" in names else 0]
    return (price[:, -1] > price[:, 0]).astype(int)


def with_changes(values, spreads):
    """Return (N, T, 3K) of (N, T, K): beside every value its change from the step before, and how far it is from the first.

    Both over what such changes usually are: `spreads` of one step, √T times as much in T steps of a random walk.
    """
    join, steps = cat if isinstance(values, Tensor) else np.concatenate, values.shape[1]
    changes = (values[:, 1:] - values[:, :-1]) * (1 / spreads)
    gone = (values - values[:, :1]) * (1 / (steps**0.5 * spreads))
    return join([values, join([values[:, :1] * 0, changes], 1), gone], 2)


def in_units(game, samples):
    """Return samples as they were before whitening, (N, T, columns), cut to where a column ever was: no volume below 0."""
    values = Whitening.from_json(game.saved["whitening"]).undo(samples[:, :, : samples.shape[2] // 3])
    return values.clip(*game.saved["range"])


# --- the players -----------------------------------------------------------------------------------------------


class SeriesWriter(Module):
    """An LSTM that writes whitened rows w_t (N, T, K); of slow directions it writes the change, w_t = w_{t-1} + σ x_t.

    condition: what the LSTM is told, (N, .); if `begins`, it is the first row, (N, K).
    """

    def __init__(self, writer, spreads, begins=False):
        self.writer, self.begins = writer, begins
        slow = spreads < SLOW
        self.register_buffer("slow", slow.astype("float32"))
        self.register_buffer("size", np.where(slow, spreads, 1).astype("float32"))
        self.register_buffer("spreads", spreads)

    def forward(self, z, step_noise, condition=None):
        x = self.writer(z, step_noise, condition)  # (N, T, K)
        start = unsqueeze(condition, 1) if self.begins else x[:, :1]
        walk = cumsum(cat([start, x[:, 1:] * self.size], 1), 1)
        free = cat([start, x[:, 1:]], 1)
        return with_changes(free + (walk - free) * self.slow, self.spreads)


class WindowGame(FromNoise):
    """The game of windows whose first row may be told: what is generated goes on from the first row of a real window."""

    def __init__(self, *arguments, first_rows):
        """first_rows: a function that returns real ones (M, K); samples begin with some of them if none are given."""
        self.first_rows = first_rows
        self.takes = () if first_rows is None else ("given",)
        super().__init__(*arguments)

    def ask(self, n, rng):
        if self.first_rows is None:
            return ()
        rows = self.first_rows()
        return self.tell(rows[rng.integers(len(rows), size=n)])


FINITE = Range(-1e300, 1e300)
SAVED = {
    "made?": bool, "columns": [str], "range": [[FINITE]], "spreads": [FINITE],
    "whitening": {"mean": [FINITE], "to_rows": [[FINITE]], "from_rows": [[FINITE]]},
}  # fmt: skip


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train stock` plays."""
    saved = saved or learn_what_is_saved(s)
    spreads = np.array(saved["spreads"], np.float32)
    told = {"nothing": 0, "first": len(spreads), "direction": DIRECTIONS}[s.told]
    writer, judge = sequence_players(s.length, len(spreads), s, "none", told, judged_features=3 * len(spreads))
    g = SeriesWriter(writer, spreads, s.told == "first").to(device)

    @cache
    def loader():  # the file is read when training needs it: samples are drawn without
        values = series(s, saved)[0].values
        whitened = windows(Whitening.from_json(saved["whitening"]).apply(values), s.length)
        rows = to_device(with_changes(whitened, spreads), device)
        if s.told != "direction":
            return Loader(rows, batch_size=s.batch_size, seed=s.seed)
        rising = rises(windows(values, s.length), saved["columns"])
        return ClassLoader([rows[np.flatnonzero(rising == k)] for k in range(DIRECTIONS)], s.batch_size, s.seed)

    def batch(turn):
        rows = loader().batch(turn)
        return Batch(rows, (rows[:, 0, : len(spreads)],) if s.told == "first" else ())

    arguments = g, judge.to(device), writer.spaces(s.length), batch, s, saved
    if s.told == "direction":
        return ClassGame(*arguments, classes=DIRECTIONS, one_hot=True)
    first_rows = lambda: to_numpy(loader().arrays[0][:, 0, : len(spreads)])
    return WindowGame(*arguments, first_rows=first_rows if told else None)


def learn_what_is_saved(s):
    """Return what the game saves of its data; DataError if that does not suffice."""
    (names, values, notes), made = series(s)
    name = s.data or "the series"
    note(f"{len(values):,} rows of {name} in {len(names)} columns: {list_some(names, 12)}")
    for sentence in notes:
        note(sentence)
    rows = max(0, len(values) - s.length + 1)
    if rows < s.batch_size:
        raise DataError(
            f"{name}: {len(values)} rows make {rows} windows of {s.length} steps, fewer than a batch of"
            f" {s.batch_size}; take a smaller --set length or --set batch_size"
        )
    try:
        saved = learn(values, names) | {"made": made}
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    if s.told == "direction":
        counts = np.bincount(rises(windows(values, s.length), names), minlength=DIRECTIONS)
        if counts.min() < s.batch_size // DIRECTIONS + 1:
            raise DataError(
                f"{name}: {counts[0]} windows fall and {counts[1]} rise, too few of one kind for half of a batch of"
                f" {s.batch_size}; take a smaller --set batch_size or --set told=nothing"
            )
    return saved


# --- what is written -------------------------------------------------------------------------------------------


def write_csv(game, samples, path):
    """Write a line a step: number of the sample, of the step, and the columns in the units that they came in."""
    write_table(game.saved["columns"], in_units(game, samples), path)


def write_array(game, samples, path):
    """Write an array (N, T, columns) of float64, in the units that they came in."""
    save_array(path, in_units(game, samples))


MOST_COLUMNS = 6  # that are drawn


def draw(game, samples, path):
    """Draw a panel a column: eight samples, and eight windows of the real series where its file is at hand."""
    shown = [("generated", COLOURS["g"], in_units(game, samples[:8]))]
    try:
        real = windows(series(game.settings, game.saved)[0].values, samples.shape[1])
        shown.insert(0, ("real", COLOURS[""], real[:: max(1, len(real) // 8)][:8]))
    except DataError:
        pass
    columns = game.saved["columns"][:MOST_COLUMNS]
    figure, canvas = new_figure(2.3 * len(columns) + 0.6, 2.2 * len(shown))
    panels = figure.subplots(len(shown), len(columns), sharex=True, sharey="col", squeeze=False)
    for row, (name, colour, sequences) in zip(panels, shown):
        row[0].set_ylabel(name, fontsize=10)
        for k, axes in enumerate(row):
            axes.plot(sequences[:, :, k].T, color=colour, linewidth=1)
            quiet_axes(axes)
            axes.tick_params(labelsize=7)
    for axes, column in zip(panels[0], columns):
        axes.set_title(printable(column[:30]), fontsize=9, parse_math=False)  # a stranger's name may hold a $
    save_small(pixels(canvas), path)


FORMATS = {".png": draw, ".csv": write_csv, ".npy": write_array}

# --- going on from a reader's rows -----------------------------------------------------------------------------


class Continuation(NamedTuple):
    """What `respond` answers: names of the columns, the rows that were read, those that follow, (N, columns) each."""

    columns: list[str]
    before: np.ndarray
    after: np.ndarray


def example(game):
    """Return the name of a file that `respond` could be given."""
    return "recent.csv" if game.settings.told == "first" else None


def respond(game, given, rng):
    """Return how the rows of the CSV file `given` go on: a window's steps after its last row, which G is told."""
    s, saved = game.settings, game.saved
    if s.told != "first":
        raise DataError(f"told={s.told}: this run cannot be told how to begin; train one with --set told=first")
    names, values, notes = read_csv(given, tuple(saved["columns"]))
    if len(names) < len(saved["columns"]):
        raise DataError(f"{given}: {'; '.join(notes)}; this run has learned {list_some(saved['columns'], 12)}, and needs all")
    for sentence in notes:
        note(sentence)
    for name, value, low, high in zip(names, values[-1], *saved["range"]):
        if not low <= value <= high:
            note(
                f"{name} {value:.6g} is beyond all that was learned, {low:.6g} to {high:.6g}, and the answer is cut to that"
                f" range; a run with these rows in its --data has learned from them"
            )
    with no_grad():
        drawn = game.draw(1, rng, given=Whitening.from_json(saved["whitening"]).apply(values[-1:]))
    return Continuation(names, values, in_units(game, drawn)[0, 1:])


def write_after(answer, path):
    """Write the rows that follow as CSV, in the columns and units that were given."""
    write_rows(answer.columns, answer.after, path)


def draw_after(answer, path):
    """Draw a panel a column: the last rows that were given, and those that follow."""
    columns, steps = answer.columns[:MOST_COLUMNS], len(answer.after)
    before = answer.before[-steps - 1 :]
    figure, canvas = new_figure(2.3 * len(columns) + 0.6, 2.2)
    for k, (axes, column) in enumerate(zip(figure.subplots(1, len(columns), squeeze=False)[0], columns)):
        axes.plot(np.arange(1 - len(before), 1), before[:, k], color=COLOURS[""], linewidth=1.4)
        axes.plot(np.arange(steps + 1), np.append(before[-1, k], answer.after[:, k]), color=COLOURS["g"], linewidth=1.4)
        quiet_axes(axes)
        axes.tick_params(labelsize=7)
        axes.set_title(printable(column[:30]), fontsize=9, parse_math=False)
    figure.supxlabel("rows before and after the last that was given", fontsize=8)
    save_small(pixels(canvas), path)


ANSWERS = {".csv": write_after, ".png": draw_after}

# --- how good it is --------------------------------------------------------------------------------------------

EVALUATED_SAMPLES = 3662  # as many as Google's stock has windows
JUDGE_STEPS, LEARNER_STEPS, REPEATS = 2000, 5000, 3


def as_often(real, asked):
    """Return rows among `asked`, classes (M,), as many as possible, in which classes are as frequent as in `real` (N,)."""
    shares = np.bincount(real, minlength=DIRECTIONS) / len(real)
    most = min(count / share for count, share in zip(np.bincount(asked, minlength=DIRECTIONS), shares) if share)
    return np.concatenate([np.flatnonzero(asked == k)[: int(most * share)] for k, share in enumerate(shares)])


def evaluate(game, samples):
    """Return discriminative scores with TimeGAN's GRU and one of 32, the predictive score, each beside real windows'.

    A floor of the first is what a GRU makes of two random halves of the real windows; means of three GRUs. With
    told=direction: how many go as they were asked to, and what GRUs that read the direction make of them.
    """
    values = series(game.settings, game.saved)[0].values
    scaling = MinMax(values)
    real = windows(scaling.apply(values), samples.shape[1])
    generated = scaling.apply(in_units(game, samples))
    order = stream(0, "halves").permutation(len(real))
    halves = real[order[: len(real) // 2]], real[order[len(real) // 2 :]]
    scores = {"samples": len(samples)}
    if game.settings.told == "direction":
        real_goes, goes = (rises(x, game.saved["columns"]) for x in (real, generated))
        asked = in_turn(len(generated), DIRECTIONS)
        scores["as_asked"] = float((goes == asked).mean())
        scores |= sequence_class_scores(real, real_goes, generated, asked, steps=JUDGE_STEPS)
        generated = generated[np.sort(as_often(real_goes, asked))]
    for hidden in (max(1, real.shape[2] // 2), 32):
        told_apart = lambda a, b, h=hidden: float(
            np.mean([discriminative_score(a, b, h, JUDGE_STEPS, seed=seed) for seed in range(REPEATS)])
        )
        scores[f"discriminative_{hidden}"] = told_apart(real, generated)
        scores[f"discriminative_{hidden}_of_real"] = told_apart(*halves)
    predicted = lambda source: predictive_score(real, source, steps=LEARNER_STEPS)
    return scores | {"predictive": predicted(generated), "predictive_of_real": predicted(real)}
