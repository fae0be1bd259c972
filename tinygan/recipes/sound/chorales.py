"""Two bars of music in four voices, as Bach harmonised hymns: an LSTM imitates them, and then plays against a CNN.

A row of music is a sixteenth note: four choices of a pitch or silence, soprano to bass. Each choice is made knowing all
that came before it. A note is held by choosing its pitch again. First G learns what Bach wrote next, by maximum likelihood.
But a writer that has always gone on from Bach's own notes is less sure after its own, and holds them. In the game D hears
whole pieces, and pieces that D likes better than the rest of the batch become likelier. (Straight through, the slope of a
softmax at the choice, was tried: eighth notes became fewer.)
Data: J. S. Bach's chorales from TINYGAN_DATA/music, made ones where there are none. Heard with
`tinygan sample RUN --out music.wav` or `.mid`. Measured by what a listener would count, beside held-out chorales.
`tinygan train chorales`, seed 0: total variation to them of pitch classes .031, of harmony .013, of intervals .057, of how
long notes are held .063; imitation alone .044, .008, .051, .094; real .037, .009, .016, .035. So the game mends the
lengths, not the lines. 99 of 100 bars are in no training chorale; of Bach's own held-out bars 98.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan.autodiff import Tensor, no_grad, raw
from tinygan.backend import stream, to_device, to_numpy, xp
from tinygan.data import DataError, Loader, chorales, crops, made_chorales, note
from tinygan.data.sound import SILENCE
from tinygan.data.waves import write_wave
from tinygan.files import Range, save_array, written_whole
from tinygan.gan.adversarial import Duel
from tinygan.gan.players import Batch, Player, read_back
from tinygan.gan.settings import AverageSettings, DuelSettings, ObjectiveSettings, SlopeSettings
from tinygan.metrics.sound import music_scores
from tinygan.networks.sequences import ConvolutionalJudge, remember
from tinygan.nn import LSTM, Dropout, Linear, Module, ModuleList
from tinygan.ops import cat, categorical, leaky_relu, log_softmax, mean, sum
from tinygan.optim import Adam, share_left
from tinygan.plot.drawing import new_figure, quiet_axes
from tinygan.plot.sound import RATE, notes, render, write_midi
from tinygan.run.settings import RunSettings, defaults, setting

BEAT, BAR = 4, 16  # rows of a quarter note, and of four


@dataclass
class ImitationSettings(RunSettings):
    """How G imitates."""

    pretrain: int = setting(2500, "Steps of imitation, maximum likelihood, that come first.", 0)
    imitation_rate: float = setting(3e-3, "Adam's learning rate while G imitates; in the second half it falls to 0.", 0.0)
    dropout: float = setting(0.3, "Share of its state that G goes without while it imitates.", 0.0, 1.0)


@defaults(
    steps=3500, learning_rate=3e-4, decay_from=0.85, d_rate=3.0, beta1=0.5, objective="non-saturating", gamma=0.003,
    penalty_every=4, ema=0.995,
)  # fmt: skip
class Settings(ImitationSettings, SlopeSettings, ObjectiveSettings, AverageSettings, DuelSettings):
    """Settings of `chorales`."""

    hidden: int = setting(160, "Size of the generator's state.", 1)
    width: int = setting(64, "Features that a voice's choice is made from.", 1)
    channels: int = setting(48, "Channels of D's first convolution; the others have twice as many.", 1)
    length: int = setting(32, "Sixteenth notes of a piece; 16 are a bar.", 8, 10_000)


# --- data ------------------------------------------------------------------------------------------------------


@cache
def pieces(split, made):
    """Return pieces of "train" or "test": Bach's, or made ones."""
    return made_chorales(200, seed=split) if made else chorales(split)


def are_made(saved):
    """Return whether a run learns made pieces; runs that did not write that down, if Bach's are missing."""
    if "made" in saved:
        return saved["made"]
    try:
        return not pieces("train", False)
    except DataError:
        return True


def learn_what_is_saved(s):
    """Return what the game saves of its data; DataError if no piece is long enough."""
    try:
        music, made = pieces("train", False), False
        note(f"{len(music)} chorales of Bach, others held out")
    except DataError as error:
        music, made = pieces("train", True), True
        note(f"{len(music)} pieces made here are learned instead of Bach's: {error}")
    lengths = [len(piece) for piece in music]
    if s.length > max(lengths):
        raise DataError(
            f"length={s.length}: the longest piece has {max(lengths)} sixteenth notes; take --set length={max(lengths)} or"
            " less"
        )
    crops_of_all = int(np.sum([(length - s.length) // BEAT + 1 for length in lengths if length >= s.length]))
    if crops_of_all < s.batch_size:
        raise DataError(
            f"length={s.length}: the pieces have {crops_of_all} parts so long, and a step takes batch_size={s.batch_size};"
            f" take a smaller --set length, or --set batch_size={crops_of_all}"
        )
    short = int(np.sum(np.array(lengths) < s.length))
    if short:
        note(f"left out: {short} pieces shorter than {s.length} sixteenth notes; a smaller --set length takes them in")
    sung = [np.unique(np.concatenate([piece[:, voice] for piece in music])) for voice in range(music[0].shape[1])]
    return {"pitches": [voice.tolist() for voice in sung], "made": made}


def encode(music, pitches):
    """Return, for pieces (N, T, voices), a 1 for each voice's pitch among those it sings, (N, T, all of these), float32."""
    hot = [music[:, :, voice, None] == np.array(sung) for voice, sung in enumerate(pitches)]
    return np.concatenate(hot, 2).astype(np.float32)


def decode(samples, pitches):
    """Return pieces (N, T, voices), int64, of what `encode` made or of any weights: each voice's heaviest pitch."""
    ends = np.cumsum([len(sung) for sung in pitches])
    parts = np.split(samples, ends[:-1], 2)
    return np.stack([np.array(sung)[part.argmax(2)] for part, sung in zip(parts, pitches)], 2)


# --- the players -----------------------------------------------------------------------------------------------


class MusicWriter(Module):
    """Rows one after another, and in a row the voices: a choice is made knowing all choices before it.

    h_t = LSTM([x_{t-1}, beat])      p(x_tv | before) = softmax(W_v φ(U_v [h_t, x_t1, ..., x_t,v-1]))

    A row x_t (N, Σ sizes) has a 1 for each voice's pitch. dropout: of h, while it imitates.
    """

    def __init__(self, sizes, hidden, width, dropout, rng):
        ends = np.cumsum(sizes).tolist()
        self.spans = list(zip([0, *ends], ends))
        self.lstm = remember(LSTM(ends[-1] + BEAT, hidden, rng=rng))
        self.seen = ModuleList(Linear(hidden + start, width, rng=rng) for start, _ in self.spans)
        self.voices = ModuleList(Linear(width, size, rng=rng) for size in sizes)
        self.dropout = Dropout(dropout)

    def read(self, before, first=0, state=None):
        """Return h (T, N, hidden) of rows `first` on, which follow `before` (T, N, Σ sizes), and the LSTM's state."""
        library, (length, n, _) = xp(before), before.shape
        beat = (first + library.arange(length))[:, None] % BEAT == library.arange(BEAT)
        beat = library.broadcast_to(beat[:, None].astype(before.dtype), (length, n, BEAT))
        return self.lstm(Tensor(library.concatenate([before, beat], 2)), state)

    def voice(self, v, h, row):
        """Return logits (..., size) of voice v, which knows h and what the voices before it sing in `row`, (..., Σ sizes)."""
        known = cat([h, Tensor(row[..., : self.spans[v][0]])], -1)
        return self.voices[v](leaky_relu(self.seen[v](known), 0.2))

    def forward(self, rows):
        """-log p of pieces, encoded (N, T, Σ sizes), in nats a row, of all voices together: (N,)."""
        rows = rows.transpose(1, 0, 2)
        h, _ = self.read(xp(rows).concatenate([0 * rows[:1], rows[:-1]]))
        h = self.dropout(h)  # (T, N, hidden)
        logs = cat([log_softmax(self.voice(v, h, rows), 2) for v in range(len(self.spans))], 2)
        return -sum(logs * rows, (0, 2)) / len(rows)

    def write(self, n, length, rng):
        """Return n pieces, drawn choice by choice: encoded, (n, length, Σ sizes)."""
        library = xp(self.voices[0].weight.data)
        row, state, rows = library.zeros((n, self.spans[-1][1]), np.float32), None, []
        with no_grad():
            for t in range(length):
                h, state = self.read(row[None], t, state)
                row = library.zeros_like(row)
                for v, (start, end) in enumerate(self.spans):
                    chosen = categorical(raw(self.voice(v, h[0], row)), rng)
                    row[:, start:end] = chosen[:, None] == library.arange(end - start)
                rows.append(row)
        return library.stack(rows, 1)


class MusicGame(Duel):
    """s.pretrain steps in which G imitates real pieces, then the game, in which D's verdict is what a piece is worth."""

    def __init__(self, generator, discriminator, batch, s, saved):
        super().__init__(generator, discriminator, batch, s, saved)
        self.imitator = Player(
            "imitator", generator, Adam(generator.parameters(), lr=s.imitation_rate),
            lambda k: share_left(k, max(1, min(s.pretrain, s.steps))), averages=self.G.averages, clip=s.clip_gradients,
        )  # fmt: skip
        self.players["imitator"] = self.imitator

    def step(self, k):
        """Do training step k: imitation first, then the game."""
        return self.imitate(k) if k < self.settings.pretrain else self.play(k)

    def imitate(self, k):
        """Take a step down the gradient of -log p of real pieces: maximum likelihood."""
        G = self.G.module.train().reseed(stream(self.settings.seed, "dropout", k))
        loss = mean(G(self.batch(k).x))
        self.imitator.move(loss, k)
        return {"g_nll": loss.item()}

    def play(self, k):
        """Do D's turn on real and generated pieces, then G's by policy gradient on the same.

        G's loss is the mean of a_n (-log p(x_n)), a_n = (D(x_n) - mean) / deviation over the batch, constants: pieces that
        D likes better than others become likelier. Williams 1992; Yu et al. 2017, without roll-outs.
        """
        s, G = self.settings, self.G.module.eval()
        written = G.write(s.batch_size, s.length, stream(s.seed, "noise", k))
        row, _, of_real, of_written = self.move_d(self.batch(k), Batch(Tensor(written)), k, k)
        worth = of_written[:, 0]
        worth = (worth - worth.mean()) / (worth.std() + 1e-6)
        g_loss = mean(G(written) * worth)
        self.G.move(g_loss, k)
        return read_back({**row, "g_loss": g_loss.data, "ahead": (of_real - of_written).mean()})

    def draw(self, n, rng):
        return to_numpy(self.G.average.module.write(n, self.settings.length, rng))


SAVED = {"pitches": [[Range(-1, 127)]], "made?": bool}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train chorales` plays."""
    saved = learn_what_is_saved(s) if saved is None else saved
    sizes = [len(sung) for sung in saved["pitches"]]
    g = MusicWriter(sizes, s.hidden, s.width, s.dropout, stream(s.seed, "generator"))
    channels = s.channels, 2 * s.channels, 2 * s.channels
    d = ConvolutionalJudge(int(np.sum(sizes)), channels, length=s.length, rng=stream(s.seed, "discriminator"))

    @cache
    def loader():  # the file is read when training needs it: samples are drawn without
        music = encode(crops(pieces("train", are_made(saved)), s.length, BEAT), saved["pitches"])
        return Loader(to_device(music, device), batch_size=s.batch_size, seed=s.seed)

    return MusicGame(g.to(device), d.to(device), lambda turn: Batch(loader().batch(turn)), s, saved)


# --- what is written -------------------------------------------------------------------------------------------

VOICES = ("soprano", "#D55E00"), ("alto", "#E69F00"), ("tenor", "#009E73"), ("bass", "#0072B2")
DRAWN = 4


def draw(game, samples, path):
    """Draw piano rolls: four real pieces above, four generated ones below; a bar of colour is a note, higher is higher."""
    rows = [("generated", decode(samples[:DRAWN], game.saved["pitches"]))]
    real = crops(pieces("train", are_made(game.saved)), samples.shape[1], 16)
    rows.insert(0, ("real", real[stream(0, "drawn").permutation(len(real))[:DRAWN]]))
    figure, canvas = new_figure(10, 4.2)
    panels = figure.subplots(2, DRAWN, sharex=True, sharey=True)
    for row, (name, music) in zip(panels, rows):
        row[0].set_ylabel(f"{name}\nMIDI pitch", fontsize=9)
        for axes, piece in zip(row, music):
            for n in notes(piece):
                axes.barh(n.pitch, n.length - 0.15, 0.9, n.start, color=VOICES[n.voice % 4][1])
            quiet_axes(axes)
            axes.set(xlim=(0, len(piece)), xticks=range(0, len(piece) + 1, 16))
        for axes in row[len(music) :]:  # fewer were asked for
            axes.set_axis_off()
    with written_whole(path) as temporary:
        canvas.print_png(str(temporary))


def in_a_row(game, samples):
    """Return all pieces one after another, with a beat of silence after each: (rows, voices)."""
    music = decode(samples, game.saved["pitches"])
    return np.pad(music, ((0, 0), (0, BEAT), (0, 0)), constant_values=SILENCE).reshape(-1, music.shape[2])


def write_music(game, samples, path):
    """Write a MIDI file of all pieces, one after another."""
    write_midi(in_a_row(game, samples), path)


def write_sound(game, samples, path):
    """Write a WAV file of all pieces, one after another."""
    write_wave(path, render(in_a_row(game, samples)), RATE)


def write_array(game, samples, path):
    """Write an array (N, T, voices) of MIDI pitches, -1 for silence."""
    save_array(path, decode(samples, game.saved["pitches"]))


FORMATS = {".png": draw, ".mid": write_music, ".wav": write_sound, ".npy": write_array}

# --- how good it is --------------------------------------------------------------------------------------------

EVALUATED_SAMPLES = 1000


def evaluate(game, samples):
    """Return the total variation of what a listener counts to held-out chorales, beside that of training chorales.

    And the share of generated bars that are in no training chorale, beside that of held-out bars.
    """
    generated = decode(samples, game.saved["pitches"])
    length = samples.shape[1]
    of_train, of_test = (pieces(split, are_made(game.saved)) for split in ("train", "test"))
    held_out, train = crops(of_test, length, BEAT), crops(of_train, length, BEAT)
    some = train[stream(0, "floor").permutation(len(train))[: len(samples)]]
    scores, floor = music_scores(held_out, generated), music_scores(held_out, some)
    bar = min(BAR, length)
    known = {rows.tobytes() for rows in crops(of_train, bar, BEAT)}
    for music, values in ((generated, scores), (held_out, floor)):
        values["not_copied"] = float(np.mean([rows.tobytes() not in known for rows in crops(music, bar)]))
    rows = {"samples": len(samples)}
    for name, value in scores.items():
        rows |= {name: value, f"{name}_of_real": floor[name]}
    return rows | {"different": len({piece.tobytes() for piece in generated}) / len(generated)}
