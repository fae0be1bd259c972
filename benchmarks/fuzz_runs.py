"""Formats of a run's folder for `fuzz.py`: config.json, the log, checkpoints, and what lies where a file is expected."""

import json
import os
from functools import cache

from fuzz import NASTY, command, spoil

SMALL = {  # recipes that train a step in milliseconds, without data from elsewhere
    "digits": {"hidden": 4, "features": 4, "noise": 2, "row_noise": 1, "batch_size": 4},
    "ring": {"hidden": 8, "batch_size": 16, "codes": 0},
    "sines": {"hidden": 4, "batch_size": 4, "noise": 2, "step_noise": 2},
}


@cache
def good_run(recipe):
    """Return {name: bytes} of the files of a run of six steps, trained once."""
    import contextlib
    import io
    import tempfile
    from pathlib import Path

    words = [word for key, value in SMALL[recipe].items() for word in ("--set", f"{key}={value}")]
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
        assert command("train", recipe, "--steps", 6, "--out", f"{place}/run", *words)() == 0
        run = Path(place, "run")
        return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}


def lay(rng, folder, recipe=None):
    """Write a good run into `folder`/run; return its path."""
    run = folder / "run"
    for name, content in good_run(recipe or rng.choice(list(SMALL))).items():
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return run


def use(rng):
    """Return one of the commands that open a run."""
    return rng.choice(
        (
            command("sample", "run", "-n", "3"), command("sample", "run", "-n", "2", "--out", "run/a.npy"),
            command("evaluate", "run", "-n", "20"), command("plot", "run"), command("train", "--resume", "--out", "run"),
        )
    )  # fmt: skip


def config(rng, folder):
    """A config.json with a value of another kind somewhere, or with bytes changed."""
    path = lay(rng, folder) / "config.json"
    if rng.random() < 0.3:
        path.write_bytes(spoil(rng, path.read_bytes()))
    else:
        found = json.loads(path.read_bytes())
        found.setdefault("rewinds", [{"to_step": 3, "pace": 0.5, "because": "x"}])
        for _ in range(rng.choice((1, 1, 2))):
            place = found
            while True:
                keys = list(place) if isinstance(place, dict) else range(len(place))
                key = rng.choice(keys)
                if not place[key] or not isinstance(place[key], dict | list) or rng.random() < 0.1:
                    break
                place = place[key]
            if isinstance(place, dict) and rng.random() < 0.1:
                place[rng.choice(("kept", "saved", "data", "x\x1b[2J"))] = rng.choice(NASTY)
            else:
                place[key] = rng.choice(NASTY)
        path.write_text(json.dumps(found), errors="surrogatepass")
    return use(rng)


FORMATS = {"config": config}
