"""Writes gan.npz: objectives and penalties by PyTorch's double backward, on small random networks. Needs torch.

    python tests/golden/make_gan.py

A network is a string that means the same in torch and in tinygan; see tests/gan/test_objectives.py. For each network and
penalty the file holds the value and its gradient by D's weights, for each objective the losses of both players with the
gradient of D's by D's weights and of G's by the generated samples.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn  # noqa: F401, the networks are made of it
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import mse_loss, relu

HERE = Path(__file__).parent
NETWORKS = {  # and the shape of a sample
    "nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1))": (2,),
    "nn.Sequential(nn.Linear(3, 7), nn.LayerNorm(7), nn.SiLU(), nn.Linear(7, 5), nn.Softplus(), nn.Linear(5, 1))": (3,),
    "nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ELU(), nn.Flatten(), nn.Linear(12, 1))": (2, 4, 4),
}
BATCH, NOISE_SEED = 5, 5


def slopes(network, x):
    """|∇D(x)| for each sample, with a graph."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    return slope.flatten(1).norm(dim=1)


def penalties(network, x_real, x_fake):
    """All penalties by the names they have in tinygan."""
    zero = lambda x: slopes(network, x).pow(2).mean() / 2
    one = lambda x: (slopes(network, x) - 1).pow(2).mean()
    rng = np.random.default_rng(NOISE_SEED)
    share = torch.tensor(rng.random((BATCH, *[1] * (x_real.ndim - 1)), dtype="float32"), dtype=torch.float64)
    rng = np.random.default_rng(NOISE_SEED)
    delta = torch.tensor(rng.standard_normal(x_real.shape, dtype="float32"), dtype=torch.float64)
    return {
        "r1": zero(x_real),
        "r2": zero(x_fake),
        "r1+r2": zero(x_real) + zero(x_fake),
        "wgan-gp": one(share * x_real + (1 - share) * x_fake),
        "dragan": one(x_real + x_real.std(correction=0) / 2 * delta),
    }


def losses(r, f):
    """name -> (D's loss, G's loss) from verdicts on real and on generated samples."""
    as_real, as_fake = (lambda v, y=y: cross_entropy(v, torch.full_like(v, y)) for y in (1.0, 0.0))
    log2 = np.log(2)
    found = {
        "minimax": (as_real(r) + as_fake(f), -as_fake(f)),
        "non-saturating": (as_real(r) + as_fake(f), as_real(f)),
        "least-squares": (
            (mse_loss(r, torch.ones_like(r)) + mse_loss(f, torch.zeros_like(f))) / 2,
            mse_loss(f, torch.ones_like(f)) / 2,
        ),
        "hinge": (relu(1 - r).mean() + relu(1 + f).mean(), -f.mean()),
        "wasserstein": (f.mean() - r.mean(), -f.mean()),
        "relativistic": (as_real(r - f), as_real(f - r)),
        "relativistic-average": (
            as_real(r - f.mean()) + as_fake(f - r.mean()),
            as_real(f - r.mean()) + as_fake(r - f.mean()),
        ),
    }
    f_gan = {  # T = g(v), then f*(T): Nowozin et al. 2016, table 2
        "f-kl": (lambda v: v, lambda t: torch.exp(t - 1)),
        "f-reverse-kl": (lambda v: -torch.exp(-v), lambda t: -1 - torch.log(-t)),
        "f-js": (lambda v: log2 - torch.log(1 + torch.exp(-v)), lambda t: -torch.log(2 - torch.exp(t))),
        "f-pearson": (lambda v: v, lambda t: t * t / 4 + t),
    }
    for name, (g, conjugate) in f_gan.items():
        of_d = conjugate(g(f)).mean() - g(r).mean()
        found[name] = (of_d, -conjugate(g(f)).mean())
        found[name + "-steep"] = (of_d, -g(f).mean())
    return found


def flat(tensors):
    return torch.cat([t.reshape(-1) for t in tensors]).numpy()


def gradient(value, inputs):
    """The gradient of a scalar by all inputs, end to end; 0 for an input that it does not depend on."""
    found = torch.autograd.grad(value, inputs, retain_graph=True, allow_unused=True)
    return flat([torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs)])


def main():
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(0)
    stored = {"networks": np.array(list(NETWORKS)), "noise_seed": np.array(NOISE_SEED)}
    for i, (expression, shape) in enumerate(NETWORKS.items()):
        network = eval(expression)
        parameters = list(network.parameters())
        for p in parameters:
            p.data = torch.tensor(0.8 * rng.standard_normal(p.shape).astype("float32"), dtype=torch.float64)
        samples = torch.tensor(rng.standard_normal((2, BATCH, *shape)).astype("float32"), dtype=torch.float64)
        x_real, x_fake = samples
        found = penalties(network, x_real, x_fake)
        stored |= {
            "penalties": np.array(list(found)),
            f"{i}/weights": flat([p.detach() for p in parameters]),
            f"{i}/samples": samples,
            f"{i}/penalties": np.array([value.item() for value in found.values()]),
            f"{i}/penalty_gradients": np.array([gradient(value, parameters) for value in found.values()]),
        }
        x_fake = x_fake.clone().requires_grad_()
        found = losses(network(x_real), network(x_fake))
        stored |= {
            "objectives": np.array(list(found)),
            f"{i}/losses": np.array([[of_d.item(), of_g.item()] for of_d, of_g in found.values()]),
            f"{i}/d_gradients": np.array([gradient(of_d, parameters) for of_d, _ in found.values()]),
            f"{i}/g_gradients": np.array([gradient(of_g, [x_fake]) for _, of_g in found.values()]),
        }
    # half the file, and 6e-8 is near enough to compare to 1e-5
    single = lambda a: a.astype("float32") if a.dtype == np.float64 else a
    np.savez_compressed(HERE / "gan.npz", **{name: single(np.asarray(a)) for name, a in stored.items()})


if __name__ == "__main__":
    main()
