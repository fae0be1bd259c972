"""From a line of the command line to a game: the recipe, the settings and the run that it names, each opened or refused.

`begin`, `resume` and `open_trained` are what commands.py calls; below stands what they need. A UsageError says why
something cannot be done.
"""

import difflib
import importlib
import sys
import time
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path

from tinygan.files import check, sentence
from tinygan.remedies import of_setting


class UsageError(Exception):
    """What the user asked for cannot be done; the message is one sentence."""


def begin(options):
    """Return (recipe, game, a new run, what makes the game in further processes) for `train RECIPE`."""
    from tinygan.data import gather_notes
    from tinygan.run.folder import Run
    from tinygan.run.report import find_writer

    if not options.recipe:
        raise UsageError("which recipe? `tinygan list` prints them")
    recipe = find_recipe(options.recipe)
    settings = read_settings(recipe, options)
    if options.tensorboard:
        find_writer()
    with gather_notes() as notes:
        game, others = _share(recipe, settings, options.device)
        game.batch(0)  # what is wrong with the data is said before a folder is made
    run = Run.create(_free_folder(options), options.recipe, settings, game.saved, notes)
    for note in notes:
        print(f"data: {note}", flush=True)
    return recipe, game, run, others


def resume(options):
    """Return (recipe, game, the run in --out, what makes the game in further processes) for `train --resume`."""
    from tinygan.run.folder import Run

    if not options.out:
        raise UsageError("--resume needs --out RUN, the folder of the run to go on with")
    if options.set or options.seed is not None or options.data is not None:
        raise UsageError("--resume takes the settings from the run's config.json; leave --set, --seed and --data out")
    run = Run.open(options.out)
    if options.recipe not in (None, run.config["recipe"]):
        raise UsageError(f"{options.out} is a run of {run.config['recipe']}, not of {options.recipe}")
    recipe, settings = _read_run(run)
    if options.steps is not None:
        try:
            settings = settings.prolong(options.steps)
        except ValueError as error:
            raise UsageError(str(error)) from None
    with _no_larger_than(run):
        game, others = _share(recipe, settings, options.device, run.config.get("saved"))
    return recipe, game, run, others


def open_trained(folder, device):
    from tinygan.run.folder import Run

    run = Run.open(folder)
    recipe, settings = _read_run(run)
    with _no_larger_than(run):
        game = make_game(recipe, settings, device, run.config.get("saved"))
    run.load(game)
    for note in run.notes:
        print(f"tinygan: {sentence(note)}; the checkpoint before it is taken", file=sys.stderr)
    return game, recipe, run


# --- recipes and settings --------------------------------------------------------------------------------------


def find_recipe(name):
    """Return the recipe of this name, a module."""
    from tinygan import recipes

    try:
        return recipes.load(name)
    except KeyError:
        raise UsageError(f"unknown recipe {name!r}; {suggest(name, recipes.names())}") from None


def suggest(word, known):
    """Return the known word that looks like `word`, as a question, or all that is known."""
    close = difflib.get_close_matches(word, known, 1, 0.5)
    return f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"


def read_settings(recipe, options):
    """Return the recipe's Settings with --steps, --seed, --data and --set applied."""
    from tinygan import recipes

    known = _known_settings(recipe)
    values = {key: value for key in ("steps", "seed") if (value := getattr(options, key)) is not None}
    if options.data:
        if "data" not in known:
            able = ", ".join(name for name in recipes.names() if "data" in _known_settings(recipes.load(name)))
            raise UsageError(
                f"--data {options.data}: {options.recipe} has no use for data of your own; these have: {able}"
            )
        values["data"] = str(Path(options.data).absolute())
    for item in options.set:
        key, equals, text = item.partition("=")
        if not equals:
            raise UsageError(f"--set {item}: expected KEY=VALUE")
        if key not in known:
            raise UsageError(f"unknown setting {key!r}{of_setting(key, list(known)) or '; ' + suggest(key, list(known))}")
        values[key] = _parse(text, known[key])
    try:
        return recipe.Settings(**values)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _known_settings(recipe):
    """Return {name: field} of all settings that a recipe may have, whatever is chosen."""
    from tinygan.run.settings import list_groups

    groups = [recipe.Settings, *(group for _, group in list_groups(recipe.Settings))]
    return {f.name: f for group in reversed(groups) for f in fields(group)}


def _parse(text, f):
    from tinygan.run.settings import KINDS

    try:
        return f.type(text)
    except ValueError:
        raise UsageError(f"--set {f.name}={text}: expected {KINDS[f.type]}. {f.metadata['meaning']}") from None


# --- games -----------------------------------------------------------------------------------------------------


def make_game(recipe, settings, device, saved=None):
    """Return the recipe's game on `device`, or on the default one if that is None; saved: see `Game`."""
    from tinygan.backend import default_device, library_of

    device = device or default_device()
    if device not in ("cpu", "cuda"):
        raise UsageError(f"unknown device {device!r}; expected cpu, or cuda for an NVIDIA GPU")
    try:
        library_of(device)
    except RuntimeError as error:
        raise UsageError(str(error)) from None
    try:
        with waiting("reading data and making networks"):
            return recipe.make_game(settings, device, saved)
    except ValueError as error:  # settings that do not fit each other, the players or the data
        raise UsageError(str(error)) from None
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        if saved is None:
            raise
        raise UsageError(f'what config.json has under "saved" does not fit the recipe ({error!r}): it is damaged') from None


def waiting(doing):
    """Return a context manager that says every few seconds, on stderr, that this is being done and for how long."""
    from tinygan.progress import Pulse, in_words

    begun = time.monotonic()
    say = lambda text: print(text, file=sys.stderr, flush=True)
    return Pulse(say, lambda: f"{doing}, {in_words(time.monotonic() - begun)}")


def _share(recipe, settings, device, saved=None):
    """Return the game with this process's share of the batch, and functions that make it with the shares of the others."""
    from tinygan.threads import core_count

    if settings.processes > core_count():
        raise UsageError(f"processes={settings.processes}: each wants a core of its own, and there are {core_count()} here")
    mine, *shares = settings.shares()
    game = make_game(recipe, mine, device, saved)
    if shares and next(iter(game.players.values())).parameters[0].device != "cpu":
        raise UsageError(f"processes={settings.processes} share the cores of a CPU; on a GPU leave it at 1")
    return game, [partial(_make_again, recipe.__name__, share, device, game.saved) for share in shares]


def _make_again(module, *arguments):
    """Return the game of the recipe in `module`: pickle takes its name, not the module."""
    return make_game(importlib.import_module(module), *arguments)


# --- runs ------------------------------------------------------------------------------------------------------


def _free_folder(options):
    """Return --out, or the first of runs/RECIPE, runs/RECIPE-2, ... that holds no run."""
    if options.out:
        return Path(options.out)
    folder, k = Path("runs") / options.recipe, 1
    while (folder / "config.json").exists():
        k += 1
        folder = folder.with_name(f"{options.recipe}-{k}")
    return folder


def _read_run(run):
    """Return (recipe, settings) of an existing run."""
    config = run.config
    recipe, values = find_recipe(config["recipe"]), config["settings"]
    try:
        if config.get("saved") is not None:
            check(config["saved"], getattr(recipe, "SAVED", {}), "saved")
        if config.get("version", 1) < 3:  # it lists settings that the training did not read: version 2 some beside gamma=0
            read = {f.name for f in fields(recipe.Settings.choose(values))}
            unread = _known_settings(recipe).keys() - read if "version" in config else values.keys() - read
            values = {name: value for name, value in values.items() if name not in unread}
        return recipe, recipe.Settings(**values)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{run.folder / 'config.json'} does not fit the recipe {config['recipe']}: {error}") from None


@contextmanager
def _no_larger_than(run):
    """Let the networks that are made in this block have no more numbers than the run's checkpoints."""
    from tinygan.nn.parameter import TooLarge, at_most

    most = run.most_numbers()
    try:
        with at_most(most):
            yield
    except TooLarge:
        raise UsageError(
            f"{run.folder}: config.json and the checkpoints are not of one run: by its settings the networks are larger than"
            f" the {most:,} numbers that there are"
        ) from None
