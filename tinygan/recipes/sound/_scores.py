"""Pieces of music drawn as piano rolls, and written as sound, MIDI and numbers: what `chorales` shows."""

import numpy as np

from tinygan.backend import stream
from tinygan.data import crops
from tinygan.data.sound import SILENCE
from tinygan.data.waves import write_wave
from tinygan.files import save_array, written_whole
from tinygan.networks.music import BEAT
from tinygan.plot.drawing import new_figure, quiet_axes
from tinygan.plot.sound import RATE, notes, render, write_midi
from tinygan.recipes.sound._pieces import are_made, decode, pieces

BAR = 16  # rows
VOICES = ("soprano", "#D55E00"), ("alto", "#E69F00"), ("tenor", "#009E73"), ("bass", "#0072B2")
DRAWN = 4


def roll(axes, piece):
    """Draw the piano roll of a piece: a bar of colour is a note, higher is higher."""
    for n in notes(piece):
        axes.barh(n.pitch, n.length - 0.15, 0.9, n.start, color=VOICES[n.voice % 4][1])
    quiet_axes(axes)
    axes.set(xlim=(0, len(piece)), xticks=range(0, len(piece) + 1, BAR))


def draw(game, samples, path):
    """Draw piano rolls: four real pieces above, four generated ones below."""
    rows = [("generated", decode(samples[:DRAWN], game.saved["pitches"]))]
    real = crops(pieces("train", are_made(game.saved)), samples.shape[1], 16)
    rows.insert(0, ("real", real[stream(0, "drawn").permutation(len(real))[:DRAWN]]))
    figure, canvas = new_figure(10, 4.2)
    panels = figure.subplots(2, DRAWN, sharex=True, sharey=True)
    for row, (name, music) in zip(panels, rows):
        row[0].set_ylabel(f"{name}\nMIDI pitch", fontsize=9)
        for axes, piece in zip(row, music):
            roll(axes, piece)
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


def draw_answer(answer, path):
    """Draw the piano roll of a melody and the voices below it, of its first 16 bars."""
    piece = answer.piece[: 16 * BAR]
    figure, canvas = new_figure(2 + len(piece) / 28, 2.8)
    axes = figure.subplots()
    axes.set_ylabel("MIDI pitch", fontsize=9)
    axes.set_xlabel("sixteenth notes; the melody is on top", fontsize=9)
    roll(axes, piece)
    with written_whole(path) as temporary:
        canvas.print_png(str(temporary))
