"""Players who are told a sentence: strokes are laid where the painter says, in one colour; verdicts are what is written."""

import numpy as np
import pytest

from tinygan import Tensor, grad, ops
from tinygan.networks.told import (
    PATCH,
    SPOT,
    FigureJudge,
    FigurePainter,
    SceneJudge,
    ScenePainter,
    SceneSettings,
    TellingSettings,
    spread,
)  # fmt: skip
from tinygan.run.settings import defaults

ROWS = np.array([[3, 4, 1, 0, 0], [5, 3, 4, 4, 1], [6, 1, 0, 0, 0]])


@defaults(steps=1, batch_size=3)
class Settings(TellingSettings, SceneSettings):
    """Small players."""


S = Settings(noise=2, embedding=3, hidden=4, channels=3, features=5, strokes=3, painting=6)


def noise(player, seed=0, n=3):
    return Tensor(np.random.default_rng(seed).standard_normal((n, player.size)).astype("float32"))


@pytest.mark.parametrize("painter", [FigurePainter, ScenePainter])
def test_a_painter_makes_pictures_and_every_weight_learns(painter):
    g = painter(8, S, np.random.default_rng(0))
    x = g(noise(g), ROWS)
    assert x.shape == (3, 3, 32, 32) and (abs(x.data) <= 1).all()
    slopes = grad(ops.sum(x * Tensor(np.random.default_rng(1).standard_normal(x.shape).astype("f"))), g.parameters())
    still = [name for (name, _), slope in zip(g.named_parameters(), slopes) if not slope.any()]
    # batch norm takes away what is added to all of a channel
    assert all(name.endswith("bias") and ("form" in name or "draw" in name) for name in still), still


@pytest.mark.parametrize("judge", [FigureJudge, SceneJudge])
def test_a_judge_gives_verdicts_and_every_weight_learns(judge):
    d = judge(8, S, np.random.default_rng(0))
    x = np.random.default_rng(1).uniform(-1, 1, (3, 3, 32, 32)).astype("f")
    verdicts = d(Tensor(x), ROWS)
    assert verdicts.shape == (3, 1)
    assert all(slope.any() for slope in grad(ops.sum(verdicts * verdicts), d.parameters()))


def test_the_verdict_on_a_figure():
    """w·φ(x) + b + (Ws + c)·φ(x) / √F."""
    d = FigureJudge(8, S, np.random.default_rng(0))
    x = Tensor(np.random.default_rng(1).uniform(-1, 1, (3, 3, 32, 32)).astype("f"))
    features, whole = d.look(x).data, d.reader(ROWS).whole.data
    real = features @ d.real.weight.data.T + d.real.bias.data
    like = ((whole @ d.like.weight.data.T + d.like.bias.data) * features).sum(1, keepdims=True) / np.sqrt(5)
    np.testing.assert_allclose(d(x, ROWS).data, real + like, rtol=1e-4, atol=1e-6)


# --- strokes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("centre", [16.0, 3.3, 31.9, -2.25])
def test_lines_of_a_stroke_fall_on_the_two_lines_that_are_nearest(centre):
    """Line a of a stroke lies at centre + a - 7.5; a line of the picture, whose middle is i + .5, gets 1 - the distance."""
    share = spread(Tensor(np.array([[centre]], "f"))).data
    expected = np.zeros((32, PATCH))
    for i in range(32):
        for a in range(PATCH):
            expected[i, a] = max(0, 1 - abs(i + 0.5 - (centre + a - 7.5)))
    np.testing.assert_allclose(share[0, 0], expected, atol=1e-5)
    if 8 <= centre <= 24:
        np.testing.assert_allclose(share[0, 0].sum(0), 1, atol=1e-5)  # nothing of it is lost


def test_strokes_are_laid_over_one_another_in_their_order():
    """(1 - α) x + α c, from the ground on."""
    g = ScenePainter(8, S, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    colours, opacities = rng.uniform(-1, 1, (9, 3, 1, 1)).astype("f"), rng.uniform(0, 1, (9, 1, 32, 32)).astype("f")
    g.paint = lambda plans, places: (Tensor(colours), Tensor(opacities))
    expected = np.broadcast_to(np.tanh(g.ground.data), (3, 3, 32, 32))
    for k in range(3):  # strokes of all pictures stand together: three first ones, three second ones
        a, c = opacities[3 * k : 3 * k + 3], colours[3 * k : 3 * k + 3]
        expected = (1 - a) * expected + a * c
    np.testing.assert_allclose(g(noise(g), ROWS).data, expected, rtol=1e-5, atol=1e-6)


def stroke(g, y, x):
    """The opacity (32, 32) of a stroke of no plan at (y, x), in pixels from the middle of the picture."""
    plans = Tensor(np.zeros((1, g.place.weight.shape[1]), "f"))
    return g.paint(plans, Tensor(np.array([[y / 16, x / 16]], "f")))[1].data[0, 0]


def test_a_stroke_begins_as_a_spot_and_moves_with_its_place():
    g = ScenePainter(8, S, np.random.default_rng(0))
    g.form[-1].weight.data *= 0
    middle = stroke(g, 0, 0)
    assert middle.argmax() in (15 * 32 + 15, 15 * 32 + 16, 16 * 32 + 15, 16 * 32 + 16)
    assert middle[:, :4].max() < 1e-3 < 0.5 < middle.max()
    np.testing.assert_allclose(stroke(g, -4, 5)[4:20, 13:29], middle[8:24, 8:24], atol=1e-5)


def test_edges_of_a_stroke_are_as_sharp_between_two_pixels_as_on_one():
    g = ScenePainter(8, S, np.random.default_rng(0))
    hard = np.full((16, 16), -40.0, "f")
    hard[:, 5:11] = 40
    g.form = lambda plans: Tensor((hard - SPOT)[None, None].astype("f"))
    g.shown.bias.data[:] = 1e4
    expected = np.zeros(32)
    expected[13:19] = 1
    for x in (0, 0.3, -0.4):
        np.testing.assert_allclose(stroke(g, 0, x)[16], expected, atol=1e-3)


def test_the_painter_knows_where_its_last_stroke_lies():
    g = ScenePainter(8, S, np.random.default_rng(0)).eval()
    seen = []
    g.paint = lambda plans, places, paint=g.paint: seen.append(plans.data.reshape(3, 3, -1)) or paint(plans, places)
    g(noise(g), ROWS)
    g.place.bias.data += 1
    g(noise(g), ROWS)
    assert [bool((seen[0][k] != seen[1][k]).any()) for k in range(3)] == [False, True, True]


def test_a_stroke_too_many_is_left_out():
    g = ScenePainter(8, S, np.random.default_rng(0))
    g.shown.bias.data[:] = -1e4
    ground = np.broadcast_to(np.tanh(g.ground.data), (3, 3, 32, 32))
    np.testing.assert_allclose(g(noise(g), ROWS).data, ground, atol=1e-6)


def test_each_stroke_has_noise_of_its_own_and_the_first_does_not_know_what_comes():
    g = ScenePainter(8, S, np.random.default_rng(0)).eval()
    seen = []
    paint = g.paint
    g.paint = lambda plans, places: seen.append(plans.data.reshape(3, 3, -1)) or paint(plans, places)
    z = noise(g).data
    other = z.copy()
    other[:, 2 : 2 + 2] += 1  # of the second stroke
    g(Tensor(z), ROWS), g(Tensor(other), ROWS)
    changed = [(seen[0][k] != seen[1][k]).any() for k in range(3)]
    assert changed == [False, True, True]


def test_before_a_stroke_the_painter_looks_at_the_words():
    """The painter hears a word even where the sentence as a whole says nothing of it."""
    g = ScenePainter(8, S, np.random.default_rng(0)).eval()
    g.begin.weight.data *= 0
    one, another = (g(noise(g, n=1), np.array([[5, word, 3, 1]])).data for word in (6, 7))
    assert np.abs(one - another).max() > 1e-5
