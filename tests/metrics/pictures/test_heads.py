"""The heads that read figures: what they are asked, how they learn, and what is scored by them."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data.sprites import VALUES, Figure, Sprites
from tinygan.metrics.pictures import classifier, heads

MAN = Figure("man", "green", "long", "pink", "brown shirt", "silver greaves", "golden boots", "walk", "left", 3)


@pytest.fixture
def world(sheets, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(heads, "TRAINING", {"steps": 2, "batch_size": 4})
    monkeypatch.setattr(classifier, "_loaded", {})
    return Sprites()


def saying(world, monkeypatch, **values):
    """Let the heads read these values in every picture, and the first one elsewhere."""
    read = {name: np.eye(len(known))[known.index(values.get(name, known[0]))] for name, known in heads.HEADS.items()}
    fixed = type("Fixed", (), {"read": lambda self, x: {name: np.tile(p, (len(x), 1)) for name, p in read.items()}})
    monkeypatch.setattr(heads, "sprite_heads", fixed)


def test_each_head_has_its_values(world):
    network = heads.Heads(0)
    read = network.read(world.draw(world.scenes("train", 7, stream(0, "scenes"))))
    assert {name: p.shape for name, p in read.items()} == {name: (7, len(v)) for name, v in heads.HEADS.items()}
    assert list(read) == [name for name in VALUES if name != "step"]
    np.testing.assert_allclose(read["top"].sum(1), 1, rtol=1e-5)
    assert network.read(np.zeros((0, 3, 32, 32)))["top"].shape == (0, 8)
    with pytest.raises(ValueError, match="these heads read"):
        network.read(np.zeros((2, 1, 32, 32)))


def test_they_are_trained_once_and_others_for_other_sheets(world, tmp_path, monkeypatch):
    trained = []
    real = heads.train_heads
    monkeypatch.setattr(heads, "train_heads", lambda *a, **k: trained.append(1) or real(*a, **k))
    first = heads.sprite_heads().state_dict()
    classifier._loaded.clear()
    second = heads.sprite_heads().state_dict()
    assert len(trained) == 1 and all(np.array_equal(first[k], second[k]) for k in first)
    world.layers["top"] = world.layers["top"] ^ 1
    monkeypatch.setattr(heads, "Sprites", lambda: world)
    heads.sprite_heads()
    assert len(trained) == 2 and len(list(tmp_path.iterdir())) == 2


def test_they_learn_from_figures_that_nobody_else_sees(world, monkeypatch):
    seen = []
    scenes = world.scenes
    monkeypatch.setattr(world, "scenes", lambda part, n, rng: seen.append(part) or scenes(part, n, rng))
    heads.train_heads(world, steps=2, batch_size=4)
    assert seen == ["heads", "heads"]


def test_a_step_makes_each_head_surer(world, monkeypatch):
    """The loss has a term for each head: training on the same pictures, every head reads them better than before."""
    x = world.draw(scenes := world.scenes("heads", 64, stream(0, "figures", 0)))
    monkeypatch.setattr(heads, "choose_lessons", lambda *_: scenes)
    right = heads.targets(scenes)
    networks = (
        heads.train_heads(world, steps=2, learning_rate=0.0),
        heads.train_heads(world, steps=12, learning_rate=1e-3),
    )
    before, after = (network.read(x) for network in networks)
    weights = [network.state_dict() for network in networks]
    for k, name in enumerate(heads.HEADS):
        chosen = np.arange(64), right[:, k]
        assert np.log(after[name][chosen]).mean() > np.log(before[name][chosen]).mean(), name
        assert (weights[0][f"{name}.bias"] != weights[1][f"{name}.bias"]).all(), name


def test_what_stands_is_neither_cast_nor_slash():
    action = list(VALUES).index("action")
    claims = [MAN._replace(action=a, step=k) for a in VALUES["action"] for k in (1, 2, None)]
    names = [heads.HEADS["action"][i] for i in heads.targets(claims)[:, action]]
    assert names == ["walk"] * 3 + ["stand", "cast", "cast"] + ["stand", "slash", "slash"]
    assert (heads.targets([Figure()]) == -1).all()


def test_claims_alone_count(world, monkeypatch):
    saying(world, monkeypatch, **MAN._replace(action="stand")._asdict())
    pictures = np.zeros((5, 3, 32, 32), np.float32)
    cast = Figure(top="brown shirt", action="cast")
    found = heads.agree(pictures, [MAN, cast, Figure("woman", action="slash", step=2), Figure(), cast._replace(step=1)])
    assert found["top"].tolist() == [True, True, None, None, True]
    assert found["sex"].tolist() == [True, None, False, None, None]
    assert found["action"].tolist() == [False, True, False, None, True], "a cast may stand, but not in its second step"
    assert found["whole"].tolist() == [False, True, False, True, True]


def test_nine_classes_of_clips(world, monkeypatch):
    clips = np.zeros((18, 8, 3, 32, 32), np.float32)
    saying(world, monkeypatch, action="cast", direction="left")
    found = heads.nine_classes(clips)
    assert found["inception_score"] == pytest.approx(1) and found["inter_entropy"] == pytest.approx(0, abs=1e-6)
    kinds = [(a, d) for a in range(3) for d in range(1, 4)] * 2

    class Even:
        def read(self, x):
            of_frame = np.repeat(np.arange(18), 8)
            return {
                "action": np.eye(4)[[3 if k % 8 == 0 and kinds[c][0] else kinds[c][0] for k, c in enumerate(of_frame)]],
                "direction": np.eye(4)[[kinds[c][1] for c in of_frame]],
            }

    monkeypatch.setattr(heads, "sprite_heads", Even)
    found = heads.nine_classes(clips)
    assert found["inception_score"] == pytest.approx(9, rel=1e-3)
    assert found["intra_entropy"] == pytest.approx(0, abs=1e-3)
    assert found["inter_entropy"] == pytest.approx(np.log(9), abs=1e-3)
