"""Pictures written row by row: writer, path and judge against plain loops."""

import numpy as np
import pytest

from tinygan import Tensor
from tinygan.backend import stream
from tinygan.gan.latent import draw_each
from tinygan.networks.rows import RowSettings, RowWriter

TINY = {"hidden": 6, "noise": 3, "row_noise": 2}


def test_rows_are_told_a_path_in_the_place_of_noise():
    """The writer of a path is the plain one, told the path's points; and it reads its own pictures in the states it had."""
    along, plain = (RowWriter(5, 4, RowSettings(**TINY, row_latent=kind), stream(0, "g")) for kind in ("path", "fresh"))
    z, noise = map(Tensor, draw_each(along.spaces(), stream(0, "z"), 7))
    pictures, states = along(z, noise)
    path = along.path(z, noise.permute((1, 0, 2))).permute((1, 0, 2))
    np.testing.assert_allclose(pictures.data, plain(z, path)[0].data, atol=1e-6)
    assert np.abs(pictures.data - plain(z, noise)[0].data).max() > 1e-3
    np.testing.assert_allclose(along.read(pictures, z, noise).data, states.data, atol=1e-5)
    with pytest.raises(ValueError, match="row_noise=0"):
        RowSettings(row_latent="path", row_noise=0)
