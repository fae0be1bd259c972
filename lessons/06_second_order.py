# %% [markdown]
# # 06 · Gradients of gradients
#
# **You will build:** derivatives of any order, products with a Hessian that is never written down, Newton's method, and the penalty on the slope of a discriminator that modern GANs
# stand on.
#
# **You need:** lesson 04; for the last part, `nn.Sequential` and Adam of lesson 05.
#
# **Time:** 40 minutes

# %%
import math
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, op, ops, optim
from tinygan.autodiff import raw
from tinygan.gradcheck import GradientError, assert_gradients

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests

# %% [markdown]
# ## A gradient is a computation, too
#
# The backward pass multiplies and adds. If it does so with the tape's own operations, the gradient is on the tape as well, and can be differentiated like any other result. In tinygan that is
# `create_graph=True`: the gradient comes back as a `Tensor` with a history of its own. Without it, `grad` gives a bare array. (`grad` returns a tuple, one gradient for each input; hence the comma in `(y,) =`.) On paper, $f(x) = x^3$ has $f' = 3x^2$, $f'' = 6x$, $f''' = 6$:

# %%
x = Tensor(np.float64(2.0), requires_grad=True)
y = x**3
for name in ("f ", "f'", "f''", "f'''"):
    print(f"{name:5} {y.item()}")
    (y,) = grad(y, x, create_graph=True)

# %% [markdown]
# It works to any order. With $n$ derivatives at one point one can rebuild a function around it, by Taylor's series $f(x) \approx \sum_{k \le n} f^{(k)}(0)\, x^k / k!$. Take $e^{\sin 2x}$, whose eighth derivative nobody wants to find on paper:


# %%
def derivatives(f, at, n):
    """f, f', ..., the n-th derivative, at a point."""
    x = Tensor(np.float64(at), requires_grad=True)
    y = f(x)
    values = [y.item()]
    for _ in range(n):
        (y,) = grad(y, x, create_graph=True)
        values.append(y.item())
    return values


def bumpy(x):
    return ops.exp(ops.sin(2 * x))


values = derivatives(bumpy, 0.0, 8)
xs = np.linspace(-1.6, 1.6, 200)
plt.plot(xs, bumpy(xs), color="black", label=r"$e^{\sin 2x}$")
for n, colour in ((1, "C5"), (3, "C0"), (8, "C1")):
    series = sum(values[k] * xs**k / math.factorial(k) for k in range(n + 1))
    plt.plot(xs, series, color=colour, linewidth=1.2, label=f"{n} derivatives")
plt.ylim(-0.5, 4)
plt.xlabel("x")
plt.legend()
plt.show()

h = 1e-5
for k in range(1, 9):  # each is the slope of the one before
    up, down = derivatives(bumpy, h, k - 1)[-1], derivatives(bumpy, -h, k - 1)[-1]
    assert abs((up - down) / (2 * h) - values[k]) < 1e-5 * max(1, abs(values[k]))

# %% [markdown]
# (Each derivative is made of several times as many operations as the one before, so there is a limit to the fun. GANs need two.)
#
# ## How it is lost
#
# The recipe for tanh is $g (1 - y^2)$. If $y$ is on the tape, so is this. If someone uses the bare *array* of it, the first gradient is the same number. The second is silently wrong: the tape takes $1 - y^2$ for a constant.


# %%
@op(lambda g, y, x: g * (1 - y * y))
def good_tanh(x):
    return np.tanh(x)


@op(lambda g, y, x: g * (1 - raw(y) ** 2))  # raw: the array of a Tensor, without its history
def bad_tanh(x):
    return np.tanh(x)


x = np.array([0.3, -0.8])
assert_gradients(good_tanh, x, order=2)
assert_gradients(bad_tanh, x, order=1)  # nothing to see
try:
    assert_gradients(bad_tanh, x, order=2)
except GradientError as error:
    print(error)

# %% [markdown]
# `order=2` checks the gradient of the gradient. Every operation of tinygan passes it.
#
# ## Curvature in many dimensions
#
# The second derivatives of a function of $n$ numbers are a matrix, the **Hessian** $H_{ij} = \partial^2 f / \partial x_i \partial x_j$. For a network with a million weights it has $10^{12}$ entries. But a *product* $Hd$ is cheap: it is how the gradient changes along a direction $d$,
#
# $$ H d = \nabla_x \langle \nabla f(x), d \rangle, $$
#
# the gradient of one number that was made of a gradient. ($\langle a, b \rangle$ is the sum of the products $a_i b_i$.)


# %%
def hessian_times(f, x, direction):
    """H times the direction at x, without H."""
    t = Tensor(x, requires_grad=True)
    (slope,) = grad(f(t), t, create_graph=True)
    return grad(ops.sum(slope * Tensor(direction)), t)[0]


def gradient(f, x):
    t = Tensor(x, requires_grad=True)
    return grad(f(t), t)[0]


rng = np.random.default_rng(0)
w = rng.standard_normal((50, 50)) / 7


def f(x):
    return ops.sum(ops.tanh(Tensor(w) @ x) ** 2)


x, direction = rng.standard_normal(50), rng.standard_normal(50)
by_differences = (gradient(f, x + 1e-5 * direction) - gradient(f, x - 1e-5 * direction)) / 2e-5
by_tape = hessian_times(f, x, direction)
print(f"largest difference of 50 entries: {np.abs(by_tape - by_differences).max():.0e}")
assert np.allclose(by_tape, by_differences, atol=1e-7)

H = np.stack([hessian_times(f, x, e) for e in np.eye(50)])  # if one insists
print(f"H is symmetric to {np.abs(H - H.T).max():.0e}")
assert np.allclose(H, H.T, atol=1e-12)

# %% [markdown]
# ## Newton's method
#
# Around $x$, $f$ looks like the parabola $f(x + d) \approx f(x) + \langle g, d \rangle + \frac12 \langle d, H d \rangle$ with $g = \nabla f(x)$. Gradient descent knows the slope alone and needs a learning rate. Newton's method goes straight to the bottom of the parabola, where $g + Hd = 0$:
#
# $$ x \leftarrow x - H^{-1} g. $$
#
# In the bent valley of lesson 01:


# %%
def valley(x):
    return (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2


newton, descent = [np.array([-1.0, 1.5])], [np.array([-1.0, 1.5])]
for _ in range(10):
    p = newton[-1]
    H = np.stack([hessian_times(valley, p, e) for e in np.eye(2)])
    newton.append(p - np.linalg.solve(H, gradient(valley, p)))
for _ in range(100):
    descent.append(descent[-1] - 0.03 * gradient(valley, descent[-1]))

figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
X, Y = np.meshgrid(np.linspace(-1.8, 1.8, 100), np.linspace(-2.6, 2.4, 100))
axes[0].contourf(X, Y, valley([X, Y]), np.geomspace(0.05, 100, 12), cmap="Blues", extend="both")
for k, (name, path) in enumerate({"gradient descent": descent, "Newton": newton}.items()):
    path, colour = np.array(path), ("C5", "C1")[k]
    axes[0].plot(*path.T, ".-", color=colour, markersize=4, linewidth=1)
    distance = np.hypot(*(path - 1).T)
    axes[1].semilogy(distance, ".-", color=colour, markersize=4, linewidth=1, label=name)
axes[0].plot(1, 1, "*", color="black", markersize=8)
axes[0].set(xlabel="$x_1$", ylabel="$x_2$")
axes[0].grid(False)
axes[1].set(xlabel="step", ylabel="distance from the minimum", ylim=(1e-16, 10))
axes[1].legend()
plt.show()
for k, p in enumerate(newton):
    print(f"Newton, step {k}: f = {valley(p):.1e}, {np.hypot(*(p - 1)):.0e} from the minimum")
assert np.hypot(*(newton[-1] - 1)) < 1e-9

# %% [markdown]
# In some of the first steps $f$ even rises: far from the minimum $f$ is unlike the parabola. Near the minimum the number of right digits doubles in each step. Networks are not trained in this way. Their $H$ is too large to invert. And the slope is 0 at saddles and maxima, too: Newton's method goes there just as well.
#
# ## A penalty on a slope
#
# GANs need second derivatives for this. A discriminator is a network that takes a sample $x$ and gives a verdict $v(x)$: one number, large for "real". It sees samples, a few of each kind, and nothing keeps it from finding out what is special about just these. Then it is steep in places where real and generated samples do not differ. Its slope is all that
# the generator learns from, and such a slope is of no use. To keep it smooth, add to its loss the squared slope at the samples. At real ones, this is what Mescheder et al. (equation 9) call $R_1$:
#
# $$ R_1 = \frac{\gamma}{2}\, \operatorname{mean}\, \bigl|\nabla_x v(x)\bigr|^2. $$
#
# The number $\gamma$ says how strong the penalty is. (At generated samples it is their $R_2$, equation 10.) To lower it, the discriminator needs the gradient of $R_1$ with respect to its *weights*: a gradient of a gradient. For $v(x) = \langle a, \tanh(Wx) \rangle$ it can be worked out on paper. With $y = \tanh(Wx)$,
# $s = a\,(1 - y^2)$ element by element, the slope is $\nabla_x v = W^{\mathsf T} s$. As $a$ enters only through $s$, $\;\partial\, |\nabla_x v|^2 / \partial a = 2\,(1 - y^2)\, (W \nabla_x v)$.

# %%
W, a = rng.standard_normal((5, 2)), rng.standard_normal(5)
x = rng.standard_normal(2)
on_paper = 2 * (1 - np.tanh(W @ x) ** 2) * (W @ (W.T @ (a * (1 - np.tanh(W @ x) ** 2))))

t, weights = Tensor(x, requires_grad=True), Tensor(a, requires_grad=True)
verdict = ops.sum(weights * ops.tanh(Tensor(W) @ t))
(slope,) = grad(verdict, t, create_graph=True)  # with respect to the sample: recorded
(by_tape,) = grad(ops.sum(slope**2), weights)  # with respect to the weights
print("on paper", on_paper.round(6))
print("by tape ", by_tape.round(6))
assert np.allclose(on_paper, by_tape, rtol=1e-12)


# %%
def squared_slope(verdicts, samples):
    """mean |∇v(x)|²: verdicts (N, 1) were computed from samples (N, ...), each from its own."""
    (slope,) = grad(ops.sum(verdicts), samples, create_graph=True)  # (N, ...)
    return ops.sum(slope**2) / len(samples)


from tinygan.gan.penalties import zero_centred  # the library's

v = nn.Sequential(nn.Linear(2, 16, rng=0), nn.Tanh(), nn.Linear(16, 1, rng=1))
samples = Tensor(rng.standard_normal((8, 2), dtype="float32"), requires_grad=True)
ours = grad(squared_slope(v(samples), samples), v.parameters())
theirs = grad(zero_centred(v(samples), samples), v.parameters())
assert all(np.allclose(g, h, atol=1e-6) for g, h in zip(ours, theirs))

# %% [markdown]
# (The sum over verdicts is a trick. Sample $n$ appears in verdict $n$ alone, so row $n$ of the gradient of the sum is $\nabla v(x_n)$. It would fail if samples met each other inside `v`, as in batch normalisation.)
#
# What does it do? On a line there are 40 real samples and 40 generated ones, from two bell curves that overlap. The discriminator is trained alone, on the loss that lesson 07 explains: verdicts on real samples up, on generated ones down. The slope is penalised at both kinds. As the bell curves are known, so is the best verdict of all, $\log (p_\text{real} / p_\text{generated})$; lesson 07 says why. Here it is a straight line.

# %%
def draw(seed):
    """40 real samples about -0.4, 40 generated ones about 0.4."""
    rng = np.random.default_rng(seed)
    real = (0.6 * rng.standard_normal((40, 1)) - 0.4).astype("float32")
    fake = (0.6 * rng.standard_normal((40, 1)) + 0.4).astype("float32")
    return real, fake


xs = np.linspace(-2, 2, 200, dtype="float32")[:, None]
best = ((xs - 0.4) ** 2 - (xs + 0.4) ** 2) / (2 * 0.6**2)


def train(gamma, real, fake, steps):
    rng = np.random.default_rng(0)
    v = nn.Sequential(
        nn.Linear(1, 64, rng=rng), nn.LeakyReLU(0.2),
        nn.Linear(64, 64, rng=rng), nn.LeakyReLU(0.2),
        nn.Linear(64, 1, rng=rng),
    )  # fmt: skip
    optimizer = optim.Adam(v.parameters(), lr=5e-3)
    for _ in range(steps):
        x, z = Tensor(real, requires_grad=True), Tensor(fake, requires_grad=True)
        on_real, on_fake = v(x), v(z)
        loss = -ops.mean(ops.logsigmoid(on_real)) - ops.mean(ops.logsigmoid(-on_fake))
        if gamma:
            slopes = squared_slope(on_real, x) + squared_slope(on_fake, z)
            loss = loss + gamma / 2 * slopes
        optimizer.step(grad(loss, v.parameters()))
    return v


def verdicts_and_slopes(v):
    """v and its slope at the places xs."""
    x = Tensor(xs, requires_grad=True)
    verdicts = v(x)
    return verdicts.data, grad(ops.sum(verdicts), x)[0]


steps = 200 if FAST else 1500
for seed in (3,) if FAST else (1, 2, 3):
    real, fake = draw(seed)
    without = verdicts_and_slopes(train(0.0, real, fake, steps))
    penalised = verdicts_and_slopes(train(0.03, real, fake, steps))
    steepest = [np.abs(slope).max() for _, slope in (without, penalised)]
    print(f"samples {seed}: steepest {steepest[0]:.1f} without the penalty, {steepest[1]:.1f} with γ = 0.03")
    assert steepest[1] < steepest[0]
print(f"slope of the best verdict: {-0.8 / 0.6**2:.1f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
for (verdicts, slope), gamma, colour in ((without, 0, "C1"), (penalised, 0.03, "C0")):
    axes[0].plot(xs, verdicts, color=colour, label=f"γ = {gamma:g}")
    axes[1].plot(xs, slope, color=colour)
axes[0].plot(xs, best, "--", color="#888888", linewidth=1, label="best")
axes[1].axhline(-0.8 / 0.6**2, linestyle="--", color="#888888", linewidth=1)
axes[0].plot(real, np.full(40, -11.0), "|", color="black")
axes[0].plot(fake, np.full(40, -12.2), "|", color="#aaaaaa")
axes[0].set(xlabel="x", ylabel="verdict v(x)", title="marks: real (black), generated (grey)", ylim=(-13, 10))
axes[1].set(xlabel="x", ylabel="slope v'(x)", ylim=(-40, 40))
axes[0].legend()
plt.show()

# %% [markdown]
# The picture shows the last samples. Without the penalty the discriminator separates each sample from its neighbours, and its slope points this way and that. With it the verdict stays close to the best one where most samples are. It is a little too flat, because the penalty draws every slope towards 0. Lesson 08 puts the penalty into a game.
#
# ## Exercises
#
# Each exercise has a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** The curvature of the graph of $f$ is $\kappa = |f''| / (1 + f'^2)^{3/2}$, one over the radius of the circle that fits best. Write it for any $f$ made of `ops`.
#
# <details><summary>Hint</summary>
#
# The function `derivatives` above gives a list of what you need.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def curvature(f, x):
#     value, first, second = derivatives(f, x, 2)
#     return abs(second) / (1 + first**2) ** 1.5
# ```
#
# </details>

# %%
curvature = None  # exercise 1: a function of f and of x, a number


def circle(x):
    return ops.sqrt(4 - x * x)  # radius 2


def parabola(x):
    return x * x


if curvature is not None:
    for place in (0.0, 0.7, -1.2):
        got = curvature(circle, place)
        assert abs(got - 0.5) < 1e-9, f"a circle of radius 2 has 0.5 everywhere, not {got:.4f} at x = {place}"
    assert abs(curvature(parabola, 0.0) - 2) < 1e-12, "the parabola x² has 2 at its bottom"
    print("exercise 1 is right")

# %% [markdown]
# **2.** WGAN-GP draws the slope to 1 instead of 0: its penalty is $\operatorname{mean}\,(|\nabla v(x)| - 1)^2$. Write it, from verdicts $(N, 1)$ and samples $(N, 2)$.
#
# <details><summary>Hint</summary>
#
# Begin as `squared_slope` does. Then sum the squares of each row, `ops.sum(..., 1)`, and take the root. The slope of the root is infinite at 0: add 1e-12 under it.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def slope_to_one(verdicts, samples):
#     (slope,) = grad(ops.sum(verdicts), samples, create_graph=True)
#     length = ops.sqrt(ops.sum(slope**2, 1) + 1e-12)
#     return ops.mean((length - 1) ** 2)
# ```
#
# Without the small number, a sample where the slope is exactly 0 would make the gradient infinite.
#
# </details>

# %%
slope_to_one = None  # exercise 2: a function of verdicts and samples, a scalar Tensor

if slope_to_one is not None:
    from tinygan.gan.penalties import one_centred  # the library's

    v = nn.Sequential(nn.Linear(2, 16, rng=0), nn.Tanh(), nn.Linear(16, 1, rng=1))
    x = Tensor(np.array([[1, 1], [2, 0], [0, 3], [-1, 4]], "float32"), requires_grad=True)
    ours, theirs = slope_to_one(v(x), x), one_centred(v(x), x)
    assert abs(ours.item() - theirs.item()) < 1e-5, f"the value is {theirs.item():.5f}, not {ours.item():.5f}"
    assert ours.requires_grad, "it has no history: was create_graph=True forgotten?"
    for g, h in zip(grad(ours, v.parameters()), grad(theirs, v.parameters())):
        assert np.allclose(g, h, atol=1e-5), "the value is right, its gradient is not: an array on the way?"
    print("exercise 2 is right")

# %% [markdown]
# **3.** Start Newton's method in the valley at $(0, 1.5)$. What are the two eigenvalues of $H$ there (`np.linalg.eigvalsh`), and by how much does $f$ change in the first step?
#
# <details><summary>Hint</summary>
#
# $H$ is made in the loop of Newton's method above, the step as well. An eigenvalue below 0 is a direction in which the parabola opens downwards.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# start = np.array([0.0, 1.5])
# H = np.stack([hessian_times(valley, start, e) for e in np.eye(2)])
# after = start - np.linalg.solve(H, gradient(valley, start))
# at_the_start = (np.linalg.eigvalsh(H), valley(after) - valley(start))
# ```
#
# $\partial^2 f / \partial x_1^2 = 2 - 20 x_2 + 60 x_1^2 = -28$ at this point. The other eigenvalue is 10. So the parabola is a saddle, and Newton's method goes to the middle of the saddle. Along $x_2$ this is the bottom, and $f$ falls by 11.1. Along $x_1$ it is the top: the step goes left, to $x_1 = -0.07$. But $f$ falls to the right, where the minimum is.
#
# </details>

# %%
at_the_start = None  # exercise 3: the two eigenvalues, and f after the step less f before it

if at_the_start is not None:
    eigenvalues, change = at_the_start
    by_hand = np.array([[2 - 20 * 1.5, 0.0], [0.0, 10.0]])  # second derivatives on paper, at x1 = 0
    assert np.allclose(sorted(eigenvalues), sorted(np.diag(by_hand))), "not the eigenvalues of H at (0, 1.5)"
    there = np.array([0.0, 1.5]) - np.linalg.solve(by_hand, np.array([-2.0, 15.0]))
    expected = valley(there) - valley(np.array([0.0, 1.5]))
    assert abs(change - expected) < 1e-6, "not the change of one step, x - H⁻¹ g: f after less f before"
    print("exercise 3 is right")

# %% [markdown]
# **4.** The second derivative of relu is 0 almost everywhere. Why does $R_1$ work all the same for a network with relu instead of tanh? Take $v(x) = \langle a, \operatorname{relu}(Wx) \rangle$, and work out on paper, and write, $\partial\, |\nabla_x v|^2 / \partial a$.
#
# <details><summary>Hint</summary>
#
# Follow the text for tanh. Where the text has $1 - y^2$, put the slope of relu: 1 where $Wx > 0$, and 0 elsewhere.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def slope_for_a(W, a, x):
#     mask = (W @ x > 0).astype(float)
#     slope = W.T @ (a * mask)
#     return 2 * mask * (W @ slope)
# ```
#
# The second derivative with respect to *$x$ twice* is 0. The penalty needs another one: with respect to $x$ and the weights. The slope $W^{\mathsf T} (a \cdot \text{mask})$ depends on the weights, although the mask is constant.
#
# </details>

# %%
slope_for_a = None  # exercise 4: a function of the arrays W (5, 2), a (5,) and x (2,), an array (5,)

if slope_for_a is not None:
    for seed in (0, 1, 2):
        rng = np.random.default_rng(seed)
        W, a, x = rng.standard_normal((5, 2)), rng.standard_normal(5), rng.standard_normal(2)
        t, weights = Tensor(x, requires_grad=True), Tensor(a, requires_grad=True)
        (slope,) = grad(ops.sum(weights * ops.relu(Tensor(W) @ t)), t, create_graph=True)
        (expected,) = grad(ops.sum(slope**2), weights)
        got = slope_for_a(W, a, x)
        assert np.allclose(got, expected), f"the tape says {expected.round(3)}, not {np.round(got, 3)}"
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - B. Pearlmutter, *Fast exact multiplication by the Hessian*, 1994, doi.org/10.1162/neco.1994.6.1.147: the product $Hd$ at the price of a gradient. He takes the derivative of the gradient along $d$; the gradient of $\langle \nabla f, d \rangle$, as here, is the same product.
# - L. Mescheder, A. Geiger, S. Nowozin, *Which training methods for GANs do actually converge?*, 2018, arXiv:1801.04406, equation 9: $R_1$, at real samples; equation 10: $R_2$, at generated ones. The example on a line has both.
# - I. Gulrajani et al., *Improved training of Wasserstein GANs*, 2017, arXiv:1704.00028, equation 3: the slope drawn to 1.
# - J. Nocedal, S. Wright, *Numerical optimization*, 2nd edition, 2006, theorem 3.5: the right digits double; section 3.4: how Newton's method is made safe.
