"""The command line: tinygan train | sample | apply | evaluate | plot | list | lab | gradcheck | grade | lessons and more.

What may be asked is here; what is then done, in commands.py.
Exit code 2: it cannot be done, and one sentence says why. 130, as programs stopped by Ctrl-C have: it was.
"""

import argparse
import difflib
import os
import re
import sys

from tinygan import __version__, commands
from tinygan.console import prepare_console
from tinygan.files import sentence
from tinygan.remedies import SETTINGS


def main(arguments=None):
    """Run the command line; return the exit code."""
    prepare_console()
    parser, verbs = _parsers()
    options, others = parser.parse_known_args(arguments)
    if others and options.command is not commands.lessons:
        verb = verbs.get(options.verb, parser)
        verb.error(f"unrecognized arguments: {' '.join(others)}{_proposal(others[0], verb)}")
    options.jupyter = others
    try:
        return exit_code(options)
    except KeyboardInterrupt as error:
        print(f"tinygan: {str(error) or 'stopped'}", file=sys.stderr)
        return 130


def exit_code(options):
    """Do `options.command(options)` and return 0; return 2 after a sentence on stderr where it cannot be done."""
    from tinygan.data import DataError
    from tinygan.run.checkpoint import RunError
    from tinygan.run.loop import Interrupted

    try:
        code = options.command(options) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # tinygan list | head: nobody reads on; Python would complain when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Interrupted as error:
        raise KeyboardInterrupt(str(error)) from None
    except (commands.UsageError, RunError, DataError) as error:
        print(f"tinygan: {sentence(error)}", file=sys.stderr)
    except MemoryError as error:
        print(f"tinygan: not enough memory ({error}); take smaller settings", file=sys.stderr)
    except OSError as error:  # a full disk, a folder that is not ours
        about = f"{error.filename or 'a file'}: {error.strerror or error}"
        print(f"tinygan: {sentence(about)}", file=sys.stderr)
    return 2


_ELSEWHERE = {
    "--count": "-n", "--num": "-n", "--samples": "-n", "--epochs": "--steps", "--iterations": "--steps",
    "--gpu": "--device cuda", "--cuda": "--device cuda", "--dir": "--out", "--outdir": "--out", "--name": "--out",
    "--checkpoint": "--out",
}  # fmt: skip


def _proposal(word, verb):
    """Return what may have been meant by an argument that the parser `verb` does not know, for the end of a sentence."""
    known = re.findall(r"--?[a-z][a-z-]*", verb.format_usage())
    meant = _ELSEWHERE.get(word.partition("=")[0])
    near = [meant] if meant and meant.split()[0] in known else difflib.get_close_matches(word, known, 1, 0.75)
    if near:
        return f"; did you mean {near[0]}?"
    if "--set" in known and word.startswith("--"):
        setting = word.partition("=")[0].lstrip("-").replace("-", "_")
        return f"; a setting is given as --set {SETTINGS.get(setting, setting)}=VALUE, and `tinygan list RECIPE` prints all"
    return ""


def _parsers():
    """Return the parser of the command line, and {verb: its parser}."""
    parser = argparse.ArgumentParser(
        prog="tinygan", description="Generative adversarial networks, hand-written on NumPy."
    )
    parser.add_argument("--version", action="version", version=f"tinygan {__version__}")
    parser.set_defaults(command=lambda options: parser.print_help())
    verbs = parser.add_subparsers(metavar="COMMAND", dest="verb")
    on_device = argparse.ArgumentParser(add_help=False)  # for every verb that opens a game
    on_device.add_argument("--device", help="cpu or cuda (default: TINYGAN_DEVICE, or cpu)")

    p = verbs.add_parser("train", parents=[on_device], help="train a recipe: tinygan train digits")
    p.set_defaults(command=commands.train)
    p.add_argument("recipe", metavar="RECIPE", nargs="?", help="a name that `tinygan list` prints")
    p.add_argument("--steps", type=int, help="training steps (default: the recipe's)")
    p.add_argument("--seed", type=int, help="all chance is a function of it (default 0)")
    p.add_argument("--out", metavar="RUN", help="folder of the run (default: runs/RECIPE)")
    p.add_argument("--data", metavar="PATH", help="train on data of your own, for recipes that have a setting `data`")
    p.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting; `tinygan list RECIPE` prints all"
    )
    p.add_argument("--resume", action="store_true", help="go on with the run in --out from its last good checkpoint")
    p.add_argument(
        "--on-nan", choices=("stop", "rewind"),
        help="at values that are no longer finite: stop (default), or go back to the last good checkpoint at half the"
        " learning rate",
    )  # fmt: skip
    p.add_argument("--tensorboard", action="store_true", help="the log in RUN/tensorboard too; needs tensorboardX")
    p.add_argument(
        "--live", action="store_true", help="a page with curves and samples as they are written; its address is printed"
    )

    p = verbs.add_parser("sample", parents=[on_device], help="draw samples from a trained run")
    p.set_defaults(command=commands.sample)
    p.add_argument("run", metavar="RUN", help="the folder of a run")
    p.add_argument("-n", type=int, default=100, help="how many (default 100)")
    p.add_argument("--seed", type=int, default=0, help="other seeds give other samples (default 0)")
    p.add_argument(
        "--truncation", type=float, metavar="T",
        help="draw normal noise beyond ±T again: surer and less diverse samples, for T of 1 or so",
    )  # fmt: skip
    p.add_argument(
        "--temperature", type=float, metavar="T",
        help="of text: logits are divided by it; below 1 surer, above 1 more varied (default: the run's own)",
    )  # fmt: skip
    p.add_argument("--class", dest="of_class", metavar="K", help="only of this class, by name or number")
    p.add_argument("--out", metavar="FILE", help="a .npy array, or what the recipe writes, mostly .png")

    p = verbs.add_parser(
        "apply", parents=[on_device], help="use a trained run on a sentence or a file: tinygan apply RUN photo.jpg"
    )
    p.set_defaults(command=commands.apply)
    p.add_argument("run", metavar="RUN", help="the folder of a run")
    p.add_argument(
        "input", metavar="INPUT", nargs="+", help="a line of text, in quotes, or the path of a file, as the recipe takes it"
    )
    p.add_argument("--out", metavar="PATH", help="where the answer goes (default: printed if text, else RUN/applied)")
    p.add_argument("--seed", type=int, default=0, help="other seeds give other answers, where there is chance (default 0)")

    p = verbs.add_parser("chat", parents=[on_device], help="talk with a trained dialogue")
    p.set_defaults(command=commands.chat)
    p.add_argument("run", metavar="RUN", help="the folder of a run of `dialogue`")
    p.add_argument("--seed", type=int, default=0, help="other seeds give other replies (default 0)")

    p = verbs.add_parser("evaluate", parents=[on_device], help="score a trained run")
    p.set_defaults(command=commands.evaluate)
    p.add_argument("run", metavar="RUN", help="the folder of a run")
    p.add_argument("-n", type=int, help="how many samples (default: what the recipe's scores are defined on)")
    p.add_argument("--seed", type=int, default=0, help="seed of the samples (default 0)")

    p = verbs.add_parser(
        "plot", parents=[on_device], help="draw a run's curves, its samples over time, what lies between them"
    )
    p.set_defaults(command=commands.plot)
    p.add_argument("run", metavar="RUN", help="the folder of a run, finished or not")

    p = verbs.add_parser("list", help="the recipes, or the settings of one")
    p.set_defaults(command=commands.list_recipes)
    p.add_argument("recipe", metavar="RECIPE", nargs="?", help="print its settings: defaults, meanings, choices")

    p = verbs.add_parser("lab", help="the playground in a browser; or the page of a run: tinygan lab RUN")
    p.set_defaults(command=commands.lab)
    p.add_argument("run", metavar="RUN", nargs="?", help="the folder of a run, finished or not: its curves and samples")
    p.add_argument("--port", type=int, default=0, help="of the page's address (default: a free one)")
    p.add_argument("--no-browser", action="store_true", help="print the address and open nothing")

    p = verbs.add_parser("gradcheck", help="run a file and check its gradients: tinygan gradcheck FILE.py:NAME")
    p.set_defaults(command=commands.check_gradients)
    p.add_argument("target", metavar="FILE.py:NAME", help="what to check, in a file, which is run")

    p = verbs.add_parser("grade", help="grade what students handed in: tinygan grade submitted/")
    p.set_defaults(command=commands.grade)
    p.add_argument(
        "target", metavar="FILE_OR_FOLDER",
        help="a notebook or .py file, a folder of them (STUDENT_ps1.ipynb), or nbgrader's folder `submitted`",
    )  # fmt: skip
    p.add_argument("--assignment", metavar="psN", help="only this one; or the source of your own, ps9_name.py")
    p.add_argument("--out", metavar="DIR", default="grades", help="where grades.csv and feedback/ go (default: grades)")
    p.add_argument("--seconds", type=float, default=10, help="processor time for each cell (default 10)")
    p.add_argument("--memory", type=float, default=2, metavar="GB", help="for each submission (default 2)")
    p.add_argument("--jobs", type=int, metavar="N", help="submissions at a time (default: one for each core)")

    p = verbs.add_parser(
        "lessons", help="copy the course's notebooks out and open them in JupyterLab",
        epilog="What else stands on the line goes to JupyterLab: --no-browser, --allow-root, --port 9999 ...",
    )  # fmt: skip
    p.set_defaults(command=commands.lessons)
    p.add_argument("folder", metavar="DIR", nargs="?", default="my-lessons", help="where to (default: my-lessons)")

    p = verbs.add_parser("doctor", help="what is installed, what is missing, how fast this machine is")
    p.set_defaults(command=commands.doctor)
    return parser, verbs.choices
