"""A run so small that tests can spoil it by the hundred: made, continued, and compared file by file."""

import json
from pathlib import Path

from tinygan import recipes
from tinygan.files import written_whole
from tinygan.run.folder import Run
from tinygan.run.loop import train

digits = recipes.load("digits")

TINY = {"batch_size": 4, "hidden": 4, "features": 4, "noise": 2, "row_noise": 1}
SET = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]


def tiny_game(steps=6, **settings):
    return digits.make_game(digits.Settings(steps=steps, **{**TINY, **settings}))


def draw(samples, path):
    with written_whole(path) as temporary:
        temporary.write_bytes(samples.tobytes())


def trained(folder, steps=6, pictures=2, **settings):
    """A run with checkpoints after steps 3 and 6."""
    game = tiny_game(steps, **settings)
    run = Run.create(folder, "digits", game.settings)
    train(game, run, draw, pictures=pictures, progress=False)
    return run


def contents(folder):
    """name -> bytes of every file; log lines without the time they took."""
    files = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}
    rows = [json.loads(line) for line in files.pop("log.jsonl", b"").splitlines()]
    return {**files, "log": [{k: v for k, v in row.items() if k != "seconds"} for row in rows]}


def go_on(folder):
    """Resume the run in `folder` to its end; returns where it went on and what it noted."""
    run, game = Run.open(folder), tiny_game()
    start = run.resume(game)
    train(game, run, draw, start=start, pictures=2, progress=False)
    return start, run.notes


def one_sentence(error):
    text = str(error.value)
    assert "\n" not in text and "Traceback" not in text and len(text) < 500
    return text
