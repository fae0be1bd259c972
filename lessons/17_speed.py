# %% [markdown]
# # 17 · Where the time goes
#
# **You will build:** a convolution a hundred times faster than its loops; a count of what a training step must multiply, beside a measurement
# of what it does; and a batch that two processes share.
#
# **You need:** convolution (lesson 09), the LSTM that writes digits (lesson 15).
#
# **Time:** 30 minutes.

# %%
import os
import time
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygan import Tensor, grad, nn, ops, recipes
from tinygan.losses import mse_loss
from tinygan.profile import profile

FAST = bool(os.environ.get("TINYGAN_FAST"))  # fewer repetitions
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## Count first
#
# The product of matrices $(m, k)$ and $(k, n)$ takes $mkn$ multiplications and as many additions: $2mkn$ operations (FLOP), on every machine
# and in every program. They are nearly all that a network has to do, so counting them says what a step costs *at least*, once we know how
# many a second can be done. A convolution with $N$ pictures, $C$ channels in, $O$ out, a kernel of $K \times K$ and $P$ places in its output
# is such a product, of sizes $NP$, $CK^2$ and $O$:

# %%
N, C, O, K, SIDE = 16, 16, 32, 3, 14
x = rng.standard_normal((N, C, SIDE, SIDE), dtype="float32")
w = rng.standard_normal((O, C, K, K), dtype="float32")
FLOP = 2 * (N * SIDE * SIDE) * (C * K * K) * O
print(f"{FLOP / 1e6:.1f} million operations, whoever computes them")

# %% [markdown]
# Now the same numbers computed in four ways: the loops of lesson 09, `einsum`, which loops in C, im2col with one matrix product, and the
# library's `conv2d`, which builds the columns block by block so that they stay in the processor's cache.


# %%
def windows(x):
    """(N, C, H, W) -> (N, H, W, C, K, K): what lies under the kernel at each place, a view."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return sliding_window_view(padded, (K, K), (2, 3)).transpose(0, 2, 3, 1, 4, 5)


def conv_loops(x, w):
    under, y = windows(x), np.zeros((N, SIDE, SIDE, O), "float32")
    for n in range(N):
        for i in range(SIDE):
            for j in range(SIDE):
                for o in range(O):
                    y[n, i, j, o] = (under[n, i, j] * w[o]).sum()
    return y.transpose(0, 3, 1, 2)


def conv_einsum(x, w):
    return np.einsum("nijckl,ockl->noij", windows(x), w)


def conv_im2col(x, w):
    columns = windows(x).reshape(N * SIDE * SIDE, C * K * K)  # a copy
    return (columns @ w.reshape(O, -1).T).reshape(N, SIDE, SIDE, O).transpose(0, 3, 1, 2)


ways = {"loops": conv_loops, "einsum": conv_einsum, "im2col": conv_im2col}
ways["conv2d"] = lambda x, w: ops.conv2d(x, w, padding=1)
for name, way in ways.items():
    assert np.allclose(way(x, w), ops.conv2d(x, w, padding=1), atol=1e-3), name


def seconds(function, *args, repeats=1 if FAST else 5):
    """The least of a few calls: what disturbs a measurement makes it longer, never shorter."""
    took = []
    for _ in range(repeats):
        begun = time.perf_counter()
        function(*args)
        took.append(time.perf_counter() - begun)
    return min(took)


# %% [markdown]
# A rate is better to compare than a time, for there is a highest one: what this machine does in a large matrix product and nothing else.

# %%
big = rng.standard_normal((1024, 1024), dtype="float32")
rates = {name: FLOP / seconds(way, x, w, repeats=1 if name == "loops" else 20) for name, way in ways.items()}
rates["product alone"] = 2 * 1024**3 / seconds(np.matmul, big, big)
fig, axis = plt.subplots(figsize=(6, 2.2))
axis.barh(list(rates), [rate / 1e9 for rate in rates.values()], color="C0")
axis.set(xscale="log", xlabel="$10^9$ operations a second, on the machine that ran this")
axis.invert_yaxis()
plt.show()
assert rates["im2col"] > 20 * rates["loops"]

# %% [markdown]
# The loops spend their time on Python: a hundred thousand times it looks up `sum`, makes an array, throws it away. `einsum` spends it on
# multiplying one pair at a time. The last two hand a large product to BLAS, which keeps its registers and caches full.
#
# ## A training step
#
# `tinygan.profile` watches the operations of a game while it trains. First what does not depend on the machine: what the digit-writing LSTM
# and its judge multiply in a step, and in how many calls.

# %%
STEPS = 4 if FAST else 16
digits = recipes.load("digits")
found = profile(digits.make_game(digits.Settings()), STEPS)


def by_op(rows, what):
    """Operation -> the sum of what(row) over layers and ways, the largest first."""
    total = Counter()
    for row in rows:
        total[row.op] += what(row)
    return dict(total.most_common())


products = by_op(found.rows, lambda row: row.flop)
print("million operations in matrix products")
for op, flop in products.items():
    if flop:
        print(f"    {op:14} {flop / 1e6:6.1f}")
print(f"    {'together':14} {sum(products.values()) / 1e6:6.1f}")

# %% [markdown]
# Then what does: the time. Beside each operation stands what its matrix products alone would take; the rest of its bar is what one could
# hope to save. `python -m tinygan.profile digits` prints it all as a table, by operation and by layer.

# %%
took, alone = by_op(found.rows, lambda r: r.seconds), by_op(found.rows, lambda r: r.product_seconds)
largest = [op for op in took if op != "profiler"][:9]
fig, axis = plt.subplots(figsize=(6, 2.8))
axis.barh(largest, [1e3 * took[op] for op in largest], color="C0", label="all of it")
axis.barh(largest, [1e3 * alone[op] for op in largest], color="C1", height=0.3, label="its matrix products")
axis.set(xlabel="milliseconds of a step")
axis.invert_yaxis()
axis.legend(loc="lower right")
plt.show()

# %% [markdown]
# Look for three things. Where the orange bar fills the blue one, only a smaller network would be faster. Where it does not, memory is moved:
# im2col copies, an activation reads and writes all of its numbers. And at the end is what computes next to nothing and still takes time: the
# `tape`, which finds the way back; the layers' own Python `between ops`; and the `rest`, that of the training step.
#
# ## What a call costs
#
# How long does a multiplication of two arrays take, forward and back, if they have 1 number, 10, ..., a million?

# %%
sizes = [10**k for k in range(7)]
plain, taped = [], []
for size in sizes:
    a = Tensor(rng.standard_normal(size, dtype="float32"), requires_grad=True)
    b, g = a.data + 1, np.ones(size, "float32")
    times = 200 if size < 10**5 else 20
    plain.append(seconds(lambda: [(a.data * b, g * b) for _ in range(times)]) / times)
    taped.append(seconds(lambda: [grad(a * b, [a], g) for _ in range(times)]) / times)
fig, axis = plt.subplots(figsize=(6, 2.6))
axis.loglog(sizes, 1e6 * np.array(plain), "o-", color="C0", label="NumPy")
axis.loglog(sizes, 1e6 * np.array(taped), "o-", color="C1", label="with the tape")
axis.set(xlabel="numbers in the array", ylabel="microseconds")
axis.legend()
plt.show()

# %% [markdown]
# Up to some thousand numbers the time does not depend on how many there are: it is spent on *calling*. Hence the rule of fast NumPy: few calls,
# each with much to do. An LSTM written cell by cell breaks it, as each of its steps is a dozen small operations; `nn.LSTM` is one operation
# for the whole sequence, with the gradient written by hand:


# %%
def operations(y):
    """How many operations a result was made by."""
    seen, waiting = set(), [y]
    while waiting:
        t = waiting.pop()
        if t is not None and t.op is not None and id(t) not in seen:
            seen.add(id(t))
            waiting += t.parents
    return len(seen)


def lstm_step(cell, x, h, c):
    gates = x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh
    i, f, g, o = ops.split(gates, 32, 1)
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
    return ops.sigmoid(o) * ops.tanh(c), c


cell, lstm = nn.LSTMCell(8, 32, rng=0), nn.LSTM(8, 32, rng=0)
sequence = Tensor(rng.standard_normal((28, 16, 8), dtype="float32"))
h = c = Tensor(np.zeros((16, 32), "float32"))
for x_t in sequence:
    h, c = lstm_step(cell, x_t, h, c)
_, (h_fused, _) = lstm(sequence)
assert np.allclose(h.data, h_fused.data[0], atol=1e-5)
print(f"28 steps of an LSTM, cell by cell: {operations(h)} operations; as one: {operations(h_fused)}")

# %% [markdown]
# ## Two cores
#
# A second core could compute the second half of every product. Or: the second half of the *batch*. The loss is a mean over samples, so its
# gradient is the mean of the halves' gradients:
#
# $$ \nabla \frac1N \sum_{n=1}^{N} \ell(x_n) \;=\; \frac12\left(\nabla \frac2N \sum_{n \le N/2} \ell(x_n) \;+\;
# \nabla \frac2N \sum_{n > N/2} \ell(x_n)\right) $$
#
# Two processes that hold the same weights, compute one half each, and exchange only gradients do the work of one, and stay equal for ever,
# since both move by the same mean. This is *data parallelism*. It is exact, unless something looks at the batch as a whole:


# %%
def mean_of_halves(net, x, wanted):
    """(gradient of the whole batch's loss, mean of the halves' gradients), each as one long vector."""
    weights, flat = net.parameters(), lambda grads: np.concatenate([g.ravel() for g in grads])
    loss = lambda rows: mse_loss(net(Tensor(x[rows])), Tensor(wanted[rows]))
    whole, *halves = (flat(grad(loss(rows), weights)) for rows in (slice(None), slice(0, 32), slice(32, 64)))
    return whole, sum(halves) / 2


inputs = rng.standard_normal((64, 10), dtype="float32")
wanted = rng.standard_normal((64, 1), dtype="float32")
norms = {"no norm": [], "layer norm": [nn.LayerNorm(32)], "batch norm": [nn.BatchNorm1d(32)]}
for name, norm in norms.items():
    net = nn.Sequential(nn.Linear(10, 32, rng=0), *norm, nn.LeakyReLU(0.2), nn.Linear(32, 1, rng=1))
    whole, halves = mean_of_halves(net, inputs, wanted)
    difference = np.linalg.norm(whole - halves) / np.linalg.norm(whole)
    print(f"{name:11} differ by {difference:.0%}")
    assert (difference < 1e-5) == (name != "batch norm")

# %% [markdown]
# `tinygan train digits --set processes=2` does this: it starts a second process and takes the mean in every step (`tinygan.distributed`, one
# screen). Is training then twice as fast? Count again, with half the batch:

# %%
for batch in (64, 32):
    half = profile(digits.make_game(digits.Settings(batch_size=batch)), STEPS)
    flop, calls = (sum(getattr(row, what) for row in half.rows) for what in ("flop", "calls"))
    print(f"batch {batch}: {flop / 1e6:4.0f} million operations in products, {calls:.0f} calls")

# %% [markdown]
# The products are halved, the calls are not. If a share $s$ of a step can be shared by $p$ processes and the rest cannot, the step is
# $1 / (1 - s + s/p)$ times as fast: *Amdahl's law*. With $s = .7$ two processes are 1.5 times as fast, and no number of them 3.4 times.
# Larger networks and batches have larger $s$.
#
# ## Exercises
#
# **1.** How many operations do the matrix products of an LSTM take for $T$ steps, a batch of $N$, $I$ inputs and $H$ hidden numbers, forward?
# Check with `nn.LSTM` and the profile.
# <details><summary>Hint</summary>
#
# In each step $(N, I + H) \times (I + H, 4H)$: $8\,T N H (I + H)$ operations. Backward it is twice that, or less if nobody asks for the
# gradient of the input.
#
# </details>
#
# **2.** Profile `ring` and `mnist-rows`. Which of them would gain by a faster BLAS, which by fewer calls?
# <details><summary>Hint</summary>
#
# `python -m tinygan.profile ring`; compare "its matrix products ... alone" with the step.
#
# </details>
#
# **3.** There is a convolution between loops and im2col: for each of the $K^2$ offsets in the kernel, one product with the picture shifted by it,
# added up. Write it. How fast is it, and how much memory does it save?
# <details><summary>Hint</summary>
#
# With `padded` as in `windows` and `rows = padded[:, :, i : i + SIDE, j : j + SIDE]`, add
# `rows.transpose(0, 2, 3, 1).reshape(-1, C) @ w[:, :, i, j].T`. The library computes the gradient for the input in this way.
#
# </details>
#
# **4.** Three processes, and 64 samples: shares of 22, 21 and 21. What must be averaged now?
# <details><summary>Hint</summary>
#
# Each gradient weighs as much as its share has samples: $\frac{22}{64} g_1 + \frac{21}{64} g_2 + \frac{21}{64} g_3$. tinygan asks for equal
# shares instead.
#
# </details>
#
# ## Sources
#
# - G. Amdahl, *Validity of the single processor approach to achieving large scale computing capabilities*, AFIPS 1967.
# - K. Chellapilla, S. Puri, P. Simard, *High performance convolutional neural networks for document processing*, 2006: im2col.
# - S. Williams, A. Waterman, D. Patterson, *Roofline*, Communications of the ACM 52, 2009: products or memory, which is the limit?
# - S. Li et al., *PyTorch Distributed: experiences on accelerating data parallel training*, 2020, arXiv:2006.15704.
# - `tinygan/profile/`, `tinygan/ops/kernels/conv.py`, `tinygan/ops/kernels/lstm.py`, `tinygan/distributed/processes.py`.
