"""Mistakes planted in the solution of assignment 3: (name, old text, new text, the tests that fail)."""

# old texts of several lines, or of several mistakes
MOMENTUM = """\
            v *= self.mu
            v += g
            p -= self.lr * v"""
RMSPROP = """\
            s *= self.alpha
            s += (1 - self.alpha) * g**2
            p -= self.lr * g / (np.sqrt(s) + self.eps)"""
CORRECTED = """\
            m_hat = self.m[k] / (1 - beta1**self.t)
            s_hat = self.s[k] / (1 - beta2**self.t)"""
LENGTH = "np.sqrt(sum((g**2).sum() for g in grads))"
FACTOR = "limit / length if length > limit else 1.0"
LIMITED = "return [factor * g for g in grads], length"
AVERAGED = "            self.averages[k] = self.decay * self.averages[k] + (1 - self.decay) * p"

MISTAKES = [
    ("momentum: state shared between parameters", "self.v = [np.zeros_like(p) for p in params]",
     "self.v = [np.zeros_like(params[0])] * len(params)", ["3.1b"]),
    ("momentum: the same state kept for shapes that are alike", "self.v = [np.zeros_like(p) for p in params]",
     "made = {p.shape: np.zeros_like(p) for p in params}; self.v = [made[p.shape] for p in params]", ["3.1b"]),
    ("momentum: 1 - mu before g", "v += g\n", "v += (1 - self.mu) * g\n", ["3.1a"]),
    ("momentum: Nesterov's, which was not asked for", "p -= self.lr * v", "p -= self.lr * (g + self.mu * v)", ["3.1a"]),
    ("momentum: uphill", "p -= self.lr * v", "p += self.lr * v", ["3.1a"]),
    ("momentum: the parameter moves before v", MOMENTUM,
     "            p -= self.lr * v\n            v *= self.mu\n            v += g", ["3.1a"]),
    ("momentum: the caller's gradient becomes v", MOMENTUM,
     "            g += self.mu * v\n            v[...] = g\n            p -= self.lr * v", ["3.1c"]),
    ("momentum: v is the caller's array in the first step",
     "        for p, v, g in zip(self.params, self.v, grads):\n            v *= self.mu\n            v += g\n",
     "        self.v = [self.mu * v + g if v.any() else g for v, g in zip(self.v, grads)]\n"
     "        for p, v in zip(self.params, self.v):\n",
     ["3.1c"]),
    ("momentum: a new array in the place of the old one", "p -= self.lr * v", "p = p - self.lr * v", ["3.1a", "3.1b"]),
    ("RMSprop: epsilon under the root", "(np.sqrt(s) + self.eps)", "np.sqrt(s + self.eps)", ["3.2b"]),
    ("RMSprop: epsilon is forgotten", "(np.sqrt(s) + self.eps)", "np.sqrt(s)", ["3.2b"]),
    ("RMSprop: the root is forgotten", "(np.sqrt(s) + self.eps)", "(s + self.eps)", ["3.2a", "3.2b"]),
    ("RMSprop: alpha and 1 - alpha exchanged", "            s *= self.alpha\n            s += (1 - self.alpha) * g**2",
     "            s *= 1 - self.alpha\n            s += self.alpha * g**2", ["3.2a"]),
    ("RMSprop: the sum of all squares", "s += (1 - self.alpha) * g**2", "s += g**2", ["3.2a", "3.2b"]),
    ("RMSprop: divided before s is renewed",
     RMSPROP,
     "\n".join(RMSPROP.split("\n")[k] for k in (2, 0, 1)),
     ["3.2a"]),
    ("RMSprop: one s for a whole array", "s += (1 - self.alpha) * g**2", "s += (1 - self.alpha) * (g**2).mean()",
     ["3.2a", "3.2b"]),
    ("RMSprop: state shared between parameters", "self.s = [np.zeros_like(p) for p in self.params]",
     "self.s = [np.zeros_like(params[0])] * len(params)", ["3.2c"]),
    ("Adam: no bias correction", CORRECTED,
     "            m_hat, s_hat = self.m[k], self.s[k]", ["3.3a"]),
    ("Adam: no correction of s", "s_hat = self.s[k] / (1 - beta2**self.t)", "s_hat = self.s[k]", ["3.3a"]),
    ("Adam: one beta corrects both", "s_hat = self.s[k] / (1 - beta2**self.t)", "s_hat = self.s[k] / (1 - beta1**self.t)",
     ["3.3a"]),
    ("Adam: the correction is always the first step's", "s_hat = self.s[k] / (1 - beta2**self.t)",
     "s_hat = self.s[k] / (1 - beta2)", ["3.3a", "3.3b", "3.3c"]),
    ("Adam: the corrected average is kept", "m_hat = self.m[k] / (1 - beta1**self.t)",
     "m_hat = self.m[k] = self.m[k] / (1 - beta1**self.t)", ["3.3a"]),
    ("Adam: t is counted from 0", "self.t, self.m, self.s = 0,", "self.t, self.m, self.s = -1,",
     ["3.3a", "3.3b", "3.3c", "3.3d"]),
    ("Adam: t is counted for each parameter", "            m_hat =",
     "            self.t += k > 0\n            m_hat =", ["3.3d"]),
    ("Adam: state shared between parameters", "for k, (p, g) in enumerate(zip(self.params, grads)):",
     "for k, p, g in ((0, p, g) for p, g in zip(self.params, grads)):", ["3.3d"]),
    ("Adam: epsilon under the root", "(np.sqrt(s_hat) + self.eps)", "np.sqrt(s_hat + self.eps)", ["3.3b"]),
    ("Adam: epsilon before the correction", "(np.sqrt(s_hat) + self.eps)",
     "(np.sqrt(s_hat) + self.eps / np.sqrt(1 - beta2**self.t))", ["3.3a"]),
    ("Adam: m is the sum", "beta1 * self.m[k] + (1 - beta1) * g", "beta1 * self.m[k] + g", ["3.3a", "3.3b", "3.3c"]),
    ("Adam: s of the average, not of g", "(1 - beta2) * g**2", "(1 - beta2) * self.m[k] ** 2", ["3.3a", "3.3c"]),
    ("Adam: beta1 and beta2 exchanged", "beta1, beta2 = self.betas", "beta2, beta1 = self.betas", ["3.3a", "3.3c"]),
    ("decay in the wrong place: added to the gradient",
     "            p.data = (1 - optimizer.lr * decay) * p.data\n    optimizer.step(grads)",
     "            pass\n    optimizer.step([g + decay * p.data * (p.ndim >= 2) for p, g in zip(optimizer.params, grads)])",
     ["3.4a", "3.4b"]),
    ("decay: after the step, of the new weight", "    for p in optimizer.params:\n        if p.ndim >= 2:",
     "    optimizer.step(grads)\n    grads = [0 * g for g in grads]\n    before = {id(p): p.data for p in optimizer.params}\n"
     "    for p in optimizer.params:\n        if p.ndim >= 2:", ["3.4b"]),
    ("decay: without the learning rate", "(1 - optimizer.lr * decay)", "(1 - decay)", ["3.4a", "3.4b"]),
    ("decay: weights grow", "(1 - optimizer.lr * decay)", "(1 + optimizer.lr * decay)", ["3.4a", "3.4b"]),
    ("decay: biases as well", "if p.ndim >= 2:", "if True:", ["3.4c"]),
    ("decay: of matrices only, not of filters", "if p.ndim >= 2:", "if p.ndim == 2:", ["3.4a"]),
    ("limit: a length for each gradient", LIMITED,
     "return [g * min(1, limit / np.sqrt((g**2).sum() + 1e-30)) for g in grads], length", ["3.5b"]),
    ("limit: the root is forgotten", LENGTH, "sum((g**2).sum() for g in grads)",
     ["3.5a", "3.5b"]),
    ("limit: the sum of the lengths", LENGTH, "sum(np.sqrt((g**2).sum()) for g in grads)",
     ["3.5a", "3.5b"]),
    ("limit: the numbers of the visible test", LIMITED, "return [g / 5 for g in grads], 5.0", ["3.5a", "3.5b", "3.5c"]),
    ("limit: the length after limiting", LIMITED,
     "return [factor * g for g in grads], factor * length", ["3.5a"]),
    ("limit: each element cut off", LIMITED,
     "return [np.clip(g, -limit, limit) for g in grads], length", ["3.5b"]),
    ("limit: short gradients made longer", FACTOR, "limit / max(length, 1e-30)", ["3.5c"]),
    ("limit: short gradients made longer, and 0 / 0", FACTOR, "limit / length", ["3.5c"]),
    ("limit: the caller's gradients changed", LIMITED,
     "return [np.multiply(factor, g, out=g) if g.ndim else factor * g for g in grads], length", ["3.5c"]),
    ("average: the weights exchanged", "self.decay * self.averages[k] + (1 - self.decay) * p",
     "(1 - self.decay) * self.averages[k] + self.decay * p", ["3.6a"]),
    ("average: begins at 0", "self.averages = [p.copy() for p in params]",
     "self.averages = [0 * p for p in params]", ["3.6a"]),
    ("average: not a copy", "self.averages = [p.copy() for p in params]", "self.averages = list(params)", ["3.6a", "3.6b"]),
    ("average: the parameters are renewed, not the averages",
     AVERAGED,
     AVERAGED + "\n            p[...] = self.averages[k]",
     ["3.6b"]),
]  # fmt: skip
