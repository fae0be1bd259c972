# %% [markdown]
# # 11 · The earth mover's distance, and critics with a bounded slope
#
# **You will build:** the Wasserstein distance on a line, in one line; the critic that measures it; and three ways to hold a critic's slope:
# clipped weights, spectral norm (with its gradient), the gradient penalty (with its gradient). At the end you train a WGAN-GP. Its loss
# measures a distance.
#
# **You need:** the game (lesson 07), gradients of gradients (lesson 06).
#
# **Time:** 45 minutes.

# %%
import os
from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, optim
from tinygan.backend import stream
from tinygan.data.points import gaussians, swiss_roll
from tinygan.gan.penalties import between, clip_weights, one_centred, squared_slopes
from tinygan.gradcheck import assert_gradients
from tinygan.metrics import ring_centres, sliced_wasserstein, wasserstein_1d
from tinygan.plot import point_picture

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## Moving earth
#
# Seven heaps of earth at the places $a_n$ are to be carried to seven holes at $b_n$. A plan is a permutation $\pi$: heap $n$ goes to hole
# $\pi(n)$. The **earth mover's distance**, or Wasserstein distance $W$, is the mean distance carried by the cheapest plan:
#
# $$ W(a, b) \;=\; \min_\pi \; \frac1N \sum_n \left| a_n - b_{\pi(n)} \right| $$
#
# On a line no two carriers need to cross. So the cheapest plan carries the first heap to the first hole, the second to the second, and so on.
# Let us not believe it but try all $7! = 5040$ plans.

# %%
a, b = rng.normal(0, 1, 7), rng.normal(2, 0.5, 7)

cheapest = min(np.abs(a - b[list(plan)]).mean() for plan in permutations(range(7)))
by_sorting = np.abs(np.sort(a) - np.sort(b)).mean()
assert np.isclose(cheapest, by_sorting) and np.isclose(by_sorting, wasserstein_1d(a, b))
print(f"best of 5040 plans {cheapest:.6f}, by sorting {by_sorting:.6f}")

fig, axis = plt.subplots(figsize=(6.4, 1.9))
for start, end in zip(np.sort(a), np.sort(b)):
    axis.plot([start, end], [1, 0], color="#999999", linewidth=1)
axis.plot(a, np.ones(7), "o", color="C1", label="heaps")
axis.plot(b, np.zeros(7), "o", color="C0", label="holes")
axis.set(yticks=[], xlabel="place")
axis.grid(False)
axis.legend(loc="upper right")
plt.show()

# %% [markdown]
# ## Why a GAN wants it
#
# Lesson 07: with the best $D$, the minimax game measures the Jensen-Shannon divergence of real and generated. Take two boxes of width 1, and
# move one of them away. Both measures should say "come nearer". For densities $p$ and $q$ on a line, $W$ has another form: past each place must
# go as much earth as the shares of $p$ and $q$ to its left differ by.

# %%
grid = np.linspace(-1, 5, 6001)
dx = grid[1] - grid[0]


def box(at):
    return ((grid >= at) & (grid < at + 1)).astype(float)


def kl(p, m):
    """Return the Kullback-Leibler divergence; where p is 0 it counts nothing."""
    return (p * np.log(np.where(p > 0, p, 1) / np.where(m > 0, m, 1))).sum() * dx


def js(p, q):
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def w1(p, q):
    return np.abs(np.cumsum(p - q) * dx).sum() * dx


distance = np.linspace(0, 3, 31)
fig, axis = plt.subplots(figsize=(6, 2.6))
axis.plot(distance, [js(box(0), box(d)) for d in distance], label="Jensen-Shannon")
axis.plot(distance, [w1(box(0), box(d)) for d in distance], label="earth mover's")
axis.set(xlabel="distance of the boxes", ylabel="divergence")
axis.legend()
plt.show()

# %% [markdown]
# Once the boxes do not overlap, Jensen-Shannon is $\log 2$ and flat. It has no slope, so there is nothing to learn from. The pictures of two
# bags hardly ever overlap, for no two are the same. The earth mover's distance has slope 1 everywhere.
#
# ## The critic
#
# In many dimensions nobody can search all plans. But there is another way to the same number (Kantorovich and Rubinstein). Let a *critic*
# $f$ give every place a height, with a slope of at most 1 anywhere. (It plays the part of the discriminator $v$, and its heights are verdicts.
# In this lesson it is called $f$, in code `f`, since it gives no probability.) Then
#
# $$ W \;=\; \max_{|\nabla f| \le 1}\; \mathbb E f(\text{real}) - \mathbb E f(\text{generated}) $$
#
# The difference on the right is the critic's **advantage**. Carrying earth over a distance $d$ cannot change its height by more than $d$, so no
# critic can say more than $W$. One says exactly $W$. On a line it can be written down. With $F_r$ and $F_g$ the shares of real and generated points to the left of $x$, integration by parts gives
# $\mathbb E f(\text{real}) - \mathbb E f(\text{gen.}) = \int f'(x)\,(F_g(x) - F_r(x))\,dx$, largest for
# $f'(x) = \operatorname{sign}(F_g(x) - F_r(x))$.

# %%
real = np.concatenate([rng.normal(-2, 0.3, 500), rng.normal(2, 0.3, 500)])
fake = rng.normal(0.3, 0.5, 1000)

x = np.linspace(-4, 4, 4001)


def share(points):
    """Return the share of the points to the left of each place in x."""
    return np.searchsorted(np.sort(points), x) / len(points)


slope = np.sign(share(fake) - share(real))
critic = np.cumsum(slope) * (x[1] - x[0])


def height(points):
    return np.interp(points, x, critic)


advantage = height(real).mean() - height(fake).mean()
carried = wasserstein_1d(real, fake)
print(f"the best critic sees {advantage:.3f}, the earth mover carries {carried:.3f}")
assert abs(advantage - carried) < 0.01

fig, axis = plt.subplots(figsize=(6.4, 2.8))
for points, colour, name in ((real, "C0", "real"), (fake, "C1", "generated")):
    axis.hist(points, 60, range=(-4, 4), density=True, color=colour, alpha=0.5, label=name)
axis.plot(x, critic - critic.min(), color="C2", label="best critic")
axis.set(xlabel="x", ylabel="density; height")
axis.legend(loc="upper center", ncols=3)
axis.set_ylim(0, 3.4)
plt.show()

# %% [markdown]
# The critic climbs from the generated points to the real ones with slope 1, on both sides. A generated point has only to walk uphill.
#
# ## Holding the slope, 1: clipped weights
#
# If all weights of a network are small, its slope is bounded. WGAN clips every weight to $\pm .01$ after each step. That is simple. But the
# bound on the slope that follows is hardly ever 1 (exercise 2).
#
# ## 2: spectral norm
#
# A linear layer $x \mapsto Ax$ stretches one direction most, by its largest singular value $\sigma(A)$. Divide the weights of every layer by
# it. Then no layer stretches anything. ReLU does not either, so the whole network has slope at most 1. To find $\sigma$, multiply any vector
# by $A^\top A$ again and again. The direction that is stretched most wins. This is **power iteration**.


# %%
def power_iteration(A, u, steps):
    """u (rows,) -> (u, v): unit vectors with uᵀ A v near the largest singular value."""
    for _ in range(steps):
        v = A.T @ u
        v /= np.linalg.norm(v)
        u = A @ v
        u /= np.linalg.norm(u)
    return u, v


A = rng.standard_normal((12, 20))
truth = np.linalg.svd(A, compute_uv=False)[0]
start = rng.standard_normal(12)
errors = []
for steps in range(1, 31):
    u, v = power_iteration(A, start, steps)
    errors.append(truth - u @ A @ v)

fig, axis = plt.subplots(figsize=(5, 2.3))
axis.semilogy(range(1, 31), errors, "o-", color="C2", markersize=3)
axis.set(xlabel="power iterations", ylabel="too small by")
plt.show()

# %% [markdown]
# Training changes $A$ a little at a time. So *one* iteration a step keeps up with it, if it begins where the last one ended.
#
# Now the gradient of $\bar A = A / \sigma(A)$. When $A$ moves by $dA$, $\sigma$ moves by $u^\top dA\, v$, where $u$ and $v$ are the singular
# vectors. ($\sigma$ is a maximum over $u$ and $v$, so their own movement does not count.) Let $\Gamma$ be the gradient for $\bar A$, and
# $\langle\cdot,\cdot\rangle$ the sum of all products:
#
# $$ \frac{\partial L}{\partial A} = \frac1\sigma \left( \Gamma - \langle \Gamma, \bar A \rangle\, u v^\top \right) $$


# %%
def spectral(A):
    return A / np.linalg.svd(A, compute_uv=False)[0]


def spectral_backward(g, A):
    u, s, vt = np.linalg.svd(A)
    return (g - (g * A / s[0]).sum() * np.outer(u[:, 0], vt[0])) / s[0]


assert_gradients((spectral, spectral_backward), A)
print("by hand = finite differences")

# %% [markdown]
# `nn.spectral_norm(layer)` does this to a layer of the library: `weight_orig` is $A$, which is trained, and `weight` is $\bar A$, which the layer
# uses. Each call in training mode does one power iteration, or `n_power_iterations`; after `eval()` there are none.

# %%
layer = nn.spectral_norm(nn.Linear(20, 12, rng=1, dtype=np.float64), n_power_iterations=1000, rng=0)
layer(Tensor(np.zeros((1, 20))))  # iterates 1000 times
assert np.allclose(layer.weight.data, spectral(layer.weight_orig.data), atol=1e-6)
g = rng.standard_normal((12, 20))
(theirs,) = grad(layer.weight, layer.weight_orig, g)
assert np.allclose(spectral_backward(g, layer.weight_orig.data), theirs, atol=1e-4)
print("by hand = nn.spectral_norm")

# %% [markdown]
# ## 3: the gradient penalty
#
# The best critic has slope 1 almost everywhere that earth is carried. So ask for that, at points $\hat x$ between real and generated ones:
#
# $$ P \;=\; \mathbb E\left(|\nabla f(\hat x)| - 1\right)^2, \qquad \hat x = \epsilon\,x_\text{real} + (1 - \epsilon)\,x_\text{gen.},
# \quad \epsilon \text{ uniform on } [0, 1] $$
#
# To train the critic we need the gradient of $P$ for the weights: *a gradient of a gradient*. By hand for one hidden layer,
# $f(x) = w^\top \max(0, Vx)$. The mask $m = [Vx > 0]$ is 1 where the hidden number is positive, else 0, and $\odot$ multiplies number by
# number. The slope is $\nabla f = V^\top (w \odot m)$. Write $r = w \odot m$, $s = V^\top r$ and $c = 2(|s| - 1)/|s|$. Then, for one point,
# $\partial P/\partial s = c\,s$. The mask does not move, so
#
# $$ \frac{\partial P}{\partial V} = r\,(c s)^\top, \qquad \frac{\partial P}{\partial w} = m \odot V (c s) $$


# %%
def penalty(V, w, x):
    """E (|∇f(x)| - 1)² at points x (N, D), V (H, D), w (H,)."""
    s = (w * (x @ V.T > 0)) @ V  # (N, D)
    return np.square(np.linalg.norm(s, axis=1) - 1).mean()


def penalty_backward(g, V, w, x):
    m = (x @ V.T > 0).astype(float)  # (N, H)
    s = (w * m) @ V
    size = np.linalg.norm(s, axis=1, keepdims=True)
    ds = g * 2 * (size - 1) / size * s / len(x)  # (N, D)
    return (w * m).T @ ds, (m * (ds @ V.T)).sum(0), np.zeros_like(x)  # x only chooses the masks


V, w = rng.standard_normal((16, 2)), rng.standard_normal(16)
points = rng.standard_normal((30, 2))
assert_gradients((penalty, penalty_backward), V, w, points)

V_t, w_t = Tensor(V, requires_grad=True), Tensor(w, requires_grad=True)
points_t = Tensor(points, requires_grad=True)
heights = (points_t @ V_t.T).relu() @ w_t
P = one_centred(heights, points_t)  # the library's penalty: of heights, and the points they are of
assert np.isclose(P.item(), penalty(V, w, points))
for ours, theirs in zip(penalty_backward(1.0, V, w, points), grad(P, [V_t, w_t])):
    assert np.allclose(ours, theirs)
print("by hand = finite differences = the library's gradient of a gradient")

# %% [markdown]
# ## Three critics of one generator
#
# Real points: eight Gaussians on a circle of radius 2. Generated: the same, blurred by normal noise of size 1. The generator stands still. The
# critics learn, and each is held in its own way (Gulrajani et al., figure 1). How far must earth be carried? At most as far as it was blown,
# which is $\sqrt{\pi/2} = 1.25$ on average.
#
# Three helpers of the library appear here. `stream(seed, name, step)` is NumPy's generator of random numbers, begun from these three: each use of
# chance has a name of its own, so a change in one place changes no random number elsewhere. `between(real, fake, rng)` draws the points
# $\hat x$, and `clip_weights(weights, bound)` clips. (The bound is .1 here. With .01, four layers let next to nothing through.) The penalty has
# weight 10, as in the paper.


# %%
CENTRES = ring_centres(8, 2.0)


def batch(n, seed, step):
    """Return n real points and n generated ones."""
    real = gaussians(CENTRES, 0.02, n, seed=f"real {seed} {step}")
    other = gaussians(CENTRES, 0.02, n, seed=f"other {seed} {step}")
    return real, other + stream(seed, "blur", step).standard_normal((n, 2), dtype="f4")


def make_critic(hold, rng, width=64):
    """Return a critic (N, 2) -> (N, 1) of four linear layers."""
    linear = []
    for inputs, outputs in ((2, width), (width, width), (width, width), (width, 1)):
        layer = nn.Linear(inputs, outputs, rng=rng)
        linear.append(nn.spectral_norm(layer, rng=rng) if hold == "spectral norm" else layer)
    first, second, third, last = linear
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third, nn.ReLU(), last)


def train_critic(hold, steps, seed):
    f = make_critic(hold, stream(seed, "critic"))
    weights = f.parameters()
    optimizer = optim.Adam(weights, lr=1e-3, betas=(0.5, 0.9))
    for step in range(steps):
        real, fake = (Tensor(x) for x in batch(256, seed, step))
        loss = f(fake).mean() - f(real).mean()  # minus the advantage
        if hold == "penalty":
            x = between(real, fake, stream(seed, "between", step))
            loss = loss + 10 * one_centred(f(x), x)
        optimizer.step(grad(loss, weights))
        if hold == "clipping":
            clip_weights(weights, 0.1)
    return f.eval()  # no more power iterations


HOLDS = ("clipping", "spectral norm", "penalty")
seeds = range(1 if FAST else 3)
critics = {}
for hold in HOLDS:
    critics[hold] = [train_critic(hold, 200 if FAST else 3000, seed) for seed in seeds]

# %% [markdown]
# How much of $W$ has a critic found? Divide its advantage by its steepest slope. The quotient is what a critic with slope at most 1 says, so it
# is **at most $W$**. But the steepest slope must be the steepest *anywhere on earth's way*, not only at our samples. We look on a fine grid
# over a square in which all samples lie, and at the samples themselves. (A network of ReLUs is made of flat pieces. A piece that is smaller than
# the mesh can still be missed.) `squared_slopes(heights, points)` is the library's $|\nabla f|^2$, a number for each point.
#
# The *relief* says whether the critic sees eight points or one circle: how much higher it is at the eight centres than half-way between them,
# again divided by the steepest slope. It is 0 for a critic that sees a circle only.


# %%
def slopes_at(f, points):
    """Return |∇f| at points (N, 2), some thousands at a time to save memory."""
    found = []
    for start in range(0, len(points), 20_000):
        x = Tensor(points[start : start + 20_000], requires_grad=True)
        found.append(np.sqrt(squared_slopes(f(x), x).data))
    return np.concatenate(found)


def square_grid(reach, n):
    """Return n x n points of the square from -reach to reach, (n * n, 2)."""
    places = np.linspace(-reach, reach, n, dtype="float32")
    return np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)


real, fake = batch(2000, 0, 10**6)
samples = np.concatenate([real, fake])
REACH = 6.5
assert np.abs(samples).max() < REACH
fine = square_grid(REACH, 66 if FAST else 651)  # a mesh of .02 in full


def advantage(f):
    return f(Tensor(real)).data.mean() - f(Tensor(fake)).data.mean()


def relief(f):
    """Return how much higher f is, on average, at the eight centres than half-way between them."""
    middles = CENTRES + np.roll(CENTRES, -1, 0)
    middles = 2 * middles / np.linalg.norm(middles, axis=1, keepdims=True)
    at_centres = f(Tensor(CENTRES.astype("float32"))).data
    return at_centres.mean() - f(Tensor(middles.astype("float32"))).data.mean()


print("               seed  mean slope  steepest: at samples, on the grid  W at least  relief")
seen = {}
for hold in HOLDS:
    seen[hold] = []
    for seed in seeds:
        f = critics[hold][seed]
        at_samples = slopes_at(f, samples)
        steepest = max(at_samples.max(), slopes_at(f, fine).max())
        seen[hold].append(advantage(f) / steepest)
        numbers = f"{at_samples.mean():12.2f}{at_samples.max():22.2f}{steepest:13.2f}{seen[hold][seed]:12.2f}"
        print(f"{hold:14} {seed:4}{numbers}{relief(f) / steepest:8.2f}")
assert FAST or all(p > max(c, s) for c, s, p in zip(*seen.values()))

# %%
surface = square_grid(3.2, 80)
places = surface[:80, 0]
fig, axes = plt.subplots(2, 3, figsize=(7.5, 4.2), height_ratios=(3, 1))
for column, hold in zip(axes.T, HOLDS):
    f = critics[hold][0]
    heights = f(Tensor(surface)).data.reshape(80, 80)
    column[0].contourf(places, places, heights, 12, cmap="Blues")
    column[0].plot(*real[:200].T, ".", color="#333333", markersize=3)
    column[0].set(title=hold, aspect="equal", xticks=[], yticks=[])
    column[0].grid(False)
    at_samples, steepest = slopes_at(f, samples), slopes_at(f, fine).max()
    column[1].hist(at_samples / max(steepest, at_samples.max()), 40, range=(0, 1), color="C0")
    column[1].set(xlabel="slope / steepest", yticks=[])
axes[1, 0].set(ylabel="samples")
plt.show()
print("the critics of seed 0; dots are real points, darker is higher")

# %% [markdown]
# The penalty's critic sees most of the distance, with every seed. Its slopes are near 1 in the mean, and the steepest is not far above: it spends
# what it may. (At the samples alone its steepest slope can look too small, and $W$ too large by some hundredths. That is what the grid is for.)
#
# Under clipping and under spectral norm every layer is bounded by itself. Spectral norm allows a slope of 1. The critic does not reach it, as the
# product of four bounds is reached only if all four layers stretch the same way. Under clipping the mean slope is less than half of the steepest.
# So both see less of the distance, and the relief says how much less of the eight points.
#
# ## WGAN-GP
#
# The step is the same as ever, with three changes. There is no $\log$ and no sigmoid: the critic's loss is minus its advantage, and the
# generator's is minus the mean height of what it draws. The critic learns five times as often (`n_critic`), as its advantage should be near
# $W$ before $G$ uses it. And the penalty is added, with weight 1 here. The learning rate has a **schedule**: it stays for half of the steps, and
# then falls in a line to 0.
#
# Beside the loss we measure a distance that needs no critic: `sliced_wasserstein(a, b, 50)` looks along 50 random directions, sorts
# in each, and takes the mean. It is smaller than $W$, as a shadow is shorter than the thing that throws it.


# %%
def make_generator(noise, rng):
    first, second = nn.Linear(noise, 64, rng=rng), nn.Linear(64, 64, rng=rng)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(64, 2, rng=rng))


def train_wgan(real_points, steps, n_critic=5, size=256, noise=2):
    """Return 2000 samples; the critic; rows (step, the critic's advantage, sliced distance).

    real_points(n, step) draws n real points, others for each step.
    """
    rng = stream(0, "networks")
    G, f = make_generator(noise, rng), make_critic("penalty", rng)
    g_weights, f_weights = G.parameters(), f.parameters()
    g_optimizer = optim.Adam(g_weights, lr=1e-3, betas=(0.5, 0.9))
    f_optimizer = optim.Adam(f_weights, lr=1e-3, betas=(0.5, 0.9))
    history = []
    for step in range(steps):
        g_optimizer.lr = f_optimizer.lr = 1e-3 * min(1, 2 - 2 * step / steps)
        for turn in range(step * n_critic, (step + 1) * n_critic):
            rng = stream(0, "noise", turn)
            real = Tensor(real_points(size, turn))
            fake = G(Tensor(rng.standard_normal((size, noise), dtype="f4")))
            x = between(real, fake, rng)
            f_loss = f(fake.detach()).mean() - f(real).mean()
            f_optimizer.step(grad(f_loss + one_centred(f(x), x), f_weights))
        g_loss = -f(fake).mean()
        g_optimizer.step(grad(g_loss, g_weights))
        if step % 20 == 0:
            drawn = G(Tensor(rng.standard_normal((2000, noise), dtype="f4"))).data
            measured = sliced_wasserstein(real_points(2000, -1), drawn, 50)
            history.append((step, -f_loss.item(), measured))
    z = stream(0, "samples").standard_normal((2000, noise), dtype="f4")
    return G(Tensor(z)).data, f, np.array(history)


def roll(n, step):
    return 2 * swiss_roll(n, seed=step)


wgan_steps = 200 if FAST else 4000
samples, f, history = train_wgan(roll, wgan_steps)

fig, axis = plt.subplots(figsize=(6, 2.6))
axis.semilogy(history[:, 0], history[:, 1], color="C0", label="the critic's advantage: -loss")
axis.semilogy(history[:, 0], history[:, 2], color="C1", label="measured: sliced distance")
axis.set(xlabel="generator's step", ylabel="distance")
axis.legend()
plt.show()

# %% [markdown]
# The critic's advantage falls as the samples get better: unlike the losses of lesson 10, it measures something. In the end both curves are as
# small as the chance in their samples. (This run is of one seed.)

# %%
plt.figure(figsize=(3, 2.7))
plt.imshow(point_picture(roll(1000, 10**6), samples[:1000], f))
plt.axis("off")
plt.show()

for name, points in (("samples", samples), ("other real points", roll(2000, 2))):
    print(f"sliced distance of 2000 {name}: {sliced_wasserstein(roll(2000, 1), points):.3f}")

# %% [markdown]
# ## Exercises
#
# **1.** The samples on the line may differ in number, say 3 heaps and 5 holes of the same earth in all. What does the cheapest plan carry now?
# Write a function of `a` and `b`, two arrays of any lengths, without `wasserstein_1d`.
# <details><summary>Hint</summary>
#
# A heap may be split. Into how many equal parts must 3 heaps and 5 holes be split, so that there are as many of the one as of the other?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def carry(a, b):
#     heaps, holes = np.repeat(np.sort(a), len(b)), np.repeat(np.sort(b), len(a))
#     return np.abs(heaps - holes).mean()
# ```
#
# Every heap is split in 5 and every hole in 3. There are 15 of each, and they are carried in order.
#
# </details>

# %%
carry = None  # exercise 1: a function (a, b) -> the mean distance carried

if carry is not None:
    for n, m in ((3, 5), (1, 4), (6, 2), (7, 7)):
        heaps, holes = rng.normal(0, 1, n), rng.normal(1, 2, m)
        truth, yours = wasserstein_1d(heaps, holes), carry(heaps, holes)
        assert np.isclose(truth, yours), f"{n} heaps, {m} holes: {yours:.4f}; the best plan has {truth:.4f}"
    print("exercise 1 is right")

# %% [markdown]
# **2.** All weights of `make_critic("clipping", ...)` lie within $\pm c$. How steep can it be at most? Write a function of $c$. Then compute it for
# .01, .1 and 1: what would a generator learn from such a critic?
# <details><summary>Hint</summary>
#
# Let all weights be $c$, and let all ReLUs pass. By what does the first layer multiply a step along the diagonal? And the second? The widths are
# 2, 64, 64, 64, 1.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def steepest_of(c):
#     return np.sqrt(2) * 64**3 * c**4
# ```
#
# $\partial f / \partial x_1$ is a sum over all paths through the network: $64^3$ paths, each a product of four weights, at most $c^4$. The same
# holds for $x_2$, so the length of the slope is at most $\sqrt 2 \cdot 64^3 c^4$. For $c = .01$ that is .004, for .1 it is 37, for 1 it is 370,000.
# A generator moves as far as the slope says: with .01 hardly at all, and with 1 it may be thrown anywhere. Only a few bounds in between are
# of use, and which they are depends on the depth.
#
# </details>

# %%
steepest_of = None  # exercise 2: a function c -> the steepest slope there can be

if steepest_of is not None:
    f = make_critic("clipping", stream(0, "exercise 2"))
    for c in (0.01, 0.1, 1):
        for weight in f.parameters():
            weight.data = np.full_like(weight.data, c)
        truth, yours = slopes_at(f, np.ones((1, 2), "float32"))[0], steepest_of(c)
        assert yours >= 0.999 * truth, f"c = {c}: with all weights c it is {truth:.4g}, not {yours:.4g}"
        assert yours <= 1.001 * truth, f"c = {c}: no critic reaches {yours:.4g}; the steepest has {truth:.4g}"
        print(f"c = {c}: {yours:.4g}")
    print("exercise 2 is right")

# %% [markdown]
# **3.** `squared_slopes` differentiates the *sum* of all heights. That gives $\nabla f(x_n)$ only if no sample influences another's height. Does
# `nn.BatchNorm1d(64)` after a critic's first layer spoil it? Write a function that returns the gradient of the *first* sample's height for all
# samples, and look at the rows of the others.
# <details><summary>Hint</summary>
#
# `f(x)` has the shape (N, 1), and `grad` of a single number needs no more than that number and `x`. Lesson 10 says what a batch norm computes.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def slope_of_first(f, x):
#     x = Tensor(x, requires_grad=True)
#     return grad(f(x)[0, 0], x)[0]
# ```
#
# Without the norm all rows but the first are 0. With it they are not: the mean and the variance of the batch depend on every sample. Then row $n$ of
# the sum's gradient mixes all heights, and the penalty no longer holds the slope of $f$ at $x_n$. (WGAN-GP's critics use layer norm or none.)
#
# </details>

# %%
slope_of_first = None  # exercise 3: a function (f, x) -> gradient (N, 2) of the first sample's height

if slope_of_first is not None:
    x, double = rng.standard_normal((8, 2)), np.float64
    first, last = nn.Linear(2, 64, rng=0, dtype=double), nn.Linear(64, 1, rng=1, dtype=double)
    plain = nn.Sequential(first, nn.ReLU(), last)
    normed = nn.Sequential(first, nn.BatchNorm1d(64, dtype=double), nn.ReLU(), last)
    for name, f in (("without", plain), ("with", normed)):
        yours = np.asarray(slope_of_first(f, x))
        assert yours.shape == (8, 2), f"shape {yours.shape}, expected (8, 2): a row for each sample"
        d = np.zeros_like(x)
        d[3] = 1e-6  # move sample 3, and see what the first one's height does
        moved = (f(Tensor(x + d)).data[0, 0] - f(Tensor(x - d)).data[0, 0]) / 2e-6
        error = f"{name} the norm, moving sample 3 changes the first height by {moved:.5f} a unit"
        assert abs(yours[3].sum() - moved) < 1e-5, f"{error}, not by {yours[3].sum():.5f}"
        print(f"{name} the norm, the rows of the others: at most {np.abs(yours[1:]).max():.5f}")
        if f is plain:
            own = np.linalg.norm(yours[0])
            assert np.isclose(own, slopes_at(f, x)[0]), "row 0 is not the first sample's own slope"
    print("exercise 3 is right")

# %% [markdown]
# **4.** Let a WGAN-GP draw the eight Gaussians instead of the roll, in half as many steps (`wgan_steps // 2`).
# <details><summary>Hint</summary>
#
# `roll` shows what `train_wgan` wants: a function of the number of points and of the step. `batch` shows how real points are drawn.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def ring(n, step):
#     return gaussians(CENTRES, 0.02, n, seed=step)
#
#
# drawn = train_wgan(ring, wgan_steps // 2)
# ```
#
# The points lie about the eight centres, with some on the way from one to the next: `G` is continuous, and cannot tear its noise apart.
#
# </details>

# %%
drawn = None  # exercise 4: what train_wgan returns for the eight Gaussians

if drawn is not None:
    points, _, history = drawn
    wanted, at_first = gaussians(CENTRES, 0.02, 2000, seed="exercise 4"), history[0, 2]
    measured = sliced_wasserstein(wanted, points, 50)
    assert history[-1, 0] < wgan_steps // 2, "the game had more steps than were asked for"
    print(f"sliced distance {measured:.3f}, at first {at_first:.3f}")
    limit = 0.5 if FAST else 0.15
    assert measured < limit, f"{measured:.2f} from the eight Gaussians, more than {limit}: train for longer"
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - M. Arjovsky, S. Chintala, L. Bottou, *Wasserstein GAN*, 2017, arXiv:1701.07875: example 1, eq. 2, algorithm 1 (clipping).
# - I. Gulrajani et al., *Improved training of Wasserstein GANs*, 2017, arXiv:1704.00028: eq. 3, figure 1.
# - T. Miyato et al., *Spectral normalization for generative adversarial networks*, 2018, arXiv:1802.05957: algorithm 1; the gradient is eq. 12.
# - C. Villani, *Optimal transport, old and new*, 2009, theorem 5.10 and remark 6.5: Kantorovich and Rubinstein.
# - `tinygan/gan/penalties.py`, `tinygan/nn/spectral.py`, `tinygan/metrics/points/wasserstein.py`.
