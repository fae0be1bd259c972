# %% [markdown]
# # 14 · Recurrence: RNN, LSTM, GRU
#
# **You will build:** a recurrent network and its gradient through time; a measurement of how that gradient vanishes; an LSTM step with its
# gradient; and gradient clipping, at the edge of a cliff. Then five networks try to remember one bit.
#
# **You need:** vector-Jacobian products (lesson 04).
#
# **Time:** 45 minutes.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.backend import stream
from tinygan.gradcheck import assert_gradients
from tinygan.losses import binary_cross_entropy_with_logits

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## A network that reads
#
# A sequence $x_1, \dots, x_T$ is read one step after the other; what has been read so far is kept in a state $h_t$. The same weights at every
# step:
#
# $$ h_t = \tanh(a_t), \qquad a_t = W x_t + U h_{t-1} + b, \qquad h_0 = 0 $$


# %%
def rnn(x, W, U, b):
    """x (T, N, I), W (H, I), U (H, H), b (H,) -> all states h (T, N, H)."""
    h, states = np.zeros((x.shape[1], len(b))), []
    for x_t in x:
        h = np.tanh(x_t @ W.T + h @ U.T + b)
        states.append(h)
    return np.stack(states)


# %% [markdown]
# **Backpropagation through time** is the chain rule along this chain, from the end. What $h_t$ gets is what the loss gives it directly, $g_t$,
# and what comes back from the step after it:
#
# $$ \bar h_t = g_t + U^\top \bar a_{t+1}, \qquad \bar a_t = \bar h_t \odot (1 - h_t^2) $$
#
# (a bar marks "the gradient for"). The weights were used at every step, so they get the sum over all steps.


# %%
def rnn_backward(g, x, W, U, b):
    h = rnn(x, W, U, b)
    before = np.concatenate([np.zeros_like(h[:1]), h[:-1]])  # h_0 ... h_{T-1}
    dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    dh = np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        da = (g[t] + dh) * (1 - h[t] ** 2)
        dx[t] = da @ W
        dW += da.T @ x[t]
        dU += da.T @ before[t]
        db += da.sum(0)
        dh = da @ U
    return dx, dW, dU, db


shapes = (6, 3, 2), (4, 2), (4, 4), (4,)
x, W, U, b = (rng.standard_normal(shape) for shape in shapes)
assert_gradients((rnn, rnn_backward), x, W, U, b)


def rnn_of_ops(x, W, U, b):
    h, states = np.zeros((x.shape[1], len(b))), []
    for t in range(len(x)):
        h = ops.tanh(ops.linear(x[t], W, b) + ops.linear(h, U))
        states.append(h)
    return ops.stack(states)


leaves, g = [Tensor(a, requires_grad=True) for a in (x, W, U, b)], rng.standard_normal((6, 3, 4))
y = rnn_of_ops(*leaves)
assert np.allclose(y.data, rnn(x, W, U, b))
for ours, theirs in zip(rnn_backward(g, x, W, U, b), grad(y, leaves, g)):
    assert np.allclose(ours, theirs)
print("by hand = finite differences = the library's tape")

# %% [markdown]
# ## The gradient vanishes
#
# On its way from step $T$ to step $t$ the gradient is multiplied $T - t$ times by $U^\top$ and by slopes of tanh, which are below 1. How much
# does the input of $k$ steps ago still move the last state? Measure $|\partial \langle r, h_T\rangle / \partial x_t|$, $r$ a random direction,
# for $U$ a rotation times $\rho$:

# %%
STEPS, SIZE = 60, 32


def influence(run):
    """Sizes of d<r, h_T>/dx_t, the last t first: (T,). run: inputs (T, N, 2) -> h_T (N, SIZE)."""
    x = Tensor(0.3 * stream(0, "x").standard_normal((STEPS, 64, 2)), requires_grad=True)
    (dx,) = grad(run(x), x, stream(0, "r").standard_normal((64, SIZE)))
    return np.sqrt(np.square(dx).sum(2).mean(1))[::-1]


rotation = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))[0]
read = rng.standard_normal((SIZE, 2)) / 4
double = np.float64
plain = lambda scale: lambda x: rnn_of_ops(x, read, scale * rotation, np.zeros(SIZE))[-1]
networks = {f"RNN, U = {scale} x rotation": plain(scale) for scale in (0.8, 1.0, 1.3)}
networks["LSTM"] = lambda x: nn.LSTM(2, SIZE, rng=1, dtype=double)(x)[0][-1]
networks["GRU"] = lambda x: nn.GRU(2, SIZE, rng=1, dtype=double)(x)[0][-1]

fig, axis = plt.subplots(figsize=(6.8, 3))
for (name, run), colour in zip(networks.items(), ("#56B4E9", "C0", "C6", "C1", "C2")):
    sizes = influence(run)
    axis.semilogy(sizes, color=colour, label=name)
    print(f"{name:26} input of 50 steps ago: {sizes[50]:.1e}")
axis.set(xlabel="steps ago", ylabel="size of the gradient", ylim=(1e-14, 100))
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# Straight lines down on a logarithmic scale: exponential forgetting. The plain RNN keeps its gradient only on a knife's edge ($\rho$ near 1 and
# small states); with $\rho$ larger, the gradient may also explode. And the famous LSTM, as it comes from the shop? No better. Why, and what
# to do, we can read off its equations.
#
# ## The LSTM, by hand
#
# Beside $h$ it has a second state, the *cell* $c$, and four gates, which are all computed from $x_t$ and $h_{t-1}$ ($\sigma$ is the sigmoid):
#
# $$ a = W x_t + U h_{t-1} + b, \quad \text{in four blocks: } a_i,\, a_f,\, a_g,\, a_o $$
#
# $$ \begin{aligned}
# i &= \sigma(a_i) && \text{input gate: how much to write} \\
# f &= \sigma(a_f) && \text{forget gate: how much to keep} \\
# g &= \tanh(a_g) && \text{what to write} \\
# o &= \sigma(a_o) && \text{output gate: how much to show}
# \end{aligned} $$
#
# $$ c_t = f \odot c_{t-1} + i \odot g, \qquad h_t = o \odot \tanh(c_t) $$
#
# Follow the gradient along $c$: $\partial c_t / \partial c_{t-1} = f$. No matrix, no tanh: only the forget gate. If it is near 1, the gradient
# passes. If it is $\sigma(0) = \frac12$, as at the beginning of training, 50 steps leave $2^{-50} \approx 10^{-15}$ of what goes this way (and
# the figure shows little more, as little goes through $U$).


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gates_of(x, h, W, U, b):
    i, f, g, o = np.split(x @ W.T + h @ U.T + b, 4, axis=1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def lstm_step(x, h, c, W, U, b):
    """x (N, I), h and c (N, H), W (4H, I), U (4H, H), b (4H,) -> the next h and c, (2, N, H)."""
    i, f, g, o = gates_of(x, h, W, U, b)
    c = f * c + i * g
    return np.stack([o * np.tanh(c), c])


def lstm_step_backward(g_hc, x, h, c, W, U, b):
    dh, dc = g_hc
    i, f, g, o = gates_of(x, h, W, U, b)
    squashed = np.tanh(f * c + i * g)
    dc = dc + dh * o * (1 - squashed**2)  # through h' = o tanh c'
    di, df = dc * g * i * (1 - i), dc * c * f * (1 - f)
    dg, do = dc * i * (1 - g**2), dh * squashed * o * (1 - o)
    da = np.concatenate([di, df, dg, do], axis=1)  # (N, 4H)
    return da @ W, da @ U, dc * f, da.T @ x, da.T @ h, da.sum(0)


N, I, H = 3, 2, 4
shapes = (N, I), (N, H), (N, H), (4 * H, I), (4 * H, H), (4 * H,)
arrays = [rng.standard_normal(shape) for shape in shapes]
assert_gradients((lstm_step, lstm_step_backward), *arrays)

leaves = [Tensor(a, requires_grad=True) for a in arrays]
new_h, new_c = ops.lstm_cell(*leaves)
assert np.allclose(lstm_step(*arrays), [new_h.data, new_c.data])
g_hc = rng.standard_normal((2, N, H))
loss = (new_h * g_hc[0]).sum() + (new_c * g_hc[1]).sum()
for ours, theirs in zip(lstm_step_backward(g_hc, *arrays), grad(loss, leaves)):
    assert np.allclose(ours, theirs)
print("by hand = finite differences = ops.lstm_cell")

# %% [markdown]
# ## All steps as one operation
#
# Written with a tape, a step is seventeen operations, each with its own node, its own small arrays, its own call of a vjp. The library's
# `ops.lstm` runs a whole sequence as *one* node whose backward is the function above in a loop, with all weight gradients in one product
# at the end. Its value and its gradient are the same numbers:


# %%
def many_nodes(x, W, U, b):
    h = c = np.zeros((x.shape[1], H))
    states = []
    for t in range(len(x)):
        i, f, g, o = ops.chunk(ops.linear(x[t], W, b) + ops.linear(h, U), 4, 1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        states.append(h)
    return ops.stack(states)


def one_node(x, W, U, b):
    return ops.lstm(x, None, None, W, U, b)[:-1]  # the last row is the cell state


def count_nodes(y):
    seen, stack = set(), [y]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += [
                parent for parent in node.parents if parent is not None and parent.op is not None
            ]
    return len(seen)


leaves = [Tensor(a, requires_grad=True) for a in (rng.standard_normal((20, N, I)), *arrays[3:])]
slow, fast = many_nodes(*leaves), one_node(*leaves)
g = rng.standard_normal(slow.shape)
assert np.allclose(slow.data, fast.data)
for a, b in zip(grad(slow, leaves, g), grad(fast, leaves, g)):
    assert np.allclose(a, b)
print(f"20 steps: {count_nodes(slow)} nodes by operations, {count_nodes(fast)} fused")

# %% [markdown]
# ## At the edge of a cliff
#
# Where gradients can vanish they can explode. The smallest recurrent network there is: one number, $h_t = w\,\sigma(h_{t-1}) + b$, fifty
# steps, and the loss $(h_{50} - 0.7)^2$ (Pascanu et al. 2013, figure 6). Here is the loss as a function of $w$, for $b = -2.7$:

# %%
ws = np.linspace(4.8, 6.2, 2000)


def loss_of(w, b=-2.7):
    h = 0.5 + 0 * w
    for _ in range(50):
        h = w * ops.sigmoid(h) + b
    return (h - 0.7) ** 2


def slope_of(w):
    w = Tensor(np.array(w), requires_grad=True)
    return grad(loss_of(w), w)[0]


slopes = np.array([slope_of(w) for w in ws])
steepest = ws[np.abs(slopes).argmax()]
largest, median = np.abs(slopes).max(), np.median(np.abs(slopes))
print(f"steepest at w = {steepest:.3f}: slope {largest:.0f}; median slope {median:.2g}")

fig, axes = plt.subplots(1, 2, figsize=(7, 2.5))
axes[0].plot(ws, loss_of(ws), color="C2")
axes[0].set(xlabel="w", ylabel="loss")
axes[1].semilogy(ws, np.abs(slopes), color="C2")
axes[1].set(xlabel="w", ylabel="|slope|")
plt.show()

# %% [markdown]
# On the cliff, one step of descent throws $w$ out of the picture. **Clipping**: a gradient whose norm exceeds a bound is scaled down to it,
# $g \leftarrow g \cdot \min(1, \text{bound} / |g|)$. The direction is right; only the length was not to be believed.


# %%
def clip(gradients, bound):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * min(1, bound / norm) for g in gradients]


gradients = [10 * rng.standard_normal((3, 2)), rng.standard_normal(4)]
for ours, theirs in zip(clip(gradients, 1.0), optim.clip_gradients(gradients, 1.0)[0]):
    assert np.allclose(ours, theirs, rtol=1e-5)

for name, bound in (("free", np.inf), ("clipped to 1", 1.0)):
    after = steepest - 0.01 * clip([slope_of(steepest)], bound)[0]
    print(f"{name:13} one step from the cliff leads to w = {after:.2f}")

# %% [markdown]
# ## One bit, sixty steps
#
# The first input says $+1$ or $-1$; then comes noise. At the end the network is asked which it was. Chance is 50 %. Whether it can learn that
# is decided by whether *any* gradient arrives at the first step. "Open" means: the gate that keeps the state begins with bias 2, so that it
# keeps $\sigma(2) = .88$ a step; one line. (Gates stand in blocks of $H$: the LSTM's second is $f$, and the GRU's second is $z$,
# in $h_t = (1 - z) \odot n + z \odot h_{t-1}$.)


# %%
class PlainRNN(nn.Module):
    def __init__(self, inputs, size, rng):
        self.read = nn.Linear(inputs, size, rng=rng)
        self.keep = nn.Linear(size, size, bias=False, rng=rng)

    def forward(self, x):
        h, read = np.zeros((x.shape[1], SIZE), "f4"), self.read(x)
        states = []
        for t in range(len(x)):
            h = ops.tanh(read[t] + self.keep(h))
            states.append(h)
        return ops.stack(states), h


def opened(layer):
    bias = layer.bias_hh_l0.data.copy()
    bias[SIZE : 2 * SIZE] = 2
    layer.bias_hh_l0.data = bias
    return layer


def bits(step, batch=64):
    """Sequences (T, N, 2): the bit in the first step, noise beside it; and the bits (N,)."""
    rng = stream(0, "bits", step)
    bit, x = rng.integers(0, 2, batch), np.zeros((STEPS, batch, 2), "f4")
    x[:, :, 0] = 0.3 * rng.standard_normal((STEPS, batch))
    x[0, :, 1] = 2 * bit - 1
    return Tensor(x), bit.astype("f4")


def train(core, steps):
    out = nn.Linear(SIZE, 1, rng=0)
    weights = core.parameters() + out.parameters()
    optimizer, right = optim.Adam(weights, lr=3e-3), []
    for step in range(steps):
        x, bit = bits(step)
        verdict = out(core(x)[0][-1])[:, 0]
        gradients = grad(binary_cross_entropy_with_logits(verdict, bit), weights)
        optimizer.step(optim.clip_gradients(gradients, 1.0)[0])
        right.append(((verdict.data > 0) == bit).mean())
    return np.convolve(right, np.ones(20) / 20, "valid")


steps = 250 if FAST else 1000
curves = {
    "plain RNN": train(PlainRNN(2, SIZE, np.random.default_rng(1)), steps),
    "LSTM": train(nn.LSTM(2, SIZE, rng=1), steps),
    "GRU": train(nn.GRU(2, SIZE, rng=1), steps),
    "LSTM, forget gate open": train(opened(nn.LSTM(2, SIZE, rng=1)), steps),
    "GRU, update gate open": train(opened(nn.GRU(2, SIZE, rng=1)), steps),
}

# %%
fig, axes = plt.subplots(1, 2, figsize=(7.5, 3))
for (name, curve), colour in zip(curves.items(), ("C0", "C1", "C2", "#B04A00", "#006848")):
    axes[0].plot(curve, color=colour, label=name, linestyle="-" if "open" in name else ":")
axes[0].set(title="training", xlabel="step", ylabel="share right (last 20 steps)", ylim=(0.4, 1.03))
for layer, colour in ((nn.LSTM, "C1"), (nn.GRU, "C2")):
    for change, style in ((lambda layer: layer, ":"), (opened, "-")):
        core = change(layer(2, SIZE, rng=1, dtype=double))
        axes[1].semilogy(influence(lambda x: core(x)[0][-1]), color=colour, linestyle=style)
axes[1].set(
    xlabel="steps ago", title="before training", ylabel="size of the gradient", ylim=(1e-14, 10)
)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()
for name, curve in curves.items():
    print(f"{name:24} {curve[-1]:.0%}")
assert curves["LSTM, forget gate open"][-1] > 0.95 and curves["LSTM"][-1] < 0.7

# %% [markdown]
# Architecture did not decide, the gradient did. The gates make it *possible* to keep one for sixty steps; the bias opens them.
#
# ## Exercises
#
# **1.** In `rnn_backward`, stop the gradient after 10 steps back (truncated backpropagation). What can the network still learn of the bit?
# <details><summary>Hint</summary>
#
# Set `dh` to 0 every 10 steps. Nothing that is further back than that.
#
# </details>
#
# **2.** How large must the forget bias be for a bit of 500 steps ago? Predict before you try.
# <details><summary>Hint</summary>
#
# $\sigma(b)^{500}$ should not be far below 1: $b = \log 500 \approx 6$ gives $(1 - 1/501)^{500} \approx 1/e$.
#
# </details>
#
# **3.** Write the GRU's step and its gradient, and check it. Equations are in `tinygan/ops/recurrent.py`.
# <details><summary>Hint</summary>
#
# $r, z$ are sigmoids, $n = \tanh(W_n x + b_n + r \odot (U_n h + c_n))$: the reset gate multiplies after the product, as in PyTorch.
#
# </details>
#
# ## Sources
#
# - S. Hochreiter, J. Schmidhuber, *Long short-term memory*, 1997, doi.org/10.1162/neco.1997.9.8.1735.
# - F. Gers et al., *Learning to forget*, 2000, doi.org/10.1162/089976600300015015: the forget gate.
# - R. Pascanu et al., *On the difficulty of training recurrent neural networks*, 2013, arXiv:1211.5063: section 2 and figure 6; clipping is
#   algorithm 1.
# - K. Cho et al., *Learning phrase representations using RNN encoder-decoder*, 2014, arXiv:1406.1078: the GRU.
# - R. Jozefowicz et al., *An empirical exploration of recurrent network architectures*, 2015: open forget gates.
# - `tinygan/ops/recurrent.py`: the library's LSTM and GRU; `tinygan/ops/kernels/lstm.py`: a whole sequence by hand.
