"""SeqGAN's oracle: an LSTM that stands for a language whose every sentence has a known probability.

Text has no formula, so a model of it cannot be scored exactly; sentences drawn from a known LSTM can. `Oracle.sample`
makes the training set, `Oracle.nll` scores what a generator then writes. NLL-oracle alone is a broken goal: a generator
that repeats one likely sentence has the best. Print it beside the generator's own NLL of held-out sentences (NLL-test).
"""

import zipfile

import numpy as np

from tinygan.backend import stream
from tinygan.data import DataError, find_file
from tinygan.data.files import open_file
from tinygan.losses import cross_entropy
from tinygan.ops import categorical, embedding, linear, lstm, lstm_cell

START = 0  # the token that every sentence is written after; it may also be drawn
_GATES = "ifco"  # c is the cell's candidate, which PyTorch calls g: this is its order i, f, g, o
_MOST_BYTES = 1 << 28  # of a file's arrays, unpacked; the published ones take 1.3 MB
_BLOCK = 64  # sentences scored at once: 64 x 20 x 5000 logits are 26 MB


class Oracle:
    """p(x₁ ... x_T) = Π softmax(W h_t + b)[x_t], h_t of an LSTM that read x_<t after START. Yu et al. 2017, section 4.

    `arrays` are SeqGAN's fifteen: embedding (V, E), for each gate Wi (E, H), Ui (H, H), bi (H,), and with f, o, c in the
    place of i, then W_out (H, V), b_out (V,). Kept as float32. Raises ValueError for a missing array or a wrong shape.
    """

    def __init__(self, arrays):
        arrays = _checked(arrays)
        self.embedding = arrays["embedding"]
        self.weight_ih, self.weight_hh = (
            np.concatenate([arrays[f"{kind}{gate}"].T for gate in _GATES]) for kind in "WU"
        )  # (4H, E), (4H, H)
        self.bias = np.concatenate([arrays[f"b{gate}"] for gate in _GATES])
        self.weight_out, self.bias_out = np.ascontiguousarray(arrays["W_out"].T), arrays["b_out"]

    @classmethod
    def load_published(cls):
        """Return the oracle of SeqGAN's experiment, from $TINYGAN_DATA/seqgan/oracle_lstm.npz: V 5000, E = H = 32.

        It scores its own samples of 20 tokens at 5.75 nats a token. Raises DataError if the file is missing or unfit.
        """
        return cls.read(find_file("seqgan/oracle_lstm.npz"))

    @classmethod
    def read(cls, path):
        """Return the oracle in an npz file; DataError if it cannot be read or does not hold the fifteen arrays."""
        try:
            with open_file(path) as opened:
                if opened.read(2) != b"PK":
                    raise ValueError("it is not an npz file")
            with open_file(path) as opened, np.load(opened, allow_pickle=False) as file:
                claimed = sum(member.file_size for member in file.zip.infolist())
                if claimed > _MOST_BYTES:
                    raise ValueError(f"it announces {claimed:,} bytes, more than the {_MOST_BYTES:,} allowed")
                return cls({name: file[name] for name in file.files})
        except (OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, MemoryError) as error:
            raise DataError(f"{path}: cannot be read as npz ({type(error).__name__}); download it again") from None
        except DataError:
            raise
        except (ValueError, TypeError, AttributeError, KeyError, RuntimeError, zipfile.zlib.error) as error:
            fault = str(error).split("\n")[0][:200].removeprefix("Oracle: ")
            raise DataError(f"{path}: is not an oracle: {fault}; another file?") from None

    @classmethod
    def draw(cls, seed=0, vocabulary=5000, size=32):
        """Return an oracle with weights N(0, 1), as SeqGAN drew its own. Its figures are not the published ones."""
        rng = stream(seed, "oracle")
        shapes = _shapes(vocabulary, size, size)
        return cls({name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()})

    def nll(self, tokens):
        """Return -log p(x) / T of each sentence (N, T), in nats a token: (N,) float64. Its mean is NLL-oracle."""
        tokens = np.asarray(tokens)
        vocabulary = len(self.embedding)
        if tokens.ndim != 2 or not tokens.size or tokens.dtype.kind not in "iu":
            raise ValueError(f"Oracle.nll: tokens {tokens.shape} {tokens.dtype}: expected integers (N, T), not empty")
        if tokens.min() < 0 or tokens.max() >= vocabulary:
            raise ValueError(f"Oracle.nll: tokens {tokens.min()} to {tokens.max()}: expected 0 to {vocabulary - 1}")
        return np.concatenate([self._nll(tokens[k : k + _BLOCK]) for k in range(0, len(tokens), _BLOCK)])

    def _nll(self, tokens):
        before = np.concatenate([np.full((len(tokens), 1), START, tokens.dtype), tokens[:, :-1]], 1)
        read = embedding(before.T, self.embedding)  # (T, N, E)
        h = lstm(read, None, None, self.weight_ih, self.weight_hh, self.bias)[:-1]  # the last row is the cell state
        logits = linear(h.reshape(-1, h.shape[-1]), self.weight_out, self.bias_out)  # (T N, V)
        losses = cross_entropy(logits, tokens.T.reshape(-1), reduction="none")
        return losses.reshape(before.T.shape).mean(0, dtype=np.float64)

    def sample(self, n, length=20, rng=None):
        """Return n sentences drawn token by token: (n, length) int64. `rng` is a generator or a seed, by default 0."""
        if n < 1 or length < 1:
            raise ValueError(f"Oracle.sample: n {n}, length {length}: expected 1 or more")
        rng = np.random.default_rng(0 if rng is None else rng)
        tokens = np.empty((n, length), np.int64)
        for k in range(0, n, 10 * _BLOCK):
            part = tokens[k : k + 10 * _BLOCK]
            x = np.full(len(part), START)
            h = c = np.zeros((len(part), self.weight_hh.shape[1]), np.float32)
            for t in range(length):
                h, c = lstm_cell(embedding(x, self.embedding), h, c, self.weight_ih, self.weight_hh, self.bias)
                part[:, t] = x = categorical(linear(h, self.weight_out, self.bias_out), rng)
        return tokens


def _shapes(vocabulary, read, size):
    shapes = {"embedding": (vocabulary, read), "W_out": (size, vocabulary), "b_out": (vocabulary,)}
    for gate in _GATES:
        shapes |= {f"W{gate}": (read, size), f"U{gate}": (size, size), f"b{gate}": (size,)}
    return shapes


def _checked(arrays):
    """Return the arrays as float32; ValueError for one that is missing or unfit."""
    if "embedding" not in arrays or "W_out" not in arrays or np.ndim(arrays["embedding"]) != 2:
        raise ValueError(
            f"Oracle: arrays {', '.join(sorted(arrays)) or 'none'}: expected a matrix embedding, W_out, ..."
        )
    shapes = _shapes(
        *np.shape(arrays["embedding"]), np.shape(arrays["W_out"])[:1][0] if np.ndim(arrays["W_out"]) else 0
    )
    for name, shape in shapes.items():
        if name not in arrays:
            raise ValueError(f"Oracle: array {name} {shape} is missing")
        found = np.asarray(arrays[name])
        if found.shape != shape or 0 in shape or found.dtype.kind != "f" or not np.isfinite(found).all():
            raise ValueError(f"Oracle: {name} {found.shape} {found.dtype}: expected finite floats {shape}, not empty")
    return {name: np.asarray(arrays[name], np.float32) for name in shapes}
