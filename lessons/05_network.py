# %% [markdown]
# # 05 · A network, and what moves its weights
#
# **You will build:** layers whose numbers neither fade nor explode; four optimisers, SGD, momentum, RMSprop and Adam, equal to the library's to the last
# digits; and a network that unrolls a spiral.
#
# **You need:** lesson 04, or that `grad(loss, parameters)` gives the gradients.
#
# **Time:** 45 minutes

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.gradcheck import assert_gradients

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests

# %% [markdown]
# ## A layer
#
# A **layer** takes $N$ samples of $n$ numbers, $X$ $(N, n)$, and makes $N$ samples of $m$ numbers: $Y = \varphi(X W^{\mathsf T} + b)$, with weights $W$ $(m, n)$, a bias $b$ $(m)$, and a function $\varphi$ that bends. Layers one
# after the other are a network. How large should the weights be in the beginning?
#
# A sum of $n$ independent numbers, each about as large as $s$, is about as large as $s\sqrt n$. If every weight is about $c/\sqrt n$, a layer multiplies the size of its input by about $c$; ten
# layers by $c^{10}$. And on the way back, the gradient likewise. Measure it:


# %%
def sizes(c, depth=10, width=100, seed=0):
    """The spread of numbers after each layer, and of the gradient there."""
    rng = np.random.default_rng(seed)
    x = Tensor(rng.standard_normal((200, width)), requires_grad=True)
    layers = [x]
    for _ in range(depth):
        w = Tensor(c / np.sqrt(width) * rng.standard_normal((width, width)))
        layers.append(ops.tanh(layers[-1] @ w.T))
    gradients = grad(ops.sum(layers[-1] * Tensor(rng.standard_normal((200, width)))), layers)
    return [y.data.std() for y in layers], [g.std() for g in gradients]


figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.8))
for c, colour in ((0.5, "C5"), (1.0, "C0"), (2.5, "C1")):
    for ax, values in zip(axes, sizes(c)):
        ax.semilogy(values, ".-", color=colour, label=f"weights {c} / √n")
axes[0].set(title="numbers, forwards", xlabel="layer", ylabel="standard deviation")
axes[1].set(title="gradients, backwards", xlabel="layer")
axes[0].legend()
plt.show()

# %% [markdown]
# Too small: after ten layers a thousandth is left of the input, and of the gradient when it comes back to the first. Too large: tanh is flat nearly everywhere, all numbers are near $\pm 1$, and the
# gradient grows on its way back. $1/\sqrt n$ is between. Every library draws its weights about so; `nn.Linear` here and in PyTorch uniformly from $\pm 1/\sqrt n$, which has a standard deviation of $1/\sqrt{3n}$.


# %%
class Layer:
    """X (N, inputs) -> X Wᵀ + b (N, outputs)."""

    def __init__(self, inputs, outputs, rng):
        bound = 1 / np.sqrt(inputs)
        draw = lambda *shape: rng.uniform(-bound, bound, shape).astype("float32")
        self.weight = Tensor(draw(outputs, inputs), requires_grad=True)
        self.bias = Tensor(draw(outputs), requires_grad=True)

    def __call__(self, x):
        return x @ self.weight.T + self.bias


ours, theirs = Layer(3, 4, np.random.default_rng(0)), nn.Linear(3, 4)
theirs.weight.data, theirs.bias.data = ours.weight.data, ours.bias.data
x = Tensor(np.random.default_rng(1).standard_normal((5, 3), dtype="float32"))
assert np.allclose(ours(x).data, theirs(x).data, atol=1e-6)
assert_gradients(lambda x, w, b: ops.tanh(x @ w.T + b), x, ours.weight, ours.bias)

# %% [markdown]
# ## Four ways to take a step
#
# $g$ is the gradient with respect to a parameter $p$, $\eta$ the learning rate.
#
# | | step | idea |
# |---|---|---|
# | SGD | $p \leftarrow p - \eta g$ | downhill |
# | momentum | $v \leftarrow \mu v + g, \quad p \leftarrow p - \eta v$ | a ball that rolls: what points the same way adds up to $1/(1 - \mu)$ times as much, what changes sign cancels |
# | RMSprop | $s \leftarrow \alpha s + (1 - \alpha) g^2, \quad p \leftarrow p - \eta\, g / (\sqrt s + \epsilon)$ | $\sqrt s$ is the usual size of $g$: divided by it, every parameter moves at the same pace |
# | Adam | $m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad s \leftarrow \beta_2 s + (1 - \beta_2) g^2,$ $p \leftarrow p - \eta\, \hat m / (\sqrt{\hat s} + \epsilon)$ | both, with $\hat m = m / (1 - \beta_1^t)$ and $\hat s = s / (1 - \beta_2^t)$ after $t$ steps, because averages that begin at 0 are too small at first |
#
# SGD stands for stochastic gradient descent, as $g$ is usually computed on a random few of the data. Each in a few lines, as a function that turns a gradient into a change:


# %%
def sgd(lr):
    return lambda g: -lr * g


def momentum(lr, mu=0.9):
    v = 0.0

    def change(g):
        nonlocal v
        v = mu * v + g
        return -lr * v

    return change


def rmsprop(lr, alpha=0.99, eps=1e-8):
    s = 0.0

    def change(g):
        nonlocal s
        s = alpha * s + (1 - alpha) * g**2
        return -lr * g / (np.sqrt(s) + eps)

    return change


def adam(lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m, s, t = 0.0, 0.0, 0

    def change(g):
        nonlocal m, s, t
        m, s, t = beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g**2, t + 1
        m_hat, s_hat = m / (1 - beta1**t), s / (1 - beta2**t)
        return -lr * m_hat / (np.sqrt(s_hat) + eps)

    return change


# %% [markdown]
# The same, step for step, as the library's:

# %%
library = {
    sgd: optim.SGD,
    momentum: lambda p, lr: optim.SGD(p, lr, momentum=0.9),
    rmsprop: optim.RMSprop,
    adam: optim.Adam,
}
for by_hand, theirs in library.items():
    rng = np.random.default_rng(0)
    p = rng.standard_normal(5)
    t = Tensor(p.copy(), requires_grad=True)
    change, optimizer = by_hand(0.01), theirs([t], lr=0.01)
    for _ in range(100):
        g = rng.standard_normal(5)
        p += change(g)
        optimizer.step([g])
    assert np.allclose(p, t.data, rtol=1e-10)
    print(f"{by_hand.__name__:10} differs from the library's by {np.abs(p - t.data).max():.0e}")

# %% [markdown]
# ## In a long valley
#
# $f(x, y) = \frac12 (x^2 + 40 y^2)$ is forty times as steep across as it is along. SGD may not take steps that are too large for the steep direction (lesson 01: $\eta < 2/40$), and crawls
# along the flat one.


# %%
def walk(change, steps):
    p, path = np.array([-4.0, 0.6]), []
    for _ in range(steps):
        path.append(p)
        p = p + change(p * np.array([1.0, 40.0]))
    return np.array(path)


X, Y = np.meshgrid(np.linspace(-4.6, 1.5, 80), np.linspace(-1, 1, 80))
figure, axes = plt.subplots(2, 2, figsize=(7.2, 3.8), sharex=True, sharey=True)
rates = {"SGD": sgd(0.045), "momentum": momentum(0.01), "RMSprop": rmsprop(0.03), "Adam": adam(0.2)}
for ax, (name, change) in zip(axes.flat, rates.items()):
    path = walk(change, 60)
    ax.contour(X, Y, X**2 + 40 * Y**2, np.geomspace(0.1, 60, 7), colors="#cccccc", linewidths=0.8)
    ax.plot(*path.T, ".-", color="C1", markersize=3, linewidth=0.8)
    ax.plot(0, 0, "*", color="C0", markersize=9)
    ax.set_title(f"{name}: {np.hypot(*path[-1]):.2g} from the minimum")
    ax.grid(False)
for ax in axes[1]:
    ax.set_xlabel("x")
for ax in axes[:, 0]:
    ax.set_ylabel("y")
plt.show()

# %% [markdown]
# 60 steps each. SGD zigzags across and crawls along. Momentum swings like a ball in a bowl, and gets along the valley faster than SGD may. RMSprop and Adam make the valley round: they set off
# at 45 degrees (the axes are not drawn to one scale), as if both directions were equally steep.
#
# ## A spiral
#
# Two arms are to be told apart. The network has two hidden layers of 24; its answer is a number, whose sigmoid is the probability of the second arm.

# %%
rng = np.random.default_rng(0)
n = 150
arm = np.repeat([0, 1], n)
angle = np.tile(np.linspace(0.3, 3.2 * np.pi, n), 2)
points = (angle / 10 * np.array([np.cos(angle + np.pi * arm), np.sin(angle + np.pi * arm)])).T
points = (points + 0.02 * rng.standard_normal(points.shape)).astype("float32")
truth = arm[:, None].astype("float32")


def network(rng):
    a, b, c = Layer(2, 24, rng), Layer(24, 24, rng), Layer(24, 1, rng)
    answer = lambda x: c(ops.tanh(b(ops.tanh(a(4 * x)))))  # 4: inputs about as large as 1
    return answer, [p for layer in (a, b, c) for p in (layer.weight, layer.bias)]


def loss_of(answer):
    """-log σ(answer) on the second arm, -log σ(-answer) on the first, averaged."""
    signed = answer * Tensor(2 * truth - 1)
    return -ops.mean(ops.logsigmoid(signed))


def train(make, lr, steps):
    answer, parameters = network(np.random.default_rng(1))
    changes = [make(lr) for _ in parameters]
    losses = []
    for _ in range(steps):
        loss = loss_of(answer(Tensor(points)))
        losses.append(loss.item())
        for p, change, g in zip(parameters, changes, grad(loss, parameters)):
            p.data = p.data + change(g).astype("float32")
    return answer, losses


# %% [markdown]
# Which optimiser is best? A comparison is fair only if each has the learning rate that suits it. So each is tried with six.

# %%
steps = 150 if FAST else 1500
rates = np.geomspace(1e-3, 3, 6)
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.0))
found = {}
for k, make in enumerate((sgd, momentum, rmsprop, adam)):
    runs = [train(make, lr, steps) for lr in rates]
    ends = [np.mean(losses[-20:]) for _, losses in runs]
    best = int(np.nanargmin(ends))
    found[make.__name__] = runs[best][0], ends[best]
    axes[0].loglog(rates, ends, ".-", color=f"C{k}")
    axes[1].semilogy(runs[best][1], color=f"C{k}", label=f"{make.__name__}, {rates[best]:.1g}")
axes[0].set(xlabel="learning rate", ylabel="loss in the end")
axes[1].set(xlabel="training step", ylabel="loss", title="each at its best rate")
axes[1].legend()
plt.show()

# %%
figure, axes = plt.subplots(1, 4, figsize=(7.6, 2.3), sharey=True)
grid = np.linspace(-1.2, 1.2, 60, dtype="float32")
X, Y = np.meshgrid(grid, grid)
for ax, (name, (answer, end)) in zip(axes, found.items()):
    surface = answer(Tensor(np.stack([X.ravel(), Y.ravel()], 1)))
    probability = ops.sigmoid(surface).data.reshape(X.shape)
    ax.contourf(X, Y, probability, np.linspace(0, 1, 9), cmap="RdBu_r", vmin=-0.5, vmax=1.5)
    for k in (0, 1):
        ax.plot(*points[arm == k].T, ".", color=f"C{k}", markersize=2)
    ax.set(title=f"{name}: loss {end:.1g}", aspect="equal", xticks=(), yticks=())
plt.show()
right = ((found["adam"][0](Tensor(points)).data > 0) == truth).mean()
print(f"Adam: {right:.1%} of the points are told apart")
assert FAST or right > 0.99

# %% [markdown]
# All four unroll it. The two that divide by the usual size of the gradient get a hundred times as low, and at learning rates between 0.01 and 0.1, where they are at their best on many other networks too; what suits SGD differs from network to network. Adam is the
# quickest on the way. GANs are mostly trained with it, often with $\beta_1 = 0$ or 0.5 in the place of 0.9: the opponent changes all the time, and a long memory of where the gradient used to point is of little use.
#
# ## Exercises
#
# **1.** Adam without its correction, $\hat m = m$ and $\hat s = s$: how large is its very first step? And with the correction?
# <details><summary>Hint</summary>
#
# With: $\hat m = g$, $\hat s = g^2$, so the step is $\eta$ in every parameter, however large $g$ is. Without: $(1 - \beta_1) g / \sqrt{(1 - \beta_2) g^2} = 0.1 / \sqrt{0.001} = 3.2$ times $\eta$.
#
# </details>
#
# **2.** AdamW shrinks every weight by the factor $1 - \eta \lambda$ before each of Adam's steps. Write it, as a function of the gradient *and* the parameter.


# %%
def check_adamw(adamw):
    rng = np.random.default_rng(0)
    p = rng.standard_normal(5)
    t = Tensor(p.copy(), requires_grad=True)
    change, optimizer = adamw(0.01, decay=0.1), optim.AdamW([t], lr=0.01, weight_decay=0.1)
    for step in range(50):
        g = rng.standard_normal(5)
        p = p + change(g, p)
        optimizer.step([g])
        assert np.allclose(p, t.data, rtol=1e-10), f"differs in step {step}"
    print("right")


def adamw(lr, decay): ...  # yours: return a function of (g, p)


# check_adamw(adamw)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `step = adam(lr)`, then `return lambda g, p: -lr * decay * p + step(g)`.
#
# </details>
#
# **3.** XOR: the points $(0, 0)$ and $(1, 1)$ belong to one class, $(0, 1)$ and $(1, 0)$ to the other. Show on paper that no single layer tells them apart, and train a network of two that does.
# <details><summary>Hint</summary>
#
# A layer without a bend is positive on one side of a straight line. $w_1 + b > 0$ and $w_2 + b > 0$ give $w_1 + w_2 + 2b > 0$; but $b < 0$ and $w_1 + w_2 + b < 0$ give the opposite. For the network, change `points` and `truth` above.
#
# </details>
#
# **4.** Take the tanh out of `network`. What is the best loss it can reach, and why?
# <details><summary>Hint</summary>
#
# $W_3 (W_2 (W_1 x)) = (W_3 W_2 W_1)\, x$ is a single layer; the best straight line through a spiral does little better than guessing, $\log 2 = 0.69$.
#
# </details>
#
# ## Sources
#
# - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010, equation 16: the size of weights.
# - B. Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964, equation 9: momentum.
# - T. Tieleman, G. Hinton, *Lecture 6.5: RMSprop*, Coursera, 2012.
# - D. Kingma, J. Ba, *Adam*, 2015, arXiv:1412.6980, algorithm 1.
# - I. Loshchilov, F. Hutter, *Decoupled weight decay regularization*, 2019, arXiv:1711.05101, algorithm 2: AdamW.
