# %% [markdown]
# # 10 · DCGAN, and why networks are normalised
#
# **You will build:** batch normalisation with its gradient, to see what it does to a deep network, and what it does to a discriminator that
# you would not expect; and a convolutional GAN that draws digits, with and without it.
#
# **You need:** the game (lesson 07) and convolution (lesson 09).
#
# **Time:** 40 minutes.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.backend import stream
from tinygan.data import Loader, digits
from tinygan.gan.objectives import non_saturating
from tinygan.gradcheck import assert_gradients
from tinygan.metrics import class_shares, frechet_distance, train_classifier
from tinygan.plot import image_grid

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## Signals that fade
#
# Twenty linear layers with ReLU, weights drawn a little too small, or a little too large. How large is the signal after each?

# %%
WIDTH, DEPTH = 128, 20


def normalised(x):
    return (x - x.mean(0)) / (x.std(0) + 1e-5)


fig, axis = plt.subplots(figsize=(7, 2.8))
for scale, colour in ((0.7, "C0"), (1.0, "C2"), (1.4, "C1")):
    for normalise, style in ((False, "-"), (True, "--")):
        x, sizes = rng.standard_normal((256, WIDTH)), []
        for _ in range(DEPTH):
            x = x @ rng.standard_normal((WIDTH, WIDTH)) * scale * np.sqrt(2 / WIDTH)
            x = np.maximum(0, normalised(x) if normalise else x)
            sizes.append(np.sqrt((x**2).mean()))
        label = None if normalise else f"weights x {scale}"
        axis.semilogy(range(1, DEPTH + 1), sizes, style, color=colour, label=label)
axis.plot([], [], "--", color="#333333", label="normalised, all three")
axis.set(xlabel="layer", ylabel="root mean square", xticks=[1, 5, 10, 15, 20])
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# Each layer multiplies the size by the same factor, so twenty of them multiply by its twentieth power: .7 leaves a thousandth, 1.4 makes a
# thousandfold, and gradients on their way back fare alike. Normalised (dashed, all three on one line), the size does not depend on the
# weights' scale at all.
#
# ## Batch normalisation by hand
#
# For one feature, $x_1, \dots, x_N$ are its values over the batch:
#
# $$ \mu = \frac1N\sum_n x_n, \qquad \sigma^2 = \frac1N\sum_n (x_n - \mu)^2, \qquad
# \hat x_n = \frac{x_n - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \qquad y_n = \gamma\,\hat x_n + \beta $$
#
# $\gamma$ and $\beta$ are learned, so that the network can choose another mean and spread; $\varepsilon = 10^{-5}$ keeps the root away from 0.
#
# Its gradient. Every $x_n$ moves every output, through $\mu$ and $\sigma$. With $g_n$ the gradient for $y_n$, $h_n = \gamma g_n$ that for
# $\hat x_n$, and $\overline{\,\cdot\,}$ the mean over the batch, all of it comes to
#
# $$ \frac{\partial L}{\partial x_n} = \frac{1}{\sqrt{\sigma^2+\varepsilon}}\left(h_n - \overline{h} - \hat x_n\,\overline{h \hat x}\right),
# \qquad \frac{\partial L}{\partial \gamma} = \sum_n g_n \hat x_n, \qquad \frac{\partial L}{\partial \beta} = \sum_n g_n $$


# %%
EPS = 1e-5


def batch_norm(x, gamma, beta):
    """x (N, C), gamma and beta (C,) -> y (N, C)."""
    return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + EPS) + beta


def batch_norm_backward(g, x, gamma, beta):
    rstd = 1 / np.sqrt(x.var(0) + EPS)
    normal, h = (x - x.mean(0)) * rstd, g * gamma
    dx = rstd * (h - h.mean(0) - normal * (h * normal).mean(0))
    return dx, (g * normal).sum(0), g.sum(0)


x = rng.standard_normal((16, 3)) * 2 + 1
gamma, beta = rng.uniform(0.5, 2, 3), rng.standard_normal(3)
assert_gradients((batch_norm, batch_norm_backward), x, gamma, beta)

leaves = [Tensor(a, requires_grad=True) for a in (x, gamma, beta)]
y = ops.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=EPS)
assert np.allclose(y.data, batch_norm(x, gamma, beta))
g = rng.standard_normal(x.shape)
for ours, theirs in zip(batch_norm_backward(g, x, gamma, beta), grad(y, leaves, g)):
    assert np.allclose(ours, theirs)
print("by hand = finite differences = the library")

# %% [markdown]
# What do the two terms that are subtracted do? They take out of the gradient everything that batch norm makes impossible. Adding a constant
# to all $x_n$ changes nothing, nor does stretching them, so the gradient along both directions must be 0:

# %%
dx, _, _ = batch_norm_backward(g, x, gamma, beta)
print("along 'all the same':", np.abs(dx.sum(0)).max().round(12))
stretch = (dx * (x - x.mean(0))).sum(0)
print("along 'stretch':     ", np.abs(stretch).max().round(5), "(0 but for ε)")
for factor in (0.01, 1, 100):
    print(f"inputs x {factor:<5} output size {batch_norm(factor * x, 1, 0).std():.3f}")

# %% [markdown]
# In a convolution's output, "the batch" are all samples *and all places* of a channel: `nn.BatchNorm2d` is the same function on
# $(N \cdot H \cdot W, C)$. When single samples are to be drawn there is no batch, so the layer keeps running averages for later use,
# $\mu_\text{run} \leftarrow .9\,\mu_\text{run} + .1\,\mu$, and uses those in `eval` mode.

# %%
images = rng.standard_normal((8, 3, 4, 4)).astype("float32")
layer = nn.BatchNorm2d(3)
flat = images.transpose(0, 2, 3, 1).reshape(-1, 3)
by_hand = batch_norm(flat, 1, 0).reshape(8, 4, 4, 3).transpose(0, 3, 1, 2)
assert np.allclose(layer(Tensor(images)).data, by_hand, atol=1e-5)
assert np.allclose(layer.running_mean, 0.1 * flat.mean(0))
print("BatchNorm2d is batch_norm over samples and places")

# %% [markdown]
# ## What it does to a discriminator
#
# $D$ with batch norm no longer judges *a* sample: its verdict depends on the company. The same picture, judged among other real pictures, and
# among noise, by one discriminator in training mode:

# %%
pictures, labels = digits("train")
pictures = pictures * 2 - 1  # (1437, 1, 8, 8) in [-1, 1], as tanh will draw


def convolution(a, b, norm, rng):
    """Halves the picture: a channels to b."""
    return [nn.Conv2d(a, b, 4, stride=2, padding=1, rng=rng), *norm(b), nn.LeakyReLU(0.2)]


NORMS = {
    "none": lambda channels: [],
    "batch": lambda channels: [nn.BatchNorm2d(channels)],
    "layer": lambda channels: [nn.GroupNorm(1, channels)],  # over all that belongs to a sample
}


def make_discriminator(norm, rng):
    trunk = [*convolution(1, 32, NORMS["none"], rng), *convolution(32, 64, NORMS[norm], rng)]
    return nn.Sequential(*trunk, nn.Flatten(), nn.Linear(64 * 2 * 2, 1, rng=rng))


one, real_company = pictures[:1], pictures[1:64]
noise_company = rng.uniform(-1, 1, real_company.shape).astype("float32")
for norm in NORMS:
    D = make_discriminator(norm, np.random.default_rng(0))
    verdict = lambda company: D(Tensor(np.concatenate([one, company]))).data[0, 0]
    real, noise = verdict(real_company), verdict(noise_company)
    print(f"norm {norm:6} among real {real:+.4f}   among noise {noise:+.4f}")

# %% [markdown]
# It is a clue that $D$ may use (a batch of fakes betrays itself by its statistics), and it breaks everything that looks at one sample at a
# time, the gradient penalty of lesson 11 above all: $\nabla D(x_n)$ is no longer a function of $x_n$. So: batch norm in $G$, and in $D$ none,
# or a norm *over one sample*, such as layer norm, or spectral norm. (DCGAN itself had it in both.)
#
# ## DCGAN
#
# The recipe of Radford et al., which made GANs work on pictures in 2015: strided convolutions down in $D$, transposed ones up in $G$, no
# pooling, no hidden linear layers; batch norm; ReLU in $G$, leaky ReLU in $D$; tanh at the end; Adam with $\beta_1 = .5$.


# %%
def transposed(a, b, norm, rng):
    """Doubles the picture: a channels to b."""
    return [nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, rng=rng), *norm(b), nn.ReLU()]


def make_generator(norm, rng, noise=16):
    begin = nn.Linear(noise, 64 * 2 * 2, rng=rng)
    start = [begin, nn.Unflatten(1, (64, 2, 2)), *NORMS[norm](64), nn.ReLU()]
    last = [nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1, rng=rng), nn.Tanh()]
    return nn.Sequential(*start, *transposed(64, 32, NORMS[norm], rng), *last)


print(make_generator("batch", rng))

# %% [markdown]
# One training step is the algorithm box of the 2014 paper: sample, $D$'s step, $G$'s step. The generator's weights are averaged over the
# steps (`EMA`), as single steps draw less well than their average.


# %%
def train(g_norm, steps, seed=0, noise=16, batch=64):
    G = make_generator(g_norm, stream(seed, "G"))
    D = make_discriminator("none", stream(seed, "D"))
    g_weights, d_weights = G.parameters(), D.parameters()
    adam = lambda weights: optim.Adam(weights, lr=1e-3, betas=(0.5, 0.99))
    g_optimizer, d_optimizer = adam(g_weights), adam(d_weights)
    average, loader, losses = optim.EMA(G, 0.995), Loader(pictures, batch_size=batch, seed=seed), []
    for step in range(steps):
        z = stream(seed, "noise", step).standard_normal((batch, noise), dtype="float32")
        fake = G(Tensor(z))
        d_loss = non_saturating.discriminator(D(Tensor(loader.batch(step))), D(fake.detach()))
        d_optimizer.step(grad(d_loss, d_weights))
        g_loss = non_saturating.generator(None, D(fake))
        g_optimizer.step(grad(g_loss, g_weights))
        average.update(G)
        losses.append((d_loss.item(), g_loss.item()))
    z = stream(seed, "samples").standard_normal((1000, noise), dtype="float32")
    return average.module(Tensor(z)).data, np.array(losses)


STEPS = 1000 if FAST else 4000
samples, losses = {}, {}
for norm in ("none", "batch"):
    samples[norm], losses[norm] = train(norm, STEPS)

# %% [markdown]
# A classifier of real digits (lesson 12) says how far the samples are from real ones, and how often it reads each digit in them:

# %%
judge = train_classifier(pictures, labels, steps=600)
test = digits("test")[0] * 2 - 1  # 360 digits that nobody has seen
known, _ = judge.judge(pictures)
shown = {"no norm": samples["none"], "batch norm": samples["batch"], "real, unseen": test}
for name, drawn in shown.items():
    features, probabilities = judge.judge(drawn[:360])
    rarest = min(class_shares(probabilities))
    distance = frechet_distance(features, known)
    print(f"{name:14} Frechet distance {distance:6.1f}, rarest digit {rarest:.1%}")

# %%
fig, axes = plt.subplots(1, 3, figsize=(6.6, 2.4))
rows = {"real": pictures, "no norm in G": samples["none"], "batch norm in G": samples["batch"]}
for axis, (title, shown) in zip(axes, rows.items()):
    axis.imshow(image_grid(shown[:36], scale=1, border=1), vmin=0, vmax=255)
    axis.set_title(title)
    axis.set_axis_off()
plt.show()

# %% [markdown]
# With two layers to normalise the end is not very different; what
# batch norm changes is the beginning, where $G$'s signals have not found their size. The losses show it:

# %%
fig, axes = plt.subplots(1, 2, figsize=(7, 2.4), sharey=True)
for axis, norm in zip(axes, losses):
    for column, (name, colour) in enumerate((("D", "C0"), ("G", "C1"))):
        smooth = np.convolve(losses[norm][:, column], np.ones(25) / 25, "valid")
        axis.plot(smooth, color=colour, label=name)
    axis.axhline(np.log(4), color="#999999", linewidth=0.8, linestyle=":")
    axis.set(title=f"norm in G: {norm}", xlabel="step")
axes[0].set_ylabel("loss (dotted: a D that guesses)")
axes[0].legend()
plt.show()

# %% [markdown]
# How good the pictures are cannot be read off these curves: neither player can win for long, so a loss that stands still may mean balance or
# a stop. Lesson 11 has a loss that falls as pictures get better, lesson 12 says how to judge them.
#
# ## Exercises
#
# **1.** Derive the gradient of batch norm. Where does each of its three terms come from?
# <details><summary>Hint</summary>
#
# $\partial\mu/\partial x_n = 1/N$ and $\partial\sigma^2/\partial x_n = 2(x_n - \mu)/N$; the part of $\sigma^2$ that goes through $\mu$ is 0.
#
# </details>
#
# **2.** Give $D$ batch norm as well, and let it judge real and fake pictures in *one* batch of 128 instead of two. What changes?
# <details><summary>Hint</summary>
#
# `both = D(ops.cat([real, fake]))`, then split. With two batches, $D$ learns from statistics; $G$ then has to get only those right.
#
# </details>
#
# **3.** A convolution before batch norm needs no bias. Why? Check that its gradient is 0.
# <details><summary>Hint</summary>
#
# The mean is taken out again. "along 'all the same'" above.
#
# </details>
#
# **4.** The digits are 8 x 8. Change the two networks for MNIST's 28 x 28 (`tinygan.data.mnist`).
# <details><summary>Hint</summary>
#
# Start from 7 x 7: 7, 14, 28 are two doublings; `nn.Unflatten(1, (64, 7, 7))`.
#
# </details>
#
# ## Sources
#
# - S. Ioffe, C. Szegedy, *Batch normalization*, 2015, arXiv:1502.03167: algorithm 1 and the gradients in section 3.
# - A. Radford, L. Metz, S. Chintala, *Unsupervised representation learning with deep convolutional generative adversarial networks*, 2016,
#   arXiv:1511.06434: the guidelines in section 3.
# - I. Gulrajani et al., *Improved training of Wasserstein GANs*, 2017, arXiv:1704.00028, section 4: no batch norm in the critic.
# - `tinygan/ops/normalisation.py`, `tinygan/nn/norm.py`.
