"""One file a system, readable top to bottom: its settings, data, networks, and what it is measured by.

A recipe has `Settings`, `make_game(settings)`, `draw(samples, path)` and `evaluate(samples)`; `digits.py` is the first.
"""

import importlib
import pkgutil


def names():
    """The names of all recipes, as the command line spells them."""
    return [
        module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")
    ]


def load(name):
    """The module of a recipe by its name; KeyError if there is none."""
    if name not in names():
        raise KeyError(name)
    return importlib.import_module(f"tinygan.recipes.{name.replace('-', '_')}")
