"""Figures of layers: how they are put together, which are kept apart, what is said of them and read back."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tinygan.backend import stream
from tinygan.data import DataError, find_file, words
from tinygan.data.sprites import COUNTS, PARTS, VALUES, Figure, Sprites, _parts, indices, read, say

MAN = Figure("man", "green", "long", "pink", "brown shirt", "silver greaves", "golden boots", "walk", "left", 3)


@pytest.fixture
def copied(sheets, tmp_path, monkeypatch):
    """A folder of sheets that a test may spoil."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    return shutil.copytree(sheets / "sprites", tmp_path / "sprites")


@pytest.fixture
def world(sheets, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    return Sprites()


@pytest.fixture
def real():
    try:
        find_file("sprites/body-male-green.png")
    except DataError as error:
        pytest.skip(str(error))
    return Sprites()


def sheet(folder, name):
    """A sheet as Pillow reads it: (12, 8, 32, 32, 4) in [0, 1]."""
    values = np.asarray(Image.open(folder / name), np.float64) / 255
    return values.reshape(12, 32, 8, 32, 4).transpose(0, 2, 1, 3, 4)


def test_there_are_so_many_figures():
    assert np.prod(COUNTS) == 92160
    numbers = np.concatenate([_parts()[part] for part in PARTS])
    assert sorted(numbers) == list(range(92160)), "each figure is in one part"


def test_layers_lie_over_one_another(real):
    folder = find_file("sprites/body-male-green.png").parent
    pose, step = VALUES["action"].index("walk") * 4 + VALUES["direction"].index("left"), 2
    expected = np.full((32, 32, 3), (0.82, 0.86, 0.90))
    for name in ("body-male-green", "feet-male-boots-gold", "legs-male-greaves-silver", "top-male-shirt-brown",
                 "hair-male-long-pink"):  # fmt: skip
        layer = sheet(folder, f"{name}.png")[pose, step]
        expected = layer[..., 3:] * layer[..., :3] + (1 - layer[..., 3:]) * expected
    picture = real.draw([MAN])
    assert picture.shape == (1, 3, 32, 32) and picture.dtype == np.float32
    np.testing.assert_allclose(picture[0], 2 * expected.transpose(2, 0, 1) - 1, atol=1e-5)


def test_every_attribute_changes_the_picture(world):
    for name, values in VALUES.items():
        pictures = world.draw([MAN._replace(**{name: value}) for value in values])
        assert len({picture.tobytes() for picture in pictures}) == len(values) or name in ("action", "direction"), name


def test_held_out_pairs_are_in_no_other_part_but_the_checkers(world):
    rng = stream(0, "scenes")
    pairs = {part: {(f.colour, f.top) for f in world.scenes(part, 3000, rng)} for part in PARTS}
    assert len(pairs["held_out"]) == 8 and len({c for c, _ in pairs["held_out"]}) == 8
    assert not pairs["held_out"] & (pairs["train"] | pairs["unseen"])
    assert pairs["train"] == pairs["unseen"] and len(pairs["train"]) == 56 and len(pairs["heads"]) == 64
    figures = {part: {f[:7] for f in world.scenes(part, 20000, rng)} for part in PARTS}
    for part in PARTS:
        assert all(not figures[part] & figures[other] for other in PARTS if other != part)


def test_scenes_depend_on_the_stream_and_have_every_pose(world):
    a, b, c = (world.scenes("train", 2000, stream(seed, "scenes")) for seed in (0, 0, 1))
    assert a == b != c
    assert {f[7:] for f in a} == {(x, y, z) for x in VALUES["action"] for y in VALUES["direction"] for z in range(1, 9)}
    with pytest.raises(ValueError, match="no part 'test'"):
        world.scenes("test", 1, stream(0, "scenes"))


def test_a_step_that_is_not_said_is_drawn(world):
    scenes = [MAN._replace(step=None)] * 100
    drawn = {picture.tobytes() for picture in world.draw(scenes, stream(0, "steps"))}
    assert drawn == {picture.tobytes() for picture in world.draw([MAN._replace(step=k) for k in VALUES["step"]])}
    for unsaid in ("top", "step"):
        with pytest.raises(ValueError, match="all of a figure"):
            world.draw([MAN._replace(**{unsaid: None})])


def test_regions_are_the_uppermost_layers(real):
    regions = real.regions([MAN, MAN._replace(colour="blue", top="red shirt")])
    assert regions.shape == (2, 32, 32) and set(np.unique(regions)) == set(range(6))
    assert (regions[0] == regions[1]).all(), "colours change nothing"
    pictures = real.draw([MAN, MAN._replace(colour="blue")])
    changed = (abs(pictures[0] - pictures[1]) > 0.2).any(0)
    assert set(regions[0][changed]) == {5} and changed.sum() > 20
    assert (regions[0] == 0).mean() > 0.5


# --- sentences -----------------------------------------------------------------------------------------------------


def test_what_is_said_is_read_back(world):
    rng = stream(0, "say")
    scenes = world.scenes("train", 2000, rng)
    lines = [say(scene, rng) for scene in scenes]
    assert [read(line) for line in lines] == scenes
    assert {word for line in lines for word in words(line)} <= set(world.words)
    assert max(len(words(line)) for line in lines) == world.longest
    assert all(line == line.lower() for line in lines)
    assert len({say(MAN, rng) for _ in range(300)}) == 30, "five ways, clothes in any of six orders"
    assert [read(say(scene._replace(step=None), rng)).step for scene in scenes[:9]] == [None] * 9


def test_a_slip_tells_one_thing_otherwise_and_stays_among_the_figures_of_training(world):
    rng = stream(3, "slips")
    changed = []
    for figure in world.scenes("train", 800, rng):
        other = world.slip(figure, rng)
        (name,) = (name for name in VALUES if getattr(figure, name) != getattr(other, name))
        assert getattr(other, name) in VALUES[name]
        changed.append(name)
    assert set(changed) == set(VALUES)
    train = _parts()["train"]
    slipped = [world.slip(figure, rng) for figure in world.scenes("train", 300, rng)]
    assert np.isin(np.ravel_multi_index(indices(slipped)[:, :7].T, COUNTS), train).all()
    said = world.slip(Figure(sex="man", skin="green"), rng)  # a sentence may say a part
    assert said.hair is None and (said.sex, said.skin) != ("man", "green")


def test_the_sentence_of_the_docs(world):
    line = "a green man with long pink hair in a brown shirt, silver greaves and golden boots walks to the left"
    assert world.read(line) == MAN._replace(step=None)
    assert world.read(line.capitalize() + ", step 3.") == MAN


@pytest.mark.parametrize(
    ("line", "claims"),
    [
        ("a woman", {"sex": "woman"}),
        ("pink hair", {"colour": "pink"}),
        ("a man with a mohawk", {"sex": "man", "hair": "mohawk"}),
        ("pink short hair", {"colour": "pink", "hair": "short"}),
        ("slashes: up!", {"action": "slash", "direction": "up"}),
        ("slashes up", {"action": "slash", "direction": "up"}),
        ("a blond ponytail, green skin", {"hair": "ponytail", "colour": "blond", "skin": "green"}),
    ],
)
def test_a_sentence_may_say_a_part(line, claims):
    assert read(line) == Figure(**claims)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("a grene man", "'grene': did you mean green or "),
        ("a man with trowsers", "did you mean trousers"),
        ("a zzxq man", "'zzxq': a word that sprites do not know"),
        ("a shirt", "'shirt' alone: expected one of blue, brown, red, white before it"),
        ("pink boots", "'pink boots': expected one of golden, silver before 'boots'"),
        ("long round hair", "'long round hair': expected one of long, round, short and one of black, "),
        ("a green with hair", "'green' before 'with': green what"),
        ("a man in white", "'white' at the end: white what"),
        ("a man and a woman", "of the sex both man and woman"),
        ("a pink mohawk and green hair", "of the hair's colour both pink and green"),
        ("step 9", "'step 9': expected step 1 to step 8"),
        ("a man, step", "'step': expected step 1 to step 8"),
        ("", "says nothing of a figure"),
        ("and the, with", "says nothing of a figure"),
    ],
)
def test_what_makes_no_sense_is_refused(line, fault):
    with pytest.raises(DataError, match=re.escape(fault)) as caught:
        read(line)
    assert "A sentence is such as" in str(caught.value)


# --- sheets of strangers ------------------------------------------------------------------------------------------


def test_missing_sheets_are_named(copied, tmp_path, monkeypatch):
    (copied / "legs-male-greaves-gold.png").unlink()
    with pytest.raises(DataError, match=r"1 of the 142 sheets of sprites are missing: legs-male-greaves-gold.png; put"):
        Sprites()
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="all 142 sheets of sprites are missing, sprites/body-male-dark.png .* README"):
        Sprites()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (lambda path: Image.new("RGBA", (5000, 4000)).save(path), "5000x4000 pixels in RGBA: a sheet"),
        (lambda path: Image.new("RGB", (256, 384)).save(path), "256x384 pixels in RGB: a sheet"),
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "cannot be read as a sheet"),
        (lambda path: path.write_bytes(b"GIF89a"), "cannot be read as a sheet"),
        (lambda path: path.write_bytes(path.read_bytes() + bytes(1 << 20)), "larger than"),
        (lambda path: (path.unlink(), path.mkdir()), "not a regular file"),
    ],
)
def test_unfit_sheets_are_refused(copied, content, fault):
    content(copied / "hair-female-long-pink.png")
    with pytest.raises(DataError, match=f"hair-female-long-pink.png: .*{fault}"):
        Sprites()


def test_indices_are_places_of_values():
    row = indices([MAN, Figure()])
    assert [values[i] for values, i in zip(VALUES.values(), row[0])] == list(MAN)
    assert (row[1] == -1).all()
