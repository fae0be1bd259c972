"""What `tinygan plot RUN` draws of a trained game that makes pictures, whatever recipe it is of.

Between samples and on a walk through them, and beside the nearest of the training set: has it memorised? Needs nothing of
a recipe but its game: `Game.walk` goes through its chance, `Game.real` shows what it was trained on.
"""

import numpy as np

from tinygan.backend import to_numpy
from tinygan.metrics import nearest_training
from tinygan.plot import gif, image_grid, neighbour_strip, save_image

ROWS, COLUMNS = 6, 9  # of the strip between samples
WALKERS, STOPS, FRAMES = 16, 4, 12  # frames from a stop to the next
NEIGHBOURS, COMPARED = 3, 10  # of each of so many samples
MOST_PICTURES = 60_000  # all of MNIST
CHUNK = 2048  # training pictures that are compared at a time: 13 MB of MNIST in float64


def makes_pictures(game):
    """Whether samples are pictures, arrays (N, 1 or 3, height, width) of real numbers."""
    x = game.sample(1, 0)
    return x.ndim == 4 and x.shape[1] in (1, 3) and x.dtype.kind == "f"


def between_samples(game, path, seed=0):
    """A row for each of some samples: from one, on the left, to another, on the right."""
    steps = list(game.walk(ROWS, seed, np.linspace(0, 1, COLUMNS)))
    save_image(image_grid(np.stack(steps, 1).reshape(-1, *steps[0].shape[1:]), COLUMNS), path)


def walk(game, path, seed=0):
    """Samples that change into others and back to what they were, as an animation without a jump."""
    times = np.arange(STOPS * FRAMES) / FRAMES
    gif((image_grid(x) for x in game.walk(WALKERS, seed, times, STOPS)), path)


def beside_training(game, path, seed=0):
    """Samples, and under each the training pictures nearest to it, pixel by pixel."""
    x = game.sample(COMPARED, seed)
    near, distances = np.zeros((len(x), 0, *x.shape[1:]), x.dtype), np.zeros((len(x), 0))
    for pictures in _once_each(game):
        found = nearest_training(x, pictures, min(NEIGHBOURS, len(pictures)))
        near = np.concatenate([near, pictures[found.rows]], 1)
        distances = np.concatenate([distances, found.distances], 1)
        best = np.argsort(distances, 1, kind="stable")[:, :NEIGHBOURS]
        near, distances = near[np.arange(len(x))[:, None], best], np.take_along_axis(distances, best, 1)
    save_image(neighbour_strip(x, near), path)


def _once_each(game):
    """The training pictures, CHUNK at a time, in the order of training until a batch shows none that is new.

    No more than MOST_PICTURES: there is no end of them where they are put together anew.
    """
    seen, chunk, step, new = set(), [], 0, True
    while new and len(seen) < MOST_PICTURES:
        batch = to_numpy(game.real(step)[0])
        new = [picture for picture in batch if (key := hash(picture.tobytes())) not in seen and not seen.add(key)]
        chunk, step = chunk + new, step + 1
        if len(chunk) >= CHUNK:
            yield np.stack(chunk)
            chunk = []
    if chunk:
        yield np.stack(chunk)
