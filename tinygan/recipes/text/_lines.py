"""What `names`, `captions` and `oracle` share: their settings, the game of the way that is chosen, lines in and out."""

from dataclasses import dataclass
from pathlib import Path

from tinygan.backend import stream
from tinygan.data import DataError, Vocabulary, read_lines
from tinygan.data.text import LEVELS, tokens
from tinygan.files import written_whole
from tinygan.gan import training
from tinygan.gan.infill import Filler, InfillGame, TokenJudge
from tinygan.gan.language import LanguageModel, TextGame
from tinygan.gan.policy import PolicyGame, SentenceJudge
from tinygan.gan.relaxed import GumbelGame
from tinygan.gan.training import setting
from tinygan.gan.vae import SentenceVAE, VAEGame
from tinygan.metrics import NgramModel, distinct_share, exact_copies
from tinygan.nn import Module

WAYS = ("mle", "policy", "gumbel", "infill", "vae")
FILTERS = ((2, 100), (3, 200))  # (width, how many) of D's convolutions: Texygen's, a twelfth of SeqGAN's work


@dataclass
class TextSettings(training.Settings):
    """Settings of text."""

    way: str = setting("policy", "How G learns; mle and vae are yardsticks, the others begin with mle.", choices=WAYS)
    steps: int = setting(6000, "Training steps, those of imitation among them.", 1)
    pretrain: int = setting(5000, "Steps of maximum likelihood that come first; all of them for mle and vae.", 0)
    d_pretrain: int = setting(200, "way=policy, infill: steps after these in which D learns alone.", 0)
    mle_rate: float = setting(5e-3, "Adam's learning rate while G imitates.", 0.0)
    mle_decay_from: float = setting(0.5, "Share of imitation after which its rate falls in a line to 0.", 0.0, 1.0)
    weight_decay: float = setting(
        0.0, "While G imitates, this times a weight is added to its gradient; 1 / tokens: weights are N(0, 1) a priori.", 0.0
    )
    learning_rate: float = setting(1e-4, "Adam's learning rate in the game.", 0.0)
    decay_from: float = setting(1.0, "Share of all steps after which the game's rate falls.", 0.0, 1.0)
    beta1: float = setting(0.9, "Adam's decay of the mean gradient; 0 is none.", 0.0, 1.0)
    beta2: float = setting(0.999, "Adam's decay of the mean squared gradient.", 0.0, 1.0)
    objective: str = setting("relativistic", "way=gumbel: what the players want.", choices=tuple(training.OBJECTIVES))
    penalty: str = setting("none", "D's slope is not penalised: a token has none.", choices=("none",))
    clip_gradients: float = setting(5.0, "A player's gradient is scaled down to this norm if larger; 0: never.", 0.0)
    ema: float = setting(0.99, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    embedding: int = setting(32, "Size of a token's vector in G; in D twice that.", 1)
    hidden: int = setting(128, "Size of the LSTM's state.", 1)
    dropout: float = setting(
        0.0, "Share of its inputs and outputs that G's LSTM goes without while it imitates.", 0.0, 1.0
    )
    d_dropout: float = setting(0.25, "Share of its features that D goes without while it learns.", 0.0, 1.0)
    temperature: float = setting(
        1.0, "Logits are divided by it when samples are drawn; below 1: safer, less varied.", 1e-3
    )
    sharpest: float = setting(100.0, "way=gumbel: the inverse temperature of relaxed tokens rises from 1 to this.", 1.0)
    rollouts: int = setting(16, "way=policy: how often a sentence is finished to value one of its tokens.", 1)
    lag: float = setting(0.8, "way=policy: decay of the moving average of G that finishes sentences.", 0.0, 1.0)
    baseline: str = setting(
        "whiten",
        "way=policy: what a token's value is measured from, others at its place or 0.",
        choices=("whiten", "none"),
    )
    reward: str = setting(
        "judge",
        "way=policy: who values sentences; constant is a control, all are worth 1.",
        choices=("judge", "constant"),
    )

    copies: float = setting(
        1.0, "way=policy: by what the judge's reward of a sentence is multiplied that is among the real ones.", 0.0, 1.0
    )
    whole: float = setting(0.5, "way=infill: share of sentences that are hidden whole, of others a stretch.", 0.0, 1.0)
    discount: float = setting(0.9, "way=infill: what the reward of the next token counts in a token's value.", 0.0, 1.0)
    latent: int = setting(16, "way=vae: size of z.", 1)
    kl_rises: float = setting(0.5, "way=vae: share of the steps in which the weight of KL rises from 0 to 1.", 0.0, 1.0)
    free: float = setting(4.0, "way=vae: nats of a sentence's KL that cost nothing, so that z says as much.", 0.0)
    forget: float = setting(0.3, "way=vae: share of the words read that are hidden from the writer.", 0.0, 1.0)

    def __post_init__(self):
        super().__post_init__()
        alone = self.d_pretrain if self.way in ("policy", "infill") else 0  # of D
        if self.way in ("mle", "vae"):
            self.pretrain = self.steps
        elif self.pretrain + alone >= self.steps:
            raise ValueError(
                f"pretrain={self.pretrain}{f', d_pretrain={alone}' if alone else ''} of steps={self.steps}:"
                f" none is left for way={self.way}; give it more than {self.pretrain + alone}"
            )

    def unheeded(self):
        """Tokens cannot be changed a little; and only gumbel plays the game of `training_step`."""
        game = () if self.way == "gumbel" else ("objective", "smoothing", "clip_weights")
        turns = () if self.way in ("gumbel", "policy") else ("n_critic",)
        return ("augment", "instance_noise", "sparsity", *game, *turns)


def text_game(read, vocabulary, length, s, device, *, ended=True, kept=None):
    """The game of the way s.way on sentences of `vocabulary` tokens that are at most `length` long; read: see TextGame."""
    sizes, writing = (vocabulary, s.embedding, s.hidden), {"ended": ended, "dropout": s.dropout}
    rng, judging = stream(s.seed, "generator"), {"ended": ended, "rng": stream(s.seed, "discriminator")}
    judge = Module()  # that of a way without one
    if s.way == "vae":
        kind, writer = VAEGame, SentenceVAE(*sizes, s.latent, **writing, rng=rng)
    elif s.way == "infill":
        kind, writer = InfillGame, Filler(*sizes, **writing, rng=rng)
        judge = TokenJudge(*sizes, **judging)
    else:
        kind = {"mle": TextGame, "policy": PolicyGame, "gumbel": GumbelGame}[s.way]
        writer = LanguageModel(*sizes, **writing, rng=rng)
        if s.way != "mle":
            judge = SentenceJudge(vocabulary, 2 * s.embedding, FILTERS, dropout=s.d_dropout, **judging)
    return kind(writer.to(device), judge.to(device), read, length, s, kept)


# --- lines of text -----------------------------------------------------------------------------------------------


@dataclass
class LineSettings(TextSettings):
    """Settings of lines of text, a reader's own among them."""

    data: str = setting(
        "", "A UTF-8 file of your own, a sample a line, of which a tenth is held out; empty: see the recipe."
    )
    level: str = setting("char", "What a token is.", choices=LEVELS)
    longest: int = setting(40, "Tokens of a sentence, its end among them; longer lines are cut.", 2)
    rarest: int = setting(1, "Tokens seen less often are not learned: they are read as <unknown> and never written.", 1)


def split_lines(s, otherwise):
    """(lines to train on, lines held out): of the file s.data, or those that otherwise() gives."""
    if not s.data:
        return otherwise()
    lines = read_lines(Path(s.data))
    order = stream(0, "held out").permutation(len(lines))
    held_out = {lines[i] for i in order[: len(lines) // 10].tolist()}  # a line that comes twice is on one side only
    train = [line for line in lines if line not in held_out]
    if len(train) < 2 or len(held_out) < 2:
        raise DataError(f"{s.data}: lines: {len(lines)}, expected 20 or more, of which a tenth is held out")
    return train, sorted(held_out)


def line_game(lines, s, device, kept):
    """The game of text_game on lines: `lines()` gives those to train on and those held out; kept: see Game."""
    if kept is None:
        train, _ = lines()
        vocabulary = Vocabulary(train, s.level, s.rarest)
        length = min(s.longest, vocabulary.encode(train)[0].shape[1])
        kept = {"level": s.level, "tokens": vocabulary.tokens, "length": length}
    vocabulary, length = Vocabulary.from_tokens(kept["tokens"], kept["level"]), kept["length"]
    game = text_game(lambda: vocabulary.encode(lines()[0], length)[0], len(vocabulary), length, s, device, kept=kept)
    game.vocabulary, game.lines = vocabulary, lines
    return game


def novelty_scores(game, samples):
    """How new samples are: the share that is no training line and no repetition, and its two parts."""
    ours, level = game.vocabulary.token_lists(samples), game.vocabulary.level
    train = [tokens(line, level) for line in game.lines()[0]]
    new = {tuple(t) for t in ours} - {tuple(t) for t in train}
    return {
        "not_in_training_and_distinct": len(new) / len(ours),
        "copies": exact_copies(ours, train),
        "distinct": distinct_share(ours),
    }


def likelihood_scores(game, samples):
    """What an n-gram model of one half of the held-out lines says of samples, and of the other half: nats a token.

    5 characters or 3 words. The two halves have to be independent: captions are not, several are of one picture.
    """
    level = game.vocabulary.level
    held_out = [tokens(line, level) for line in game.lines()[1]]
    judge = NgramModel(held_out[::2], 5 if level == "char" else 3)
    ours = game.vocabulary.token_lists(samples)
    return {"ngram_nll": judge.nll(ours), "ngram_nll_of_real": judge.nll(held_out[1::2])}


def write_lines(lines, path):
    """Sentences, one a line, as UTF-8."""
    with written_whole(path) as temporary:
        temporary.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_samples(game, samples, path):
    """Sampled rows of tokens as lines of text."""
    write_lines(game.vocabulary.decode(samples), path)
