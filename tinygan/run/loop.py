"""The loop that plays a game into a run: step after step, until the last one, Ctrl-C, or a value that is not finite.

`train` is the loop. What happens between steps is `report.py`'s business; files are `folder.py`'s.
"""

import signal
import threading
from contextlib import ExitStack
from functools import partial

import numpy as np

from tinygan.distributed import DataParallel, ProcessEnded
from tinygan.files import safetensors_numpy
from tinygan.run.checkpoint import RunError
from tinygan.run.report import Report
from tinygan.threads import prime_malloc, share_cores

MOST_REWINDS = 3  # an eighth of the learning rate; what still ends in nan then has another cause


class Interrupted(RunError):
    """Ctrl-C was pressed, and all that was done is saved. The message says how to go on."""


def train(
    game, run, draw, *, suffix=".png", scores=None, start=0, log_every=20, pictures=8, progress=True, on_nan=None,
    tensorboard=False, others=(),
):  # fmt: skip
    """Play `game` from step `start` to its last into `run`.

    draw(samples, path) writes samples, `pictures` times over the run, to files that end in `suffix`. scores(game), a dict
    of floats, is logged with them; to TensorBoard too if `tensorboard`. A first Ctrl-C ends the step, saves and raises
    Interrupted. A second one raises KeyboardInterrupt at once; the last checkpoint is as it was. At the first loss,
    gradient or weight that is not finite, `on_nan` "stop" raises RunError and keeps the last good checkpoint; "rewind"
    goes back to it with half the learning rate, MOST_REWINDS times; None does what the run's config.json says, or stops.
    others: functions without arguments, each of which makes the same game with its share of the batch. Further processes
    play those beside this one, see `RunSettings.shares`.
    """
    safetensors_numpy()  # what a checkpoint needs is missed before training, not after it
    prime_malloc()
    done, steps = start, game.settings.steps
    with (
        run.lock(),
        Report(
            game, run, draw, suffix=suffix, scores=scores, start=start, log_every=log_every, pictures=pictures,
            progress=progress, tensorboard=tensorboard,
        ) as report,
        CtrlC() as ctrl_c,
        share_cores(1 + len(others)),
        ExitStack() as stack,
    ):  # fmt: skip
        on_nan = remember(run, on_nan)
        if start == 0 and (on_nan == "rewind" or others):
            run.save(game, 0)
        team = DataParallel([partial(play_along, run, make, 1 + len(others)) for make in others])
        stack.enter_context(team)
        while done < steps:
            try:
                row = finite_step(game, done)
                stop = ctrl_c.pressed  # asked once: it may be pressed at any time
                done += 1
                if report.after(done, row, last=done == steps or stop):
                    run.save(game, done)
            except FloatingPointError as error:
                if on_nan != "rewind":
                    raise RunError(how_to_mend(run, error)) from None
                done = rewind(game, run, report, str(error))
                team.start()
                continue
            except ProcessEnded as error:
                raise RunError(f"{error} Go on from the last checkpoint with: {run.how_to_go_on}") from None
            if stop and done < steps:
                raise Interrupted(f"stopped after step {done}; go on with: {run.how_to_go_on}")


def finite_step(game, k):
    """Do training step k; FloatingPointError, with the number of the step, if a loss or a gradient is not finite."""
    try:
        row = game.step(k)
        for name, value in row.items():
            if not np.isfinite(value):
                raise FloatingPointError(f"{name} became {value}")
    except FloatingPointError as error:
        raise FloatingPointError(f"{error}, at step {k + 1}") from error
    return row


def play_along(run, make, processes):
    """Train the game that make() gives, from the run's last checkpoint to its end, beside the process that keeps the run."""
    prime_malloc()
    with share_cores(processes):
        game = make()
        try:
            for k in range(run.load(game), game.settings.steps):
                game.step(k)
        except FloatingPointError:
            pass  # all processes have the same gradient: the one that keeps the run says so


class CtrlC:
    """While entered, a first Ctrl-C only sets `pressed`, so that no step is left half done. A second one stops."""

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


# --- values that are not finite ------------------------------------------------------------------------------------


def remember(run, on_nan):
    """Return what to do at values that are not finite: `on_nan`, which config.json then keeps, or what that says."""
    if on_nan not in (None, "stop", "rewind"):
        raise ValueError(f"on_nan={on_nan!r}: expected 'stop' or 'rewind'")
    config = run.config
    if on_nan not in (None, config.get("on_nan", "stop")):
        run.write_config({**config, "on_nan": on_nan})
    return run.config.get("on_nan", "stop")


def how_to_mend(run, error):
    """Return a sentence: what happened, and what to try."""
    back = "there is no checkpoint yet"
    if len(run.config.get("rewinds") or ()) >= MOST_REWINDS:
        back = f"the last checkpoint is kept, and {MOST_REWINDS} times it was gone back to at half the rate already"
    elif run.checkpoints():
        back = f"or go back to the last checkpoint at half the rate: {run.how_to_go_on} --on-nan rewind"
    return f"{error}: try {' or '.join(what_to_try(run))} in a new run; {back}"


def what_to_try(run):
    """Return what might keep values finite, of the settings that this run has."""
    remedies = {
        "learning_rate": "a smaller --set learning_rate", "mle_rate": "a smaller --set mle_rate",
        "gamma": "a larger --set gamma",
    }  # fmt: skip
    return [remedy for name, remedy in remedies.items() if name in run.config["settings"]] or ["other settings"]


def rewind(game, run, report, problem):
    """Go back to the last good checkpoint with half the learning rate; return its step.

    The pace is in config.json before training goes on: a run that is killed after that resumes with it too.
    """
    config, pace = run.config, run.pace / 2
    rewinds = config.get("rewinds") or []
    if len(rewinds) >= MOST_REWINDS:
        raise RunError(
            f"{problem}, after {MOST_REWINDS} rewinds to {run.pace:g} times the learning rate. The last checkpoint in"
            f" {run.folder} is kept. Something else is wrong: try {what_to_try(run)[-1]} in a new run"
        )
    step = run.resume(game)
    run.write_config({**config, "rewinds": [*rewinds, {"to_step": step, "pace": pace, "because": problem}]})
    game.set_pace(pace)
    report.rewound(step, f"{problem}: back to step {step} with {pace:g} times the learning rate")
    return step
