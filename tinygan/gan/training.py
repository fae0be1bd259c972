"""The game itself: settings that all recipes share, what a recipe hands over, and one training step.

`training_step` is the algorithm box of Goodfellow et al. 2014, and reads like it. What varies from recipe to recipe is
passed in: networks, data, objective, penalty. `loop.py` has the loop around it, `run.py` the files.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import stream, xp
from tinygan.distributed import average_gradients
from tinygan.gan.augment import CHANGES, augmented, blurred, packed
from tinygan.gan.latent import Between, SparseCode, Truncated, sparse_code
from tinygan.gan.objectives import OBJECTIVES, smoothed
from tinygan.gan.penalties import PENALTIES, clip_weights
from tinygan.nn import Module
from tinygan.ops import abs, mean
from tinygan.optim import EMA, Adam, clip_grad_norm
from tinygan.plot import layer_norms


def setting(default, meaning, low=None, high=None, choices=None):
    """A field of a Settings dataclass: its default, one sentence that says what it is, and what values it may take."""
    return field(default=default, metadata={"meaning": meaning, "low": low, "high": high, "choices": choices})


NORMS_EVERY = 100  # steps; a row of the log then has the norm of every layer's gradient

# The learning rate's share of itself, after a share t of the steps in which it falls is done.
SCHEDULES = {
    "constant": lambda t: 1.0,
    "linear": lambda t: 1.0 - t,
    "cosine": lambda t: 0.5 * (1 + math.cos(math.pi * t)),
    "exponential": lambda t: 0.01**t,  # as long at every size
}


@dataclass
class Settings:
    """What all recipes can be told. A recipe's own Settings inherits these and changes defaults."""

    seed: int = setting(0, "All chance in a run is a function of it and the step.", 0)
    steps: int = setting(4000, "Training steps; each moves both players once, D n_critic times.", 1)
    batch_size: int = setting(64, "Samples of each kind, real and generated, in a step.", 1)
    processes: int = setting(
        1, "Processes that train together, each on its share of the batch, best no more than cores. CPU only.", 1
    )
    n_critic: int = setting(1, "D's turns in a training step, each with new samples; WGAN takes 5.", 1)
    learning_rate: float = setting(1e-3, "Adam's learning rate, before it falls.", 0.0)
    d_rate: float = setting(1.0, "D's learning rate as a multiple of learning_rate, which is then G's alone.", 0.0)
    beta1: float = setting(0.0, "Adam's decay of the mean gradient; 0 is none.", 0.0, 1.0)
    beta2: float = setting(0.99, "Adam's decay of the mean squared gradient.", 0.0, 1.0)
    warmup: int = setting(0, "Steps in which the learning rate rises in a line from 0, before all else.", 0)
    schedule: str = setting("linear", "How the learning rate falls to 0, or to 1 %, at the end.", choices=tuple(SCHEDULES))
    decay_from: float = setting(0.5, "Share of the steps after which the learning rate falls.", 0.0, 1.0)
    objective: str = setting("relativistic", "What the players want.", choices=tuple(OBJECTIVES))
    penalty: str = setting("r1+r2", "Where D's slope is penalised.", choices=tuple(PENALTIES))
    gamma: float = setting(
        1.0,
        "Weight of the penalty: gamma/2 E |slope of D|² for r1, r2 and both; gamma E (|slope of D| - 1)² for wgan-gp and"
        " dragan, where 10 is usual. 0 is no penalty.",
        0.0,
    )
    gamma_end: float = setting(0.0, "gamma at the last step, to which it falls at an even pace; 0: it stays.", 0.0)
    penalty_every: int = setting(1, "The penalty is taken every so many steps, as many times as strong.", 1)
    clip_weights: float = setting(0.0, "D's weights are kept within plus and minus this, WGAN's .01; 0: free.", 0.0)
    clip_gradients: float = setting(
        0.0, "A player's gradient, all weights together, is scaled down to this norm if larger; 0: never.", 0.0
    )
    augment: str = setting(
        "", f"D sees pictures under these changes, joined by +: {', '.join(CHANGES)}; DiffAugment. Empty: as they are."
    )
    packing: int = setting(1, "D judges so many samples at once, joined along channels or features; PacGAN.", 1)
    smoothing: float = setting(0.0, "D's target for real samples is 1 less this; .1 is usual.", 0.0, 0.5)
    instance_noise: float = setting(
        0.0, "Standard deviation of noise on all that D sees, at first; falls in a line to 0 at the last step.", 0.0
    )
    sparsity: float = setting(
        0.0,
        "Weight in G's loss of E |h|, h the features that its layer SparseCode gives: few are active at a time.",
        0.0,
    )
    ema: float = setting(0.998, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)

    packs = False  # whether the recipe's D has room for packs; a recipe whose D has says True

    def __post_init__(self):
        for f in fields(self):
            check_setting(f, getattr(self, f.name))
            if f.name in self.unheeded() and getattr(self, f.name) != f.default:
                raise ValueError(
                    f"{f.name}={getattr(self, f.name)!r}: the training step of this recipe has no such thing and would go"
                    " on without it; leave it out"
                )
        refuse_nonsense(self)

    def shares(self):
        """Settings of each of the processes: its part of the batch, and chance of its own."""
        part = {"batch_size": self.batch_size // self.processes, "processes": 1}
        return [replace(self, **part, seed=self.seed + (rank << 32)) for rank in range(self.processes)]

    def unheeded(self):
        """Names of settings that the recipe's step has no use for: a recipe with a step of its own has some."""
        return ()


def refuse_nonsense(s):
    """Raise ValueError for settings that are each possible and make no sense together; the sentence says why."""
    pulls_to_1 = s.penalty != "none" and PENALTIES[s.penalty].target > 0
    if pulls_to_1 and s.gamma == 0:
        raise ValueError(f"penalty={s.penalty} with gamma=0.0 penalises nothing: give it a weight, gamma=10 is usual")
    if pulls_to_1 and s.clip_weights > 0:
        raise ValueError(
            f"penalty={s.penalty} draws D's slope to 1 and clip_weights={s.clip_weights} forbids it: leave one of them out"
        )
    if s.gamma_end and s.gamma == 0:
        raise ValueError(f"gamma_end={s.gamma_end} with gamma=0.0: there is no penalty that could fall; give gamma a weight")
    if s.d_rate == 0:
        raise ValueError("d_rate=0.0: D would never learn, and G have nothing to learn from; 1 is the same rate as G's")
    if s.packing > 1 and not s.packs:
        raise ValueError(f"packing={s.packing}: this recipe's D takes one sample at a time")
    if s.batch_size % s.packing:
        raise ValueError(f"packing={s.packing} does not divide batch_size={s.batch_size}: every pack needs as many")
    if s.batch_size % (s.processes * s.packing):
        each = " packs" * (s.packing > 1)
        raise ValueError(
            f"processes={s.processes} do not divide batch_size={s.batch_size}: each takes as many{each} of them; take a"
            f" batch_size of {-(-s.batch_size // (s.processes * s.packing)) * s.processes * s.packing}"
        )
    if s.smoothing and not OBJECTIVES[s.objective].targets:
        able = ", ".join(name for name, objective in OBJECTIVES.items() if objective.targets)
        raise ValueError(
            f"smoothing={s.smoothing} with objective={s.objective}, whose D has no target for real samples that could be"
            f" lowered: leave it out, or take {able}"
        )


def refuse_misfits(game):
    """Raise ValueError for settings that do not fit the recipe's players and samples, before anything is trained."""
    s, layers = game.settings, [*game.generator.modules(), *game.discriminator.modules()]
    held = s.clip_weights or (s.penalty != "none" and s.gamma > 0) or any(hasattr(m, "_spectral") for m in layers)
    if s.objective == "wasserstein" and not held:
        raise ValueError(
            "objective=wasserstein with a D whose slope nothing holds: its loss falls for ever, by growing; take"
            " penalty=wgan-gp with gamma=10, or clip_weights=.01, or a D under nn.spectral_norm"
        )
    if s.sparsity and not any(isinstance(m, SparseCode) for m in layers):
        raise ValueError(
            f"sparsity={s.sparsity}: this recipe's G has no layer SparseCode, whose features it would thin out"
        )
    if s.packing > 1 or s.augment:
        with no_grad():  # generated samples are alike, and need no data: a run is opened to sample where there is none
            x, *about = game.fake(game.average.module, stream(0, "misfits"), 1)
        if s.packing > 1 and about:
            raise ValueError(f"packing={s.packing}: D is told more than the samples here, which cannot be packed")
        augmented(x, s.augment, stream(0, "augment"))


def check_setting(f, value):
    """Raise ValueError unless `value` is one that the field `f` may take."""
    low, high, choices = (f.metadata.get(key) for key in ("low", "high", "choices"))
    kinds = (int, float) if f.type in (float, "float") else f.type
    if isinstance(kinds, str):
        kinds = {"int": int, "str": str, "bool": bool}[kinds]
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise ValueError(f"{f.name}={value!r}: expected {getattr(f.type, '__name__', f.type)}. {f.metadata['meaning']}")
    if choices and value not in choices:
        raise ValueError(f"{f.name}={value!r}: expected one of {', '.join(map(str, choices))}. {f.metadata['meaning']}")
    if not isinstance(value, str) and not math.isfinite(value):
        raise ValueError(f"{f.name}={value!r}: expected a finite number. {f.metadata['meaning']}")
    if (low is not None and value < low) or (high is not None and value > high):
        within = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{f.name}={value!r}: must be {within}. {f.metadata['meaning']}")


@dataclass
class Game:
    """What a recipe hands over: two players, and where real and generated samples come from.

    Samples are a tuple: what D looks at, a batch (N, ...), then what else D is told about it (labels, states). D returns
    its verdicts (N,) or (N, 1); a D with further heads, that reads more in a sample, a tuple: verdicts, then what it reads.
    """

    generator: Module
    discriminator: Module
    real: Callable  # step -> a batch of real samples, arrays
    fake: Callable  # (generator, rng, n) -> n generated samples, Tensors; rng is the only source of chance
    settings: Settings
    kept: dict = field(default_factory=dict)  # what its data taught and sampling needs, as JSON: a vocabulary, a scale
    also: Callable = lambda read, about: 0.0  # (what D reads, what it is told) -> what further heads add to both losses

    at_once = 256  # samples are drawn so many at a time; no field, a subclass may have another

    def __post_init__(self):
        s = self.settings
        self.g_parameters, self.d_parameters = self.generator.parameters(), self.discriminator.parameters()
        self.g_optimizer = Adam(self.g_parameters, lr=s.learning_rate, betas=(s.beta1, s.beta2))
        self.d_optimizer = Adam(self.d_parameters, lr=s.learning_rate, betas=(s.beta1, s.beta2))
        self.average = EMA(self.generator, s.ema)
        refuse_misfits(self)

    def step(self, step):
        """Training step number `step`; returns what is worth logging, floats by name."""
        return training_step(self, step)

    def sample(self, n, seed, truncation=None):
        """n samples drawn with the averaged weights, a numpy array (n, ...); truncation: see `Truncated`."""
        chance = (lambda rng: rng) if truncation is None else (lambda rng: Truncated(rng, truncation))
        with no_grad():
            batches = [
                self.fake(self.average.module, chance(stream(seed, "sample", start)), min(self.at_once, n - start))[0]
                for start in range(0, n, self.at_once)
            ]
        return np.concatenate([batch.numpy() for batch in batches])

    def walk(self, n, seed, times, stops=4):
        """n samples at each of `times` on a closed walk, with the averaged weights: yields arrays (n, ...).

        At a whole number, counted modulo `stops`, they are n independent ones; in between they change evenly from those
        to the next, each as likely as any other on the way.
        """
        for time in times:
            k, t = divmod(time, 1)
            ends = [stream(seed, "walk", int(k + i) % stops) for i in (0, 1)]
            with no_grad():
                way = Between(*ends, t, stream(seed, "walk, fixed"))
                yield self.fake(self.average.module, way, n)[0].numpy()

    def parts(self):
        """Everything that training changes, by name; each part has state_dict and load_state_dict."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "average": self.average,
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
        }


def learning_rate_at(step, s):
    """Rises for `warmup` steps, then constant, and from the share `decay_from` of the steps on it falls by `schedule`."""
    begun = min(1.0, (step + 1) / s.warmup) if s.warmup else 1.0
    left = (s.steps - step) / s.steps
    return s.learning_rate * begun * SCHEDULES[s.schedule](1 - min(1.0, left / max(1e-12, 1 - s.decay_from)))


def gamma_at(step, s):
    """gamma, or on its way from there to gamma_end by the same factor in every step."""
    return s.gamma * (s.gamma_end / s.gamma) ** (step / s.steps) if s.gamma_end else s.gamma


def is_penalised(turn, s):
    """Whether D's loss has its penalty in this turn: lazily, as in Karras et al. 2020, appendix B."""
    return s.penalty != "none" and s.gamma > 0 and turn % s.penalty_every == 0


def shown(samples, s, turn, kind):
    """Samples as D sees them in this turn: changed, packed, and under instance noise."""
    x, *about = samples
    x = augmented(x, s.augment, stream(s.seed, f"augment, {kind}", turn)) if s.augment else x
    amount = s.instance_noise * (1 - turn / (s.steps * s.n_critic))
    return blurred(packed(x, s.packing), amount, stream(s.seed, f"instance noise, {kind}", turn)), *about


def judged(D, x, about):
    """(verdicts, then what else D reads in the samples): D may return its verdicts alone."""
    verdicts = D(x, *about)
    return verdicts if isinstance(verdicts, tuple) else (verdicts,)


def training_step(game, step):
    """One step of both players. Returns its losses, penalty and so on as floats, by name."""
    s, G, D = game.settings, game.generator, game.discriminator
    objective = smoothed(OBJECTIVES[s.objective], s.smoothing)
    game.g_optimizer.lr = learning_rate_at(step, s)
    game.d_optimizer.lr = learning_rate_at(step, s) * s.d_rate
    weight, row = gamma_at(step, s) * s.penalty_every, {}

    for turn in range(step * s.n_critic, (step + 1) * s.n_critic):  # D's turns, counted over the whole run
        # sample
        x_real, *about_real = shown(game.real(turn), s, turn, "real")
        x_fake, *about_fake = shown(game.fake(G, stream(s.seed, "noise", turn), s.batch_size), s, turn, "fake")
        penalised = is_penalised(turn, s)
        x_real = Tensor(x_real, requires_grad=penalised)
        seen = Tensor(x_fake.data, requires_grad=penalised)  # D's step does not reach into G

        # D's gradient, D's step
        real, *read_real = judged(D, x_real, about_real)
        fake, *read_fake = judged(D, seen, [a.detach() for a in about_fake])
        d_loss, penalty = objective.discriminator(real, fake), 0.0
        d_loss = d_loss + game.also(read_real, about_real) + game.also(read_fake, about_fake)
        if penalised:
            # a point made from a real sample is judged with what D is told about that one
            judge, rng = lambda x, about=about_real: judged(D, x, about)[0], stream(s.seed, "penalty", turn)
            penalty = PENALTIES[s.penalty].value(judge, x_real, real, seen, fake, rng) * weight
            row["penalty"] = float(penalty)
        d_grads = grad(d_loss + penalty, game.d_parameters)
        move(D, game.d_optimizer, d_grads, s, "discriminator")
        if s.clip_weights:
            clip_weights(game.d_parameters, s.clip_weights)
        row["d_loss"] = d_loss.item()
        del d_loss, penalty, real, fake, read_real, read_fake  # D's graph, a quarter of the memory, before G's is made

    # G's gradient, G's step, on the samples of D's last turn
    real = judged(D, x_real.detach(), about_real)[0] if objective.compares else None
    fake, *read_fake = judged(D, x_fake, about_fake)
    g_loss = objective.generator(real, fake) + game.also(read_fake, about_fake)
    if s.sparsity:
        h = sparse_code(G)
        g_loss, row["active_share"] = g_loss + s.sparsity * mean(abs(h)), float((h.data > 0).mean())
    g_grads = grad(g_loss, game.g_parameters)
    move(G, game.g_optimizer, g_grads, s, "generator")
    game.average.update(G)
    if (step + 1) % NORMS_EVERY == 0:
        row |= {**layer_norms("d", D, d_grads), **layer_norms("g", G, g_grads)}
    return {**row, "g_loss": g_loss.item()}


def move(player, optimizer, grads, s, name):
    """The optimiser's step, with the mean of all processes' gradients.

    FloatingPointError, which says whose and in which layer, where a gradient is not finite.
    """
    grads = average_gradients(grads)
    try:
        optimizer.step(clip_grad_norm(grads, s.clip_gradients)[0] if s.clip_gradients else grads)
    except FloatingPointError as error:
        names = [name for name, _ in player.named_parameters()]
        bad = [name for name, g in zip(names, grads) if not xp(g).isfinite(g).all()]
        raise FloatingPointError(f"the {name}'s gradient is no longer finite in {', '.join(bad)}") from error
