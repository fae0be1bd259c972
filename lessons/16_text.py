# %% [markdown]
# # 16 · Text: learning through choices
#
# **You will build:** two ways to get a gradient through a choice that has none, Gumbel-softmax (gradient by hand) and the policy gradient,
# each measured against the truth; then SeqGAN, on a language so small that every sentence can be looked at; and a demonstration of how the
# usual figure, NLL-oracle, can be deceived.
#
# **You need:** the game (lesson 07), the LSTM (lesson 14).
#
# **Time:** 50 minutes.

# %%
import copy
import os
from itertools import product

import matplotlib.pyplot as plt
import numpy as np

from tinygan import grad, no_grad, ops, optim
from tinygan.backend import stream
from tinygan.gan.objectives import minimax, non_saturating
from tinygan.gradcheck import assert_gradients
from tinygan.text.language import LanguageModel
from tinygan.text.oracle import Oracle
from tinygan.text.policy import SentenceJudge, policy_loss, rollout_values, whiten
from tinygan.text.relaxed import relaxed_sentences

FAST = bool(os.environ.get("TINYGAN_FAST"))  # shorter training
plt.style.use("tinygan.plot.lesson")
rng = np.random.default_rng(0)

# %% [markdown]
# ## A choice has no slope
#
# A generator of text computes a score $l_k$ (a *logit*) for each of $V$ tokens and draws one, token $k$ with probability
# $p_k = e^{l_k} / \sum_j e^{l_j}$. $D$ sees the token and says how good it is, $r_k$. What $G$ wants to raise is $R = \sum_k p_k r_k$, and with
# only $V$ tokens its gradient is known:
#
# $$ \frac{\partial R}{\partial l_k} = p_k\,(r_k - R) $$
#
# But with sentences of $T$ tokens there are $V^T$ of them; the sum is out of reach and one has to draw. And a token that was drawn does not
# move when $l$ moves a little. Two ways out.
#
# ## Way 1: Gumbel-softmax
#
# Drawing can be written with the chance apart. Add to each logit its own noise $g_k = -\log(-\log u_k)$, $u_k$ uniform on $(0, 1)$ (called
# Gumbel noise), and take the largest: that *is* a draw from $p$.

# %%
logits = np.array([1.0, 0.0, -0.5, 0.5])
p = np.exp(logits) / np.exp(logits).sum()


def gumbel(shape, rng):
    return -np.log(-np.log(rng.uniform(size=shape)))


drawn = (logits + gumbel((100_000, 4), rng)).argmax(1)
print("p:     ", p.round(3))
print("drawn: ", (np.bincount(drawn) / len(drawn)).round(3))

# %% [markdown]
# `argmax` is the only thing left without a slope. Replace it by a softmax with a *temperature* $\tau$:
#
# $$ y = \operatorname{softmax}\big((l + g)/\tau\big), \qquad
# \frac{\partial L}{\partial l} = \frac1\tau\; y \odot \big(\bar y - \langle \bar y, y\rangle\big) $$
#
# ($\bar y$ is the gradient for $y$.) Small $\tau$: nearly a choice. Large $\tau$: a smear.


# %%
def relaxed(l, noise, tau):
    """l and noise (N, V) -> y (N, V), rows that sum to 1."""
    a = (l + noise) / tau
    e = np.exp(a - a.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def relaxed_backward(g, l, noise, tau):
    y = relaxed(l, noise, tau)
    return y * (g - (g * y).sum(1, keepdims=True)) / tau


l, noise = rng.standard_normal((5, 4)), gumbel((5, 4), rng)
pair = lambda l: relaxed(l, noise, 0.5), lambda g, l: relaxed_backward(g, l, noise, 0.5)
assert_gradients(pair, l)

# the library draws -log u as an exponential; with the same generator, the same noise
noise = -np.log(np.random.default_rng(7).standard_exponential((5, 4)))
library = ops.gumbel_softmax(l, tau=0.5, rng=np.random.default_rng(7))
assert np.allclose(relaxed(l, noise, 0.5), library)
print("by hand = finite differences; and = ops.gumbel_softmax")

taus = (0.1, 0.5, 1.0, 5.0)
fig, axes = plt.subplots(1, 4, figsize=(7.4, 1.7), sharey=True)
noise = gumbel((6, 4), np.random.default_rng(1))
for axis, tau in zip(axes, taus):
    y = relaxed(np.tile(logits, (6, 1)), noise, tau)
    axis.imshow(y.T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set(title=f"τ = {tau}", xlabel="draw", xticks=[], yticks=range(4))
    axis.grid(False)
axes[0].set_ylabel("token")
plt.show()

# %% [markdown]
# ## Way 2: the policy gradient
#
# As $\nabla p_k = p_k \nabla \log p_k$, the gradient is itself an average over draws (Williams 1992, REINFORCE):
#
# $$ \nabla R = \sum_k p_k\, r_k\, \nabla \log p_k = \mathbb E_{k \sim p}\big[\,(r_k - b)\,\nabla \log p_k\,\big] $$
#
# for any constant $b$, the *baseline*, because $\mathbb E\,\nabla \log p_k = \nabla \sum_k p_k = 0$. No slope of $r$ is needed: $D$ may be
# anything. The price is noise. How much, and how true is each way? Many estimates of the same four numbers:

# %%
r = np.array([1.0, 1.2, 0.2, 0.9])  # what D thinks of each token
truth = p * (r - p @ r)


def policy_estimates(baseline, n=20_000):
    k = rng.choice(4, n, p=p)
    slope = np.eye(4)[k] - p  # of log p_k, for l
    return (r[k] - baseline)[:, None] * slope


def gumbel_estimates(tau, n=20_000):
    return relaxed_backward(r, np.tile(logits, (n, 1)), gumbel((n, 4), rng), tau)


estimates = {"policy, b = 0": policy_estimates(0), "policy, b = mean r": policy_estimates(p @ r)}
estimates |= {f"Gumbel, τ = {tau}": gumbel_estimates(tau) for tau in (0.1, 0.5, 1.0, 2.0)}
print(f"{'':22}{'wrong by':>10}{'spread of one draw':>21}")
for name, found in estimates.items():
    bias, spread = np.linalg.norm(found.mean(0) - truth), np.sqrt(found.var(0).sum())
    print(f"{name:22}{bias:10.3f}{spread:21.3f}")

# %% [markdown]
# The policy gradient is right on average and noisy, less so with a good baseline. Gumbel-softmax is less noisy for $\tau \ge \frac12$, and wrong by
# something that grows with $\tau$. (The first column cannot be read below its own accuracy, about $\text{spread}/\sqrt{20000}$.) And it needs a
# $D$ that can be fed a smear of tokens and has a slope there.
#
# ## A language of 7776 sentences
#
# Six syllables, sentences of five. An *oracle*, an LSTM with random weights, says how likely each is: SeqGAN's experiment, made so small that
# we can look at all $6^5$ of them, and no score in what follows is an estimate.

# %%
SYLLABLES = np.array(["ba", "ki", "lo", "mu", "ne", "ra"])
V, T = 6, 5
every = np.array(list(product(range(V), repeat=T)))  # (7776, 5)
oracle = Oracle.draw(0, vocabulary=V, size=32)
log_p = -T * oracle.nll(every)
p = np.exp(log_p)
assert np.isclose(p.sum(), 1, atol=1e-4)
floor = -(p * log_p).sum() / T  # its entropy, a token

for sentence in every[p.argsort()[::-1][:4]]:
    print(" ".join(SYLLABLES[sentence]), f"  {np.exp(-T * oracle.nll(sentence[None])[0]):.3f}")
print(f"entropy of the language: {floor:.4f} nats a syllable (of log 6 = {np.log(6):.4f})")
corpus = oracle.sample(1000, length=T, rng=1)

# %% [markdown]
# What a model $q$ is worth has two sides, which are two cross-entropies, a token:
#
# $$ \text{NLL}_\text{oracle} = -\tfrac1T\,\mathbb E_{x \sim q} \log p(x), \qquad \text{NLL}_\text{test} = -\tfrac1T\,\mathbb E_{x \sim p} \log q(x) $$
#
# The first asks: would the oracle say what the model says? The second: could the model say what the oracle says? A perfect model has the
# language's entropy in both.


# %%
def all_log_q(model):
    with no_grad():
        return -model.token_losses(every).data.sum(1).astype(float)


def scores(model):
    """(NLL_oracle, NLL_test), exact."""
    log_q = all_log_q(model)
    q = np.exp(log_q) / np.exp(log_q).sum()
    return -(q * log_p).sum() / T, -(p * log_q).sum() / T


def imitate(steps, rate=5e-3):
    """A language model trained by maximum likelihood on the corpus."""
    model = LanguageModel(V, 16, 32, ended=False, rng=stream(0, "model"))
    weights = model.parameters()
    optimizer = optim.Adam(weights, lr=rate)
    for step in range(steps):
        optimizer.lr = rate * min(1, 2 - 2 * step / steps)
        rows = corpus[stream(0, "rows", step).integers(0, len(corpus), 64)]
        optimizer.step(grad(model.loss(rows), weights))
    return model


young, old = imitate(50), imitate(600)
for name, model in (("after 50 steps", young), ("after 600 steps", old)):
    of_oracle, of_test = scores(model)
    print(f"maximum likelihood {name:16} NLL_oracle {of_oracle:.4f}, NLL_test {of_test:.4f}")

# %% [markdown]
# ## What is a token worth?
#
# $D$ judges whole sentences. What is the third token worth? **Roll-outs**: finish the sentence many times from there, as the generator would,
# and average the verdicts. That estimates $Q(x_{\le t}) = \mathbb E[\,r(x) \mid x_1 \dots x_t\,]$. Here the truth can be computed: the mean of
# all sentences that begin so.

# %%
judged = rng.uniform(size=len(every)).astype("f4")  # any reward, one number for each sentence
place = V ** np.arange(T)[::-1]
reward = lambda tokens: judged[tokens @ place]

sentence = old.sample(1, T, np.random.default_rng(3))
q = np.exp(all_log_q(old))
exact = []
for t in range(1, T + 1):
    begins_so = (every[:, :t] == sentence[0, :t]).all(1)
    exact.append((q * judged)[begins_so].sum() / q[begins_so].sum())
for count in (16, 4000):
    values = rollout_values(old, reward, sentence, count, np.random.default_rng(0))[0]
    print(f"{count:5} roll-outs", values.round(3))
print("      exactly  ", np.round(exact, 3))
assert np.abs(values - exact).max() < 0.03

# %% [markdown]
# And the gradient of $R = \sum_x q(x)\, r(x)$ for all weights of the LSTM: exactly, by differentiating the sum over all 7776 sentences; and from
# drawn sentences, $\sum_t Q_t \nabla \log q(x_t | x_{<t})$. Do they point the same way?

# %%
weights = old.parameters()
flat = lambda gradients: np.concatenate([g.ravel() for g in gradients])
log_q = -old.token_losses(every).sum(1)
exact = flat(grad((ops.exp(log_q) * judged).sum(), weights))
for n in (64, 512, 4096):
    x = old.sample(n, T, np.random.default_rng(5))
    values = rollout_values(old, reward, x, 8, np.random.default_rng(6))
    values = whiten(values, np.ones_like(values))  # less the mean, over the spread: a baseline
    estimate = -flat(grad(policy_loss(old, x, values)[0], weights))
    cosine = exact @ estimate / np.linalg.norm(exact) / np.linalg.norm(estimate)
    print(f"{n:5} sentences: cosine of estimate and truth {cosine:.3f}")
assert cosine > 0.8

# %% [markdown]
# ## SeqGAN
#
# Imitation first, a little. Then in turns: $G$ draws sentences, values every token by roll-outs under $D$, and makes the better ones likelier;
# $D$ learns on. Beside it the *control*: the same updates with every reward 1. And the other way, Gumbel-softmax, with $D$'s slope.


# %%
def play(way, steps, rate=1e-3, batch=64):
    G, windows = copy.deepcopy(young), ((1, 16), (2, 32), (3, 32))  # (width, how many)
    D = SentenceJudge(V, 16, windows, ended=False, rng=stream(0, "D"))
    g_weights, d_weights = G.parameters(), D.parameters()
    g_optimizer, d_optimizer = optim.Adam(g_weights, lr=rate), optim.Adam(d_weights, lr=2e-3)

    def teach_judge(turn):
        real = corpus[stream(0, "real", turn).integers(0, len(corpus), batch)]
        D.train().reseed(stream(0, "dropout", turn))
        loss = minimax.discriminator(D(real), D(G.sample(batch, T, stream(0, "fake", turn))))
        d_optimizer.step(grad(loss, d_weights))
        D.eval()

    def verdicts(tokens):
        with no_grad():
            return ops.sigmoid(D(tokens)).data[:, 0]

    for turn in range(100):
        teach_judge(turn)
    path = [scores(G)]
    for step in range(steps):
        g_optimizer.lr = rate * min(1, 2 - 2 * step / steps)
        if way == "Gumbel-softmax":
            y, _ = relaxed_sentences(G, batch, T, 1.0, stream(0, "relaxed", step))
            loss = non_saturating.generator(None, D(y))
        else:
            x = G.sample(batch, T, stream(0, "drawn", step))
            values = np.ones(x.shape, "f4")
            if way == "policy gradient":
                worth = rollout_values(G, verdicts, x, 8, stream(0, "roll-outs", step))
                values = whiten(worth, values)
            loss, _ = policy_loss(G, x, values)
        g_optimizer.step(grad(loss, g_weights))
        for turn in range(2):
            teach_judge(100 + 2 * step + turn)
        if step % 25 == 24:
            path.append(scores(G))
    return G, np.array(path)


steps = 100 if FAST else 600
games = {way: play(way, steps) for way in ("policy gradient", "Gumbel-softmax", "constant reward")}
print(f"{'':18}{'NLL_oracle':>12}{'NLL_test':>10}")
print(f"{'at the beginning':18}{scores(young)[0]:12.4f}{scores(young)[1]:10.4f}")
for way, (_, path) in games.items():
    print(f"{way:18}{path[-1, 0]:12.4f}{path[-1, 1]:10.4f}")

# %% [markdown]
# ## How to deceive NLL-oracle
#
# Papers print NLL$_\text{oracle}$. Here is a way to lower it without learning anything: multiply all logits by $\beta > 1$, so that the model says
# more often what it says anyway. It stops saying most of what the language can say; the oracle, asked only about what *was* said, is delighted.

# %%
sharp = copy.deepcopy(young)
betas = np.array([0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0])
curve = []
for beta in betas:
    sharp.sharpness = beta
    curve.append(scores(sharp))
curve = np.array(curve)

fig, axis = plt.subplots(figsize=(7.6, 3.4))
style = {"color": "#888888", "markersize": 3, "linewidth": 1.2}
axis.plot(*curve.T, "o--", **style, label="young model, sharpened by β")
for beta, (x, y) in zip(betas, curve):
    if y < 1.6:
        axis.text(x + 0.01, y + 0.01, f"{beta:g}", fontsize=8, color="#666666")
for (way, (_, path)), colour in zip(games.items(), ("C1", "C2", "C3")):
    axis.plot(*path.T, "-", color=colour, label=way)
    axis.plot(*path[-1], "o", color=colour)
axis.plot(*scores(old), "s", color="C0", label="maximum likelihood, 600 steps")
axis.plot(floor, floor, "*", color="#333333", markersize=12, label="the language itself")
axis.set(
    xlabel="NLL_oracle: does the oracle say what the model says?",
    ylabel="NLL_test: the other way",
    ylim=(floor - 0.03, 1.6),
)
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
plt.show()

# %% [markdown]
# To the left of the star the figure is *below the entropy of the language*: no honest model can be there, and a sharpened one is. So print both
# figures, and draw the curve of $\beta$: a GAN has learned something if it ends below that curve. Here both ways do, and the control does not.
# And be fair: so does maximum likelihood, if it is allowed to train longer. (On SeqGAN's own benchmark that was noticed late: Caccia et al. 2020.)
#
# What do they say? Of 2000 sentences each: how likely the oracle finds them, how many are different, and the first five.

# %%
sharp.sharpness = 4.0
seqgan = games["policy gradient"][0]
speakers = {"the language": oracle, "SeqGAN": seqgan, "sharpened, β = 4": sharp}
for name, speaker in speakers.items():
    drawn = speaker.sample(2000, T, np.random.default_rng(11))
    different = len(np.unique(drawn, axis=0))
    print(f"{name}: NLL_oracle {oracle.nll(drawn).mean():.2f}, {different} different sentences")
    print("   " + ",  ".join(" ".join(SYLLABLES[x]) for x in drawn[:5]))

# %% [markdown]
# ## Exercises
#
# **1.** NLL$_\text{oracle}$ is $H(q) + \text{KL}(q \,\|\, p)$ and NLL$_\text{test}$ is $H(p) + \text{KL}(p \,\|\, q)$, over $T$. Show it, and compute both divergences
# along the curve of $\beta$. Where is each smallest?
# <details><summary>Hint</summary>
#
# Subtract the entropies: `-(q * log_q).sum() / T`. Neither is smallest at a large β.
#
# </details>
#
# **2.** Leave the roll-outs away and give every token the verdict of its own sentence. Is the gradient still right on average? What changes?
# <details><summary>Hint</summary>
#
# Right, and noisier: `values = verdicts(x)[:, None].repeat(T, 1)`.
#
# </details>
#
# **3.** Train on names: `tinygan train names --set way=policy`, then `way=gumbel`, then `way=mle`, and read what comes out.
# <details><summary>Hint</summary>
#
# `tinygan list names` shows the settings. Print copies and distinct samples beside the scores, as it does.
#
# </details>
#
# ## Sources
#
# - R. Williams, *Simple statistical gradient-following algorithms*, 1992, doi.org/10.1007/BF00992696: REINFORCE and baselines.
# - E. Jang et al., *Categorical reparameterization with Gumbel-softmax*, 2017, arXiv:1611.01144, eq. 1 and 2.
# - L. Yu et al., *SeqGAN*, 2017, arXiv:1609.05473, eq. 4 and 8; algorithm 1.
# - W. Nie et al., *RelGAN*, 2019: Gumbel-softmax for text.
# - M. Caccia et al., *Language GANs falling short*, 2020, arXiv:1811.02549: the curve of temperatures.
# - `tinygan/text/policy.py`, `tinygan/text/relaxed.py`, `tinygan/text/oracle.py`.
