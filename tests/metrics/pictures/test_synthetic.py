"""Learning from generated pictures."""

import numpy as np
import pytest

from tinygan.data import digits
from tinygan.metrics import (
    synthetic_scores,
)

TRAIN, TRAIN_LABELS = digits("train")
TRAIN = TRAIN * 2 - 1
NOISE = np.random.default_rng(0).uniform(-1, 1, TRAIN.shape)
OF_4 = np.isin(TRAIN_LABELS, [0, 1, 2, 3])

SYNTHETIC = {  # pictures, labels, bounds of synthetic_to_real, of real_to_synthetic
    "real ones": (TRAIN, TRAIN_LABELS, (0.95, 1), (0.99, 1)),
    "labels moved by one": (TRAIN, (TRAIN_LABELS + 1) % 10, (0, 0.05), (0, 0.02)),
    "noise": (NOISE, TRAIN_LABELS, (0, 0.35), (0, 0.25)),
    "four classes of ten": (TRAIN[OF_4], TRAIN_LABELS[OF_4], (0.35, 0.41), (0.99, 1)),  # legible, and yet useless
}


@pytest.mark.parametrize("case", SYNTHETIC.values(), ids=SYNTHETIC)
def test_learning_from_generated_pictures(real_cache, case):
    pictures, labels, to_real, to_synthetic = case
    s = synthetic_scores(pictures, labels, "digits", steps=250)
    assert to_real[0] <= s["synthetic_to_real"] <= to_real[1], s
    assert to_synthetic[0] <= s["real_to_synthetic"] <= to_synthetic[1], s
    assert s["real_to_real"] >= 0.98 and s["samples"] == len(labels)


@pytest.mark.parametrize(
    "pictures, labels, named",
    [
        (TRAIN[:, 0], TRAIN_LABELS, "expected .N, 1, 8, 8. and .N,."),
        (TRAIN, TRAIN_LABELS[:-1], "expected .N, 1, 8, 8. and .N,."),
        (TRAIN, TRAIN_LABELS + 1, "from 0 to 9"),
        (TRAIN, TRAIN_LABELS * 1.0, "labels float64: expected integers"),
        (TRAIN * 2, TRAIN_LABELS, "values in .-1, 1."),
        (TRAIN * np.nan, TRAIN_LABELS, "finite"),
    ],
)
def test_wrong_labelled_pictures_are_refused(real_cache, pictures, labels, named):
    with pytest.raises(ValueError, match=f"^synthetic_scores: .*{named}"):
        synthetic_scores(pictures, labels, "digits")
