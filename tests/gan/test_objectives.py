"""Objectives and penalties: optima and divergences as the papers say, values and gradients as PyTorch has them."""

from pathlib import Path

import numpy as np
import pytest

from tinygan import Tensor, grad, nn, ops
from tinygan.gan import objectives
from tinygan.gan.penalties import PENALTIES

with np.load(Path(__file__).parents[1] / "golden" / "gan.npz") as stored:  # written by golden/make_gan.py
    GOLDEN = dict(stored)

# Two distributions on four points, as counts, so that a batch holds each point exactly as often as it is probable.
P, Q = np.array([4, 3, 2, 1]), np.array([1, 2, 3, 4])
REAL, FAKE = np.repeat(np.arange(4), P), np.repeat(np.arange(4), Q)
OPTIMA = {
    "minimax": np.log(P / Q),
    "non-saturating": np.log(P / Q),
    "least-squares": P / (P + Q),
    "hinge": np.sign(P - Q) * 1.0,
    "relativistic": np.log(P / Q),
    "f-kl": 1 + np.log(P / Q),  # Nowozin et al. 2016, table 1, T* in terms of v
    "f-reverse-kl": np.log(P / Q),
    "f-js": np.log(P / Q),
    "f-pearson": 2 * (P / Q - 1),
}


def verdict_batches(name, v):
    """Verdicts on a batch of each kind; the relativistic objective compares every real with every generated sample."""
    real, fake = v[REAL], v[FAKE]
    if name == "relativistic":
        real, fake = (ops.reshape(ops.tile(t, (10,)), (10, 10)) for t in (real, fake))
        fake = ops.transpose(fake, 0, 1)
    return real, fake


@pytest.mark.parametrize("name", OPTIMA)
def test_discriminator_loss_is_smallest_at_the_known_optimum(name):
    best = OPTIMA[name]
    loss = lambda v: objectives.OBJECTIVES[name].discriminator(*verdict_batches(name, v)).item()
    rng = np.random.default_rng(0)
    at_best = loss(Tensor(best.astype(np.float64)))
    for _ in range(20):
        assert loss(Tensor(best + 0.1 * rng.standard_normal(4))) > at_best - 1e-12
    if name != "hinge":  # which has a kink there
        v = Tensor(best.astype(np.float64), requires_grad=True)
        (slope,) = grad(objectives.OBJECTIVES[name].discriminator(*verdict_batches(name, v)), v)
        np.testing.assert_allclose(slope, 0, atol=1e-12)


def test_minimax_value_at_the_optimum_is_the_jensen_shannon_divergence():
    p, q = P / 10, Q / 10
    m = (p + q) / 2
    jensen_shannon = 0.5 * np.sum(p * np.log(p / m)) + 0.5 * np.sum(q * np.log(q / m))
    v = Tensor(np.log(P / Q))
    value = -objectives.minimax.discriminator(v[REAL], v[FAKE]).item()
    assert value == pytest.approx(2 * jensen_shannon - 2 * np.log(2), abs=1e-12)  # Goodfellow et al. 2014, theorem 1


def test_wasserstein_loss_is_the_difference_of_means():
    real, fake = Tensor(np.array([1.0, 2.0])), Tensor(np.array([4.0, 8.0]))
    assert objectives.wasserstein.discriminator(real, fake).item() == 4.5
    assert objectives.wasserstein.generator(real, fake).item() == -6.0


@pytest.mark.parametrize("name", objectives.OBJECTIVES)
def test_generator_is_drawn_towards_higher_verdicts(name):
    v = Tensor(np.zeros(5), requires_grad=True)
    (slope,) = grad(objectives.OBJECTIVES[name].generator(Tensor(np.zeros(5)), v), v)
    assert (slope < 0).all()


# --- f-GAN -----------------------------------------------------------------------------------------------------

p, q = P / 10, Q / 10
m = (p + q) / 2
DIVERGENCES = {
    "f-kl": np.sum(p * np.log(p / q)),
    "f-reverse-kl": np.sum(q * np.log(q / p)),
    "f-js": np.sum(p * np.log(p / m)) + np.sum(q * np.log(q / m)),
    "f-pearson": np.sum(np.square(p - q) / q),
}


@pytest.mark.parametrize("name", DIVERGENCES)
def test_value_of_f_gan_at_the_optimum_is_the_divergence(name):
    v = Tensor(OPTIMA[name].astype(np.float64))
    f_gan, steep = objectives.OBJECTIVES[name], objectives.OBJECTIVES[name + "-steep"]
    assert -f_gan.discriminator(v[REAL], v[FAKE]).item() == pytest.approx(DIVERGENCES[name], abs=1e-12)
    assert steep.discriminator is f_gan.discriminator


@pytest.mark.parametrize("name", DIVERGENCES)
def test_generator_of_f_gan_gets_the_part_of_the_value_that_depends_on_it(name):
    """Eq. 6: G minimises -E f*(T(fake)), the value without E T(real); section 3.2: it minimises -E T(fake) instead."""
    v, nothing = Tensor(np.linspace(-1, 1, 5)), Tensor(np.zeros(5))
    f_gan, steep = objectives.OBJECTIVES[name], objectives.OBJECTIVES[name + "-steep"]
    of_real_zero = f_gan.discriminator(nothing, nothing).item() + f_gan.generator(nothing, nothing).item()
    assert f_gan.generator(nothing, v).item() == pytest.approx(of_real_zero - f_gan.discriminator(nothing, v).item())
    of_fake_zero = f_gan.discriminator(nothing, nothing).item() - steep.generator(nothing, nothing).item()
    assert steep.generator(nothing, v).item() == pytest.approx(f_gan.discriminator(v, nothing).item() - of_fake_zero)


def test_f_gan_with_jensen_shannon_is_minimax_but_for_a_constant():
    rng = np.random.default_rng(4)
    real, fake = (Tensor(rng.standard_normal(6)) for _ in range(2))
    difference = objectives.f_js.discriminator(real, fake) - objectives.minimax.discriminator(real, fake)
    assert difference.item() == pytest.approx(-2 * np.log(2))
    steeper = objectives.f_js_steep.generator(real, fake) - objectives.non_saturating.generator(real, fake)
    assert steeper.item() == pytest.approx(-np.log(2))


# --- relativistic, label smoothing -----------------------------------------------------------------------------


def test_relativistic_average_at_its_optimum():
    """P = (2, 1) / 3, Q = (1, 2) / 3, v = (c, -c): the slope is 0 where w³ - 3 w - 4 = 0 with w = exp(2 c / 3)."""
    (w,) = (root.real for root in np.roots([1, 0, -3, -4]) if abs(root.imag) < 1e-12)
    c = 1.5 * np.log(w)
    v = Tensor(np.array([c, -c]), requires_grad=True)
    loss = lambda v: objectives.relativistic_average.discriminator(v[[0, 0, 1]], v[[0, 1, 1]])
    np.testing.assert_allclose(grad(loss(v), v)[0], 0, atol=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert loss(Tensor(v.data + 0.1 * rng.standard_normal(2))).item() > loss(v).item() - 1e-12
    assert loss(v + 7).item() == pytest.approx(loss(v).item())


def test_relativistic_average_of_one_pair_is_twice_the_paired_loss():
    real, fake = Tensor(np.array([0.3])), Tensor(np.array([-1.1]))
    for player in ("discriminator", "generator"):
        paired = getattr(objectives.relativistic, player)(real, fake).item()
        assert getattr(objectives.relativistic_average, player)(real, fake).item() == pytest.approx(2 * paired)


@pytest.mark.parametrize("shapes", [((4, 1), (3, 1)), ((4, 1), (4,))], ids=str)
def test_relativistic_refuses_batches_that_cannot_be_paired(shapes):
    real, fake = (Tensor(np.zeros(shape)) for shape in shapes)
    with pytest.raises(ValueError, match="as many"):
        objectives.relativistic.discriminator(real, fake)


@pytest.mark.parametrize("name", objectives.OBJECTIVES)
def test_an_objective_that_compares_says_so(name):
    """generator(None, D(fake)) is what README writes; G's loss of these objectives needs D(real) as well."""
    objective, fake = objectives.OBJECTIVES[name], Tensor(np.ones((3, 1)))
    if objective.compares:
        with pytest.raises(TypeError, match=r"verdicts on real samples too, generator\(D\(real\), D\(fake\)\), and got None"):
            objective.generator(None, fake)
    else:
        assert objective.generator(None, fake).shape == ()


@pytest.mark.parametrize("name", [name for name, o in objectives.OBJECTIVES.items() if o.targets])
def test_smoothed_labels_move_the_target_of_real_samples(name):
    real, fake, a = np.array([0.5, -1.0, 2.0]), np.array([0.1, 0.2]), 0.1
    sigma = 1 / (1 + np.exp(-real))
    expected = -np.mean((1 - a) * np.log(sigma) + a * np.log(1 - sigma)) + np.mean(np.log1p(np.exp(fake)))
    if name == "least-squares":  # less the constant a - a² / 2, which no gradient sees
        expected = np.mean(np.square(real - (1 - a))) / 2 + np.mean(np.square(fake)) / 2 + a - a * a / 2
    found = objectives.smooth(objectives.OBJECTIVES[name], a).discriminator(Tensor(real), Tensor(fake))
    assert found.item() == pytest.approx(expected)


def test_smoothed_refuses_objectives_without_a_target():
    assert objectives.smooth(objectives.hinge, 0.0) is objectives.hinge
    with pytest.raises(ValueError, match="no target"):
        objectives.smooth(objectives.wasserstein, 0.1)


# --- against PyTorch's double backward -------------------------------------------------------------------------


class Stored:
    """A network of golden/gan.npz with its samples; `row(key, name)` is what PyTorch found for an objective or penalty."""

    def __init__(self, i, dtype):
        self.i, self.dtype = i, dtype
        self.network = eval(str(GOLDEN["networks"][i]), {"nn": nn})
        self.parameters = self.network.parameters()
        ends = np.cumsum([p.numel() for p in self.parameters])[:-1]
        for p, values in zip(self.parameters, np.split(GOLDEN[f"{i}/weights"], ends)):
            p.data = values.reshape(p.shape).astype(dtype)
        self.x_real, self.x_fake = (Tensor(x.astype(dtype), requires_grad=True) for x in GOLDEN[f"{i}/samples"])

    def row(self, kind, key, name):
        return GOLDEN[f"{self.i}/{key}"][GOLDEN[kind].tolist().index(name)]


def flat(arrays):
    return np.concatenate([a.ravel() for a in arrays])


def assert_agree(found, expected):
    """To 1e-5 of the largest value."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


stored_networks = pytest.mark.parametrize("i", range(len(GOLDEN["networks"])))
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


@dtypes
@stored_networks
@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "none"])
def test_penalty_is_pytorchs(name, i, dtype):
    at = Stored(i, dtype)
    rng = np.random.default_rng(int(GOLDEN["noise_seed"]))
    verdicts = at.network(at.x_real), at.network(at.x_fake)
    value = PENALTIES[name].value(at.network, at.x_real, verdicts[0], at.x_fake, verdicts[1], rng)
    assert_agree(value.item(), at.row("penalties", "penalties", name))
    assert value.dtype == dtype
    assert_agree(flat(grad(value, at.parameters)), at.row("penalties", "penalty_gradients", name))


@dtypes
@stored_networks
@pytest.mark.parametrize("name", objectives.OBJECTIVES)
def test_objective_is_pytorchs(name, i, dtype):
    at, objective = Stored(i, dtype), objectives.OBJECTIVES[name]
    real, fake = at.network(at.x_real), at.network(at.x_fake)
    of_d, of_g = objective.discriminator(real, fake), objective.generator(real, fake)
    assert_agree([of_d.item(), of_g.item()], at.row("objectives", "losses", name))
    assert of_d.dtype == of_g.dtype == dtype
    assert_agree(flat(grad(of_d, at.parameters)), at.row("objectives", "d_gradients", name))
    assert_agree(grad(of_g, at.x_fake)[0].ravel(), at.row("objectives", "g_gradients", name))
