# %% [markdown]
# # 09 · Convolution and its triangle
#
# **You will build:** convolution three times, as loops, as one matrix product, as a matrix; and its gradients, which are convolutions too:
# a triangle of three operations that closes on itself. At the end a transposed convolution learns to enlarge pictures.
#
# **You need:** gradients as vector-Jacobian products (lesson 04); for the last part, layers and Adam (lesson 05).
#
# **Time:** 40 minutes

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.data import Loader, digits
from tinygan.gradcheck import assert_gradients
from tinygan.losses import mse_loss

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## A window slides over a picture
#
# A small array of weights, the *kernel*, is laid on the picture. What lies under it is multiplied by the weights and added up: one number.
# Then the kernel moves on by $s$ pixels, the *stride*. *Padding* puts $p$ zeros around the picture, so that the kernel can reach over its edge. A picture
# has *channels*, such as red, green and blue; the result has channels, too, each with a kernel of its own. With channels $c$ in and $o$ out:
#
# $$ y_{n,o,t} \;=\; \sum_{c}\sum_{k} x_{n,c,\;s\,t + k - p}\; w_{o,c,k} $$
#
# $n$ is the picture in the batch; the place $t = (t_1, t_2)$ and the offset in the kernel $k = (k_1, k_2)$ are pairs, down and across.
# As loops:


# %%
def conv_loops(x, w, s, p):
    """x (N, C, H, W), w (O, C, K, K) -> y (N, O, H', W')."""
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    K = w.shape[2]
    height, width = ((n - K) // s + 1 for n in x.shape[2:])
    y = np.zeros((len(x), len(w), height, width))
    for n in range(len(x)):
        for o in range(len(w)):
            for i in range(height):
                for j in range(width):
                    y[n, o, i, j] = (x[n, :, s * i : s * i + K, s * j : s * j + K] * w[o]).sum()
    return y


x, w = rng.standard_normal((4, 3, 9, 9)), rng.standard_normal((5, 3, 3, 3))
assert np.allclose(conv_loops(x, w, 2, 1), ops.conv2d(x, w, stride=2, padding=1))
print("the library's conv2d gives the same", conv_loops(x, w, 2, 1).shape)

# %% [markdown]
# ## The same as one matrix product: im2col
#
# Write every window as one row of a matrix. The weights of an output channel are one column of another. Then all the sums are one product,
# the one thing that computers do fastest. `sliding_window_view` copies nothing; it only says where to look. The `reshape` then copies, and with a
# kernel of 3 x 3 and stride 1 the windows take nine times the memory of the pictures. Time is bought with memory (try `%timeit` on both).


# %%
def windows(x, K, s, p):
    """Every window of x (N, C, H, W) as a row: (N, H', W', C * K * K)."""
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    view = sliding_window_view(x, (K, K), (2, 3))[:, :, ::s, ::s]  # (N, C, H', W', K, K)
    n, _, height, width, _, _ = view.shape
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(n, height, width, -1)


def conv(x, w, s, p):
    y = windows(x, w.shape[2], s, p) @ w.reshape(len(w), -1).T  # (N, H', W', O)
    return y.transpose(0, 3, 1, 2)


assert np.allclose(conv(x, w, 2, 1), conv_loops(x, w, 2, 1))
print("the windows hold", windows(x, 3, 1, 1).size, "numbers, the pictures", x.size)

# %% [markdown]
# ## A convolution is a matrix, and a matrix has a transpose
#
# $y$ is linear in $x$, so there is a matrix $M$ with $y = Mx$. Feed it one unit vector after the other and look at its columns. In one
# dimension, with a kernel of 3 and 8 pixels:


# %%
def matrix_of(f, size):
    return np.stack([f(unit) for unit in np.eye(size)], 1)


kernel = np.array([1.0, 2.0, 3.0])


def stride_1(x):
    return ops.conv1d(x[None], kernel[None, None], stride=1, padding=1)[0]  # [None]: a channel more


def stride_2(x):
    return ops.conv1d(x[None], kernel[None, None], stride=2, padding=1)[0]


M = {1: matrix_of(stride_1, 8), 2: matrix_of(stride_2, 8)}

fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.9))
titles = "M, stride 1: 8 to 8", "M, stride 2: 8 to 4", "transpose: 4 to 8"
for axis, matrix, title in zip(axes, (M[1], M[2], M[2].T), titles):
    axis.imshow(matrix, cmap="Blues", vmax=4)
    axis.set_title(title)
    axis.set_axis_off()
    for (i, j), value in np.ndenumerate(matrix):
        colour = "black" if value else "#bbbbbb"
        axis.text(j, i, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=8)
plt.show()

# %% [markdown]
# Every row is the kernel, pushed along: the same three weights again and again, and zeros. That is all that a convolution assumes about
# pictures: *what is near belongs together* (the zeros), and *what is worth finding here is worth finding there* (the same weights).
#
# The matrix on the right turns 4 numbers into 8. Each input pixel *adds* its multiple of the kernel to the output, at steps of the stride.
# It is called **transposed convolution**, and it is how a generator turns a few numbers into a picture.
#
# Pictures of 7 and of 8 pixels both shrink to 4. `output_padding=1` says that the larger is meant.

# %%
small = rng.standard_normal(4)
enlarged = ops.conv_transpose1d(small[None], kernel[None, None], stride=2, padding=1, output_padding=1)[0]
assert np.allclose(enlarged, M[2].T @ small)
print("conv_transpose1d is the transposed matrix:", enlarged.round(2))

# %% [markdown]
# ## The triangle
#
# Give the outputs a gradient $g$. The scalar $\langle g, y\rangle$ is a sum of products of three:
#
# $$ T(x, w, g) \;=\; \sum_{t,k} g_t \; w_k \; x_{s t + k - p} \;=\; \sum_{t,k,i} S_{tki}\; g_t\, w_k\, x_i,
# \qquad S_{tki} = \begin{cases}1 & i = s t + k - p\\ 0 & \text{otherwise}\end{cases} $$
#
# It is linear in each of the three, so its derivative for one of them is what is left when that one is taken out. Three derivatives,
# three operations:
#
# - take out $g_t$, and $\sum_{k,i} S_{tki}\, w_k\, x_i$ is left: the convolution itself;
# - take out $x_i$, and $\sum_{t,k} S_{tki}\, g_t\, w_k$ is left: **transposed convolution**, the gradient for the picture;
# - take out $w_k$, and $\sum_{t,i} S_{tki}\, g_t\, x_i$ is left: **picture against gradient**, the gradient for the weights.
#
# And what are *their* gradients? They come from the same $T$, so they are again these three. The triangle is closed, which is why tinygan
# can differentiate convolutions as often as it likes. In NumPy, $S$ and nothing else:

# %%
stride, padding, size, K = 2, 1, 8, 3
t, k, i = np.ogrid[:4, :K, :size]  # three axes, so that the next line compares every combination
S = (i == stride * t + k - padding).astype(float)  # (T, K, I)


def conv_s(x, w):
    return np.einsum("tki,i,k->t", S, x, w)


def conv_transpose_s(g, w):
    return np.einsum("tki,t,k->i", S, g, w)


def conv_weight_s(x, g):
    return np.einsum("tki,i,t->k", S, x, g)


x1, w1, g1 = rng.standard_normal(size), rng.standard_normal(K), rng.standard_normal(4)
assert_gradients((conv_s, lambda g, x, w: (conv_transpose_s(g, w), conv_weight_s(x, g))), x1, w1)
assert_gradients((conv_transpose_s, lambda d, g, w: (conv_s(d, w), conv_weight_s(d, g))), g1, w1)
assert_gradients((conv_weight_s, lambda d, x, g: (conv_transpose_s(g, d), conv_s(x, d))), x1, g1)
print("finite differences agree: each one's gradient is made of the other two")

# %% [markdown]
# (A pair of functions in `assert_gradients` is an operation and its backward pass; the check compares the two, as in lesson 04.)
#
# Now the same for pictures, without the wasteful $S$. The weights' gradient needs the windows again. The picture's gradient adds each
# window's share back to where the window was cut out (*col2im*).


# %%
def conv_backward(g, x, w, s, p):
    """Gradients for x and w of conv(x, w, s, p), given g (N, O, H', W')."""
    K, rows = w.shape[2], g.transpose(0, 2, 3, 1)  # (N, H', W', O)
    dw = np.einsum("nijo,nijk->ok", rows, windows(x, K, s, p)).reshape(w.shape)

    shares = rows @ w.reshape(len(w), -1)  # (N, H', W', C * K * K)
    shares = shares.reshape(*rows.shape[:3], *w.shape[1:])  # (N, H', W', C, K, K)
    dx = np.pad(np.zeros_like(x), ((0, 0), (0, 0), (p, p), (p, p)))
    for i in range(g.shape[2]):
        for j in range(g.shape[3]):
            dx[:, :, s * i : s * i + K, s * j : s * j + K] += shares[:, i, j]
    return dx[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw


def ours(x, w):
    return conv(x, w, 2, 1)


def ours_backward(g, x, w):
    return conv_backward(g, x, w, 2, 1)


def library(x, w):
    return ops.conv2d(x, w, stride=2, padding=1)


assert_gradients((ours, ours_backward), x, w)

x_t, w_t = Tensor(x, requires_grad=True), Tensor(w, requires_grad=True)
y_t = library(x_t, w_t)
g = rng.standard_normal(y_t.shape)
for by_hand, by_tape in zip(ours_backward(g, x, w), grad(y_t, [x_t, w_t], g)):
    assert np.allclose(by_hand, by_tape)
assert_gradients(library, x[:1, :2, :5, :5], w[:2, :2], order=2)
print("by hand = finite differences = the library; and the library's to second order")

# %% [markdown]
# ## Which filter was it?
#
# Someone has filtered pictures of digits and lost the filter. We have the pictures before and after. Begin with zeros, follow the gradient
# that we have just written.

# %%
images, _ = digits("train")  # (1437, 1, 8, 8) in [0, 1]
sobel = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])  # finds vertical edges
secret = sobel[None, None]  # (1, 1, 3, 3)
before = images[:100].astype(float)
after = conv(before, secret, 1, 1)

found, errors = np.zeros_like(secret), []
for _ in range(500):
    error = conv(before, found, 1, 1) - after
    _, dw = conv_backward(2 * error / error.size, before, found, 1, 1)
    found -= 0.4 * dw
    errors.append((error**2).mean())
print(np.round(found[0, 0], 2) + 0.0)
assert np.abs(found - secret).max() < 0.05

fig, axes = plt.subplots(1, 3, figsize=(7, 2.3))
axes[0].imshow(before[0, 0])
axes[0].set_title("before")
axes[1].imshow(conv(before, found, 1, 1)[0, 0], cmap="RdBu", vmin=-4, vmax=4)
axes[1].set_title("filtered with what we found")
axes[2].semilogy(errors)
axes[2].set(title="mean squared error", xlabel="step")
for axis in axes[:2]:
    axis.set_axis_off()
plt.show()

# %% [markdown]
# ## Checkerboards
#
# In a transposed convolution each output pixel is the sum of as many terms as there are windows over it. Let all inputs and all weights
# be 1, and count:

# %%
fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.5))
for axis, (K, s, p) in zip(axes, ((3, 2, 1), (5, 2, 2), (4, 2, 1))):
    pixels, weights = np.ones((1, 1, 6, 6)), np.ones((1, 1, K, K))
    count = ops.conv_transpose2d(pixels, weights, stride=s, padding=p)[0, 0]
    inner = count[2:-2, 2:-2]
    axis.imshow(count, cmap="Blues", vmin=0, vmax=9)
    axis.set_title(f"kernel {K}, stride {s}: {inner.min():.0f} to {inner.max():.0f}")
    axis.set_axis_off()
plt.show()

# %% [markdown]
# Where the stride does not divide the kernel, some pixels get up to four times as many terms as others, and generated pictures show a
# checkerboard (Odena et al. 2016). Kernel 4 with stride 2 is even. Lesson 10 uses it.
#
# ## Learning to enlarge
#
# Digits of 4 x 4 pixels are to be made 8 x 8 again. Two convolutions and a transposed one learn it by squared error. Beside them stand the same
# pictures with every pixel made four.
#
# What comes from the library: `nn.Conv2d` and `nn.ConvTranspose2d` are the two operations as layers with weights. A class that inherits from `nn.Module` has
# `parameters()`, those of all layers that it was given, and calling it calls its `forward`. `Loader(images, batch_size=64, seed=0)` mixes the pictures, and
# `loader.batch(step)` gives 64 of them. `mse_loss` is the mean squared error.


# %%
class Enlarger(nn.Module):
    def __init__(self, rng):
        self.look = nn.Conv2d(1, 32, 3, padding=1, rng=rng)
        self.grow = nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1, rng=rng)
        self.draw = nn.Conv2d(32, 1, 3, padding=1, rng=rng)

    def forward(self, x):  # (N, 1, 4, 4)
        x = ops.leaky_relu(self.look(x), 0.2)  # (N, 32, 4, 4)
        x = ops.leaky_relu(self.grow(x), 0.2)  # (N, 32, 8, 8)
        return self.draw(x)  # (N, 1, 8, 8)


def shrunk(images):
    return images.reshape(-1, 1, 4, 2, 4, 2).mean((3, 5))  # (N, 1, 8, 8) -> (N, 1, 4, 4)


enlarger = Enlarger(np.random.default_rng(1))
parameters = enlarger.parameters()
optimizer = optim.Adam(parameters, lr=2e-3)
loader = Loader(images, batch_size=64, seed=0)
for step in range(400 if FAST else 1500):
    wanted = loader.batch(step)
    loss = mse_loss(enlarger(Tensor(shrunk(wanted))), wanted)
    optimizer.step(grad(loss, parameters))

held_out, _ = digits("test")
tiny = shrunk(held_out)
plain, drawn = tiny.repeat(2, 2).repeat(2, 3), enlarger(Tensor(tiny)).data
for name, pictures in (("pixels repeated", plain), ("learned", drawn)):
    error = ((pictures - held_out) ** 2).mean()
    print(f"{name:16} mean squared error on held-out digits {error:.4f}")
assert ((drawn - held_out) ** 2).mean() < 0.7 * ((plain - held_out) ** 2).mean()

fig, axes = plt.subplots(3, 10, figsize=(7.5, 2.4))
rows = (("4 x 4", plain), ("learned", drawn), ("truth", held_out))
for line, (name, pictures) in zip(axes, rows):
    for axis, picture in zip(line, pictures[::36]):
        axis.imshow(picture[0], vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()

# %% [markdown]
# Of one seed, it is better than repeating pixels, and it blurs. Many digits could have given the same small picture, and squared error asks for
# their mean. The rest of the course asks a discriminator instead: "is this one real?"
#
# ## Exercises
#
# **1.** A kernel of 3 with *dilation* 2 looks at every second pixel. What is its $M$ for 8 pixels, stride 1 and padding 2, with the `kernel` above? Write it without the library's `dilation`: as a matrix, from $S$.
#
# <details><summary>Hint</summary>
#
# In $S$ only the index changes: $i = s t + 2k - p$. The matrix is $\sum_k S_{tki}\, w_k$.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# t, k, i = np.ogrid[:8, :3, :8]
# S_dilated = (i == t + 2 * k - 2).astype(float)
# dilated = np.einsum("tki,k->ti", S_dilated, kernel)
# ```
#
# Every row is the kernel with a zero between two weights: `1 0 2 0 3`. `plt.imshow(dilated)` draws it.
#
# </details>

# %%
dilated = None  # exercise 1: an array (8, 8)


def with_dilation(x):
    return ops.conv1d(x[None], kernel[None, None], dilation=2, padding=2)[0]


if dilated is not None:
    assert np.shape(dilated) == (8, 8), f"8 pixels in and 8 out: (8, 8), not {np.shape(dilated)}"
    wrong = np.argwhere(~np.isclose(dilated, matrix_of(with_dilation, 8)))
    assert len(wrong) == 0, f"{len(wrong)} entries are wrong, the first at {wrong[0]} (row, column)"
    print("exercise 1 is right")

# %% [markdown]
# **2.** The transposed convolution with stride 1 is an ordinary convolution, with the kernel turned round. Write it: a function of $g$ $(N, O, H, W)$, the weights $w$ $(O, C, K, K)$ and the padding $p$ of the transposed one.
#
# <details><summary>Hint</summary>
#
# Look at the columns of $M$ for stride 1, from top to bottom. In two dimensions the kernel is turned round down and across, and the two channel axes change places. What padding gives back the size $H + K - 1 - 2p$?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def turned(g, w, p):
#     kernel = w.swapaxes(0, 1)[:, :, ::-1, ::-1]  # (C, O, K, K), turned round
#     return conv(g, kernel, 1, w.shape[2] - 1 - p)
# ```
#
# A convolution with padding $p'$ makes $H + 2p' - K + 1$ of $H$. That is $H + K - 1 - 2p$ for $p' = K - 1 - p$.
#
# </details>

# %%
turned = None  # exercise 2: a function of g, w and p

if turned is not None:
    for K, p in ((3, 1), (3, 0), (5, 1)):
        g, w = rng.standard_normal((2, 4, 6, 6)), rng.standard_normal((4, 3, K, K))
        expected, got = ops.conv_transpose2d(g, w, stride=1, padding=p), turned(g, w, p)
        assert got.shape == expected.shape, f"K = {K}, p = {p}: shape {got.shape}, not {expected.shape}"
        assert np.allclose(got, expected), f"K = {K}, p = {p}: turned round in both directions?"
    print("exercise 2 is right")

# %% [markdown]
# **3.** A convolution whose kernel is as large as the picture is a layer that you know. So is one with a kernel of 1. Write both without a convolution: two functions of pictures $x$ $(N, C, H, W)$ and weights $w$, that give what `conv(x, w, 1, 0)` gives.
#
# <details><summary>Hint</summary>
#
# How many windows does the first have? In the second, how many pixels does a window see?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def kernel_as_picture(x, w):
#     y = x.reshape(len(x), -1) @ w.reshape(len(w), -1).T  # (N, O)
#     return y[:, :, None, None]
#
#
# def kernel_of_one(x, w):
#     y = x.transpose(0, 2, 3, 1) @ w[:, :, 0, 0].T  # (N, H, W, O)
#     return y.transpose(0, 3, 1, 2)
#
#
# known_layers = (kernel_as_picture, kernel_of_one)
# ```
#
# The first is a linear layer of the whole picture. The second is the same linear layer at every pixel.
#
# </details>

# %%
known_layers = None  # exercise 3: two functions of x and w, (kernel as large as the picture, kernel of 1)

if known_layers is not None:
    x = rng.standard_normal((2, 3, 5, 5))
    for function, K in zip(known_layers, (5, 1)):
        w = rng.standard_normal((4, 3, K, K))
        got, expected = function(x, w), conv(x, w, 1, 0)
        assert got.shape == expected.shape, f"kernel {K}: the shape is {expected.shape}, not {got.shape}"
        assert np.allclose(got, expected), f"kernel {K}: the numbers differ"
    print("exercise 3 is right")

# %% [markdown]
# ## Sources
#
# - V. Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, 2016, arXiv:1603.07285: transposed convolution, chapter 4.
# - K. Chellapilla et al., *High performance convolutional neural networks for document processing*, 2006: convolution as one matrix product.
# - A. Odena et al., *Deconvolution and checkerboard artifacts*, Distill 2016, doi.org/10.23915/distill.00003.
# - `tinygan/ops/convolution.py`: the triangle as the library has it, in any number of dimensions; `tinygan/ops/windows.py`: its windows.
