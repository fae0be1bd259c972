"""WaveGAN's players: sizes, phase shuffle, and a gradient that reaches every weight."""

import numpy as np
import pytest

from tinygan import Tensor
from tinygan.autodiff import grad
from tinygan.backend import stream
from tinygan.networks.waves import STEP, PhaseShuffle, WaveSettings, wave_judge, wave_painter

S = WaveSettings(channels=1, noise=3)


@pytest.mark.parametrize("length", [STEP, 3 * STEP])
def test_sounds_have_their_length_and_each_weight_a_gradient(length):
    g, d = wave_painter(length, S, stream(0, "g")), wave_judge(length, S, stream(0, "d"))
    x = g(Tensor(stream(0, "z").standard_normal((4, 3), np.float32)))
    assert x.shape == (4, length) and np.abs(x.data).max() <= 1
    verdicts = d(x)
    assert verdicts.shape == (4, 1)
    for network in (g, d):
        for slope in grad(verdicts.sum(), network.parameters()):
            assert np.abs(slope).max() > 0 or slope.ndim == 1  # a bias before batch norm has none


def test_phase_shuffle_moves_all_by_a_few_samples_and_reflects():
    shuffle = PhaseShuffle(2, stream(0, "shuffle"))
    x = Tensor(np.arange(24.0).reshape(2, 2, 6))
    moved = [shuffle(x).data - x.data[:, :, :1] for _ in range(60)]
    rows = {tuple(m[0, 0].tolist()) for m in moved}
    assert rows == {(2, 1, 0, 1, 2, 3), (1, 0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 4), (2, 3, 4, 5, 4, 3)}
    assert all((m == m[:1, :1]).all() for m in moved)


def test_phase_shuffle_rests_when_nothing_is_learned_and_follows_its_seed():
    x = Tensor(np.arange(24.0).reshape(2, 2, 6))
    assert shuffle_twice(7, x) == shuffle_twice(7, x) and len({tuple(shuffle_twice(k, x)) for k in range(9)}) > 1
    still = PhaseShuffle(2, stream(0, "shuffle")).eval()
    assert still(x) is x and PhaseShuffle(0, stream(0, "shuffle"))(x) is x


def shuffle_twice(seed, x):
    """What is first in two successive calls, after `reseed`."""
    shuffle = PhaseShuffle(2, stream(99, "shuffle")).reseed(stream(seed, "shuffle"))
    return [float(shuffle(x).data[0, 0, 0]) for _ in range(2)]


def test_d_judges_a_moved_sound_as_the_game_would_only_in_training():
    d = wave_judge(STEP, S, stream(0, "d"))
    x = Tensor(stream(0, "x").standard_normal((2, STEP), np.float32))
    learning = {float(d(x).data[0, 0]) for _ in range(8)}
    assert len(learning) > 2
    d.eval()
    assert len({float(d(x).data[0, 0]) for _ in range(8)}) == 1
