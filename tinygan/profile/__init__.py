"""Where the time and the memory of a training step go: by op and by layer, on the way forward and on the way back.

    python -m tinygan.profile digits
    python -m tinygan.profile mnist-rows --steps 4 --set hidden=320

    print(profile(game, steps=16))        # the same in a notebook; the rows of the table are profile(game).rows

It is a command of its own and not a flag of `train`, because it measures the training step alone, without the pictures,
checkpoints and folder of a run.

    measure     runs a game under a clock and under scales
    watch       tells them which op, layer and part of the game runs
    products    counts matrix products and times them alone: the least that a step could take
    report      prints
"""

from tinygan.profile.measure import Clock, Profile, Row, Scales, measure, profile
from tinygan.profile.products import product_call
from tinygan.profile.report import report
from tinygan.profile.watch import BETWEEN, REST, Place, watched

__all__ = [
    "BETWEEN", "REST", "Clock", "Place", "Profile", "Row", "Scales", "measure", "product_call", "profile", "report",
    "watched",
]  # fmt: skip
