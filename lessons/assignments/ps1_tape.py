# %% [markdown]
# # Assignment 1 · A tape of numbers
#
# **You will build:** numbers that remember how they were made, the pass backwards that turns this memory into slopes, a check of it, and a
# training step. At the end you compute slopes the other way round, forwards.
#
# **You need:** lessons 01 and 02, and Python.
#
# **Time:** 2 hours.
#
# **Grading:** 28 points. Each test cell gives its points by itself, and no task needs your answer to another. Some tests are hidden: they
# ask the same with other numbers. Write between the lines of a task; you may add cells of your own. Use no library but those that are
# imported here.
#
# Notation: a program computes numbers $v_1, v_2, \dots$ one after the other, and the last is the result $y$. If $v_k$ was computed from $v_i$,
# then $v_i$ is a **parent** of $v_k$, and the **local slope** is $\partial v_k / \partial v_i$, with all other parents of $v_k$ held. The **slope of
# $y$** with respect to $v_i$ is $s_i = \mathrm{d} y / \mathrm{d} v_i$, over all paths.

# %%
import math
from itertools import count

import numpy as np

from tinygan import Tensor, grad


class Number:
    """A number that remembers how it was made: its value, its parents, the local slope to each of them, its place in the order."""

    made = count()

    def __init__(self, value, parents=(), slopes=()):
        self.value, self.parents, self.slopes = float(value), tuple(parents), tuple(slopes)
        self.order = next(Number.made)  # the first number that was made has the smallest

    def __repr__(self):
        return f"Number({self.value:g})"

    def __add__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        return Number(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        return Number(self.value * other.value, (self, other), (other.value, self.value))

    __radd__, __rmul__ = __add__, __mul__


def chain(n):
    """x, x + 0.5, x + 1, ...: the first and the last number of n sums, each made of the one before."""
    x = y = Number(1.0)
    for _ in range(n):
        y = y + 0.5
    return x, y


# %% [markdown]
# ## 1.1 Write down a step (4 points)
#
# An operation computes a value and writes down its parents and the local slopes. `Number` above has the sum and the product. Write two more:
#
# - `divide(a, b)`, with the value $a / b$,
# - `tanh(a)`, with the value $\tanh a$. Hint: $\tanh' = 1 - \tanh^2$.
#
# Both take Numbers and return a `Number(value, parents, slopes)`, with one slope for each parent, in the same order.


# %% task=1.1
def divide(a, b):
    """Return the Number a / b. Parents: a and b."""
    ### BEGIN SOLUTION
    return Number(a.value / b.value, (a, b), (1 / b.value, -a.value / b.value**2))
    ### END SOLUTION


def tanh(a):
    """Return the Number tanh(a). Parent: a."""
    ### BEGIN SOLUTION
    y = math.tanh(a.value)
    return Number(y, (a,), (1 - y * y,))
    ### END SOLUTION


# %% test=1.1a points=2
def check_step(operation, truth, *values):
    """Compare an operation with its true value and, by central differences, with its true slopes."""
    inputs = [Number(value) for value in values]
    y, h = operation(*inputs), 1e-6
    assert isinstance(y, Number), f"{operation.__name__} returns a {type(y).__name__}; it should return a Number"
    assert abs(y.value - truth(*values)) < 1e-12, f"{operation.__name__}{values} is {truth(*values):.6g}, not {y.value:.6g}"
    assert y.parents == tuple(inputs), f"the parents of {operation.__name__} are its inputs, all of them and in order"
    assert len(y.slopes) == len(inputs), f"{operation.__name__} has {len(inputs)} parents and {len(y.slopes)} slopes"
    for i, slope in enumerate(y.slopes):
        more, less = ([v + sign * h * (i == k) for k, v in enumerate(values)] for sign in (1, -1))
        true = (truth(*more) - truth(*less)) / (2 * h)
        assert abs(slope - true) < 1e-5, (
            f"{operation.__name__}{values}: the local slope to parent {i} is {true:.6g}, not {slope:.6g}"
        )


check_step(divide, lambda a, b: a / b, 3.0, 2.0)
### BEGIN HIDDEN TESTS
check_step(divide, lambda a, b: a / b, -1.7, 0.6)
check_step(divide, lambda a, b: a / b, 0.4, -2.5)
### END HIDDEN TESTS

# %% test=1.1b points=2
y = tanh(Number(0.5))
assert isinstance(y, Number), f"tanh returns a {type(y).__name__}; it should return a Number"
assert abs(y.value - math.tanh(0.5)) < 1e-12, f"tanh(0.5) is {math.tanh(0.5):.6g}, not {y.value:.6g}"
assert len(y.parents) == len(y.slopes) == 1, "tanh has one parent and one slope"
assert abs(y.slopes[0] - 1 / math.cosh(0.5) ** 2) < 1e-9, (
    f"the local slope of tanh at 0.5 is {1 / math.cosh(0.5) ** 2:.6g}, not {y.slopes[0]:.6g}: 1 - tanh(a)**2, not 1 - a**2"
)
### BEGIN HIDDEN TESTS
for value in (-2.0, 0.0, 1.3):
    y = tanh(Number(value))
    assert abs(y.value - math.tanh(value)) < 1e-12, f"tanh({value}) is {math.tanh(value):.6g}, not {y.value:.6g}"
    true = 1 / math.cosh(value) ** 2
    assert abs(y.slopes[0] - true) < 1e-9, f"the local slope of tanh at {value} is {true:.6g}, not {y.slopes[0]:.6g}"
### END HIDDEN TESTS

# %% [markdown]
# ## 1.2 Pass a slope on (4 points)
#
# The pass backwards gives every number one turn. In its turn a number $v_k$, whose slope $s_k$ is known, passes it on to its parents:
#
# $$s_i \mathrel{+}= s_k \, \frac{\partial v_k}{\partial v_i} \quad\text{for each parent } v_i \text{ of } v_k .$$
#
# Write `pass_on(v, slopes)`. `slopes` is a dict `{Number: slope}`; `slopes[v]` is there already. Change `slopes` for the parents of `v`, and nothing
# else; return nothing. A parent may be in `slopes` already, because something else used it too. It may not be in it yet: then its slope so far is 0.


# %% task=1.2
def pass_on(v, slopes):
    """Add what v passes on to the slopes of its parents."""
    ### BEGIN SOLUTION
    for parent, slope in zip(v.parents, v.slopes):
        slopes[parent] = slopes.get(parent, 0.0) + slopes[v] * slope
    ### END SOLUTION


# %% test=1.2a points=1
a, b = Number(2.0), Number(5.0)
v = a * b
slopes = {v: 3.0}
pass_on(v, slopes)
assert a in slopes and b in slopes, "after pass_on(v, slopes) each parent of v has an entry in slopes"
assert slopes[a] == 15.0 and slopes[b] == 6.0, (
    f"v = 2 * 5 has slope 3, so it passes on 3 * 5 = 15 and 3 * 2 = 6, not {slopes[a]:g} and {slopes[b]:g}"
)
assert slopes[v] == 3.0, "the slope of v itself stays as it is"

# %% test=1.2b points=2
a, b = Number(2.0), Number(5.0)
v = a + b
slopes = {v: 3.0, a: 10.0}
pass_on(v, slopes)
assert slopes[a] == 13.0, (
    f"a had 10 from something else that used it, and v passes on 3: together 13, not {slopes[a]:g}. Slopes are added, += and not ="
)
### BEGIN HIDDEN TESTS
slopes = {v: 1.5, a: -1.0, b: 4.0}
pass_on(v, slopes)
assert slopes[a] == 0.5 and slopes[b] == 5.5, "a parent keeps what it has, and what v passes on is added to it"
### END HIDDEN TESTS

# %% test=1.2c points=1
a = Number(4.0)
v = a * a
slopes = {v: 1.0}
pass_on(v, slopes)
assert slopes[a] == 8.0, f"a is both parents of v = a * a, so it receives 4 twice: 8, not {slopes[a]:g}"
### BEGIN HIDDEN TESTS
v = Number(0.0, (a, a, a), (1.0, 2.0, 4.0))
slopes = {v: 0.5}
pass_on(v, slopes)
assert slopes[a] == 3.5, "a number that is a parent three times receives three shares"
### END HIDDEN TESTS

# %% [markdown]
# ## 1.3 All that a number was made of (4 points)
#
# Write `history(y)`: the list of all Numbers that `y` was made of, `y` itself included, **each of them once**, however often it was used. The order of
# the list does not matter.
#
# A tape may be long. Python allows about 1000 calls inside each other, so a function that calls itself for each parent fails at a chain of
# 10,000. Keep a list of what is still to be visited instead.


# %% task=1.3
def history(y):
    """Return the list of all Numbers that y was made of, y too, each once."""
    ### BEGIN SOLUTION
    seen, stack = {y}, [y]
    while stack:
        for parent in stack.pop().parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return list(seen)
    ### END SOLUTION


# %% test=1.3a points=2
a, b = Number(2.0), Number(3.0)
c = a * b
y = c + a
found = list(history(y))
assert all(v in found for v in (a, b, c)), "the parents of y, and the parents of its parents, belong to history(y)"
assert y in found, "y itself belongs to history(y)"
assert len(found) == len(set(found)), "a was used twice and is in history(y) twice; each number belongs in it once"
assert len(found) == 4, f"y = a * b + a was made of 4 numbers: a, b, a * b and y; history(y) has {len(found)}"
### BEGIN HIDDEN TESTS
y = Number(1.0)
for _ in range(12):
    y = y + y  # 13 numbers, and 4096 paths to the first
found = list(history(y))
assert len(found) == 13, f"12 doublings have 13 numbers. Each number belongs in history(y) once; yours has {len(found)}"
assert history(Number(1.0))[0].value == 1.0, "a number that was made of nothing has a history of one: itself"
### END HIDDEN TESTS

# %% test=1.3b points=2
x, y = chain(10_000)
try:
    found = set(history(y))
except RecursionError:
    raise AssertionError("a chain of 10,000 sums is too long for a function that calls itself; use a list instead") from None
assert x in found, "the first number of a chain of 10,000 sums is missing from the history of the last"
assert len(found) == 20_001, f"10,000 sums, 10,000 constants and x make 20,001 numbers, not {len(found):,}"

# %% [markdown]
# ## 1.4 Backwards (7 points)
#
# Write `gradients(y)`: the dict `{v: slope of y with respect to v}` of all Numbers `v` that `y` was made of, `y` included; $\mathrm{d}y/\mathrm{d}y = 1$.
#
# A number may pass its slope on only when it has received its share from *everything* that used it. A number is made before all that use it, so let the
# last made go first: `v.order` says which was made when. Again, no function that calls itself for each parent.


# %% task=1.4
def gradients(y):
    """Return {Number: slope of y with respect to it} for all that y was made of."""
    ### BEGIN SOLUTION
    found, waiting = {y}, [y]
    while waiting:
        for parent in waiting.pop().parents:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    slopes = dict.fromkeys(found, 0.0)
    slopes[y] = 1.0
    for v in sorted(found, key=lambda v: v.order, reverse=True):
        for parent, slope in zip(v.parents, v.slopes):
            slopes[parent] += slopes[v] * slope
    return slopes
    ### END SOLUTION


# %% test=1.4a points=2
a, b, c = Number(2.0), Number(-3.0), Number(0.5)
y = (a * b + 1.0) * c
slopes = gradients(y)
for v, name, true in ((y, "y", 1.0), (a, "a", -1.5), (b, "b", 1.0), (c, "c", -5.0)):
    assert v in slopes, f"y = (a * b + 1) * c was made of {name}, so gradients(y) has an entry for {name}"
    assert abs(slopes[v] - true) < 1e-12, f"y = (a * b + 1) * c: the slope to {name} is {true}, not {slopes[v]:.6g}"
### BEGIN HIDDEN TESTS
a, b, c, d = (Number(v) for v in (1.5, -0.5, 4.0, 3.0))
slopes = gradients((a * b) * (c + d))
for v, name, true in ((a, "a", -3.5), (b, "b", 10.5), (c, "c", -0.75), (d, "d", -0.75)):
    assert abs(slopes[v] - true) < 1e-12, f"y = (a * b) * (c + d): the slope to {name} is {true}, not {slopes[v]:.6g}"
### END HIDDEN TESTS

# %% test=1.4b points=3
a = Number(1.0)
b = a + a
c = b + b
d = c + b
slopes = gradients(d)
assert slopes[b] == 3.0, f"b = a + a; c = b + b; d = c + b: d is 3 b, so the slope to b is 3, not {slopes[b]:g}. Sum up all uses of b"
assert slopes[a] == 6.0, (
    f"b = a + a; c = b + b; d = c + b: d is 6 a, so the slope to a is 6, not {slopes[a]:g}. "
    "b must have received from c and from d before it passes on"
)
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(0)
for _ in range(5):  # random programs with many forks, against tinygan's own tape
    inputs = list(rng.uniform(-1, 1, 3))
    ours, theirs = [Number(v) for v in inputs], [Tensor(np.float64(v), requires_grad=True) for v in inputs]
    first, first_of_theirs = ours[:], theirs[:]
    for _step in range(12):
        i, j = rng.integers(len(ours), size=2)
        times = rng.random() < 0.5
        ours.append(ours[i] * ours[j] if times else ours[i] + ours[j])
        theirs.append(theirs[i] * theirs[j] if times else theirs[i] + theirs[j])
    y, t = ours[0] + ours[1] + ours[2], theirs[0] + theirs[1] + theirs[2]
    for v, w in zip(ours[3:], theirs[3:]):
        y, t = y + v, t + w
    slopes, true = gradients(y), grad(t, first_of_theirs)
    for v, w in zip(first, true):
        assert np.isclose(slopes[v], w), f"in a program with many forks a slope is {float(w):.6g}, not {slopes[v]:.6g}"
### END HIDDEN TESTS

# %% test=1.4c points=2
x, y = chain(10_000)
try:
    slopes = gradients(y)
except RecursionError:
    raise AssertionError("a chain of 10,000 sums is too long for a function that calls itself; use a list instead") from None
assert slopes[x] == 1.0, f"y = x + 0.5 + ... + 0.5 has slope 1 with respect to x, not {slopes[x]:g}"
assert len(slopes) == 20_001, f"gradients(y) has {len(slopes):,} entries; 10,000 sums, 10,000 constants and x make 20,001"

# %% [markdown]
# ## 1.5 Is it right? (4 points)
#
# A slope that was worked out by hand is checked against two values of the function, the **central difference**
#
# $$\frac{\mathrm{d} y}{\mathrm{d} x} \approx \frac{f(x + h) - f(x - h)}{2h}, \qquad h = 10^{-5},$$
#
# whose error shrinks with $h^2$. Write `numeric_slope(f, inputs, i)`. `inputs` is a list of floats, `f(*inputs)` a float. Return the slope of `f` with
# respect to `inputs[i]`, the others held. The list must be after the call what it was before, to the last bit.


# %% task=1.5
def numeric_slope(f, inputs, i):
    """Return the slope of f with respect to inputs[i], by the central difference with h = 1e-5."""
    ### BEGIN SOLUTION
    h = 1e-5
    more, less = list(inputs), list(inputs)
    more[i] += h
    less[i] -= h
    return (f(*more) - f(*less)) / (2 * h)
    ### END SOLUTION


# %% test=1.5a points=2
slope = numeric_slope(lambda x: math.exp(3 * x), [0.5], 0)
true = 3 * math.exp(1.5)
assert abs(slope - true) < 1e-3, f"the slope of exp(3 x) at 0.5 is {true:.6f}, not {slope:.6f}"
assert abs(slope - true) < 1e-6, (
    f"the slope of exp(3 x) at 0.5 is {true:.8f}; yours is off by {abs(slope - true):.1e}. One side alone is off by h, both by h * h"
)
### BEGIN HIDDEN TESTS
for x in (-1.0, 0.3, 2.0):
    slope, true = numeric_slope(lambda x: math.sin(2 * x), [x], 0), 2 * math.cos(2 * x)
    assert abs(slope - true) < 1e-8, f"the slope of sin(2 x) at {x} is {true:.8f}, not {slope:.8f}"
### END HIDDEN TESTS

# %% test=1.5b points=1
inputs = [2.0, -3.0, 0.7]
f = lambda a, b, c: a * b + c * c * b
for i, true in enumerate((-3.0, 2.49, -4.2)):
    slope = numeric_slope(f, inputs[:], i)
    assert abs(slope - true) < 1e-3, f"f = a b + c c b at (2, -3, 0.7): the slope to input {i} is {true}, not {slope:.6f}"

# %% test=1.5c points=1
inputs = [0.1, 0.2, 0.3]
numeric_slope(lambda a, b, c: a * b * c, inputs, 1)
assert inputs == [0.1, 0.2, 0.3], (
    f"the inputs were [0.1, 0.2, 0.3] and are now {inputs}: change a copy, or put the old value back (adding and subtracting h rounds)"
)
### BEGIN HIDDEN TESTS
inputs = [1e-3 / 3, 7.7]
numeric_slope(lambda a, b: a + b, inputs, 0)
assert inputs == [1e-3 / 3, 7.7], "the inputs are not what they were before the call, to the last bit"
### END HIDDEN TESTS

# %% [markdown]
# ## 1.6 The other way round (5 points)
#
# Slopes can also be carried *forwards*, with the values: each number is a pair of its value $v$ and its slope $\dot v = \mathrm{d}v / \mathrm{d}x$ with
# respect to one chosen input $x$. Such a pair is called a **dual number**. The input itself has $\dot x = 1$, a constant has $\dot c = 0$, and
#
# $$(u + v)\dot{} = \dot u + \dot v, \qquad (u v)\dot{} = \dot u\, v + u\, \dot v, \qquad (\tanh u)\dot{} = (1 - \tanh^2 u)\, \dot u .$$
#
# Write the three methods. `other` may be a Dual or a plain number, which is a constant; `3 * x` and `1 + x` then work by the last line.


# %% task=1.6
class Dual:
    """A number and its slope with respect to one input."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    def __add__(self, other):
        ### BEGIN SOLUTION
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)
        ### END SOLUTION

    def __mul__(self, other):
        ### BEGIN SOLUTION
        factor = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.value * factor.value, self.slope * factor.value + self.value * factor.slope)
        ### END SOLUTION

    def tanh(self):
        ### BEGIN SOLUTION
        y = math.tanh(self.value)
        return Dual(y, (1 - y * y) * self.slope)
        ### END SOLUTION

    __radd__, __rmul__ = __add__, __mul__


# %% test=1.6a points=2
x, u = Dual(3.0, 1.0), Dual(-2.0, 0.5)
y = x * u
assert isinstance(y, Dual), f"the product of two Duals is a {type(y).__name__}; it should be a Dual"
assert y.value == -6.0, f"3 * -2 has the value -6, not {y.value:g}"
assert y.slope == -0.5, f"(3, slope 1) * (-2, slope 0.5) has the slope 1 * -2 + 3 * 0.5 = -0.5, not {y.slope:g}: two terms"
### BEGIN HIDDEN TESTS
x = Dual(1.5, 1.0)
y = x * x * x
assert abs(y.value - 3.375) < 1e-12 and abs(y.slope - 6.75) < 1e-12, f"x**3 at 1.5 has the slope 6.75, not {y.slope:g}"
### END HIDDEN TESTS

# %% test=1.6b points=2
x = Dual(2.0, 1.0)
assert (x + Dual(1.0, 4.0)).slope == 5.0, "the slope of a sum is the sum of the slopes"
for y, name, value, slope in ((x + 1, "x + 1", 3.0, 1.0), (3 * x, "3 * x", 6.0, 3.0), (1 + x, "1 + x", 3.0, 1.0)):
    assert isinstance(y, Dual), f"{name} is a {type(y).__name__}; it should be a Dual"
    assert y.value == value, f"{name} at 2 has the value {value:g}, not {y.value:g}"
    assert y.slope == slope, f"{name} at 2 has the slope {slope:g}, not {y.slope:g}: a constant has the slope 0"

# %% test=1.6c points=1
y = Dual(0.5, 2.0).tanh()
true = 2 / math.cosh(0.5) ** 2
assert abs(y.value - math.tanh(0.5)) < 1e-12, f"tanh(0.5) is {math.tanh(0.5):.6g}, not {y.value:.6g}"
assert abs(y.slope - true) < 1e-9, f"tanh of (0.5, slope 2) has the slope {true:.6g}, not {y.slope:.6g}: multiply by the slope that came in"
