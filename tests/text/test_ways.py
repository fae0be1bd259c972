"""Every way of learning to write, in every recipe of text: it learns, resumes bit for bit, refuses what it would not read."""

import numpy as np
import pytest
from small_runs import WAYS, small_game

from tinygan import recipes


@pytest.fixture(autouse=True)
def no_data(tmp_path, monkeypatch):
    """No data folder: what is made here has to do."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "nothing"))


def game_of(name, way, **settings):
    return small_game(name, way=way, **{"steps": 8, **WAYS[way], **settings})


def state(game):
    return {f"{part}.{k}": np.array(a) for part, owner in game.parts().items() for k, a in owner.state_dict().items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["names", "captions", "oracle"])
def test_every_way_learns_and_resumes_bit_for_bit(name, way):
    recipe = recipes.load(name)
    unbroken = game_of(name, way)
    for step in range(5):
        rows = unbroken.step(step)
    middle = state(unbroken)
    for step in range(5, 8):
        rows = unbroken.step(step)
    assert all(np.isfinite(v) for v in rows.values())
    after = state(unbroken)
    for player in unbroken.players:  # each of them has moved, but for the imitator, whose time is over
        moved = any(np.abs(after[k] - middle[k]).max() for k in middle if k.startswith(f"{player}_optimizer."))
        assert moved == (player != "imitator")
    resumed = game_of(name, way)
    for part, owner in resumed.parts().items():
        owner.load_state_dict({k.removeprefix(part + "."): a for k, a in middle.items() if k.startswith(part + ".")})
    for step in range(5, 8):
        again = resumed.step(step)
    assert again == rows
    for k, a in after.items():
        np.testing.assert_array_equal(state(resumed)[k], a)
    samples = unbroken.sample(12, 0)
    assert samples.shape == (12, unbroken.length) and samples.dtype.kind == "i"
    np.testing.assert_array_equal(samples, resumed.sample(12, 0))
    if way in ("mle", "gumbel"):
        assert all(np.isfinite(v) for v in recipe.evaluate(unbroken, samples).values())


@pytest.mark.parametrize("way, settings", [("policy", WAYS["policy"]), ("gumbel", {"pretrain": 2}), ("infill", {})])
def test_players_are_as_large_as_the_settings_say(way, settings):
    game = game_of("names", way, **settings, embedding=6, hidden=10)
    letters = len(game.saved["tokens"])
    writer = game.G.module if way != "infill" else game.G.module.writer
    assert writer.embedding.weight.shape == (letters, 6) and writer.head.weight.shape == (letters, 10)
    assert game.D.module.parameters()[0].shape == (letters, 6 if way == "infill" else 12)
    if way == "policy":
        assert [c.weight.shape[::2] for c in game.D.module.convolutions] == [(100, 2), (200, 3)]
    first, again, other = (
        game_of("names", way, **settings, embedding=6, hidden=10, seed=seed).G.module.parameters()[0].data
        for seed in (0, 0, 1)
    )
    assert (first == again).all() and (first != other).any()


def test_what_is_read_of_the_settings_beside_sizes():
    """D's dropout and weights are its own; z of the sentence VAE has the size that is set."""
    for way in ("policy", "gumbel"):
        game = game_of("names", way, d_dropout=0.4, dropout=0.2)
        assert game.D.module.dropout.p == 0.4 and game.G.module.dropout.p == 0.2
        game = game_of("names", way, hidden=8, embedding=4)
        g, d = game.G.module.embedding.weight.data, game.D.module.embedding.weight.data
        assert (g.ravel() != d.ravel()[: g.size]).any()
    assert game_of("names", "vae", latent=5, dropout=0.2).G.module.mean.weight.shape == (5, 8)
    assert game_of("names", "infill", dropout=0.2).G.module.writer.dropout.p == 0.2


@pytest.mark.parametrize(
    "way, setting, value, reason",
    [
        ("gumbel", "instance_noise", 0.1, "no such setting"),
        ("gumbel", "augment", "color", "no such setting"),
        ("gumbel", "smoothing", 0.1, "with objective=minimax or "),
        ("policy", "smoothing", 0.1, "with objective=minimax or "),
        ("policy", "objective", "hinge", "with way=gumbel it would"),
        ("policy", "latent", 3, "with way=vae it would"),
        ("infill", "n_critic", 2, "with way=policy or way=gumbel it would"),
        ("infill", "d_dropout", 0.1, "with way=policy or way=gumbel it would"),
        ("mle", "clip_weights", 0.01, "with way=gumbel it would"),
        ("mle", "pretrain", 3, "with way=policy or way=gumbel or way=infill it would"),
        ("vae", "pretrain", 3, "with way=policy or way=gumbel or way=infill it would"),
        ("mle", "whole", 0.5, "with way=infill it would"),
    ],
)
def test_what_a_step_would_not_read_is_refused(way, setting, value, reason):
    with pytest.raises(ValueError, match=f"^{setting}={value!r}: .*{reason}"):
        recipes.load("names").Settings(way=way, **{setting: value})


def test_control_has_no_judge():
    game = game_of("oracle", "policy", pretrain=2, rollouts=2, d_pretrain=1)
    assert set(game.players) == {"generator", "discriminator", "imitator"}
    with pytest.raises(ValueError, match="rollouts=2: .* with reward=judge it would"):
        recipes.load("oracle").Settings(way="policy", reward="constant", rollouts=2)
    control = small_game("oracle", way="policy", reward="constant", steps=8, pretrain=2, d_pretrain=1)
    assert set(control.players) == {"generator", "imitator"}


def test_a_game_without_steps_is_refused():
    with pytest.raises(ValueError, match="steps=2: none is left for G in the game, which it begins after step 3"):
        game_of("names", "policy", steps=2)
    with pytest.raises(ValueError, match="steps=8: none is left for G in the game, which it begins after step 8"):
        game_of("names", "infill", d_pretrain=6)
    game_of("names", "infill", d_pretrain=5)  # one is left
