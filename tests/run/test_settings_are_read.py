"""Every setting that exists is read: whatever is chosen, each recipe makes a game, plays, samples and draws, and is watched.

Settings are objects whose attribute reads are written down. What the checks at their making read does not count.
"""

from dataclasses import dataclass, fields

import pytest
from small_runs import little_data

from tinygan import recipes
from tinygan.run.settings import setting

# `processes` is read by `RunSettings.shares`, which says to each process which part of the batch is its own
ELSEWHERE = {"processes"}
SMALL = {
    "steps": 3, "batch_size": 4, "hidden": 4, "features": 4, "g_channels": 2, "d_channels": 2, "channels": 2, "noise": 3,
    "row_noise": 2, "step_noise": 2, "judge_hidden": 3, "width": 3, "layers": 2, "pretrain": 1, "d_pretrain": 0, "length": 8,
    "embedding": 4, "rollouts": 1, "codes": 2, "vocabulary": 20, "sentences": 30, "packing": 2,
    "penalty_every": 1, "rarest": 1, "imitation": 0.0, "pictures": 64, "pixel_phase": 0.4, "crop": 8, "blocks": 1,
}  # fmt: skip
OF_ITS_OWN = {"oracle": {"tokens": 6}, "shapes": {"noise": 4}}


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory):
    """A few made samples of every kind."""
    with little_data(tmp_path_factory.mktemp("data")) as folder:
        yield folder


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
def test_a_setting_that_nothing_reads_is_found(name, monkeypatch, data, tmp_path):
    recipe = recipes.load(name)

    @dataclass
    class Vain(recipe.Settings):
        """Settings of a recipe, and one more."""

        vain: int = setting(1, "Nobody reads it.", 1)

    monkeypatch.setattr(recipe, "Settings", Vain)
    lines = {"data": str(data / "lines.txt")} if name in ("names", "captions") else {}
    assert unread(name, lines, tmp_path) == {"vain"}


OF_A_READER = {
    "mnist": "pictures.npy", "wgan-gp": "pictures.npy", "cgan": "classes", "names": "lines.txt", "captions": "lines.txt",
}  # fmt: skip


@pytest.mark.parametrize("name", recipes.names())
def test_every_setting_that_exists_is_read(name, data, tmp_path):
    kind = recipes.load(name).Settings
    asked = list(choices(kind))
    if name in OF_A_READER:
        own = {"data": str(data / OF_A_READER[name])}
        asked = [*(asked if OF_A_READER[name] != "lines.txt" else []), *choices(kind, own)]
    found = {}
    for values in asked:
        s = settings_of(name, values)
        if getattr(s, "objective", "") == "wasserstein" and getattr(s, "penalty", "none") == "none":
            values = {**values, "clip_weights": 0.01}
        found[str(values)] = unread(name, values, tmp_path)
    assert {values: names for values, names in found.items() if names} == {}
    assert len(found) > 2
