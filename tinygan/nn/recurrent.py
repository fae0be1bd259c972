"""LSTM, GRU and RNN over whole sequences, in layers and in both directions; single steps LSTMCell and GRUCell.

Parameters have PyTorch's names, shapes and order of gates: weight_ih_l0 (gates H, I), weight_hh_l0 (gates H, H),
bias_ih_l0, bias_hh_l0 (gates H,), l1 for the next layer, _reverse for the direction from the end; gates i, f, g, o of the
LSTM, r, z, n of the GRU.
Read `ops.lstm` for what happens in time.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan import ops
from tinygan.autodiff import Tensor, TensorLike, raw
from tinygan.backend import xp
from tinygan.checks import check_number, check_sizes
from tinygan.nn.init import Seed, uniform_
from tinygan.nn.module import Module
from tinygan.nn.parameter import Parameter, zeros_parameter
from tinygan.remedies import warn
from tinygan.seeding import generator

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class _Gated(Module):
    """Weights of recurrent layers: their names and how they begin, in ±1/√hidden_size."""

    input_size: int
    hidden_size: int
    gates: int  # how many vectors of hidden_size each step computes: 4 for LSTM, 3 for GRU, 1 for RNN

    def _add_weights(self, suffix, input_size, bias, device, dtype):
        """Make weight_ih, weight_hh, bias_ih, bias_hh with `suffix`, the biases None without `bias`."""
        rows, hidden = self.gates * self.hidden_size, self.hidden_size
        for name, shape in zip(_NAMES, ((rows, input_size), (rows, hidden), (rows,), (rows,))):
            present = bias or name.startswith("weight")
            setattr(self, name + suffix, zeros_parameter(*shape, device=device, dtype=dtype) if present else None)

    def _weights(self, suffix):
        return [getattr(self, name + suffix) for name in _NAMES]

    def reset_parameters(self, rng: Seed = None) -> None:
        """Draw all weights and biases again."""
        rng, bound = generator(rng), 1 / math.sqrt(self.hidden_size)
        for parameter in vars(self).values():
            if isinstance(parameter, Parameter):
                uniform_(parameter, -bound, bound, rng)

    def _check_input(self, input, dims):
        if input.ndim not in dims or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: input {tuple(input.shape)} must have {dims[0]} or {dims[1]} dimensions, the last"
                f" one input_size={self.input_size}"
            )


class _Recurrent(_Gated):
    """Layers of one kind of recurrence, each reading the hidden states of the one below."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False,
        *, rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        check_sizes(self, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_number(self, "dropout", dropout, 0, 1)
        if dropout and num_layers == 1:
            name = type(self).__name__
            warn(f"{name}: dropout={dropout} acts between layers, num_layers=1 has no two")
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, dropout, bidirectional
        self.rng = rng = generator(rng)
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * len(self._directions)
            for direction in self._directions:
                self._add_weights(f"_l{layer}{direction}", width, bias, device, dtype)
        self.reset_parameters(rng)

    _directions = property(lambda self: ("", "_reverse") if self.bidirectional else ("",))

    def _sequence(self, input, state, weights):
        """Return (hidden states (T, N, H), the last of each state (1, N, H)...) of one layer in one direction."""
        raise NotImplementedError

    def _run(self, input, states):
        """Return (output, the last of each state), from states (layers · directions, N, H) or None."""
        self._check_input(input, (3, 2))
        if input.ndim == 2:  # one sequence: a batch of one in between
            states = [None if s is None else ops.unsqueeze(s, 1) for s in states]
            output, final = self._run_batch(ops.unsqueeze(input, 1), states)
            return ops.squeeze(output, 1), [ops.squeeze(s, 1) for s in final]
        if self.batch_first:
            output, final = self._run_batch(ops.transpose(input, 0, 1), states)
            return ops.transpose(output, 0, 1), final
        return self._run_batch(input, states)

    def _run_batch(self, input, states):
        count = self.num_layers * len(self._directions)
        for state in states:
            expected = (count, input.shape[1], self.hidden_size)
            if state is not None and tuple(state.shape) != expected:
                raise ValueError(f"{type(self).__name__}: first state {tuple(state.shape)}, expected {expected}")
        final: list[list] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in self._directions:
                first = [None if state is None else state[len(final)] for state in states]
                x = ops.flip(input, (0,)) if direction else input
                output, *states_of_direction = self._sequence(x, first, self._weights(f"_l{layer}{direction}"))
                outputs.append(ops.flip(output, (0,)) if direction else output)
                final.append(states_of_direction)
            input = outputs[0] if len(outputs) == 1 else ops.cat(outputs, 2)  # (T, N, directions · H)
            if self.dropout and layer < self.num_layers - 1:
                input = ops.dropout(input, self.dropout, self.training, self.rng)
        return input, [s[0] if count == 1 else ops.cat(s, 0) for s in zip(*final)]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        return text + "".join(f", {k}={getattr(self, k)}" for k, value in usual.items() if getattr(self, k) != value)


class LSTM(_Recurrent):
    """Long short-term memory: (T, N, input_size) -> (T, N, H), or (N, T, ...) with batch_first; one sequence (T, ...) too.

    dropout acts between layers, in training. bidirectional: a second set of weights reads from the end, and the two
    hidden states of each step come side by side. rng draws the weights, then the dropout. Hochreiter & Schmidhuber 1997.
    """

    gates = 4

    def forward(self, input: TensorLike, hx: tuple | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """input, (h0, c0) -> output (T, N, directions · H), (h_n, c_n); states (layers · directions, N, H), None for 0."""
        if hx is not None and not (isinstance(hx, tuple | list) and len(hx) == 2):
            raise TypeError(f"LSTM: the state is a pair (h0, c0), got a {type(hx).__name__}")
        output, final = self._run(input, (None, None) if hx is None else tuple(hx))
        return output, tuple(final)

    def _sequence(self, input, state, weights):
        packed = ops.lstm(input, *state, *weights)  # (T + 1, N, H): hidden states, then the cell state
        steps = len(input)
        return packed[:steps], packed[steps - 1 : steps], packed[steps:]


class _OneState(_Recurrent):
    """Layers whose state is h alone."""

    def forward(self, input: TensorLike, hx: TensorLike | None = None) -> tuple[Tensor, Tensor]:
        """input, h0 -> output (T, N, directions · H), h_n; states (layers · directions, N, H), None for 0."""
        if isinstance(hx, tuple | list):
            raise TypeError(f"{type(self).__name__}: the state is h0 alone, got a {type(hx).__name__}; LSTM's is (h0, c0)")
        output, (final,) = self._run(input, (hx,))
        return output, final


class GRU(_OneState):
    """Gated recurrent units: (T, N, input_size) -> (T, N, H), or (N, T, ...) with batch_first; one sequence (T, ...) too.

    Settings are those of LSTM. Cho et al. 2014, with the reset gate after the product as in PyTorch and cuDNN.
    """

    gates = 3

    def _sequence(self, input, state, weights):
        output = ops.gru(input, *state, *weights)
        return output, output[len(input) - 1 :]


class RNN(_OneState):
    """h_t = tanh(W x_t + b + U h_{t-1} + c), or relu: (T, N, input_size) -> (T, N, H). Elman 1990.

    Settings are those of LSTM, and nonlinearity "tanh" or "relu". As it begins, it forgets within some ten steps. With
    init.orthogonal_(weight_hh_l0) it keeps a bit over sixty, as lesson 14 shows.
    """

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        *, rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity is 'tanh' or 'relu', not {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        shape = input_size, hidden_size, num_layers
        super().__init__(*shape, bias, batch_first, dropout, bidirectional, rng=rng, device=device, dtype=dtype)

    def _sequence(self, input, state, weights):
        weight_ih, weight_hh, bias_ih, bias_hh = weights
        if not len(input):
            raise ValueError(f"RNN: input {tuple(input.shape)} must be (T, N, I) with T > 0: steps first, then batch")
        (h,), activation, steps = state, getattr(ops, self.nonlinearity), []
        h = xp(raw(input)).zeros((input.shape[1], self.hidden_size), input.dtype) if h is None else h
        for x in ops.linear(input, weight_ih, bias_ih):  # (N, H)
            h = activation(x + ops.linear(h, weight_hh, bias_hh))
            steps.append(h)
        output = ops.stack(steps)
        return output, output[len(input) - 1 :]

    def extra_repr(self) -> str:
        return super().extra_repr() + ", nonlinearity='relu'" * (self.nonlinearity == "relu")


class _Cell(_Gated):
    """One step of a recurrence."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rng: Seed = None, device: str | None = None,
        dtype: Any = np.float32,
    ):  # fmt: skip
        check_sizes(self, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self._add_weights("", input_size, bias, device, dtype)
        self.reset_parameters(rng)

    def _zeros(self, input):
        data = raw(input)
        return xp(data).zeros((*data.shape[:-1], self.hidden_size), data.dtype)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ", bias=False" * (not self.bias)


class LSTMCell(_Cell):
    """One step of an LSTM: (N, input_size) and the state (h, c) -> the next (h, c), each (N, hidden_size); one sample too."""

    gates = 4

    def forward(self, input: TensorLike, hx: Sequence | None = None) -> tuple[Tensor, Tensor]:
        """input (N, input_size), (h, c) or None for zeros -> (h, c); or without N."""
        self._check_input(input, (2, 1))
        if hx is not None and not (isinstance(hx, tuple | list) and len(hx) == 2):
            raise TypeError(f"LSTMCell: the state is a pair (h, c), got a {type(hx).__name__}")
        if input.ndim == 1:
            h, c = self(ops.unsqueeze(input, 0), None if hx is None else [ops.unsqueeze(s, 0) for s in hx])
            return ops.squeeze(h, 0), ops.squeeze(c, 0)
        h, c = (self._zeros(input), self._zeros(input)) if hx is None else hx
        return ops.lstm_cell(input, h, c, *self._weights(""))


class GRUCell(_Cell):
    """One step of a GRU: (N, input_size) and the state h -> the next h (N, hidden_size); one sample too."""

    gates = 3

    def forward(self, input: TensorLike, hx: TensorLike | None = None) -> Tensor:
        """input (N, input_size), h or None for zeros -> h; or without N."""
        self._check_input(input, (2, 1))
        if isinstance(hx, tuple | list):
            raise TypeError(f"GRUCell: the state is h alone, got a {type(hx).__name__}; LSTMCell's is (h, c)")
        if input.ndim == 1:
            return ops.squeeze(self(ops.unsqueeze(input, 0), None if hx is None else ops.unsqueeze(hx, 0)), 0)
        return ops.gru_cell(input, self._zeros(input) if hx is None else hx, *self._weights(""))
