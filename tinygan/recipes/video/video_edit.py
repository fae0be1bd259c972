"""A clip is edited as a sentence asks: "make the red circle blue", "turn day to night", "give her golden boots".

An LSTM reads the sentence. G sees a frame of the clip v and the frame that it wrote before, carries a state, and paints over
what shall change: w_t = (1 - m) v_t + m p_t, a mask m and paint p for each pixel (`networks/editing.py`). What an edit leaves
alone stays so, and a clip may have any length. The right answer is known: G first learns to come near it. Then D judges v,
w and the sentence together; it is also shown right answers to another sentence, and to another clip: GAN-CLS, Reed et al.
2016. Data: coloured shapes that move, made here: recolour, remove, turn day to night; `--set world=sprites` (TINYGAN_DATA):
skin, hair, clothes, action, direction. Some pairs of colour and shape, or of hair and top, and figures, are held out.
`tinygan apply RUN clip.gif "make the red circle blue" --out edited.gif`; a number instead of a file is a clip made here.
Measured by exact readers, and networks that read figures, beside no edit and the best swap of colours. Seed 0, 3,000 steps,
10.3 CPU minutes: edits right .996, all else as it was .994, 36.6 dB outside the edited part (results/video_edit.md).
"""

from functools import cache, lru_cache

import numpy as np

from tinygan import ops
from tinygan.autodiff import Tensor, no_grad, raw
from tinygan.backend import stream, to_device, xp
from tinygan.data import DataError, Vocabulary, note
from tinygan.data.text import END, PAD, UNKNOWN, plain_words
from tinygan.data.video.edits import find_edits
from tinygan.files import written_whole
from tinygan.gan.players import Batch, read_back
from tinygan.gan.translation import Translation, TranslationSettings
from tinygan.losses import binary_cross_entropy_with_logits
from tinygan.metrics.edits import edit_scores, swap_palette
from tinygan.networks.editing import EditingSettings, EditJudge, Editor
from tinygan.recipes.video._clips import above, animate, draw_strips, read_as_shown
from tinygan.run.settings import defaults, setting


@defaults(
    steps=3000, batch_size=12, learning_rate=2e-3, beta1=0.5, warmup=60, ema=0.99, pixel_phase=0.85, pixel_weight=30.0,
    game_rate=0.3,
)  # fmt: skip
class Settings(EditingSettings, TranslationSettings):
    """Settings of `video-edit`."""

    world: str = setting("scenes", "What is edited.", choices=("scenes", "sprites"))
    wrong: float = setting(
        0.5, "Weight in D's loss of right answers to another sentence, and of those to another clip. 0: show none.", 0.0
    )


# --- the game --------------------------------------------------------------------------------------------------

ASKED = 1000  # edits that samples are of, and as many of held-out pairs
SHOWN = 8  # frames of samples
LONGER = 4  # times as many
LEAST = 0.01, 0.25  # of all pixels, at first and at the end of the pixel phase: what fewer show counts for less
SAVED = {"world": ("scenes", "sprites"), "words": [str]}


class Editing(Translation):
    """The game of an Editor against an EditJudge. given: clips before, tokens of sentences."""

    at_once = 100

    def __init__(self, g, d, batch, s, saved, world, encode, mislead):
        self.world, self.encode, self.mislead = world, encode, mislead
        self.part = cache(self.find)
        super().__init__(g, d, batch, s, lambda: np.arange(ASKED), saved)

    def find(self, part):
        """Return ASKED edits of a part of the world."""
        return self.world.edits(part, ASKED, stream(0, f"asked, {part}"))

    def make(self, G, given, rng):
        """Return what G makes of clips, told sentences."""
        before, rows = given
        return G(Tensor(before), rows)

    def pixel_step(self, k):
        """Take G's step towards the answers: which pixels change, what is painted there, and what becomes of all.

        Told by |w - right| alone, the mask shuts within 20 steps: at first all paint is wrong. A shut mask learns nothing.
        """
        target, (before, rows) = self.batch(k * self.settings.n_critic)
        made, change, paint = self.G.module.paint_over(Tensor(before), rows)
        first, last = LEAST
        changed, weights = weigh(before, target, first * (last / first) ** (k / self.settings.pixel_steps))
        mask_loss = ops.mean(weights * binary_cross_entropy_with_logits(change, Tensor(changed), reduction="none"))
        paint_loss = ops.mean(changed * weights * self.pixel_loss(paint, Tensor(target), reduction="none"))
        pixel_loss = ops.mean(weights * self.pixel_loss(made, Tensor(target), reduction="none"))
        self.G.move(mask_loss + paint_loss + pixel_loss, k)
        return read_back({"mask_loss": mask_loss.data, "paint_loss": paint_loss.data, "pixel_loss": pixel_loss.data})

    def distance(self, made, target, given):
        """Return the pixel loss, weighed as at the end of the pixel phase."""
        return ops.mean(weigh(given[0], target)[1] * self.pixel_loss(made, Tensor(target), reduction="none"))

    def judge_real(self, D, x, real, turn):
        """Return D's verdicts on right answers, and what its loss gains by those to another sentence and another clip."""
        (before, rows), verdicts, s = real.given, D(x, *real.given), self.settings
        if not s.wrong:
            return verdicts, 0.0
        others = D(x, before, self.mislead(turn)), D(x, xp(raw(before)).roll(raw(before), 1, 0), rows)
        return verdicts, s.wrong * sum(self.objective.discriminator(verdicts, wrong) for wrong in others)

    def edit(self, clips, sentences):
        """Return clips (n, T, 3, 32, 32) as sentences ask, numpy."""
        rows, n = to_device(self.encode(sentences), self.device), self.at_once
        with no_grad():
            return np.concatenate([
                self.make(self.G.average.module, (to_device(clips[k : k + n], self.device), rows[k : k + n]), None).numpy()
                for k in range(0, len(clips), n)
            ])

    def draw(self, n, rng, *, given):
        """Return the clips of these edits, numbers (n,) of those that training does not show."""
        edits = [self.part("unseen")[k] for k in given]
        return self.edit(self.world.draw([e.before for e in edits], SHOWN), [e.sentence for e in edits])


def weigh(before, target, least=LEAST[1]):
    """Return which pixels an edit changes (N, T, 1, 32, 32), 0 or 1, and weights: these count as much as all others.

    Then G soon edits the right thing, and one of the same colour with it: there, a pixel counts up to 99 times less. So
    a part of less than the share `least` of all counts for less; in the end a pixel counts at most 4 times another.
    """
    lib = xp(target)
    changed = (lib.abs(target - before).max(2, keepdims=True) > 2 / 255).astype(np.float32)
    share = changed.mean((1, 2, 3, 4), keepdims=True)
    return changed, lib.where(changed > 0, 0.5 / lib.maximum(share, least), 0.5 / lib.maximum(1 - share, least))


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train video-edit` plays."""
    world = find_edits(saved["world"]) if saved else choose(s.world)
    saved = saved or {"world": world.name, "words": world.words}
    vocabulary = Vocabulary.from_tokens([PAD, END, UNKNOWN, *saved["words"]], "word")
    encode = lambda sentences: vocabulary.encode(sentences)[0]

    @lru_cache(1)
    def lesson(turn):
        return world.edits("train", s.batch_size, stream(s.seed, "edits", turn))

    def batch(turn):
        before, after = (world.draw([getattr(e, when) for e in lesson(turn)], s.frames) for when in ("before", "after"))
        rows = encode([e.sentence for e in lesson(turn)])
        return Batch(to_device(after, device), (to_device(before, device), to_device(rows, device)))

    def mislead(turn):
        """Return the tokens of sentences that ask for another edit of each clip of a turn."""
        rng = stream(s.seed, "wrong words", turn)
        return to_device(encode([world.edit_again(e, rng).sentence for e in lesson(turn)]), device)

    g = Editor(len(vocabulary), s, stream(s.seed, "generator")).to(device)
    d = EditJudge(len(vocabulary), s, stream(s.seed, "discriminator")).to(device)
    return Editing(g, d, batch, s, saved, world, encode, mislead)


def choose(name):
    """Return the world of this name, that of moving shapes where the sheets of sprites are missing."""
    try:
        return find_edits(name)
    except DataError as error:
        note(f"moving shapes are edited instead: {error}")
        return find_edits("scenes")


# --- a clip of your own ------------------------------------------------------------------------------------------

INPUTS = ("CLIP", "SENTENCE")
UNCHANGED = 0.1  # of the way from -1, black, to 1, white, 2


def respond(game, given, rng):
    """Edit a clip as a sentence asks. The clip is a file, or the number of one made here. DataError: it is neither."""
    name, sentence = given
    game.world.read(sentence)
    clip = read_as_shown(game.world, name)
    edited = game.edit(clip[None], [" ".join(plain_words(sentence))])[0]
    if np.abs(edited - clip).max() < UNCHANGED:
        note("nothing has changed: does the clip show what the sentence speaks of?")
    return edited


def show(clip, path):
    """Write a clip as an animation, large enough to be seen; it may be read again."""
    animate(clip[None], path, scale=4, border=0)


ANSWERS = {".gif": show}


def example(game):
    """Return a clip and a sentence to try."""
    return "0", game.part("unseen")[0].sentence


# --- what it makes ---------------------------------------------------------------------------------------------


def before_of(game, samples):
    """Return the clips that samples were made from."""
    edits = [game.part("unseen")[k % ASKED] for k in range(len(samples))]
    return game.world.draw([e.before for e in edits], samples.shape[1])


def draw(game, samples, path):
    """Write clips as an animation, each above what was made of it."""
    columns = min(8, len(samples))
    animate(above(before_of(game, samples), samples, columns), path, columns)


def draw_frames(game, samples, path):
    """Draw clips frame by frame, each above what was made of it."""
    draw_strips(above(before_of(game, samples[:8]), samples[:8], 1), path)


def write(game, samples, path):
    """Write the sentences, one a line."""
    lines = [game.part("unseen")[k % ASKED].sentence for k in range(len(samples))]
    with written_whole(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), "utf-8")


FORMATS = {".gif": draw, ".png": draw_frames, ".txt": write}
EVALUATED_SAMPLES = 1000
MOST_LONGER = 200  # clips of four times the length


def evaluate(game, samples):
    """Return scores of edits, beside those of true clips: unseen ones, held-out pairs, clips four times as long.

    Then what no edit at all scores, and the best swap of colours.
    """
    world, n, few = game.world, len(samples), min(len(samples), MOST_LONGER)
    scores = {"samples": n}
    for name, part, frames, count in (
        ("", "unseen", SHOWN, n), ("_held_out", "held_out", SHOWN, n),
        ("_longer", "unseen", LONGER * SHOWN, few), ("_longer_held_out", "held_out", LONGER * SHOWN, few),
    ):  # fmt: skip
        edits = [game.part(part)[k % ASKED] for k in range(count)]
        before, true = (world.draw([getattr(e, when) for e in edits], frames) for when in ("before", "after"))
        shown = {name: game.edit(before, [e.sentence for e in edits]) if name else samples}
        if world.name == "sprites":  # networks read figures, and err
            shown[f"{name}_of_real"] = true
        if not name:
            shown |= {"_untouched": before, "_by_swap": swap_palette(before, true)}
        for kind, clips in shown.items():
            found = edit_scores(world, clips, edits)
            scores |= {f"edit_{key}{kind}": found[key] for key in (("right", "stays") if clips is true else found)}
    return scores
