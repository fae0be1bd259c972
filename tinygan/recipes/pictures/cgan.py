"""MNIST by class, or --data FOLDER with a folder a class: G is told what to draw, and D judges whether it is that.

`--set condition=` projection (Miyato & Koyama 2018), embedding (Mirza & Osindero 2014), auxiliary (AC-GAN, Odena et al.
2017). `tinygan sample RUN` draws all classes, one a column; with `--class 7` it draws that one. Measured by the scores of
`mnist` and two more. A classifier learns from 60,000 samples alone: its accuracy on real digits (.992 if it learns from real
ones). A classifier that learned from real digits: how often it reads in a sample what was asked for.
Projection, seed 0, 9,000 steps, 8.6 CPU minutes: .982, .979, Frechet distance 7.5 where real pictures score 3.7.

Pictures of your own: two or more classes, 5 pictures of each or more; `_labelled.py` reads them. `tinygan sample RUN --class
hats` draws those of one folder. They are scored by distances pixel by pixel and by classifiers that learn from them alone.
`--set per_class=20` learns from few; a classifier gains from what G makes of them. `--set start=RUN` begins with the networks
of another run. `--set augment=translation+cutout` copies less and learns more slowly (benchmarks/results/augment.md).
"""

from functools import cache

from tinygan.backend import stream, to_device
from tinygan.data.files import refuse_others
from tinygan.files import Range
from tinygan.gan.classes import ClassGame, ClassLoader, in_turn
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.losses import cross_entropy
from tinygan.metrics import evaluate_images, synthetic_scores
from tinygan.networks.dcgan import painter, trunk
from tinygan.nn import Embedding, Linear, Module
from tinygan.ops import cat, reshape, sum
from tinygan.plot import image_grid, save_image
from tinygan.recipes.pictures._labelled import (
    LabelledSettings,
    apart,
    checksum,
    class_scores,
    read_labelled,
)
from tinygan.recipes.pictures.mnist import PictureSettings, own_scores
from tinygan.run.checkpoint import RunError
from tinygan.run.folder import Run
from tinygan.run.settings import defaults, setting

# --- the players -----------------------------------------------------------------------------------------------


class Painter(Module):
    """Generator: z and the embedding of a class, end to end, are what `mnist` makes of z alone."""

    def __init__(self, shape, classes, s, rng):
        self.embedding = Embedding(classes, s.embedding, rng=rng)
        self.paint = painter(s.noise + s.embedding, shape, s, rng)

    def forward(self, z, labels):
        """z (N, noise), labels (N,) -> pictures (N, *shape)."""
        return self.paint(cat([z, self.embedding(labels)], 1))


class ProjectionJudge(Module):
    """D(x, y) = w·φ(x) + e_y·φ(x): how real at all, and how like a y. Miyato & Koyama 2018, eq. 3."""

    def __init__(self, shape, classes, s, rng):
        self.trunk = trunk(shape, s, rng)
        self.verdict = Linear(s.features, 1, rng=rng)
        self.embedding = Embedding(classes, s.features, rng=rng)

    def forward(self, x, labels):
        """Pictures (N, *shape), labels (N,) -> verdicts (N, 1)."""
        features = self.trunk(x)
        return self.verdict(features) + sum(self.embedding(labels) * features, 1, True) / features.shape[1] ** 0.5


class EmbeddingJudge(Module):
    """The embedding of the class joins the picture as one more channel. Mirza & Osindero 2014, with convolutions."""

    def __init__(self, shape, classes, s, rng):
        channels, *self.size = shape
        self.embedding = Embedding(classes, self.size[0] * self.size[1], rng=rng)
        self.trunk = trunk((channels + 1, *self.size), s, rng)
        self.verdict = Linear(s.features, 1, rng=rng)

    def forward(self, x, labels):
        """Pictures (N, *shape), labels (N,) -> verdicts (N, 1)."""
        channel = reshape(self.embedding(labels), (len(x), 1, *self.size))
        return self.verdict(self.trunk(cat([x, channel], 1)))


class AuxiliaryJudge(Module):
    """A D that is not told the class but reads it, in a second head: AC-GAN, Odena et al. 2017, section 3."""

    def __init__(self, shape, classes, s, rng):
        self.trunk = trunk(shape, s, rng)
        self.verdict = Linear(s.features, 1, rng=rng)
        self.reads = Linear(s.features, classes, rng=rng)

    def forward(self, x, labels):
        """Pictures (N, *shape) -> verdicts (N, 1), logits of the class (N, classes)."""
        features = self.trunk(x)
        return self.verdict(features), self.reads(features)


JUDGES = {"projection": ProjectionJudge, "embedding": EmbeddingJudge, "auxiliary": AuxiliaryJudge}


# --- the game --------------------------------------------------------------------------------------------------


@defaults(steps=9000)
class Settings(LabelledSettings, PictureSettings):
    """Settings of `cgan`."""

    condition: str = setting("projection", "How D comes to know of classes.", choices=tuple(JUDGES))
    embedding: int = setting(16, "Size of a class's embedding beside z.", 1)
    start: str = setting("", "Begin with the networks of this run of `cgan`, a folder; they must have the same sizes.")


class TransferGame(ClassGame):
    """A game of classes that may begin with the networks of another run."""

    def begin(self):
        """Give the players the networks, averages and optimisers of the run `start`. RunError if they do not fit."""
        start = self.settings.start
        if not start:
            return
        run = Run.open(start)
        if run.config["recipe"] != "cgan":
            raise RunError(f"start={start}: a run of {run.config['recipe']}, not of cgan; its networks are others")
        try:
            run.load(self)
        except RunError as error:
            raise RunError(f"start={start}: not of the sizes that these classes and settings make: {error}") from None
        self.set_pace(1.0)


class ReadingGame(TransferGame):
    """AC-GAN's game: the losses of both players gain the cross-entropy of D's second head, on real and generated pictures."""

    def judge(self, D, x, given):
        verdicts, logits = D(x, *given)
        return verdicts, cross_entropy(logits, given[0])


SAVED = {"names": [str], "shape": [Range(1, 4096)], "checksum": Range(0, 2**32)}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train cgan` plays; with `saved`, pictures are read when they are needed, to train on."""
    real = cache(lambda: read_labelled(s))
    known = saved or {"names": real().names, "shape": list(real().images.shape[1:]), "checksum": checksum(real(), s)}
    classes, shape = len(known["names"]), tuple(known["shape"])
    g = Painter(shape, classes, s, stream(s.seed, "generator")).to(device)
    d = JUDGES[s.condition](shape, classes, s, stream(s.seed, "discriminator")).to(device)

    @cache
    def loader():
        refuse_others(s.data, checksum(real(), s), known["checksum"])
        return ClassLoader([to_device(x, device) for x in apart(real(), s.batch_size)], s.batch_size, s.seed)

    kind = ReadingGame if s.condition == "auxiliary" else TransferGame
    game = kind(g, d, [Normal(s.noise)], lambda turn: Batch(loader().batch(turn)), s, known, classes=classes)
    if not saved:
        loader()  # a class without pictures is said before a run begins
        game.begin()
    return game


def draw(game, samples, path):
    """Draw a grid of pictures, a class a column."""
    save_image(image_grid(samples, columns=game.classes, value_range=(-1, 1)), path)


EVALUATED_SAMPLES = 60_000


def evaluate(game, samples):
    """Return scores of samples (N, C, height, width): of all digits by their classifier, of others as `_labelled` says."""
    s, labels = game.settings, in_turn(len(samples), game.classes)
    if not (s.data or s.classes):
        return {**evaluate_images(samples, "mnist"), **synthetic_scores(samples, labels, "mnist")}
    real, held_out = read_labelled(s), read_labelled(s, "test")
    return {**own_scores(samples, real.images, held_out.images), **class_scores(samples, labels, real, held_out)}
