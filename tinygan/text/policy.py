"""Policy gradient: a generator of text learns from a judge of whole sentences though a drawn token has no slope.

SeqGAN (Yu et al. 2017) sees writing as a game of T moves. What a move is worth is found by trying: the sentence is
finished many times from there, and the judge's verdicts are averaged (`rollout_values`). Moves that were worth more
than others at their place are made likelier (`policy_loss`, REINFORCE). Read `language.py` first.
"""

from dataclasses import dataclass
from functools import cached_property

from tinygan import ops
from tinygan.autodiff import no_grad, raw
from tinygan.backend import stream, to_numpy, xp
from tinygan.gan.objectives import minimax
from tinygan.gan.players import read_back
from tinygan.gan.settings import DuelSettings, TurnSettings
from tinygan.nn import Conv1d, Dropout, Embedding, Linear, Module, ModuleList
from tinygan.optim import EMA
from tinygan.run.settings import RunSettings, setting
from tinygan.text.language import BLOCK, END, AloneSettings, TextGame

# --- the judge of sentences ------------------------------------------------------------------------------------


class SentenceJudge(Module):
    """Discriminator: convolutions of several widths over a sentence, the largest answer of each, a highway, a verdict.

    c = max over t of relu(W * x + b)_t, y = τ relu(H c) + (1 - τ) c, τ = σ(T c + d), verdict = v · dropout(y). Sentences
    are tokens (N, T), or their relaxed form (N, T, V), a distribution at every place. D sees nothing after the first END, nor
    how much of it there is. Kim 2014; Srivastava et al. 2015; Yu et al. 2017, section 3.3.
    """

    def __init__(self, vocabulary, embedding, filters, *, ended=True, dropout=0.25, rng=None):
        """filters: (width, how many) of each convolution."""
        self.ended = ended
        self.embedding = Embedding(vocabulary, embedding, rng=rng)
        self.convolutions = ModuleList([Conv1d(embedding, count, width, rng=rng) for width, count in filters])
        size = sum(count for _, count in filters)
        self.highway, self.gate = Linear(size, size, rng=rng), Linear(size, size, rng=rng)
        self.gate.bias.data = self.gate.bias.data - 2  # at first most is let through as it is
        self.dropout = Dropout(dropout)
        self.verdict = Linear(size, 1, rng=rng)

    def forward(self, x):
        """Tokens (N, T) or distributions (N, T, V) -> verdicts (N, 1)."""
        hard = raw(x).dtype.kind in "iu"
        tokens = raw(x) if hard else raw(x).argmax(2)
        seen = self.embedding(tokens) if hard else x @ self.embedding.weight  # (N, T, E)
        inside = self.inside(tokens)
        seen = ops.transpose(ops.where(inside[:, :, None], seen, 0.0), 1, 2)  # (N, E, T)
        largest = []
        for convolution in self.convolutions:
            room = ops.pad(seen, (0, convolution.kernel_size[0] - 1))  # a window begins at every token
            answers = ops.where(inside[:, None], ops.relu(convolution(room)), 0.0)  # (N, F, T)
            largest.append(ops.amax(answers, 2))
        c = ops.cat(largest, 1)
        gate = ops.sigmoid(self.gate(c))
        return self.verdict(self.dropout(gate * ops.relu(self.highway(c)) + (1 - gate) * c))

    def inside(self, tokens):
        """Return which of the tokens (N, T) belong to the sentence: all up to the first END."""
        if not self.ended:
            return xp(tokens).ones(tokens.shape, bool)
        ends = (tokens == END).cumsum(1)
        return (ends == 0) | ((ends == 1) & (tokens == END))


# --- what a token is worth -------------------------------------------------------------------------------------


def rollout_values(policy, reward, tokens, count, rng):
    """Return Q(x_<t, x_t) of every token (N, T): the mean reward of `count` sentences that `policy` went on to write.

    policy: a LanguageModel; reward: tokens (M, T) -> rewards (M,). The last token is worth the sentence's own reward, as
    is all from an END on. Unbiased, with a variance of 1 / count. Yu et al. 2017, eq. 4.
    """
    library, (n, length) = xp(tokens), tokens.shape
    values = library.empty((n, length), policy.embedding.weight.dtype)
    values[:] = raw(reward(tokens))[:, None]
    state = None
    with no_grad():
        read = policy.before(tokens)
        going = library.arange(n)
        for t in range(length - 1):
            _, state = policy.step(read[going, t], state)
            if policy.ended:
                on = library.flatnonzero(tokens[going, t] != END)
                going, state = going[on], tuple(raw(s)[:, on] for s in state)
                if not len(going):
                    break
            many = going.repeat(count)
            rest = policy.write(
                tokens[many, t], tuple(raw(s).repeat(count, 1) for s in state), length - t - 1, rng
            )  # (M, T - t - 1)
            finished = library.concatenate([tokens[many, : t + 1], rest], 1)
            values[going, t] = raw(reward(finished)).reshape(-1, count).mean(1)
    return values


def whiten(values, counts):
    """Return values (N, T) less the mean of their place t, over the standard deviation of all; 0 where `counts` is 0.

    What is subtracted hardly depends on the token: a value has a share of 1 / N in its own mean. So the gradient's
    expectation stays, and its variance falls. Williams 1992, section 2.
    """
    library = xp(values)
    values = (values - (values * counts).sum(0) / library.maximum(counts.sum(0), 1)) * counts
    return values / library.sqrt((values * values).sum() / counts.sum() + 1e-8)


def policy_loss(policy, tokens, values):
    """Return (loss, entropy): a Tensor whose gradient is minus that of E[reward], and the entropy a token, both estimates.

    loss = mean of -Q_t log p(x_t | x_<t) over the tokens that count; values (N, T) are constants. Williams 1992.
    """
    losses = policy.token_losses(tokens)
    count = float(policy.targets(tokens)[1].sum())
    return (losses * values).sum() / count, losses.data.sum() / count


# --- the game --------------------------------------------------------------------------------------------------


@dataclass
class DropoutSettings(RunSettings):
    """The judge of sentences."""

    d_dropout: float = setting(0.25, "Share of its features that D drops while it learns.", 0.0, 1.0)


@dataclass
class JudgedSettings(DropoutSettings, TurnSettings, DuelSettings):
    """What D says a token is worth."""

    rollouts: int = setting(16, "How often a sentence is finished to value one of its tokens.", 1)
    lag: float = setting(0.8, "Decay of the moving average of G that finishes sentences.", 0.0, 1.0)
    baseline: str = setting("whiten", "What is subtracted from a token's value.", choices=("whiten", "none"))
    copies: float = setting(1.0, "Factor on the reward of a sentence that is among the real ones.", 0.0, 1.0)


@dataclass
class PolicySettings(AloneSettings):
    """The game by policy gradient."""

    reward: str = setting(
        "judge", "Who values sentences; constant is a control, all are worth 1.",
        choices={"judge": JudgedSettings, "constant": None},
    )  # fmt: skip


class PolicyGame(TextGame):
    """way=policy: after imitation, sentences are drawn, every token is valued by roll-outs, and D learns on.

    The roll-outs are written by a copy that lags behind the generator. reward="constant" is the control: all sentences
    are worth 1, there is no D to learn from, and all that changes is the work of the update itself.
    """

    bounds = minimax.bounds

    def more_averages(self, generator, s):
        return {"lagged": EMA(generator, s.lag)} if isinstance(s, JudgedSettings) else {}

    def play(self, k):
        """Let D learn; then G by policy gradient, unless D still learns alone."""
        s = self.settings
        if s.reward == "constant":
            return self.move_g(k) if k >= s.game_begins() else {}
        if k == s.pretrain:
            self.G.averages["lagged"] = EMA(self.G.module, s.lag)  # it begins where imitation ended
        # G first: D's dropout is drawn in this order
        row = self.move_g(k) if k >= s.game_begins() else {}
        return {**self.teach_judge(k), **row}

    def move_g(self, k):
        """Draw sentences, value their tokens, make those that were worth more likelier."""
        s, G, row = self.settings, self.G.module.eval(), {}
        tokens = G.sample(s.batch_size, self.length, stream(s.seed, "noise", k))
        counts = G.targets(tokens)[1].reshape(tokens.shape[::-1]).T
        if s.reward == "constant":
            values = counts.astype(G.embedding.weight.dtype)
        else:
            self.D.module.eval()
            rng, lagged = stream(s.seed, "roll-outs", k), self.G.averages["lagged"].module
            worth = rollout_values(lagged, self.reward, tokens, s.rollouts, rng)
            values = whiten(worth, counts) if s.baseline == "whiten" else worth
            row["reward"] = worth[:, -1].mean()
        loss, entropy = policy_loss(G, tokens, values)
        self.G.move(loss, k)
        return read_back({**row, "g_loss": loss.data, "g_entropy": entropy})

    def reward(self, tokens):
        """Return σ(D's verdict) of tokens (M, T): (M,); times s.copies where the sentence is one of the real ones."""
        library, rows = xp(tokens), max(1, BLOCK // (64 * tokens.shape[1]))
        with no_grad():
            parts = [raw(self.D.module(tokens[k : k + rows]))[:, 0] for k in range(0, len(tokens), rows)]
        worth = ops.sigmoid(library.concatenate(parts))
        if self.settings.copies < 1:
            copied = [row.tobytes() in self.known for row in to_numpy(tokens)]
            worth *= 1 - (1 - self.settings.copies) * library.asarray(copied, worth.dtype)
        return worth

    @cached_property
    def known(self):
        """The real sentences, as bytes."""
        return {row.tobytes() for row in to_numpy(self.loader.arrays[0])}

    def teach_judge(self, k):
        """Do D's turns of step k on new generated sentences; return the last turn's loss, and how often D was right."""
        s, D, right = self.settings, self.D.module.train(), []
        for turn in range(k * s.n_critic, (k + 1) * s.n_critic):
            real = self.batch(turn).x
            fake = self.G.module.sample(len(real), self.length, stream(s.seed, "judged", turn))
            of_real, of_fake = D(real), D(fake)
            loss = minimax.discriminator(of_real, of_fake)
            self.D.move(loss, k)
            right += [(raw(of_real) > 0).mean(), (raw(of_fake) < 0).mean()]
        return read_back({"d_loss": loss.data, "d_right": sum(right) / len(right)})
