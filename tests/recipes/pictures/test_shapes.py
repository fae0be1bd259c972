"""The recipe `shapes`: where the wish for few active features leads, and what is drawn of attention."""

import numpy as np
from small_runs import hold, small_game

from tinygan.gan.latent import draw_each, sparse_code
from tinygan.recipes.pictures import shapes


def concentration(game):
    """E |h| / √E h² of the smallest layer's features, for the same z before and after a step."""
    z = draw_each(game.spaces, np.random.default_rng(0), 32)
    game.G.module(*game.to_tensors(z))
    h = sparse_code(game.G.module).data
    return abs(h).mean() / np.sqrt((h**2).mean())


def test_the_sparser_the_features_the_better_for_g():
    """Steps with a heavy weight concentrate the features on few, those with the opposite sign spread them."""
    ends = {}
    for sign in (1, -1):
        game = small_game("shapes", features_are="sparse", sparsity=50.0, g_channels=8, steps=400)
        game.settings.sparsity *= sign
        hold(game.D)
        before = concentration(game)
        for k in range(20):
            row = game.step(k)
        ends[sign] = concentration(game) - before
        assert 0 < row["active_share"] < 1
    assert ends[1] < -0.01 < 0.01 < ends[-1]


def test_free_features_cost_nothing():
    game = small_game("shapes")
    assert game.g_extra() == (0.0, {}) and not hasattr(game.settings, "sparsity")


def test_maps_of_attention_are_drawn_beside_the_samples(tmp_path):
    from PIL import Image

    with_maps, without = (small_game("shapes", attention=players) for players in ("g", "none"))
    x = shapes.attention_maps(with_maps, 5)
    assert x.shape == (20, 3, 32, 32) and np.abs(x).max() <= 1
    widths = []
    for game in (with_maps, without):
        shapes.draw(game, game.sample(16, 0), tmp_path / "x.png")
        with Image.open(tmp_path / "x.png") as drawn:
            widths.append(drawn.size[0])
    assert widths[0] > widths[1]


def test_a_map_is_bright_where_the_place_looks(monkeypatch):
    """Attention that looks at place 9 alone: of the picture's 64 squares, that one is left, with the dot elsewhere."""
    game = small_game("shapes", attention="g")
    look = np.zeros((1, 64, 64), "float32")
    look[:, :, 9] = 1

    class Maps:
        def numpy(self):
            return look

    monkeypatch.setattr(game.G.average.module, "attend", lambda *z: Maps())
    monkeypatch.setattr(game, "paint", lambda z, given: np.full((1, 3, 32, 32), 0.9, "float32"))
    shown = shapes.attention_maps(game, 1)
    bright = (shown[1] > 0.8).all(0)
    assert bright[4:8, 4:8].all() and bright.sum() == 16


def test_pictures_are_emblems():
    game = small_game("shapes")
    x = game.batch(0).x
    assert x.shape == (8, 3, 32, 32) and x.min() >= -1 and x.max() <= 1
    assert len({picture.tobytes() for k in range(20) for picture in game.batch(k).x}) == 40
