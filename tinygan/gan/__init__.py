"""The game of networks against each other, without what they are about.

Read `players.py` first (Player, Game), then `adversarial.py`, which has the training step, then `objectives.py` and
`penalties.py`, which it calls.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tinygan.remedies import of_module

if TYPE_CHECKING:
    from . import (
        adversarial,
        augment,
        classes,
        cycle,
        latent,
        objectives,
        penalties,
        pictures,
        players,
        replies,
        settings,
        translation,
    )

_FILES = "adversarial augment classes cycle latent objectives penalties pictures players replies settings translation".split()

if not TYPE_CHECKING:  # a type checker would take any name for one of these

    def __getattr__(name: str) -> Any:
        """Import a file when it is first asked for: `tinygan.gan.objectives.hinge` after `import tinygan`."""
        if name in _FILES:
            return importlib.import_module(f"tinygan.gan.{name}")
        raise AttributeError(of_module(name, __name__))


def __dir__() -> list[str]:
    return sorted({*globals(), *_FILES})
