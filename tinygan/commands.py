"""What the commands do: a function each, called with the parsed line. A UsageError says why something cannot be done.

First the commands, then what several of them need: the recipe, the settings and the game that a line names.
"""

import difflib
import importlib
import itertools
import json
import multiprocessing
import shutil
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from tinygan.files import check, is_number, open_regular, printable, sentence
from tinygan.remedies import of_setting

MOST_EVALUATED = 1 << 29  # bytes of samples that `evaluate` draws unless it is told how many
MOST_SAMPLES = 1_000_000  # of 28x28 pictures 3 GB; a hundred times as many ended without a word, killed for memory


class UsageError(Exception):
    """What the user asked for cannot be done; the message is one sentence."""


def train(options):
    """tinygan train RECIPE."""
    from tinygan.recipes import formats, responder, watcher
    from tinygan.run.loop import train as play

    recipe, game, run, others = _resume(options) if options.resume else _begin(options)
    suffix, write = next(iter(formats(recipe).items()))
    steps, begun = game.settings.steps, time.perf_counter()
    try:
        with run.lock():
            start = run.resume(game) if options.resume else 0
            for note in run.notes:
                print(f"tinygan: {sentence(note)}; going on from the checkpoint before it", file=sys.stderr)
            if options.resume:
                before = run.config["settings"].get("steps")
                if steps != before:
                    _go_beyond(run, game, start, before)
                print(f"going on at step {start} of {steps}", flush=True)  # before the bar, in a file too
            else:
                networks: dict = {}  # two players may share one
                for player in game.players.values():
                    networks.setdefault(id(player.module), player)
                sizes = [f"{p.name} of {sum(w.numel() for w in p.parameters):,}" for p in networks.values()]
                print(f"{options.recipe}: {', '.join(sizes)} weights; {steps} steps", flush=True)
            draw = lambda samples, path: write(game, samples, path)
            play(
                game, run, draw, suffix=suffix, scores=watcher(recipe), start=start, on_nan=options.on_nan,
                tensorboard=options.tensorboard, others=others,
            )  # fmt: skip
            _draw_curves(run)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped at once; the last checkpoint is as it was: go on with: {run.how_to_go_on}"
        ) from None
    print(f"trained in {time.perf_counter() - begun:.0f} s; in {run.folder}:")
    for path, meaning in (
        (run.folder / "samples" / f"step-{steps:06d}{suffix}", "what it makes"),
        (run.folder / "curves.png", "the losses"),
        (run.folder / "checkpoints" / f"step-{steps}.safetensors", "the weights"),
    ):
        print(f"  {path.relative_to(run.folder).as_posix():36} {meaning}")
    commands = ["evaluate", "plot", *(["chat"] if responder(recipe) else [])]
    print(f"next: {', '.join(f'tinygan {command} {run.folder}' for command in commands)}")


def _go_beyond(run, game, start, before):
    """Make `game.settings.steps` those of the run, which had `before`; say what that does to the learning rate."""
    steps = game.settings.steps
    if steps <= start:
        raise UsageError(f"--steps {steps}: this run has done {start} steps; give more, or leave --steps out")
    run.write_config({**run.config, "settings": {**run.config["settings"], "steps": steps}})
    rates = [f"{player.name} {player.schedule.lr_lambda(start):.2g}" for player in game.players.values()]
    print(
        f"the run has {steps} steps now, not {before}; schedules go on as in a run of {steps}: at step {start} the share of"
        f" the learning rate is {', '.join(rates)}",
        flush=True,
    )


def _begin(options):
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


def _resume(options):
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
            settings = replace(settings, steps=options.steps)
        except ValueError as error:
            raise UsageError(str(error)) from None
    with _no_larger_than(run):
        game, others = _share(recipe, settings, options.device, run.config.get("saved"))
    return recipe, game, run, others


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


def sample(options):
    """tinygan sample RUN."""
    from tinygan.data import DataError
    from tinygan.files import save_array
    from tinygan.recipes import formats
    from tinygan.run.checkpoint import writing

    game, recipe, run = _open_trained(options.run, options.device)
    _check_count(options.n, "-n")
    written = {**formats(recipe)}
    written.setdefault(".npy", lambda game, samples, path: save_array(path, samples))
    path = Path(options.out) if options.out else run.folder / "samples" / f"seed-{options.seed}{next(iter(written))}"
    if path.suffix not in written:
        raise UsageError(f"--out {path}: expected a name that ends in {' or '.join(written)}")
    how = {name: getattr(options, name) for name in ("temperature", "truncation")}
    how["of_class"] = _class_number(game, options.of_class)
    try:
        with waiting(f"drawing {options.n:,} samples"):
            samples = game.sample(options.n, options.seed, **how)
    except DataError:  # what the samples answer to is in a file that is gone
        raise
    except ValueError as error:
        raise UsageError(f"--{error}") from None
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        written[path.suffix](game, samples, path)
    if path.suffix == ".txt" and not options.out and sys.stdout.isatty():  # text is there to be read
        print(path.read_text("utf-8"), end="")
    print(path)


def _class_number(game, text):
    """Return the number of the class that --class names, by its name or its number; None if it names none."""
    names = game.saved.get("names", [])
    if text is None or text in names:
        return None if text is None else names.index(text)
    if text.isascii() and text.removeprefix("-").isdigit():
        return int(text)
    raise UsageError(f"--class {text}: {_suggest(text, names) if names else 'expected a number'}")


def chat(options):
    """tinygan chat RUN: a reply to every line until an empty one, or the end of the input."""
    from tinygan.backend import stream
    from tinygan.recipes import responder

    game, recipe, run = _open_trained(options.run, options.device)
    respond = responder(recipe)
    if respond is None:
        raise UsageError(f"{run.folder} is a run of {run.config['recipe']}, which does not talk; train dialogue")
    print(printable(f"an empty line ends it; try: {game.saved['asked'][0]}"))
    for turn in itertools.count():
        try:
            prompt = input("> ").strip()
        except EOFError:
            prompt = ""
        if not prompt:
            return
        print(printable(respond(game, prompt, stream(options.seed, "chat", turn))))


def evaluate(options):
    """tinygan evaluate RUN."""
    from tinygan.metrics.meanings import describe_scores
    from tinygan.run.checkpoint import write_file

    game, recipe, run = _open_trained(options.run, options.device)
    fitting = MOST_EVALUATED // game.sample(1, 0).nbytes  # pictures of a reader's own may be large
    n = options.n if options.n is not None else max(1000, min(recipe.EVALUATED_SAMPLES, fitting))
    _check_count(n, "-n")
    with waiting(f"scoring {n:,} samples"):
        try:
            scores = recipe.evaluate(game, game.sample(n, options.seed))
        except ValueError as error:  # fewer samples than a score is defined on
            raise UsageError(f"-n {n}: {error}") from None
    for line in describe_scores(scores, recipe.EVALUATED_SAMPLES, shutil.get_terminal_size((120, 24)).columns):
        print(line)
    write_file(run.folder / "scores.json", json.dumps(scores, indent=2) + "\n")


def plot(options):
    """tinygan plot RUN."""
    from tinygan.gan import pictures
    from tinygan.plot import gif
    from tinygan.run.checkpoint import writing
    from tinygan.run.folder import Run

    run = Run.open(options.run)
    frames = _frames(run.folder / "samples")
    curved = _draw_curves(run)
    if not curved and not frames:
        raise UsageError(f"{run.folder} has nothing to draw yet: no logged step and no picture of samples")
    for name in curved:
        print(run.folder / name)
    if frames:
        path = run.folder / "samples.gif"
        with writing(path):
            gif([*frames, frames[-1], frames[-1]], path, 0.4)  # the last stands for longer
        print(path)
    if run.checkpoints():
        game, *_ = _open_trained(run.folder, options.device)
        for name, draw in pictures.drawings(game).items():
            with writing(run.folder / name), waiting(f"drawing {name}"):
                draw(game, run.folder / name)
            print(run.folder / name)


MOST_PIXELS, MOST_PICTURE = 1 << 24, 1 << 25  # of a picture of samples; bytes of its file
MOST_FRAMES = 64  # of an animation of them, fewer where they are large


def _frames(folder):
    """Return the pictures of samples as arrays, those that have the size of the last; of very many, some evenly."""
    paths = {path.stem.removeprefix("step-"): path for path in folder.glob("step-*.png")}
    paths = [paths[step] for step in sorted(filter(is_number, paths), key=int)]
    if not paths:
        return []
    last = _picture(paths.pop())
    most = min(MOST_FRAMES, 4 * MOST_PIXELS // (last.shape[0] * last.shape[1]))
    frames = [_picture(path, last.shape) for path in paths[:: -(-len(paths) // most) or 1]]
    return [*(frame for frame in frames if frame is not None), last]


def _picture(path, shape=None):
    """Return the picture in a file as an array, None if it does not have this shape; UsageError if it cannot be read."""
    import numpy as np
    from PIL import Image

    try:
        with warnings.catch_warnings(), open_regular(path, MOST_PICTURE, follow=False) as file:
            warnings.simplefilter("error")
            with Image.open(file, formats=["PNG"]) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise ValueError(f"{picture.width}x{picture.height} pixels are too many")
                grey = picture.mode == "L"
                found = (picture.height, picture.width) if grey else (picture.height, picture.width, 3)
                return np.asarray(picture if grey else picture.convert("RGB")) if shape in (None, found) else None
    except Exception as error:  # Pillow raises what it likes for files that are damaged
        raise UsageError(f"{path} is not a picture that can be read ({error}); remove it") from None


def list_recipes(options):
    """tinygan list [RECIPE]."""
    from tinygan import recipes
    from tinygan.run.listing import describe

    if options.recipe:
        print("\n".join(describe(find_recipe(options.recipe).Settings)))
        return
    for medium, names in recipes.by_medium().items():
        print(medium)
        for name in names:
            first = (recipes.load(name).__doc__ or "").strip().partition("\n")[0]
            print(f"  {name:16} {first}")


def check_gradients(options):
    """tinygan gradcheck FILE.py:NAME, in a process of its own: a file may end it, and has not been checked then."""
    process = multiprocessing.get_context("spawn").Process(target=_check_and_say, args=(options.target,))
    process.start()
    process.join()
    if process.exitcode == CHECKED:
        return 0
    if process.exitcode not in (1, 2):
        print(f"tinygan gradcheck: {options.target} ended Python (exit code {process.exitcode}) before it was checked")
    return process.exitcode if process.exitcode in (1, 2) else 1


CHECKED = 70  # the exit code of a process that found all right: os._exit(0) in a file is none


def _check_and_say(target):
    from tinygan.console import prepare_console
    from tinygan.gradcheck import check_file

    prepare_console()
    sys.exit(check_file(target) or CHECKED)


def lessons(options):
    """tinygan lessons [DIR]."""
    from tinygan.lessons import copy_out, open_in_jupyterlab

    if not options.folder.strip():
        raise UsageError("lessons: the folder has no name; leave it out, and the lessons go to my-lessons")
    changed = copy_out(options.folder)
    if changed:
        print(f"left as you changed them: {', '.join(changed)}; to have one as it was, rename yours and run this again")
    print(f"the lessons are in {options.folder}; begin with 00", flush=True)
    code = open_in_jupyterlab(options.folder, options.jupyter)
    if code is None:
        print(f"JupyterLab is not installed: pip install jupyterlab, then: tinygan lessons {options.folder}")
    return code


def doctor(options):
    """tinygan doctor."""
    from tinygan.doctor import report

    return report(sys.stdout)


# --- what they share -------------------------------------------------------------------------------------------


def waiting(doing):
    """Return a context manager that says every few seconds, on stderr, that this is being done and for how long."""
    from tinygan.progress import Pulse, in_words

    begun = time.monotonic()
    say = lambda text: print(text, file=sys.stderr, flush=True)
    return Pulse(say, lambda: f"{doing}, {in_words(time.monotonic() - begun)}")


def _suggest(word, known):
    """Return the known word that looks like `word`, as a question, or all that is known."""
    close = difflib.get_close_matches(word, known, 1, 0.5)
    return f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"


def find_recipe(name):
    """Return the recipe of this name, a module."""
    from tinygan import recipes

    try:
        return recipes.load(name)
    except KeyError:
        raise UsageError(f"unknown recipe {name!r}; {_suggest(name, recipes.names())}") from None


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
            raise UsageError(f"unknown setting {key!r}{of_setting(key, list(known)) or '; ' + _suggest(key, list(known))}")
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
        if "version" not in config:  # version 1 listed all settings, those that the training did not read among them
            known = {f.name for f in fields(recipe.Settings.choose(values))}
            values = {name: value for name, value in values.items() if name in known}
        return recipe, recipe.Settings(**values)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{run.folder / 'config.json'} does not fit the recipe {config['recipe']}: {error}") from None


def _open_trained(folder, device):
    from tinygan.run.folder import Run

    run = Run.open(folder)
    recipe, settings = _read_run(run)
    with _no_larger_than(run):
        game = make_game(recipe, settings, device, run.config.get("saved"))
    run.load(game)
    for note in run.notes:
        print(f"tinygan: {sentence(note)}; the checkpoint before it is taken", file=sys.stderr)
    return game, recipe, run


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


def _check_count(n, name):
    if n < 1:
        raise UsageError(f"{name} {n}: must be at least 1")
    if n > MOST_SAMPLES:
        raise UsageError(f"{name} {n}: must be at most {MOST_SAMPLES:,}, as all are held in memory at once")


def _draw_curves(run):
    """Draw RUN/curves.png and RUN/gradients.png; return the names of those that the log has something for."""
    from tinygan.plot import curves, layer_curves
    from tinygan.run.checkpoint import writing

    drawn, rows = [], run.rows()
    for draw, name in ((curves, "curves.png"), (layer_curves, "gradients.png")):
        try:
            with writing(run.folder / name):
                draw(rows, run.folder / name)
        except ValueError:  # it has nothing
            continue
        drawn.append(name)
    return drawn
