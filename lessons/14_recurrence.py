# %% [markdown]
# # 14 · Recurrence: RNN, LSTM, GRU
#
# **You will build:** a recurrent network and its gradient through time; a measurement of how that gradient vanishes; the steps of an LSTM and
# of a GRU with their gradients; and gradient clipping, at the edge of a cliff. Then six networks try to remember one bit, and four of them to
# replace it.
#
# **You need:** vector-Jacobian products (lesson 04); layers and Adam (lesson 05).
#
# **Time:** 60 minutes.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.backend import stream
from tinygan.gradcheck import assert_gradients
from tinygan.losses import binary_cross_entropy_with_logits
from tinygan.plot.drawings import lstm_cell, unrolled_writer

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## A network that reads
#
# A network reads a sequence $x_1, \dots, x_T$, one step after the other. It keeps what it has read in a state $h_t$, a vector. Every step uses
# the same weights $W$, $U$ and $b$:
#
# $$ h_t = \tanh(a_t), \qquad a_t = W x_t + U h_{t-1} + b, \qquad h_0 = 0 $$
#
# Below, time is the first axis of an array: `x` is $(T, N, I)$, for $T$ steps, $N$ sequences beside each other, $I$ numbers a step. The state
# has $H$ numbers.


# %%
def rnn(x, W, U, b):
    """x (T, N, I), W (H, I), U (H, H), b (H,) -> all states h (T, N, H)."""
    h, states = np.zeros((x.shape[1], len(b))), []
    for x_t in x:
        h = np.tanh(x_t @ W.T + h @ U.T + b)
        states.append(h)
    return np.stack(states)


# %% [markdown]
# **Backpropagation through time** is the chain rule along this chain, from the end to the beginning. A bar marks "the gradient for". The loss
# gives $h_t$ a gradient $g_t$ directly. The step after it sends back another one. The two are added:
#
# $$ \bar h_t = g_t + U^\top \bar a_{t+1}, \qquad \bar a_t = \bar h_t \odot (1 - h_t^2) $$
#
# ($\odot$ multiplies number by number. No step comes after step $T$, so $\bar h_T = g_T$.) Every step used the same weights. So the gradient
# for a weight is the sum over all steps.
#
# `assert_gradients((forward, backward), *inputs)` compares `backward(g, *inputs)` with finite differences of `forward`, for a random $g$
# (lesson 04). The tape is asked the same question by `grad(y, inputs, g)`: it gives the gradient of $\langle g, y\rangle$, the sum of all
# products $g_i y_i$. And `ops.linear(x, W, b)` is `x @ W.T + b`.


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
# On its way from step $T$ to step $t$ the gradient is multiplied $T - t$ times by $U^\top$ and by slopes of tanh. These slopes are at most 1. How
# much does the input of $k$ steps ago still move the last state? We measure $|\partial \langle r, h_T\rangle / \partial x_t|$; $r$ is a
# random direction.
#
# From here on we use the library's layers. `nn.RNN` is the network above; `layer(x)` returns all states $(T, N, H)$, and after them the last state.
# We look at it with three matrices $U$: a rotation times .8, 1 and 1.3. A rotation (an *orthogonal* matrix) keeps every vector's length;
# `nn.init.orthogonal_` writes one into a weight, times a `gain`. The layer calls its $U$ `weight_hh_l0`: from $h$ to $h$, in layer 0. Beside
# them are `nn.LSTM` and `nn.GRU`, which the next sections open.
#
# `stream(seed, name, step)` makes a random generator from these three and nothing else. Equal arguments give equal numbers, so every network
# reads the same sequences.

# %%
STEPS, SIZE = 40 if FAST else 60, 32


def rotation_rnn(seed, scale=1.0):
    layer = nn.RNN(2, SIZE, rng=seed)
    nn.init.orthogonal_(layer.weight_hh_l0, gain=scale, rng=seed)
    return layer


noise = 0.3 * stream(0, "x").standard_normal((STEPS, 64, 2), dtype="f4")


def influence(layer, x=noise):
    """Sizes of d<r, h_T>/dx_t, averaged over the sequences x (T, 64, 2), the last t first: (T,)."""
    x = Tensor(x, requires_grad=True)
    r = stream(0, "r").standard_normal((64, SIZE), dtype="f4")
    states = layer(x)[0]
    (dx,) = grad(states[-1], x, r)
    return np.sqrt(np.square(dx).sum(2).mean(1))[::-1]


networks = {f"RNN, U = {scale} x rotation": rotation_rnn(1, scale) for scale in (0.8, 1.0, 1.3)}
networks["LSTM"] = nn.LSTM(2, SIZE, rng=1)
networks["GRU"] = nn.GRU(2, SIZE, rng=1)

fig, axis = plt.subplots(figsize=(6.8, 3))
for (name, layer), colour in zip(networks.items(), ("#56B4E9", "C0", "C6", "C1", "C2")):
    sizes = influence(layer)
    axis.semilogy(sizes, color=colour, label=name)
    print(f"{name:26} input of {STEPS - 10} steps ago: {sizes[-10]:.1e}")
axis.set(xlabel="steps ago", ylabel="size of the gradient", ylim=(1e-16, 100))
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# On a logarithmic scale a straight line down means exponential forgetting. With a rotation times .8 the gradient shrinks fast. With a
# rotation it shrinks slowly: the states are small, so the slopes of tanh are little below 1. Times 1.3, $U$ lengthens what tanh shortens. Here the two nearly balance; in other
# networks the gradient explodes. And the famous LSTM and GRU, as they begin? They keep less than any of these three RNNs. Their equations say why, and what
# to do.
#
# ## The LSTM, by hand
#
# Beside $h$ it has a second state, the *cell* $c$. It has three gates and a candidate. All four are computed from $x_t$ and $h_{t-1}$
# ($\sigma$ is the sigmoid, so a gate is between 0, shut, and 1, open):
#
# $$ a = W x_t + U h_{t-1} + b, \quad \text{in four blocks: } a_i,\, a_f,\, a_g,\, a_o $$
#
# $$ \begin{aligned}
# i &= \sigma(a_i) && \text{input gate: how much to write} \\
# f &= \sigma(a_f) && \text{forget gate: how much to keep} \\
# g &= \tanh(a_g) && \text{candidate: what to write} \\
# o &= \sigma(a_o) && \text{output gate: how much to show}
# \end{aligned} $$
#
# $$ c_t = f \odot c_{t-1} + i \odot g, \qquad h_t = o \odot \tanh(c_t) $$

# %%
fig, axis = plt.subplots(figsize=(7, 4.2))
lstm_cell(axis)
plt.show()

# %% [markdown]
# A circle works on each number by itself. Follow the thick line, the cell state $c$, from right to left, as the gradient does:
# $\partial c_t / \partial c_{t-1} = f$. It meets no matrix and no tanh, only the forget gate. If $f$ is near 1, the gradient passes. But
# training begins with $f$ near $\sigma(0) = \frac12$. Then 50 steps leave about $2^{-50} \approx 10^{-15}$ of it. There is a second way back,
# through $h$ and $U$. The curves of the last section show both together: little comes through there as well.
#
# Backward, a step is given $\bar h_t$ and $\bar c_t$. First $\bar h_t$ goes down through the output gate and adds to $\bar c_t$:
#
# $$ \bar o = \bar h_t \odot \tanh(c_t), \qquad \bar c_t \leftarrow \bar c_t + \bar h_t \odot o \odot \big(1 - \tanh^2(c_t)\big) $$
#
# From there it goes to the four factors of $c_t$:
#
# $$ \bar i = \bar c_t \odot g, \qquad \bar f = \bar c_t \odot c_{t-1}, \qquad \bar g = \bar c_t \odot i, \qquad \bar c_{t-1} = \bar c_t \odot f $$
#
# Each gate then goes through the slope of its own squashing, $\sigma' = \sigma (1 - \sigma)$ or $\tanh' = 1 - \tanh^2$. ($g$ is the candidate
# here. The gradient that the step is given is `g_hc` in the code: $\bar h_t$ and $\bar c_t$ in one array.)


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
# ## The GRU, by hand
#
# The GRU has one state, $h$, two gates and a candidate. One gate, $z$, does two jobs: what it does not keep, it replaces.
#
# $$ \begin{aligned}
# r &= \sigma(W_r x_t + b_r + U_r h_{t-1} + d_r) && \text{reset gate: how much of } h \text{ the candidate sees} \\
# z &= \sigma(W_z x_t + b_z + U_z h_{t-1} + d_z) && \text{update gate: how much to keep} \\
# n &= \tanh(W_n x_t + b_n + r \odot (U_n h_{t-1} + d_n)) && \text{candidate}
# \end{aligned} $$
#
# $$ h_t = (1 - z) \odot n + z \odot h_{t-1} $$
#
# There are two biases, $b$ and $d$, because $r$ multiplies the second one and not the first. (PyTorch and our library do so.) Backward, $h_t$'s gradient $\bar h_t$ reaches three
# places: $\bar n = \bar h_t \odot (1 - z)$, $\;\bar z = \bar h_t \odot (h_{t-1} - n)$, and $h_{t-1}$ itself gets $\bar h_t \odot z$. This last
# one is the way on which the gradient passes when $z$ is near 1.


# %%
def gru_parts(x, h, W, U, b, d):
    x_r, x_z, x_n = np.split(x @ W.T + b, 3, axis=1)
    h_r, h_z, h_n = np.split(h @ U.T + d, 3, axis=1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    return r, z, np.tanh(x_n + r * h_n), h_n


def gru_step(x, h, W, U, b, d):
    """x (N, I), h (N, H), W (3H, I), U (3H, H), b and d (3H,) -> the next h (N, H)."""
    r, z, n, _ = gru_parts(x, h, W, U, b, d)
    return (1 - z) * n + z * h


def gru_step_backward(g, x, h, W, U, b, d):
    r, z, n, h_n = gru_parts(x, h, W, U, b, d)
    dn = g * (1 - z) * (1 - n**2)  # for what is inside the tanh
    dz = g * (h - n) * z * (1 - z)  # for what is inside the sigmoid
    dr = dn * h_n * r * (1 - r)
    da_x = np.concatenate([dr, dz, dn], axis=1)  # for W x + b, (N, 3H)
    da_h = np.concatenate([dr, dz, dn * r], axis=1)  # for U h + d: r lies between
    dh = g * z + da_h @ U
    return da_x @ W, dh, da_x.T @ x, da_h.T @ h, da_x.sum(0), da_h.sum(0)


shapes = (N, I), (N, H), (3 * H, I), (3 * H, H), (3 * H,), (3 * H,)
of_gru = [rng.standard_normal(shape) for shape in shapes]
assert_gradients((gru_step, gru_step_backward), *of_gru)

leaves, g = [Tensor(a, requires_grad=True) for a in of_gru], rng.standard_normal((N, H))
new_h = ops.gru_cell(*leaves)
assert np.allclose(gru_step(*of_gru), new_h.data)
for ours, theirs in zip(gru_step_backward(g, *of_gru), grad(new_h, leaves, g)):
    assert np.allclose(ours, theirs)
print("by hand = finite differences = ops.gru_cell")

# %% [markdown]
# ## All steps as one operation
#
# On a tape, one LSTM step is many operations. Each has its own node, its own small arrays, its own call of a vjp. The library's `ops.lstm` runs
# a whole sequence as *one* node. Its backward is `lstm_step_backward` in a loop, with all weight gradients in one product at the end. Its value
# and its gradient are the same numbers. (`None` stands for a first $h$ and $c$ of zeros. `ops.chunk` is `np.split`.)


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
    seen, waiting = set(), [y]
    while waiting:
        node = waiting.pop()
        if node is None or node.op is None or node in seen:  # a constant, a leaf, or counted
            continue
        seen.add(node)
        waiting.extend(node.parents)
    return len(seen)


leaves = [Tensor(a, requires_grad=True) for a in (rng.standard_normal((20, N, I)), *arrays[3:])]
slow, fast = many_nodes(*leaves), one_node(*leaves)
g = rng.standard_normal(slow.shape)
assert np.allclose(slow.data, fast.data)
for ours, theirs in zip(grad(slow, leaves, g), grad(fast, leaves, g)):
    assert np.allclose(ours, theirs)
print(f"20 steps: {count_nodes(slow)} nodes by operations, {count_nodes(fast)} fused")

# %% [markdown]
# (The second node is the `[:-1]`, which leaves out the cell state.)
#
# ## At the edge of a cliff
#
# Where gradients can vanish they can also explode. Here is the smallest recurrent network: one number, $h_t = w\,\sigma(h_{t-1}) + b$, fifty steps,
# and the loss $(h_{50} - 0.7)^2$ (Pascanu et al. 2013, figure 6). We draw the loss as a function of $w$, for $b = -2.7$. The right picture
# shows the cliff, stretched 3,500 times.


# %%
def loss_of(w, b=-2.7):
    """One loss for each w."""
    h = 0.5 + 0 * w
    for _ in range(50):
        h = w * ops.sigmoid(h) + b
    return (h - 0.7) ** 2


def slope_of(w):
    """dloss/dw, for each w by itself."""
    w = Tensor(w, requires_grad=True)
    return grad(ops.sum(loss_of(w)), w)[0]


far, near = np.linspace(4.8, 6.2, 2001), np.linspace(5.1407, 5.1411, 2001)
fig, axes = plt.subplots(1, 2, figsize=(7, 2.6))
for axis, ws in zip(axes, (far, near)):
    axis.plot(ws, loss_of(ws), color="C2")
    axis.set(xlabel="w", ylabel="loss", ylim=(-0.3, 9))
axes[1].set_xticks([5.1407, 5.1409, 5.1411])
axes[1].ticklabel_format(useOffset=False)
plt.show()

slopes = slope_of(near)
steepest, lowest = np.abs(slopes).argmax(), loss_of(near).argmin()
print(f"median |slope| in the left picture   {np.median(np.abs(slope_of(far))):9,.1f}")
print(f"steepest: at w = {near[steepest]:.6f}, slope {slopes[steepest]:9,.0f}")
print(f"lowest:   at w = {near[lowest]:.6f}, loss  {loss_of(near)[lowest]:9.4f}")

# %% [markdown]
# The lowest loss lies at the very foot of the cliff. On the left of the cliff the slope is gentle and leads to it; on the right as well. So every walk
# comes to this place. There, a slope of many thousands holds for a ten-thousandth of a unit of $w$. A step of descent takes the slope at its word and
# goes much further than that.
#
# **Clipping** scales a gradient down to a bound if its norm exceeds the bound: $g \leftarrow g \cdot \min(1, \text{bound} / |g|)$.


# %%
def clip(gradients, bound):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * min(1, bound / norm) for g in gradients]


gradients = [10 * rng.standard_normal((3, 2)), rng.standard_normal(4)]
for ours, theirs in zip(clip(gradients, 1.0), optim.clip_gradients(gradients, 1.0)[0]):
    assert np.allclose(ours, theirs, rtol=1e-5)

for w in (5.14092, 5.1411):
    for name, bound in (("free", np.inf), ("clipped to 1", 1.0)):
        at = np.array(w)
        after = at - 0.01 * clip([slope_of(at)], bound)[0]
        print(f"w = {w:.5f}, loss {loss_of(at):.2f}:  {name:13}", end="")
        print(f" one step leads to w = {after:7.3f}, loss {loss_of(after):5.2f}")

# %% [markdown]
# The clipped step is not good either. It lands on top of the cliff, and the loss goes up to 8. The direction was right only for a tiny step. What does clipping
# buy, then? Compare the places. The clipped step leaves $w$ beside the cliff; the next steps lead back to it. The free step throws $w$ far away, where the
# slope may be almost 0.
#
# One step cannot show this. So we walk from twenty starts. The rate falls from $10^{-2}$ to $10^{-5}$, by the same factor every step, so that a walk
# can come to rest. We count how many walks were ever thrown further than 2 from the cliff, how many are still as far away at the end, and what the losses are then.

# %%
starts, walk_steps = np.linspace(4.8, 6.2, 20), 300 if FAST else 1000
rates = np.geomspace(1e-2, 1e-5, walk_steps)


def walk(bound):
    """Twenty walks beside each other: w after every step, (steps + 1, 20)."""
    path = [starts]
    for rate in rates:
        slope = slope_of(path[-1])
        slope = slope * np.minimum(1, bound / np.abs(slope))  # each walk has one number: clip it
        path.append(path[-1] - rate * slope)
    return np.array(path)


paths = {"free": walk(np.inf), "clipped to 1": walk(1.0)}
fig, axes = plt.subplots(1, 2, figsize=(7, 2.6), sharey=True)
for axis, (name, path) in zip(axes, paths.items()):
    axis.plot(path, color="C2", linewidth=0.8)
    axis.set(title=name, xlabel="step", ylim=(-100, 100))
axes[0].set_ylabel("w")
plt.show()

for name, path in paths.items():
    thrown, away = np.abs(path - 5.14).max(0) > 2, np.abs(path[-1] - 5.14) > 2
    losses = loss_of(path[-1])
    print(f"{name:13} thrown: {thrown.sum():2} of 20, still away at the end: {away.sum():2};", end=" ")
    print(f"loss: median {np.median(losses):.2f}, lowest {losses.min():.2g}, highest {losses.max():.2g}")
assert (np.abs(paths["clipped to 1"] - 5.14) < 2).all() and (np.abs(paths["free"] - 5.14) > 2).any()

# %% [markdown]
# Without clipping, walk after walk steps onto the cliff and is thrown away. None of those that were thrown is back at the end: by then the rate is too small.
# With clipping no walk is thrown. All go to and fro across the cliff; when the rate has become small, they come to rest at its foot.
#
# So clipping does not find a better direction. It limits what one bad step can cost: no step is longer than the rate times the bound. The walk stays
# near, and goes on.
#
# ## One bit, sixty steps
#
# Each step has two numbers. The first is noise at every step. The second is the bit, $+1$ or $-1$, at the first step, and 0 at all later ones. At the end we ask the network
# which bit it was. Guessing is right in 50 % of cases. Six
# networks try. An RNN, an LSTM and a GRU are as the library makes them. A second RNN begins with a rotation. In the last two the gate is "open": the gate that keeps the state begins with
# bias 2, so that it keeps about $\sigma(2) = .88$ a step. That is one line of code. The library's layers hold their gates in blocks of $H$ numbers: $i, f, g, o$ in
# the LSTM, $r, z, n$ in the GRU. So the gate that keeps is the second block in both. (The layers have two biases, as the GRU has above, also where they are only added. We set
# the one beside $U$, `bias_hh_l0`. The other stays as it was drawn, near 0.)


# %%
def opened(layer):
    layer.bias_hh_l0.data[SIZE : 2 * SIZE] = 2
    return layer


def make_networks(seed):
    return {
        "RNN": nn.RNN(2, SIZE, rng=seed),
        "RNN, rotation": rotation_rnn(seed),
        "LSTM": nn.LSTM(2, SIZE, rng=seed),
        "GRU": nn.GRU(2, SIZE, rng=seed),
        "LSTM, open": opened(nn.LSTM(2, SIZE, rng=seed)),
        "GRU, open": opened(nn.GRU(2, SIZE, rng=seed)),
    }


COLOURS = ("#56B4E9", "C0", "C1", "C2", "#B04A00", "#006848")


# %%
def first_bit(rng, batch=64):
    """Sequences (T, N, 2): noise, and beside it the bit in the first step; and the bits (N,)."""
    bit = rng.integers(0, 2, batch)
    x = np.zeros((STEPS, batch, 2), "f4")
    x[:, :, 0] = 0.3 * rng.standard_normal((STEPS, batch))
    x[0, :, 1] = 2 * bit - 1
    return x, bit.astype("f4")


def train(layer, task, steps, seed):
    """Return the share of right answers, over 20 batches at a time."""
    out = nn.Linear(SIZE, 1, rng=seed)
    weights = layer.parameters() + out.parameters()
    optimizer = optim.Adam(weights, lr=3e-3)
    right = []
    for step in range(steps):
        x, bit = task(stream(seed, "bits", step))
        states = layer(Tensor(x))[0]
        answer = out(states[-1])[:, 0]
        gradients = grad(binary_cross_entropy_with_logits(answer, bit), weights)
        gradients, norm = optim.clip_gradients(gradients, 1.0)
        optimizer.step(gradients)
        right.append(((answer.data > 0) == bit).mean())
    return np.convolve(right, np.ones(20) / 20, "valid")


# %% [markdown]
# `train` reads the answer from the last state, with a linear layer. $\sigma(\text{answer})$ is the probability of bit 1. The loss is that of the spiral in lesson 05, here by its library name:
# $-\log \sigma(\text{answer})$ for bit 1, $-\log \sigma(-\text{answer})$ for bit 0, averaged. The clipping is the library's, too; it returns the
# gradients and the norm that they had. We train each network with three seeds. A seed sets the weights and the sequences.


# %%
def train_all(names, task, steps, seeds):
    """{name: a curve for each seed}."""
    curves = {}
    for name in names:
        curves[name] = [train(make_networks(seed)[name], task, steps, seed) for seed in seeds]
    return curves


def draw_curves(axis, curves):
    for name, of_seeds in curves.items():
        colour = COLOURS[list(make_networks(0)).index(name)]
        style = "-" if "open" in name or "rotation" in name else ":"
        for k, curve in enumerate(of_seeds):
            label = name if k == 0 else None
            axis.plot(curve, color=colour, linestyle=style, linewidth=1.2, label=label)
    axis.set(xlabel="step", ylabel="share right (20 batches)", ylim=(0.4, 1.03))


def report(curves):
    for name, of_seeds in curves.items():
        ends = ", ".join(f"{curve[-1]:.0%}" for curve in of_seeds)
        print(f"{name:14} right at the end, for each seed: {ends}")


seeds = [0] if FAST else [0, 1, 2]
bit_curves = train_all(make_networks(0), first_bit, 100 if FAST else 300, seeds)

# %%
fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.2))
draw_curves(axes[0], bit_curves)
axes[0].set_title("training")
for layer, colour in zip(make_networks(1).values(), COLOURS):
    axes[1].semilogy(influence(layer), color=colour)
axes[1].set(xlabel="steps ago", title="before training", ylabel="size of the gradient", ylim=(1e-16, 10))
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()
report(bit_curves)
for name in ("RNN, rotation", "LSTM, open", "GRU, open"):
    assert all(curve[-1] > 0.95 for curve in bit_curves[name]), name
for name in ("RNN", "LSTM", "GRU"):
    assert all(curve[-1] < 0.7 for curve in bit_curves[name]), name

# %% [markdown]
# The right picture (of seed 1) explains the left one. Three networks begin with a gradient that reaches the first step. They learn the bit, with every seed. For the
# other three next to nothing arrives, and they are still guessing at the end. One of the three that learn has no gate at all: a rotation is enough. So in this task the architecture did
# not decide. The gradient did. Gates are one way to keep it, a rotation is another.
#
# Is a gate more than that? The task above is easy: the bit comes once, in a number of its own, and nothing has to be forgotten.
#
# ## The last marked bit
#
# Now every step brings a bit, $+1$ or $-1$, in the first number. The second number is a mark: 1 at the first step and at about three others of the sixty, 0 at the rest.
# At the end we ask for the bit of the *last marked* step. The network must ignore bits without a mark. When a mark comes, it must
# replace what it has stored. Four of the six networks try: the rotation, the LSTM as the library makes it, and the two with open gates.


# %%
MARK_STEPS = 20 if FAST else STEPS


def last_marked(rng, batch=64):
    """Sequences (T, N, 2): bits and marks; and the bits (N,) at the last mark."""
    bits = rng.integers(0, 2, (MARK_STEPS, batch))
    marks = rng.random((MARK_STEPS, batch)) < 3 / MARK_STEPS
    marks[0] = True
    last = [np.flatnonzero(marks[:, n])[-1] for n in range(batch)]
    x = np.stack([2 * bits - 1, marks], axis=2).astype("f4")
    return x, bits[last, range(batch)].astype("f4")


names = ["RNN, rotation", "LSTM", "LSTM, open", "GRU, open"]
marked_curves = train_all(names, last_marked, 200 if FAST else 1000, seeds)

# %%
fig, axis = plt.subplots(figsize=(6.8, 3))
draw_curves(axis, marked_curves)
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
report(marked_curves)
marked_x, _ = last_marked(stream(0, "x"))
print(f"gradient at the first of {MARK_STEPS} inputs before training, for each seed:")
arrives = {}
for name in names:
    arrives[name] = [influence(make_networks(seed)[name], marked_x)[-1] for seed in seeds]
    print(f"{name:14}", ", ".join(f"{size:.1e}" for size in arrives[name]))
for k in range(len(seeds)):
    assert arrives["RNN, rotation"][k] > arrives["GRU, open"][k]
    assert marked_curves["RNN, rotation"][k][-1] < 0.75 < marked_curves["GRU, open"][k][-1]

# %% [markdown]
# The three networks with gates solve it, with every seed: the two open ones, and also the LSTM as the library makes it. The rotation does not. After as many
# steps it is right in 56 to 71 % of cases.
#
# The gradient at the start does not decide here. From the first step the rotation gets more of it than the open GRU. The library's LSTM gets next to none, as in the first
# task. Why can it learn now? The last mark often lies a few steps before the end. From there its gradient does arrive, and such sequences teach it what a mark is. In the
# first task no step but the first had anything to teach.
#
# What does the rotation lack? It keeps *everything*. It adds the bits without a mark to its state like the bits with one, and it has no way to drop an old bit. To ignore or
# to erase, the network must *multiply* its state by something that depends on the input. A gate does just that. (An RNN could build something like a gate
# inside its tanh. In this training it did not.)
#
# So two things are needed. A gradient must arrive from a step that matters, or nothing is learned. Where only the far end matters, this takes a bias of 2, or a rotation. And what is to be kept must depend on what is read: that
# is what the gates are for.
#
# ## A network that writes
#
# So far our networks read. Turned round, an LSTM writes: it makes a row of a picture, or a point of a wave, at every step. Lesson 15 trains one, as the
# generator of a GAN. Here is its plan, unrolled in time. All LSTM boxes are one LSTM, with the same weights; so are the arrows above them, one linear
# layer with a tanh.

# %%
fig, axis = plt.subplots(figsize=(7.5, 3))
unrolled_writer(axis)
plt.show()

# %% [markdown]
# Noise $z$ is drawn once for a sequence. A linear layer FC makes the first state of it: *what* is to be written. Every step is told $z$ again, and
# gets fresh noise $z_t$. Every step also reads the row $x_{t-1}$ that the step before it wrote (orange). Backward, the gradient goes against all arrows. So a
# row gets a gradient from the loss and from the step that read it.
#
# ## Exercises
#
# **1.** Long sequences are often cut: the gradient goes back through a piece of `length` steps and no further (*truncated* backpropagation). The
# state still goes on from piece to piece. Write `rnn_backward_cut(g, x, W, U, b, length)`, which returns what `rnn_backward` returns. Pieces begin
# at steps 0, `length`, 2 `length`, ... (counted from 0, as in the code). Then say: with pieces of 10 steps, what could an RNN learn of the first bit of sixty?
# <details><summary>Hint</summary>
#
# Copy `rnn_backward`. Which variable carries the gradient from step $t$ to step $t - 1$? At which $t$ must it carry nothing?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def rnn_backward_cut(g, x, W, U, b, length):
#     h = rnn(x, W, U, b)
#     before = np.concatenate([np.zeros_like(h[:1]), h[:-1]])
#     dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
#     dh = np.zeros_like(h[0])
#     for t in reversed(range(len(x))):
#         da = (g[t] + dh) * (1 - h[t] ** 2)
#         dx[t] = da @ W
#         dW += da.T @ x[t]
#         dU += da.T @ before[t]
#         db += da.sum(0)
#         dh = da @ U
#         if t % length == 0:  # a piece begins here: nothing goes further back
#             dh = np.zeros_like(dh)
#     return dx, dW, dU, db
# ```
#
# Of the first bit it learns nothing. The loss is at the last step, and its gradient reaches the last ten inputs only. The weights never hear of the first
# step. The bit may still be in the state, by luck; nothing teaches the network to keep it.
#
# </details>

# %%
rnn_backward_cut = None  # exercise 1: a function of (g, x, W, U, b, length)
if rnn_backward_cut is not None:
    x, W, U, b = (rng.standard_normal(shape) for shape in ((25, 3, 2), (4, 2), (4, 4), (4,)))
    g = rng.standard_normal((25, 3, 4))
    for ours, full in zip(rnn_backward_cut(g, x, W, U, b, 25), rnn_backward(g, x, W, U, b)):
        assert np.allclose(ours, full), "one piece of all 25 steps must give rnn_backward's gradients"
    leaves = [Tensor(a, requires_grad=True) for a in (x, W, U, b)]
    h, states = Tensor(np.zeros((3, 4))), []
    for t in range(25):
        if t % 10 == 0:
            h = h.detach()  # the same value, and no way back
        h = ops.tanh(ops.linear(leaves[0][t], leaves[1], leaves[3]) + ops.linear(h, leaves[2]))
        states.append(h)
    cut = rnn_backward_cut(g, x, W, U, b, 10)
    for name, ours, theirs in zip(("dx", "dW", "dU", "db"), cut, grad(ops.stack(states), leaves, g)):
        assert np.allclose(ours, theirs), f"{name} differs from the tape's, cut before steps 0, 10 and 20"
    print("exercise 1 is right")

# %% [markdown]
# **2.** The cell state of an LSTM should keep $1/e = 37\,\%$ of its gradient over 500 steps, along $c$ alone. How large must the bias of the forget gate be, if
# nothing else comes to it? Say how the answer grows with the number of steps.
# <details><summary>Hint</summary>
#
# The share is $\sigma(\text{bias})^{500}$. And $(1 - \frac1n)^n$ is near $1/e$ for large $n$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# forget_bias = np.log(500)
# ```
#
# $\sigma(\log n) = n / (n + 1)$, and $\big(\frac{n}{n+1}\big)^n$ is near $1/e$. So a bias of 6.2 is enough for 500 steps; it grows as the logarithm of the
# number of steps. (A bias of 2 leaves $10^{-28}$.)
#
# </details>

# %%
forget_bias = None  # exercise 2: the bias, a number
if forget_bias is not None:
    share = sigmoid(forget_bias) ** 500
    assert share < 0.40, f"of the gradient {share:.2f} is left after 500 steps: the bias is too large"
    assert share > 0.34, f"of the gradient {share:.2g} is left after 500 steps: the bias is too small"
    print("exercise 2 is right")

# %% [markdown]
# **3.** Set the weights of an LSTM by hand so that it solves the last marked bit without any training. One number in the state is enough: $H = 1$, so
# `W` is (4, 2), `U` (4, 1) and `b` (4,), with the rows $i, f, g, o$. $h_T$ should be positive if the bit is $+1$, and negative if it is $-1$.
# <details><summary>Hint</summary>
#
# What should $i$ and $f$ be at a step with a mark, and what at a step without? $\sigma(-10)$ is nearly 0 and $\sigma(10)$ nearly 1. `U` may be 0.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# by_hand = (
#     np.array([[0, 20], [0, -20], [10, 0], [0, 0]]),  # W: (bit, mark) to i, f, g, o
#     np.zeros((4, 1)),  # U
#     np.array([-10, 10, 0, 10]),  # b
# )
# ```
#
# With a mark, $i = \sigma(10)$ writes and $f = \sigma(-10)$ erases. Without, $i = \sigma(-10)$ ignores the bit and $f = \sigma(10)$ keeps. The candidate is the bit
# itself. The output is always shown.
#
# </details>

# %%
by_hand = None  # exercise 3: (W, U, b)
if by_hand is not None:
    W, U, b = [np.asarray(a, float) for a in by_hand]
    assert (W.shape, U.shape, b.shape) == ((4, 2), (4, 1), (4,)), (W.shape, U.shape, b.shape)
    x, bit = last_marked(stream(1, "exercise"), batch=2000)
    right = ((one_node(x, W, U, b)[-1, :, 0] > 0) == bit).mean()
    assert right > 0.6, f"{right:.0%} right, as if guessed: is the bit written at all?"
    assert right == 1, f"{right:.1%} right: does a mark erase the old bit? Is a bit without a mark ignored?"
    print("exercise 3 is right")

# %% [markdown]
# **4.** Write the backward of a whole LSTM: `lstm_backward(g, x, W, U, b)`, with `g` (T, N, H) the gradient for all $h_t$ and a first state of zeros. It
# returns the gradients for `x`, `W`, `U` and `b`. Use `lstm_step` and `lstm_step_backward`.
# <details><summary>Hint</summary>
#
# Go forward first and keep $h$ and $c$ *before* each step. Then go backward, as `rnn_backward` does. Two gradients travel from step to step: for $h$ and for $c$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def lstm_backward(g, x, W, U, b):
#     h = c = np.zeros(g[0].shape)
#     before = []
#     for x_t in x:
#         before.append((h, c))
#         h, c = lstm_step(x_t, h, c, W, U, b)
#     dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
#     dh, dc = np.zeros_like(h), np.zeros_like(c)
#     for t in reversed(range(len(x))):
#         h, c = before[t]
#         of_step = lstm_step_backward((g[t] + dh, dc), x[t], h, c, W, U, b)
#         dx[t], dh, dc = of_step[:3]
#         dW += of_step[3]
#         dU += of_step[4]
#         db += of_step[5]
#     return dx, dW, dU, db
# ```
#
# The loss sees $h$ alone. So $c$ gets its gradient from the step after it, and none at the last step.
#
# </details>

# %%
lstm_backward = None  # exercise 4: a function of (g, x, W, U, b)
if lstm_backward is not None:
    H = 4
    arrays = [rng.standard_normal(shape) for shape in ((12, 3, 2), (4 * H, 2), (4 * H, H), (4 * H,))]
    g = rng.standard_normal((12, 3, H))
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    theirs = grad(one_node(*leaves), leaves, g)
    for name, ours, of_library in zip(("dx", "dW", "dU", "db"), lstm_backward(g, *arrays), theirs):
        assert np.shape(ours) == of_library.shape, f"{name} is {np.shape(ours)}, not {of_library.shape}"
        assert np.allclose(ours, of_library), f"{name} differs from the gradient of ops.lstm"
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - S. Hochreiter, J. Schmidhuber, *Long short-term memory*, 1997, doi.org/10.1162/neco.1997.9.8.1735.
# - F. Gers et al., *Learning to forget*, 2000, doi.org/10.1162/089976600300015015: the forget gate.
# - R. Pascanu et al., *On the difficulty of training recurrent neural networks*, 2013, arXiv:1211.5063: section 2 and figure 6; clipping is
#   algorithm 1.
# - K. Cho et al., *Learning phrase representations using RNN encoder-decoder*, 2014, arXiv:1406.1078: the GRU.
# - R. Jozefowicz et al., *An empirical exploration of recurrent network architectures*, 2015: open forget gates.
# - `tinygan/ops/recurrent.py`: the library's LSTM and GRU; `tinygan/ops/kernels/lstm.py`: a whole sequence by hand.
