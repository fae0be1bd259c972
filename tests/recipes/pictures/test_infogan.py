"""Recipes of pictures: each trains, goes on to the same bytes, draws and is scored; and what is new in each is right.

MNIST is replaced by a few made pictures in its file format, and the classifier by an untrained one: nothing is downloaded.
"""

import gzip
import importlib
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest

from tinygan import Tensor, grad, recipes
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.gan.augment import packed
from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.training import judged, training_step
from tinygan.losses import cross_entropy, mse_loss
from tinygan.metrics import Classifier
from tinygan.metrics import classifier as classifier_module
from tinygan.recipes import cgan, infogan, stacked_mnist
from tinygan.recipes import mnist as mnist_recipe
from tinygan.recipes.digits import RowSettings, RowWriter

N = 200
SMALL = {"batch_size": 20, "g_channels": 2, "d_channels": 2, "features": 8, "noise": 4}
TINY = {
    "mnist": SMALL,
    "mnist-rows": {"batch_size": 8, "hidden": 6, "noise": 3, "row_noise": 2, "features": 7, "row_latent": "path"},
    "wgan-gp": {**SMALL, "n_critic": 2},
    "cgan": SMALL,
    "infogan": SMALL,
    "stacked-mnist": {"batch_size": 8, "noise": 4, "packing": 2},
}


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
    save_file(Classifier(28, rng=0).state_dict(), cache / f"classifier-mnist-{classifier_module.VERSION}.safetensors")
    monkeypatch.setenv("TINYGAN_DATA", str(data))
    monkeypatch.setenv("TINYGAN_CACHE", str(cache))
    monkeypatch.setitem(classifier_module._TRAINING, "mnist", (classifier_module.mnist, {"steps": 2}))


def game_of(name, **settings):
    recipe = recipes.load(name)
    return recipe.make_game(recipe.Settings(**{"steps": 4, **TINY[name], **settings}))


@pytest.mark.parametrize("name", TINY)
def test_a_recipe_from_training_to_scores(name, tmp_path, capsys):
    out = tmp_path / "run"
    chosen = [word for key, value in TINY[name].items() for word in ("--set", f"{key}={value}")]
    assert main(["train", name, "--steps", "3", "--out", str(out), *chosen]) == 0
    last = out / "checkpoints" / "step-3.safetensors"
    whole = last.read_bytes()
    last.unlink()
    assert main(["train", "--resume", "--out", str(out)]) == 0
    assert last.read_bytes() == whole
    assert (out / "samples" / "step-000003.png").stat().st_size > 100

    for n in ("7", "120"):
        assert main(["sample", str(out), "-n", n, "--out", str(tmp_path / f"{n}.png")]) == 0
    assert main(["sample", str(out), "-n", "3", "--out", str(tmp_path / "x.npy")]) == 0
    x = np.load(tmp_path / "x.npy")
    assert x.shape == (3, 3 if name == "stacked-mnist" else 1, 28, 28) and np.abs(x).max() <= 1

    of_class = main(["sample", str(out), "-n", "30", "--class", "7", "--out", str(tmp_path / "7.npy")])
    assert of_class == (0 if name in ("cgan", "infogan") else 2)
    if of_class == 0:  # every tenth of what is drawn without it
        assert main(["sample", str(out), "-n", "300", "--out", str(tmp_path / "all.npy")]) == 0
        np.testing.assert_array_equal(np.load(tmp_path / "7.npy"), np.load(tmp_path / "all.npy")[7::10])
        assert main(["sample", str(out), "--class", "10"]) == 2
    assert ("classes are 0 to 9" if of_class == 0 else "has no classes") in capsys.readouterr().err

    assert main(["evaluate", str(out), "-n", "40"]) == 0
    assert recipes.load(name).EVALUATED_SAMPLES >= 10_000
    printed = capsys.readouterr().out
    expected = {"cgan": "synthetic to real", "infogan": "code is class", "stacked-mnist": "modes"}
    assert expected.get(name, "frechet distance") in printed


@pytest.mark.parametrize("condition", cgan.JUDGES)
def test_every_condition_trains(condition):
    game = game_of(
        "cgan", condition=condition, objective="non-saturating"
    )  # a relativistic D has no use for its last bias
    before = [p.numpy().copy() for p in (*game.g_parameters, *game.d_parameters)]
    rows = [game.step(k) for k in range(2)]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    after = [p.numpy() for p in (*game.g_parameters, *game.d_parameters)]
    assert all((a != b).any() for a, b in zip(before, after))  # no weight is left out, neither embedding nor head


@pytest.mark.parametrize("more", [{}, {"packing": 2, "augment": "translation"}], ids=["plain", "packed"])
def test_mnist_is_sampled_without_its_files(more, tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    chosen = [word for key, value in {**SMALL, **more}.items() for word in ("--set", f"{key}={value}")]
    assert main(["train", "mnist", "--steps", "1", "--out", str(out), *chosen]) == 0
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setattr("tinygan.data.files._download", lambda *_: pytest.fail("nothing is to be downloaded"))
    assert main(["sample", str(out), "-n", "4"]) == 0


# --- the networks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 12, 20), (1, 64, 64), (3, 36, 28)], ids=str)
def test_players_fit_any_side_that_is_a_multiple_of_4(shape):
    s = mnist_recipe.Settings(**SMALL)
    x = mnist_recipe.painter(4, shape, s, 0)(Tensor(np.ones((2, 4), "float32")))
    assert x.shape == (2, *shape)
    assert mnist_recipe.trunk(shape, s, 0)(x).shape == (2, 8)


def test_stacked_players_are_the_protocols():
    """Metz et al. 2017: G of 64, 32, 16, 8 channels on 4x4, 7x7, 14x14, 28x28; D of a quarter of 8, 16, 32 filters.

    D looks at two samples at once: 6 channels.
    """
    s = stacked_mnist.Settings()
    g, d = stacked_mnist.painter(s, 0), stacked_mnist.judge(s, 0)
    assert [p.shape[1] for p in g.parameters() if p.ndim == 4] == [32, 16, 8, 8]
    assert [p.shape[:2] for p in d.parameters() if p.ndim == 4] == [(2, 6), (4, 2), (8, 4)]
    assert d(packed(g(Tensor(np.ones((4, 256), "float32"))), 2)).shape == (2, 1)


def test_rows_are_told_a_path_in_the_place_of_noise():
    """The writer of a path is the plain one, told the path's points; and it reads its own pictures in the states it had."""
    tiny = {"hidden": 6, "noise": 3, "row_noise": 2}
    along, plain = (RowWriter(5, 4, RowSettings(**tiny, row_latent=kind), stream(0, "g")) for kind in ("path", "fresh"))
    z, noise = along.draw_noise(stream(0, "z"), 7)
    pictures, states = along(z, noise)
    path = along.path(z, noise.permute((1, 0, 2))).permute((1, 0, 2))
    np.testing.assert_allclose(pictures.data, plain(z, path)[0].data, atol=1e-6)
    assert np.abs(pictures.data - plain(z, noise)[0].data).max() > 1e-3
    np.testing.assert_allclose(along.read(pictures, z, noise).data, states.data, atol=1e-5)
    with pytest.raises(ValueError, match="row_noise=0"):
        RowSettings(row_latent="path", row_noise=0)


# --- classes and codes -------------------------------------------------------------------------------------------


def test_classes_come_in_turn():
    """In real batches, in generated ones and in samples, of any number: sample i is of class i modulo 10."""
    game = game_of("cgan", batch_size=37)
    for turn in (0, 5):
        x, labels = game.real(turn)
        assert len(x) == 37
        np.testing.assert_array_equal(labels, np.arange(37) % 10)
        np.testing.assert_allclose((x[:, 0, 0, 0] + 1) / 2 * 255, 25 * labels, atol=1e-3)
    assert (game.real(0)[0] != game.real(1)[0]).any()

    def echo(z, labels):
        return Tensor(labels.data[:, None, None, None] * np.ones((1, 1, 2, 2)))

    game.average.module = echo
    samples = game.sample(777, 0)
    np.testing.assert_array_equal(samples[:, 0, 0, 0], np.arange(777) % 10)


def test_codes_come_in_turn():
    game = game_of("infogan")
    game.average.module = lambda z: Tensor(z.data[:, :, None, None])
    samples = game.sample(777, 0)[:, :, 0, 0]
    np.testing.assert_array_equal(samples[:, 4:14].argmax(1), np.arange(777) % 10)
    assert (samples[:, 4:14].sum(1) == 2).all() and np.abs(samples[:, 14:]).max() <= 1  # √noise, and half of it
    assert samples[:, 14:].std(0) == pytest.approx(np.full(2, 1 / np.sqrt(3)), rel=0.1)


def by_hand(game, extra):
    """(d_loss, g_loss, gradient of G's loss) of the first step, from networks that have not moved."""
    s, objective = game.settings, OBJECTIVES[game.settings.objective]
    x, *about = game.real(0)
    y, *told = game.fake(game.generator, stream(s.seed, "noise", 0), s.batch_size)
    (real, *read_real), (fake, *read_fake) = (judged(game.discriminator, *of) for of in ((Tensor(x), about), (y, told)))
    d_loss = objective.discriminator(real, fake) + extra(read_real, about) + extra(read_fake, told)
    g_loss = objective.generator(real, fake) + extra(read_fake, told)
    return d_loss.item(), g_loss.item()


CASES = {
    "AC-GAN": (
        "cgan",
        {"condition": "auxiliary"},
        lambda read, about: cross_entropy(read[0], about[0]),
    ),
    "InfoGAN": (
        "infogan",
        {"information": 3.0},
        lambda read, about: (
            3 * cross_entropy(read[0], about[0]) + 1.5 * mse_loss(read[1], about[1]) if about else Tensor(0.0)
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_second_head_reads_joins_both_losses(case):
    """With D's learning rate at nearly 0, G's loss is on the D that was; both are what the papers say."""
    name, settings, extra = CASES[case]
    chosen = {**settings, "penalty": "none", "d_rate": 1e-12, "objective": "non-saturating"}
    row, again = training_step(game_of(name, **chosen), 0), game_of(name, **chosen)
    d_loss, g_loss = by_hand(again, extra)
    assert row["d_loss"] == pytest.approx(d_loss, rel=1e-4) and row["g_loss"] == pytest.approx(g_loss, rel=1e-4)


def test_information_reaches_the_generator():
    """With λ alone to gain by, G soon writes the code so that a Q that stays as it is, and is never in doubt, reads it."""
    game = game_of("infogan", steps=40, learning_rate=0.01, information=10.0, penalty="none", g_channels=8, features=32)
    game.q.parameters()[-2].data *= 100
    game.sort = lambda step: 0.0
    losses = [game.step(k)["g_loss"] for k in range(40)]
    assert losses[-1] < 0.6 * losses[0]
    g_gradients = grad(game.also(*_read(game)), game.g_parameters)
    assert all(np.abs(g).max() > 0 for g in (g_gradients[0], g_gradients[-1]))


def test_q_learns_from_real_pictures_and_by_nothing_else():
    """Its steps are those it would take without a game: what G draws, and what D and G gain by, leaves it as it is."""
    game, alone = (game_of("infogan", information=value) for value in (5.0, 0.0))
    before = [p.numpy().copy() for p in game.q.parameters()]
    rows = [game.step(k)["disorder"] for k in range(3)]
    assert rows == [alone.sort(k) for k in range(3)]
    for p, other, then in zip(game.q.parameters(), alone.q.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.numpy(), other.numpy())
        assert (p.numpy() != then).any()
    assert not {id(p) for p in game.q.parameters()} & {id(p) for p in game.d_parameters}


def _read(game):
    y, *told = game.fake(game.generator, stream(0, "noise", 0), 20)
    _, *read = game.discriminator(y, *told)
    return read, told


def test_disorder_is_least_for_ten_codes_each_as_often_and_sure():
    """Sure answers that agree and come as often cost 0; one code for all, or no answer at all, what they should."""
    sure = 50 * np.eye(10)[infogan.in_turn(40, 10)]
    value = lambda logits, of_moved: infogan.disorder(Tensor(logits), Tensor(of_moved)).item()
    assert value(sure, sure) == pytest.approx(0, abs=1e-5)
    assert value(sure[:1].repeat(40, 0), sure[:1].repeat(40, 0)) == pytest.approx(0.8 * np.log(10), abs=1e-5)
    assert value(0 * sure, 0 * sure) == pytest.approx(1.2 * np.log(10), abs=1e-5)
    assert value(sure, sure[::-1]) > 10  # sure and apart, but never the same of a picture and of it moved


def test_moved_pictures_are_copies_under_affine_maps():
    """A picture of its own coordinates says whence each pixel came: a linear function of where it is, ± rounding."""
    h, w = 12, 20
    row, column = np.mgrid[:h, :w].astype("float32")
    x = np.stack([row, column])[None].repeat(5, 0)
    y = infogan.moved(x, stream(0, "moved"))
    assert y.shape == x.shape and y.dtype == np.float32 and (y != infogan.moved(x, stream(1, "moved"))).any()
    for whence in y:
        inside = whence[0] >= 0
        assert 0.4 < inside.mean() and ((whence[0] == -1) == (whence[1] == -1)).all()
        places = np.stack([row - (h - 1) / 2, column - (w - 1) / 2, np.ones((h, w))])[:, inside].T
        found, *_ = np.linalg.lstsq(places, whence[:, inside].T, rcond=None)  # (3, 2)
        assert np.abs(places @ found - whence[:, inside].T).max() < 0.7
        assert np.abs(found[:2] - np.eye(2)).max() < 0.48 and np.abs(found[2] - [(h - 1) / 2, (w - 1) / 2]).max() < 2.1


@pytest.mark.parametrize("size", [1, 3, 5])
def test_best_matching_is_the_best_of_all(size):
    for seed in range(5):
        counts = np.random.default_rng(seed).integers(0, 20, (size, size))
        total, columns = infogan.best_matching(counts)
        by_force = max(sum(counts[range(size), list(p)]) for p in itertools.permutations(range(size)))
        assert total == by_force == counts[range(size), columns].sum() and sorted(columns) == list(range(size))


def test_stacks_are_three_digits_and_a_thousand_modes(monkeypatch):
    """Real batches are scored by a classifier that reads the class in the first pixel."""
    game = game_of("stacked-mnist", batch_size=4000, packing=1)
    (x,) = game.real(3)
    assert x.shape == (4000, 3, 28, 28)
    digits = np.rint((x[:, :, 0, 0] + 1) / 2 * 255 / 25).astype(int)

    class Reader:
        def judge(self, images):
            return None, np.eye(10)[np.rint((images[:, 0, 0, 0] + 1) / 2 * 255 / 25).astype(int)]

    monkeypatch.setattr(stacked_mnist, "digit_classifier", lambda name: Reader())
    scores = stacked_mnist.evaluate(game, x)
    assert scores["modes"] == len({tuple(d) for d in digits.tolist()}) and scores["modes"] > 900
    one = stacked_mnist.evaluate(game, x[:1].repeat(50, 0))
    assert one["modes"] == 1 and one["reverse_kl"] == pytest.approx(np.log(1000))


def test_tables_have_means_errors_and_what_real_pictures_score(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    e3, e4 = importlib.import_module("e3"), importlib.import_module("e4")
    row = {"steps": 1500, "cpu_minutes": 2.0, "frechet_floor": 3.7, "real_to_real": 0.99}
    found = {"cgan": {"0": {**row, "frechet_distance": 10.0, "synthetic_to_real": 0.98}}}
    found["cgan"]["1"] = {**found["cgan"]["0"], "frechet_distance": 12.0}
    lines = e3.e3_table(found).removesuffix(e3.TRIED).splitlines()
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert any("| `cgan` | 11.0 ± 1.0 |" in line and "| 0.9800 ± 0.0000 |" in line for line in lines)
    assert any("| real pictures | 3.7 |" in line and "| 0.9900 |" in line for line in lines)

    stacked = {
        "steps": 1500,
        "cpu_minutes": 2.0,
        "modes": 900,
        "reverse_kl": 0.5,
        "reverse_kl_perfect": 0.02,
        "mean_confidence": 0.9,
    }
    lines = e4.e4_table({"stacked-mnist": {"0": stacked}}).splitlines()
    assert (
        "| **`stacked-mnist`** | 900.0 | 0.500 | 0.900 | 1 | 1,500 | 2.0 |" in lines
        and "| a perfect model | 1000 | 0.020 | | | | |" in lines
    )
