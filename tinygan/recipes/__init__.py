"""One file a system, readable top to bottom: its settings, data, networks, and what it is measured by.

A recipe has

    Settings                        a dataclass; with a field `data`, it can be trained on a reader's own, --data PATH
    make_game(settings, device)     the game; if that has `kept`, what its data taught, kept=... when a run is opened again
    draw(game, samples, path)       a picture of samples, or
    FORMATS                         {".txt": write, ".png": draw}: the first is what training writes, all are for `sample`
    evaluate(game, samples)         its scores by name, on EVALUATED_SAMPLES samples

`digits.py` is the one to read first.
"""

import importlib
import pkgutil


def listed():
    """The names of all recipes, as the command line spells them."""
    return [
        module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")
    ]


def load(name):
    """The module of a recipe by its name; KeyError if there is none."""
    if name not in listed():
        raise KeyError(name)
    return importlib.import_module(f"tinygan.recipes.{name.replace('-', '_')}")


def formats(recipe):
    """How samples of a recipe are written: {suffix: function (game, samples, path)}, the first for training."""
    return getattr(recipe, "FORMATS", None) or {".png": recipe.draw}
