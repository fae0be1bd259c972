"""Every setting that exists is read: whatever is chosen, each recipe makes a game, plays, samples and draws, and is watched.

Settings are objects whose attribute reads are written down. What the checks at their making read does not count.
"""

import gzip
import struct
from dataclasses import dataclass, fields

import numpy as np
import pytest

from tinygan import recipes
from tinygan.backend import stream
from tinygan.data import made_chorales, made_names, made_prices
from tinygan.run.settings import setting

# `processes` is read by `RunSettings.shares`, which says to each process which part of the batch is its own
ELSEWHERE = {"processes"}
SMALL = {
    "steps": 3, "batch_size": 4, "hidden": 4, "features": 4, "g_channels": 2, "d_channels": 2, "channels": 2, "noise": 3,
    "row_noise": 2, "step_noise": 2, "judge_hidden": 3, "width": 3, "layers": 2, "pretrain": 1, "d_pretrain": 0, "length": 8,
    "embedding": 4, "rollouts": 1, "codes": 2, "vocabulary": 20, "sentences": 30, "packing": 2,
    "penalty_every": 1, "rarest": 1, "imitation": 0.0,
}  # fmt: skip
OF_ITS_OWN = {"oracle": {"tokens": 6}, "wgan-gp": {"n_critic": 1}}


@pytest.fixture(scope="module", autouse=True)
def little_data(tmp_path_factory):
    """A few made samples of every kind; pictures and lines as a reader would bring them."""
    data, patch = tmp_path_factory.mktemp("data"), pytest.MonkeyPatch()
    (data / "mnist").mkdir()
    for part in ("train", "t10k"):
        images = stream(0, part).integers(0, 256, (60, 28, 28), dtype=np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", (np.arange(60) % 10).astype(np.uint8))):
            content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
            (data / "mnist" / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    np.save(data / "pictures.npy", images[:, :8, :8])
    (data / "lines.txt").write_text("".join(name + "\n" for name in made_names(60, seed=0)))
    patch.setenv("TINYGAN_DATA", str(data))
    for name, value in (("stock", lambda: made_prices(60)), ("chorales", lambda n, seed=0: made_chorales(6, 3, seed=seed))):
        patch.setattr(recipes.load(name), {"stock": "made_prices", "chorales": "made_chorales"}[name], value)
    for known in (recipes.load("stock").table, recipes.load("chorales").pieces):
        known.cache_clear()
    yield data
    patch.undo()
    for known in (recipes.load("stock").table, recipes.load("chorales").pieces):
        known.cache_clear()


def choices(kind, values=None, known=()):
    """Every value of every choice of a recipe, what it brings included: the settings that make it, {name: value}."""
    values = values or {}
    found = kind.choose(values)
    yield values
    for f in fields(found):
        if f.name in known:
            continue
        usual = values.get(f.name, f.default)
        further = [value for value in f.metadata["choices"] or () if value != usual]
        if f.metadata["groups"] and not f.metadata["choices"] and f.type is int:
            further += [0 if usual else 2]
        for value in further:
            yield from choices(kind, {**values, f.name: value}, {f.name for f in fields(found)})


def observed(s, read):
    """The settings s, which from now on add to the set `read` the name of every field that is read."""
    kind, names = type(s), {f.name for f in fields(s)}

    def note(self, name):
        if name in names:
            read.add(name)
        return kind.__getattribute__(self, name)

    # a copy, which the average of a network that holds settings has, would read them all
    s.__class__ = type(kind.__name__, (kind,), {"__getattribute__": note, "__deepcopy__": lambda self, memo: self})
    return s


def settings_of(name, values):
    """Small settings of a recipe with these choices."""
    kind = recipes.load(name).Settings
    small = {**SMALL, **OF_ITS_OWN.get(name, {})}
    small_choices = {f.name: small[f.name] for f in fields(kind) if f.metadata["groups"] and f.name in small}
    there = {f.name for f in fields(kind.choose({**small_choices, **values})) if not f.metadata["choices"]}
    return kind(**{key: value for key, value in small.items() if key in there} | values)


def unread(name, values, folder):
    """The names of settings that nothing reads."""
    recipe, read = recipes.load(name), set()
    s = observed(settings_of(name, values), read)
    # what brings a group is read when settings are made: penalty=none leaves nothing to read
    names = {f.name for f in fields(s) if not f.metadata["groups"]} - ELSEWHERE
    game = recipe.make_game(s)
    for k in range(2):  # one of imitation, one of the game, where there is imitation
        game.step(k)
    samples = game.sample(20, 0)
    if not names <= read:  # drawing takes long
        suffix, write = next(iter(recipes.formats(recipe).items()))
        write(game, samples, folder / f"drawn{suffix}")
    return names - read


@pytest.mark.parametrize("name", recipes.names())
def test_a_setting_that_nothing_reads_is_found(name, monkeypatch, little_data, tmp_path):
    recipe = recipes.load(name)

    @dataclass
    class Vain(recipe.Settings):
        """Settings of a recipe, and one more."""

        vain: int = setting(1, "Nobody reads it.", 1)

    monkeypatch.setattr(recipe, "Settings", Vain)
    lines = {"data": str(little_data / "lines.txt")} if name in ("names", "captions") else {}
    assert unread(name, lines, tmp_path) == {"vain"}


OF_A_READER = {"mnist": "pictures.npy", "wgan-gp": "pictures.npy", "names": "lines.txt", "captions": "lines.txt"}


@pytest.mark.parametrize("name", recipes.names())
def test_every_setting_that_exists_is_read(name, little_data, tmp_path):
    kind = recipes.load(name).Settings
    asked = list(choices(kind))
    if name in OF_A_READER:
        data = {"data": str(little_data / OF_A_READER[name])}
        asked = [*(asked if OF_A_READER[name] == "pictures.npy" else []), *choices(kind, data)]
    found = {}
    for values in asked:
        s = settings_of(name, values)
        if getattr(s, "objective", "") == "wasserstein" and getattr(s, "penalty", "none") == "none":
            values = {**values, "clip_weights": 0.01}
        found[str(values)] = unread(name, values, tmp_path)
    assert {values: names for values, names in found.items() if names} == {}
    assert len(found) > 2
