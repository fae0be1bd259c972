"""What the commands do: a function each, called with the parsed line. A UsageError says why something cannot be done.

First the commands, then what several of them need: the recipe, the settings and the game that a line names.
"""

import argparse
import difflib
import importlib
import itertools
import json
import sys
import time
from dataclasses import fields
from functools import partial
from pathlib import Path


class UsageError(Exception):
    """What the user asked for cannot be done; the message is one sentence."""


def train(options):
    """tinygan train RECIPE."""
    from tinygan.gan.loop import train as play
    from tinygan.recipes import formats, watched

    recipe, game, run, others = _resumed(options) if options.resume else _begun(options)
    suffix, write = next(iter(formats(recipe).items()))
    steps, begun = game.settings.steps, time.perf_counter()
    try:
        with run.lock():
            start = run.resume(game) if options.resume else 0
            for note in run.notes:
                print(f"tinygan: {note}; going on from the checkpoint before it", file=sys.stderr)
            if options.resume:
                print(f"going on at step {start} of {steps}", flush=True)  # before the bar, in a file too
            else:
                g, d = (sum(p.size for p in m.parameters()) for m in (game.generator, game.discriminator))
                print(
                    f"{options.recipe}: generator of {g:,} weights, discriminator of {d:,}; {steps} steps", flush=True
                )
            draw = lambda samples, path: write(game, samples, path)
            play(
                game, run, draw, suffix=suffix, scores=watched(recipe), start=start, on_nan=options.on_nan,
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
    commands = ["evaluate", "plot", *(["chat"] if hasattr(game, "answer") else [])]
    print(f"next: {', '.join(f'tinygan {command} {run.folder}' for command in commands)}")


def _begun(options):
    """(recipe, game, a new run, what makes the game in further processes) of `train RECIPE`."""
    from tinygan.gan.run import Run

    if not options.recipe:
        raise UsageError("which recipe? `tinygan list` prints them")
    recipe = recipe_named(options.recipe)
    settings = settings_asked(recipe, options)
    game, others = _shared(recipe, settings, options.device)
    return recipe, game, Run.create(_free_folder(options), options.recipe, settings, game.kept), others


def _resumed(options):
    """(recipe, game, the run in --out, what makes the game in further processes) of `train --resume`."""
    from tinygan.gan.run import Run

    if not options.out:
        raise UsageError("--resume needs --out RUN, the folder of the run to go on with")
    if options.set or options.steps or options.data or options.seed is not None:
        raise UsageError(
            "--resume takes the settings from the run's config.json; leave --set, --steps, --seed and --data out"
        )
    run = Run.open(options.out)
    if options.recipe not in (None, run.config["recipe"]):
        raise UsageError(f"{options.out} is a run of {run.config['recipe']}, not of {options.recipe}")
    recipe, settings = _of_run(run)
    game, others = _shared(recipe, settings, options.device, run.config.get("kept"))
    return recipe, game, run, others


def _shared(recipe, settings, device, kept=None):
    """(the game, functions that make it in the further processes that the settings ask for), each with its share."""
    mine, *shares = settings.shares()
    game = make_game(recipe, mine, device, kept)
    if shares and game.g_parameters[0].device != "cpu":
        raise UsageError(f"processes={settings.processes} share the cores of a CPU; on a GPU leave it at 1")
    return game, [partial(_made_again, recipe.__name__, share, device, game.kept) for share in shares]


def _made_again(module, *arguments):
    """The game of the recipe in `module`, which has a name where it has no pickle."""
    return make_game(importlib.import_module(module), *arguments)


def sample(options):
    """tinygan sample RUN."""
    from tinygan.gan.checkpoint import writing
    from tinygan.recipes import formats

    game, recipe, run = _trained(options.run)
    _positive(options.n, "-n")
    written = {**formats(recipe)}
    written.setdefault(".npy", _write_array)
    path = Path(options.out) if options.out else run.folder / "samples" / f"seed-{options.seed}{next(iter(written))}"
    if path.suffix not in written:
        raise UsageError(f"--out {path}: expected a name that ends in {' or '.join(written)}")
    samples = _samples(game, recipe, options)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        written[path.suffix](game, samples, path)
    print(path)


def _write_array(game, samples, path):
    import numpy as np

    from tinygan.files import written_whole

    with written_whole(path) as temporary:
        np.save(temporary, samples)


def _samples(game, recipe, options):
    """As many samples as asked for, with the truncation, at the temperature and of the class that were asked for."""
    from tinygan.gan.training import Game

    if options.temperature is not None:
        if not hasattr(game, "sample_at"):
            raise UsageError(f"--temperature {options.temperature:g}: these samples have none; those of `names` have")
        if not options.temperature > 0:
            raise UsageError(f"--temperature {options.temperature:g}: expected a number above 0")
        game.sample_at(options.temperature)
    if options.of_class is not None:
        classes = getattr(game, "classes", 0)  # its samples are of the classes in turn
        if not 0 <= options.of_class < classes:
            known = f"classes are 0 to {classes - 1}" if classes else "this run has no classes; those of `cgan` have"
            raise UsageError(f"--class {options.of_class}: {known}")
        every = argparse.Namespace(**{**vars(options), "n": options.n * classes, "of_class": None})
        return _samples(game, recipe, every)[options.of_class :: classes]
    if options.truncation is None:
        return game.sample(options.n, options.seed)
    if type(game).sample is not Game.sample:
        raise UsageError(f"--truncation {options.truncation:g}: this recipe draws its samples in a way of its own")
    try:
        return game.sample(options.n, options.seed, options.truncation)
    except ValueError as error:
        raise UsageError(str(error)) from None


def chat(options):
    """tinygan chat RUN: a reply to every line until an empty one, or the end of the input."""
    from tinygan.backend import stream

    game, _, run = _trained(options.run)
    if not hasattr(game, "answer"):
        raise UsageError(f"{run.folder} is a run of {run.config['recipe']}, which does not talk; train dialogue")
    print(f"an empty line ends it; try: {game.kept['asked'][0]}")
    for turn in itertools.count():
        try:
            prompt = input("> ").strip()
        except EOFError:
            prompt = ""
        if not prompt:
            return
        print(game.answer(prompt, stream(options.seed, "chat", turn)))


def evaluate(options):
    """tinygan evaluate RUN."""
    from tinygan.gan.checkpoint import write_file

    game, recipe, run = _trained(options.run)
    n = options.n if options.n is not None else recipe.EVALUATED_SAMPLES
    _positive(n, "-n")
    try:
        scores = recipe.evaluate(game, game.sample(n, options.seed))
    except ValueError as error:  # fewer samples than a score is defined on
        raise UsageError(f"-n {n}: {error}") from None
    for name, value in scores.items():
        if isinstance(value, list):
            value = " ".join(f"{v:.3f}" for v in value)
        elif isinstance(value, float):
            value = f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.2g}"  # an MMD² of .0006 is not .001
        print(f"{name.replace('_', ' '):32} {value}")
    write_file(run.folder / "scores.json", json.dumps(scores, indent=2) + "\n")


def plot(options):
    """tinygan plot RUN."""
    from tinygan.gan import pictures
    from tinygan.gan.checkpoint import writing
    from tinygan.gan.run import Run
    from tinygan.plot import gif

    run = Run.open(options.run)
    frames = _frames(sorted((run.folder / "samples").glob("step-*.png")))
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
        game, *_ = _trained(run.folder)
        if pictures.makes_pictures(game):
            for draw, name in PICTURES.items():
                with writing(run.folder / name):
                    getattr(pictures, draw)(game, run.folder / name)
                print(run.folder / name)


PICTURES = {"between_samples": "between.png", "walk": "walk.gif", "beside_training": "nearest.png"}


def _frames(paths):
    """The pictures in these files as arrays, those that have the size of the last."""
    import numpy as np
    from PIL import Image

    frames = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                frames.append(np.asarray(picture if picture.mode == "L" else picture.convert("RGB")))
        except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises for files that are damaged
            raise UsageError(f"{path} is no picture that can be read ({error}); remove it") from None
    return [frame for frame in frames if frame.shape == frames[-1].shape]


def list_recipes(options):
    """tinygan list [RECIPE]."""
    from tinygan import recipes

    if options.recipe:
        for f in _settings_of(recipe_named(options.recipe)).values():
            choices = f.metadata["choices"]
            one_of = f" One of {', '.join(choices)}." if choices else ""
            print(f"{f.name:16} {f.default!s:16} {f.metadata['meaning']}{one_of}")
        return
    for name in recipes.listed():
        first = (recipes.load(name).__doc__ or "").strip().partition("\n")[0]
        print(f"{name:16} {first}")


def check_gradients(options):
    """tinygan gradcheck FILE.py:NAME."""
    from tinygan.gradcheck import check_file

    return check_file(options.target)


def lessons(options):
    """tinygan lessons [DIR]."""
    from tinygan.lessons import copy_out, open_in_jupyterlab

    changed = copy_out(options.folder)
    if changed:
        print(f"left as you changed them: {', '.join(changed)}; to have one as it was, rename yours and run this again")
    print(f"the lessons are in {options.folder}; begin with 00", flush=True)
    code = open_in_jupyterlab(options.folder)
    if code is None:
        print(f"JupyterLab is not installed: pip install jupyterlab, then: tinygan lessons {options.folder}")
    return code


def doctor(options):
    """tinygan doctor."""
    from tinygan.doctor import report

    return report(sys.stdout)


# --- what they share -------------------------------------------------------------------------------------------


def _nearest(word, known):
    """The known word that looks like `word`, as a question, or all that is known."""
    close = difflib.get_close_matches(word, known, 1, 0.5)
    return f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"


def recipe_named(name):
    """The recipe of this name, a module."""
    from tinygan import recipes

    try:
        return recipes.load(name)
    except KeyError:
        raise UsageError(f"unknown recipe {name!r}; {_nearest(name, recipes.listed())}") from None


def settings_asked(recipe, options):
    """The recipe's Settings with --steps, --seed, --data and --set applied."""
    from tinygan import recipes

    known = _settings_of(recipe)
    values = {key: value for key in ("steps", "seed") if (value := getattr(options, key)) is not None}
    if options.data:
        if "data" not in known:
            able = ", ".join(name for name in recipes.listed() if "data" in _settings_of(recipes.load(name)))
            raise UsageError(
                f"--data {options.data}: {options.recipe} has no use for data of your own; these have: {able}"
            )
        values["data"] = str(Path(options.data).absolute())
    for item in options.set:
        key, equals, text = item.partition("=")
        if not equals:
            raise UsageError(f"--set {item}: expected KEY=VALUE")
        if key not in known:
            raise UsageError(f"unknown setting {key!r}; {_nearest(key, list(known))}")
        values[key] = _parsed(text, known[key])
    try:
        return recipe.Settings(**values)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _settings_of(recipe):
    return {f.name: f for f in fields(recipe.Settings)}


def _parsed(text, f):
    try:
        return f.type(text)
    except ValueError:
        number = {int: "a whole number", float: "a number"}[f.type]
        raise UsageError(f"--set {f.name}={text}: expected {number}. {f.metadata['meaning']}") from None


def make_game(recipe, settings, device, kept=None):
    """The recipe's game on `device`, or on the default one if that is None; kept: see `Game.kept`."""
    from tinygan.backend import default_device, library_of

    device = device or default_device()
    if device not in ("cpu", "cuda"):
        raise UsageError(f"unknown device {device!r}; expected cpu, or cuda for an NVIDIA GPU")
    try:
        library_of(device)
    except RuntimeError as error:
        raise UsageError(str(error)) from None
    try:
        return recipe.make_game(settings, device, kept=kept) if kept else recipe.make_game(settings, device)
    except ValueError as error:  # settings that do not fit each other, the players or the data
        raise UsageError(str(error)) from None


def _free_folder(options):
    """--out, or the first of runs/RECIPE, runs/RECIPE-2, ... that holds no run."""
    if options.out:
        return Path(options.out)
    folder, k = Path("runs") / options.recipe, 1
    while (folder / "config.json").exists():
        k += 1
        folder = folder.with_name(f"{options.recipe}-{k}")
    return folder


def _of_run(run):
    """(recipe, settings) of an existing run."""
    config = run.config
    recipe = recipe_named(config["recipe"])
    try:
        return recipe, recipe.Settings(**config["settings"])
    except (TypeError, ValueError) as error:
        raise UsageError(f"{run.folder / 'config.json'} does not fit the recipe {config['recipe']}: {error}") from None


def _trained(folder):
    from tinygan.gan.run import Run

    run = Run.open(folder)
    recipe, settings = _of_run(run)
    game = make_game(recipe, settings, None, run.config.get("kept"))
    run.load(game)
    for note in run.notes:
        print(f"tinygan: {note}; the checkpoint before it is taken", file=sys.stderr)
    return game, recipe, run


def _positive(n, name):
    if n < 1:
        raise UsageError(f"{name} {n}: must be at least 1")


def _draw_curves(run):
    """Draw RUN/curves.png and RUN/gradients.png; the names of those that the log has something for."""
    from tinygan.gan.checkpoint import writing
    from tinygan.plot import curves, layer_curves

    drawn = []
    for draw, name in ((curves, "curves.png"), (layer_curves, "gradients.png")):
        try:
            with writing(run.folder / name):
                draw(run.rows(), run.folder / name)
        except ValueError:  # it has nothing
            continue
        drawn.append(name)
    return drawn
