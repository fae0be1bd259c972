# %% [markdown]
# # 02 · A tape
#
# **You will build:** numbers that remember how they were computed, and from that memory the slope of a result with respect to everything that
# went into it. With them you train a network, number by number.
#
# **You need:** the chain rule; lesson 01, for the check.
#
# **Time:** 40 minutes

# %%
import math
import os
from itertools import count

import matplotlib.pyplot as plt
import numpy as np

plt.style.use("tinygan.plot.lesson")
FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests

# %% [markdown]
# ## Numbers with a memory
#
# Whatever a program computes, it computes step by step, and each step is simple: a sum, a product, a tanh. The slope of a simple step is known. For a
# product $y = a b$ it is $\partial y / \partial a = b$: where $a$ grows by a little, $y$ grows by $b$ times as much.
#
# So let each result keep its **parents**, the numbers that it was made of, and its slope with respect to each. `order` says which was made first.


# %%
class Number:
    """A number that remembers how it was computed."""

    made = count()

    def __init__(self, value, parents=(), slopes=()):
        self.value, self.parents, self.slopes = value, parents, slopes
        self.order = next(Number.made)

    def __add__(self, other):
        other = number(other)
        return Number(self.value + other.value, (self, other), (1, 1))

    def __mul__(self, other):
        other = number(other)
        return Number(self.value * other.value, (self, other), (other.value, self.value))

    __radd__, __rmul__ = __add__, __mul__


def number(x):
    """x as a Number."""
    return x if isinstance(x, Number) else Number(x)


def tanh(x):
    y = math.tanh(x.value)
    return Number(y, (x,), (1 - y * y,))


a, b = Number(1.0), Number(-0.5)
y = tanh(a * b + a)
print(y.value, "made of", y.parents[0].value, "with slope", y.slopes[0])

# %% [markdown]
# ## The chain rule is a sum over paths
#
# Here is the whole memory of `y`, with the slope of each step on its arrow. Move $a$ a little: along each path from $a$ to $y$ the change is multiplied by the
# slopes on the way, and what arrives by different paths adds up:
#
# $$ \frac{\partial y}{\partial a} = \sum_{\text{paths from } a \text{ to } y} \; \prod_{\text{arrows of the path}} \text{slope}. $$


# %%
def draw(places):
    """Draw a memory. places: Number -> (column, row, name)."""
    figure, ax = plt.subplots(figsize=(6.4, 2.4))
    for y, (x1, y1, name) in places.items():
        label = f"{name}\n{y.value:.3g}"
        box = {"boxstyle": "round", "facecolor": "#dbeaf5", "edgecolor": "#0072B2"}
        ax.text(x1, y1, label, ha="center", va="center", bbox=box)
        for parent, slope in zip(y.parents, y.slopes):
            x0, y0, _ = places[parent]
            arrow = {"arrowstyle": "->", "color": "#888888", "shrinkA": 22, "shrinkB": 22}
            ax.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
            middle = (x0 + x1) / 2, (y0 + y1) / 2
            background = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            ax.text(*middle, f"{slope:.3g}", ha="center", va="center", color="C1", bbox=background)
    ax.set(xlim=(-0.4, 3.4), ylim=(-0.5, 1.5))
    ax.axis("off")
    plt.show()


total = y.parents[0]
product = total.parents[0]
draw({a: (0, 1, "a"), b: (0, 0, "b"), product: (1, 0, "a b"), total: (2, 0.5, "a b + a"), y: (3, 0.5, "y")})

# %% [markdown]
# Two paths lead from $a$ to $y$: over the product and around it. Taken literally, that is a function of four lines. It walks back from $y$ along every path,
# carrying the product so far:


# %%
def by_paths(y, carried=1.0, slopes=None):
    """{Number: slope of y with respect to it}, path by path."""
    slopes = {} if slopes is None else slopes
    slopes[y] = slopes.get(y, 0.0) + carried
    for parent, slope in zip(y.parents, y.slopes):
        by_paths(parent, carried * slope, slopes)
    return slopes


def f(a, b):
    return math.tanh(a * b + a)


h = 1e-5
slopes = by_paths(y)
print("dy/da", slopes[a], "by differences", (f(1 + h, -0.5) - f(1 - h, -0.5)) / (2 * h))
print("dy/db", slopes[b], "by differences", (f(1, -0.5 + h) - f(1, -0.5 - h)) / (2 * h))
assert abs(slopes[a] - (f(1 + h, -0.5) - f(1 - h, -0.5)) / (2 * h)) < 1e-9

# %% [markdown]
# ## Why a topological order
#
# Right, and useless. The smallest example that shows it is
#
# ```
# b = a + a
# c = b + b
# ```
#
# with four paths from $c$ to $a$. Every further line doubles them:


# %%
def doublings(n):
    """a, a + a, (a + a) + (a + a), ...: the first and the last of n doublings."""
    a = y = Number(1.0)
    for _ in range(n):
        y = y + y
    return a, y


def count_paths(y):
    return 1 + sum(count_paths(parent) for parent in y.parents)


for n in (1, 2, 4, 8, 16):
    print(f"{n:2} doublings: {count_paths(doublings(n)[1]):7,} calls of by_paths")

# %% [markdown]
# A network is full of such forks: 100 layers would outlast the universe. The sum over paths has to be done as one multiplies out brackets: collect at each
# number what arrives there, *then* pass it on, once. But when? A tempting way passes on what is there as soon as something arrives:


# %%
def too_early(y):
    """WRONG: passes on a slope before all of it has arrived."""
    slopes, waiting = {y: 1.0}, [y]
    while waiting:
        y = waiting.pop(0)
        for parent, slope in zip(y.parents, y.slopes):
            slopes[parent] = slopes.get(parent, 0.0) + slopes[y] * slope
            waiting.append(parent)
    return slopes


a, c = doublings(2)
print("path by path:", by_paths(c)[a])
print("too early:   ", too_early(c)[a])
assert by_paths(c)[a] == 4 and too_early(c)[a] != 4

# %% [markdown]
# $c = 4a$, so 4 is right. $b$ was reached twice, over either arm of $b + b$, and each time it passed on all that it had. $b$ must wait until
# everything that used $b$ has had its turn. An order in which each number comes after all that used it is called **topological**. We have one: a number
# is made before all that use it, so **the last made goes first**.


# %%
def gradients(y):
    """{Number: slope of y with respect to it} for all that y was made of."""
    found, stack = {y}, [y]  # everything that y was made of; no recursion: a chain may be long
    while stack:
        for parent in stack.pop().parents:
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    slopes = dict.fromkeys(found, 0.0)
    slopes[y] = 1.0
    for y in sorted(found, key=lambda y: y.order, reverse=True):  # the last made goes first
        for parent, slope in zip(y.parents, y.slopes):
            slopes[parent] += slopes[y] * slope
    return slopes


assert gradients(c)[a] == 4
a, y = doublings(1000)
assert gradients(y)[a] == 2.0**1000  # by_paths would make 2^1001 calls; this took 1000 turns

# %% [markdown]
# That is all of it: **reverse-mode differentiation**, or backpropagation. Each number has one turn, each arrow is used once. A step of a program has one or two
# arrows, so the slopes with respect to *all* inputs together cost about twice as much as the result itself, however many inputs there are. tinygan's `grad` is the
# same loop:

# %%
from tinygan import Tensor, grad, ops

a, b = Number(1.0), Number(-0.5)
ours = gradients(tanh(a * b + a))
a_, b_ = Tensor(np.float64(1.0), requires_grad=True), Tensor(np.float64(-0.5), requires_grad=True)
theirs = grad(ops.tanh(a_ * b_ + a_), [a_, b_])
print("ours  ", ours[a], ours[b])
print("theirs", *theirs)
assert np.allclose([ours[a], ours[b]], theirs, rtol=1e-15)

# %% [markdown]
# ## A network of numbers
#
# Two half-moons of points are to be told apart. A **neuron** takes numbers, multiplies each by a weight of its own, adds them up and a bias, and bends the sum
# by a tanh. Eight neurons look at the two coordinates, a ninth at the eight: its answer should be $+1$ on one moon and $-1$ on the other.

# %%
rng = np.random.default_rng(0)
angle = rng.uniform(0, np.pi, 60)
moon = np.where(np.arange(60) < 30, 1.0, -1.0)  # which of the two
points = np.stack([np.cos(angle) - 0.5 * moon, np.sin(angle) * moon - 0.25 * moon], 1)
points += 0.1 * rng.standard_normal(points.shape)

hidden = [[Number(w) for w in rng.normal(0, 1, 3)] for _ in range(8)]  # two weights and a bias each
last = [Number(w) for w in rng.normal(0, 0.5, 9)]
weights = [w for neuron in [*hidden, last] for w in neuron]


def neuron(inputs, weights):
    *factors, total = weights  # the last is the bias
    for x, w in zip(inputs, factors):
        total = total + w * x
    return tanh(total)


def answer(x1, x2):
    return neuron([neuron([x1, x2], w) for w in hidden], last)


def loss():
    """The mean squared error over all points."""
    total = Number(0.0)
    for (x1, x2), wanted in zip(points, moon):
        error = answer(x1, x2) + -wanted
        total = total + error * error
    return total * (1 / len(points))


slopes = gradients(loss())
print(f"{len(weights)} weights; the loss is made of {len(slopes):,} numbers")

# %% [markdown]
# Before it is used, the gradient is checked, weight by weight, by the central difference of lesson 01:

# %%
worst = 0.0
for w in weights:
    before, values = w.value, []
    for w.value in (before + 1e-5, before - 1e-5):
        values.append(loss().value)
    w.value = before
    worst = max(worst, abs((values[0] - values[1]) / 2e-5 - slopes[w]))
print(f"largest difference of {len(weights)} slopes: {worst:.0e}")
assert worst < 1e-9

# %%
figure, axes = plt.subplots(1, 3, figsize=(7.6, 2.7), sharey=True)
pixels = np.linspace(-2, 2, 33)
losses, steps = [], 60 if FAST else 300
for step in range(steps + 1):
    if step in (0, steps // 6, steps):
        ax = axes[(0, steps // 6, steps).index(step)]
        surface = [[answer(x1, x2).value for x1 in pixels] for x2 in pixels]
        levels = np.linspace(-1, 1, 11)
        ax.contourf(pixels, pixels, surface, levels, cmap="RdBu", vmin=-2, vmax=2)
        for sign, colour in ((1, "C0"), (-1, "C1")):
            ax.plot(*points[moon == sign].T, ".", color=colour)
        ax.set(title=f"step {step}", xlabel="$x_1$")
        ax.grid(False)
    y = loss()
    losses.append(y.value)
    slopes = gradients(y)
    for w in weights:
        w.value -= 0.5 * slopes[w]
axes[0].set_ylabel("$x_2$")
plt.show()

# %%
plt.figure(figsize=(6.4, 2.2))
plt.semilogy(losses)
plt.xlabel("training step")
plt.ylabel("mean squared error")
plt.show()
right = np.mean([answer(*x).value * wanted > 0 for x, wanted in zip(points, moon)])
print(f"{right:.0%} of the points are told apart")
assert right > 0.85

# %% [markdown]
# It works, and it is slow: thousands of Python objects a step, most of them doing the same as their neighbours. Lesson 03 puts arrays in the place of numbers.
#
# ## Exercises
#
# **1.** Add `exp` and `log`. Check them:


# %%
def check_exp_and_log(exp, log):
    for function, truth in ((exp, math.exp), (log, math.log)):
        x = Number(0.7)
        y = function(x) * function(x)
        slope = (truth(0.7 + h) ** 2 - truth(0.7 - h) ** 2) / (2 * h)
        assert abs(y.value - truth(0.7) ** 2) < 1e-12, f"the value of {truth.__name__}"
        assert abs(gradients(y)[x] - slope) < 1e-8, f"the slope of {truth.__name__}"
    print("right")


def exp(x): ...  # yours


def log(x): ...  # yours


# check_exp_and_log(exp, log)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `y = math.exp(x.value); return Number(y, (x,), (y,))`, and `Number(math.log(x.value), (x,), (1 / x.value,))`.
#
# </details>
#
# **2.** Division $a / b$: what are its two slopes? Write `__truediv__`, or make it of what is there.
# <details><summary>Hint</summary>
#
# $1/b$ and $-a/b^2$. Or `a * exp(-1 * log(b))`, for positive `b`.
#
# </details>
#
# **3.** Sort the numbers in `gradients` the other way round. Which answers of this lesson stay right?
# <details><summary>Hint</summary>
#
# Those where nothing has to be passed on: only the slopes of `y` with respect to itself and its own parents. When a number's turn comes, nothing has arrived yet.
#
# </details>
#
# **4.** `too_early` is sometimes right. When?
# <details><summary>Hint</summary>
#
# When no number with parents is used twice: then each is reached once, by the only path there is. Inputs may be used as often as one likes.
#
# </details>
#
# **5.** The tape can also be read forwards: carry $\partial v / \partial a$ along with every $v$ as it is computed. What does that cost for one input? For all 33 weights?
# <details><summary>Hint</summary>
#
# One pass an input, so 33 passes. Forward mode is the better one when inputs are few and results many.
#
# </details>
#
# ## Sources
#
# - S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, 1976, doi.org/10.1007/BF01931367: reverse mode.
# - A. Griewank, A. Walther, *Evaluating derivatives*, 2nd edition, 2008, chapters 3 and 4: what it costs.
# - M. Johnson et al., *autodidact*, github.com/mattjj/autodidact: the example `b = a + a; c = b + b`.
# - A. Karpathy, *micrograd*, github.com/karpathy/micrograd: a tape of numbers.
