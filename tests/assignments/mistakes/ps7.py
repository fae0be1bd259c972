"""Mistakes that students make in assignment 7: (what it is, right text, wrong text, the tests that it must cost)."""

READ = """\
    h = c = np.zeros((len(x), U.shape[1]))
    states = []
    for t in range(x.shape[1]):
        h, c = step(x[:, t], h, c, W, U, b)
        states.append(h)
    return np.stack(states, axis=1)
"""
READ_SWAPPED = """\
    h = c = np.zeros((x.shape[1], U.shape[1]))
    states = []
    for t in range(len(x)):
        h, c = step(x[t], h, c, W, U, b)
        states.append(h)
    return np.stack(states, axis=0)
"""
CONCATENATED = "[di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)]"
STEP_BACK = "dx[:, t], dh, dc, *of_weights = step_backward(g[:, t] + dh, dc, x[:, t], *before[t], W, U, b)"
POOLED = "ops.cat([ops.mean(states, 0), ops.amax(states, 0)], 1)"

SIGNS = "-D(real))) - ops.mean(ops.logsigmoid(D(fake.detach("

MISTAKES = [
    # 7.1 one step
    ("gate order i, f, o, g", "i, f, g, o = np.split(", "i, f, o, g = np.split(", ["7.1a"]),
    ("gate order f, i, g, o", "i, f, g, o = np.split(", "f, i, g, o = np.split(", ["7.1a"]),
    ("tanh of c' is missing", "return sigmoid(o) * np.tanh(c), c", "return sigmoid(o) * c, c", ["7.1b"]),
    ("the candidate has a sigmoid", "sigmoid(i) * np.tanh(g)\n", "sigmoid(i) * sigmoid(g)\n", ["7.1a", "7.1b"]),
    ("old c is thrown away", "c = sigmoid(f) * c + sigmoid(i)", "c = sigmoid(i)", ["7.1a", "7.1b"]),
    # 7.2 one step backward
    ("carry of dc is lost", "da @ U, ds * f,", "da @ U, 0 * c,", ["7.2b"]),
    ("dc is carried past the forget gate", "da @ U, ds * f,", "da @ U, ds,", ["7.2b"]),
    ("dc hears nothing of h'", "da @ U, ds * f,", "da @ U, dc * f,", ["7.2b"]),
    ("dc of the next step is lost", "ds = dc + dh * o", "ds = dh * o", ["7.2c"]),
    (
        "gradients in another gate order",
        CONCATENATED,
        CONCATENATED.replace("di * i * (1 - i), df * f * (1 - f)", "df * f * (1 - f), di * i * (1 - i)"),
        ["7.2a", "7.2c"],
    ),
    ("slope of tanh(c') is missing", "dh * o * (1 - squashed**2)", "dh * o", ["7.2a", "7.2b"]),
    ("slope of the output gate is missing", "do * o * (1 - o)]", "do]", ["7.2a"]),
    # 7.3 a sequence
    ("time and batch are swapped", READ, READ_SWAPPED, ["7.3a", "7.3b"]),
    ("c is not carried forward", READ, READ.replace("h, c = step(", "h, _ = step("), ["7.3b"]),
    ("carry of dc is lost", STEP_BACK, STEP_BACK.replace("dh, dc, *", "dh, _, *"), ["7.3e"]),
    ("carry of dh is lost", STEP_BACK, STEP_BACK.replace("g[:, t] + dh", "g[:, t]"), ["7.3d"]),
    (
        "weights get the last step alone",
        "            total += one\n    return dx",
        "            total[...] = one\n    return dx",
        ["7.3c"],
    ),
    ("backward walks forward", "reversed(range(x.shape[1]))", "range(x.shape[1])", ["7.3d", "7.3e"]),
    (
        "g of the last state alone",
        STEP_BACK,
        STEP_BACK.replace("g[:, t] + dh", "g[:, t] * (t == len(before) - 1) + dh"),
        ["7.3c", "7.3d", "7.3e"],
    ),
    # 7.4 a gate that begins open
    (
        "forget bias in the block of g",
        "slice(lstm.hidden_size, 2 * lstm.hidden_size)",
        "slice(2 * lstm.hidden_size, 3 * lstm.hidden_size)",
        ["7.4a"],
    ),
    (
        "forget bias in the block of i",
        "slice(lstm.hidden_size, 2 * lstm.hidden_size)",
        "slice(lstm.hidden_size)",
        ["7.4a"],
    ),
    (
        "both biases have the amount",
        'bias_hh_l{layer}").data[forget] = 0',
        'bias_hh_l{layer}").data[forget] = amount',
        ["7.4b"],
    ),
    (
        "the other bias keeps its values",
        'bias_hh_l{layer}").data[forget] = 0',
        'bias_hh_l{layer}").data[forget] += 0',
        ["7.4b"],
    ),
    ("only the first layer", "for layer in range(lstm.num_layers):", "for layer in range(1):", ["7.4b"]),
    # 7.5 noise and writer
    (
        "z drawn anew at each step",
        "rng.standard_normal((n, 1, once)).repeat(T, 1)",
        "rng.standard_normal((n, T, once))",
        ["7.5a"],
    ),
    (
        "one z for the batch",
        "rng.standard_normal((n, 1, once)).repeat(T, 1)",
        "np.tile(rng.standard_normal(once), (n, T, 1))",
        ["7.5a"],
    ),
    (
        "time and batch of z are swapped",
        "rng.standard_normal((n, 1, once)).repeat(T, 1)",
        "rng.standard_normal((1, T, once)).repeat(n, 0)",
        ["7.5a"],
    ),
    (
        "e held over the sequence",
        "e = rng.standard_normal((n, T, each))",
        "e = rng.standard_normal((n, 1, each)).repeat(T, 1)",
        ["7.5b"],
    ),
    ("e is uniform", "e = rng.standard_normal((n, T, each))", "e = rng.random((n, T, each))", ["7.5b"]),
    (
        "the row is not read",
        "step(np.concatenate([x, noise[:, t]], axis=1)",
        "step(np.concatenate([0 * x, noise[:, t]], axis=1)",
        ["7.5c"],
    ),
    (
        "noise before the row",
        "step(np.concatenate([x, noise[:, t]], axis=1)",
        "step(np.concatenate([noise[:, t], x], axis=1)",
        ["7.5c"],
    ),
    # 7.6 the gradient of what was written
    ("gradient of the reading step is lost", "dp = (g[:, t] + dx) *", "dp = g[:, t] *", ["7.6b"]),
    ("carry of dc is lost", "d_given, dh, dc, *of_weights", "d_given, dh, _, *of_weights", ["7.6c"]),
    ("carry of dh is lost", "step_backward(dp @ A + dh, dc,", "step_backward(dp @ A, dc,", ["7.6c"]),
    ("the pen gets the last step alone", "dA += dp.T @ new_h", "dA = dp.T @ new_h", ["7.6a"]),
    ("the pen reads the old h", "dA += dp.T @ new_h", "dA += dp.T @ h", ["7.6a"]),
    (
        "slope of the pen's tanh is missing",
        "dp = (g[:, t] + dx) * (1 - rows[:, t] ** 2)",
        "dp = g[:, t] + dx",
        ["7.6a", "7.6b", "7.6c"],
    ),
    # 7.7 the game
    ("verdict of the last state alone", POOLED, "ops.cat([states[-1], states[-1]], 1)", ["7.7a"]),
    ("time and batch are swapped for the LSTM", "lstm(ops.transpose(x, 0, 1))", "lstm(x)", ["7.7a", "7.7d"]),
    ("D makes no step", "optimizer.step(grad(loss, D.", "list(grad(loss, D.", ["7.7b", "7.7d"]),
    (
        "real and fake are exchanged for D",
        "D(real))) - ops.mean(ops.logsigmoid(-D(fake.detach(",
        SIGNS,
        ["7.7b", "7.7d"],
    ),
    (
        "G runs away from D's verdict",
        "loss = -ops.mean(ops.logsigmoid(D(fake)))",
        "loss = ops.mean(ops.logsigmoid(D(fake)))",
        ["7.7c", "7.7d"],
    ),
    (
        "G gets no gradient",
        "loss = -ops.mean(ops.logsigmoid(D(fake)))",
        "loss = -ops.mean(ops.logsigmoid(D(fake.detach())))",
        ["7.7c", "7.7d"],
    ),
]
