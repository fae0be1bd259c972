"""Finite differences against gradients: `check`, and assert_gradients and gradcheck, which call it.

A gradient is compared one element at a time. With g random, the scalar <g, f(x)> moves by the central difference
<g, f(x + h) - f(x - h)> / 2h when one element moves, and the backward pass given g must say the same. Everything is
float64: in float32 the difference of two nearby values has two right digits. `hints.py` says what went wrong.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygan.backend import stream
from tinygan.gradcheck import hints
from tinygan.gradcheck.inputs import GradientError
from tinygan.gradcheck.subjects import subject_of

STEPS = (1e-5, 1e-7, 1e-3)  # the first is right for almost all; steep functions need the second, large values the third


@dataclass
class Finding:
    """The verdict on the gradient of one input.

    `problem` is None when it is right, otherwise a sentence; `hint` is the likely mistake. `index` is where analytic
    and numeric disagree most, `error` their relative difference there.
    """

    name: str
    shape: tuple
    order: int = 1
    checked: int = 0
    wrong: int = 0
    error: float = 0.0
    index: tuple = ()
    analytic: float = 0.0
    numeric: float = 0.0
    step: float = STEPS[0]
    direction: str = ""
    problem: str | None = None
    hint: str | None = None
    others: list = field(default_factory=list)  # the findings of the other inputs of the same check

    def __str__(self):
        if self.problem is None:
            return f"the gradient with respect to {self.name} {self.shape} is right: {self.checked} elements checked"
        rows = [("input", f"{self.name}, shape {self.shape}")]
        if self.wrong:
            place = f"{self.name}[{', '.join(map(str, self.index))}]" if self.index else self.name
            rows += [
                ("worst at", place),
                ("analytic", f"{self.analytic:<15.9g} what the backward pass says"),
                ("numeric", f"{self.numeric:<15.9g} (f(x + h) - f(x - h)) / 2h with h = {self.step:.0e}"),
                ("relative", f"{self.error:.3g}"),
            ]
        rows += [("direction", self.direction)] if self.direction else []
        rows += [("hint", self.hint)] if self.hint else []
        for verdict in ("right", "wrong"):
            names = [o.name for o in self.others if (o.problem is None) == (verdict == "right")]
            rows += [(f"also {verdict}", ", ".join(names))] if names else []
        lines = [textwrap.fill(f"  {title:11}{text}", 100, subsequent_indent=" " * 13) for title, text in rows]
        return self.problem + "\n\n" + "\n".join(lines) + "\n"


def assert_gradients(
    f: Any, *inputs: Any, order: int = 1, seed: int = 0, samples: int = 200, tolerance: float = 1e-5,
    names: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Raise GradientError, an AssertionError that names the likely mistake, unless f's gradients are right at `inputs`.

    f: a function of Tensors, a Module (its parameters are checked too), a pair (forward, backward) of NumPy functions or
    an object with these methods, see `tinygan.gradcheck`. Arrays and Tensors of floating point are converted to float64
    and checked; integers, None and everything else are passed on as they are. order=2 also checks the gradients of the
    gradients, order=3 theirs.
    samples: of a larger input, this many elements are checked, drawn with `seed`, as is the upstream gradient g.
    tolerance: of |analytic - numeric| relative to the larger of the two, or to 1/100 of the largest in the same input. A
    smaller element is wrong as well if it is surely off by a tenth of itself.
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    for finding in check(f, *inputs, order=order, seed=seed, samples=samples, tolerance=tolerance, names=names):
        if finding.problem:
            raise GradientError(str(finding), finding)


def gradcheck(f: Any, *inputs: Any, **options: Any) -> bool:
    """Return whether the gradients of f are right at `inputs`; arguments as for assert_gradients."""
    try:
        assert_gradients(f, *inputs, **options)
    except GradientError:
        return False
    return True


def check(
    f: Any, *inputs: Any, order: int = 1, seed: int = 0, samples: int = 200, tolerance: float = 1e-5,
    names: Sequence[str] | None = None,
) -> list[Finding]:  # fmt: skip
    """Return one Finding for every input and order, right or wrong; arguments as for assert_gradients."""
    subject = subject_of(f, inputs, names)
    findings: list[Finding] = []
    for k in range(1, order + 1):
        rng = stream(seed, "gradcheck", k)
        of_order, g, analytic = _check_once(subject, k, rng, seed, samples, tolerance)
        findings += of_order
        if k == order or any(finding.problem for finding in of_order):
            break
        subject = subject.differentiated(g)
        # relative to all of them: of a bias before batch_norm, there is rounding alone
        close = tolerance / 100 * max(np.abs(a).max(initial=0.0) for a in analytic)
        for finding, a, recorded in zip(of_order, analytic, subject.value(subject.arrays)):
            if not np.allclose(a, recorded, rtol=tolerance, atol=close):
                finding.problem = (
                    f"{subject.title}: d{finding.name} with create_graph=True is not d{finding.name} without it: the vjp"
                    " computes something else of Tensors than of arrays, or the textbook form than the kernel."
                )
        if any(finding.problem for finding in of_order):
            break
    return findings


# --- the comparison --------------------------------------------------------------------------------------------


def _check_once(subject, order, rng, seed, samples, tolerance):
    """Return (findings, gs, gradients): those of `subject` at its point, compared for a random upstream gradient gs."""
    arrays, outputs = subject.arrays, _outputs_at_point(subject)
    # none near 0, no two alike; asarray because a generator draws shape () as a number
    gs = [np.asarray(rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)) for y in outputs]
    analytic = _analytic(subject, gs)
    direction = f"g of shape {', '.join(str(g.shape) for g in gs)}: ± 0.5 to 1.5 at random, seed {seed}"
    findings = []
    for k, (name, x, a) in enumerate(zip(subject.names, arrays, analytic)):
        finding = Finding(name, x.shape, order, direction=direction)
        findings.append(finding)
        higher = f"order {order}, the gradient of <g, ({', '.join(subject.outputs or ())})> for {name},"
        title = f"d{name}" if order == 1 else higher
        finding.problem = _form_problem(a, x, subject.title, title)
        if finding.problem:
            finding.hint = hints.of_form(analytic, outputs, subject.names, arrays, k)
            finding.error = float("inf")
            continue
        places = np.arange(x.size) if x.size <= samples else np.sort(rng.choice(x.size, samples, replace=False))
        evidence = hints.Evidence(subject, k, np.asarray(a), places, gs, outputs, tolerance)
        _compare(finding, evidence, title)
    for finding in findings:
        finding.others = [other for other in findings if other is not finding]
    return findings, gs, analytic


def _outputs_at_point(subject):
    before = [a.copy() for a in subject.arrays]
    outputs = subject.value(subject.arrays)
    for name, x, kept in zip(subject.names, subject.arrays, before):
        if not np.array_equal(x, kept, equal_nan=True):
            raise GradientError(
                f"{subject.title}: forward changed its input {name} in place; work on a copy: {name}.copy()"
            )
    for y in outputs:
        if y.dtype != np.float64:
            raise GradientError(
                f"{subject.title} returned {y.dtype} for float64 inputs, too coarse to check: look for a cast, a"
                " float32 array inside, or an empty array made without dtype"
            )
        if np.isnan(y).any():
            index = tuple(map(int, np.argwhere(np.isnan(y))[0]))
            raise GradientError(
                f"{subject.title}: the output is nan at {index}, so no gradient can be checked here: is an input"
                " outside of the domain (log or square root of a negative number, 0 / 0)?"
            )
    for y, again in zip(outputs, subject.value(subject.arrays)):
        if y.shape != again.shape or not np.allclose(y, again, rtol=1e-12, atol=0):
            raise GradientError(
                f"{subject.title} returned two different results for the same input: a gradient cannot be checked"
                " through chance; make the generator inside the function from a fixed seed, or call module.eval()"
            )
    return outputs


def _analytic(subject, gs):
    kept, arrays = [g.copy() for g in gs], [a.copy() for a in subject.arrays]
    analytic = subject.gradients(subject.arrays, gs)
    if not all(np.array_equal(g, k) for g, k in zip(gs, kept)):
        raise GradientError(
            f"{subject.title} changed g in place, which its caller may still need; work on a copy: g.copy()"
        )
    for name, x, before in zip(subject.names, subject.arrays, arrays):
        if not np.array_equal(x, before, equal_nan=True):
            raise GradientError(f"{subject.title} changed {name} in place; work on a copy: {name}.copy()")
    for name, a, again in zip(subject.names, analytic, subject.gradients(subject.arrays, [g.copy() for g in gs])):
        if hasattr(a, "shape") and hasattr(again, "shape") and _differ(np.asarray(a), np.asarray(again)):
            raise GradientError(
                f"{subject.title} returned two different gradients of {name} for the same input and the same g: is there"
                " chance in the backward pass, memory that was never set (np.empty), or something kept from the call before?"
            )
    return analytic


def _differ(a, again):
    """Return whether two gradients that should be one differ by more than the order of a sum may explain."""
    if a.shape != again.shape:
        return True
    if a.dtype.kind != "f" or again.dtype.kind != "f":
        return False  # `_form_problem` says what is wrong
    with np.errstate(invalid="ignore"):
        largest = np.abs(a[np.isfinite(a)]).max(initial=0.0)
        return not np.allclose(a, again, rtol=1e-10, atol=1e-12 * largest, equal_nan=True)


def _form_problem(a, x, function, gradient):
    """Return what is wrong with a gradient before its numbers are looked at, or None."""
    if a is None:
        return f"{function}: {gradient} is missing: backward returned None for it."
    if not hasattr(a, "shape") and not isinstance(a, float | int):
        return f"{function}: {gradient} is not an array but {type(a).__name__}."
    a = np.asarray(a)
    if a.shape != x.shape:
        return f"{function}: {gradient} has shape {a.shape}, it must have the input's shape {x.shape}."
    if a.dtype != np.float64:
        return f"{function}: {gradient} is {a.dtype} although every input is float64."
    return None


def _compare(finding, evidence, title):
    numeric, columns = evidence.differences(STEPS[0])
    a = evidence.analytic.reshape(-1)[evidence.places]
    scale = np.abs(numeric[np.isfinite(numeric)]).max(initial=0.0)
    # below this, the rounding of f itself (2e-16 of its size) over 2h is all that a difference shows
    noise = 1e-5 * max([1.0] + [float(np.abs(y[np.isfinite(y)]).max(initial=0.0)) for y in evidence.outputs])
    errors = _relative(a, numeric, scale, noise)
    steps = np.full(len(a), STEPS[0])
    # A second opinion where they disagree: a right gradient agrees at some step, a wrong one at none.
    for step in STEPS[1:]:
        doubtful = np.flatnonzero(~(errors <= evidence.tolerance))
        if len(doubtful) and np.isfinite(a[doubtful]).all():
            again, _ = evidence.differences(step, doubtful)
            agrees = _relative(a[doubtful], again, scale, noise) <= evidence.tolerance
            cleared = doubtful[agrees]
            numeric[cleared], steps[cleared] = again[agrees], step
            errors[cleared] = _relative(a[cleared], numeric[cleared], scale, noise)
    _look_at_small_ones(evidence, a, numeric, errors, evidence.tolerance * noise)
    finding.checked = len(a)
    if not len(a):
        return
    worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    finding.error = float(errors[worst])
    wrong = ~(errors <= evidence.tolerance)  # nan is wrong
    finding.wrong = int(wrong.sum())
    if not finding.wrong:
        return
    finding.index = tuple(map(int, np.unravel_index(evidence.places[worst], finding.shape)))
    finding.analytic, finding.numeric = float(a[worst]) + 0.0, float(numeric[worst]) + 0.0
    finding.step = float(steps[worst])
    evidence.settle(numeric, columns, wrong, worst)
    part = "every element disagrees" if wrong.all() else f"{finding.wrong} of {len(wrong)} elements disagree"
    if len(wrong) < evidence.x.size:
        part += f" (of {evidence.x.size}, {len(wrong)} were checked)"
    finding.problem = f"{evidence.subject.title}: {title} is wrong: {part}."
    finding.direction += evidence.seen_most_at()
    finding.hint = hints.of_numbers(evidence)


def _look_at_small_ones(evidence, a, numeric, errors, visible):
    """Set the error of an element that is far below the largest, if it is wrong by much of itself and surely so.

    Beside the largest, nothing of it is seen. It is wrong if differences with two steps agree about it, and not with
    `a`: what is only their rounding differs from one step to the other. visible: less than this, no difference shows.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        apart, size = np.abs(a - numeric), np.maximum(np.abs(a), np.abs(numeric))
        suspects = np.flatnonzero(
            (errors <= evidence.tolerance) & (apart > visible) & (apart > max(0.1, evidence.tolerance) * size)
        )
        if len(suspects):
            again, _ = evidence.differences(10 * STEPS[0], suspects)
            sure = suspects[np.abs(again - numeric[suspects]) <= 0.01 * apart[suspects]]
            errors[sure] = apart[sure] / size[sure]


def _relative(a, n, scale, noise):
    """Return |a - n| relative to the larger, to 1/100 of the largest of this input, or to what rounding leaves."""
    with np.errstate(invalid="ignore"):
        return np.abs(a - n) / np.maximum(np.maximum(np.abs(a), np.abs(n)), max(0.01 * scale, noise))
