"""A run: its folder, and the loop that calls `training_step` until the steps are done.

    RUN/config.json                     the recipe, its settings, what it keeps of its data
    RUN/log.jsonl                       a line for each logged step
    RUN/samples/step-N.png, curves.png  what to look at
    RUN/checkpoints/step-N.safetensors  all that training changes, the last two; `latest` names the newest
    RUN/lock                            the number of the process that trains it, while one does

Every file is written under a temporary name, flushed and renamed: a kill at any instant leaves the last good one. All
chance is a function of (seed, name, step): a resumed run draws what the unbroken run would have drawn.
"""

import json
import os
import shlex
import signal
import sys
import textwrap
import threading
import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from tinygan.backend import prime_malloc, share_cores, to_numpy
from tinygan.distributed import DataParallel, ProcessEnded
from tinygan.files import Locked, locked, remove_leftovers
from tinygan.gan.checkpoint import Damaged, RunError, load_checkpoint, save_checkpoint, write_file, writing
from tinygan.gan.monitor import Monitor

__all__ = ["Interrupted", "Run", "RunError", "how_to_go_on", "train"]


class Interrupted(RunError):
    """Ctrl-C was pressed, and all that was done is saved; the message says how to go on."""


MOST_REWINDS = 3  # an eighth of the learning rate; what still ends in nan then has another cause

# --- the folder ------------------------------------------------------------------------------------------------


class Run:
    """The folder of a run. `Run.create` begins one, `Run.open` finds one that exists."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.newest = None  # the checkpoint that was last written or read
        self.notes = []  # what went wrong and could be helped, in sentences
        self._locked = False

    @classmethod
    def create(cls, folder, recipe, settings, kept=None):
        """A new run in `folder`, which must not hold one yet; kept: see `Game.kept`."""
        run = cls(folder)
        try:
            (run.folder / "samples").mkdir(parents=True, exist_ok=True)
            (run.folder / "checkpoints").mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"folder {folder} cannot be made ({error.strerror}); choose another with --out") from None
        with run.lock():
            if (run.folder / "config.json").exists():
                raise RunError(
                    f"{folder} holds a run already, of {run.config['recipe']};"
                    " choose another folder with --out, or go on with --resume"
                )
            if run.checkpoints():
                raise RunError(
                    f"{folder} holds checkpoints of a run whose config.json is gone; choose another folder with --out"
                )
            config = {"recipe": recipe, "settings": asdict(settings)}
            run.write_config({**config, "kept": kept} if kept else config)
        return run

    @classmethod
    def open(cls, folder):
        """The run in `folder`."""
        run = cls(folder)
        if not (run.folder / "config.json").is_file():
            there = Path("runs") / folder  # where a recipe's run is, whose name was given
            remedy = (
                f"did you mean {there}?" if (there / "config.json").is_file() else "`tinygan train RECIPE` makes one"
            )
            raise RunError(f"{folder} is no run: it has no config.json; {remedy}")
        return run

    @property
    def config(self):
        """What config.json says: {"recipe": name, "settings": {...}}."""
        path = self.folder / "config.json"
        try:
            config = json.loads(path.read_text())
            return {**config, "recipe": str(config["recipe"]), "settings": dict(config["settings"])}
        except (OSError, ValueError, KeyError, TypeError):
            raise RunError(f"{path} is damaged: expected a recipe and its settings as JSON") from None

    def write_config(self, config):
        """Write config.json."""
        write_file(self.folder / "config.json", json.dumps(config, indent=2) + "\n")

    @contextmanager
    def lock(self):
        """While it is entered no other process trains this run; RunError if one does. May be entered within itself."""
        if self._locked:
            yield
            return
        with ExitStack() as stack:
            try:
                with writing(self.folder / "lock"):
                    stack.enter_context(locked(self.folder / "lock"))
            except Locked as error:
                by = f" by process {error.pid}" if error.pid else ""
                raise RunError(
                    f"{self.folder} is being trained{by}; wait for it, stop it, or choose another folder with --out"
                ) from None
            self._locked = True
            stack.callback(setattr, self, "_locked", False)
            yield

    def log(self, row):
        """Append a line to log.jsonl."""
        with writing(self.folder / "log.jsonl"), open(self.folder / "log.jsonl", "a") as f:
            f.write(json.dumps(row) + "\n")

    def rows(self):
        """The logged lines as dicts; a line that a kill or a full disk cut short is left out."""
        rows = []
        try:
            lines = (self.folder / "log.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("step"), int):
                rows.append(row)
        return rows

    def checkpoints(self):
        """The files of all checkpoints, the one that `latest` names first, then from the newest to the oldest."""
        found = {}
        for path in (self.folder / "checkpoints").glob("step-*.safetensors"):
            number = path.stem.removeprefix("step-")
            if number.isdigit():
                found[path] = int(number)
        try:
            name = (self.folder / "checkpoints" / "latest").read_text().strip()
            latest = self.folder / "checkpoints" / Path(name).name
        except (OSError, ValueError):  # missing, or bytes that are no text
            latest = None
        return sorted(found, key=lambda path: (path == latest, found[path]), reverse=True)

    def save(self, game, step):
        """Write the checkpoint of `game` after `step` steps and make it the latest; the one before it is kept too."""
        arrays = {f"{part}.{k}": a for part, owner in game.parts().items() for k, a in owner.state_dict().items()}
        for name, a in arrays.items():
            if not np.isfinite(to_numpy(a)).all():
                part, _, name = name.partition(".")
                raise FloatingPointError(f"the {part}'s {name} is no longer finite, at step {step}")
        path = self.folder / "checkpoints" / f"step-{step}.safetensors"
        save_checkpoint(path, arrays, step=step, **self.config)
        write_file(path.with_name("latest"), path.name + "\n")
        for old in self.checkpoints():
            if old not in (path, self.newest):
                with writing(old):
                    old.unlink(missing_ok=True)
        self.newest = path
        return path

    def load(self, game):
        """Give `game` the state of the last good checkpoint; returns how many steps were done. Changes no file."""
        files, problem = self.checkpoints(), None
        if not files:
            raise RunError(f"{self.folder} has no checkpoint yet; begin again in another folder")
        for path in files:
            try:
                arrays, metadata = load_checkpoint(path)
            except Damaged as error:
                self.notes.append(str(error))
                problem = problem or error
                continue
            self._give(game, path, arrays, metadata)
            self.newest = path
            return metadata["step"]
        raise RunError(
            f"{problem}, and {self.folder} has no other checkpoint that is good; begin again in another folder"
        )

    def _give(self, game, path, arrays, metadata):
        recipe = self.config["recipe"]
        if metadata.get("recipe") != recipe or not isinstance(metadata.get("step"), int):
            raise RunError(
                f"{path} is of {metadata.get('recipe', 'no recipe')}, and this a run of {recipe}: is the file in its place?"
            )
        try:
            for part, owner in game.parts().items():
                prefix = part + "."
                owner.load_state_dict({k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)})
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise RunError(f"{path} does not fit the networks of its config.json: {reason}") from None

    def resume(self, game):
        """`load`, and the folder made ready to go on from there; 0 if the run ended before its first checkpoint."""
        with self.lock():
            for folder in (self.folder, self.folder / "samples", self.folder / "checkpoints"):
                with writing(folder):
                    folder.mkdir(exist_ok=True)
                    remove_leftovers(folder)
            files = self.checkpoints()
            step = self.load(game) if files else 0
            for path in files[: files.index(self.newest)] if files else []:
                with writing(path):  # the damaged ones, out of the way but not lost
                    path.replace(path.with_name(path.name + ".damaged"))
            for path in files[files.index(self.newest) + 2 :] if files else []:
                with writing(path):  # older than the last two: a kill came before `save` removed it
                    path.unlink()
            kept = [row for row in self.rows() if row["step"] <= step]  # what came after it is played again
            write_file(self.folder / "log.jsonl", "".join(json.dumps(row) + "\n" for row in kept))
        return step


# --- the loop --------------------------------------------------------------------------------------------------


def train(
    game, run, draw, *, suffix=".png", scores=None, start=0, log_every=20, pictures=8, progress=True, on_nan=None,
    tensorboard=False, others=(),
):  # fmt: skip
    """Play `game` from step `start` to its last, logging, drawing and saving on the way into `run`.

    draw(samples, path) writes samples, `pictures` times over the run, to files that end in `suffix`, and scores(game), a
    dict of floats, is logged with them. The log goes to TensorBoard too if `tensorboard`. A first Ctrl-C ends
    the step, saves and raises Interrupted; a second raises KeyboardInterrupt at once, and the last checkpoint is as it was.
    At the first loss, gradient or weight that is not finite, with `on_nan` "stop" RunError is raised and the last good
    checkpoint kept; with "rewind" training goes on from there with half the learning rate, MOST_REWINDS times. None is
    what the run's config.json says, or "stop". `others` are functions of nothing that make the same game, each with its
    share of the batch, in further processes, which train with this one: see `Settings.shares`. What `Monitor` notices is
    printed above the bar and logged. Where stderr is no terminal, a file or a notebook, a line with every picture stands for
    the bar.
    """
    from tqdm import tqdm

    prime_malloc()
    steps = game.settings.steps
    every = max(1, steps // pictures)
    shown = progress and os.environ.get("TINYGAN_PROGRESS") != "0"
    drawn = shown and sys.stderr.isatty()  # in a file the bar, drawn over itself, is 900 kB an hour
    rows = run.rows() if start else []
    begun = time.perf_counter() - max((row.get("seconds", 0) for row in rows), default=0)
    with (
        run.lock(),
        tqdm(total=steps, initial=start, unit=" steps", disable=not drawn, dynamic_ncols=True, mininterval=0.2) as bar,
        _CtrlC() as ctrl_c,
        share_cores(1 + len(others)),
        board(run.folder / "tensorboard", start) if tensorboard else nullcontext(lambda row: None) as show,
        ExitStack() as together,
    ):
        say = lambda text: (
            progress and bar.write(textwrap.fill(text, getattr(bar, "ncols", None) or 100), file=sys.stderr)
        )
        on_nan = _remembered(run, on_nan)
        if start == 0 and (on_nan == "rewind" or others):
            run.save(game, 0)
        team = together.enter_context(DataParallel([partial(play_along, run, make, 1 + len(others)) for make in others]))
        monitor = Monitor(game.settings, rows)
        done, penalty = start, _last_penalty(rows)
        while done < steps:
            try:
                row = _finite_step(game, done)
                done += 1
                stop = ctrl_c.pressed  # asked once: it may be pressed at any time
                last = done == steps or stop
                bar.update()
                penalty = {"penalty": row["penalty"]} if "penalty" in row else penalty  # it is not taken in every step
                row = {"step": done, **row, **penalty, "seconds": round(time.perf_counter() - begun, 3)}
                warnings, looks = [], done % every == 0 or last
                if looks:
                    samples = game.sample(100, game.settings.seed)
                    share, warnings = monitor.look(done, samples, game.real(done - 1)[0])
                    row |= {} if share is None else {"diversity": share}
                    row |= scores(game) if scores else {}
                losses = [f"{p}={row[k]:.3f}" for p, k in (("D", "d_loss"), ("G", "g_loss")) if k in row]
                if looks and shown and not drawn:
                    say(", ".join([f"step {done} of {steps}", f"{row['seconds']:.0f} s", *losses]))
                if done % log_every == 0 or last or looks:
                    bar.set_postfix_str(", ".join(losses), refresh=False)
                    run.log(row)
                    show(row)
                    warnings = monitor.see(row) + warnings
                for name, says in warnings:
                    run.log({"step": done, "event": name, "says": says})
                    say(says)
                if looks:
                    path = run.folder / "samples" / f"step-{done:06d}{suffix}"
                    with writing(path):
                        draw(samples, path)
                    run.save(game, done)
            except FloatingPointError as error:
                if on_nan != "rewind":
                    raise RunError(
                        f"{error}; the last checkpoint in {run.folder} is kept: try a smaller --set learning_rate or a"
                        f" larger --set gamma, or go back to it at half the rate: {how_to_go_on(run)} --on-nan rewind"
                    ) from None
                done, text = _rewind(game, run, str(error))
                bar.n = bar.last_print_n = done
                monitor, penalty = Monitor(game.settings, run.rows()), _last_penalty(run.rows())
                team.start()
                say(text)
                continue
            except ProcessEnded as error:
                raise RunError(f"{error} Go on from the last checkpoint with: {how_to_go_on(run)}") from None
            if stop and done < steps:
                raise Interrupted(f"stopped after step {done}; go on with: {how_to_go_on(run)}")


def play_along(run, make, processes):
    """Train the game that make() gives, from the run's last checkpoint to its end, beside the process that keeps the run."""
    prime_malloc()
    with share_cores(processes):
        game = make()
        game.settings.learning_rate = run.config["settings"]["learning_rate"]  # `_rewind` may have halved it
        try:
            for step in range(run.load(game), game.settings.steps):
                game.step(step)
        except FloatingPointError:
            pass  # the gradients are everybody's: the process that keeps the run has the same one, and says so


@contextmanager
def board(folder, start=0):
    """While it is entered, a function that shows a row of the log in TensorBoard; rows after step `start` are new."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise RunError("--tensorboard needs tensorboardX, which is not installed: pip install tensorboardX") from None
    with writing(folder):
        writer = SummaryWriter(str(folder), purge_step=start + 1 if start else None)

    def show(row):
        for name, value in row.items():
            if name not in ("step", "seconds"):
                writer.add_scalar(name, value, row["step"])

    with writer:
        yield show


def _last_penalty(rows):
    """{"penalty": what it last was}, {} if it was never taken: every logged row says it, though not every step takes it."""
    return next(({"penalty": row["penalty"]} for row in reversed(rows) if "penalty" in row), {})


def how_to_go_on(run):
    """The command that does."""
    return f"tinygan train --resume --out {shlex.quote(str(run.folder))}"


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


def _finite_step(game, step):
    """One training step; FloatingPointError, with the number of the step, if a loss or a gradient is not finite."""
    try:
        row = game.step(step)
        for name, value in row.items():
            if not np.isfinite(value):
                raise FloatingPointError(f"{name} became {value}")
    except FloatingPointError as error:
        raise FloatingPointError(f"{error}, at step {step + 1}") from error
    return row


# --- back to the last good checkpoint ----------------------------------------------------------------------------


def _remembered(run, on_nan):
    """What to do at values that are not finite: as told, and then kept in config.json, or as config.json says."""
    if on_nan not in (None, "stop", "rewind"):
        raise ValueError(f"on_nan={on_nan!r}: expected 'stop' or 'rewind'")
    config = run.config
    if on_nan not in (None, config.get("on_nan", "stop")):
        run.write_config({**config, "on_nan": on_nan})
    return run.config.get("on_nan", "stop")


def _rewind(game, run, problem):
    """Go back to the last good checkpoint with half the learning rate; returns its step and a sentence.

    The halved rate is in config.json before training goes on: a run that is killed after that resumes with it too.
    """
    config = run.config
    rewinds = config.get("rewinds", [])
    if len(rewinds) >= MOST_REWINDS:
        raise RunError(
            f"{problem}, after {MOST_REWINDS} rewinds to a learning rate of {game.settings.learning_rate:g}; the last"
            f" checkpoint in {run.folder} is kept: something else is wrong, try a larger --set gamma in a new run"
        )
    step = run.resume(game)
    rate = game.settings.learning_rate = game.settings.learning_rate / 2
    text = f"{problem}: back to step {step} with half the learning rate, {rate:g}"
    rewinds = [*rewinds, {"to_step": step, "learning_rate": rate, "because": problem}]
    run.write_config({**config, "settings": {**config["settings"], "learning_rate": rate}, "rewinds": rewinds})
    run.log({"step": step, "event": "rewind", "says": text})
    return step, text
