"""What the commands do: a function each, called with the parsed line. A UsageError says why something cannot be done.

`opening.py` makes the recipe, the settings and the game that a line names.
"""

import itertools
import json
import multiprocessing
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
import warnings
from dataclasses import fields
from pathlib import Path

from tinygan.files import is_number, open_regular, printable, sentence
from tinygan.opening import UsageError, begin, find_recipe, open_trained, resume, suggest, waiting

MOST_EVALUATED = 1 << 29  # bytes of samples that `evaluate` draws unless it is told how many
MOST_SAMPLES = 1_000_000  # of 28x28 pictures 3 GB; a hundred times as many ended without a word, killed for memory


def train(options):
    """tinygan train RECIPE."""
    from tinygan.recipes import formats, watcher
    from tinygan.run.loop import train as play

    recipe, game, run, others = resume(options) if options.resume else begin(options)
    suffix, write = next(iter(formats(recipe).items()))
    steps, begun = game.settings.steps, time.perf_counter()
    if options.live:
        from tinygan.lab.server import serve_run

        live = serve_run(run.folder)
        live.start()
        print(f"live: {live.url}", flush=True)
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
    print(f"next: {', '.join(_what_is_next(recipe, game, shlex.quote(str(run.folder))))}")


def _what_is_next(recipe, game, run):
    """Return the commands that a trained game can be given, as they would be typed."""
    from tinygan.recipes import example, may_chat

    given = example(recipe, game)
    more = [f"chat {run}"] if may_chat(recipe) else []
    inputs = [given] if isinstance(given, str) else given or []
    more += [f"apply {run} {' '.join(printable(shlex.quote(word)) for word in inputs)}"] if inputs else []
    return [f"tinygan {command}" for command in (f"evaluate {run}", f"plot {run}", f"sample {run}", *more)]


def _go_beyond(run, game, start, before):
    """Make `game.settings.steps` those of the run, which had `before`; say what that does to the learning rate."""
    steps = game.settings.steps
    if steps <= start:
        raise UsageError(f"--steps {steps}: this run has done {start} steps; give more, or leave --steps out")
    changed = ["steps", *(f.name for f in fields(game.settings) if f.metadata["phase"])]
    settings = run.config["settings"] | {name: getattr(game.settings, name) for name in changed}
    run.write_config({**run.config, "settings": settings})
    rates = [f"{player.name} {player.schedule.lr_lambda(start):.2g}" for player in game.players.values()]
    print(
        f"the run has {steps} steps now, not {before}; schedules go on as in a run of {steps}: at step {start} the share of"
        f" the learning rate is {', '.join(rates)}",
        flush=True,
    )


def sample(options):
    """tinygan sample RUN."""
    from tinygan.data import DataError
    from tinygan.files import save_array
    from tinygan.recipes import formats
    from tinygan.run.checkpoint import writing

    game, recipe, run = open_trained(options.run, options.device)
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
    if options.temperature is None and options.truncation is None:  # which make samples alike if one asks for it
        _warn_if_alike(game, run, samples)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        written[path.suffix](game, samples, path)
    if path.suffix == ".txt" and not options.out and sys.stdout.isatty():  # text is there to be read
        print(path.read_text("utf-8"), end="")
    print(path)


def apply(options):
    """tinygan apply RUN INPUT: the answer to one line of text, or to a file; some recipes take a file and a line."""
    from tinygan.backend import stream
    from tinygan.data import gather_notes
    from tinygan.recipes import answers, inputs, names_with_respond, responder
    from tinygan.run.checkpoint import writing

    given, out = options.input, options.out
    if not all(word.strip() for word in given):
        raise UsageError("INPUT is empty; expected a line of text, or the path of a file")
    game, recipe, run = open_trained(options.run, options.device)
    respond, written = responder(recipe), answers(recipe)
    if respond is None:
        raise UsageError(
            f"{run.folder} is a run of {run.config['recipe']}, which answers to no input; these do:"
            f" {', '.join(names_with_respond())}"
        )
    wanted = inputs(recipe)
    if len(given) != len(wanted):
        raise UsageError(
            f"{run.config['recipe']} answers to {' '.join(wanted)}; got {len(given)} inputs. A line of text goes in quotes"
        )
    usual = next(iter(written))
    path = Path(out) if out else run.folder / "applied" / f"{_name_of(given, options.seed)}{usual}"
    if path.suffix not in written:
        raise UsageError(f"--out {path}: expected a name that ends in {' or '.join(written)}")
    files = [file for word in given for file in (word, word.partition(":")[2]) if os.path.exists(file)]  # b:picture.png
    if path.exists() and any(map(path.samefile, files)):
        raise UsageError(f"--out {path} is INPUT itself, and would replace it; choose another name")
    with gather_notes() as notes, waiting(f"answering to {sentence(' '.join(given))[:60]}"):
        answer = respond(game, given[0] if len(given) == 1 else tuple(given), stream(options.seed, "apply"))
    for note in notes:
        print(f"tinygan: {sentence(note)}", file=sys.stderr)
    if usual == ".txt" and not out:  # text is there to be read
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answer.txt"
            written[usual](answer, path)
            print(printable(path.read_text("utf-8")), end="")
        return
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        written[path.suffix](answer, path)
    print(path)


def _name_of(given, seed):
    """Return what the answer to `given` is called: by files' names, and by its words; by the seed, if that is not 0."""
    words = " ".join(Path(word).stem if os.path.exists(word) else word for word in given)
    name = re.sub(r"\W+", "-", words)[:60].strip("-") or "answer"
    return name if seed == 0 else f"{name}-seed-{seed}"


def _class_number(game, text):
    """Return the number of the class that --class names, by its name or its number; None if it names none."""
    names = game.saved.get("names", [])
    if text is None or text in names:
        return None if text is None else names.index(text)
    if text.isascii() and text.removeprefix("-").isdigit():
        return int(text)
    raise UsageError(f"--class {text}: {suggest(text, names) if names else 'expected a number'}")


def chat(options):
    """tinygan chat RUN: a reply to every line until an empty one, or the end of the input."""
    from tinygan.backend import stream
    from tinygan.recipes import example, load, may_chat, names

    game, recipe, run = open_trained(options.run, options.device)
    if not may_chat(recipe):
        able = ", ".join(name for name in names() if may_chat(load(name)))
        raise UsageError(f"{run.folder} is a run of {run.config['recipe']}, which does not talk; train {able}")
    print(printable(f"an empty line ends it; try: {example(recipe, game)}"))
    for turn in itertools.count():
        try:
            prompt = input("> ").strip()
        except EOFError:
            prompt = ""
        if not prompt:
            return
        print(printable(recipe.respond(game, prompt, stream(options.seed, "chat", turn))))


def evaluate(options):
    """tinygan evaluate RUN."""
    from tinygan.data import DataError
    from tinygan.metrics.meanings import describe_scores
    from tinygan.run.checkpoint import write_file

    game, recipe, run = open_trained(options.run, options.device)
    fitting = MOST_EVALUATED // game.sample(1, 0).nbytes  # pictures of a reader's own may be large
    n = options.n if options.n is not None else min(recipe.EVALUATED_SAMPLES, max(1000, fitting))
    _check_count(n, "-n")
    with waiting(f"scoring {n:,} samples"):
        try:
            samples = game.sample(n, options.seed)
            scores = recipe.evaluate(game, samples)
        except DataError:  # what samples are compared with is in a file that is gone
            raise
        except ValueError as error:  # fewer samples than a score is defined on
            raise UsageError(f"-n {n}: {error}") from None
    for line in describe_scores(scores, recipe.EVALUATED_SAMPLES, shutil.get_terminal_size((120, 24)).columns):
        print(line)
    _warn_if_alike(game, run, samples)
    write_file(run.folder / "scores.json", json.dumps(scores, indent=2) + "\n")


def plot(options):
    """tinygan plot RUN."""
    from tinygan.gan import pictures
    from tinygan.plot import gif
    from tinygan.recipes import formats
    from tinygan.run.checkpoint import writing
    from tinygan.run.folder import Run
    from tinygan.text.vae import VAEGame

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
        game, recipe, _ = open_trained(run.folder, options.device)
        drawings = pictures.drawings(game)
        if isinstance(game, VAEGame):
            drawings["between.txt"] = lambda game, path: _write_between(game, formats(recipe)[".txt"], path)
        for name, draw in drawings.items():
            with writing(run.folder / name), waiting(f"drawing {name}"):
                draw(game, run.folder / name)
            print(run.folder / name)
        if not {"directions.png", "shares.png", "between.txt"} & drawings.keys():
            print(f"{run.config['recipe']}: {pictures.NO_LATENT}")


def _write_between(game, write, path, pairs=4, steps=7):
    """Write sentences on the way from one to another, `pairs` times; an empty line between."""
    import numpy as np

    sentences = np.stack(list(game.walk(pairs, 0, np.linspace(0, 1, steps))), 1)  # (pairs, steps, tokens)
    empty = np.zeros_like(sentences[:, :1])
    write(game, np.concatenate([sentences, empty], 1).reshape(-1, sentences.shape[2])[:-1], path)


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


def grade(options):
    """tinygan grade FILE_OR_FOLDER: a line for each submission, then where the table and the pages are."""
    from tinygan.grading.grade import grade_all
    from tinygan.grading.guard import missing_limits
    from tinygan.grading.report import row, write_reports
    from tinygan.grading.run import GraderError
    from tinygan.grading.source import SourceError
    from tinygan.threads import core_count

    for name in ("seconds", "memory", "jobs"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"--{name} {value:g}: expected a number above 0")
    if missing := missing_limits():
        print(f"tinygan: this system does not limit {missing}; grade strangers' files in a container", file=sys.stderr)

    def say(grade):
        student, assignment, points, out_of, lost, remark = row(grade)
        rest = "; ".join(part for part in (f"lost {lost}" if lost else "", remark) if part)
        print(f"{student:24} {assignment or '?':4} {points:3} of {out_of:<3} {rest}".rstrip(), flush=True)

    out, begun = Path(options.out), time.monotonic()
    try:
        grades = grade_all(
            options.target, assignment=options.assignment, out=out, seconds=options.seconds, memory=options.memory,
            jobs=options.jobs or core_count(), say=say,
        )  # fmt: skip
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"grade: stopped; nothing was written to {out}") from None
    except (GraderError, SourceError) as error:
        raise UsageError(f"grade: {error}") from None
    if not grades:
        raise UsageError(f"grade: nothing was handed in at {options.target}")
    write_reports(grades, out)
    remarked, seconds = sum(bool(grade.remarks) for grade in grades), time.monotonic() - begun
    print(f"{len(grades)} graded in {seconds:.0f} s, {remarked} with a remark: {out / 'grades.csv'}, {out / 'feedback'}")


def lab(options):
    """tinygan lab [RUN]."""
    import webbrowser

    from tinygan.lab.server import serve_lab, serve_run
    from tinygan.threads import prime_malloc, share_cores

    if not 0 <= options.port < 1 << 16:
        raise UsageError(f"--port {options.port}: expected 0 to 65535")
    try:
        server = serve_run(options.run, options.port) if options.run else serve_lab(options.port)
    except OSError as error:
        raise UsageError(f"--port {options.port}: {error.strerror}; leave it out and a free one is taken") from None
    prime_malloc()
    print(f"{server.url}\nfor this machine alone; Ctrl-C ends it", flush=True)
    if not options.no_browser:
        webbrowser.open(server.url)
    with server, share_cores():
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def lessons(options):
    """tinygan lessons [DIR]."""
    from tinygan.lessons import copy_out, open_in_jupyterlab

    if not options.folder.strip():
        raise UsageError("lessons: the folder has no name; leave it out, and the lessons go to my-lessons")
    changed = copy_out(options.folder)
    if changed:
        print(f"left as you changed them: {', '.join(changed)}; to have one as it was, rename yours and run this again")
    print(f"the lessons are in {options.folder}; begin with 00. Assignments are in its folder assignments", flush=True)
    code = open_in_jupyterlab(options.folder, options.jupyter)
    if code is None:
        print(f"JupyterLab is not installed: pip install jupyterlab, then: tinygan lessons {options.folder}")
    return code


def doctor(options):
    """tinygan doctor."""
    from tinygan.doctor import report

    return report(sys.stdout)


# --- what they share -------------------------------------------------------------------------------------------


def _check_count(n, name):
    if n < 1:
        raise UsageError(f"{name} {n}: must be at least 1")
    if n > MOST_SAMPLES:
        raise UsageError(f"{name} {n}: must be at most {MOST_SAMPLES:,}, as all are held in memory at once")


def _warn_if_alike(game, run, samples):
    from tinygan.run.monitor import say_alike

    if says := say_alike(game, run.step, samples):
        print(f"tinygan: {says}", file=sys.stderr)


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
