"""MNIST is replaced by a few made pictures in its file format, and the classifier by an untrained one: no downloads."""

import gzip
import struct

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.metrics.pictures import classifier

N = 200


@pytest.fixture(autouse=True)
def made_mnist(tmp_path_factory, monkeypatch):
    """TINYGAN_DATA with N pictures, the class of each written into its first pixel; a classifier that has seen nothing."""
    from safetensors.numpy import save_file

    data, cache = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("cache")
    (data / "mnist").mkdir()
    for part in ("train", "t10k"):
        images = stream(0, part).integers(0, 256, (N, 28, 28), dtype=np.uint8)
        labels = stream(1, part).integers(0, 10, N, dtype=np.uint8)
        images[:, 0, 0] = 25 * labels
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
            (data / "mnist" / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    save_file(classifier.Classifier(28, rng=0).state_dict(), cache / f"classifier-mnist-{classifier.VERSION}.safetensors")
    monkeypatch.setenv("TINYGAN_DATA", str(data))
    monkeypatch.setenv("TINYGAN_CACHE", str(cache))
    monkeypatch.setitem(classifier._TRAINING, "mnist", (classifier.mnist, {"steps": 2}))
