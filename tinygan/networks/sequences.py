"""Players for numbers that come in a row: LSTM and GRU generators; LSTM, GRU and convolutional discriminators.

A batch of sequences is (N, T, features) everywhere here: what a recipe's loader serves and `Game.sample` returns. The
recurrent layers have time first, (T, N, features), and turn it inside. A condition here is one vector for the whole
sequence. In the recipe `dialogue` the condition is a sequence, and the generator attends to its steps.
"""

from dataclasses import dataclass

from tinygan.autodiff import raw
from tinygan.backend import stream, xp
from tinygan.gan.latent import Normal, Space, Tokens
from tinygan.nn import GRU, LSTM, Conv1d, Embedding, GRUCell, Linear, LSTMCell, Module, ModuleList
from tinygan.ops import (
    amax,
    cat,
    chunk,
    expand,
    flatten,
    leaky_relu,
    lstm_feedback,
    mean,
    permute,
    sigmoid,
    squeeze,
    stack,
    sum,
    tanh,
    transpose,
    unsqueeze,
    where,
)  # fmt: skip
from tinygan.run.settings import RunSettings, setting

# cell: (layers that read a sequence, one step, how many vectors its state has: h and c, or h alone)
CELLS = {"lstm": (LSTM, LSTMCell, 2), "gru": (GRU, GRUCell, 1)}
ACTIVATIONS = {"tanh": tanh, "sigmoid": sigmoid, "none": lambda a: a}
VERDICTS = ("last", "every", "pooled")


def remember(module, amount=1.0):
    """Add `amount` to the bias of every forget gate, and return the module. Jozefowicz et al. 2015, section 2.2.

    An LSTM that begins by keeping its state learns over longer times.
    """
    for part in module.modules():
        if isinstance(part, LSTM | LSTMCell):
            for name, parameter in part.named_parameters():
                if name.startswith("bias_ih"):
                    parameter.data[part.hidden_size : 2 * part.hidden_size] += amount  # gates i, f, g, o
    return module


# --- the generator ---------------------------------------------------------------------------------------------


class SequenceGenerator(Module):
    """z (N, noise), drawn once, and z_t (T, N, step_noise), drawn at every step -> sequences (N, T, features).

    s_0 = FC(z)        h_t, s_t = RNN([z_t, z], s_{t-1})        x_t = activation(W h_t + b)

    s is the state of all layers, (h, c) of an LSTM and h of a GRU. Either noise may have size 0; with noise=0 and no
    condition s_0 is 0. tokens: z_t are whole numbers below it, each with an embedding of size step_noise. feedback: the
    last layer reads x_{t-1} as well, the row written before; 0 at first. condition: the size of what both players are
    told, (N, condition), read beside z.
    """

    def __init__(
        self, features, *, hidden, noise, step_noise, cell="lstm", layers=1, feedback=False, tokens=0, condition=0,
        activation="tanh", rng=None,
    ):  # fmt: skip
        if noise + step_noise == 0:
            raise ValueError("SequenceGenerator: noise and step_noise are both 0: all its sequences would be one")
        if tokens and not step_noise:
            raise ValueError(f"SequenceGenerator: {tokens} tokens need step_noise above 0, the size of their embedding")
        recurrent, step, states = CELLS[cell]
        self.noise, self.step_noise, self.layers, self.states = noise, step_noise, layers, states
        given, below = noise + step_noise + condition, layers - bool(feedback)
        self.embedding = Embedding(tokens, step_noise, rng=rng) if tokens else None
        self.first = Linear(noise + condition, states * layers * hidden, rng=rng) if noise + condition else None
        self.rnn = recurrent(given, hidden, below, rng=rng) if below else None
        self.writer = step(features + (hidden if below else given), hidden, rng=rng) if feedback else None
        self.out = Linear(hidden, features, rng=rng)
        self.activation = activation
        remember(self)

    def forward(self, z, step_noise, condition=None):
        """z (N, noise), z_t (T, N, step_noise) or tokens (T, N), condition (N, condition) -> (N, T, features)."""
        if self.embedding is not None:
            step_noise = self.embedding(step_noise)
        once = z if condition is None else cat([z, condition], 1)
        given = cat([step_noise, expand(once, (len(step_noise), -1, -1))], 2)  # (T, N, noise of both kinds, condition)
        state = self._first_state(once)
        if self.rnn is not None:
            given, _ = self.rnn(given, self._of_layers(state, slice(0, self.rnn.num_layers)))
        if self.writer is None:
            rows = ACTIVATIONS[self.activation](self.out(given))
        else:
            rows = self._write(given, [None] * self.states if state is None else [s[-1] for s in state])
        return permute(rows, (1, 0, 2))

    def _first_state(self, once):
        """Return [h_0, c_0] or [h_0], each (layers, N, hidden); None for zeros."""
        if self.first is None:
            return None
        return [stack(chunk(s, self.layers, 1)) for s in chunk(self.first(once), self.states, 1)]

    def _of_layers(self, state, layers):
        """Return the first state of some layers as nn.LSTM and nn.GRU take it."""
        if state is None:
            return None
        some = [s[layers] for s in state]
        return some[0] if self.states == 1 else some

    def _write(self, given, state):
        """Return rows (T, N, features), each read by the step that writes the next."""
        if isinstance(self.writer, LSTMCell):
            weights = (*self.writer._weights(""), self.out.weight, self.out.bias)
            return lstm_feedback(given, None, *state, *weights, activation=self.activation)
        (h,) = state
        x, rows = xp(raw(given)).zeros((given.shape[1], self.out.out_features), given.dtype), []
        for t in range(len(given)):
            h = self.writer(cat([x, given[t]], 1), h)
            x = ACTIVATIONS[self.activation](self.out(h))
            rows.append(x)
        return stack(rows)

    def spaces(self, length: int) -> tuple[Space, Space]:
        """Return where z and z_t are drawn from, for sequences of `length` steps."""
        tokens = self.embedding and Tokens(self.embedding.num_embeddings, length)
        return Normal(self.noise), tokens or Normal(self.step_noise, steps=length)


# --- discriminators --------------------------------------------------------------------------------------------


def beside(x, condition):
    """Return sequences (N, T, F) with a condition (N, C) beside every step: (N, T, F + C)."""
    if condition is None:
        return x
    return cat([x, expand(unsqueeze(condition, 1), (-1, x.shape[1], -1))], 2)


def within(lengths, steps):
    """Return (N, steps): whether a step belongs to its sequence, and not to the padding after its end."""
    lengths = raw(lengths)
    return xp(lengths).arange(steps) < lengths[:, None]


def pool(x, lengths=None):
    """Return the mean and the largest over time of x (N, T, F), without padding: (N, 2F)."""
    if lengths is None:
        return cat([mean(x, 1), amax(x, 1)], 1)
    inside = within(lengths, x.shape[1])[:, :, None]
    average = sum(where(inside, x, 0.0), 1) * (1 / inside.sum(1, dtype=x.dtype))
    return cat([average, amax(where(inside, x, -1e9), 1)], 1)


class RecurrentJudge(Module):
    """Discriminator: an LSTM or GRU reads the sequence; the verdict comes from its states h_t.

    verdict "last": w h_T + b, from the last state alone; "pooled": from the mean and the largest of all states; "every":
    w h_t + b at every step, as RCGAN's (Esteban et al. 2017), which makes (N, T) verdicts. Where sequences have
    `lengths` (N,), padding changes no verdict: the last state is that of the last step, the pool leaves padding out, and
    verdicts on padding are 0.
    """

    def __init__(self, features, *, hidden, cell="lstm", layers=1, verdict="last", condition=0, rng=None):
        if verdict not in VERDICTS:
            raise ValueError(f"RecurrentJudge: verdict {verdict!r}: expected one of {', '.join(VERDICTS)}")
        self.verdict = verdict
        self.rnn = CELLS[cell][0](features + condition, hidden, layers, rng=rng)
        self.out = Linear(2 * hidden if verdict == "pooled" else hidden, 1, rng=rng)
        remember(self)

    def forward(self, x, condition=None, lengths=None):
        """Sequences (N, T, features), condition (N, condition), lengths (N,) -> verdicts (N, 1), or (N, T) for "every"."""
        states, _ = self.rnn(transpose(beside(x, condition), 0, 1))  # (T, N, hidden)
        if self.verdict == "last" and lengths is None:
            return self.out(states[-1])
        states = transpose(states, 0, 1)  # (N, T, hidden)
        if self.verdict == "last":
            lengths = raw(lengths)
            return self.out(states[xp(lengths).arange(len(lengths)), lengths - 1])
        if self.verdict == "pooled":
            return self.out(pool(states, lengths))
        verdicts = squeeze(self.out(states), 2)
        return verdicts if lengths is None else where(within(lengths, x.shape[1]), verdicts, 0.0)


class ConvolutionalJudge(Module):
    """Discriminator: convolutions over time, each with half of the steps of the one before; then a linear layer.

    With `length`, all sequences have that length and the last convolution is flattened: the verdict knows what happened
    when. Without it, sequences may have any `lengths`, and the verdict comes from the mean and the largest over time.
    Steps after the end are set to 0 before every convolution, like a border, and change no verdict.
    """

    def __init__(self, features, channels=(32, 64, 64), *, length=None, kernel_size=5, condition=0, rng=None):
        if kernel_size % 2 == 0:
            raise ValueError(f"ConvolutionalJudge: kernel_size {kernel_size} must be odd: a step is in its middle")
        sizes = [features + condition, *channels]
        self.length = length
        self.convolutions = ModuleList(
            Conv1d(a, b, kernel_size, 2, kernel_size // 2, rng=rng) for a, b in zip(sizes, channels)
        )
        left = (
            2 if length is None else -(-length // 2 ** len(channels))
        )  # of each channel: mean and largest, or all steps
        self.out = Linear(channels[-1] * left, 1, rng=rng)

    def forward(self, x, condition=None, lengths=None):
        """Sequences (N, T, features), condition (N, condition), lengths (N,) -> verdicts (N, 1)."""
        if self.length is not None and (lengths is not None or x.shape[1] != self.length):
            raise ValueError(f"ConvolutionalJudge: {x.shape}: made for sequences of {self.length} steps, all whole")
        lengths = None if lengths is None else raw(lengths)
        x = transpose(beside(x, condition), 1, 2)  # (N, features, T)
        for convolution in self.convolutions:
            if lengths is not None:
                x = where(within(lengths, x.shape[2])[:, None], x, 0.0)
                lengths = (lengths + 1) // 2
            x = leaky_relu(convolution(x), 0.2)  # (N, channels, ceil(T / 2))
        return self.out(flatten(x, 1) if self.length else pool(transpose(x, 1, 2), lengths))


# --- their settings ----------------------------------------------------------------------------------------------


@dataclass
class ConvolutionalJudgeSettings(RunSettings):
    """The CNN that judges."""

    channels: int = setting(32, "Channels of the CNN's first convolution; the others have twice as many.", 1)


@dataclass
class RecurrentJudgeSettings(RunSettings):
    """The recurrent network that judges."""

    verdict: str = setting("pooled", "The states that the verdict comes from.", choices=VERDICTS)
    judge_hidden: int = setting(64, "Size of the judge's state.", 1)


@dataclass
class SequenceSettings(RunSettings):
    """Settings of both networks."""

    cell: str = setting("lstm", "What writes the sequence.", choices=tuple(CELLS))
    hidden: int = setting(64, "Size of the generator's state.", 1)
    layers: int = setting(1, "Recurrent layers of the generator.", 1)
    noise: int = setting(4, "Size of z, drawn once a sequence.", 0)
    step_noise: int = setting(4, "Size of z_t, drawn anew at every step.", 0)
    tokens: int = setting(0, "Draw z_t as one of so many tokens, with an embedding of size step_noise. 0: normal.", 0)
    feedback: int = setting(0, "1: each step reads what the step before it wrote. 0: it does not.", 0, 1)
    judge: str = setting(
        "cnn", "What judges: a CNN over time, or a recurrent network.",
        choices={"cnn": ConvolutionalJudgeSettings, **dict.fromkeys(CELLS, RecurrentJudgeSettings)},
    )  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        if self.noise + self.step_noise == 0:
            raise ValueError("noise=0 and step_noise=0: without noise there is one sequence; give one of them a size")
        if self.tokens and not self.step_noise:
            raise ValueError(f"tokens={self.tokens} with step_noise=0: an embedding needs a size; 4 is one")


def sequence_players(length, features, s, activation="tanh", condition=0, judged_features=None):
    """Return (generator, discriminator) of sequences (N, length, features), as the settings say.

    judged_features: how many features D sees, if not as many.
    """
    rng = stream(s.seed, "generator")
    g = SequenceGenerator(
        features, hidden=s.hidden, noise=s.noise, step_noise=s.step_noise, cell=s.cell, layers=s.layers,
        feedback=s.feedback, tokens=s.tokens, condition=condition, activation=activation, rng=rng,
    )  # fmt: skip
    rng, judged = stream(s.seed, "discriminator"), judged_features or features
    if s.judge == "cnn":
        channels = s.channels, 2 * s.channels, 2 * s.channels
        return g, ConvolutionalJudge(judged, channels, length=length, condition=condition, rng=rng)
    judge = RecurrentJudge(judged, hidden=s.judge_hidden, cell=s.judge, verdict=s.verdict, condition=condition, rng=rng)
    return g, judge
