"""Batches: a function of seed and step; an epoch shows every row once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.data import Loader

loaders = st.builds(
    dict,
    batch_size=st.integers(1, 12),
    seed=st.integers(0, 5),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
)


@settings(deadline=None)
@given(st.integers(12, 60), loaders)
def test_an_epoch_shows_every_row_once(rows, options):
    loader = Loader(np.arange(rows), -np.arange(rows), batch_size=options.pop("batch_size"), **options)
    for _ in range(2):
        batches = list(loader)
        seen = np.concatenate([x for x, _ in batches])
        assert all(np.array_equal(x, -y) for x, y in batches)  # rows of the arrays stay together
        assert len(batches) == len(loader) and len(np.unique(seen)) == len(seen)
        assert all(len(x) == loader.batch_size for x, _ in batches[:-1]) and len(batches[-1][0]) > 0
        left_over = rows % loader.batch_size if loader.drop_last else 0
        assert len(seen) == rows - left_over
        if not loader.shuffle:
            assert np.array_equal(seen, np.arange(len(seen)))


@settings(deadline=None)
@given(st.integers(12, 60), loaders, st.lists(st.integers(0, 100), min_size=1, max_size=10))
def test_batch_is_a_function_of_seed_and_step(rows, options, steps):
    array = np.arange(rows)
    loader = Loader(array, batch_size=options.pop("batch_size"), **options)
    options["batch_size"] = loader.batch_size
    looped = [batch for _ in range(101 // len(loader) + 1) for batch in loader]
    for step in steps:  # in any order, from a loader that has seen nothing or anything
        assert np.array_equal(Loader(array, **options).batch(step), looped[step])
        assert np.array_equal(loader.batch(step), looped[step])


def test_epochs_and_seeds_shuffle_differently():
    a, b = (Loader(np.arange(50), batch_size=10, seed=seed) for seed in (0, 1))
    assert len({np.concatenate(list(loader)).tobytes() for loader in (a, a, b, b)}) == 4


def test_a_loop_left_early_ends_its_epoch_and_epoch_can_be_set():
    loader = Loader(np.arange(20), batch_size=5)
    next(iter(loader))
    assert loader.epoch == 1
    assert np.array_equal(next(iter(loader)), loader.batch(4))
    loader.epoch = 7
    assert np.array_equal(next(iter(loader)), loader.batch(28))


@pytest.mark.parametrize("shuffle", [False, True])
def test_writing_to_a_batch_leaves_the_data_alone(shuffle):
    array = np.zeros((10, 3), np.float32)
    batch = Loader(array, batch_size=10, shuffle=shuffle).batch(0)
    batch += 1
    assert batch.dtype == np.float32 and not array.any()


ten = np.zeros(10)
BAD_LOADERS = {
    "no arrays": ((), {"batch_size": 1}, ValueError, "no arrays given"),
    "unequal": ((ten, ten[:9]), {"batch_size": 1}, ValueError, r"arrays have \[10, 9\] rows"),
    "list": (([1, 2],), {"batch_size": 1}, TypeError, "list has no rows; expected an array"),
    "scalar": ((np.zeros(()),), {"batch_size": 1}, TypeError, "ndarray has no rows"),
    "no rows": ((ten[:0],), {"batch_size": 1}, ValueError, "batch_size 1 from 0 rows"),
    "batch of 0": ((ten,), {"batch_size": 0}, ValueError, "batch_size 0 from 10 rows"),
    "half a row": ((ten,), {"batch_size": 2.5}, TypeError, "integer"),
    "batch too large": ((ten,), {"batch_size": 11}, ValueError, "11 exceeds the 10 rows.*take batch_size=10 or less"),
}


@pytest.mark.parametrize("case", BAD_LOADERS)
def test_bad_loader_is_refused_at_the_door(case):
    arrays, options, error, message = BAD_LOADERS[case]
    with pytest.raises(error, match=message):
        Loader(*arrays, **options)


def test_large_batch_without_drop_last_and_negative_step():
    loader = Loader(ten, batch_size=11, drop_last=False)
    assert [len(batch) for batch in loader] == [10]
    with pytest.raises(ValueError, match="step -1 is negative"):
        loader.batch(-1)
