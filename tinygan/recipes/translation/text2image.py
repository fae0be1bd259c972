"""Pictures that are told: an LSTM reads a sentence, G draws what it says, D judges picture and sentence together.

D is also shown real pictures with a wrong sentence, another picture's or one that tells a single thing otherwise: GAN-CLS,
Reed et al. 2016; and G's pictures have to fit their own sentence better than wrong ones. At first D listens: it learns by
right and wrong sentences on real pictures alone. Then G begins to read as D does. `--set world=shapes`, made here, is
painted stroke by stroke, `world=sprites` (TINYGAN_DATA) at once: `networks/told.py`.
`tinygan apply RUN "a green triangle left of a red circle"` draws pictures of one sentence; `tinygan sample` those of
sentences that training does not show. Measured by the share of claims that pictures obey, by sprites also in dB to the figure
that is told (benchmarks/results/text2image.md; it says with which settings, and after how long). Seed 0: after the default's
3,000 steps, 19.4 CPU minutes, places .78, shapes .01; after 20,000, 152 minutes, whole sentences .81.
"""

from functools import cache, lru_cache

import numpy as np

from tinygan.autodiff import no_grad
from tinygan.backend import stream, to_device
from tinygan.data import find_world
from tinygan.data.text import plain_words
from tinygan.files import written_whole
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.told import Told, ToldSettings
from tinygan.metrics import obey, obeyed_shares, psnr
from tinygan.networks.told import FigureJudge, FigurePainter, SceneJudge, ScenePainter, SceneSettings, TellingSettings
from tinygan.plot import image_grid, save_image
from tinygan.plot.sentences import captioned
from tinygan.recipes.translation._worlds import Lesson, Words, choose_world
from tinygan.run.settings import defaults, setting


@defaults(
    steps=3000, batch_size=48, learning_rate=1.5e-3, gamma=0.05, penalty_every=8, ema=0.995, listening=0.3, wrong_words=4,
    matching=4.0,
)  # fmt: skip
class Settings(TellingSettings, SceneSettings, ToldSettings):
    """Settings of `text2image`."""

    world: str = setting(
        "shapes", "What sentences speak of, and pictures show.", choices={"shapes": SceneSettings, "sprites": None}
    )
    slips: float = setting(0.7, "Share of wrong sentences that tell one thing otherwise; the others are another's.", 0.0, 1.0)


# --- the game --------------------------------------------------------------------------------------------------

ASKED = 1000  # sentences that samples are told, and as many of held-out pairs
PLAYERS = {"shapes": (ScenePainter, SceneJudge), "sprites": (FigurePainter, FigureJudge)}
SAVED = {"world": str, "words": [str]}


@cache
def asked(world_name, part):
    """Return ASKED scenes of a part of a world, and a sentence for each."""
    world, rng = find_world(world_name), stream(0, f"asked, {part}")
    scenes = world.scenes(part, ASKED, rng)
    return scenes, [world.say(scene, rng) for scene in scenes]


class Telling(Told):
    """The game of Painter against Judge. unseen(), held_out(): what training does not show, (scenes, sentences, tokens)."""

    at_once = 500

    def __init__(self, g, d, batch, s, saved, words, lesson):
        self.words, self.lesson = words, lesson
        self.unseen, self.held_out = (cache(lambda part=part: self.find(part)) for part in ("unseen", "held_out"))
        super().__init__(
            g, d, [Normal(g.size)], batch, s, saved, asked=lambda: self.unseen()[2], mislead=self.mislead_words
        )

    def find(self, part):
        """Return ASKED scenes of a part of the world, a sentence for each, and their tokens."""
        scenes, sentences = asked(self.words.world.name, part)
        return scenes, sentences, self.words.encode(sentences)

    def mislead_words(self, rows, k, turn, rng):
        """Return the tokens of k wrong sentences for each scene of a turn, (k N, T)."""
        wrong = self.lesson(turn).slip(self.words.world, k, self.settings.slips, rng)
        return to_device(self.words.encode(wrong), self.device)


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train text2image` plays."""
    world = find_world(saved["world"] if saved else choose_world(s.world, "told"))
    saved = saved or {"world": world.name, "words": world.words}
    words = Words(world, saved["words"])

    @lru_cache(1)
    def lesson(turn):
        return Lesson.make(world, s.batch_size, s.seed, turn)

    def batch(turn):
        scenes, sentences, _ = lesson(turn)
        x, rows = world.draw(scenes, stream(s.seed, "pictures", turn)), words.encode(sentences)
        return Batch(to_device(x, device), (to_device(rows, device),))

    painter, judge = PLAYERS[world.name]
    g = painter(len(words.vocabulary), s, stream(s.seed, "generator")).to(device)
    d = judge(len(words.vocabulary), s, stream(s.seed, "discriminator")).to(device)
    return Telling(g, d, batch, s, saved, words, lesson)


# --- what it makes ---------------------------------------------------------------------------------------------


def respond(game, sentence, rng):
    """Return pictures (8, 3, 32, 32) of a sentence; DataError for words that the world does not know."""
    game.words.world.read(sentence)
    rows = game.words.encode([" ".join(plain_words(sentence))] * 8)
    with no_grad():
        return game.draw(len(rows), rng, given=rows)


def example(game):
    """Return a sentence to try."""
    return game.unseen()[1][0]


def show(pictures, path):
    """Draw pictures of one sentence."""
    save_image(image_grid(pictures, columns=4, value_range=(-1, 1)), path)


ANSWERS = {".png": show}


def draw(game, samples, path):
    """Draw pictures, each with its sentence beside it."""
    save_image(captioned(samples, told(game, len(samples))), path)


def write(game, samples, path):
    """Write the sentences of the pictures, one a line."""
    with written_whole(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in told(game, len(samples))), "utf-8")


def told(game, n):
    """Return the sentences that n samples are told."""
    sentences = game.unseen()[1]
    return [sentences[i % ASKED].replace(" ,", ",") for i in range(n)]


FORMATS = {".png": draw, ".txt": write}
EVALUATED_SAMPLES = 1000


def evaluate(game, samples):
    """Return the share of pictures that obey their sentences, by attribute and whole; then the same of held-out pairs.

    Beside them what real pictures score, and pictures of other sentences: chance. variety: the distance of two pictures
    of one sentence, over that of two real ones. A sentence about sprites leaves nothing open: there, PSNR to the figure.
    """
    world, turn = game.words.world, np.arange(len(samples)) % ASKED
    scores = {"samples": len(samples)}
    for prefix, part in {"obeyed": game.unseen, "obeyed_held_out": game.held_out}.items():
        scenes, sentences, rows = part()
        scenes, sentences, rows = [scenes[i] for i in turn], [sentences[i] for i in turn], rows[turn]
        pictures = samples if part is game.unseen else game.sample(len(turn), 0, given=rows)
        real, again = (world.draw(scenes, stream(0, "real", k)) for k in range(2))
        judged = {f"{prefix}_{{}}": pictures, f"{prefix}_{{}}_of_real": real}
        if part is game.unseen:
            judged["by_chance_{}"] = np.roll(pictures, 1, 0)
        for name, shown in judged.items():
            shares = obeyed_shares(obey(world, shown, sentences))
            scores |= {name.format(attribute): share for attribute, share in shares.items()}
        if world.name == "sprites":
            scores[f"{prefix}_psnr"] = float(psnr(pictures, real, (-1, 1)).mean())
        elif part is game.unseen:
            other = game.sample(len(turn), 1, given=rows)
            scores["variety"] = float(distance(pictures, other).mean() / distance(real, again).mean())
    return scores


def distance(a, b):
    """Return the distance of each picture of `a` from that of `b`, (N,)."""
    return np.sqrt(np.square(a - b).sum((1, 2, 3)))
