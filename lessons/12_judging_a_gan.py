# %% [markdown]
# # 12 · Judging a GAN
#
# **You will build:** the Frechet distance (with its gradient, and a way to deceive it), precision and recall, and a test for copies; you will
# judge five fakes that fail in five ways, and a GAN while it learns.
#
# **You need:** covariances, and the game (lesson 07).
#
# **Time:** 45 minutes.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import nn
from tinygan.backend import stream
from tinygan.data import Loader, digits
from tinygan.data.points import swiss_roll
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings
from tinygan.gradcheck import assert_gradients
from tinygan.metrics import copied_share, frechet_distance, kernel_distance, nearest_training
from tinygan.metrics import precision_recall, train_classifier
from tinygan.plot import image_grid, neighbour_strip

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## Two bags of points
#
# A GAN has no likelihood to compare. What we have is a bag of real samples and a bag of generated ones; how far apart are they? Fit a Gaussian
# to each bag and ask how far the earth (lesson 11) of one must be carried to become the other. On a line, the plan that sorts both turns
# $\mathcal N(m_1, s_1^2)$ into $\mathcal N(m_2, s_2^2)$ by stretching and shifting, and the mean *squared* way is
#
# $$ F = (m_1 - m_2)^2 + (s_1 - s_2)^2 $$

# %%
a, b = rng.normal(0, 1, 100_000), rng.normal(2, 3, 100_000)
print(f"carried, by sorting:    {np.square(np.sort(a) - np.sort(b)).mean():.2f}")
print(f"(m1 - m2)² + (s1 - s2)²: {2**2 + 2**2}")

# %% [markdown]
# In $D$ dimensions, with means $m_1, m_2$ and covariances $S_1, S_2$, the same thing is the **Frechet distance**
#
# $$ F \;=\; |m_1 - m_2|^2 + \operatorname{tr}\left(S_1 + S_2 - 2\,(S_1^{1/2} S_2\, S_1^{1/2})^{1/2}\right) $$
#
# The root of a symmetric matrix has the roots of its eigenvalues.


# %%
def root(S):
    values, vectors = np.linalg.eigh(S)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def frechet(x, y):
    """The Frechet distance of bags x (N, D) and y (M, D)."""
    difference, S1, S2 = x.mean(0) - y.mean(0), np.cov(x.T), np.cov(y.T)
    R = root(S1)
    return difference @ difference + np.trace(S1 + S2 - 2 * root(R @ S2 @ R))


x, y = rng.standard_normal((50, 4)), rng.standard_normal((70, 4)) @ rng.standard_normal((4, 4)) + 1
assert np.isclose(frechet(x, y), frechet_distance(x, y))
print("by hand = the library:", frechet(x, y).round(4))

# %% [markdown]
# ## Its gradient, and how to deceive it
#
# How should a generated point $x_i$ move to lower $F$? The derivative for $S_1$ is $I - T$ with
# $T = S_1^{-1/2} (S_1^{1/2} S_2 S_1^{1/2})^{1/2} S_1^{-1/2}$, the matrix that carries one Gaussian onto the other in the cheapest way
# ($T S_1 T = S_2$). By the chain rule through mean and covariance:
#
# $$ \frac{\partial F}{\partial x_i} = \frac2N\,(m_1 - m_2) + \frac{2}{N-1}\,(I - T)(x_i - m_1) $$


# %%
def frechet_slope(x, y):
    """dF/dx (N, D)."""
    R = root(np.cov(x.T))
    inverse = np.linalg.inv(R)
    T = inverse @ root(R @ np.cov(y.T) @ R) @ inverse
    centred = x - x.mean(0)
    return 2 / len(x) * (x.mean(0) - y.mean(0)) + 2 / (len(x) - 1) * (centred - centred @ T)


# F is symmetric, so the gradient for y is the same function with the roles exchanged
backward = lambda g, x, y: (g * frechet_slope(x, y), g * frechet_slope(y, x))
assert_gradients((frechet, backward), x, y)
print("finite differences agree")

# %% [markdown]
# Now let 400 points go down this slope, and nothing else, towards a spiral:

# %%
spiral = swiss_roll(1000).astype(float)
cloud = 0.3 * rng.standard_normal((400, 2)) + [1.5, 1.5]
frames = [cloud]
for _ in range(60):
    cloud = cloud - 0.1 * len(cloud) * frechet_slope(cloud, spiral)
    frames.append(cloud)

fig, axes = plt.subplots(1, 3, figsize=(7, 2.6), sharex=True, sharey=True)
for axis, step in zip(axes, (0, 5, 60)):
    axis.plot(*spiral.T, ".", color="#bbbbbb", markersize=2)
    axis.plot(*frames[step].T, ".", color="C1", markersize=3)
    axis.set(title=f"step {step}: F = {frechet(frames[step], spiral):.4f}", aspect="equal")
plt.show()
to_spiral = np.linalg.norm(cloud[:, None] - spiral[None], axis=2).min(1)
print(f"{(to_spiral < 0.1).mean():.0%} of the points are within .1 of the spiral")

# %% [markdown]
# The distance is nothing, and most points are not on the spiral: two bags with the same mean and covariance are the same to it. On *features*
# of pictures, which a network has learned to be telling, it does much better than on raw points; but it is worth remembering what it is.
#
# ## Precision and recall
#
# One number cannot say whether samples are bad or whether some are missing. Give every real point a ball that reaches to its third nearest
# fellow; together the balls are "where real points are". **Precision**: the share of generated points inside. **Recall**: the other way round,
# the share of real points inside the balls of the generated ones.


# %%
def distances(a, b):
    return np.linalg.norm(a[:, None] - b[None], axis=2)  # (N, M)


def radii(points, k=3):
    return np.sort(distances(points, points), axis=1)[:, k]  # place 0 is the point itself


def inside(points, centres, k=3):
    """For each of `points`, whether it lies in a ball about one of `centres`."""
    return (distances(points, centres) <= radii(centres, k)).any(1)


generated, real = cloud, spiral[:400]
precision, recall = inside(generated, real).mean(), inside(real, generated).mean()
library = precision_recall(real, generated)
assert (precision, recall) == (library["precision"], library["recall"])
print(f"the deceiver of above: precision {precision:.2f}, recall {recall:.2f}")

fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.1), sharex=True, sharey=True)
for axis, centres, points, colour, title in (
    (axes[0], real, generated, "C1", "balls about real points: precision"),
    (axes[1], generated, real, "C0", "balls about generated points: recall"),
):
    for centre, radius in zip(centres, radii(centres)):
        axis.add_patch(plt.Circle(centre, radius, color="#dddddd"))
    hit = inside(points, centres)
    axis.plot(*points[hit].T, ".", color=colour, markersize=3)
    axis.plot(*points[~hit].T, "x", color=colour, markersize=3, markeredgewidth=0.8)
    axis.set(title=title, aspect="equal")
plt.show()

# %% [markdown]
# ## Features
#
# Pixels are a bad place to measure in: a digit moved by one pixel is far from itself. So a classifier is trained to read real digits, and
# its last layer but one, 64 numbers a picture, is the space in which pictures are compared. For photographs the usual classifier is
# Inception, and $F$ is called FID; ours is trained in seconds. Every figure below depends on it: compare only what one judge has judged.

# %%
pictures, labels = digits("train")
pictures = pictures * 2 - 1  # (1437, 1, 8, 8) in [-1, 1]
test, test_labels = digits("test")
test = test * 2 - 1  # 360 that nobody is trained on

judge = train_classifier(pictures, labels, steps=600)
features = lambda images: judge.judge(np.asarray(images, "float32"))[0]  # (N, 64)
print(f"the judge reads {judge.accuracy(test, test_labels):.1%} of unseen digits right")

# %% [markdown]
# Five fakes. They are made from pictures that a generator might have been trained on (`known`, 360 of them) or from others; the first row is
# as good as it gets: fresh real digits. Nothing scores 0, and **no figure means anything without that row**.

# %%
known, others = pictures[:360], pictures[360:720]
fresh = test
noise = rng.standard_normal(fresh.shape)
blurred = (fresh + np.roll(fresh, 1, 2) + np.roll(fresh, 1, 3) + np.roll(fresh, (1, 1), (2, 3))) / 4
few = pictures[720:][labels[720:] < 5][:360]
copies = known[rng.integers(360, size=360)]
fakes = {
    "fresh real digits": fresh,
    "with noise": fresh + 0.4 * noise,
    "blurred": blurred,
    "0 to 4 only": few,
    "one picture": np.repeat(known[:1], 360, 0) + 0.05 * noise,
    "copies": copies,
}

fig, axes = plt.subplots(1, len(fakes), figsize=(7.5, 1.6))
for axis, (name, shown) in zip(axes, fakes.items()):
    axis.imshow(image_grid(shown[:9], scale=1, border=1, value_range=(-1, 1)), vmin=0, vmax=255)
    axis.set_title(name, fontsize=9)
    axis.set_axis_off()
plt.show()


# %%
def scores(samples):
    f, reference = features(samples), features(known)
    return frechet_distance(f, reference), *precision_recall(reference, f).values()


print(f"{'':20}{'Frechet':>9}{'precision':>11}{'recall':>9}")
for name, samples in fakes.items():
    distance, precision, recall = scores(samples)
    print(f"{name:20}{distance:9.1f}{precision:11.2f}{recall:9.2f}")

# %% [markdown]
# Noise costs precision, and blur both; what is missing (five digits; all but one picture) costs recall; the Frechet distance sees it all and
# does not say which. But look at the last row: **copies of the training pictures beat fresh real ones**, in distance and in precision.
#
# ## Has it memorised?
#
# A fresh picture is as near to the training pictures as to as many others; a copy is nearer to the training pictures. The share of samples
# that are nearer to `known` than to `others` should be one half:

# %%
for name in ("fresh real digits", "with noise", "copies"):
    to_known, to_others = (nearest_training(fakes[name], x).distances for x in (known, others))
    nearer = to_known < to_others
    library = copied_share(fakes[name], known, others)
    print(f"{name:20} nearer to what was known {nearer.mean():.2f}, by the library {library:.2f}")

# %% [markdown]
# ## The size of the bag
#
# The Frechet distance of two bags *of the same distribution* is above 0, more so for small bags: covariances of few points are wrong, and
# every error counts as distance. A figure from 1,000 samples cannot be compared with one from 50,000. The kernel distance (Binkowski et al.)
# compares all pairs instead of Gaussians, and has no such bias:

# %%
all_features = features(np.concatenate([pictures, test]))
sizes, repeats = (60, 120, 240, 480, 850), 20 if FAST else 100
found = np.empty((len(sizes), repeats, 2))
for i, n in enumerate(sizes):
    for k in range(repeats):
        chosen = all_features[rng.permutation(len(all_features))]
        one, two = chosen[:n], chosen[n : 2 * n]
        found[i, k] = frechet_distance(one, two), kernel_distance(one, two, blocks=2).mean

fig, axes = plt.subplots(1, 2, figsize=(7, 2.5))
for axis, values, name in zip(
    axes, np.moveaxis(found, 2, 0), ("Frechet distance", "kernel distance")
):
    low, high = np.percentile(values, [10, 90], axis=1)
    axis.fill_between(sizes, low, high, color="C2", alpha=0.2, linewidth=0)
    axis.semilogx(sizes, values.mean(1), "o-", color="C2")
    axis.axhline(0, color="#333333", linewidth=0.8)
    axis.set(title=f"{name}, real against real", xlabel="samples in each bag")
    axis.set(xticks=sizes, xticklabels=sizes)
    axis.minorticks_off()
plt.show()
print("line: mean; band: four fifths of the repetitions")

# %% [markdown]
# ## A GAN is judged while it learns
#
# Two perceptrons, trained on the 360 known pictures only. `FromNoise` is the library's game of a $G$ that draws from noise; its step is
# that of lesson 08.


# %%
def perceptron(*sizes, rng):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b, rng=rng), nn.LeakyReLU(0.2)]
    return layers[:-1]  # no ReLU at the end


drawing = perceptron(16, 128, 128, 64, rng=stream(0, "G"))
G = nn.Sequential(*drawing, nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
D = nn.Sequential(nn.Flatten(), *perceptron(64, 128, 128, 1, rng=stream(0, "D")))

steps = 1500 if FAST else 8000
s = AdversarialSettings(steps=steps, gamma=1.0, learning_rate=2e-3, ema=0.995, penalty_every=4)
loader = Loader(known, batch_size=s.batch_size, seed=0)
game = FromNoise(G, D, [Normal(16)], lambda turn: Batch(loader.batch(turn)), s)

moments = np.unique(np.geomspace(50, s.steps, 10).astype(int))
history = []
for step in range(1, s.steps + 1):
    game.step(step - 1)
    if step in moments:
        samples = game.sample(360, seed=1)
        history.append((step, *scores(samples), copied_share(samples, known, others)))
history = np.array(history)

# %%
fresh_scores = *scores(fresh), 0.5
fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.7))
axes[0].loglog(history[:, 0], history[:, 1], "o-", color="C1")
axes[0].axhline(fresh_scores[0], color="C0", linestyle="--", linewidth=1)
axes[0].set(xlabel="step", ylabel="Frechet distance")
for column, (name, colour) in enumerate(
    (("precision", "C2"), ("recall", "C3"), ("nearer to known", "C6")), 2
):
    axes[1].semilogx(history[:, 0], history[:, column], "o-", color=colour, label=name)
    axes[1].axhline(fresh_scores[column - 1], color=colour, linestyle="--", linewidth=1)
axes[1].set(xlabel="step", ylim=(0, 1.05))
axes[1].legend(loc="lower right")
plt.show()
print("dashed: fresh real digits")
assert history[-1, 4] > 0.7  # of samples of an honest generator, .5

# %% [markdown]
# In the end the Frechet distance is *below* that of fresh real digits. A triumph? The black line says what happened: most samples are nearer to
# the 360 known pictures than to 360 others. $G$ has never seen them, but $D$ has, and 360 are few enough to be learned by heart.
#
# Now look. Under each generated digit, the two known ones that are nearest to it:

# %%
samples = game.sample(12, seed=2)
rows = nearest_training(samples, known, k=2).rows
plt.figure(figsize=(7.2, 2.4))
plt.imshow(neighbour_strip(samples, known[rows], scale=6))
plt.axis("off")
plt.show()

# %% [markdown]
# ## Exercises
#
# **1.** Make a fake that has precision 1 and recall 0, one with recall 1 and low precision, and one with a Frechet distance below that of the
# copies.
# <details><summary>Hint</summary>
#
# One good picture; the real ones and as much noise; `known` itself.
#
# </details>
#
# **2.** Measure $F$ on pixels instead of features. In which order do the fakes come now?
# <details><summary>Hint</summary>
#
# `features = lambda images: images.reshape(len(images), -1)`.
#
# </details>
#
# **3.** Train the GAN on 40 pictures instead of 360, for as long. What does the last curve do?
# <details><summary>Hint</summary>
#
# Give `copied_share` 40 others as well. A network with 30,000 weights has room for 40 pictures.
#
# </details>
#
# ## Sources
#
# - M. Heusel et al., *GANs trained by a two time-scale update rule*, 2017, arXiv:1706.08500, eq. 6: the Frechet distance on features.
# - D. Dowson, B. Landau, *The Frechet distance between multivariate normal distributions*, 1982, eq. 4.
# - T. Kynkäänniemi et al., *Improved precision and recall metric*, 2019, arXiv:1904.06991, eq. 1 and 2.
# - M. Binkowski et al., *Demystifying MMD GANs*, 2018, arXiv:1801.01401: the bias, and the kernel distance.
# - `tinygan/metrics/`: all of these and more, each beside its floor.
