"""Mistakes of assignment 1: the old text, which occurs once in the source, the new text, the tests that must fail."""

PASS_ON = "slopes[parent] = slopes.get(parent, 0.0) + slopes[v] * slope"
HISTORY = """    seen, stack = {y}, [y]
    while stack:
        for parent in stack.pop().parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return list(seen)
"""
ONCE_FOR_EACH_USE = """    seen = [y]
    for v in seen:
        seen.extend(v.parents)
    return seen
"""
HISTORY_BY_CALLS = """    def visit(v, seen):
        if v not in seen:
            seen.append(v)
            for parent in v.parents:
                visit(parent, seen)
        return seen
    return visit(y, [])
"""
GRADIENTS = """    slopes = dict.fromkeys(found, 0.0)
    slopes[y] = 1.0
    for v in sorted(found, key=lambda v: v.order, reverse=True):
        for parent, slope in zip(v.parents, v.slopes):
            slopes[parent] += slopes[v] * slope
"""
TOO_EARLY = """    slopes = dict.fromkeys(found, 0.0)
    slopes[y] = 1.0
    waiting, been = [y], set()
    while waiting:
        v = waiting.pop(0)
        for parent, slope in zip(v.parents, v.slopes):
            slopes[parent] += slopes[v] * slope
            if parent not in been:
                been.add(parent)
                waiting.append(parent)
"""
BY_CALLS = """    order, seen = [], set()
    def visit(v):
        if v not in seen:
            seen.add(v)
            for parent in v.parents:
                visit(parent)
            order.append(v)
    visit(y)
    slopes = dict.fromkeys(order, 0.0)
    slopes[y] = 1.0
    for v in reversed(order):
        for parent, slope in zip(v.parents, v.slopes):
            slopes[parent] += slopes[v] * slope
"""
CENTRAL = "return (f(*more) - f(*less)) / (2 * h)"
COPIES = "more, less = list(inputs), list(inputs)\n    more[i] += h\n    less[i] -= h\n    " + CENTRAL
IN_PLACE = """inputs[i] += h
    more = f(*inputs)
    inputs[i] -= 2 * h
    less = f(*inputs)
    inputs[i] += h
    return (more - less) / (2 * h)"""
PRODUCT = "self.slope * factor.value + self.value * factor.slope"

MISTAKES = [
    ("the slope to the divisor has the wrong sign", "-a.value / b.value**2", "a.value / b.value**2", ["1.1a"]),
    ("the divisor is not squared", "-a.value / b.value**2", "-a.value / b.value", ["1.1a"]),
    ("tanh: 1 - a * a", "(a,), (1 - y * y,))", "(a,), (1 - a.value * a.value,))", ["1.1b"]),
    ("= for += at forks", PASS_ON, "slopes[parent] = slopes[v] * slope", ["1.2b", "1.2c"]),
    ("without the slope of v", PASS_ON, "slopes[parent] = slopes.get(parent, 0.0) + slope", ["1.2a", "1.2b", "1.2c"]),
    (
        "the same parent twice counts once",
        "    for parent, slope in zip(v.parents, v.slopes):\n        slopes[parent] = slopes.get",
        "    for parent, slope in dict(zip(v.parents, v.slopes)).items():\n        slopes[parent] = slopes.get",
        ["1.2c"],
    ),
    ("a number is listed once for each use", HISTORY, ONCE_FOR_EACH_USE, ["1.3a"]),
    ("a history by calls inside calls", HISTORY, HISTORY_BY_CALLS, ["1.3b"]),
    ("y is missing in its history", "seen, stack = {y}, [y]", "seen, stack = set(), [y]", ["1.3a", "1.3b"]),
    ("passed on before all uses are summed", GRADIENTS, TOO_EARLY, ["1.4b"]),
    ("= for += in the pass backwards", "slopes[parent] += slopes[v] * slope", "slopes[parent] = slopes[v] * slope", ["1.4b"]),
    ("recursion on 10,000 numbers", GRADIENTS, BY_CALLS, ["1.4c"]),
    ("the first made goes first", "v.order, reverse=True", "v.order", ["1.4a", "1.4b", "1.4c"]),
    ("the slope of y to itself is 0", "slopes[y] = 1.0", "slopes[y] = 0.0", ["1.4a", "1.4b", "1.4c"]),
    ("a difference to one side", CENTRAL, "return (f(*more) - f(*inputs)) / h", ["1.5a"]),
    ("divided by h, not 2 h", CENTRAL, "return (f(*more) - f(*less)) / h", ["1.5a", "1.5b"]),
    ("h and -h are added to all inputs", "    more[i] += h\n    less[i] -= h\n",
     "    more, less = [v + h for v in inputs], [v - h for v in inputs]\n", ["1.5b"]),
    ("the inputs are changed, and rounded", COPIES, IN_PLACE, ["1.5c"]),
    ("a product with one term", PRODUCT, "self.slope * factor.value", ["1.6a"]),
    ("a constant has the slope 1", "def __init__(self, value, slope=0.0)", "def __init__(self, value, slope=1.0)", ["1.6b"]),
    ("tanh forgets the slope that came in", "(1 - y * y) * self.slope", "1 - y * y", ["1.6c"]),
]  # fmt: skip
