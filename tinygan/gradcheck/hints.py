"""What a wrong gradient looks like: from the numbers to the likely mistake.

`Evidence` measures: finite differences, one-sided slopes and, if the outputs are few, through which of them an error comes.
Below it stands one function per mistake. Each looks at the evidence and returns a sentence or None; the first sentence is
the hint. Write a new function at the end of the file for a mistake that has none.
"""

import numpy as np

from tinygan.gradcheck.inputs import GradientError

MANY = 64  # with more outputs, the gradient is not looked at output by output: each costs a backward pass


class Evidence:
    """The gradient of one input: `a` analytic and `n` numeric at `places`, `wrong` says where they disagree."""

    def __init__(self, subject, k, analytic, places, gs, outputs, tolerance):
        self.subject, self.k, self.analytic, self.places, self.gs = subject, k, analytic, places, gs
        self.outputs, self.tolerance = outputs, tolerance
        self.name, self.x = subject.names[k], subject.arrays[k]
        self.g = _flat(gs)

    def settle(self, numeric, columns, wrong, worst):
        """Keep the outcome of the comparison for the hints."""
        self.n, self.columns, self.wrong, self.worst = numeric, columns, wrong, worst
        self.a = self.analytic.reshape(-1)[self.places]
        self.scale = np.abs(numeric[np.isfinite(numeric)]).max(initial=0.0)
        self.complete = len(self.places) == self.x.size

    def differences(self, step, subset=slice(None)):
        """Return (numeric, columns): <g, Δf> / Δx for each place, and Δf / Δx for each output by itself if they are few."""
        places = self.places[subset]
        numeric, columns = np.empty(len(places)), []
        with np.errstate(all="ignore"):
            for row, place in enumerate(places):
                h = step * max(1.0, abs(self.x.flat[place]))
                slope = self._slope(place, h, -h)
                numeric[row] = (self.g * slope).sum()
                if self.g.size <= MANY:
                    columns.append(slope)
        return numeric, np.array(columns) if columns else None

    def one_sided(self, place, h):
        """Return the slopes of <g, f> to the left and to the right of a place."""
        with np.errstate(all="ignore"):
            return tuple((self.g * self._slope(place, *ends)).sum() for ends in ((0.0, -h), (h, 0.0)))

    def _slope(self, place, up, down):
        values, ends = [], []
        for move in (up, down):
            x = self.x.copy(order="K")
            x.flat[place] += move
            arrays = list(self.subject.arrays)
            arrays[self.k] = x
            outputs = self.subject.value(arrays)
            if [y.shape for y in outputs] != [y.shape for y in self.outputs]:
                raise GradientError(
                    f"{self.subject.title}: the output's shape depends on the values: {_shapes(self.outputs)} became"
                    f" {_shapes(outputs)} when {self.name}{_place(np.unravel_index(place, x.shape))} moved by {move:.0e}; no"
                    " gradient can be checked across such a step"
                )
            values.append(_flat(outputs))
            ends.append(x.flat[place])
        change = np.where(values[0] == values[1], 0.0, values[0] - values[1])  # a masked -inf stays -inf: no change
        return change / (ends[0] - ends[1])

    @property
    def rows(self):
        """(outputs, places): what the backward pass says for each output alone; None if there are many."""
        if not hasattr(self, "_rows"):
            self._rows = None
            if self.columns is not None:
                self._rows = np.array([self._gradient(unit) for unit in np.eye(self.g.size)])
        return self._rows

    def _gradient(self, g):
        gs, start = [], 0
        for like in self.gs:
            gs.append(g[start : start + like.size].reshape(like.shape))
            start += like.size
        gradient = np.asarray(self.subject.gradients(self.subject.arrays, gs)[self.k], dtype=np.float64)
        return gradient.reshape(-1)[self.places]

    def output_name(self, o):
        """Return the name of output element number o: output[1, 2]."""
        for i, y in enumerate(self.outputs):
            if o < y.size:
                names = self.subject.outputs or (["output"] if len(self.outputs) == 1 else None)
                name = names[i] if names else f"output {i}"
                return name + _place(np.unravel_index(o, y.shape))
            o -= y.size

    def input_name(self, row):
        """Return the name of checked element number `row`: x[0, 3]."""
        return self.name + _place(np.unravel_index(self.places[row], self.x.shape))

    def seen_most_at(self):
        """Return in words the output through which the worst element went wrong; nothing if there are many outputs."""
        if self.rows is None or self.g.size < 2 or not np.isfinite(self.columns[self.worst]).all():
            return ""
        o = int(np.argmax(np.abs(self.rows[:, self.worst] - self.columns[self.worst]) * np.abs(self.g)))
        numeric, analytic = self.columns[self.worst, o], self.rows[o, self.worst]
        if abs(numeric - analytic) < 1e-3 * abs(numeric):  # right for each output alone: backward is not linear in g
            return ""
        return (
            f"; seen most at {self.output_name(o)}, where g = {self.g[o]:.3g}: d {self.output_name(o)} /"
            f" d {self.input_name(self.worst)} is {numeric:.6g}, not {analytic:.6g}"
        )

    def alike(self, a, n, tolerance=1e-4):
        """Return whether two arrays are equal but for rounding."""
        return a.shape == n.shape and bool(np.all(np.abs(a - n) <= tolerance * (np.abs(n) + 0.01 * self.scale)))


def _flat(arrays):
    return np.concatenate([np.asarray(a, np.float64).reshape(-1) for a in arrays]) if arrays else np.empty(0)


def _shapes(arrays):
    return ", ".join(str(y.shape) for y in arrays)


def _place(index):
    return f"[{', '.join(str(int(i)) for i in index)}]" if len(index) else ""


# --- wrong before any number is looked at ----------------------------------------------------------------------


def of_form(analytic, outputs, names, arrays, k):
    """Return the likely mistake behind the k-th gradient, which is missing, or has another shape or type than its input."""
    a, x = analytic[k], arrays[k]
    if a is None:
        return "does the backward pass end in a return with all its gradients? Only an input of integers may have None"
    a = np.asarray(a)
    if a.shape == x.shape:
        if a.dtype.kind in "iub":
            return "an array of integers inside (np.zeros_like of integers, //) rounds the gradient"
        return "an array made inside without the input's type, or a cast; np.zeros_like(x) keeps the type"
    if sorted(np.shape(a) for a in analytic) == sorted(np.shape(x) for x in arrays):  # each is there, elsewhere
        of = names[[np.shape(x) for x in arrays].index(a.shape)]
        return f"that is the shape of {of}: return the gradients in the order of the inputs, {', '.join(names)}"
    if a.ndim == x.ndim and a.shape == x.shape[::-1]:
        return "it is transposed; for y = x @ w the gradients are dx = g @ w.T and dw = x.T @ g"
    axes = _broadcast_axes(x.shape, a.shape)
    if axes:
        keep = ", keepdims=True" if a.ndim == x.ndim else ""
        axis = axes[0] if len(axes) == 1 else tuple(axes)
        return (
            f"{names[k]} was broadcast, every copy has a share in the gradient: sum over the repeated axes,"
            f" .sum(axis={axis}{keep})"
        )
    if a.size == x.size:
        return (
            f"the number of elements is right: undo what the forward pass did to the shape, .reshape({names[k]}.shape)"
        )
    if any(a.shape == y.shape for y in outputs):
        return "that is the shape of the output: the gradient was not carried back to the input"
    if a.ndim < x.ndim:
        return "it was summed over too many axes, or an axis was lost without keepdims=True"
    return f"each element of {names[k]} has exactly one element of the gradient"


def _broadcast_axes(small, large):
    """Return the axes of `large` along which `small` was repeated, or None if it cannot have been."""
    lead = len(large) - len(small)
    if lead < 0 or any(s not in (1, n) for s, n in zip(small, large[lead:])):
        return None
    return [*range(lead), *(i + lead for i, s in enumerate(small) if s == 1 != large[i + lead])]


# --- wrong in its numbers: one function per mistake, asked in this order -------------------------------------------


def of_numbers(evidence):
    """Return the first of the hints below that fits, or None."""
    with np.errstate(all="ignore"):
        for hint in HINTS:
            sentence = hint(evidence)
            if sentence:
                return sentence
    return None


def _not_finite(e):
    if not np.isfinite(e.a).all():
        return (
            f"the backward pass gives {e.a[~np.isfinite(e.a)][0]}: a division by 0, log(0) or 0 * inf in it;"
            " replace the dangerous value before the division (x + (x == 0)), not the result after it"
        )
    if not np.isfinite(e.n).all():
        return "f itself is not finite next to this point, at the border of its domain: move the input inside"


def _kink(e):
    wrong = np.flatnonzero(e.wrong)[:20]
    if not all(_is_kink(e, row) for row in wrong):
        return None
    left, right = e.one_sided(e.places[e.worst], 1e-5)
    value = e.x.flat[e.places[e.worst]]
    return (
        f"a kink: at {e.input_name(e.worst)} = {value:.6g} the slope is {left:.4g} on the left and {right:.4g} on"
        " the right (relu at 0, two equal maxima, a jump). Finite differences cannot judge here: move the input"
        " away from it"
    )


def _is_kink(e, row):
    """Return whether the one-sided slopes stay apart as the step shrinks (or grow, at a jump); curvature would shrink."""
    gaps = []
    for h in (1e-5, 1e-6):
        left, right = e.one_sided(e.places[row], h)
        if not np.isfinite([left, right]).all():
            return True
        gaps.append((abs(left - right), max(abs(left), abs(right))))
    return gaps[0][0] > 1e-3 * max(gaps[0][1], 1e-3) and gaps[1][0] > 0.5 * gaps[0][0]


def _zero(e):
    if not np.any(e.a) and np.any(e.n):
        if e.subject.can_differentiate:
            return (
                "the gradient is 0 everywhere: raw(), .data, detach() or no_grad() cuts the history on the way, or a"
                " vjp is 0"
            )
        return (
            "the gradient is 0 everywhere: an array of zeros that was never filled, or a product with a mask of zeros"
        )
    if np.any(e.a) and np.abs(e.n).max(initial=0.0) < 1e-9:
        return f"the output does not depend on {e.name} here: its gradient must be 0"


def _sizes(e):
    """Return what the numbers of elements mean: {12: "the number of elements of x"}."""
    sizes: dict = {}
    for name, array in zip(e.subject.names, e.subject.arrays):
        for axis, n in enumerate(array.shape):
            sizes.setdefault(n, f"the length of axis {axis} of {name}")
        if array.ndim != 1:
            sizes.setdefault(array.size, f"the number of elements of {name}")
    for y in e.outputs:
        for axis, n in enumerate(y.shape):
            sizes.setdefault(n, f"the length of axis {axis} of the output")
        sizes.setdefault(y.size, "the number of elements of the output")
    return sizes


def _constant_factor(e):
    if len(e.n) < 2 and e.g.size < 2 and not e.complete:
        return None
    factor = float(e.a @ e.n / (e.n @ e.n))
    if not np.isfinite(factor) or abs(factor) < 1e-6 or not e.alike(e.a, factor * e.n):
        return None
    if abs(factor + 1) < 1e-4:
        return "analytic = -1 x numeric: the sign is flipped"
    for n, meaning in _sizes(e).items():
        if n > 2 and abs(factor / n - 1) < 1e-4:
            return (
                f"analytic = {n} x numeric, {meaning}: forward takes the mean, backward that of the sum; divide by {n}"
            )
        if n > 2 and abs(factor * n - 1) < 1e-4:
            return f"analytic = numeric / {n}, {meaning}: backward divides for a mean where forward takes the sum"
    sign = " and the sign is flipped" if factor < 0 else ""
    size = _sizes(e).get(2)
    if abs(abs(factor) - 2) < 1e-4:
        mean = f", or a mean over 2 ({size}) taken for a sum" if size else ""
        return f"analytic = 2 x numeric{sign}: a 1/2 of the forward pass is missing, or a path is counted twice{mean}"
    if abs(abs(factor) - 0.5) < 1e-4:
        mean = f", or a sum over 2 ({size}) taken for a mean" if size else ""
        return (
            f"analytic = 0.5 x numeric{sign}: the 2 of d(x^2) = 2x is missing, or {e.name} is used twice and only"
            f" one of the two gradients is added{mean}"
        )
    if len(e.n) > 1:
        return f"analytic = {factor:.6g} x numeric everywhere: a constant factor is wrong or missing"


def _without_g(e):
    if e.columns is None:
        return None
    if e.alike(e.a, e.columns.sum(1)):
        return "this is the gradient for g = 1: multiply by the upstream gradient g (the chain rule)"
    if e.alike(e.a, e.columns.sum(1) * e.g.mean()):
        return "g was averaged: every output has its own upstream gradient, use g element by element"
    if e.alike(e.a, e.columns @ (e.g * e.g)):
        return "g is multiplied in twice"


def _of_another_input(e):
    for j, other in enumerate(e.subject.arrays):
        if j != e.k and other.shape == e.x.shape and e.complete and len(e.a):
            theirs = Evidence(e.subject, j, e.analytic, e.places, e.gs, e.outputs, e.tolerance)
            if e.alike(e.a, theirs.differences(1e-5)[0]):
                return f"this is the gradient of {e.subject.names[j]}: return the gradients in the order of the inputs"


def _displaced(e):
    if not e.complete or len(e.a) < 3:
        return None
    a, n = e.a.reshape(e.x.shape), e.n.reshape(e.x.shape)
    if a.ndim == 2 and a.shape[0] == a.shape[1] and e.alike(a.T, n):
        return "right, but transposed; for y = x @ w the gradients are dx = g @ w.T and dw = x.T @ g"
    for axis in range(a.ndim):
        if e.alike(np.flip(a, axis), n):
            return f"right, but reversed along axis {axis}"
    if e.alike(np.sort(e.a), np.sort(e.n)):
        return (
            "the right numbers in the wrong places: axes exchanged, a reshape where a transpose belongs, or the"
            " wrong index"
        )


def _one_sign(e):
    x = e.x.reshape(-1)[e.places]
    for text, region in ((f"{e.name} < 0", x < 0), (f"{e.name} > 0", x > 0)):
        if (e.wrong == region).all() and not region.all() and len(x) > 2:
            return (
                f"wrong exactly where {text}: that branch of the function has another slope (the mask, its other side?)"
            )


def _repeated_index(e):
    rows = {int(index[0]) for index in _coordinates(e, e.wrong)} if e.x.ndim else set()
    for name, value in e.subject.passed:
        index = np.asarray(getattr(value, "data", value)) if hasattr(value, "shape") else np.empty(0)
        if index.dtype.kind in "iu" and index.size:
            values, counts = np.unique(index, return_counts=True)
            repeated = {int(v) % len(e.x) for v in values[counts > 1]} if e.x.ndim else set()
            if rows and rows == repeated:
                return (
                    f"wrong exactly in the rows that {name} names more than once ({_list(rows)}): d[{name}] += g"
                    " keeps only one"
                    f" of them, np.add.at(d, {name}, g) adds all"
                )


def _some_outputs_missing(e):
    if e.rows is None or e.g.size < 2:
        return None
    small = 1e-4 * np.abs(e.columns).max(initial=1e-9)
    absent = (np.abs(e.rows) <= small).all(1) & (np.abs(e.columns.T) > small).any(1)
    right = (np.abs(e.rows - e.columns.T) <= small).all(1)
    if absent.any() and right.any() and (absent | right).all():
        names = [e.output_name(o) for o in np.flatnonzero(absent)]
        return (
            f"nothing comes from {_list(names)}: in a loop over steps or parts, add (+=) each one's gradient, do not"
            " assign (=),"
            " and let the loop reach the last one"
        )


def _only_diagonal(e):
    if e.rows is None or e.g.size != e.x.size or e.x.size < 2 or not e.complete:
        return None
    small = 1e-4 * np.abs(e.columns).max(initial=1e-9)
    off = ~np.eye(e.g.size, dtype=bool)
    if (np.abs(e.rows) <= small)[off].all() and (np.abs(e.columns.T) > small)[off].any():
        o, row = np.argwhere(off & (np.abs(e.columns.T) > small))[0]
        return (
            f"each output was taken to depend on its own input only, but {e.output_name(o)} depends on"
            f" {e.input_name(row)} too"
            f" ({e.columns[row, o]:.3g}): the sum or mean inside (softmax, normalisation) has a gradient as well"
        )


def _input_for_output(e):
    g = e.gs[0]
    if len(e.gs) == 1 and g.shape == e.x.shape and e.complete:
        x, g = e.x.reshape(-1), g.reshape(-1)
        for formula, slope, function in (("1 - y*y", 1 - x * x, "tanh"), ("y * (1 - y)", x * (1 - x), "sigmoid")):
            if e.alike(e.a, g * slope):
                return (
                    f"{formula}, the derivative of {function}, takes the output y = {function}({e.name}), not {e.name}"
                )


def _extra_factor(e):
    factors = [(e.name, e.x.reshape(-1)[e.places])]
    if e.complete:
        factors += [("the output", y.reshape(-1)) for y in e.outputs if y.shape == e.x.shape]
    for name, factor in factors:
        for power, text in ((1, name), (2, f"{name} squared")):
            if np.ptp(np.abs(factor)) > 1e-3 and e.alike(e.a, e.n * factor**power):
                return f"analytic = numeric times {text}: that factor is one too many"
            if np.ptp(np.abs(factor)) > 1e-3 and e.alike(e.a * factor**power, e.n):
                return f"analytic = numeric divided by {text}: that factor is missing"


def _one_place(e):
    if e.wrong.all() or (not e.complete and len(e.a) < 10):
        return None
    wrong, right = _coordinates(e, e.wrong), _coordinates(e, ~e.wrong)
    for axis in range(e.x.ndim):
        bad, good = {int(i[axis]) for i in wrong}, {int(i[axis]) for i in right}
        if not bad & good and len(bad) < e.x.shape[axis]:
            return (
                f"wrong exactly at {_list(sorted(bad))} along axis {axis} of {e.name}: a border, an offset, a slice"
                " one short?"
            )


def _coordinates(e, rows):
    return np.stack(np.unravel_index(e.places[rows], e.x.shape), 1) if e.x.ndim else np.zeros((0, 0), int)


def _list(items, most=4):
    items = [str(item) for item in items]
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


HINTS = (
    _not_finite, _kink, _zero, _constant_factor, _without_g, _of_another_input, _displaced, _one_sign, _repeated_index,
    _one_place, _some_outputs_missing, _only_diagonal, _input_for_output, _extra_factor,
)  # fmt: skip
