"""The folder of a run.

    RUN/config.json                     the recipe, its settings, what its data taught
    RUN/data.txt                        what was read of its data, what was left out or cut, and how to change that
    RUN/log.jsonl                       a line for each logged step
    RUN/samples/step-N.png, curves.png  what to look at
    RUN/checkpoints/step-N.safetensors  all that training changes, the last two; `latest` names the newest
    RUN/lock                            the number of the process that trains it, while one does

Every file is written under a temporary name, flushed and renamed: a kill at any instant leaves the last good one. All
chance is a function of (seed, name, step): a resumed run draws what the unbroken run would have drawn. `loop.py` plays
the game and fills the folder.
"""

import json
import math
import os
import re
import shlex
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from tinygan.backend import to_numpy
from tinygan.files import (
    Locked,
    Range,
    Unfit,
    check,
    is_number,
    locked,
    open_regular,
    open_to_append,
    printable,
    read_bytes,
    read_json,
    remove_leftovers,
    written_whole,
)
from tinygan.run.checkpoint import (
    Damaged,
    RunError,
    count_numbers,
    load_checkpoint,
    save_checkpoint,
    write_file,
    writing,
)

VERSION = 3  # of config.json
CONFIG = {
    "recipe": str, "settings": dict, "version?": Range(1, 2**31), "saved?": dict, "kept?": dict,
    "on_nan?": ("stop", "rewind"), "rewinds?": [{"pace?": Range(2.0**-20, 1.0)}],
}  # fmt: skip
MOST_CONFIG = 1 << 23  # bytes
MOST_LOG, MOST_LINE = 1 << 28, 1 << 16  # bytes: two million rows
NAME = re.compile(r"[A-Za-z0-9][-\w./+ ]{0,79}", re.ASCII)  # of what a row of the log has a number for
MOST_NAMES = 40, 600  # of a game, of its layers
LARGEST = 1e30  # number that can be drawn beside others
MOST_STEPS = 10**15
STEP = re.compile(rb'\{"step": (\d{1,15})[,}]')
MANY, TAIL = 4000, 1000  # rows of a kind that are read of a long log, and rows at its end
FEW_NUMBERS = 1 << 23  # that networks may have where no checkpoint says how many they had
LATER_SETTINGS = {name: {"frequencies": 0} for name in ("ring", "grid")}  # what runs did before there was one
FORMER_NAMES = {  # of parts of a game, in checkpoints that were written before parts were named after players
    "generator_optimizer": ("g_optimizer", "teacher"),
    "generator_average": ("average",),
    "generator_lagged": ("lagged",),
    "discriminator_optimizer": ("d_optimizer",),
    "imitator_optimizer": ("teacher",),
    "sorter": ("q",),
    "sorter_optimizer": ("q_optimizer",),
}


class Run:
    """The folder of a run. `Run.create` begins one, `Run.open` opens one that exists."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.newest = None  # the checkpoint that was last written or read
        self.step = 0  # of the checkpoint that was last read
        self.notes = []  # what went wrong and was mended, in sentences
        self._locked = False

    @classmethod
    def create(cls, folder, recipe, settings, saved=None, notes=()):
        """Begin a run in `folder`, which must not hold one yet; saved: see `Game`; notes: sentences for data.txt."""
        run = cls(folder)
        run._refuse_links()
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
            if notes:  # before config.json, without which this is no run: a run never lacks them
                write_file(run.folder / "data.txt", "".join(f"{note}\n" for note in notes))
            config = {"version": VERSION, "recipe": recipe, "settings": asdict(settings)}
            run.write_config({**config, "saved": saved} if saved else config)
        return run

    @classmethod
    def open(cls, folder):
        """Return the run in `folder`."""
        run = cls(folder)
        run._refuse_links()
        if not (run.folder / "config.json").is_file():
            usual = Path("runs") / folder  # of the run of a recipe whose name was given
            remedy = (
                f"did you mean {usual}?" if (usual / "config.json").is_file() else "`tinygan train RECIPE` makes one"
            )
            raise RunError(f"{folder} holds no run: it has no config.json; {remedy}")
        return run

    def _refuse_links(self):
        """Raise RunError if a folder of the run is a link: what is written, and removed, would be somewhere else."""
        for name in ("samples", "checkpoints", "tensorboard"):
            path = self.folder / name
            if path.is_symlink() or os.path.realpath(path) != os.path.join(os.path.realpath(self.folder), name):
                raise RunError(
                    f"{path} is a link, and what is written there would go elsewhere; put the folder itself there"
                )

    @property
    def how_to_go_on(self):
        """The command that goes on with this run."""
        return f"tinygan train --resume --out {shlex.quote(str(self.folder))}"

    @property
    def config(self):
        """What config.json says: {"version": 3, "recipe": name, "settings": {...}, "saved": {...}}."""
        path = self.folder / "config.json"
        try:
            found = read_json(path, CONFIG, MOST_CONFIG, follow=False)
        except Unfit as error:
            raise RunError(f"{path} is damaged: expected a recipe and its settings as JSON; {error}") from None
        except OSError as error:
            raise RunError(f"{path} cannot be read ({error.strerror})") from None
        config = {name: value for name, value in found.items() if value is not None}
        if config.get("version", 1) > VERSION:
            raise RunError(
                f"{path} was written by a newer tinygan, in version {config['version']}, and this one reads version"
                f" {VERSION}: pip install --upgrade tinygan"
            )
        config["settings"] = LATER_SETTINGS.get(config["recipe"], {}) | config["settings"]
        if "kept" in config:  # what version 1 called it
            config["saved"] = config.pop("kept")
        return config

    @property
    def pace(self):
        """The multiple of the learning rate that rewinds have left: 1, 1/2, 1/4 ..."""
        rewinds = self.config.get("rewinds")
        return rewinds[-1].get("pace", 1.0) if rewinds else 1.0  # version 1 halved settings.learning_rate instead

    def write_config(self, config):
        """Write config.json."""
        write_file(self.folder / "config.json", json.dumps(config, indent=2) + "\n")

    @contextmanager
    def lock(self):
        """Keep other processes from training this run; RunError if one does already. May be entered within itself."""
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
        with writing(self.folder / "log.jsonl"), open_to_append(self.folder / "log.jsonl") as f:
            f.write(json.dumps(row).encode() + b"\n")

    def lines(self):
        """Yield the lines of log.jsonl as bytes, those that are too long cut."""
        path = self.folder / "log.jsonl"
        try:
            with open_regular(path, MOST_LOG, follow=False) as f:
                while line := f.readline(MOST_LINE):
                    yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunError(f"{path} cannot be read ({error.strerror})") from None

    def rows(self):
        """Return the logged lines as dicts, without one that a kill or a full disk cut short.

        Of a log of a million rows: its last TAIL rows, and before them, of each kind of row, every 2nd, 4th, 8th ... so that
        at most 2 MANY are left. Rows are of a kind if they have as many numbers: scores are rarer than losses, and all stay.
        """
        kinds: dict[int, list] = {}  # number of names in a row: [every how many-th row is kept, rows seen, those kept]
        tail: deque = deque(maxlen=TAIL)
        for number, line in enumerate(self.lines()):
            tail.append((number, line))
            kind = kinds.setdefault(line.count(b'":'), [1, 0, []])
            if kind[1] % kind[0] == 0:
                kind[2].append((number, line))
                if len(kind[2]) > 2 * MANY:
                    kind[0], kind[2] = 2 * kind[0], kind[2][::2]
            kind[1] += 1
        chosen = dict(tail)
        for _, _, kept in kinds.values():
            chosen |= kept
        names: tuple[set, set] = set(), set()
        rows = (_row(chosen[number], names) for number in sorted(chosen))
        return [row for row in rows if row is not None]

    def checkpoints(self):
        """Return the files of all checkpoints: the one that `latest` names, then from the newest to the oldest."""
        steps = {}
        for path in (self.folder / "checkpoints").glob("step-*.safetensors"):
            number = path.stem.removeprefix("step-")
            if is_number(number):
                steps[path] = int(number)
        try:
            name = read_bytes(self.folder / "checkpoints" / "latest", 1000, follow=False).decode().strip()
            latest = self.folder / "checkpoints" / Path(name).name
        except (OSError, ValueError):  # missing, or bytes that are no text
            latest = None
        return sorted(steps, key=lambda path: (path == latest, steps[path]), reverse=True)

    def most_numbers(self):
        """Return how many numbers its networks may have: no more than its checkpoints hold."""
        return max(map(count_numbers, self.checkpoints()[:8]), default=0) or FEW_NUMBERS

    def save(self, game, step):
        """Write the checkpoint of `game` after `step` steps and make it the latest; keep the one before it too."""
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
        """Give `game` the state of the last good checkpoint; return how many steps were done. Changes no file."""
        files, problem = self.checkpoints(), None
        room = 4 * sum(np.size(a) for owner in game.parts().values() for a in owner.state_dict().values()) + 1000
        if not files:
            raise RunError(f"{self.folder} has no checkpoint yet; begin again in another folder")
        for path in files:
            try:
                arrays, metadata = load_checkpoint(path, partial(self._look, path, room))
            except Damaged as error:
                self.notes.append(str(error))
                problem = problem or error
                continue
            self._give(game, path, arrays)
            game.set_pace(self.pace)
            self.newest, self.step = path, metadata["step"]
            return self.step
        raise RunError(
            f"{problem}, and {self.folder} has no other checkpoint that is good; begin again in another folder"
        )

    def _look(self, path, most, shapes, metadata):
        """Raise RunError unless a checkpoint that says this is of this run, and holds no more than `most` numbers."""
        recipe, found = self.config["recipe"], metadata.get("recipe")
        try:
            check(metadata, {"recipe": (recipe,), "step": Range(0, MOST_STEPS)})
        except Unfit:
            of = found[:40] if isinstance(found, str) else "no recipe"
            raise RunError(f"{path} is of {of}, and this is a run of {recipe}: is the file misplaced?") from None
        count = sum(map(math.prod, shapes.values()))
        if count > most:
            raise RunError(
                f"{path} does not fit the networks of its config.json: it holds {count:,} numbers, far more than they"
            )

    def _give(self, game, path, arrays):
        try:
            parts = {name.partition(".")[0] for name in arrays}
            for part, owner in game.parts().items():
                prefix = next((name for name in (part, *FORMER_NAMES.get(part, ())) if name in parts), part) + "."
                owner.load_state_dict({k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)})
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise RunError(f"{path} does not fit the networks of its config.json: {reason}") from None

    def resume(self, game):
        """Call `load` and make the folder ready to go on; return the step, 0 if the run ended before its first checkpoint."""
        with self.lock():
            for folder in (self.folder, self.folder / "samples", self.folder / "checkpoints"):
                with writing(folder):
                    folder.mkdir(exist_ok=True)
                    remove_leftovers(folder)
            files = self.checkpoints()
            step = self.load(game) if files else 0
            if not files:
                game.begin()
            for path in files[: files.index(self.newest)] if files else []:
                with writing(path):  # damaged ones are put aside
                    path.replace(path.with_name(path.name + ".damaged"))
            for path in files[files.index(self.newest) + 2 :] if files else []:
                with writing(path):  # older than the last two: a kill came before `save` removed it
                    path.unlink()
            self._cut_log(step)
        return step

    def _cut_log(self, step):
        """Leave out of log.jsonl what came after `step`, which is played again, and what is no row."""
        path = self.folder / "log.jsonl"
        with writing(path), written_whole(path) as temporary, open(temporary, "wb") as f:
            for line in self.lines():
                done = _step(line)
                if done is not None and done <= step:
                    f.write(line)


def _step(line):
    """Return the step of a line of the log, or None if it is no row."""
    found = STEP.match(line)
    if found and line.endswith(b"}\n"):
        return int(found[1])
    row = _row(line, (set(), set()))
    return None if row is None else row["step"]


def _row(line, names):
    """Return a line of the log as a dict with the numbers and sentences that a row may have, or None if it is no row.

    names: those that rows had so far.
    """
    try:
        row = json.loads(line)
        check(row, {"step": Range(0, MOST_STEPS)})
    except (ValueError, RecursionError):
        return None
    clean = {"step": row["step"]}
    for name, value in row.items():
        if isinstance(value, str) and name in ("event", "says"):
            clean[name] = printable(value[:1000])
        elif (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and abs(value) <= LARGEST
            and NAME.fullmatch(name)
        ):
            known = names["/" in name]
            if name in known or len(known) < MOST_NAMES["/" in name]:
                known.add(name)
                clean[name] = value
    return clean
