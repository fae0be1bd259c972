# %% [markdown]
# # 15 · The LSTM-GAN: writing row by row
#
# **You will build:** an LSTM that writes, with its gradient through everything it wrote; then it plays the game, against a CNN and against
# another LSTM: over waves, and over digits that it writes one row after the other. This is the heart of the course.
#
# **You need:** the game (lesson 07), the LSTM (lesson 14).
#
# **Time:** 45 minutes.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.backend import stream
from tinygan.data import Loader, digits, sines
from tinygan.gan.objectives import non_saturating
from tinygan.gan.penalties import zero_centred
from tinygan.gradcheck import assert_gradients
from tinygan.metrics import frechet_distance, sequence_scores, train_classifier
from tinygan.plot import image_grid

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## An LSTM that writes
#
# Reading, an LSTM is given $x_t$. Writing, it is given *noise*, and the row that it wrote before:
#
# $$ (h_0, c_0) = V z, \qquad (h_t, c_t) = \text{LSTM}\big([x_{t-1},\, z_t],\; h_{t-1},\, c_{t-1}\big), \qquad x_t = \tanh(A h_t + a) $$
#
# $x_0 = 0$; $V$, $A$, $a$ are learned like the LSTM's own weights. There are two kinds of noise:
#
# - $z$, drawn **once** a sequence, sets the state that writing begins with: *what* is to be written, a seven, a slow wave;
# - $z_t$, drawn anew **at every step**: what is decided only while writing, where the pen wavers.
#
# By hand: forward, and backward through time. What is new against lesson 14 is one line: a row $x_t$ gets a gradient from the loss *and* from
# the next step, which read it.


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def write(noise, h, c, W, U, b, A, a, keep=None):
    """noise (T, N, Z), states (N, H), W (4H, X + Z), U (4H, H), A (X, H) -> rows (T, N, X)."""
    x, rows = np.zeros((len(h), len(a))), []
    for z in noise:
        given = np.concatenate([x, z], 1)
        i, f, g, o = np.split(given @ W.T + h @ U.T + b, 4, 1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        new_c = f * c + i * g
        if keep is not None:
            keep.append((given, h, c, i, f, g, o, new_c))
        h, c = o * np.tanh(new_c), new_c
        x = np.tanh(h @ A.T + a)
        rows.append(x)
    return np.stack(rows)


def write_backward(g_rows, noise, h, c, W, U, b, A, a):
    steps = []
    rows = write(noise, h, c, W, U, b, A, a, keep=steps)
    size = rows.shape[2]
    dW, dU, db, dA, da = (np.zeros_like(w) for w in (W, U, b, A, a))
    d_noise, dh, dc, dx = np.zeros_like(noise), np.zeros_like(h), np.zeros_like(c), 0.0
    for t in reversed(range(len(rows))):
        given, h, c, i, f, g, o, new_c = steps[t]
        d_pen = (g_rows[t] + dx) * (1 - rows[t] ** 2)  # dx: from the step that read this row
        dA += d_pen.T @ (o * np.tanh(new_c))
        da += d_pen.sum(0)
        dh = dh + d_pen @ A
        dc = dc + dh * o * (1 - np.tanh(new_c) ** 2)
        di, df = dc * g * i * (1 - i), dc * c * f * (1 - f)
        dg, do = dc * i * (1 - g**2), dh * np.tanh(new_c) * o * (1 - o)
        d = np.concatenate([di, df, dg, do], 1)
        dW += d.T @ given
        dU += d.T @ h
        db += d.sum(0)
        dx, d_noise[t] = np.split(d @ W, [size], 1)
        dh, dc = d @ U, dc * f
    return d_noise, dh, dc, dW, dU, db, dA, da


T, N, Z, H, X = 5, 3, 2, 4, 3
shapes = (T, N, Z), (N, H), (N, H), (4 * H, X + Z), (4 * H, H), (4 * H,), (X, H), (X,)
arrays = [rng.standard_normal(shape) for shape in shapes]
assert_gradients((write, write_backward), *arrays)

leaves = [Tensor(array, requires_grad=True) for array in arrays]
noise, h0, c0, W, U, b, A, a = leaves
rows = ops.lstm_feedback(noise, None, h0, c0, W, U, b, None, A, a, activation="tanh")
g = rng.standard_normal(rows.shape)
assert np.allclose(rows.data, write(*arrays))
for ours, theirs in zip(write_backward(g, *arrays), grad(rows, leaves, g)):
    assert np.allclose(ours, theirs)
print("by hand = finite differences = ops.lstm_feedback")

# %% [markdown]
# ## Two judges
#
# The game is that of lesson 07, over whole sequences $x = (x_1, \dots, x_T)$:
#
# $$ \min_G \max_D \;\; \mathbb E_x\big[\log D(x)\big] \;+\; \mathbb E_z\big[\log\,(1 - D(G(z)))\big] $$
#
# $D$ may be an LSTM that reads the sequence and gives its verdict from the last state; or a CNN over time, that sees all steps at once. That
# is no detail: the verdict's gradient comes to $x_t$ through $T - t$ steps in the one, through three layers in the other.
#
# The sequences are waves of 30 points, of any frequency (1 to 5 periods), amplitude and phase.


# %%
class Writer(nn.Module):
    """The generator of above: z (N, once), z_t (T, N, each) -> rows (N, T, row)."""

    def __init__(self, row, length, once, each, hidden, rng):
        self.length, self.once, self.each = length, once, each
        self.begin = nn.Linear(once, 2 * hidden, rng=rng)
        self.lstm = nn.LSTMCell(row + each + once, hidden, rng=rng)
        self.pen = nn.Linear(hidden, row, rng=rng)
        self.lstm.bias_ih.data[hidden : 2 * hidden] += 1  # the forget gates begin open: lesson 14

    def forward(self, z, steps):
        h, c = ops.chunk(self.begin(z), 2, 1)
        every_step = ops.expand(z, (self.length, -1, -1))  # z is told at every step as well
        noise = ops.cat([steps, every_step], 2)
        cell, pen = self.lstm, self.pen
        weights = cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh, pen.weight, pen.bias
        rows = ops.lstm_feedback(noise, None, h, c, *weights, activation="tanh")  # (T, N, row)
        return ops.permute(rows, (1, 0, 2))

    def draw(self, n, rng):
        z = rng.standard_normal((n, self.once), dtype="f4")
        return self(Tensor(z), Tensor(rng.standard_normal((self.length, n, self.each), dtype="f4")))


class Reader(nn.Module):
    """A judge that reads: an LSTM, the verdict from its last state."""

    def __init__(self, row, hidden, rng):
        self.lstm = nn.LSTM(row, hidden, rng=rng)
        self.verdict = nn.Linear(hidden, 1, rng=rng)

    def forward(self, x):
        return self.verdict(self.lstm(ops.transpose(x, 0, 1))[0][-1])


class Viewer(nn.Module):
    """A judge that sees all at once: three convolutions over time, each halving the steps."""

    def __init__(self, row, length, rng, channels=(32, 64, 64)):
        halving = lambda a, b: nn.Conv1d(a, b, 5, stride=2, padding=2, rng=rng)
        self.layers = nn.ModuleList(halving(a, b) for a, b in zip((row, *channels), channels))
        self.verdict = nn.Linear(channels[-1] * -(-length // 8), 1, rng=rng)

    def forward(self, x):
        x = ops.transpose(x, 1, 2)  # (N, row, T)
        for layer in self.layers:
            x = ops.leaky_relu(layer(x), 0.2)
        return self.verdict(ops.flatten(x, 1))


# %% [markdown]
# How much does the verdict move when $x_t$ moves? For both judges, before they have learned anything:

# %%
waves = sines(8000)  # (8000, 30, 1)
judges = {"CNN": Viewer(1, 30, stream(0, "viewer")), "LSTM": Reader(1, 64, stream(0, "reader"))}

fig, axis = plt.subplots(figsize=(6, 2.4))
for (name, judge), colour in zip(judges.items(), ("C0", "C4")):
    x = Tensor(waves[:200], requires_grad=True)
    (slope,) = grad(judge(x).sum(), x)
    axis.semilogy(np.abs(slope).mean((0, 2)), color=colour, label=name)
axis.set(xlabel="step t", ylabel="mean |∂D / ∂x_t|")
axis.legend()
plt.show()

# %% [markdown]
# The LSTM hears the end, and hardly knows how the wave began: lesson 14 again. Its forget gates could be opened; the CNN has no such trouble.
#
# And the game, one loop for all that follows. $G$'s step is non-saturating: it maximises $\mathbb E \log D(G(z))$, which has the same goal and
# a slope where $D$ wins (lesson 07). Every eighth step $D$'s slope on real sequences is penalised (R1).


# %%
def play(G, D, real, steps, rate=1e-3, gamma=1.0, watch=(), objective=non_saturating, seed=0):
    """Returns the average of G over the steps, and what G's average drew at the steps `watch`."""
    g_weights, d_weights = G.parameters(), D.parameters()
    adam = lambda weights: optim.Adam(weights, lr=rate, betas=(0, 0.99))
    g_optimizer, d_optimizer = adam(g_weights), adam(d_weights)
    average, loader, seen = optim.EMA(G, 0.99), Loader(real, batch_size=64, seed=seed), []
    for step in range(steps):
        g_optimizer.lr = d_optimizer.lr = rate * min(1, 2 - 2 * step / steps)
        penalised = step % 8 == 0 and gamma > 0
        x = Tensor(loader.batch(step), requires_grad=penalised)
        fake = G.draw(64, stream(seed, "noise", step))
        verdicts = D(x)
        loss = objective.discriminator(verdicts, D(fake.detach()))
        if penalised:
            loss = loss + 8 * gamma / 2 * zero_centred(verdicts, x)
        d_optimizer.step(grad(loss, d_weights))
        g_optimizer.step(grad(objective.generator(None, D(fake)), g_weights))
        average.decay = min(0.998, (step + 1) / (step + 10))
        average.update(G)
        if step + 1 in watch:
            seen.append(average.module.draw(12, stream(seed, "watch")).data)
    return average.module, seen


STEPS = 250 if FAST else 1500
writers = {}
for name, judge in judges.items():
    G = Writer(1, 30, once=4, each=4, hidden=64, rng=stream(0, "writer"))
    writers[name], _ = play(G, judge, waves, STEPS)

# %%
sets = {"real": sines(6, seed=1)}
for name, G in writers.items():
    sets[f"judged by {name}"] = G.draw(6, stream(1, "show")).data
fig, axes = plt.subplots(3, 6, figsize=(7.5, 2.9), sharex=True, sharey=True)
for line, (name, shown), colour in zip(axes, sets.items(), ("C0", "C1", "C4")):
    for axis, wave in zip(line, shown):
        axis.plot(wave[:, 0], ".-", color=colour, markersize=2, linewidth=1.2)
        axis.set(xticks=[], yticks=[], ylim=(-1, 1))
        axis.grid(False)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()

# %% [markdown]
# Two figures together judge them. The discrepancy MMD² compares whole bags of waves; **tone purity** is the share of a wave's energy in its
# strongest frequency. Each alone can be deceived: noise of the right loudness is not far by the first, a single perfect wave is pure.

# %%
candidates = {name: G.draw(1000, stream(2, "score")).data for name, G in writers.items()}
candidates["white noise"] = (0.35 * rng.standard_normal((1000, 30, 1))).clip(-1, 1)
candidates["other real waves"] = sines(1000, seed=2)
print(f"{'':18}{'MMD²':>9}{'purity':>9}")
for name, drawn in candidates.items():
    found = sequence_scores(waves, drawn, n=500, repeats=20)
    print(f"{name:18}{found.squared_mmd:9.4f}{found.purity:9.3f}")
print(f"{'95 % of real below':18}{found.floor:9.4f}")

# %% [markdown]
# In as many steps the CNN has taught far more. (An LSTM judge can do better than this one, in other games than ours and with patience: RCGAN,
# below, had nothing else.)
#
# ## Which noise says what?
#
# Hold $z$ and draw the $z_t$ anew; or the other way round. How much does the wave change?

# %%
G = writers["CNN"]
once = rng.standard_normal((200, 1, G.once)).astype("f4")
each = rng.standard_normal((30, 200, 20, G.each)).astype("f4")
z = once.repeat(20, 1).reshape(-1, G.once)  # 200 values of z, for each of them 20 draws of the z_t
drawn = G(Tensor(z), Tensor(each.reshape(30, -1, G.each))).data.reshape(200, 20, 30)
total, within = drawn.var((0, 1)), drawn.var(1).mean(0)

fig, axis = plt.subplots(figsize=(6, 2.4))
axis.fill_between(range(30), within / total, color="C1", label="decided by the z_t")
axis.fill_between(range(30), within / total, 1, color="C0", alpha=0.6, label="decided by z")
axis.set(xlabel="step t", ylabel="share of the variance", ylim=(0, 1), xlim=(0, 29))
axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
plt.show()

# %% [markdown]
# Nobody told $G$ to keep frequency and phase in $z$; a wave is decided once, so that is where it put them. What the steps' own noise adds is
# little, and grows along the way.
#
# ## Digits, row by row
#
# Eight rows of eight pixels: a digit is a sequence as well. The same writer, now with rows of 8 numbers; the judge is a CNN that sees the
# whole picture. The writer never does: it has only its state, and the row above.


# %%
class PictureViewer(nn.Module):
    def __init__(self, rng):
        self.conv1 = nn.Conv2d(1, 48, 4, stride=2, padding=1, rng=rng)
        self.conv2 = nn.Conv2d(48, 64, 3, stride=2, padding=1, rng=rng)
        self.features = nn.Linear(64 * 2 * 2, 96, rng=rng)
        self.verdict = nn.Linear(96, 1, rng=rng)

    def forward(self, x):
        x = ops.unsqueeze(x, 1)  # (N, 1, 8, 8)
        x = ops.leaky_relu(self.conv1(x), 0.2)
        x = ops.leaky_relu(self.conv2(x), 0.2)
        return self.verdict(ops.leaky_relu(self.features(ops.flatten(x, 1)), 0.2))


pictures, labels = digits("train")
pictures = pictures * 2 - 1  # (1437, 1, 8, 8)
steps = 500 if FAST else 4000
moments = [25, 100, 400, steps]
G = Writer(8, 8, once=16, each=4, hidden=96, rng=stream(0, "digit writer"))
D = PictureViewer(stream(0, "picture viewer"))
digit_writer, seen = play(G, D, pictures[:, 0], steps, rate=2e-3, gamma=0.7, watch=moments)

fig, axis = plt.subplots(figsize=(7, 2.6))
axis.imshow(image_grid(np.concatenate(seen)[:, None], columns=12, scale=6), vmin=0, vmax=255)
axis.set(xticks=[], yticks=np.linspace(26, 178, 4), yticklabels=[f"step {m}" for m in moments])
axis.grid(False)
axis.spines[:].set_visible(False)
axis.tick_params(length=0)
plt.show()

# %% [markdown]
# ## The pen at work
#
# On the left a digit as it is written, row by row. On the right: the same $z$ in each row of pictures, the $z_t$ drawn anew. The writer keeps
# to its digit and varies the strokes a little.

# %%
digit = digit_writer.draw(4, stream(0, "pen")).data  # (4, 8, 8)
begun = lambda one, rows: np.where(np.arange(8)[:, None] < rows, one, -0.3)
growing = np.stack([begun(one, rows) for one in digit for rows in range(1, 9)])
z = np.repeat(rng.standard_normal((4, 16)).astype("f4"), 8, 0)
varied = digit_writer(Tensor(z), Tensor(rng.standard_normal((8, 32, 4)).astype("f4"))).data

fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.1))
for axis, shown, title in (
    (axes[0], growing, "after 1, 2, ... 8 rows"),
    (axes[1], varied, "same z, new z_t"),
):
    axis.imshow(image_grid(shown[:, None], columns=8, scale=4), vmin=0, vmax=255)
    axis.set_title(title)
    axis.set_axis_off()
plt.show()

# %%
judge = train_classifier(pictures, labels, steps=600)
known, _ = judge.judge(pictures)
test, test_labels = digits("test")
written = digit_writer.draw(360, stream(0, "count")).data[:, None]
for name, shown in (("written", written), ("real, unseen", test * 2 - 1)):
    features, probabilities = judge.judge(shown)
    distance, confidence = frechet_distance(features, known), probabilities.max(1).mean()
    print(f"{name:13} Frechet distance {distance:5.1f}, mean confidence {confidence:.1%}")

# %% [markdown]
# `tinygan train digits` is the same system with relativistic pairing; `tinygan train mnist-rows` writes 28 rows of MNIST; `tinygan train sines`
# has the waves, and the LSTM judge with all its settings.
#
# ## Exercises
#
# **1.** Play the game as it is written: $G$ minimises $\mathbb E \log(1 - D(G(z)))$. What is different in the
# beginning?
# <details><summary>Hint</summary>
#
# `from tinygan.gan.objectives import minimax`, then `play(..., objective=minimax)`. Where $D$ wins, $\log(1 - D)$ is flat.
#
# </details>
#
# **2.** Take away $z$ (`once=0` needs a change in `begin`), or the $z_t$ (`each=0`). Which can a wave do without? Which can a random walk do
# without, whose every step is decided by a coin?
# <details><summary>Hint</summary>
#
# Thirty coins are thirty bits, and $z$ would have to hold them all, to be read off one by one.
#
# </details>
#
# **3.** Let the LSTM judge give a verdict at *every* step, and take their mean as the loss. Does it teach faster?
# <details><summary>Hint</summary>
#
# `self.verdict(states)` is (T, N, 1); the objectives take means over everything. Then the gradient need not come from the end.
#
# </details>
#
# ## Sources
#
# - I. Goodfellow et al., *Generative adversarial nets*, 2014, arXiv:1406.2661, eq. 1.
# - O. Mogren, *C-RNN-GAN*, 2016, arXiv:1611.09904: noise at every step, and the written row read by the next.
# - C. Esteban, S. Hyland, G. Rätsch, *Real-valued medical time series generation with recurrent conditional GANs*, 2017, arXiv:1706.02633:
#   the sines.
# - L. Mescheder et al., *Which training methods for GANs do actually converge?*, 2018, arXiv:1801.04406, eq. 9: R1.
# - `tinygan/networks/rows.py`, `tinygan/networks/sequences.py`; `tinygan/recipes/pictures/digits.py`, `tinygan/recipes/series/sines.py`.
