"""A running average of a network's weights, which draws better pictures than the weights of any one step."""

import copy

from tinygan.optim.optimizers import Flat


class EMA:
    """w̄ ← decay w̄ + (1 - decay) w at every update; buffers are copied. Yazıcı et al. 2019.

        average = EMA(generator, decay=0.999)
        ...
        optimizer.step(grads)
        average.update(generator)
        pictures = average.module(noise)

    `module` is a copy of the network that holds w̄, in eval mode and not trained. The network itself is left alone, so
    there is nothing to swap in and out. `decay` may be assigned between updates, e.g. min(0.999, k / (k + 10)).
    """

    def __init__(self, module, decay=0.999):
        if not 0 <= decay <= 1:
            raise ValueError(f"EMA: decay must be between 0 and 1, got {decay}")
        self.decay = decay
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        kinds = {}  # dtype -> the numbers of the parameters that have it
        parameters = self.module.parameters()
        for i, p in enumerate(parameters):
            kinds.setdefault(p.dtype, []).append(i)
        self._flats = [(numbers, Flat([parameters[i] for i in numbers], "EMA")) for numbers in kinds.values()]

    def update(self, module):
        """Move the average towards `module` as it is now."""
        arrays = [p.data for p in module.parameters()]
        for numbers, flat in self._flats:
            mean = flat.read()
            new = flat.join([arrays[i] for i in numbers])
            new -= mean
            new *= 1 - self.decay
            new += mean
            flat.write(new)
        for ours, theirs in zip(self.module.modules(), module.modules()):
            for name in theirs._buffers:
                array = getattr(theirs, name)
                setattr(ours, name, None if array is None else array.copy())

    def state_dict(self):
        """That of the averaged network: a file of it loads wherever the network's own does."""
        return self.module.state_dict()

    def load_state_dict(self, state_dict):
        """Take up a saved average."""
        self.module.load_state_dict(state_dict)
