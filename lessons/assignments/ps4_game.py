# %% [markdown]
# # Assignment 4 · The game
#
# **You will build:** the losses of both players and their gradients by hand, safe for every verdict; the best discriminator of a small world; losses for sequences; and the two halves of a training step.
#
# **You need:** lessons 05, 07 and 08.
#
# **Time:** 2 hours.
#
# **Grading:** 28 points. Your code replaces `raise NotImplementedError()`. No task needs another one. The tests of a task stand below it. Each test has its own points, so a part
# of a task counts. Some tests are hidden. They ask the same of other shapes and other numbers.
#
# The notation is that of lesson 07. The discriminator gives a number $v$ for a sample, the **verdict**; $D = \sigma(v) = 1/(1 + e^{-v})$ is the probability that the sample is real. `real` $(N)$ are verdicts on $N$ real samples,
# `fake` $(M)$ are verdicts on $M$ generated ones. $N$ and $M$ may differ. Every loss is to be made small. All numbers are float64.

# %%
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.gan.objectives import minimax, non_saturating
from tinygan.gradcheck import assert_gradients

strict = lambda: np.errstate(over="raise", divide="raise", invalid="raise")  # what NumPy would warn of is an error

# %% [markdown]
# ## 4.1 Two losses (6 points)
#
# $D$ wants high verdicts on real samples and low ones on generated samples. With $\log D = \log \sigma(v)$ and $\log (1 - D) = \log \sigma(-v)$ its loss is
#
# $$ L_D = -\operatorname{mean} \log \sigma(v_\text{real}) - \operatorname{mean} \log \sigma(-v_\text{fake}), $$
#
# each mean over its own samples. $G$'s loss is the **non-saturating** one, which has a slope where $D$ wins: $L_G = -\operatorname{mean} \log \sigma(v_\text{fake})$. Both functions return one number.
#
# Verdicts may be as large as $\pm 1000$. Then $e^{1000}$ is infinite in float64, and $\log 0$ as well. The losses must be right all the same (they are 0, 1000 or 2000), and NumPy must not warn. NumPy
# has a function for it: `np.logaddexp(a, b)` is $\log(e^a + e^b)$, computed without either power.


# %% task=4.1
def d_loss(real, fake):
    """Return the loss of D: verdicts real (N) and fake (M) -> one number."""
    ### BEGIN SOLUTION
    return np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    ### END SOLUTION


def g_loss(fake):
    """Return the non-saturating loss of G: verdicts fake (M) -> one number."""
    ### BEGIN SOLUTION
    loss = np.logaddexp(0, -fake).mean()
    return loss
    ### END SOLUTION


# %% test=4.1a points=2
loss = d_loss(np.zeros(3), np.zeros(2))
assert np.ndim(loss) == 0, f"the loss is one number; yours has shape {np.shape(loss)}"
why = f"if D cannot tell, all verdicts are 0 and L_D = 2 log 2 = 1.386; yours is {loss:.4f}"
assert np.isclose(loss, np.log(4)), why
right, wrong = d_loss(np.full(3, 2.0), np.full(2, -2.0)), d_loss(np.full(3, -2.0), np.full(2, 2.0))
why = "D is right about everything in the first case, wrong in the second, so its loss must be smaller in the first"
assert right < wrong, f"{why}; yours are {right:.3f} and {wrong:.3f}: look at the signs"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(41)
for n, m in ((4, 4), (3, 8), (5, 1)):
    real, fake = rng.standard_normal(n), 2 * rng.standard_normal(m)
    expected = minimax.discriminator(Tensor(real), Tensor(fake)).item()
    loss = d_loss(real, fake)
    why = f"{n} real and {m} generated samples: L_D is {expected:.5f}, yours {loss:.5f}. A mean over each kind?"
    assert np.isclose(loss, expected, rtol=1e-6), why
### END HIDDEN TESTS

# %% test=4.1b points=2
loss = g_loss(np.zeros(3))
assert np.ndim(loss) == 0, f"the loss is one number; yours has shape {np.shape(loss)}"
low, high = g_loss(np.array([-4.0, -5.0])), g_loss(np.array([4.0, 5.0]))
assert high < low, f"G wants high verdicts: L_G must be smaller for 4 and 5 ({high:.3f}) than for -4 and -5 ({low:.3f})"
slope = (g_loss(np.array([-8.0])) - g_loss(np.array([-7.9]))) / 0.1
why = "where D is sure that a sample is generated (v = -8), the loss must fall by 1 if v rises by 1; yours falls by"
assert slope > 0.9, f"{why} {slope:.4f}: mean log(1 - D) saturates, -mean log D does not"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(42)
for m in (1, 4, 9):
    fake = 2 * rng.standard_normal(m)
    expected = non_saturating.generator(None, Tensor(fake)).item()
    why = f"{m} samples: L_G is {expected:.5f}, yours {g_loss(fake):.5f}"
    assert np.isclose(g_loss(fake), expected, rtol=1e-6), why
### END HIDDEN TESTS

# %% test=4.1c points=2
one = lambda v: np.array([float(v)])
with strict():
    try:
        losses = sorted(float(abs(d_loss(one(v), one(-v)))) for v in (1000, -1000))
    except FloatingPointError as error:
        raise AssertionError(f"d_loss at verdicts of ±1000: {error}. Is there an exp(1000) or a log(0)?") from None
    why = f"d_loss at verdicts of ±1000 is 0 if D is right and 2000 if not; yours are {losses}"
    assert np.allclose(losses, [0, 2000]), why
    try:
        losses = sorted(float(abs(g_loss(one(v)))) for v in (1000, -1000))
    except FloatingPointError as error:
        raise AssertionError(f"g_loss at verdicts of ±1000: {error}. Is there an exp(1000) or a log(0)?") from None
    assert np.allclose(losses, [0, 1000]), f"g_loss at verdicts of ±1000 is 0 and 1000; yours are {losses}"
### BEGIN HIDDEN TESTS
with strict():
    losses = sorted(float(abs(g_loss(one(v)))) for v in (40, -40))
    why = f"g_loss at verdicts of ±40 is 0 and 40, yours are {losses}: cut off?"
    assert np.allclose(losses, [0, 40], rtol=1e-9), why
    losses = sorted(float(abs(d_loss(one(v), one(-v)))) for v in (200, -200))
    why = f"d_loss at verdicts of ±200 is 0 and 400, yours are {losses}: cut off?"
    assert np.allclose(losses, [0, 400], rtol=1e-9), why
### END HIDDEN TESTS

# %% [markdown]
# ## 4.2 Their gradients by hand (5 points)
#
# `d_loss_backward(g, real, fake)` returns `(dreal, dfake)`, the gradients of $L_D$ in the shapes $(N)$ and $(M)$. `g_loss_backward(g, fake)` returns `dfake` $(M)$ for the non-saturating $L_G$. `g` is the gradient with respect to the loss, one number: the results are
# multiplied by it. Do not forget what a mean does to a gradient.
#
# The slope of $\log \sigma(v)$ is $\sigma(-v)$. For verdicts of $\pm 1000$ the gradients must be right and NumPy must not warn, as in 4.1. One way to a safe sigmoid is $\sigma(v) = \frac12 (1 + \tanh \frac v2)$.


# %% task=4.2
def d_loss_backward(g, real, fake):
    """Return (dreal, dfake): the gradients of L_D for real (N) and fake (M), times the number g."""
    ### BEGIN SOLUTION
    dreal = -g * (1 + np.tanh(-real / 2)) / 2 / len(real)  # σ(-v)
    dfake = g * (1 + np.tanh(fake / 2)) / 2 / len(fake)  # σ(v)
    return dreal, dfake
    ### END SOLUTION


def g_loss_backward(g, fake):
    """Return dfake (M): the gradient of the non-saturating L_G, times the number g."""
    ### BEGIN SOLUTION
    return -g * (1 + np.tanh(-fake / 2)) / 2 / len(fake)
    ### END SOLUTION


# %% test=4.2a points=2
rng = np.random.default_rng(43)
real, fake = rng.standard_normal(5), rng.standard_normal(3)
dreal, dfake = d_loss_backward(1.0, real, fake)
assert np.shape(dreal) == (5,) and np.shape(dfake) == (3,), "dreal has the shape of real, dfake that of fake"
assert (dreal < 0).all(), f"L_D falls if a verdict on a real sample rises: dreal must be negative. It is {dreal}"
assert (dfake > 0).all(), f"L_D rises if a verdict on a generated sample rises: dfake must be positive. It is {dfake}"
doubled = d_loss_backward(2.0, real, fake)
same = np.allclose(doubled[0], 2 * dreal) and np.allclose(doubled[1], 2 * dfake)
assert same, "twice the g gives twice the gradients: multiply both by g"
forward = lambda real, fake: minimax.discriminator(Tensor(real), Tensor(fake)).data
assert_gradients((forward, d_loss_backward), real, fake)
### BEGIN HIDDEN TESTS
for n, m in ((4, 4), (1, 6), (8, 3)):
    assert_gradients((forward, d_loss_backward), 3 * rng.standard_normal(n), 3 * rng.standard_normal(m), seed=n)
### END HIDDEN TESTS

# %% test=4.2b points=2
fake = np.random.default_rng(44).standard_normal(4)
dfake = g_loss_backward(1.0, fake)
assert np.shape(dfake) == (4,), f"dfake has the shape of fake, (4,); yours is {np.shape(dfake)}"
assert (dfake < 0).all(), f"L_G falls if a verdict on a generated sample rises: dfake must be negative. It is {dfake}"
sure = g_loss_backward(1.0, np.array([-8.0]))[0]
why = "where D is sure that a sample is generated (v = -8) the slope of -log D is nearly -1"
assert abs(sure + 1) < 0.01, f"{why}; yours is {sure:.4f}, as that of log(1 - D), which saturates"
assert np.allclose(g_loss_backward(2.0, fake), 2 * dfake), "twice the g gives twice the gradient: multiply by g"
forward = lambda fake: non_saturating.generator(None, Tensor(fake)).data
assert_gradients((forward, g_loss_backward), fake)
### BEGIN HIDDEN TESTS
for m in (1, 2, 7):
    assert_gradients((forward, g_loss_backward), 3 * np.random.default_rng(m).standard_normal(m), seed=m)
### END HIDDEN TESTS

# %% test=4.2c points=1
one = lambda v: np.array([float(v)])
with strict():
    try:
        slopes = [*d_loss_backward(1.0, one(-1000), one(1000)), *d_loss_backward(1.0, one(1000), one(-1000))]
        slopes += [g_loss_backward(1.0, one(v)) for v in (1000, -1000)]
    except FloatingPointError as error:
        raise AssertionError(f"at verdicts of ±1000: {error}. Does the sigmoid compute exp(1000)?") from None
slopes = np.sort(np.abs(np.concatenate(slopes)))
assert np.allclose(slopes, [0, 0, 0, 1, 1, 1]), f"at verdicts of ±1000 all slopes are 0, 1 or -1; yours are ±{slopes}"
### BEGIN HIDDEN TESTS
for v in (-800.0, -40.0, 40.0, 800.0):
    with strict():
        slopes = np.abs(np.concatenate([*d_loss_backward(1.0, one(v), one(v)), g_loss_backward(1.0, one(v))]))
    near = np.minimum(slopes, np.abs(1 - slopes))
    why = f"at verdicts of {v} all slopes are 0 or ±1, yours ±{slopes}"
    assert np.isfinite(slopes).all() and (near < 1e-9).all(), why
### END HIDDEN TESTS

# %% [markdown]
# ## 4.3 The best discriminator of a small world (5 points)
#
# A world has $K$ places. `p` $(K)$ are the probabilities of a real sample at each of them, `q` $(K)$ those of a generated sample. `D` $(K)$ says for each place how probable it is that a sample found there is real. The value of the game is **one number**,
#
# $$ V(D) = \sum_k p_k \log D_k + q_k \log (1 - D_k), $$
#
# and `value(D, p, q)` returns it. Where $p_k = 0$ the term $p_k \log D_k$ is 0, even if $D_k = 0$; where $q_k = 0$ the term $q_k \log(1 - D_k)$ is 0, even if $D_k = 1$. In this task, too, NumPy must not warn.
#
# `best_discriminator(p, q, smooth)` returns the `D` $(K)$ with the largest value. With `smooth` $= s < 1$ it is that of another game: $D$ is told that a real sample is real with the probability $s$ only, so that it is never quite sure,
#
# $$ V_s(D) = \sum_k p_k \bigl( s \log D_k + (1 - s) \log (1 - D_k) \bigr) + q_k \log (1 - D_k). $$
#
# Lesson 07 set the slope at one place to 0. Do the same here, on paper. Where $p_k = q_k = 0$, every answer is as good: return $\frac12$.


# %% task=4.3
def value(D, p, q):
    """Return V(D): D, p and q are (K) -> one number, with 0 log 0 = 0."""
    ### BEGIN SOLUTION
    log_real = np.log(D, out=np.zeros(len(D)), where=p > 0)
    log_fake = np.log(1 - D, out=np.zeros(len(D)), where=q > 0)
    return (p * log_real + q * log_fake).sum()
    ### END SOLUTION


def best_discriminator(p, q, smooth=1.0):
    """Return the D (K) of the largest value, 1/2 where nothing comes: p and q are (K), smooth is s."""
    ### BEGIN SOLUTION
    return np.divide(smooth * p, p + q, out=np.full(len(p), 0.5), where=p + q > 0)
    ### END SOLUTION


# %% test=4.3a points=1
D = best_discriminator(np.array([0.5, 0.3, 0.2]), np.array([0.5, 0.1, 0.4]))
why = "even places: 1/2; three times as many real samples as generated: 3/4; half as many: 1/3. Yours is"
assert np.shape(D) == (3,) and np.allclose(D, [1 / 2, 3 / 4, 1 / 3]), f"{why} {D}"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(45)
for k in (2, 6):
    p, q = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k))
    why = f"wrong for {k} places: without smoothing D = p / (p + q)"
    assert np.allclose(best_discriminator(p, q), p / (p + q)), why
### END HIDDEN TESTS

# %% test=4.3b points=2
p, q = np.array([0.5, 0.3, 0.2]), np.array([0.5, 0.1, 0.4])
V = value(np.full(3, 0.5), p, q)
assert np.ndim(V) == 0, f"V is one number; yours has shape {np.shape(V)}"
assert np.isclose(V, -np.log(4)), f"for D = 1/2 everywhere V = -log 4 = -1.386; yours is {V:.4f}. Sum over the places?"
V = value(np.array([0.5, 0.75, 0.5]), p, q)
expected = 0.5 * np.log(0.5) + 0.3 * np.log(0.75) + 0.2 * np.log(0.5)  # p log D
expected += 0.5 * np.log(0.5) + 0.1 * np.log(0.25) + 0.4 * np.log(0.5)  # q log(1 - D)
assert np.isclose(V, expected), f"for D = (0.5, 0.75, 0.5) V is {expected:.4f}; yours is {V:.4f}: does p meet log D?"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(46)
for k in (2, 6):
    p, q, D = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k)), rng.uniform(0.1, 0.9, k)
    assert np.isclose(value(D, p, q), p @ np.log(D) + q @ np.log(1 - D)), f"wrong for {k} places at random"
m = (p + q) / 2
js = (p @ np.log(p / m) + q @ np.log(q / m)) / 2
assert np.isclose(value(p / (p + q), p, q), 2 * js - np.log(4)), "the value of the best D must be 2 JS - log 4"
### END HIDDEN TESTS

# %% test=4.3c points=1
p, q = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.5, 0.5, 0.0])
with strict():
    try:
        D = best_discriminator(p, q)
        V = value(np.array([1.0, 0.5, 0.0, 0.5]), p, q)
    except FloatingPointError as error:
        why = f"where p or q is 0: {error}. Compute quotients and logs only where they are needed"
        raise AssertionError(why) from None
assert np.isclose(D[3], 0.5), f"where neither real nor generated samples come, D = 1/2; yours is {D[3]}"
assert np.isfinite(V), f"V is {V}: where p = 0, p log D is 0 whatever D is, and where q = 0, q log(1 - D) is 0"
### BEGIN HIDDEN TESTS
with strict():
    D = best_discriminator(np.array([0.0, 0.4, 0.6]), np.array([0.0, 0.0, 1.0]), 0.9)
why = f"also with smoothing D = 1/2 where neither real nor generated samples come; yours is {D[0]}"
assert np.isclose(D[0], 0.5), why
why = f"only place 1 has a term that is not 0: V = 2 · 0.5 log 0.5 = -log 2; yours is {V:.5f}"
assert np.isclose(abs(V), np.log(2)), why
### END HIDDEN TESTS

# %% test=4.3d points=1
p, q = np.array([0.5, 0.3, 0.2]), np.array([0.5, 0.1, 0.4])


def smooth_terms(D, s):
    """Return the term of V_s at each place."""
    return p * (s * np.log(D) + (1 - s) * np.log(1 - D)) + q * np.log(1 - D)


D = best_discriminator(p, q, 0.9)
assert (D > 0).all() and (D < 1).all(), f"D is a probability, and here never quite 0 or 1; yours is {D}"
for nudge in (0.01, -0.01):
    better = np.flatnonzero(smooth_terms(D + nudge, 0.9) > smooth_terms(D, 0.9))
    why = f"smooth = 0.9: adding {nudge} to D at the places {better.tolist()} makes V_s larger: D is not the best"
    assert not len(better), why
### BEGIN HIDDEN TESTS
for s in (0.95, 0.5, 0.1):
    D = best_discriminator(p, q, s)
    why = f"wrong for smooth = {s}: the slope s p / D - ((1 - s) p + q) / (1 - D) is not 0"
    assert np.allclose(D, s * p / (p + q)), why
### END HIDDEN TESTS

# %% [markdown]
# ## 4.4 A verdict at every step (4 points)
#
# A discriminator of sequences gives a verdict at every time step: `verdicts` $(N, T)$, for $N$ sequences of up to $T$ steps. Sequences end earlier or later: `lengths` $(N)$ are integers from 1 to $T$, and only the first `lengths[n]` verdicts of
# sequence $n$ count. What stands behind the end is not defined; it may be huge, or `nan`. `sequence_losses(verdicts, lengths)` returns $(N)$ numbers, one for each sequence: the mean **over its own steps** of $-\log \sigma(v)$.
#
# `ops.logsigmoid(v)` is $\log \sigma(v)$, given an array it returns an array.


# %% task=4.4
def sequence_losses(verdicts, lengths):
    """Return the mean of -log σ(v) over the steps of each sequence: (N, T), lengths (N) -> (N)."""
    ### BEGIN SOLUTION
    inside = np.arange(verdicts.shape[1]) < lengths[:, None]  # (N, T)
    terms = -ops.logsigmoid(verdicts)
    return np.where(inside, terms, 0.0).sum(1) / lengths
    ### END SOLUTION


# %% test=4.4a points=2
verdicts = np.array([[0.0, 0.0, 0.0], [-5.0, -5.0, -5.0], [5.0, 5.0, 5.0]])
losses = sequence_losses(verdicts.copy(), np.array([3, 3, 3]))
assert np.shape(losses) == (3,), f"one loss for each of the 3 sequences, (3,); yours has shape {np.shape(losses)}"
why = "within a sequence all verdicts are alike here, so the losses are -log σ(0), -log σ(-5) and -log σ(5)"
expected = np.log1p(np.exp([0, 5, -5]))
assert np.allclose(losses, expected), f"{why}, {expected.round(4)}; yours are {losses.round(4)}. Mean over which axis?"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(47)
for n, t in ((4, 4), (2, 7), (5, 1)):
    verdicts = rng.standard_normal((n, t))
    losses, expected = sequence_losses(verdicts, np.full(n, t)), np.log1p(np.exp(-verdicts)).mean(1)
    why = f"{n} sequences of {t} steps, all of full length: {expected.round(4)} expected, not"
    assert np.shape(losses) == (n,) and np.allclose(losses, expected), f"{why} {np.round(losses, 4)}"
### END HIDDEN TESTS

# %% test=4.4b points=2
verdicts = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 9.0, -9.0]])
losses = sequence_losses(verdicts, np.array([4, 2]))
why = "all verdicts that count are equal, so both losses are too, also that of the sequence that ends after 2 steps"
why = f"{why}; yours are {losses}. What is summed, and by how many steps is it divided?"
assert np.isclose(losses[0], losses[1]), why
with np.errstate(all="ignore"):
    losses = sequence_losses(np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, np.nan, np.inf]]), np.array([4, 2]))
why = "behind the end stands nan; nan times 0 is nan: choose with np.where, or slice, and do not multiply by a mask"
assert np.isfinite(losses).all(), f"{why}. Yours are {losses}"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(48)
verdicts, lengths = rng.standard_normal((5, 5)), np.array([2, 5, 1, 4, 3])
expected = [np.log1p(np.exp(-v[:n])).mean() for v, n in zip(verdicts, lengths)]
for fill in (0.0, 1000.0, -1000.0, np.nan, -np.inf):
    filled = verdicts.copy()
    for row, n in zip(filled, lengths):
        row[n:] = fill
    with np.errstate(all="ignore"):
        losses = sequence_losses(filled, lengths)
    why = f"wrong if {fill} stands behind the ends: {np.round(expected, 4)} expected, not {losses}"
    assert np.allclose(losses, expected), why
### END HIDDEN TESTS

# %% [markdown]
# ## 4.5 A step of D (5 points)
#
# Now with networks. `G` and `D` are modules of tinygan: `G(z)` makes samples, `D(x)` verdicts $(N, 1)$. `optimizer` holds the parameters of `D` alone. `d_step(G, D, optimizer, x, z)` takes **one step of D**: real samples `x`, samples that `G` makes of the noise `z`, the loss $L_D$ of 4.1,
# its gradient, a step of the optimiser. It returns the loss before the step as a Python number, `loss.item()`. For the loss take the library's: `minimax.discriminator(verdicts_on_real, verdicts_on_generated)`.
#
# Write it as PyTorch's users do: `loss.backward()` adds the gradient of the loss to `.grad` of **every parameter that the loss was computed with**. `optimizer.step()` takes what lies in `.grad` of its own parameters, and `optimizer.zero_grad()` clears it. So two things are yours to
# see to. The gradient of D's loss must not arrive at `G`: after the step every `.grad` in `G` is as it was before (here: `None`). And what lay in `.grad` of `D` before, perhaps from a step of `G`, must not enter this step.
# (`grad(loss, D.parameters())` of the lessons stores nothing, and you may use it.)


# %%
def players(seed):
    """Return new networks G (noise of 2 -> samples of 3) and D (samples of 3 -> a verdict), and x (6, 3), z (6, 2)."""
    rng = np.random.default_rng(seed)
    linear = lambda n, m: nn.Linear(n, m, rng=rng, dtype="float64")
    G, D = nn.Sequential(linear(2, 8), nn.Tanh(), linear(8, 3)), nn.Sequential(linear(3, 8), nn.Tanh(), linear(8, 1))
    return G, D, Tensor(1 + rng.standard_normal((6, 3))), Tensor(rng.standard_normal((6, 2)))


def weights(module):
    """Return a copy of all weights of a network, as one array."""
    return np.concatenate([p.data.ravel() for p in module.parameters()])


# %% task=4.5
def d_step(G, D, optimizer, x, z):
    """Take one step of D on real samples x and on samples made of z; return its loss before the step."""
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    loss = minimax.discriminator(D(x), D(G(z).detach()))
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% test=4.5a points=2
G, D, x, z = players(1)
judge = lambda: minimax.discriminator(D(x), D(G(z))).item()
before, optimizer = judge(), optim.SGD(D.parameters(), lr=0.05)
loss = d_step(G, D, optimizer, x, z)
why = f"L_D was {before:.4f} before the step and is {judge():.4f} after it: it must fall. Signs, and order?"
assert judge() < before, why
assert np.isclose(loss, before), f"the loss before the step is {before:.4f}; you return {loss}"
### BEGIN HIDDEN TESTS
for seed in (2, 3):
    G, D, x, z = players(seed)
    start = weights(D)
    slopes = grad(minimax.discriminator(D(x), D(G(z))), D.parameters())
    d_step(G, D, optim.SGD(D.parameters(), lr=0.3), x, z)
    right = start - 0.3 * np.concatenate([s.ravel() for s in slopes])
    why = "a step of SGD moves D's weights by -lr times the gradient of L_D; yours did not"
    assert np.allclose(weights(D), right), why
### END HIDDEN TESTS

# %% test=4.5b points=2
G, D, x, z = players(4)
start = weights(G)
d_step(G, D, optim.SGD(D.parameters(), lr=0.1), x, z)
assert np.array_equal(weights(G), start), "a step of D changed the weights of G"
why = "D's gradient has reached G: .grad of its parameters is filled, and G's next step would help D. See detach()"
assert all(p.grad is None for p in G.parameters()), why
### BEGIN HIDDEN TESTS
G, D, x, z = players(5)
start = weights(G)
optimizer = optim.Adam(D.parameters(), lr=0.1)
for p in G.parameters():
    p.grad = np.full(p.shape, 7.0)
for _ in range(2):
    d_step(G, D, optimizer, x, z)
assert np.array_equal(weights(G), start), "a step of D changed the weights of G"
why = "a step of D changed .grad of G's parameters: it must neither add to it nor clear it"
assert all(p.grad is not None and (p.grad == 7).all() for p in G.parameters()), why
### END HIDDEN TESTS

# %% test=4.5c points=1
after = []
for stale in (False, True):
    G, D, x, z = players(6)
    start = weights(D)
    for p in D.parameters() if stale else ():
        p.grad = np.full(p.shape, 5.0)  # as a step of G would leave it
    d_step(G, D, optim.SGD(D.parameters(), lr=0.1), x, z)
    after.append(weights(D))
assert not np.array_equal(after[0], start), "D did not move"
why = "what lay in .grad of D's parameters before has entered this step: clear it before backward()"
assert np.allclose(*after), why
### BEGIN HIDDEN TESTS
G, D, x, z = players(7)
optimizer = optim.SGD(D.parameters(), lr=0.1)
d_step(G, D, optimizer, x, z)
between = weights(D)
d_step(G, D, optimizer, x, z)
moved = weights(D) - between
G2, D2, x, z = players(7)
d_step(G2, D2, optim.SGD(D2.parameters(), lr=0.1), x, z)
for p in D2.parameters():
    p.grad = None
d_step(G2, D2, optim.SGD(D2.parameters(), lr=0.1), x, z)
assert np.allclose(moved, weights(D2) - between), "the gradient of the first of two steps has entered the second"
### END HIDDEN TESTS

# %% [markdown]
# ## 4.6 A step of G (3 points)
#
# `g_step(G, D, optimizer, z)` takes **one step of G** on samples that it makes of the noise `z`. `optimizer` holds the parameters of `G` alone. The loss is the non-saturating $L_G$; the library's is `non_saturating.generator(None, verdicts)`. It returns the loss before
# the step as a Python number. `D` judges, but does not learn: its weights stay. What lay in `.grad` of `G` before must not enter the step. What `loss.backward()` leaves in `.grad` of `D` is the next step of `D`'s to clear. You may use `grad` here too.


# %% task=4.6
def g_step(G, D, optimizer, z):
    """Take one step of G on samples made of z; return its loss before the step."""
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    loss = non_saturating.generator(None, D(G(z)))
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% test=4.6a points=2
G, D, _, z = players(11)
judge = lambda: D(G(z)).data.mean()
verdict, before = judge(), non_saturating.generator(None, D(G(z))).item()
start, judging = weights(G), weights(D)
loss = g_step(G, D, optim.SGD(G.parameters(), lr=0.05), z)
assert not np.array_equal(weights(G), start), "G did not move: does the gradient reach it? Nothing may be detached here"
assert judge() > verdict, f"the mean verdict on G's samples must rise; it was {verdict:.4f} and is {judge():.4f}"
assert np.array_equal(weights(D), judging), "a step of G changed the weights of D"
assert np.isclose(loss, before), f"the non-saturating loss before the step is {before:.4f}; you return {loss}"
### BEGIN HIDDEN TESTS
for seed, bias in ((12, 0.0), (13, -6.0)):
    G, D, _, z = players(seed)
    D.parameters()[-1].data = D.parameters()[-1].data + bias  # -6: D is sure
    start = weights(G)
    slopes = grad(non_saturating.generator(None, D(G(z))), G.parameters())
    g_step(G, D, optim.SGD(G.parameters(), lr=0.3), z)
    right = start - 0.3 * np.concatenate([s.ravel() for s in slopes])
    why = "a step of SGD moves G's weights by -lr times the gradient of the non-saturating L_G; yours did not"
    assert np.allclose(weights(G), right), why
### END HIDDEN TESTS

# %% test=4.6b points=1
after = []
for stale in (False, True):
    G, D, x, z = players(14)
    start = weights(G)
    for p in G.parameters() if stale else ():
        p.grad = np.full(p.shape, 5.0)
    g_step(G, D, optim.SGD(G.parameters(), lr=0.1), z)
    after.append(weights(G))
assert not np.array_equal(after[0], start), "G did not move"
why = "what lay in .grad of G's parameters before has entered this step: clear it before backward()"
assert np.allclose(*after), why
### BEGIN HIDDEN TESTS
G, D, x, z = players(15)
optimizer = optim.SGD(G.parameters(), lr=0.1)
g_step(G, D, optimizer, z)
between = weights(G)
g_step(G, D, optimizer, z)
moved = weights(G) - between
G2, D2, x, z = players(15)
g_step(G2, D2, optim.SGD(G2.parameters(), lr=0.1), z)
for p in G2.parameters():
    p.grad = None
g_step(G2, D2, optim.SGD(G2.parameters(), lr=0.1), z)
assert np.allclose(moved, weights(G2) - between), "the gradient of the first of two steps has entered the second"
### END HIDDEN TESTS

# %% [markdown]
# ## Sources
#
# - I. Goodfellow et al., *Generative adversarial nets*, 2014, arXiv:1406.2661: the value is equation 1, the best discriminator proposition 1, the non-saturating loss section 3.
# - T. Salimans et al., *Improved techniques for training GANs*, 2016, arXiv:1606.03498, section 3.4: one-sided label smoothing.
# - C. Esteban, S. Hyland, G. Rätsch, *Real-valued (medical) time series generation with recurrent conditional GANs*, 2017, arXiv:1706.02633: a verdict at every step.
