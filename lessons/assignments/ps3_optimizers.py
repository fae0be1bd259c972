# %% [markdown]
# # Assignment 3 · Optimisers
#
# **You will build:** momentum, RMSprop and Adam for a whole network, weight decay that does not pass through them, a limit for gradients, and the average of weights that GANs draw their samples with.
#
# **You need:** lesson 05.
#
# **Time:** 2 hours.
#
# **Grading:** 28 points. Your code replaces `raise NotImplementedError()`. No task needs another one. The tests of a task stand below it. Each test has its own points, so a part
# of a task counts. Some tests are hidden. They ask the same of other shapes and other numbers.
#
# Lesson 05 wrote an optimiser as a function of one gradient. A network has many parameters, of many shapes. Here `params` is a list of NumPy arrays, and `grads` a list of the gradients in
# the same order and of the same shapes. `step(grads)` changes the arrays **in place**, with `p -= ...` or `p[...] = ...`: the network holds the same arrays, and `p = p - ...` would only give a name
# to a new one. It never changes the gradients, which belong to the caller. Everything that an optimiser remembers, it remembers **for each parameter by itself**, and it begins at 0.
#
# In all tasks $p$ is a parameter, $g$ its gradient, and $\eta$ is the learning rate `lr`. Squares, roots and quotients are taken element by element.

# %%
import numpy as np

from tinygan import Tensor, optim


def changes(optimizer, params, all_grads):
    """Take a step for every list of gradients. Return how far each parameter moved: [step][parameter]."""
    moved = []
    for grads in all_grads:
        before = [p.copy() for p in params]
        optimizer.step([g.copy() for g in grads])
        moved.append([p - b for p, b in zip(params, before)])
    return moved


def library_changes(make, params, all_grads):
    """Return the same as `changes`, for an optimiser of tinygan: `make` gets the list of Tensors."""
    tensors, moved = [Tensor(p.copy(), requires_grad=True) for p in params], []
    optimizer = make(tensors)
    for grads in all_grads:
        before = [t.data.copy() for t in tensors]
        optimizer.step([g.copy() for g in grads])
        moved.append([t.data - b for t, b in zip(tensors, before)])
    return moved


def draw(rng, steps, *shapes):
    """Return random parameters of these shapes, and random gradients for each of so many steps."""
    params = [rng.standard_normal(shape) for shape in shapes]
    return params, [[rng.standard_normal(shape) for shape in shapes] for _ in range(steps)]


def assert_alone_as_together(make, steps=5, shapes=((3,), (3,), (2, 3))):
    """Every parameter must move as it would if the optimiser had no other one."""
    params, all_grads = draw(np.random.default_rng(30), steps, *shapes)
    alone = []
    for k, p in enumerate(params):
        mine = [p.copy()]
        alone.append(changes(make(mine), mine, [[grads[k]] for grads in all_grads]))
    assert all(np.abs(of_k[-1][0]).max() > 0 for of_k in alone), "with a single parameter, it does not move"
    together = changes(make(params), params, all_grads)
    for step, moved in enumerate(together):
        for k, change in enumerate(moved):
            why = f"step {step + 1}: parameter {k} of {len(params)} moves otherwise than it does alone:"
            why += " do parameters share what is remembered, or is a step counted for each?"
            assert np.allclose(change, alone[k][step][0]), why


# %% [markdown]
# ## 3.1 Momentum (5 points)
#
# $$ v \leftarrow \mu v + g, \qquad p \leftarrow p - \eta v. $$
#
# $v$ has the shape of $p$ and is 0 before the first step. $\mu$ is `mu`. Note that $g$ enters $v$ as it is, without a factor $1 - \mu$.


# %% task=3.1
class Momentum:
    """Momentum for a list of arrays."""

    def __init__(self, params, lr, mu=0.9):
        ### BEGIN SOLUTION
        self.params, self.lr, self.mu = params, lr, mu
        self.v = [np.zeros_like(p) for p in params]
        ### END SOLUTION

    def step(self, grads):
        """Change the arrays of params in place; grads are their gradients."""
        ### BEGIN SOLUTION
        for p, v, g in zip(self.params, self.v, grads):
            v *= self.mu
            v += g
            p -= self.lr * v
        ### END SOLUTION


# %% test=3.1a points=2
params, g = [np.array([1.0, -2.0])], np.array([3.0, 5.0])
moved = [change[0] for change in changes(Momentum(params, lr=0.1, mu=0.5), params, [[g]] * 3)]
assert np.abs(moved[0]).max() > 0, "the array did not change: change it in place, with p -= ..."
assert np.allclose(moved[0], -0.1 * g), f"v begins at 0, so the first step is -lr g = {-0.1 * g}; yours is {moved[0]}"
why = f"second step: v = 0.5 g + g, so it is -0.15 g = {-0.15 * g}; yours is {moved[1]}"
assert np.allclose(moved[1], -0.15 * g), why
assert np.allclose(moved[2], -0.175 * g), f"third step: v = 1.75 g, so it is {-0.175 * g}; yours is {moved[2]}"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(31)
for shape, lr, mu in (((2, 3), 0.03, 0.9), ((4,), 0.5, 0.0), ((1,), 0.1, 0.99)):
    params, all_grads = draw(rng, 30, shape)
    right = library_changes(lambda p: optim.SGD(p, lr, momentum=mu), params, all_grads)
    moved = changes(Momentum(params, lr, mu), params, all_grads)
    for step in range(30):
        assert np.allclose(moved[step][0], right[step][0]), f"wrong in step {step + 1}, for lr {lr} and mu {mu}"
params, all_grads = draw(rng, 3, (2,))
Momentum([params[0].copy()], 0.1).step([np.ones(2)])  # another one, before
right = library_changes(lambda p: optim.SGD(p, 0.1, momentum=0.9), params, all_grads)
moved = changes(Momentum(params, 0.1), params, all_grads)
assert np.allclose(moved[2][0], right[2][0]), "a second optimiser must begin at v = 0, and mu is 0.9 if it is not given"
### END HIDDEN TESTS

# %% test=3.1b points=2
assert_alone_as_together(lambda params: Momentum(params, lr=0.1, mu=0.5), shapes=((3,), (3,)))
### BEGIN HIDDEN TESTS
assert_alone_as_together(lambda params: Momentum(params, lr=0.1))
assert_alone_as_together(lambda params: Momentum(params, lr=0.1), shapes=((2, 2), (4,), (1,), (2, 2), (1, 4)))
### END HIDDEN TESTS

# %% test=3.1c points=1
g = np.array([0.5, -0.25])
optimizer = Momentum([np.array([1.0, 2.0])], lr=0.1)
optimizer.step([g])
optimizer.step([g])
why = "step changed the caller's gradient: it was [0.5, -0.25] and is"
assert np.array_equal(g, [0.5, -0.25]), f"{why} {g.tolist()}. Is v the same array as g, or was g changed in place?"
### BEGIN HIDDEN TESTS
g, again = np.array([1.0, 1.0]), [np.array([0.0, 0.0]), np.array([0.0, 0.0])]
mine, its_own = Momentum(again[:1], lr=0.1), Momentum(again[1:], lr=0.1)
for k in range(4):
    g[:] = k + 1  # the caller uses one buffer for all steps
    mine.step([g])
    its_own.step([np.full(2, k + 1.0)])
why = "the caller's gradient is kept between steps: it may be overwritten, keep numbers of your own"
assert np.allclose(*again), why
### END HIDDEN TESTS

# %% [markdown]
# ## 3.2 RMSprop (5 points)
#
# $$ s \leftarrow \alpha s + (1 - \alpha)\, g^2, \qquad p \leftarrow p - \eta\, \frac{g}{\sqrt s + \epsilon}. $$
#
# $s$ is 0 before the first step. $\alpha$ is `alpha`, $\epsilon$ is `eps`. Where the root stands matters: $\epsilon$ is added **after** it. A parameter whose gradient has always been 0 stays where it is.


# %% task=3.2
class RMSprop:
    """RMSprop for a list of arrays."""

    def __init__(self, params, lr, alpha=0.99, eps=1e-8):
        ### BEGIN SOLUTION
        self.params, self.lr, self.alpha, self.eps = params, lr, alpha, eps
        self.s = [np.zeros_like(p) for p in self.params]
        ### END SOLUTION

    def step(self, grads):
        """Change the arrays of params in place; grads are their gradients."""
        ### BEGIN SOLUTION
        for p, s, g in zip(self.params, self.s, grads):
            s *= self.alpha
            s += (1 - self.alpha) * g**2
            p -= self.lr * g / (np.sqrt(s) + self.eps)
        ### END SOLUTION


# %% test=3.2a points=2
params, g = [np.array([1.0, -2.0])], np.array([3.0, -5.0])
moved = [change[0] for change in changes(RMSprop(params, lr=0.1, alpha=0.75, eps=1e-14), params, [[g]] * 2)]
why = "first step: s = 0.25 g², whose root is |g| / 2, so every element moves by 2 lr against its gradient: [-0.2, 0.2]"
assert np.allclose(moved[0], [-0.2, 0.2]), f"{why}; yours by {moved[0]}"
why = "second step: s = 0.75 · 0.25 g² + 0.25 g² = 0.4375 g², so it moves by"
why = f"{why} ±{0.1 / 0.4375**0.5:.4f}; yours by {moved[1]}"
assert np.allclose(moved[1], [-0.1 / 0.4375**0.5, 0.1 / 0.4375**0.5]), why
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(32)
for shape, lr, alpha in (((2, 3), 0.03, 0.99), ((4,), 0.5, 0.5), ((1,), 0.1, 0.9)):
    params, all_grads = draw(rng, 30, shape)
    right = library_changes(lambda p: optim.RMSprop(p, lr, alpha=alpha, eps=1e-14), params, all_grads)
    moved = changes(RMSprop(params, lr, alpha, 1e-14), params, all_grads)
    for step in range(30):
        assert np.allclose(moved[step][0], right[step][0]), f"wrong in step {step + 1}, for lr {lr} and alpha {alpha}"
params, all_grads = draw(rng, 3, (2,))
right = library_changes(lambda p: optim.RMSprop(p, 0.1, alpha=0.99), params, all_grads)
moved = changes(RMSprop(params, 0.1), params, all_grads)
assert np.allclose(moved[2][0], right[2][0]), "alpha is 0.99 if it is not given"
### END HIDDEN TESTS

# %% test=3.2b points=2
params = [np.zeros(3)]
with np.errstate(divide="ignore", invalid="ignore"):
    moved = changes(RMSprop(params, lr=1.0, alpha=0.5, eps=1e-3), params, [[np.array([0.0, 1e-3, 1.0])]] * 100)[-1][0]
why = f"a gradient that is always 0 must not move its parameter; it moves by {moved[0]} (0 / 0?)"
assert np.isfinite(moved).all(), why
why = "after 100 equal gradients s = g². For g = eps = 0.001 the step is -lr g / (g + eps) = -0.5"
assert np.isclose(moved[1], -0.5, rtol=1e-6), f"{why}; yours is {moved[1]:.5f}. Is eps added after the root?"
### BEGIN HIDDEN TESTS
for lr, eps in ((0.1, 0.5), (2.0, 1e-8)):
    params, g = [np.zeros((2, 2))], np.array([[0.0, eps], [-3 * eps, 100 * eps]])
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = changes(RMSprop(params, lr, 0.5, eps), params, [[g]] * 100)[-1][0]
    right = -lr * g / (np.abs(g) + eps)
    why = f"for eps = {eps} and gradients {g.tolist()}: {right} expected, not {moved}"
    assert np.allclose(moved, right, rtol=1e-6), why
### END HIDDEN TESTS

# %% test=3.2c points=1
assert_alone_as_together(lambda params: RMSprop(params, lr=0.1, alpha=0.5), shapes=((3,), (3,)))
### BEGIN HIDDEN TESTS
assert_alone_as_together(lambda params: RMSprop(params, lr=0.1), shapes=((2, 2), (4,), (1,), (2, 2), (1, 4)))
params, grads = [np.ones(2)], [np.array([0.5, -0.5])]
RMSprop(params, lr=0.1).step(grads)
assert np.array_equal(grads[0], [0.5, -0.5]), f"step changed the caller's gradients: {grads[0]}"
### END HIDDEN TESTS

# %% [markdown]
# ## 3.3 Adam (6 points)
#
# In step number $t$, which is 1 in the first step,
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad s \leftarrow \beta_2 s + (1 - \beta_2)\, g^2, $$
#
# $$ \hat m = \frac{m}{1 - \beta_1^t}, \qquad \hat s = \frac{s}{1 - \beta_2^t}, \qquad p \leftarrow p - \eta\, \frac{\hat m}{\sqrt{\hat s} + \epsilon}. $$
#
# $m$ and $s$ are 0 before the first step, and what is kept for the next step is $m$ and $s$, not $\hat m$ and $\hat s$. A step is a call of `step`, however many parameters there are. $\epsilon$ is added after the root. $\beta_1$ and $\beta_2$ are the pair `betas`.


# %% task=3.3
class Adam:
    """Adam for a list of arrays."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        ### BEGIN SOLUTION
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.t, self.m, self.s = 0, [0.0] * len(params), [0.0] * len(params)
        ### END SOLUTION

    def step(self, grads):
        """Change the arrays of params in place; grads are their gradients."""
        ### BEGIN SOLUTION
        beta1, beta2 = self.betas
        self.t += 1
        for k, (p, g) in enumerate(zip(self.params, grads)):
            self.m[k] = beta1 * self.m[k] + (1 - beta1) * g
            self.s[k] = beta2 * self.s[k] + (1 - beta2) * g**2
            m_hat = self.m[k] / (1 - beta1**self.t)
            s_hat = self.s[k] / (1 - beta2**self.t)
            p -= self.lr * m_hat / (np.sqrt(s_hat) + self.eps)
        ### END SOLUTION


# %% test=3.3a points=2
params, g = [np.array([1.0, -2.0, 0.5])], np.array([3.0, -0.01, 200.0])
moved = [change[0] for change in changes(Adam(params, lr=0.1, eps=1e-14), params, [[g]] * 2)]
why = "in the first step m̂ = g and ŝ = g², so every element moves by lr = 0.1 against its gradient"
why = f"{why}; yours by {moved[0]}. Are m / (1 - β₁ᵗ) and s / (1 - β₂ᵗ) taken?"
assert np.allclose(moved[0], [-0.1, 0.1, -0.1]), why
why = "the second gradient is the same, so m̂ = g and ŝ = g² again; yours moves by"
assert np.allclose(moved[1], [-0.1, 0.1, -0.1]), f"{why} {moved[1]}. Is t 2 now, and are m and s kept, not m̂ and ŝ?"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(33)
for shape, lr, betas in (((2, 3), 0.03, (0.9, 0.999)), ((4,), 0.5, (0.5, 0.9)), ((1,), 0.1, (0.0, 0.99))):
    params, all_grads = draw(rng, 20, shape)
    right = library_changes(lambda p: optim.Adam(p, lr, betas, eps=1e-14), params, all_grads)
    moved = changes(Adam(params, lr, betas, 1e-14), params, all_grads)
    for step in range(20):
        why = f"wrong in step {step + 1}, for lr {lr} and betas {betas}: what does the correction divide, what is kept?"
        assert np.allclose(moved[step][0], right[step][0]), why
params, all_grads = draw(rng, 3, (2,))
right = library_changes(lambda p: optim.Adam(p, 0.1, (0.9, 0.999)), params, all_grads)
moved = changes(Adam(params, 0.1), params, all_grads)
assert np.allclose(moved[2][0], right[2][0]), "betas are 0.9 and 0.999 if they are not given"
g = np.array([0.1, -2.0])
for eps in (0.3, 1e-4):
    params = [np.zeros(2)]
    moved = changes(Adam(params, 1.0, eps=eps), params, [[g]])[0][0]
    after, under = -g / (np.abs(g) + eps), -g / np.sqrt(g**2 + eps)  # 3.3b is about which of the two it is
    why = f"first step for eps = {eps}: it must be {after}, not {moved}. eps is added to the corrected root"
    assert np.allclose(moved, after) or np.allclose(moved, under), why
### END HIDDEN TESTS

# %% test=3.3b points=1
params, tiny = [np.zeros(2)], np.array([1e-3, -1e-3])
moved = changes(Adam(params, lr=1.0, betas=(0.5, 0.6), eps=1e-3), params, [[tiny]] * 100)[-1][0]
why = "after 100 equal gradients of ±eps, m̂ = g and ŝ = g², so the step is lr g / (|g| + eps): ±0.5"
assert np.allclose(moved, [-0.5, 0.5], rtol=1e-6), f"{why}; yours is {moved}. Is eps added after the root?"
### BEGIN HIDDEN TESTS
params, g = [np.zeros(3)], np.array([1e-8, -3e-8, 1.0])
moved = changes(Adam(params, 0.1, (0.5, 0.6)), params, [[g]] * 100)[-1][0]
right = -0.1 * g / (np.abs(g) + 1e-8)
why = f"eps is 1e-8 if it is not given; for gradients {g}: {right} expected, not {moved}"
assert np.allclose(moved, right, rtol=1e-6), why
### END HIDDEN TESTS

# %% test=3.3c points=2
late = 100  # with these betas, 1 - βᵗ is 1 by now, so the correction does nothing, and only the averages count
params, all_grads = draw(np.random.default_rng(34), late + 3, (4,))
right = library_changes(lambda p: optim.Adam(p, 0.1, (0.5, 0.6), eps=1e-14), params, all_grads)
moved = changes(Adam(params, 0.1, (0.5, 0.6), 1e-14), params, all_grads)
for step in (late, late + 1, late + 2):
    why = f"step {step}: the change must be {right[step][0].round(4)}, it is {moved[step][0].round(4)}"
    assert np.allclose(moved[step][0], right[step][0]), why + ". Are m and s weighted means, of g and of g²?"
### BEGIN HIDDEN TESTS
for betas in ((0.0, 0.6), (0.6, 0.3)):
    params, all_grads = draw(np.random.default_rng(35), late + 3, (2, 3))
    right = library_changes(lambda p: optim.Adam(p, 0.1, betas, eps=1e-14), params, all_grads)
    moved = changes(Adam(params, 0.1, betas, 1e-14), params, all_grads)
    assert np.allclose(moved[-1][0], right[-1][0]), f"wrong in step {late + 3} for betas {betas}"
### END HIDDEN TESTS

# %% test=3.3d points=1
assert_alone_as_together(lambda params: Adam(params, lr=0.1), shapes=((3,), (3,)))
### BEGIN HIDDEN TESTS
assert_alone_as_together(lambda params: Adam(params, lr=0.1), shapes=((2, 2), (4,), (1,), (2, 2), (1, 4)))
params, grads = [np.ones(2)], [np.array([0.5, -0.5])]
Adam(params, lr=0.1).step(grads)
assert np.array_equal(grads[0], [0.5, -0.5]), f"step changed the caller's gradients: {grads[0]}"
### END HIDDEN TESTS

# %% [markdown]
# ## 3.4 Weight decay beside any optimiser (5 points)
#
# Weight decay pulls every weight towards 0, by a share of $\eta \lambda$ in each step. If $\lambda p$ is added to the gradient, Adam divides it by the usual size of the gradient, and weights with large gradients hardly decay. AdamW does not let it through Adam: with $\Delta$ for the change
# that the optimiser itself would make,
#
# $$ p \leftarrow (1 - \eta \lambda)\, p + \Delta. $$
#
# $p$ on the right is the weight *before* the step. Write `step_with_decay(optimizer, grads, decay)` for any optimiser of tinygan. `optimizer.params` is the list of its parameters, `optimizer.lr` its learning rate $\eta$, and `optimizer.step(grads)` makes $p + \Delta$ of
# every $p$; $\Delta$ does not depend on $p$. `decay` is $\lambda$. Here parameters are Tensors: read and assign the array by `p.data`, as in `p.data = 2 * p.data`. **Biases and gains do not decay**: leave parameters with fewer than two axes (`p.ndim`) to the optimiser alone. The gradients of the caller do not change.


# %% task=3.4
def step_with_decay(optimizer, grads, decay):
    """Take one step of the optimiser with decoupled weight decay, for parameters of two or more axes."""
    ### BEGIN SOLUTION
    for p in optimizer.params:
        if p.ndim >= 2:
            p.data = (1 - optimizer.lr * decay) * p.data
    optimizer.step(grads)
    ### END SOLUTION


# %% test=3.4a points=2
w = Tensor(np.array([[1.0, -2.0], [3.0, 4.0]]), requires_grad=True)
before = w.data.copy()
optimizer = optim.Adam([w], lr=0.1)
for _ in range(2):
    step_with_decay(optimizer, [np.zeros((2, 2))], decay=0.5)
why = "with gradients of 0, two steps of lr 0.1 and decay 0.5 leave 0.95² = 0.9025 of every weight; yours leave"
why = f"{why} {(w.data / before).round(4).tolist()}. Does the decay pass through Adam?"
assert np.allclose(w.data, 0.9025 * before), why
### BEGIN HIDDEN TESTS
for make, lr, decay in ((optim.Adam, 0.01, 2.0), (optim.RMSprop, 0.5, 0.1), (optim.Adam, 0.3, 0.0)):
    w = Tensor(np.random.default_rng(36).standard_normal((2, 3, 4)), requires_grad=True)
    before = w.data.copy()
    step_with_decay(make([w], lr=lr), [np.zeros(w.shape)], decay)
    why = f"{make.__name__}, gradients of 0: 1 - {lr} · {decay} of every weight must be left, whatever its shape"
    assert np.allclose(w.data, (1 - lr * decay) * before), why
### END HIDDEN TESTS

# %% test=3.4b points=2
w = Tensor(np.array([[2.0, -1.0]]), requires_grad=True)
step_with_decay(optim.SGD([w], lr=0.5), [np.array([[4.0, 4.0]])], decay=1.0)
why = "SGD, lr 0.5, decay 1: p = 2, g = 4 gives (1 - 0.5) 2 - 0.5 · 4 = -1, and p = -1 gives -2.5; yours are"
assert np.allclose(w.data, [[-1.0, -2.5]]), f"{why} {w.data.tolist()}. Which p decays, that before the step or after?"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(37)
for lr, decay in ((0.1, 0.5), (0.01, 10.0)):
    start, grads = rng.standard_normal((3, 4)), [rng.standard_normal((3, 4)) for _ in range(10)]
    ours, theirs = (Tensor(start.copy(), requires_grad=True) for _ in range(2))
    adam, adamw = optim.Adam([ours], lr=lr), optim.AdamW([theirs], lr=lr, weight_decay=decay)
    for step, g in enumerate(grads):
        step_with_decay(adam, [g], decay)
        adamw.step([g])
        assert np.allclose(ours.data, theirs.data), f"around Adam it must be AdamW; it differs from step {step + 1} on"
### END HIDDEN TESTS

# %% test=3.4c points=1
bias, gain = Tensor(np.full(3, 5.0), requires_grad=True), Tensor(np.float64(5.0), requires_grad=True)
optimizer = optim.Adam([bias, gain], lr=0.1)
step_with_decay(optimizer, [np.zeros(3), np.zeros(())], decay=0.5)
why = f"a bias (3,) and a number () must not decay; they are {bias.data}, {gain.data}"
assert (bias.data == 5).all() and gain.data == 5, why
### BEGIN HIDDEN TESTS
b, w, g = Tensor(np.ones(2), requires_grad=True), Tensor(np.ones((2, 1)), requires_grad=True), np.array([3.0, 4.0])
alone = Tensor(np.ones(2), requires_grad=True)
step_with_decay(optim.SGD([w, b], lr=0.1), [np.zeros((2, 1)), g], decay=0.5)
optim.SGD([alone], lr=0.1).step([g])
assert np.allclose(b.data, alone.data), "a bias must take the optimiser's own step, beside a weight that decays"
assert np.array_equal(g, [3.0, 4.0]), "the caller's gradients were changed"
### END HIDDEN TESTS

# %% [markdown]
# ## 3.5 A limit for the gradient (4 points)
#
# Now and then a gradient is huge, and one step ruins what thousands have built; recurrent networks (lesson 14) are known for it. All gradients of a network together are one long vector, and its length is
#
# $$ \ell = \sqrt{\sum_{\text{parameters}} \sum_{\text{elements}} g^2}. $$
#
# `limited(grads, limit)` returns `(new_grads, length)`. If $\ell$ is larger than `limit`, *all* gradients are multiplied by the *same* factor, so that the length becomes `limit` and the direction stays. Otherwise they keep their values.
# `length` is $\ell$ before that, one number. `new_grads` is a list of new arrays; the given ones do not change. Gradients that are all 0 stay 0.


# %% task=3.5
def limited(grads, limit):
    """Return (gradients of a common length of at most `limit`, their length before)."""
    ### BEGIN SOLUTION
    length = np.sqrt(sum((g**2).sum() for g in grads))
    factor = limit / length if length > limit else 1.0
    return [factor * g for g in grads], length
    ### END SOLUTION


# %% test=3.5a points=1
_, length = limited([np.array([3.0, 0.0]), np.array([[0.0], [4.0]])], limit=1.0)
assert np.ndim(length) == 0, f"the length is one number for all gradients, not {length}"
assert np.isclose(length, 5), f"one gradient has length 3, the other 4, both together have 5; yours is {length}"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(38)
for limit in (0.1, 100.0):
    grads = [rng.standard_normal(shape) for shape in ((3, 4), (5,), ())]
    right = np.linalg.norm(np.concatenate([g.ravel() for g in grads]))
    length = limited(grads, limit)[1]
    assert np.isclose(length, right), f"the length before limiting, {right:.4f}, was asked for, not {length:.4f}"
### END HIDDEN TESTS

# %% test=3.5b points=2
grads = [np.array([3.0, 0.0]), np.array([[0.0], [4.0]])]
new, _ = limited(grads, limit=1.0)
why = "a length of 5 with a limit of 1: every gradient is multiplied by 1/5, also the shorter one"
why = f"{why}; yours are {[n.tolist() for n in new]}"
assert np.allclose(new[0], [0.6, 0]) and np.allclose(new[1], [[0], [0.8]]), why
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(39)
for limit in (0.1, 2.0):
    grads = [scale * rng.standard_normal(shape) for scale, shape in ((10, (3, 4)), (1, (5,)), (0.1, ()))]
    together = np.concatenate([g.ravel() for g in grads])
    new, _ = limited(grads, limit)
    right = together * limit / np.linalg.norm(together)
    why = f"wrong for three gradients of different sizes, with limit {limit}: one factor for all"
    assert np.allclose(np.concatenate([g.ravel() for g in new]), right), why
### END HIDDEN TESTS

# %% test=3.5c points=1
grads = [np.array([0.3, 0.0]), np.array([[0.0], [0.4]])]
new, _ = limited(grads, limit=1.0)
why = "a length of 0.5 is below the limit of 1: the gradients keep their values, they are not made longer"
why = f"{why}; yours are {[n.tolist() for n in new]}"
assert np.allclose(new[0], [0.3, 0]) and np.allclose(new[1], [[0], [0.4]]), why
### BEGIN HIDDEN TESTS
zeros = [np.zeros(2), np.zeros((1, 3))]
with np.errstate(divide="ignore", invalid="ignore"):
    new, length = limited(zeros, 1.0)
assert not any(g.any() for g in new) and length == 0, f"gradients of 0 must stay 0, they are {new} (0 / 0?)"
for scale in (0.1, 10.0):
    grads = [scale * np.ones(4), scale * np.ones((2, 3))]
    limited(grads, 1.0)
    assert all((g == scale).all() for g in grads), "the given gradients were changed: return new arrays"
### END HIDDEN TESTS

# %% [markdown]
# ## 3.6 The average of G's weights (3 points)
#
# The weights of a generator swing from step to step, as its opponent does. Samples are better if they are drawn with an average $a$ of each weight $p$ over the last steps:
#
# $$ a \leftarrow \delta a + (1 - \delta)\, p. $$
#
# $\delta$ is `decay`. `WeightAverage(params, decay)` begins with $a = p$, the weights at that moment. `update()` is called after each step of the optimiser, which changes the arrays of `params` in place. `averages` is the list of the $a$, in the shapes of the parameters. It must not disturb the training.


# %% task=3.6
class WeightAverage:
    """A running average of a list of arrays; `averages` is the list of the averages."""

    def __init__(self, params, decay):
        ### BEGIN SOLUTION
        self.params, self.decay = params, decay
        self.averages = [p.copy() for p in params]
        ### END SOLUTION

    def update(self):
        """Move the averages towards the parameters as they are now."""
        ### BEGIN SOLUTION
        for k, p in enumerate(self.params):
            self.averages[k] = self.decay * self.averages[k] + (1 - self.decay) * p
        ### END SOLUTION


# %% test=3.6a points=2
p = np.array([1.0, 10.0])
average = WeightAverage([p], decay=0.75)
p += 4.0  # the optimiser
average.update()
a = average.averages[0]
assert np.allclose(a, [2, 11]), f"0.75 of the old weights [1, 10] and 0.25 of the new [5, 14] are [2, 11]; yours is {a}"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(301)
for decay in (0.9, 0.999, 0.0):
    params = [rng.standard_normal((2, 3)), rng.standard_normal(4)]
    average, right = WeightAverage(params, decay), [p.copy() for p in params]
    for step in range(5):
        for p, a in zip(params, right):
            p += rng.standard_normal(p.shape)
            a *= decay
            a += (1 - decay) * p
        average.update()
        for a, expected in zip(average.averages, right):
            assert np.allclose(a, expected), f"wrong after {step + 1} updates with decay {decay}"
### END HIDDEN TESTS

# %% test=3.6b points=1
p = np.array([1.0, 10.0])
average = WeightAverage([p], decay=0.75)
first = average.averages[0].copy()
p += 4.0
assert np.array_equal(average.averages[0], first), "the average moved with p before any update: it is p itself, no copy"
average.update()
assert np.allclose(p, [5, 14]), f"update changed the parameter: it was [5, 14] and is {p}"
### BEGIN HIDDEN TESTS
average = WeightAverage([p], decay=0.0)
average.update()
first = average.averages[0].copy()
p += 1.0
assert np.array_equal(average.averages[0], first), "after an update with decay 0 the average is p itself, no copy"
### END HIDDEN TESTS

# %% [markdown]
# ## Sources
#
# - B. Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964, equation 9: momentum.
# - T. Tieleman, G. Hinton, *Lecture 6.5: RMSprop*, Coursera, 2012.
# - D. Kingma, J. Ba, *Adam*, 2015, arXiv:1412.6980, algorithm 1.
# - I. Loshchilov, F. Hutter, *Decoupled weight decay regularization*, 2019, arXiv:1711.05101, algorithm 2.
# - R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks*, 2013, arXiv:1211.5063, algorithm 1: the limit.
# - Y. Yazıcı et al., *The unusual effectiveness of averaging in GAN training*, 2019, arXiv:1806.04498.
