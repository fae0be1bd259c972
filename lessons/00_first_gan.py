# %% [markdown]
# # 00 · A GAN in one minute
#
# **You will build:** two networks that play against each other until one of them draws handwritten digits.
#
# **You need:** Python. What a gradient is and where it comes from is the business of lessons 01 to 06; here it is enough that
# `grad(loss, parameters)` says, for every weight, how the loss changes when that weight grows a little.
#
# **Time:** 15 minutes, one of them the computer's

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.data import digits
from tinygan.plot import image_grid

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests
rng = np.random.default_rng(0)

# %% [markdown]
# ## What is real
#
# 1,797 digits, written by people and scanned as 8 × 8 pixels. They come with tinygan. To a network, a picture is a row of 64 numbers
# from -1 (black) to 1 (white).

# %%
images, labels = digits()
real_digits = images.reshape(-1, 64) * 2 - 1  # (1797, 64)


def show(pictures, columns, title, rows=()):
    """Draw pictures (N, 64) side by side; `rows` are labels on the left."""
    grid = image_grid(pictures.reshape(-1, 1, 8, 8), columns, scale=4)
    plt.figure(figsize=(6.4, 6.4 * grid.shape[0] / grid.shape[1] + 0.3))
    plt.imshow(grid)
    height = grid.shape[0] / (len(pictures) // columns)
    plt.yticks([(i + 0.5) * height for i in range(len(rows))], rows)
    plt.xticks([])
    plt.grid(False)
    plt.gca().spines[:].set_visible(False)
    plt.tick_params(length=0)
    plt.title(title)
    plt.show()


show(real_digits[:32], 16, "real: what people wrote")

# %% [markdown]
# ## Two players
#
# The **generator** $G$ sees nothing but noise: 16 random numbers $z$. It makes a picture of them.
# The **discriminator** $D$ sees a picture and gives a verdict: one number, large for "real", small for "generated".
#
# Each is two hidden layers of 128 numbers. `Linear` mixes numbers with weights that will be learned, and `ReLU` (zero for negative
# numbers, unchanged for others) bends the result, without which two layers would be no more than one.

# %%
NOISE = 16


def players(seed=0):
    """A generator and a discriminator, with weights drawn at random."""
    rng = np.random.default_rng(seed)
    G = nn.Sequential(
        nn.Linear(NOISE, 128, rng=rng), nn.ReLU(),
        nn.Linear(128, 128, rng=rng), nn.ReLU(),
        nn.Linear(128, 64, rng=rng), nn.Tanh(),  # Tanh: pixels between -1 and 1
    )  # fmt: skip
    D = nn.Sequential(
        nn.Linear(64, 128, rng=rng), nn.LeakyReLU(0.2),
        nn.Linear(128, 128, rng=rng), nn.LeakyReLU(0.2),
        nn.Linear(128, 1, rng=rng),
    )  # fmt: skip
    return G, D


def noise(n, rng=rng):
    """z for n pictures: (n, 16)."""
    return Tensor(rng.standard_normal((n, NOISE), dtype="float32"))


G, D = players()
show(G(noise(16)).numpy(), 16, "generated, before any training")
print("verdicts on 4 real digits:     ", *D(Tensor(real_digits[:4])).numpy().ravel().round(3))
print("verdicts on 4 generated ones:  ", *D(G(noise(4))).numpy().ravel().round(3))

# %% [markdown]
# ## What each wants
#
# Write $\sigma(v) = 1 / (1 + e^{-v})$ for the verdict $v$ turned into a probability between 0 and 1. $D$ wants $\sigma(D(x))$ near 1 for real
# pictures $x$ and near 0 for generated ones; $G$ wants $\sigma(D(G(z)))$ near 1. As quantities to be made small:
#
# $$ L_D = -\operatorname{mean} \log \sigma(D(x)) - \operatorname{mean} \log\bigl(1 - \sigma(D(G(z)))\bigr), \qquad L_G = -\operatorname{mean} \log \sigma(D(G(z))). $$
#
# As $1 - \sigma(v) = \sigma(-v)$, both are one function, `logsigmoid`.


# %%
def loss_of_D(real, fake):
    """real, fake: D's verdicts on real and generated pictures."""
    return -ops.mean(ops.logsigmoid(real)) - ops.mean(ops.logsigmoid(-fake))


def loss_of_G(fake):
    return -ops.mean(ops.logsigmoid(fake))


from tinygan.gan.objectives import non_saturating  # the library's

v, w = Tensor(rng.standard_normal(5)), Tensor(rng.standard_normal(5))
assert loss_of_D(v, w).item() == non_saturating.discriminator(v, w).item()
assert loss_of_G(w).item() == non_saturating.generator(None, w).item()

# %% [markdown]
# Believe no gradient that you have not checked. Here is the one of $L_G$ for a single weight of $G$ (the one that matters most), computed by
# `grad`, beside what happens to $L_G$ when that weight really is moved up and down by a hundredth.

# %%
z = noise(64)
weight = G[0].weight
(gradient,) = grad(loss_of_G(D(G(z))), weight)
i, j = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)


def loss_with(change):
    """L_G with weight i, j changed."""
    before, moved = weight.data, weight.data.copy()
    moved[i, j] += change
    weight.data = moved
    loss = loss_of_G(D(G(z))).item()
    weight.data = before
    return loss


measured = (loss_with(0.01) - loss_with(-0.01)) / 0.02
print(f"grad says {gradient[i, j]:.5f}, moving the weight says {measured:.5f}")
assert abs(gradient[i, j] - measured) < 0.02 * abs(measured)

# %% [markdown]
# ## The game
#
# In each step $D$ gets a little better at telling the two kinds apart, then $G$ a little better at passing for real. That is all. Two
# things help it along, and each has a lesson of its own:
#
# - **a penalty on the slope of $D$** (06, 08): $\gamma/2$ times the mean square of $|\nabla D(x)|$ on real pictures is added to $L_D$. It keeps
#   $D$ from becoming so steep that $G$ learns nothing from it.
# - **an average of $G$'s weights** over the last few hundred steps: it draws better than $G$ at any single moment.

# %%
from tinygan.gan.penalties import zero_centred

z_shown = noise(14)  # the same noise is drawn again and again, to see what becomes of it


def play(steps, real_digits=real_digits, gamma=0.5, learning_rate=1e-3, seed=0):
    """Train two new players. Returns D, the averaged G, and what was seen on the way."""
    G, D = players(seed)
    rng = np.random.default_rng(seed)
    g_optimizer, d_optimizer = (optim.Adam(p.parameters(), learning_rate, betas=(0.5, 0.99)) for p in (G, D))
    average = optim.EMA(G, 0.995)
    drawn, verdicts = {}, []
    for step in range(steps + 1):
        real = Tensor(real_digits[rng.integers(len(real_digits), size=64)], requires_grad=True)
        fake = G(noise(64, rng))

        on_real = D(real)
        d_loss = loss_of_D(on_real, D(fake.detach()))  # detach: D's step does not reach into G
        if gamma:
            d_loss = d_loss + gamma / 2 * zero_centred(on_real, real)
        d_optimizer.step(grad(d_loss, D.parameters()))

        on_fake = D(fake)
        g_optimizer.step(grad(loss_of_G(on_fake), G.parameters()))
        average.update(G)

        if step in (0, steps // 60, steps // 20, steps // 5, steps):
            drawn[step] = average.module(z_shown).numpy()
        if step % 20 == 0:
            verdicts.append([step, *(ops.mean(ops.sigmoid(v)).item() for v in (on_real, on_fake))])
    return D, average.module, drawn, np.array(verdicts)


D, G, drawn, verdicts = play(steps=600 if FAST else 6000)
pictures = np.concatenate(list(drawn.values()))
show(pictures, 14, "the same 14 noises, as training goes on", [f"step {s}" for s in drawn])

# %% [markdown]
# ## What the two saw of each other
#
# The mean of $\sigma(D)$, the probability of being real that $D$ gives to each kind. Were $D$ always right, the blue line would be at 1 and the orange
# one at 0; were it only guessing, both would be at ½. At first $D$ finds out what is generated; then $G$ catches up, and they hold each other
# near the middle.

# %%
steps, on_real, on_fake = verdicts.T
plt.plot(steps, on_real, label="real digits")
plt.plot(steps, on_fake, label="generated digits")
plt.axhline(0.5, color="#888888", linewidth=1, linestyle=":")
plt.xlabel("training step")
plt.ylabel("D's mean probability of real")
plt.ylim(0, 1)
plt.legend()
plt.show()
assert on_real[-20:].mean() > on_fake[-20:].mean()  # D still has a small advantage

# %% [markdown]
# ## Did it learn by heart?
#
# Below new digits, under each the real one that is nearest to it. They are alike, not equal: $G$ has never seen a real digit, it only
# heard from $D$.

# %%
new = G(noise(14)).numpy()
distance = ((new[:, None] - real_digits) ** 2).mean(2)  # (14, 1797)
nearest = real_digits[distance.argmin(1)]
show(np.concatenate([new, nearest]), 14, "new, and the nearest real one", ["new", "nearest"])
assert distance.min() > 1e-3  # none is a copy

# %% [markdown]
# And between two noises there are digits too. Each row walks in a straight line from one $z$ to another:

# %%
start, end = noise(5).numpy(), noise(5).numpy()
walk = np.linspace(start, end, 14, axis=1, dtype="float32")  # (5, 14, 16)
show(G(Tensor(walk.reshape(-1, NOISE))).numpy(), 14, "walks from one noise to another")

# %% [markdown]
# ## Your own change
#
# $G$ knows of the world what $D$ tells it. Show $D$ only the threes, and see:

# %%
threes = real_digits[labels == 3]
_, G3, drawn, _ = play(600 if FAST else 3000, threes)
pictures = np.concatenate(list(drawn.values()))
show(pictures, 14, f"brought up on {len(threes)} threes", [f"step {s}" for s in drawn])

new = G3(noise(200)).numpy()
nearest = ((new[:, None] - real_digits) ** 2).mean(2).argmin(1)
print(f"of 200 new digits, {(labels[nearest] == 3).mean():.1%} are nearest to a real three")

# %% [markdown]
# ## Exercises
#
# **1.** The loop above has one line that makes $G$ move. Take it out in your head: what will the picture of verdicts look like? Then take it out
# in the notebook.
# <details><summary>Hint</summary>
#
# $D$ plays alone against pictures that never change. Nothing keeps it from being right: blue goes to 1, orange to 0.
#
# </details>
#
# **2.** Let $z$ be a single number: `NOISE = 1`, and run the notebook again. What do you expect of the walks? And of the variety?
# <details><summary>Hint</summary>
#
# $G$ is continuous, so with one number it can only lay a thread through the digits: all of them in one long line, where neighbours turn
# into one another.
#
# </details>
#
# **3.** Try `learning_rate=1e-2` and `1e-4`. Which symptom has which cause?
# <details><summary>Hint</summary>
#
# Too large: the players overshoot, pictures flicker from one drawing to the next or fill with noise. Too small: after 6000 steps it
# looks as `1e-3` did after 600.
#
# </details>
#
# **4.** How few real pictures are enough? Try `threes[:20]`, and look at the nearest neighbours again.
# <details><summary>Hint</summary>
#
# With very few, $D$ knows each of them by heart, and $G$ is driven to copy them.
#
# </details>
#
# **5.** `gamma=0` takes the penalty away. Compare the rows of both pictures, step for step: what comes later, and what is worse in the end?
# <details><summary>Hint</summary>
#
# Look at how early all 14 are digits, and at single pixels that are grey in the strokes. Other seeds say whether it was luck: `play(..., seed=1)`.
#
# </details>
#
# The same game with an LSTM that writes a digit row by row, and a convolutional judge: `tinygan train digits` (lesson 15).
#
# ## Sources
#
# - I. Goodfellow et al., *Generative adversarial nets*, 2014, arXiv:1406.2661: the game is equation 1, $L_G$ is from section 3.
# - L. Mescheder, A. Geiger, S. Nowozin, *Which training methods for GANs do actually converge?*, 2018, arXiv:1801.04406: the penalty is equation 9.
# - Y. Yazıcı et al., *The unusual effectiveness of averaging in GAN training*, 2019, arXiv:1806.04498.
# - E. Alpaydin, C. Kaynak, *Optical recognition of handwritten digits*, UCI Machine Learning Repository, 1998.
