"""All distances at once are the single ones."""

import pytest

from tinygan.backend import stream
from tinygan.metrics import (
    density_coverage,
    feature_scores,
    frechet_distance,
    kernel_distance,
    precision_recall,
)


def test_feature_scores_are_the_single_ones_beside_the_same_of_held_out_points():
    rng = stream(0, "features")
    generated, real, held_out = (
        rng.standard_normal((90, 3)) + 1,
        rng.standard_normal((200, 3)),
        rng.standard_normal((80, 3)),
    )
    s = feature_scores(generated, real, held_out)
    floor = {name: s[f"real_{name}"] for name in s if name != "samples" and not name.startswith("real_")}
    assert s["samples"] == 80 and len(s) == 1 + 2 * 7
    same = feature_scores(held_out, real, held_out)
    assert {name: same[f"real_{name}"] for name in floor} == pytest.approx(floor)
    in_its_order = held_out[stream(0, "features", 2).permutation(80)]
    in_real_order = real[stream(0, "features", 1).permutation(200)]
    assert floor["frechet_distance"] == pytest.approx(frechet_distance(held_out, real))
    assert floor["kernel_distance"] == pytest.approx(kernel_distance(in_its_order, in_real_order).mean)
    assert floor["recall"] == precision_recall(real, held_out)["recall"]
    assert floor["coverage"] == density_coverage(real, held_out)["coverage"]
    for name in ("frechet_distance", "kernel_distance", "sliced_wasserstein"):
        assert s[name] > 3 * abs(floor[name])
    for name in ("precision", "recall", "density", "coverage"):
        assert s[name] < floor[name] - 0.1, name
