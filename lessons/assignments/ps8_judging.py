# %% [markdown]
# # Assignment 8 · Judging a GAN
#
# **You will build:** a Frechet distance and MMD, both with their gradients; a score beside its floor, from bags of one size; samples drawn as
# they should be; a choice among models that copies cannot win; figures over seeds; and the two figures by which a writer is judged.
#
# **You need:** lesson 12; for the last task lesson 16.
#
# **Time:** 3 hours.
#
# **Grading:** 30 points. A test cell gives its points alone, and no task needs your answer to another. Some tests are hidden: they
# ask the same with other numbers and shapes. `tinygan.metrics` has some of the answers; use from it only what the cell below imports.
#
# Notation: a *bag* is an array `(N, K)`, a row a sample, the columns its features. For all distances here, lower is better.

# %%
import copy

import numpy as np

from tinygan import Tensor, nn, no_grad
from tinygan.gradcheck import assert_gradients
from tinygan.metrics import copied_share, frechet_distance

# %% [markdown]
# ## 8.1 The Frechet distance, feature by feature (5 points)
#
# If the features are taken one by one, as if they were independent, the Frechet distance of lesson 12 needs no roots of matrices:
#
# $$ F = \sum_k (m_k - m'_k)^2 + (s_k - s'_k)^2 $$
#
# Bag `x (N, K)` has the means $m_k$ and the standard *deviations* $s_k = \sqrt{\frac1{N-1}\sum_n (x_{nk} - m_k)^2}$; $m'$ and $s'$ belong to `y (M, K)`.
# The bags may differ in size: each has its own $N - 1$ or $M - 1$. Write `frechet(x, y)`, one number, and `frechet_backward(g, x, y)`, the gradients `dx`
# and `dy` of $g F$, for one number `g`. You need $\partial m_k / \partial x_{nk} = 1/N$ and $\partial s_k / \partial x_{nk} = (x_{nk} - m_k) / ((N - 1)\, s_k)$.


# %% task=8.1
def frechet(x, y):
    """Return F of bags x (N, K) and y (M, K)."""
    ### BEGIN SOLUTION
    means, deviations = x.mean(0) - y.mean(0), x.std(0, ddof=1) - y.std(0, ddof=1)
    return (means**2 + deviations**2).sum()
    ### END SOLUTION


def frechet_backward(g, x, y):
    """Return dx (N, K) and dy (M, K), the gradients of g * F."""
    ### BEGIN SOLUTION
    sx, sy = x.std(0, ddof=1), y.std(0, ddof=1)
    dm, ds = 2 * g * (x.mean(0) - y.mean(0)), 2 * g * (sx - sy)  # (K,)
    dx = dm / len(x) + ds * (x - x.mean(0)) / (len(x) - 1) / sx
    dy = dm / len(y) + ds * (y - y.mean(0)) / (len(y) - 1) / sy
    return dx, -dy
    ### END SOLUTION


# %% test=8.1a points=1
def check_shift(shift, N, seed):
    x = np.random.default_rng(seed).standard_normal((N, len(shift)))
    got, right = frechet(x, x + shift), (shift**2).sum()
    assert not np.isclose(got, right / len(shift)), (
        f"F is {got:.6g}, it must be {right:.6g}: sum over the features, do not average"
    )
    assert np.isclose(got, right), (
        f"one bag is the other one shifted by {shift}: F must be {right:.6g}, the sum of squares of the"
        f" shift, not {got:.6g}"
    )


check_shift(np.array([3.0, -4.0]), 10, 0)
### BEGIN HIDDEN TESTS
check_shift(np.array([1.0, 0.5, -2.0]), 7, 1)
### END HIDDEN TESTS


# %% test=8.1b points=2
def check_spread(N, M, K, seed):
    rng = np.random.default_rng(seed)
    x, y = 3 * rng.standard_normal((N, K)), rng.standard_normal((M, K))
    x, y = x - x.mean(0), y - y.mean(0)
    norm = lambda bag, n: np.sqrt((bag**2).sum(0) / n)
    sx, sy = norm(x, N - 1), norm(y, M - 1)
    got, right = frechet(x, y), ((sx - sy) ** 2).sum()
    for wrong, why in (
        (
            ((sx**2 - sy**2) ** 2).sum(),
            "these are variances. A variance is in squared units; take its root, the deviation",
        ),
        (np.abs(sx**2 - sy**2).sum(), "these are variances. Take their roots, and square the difference"),
        (((norm(x, N) - norm(y, M)) ** 2).sum(), "the sums of squares were divided by N, not by N - 1"),
        (
            ((norm(x, N - 1) - norm(y, N - 1)) ** 2).sum(),
            "both were divided by the size of the first bag; each bag has its own",
        ),
    ):
        assert not np.isclose(got, wrong), f"two bags around 0: F is {got:.6g}, it must be {right:.6g}: {why}"
    assert np.isclose(got, right), f"two bags around 0: F is {got:.6g}, it must be {right:.6g}"


check_spread(6, 9, 2, 2)
### BEGIN HIDDEN TESTS
check_spread(8, 5, 3, 3)
### END HIDDEN TESTS

# %% test=8.1c points=2
by_library = lambda x, y: sum(frechet_distance(x[:, [k]], y[:, [k]]) for k in range(x.shape[1]))
rng = np.random.default_rng(4)
assert_gradients(
    (by_library, frechet_backward), 2 * rng.standard_normal((5, 2)), rng.standard_normal((7, 2)) + 1
)
### BEGIN HIDDEN TESTS
assert_gradients(
    (by_library, frechet_backward), rng.standard_normal((8, 3)) - 1, 3 * rng.standard_normal((6, 3))
)
### END HIDDEN TESTS

# %% [markdown]
# ## 8.2 A score and its floor (4 points)
#
# Even two bags of one distribution have a distance above 0, and the smaller the bags, the larger it is (lesson 12). So a score says something only
# beside its *floor*, what fresh real samples score, and only if both are made of equally many samples.
#
# Write `score_and_floor(distance, generated, training, held_out, rng)`. `distance(samples, reference)` is any distance; the other three are bags. Let $n$ be
# the smaller of the sizes of `generated` and `held_out`. Draw $n$ rows of each, at random and without replacement, with `rng` (`rng.permutation(N)` shuffles the
# numbers below $N$). The score is the distance of the drawn generated ones to `training`, the floor that of the drawn held-out ones to `training`, all of it
# in both cases. Return `(score, floor)`.


# %% task=8.2
def score_and_floor(distance, generated, training, held_out, rng):
    """Return the distances to training (M, K) of as many rows of generated (N, K) as of held_out (L, K)."""
    ### BEGIN SOLUTION
    n = min(len(generated), len(held_out))
    made, fresh = (bag[rng.permutation(len(bag))[:n]] for bag in (generated, held_out))
    return distance(made, training), distance(fresh, training)
    ### END SOLUTION


# %%
def watched(sizes, seed=0):
    """Call score_and_floor on bags of these sizes; return the bags, the pairs compared, the result."""
    bags = np.split(
        np.arange(sum(sizes), dtype=float)[:, None], np.cumsum(sizes)[:-1]
    )  # every row has a number of its own
    calls = []

    def distance(samples, reference):
        calls.append((samples[:, 0], reference[:, 0]))
        return samples.mean() + 0.5

    result = score_and_floor(distance, *bags, np.random.default_rng(seed))
    assert len(calls) == 2, (
        f"the distance must be taken twice, for the score and for the floor, and it was taken {len(calls)}"
        " times"
    )
    return [bag[:, 0] for bag in bags], calls, result


# %% test=8.2a points=2
for sizes in ((40, 30, 10), (8, 30, 25)):
    _, calls, _ = watched(sizes)
    counts, n = [len(samples) for samples, _ in calls], min(sizes[0], sizes[2])
    assert counts == [n, n], (
        f"{sizes[0]} generated and {sizes[2]} held-out samples: bags of {counts[0]} and {counts[1]} were"
        f" compared with the training set. A distance depends on the size of the bag, so both must have {n}"
    )
### BEGIN HIDDEN TESTS
for sizes in ((9, 12, 9), (5, 6, 50)):
    counts, n = [len(samples) for samples, _ in watched(sizes)[1]], min(sizes[0], sizes[2])
    assert counts == [
        n,
        n,
    ], f"sizes {sizes} of generated, training, held out: the bags have {counts} samples, both must have {n}"
### END HIDDEN TESTS

# %% test=8.2b points=1
(generated, training, held_out), ((made, first), (fresh, second)), result = watched((12, 20, 12))
assert np.isin(made, generated).all(), "the score must be that of generated samples"
assert not np.isin(fresh, training).all(), (
    "the floor was measured with training samples. They are at distance 0 of themselves; held-out ones are"
    " fresh"
)
assert np.isin(fresh, held_out).all(), "the floor must be that of held-out samples"
assert set(first) == set(second) == set(training), (
    "both must be compared with the whole training set: two references are two scales"
)
assert np.allclose(result, (made.mean() + 0.5, fresh.mean() + 0.5)), (
    "return (score, floor), the two distances in this order"
)

# %% test=8.2c points=1
(generated, _, held_out), ((made, _), (fresh, _)), _ = watched((30, 50, 60), seed=1)
for rows, bag, name in ((made, generated, "generated"), (fresh, held_out, "held-out")):
    assert len(set(rows)) == len(rows), f"a {name} sample was drawn twice: draw without replacement"
    if len(rows) < len(bag):
        assert not np.isin(rows, bag[: len(rows)]).all(), (
            f"the first {name} samples were taken. They may be sorted (by class): draw at random"
        )
        assert not np.isin(rows, bag[-len(rows) :]).all(), (
            f"the last {name} samples were taken. They may be sorted (by class): draw at random"
        )
again = watched((30, 50, 60), seed=1)[1][1][0]
assert np.array_equal(again, fresh), (
    "the same rng must draw the same samples: use rng, not a generator of your own"
)
### BEGIN HIDDEN TESTS
made = watched((50, 60, 40), seed=2)[1][0][0]
assert len(set(made)) == len(made), "a generated sample was drawn twice: draw without replacement"
### END HIDDEN TESTS

# %% [markdown]
# ## 8.3 MMD (4 points)
#
# The Frechet distance sees means and spreads only. The *maximum mean discrepancy* compares all pairs of points, by the kernel
# $k(a, b) = \exp(-|a - b|^2 / 2w^2)$, which is 1 for equal points and near 0 for points more than a few widths $w$ apart. With real points `x (N, K)` and
# generated ones `y (M, K)`:
#
# $$ \text{MMD}^2 = \frac{1}{N(N-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{M(M-1)} \sum_{i \ne j} k(y_i, y_j) - \frac{2}{NM} \sum_{i,j} k(x_i, y_j) $$
#
# Without the pairs $i = j$, each 1, the mean over many bags of one distribution is exactly 0, whatever the size of the bags. Write `mmd(x, y, w)`, one number, and
# `mmd_backward(g, x, y, w)`, the gradient `dy (M, K)` of $g \cdot \text{MMD}^2$ for the generated points: it says where each should go. Use
# $\partial k(a, b) / \partial a = -k(a, b)\,(a - b) / w^2$, and note that $y_j$ is met twice in the second sum. Loops over points are allowed; arrays
# `(M, N, K)` of differences are shorter.


# %% task=8.3
def mmd(x, y, w):
    """Return MMD² of bags x (N, K) and y (M, K) with kernel width w, without the pairs i = j."""
    ### BEGIN SOLUTION
    k = lambda a, b: np.exp(-((a[:, None] - b) ** 2).sum(2) / (2 * w**2))  # (len(a), len(b))
    among = lambda a: (k(a, a).sum() - len(a)) / (len(a) * (len(a) - 1))
    return among(x) + among(y) - 2 * k(x, y).mean()
    ### END SOLUTION


def mmd_backward(g, x, y, w):
    """Return dy (M, K), the gradient of g * MMD² for y."""

    ### BEGIN SOLUTION
    def slopes(b):
        """Return the sum over points of b (L, K) of the slope of k at each y: (M, K)."""
        d = y[:, None] - b  # (M, L, K)
        k = np.exp(-(d**2).sum(2, keepdims=True) / (2 * w**2))
        return -(k * d).sum(1) / w**2

    return g * (2 * slopes(y) / (len(y) * (len(y) - 1)) - 2 * slopes(x) / (len(x) * len(y)))
    ### END SOLUTION


# %%
from tinygan.metrics import squared_mmd  # for the tests


# %% test=8.3a points=2
def check_mmd(N, M, K, w, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, K)), rng.standard_normal((M, K)) + 0.5
    got, right = mmd(x, y, w), squared_mmd(x, y, w, scales=(1.0,))
    k = lambda a, b: np.exp(-((a[:, None] - b[None]) ** 2).sum(2) / 2 / w**2)
    xx, yy, xy = k(x, x), k(y, y), k(x, y).mean()
    pairs = (xx.sum() - N) / N / (N - 1), (yy.sum() - M) / M / (M - 1)
    for wrong, why in (
        (
            xx.mean() + yy.mean() - 2 * xy,
            "the pairs i = j were counted. They make any two small bags look different",
        ),
        (
            (xx.sum() - N) / N**2 + (yy.sum() - M) / M**2 - 2 * xy,
            "without the pairs i = j there are N (N - 1) pairs, not N²",
        ),
        (sum(pairs) - xy, "the 2 of the third sum is missing"),
        (sum(pairs) + 2 * xy, "the third sum is subtracted: what the bags share makes them alike"),
        (np.sqrt(max(right, 0)), "return MMD², without a root: it may be negative"),
        (
            squared_mmd(x, y, np.sqrt(w / 2), scales=(1.0,)),
            "the kernel is exp(-|a - b|² / 2w²), with the square of w, and with the 2",
        ),
        (squared_mmd(x, y, w / np.sqrt(2), scales=(1.0,)), "the 2 of 2w² is missing"),
        (squared_mmd(x, y, np.sqrt(w), scales=(1.0,)), "the width is squared: 2w²"),
    ):
        assert not np.isclose(got, wrong, rtol=1e-9), f"MMD² is {got:.6g}, it must be {right:.6g}: {why}"
    assert np.isclose(got, right), f"MMD² is {got:.6g}, it must be {right:.6g}"


check_mmd(5, 5, 2, 1.5, 5)
### BEGIN HIDDEN TESTS
check_mmd(4, 7, 3, 0.8, 6)
check_mmd(9, 3, 1, 2.0, 7)
### END HIDDEN TESTS

# %% test=8.3b points=2
rng = np.random.default_rng(8)
x, y = rng.standard_normal((4, 2)), rng.standard_normal((6, 2))
assert_gradients(
    (lambda y: squared_mmd(x, y, 1.5, scales=(1.0,)), lambda g, y: mmd_backward(g, x, y, 1.5)), y
)
### BEGIN HIDDEN TESTS
x, y = rng.standard_normal((7, 3)), rng.standard_normal((3, 3))
assert_gradients(
    (lambda y: squared_mmd(x, y, 0.9, scales=(1.0,)), lambda g, y: mmd_backward(g, x, y, 0.9)), y
)
### END HIDDEN TESTS

# %% [markdown]
# ## 8.4 Drawing the samples (4 points)
#
# Thousands of samples are drawn in batches, and a sample must not depend on the batch it was drawn in: batch normalisation has to use its running averages, and
# dropout must be off. That is *evaluation mode*: `G.eval()`. `G.training` says whether a module is in training mode, `G.train(True)` and
# `G.train(False)` set it.
#
# Write `draw(G, z, size)` for noise `z (N, Z)`, an array. Give `G` Tensors of `size` rows of `z` at a time, in order; the last batch has what is left. Return all
# $N$ samples as one array (a Tensor has it in `.data`). Nothing needs a gradient: `with no_grad():` keeps no tape. When you are done, `G` must be in the mode that it
# came in, whichever it was. Otherwise the training that goes on trains another network.


# %% task=8.4
def draw(G, z, size):
    """Return G's samples of noise z (N, Z) as an array (N, ...), in evaluation mode, `size` at a time."""
    ### BEGIN SOLUTION
    training = G.training
    G.eval()
    with no_grad():
        samples = [G(Tensor(z[i : i + size])).data for i in range(0, len(z), size)]
    G.train(training)
    return np.concatenate(samples)
    ### END SOLUTION


# %%
class Watched(nn.Module):
    """A G that doubles its input and notes the batches."""

    def __init__(self):
        self.batches = []

    def forward(self, z):
        self.batches.append(len(z))
        return 2 * z


# %% test=8.4a points=2
def check_evaluation(layer, seed):
    rng = np.random.default_rng(seed)
    linear = lambda m, n: nn.Linear(m, n, rng=rng, dtype=np.float64)
    G, z = nn.Sequential(linear(3, 8), layer, nn.ReLU(), linear(8, 2)), 2 * rng.standard_normal((12, 3)) + 1
    G(Tensor(z))  # a step of training: running averages have moved
    before = [b.copy() for b in layer.state_dict().values()]
    alone = copy.deepcopy(G).eval()(Tensor(z)).data
    got = draw(G, z, 4)
    assert np.shape(got) == (12, 2), f"12 samples of 2 numbers have shape (12, 2), not {np.shape(got)}"
    assert all(np.array_equal(old, new) for old, new in zip(before, layer.state_dict().values())), (
        "drawing samples has changed the running averages of batch normalisation: G was in training mode."
        " Call G.eval() first"
    )
    assert np.allclose(got, alone), (
        f"{type(layer).__name__}: the samples depend on the batch or on chance, so they were drawn in"
        " training mode. Call G.eval() first"
    )


check_evaluation(nn.BatchNorm1d(8, dtype=np.float64), 9)
### BEGIN HIDDEN TESTS
check_evaluation(nn.Dropout(0.5), 10)
### END HIDDEN TESTS

# %% test=8.4b points=1
G = nn.Sequential(nn.Linear(3, 4, dtype=np.float64), nn.BatchNorm1d(4, dtype=np.float64))
draw(G, np.random.default_rng(11).standard_normal((6, 3)), 3)
assert G.training and all(layer.training for layer in G), (
    "G came in training mode and was left in evaluation mode: its training would go on without batch"
    " statistics"
)
### BEGIN HIDDEN TESTS
G.eval()
draw(G, np.random.default_rng(12).standard_normal((6, 3)), 3)
assert not G.training and not any(layer.training for layer in G), (
    "G came in evaluation mode and was left in training mode: give it back as it came"
)
### END HIDDEN TESTS


# %% test=8.4c points=1
def check_batches(N, size):
    G, z = Watched(), np.random.default_rng(N).standard_normal((N, 2))
    got = draw(G, z, size)
    assert isinstance(got, np.ndarray), f"draw must return an array, not {type(got).__name__}"
    assert len(got) == N, (
        f"{N} rows of noise, {size} at a time, gave {len(got)} samples: the last batch may be smaller, and it"
        " counts"
    )
    assert np.allclose(got, 2 * z), "the samples are not in the order of the noise"
    assert max(G.batches) <= size, f"G was given {max(G.batches)} rows at once, it must be {size} at most"


check_batches(10, 4)
### BEGIN HIDDEN TESTS
check_batches(3, 8)
check_batches(9, 3)
### END HIDDEN TESTS

# %% [markdown]
# ## 8.5 Which model is best? (4 points)
#
# A generator that knows the training set by heart wins by any distance to it. Write `choose(candidates, training, held_out)`. `candidates` is a dict from a name to
# the bag of samples that this model drew, all of one size. `training` and `held_out` are bags of real samples, of one size too.
#
# - Leave out every candidate whose `copied_share(samples, training, held_out)` is above .6. (It is the share of samples that are nearer to a training sample than to
#   any held-out one; lesson 12. For an honest model it is about one half.)
# - Of the others, return the name of the one with the smallest `frechet_distance(samples, held_out)`: to samples that nobody was trained on.
#
# At least one candidate is left.


# %% task=8.5
def choose(candidates, training, held_out):
    """Return the name of the best candidate that does not copy; candidates {name: samples (N, K)}."""
    ### BEGIN SOLUTION
    honest = {name: bag for name, bag in candidates.items() if copied_share(bag, training, held_out) <= 0.6}
    return min(honest, key=lambda name: frechet_distance(honest[name], held_out))
    ### END SOLUTION


# %%
def bags_of(seed, *names):
    """As many independent bags (200, 2) of one distribution."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((200, 2)) for _ in names]


# %% test=8.5a points=1
training, held_out, fresh = bags_of(13, "training", "held out", "fresh")
blurred, narrow = 1.5 * bags_of(14, "blurred")[0], 0.5 * bags_of(15, "narrow")[0]
got = choose({"blurred": blurred, "good": fresh, "narrow": narrow}, training, held_out)
assert got == "good", (
    f"of three honest models 'good' has the smallest distance to the held-out samples, not {got!r}"
)
### BEGIN HIDDEN TESTS
got = choose({"best": 1.2 * blurred, "worst": blurred + 9, "b": blurred}, training, held_out)
assert got == "b", f"'b' has the smallest distance, not {got!r}: a name and its place say nothing"
### END HIDDEN TESTS

# %% test=8.5b points=2
noise = np.random.default_rng(16).standard_normal((200, 2))
training, held_out, fresh = bags_of(17, "training", "held out", "fresh")
got = choose({"copies": training.copy(), "honest": 1.3 * fresh}, training, held_out)
assert got == "honest", (
    f"the choice is {got!r}: copies of the training set are nearer to it than any fresh sample, and win by"
    " distance. Leave out who copies"
)
### BEGIN HIDDEN TESTS
got = choose({"honest": 1.3 * fresh, "near copies": training + 0.01 * noise}, training, held_out)
assert got == "honest", (
    f"the choice is {got!r}: copies with a little noise are copies, though no sample equals a training sample"
)
### END HIDDEN TESTS

# %% test=8.5c points=1
training, held_out, fresh = bags_of(18, "training", "held out", "fresh")
training[0] = 60  # a mistake in the training set that moves its mean and its spread
outlier = fresh.copy()
outlier[0] = 60
got = choose({"with the outlier": outlier, "without": fresh}, training, held_out)
assert got == "without", (
    f"the choice is {got!r}: the distance must be to the held-out samples. A candidate gains nothing by"
    " what is special about the training set"
)

# %% [markdown]
# ## 8.6 More than one seed (4 points)
#
# Another seed, another figure. Write two functions.
#
# `over_seeds(run, seeds)`: `run(seed)` trains and returns a score. Call it once for each of `seeds` (a list), and return `(mean, deviation)` of the scores $f_1, \dots, f_S$,
# with the standard deviation $s = \sqrt{\frac1{S-1}\sum_i (f_i - \bar f)^2}$. Fewer than three *different* seeds say nothing about a spread: raise a `ValueError`.
#
# `clearly_better(a, b)`: for two lists of scores, not always of one length, say whether model `a` is better than `b` by more than chance explains. Lower is better. Return `True`
# if $\bar b - \bar a > 2 \sqrt{s_a^2 / S_a + s_b^2 / S_b}$, and `False` otherwise. (The root is the standard error of the difference of the means.)


# %% task=8.6
def over_seeds(run, seeds):
    """Return mean and standard deviation of run(seed) over seeds; ValueError for fewer than three."""
    ### BEGIN SOLUTION
    if len(set(seeds)) < 3:
        raise ValueError(f"{len(set(seeds))} different seeds show no spread: give three or more")
    scores = np.array([run(seed) for seed in seeds])
    return scores.mean(), scores.std(ddof=1)
    ### END SOLUTION


def clearly_better(a, b):
    """Return whether the scores a are lower than the scores b by more than two standard errors."""
    ### BEGIN SOLUTION
    error = np.sqrt(np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b))
    return bool(np.mean(b) - np.mean(a) > 2 * error)
    ### END SOLUTION


# %% test=8.6a points=1
def check_runs(scores):
    calls = []
    mean, _ = over_seeds(lambda seed: calls.append(seed) or scores[seed], list(scores))
    assert len(set(calls)) > 1, f"run was called with the seed {calls[0]} only: one seed is one draw of luck"
    assert sorted(calls) == sorted(scores), (
        f"run must be called once with each of the seeds {sorted(scores)}, and it was called with"
        f" {sorted(calls)}"
    )
    right = sum(scores.values()) / len(scores)
    assert not np.isclose(mean, min(scores.values())), (
        f"{mean:.4g} is the best score. Report the mean: who takes the best seed reports luck"
    )
    assert np.isclose(mean, right), f"the mean is {mean:.4g}, it must be {right:.4g}"


check_runs({0: 3.0, 1: 5.0, 2: 10.0})
### BEGIN HIDDEN TESTS
check_runs({7: 0.3, 11: 0.1, 5: 0.9, 2: 0.4})
### END HIDDEN TESTS


# %% test=8.6b points=1
def check_deviation(scores):
    _, got = over_seeds(lambda seed: scores[seed], list(range(len(scores))))
    centred = np.array(scores) - np.mean(scores)
    right = np.sqrt((centred**2).sum() / (len(scores) - 1))
    for wrong, why in (
        (right**2, "this is the variance. The deviation is its root, in the unit of the scores"),
        (np.sqrt((centred**2).mean()), "divide by S - 1, not by S: with few seeds it matters"),
        (
            right / np.sqrt(len(scores)),
            "this is the standard error of the mean. The spread of the seeds was asked for",
        ),
        (np.ptp(scores), "this is the range from the lowest to the highest"),
    ):
        assert not np.isclose(got, wrong), f"the deviation is {got:.4g}, it must be {right:.4g}: {why}"
    assert np.isclose(got, right), f"the deviation is {got:.4g}, it must be {right:.4g}"


check_deviation([3.0, 5.0, 10.0])
### BEGIN HIDDEN TESTS
check_deviation([0.3, 0.1, 0.9, 0.4, 2.0])
### END HIDDEN TESTS


# %% test=8.6c points=1
def check_refused(seeds):
    try:
        over_seeds(lambda seed: seed + 1.0, seeds)
    except ValueError:
        return
    raise AssertionError(
        f"the seeds {seeds} gave a mean and a deviation. Fewer than three different seeds must raise a"
        " ValueError"
    )


check_refused([4])
### BEGIN HIDDEN TESTS
check_refused([3, 3, 3])
check_refused([1, 2])
mean, _ = over_seeds(lambda seed: seed + 1.0, [1, 2, 3])  # three will do
assert mean is not None, "three different seeds are enough"
### END HIDDEN TESTS

# %% test=8.6d points=1
good, bad, wide = [1.0, 1.1, 0.9], [2.0, 2.1, 1.9, 2.0], [0.0, 4.0, 2.0]
assert clearly_better(good, bad), (
    "scores of about 1 with a spread of .1 are clearly lower than scores of about 2, and lower is better"
)
assert not clearly_better(bad, good), (
    "scores of about 2 are not better than scores of about 1: lower is better"
)
assert not clearly_better(good, wide), (
    "0, 4 and 2 have the mean 2, but spread so widely that three seeds do not tell it from 1"
)
### BEGIN HIDDEN TESTS
a, b = [0.0, 2.0] * 8, [1.0, 3.0] * 8  # difference 1, deviations 1.03, standard error .365
assert clearly_better(a, b), (
    "with 16 seeds each, a difference of 1 at deviations of 1 is 2.7 standard errors: the error of a mean"
    " falls with the seeds"
)
a, b = [0.0, 2.0] * 2, [1.0, 3.0] * 2  # standard error .816
assert not clearly_better(a, b), (
    "with 4 seeds each, a difference of 1 at deviations of 1.15 is 1.2 standard errors"
)
a, b = (
    [0.0, 2.0] * 50,
    [
        0.9,
        2.5,
        1.7,
    ],
)  # errors .10 and .46, together .47: more than half of the difference of .7
assert not clearly_better(a, b), "each list has its own number of seeds: 100 for a, 3 for b"
### END HIDDEN TESTS

# %% [markdown]
# ## 8.7 A writer and its two figures (5 points)
#
# The *oracle* $p$ is a language whose probabilities are known; the model $q$ has learned to write it. Here both are chains: each token depends on the one before. Of a chain,
# `sample(n, T, rng)` writes `n` sentences of `T` tokens, an array `(n, T)` of integers, and `nll(sentences)` returns $-\log$ of the probability of each whole *sentence*, an array `(n,)`.
#
# `two_nlls(oracle, model, test, n, rng)`: `test` are sentences `(N, T)` that the oracle has written. Return, in nats a *token*,
#
# $$ \text{NLL}_\text{oracle} = -\tfrac1T\,\mathbb E_{x \sim q} \log p(x), \qquad \text{NLL}_\text{test} = -\tfrac1T\,\mathbb E_{x \sim p} \log q(x), $$
#
# as a pair of numbers. For the first, draw `n` sentences of the same length $T$ from the model, with `rng`; for the second take `test`. $\mathbb E$ is the mean over sentences.
#
# `learned(before, after)`: two such pairs, from before and after some training. $\text{NLL}_\text{oracle}$ alone can be lowered by saying less (lesson 16). So return `True` only if *neither*
# figure is larger than before and at least one is smaller, else `False`.


# %%
class Chain:
    """p(x) = first[x_1] table[x_1, x_2] ... table[x_(T-1), x_T]: first (V,), table (V, V), rows of sum 1."""

    def __init__(self, first, table):
        self.first, self.table = np.asarray(first), np.asarray(table)

    def nll(self, sentences):
        steps = np.log(self.table[sentences[:, :-1], sentences[:, 1:]]).sum(1)
        return -np.log(self.first[sentences[:, 0]]) - steps

    def sample(self, n, T, rng):
        sentences = np.empty((n, T), int)
        for t in range(T):
            p = self.table[sentences[:, t - 1]] if t else np.tile(self.first, (n, 1))
            sentences[:, t] = (rng.random((n, 1)) > p.cumsum(1)[:, :-1]).sum(1)
        return sentences


# %% task=8.7
def two_nlls(oracle, model, test, n, rng):
    """Return (NLL_oracle, NLL_test) in nats a token: of n sentences of the model, and of test (N, T)."""
    ### BEGIN SOLUTION
    T = test.shape[1]
    written = model.sample(n, T, rng)
    return oracle.nll(written).mean() / T, model.nll(test).mean() / T
    ### END SOLUTION


def learned(before, after):
    """Return whether a pair (NLL_oracle, NLL_test) is better than the one before, in both figures."""
    ### BEGIN SOLUTION
    return all(b <= a for a, b in zip(before, after)) and any(b < a for a, b in zip(before, after))
    ### END SOLUTION


# %%
def two_chains(seed, V=4):
    """Two random chains: an oracle and a model."""
    rng = np.random.default_rng(seed)
    return [Chain(rng.dirichlet(np.ones(V)), rng.dirichlet(np.ones(V), V)) for _ in range(2)]


# %% test=8.7a points=1
def check_oracle(seed, n):  # sentences of one token: a sentence and a token are the same
    oracle, model = two_chains(seed)
    test = oracle.sample(50, 1, np.random.default_rng(seed))
    got, _ = two_nlls(oracle, model, test, n, np.random.default_rng(1))
    written = model.sample(n, 1, np.random.default_rng(1))
    right = oracle.nll(written).mean()
    for wrong, why in (
        (model.nll(written).mean(), "the model has scored its own sentences. The oracle must"),
        (oracle.nll(test).mean(), "the oracle has scored its own sentences. It must score the model's"),
        (model.nll(test).mean(), "this is NLL_test. NLL_oracle comes first"),
        (oracle.nll(written).sum(), "the sentences were summed. Take the mean"),
    ):
        assert not np.isclose(got, wrong), f"NLL_oracle is {got:.5f}, it must be {right:.5f}: {why}"
    assert np.isclose(got, right), (
        f"NLL_oracle is {got:.5f}, it must be {right:.5f}: draw n sentences with rng, once"
    )


check_oracle(19, 200)
### BEGIN HIDDEN TESTS
check_oracle(20, 300)
### END HIDDEN TESTS


# %% test=8.7b points=1
def check_partner(seed):
    oracle, model = two_chains(seed)
    test = oracle.sample(50, 1, np.random.default_rng(seed))
    _, got = two_nlls(oracle, model, test, 40, np.random.default_rng(1))
    written, right = model.sample(40, 1, np.random.default_rng(1)), model.nll(test).mean()
    for wrong, why in (
        (
            oracle.nll(written).mean(),
            "this is NLL_oracle. Its partner asks the other way: could the model say what the oracle says?",
        ),
        (oracle.nll(test).mean(), "the oracle has scored its own sentences. The model must score them"),
        (
            model.nll(written).mean(),
            "the model has scored its own sentences. It must score the oracle's, `test`",
        ),
        (model.nll(test).sum(), "the sentences were summed. Take the mean"),
    ):
        assert not np.isclose(got, wrong), f"NLL_test is {got:.5f}, it must be {right:.5f}: {why}"
    assert np.isclose(got, right), f"NLL_test is {got:.5f}, it must be {right:.5f}"


check_partner(21)
### BEGIN HIDDEN TESTS
check_partner(22)
### END HIDDEN TESTS

# %% test=8.7c points=1
even = Chain(np.full(4, 0.25), np.full((4, 4), 0.25))  # every token costs log 4, wherever it stands
for T in (5, 8):
    got = two_nlls(even, even, even.sample(30, T, np.random.default_rng(T)), 20, np.random.default_rng(2))
    assert not np.allclose(got, T * np.log(4)), (
        f"sentences of {T} tokens: {got[0]:.4f} nats are those of a sentence. Divide by T"
    )
    assert np.allclose(got, np.log(4)), (
        f"where all of 4 tokens are equally likely, a token costs log 4 = {np.log(4):.4f} nats in both"
        f" figures, not {got[0]:.4f} and {got[1]:.4f}"
    )
### BEGIN HIDDEN TESTS
drawn = []


class Noted(Chain):
    def sample(self, n, T, rng):
        drawn.append((n, T))
        return super().sample(n, T, rng)


noted = Noted(even.first, even.table)
two_nlls(even, noted, even.sample(30, 6, np.random.default_rng(3)), 20, np.random.default_rng(4))
assert drawn == [(20, 6)], (
    f"the model must write once, n = 20 sentences of 6 tokens, as long as those of test; it wrote {drawn}"
)
### END HIDDEN TESTS

# %% test=8.7d points=2
assert learned((5.0, 6.0), (4.5, 5.5)), "both figures are lower: the model has learned"
assert not learned((5.0, 6.0), (4.0, 9.0)), (
    "NLL_oracle fell from 5 to 4 and NLL_test rose from 6 to 9: the model says likely sentences only and has"
    " forgotten the others. That is not learning"
)
### BEGIN HIDDEN TESTS
assert not learned((5.0, 6.0), (5.5, 5.0)), (
    "NLL_oracle rose: the model says more of what the oracle would not say"
)
assert learned((5.0, 6.0), (5.0, 5.5)), "one figure is as before and the other one lower: that is better"
assert learned((5.0, 6.0), (4.5, 6.0)), "one figure is as before and the other one lower: that is better"
assert not learned((5.0, 6.0), (5.0, 6.0)), "nothing has changed, so nothing was learned"
assert not learned((5.0, 6.0), (4.0, 6.5)), (
    "the sum fell, but NLL_test rose. One figure cannot pay for the other"
)
### END HIDDEN TESTS
