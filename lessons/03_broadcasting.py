# %% [markdown]
# # 03 · Arrays, broadcasting, and undoing it
#
# **You will build:** the tape of lesson 02 with arrays in the place of numbers; and the one function that makes it right for arrays of
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
# NumPy adds arrays of different shapes: it lines the shapes up at their right ends, and stretches every axis of length 1, or that is missing, to the length
# of the other's. Stretching is copying, only that nothing is really copied.
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
# One array is one entry of the tape. Its slope with respect to a parent is no longer a number, so keep a function instead: given `g`, the gradient of the final
# result with respect to this array, it returns that with respect to the parent. (Lesson 04 is about these functions.) For `a * b`, element by element,
# they are `g * b` and `g * a`.


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


def gradients(y):
    """{Array: gradient of the scalar y}; the loop of lesson 02."""
    found, stack = {y}, [y]
    while stack:
        for parent in stack.pop().parents:
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    grads = {y: np.ones(())}
    for y in sorted(found, key=lambda y: y.order, reverse=True):
        for parent, pull in zip(y.parents, y.pulls):
            grads[parent] = grads.get(parent, 0.0) + fit(pull(grads[y]), parent.value.shape)
    return grads


def fit(g, shape):
    """For now: nothing."""
    return g


a, b = Array(column), Array(row)
grads = gradients(total(a * b))
print("a has shape", a.value.shape, "and its gradient", grads[a].shape)
print("b has shape", b.value.shape, "and its gradient", grads[b].shape)

# %% [markdown]
# A gradient has one slope for each element of `a`, so it must have the shape of `a`. These have the shape of the result.
#
# ## Undoing it
#
# Stretching is copying, and lesson 02 knows what to do with a number that is used several times: **what arrives by different paths adds up**. The element
# 4 of the column was used four times, once in each column of the result, so its slope is the sum of four. Undoing a broadcast is summing over the copies:
#
# - axes that were missing on the left: sum them away;
# - axes of length 1 that were stretched: sum, and keep the axis, with length 1.


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
# That is one place in the whole engine, not one in each operation: every gradient passes through `fit` on its way to a parent. It is checked for *all* pairs of
# shapes that broadcast, of up to three axes of lengths 1 and 2, against finite differences and against the library's own, `sum_to`.

# %%
from tinygan.autodiff import sum_to


def by_differences(f, x, h=1e-5):
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
# Stretching is linear. Written out as one long column, the stretched array is a matrix $B$ of zeros and ones times the original: $y = B x$. If a loss has the gradient $g$ for $y$,
# it has $B^{\mathsf T} g$ for $x$: **where the forward pass copies along the rows of $B$, the backward pass sums down its columns.** Here is $B$ for both arrays of the beginning.

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
# Copying and summing are each other's transposes. So are many pairs of operations of this course: slicing and padding, gathering and scattering,
# convolution and transposed convolution (lesson 09).
#
# ## The mistake that raises no error
#
# Broadcasting is generous. If the predictions have shape $(N, 1)$ and the targets $(N,)$, their difference is no error but a matrix $(N, N)$: every prediction is compared
# with *every* target. We train a network on a curve in both ways. Two more operations are needed:


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
    rng = np.random.default_rng(1)
    w1, b1 = rng.normal(0, 2, (1, H)), rng.normal(0, 2, H)
    w2, b2 = rng.normal(0, 0.1, (H, 1)), np.zeros(1)
    losses = []
    for _ in range(steps):
        parameters = [Array(p) for p in (w1, b1, w2, b2)]
        W1, B1, W2, B2 = parameters
        hidden = tanh(matmul(Array(x), W1) + B1)  # (N, H): B1 (H,) is stretched over the N points
        prediction = matmul(hidden, W2) + B2  # (N, 1)
        error = prediction + Array(-targets)
        loss = total(error * error) * Array(1 / error.value.size)
        grads = gradients(loss)
        w1, b1, w2, b2 = (p.value - 0.1 * grads[p] for p in parameters)
        losses.append(loss.value)
    return prediction.value, error.value.shape, losses


steps = 300 if FAST else 3000
right, right_shape, right_losses = train(curve[:, None], steps)
wrong, wrong_shape, wrong_losses = train(curve, steps)

figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), sharey=True)
for ax, fitted, shape in zip(axes, (right, wrong), (right_shape, wrong_shape)):
    ax.plot(x, curve, ".", color="C1", markersize=4, label="data")
    ax.plot(x, fitted, label="network")
    ax.set(title=f"error of shape {shape}", xlabel="x")
axes[0].set_ylabel("y")
axes[0].legend()
plt.show()

# %% [markdown]
# No warning, a loss that falls, and a gradient that is right: of the wrong function. Against all targets at once the best answer is their mean, wherever $x$ is. A gradient
# check cannot find this; a look at the shapes can:

# %%
print(f"loss: right {right_losses[-1]:.3f}, wrong {wrong_losses[-1]:.3f}")
print(f"variance of the data: {curve.var():.3f}")
assert wrong.std() < 0.2 * curve.std()
assert right_losses[-1] < 0.5 * curve.var()

# %% [markdown]
# tinygan's losses, like PyTorch's, allow it and warn:

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
# **1.** `mean(x, axis)` with `keepdims=False`: write it for this tape. What does `g` have to be turned into?


# %%
def check_mean(mean):
    for shape, axis in (((3,), 0), ((2, 3), 0), ((2, 3), 1), ((2, 3, 4), 1)):
        x = rng.standard_normal(shape)
        a = Array(x)
        y = mean(a, axis)
        assert np.allclose(y.value, x.mean(axis)), f"the value, {shape}, axis {axis}"
        weight = rng.standard_normal(y.value.shape)
        slopes = gradients(total(y * Array(weight)))[a]
        numeric = by_differences(lambda x: (x.mean(axis) * weight).sum(), x)
        assert slopes.shape == shape, f"a gradient of shape {slopes.shape} for {shape}"
        assert np.allclose(slopes, numeric), f"the gradient, {shape}, axis {axis}"
    print("right")


def mean(x, axis): ...  # yours


# check_mean(mean)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Each element has the share $1/n$ in its mean. `g` lacks the axis: put it back, then let broadcasting copy. The pull is
# `lambda g: np.expand_dims(g, axis) / n * np.ones_like(x.value)`, with `n = x.value.shape[axis]`.
#
# </details>
#
# **2.** How many entries does the tape of one training step above have? How many would it have with the numbers of lesson 02?
# <details><summary>Hint</summary>
#
# With arrays: 16. With numbers, for each of 80 points: about $2 \cdot 30$ for the products and sums of each layer and 30 tanh, so some 12,000.
#
# </details>
#
# **3.** Take `keepdims=True` out of `fit`. Which pairs of shapes fail? Find one that fails without an error.
# <details><summary>Hint</summary>
#
# `(2, 1)` with `(2, 2)`: the gradient has shape `(2,)` for `(2, 1)`. And it *broadcasts* when it is subtracted from the weights, in the wrong direction.
#
# </details>
#
# **4.** Why does the mean of all targets minimise the wrong loss?
# <details><summary>Hint</summary>
#
# $\frac1N \sum_j (p - t_j)^2 = (p - \bar t)^2 + \operatorname{var}(t)$: for each prediction $p$ the least is at $p = \bar t$. And there the loss is the variance, as printed above.
#
# </details>
#
# ## Sources
#
# - NumPy user guide, *Broadcasting*, numpy.org/doc/stable/user/basics.broadcasting.html: the rule.
# - C. Harris et al., *Array programming with NumPy*, Nature 585, 2020, doi.org/10.1038/s41586-020-2649-2.
# - D. Maclaurin, *Modeling, inference and optimization with composable differentiable procedures*, 2016: the thesis behind autograd.
