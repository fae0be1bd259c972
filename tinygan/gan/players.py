"""Player: a network that learns. Game: whatever can be trained, resumed and sampled.

    class Toy(Game):
        def batch(self, k):            # real samples of step k, and what comes with them
        def step(self, k):             # train; return what is worth logging
        def draw(self, n, rng):        # n samples

A game may have any number of players. `adversarial.py` has the game of one G and one D.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import is_numpy, stream, xp
from tinygan.distributed import average_gradients
from tinygan.nn import Module
from tinygan.optim import EMA, LambdaLR, Optimizer, clip_gradients
from tinygan.progress import track
from tinygan.run.settings import RunSettings


class Batch(NamedTuple):
    """Samples x (N, ...), and what D is told beside them: labels, a sentence, a small picture, the frame before."""

    x: Any
    given: tuple = ()


class Player:
    """A network that learns: its optimiser, the share of the learning rate at each step, averages of its weights.

    averages: {label: EMA of `module`}, moved in every `move`. clip: the largest norm of its gradient; 0 is no limit.
    Two players may train one module with optimisers of their own: first by imitation, then in the game.
    """

    def __init__(
        self,
        name: str,
        module: Module,
        optimizer: Optimizer,
        share: Callable[[int], float] = lambda k: 1.0,
        *,
        averages: dict[str, EMA] | None = None,
        clip: float = 0.0,
    ):
        self.name, self.module, self.optimizer, self.clip = name, module, optimizer, clip
        self.base_lr = optimizer.lr
        self.schedule = LambdaLR(optimizer, share)
        self.averages = averages or {}
        self.parameters = module.parameters()

    @property
    def average(self) -> EMA:
        """The average that samples are drawn with."""
        return self.averages["average"]

    def move(self, loss: Tensor, k: int) -> tuple:
        """Take step k down the gradient of `loss`; return the gradient, one array for each parameter."""
        return self.follow(grad(loss, self.parameters), k)

    def follow(self, grads: tuple, k: int) -> tuple:
        """Take step k down this gradient, one array for each parameter; return its mean over all processes.

        FloatingPointError names the player and the layer of a gradient that is not finite. Nothing has moved then.
        """
        grads = average_gradients(grads)
        self.optimizer.lr = self.schedule(k)
        try:
            self.optimizer.step(clip_gradients(grads, self.clip)[0] if self.clip else grads)
        except FloatingPointError as error:
            names = [name for name, _ in self.module.named_parameters()]
            bad = ", ".join(name for name, g in zip(names, grads) if not xp(g).isfinite(g).all())
            raise FloatingPointError(f"the {self.name}'s gradient is no longer finite in {bad}") from error
        for average in self.averages.values():
            average.update(self.module)
        return grads

    def layer_norms(self, grads: Sequence) -> dict[str, float]:
        """Return {"conv1": |g|, ...}, weight and bias of a layer together."""
        squares: dict[str, float] = {}
        names = [name for name, _ in self.module.named_parameters()]
        for name, square in read_back({name: (g * g).sum() for name, g in zip(names, grads, strict=True)}).items():
            layer = name.rpartition(".")[0] or name
            squares[layer] = squares.get(layer, 0.0) + square
        return {layer: math.sqrt(square) for layer, square in squares.items()}


def read_back(row: dict[str, Any]) -> dict[str, float]:
    """Return {name: float} of arrays of one element and numbers. A GPU is waited for once, not for each."""
    arrays = {name: value for name, value in row.items() if not isinstance(value, float)}
    on_gpu = [name for name, array in arrays.items() if not is_numpy(array)]
    numbers = {name: float(array) for name, array in arrays.items() if name not in on_gpu}
    if on_gpu:
        numbers |= zip(on_gpu, xp(arrays[on_gpu[0]]).stack([arrays[name].reshape(()) for name in on_gpu]).tolist())
    return {name: numbers.get(name, value) for name, value in row.items()}


class Game:
    """Players by name, a training step, samples.

    saved: what its data taught and opening the run again needs, as JSON: a vocabulary, a scale. A subclass defines
    `batch`, `step` and `draw`.
    """

    takes: tuple[str, ...] = ()  # which of of_class, temperature, truncation and given `sample` may be asked for
    classes = 0  # samples are of so many classes in turn
    bounds: tuple[float, float] | None = None  # D's loss when it cannot tell, and when it is always right
    at_once = 256  # samples drawn at a time

    def __init__(self, players: Sequence[Player], settings: RunSettings, saved: dict | None = None):
        self.players = {player.name: player for player in players}
        if len(self.players) < len(players):
            names = ", ".join(player.name for player in players)
            raise ValueError(f"Game: players {names}: expected names that differ")
        self.settings: Any = settings
        self.saved = saved or {}

    def begin(self) -> None:
        """Give the players the weights that a setting names, if they do not begin with those drawn from the seed.

        A run that ended before its first checkpoint begins again. A game that is made for a new run has begun.
        """

    def batch(self, k: int) -> Batch:
        """Return the real samples of turn k, a function of the seed and k."""
        raise NotImplementedError

    def step(self, k: int) -> dict[str, float]:
        """Do training step k; return what is worth logging, floats by name."""
        raise NotImplementedError

    def draw(self, n: int, rng: np.random.Generator, **how: Any) -> np.ndarray:
        """Return n samples; rng is the only source of chance; how: what `takes` names."""
        raise NotImplementedError

    def sample(
        self,
        n: int,
        seed: int,
        *,
        of_class: int | None = None,
        temperature: float | None = None,
        truncation: float | None = None,
        given: Any = None,
    ) -> np.ndarray:
        """Return n samples drawn with the averaged weights, a numpy array (n, ...).

        of_class: samples of this class alone. temperature: logits of text are divided by it. truncation: z stays within
        ± this. given (n, ...): what the samples answer to. ValueError for what this game does not take.
        """
        asked = {"of_class": of_class, "temperature": temperature, "truncation": truncation, "given": given}
        how = {name: value for name, value in asked.items() if value is not None}
        for name in how.keys() - set(self.takes):
            raise ValueError(f"{name.removeprefix('of_')} {how[name]}: {REFUSALS[name]}")
        if temperature is not None and not temperature >= COLDEST:
            raise ValueError(f"temperature {temperature:g}: expected {COLDEST:g} or more")
        if n < 1:
            raise ValueError(f"n {n}: expected at least 1 sample")
        if given is not None and len(given) != n:
            raise ValueError(f"given: {len(given)} for {n} samples; expected as many")
        if of_class is not None:
            if given is not None:
                raise ValueError("of_class and given: expected one of them, as a class is given by either")
            del how["of_class"]
            if not 0 <= of_class < self.classes:
                raise ValueError(f"class {of_class}: classes are 0 to {self.classes - 1}")
            return self.sample(n * self.classes, seed, **how)[of_class :: self.classes]
        classes, samples = self.classes or 1, []
        at_once = max(1, self.at_once // classes) * classes  # every batch begins with class 0
        with no_grad():
            for start in track(range(0, n, at_once), "drawing samples"):
                count = min(at_once, n - start)
                if given is not None:
                    how["given"] = given[start : start + count]
                samples.append(self.draw(count, stream(seed, "sample", start), **how))
        return np.concatenate(samples)

    def made(self, samples: np.ndarray) -> list[np.ndarray]:
        """Return what each generator made of inputs that differ, of samples that `sample` returned: arrays (N, ...)."""
        return [samples]

    def parts(self) -> dict[str, Any]:
        """Return all that training changes, by name; what two players share comes once."""
        parts: dict[str, Any] = {}
        for player in self.players.values():
            owned = {player.name: player.module, f"{player.name}_optimizer": player.optimizer}
            owned |= {f"{player.name}_{label}": average for label, average in player.averages.items()}
            known = {id(part) for part in parts.values()}
            parts |= {name: part for name, part in owned.items() if id(part) not in known}
        return parts

    def set_pace(self, pace: float) -> None:
        """Let every player learn at this multiple of its learning rate, as it was when the game was made."""
        for player in self.players.values():
            player.schedule.base_lr = player.base_lr * pace


COLDEST = 1e-6  # temperature: the likeliest token is all but certain, and logits divided by it are float32 yet
REFUSALS = {  # what `sample` says where a game does not take it
    "of_class": "this run has no classes; those of `cgan` have",
    "temperature": "these samples have no temperature; those of `names` have",
    "truncation": "these samples are not drawn from a normal z that could be truncated",
    "given": "these samples answer to nothing that could be given",
}
