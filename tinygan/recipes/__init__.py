"""One file a system, readable top to bottom: its settings, data, networks, and what it is measured by.

A recipe has

    Settings                        a dataclass; with a field `data`, it can be trained on a reader's own, --data PATH
    make_game(settings, device)     the game; if that has `kept`, what its data taught, kept=... when a run is opened again
    draw(game, samples, path)       a picture of samples, or
    FORMATS                         {".txt": write, ".png": draw}: the first is what training writes, all are for `sample`
    evaluate(game, samples)         its scores by name, on EVALUATED_SAMPLES samples
    WATCHED                         names of scores that are cheap enough to be followed while it trains; may be left out

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


def watched(recipe):
    """A function of the game, {name: score} of those that the recipe would have followed while it trains, or None."""
    names = getattr(recipe, "WATCHED", ())

    def scores(game):
        found = recipe.evaluate(game, game.sample(recipe.EVALUATED_SAMPLES, game.settings.seed))
        return {name: found[name] for name in names}

    return scores if names else None


def formats(recipe):
    """How samples of a recipe are written: {suffix: function (game, samples, path)}, the first for training."""
    return getattr(recipe, "FORMATS", None) or {".png": recipe.draw}
