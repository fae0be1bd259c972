"""Players of `speech`: a voice that speaks a text, and a listener that judges sound and text together.

A text is read character by character, by an LSTM; of its states, those at the ends of words are kept: they know the word.
Each word has a slot of 64 frames. The voice draws the slots as parts of one long picture, 128 frequencies by 64 frames a
word: its transposed convolutions know no length, so a text may have any. The listener looks at the long picture, and
compares each slot with what it read of its word. Rows are numbers (N, 1 + T): who speaks, then the characters, 0 after the
end. All texts of a batch have as many words.
"""

from dataclasses import dataclass

from tinygan import ops
from tinygan.autodiff import raw
from tinygan.backend import xp
from tinygan.networks.told import double, halve
from tinygan.networks.words import WordReader
from tinygan.nn import LeakyReLU, Linear, Module, Sequential, Tanh
from tinygan.run.settings import RunSettings, setting

SPACE, LETTERS = 1, 2  # numbers of the space and of the letter a; 0 is no character
VOICES = LETTERS + 26  # number of the first speaker
HIGH, LONG = 8, 4  # places of a slot where the voice begins and the listener ends: of 128 frequencies, of 64 frames


@dataclass
class SpeakingSettings(RunSettings):
    """Sizes of both players."""

    noise: int = setting(32, "Size of z.", 1)
    embedding: int = setting(16, "Size of a character's vector, and of a speaker's.", 1)
    hidden: int = setting(64, "Size of the state of the LSTM that reads.", 1)
    channels: int = setting(16, "Channels of G's largest hidden layer; each smaller one has twice as many.", 1)
    d_channels: int = setting(12, "Channels of D's first layer; each smaller one has twice as many.", 1)
    features: int = setting(128, "Size of what D knows of a slot.", 1)


class TextReader(Module):
    """Rows (N, 1 + T) -> what is to be said in each slot, (N, words, size): the LSTM's state at a word's end, and who speaks.

    ValueError if the texts have different numbers of words.
    """

    def __init__(self, speakers, s, rng):
        self.read = WordReader(VOICES + speakers, s.embedding, s.hidden, rng=rng)
        self.size = s.hidden + s.embedding

    def forward(self, rows):
        rows = raw(rows)
        n, after = len(rows), xp(rows).zeros_like(rows)
        after[:, :-1] = rows[:, 1:]
        ends = (rows > SPACE) & (after <= SPACE)
        ends[:, 0] = False  # the speaker's
        counts = ends.sum(1)
        if not n or int(counts.min()) != int(counts.max()) or not int(counts.max()):
            raise ValueError(f"TextReader: texts of {counts.tolist()} words: expected equally many, 1 or more, in a batch")
        places, words = xp(rows).nonzero(ends)[1].reshape(n, -1), int(counts.max())
        at = xp(rows).arange(n)[:, None]
        said = self.read(rows).words[at, places]  # (N, words, hidden)
        who = self.read.embedding(rows[:, :1])  # (N, 1, embedding)
        return ops.cat([said, ops.tile(who, (1, words, 1))], 2)


class Voice(Module):
    """Generator: z and what is to be said make 8x4 places a slot, of many channels, which transposed convolutions double."""

    def __init__(self, speakers, s, rng):
        self.reader = TextReader(speakers, s, rng)
        self.size = s.noise
        a, b, c, d = (s.channels * 2**k for k in range(4))
        self.begin = Linear(s.noise + self.reader.size, d * HIGH * LONG, rng=rng)
        grow = *double(d, c, rng), *double(c, b, rng), *double(b, a, rng), *double(a, 1, rng)
        self.draw = Sequential(*grow, Tanh())

    def forward(self, z, rows):
        """z (N, size), rows (N, 1 + T) -> spectrograms (N, 128, 64 words)."""
        said = self.reader(rows)  # (N, words, size)
        n, words = said.shape[:2]
        x = self.begin(ops.cat([ops.tile(z.reshape(n, 1, -1), (1, words, 1)), said], 2))
        x = x.reshape(n, words, -1, HIGH, LONG)
        x = ops.permute(x, (0, 2, 3, 1, 4)).reshape(n, -1, HIGH, words * LONG)  # slots beside one another
        return self.draw(x)[:, 0]


class Listener(Module):
    """D(x, text) = the mean over slots of w·φ + Wt·φ: how real a slot is at all, and how like its word and speaker."""

    def __init__(self, speakers, s, rng):
        self.reader = TextReader(speakers, s, rng)
        a, b, c, d = (s.d_channels * 2**k for k in range(4))
        self.shrink = Sequential(*halve(1, a, rng), *halve(a, b, rng), *halve(b, c, rng), *halve(c, d, rng))
        self.slot = Sequential(Linear(d * HIGH * LONG, s.features, rng=rng), LeakyReLU(0.2))
        self.real = Linear(s.features, 1, rng=rng)
        self.like = Linear(self.reader.size, s.features, rng=rng)

    def look(self, x):
        """Spectrograms (N, 128, 64 words) -> what is known of each slot, (N, words, features)."""
        x = self.shrink(x.reshape(x.shape[0], 1, *x.shape[1:]))  # (N, channels, 8, 4 words)
        n, channels, words = x.shape[0], x.shape[1], x.shape[3] // LONG
        x = ops.permute(x.reshape(n, channels, HIGH, words, LONG), (0, 3, 1, 2, 4))
        return self.slot(x.reshape(n, words, -1))

    def compare(self, features, rows):
        """Slots (N, words, features), rows (N, 1 + T) -> verdicts (N, 1)."""
        wanted = self.like(self.reader(rows)) / features.shape[2] ** 0.5
        return ops.mean(self.real(features) + ops.sum(wanted * features, 2, True), 1)

    def forward(self, x, rows):
        """Spectrograms (N, 128, 64 words), rows (N, 1 + T) -> verdicts (N, 1)."""
        return self.compare(self.look(x), rows)
