"""The folder of a run.

    RUN/config.json                     the recipe, its settings, what its data taught
    RUN/log.jsonl                       a line for each logged step
    RUN/samples/step-N.png, curves.png  what to look at
    RUN/checkpoints/step-N.safetensors  all that training changes, the last two; `latest` names the newest
    RUN/lock                            the number of the process that trains it, while one does

Every file is written under a temporary name, flushed and renamed: a kill at any instant leaves the last good one. All
chance is a function of (seed, name, step): a resumed run draws what the unbroken run would have drawn. `loop.py` plays
the game and fills the folder.
"""

import json
import shlex
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tinygan.backend import to_numpy
from tinygan.files import Locked, locked, remove_leftovers
from tinygan.run.checkpoint import Damaged, RunError, load_checkpoint, save_checkpoint, write_file, writing

VERSION = 2  # of config.json
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
        self.notes = []  # what went wrong and was mended, in sentences
        self._locked = False

    @classmethod
    def create(cls, folder, recipe, settings, saved=None):
        """Begin a run in `folder`, which must not hold one yet; saved: see `Game`."""
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
            config = {"version": VERSION, "recipe": recipe, "settings": asdict(settings)}
            run.write_config({**config, "saved": saved} if saved else config)
        return run

    @classmethod
    def open(cls, folder):
        """Return the run in `folder`."""
        run = cls(folder)
        if not (run.folder / "config.json").is_file():
            usual = Path("runs") / folder  # of the run of a recipe whose name was given
            remedy = (
                f"did you mean {usual}?" if (usual / "config.json").is_file() else "`tinygan train RECIPE` makes one"
            )
            raise RunError(f"{folder} holds no run: it has no config.json; {remedy}")
        return run

    @property
    def how_to_go_on(self):
        """The command that goes on with this run."""
        return f"tinygan train --resume --out {shlex.quote(str(self.folder))}"

    @property
    def config(self):
        """What config.json says: {"version": 2, "recipe": name, "settings": {...}, "saved": {...}}."""
        path = self.folder / "config.json"
        try:
            config = json.loads(path.read_text())
            is_newer = config.get("version", 1) > VERSION
            if "kept" in config:  # what version 1 called it
                config["saved"] = config.pop("kept")
            config = {**config, "recipe": str(config["recipe"]), "settings": dict(config["settings"])}
            if not all(0 < float(rewind.get("pace", 1.0)) <= 1 for rewind in config.get("rewinds") or []):
                raise ValueError("pace")
            if config.get("on_nan", "stop") not in ("stop", "rewind"):
                raise ValueError("on_nan")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise RunError(f"{path} is damaged: expected a recipe and its settings as JSON") from None
        if is_newer:
            raise RunError(
                f"{path} was written by a newer tinygan, in version {config['version']}, and this one reads version"
                f" {VERSION}: pip install --upgrade tinygan"
            )
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
        with writing(self.folder / "log.jsonl"), open(self.folder / "log.jsonl", "a") as f:
            f.write(json.dumps(row) + "\n")

    def rows(self):
        """Return the logged lines as dicts, without one that a kill or a full disk cut short."""
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
        """Return the files of all checkpoints: the one that `latest` names, then from the newest to the oldest."""
        steps = {}
        for path in (self.folder / "checkpoints").glob("step-*.safetensors"):
            number = path.stem.removeprefix("step-")
            if number.isdigit():
                steps[path] = int(number)
        try:
            name = (self.folder / "checkpoints" / "latest").read_text().strip()
            latest = self.folder / "checkpoints" / Path(name).name
        except (OSError, ValueError):  # missing, or bytes that are no text
            latest = None
        return sorted(steps, key=lambda path: (path == latest, steps[path]), reverse=True)

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
            game.set_pace(self.pace)
            self.newest = path
            return metadata["step"]
        raise RunError(
            f"{problem}, and {self.folder} has no other checkpoint that is good; begin again in another folder"
        )

    def _give(self, game, path, arrays, metadata):
        recipe = self.config["recipe"]
        if metadata.get("recipe") != recipe or not isinstance(metadata.get("step"), int):
            raise RunError(
                f"{path} is of {metadata.get('recipe', 'no recipe')}, and this is a run of {recipe}: is the file misplaced?"
            )
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
            for path in files[: files.index(self.newest)] if files else []:
                with writing(path):  # damaged ones are put aside
                    path.replace(path.with_name(path.name + ".damaged"))
            for path in files[files.index(self.newest) + 2 :] if files else []:
                with writing(path):  # older than the last two: a kill came before `save` removed it
                    path.unlink()
            rows = [row for row in self.rows() if row["step"] <= step]  # what came after it is played again
            write_file(self.folder / "log.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        return step
