"""Recurrent generators and discriminators against plain loops over time, and padding that must change no verdict."""

import numpy as np
import pytest
from gpu import moved, on_gpu

from tinygan import Tensor, grad, ops
from tinygan.gan.latent import draw_each
from tinygan.gan.penalties import zero_centred
from tinygan.networks.sequences import (
    CELLS,
    VERDICTS,
    ConvolutionalJudge,
    RecurrentJudge,
    SequenceGenerator,
    SequenceSettings,
    remember,
    sequence_players,
)  # fmt: skip
from tinygan.nn import GRU, LSTM, Linear

N, STEPS, FEATURES, HIDDEN = 3, 7, 2, 4

# --- one step, as the papers have it ---------------------------------------------------------------------------


def sigma(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, state, w_ih, w_hh, b_ih, b_hh):
    h, c = state
    i, f, g, o = np.split(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4, 1)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return [sigma(o) * np.tanh(c), c]


def gru_step(x, state, w_ih, w_hh, b_ih, b_hh):
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(x @ w_ih.T + b_ih, 3, 1), np.split(h @ w_hh.T + b_hh, 3, 1)
    z = sigma(x_z + h_z)
    return [(1 - z) * np.tanh(x_n + sigma(x_r + h_r) * h_n) + z * h]


STEP = {"lstm": lstm_step, "gru": gru_step}


def weights_of(module, suffix=""):
    return [getattr(module, name + suffix).numpy() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def affine(module, x):
    return x @ module.weight.numpy().T + module.bias.numpy()


def states_of(rnn, cell, x):
    """All hidden states (T, N, H) of the last layer of nn.LSTM or nn.GRU that reads x (T, N, I), from zeros."""
    for layer in range(rnn.num_layers):
        state, read = [np.zeros((x.shape[1], rnn.hidden_size))] * CELLS[cell][2], []
        for row in x:
            state = STEP[cell](row, state, *weights_of(rnn, f"_l{layer}"))
            read.append(state[0])
        x = np.stack(read)
    return x


# --- the generator ---------------------------------------------------------------------------------------------


def written(g, cell, z, z_t, condition):
    """What `g` should write, one step and one layer at a time."""
    once = z if condition is None else np.concatenate([z, condition], 1)
    zeros = [np.zeros((N, HIDDEN))] * (g.layers * g.states)
    first = zeros if g.first is None else np.split(affine(g.first, once), g.layers * g.states, 1)
    states = [[first[kind * g.layers + layer] for kind in range(g.states)] for layer in range(g.layers)]
    x, rows = np.zeros((N, FEATURES)), []
    for t in range(STEPS):
        step_noise = g.embedding.weight.numpy()[z_t[t]] if g.embedding is not None else z_t[t]
        read = np.concatenate([step_noise, once], 1)
        for layer in range(g.layers):
            last = layer == g.layers - 1
            feeds = g.writer is not None and last
            read = np.concatenate([x, read], 1) if feeds else read
            weights = weights_of(g.writer) if feeds else weights_of(g.rnn, f"_l{layer}")
            states[layer] = STEP[cell](read, states[layer], *weights)
            read = states[layer][0]
        x = np.tanh(affine(g.out, read))
        rows.append(x)
    return np.stack(rows, 1)


NOISE = {
    "both": {"noise": 3, "step_noise": 2},
    "fixed": {"noise": 3, "step_noise": 0},
    "fresh": {"noise": 0, "step_noise": 2},
    "tokens": {"noise": 3, "step_noise": 2, "tokens": 5},
    "condition": {"noise": 3, "step_noise": 2, "condition": 2},
}


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("feedback", [0, 1], ids=["", "feedback"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", NOISE)
def test_the_generator_writes_what_a_loop_writes(kind, cell, feedback, layers):
    rng = np.random.default_rng(0)
    g = SequenceGenerator(FEATURES, hidden=HIDDEN, cell=cell, layers=layers, feedback=feedback, **NOISE[kind], rng=rng)
    z, z_t = draw_each(g.spaces(STEPS), rng, N)
    condition = rng.standard_normal((N, 2)).astype("f") if kind == "condition" else None
    found = g(Tensor(z), Tensor(z_t), None if condition is None else Tensor(condition)).numpy()
    assert found.shape == (N, STEPS, FEATURES) and found.dtype == np.float32
    np.testing.assert_allclose(found, written(g, cell, z, z_t, condition), rtol=0, atol=2e-6)


def test_noise_is_a_function_of_the_generator_given():
    g = SequenceGenerator(FEATURES, hidden=HIDDEN, noise=2, step_noise=2, rng=0)
    draw = lambda seed: g(*map(Tensor, draw_each(g.spaces(STEPS), np.random.default_rng(seed), N))).numpy()
    assert (draw(1) == draw(1)).all() and np.abs(draw(1) - draw(2)).max() > 1e-3


@pytest.mark.parametrize(
    "arguments, named",
    [
        ({"noise": 0, "step_noise": 0}, "both 0"),
        ({"noise": 3, "step_noise": 0, "tokens": 5}, "step_noise above 0"),
    ],
)
def test_a_generator_without_chance_is_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        SequenceGenerator(FEATURES, hidden=HIDDEN, **arguments)


def test_forget_gates_begin_open():
    plain, opened = LSTM(2, 3, 2, rng=0), remember(LSTM(2, 3, 2, rng=0))
    for name, before in plain.named_parameters():
        expected = before.numpy()
        if name.startswith("bias_ih"):
            expected[3:6] += 1
        assert (dict(opened.named_parameters())[name].numpy() == expected).all()
    assert (remember(GRU(2, 3, rng=0)).bias_ih_l0.numpy() == GRU(2, 3, rng=0).bias_ih_l0.numpy()).all()


# --- discriminators --------------------------------------------------------------------------------------------

LENGTHS = np.array([STEPS, 3, 1])


def pool(x):
    """Mean and largest over time of x (T, F)."""
    return np.concatenate([x.mean(0), x.max(0)])


def recurrent_verdicts(judge, cell, x, lengths):
    """Each sequence alone, cut off at its end."""
    every = np.zeros((N, STEPS))
    one = []
    for n, length in enumerate(lengths):
        h = states_of(judge.rnn, cell, x[n, :length, None])[:, 0]
        every[n, :length] = affine(judge.out, h)[:, 0] if judge.verdict == "every" else 0
        one.append(affine(judge.out, h[-1] if judge.verdict == "last" else pool(h)) if judge.verdict != "every" else 0)
    return every if judge.verdict == "every" else np.array(one)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_recurrent_verdicts_are_those_of_a_loop(verdict, cell, lengths):
    rng = np.random.default_rng(1)
    judge = RecurrentJudge(FEATURES, hidden=HIDDEN, cell=cell, layers=2, verdict=verdict, rng=rng)
    x = rng.standard_normal((N, STEPS, FEATURES)).astype("f")
    expected = recurrent_verdicts(judge, cell, x, np.full(N, STEPS) if lengths is None else lengths)
    np.testing.assert_allclose(judge(Tensor(x), None, lengths).numpy(), expected, rtol=0, atol=2e-6)


def test_convolutional_verdicts_are_those_of_a_loop():
    rng = np.random.default_rng(2)
    judge = ConvolutionalJudge(FEATURES, (3, 4), length=STEPS, rng=rng)
    x = rng.standard_normal((1, STEPS, FEATURES)).astype("f")
    seen = x[0]
    for convolution in judge.convolutions:
        padded = np.pad(seen, ((2, 2), (0, 0)))
        weight = convolution.weight.numpy()  # (out, in, 5)
        rows = [np.einsum("tc,oct->o", padded[t : t + 5], weight) for t in range(0, len(seen), 2)]
        seen = np.stack(rows) + convolution.bias.numpy()
        seen = np.where(seen > 0, seen, 0.2 * seen)
    expected = affine(judge.out, seen.T.reshape(1, -1))
    np.testing.assert_allclose(judge(Tensor(x)).numpy(), expected, rtol=0, atol=2e-6)


def make_judge(name, condition):
    if name == "convolutional":
        return ConvolutionalJudge(FEATURES, (3, 4), condition=condition, rng=3)
    return RecurrentJudge(FEATURES, hidden=HIDDEN, verdict=name, condition=condition, rng=3)


@pytest.mark.parametrize("condition", [0, 2], ids=["", "condition"])
@pytest.mark.parametrize("name", [*VERDICTS, "convolutional"])
def test_padding_changes_no_verdict(name, condition):
    """Neither what stands in it nor how much there is of it; and no gradient reaches it."""
    rng, judge = np.random.default_rng(4), make_judge(name, condition)
    about = (Tensor(rng.standard_normal((N, condition)).astype("f")) if condition else None, LENGTHS)
    x = rng.standard_normal((N, STEPS, FEATURES)).astype("f")
    verdicts = judge(Tensor(x), *about).numpy()
    padding = np.arange(STEPS + 5) >= LENGTHS[:, None]
    longer = np.concatenate([x, np.zeros((N, 5, FEATURES), "f")], 1)
    longer[padding] = 77
    others = judge(leaf := Tensor(longer, requires_grad=True), *about)
    np.testing.assert_allclose(others.numpy()[:, : verdicts.shape[1]], verdicts, rtol=0, atol=1e-6)
    assert not others.numpy()[:, verdicts.shape[1] :].any()
    (slope,) = grad(ops.sum(others), [leaf])
    assert not slope[padding].any() and slope[~padding].all()


def test_judges_refuse_what_they_are_not_made_for():
    with pytest.raises(ValueError, match="expected one of last, every, pooled"):
        RecurrentJudge(FEATURES, hidden=HIDDEN, verdict="first")
    with pytest.raises(ValueError, match="kernel_size 4 must be odd"):
        ConvolutionalJudge(FEATURES, kernel_size=4)
    judge = ConvolutionalJudge(FEATURES, (3,), length=STEPS, rng=0)
    assert isinstance(judge.out, Linear)
    for x, lengths in ((np.zeros((1, STEPS + 1, FEATURES), "f"), None), (np.zeros((3, STEPS, FEATURES), "f"), LENGTHS)):
        with pytest.raises(ValueError, match="made for sequences of 7 steps"):
            judge(Tensor(x), None, lengths)


# --- by the settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "none"])
@pytest.mark.parametrize("feedback", [0, 1])
def test_rows_are_what_the_activation_makes_of_them(feedback, activation):
    """The last row is the activation of an affine map of the state, whichever of the two ways writes it."""
    make = lambda kind: SequenceGenerator(
        FEATURES, hidden=HIDDEN, noise=2, step_noise=2, feedback=feedback, activation=kind, rng=0
    )
    z, z_t = draw_each(make("none").spaces(1), np.random.default_rng(0), 50)
    plain, found = (make(kind)(Tensor(z), Tensor(z_t)).numpy() for kind in ("none", activation))
    expected = {"none": plain, "tanh": np.tanh(plain), "sigmoid": sigma(plain)}[activation]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"judge": "lstm", "judge_hidden": 5, "verdict": "last"}, {"judge": "gru"}], ids=str)
def test_players_are_as_large_as_the_settings_say(settings):
    s = SequenceSettings(noise=3, step_noise=2, hidden=6, layers=2, cell="gru", **settings)
    g, d = sequence_players(9, 2, s, "sigmoid", condition=4, judged_features=5)
    assert g.rnn.num_layers == 2 and g.out.weight.shape == (2, 6) and g.activation == "sigmoid"
    assert g.first.weight.shape == (2 * 6, 3 + 4) and [space.size for space in g.spaces(9)] == [3, 2]
    x, condition = Tensor(np.zeros((7, 9, 5), "f")), Tensor(np.zeros((7, 4), "f"))
    assert d(x, condition).shape == (7, 1)
    if s.judge == "cnn":
        assert [c.weight.shape[0] for c in d.convolutions] == [32, 64, 64] and d.length == 9
    else:
        assert d.rnn.hidden_size == getattr(s, "judge_hidden", 64) and d.verdict == s.verdict
        assert isinstance(d.rnn, {"lstm": LSTM, "gru": GRU}[s.judge])


@pytest.mark.parametrize(
    "settings, reason",
    [
        ({"judge": "cnn", "judge_hidden": 3}, "judge_hidden=3: .* with judge=lstm or judge=gru it would"),
        ({"judge": "gru", "channels": 3}, "channels=3: .* with judge=cnn it would"),
        ({"noise": 0, "step_noise": 0}, "without noise there is one sequence"),
        ({"tokens": 5, "step_noise": 0}, "an embedding needs a size"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        SequenceSettings(**settings)


# --- on a GPU's terms ------------------------------------------------------------------------------------------

PLAYERS = {
    "every": ({"cell": "gru", "feedback": 1}, "every"),
    "pooled": ({"layers": 2, "feedback": 1}, "pooled"),
    "last": ({"tokens": 5}, "last"),
    "convolutional": ({"condition": 2}, "convolutional"),
}


@pytest.mark.parametrize("settings, name", PLAYERS.values(), ids=PLAYERS)
def test_players_on_a_gpu(settings, name):
    """As they would run on a GPU: no function of NumPy touches an array of the device, and the gradients are the same."""

    def gradients(make):
        rng = np.random.default_rng(5)
        g = SequenceGenerator(FEATURES, hidden=HIDDEN, noise=2, step_noise=2, **settings, rng=rng)
        z, z_t = draw_each(g.spaces(STEPS), rng, N)
        condition = rng.standard_normal((N, 2)).astype("f") if "condition" in settings else None
        g, judge = moved(g, make), moved(make_judge(name, 2 if condition is not None else 0), make)
        told = None if condition is None else Tensor(make(condition))
        x = g(Tensor(make(z)), Tensor(make(z_t)), told)
        to_g = grad(ops.sum(judge(x, told, make(LENGTHS))), g.parameters())
        leaf = Tensor(x.data, requires_grad=True)
        to_d = grad(zero_centred(judge(leaf, told, make(LENGTHS)), leaf), judge.parameters())
        return [getattr(array, "get", lambda a=array: a)() for array in (*to_g, *to_d)]

    for a, b in zip(gradients(lambda a: a), gradients(on_gpu), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5)
