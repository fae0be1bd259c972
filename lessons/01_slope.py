# %% [markdown]
# # 01 · A slope from two values
#
# **You will build:** a function that finds the slope of any function by calling it, good to ten digits, in one dimension and in many; and
# with it, descent to a minimum.
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
# comes to when the step $h$ shrinks to nothing. A computer can take $h$ small, not nothing. Take $f = \sin$ at $x = 1$; the truth is $\cos 1$.


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
# - **Truncation.** $f(x + h) = f(x) + h f'(x) + \frac{h^2}{2} f''(x) + \dots$ (Taylor), so the quotient is off by about $\frac h2 f''(x)$. It shrinks with $h$.
# - **Cancellation.** A number on a computer has 16 digits: it is rounded by up to $\epsilon \approx 1.1 \cdot 10^{-16}$ of its size. $f(x + h)$ and
#   $f(x)$ agree in most of their digits; the difference keeps the few others and the rounding, and dividing by $h$ blows both up: an
#   error of about $\epsilon |f(x)| / h$. It grows as $h$ shrinks.
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
# The dots follow the two laws: down along the truncation line, then up along cancellation, jagged because rounding is a matter of luck. The best
# $h$ lies where the lines cross. For the central difference $\frac{h^2}{6}|f'''| = \frac{\epsilon |f|}{h}$ gives

# %%
best = (6 * eps * np.sin(1) / np.cos(1)) ** (1 / 3)
print(f"crossing at h = {best:.1e}; the error there is {central_difference(np.sin, 1.0, best) - truth:.1e}")
assert abs(central_difference(np.sin, 1.0, best) - truth) < 1e-10
assert abs(forward_difference(np.sin, 1.0, 1e-8) - truth) > 1e-10  # out of reach for it, near its own best h

# %% [markdown]
# so $h = 10^{-5}$ is a good choice for most functions with values and slopes about 1, and ten digits is what one gets. In `float32`, with 7 digits a number,
# all this moves up: $\epsilon \approx 6 \cdot 10^{-8}$, the best $h$ is near $10^{-2}$, and 4 or 5 digits is all. That is why gradients are checked in `float64`.

# %%
x32 = np.float32(1.0)
for h in (1e-1, 1e-2, 1e-3, 1e-5):
    error = central_difference(np.sin, x32, np.float32(h)) - truth
    print(f"float32, h = {h:.0e}: error {error:.0e}")

# %% [markdown]
# ## Many dimensions
#
# The **gradient** $\nabla f(x)$ of a function of many numbers $x = (x_1, \dots, x_n)$ is the list of its slopes: entry $i$ is how fast $f$ rises when $x_i$
# alone grows. Move one number at a time:


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
# tinygan has this check, and more: `assert_gradients` takes a function and a hand-written gradient, a pair of a forward and a backward pass, and raises
# if they disagree. `g`, the factor by which the backward pass multiplies, is explained in lesson 04.

# %%
from tinygan.gradcheck import assert_gradients

assert_gradients((valley, lambda g, x: g * slope_of_valley(x)), x)

# %% [markdown]
# And tinygan's own gradients, which the next three lessons build, come out the same:

# %%
from tinygan import Tensor, grad

t = Tensor(x, requires_grad=True)
(slopes,) = grad(valley(t), t)
assert np.allclose(slopes, gradient(valley, x), rtol=1e-8)

# %% [markdown]
# ## Downhill
#
# $-\nabla f(x)$ points down the steepest way. Walk that way in small steps,
#
# $$ x \leftarrow x - \eta\, \nabla f(x), $$
#
# and $f$ falls: **gradient descent**. $\eta$ is the learning rate. All of the learning in this course is this line, with refinements.


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
    ax.plot(*path.T, ".-", color="C1", markersize=3, linewidth=0.8)
    ax.plot(1, 1, "*", color="black", markersize=9)
    ax.set(title=f"η = {learning_rate}, ends at f = {valley(path[-1]):.1g}", xlabel="$x_1$")
    ax.set(xlim=(-1.8, 1.8), ylim=(-0.8, 2.4))
    ax.grid(False)
axes[0].set_ylabel("$x_2$")
plt.show()

# %% [markdown]
# Left: too careful, 100 steps are not enough. Middle: down into the valley, and along it. Right: every step overshoots to the other side of
# the valley, where it is steeper still, and in the end $x$ is gone. How large is too large? On a parabola $f(x) = \frac c2 x^2$ the step is $x \leftarrow (1 - \eta c)\, x$: it shrinks as long as
# $\eta < 2 / c$, and explodes beyond. The steepest curvature of $f$ sets the limit for all directions.

# %%
c = 4.0
for learning_rate in (0.1, 0.25, 0.45, 0.5, 0.55):
    end = descend(lambda x: c / 2 * x[0] ** 2, np.array([1.0]), learning_rate, 20)[-1, 0]
    print(f"η c = {learning_rate * c:.1f}: after 20 steps x = {end: .2g}")

# %% [markdown]
# ## Something to learn
#
# Points were measured, with noise. Which wave $a \sin(b x + c)$ made them? Make a number of how bad a guess is, the mean squared error, and descend
# on it. No derivative is worked out by anyone.

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
    plt.plot(xs, wave(path[k], xs), color="C0", alpha=0.2 + 0.01 * k, label=f"after {k} steps")
plt.plot(xs, wave(path[-1], xs), color="C0", label=f"after {len(path) - 1}")
plt.plot(xs, ys, ".", color="C1", label="measured")
plt.xlabel("x")
plt.ylabel("y")
plt.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.25))
plt.show()
print("found a, b, c =", path[-1].round(2), "- made with 1.5, 1.7, 0.5")
assert badness(path[-1]) < 0.06  # the noise alone makes 0.04

# %% [markdown]
# ## What is wrong with it
#
# The price: $2n$ calls of $f$ for $n$ numbers. The generator of lesson 00 has 26,944 weights: one step would take as long as 53,888 forward passes. The tape
# of lesson 02 gets the same gradient for the price of about three, whatever $n$ is. Finite differences keep one task for which nothing
# is better: to check that the tape is right.
#
# ## Exercises
#
# **1.** Four values give a slope whose error falls like $h^4$:
# $\bigl(f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)\bigr) / 12 h$. Write it, and have it checked.


# %%
def check_four_points(difference):
    """Is the error of difference(f, x, h) about h⁴, at several places?"""
    for f, slope in ((np.sin, np.cos), (np.exp, np.exp), (lambda x: x**4, lambda x: 4 * x**3)):
        for x in (0.3, 1.0, 1.7):
            errors = [abs(difference(f, x, h) - slope(x)) for h in (0.1, 0.05)]
            assert errors[0] < 1e-3, f"the error is {errors[0]:.1g} at x = {x}, h = 0.1"
            assert errors[0] < 1e-9 or 13 < errors[0] / errors[1] < 19, "half the step, 1/16 the error?"
    print("right")


def four_points(f, x, h): ...  # yours


# check_four_points(four_points)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)`. Where do the numbers come from? Write Taylor's series for all four; $f$, $f''$, $f'''$ and
# $f''''$ have to cancel, and $f'$ to remain once.
#
# </details>
#
# **2.** What is the best $h$ for the formula of exercise 1, in `float64`? Estimate first, then add it to the picture.
# <details><summary>Hint</summary>
#
# Its error is $\frac{h^4}{30} |f^{(5)}|$; set it equal to $\epsilon |f| / h$: $h \approx (30 \epsilon)^{1/5} \approx 10^{-3}$, and the error about $10^{-13}$.
#
# </details>
#
# **3.** There is a way without cancellation, for functions that take complex numbers: $f'(x) \approx \operatorname{Im} f(x + ih) / h$. Try `np.sin(1 + 1e-200j).imag / 1e-200`. Why is it so
# good?
# <details><summary>Hint</summary>
#
# Taylor: $f(x + ih) = f(x) + ih f'(x) - \frac{h^2}{2} f''(x) - \dots$. The imaginary part is $h f'(x)$, and nothing was subtracted from anything.
#
# </details>
#
# **4.** Start the wave at `b = 4.0` instead of 1.4. What happens, and is the gradient wrong?
# <details><summary>Hint</summary>
#
# Draw `badness` as a function of $b$ alone: there are many valleys, and descent finds the bottom of the one in which it starts.
#
# </details>
#
# **5.** The slope of $|x|$ at 0 by central difference is 0. What are the two one-sided ones? What should a gradient check say at such a place?
# <details><summary>Hint</summary>
#
# -1 and 1: a kink. No number is right there; a check has to notice that, and tinygan's says "a kink". Try
# `assert_gradients((np.abs, lambda g, x: g * np.where(x < 0, -1, 1)), np.zeros(1))`.
#
# </details>
#
# ## Sources
#
# - W. Press et al., *Numerical recipes*, 3rd edition, section 5.7: truncation, rounding and the choice of $h$.
# - J. Lyness, C. Moler, *Numerical differentiation of analytic functions*, 1967, doi.org/10.1137/0704019: the complex step.
# - H. Rosenbrock, *An automatic method for finding the greatest or least value of a function*, 1960: the valley (there with 100 for 5).
