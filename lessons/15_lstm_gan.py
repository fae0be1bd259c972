# %% [markdown]
# # 15 · The LSTM-GAN: writing row by row
#
# **You will build:** an LSTM that writes, with its gradient through everything it wrote. Then it plays the game: against a CNN, and against
# another LSTM, which first loses and then learns to judge. It writes waves, and digits, one row after the other. This is the heart of the course.
#
# **You need:** the game (lesson 07), the penalty on a slope (lesson 06), convolution (lesson 09), the LSTM (lesson 14).
#
# **Time:** 60 minutes. The computer takes about 5 of them for training.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.data import digits, sines
from tinygan.gradcheck import assert_gradients
from tinygan.metrics import frechet_distance, median_distance, squared_mmd, squared_mmd_floor
from tinygan.metrics import tone_purity, train_classifier
from tinygan.plot import image_grid
from tinygan.plot.drawings import unrolled_writer

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## An LSTM that writes
#
# An LSTM that reads is given $x_t$ at step $t$. An LSTM that writes is given *noise*, and the row that it wrote before:
#
# $$ (h_0, c_0) = V z + d, \qquad (h_t, c_t) = \text{LSTM}\big([x_{t-1},\, z_t,\, z],\; h_{t-1},\, c_{t-1}\big), \qquad x_t = \tanh(A h_t + a) $$
#
# The first row reads $x_0 = 0$. The brackets $[\,\cdot\,]$ join vectors end to end. $V$, $d$, $A$ and $a$ are learned, as are the LSTM's own
# weights $W$, $U$ and $b$. There are two kinds of noise:
#
# - $z$ is drawn **once** a sequence. It sets the first state, and every step reads it again. It can say *what* is written: a seven, a slow wave.
# - $z_t$ is drawn anew **at every step**. It can decide what is open until then: where the pen wavers.
#
# Three steps of it, drawn. FC is the layer $V z + d$; the orange arrows carry each row to the next step:

# %%
fig, axis = plt.subplots(figsize=(7.5, 2.9))
unrolled_writer(axis, steps=3)
plt.show()

# %% [markdown]
# Here it is by hand, forward and backward through time. One thing is new against lesson 14: a row $x_t$ gets a gradient from the loss *and*
# from the next step, which read it.


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def write_and_keep(z, z_steps, V, d, W, U, b, A, a):
    """Return the rows (T, N, X), and what each step computed, for the way back."""
    h, c = np.split(z @ V.T + d, 2, axis=1)
    x = np.zeros((len(z), len(a)))
    rows, kept = [], []
    for z_t in z_steps:
        given = np.concatenate([x, z_t, z], axis=1)
        i, f, g, o = np.split(given @ W.T + h @ U.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        new_c = f * c + i * g
        kept.append((given, h, c, i, f, g, o, new_c))
        h, c = o * np.tanh(new_c), new_c
        x = np.tanh(h @ A.T + a)
        rows.append(x)
    return np.stack(rows), kept


def write(*arrays):
    """Return the rows (T, N, X) of z (N, Z), z_steps (T, N, S), V (2H, Z), d (2H,), W (4H, X + S + Z), ..."""
    return write_and_keep(*arrays)[0]


# %%
def write_backward(g_rows, z, z_steps, V, d, W, U, b, A, a):
    rows, kept = write_and_keep(z, z_steps, V, d, W, U, b, A, a)
    dW, dU, db, dA, da = (np.zeros_like(w) for w in (W, U, b, A, a))
    dz, dz_steps = np.zeros_like(z), np.zeros_like(z_steps)
    dx, dh, dc = np.zeros_like(rows[0]), np.zeros_like(kept[0][1]), np.zeros_like(kept[0][2])
    end_of_x, end_of_z_t = rows.shape[2], rows.shape[2] + z_steps.shape[2]
    for t in reversed(range(len(rows))):
        given, h, c, i, f, g, o, new_c = kept[t]
        squashed = np.tanh(new_c)
        d_pen = (g_rows[t] + dx) * (1 - rows[t] ** 2)  # dx: from the step that read this row
        dA += d_pen.T @ (o * squashed)
        da += d_pen.sum(0)
        dh = dh + d_pen @ A
        dc = dc + dh * o * (1 - squashed**2)
        di, df = dc * g * i * (1 - i), dc * c * f * (1 - f)
        dg, do = dc * i * (1 - g**2), dh * squashed * o * (1 - o)
        gates = np.concatenate([di, df, dg, do], axis=1)
        dW += gates.T @ given
        dU += gates.T @ h
        db += gates.sum(0)
        dx, dz_steps[t], dz_here = np.split(gates @ W, [end_of_x, end_of_z_t], axis=1)
        dz += dz_here  # every step read z
        dh, dc = gates @ U, dc * f
    d_first = np.concatenate([dh, dc], axis=1)  # what comes back to (h_0, c_0)
    dz += d_first @ V
    return dz, dz_steps, d_first.T @ z, d_first.sum(0), dW, dU, db, dA, da


T, N, Z, S, H, X = 5, 3, 2, 2, 4, 3
shapes = (N, Z), (T, N, S), (2 * H, Z), (2 * H,), (4 * H, X + S + Z), (4 * H, H), (4 * H,), (X, H), (X,)
arrays = [rng.standard_normal(shape) for shape in shapes]
assert_gradients((write, write_backward), *arrays)
print("by hand = finite differences")

# %% [markdown]
# Now the same generator as a module of the library. `ops.lstm_feedback` is the loop above as one operation: it takes the noise of all steps,
# the first row $x_0$, the state $(h_0, c_0)$ and the weights. The library's LSTM has two biases, as PyTorch's has; $b$ is their sum.
#
# One line more: the forget gates begin open (lesson 14). A bias is $4H$ numbers, in blocks $i, f, g, o$; the second block belongs to the
# forget gates.


# %%
def open_forget_gates(bias, amount):
    """Add `amount` to the forget gates' part of an LSTM's bias."""
    size = len(bias.data) // 4
    bias.data[size : 2 * size] += amount


class Writer(nn.Module):
    """The generator of the equation: z (N, once), z_steps (T, N, each) -> sequences (N, T, row)."""

    def __init__(self, row, length, once, each, hidden, rng):
        self.row, self.length, self.once, self.each = row, length, once, each
        self.begin = nn.Linear(once, 2 * hidden, rng=rng)  # V, d
        self.lstm = nn.LSTMCell(row + each + once, hidden, rng=rng)  # W, U, b
        self.pen = nn.Linear(hidden, row, rng=rng)  # A, a
        open_forget_gates(self.lstm.bias_ih, 1.0)

    def forward(self, z, z_steps):
        h, c = ops.chunk(self.begin(z), 2, 1)
        z_every_step = ops.expand(z, (self.length, -1, -1))  # (T, N, once), -1: as it was
        noise = ops.cat([z_steps, z_every_step], 2)
        x = np.zeros((len(z), self.row), z.dtype)
        cell, pen = self.lstm, self.pen
        weights = cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh, pen.weight, pen.bias
        rows = ops.lstm_feedback(noise, x, h, c, *weights, activation="tanh")  # (T, N, row)
        return ops.transpose(rows, 0, 1)

    def draw(self, n, rng):
        z = rng.standard_normal((n, self.once), dtype="f4")
        return self(Tensor(z), Tensor(rng.standard_normal((self.length, n, self.each), dtype="f4")))


# %%
G = Writer(X, T, once=Z, each=S, hidden=H, rng=rng)
first, cell, pen = G.begin, G.lstm, G.pen
weights = [first.weight, first.bias, cell.weight_ih, cell.weight_hh, cell.bias_ih, pen.weight, pen.bias]
values = [w.data.astype(float) for w in weights]
values[4] = values[4] + cell.bias_hh.data  # b
z, z_steps = (Tensor(array.astype("f4"), requires_grad=True) for array in arrays[:2])
rows = ops.transpose(G(z, z_steps), 0, 1)
g = rng.standard_normal(rows.shape)
assert np.allclose(rows.data, write(*arrays[:2], *values), atol=1e-5)
by_hand = write_backward(g, *arrays[:2], *values)
for ours, theirs in zip(by_hand, grad(rows, [z, z_steps, *weights], g.astype("f4"))):
    assert np.allclose(ours, theirs, atol=1e-4)
print("by hand = Writer")

# %% [markdown]
# ## Two judges
#
# The game is that of lesson 07, over whole sequences $x = (x_1, \dots, x_T)$:
#
# $$ \min_G \max_D \;\; \mathbb E_x\big[\log D(x)\big] \;+\; \mathbb E_z\big[\log\,(1 - D(G(z)))\big] $$
#
# ($z$ stands for all of the noise here.) $D(x) = \sigma(v(x))$, and the discriminator's network computes the verdict $v(x)$. It may be a CNN
# over time, which sees all steps at once. Or it may be an LSTM, which reads one step after the other. That is no detail. $G$ learns from the
# slope $\partial v / \partial x_t$ alone. In the CNN it comes through three layers. In the LSTM it comes through $T - t$ steps.
#
# The sequences are waves of 30 points. Each has its own frequency (1 to 5 periods), amplitude and phase.


# %%
class Viewer(nn.Module):
    """A discriminator that sees all at once: three convolutions over time. Each halves the steps."""

    def __init__(self, row, rng):
        self.conv1 = nn.Conv1d(row, 32, 5, stride=2, padding=2, rng=rng)  # 30 -> 15 steps
        self.conv2 = nn.Conv1d(32, 64, 5, stride=2, padding=2, rng=rng)  # 15 -> 8
        self.conv3 = nn.Conv1d(64, 64, 5, stride=2, padding=2, rng=rng)  # 8 -> 4
        self.out = nn.Linear(4 * 64, 1, rng=rng)

    def forward(self, x):
        x = ops.transpose(x, 1, 2)  # (N, row, T)
        for layer in (self.conv1, self.conv2, self.conv3):
            x = ops.leaky_relu(layer(x), 0.2)
        return self.out(ops.flatten(x, 1))


class Reader(nn.Module):
    """A discriminator that reads: an LSTM, and a verdict from its last state, or from all states pooled."""

    def __init__(self, row, rng, forget_bias=0.0, pooled=False, hidden=64):
        self.pooled = pooled
        self.lstm = nn.LSTM(row, hidden, rng=rng)
        self.out = nn.Linear(2 * hidden if pooled else hidden, 1, rng=rng)
        open_forget_gates(self.lstm.bias_ih_l0, forget_bias)

    def forward(self, x):
        states, _ = self.lstm(ops.transpose(x, 0, 1))  # (T, N, hidden)
        if self.pooled:
            return self.out(ops.cat([ops.mean(states, 0), ops.amax(states, 0)], 1))
        return self.out(states[-1])


# %% [markdown]
# The first LSTM judge is the plain one: its verdict is $w^\top h_T + w_0$, from the last state. Two changes can help it.
#
# - **Open forget gates.** `forget_bias=2` lets each step keep $\sigma(2) = .88$ of the cell instead of $\sigma(0) = .5$ (lesson 14).
# - **A verdict from every step.** `pooled=True` takes the mean and the largest of each state over all steps. Then every $h_t$ is one step
#   away from the verdict, and what $x_t$ does is heard at once.
#
# How much does the verdict move when $x_t$ moves? Here are four judges before they have learned anything:

# %%
waves = sines(8000)  # (8000, 30, 1)
before_training = {
    "CNN": Viewer(1, rng),
    "LSTM, last state": Reader(1, rng),
    "LSTM, last state, bias 2": Reader(1, rng, forget_bias=2),
    "LSTM, pooled, bias 2": Reader(1, rng, forget_bias=2, pooled=True),
}
fig, axis = plt.subplots(figsize=(7, 2.8))
for (name, v), colour in zip(before_training.items(), ("C0", "C3", "C4", "C2")):
    x = Tensor(waves[:200], requires_grad=True)
    (slope,) = grad(ops.sum(v(x)), x)
    sizes = np.abs(slope).mean((0, 2))  # (T,)
    axis.semilogy(range(1, 31), sizes, color=colour, label=name)
    print(f"{name:26} the first point's slope is {sizes[0] / sizes[-1]:8.1e} of the last point's")
axis.set(xlabel="step t", ylabel="mean $|∂v / ∂x_t|$")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# The plain LSTM hears the end of a wave, and hardly how it began. So $G$ hears next to nothing about its first points.
#
# ## How waves are scored
#
# Two numbers score them. The **discrepancy** compares two bags of waves by a kernel $k(x, y)$, which is large for waves near to each other
# and 0 for waves far apart. If both bags come from the same distribution, then pairs *within* a bag are as near as pairs *across*:
#
# $$ \text{MMD}^2 = \mathbb E\, k(x, x') + \mathbb E\, k(y, y') - 2\, \mathbb E\, k(x, y), \qquad k(x, y) = \sum_{s \in \{.5,\, 1,\, 2\}} \exp\frac{-|x - y|^2}{2 (s\, m)^2} $$
#
# $x, x'$ are two waves of the first bag, $y, y'$ two of the second, and $m$ is the median distance of real waves. $\text{MMD}^2$ is 0 if
# the distributions are equal, and larger the more they differ. Measured with bags of finite size it wavers about that, and can be negative. (Lesson 12's kernel
# distance is the same with another kernel.)


# %%
def kernel(a, b, m):
    """k of every row of a (N, D) with every row of b (M, D): (N, M)."""
    squares = ((a[:, None] - b[None]) ** 2).sum(2)
    return sum(np.exp(-squares / (2 * (s * m) ** 2)) for s in (0.5, 1, 2))


def mean_of_pairs(k):
    """The mean of k (N, N) without its diagonal: no wave is paired with itself."""
    return (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))


x, y = waves[:200, :, 0].astype(float), waves[200:400, :, 0].astype(float)
m = median_distance(waves[:1000].reshape(1000, 30))
by_hand = mean_of_pairs(kernel(x, x, m)) + mean_of_pairs(kernel(y, y, m)) - 2 * kernel(x, y, m).mean()
assert np.isclose(by_hand, squared_mmd(x, y, width=m))
print(f"real waves against real waves, 200 of each: {by_hand:.4f}")

# %% [markdown]
# The second number is **purity**: the share of a wave's energy that lies at its strongest frequency. One number alone can be deceived. Noise
# of the right loudness is not far away by the first, and a thousand copies of one perfect wave are pure. The library has both, as
# `squared_mmd` and `tone_purity`. It also has the *floor*: `squared_mmd_floor` is the number below which a bag of other real waves scores 95
# of 100 times. A generator below the floor cannot be told from real waves by this measure.
#
# ## The game
#
# One loop plays all games that follow.
#
# - $G$'s loss is $-\log D(G(z))$: it has the same goal as the game's, and a slope where $D$ wins (lesson 07). In verdicts, $-\log \sigma(v)$.
# - $D$'s slope at real sequences is held small: $\frac\gamma2\, \mathbb E |\nabla_x v(x)|^2$ is added to its loss. This penalty is called R1. It is
#   a gradient that is differentiated again (lesson 06; `create_graph=True` keeps what that needs), and it is slow. So it is taken at every
#   eighth step only, and eight times as strong. Over eight steps the sum is about the same.
# - Both optimisers are Adam without momentum: `betas=(0, 0.99)`. Each step follows the gradient of its own moment, because the other player moves.
# - Both learning rates stay as they are for the first half of the steps. Then they sink in a straight line to 0, and the players come to rest.
# - `show` is what the discriminator is shown of a sequence. For now it is the sequence as it is.


# %%
def as_it_is(x):
    return x


def squared_slope(verdicts, x):
    """Return the mean of |dv/dx|^2 over the samples: a Tensor with a gradient of its own."""
    (slope,) = grad(ops.sum(verdicts), x, create_graph=True)
    return ops.sum(ops.square(slope)) / len(x)


def play(G, v, real, steps, rate=2e-3, gamma=1.0, show=as_it_is, seed=0, watch=()):
    """Train G and v. Return what G drew after the steps named in `watch`."""
    rng = np.random.default_rng(seed)
    g_optimizer = optim.Adam(G.parameters(), lr=rate, betas=(0, 0.99))
    v_optimizer = optim.Adam(v.parameters(), lr=rate, betas=(0, 0.99))
    drawn = []
    for step in range(steps):
        g_optimizer.lr = v_optimizer.lr = rate * min(1, 2 - 2 * step / steps)
        penalised = step % 8 == 0
        batch = real[rng.integers(0, len(real), 64)]
        x = Tensor(show(Tensor(batch)).data, requires_grad=penalised)
        fake = show(G.draw(64, rng))

        verdicts = v(x)
        d_loss = -ops.mean(ops.logsigmoid(verdicts)) - ops.mean(ops.logsigmoid(-v(fake.detach())))
        if penalised:
            d_loss = d_loss + 8 * gamma / 2 * squared_slope(verdicts, x)
        v_optimizer.step(grad(d_loss, v.parameters()))

        g_loss = -ops.mean(ops.logsigmoid(v(fake)))
        g_optimizer.step(grad(g_loss, G.parameters()))
        if step + 1 in watch:
            drawn.append(G.draw(12, np.random.default_rng(seed)).data)
    return drawn


# %% [markdown]
# One change more is needed, and it is not about memory. The penalty holds the slope of $v$. A soft wave, one of small amplitude, is
# small in $x$. So what is wrong with it is small, too, and moves $v$ little. For this the judge is shown every wave twice: as it is, and beside it the same wave as loud as all
# others, with a mean square of 1. The generator's gradient goes through this rescaling as through any other operation. Because the rescaled
# waves are larger, the penalty's weight $\gamma$ is smaller, .05.


# %%
def beside_even(x):
    """x (N, T, 1) -> (N, T, 2): beside each wave the same with a mean square of 1."""
    mean_square = ops.mean(x * x, (1, 2), True)  # (N, 1, 1)
    return ops.cat([x, x / ops.sqrt(mean_square + 1e-3)], 2)  # 1e-3: silence stays finite


def judges(seed):
    """Return the rows of the table: name -> (discriminator, what it is shown, gamma)."""
    rng = np.random.default_rng(seed)
    return {
        "CNN": (Viewer(1, rng), as_it_is, 1.0),
        "LSTM, last state": (Reader(1, rng), as_it_is, 1.0),
        "+ forget bias 2": (Reader(1, rng, forget_bias=2), as_it_is, 1.0),
        "+ pooled verdict": (Reader(1, rng, forget_bias=2, pooled=True), as_it_is, 1.0),
        "+ rescaled waves": (Reader(2, rng, forget_bias=2, pooled=True), beside_even, 0.05),
    }


seeds = (0,) if FAST else (0, 1, 2)
steps = 20 if FAST else 600
writers = {}
for seed in seeds:
    for name, (v, show, gamma) in judges(seed).items():
        G = Writer(1, 30, once=4, each=4, hidden=64, rng=np.random.default_rng(seed))
        play(G, v, waves, steps, gamma=gamma, show=show, seed=seed)
        writers[name, seed] = G

# %% [markdown]
# Each LSTM's row of the table is the row above it with one change. (The last changes $\gamma$ with the scale.) Below them are two bags that no generator drew: white noise as loud as the waves,
# and real waves that no judge has seen.

# %%
bags = {key: G.draw(1000, np.random.default_rng(100)).data for key, G in writers.items()}
for seed in seeds:
    noise = waves.std() * np.random.default_rng(seed).standard_normal((1000, 30, 1))
    bags["white noise", seed] = noise.clip(-1, 1)
    bags["other real waves", seed] = sines(1000, seed=seed + 1)

names = list(judges(0)) + ["white noise", "other real waves"]
size = 300 if FAST else 1000  # waves in a bag
real = waves[:size].reshape(size, 30)
distance, purity = {}, {}
print(f"{'':18}" + "".join(f"  seed {seed}" for seed in seeds) + "    mean   purity")
for name in names:
    drawn = [bags[name, seed][:size] for seed in seeds]
    values = [squared_mmd(real, bag.reshape(size, 30), width=m) for bag in drawn]
    distance[name], purity[name] = np.mean(values), np.mean([tone_purity(bag).mean() for bag in drawn])
    shown = "".join(f"{value:8.4f}" for value in values)
    print(f"{name:18}{shown}{distance[name]:8.4f}{purity[name]:9.3f}")
floor = squared_mmd_floor(waves.reshape(-1, 30), size, repeats=20 if FAST else 100, width=m)
print(f"the floor: {floor:.4f}")
if not FAST:
    assert distance["+ rescaled waves"] < distance["white noise"] / 2
    assert distance["+ rescaled waves"] < distance["LSTM, last state"]

# %%
shown_rows = ["other real waves", "CNN", "LSTM, last state", "+ rescaled waves"]
fig, axes = plt.subplots(4, 6, figsize=(7.5, 3.8), sharex=True, sharey=True)
for line, name, colour in zip(axes, shown_rows, ("C0", "C1", "C3", "C2")):
    for axis, wave in zip(line, bags[name, 0]):
        axis.plot(wave[:, 0], ".-", color=colour, markersize=2, linewidth=1.2)
        axis.set(xticks=[], yticks=[], ylim=(-1, 1))
        axis.grid(False)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()

# %% [markdown]
# Against the plain LSTM judge the writer ends further from the waves than white noise is: in two of three seeds, and on average. Nothing is wrong
# with the game. That judge does not hear how a wave began, and so the writer is not taught it. Open forget gates bring the mean below white noise, but the
# waves are not purer yet. A verdict from every step makes them much purer. With rescaled waves an LSTM teaches an LSTM as well as the CNN does: the
# mean of the discrepancy is a seventh of white noise's, and the waves are nearly as pure as real ones. (The picture, of seed 0, shows a fault that is left. None of its six green waves is soft; real ones may be.) Longer training brings it nearer
# still: `tinygan train sines` takes 3,000 steps, and with its CNN the writer ends below the floor over three seeds (its file says so).
#
# ## Which noise says what?
#
# Hold $z$ and draw the $z_t$ anew, twenty times for each of 200 $z$. The variance within the twenty is what the $z_t$ decide.

# %%
shares = []
for seed in seeds:
    G = writers["+ rescaled waves", seed]
    z = np.repeat(rng.standard_normal((200, 4), dtype="f4"), 20, axis=0)  # (4000, 4): each z twenty times
    z_steps = rng.standard_normal((30, 4000, 4), dtype="f4")
    drawn = G(Tensor(z), Tensor(z_steps)).data.reshape(200, 20, 30)
    total, within = drawn.var((0, 1)), drawn.var(1).mean(0)
    shares.append(within / total)
    print(f"seed {seed}: the z_t decide {shares[-1].mean():.1%} of the variance, z the rest")

fig, axis = plt.subplots(figsize=(6, 2.4))
axis.fill_between(range(1, 31), shares[0], color="C1", label="decided by the z_t")
axis.fill_between(range(1, 31), shares[0], 1, color="C0", alpha=0.6, label="decided by z")
axis.set(xlabel="step t", ylabel="share of the variance", ylim=(0, 1), xlim=(1, 30))
axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
plt.show()

# %% [markdown]
# Nobody told $G$ which noise to use for what. A wave's frequency and phase are decided once, and $z$ is drawn once.
#
# ## Digits, row by row
#
# A digit is a sequence as well: eight rows of eight pixels. The writer is the same, with rows of 8 numbers. The judge is a CNN that sees the
# whole picture. The writer never sees it: it has only its state, and the row above.


# %%
class PictureViewer(nn.Module):
    """A discriminator of whole pictures."""

    def __init__(self, rng):
        self.conv1 = nn.Conv2d(1, 48, 4, stride=2, padding=1, rng=rng)
        self.conv2 = nn.Conv2d(48, 64, 3, stride=2, padding=1, rng=rng)
        self.features = nn.Linear(64 * 2 * 2, 96, rng=rng)
        self.out = nn.Linear(96, 1, rng=rng)

    def forward(self, x):
        x = ops.unsqueeze(x, 1)  # (N, 1, 8, 8)
        x = ops.leaky_relu(self.conv1(x), 0.2)
        x = ops.leaky_relu(self.conv2(x), 0.2)
        return self.out(ops.leaky_relu(self.features(ops.flatten(x, 1)), 0.2))


pictures, labels = digits("train")
pictures = pictures * 2 - 1  # (1437, 1, 8, 8), from -1 to 1
steps = 60 if FAST else 2500
moments = [25, steps] if FAST else [25, 100, 400, steps]
digit_writer = Writer(8, 8, once=16, each=4, hidden=96, rng=np.random.default_rng(0))
v = PictureViewer(np.random.default_rng(1))
seen = play(digit_writer, v, pictures[:, 0], steps, rate=2e-3, gamma=0.7, watch=moments)

fig, axis = plt.subplots(figsize=(7, 2.6))
axis.imshow(image_grid(np.concatenate(seen)[:, None], columns=12, scale=6), vmin=0, vmax=255)
middles = 26 + 50.7 * np.arange(len(moments))  # of the lines of pictures
axis.set(xticks=[], yticks=middles, yticklabels=[f"step {m}" for m in moments])
axis.grid(False)
axis.spines[:].set_visible(False)
axis.tick_params(length=0)
plt.show()

# %% [markdown]
# ## The pen at work
#
# On the left are four digits as they are written, row by row. On the right, the same $z$ in each line of pictures, with the $z_t$ drawn anew.
# The writer keeps to its digit, and $z_t$ changes next to nothing: here too it decides by $z$. (All digits here are of one seed.)

# %%
written = digit_writer.draw(4, np.random.default_rng(0)).data  # (4, 8, 8)
growing = np.full((4, 8, 8, 8), -0.3)  # grey: not yet written
for k in range(8):
    growing[:, k, : k + 1] = written[:, : k + 1]
z = np.repeat(rng.standard_normal((4, 16), dtype="f4"), 8, axis=0)
varied = digit_writer(Tensor(z), Tensor(rng.standard_normal((8, 32, 4), dtype="f4"))).data

fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.1))
for axis, shown, title in (
    (axes[0], growing.reshape(32, 8, 8), "after 1, 2, ... 8 rows"),
    (axes[1], varied, "same z, new z_t"),
):
    axis.imshow(image_grid(shown[:, None], columns=8, scale=4), vmin=0, vmax=255)
    axis.set_title(title)
    axis.set_axis_off()
plt.show()

# %% [markdown]
# How good are they? Lesson 12's measure: a classifier learns the real digits, and the Frechet distance compares the features that it sees in
# written and in real digits.

# %%
classifier = train_classifier(pictures, labels, steps=60 if FAST else 600)
known, _ = classifier.judge(pictures)
test, test_labels = digits("test")
written = digit_writer.draw(360, np.random.default_rng(0)).data[:, None]
for name, shown in (("written", written), ("real, unseen", test * 2 - 1)):
    features, probabilities = classifier.judge(shown)
    frechet = frechet_distance(features, known)
    print(f"{name:13} Frechet distance {frechet:5.1f}, mean confidence {probabilities.max(1).mean():.1%}")

# %% [markdown]
# The written digits are further from those that the classifier learned than unseen real ones are. The classifier is also less sure of them: its *confidence* is the
# largest of the ten probabilities, here averaged. (One seed.)
#
# `tinygan train digits` is the same system, trained longer. `tinygan train mnist-rows` writes 28 rows of MNIST. `tinygan train sines` has the
# waves with rescaling, and with `--set judge=lstm` the pooled LSTM judge; its writer does not read what it wrote.
#
# ## Exercises
#
# **1.** Waves of 100 points come next. Which forget bias keeps a tenth of the cell over 100 steps? Compute it.
# <details><summary>Hint</summary>
#
# A gate with bias $b$ keeps $\sigma(b)$ a step. What must $\sigma(b)$ be, if it is multiplied a hundred times by itself? Then invert $\sigma$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# kept_a_step = 0.1 ** (1 / 100)
# bias = np.log(kept_a_step / (1 - kept_a_step))
# ```
#
# $\sigma(b) = .977$, and $b = \log\frac{.977}{.023} = 3.76$. A hundred steps ask for more than the bias 2 that did for thirty.
#
# </details>

# %%
bias = None  # exercise 1: the bias, a number

if bias is not None:
    kept = sigmoid(bias) ** 100
    assert kept > 0.095, f"too small: after 100 steps {kept:.1e} of the cell is left"
    assert kept < 0.105, f"too large: after 100 steps {kept:.1e} of the cell is left"
    print("exercise 1 is right")

# %% [markdown]
# **2.** Give the writer the beginning of a wave, and let it write the rest. `continue_wave(G, first, z, z_steps)` takes `first` (N, k, 1),
# `z` (N, 4) and `z_steps` (30, N, 4), all arrays. It returns waves (N, 30, 1): the first $k$ points are `first`, and each point is read by the
# next step as if the writer had written it. `G.lstm(given, (h, c))` is one
# step, where `given` is $[x_{t-1}, z_t, z]$; it returns the next `(h, c)`.
# <details><summary>Hint</summary>
#
# It is the loop of `write_and_keep`. What changes is one line: where $x_t$ comes from while $t$ is below $k$. The steps run from the
# beginning all the same, because the state must have read the given points.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def continue_wave(G, first, z, z_steps):
#     h, c = ops.chunk(G.begin(Tensor(z)), 2, 1)
#     x = np.zeros((len(z), 1), "f4")
#     points = []
#     for t in range(G.length):
#         h, c = G.lstm(Tensor(np.concatenate([x, z_steps[t], z], axis=1)), (h, c))
#         if t < first.shape[1]:
#             x = first[:, t]
#         else:
#             x = ops.tanh(G.pen(h)).data
#         points.append(x)
#     return np.stack(points, axis=1)
# ```
#
# If `first` is the beginning of what the writer would have written, nothing changes. Another beginning is read, and the rest answers it.
#
# </details>

# %%
continue_wave = None  # exercise 2: def continue_wave(G, first, z, z_steps): ...

if continue_wave is not None:
    G = writers["+ rescaled waves", 0]
    check = np.random.default_rng(0)
    once, each = check.standard_normal((6, 4), dtype="f4"), check.standard_normal((30, 6, 4), dtype="f4")
    free = G(Tensor(once), Tensor(each)).data
    for k in (1, 10, 29):
        continued = continue_wave(G, free[:, :k], once, each)
        assert np.shape(continued) == (6, 30, 1), f"the waves have shape {np.shape(continued)}"
        assert np.allclose(continued[:, :k], free[:, :k]), "the wave does not begin with the given points"
        assert np.allclose(continued, free, atol=1e-4), "given its own points, G must write on as alone"
    other = continue_wave(G, -free[:, :10], once, each)
    assert np.allclose(other[:, :10], -free[:, :10]), "the wave does not begin with the given points"
    assert np.abs(other[:, 10] - free[:, 10]).max() > 1e-4, "the next point does not depend on the given ones"
    print("exercise 2 is right")

# %% [markdown]
# **3.** An LSTM reads from the left: its verdict at step $t$ knows nothing of what follows. Write a judge `BothWays(row, rng)` that gives a
# verdict at *every* step, (N, T), from two LSTMs. One reads the sequence forwards and the other backwards. Step $t$'s verdict is a linear
# layer of both states *at that step*.
# <details><summary>Hint</summary>
#
# `ops.flip(x, (0,))` turns the first axis round. The second LSTM's states come out in its own order.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# class BothWays(nn.Module):
#     def __init__(self, row, rng):
#         self.forwards = nn.LSTM(row, 32, rng=rng)
#         self.backwards = nn.LSTM(row, 32, rng=rng)
#         self.out = nn.Linear(64, 1, rng=rng)
#
#     def forward(self, x):
#         x = ops.transpose(x, 0, 1)  # (T, N, row)
#         ahead, _ = self.forwards(x)
#         back, _ = self.backwards(ops.flip(x, (0,)))
#         states = ops.cat([ahead, ops.flip(back, (0,))], 2)  # (T, N, 64), both at step t
#         return ops.transpose(self.out(states)[:, :, 0], 0, 1)
# ```
#
# Without the second `flip` the verdict at step 1 would join the state that has read only $x_1$ with the state that has read only $x_T$.
#
# </details>

# %%
BothWays = None  # exercise 3: class BothWays(nn.Module): ...

if BothWays is not None:
    v = BothWays(1, np.random.default_rng(0))
    x = Tensor(waves[:50], requires_grad=True)
    verdicts = v(x)
    assert verdicts.shape == (50, 30), f"50 waves of 30 steps have verdicts {verdicts.shape}"
    assert verdicts.data.std(1).all(), "all verdicts on a wave are the same; each step needs its own"
    for t in (0, 11, 29):
        (slope,) = grad(ops.sum(verdicts[:, t]), x)
        sizes = np.abs(slope).mean((0, 2))
        assert sizes[:t].all(), f"the verdict at step {t + 1} does not hear all steps before it"
        assert sizes[t + 1 :].all(), f"the verdict at step {t + 1} does not hear all steps after it"
    print("exercise 3 is right")

# %% [markdown]
# **4.** How far does the noise of one step reach? Fill `reach` (30, 30): `reach[s, t]` is the mean of $|\partial x_t / \partial z_s|$ over
# the waves and the four numbers of $z_s$ (steps counted from 0). Take `G`, `z` and `z_steps` as the next cell gives them.
# <details><summary>Hint</summary>
#
# `grad` of the sum of $x_t$ over all waves gives $\partial x_t / \partial z_s$ for all $s$ at once, as the waves do not touch each other.
# Half of the array is 0. Which half?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# reach = np.zeros((30, 30))
# drawn = G(z, z_steps)  # (N, 30, 1)
# for t in range(30):
#     (slope,) = grad(ops.sum(drawn[:, t]), z_steps)  # (30, N, 4)
#     reach[:, t] = np.abs(slope).mean((1, 2))
# ```
#
# Noise cannot reach back: `reach[s, t]` is 0 for $t < s$. Draw it with `plt.imshow(reach)`.
#
# </details>

# %%
G = writers["+ rescaled waves", 0]
z = Tensor(rng.standard_normal((20, 4), dtype="f4"))
z_steps = Tensor(rng.standard_normal((30, 20, 4), dtype="f4"), requires_grad=True)

# %%
reach = None  # exercise 4: an array (30, 30)

if reach is not None:
    assert np.shape(reach) == (30, 30), f"reach has shape {np.shape(reach)}"
    before = np.tril(reach, -1)  # t < s
    assert np.triu(reach, 1).any(), "noise must reach later points: are s and t exchanged?"
    assert not before.any(), "noise cannot reach points that were written before it was drawn"
    s, t, h = 3, 8, 0.01
    slopes = []
    for k in range(4):
        nudged = np.repeat(z_steps.data[None], 2, axis=0)  # one is nudged up, one down
        nudged[0, s, :, k] += h
        nudged[1, s, :, k] -= h
        up, down = G(z, Tensor(nudged[0])).data, G(z, Tensor(nudged[1])).data
        slopes.append((up - down)[:, t] / (2 * h))
    measured = np.abs(slopes).mean()
    message = f"reach[3, 8] is {measured:.5f} by differences, not {reach[s, t]:.5f}"
    assert np.isclose(reach[s, t], measured, rtol=0.05), message
    print("exercise 4 is right")

# %% [markdown]
# ## Sources
#
# - I. Goodfellow et al., *Generative adversarial nets*, 2014, arXiv:1406.2661, eq. 1.
# - O. Mogren, *C-RNN-GAN*, 2016, arXiv:1611.09904: noise at every step, and the written row read by the next.
# - C. Esteban, S. Hyland, G. Rätsch, *Real-valued medical time series generation with recurrent conditional GANs*, 2017, arXiv:1706.02633:
#   the sines, and an LSTM judge with a verdict at every step.
# - R. Jozefowicz et al., *An empirical exploration of recurrent network architectures*, 2015: open forget gates.
# - A. Gretton et al., *A kernel two-sample test*, 2012, JMLR 13: the discrepancy, eq. 3.
# - L. Mescheder et al., *Which training methods for GANs do actually converge?*, 2018, arXiv:1801.04406, eq. 9: R1.
# - T. Karras et al., *Analyzing and improving the image quality of StyleGAN*, 2020, arXiv:1912.04958: the penalty at every few steps.
# - `tinygan/networks/rows.py`, `tinygan/networks/sequences.py`; `tinygan/recipes/pictures/digits.py`, `tinygan/recipes/series/sines.py`.
