# %% [markdown]
# # 00 · A GAN in one minute
#
# **You will build:** two networks that play against each other until one of them draws handwritten digits.
#
# **You need:** Python and NumPy. Lessons 01 to 06 explain gradients. A network computes with numbers that it learns: its **weights**, also called its
# parameters. Here it is enough that `grad(loss, parameters)` says, for every weight, how fast the loss changes when that weight grows. That is the
# loss's **slope** for this weight.
#
# **Time:** 20 minutes, one of them the computer's

# %% [markdown]
# What is imported from tinygan: a `Tensor` is an array that remembers how it was computed, and `grad` reads slopes from that memory. `ops` has
# functions of tensors, such as the mean. `nn` has the layers of networks. `optim` has the rules that move weights.

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
# People wrote 1,797 digits, which were scanned as 8 × 8 pixels. They come with tinygan. To a network, a picture is a row of 64 numbers
# from -1 (black) to 1 (white). `image_grid` puts many pictures side by side into one.

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
# The **generator** $G$ gets nothing but noise: 16 random numbers $z$. It turns them into a picture $G(z)$.
# The **discriminator** gets a picture $x$ and gives a **verdict** $v(x)$: one number, large for "real", small for "generated".
#
# Each player has a **loss**: a number that it wants to make small. The discriminator's loss $L_D$ is small if its verdicts are right. The generator's loss $L_G$ is small
# if the discriminator takes generated pictures for real.
# The slopes of each loss go back to the weights of one player. The slopes of $L_G$ come to $G$ *through* the discriminator: it tells $G$ how to change
# each pixel.


# %%
def box(ax, x, y, words, colour):
    ax.text(x, y, words, ha="center", va="center", bbox={"boxstyle": "round", "fc": "white", "ec": colour})


def arrow(ax, start, end, colour="#888888", style="-", bend=0.0):
    look = {"arrowstyle": "->", "color": colour, "linestyle": style, "shrinkA": 4, "shrinkB": 4}
    ax.annotate("", end, start, arrowprops={**look, "connectionstyle": f"arc3,rad={bend}"})


figure, ax = plt.subplots(figsize=(7.2, 2.7))
box(ax, 0.0, 2, "noise\n$z$", "#888888")
box(ax, 1.2, 2, "generator\n$G$", "C1")
box(ax, 2.7, 2, "generated\n$G(z)$", "#888888")
box(ax, 2.7, 0, "real\n$x$", "#888888")
box(ax, 4.3, 1, "discriminator\n$v$", "C0")
box(ax, 6.1, 2, "$L_G$", "C1")
box(ax, 6.1, 0, "$L_D$", "C0")
for start, end in (
    ((0.2, 2), (0.75, 2)), ((1.65, 2), (2.2, 2)), ((3.2, 2), (3.9, 1.35)),
    ((2.95, 0), (3.9, 0.65)), ((4.9, 1.1), (5.85, 1.8)), ((4.9, 0.9), (5.85, 0.2)),
):  # fmt: skip
    arrow(ax, start, end)
arrow(ax, (5.85, -0.1), (4.35, 0.6), "C0", "--", bend=-0.3)
ax.text(4.2, -0.35, "slopes for the\ndiscriminator", color="C0", ha="center", va="center", fontsize=9)
arrow(ax, (5.85, 2.2), (4.35, 1.4), "C1", "--", bend=0.3)
arrow(ax, (4.2, 1.4), (1.3, 2.4), "C1", "--", bend=0.45)
ax.text(4.8, 2.7, "slopes for the\ngenerator", color="C1", ha="center", va="center", fontsize=9)
ax.set(xlim=(-0.4, 6.5), ylim=(-0.7, 3.3))
ax.axis("off")
plt.show()

# %% [markdown]
# Each player is a network. It turns its input into 128 numbers, these into 128 others, and those into its result. The two rows of 128 numbers are called hidden layers.
# `Linear` mixes numbers with weights that will be learned. `ReLU` bends the result: it
# gives zero for negative numbers and leaves others unchanged. Without a bend, two layers would do no more than one. `LeakyReLU(0.2)` bends less: it multiplies
# negative numbers by 0.2.

# %%
NOISE = 16


def players(seed=0):
    """A generator G and a discriminator v, with weights drawn at random."""
    rng = np.random.default_rng(seed)
    G = nn.Sequential(
        nn.Linear(NOISE, 128, rng=rng), nn.ReLU(),
        nn.Linear(128, 128, rng=rng), nn.ReLU(),
        nn.Linear(128, 64, rng=rng), nn.Tanh(),  # Tanh: pixels between -1 and 1
    )  # fmt: skip
    v = nn.Sequential(
        nn.Linear(64, 128, rng=rng), nn.LeakyReLU(0.2),
        nn.Linear(128, 128, rng=rng), nn.LeakyReLU(0.2),
        nn.Linear(128, 1, rng=rng),
    )  # fmt: skip
    return G, v


def noise(n, rng=rng):
    """z for n pictures: (n, 16)."""
    return Tensor(rng.standard_normal((n, NOISE), dtype="float32"))


G, v = players()
show(G(noise(16)).numpy(), 16, "generated, before any training")
print("verdicts on 4 real digits:     ", v(Tensor(real_digits[:4])).numpy().ravel().round(3))
print("verdicts on 4 generated ones:  ", v(G(noise(4))).numpy().ravel().round(3))

# %% [markdown]
# ## What each wants
#
# The sigmoid function $\sigma(v) = 1 / (1 + e^{-v})$ turns a verdict into a probability between 0 and 1. So $D(x) = \sigma(v(x))$ is the probability, in the
# discriminator's opinion, that $x$ is real. The discriminator wants $D(x)$ near 1 for real pictures $x$ and $D(G(z))$ near 0. The generator wants $D(G(z))$ near
# 1. Each wish becomes a loss:
#
# $$ L_D = -\operatorname{mean} \log D(x) - \operatorname{mean} \log\bigl(1 - D(G(z))\bigr), \qquad L_G = -\operatorname{mean} \log D(G(z)). $$
#
# The mean is taken over a batch: some pictures that are judged together. As $1 - \sigma(v) = \sigma(-v)$, one function is enough for both losses: `logsigmoid`, which is $\log \sigma$.


# %%
def loss_of_D(on_real, on_fake):
    """L_D from the verdicts on real and on generated pictures."""
    return -ops.mean(ops.logsigmoid(on_real)) - ops.mean(ops.logsigmoid(-on_fake))


def loss_of_G(on_fake):
    """L_G from the verdicts on generated pictures."""
    return -ops.mean(ops.logsigmoid(on_fake))


from tinygan.gan.objectives import non_saturating  # the library's

on_real, on_fake = Tensor(rng.standard_normal(5)), Tensor(rng.standard_normal(5))
assert loss_of_D(on_real, on_fake).item() == non_saturating.discriminator(on_real, on_fake).item()
# None: this loss needs no verdicts on real pictures
assert loss_of_G(on_fake).item() == non_saturating.generator(None, on_fake).item()

# %% [markdown]
# Believe no gradient that you have not checked. We check one weight of $G$'s first layer, `G[0]`: the one with the largest slope. `grad` computes the slope of $L_G$. Then we
# move that weight up and down by a hundredth and see how $L_G$ really changes.

# %%
z = noise(64)
weight = G[0].weight
(gradient,) = grad(loss_of_G(v(G(z))), weight)
i, j = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)  # row and column of the largest slope


def loss_with(change):
    """L_G with weight i, j changed."""
    before = weight.data
    moved = before.copy()
    moved[i, j] += change
    weight.data = moved
    loss = loss_of_G(v(G(z))).item()
    weight.data = before
    return loss


measured = (loss_with(0.01) - loss_with(-0.01)) / 0.02
print(f"grad says {gradient[i, j]:.5f}, moving the weight says {measured:.5f}")
assert abs(gradient[i, j] - measured) < 0.02 * abs(measured)

# %% [markdown]
# ## `detach`, and why PyTorch needs it
#
# The generated pictures remember that $G$ made them. `fake.detach()` has the same numbers without that memory. Programs use it for the discriminator's step,
# whose loss is to move only the discriminator. Here it changes nothing:

# %%
real, fake = Tensor(real_digits[:64]), G(noise(64))
without = grad(loss_of_D(v(real), v(fake)), v.parameters())
detached = grad(loss_of_D(v(real), v(fake.detach())), v.parameters())
for one, other in zip(without, detached):
    assert np.array_equal(one, other)
print(f"{len(without)} gradients, equal to the last digit")

# %% [markdown]
# `grad(loss, v.parameters())` gives the slopes that were asked for, and changes nothing else. `detach` only saves some work: the memory to be searched is shorter.
#
# In PyTorch, `d_loss.backward()` adds slopes into `.grad` of *all* weights that led to the loss, those of $G$ too. It also throws the memory away, so that $L_G$
# can no longer use it for the same pictures. That is why PyTorch programs write `fake.detach()` in the discriminator's step. It is also why they
# call `zero_grad()` before each step: the generator's step adds slopes into the discriminator's `.grad`.
#
# ## The game
#
# In each step the discriminator learns to tell the two kinds apart a little better. Then $G$ learns to make pictures that pass for real a little better. `optim.Adam` moves each
# weight against its slope, by about `learning_rate` a step; its `betas` say how long it remembers earlier slopes (lesson 05). Two more things help, and other lessons explain
# them:
#
# - **A penalty on the discriminator's slope** (06, 08). `zero_centred` is the mean of $|\nabla v(x)|^2$ over the real pictures: how strongly the verdict reacts to the
#   pixels. We add $\gamma/2$ times that to $L_D$. It keeps the discriminator from becoming too steep to learn from. It needs slopes with respect to pictures, hence
#   `requires_grad=True` there.
# - **An average of $G$'s weights**, `optim.EMA`. After each step every averaged weight moves to $0.995$ times itself plus $0.005$ times $G$'s weight. One step of $G$ is
#   noisy; the average over some hundreds of steps is calm. We draw with `average.module`, the network that has the averaged weights.

# %%
from tinygan.gan.penalties import zero_centred

z_shown = noise(14)  # the same noise is drawn again and again, to see what becomes of it


def play(steps, real_digits=real_digits, gamma=0.5, learning_rate=1e-3, seed=0):
    """Train two new players. Return v, the averaged G, and what was seen on the way."""
    G, v = players(seed)
    rng = np.random.default_rng(seed)
    g_optimizer = optim.Adam(G.parameters(), learning_rate, betas=(0.5, 0.99))
    v_optimizer = optim.Adam(v.parameters(), learning_rate, betas=(0.5, 0.99))
    average = optim.EMA(G, 0.995)
    drawn, verdicts = {}, []
    for step in range(steps + 1):
        real = Tensor(real_digits[rng.integers(len(real_digits), size=64)], requires_grad=True)
        fake = G(noise(64, rng))

        on_real = v(real)  # the discriminator's step
        d_loss = loss_of_D(on_real, v(fake.detach()))
        if gamma > 0:
            d_loss = d_loss + gamma / 2 * zero_centred(on_real, real)
        v_optimizer.step(grad(d_loss, v.parameters()))

        on_fake = v(fake)  # the generator's step
        g_loss = loss_of_G(on_fake)
        g_optimizer.step(grad(g_loss, G.parameters()))
        average.update(G)

        if step in (0, steps // 60, steps // 20, steps // 5, steps):
            drawn[step] = average.module(z_shown).numpy()
        if step % 20 == 0:
            D_real, D_fake = ops.sigmoid(on_real).numpy(), ops.sigmoid(on_fake).numpy()
            verdicts.append([step, D_real.mean(), D_fake.mean()])
    return v, average.module, drawn, np.array(verdicts)


v, G, drawn, verdicts = play(steps=600 if FAST else 6000)
pictures = np.concatenate(list(drawn.values()))
show(pictures, 14, "the same 14 noises, as training goes on", [f"step {step}" for step in drawn])

# %% [markdown]
# ## What the two saw of each other
#
# The picture shows the mean of $D$ for each kind. If the discriminator were always right, the blue line would be at 1 and the orange line at 0. If it only guessed,
# both would be at ½. At first the discriminator finds out what is generated. Then $G$ catches up, and they hold each other near the middle.

# %%
steps, on_real, on_fake = verdicts.T
plt.plot(steps, on_real, label="D(x), real digits")
plt.plot(steps, on_fake, label="D(G(z)), generated digits")
plt.axhline(0.5, color="#888888", linewidth=1, linestyle=":")
plt.xlabel("training step")
plt.ylabel("mean probability of real")
plt.ylim(0, 1)
plt.legend()
plt.show()
assert on_real[-20:].mean() > on_fake[-20:].mean()  # the discriminator still has a small advantage

# %% [markdown]
# ## Did it learn by heart?
#
# The upper row shows new digits. Under each is the real digit that is nearest to it: the one with the least mean squared difference of pixels. They are
# alike, not equal. $G$ has never seen a real digit. It only had the discriminator's slopes.

# %%
new = G(noise(14)).numpy()
distance = ((new[:, None] - real_digits) ** 2).mean(2)  # (14, 1797): each new digit with each real one
nearest = real_digits[distance.argmin(1)]
show(np.concatenate([new, nearest]), 14, "new, and the nearest real one", ["new", "nearest"])
assert distance.min() > 1e-3  # none is a copy

# %% [markdown]
# What lies between two noises? Each row walks in a straight line from one $z$ to another. Most pictures on the way could be digits, too; some are blurred.

# %%
start, end = noise(5).numpy(), noise(5).numpy()
walk = np.linspace(start, end, 14, axis=1, dtype="float32")  # (5, 14, 16)
show(G(Tensor(walk.reshape(-1, NOISE))).numpy(), 14, "walks from one noise to another")

# %% [markdown]
# ## Your own change
#
# $G$ knows of the world only what the discriminator tells it. Show the discriminator only the threes:

# %%
threes = real_digits[labels == 3]
_, G_of_threes, drawn, _ = play(600 if FAST else 3000, threes)
pictures = np.concatenate(list(drawn.values()))
show(pictures, 14, f"trained on {len(threes)} threes", [f"step {step}" for step in drawn])

new = G_of_threes(noise(200)).numpy()
nearest = ((new[:, None] - real_digits) ** 2).mean(2).argmin(1)
print(f"of 200 new digits, {(labels[nearest] == 3).mean():.1%} are nearest to a real three")

# %% [markdown]
# ## Exercises
#
# Exercises 1 to 3 have a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** Play half the game. Write `discriminator_alone(steps)`: it makes two new players and trains only the discriminator, without the penalty. $G$ never moves. It
# returns two numbers, the mean of $D(x)$ and of $D(G(z))$ in the last step. What do you expect them to be? Say it before you run it.
# <details><summary>Hint</summary>
#
# Start from `play`. Keep what belongs to the discriminator's step, and take out every line that only $G$, the average or the pictures need. `rng` and `noise(64)` are
# there already.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def discriminator_alone(steps):
#     G, v = players()
#     v_optimizer = optim.Adam(v.parameters(), 1e-3, betas=(0.5, 0.99))
#     for step in range(steps):
#         real = Tensor(real_digits[rng.integers(len(real_digits), size=64)])
#         on_real, on_fake = v(real), v(G(noise(64)))
#         v_optimizer.step(grad(loss_of_D(on_real, on_fake), v.parameters()))
#     return ops.sigmoid(on_real).numpy().mean(), ops.sigmoid(on_fake).numpy().mean()
# ```
#
# $G$'s pictures never change, so nothing keeps the discriminator from being right: $D(x)$ goes to 1 and $D(G(z))$ to 0.
#
# </details>

# %%
discriminator_alone = None  # exercise 1: def discriminator_alone(steps): ...

if discriminator_alone is not None:
    first, last = discriminator_alone(1), discriminator_alone(200)
    print(f"in the first step: D(x) = {first[0]:.2f}, D(G(z)) = {first[1]:.2f}")
    print(f"in step 200:       D(x) = {last[0]:.2f}, D(G(z)) = {last[1]:.2f}")
    assert np.allclose(first, 0.5, atol=0.1), "in step 1 D knows nothing: ½ and ½. Is v new? Is D = σ(v)?"
    assert last[0] > 0.5 > last[1], "D(x) comes first and goes up: is your order or a sign wrong?"
    assert last[0] > 0.95 and last[1] < 0.05, "D is not sure: does G still move, or is v's step missing?"
    print("exercise 1 is right")

# %% [markdown]
# **2.** How few real pictures are enough? Train on the first 20 threes only, 600 steps, and draw 200 new digits. For each, take the mean squared difference to the
# nearest of the 20 threes *shown* (`threes[:20]`), and to the nearest of 20 threes *not shown* (`threes[20:40]`). Give the mean over the 200, for both.
# <details><summary>Hint</summary>
#
# "Did it learn by heart?" above computes such differences, and `.min(1)` takes the least of each row. If $G$ had learned what a three is, the
# two numbers would be about the same.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def to_nearest(new, real):
#     return ((new[:, None] - real) ** 2).mean(2).min(1).mean()
#
#
# _, G_of_20, _, _ = play(600, threes[:20])
# new = G_of_20(noise(200)).numpy()
# shown_and_not_shown = to_nearest(new, threes[:20]), to_nearest(new, threes[20:40])
# ```
#
# The new digits are much nearer to the threes that were shown. The discriminator can know 20 pictures by heart, and it drives $G$ to copy them. A longer
# training makes it worse: try 2000 steps.
#
# </details>

# %%
shown_and_not_shown = None  # exercise 2: two numbers, the difference to the shown and to the others

if shown_and_not_shown is not None:
    shown, not_shown = shown_and_not_shown
    print(f"to the nearest shown three {shown:.3f}, to the nearest other three {not_shown:.3f}")
    for number in (shown, not_shown):
        assert 0.01 < number < 0.2, "the mean over pixels, the least over threes, the mean over 200"
    assert shown < not_shown, "the shown ones come first, and they are nearer"
    assert shown < 0.7 * not_shown, "nearly no difference: did you train on threes[:20]?"
    print("exercise 2 is right")

# %% [markdown]
# **3.** `gamma=0` takes the penalty away. Is it missed? Write a measure of variety: `variety(pictures)` takes pictures $(N, 64)$ and returns the mean squared
# difference of two of them, over all pairs and pixels (a picture and itself also count as a pair). The cell then plays three short games with the penalty
# and three without.
# <details><summary>Hint</summary>
#
# `pictures[:, None] - pictures` has shape $(N, N, 64)$: all pairs.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def variety(pictures):
#     return ((pictures[:, None] - pictures) ** 2).mean()
# ```
#
# After 300 steps without the penalty the pictures are much more alike, for each of the three seeds: $G$ makes nearly the same drawing of every noise. This is
# called collapse; lesson 08 is about it.
#
# </details>

# %%
variety = None  # exercise 3: def variety(pictures): ...

if variety is not None:
    assert variety(np.ones((3, 64))) == 0, "equal pictures have no variety"
    two = np.stack([np.zeros(64), np.full(64, 2.0)])
    assert variety(two) == 2, f"zeros and twos: the mean of 0, 4, 4, 0 is 2, not {variety(two)}"
    print(f"real digits: {variety(real_digits[:200]):.2f}")
    for seed in (0, 1, 2):
        of_gamma = {}
        for gamma in (0, 0.5):
            _, G_short, _, _ = play(300, gamma=gamma, seed=seed)
            of_gamma[gamma] = variety(G_short(noise(200)).numpy())
        print(f"seed {seed}: without the penalty {of_gamma[0]:.2f}, with it {of_gamma[0.5]:.2f}")
        assert of_gamma[0] < of_gamma[0.5], "is it over all pairs?"
    print("exercise 3 is right")

# %% [markdown]
# **4.** Let $z$ be a single number: write `NOISE = 1` above and run the notebook again. What do you expect of the walks? No cell can check this one; look.
#
# **Right if:** you said before you looked what the rows have in common, you can say why, and you can point to it in the picture.
# <details><summary>Hint</summary>
#
# A small change of $z$ changes $G(z)$ by little. How many directions can one walk in, with one number?
#
# </details>
# <details><summary>Solution</summary>
#
# With one number $G$ lays a thread through the digits: all its drawings lie on one line, and neighbours on it turn into one another. Each walk is a piece of the same
# thread. Where two pieces overlap, their drawings are the same.
#
# </details>
#
# `tinygan train digits` plays the same game with other players: an LSTM writes each digit row by row, and a convolutional network judges it (lesson 15).
#
# ## Sources
#
# - I. Goodfellow et al., *Generative adversarial nets*, 2014, arXiv:1406.2661: the game is equation 1, $L_G$ is from section 3.
# - L. Mescheder, A. Geiger, S. Nowozin, *Which training methods for GANs do actually converge?*, 2018, arXiv:1801.04406: the penalty is equation 9.
# - Y. Yazıcı et al., *The unusual effectiveness of averaging in GAN training*, 2019, arXiv:1806.04498.
# - E. Alpaydin, C. Kaynak, *Optical recognition of handwritten digits*, UCI Machine Learning Repository, 1998.
