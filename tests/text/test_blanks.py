"""Sentences that somebody has begun: how they go on, and how their blanks are filled, against all sentences there are."""

import numpy as np
import pytest
from small_text import RNG, every_sentence, little_game, log_p, model, sharp

from tinygan.autodiff import Tensor
from tinygan.data import DataError
from tinygan.text import infill
from tinygan.text.infill import Filler
from tinygan.text.language import END, ONE, PADDED, SOME
from tinygan.text.vae import SentenceVAE

LENGTH, WORDS = 4, (3, 4)
SENTENCES = every_sentence(LENGTH, WORDS)
BEGUN = np.array([[4]])


def shares(rows):
    """How often each of SENTENCES is among rows (N, LENGTH)."""
    base = 5 ** np.arange(LENGTH)
    assert np.isin(rows @ base, SENTENCES @ base).all()
    return np.array([np.mean(rows @ base == sentence @ base) for sentence in SENTENCES])


def given(log_p, holds):
    """Probabilities of SENTENCES, given that `holds`."""
    p = np.exp(log_p) * holds
    return p / p.sum()


def close(seen, p, n):
    return np.abs(seen - p).max() < 4 * np.sqrt(0.25 / n)


def test_a_language_model_goes_on_as_likely_as_it_should():
    m = model(5, ended=True)
    drawn = m.go_on(np.repeat(BEGUN, 20_000, 0), LENGTH, RNG(0))
    begins = SENTENCES[:, 0] == 4
    assert close(shares(drawn), given(log_p(m, SENTENCES), begins), len(drawn))


def test_a_filler_goes_on_as_likely_as_it_should():
    m = sharp(Filler(5, 2, 4))
    begins = SENTENCES[:, 0] == 4
    hidden = np.ones(SENTENCES.shape, bool)
    hidden[:, 0] = False
    drawn = m.go_on(np.repeat(BEGUN, 20_000, 0), LENGTH, RNG(0))
    p = np.exp([m.log_p(row[None], hidden[:1])[0] for row in SENTENCES]) * begins
    assert p.sum() == pytest.approx(1, abs=1e-5) and close(shares(drawn), p, len(drawn))


def test_a_vae_goes_on_from_a_z_that_fits_the_beginning():
    """p(sentence | beginning) over all z: with z of p(z) alone it is another."""
    m, begins, n = sharp(SentenceVAE(5, 2, 3, 1), seed=9), SENTENCES[:, 0] == 4, 4000
    m.writer.lstm.weight_ih_l0.data[:, 2:] *= 5  # z says much
    m.writer.head.weight.data *= 2
    z = np.linspace(-4, 4, 200)
    weights = np.exp(-(z**2) / 2)[:, None]
    each = []  # p(sentence | z), (200, sentences)
    for point in z:
        state, beside = m.start(Tensor(np.full((len(SENTENCES), 1), point)), LENGTH)
        each.append(np.exp(-m.writer.token_losses(SENTENCES, state, beside).data.sum(1)) * begins)
    each = np.array(each)
    right = (each * weights).sum(0) / (each * weights).sum()
    of_prior = (each / each.sum(1, keepdims=True) * weights).sum(0) / weights.sum()
    drawn = m.go_on(np.repeat(BEGUN, n, 0), LENGTH, RNG(0))
    assert close(shares(drawn), right, n) and not close(of_prior, right, n)


@pytest.mark.parametrize(
    "pattern, fits",
    [
        ([3, ONE, 4], lambda s: len(s) == 3 and s[0] == 3 and s[2] == 4),
        ([3, SOME, 4], lambda s: len(s) in (3, 4) and s[0] == 3 and s[-1] == 4),
        ([SOME, 4], lambda s: len(s) in (2, 3, 4) and s[-1] == 4),
        ([ONE, SOME], lambda s: len(s) > 1),
        ([SOME, 3, SOME], lambda s: len(s) > 2 and 3 in s[1:-1]),
    ],
    ids=lambda part: "fits" if callable(part) else str(part),
)
def test_blanks_of_all_sizes_are_filled_as_likely_as_the_whole_sentence_is(pattern, fits, monkeypatch):
    """Against all sentences of 4 words at most and their probabilities; a pattern that fits twice counts twice."""
    monkeypatch.setattr(infill, "PROPOSED", 20_000)
    m, length = sharp(Filler(5, 2, 4), seed=4), 5
    sentences, base = every_sentence(length, WORDS), 5 ** np.arange(length)
    words = [[t for t in row.tolist() if t > END] for row in sentences]
    log_p = np.array([m.log_p(row[None], np.ones((1, length), bool))[0] for row in sentences])
    times = [fits(w) * (sum(t == 3 for t in w[1:-1]) if pattern.count(SOME) == 2 else 1) for w in words]
    ends = pattern[-1] == SOME or np.array([END in row for row in sentences])
    right = given(log_p, np.array(times) * ends)
    filled, weights = m.propose([pattern], length, RNG(0))
    p = np.exp(weights - weights.max()) / np.exp(weights - weights.max()).sum()
    seen = np.array([p[filled @ base == row @ base].sum() for row in sentences])
    assert seen.sum() == pytest.approx(1) and (right > 0.01).sum() > 1
    np.testing.assert_allclose(seen, right, atol=0.02)
    some = [m.fill_blanks([pattern], length, RNG(k)) @ base for k in range(3)]
    assert np.isin(some, sentences[right > 0] @ base).all()


def test_blanks_are_laid_out_of_every_size_that_fits():
    rows, hidden, least = infill.lay_out([[3, SOME, 4, ONE], [3, SOME, 4, ONE, 5]], 8, RNG(0))
    sizes = hidden.sum(1) - 1
    assert set(sizes[::2]) == {1, 2, 3, 4} and set(sizes[1::2]) == {1, 2, 3}
    for row, hole, end, size, last in zip(rows, hidden, least, sizes, np.arange(len(rows)) % 2):
        assert row[0] == 3 and hole[1 : 1 + size].all() and row[1 + size] == 4 and hole[2 + size] and row[end] == END
        assert end == 3 + size + last and (row[end + 1 :] == PADDED).all() and not hole[end:].any()
    rows, hidden, least = infill.lay_out([[3, SOME]], 5, RNG(0))
    assert (hidden == [False, True, True, True, True]).all() and (least == 2).all()


ROWS = [[3, 4, 5, END, PADDED], [4, 4, END, PADDED, PADDED], [5, 3, 4, 5, END]]


@pytest.mark.parametrize("way", ["mle", "policy", "gumbel", "vae", "infill"])
def test_every_way_goes_on_from_a_beginning(way):
    game = little_game(way, ROWS)
    for pattern in ([3, 4], [3, 4, SOME], [3, 4, ONE]):
        row = game.complete([pattern + [SOME] * (way == "infill" and pattern[-1] > 0)], RNG(0))
        assert row.shape == (5,) and row.tolist()[:2] == [3, 4]
    with pytest.raises(DataError, match="4 tokens, and 1 or more to be found: this run's sentences have at most 4"):
        game.complete([[3, 4, 3, 4, SOME]], RNG(0))
    if way == "infill":
        assert game.complete([[3, ONE, 4]], RNG(0)).tolist()[0::2] == [3, 4, PADDED]
        assert game.complete([[3, ONE, 4, 5], [3, ONE, 4, 5, 3]], RNG(0)).tolist()[4] == END  # no room for the second
    else:
        with pytest.raises(DataError, match=rf"filled by a run of --set way=infill; this one \(way={way}\)"):
            game.complete([[3, SOME, 4]], RNG(0))


def test_a_filler_that_ends_every_blank_says_so():
    game = little_game("infill", ROWS)
    game.G.average.module.writer.head.bias.data[END] = 1e4
    with pytest.raises(DataError, match="train it for longer"):
        game.complete([[3, ONE, 4]], RNG(0))


@pytest.mark.parametrize("way", ["mle", "vae", "infill"])
def test_sentences_are_completed_on_a_gpu(way):
    game = little_game(way, ROWS)
    complete = lambda: [game.complete([pattern], RNG(0)).tolist() for pattern in ([3, 4, SOME], [3, 4, 3, ONE])]
    expected = complete()
    for module in (game.G.module, game.G.average.module):
        module.to("cuda")
    assert complete() == expected
