"""What reads emblems: it is exact on real ones, and takes spoilt ones for none."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data.pictures.emblems import emblems
from tinygan.metrics.pictures import classifier
from tinygan.metrics.pictures.emblems import NONE, emblem_reader, emblem_scores, melt, spoil


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A reader trained for less than half of its steps, in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(classifier, "_loaded", {})
        patch.setattr("tinygan.metrics.pictures.emblems.STEPS", 200)
        yield emblem_reader()


def test_real_emblems_are_legible_and_spoilt_ones_are_not(trained):
    rng = stream(0, "spoilt")
    real, kinds = emblems(400, seed=5)
    read = lambda x: trained.judge(x)[1].argmax(1)
    assert (read(real) == kinds).mean() > 0.85
    assert (read(spoil(real, rng)) == NONE).mean() > 0.6
    assert (read(np.full_like(real, -0.8)) == NONE).all()


def test_scores_stand_beside_those_of_real_ones(trained):
    real = emblem_scores(emblems(600, seed=6)[0])
    assert real["legible"] > 0.85 and 0.8 < real["frechet_ratio"] < 1.3 and 0.95 < real["diversity"] < 1.05
    assert real["smallest_class_share"] > 0.07 and sum(real["class_shares"]) == pytest.approx(1)
    same = emblem_scores(np.repeat(emblems(1, seed=6)[0], 40, 0))
    assert same["smallest_class_share"] == 0 and same["diversity"] < 0.01 and same["frechet_ratio"] > 10
    spoilt = emblem_scores(spoil(emblems(600, seed=6)[0], stream(0, "s")))
    assert spoilt["legible"] < 0.5 and spoilt["frechet_distance"] > 3 * real["frechet_distance"]


def test_melting_moves_pixels_no_further_than_asked():
    x = emblems(20)[0]
    np.testing.assert_array_equal(melt(x, 0, stream(0, "m")), x)
    near, far = (abs(melt(x, pixels, stream(0, "m")) - x).mean() for pixels in (1, 8))
    assert 0 < near < 0.5 * far
    columns = np.broadcast_to(np.arange(32.0), (1, 3, 32, 32))
    assert abs(melt(columns, 3, stream(0, "m")) - columns).max() <= 3


def test_what_cannot_be_scored_is_refused(trained):
    with pytest.raises(ValueError, match="expected 20 or more"):
        emblem_scores(emblems(19)[0])
    with pytest.raises(ValueError, match="expected \\(N, 3, 32, 32\\)"):
        trained.judge(np.zeros((20, 1, 32, 32)))
