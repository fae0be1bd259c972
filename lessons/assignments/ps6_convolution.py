# %% [markdown]
# # Assignment 6 · Convolution
#
# **You will build:** im2col and col2im with one loop over the kernel; convolution with stride, padding, bias and groups as one product of
# arrays; its gradients; transposed convolution, and its gradients. All in plain NumPy.
#
# **You need:** lesson 09, and vector-Jacobian products (lesson 04).
#
# **Time:** 4 hours.
#
# **Grading:** 29 points. A test cell gives its points alone, and no task needs your answer to another. Some tests are hidden: they
# ask the same with other numbers and shapes. Write plain NumPy: no `tinygan.ops` and no `tinygan.nn` in your answers.
#
# Notation, as in lesson 09: pictures `x (N, C, H, W)`: $N$ pictures, $C$ channels, $H$ rows, $W$ columns. A kernel has `kh` rows and `kw` columns,
# which may differ. The stride $s$ and the padding $p$ are the same down and across. There are $H'$ by $W'$ windows. The window at the
# place $(t, u)$ shows at the offset $(i, j)$ the pixel
#
# $$ \text{row } s\,t + i - p, \qquad \text{column } s\,u + j - p, $$
#
# and 0 where this is outside of the picture. In lesson 09 the kernel is not turned round; nor is it here. All arrays are float64.

# %%
import numpy as np

from tinygan import ops
from tinygan.gradcheck import assert_gradients

# %% [markdown]
# ## 6.1 Sizes (3 points)
#
# `conv_size(n, k, s, p)`: a side of the picture has $n$ pixels, and $p$ zeros are put at *both* of its ends. How many windows of $k$ pixels fit, if each
# begins $s$ pixels after the one before? The first begins at the first zero. Pixels that are left over at the end are seen by no window.
#
# `transposed_size(n, k, s, p)`: the other way. $n$ windows of $k$ pixels, at steps of $s$, are laid on an empty side; then $p$ pixels are cut off at
# both ends. How many pixels are left? Return integers.


# %% task=6.1
def conv_size(n, k, s, p):
    """Return the number of windows of k pixels, at steps of s, on n pixels with p zeros at both ends."""
    ### BEGIN SOLUTION
    return (n + 2 * p - k) // s + 1
    ### END SOLUTION


def transposed_size(n, k, s, p):
    """Return how many pixels n windows of k pixels cover, at steps of s, less p at both ends."""
    ### BEGIN SOLUTION
    return s * (n - 1) + k - 2 * p
    ### END SOLUTION


# %% test=6.1a points=1
for n, k, right in ((8, 3, 6), (5, 5, 1)):
    got = conv_size(n, k, 1, 0)
    assert got == right, (
        f"{n} pixels have {right} windows of {k} at stride 1, not {got}: the first and the last both count"
    )
### BEGIN HIDDEN TESTS
for n, k, s in ((9, 3, 2), (10, 3, 2), (11, 4, 3), (7, 2, 3), (64, 5, 4)):
    got, right = conv_size(n, k, s, 0), len(range(0, n - k + 1, s))
    assert got == right, (
        f"{n} pixels have {right} windows of {k} at stride {s}, not {got}. Pixels that are left over have no"
        " window"
    )
### END HIDDEN TESTS

# %% test=6.1b points=1
got = conv_size(8, 3, 1, 1)
assert got == 8, f"8 pixels with a zero at both ends have 8 windows of 3, not {got}"
### BEGIN HIDDEN TESTS
for n, k, s, p in ((8, 4, 2, 1), (7, 5, 2, 2), (10, 3, 3, 1), (4, 7, 1, 3)):
    got, right = conv_size(n, k, s, p), len(range(0, n + 2 * p - k + 1, s))
    assert got == right, (
        f"{n} pixels with {p} zeros at both ends have {right} windows of {k} at stride {s}, not {got}"
    )
### END HIDDEN TESTS

# %% test=6.1c points=1
got = transposed_size(4, 4, 2, 1)
assert got == 8, (
    f"4 windows of 4 at stride 2 cover 10 pixels; 1 is cut off at both ends, and 8 are left, not {got}"
)
### BEGIN HIDDEN TESTS
for n, k, s, p in ((4, 3, 2, 0), (5, 3, 1, 1), (3, 5, 3, 2), (6, 2, 4, 0), (1, 7, 2, 3)):
    got, right = transposed_size(n, k, s, p), len(range(p, s * n + k - s - p))
    assert got == right, (
        f"{n} windows of {k} at stride {s}, less {p} at both ends, leave {right} pixels, not {got}"
    )
### END HIDDEN TESTS

# %% [markdown]
# ## 6.2 im2col (4 points)
#
# Write `im2col(x, kh, kw, s, p)`: all windows of the pictures, as an array `(N, C, kh, kw, H', W')`, whose entry `[n, c, i, j, t, u]` is the pixel
# of picture $n$ and channel $c$ that the window at $(t, u)$ shows at the offset $(i, j)$.
#
# Lesson 09 used `sliding_window_view`. Here, pad the pictures and loop over the offsets $(i, j)$ of the *kernel*, not over places. There are few
# offsets and many places, and for one offset the pixels of all windows are one slice with step $s$.


# %% task=6.2
def im2col(x, kh, kw, s, p):
    """Return the windows (N, C, kh, kw, H', W') of pictures x (N, C, H, W)."""
    ### BEGIN SOLUTION
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    rows, columns = (x.shape[2] - kh) // s + 1, (x.shape[3] - kw) // s + 1
    windows = np.empty((*x.shape[:2], kh, kw, rows, columns))
    for i in range(kh):
        for j in range(kw):
            windows[:, :, i, j] = x[:, :, i : i + s * rows : s, j : j + s * columns : s]
    return windows
    ### END SOLUTION


# %% test=6.2a points=2
x = np.arange(1.0, 13).reshape(1, 1, 3, 4)
got = im2col(x, 2, 2, 1, 0)
assert got.shape == (1, 1, 2, 2, 2, 3), (
    f"a picture 3 x 4 has 2 x 3 windows of 2 x 2: the shape must be (1, 1, 2, 2, 2, 3), not {got.shape}"
)
assert (got[0, 0, :, :, 0, 0] == [[1, 2], [5, 6]]).all(), (
    f"the first window shows [[1, 2], [5, 6]], not {got[0, 0, :, :, 0, 0].tolist()}"
)
assert (got[0, 0, :, :, 1, 2] == [[7, 8], [11, 12]]).all(), (
    f"the last window shows [[7, 8], [11, 12]], not {got[0, 0, :, :, 1, 2].tolist()}"
)
### BEGIN HIDDEN TESTS
x = np.random.default_rng(0).standard_normal((2, 3, 5, 4))
got, right = (
    im2col(x, 3, 2, 1, 0),
    np.lib.stride_tricks.sliding_window_view(x, (3, 2), (2, 3)).transpose(0, 1, 4, 5, 2, 3),
)
assert got.shape == right.shape, (
    f"windows of 3 x 2 of x (2, 3, 5, 4) have shape {right.shape}, not {got.shape}: are kh and kw exchanged?"
)
assert np.array_equal(got, right), "windows of 3 rows and 2 columns show the wrong pixels"
### END HIDDEN TESTS

# %% test=6.2b points=1
x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
got = im2col(x, 1, 1, 2, 0)
assert got.shape == (1, 1, 1, 1, 2, 2), (
    f"3 x 3 pixels have 2 x 2 windows of 1 at stride 2: the shape must be (1, 1, 1, 1, 2, 2), not {got.shape}"
)
assert (got[0, 0, 0, 0] == [[1, 3], [7, 9]]).all(), (
    f"at stride 2 the windows show [[1, 3], [7, 9]], not {got[0, 0, 0, 0].tolist()}"
)
### BEGIN HIDDEN TESTS
for (H, W), (kh, kw), s in (((8, 6), (3, 2), 2), ((9, 10), (2, 3), 3)):
    x = np.random.default_rng(H).standard_normal((2, 2, H, W))
    right = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (2, 3))[:, :, ::s, ::s].transpose(
        0, 1, 4, 5, 2, 3
    )
    got = im2col(x, kh, kw, s, 0)
    assert got.shape == right.shape, (
        f"windows of {kh} x {kw} at stride {s} of x {x.shape} have shape {right.shape}, not {got.shape}"
    )
    assert np.array_equal(got, right), (
        f"at stride {s} the windows show wrong pixels. The stride moves the window; inside it, pixels are"
        " neighbours"
    )
### END HIDDEN TESTS

# %% test=6.2c points=1
x = np.ones((1, 1, 2, 2))
got = im2col(x, 3, 3, 1, 1)
assert got.shape == (1, 1, 3, 3, 2, 2), (
    f"2 x 2 pixels, padded to 4 x 4, have 2 x 2 windows of 3 x 3, shape (1, 1, 3, 3, 2, 2), not {got.shape}:"
    " zeros belong at both ends"
)
right = [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
assert (got[0, 0, :, :, 0, 0] == right).all(), (
    f"the first window shows {right}, not {got[0, 0, :, :, 0, 0].tolist()}: outside of the picture are zeros"
)
### BEGIN HIDDEN TESTS
x = np.random.default_rng(1).standard_normal((2, 3, 4, 5))
padded = np.zeros((2, 3, 8, 9))
padded[:, :, 2:6, 2:7] = x
got, right = (
    im2col(x, 2, 4, 1, 2),
    np.lib.stride_tricks.sliding_window_view(padded, (2, 4), (2, 3)).transpose(0, 1, 4, 5, 2, 3),
)
assert got.shape == right.shape and np.array_equal(got, right), (
    "with padding 2 the windows are wrong: rows and columns get p zeros at both ends, N and C none"
)
### END HIDDEN TESTS

# %% [markdown]
# ## 6.3 col2im (5 points)
#
# im2col copies pixels, so it is linear, and its transpose brings the windows back. Where windows overlap, a pixel was copied several times; so the
# transpose *adds* all its copies. `col2im(windows, shape, s, p)` takes windows `(N, C, kh, kw, H', W')` and returns pictures of `shape` $= (N, C, H, W)$:
#
# $$ x_{n,c,\;s t + i - p,\;s u + j - p} \mathrel{+}= \text{windows}_{n,c,i,j,t,u} $$
#
# What would land outside of the picture is dropped. A pixel that no window shows stays 0: $H$ and $W$ may have pixels left over. Again
# loop over the offsets of the kernel. First fill the padded picture, then cut the padding off. Padding may be 0.


# %% task=6.3
def col2im(windows, shape, s, p):
    """Return pictures of shape (N, C, H, W): windows (N, C, kh, kw, H', W') added up in their places."""
    ### BEGIN SOLUTION
    N, C, kh, kw, rows, columns = windows.shape
    H, W = shape[2:]
    x = np.zeros((N, C, H + 2 * p, W + 2 * p))
    for i in range(kh):
        for j in range(kw):
            x[:, :, i : i + s * rows : s, j : j + s * columns : s] += windows[:, :, i, j]
    return x[:, :, p : p + H, p : p + W]
    ### END SOLUTION


# %% test=6.3a points=1
windows = np.arange(1.0, 9).reshape(1, 1, 2, 2, 1, 2)  # two windows of 2 x 2, side by side at stride 2
got, right = col2im(windows, (1, 1, 2, 4), 2, 0), [[1, 3, 2, 4], [5, 7, 6, 8]]
assert got.shape == (1, 1, 2, 4), (
    f"the shape must be the one that was asked for, (1, 1, 2, 4), not {got.shape}. Note that x[:, :, p:-p] is"
    " empty for p = 0"
)
assert (got[0, 0] == right).all(), f"two windows side by side make {right}, not {got[0, 0].tolist()}"
### BEGIN HIDDEN TESTS
windows = np.random.default_rng(2).standard_normal((2, 3, 2, 3, 4, 2))
right = np.zeros((2, 3, 11, 6))
for t, u in np.ndindex(4, 2):
    right[:, :, 3 * t : 3 * t + 2, 3 * u : 3 * u + 3] = windows[:, :, :, :, t, u]
got = col2im(windows, (2, 3, 11, 6), 3, 0)
assert got.shape == right.shape and np.array_equal(got, right), (
    "windows of 2 x 3 at stride 3 meet nowhere, and they do not lie where they were cut out"
)
### END HIDDEN TESTS

# %% test=6.3b points=2
got, right = col2im(np.ones((1, 1, 1, 2, 1, 3)), (1, 1, 1, 4), 1, 0), [1, 2, 2, 1]
assert got.shape == (1, 1, 1, 4), f"the shape must be (1, 1, 1, 4), not {got.shape}"
assert (got[0, 0, 0] == right).all(), (
    f"three windows of two ones at stride 1 add up to {right}, not {got[0, 0, 0].tolist()}: where windows"
    " overlap, add (+=), do not overwrite"
)
### BEGIN HIDDEN TESTS
windows = np.random.default_rng(3).standard_normal((2, 2, 3, 2, 3, 4))
right = np.zeros((2, 2, 5, 5))
for t, u in np.ndindex(3, 4):
    right[:, :, t : t + 3, u : u + 2] += windows[:, :, :, :, t, u]
got = col2im(windows, (2, 2, 5, 5), 1, 0)
assert got.shape == right.shape and np.allclose(got, right), (
    "windows of 3 x 2 at stride 1 overlap, and their sum is wrong: every pixel adds up all its copies"
)
### END HIDDEN TESTS

# %% test=6.3c points=1
windows = np.arange(16.0).reshape(
    1, 1, 2, 2, 2, 2
)  # of each, one corner lies in the picture of 2 x 2, the rest on the padding
got = col2im(windows, (1, 1, 2, 2), 2, 1)
assert got.shape == (1, 1, 2, 2), (
    f"the padding must be cut off: the shape must be (1, 1, 2, 2), not {got.shape}"
)
assert (got[0, 0] == [[12, 9], [6, 3]]).all(), (
    f"the picture is the inner part of the padded one, [[12, 9], [6, 3]], not {got[0, 0].tolist()}"
)
### BEGIN HIDDEN TESTS
windows = np.random.default_rng(4).standard_normal((2, 3, 2, 2, 3, 4))
right = np.zeros((2, 3, 6, 8))
for t, u in np.ndindex(3, 4):
    right[:, :, 2 * t : 2 * t + 2, 2 * u : 2 * u + 2] = windows[:, :, :, :, t, u]
got, right = col2im(windows, (2, 3, 4, 6), 2, 1), right[:, :, 1:5, 1:7]
assert got.shape == right.shape, (
    f"the padding must be cut off: the shape must be {right.shape}, not {got.shape}"
)
assert np.array_equal(got, right), (
    "with padding 1 the picture begins one pixel after the first window does: cut p pixels off at the"
    " beginning, too"
)
### END HIDDEN TESTS

# %% test=6.3d points=1
got = col2im(np.ones((1, 1, 2, 2, 1, 1)), (1, 1, 3, 2), 2, 0)
assert got.shape == (1, 1, 3, 2), (
    f"the shape must be the one that was asked for, (1, 1, 3, 2), not {got.shape}: no window shows the third"
    " row, but it is there"
)
assert (got[0, 0] == [[1, 1], [1, 1], [0, 0]]).all(), (
    f"a pixel that no window shows stays 0: [[1, 1], [1, 1], [0, 0]], not {got[0, 0].tolist()}"
)
### BEGIN HIDDEN TESTS
got = col2im(np.full((2, 1, 3, 2, 2, 3), 2.0), (2, 1, 8, 11), 3, 0)
right = np.zeros((2, 1, 8, 11))
for u in range(3):
    right[:, :, :6, 3 * u : 3 * u + 2] = 2
assert got.shape == right.shape and np.array_equal(got, right), (
    "at stride 3, rows 6 and 7 and columns 8 to 10 are seen by no window: they stay 0"
)
### END HIDDEN TESTS

# %% [markdown]
# For the tasks that follow, the same two functions from tinygan, so that a mistake above costs nothing below: tinygan's convolution, with kernels that are
# 1 at one offset and 0 at all others. `cut_windows(x, kh, kw, s, p)` is `im2col`, `add_windows(windows, shape, s, p)` is `col2im`.


# %%
def cut_windows(x, kh, kw, s, p):
    """x (N, C, H, W) -> windows (N, C, kh, kw, H', W')."""
    one_each = np.eye(kh * kw).reshape(kh * kw, 1, kh, kw)
    y = ops.conv2d(x.reshape(-1, 1, *x.shape[2:]), one_each, stride=s, padding=p)
    return y.reshape(*x.shape[:2], kh, kw, *y.shape[2:])


def add_windows(windows, shape, s, p):
    """windows (N, C, kh, kw, H', W') -> x of shape (N, C, H, W)."""
    (kh, kw), (H, W) = windows.shape[2:4], shape[2:]
    fit, left_over = np.divmod((H + 2 * p - kh, W + 2 * p - kw), s)
    assert (*(fit + 1),) == windows.shape[4:], (
        f"pictures of {H} x {W} have {fit[0] + 1} x {fit[1] + 1} windows of {kh} x {kw} at stride {s} with"
        f" padding {p}; these are {windows.shape[4]} x {windows.shape[5]} windows"
    )
    one_each = np.eye(kh * kw).reshape(kh * kw, 1, kh, kw)
    y = windows.reshape(-1, kh * kw, *windows.shape[4:])
    return ops.conv_transpose2d(
        y, one_each, stride=s, padding=p, output_padding=tuple(left_over.tolist())
    ).reshape(shape)


# %% [markdown]
# ## 6.4 Convolution (5 points)
#
# `conv(x, w, b, s, p, groups)`: pictures `x (N, C, H, W)`, kernels `w (O, C/groups, kh, kw)`, bias `b (O,)` → `y (N, O, H', W')`. For `groups = 1`
#
# $$ y_{n,o,t,u} = b_o + \sum_{c,i,j} \text{windows}_{n,c,i,j,t,u}\; w_{o,c,i,j} $$
#
# With $G$ groups, the input channels are split into $G$ *blocks* of $C/G$ neighbours, the output channels into $G$ blocks of $O/G$, and block number $k$
# of the output sees block $k$ of the input only. With $C = 4$, $O = 6$, $G = 2$: outputs 0, 1, 2 see inputs 0, 1; outputs 3, 4, 5 see inputs 2, 3.
#
# Use `cut_windows` and `np.einsum`. Give the arrays an axis for the group: windows `(N, G, C/G, kh, kw, H', W')`, kernels `(G, O/G, C/G, kh, kw)`.


# %% task=6.4
def conv(x, w, b, s, p, groups):
    """Return y (N, O, H', W') of pictures x (N, C, H, W), kernels w (O, C/groups, kh, kw) and bias b (O,)."""
    ### BEGIN SOLUTION
    windows = cut_windows(x, *w.shape[2:], s, p)
    windows = windows.reshape(len(x), groups, -1, *windows.shape[2:])  # (N, G, C/G, kh, kw, H', W')
    y = np.einsum("ngcijtu,gocij->ngotu", windows, w.reshape(groups, -1, *w.shape[1:]))
    return y.reshape(len(x), len(w), *y.shape[3:]) + b[:, None, None]
    ### END SOLUTION


# %% test=6.4a points=2
x, w = np.arange(12.0).reshape(1, 1, 3, 4), np.array([[[[0.0, 0.0], [0.0, 1.0]]]])
got, right = conv(x, w, np.zeros(1), 1, 0, 1), x[:, :, 1:, 1:]
assert got.shape == right.shape, f"y has shape {got.shape}, it must be {right.shape}"
assert not np.array_equal(got, x[:, :, :-1, :-1]), (
    "a kernel that is 1 at its lower right picks the lower right pixel, not the upper left: the kernel is not"
    " turned round"
)
assert np.array_equal(got, right), (
    "a kernel that is 1 at its lower right and 0 elsewhere picks the lower right pixel of each window"
)
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5)
x, w = rng.standard_normal((2, 3, 5, 6)), rng.standard_normal((4, 3, 3, 2))
got, right = conv(x, w, np.zeros(4), 1, 0, 1), ops.conv2d(x, w)
turned = ops.conv2d(x, w[:, :, ::-1, ::-1].copy())
assert got.shape == right.shape, f"y has shape {got.shape}, it must be {right.shape}"
assert not np.allclose(got, turned), "the kernel is turned round. Lay it on the picture as it is"
assert np.allclose(got, right), (
    "with 3 channels in and 4 out the numbers are wrong: every output sums over all input channels and all"
    " offsets"
)
### END HIDDEN TESTS


# %% test=6.4b points=1
def check_bias(shape, w, s, p, seed):
    rng = np.random.default_rng(seed)
    x, b, w = (
        rng.standard_normal(shape),
        rng.standard_normal(len(w)),
        w + w[:, :, ::-1, ::-1],
    )  # the same when turned round
    got, right = conv(x, w, b, s, p, 1), ops.conv2d(x, w, b, stride=s, padding=p)
    assert got.shape == right.shape, (
        f"y has shape {got.shape}, it must be {right.shape} for stride {s} and padding {p}"
    )
    assert not np.allclose(got, right - b[:, None, None]), (
        "the bias is missing: b[o] is added at every place of output channel o"
    )
    assert np.allclose(got, right), f"with bias, stride {s} and padding {p} the numbers are wrong"


check_bias((2, 2, 6, 5), np.random.default_rng(0).standard_normal((3, 2, 3, 3)), 2, 1, 6)
### BEGIN HIDDEN TESTS
check_bias(
    (2, 1, 5, 5), np.random.default_rng(1).standard_normal((4, 1, 2, 2)), 1, 0, 7
)  # 4 channels and 4 columns: no error along the wrong axis
check_bias((1, 2, 8, 7), np.random.default_rng(2).standard_normal((2, 2, 2, 3)), 3, 2, 8)
### END HIDDEN TESTS


# %% test=6.4c points=2
def check_groups(C, O, G, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((2, C, 4, 5)), rng.standard_normal((O, C // G, 2, 3))
    w = w + w[:, :, ::-1, ::-1]
    got, right = conv(x, w, np.zeros(O), 1, 0, G), ops.conv2d(x, w, groups=G)
    assert got.shape == right.shape, f"y has shape {got.shape}, it must be {right.shape}"
    first = ops.conv2d(x[:, : C // G], w)
    assert not np.allclose(got, first), (
        "all outputs look at the first group of channels: each block of outputs has a block of inputs of"
        " its own"
    )
    wrong = [o for o in range(O) if not np.allclose(got[:, o], right[:, o])]
    assert not wrong, (
        f"{C} channels in, {O} out, {G} groups: the output channels {wrong} are wrong. A group is a block of"
        " neighbouring channels"
    )


check_groups(4, 6, 2, 9)
### BEGIN HIDDEN TESTS
check_groups(4, 4, 2, 10)
check_groups(6, 9, 3, 11)
check_groups(3, 3, 3, 12)  # every channel alone
### END HIDDEN TESTS

# %% [markdown]
# ## 6.5 Its gradients (6 points)
#
# `conv_backward(g, x, w, s, p, groups)` returns the gradients `dx, dw, db` of $\langle g, y \rangle$, for `g (N, O, H', W')`. Each has the shape of what it is the
# gradient of. From the equation above, for one group:
#
# $$ d\text{windows}_{n,c,i,j,t,u} = \sum_o g_{n,o,t,u}\, w_{o,c,i,j}, \qquad
# dw_{o,c,i,j} = \sum_{n,t,u} g_{n,o,t,u}\, \text{windows}_{n,c,i,j,t,u}, \qquad db_o = \sum_{n,t,u} g_{n,o,t,u} $$
#
# and `dx` is `add_windows` of the first. Groups as in 6.4; 4 of the 6 points need one group only.


# %% task=6.5
def conv_backward(g, x, w, s, p, groups):
    """Return dx (N, C, H, W), dw (O, C/groups, kh, kw), db (O,) for the gradient g (N, O, H', W') of y."""
    ### BEGIN SOLUTION
    windows = cut_windows(x, *w.shape[2:], s, p)
    grouped = windows.reshape(len(x), groups, -1, *windows.shape[2:])  # (N, G, C/G, kh, kw, H', W')
    kernels = w.reshape(groups, -1, *w.shape[1:])  # (G, O/G, C/G, kh, kw)
    h = g.reshape(len(x), groups, -1, *g.shape[2:])  # (N, G, O/G, H', W')
    dw = np.einsum("ngotu,ngcijtu->gocij", h, grouped).reshape(w.shape)
    dwindows = np.einsum("ngotu,gocij->ngcijtu", h, kernels).reshape(windows.shape)
    return add_windows(dwindows, x.shape, s, p), dw, g.sum((0, 2, 3))
    ### END SOLUTION


# %%
def conv_case(N, C, O, H, W, kh, kw, groups, seed):
    """Random x, w and b for the tests below."""
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((N, C, H, W)),
        rng.standard_normal((O, C // groups, kh, kw)),
        rng.standard_normal(O),
    )


# %% test=6.5a points=1
x, w, b = conv_case(2, 2, 3, 5, 6, 3, 2, 1, 13)
assert_gradients(
    (lambda x: ops.conv2d(x, w, b, stride=2, padding=1), lambda g, x: conv_backward(g, x, w, 2, 1, 1)[0]), x
)
### BEGIN HIDDEN TESTS
x, w, b = conv_case(2, 3, 2, 6, 6, 2, 2, 1, 14)
assert_gradients(
    (lambda x: ops.conv2d(x, w, b, stride=1), lambda g, x: conv_backward(g, x, w, 1, 0, 1)[0]), x
)
### END HIDDEN TESTS

# %% test=6.5b points=2
x, w, b = conv_case(2, 2, 3, 5, 6, 3, 2, 1, 15)
assert_gradients(
    (lambda w: ops.conv2d(x, w, b, stride=2, padding=1), lambda g, w: conv_backward(g, x, w, 2, 1, 1)[1]), w
)
### BEGIN HIDDEN TESTS
x, w, b = conv_case(3, 3, 3, 6, 5, 3, 3, 1, 16)
assert_gradients(
    (lambda w: ops.conv2d(x, w, b, padding=2), lambda g, w: conv_backward(g, x, w, 1, 2, 1)[1]), w
)
### END HIDDEN TESTS

# %% test=6.5c points=1
x, w, b = conv_case(2, 2, 3, 5, 6, 3, 2, 1, 17)
assert_gradients(
    (lambda b: ops.conv2d(x, w, b, stride=2, padding=1), lambda g, b: conv_backward(g, x, w, 2, 1, 1)[2]), b
)


# %% test=6.5d points=2
def check_grouped(C, O, G, seed):
    x, w, b = conv_case(2, C, O, 4, 5, 2, 3, G, seed)
    forward = lambda x, w: ops.conv2d(x, w, b, stride=1, padding=1, groups=G)
    assert_gradients((forward, lambda g, x, w: conv_backward(g, x, w, 1, 1, G)[:2]), x, w)


check_grouped(4, 6, 2, 18)
### BEGIN HIDDEN TESTS
check_grouped(4, 4, 2, 19)
check_grouped(3, 6, 3, 20)
### END HIDDEN TESTS

# %% [markdown]
# ## 6.6 Transposed convolution (6 points)
#
# `conv_transpose(y, w, s, p)` enlarges pictures: `y (N, O, h, w')` and kernels `w (O, C, kh, kw)` → `x (N, C, H, W)`, with $H = s\,(h - 1) + kh - 2p$, and $W$ from
# $w'$ and $kw$ likewise. It is what `conv` with the same kernels does to a gradient, the vjp for its pictures: for any $x$ and $y$, without bias,
#
# $$ \langle y,\; \operatorname{conv}(x, w) \rangle = \langle \operatorname{conv\_transpose}(y, w),\; x \rangle $$
#
# Every pixel of `y` adds its multiple of the kernels, at steps of $s$; then $p$ pixels are cut off at all ends. (Note that `w` has the channels of `y` first.)
#
# `conv_transpose_backward(g, y, w, s, p)` returns `dy, dw` for `g (N, C, H, W)`. Both are sums over windows of `g`: look at the two sides of the equation, and at the
# triangle of lesson 09. `cut_windows` and `add_windows` may be used.


# %% task=6.6
def conv_transpose(y, w, s, p):
    """Return x (N, C, H, W) of y (N, O, h, w') and kernels w (O, C, kh, kw)."""
    ### BEGIN SOLUTION
    windows = np.einsum("notu,ocij->ncijtu", y, w)
    H, W = (s * (n - 1) + k - 2 * p for n, k in zip(y.shape[2:], w.shape[2:]))
    return add_windows(windows, (len(y), w.shape[1], H, W), s, p)
    ### END SOLUTION


def conv_transpose_backward(g, y, w, s, p):
    """Return dy (N, O, h, w') and dw (O, C, kh, kw) for the gradient g (N, C, H, W) of x."""
    ### BEGIN SOLUTION
    seen = cut_windows(g, *w.shape[2:], s, p)  # (N, C, kh, kw, h, w')
    return np.einsum("ncijtu,ocij->notu", seen, w), np.einsum("ncijtu,notu->ocij", seen, y)
    ### END SOLUTION


# %% test=6.6a points=2
y, w = np.array([[[[1.0, 10.0]]]]), np.array([[[[1.0, 2.0, 3.0]]]])
got, right = conv_transpose(y, w, 1, 0), [1, 12, 23, 30]
assert got.shape == (1, 1, 1, 4), (
    f"2 pixels and a kernel of 3 at stride 1 make 4 pixels: shape (1, 1, 1, 4), not {got.shape}"
)
assert (got[0, 0, 0] == right).all(), (
    f"1 · (1, 2, 3), and one to the right 10 · (1, 2, 3), add up to {right}, not {got[0, 0, 0].tolist()}"
)
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(21)
for O, C in ((3, 2), (2, 2)):
    y, w = rng.standard_normal((2, O, 3, 4)), rng.standard_normal((O, C, 2, 3))
    got, right = conv_transpose(y, w, 1, 0), ops.conv_transpose2d(y, w)
    assert got.shape == right.shape, f"x has shape {got.shape}, it must be {right.shape}"
    assert not np.allclose(got, ops.conv_transpose2d(y, w[:, :, ::-1, ::-1].copy())), (
        "the kernel is turned round: each pixel of y adds the kernel as it is"
    )
    assert np.allclose(got, right), (
        f"{O} channels to {C}: the numbers are wrong. Every pixel and channel of y adds its multiple of w[o]"
    )
### END HIDDEN TESTS

# %% test=6.6b points=1
got, right = conv_transpose(np.ones((1, 1, 1, 3)), np.ones((1, 1, 1, 2)), 3, 0), [1, 1, 0, 1, 1, 0, 1, 1]
assert got.shape == (1, 1, 1, 8), (
    f"3 pixels, a kernel of 2 at stride 3 make 8 pixels: shape (1, 1, 1, 8), not {got.shape}"
)
assert (got[0, 0, 0] == right).all(), (
    f"at stride 3 the kernels lie 3 apart: {right}, not {got[0, 0, 0].tolist()}"
)
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(22)
for s, p, kernel in ((2, 1, (4, 4)), (3, 0, (2, 3)), (1, 1, (3, 3)), (2, 2, (5, 6))):
    y, w = rng.standard_normal((2, 2, 3, 4)), rng.standard_normal((2, 3, *kernel))
    w = w + w[:, :, ::-1, ::-1]
    got, right = conv_transpose(y, w, s, p), ops.conv_transpose2d(y, w, stride=s, padding=p)
    assert got.shape == right.shape, (
        f"kernel {kernel}, stride {s}, padding {p}: x has shape {got.shape}, it must be {right.shape}"
    )
    assert np.allclose(got, right), f"kernel {kernel}, stride {s}, padding {p}: the numbers are wrong"
### END HIDDEN TESTS

# %% test=6.6c points=1
rng = np.random.default_rng(23)
y, w = rng.standard_normal((2, 3, 3, 2)), rng.standard_normal((3, 2, 4, 3))
assert_gradients(
    (
        lambda y: ops.conv_transpose2d(y, w, stride=2, padding=1),
        lambda g, y: conv_transpose_backward(g, y, w, 2, 1)[0],
    ),
    y,
)
### BEGIN HIDDEN TESTS
y, w = rng.standard_normal((2, 2, 3, 3)), rng.standard_normal((2, 2, 3, 3))
assert_gradients(
    (lambda y: ops.conv_transpose2d(y, w), lambda g, y: conv_transpose_backward(g, y, w, 1, 0)[0]), y
)
### END HIDDEN TESTS

# %% test=6.6d points=2
rng = np.random.default_rng(24)
y, w = rng.standard_normal((2, 3, 3, 2)), rng.standard_normal((3, 2, 4, 3))
assert_gradients(
    (
        lambda w: ops.conv_transpose2d(y, w, stride=2, padding=1),
        lambda g, w: conv_transpose_backward(g, y, w, 2, 1)[1],
    ),
    w,
)
### BEGIN HIDDEN TESTS
y, w = rng.standard_normal((2, 2, 3, 3)), rng.standard_normal((2, 2, 3, 3))
assert_gradients(
    (lambda w: ops.conv_transpose2d(y, w), lambda g, w: conv_transpose_backward(g, y, w, 1, 0)[1]), w
)
### END HIDDEN TESTS
