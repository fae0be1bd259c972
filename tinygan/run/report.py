"""What happens between training steps: log, draw, warn, and say it on the terminal.

`Report.after` is called once a step by the loop, `loop.py`. The bar is drawn on a terminal; in a file or a notebook a
line with every picture and every few seconds stands for it, as the bar drawn over itself would take 900 kB an hour.
"""

import os
import sys
import textwrap
import time
from contextlib import ExitStack, contextmanager

from tinygan.progress import Pulse, in_words
from tinygan.run.checkpoint import RunError, writing
from tinygan.run.monitor import Monitor


class Report:
    """The log, the pictures and the warnings of a game that is played into a run; a context manager."""

    def __init__(
        self, game, run, draw, *, suffix, scores, start, log_every, pictures, progress, tensorboard
    ):  # fmt: skip
        self.game, self.run, self.draw, self.suffix, self.scores = game, run, draw, suffix, scores
        self.steps, self.start, self.log_every = game.settings.steps, start, log_every
        self.every = max(1, self.steps // pictures)
        self.speaks = progress
        self.shows = progress and os.environ.get("TINYGAN_PROGRESS") != "0"
        self.shows_bar = self.shows and sys.stderr.isatty()
        self.tensorboard = tensorboard
        rows = run.rows() if start else []
        self.done, self.entered = start, time.perf_counter()
        self.begun = self.entered - max((row.get("seconds", 0) for row in rows), default=0)
        self.read(rows)

    def __enter__(self):
        from tqdm import tqdm

        with ExitStack() as stack:
            looks = {"unit": " steps", "dynamic_ncols": True, "mininterval": 0.2, "disable": not self.shows_bar}
            self.bar = stack.enter_context(tqdm(total=self.steps, initial=self.start, **looks))
            folder = self.run.folder / "tensorboard"
            self.board = stack.enter_context(board(folder, self.start)) if self.tensorboard else lambda row: None
            self.pulse = Pulse(self.beat, self.progress)
            if self.shows:
                stack.enter_context(self.pulse)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def read(self, rows):
        """Take up the log of the run so far."""
        self.monitor = Monitor(self.game, rows)
        # every logged row has the last penalty, though not every step takes one
        self.penalty = next(({"penalty": row["penalty"]} for row in reversed(rows) if "penalty" in row), {})

    def beat(self, text):
        """Say on a terminal that nothing has come to a halt, in a file how far it is."""
        self.bar.refresh() if self.shows_bar else self.say(text)

    def progress(self):
        """Return how far the training is, and how long it will take."""
        now = time.perf_counter()
        left = (now - self.entered) / max(1, self.done - self.start) * (self.steps - self.done)
        soon = f", about {in_words(left)} left" if self.done > self.start else ""
        return f"step {self.done} of {self.steps}, {in_words(now - self.begun)}{soon}"

    def say(self, text):
        """Print a sentence above the bar."""
        self.pulse.news()
        if self.speaks:
            self.bar.write(textwrap.fill(text, getattr(self.bar, "ncols", None) or 100), file=sys.stderr)

    def after(self, done, row, last):
        """Log, draw and warn after step number `done`, if it is time; return whether it was time to draw.

        last: this is the last step for now, and it is time for all.
        """
        self.bar.update()
        self.done = done
        self.penalty = {"penalty": row["penalty"]} if "penalty" in row else self.penalty
        row = {"step": done, **row, **self.penalty, "seconds": round(time.perf_counter() - self.begun, 3)}
        losses = ", ".join(f"{player}={row[k]:.3f}" for player, k in (("D", "d_loss"), ("G", "g_loss")) if k in row)
        drawn = done % self.every == 0 or last
        warnings, samples = [], None
        if drawn:
            samples = self.game.sample(100, self.game.settings.seed)
            share, warnings = self.monitor.look(done, self.game.made(samples), self.game.batch(done - 1).x)
            row |= {} if share is None else {"diversity": share}
            row |= self.scores(self.game) if self.scores else {}
            if self.shows and not self.shows_bar:
                self.say(f"{self.progress()}{losses and ', '}{losses}")
        if drawn or done % self.log_every == 0:
            self.bar.set_postfix_str(losses, refresh=False)
            self.run.log(row)
            self.board(row)
            warnings = self.monitor.see(row) + warnings
        for name, says in warnings:
            self.run.log({"step": done, "event": name, "says": says})
            self.say(says)
        if drawn:
            path = self.run.folder / "samples" / f"step-{done:06d}{self.suffix}"
            with writing(path):
                self.draw(samples, path)
        return drawn

    def rewound(self, step, says):
        """Go on reporting from `step`, to which the run was set back; says why."""
        self.run.log({"step": step, "event": "rewind", "says": says})
        self.bar.n = self.bar.last_print_n = self.done = self.start = step
        self.entered = time.perf_counter()
        self.read(self.run.rows())
        self.say(says)


def find_writer():
    """Return the class that writes what TensorBoard reads; RunError if it is not installed."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise RunError("--tensorboard needs tensorboardX, which is not installed: pip install tensorboardX") from None
    return SummaryWriter


@contextmanager
def board(folder, start=0):
    """Yield a function that shows a row of the log in TensorBoard; rows after step `start` are new."""
    SummaryWriter = find_writer()
    with writing(folder):
        writer = SummaryWriter(str(folder), purge_step=start + 1 if start else None)

    def show(row):
        for name, value in row.items():
            if name not in ("step", "seconds"):
                writer.add_scalar(name, value, row["step"])

    with writer:
        yield show
