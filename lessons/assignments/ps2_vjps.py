# %% [markdown]
# # Assignment 2 · Arrays and vector-Jacobian products
#
# **You will build:** the backward passes of six operations that networks for pictures and words are made of, in plain NumPy.
#
# **You need:** lessons 03 and 04.
#
# **Time:** 2 hours.
#
# **Grading:** 27 points. Your code replaces `raise NotImplementedError()`. No task needs another one. The tests of a task stand below it. Each test has its own points, so a part
# of a task counts. Some tests are hidden. They ask the same of other shapes and other numbers.
#
# In all tasks `g` is the gradient of a loss with respect to the *result* of an operation; it has the result's shape, and no two of its elements are alike. A backward pass gets `g` and the
# arguments of the forward pass. For each argument it returns the gradient of the loss, **in the shape of that argument**. It changes none of its arguments. `(N, K)` is the
# shape of an array of $N$ rows and $K$ columns. All numbers are float64. Write everything yourself with NumPy alone, but for what a task says to take from tinygan.

# %%
from inspect import signature

import numpy as np

from tinygan import Tensor, losses, ops
from tinygan.gradcheck import assert_gradients


def gradients_of(forward, backward, g, *arguments):
    """Return what backward returns, if it is one gradient for each argument of forward."""
    gradients, names = backward(g, *arguments), list(signature(forward).parameters)
    right = isinstance(gradients, tuple | list) and len(gradients) == len(names)
    assert right, f"{backward.__name__} must return {len(names)} gradients: of {', '.join(names)}, in this order"
    return gradients


def assert_part(k, forward, backward, *arguments):
    """assert_gradients for the gradient of argument k alone, so that each gradient has its own points."""
    put = lambda x: (*arguments[:k], x, *arguments[k + 1 :])
    vary = lambda x: forward(*put(x))

    def part(g, x):
        return gradients_of(forward, backward, g, *put(x))[k]

    part.__name__ = backward.__name__  # for the message
    assert_gradients((vary, part), arguments[k], names=[list(signature(forward).parameters)[k]])


# %% [markdown]
# ## 2.1 The logarithm of softmax (5 points)
#
# Scores $x$ become logarithms of probabilities:
#
# $$ y_i = x_i - \log \sum_j e^{x_j}. $$
#
# $i$ and $j$ run along one axis of the array, `axis`, which may be any axis, also a negative one such as -1. All other axes count different examples. `log_softmax(x, axis)` returns `y` in the shape of `x`. It must be
# right for scores of $\pm 1000$ as well: subtracting the same number from all scores of an example changes nothing.
#
# `log_softmax_backward(g, x, axis)` returns the gradient with respect to `x`. Start from $\partial y_i / \partial x_j = \delta_{ij} - p_j$ with $p = \operatorname{softmax}(x)$, and $\delta_{ij} = 1$ if $i = j$, otherwise 0.


# %% task=2.1
def log_softmax(x, axis):
    """Return x - log(sum of e^x along `axis`), in the shape of x."""
    ### BEGIN SOLUTION
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    ### END SOLUTION


def log_softmax_backward(g, x, axis):
    """Return the gradient of the loss with respect to x, in the shape of x."""
    ### BEGIN SOLUTION
    e = np.exp(x - x.max(axis, keepdims=True))
    p = e / e.sum(axis, keepdims=True)
    return g - p * g.sum(axis, keepdims=True)
    ### END SOLUTION


# %% test=2.1a points=2
rng = np.random.default_rng(21)
x = rng.standard_normal((4, 4))
for axis in (0, 1):
    y = log_softmax(x.copy(), axis)
    assert y.shape == x.shape, f"y must have the shape of x, {x.shape}; it has {y.shape}"
    total = np.exp(y).sum(axis)
    why = f"along axis {axis} the probabilities e^y must add up to 1, here they add up to {total.round(3)}"
    assert np.allclose(total, 1), why + ": was the sum taken along `axis`, with keepdims=True?"
    differences = np.diff(y, axis=axis) - np.diff(x, axis=axis)
    assert np.allclose(differences, 0), "one number is subtracted from all scores of an example, so differences stay"
### BEGIN HIDDEN TESTS
for shape, axis in (((3, 5), 0), ((3, 5), -1), ((2, 3, 4), 1), ((6,), 0), ((3, 1), 1)):
    x = 2 * rng.standard_normal(shape)
    y = log_softmax(x.copy(), axis)
    assert y.shape == shape, f"y must have the shape of x, {shape}, for axis {axis}; it has {y.shape}"
    assert np.allclose(y, ops.log_softmax(x, axis)), f"wrong for x of shape {shape} along axis {axis}"
### END HIDDEN TESTS

# %% test=2.1b points=1
with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
    y = log_softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0]]), 1)
assert np.isfinite(y).all(), f"e^1000 is infinite in float64: subtract the largest score before exp. y is {y.tolist()}"
assert np.allclose(y, [[0, -1000], [-np.log(2), -np.log(2)]]), f"wrong for scores of ±1000: y is {y.tolist()}"
### BEGIN HIDDEN TESTS
with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
    rows, columns = log_softmax(np.array([[5.0, -1000.0], [3.0, 1000.0]]), 1), log_softmax(np.full((2, 2), 800.0), 0)
    far = log_softmax(np.array([[-1000.0, -1001.0], [1000.0, 1001.0]]), 1)  # one largest score for both will not do
assert np.allclose(rows, [[0, -1005], [-997, 0]]), f"wrong for scores of ±1000 along axis 1: {rows.tolist()}"
assert np.allclose(columns, -np.log(2)), f"two scores of 800 along axis 0 are even, log 1/2 each: {columns.tolist()}"
why = "scores near -1000 and others near 1000, in two examples: each needs its own largest score, along `axis`"
assert np.allclose(far, [[-0.31326169, -1.31326169], [-1.31326169, -0.31326169]]), f"{why}. y is {far.tolist()}"
### END HIDDEN TESTS

# %% test=2.1c points=2
rng = np.random.default_rng(211)
x, g = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
for axis in (0, 1):
    dx = log_softmax_backward(g.copy(), x.copy(), axis)
    total = np.abs(dx.sum(axis)).max()
    why = f"adding one number to all scores of an example leaves y as it is, so along axis {axis} dx must add up to 0"
    assert total < 1e-9, f"{why}; one sum is {total:.3g}. Was g summed along `axis`, with keepdims=True?"
    assert_gradients((ops.log_softmax, log_softmax_backward), x, axis)
### BEGIN HIDDEN TESTS
for shape, axis in (((3, 5), 0), ((3, 5), -1), ((2, 3, 4), 1), ((6,), 0)):
    x = 2 * rng.standard_normal(shape)
    assert_gradients((ops.log_softmax, log_softmax_backward), x, axis)
large = log_softmax_backward(np.array([[1.0, 2.0]]), np.array([[1000.0, 0.0]]), 1)
assert np.allclose(large, [[-2, 2]]), "wrong for scores of 1000: subtract the largest score before exp here as well"
### END HIDDEN TESTS

# %% [markdown]
# ## 2.2 A layer for any number of axes (5 points)
#
# A linear layer multiplies the *last* axis by a matrix: `x (..., n)`, `w (n, m)`, `b (m)` give `x @ w + b (..., m)`. The dots stand for any number of axes, also none. A batch of points is `(N, n)`, a batch of
# sentences of $T$ words is `(N, T, n)`; every point and every word goes through the same `w` and `b`. `linear_backward(g, x, w, b)` returns the gradients `(dx, dw, db)`.


# %%
def linear(x, w, b):
    """Return x @ w + b: x (..., n), w (n, m), b (m) -> (..., m)."""
    return x @ w + b


# %% task=2.2
def linear_backward(g, x, w, b):
    """Return (dx, dw, db) of the shapes of x (..., n), w (n, m) and b (m); g is (..., m)."""
    ### BEGIN SOLUTION
    rows, g_rows = x.reshape(-1, len(w)), g.reshape(-1, len(b))
    return g @ w.T, rows.T @ g_rows, g_rows.sum(0)
    ### END SOLUTION


# %% test=2.2a points=2
rng = np.random.default_rng(22)
x, w, b, g = (rng.standard_normal(shape) for shape in ((5, 4), (4, 4), 4, (5, 4)))
dx = gradients_of(linear, linear_backward, g, x, w, b)[0]
why = "dx is g @ w, and no error says so because w is square. x[n, j] meets w[j, k] in y[n, k]: sum over k"
assert np.shape(dx) != (5, 4) or not np.allclose(dx, g @ w), why
assert_part(0, linear, linear_backward, x, w, b)
### BEGIN HIDDEN TESTS
for shape, n, m in (((3, 5), 5, 2), ((2, 3, 4), 4, 4), ((3,), 3, 2), ((2, 1, 3, 2), 2, 3)):
    assert_part(0, linear, linear_backward, *(rng.standard_normal(s) for s in (shape, (n, m), m)))
### END HIDDEN TESTS

# %% test=2.2b points=2
rng = np.random.default_rng(221)
assert_part(1, linear, linear_backward, *(rng.standard_normal(s) for s in ((5, 4), (4, 4), 4)))
assert_part(1, linear, linear_backward, *(rng.standard_normal(s) for s in ((2, 3, 4), (4, 2), 2)))
### BEGIN HIDDEN TESTS
for shape, n, m in (((3, 5), 5, 2), ((3, 3, 3), 3, 3), ((3,), 3, 2), ((2, 1, 3, 2), 2, 3)):
    assert_part(1, linear, linear_backward, *(rng.standard_normal(s) for s in (shape, (n, m), m)))
### END HIDDEN TESTS

# %% test=2.2c points=1
rng = np.random.default_rng(222)
assert_part(2, linear, linear_backward, *(rng.standard_normal(s) for s in ((4, 5), (5, 4), 4)))
assert_part(2, linear, linear_backward, *(rng.standard_normal(s) for s in ((2, 3, 4), (4, 2), 2)))
### BEGIN HIDDEN TESTS
for shape, n, m in (((3, 3, 3), 3, 3), ((3,), 3, 2), ((1, 1), 1, 1), ((2, 1, 3, 2), 2, 3)):
    assert_part(2, linear, linear_backward, *(rng.standard_normal(s) for s in (shape, (n, m), m)))
### END HIDDEN TESTS

# %% [markdown]
# ## 2.3 A gain for each channel (4 points)
#
# Pictures are `x (N, C, H, W)`: $N$ pictures of $C$ channels, each $H \times W$ pixels. A normalisation layer ends in a gain and a shift for each channel, which broadcasting carries to all pictures and
# pixels. `gain` and `shift` have the shape `(C, 1, 1)`. `gained_backward(g, x, gain, shift)` returns the gradients `(dx, dgain, dshift)`.


# %%
def gained(x, gain, shift):
    """Return x * gain + shift: x (N, C, H, W), gain and shift (C, 1, 1) -> (N, C, H, W)."""
    return x * gain + shift


def pictures(rng, n, c, h, w):
    """Return random pictures (n, c, h, w), gains (c, 1, 1) and shifts (c, 1, 1)."""
    return [rng.standard_normal(shape) for shape in ((n, c, h, w), (c, 1, 1), (c, 1, 1))]


# %% task=2.3
def gained_backward(g, x, gain, shift):
    """Return (dx, dgain, dshift) of the shapes of x (N, C, H, W), gain (C, 1, 1) and shift (C, 1, 1)."""
    ### BEGIN SOLUTION
    dx = g * gain
    dgain = (g * x).sum(0).sum((1, 2), keepdims=True)
    dshift = g.sum((0, 2, 3)).reshape(shift.shape)
    return dx, dgain, dshift
    ### END SOLUTION


# %% test=2.3a points=1
rng = np.random.default_rng(23)
assert_part(0, gained, gained_backward, *pictures(rng, 2, 3, 4, 5))
### BEGIN HIDDEN TESTS
assert_part(0, gained, gained_backward, *pictures(rng, 1, 2, 1, 3))
### END HIDDEN TESTS

# %% test=2.3b points=2
rng = np.random.default_rng(231)
assert_part(1, gained, gained_backward, *pictures(rng, 2, 3, 4, 5))
assert_part(1, gained, gained_backward, *pictures(rng, 3, 3, 3, 3))
### BEGIN HIDDEN TESTS
for sizes in ((1, 3, 2, 2), (4, 2, 1, 1), (3, 1, 2, 3), (1, 1, 1, 1)):
    assert_part(1, gained, gained_backward, *pictures(rng, *sizes))
### END HIDDEN TESTS

# %% test=2.3c points=1
rng = np.random.default_rng(232)
assert_part(2, gained, gained_backward, *pictures(rng, 2, 3, 4, 5))
assert_part(2, gained, gained_backward, *pictures(rng, 3, 3, 3, 3))
### BEGIN HIDDEN TESTS
for sizes in ((1, 3, 2, 2), (4, 2, 1, 1), (3, 1, 2, 3), (1, 1, 1, 1)):
    assert_part(2, gained, gained_backward, *pictures(rng, *sizes))
### END HIDDEN TESTS

# %% [markdown]
# ## 2.4 A sentence as the mean of its words (4 points)
#
# A table holds $E$ numbers for each of $V$ words: `table (V, E)`. `tokens (N, T)` are integers from 0 to $V - 1$: $N$ sentences of $T$ words each. A sentence becomes the mean of the rows of its words, `(N, E)`.
# `sentences_backward(g, table, tokens)` returns `dtable (V, E)` alone: integers have no gradient. A word may come twice in a sentence, and in several sentences. A word may also not come at all.


# %%
def sentences(table, tokens):
    """Return the mean over the words of each sentence: table (V, E), tokens (N, T) -> (N, E)."""
    return table[tokens].mean(1)  # table[tokens] is (N, T, E)


# %% task=2.4
def sentences_backward(g, table, tokens):
    """Return dtable (V, E); g is (N, E)."""
    ### BEGIN SOLUTION
    dtable = np.zeros_like(table)
    np.add.at(dtable, tokens, g[:, None] / tokens.shape[1])  # (N, 1, E), for each of the T words
    return dtable
    ### END SOLUTION


# %% test=2.4a points=2
rng = np.random.default_rng(24)
table = rng.standard_normal((9, 3))
tokens = np.array([[4, 0, 7], [2, 6, 5]])  # no word comes twice
assert_gradients((sentences, sentences_backward), table, tokens)
### BEGIN HIDDEN TESTS
assert_gradients((sentences, sentences_backward), rng.standard_normal((20, 2)), rng.permutation(20)[:8].reshape(2, 4))
assert_gradients((sentences, sentences_backward), rng.standard_normal((5, 4)), np.array([[1], [4]]))
assert_gradients((sentences, sentences_backward), rng.standard_normal((4, 4)), np.array([[0, 1, 2, 3]]))
### END HIDDEN TESTS

# %% test=2.4b points=2
rng = np.random.default_rng(241)
table, g = rng.standard_normal((6, 3)), rng.uniform(0.5, 1.5, (2, 3))
dtable = sentences_backward(g[:1], table, np.array([[3, 3, 5]]))
assert np.abs(dtable[5]).min() > 0, "word 5 comes once, and its row of dtable is 0"
why = "word 3 comes twice in the sentence, word 5 once, so row 3 of dtable must be twice row 5. It is"
why += f" {np.round(dtable[3] / dtable[5], 2)} times row 5. `dtable[tokens] = ...` and `dtable[tokens] += ...`"
why += " keep one of several changes of a row; np.add.at(dtable, tokens, ...) adds all"
assert np.allclose(dtable[3], 2 * dtable[5]), why
dtable = sentences_backward(g, table, np.array([[1, 4], [4, 0]]))
why = "word 4 comes in both sentences, word 1 in the first only, word 0 in the second only, so row 4 = row 1 + row 0"
assert np.allclose(dtable[4], dtable[1] + dtable[0]), f"{why}. Yours: {dtable[[4, 1, 0]].round(3).tolist()}"
### BEGIN HIDDEN TESTS
tokens, g = rng.integers(0, 4, (5, 7)), rng.uniform(0.5, 1.5, (5, 3))
table = rng.standard_normal((6, 3))
dtable = sentences_backward(g, table, tokens)
counts = (tokens[:, :, None] == np.arange(6)).sum(1)  # (N, V): how often each sentence has each word
k = int(counts.sum(0).argmax())
scale = dtable[k] / (counts.T @ g)[k]
assert (np.abs(scale) > 0).all(), "a word that comes often has a gradient of 0"
assert np.allclose(dtable, scale * (counts.T @ g)), "each use of a word adds its sentence's g, however often it comes"
### END HIDDEN TESTS

# %% [markdown]
# ## 2.5 Cross-entropy of a batch (5 points)
#
# `scores (N, K)` are a network's answers for $N$ examples and $K$ classes. `labels (N)` are integers: the right class of each. The loss is **one number**, the **mean over the examples** of $-\log p_c$, where $p = \operatorname{softmax}(\text{scores})$ along
# axis 1 and $c$ is the example's right class. Not every class has to be among the labels.
#
# `cross_entropy_backward(g, scores, labels)` returns `dscores (N, K)`; `g` is one number, as the loss is. For this task take `ops.softmax(scores, 1)` and `ops.log_softmax(scores, 1)`: given an array, they
# return an array.


# %% task=2.5
def cross_entropy(scores, labels):
    """Return the mean of -log p of the right classes: scores (N, K), labels (N) integers -> one number."""
    ### BEGIN SOLUTION
    return -ops.log_softmax(scores, 1)[np.arange(len(labels)), labels].mean()
    ### END SOLUTION


def cross_entropy_backward(g, scores, labels):
    """Return dscores (N, K); g is one number."""
    ### BEGIN SOLUTION
    truth = np.eye(scores.shape[1])[labels]
    return g * (ops.softmax(scores, 1) - truth) / len(labels)
    ### END SOLUTION


# %% test=2.5a points=2
scores, labels = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])), np.array([0, 2])
loss = cross_entropy(scores, labels)
assert np.ndim(loss) == 0, f"the loss is one number; yours has shape {np.shape(loss)}"
expected = -(np.log(0.5) + np.log(0.1)) / 2
why = "the right classes have p = 0.5 and 0.1, so the loss is -(log 0.5 + log 0.1) / 2 ="
why = f"{why} {expected:.4f}; yours is {loss:.4f}. The mean over the examples, and no others?"
assert np.isclose(loss, expected), why
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(25)
for n, k in ((7, 4), (3, 3), (1, 5)):
    scores, labels = 2 * rng.standard_normal((n, k)), rng.integers(k, size=n)
    expected = np.mean([-ops.log_softmax(row[None], 1)[0, c] for row, c in zip(scores, labels)])
    why = f"wrong for {n} examples of {k} classes: it must be {expected:.4f}"
    assert np.isclose(cross_entropy(scores, labels), expected), why
shifted = cross_entropy(scores + 1000, labels)
assert np.isclose(shifted, expected), "1000 more for every score of an example changes no probability, and no loss"
### END HIDDEN TESTS

# %% test=2.5b points=3
forward = lambda scores, labels: np.asarray(losses.cross_entropy(Tensor(scores), labels).data)  # the library's
rng = np.random.default_rng(26)
scores, labels = rng.standard_normal((5, 6)), np.array([3, 1, 4, 1, 5])
dscores = cross_entropy_backward(1.0, scores.copy(), labels)
assert np.shape(dscores) == (5, 6), f"dscores must have the shape of scores, (5, 6); it has {np.shape(dscores)}"
total = dscores.sum(1)
why = "one number more for all scores of an example changes no loss: each row of dscores must add up to 0"
assert np.allclose(total, 0), f"{why}; yours add up to {total.round(3)}"
doubled = cross_entropy_backward(2.0, scores.copy(), labels)
assert np.allclose(doubled, 2 * dscores), "twice the g gives twice the gradient: multiply by g"
assert_gradients((forward, cross_entropy_backward), scores, labels)
### BEGIN HIDDEN TESTS
for n, k, highest in ((7, 4, 4), (6, 5, 2), (1, 3, 3), (4, 9, 1)):  # labels below `highest`: a class may be absent
    scores, labels = rng.standard_normal((n, k)), rng.integers(highest, size=n)
    assert_gradients((forward, cross_entropy_backward), scores, labels)
### END HIDDEN TESTS

# %% [markdown]
# ## 2.6 Predictions (N, 1), targets (N) (4 points)
#
# A network's predictions are a column, `predictions (N, 1)`. The targets come as an array of one axis, `targets (N)`. The loss is **one number**: the mean over the $N$ examples of $(\text{prediction} - \text{target})^2$.
# `squared_error_backward(g, predictions, targets)` returns `dpredictions (N, 1)` alone; `g` is one number. Lesson 03 says what happens if the shapes are not looked at.


# %% task=2.6
def squared_error(predictions, targets):
    """Return the mean of the squared differences: predictions (N, 1), targets (N) -> one number."""
    ### BEGIN SOLUTION
    return ((predictions[:, 0] - targets) ** 2).mean()
    ### END SOLUTION


def squared_error_backward(g, predictions, targets):
    """Return dpredictions (N, 1); g is one number."""
    ### BEGIN SOLUTION
    error = predictions - targets[:, None]  # (N, 1)
    return g * 2 * error / len(targets)
    ### END SOLUTION


# %% test=2.6a points=2
targets = np.array([1.0, 2.0, 4.0])
loss = squared_error(targets[:, None].copy(), targets)
why = "every prediction equals its target, so the loss is 0; yours is"
assert np.isclose(loss, 0), f"{why} {loss:.3f}. (N, 1) minus (N,) is (N, N): each prediction less every target"
loss = squared_error(targets[:, None] + np.array([[1.0], [0.0], [3.0]]), targets)
assert np.ndim(loss) == 0, f"the loss is one number; yours has shape {np.shape(loss)}"
assert np.isclose(loss, 10 / 3), f"the differences are 1, 0 and 3, so the loss is (1 + 0 + 9) / 3; yours is {loss:.4f}"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(27)
for n in (1, 2, 8):
    predictions, targets = rng.standard_normal((n, 1)), rng.standard_normal(n)
    expected = sum((p[0] - t) ** 2 for p, t in zip(predictions, targets)) / n
    why = f"wrong for {n} examples: it must be {expected:.4f}"
    assert np.isclose(squared_error(predictions, targets), expected), why
### END HIDDEN TESTS

# %% test=2.6b points=2
one_by_one = lambda p, targets: np.mean([(p[n, 0] - targets[n]) ** 2 for n in range(len(targets))])
rng = np.random.default_rng(28)
predictions, targets = rng.standard_normal((4, 1)), np.array([2, -1, 0, 1])
got = np.shape(squared_error_backward(1.0, predictions, targets))
assert got == (4, 1), f"dpredictions must have the shape of predictions, (4, 1); it has {got}: look at the difference"
still = squared_error_backward(1.0, targets[:, None] * 1.0, targets)
why = "every prediction equals its target, so no small change matters, and dpredictions is 0; yours is"
assert np.allclose(still, 0), f"{why} {np.round(still, 3).tolist()}. (N, 1) minus (N,) is (N, N)"
dpredictions, doubled = (squared_error_backward(g, predictions, targets) for g in (1.0, 2.0))
assert np.allclose(doubled, 2 * dpredictions), "twice the g gives twice the gradient: multiply by g"
assert_gradients((one_by_one, squared_error_backward), predictions, targets)
### BEGIN HIDDEN TESTS
for n in (1, 2, 7):
    predictions, targets = rng.standard_normal((n, 1)), rng.standard_normal(n)
    pair = lambda p: one_by_one(p, targets), lambda g, p: squared_error_backward(g, p, targets)
    assert_gradients(pair, predictions, names=["predictions"])
### END HIDDEN TESTS

# %% [markdown]
# ## Sources
#
# - C. Bishop, *Pattern recognition and machine learning*, 2006, equations 4.106 and 4.109: the derivatives of softmax and of the cross-entropy.
# - NumPy reference, *ufunc.at*, numpy.org/doc/stable/reference/generated/numpy.ufunc.at.html: why `+=` keeps one of several.
