# %% [markdown]
# # 02 · A tape
#
# **You will build:** numbers that remember how they were computed. From that memory you compute the slope of a result with respect to everything that
# went into it. With these numbers you train a network.
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
# A program computes step by step, and each step is simple: a sum, a product, a tanh. The slope of a simple step is known. For a
# product $y = a b$ it is $\partial y / \partial a = b$: if $a$ grows by a little, $y$ grows by $b$ times as much.
#
# So each result keeps its **parents**, the numbers that it was made of, and its slope with respect to each parent. `order` counts the numbers: it says which one was made
# first. `__add__` and `__mul__` say what Python does at `a + b` and `a * b`; `__radd__` and `__rmul__` serve `1 + a` and `2 * a`.


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

    __radd__ = __add__
    __rmul__ = __mul__


def number(x):
    """x as a Number, which it may be already."""
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
# Here is the whole memory of `y`, with the slope of each step on its arrow. Move $a$ a little. Along each path from $a$ to $y$ the change is multiplied by the
# slopes on the way. What arrives by different paths adds up:
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
            background = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            x2, y2 = (x0 + x1) / 2, (y0 + y1) / 2  # the middle of the arrow
            ax.text(x2, y2, f"{slope:.3g}", ha="center", va="center", color="C1", bbox=background)
    ax.set(xlim=(-0.4, 3.4), ylim=(-0.5, 1.5))
    ax.axis("off")
    plt.show()


total = y.parents[0]
product = total.parents[0]
draw({a: (0, 1, "a"), b: (0, 0, "b"), product: (1, 0, "a b"), total: (2, 0.5, "a b + a"), y: (3, 0.5, "y")})

# %% [markdown]
# Two paths lead from $a$ to $y$: one through the product, one around it. The equation is a function of three lines, `walk`. It goes back from $y$ along every path and
# carries the product so far:


# %%
def walk(y, carried, slopes):
    """Add `carried` to the slope for y, then walk on to its parents."""
    slopes[y] = slopes.get(y, 0.0) + carried
    for parent, slope in zip(y.parents, y.slopes):
        walk(parent, carried * slope, slopes)


def by_paths(y):
    """{Number: slope of y with respect to it}, path by path."""
    slopes = {}
    walk(y, 1.0, slopes)
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
# This is right, and too slow. The smallest example that shows it is
#
# ```
# b = a + a
# c = b + b
# ```
#
# There are four paths from $a$ to $c$. Every further line of this kind doubles their number:


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
    print(f"{n:2} doublings: {count_paths(doublings(n)[1]):7,} calls of walk")

# %% [markdown]
# A network is full of such forks. A hundred in a row have more than $10^{30}$ paths: no computer would finish. The cure: collect at each number what arrives there, *then* pass it
# on, once. But when? It is tempting to pass on what is there as soon as something arrives:


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
# $c = 4a$, so 4 is right. `too_early` reached $b$ twice, once for each side of $b + b$, and each time $b$ passed on all that it had. Instead, $b$ must wait until
# everything that used $b$ has had its turn. An order in which each number comes after all that used it is called **topological**. We have one already. A number
# is made before all numbers that use it, so **the last made goes first**.


# %%
def history(y):
    """All numbers that y was made of, and y: the first made comes first."""
    found, waiting = {y}, [y]  # a list of what is to be looked at, not recursion: a chain may be long
    while waiting:
        for parent in waiting.pop().parents:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return sorted(found, key=lambda one: one.order)


def gradients(y):
    """{Number: slope of y with respect to it} for all that y was made of."""
    numbers = history(y)
    slopes = dict.fromkeys(numbers, 0.0)
    slopes[y] = 1.0
    for one in reversed(numbers):  # the last made goes first
        for parent, slope in zip(one.parents, one.slopes):
            slopes[parent] += slopes[one] * slope
    return slopes


assert gradients(c)[a] == 4
a, y = doublings(1000)
assert gradients(y)[a] == 2.0**1000  # by_paths would make 2^1001 calls; this took 1000 turns

# %% [markdown]
# This is **reverse-mode differentiation**, or backpropagation. Each number has one turn, and each arrow is used once. A step of a program has one or two
# arrows. So the slopes with respect to *all* inputs together cost about twice as much as the result itself, however many inputs there are. tinygan's `grad` is the
# same loop. It works on a `Tensor`, which remembers how it was computed, as `Number` does:

# %%
from tinygan import Tensor, grad, ops

a, b = Number(1.0), Number(-0.5)
ours = gradients(tanh(a * b + a))
s = Tensor(np.float64(1.0), requires_grad=True)  # requires_grad: its slope will be asked for
t = Tensor(np.float64(-0.5), requires_grad=True)
theirs = grad(ops.tanh(s * t + s), [s, t])
print("ours  ", ours[a], ours[b])
print("theirs", theirs[0], theirs[1])
assert np.allclose([ours[a], ours[b]], theirs, rtol=1e-15)

# %% [markdown]
# ## A network of numbers
#
# We want to tell two half-moons of points apart. A **neuron** takes numbers and multiplies each by a weight of its own. It adds them up, adds one more weight, the bias, and
# bends the sum by a tanh. Eight neurons look at the two coordinates of a point. A ninth looks at the eight: its answer should be $+1$ on one moon and $-1$ on the other.

# %%
rng = np.random.default_rng(0)
angle = rng.uniform(0, np.pi, 60)
moon = np.where(np.arange(60) < 30, 1.0, -1.0)  # which of the two
points = np.stack([np.cos(angle) - 0.5 * moon, np.sin(angle) * moon - 0.25 * moon], 1)
points += 0.1 * rng.standard_normal(points.shape)

hidden = [[Number(w) for w in rng.normal(0, 1, 3)] for _ in range(8)]  # two weights and a bias each
last = [Number(w) for w in rng.normal(0, 0.5, 9)]
weights = sum(hidden, []) + last  # all of them in one list


def neuron(inputs, weights):
    total = weights[-1]  # the last is the bias
    for x, w in zip(inputs, weights[:-1]):
        total = total + w * x
    return tanh(total)


def answer(x1, x2):
    return neuron([neuron([x1, x2], w) for w in hidden], last)


def loss():
    """The mean squared error over all points."""
    total = Number(0.0)
    for (x1, x2), wanted in zip(points, moon):
        error = answer(x1, x2) + -wanted  # Number has no minus
        total = total + error * error
    return total * (1 / len(points))


slopes = gradients(loss())
print(f"{len(weights)} weights; the loss is made of {len(slopes):,} numbers")

# %% [markdown]
# Before we use the gradient, we check it, weight by weight, by the central difference of lesson 01:


# %%
def loss_with(w, value):
    """The loss if the weight w had another value."""
    before = w.value
    w.value = value
    result = loss().value
    w.value = before
    return result


worst = 0.0
for w in weights:
    measured = (loss_with(w, w.value + h) - loss_with(w, w.value - h)) / (2 * h)
    worst = max(worst, abs(measured - slopes[w]))
print(f"largest difference of {len(weights)} slopes: {worst:.0e}")
assert worst < 1e-9

# %% [markdown]
# Training moves each weight against its slope, by the learning rate 0.5 times the slope. The dots are the points: blue for the moon of $+1$, orange for the moon of $-1$. The background
# shows the network's answer at each place: blue is positive, red is negative.

# %%
figure, axes = plt.subplots(1, 3, figsize=(7.6, 2.7), sharey=True)
pixels = np.linspace(-2, 2, 33)
steps = 60 if FAST else 300
losses, shown = [], [0, steps // 6, steps]
for step in range(steps + 1):
    if step in shown:
        ax = axes[shown.index(step)]
        surface = [[answer(x1, x2).value for x1 in pixels] for x2 in pixels]
        levels = np.linspace(-1, 1, 11)
        ax.contourf(pixels, pixels, surface, levels, cmap="RdBu", vmin=-2, vmax=2)
        for sign, colour in ((1, "C0"), (-1, "C1")):
            of_moon = points[moon == sign]
            ax.plot(of_moon[:, 0], of_moon[:, 1], ".", color=colour)
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
right = np.mean([answer(x1, x2).value * wanted > 0 for (x1, x2), wanted in zip(points, moon)])
print(f"{right:.0%} of the points are told apart")
assert right > 0.85

# %% [markdown]
# It works, and it is slow: each step makes thousands of Python objects, and most of them do the same as their neighbours. Lesson 03 puts arrays in place of numbers.
#
# ## Exercises
#
# Each exercise has a cell that checks your answer. Replace its first line by your code and run it.
#
# **1.** Write `exp` and `log` for a `Number`, in the manner of `tanh`.
# <details><summary>Hint</summary>
#
# The slope of $e^x$ is $e^x$, and the slope of $\log x$ is $1/x$. A `Number` of one parent takes `(x,)` and `(slope,)`: do not forget the commas.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def exp(x):
#     y = math.exp(x.value)
#     return Number(y, (x,), (y,))
#
#
# def log(x):
#     return Number(math.log(x.value), (x,), (1 / x.value,))
#
#
# exp_and_log = exp, log
# ```
#
# Each keeps its parent and its slope there. The loop of `gradients` does the rest.
#
# </details>

# %%
exp_and_log = None  # exercise 1: def exp(x): ... and def log(x): ..., then exp_and_log = exp, log

if exp_and_log is not None:
    for function, truth in zip(exp_and_log, (math.exp, math.log)):
        x = Number(0.7)
        y = function(x) * function(x)
        measured = (truth(0.7 + h) ** 2 - truth(0.7 - h) ** 2) / (2 * h)
        assert abs(y.value - truth(0.7) ** 2) < 1e-12, f"the value of {truth.__name__}"
        assert x in history(y), f"{truth.__name__} forgets its parent x"
        assert abs(gradients(y)[x] - measured) < 1e-8, f"the slope of {truth.__name__}"
    print("exercise 1 is right")

# %% [markdown]
# **2.** Write `divide(a, b)` for two numbers, $a / b$. What are its two slopes? It must work for a negative $b$, too.
# <details><summary>Hint</summary>
#
# Differentiate $a / b$ with respect to $a$, with $b$ held fixed. Then do the same with respect to $b$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def divide(a, b):
#     return Number(a.value / b.value, (a, b), (1 / b.value, -a.value / b.value**2))
# ```
#
# The slopes are $1/b$ and $-a/b^2$. `a * exp(-1 * log(b))` needs no new slopes, but works only for positive `b`.
#
# </details>

# %%
divide = None  # exercise 2: def divide(a, b): ...

if divide is not None:
    for top, bottom in ((3.0, 2.0), (-1.5, 0.4), (3.0, -2.0)):
        a, b = Number(top), Number(bottom)
        y = divide(a, b)
        slopes = gradients(y)
        assert a in slopes and b in slopes, "the result forgets a parent"
        assert abs(y.value - top / bottom) < 1e-12, f"{top} / {bottom} is not {y.value}"
        of_a = ((top + h) / bottom - (top - h) / bottom) / (2 * h)
        of_b = (top / (bottom + h) - top / (bottom - h)) / (2 * h)
        assert abs(slopes[a] - of_a) < 1e-6, f"{top} / {bottom}: the slope for a is {of_a:.4f}"
        assert abs(slopes[b] - of_b) < 1e-6, f"{top} / {bottom}: the slope for b is {of_b:.4f}"
    print("exercise 2 is right")

# %% [markdown]
# **3.** Suppose `gradients` went the other way: the first made goes first (`for one in numbers` without `reversed`). For the drawing above, $y = \tanh(a b + a)$, which of its five slopes would still be
# right? Say it before you try. The names are `a`, `b`, `a b`, `a b + a` and `y`.
# <details><summary>Hint</summary>
#
# Go through the five in the order in which they were made. When a number's turn comes, has anything arrived there that it could pass on?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# still_right = {"y", "a b + a"}
# ```
#
# Only $y$ has something to pass on, the 1 that it begins with, and it has its turn last. So $y$ and its own parent are right. When the others had their turns, they had
# nothing.
#
# </details>

# %%
still_right = None  # exercise 3: a set of names, such as {"a", "y"}

if still_right is not None:
    a, b = Number(1.0), Number(-0.5)
    y = tanh(a * b + a)
    slopes = dict.fromkeys(history(y), 0.0)
    slopes[y] = 1.0
    for one in history(y):
        for parent, slope in zip(one.parents, one.slopes):
            slopes[parent] += slopes[one] * slope
    for name, one in zip(("a", "b", "a b", "a b + a", "y"), history(y)):
        print(f"{name:8} wrong order {slopes[one]:.3f}, right order {gradients(y)[one]:.3f}")
        same = abs(slopes[one] - gradients(y)[one]) < 1e-12
        assert same == (name in still_right), f"you said something else of {name}"
    assert still_right <= {"a", "b", "a b", "a b + a", "y"}, "there are other names in your set"
    print("exercise 3 is right")

# %% [markdown]
# **4.** `too_early` is sometimes right, even if an input is used more than once. Make such a `Number`, `lucky`. Compute it from inputs, and use at least one of them twice or more.
# When is `too_early` right in general?
# <details><summary>Hint</summary>
#
# It went wrong at $b$ because $b$ was reached twice *and* had something to pass on. Which numbers pass nothing on?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# a = Number(2.0)
# lucky = a * a + a
# ```
#
# It is right if no number with parents is used twice. Then each of these is reached once, by the only path there is. Inputs have no parents and pass nothing on, so they
# may be used often.
#
# </details>

# %%
lucky = None  # exercise 4: a Number

if lucky is not None:
    uses = {}
    for one in history(lucky):
        for parent in one.parents:
            uses[parent] = uses.get(parent, 0) + 1
    inputs = [one for one in history(lucky) if not one.parents]
    assert max(uses.get(one, 0) for one in inputs) >= 2, "no input is used twice"
    early, right = too_early(lucky), gradients(lucky)
    for one in history(lucky):
        assert abs(early[one] - right[one]) < 1e-9, f"too_early says {early[one]}, right is {right[one]}"
    print("exercise 4 is right")

# %% [markdown]
# **5.** A history can also be read forwards. Write `forward_slope(y, a)`, the slope of $y$ with respect to $a$: go through `history(y)` from the first to the last, and carry $\partial u / \partial a$ along for each number
# $u$. What does that cost for one input? For all 33 weights of the network?
# <details><summary>Hint</summary>
#
# $\partial a / \partial a = 1$. An input that is not $a$ has slope 0. For any other $u$ it is the sum, over the parents, of the parent's slope times the slope of the step.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def forward_slope(y, a):
#     carried = {}
#     for u in history(y):
#         carried[u] = 1.0 if u is a else 0.0
#         for parent, slope in zip(u.parents, u.slopes):
#             carried[u] += carried[parent] * slope
#     return carried[y]
# ```
#
# Each input needs a pass of its own, so 33 weights need 33 passes. `gradients` needs one. Forward mode is better where inputs are few and results many.
#
# </details>

# %%
forward_slope = None  # exercise 5: def forward_slope(y, a): ...

if forward_slope is not None:
    a, y = doublings(1)
    assert forward_slope(y, a) == 2, f"a + a has slope 2, not {forward_slope(y, a)}"
    a, y = doublings(60)
    assert forward_slope(y, a) == 2.0**60, "60 doublings have slope 2^60"
    y = loss()
    right = gradients(y)
    for w in weights:
        found = forward_slope(y, w)
        assert abs(found - right[w]) < 1e-9, f"a weight of the network: {found}, not {right[w]}"
    print("exercise 5 is right")

# %% [markdown]
# ## Sources
#
# - S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, 1976, doi.org/10.1007/BF01931367: reverse mode.
# - A. Griewank, A. Walther, *Evaluating derivatives*, 2nd edition, 2008, chapters 3 and 4: what it costs.
# - M. Johnson et al., *autodidact*, github.com/mattjj/autodidact: the example `b = a + a; c = b + b`.
# - A. Karpathy, *micrograd*, github.com/karpathy/micrograd: a tape of numbers.
