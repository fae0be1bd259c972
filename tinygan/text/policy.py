"""Policy gradient: a generator of text learns from a judge of whole sentences though a drawn token has no slope.

SeqGAN (Yu et al. 2017) sees writing as a game of T moves. What a move is worth is found by trying: the sentence is
finished many times from there, and the judge's verdicts are averaged (`rollout_values`). Moves that were worth more
than others at their place are made likelier (`policy_loss`, REINFORCE). Read `language.py` first.
"""

from functools import cached_property

from tinygan import ops
from tinygan.autodiff import grad, no_grad, raw
from tinygan.backend import stream, to_numpy, xp
from tinygan.gan.language import BLOCK, END, TextGame
from tinygan.gan.objectives import minimax
from tinygan.gan.training import learning_rate_at, move
from tinygan.nn import Conv1d, Dropout, Embedding, Linear, Module, ModuleList
from tinygan.optim import EMA

# --- the judge of sentences ------------------------------------------------------------------------------------


class SentenceJudge(Module):
    """Discriminator: convolutions of several widths over a sentence, the largest answer of each, a highway, a verdict.

    c = max over t of relu(W * x + b)_t, y = τ relu(H c) + (1 - τ) c, τ = σ(T c + d), verdict = v · dropout(y). Sentences
    are tokens (N, T), or their relaxed form (N, T, V), a distribution at every place. What comes after the first END is
    not seen, and nor is how much of it there is. Kim 2014; Srivastava et al. 2015; Yu et al. 2017, section 3.3.
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
        inside = self.inside(tokens).astype(seen.dtype)
        seen = ops.transpose(seen * inside[:, :, None], 1, 2)  # (N, E, T)
        found = []
        for convolution in self.convolutions:
            room = ops.pad(seen, (0, convolution.kernel_size[0] - 1))  # a window begins at every token
            answers = ops.relu(convolution(room)) * inside[:, None]  # (N, F, T)
            found.append(ops.amax(answers, 2))
        c = ops.cat(found, 1)
        gate = ops.sigmoid(self.gate(c))
        return self.verdict(self.dropout(gate * ops.relu(self.highway(c)) + (1 - gate) * c))

    def inside(self, tokens):
        """Which of the tokens (N, T) belong to the sentence: all up to the first END."""
        if not self.ended:
            return xp(tokens).ones(tokens.shape, bool)
        ends = (tokens == END).cumsum(1)
        return (ends == 0) | ((ends == 1) & (tokens == END))


# --- what a token is worth -------------------------------------------------------------------------------------


def rollout_values(policy, reward, tokens, count, rng):
    """Q(x_<t, x_t) of every token (N, T): the mean reward of `count` sentences that `policy` wrote on from x_1 ... x_t.

    policy: a LanguageModel; reward: tokens (M, T) -> rewards (M,). The last token is worth the sentence's own reward, and
    so is all from an END on. Unbiased, with a variance of 1 / count. Yu et al. 2017, eq. 4.
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


def whitened(values, counts):
    """Values (N, T) less the mean of their place t, over the standard deviation of all; 0 where `counts` is 0.

    What is subtracted does not depend on the token, so the gradient's expectation stays as it is but for a share of 1 / N
    that a value has in its own mean; its variance falls. Williams 1992, section 2.
    """
    library = xp(values)
    values = (values - (values * counts).sum(0) / library.maximum(counts.sum(0), 1)) * counts
    return values / library.sqrt((values * values).sum() / counts.sum() + 1e-8)


def policy_loss(policy, tokens, values):
    """(loss, entropy): a Tensor whose gradient is minus that of E[reward], and the entropy a token, both estimates.

    loss = mean of -Q_t log p(x_t | x_<t) over the tokens that count; values (N, T) are constants. Williams 1992.
    """
    losses = policy.token_losses(tokens)
    count = float(policy.targets(tokens)[1].sum())
    return (losses * values).sum() / count, losses.data.sum() / count


# --- the game --------------------------------------------------------------------------------------------------


class PolicyGame(TextGame):
    """way=policy: after imitation, sentences are drawn, every token is valued by roll-outs, and D learns on.

    The roll-outs are written by a copy that lags behind the generator. reward="constant" is the control: all sentences
    are worth 1, there is no D to learn from, and whatever changes is the work of the update itself.
    """

    def __post_init__(self):
        super().__post_init__()
        self.lagged = EMA(self.generator, self.settings.lag)

    def play(self, step):
        """D alone for s.d_pretrain steps, then G by policy gradient and D s.n_critic times."""
        s, G, D = self.settings, self.generator, self.discriminator
        if step == s.pretrain:
            self.lagged = EMA(G, s.lag)  # begins where imitation ended
        self.g_optimizer.lr, self.d_optimizer.lr = learning_rate_at(step, s), learning_rate_at(step, s) * s.d_rate
        row = {}
        if step >= s.pretrain + s.d_pretrain:
            G.eval()
            (tokens,) = self.draw(G, stream(s.seed, "noise", step), s.batch_size)
            counts = G.targets(tokens)[1].reshape(tokens.shape[::-1]).T
            if s.reward == "constant":
                values = counts.astype(G.embedding.weight.dtype)
            else:
                D.eval()
                rng = stream(s.seed, "roll-outs", step)
                found = rollout_values(self.lagged.module, self.reward, tokens, s.rollouts, rng)
                values = whitened(found, counts) if s.baseline == "whiten" else found
                row["reward"] = float(found[:, -1].mean())
            loss, entropy = policy_loss(G, tokens, values)
            move(G, self.g_optimizer, grad(loss, self.g_parameters), s, "generator")
            self.average.update(G)
            self.lagged.update(G)
            row |= {"g_loss": loss.item(), "g_entropy": float(entropy)}
        return row if s.reward == "constant" else {**self.teach_judge(step), **row}

    def reward(self, tokens):
        """σ(D's verdict) of tokens (M, T): (M,); times s.copies where the sentence is one of the real ones."""
        library, rows = xp(tokens), max(1, BLOCK // (64 * tokens.shape[1]))
        with no_grad():
            parts = [raw(self.discriminator(tokens[k : k + rows]))[:, 0] for k in range(0, len(tokens), rows)]
        worth = ops.sigmoid(library.concatenate(parts))
        if self.settings.copies < 1:
            copied = [row.tobytes() in self.known for row in to_numpy(tokens)]
            worth *= 1 - (1 - self.settings.copies) * library.asarray(copied, worth.dtype)
        return worth

    @cached_property
    def known(self):
        """The real sentences, as bytes."""
        return {row.tobytes() for row in to_numpy(self.loader.arrays[0])}

    def teach_judge(self, step):
        """D's turns of a step, on new generated sentences: the last turn's loss, and how often D was right in all."""
        s, D, right = self.settings, self.discriminator.train(), []
        for turn in range(step * s.n_critic, (step + 1) * s.n_critic):
            (real,) = self.rows(turn)
            (fake,) = self.draw(self.generator, stream(s.seed, "judged", turn), len(real))
            of_real, of_fake = D(real), D(fake)
            loss = minimax.discriminator(of_real, of_fake)
            move(D, self.d_optimizer, grad(loss, self.d_parameters), s, "discriminator")
            right += [(raw(of_real) > 0).mean(), (raw(of_fake) < 0).mean()]
        return {"d_loss": loss.item(), "d_right": float(sum(right)) / len(right)}

    def parts(self):
        """Everything that training changes, by name."""
        return {**super().parts(), "lagged": self.lagged}
