# %% [markdown]
# # 13 · Asking for what you want: conditions, latent spaces, codes
#
# **You will build:** a GAN that draws the digit you ask for, with the discriminator that conditions call for (a projection, gradient by hand);
# ways to walk through its latent space; and an InfoGAN, which finds the classes by itself.
#
# **You need:** the game (lesson 07), and its cures (lesson 08).
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
from tinygan.gan.latent import Categorical, Joined, Normal, Uniform, slerp
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
# Give $G$ the class $y$ besides the noise, and the discriminator the class besides the picture. It has a verdict $v(x, y)$, any number, and
# $D(x, y) = \sigma(v(x, y))$ is the probability that it gives to "real". The game is the same, for each class by itself:
#
# $$ \min_G \max_D \;\mathbb E_{x, y}\big[\log D(x, y)\big] + \mathbb E_{z, y}\big[\log\,(1 - D(G(z, y), y))\big] $$
#
# For $G$, a table turns a class into numbers. It has a learned row for each class, an *embedding* $e_y$, which is put beside $z$. For the
# discriminator that works too, but there is something better. By lesson 07 the best verdict is
#
# $$ v(x, y) \;=\; \log\frac{p(x, y)}{q(x, y)} \;=\; \underbrace{\log\frac{p(x)}{q(x)}}_{\text{real at all?}} \;+\;
# \underbrace{\log\frac{p(y \mid x)}{q(y \mid x)}}_{\text{does it show a } y?} $$
#
# ($p$ for real, $q$ for generated). Let $p(y|x)$ and $q(y|x)$ each be a softmax of some features $\varphi(x)$. Then the second term is linear in
# $\varphi(x)$, and its weights depend on $y$: they are one more table. (The sums that normalise depend on $x$ alone. They go to the first
# term.) So the **projection discriminator** (Miyato & Koyama 2018) is
#
# $$ v(x, y) \;=\; \psi^\top \varphi(x) + e_y^\top \varphi(x) $$
#
# with weights $\psi$ that all classes share. Its last layer by hand. A row of the table gets the gradient of all samples of its class: $\partial L/\partial e_c = \sum_{n:\,y_n = c} g_n \varphi_n$.


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
features_t, psi_t, table_t = leaves
y = (features_t * (psi_t + ops.embedding(classes, table_t))).sum(1)  # the library takes rows of a table
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


# %% [markdown]
# The training step is that of lesson 07. The fakes are asked for with the classes of the real pictures beside them. What the library gives:
#
# - `Loader` shuffles pictures and labels alike. `loader.batch(step)` is the batch of a step.
# - `stream(seed, name, step)` is NumPy's generator of random numbers, begun from these three. Each use of chance has its own name, so a change
#   in one place changes no random number elsewhere.
# - `non_saturating` has both players' losses of lesson 07. The generator's needs no verdicts on real samples. Other objectives do, so all have two
#   arguments, and here the first is `None`.
# - `zero_centred(verdicts, x)` is the mean squared slope of the verdicts at $x$: R1 of lesson 08, at real samples. It is a gradient of a
#   gradient, which is dear. So it is taken in every eighth step only, and counts eight times as much: in the mean it weighs the same. (This is
#   *lazy* regularisation. Its weight is $\gamma / 2$ with $\gamma = .5$.)
# - `optim.EMA(G, 0.995)` keeps an **exponential moving average** of $G$'s weights. Each `update` makes it .995 of itself and .005 of the weights. It
#   trembles less than the weights. `average.module` is a copy of $G$ with these, and draws the pictures.

# %%
NOISE = 8
loader = Loader(pictures, labels, batch_size=64, seed=0)


def noise(name, step, n):
    return Tensor(stream(0, name, step).standard_normal((n, NOISE), dtype="f4"))


def train_painter(v, steps):
    """Train a Painter against v(pictures, classes). Return the painter with averaged weights."""
    G = Painter(NOISE, stream(0, "G"))
    g_weights, v_weights = G.parameters(), v.parameters()
    g_optimizer = optim.Adam(g_weights, lr=1e-3, betas=(0, 0.99))
    v_optimizer = optim.Adam(v_weights, lr=1e-3, betas=(0, 0.99))
    average = optim.EMA(G, 0.995)
    for step in range(steps):
        x, y = loader.batch(step)
        x, fake = Tensor(x, requires_grad=True), G(noise("z", step, 64), y)
        real_verdicts = v(x, y)
        d_loss = non_saturating.discriminator(real_verdicts, v(fake.detach(), y))
        if step % 8 == 0:
            d_loss = d_loss + 8 * 0.25 * zero_centred(real_verdicts, x)
        v_optimizer.step(grad(d_loss, v_weights))
        g_loss = non_saturating.generator(None, v(fake, y))
        g_optimizer.step(grad(g_loss, g_weights))
        average.update(G)
    return average.module


painter_steps = 250 if FAST else 6000
painter = train_painter(Projection(stream(0, "v")), painter_steps)

# %% [markdown]
# Did it draw what was asked for? A classifier that has seen real digits reads a thousand of them. `train_classifier` trains it, and
# `accuracy(pictures, labels)` is the share that it reads as labelled.

# %%
ten = np.arange(10)
asked = np.repeat(ten, 10)
drawn = painter(noise("show", 0, 100), asked).data

judge = train_classifier(pictures, labels, steps=200 if FAST else 600)


def share_right(painter):
    asked_for = np.repeat(ten, 100)
    return judge.accuracy(painter(noise("count", 0, 1000), asked_for).data, asked_for)


test, test_labels = digits("test")
print("a classifier of real digits reads right:")
print(f"  {share_right(painter):.1%} of the digits that were asked for (of one seed)")
print(f"  {judge.accuracy(test * 2 - 1, test_labels):.1%} of real, unseen digits")

plt.figure(figsize=(4, 3.4))
plt.imshow(image_grid(drawn, columns=10, scale=4), vmin=0, vmax=255)
plt.title("a row for each class that was asked for")
plt.axis("off")
plt.show()

# %% [markdown]
# ## Walking through latent space
#
# What is between two points $z_a$ and $z_b$? The straight line, `lerp`, goes through $(1 - t)\,z_a + t\,z_b$. But where is normal noise? In $d$
# dimensions nearly all of it lies at distance about $\sqrt d$ from the origin, in a thin shell, if $d$ is large. Half-way between two of its points
# the distance is about $\sqrt{d/2}$. The generator has hardly ever been there:


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
# which again has length 1. Its length then goes evenly from $|z_a|$ to $|z_b|$.


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
# With a condition there are two ways to walk. Through the noise with the class held: this changes the handwriting. Or through the classes
# with the noise held: this keeps it. Classes are rows of a table, so one row can be blended into another:

# %%
z = rng.standard_normal((4, NOISE)).astype("f4")
held = np.repeat([2, 4, 7, 8], 9)


def draw_held(z):
    return painter(Tensor(z), held)


hand = interpolation_strip(draw_held, z, np.roll(z, 1, 0), steps=9, between=slerp, scale=4)

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
# No labels now. Give $G$ a code $c$, say one of eight, beside its noise. Nothing makes it *use* the code. So add a third network $Q$ that looks
# at the sample and guesses the code, and let $G$ help it. If $c$ can be read from $x = G(z, c)$, it must mean something. What is maximised is a
# lower bound of the mutual information $I$ of code and sample:
#
# $$ I(c;\, G(z, c)) \;\ge\; \mathbb E\big[\log Q(c \mid x)\big] + H(c), $$
#
# where $H(c) = \log 8$ is the entropy of the code, the most that can be known about it. (The gap is the mean KL divergence between the true
# $P(c|x)$ and $Q(c|x)$.) So $Q$'s cross-entropy is added to the loss of $G$ and of $Q$. The losses of the game are the relativistic ones of lesson
# 08, with a penalty on the slope at real and at generated samples.
#
# `Joined(Normal(2), Categorical(8))` is the space that $z$ and $c$ are drawn from, side by side: two normal numbers, then a 1 at the code's place
# and seven 0s. `space.sample(rng, n)` draws rows, and `space.split(rows)` cuts them into noise and code again.


# %%
def three(inputs, outputs, rng, width=64):
    """Three linear layers."""
    first, second = nn.Linear(inputs, width, rng=rng), nn.Linear(width, width, rng=rng)
    last, bend = nn.Linear(width, outputs, rng=rng), nn.LeakyReLU(0.2)
    return nn.Sequential(first, bend, second, bend, last)


def code_loss(space, guess, z):
    """Q's cross-entropy. guess: Q's logits (N, codes); z: what G was given."""
    return cross_entropy(guess, space.split(z)[1].argmax(1))


def train_infogan(real_points, space, sizes, weight, steps, seed, penalty=0.01, width=64, loss=code_loss):
    """Return G and the history of Q's loss. Samples are vectors.

    real_points(step): a batch of real samples (N, size of a sample). sizes: of a sample, of Q's guess.
    weight: of Q's loss in G's loss. penalty: the weight of v's mean squared slopes.
    """
    of_sample, of_guess = sizes
    G = three(space.size, of_sample, stream(seed, "G"), width)
    v, Q = three(of_sample, 1, stream(seed, "v"), width), three(of_sample, of_guess, stream(seed, "Q"), width)
    g_weights, v_weights, q_weights = G.parameters(), v.parameters(), Q.parameters()
    g_optimizer = optim.Adam(g_weights, lr=1e-3, betas=(0, 0.99))
    v_optimizer = optim.Adam(v_weights, lr=1e-3, betas=(0, 0.99))
    q_optimizer = optim.Adam(q_weights, lr=1e-3, betas=(0, 0.99))
    history = []
    for step in range(steps):
        x = Tensor(real_points(step), requires_grad=True)
        z = space.sample(stream(seed, "z", step), len(x))
        fake = G(Tensor(z))
        seen = Tensor(fake.data, requires_grad=True)
        real_verdicts, fake_verdicts = v(x), v(seen)
        d_loss = relativistic.discriminator(real_verdicts, fake_verdicts)
        slopes = zero_centred(real_verdicts, x) + zero_centred(fake_verdicts, seen)
        v_optimizer.step(grad(d_loss + penalty * slopes, v_weights))

        guess_loss = loss(space, Q(fake), z)
        g_loss = relativistic.generator(v(x.detach()), v(fake)) + weight * guess_loss
        q_grads = grad(guess_loss, q_weights)
        g_optimizer.step(grad(g_loss, g_weights))
        q_optimizer.step(q_grads)
        if step % 10 == 0:
            history.append((step, guess_loss.item()))
    return G, np.array(history)


def draw(G, space, n, seed=0):
    """Return n samples, and what G was given, cut into its parts."""
    z = space.sample(stream(seed, "draw"), n)
    return G(Tensor(z)).data, space.split(z)


# %% [markdown]
# On the ring of eight, without $Q$'s loss and with it:

# %%
CENTRES = ring_centres()
ring_space = Joined(Normal(2), Categorical(8))


def ring(step):
    return gaussians(CENTRES, 0.05, 256, seed=step)


ring_steps, seeds = 200 if FAST else 3000, range(1 if FAST else 3)
runs = {}
for weight in (0.0, 0.3):
    runs[weight] = [train_infogan(ring, ring_space, (2, 8), weight, ring_steps, seed) for seed in seeds]

# %%
fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.6))
for axis, (weight, of_seeds) in zip(axes, runs.items()):
    G, history = of_seeds[0]
    points, (_, code) = draw(G, ring_space, 1000)
    axis.scatter(*points.T, c=code.argmax(1), cmap="tab10", vmax=9, s=4)
    axis.plot(*CENTRES.T, "+", color="#333333")
    axis.set(title=f"weight {weight}", aspect="equal", xlim=(-1.4, 1.4), ylim=(-1.4, 1.4))
    color = "C6" if weight == 0 else "C2"
    axes[2].plot(history[:, 0], np.log(8) - history[:, 1], color=color, label=f"weight {weight}")
axes[2].axhline(np.log(8), color="#333333", linewidth=0.8, linestyle="--")
axes[2].set(xlabel="step", title="bound of the information (nats)")
axes[2].legend(loc="center right")
plt.show()

# %% [markdown]
# Colour is the code, of seed 0. How much does the code say about the mode? Count which code falls on which mode, and compute the mutual
# information $\sum_{c, m} p(c, m) \log \frac{p(c, m)}{p(c)\,p(m)}$ of the table:


# %%
def information(codes, kinds):
    """Return the mutual information, in nats, of two lists of N whole numbers."""
    joint = np.zeros((codes.max() + 1, kinds.max() + 1))
    np.add.at(joint, (codes, kinds), 1 / len(codes))
    expected = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return (joint[seen] * np.log(joint[seen] / expected[seen])).sum()


for weight, of_seeds in runs.items():
    for seed, (G, _) in enumerate(of_seeds):
        points, (_, code) = draw(G, ring_space, 4000)
        modes = np.linalg.norm(points[:, None] - CENTRES, axis=2).argmin(1)
        said, found = information(code.argmax(1), modes), len(np.unique(modes))
        print(f"weight {weight}, seed {seed}: {said:.2f} nats of {np.log(8):.2f}; {found} modes")
        assert FAST or (said < 0.5 if weight == 0 else said > 1.5)

# %% [markdown]
# ## Exercises
#
# **1.** Take the projection out of the discriminator: write a class that does not see the class $y$. Then the cell trains a painter against it.
# What does the classifier read now, and why?
# <details><summary>Hint</summary>
#
# `class Blind(Projection)` has the same layers. Only `forward` must change, and it must still take both arguments.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# class Blind(Projection):
#     def forward(self, x, classes):
#         x = ops.leaky_relu(self.conv1(x), 0.2)
#         x = ops.leaky_relu(self.conv2(x), 0.2)
#         phi = ops.leaky_relu(self.features(ops.flatten(x, 1)), 0.2)
#         return self.psi(phi)[:, 0] + 0 * (self.table(classes) * phi).sum(1)
#
#
# blind = Blind(stream(0, "v"))
# ```
#
# About one in ten is right: nothing rewards $G$ for heeding $y$. (The last term is 0. It is there because an optimiser wants a gradient for every
# weight, and the table is one; a class of its own without the table is as good.)
#
# </details>

# %%
blind = None  # exercise 1: a discriminator (pictures, classes) -> verdicts that does not see the class

if blind is not None:
    x = Tensor(pictures[:10])
    zeros, nines = blind(x, np.zeros(10, int)).data, blind(x, np.full(10, 9)).data
    assert zeros.shape == (10,), f"ten pictures have verdicts of shape {zeros.shape}, not (10,)"
    assert np.allclose(zeros, nines), "a picture called 9 has another verdict than the same picture called 0"
    assert zeros.std() > 1e-6, "all pictures have the same verdict: it must see the pictures"
    share = share_right(train_painter(blind, painter_steps // 4))
    print(f"{share:.1%} of the digits that were asked for")
    assert share < 0.3, "more than chance: is the class seen in training?"
    print("exercise 1 is right")

# %% [markdown]
# **2.** Train InfoGAN on digits with a code of ten. Pictures are vectors of 64 numbers here. Take `penalty=0.5` and `width=128`, weight .3, and
# `digit_steps` steps. Do the codes become digits?
# <details><summary>Hint</summary>
#
# You need three things: a space with a code of ten; the sizes of a sample and of $Q$'s guess; and a function like `ring` that returns
# a batch of the loader's pictures, as rows.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# digit_space = Joined(Normal(8), Categorical(10))
#
#
# def real_digits(step):
#     x, _ = loader.batch(step)
#     return x.reshape(len(x), 64)
#
#
# settings = {"weight": 0.3, "steps": digit_steps, "seed": 0, "penalty": 0.5, "width": 128}
# coded, _ = train_infogan(real_digits, digit_space, (64, 10), **settings)
# infogan = coded, digit_space
# ```
#
# Partly. The codes say something about the digits, and less than the $\log 10 = 2.30$ nats that labels would. What splits the data best may be
# slant or thickness: nobody told the code what it is to be about. The picture has a row for each code.
#
# </details>

# %%
digit_steps = 400 if FAST else 4000
infogan = None  # exercise 2: the pair G, space after training on digits

if infogan is not None:
    coded, space = infogan
    samples, (_, code) = draw(coded, space, 2000)
    assert samples.shape == (2000, 64), f"samples have the shape {samples.shape}, not (2000, 64)"
    assert code.shape == (2000, 10), f"codes have the shape {code.shape}, not (2000, 10)"
    kinds = judge.judge(samples.reshape(-1, 1, 8, 8))[1].argmax(1)
    said = information(code.argmax(1), kinds)
    print(f"the code says {said:.2f} nats of {np.log(10):.2f} about digits; {len(set(kinds))} digits drawn")
    assert len(set(kinds)) >= 5, "the classifier reads fewer than five digits: was G trained on pictures?"
    assert said > 0.1, "the code says next to nothing: is Q's loss in G's, with weight .3?"
    in_rows = np.argsort(code.argmax(1), kind="stable")
    rows = [in_rows[code.argmax(1)[in_rows] == c][:10] for c in range(10)]
    shown = samples[np.concatenate(rows)].reshape(-1, 1, 8, 8)
    plt.imshow(image_grid(shown, columns=10, scale=4, value_range=(-1, 1)), vmin=0, vmax=255)
    plt.axis("off")
    plt.show()
    print("exercise 2 is right")

# %% [markdown]
# **3.** Let $G$ have a *continuous* code too, uniform on $[-1, 1]$: the space is `Joined(Normal(2), Categorical(8), Uniform(1))`, and $Q$ has nine
# outputs. Write the loss: the cross-entropy of the first eight, and for the ninth the $-\log Q$ of a Gaussian with variance 1 about $Q$'s guess,
# without its constant. The cell trains with it.
# <details><summary>Hint</summary>
#
# $-\log$ of a Gaussian with variance 1 is half the squared difference, and a constant. Take the mean over the batch, as `cross_entropy` does.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def both_losses(space, guess, z):
#     _, code, u = space.split(z)
#     of_code = cross_entropy(guess[:, :8], code.argmax(1))
#     return of_code + 0.5 * ((guess[:, 8:] - Tensor(u)) ** 2).mean()
# ```
#
# `guess[:, 8:]` keeps the shape (N, 1), as `u` has it. `guess[:, 8]` has the shape (N,), and the difference would be a table (N, N).
#
# </details>

# %%
both_losses = None  # exercise 3: a function (space, guess, z) -> a scalar, as code_loss is

if both_losses is not None:
    space = Joined(Normal(2), Categorical(8), Uniform(1))
    z = space.sample(rng, 5)
    _, code, u = space.split(z)
    guess = np.concatenate([40 * code, u + 0.6], 1)  # the code is right, the number wrong by .6
    yours = both_losses(space, Tensor(guess), z).item()
    assert np.isclose(yours, 0.18, atol=1e-3), f"codes right, numbers .6 off: it is .18, not {yours:.3f}"
    guess = np.concatenate([0 * code, u], 1)  # the number is right, the code unknown
    yours = both_losses(space, Tensor(guess), z).item()
    assert np.isclose(yours, np.log(8), atol=1e-3), f"unknown codes: it is log 8 = 2.08, not {yours:.3f}"
    _, history = train_infogan(ring, space, (2, 9), 0.3, ring_steps // 2, seed=0, loss=both_losses)
    print(f"the loss falls from {history[0, 1]:.2f} to {history[-1, 1]:.2f}")
    print("exercise 3 is right")

# %% [markdown]
# ## Sources
#
# - M. Mirza, S. Osindero, *Conditional generative adversarial nets*, 2014, arXiv:1411.1784, eq. 2.
# - T. Miyato, M. Koyama, *cGANs with projection discriminator*, 2018, arXiv:1802.05637, eq. 3 and 4.
# - T. White, *Sampling generative networks*, 2016, arXiv:1609.04468, section 2.1: slerp.
# - X. Chen et al., *InfoGAN*, 2016, arXiv:1606.03657, eq. 4 and 5.
# - `tinygan/gan/latent.py`.
