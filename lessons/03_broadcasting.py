# %% [markdown]
# # 03 · Arrays, broadcasting, and undoing it
#
# **You will build:** the tape of lesson 02 with arrays in place of numbers, and the one function that makes it right for arrays of
# different shapes.
#
# **You need:** lesson 02, and NumPy's arrays.
#
# **Time:** 35 minutes

# %%
import os
from itertools import count, product

import matplotlib.pyplot as plt
import numpy as np

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests
rng = np.random.default_rng(0)

# %% [markdown]
# ## Broadcasting
#
# NumPy adds arrays of different shapes. It lines the shapes up at their right ends. An axis that is missing, or that has length 1, is stretched to the length of the other
# array's axis. The result is as if the numbers had been copied along that axis.
#
# ```
#     column   (3, 1)
#     row         (4)
#     sum      (3, 4)
# ```

# %%
column, row = np.array([[0.0], [4.0], [8.0]]), np.array([0.0, 1.0, 2.0, 3.0])


def picture(ax, array, title):
    ax.imshow(np.atleast_2d(array), cmap="Blues", vmin=-3, vmax=14)
    for (i, j), value in np.ndenumerate(np.atleast_2d(array)):
        ax.text(j, i, f"{value:g}", ha="center", va="center")
    ax.set_title(title)
    ax.axis("off")


figure, axes = plt.subplots(1, 5, figsize=(7.2, 1.9), width_ratios=[1, 4, 4, 4, 4])
picture(axes[0], column, "(3, 1)")
picture(axes[1], row, "(4,)")
for ax, array, name in zip(axes[2:4], (column, row), ("column", "row")):
    picture(ax, np.broadcast_to(array, (3, 4)), f"{name}, stretched")
picture(axes[4], column + row, "sum (3, 4)")
plt.show()

# %% [markdown]
# ## What the tape makes of it
#
# One array is one entry of the tape. Its slope with respect to a parent is no longer a single number. So the tape keeps a function for each parent, here called a *pull*. It gets `g`, the
# gradient of the final result with respect to this array. It returns the gradient with respect to the parent. For `a * b`, element by element, the two pulls return
# `g * b` and `g * a`. Lesson 04 is about these functions.


# %%
class Array:
    """An array that remembers how it was computed."""

    made = count()

    def __init__(self, value, parents=(), pulls=()):
        self.value, self.parents, self.pulls = np.asarray(value), parents, pulls
        self.order = next(Array.made)

    def __add__(self, other):
        return Array(self.value + other.value, (self, other), (lambda g: g, lambda g: g))

    def __mul__(self, other):
        a, b = self.value, other.value
        return Array(a * b, (self, other), (lambda g: g * b, lambda g: g * a))


def total(x):
    """The sum of all elements, whose gradient is 1 for each."""
    return Array(x.value.sum(), (x,), (lambda g: g * np.ones_like(x.value),))


def history(y):
    """All arrays that y was made of, and y: the first made comes first. As in lesson 02."""
    found, waiting = {y}, [y]
    while waiting:
        for parent in waiting.pop().parents:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return sorted(found, key=lambda one: one.order)


def gradients(y):
    """{Array: gradient of y, which holds one number}. The loop of lesson 02, and `fit` (see below)."""
    grads = {y: np.ones(())}
    for one in reversed(history(y)):
        for parent, pull in zip(one.parents, one.pulls):
            arrived = fit(pull(grads[one]), parent.value.shape)
            grads[parent] = grads.get(parent, 0.0) + arrived
    return grads


def fit(g, shape):
    """For now it changes nothing."""
    return g


a, b = Array(column), Array(row)
grads = gradients(total(a * b))
print("a has shape", a.value.shape, "and its gradient", grads[a].shape)
print("b has shape", b.value.shape, "and its gradient", grads[b].shape)

# %% [markdown]
# A gradient has one slope for each element of `a`, so it must have the shape of `a`. These two have the shape of the result: they are wrong.
#
# ## Undoing it
#
# Stretching is copying. Lesson 02 says what to do with a number that is used several times: **what arrives by different paths adds up**. The column's
# second element, 4, was used four times, once in each column of the result. So its slope is the sum of four slopes. To undo a broadcast, sum over the copies:
#
# - If an axis was missing on the left, sum over it and drop it.
# - If an axis of length 1 was stretched, sum over it and keep it, with length 1.
#
# If no axis was stretched, `axis` is `()` below. NumPy then sums over nothing and leaves `g` as it is.


# %%
def fit(g, shape):
    """g, summed over the axes along which an array of this shape was stretched: the result has the shape."""
    missing = g.ndim - len(shape)
    g = g.sum(axis=tuple(range(missing)))
    stretched = tuple(axis for axis, n in enumerate(shape) if n == 1 and g.shape[axis] != 1)
    return g.sum(axis=stretched, keepdims=True)


grads = gradients(total(a * b))
print("gradient of a", grads[a].ravel(), " (each is the sum of b)")
print("gradient of b", grads[b], "  (each is the sum of a)")

# %% [markdown]
# Every gradient passes through `fit` on its way to a parent. So the summing is done in one place, not in each operation. We check it for *all* pairs of
# shapes of up to three axes of lengths 1 and 2, against finite differences and against the library's own function, `sum_to`.

# %%
from tinygan.autodiff import sum_to


def by_differences(f, x, h=1e-5):
    """The gradient of f at x by central differences (lesson 01)."""
    slopes = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        slopes[i] = (f(x + step) - f(x - step)) / (2 * h)
    return slopes


shapes = [shape for n in range(4) for shape in product((1, 2), repeat=n)]
for shape_a, shape_b in product(shapes, shapes):
    x, y = rng.standard_normal(shape_a), rng.standard_normal(shape_b)
    weight = rng.standard_normal(np.broadcast_shapes(shape_a, shape_b))
    a, b = Array(x), Array(y)
    grads = gradients(total(a * b * Array(weight)))
    assert grads[a].shape == shape_a and grads[b].shape == shape_b
    assert np.allclose(grads[a], by_differences(lambda x: (x * y * weight).sum(), x), atol=1e-9)
    assert np.allclose(grads[b], by_differences(lambda y: (x * y * weight).sum(), y), atol=1e-9)
    assert np.allclose(fit(weight, shape_a), sum_to(weight, shape=shape_a), atol=1e-12)
print(f"{len(shapes) ** 2} pairs of shapes, from () with () to (2, 2, 2) with (2, 2, 2)")

# %% [markdown]
# ## Another way to see it
#
# Stretching is linear. Write the original array as one long column $x$ and the stretched one as one long column $y$. Then $y = B x$, with a matrix $B$ of zeros and ones. If a loss has the gradient
# $g$ for $y$, it has the gradient $B^{\mathsf T} g$ for $x$: **each row of $B$ says which element is copied on the way forward, and each column says which
# slopes are summed on the way back.** Here is $B$ for the column and the row of the
# beginning.

# %%
figure, axes = plt.subplots(1, 2, figsize=(4.4, 3.2))
g = rng.standard_normal((3, 4))
for ax, array, name in zip(axes, (column, row), ("column (3, 1)", "row (4,)")):
    units = np.eye(array.size).reshape(array.size, *array.shape)  # each element 1 in turn
    B = np.stack([np.broadcast_to(unit, (3, 4)).ravel() for unit in units], 1)
    assert np.allclose((B.T @ g.ravel()).reshape(array.shape), fit(g, array.shape))
    ax.imshow(B, cmap="Blues", vmax=1.5)
    ax.set(title=f"B of the {name}", xlabel="element of the array", ylabel="element of the sum")
    ax.set(xticks=range(array.size), yticks=range(0, 12, 2))
    ax.grid(False)
plt.show()

# %% [markdown]
# Copying and summing are each other's transposes. This course has more such pairs: slicing and padding, choosing rows and adding into rows (lesson 04),
# convolution and transposed convolution (lesson 09).
#
# ## The mistake that raises no error
#
# Broadcasting can hide a mistake. If the predictions have shape $(N, 1)$ and the targets $(N,)$, NumPy does not complain. Their difference is a matrix $(N, N)$: every prediction is compared
# with *every* target. We train a network on a curve in both ways. We need two more operations, the matrix product and tanh; lesson 04 explains the pulls of the product.


# %%
def matmul(a, b):
    x, y = a.value, b.value
    return Array(x @ y, (a, b), (lambda g: g @ y.T, lambda g: x.T @ g))


def tanh(x):
    y = np.tanh(x.value)
    return Array(y, (x,), (lambda g: g * (1 - y * y),))


N, H = 80, 30
x = np.sort(rng.uniform(-2, 2, (N, 1)), 0)
curve = (np.sin(2.5 * x) + 0.5 * x + 0.1 * rng.standard_normal((N, 1)))[:, 0]  # (N,)


def train(targets, steps):
    """Fit a network with H hidden numbers. Return its predictions, the shape of the error and the losses."""
    rng = np.random.default_rng(1)
    w1, b1 = Array(rng.normal(0, 2, (1, H))), Array(rng.normal(0, 2, H))
    w2, b2 = Array(rng.normal(0, 0.1, (H, 1))), Array(np.zeros(1))
    losses = []
    for _ in range(steps):
        hidden = tanh(matmul(Array(x), w1) + b1)  # (N, H): b1 (H,) is stretched over the N points
        prediction = matmul(hidden, w2) + b2  # (N, 1)
        error = prediction + Array(-targets)
        loss = total(error * error) * Array(1 / error.value.size)
        grads = gradients(loss)
        for weights in (w1, b1, w2, b2):
            weights.value = weights.value - 0.1 * grads[weights]
        losses.append(loss.value)
    return prediction.value, error.value.shape, losses


steps = 300 if FAST else 3000
right, right_shape, right_losses = train(curve[:, None], steps)
wrong, wrong_shape, wrong_losses = train(curve, steps)

figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), sharey=True)
for ax, fitted, shape in zip(axes, (right, wrong), (right_shape, wrong_shape)):
    ax.plot(x, curve, ".", color="C0", markersize=4, label="data")
    ax.plot(x, fitted, color="C1", label="network")
    ax.set(title=f"error of shape {shape}", xlabel="x")
axes[0].set_ylabel("y")
axes[0].legend()
plt.show()

# %% [markdown]
# On the right there was no warning, and the loss fell. The gradient was right, too, but of the wrong function. If each prediction is compared with all targets, the best answer is their mean,
# wherever $x$ is. A gradient check cannot find this mistake. A look at the shapes can. So can a look at the loss, which stays at the variance of the data:

# %%
print(f"loss: right {right_losses[-1]:.3f}, wrong {wrong_losses[-1]:.3f}")
print(f"variance of the data: {curve.var():.3f}")
assert wrong.std() < 0.2 * curve.std()
assert right_losses[-1] < 0.5 * curve.var()

# %% [markdown]
# tinygan's losses allow it, and warn. So do PyTorch's. Here we catch the warning and print it:

# %%
import warnings

from tinygan import Tensor, losses

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    losses.mse_loss(Tensor(wrong), Tensor(curve))
print(caught[0].message)

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** Write `mean(x, axis)` for this tape: the mean over one axis, which disappears. What must the pull make of `g`?
# <details><summary>Hint</summary>
#
# Each element has the share $1/n$ in its mean, where $n$ is the length of the axis. `g` lacks the axis. `np.expand_dims(g, axis)` puts it back with length 1, and broadcasting can
# copy along it.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def mean(x, axis):
#     n = x.value.shape[axis]
#
#     def pull(g):
#         return np.expand_dims(g, axis) / n * np.ones_like(x.value)
#
#     return Array(x.value.mean(axis), (x,), (pull,))
# ```
#
# The forward pass sums, so the backward pass copies.
#
# </details>

# %%
mean = None  # exercise 1: def mean(x, axis): ...

if mean is not None:
    for shape, axis in (((3,), 0), ((2, 3), 0), ((2, 3), 1), ((3, 3), 1), ((2, 3, 4), 1)):
        a = Array(rng.standard_normal(shape))
        y = mean(a, axis)
        assert np.allclose(y.value, a.value.mean(axis)), f"the value, {shape}, axis {axis}"
        weight = rng.standard_normal(y.value.shape)
        slopes = gradients(total(y * Array(weight)))[a]
        numeric = by_differences(lambda x: (x.mean(axis) * weight).sum(), a.value)
        assert slopes.shape == shape, f"a gradient of shape {slopes.shape} for {shape}, axis {axis}"
        assert np.allclose(slopes, numeric), f"the gradient, {shape}, axis {axis}: {slopes}, not {numeric}"
    print("exercise 1 is right")

# %% [markdown]
# **2.** How many entries does the tape of one training step above have? Count the weights and the other inputs, too. And about how many sums, products and tanh would the tape have with the numbers of
# lesson 02? Do not count inputs there. Give both; the second may be off by a tenth.
# <details><summary>Hint</summary>
#
# Count each `Array(...)` and each operation in the first step of `train`. For the second, count the sums, products and tanh of one point: $H = 30$ hidden numbers, then one
# prediction, then its error. There are 80 points.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# entries = 16, 80 * (30 * 3 + 30 * 2 + 3)
# ```
#
# With arrays there are 4 weights, 3 other inputs and 9 operations. With numbers, one point needs a product, a sum and a tanh for each hidden number. The prediction needs a product
# and a sum for each hidden number, and the error needs 3 more. The inputs add a few hundred to that.
#
# </details>

# %%
entries = None  # exercise 2: two numbers, with arrays and with numbers

if entries is not None:
    before = next(Array.made)  # how many there have been
    train(curve[:, None], 1)
    with_arrays = next(Array.made) - before - 1
    assert entries[0] == with_arrays, f"with arrays: not {entries[0]} (what of weights, x, targets, 1 / N?)"
    assert entries[1] > 11_000, "with numbers there are more: sums, products and tanh, for each of 80 points"
    assert entries[1] < 13_800, "with numbers there are fewer"
    print("exercise 2 is right")

# %% [markdown]
# **3.** Suppose someone forgets `keepdims=True` in `fit`. Find two shapes for which this goes wrong *silently*: the gradient of `a` has the wrong shape, NumPy still computes `a - 0.1 * gradient`, and the
# result no longer has the shape of `a`.
# <details><summary>Hint</summary>
#
# `a` needs an axis of length 1 that is stretched. If that is its first axis, the mistake does no harm: broadcasting on the left puts the axis back. Where else can it be?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# pair = (2, 1), (2, 2)
# ```
#
# The gradient for `a`, of shape `(2, 1)`, has shape `(2,)`. The update stretches both, and `a` becomes `(2, 2)`.
#
# </details>

# %%
pair = None  # exercise 3: the shapes of a and b, such as ((3, 4), (4,))

if pair is not None:
    shape, other = tuple(pair[0]), tuple(pair[1])
    g = np.ones(np.broadcast_shapes(shape, other))  # an error here: the two do not broadcast
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    stretched = tuple(axis for axis, n in enumerate(shape) if n == 1 and g.shape[axis] != 1)
    gradient = g.sum(axis=stretched)  # keepdims is forgotten
    assert gradient.shape != shape, f"for {shape} the gradient has the right shape, nothing goes wrong"
    moved = np.ones(shape) - 0.1 * gradient  # an error here: then it is not silent
    assert moved.shape != shape, f"no harm: the gradient has shape {gradient.shape}, and a keeps its shape"
    print(f"a {shape} becomes {moved.shape}; exercise 3 is right")

# %% [markdown]
# **4.** Why does the wrong network predict the mean, and why does its loss stay at the variance? Write `least(targets)`. It returns the number $p$ for which $\frac1N \sum_j (p - t_j)^2$ is least, and that least
# value. No search is needed.
# <details><summary>Hint</summary>
#
# Let $\bar t$ be the mean of the targets, and write $p - t_j = (p - \bar t) + (\bar t - t_j)$. Square it and sum over $j$. One of the three sums is 0.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def least(targets):
#     return targets.mean(), targets.var()
# ```
#
# $\frac1N \sum_j (p - t_j)^2 = (p - \bar t)^2 + \operatorname{var}(t)$. It is least at $p = \bar t$, and there it is the variance.
#
# </details>

# %%
least = None  # exercise 4: def least(targets): return p, value

if least is not None:
    for targets in (np.array([1.0, 2.0, 6.0]), curve):
        p, value = least(targets)
        assert np.isclose(value, np.mean((p - targets) ** 2)), "the value is not that of your p"
        for other in (p - 0.01, p + 0.01):
            assert np.mean((other - targets) ** 2) > value, f"p = {other} is better than p = {p}"
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - NumPy user guide, *Broadcasting*, numpy.org/doc/stable/user/basics.broadcasting.html: the rule.
# - C. Harris et al., *Array programming with NumPy*, Nature 585, 2020, doi.org/10.1038/s41586-020-2649-2.
# - D. Maclaurin, *Modeling, inference and optimization with composable differentiable procedures*, 2016: the thesis behind autograd.
