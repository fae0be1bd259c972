"""Two bars of music in four voices, as Bach harmonised hymns: written by an LSTM a sixteenth at a time, judged by a CNN.

A row of music is four choices, a pitch or silence for each voice, and a choice has no slope. G's output is softmax(l) for
each voice; D is shown the pitch that is largest, a vector of one 1, as real music is, and the slope is that of the softmax
(straight through: Bengio et al. 2013). Chance comes from the noise alone, which changes with the beat, as music mostly
does; G is told which sixteenth of the beat it writes.
Data: J. S. Bach's chorales from TINYGAN_DATA/music, made ones where there are none. Heard with
`tinygan sample RUN --out music.wav` or `.mid`; measured by what a listener would count, beside held-out chorales.
`tinygan train chorales`, seed 0: chords sound as Bach's (total variation of harmony .04, real .01), lines move and notes
last less like his (interval .17, held .24; real .02, .04): now and then a stray sixteenth. None is a copy.
"""

import sys
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import stream, to_device, xp
from tinygan.data import DataError, Loader, chorales, crops, made_chorales
from tinygan.data.music import SILENCE
from tinygan.data.sound import notes, sounded, write_midi, write_wav
from tinygan.files import written_whole
from tinygan.gan.training import Game, setting
from tinygan.metrics.music import music_scores
from tinygan.nn import Module
from tinygan.ops import cat, softmax
from tinygan.plot.drawing import new_figure, quiet_axes
from tinygan.recipes.sines import SequenceSettings, sequence_players

BEAT = 4  # rows of a quarter note


@dataclass
class Settings(SequenceSettings):
    """Settings of `chorales`."""

    steps: int = setting(6000, "Training steps; each moves both players once, D n_critic times.", 1)
    gamma: float = setting(0.5, "Weight of the penalty; see `penalty`.", 0.0)
    hidden: int = setting(96, "Size of the generator's state.", 1)
    noise: int = setting(16, "Size of z, drawn once a sequence.", 0)
    step_noise: int = setting(8, "Size of z_t, drawn anew at every beat.", 0)
    channels: int = setting(48, "Channels of the CNN's first convolution; the others have twice as many.", 1)
    length: int = setting(32, "Sixteenth notes of a piece; 16 are a bar.", 8)

    def __post_init__(self):
        super().__post_init__()
        if self.tokens:
            raise ValueError(f"tokens={self.tokens}: the writer of chorales reads normal noise and a clock; leave it 0")


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


def straight_through(logits, sizes):
    """(N, T, Σ sizes) -> for each part of size V, the one-hot of its largest logit; its slope is that of the softmax.

    Bengio, Léonard & Courville 2013, section 2.3.
    """
    parts, end = [], 0
    for size in sizes:
        start, end = end, end + size
        soft = softmax(logits[:, :, start:end], 2)
        values = raw(soft)
        hard = values.argmax(2)[:, :, None] == xp(values).arange(size)
        parts.append(soft + (hard.astype(values.dtype) - values))
    return cat(parts, 2)


class MusicWriter(Module):
    """The LSTM of `sequences.py`, told which row of the beat it writes, and each voice's choice of a pitch."""

    def __init__(self, writer, sizes):
        self.writer, self.sizes = writer, sizes

    def forward(self, z, step_noise):
        """z (N, noise), z_t (T, N, step_noise) -> pieces, encoded (N, T, Σ sizes)."""
        length, n, _ = step_noise.shape
        library = xp(raw(z))
        in_beat = library.arange(length)[:, None] % BEAT == library.arange(BEAT)
        clock = library.broadcast_to(in_beat[:, None].astype(z.dtype), (length, n, BEAT))
        return straight_through(self.writer(z, cat([step_noise, Tensor(clock)], 2)), self.sizes)

    def draw_noise(self, rng, n, length):
        """z and z_t for n pieces, z_t the same in all rows of a beat."""
        z, step_noise = self.writer.draw_noise(rng, n, -(-length // BEAT))
        return z, step_noise[np.arange(length) // BEAT, :, BEAT:]  # in the clock's place the writer has noise too


def make_game(s, device="cpu", kept=None):
    """The game that `tinygan train chorales` plays."""
    if kept is None:
        music, of_bach = pieces("train")
        if not of_bach:
            print("tinygan: no chorales in TINYGAN_DATA/music: made pieces are taken instead", file=sys.stderr)
        sung = [np.unique(np.concatenate([piece[:, voice] for piece in music])) for voice in range(music[0].shape[1])]
        kept = {"pitches": [voice.tolist() for voice in sung]}
    sizes = [len(sung) for sung in kept["pitches"]]
    writer, judge = sequence_players(s.length, sum(sizes), s, "none", clock=BEAT)
    g = MusicWriter(writer, sizes).to(device)

    @cache
    def loader():  # the file is read when training needs it: samples are drawn without
        music = encoded(crops(pieces("train")[0], s.length, BEAT), kept["pitches"])
        return Loader(to_device(music, device), batch_size=s.batch_size, seed=s.seed)

    def real(turn):
        return (loader().batch(turn),)

    def fake(generator, rng, n):
        return (generator(*generator.draw_noise(rng, n, s.length)),)

    return Game(g, judge.to(device), real, fake, s, kept)


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

    And the share of generated pieces of which no training chorale has a copy.
    """
    generated = decoded(samples, game.kept["pitches"])
    length = samples.shape[1]
    held_out, train = crops(pieces("test")[0], length, BEAT), crops(pieces("train")[0], length, BEAT)
    some = train[stream(0, "floor").permutation(len(train))[: len(samples)]]
    scores, floor = music_scores(held_out, generated), music_scores(held_out, some)
    known = {piece.tobytes() for piece in train}
    found = {"samples": len(samples)}
    for name, value in scores.items():
        found |= {name: value, f"{name}_of_real": floor[name]}
    return found | {
        "different": len({piece.tobytes() for piece in generated}) / len(generated),
        "not_copied": float(np.mean([piece.tobytes() not in known for piece in generated])),
    }
