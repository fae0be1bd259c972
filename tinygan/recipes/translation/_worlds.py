"""Worlds of pictures that can be told (`tinygan.data.find_world`), as recipes take them: one that is there, scenes shown."""

from typing import NamedTuple

import numpy as np

from tinygan.backend import stream
from tinygan.data import DataError, Vocabulary, find_world, note
from tinygan.data.text import END, PAD, UNKNOWN

READ = {"shapes": "scenes of shapes, made here", "sprites": "92,160 figures of the sheets in TINYGAN_DATA"}


def choose_world(name, done):
    """Return `name`, or "shapes" where its files are missing, and say so. done: what is done with the world, "drawn"."""
    try:
        find_world(name)
    except DataError as error:
        note(f"shapes are {done} instead: {error}")
        return "shapes"
    note(READ[name])
    return name


class Shown(NamedTuple):
    """Scenes, pictures of them, bytes (N, 3, 32, 32), and a sentence about each."""

    scenes: list
    pictures: np.ndarray
    sentences: list

    @classmethod
    def make(cls, world, parts, n, seed):
        """Return n scenes of these parts of a world in turn, pictures and sentences."""
        each = [world.scenes(part, n // len(parts), stream(seed, f"scenes, {part}")) for part in parts]
        scenes = [scene for together in zip(*each) for scene in together]
        rng = stream(seed, f"pictures, {parts[0]}")
        blocks = [as_bytes(world.draw(scenes[i : i + 1000], rng)) for i in range(0, n, 1000)]  # to need little memory
        pictures, rng = np.concatenate(blocks), stream(seed, f"sentences, {parts[0]}")
        steps = {"step": None} if world.name == "sprites" else {}  # a sentence leaves out which step of a walk it is
        return cls(scenes, pictures, [world.say(scene._replace(**steps), rng) for scene in scenes])


def as_bytes(pictures):
    """Return pictures in [-1, 1] as bytes, a quarter of the memory."""
    return np.rint((pictures + 1) * 127.5).astype(np.uint8)


def as_floats(pictures):
    """Return bytes as float32 in [-1, 1]."""
    return pictures.astype(np.float32) / 127.5 - 1


class Lesson(NamedTuple):
    """Scenes, a sentence about each, and how it came to these words: the state of the stream of chance that chose them."""

    scenes: list
    sentences: list
    ways: list

    @classmethod
    def make(cls, world, n, seed, turn):
        """Return the lesson of a turn."""
        scenes, rng = world.scenes("train", n, stream(seed, "scenes", turn)), stream(seed, "sentences", turn)
        ways, sentences = [], []
        for scene in scenes:
            ways.append(rng.bit_generator.state)
            sentences.append(world.say(scene, rng))
        return cls(scenes, sentences, ways)

    def slip(self, world, k, share, rng):
        """Return k wrong sentences for each scene, (k N): a share tell one thing otherwise, the others are another's."""
        wrong, again, n = [], stream(0, "again"), len(self.scenes)
        for _ in range(k):
            others, step = rng.random(n) >= share, int(rng.integers(1, max(2, n)))
            for i, (scene, way) in enumerate(zip(self.scenes, self.ways)):
                if others[i]:
                    wrong.append(self.sentences[(i + step) % n])
                else:
                    again.bit_generator.state = way
                    wrong.append(world.say(world.slip(scene, rng), again))
        return wrong


class Words:
    """The words of a world as numbers."""

    def __init__(self, world, known):
        self.world, self.vocabulary = world, Vocabulary.from_tokens([PAD, END, UNKNOWN, *known], "word")

    def encode(self, sentences):
        """Return tokens (N, T), each row closed by <end>; T is that of the longest."""
        return self.vocabulary.encode(sentences)[0]
