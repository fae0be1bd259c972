# %% [markdown]
# # 01 · A slope from two values
#
# **You will build:** a function that finds the slope of any smooth function by calling it, good to ten digits, in one dimension and in many. With it you
# descend to a minimum.
#
# **You need:** Python, a little NumPy, and what a derivative is.
#
# **Time:** 30 minutes

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests

# %% [markdown]
# ## A slope
#
# The derivative of $f$ at $x$ is what
#
# $$ \frac{f(x + h) - f(x)}{h} $$
#
# comes to when the step $h$ shrinks to zero. A computer can take $h$ small, but not zero. Take $f = \sin$ at $x = 1$. The true slope is $\cos 1$.


# %%
def forward_difference(f, x, h):
    return (f(x + h) - f(x)) / h


truth = np.cos(1.0)
print("truth       ", truth)
for h in (1e-1, 1e-4, 1e-8, 1e-12, 1e-15):
    print(f"h = {h:.0e} ", forward_difference(np.sin, 1.0, h))

# %% [markdown]
# Smaller is better, down to about $10^{-8}$. Then it gets worse again, and at $10^{-15}$ only the first digit is right. Two errors are at work:
#
# - **Truncation.** Taylor's series is $f(x + h) = f(x) + h f'(x) + \frac{h^2}{2} f''(x) + \dots$. So the quotient is off by about $\frac h2 f''(x)$. This error shrinks with $h$.
# - **Cancellation.** A number on a computer has 16 digits: it is rounded by up to $\epsilon \approx 1.1 \cdot 10^{-16}$ of its size. $f(x + h)$ and
#   $f(x)$ agree in most of their digits. Their difference keeps only the few others, and the rounding. Dividing by $h$ makes the rounding large: the
#   error is about $\epsilon |f(x)| / h$. It grows as $h$ shrinks.
#
# ## A better slope, for the same price
#
# Step to both sides. In
#
# $$ \frac{f(x + h) - f(x - h)}{2h} = f'(x) + \frac{h^2}{6} f'''(x) + \dots $$
#
# the terms with $f''$ cancel. That is the **central difference**.


# %%
def central_difference(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)


h = 10.0 ** np.arange(-15, 0, 0.05)
eps = 2.0**-53
one_sided = np.abs(forward_difference(np.sin, 1.0, h) - truth)
two_sided = np.abs(central_difference(np.sin, 1.0, h) - truth)

plt.figure(figsize=(6.4, 3.8))
plt.loglog(h, one_sided, ".", markersize=3, label="forward difference")
plt.loglog(h, two_sided, ".", markersize=3, label="central difference")
plt.loglog(h, h / 2 * np.sin(1), color="C0", linewidth=0.8, label=r"$\frac{h}{2} |f''|$")
plt.loglog(h, h**2 / 6 * np.cos(1), color="C1", linewidth=0.8, label=r"$\frac{h^2}{6} |f'''|$")
plt.loglog(h, eps * np.sin(1) / h, color="#888888", linewidth=0.8, label=r"$\epsilon |f| / h$")
plt.ylim(1e-13, 1)
plt.xlabel("step h")
plt.ylabel("error of the slope")
plt.legend(ncols=2)
plt.show()

# %% [markdown]
# Read the picture from right to left. The dots follow the two laws. They come down along the truncation line and go up again along the cancellation line. There they are
# scattered, most of them below the line: rounding is a matter of luck, and the line says about how large its error can be. The best $h$ lies about where the lines cross. For the central difference they cross where $\frac{h^2}{6}|f'''| = \frac{\epsilon |f|}{h}$:

# %%
best = (6 * eps * np.sin(1) / np.cos(1)) ** (1 / 3)
print(f"crossing at h = {best:.1e}; the error there is {central_difference(np.sin, 1.0, best) - truth:.1e}")
assert abs(central_difference(np.sin, 1.0, best) - truth) < 1e-10
assert abs(forward_difference(np.sin, 1.0, 1e-8) - truth) > 1e-10  # out of reach for it, near its own best h

# %% [markdown]
# So $h = 10^{-5}$ is a good choice for most functions whose values and slopes are about 1. One gets ten digits. A `float32` number has 7 digits,
# $\epsilon \approx 6 \cdot 10^{-8}$. There the best $h$ is near $10^{-2}$, and one gets 4 or 5 digits. That is why gradients are checked in `float64`.

# %%
x32 = np.float32(1.0)
for h in (1e-1, 1e-2, 1e-3, 1e-5):
    error = central_difference(np.sin, x32, np.float32(h)) - truth
    print(f"float32, h = {h:.0e}: error {error:.0e}")

# %% [markdown]
# ## Many dimensions
#
# The **gradient** $\nabla f(x)$ of a function of many numbers $x = (x_1, \dots, x_n)$ is the list of its slopes. Entry $i$ says how fast $f$ rises when $x_i$
# alone grows. So we move one number at a time. `np.ndindex` gives the index of each in turn:


# %%
def gradient(f, x, h=1e-5):
    """∇f(x) for an array x of any shape, by central differences: 2 calls of f an element."""
    slopes = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        slopes[i] = (f(x + step) - f(x - step)) / (2 * h)
    return slopes


def valley(x):
    """A bent valley: Rosenbrock's function, least at (1, 1)."""
    return (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2


def slope_of_valley(x):
    """Its gradient, worked out on paper."""
    across = 10 * (x[1] - x[0] ** 2)
    return np.array([-2 * (1 - x[0]) - 2 * x[0] * across, across])


x = np.array([-0.7, 1.3])
print("by differences    ", gradient(valley, x))
print("on paper          ", slope_of_valley(x))
print("they differ by    ", gradient(valley, x) - slope_of_valley(x))
assert np.allclose(gradient(valley, x), slope_of_valley(x), rtol=1e-8)

# %% [markdown]
# tinygan has such a check. `assert_gradients` takes a pair: a function, and its gradient written by hand. It raises an error if the gradient disagrees with differences. The factor `g`, by
# which the gradient is multiplied, is explained in lesson 04.

# %%
from tinygan.gradcheck import assert_gradients

assert_gradients((valley, lambda g, x: g * slope_of_valley(x)), x)

# %% [markdown]
# The next three lessons build tinygan's own gradients. They come out the same. A `Tensor` is an array that remembers how it was computed; `requires_grad=True` says that its slopes will be asked
# for:

# %%
from tinygan import Tensor, grad

t = Tensor(x, requires_grad=True)
(slopes,) = grad(valley(t), t)
assert np.allclose(slopes, gradient(valley, x), rtol=1e-8)

# %% [markdown]
# ## Downhill
#
# $-\nabla f(x)$ points down the steepest way. **Gradient descent** walks that way in small steps,
#
# $$ x \leftarrow x - \eta\, \nabla f(x), $$
#
# and $f$ falls. $\eta$ is the learning rate. All networks of this course learn by this line, with refinements.


# %%
def descend(f, x, learning_rate, steps):
    """The points that gradient descent comes through: (steps + 1, n)."""
    path = [x]
    for _ in range(steps):
        x = x - learning_rate * gradient(f, x)
        path.append(x)
    return np.array(path)


start = np.array([-1.0, 1.5])
figure, axes = plt.subplots(1, 3, figsize=(7.6, 2.9), sharey=True)
X, Y = np.meshgrid(np.linspace(-1.8, 1.8, 100), np.linspace(-0.8, 2.4, 100))
for ax, learning_rate in zip(axes, (0.004, 0.03, 0.07)):
    path = descend(valley, start, learning_rate, 100)
    ax.contourf(X, Y, valley([X, Y]), np.geomspace(0.05, 100, 12), cmap="Blues", extend="both")
    ax.plot(path[:, 0], path[:, 1], ".-", color="C1", markersize=3, linewidth=0.8)
    ax.plot(1, 1, "*", color="black", markersize=9)
    ax.set(title=f"η = {learning_rate}, ends at f = {valley(path[-1]):.1g}", xlabel="$x_1$")
    ax.set(xlim=(-1.8, 1.8), ylim=(-0.8, 2.4))
    ax.grid(False)
axes[0].set_ylabel("$x_2$")
plt.show()

# %% [markdown]
# Left: $\eta$ is small, and 100 steps are not enough. Middle: descent goes down into the valley, and along it. Right: the steps overshoot to the other side of
# the valley, further each time, and $f$ explodes. How large is too large? On a parabola $f(x) = \frac c2 x^2$ the step is $x \leftarrow (1 - \eta c)\, x$. So $x$ shrinks as long as
# $\eta < 2 / c$, and explodes beyond. In many dimensions, the direction with the largest curvature $c$ sets the limit.


# %%
def parabola(x):
    return c / 2 * x[0] ** 2


c = 4.0
for learning_rate in (0.1, 0.25, 0.45, 0.5, 0.55):
    end = descend(parabola, np.array([1.0]), learning_rate, 20)[-1, 0]
    print(f"η c = {learning_rate * c:.1f}: after 20 steps x = {end: .2g}")

# %% [markdown]
# ## Something to learn
#
# Someone measured points, with noise. Which wave $a \sin(b x + c)$ made them? One number says how bad a guess is: the mean squared error. We descend
# on it. Nobody has to work out a derivative.

# %%
rng = np.random.default_rng(0)
xs = np.linspace(0, 6, 60)
ys = 1.5 * np.sin(1.7 * xs + 0.5) + 0.2 * rng.standard_normal(60)


def wave(p, x):
    a, b, c = p
    return a * np.sin(b * x + c)


def badness(p):
    return np.mean((wave(p, xs) - ys) ** 2)


path = descend(badness, np.array([1.0, 1.4, 1.0]), 0.05, 100 if FAST else 400)
for k in (0, 10, 40):
    plt.plot(xs, wave(path[k], xs), color="C1", alpha=0.2 + 0.01 * k, label=f"after {k} steps")
plt.plot(xs, wave(path[-1], xs), color="C1", label=f"after {len(path) - 1}")
plt.plot(xs, ys, ".", color="C0", label="measured")
plt.xlabel("x")
plt.ylabel("y")
plt.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.25))
plt.show()
print("found a, b, c =", path[-1].round(2), "- made with 1.5, 1.7, 0.5")
assert badness(path[-1]) < 0.06  # the noise alone makes 0.04

# %% [markdown]
# ## What is wrong with it
#
# The price is $2n$ calls of $f$ for $n$ numbers. How many is that for the generator of lesson 00? It turns 16 numbers into 128, 128 and 64. Each layer has a weight for each pair of numbers, and a
# bias for each result:

# %%
n = 16 * 128 + 128 + 128 * 128 + 128 + 128 * 64 + 64
print(f"{n:,} weights: one gradient takes {2 * n:,} forward passes")

# %% [markdown]
# The tape of lesson 02 gets the same gradient for the price of about three forward passes, whatever $n$ is. But for one task nothing is better than finite differences: they check that the tape is
# right.
#
# ## Exercises
#
# Each exercise has a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** Four values give a slope whose error falls like $h^4$:
# $\bigl(f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)\bigr) / 12 h$. Write it as `four_points(f, x, h)`. Where do the numbers come from?
# <details><summary>Hint</summary>
#
# For the numbers, write Taylor's series for all four values and add them up. Which terms have to cancel, and which has to remain?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def four_points(f, x, h):
#     return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)
# ```
#
# The terms with $f$, $f''$, $f'''$ and $f''''$ cancel, and $f'$ remains once. The first term that is left has $h^4$.
#
# </details>

# %%
four_points = None  # exercise 1: def four_points(f, x, h): ...

if four_points is not None:
    for f, slope in ((np.sin, np.cos), (np.exp, np.exp)):
        for x in (0.3, 1.0, 1.7):
            error = abs(four_points(f, x, 0.1) - slope(x))
            finer = abs(four_points(f, x, 0.05) - slope(x))
            assert error < 1e-3, f"{f.__name__} at {x}, h = 0.1: the error is {error:.1g}"
            assert 13 < error / finer < 19, f"half the step: 1/{error / finer:.1f} of the error, not 1/16"
    print("exercise 1 is right")

# %% [markdown]
# **2.** Which $h$ is about the best for the formula of exercise 1, for $f = \sin$ at $x = 1$ in `float64`? Its truncation error is $\frac{h^4}{30} |f^{(5)}|$.
# <details><summary>Hint</summary>
#
# Do as the lesson did for the central difference: where does the truncation line cross the cancellation line $\epsilon |f| / h$? The fifth derivative of $\sin$ is $\cos$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# best_step = (30 * eps * np.sin(1) / np.cos(1)) ** (1 / 5)
# ```
#
# $\frac{h^4}{30} \cos 1 = \epsilon \sin 1 / h$ gives $h^5 = 30\, \epsilon \sin 1 / \cos 1$. The best step is larger than that of the central difference, and the error is smaller.
#
# </details>

# %%
best_step = None  # exercise 2: a number

if best_step is not None:

    def estimate(h):
        return h**4 / 30 * np.cos(1) + eps * np.sin(1) / h

    least = estimate(10.0 ** np.arange(-8, 0, 0.01)).min()
    print(f"h = {best_step:.1e}: estimated error {estimate(best_step):.1e}; the least is {least:.1e}")
    assert estimate(best_step) < 1.5 * least, "there is a much better h: where do the two lines cross?"
    print("exercise 2 is right")

# %% [markdown]
# **3.** There is a way without cancellation, for functions that take complex numbers: $f'(x) \approx \operatorname{Im} f(x + ih) / h$, where $\operatorname{Im}$ is the imaginary part. Write `complex_slope(f, x)` with
# $h = 10^{-200}$. Why may $h$ be so small?
# <details><summary>Hint</summary>
#
# Python writes $i$ as `1j`, and `.imag` is the imaginary part. For the question: write Taylor's series of $f(x + ih)$. What is its imaginary part, and what was subtracted from what?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def complex_slope(f, x):
#     return f(x + 1e-200j).imag / 1e-200
# ```
#
# $f(x + ih) = f(x) + ih f'(x) - \frac{h^2}{2} f''(x) - \dots$. The imaginary part is $h f'(x)$, up to a term with $h^3$. Nothing was subtracted from anything, so no digits were lost.
#
# </details>


# %%
def cube(x):
    return x**3


# %%
complex_slope = None  # exercise 3: def complex_slope(f, x): ...

if complex_slope is not None:
    for f, x, true_slope in ((np.sin, 1.0, np.cos(1.0)), (np.exp, -2.0, np.exp(-2.0)), (cube, 3.0, 27.0)):
        error = abs(complex_slope(f, x) - true_slope) / abs(true_slope)
        print(f"{f.__name__:5} at {x}: relative error {error:.0e}")
        assert error < 1e-14, f"{f.__name__}: fewer than 14 digits are right"
    print("exercise 3 is right")

# %% [markdown]
# **4.** Start the wave at $b = 4$ instead of 1.4: descent does not find 1.7. Is the gradient wrong? Draw `badness` as a function of $b$ alone, from 0 to 5, with $a = 1.5$ and $c = 0.5$. How many valleys does it have? A
# valley is a value of $b$ whose neighbours on both sides are worse.
# <details><summary>Hint</summary>
#
# Compute `badness(np.array([1.5, b, 0.5]))` for 500 values of $b$. Count by eye, or by comparing each value with the one before and the one after.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# bs = np.linspace(0, 5, 501)
# values = [badness(np.array([1.5, b, 0.5])) for b in bs]
# valleys = 0
# for k in range(1, 500):
#     if values[k - 1] > values[k] < values[k + 1]:
#         valleys = valleys + 1
# ```
#
# `plt.plot(bs, values)` shows them. The gradient is right. Descent finds the bottom of the valley in which it starts.
#
# </details>

# %%
valleys = None  # exercise 4: how many

if valleys is not None:
    started = np.array([1.0, 4.0, 1.0])
    print("from b = 4, descent comes to a, b, c =", descend(badness, started, 0.05, 200)[-1].round(2))
    fine = np.array([badness(np.array([1.5, b, 0.5])) for b in np.linspace(0, 5, 1001)])
    inside = fine[1:-1]
    found = ((inside < fine[:-2]) & (inside < fine[2:])).sum()
    assert valleys == found, f"not {valleys}: look at b from 0 to 5, and count the shallow ones, too"
    print("exercise 4 is right")

# %% [markdown]
# **5.** At 0 the central difference of $|x|$ is 0. Does $|x|$ have the slope 0 there? Write `one_sided(f, x, h)`: it returns the slope from $x - h$ to $x$ and the slope from $x$ to $x + h$. What should a gradient
# check say at such a place?
# <details><summary>Hint</summary>
#
# The second slope is the forward difference of the lesson. The first is the same, one step to the left.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def one_sided(f, x, h):
#     return (f(x) - f(x - h)) / h, (f(x + h) - f(x)) / h
# ```
#
# The slopes at 0 are -1 and 1: a kink. No single number is right there. A check has to notice that, and tinygan's check says so.
#
# </details>

# %%
one_sided = None  # exercise 5: def one_sided(f, x, h): return left, right

if one_sided is not None:
    left, right = one_sided(np.abs, 0.0, 1e-5)
    print(f"|x| at 0: {left:.0f} from the left, {right:.0f} to the right")
    assert (round(left), round(right)) == (-1, 1), "|x| falls before 0 and rises after it"
    left, right = one_sided(np.square, 3.0, 1e-3)
    assert np.isclose(left, 5.999), f"x² at 3, from the left: 5.999, not {left}"
    assert np.isclose(right, 6.001), f"x² at 3, to the right: 6.001, not {right}"
    try:
        assert_gradients((np.abs, lambda g, x: g * np.where(x < 0, -1, 1)), np.zeros(1))
    except AssertionError as error:
        print(error)
    print("exercise 5 is right")

# %% [markdown]
# ## Sources
#
# - W. Press et al., *Numerical recipes*, 3rd edition, section 5.7: truncation, rounding and the choice of $h$.
# - J. Lyness, C. Moler, *Numerical differentiation of analytic functions*, 1967, doi.org/10.1137/0704019: the complex step.
# - H. Rosenbrock, *An automatic method for finding the greatest or least value of a function*, 1960: the valley (there with 100 for 5).
