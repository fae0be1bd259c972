# %% [markdown]
# # 08 · A ring of eight
#
# **You will build:** a GAN in the plane, where you can see everything. You watch it collapse, find what moves in circles, try four cures one at a time, and measure over three seeds what each of them really does.
#
# **You need:** lessons 05 to 07.
#
# **Time:** 50 minutes

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests

# %% [markdown]
# ## The data
#
# The data are eight bell curves in the plane, with their centres on a circle. Each bell is a **mode** of the distribution. How many kinds of faces are there, and how many did a GAN find? Nobody can say. Here we can count.
#
# A point *belongs* to a mode if it is within three spreads of its centre. The squared distance from the centre of a bell in the plane, over its squared spread, exceeds $r^2$ with probability $e^{-r^2/2}$. So a share $1 - e^{-9/2} = 98.9\,\%$ of real points belongs to a mode.

# %%
SPREAD = 0.05
angle = 2 * np.pi * np.arange(8) / 8
centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)


def draw_real(rng, n):
    """Return n real points (n, 2)."""
    points = centres[rng.integers(8, size=n)] + SPREAD * rng.standard_normal((n, 2))
    return points.astype("float32")


def counts(points):
    """Return how many of the points (N, 2) belong to each mode: (8,)."""
    distance = np.linalg.norm(points[:, None] - centres, axis=2)  # (N, 8)
    near = distance.min(axis=1) <= 3 * SPREAD
    return np.bincount(distance.argmin(axis=1)[near], minlength=8)


def modes_and_share(points):
    """Return the number of modes to which any point belongs, and the share of points that belong to one."""
    found = counts(points)
    return (found > 0).sum(), found.sum() / len(points)


rng = np.random.default_rng(0)
real = draw_real(rng, 2500)
scattered = rng.uniform(-1.5, 1.5, (2500, 2))  # anywhere in a square
for name, points in (("real points", real), ("scattered points", scattered)):
    modes, share = modes_and_share(points)
    print(f"{name:17} {modes} modes, {share:.1%} of points on a mode")

from tinygan.metrics import mode_scores, ring_centres  # the library's

theirs = mode_scores(real, ring_centres(), SPREAD)
assert np.allclose(modes_and_share(real), [theirs["modes"], theirs["high_quality"]])

# %% [markdown]
# Look at the second line. Points that are scattered over a square find all eight modes too, as one point is enough to find a mode. So read the two numbers together. The number of modes says how much $G$ covers. The share of points on a mode says how sharply it draws.
#
# ## A GAN
#
# The players are two small networks, `G` and `v`. `G` turns 8 numbers of noise into a point. `v` gives each point a verdict, any number, as in lesson 07; the probability that the point is real is $D(x) = \sigma(v(x))$. The losses are the non-saturating ones of lesson 07, the optimiser is Adam of lesson 05.


# %%
def perceptron(inputs, outputs, rng):
    """Return a network with two hidden layers of 64."""
    return nn.Sequential(
        nn.Linear(inputs, 64, rng=rng), nn.LeakyReLU(0.2),
        nn.Linear(64, 64, rng=rng), nn.LeakyReLU(0.2),
        nn.Linear(64, outputs, rng=rng),
    )  # fmt: skip


def draw_noise(rng, n):
    return rng.standard_normal((n, 8), dtype="float32")


STEPS = 200 if FAST else 3000
EVERY = STEPS // 50  # steps between two looks at the generator


def play_plain(seed):
    """Train a GAN. Return 50 looks at the generator: points (50, 2500, 2)."""
    rng = np.random.default_rng(seed)
    G = perceptron(8, 2, rng)
    v = perceptron(2, 1, rng)
    g_optimizer = optim.Adam(G.parameters(), lr=3e-3, betas=(0.9, 0.99))
    v_optimizer = optim.Adam(v.parameters(), lr=3e-3, betas=(0.9, 0.99))
    looks = []
    for step in range(1, STEPS + 1):
        x = draw_real(rng, 256)
        fake = G(draw_noise(rng, 256))
        verdict_on_fake = v(fake.detach())  # no gradient to G in the discriminator's step
        d_loss = -ops.mean(ops.logsigmoid(v(x))) - ops.mean(ops.logsigmoid(-verdict_on_fake))
        v_optimizer.step(grad(d_loss, v.parameters()))
        g_loss = -ops.mean(ops.logsigmoid(v(fake)))
        g_optimizer.step(grad(g_loss, G.parameters()))
        if step % EVERY == 0:
            looks.append(G(draw_noise(rng, 2500)).data)
    return np.array(looks)


plain = play_plain(seed=0)


def draw_points(ax, points, title):
    """Draw 400 real points in blue and 400 generated ones in orange."""
    ax.plot(real[:400, 0], real[:400, 1], ".", color="C0", markersize=1.5)
    ax.plot(points[:400, 0], points[:400, 1], ".", color="C1", markersize=1.5)
    ax.set(title=title, xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xticks=(), yticks=())


fig, axes = plt.subplots(1, 4, figsize=(7.6, 2.2))
for ax, look in zip(axes, (4, 19, 34, 49)):
    draw_points(ax, plain[look], f"step {(look + 1) * EVERY}")
plt.show()

# %% [markdown]
# **Mode collapse.** $G$ (orange) does not draw eight modes. It puts most of its points in one place. Which place? Let us count, at each of the 50 looks, to which mode each point is *nearest*, near or far.


# %%
def nearest_mode(points):
    """Return which share of points (N, 2) is nearer to each mode than to others: (8,)."""
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    return np.bincount(distance.argmin(axis=1), minlength=8) / len(points)


shares = np.array([nearest_mode(points) for points in plain])  # (50, 8)
plt.figure(figsize=(7, 2.2))
plt.imshow(shares.T, aspect="auto", cmap="Greys", vmin=0, vmax=1, extent=(0, STEPS, 7.5, -0.5))
plt.colorbar(label="share of points")
plt.xlabel("training step")
plt.ylabel("mode")
plt.yticks(range(8))
plt.grid(False)
plt.show()
favourite = shares.argmax(axis=1)
moves = (favourite[1:] != favourite[:-1]).sum()
print(f"the fullest mode holds {shares.max(axis=1).mean():.0%} of the points; it changes {moves} times in 49")

# %% [markdown]
# $G$ draws one place, where the verdict is best. $v$ learns that points at this place are suspicious. $G$ moves to another mode, and $v$ forgets the first. Each of the two does what its loss asks. Together they chase each other for ever. (That is one seed; three seeds of the same game are in the table below.)
#
# ## What moves in circles
#
# The smallest GAN has one number for each player. All real points are 0. $G$ draws one point, $\theta$. The discriminator is a straight line, $v(x) = \psi x$. Its verdict on real points is $v(0) = 0$, whatever $\psi$ is; on the generated point it is $\psi\theta$. The losses are the same as above:
#
# $$ L_D = -\log\sigma(0) - \log\sigma(-\psi\theta), \qquad L_G = -\log\sigma(\psi\theta), $$
#
# and with $\frac{d}{dt}\log\sigma(t) = \sigma(-t)$ their slopes are
#
# $$ \frac{\partial L_D}{\partial \psi} = \theta\,\sigma(\psi\theta), \qquad \frac{\partial L_G}{\partial \theta} = -\psi\,\sigma(-\psi\theta). $$
#
# Follow them. Say the generated point is right of 0, $\theta > 0$. Then $\psi$ falls: the verdict on the right gets worse. Then $\theta$ falls, towards 0. But when it arrives there, $\psi$ is still negative, so $\theta$ goes on to the left of 0. Now $\psi$ rises. The two go round the solution, $\theta = \psi = 0$.
#
# Adam does not follow the slope of now. It follows an average of slopes, $m \leftarrow \beta_1 m + (1 - \beta_1)\,g$. With $\beta_1 = 0.9$ this is the average of the last ten or so: a slope's weight falls by a factor .9 with each step, and $1 / (1 - 0.9) = 10$. While one player averages ten slopes, the other moves on. What happens to the circle? (Adam's division by the root of the squared slopes is left out here.)
#
# One more setting is for later. $\gamma$ adds $\frac\gamma2 \psi^2$ to $L_D$ for the real point, and the same for the generated one. $\psi$ is the slope of $v$, so this is lesson 06's penalty on the discriminator's slope. It adds $2\gamma\psi$ to the slope of $L_D$.


# %%
def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def d_slope(theta, psi):
    return theta * sigmoid(psi * theta)


def g_slope(theta, psi):
    return -psi * sigmoid(-psi * theta)


def chase(beta1, gamma=0.0, steps=300, rate=0.2):
    """Play the game of two numbers. Return the path of (θ, ψ): (steps + 1, 2)."""
    theta, psi = 1.0, 0.0
    theta_average, psi_average = 0.0, 0.0
    path = [(theta, psi)]
    for _ in range(steps):
        psi_average = beta1 * psi_average + (1 - beta1) * (d_slope(theta, psi) + 2 * gamma * psi)
        psi = psi - rate * psi_average
        theta_average = beta1 * theta_average + (1 - beta1) * g_slope(theta, psi)
        theta = theta - rate * theta_average
        path.append((theta, psi))
    return np.array(path)


fig, axes = plt.subplots(1, 4, figsize=(7.8, 2.4), sharey=True)
print("β₁    γ      distance from the solution: at first, after 100 steps, after 300")
for ax, (beta1, gamma) in zip(axes, [(0.9, 0.0), (0.9, 0.1), (0.0, 0.0), (0.0, 0.1)]):
    path = chase(beta1, gamma)
    ax.plot(path[:, 0], path[:, 1], color="C1", linewidth=1)
    ax.plot(1, 0, "o", color="C1", markersize=4)
    ax.plot(0, 0, "+", color="C0", markersize=9)
    ax.set(title=f"β₁ = {beta1}, γ = {gamma}", xlabel="θ", xlim=(-6, 6), ylim=(-6, 6))
    distance = np.linalg.norm(path, axis=1)
    print(f"{beta1}   {gamma}   {distance[0]:30.2f} {distance[100]:16.2f} {distance[300]:10.2f}")
axes[0].set_ylabel("ψ")
plt.show()

# %% [markdown]
# With $\beta_1 = 0.9$ the circle widens (left). An old slope points along the circle where the players *were*. A step along it now leads outward. A weak penalty keeps the circle from widening for ever, and does not make it narrow. With $\beta_1 = 0$ the circle narrows slowly, and with the penalty it narrows fast: the penalty works like friction.
#
# That is a game of two numbers. Does it say something about a game of two networks? We have to try.
#
# ## Four cures
#
# **A short memory.** $\beta_1 = 0$: each of Adam's steps follows the slope of now.
#
# **A penalty** on the discriminator's slope, $\frac\gamma2 \operatorname{mean} |\nabla v|^2$, at real points and the same at generated ones. `create_graph=True` (lesson 06) keeps the slope on the tape, so that the loss that contains it has a gradient too.


# %%
def slope_penalty(v, points):
    """Return the mean of |∇v|² at points, an array (N, features)."""
    x = Tensor(points, requires_grad=True)
    (slope,) = grad(ops.sum(v(x)), x, create_graph=True)
    return ops.mean(ops.sum(slope**2, 1))


line = nn.Linear(2, 1, rng=rng)  # its slope is its weight, everywhere
assert np.isclose(slope_penalty(line, real[:5]).item(), (line.weight.data**2).sum())

# %% [markdown]
# **Pairs.** The relativistic loss pairs each real point $x$ with a generated one, and asks which of the two is more real. Only the difference of their verdicts counts:
#
# $$ L_D = -\operatorname{mean} \log \sigma\bigl(v(x) - v(G(z))\bigr), \qquad L_G = -\operatorname{mean} \log \sigma\bigl(v(G(z)) - v(x)\bigr). $$
#
# Lowering the verdict on a whole mode gains $v$ nothing where both points of a pair lie there. With a penalty at both kinds of points, and in the neighbourhood of the solution, this game provably comes to rest at it (Huang et al., under assumptions that the paper states). The library keeps a game's two losses together: `relativistic.discriminator(real, fake)` and `relativistic.generator(real, fake)` take verdicts on real and on generated points.

# %%
from tinygan.gan.objectives import non_saturating, relativistic

on_real, on_fake = Tensor(rng.standard_normal(6)), Tensor(rng.standard_normal(6))
d_loss = -ops.mean(ops.logsigmoid(on_real - on_fake))
g_loss = -ops.mean(ops.logsigmoid(on_fake - on_real))
assert d_loss.item() == relativistic.discriminator(on_real, on_fake).item()
assert g_loss.item() == relativistic.generator(on_real, on_fake).item()

# %% [markdown]
# **Packs.** PacGAN shows $v$ not one point but a pack of four, side by side: eight numbers that are all real or all generated. Four real points nearly never lie on one mode. Four points of a collapsed $G$ always do. So $v$ can *see* a lack of variety, and need not remember it. Only the first layer of $v$ changes: it takes $2 \cdot 4$ inputs.

# %%
from tinygan.gan import augment  # the library's

packs = ops.reshape(real[:8], (-1, 2 * 4))  # -1: as many rows as are needed, here 2
assert np.array_equal(packs, augment.pack(real[:8], 4))
print("eight points", real[:8].shape, "are two packs", packs.shape)

# %% [markdown]
# Here is the loop again, with all four as settings. Their defaults are the plain game: the non-saturating losses, packs of one point, no penalty ($\gamma = 0$), and $\beta_1 = 0.9$. Nothing else differs from `play_plain`.


# %%
def play(objective=non_saturating, pack=1, gamma=0.0, beta1=0.9, steps=STEPS, seed=0):
    """Train a GAN. Return 50 looks at the generator: points (50, 2500, 2)."""
    rng = np.random.default_rng(seed)
    G = perceptron(8, 2, rng)
    v = perceptron(2 * pack, 1, rng)  # judges `pack` points at once
    g_optimizer = optim.Adam(G.parameters(), lr=3e-3, betas=(beta1, 0.99))
    v_optimizer = optim.Adam(v.parameters(), lr=3e-3, betas=(beta1, 0.99))
    looks = []
    for step in range(1, steps + 1):
        x = ops.reshape(draw_real(rng, 256), (-1, 2 * pack))
        fake = ops.reshape(G(draw_noise(rng, 256)), (-1, 2 * pack))
        d_loss = objective.discriminator(v(x), v(fake.detach()))
        if gamma > 0:
            d_loss = d_loss + gamma / 2 * (slope_penalty(v, x) + slope_penalty(v, fake.data))
        v_optimizer.step(grad(d_loss, v.parameters()))
        g_loss = objective.generator(v(x), v(fake))
        g_optimizer.step(grad(g_loss, G.parameters()))
        if step % (steps // 50) == 0:
            looks.append(G(draw_noise(rng, 2500)).data)
    return np.array(looks)


# %% [markdown]
# ## One thing at a time
#
# A cure that was only tried together with others proves nothing about itself. So each row below changes one setting of the plain game; the last row takes three changes together. Each row is played with three seeds. This is called an **ablation**. (`**changes` passes a dict's entries as arguments: `play(**{"pack": 4}, seed=0)` is `play(pack=4, seed=0)`.)
#
# The games swing, so one moment says little. The scores are means over the last fifth of the training: the last ten looks.

# %%
SEEDS = (0,) if FAST else (0, 1, 2)
ROWS = {
    "plain": {},
    "packs of 4": {"pack": 4},
    "relativistic": {"objective": relativistic},
    "penalty": {"gamma": 0.05},
    "β₁ = 0": {"beta1": 0.0},
    "these last three": {"objective": relativistic, "gamma": 0.05, "beta1": 0.0},
}


def late_scores(looks):
    """Return modes found and share of points on a mode, means over the last ten looks."""
    return np.mean([modes_and_share(points) for points in looks[-10:]], axis=0)


def say(name, scores):
    """Print a row of the table from scores (seeds, 2): each column's mean, and its least and most."""
    (modes, share), low, high = scores.mean(axis=0), scores.min(axis=0), scores.max(axis=0)
    modes_range, share_range = f"({low[0]:.1f} to {high[0]:.1f})", f"({low[1]:.0%} to {high[1]:.0%})"
    print(f"{name:18}{modes:5.1f} {modes_range:14}{share:5.0%} {share_range}")


table, last_look = {}, {}
print(f"{'':18}modes (range)      on a mode (range)")
for name, changes in ROWS.items():
    games = [play(**changes, seed=seed) for seed in SEEDS]
    table[name] = np.array([late_scores(looks) for looks in games])
    last_look[name] = games[0][-1]  # of seed 0
    say(name, table[name])
    if name == "plain":
        assert np.allclose(games[0], plain, atol=1e-3)  # the same game as before
say("scattered points", np.array([modes_and_share(scattered)]))
say("real points", np.array([modes_and_share(real)]))

# %%
fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.8), sharey=True)
for row, scores in enumerate(table.values()):
    axes[0].plot(scores[:, 0], [row] * len(scores), "o", color="C1", alpha=0.7)
    axes[1].plot(100 * scores[:, 1], [row] * len(scores), "o", color="C1", alpha=0.7)
axes[0].set(xlabel="modes found, of 8", xlim=(-0.3, 8.3), yticks=range(len(table)), yticklabels=list(table))
axes[1].set(xlabel="% of points on a mode", xlim=(-3, 103))
axes[1].axvline(100 * modes_and_share(real)[1], color="C0", linestyle=":")
axes[1].text(96, 1.5, "real points", color="C0", ha="right")
axes[0].invert_yaxis()
plt.show()

# %% [markdown]
# A dot is a seed. And the last look at the generator of seed 0, in each row:

# %%
fig, axes = plt.subplots(2, 3, figsize=(6.6, 4.6))
for ax, (name, points) in zip(axes.flat, last_look.items()):
    draw_points(ax, points, name)
plt.show()

# %% [markdown]
# ## What each of them really does
#
# Read the table row by row, both columns.
#
# - **Plain** collapses with every seed. It finds one or two modes. Few of its points lie on a mode, about as few as of scattered points. The pictures of seed 0 show why: its cloud of points is wider than a mode, and is often between two.
# - **Relativistic pairs** alone change next to nothing. Exercise 1 shows why, in the game of two numbers.
# - **The penalty** alone finds more modes, and how many depends on the seed. Look at the second column: few points lie on a mode. In the picture (seed 0), $G$ spreads over the whole ring and draws it blurred. The game of two numbers agrees: with the long memory, a weak penalty kept the circle from widening, but did not make it narrow.
# - **Packs of four** find all eight modes with every seed, and keep Adam's long memory. Putting all points in one place no longer pays. The modes are blurred: only a third of the points lies on one. In the picture (seed 0), $G$ draws nearly the whole ring as a line.
# - **A short memory**, $\beta_1 = 0$, finds all eight modes and draws them sharper than any other single change. Nothing was added to the game, and its losses are the plain ones: only the steps differ.
# - **The three together** are about as good as $\beta_1 = 0$ alone. If we had played this row only, we would have thanked the pairs and the penalty for it.
#
# So here two changes end the collapse, each alone: packs and the short memory. The short memory also draws sharper, and the game of two numbers told us to try it. The good scores of the last row are due to it, not to the pairs or the penalty. Exercise 2 tests this from the other side. All rows use one learning rate, one data set and one pair of networks. With others, the penalty or the packs may do more. What carries over is the method: change one thing at a time, use several seeds, and read more than one number.
#
# Points between the modes remain in every row. $G$ is continuous and its noise is of one piece, so $G$ has to cross from one mode to the next. A code of many classes beside the noise (lesson 13) lets $G$ jump. The recipe `tinygan train ring` has such a code.
#
# ## Exercises
#
# Each exercise has a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** Could the relativistic loss have stopped the circle? Work out its slopes in the game of two numbers, where $v(0) = 0$ and $v(\theta) = \psi\theta$. Write `slopes(theta, psi)`, which returns $\partial L_D / \partial\psi$ and $\partial L_G / \partial\theta$ of the relativistic losses, for one pair.
# <details><summary>Hint</summary>
#
# Put the two verdicts into the losses: $L_D = -\log\sigma(0 - \psi\theta)$. Then $\frac{d}{dt}\log\sigma(t) = \sigma(-t)$ and the chain rule.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def slopes(theta, psi):
#     return theta * sigmoid(psi * theta), -psi * sigmoid(-psi * theta)
# ```
#
# They are `d_slope` and `g_slope`. In this game the relativistic loss changes nothing at all, so it cannot stop the circle. The real point's verdict is 0 whatever $\psi$ is, so comparing with it brings no news.
#
# </details>

# %%
slopes = None  # exercise 1: def slopes(theta, psi), two numbers in, two slopes out
if slopes is not None:
    for theta, psi in ((1.0, -0.5), (-0.3, 2.0), (0.7, 0.4)):
        place = Tensor(np.array([theta, psi]), requires_grad=True)
        on_real, on_fake = place[1] * 0.0, place[1] * place[0]
        by_d = grad(relativistic.discriminator(on_real, on_fake), place)[0][1]
        by_g = grad(relativistic.generator(on_real, on_fake), place)[0][0]
        answer = slopes(theta, psi)
        assert len(answer) == 2, "return two numbers: the slope of L_D in ψ, the slope of L_G in θ"
        assert np.isclose(answer[0], by_d), f"the slope of L_D in ψ: {answer[0]}, and the tape says {by_d}"
        assert np.isclose(answer[1], by_g), f"the slope of L_G in θ: {answer[1]}, and the tape says {by_g}"
    same = np.allclose(slopes(0.7, 0.4), (d_slope(0.7, 0.4), g_slope(0.7, 0.4)))
    print("the same slopes as the non-saturating loss's:", same)
    print("exercise 1 is right")

# %% [markdown]
# **2.** The ablation adds one change to the plain game. The other way is to leave one out of the last row. Write down these three rows as a dict like `ROWS`; the cell plays them. Before you run it, write down which of them will find the fewest modes.
# <details><summary>Hint</summary>
#
# A row of three changes, without one of them, has two. Say `"without pairs": {"gamma": ..., "beta1": ...}`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# left_out = {
#     "without pairs": {"gamma": 0.05, "beta1": 0.0},
#     "without penalty": {"objective": relativistic, "beta1": 0.0},
#     "without β₁ = 0": {"objective": relativistic, "gamma": 0.05},
# }
# ```
#
# The row without $\beta_1 = 0$ falls behind: it has far fewer points on a mode than the other two. So the short memory is the part of the three that the other two cannot replace. (The cell plays one seed. To claim more, play three.)
#
# </details>

# %%
left_out = None  # exercise 2: a dict of three rows, a name and its changes each, as in ROWS
if left_out is not None:
    three = ROWS["these last three"]
    missing = []
    for name, changes in left_out.items():
        wrong = [key for key in changes if key not in three or changes[key] != three[key]]
        assert wrong == [], f"{name}: {wrong} must be as in the last row of ROWS"
        assert len(changes) == 2, f"{name} has {len(changes)} changes; one of three left out makes two"
        missing += [key for key in three if key not in changes]
    assert sorted(missing) == sorted(three), f"left out: {missing}; leave out each of the three once"
    for name, changes in left_out.items():
        say(name, np.array([late_scores(play(**changes))]))  # one seed
    print("exercise 2 is right")

# %% [markdown]
# **3.** How often does a pack look like a collapsed one? A generator draws $m$ modes, equally often. With what probability do all $k$ points of a pack lie on *one* mode? Write `all_on_one(modes, pack)`, and compare real packs of four with those of a generator that draws two modes.
# <details><summary>Hint</summary>
#
# The first point may lie anywhere. Each of the others has to lie on the same mode.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def all_on_one(modes, pack):
#     return (1 / modes) ** (pack - 1)
# ```
#
# With eight modes it is 1 in 512, with two 1 in 8, with one mode always. So a pack on one mode is good evidence against a generator that draws one or two. With four modes it is 1 in 64: the evidence fades as $G$ gets better.
#
# </details>

# %%
all_on_one = None  # exercise 3: def all_on_one(modes, pack), a probability
if all_on_one is not None:
    dice = np.random.default_rng(0)
    for modes, pack in ((1, 4), (2, 4), (8, 2), (3, 3)):
        drawn = dice.integers(modes, size=(100_000, pack))
        simulated = (drawn == drawn[:, :1]).all(axis=1).mean()
        answer = all_on_one(modes, pack)
        assert abs(answer - simulated) < 0.005, f"{modes} modes, packs of {pack}: {answer}, drawn {simulated}"
    assert np.isclose(all_on_one(8, 4) * 512, 1), "eight modes, packs of 4: look at your formula again"
    print(f"real packs {all_on_one(8, 4):.2%}, a generator of two modes {all_on_one(2, 4):.2%}")
    print("exercise 3 is right")

# %% [markdown]
# **4.** How well could anything do that is *told* that there are eight round bells? Then only their weights $w_k$, centres $\mu_k$ and spreads $s_k$ have to be found. **Expectation maximisation** takes turns. First (E) it computes the responsibilities $r_{nk}$: the probability that point $n$ was made by bell $k$, for the bells as they are. Then (M) it takes the best bells for these $r$:
#
# $$ \mu_k = \frac{\sum_n r_{nk}\, x_n}{\sum_n r_{nk}}, \qquad s_k^2 = \frac{\sum_n r_{nk}\, |x_n - \mu_k|^2}{2 \sum_n r_{nk}}, \qquad w_k = \frac1N \sum_n r_{nk}. $$
#
# (2 is for the two coordinates.) The likelihood of the data never falls, and there is no learning rate. The E step is in the cell below. Write the M step, `best_bells(x, r)`, from points `x` (N, 2) and responsibilities `r` (N, K). Return $\mu$ (K, 2), $s$ (K,) and $w$ (K,).
# <details><summary>Hint</summary>
#
# `n = r.sum(axis=0)` has the shape (K,). `r.T @ x` adds up $r_{nk} x_n$ over the points: (K, 2). The squared distances (N, K) are made as in `counts`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def best_bells(x, r):
#     n = r.sum(axis=0)
#     mu = r.T @ x / n[:, None]
#     squares = ((x[:, None] - mu) ** 2).sum(axis=2)
#     s = np.sqrt((r * squares).sum(axis=0) / (2 * n))
#     return mu, s, n / len(x)
# ```
#
# It draws as sharply as real points do, after 40 turns. But it was told that there are bells, and how many. A GAN is told neither. (Not every beginning gets there: two bells may share a mode, and one cover two. The cell takes the likeliest of ten.)
#
# </details>


# %%
def log_joint(x, mu, s, w):
    """Return the log of w_k N(x_n; μ_k, s_k): (N, K)."""
    squares = ((x[:, None] - mu) ** 2).sum(axis=2)
    return np.log(w) - np.log(2 * np.pi * s**2) - squares / (2 * s**2)


best_bells = None  # exercise 4: def best_bells(x, r), the M step
if best_bells is not None:
    x, fits = real.astype(float), []
    for seed in range(10):
        mu = x[np.random.default_rng(seed).choice(len(x), 8, replace=False)]  # begin at eight of the points
        s, w, before = np.full(8, 0.5), np.full(8, 1 / 8), -np.inf
        for turn in range(40):
            joint = log_joint(x, mu, s, w)
            likelihood = ops.logsumexp(joint, 1).mean()
            assert likelihood > before - 1e-9, f"turn {turn}: the likelihood fell; look at each formula again"
            before = likelihood
            mu, s, w = best_bells(x, ops.softmax(joint, 1))  # the softmax of log_joint is r
            assert (mu.shape, s.shape, w.shape) == ((8, 2), (8,), (8,)), "shapes: μ (K, 2), s (K,), w (K,)"
            assert np.isclose(w.sum(), 1), "the weights must add up to 1"
        fits.append((likelihood, mu, s, w))
    likelihood, mu, s, w = max(fits, key=lambda fit: fit[0])
    assert np.allclose(s, SPREAD, rtol=0.15), f"spreads {s.round(3)}, and the bells have {SPREAD}"
    chosen = rng.choice(8, p=w, size=2500)
    points = mu[chosen] + s[chosen, None] * rng.standard_normal((2500, 2))
    say("EM, eight bells", np.array([modes_and_share(points)]))
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - L. Metz et al., *Unrolled generative adversarial networks*, 2017, arXiv:1611.02163, section 3.1: the ring of eight, and the chase.
# - L. Mescheder, A. Geiger, S. Nowozin, *Which training methods for GANs do actually converge?*, 2018, arXiv:1801.04406: the game of two numbers, and the penalty that makes it come to rest.
# - G. Gidel et al., *Negative momentum for improved game dynamics*, 2019, arXiv:1807.04740: what momentum does to a game.
# - Z. Lin et al., *PacGAN*, 2018, arXiv:1712.04086, section 3: packs. The counting is theirs and A. Srivastava et al.'s, *VEEGAN*, 2017, arXiv:1705.07761.
# - A. Jolicoeur-Martineau, *The relativistic discriminator*, 2019, arXiv:1807.00734, equation 7.
# - Y. Huang et al., *The GAN is dead; long live the GAN!*, 2024, arXiv:2501.05441, section 2: pairs and both penalties together.
# - A. Dempster, N. Laird, D. Rubin, *Maximum likelihood from incomplete data via the EM algorithm*, 1977.
