# %% [markdown]
# # Assignment 5 · Penalties on a slope
#
# **You will build:** the gradient penalty of WGAN-GP and $R_1$, both from `tinygan.grad`; $R_1$ once more by hand, with its gradient;
# a loss that takes the penalty lazily; clipping, and a bound on the slope of a network; a critic that a penalty can be used on.
#
# **You need:** lessons 06 and 11, and from lesson 10 what batch normalisation does to a discriminator.
#
# **Time:** 3 hours.
#
# **Grading:** 29 points. A test cell gives its points alone, and no task needs your answer to another. Some tests are hidden: they
# ask the same with other numbers and shapes. `tinygan.gan.penalties` has some of the answers; use from it only what a cell below imports.
#
# Notation: $x_n$ is sample $n$ of a batch of $N$. $v(x)$ is the *verdict*, the number that $D$ gives before any sigmoid, and
# $D(x) = \sigma(v(x))$. The *slope* $\nabla v(x_n)$ is the gradient of the verdict with respect to the sample; it has the sample's shape. In
# the code, `D` is a function (or a module) from samples `(N, ...)` to verdicts `(N, 1)`, both Tensors.

# %%
import numpy as np

from tinygan import Tensor, grad, nn, ops
from tinygan.gan.objectives import minimax
from tinygan.gan.penalties import squared_slopes
from tinygan.gradcheck import assert_gradients


def tanh_critic(W, a):
    """D with v(x) = <a, tanh(W x)>: W (H, K), a (H,), samples (N, ...) of K numbers -> verdicts (N, 1)."""
    return lambda x: ops.tanh(ops.flatten(x, 1) @ W.T) @ a.reshape(-1, 1)


# %% [markdown]
# ## 5.1 The slope at every sample (4 points)
#
# Write `slopes(D, x)`. `x` is an array `(N, ...)`. Return $\nabla v(x_n)$ for every sample: one Tensor of the shape of `x`, row $n$ for sample $n$.
#
# Make a Tensor of `x` that asks for a gradient, and give it to $D$. `grad` starts from *one number*, so make one number of the $N$
# verdicts, such that row $n$ of the gradient is $\nabla v(x_n)$ itself, and not a part of it. The result must be on the tape: a penalty is
# differentiated again, for the weights.


# %% task=5.1
def slopes(D, x):
    """Return the slope at each sample of x (N, ...): a Tensor (N, ...) that can be differentiated again."""
    ### BEGIN SOLUTION
    x = Tensor(x, requires_grad=True)
    return grad(ops.sum(D(x)), x, create_graph=True)[0]
    ### END SOLUTION


# %% test=5.1a points=2
for shape, seed in (((5, 2), 0), ((3, 1, 2, 2), 1)):
    rng = np.random.default_rng(seed)
    W, a, x = (
        rng.standard_normal((4, int(np.prod(shape[1:])))),
        rng.standard_normal(4),
        rng.standard_normal(shape),
    )
    flat = x.reshape(len(x), -1)
    right = ((a * (1 - np.tanh(flat @ W.T) ** 2)) @ W).reshape(shape)  # worked out on paper, as in lesson 06
    got = slopes(tanh_critic(W, a), x)
    got = got.data if isinstance(got, Tensor) else np.asarray(got)
    assert got.shape == shape, (
        f"slopes has shape {got.shape}; one slope for every sample has the shape of x, {shape}"
    )
    assert not np.allclose(got, right / len(x)), (
        "every slope is N times too small: the verdicts were averaged before the gradient. Sum them"
    )
    assert np.allclose(got, right), (
        f"the slope at the first sample is {got[0].ravel()}, it must be {right[0].ravel()}"
    )
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(2)
x = rng.standard_normal((7, 3))
got = slopes(lambda x: ops.sum(x**3, 1), x)  # verdicts (N,)
got = got.data if isinstance(got, Tensor) else np.asarray(got)
assert not np.allclose(got, 3 * x**2 / 7), (
    "every slope is N times too small: the verdicts were averaged before the gradient. Sum them"
)
assert np.allclose(got, 3 * x**2), "the verdict is the sum of x³, so the slope must be 3 x²"
### END HIDDEN TESTS

# %% test=5.1b points=2
rng = np.random.default_rng(3)
W, a, x = rng.standard_normal((4, 3)), rng.standard_normal(4), rng.standard_normal((6, 3))
got = slopes(tanh_critic(Tensor(W, requires_grad=True), a), x)
assert isinstance(got, Tensor) and got.requires_grad, (
    "the slopes are not on the tape: a penalty made of them would have no gradient for the weights. grad"
    " needs create_graph=True"
)
assert_gradients(lambda W: ops.sum(slopes(tanh_critic(W, a), x) ** 2), W)  # a gradient of a gradient
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4)
W, a, x = rng.standard_normal((3, 4)), rng.standard_normal(3), rng.standard_normal((2, 1, 2, 2))
assert_gradients(lambda a: ops.sum(slopes(tanh_critic(W, a), x) ** 3), a)
### END HIDDEN TESTS

# %% [markdown]
# ## 5.2 A penalty on their lengths (6 points)
#
# WGAN-GP wants slopes of length 1. Write `penalty(slopes)` for slopes $s_n$, a Tensor `(N, ...)`:
#
# $$ P = \frac1N \sum_n \bigl(|s_n| - 1\bigr)^2, \qquad |s_n| = \sqrt{\textstyle\sum_i s_{n,i}^2 + 10^{-12}} $$
#
# $i$ runs over *all* numbers of a sample: of a picture `(C, H, W)`, over channels, rows and columns. The root has an infinite slope at 0;
# the $10^{-12}$ keeps a sample with slope 0 from making the gradient infinite or nan. Use `ops` only (`ops.sum`, `ops.sqrt`, ...), so that $P$ can
# be differentiated.


# %% task=5.2
def penalty(slopes):
    """Return the mean over samples of (|slope| - 1)², a Tensor of one number, from slopes (N, ...)."""
    ### BEGIN SOLUTION
    squares = ops.sum(slopes**2, tuple(range(1, slopes.ndim)))  # (N,)
    return ops.mean((ops.sqrt(squares + 1e-12) - 1) ** 2)
    ### END SOLUTION


# %% test=5.2a points=2
def check_lengths(s):
    lengths = np.sqrt((s**2).sum(1))
    right, got = np.mean((lengths - 1) ** 2), penalty(Tensor(s)).item()
    for wrong, why in (
        (
            (np.sqrt((s**2).sum()) - 1) ** 2,
            (
                "one length was taken of the whole batch. Every sample has a length of its own: sum over all"
                " axes but the first"
            ),
        ),
        (
            np.sum((lengths - 1) ** 2),
            "the samples were summed. Take the mean, or the penalty grows with the batch",
        ),
        (
            np.mean(lengths**2),
            "the lengths are drawn to 0. They must be drawn to 1: subtract it before you square",
        ),
        (np.mean((lengths**2 - 1) ** 2), "the root is missing: the length is the root of the sum of squares"),
        (
            (lengths.mean() - 1) ** 2,
            (
                "the lengths were averaged first. 0 and 2 have the mean 1, and none of them is 1: square,"
                " then average"
            ),
        ),
    ):
        assert not np.isclose(got, wrong), f"the penalty is {got:.6g}, it must be {right:.6g}: {why}"
    assert np.isclose(got, right), f"the penalty is {got:.6g}, it must be {right:.6g}"


check_lengths(np.array([[3.0, 4.0], [0.0, 1.0], [0.6, 0.0]]))  # lengths 5, 1, 0.6
### BEGIN HIDDEN TESTS
check_lengths(2 * np.random.default_rng(5).standard_normal((7, 5)))
### END HIDDEN TESTS


# %% test=5.2b points=1
def check_pictures(shape, seed):
    s = np.random.default_rng(seed).standard_normal(shape)
    got, flat, double = (penalty(Tensor(t)) for t in (s, s.reshape(len(s), -1), 2 * s))
    assert got.shape == (), f"the penalty has shape {got.shape}, it must be one number"
    assert np.isclose(got.item(), flat.item()), (
        f"slopes {shape} have the penalty {got.item():.6g}, the same numbers as rows have {flat.item():.6g}:"
        " the length of a sample goes over all of its axes"
    )
    assert not np.isclose(got.item(), double.item()), "slopes twice as long have the same penalty"


check_pictures((5, 2, 3, 4), 6)
### BEGIN HIDDEN TESTS
check_pictures((3, 3, 2), 7)
### END HIDDEN TESTS

# %% test=5.2c points=2
assert_gradients(penalty, np.random.default_rng(8).standard_normal((5, 3)))
### BEGIN HIDDEN TESTS
assert_gradients(penalty, np.random.default_rng(9).standard_normal((4, 2, 2, 3)))
### END HIDDEN TESTS

# %% test=5.2d points=1
s = Tensor(np.array([[0.0, 0.0], [3.0, 4.0]]), requires_grad=True)
with np.errstate(all="ignore"):
    (got,) = grad(penalty(s), s)
assert np.isfinite(got).all(), (
    "where a slope is 0, the gradient is infinite or nan: add 1e-12 to the sum of squares, under the root"
)
assert got[1].any(), "the gradient for the slope (3, 4) is 0, it must be in the direction (3, 4)"

# %% [markdown]
# ## 5.3 Between real and generated samples (3 points)
#
# WGAN-GP takes the slopes at $\hat x_n = \epsilon_n x_n + (1 - \epsilon_n)\, \tilde x_n$, with $x_n$ a real sample, $\tilde x_n$ a generated one, and
# $\epsilon_n$ uniform on $[0, 1)$: on the straight line between the two. Write `between(real, fake, rng)` for arrays of one shape `(N, ...)`; return
# an array of this shape. Each *sample* has its own $\epsilon_n$, and all numbers of a sample share it. All chance comes from `rng`, a
# `np.random.Generator`: `rng.random(shape)` is uniform.


# %% task=5.3
def between(real, fake, rng):
    """Return points (N, ...) between real (N, ...) and fake (N, ...), one random share for each sample."""
    ### BEGIN SOLUTION
    share = rng.random((len(real), *[1] * (real.ndim - 1)))
    return share * real + (1 - share) * fake
    ### END SOLUTION


# %% test=5.3a points=2
def check_line(shape, seed):
    rng = np.random.default_rng(seed)
    fake = rng.standard_normal(shape)
    real = fake + rng.uniform(1, 2, shape)
    x = between(real, fake, rng)
    assert np.shape(x) == shape, f"the points have shape {np.shape(x)}, it must be {shape}"
    share = ((x - fake) / (real - fake)).reshape(shape[0], -1)
    assert np.allclose(share, share[:, :1]), (
        f"the numbers of the first sample have the shares {share[0, :2].round(3)}, they must have one: a"
        " share for each number fills the box between two samples, not the line. Draw N shares and give them"
        " as many axes as the samples have"
    )


check_line((6, 2), 0)
### BEGIN HIDDEN TESTS
check_line((5, 3, 2, 2), 1)
check_line((3, 3), 2)  # a share of shape (N,) would broadcast along the wrong axis
### END HIDDEN TESTS

# %% test=5.3b points=1
real, fake = np.ones((4000, 1)), np.zeros((4000, 1))
share = np.asarray(between(real, fake, np.random.default_rng(3))).reshape(4000, -1)[:, 0]
assert len(np.unique(share)) > 1, "all samples have the same share: draw one for each sample"
assert share.min() >= 0 and share.max() <= 1, (
    "some points are not between the two samples: the shares must be uniform on [0, 1)"
)
assert abs(share.mean() - 0.5) < 0.03 and abs(share.std() - 12**-0.5) < 0.02, (
    "the shares must be uniform on [0, 1): mean 1/2, deviation .29"
)
again = np.asarray(between(real, fake, np.random.default_rng(3))).reshape(4000, -1)[:, 0]
assert (again == share).all(), (
    "the same rng must give the same points: draw from rng, not from a generator of your own"
)
### BEGIN HIDDEN TESTS
other = np.asarray(between(real, fake, np.random.default_rng(4))).reshape(4000, -1)[:, 0]
assert (other != share).any(), "another rng must give other points: draw from rng"
### END HIDDEN TESTS

# %% [markdown]
# ## 5.4 $R_1$, lazily (5 points)
#
# $R_1 = \frac{\gamma}{2}\,\frac1N\sum_n |\nabla v(x_n)|^2$, over the *real* samples. A gradient of a gradient costs about as much as the rest of the
# step, and the penalty changes slowly. StyleGAN2 takes it only at every $k$-th step, and makes it $k$ times as large there. So over many
# steps it weighs as much as before.
#
# Write `d_loss(D, real, fake, step, gamma, every)` for arrays `real` and `fake` `(N, ...)`. Steps count from 0.
#
# - At every step, the game's loss: `minimax.discriminator(v_real, v_fake)`, with the two bags of verdicts.
# - At the steps 0, `every`, 2 · `every`, ... add `every` times $R_1$.
#
# `squared_slopes(verdicts, samples)` is tinygan's: $|\nabla v(x_n)|^2$ for each sample, a Tensor `(N,)` on the tape. The samples must be a Tensor
# that asks for a gradient, and the verdicts must have been computed from it.


# %% task=5.4
def d_loss(D, real, fake, step, gamma, every):
    """Return D's loss at a step, a Tensor of one number; every `every` steps it has every * R1 in it."""
    ### BEGIN SOLUTION
    x = Tensor(real, requires_grad=True)
    on_real = D(x)
    loss = minimax.discriminator(on_real, D(Tensor(fake)))
    if step % every == 0:
        loss = loss + every * gamma / 2 * ops.mean(squared_slopes(on_real, x))
    return loss
    ### END SOLUTION


# %%
def game_loss(D, real, fake):
    """The loss of the game alone, for the tests below."""
    return minimax.discriminator(D(Tensor(real)), D(Tensor(fake))).item()


# %% test=5.4a points=1
rng = np.random.default_rng(10)
critic = tanh_critic(rng.standard_normal((4, 2)), rng.standard_normal(4))
real, fake = rng.standard_normal((6, 2)), rng.standard_normal((5, 2))
for step in (1, 2, 3, 5, 7):
    got, right = d_loss(critic, real, fake, step, 2.0, 4).item(), game_loss(critic, real, fake)
    assert np.isclose(got, right), (
        f"step {step} with every = 4: the loss is {got:.6g}, it must be the game's alone, {right:.6g}. The"
        " penalty belongs to the steps 0, 4, 8, ..."
    )
### BEGIN HIDDEN TESTS
got, right = d_loss(critic, fake, real, 4, 3.0, 3).item(), game_loss(critic, fake, real)
assert np.isclose(got, right), (
    f"step 4 with every = 3: the loss is {got:.6g}, it must be the game's alone, {right:.6g}"
)
### END HIDDEN TESTS


# %% test=5.4b points=2
def check_size(w, n, step, gamma, every):
    D = lambda x: x @ w.reshape(-1, 1)  # a straight line: its slope is w everywhere
    rng = np.random.default_rng(n)
    real, fake = rng.standard_normal((n, len(w))), rng.standard_normal((n, len(w)))
    got, r1 = d_loss(D, real, fake, step, gamma, every).item() - game_loss(D, real, fake), gamma / 2 * w @ w
    for wrong, why in (
        (0.0, "none was added"),
        (r1, "it is not multiplied by `every`: as it is taken more seldom, it must be larger"),
        (2 * every * r1, "the 1/2 of γ/2 is missing"),
        (every * r1 * n, "the samples were summed. Take the mean"),
        (every * gamma / 2 * np.sqrt(w @ w), "it is made of lengths. R1 is made of squared lengths"),
    ):
        assert not np.isclose(got, wrong), (
            f"step {step}: the penalty is {got:.6g}, it must be {every * r1:.6g}: {why}"
        )
    assert np.isclose(got, every * r1), f"step {step}: the penalty is {got:.6g}, it must be {every * r1:.6g}"


check_size(np.array([1.0, -2.0]), 6, 0, 0.3, 4)
check_size(np.array([1.0, -2.0]), 6, 8, 0.3, 4)
### BEGIN HIDDEN TESTS
check_size(np.array([0.5, 1.5, 1.0]), 5, 9, 0.7, 3)
### END HIDDEN TESTS

# %% test=5.4c points=1
hill = lambda x: ops.sum(ops.relu(x) ** 2, 1)  # flat where x < 0, steep where x > 0
left, right = (
    -np.random.default_rng(11).uniform(1, 2, (5, 2)),
    np.random.default_rng(12).uniform(1, 2, (5, 2)),
)
extra = d_loss(hill, left, right, 0, 1.0, 2).item() - game_loss(hill, left, right)
assert np.isclose(extra, 0), (
    f"D is flat at all real samples, so R1 must be 0, and it is {extra:.4g}: it is taken at real samples, not"
    " at generated ones"
)
extra = d_loss(hill, right, left, 0, 1.0, 2).item() - game_loss(hill, right, left)
assert extra > 0, "D is steep at all real samples, so R1 must be above 0"

# %% test=5.4d points=1
rng = np.random.default_rng(13)
W, a = rng.standard_normal((4, 2)), rng.standard_normal(4)
real, fake = rng.standard_normal((6, 2)), rng.standard_normal((5, 2))
assert_gradients(
    lambda W: d_loss(tanh_critic(W, a), real, fake, 0, 1.0, 2), W
)  # the gradient that D's optimiser gets
### BEGIN HIDDEN TESTS
assert_gradients(lambda a: d_loss(tanh_critic(W, a), fake, real, 3, 2.0, 3), a)
### END HIDDEN TESTS

# %% [markdown]
# ## 5.5 $R_1$ by hand (5 points)
#
# Once without a tape, in plain NumPy. The critic is $v(x) = \langle a, \tanh(Wx) \rangle$ with weights `W (H, K)` and `a (H,)`; the batch is `x (N, K)`,
# a sample a row. With $y_n = \tanh(W x_n)$ and $r_n = a \odot (1 - y_n \odot y_n)$ ($\odot$: element by element), the slope is
# $s_n = W^{\mathsf T} r_n$. Write
#
# $$ R = \frac1{2N} \sum_n |s_n|^2 $$
#
# and its gradients for all three inputs. Lesson 06 has the one for $a$. `W` is met *twice*: in $W^{\mathsf T} r_n$, and inside $\tanh$. `x` is met once. Go
# backwards step by step: from $s$ to $r$ and $W$, from $r$ to $a$ and $y$, from $y$ through tanh ($1 - y^2$) to $W$ and $x$.


# %% task=5.5
def r1(W, a, x):
    """Return R, one number, for W (H, K), a (H,) and samples x (N, K)."""
    ### BEGIN SOLUTION
    y = np.tanh(x @ W.T)  # (N, H)
    s = (a * (1 - y * y)) @ W  # (N, K)
    return (s * s).sum() / 2 / len(x)
    ### END SOLUTION


def r1_backward(g, W, a, x):
    """Return dW (H, K), da (H,), dx (N, K), the gradients of g * R; g is one number."""
    ### BEGIN SOLUTION
    y = np.tanh(x @ W.T)  # (N, H)
    r = a * (1 - y * y)  # (N, H)
    ds = g * (r @ W) / len(x)  # (N, K)
    dr = ds @ W.T  # (N, H)
    du = dr * a * -2 * y * (1 - y * y)  # (N, H), for u = W x
    dW = r.T @ ds + du.T @ x
    return dW, (dr * (1 - y * y)).sum(0), du @ W
    ### END SOLUTION


# %%
def r1_by_tape(W, a, x):
    """The same number from the tape, for the tests below."""
    x = Tensor(x, requires_grad=True)
    return ops.mean(squared_slopes(tanh_critic(W, a)(x), x)).item() / 2


# %% test=5.5a points=1
def check_r1(H, K, N, seed):
    rng = np.random.default_rng(seed)
    W, a, x = rng.standard_normal((H, K)), rng.standard_normal(H), rng.standard_normal((N, K))
    got, right = r1(W, a, x), r1_by_tape(W, a, x)
    assert not np.isclose(got, 2 * right), f"R is {got:.6g}, the tape says {right:.6g}: the 1/2 is missing"
    assert not np.isclose(got, N * right), (
        f"R is {got:.6g}, the tape says {right:.6g}: take the mean over samples, not the sum"
    )
    assert np.isclose(got, right), f"R is {got:.6g}, the tape says {right:.6g}"


check_r1(4, 2, 6, 14)
### BEGIN HIDDEN TESTS
check_r1(3, 3, 3, 15)  # all sizes alike: a wrong .T does not raise
### END HIDDEN TESTS

# %% test=5.5b points=1
rng = np.random.default_rng(15)
W, a, x = rng.standard_normal((4, 2)), rng.standard_normal(4), rng.standard_normal((6, 2))
assert_gradients((lambda a: r1_by_tape(W, a, x), lambda g, a: r1_backward(g, W, a, x)[1]), a)

# %% test=5.5c points=2
rng = np.random.default_rng(16)
W, a, x = rng.standard_normal((4, 2)), rng.standard_normal(4), rng.standard_normal((6, 2))
assert_gradients((lambda W: r1_by_tape(W, a, x), lambda g, W: r1_backward(g, W, a, x)[0]), W)
### BEGIN HIDDEN TESTS
W, a, x = rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal((3, 3))
assert_gradients((lambda W: r1_by_tape(W, a, x), lambda g, W: r1_backward(g, W, a, x)[0]), W)
### END HIDDEN TESTS

# %% test=5.5d points=1
rng = np.random.default_rng(17)
W, a, x = rng.standard_normal((4, 2)), rng.standard_normal(4), rng.standard_normal((6, 2))
assert_gradients((lambda x: r1_by_tape(W, a, x), lambda g, x: r1_backward(g, W, a, x)[2]), x)

# %% [markdown]
# ## 5.6 Two ways without a penalty (3 points)
#
# `clip_weights(parameters, c)` is the first way of WGAN: after a step, every number of every parameter is brought back into $[-c, c]$. `parameters` is a
# list of Tensors, such as `D.parameters()`. Change them in place, by giving each a new array (`p.data = ...`), and return nothing.
#
# `slope_bound(matrices)` says how steep a network can be. $v(x) = A_L\,\phi(\cdots \phi(A_2\,\phi(A_1 x)))$ has the matrices $A_1, \dots, A_L$ and a $\phi$
# that stretches nothing, such as leaky ReLU. The matrix $A$ stretches no vector more than by its largest singular value $\sigma(A)$
# (`np.linalg.svd`). So $|\nabla v| \le \sigma(A_1) \cdots \sigma(A_L)$ everywhere. Return this product, for a list of arrays; biases do not matter.


# %% task=5.6
def clip_weights(parameters, c):
    """Bring every number of every parameter into [-c, c]."""
    ### BEGIN SOLUTION
    for p in parameters:
        p.data = p.data.clip(-c, c)
    ### END SOLUTION


def slope_bound(matrices):
    """Return the product of the largest singular values of matrices (out, in)."""
    ### BEGIN SOLUTION
    return np.prod([np.linalg.svd(A, compute_uv=False)[0] for A in matrices])
    ### END SOLUTION


# %% test=5.6a points=1
def check_clipped(c, sizes, seed):
    rng = np.random.default_rng(seed)
    D = nn.Sequential(*[nn.Linear(m, n, rng=rng, dtype=np.float64) for m, n in sizes])
    before = [p.data.copy() for p in D.parameters()]
    clip_weights(D.parameters(), c)
    for p, old in zip(D.parameters(), before):
        assert p.data.max() <= c and p.data.min() >= -c, (
            f"a parameter {p.shape} lies in [{p.data.min():.3g}, {p.data.max():.3g}] and must lie in [{-c},"
            f" {c}]: clip below and above, all parameters, biases too"
        )
        inside = np.abs(old) <= c
        assert (p.data[inside] == old[inside]).all(), (
            "a number within [-c, c] was changed: clip, do not scale"
        )
        assert np.allclose(np.abs(p.data[~inside]), c), (
            "a number outside of [-c, c] must become c or -c, the nearer one"
        )


check_clipped(0.1, ((3, 8), (8, 1)), 0)
### BEGIN HIDDEN TESTS
check_clipped(0.05, ((4, 6), (6, 6), (6, 1)), 1)
### END HIDDEN TESTS


# %% test=5.6b points=2
def check_bound(matrices):
    got, right = slope_bound(matrices), np.prod([np.linalg.norm(A, 2) for A in matrices])
    for wrong, why in (
        (
            np.prod([np.linalg.norm(A) for A in matrices]),
            "this is the root of the sum of squares of each matrix, an upper bound that is too large",
        ),
        (sum(np.linalg.norm(A, 2) for A in matrices), "layers follow one another, so their factors multiply"),
        (np.prod([np.linalg.norm(A, -2) for A in matrices]), "these are the smallest singular values"),
        (
            np.prod([np.abs(A).max() for A in matrices]),
            "the largest number of a matrix says little of what it stretches",
        ),
    ):
        assert not np.isclose(got, wrong), f"the bound is {got:.6g}, it must be {right:.6g}: {why}"
    assert np.isclose(got, right), f"the bound is {got:.6g}, it must be {right:.6g}"


rng = np.random.default_rng(18)
check_bound([rng.standard_normal((4, 2)), rng.standard_normal((3, 4))])
### BEGIN HIDDEN TESTS
check_bound([rng.standard_normal((5, 3)), rng.standard_normal((5, 5)), rng.standard_normal((2, 5))])
### END HIDDEN TESTS

# %% [markdown]
# ## 5.7 A critic that a penalty can be used on (3 points)
#
# Write `make_critic(rng)`: a module from pictures `(N, 1, 8, 8)` to verdicts `(N, 1)`. Its layers: a convolution to 16 channels, kernel 4, stride
# 2, padding 1; a *normalisation*; leaky ReLU with slope .2 on the left; a linear layer on all $16 \cdot 4 \cdot 4$ numbers. No sigmoid: a verdict is any number. Give
# `rng=rng` and `dtype=np.float64` to every layer that has weights to draw (`dtype` to the normalisation as well). It stays in training mode.
#
# A slope $\nabla v(x_n)$ has a meaning only if verdict $n$ depends on sample $n$ alone. Lesson 10 shows which normalisations keep it so.


# %% task=5.7
def make_critic(rng):
    """Return a normalised critic, pictures (N, 1, 8, 8) -> verdicts (N, 1), each of its picture alone."""
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1, rng=rng, dtype=np.float64),
        nn.GroupNorm(1, 16, dtype=np.float64),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 1, rng=rng, dtype=np.float64),
    )
    ### END SOLUTION


# %% test=5.7a points=1
x = np.random.default_rng(19).standard_normal((64, 1, 8, 8))
D = make_critic(np.random.default_rng(0))
v = D(Tensor(x)).data
assert v.shape == (64, 1), f"the verdicts have shape {v.shape}, they must be (64, 1)"
assert v.min() < 0, "no verdict is below 0. A verdict is any number: no sigmoid at the end"
again = make_critic(np.random.default_rng(0))(Tensor(x)).data
assert np.array_equal(v, again), (
    "the same rng gives another critic: give rng=rng to every layer that draws weights"
)
sizes = sorted(p.data.size for p in D.parameters())
assert sizes.count(256) >= 2, "there must be 16 kernels of 1 x 4 x 4, and a linear layer from 256 numbers"

# %% test=5.7b points=1
D = make_critic(np.random.default_rng(1))
picture, company, noise = np.split(np.random.default_rng(20).standard_normal((33, 1, 8, 8)), [1, 17])
among = D(Tensor(np.concatenate([picture, company]))).data[0, 0]
elsewhere = D(Tensor(np.concatenate([picture, 5 * noise + 1]))).data[0, 0]
assert np.isclose(among, elsewhere, rtol=1e-9), (
    f"the same picture has verdict {among:.4f} in one batch and {elsewhere:.4f} in another: a norm over the"
    " batch lets samples meet. Then row n of the gradient is no longer the slope at sample n. Take a norm"
    " over one sample"
)

# %% test=5.7c points=1
D = make_critic(np.random.default_rng(2))
(convolution,) = [layer for layer in D.modules() if isinstance(layer, nn.Conv2d)]
x = np.random.default_rng(21).standard_normal((1, 1, 8, 8))
before = D(Tensor(np.repeat(x, 2, 0))).data[0, 0]
for p in convolution.parameters():
    p.data = 100 * p.data
after = D(Tensor(np.repeat(x, 2, 0))).data[0, 0]
assert np.isclose(before, after, rtol=1e-2), (
    f"the convolution was made 100 times as large, and the verdict went from {before:.4f} to {after:.4f}:"
    " after a normalisation it would stay. Is there one, behind the convolution?"
)
