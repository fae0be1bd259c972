# %% [markdown]
# # 05 · A network, and what moves its weights
#
# **You will build:** layers, and the size that their weights should have; four optimisers, SGD, momentum, RMSprop and Adam, equal to the library's to the last
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
# `ops` holds the operations, as lesson 04 makes them. `nn` holds layers and `optim` optimisers; this lesson builds some of both and finds that they equal the library's. `assert_gradients` is the check of lesson 04.
#
# ## A layer
#
# A **layer** takes $N$ samples of $n$ numbers, $X$ $(N, n)$, and makes $N$ samples of $m$ numbers: $Y = \varphi(X W^{\mathsf T} + b)$, with weights $W$ $(m, n)$, a bias $b$ $(m)$, and a function $\varphi$ that bends. Layers one
# after the other are a network. How large should the weights be in the beginning?
#
# Add up $n$ independent numbers with mean 0, each about as large as $s$. The sum is about as large as $s\sqrt n$, not $s n$: signs cancel. So if every weight is about $c/\sqrt n$, a layer multiplies the size of its input by about $c$, and ten
# layers multiply it by $c^{10}$. On the way back the gradient is multiplied likewise. The tanh between the layers makes both smaller. Measure it:


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
for c, colour in ((0.58, "C5"), (1.0, "C0"), (2.5, "C1")):
    forwards, backwards = sizes(c)
    axes[0].semilogy(forwards, ".-", color=colour, label=f"weights {c} / √n")
    axes[1].semilogy(backwards, ".-", color=colour)
    print(f"weights {c} / √n: after ten layers {forwards[-1]:.4f} of numbers as large as 1, ", end="")
    print(f"{backwards[0] / backwards[-1]:.4f} of the gradient")
axes[0].set(title="numbers, forwards", xlabel="layer", ylabel="standard deviation")
axes[1].set(title="gradients, backwards", xlabel="layer")
axes[0].legend()
plt.show()

# %% [markdown]
# Too small (0.58): a few thousandths are left of the input after ten layers, and of the gradient when it comes back to the first. Too large (2.5): tanh is flat nearly everywhere, all numbers are near $\pm 1$, and the
# gradient grows on its way back. $1/\sqrt n$ is between.
#
# Which one do libraries choose? `nn.Linear`, here and in PyTorch, draws its weights uniformly from $\pm 1/\sqrt n$. Such numbers have a standard deviation of $1/\sqrt{3n}$, that is $0.58/\sqrt n$: **the default is the curve that is too small.** Two or three layers bear that, and the
# networks of this course have few. A deep one should draw its weights larger, or bring its numbers to one size on the way (batch normalisation, lesson 10). `nn.init.xavier_uniform_` draws weights of $1/\sqrt n$ for a layer with as many outputs as inputs.

# %%
default = nn.Linear(100, 100, rng=0)
print(f"nn.Linear:       {default.weight.data.std() * np.sqrt(100):.2f} / √n")
nn.init.xavier_uniform_(default.weight, rng=0)
print(f"xavier_uniform_: {default.weight.data.std() * np.sqrt(100):.2f} / √n")

# %% [markdown]
# Our own layer, drawn as the library's:



# %%
class Layer:
    """X (N, inputs) -> X Wᵀ + b (N, outputs)."""

    def __init__(self, inputs, outputs, rng):
        bound = 1 / np.sqrt(inputs)
        weight = rng.uniform(-bound, bound, (outputs, inputs))
        bias = rng.uniform(-bound, bound, outputs)
        self.weight = Tensor(weight.astype("float32"), requires_grad=True)
        self.bias = Tensor(bias.astype("float32"), requires_grad=True)

    def __call__(self, x):
        return x @ self.weight.T + self.bias


ours, theirs = Layer(3, 4, np.random.default_rng(0)), nn.Linear(3, 4, rng=0)  # the same random numbers
assert np.array_equal(ours.weight.data, theirs.weight.data)
x = Tensor(np.random.default_rng(1).standard_normal((5, 3), dtype="float32"))
assert np.allclose(ours(x).data, theirs(x).data, atol=1e-6)
assert_gradients(lambda x, w, b: ops.tanh(x @ w.T + b), x, ours.weight, ours.bias)

# %% [markdown]
# ## Four ways to take a step
#
# $g$ is the gradient with respect to a parameter $p$, and $\eta$ the learning rate. Lesson 01 went downhill so; it is called **SGD**:
#
# $$ p \leftarrow p - \eta g. $$
#
# (Stochastic gradient descent: $g$ is usually computed on a random few of the data.)
#
# **Momentum** is a ball that rolls. It has a velocity $u$, and keeps the share $\mu$ of it from step to step, usually 0.9. Gradients that point the same way add up, to $1/(1 - \mu)$ times as much. Gradients that change their sign cancel:
#
# $$ u \leftarrow \mu u + g, \qquad p \leftarrow p - \eta u. $$
#
# **RMSprop** keeps a running mean $s$ of $g^2$: the share $\alpha$ of the old mean, and a little of the new $g^2$. So $\sqrt s$ is the usual size of $g$. Divided by it, every parameter moves at the same pace. The small $\epsilon$ keeps it from dividing by 0:
#
# $$ s \leftarrow \alpha s + (1 - \alpha) g^2, \qquad p \leftarrow p - \eta\, g / (\sqrt s + \epsilon). $$
#
# **Adam** does both, with a running mean $m$ of $g$, which keeps the share $\beta_1$, and $s$ of $g^2$, which keeps the share $\beta_2$. A running mean that begins at 0 is too small at first, so after $t$ steps each is divided by the share that has arrived:
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad s \leftarrow \beta_2 s + (1 - \beta_2) g^2, $$
#
# $$ \hat m = m / (1 - \beta_1^t), \qquad \hat s = s / (1 - \beta_2^t), \qquad p \leftarrow p - \eta\, \hat m / (\sqrt{\hat s} + \epsilon). $$
#
# | name | what it remembers | what that does |
# |:--|:--|:--|
# | SGD | nothing | steps downhill |
# | momentum | a sum of gradients | goes on where it went before |
# | RMSprop | a mean of squared gradients | moves every parameter at the same pace |
# | Adam | both means | both |
#
# Each is a class that turns a gradient into a change of the parameter:


# %%
class SGD:
    def __init__(self, lr):
        self.lr = lr

    def change(self, g):
        return -self.lr * g


class Momentum:
    def __init__(self, lr, mu=0.9):
        self.lr, self.mu, self.u = lr, mu, 0.0

    def change(self, g):
        self.u = self.mu * self.u + g
        return -self.lr * self.u


class RMSprop:
    def __init__(self, lr, alpha=0.99, eps=1e-8):
        self.lr, self.alpha, self.eps, self.s = lr, alpha, eps, 0.0

    def change(self, g):
        self.s = self.alpha * self.s + (1 - self.alpha) * g**2
        return -self.lr * g / (np.sqrt(self.s) + self.eps)


class Adam:
    def __init__(self, lr, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.m, self.s, self.t = 0.0, 0.0, 0

    def change(self, g):
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.s = self.beta2 * self.s + (1 - self.beta2) * g**2
        m_hat = self.m / (1 - self.beta1**self.t)
        s_hat = self.s / (1 - self.beta2**self.t)
        return -self.lr * m_hat / (np.sqrt(s_hat) + self.eps)


# %% [markdown]
# The same, step for step, as the library's. An optimiser of `optim` is made with a list of parameters, and `optimizer.step(gradients)` changes them all:

# %%
pairs = (
    (SGD(0.01), optim.SGD, {}),
    (Momentum(0.01), optim.SGD, {"momentum": 0.9}),
    (RMSprop(0.01), optim.RMSprop, {}),
    (Adam(0.01), optim.Adam, {}),
)
for ours, library, settings in pairs:
    rng = np.random.default_rng(0)
    p = rng.standard_normal(5)
    t = Tensor(p.copy(), requires_grad=True)
    theirs = library([t], lr=0.01, **settings)
    for _ in range(100):
        g = rng.standard_normal(5)
        p += ours.change(g)
        theirs.step([g])
    assert np.allclose(p, t.data, rtol=1e-10)
    print(f"{type(ours).__name__:10} differs from the library's by {np.abs(p - t.data).max():.0e}")

# %% [markdown]
# ## In a long valley
#
# $f(x, y) = \frac12 (x^2 + 40 y^2)$ is forty times as steep across as it is along. SGD may not take steps that are too large for the steep direction (lesson 01: $\eta < 2/40$), and crawls
# along the flat one.


# %%
def walk(optimizer, steps):
    p, path = np.array([-4.0, 0.6]), []
    for _ in range(steps):
        path.append(p)
        p = p + optimizer.change(p * np.array([1.0, 40.0]))  # the gradient is (x, 40 y)
    return np.array(path)


X, Y = np.meshgrid(np.linspace(-4.6, 1.5, 80), np.linspace(-1, 1, 80))
figure, axes = plt.subplots(2, 2, figsize=(7.2, 3.8), sharex=True, sharey=True)
for ax, optimizer in zip(axes.flat, (SGD(0.045), Momentum(0.01), RMSprop(0.03), Adam(0.2))):
    path, name = walk(optimizer, 60), type(optimizer).__name__
    moved = np.abs(np.diff(path[:, 0]))
    print(f"{name:8} moves along x by {moved[0]:.2f} in step 1, {moved[1]:.2f} in step 2", end="")
    print(f" and {moved[10]:.2f} in step 11")
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
# The axes are not drawn to one scale. 60 steps each:
#
# - SGD zigzags across and crawls along.
# - Momentum swings like a ball in a bowl. It begins slowly, but in step 11 it moves along the valley twice as far as SGD.
# - RMSprop does not care which direction is steep: its first step is as large along as across. That step is ten times $\eta$, because $s$ has only $1 - \alpha$, a hundredth, of $g^2$ as yet. Across, it is at the bottom after a few steps. But $s$ keeps the large first gradients for about a hundred steps, so the gradient seems small beside them, and it gets slower and slower along the valley. After 60 steps it is the farthest of the four.
# - Adam also makes a first step that is as large along as across, of $\eta$: the correction sees to that. Its steps stay about so large until it is near. It goes past the minimum, as momentum does, and comes back.
#
# ## A spiral
#
# Two arms are to be told apart. The network has two hidden layers of 24. Its answer is a number, whose sigmoid is the probability of the second arm.

# %%
rng = np.random.default_rng(0)
n = 150
arm = np.repeat([0, 1], n)
angle = np.tile(np.linspace(0.3, 3.2 * np.pi, n), 2)
points = (angle / 10 * np.array([np.cos(angle + np.pi * arm), np.sin(angle + np.pi * arm)])).T
points = (points + 0.02 * rng.standard_normal(points.shape)).astype("float32")
truth = arm[:, None].astype("float32")


class Network:
    """Points (N, 2) -> answers (N, 1)."""

    def __init__(self, rng):
        self.layers = [Layer(2, 24, rng), Layer(24, 24, rng), Layer(24, 1, rng)]

    def __call__(self, x):
        first, second, last = self.layers
        return last(ops.tanh(second(ops.tanh(first(4 * x)))))  # 4: inputs about as large as 1

    def parameters(self):
        return [p for layer in self.layers for p in (layer.weight, layer.bias)]


def loss_of(answer):
    """-log σ(answer) on the second arm, -log σ(-answer) on the first, averaged."""
    signed = answer * Tensor(2 * truth - 1)
    return -ops.mean(ops.logsigmoid(signed))


def train(kind, lr, steps, seed):
    """A trained network, and the loss in each step. Every parameter has an optimiser of its own."""
    network = Network(np.random.default_rng(seed))
    parameters = network.parameters()
    optimizers = [kind(lr) for _ in parameters]
    losses = []
    for _ in range(steps):
        loss = loss_of(network(Tensor(points)))
        losses.append(loss.item())
        for p, optimizer, g in zip(parameters, optimizers, grad(loss, parameters)):
            p.data = p.data + optimizer.change(g).astype("float32")
    return network, losses


# %% [markdown]
# The library writes such a network as `nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))`, and it has `parameters()` as ours has. Later lessons do so.
#
# %% [markdown]
# Which optimiser is best? A comparison is fair only if each has the learning rate that suits it. So each is tried with eight, and each rate with three seeds. The loss in the end is the mean over the last 20 steps. The median of the three seeds decides.

# %%
steps = 150 if FAST else 1500
seeds = (1,) if FAST else (1, 2, 3)
rates = np.geomspace(10**-2.5, 10, 8)  # two in every power of ten
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.0))
trained, ends = {}, {}
for k, kind in enumerate((SGD, Momentum, RMSprop, Adam)):
    runs = [[train(kind, lr, steps, seed) for seed in seeds] for lr in rates]
    last = np.array([[np.mean(losses[-20:]) for _, losses in of_rate] for of_rate in runs])  # (rates, seeds)
    medians = np.median(last, axis=1)
    best = int(medians.argmin())
    assert FAST or 0 < best < len(rates) - 1, "the best rate lies inside the range that was searched"
    trained[kind], ends[kind] = runs[best][0], last[best]
    axes[0].loglog(rates, medians, ".-", color=f"C{k}")
    name = kind.__name__
    axes[1].semilogy(trained[kind][1], color=f"C{k}", linewidth=1, label=f"{name}, {rates[best]:.1g}")
    print(f"{name:9} best rate {rates[best]:.2g}; loss in the end", *(f"{end:.1e}" for end in last[best]))
axes[0].set(xlabel="learning rate", ylabel="loss in the end", title="median of the seeds")
axes[1].set(xlabel="training step", ylabel="loss", title="each at its best rate, seed 1")
axes[1].legend(fontsize=8)
plt.show()
for plain in (SGD, Momentum):
    for scaled in (RMSprop, Adam):
        factor = np.median(ends[plain]) / np.median(ends[scaled])
        print(f"{scaled.__name__} ends {factor:.0f} times as low as {plain.__name__}")

# %%
figure, axes = plt.subplots(1, 4, figsize=(7.6, 2.3), sharey=True)
grid = np.linspace(-1.2, 1.2, 60, dtype="float32")
X, Y = np.meshgrid(grid, grid)
for ax, (kind, (network, losses)) in zip(axes, trained.items()):
    surface = network(Tensor(np.stack([X.ravel(), Y.ravel()], 1)))
    probability = ops.sigmoid(surface).data.reshape(X.shape)
    ax.contourf(X, Y, probability, np.linspace(0, 1, 9), cmap="RdBu_r", vmin=-0.5, vmax=1.5)
    for k in (0, 1):
        ax.plot(*points[arm == k].T, ".", color=f"C{k}", markersize=2)
    ax.set(title=f"{kind.__name__}: {losses[-1]:.0e}", aspect="equal", xticks=(), yticks=())
plt.show()
right = ((trained[Adam][0](Tensor(points)).data > 0) == truth).mean()
print(f"Adam: {right:.1%} of the points are told apart")
assert FAST or right > 0.99

# %% [markdown]
# All four unroll it: a single point on the wrong side would make the mean loss at least $\log 2 / 300 = 0.0023$, and every loss above is less than that.
#
# The two that divide by the usual size of the gradient have lower medians. The last four lines say how much lower: the median loss of SGD or momentum is divided by that of RMSprop or Adam. Adam ends lower than SGD and momentum with every seed. RMSprop has the lowest median, but with one of its three seeds it ends no lower than momentum. So it is not the most reliable. The best rates of these two are far smaller than those of SGD and momentum.
#
# GANs are mostly trained with Adam, often with $\beta_1 = 0$ or 0.5 instead of 0.9. The opponent changes all the time, and a long memory of where the gradient used to point is of little use.
#
# ## Exercises
#
# Each exercise has a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** How large is Adam's very first step, as a multiple of $\eta$? And how large would it be without the correction, with $\hat m = m$ and $\hat s = s$? Take $\beta_1 = 0.9$ and $\beta_2 = 0.999$.
#
# <details><summary>Hint</summary>
#
# Put $m = 0$, $s = 0$ and $t = 1$ into the equations. $g$ drops out.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# first_steps = (1.0, 0.1 / np.sqrt(0.001))
# ```
#
# With: $\hat m = g$ and $\hat s = g^2$, so the step is $\eta$ in every parameter, however large $g$ is. Without: $(1 - \beta_1) g / \sqrt{(1 - \beta_2) g^2} = 0.1 / \sqrt{0.001} = 3.2$.
#
# </details>

# %%
first_steps = None  # exercise 1: two numbers, (with the correction, without)

if first_steps is not None:
    with_correction, without = first_steps
    measured = -Adam(lr=1.0).change(np.array([7.0]))[0]
    assert abs(with_correction - measured) < 1e-6, "with: the first m_hat is g itself, whatever g is"
    assert abs(without - 3.1623) < 0.01, "without: m is (1 - beta1) g, and s is (1 - beta2) g²; mind the root"
    print("exercise 1 is right")

# %% [markdown]
# **2.** AdamW shrinks every weight by the factor $1 - \eta \lambda$ before each of Adam's steps. Write it as a class: `AdamW(lr, decay)` with $\lambda$ as `decay`, and `change(g, p)`, which takes the parameter as well.
#
# <details><summary>Hint</summary>
#
# Keep an `Adam` inside. Shrinking $p$ by the factor $1 - \eta\lambda$ is a change of $-\eta \lambda p$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# class AdamW:
#     def __init__(self, lr, decay):
#         self.lr, self.decay, self.adam = lr, decay, Adam(lr)
#
#     def change(self, g, p):
#         return -self.lr * self.decay * p + self.adam.change(g)
# ```
#
# The decay does not pass through Adam's division. Added to the gradient, it would: every weight would then shrink at the same pace, large or small.
#
# </details>

# %%
AdamW = None  # exercise 2: a class, AdamW(lr, decay), with change(g, p)

if AdamW is not None:
    rng = np.random.default_rng(0)
    p = rng.standard_normal(5)
    t = Tensor(p.copy(), requires_grad=True)
    ours, theirs = AdamW(0.01, decay=0.1), optim.AdamW([t], lr=0.01, weight_decay=0.1)
    for step in range(50):
        g = rng.standard_normal(5)
        p = p + ours.change(g, p)
        theirs.step([g])
        assert np.allclose(p, t.data, rtol=1e-10), f"other than the library in step {step}: a factor of lr?"
    print("exercise 2 is right")

# %% [markdown]
# **3.** XOR: the points $(0, 0)$ and $(1, 1)$ belong to one class, $(0, 1)$ and $(1, 0)$ to the other. Show on paper that no single layer tells them apart. Then train a network of two layers that does: a positive answer for the second class, a negative one for the first.
#
# <details><summary>Hint</summary>
#
# On paper: a single layer is $w_1 x_1 + w_2 x_2 + b$; write down the four conditions and add two of them. The network: `nn.Sequential`, and a loop of `grad` and `optimizer.step`. The loss is that of the spiral, but `loss_of` knows only the 300 points of the spiral: write it again with the signs $-1, 1, 1, -1$ of these four.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# rng = np.random.default_rng(0)
# xor = nn.Sequential(nn.Linear(2, 8, rng=rng), nn.Tanh(), nn.Linear(8, 1, rng=rng))
# signs = np.array([[-1], [1], [1], [-1]], "float32")  # of the four corners, in the order of the check
# corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
# optimizer = optim.Adam(xor.parameters(), lr=0.05)
# for _ in range(300):
#     loss = -ops.mean(ops.logsigmoid(xor(Tensor(corners)) * Tensor(signs)))
#     optimizer.step(grad(loss, xor.parameters()))
# ```
#
# On paper: $w_1 + b > 0$ and $w_2 + b > 0$ add up to $w_1 + w_2 + 2b > 0$. But $b < 0$ and $w_1 + w_2 + b < 0$ add up to the opposite.
#
# </details>

# %%
xor = None  # exercise 3: a trained network, xor(x) for a Tensor x (4, 2) -> (4, 1)

if xor is not None:
    four = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    answers = xor(Tensor(four)).data.ravel()
    for corner, answer, wanted in zip(four, answers, (False, True, True, False)):
        assert (answer > 0) == wanted, f"{corner} is answered {answer:.2f}; all four: {answers.round(2)}"
    print("exercise 3 is right")

# %% [markdown]
# **4.** Take the tanh out of `Network`. What is the best loss on the spiral that it can reach, to two digits? Think first, then train something.
#
# <details><summary>Hint</summary>
#
# $W_3 (W_2 (W_1 x)) = (W_3 W_2 W_1)\, x$, whatever the three matrices are.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# straight = nn.Linear(2, 1, rng=0)
# optimizer = optim.Adam(straight.parameters(), lr=0.05)
# for _ in range(500):
#     loss = loss_of(straight(Tensor(points)))
#     optimizer.step(grad(loss, straight.parameters()))
# best_straight = loss.item()
# ```
#
# Without a bend, three layers are no more than one, so one is enough to train. Its answer changes sign along a straight line. The best line through a spiral does little better than guessing, $\log 2 = 0.69$.
#
# </details>

# %%
best_straight = None  # exercise 4: a number

if best_straight is not None:
    # Newton's method (lesson 06) finds the least loss of a single layer without a learning rate.
    inputs, w = np.column_stack([points, np.ones(len(points))]).astype(float), np.zeros(3)
    for _ in range(20):
        probability = 1 / (1 + np.exp(-inputs @ w))
        curvature = inputs.T @ (inputs * (probability * (1 - probability))[:, None])
        w -= np.linalg.solve(curvature, inputs.T @ (probability - truth[:, 0]))
    least = np.log1p(np.exp(-(inputs @ w) * (2 * truth[:, 0] - 1))).mean()
    assert best_straight > least - 0.005, "no straight line gets so low: is there still a tanh?"
    assert best_straight < least + 0.005, "a straight line gets lower: train longer"
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010, equation 16: the size of weights.
# - B. Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964, equation 9: momentum.
# - T. Tieleman, G. Hinton, *Lecture 6.5: RMSprop*, Coursera, 2012.
# - D. Kingma, J. Ba, *Adam*, 2015, arXiv:1412.6980, algorithm 1.
# - I. Loshchilov, F. Hutter, *Decoupled weight decay regularization*, 2019, arXiv:1711.05101, algorithm 2: AdamW.
