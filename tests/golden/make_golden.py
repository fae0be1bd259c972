"""Run the table of ops through PyTorch, in float64, and store the numbers in golden.npz:  python tests/golden/make_golden.py

Needs torch, which nothing else in this repository does. For each row: the value, the gradients of <u, value> for fixed u, and
the gradients of <v, gradients> for fixed v. The first two are stored in float64, the third in float32. A row that PyTorch
cannot differentiate twice is printed and stored without.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from op_cases import CASES  # noqa: E402


class Torch:
    """PyTorch's functions under their names, with the few that it has as methods or spells otherwise."""

    @staticmethod
    def mT(x):
        return x.mT

    @staticmethod
    def index(x, key):
        return x[key]

    @staticmethod
    def cast(x, dtype):
        return x.double()

    stable = {"stable": True}  # an argument of PyTorch's argsort; ours always is

    @staticmethod
    def repeat(x, sizes):
        return x.repeat(sizes)

    @staticmethod
    def expand(x, sizes):
        return x.expand(sizes)

    # PyTorch has these as modules, or as cells of one step; packed sequences there are padded, here held

    @staticmethod
    def lstm_cell(x, h, c, *weights):
        return torch.lstm_cell(x, (h, c), *weights)

    @staticmethod
    def gru_cell(x, h, *weights):
        return torch.gru_cell(x, h, *weights)

    @staticmethod
    def lstm(x, h, c, w_ih, w_hh, b_ih=None, b_hh=None, lengths=None):
        h = x.new_zeros(x.shape[1], w_hh.shape[1]) if h is None else h
        c = torch.zeros_like(h) if c is None else c
        states = []
        for t in range(len(x)):
            over = torch.zeros(len(h), 1, dtype=bool) if lengths is None else lengths[:, None] <= t
            new_h, new_c = torch.lstm_cell(x[t], (h, c), w_ih, w_hh, b_ih, b_hh)
            h, c = torch.where(over, h, new_h), torch.where(over, c, new_c)
            states.append(h)
        return torch.stack([*states, c])

    @staticmethod
    def gru(x, h, w_ih, w_hh, b_ih=None, b_hh=None, lengths=None):
        h = x.new_zeros(x.shape[1], w_hh.shape[1]) if h is None else h
        states = []
        for t in range(len(x)):
            over = torch.zeros(len(h), 1, dtype=bool) if lengths is None else lengths[:, None] <= t
            h = torch.where(over, h, torch.gru_cell(x[t], h, w_ih, w_hh, b_ih, b_hh))
            states.append(h)
        return torch.stack(states)

    @staticmethod
    def lstm_feedback(noise, x, h, c, w_ih, w_hh, b_ih, b_hh, w_out, b_out, activation="sigmoid", return_hidden=False):
        activate = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "none": lambda a: a}[activation]
        h = noise.new_zeros(noise.shape[1], w_hh.shape[1]) if h is None else h
        c = torch.zeros_like(h) if c is None else c
        x = noise.new_zeros(noise.shape[1], len(w_out)) if x is None else x
        rows, states = [], []
        for z in noise:
            h, c = torch.lstm_cell(torch.cat([x, z], 1), (h, c), w_ih, w_hh, b_ih, b_hh)
            x = activate(torch.nn.functional.linear(h, w_out, b_out))
            rows.append(x)
            states.append(h)
        return (torch.stack(rows), torch.stack(states)) if return_hidden else torch.stack(rows)

    def __getattr__(self, name):
        if name == "max" or name == "min":
            return getattr(torch, name)
        for place in (torch.nn.functional, torch):
            if hasattr(place, name):
                return getattr(place, name)
        raise AttributeError(f"PyTorch has no {name}: give class Torch one")


def compute(case):
    """(value, first, second): lists of arrays; None for what PyTorch does not give."""
    inputs = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in case.inputs()]
    places = case.differentiable()
    chosen = [inputs[i].clone().requires_grad_() for i in places]
    result = case.of(Torch(), inputs)(*chosen)
    outputs = list(result) if isinstance(result, tuple | list) else [result]
    value = [y.detach().numpy() for y in outputs]
    outputs = [y for y in outputs if y.dtype == torch.float64]
    recorded = [y for y in outputs if y.requires_grad]
    if not recorded or not chosen:
        return value, None, None
    upstream = [torch.from_numpy(u) for u in case.upstream([y.detach().numpy() for y in outputs])]
    upstream = [u for y, u in zip(outputs, upstream, strict=True) if y.requires_grad]
    first = torch.autograd.grad(recorded, chosen, upstream, create_graph=True, allow_unused=True)
    first = [torch.zeros_like(x) if g is None else g for g, x in zip(first, chosen, strict=True)]
    gradients = [g.numpy(force=True) for g in first]
    second = [np.zeros(x.shape) for x in chosen]
    curved = [i for i, g in enumerate(first) if g.requires_grad]
    if curved:
        v = [torch.from_numpy(v) for v in case.second_upstream(gradients)]
        try:
            found = torch.autograd.grad([first[i] for i in curved], chosen, [v[i] for i in curved], allow_unused=True)
            second = [
                np.zeros(x.shape) if g is None else g.numpy(force=True) for g, x in zip(found, chosen, strict=True)
            ]
        except RuntimeError as error:
            print(f"{case.id}: no second order: {error}")
            second = None
    return value, gradients, second


def main():
    index, numbers, coarse = {}, [], []
    for case in CASES:
        if not case.golden:
            continue
        value, first, second = compute(case)
        index[case.id] = [[a.shape for a in part] if part is not None else None for part in (value, first, second)]
        for part in (value, first):
            numbers += [np.asarray(a, np.float64).reshape(-1) for a in part or []]
        coarse += [np.asarray(a, np.float32).reshape(-1) for a in second or []]
    np.savez_compressed(
        HERE / "golden.npz",
        index=np.frombuffer(json.dumps(index).encode(), np.uint8),
        numbers=np.concatenate(numbers),
        coarse=np.concatenate(coarse),
    )
    size = (HERE / "golden.npz").stat().st_size
    print(f"{len(index)} rows, {size / 1024:.0f} KB, made with torch {torch.__version__}")


if __name__ == "__main__":
    main()
