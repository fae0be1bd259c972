# %% [markdown]
# # 07 · The game, on a line
#
# **You will build:** a GAN whose every part can be computed on paper as well: the best discriminator, what it measures, and the reason why the first idea for a generator's loss stands still.
#
# **You need:** probability densities; lesson 05. What $\log$ and $\sigma(v) = 1/(1 + e^{-v})$ look like.
#
# **Time:** 40 minutes

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests

# %% [markdown]
# ## The rules
#
# Real samples $x$ come from a density $p$. The generator turns noise $z$ into samples $G(z)$; call their density $q$. The discriminator gives the probability $D(x)$ that $x$ is real. They play for the value
#
# $$ V(D, G) = \mathbb E_{x \sim p} \log D(x) + \mathbb E_{x \sim q} \log\bigl(1 - D(x)\bigr), $$
#
# $D$ to raise it, $G$ to lower it. ($\mathbb E_{x \sim p}$ is the mean over samples from $p$.) $V$ is 0 if $D$ is certain and right, and less in all other cases.
#
# Here both densities are bell curves on a line, where everything can be integrated: $p$ about 1, $q$ about -1 for the moment.


# %%
def bell(x, mean, spread):
    """The normal density."""
    return np.exp(-(((x - mean) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))


x = np.linspace(-12, 12, 6001)
dx = x[1] - x[0]
P, Q = (1.0, 0.8), (-1.0, 1.0)  # mean and spread
p, q = bell(x, *P), bell(x, *Q)
assert abs(p.sum() * dx - 1) < 1e-9  # enough points to integrate by adding up

# %% [markdown]
# ## The best discriminator
#
# $V$ is a sum over places $x$, and $D$ may choose its number for each place freely. At one place, with $a = p(x)$ and $b = q(x)$, it wants the largest $a \log D + b \log(1 - D)$. The slope $a/D - b/(1 - D)$ is 0 at
#
# $$ D^*(x) = \frac{p(x)}{p(x) + q(x)}. $$

# %%
D = np.linspace(0.001, 0.999, 999)
for a, b in ((0.5, 0.5), (0.8, 0.2), (0.05, 0.6)):
    value = a * np.log(D) + b * np.log(1 - D)
    (line,) = plt.plot(D, value, label=f"p = {a}, q = {b}")
    plt.plot(a / (a + b), a * np.log(a / (a + b)) + b * np.log(b / (a + b)), "o", color=line.get_color())
    assert abs(D[value.argmax()] - a / (a + b)) < 1e-3
plt.ylim(-3, 0)
plt.xlabel("D at this place")
plt.ylabel("its part of V")
plt.legend(loc="lower center")
plt.show()

# %% [markdown]
# A network does not know $p$ and $q$; it sees samples, and raises $V$ by gradient steps. It gives a number $v(x)$, the verdict, and $D = \sigma(v)$. Then $\log D = \log\sigma(v)$ and $\log(1 - D) = \log\sigma(-v)$. Does it find $p/(p + q)$?


# %%
def draw(rng, n, mean, spread):
    return Tensor((mean + spread * rng.standard_normal((n, 1))).astype("float32"))


def network(rng, width=32):
    layers = nn.Linear(1, width, rng=rng), nn.Tanh(), nn.Linear(width, width, rng=rng), nn.Tanh()
    return nn.Sequential(*layers, nn.Linear(width, 1, rng=rng))


def value(real, fake):
    """V from verdicts."""
    return ops.mean(ops.logsigmoid(real)) + ops.mean(ops.logsigmoid(-fake))


rng = np.random.default_rng(0)
judge = network(rng)
optimizer = optim.Adam(judge.parameters(), lr=5e-3)
steps = 400 if FAST else 3000
for step in range(steps):
    optimizer.lr = 5e-3 * (1 - step / steps)
    loss = -value(judge(draw(rng, 256, *P)), judge(draw(rng, 256, *Q)))
    optimizer.step(grad(loss, judge.parameters()))

best = p / (p + q)
verdicts = judge(Tensor(x[:, None].astype("float32"))).data[:, 0].astype(float)
trained = 1 / (1 + np.exp(-verdicts))
plt.fill_between(x, p, color="C0", alpha=0.2, label="p, real")
plt.fill_between(x, q, color="C1", alpha=0.2, label="q, generated")
plt.plot(x, best, "--", color="#333333", label="p / (p + q)")
plt.plot(x, trained, color="C0", label="trained D")
plt.xlim(-4.5, 4.5)
plt.xlabel("x")
plt.legend()
plt.show()
error = (np.abs(trained - best) * (p + q) / 2).sum() * dx
print(f"mean error of the trained D: {error:.3f}")
assert error < (0.1 if FAST else 0.03)

# %% [markdown]
# Where there are samples, yes. Beyond them nobody told it anything, and nobody asks.
#
# So **a discriminator is an estimate of $p/q$**: its verdict is $v = \log \frac{D}{1 - D} = \log \frac pq$. All that it knows about the world fits in that ratio.
#
# ## What the value measures
#
# Put the best $D$ into $V$. With $m = (p + q)/2$, the middle of both densities,
#
# $$ V(D^*, G) = \int p \log \frac{p}{p + q} + \int q \log \frac{q}{p + q} = 2 \underbrace{\left[ \tfrac12 \int p \log \frac pm + \tfrac12 \int q \log \frac qm \right]}_{\operatorname{JS}(p, q)} - \log 4. $$
#
# $\int p \log \frac pq = \operatorname{KL}(p \| q)$ is the Kullback-Leibler divergence, 0 if $p = q$ and positive otherwise. $\operatorname{JS}$, the Jensen-Shannon divergence, is made of two of it, each against the middle. It is between 0 and $\log 2$.


# %%
def kl(p, q):
    inside = p > 0
    return (p[inside] * np.log(p[inside] / q[inside])).sum() * dx


def js(p, q):
    m = (p + q) / 2
    return kl(p, m) / 2 + kl(q, m) / 2


V_best = (p * np.log(best) + q * np.log(1 - best)).sum() * dx
V_trained = (p * np.log(trained) + q * np.log(1 - trained)).sum() * dx
print(f"2 JS - log 4    {2 * js(p, q) - np.log(4):.6f}")
print(f"V of the best D {V_best:.6f}")
print(f"V of a trained  {V_trained:.6f}   (never more)")
assert abs(V_best - (2 * js(p, q) - np.log(4))) < 1e-6 and V_trained < V_best

# %% [markdown]
# So $G$, against a $D$ that is always at its best, walks down the Jensen-Shannon divergence, which is 0 only if $q = p$. That is why the game works. How do the divergences look from far away? Move $q$:

# %%
distances = np.linspace(0, 8, 81)
curves = {"JS(p, q)": js, "KL(p | q)": kl, "KL(q | p)": lambda p, q: kl(q, p)}
values = {name: [f(p, bell(x, P[0] - d, P[1])) for d in distances] for name, f in curves.items()}
for name, v in values.items():
    plt.plot(distances, v, label=name, linestyle="--" if "q | p" in name else "-")
plt.axhline(np.log(2), color="#888888", linewidth=1, linestyle=":")
plt.text(8, np.log(2) + 0.1, "log 2", ha="right", color="#555555")
plt.ylim(0, 6)
plt.xlabel("distance of the two means")
plt.ylabel("divergence")
plt.legend()
plt.show()

# %% [markdown]
# Both KL grow as the square of the distance (they are equal here, as the spreads are). JS runs into its ceiling: from 4 on, the two hardly overlap, $D$ is right nearly always, and moving $q$ a little changes nothing. *Its slope is what $G$ would learn from.*
#
# ## Why $\log(1 - D)$ saturates
#
# $G$ moves samples, and sees only the verdict $v$ at each. How strongly does its loss pull on the verdict? For the loss of the rules, $\log(1 - D) = \log\sigma(-v)$, the slope is $-\sigma(v)$: next to nothing for a sample that $D$ recognises as generated, where it is needed most. Goodfellow et al. give $G$ another loss with the same aim, $-\log D = -\log\sigma(v)$, whose slope is $-\sigma(-v)$: *large* there. It is called **non-saturating**.

# %%
v = Tensor(np.array([-10.0, -5.0, -2.0, 0.0, 2.0]), requires_grad=True)
(minimax_slope,) = grad(ops.sum(ops.logsigmoid(-v)), v)
(non_saturating_slope,) = grad(ops.sum(-ops.logsigmoid(v)), v)
print("verdict v   D = σ(v)   slope of log(1 - D)   slope of -log D")
for row in zip(v.data, 1 / (1 + np.exp(-v.data)), minimax_slope, non_saturating_slope):
    print("{:7.0f} {:12.5f} {:17.5f} {:19.5f}".format(*row))
h = 1e-5
log_sigmoid = lambda v: -np.log1p(np.exp(-v))
assert np.allclose(minimax_slope, (log_sigmoid(-v.data - h) - log_sigmoid(-v.data + h)) / (2 * h))
assert np.allclose(non_saturating_slope, -(log_sigmoid(v.data + h) - log_sigmoid(v.data - h)) / (2 * h))

from tinygan.gan.objectives import minimax, non_saturating  # the library's

assert np.allclose(grad(minimax.generator(None, v), v)[0] * 5, minimax_slope)
assert np.allclose(grad(non_saturating.generator(None, v), v)[0] * 5, non_saturating_slope)

# %% [markdown]
# The whole force on $G$ is that slope times the slope of $v$. With the best $D$, $v = \log p/q$, both are known everywhere, so the force on the mean of $q$ can be integrated, for every distance:

# %%
forces = {"log(1 - D)": [], "-log D": []}
for d in distances:
    q_ = bell(x, P[0] - d, P[1])
    verdict = ((x - P[0] + d) ** 2 - (x - P[0]) ** 2) / (2 * P[1] ** 2)  # log p / q
    slope_of_verdict = d / P[1] ** 2
    D_best = 1 / (1 + np.exp(-verdict))
    forces["log(1 - D)"].append((q_ * D_best).sum() * dx * slope_of_verdict)
    forces["-log D"].append((q_ * (1 - D_best)).sum() * dx * slope_of_verdict)
for name, force in forces.items():
    plt.semilogy(distances[1:], force[1:], label=name)
plt.xlabel("distance of the two means")
plt.ylabel("force on the mean of q")
plt.ylim(1e-5, 30)
plt.legend()
plt.show()
k = np.searchsorted(distances, 6.0)
print(f"at distance 6, -log D pulls {forces['-log D'][k] / forces['log(1 - D)'][k]:,.0f} times as hard")

# %% [markdown]
# ## The game itself
#
# $G(z) = \mu + s z$ with two weights, $\mu$ and $s$, and $z$ normal: $q$ is a bell curve about $\mu$ of spread $s$. It begins at -5, and $p$ is about 1. Both losses, everything else the same.


# %%
def play(objective, steps, seed=0):
    """The game; returns μ and s after each step."""
    rng = np.random.default_rng(seed)
    judge, weights = network(rng), Tensor(np.array([-5.0, 1.0], "float32"), requires_grad=True)
    d_optimizer = optim.Adam(judge.parameters(), lr=5e-3, betas=(0.5, 0.99))
    g_optimizer = optim.SGD([weights], lr=0.05)  # SGD: the step is as large as the force
    path = []
    for _ in range(steps):
        z = Tensor(rng.standard_normal((128, 1), dtype="float32"))
        fake = weights[0] + weights[1] * z
        real = draw(rng, 128, *P)
        loss = objective.discriminator(judge(real), judge(fake.detach()))
        d_optimizer.step(grad(loss, judge.parameters()))
        g_optimizer.step(grad(objective.generator(None, judge(fake)), [weights]))
        path.append(weights.data)
    return np.array(path)


steps = 600 if FAST else 3000
paths = {"log(1 - D)": play(minimax, steps), "-log D": play(non_saturating, steps)}
figure, axes = plt.subplots(1, 2, figsize=(7.4, 2.9))
for k, (name, path) in enumerate(paths.items()):
    for ax, values in zip(axes, path.T):
        ax.plot(values, color=f"C{k}", linewidth=1.2, label=name)
for ax, target, name in zip(axes, P, ("mean μ", "spread s")):
    ax.axhline(target, color="#888888", linewidth=1, linestyle=":")
    ax.set(xlabel="training step", ylabel=f"{name} of q")
axes[0].legend()
plt.show()
for name, path in paths.items():
    first = np.argmax(np.abs(path[:, 0] - P[0]) < 0.2)
    print(f"{name:11} μ = {path[-1, 0]:.2f}, s = {path[-1, 1]:.2f}; μ was near {P[0]} from step {first}")
assert abs(paths["-log D"][-200:, 0].mean() - P[0]) < 0.4

# %% [markdown]
# Both get there, as theory says. The first stood still for as long as $D$ knew its samples too well. In a plane or in a picture the distances are much larger than on this line, and it often stands still for good.
#
# ## Exercises
#
# **1.** At the end of the game, $q = p$. What is $D^*$, what is $V$, and what would a trained $D$ and its loss look like?
# <details><summary>Hint</summary>
#
# $D^* = \frac12$ everywhere, $V = -\log 4 = -1.386$; the loss of $D$ is 1.386. A loss of $D$ near that figure is good news, or the news that $D$ has learned nothing.
#
# </details>
#
# **2.** Write the best *verdict* for two bell curves, $\log p/q$, as a polynomial in $x$. When is it a straight line?


# %%
def check_best_verdict(f):
    for P, Q in (((1.0, 0.8), (-1.0, 1.0)), ((0.0, 2.0), (3.0, 0.5)), ((0.0, 1.0), (2.0, 1.0))):
        xs = np.linspace(-3, 3, 7)
        assert np.allclose(f(xs, P, Q), np.log(bell(xs, *P) / bell(xs, *Q))), (P, Q)
    print("right")


def best_verdict(x, P, Q): ...  # yours: P and Q are (mean, spread)


# check_best_verdict(best_verdict)

# %% [markdown]
# <details><summary>Hint</summary>
#
# $\frac{(x - \mu_Q)^2}{2 s_Q^2} - \frac{(x - \mu_P)^2}{2 s_P^2} + \log \frac{s_Q}{s_P}$. The squares cancel if the spreads are equal: then the straight line of lesson 06.
#
# </details>
#
# **3.** $\operatorname{KL}(p \| q)$ and $\operatorname{KL}(q \| p)$ differ. Let $p$ be two narrow bells at $\pm 2$, and find the single bell $q$ with the least of each, by trying means and spreads on a grid.
# <details><summary>Hint</summary>
#
# $\operatorname{KL}(p \| q)$ is huge where $p$ is and $q$ is not, so $q$ covers both, and the gap between. $\operatorname{KL}(q \| p)$ is huge where $q$ is and $p$ is not, so $q$ sits on one. The latter looks like what lesson 08 calls mode collapse.
#
# </details>
#
# **4.** Give $D$ five steps for each of $G$'s. Which loss gets better by it, which one worse?
# <details><summary>Hint</summary>
#
# Nearer to the best $D$, both come nearer to the forces of the picture above: $\log(1 - D)$ gets weaker from afar.
#
# </details>
#
# ## Sources
#
# - I. Goodfellow et al., *Generative adversarial nets*, 2014, arXiv:1406.2661: the value is equation 1, the best discriminator proposition 1, the Jensen-Shannon divergence theorem 1.
# - M. Arjovsky, L. Bottou, *Towards principled methods for training GANs*, 2017, arXiv:1701.04862, theorem 2.4: the gradient vanishes.
# - S. Nowozin, B. Cseke, R. Tomioka, *f-GAN*, 2016, arXiv:1606.00709, table 1: the same for other divergences.
