"""Settings that do not fit the data are refused with a remedy, and the remedy works."""

import re

import numpy as np
import pytest
from small_runs import SMALL, small_game

from tinygan import recipes
from tinygan.data import Loader, gather_notes, made_chorales
from tinygan.gan.classes import ClassLoader
from tinygan.recipes.sound import _pieces

REFUSED = {  # (recipe, settings): what is said; the settings that it names are taken then
    "more pictures than there are": ("digits", {"batch_size": 2000}, "take batch_size=1797 or less"),
    "more bands than waves": ("sines", {"bands": 20_000}, "take bands=14000 or fewer"),
    "more of each class than there are": ("sines", {"bands": 7, "batch_size": 14_700}, "take batch_size=14000 or less"),
    "longer than every piece": ("chorales", {"length": 10_000}, "take --set length=48 or less"),
    "more pieces than there are": ("chorales", {"length": 48, "batch_size": 50}, "--set batch_size=6$"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_names_a_remedy_that_the_reader_can_carry_out(case, tmp_path, monkeypatch, request):
    name, settings, says = REFUSED[case]
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    if name == "chorales":
        monkeypatch.setattr(_pieces, "made_chorales", lambda n, seed: made_chorales(6, bars=3, seed=seed))
        _pieces.pieces.cache_clear()
        request.addfinalizer(_pieces.pieces.cache_clear)
    with pytest.raises(ValueError, match=says) as error:
        small_game(name, **settings).batch(0)
    assert "drop_last" not in str(error.value)
    ((setting, value),) = re.findall(r"(\w+)=(\d+)", re.search(says.rstrip("$"), str(error.value))[0])
    if name != "sines" or setting == "batch_size":
        small_game(name, **{**settings, setting: int(value)}).batch(0)


def test_loaders_name_what_they_hold():
    with pytest.raises(ValueError, match="batch_size 5 exceeds the 3 rows, .* take batch_size=3 or less"):
        Loader(np.zeros(3), batch_size=5)
    with pytest.raises(ValueError, match="2 classes in turn need 3 .* and one has 2; take batch_size=4 or less"):
        ClassLoader([np.zeros(2), np.zeros(9)], 5, 0)


@pytest.mark.parametrize("name", ["ring", "digits", "sines", "stock", "chorales", "names", "captions", "oracle", "dialogue"])
def test_every_recipe_says_what_it_read(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    if name == "oracle":
        recipes.load(name).oracle_of.cache_clear()
    with gather_notes() as notes:
        small_game(name, **({"way": "mle"} if "embedding" in SMALL[name] and name != "dialogue" else {}))
    assert any(re.search(r"\d (rows|points|handwritten|waves|pieces|lines|sentences|pairs)", note) for note in notes)
