"""A generator built in several ways: each part does what its setting says."""

import numpy as np
import pytest

from tinygan import Tensor, no_grad
from tinygan.autodiff import grad
from tinygan.backend import stream
from tinygan.gan.latent import draw_each, sparse_code
from tinygan.networks.painters import BuildSettings, Painter, SelfAttention, latent_space, painter_judge
from tinygan.nn import Conv2d, ConvTranspose2d
from tinygan.ops import sum

SMALL = {"g_channels": 4, "d_channels": 2, "features": 8, "noise": 8}
WAYS = {
    "plain": {},
    "encoder-decoder": {"build": "encoder-decoder"},
    "nearest": {"doubling": "nearest"},
    "attention": {"attention": "both"},
    "path": {"path": "gru", "step_noise": 3},
    "categorical": {"latent": "categorical"},
    "uniform": {"latent": "uniform"},
    "sparse": {"features_are": "sparse"},
    "all": {
        "build": "encoder-decoder", "doubling": "nearest", "attention": "g", "path": "gru", "features_are": "sparse",
        "latent": "categorical",
    },
}  # fmt: skip


def painter(**way):
    return Painter(BuildSettings(**SMALL, **way), stream(0, "g"))


def points(g, n=6, seed=0):
    return [Tensor(z) for z in draw_each(g.spaces(), stream(seed, "z"), n)]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_makes_pictures_of_z_and_every_weight_learns(way):
    g = painter(**WAYS[way])
    if g.attention is not None:
        g.attention.scale.data[:] = 0.5  # at 0 only the scale itself learns
    x = g(*points(g))
    assert x.shape == (6, 3, 32, 32) and np.abs(x.data).max() <= 1
    assert abs(x.data[0] - x.data[1]).max() > 1e-3
    for name, slope in zip(g.state_dict(), grad(sum(x * x * Tensor(stream(0, "r").random(x.shape))), g.parameters())):
        assert np.abs(slope.data if isinstance(slope, Tensor) else slope).max() > 0, name


def test_doubling_is_by_transposed_convolutions_or_by_repeated_pixels():
    kinds = [{type(m) for m in painter(doubling=d).up.modules()} for d in ("transposed", "nearest")]
    assert ConvTranspose2d in kinds[0] and Conv2d not in kinds[0]
    assert Conv2d in kinds[1] and ConvTranspose2d not in kinds[1]


def test_attention_begins_as_no_change_and_its_maps_are_shares():
    layer = SelfAttention(16, stream(0, "a"))
    x = Tensor(stream(0, "x").standard_normal((2, 16, 4, 4), dtype="float32"))
    np.testing.assert_array_equal(layer(x).data, x.data)
    maps = layer.maps(x).data
    assert maps.shape == (2, 16, 16)
    np.testing.assert_allclose(maps.sum(-1), 1, rtol=1e-5)
    layer.scale.data[:] = 2
    value = layer.value(x).data.reshape(2, 8, 16)
    seen = np.einsum("nqk,nck->ncq", maps, value).reshape(2, 8, 4, 4)  # place q is given what its row looks at
    np.testing.assert_allclose(layer(x).data, x.data + 2 * layer.out(Tensor(seen)).data, atol=1e-5)


def test_a_far_place_is_seen_by_attention_and_by_nothing_else():
    """A change in one corner of 8x8 features changes the opposite corner of the picture only through attention."""
    g = painter(attention="g").eval()
    x = stream(0, "x").standard_normal((1, 8, 8, 8), dtype="float32")
    changed = x.copy()
    changed[:, :, 0, 0] += 3
    outputs = []
    for scale in (0.0, 1.0):
        g.attention.scale.data[:] = scale
        with no_grad():
            outputs.append(abs(g.attention(Tensor(x)).data - g.attention(Tensor(changed)).data)[0, :, 7, 7].max())
    assert outputs[0] == 0 < outputs[1]
    assert g.attend(*points(g)).shape == (6, 64, 64)


def test_the_path_moves_z_on_from_size_to_size():
    """Noise of the last size leaves what is painted before it: the features of the 8x8 layer."""
    g = painter(path="gru", step_noise=3).eval()
    z, noise = points(g)
    late, early = noise.data.copy(), noise.data.copy()
    late[2] += 1
    early[0] += 1
    with no_grad():
        features = [g._paint(z, Tensor(n))[1].data for n in (noise.data, late, early)]
        pictures = [g(z, Tensor(n)).data for n in (noise.data, late)]
    assert (features[0] == features[1]).all() and (features[0] != features[2]).any()
    assert (pictures[0] != pictures[1]).any()


def test_the_encoder_sees_a_sketch_and_hands_on_what_it_had():
    g = painter(build="encoder-decoder")
    shapes = [tuple(p.shape) for p in g.parameters() if p.ndim == 4]
    assert shapes[:3] == [(4, 1, 4, 4), (8, 4, 4, 4), (16, 8, 4, 4)]  # 32 to 4 pixels
    assert [s[0] for s in shapes[3:]] == [16, 8 + 8, 4 + 4]  # up again, beside what was there


def test_latent_spaces():
    z = latent_space(BuildSettings(noise=8, latent="categorical")).sample(stream(0, "z"), 50)
    assert z.shape == (50, 8) and set(np.unique(z)) == {0, 1} and (z.reshape(50, 2, 4).sum(2) == 1).all()
    assert abs(latent_space(BuildSettings(noise=8, latent="uniform")).sample(stream(0, "z"), 50)).max() <= 1
    with pytest.raises(ValueError, match="multiple of 4"):
        BuildSettings(noise=6, latent="categorical")


def test_sparse_features_are_those_of_the_smallest_layer():
    g = painter(features_are="sparse")
    g(*points(g))
    assert sparse_code(g).shape == (6, 16, 4, 4) and sparse_code(g).data.min() == 0


def test_the_judge_attends_where_both_do():
    x = Tensor(stream(0, "x").standard_normal((3, 3, 32, 32), dtype="float32"))
    counts = []
    for players in ("none", "g", "both"):
        d = painter_judge(BuildSettings(**SMALL, attention=players), stream(0, "d"))
        assert d(x).shape == (3, 1)
        counts.append([type(m) for m in d.modules()].count(SelfAttention))
    assert counts == [0, 0, 1]
