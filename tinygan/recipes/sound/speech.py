"""Text to sound: an LSTM reads the characters of "three one four", G draws their spectrogram, D judges sound and words.

A text may have any length: each word takes .64 s, and the networks (`networks/speaking.py`) know no length. Who speaks is
told too. D is shown real sound with wrong texts: one word told otherwise, another speaker, another text (GAN-CLS, Reed et
al. 2016), and G's sound has to fit its own text better than wrong ones. A spectrogram becomes sound by Griffin-Lim.
Data: recordings of ten digits from TINYGAN_DATA/speech, or of your own, --data FOLDER with files DIGIT_SPEAKER_TAKE.wav;
those of a small synthesiser where there are none. Takes, a speaker, and 20 of the 100 pairs of words are held out.
`tinygan apply RUN "two seven"` speaks with each voice, "george: two seven" with one. Measured by a recogniser of our own:
words and speakers as told, in texts whose pairs were never heard together, beside real sound. Seed 0, 2,500 steps, 10.3 CPU
minutes: .98 to 1.00 of the words in texts of 1 to 8, the speaker in all (benchmarks/results/speech.md).
"""

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from tinygan.autodiff import no_grad
from tinygan.backend import stream, to_device
from tinygan.data import DataError, made_recordings, note, recordings, write_wave
from tinygan.data.files import fingerprint, refuse_others
from tinygan.data.spectra import log_spectrogram, sound_of
from tinygan.data.speech import RATE, WORDS, read_digits, spell, texts, utter
from tinygan.files import Range
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.told import Told, ToldSettings
from tinygan.metrics.sound import frechet_scores, hear, nearest_take, recogniser, sound_scores
from tinygan.networks.speaking import LETTERS, SPACE, VOICES, Listener, SpeakingSettings, Voice
from tinygan.plot.spectra import draw_spectrograms
from tinygan.run.settings import defaults, setting

LOUDEST = 6.5  # of a log spectrogram: 1 in a picture; words reach 6
ASKED, ASKED_WORDS = 100, 3  # texts that samples are told
LENGTHS = 1, 2, 3, 4, 8  # words of the texts that are scored; none of 8 is learned from
MOST_SPOKEN = 1000  # words of an answer, by all voices together: 1 GB while they are drawn
ROUNDS = 40  # of Griffin-Lim: .04 s a word


@defaults(
    steps=2500, batch_size=16, learning_rate=1e-3, penalty_every=8, ema=0.995, listening=0.1, wrong_words=2, matching=1.0
)
class Settings(SpeakingSettings, ToldSettings):
    """Settings of `speech`."""

    data: str = setting("", "A folder of recordings of your own, DIGIT_SPEAKER_TAKE.wav. Empty: those at hand.")
    longest: int = setting(4, "Words of the longest texts to learn from.", 1, 100)


# --- texts and their sound -------------------------------------------------------------------------------------


def find_speech(s):
    """Return what a run saves of its words: are they made, the names of the speakers to learn from; say which are learned."""
    try:
        words, made = recordings("train", s.data or None), False
    except DataError as error:
        if s.data:
            raise
        note(f"words of a small synthesiser are learned instead of recordings: {error}")
        words, made = made_recordings("train"), True
    names = [words.names[k] for k in np.unique(words.speakers)]
    others = ", pairs of words and a speaker" if len(words.names) > len(names) else " and pairs of words"
    note(f"{len(words.sounds)} words by {', '.join(names)}; takes{others} are held out")
    return {"made": made, "names": names, **({"checksum": checksum(words)} if s.data else {})}


def checksum(words):
    """Return a number that tells whether a reader's recordings are those that a run began with."""
    return fingerprint(words.sounds, words.digits, words.speakers)


def speech(s, saved, part):
    """Return a part of the words that a run learns from."""
    return made_recordings(part) if saved["made"] else recordings(part, s.data or None)


def to_learn(s, saved):
    """Return the words to learn from; DataError if they are not those that a run began with."""
    words = speech(s, saved, "train")
    if "checksum" in saved:
        refuse_others(s.data, checksum(words), saved["checksum"], "recordings")
    return words


def encode(text, speakers):
    """Return what players are told, (N, 1 + T): who speaks, then the characters of a text (N, words), 0 after the end."""
    spelt = [
        [VOICES + who, *(SPACE if letter == " " else LETTERS + ord(letter) - ord("a") for letter in spell(digits))]
        for who, digits in zip(speakers, text)
    ]
    rows = np.zeros((len(spelt), max(map(len, spelt))), np.int64)
    for row, codes in zip(rows, spelt):
        row[: len(codes)] = codes
    return rows


def draw_sound(sounds):
    """Return sounds (N, T) as spectrograms (N, 128, T / HOP) in [-1, 1], -1 in silence."""
    return log_spectrogram(sounds) * np.float32(2 / LOUDEST) - np.float32(1)


def sound_drawn(drawn):
    """Return the sounds (N, T) of spectrograms (N, 128, frames) in [-1, 1], by Griffin-Lim."""
    return sound_of((drawn + 1) * (LOUDEST / 2), ROUNDS)


class Lesson(NamedTuple):
    """Texts (N, words), who speaks (N,)."""

    text: np.ndarray
    speakers: np.ndarray

    @classmethod
    def make(cls, part, n, words, speakers, rng):
        """Return n texts of a part, and speakers, by chance."""
        return cls(texts(part, n, words, rng), rng.integers(0, speakers, n))

    def slip(self, k, speakers, rng):
        """Return k wrong lessons for each, (k N): a word told otherwise, or else another speaker, or another's text."""
        text, who = np.tile(self.text, (k, 1)), np.tile(self.speakers, k)
        n, words = text.shape
        kind = rng.random(n)
        place, other = rng.integers(0, words, n), rng.integers(1, len(WORDS), n)
        slipped, moved = np.nonzero(kind < 0.6)[0], np.nonzero(kind >= 0.85)[0]
        text[slipped, place[slipped]] = (text[slipped, place[slipped]] + other[slipped]) % len(WORDS)
        text[moved], who[moved] = text[(moved + 1) % n], who[(moved + 1) % n]
        if speakers > 1:
            stranger = (kind >= 0.6) & (kind < 0.85)
            who[stranger] = (who[stranger] + rng.integers(1, speakers, stranger.sum())) % speakers
        return Lesson(text, who)


# --- the game --------------------------------------------------------------------------------------------------

SAVED = {"made": bool, "names": [str], "checksum?": Range(0, 2**32)}


class Speaking(Told):
    """The game of Voice against Listener."""

    at_once = 100

    def __init__(self, g, d, batch, s, saved, lesson):
        self.lesson, self.unheard = lesson, cache(self.find)
        super().__init__(
            g, d, [Normal(g.size)], batch, s, saved, asked=lambda: encode(*self.unheard(ASKED_WORDS)), mislead=self.slip
        )

    def find(self, words):
        """Return ASKED texts of so many words whose pairs are all held out, and speakers."""
        return Lesson.make("held_out", ASKED, words, len(self.saved["names"]), stream(0, "asked", words))

    def slip(self, rows, k, turn, rng):
        """Return k wrong texts for each of a turn, as the players are told them."""
        return to_device(encode(*self.lesson(turn).slip(k, len(self.saved["names"]), rng)), self.device)


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train speech` plays."""
    saved = saved or find_speech(s)
    speakers, words = len(saved["names"]), cache(lambda: to_learn(s, saved))

    @lru_cache(1)
    def lesson(turn):
        rng = stream(s.seed, "texts", turn)
        return Lesson.make("train", s.batch_size, int(rng.integers(1, s.longest + 1)), speakers, rng)

    def batch(turn):
        text, who = lesson(turn)
        sounds = utter(words(), text, who, stream(s.seed, "takes", turn))
        return Batch(to_device(draw_sound(sounds), device), (to_device(encode(text, who), device),))

    g = Voice(speakers, s, stream(s.seed, "generator")).to(device)
    d = Listener(speakers, s, stream(s.seed, "discriminator")).to(device)
    return Speaking(g, d, batch, s, saved, lesson)


# --- what it makes ---------------------------------------------------------------------------------------------


def respond(game, sentence, rng):
    """Return spectrograms (N, 128, 64 words) of a text by each speaker, or by the one named before it, "george: one two".

    DataError for other words, for a speaker who is unknown, and for more than MOST_SPOKEN words.
    """
    names = game.saved["names"]
    who, colon, text = sentence.rpartition(":")
    if colon and who.strip() not in names:
        raise DataError(f"{who.strip()!r} does not speak here: expected one of {', '.join(names)}")
    speakers = [names.index(who.strip())] if colon else range(len(names))
    digits, voices = read_digits(text), len(speakers)
    if len(digits) * voices > MOST_SPOKEN:
        raise DataError(
            f"{len(digits):,} words by {voices} voices: at most {MOST_SPOKEN:,} words are spoken at once; take a shorter"
            f' text, or one voice, such as "{names[0]}: one two"'
        )
    rows = encode([digits] * voices, speakers)
    with no_grad():
        return game.draw(len(rows), rng, given=rows)


def example(game):
    """Return a text to try."""
    return spell(game.unheard(ASKED_WORDS).text[0])


def write(drawn, path):
    """Write the sound of spectrograms, one after another."""
    write_wave(path, sound_drawn(drawn).ravel(), RATE)


def show(drawn, path):
    """Draw spectrograms of one text."""
    draw_spectrograms({"": (drawn + 1) * (LOUDEST / 2)}, path, 1)


ANSWERS = {".wav": write, ".png": show}


def draw(game, samples, path):
    """Draw three real utterances of held-out takes above, generated ones of the same texts and speakers below."""
    text, who = (part[:3] for part in game.unheard(ASKED_WORDS))
    real = utter(speech(game.settings, game.saved, "takes"), text, who, stream(0, "drawn"))
    rows = {"real": log_spectrogram(real), "generated": (samples[:3] + 1) * (LOUDEST / 2)}
    said = ", ".join(f"{spell(line)} ({game.saved['names'][k]})" for line, k in zip(text, who))
    draw_spectrograms({f"{kind}: {said}": drawn for kind, drawn in rows.items()}, path, 3)


FORMATS = {".png": draw, ".wav": lambda game, samples, path: write(samples, path)}
EVALUATED_SAMPLES = ASKED


def evaluate(game, samples):
    """Return what is heard, out of Griffin-Lim, of texts of 1 to 4 and of 8 words whose pairs were never heard together.

    Beside it real sound of held-out takes, of single words out of Griffin-Lim too; of single words also how near they are
    to learned takes, pitch, level and silence.
    """
    s, saved = game.settings, game.saved
    learned, takes = to_learn(s, saved), speech(s, saved, "takes")
    network, n, scores = recogniser(learned), len(samples), {"samples": len(samples)}
    for words in LENGTHS:
        text, who = (part[np.arange(n) % ASKED] for part in game.unheard(words))
        drawn = samples if words == ASKED_WORDS else game.sample(n, 0, given=encode(text, who))
        made, real = sound_drawn(drawn), utter(takes, text, who, stream(0, "real", words))
        for name, sounds in {"{}": made, "{}_of_real": real}.items():
            scores |= {name.format(f"{score}_{words}"): v for score, v in hear(network, sounds, text, who).items()}
        if words == 1:
            scores["said_of_griffin_lim"] = hear(network, sound_drawn(draw_sound(real)), text)["said"]
            digits, order = text[:, 0], stream(0, "others").permutation(len(learned.sounds))
            scores |= frechet_scores(network, made, takes.sounds, learned.sounds[order])
            for name, sounds in {"nearest_take": made, "nearest_take_of_real": real}.items():
                scores[name] = float(np.median(nearest_take(sounds[:100], digits[:100], who[:100], learned)))
            scores |= sound_scores(made[:100], real[:100], RATE)
    return scores
