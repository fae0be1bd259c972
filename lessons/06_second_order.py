# %% [markdown]
# # 06 · Gradients of gradients
#
# **You will build:** derivatives of any order, products with a Hessian that is never written down, Newton's method, and the penalty on the slope of a discriminator that modern GANs
# stand on.
#
# **You need:** lesson 04.
#
# **Time:** 40 minutes

# %%
import math
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, op, ops, optim
from tinygan.gradcheck import GradientError, assert_gradients

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests

# %% [markdown]
# ## A gradient is a computation, too
#
# The backward pass multiplies and adds. If it does so with the tape's own operations, the gradient is on the tape as well, and can be differentiated like any other result. In tinygan that is
# `create_graph=True`. On paper, $f(x) = x^3$ has $f' = 3x^2$, $f'' = 6x$, $f''' = 6$:

# %%
x = Tensor(np.float64(2.0), requires_grad=True)
y = x**3
for name in ("f ", "f'", "f''", "f'''"):
    print(f"{name:5} {y.item()}")
    (y,) = grad(y, x, create_graph=True)

# %% [markdown]
# To any order. With $n$ derivatives at one point one can rebuild a function around it, by Taylor's series $f(x) \approx \sum_{k \le n} f^{(k)}(0)\, x^k / k!$. Here of $e^{\sin 2x}$, whose eighth derivative nobody wants to find on paper:


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


f = lambda x: ops.exp(ops.sin(2 * x))
values = derivatives(f, 0.0, 8)
xs = np.linspace(-1.6, 1.6, 200)
plt.plot(xs, f(xs), color="black", label=r"$e^{\sin 2x}$")
for n, colour in ((1, "C5"), (3, "C0"), (8, "C1")):
    series = sum(values[k] * xs**k / math.factorial(k) for k in range(n + 1))
    plt.plot(xs, series, color=colour, linewidth=1.2, label=f"{n} derivatives")
plt.ylim(-0.5, 4)
plt.xlabel("x")
plt.legend()
plt.show()

h = 1e-5
for k in range(1, 9):  # each is the slope of the one before
    up, down = derivatives(f, h, k - 1)[-1], derivatives(f, -h, k - 1)[-1]
    assert abs((up - down) / (2 * h) - values[k]) < 1e-5 * max(1, abs(values[k]))

# %% [markdown]
# (Each derivative is made of several times as many operations as the one before, so there is a limit to the fun. GANs need two.)
#
# ## How it is lost
#
# The recipe for tanh is $g (1 - y^2)$. If $y$ is on the tape, so is this. If someone uses the bare *array* of it, the first gradient is the same number, and the second is silently wrong: the tape takes $1 - y^2$ for a constant. Several libraries had this mistake for years.


# %%
@op(lambda g, y, x: g * (1 - y * y))
def good_tanh(x):
    return np.tanh(x)


@op(lambda g, y, x: g * (1 - np.tanh(getattr(x, "data", x)) ** 2))  # the array, not the Tensor
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
# The second derivatives of a function of $n$ numbers are a matrix, the **Hessian** $H_{ij} = \partial^2 f / \partial x_i \partial x_j$. For a network with a million weights it has $10^{12}$ entries. But a *product* $Hv$ is cheap: it is how the gradient changes along $v$,
#
# $$ H v = \nabla_x \langle \nabla f(x), v \rangle, $$
#
# the gradient of one number that was made of a gradient.


# %%
def hessian_times(f, x, v):
    """H v at x, without H."""
    t = Tensor(x, requires_grad=True)
    (slope,) = grad(f(t), t, create_graph=True)
    return grad(ops.sum(slope * Tensor(v)), t)[0]


def gradient(f, x):
    t = Tensor(x, requires_grad=True)
    return grad(f(t), t)[0]


rng = np.random.default_rng(0)
w = rng.standard_normal((50, 50)) / 7
f = lambda x: ops.sum(ops.tanh(Tensor(w) @ x) ** 2)
x, v = rng.standard_normal(50), rng.standard_normal(50)
by_differences = (gradient(f, x + 1e-5 * v) - gradient(f, x - 1e-5 * v)) / 2e-5
print(f"largest difference of 50 entries: {np.abs(hessian_times(f, x, v) - by_differences).max():.0e}")
assert np.allclose(hessian_times(f, x, v), by_differences, atol=1e-7)

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
# Near the minimum the number of right digits doubles in each step. Networks are not trained so, for $H$ is too large to invert, and a minimum is not the only place where the slope is 0: Newton's method goes to saddles and maxima just as well.
#
# ## A penalty on a slope
#
# What GANs need second derivatives for is this. A discriminator $D$ sees samples, a few of each kind, and nothing keeps it from finding out what is special about just these. Then it is steep where nothing is, and its slope, which is all that
# the generator learns from, is of no use. To keep it smooth, add to its loss the squared slope at the samples; at real ones, it is what Mescheder et al. called $R_1$:
#
# $$ R_1 = \frac{\gamma}{2}\, \operatorname{mean}\, \bigl|\nabla_x D(x)\bigr|^2. $$
#
# To lower it, $D$ needs the gradient of $R_1$ with respect to its *weights*: a gradient of a gradient. For $D(x) = \langle a, \tanh(Wx) \rangle$ it can be worked out on paper. With $y = \tanh(Wx)$,
# $s = a\,(1 - y^2)$ element by element, the slope is $\nabla_x D = W^{\mathsf T} s$; and as $a$ enters only through $s$, $\;\partial\, |\nabla_x D|^2 / \partial a = 2\,(1 - y^2)\, (W \nabla_x D)$.

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
    """mean |∇D(x)|²: verdicts (N, 1) were computed from samples (N, ...), each from its own."""
    (slope,) = grad(ops.sum(verdicts), samples, create_graph=True)  # (N, ...)
    return ops.sum(slope**2) / len(samples)


from tinygan.gan.penalties import zero_centred  # the library's

D = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
samples = Tensor(rng.standard_normal((8, 2), dtype="float32"), requires_grad=True)
ours = grad(squared_slope(D(samples), samples), D.parameters())
theirs = grad(zero_centred(D(samples), samples), D.parameters())
assert all(np.allclose(g, h, atol=1e-6) for g, h in zip(ours, theirs))

# %% [markdown]
# (The sum over verdicts is a trick: sample $n$ appears in verdict $n$ alone, so row $n$ of the gradient of the sum is $\nabla D(x_n)$. It would fail if samples met each other inside $D$, as in batch normalisation.)
#
# What it does, on a line: 40 real samples and 40 generated ones, from two bell curves that overlap. $D$ is trained alone, with the slope penalised at both kinds. As the bell curves are known, so is the best verdict of all, $\log (p_\text{real} / p_\text{generated})$; lesson 07 says why. Here it is a straight line.

# %%
rng = np.random.default_rng(3)
real = (0.6 * rng.standard_normal((40, 1)) - 0.4).astype("float32")
fake = (0.6 * rng.standard_normal((40, 1)) + 0.4).astype("float32")
xs = np.linspace(-2, 2, 200, dtype="float32")[:, None]
best = ((xs - 0.4) ** 2 - (xs + 0.4) ** 2) / (2 * 0.6**2)


def trained(gamma, steps):
    rng = np.random.default_rng(0)
    first, second = nn.Linear(1, 64, rng=rng), nn.Linear(64, 64, rng=rng)
    D = nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), nn.Linear(64, 1, rng=rng))
    optimizer = optim.Adam(D.parameters(), lr=5e-3)
    for _ in range(steps):
        x, z = Tensor(real, requires_grad=True), Tensor(fake, requires_grad=True)
        on_real, on_fake = D(x), D(z)
        loss = -ops.mean(ops.logsigmoid(on_real)) - ops.mean(ops.logsigmoid(-on_fake))
        if gamma:
            slopes = squared_slope(on_real, x) + squared_slope(on_fake, z)
            loss = loss + gamma / 2 * slopes
        optimizer.step(grad(loss, D.parameters()))
    return D


# %%
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
steepest = {}
for gamma, colour in ((0.0, "C1"), (0.03, "C0")):
    D = trained(gamma, 300 if FAST else 3000)
    x = Tensor(xs, requires_grad=True)
    (slope,) = grad(ops.sum(D(x)), x)
    steepest[gamma] = np.abs(slope).max()
    axes[0].plot(xs, D(x).data, color=colour, label=f"γ = {gamma:g}")
    axes[1].plot(xs, slope, color=colour)
axes[0].plot(xs, best, "--", color="#888888", linewidth=1, label="best")
axes[1].axhline(-0.8 / 0.6**2, linestyle="--", color="#888888", linewidth=1)
axes[0].plot(real, np.full(40, -11.0), "|", color="black")
axes[0].plot(fake, np.full(40, -12.2), "|", color="#aaaaaa")
axes[0].set(xlabel="x", ylabel="verdict D(x)", title="marks: real (black), generated (grey)", ylim=(-13, 10))
axes[1].set(xlabel="x", ylabel="slope D'(x)", ylim=(-40, 40))
axes[0].legend()
plt.show()
print("steepest:", ", ".join(f"{s:.1f} for γ = {gamma:g}" for gamma, s in steepest.items()))
assert steepest[0.03] < steepest[0.0]

# %% [markdown]
# Without the penalty $D$ separates each sample from its neighbours, and its slope points this way and that. With it $D$ comes close to what is true. Lesson 08 puts it into a game.
#
# ## Exercises
#
# **1.** The curvature of the graph of $f$ is $\kappa = |f''| / (1 + f'^2)^{3/2}$, one over the radius of the circle that fits best. Write it for any $f$ made of `ops`.


# %%
def check_curvature(curvature):
    circle = lambda x: ops.sqrt(4 - x * x)  # radius 2
    for x in (-1.2, 0.0, 0.7):
        assert abs(curvature(circle, x) - 0.5) < 1e-9, f"a circle of radius 2, at x = {x}"
    assert abs(curvature(lambda x: x * x, 0.0) - 2) < 1e-12, "a parabola, at its bottom"
    print("right")


def curvature(f, x): ...  # yours


# check_curvature(curvature)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `_, first, second = derivatives(f, x, 2)`, then `abs(second) / (1 + first**2) ** 1.5`.
#
# </details>
#
# **2.** WGAN-GP draws the slope to 1 in the place of 0: its penalty is $\operatorname{mean}\,(|\nabla D(x)| - 1)^2$. Write it.


# %%
def check_one_centred(penalty):
    from tinygan.gan.penalties import one_centred

    D = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    x = Tensor(np.ones((4, 2), "float32") * [[1], [2], [3], [4]], requires_grad=True)
    assert abs(penalty(D(x), x).item() - one_centred(D(x), x).item()) < 1e-6, "the value"
    pairs = zip(grad(penalty(D(x), x), D.parameters()), grad(one_centred(D(x), x), D.parameters()))
    assert all(np.allclose(g, h, atol=1e-5) for g, h in pairs), "its gradient"
    print("right")


def one_centred_by_hand(verdicts, samples): ...  # yours


# check_one_centred(one_centred_by_hand)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `(slope,) = grad(ops.sum(verdicts), samples, create_graph=True)`, then `ops.mean((ops.sqrt(ops.sum(slope**2, 1) + 1e-12) - 1) ** 2)`. What is the small number for?
#
# </details>
#
# **3.** Start Newton's method at $(0, 1.5)$. Where does it go, and what does $H$ look like there? (`np.linalg.eigvalsh`)
# <details><summary>Hint</summary>
#
# At $(0, 1.5)$, $\partial^2 f / \partial x_1^2 = 2 - 20 x_2 + 60 x_1^2 < 0$: the parabola opens downwards in one direction, and the first step goes *up*.
#
# </details>
#
# **4.** The gradient of a network with relu in the place of tanh has a second derivative of 0 almost everywhere. Why does $R_1$ work for it all the same?
# <details><summary>Hint</summary>
#
# The second derivative with respect to *$x$ twice* is 0. The one that is needed is with respect to $x$ and the weights, and $W^{\mathsf T} s$ depends on the weights even if $s$ is a mask of zeros and ones times $a$.
#
# </details>
#
# ## Sources
#
# - B. Pearlmutter, *Fast exact multiplication by the Hessian*, 1994, doi.org/10.1162/neco.1994.6.1.147.
# - L. Mescheder, A. Geiger, S. Nowozin, *Which training methods for GANs do actually converge?*, 2018, arXiv:1801.04406, equation 9: $R_1$.
# - I. Gulrajani et al., *Improved training of Wasserstein GANs*, 2017, arXiv:1704.00028, equation 3: the slope drawn to 1.
# - J. Nocedal, S. Wright, *Numerical optimization*, 2nd edition, 2006, chapter 3: Newton's method, and how it is made safe.
