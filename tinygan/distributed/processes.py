"""One training on several processes: each plays with a share of the batch, and all take the mean of their gradients.

    with DataParallel([partial(play, 1)]):  # play(1) begins in a process of its own
        play(0)                              # and plays here; both call, in every step,
                                             #     optimizer.step(average_gradients(grad(loss, parameters)))

This is data parallelism, as torch.nn.parallel.DistributedDataParallel does it: all processes hold the same weights, and since
all move them by the same mean, the weights stay the same. The mean of the shares' gradients is the gradient of the whole
batch's mean loss, so nothing is approximated; only what looks at a batch as a whole, such as batch norm, sees a share.

Why processes: threads take turns at Python's lock, which costs more than the second core gives where arrays are small
(an LSTM GAN's step on two cores: 70 ms with one thread, 70 with two, 45 with two processes).
"""

import multiprocessing
import signal
import sys

import numpy as np

from tinygan.autodiff import raw
from tinygan.backend import Layout
from tinygan.threads import core_count

ROOM = 1 << 18  # bytes that a process hands over at a time: they stay in the cache of a core
TRIES = 5000  # to find the others arrived before sleeping, about 1 ms: waking up takes longer than most waits
_group = None  # that of this process, while `DataParallel` is entered


def average_gradients(grads):
    """The mean over all processes of each of a tuple of gradients; the gradients themselves where there is one process.

    All processes must call it the same number of times with gradients of the same shapes; RuntimeError if they do not.
    """
    if _group is None:
        return grads
    return _group.mean([raw(g) for g in grads])


class ProcessEnded(RuntimeError):
    """One of the processes that train together has ended, and the others cannot go on without it."""


class DataParallel:
    """While it is entered, each of `others`, functions of nothing, runs in a process of its own beside this one.

    They are started afresh ("spawn"), on every system alike: a function must be one that `pickle` can name, so not defined
    in a notebook or a lambda, and a script needs its `if __name__ == "__main__":`. `average_gradients` waits for all of
    them, and raises ProcessEnded if one is gone; when the block ends they are stopped.
    """

    def __init__(self, others):
        self.others = list(others)
        self.started = []

    def __enter__(self):
        global _group
        if _group is not None:
            raise RuntimeError("DataParallel within DataParallel: this process shares its batch already")
        self.start()
        return self

    def start(self):
        """Start the other processes, or stop and start them again."""
        global _group
        self.stop()
        if not self.others:
            return
        context = multiprocessing.get_context("spawn")
        _group = _Group(len(self.others) + 1, context)
        for rank, other in enumerate(self.others, 1):
            process = context.Process(target=_run, args=(_group, rank, other), daemon=True)
            process.start()
            self.started.append(process)
        _group.alive = self.check

    def check(self):
        """ProcessEnded if one of the others has."""
        for rank, process in enumerate(self.started, 1):
            if process.exitcode is not None:
                raise ProcessEnded(
                    f"process {rank + 1} of {len(self.started) + 1} ended before this one, with exit code"
                    f" {process.exitcode}; what it said is above (nothing, if there was too little memory for so many)."
                )

    def stop(self):
        """Stop the other processes."""
        global _group
        _group = None
        for process in self.started:
            process.kill()
            process.join()
        self.started = []

    def __exit__(self, *_):
        self.stop()


def _run(group, rank, function):
    """What another process does."""
    global _group
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first process ends its step, then this one
    _group = group
    group.rank, group.alive = rank, _first_alive
    function()


def _first_alive():
    if not multiprocessing.parent_process().is_alive():
        sys.exit("the first process is gone")


class _Group:
    """Processes that meet in `mean`, each with a slot of shared memory in which the others read.

    There are two sets of slots in turn: while the slowest still reads one, the fastest writes to the other, and it cannot
    be ahead by two, for it waits for all to arrive in between.
    """

    def __init__(self, size, context):
        self.size, self.rank, self.met, self.alive = size, 0, 0, None
        self.arrivals = [context.Semaphore(0) for _ in range(size)]  # of each process: how many others have come
        self.memory, self.kinds = context.RawArray("b", 2 * size * ROOM), context.RawArray("q", 2 * size)
        self.tries = TRIES if size <= core_count() else 0

    def mean(self, arrays):
        """The mean over all processes of each of these arrays, which keep their order in memory."""
        layout = Layout(arrays)
        flat = layout.join(arrays)
        slots = np.frombuffer(self.memory, flat.dtype).reshape(2, self.size, -1)
        kinds = np.frombuffer(self.kinds, np.int64).reshape(2, self.size)
        kind = hash(tuple((shape, tuple(order or ())) for shape, order in zip(layout.shapes, layout.orders)))
        for start in range(0, len(flat), slots.shape[2]):
            piece, turn = flat[start : start + slots.shape[2]], self.met % 2
            shared = slots[turn, :, : len(piece)]
            np.multiply(piece, piece.dtype.type(1 / self.size), out=shared[self.rank])
            kinds[turn, self.rank] = kind
            self.meet()
            if (kinds[turn] != kind).any():
                raise RuntimeError(
                    "average_gradients: another process came with gradients of other shapes, or that lie otherwise in"
                    f" memory, here {[a.shape for a in arrays]}; all must call it as often, for the same networks"
                )
            shared.sum(0, out=piece)  # in the same order everywhere: all get the same bits
        return tuple(layout.split(flat))

    def meet(self):
        """Wait until all processes have come here."""
        for rank, arrival in enumerate(self.arrivals):
            if rank != self.rank:
                arrival.release()
        for _ in range(self.size - 1):
            self.wait(self.arrivals[self.rank])
        self.met += 1

    def wait(self, arrival):
        """Take one arrival of another process."""
        for _ in range(self.tries):
            if arrival.acquire(False):
                return
        while not arrival.acquire(True, 1.0):
            self.alive()
