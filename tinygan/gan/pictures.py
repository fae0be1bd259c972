"""What `tinygan plot RUN` draws of a trained game, whatever recipe it is of.

Of games that make pictures: pictures between samples, a walk through them, and the training pictures nearest to samples:
has it memorised? Of all games with a latent: what its directions do (`directions.py`), and what each part of it decides
(`shares.py`).
"""

import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

from tinygan.backend import stream, to_numpy
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.directions import Walks, can_walk
from tinygan.gan.shares import PAIRS, find_shares
from tinygan.gan.translation import Translation
from tinygan.metrics import nearest_training
from tinygan.plot import gif, image_grid, neighbour_strip, save_image
from tinygan.plot.drawing import save_in_few_colours
from tinygan.plot.latent import direction_curves, direction_grid, direction_plane, share_chart

ROWS, COLUMNS = 6, 9  # of the strip between samples
WALKERS, STOPS, FRAMES = 16, 4, 12  # frames from a stop to the next
NEIGHBOURS, COMPARED = 3, 10  # of each of so many samples
RANGE = (-1, 1)  # of every recipe's pictures
MOST_PICTURES = 60_000  # all of MNIST
SECONDS = 8.0  # for reading training pictures: some recipes draw them one by one, without end
CHUNK = 2048  # training pictures that are compared at a time: 13 MB of MNIST in float64
DIRECTIONS, FARTHEST = 6, 2.0  # drawn of each game; standard deviations


def drawings(game: Any) -> dict[str, Callable]:
    """Return {file name: function (game, path)} of what can be drawn of a game."""
    drawn: dict[str, Callable] = {}
    if makes_pictures(game) and not isinstance(game, Translation):  # its recipe draws sources, results and targets
        walks = {"between.png": between_samples, "walk.gif": walk} if isinstance(game, FromNoise) else {}
        drawn = {**walks, "nearest.png": beside_training}
    if can_walk(game):
        drawn["directions.png"] = along_directions
    if isinstance(game, FromNoise) and count_latents(game) > 1:
        drawn["shares.png"] = shares_of_latents
    return drawn


NO_LATENT = "there is no latent vector, so no directions are drawn"


def count_latents(game: FromNoise) -> int:
    """Return how many latents are drawn independently, what G is told among them."""
    told = bool(game.ask(1, stream(0, "told")))
    return sum(len(space.parts()) for space in game.spaces) + told


def makes_pictures(game: Any) -> bool:
    """Return whether samples are pictures, arrays (N, 1 or 3, height, width) of real numbers."""
    x = game.sample(1, 0)
    return x.ndim == 4 and x.shape[1] in (1, 3) and x.dtype.kind == "f"


def between_samples(game: FromNoise, path: Any) -> None:
    """Draw a row for each of some samples: from one, on the left, to another, on the right."""
    steps = list(game.walk(ROWS, 0, np.linspace(0, 1, COLUMNS)))
    save_image(image_grid(np.stack(steps, 1).reshape(-1, *steps[0].shape[1:]), COLUMNS, value_range=RANGE), path)


def walk(game: FromNoise, path: Any) -> None:
    """Draw samples that change into others and back, an animation without a jump."""
    times = np.arange(STOPS * FRAMES) / FRAMES
    gif((image_grid(x, value_range=RANGE) for x in game.walk(WALKERS, 0, times, STOPS)), path)


def beside_training(game: Any, path: Any) -> None:
    """Draw samples, and under each the training pictures nearest to it, pixel by pixel."""
    x = game.sample(COMPARED, 0)
    near, distances, compared = np.zeros((len(x), 0, *x.shape[1:]), x.dtype), np.zeros((len(x), 0)), 0
    for pictures in _once_each(game):
        compared += len(pictures)
        nearest = nearest_training(x, pictures, min(NEIGHBOURS, len(pictures)))
        near = np.concatenate([near, pictures[nearest.rows]], 1)
        distances = np.concatenate([distances, nearest.distances], 1)
        best = np.argsort(distances, 1, kind="stable")[:, :NEIGHBOURS]
        near, distances = near[np.arange(len(x))[:, None], best], np.take_along_axis(distances, best, 1)
    save_image(neighbour_strip(x, near, of=compared), path)


def _once_each(game: Any) -> Iterator[np.ndarray]:
    """Yield the training pictures, CHUNK at a time, in the order of training, until a batch has none that is new.

    No more than MOST_PICTURES, and for no more than SECONDS: some recipes put pictures together without end.
    """
    begun = time.monotonic()
    seen: set[int] = set()
    chunk: list[np.ndarray] = []
    for step in count():
        known = len(seen)
        for picture in to_numpy(game.batch(step).x):
            if (key := hash(picture.tobytes())) not in seen:
                seen.add(key)
                chunk.append(picture)
        if len(seen) == known or known >= MOST_PICTURES or time.monotonic() - begun > SECONDS:
            break
        if len(chunk) >= CHUNK:
            yield np.stack(chunk)
            chunk = []
    if chunk:
        yield np.stack(chunk)


def along_directions(game: FromNoise, path: Any) -> None:
    """Draw samples moved along the principal directions of G's first features: pictures, points, sequences, first frames."""
    x = game.sample(1, 0)
    is_clip = x.ndim == 5
    kind = "pictures" if makes_pictures(game) or is_clip else "points" if x.shape[1:] == (2,) else "sequences"
    walks = Walks(game, DIRECTIONS if kind == "pictures" else 4)
    count = len(walks.directions.shares)
    samples, stops = {"pictures": (2, 7), "points": (16, 21), "sequences": (2, 5)}[kind]
    amounts = np.linspace(-FARTHEST, FARTHEST, stops)
    made = np.array([[walks.along(k, row, amounts) for row in range(samples)] for k in range(count)])
    shares = walks.directions.shares
    if is_clip:
        made = made[:, :, :, 0]
    if kind == "pictures":
        save_image(direction_grid(made, amounts, shares), path)
    elif kind == "points":
        save_in_few_colours(direction_plane(game.sample(1000, 0), made, shares), path)
    else:
        first = made.reshape(count, samples, stops, made.shape[3], -1)[..., 0]  # of the columns
        save_in_few_colours(direction_curves(first, amounts, shares), path)


def shares_of_latents(game: FromNoise, path: Any) -> None:
    """Draw which share of the variance each latent decides alone."""
    save_in_few_colours(share_chart(*find_shares(game, PAIRS)), path)
