"""Two bars of music in four voices, as Bach harmonised hymns: an LSTM imitates them, and then plays against a CNN.

A row of music is a sixteenth note: four choices of a pitch or silence, soprano to bass, each made knowing all that came
before it; a note is held by choosing its pitch again. First G learns what Bach wrote next, by maximum likelihood. But a
writer that has always gone on from Bach's own notes is less sure after its own, and holds them. In the game D hears whole
pieces, and pieces that D likes better than the rest of the batch become likelier. (The slope of a softmax in the choice's
place, straight through, was tried: eighth notes got fewer.)
Data: J. S. Bach's chorales from TINYGAN_DATA/music, made ones where there are none. Heard with
`tinygan sample RUN --out music.wav` or `.mid`; measured by what a listener would count, beside held-out chorales.
`tinygan train chorales`, seed 0: total variation to them of pitch classes .031, of harmony .013, of intervals .057, of how
long notes are held .063; imitation alone .044, .008, .051, .094; real .037, .009, .016, .035. So the game mends the
lengths, not the lines. 99 of 100 bars are in no training chorale, of Bach's own held-out 98.
"""

import sys
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad, raw
from tinygan.backend import stream, to_device, xp
from tinygan.data import DataError, Loader, chorales, crops, made_chorales
from tinygan.data.sound import SILENCE
from tinygan.files import written_whole
from tinygan.gan import training
from tinygan.gan.language import rate_left
from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.penalties import PENALTIES
from tinygan.gan.sequences import ConvolutionalJudge, remember
from tinygan.gan.training import Game, gamma_at, is_penalised, learning_rate_at, move, setting
from tinygan.metrics.sound import music_scores
from tinygan.nn import LSTM, Dropout, Linear, Module, ModuleList
from tinygan.ops import cat, leaky_relu, log_softmax, mean, multinomial, sum
from tinygan.optim import Adam
from tinygan.plot.drawing import new_figure, quiet_axes
from tinygan.plot.sound import notes, sounded, write_midi, write_wav

BEAT, BAR = 4, 16  # rows of a quarter note, and of four


@dataclass
class Settings(training.Settings):
    """Settings of `chorales`."""

    steps: int = setting(3500, "Training steps, those of imitation among them.", 1)
    pretrain: int = setting(2500, "Steps of imitation, maximum likelihood, that come first, or all.", 0)
    imitation_rate: float = setting(
        3e-3, "Adam's learning rate while G imitates; in the second half it falls to 0.", 0.0
    )
    dropout: float = setting(0.3, "Share of its state that G goes without while it imitates.", 0.0, 1.0)
    learning_rate: float = setting(3e-4, "Adam's learning rate in the game.", 0.0)
    decay_from: float = setting(0.85, "Share of all steps after which the game's rate falls.", 0.0, 1.0)
    d_rate: float = setting(3.0, "D's learning rate as a multiple of learning_rate, which is then G's alone.", 0.0)
    beta1: float = setting(0.5, "Adam's decay of the mean gradient in the game; 0 is none.", 0.0, 1.0)
    objective: str = setting("non-saturating", "What D wants; G wants its verdict high.", choices=tuple(OBJECTIVES))
    gamma: float = setting(0.003, "Weight of the penalty; see `penalty`.", 0.0)
    penalty_every: int = setting(4, "The penalty is taken every so many steps, as many times as strong.", 1)
    ema: float = setting(0.995, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    hidden: int = setting(160, "Size of the generator's state.", 1)
    width: int = setting(64, "Features that a voice's choice is made from.", 1)
    channels: int = setting(48, "Channels of D's first convolution; the others have twice as many.", 1)
    length: int = setting(32, "Sixteenth notes of a piece; 16 are a bar.", 8)

    def unheeded(self):
        """D is shown music as it is, once a step."""
        return "augment", "instance_noise", "smoothing", "sparsity", "clip_weights", "n_critic"


# --- data ------------------------------------------------------------------------------------------------------


@cache
def pieces(split):
    """(Pieces of "train" or "test", whether they are Bach's): where there is no file, made ones."""
    try:
        return chorales(split), True
    except DataError:
        return made_chorales(200, seed=split), False


def encoded(music, pitches):
    """Pieces (N, T, voices) -> a 1 for each voice's pitch among those it sings, (N, T, all of these), float32."""
    hot = [music[:, :, voice, None] == np.array(sung) for voice, sung in enumerate(pitches)]
    return np.concatenate(hot, 2).astype(np.float32)


def decoded(samples, pitches):
    """What `encoded` made, or any weights of pitches, -> pieces (N, T, voices), int64: each voice's heaviest pitch."""
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
        """Rows (T, N, Σ sizes) that came before those from number `first` on -> (h (T, N, hidden), the LSTM's state)."""
        library, (length, n, _) = xp(before), before.shape
        beat = (first + library.arange(length))[:, None] % BEAT == library.arange(BEAT)
        beat = library.broadcast_to(beat[:, None].astype(before.dtype), (length, n, BEAT))
        return self.lstm(Tensor(library.concatenate([before, beat], 2)), state)

    def voice(self, v, h, row):
        """Logits (..., size) of voice v, which knows h and what the voices before it sing in `row`, (..., Σ sizes)."""
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
        """n pieces, drawn choice by choice: encoded, (n, length, Σ sizes)."""
        library = xp(self.voices[0].weight.data)
        row, state, rows = library.zeros((n, self.spans[-1][1]), np.float32), None, []
        with no_grad():
            for t in range(length):
                h, state = self.read(row[None], t, state)
                row = library.zeros_like(row)
                for v, (start, end) in enumerate(self.spans):
                    chosen = multinomial(raw(self.voice(v, h[0], row)), rng)
                    row[:, start:end] = chosen[:, None] == library.arange(end - start)
                rows.append(row)
        return library.stack(rows, 1)


class MusicGame(Game):
    """s.pretrain steps in which G imitates real pieces, then the game, in which D's verdict is what a piece is worth."""

    def __post_init__(self):
        super().__post_init__()
        self.teacher = Adam(self.g_parameters, lr=self.settings.imitation_rate)

    def step(self, step):
        """Training step number `step`: imitation first, then the game."""
        return self.imitate(step) if step < self.settings.pretrain else self.play(step)

    def imitate(self, step):
        """A step of maximum likelihood: down the gradient of -log p of real pieces."""
        s, G = self.settings, self.generator
        G.train().reseed(stream(s.seed, "dropout", step))
        self.teacher.lr = s.imitation_rate * rate_left(step, min(s.pretrain, s.steps), 0.5)
        loss = mean(G(self.real(step)[0]))
        move(G, self.teacher, grad(loss, self.g_parameters), s, "generator")
        self.average.update(G)
        return {"g_nll": loss.item()}

    def play(self, step):
        """D's turn on real and generated pieces, then G's by policy gradient on the same.

        G's loss is the mean of a_n (-log p(x_n)), a_n = (D(x_n) - mean) / deviation over the batch, constants: pieces that
        D likes better than others become likelier. Williams 1992; Yu et al. 2017, without roll-outs.
        """
        s, G, D = self.settings, self.generator.eval(), self.discriminator
        self.g_optimizer.lr, self.d_optimizer.lr = learning_rate_at(step, s), learning_rate_at(step, s) * s.d_rate
        rng, penalised = stream(s.seed, "noise", step), is_penalised(step, s)
        written = G.write(s.batch_size, s.length, rng)
        x_real, x_fake = (Tensor(x, requires_grad=penalised) for x in (self.real(step)[0], written))
        real, fake = D(x_real), D(x_fake)
        d_loss, penalty, row = OBJECTIVES[s.objective].discriminator(real, fake), 0.0, {}
        if penalised:
            weight = gamma_at(step, s) * s.penalty_every
            penalty = PENALTIES[s.penalty].value(D, x_real, real, x_fake, fake, rng) * weight
            row["penalty"] = float(penalty)
        move(D, self.d_optimizer, grad(d_loss + penalty, self.d_parameters), s, "discriminator")

        worth = raw(fake)[:, 0]
        worth = (worth - worth.mean()) / (worth.std() + 1e-6)
        g_loss = mean(G(written) * worth)
        move(G, self.g_optimizer, grad(g_loss, self.g_parameters), s, "generator")
        self.average.update(G)
        ahead = float((raw(real) - raw(fake)).mean())
        return {**row, "d_loss": d_loss.item(), "g_loss": g_loss.item(), "ahead": ahead}

    def parts(self):
        """Everything that training changes, by name."""
        return {**super().parts(), "teacher": self.teacher}


def make_game(s, device="cpu", kept=None):
    """The game that `tinygan train chorales` plays."""
    if kept is None:
        music, of_bach = pieces("train")
        if not of_bach:
            print("tinygan: no chorales in TINYGAN_DATA/music: made pieces are taken instead", file=sys.stderr)
        sung = [np.unique(np.concatenate([piece[:, voice] for piece in music])) for voice in range(music[0].shape[1])]
        kept = {"pitches": [voice.tolist() for voice in sung]}
    sizes = [len(sung) for sung in kept["pitches"]]
    g = MusicWriter(sizes, s.hidden, s.width, s.dropout, stream(s.seed, "generator"))
    channels = s.channels, 2 * s.channels, 2 * s.channels
    d = ConvolutionalJudge(int(np.sum(sizes)), channels, length=s.length, rng=stream(s.seed, "discriminator"))

    @cache
    def loader():  # the file is read when training needs it: samples are drawn without
        music = encoded(crops(pieces("train")[0], s.length, BEAT), kept["pitches"])
        return Loader(to_device(music, device), batch_size=s.batch_size, seed=s.seed)

    def real(turn):
        return (loader().batch(turn),)

    def fake(generator, rng, n):
        return (Tensor(generator.write(n, s.length, rng)),)

    return MusicGame(g.to(device), d.to(device), real, fake, s, kept)


# --- what is written -------------------------------------------------------------------------------------------

VOICES = ("soprano", "#D55E00"), ("alto", "#E69F00"), ("tenor", "#009E73"), ("bass", "#0072B2")
DRAWN = 4


def draw(game, samples, path):
    """Piano rolls: four real pieces above, four generated ones below; a bar of colour is a note, higher is higher."""
    rows = [("generated", decoded(samples[:DRAWN], game.kept["pitches"]))]
    real = crops(pieces("train")[0], samples.shape[1], 16)
    rows.insert(0, ("real", real[stream(0, "drawn").permutation(len(real))[:DRAWN]]))
    figure, canvas = new_figure(10, 4.2)
    panels = figure.subplots(2, DRAWN, sharex=True, sharey=True)
    for row, (name, music) in zip(panels, rows):
        row[0].set_ylabel(f"{name}\nMIDI pitch", fontsize=9)
        for axes, piece in zip(row, music):
            for note in notes(piece):
                axes.barh(note.pitch, note.length - 0.15, 0.9, note.start, color=VOICES[note.voice % 4][1])
            quiet_axes(axes)
            axes.set(xlim=(0, len(piece)), xticks=range(0, len(piece) + 1, 16))
    with written_whole(path) as temporary:
        canvas.print_png(str(temporary))


def in_a_row(game, samples):
    """All pieces one after another, with a beat of silence after each: (rows, voices)."""
    music = decoded(samples, game.kept["pitches"])
    return np.pad(music, ((0, 0), (0, BEAT), (0, 0)), constant_values=SILENCE).reshape(-1, music.shape[2])


def write_music(game, samples, path):
    """A MIDI file of all pieces, one after another."""
    write_midi(in_a_row(game, samples), path)


def write_sound(game, samples, path):
    """A WAV file of all pieces, one after another."""
    write_wav(sounded(in_a_row(game, samples)), path)


def write_array(game, samples, path):
    """An array (N, T, voices) of MIDI pitches, -1 for silence."""
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.save(file, decoded(samples, game.kept["pitches"]))


FORMATS = {".png": draw, ".mid": write_music, ".wav": write_sound, ".npy": write_array}

# --- how good it is --------------------------------------------------------------------------------------------

EVALUATED_SAMPLES = 1000


def evaluate(game, samples):
    """Total variation of what a listener counts to held-out chorales, beside as many chorales of the training set.

    And the share of generated bars of which no training chorale has a copy, beside that of held-out bars.
    """
    generated = decoded(samples, game.kept["pitches"])
    length = samples.shape[1]
    held_out, train = crops(pieces("test")[0], length, BEAT), crops(pieces("train")[0], length, BEAT)
    some = train[stream(0, "floor").permutation(len(train))[: len(samples)]]
    scores, floor = music_scores(held_out, generated), music_scores(held_out, some)
    bar = min(BAR, length)
    known = {rows.tobytes() for rows in crops(pieces("train")[0], bar, BEAT)}
    for music, found in ((generated, scores), (held_out, floor)):
        found["not_copied"] = float(np.mean([rows.tobytes() not in known for rows in crops(music, bar)]))
    found = {"samples": len(samples)}
    for name, value in scores.items():
        found |= {name: value, f"{name}_of_real": floor[name]}
    return found | {"different": len({piece.tobytes() for piece in generated}) / len(generated)}
