"""Layers by hand in the two styles that courses use most. What is here was written for these tests.

Functions with a cache, as CS231n's assignments ask for them: `forward(x, w, b) -> (out, cache)` and `backward(dout, cache)`.
Classes as numpy-ml has them: an object keeps its inputs in a list, parameters and gradients in dictionaries, and makes
its parameters when it first sees how wide the input is.
"""

import numpy as np

# --- functions with a cache ------------------------------------------------------------------------------------------


def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(0)


def conv_forward(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,fcij->nfhw", windows, w) + b[:, None, None], (windows, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    windows, (n, c, height, width), w, stride, pad = cache
    dx = np.zeros((n, c, height + 2 * pad, width + 2 * pad))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = np.s_[:, :, i * stride : i * stride + w.shape[2], j * stride : j * stride + w.shape[3]]
            dx[window] += np.einsum("nf,fcij->ncij", dout[:, :, i, j], w)
    inner = np.s_[:, :, pad : pad + height, pad : pad + width]
    return dx[inner], np.einsum("nchwij,nfhw->fcij", windows, dout), dout.sum((0, 2, 3))


def batchnorm_forward(x, gamma, beta, bn_param):
    if bn_param["mode"] == "test":
        mean, deviation = bn_param["running_mean"], np.sqrt(bn_param["running_var"] + 1e-5)
    else:
        mean, deviation = x.mean(0), np.sqrt(x.var(0) + 1e-5)
        bn_param["running_mean"] = 0.9 * bn_param.get("running_mean", 0) + 0.1 * mean
        bn_param["running_var"] = 0.9 * bn_param.get("running_var", 0) + 0.1 * x.var(0)
    normal = (x - mean) / deviation
    return gamma * normal + beta, (normal, deviation, gamma, bn_param["mode"])


def batchnorm_backward(dout, cache):
    normal, deviation, gamma, mode = cache
    d = dout * gamma
    if mode == "train":
        d = d - d.mean(0) - normal * (d * normal).mean(0)
    return d / deviation, (dout * normal).sum(0), dout.sum(0)


def groupnorm_forward(x, gamma, beta, groups, gn_param):
    parts = x.reshape(len(x), groups, -1)
    deviation = np.sqrt(parts.var(2, keepdims=True) + gn_param.get("eps", 1e-5))
    normal = (parts - parts.mean(2, keepdims=True)) / deviation
    return gamma * normal.reshape(x.shape) + beta, (normal, deviation, gamma, x.shape)


def groupnorm_backward(dout, cache):
    normal, deviation, gamma, shape = cache
    d = (dout * gamma).reshape(normal.shape)
    dx = (d - d.mean(2, keepdims=True) - normal * (d * normal).mean(2, keepdims=True)) / deviation
    of_channels = lambda a: a.sum((0, 2, 3), keepdims=True)
    return dx.reshape(shape), of_channels(dout * normal.reshape(shape)), of_channels(dout)


def dropout_forward(x, dropout_param):
    rng = np.random.default_rng(dropout_param.get("seed"))
    mask = (rng.random(x.shape) < dropout_param["p"]) / dropout_param["p"]
    return x * mask, (dropout_param, mask)


def dropout_backward(dout, cache):
    return dout * cache[1]


def softmax_loss(x, y):
    """The loss, and at once its gradient: there is no backward function."""
    p = np.exp(x - x.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    rows = np.arange(len(x))
    dx = p.copy()
    dx[rows, y] -= 1
    return -np.log(p[rows, y]).mean(), dx / len(x)


def rnn_step_forward(x, prev_h, wx, wh, b):
    h = np.tanh(x @ wx + prev_h @ wh + b)
    return h, (x, prev_h, wx, wh, h)


def rnn_step_backward(dh, cache):
    x, prev_h, wx, wh, h = cache
    d = dh * (1 - h * h)
    return d @ wx.T, d @ wh.T, x.T @ d, prev_h.T @ d, d.sum(0)


def rnn_forward(x, h0, wx, wh, b):
    h, states, caches = h0, [], []
    for t in range(x.shape[1]):
        h, cache = rnn_step_forward(x[:, t], h, wx, wh, b)
        states.append(h)
        caches.append(cache)
    return np.stack(states, 1), caches


def rnn_backward(dh, caches):
    dx, carried, sums = [], 0, 0
    for t, cache in reversed(list(enumerate(caches))):
        dx_t, carried, *of_weights = rnn_step_backward(dh[:, t] + carried, cache)
        dx.insert(0, dx_t)
        sums = of_weights if sums == 0 else [a + b for a, b in zip(sums, of_weights)]
    return np.stack(dx, 1), carried, *sums


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step_forward(x, prev_h, prev_c, wx, wh, b):
    i, f, o, g = np.split(x @ wx + prev_h @ wh + b, 4, 1)  # this course has another order of gates than PyTorch
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    c = f * prev_c + i * g
    return o * np.tanh(c), c, (x, prev_h, prev_c, wx, wh, i, f, o, g, c)


def lstm_step_backward(dh, dc, cache):
    x, prev_h, prev_c, wx, wh, i, f, o, g, c = cache
    dc = dc + dh * o * (1 - np.tanh(c) ** 2)
    slopes = dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dh * np.tanh(c) * o * (1 - o), dc * i * (1 - g * g)
    d = np.concatenate(slopes, 1)
    return d @ wx.T, d @ wh.T, dc * f, x.T @ d, prev_h.T @ d, d.sum(0)


# --- classes that keep state -------------------------------------------------------------------------------------------


class Tanh:
    """An activation: a function and its slope, no backward pass."""

    def fn(self, z):
        return np.tanh(z)

    def grad(self, z):
        return 1 - np.tanh(z) ** 2


class Layer:
    def __init__(self):
        self.X, self.parameters, self.gradients = [], {}, {}

    def flush_gradients(self):
        self.X = []
        for name, gradient in self.gradients.items():
            self.gradients[name] = np.zeros_like(gradient)

    def backward(self, dLdy, retain_grads=True):
        of_each = [dLdy] if not isinstance(dLdy, list) else dLdy
        dX = [self._backward(dy, x, retain_grads) for dy, x in zip(of_each, self.X)]
        return dX[0] if len(self.X) == 1 else dX


class FullyConnected(Layer):
    def __init__(self, n_out, act_fn):
        super().__init__()
        self.n_out, self.act_fn, self.parameters = n_out, act_fn, {"W": None, "b": None}

    def forward(self, X, retain_derived=True):
        if self.parameters["W"] is None:
            W = np.random.default_rng().standard_normal((X.shape[1], self.n_out))
            self.parameters = {"W": W, "b": np.zeros((1, self.n_out))}
            self.gradients = {name: np.zeros_like(p) for name, p in self.parameters.items()}
        if retain_derived:
            self.X.append(X)
        return self.act_fn.fn(X @ self.parameters["W"] + self.parameters["b"])

    def _backward(self, dy, X, retain_grads):
        dZ = dy * self.act_fn.grad(X @ self.parameters["W"] + self.parameters["b"])
        if retain_grads:
            self.gradients["W"] += X.T @ dZ
            self.gradients["b"] += dZ.sum(0, keepdims=True)
        return dZ @ self.parameters["W"].T


class Multiply(Layer):
    """The product of a list of arrays."""

    def forward(self, X, retain_derived=True):
        self.X.append(X)
        return np.prod(X, axis=0)

    def _backward(self, dy, X, retain_grads):
        return [dy * np.prod([x for j, x in enumerate(X) if j != i], axis=0) for i in range(len(X))]


class CountingNorm(Layer):
    """Batch normalisation with a running mean among its parameters, which has no gradient."""

    def __init__(self, size):
        super().__init__()
        self.parameters = {"scale": np.linspace(1, 2, size), "running_mean": np.zeros(size)}
        self.gradients = {"scale": np.zeros(size)}

    def forward(self, X, retain_derived=True):
        self.parameters["running_mean"] = 0.9 * self.parameters["running_mean"] + 0.1 * X.mean(0)
        self.X.append(X)
        return self.parameters["scale"] * (X - X.mean(0))

    def _backward(self, dy, X, retain_grads):
        self.gradients["scale"] += (dy * (X - X.mean(0))).sum(0)
        return (dy - dy.mean(0)) * self.parameters["scale"]


class Cell:
    """A step of a recurrent network with two outputs; `params` and `grads` are this author's names."""

    def __init__(self, size):
        self.params = {"w": np.linspace(-1, 1, size * size).reshape(size, size)}
        self.grads = {}

    def forward(self, x, h):
        self.x, self.h = x, h
        self.new = np.tanh(x + h @ self.params["w"])
        return self.new, self.new * x

    def backward(self, dh, dy):
        d = (dh + dy * self.x) * (1 - self.new**2)
        self.grads["w"] = self.grads.get("w", 0) + self.h.T @ d
        return d + dy * self.new, d @ self.params["w"].T
