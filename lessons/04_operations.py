# %% [markdown]
# # 04 · Operations, and a check that finds mistakes
#
# **You will build:** backward passes for matrix products, softmax and cross-entropy, in one line each; a gradient check that finds mistakes in them; and
# from both a classifier of digits.
#
# **You need:** lesson 03; partial derivatives.
#
# **Time:** 45 minutes

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests
rng = np.random.default_rng(0)

# %% [markdown]
# ## All slopes of an operation: the Jacobian
#
# An operation takes $n$ numbers and gives $m$. It has $m \times n$ slopes, $J_{ij} = \partial y_i / \partial x_j$: the **Jacobian matrix**. By the central differences of lesson 01:


# %%
def jacobian(f, x, h=1e-5):
    """J (m, n) of f at x, by differences; x and f(x) are taken as long columns."""
    columns = []
    for j in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[j] = h
        columns.append((f(x + step) - f(x - step)).ravel() / (2 * h))
    return np.stack(columns, 1)


def softmax(x):
    """e^x, divided by its sum over the last axis: positive numbers that add up to 1."""
    e = np.exp(x - x.max(-1, keepdims=True))  # without the maximum, e^1000 would be infinite
    return e / e.sum(-1, keepdims=True)


x, w = rng.standard_normal((3, 4)), rng.standard_normal((4, 4))
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.8), sharey=True)
operations = [np.tanh, lambda x: x @ w, softmax]
for ax, name, f in zip(axes, ("tanh", "x @ w", "softmax"), operations):
    J = jacobian(f, x)
    ax.imshow(J, cmap="RdBu", vmin=-np.abs(J).max(), vmax=np.abs(J).max())
    ax.set(title=f"J of {name}", xlabel="element of x", xticks=range(0, 12, 4), yticks=range(0, 12, 4))
    ax.grid(False)
axes[0].set_ylabel("element of y")
plt.show()

# %% [markdown]
# Here $x$ is $3 \times 4$, so $n = m = 12$. Blue is positive, red is negative, white is zero. tanh works on each element alone: $J$ is a diagonal. The product works on each row
# alone, always in the same way: $J$ has three equal blocks. Softmax works on each row alone, too, and its blocks depend on $x$.
#
# Nobody writes a Jacobian down. For a hidden layer of lesson 00, a batch of 64 times 128 numbers, we count its entries:

# %%
print(f"{(64 * 128) ** 2:,} entries, nearly all of them 0")

# %% [markdown]
# ## What is needed: a vector times the Jacobian
#
# On its way back, the tape has $g_i = \partial L / \partial y_i$: the gradient of a loss $L$ with respect to the operation's *result*. It needs the gradient with respect to the *argument*. The chain rule says
#
# $$ \frac{\partial L}{\partial x_j} = \sum_i g_i\, \frac{\partial y_i}{\partial x_j} = (g^{\mathsf T} J)_j. $$
#
# A function that computes $g^{\mathsf T} J$ *without* $J$ is a **vector-Jacobian product**, vjp for short. Each operation needs one for each argument, and it needs nothing else. In the table, $Y$, $X$ and $W$ are matrices, and $g$ has the shape of the result:
#
# | operation | vjp | why |
# |---|---|---|
# | $y = \tanh x$ | $g\,(1 - y^2)$ | $J$ is a diagonal: multiply element by element |
# | $y = \operatorname{sum}(x)$ | $g$, copied | every $x_j$ has slope 1 (lesson 03) |
# | $Y = X W$ | $g\, W^{\mathsf T}$ for $X$, $\; X^{\mathsf T} g$ for $W$ | $Y_{ik} = \sum_j X_{ij} W_{jk}$, so $X_{ij}$ meets $W_{jk}$ in every $Y_{ik}$: its slope is $\sum_k g_{ik} W_{jk}$ |
# | $y = \operatorname{softmax}(x)$ | $y\,(g - \operatorname{sum}(g y))$ | $\partial y_i / \partial x_j = y_i (\delta_{ij} - y_j)$, where $\delta_{ij}$ is 1 if $i = j$, otherwise 0 |
#
# For the product there is a shortcut, which many people use: look at the shapes. If $X$ is $(N, a)$ and $W$ is $(a, b)$, then $g$ is $(N, b)$, and only $g\, W^{\mathsf T}$ gives $(N, a)$ again.
# This fails if $W$ is square: then $g\, W$ has the same shape, and it is wrong. Shapes cannot tell the two apart. The check below can.
#
# We compare tanh, the product and softmax with their Jacobians:


# %%
def tanh_backward(g, x):
    return g * (1 - np.tanh(x) ** 2)


def matmul_backward(g, x, w):
    return g @ w.T, x.T @ g


def softmax_backward(g, x):
    y = softmax(x)
    return y * (g - (g * y).sum(-1, keepdims=True))


g = rng.standard_normal((3, 4))
assert np.allclose(tanh_backward(g, x).ravel(), g.ravel() @ jacobian(np.tanh, x))
assert np.allclose(matmul_backward(g, x, w)[0].ravel(), g.ravel() @ jacobian(lambda x: x @ w, x))
assert np.allclose(matmul_backward(g, x, w)[1].ravel(), g.ravel() @ jacobian(lambda w: x @ w, w))
assert np.allclose(softmax_backward(g, x).ravel(), g.ravel() @ jacobian(softmax, x))

# %% [markdown]
# ## A gradient check
#
# A check does not need the Jacobian. Draw $g$ at random. Then $\langle g, f(x) \rangle = \sum_i g_i f_i(x)$ is a single number, and its gradient is the vjp. Lesson 01 can compute that gradient
# by differences.


# %%
def numeric_gradient(forward, g, inputs, k, h=1e-5):
    """The gradient of <g, forward(*inputs)> with respect to inputs[k], by differences."""
    slopes = np.zeros_like(inputs[k])
    for j in np.ndindex(slopes.shape):
        up, down = list(inputs), list(inputs)
        up[k], down[k] = inputs[k].copy(), inputs[k].copy()
        up[k][j] += h
        down[k][j] -= h
        slopes[j] = (g * (forward(*up) - forward(*down))).sum() / (2 * h)
    return slopes


def check(forward, backward, *inputs, tolerance=1e-6):
    """Does backward(g, *inputs) give the gradients of forward(*inputs)?"""
    g = rng.uniform(0.5, 1.5, forward(*inputs).shape)
    gradients = backward(g, *inputs)
    if not isinstance(gradients, tuple):
        gradients = (gradients,)
    for k, slopes in enumerate(gradients):
        numeric = numeric_gradient(forward, g, inputs, k)
        if slopes.shape != numeric.shape or not np.allclose(slopes, numeric, rtol=tolerance, atol=tolerance):
            return f"argument {k} is wrong"
    return "right"


print("tanh   ", check(np.tanh, tanh_backward, x))
print("x @ w  ", check(np.matmul, matmul_backward, x, w))
print("softmax", check(softmax, softmax_backward, x))

# %% [markdown]
# Now the wrong transpose. If `w` is not square, NumPy refuses the product. If `w` is square, NumPy says nothing, and only the check finds the mistake:


# %%
def wrong_transpose(g, x, w):
    return g @ w, x.T @ g


print("w (4, 4):", check(np.matmul, wrong_transpose, x, w))
try:
    check(np.matmul, wrong_transpose, x, rng.standard_normal((4, 2)))
except ValueError:
    print("w (4, 2): NumPy refuses g (3, 2) @ w (4, 2)")

# %% [markdown]
# Why a random $g$, and not simply 1 for each? A row of softmax adds up to 1 whatever $x$ is. So with $g = 1$ the true gradient is 0, and a backward pass that returns nothing but zeros would pass. A
# random $g$ finds it:


# %%
def zeros(g, x):
    return 0 * x


with_ones = numeric_gradient(softmax, np.ones((3, 4)), [x], 0)
print("g = 1:    the true slopes are", np.abs(with_ones).max().round(9), "so zeros would pass")
print("random g:", check(softmax, zeros, x))

# %% [markdown]
# ## Mistakes that people make
#
# `assert_gradients` of tinygan is this check. It also looks at *how* the numbers disagree, and raises a `GradientError` that says what it found. Here are four wrong backward passes. Find each
# mistake yourself before you read what it says.

# %%
from tinygan.gradcheck import GradientError, assert_gradients

planted = {
    "tanh": (np.tanh, lambda g, x: g * (1 - x * x)),
    "mean": (lambda x: x.mean(0), lambda g, x: g * np.ones_like(x)),
    "softmax": (softmax, lambda g, x: g * softmax(x) * (1 - softmax(x))),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda g, x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
}
for name, pair in planted.items():
    try:
        assert_gradients(pair, x)
    except GradientError as error:
        print(f"--- {name} ---\n{error}")

# %% [markdown]
# It works on any two NumPy functions, also in a terminal: `tinygan gradcheck FILE.py:NAME`.
#
# ## An operation of your own
#
# In tinygan an operation is a function of arrays. Its vjps stand above it, in `@op(...)`: each is a function of `g`, the result `y` and the arguments. Call the operation with arrays and it gives an
# array. Call it with a `Tensor` (lesson 03 called it `Array`), and the tape records it. An argument that needs no gradient, like `truth` below, needs no vjp.
#
# We make the loss of a classifier. A classifier has one score for each class, and turns the scores into probabilities, $p = \operatorname{softmax}(\text{scores})$. Its loss is small if the right class $c$ has a
# large probability: $L = -\log p_c$, the **cross-entropy**. As one operation it has a simple gradient:
#
# $$ \frac{\partial L}{\partial\, \text{score}_j} = p_j - \delta_{jc}. $$
#
# That is what the classifier believes, minus what is true.

# %%
from tinygan import Tensor, grad, losses, op


@op(lambda g, y, scores, truth: g[:, None] * (softmax(scores) - truth))
def cross_entropy(scores, truth):
    """-log softmax(scores) of the right class: scores (N, classes), truth (N, classes) 0 or 1 -> (N,)."""
    top = scores.max(1)
    log_sum = top + np.log(np.exp(scores - top[:, None]).sum(1))
    return log_sum - (scores * truth).sum(1)


scores, truth = rng.standard_normal((5, 10)), np.eye(10)[[3, 1, 4, 1, 5]]
assert_gradients(lambda scores: cross_entropy(scores, truth), scores)

t = Tensor(scores, requires_grad=True)
ours = grad(cross_entropy(t, truth).mean(), t)
theirs = grad(losses.cross_entropy(t, Tensor(truth)), t)
assert np.allclose(ours, theirs, rtol=1e-12)

# %% [markdown]
# ## A classifier of digits
#
# We take the simplest classifier: the scores are $x W + b$, ten weighted sums of the 64 pixels. It learns from the digits `"train"`. The digits `"test"` are kept aside. They show whether it has learned about
# digits in general, or only about those that it saw.

# %%
from tinygan.data import digits

images, labels = digits("train")
test_images, test_labels = digits("test")
train_x, test_x = images.reshape(-1, 64) * 2 - 1, test_images.reshape(-1, 64) * 2 - 1
train_truth = np.eye(10, dtype="float32")[labels]

W = Tensor(np.zeros((64, 10), "float32"), requires_grad=True)
b = Tensor(np.zeros(10, "float32"), requires_grad=True)


def accuracy(x, labels):
    """The share of pictures x (N, 64) whose largest score is that of the right class."""
    return ((x @ W.data + b.data).argmax(1) == labels).mean()


curve = []
for _ in range(100 if FAST else 1000):
    loss = cross_entropy(Tensor(train_x) @ W + b, train_truth).mean()
    for p, slopes in zip((W, b), grad(loss, [W, b])):
        p.data = p.data - 0.2 * slopes
    curve.append([accuracy(train_x, labels), accuracy(test_x, test_labels)])
print(f"right: {curve[-1][0]:.1%} of the digits it learned from, {curve[-1][1]:.1%} of the others")
assert curve[-1][1] > 0.88

# %% [markdown]
# What does it look for? Here are the weights of each class as a picture. Blue pixels speak for the digit, red ones against it. The curves below
# them show the share of right answers while it learns.

# %%
figure, axes = plt.subplots(1, 10, figsize=(7.2, 1.0))
for digit, ax in enumerate(axes):
    weights = W.data[:, digit].reshape(8, 8)
    ax.imshow(weights, cmap="RdBu", vmin=-1.2, vmax=1.2)
    ax.set_title(digit)
    ax.axis("off")
plt.show()

plt.figure(figsize=(6.4, 2.4))
plt.plot(100 * np.array(curve), label=["learned from", "kept aside"])
plt.xlabel("training step")
plt.ylabel("% right")
plt.ylim(80, 100)
plt.legend()
plt.show()

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** $y = \log \sum_j e^{x_j}$ along the last axis is called `logsumexp`. It takes $(\dots, n)$ to $(\dots)$. Write its backward pass. What do you recognise?
# <details><summary>Hint</summary>
#
# Work out $\partial y / \partial x_j$ with the chain rule: the slope of the logarithm, times $e^{x_j}$. `g` lacks the last axis; `g[..., None]` puts it back with length 1.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def logsumexp_backward(g, x):
#     return g[..., None] * softmax(x)
# ```
#
# $\partial y / \partial x_j = e^{x_j} / \sum_k e^{x_k}$ is softmax. That is where the $p_j$ in the gradient of the cross-entropy comes from.
#
# </details>


# %%
def logsumexp(x):
    top = x.max(-1)
    return top + np.log(np.exp(x - top[..., None]).sum(-1))


# %%
logsumexp_backward = None  # exercise 1: def logsumexp_backward(g, x): ...

if logsumexp_backward is not None:
    for shape in ((5,), (3, 4), (4, 4), (2, 3, 4)):
        assert_gradients((logsumexp, logsumexp_backward), rng.standard_normal(shape))
    assert np.isfinite(logsumexp_backward(np.ones(1), np.array([[1000.0, 0.0]]))).all(), "e^1000 is infinite"
    print("exercise 1 is right")

# %% [markdown]
# **2.** Someone standardises the columns of a matrix: each column gets mean 0 and standard deviation 1. They are sure of the backward pass below. Read what the check says about it. Then
# write a right one, `standardise_backward(g, x)`.
# <details><summary>Hint</summary>
#
# They thought of the mean, which moves with $x$. What else moves with $x$? With $y$ the standardised column of $N$ numbers, $\partial\, \text{std} / \partial x_i = y_i / N$. What does this add to the gradient?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def standardise_backward(g, x):
#     y = standardise(x)
#     return (g - g.mean(0) - y * (g * y).mean(0)) / x.std(0)
# ```
#
# The standard deviation moves with $x$, too. This is the heart of batch normalisation (lesson 10).
#
# </details>


# %%
def standardise(x):
    return (x - x.mean(0)) / x.std(0)


def sure_of_it(g, x):
    return (g - g.mean(0)) / x.std(0)


try:
    assert_gradients((standardise, sure_of_it), rng.standard_normal((5, 3)))
except GradientError as error:
    print(error)

# %%
standardise_backward = None  # exercise 2: def standardise_backward(g, x): ...

if standardise_backward is not None:
    for shape in ((5, 3), (2, 3), (4, 4)):
        assert_gradients((standardise, standardise_backward), rng.standard_normal(shape))
    print("exercise 2 is right")

# %% [markdown]
# **3.** When does the gradient of the cross-entropy become small? Take ten classes. The right one has the score $d$, the other nine have 0. For which lead $d$ is the largest slope, in absolute value,
# $10^{-6}$?
# <details><summary>Hint</summary>
#
# The largest slope is that of the right class: $p_c - 1$. Write $p_c$ with $d$ and solve for $d$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# lead = np.log(9 * (1e6 - 1))
# ```
#
# $1 - p_c = 9 / (e^d + 9) = 10^{-6}$, so $e^d = 9 \cdot (10^6 - 1)$ and $d$ is about 16. The slope is 0 only if $p_c = 1$, and no finite lead gives that. So the weights never quite stop
# growing.
#
# </details>

# %%
lead = None  # exercise 3: a number

if lead is not None:
    t = Tensor(lead * np.eye(10)[[3]], requires_grad=True)
    (slopes,) = grad(cross_entropy(t, np.eye(10)[[3]]).sum(), t)
    largest = np.abs(slopes).max()
    print(f"with a lead of {lead:.2f} the largest slope is {largest:.3g}")
    assert largest < 1.01e-6, "the lead is too small"
    assert largest > 0.99e-6, "the lead is too large"
    print("exercise 3 is right")

# %% [markdown]
# **4.** $y = x[\text{index}]$ chooses rows of $x$. Write its vjp `rows_backward(g, x, index)`. A row may be chosen twice.
# <details><summary>Hint</summary>
#
# Begin with `d = np.zeros_like(x)`. `d[index] += g` looks right. Print what it makes of `index = [0, 2, 0]`: what arrives by different paths should add up. NumPy's
# `np.add.at` does that.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def rows_backward(g, x, index):
#     d = np.zeros_like(x)
#     np.add.at(d, index, g)
#     return d
# ```
#
# `d[index] += g` writes row 0 twice, and the second time overwrites the first.
#
# </details>


# %%
def rows(x, index):
    return x[index]


# %%
rows_backward = None  # exercise 4: def rows_backward(g, x, index): ...

if rows_backward is not None:
    for index in ([2, 0], [0, 2, 0], [1, 1, 1, 1]):
        assert_gradients((rows, rows_backward), x, np.array(index))
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - M. Johnson et al., *autodidact*, github.com/mattjj/autodidact, `numpy_vjps.py`: an operation as one line.
# - C. Bishop, *Pattern recognition and machine learning*, 2006, equation 4.109: the gradient of softmax with cross-entropy.
# - S. Tokui et al., *Chainer*, 2019, doi.org/10.1145/3292500.3330756; its `gradient_check.py` draws $g$ at random.
