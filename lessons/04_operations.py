# %% [markdown]
# # 04 · Operations, and a check that finds mistakes
#
# **You will build:** backward passes for matrix products, softmax and cross-entropy, in one line each; a gradient check in ten lines; and a
# classifier of digits out of both.
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
for ax, (name, f) in zip(axes, {"tanh": np.tanh, "x @ w": lambda x: x @ w, "softmax": softmax}.items()):
    J = jacobian(f, x)
    ax.imshow(J, cmap="RdBu", vmin=-np.abs(J).max(), vmax=np.abs(J).max())
    ax.set(title=f"J of {name}", xlabel="element of x", xticks=range(0, 12, 4), yticks=range(0, 12, 4))
    ax.grid(False)
axes[0].set_ylabel("element of y")
plt.show()

# %% [markdown]
# (Here $x$ is $3 \times 4$, so $n = m = 12$. Blue is positive, red negative, white nothing.) tanh works on each element alone: a diagonal. The product works on each row alone,
# always in the same way: three equal blocks. So does softmax, with blocks that depend on $x$.
#
# Nobody writes a Jacobian down. For the hidden layer of lesson 00, a batch of 64 times 128 numbers, it would have

# %%
print(f"{(64 * 128) ** 2:,} entries, nearly all of them 0")

# %% [markdown]
# ## What is needed: a vector times the Jacobian
#
# On its way back, the tape has $g_i = \partial L / \partial y_i$, the gradient of a loss $L$ with respect to the operation's *result*, and wants that with respect to its *argument*. The chain rule says
#
# $$ \frac{\partial L}{\partial x_j} = \sum_i g_i\, \frac{\partial y_i}{\partial x_j} = (g^{\mathsf T} J)_j. $$
#
# A function that computes $g^{\mathsf T} J$ *without* $J$ is a **vector-Jacobian product**, vjp for short. Each operation needs one for each argument, and that is all it needs:
#
# | operation | vjp | why |
# |---|---|---|
# | $y = \tanh x$ | $g\,(1 - y^2)$ | $J$ is a diagonal: multiply element by element |
# | $y = \operatorname{sum}(x)$ | $g$, copied | every $x_j$ has slope 1 (lesson 03) |
# | $Y = X W$ | $dX = G\, W^{\mathsf T}$, $\; dW = X^{\mathsf T} G$ | $Y_{ik} = \sum_j X_{ij} W_{jk}$, so $X_{ij}$ meets $W_{jk}$ in every $Y_{ik}$: $dX_{ij} = \sum_k G_{ik} W_{jk}$ |
# | $y = \operatorname{softmax}(x)$ | $y\,(g - \operatorname{sum}(g y))$ | $\partial y_i / \partial x_j = y_i (\delta_{ij} - y_j)$, where $\delta_{ij}$ is 1 if $i = j$, otherwise 0 |
#
# For the product there is a shortcut that every practitioner uses: $G$ has the shape of $Y$, and there is only one way to multiply it with $W$ so that the shape of $X$ comes out.
# Against the Jacobians:


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
# Even the Jacobian is not needed for checking. Draw $g$ at random; then $\langle g, f(x) \rangle = \sum_i g_i f_i(x)$ is a single number whose gradient is the vjp.


# %%
def check(forward, backward, *inputs, tolerance=1e-6):
    """Does backward(g, *inputs) give the gradients of forward(*inputs)?"""
    g = rng.uniform(0.5, 1.5, forward(*inputs).shape)
    gradients = backward(g, *inputs)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    for k, slopes in enumerate(gradients):
        vary = lambda a: (g * forward(*inputs[:k], a, *inputs[k + 1 :])).sum()
        numeric = jacobian(vary, inputs[k]).reshape(inputs[k].shape)
        if slopes.shape != numeric.shape or not np.allclose(slopes, numeric, rtol=tolerance, atol=tolerance):
            return f"argument {k} is wrong"
    return "right"


print("tanh   ", check(np.tanh, tanh_backward, x))
print("x @ w  ", check(np.matmul, matmul_backward, x, w))
print("softmax", check(softmax, softmax_backward, x))

# %% [markdown]
# Why a random $g$, and not simply 1 for each? Because softmax adds up to 1 whatever $x$ is. With $g = 1$ the true gradient is 0, and a backward pass that returns nothing but zeros would pass:

# %%
zeros = lambda g, x: 0 * x
print("with g = 1:  ", np.abs(np.ones(12) @ jacobian(softmax, x)).max().round(9), "is the largest slope")
print("random g:    ", check(softmax, zeros, x))

# %% [markdown]
# ## Mistakes that people make
#
# `assert_gradients` of tinygan is this check, and it looks at *how* the numbers disagree. Here are four wrong backward passes. Find the mistake yourself before you read what it says.

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
# In tinygan an operation is a function with its vjps above it, `lambda g, y, *arguments`, where `y` is the result. Give it arrays and it gives an array; give it a `Tensor` (what lesson 03 called
# `Array`) and it is recorded on the tape.
#
# We make the loss of a classifier. It turns scores, one for each class, into probabilities $p = \operatorname{softmax}(\text{scores})$ and pays for the probability of the right class $c$: $L = -\log p_c$, the **cross-entropy**. As one
# operation it has a gradient of great beauty:
#
# $$ \frac{\partial L}{\partial\, \text{score}_j} = p_j - \delta_{jc}, $$
#
# what it believes, less what is true.

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
# The simplest there is: the scores are $x W + b$, ten weighted sums of the 64 pixels. A fifth of the digits is kept aside to see whether it has learned about digits, or these digits.

# %%
from tinygan.data import digits

images, labels = digits("train")
test_images, test_labels = digits("test")
train_x, test_x = images.reshape(-1, 64) * 2 - 1, test_images.reshape(-1, 64) * 2 - 1
train_truth = np.eye(10, dtype="float32")[labels]

W = Tensor(np.zeros((64, 10), "float32"), requires_grad=True)
b = Tensor(np.zeros(10, "float32"), requires_grad=True)
accuracy = lambda x, labels: ((x @ W.data + b.data).argmax(1) == labels).mean()

curve = []
for _ in range(100 if FAST else 1000):
    loss = cross_entropy(Tensor(train_x) @ W + b, train_truth).mean()
    for p, slopes in zip((W, b), grad(loss, [W, b])):
        p.data = p.data - 0.2 * slopes
    curve.append([accuracy(train_x, labels), accuracy(test_x, test_labels)])
print(f"right: {curve[-1][0]:.1%} of the digits it learned from, {curve[-1][1]:.1%} of the others")
assert curve[-1][1] > 0.88

# %% [markdown]
# What it looks for: the weights of each class as a picture. Blue pixels speak for the digit, red ones against it.

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
# **1.** $y = \log \sum_j e^{x_j}$ along the last axis, `logsumexp`, is $(\dots, n) \to (\dots)$. Write its backward pass. What do you recognise?


# %%
def logsumexp(x):
    top = x.max(-1)
    return top + np.log(np.exp(x - top[..., None]).sum(-1))


def logsumexp_backward(g, x): ...  # yours


# assert_gradients((logsumexp, logsumexp_backward), x)

# %% [markdown]
# <details><summary>Hint</summary>
#
# $\partial y / \partial x_j = e^{x_j} / \sum_k e^{x_k}$: softmax. `return g[..., None] * softmax(x)`.
#
# </details>
#
# **2.** Someone standardises the columns of a matrix, so that each has mean 0 and standard deviation 1, and is sure of the gradient below. Run the check, read what it says, mend it.


# %%
def standardise(x):
    return (x - x.mean(0)) / x.std(0)


def standardise_backward(g, x):
    return (g - g.mean(0)) / x.std(0)


# assert_gradients((standardise, standardise_backward), rng.standard_normal((5, 3)))

# %% [markdown]
# <details><summary>Hint</summary>
#
# The mean was thought of, the standard deviation was not: it moves with $x$, too. With $y$ the standardised columns, $\partial\, \text{std} / \partial x_i = y_i / N$, and the gradient becomes
# `(g - g.mean(0) - y * (g * y).mean(0)) / x.std(0)`. This is the heart of batch normalisation (lesson 10).
#
# </details>
#
# **3.** Why is the gradient of the cross-entropy 0 only if the classifier is certain, and right?
# <details><summary>Hint</summary>
#
# $p_j - \delta_{jc} = 0$ for all $j$ means $p_c = 1$, which no finite scores give: the weights never stop growing. Compare the two curves above.
#
# </details>
#
# **4.** The vjp of $y = x[\text{index}]$, a choice of rows: what is it if a row is chosen twice? Try `d = np.zeros_like(x); d[index] += g; return d`, and let the check judge, with `index` as a second argument.
# <details><summary>Hint</summary>
#
# `assert_gradients((lambda x, index: x[index], backward), x, np.array([0, 2, 0]))` names it: use `np.add.at(d, index, g)`. What arrives by different paths adds up.
#
# </details>
#
# ## Sources
#
# - M. Johnson et al., *autodidact*, github.com/mattjj/autodidact, `numpy_vjps.py`: an operation as one line.
# - C. Bishop, *Pattern recognition and machine learning*, 2006, equation 4.109: the gradient of softmax with cross-entropy.
# - S. Tokui et al., *Chainer*, 2019, doi.org/10.1145/3292500.3330756; its `gradient_check.py` draws $g$ at random.
