"""Clips that are told: what they show stays, a GRU moves it on, one judge sees frames and another clips.

MoCoGAN, Tulyakov et al. 2018: G draws each frame of z, drawn once a clip, and of the state h_t that a GRU has come to. Both
players are told labels, and D also reads them, as in AC-GAN (Odena et al. 2017): G's clips shall be read as they were told.
D is shown windows of `frames` frames. As frames may have passed before a window, what goes on for long is learned from too,
and clips may be longer than any that D saw. `--set world=digits`: a digit goes along one of six paths; `world=sprites`
(TINYGAN_DATA): one of 92,160 figures walks, casts or slashes. Or clips of your own: --data FOLDER, with GIFs, animated PNGs
and WebPs, folders of frames; the folder that a clip lies in is its class.
`tinygan apply RUN "a seven moves clockwise"` makes clips four times as long as D's. Measured by the digit, the path (exact),
attributes, action and direction as told, on clips of both lengths and on pairs kept from training; by how far a clip stays
what it is, flickers, and is from real clips: benchmarks/tables/video.py. Digits, 17 minutes,
seeds 0 and 1: .99 and more are as told; figures, seed 0, steps=3000, 19 CPU minutes: each attribute in .976 and more. Of
your own by a network that learns to read their classes, flicker, and distances from those held out.
"""

from functools import cache

import numpy as np

from tinygan.autodiff import raw
from tinygan.backend import stream, to_device
from tinygan.data.video.own import OwnClips
from tinygan.files import Range
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings
from tinygan.metrics.video import own_clip_scores, scores_beside_real, told_scores
from tinygan.networks.clips import LEAD, ClipJudge, ClipSettings, DigitMover, FigureMover, Labels
from tinygan.recipes.video._clips import WORLDS, animate, choose_world, draw_strips
from tinygan.run.settings import defaults, setting


@defaults(steps=6000, batch_size=24, learning_rate=1.5e-3, gamma=0.5, penalty_every=8, ema=0.998)
class Settings(ClipSettings, AdversarialSettings):
    """Settings of `video`."""

    world: str = setting("digits", "What moves.", choices=tuple(WORLDS))
    data: str = setting("", "A folder of clips of your own, perhaps a folder for each class. Empty: `world`.")
    reading: float = setting(0.7, "Weight in both losses of the labels that D reads wrongly, on average over columns.", 0.0)

    def __post_init__(self):
        super().__post_init__()
        if self.data and self.world != "digits":
            raise ValueError(f"world={self.world} and --data {self.data}: leave one of them out")


# --- the game --------------------------------------------------------------------------------------------------

ASKED = 1000  # moves that samples are told, and as many of held-out pairs
MOVERS = {"digits": DigitMover, "sprites": FigureMover, "own": FigureMover}
SAVED = {"world": tuple(MOVERS), "source": ("", "mnist", "digits"), "names?": [str], "checksum?": Range(0, 2**32)}
LONGER = 4  # times the length of D's clips


class Clips(FromNoise):
    """The game of a ClipPainter against a ClipJudge. unseen(), held_out(): (scenes, labels) that training does not show."""

    at_once = 50
    takes = ("given",)

    def __init__(self, g, d, batch, s, saved, world):
        self.world, self.labels, self.frames = world, g.labels, s.frames
        self.unseen, self.held_out = (cache(lambda part=part: self.find(part)) for part in ("unseen", "held_out"))
        super().__init__(g, d, g.spaces, batch, s, saved)

    def find(self, part):
        """Return ASKED scenes of a part of the world, and their labels."""
        scenes = self.world.scenes(part, ASKED, stream(0, f"asked, {part}"))
        return scenes, self.world.rows(scenes)

    def fake(self, G, n, given, rng):
        """Return windows of generated clips, each of which begins at a frame of its own, with the labels given there."""
        *z, noise = [space.sample(rng, n) for space in self.spaces]
        noise = noise[: self.settings.before + self.frames]
        first = to_device(rng.integers(0, self.settings.before + 1, n), self.device)
        return Batch(G(*self.to_tensors([*z, noise]), raw(given[0]), first), given)

    def judge(self, D, x, given):
        """Return D's verdicts alone: what it reads in a clip counts where that is real, or G's to learn from."""
        return D(x, *given)[0], 0.0

    def judge_real(self, D, x, real, turn):
        """Return D's verdicts on real clips, and what it reads wrongly."""
        verdicts, misread = D(x, *real.given)
        return verdicts, self.settings.reading * misread

    def judge_made(self, D, fake, turn):
        """Return D's verdicts on G's clips, and what D reads in them that G was not told."""
        verdicts, misread = D(fake.x, *fake.given)
        return verdicts, self.settings.reading * misread

    def generate(self, G, z, given):
        """Return clips of `self.frames` frames from the first on."""
        *z, noise = z
        return Batch(G(*self.to_tensors([*z, noise[: LEAD + self.frames]]), *given), given)

    def sample(self, n, seed, *, given=None, **how):
        """Return n clips of these labels, or of those that training does not show, in turn."""
        return super().sample(n, seed, given=self.in_turn(n) if given is None else given, **how)

    def in_turn(self, n):
        """Return the labels of n samples."""
        return self.unseen()[1][np.arange(n) % ASKED]

    def ask(self, n, rng=None):
        """Return what n samples are told."""
        return self.tell(self.in_turn(n))

    def longer(self, rows, seed):
        """Return clips of these labels, four times as long as D's."""
        self.frames = LONGER * self.settings.frames
        try:
            return self.sample(len(rows), seed, given=rows)
        finally:
            self.frames = self.settings.frames


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train video` plays."""
    world = OwnClips(s.data, s.frames, saved) if s.data else choose_world(s.world, saved)
    labels = Labels(world.shown.values(), world.motion.values(), world.steps)

    def batch(turn):
        scenes = world.scenes("train", s.batch_size, stream(s.seed, "scenes", turn))
        clips = world.draw(scenes, s.frames, stream(s.seed, "clips", turn))
        return Batch(to_device(clips, device), (to_device(world.rows(scenes), device),))

    g = MOVERS[world.name](labels, s, stream(s.seed, "generator")).to(device)
    d = ClipJudge(world.shape, labels, s, stream(s.seed, "discriminator")).to(device)
    return Clips(g, d, batch, s, world.saved, world)


# --- what it makes ---------------------------------------------------------------------------------------------


def respond(game, sentence, rng):
    """Return four clips of a sentence, four times as long as D's; DataError for what the world does not know."""
    scene = game.world.read(sentence)
    return game.longer(game.world.rows([scene] * 4), int(rng.integers(1 << 31)))


def example(game):
    """Return a sentence to try."""
    return game.world.say(game.unseen()[0][0], stream(0, "example"))


ANSWERS = {".gif": animate}
FORMATS = {
    ".gif": lambda game, samples, path: animate(samples, path),
    ".png": lambda game, samples, path: draw_strips(samples, path),
}
EVALUATED_SAMPLES = 1000
MOST_LONGER = 200  # clips of four times the length


def evaluate(game, samples):
    """Return the share of clips that are as told, by attribute, and how far they stay what they are, of four kinds of clips.

    Clips of D's length and four times it; of pairs that training shows and that it does not. Beside each is what real clips
    score, and clips of other labels. Then flicker, PSNR to the true clip where labels leave nothing open, and the distance
    from real clips. Of sprites also the scores over nine classes that papers print. Clips of a reader's own have scores of
    their own: no checker knows what they show.
    """
    if game.world.name == "own":
        return own_clip_scores(game.world, samples, game.unseen()[0], game.longer)
    scores = {"samples": len(samples)}
    for name, part, longer in (
        ("", game.unseen, False), ("held_out_", game.held_out, False), ("longer_", game.unseen, True),
        ("longer_held_out_", game.held_out, True),
    ):  # fmt: skip
        turn = np.arange(min(len(samples), MOST_LONGER) if longer else len(samples)) % ASKED
        scenes, rows = [part()[0][i] for i in turn], part()[1][turn]
        draw = game.longer if longer else lambda rows, seed: game.sample(len(rows), seed, given=rows)
        clips = draw(rows, 0) if name else samples
        scores |= told_scores(game.world, clips, scenes, name)
        if not name:
            scores |= scores_beside_real(game.world, clips, scenes)
    return scores
