"""The pytest fixture `assert_gradients`, so that a test of a hand-written layer needs no import:

    def test_affine(assert_gradients):
        assert_gradients((affine_forward, affine_backward), x, w, b)

pytest loads this file in every project of an environment with tinygan, so it imports nothing until the fixture is used.
"""

from collections.abc import Callable

import pytest


@pytest.fixture
def assert_gradients() -> Callable:
    """Return `tinygan.gradcheck.assert_gradients`, which raises with the likely mistake if a gradient is wrong."""
    from tinygan.gradcheck import assert_gradients

    return assert_gradients
