# %% [markdown]
# # 16 · Text: learning through choices
#
# **You will build:** two ways to get a gradient through a choice that has none, the relaxed token (Gumbel-softmax) and the policy gradient
# (REINFORCE); then SeqGAN, piece by piece: an LSTM that draws its own sentence, roll-outs that say what a token is worth, and the loss that
# makes good tokens likelier. The language is so small that every sentence can be looked at. So each estimate is measured against the truth.
#
# **You need:** the game (lesson 07), the LSTM (lesson 14), `assert_gradients` (lesson 04).
#
# **Time:** 75 minutes.

# %%
import copy
import os
from functools import partial
from itertools import product

import matplotlib.pyplot as plt
import numpy as np

from tinygan import Tensor, grad, nn, no_grad, ops, optim
from tinygan.backend import stream
from tinygan.gradcheck import assert_gradients
from tinygan.text.oracle import Oracle

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training, for the tests
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# A word on two of the imports. `stream(seed, "name", step)` makes a random generator from its three arguments. The same three always give the
# same numbers. So step 7 of a training can be repeated without the six steps before it. `no_grad()` says: compute, and record nothing for a gradient.
#
# ## A choice has no slope
#
# A generator of text computes a score $l_k$ (a *logit*) for each of $V$ tokens. It draws one of them, token $k$ with probability
# $p_k = e^{l_k} / \sum_j e^{l_j}$. The discriminator sees the token and says how good it is. Call that number the *reward* $r_k$. The generator
# wants a large reward on average, $R = \sum_k p_k r_k$. With only $V$ tokens the gradient is known:
#
# $$ \frac{\partial R}{\partial l_k} = p_k\,(r_k - R) $$
#
# But there are $V^T$ sentences of $T$ tokens. That sum is out of reach, so one has to draw. And a token that was drawn does not move when
# $l$ moves a little: the slope is 0 or does not exist. There are two ways out.
#
# ## Way 1: the relaxed token
#
# A draw can be written so that the chance stands apart from the logits. Add to each logit its own noise $g_k = -\log \epsilon_k$, where $\epsilon_k$ is drawn from the exponential
# distribution of mean 1. This is called *Gumbel noise*. Then take the token with the largest sum. The token that wins is a draw from $p$.
#
# Why? Think of $V$ alarm clocks. Clock $k$ rings after the time $\epsilon_k / e^{l_k}$. That is an exponential time, too, of mean $e^{-l_k}$: the clock has the rate $e^{l_k}$. Of several
# such clocks, clock $k$ rings first with a probability in proportion to its rate, and that is $p_k$. The earliest time has the smallest logarithm, so it has the largest $l_k - \log \epsilon_k = l_k + g_k$.

# %%
logits = np.array([1.0, 0.0, -0.5, 0.5])
p = np.exp(logits) / np.exp(logits).sum()


def gumbel(shape, rng):
    return -np.log(rng.standard_exponential(shape, dtype=np.float32))


drawn = (logits + gumbel((100_000, 4), rng)).argmax(1)
print("p:     ", p.round(3))
print("drawn: ", (np.bincount(drawn) / len(drawn)).round(3))

# %% [markdown]
# Only `argmax` is left without a slope. Replace it by a softmax with a *temperature* $\tau$:
#
# $$ y = \operatorname{softmax}\big((l + g)/\tau\big), \qquad
# \frac{\partial L}{\partial l} = \frac1\tau\; y \odot \big(\bar y - \langle \bar y, y\rangle\big) $$
#
# $L$ is the loss, $\bar y$ is its gradient for $y$, $\odot$ multiplies number by number, and $\langle \bar y, y\rangle$ is the sum of the
# products. A small $\tau$ gives nearly a choice. A large $\tau$ gives a mixture of all tokens. Such a $y$ is called a *relaxed token*.
# (In code the noise is `noise`. The letter `g` is left for the gradient $\bar y$, as in lesson 04.)


# %%
def relaxed(l, noise, tau):
    """l and noise (N, V) -> y (N, V), rows that sum to 1."""
    a = (l + noise) / tau
    e = np.exp(a - a.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def relaxed_backward(g, l, noise, tau):
    """The gradient for l, given the gradient g for y."""
    y = relaxed(l, noise, tau)
    return y * (g - (g * y).sum(1, keepdims=True)) / tau


# %% [markdown]
# Is the gradient right, and is this the library's `ops.gumbel_softmax`? Two generators with the same seed draw the same noise.

# %%
l, noise = rng.standard_normal((5, 4)), gumbel((5, 4), rng)


def forward(l):
    return relaxed(l, noise, 0.5)


def backward(g, l):
    return relaxed_backward(g, l, noise, 0.5)


assert_gradients((forward, backward), l)

few = l.astype("float32")
ours = relaxed(few, gumbel((5, 4), np.random.default_rng(7)), 0.5)
library = ops.gumbel_softmax(few, tau=0.5, rng=np.random.default_rng(7))
assert np.allclose(ours, library, atol=1e-6)
print("by hand = finite differences; and = ops.gumbel_softmax")

# %% [markdown]
# Six draws from the same $p$, a column each, at four temperatures. Dark is near 1.

# %%
fig, axes = plt.subplots(1, 4, figsize=(7.4, 1.8), sharey=True)
noise = gumbel((6, 4), np.random.default_rng(1))
for axis, tau in zip(axes, (0.1, 0.5, 1.0, 5.0)):
    y = relaxed(np.tile(logits, (6, 1)), noise, tau)
    axis.imshow(y.T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set(title=f"τ = {tau}", xlabel="draw", xticks=[], yticks=range(4))
    axis.grid(False)
axes[0].set_ylabel("token")
plt.show()

# %% [markdown]
# ## Way 2: the policy gradient
#
# The slope of a logarithm is $\nabla \log p_k = \nabla p_k / p_k$. So $\nabla p_k = p_k \nabla \log p_k$, and the gradient of $R$ is itself an average over draws:
#
# $$ \nabla R = \sum_k p_k\, r_k\, \nabla \log p_k = \mathbb E_{k \sim p}\big[\,(r_k - b)\,\nabla \log p_k\,\big] $$
#
# This is REINFORCE (Williams 1992). The constant $b$ is called the *baseline*. It changes nothing on average, because
# $\mathbb E\,\nabla \log p_k = \sum_k \nabla p_k = \nabla 1 = 0$. No slope of $r$ is needed, so the judge may be anything. The names come
# from learning by reward: the generator is a *policy*, and a token that it draws is an *action*.
#
# The price is noise. How much noise, and how true is each way? Make many estimates of the same four numbers. (For logits, $\nabla \log p_k$ is a 1 at
# place $k$, minus $p$. The reward of a relaxed token is taken as $\langle r, y\rangle$, the mixture of rewards. So its gradient for $y$ is $r$.)

# %%
r = np.array([1.0, 1.2, 0.2, 0.9])  # the reward of each token
truth = p * (r - p @ r)


def policy_estimates(baseline, n=20_000):
    k = rng.choice(4, n, p=p)
    slope = np.eye(4)[k] - p  # of log p_k, for the logits
    return (r[k] - baseline)[:, None] * slope


def gumbel_estimates(tau, n=20_000):
    return relaxed_backward(r, np.tile(logits, (n, 1)), gumbel((n, 4), rng), tau)


estimates = {"policy, b = 0": policy_estimates(0), "policy, b = R": policy_estimates(p @ r)}
for tau in (0.1, 0.5, 1.0, 2.0):
    estimates[f"relaxed, τ = {tau}"] = gumbel_estimates(tau)
print(f"{'':18}{'wrong by':>10}{'+-':>8}{'spread of one draw':>21}")
for name, found in estimates.items():
    bias, spread = np.linalg.norm(found.mean(0) - truth), np.sqrt(found.var(0).sum())
    print(f"{name:18}{bias:10.4f}{spread / np.sqrt(len(found)):8.4f}{spread:21.3f}")

# %% [markdown]
# The first column says how far the mean of 20,000 estimates is from the truth. The second says how far chance alone puts it, typically. The policy
# gradient is right within chance. It is noisy, and less so with a good baseline. The relaxed token is less noisy than both for $\tau \ge \frac12$, and it is wrong by an
# amount that grows with $\tau$. It also needs a discriminator that accepts mixtures of tokens and has a slope there.
#
# ## A language of 7776 sentences
#
# The language has six syllables and sentences of five. An *oracle* says how likely each sentence is. It is an LSTM with random weights that are
# never trained. This is SeqGAN's experiment, made so small that we can look at all $6^5$ sentences. The library's `Oracle` has two methods: `sample` draws sentences, and
# `nll` (negative log-likelihood) returns $-\frac1T \log p(x)$ of each sentence $x$. Tokens are the whole numbers 0 to 5. From here on `p` holds the
# probabilities of all sentences, and no longer those of the four tokens.

# %%
SYLLABLES = np.array(["ba", "ki", "lo", "mu", "ne", "ra"])
V, T = 6, 5
every = np.array(list(product(range(V), repeat=T)))  # (7776, 5), each sentence once
oracle = Oracle.draw(0, vocabulary=V, size=32)
log_p = -T * oracle.nll(every)
p = np.exp(log_p)
assert np.isclose(p.sum(), 1, atol=1e-4)
floor = -(p * log_p).sum() / T  # its entropy, a token

for sentence in every[p.argsort()[::-1][:4]]:
    print(" ".join(SYLLABLES[sentence]), f"  {np.exp(-T * oracle.nll(sentence[None])[0]):.3f}")
print(f"entropy of the language: {floor:.4f} nats a syllable; all equally likely: {np.log(V):.4f}")
corpus = oracle.sample(1000, length=T, rng=1)

# %% [markdown]
# The *entropy* is the mean of $-\log p(x)$, here divided by $T$. It says how surprising the language is to one who knows it. Its unit, the *nat*, is
# that of the natural logarithm. The 1000 sentences of `corpus` are all that a generator will see of the language.
#
# ## The writer
#
# The generator is an LSTM (lesson 14). At each step it reads a token, and its state gives the logits of the next one:
#
# $$ (h_t, c_t) = \text{LSTM}(E_{x_{t-1}},\, h_{t-1}, c_{t-1}), \qquad l_t = W h_t + b, \qquad \pi(x_t \mid x_1 \dots x_{t-1}) = \operatorname{softmax}(l_t)_{x_t} $$
#
# $E_x$ is a row of numbers for token $x$, looked up in a table (`nn.Embedding`) and learned. Before the first token it reads token 0. The probability of a sentence
# is the product of its tokens' probabilities: $q(x) = \prod_t \pi(x_t \mid x_1 \dots x_{t-1})$. `forward` returns their logarithms.


# %%
class Writer(nn.Module):
    def __init__(self, vocabulary, size, hidden, rng):
        self.embedding = nn.Embedding(vocabulary, size, rng=rng)
        self.cell = nn.LSTMCell(size, hidden, rng=rng)
        self.head = nn.Linear(hidden, vocabulary, rng=rng)

    def step(self, x, state):
        """Read tokens x (N,) in a state (None at first): logits (N, V), the next state (h, c)."""
        h, c = self.cell(self.embedding(x), state)
        return self.head(h), (h, c)

    def forward(self, tokens):
        """Tokens (N, T) -> log of the probability of each, given those before it (N, T)."""
        x, state, found = np.zeros(len(tokens), int), None, []
        for t in range(tokens.shape[1]):
            logits, state = self.step(x, state)
            x = tokens[:, t]
            log_pi = ops.log_softmax(logits, 1)  # (N, V)
            found.append(ops.gather(log_pi, 1, x[:, None]))  # (N, 1): in each row, the entry of x
        return ops.cat(found, 1)


G = Writer(V, 16, 32, stream(0, "writer"))
assert_gradients(Writer(V, 3, 4, stream(1, "small")), corpus[:3])
print("gradients of all weights = finite differences")

# %% [markdown]
# **The sampling loop.** To draw from a softmax, lay the probabilities end to end on the line from 0 to 1. Throw a dart $u$ at it. The token whose piece is hit is the
# draw. The writer then *reads what it drew*, and goes on. `go_on` does this from any state of the LSTM. `write` begins with nothing.


# %%
def draw(logits, rng):
    """Logits (N, V) -> one token each (N,)."""
    e = np.exp(logits - logits.max(1, keepdims=True))
    ends = e.cumsum(1) / e.sum(1, keepdims=True)  # where each token's piece ends
    u = rng.random(len(logits), dtype=np.float32)[:, None]
    return (u >= ends[:, :-1]).sum(1)  # how many pieces lie before the dart


def go_on(G, x, state, length, rng):
    """Read tokens x (N,) in a state, draw a token, read it, and so on: the tokens drawn (N, length)."""
    drawn = np.zeros((len(x), length), int)
    with no_grad():
        for t in range(length):
            logits, state = G.step(x, state)
            x = draw(logits.data, rng)
            drawn[:, t] = x
    return drawn


def write(G, n, length, rng):
    """n sentences (n, length), drawn token after token."""
    return go_on(G, np.zeros(n, int), None, length, rng)


# %% [markdown]
# The library's writer is `LanguageModel`. Give it our weights. From the same random stream it must draw the same sentences, and find them as likely.

# %%
from tinygan.text.language import LanguageModel


def library_twin(G):
    """The library's writer with the weights of ours."""
    vocabulary, size = G.embedding.weight.shape
    twin = LanguageModel(vocabulary, size, G.cell.hidden_size, ended=False)  # no sentence stops early
    twin.embedding.weight.data = G.embedding.weight.data
    twin.head.weight.data, twin.head.bias.data = G.head.weight.data, G.head.bias.data
    ours, theirs = G.cell, twin.lstm
    theirs.weight_ih_l0.data, theirs.weight_hh_l0.data = ours.weight_ih.data, ours.weight_hh.data
    theirs.bias_ih_l0.data, theirs.bias_hh_l0.data = ours.bias_ih.data, ours.bias_hh.data
    return twin


twin = library_twin(G)
ours, theirs = write(G, 100, T, stream(0, "draws")), twin.sample(100, T, stream(0, "draws"))
assert np.array_equal(ours, theirs)
assert np.allclose(-G(ours).data, twin.token_losses(ours).data, atol=1e-5)
print("the same 100 sentences, as likely:", ", ".join(" ".join(SYLLABLES[x]) for x in ours[:3]), "...")

# %% [markdown]
# ## The yardstick: maximum likelihood
#
# The simplest training shows the writer the corpus and makes it likelier: the loss is the mean of $-\log \pi$. We call it *imitation*. Every game below has to be compared with it.
# What is a trained model $q$ worth? Two questions can be asked, and a third figure puts both together:
#
# $$ \text{NLL}_\text{oracle} = -\tfrac1T\,\mathbb E_{x \sim q} \log p(x), \qquad \text{NLL}_\text{test} = -\tfrac1T\,\mathbb E_{x \sim p} \log q(x), \qquad \text{JS}(p, q) $$
#
# The first asks: would the oracle say what the model says? The second: could the model say what the oracle says? A perfect model has the
# language's entropy in both. JS is the Jensen-Shannon divergence of lesson 07, which the game between $G$ and $D$ is about. It is 0 for $q = p$ and $\log 2 = 0.69$ for
# two languages that share no sentence. Usually these figures are estimates. Here they are sums over all 7776 sentences.


# %%
def all_log_q(G):
    """log q(x) of every sentence (7776,)."""
    with no_grad():
        return G(every).data.sum(1).astype(float)


def scores_of(log_q):
    """(NLL_oracle, NLL_test, JS), exact."""
    q = np.exp(log_q)
    middle = np.log((p + q) / 2)
    js = (p * (log_p - middle)).sum() / 2 + (q * (log_q - middle)).sum() / 2
    return -(q * log_p).sum() / T, -(p * log_q).sum() / T, js


def scores(G):
    return scores_of(all_log_q(G))


def falling(rate, step, steps):
    """A learning rate that stays for half of the steps, then falls in a line to 0."""
    return rate * min(1, 2 - 2 * step / steps)


def imitate(seed, steps, rate=5e-3):
    """A writer trained by maximum likelihood on the corpus."""
    G = Writer(V, 16, 32, stream(seed, "writer"))
    g_optimizer = optim.Adam(G.parameters(), lr=rate)
    for step in range(steps):
        g_optimizer.lr = falling(rate, step, steps)
        rows = corpus[stream(seed, "rows", step).integers(0, len(corpus), 64)]
        g_optimizer.step(grad(-ops.mean(G(rows)), G.parameters()))
    return G


long = 200 if FAST else 450
young, old = imitate(0, 50), imitate(0, long)
for count, G in ((50, young), (long, old)):
    of_oracle, of_test, js = scores(G)
    print(f"imitation, {count} steps: NLL_oracle {of_oracle:.4f}, NLL_test {of_test:.4f}, JS {js:.4f}")

# %% [markdown]
# ## What is a token worth?
#
# The discriminator judges whole sentences. What is the third token worth? Call the reward of a sentence $r(x)$. The worth of token $x_t$ is what
# can be expected after it was written: $Q_t = \mathbb E[\,r(x) \mid x_1 \dots x_t\,]$. SeqGAN finds it by trying. A **roll-out** finishes the
# sentence from there with the current policy. Do it a few times, and take the mean of the rewards. The last token needs no roll-out: its sentence is
# whole. All that the writer knows of the beginning is its state $(h, c)$. So we read the sentence once, and copy the state `count` times at each place.


# %%
def rollouts(G, reward, tokens, count, rng):
    """What each token of sentences (N, T) is worth (N, T). reward: a function, sentences (M, T) -> (M,)."""
    n, length = tokens.shape
    values = np.zeros((n, length), np.float32)
    x, state = np.zeros(n, int), None
    for t in range(length - 1):
        with no_grad():
            _, (h, c) = G.step(x, state)  # has read all before token t
        x, state = tokens[:, t], (h, c)
        copies = h.data.repeat(count, axis=0), c.data.repeat(count, axis=0)
        rest = go_on(G, x.repeat(count), copies, length - 1 - t, rng)  # (n * count, length - 1 - t)
        begun = tokens[:, : t + 1].repeat(count, axis=0)
        rewards = reward(np.concatenate([begun, rest], axis=1))  # (n * count,)
        values[:, t] = rewards.reshape(n, count).mean(1)
    values[:, length - 1] = reward(tokens)
    return values


# %% [markdown]
# Here the truth can be computed: $Q_t$ is the mean reward of all sentences that begin so, weighted by $q$. For the test each sentence gets any reward, drawn
# at random. And the library's `rollout_values`, with the same stream, must return the same numbers.

# %%
from tinygan.text.policy import rollout_values

table = rng.uniform(size=len(every)).astype("float32")  # a reward for each sentence
place = V ** np.arange(T)[::-1]


def from_table(tokens):
    return table[tokens @ place]  # tokens @ place: the number of the sentence in `every`


sentence = write(old, 1, T, np.random.default_rng(3))
q = np.exp(all_log_q(old))
exact = []
for t in range(1, T + 1):
    begins_so = (every[:, :t] == sentence[0, :t]).all(1)
    exact.append((q * table)[begins_so].sum() / q[begins_so].sum())
for count in (16, 4000):
    values = rollouts(old, from_table, sentence, count, np.random.default_rng(0))
    print(f"{count:5} roll-outs", values[0].round(3))
print("      exactly  ", np.round(exact, 3))
assert np.abs(values - exact).max() < 0.03

tokens = write(old, 20, T, stream(0, "few"))
ours = rollouts(old, from_table, tokens, 8, stream(0, "tries"))
theirs = rollout_values(library_twin(old), from_table, tokens, 8, stream(0, "tries"))
assert np.allclose(ours, theirs, atol=1e-6)
print("rollouts = rollout_values of the library, with the same stream")

# %% [markdown]
# ## The policy loss
#
# The gradient of the mean reward, for sentences, is REINFORCE summed over the tokens. Write $A_t = Q_t - b_t$ for the worth less a baseline, the *advantage*:
#
# $$ \nabla\, \mathbb E_{x \sim q}\, r(x) = \mathbb E_{x \sim q} \Big[ \sum_t A_t\, \nabla \log \pi(x_t \mid x_1 \dots x_{t-1}) \Big]. $$
#
# Why may $Q_t$ stand for the reward $r(x)$? Once $x_1 \dots x_t$ are fixed, $Q_t$ is the mean of $r(x)$. A mean in place of a draw changes nothing on average, and takes noise away.
#
# So the loss is $-\sum_t A_t \log \pi(x_t)$, where $A_t$ is a plain number without a gradient. We take its mean over all tokens. What does it do to the logits of a step? The slope of
# $\log \operatorname{softmax}(l)_x$ is a 1 at place $x$, minus the probabilities. So a token with a positive advantage is pushed up, and all others down.


# %%
def token_loss(l, x, advantages):
    """Logits (N, V), tokens that were drawn (N,), their advantages (N,) -> the mean of -A log pi(x)."""
    top = l.max(1)
    log_sum = top + np.log(np.exp(l - top[:, None]).sum(1))
    return (-advantages * (l[np.arange(len(x)), x] - log_sum)).mean()


def token_loss_backward(g, l, x, advantages):
    e = np.exp(l - l.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    slope = np.eye(l.shape[1])[x] - p  # of log pi(x)
    return -g * advantages[:, None] * slope / len(x)


x, advantages = rng.integers(0, 6, 4), rng.standard_normal(4)


def forward(l):
    return token_loss(l, x, advantages)


def backward(g, l):
    return token_loss_backward(g, l, x, advantages)


assert_gradients((forward, backward), rng.standard_normal((4, 6)))
print("by hand = finite differences")

# %% [markdown]
# The rest of the chain rule goes through the LSTM, and lesson 14 did that by hand. Here the tape does it. The baseline $b_t$ is the mean worth of this place over
# the batch. A token's own worth is one part in $N$ of that mean, so it hardly depends on the token. The library also divides by the standard deviation: then the size of a step does not
# depend on how far rewards lie apart. It changes the length of the gradient and not its direction.


# %%
def baseline(values):
    """Values (N, T) less the mean of their place."""
    return values - values.mean(0)


def whiten(values):
    """The same over the standard deviation."""
    less = baseline(values)
    return less / np.sqrt((less**2).mean() + 1e-8)


def policy_loss(G, tokens, advantages):
    """A Tensor whose gradient makes tokens (N, T) with large advantages (N, T) likelier."""
    return -ops.mean(G(tokens) * advantages)


# %%
from tinygan.text import policy  # the library's

values = rollouts(old, from_table, tokens, 8, stream(0, "tries"))
assert np.allclose(whiten(values), policy.whiten(values, np.ones_like(values)), atol=1e-5)
twin = library_twin(old)
ours = policy_loss(old, tokens, whiten(values))
theirs = policy.policy_loss(twin, tokens, whiten(values))[0]  # it returns the entropy as well
assert np.isclose(ours.item(), theirs.item(), atol=1e-6)
(of_ours,), (of_theirs,) = grad(ours, [old.head.weight]), grad(theirs, [twin.head.weight])
assert np.allclose(of_ours, of_theirs, atol=1e-6)
print(f"loss by hand {ours.item():.6f}, the library's {theirs.item():.6f}; and the same gradient")

# %% [markdown]
# ## Is it the gradient of the mean reward?
#
# That can be tested. Take a language still smaller: three tokens, three places, 27 sentences, each with some reward. The mean reward $\sum_x q(x)\, r(x)$ is a sum of
# 27 terms, and the tape gives its exact gradient for all weights. Beside it we put the policy gradient of many batches of 100 sentences. Three kinds: each token is paid
# the reward of its whole sentence; it is paid what 8 roll-outs say; and the same less the baseline.

# %%
tiny = Writer(3, 4, 4, stream(0, "tiny"))
tiny_every = np.array(list(product(range(3), repeat=3)))  # (27, 3)
tiny_table = np.random.default_rng(5).uniform(size=27).astype("float32")


def tiny_reward(tokens):
    return tiny_table[tokens @ np.array([9, 3, 1])]


def flat(gradients):
    """All gradients as one row of numbers."""
    return np.concatenate([g.ravel() for g in gradients])


def estimates_of(advantages_of, batches):
    """The policy gradient of many batches (batches, weights); advantages_of: tokens, rng -> advantages."""
    rows = []
    for k in range(batches):
        tokens = write(tiny, 100, 3, stream(0, "tiny tokens", k))
        loss = policy_loss(tiny, tokens, advantages_of(tokens, stream(0, "tiny tries", k)))
        rows.append(-3 * flat(grad(loss, tiny.parameters())))  # the loss: minus a mean over 3 places
    return np.array(rows)


def whole_sentence(tokens, rng):
    return tiny_reward(tokens)[:, None].repeat(3, axis=1)


def by_rollouts(tokens, rng):
    return rollouts(tiny, tiny_reward, tokens, 8, rng)


def with_baseline(tokens, rng):
    return baseline(by_rollouts(tokens, rng))


q_of_all = ops.exp(ops.sum(tiny(tiny_every), 1))  # (27,)
truth = flat(grad(ops.sum(q_of_all * tiny_table), tiny.parameters()))
batches = 50 if FAST else 400
kinds = {"whole sentence": whole_sentence, "roll-outs": by_rollouts, "roll-outs - baseline": with_baseline}
print(f"{batches} batches; all figures over the length of the exact gradient")
print(f"{'':22}{'mean is wrong by':>18}{'+-':>8}{'one batch is wrong by':>24}")
for name, kind in kinds.items():
    found = estimates_of(kind, batches)
    wrong = np.linalg.norm(found.mean(0) - truth) / np.linalg.norm(truth)
    spread = np.sqrt(found.var(0).sum()) / np.linalg.norm(truth)
    print(f"{name:22}{wrong:18.3f}{spread / np.sqrt(batches):8.3f}{spread:24.2f}")
    assert wrong < 2.5 * spread / np.sqrt(batches) + 0.02, name

# %% [markdown]
# The mean of each kind is the exact gradient, within what chance allows. They differ in noise. A single batch without a baseline is wrong by most of the
# gradient's own length. Roll-outs take away a little of that. The baseline takes away most.
#
# ## Relaxed sentences
#
# The other way needs a whole sentence of relaxed tokens. The writer reads the token that won, as before. What it hands to the discriminator is $y_t$, and $y_t$ has a slope.
# (The library's function takes $1/\tau$ where ours takes $\tau$.)


# %%
def relaxed_sentences(G, n, length, tau, rng):
    """n sentences as mixtures y (n, length, V), with a gradient, and the tokens that won (n, length)."""
    x, state, ys, tokens = np.zeros(n, int), None, [], []
    for _ in range(length):
        logits, state = G.step(x, state)
        y = ops.softmax((logits + gumbel(logits.shape, rng)) / tau, 1)
        x = y.data.argmax(1)
        ys.append(y)
        tokens.append(x)
    return ops.stack(ys, 1), np.stack(tokens, 1)


# %%
from tinygan.text import relaxed as library_relaxed

y, tokens = relaxed_sentences(old, 20, T, 0.5, stream(0, "relaxed"))
y_library, tokens_library = library_relaxed.relaxed_sentences(twin, 20, T, 1 / 0.5, stream(0, "relaxed"))
assert np.array_equal(tokens, tokens_library) and np.allclose(y.data, y_library.data, atol=1e-5)
g = rng.standard_normal(y.shape).astype("float32")
(of_ours,), (of_theirs,) = grad(y, [old.cell.weight_hh], g), grad(y_library, [twin.lstm.weight_hh_l0], g)
assert np.allclose(of_ours, of_theirs, atol=1e-4)
print("the same tokens, the same mixtures, the same gradient as the library's")

# %% [markdown]
# ## The discriminator
#
# $v$ sees a sentence as $5 \times 6$ numbers: a real token is a 1 at its place and 0 elsewhere (*one-hot*), a relaxed token is a mixture. Three linear layers give the
# verdict $v(x)$, any number, and $D(x) = \sigma(v(x))$ is the probability that the sentence is real. Between the layers stands `leaky_relu`: it leaves positive numbers as they are and multiplies negative ones by 0.2. Dropout sets a quarter of its features to 0 while it
# learns, other ones at each step. So it learns its 1000 sentences less by heart. (The library's `SentenceJudge` is SeqGAN's own: convolutions over the sentence. Five tokens do not need it.)


# %%
class Judge(nn.Module):
    def __init__(self, rng):
        self.first, self.second = nn.Linear(T * V, 64, rng=rng), nn.Linear(64, 64, rng=rng)
        self.last = nn.Linear(64, 1, rng=rng)
        self.dropout = nn.Dropout(0.25)

    def forward(self, y):
        """Distributions (N, T, V) -> verdicts (N, 1)."""
        features = ops.leaky_relu(self.first(ops.reshape(y, (len(y), T * V))), 0.2)
        features = ops.leaky_relu(self.second(features), 0.2)
        return self.last(self.dropout(features))


def one_hot(tokens):
    """Tokens (N, T) -> (N, T, V)."""
    return Tensor(np.eye(V, dtype="float32")[tokens])


def probability(v, tokens):
    """D(x) of sentences (N, T): (N,)."""
    with no_grad():
        return ops.sigmoid(v(one_hot(tokens))).data[:, 0]


def teach(v, v_optimizer, G, seed, turn):
    """A step of the discriminator: real sentences up, written ones down (lesson 07)."""
    real = corpus[stream(seed, "real", turn).integers(0, len(corpus), 64)]
    fake = write(G, 64, T, stream(seed, "fake", turn))
    v.train()  # dropout on
    v.reseed(stream(seed, "dropout", turn))  # and from a stream of its own
    v_real, v_fake = v(one_hot(real)), v(one_hot(fake))
    d_loss = -ops.mean(ops.logsigmoid(v_real)) - ops.mean(ops.logsigmoid(-v_fake))
    v_optimizer.step(grad(d_loss, v.parameters()))
    v.eval()  # dropout off


# %% [markdown]
# ## SeqGAN
#
# Imitation comes first, 50 steps. Then the discriminator learns alone for 100 steps. Then the two players take turns. $G$ draws 64 sentences, values every token by 8 roll-outs whose reward is $D(x)$, and makes
# the better ones likelier. $D$ learns on, two steps for each of $G$'s. That is SeqGAN, from the pieces above. The other way is the same game with relaxed sentences and the
# slope of $D$, at $\tau = 1$. (The library's SeqGAN writes its roll-outs with a copy of $G$ that lags behind. Here $G$ itself writes them.) Beside both stands a *control*: SeqGAN's updates, with every advantage 1. On average its gradient is 0, so it moves by chance alone. If the control is as good, the discriminator has taught nothing.
#
# (`partial(probability, v)` is the function `probability` with its first argument filled in: it takes sentences only.)


# %%
def generator_loss(way, G, v, seed, step):
    if way == "relaxed tokens":
        y, _ = relaxed_sentences(G, 64, T, 1.0, stream(seed, "relaxed", step))
        return -ops.mean(ops.logsigmoid(v(y)))  # the non-saturating loss of lesson 07
    tokens = write(G, 64, T, stream(seed, "drawn", step))
    advantages = np.ones(tokens.shape, "float32")  # the control
    if way == "SeqGAN":
        values = rollouts(G, partial(probability, v), tokens, 8, stream(seed, "tries", step))
        advantages = whiten(values)
    return policy_loss(G, tokens, advantages)


alone = 20 if FAST else 100  # steps of the discriminator before the game


def play(way, G, seed, steps, rate=1e-3):
    """Play on from a copy of G; returns it and its scores on the way."""
    G, v = copy.deepcopy(G), Judge(stream(seed, "judge"))
    g_optimizer = optim.Adam(G.parameters(), lr=rate)
    v_optimizer = optim.Adam(v.parameters(), lr=2e-3)
    for turn in range(alone):
        teach(v, v_optimizer, G, seed, turn)
    path = [scores(G)]
    for step in range(steps):
        g_optimizer.lr = falling(rate, step, steps)
        g_loss = generator_loss(way, G, v, seed, step)
        g_optimizer.step(grad(g_loss, G.parameters()))
        if way != "control":  # which asks no discriminator
            for turn in range(2):
                teach(v, v_optimizer, G, seed, alone + 2 * step + turn)
        if (step + 1) % 50 == 0 or step + 1 == steps:
            path.append(scores(G))
    return G, np.array(path)


# %%
steps = 20 if FAST else 400
SEEDS = [0] if FAST else [0, 1, 2]
WAYS = "SeqGAN", "relaxed tokens", "control"
played, finals = {}, {}
for seed in SEEDS:
    start, middle = imitate(seed, 50), imitate(seed, 50 + steps)
    finals["imitation", 50, seed] = scores(start)
    for way in WAYS:
        G, path = play(way, start, seed, steps)
        played[way, seed] = G, path
        finals[way, 50 + steps, seed] = path[-1]
    finals["imitation", 50 + steps, seed] = scores(middle)
    _, path = play("SeqGAN", middle, seed, steps)
    finals["SeqGAN, late", 50 + 2 * steps, seed] = path[-1]
    finals["imitation", 50 + 2 * steps, seed] = scores(imitate(seed, 50 + 2 * steps))

# %%
print(f"seeds {SEEDS}: means, and JS of each")
print(f"{'':18}{'steps':>6}{'NLL_oracle':>12}{'NLL_test':>10}{'JS':>8}    each")
for name, count, first in finals:
    if first == 0:  # a row for all seeds
        of_seeds = [finals[name, count, seed] for seed in SEEDS]
        each = "  ".join(f"{js:.3f}" for _, _, js in of_seeds)
        print("{:18}{:6}{:12.3f}{:10.3f}{:8.3f}    {}".format(name, count, *np.mean(of_seeds, 0), each))
print(f"{'the language':18}{'':6}{floor:12.3f}{floor:10.3f}{0:8.3f}")
for seed in SEEDS:
    begun, played_on = finals["imitation", 50, seed], finals["SeqGAN", 50 + steps, seed]
    control, late = finals["control", 50 + steps, seed], finals["SeqGAN, late", 50 + 2 * steps, seed]
    assert played_on[0] < min(begun[0], control[0]), "SeqGAN should please the oracle more than both"
    assert finals["imitation", 50 + steps, seed][2] < played_on[2], "the yardstick should have the lower JS"
    assert finals["imitation", 50 + 2 * steps, seed][2] < late[2], "here too"

# %% [markdown]
# The table says three things. They hold in every seed.
#
# 1. *SeqGAN learns from its discriminator.* It ends with a lower NLL$_\text{oracle}$ than it began with, and than the control. Its JS falls from .19 to .10 on average, that of the relaxed tokens to .12. The control had the same updates and no
#    discriminator.
# 2. *Imitation alone is better.* After as many steps it has the lower JS, .05. Each of its steps is cheaper too: it needs no roll-outs and no second player.
# 3. *SeqGAN does not help a writer that imitates well already.* The row "SeqGAN, late" begins where imitation was after 450 steps. It ends with a higher JS than it began with:
#    .07, from .05. Imitation that goes on for as many steps stays at .05.
#
# So on this language the game is no better way to learn a corpus. M. Caccia and others found the same on SeqGAN's own benchmark in 2020. What the policy gradient offers is another thing: it can follow
# any reward, also one that no corpus shows and that has no slope. Imitation can only follow a corpus.
#
# ## How to deceive NLL-oracle
#
# Papers print NLL$_\text{oracle}$. Here is a way to lower it without learning anything. Multiply all logits by $\beta > 1$, so that the model says
# more often what it says anyway. It stops saying most of what the language can say. The oracle is asked only about what *was* said, and it is
# delighted. (Multiplying logits by $\beta$ is the same as scaling the last layer.)


# %%
def sharpen(G, beta):
    """A copy of G whose logits are multiplied by beta."""
    sharp = copy.deepcopy(G)
    sharp.head.weight.data = sharp.head.weight.data * np.float32(beta)
    sharp.head.bias.data = sharp.head.bias.data * np.float32(beta)
    return sharp


betas = np.array([0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0])
curve = np.array([scores(sharpen(young, beta)) for beta in betas])

fig, axis = plt.subplots(figsize=(7.6, 3.6))
axis.plot(curve[:, 0], curve[:, 1], "o--", color="#888888", markersize=3, label="50 steps, sharpened by β")
for beta, (x, y, _) in zip(betas, curve):
    if y < 1.6:
        axis.text(x + 0.01, y + 0.01, f"{beta:g}", fontsize=8, color="#666666")
for way, colour in zip(WAYS, ("C1", "C2", "C3")):
    _, path = played[way, 0]
    axis.plot(path[:, 0], path[:, 1], "-", color=colour, label=way)
    for seed in SEEDS:
        axis.plot(*finals[way, 50 + steps, seed][:2], "o", color=colour)
for seed in SEEDS:
    label = f"imitation, {50 + steps} steps" if seed == 0 else None
    axis.plot(*finals["imitation", 50 + steps, seed][:2], "s", color="C0", label=label)
axis.plot(floor, floor, "*", color="#333333", markersize=12, label="the language itself")
axis.set(
    xlabel="NLL_oracle: does the oracle say what the model says?",
    ylabel="NLL_test: the other way",
    ylim=(floor - 0.03, 1.6),
)
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
plt.show()

# %% [markdown]
# The lines are the games of seed 0, and so is the curve of $\beta$. (It goes on above the picture, to $\beta = 4$.) The points are where all seeds end. To the left of the star NLL$_\text{oracle}$ is *below the entropy of the language*. A perfect model cannot be there, and a
# sharpened one is. So print both figures, and draw the curve of $\beta$. A GAN has learned something if it ends below that curve. SeqGAN and the relaxed
# tokens do, with all three seeds. The control does not. Imitation ends lower still.
#
# What do they say? Of 2000 sentences each (seed 0): how likely the oracle finds them, how many are different, and the first five.

# %%
speakers = {
    "the language": oracle.sample(2000, T, 11),
    "SeqGAN": write(played["SeqGAN", 0][0], 2000, T, stream(0, "speech")),
    "sharpened, β = 4": write(sharpen(young, 4.0), 2000, T, stream(0, "speech")),
}
for name, said in speakers.items():
    different = len(np.unique(said, axis=0))
    print(f"{name}: NLL_oracle {oracle.nll(said).mean():.2f}, {different} different sentences")
    print("   " + ",  ".join(" ".join(SYLLABLES[x]) for x in said[:5]))

# %% [markdown]
# The sharpened writer pleases the oracle most. It says 66 different sentences, where the language says 459.
#
# ## Exercises
#
# Replace `None` by your answer and run the cell. It says what is wrong, or that you are right.
#
# **1.** The mean $R$ is a good baseline $b$, and not the best. For the four tokens with `logits` and rewards `r` from the beginning, the noise of one draw is
# $\sum_k p_k (r_k - b)^2 s_k - \text{const}$, with $s_k = |\nabla \log p_k|^2$. Which $b$ makes it smallest? Write `best_baseline(probabilities, rewards)`; it returns a
# number. $\nabla \log p_k$ is a 1 at place $k$, minus the probabilities.
# <details><summary>Hint</summary>
#
# Set the slope of the sum for $b$ to 0. The result is a mean of the rewards in which some tokens weigh more than others.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def best_baseline(probabilities, rewards):
#     slopes = np.eye(len(rewards)) - probabilities  # row k: of log p_k
#     weights = probabilities * (slopes**2).sum(1)
#     return (weights * rewards).sum() / weights.sum()
# ```
#
# The slope for $b$ is $-2 \sum_k p_k s_k (r_k - b)$. It is 0 at $b = \sum_k p_k s_k r_k \,/ \sum_k p_k s_k$. A rare token has a long slope, so it weighs more than in $R$.
#
# </details>

# %%
best_baseline = None  # exercise 1: a function of (probabilities, rewards), see above

if best_baseline is not None:

    def noise_of(b, probabilities, rewards):
        slopes = np.eye(len(rewards)) - probabilities
        return (probabilities * (rewards - b) ** 2 * (slopes**2).sum(1)).sum()

    for probabilities, rewards in (
        (np.exp(logits) / np.exp(logits).sum(), r),
        (np.array([0.7, 0.2, 0.1]), np.array([0.0, 1.0, 5.0])),
    ):
        b = best_baseline(probabilities, rewards)
        assert np.ndim(b) == 0, f"a baseline is one number; you return an array of shape {np.shape(b)}"
        mean = probabilities @ rewards
        at_b, at_mean = noise_of(b, probabilities, rewards), noise_of(mean, probabilities, rewards)
        assert not np.isclose(b, mean), "that is R; there is a baseline with less noise"
        for other in (b - 0.01, b + 0.01):
            less = noise_of(other, probabilities, rewards)
            assert at_b < less, f"{other:.3f} has less noise than your {b:.3f}"
        print(f"noise at R {at_mean:.4f}, at your baseline {b:.3f} it is {at_b:.4f}")
    print("exercise 1 is right")

# %% [markdown]
# **2.** The relaxed token shows mixtures to the discriminator, and real sentences are never mixtures. The *straight-through* token shows it a one-hot and keeps the
# gradient of the mixture. Write `straight_through(l, noise, tau)`. `l` is a Tensor $(N, V)$, `noise` an array. The value is a 1 at the largest $l + g$ and 0 elsewhere. The gradient for `l` is
# that of $\operatorname{softmax}((l + g)/\tau)$.
# <details><summary>Hint</summary>
#
# Add to $y$ something that has no gradient. An array has none, and neither has `y.data`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def straight_through(l, noise, tau):
#     y = ops.softmax((l + noise) / tau, 1)
#     hard = np.eye(y.shape[1], dtype=y.data.dtype)[y.data.argmax(1)]
#     return y + (hard - y.data)
# ```
#
# The bracket is an array, a constant for the tape. It turns the value into `hard`, and the gradient goes through `y` alone.
#
# </details>

# %%
straight_through = None  # exercise 2: a function of (l, noise, tau), see above

if straight_through is not None:
    l = Tensor(np.random.default_rng(1).standard_normal((6, 4)).astype("float32"), requires_grad=True)
    noise = gumbel((6, 4), np.random.default_rng(2))
    y = straight_through(l, noise, 0.5)
    assert isinstance(y, Tensor), "return a Tensor: an array has no gradient"
    hard = np.eye(4)[(l.data + noise).argmax(1)]
    assert np.allclose(y.data, hard, atol=1e-6), "the value must be 1 at the largest l + noise, else 0"
    library = ops.gumbel_softmax(l, tau=0.5, hard=True, rng=np.random.default_rng(2))
    assert y.requires_grad, "your result has lost its gradient"
    g = np.random.default_rng(3).standard_normal((6, 4)).astype("float32")
    (of_yours,), (of_library,) = grad(y, [l], g), grad(library, [l], g)
    assert np.allclose(of_yours, of_library, atol=1e-5), "the gradient must be the mixture's, at this tau"
    print("exercise 2 is right")

# %% [markdown]
# **3.** A token cannot change the rewards of the tokens before it, and no roll-out is needed to see that. Let each *place* have a reward of its own: `rewards` $(N, T)$, as in
# a game with points at each move. What token $t$ can still change is the sum of the rewards from $t$ on. Write `rewards_to_go(rewards)`; it returns the sums $(N, T)$. The check puts it into the
# policy gradient of the tiny language, beside paying each token the sum of all rewards.
# <details><summary>Hint</summary>
#
# `np.cumsum` adds up from the front. Turn the row around before and after.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def rewards_to_go(rewards):
#     return np.cumsum(rewards[:, ::-1], axis=1)[:, ::-1]
# ```
#
# The rewards before $t$ act like a baseline: they do not depend on $x_t$, so they change nothing on average. They only add noise.
#
# </details>

# %%
rewards_to_go = None  # exercise 3: a function of rewards (N, T), see above

if rewards_to_go is not None:
    points = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]])
    found = np.asarray(rewards_to_go(points.copy()))
    assert found.shape == points.shape, f"expected shape {points.shape}, you return {found.shape}"
    until_t = np.cumsum(points, 1)
    assert not np.allclose(found, until_t), "these are sums until t; token t changes the rewards from t on"
    assert np.allclose(found[:, -1], points[:, -1]), "the last token is worth its own reward"
    right = [[7, 6, 4], [3, 3, 3]]
    assert np.allclose(found, right), "token t is worth its own reward and all later ones"
    of_token = np.array([0.2, 1.0, 0.5], "float32")  # a token's points, at any place

    def paid_to_go(tokens, rng):
        return np.asarray(rewards_to_go(of_token[tokens]), "float32")

    def paid_all(tokens, rng):
        return of_token[tokens].sum(1, keepdims=True).repeat(3, axis=1)

    total = of_token[tiny_every].sum(1)
    truth = flat(grad(ops.sum(ops.exp(ops.sum(tiny(tiny_every), 1)) * total), tiny.parameters()))
    size = np.linalg.norm(truth)
    spreads = []
    for kind in (paid_all, paid_to_go):
        found = estimates_of(kind, 50)
        spreads.append(np.sqrt(found.var(0).sum()) / size)
        wrong = np.linalg.norm(found.mean(0) - truth) / size
        assert wrong < 2.5 * spreads[-1] / np.sqrt(50), "the mean is not the exact gradient"
    assert spreads[1] < spreads[0], "there should be less noise than with the sum of all"
    print(f"one batch is wrong by {spreads[0]:.2f} with the sum of all, by {spreads[1]:.2f} with yours")
    print("exercise 3 is right")

# %% [markdown]
# **4.** A divergence is a cross-entropy less an entropy: $\operatorname{KL}(q \,\|\, p) = T \cdot \text{NLL}_\text{oracle} - H(q)$, where $H(q) = -\sum_x q(x) \log q(x)$, and
# the other way round with NLL$_\text{test}$. It cannot be deceived as NLL$_\text{oracle}$ can. Write `divergences(log_q)`. It takes $\log q$ of every sentence, as `all_log_q` returns it, and gives the pair
# $\operatorname{KL}(q \,\|\, p)$, $\operatorname{KL}(p \,\|\, q)$. Which $\beta$ is best by each?
# <details><summary>Hint</summary>
#
# $\operatorname{KL}(q \,\|\, p) = \sum_x q(x)\,(\log q(x) - \log p(x))$. `p` and `log_p` are there.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def divergences(log_q):
#     q = np.exp(log_q)
#     return (q * (log_q - log_p)).sum(), (p * (log_p - log_q)).sum()
# ```
#
# Of these β, NLL$_\text{oracle}$ likes the largest best. Neither divergence does. Each grows when the model says little of what the language says:
# $\operatorname{KL}(q \,\|\, p)$ because the entropy $H(q)$ falls, $\operatorname{KL}(p \,\|\, q)$ because $-\log q(x)$ becomes large for what is no longer said.
#
# </details>

# %%
divergences = None  # exercise 4: a function of log_q (7776,), see above

if divergences is not None:
    pair = divergences(log_p)
    assert len(pair) == 2, "return two numbers: KL(q | p), KL(p | q)"
    assert np.allclose(pair, 0, atol=1e-6), "for q = p both divergences are 0"
    log_q = all_log_q(young)
    entropy = -(np.exp(log_q) * log_q).sum()
    of_oracle, of_test, _ = scores_of(log_q)
    first, second = divergences(log_q)
    per_sentence = "in nats a sentence, not a token"
    assert np.isclose(first, T * of_oracle - entropy, atol=1e-4), f"KL(q | p) first, {per_sentence}"
    assert np.isclose(second, T * (of_test - floor), atol=1e-3), f"KL(p | q) second, {per_sentence}"
    table_of = np.array([divergences(all_log_q(sharpen(young, beta))) for beta in betas])
    print("best β by NLL_oracle", betas[curve[:, 0].argmin()])
    print("best β by KL(q | p)  ", betas[table_of[:, 0].argmin()])
    print("best β by KL(p | q)  ", betas[table_of[:, 1].argmin()])
    print("exercise 4 is right")

# %% [markdown]
# To go on: `tinygan train names --set way=policy` plays this game over given names, letter by letter. `way=gumbel` is the other way and `way=mle` the yardstick.
#
# ## Sources
#
# - R. Williams, *Simple statistical gradient-following algorithms*, 1992, doi.org/10.1007/BF00992696: REINFORCE and baselines.
# - E. Jang et al., *Categorical reparameterization with Gumbel-softmax*, 2017, arXiv:1611.01144, eq. 1 and 2; straight-through: section 2.2.
# - L. Yu et al., *SeqGAN*, 2017, arXiv:1609.05473, eq. 4 and 8; algorithm 1.
# - W. Nie et al., *RelGAN*, 2019: Gumbel-softmax for text.
# - M. Caccia et al., *Language GANs falling short*, 2020, arXiv:1811.02549: the curve of temperatures.
# - `tinygan/text/policy.py`, `tinygan/text/relaxed.py`, `tinygan/text/oracle.py`.
