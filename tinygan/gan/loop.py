"""The loop around `training_step`: logging, pictures and checkpoints into a `Run`, Ctrl-C, further processes, rewinds."""

import os
import signal
import sys
import textwrap
import threading
import time
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial

import numpy as np

from tinygan.distributed import DataParallel, ProcessEnded
from tinygan.gan.checkpoint import RunError, writing
from tinygan.gan.monitor import Monitor
from tinygan.threads import prime_malloc, share_cores

MOST_REWINDS = 3  # an eighth of the learning rate; what still ends in nan then has another cause


class Interrupted(RunError):
    """Ctrl-C was pressed, and all that was done is saved; the message says how to go on."""


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
        team = together.enter_context(
            DataParallel([partial(play_along, run, make, 1 + len(others)) for make in others])
        )
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
                    back = (
                        f", or go back to the last checkpoint at half the rate: {run.how_to_go_on} --on-nan rewind"
                        if run.checkpoints()
                        else "; there is no checkpoint yet"
                    )
                    raise RunError(
                        f"{error}: try a smaller --set learning_rate or a larger --set gamma{back}"
                    ) from None
                done, text = _rewind(game, run, str(error))
                bar.n = bar.last_print_n = done
                monitor, penalty = Monitor(game.settings, run.rows()), _last_penalty(run.rows())
                team.start()
                say(text)
                continue
            except ProcessEnded as error:
                raise RunError(f"{error} Go on from the last checkpoint with: {run.how_to_go_on}") from None
            if stop and done < steps:
                raise Interrupted(f"stopped after step {done}; go on with: {run.how_to_go_on}")


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
