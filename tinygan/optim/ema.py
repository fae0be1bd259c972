"""The running average of a network's weights. Its samples are better than those of the weights of any one step."""

import copy
from collections.abc import Mapping
from typing import Any

from tinygan.backend import Array, device_of, xp
from tinygan.checks import check_number
from tinygan.optim.optimizers import Flat, Whole


class EMA:
    """Average weights, w̄ ← decay w̄ + (1 - decay) w, at every update; buffers are copied. Yazıcı et al. 2019.

        average = EMA(generator, decay=0.999)
        ...
        optimizer.step(grads)
        average.update(generator)
        pictures = average.module(noise)

    `module` is a copy of the network that holds w̄, in eval mode and without gradients. The network itself stays
    unchanged, so nothing has to be swapped in and out. `decay` may be assigned between updates, e.g. min(0.999, k / (k
    + 10)).
    """

    def __init__(self, module: Any, decay: float = 0.999) -> None:
        if not hasattr(module, "parameters"):
            raise TypeError(f"EMA takes a module, not its parameters: got a {type(module).__name__}")
        self.decay = check_number("EMA", "decay", decay, below=1.0)
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        for ours, theirs in zip(self.module.parameters(), module.parameters()):
            ours.data = theirs.data.copy(order="K")  # deepcopy forgets on a GPU that a weight is channels-last
        kinds: dict[Any, list[int]] = {}  # dtype: the positions of the parameters that have it
        parameters = self.module.parameters()
        for i, p in enumerate(parameters):
            kinds.setdefault(p.dtype, []).append(i)
        self._shapes = [p.shape for p in parameters]
        self._flats = [(positions, Flat([parameters[i] for i in positions], "EMA")) for positions in kinds.values()]

    def __repr__(self) -> str:
        return f"EMA(decay={self.decay}, module={type(self.module).__name__})"

    def update(self, module: Any) -> None:
        """Move the average towards `module` as it is now, and to the device where it is now. Ctrl-C waits for the end."""
        with Whole():
            self._update(module)

    def _update(self, module: Any) -> None:
        arrays = [p.data for p in module.parameters()]
        if [a.shape for a in arrays] != self._shapes:
            raise ValueError(f"EMA.update: {type(module).__name__} has other parameters than the network that it was made of")
        for positions, flat in self._flats:
            if xp(flat.tensors[0].data) is not xp(arrays[positions[0]]):  # the network was moved: Module.to
                self.module.to(device_of(arrays[positions[0]]))
            mean = flat.read()
            new = flat.join([arrays[i] for i in positions])
            new -= mean
            new *= 1 - self.decay
            new += mean
            flat.write(new)
        for ours, theirs in zip(self.module.modules(), module.modules()):
            for name in theirs._buffers:
                array = getattr(theirs, name)
                setattr(ours, name, None if array is None else array.copy())

    def state_dict(self) -> dict[str, Array]:
        """Return the state_dict of the averaged network; it loads wherever the network's own loads."""
        return self.module.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Array]) -> None:
        """Load a saved average."""
        self.module.load_state_dict(state_dict)
