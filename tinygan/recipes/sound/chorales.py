"""Two bars of music in four voices, as Bach harmonised hymns: an LSTM imitates them, and then plays against a CNN.

A row of music is a sixteenth note: four choices of a pitch or silence, soprano to bass. Each choice is made knowing all
that came before it. A note is held by choosing its pitch again. First G learns what Bach wrote next, by maximum likelihood,
in every key that the voices can sing; it is told the key, and samples are in none but the pieces' own. But a writer that
has always gone on from Bach's own notes is less sure after its own. In the game D hears whole pieces, and pieces that D
likes better than the rest of the batch become likelier. (Straight through, the slope of a softmax at the choice, was
tried: eighth notes became fewer.) `--set told=soprano`: G knows a whole soprano and writes the voices below it, and
`tinygan apply RUN melody.mid` harmonises a reader's own; a run that is not told follows it note by note.
Data: J. S. Bach's chorales from TINYGAN_DATA/music, made ones where there are none. Heard with
`tinygan sample RUN --out music.wav` or `.mid`. Measured by what a listener would count, beside held-out chorales: total
variation of pitch classes, of steps from note to note, of how long notes are held. Three seeds of the default, 4.4 CPU
minutes: steps .025, lengths .055, where other chorales of Bach have .016 and .035 (benchmarks/results/e2.md). In the game
steps come nearer to Bach's, and notes become longer the longer it is played; so imitation is long and the game short. Below
held-out sopranos, seed 0, 400 steps of the game after 1,600 of imitation: steps .059 to .024, lengths .048 to .083, 21 of
100 notes are Bach's, .3 of 100 moves of two voices parallel fifths or octaves, Bach's own .1 (harmonise.md).
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from tinygan.autodiff import Tensor
from tinygan.backend import stream, to_device, to_numpy
from tinygan.data import Loader, crops, note
from tinygan.data.midi import fit, read_melody
from tinygan.data.sound import SILENCE
from tinygan.data.waves import write_wave
from tinygan.files import Range
from tinygan.gan.adversarial import Duel
from tinygan.gan.players import Batch, Player, read_back
from tinygan.gan.settings import AverageSettings, DuelSettings, ObjectiveSettings, SlopeSettings
from tinygan.metrics.sound import agreement, music_scores, part_writing
from tinygan.networks.music import BEAT, MusicJudge, MusicWriter
from tinygan.ops import mean
from tinygan.optim import Adam, share_left
from tinygan.plot.sound import RATE, render, write_midi
from tinygan.recipes.sound._pieces import are_made, decode, encode, learn_what_is_saved, pieces, transpose
from tinygan.recipes.sound._scores import BAR, draw, draw_answer, write_array, write_music, write_sound
from tinygan.run.settings import RunSettings, defaults, setting

ASKED = 1000


@dataclass
class ImitationSettings(RunSettings):
    """How G imitates."""

    pretrain: int = setting(2500, "Steps of imitation, maximum likelihood, that come first.", 0)
    imitation_rate: float = setting(3e-3, "Adam's learning rate while G imitates; in the second half it falls to 0.", 0.0)
    dropout: float = setting(0.3, "Share of its state that G goes without while it imitates.", 0.0, 1.0)


@defaults(
    steps=2800, learning_rate=3e-4, decay_from=0.85, d_rate=3.0, beta1=0.5, objective="non-saturating", gamma=0.003,
    penalty_every=4, ema=0.995,
)  # fmt: skip
class Settings(ImitationSettings, SlopeSettings, ObjectiveSettings, AverageSettings, DuelSettings):
    """Settings of `chorales`."""

    told: str = setting(
        "nothing", "What G is told of a piece: nothing, or all of its soprano, below which it writes the other voices.",
        choices=("nothing", "soprano"),
    )  # fmt: skip
    hidden: int = setting(160, "Size of the generator's state.", 1)
    width: int = setting(64, "Features that a voice's choice is made from.", 1)
    channels: int = setting(48, "Channels of D's first convolution; the others have twice as many.", 1)
    length: int = setting(32, "Sixteenth notes of a piece; 16 are a bar.", 8, 10_000)


# --- the players -----------------------------------------------------------------------------------------------


class MusicGame(Duel):
    """s.pretrain steps in which G imitates real pieces, then the game, in which D's verdict is what a piece is worth."""

    takes = ("given", "temperature")

    def __init__(self, generator, discriminator, batch, s, saved):
        super().__init__(generator, discriminator, batch, s, saved)
        self.imitator = Player(
            "imitator", generator, Adam(generator.parameters(), lr=s.imitation_rate),
            lambda k: share_left(k, max(1, min(s.pretrain, s.steps))), averages=self.G.averages, clip=s.clip_gradients,
        )  # fmt: skip
        self.players["imitator"] = self.imitator

    @property
    def device(self):
        """Where the weights are."""
        return self.G.parameters[0].device

    def step(self, k):
        """Do training step k: imitation first, then the game."""
        return self.imitate(k) if k < self.settings.pretrain else self.play(k)

    def imitate(self, k):
        """Take a step down the gradient of -log p of real pieces: maximum likelihood."""
        G = self.G.module.train().reseed(stream(self.settings.seed, "dropout", k))
        music = decode(to_numpy(self.batch(k).x), self.saved["pitches"])
        music, key = transpose(music, self.saved["pitches"], stream(self.settings.seed, "keys", k))
        loss = mean(G(to_device(encode(music, self.saved["pitches"]), self.device), to_device(key, self.device)))
        self.imitator.move(loss, k)
        return {"g_nll": loss.item()}

    def play(self, k):
        """Do D's turn on real and generated pieces, then G's by policy gradient on the same.

        G's loss is the mean of a_n (-log p(x_n)), a_n = (D(x_n) - mean) / deviation over the batch, constants: pieces that
        D likes better than others become likelier. Williams 1992; Yu et al. 2017, without roll-outs.
        """
        s, G = self.settings, self.G.module.eval()
        real = self.batch(k)
        soprano = real.x[..., : G.spans[0][1]] if G.told else None
        written = G.write(s.batch_size, s.length, stream(s.seed, "noise", k), soprano)
        row, _, of_real, of_written = self.move_d(real, Batch(Tensor(written)), k, k)
        worth = of_written[:, 0]
        worth = (worth - worth.mean()) / (worth.std() + 1e-6)
        g_loss = mean(G(written) * worth)
        self.G.move(g_loss, k)
        return read_back({**row, "g_loss": g_loss.data, "ahead": (of_real - of_written).mean()})

    @cached_property
    def asked(self):
        """Pieces that training does not show, (ASKED, T, voices): samples of a G that is told sopranos are below theirs."""
        held_out = crops(pieces("test", are_made(self.saved)), self.settings.length, BEAT)
        return held_out[stream(0, "asked").permutation(len(held_out))[:ASKED]]

    def sample(self, n, seed, *, given=None, **how):
        """Return n pieces, encoded; given: encoded sopranos, (n, T, its size)."""
        if self.settings.told == "soprano" and given is None:
            music = self.asked[np.arange(n) % len(self.asked)]
            given = encode(music[:, :, :1], self.saved["pitches"][:1])
        return super().sample(n, seed, given=given, **how)

    def draw(self, n, rng, *, given=None, temperature=1.0):
        G = self.G.average.module
        given = None if given is None else to_device(given, self.device)
        length = self.settings.length if given is None else given.shape[1]
        return to_numpy(G.write(n, length, rng, given, temperature))


SAVED = {"pitches": [[Range(-1, 127)]], "made?": bool}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train chorales` plays."""
    saved = learn_what_is_saved(s) if saved is None else saved
    g = MusicWriter(saved["pitches"], s.hidden, s.width, s.dropout, s.told == "soprano", stream(s.seed, "generator"))
    channels = s.channels, 2 * s.channels, 2 * s.channels
    d = MusicJudge(saved["pitches"], channels, s.length, stream(s.seed, "discriminator"))

    @cache
    def loader():  # the file is read when training needs it: samples are drawn without
        music = encode(crops(pieces("train", are_made(saved)), s.length, BEAT), saved["pitches"])
        return Loader(to_device(music, device), batch_size=s.batch_size, seed=s.seed)

    return MusicGame(g.to(device), d.to(device), lambda turn: Batch(loader().batch(turn)), s, saved)


# --- what is written -------------------------------------------------------------------------------------------

FORMATS = {".png": draw, ".mid": write_music, ".wav": write_sound, ".npy": write_array}

# --- a melody of a reader's own --------------------------------------------------------------------------------


class Harmony(NamedTuple):
    """What `respond` answers: a piece (T, voices), the melody on top, and the seconds that a row lasts."""

    piece: np.ndarray
    row: float


def example(game):
    """Return the name of a file that `respond` could be given."""
    return "melody.mid"


def respond(game, given, rng):
    """Return the melody of the MIDI file `given` with the voices that G writes below it."""
    melody, pitches = read_melody(given), game.saved["pitches"]
    if game.settings.told == "nothing":
        note("told=nothing: G follows this soprano and knows not what comes; a run with --set told=soprano knows all of it")
    upbeat = melody.pitches == SILENCE
    soprano = fit(np.where(upbeat, melody.pitches[~upbeat][0], melody.pitches), np.array(pitches[0]))
    rows = encode(soprano[None, :, None], pitches[:1])
    piece = decode(game.draw(1, rng, given=rows), pitches)[0]
    piece[upbeat] = SILENCE
    return Harmony(piece, melody.row)


ANSWERS = {
    ".mid": lambda answer, path: write_midi(answer.piece, path, answer.row),
    ".wav": lambda answer, path: write_wave(path, render(answer.piece, answer.row), RATE),
    ".png": draw_answer,
}

# --- how good it is --------------------------------------------------------------------------------------------

EVALUATED_SAMPLES = 1000


def evaluate(game, samples):
    """Return the total variation of what a listener counts to held-out chorales, beside that of training chorales.

    And the share of generated bars that are in no training chorale, beside that of held-out bars. told=soprano: of the
    voices below held-out sopranos; also how often they are Bach's, and how well they go together.
    """
    generated, told = decode(samples, game.saved["pitches"]), game.settings.told == "soprano"
    length = samples.shape[1]
    of_train, of_test = (pieces(split, are_made(game.saved)) for split in ("train", "test"))
    held_out, train = crops(of_test, length, BEAT), crops(of_train, length, BEAT)
    some = train[stream(0, "floor").permutation(len(train))[: len(samples)]]
    written = [music[:, :, int(told) :] for music in (held_out, generated, some)]  # without a soprano that was told
    scores, floor = music_scores(*written[:2]), music_scores(written[0], written[2])
    bar = min(BAR, length)
    known = {rows.tobytes() for rows in crops(of_train, bar, BEAT)}
    for music, values in ((generated, scores), (held_out, floor)):
        values["not_copied"] = float(np.mean([rows.tobytes() not in known for rows in crops(music, bar)]))
    rows = {"samples": len(samples)}
    if told:
        rows |= agreement(game.asked[np.arange(len(samples)) % len(game.asked)], generated)
        scores, floor = scores | part_writing(generated), floor | part_writing(held_out)
    for name, value in scores.items():
        rows |= {name: value, f"{name}_of_real": floor[name]}
    return rows | {"different": len({piece.tobytes() for piece in generated}) / len(generated)}
