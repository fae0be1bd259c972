"""PyTorch-GAN's scripts on MNIST, unchanged, under the classifier that scores our recipes.

    git clone https://github.com/eriklindernoren/PyTorch-GAN
    python benchmarks/with_pytorch_gan.py PyTorch-GAN [--scripts gan,dcgan,wgan_gp] [--minutes 10] [--seed 0]

A script runs on one thread until it has used so many minutes of the processor. Then its generator draws 10,000 samples, in
batches of 64, with batch normalisation as in training, which is how the script draws its own. A stand-in for `torchvision`
reads our files and scales the pictures once, which saves the scripts time. The results join those in
results/pytorch_gan.json; e3.py shows them. Needs `pip install torch`.
"""

import argparse
import json
import os
import sys
import time
import types
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from tinygan.data import mnist
from tinygan.metrics import evaluate_images

RESULTS = Path(__file__).resolve().parent / "results" / "pytorch_gan.json"
SCORES = "frechet_distance", "mean_confidence", "inception_score", "smallest_class_share"
SAMPLES, BATCH = 10_000, 64


class Enough(Exception):
    """The script has used its minutes."""


def scaled(pictures, size):
    """Return pictures (N, side, side) in [0, 255] scaled to `size`, as torchvision does: PIL's bilinear filter."""
    if size == pictures.shape[1]:
        return pictures
    return np.stack([np.asarray(Image.fromarray(one).resize((size, size), Image.Resampling.BILINEAR)) for one in pictures])


def stand_in():
    """Return modules that the scripts import as torchvision: data, the scaling of pictures, and no files of samples."""
    names = ["torchvision", "torchvision.transforms", "torchvision.datasets", "torchvision.utils"]
    torchvision, transforms, datasets, utils = map(types.ModuleType, names)
    transforms.Compose = lambda changes: next(change for change in changes if change)  # the size
    transforms.Resize = lambda size: size
    transforms.ToTensor = lambda: None
    transforms.Normalize = lambda mean, deviation: None

    def read(root, train, download, transform):
        images, labels = mnist("train")
        pictures = scaled(np.round(images[:, 0] * 255).astype("uint8"), transform)
        x = torch.from_numpy(pictures.astype("float32")[:, None] / 127.5 - 1)
        return torch.utils.data.TensorDataset(x, torch.from_numpy(labels))

    datasets.MNIST = read
    utils.save_image = lambda *args, **settings: None
    torchvision.transforms, torchvision.datasets, torchvision.utils = transforms, datasets, utils
    return {module.__name__: module for module in (torchvision, transforms, datasets, utils)}


def play(script, minutes):
    """Run a script for so many minutes of the processor. Return its names, the turns of G, the minutes."""
    begun, turns = time.process_time(), 0
    step = torch.optim.Adam.step

    def limited(optimizer, *args, **settings):
        nonlocal turns
        if time.process_time() - begun > 60 * minutes:
            raise Enough
        turns += optimizer is names.get("optimizer_G")
        return step(optimizer, *args, **settings)

    names = {"__name__": "__main__"}
    torch.optim.Adam.step, sys.argv = limited, [script.name]
    here = os.getcwd()
    with TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # a line a step
        inner = Path(folder, "a", "b")  # it makes ../../data
        inner.mkdir(parents=True)
        os.chdir(inner)
        try:
            exec(compile(script.read_text(), script.name, "exec"), names)
        except Enough:
            pass
        finally:
            os.chdir(here)
            torch.optim.Adam.step = step
    return names, turns, (time.process_time() - begun) / 60


def main():
    """Play and score the scripts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clone", type=Path, help="a clone of eriklindernoren/PyTorch-GAN")
    parser.add_argument("--scripts", default="gan,dcgan,wgan_gp")
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes of the processor for each script")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    sys.modules.update(stand_in())
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.scripts.split(","):
        script = (options.clone / "implementations" / name / f"{name}.py").resolve()
        torch.manual_seed(options.seed)
        np.random.seed(options.seed)  # noqa: NPY002 the scripts draw from it
        names, turns, minutes = play(script, options.minutes)
        with torch.no_grad():
            z = torch.randn(-(-SAMPLES // BATCH), BATCH, names["opt"].latent_dim)
            samples = torch.cat([names["generator"](one) for one in z])[:SAMPLES, 0].numpy()
        pictures = scaled(np.round((samples + 1) * 127.5).astype("uint8"), 28)
        scores = evaluate_images((pictures[:, None] / 127.5 - 1).astype("float32"), "mnist")
        row = {key: scores[key] for key in SCORES} | {"steps": turns, "cpu_minutes": minutes, "torch": torch.__version__}
        found.setdefault(f"{name}.py", {})[str(options.seed)] = row
        print(name, row)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
