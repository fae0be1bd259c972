"""Random numbers of those who pass no `rng`: one generator for the whole process, which `manual_seed` sets.

The rule: whatever draws takes `rng`, a numpy Generator or an integer seed, and without one draws from this generator. It
begins somewhere new in every process. After `tinygan.manual_seed(0)` weights, `randn`, `rand`, dropout and so on repeat,
as long as they are drawn in the same order. Recipes pass `rng` everywhere (`backend.stream`) and need none of this.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Seed: TypeAlias = "np.random.Generator | int | None"

_shared: np.random.Generator | None = None  # made when it is first asked for: nothing is drawn at import


def manual_seed(seed: int) -> np.random.Generator:
    """Set the generator that is drawn from where no `rng` is passed, and return it.

    The same seed and the same draws in the same order give the same numbers, also in layers made before. Threads share
    the generator: no two of them get the same numbers, but their order is not fixed. A thread, or a forked process, whose
    numbers must repeat passes its own `rng`. A `Loader` has its own `seed`.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise TypeError(f"manual_seed: the seed is an integer of 0 or more, not {seed!r}")
    shared, fresh = generator(), np.random.default_rng(seed).bit_generator
    with shared.bit_generator.lock:  # the state is replaced, not the generator: layers that hold it follow
        shared.bit_generator.state = fresh.state
    return shared


def generator(rng: Any = None) -> np.random.Generator:
    """Return `rng` if it is a Generator, a new one if it is a seed, the shared one if it is None."""
    global _shared
    if rng is not None:
        return np.random.default_rng(rng)
    if _shared is None:
        _shared = np.random.default_rng()
    return _shared
