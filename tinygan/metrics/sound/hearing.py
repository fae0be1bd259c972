"""What is said, and by whom: a network of our own hears digits and speakers, and scores generated speech.

It learns from the recordings that generators learn from (`data/speech.py`); how well it hears held-out takes, the
held-out speaker and sound out of Griffin-Lim stands in benchmarks/results/recogniser.md. `recogniser(learned)` trains it on
first use and stores it in the cache, as `pictures/classifier.py` does. `hear` says whether utterances say their texts;
`frechet_scores` compares made words with real ones.
"""

import numpy as np

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import Array, stream
from tinygan.data.files import fingerprint
from tinygan.data.spectra import BINS, HOP, log_spectrogram
from tinygan.data.speech import SLOT, WORDS, Recordings
from tinygan.losses import cross_entropy
from tinygan.nn import BatchNorm2d, Conv2d, Dropout, Linear, Module
from tinygan.ops import flatten, leaky_relu, softmax

from ..pictures.classifier import descend, train_once
from ..points.frechet import frechet_distance

VERSION = 1  # of the file in the cache. Raise it with every change of this file that changes the weights
TRAINING = {"steps": 700, "batch_size": 32}
CHANNELS = 16, 32, 64, 64
FEATURES = 128
FRAMES = SLOT // HOP
FASTER = 0.1  # the largest change of speed and pitch under which it learns
NOISE = 0.005  # the largest deviation; words have .1
SILENCE = np.float32(-0.5)  # of a picture of sound


class Recogniser(Module):
    """Four convolutions, a linear layer, and heads for the digit and the speaker, for words (N, SLOT) at 8,000 Hz."""

    def __init__(self, speakers: int, rng: np.random.Generator | int | None = None) -> None:
        made: dict = {"rng": rng, "device": "cpu"}  # every device has the same scores
        before = 1
        for k, channels in enumerate(CHANNELS):
            setattr(self, f"conv{k}", Conv2d(before, channels, 4, 2, 1, **made))
            setattr(self, f"norm{k}", BatchNorm2d(channels, device="cpu"))
            before = channels
        self.dropout = Dropout(0.3, rng=0)
        self.fc = Linear(before * BINS * FRAMES // 4 ** len(CHANNELS), FEATURES, **made)
        self.digit, self.speaker = Linear(FEATURES, len(WORDS), **made), Linear(FEATURES, speakers, **made)

    def features(self, x: Tensor) -> Tensor:
        """Return what the heads stand on, of log spectrograms (N, 1, BINS, FRAMES): (N, FEATURES)."""
        for k in range(len(CHANNELS)):
            x = leaky_relu(getattr(self, f"norm{k}")(getattr(self, f"conv{k}")(x)), 0.1)
        return leaky_relu(self.fc(flatten(x, 1)), 0.1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the digit (N, 10) and of the speaker (N, speakers)."""
        features = self.dropout(self.features(x))
        return self.digit(features), self.speaker(features)

    def listen(self, sounds: Array) -> dict[str, Array]:
        """Return what is heard in sounds (N, SLOT): probabilities "digit" (N, 10), "speaker" (N, speakers); "features"."""
        if sounds.ndim != 2 or sounds.shape[1] != SLOT:
            raise ValueError(f"Recogniser: sounds {sounds.shape}: expected words of {SLOT} samples, (N, {SLOT})")
        parts = []
        with no_grad():
            for k in range(0, len(sounds), 250):
                features = self.features(Tensor(pictures_of(sounds[k : k + 250])))
                parts.append([softmax(self.digit(features), 1).data, softmax(self.speaker(features), 1).data, features.data])
        empty = [[np.zeros((0, head.weight.shape[0]), np.float32) for head in (self.digit, self.speaker, self.fc)]]
        return dict(zip(("digit", "speaker", "features"), map(np.concatenate, zip(*(parts or empty)))))


def pictures_of(sounds: Array) -> Array:
    """Return the log spectrograms of words (N, SLOT), (N, 1, BINS, FRAMES), about 0 in the mean."""
    return log_spectrogram(sounds)[:, None] / np.float32(2) + SILENCE


def change(sounds: Array, rng: np.random.Generator) -> Array:
    """Return words (N, SLOT) said a little faster and higher, or slower and lower, later, louder, in noise."""
    n, time = len(sounds), np.arange(SLOT)
    speed, late = np.exp(rng.uniform(-FASTER, FASTER, n)), rng.uniform(0, 6 * HOP, n)
    changed = np.stack([np.interp((time - t) * v, time, x, 0, 0) for x, v, t in zip(sounds, speed, late)])
    changed *= np.exp(rng.uniform(-0.5, 0.5, (n, 1)))
    return (changed + rng.uniform(0, NOISE, (n, 1)) * rng.standard_normal(changed.shape)).astype(np.float32)


def train_recogniser(
    learned: Recordings, *, steps: int, batch_size: int = 32, learning_rate: float = 3e-3, seed: int = 0
) -> Recogniser:
    """Train a recogniser on recordings; the loss is the sum of the cross-entropies of both heads."""
    network = Recogniser(int(learned.speakers.max()) + 1, stream(seed, "recogniser"))

    def loss(step: int) -> Tensor:
        rng = stream(seed, "words", step)
        rows = rng.integers(0, len(learned.sounds), batch_size)
        digit, speaker = network(Tensor(pictures_of(change(learned.sounds[rows], rng))))
        return cross_entropy(digit, learned.digits[rows]) + cross_entropy(speaker, learned.speakers[rows])

    return descend(network, loss, steps, learning_rate, "the network that hears digits").eval()


def recogniser(learned: Recordings) -> Recogniser:
    """Return the network that hears what is said. The first call trains it and stores it in the cache.

    learned: the part "train" of the recordings, made or real; each has a recogniser of its own.
    """
    speakers = int(learned.speakers.max()) + 1
    name = f"recogniser-{fingerprint(learned.sounds):08x}-{TRAINING['steps']}-{VERSION}"
    train = lambda: train_recogniser(learned, **TRAINING)
    return train_once(name, lambda: Recogniser(speakers, 0).eval(), train, "the network that hears digits")


# --- what is measured by it --------------------------------------------------------------------------------------


def hear(network: Recogniser, sounds: Array, text: Array, speakers: Array | None = None) -> dict[str, float]:
    """Return how utterances (N, L SLOT) say their texts (N, L), by these speakers (N,), as the network hears them.

    said: share of words heard as told; said_whole: of utterances all of whose words are; speaker: of utterances that
    are heard, all words together, as the speaker's who was asked for.
    """
    text = np.asarray(text)
    heard = network.listen(np.reshape(sounds, (-1, SLOT)))
    right = heard["digit"].argmax(1).reshape(text.shape) == text
    scores = {"said": float(right.mean()), "said_whole": float(right.all(1).mean())}
    if speakers is not None:
        together = np.log(heard["speaker"] + 1e-9).reshape(*text.shape, -1).sum(1)
        scores["speaker"] = float((together.argmax(1) == speakers).mean())
    return scores


def frechet_scores(network: Recogniser, made: Array, real: Array, others: Array) -> dict[str, float]:
    """Return the Frechet distance of made words (N, SLOT) from real ones, and its floor: that of other real words.

    As many of each are compared as there are of the fewest, for the distance grows as samples become fewer.
    """
    n = min(map(len, (made, real, others)))
    made, real, others = (network.listen(words[:n])["features"] for words in (made, real, others))
    return {"frechet_distance": frechet_distance(made, real), "frechet_floor": frechet_distance(others, real)}
