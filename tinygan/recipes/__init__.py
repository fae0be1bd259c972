"""One file a system, readable top to bottom: its settings, data, networks, and what it is measured by.

A recipe has

    Settings                              a dataclass; with a field `data`, it trains on a reader's own, --data PATH
    make_game(settings, device, saved)    the game; saved: `Game.saved` of a run that is opened again, or None
    draw(game, samples, path)             draws samples, or
    FORMATS                               {".txt": write, ".png": draw}: training writes the first, `sample` all
    evaluate(game, samples)               scores by name, of EVALUATED_SAMPLES samples

and may have

    SAVED                                 the schema of what its game saves, see `files.check`
    WATCHED                               names of scores that are cheap enough to be followed while it trains
    respond(game, given, rng)             the answer of a trained game to `given`, a line of text or the path of a file as
                                          it was written, for `tinygan apply`; DataError for what it cannot take
    INPUTS                                ("CLIP", "SENTENCE"): `respond` takes several, in a tuple
    ANSWERS                               {".png": write}: how an answer is written, write(answer, path). Without a path it
                                          gets the first ending; .txt is printed. A recipe without answers with a string
    example(game)                         what `respond` may be given; None if this run, by its settings, takes nothing
    CHATS = True                          `tinygan chat` may ask `respond` line by line

Recipes lie in folders by medium; their names are flat. `pictures/digits.py` is the one to read first. A file whose name
begins with _ has what several recipes share.
"""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from tinygan.files import written_whole


@cache
def _modules() -> dict[str, str]:
    """Return {name of a recipe, as the command line spells it: name of its module}, in alphabetical order."""
    names = [found.name for found in pkgutil.walk_packages(__path__, f"{__name__}.") if not found.ispkg]
    recipes = {name.rpartition(".")[2].replace("_", "-"): name for name in names if "._" not in name}
    return dict(sorted(recipes.items()))


def names() -> list[str]:
    """Return the names of all recipes, as the command line spells them."""
    return list(_modules())


def by_medium() -> dict[str, list[str]]:
    """Return {medium: names of its recipes}: points, pictures, translation, series, text, sound, video."""
    media: dict[str, list[str]] = {m: [] for m in ("points", "pictures", "translation", "series", "text", "sound", "video")}
    for name, module in _modules().items():
        media.setdefault(module.split(".")[-2], []).append(name)
    return media


def load(name: str) -> Any:
    """Return the module of a recipe by its name; KeyError if there is none."""
    return importlib.import_module(_modules()[name])


def watcher(recipe: ModuleType) -> Callable | None:
    """Return a function of the game, {name: score} of those that the recipe follows while it trains, or None."""
    names = getattr(recipe, "WATCHED", ())

    def scores(game):
        values = recipe.evaluate(game, game.sample(recipe.EVALUATED_SAMPLES, game.settings.seed))
        return {name: values[name] for name in names}

    return scores if names else None


def formats(recipe: Any) -> dict[str, Callable]:
    """Return how samples are written: {suffix: function (game, samples, path)}, the first for training."""
    return getattr(recipe, "FORMATS", None) or {".png": recipe.draw}


def responder(recipe: ModuleType) -> Callable | None:
    """Return `respond` of a recipe that has one, or None."""
    return getattr(recipe, "respond", None)


def inputs(recipe: Any) -> tuple[str, ...]:
    """Return what `tinygan apply` takes with a recipe, a word each."""
    return getattr(recipe, "INPUTS", ("INPUT",))


def names_with_respond() -> list[str]:
    """Return the names of the recipes that answer to an input."""
    return [name for name in names() if responder(load(name))]


def answers(recipe: Any) -> dict[str, Callable]:
    """Return how answers are written: {suffix: function (answer, path)}, the first without a path."""
    return getattr(recipe, "ANSWERS", None) or {".txt": write_text}


def write_text(answer: str, path: Any) -> None:
    """Write an answer that is text, as UTF-8."""
    with written_whole(path) as temporary:
        temporary.write_text(f"{answer}\n", "utf-8")


def example(recipe: Any, game: Any) -> str | tuple[str, ...] | None:
    """Return what `tinygan apply` can be given with this game, one input or several; None if it takes nothing."""
    if responder(recipe) is None:
        return None
    return recipe.example(game) if hasattr(recipe, "example") else "INPUT"


def may_chat(recipe: ModuleType) -> bool:
    """Return whether `tinygan chat` may ask `respond` line by line."""
    return getattr(recipe, "CHATS", False)
