"""MNIST, sorted without labels: part of z is a code, and Q has to read it in the picture (InfoGAN); Q sorts real ones too.

The code is one of ten, beside it two sliders, numbers between -1 and 1. G gains by what Q reads, and spends the code on what
tells pictures apart: Chen et al. 2016, section 7.2. Their Q learns from generated pictures alone. In so short a training it
then reads the code before there are digits, and the code becomes slant or weight as often as digit: .606 here, the paper
reports .95. So Q learns from real pictures instead, of which it must say the same when they are turned, sheared and
stretched: Hu et al. 2017. Measured by how often code and digit agree when every code stands for a digit of its own, the best
way to pair them; and by the scores of `mnist`.
Seed 0, 2,000 steps, 3.4 CPU minutes: .997, Frechet distance 8.0 where real pictures score 3.7. Q alone
sorts .92 to .96 of the test digits right after 500 steps with four seeds of five, with the other .82.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import stream, to_device, xp
from tinygan.data import Loader, centred, mnist
from tinygan.gan.classes import ClassGame, in_turn
from tinygan.gan.training import learning_rate_at, move, setting
from tinygan.losses import cross_entropy, mse_loss
from tinygan.metrics import digit_classifier, evaluate_images
from tinygan.nn import AvgPool2d, Conv2d, Flatten, LeakyReLU, Linear, Module, Sequential
from tinygan.ops import log, log_softmax, mean, softmax, sum
from tinygan.optim import Adam
from tinygan.plot import image_grid, save_image
from tinygan.recipes.mnist import PictureSettings, painter, trunk

CLASSES = 10  # of the categorical code


@dataclass
class Settings(PictureSettings):
    """Settings of `infogan`."""

    packs = False

    information: float = setting(1.0, "Weight of the mutual information, λ.", 0.0)
    sliders: int = setting(2, "Continuous codes beside the categorical one, uniform on [-1, 1].", 1)


# --- the players: G is that of `mnist`, of a longer z ----------------------------------------------------------------


class Judge(Module):
    """D, whose second head reads the sliders, as means of Gaussians, while Q reads the code, as logits."""

    def __init__(self, shape, q, s, rng):
        self.trunk = trunk(shape, s, rng)
        self.verdict = Linear(s.features, 1, rng=rng)
        self.sliders = Linear(s.features, s.sliders, rng=rng)
        self.read_code = q.forward  # a method, not q: its weights are not among D's, and D's step leaves them alone

    def forward(self, x, code=None, sliders=None):
        """Pictures (N, *shape) -> verdicts (N, 1); of generated ones the code's logits (N, CLASSES), sliders (N, sliders)."""
        features = self.trunk(x)
        if code is None:
            return self.verdict(features)
        return self.verdict(features), self.read_code(x), self.sliders(features)


def sorter(shape, rng):
    """Q: pictures (N, *shape), which it looks at in half their size -> logits (N, CLASSES)."""
    channels, height, width = shape
    layers = [AvgPool2d(2), Conv2d(channels, 32, 4, 2, 1, rng=rng), LeakyReLU(0.2)]
    layers += [Conv2d(32, 64, 4, 2, 1, rng=rng), LeakyReLU(0.2), Flatten()]
    layers += [Linear(64 * (height // 8) * (width // 8), 128, rng=rng), LeakyReLU(0.2), Linear(128, CLASSES, rng=rng)]
    return Sequential(*layers)


def surprise(information):
    """What both losses gain: -λ E log Q(c | G(z, c)), λ times H(c) less a lower bound of I(c; G(z, c)); eq. 4 to 6."""

    def of(read, about):
        if not about:  # a real picture has no code
            return 0.0
        (logits, means), (code, sliders) = read, about
        # of a Gaussian of width 1, -log Q is half the squared error and a constant
        return information * (cross_entropy(logits, code) + 0.5 * mse_loss(means, sliders))

    return of


# --- how Q learns ------------------------------------------------------------------------------------------------


def disorder(logits, of_moved):
    """-E Σ q log q' + .2 (4 (log CLASSES - H(E q)) + E H(q)), q softmax(logits), q' softmax(of_moved) -> scalar.

    logits, of_moved: (N, CLASSES). It is 0 where Q says the same of a picture and of it moved, is sure, and gives each code
    as often. Hu et al. 2017 (IMSAT), who change pictures by other means, and have .1 for .2.
    """
    q, log_q = softmax(logits, 1), log_softmax(logits, 1)
    share = mean(q, 0)
    unlike = -mean(sum(q.detach() * log_softmax(of_moved, 1), 1))
    uneven = math.log(CLASSES) + sum(share * log(share + 1e-8))
    return unlike + 0.2 * (4 * uneven - mean(sum(q * log_q, 1)))


def moved(x, rng):
    """Pictures (N, C, h, w), each turned, sheared, stretched by up to .45 and shifted by up to 2 pixels; outside is -1."""
    n, channels, h, w = x.shape
    middle = np.array([[(h - 1) / 2], [(w - 1) / 2]])
    places = np.stack(np.divmod(np.arange(h * w), w)) - middle  # (2, h·w)
    maps, shifts = np.eye(2) + rng.uniform(-0.45, 0.45, (n, 2, 2)), rng.uniform(-2, 2, (n, 2, 1))
    row, column = np.rint(maps @ places + shifts + middle).astype(int).transpose(1, 0, 2)  # each (N, h·w): whence
    outside = (row < 0) | (row >= h) | (column < 0) | (column >= w)
    index = np.where(outside, 0, row * w + column)[:, None].repeat(channels, 1)
    array = xp(x)
    y = array.take_along_axis(x.reshape(n, channels, h * w), array.asarray(index), 2)
    return array.where(array.asarray(outside)[:, None], np.float32(-1), y).reshape(x.shape)


# --- the game --------------------------------------------------------------------------------------------------


@dataclass
class SortingGame(ClassGame):
    """A game beside which Q sorts real pictures: the players take it as it is, the bound of eq. 4 holds for any Q."""

    q: Module = None
    pictures: Callable = None  # step -> real pictures for Q

    def __post_init__(self):
        super().__post_init__()
        s = self.settings
        self.q_optimizer = Adam(self.q.parameters(), lr=s.learning_rate, betas=(s.beta1, s.beta2))

    def step(self, step):
        """Q's step, then the players'."""
        sorting = {"disorder": self.sort(step)}
        return {**super().step(step), **sorting}

    def sort(self, step):
        """Q's step; returns how badly it sorted."""
        s, x = self.settings, self.pictures(step)
        self.q_optimizer.lr = learning_rate_at(step, s)
        loss = disorder(self.q(Tensor(x)), self.q(Tensor(moved(x, stream(s.seed, "moved", step)))))
        move(self.q, self.q_optimizer, grad(loss, self.q.parameters()), s, "sorter")
        return loss.item()

    def parts(self):
        return {**super().parts(), "q": self.q, "q_optimizer": self.q_optimizer}


def latent(z, code, sliders):
    """What G makes a picture of: z (N, noise), the code (N,) as one-hot vectors, sliders (N, sliders), end to end.

    Two codes are as far apart as two z are on average: of a one-hot vector of length 1 beside 64 normal numbers G would see
    little before its digits are where z puts them.
    """
    length = z.shape[1] ** 0.5
    return np.concatenate([z, length * np.eye(CLASSES, dtype="float32")[code], length / 2 * sliders], 1)


def make_game(s, device="cpu"):
    """The game that `tinygan train infogan` plays."""
    images, _ = mnist("train")
    shape = images.shape[1:]
    g = painter(s.noise + CLASSES + s.sliders, shape, s, stream(s.seed, "generator")).to(device)
    q = sorter(shape, stream(s.seed, "sorter")).to(device)
    d = Judge(shape, q, s, stream(s.seed, "discriminator")).to(device)
    images = to_device(centred(images), device)
    loader, for_q = (Loader(images, batch_size=n, seed=s.seed) for n in (s.batch_size, 2 * s.batch_size))

    def fake(generator, rng, n):
        z, code = rng.standard_normal((n, s.noise), dtype="float32"), in_turn(n, CLASSES)
        sliders = rng.uniform(-1, 1, (n, s.sliders)).astype("float32")
        x = generator(Tensor(latent(z, code, sliders), device=device))
        return x, Tensor(code, device=device), Tensor(sliders, device=device)

    real, also = lambda turn: (loader.batch(turn),), surprise(s.information)
    return SortingGame(g, d, real, fake, s, also=also, classes=CLASSES, q=q, pictures=for_q.batch)


# --- what it learned ---------------------------------------------------------------------------------------------


def draw(game, samples, path):
    """Samples, a code a row; beside them, for each slider, one picture of each code with that slider from -1 to 1."""
    rows = max(1, len(samples) // CLASSES)
    grids = [samples[in_turn(len(samples), CLASSES).argsort(kind="stable")][: rows * CLASSES]]
    grids += [swept(game, k) for k in range(game.settings.sliders)]
    pictures = [image_grid(x, columns=len(x) // min(len(x), CLASSES), scale=2) for x in grids]
    height = min(len(p) for p in pictures)
    save_image(np.concatenate([p[:height] for p in pictures], 1), path)


def swept(game, slider, steps=10):
    """Pictures (CLASSES · steps, C, h, w) of every code with one z, `slider` going from -1 to 1 and the others at 0."""
    s = game.settings
    z = stream(s.seed, "sweep").standard_normal((CLASSES, s.noise), dtype="float32").repeat(steps, 0)
    sliders = np.zeros((CLASSES * steps, s.sliders), "float32")
    sliders[:, slider] = np.tile(np.linspace(-1, 1, steps), CLASSES)
    with no_grad():
        x = latent(z, np.arange(CLASSES).repeat(steps), sliders)
        return game.average.module(Tensor(x, device=game.g_parameters[0].device)).numpy()


EVALUATED_SAMPLES = 10_000


def evaluate(game, samples):
    """How well codes and classes agree, when each code stands for a class of its own; and the scores of `mnist`."""
    classes = digit_classifier("mnist").judge(samples)[1].argmax(1)
    counts = np.zeros((CLASSES, CLASSES), int)
    np.add.at(counts, (in_turn(len(samples), CLASSES), classes), 1)
    agreeing, matching = best_matching(counts)
    scores = evaluate_images(samples, "mnist")
    return {"code_is_class": agreeing / len(samples), "class_of_code": matching, **scores}


def best_matching(counts):
    """(most, columns): max of Σ counts[row, columns[row]] over all ways to give each row a column of its own.

    Row by row, with the best way to use every set of columns so far: 2¹⁰ sets instead of 10! ways. Held & Karp 1962.
    """
    best = {frozenset(): (0, [])}
    for row in np.asarray(counts).tolist():
        further = {}
        for used, (total, columns) in best.items():
            for column in set(range(len(row))) - used:
                key, found = used | {column}, (total + row[column], [*columns, column])
                further[key] = max(further.get(key, found), found)
        best = further
    return max(best.values())
