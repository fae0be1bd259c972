# %% [markdown]
# # 12 · Judging a GAN
#
# **You will build:** the Frechet distance (with its gradient, and a way to deceive it), precision and recall, and a test for copies; you will
# judge five fakes that fail in five ways, and a GAN while it learns.
#
# **You need:** covariances, the game (lesson 07), and its cures (lesson 08).
#
# **Time:** 50 minutes.

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
# A GAN has no likelihood to compare. We have a bag of real samples and a bag of generated ones. How far apart are they? Fit a Gaussian
# to each bag. Then ask how far one must be carried to become the other, as a heap of earth is carried (lesson 11). On a line, the cheapest
# plan carries the smallest to the smallest, the second to the second, and so on. It turns $\mathcal N(m_1, s_1^2)$ into
# $\mathcal N(m_2, s_2^2)$ by stretching and shifting. The mean *squared* way is
#
# $$ F = (m_1 - m_2)^2 + (s_1 - s_2)^2 $$

# %%
a, b = rng.normal(0, 1, 100_000), rng.normal(2, 3, 100_000)
print(f"carried, by sorting:    {np.square(np.sort(a) - np.sort(b)).mean():.2f}")
print(f"(m1 - m2)² + (s1 - s2)²: {2**2 + 2**2}")

# %% [markdown]
# In $d$ dimensions, with means $m_1, m_2$ and covariances $S_1, S_2$, the same mean squared way is the **Frechet distance**
#
# $$ F \;=\; |m_1 - m_2|^2 + \operatorname{tr}\left(S_1 + S_2 - 2\,(S_1^{1/2} S_2\, S_1^{1/2})^{1/2}\right) $$
#
# $\operatorname{tr}$ is the sum of a matrix's diagonal. The root of a symmetric matrix has the same eigenvectors and the roots of its eigenvalues.


# %%
def root(S):
    values, vectors = np.linalg.eigh(S)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def frechet(x, y):
    """Return the Frechet distance of bags x (N, d) and y (M, d)."""
    difference = x.mean(0) - y.mean(0)
    S1, S2 = np.cov(x.T), np.cov(y.T)
    R = root(S1)
    return difference @ difference + np.trace(S1 + S2 - 2 * root(R @ S2 @ R))


x = rng.standard_normal((50, 4))
y = rng.standard_normal((70, 4)) @ rng.standard_normal((4, 4)) + 1
assert np.isclose(frechet(x, y), frechet_distance(x, y))
print("by hand = the library:", frechet(x, y).round(4))

# %% [markdown]
# ## Its gradient, and how to deceive it
#
# How should a generated point $x_i$ move to lower $F$? The derivative for $S_1$ is $I - T$, where $I$ is the identity and
# $T = S_1^{-1/2} (S_1^{1/2} S_2 S_1^{1/2})^{1/2} S_1^{-1/2}$. This $T$ is the matrix that carries one Gaussian onto the other in the cheapest
# way ($T S_1 T = S_2$). By the chain rule through mean and covariance:
#
# $$ \frac{\partial F}{\partial x_i} = \frac2N\,(m_1 - m_2) + \frac{2}{N-1}\,(I - T)(x_i - m_1) $$


# %%
def frechet_slope(x, y):
    """Return dF/dx, one row for each point: (N, d)."""
    R = root(np.cov(x.T))
    inverse = np.linalg.inv(R)
    T = inverse @ root(R @ np.cov(y.T) @ R) @ inverse
    centred = x - x.mean(0)
    return 2 / len(x) * (x.mean(0) - y.mean(0)) + 2 / (len(x) - 1) * (centred - centred @ T)


def frechet_backward(g, x, y):
    # F is symmetric, so the gradient for y is the same function with the roles exchanged
    return g * frechet_slope(x, y), g * frechet_slope(y, x)


assert_gradients((frechet, frechet_backward), x, y)
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
# The distance is nearly 0, and most points are not on the spiral. The Frechet distance sees means and covariances, and nothing else. Two bags
# that share both are the same bag to it. It does better on *features* of pictures, numbers that a network has learned to tell pictures apart by.
# Even there it is a distance of means and covariances.
#
# ## Precision and recall
#
# Samples may be bad, or some kinds of samples may be missing. One number cannot say which. So give every real point a ball that reaches to its
# third nearest real neighbour. Together the balls are "where real points are". **Precision** is the share of generated points inside. **Recall**
# is the other way round: the share of real points inside the balls of the generated ones.


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



def draw_balls(axis, centres, points, colour, title):
    """Balls about centres; dots for the points inside, crosses for those outside."""
    for centre, radius in zip(centres, radii(centres)):
        axis.add_patch(plt.Circle(centre, radius, color="#dddddd"))
    hit = inside(points, centres)
    axis.plot(*points[hit].T, ".", color=colour, markersize=3)
    axis.plot(*points[~hit].T, "x", color=colour, markersize=3, markeredgewidth=0.8)
    axis.set(title=title, aspect="equal")


fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.1), sharex=True, sharey=True)
draw_balls(axes[0], real, generated, "C1", "balls about real points: precision")
draw_balls(axes[1], generated, real, "C0", "balls about generated points: recall")
plt.show()

# %% [markdown]
# ## Features
#
# Pixels are a bad place to measure in: a digit moved by one pixel is far from itself. So a classifier learns to read real digits. Its last
# layer but one gives 64 numbers a picture. In the space of these 64 numbers pictures are compared. For photographs the usual classifier is called
# Inception, and $F$ is called FID. Ours is trained in seconds: `train_classifier` does it, and `judge(pictures)` of what it returns gives the
# features and the probabilities of the ten classes. Three such judges begin with different weights.

# %%
pictures, labels = digits("train")
pictures = pictures * 2 - 1  # (1437, 1, 8, 8) in [-1, 1]
test, test_labels = digits("test")
test = test * 2 - 1  # 360 that nobody is trained on

judges = []
for seed in range(1 if FAST else 3):
    judges.append(train_classifier(pictures, labels, steps=300 if FAST else 600, seed=seed))
    accuracy = judges[seed].accuracy(test, test_labels)
    print(f"judge {seed} reads {accuracy:.1%} of unseen digits right")


def features(images, judge=judges[0]):
    """Pictures (N, 1, 8, 8) -> features (N, 64)."""
    return judge.judge(np.asarray(images, "float32"))[0]


# %% [markdown]
# Fresh real digits, and five fakes. A generator might have been trained on the 360 pictures called `known`. All bags are compared with these.
# `others` are 360 more that it has not seen.

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
def scores(samples, real=known, judge=judges[0]):
    """Return the Frechet distance, precision and recall of samples against real pictures."""
    f, reference = features(samples, judge), features(real, judge)
    found = precision_recall(reference, f)
    return frechet_distance(f, reference), found["precision"], found["recall"]


by_judge = []
for seed, judge in enumerate(judges):
    print(f"{f'judge {seed}':20}{'Frechet':>9}{'precision':>11}{'recall':>9}")
    by_judge.append({})
    for name, samples in fakes.items():
        distance, precision, recall = by_judge[seed][name] = scores(samples, judge=judge)
        print(f"{name:20}{distance:9.1f}{precision:11.3f}{recall:9.3f}")
    print()

# %% [markdown]
# First look at the fresh real digits. They come from the same people as `known`, and still their distance is not 0, and their precision and
# recall are not 1. The two bags show different pictures. **No figure means anything without this row.**
#
# Then compare the judges. Their distances differ, so compare only what one judge has judged. What follows holds for each of them:
#
# - Noise costs precision. Blur costs precision and recall.
# - What is missing costs recall: with five digits it is about half. With one picture it is one in 360: the picture itself.
# - The Frechet distance sees all of these faults, and does not say which it is.
# - **Copies of the training pictures beat fresh real ones**, in distance and in precision.

# %%
for found in by_judge:
    distance, precision, recall = (dict(zip(found, column)) for column in zip(*found.values()))
    real, faulty = "fresh real digits", ("with noise", "blurred", "0 to 4 only", "one picture")
    assert all(distance[name] > distance[real] for name in faulty)
    assert max(precision["with noise"], precision["blurred"]) < precision[real] - 0.1
    assert max(recall[name] for name in faulty[1:]) < recall[real] - 0.3
    assert distance["copies"] < distance[real] and precision["copies"] > precision[real]
print(f"so say {len(by_judge)} of {len(judges)} judges")

# %% [markdown]
# ## Has it memorised?
#
# Take as many others as there are training pictures. A fresh picture is as likely to be nearest to one of these as to one of those. A copy is
# nearest to a training picture. So count the samples that are nearer to `known` than to `others`. Their share should be one half.
# `nearest_training` finds for each sample the nearest picture of a bag, by pixels:

# %%
for name in ("fresh real digits", "with noise", "copies"):
    to_known = nearest_training(fakes[name], known).distances
    to_others = nearest_training(fakes[name], others).distances
    nearer = to_known < to_others
    library = copied_share(fakes[name], known, others)
    print(f"{name:20} nearer to what was known {nearer.mean():.2f}, by the library {library:.2f}")

# %% [markdown]
# ## The size of the bag
#
# The Frechet distance of two bags *of the same distribution* is above 0, and the more so the smaller the bags are. Covariances of few points are
# wrong, and every error counts as distance. A figure from 1,000 samples cannot be compared with one from 50,000.
#
# The **kernel distance** (Binkowski et al.) has no such bias. It needs no covariance. It asks how alike two points $x, y$ of $d$ numbers are,
# and gives each pair a number, the *kernel* $k(x, y) = (x \cdot y / d + 1)^3$. If both bags have the same distribution, a pair within a bag is
# on average as much alike as a pair across. So the distance is
#
# $$ K \;=\; \operatorname{mean}_{i \ne j} k(x_i, x_j) \;+\; \operatorname{mean}_{i \ne j} k(y_i, y_j) \;-\; 2 \operatorname{mean}_{i,\,j} k(x_i, y_j) $$
#
# The pairs of a point with itself, $i = j$, are left out. They are more alike than any others, and would make $K$ too large.


# %%
def kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3  # (N, M)


def mean_of_pairs(table):
    """Return the mean of a table (N, N) without its diagonal."""
    n = len(table)
    return (table.sum() - np.trace(table)) / (n * (n - 1))


def kernel_distance_by_hand(x, y):
    return mean_of_pairs(kernel(x, x)) + mean_of_pairs(kernel(y, y)) - 2 * kernel(x, y).mean()


of_known, of_blurred = features(known).astype(float), features(blurred).astype(float)
by_hand, library = kernel_distance_by_hand(of_known, of_blurred), kernel_distance(of_known, of_blurred)
print(f"known and blurred, by hand: {by_hand:.1f}")
print(f"the library, ten parts of the bags: {library.mean:.1f}, give or take {library.standard_error:.1f}")
assert abs(by_hand - library.mean) < 4 * library.standard_error

# %% [markdown]
# The library cuts both bags into ten parts. The ten distances differ, and so it can say how far off their mean may be. Now cut all real
# digits into two bags, again and again, and let both distances say how far apart the two are:

# %%
all_features = features(np.concatenate([pictures, test])).astype(float)
sizes, repeats = (60, 120, 240, 480, 850), 10 if FAST else 100
found = np.empty((2, len(sizes), repeats))
for i, n in enumerate(sizes):
    for k in range(repeats):
        chosen = all_features[rng.permutation(len(all_features))]
        one, two = chosen[:n], chosen[n : 2 * n]
        found[0, i, k] = frechet_distance(one, two)
        found[1, i, k] = kernel_distance_by_hand(one, two)

fig, axes = plt.subplots(1, 2, figsize=(7, 2.5))
for axis, values, name in zip(axes, found, ("Frechet distance", "kernel distance")):
    low, high = np.percentile(values, [10, 90], axis=1)
    axis.fill_between(sizes, low, high, color="C2", alpha=0.2, linewidth=0)
    axis.semilogx(sizes, values.mean(1), "o-", color="C2")
    axis.axhline(0, color="#333333", linewidth=0.8)
    axis.set(title=f"{name}, real against real", xlabel="samples in each bag", ylabel="distance")
    axis.set(xticks=sizes, xticklabels=sizes)
    axis.minorticks_off()
plt.show()
print("line: mean; band: four fifths of the repetitions")

# %% [markdown]
# ## A GAN is judged while it learns
#
# Two perceptrons learn from the 360 known pictures only. The game and its step are those of lesson 08: relativistic losses, and a penalty on
# the slope of the discriminator at real and at generated samples. Here is what the library takes off our hands:
#
# - `FromNoise(G, v, spaces, batch, settings)` is a **game**: it holds both networks and their optimisers. `game.step(k)` is training step $k$,
#   and `game.sample(n, seed)` draws $n$ pictures. $G$ draws from noise, and `spaces` says from which: `[Normal(16)]`, 16 normal numbers.
# - `batch` is a function. It gets the number of the step and returns real pictures, in a `Batch`. `Loader` shuffles the pictures and cuts
#   them into batches.
# - `stream(seed, name)` is NumPy's generator of random numbers, begun from a seed and a name. Each use of chance has its own name. So a change
#   in one place changes no random number elsewhere.
# - `AdversarialSettings` says the rest: `gamma / 2` is the penalty's weight, as in lesson 08. `penalty_every=4` penalises in every fourth step
#   only, and with four times the weight, so that it weighs as much in the mean. This saves time, as a gradient of a gradient is dear.
#   `ema=0.995` draws samples with an **exponential moving average** of $G$'s weights: each step it becomes .995 of itself and .005 of the weights.
#   The average trembles less than the weights do. The **schedule**, what the learning rate does over time, is the library's usual one: constant
#   for half of the steps, then in a line to 0.


# %%
def perceptron(*sizes, rng):
    """Return a list of layers: linear ones with these sizes, and leaky ReLUs between them."""
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs, rng=rng), nn.LeakyReLU(0.2)]
    return layers[:-1]  # no ReLU at the end


def train_gan(known, others, steps, seed=0):
    """Train on `known`. Return rows (step, F, precision, recall, share nearer to known), and the game."""
    drawing = perceptron(16, 128, 128, 64, rng=stream(seed, "G"))
    judging = perceptron(64, 128, 128, 1, rng=stream(seed, "v"))
    G = nn.Sequential(*drawing, nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
    v = nn.Sequential(nn.Flatten(), *judging)
    settings = AdversarialSettings(
        steps=steps, batch_size=min(64, len(known)), seed=seed,
        gamma=1.0, penalty_every=4, learning_rate=2e-3, ema=0.995,
    )
    loader = Loader(known, batch_size=settings.batch_size, seed=seed)

    def batch(step):
        return Batch(loader.batch(step))

    game = FromNoise(G, v, [Normal(16)], batch, settings)
    moments = np.unique(np.geomspace(50, steps, 10).astype(int))
    history = []
    for step in range(1, steps + 1):
        game.step(step - 1)
        if step in moments:
            samples = game.sample(360, seed=1)
            nearer = copied_share(samples, known, others)
            history.append((step, *scores(samples, known), nearer))
    return np.array(history), game


steps = 1000 if FAST else 8000
runs = [train_gan(known, others, steps, seed) for seed in range(1 if FAST else 3)]

# %%
fresh_scores = *scores(fresh), copied_share(fresh, known, others)
names = ("Frechet distance", "precision", "recall", "share nearer to known")
fig, axes = plt.subplots(1, 4, figsize=(9, 2.5))
for axis, name, of_fresh, column in zip(axes, names, fresh_scores, range(1, 5)):
    for history, _ in runs:
        axis.semilogx(history[:, 0], history[:, column], "o-", color="C1", markersize=3, linewidth=1)
    axis.axhline(of_fresh, color="C0", linestyle="--", linewidth=1)
    axis.set(title=name, xlabel="step")
    if column > 1:
        axis.set(ylim=(0, 1.05))
axes[0].set(yscale="log")
plt.show()
print("orange: generated, a line for each seed; dashed: fresh real digits")
for seed, (history, _) in enumerate(runs):
    print(f"seed {seed}: at the end F = {history[-1, 1]:.1f}, share nearer to known {history[-1, 4]:.2f}")
print(f"fresh real digits: F = {fresh_scores[0]:.1f}, share nearer to known {fresh_scores[3]:.2f}")
assert all(history[-1, 4] > 0.6 for history, _ in runs)  # of samples of an honest generator, .5

# %% [markdown]
# In the end the Frechet distance is *below* that of fresh real digits, with each seed. A triumph? The last picture says what happened: most
# samples are nearer to the 360 known pictures than to 360 others. $G$ has never seen them. But $v$ has, and what $v$ learns $G$ learns from
# its slope. 360 pictures are few enough to be learned by heart.
#
# Now look. Under each generated digit, the two known ones that are nearest to it:

# %%
samples = runs[0][1].sample(12, seed=2)
rows = nearest_training(samples, known, k=2).rows
plt.figure(figsize=(7.2, 2.4))
plt.imshow(neighbour_strip(samples, known[rows], scale=6))
plt.axis("off")
plt.show()

# %% [markdown]
# ## Exercises
#
# **1.** Make three bags of 360 pictures that deceive `scores`. The first has precision 1 and a recall below .01. The second has a recall of at
# least .9 and a precision of at most .6. The third has a smaller Frechet distance than `copies`.
# <details><summary>Hint</summary>
#
# For the first, what does a bag look like that shows nothing bad and lacks nearly everything? For the second, a bag may have good pictures and
# as many bad ones. For the third, which bag has exactly the mean and the covariance of `known`?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# one = np.repeat(known[:1], 360, 0)
# half = np.concatenate([known[:180], noise[180:]])
# bags = [one, half, known]
# ```
#
# One good picture, 360 times, lies in a ball and misses all others. Half of `known` with as much noise covers what is real, and its other half
# lies nowhere. `known` itself has distance 0: it is what all bags are compared with. Each of the three figures can be deceived alone.
#
# </details>

# %%
bags = None  # exercise 1: a list of three bags, each (360, 1, 8, 8)

if bags is not None:
    assert len(bags) == 3, f"three bags are asked for, you have {len(bags)}"
    for bag in bags:
        assert np.shape(bag) == (360, 1, 8, 8), f"a bag has the shape {np.shape(bag)}, not (360, 1, 8, 8)"
    of_one, of_two, of_three = (scores(bag) for bag in bags)
    assert of_one[1] == 1, f"the first bag's precision is {of_one[1]:.2f}, not 1"
    assert of_one[2] < 0.01, f"the first bag's recall is {of_one[2]:.3f}, not below .01"
    assert of_two[2] >= 0.9, f"the second bag's recall is {of_two[2]:.2f}, below .9"
    assert of_two[1] <= 0.6, f"the second bag's precision is {of_two[1]:.2f}, above .6"
    assert of_three[0] < scores(copies)[0], f"the third bag's distance is {of_three[0]:.1f}; copies have less"
    print("exercise 1 is right")

# %% [markdown]
# **2.** Measure $F$ on the 64 pixels of a picture instead of its features. In which order do the six bags of `fakes` come now, the nearest
# first? Which of them has changed its place?
# <details><summary>Hint</summary>
#
# A bag of pictures becomes rows of pixels by `images.reshape(len(images), -1)`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def pixel_distance(name):
#     bag = fakes[name]
#     return frechet_distance(bag.reshape(len(bag), -1), known.reshape(len(known), -1))
#
#
# order = sorted(fakes, key=pixel_distance)
# ```
#
# `with noise` comes after `0 to 4 only` now. On features noise is the smaller fault: the classifier still reads most of these digits, and sees that
# five kinds are missing. On pixels noise adds to all 64 variances, and the five digits that are left have most of the strokes of the others.
#
# </details>

# %%
order = None  # exercise 2: the names of the six bags as a list, the nearest on pixels first

if order is not None:
    assert sorted(order) == sorted(fakes), f"the list needs each of these names once: {list(fakes)}"
    rows_of_pixels = known.reshape(360, 64)
    on_pixels = {}
    for name, bag in fakes.items():
        on_pixels[name] = frechet(bag.reshape(-1, 64), rows_of_pixels)
    for first, second in zip(order, order[1:]):
        far = f"{first} has {on_pixels[first]:.2f} on pixels, {second} has {on_pixels[second]:.2f}"
        assert on_pixels[first] < on_pixels[second], far
    print("exercise 2 is right")

# %% [markdown]
# **3.** Train the GAN on the first 40 known pictures instead of 360, for half as many steps (`steps // 2`), with 40 others to compare. What does
# the share that is nearer to known do?
# <details><summary>Hint</summary>
#
# `train_gan` takes both bags as arguments, and must get 40 of each. A game with two networks of more than 25,000 weights has room for 40 pictures.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# forty = train_gan(known[:40], others[:40], steps // 2)
# ```
#
# The share rises towards 1, further than it did with 360 pictures: `forty[0][:, 4]`. The fewer pictures there are, the sooner they are learned by heart.
#
# </details>

# %%
forty = None  # exercise 3: what train_gan returns for 40 known pictures

if forty is not None:
    history, game = forty
    share = copied_share(game.sample(360, seed=1), known[:40], others[:40])
    assert history[-1, 0] == steps // 2, f"the game had {history[-1, 0]:.0f} steps, not {steps // 2}"
    assert share > 0.8, f"{share:.2f} are nearer to known[:40] than to others[:40]: trained on these 40?"
    assert history[-1, 4] > 0.8, f"the history's last share is {history[-1, 4]:.2f}: were others[:40] given?"
    print(f"nearer to the 40: {history[-1, 4]:.2f}; to the 360, of above: {runs[0][0][-1, 4]:.2f}")
    print("exercise 3 is right")

# %% [markdown]
# ## Sources
#
# - M. Heusel et al., *GANs trained by a two time-scale update rule*, 2017, arXiv:1706.08500, eq. 6: the Frechet distance on features.
# - D. Dowson, B. Landau, *The Frechet distance between multivariate normal distributions*, 1982, eq. 4.
# - T. Kynkäänniemi et al., *Improved precision and recall metric*, 2019, arXiv:1904.06991, eq. 1 and 2.
# - M. Binkowski et al., *Demystifying MMD GANs*, 2018, arXiv:1801.01401: the bias, and the kernel distance.
# - `tinygan/metrics/`: all of these and more, each beside its floor.
