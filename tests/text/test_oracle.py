"""SeqGAN's oracle: its equations written a second time, its published score of itself, and files that are not it."""

import numpy as np
import pytest

from tinygan.data import DataError
from tinygan.text.oracle import Oracle, _shapes


def small(seed=0, vocabulary=7, read=3, size=4):
    rng = np.random.default_rng(seed)
    return {k: rng.standard_normal(s).astype(np.float32) for k, s in _shapes(vocabulary, read, size).items()}


def log_probabilities(arrays, tokens):
    """log softmax of every step, (T, V), for one sentence, in the order of SeqGAN's code: float64, no library call."""
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    p = {k: v.astype(float) for k, v in arrays.items()}
    h, c, rows = np.zeros(len(p["bi"])), np.zeros(len(p["bi"])), []
    for token in [0, *tokens[:-1]]:
        x = p["embedding"][token]
        i, f, o, new = (x @ p[f"W{g}"] + h @ p[f"U{g}"] + p[f"b{g}"] for g in "ifoc")
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
        h = sigmoid(o) * np.tanh(c)
        logits = h @ p["W_out"] + p["b_out"]
        rows.append(logits - np.log(np.exp(logits).sum()))
    return np.array(rows)


def test_nll_is_the_equation():
    arrays = small()
    tokens = np.random.default_rng(1).integers(0, 7, (70, 5))
    expected = [-np.mean([row[t] for row, t in zip(log_probabilities(arrays, s), s)]) for s in tokens.tolist()]
    found = Oracle(arrays).nll(tokens)
    assert found.dtype == np.float64 and found == pytest.approx(expected, rel=2e-5)


def test_samples_have_the_oracles_probabilities():
    oracle = Oracle(small(2, vocabulary=3))
    samples = oracle.sample(6000, 3, rng=4)
    every = np.array([[a, b, c] for a in range(3) for b in range(3) for c in range(3)])
    p = np.exp(-3 * oracle.nll(every))
    assert p.sum() == pytest.approx(1, abs=1e-5)
    seen = np.bincount(samples @ [9, 3, 1], minlength=27) / len(samples)
    assert np.abs(seen - p).max() < 4 * np.sqrt(0.25 / len(samples))  # four standard errors of the largest possible


def test_samples_follow_from_the_generator():
    oracle = Oracle(small())
    assert np.array_equal(oracle.sample(5, 4), oracle.sample(5, 4))
    assert np.array_equal(oracle.sample(5, 4, 1), oracle.sample(5, 4, np.random.default_rng(1)))
    assert not np.array_equal(oracle.sample(5, 4, 1), oracle.sample(5, 4, 2))


def test_a_drawn_oracle_needs_no_file():
    oracle = Oracle.draw(seed=1, vocabulary=50, size=8)
    samples = oracle.sample(100, 6)
    assert oracle.nll(samples).mean() < oracle.nll(np.random.default_rng(0).integers(0, 50, (100, 6))).mean()


def test_the_published_oracle_scores_its_own_samples_at_5_75_nats():
    try:
        oracle = Oracle.load_published()
    except DataError as error:
        pytest.skip(str(error))
    samples = oracle.sample(2000, rng=0)
    nll = oracle.nll(samples)
    assert nll.mean() == pytest.approx(5.75, abs=0.05)  # four standard errors of .012
    assert oracle.nll(np.random.default_rng(0).integers(0, 5000, (100, 20))).mean() > 10


def test_a_file_is_read_back(tmp_path):
    arrays = small()
    np.savez(tmp_path / "oracle.npz", **arrays)
    tokens = np.array([[1, 2, 3]])
    assert np.array_equal(Oracle.read(tmp_path / "oracle.npz").nll(tokens), Oracle(arrays).nll(tokens))


def write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)


def truncated(tmp_path):
    np.savez(tmp_path / "whole.npz", **small())
    return (tmp_path / "whole.npz").read_bytes()[:-300]


def damaged(tmp_path):
    np.savez_compressed(tmp_path / "whole.npz", **small())
    data = bytearray((tmp_path / "whole.npz").read_bytes())
    data[60:110] = bytes(50)
    return bytes(data)


HOSTILE = {
    "empty": lambda p: b"",
    "text": lambda p: b"hello world",
    "pickle": lambda p: b"\x80\x04N.",
    "truncated": truncated,
    "damaged": damaged,
    "object arrays": lambda p: small() | {"Wi": np.array([{}], object)},
    "missing": lambda p: {k: v for k, v in small().items() if k != "Uf"},
    "another": lambda p: {"a": np.zeros(3)},
    "wrong shape": lambda p: small() | {"Uf": np.zeros((4, 5), np.float32)},
    "nan": lambda p: small() | {"bc": np.full(4, np.nan, np.float32)},
    "integers": lambda p: small() | {"bc": np.zeros(4, int)},
    "flat": lambda p: small() | {"embedding": np.zeros(3, np.float32)},
    "scalar": lambda p: small() | {"W_out": np.float32(1)},
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(tmp_path, make):
    path = tmp_path / "oracle.npz"
    write(path, make(tmp_path))
    with pytest.raises(DataError) as caught:
        Oracle.read(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and len(message) < 500


def test_a_missing_file_and_npy_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file|cannot be read"):
        Oracle.read(tmp_path / "none.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DataError, match="another file"):
        Oracle.read(tmp_path / "one.npy")


@pytest.mark.parametrize("tokens", [[1, 2], [[7]], [[-1]], [[0.5]], [[]]], ids=str)
def test_nll_refuses_what_are_not_tokens(tokens):
    with pytest.raises(ValueError, match="Oracle.nll: tokens"):
        Oracle(small()).nll(np.array(tokens))


def test_sample_refuses_nothing():
    with pytest.raises(ValueError, match="expected 1 or more"):
        Oracle(small()).sample(0)
