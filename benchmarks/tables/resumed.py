"""Long training in pieces: `play` goes on where a script was stopped. `pix2pix.py` and `restore.py` use it.

seconds = play(game, 1800, folder / "coloured-0.npz")
"""

import time

import numpy as np

EVERY = 100  # steps between two states that are stored


def play(game, until, path):
    """Train a game to step `until`, from where the file at `path` is; return the processor seconds of all pieces."""
    step, seconds = 0, 0.0
    if path.exists():
        with np.load(path) as stored:
            step, seconds = int(stored["step"]), float(stored["seconds"])
            if step > until:
                raise SystemExit(f"{path}: of step {step}, and step {until} is wanted: remove it to begin anew")
            for name, part in game.parts().items():
                head = f"{name}: "
                part.load_state_dict({k.removeprefix(head): stored[k] for k in stored if k.startswith(head)})
    begun = time.process_time() - seconds
    while step < until:
        game.step(step)
        step += 1
        if step % EVERY == 0 or step == until:
            seconds = time.process_time() - begun
            state = {f"{name}: {k}": a for name, part in game.parts().items() for k, a in part.state_dict().items()}
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path.with_suffix(".tmp.npz"), step=step, seconds=seconds, **state)
            path.with_suffix(".tmp.npz").replace(path)
    return seconds
