"""pytest's `assert_gradients` fixture, so that a test of a hand-written layer needs no import:

    def test_affine(assert_gradients):
        assert_gradients((affine_forward, affine_backward), x, w, b)

pytest loads this file in every project of whoever installed tinygan, so it imports nothing until the fixture is used.
"""

import pytest


@pytest.fixture
def assert_gradients():
    """`tinygan.gradcheck.assert_gradients`: raises with the likely mistake unless the gradients are right."""
    from tinygan.gradcheck import assert_gradients

    return assert_gradients
