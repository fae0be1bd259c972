"""PyTorch's own samples of its ops, its OpInfo, run through tinygan: values, gradients and gradients of gradients.

    python benchmarks/opinfo.py                          all ops, a minute: writes results/opinfo.md
    python benchmarks/opinfo.py --only softmax,cat       prints every sample that falls short

They need PyTorch and what its tests need: `pip install torch expecttest`. A sample is what `op_db` gives for an op that both
libraries have under one name, in float32 and in float64. It is whole if tinygan takes the same arguments by the same names
and the results have PyTorch's shapes and types, and its numbers: to `TOLERANCE` in value and first gradient, in float64 to
second order too, where PyTorch has it. Arrays that PyTorch changes in place (running statistics) must end alike.

One rule for keywords: a sample with a keyword or choice that tinygan does not have falls short, unless `INSTEAD` lists it
with what to write instead. Such a sample counts as whole, and is counted in a column of its own, if tinygan refuses it with
an error that names the remedy. `device`, and `options`, which sizes the chunks of PyTorch's linear_cross_entropy, say where
and how to compute and change no number, and `stable`, which our sort always is: they are not passed on. An op is whole if
all its samples are.
"""

import argparse
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from speed import machine
from torch.testing._internal.common_methods_invocations import op_db

from tinygan import Tensor, grad, losses, ops

HERE = Path(__file__).parent
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-9}  # of the largest element of a result
SECOND = 1e-7  # the same of second gradients, in float64

# Both have them, and each draws its own random numbers. So does attention with dropout_p > 0: such samples are left out too.
RANDOM = {"dropout", "multinomial"}

# Ops whose sample PyTorch's OpInfo calls with its arguments in another order: their call, with tinygan's op f.
ORDERS = {
    "embedding": lambda f: lambda weight, input, **names: f(input, weight, **names),
    "einsum": lambda f: lambda operands, equation: f(equation, operands),
    "where": lambda f: lambda input, condition, other: f(condition, input, other),
}

# {(op, keyword or choice): what to write instead}: outside tinygan's purpose; the error must say this.
INSTEAD = {("norm", "nuc"): "np.linalg.norm(x.data, 'nuc')"}  # the sum of singular values, which have no gradient here

NO_NUMBERS = {"device", "options", "stable"}  # where and how to compute; our sort always is stable


@dataclass
class Row:
    """What became of an op's samples."""

    samples: int = 0
    instead: int = 0  # refused with the remedy that INSTEAD names
    short: Counter = field(default_factory=Counter)  # {reason: samples}
    example: str = ""  # the first sample that falls short


class Short(Exception):
    """A sample falls short, and why."""


# --- one sample in both libraries --------------------------------------------------------------------------------


def mapped(value, f):
    """Return `value` with f of every PyTorch tensor and dtype in it, in lists and tuples too."""
    if isinstance(value, torch.Tensor | torch.dtype):
        return f(value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(mapped(v, f) for v in value)
    return value


def listed(result):
    """Return the results of an op as a list."""
    return list(result) if isinstance(result, list | tuple) else [result]


def own_tensor(x):
    """Return a PyTorch tensor of the same numbers in memory of its own, with the same strides where it can."""
    return x if isinstance(x, torch.dtype) else x.detach().clone().requires_grad_(x.requires_grad)


def array(x):
    """Return a PyTorch tensor as an array."""
    return x.detach().resolve_neg().numpy(force=True)  # force: zeros that PyTorch did not write down


def as_tinygan(x):
    """Return x as a Tensor; a type as NumPy's."""
    if isinstance(x, torch.dtype):
        return torch.empty((), dtype=x).numpy().dtype
    return Tensor(array(x).copy(order="K"), requires_grad=x.requires_grad)


class Call:
    """An op called on a sample: its tensors, in order, and its results."""

    def __init__(self, f, sample, convert):
        self.tensors = []

        def keep(x):
            y = convert(x)
            if not isinstance(x, torch.dtype):
                self.tensors.append(y)
            return y

        (first, *args), names = [mapped(v, keep) for v in (sample.input, *sample.args)], sample.kwargs
        names = {name: mapped(v, keep) for name, v in names.items() if name not in NO_NUMBERS}
        self.results = listed(f(first, *args, **names))


def compare(f, op, sample, dtype):
    """Run `sample` through PyTorch's op and tinygan's f; raise Short where they part."""
    theirs = Call(op, sample, own_tensor)
    ours = Call(f, sample, as_tinygan)
    pairs = list(zip(theirs.results, ours.results))
    if len(theirs.results) != len(ours.results):
        raise Short(f"{len(ours.results)} results for {len(theirs.results)}")
    tolerance = TOLERANCE.get(dtype, 0)
    for t, y in pairs:
        check("value", t, y, tolerance)
    for t, x in zip(theirs.tensors, ours.tensors):
        if not t.requires_grad:
            check("an argument afterwards", t, x, tolerance)
    rng = np.random.default_rng(0)
    draw = lambda t: torch.tensor(rng.uniform(-0.4, 0.6, tuple(t.shape))).to(t.dtype)
    chosen = [(t, x) for t, x in zip(theirs.tensors, ours.tensors) if t.requires_grad]
    pairs = [(t, y) for t, y in pairs if isinstance(t, torch.Tensor) and t.requires_grad]
    if not chosen or not pairs:
        return
    upstream = [draw(t) for t, _ in pairs]
    twice = dtype == torch.float64
    first = torch.autograd.grad(
        [t for t, _ in pairs], [t for t, _ in chosen], upstream, create_graph=twice, allow_unused=True
    )
    recorded = [(y, u.numpy()) for (_, y), u in zip(pairs, upstream) if isinstance(y, Tensor) and y.requires_grad]
    if not recorded:
        raise Short("no gradient")
    inputs, outputs, g = [x for _, x in chosen], [y for y, _ in recorded], [u for _, u in recorded]
    for t, y in zip(first, grad(outputs, inputs, g)):
        check("first gradient", t, y, tolerance)
    if not twice:
        return
    gradients = grad(outputs, inputs, g, create_graph=True)
    for t, y in zip(first, gradients):
        check("recorded first gradient", t, y, tolerance)
    curved = [(t, y) for t, y in zip(first, gradients) if t is not None and t.requires_grad]
    if not curved:
        return
    upstream = [draw(t) for t, _ in curved]
    try:
        second = torch.autograd.grad([t for t, _ in curved], [t for t, _ in chosen], upstream, allow_unused=True)
    except (RuntimeError, NotImplementedError):  # PyTorch has no second order of it
        return
    recorded = [(y, u.numpy()) for (_, y), u in zip(curved, upstream) if y.requires_grad]
    found = (
        grad([y for y, _ in recorded], inputs, [u for _, u in recorded])
        if recorded
        else [np.zeros(x.shape) for x in inputs]
    )
    for t, y in zip(second, found):
        check("second gradient", t, y, SECOND)


def check(what, expected, found, tolerance):
    """Raise Short unless `found`, a Tensor, an array or a number, is what PyTorch gives; None is zeros."""
    if not isinstance(expected, torch.Tensor):
        if expected is not None and expected != found:
            raise Short(f"{what}: {found!r} for {expected!r}")
        if expected is None and np.any(np.asarray(getattr(found, "data", found))):
            raise Short(f"{what}: not zero, where PyTorch has no dependence")
        return
    expected, found = array(expected), np.asarray(found.data if isinstance(found, Tensor) else found)
    if found.shape != expected.shape:
        raise Short(f"{what}: shape {found.shape} for {expected.shape}")
    if what == "value" and found.dtype != expected.dtype:
        raise Short(f"{what}: type {found.dtype} for {expected.dtype}")
    finite = expected[np.isfinite(expected)]
    scale = max(1.0, np.abs(finite).max(initial=0.0))
    if not np.allclose(found, expected, rtol=tolerance, atol=tolerance * scale, equal_nan=True):
        both = np.isfinite(found) & np.isfinite(expected)
        if np.array_equal(np.isfinite(found), np.isfinite(expected)):
            raise Short(f"{what}: {np.abs(found - expected)[both].max(initial=0.0) / scale:.1e} off")
        raise Short(f"{what}: nan or infinity for numbers, or the other way round")


# --- all ops -----------------------------------------------------------------------------------------------------


def shared():
    """Return {name: [OpInfo, ...]} of the ops and losses of tinygan that PyTorch has under the same name."""
    found = {}
    for info in op_db:
        lead, _, name = info.name.rpartition(".")
        ours = getattr(ops, name, None) or getattr(losses, name, None)
        public = name in vars(losses) or name in vars(ops)
        if lead in ("", "nn.functional") and callable(ours) and public and name not in RANDOM:
            found.setdefault(name, []).append(info)
    return dict(sorted(found.items()))


def told_instead(name, sample, error):
    """Return whether INSTEAD lists a keyword or a choice of the sample, and the error says what to write."""
    words = set(sample.kwargs) | {v for v in (*sample.args, *sample.kwargs.values()) if isinstance(v, str)}
    return any(INSTEAD[name, word] in str(error) for word in words if (name, word) in INSTEAD)


def run(name, infos, loud):
    """Return the Row of an op."""
    row, f = Row(), getattr(ops, name, None) or getattr(losses, name)
    f = ORDERS[name](f) if name in ORDERS else f
    for info in infos:
        for dtype in [d for d in TOLERANCE if d in info.dtypes] or [d for d in (torch.int64,) if d in info.dtypes]:
            torch.manual_seed(0)
            for sample in info.sample_inputs("cpu", dtype, requires_grad=info.supports_autograd and dtype in TOLERANCE):
                if sample.kwargs.get("dropout_p"):
                    continue
                row.samples += 1
                try:
                    compare(f, info.op, sample, dtype)
                except Exception as error:
                    if told_instead(name, sample, error):
                        row.instead += 1
                        continue
                    reason = str(error) if isinstance(error, Short) else f"{type(error).__name__}: {error}"
                    row.short[reason.split("\n")[0]] += 1
                    text = f"{info.name} {info.variant_test_name} {dtype}: {sample_text(sample)}: {reason}"
                    row.example = row.example or text
                    if loud:
                        print(text)
    return row


def sample_text(sample):
    """Return the arguments of a sample, tensors by their shapes."""
    shape = lambda x: str(x) if isinstance(x, torch.dtype) else f"{str(x.dtype)[6:]}{tuple(x.shape)}"
    args = [str(mapped(v, shape)) for v in (sample.input, *sample.args)]
    return ", ".join(args + [f"{k}={mapped(v, shape)}" for k, v in sample.kwargs.items()])


def table(rows, about):
    """The report as Markdown."""
    whole = [name for name, row in rows.items() if not row.short]
    samples, short = sum(r.samples for r in rows.values()), sum(sum(r.short.values()) for r in rows.values())
    lines = [
        "# PyTorch's OpInfo", "",
        f"`{about['command']}` with PyTorch {torch.__version__}: {len(whole)} of {len(rows)} ops whole,"
        f" {samples - short} of {samples} samples.", "",
        "Left out, since each library draws its own random numbers: " + ", ".join(sorted(RANDOM)) + ", `dropout_p`.", "",
        "| op | samples | whole | refused with the remedy | falls short: the first reason |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for name, row in rows.items():
        missing = sum(row.short.values())
        reason = next(iter(row.short), "").replace("|", "\\|")[:200]
        lines.append(f"| {name} | {row.samples} | {row.samples - missing} | {row.instead or ''} | {reason} |")
    if INSTEAD:
        lines += ["", "| op | keyword or choice | the error says |", "|---|---|---|"]
        lines += [f"| {op} | {word} | {text} |" for (op, word), text in INSTEAD.items()]
    return "\n".join([*lines, "", f"Python {about['python']}, {about['date']}, commit {about['commit']}.", ""])


def main():
    """Run the ops that the command line names and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="names of ops, with commas; prints what falls short, writes nothing")
    options = parser.parse_args()
    infos = shared()
    names = options.only.split(",") if options.only else infos
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        rows = {name: run(name, infos[name], options.only) for name in names}
    report = table(rows, machine())
    print(report)
    if not options.only:
        (HERE / "results" / "opinfo.md").write_text(report)


if __name__ == "__main__":
    main()
