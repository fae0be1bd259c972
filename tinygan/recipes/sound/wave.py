"""Sound drawn sample by sample, without being told: spoken digits, or drums or whatever of your own, --data FOLDER.

WaveGAN, Donahue et al. 2019: convolutions over time alone, windows of 25 samples, and D's layers see what is before them
moved by a sample or two. The networks are in `networks/waves.py`; instead of WGAN-GP the game is relativistic, with R1 and
R2, and takes a tenth of the steps. Data: recordings of ten digits from TINYGAN_DATA/speech, those of a small synthesiser
where there are none; or WAV files of your own, of any kind and rate. `tinygan sample RUN --out sounds.wav` or `.png`.
Measured by a recogniser of our own: is a digit heard, which ones, Frechet distance; and by level, pitch and silence.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan.backend import stream, to_device
from tinygan.data import DataError, Loader, made_recordings, note, read_waves, recordings, write_wave
from tinygan.data.files import fingerprint, refuse_others
from tinygan.data.spectra import log_spectrogram
from tinygan.data.speech import RATE, SLOT
from tinygan.files import Range
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings
from tinygan.metrics import class_shares, copied_share, diversity, inception_score
from tinygan.metrics.sound import frechet_scores, mel_cepstra, nearest_take, recogniser, sound_scores
from tinygan.networks.waves import STEP, WaveSettings, wave_judge, wave_painter
from tinygan.plot.spectra import draw_spectrograms
from tinygan.run.settings import RunSettings, defaults, setting

LEAST = 40  # sounds of a reader's own
PAUSE = 0.15  # seconds between sounds in a file


@dataclass
class OwnSoundSettings(RunSettings):
    """Sounds of your own."""

    rate: int = setting(8000, "Samples per second; files of another rate are resampled.", 1000, 48_000)
    length: int = setting(5120, f"Samples of a sound, a multiple of {STEP}; longer files are cut in parts.", STEP, 1 << 17)


@defaults(steps=2000, batch_size=32, learning_rate=1e-3, ema=0.995, gamma=0.02, penalty_every=8)
class Settings(WaveSettings, AdversarialSettings):
    """Settings of `wave`."""

    data: str = setting("", "A folder of WAV files of your own. Empty: spoken digits.", brings=OwnSoundSettings)


# --- data ------------------------------------------------------------------------------------------------------


def find_speech():
    """Return whether the words are made ones; say which are learned."""
    try:
        words = recordings("train")
        note(f"{len(words.sounds)} recordings of ten digits; takes and a speaker are held out")
        return False
    except DataError as error:
        words = made_recordings("train")
        note(f"{len(words.sounds)} words of a small synthesiser are learned instead of recordings: {error}")
        return True


def speech(made, part):
    """Return a part of the spoken digits, made or recorded."""
    return made_recordings(part) if made else recordings(part)


@cache
def own_sounds(folder, rate, length):
    """Return (sounds to learn from, held-out ones), (N, length), of a folder; each is as loud as it goes."""
    if length % STEP:
        below = length // STEP * STEP
        raise DataError(f"length={length}: expected a multiple of {STEP}; take --set length={below} or {below + STEP}")
    pieces, silent = [], 0
    for sound in read_waves(folder, rate)[0]:
        loudest = np.abs(sound).max()
        silent += loudest < 1e-3
        if loudest >= 1e-3:
            sound = np.pad(sound, (0, -len(sound) % length)).reshape(-1, length) / loudest
            pieces += list(sound[np.abs(sound).max(1) > 0.03])  # without pieces that are silent, or nearly
    if silent:
        note(f"left out: {silent} silent files")
    held = min(len(pieces) // 10, 200)
    if len(pieces) < LEAST:
        raise DataError(f"{folder}: {len(pieces)} sounds of {length / rate:.2f} s: at least {LEAST} are needed; add files")
    sounds = np.stack(pieces)[stream(0, "held out").permutation(len(pieces))]
    note(f"{len(pieces):,} sounds of {length / rate:.2f} s; {held} held out")
    return 0.9 * sounds[held:], 0.9 * sounds[:held]


# --- the game --------------------------------------------------------------------------------------------------

SAVED = {"rate": Range(1000, 48_000), "length": Range(STEP, 1 << 17), "made": bool, "checksum": Range(0, 2**32)}


class Waves(FromNoise):
    """The game on sound. D's layers draw how far they move what they see, a function of the seed and the step."""

    def step(self, k):
        """Train both players once."""
        self.D.module.train().reseed(stream(self.settings.seed, "shuffle", k))
        return super().step(k)


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train wave` plays."""
    sounds = cache(lambda: learned(s, saved))
    if saved is None:
        saved = {"rate": s.rate, "length": s.length, "made": False} if s.data else {"rate": RATE, "length": SLOT}
        saved = saved if s.data else saved | {"made": find_speech()}
        saved["checksum"] = fingerprint(sounds()) if s.data else 0
    if s.batch_size * saved["length"] == STEP:
        raise ValueError(f"batch_size=1 of length={STEP}: batch normalisation would have one value a channel; take 2 or more")
    g = wave_painter(saved["length"], s, stream(s.seed, "generator")).to(device)
    d = wave_judge(saved["length"], s, stream(s.seed, "discriminator")).to(device)
    loader = cache(lambda: Loader(to_device(sounds(), device), batch_size=s.batch_size, seed=s.seed))
    return Waves(g, d, [Normal(s.noise)], lambda turn: Batch(loader().batch(turn)), s, saved)


def learned(s, saved):
    """Return the sounds to learn from, (N, length); DataError if they are too few, or not those that a run began with."""
    if not s.data:
        return speech(saved["made"], "train").sounds
    sounds, _ = own_sounds(s.data, s.rate, s.length)
    if len(sounds) < s.batch_size:
        raise DataError(f"{s.data}: {len(sounds)} sounds to learn from, a step takes batch_size={s.batch_size}; take less")
    if "checksum" in saved:
        refuse_others(s.data, fingerprint(sounds), saved["checksum"], "sounds")
    return sounds


# --- what it makes ---------------------------------------------------------------------------------------------


def held_out(game):
    """Return real sounds that are not learned, (N, length)."""
    s = game.settings
    return own_sounds(s.data, s.rate, s.length)[1] if s.data else speech(game.saved["made"], "takes").sounds


def draw(game, samples, path):
    """Draw spectrograms: real sounds above, generated ones below; time goes to the right, high tones are above."""
    real = held_out(game)
    rows = {"real": real[:: max(1, len(real) // 8)][:8], "generated": samples[:24]}
    draw_spectrograms({title: log_spectrogram(sounds) for title, sounds in rows.items()}, path)


def write(game, samples, path):
    """Write all sounds one after another, with a short pause between them."""
    rate = game.saved["rate"]
    write_wave(path, np.pad(samples, ((0, 0), (0, int(PAUSE * rate)))).ravel(), rate)


FORMATS = {".png": draw, ".wav": write}
EVALUATED_SAMPLES = 600


def evaluate(game, samples):
    """Return scores of sounds (N, length), beside real ones: level, pitch, silence; of digits, what the recogniser hears."""
    real, rate = held_out(game), game.saved["rate"]
    scores = {"samples": len(samples)}
    if game.settings.data:
        training = learned(game.settings, game.saved)
        colour = lambda sounds: mel_cepstra(sounds, rate).reshape(len(sounds), -1)
        some = training[stream(0, "some").permutation(len(training))[: len(samples)]]
        made, training, others = map(colour, (samples, some, real))
        scores |= {
            "diversity": diversity(made, training).ratio, "diversity_of_real": diversity(others, training).ratio,
            "copied_share": copied_share(made, training, others),
            "copied_share_error": max(len(made) ** -0.5, min(len(others), len(training)) ** -0.5),
        }  # fmt: skip
    else:
        scores |= digit_scores(samples, *(speech(game.saved["made"], part) for part in ("train", "takes")))
    return scores | sound_scores(samples[:200], real, rate)


def digit_scores(samples, words, takes):
    """Return what the recogniser hears in samples (N, SLOT), and in held-out takes; how near they are to learned words."""
    network = recogniser(words)
    heard, of_real = (network.listen(sounds) for sounds in (samples, takes.sounds))
    shuffled = words.sounds[stream(0, "others").permutation(len(words.sounds))]
    scores = frechet_scores(network, samples, takes.sounds, shuffled)
    for name, p in {"{}": heard["digit"], "real_{}": of_real["digit"]}.items():
        scores |= {name.format("mean_confidence"): float(p.max(1).mean()), name.format("inception_score"): inception_score(p)}
    shares = class_shares(heard["digit"])
    digits, speakers = (heard[name].argmax(1)[:100] for name in ("digit", "speaker"))
    return scores | {
        "smallest_class_share": min(shares), "class_shares": shares,
        "nearest_take": float(np.median(nearest_take(samples[:100], digits, speakers, words))),
        "nearest_take_of_real": float(np.median(nearest_take(takes.sounds, takes.digits, takes.speakers, words))),
    }  # fmt: skip
