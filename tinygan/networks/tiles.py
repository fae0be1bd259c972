"""Pictures of any size through a network of convolutions, tile by tile: the memory it takes is that of one tile."""

from collections.abc import Callable, Iterator

from tinygan.backend import Array


def tiles(height: int, width: int, side: int, reach: int) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Yield (place, surroundings) of every tile of a picture: rows and columns of the tile, and of what it depends on.

    The surroundings are the tile and `reach` pixels around it, as far as the picture goes.
    """
    for top in range(0, height, side):
        for left in range(0, width, side):
            bottom, right = min(height, top + side), min(width, left + side)
            around = slice(max(0, top - reach), bottom + reach), slice(max(0, left - reach), right + reach)
            yield (slice(top, bottom), slice(left, right)), around


def by_tiles(make: Callable[[Array], Array], picture: Array, out: Array, side: int, reach: int) -> None:
    """Write make(picture) into `out`, tile by tile: pictures (C, h, w) -> (D, scale h, scale w), any scale.

    reach: how many pixels away what a result depends on may lie. Tiles then meet without a seam: each result is what the
    whole picture would give, but for rounding.
    """
    scale = out.shape[1] // picture.shape[1]
    for place, around in tiles(*picture.shape[1:], side, reach):
        made = make(picture[(slice(None), *around)])
        inside = (slice(scale * (p.start - a.start), scale * (p.stop - a.start)) for p, a in zip(place, around))
        to = (slice(scale * p.start, scale * p.stop) for p in place)
        out[(slice(None), *to)] = made[(slice(None), *inside)]
