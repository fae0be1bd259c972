# %% [markdown]
# # 07 · The game, on a line
#
# **You will build:** a GAN whose every part can be computed on paper as well: the best discriminator, what it measures, and the reason why the first idea for a generator's loss stands still.
#
# **You need:** probability densities; lesson 05. What $\log$ looks like.
#
# **Time:** 45 minutes

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
# Real samples $x$ come from a density $p$. A GAN has two networks.
#
# - The **generator** $G$ takes noise $z$ and makes a sample $G(z)$. The noise is random, so the samples have a density, too. Call it $q$.
# - The **discriminator** takes a sample and gives its **verdict** $v(x)$. The verdict is one number of any size: large for "real", very negative for "generated", 0 for "I cannot tell".
#
# The sigmoid $\sigma(v) = 1/(1 + e^{-v})$ turns a verdict into a probability:
#
# $$ D(x) = \sigma(v(x)) $$
#
# is the probability that $x$ is real, as the discriminator sees it. $v(x) = 0$ means $D(x) = \frac12$. So it is in the whole course: $v$ is the verdict, $D$ the probability. In code, the two networks are `G` and `v`, and `v(G(z))` are the verdicts on generated samples.
#
# They play for the value
#
# $$ V(D, G) = \mathbb E_{x \sim p} \log D(x) + \mathbb E_{x \sim q} \log\bigl(1 - D(x)\bigr). $$
#
# $\mathbb E_{x \sim p}$ is the mean over samples from $p$. The discriminator wants to raise $V$, the generator to lower it. $V$ is 0 if the discriminator is certain and right, and less in all other cases.
#
# As $1 - \sigma(v) = \sigma(-v)$, both logarithms are one function of the verdict: $\log D = \log\sigma(v)$ and $\log(1 - D) = \log\sigma(-v)$. In code it is `ops.logsigmoid`.

# %%
verdicts = np.array([-5.0, -1.0, 0.0, 1.0, 5.0])
probabilities = ops.sigmoid(verdicts)
for verdict, probability in zip(verdicts, probabilities):
    print(f"verdict {verdict:4.0f} is the probability {probability:.4f}")
assert np.allclose(ops.logsigmoid(verdicts), np.log(probabilities))
assert np.allclose(ops.logsigmoid(-verdicts), np.log(1 - probabilities))

# %% [markdown]
# In this lesson both densities are bell curves on a line, and everything can be integrated: $p$ about 1, $q$ about -1 for the moment. An integral is a sum over many places $x$, each times the distance $dx$ between two of them.


# %%
def bell(x, mean, spread):
    """The normal density. The spread is its standard deviation."""
    return np.exp(-(((x - mean) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))


x = np.linspace(-12, 12, 6001)
dx = x[1] - x[0]
P, Q = (1.0, 0.8), (-1.0, 1.0)  # mean and spread of p and of q
p, q = bell(x, *P), bell(x, *Q)
assert abs(p.sum() * dx - 1) < 1e-9  # enough places to integrate by adding up

# %% [markdown]
# ## The best discriminator
#
# $V$ is a sum over places $x$, and the discriminator may choose $D$ freely at each. At one place, with $a = p(x)$ and $b = q(x)$, it wants the largest $a \log D + b \log(1 - D)$. The slope $a/D - b/(1 - D)$ is 0 at $D = a/(a + b)$. So the best discriminator is
#
# $$ D^*(x) = \frac{p(x)}{p(x) + q(x)}. $$
#
# Three places, each with its own $a$ and $b$. The dot is the formula's:

# %%
choices = np.linspace(0.001, 0.999, 999)
for a, b in ((0.5, 0.5), (0.8, 0.2), (0.05, 0.6)):
    part = a * np.log(choices) + b * np.log(1 - choices)
    best = a / (a + b)
    (line,) = plt.plot(choices, part, label=f"p = {a}, q = {b}")
    plt.plot(best, a * np.log(best) + b * np.log(1 - best), "o", color=line.get_color())
    assert abs(choices[part.argmax()] - best) < 1e-3
plt.ylim(-3, 0)
plt.xlabel("D at this place")
plt.ylabel("its part of V")
plt.legend(loc="lower center")
plt.show()

# %% [markdown]
# A network does not know $p$ and $q$. It sees samples, and raises $V$ by steps along the gradient. Its loss is $-V$:
#
# $$ L_D = -\operatorname{mean} \log\sigma(v(x)) - \operatorname{mean} \log\sigma(-v(G(z))). $$
#
# The parts of the training loop below are those of lesson 05: `nn.Sequential` calls layers one after the other, `v.parameters()` is the list of their weights, `grad` gives the slopes of the loss, and `optim.Adam` takes the step. Does the network find $p/(p + q)$? The error that is printed is a mean over samples of both kinds.


# %%
def draw(rng, n, mean, spread):
    """n samples from a bell curve: (n, 1)."""
    return Tensor((mean + spread * rng.standard_normal((n, 1))).astype("float32"))


def discriminator(rng, width=32):
    """A network that takes samples (n, 1) and gives verdicts (n, 1)."""
    return nn.Sequential(
        nn.Linear(1, width, rng=rng), nn.Tanh(),
        nn.Linear(width, width, rng=rng), nn.Tanh(),
        nn.Linear(width, 1, rng=rng),
    )  # fmt: skip


def d_loss_of(real, fake):
    """-V, from verdicts on real and on generated samples."""
    return -ops.mean(ops.logsigmoid(real)) - ops.mean(ops.logsigmoid(-fake))


def train_discriminator(steps, seed):
    rng = np.random.default_rng(seed)
    v = discriminator(rng)
    optimizer = optim.Adam(v.parameters(), lr=5e-3)
    for step in range(steps):
        optimizer.lr = 5e-3 * (1 - step / steps)  # smaller and smaller steps, to settle down
        d_loss = d_loss_of(v(draw(rng, 256, *P)), v(draw(rng, 256, *Q)))
        optimizer.step(grad(d_loss, v.parameters()))
    return v


def probability_of_real(v, x):
    """D at the places x (n)."""
    verdicts = v(Tensor(x[:, None].astype("float32"))).data[:, 0].astype(float)
    return 1 / (1 + np.exp(-verdicts))


best = p / (p + q)
for seed in (0, 1, 2):
    v = train_discriminator(300 if FAST else 1500, seed)
    trained = probability_of_real(v, x)
    error = (np.abs(trained - best) * (p + q) / 2).sum() * dx
    print(f"seed {seed}: mean error of the trained D {error:.3f}")
    assert error < (0.1 if FAST else 0.03)

# %%
plt.fill_between(x, p, color="C0", alpha=0.2, label="p, real")
plt.fill_between(x, q, color="C1", alpha=0.2, label="q, generated")
plt.plot(x, best, "--", color="#333333", label="p / (p + q)")
plt.plot(x, trained, color="C0", label="trained D")
plt.xlim(-4.5, 4.5)
plt.ylim(0, 1.3)
plt.xlabel("x")
plt.ylabel("density, probability")
plt.legend(ncols=2, loc="upper left")
plt.show()

# %% [markdown]
# It does. (The picture shows the last of the three seeds.)
#
# Solve $D^* = \sigma(v^*)$ for the verdict: $v^* = \log \frac{D^*}{1 - D^*} = \log \frac pq$. So **a discriminator is an estimate of $p/q$**. All that it knows about the world fits in that ratio.
#
# ## What the value measures
#
# Put the best $D$ into $V$. With $m = (p + q)/2$, the middle of both densities,
#
# $$ V(D^*, G) = \int p \log \frac{p}{p + q} + \int q \log \frac{q}{p + q} = 2 \underbrace{\left[ \tfrac12 \int p \log \frac pm + \tfrac12 \int q \log \frac qm \right]}_{\operatorname{JS}(p, q)} - \log 4. $$
#
# $\int p \log \frac pq = \operatorname{KL}(p \| q)$ is the **Kullback-Leibler divergence**. It is 0 if $p = q$ and positive otherwise. $\operatorname{JS}$, the **Jensen-Shannon divergence**, is the mean of two of them, each against the middle. It is between 0 and $\log 2$.


# %%
def kl(p, q):
    """KL(p | q) of densities at the places x. Where p is 0, nothing is added."""
    inside = p > 0
    return (p[inside] * np.log(p[inside] / q[inside])).sum() * dx


def js(p, q):
    middle = (p + q) / 2
    return kl(p, middle) / 2 + kl(q, middle) / 2


V_best = (p * np.log(best) + q * np.log(1 - best)).sum() * dx
V_trained = (p * np.log(trained) + q * np.log(1 - trained)).sum() * dx
print(f"2 JS - log 4    {2 * js(p, q) - np.log(4):.6f}")
print(f"V of the best D {V_best:.6f}")
print(f"V of a trained  {V_trained:.6f}   (never more)")
assert abs(V_best - (2 * js(p, q) - np.log(4))) < 1e-6 and V_trained < V_best

# %% [markdown]
# So a generator whose discriminator is always at its best walks down the Jensen-Shannon divergence. That divergence is 0 only if $q = p$. This is why the game can work.
#
# How do the divergences look from far away? Give $q$ the spread of $p$, and move it away:

# %%
distances = np.linspace(0, 8, 81)
curves = {"JS(p, q)": [], "KL(p | q)": [], "KL(q | p)": []}
for distance in distances:
    moved = bell(x, P[0] - distance, P[1])
    curves["JS(p, q)"].append(js(p, moved))
    curves["KL(p | q)"].append(kl(p, moved))
    curves["KL(q | p)"].append(kl(moved, p))
for name, curve in curves.items():
    plt.plot(distances, curve, label=name, linestyle="--" if name == "KL(q | p)" else "-")
plt.axhline(np.log(2), color="#888888", linewidth=1, linestyle=":")
plt.text(8, np.log(2) + 0.1, "log 2", ha="right", color="#555555")
plt.ylim(0, 6)
plt.xlabel("distance of the two means")
plt.ylabel("divergence")
plt.legend()
plt.show()

# %% [markdown]
# Both KL grow as the square of the distance. (They are equal here, because the spreads are.) JS runs into its ceiling. From 4 on the two densities hardly overlap, $D$ is right nearly always, and moving $q$ a little changes nothing. *But the slope of JS is what the generator learns from.*
#
# ## Why $\log(1 - D)$ saturates
#
# The generator moves its samples. Of each sample it hears the verdict $v$, and how the verdict changes if the sample moves. How strongly does its loss pull on a verdict?
#
# The loss of the rules is called **minimax**: the generator lowers $\log(1 - D) = \log\sigma(-v)$. The slope of this for $v$ is $-\sigma(v) = -D$. That is next to nothing for a sample that the discriminator recognises as generated, and there it is needed most. The loss has run flat: it **saturates**.
#
# Goodfellow et al. give the generator another loss with the same aim, $-\log D = -\log\sigma(v)$. Its slope is $-\sigma(-v) = -(1 - D)$: *large* for a sample that is recognised. It is called **non-saturating**. The discriminator's loss stays the same.


# %%
def minimax_loss(fake):
    """mean log(1 - D), from verdicts on generated samples."""
    return ops.mean(ops.logsigmoid(-fake))


def non_saturating_loss(fake):
    """-mean log D."""
    return -ops.mean(ops.logsigmoid(fake))


def slopes(g_loss_of, verdicts):
    """The slope of the loss for each verdict alone. The mean divides by their number; this undoes it."""
    t = Tensor(verdicts, requires_grad=True)
    return grad(g_loss_of(t), t)[0] * len(verdicts)


verdicts = np.array([-10.0, -5.0, -2.0, 0.0, 2.0])
D = 1 / (1 + np.exp(-verdicts))
of_minimax, of_non_saturating = slopes(minimax_loss, verdicts), slopes(non_saturating_loss, verdicts)
print("verdict v   D = σ(v)   slope of log(1 - D)   slope of -log D")
for k in range(5):
    print(f"{verdicts[k]:7.0f} {D[k]:12.5f} {of_minimax[k]:17.5f} {of_non_saturating[k]:19.5f}")
assert np.allclose(of_minimax, -D) and np.allclose(of_non_saturating, -(1 - D))

# %% [markdown]
# The library keeps the losses of both players together, as an *objective*: `minimax.discriminator(real, fake)` and `minimax.generator(real, fake)`. Both take verdicts on both kinds of samples. Some objectives compare the two kinds in the generator's loss, too (lesson 08). These two do not, and get `None` for the verdicts on real ones.

# %%
from tinygan.gan.objectives import minimax, non_saturating

real, fake = Tensor(verdicts), Tensor(verdicts[::-1].copy())
assert np.allclose(d_loss_of(real, fake).data, non_saturating.discriminator(real, fake).data)
assert np.allclose(minimax_loss(fake).data, minimax.generator(None, fake).data)
assert np.allclose(non_saturating_loss(fake).data, non_saturating.generator(None, fake).data)
print("all three losses equal the library's")

# %% [markdown]
# How hard does each loss pull on the mean $\mu$ of $q$? If $\mu$ grows, every sample moves by as much. So, by the chain rule, the force is the mean over the samples of two slopes, multiplied:
#
# $$ \text{force} = \mathbb E_{x \sim q} \bigl[\, |\text{slope of the loss at } v(x)| \cdot v'(x) \,\bigr]. $$
#
# With the best discriminator $v = \log p/q$ is known everywhere. For two bell curves of the same spread $s$ it is a straight line, and $v'(x)$ is the distance of the means over $s^2$.

# %%
forces = {"log(1 - D)": [], "-log D": []}
for distance in distances:
    mean = P[0] - distance
    moved = bell(x, mean, P[1])
    verdict = ((x - mean) ** 2 - (x - P[0]) ** 2) / (2 * P[1] ** 2)  # log p / q
    slope_of_verdict = distance / P[1] ** 2
    D = 1 / (1 + np.exp(-verdict))
    forces["log(1 - D)"].append((moved * D).sum() * dx * slope_of_verdict)
    forces["-log D"].append((moved * (1 - D)).sum() * dx * slope_of_verdict)
for name, force in forces.items():
    plt.semilogy(distances[1:], force[1:], label=name)
plt.xlabel("distance of the two means")
plt.ylabel("force on the mean of q")
plt.ylim(1e-5, 30)
plt.legend()
plt.show()
at_six = np.abs(distances - 6).argmin()
times = forces["-log D"][at_six] / forces["log(1 - D)"][at_six]
print(f"at distance 6, -log D pulls {times:,.0f} times as hard")

# %% [markdown]
# ## Steps that alternate
#
# Now both play. The generator is $G(z) = \mu + s z$ with two weights, $\mu$ and $s$, and $z$ is normal noise. Then $q$ is a bell curve about $\mu$, and its spread is $s$. A linear layer of one number computes just that: its bias is $\mu$, its weight $s$.
#
# The two players want opposite things. One loss cannot serve both. So they take turns. One round of the game is:
#
# 1. Draw real samples and noise. Compute the generated samples `fake = G(z)`.
# 2. The discriminator takes a step: the gradient of $L_D$ with respect to the weights of `v` alone.
# 3. The generator takes a step: its loss is computed with the new `v`, the gradient is taken with respect to the weights of `G` alone.
#
# The slope of the generator's loss runs *through* the discriminator: from the verdict to the sample, from the sample to $\mu$ and $s$. The weights of `v` stay where they are in this step.
#
# In step 2, `fake` remembers how it was computed from the generator's weights. The discriminator has no use for that. `fake.detach()` is a Tensor of the same numbers without the memory: for the tape it is data, just as real samples are.


# %%
def new_players(seed):
    """G with μ = -5 and s = 1, an untrained v, an optimiser for each."""
    rng = np.random.default_rng(seed)
    G, v = nn.Linear(1, 1, rng=rng), discriminator(rng)
    G.bias.data = np.array([-5.0], "float32")
    G.weight.data = np.array([[1.0]], "float32")
    g_optimizer = optim.SGD(G.parameters(), lr=0.05)  # SGD: the step is as large as the force
    v_optimizer = optim.Adam(v.parameters(), lr=5e-3, betas=(0.5, 0.99))  # a short memory, lesson 05
    return G, v, g_optimizer, v_optimizer


def noise(rng, n=128):
    return Tensor(rng.standard_normal((n, 1), dtype="float32"))


def play_round(G, v, g_optimizer, v_optimizer, g_loss_of, rng):
    real, fake = draw(rng, 128, *P), G(noise(rng))

    d_loss = d_loss_of(v(real), v(fake.detach()))
    v_optimizer.step(grad(d_loss, v.parameters()))

    g_loss = g_loss_of(v(fake))  # v has changed: new verdicts
    g_optimizer.step(grad(g_loss, G.parameters()))


# %% [markdown]
# Is `detach` needed here? Compare the gradient with and without:

# %%
G, v, _, _ = new_players(seed=0)
rng = np.random.default_rng(0)
real, fake = draw(rng, 128, *P), G(noise(rng))
attached = grad(d_loss_of(v(real), v(fake)), v.parameters())
detached = grad(d_loss_of(v(real), v(fake.detach())), v.parameters())
assert all(np.array_equal(a, b) for a, b in zip(attached, detached))
print("has a memory:", fake.requires_grad, "- detached:", fake.detach().requires_grad)
(of_bias,) = grad(non_saturating_loss(v(fake.detach())), [G.bias])
print("slope of G's loss for μ, through a detached sample:", of_bias)

# %% [markdown]
# For the discriminator's step it makes no difference. `grad` computes the slopes that it is asked for and stores nothing, so `detach` only spares the tape some book-keeping, and tells the reader what is meant. In PyTorch, `d_loss.backward()` adds to the stored gradient of *every* weight that it can reach. There a missing `detach` also fills the generator's gradients, with the wrong sign, and someone has to clear them.
#
# The last line shows the opposite mistake: through a detached sample the generator hears nothing at all. Its slope is 0, no error is raised, and it never learns.
#
# ## The game itself
#
# $q$ begins about -5, and $p$ is about 1. Both losses, everything else the same; three seeds.


# %%
def play(g_loss_of, rounds, seed, round_of=play_round):
    """The game: μ and s after each round (rounds, 2), and the players."""
    players = new_players(seed)
    G, rng = players[0], np.random.default_rng(seed)
    path = []
    for _ in range(rounds):
        round_of(*players, g_loss_of, rng)
        path.append([G.bias.data[0], G.weight.data[0, 0]])
    return np.array(path), players


def arrival(path):
    """The first round in which μ is within 0.2 of the real mean; None if there is none."""
    near = np.abs(path[:, 0] - P[0]) < 0.2
    return int(near.argmax()) if near.any() else None


rounds = 500 if FAST else 1600
paths = {"log(1 - D)": [], "-log D": []}
for seed in (0,) if FAST else (0, 1, 2):
    paths["log(1 - D)"].append(play(minimax_loss, rounds, seed)[0])
    paths["-log D"].append(play(non_saturating_loss, rounds, seed)[0])

figure, axes = plt.subplots(1, 2, figsize=(7.4, 2.9))
for k, (name, games) in enumerate(paths.items()):
    for seed, path in enumerate(games):
        axes[0].plot(path[:, 0], color=f"C{k}", linewidth=1, label=name if seed == 0 else None)
        axes[1].plot(path[:, 1], color=f"C{k}", linewidth=1)
        end = f"μ = {path[-1, 0]:.2f}, s = {path[-1, 1]:.2f} in the end"
        print(f"{name:10}  seed {seed}: μ is near 1 from round {arrival(path)}; "
              f"s was at most {path[:, 1].max():.2f}; {end}")  # fmt: skip
for ax, target, name in zip(axes, P, ("mean μ", "spread s")):
    ax.axhline(target, color="#888888", linewidth=1, linestyle=":")
    ax.set(xlabel="round", ylabel=f"{name} of q")
axes[0].legend()
plt.show()
for path in paths["-log D"]:
    assert abs(path[-100:, 0].mean() - P[0]) < 0.2 and abs(path[-100:, 1].mean() - P[1]) < 0.2
for path in paths["log(1 - D)"]:
    assert FAST or abs(path[-100:, 0].mean() - P[0]) < 0.2

# %% [markdown]
# Both get there, as theory says. The first stands still for as long as the discriminator knows its samples too well, and needs more than four times as many rounds. In a plane or in a picture the distances are much larger than on this line, and it often stands still for good.
#
# On the way $q$ becomes three times as wide as it began, or more, before it becomes narrow. Why? Look at the verdict's slope on the left and on the right of $q$, after 60 rounds:

# %%
for seed in (0, 1, 2):
    path, players = play(non_saturating_loss, 60, seed)
    mean, spread = path[-1]
    sides = Tensor(np.array([[mean - spread], [mean + spread]], "float32"), requires_grad=True)
    left, right = grad(ops.sum(players[1](sides)), sides)[0].ravel()  # players[1] is v
    print(f"seed {seed}: slope of v {left:.2f} at μ - s, {right:.2f} at μ + s")
    assert right > 2 * left

# %% [markdown]
# The trained $v$ is flat on the left, where there is nothing to tell apart, and climbs on the right, towards the real samples. So the samples on the right are pulled harder than those on the left: $q$ is stretched. When it reaches $p$, its long left side is recognised, and it shrinks.
#
# ## Exercises
#
# Each exercise has a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** At the end of the game $q = p$. What are the best probability $D^*$, the best verdict $v^*$, the value $V$, and the discriminator's loss $L_D$? Give four numbers.
#
# <details><summary>Hint</summary>
#
# Put $q = p$ into $D^* = p/(p + q)$, then $D^*$ into $V$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# at_the_end = (0.5, 0.0, -np.log(4), np.log(4))
# ```
#
# $D^* = \frac12$ and $v^* = 0$ everywhere. $V = \log\frac12 + \log\frac12 = -\log 4 = -1.386$, and $L_D = -V$. A loss of 1.386 is good news if the samples look right. If they do not, it is the news that the discriminator has learned nothing.
#
# </details>

# %%
at_the_end = None  # exercise 1: four numbers, (D, v, V, L_D)

if at_the_end is not None:
    same = (p * np.log(p / (p + p)) + p * np.log(p / (p + p))).sum() * dx  # V with q = p, integrated
    assert len(at_the_end) == 4, "four numbers: D, v, V, and the discriminator's loss"
    assert np.isclose(at_the_end[0], 0.5), "D: p / (p + q), with q = p"
    assert np.isclose(1 / (1 + np.exp(-at_the_end[1])), at_the_end[0]), "v: its sigmoid has to be D"
    assert abs(at_the_end[2] - same) < 1e-3, "V: there are two terms, and each is log D or log(1 - D)"
    assert abs(at_the_end[3] + same) < 1e-3, "L_D is -V"
    print("exercise 1 is right")

# %% [markdown]
# **2.** Write the best *verdict* for two bell curves, $\log p/q$, as a polynomial in $x$: no `exp` in it. `P` and `Q` are pairs, (mean, spread). When is it a straight line?
#
# <details><summary>Hint</summary>
#
# The logarithm of a bell curve is $-\frac{(x - \mu)^2}{2 s^2} - \log s$ and a constant. Take the difference of two of them.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def best_verdict(x, P, Q):
#     of_q = (x - Q[0]) ** 2 / (2 * Q[1] ** 2) + np.log(Q[1])
#     of_p = (x - P[0]) ** 2 / (2 * P[1] ** 2) + np.log(P[1])
#     return of_q - of_p
# ```
#
# The terms with $x^2$ cancel if the spreads are equal: then it is a straight line, as in lesson 06.
#
# </details>

# %%
best_verdict = None  # exercise 2: a function of x, P and Q

if best_verdict is not None:
    places = np.linspace(-3, 3, 7)
    for P_, Q_ in (((0.0, 1.0), (2.0, 1.0)), ((1.0, 0.8), (-1.0, 1.0)), ((0.0, 2.0), (3.0, 0.5))):
        expected = np.log(bell(places, *P_) / bell(places, *Q_))
        assert np.allclose(best_verdict(places, P_, Q_), expected), f"not log p/q for P = {P_}, Q = {Q_}"
    far = best_verdict(np.array([100.0]), (1.0, 1.0), (-1.0, 1.0))
    assert np.allclose(far, 200), f"200 at x = 100 for means 1 and -1, got {far}: an exp that became 0?"
    print("exercise 2 is right")

# %% [markdown]
# **3.** $\operatorname{KL}(p \| q)$ and $\operatorname{KL}(q \| p)$ differ. Let $p$ be two narrow bells, and find the single bell $q$ with the least of each, by trying means and spreads: the means `np.linspace(-3, 3, 25)`, the spreads `np.linspace(0.5, 3, 26)`. Before you run it: where will each $q$ be?
#
# Write a function of the density `two` at the places `x`. It returns two pairs, (mean, spread) for the least $\operatorname{KL}(p \| q)$, and (mean, spread) for the least $\operatorname{KL}(q \| p)$.
#
# <details><summary>Hint</summary>
#
# Two loops, `kl` of both directions, and remember the best (mean, spread). $\operatorname{KL}(p \| q)$ is huge where $p$ is and $q$ is not.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def nearest_bells(two):
#     least_p_q, least_q_p = np.inf, np.inf
#     for mean in np.linspace(-3, 3, 25):
#         for spread in np.linspace(0.5, 3, 26):
#             one = bell(x, mean, spread)
#             if kl(two, one) < least_p_q:
#                 least_p_q, for_p_q = kl(two, one), (mean, spread)
#             if kl(one, two) < least_q_p:
#                 least_q_p, for_q_p = kl(one, two), (mean, spread)
#     return for_p_q, for_q_p
# ```
#
# $\operatorname{KL}(p \| q)$ is huge where $p$ is and $q$ is not, so $q$ covers both bells, and the gap between. $\operatorname{KL}(q \| p)$ is huge where $q$ is and $p$ is not, so $q$ sits on one bell. The latter looks like what lesson 08 calls mode collapse.
#
# </details>

# %%
nearest_bells = None  # exercise 3: a function of a density `two`

if nearest_bells is not None:
    two = 0.55 * bell(x, 2.0, 0.5) + 0.45 * bell(x, -2.0, 0.5)  # a little more on the right
    for_p_q, for_q_p = nearest_bells(two)
    middle = (two * x).sum() * dx
    width = np.sqrt((two * (x - middle) ** 2).sum() * dx)
    assert for_p_q != for_q_p, "the two directions are not the same"
    assert abs(for_p_q[0] - middle) < 0.15, "KL(p|q): the mean that you give first is not that of p"
    assert abs(for_p_q[1] - width) < 0.1, "KL(p|q): it has to cover both bells"
    assert abs(for_q_p[0] - 2) < 0.15, "KL(q|p): the bell that is given second sits on the larger of the two"
    assert abs(for_q_p[1] - 0.5) < 0.15, "KL(q|p): and is as narrow as it"
    print("exercise 3 is right")

# %% [markdown]
# **4.** Give the discriminator five steps for each of the generator's, each on new samples. Write the round. Before you run it: which of the two losses will need fewer rounds than with one step?
#
# <details><summary>Hint</summary>
#
# Copy `play_round`, and put the drawing and the step of `v` into a loop. What is drawn last is still there for the step of `G`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def five_to_one(G, v, g_optimizer, v_optimizer, g_loss_of, rng):
#     for _ in range(5):
#         real, fake = draw(rng, 128, *P), G(noise(rng))
#         d_loss = d_loss_of(v(real), v(fake.detach()))
#         v_optimizer.step(grad(d_loss, v.parameters()))
#     g_optimizer.step(grad(g_loss_of(v(fake)), G.parameters()))
# ```
#
# A better discriminator has steeper verdicts, and $-\log D$ uses them: it arrives earlier. $\log(1 - D)$ gains next to nothing from a discriminator that is even more certain. Try `play(minimax_loss, 1500, 0, five_to_one)` and compare.
#
# </details>

# %%
five_to_one = None  # exercise 4: a function as play_round is, with the same six arguments


class CountingGenerator:
    """Draws normal numbers as the generator that it holds does, and counts how often."""

    def __init__(self, rng):
        self.rng, self.draws = rng, 0

    def standard_normal(self, *arguments, **settings):
        self.draws += 1
        return self.rng.standard_normal(*arguments, **settings)


if five_to_one is not None:
    G, v, g_optimizer, v_optimizer = new_players(seed=0)
    counter = CountingGenerator(np.random.default_rng(0))
    five_to_one(G, v, g_optimizer, v_optimizer, non_saturating_loss, counter)
    assert v_optimizer.step_count == 5, f"v took {v_optimizer.step_count} steps in a round, not 5"
    assert g_optimizer.step_count == 1, f"G took {g_optimizer.step_count} steps in a round, not 1"
    assert counter.draws >= 10, "each of the five steps draws new real samples and new noise"
    path, _ = play(non_saturating_loss, 300, 0, five_to_one)
    once, five = arrival(paths["-log D"][0]), arrival(path)
    assert five is not None and five < once, "-log D should arrive earlier than with one step"
    print(f"-log D, seed 0: near 1 from round {once} with one step of v, from round {five} with five")
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - I. Goodfellow et al., *Generative adversarial nets*, 2014, arXiv:1406.2661: the value is equation 1, the best discriminator proposition 1, the Jensen-Shannon divergence theorem 1, the steps that alternate algorithm 1, the non-saturating loss the end of section 3.
# - M. Arjovsky, L. Bottou, *Towards principled methods for training GANs*, 2017, arXiv:1701.04862, theorem 2.4: the gradient vanishes.
# - S. Nowozin, B. Cseke, R. Tomioka, *f-GAN*, 2016, arXiv:1606.00709, table 1: the same for other divergences.
