# %% [markdown]
# # 10 · DCGAN, and why networks are normalised
#
# **You will build:** batch normalisation with its gradient, to see what it does to a deep network, and what it does to a discriminator that
# you would not expect; and a convolutional GAN that draws digits, with and without it.
#
# **You need:** the game (lesson 07) and convolution (lesson 09).
#
# **Time:** 50 minutes.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.data import Loader, digits
from tinygan.gradcheck import assert_gradients
from tinygan.metrics import class_shares, frechet_distance, train_classifier
from tinygan.plot import image_grid

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## Signals that fade
#
# Take twenty linear layers with ReLU. Draw their weights a little too small, or a little too large. How large is the signal after each? And
# how large, if each layer's numbers are first shifted and scaled to mean 0 and spread 1, over the 256 samples of the batch?

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
# Each layer multiplies the size by the same factor, so twenty layers multiply it by its twentieth power: $0.7^{20}$ is about a thousandth,
# $1.4^{20}$ about a thousand. Gradients are multiplied alike on their way back. Normalised (dashed, all three on one line), the size does
# not depend on the weights' scale at all.
#
# ## Batch normalisation by hand
#
# For one feature, $x_1, \dots, x_N$ are its values over the batch:
#
# $$ \mu = \frac1N\sum_n x_n, \qquad \sigma^2 = \frac1N\sum_n (x_n - \mu)^2, \qquad
# \hat x_n = \frac{x_n - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \qquad y_n = \gamma\,\hat x_n + \beta $$
#
# $\gamma$ and $\beta$ are learned, so that the network can choose another mean and spread. $\varepsilon = 10^{-5}$ keeps the root away from 0.
#
# Now its gradient. Every $x_n$ moves every output, through $\mu$ and $\sigma$. Let $g_n$ be the gradient of the loss $L$ for $y_n$, and
# $h_n = \gamma g_n$ that for $\hat x_n$. A bar is the mean over the batch. Three paths lead from $x_n$ to the loss: straight to $\hat x_n$,
# through $\mu$, and through $\sigma^2$. With $\partial\mu/\partial x_n = 1/N$ and $\partial\sigma^2/\partial x_n = 2(x_n - \mu)/N$ they come to the
# three terms of
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
assert_gradients((batch_norm, batch_norm_backward), x, gamma, beta)  # as in lesson 04
print("by hand = finite differences")

# %% [markdown]
# The library's `ops.batch_norm` takes two more arguments, arrays for running averages, which come below. `None` says that none are kept.
# `grad(y, leaves, g)` is the gradient of $\sum g\,y$ for each of the leaves.

# %%
leaves = [Tensor(a, requires_grad=True) for a in (x, gamma, beta)]
y = ops.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=EPS)
assert np.allclose(y.data, batch_norm(x, gamma, beta))
g = rng.standard_normal(x.shape)
for ours, theirs in zip(batch_norm_backward(g, x, gamma, beta), grad(y, leaves, g)):
    assert np.allclose(ours, theirs)
print("by hand = the library")

# %% [markdown]
# What do the two terms do that are subtracted? Adding a constant to all $x_n$ does not change the output. Stretching all of them does not
# either. So the gradient along both directions must be 0, and the two terms take these parts out of it:

# %%
dx, _, _ = batch_norm_backward(g, x, gamma, beta)
print("along 'all the same':", np.abs(dx.sum(0)).max().round(12))
stretch = (dx * (x - x.mean(0))).sum(0)
print("along 'stretch':     ", np.abs(stretch).max().round(5), "(0 but for ε)")
for factor in (0.01, 1, 100):
    print(f"inputs x {factor:<5} output size {batch_norm(factor * x, 1, 0).std():.3f}")

# %% [markdown]
# In a convolution's output, "the batch" are all samples *and all places* of a channel: `nn.BatchNorm2d` is the same function on
# $(N \cdot H \cdot W, C)$. After training, we may draw a single sample. It has no batch around it. So the layer keeps running averages
# while it trains, $\mu_\text{run} \leftarrow .9\,\mu_\text{run} + .1\,\mu$, and the same for $\sigma^2$. A network begins in training mode;
# after `network.eval()` it uses the running averages, after `network.train()` the batch again.

# %%
images = rng.standard_normal((8, 3, 4, 4)).astype("float32")
layer = nn.BatchNorm2d(3)
flat = images.transpose(0, 2, 3, 1).reshape(-1, 3)
by_hand = batch_norm(flat, 1, 0).reshape(8, 4, 4, 3).transpose(0, 3, 1, 2)
assert np.allclose(layer(Tensor(images)).data, by_hand, atol=1e-5)
assert np.allclose(layer.running_mean, 0.1 * flat.mean(0))  # it began at 0
print("BatchNorm2d is batch_norm over samples and places")

# %% [markdown]
# ## What it does to a discriminator
#
# A discriminator with batch norm no longer judges *a* sample: its verdict depends on the company. We let one discriminator, in training mode,
# judge the same picture twice: among other real pictures, and among noise. There are three kinds of it, which differ in the norm of their
# second layer: none, batch norm, and **layer norm**, which takes mean and spread over all numbers of *one* sample. (The library calls layer
# norm of pictures `GroupNorm` with one group. `Identity` is a layer that does nothing.)

# %%
pictures, labels = digits("train")
pictures = pictures * 2 - 1  # (1437, 1, 8, 8) in [-1, 1], as tanh will draw


def make_norm(kind, channels):
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "layer":
        return nn.GroupNorm(1, channels)
    return nn.Identity()


def make_discriminator(kind, rng):
    """Return v: pictures (N, 1, 8, 8) -> verdicts (N, 1). Each convolution halves the picture's sides."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 4, stride=2, padding=1, rng=rng), nn.LeakyReLU(0.2),  # (N, 32, 4, 4)
        nn.Conv2d(32, 64, 4, stride=2, padding=1, rng=rng), make_norm(kind, 64),  # (N, 64, 2, 2)
        nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(64 * 2 * 2, 1, rng=rng),
    )  # fmt: skip


one, real_company = pictures[:1], pictures[1:64]
noise_company = rng.uniform(-1, 1, real_company.shape).astype("float32")
for kind in ("none", "batch", "layer"):
    v = make_discriminator(kind, np.random.default_rng(0))
    among_real = v(np.concatenate([one, real_company])).data[0, 0]
    among_noise = v(np.concatenate([one, noise_company])).data[0, 0]
    print(f"norm {kind:6} among real {among_real:+.4f}   among noise {among_noise:+.4f}")

# %% [markdown]
# With batch norm the company changes the verdict. This breaks everything that looks at one sample at a time. The gradient penalty of
# lesson 11 is the worst case: $\nabla v(x_n)$ is no longer a function of $x_n$ alone. So one takes batch norm in $G$, and in the discriminator
# no norm, or one *over one sample*, such as layer norm. (DCGAN itself had batch norm in both.)
#
# ## DCGAN
#
# This is the recipe of Radford et al., which made GANs work on pictures in 2015. The discriminator goes down by strided convolutions, the
# generator up by transposed ones (lesson 09). It has batch norm. It has neither pooling nor a hidden linear layer. $G$ has ReLU, the
# discriminator leaky ReLU. $G$ ends in tanh, so that pictures lie in $[-1, 1]$. Adam has $\beta_1 = 0.5$ (lesson 08 says why so low). Ours is
# small, as the digits are 8 x 8. It begins with a linear layer, whose 256 outputs `Unflatten` arranges as 64 channels of 2 x 2.


# %%
NOISE = 16  # numbers that G turns into a picture


def make_generator(kind, rng):
    """Return G: noise (N, 16) -> pictures (N, 1, 8, 8). Each transposed convolution doubles its sides."""
    return nn.Sequential(
        nn.Linear(NOISE, 64 * 2 * 2, rng=rng), nn.Unflatten(1, (64, 2, 2)), make_norm(kind, 64), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, rng=rng), make_norm(kind, 32),  # (N, 32, 4, 4)
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1, rng=rng), nn.Tanh(),  # (N, 1, 8, 8)
    )  # fmt: skip


print(make_generator("batch", rng))

# %% [markdown]
# One training step is the algorithm box of the 2014 paper: sample, the discriminator's step, the generator's step, with the non-saturating
# losses of lesson 07. Two helpers are of the library:
#
# - `Loader(pictures, batch_size=64, seed=0)` shuffles the pictures. `loader.batch(step)` is the batch of that step, an array; after the last
#   batch of an epoch it shuffles anew.
# - `optim.EMA(G, 0.99)` keeps an exponential moving average of $G$'s weights, $\bar w \leftarrow 0.99\,\bar w + 0.01\,w$ at each
#   `average.update(G)`. `average.module` is a copy of $G$ with the averaged weights, in `eval` mode. While $G$ swings about, the average over
#   the last hundred steps or so stays near the middle, and draws better.


# %%
STEPS = 160 if FAST else 2000
EARLY = STEPS // 8  # when we look for the first time


def train(kind, seed):
    """Train a GAN with a norm in G. Return pictures early and at the end, and the losses (STEPS, 2)."""
    rng = np.random.default_rng(seed)
    G, v = make_generator(kind, rng), make_discriminator("none", rng)
    g_optimizer = optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
    v_optimizer = optim.Adam(v.parameters(), lr=1e-3, betas=(0.5, 0.99))
    average = optim.EMA(G, 0.99)
    loader = Loader(pictures, batch_size=64, seed=seed)
    z_shown = rng.standard_normal((360, NOISE), dtype="float32")
    drawn, losses = {}, []
    for step in range(STEPS):
        fake = G(rng.standard_normal((64, NOISE), dtype="float32"))
        verdict_on_fake = v(fake.detach())  # no gradient to G in the discriminator's step
        d_loss = -ops.mean(ops.logsigmoid(v(loader.batch(step)))) - ops.mean(ops.logsigmoid(-verdict_on_fake))
        v_optimizer.step(grad(d_loss, v.parameters()))
        g_loss = -ops.mean(ops.logsigmoid(v(fake)))
        g_optimizer.step(grad(g_loss, G.parameters()))
        average.update(G)
        losses.append((d_loss.item(), g_loss.item()))
        if step + 1 in (EARLY, STEPS):
            drawn[step + 1] = average.module(z_shown).data
    return drawn[EARLY], drawn[STEPS], np.array(losses)


SEEDS = (0,) if FAST else (0, 1, 2)
runs = {kind: [train(kind, seed) for seed in SEEDS] for kind in ("none", "batch")}

# %% [markdown]
# How far are the samples from real digits? Lesson 12 answers this at length. Here we take its tools as they are. `train_classifier` trains a
# small network to read digits. `judge.judge(images)` returns what its last hidden layer says of each picture, the **features**, and the
# probabilities of the ten digits. The **Frechet distance** compares mean and covariance of two sets of features: 0 is the same, and less is
# better. `class_shares` says how often each digit is read; the rarest is the one that a collapsed $G$ would lack. For each, we print the mean
# over the seeds, and the range.

# %%
judge = train_classifier(pictures, labels, steps=150 if FAST else 600)
known, _ = judge.judge(pictures)


def score(images):
    """Return the Frechet distance to real digits, and the share of the rarest digit."""
    features, probabilities = judge.judge(images)
    return frechet_distance(features, known), min(class_shares(probabilities))


def say(name, scores):
    """Print a row of the table from scores (seeds, 2): each column's mean, and its least and most."""
    (distance, rarest), low, high = scores.mean(axis=0), scores.min(axis=0), scores.max(axis=0)
    distances, shares = f"({low[0]:.1f} to {high[0]:.1f})", f"({low[1]:.1%} to {high[1]:.1%})"
    print(f"{name:27}{distance:7.1f} {distances:17}{rarest:6.1%} {shares}")


print(f"{'':27}Frechet distance (range)   rarest digit (range)")
for kind in ("none", "batch"):
    say(f"norm {kind}, step {EARLY}", np.array([score(early) for early, _, _ in runs[kind]]))
    say(f"norm {kind}, step {STEPS}", np.array([score(end) for _, end, _ in runs[kind]]))
unseen = digits("test")[0] * 2 - 1  # 360 digits that nobody has trained on
say("real, unseen", np.array([score(unseen)]))

# %%
fig, axes = plt.subplots(2, 3, figsize=(6.6, 4.7))
for row, kind in enumerate(("none", "batch")):
    early, end, _ = runs[kind][0]
    for ax, images, title in ((axes[row, 0], early, f"step {EARLY}"), (axes[row, 1], end, f"step {STEPS}")):
        ax.imshow(image_grid(images[:36], scale=1, border=1), vmin=0, vmax=255)  # 36 pictures as one
        ax.set_title(f"norm {kind}, {title}")
axes[0, 2].imshow(image_grid(pictures[:36], scale=1, border=1), vmin=0, vmax=255)
axes[0, 2].set_title("real")
for ax in axes.flat:
    ax.set_axis_off()
plt.show()

# %% [markdown]
# Compare the two kinds at the first look, then at the end. A difference between them counts only if it is larger than the ranges over the
# seeds. With so few layers to normalise, do not expect much at the end. The signals of a deeper $G$ have more layers in which to fade or
# grow, as in the first picture. Here are the losses on the way, of one seed:

# %%
fig, axes = plt.subplots(1, 2, figsize=(7, 2.4), sharey=True)
for ax, kind in zip(axes, runs):
    losses = runs[kind][0][2]  # of seed 0
    window = np.ones(25) / 25  # a mean over 25 steps, to see the line in the noise
    ax.plot(np.convolve(losses[:, 0], window, "valid"), color="C0", label="discriminator")
    ax.plot(np.convolve(losses[:, 1], window, "valid"), color="C1", label="generator")
    ax.axhline(np.log(4), color="#999999", linewidth=0.8, linestyle=":")
    ax.set(title=f"norm in G: {kind}", xlabel="step")
axes[0].set_ylabel("loss")
axes[0].legend()
plt.show()

# %% [markdown]
# (Dotted: $\log 4$, the loss of a discriminator that can only guess.) How good the pictures are cannot be read off these curves. Neither player
# can win for long, so a loss that stands still may mean balance or a stop. Lesson 11 has a loss that falls as pictures get better, lesson 12
# says how to judge them.
#
# ## Exercises
#
# **1.** Layer norm takes mean and spread over the features of one sample: $\hat x_{nc} = (x_{nc} - \mu_n) / \sqrt{\sigma_n^2 + \varepsilon}$. Write its
# gradient, `layer_norm_backward(g, x)`, without $\gamma$ and $\beta$, for `x` and `g` (N, C).
# <details><summary>Hint</summary>
#
# Batch norm of the transposed array is layer norm. Which axis do the means go over, and which shape must they keep?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def layer_norm_backward(g, x):
#     rstd = 1 / np.sqrt(x.var(axis=1, keepdims=True) + EPS)
#     normal = (x - x.mean(axis=1, keepdims=True)) * rstd
#     return rstd * (g - g.mean(axis=1, keepdims=True) - normal * (g * normal).mean(axis=1, keepdims=True))
# ```
#
# The three terms are the three paths again: straight, through the mean, through the spread. They now belong to one sample, so no sample's
# gradient depends on another sample.
#
# </details>


# %%
def layer_norm(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + EPS)


layer_norm_backward = None  # exercise 1: def layer_norm_backward(g, x), from (N, C) and (N, C) to (N, C)
if layer_norm_backward is not None:
    x = 3 * rng.standard_normal((4, 6)) + 1
    g = rng.standard_normal((4, 6))
    answer = layer_norm_backward(g, x)
    assert np.shape(answer) == (4, 6), f"the gradient has x's shape (4, 6), and yours {np.shape(answer)}"
    along = np.abs(answer.sum(axis=1)).max()
    assert along < 1e-9, f"a constant on all features changes nothing; your gradient along it: {along:.3f}"
    assert_gradients((layer_norm, layer_norm_backward), x)
    print("exercise 1 is right")

# %% [markdown]
# **2.** A discriminator with batch norm can judge real and fake pictures in two batches, `v(real)` and `v(fake)`, or both in *one* batch. Write
# `judge_together(v, real, fake)`: it puts both in one batch, judges it, and returns two Tensors, the verdicts on the real pictures and those on
# the fake ones. The cell then lets an untrained `v` judge real pictures against the same pictures at half the contrast. Before you run it:
# which way can `v` tell the two apart?
# <details><summary>Hint</summary>
#
# `ops.cat([real, fake])` joins Tensors or arrays along the first axis. A Tensor is sliced as an array is.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def judge_together(v, real, fake):
#     verdicts = v(ops.cat([real, fake]))
#     return verdicts[: len(real)], verdicts[len(real) :]
# ```
#
# In two batches, each is scaled to spread 1 by itself: half the contrast is scaled up again, and the verdicts are the same but for $\varepsilon$.
# The discriminator is blind to contrast, and $G$ need not learn it. In one batch, both are scaled by the same number, and the difference
# stays. But then the verdict on a real picture depends on the fake ones.
#
# </details>

# %%
judge_together = None  # exercise 2: def judge_together(v, real, fake), two Tensors of verdicts
if judge_together is not None:
    v = nn.Sequential(  # no biases: they do not shrink with the contrast
        nn.Conv2d(1, 32, 4, stride=2, padding=1, bias=False, rng=rng), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(32 * 4 * 4, 1, rng=rng),
    )  # fmt: skip
    real, fake = Tensor(pictures[:64]), Tensor(pictures[:64] / 2)
    on_real, on_fake = judge_together(v, real, fake[:32])
    assert isinstance(on_real, Tensor), "return Tensors: the discriminator's loss needs their tape"
    assert on_real.shape == (64, 1) and on_fake.shape == (32, 1), "64 verdicts on real, 32 on fake"
    expected = v(np.concatenate([real.data, fake.data[:32]])).data
    assert np.allclose(on_real.data, expected[:64], atol=1e-5), "judge both in one batch, real ones first"
    assert np.allclose(on_fake.data, expected[64:], atol=1e-5), "the verdicts on fake pictures"
    on_real, on_fake = judge_together(v, real, fake)
    print(f"two batches: mean difference of verdicts {np.abs((v(real) - v(fake)).data).mean():.4f}")
    print(f"one batch:   mean difference of verdicts {np.abs((on_real - on_fake).data).mean():.4f}")
    print("exercise 2 is right")

# %% [markdown]
# **3.** A convolution before batch norm needs no bias. Why? Show it: write `bias_gradient(kind, images)`. It makes a convolution
# `nn.Conv2d(1, 4, 3, rng=...)` with a norm of this kind behind it, takes the sum of the *squared* outputs times `weights` below as the loss,
# and returns the gradient for the convolution's bias, (4,).
# <details><summary>Hint</summary>
#
# Use `make_norm(kind, 4)`. `grad(loss, [bias])` returns a list of one array. What did "along 'all the same'" say above?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def bias_gradient(kind, images):
#     convolution = nn.Conv2d(1, 4, 3, rng=np.random.default_rng(0))
#     y = make_norm(kind, 4)(convolution(images))
#     return grad(ops.sum(y**2 * weights), [convolution.bias])[0]
# ```
#
# The bias adds the same number to all of a channel's values. Batch norm takes the mean of a channel out again. So the bias changes nothing,
# and its gradient is 0. Layer norm takes *one* mean out of all four channels together. The four biases differ, so there they count.
#
# </details>

# %%
weights = rng.standard_normal((32, 4, 6, 6)).astype("float32")
bias_gradient = None  # exercise 3: def bias_gradient(kind, images), an array (4,)
if bias_gradient is not None:
    sizes = {}
    for kind in ("none", "batch", "layer"):
        answer = np.asarray(bias_gradient(kind, pictures[:32]))
        assert answer.shape == (4,), f"a number for each of 4 channels, not the shape {answer.shape}"
        sizes[kind] = np.abs(answer).max()
        print(f"norm {kind:6} largest gradient of a bias {sizes[kind]:.5f}")
    assert sizes["batch"] < 1e-2, "with batch norm it must be 0, but for rounding"
    assert sizes["none"] > 0.1 and sizes["layer"] > 0.1, "with no norm, and with layer norm, it is not 0"
    print("exercise 3 is right")

# %% [markdown]
# **4.** The digits are 8 x 8. MNIST's are 28 x 28. Write `players_28(rng)`: it returns `G` and `v` for such pictures, in the style of the two
# above, `G` with batch norm, `v` with none.
# <details><summary>Hint</summary>
#
# 28 halved is 14, and halved again 7. Which number of outputs does the linear layer of `G` need to begin at 7 x 7?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def players_28(rng):
#     G = nn.Sequential(
#         nn.Linear(NOISE, 64 * 7 * 7, rng=rng), nn.Unflatten(1, (64, 7, 7)), nn.BatchNorm2d(64), nn.ReLU(),
#         nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, rng=rng), nn.BatchNorm2d(32), nn.ReLU(),
#         nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1, rng=rng), nn.Tanh(),
#     )
#     v = nn.Sequential(
#         nn.Conv2d(1, 32, 4, stride=2, padding=1, rng=rng), nn.LeakyReLU(0.2),
#         nn.Conv2d(32, 64, 4, stride=2, padding=1, rng=rng), nn.LeakyReLU(0.2),
#         nn.Flatten(), nn.Linear(64 * 7 * 7, 1, rng=rng),
#     )
#     return G, v
# ```
#
# Only the beginning of `G` and the end of `v` change: 7 x 7 takes the place of 2 x 2. `tinygan.data.mnist` fetches the pictures, if you
# want to train the two.
#
# </details>

# %%
players_28 = None  # exercise 4: def players_28(rng), which returns G and v
if players_28 is not None:
    G, v = players_28(np.random.default_rng(0))
    drawn = G(rng.standard_normal((8, NOISE), dtype="float32"))
    assert drawn.shape == (8, 1, 28, 28), f"G draws {drawn.shape}, and 8 pictures of MNIST are (8, 1, 28, 28)"
    again = G(100 * rng.standard_normal((8, NOISE), dtype="float32"))
    assert np.abs(again.data).max() <= 1, "pictures must lie in [-1, 1]: G ends in tanh"
    assert v(drawn).shape == (8, 1), f"one verdict for each picture: (8, 1), not {v(drawn).shape}"
    alone = v(drawn[:1]).data
    assert np.allclose(alone, v(drawn).data[:1], atol=1e-5), "v's verdict depends on the company"
    kinds = [type(module).__name__ for module in G.modules()]
    assert "BatchNorm2d" in kinds, "G must have batch norm"
    slopes = grad(ops.sum(v(drawn) ** 2), [*G.parameters(), *v.parameters()])
    assert all(np.isfinite(slope).all() for slope in slopes), "a gradient is not finite"
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - S. Ioffe, C. Szegedy, *Batch normalization*, 2015, arXiv:1502.03167: algorithm 1 and the gradients in section 3.
# - A. Radford, L. Metz, S. Chintala, *Unsupervised representation learning with deep convolutional generative adversarial networks*, 2016,
#   arXiv:1511.06434: the guidelines in section 3.
# - I. Gulrajani et al., *Improved training of Wasserstein GANs*, 2017, arXiv:1704.00028, section 4: no batch norm in the critic.
# - `tinygan/ops/normalisation.py`, `tinygan/nn/norm.py`.
