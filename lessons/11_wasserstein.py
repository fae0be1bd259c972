# %% [markdown]
# # 11 · The earth mover's distance, and critics with a bounded slope
#
# **You will build:** the Wasserstein distance on a line, in one line; the critic that measures it; and three ways to hold a critic's slope:
# clipped weights, spectral norm (with its gradient), the gradient penalty (with its gradient). At the end a WGAN-GP whose loss means
# something.
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
from tinygan.gan.objectives import wasserstein
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
# On a line no two carriers need to cross, so the cheapest plan is: the first to the first, the second to the second. Let us not believe it
# but try all $7! = 5040$ plans.

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
# Lesson 07: with the best $D$, the minimax game measures the Jensen-Shannon divergence of real and generated. Take two boxes of width 1, one
# of them at distance $\theta$. Both measures should say "come nearer":

# %%
grid = np.linspace(-1, 5, 6001)
dx = grid[1] - grid[0]
box = lambda at: ((grid >= at) & (grid < at + 1)).astype(float)


def js(p, q):
    m = (p + q) / 2
    kl = lambda p: (p * np.log(np.where(p > 0, p, 1) / np.where(m > 0, m, 1))).sum() * dx
    return (kl(p) + kl(q)) / 2


def w1(p, q):
    """The same W: past each place goes the difference of the two shares to its left."""
    return np.abs(np.cumsum(p - q) * dx).sum() * dx


distance = np.linspace(0, 3, 31)
fig, axis = plt.subplots(figsize=(6, 2.6))
axis.plot(distance, [js(box(0), box(d)) for d in distance], label="Jensen-Shannon")
axis.plot(distance, [w1(box(0), box(d)) for d in distance], label="earth mover's")
axis.set(xlabel="distance of the boxes", ylabel="divergence")
axis.legend()
plt.show()

# %% [markdown]
# Once the boxes do not overlap, Jensen-Shannon is $\log 2$ and flat: no slope, nothing to learn from. Pictures hardly ever overlap (no two
# are the same). The earth mover's distance has slope 1 everywhere.
#
# ## The critic
#
# In many dimensions nobody can search all plans. But there is another way to the same number (Kantorovich and Rubinstein): let a *critic*
# $f$ give every place a height, with a slope of at most 1 anywhere. Then
#
# $$ W \;=\; \max_{|\nabla f| \le 1}\; \mathbb E f(\text{real}) - \mathbb E f(\text{generated}) $$
#
# Carrying earth over a distance $d$ cannot change its height by more than $d$, so no critic can say more than $W$; and one says exactly that.
# On a line it can be written down. With $F_r$ and $F_g$ the shares of real and generated points to the left of $x$, integration by parts gives
# $\mathbb E f(\text{real}) - \mathbb E f(\text{gen.}) = \int f'(x)\,(F_g(x) - F_r(x))\,dx$, largest for
# $f'(x) = \operatorname{sign}(F_g(x) - F_r(x))$.

# %%
real = np.concatenate([rng.normal(-2, 0.3, 500), rng.normal(2, 0.3, 500)])
fake = rng.normal(0.3, 0.5, 1000)

x = np.linspace(-4, 4, 4001)
share = lambda points: np.searchsorted(np.sort(points), x) / len(points)
slope = np.sign(share(fake) - share(real))
critic = np.cumsum(slope) * (x[1] - x[0])
height = lambda points: np.interp(points, x, critic)
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
# It climbs from the generated points to the real ones with slope 1, on both sides. A generated point has only to walk uphill.
#
# ## Holding the slope, 1: clipped weights
#
# If all weights of a network are small, its slope is bounded. WGAN clips every weight to $\pm .01$ after each step. Simple, but the bound it
# gives has little to do with 1, and what networks make of it we will see.
#
# ## 2: spectral norm
#
# A linear layer $x \mapsto Ax$ stretches some direction most, by its largest singular value $\sigma(A)$. Divide the weights by it, in every
# layer, and no layer stretches anything; ReLU does not either; so the whole network has slope at most 1. To find $\sigma$, multiply any vector
# by $A^\top A$ again and again: what is stretched most wins (**power iteration**).


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
# Training changes $A$ a little at a time, so *one* iteration a step, begun where the last one ended, keeps up with it.
#
# The gradient of $\bar A = A / \sigma(A)$. When $A$ moves by $dA$, $\sigma$ moves by $u^\top dA\, v$ ($u$ and $v$ are the singular vectors, a
# maximum, so their own movement does not count). With $\Gamma$ the gradient for $\bar A$, and $\langle\cdot,\cdot\rangle$ the sum of all products:
#
# $$ \frac{\partial L}{\partial A} = \frac1\sigma \left( \Gamma - \langle \Gamma, \bar A \rangle\, u v^\top \right) $$


# %%
def spectral(A):
    return A / np.linalg.svd(A, compute_uv=False)[0]


def spectral_backward(g, A):
    u, s, vt = np.linalg.svd(A)
    return (g - (g * A / s[0]).sum() * np.outer(u[:, 0], vt[0])) / s[0]


assert_gradients((spectral, spectral_backward), A)

layer = nn.spectral_norm(nn.Linear(20, 12, rng=1, dtype=np.float64), n_power_iterations=1000, rng=0)
layer(Tensor(np.zeros((1, 20))))  # each call in training mode iterates
assert np.allclose(layer.weight.data, spectral(layer.weight_orig.data), atol=1e-6)
g = rng.standard_normal((12, 20))
(theirs,) = grad(layer.weight, layer.weight_orig, g)
assert np.allclose(spectral_backward(g, layer.weight_orig.data), theirs, atol=1e-4)
print("by hand = finite differences = nn.spectral_norm")

# %% [markdown]
# ## 3: the gradient penalty
#
# The best critic has slope 1 almost everywhere that earth is carried. So ask for that, between real and generated points:
#
# $$ P \;=\; \mathbb E\left(|\nabla f(\hat x)| - 1\right)^2, \qquad \hat x = \epsilon\,x_\text{real} + (1 - \epsilon)\,x_\text{gen.},
# \quad \epsilon \text{ uniform on } [0, 1] $$
#
# To train the critic we need the gradient of $P$ for the weights: *a gradient of a gradient*. By hand for one hidden layer,
# $f(x) = w^\top \max(0, Vx)$. With the mask $m = [Vx > 0]$, the slope is $\nabla f = V^\top (w \odot m)$; write $r = w \odot m$,
# $s = V^\top r$ and $c = 2(|s| - 1)/|s|$. Then, for one point, $\partial P/\partial s = c\,s$, and as the mask does not move,
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


V, w, points = rng.standard_normal((16, 2)), rng.standard_normal(16), rng.standard_normal((30, 2))
assert_gradients((penalty, penalty_backward), V, w, points)

V_t, w_t = Tensor(V, requires_grad=True), Tensor(w, requires_grad=True)
points_t = Tensor(points, requires_grad=True)
P = one_centred((points_t @ V_t.T).relu() @ w_t, points_t)  # the library differentiates twice
assert np.isclose(P.item(), penalty(V, w, points))
for ours, theirs in zip(penalty_backward(1.0, V, w, points), grad(P, [V_t, w_t])):
    assert np.allclose(ours, theirs)
print("by hand = finite differences = the library's gradient of a gradient")

# %% [markdown]
# ## Three critics of one generator
#
# Real points: eight Gaussians on a circle of radius 2. Generated: the same, blurred by normal noise of size 1. The generator stands still, the
# critics learn, each held in its own way (Gulrajani et al., figure 1). How far must earth be carried? At most as far as it was blown, which is
# $\sqrt{\pi/2} = 1.25$ on average; and any critic's advantage, divided by its steepest slope, is at most $W$. (Clipping is to $\pm .1$ here: with
# .01, four layers let next to nothing through.)


# %%
CENTRES = ring_centres(8, 2.0)


def batch(n, step):
    real, other = (gaussians(CENTRES, 0.02, n, seed=f"{name} {step}") for name in ("real", "other"))
    return real, other + stream(0, "blur", step).standard_normal((n, 2), dtype="f4")


def make_critic(hold, rng, width=64):
    linear = [
        nn.Linear(a, b, rng=rng)
        for a, b in ((2, width), (width, width), (width, width), (width, 1))
    ]
    if hold == "spectral norm":
        linear = [nn.spectral_norm(layer, rng=rng) for layer in linear]
    first, second, third, last = linear
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third, nn.ReLU(), last)


def train_critic(hold, steps):
    critic = make_critic(hold, stream(0, "critic"))
    weights = critic.parameters()
    optimizer = optim.Adam(weights, lr=1e-3, betas=(0.5, 0.9))
    for step in range(steps):
        real, fake = (Tensor(x) for x in batch(256, step))
        loss = wasserstein.discriminator(critic(real), critic(fake))
        if hold == "penalty":
            x = between(real, fake, stream(0, "between", step))
            loss = loss + 10 * one_centred(critic(x), x)
        optimizer.step(grad(loss, weights))
        if hold == "clipping":
            clip_weights(weights, 0.1)
    return critic.eval()


critics = {
    hold: train_critic(hold, 500 if FAST else 3000)
    for hold in ("clipping", "spectral norm", "penalty")
}

# %%
real, fake = batch(2000, 10**6)
axis_points = np.linspace(-3.2, 3.2, 80, dtype="float32")
surface = np.stack(np.meshgrid(axis_points, axis_points), -1).reshape(-1, 2)

fig, axes = plt.subplots(2, 3, figsize=(7.5, 4.2), height_ratios=(3, 1))
for column, (hold, critic) in zip(axes.T, critics.items()):
    heights = critic(Tensor(surface)).data.reshape(80, 80)
    column[0].contourf(axis_points, axis_points, heights, 12, cmap="Blues")
    column[0].plot(*real[:200].T, ".", color="#333333", markersize=3)
    column[0].set(title=hold, aspect="equal", xticks=[], yticks=[])
    column[0].grid(False)
    x = Tensor(np.concatenate([real, fake]), requires_grad=True)
    slopes = np.sqrt(squared_slopes(critic(x), x).data)
    column[1].hist(slopes / slopes.max(), 40, range=(0, 1), color="C0")
    column[1].set(xlabel="slope / steepest", yticks=[])
    advantage = critic(Tensor(real)).data.mean() - critic(Tensor(fake)).data.mean()
    seen, steepest = advantage / slopes.max(), slopes.max()
    print(f"{hold:13} slopes: mean {slopes.mean():.2f}, most {steepest:.2f}; W at least {seen:.2f}")
plt.show()

# %% [markdown]
# The penalty's critic has found all eight hills, and most of its slopes are near its steepest: it spends what it may, and sees more of
# the distance. Under clipping and under spectral norm every layer is bounded by itself, and the product of the bounds is not reached (1 would be
# allowed under spectral norm): one plateau that sees the circle, not its eight points.
#
# ## WGAN-GP
#
# The same step as ever, but the critic learns five times as often (`n_critic`), as its advantage is to be near $W$ before $G$ uses it; and
# no $\log$, no sigmoid.


# %%
def train_wgan(real_points, steps, n_critic=5, size=256, noise=2):
    rng = stream(0, "networks")
    G = nn.Sequential(
        nn.Linear(noise, 64, rng=rng),
        nn.ReLU(),
        nn.Linear(64, 64, rng=rng),
        nn.ReLU(),
        nn.Linear(64, 2, rng=rng),
    )
    critic = make_critic("penalty", rng)
    g_weights, c_weights = G.parameters(), critic.parameters()
    adam = lambda weights: optim.Adam(weights, lr=1e-3, betas=(0.5, 0.9))
    g_optimizer, c_optimizer = adam(g_weights), adam(c_weights)
    history = []
    for step in range(steps):
        g_optimizer.lr = c_optimizer.lr = 1e-3 * min(1, 2 - 2 * step / steps)
        for turn in range(step * n_critic, (step + 1) * n_critic):
            rng = stream(0, "noise", turn)
            real = Tensor(real_points(size, turn))
            fake = G(Tensor(rng.standard_normal((size, noise), dtype="f4")))
            x = between(real, fake, rng)
            loss = wasserstein.discriminator(critic(real), critic(fake.detach()))
            c_optimizer.step(grad(loss + one_centred(critic(x), x), c_weights))
        g_optimizer.step(grad(wasserstein.generator(None, critic(fake)), g_weights))
        if step % 20 == 0:
            fake = G(Tensor(rng.standard_normal((2000, noise), dtype="f4")))
            history.append(
                (step, -loss.item(), sliced_wasserstein(real_points(2000, -1), fake.data, 50))
            )
    z = stream(0, "samples").standard_normal((2000, noise), dtype="f4")
    return G(Tensor(z)).data, critic, np.array(history)


roll = lambda n, step: 2 * swiss_roll(n, seed=step)
samples, critic, history = train_wgan(roll, 500 if FAST else 4000)

fig, axis = plt.subplots(figsize=(6, 2.6))
axis.semilogy(history[:, 0], history[:, 1], color="C0", label="the critic's advantage: -loss")
axis.semilogy(history[:, 0], history[:, 2], color="C1", label="measured: sliced distance")
axis.set(xlabel="generator's step", ylabel="distance")
axis.legend()
plt.show()

# %% [markdown]
# The critic's loss falls as the samples get better: unlike the losses of lesson 10, it measures something. (The other curve is the distance
# along 50 random directions, each by sorting; it is smaller, as a shadow is shorter than what throws it,
# until both are as small as the chance in their samples.)

# %%
plt.figure(figsize=(3.4, 3.1))
plt.imshow(point_picture(roll(1000, 10**6), samples[:1000], critic))
plt.axis("off")
plt.show()

for name, points in (("samples", samples), ("other real points", roll(2000, 2))):
    print(f"sliced distance of 2000 {name}: {sliced_wasserstein(roll(2000, 1), points):.3f}")

# %% [markdown]
# ## Exercises
#
# **1.** The samples on the line may differ in number, 3 heaps and 5 holes. What is the cheapest plan now?
# <details><summary>Hint</summary>
#
# Split every heap in 5 and every hole in 3. `wasserstein_1d` does it by the quantile functions.
#
# </details>
#
# **2.** Clip to .01 instead of .1, or to 1. What happens to the slopes, and what would a generator do with them?
# <details><summary>Hint</summary>
#
# With four layers the slope scales like the fourth power of the bound: too small to learn from, or explosive.
#
# </details>
#
# **3.** Put `nn.BatchNorm1d` into the critic. Why is the penalty no longer what it says?
# <details><summary>Hint</summary>
#
# `squared_slopes` differentiates the *sum* of all verdicts, which is $\nabla f(x_n)$ only if no sample influences another's verdict: lesson 10.
#
# </details>
#
# **4.** Draw eight Gaussians instead of the roll.
# <details><summary>Hint</summary>
#
# `train_wgan(lambda n, step: gaussians(CENTRES, 0.02, n, seed=step), 4000)`.
#
# </details>
#
# ## Sources
#
# - M. Arjovsky, S. Chintala, L. Bottou, *Wasserstein GAN*, 2017, arXiv:1701.07875: example 1, eq. 2, algorithm 1 (clipping).
# - I. Gulrajani et al., *Improved training of Wasserstein GANs*, 2017, arXiv:1704.00028: eq. 3, figure 1.
# - T. Miyato et al., *Spectral normalization for generative adversarial networks*, 2018, arXiv:1802.05957: algorithm 1; the gradient is eq. 12.
# - C. Villani, *Optimal transport, old and new*, 2009, theorem 5.10 and remark 6.5: Kantorovich and Rubinstein.
# - `tinygan/gan/penalties.py`, `tinygan/nn/spectral.py`, `tinygan/metrics/points/wasserstein.py`.
