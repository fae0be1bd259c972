# %% [markdown]
# # 13 · Asking for what you want: conditions, latent spaces, codes
#
# **You will build:** a GAN that draws the digit you ask for, with the discriminator that conditions call for (a projection, gradient by hand);
# ways to walk through its latent space; and an InfoGAN, which finds the classes by itself.
#
# **You need:** the game (lesson 07).
#
# **Time:** 45 minutes.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.backend import stream
from tinygan.data import Loader, digits
from tinygan.data.points import gaussians
from tinygan.gan.latent import Categorical, Joined, Normal, slerp
from tinygan.gan.objectives import non_saturating, relativistic
from tinygan.gan.penalties import zero_centred
from tinygan.gradcheck import assert_gradients
from tinygan.losses import cross_entropy
from tinygan.metrics import ring_centres, train_classifier
from tinygan.plot import image_grid, interpolation_strip

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

pictures, labels = digits("train")
pictures = pictures * 2 - 1  # (1437, 1, 8, 8) in [-1, 1]

# %% [markdown]
# ## A condition
#
# Give $G$ the class $y$ besides the noise, and $D$ the class besides the picture. The game is the same, for each class by itself:
#
# $$ \min_G \max_D \;\mathbb E_{x, y}\big[\log D(x, y)\big] + \mathbb E_{z, y}\big[\log\,(1 - D(G(z, y), y))\big] $$
#
# For $G$, a class is turned into numbers by a table with a learned row for each class, an *embedding* $e_y$, put beside $z$. For $D$ that
# works too, but there is something better. The best $D$'s verdict (before the sigmoid) is, by lesson 07,
#
# $$ \log\frac{p(x, y)}{q(x, y)} \;=\; \underbrace{\log\frac{p(x)}{q(x)}}_{\text{real at all?}} \;+\;
# \underbrace{\log\frac{p(y \mid x)}{q(y \mid x)}}_{\text{does it show a } y?} $$
#
# ($p$ for real, $q$ for generated). If $p(y|x)$ and $q(y|x)$ are each a softmax of some features $\varphi(x)$, the second term is linear in
# $\varphi(x)$ with weights that depend on $y$, one more table (what remains, the sums that normalise, depends on $x$ alone and goes to the first). So the **projection discriminator** (Miyato & Koyama 2018) is
#
# $$ D(x, y) \;=\; \psi^\top \varphi(x) + e_y^\top \varphi(x) $$
#
# Its last layer by hand. A row of the table gets the gradient of all samples of its class: $\partial L/\partial e_c = \sum_{n:\,y_n = c} g_n \varphi_n$.


# %%
classes = rng.integers(0, 10, 16)


def verdict(features, psi, table):
    """features (N, F), psi (F,), table (10, F) -> (N,)."""
    return (features * (psi + table[classes])).sum(1)


def verdict_backward(g, features, psi, table):
    d_table = np.zeros_like(table)
    np.add.at(d_table, classes, g[:, None] * features)  # += would add a class only once
    return g[:, None] * (psi + table[classes]), g @ features, d_table


features, psi, table = (rng.standard_normal(shape) for shape in ((16, 5), 5, (10, 5)))
assert_gradients((verdict, verdict_backward), features, psi, table)

leaves = [Tensor(a, requires_grad=True) for a in (features, psi, table)]
y = (leaves[0] * (leaves[1] + ops.embedding(classes, leaves[2]))).sum(1)
g = rng.standard_normal(16)
for ours, theirs in zip(verdict_backward(g, features, psi, table), grad(y, leaves, g)):
    assert np.allclose(ours, theirs)
print("by hand = finite differences = the library's embedding")

# %% [markdown]
# The two players. $G$ is three linear layers on the noise and the row of the table; $\varphi$ is two convolutions and a linear layer.


# %%
class Painter(nn.Module):
    """z (N, noise), classes (N,) -> pictures (N, 1, 8, 8)."""

    def __init__(self, noise, rng):
        self.table = nn.Embedding(10, 16, rng=rng)
        self.hidden1 = nn.Linear(noise + 16, 128, rng=rng)
        self.hidden2 = nn.Linear(128, 128, rng=rng)
        self.out = nn.Linear(128, 64, rng=rng)

    def forward(self, z, classes):
        return self.paint(z, self.table(classes))

    def paint(self, z, e):
        x = ops.cat([z, e], 1)
        x = ops.leaky_relu(self.hidden1(x), 0.2)
        x = ops.leaky_relu(self.hidden2(x), 0.2)
        return ops.tanh(self.out(x)).reshape(-1, 1, 8, 8)


class Projection(nn.Module):
    """Pictures (N, 1, 8, 8), classes (N,) -> verdicts (N,)."""

    def __init__(self, rng):
        self.conv1 = nn.Conv2d(1, 32, 4, stride=2, padding=1, rng=rng)
        self.conv2 = nn.Conv2d(32, 64, 4, stride=2, padding=1, rng=rng)
        self.features = nn.Linear(64 * 2 * 2, 64, rng=rng)
        self.psi = nn.Linear(64, 1, rng=rng)
        self.table = nn.Embedding(10, 64, rng=rng)

    def forward(self, x, classes):
        x = ops.leaky_relu(self.conv1(x), 0.2)
        x = ops.leaky_relu(self.conv2(x), 0.2)
        phi = ops.leaky_relu(self.features(ops.flatten(x, 1)), 0.2)  # (N, 64)
        return self.psi(phi)[:, 0] + (self.table(classes) * phi).sum(1)


NOISE = 8
G, D = Painter(NOISE, stream(0, "G")), Projection(stream(0, "D"))
g_weights, d_weights = G.parameters(), D.parameters()
g_optimizer, d_optimizer = (optim.Adam(w, lr=1e-3, betas=(0, 0.99)) for w in (g_weights, d_weights))
average, loader = optim.EMA(G, 0.995), Loader(pictures, labels, batch_size=64, seed=0)


# %% [markdown]
# The fakes are asked for with the classes of the real pictures beside them. Every eighth step the slope of $D$ on real pictures is penalised
# (R1, lesson 08).


# %%
def noise(name, step, n):
    return Tensor(stream(0, name, step).standard_normal((n, NOISE), dtype="f4"))


for step in range(800 if FAST else 6000):
    x, y = loader.batch(step)
    x, fake = Tensor(x, requires_grad=True), G(noise("z", step, 64), y)
    real_verdicts = D(x, y)
    d_loss = non_saturating.discriminator(real_verdicts, D(fake.detach(), y))
    if step % 8 == 0:
        d_loss = d_loss + 8 * 0.25 * zero_centred(real_verdicts, x)
    d_optimizer.step(grad(d_loss, d_weights))
    g_optimizer.step(grad(non_saturating.generator(None, D(fake, y)), g_weights))
    average.update(G)

# %%
painter = average.module
ten = np.arange(10)
asked = np.repeat(ten, 10)
drawn = painter(noise("show", 0, 100), asked).data

judge = train_classifier(pictures, labels, steps=600)
asked_for = np.repeat(ten, 100)
right = judge.accuracy(painter(noise("count", 0, 1000), asked_for).data, asked_for)
test, test_labels = digits("test")
print("a classifier of real digits reads right:")
print(f"  {right:.1%} of the digits that were asked for")
print(f"  {judge.accuracy(test * 2 - 1, test_labels):.1%} of real, unseen digits")

plt.figure(figsize=(4, 3.4))
plt.imshow(image_grid(drawn, columns=10, scale=4), vmin=0, vmax=255)
plt.title("a row for each class that was asked for")
plt.axis("off")
plt.show()

# %% [markdown]
# ## Walking through latent space
#
# What is between two points $z_a$ and $z_b$? The straight line, `lerp`: $(1 - t)\,z_a + t\,z_b$. But where is normal noise? In $d$ dimensions
# nearly all of it lies at distance about $\sqrt d$ from the origin, in a thin shell. Half-way between two of its points one is at $\sqrt{d/2}$,
# where the generator has never been:


# %%
def lerp(a, b, t):
    return (1 - t) * a + t * b


fig, axis = plt.subplots(figsize=(6.2, 2.6))
for d, colour in ((2, "C2"), (8, "C4"), (100, "C3")):
    a, b = rng.standard_normal((2, 20_000, d))
    for points, style in ((a, "-"), (lerp(a, b, 0.5), ":")):
        lengths = np.linalg.norm(points, axis=1) / np.sqrt(d)
        counts, edges = np.histogram(lengths, 60, range=(0, 2), density=True)
        label = f"{d} dimensions" if style == "-" else None
        axis.plot((edges[1:] + edges[:-1]) / 2, counts, style, color=colour, label=label)
axis.set(xlabel="|z| / √d    (solid: samples, dotted: half-way between two)", ylabel="density")
axis.legend()
plt.show()

# %% [markdown]
# **Spherical** interpolation goes along the arc instead. Between two directions $u_a, u_b$ (vectors of length 1) with the angle $\Omega$,
#
# $$ \text{slerp}(u_a, u_b, t) = \frac{\sin((1-t)\,\Omega)}{\sin\Omega}\, u_a + \frac{\sin(t\,\Omega)}{\sin\Omega}\, u_b, $$
#
# which again has length 1; the length goes evenly from $|z_a|$ to $|z_b|$.


# %%
def slerp_by_hand(a, b, t):
    size_a, size_b = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    u_a, u_b = a / size_a, b / size_b
    angle = np.arccos((u_a * u_b).sum(-1, keepdims=True))
    on_sphere = (np.sin((1 - t) * angle) * u_a + np.sin(t * angle) * u_b) / np.sin(angle)
    return on_sphere * lerp(size_a, size_b, t)


a, b = rng.standard_normal((2, 1000, 100))
assert np.allclose(slerp_by_hand(a, b, 0.3), slerp(a, b, 0.3))
for name, between in (("lerp", lerp), ("slerp", slerp)):
    lengths = np.linalg.norm(between(a, b, 0.5), axis=1)
    print(f"{name:6} half-way: |z| / √d = {lengths.mean() / 10:.3f}")

# %% [markdown]
# With a condition there are two ways to walk: through the noise with the class held, which changes the handwriting; and through the classes
# with the noise held, which keeps it. Classes are rows of a table, so one can be blended into another:

# %%
z = rng.standard_normal((4, NOISE)).astype("f4")
held = np.repeat([2, 4, 7, 8], 9)
draw = lambda z: painter(Tensor(z), held)
hand = interpolation_strip(draw, z, np.roll(z, 1, 0), steps=9, between=slerp, scale=4)

table, t = painter.table.weight.data, np.linspace(0, 1, 9, dtype="f4")[:, None]
pairs = [(3, 8), (1, 7), (5, 9), (0, 6)]
e = np.concatenate([lerp(table[a], table[b], t) for a, b in pairs])
other = image_grid(painter.paint(Tensor(z.repeat(9, 0)), Tensor(e)).data, columns=9, scale=4)

fig, axes = plt.subplots(1, 2, figsize=(7, 1.9))
for axis, picture, title in (
    (axes[0], hand, "another handwriting"),
    (axes[1], other, "another class, same noise"),
):
    axis.imshow(picture, vmin=0, vmax=255)
    axis.set_title(title)
    axis.set_axis_off()
plt.show()

# %% [markdown]
# ## InfoGAN: codes that are found
#
# No labels now. Give $G$ a code $c$, say one of eight, beside its noise. Nothing makes it *use* the code: it may ignore it. So add a third
# network $Q$ that looks at the sample and guesses the code, and let $G$ help it. If $c$ can be read from $x = G(z, c)$, it must mean something.
# What is maximised is a lower bound of the mutual information of code and sample:
#
# $$ I(c;\, G(z, c)) \;\ge\; \mathbb E\big[\log Q(c \mid x)\big] + H(c), $$
#
# where $H(c) = \log 8$ is the entropy of the code, the most that can be known about it. (The gap is the mean KL divergence between the true
# $P(c|x)$ and $Q(c|x)$.) So $Q$'s cross-entropy is added to the loss of $G$ and of $Q$. On the ring of eight:

# %%
CENTRES = ring_centres()
CODES = 8
space = Joined(Normal(2), Categorical(CODES))  # z: noise and a one-hot code, side by side


def three(inputs, outputs, rng):
    """Three linear layers."""
    first, second = nn.Linear(inputs, 64, rng=rng), nn.Linear(64, 64, rng=rng)
    last, bend = nn.Linear(64, outputs, rng=rng), nn.LeakyReLU(0.2)
    return nn.Sequential(first, bend, second, bend, last)


def train_infogan(weight, steps, seed=0):
    """weight: of Q's loss in G's. Returns a function n -> points, codes; and the bound."""
    G = three(2 + CODES, 2, stream(seed, "G"))
    D, Q = three(2, 1, stream(seed, "D")), three(2, CODES, stream(seed, "Q"))
    g_weights, d_weights, q_weights = (module.parameters() for module in (G, D, Q))
    adam = lambda weights: optim.Adam(weights, lr=1e-3, betas=(0, 0.99))
    g_optimizer, d_optimizer, q_optimizer = adam(g_weights), adam(d_weights), adam(q_weights)
    bounds = []
    for step in range(steps):
        x = Tensor(gaussians(CENTRES, 0.05, 256, seed=step), requires_grad=True)
        z = space.sample(stream(seed, "z", step), 256)
        codes = space.split(z)[1].argmax(1)
        fake = G(Tensor(z))
        seen = Tensor(fake.data, requires_grad=True)
        real_verdicts, fake_verdicts = D(x), D(seen)
        d_loss = relativistic.discriminator(real_verdicts, fake_verdicts)
        slopes = zero_centred(real_verdicts, x) + zero_centred(fake_verdicts, seen)
        d_loss = d_loss + 0.01 * slopes
        d_optimizer.step(grad(d_loss, d_weights))

        guess_loss = cross_entropy(Q(fake), codes)
        g_loss = relativistic.generator(D(x.detach()), D(fake)) + weight * guess_loss
        q_grads = grad(guess_loss, q_weights)
        g_optimizer.step(grad(g_loss, g_weights))
        q_optimizer.step(q_grads)
        if step % 10 == 0:
            bounds.append((step, np.log(CODES) - guess_loss.item()))

    def draw(n):
        z = space.sample(stream(seed, "draw"), n)
        return G(Tensor(z)).data, space.split(z)[1].argmax(1)

    return draw, np.array(bounds)


runs = {weight: train_infogan(weight, 600 if FAST else 4000) for weight in (0.0, 0.3)}

# %%
fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.6))
for axis, (weight, (draw, bounds)) in zip(axes, runs.items()):
    points, codes = draw(1000)
    axis.scatter(*points.T, c=codes, cmap="tab10", vmax=9, s=4)
    axis.plot(*CENTRES.T, "+", color="#333333")
    axis.set(title=f"weight {weight}", aspect="equal", xlim=(-1.4, 1.4), ylim=(-1.4, 1.4))
    axes[2].plot(*bounds.T, color="C6" if weight == 0 else "C2", label=f"weight {weight}")
axes[2].axhline(np.log(CODES), color="#333333", linewidth=0.8, linestyle="--")
axes[2].set(xlabel="step", title="bound of the information (nats)")
axes[2].legend(loc="center right")
plt.show()

# %% [markdown]
# Colour is the code. How much does it say about the mode? Count which code falls on which mode, and compute the mutual information
# $\sum_{c, m} p(c, m) \log \frac{p(c, m)}{p(c)\,p(m)}$ of the table:

# %%
for weight, (draw, _) in runs.items():
    points, codes = draw(4000)
    modes = np.linalg.norm(points[:, None] - CENTRES, axis=2).argmin(1)
    joint = np.zeros((CODES, 8))
    np.add.at(joint, (codes, modes), 1 / len(codes))
    expected = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    information = (joint[seen] * np.log(joint[seen] / expected[seen])).sum()
    found = len(np.unique(modes))
    print(f"weight {weight}: {information:.2f} nats of {np.log(8):.2f}; {found} modes")

# %% [markdown]
# ## Exercises
#
# **1.** Take the projection out of $D$, so that it no longer sees the class. What does the classifier read now, and why?
# <details><summary>Hint</summary>
#
# Nothing rewards $G$ for heeding $y$: about one in ten is right.
#
# </details>
#
# **2.** Train InfoGAN on digits with a code of ten. Do the codes become digits?
# <details><summary>Hint</summary>
#
# Partly: what splits the data best may be slant or thickness. Count with the table of the last cell, `judge` in the place of modes.
#
# </details>
#
# **3.** Add a *continuous* code, uniform on $[-1, 1]$, and let $Q$ predict it (squared error is $-\log Q$ of a Gaussian).
# <details><summary>Hint</summary>
#
# `Joined(Normal(2), Categorical(8), Uniform(1))`; two more outputs of $Q$.
#
# </details>
#
# ## Sources
#
# - M. Mirza, S. Osindero, *Conditional generative adversarial nets*, 2014, arXiv:1411.1784, eq. 2.
# - T. Miyato, M. Koyama, *cGANs with projection discriminator*, 2018, arXiv:1802.05637, eq. 3 and 4.
# - T. White, *Sampling generative networks*, 2016, arXiv:1609.04468, section 2.1: slerp.
# - X. Chen et al., *InfoGAN*, 2016, arXiv:1606.03657, eq. 4 and 5.
# - `tinygan/gan/latent.py`.
