"""What the device would have had to do: launches of kernels, copies between host and device, waits of the host for it.

Each is a Counter by kind. An estimate from CuPy's code: a launch takes the host about 5 us, and a wait all that is queued.
"""

from collections import Counter

launches, copies, waits = Counter(), Counter(), Counter()


def reset():
    """Begin to count again."""
    for counter in (launches, copies, waits):
        counter.clear()
