"""One rule of chance: `rng` where it is passed, otherwise the generator that `manual_seed` sets."""

import ast
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from small_runs import SMALL, WAYS

import tinygan
from tinygan import nn, recipes, seeding
from tinygan.nn import init

ROOT = Path(tinygan.__file__).parent


def weights(module):
    return [p.data.copy() for p in module.parameters()]


def net():
    return nn.Sequential(nn.Linear(3, 4), nn.LSTM(4, 2), nn.MultiheadAttention(4, 2), nn.Conv2d(1, 2, 3))


DRAWS = {
    "weights of layers": lambda: weights(net()),
    "spectral_norm": lambda: nn.spectral_norm(nn.Linear(3, 2)).buffers(),
    "reset_parameters": lambda: [layer := nn.Linear(2, 2, rng=1), layer.reset_parameters()] and weights(layer),
    "init": lambda: [f(tinygan.zeros(3, 2)).data for f in (init.normal_, init.orthogonal_, init.xavier_uniform_)],
    "randn, rand, randint, randperm": lambda: [
        tinygan.randn(2, 3).data, tinygan.rand(2).data, tinygan.randint(0, 9, (5,)).data, tinygan.randperm(9).data,
        tinygan.randn_like(tinygan.zeros(2, 2)).data,
    ],
    "Dropout": lambda: [nn.Dropout()(np.ones(40, np.float32))],
    "dropout, gumbel_softmax": lambda: [
        tinygan.ops.dropout(np.ones(40, np.float32)), tinygan.ops.gumbel_softmax(np.ones((2, 9), np.float32)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_same_seed_gives_the_same_numbers(draw):
    tinygan.manual_seed(3)
    first, next_ones = draw(), draw()
    tinygan.manual_seed(3)
    again = draw()
    tinygan.manual_seed(4)
    others = draw()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, next_ones, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, others, strict=True))


def test_a_layer_made_before_follows():
    layer = nn.Dropout()
    x = np.ones(64, np.float32)
    tinygan.manual_seed(0)
    first = layer(x)
    tinygan.manual_seed(0)
    assert np.array_equal(layer(x), first)


def test_what_gets_rng_draws_from_it_alone():
    tinygan.manual_seed(0)
    expected = tinygan.randn(4).data
    tinygan.manual_seed(0)
    seeded = tinygan.randn(4, rng=7).data
    nn.Linear(3, 4, rng=1)
    assert np.array_equal(tinygan.randn(4).data, expected)
    assert np.array_equal(tinygan.randn(4, rng=7).data, seeded) and not np.array_equal(seeded, expected)


def test_numpys_own_state_is_left_alone():
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    tinygan.manual_seed(0)
    tinygan.randn(100)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_threads_never_share_numbers():
    """Their order is not fixed, their numbers are: together they draw what one would have drawn."""
    tinygan.manual_seed(0)
    expected = np.sort(tinygan.rand(800).data)
    tinygan.manual_seed(0)
    with ThreadPoolExecutor(8) as pool:
        drawn = [n.data for n in pool.map(lambda _: tinygan.rand(1), range(800))]
    assert np.array_equal(np.sort(np.concatenate(drawn)), expected)


def test_a_module_that_draws_is_copied_and_pickled():
    layer = nn.Dropout()
    assert copy.deepcopy(layer).p == pickle.loads(pickle.dumps(layer)).p == 0.5


@pytest.mark.parametrize("seed", [-1, 1.5, None, "0", True])
def test_seeds_are_integers(seed):
    with pytest.raises(TypeError, match="manual_seed: the seed is an integer of 0 or more"):
        tinygan.manual_seed(seed)


def test_layers_make_generators_by_the_rule():
    """`np.random.default_rng(rng)` with rng=None would not repeat by `manual_seed`."""
    for path in [*(ROOT / "nn").rglob("*.py"), *(ROOT / "ops").rglob("*.py")]:
        names = {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
        assert "default_rng" not in names, f"{path}: use tinygan.seeding.generator(rng)"


@pytest.mark.parametrize("name", ["ring", "digits", "sines", "names"])
def test_recipes_pass_rng_everywhere(name):
    """What they draw is a function of seed and step, and never comes from the shared generator."""
    recipe = recipes.load(name)
    tinygan.manual_seed(0)
    before = str(seeding.generator().bit_generator.state)
    way = {"way": "policy", **WAYS["policy"]} if name == "names" else {}
    game = recipe.make_game(recipe.Settings(**SMALL[name], **way))
    game.step(0)
    game.sample(2, seed=0)
    assert str(seeding.generator().bit_generator.state) == before
