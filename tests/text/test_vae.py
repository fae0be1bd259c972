"""The sentence VAE: its bound against integration; and where each term of its loss leads."""

import numpy as np
import pytest
from small_text import RNG, sharp

from tinygan.autodiff import Tensor, no_grad
from tinygan.text.language import END, PADDED
from tinygan.text.vae import SentenceVAE


def test_the_bound_is_that_of_integration():
    vae = sharp(SentenceVAE(3, 2, 3, 1, ended=False), 3)
    row = np.array([[2, 0, 1]])
    z = np.linspace(-12, 12, 4801)[:, None]
    state, given = vae.start(Tensor(z), 3)
    log_p_z = -vae.writer.token_losses(np.repeat(row, len(z), 0), state, given).data.sum(1)  # log p(x | z)
    m, v = (t.data.item() for t in vae.encode(row))
    normal = lambda mean, variance: np.exp(-((z[:, 0] - mean) ** 2) / 2 / variance) / np.sqrt(2 * np.pi * variance)
    q, prior, dz = normal(m, np.exp(v)), normal(0, 1), z[1, 0] - z[0, 0]
    log_p_x = np.log((np.exp(log_p_z) * prior).sum() * dz)
    some = q > 1e-300
    kl = (q[some] * np.log(q[some] / prior[some])).sum() * dz
    exact = (q * log_p_z).sum() * dz - kl
    posterior = np.exp(log_p_z) * prior / np.exp(log_p_x)
    gap = (q[some] * np.log(q[some] / posterior[some])).sum() * dz
    assert exact + gap == pytest.approx(log_p_x, abs=1e-6) and gap > 0.01  # the bound is a bound, and by how much
    with no_grad():
        reconstruction, found_kl = vae.bound(np.repeat(row, 4000, 0), RNG(0))
    spread = np.sqrt((q * log_p_z**2).sum() * dz - ((q * log_p_z).sum() * dz) ** 2)
    assert found_kl.item() / 4000 == pytest.approx(kl, abs=1e-5)
    assert -reconstruction.item() / 4000 - kl == pytest.approx(exact, abs=4 * spread / np.sqrt(4000))


def test_padding_never_changes_a_code():
    vae = sharp(SentenceVAE(7, 2, 3, 2))
    rows = np.array([[3, 4, END, PADDED], [5, 2, 4, END]])
    for a, b in zip(vae.encode(rows), vae.encode(np.pad(rows, ((0, 0), (0, 3))))):
        np.testing.assert_allclose(a.data, b.data)
