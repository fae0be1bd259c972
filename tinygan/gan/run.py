"""A run: its folder, its checkpoints, and the loop that calls `training_step` until the steps are done.

    RUN/config.json                     the recipe and its settings
    RUN/log.jsonl                       a line for each logged step
    RUN/samples/step-N.png, curves.png  what to look at
    RUN/checkpoints/step-N.safetensors  all that training changes; `latest` names the newest

Every file is written under a temporary name, flushed and renamed: a kill at any instant leaves the last good one. All
chance is a function of (seed, name, step): a resumed run draws what the unbroken run would have drawn.
"""

import hashlib
import json
import os
import signal
import threading
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tinygan.backend import prime_malloc, share_cores, to_numpy
from tinygan.files import written_whole
from tinygan.gan.training import training_step


class RunError(RuntimeError):
    """Something is wrong with a run or its folder; the message is one sentence that says what, and what to do."""


# --- files -----------------------------------------------------------------------------------------------------


def write_file(path, content):
    """Write bytes or text so that the file is whole at every instant; RunError if that fails."""
    try:
        with written_whole(path) as temporary:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise RunError(f"{path} could not be written ({error.strerror}); is there space, and may you write there?") from None


def _digest(arrays):
    """SHA-256 of all arrays, by name."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        a = arrays[name]
        sha.update(f"{name} {a.dtype} {a.shape} ".encode())
        sha.update(a.tobytes())
    return sha.hexdigest()


def save_checkpoint(path, arrays, **metadata):
    """Write arrays by name as safetensors, with metadata (JSON values) and a SHA-256 that `load_checkpoint` checks."""
    from safetensors.numpy import save

    from tinygan import __version__

    arrays = {name: np.array(to_numpy(a), order="C") for name, a in arrays.items()}  # strided ones are saved wrongly
    information = {key: json.dumps(value) for key, value in metadata.items()}
    write_file(path, save(arrays, {"tinygan": __version__, "sha256": _digest(arrays), **information}))


def load_checkpoint(path):
    """(arrays, metadata) of a file that `save_checkpoint` wrote; RunError, in one sentence, for anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = Path(path).read_bytes()
        arrays = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except OSError as error:
        raise RunError(f"checkpoint {path} cannot be read: {error.strerror}") from None
    except (SafetensorError, ValueError) as error:
        raise RunError(f"{path} is no readable safetensors file ({error}); it is damaged or of another kind") from None
    if "sha256" not in metadata:
        raise RunError(f"{path} was not written by tinygan: its metadata holds no sha256")
    if metadata.pop("sha256") != _digest(arrays):
        raise RunError(f"{path} is damaged: its arrays do not have the SHA-256 that was saved with them")
    version = metadata.pop("tinygan")
    return arrays, {"tinygan": version, **{key: json.loads(value) for key, value in metadata.items()}}


# --- the folder ------------------------------------------------------------------------------------------------


class Run:
    """The folder of a run. `Run.create` begins one, `Run.open` finds one that exists."""

    def __init__(self, folder):
        self.folder = Path(folder)

    @classmethod
    def create(cls, folder, recipe, settings):
        """A new run in `folder`, which must be empty or not exist."""
        run = cls(folder)
        try:
            (run.folder / "samples").mkdir(parents=True, exist_ok=True)
            (run.folder / "checkpoints").mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"folder {folder} cannot be made: {error.strerror}") from None
        if (run.folder / "config.json").exists():
            raise RunError(f"{folder} holds a run already; choose another folder with --out, or go on with --resume")
        write_file(
            run.folder / "config.json", json.dumps({"recipe": recipe, "settings": asdict(settings)}, indent=2) + "\n"
        )
        return run

    @classmethod
    def open(cls, folder):
        """The run in `folder`."""
        run = cls(folder)
        if not (run.folder / "config.json").is_file():
            raise RunError(
                f"{folder} is no run: it has no config.json; `tinygan train RECIPE --out {folder}` makes one"
            )
        return run

    @property
    def config(self):
        """What config.json says: {"recipe": name, "settings": {...}}."""
        path = self.folder / "config.json"
        try:
            config = json.loads(path.read_text())
            return {"recipe": str(config["recipe"]), "settings": dict(config["settings"])}
        except (OSError, ValueError, KeyError, TypeError):
            raise RunError(f"{path} is damaged: expected a recipe and its settings as JSON") from None

    def log(self, row):
        """Append a line to log.jsonl."""
        try:
            with open(self.folder / "log.jsonl", "a") as f:
                f.write(json.dumps(row) + "\n")
        except OSError as error:
            raise RunError(f"{self.folder / 'log.jsonl'} could not be written: {error.strerror}") from None

    def rows(self):
        """The logged lines as dicts."""
        path = self.folder / "log.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def save(self, game, step):
        """Write the checkpoint of `game` after `step` steps and make it the latest."""
        arrays = {f"{part}.{k}": a for part, owner in game.parts().items() for k, a in owner.state_dict().items()}
        path = self.folder / "checkpoints" / f"step-{step}.safetensors"
        save_checkpoint(path, arrays, step=step, **self.config)
        write_file(self.folder / "checkpoints" / "latest", path.name + "\n")
        for old in self.folder.glob("checkpoints/step-*.safetensors"):
            if old != path:
                old.unlink()
        return path

    def load(self, game):
        """Give `game` the state of the latest checkpoint; returns how many steps were done."""
        latest = self.folder / "checkpoints" / "latest"
        if not latest.is_file():
            raise RunError(f"{self.folder} has no checkpoint yet; begin again in another folder")
        path = latest.with_name(latest.read_text().strip())
        arrays, metadata = load_checkpoint(path)
        try:
            for part, owner in game.parts().items():
                prefix = part + "."
                owner.load_state_dict({k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)})
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise RunError(f"{path} does not fit the networks of its config.json: {reason}") from None
        kept = [row for row in self.rows() if row["step"] <= metadata["step"]]  # what came after it is played again
        write_file(self.folder / "log.jsonl", "".join(json.dumps(row) + "\n" for row in kept))
        return metadata["step"]


# --- the loop --------------------------------------------------------------------------------------------------


def train(game, run, draw, *, start=0, log_every=20, pictures=8, progress=True):
    """Play `game` from step `start` to its last, logging, drawing and saving on the way into `run`.

    draw(samples, path) makes a picture of samples; `pictures` of them are made over the run. Ctrl-C saves and stops.
    Raises RunError, the last good checkpoint kept, at the first loss that is not finite.
    """
    from tqdm import tqdm

    prime_malloc()
    steps = game.settings.steps
    every = max(1, steps // pictures)
    shown = progress and os.environ.get("TINYGAN_PROGRESS") != "0"
    begun = time.perf_counter()
    with (
        tqdm(total=steps, initial=start, unit=" steps", disable=not shown, dynamic_ncols=True, mininterval=0.2) as bar,
        _CtrlC() as ctrl_c,
        share_cores(),
    ):
        for done in range(start + 1, steps + 1):
            row = _finite_step(game, done - 1, run)
            bar.update()
            last = done == steps or ctrl_c.pressed
            if done % log_every == 0 or last:
                bar.set_postfix({"D": f"{row['d_loss']:.3f}", "G": f"{row['g_loss']:.3f}"}, refresh=False)
                run.log({"step": done, **row, "seconds": round(time.perf_counter() - begun, 3)})
            if done % every == 0 or last:
                draw(game.sample(100, game.settings.seed), run.folder / "samples" / f"step-{done:06d}.png")
                run.save(game, done)
            if ctrl_c.pressed:
                raise RunError(f"stopped after step {done}; go on with: tinygan train --resume --out {run.folder}")


class _CtrlC:
    """While entered, a first Ctrl-C only sets `pressed`, so that no step is left half done; a second one stops."""

    pressed = False

    def __enter__(self):
        self.main = threading.current_thread() is threading.main_thread()  # only there may handlers be set
        self.before = signal.signal(signal.SIGINT, self.press) if self.main else None
        return self

    def press(self, *_):
        self.pressed = True
        signal.signal(signal.SIGINT, self.before)

    def __exit__(self, *_):
        if self.main:
            signal.signal(signal.SIGINT, self.before)


def _finite_step(game, step, run):
    """One training step; RunError if a loss or a gradient is not finite."""
    try:
        row = training_step(game, step)
        for name, value in row.items():
            if not np.isfinite(value):
                raise FloatingPointError(f"{name} became {value}")
    except FloatingPointError as error:
        raise RunError(
            f"{error}, at step {step + 1}; the last checkpoint in {run.folder} is kept:"
            " try a smaller --set learning_rate or a larger --set gamma"
        ) from None
    return row
