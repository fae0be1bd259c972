"""The photographs that `superres` learns from and is tested on: BSD100, Set5 and Set14, a reader's own, or dead leaves."""

import numpy as np

from tinygan.backend import stream
from tinygan.data import DataError, note
from tinygan.data.files import refuse_others
from tinygan.data.pictures.enlargements import Enlargements
from tinygan.data.pictures.photographs import dead_leaves, own_photographs, photographs, to_ycbcr
from tinygan.networks.enlarging import SCALE

MADE, HELD_OUT, SIDE = 24, 4, 192  # dead leaves: pictures to train on, held-out ones, pixels of a side


def read(s, part, saved=None):
    """Return Enlargements to train on (part 0) or held-out ones (1); DataError if they are not those of `saved`."""
    if s.data:
        pictures = own_photographs(s.data, SCALE * s.crop)
        order, few = stream(0, "held out").permutation(len(pictures)), -(-len(pictures) // 10)
        chosen = [pictures[k] for k in (np.sort(order[few:]), order[:few])[part]]
        note(f"{few} of them held out")
    else:
        chosen = real_or_made(s, part)
    pairs = Enlargements([to_ycbcr(x)[0] for x in chosen], SCALE)
    if s.crop > (least := min(min(x.shape) for x in pairs.small)):
        raise ValueError(
            f"crop={s.crop}: the smallest picture, shrunk, has a side of {least}; take crop={least} or less"
        )
    if part == 0 and saved:
        refuse_others(s.data or "superres", pairs.checksum(), saved["checksum"])
    return pairs


def made_leaves(side):
    """Return Enlargements of eight pictures of dead leaves whose sides are `side` pixels or more."""
    return Enlargements([to_ycbcr(x)[0] for x in dead_leaves(8, max(side, SIDE))], SCALE)


def real_or_made(s, part):
    """Return photographs to train on (part 0: BSD100) or held-out ones (1: Set5, Set14), or else dead leaves."""
    if part == 1 or s.photographs == "real":
        try:
            return photographs("bsd100") if part == 0 else [*photographs("set5"), *photographs("set14")]
        except DataError:
            pass
    note(f"{MADE} pictures of dead leaves, made here, which stand in for photographs; --data FOLDER takes yours")
    return dead_leaves(MADE, SIDE) if part == 0 else dead_leaves(HELD_OUT, SIDE, seed=1)
