# %% [markdown]
# # 08 · A ring of eight
#
# **You will build:** a GAN in the plane, where you can see everything; watch it collapse; cure it in two ways; and measure all of them against a model that is
# as good as possible, fitted by expectation maximisation.
#
# **You need:** lessons 05 to 07.
#
# **Time:** 50 minutes

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.gradcheck import assert_gradients

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests

# %% [markdown]
# ## The data
#
# Eight bell curves in the plane, on a circle. Each is a **mode** of the distribution. The question that a picture of faces cannot answer, how many kinds there are and how many were found, can be answered here by counting. A point *belongs*
# to a mode if it is within three standard deviations $s$ of its centre; of real points $1 - e^{-9/2} = 98.9\,\%$ do.

# %%
SPREAD = 0.05
angle = 2 * np.pi * np.arange(8) / 8
centres = np.stack([np.cos(angle), np.sin(angle)], 1)


def draw_real(rng, n):
    points = centres[rng.integers(8, size=n)] + SPREAD * rng.standard_normal((n, 2))
    return points.astype("float32")


def counts(points):
    """How many of the points (N, 2) belong to each mode: (8,)."""
    distance = np.linalg.norm(points[:, None] - centres, axis=2)  # (N, 8)
    near = distance.min(1) <= 3 * SPREAD
    return np.bincount(distance.argmin(1)[near], minlength=8)


def scores(points):
    """(modes found, share of points that belong to one, unevenness: Σ f log 8f of the modes' shares f)."""
    c = counts(points)
    f = c[c > 0] / max(1, c.sum())
    return (c > 0).sum(), c.sum() / len(points), (f * np.log(8 * f)).sum()


from tinygan.metrics import mode_scores, ring_centres  # the library's

rng = np.random.default_rng(0)
real = draw_real(rng, 2000)
theirs = mode_scores(real, ring_centres(), SPREAD)
assert np.allclose(scores(real), [theirs[k] for k in ("modes", "high_quality", "reverse_kl")])
print("real points: {} modes, {:.1%} belong to one, unevenness {:.4f}".format(*scores(real)))

# %% [markdown]
# ## A yardstick
#
# How well could anything do? Suppose it is known that the points come from eight round bells, $p(x) = \sum_k w_k\, N(x; \mu_k, s_k)$, and only the weights $w_k$, centres $\mu_k$ and spreads $s_k$ are not. The best ones make the **log-likelihood** $\sum_n \log p(x_n)$ largest. Its gradient:
#
# $$ \frac{\partial}{\partial \mu_k} \sum_n \log p(x_n) = \sum_n r_{nk}\, \frac{x_n - \mu_k}{s_k^2}, \qquad r_{nk} = \frac{w_k N(x_n; \mu_k, s_k)}{\sum_j w_j N(x_n; \mu_j, s_j)}. $$
#
# $r_{nk}$, the **responsibility**, is the probability that point $n$ was made by bell $k$. It is the softmax of the log-probabilities, which is the gradient of $\log \sum e$ (lesson 04, exercise 1).


# %%
def log_joint(x, mu, log_s, log_w):
    """log of w_k N(x_n; μ_k, s_k): x (N, 2), mu (K, 2), log_s and log_w (K) -> (N, K). Arrays or Tensors."""
    squares = ops.sum((ops.unsqueeze(x, 1) - mu) ** 2, 2)  # (N, K)
    return log_w - np.log(2 * np.pi) - 2 * log_s - squares / (2 * ops.exp(2 * log_s))


def log_likelihood(x, mu, log_s, log_w):
    return ops.sum(ops.logsumexp(log_joint(x, mu, log_s, log_w), 1))


some = real[:20].astype(float)
mu, log_s, log_w = rng.standard_normal((3, 2)), rng.normal(-0.5, 0.2, 3), np.log([0.5, 0.3, 0.2])
assert_gradients(lambda mu, log_s: log_likelihood(some, mu, log_s, log_w), mu, log_s)

r = ops.softmax(log_joint(some, mu, log_s, log_w), 1)
by_formula = (r[:, :, None] * (some[:, None] - mu) / np.exp(2 * log_s)[:, None]).sum(0)
t = Tensor(mu, requires_grad=True)
assert np.allclose(by_formula, grad(log_likelihood(Tensor(some), t, log_s, log_w), t)[0])

# %% [markdown]
# Set the gradient to 0: $\mu_k = \sum_n r_{nk} x_n / \sum_n r_{nk}$, the mean of the points, each as much as it belongs to $k$. That would be the solution if $r$ did not depend on $\mu$. **Expectation maximisation** takes turns: compute $r$ (E), then the best $\mu$, $s$, $w$ for this $r$ (M). The likelihood never falls. No learning rate.


# %%
def expectation_maximisation(x, mu, turns):
    """Fit round bells that begin at mu (K, 2). Returns mu, s, w and the mean log-likelihood of each turn."""
    k = len(mu)
    s, w, history = np.full(k, 0.5), np.full(k, 1 / k), []
    for _ in range(turns):
        joint = log_joint(x, mu, np.log(s), np.log(w))
        r = ops.softmax(joint, 1)  # E: (N, K)
        history.append(ops.logsumexp(joint, 1).mean())
        n = r.sum(0)
        mu = r.T @ x / n[:, None]  # M
        squares = ((x[:, None] - mu) ** 2).sum(2)
        s = np.sqrt((r * squares).sum(0) / (2 * n))  # 2: of two coordinates
        w = n / len(x)
    return mu, s, w, np.array(history)


x = real.astype(float)
starts = [x[np.random.default_rng(seed).choice(len(x), 8, replace=False)] for seed in range(10)]
fits = [expectation_maximisation(x, mu, 40) for mu in starts]
best = max(fits, key=lambda fit: fit[3][-1])
assert all((np.diff(fit[3]) > -1e-9).all() for fit in fits)  # it never fell

figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), width_ratios=[3, 2])
for fit in fits:
    axes[0].plot(fit[3], color="C0", alpha=1.0 if fit is best else 0.25)
axes[0].set(xlabel="turn", ylabel="mean log-likelihood", title="ten random beginnings")
axes[1].plot(*x[:500].T, ".", color="#888888", markersize=2)
for mu, s in zip(*best[:2]):
    axes[1].add_patch(plt.Circle(mu, 3 * s, fill=False, color="C0"))
axes[1].set(title="the best: three spreads about each mean", aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
plt.show()

chosen = rng.choice(8, p=best[2], size=2500)
samples = best[0][chosen] + best[1][chosen][:, None] * rng.standard_normal((2500, 2))
yardstick = scores(samples)
print("EM: {} modes, {:.1%} belong to one, unevenness {:.4f}".format(*yardstick))
assert yardstick[0] == 8 and yardstick[1] > 0.97

# %% [markdown]
# That is the yardstick. (Not every beginning gets there: two bells may share a mode, and one cover two.) A GAN is told neither that there are bells nor how many.
#
# ## A GAN
#
# Points, two perceptrons, the non-saturating loss of lesson 07, and Adam. `pack`, `gamma` and `beta1` are for later.


# %%
def perceptron(inputs, outputs, rng):
    first, second = nn.Linear(inputs, 64, rng=rng), nn.Linear(64, 64, rng=rng)
    last = nn.Linear(64, outputs, rng=rng)
    return nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), last)


def non_saturating(real, fake):
    """(loss of D, loss of G) from verdicts."""
    d_loss = -ops.mean(ops.logsigmoid(real)) - ops.mean(ops.logsigmoid(-fake))
    return d_loss, -ops.mean(ops.logsigmoid(fake))


STEPS = 500 if FAST else 3000
FRAMES = [STEPS * k // 10 for k in (1, 4, 7, 10)]


def play(losses=non_saturating, pack=1, gamma=0.0, beta1=0.9, steps=STEPS, seed=0):
    """Train. Returns the points drawn at the steps in FRAMES and at the end, and the scores over time."""
    rng = np.random.default_rng(seed)
    G, D = perceptron(8, 2, rng), perceptron(2 * pack, 1, rng)
    adam = lambda player: optim.Adam(player.parameters(), lr=3e-3, betas=(beta1, 0.99))
    g_optimizer, d_optimizer = adam(G), adam(D)
    noise = lambda n: Tensor(rng.standard_normal((n, 8), dtype="float32"))
    packed = lambda x: ops.reshape(x, (-1, 2 * pack))  # `pack` points side by side are one sample
    frames, history = [], []
    for step in range(1, steps + 1):
        x = Tensor(packed(draw_real(rng, 256)), requires_grad=gamma > 0)
        fake = packed(G(noise(256)))
        seen = Tensor(fake.data, requires_grad=gamma > 0)
        on_real, on_seen = D(x), D(seen)
        d_loss, _ = losses(on_real, on_seen)
        for verdicts, points in ((on_real, x), (on_seen, seen)) if gamma else ():
            (slope,) = grad(ops.sum(verdicts), points, create_graph=True)
            d_loss = d_loss + gamma / 2 * ops.mean(ops.sum(slope**2, 1))
        d_optimizer.step(grad(d_loss, D.parameters()))
        _, g_loss = losses(D(x.detach()), D(fake))
        g_optimizer.step(grad(g_loss, G.parameters()))
        if step % (steps // 50) == 0:
            points = G(noise(2500)).data
            history.append([step, *scores(points)])
            if step in FRAMES:
                frames.append(points)
    return frames, np.array(history)


def show(frames, title):
    figure, axes = plt.subplots(1, 4, figsize=(7.6, 2.2), sharey=True)
    for ax, points, step in zip(axes, frames, FRAMES):
        ax.plot(*real[:400].T, ".", color="C0", markersize=1.5)
        ax.plot(*points[:400].T, ".", color="C1", markersize=1.5)
        ax.set(title=f"step {step}: {scores(points)[0]} modes", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
        ax.set(aspect="equal", xticks=(), yticks=())
    axes[0].set_ylabel(title)
    plt.show()


results = {}
frames, results["plain"] = play()
show(frames, "plain")

# %% [markdown]
# **Mode collapse.** $G$ (orange) puts all its points where $D$ is most easily fooled. $D$ learns that this place is suspicious; $G$ moves to another mode; and so on round the ring. Each of the two does what it should, and together they chase each other for ever: $G$ is never punished for *what it does not draw*.
#
# ## First cure: several at once
#
# PacGAN shows $D$ not a point but a pack of four, all real or all generated. Four real points nearly never lie on one mode; four generated ones of a collapsed $G$ always do, so lack of variety can be *seen*. The network changes in its first layer only.

# %%
frames, results["packs of 4"] = play(pack=4)
show(frames, "packs of 4")

from tinygan.gan import augment  # the library's

points = Tensor(real[:8])
assert np.array_equal(augment.pack(points, 4).data, real[:8].reshape(2, 8))

# %% [markdown]
# ## Second cure: pairs, and a gentle slope
#
# The relativistic loss asks for each pair of a real and a generated point which of the two is more real:
#
# $$ L_D = -\operatorname{mean} \log \sigma\bigl(D(x) - D(G(z))\bigr), \qquad L_G = -\operatorname{mean} \log \sigma\bigl(D(G(z)) - D(x)\bigr). $$
#
# Pushing *all* of a mode down is of no use to $D$ any more: what counts is the difference to real points, which lie on all modes. With the penalty of lesson 06 on $D$'s slope, at real and at generated points, this game provably comes to rest at $q = p$ (near it, and under assumptions that the paper states).


# %%
def relativistic(real, fake):
    return -ops.mean(ops.logsigmoid(real - fake)), -ops.mean(ops.logsigmoid(fake - real))


from tinygan.gan import objectives

v, w = Tensor(rng.standard_normal(6)), Tensor(rng.standard_normal(6))
assert relativistic(v, w)[0].item() == objectives.relativistic.discriminator(v, w).item()
assert relativistic(v, w)[1].item() == objectives.relativistic.generator(v, w).item()

frames, results["relativistic, penalty"] = play(relativistic, gamma=0.05)
show(frames, "relativistic")

# %% [markdown]
# ## And a short memory
#
# All modes are found, and lost again: the two still swing about each other. The proof is about steps along the gradient, and Adam's are not. With $\beta_1 = 0.9$ it moves along the average of the last ten gradients or so, and in ten steps the opponent has moved on. With $\beta_1 = 0$ each step follows the gradient of now.

# %%
frames, results["the same, β₁ = 0"] = play(relativistic, gamma=0.05, beta1=0.0)
show(frames, "β₁ = 0")

# %% [markdown]
# ## The score

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.8, 2.8))
for name, history in results.items():
    axes[0].plot(history[:, 0], history[:, 1], label=name, linewidth=1.4)
    axes[1].plot(history[:, 0], 100 * history[:, 2], linewidth=1.4)
axes[0].set(xlabel="training step", ylabel="modes found", ylim=(-0.3, 8.5))
axes[1].set(xlabel="training step", ylabel="% of points on a mode", ylim=(0, 102))
axes[1].axhline(100 * yardstick[1], color="#888888", linewidth=1, linestyle=":")
axes[1].text(0, 100 * yardstick[1] - 7, "EM", color="#555555")
figure.legend(loc="outside upper center", ncols=4)
plt.show()
print(f"{'':24}modes   on a mode   unevenness")
for name, history in results.items():
    print(f"{name:24}{history[-1, 1]:5.0f} {history[-1, 2]:10.1%} {history[-1, 3]:12.3f}")
print(f"{'EM, told what to fit':24}{yardstick[0]:5} {yardstick[1]:10.1%} {yardstick[2]:12.3f}")
found = {name: history[-10:, 1].mean() for name, history in results.items()}
assert FAST or all(found[name] > found["plain"] + 2 for name in results if name != "plain")

# %% [markdown]
# The points between the modes remain: $G$ is continuous and its noise is of one piece, so it has to cross from one mode to the next. Longer training makes the crossings thinner; a code of many classes beside the noise leaves none: `tinygan train ring`, on bells a fifth as wide.
#
# ## Exercises
#
# **1.** Is the short memory enough by itself? Try `play(beta1=0.0)`. And does a smaller learning rate prevent the collapse?
# <details><summary>Hint</summary>
#
# It goes a long way: count the modes. With a third of the learning rate, in the loop, some seeds escape after a thousand steps and others never do: whatever keeps the two from overshooting helps.
#
# </details>
#
# **2.** Which half of the second cure does the work? Run `play(relativistic)` and `play(gamma=0.05)`.
# <details><summary>Hint</summary>
#
# Fill in two more rows of the table, with several seeds: one is an anecdote. Over the last fifth of training, with seeds 0, 1 and 2, the loss alone kept 1 to 2 modes and the penalty alone 7 to 8: here the slope does nearly all of the work.
#
# </details>
#
# **3.** Write the score of an *ideal* sampler without drawing a point: what is the expected unevenness of 2500 perfect points?
# <details><summary>Hint</summary>
#
# The shares $f_k$ scatter about $1/8$ with variance $\frac18 \cdot \frac78 / 2500$. With $\sum f \log 8f \approx \frac{8}{2} \sum (f - \frac18)^2$, its mean is $7 / (2 \cdot 2500) = 0.0014$.
#
# </details>
#
# **4.** Give EM nine bells, or seven. What does it do, and how does the likelihood tell?
# <details><summary>Hint</summary>
#
# Nine: two share a mode, and the likelihood is hardly better. Seven: one covers two modes, and it is much worse. A GAN does not have to be told; a likelihood can be compared. Each has what the other lacks.
#
# </details>
#
# ## Sources
#
# - A. Dempster, N. Laird, D. Rubin, *Maximum likelihood from incomplete data via the EM algorithm*, 1977.
# - L. Metz et al., *Unrolled generative adversarial networks*, 2017, arXiv:1611.02163, section 3.1: the ring of eight, and the chase.
# - Z. Lin et al., *PacGAN*, 2018, arXiv:1712.04086, section 3: packs. The counting is theirs and A. Srivastava et al.'s, *VEEGAN*, 2017, arXiv:1705.07761.
# - A. Jolicoeur-Martineau, *The relativistic discriminator*, 2019, arXiv:1807.00734, equation 7.
# - Y. Huang et al., *The GAN is dead; long live the GAN!*, 2024, arXiv:2501.05441, section 2: pairs and both penalties together.
