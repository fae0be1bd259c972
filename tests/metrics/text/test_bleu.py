"""Text metrics: BLEU against its definition counted by hand, Texygen's published columns, novelty, copies."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.data import DataError, captions, find_file, read_lines, words
from tinygan.metrics import bleu, distinct_share, exact_copies, ngram_novelty, self_bleu, sentence_bleu


def grams(sentence, n):
    return Counter(tuple(sentence[i : i + n]) for i in range(len(sentence) - n + 1))


def bleu_by_counting(hypothesis, references, n):
    """BLEU-n as the paper words it, smoothed as NLTK's method 1."""
    if not set(hypothesis) & {t for r in references for t in r}:
        return 0.0
    product = 1.0
    for k in range(1, n + 1):
        ours, found = grams(hypothesis, k), 0
        for gram, count in ours.items():
            found += min(count, max(grams(r, k)[gram] for r in references))
        product *= (found or 0.1) / max(1, ours.total())
    nearest = min((abs(len(r) - len(hypothesis)), len(r)) for r in references)[1]
    penalty = 1 if len(hypothesis) > nearest else math.exp(1 - nearest / len(hypothesis))
    return penalty * product ** (1 / n)


SENTENCES = st.lists(st.lists(st.integers(0, 3), max_size=8), min_size=2, max_size=6)


@settings(max_examples=150, deadline=None)
@given(SENTENCES, SENTENCES)
def test_bleu_is_its_definition(hypotheses, references):
    found = sentence_bleu(hypotheses, references, (1, 2, 3, 5))
    expected = [[bleu_by_counting(h, references, n) for n in (1, 2, 3, 5)] for h in hypotheses]
    assert np.allclose(found, expected, rtol=1e-12, atol=0)
    assert list(bleu(hypotheses, references, (2, 5)).values()) == pytest.approx(found[:, [1, 3]].mean(0), rel=1e-12)


@settings(max_examples=150, deadline=None)
@given(SENTENCES)
def test_self_bleu_leaves_each_sentence_out(sentences):
    expected = [
        np.mean([bleu_by_counting(s, sentences[:i] + sentences[i + 1 :], n) for i, s in enumerate(sentences)])
        for n in (2, 4)
    ]
    assert list(self_bleu(sentences, (2, 4)).values()) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_bleu_of_nltks_own_examples():
    # sentence_bleu(references, hypothesis, [1/n] * n, SmoothingFunction().method1) of NLTK 3.10.4
    hypothesis = "it is a guide to action which ensures that the army always obeys the party".split()
    references = [
        "it is a guide to action that ensures that the military will forever heed party commands".split(),
        "it is the guiding principle which makes the military forces always be under the command of the party".split(),
        "it is the practical guide for the army always to heed the directions of the party".split(),
    ]
    assert list(bleu([hypothesis], references).values()) == pytest.approx(
        [0.7638382547123213, 0.6315667352325255, 0.4926757614314956, 0.3982775493331858], rel=1e-12
    )


def test_a_perfect_sentence_and_a_repeated_one():
    sentence = list("abcdefg")
    assert bleu([sentence], [sentence]) == pytest.approx(dict.fromkeys((2, 3, 4, 5), 1.0))
    assert self_bleu([sentence] * 3) == pytest.approx(dict.fromkeys((2, 3, 4, 5), 1.0))
    assert bleu([sentence], [list("xyz")]) == dict.fromkeys((2, 3, 4, 5), 0.0)


def test_integers_arrays_and_words_count_alike():
    rows = np.random.default_rng(0).integers(0, 5, (20, 12))
    as_words = [[f"w{t}" for t in row] for row in rows.tolist()]
    assert self_bleu(rows) == self_bleu(as_words) == self_bleu(rows.tolist())
    assert bleu(rows[:5], rows[5:]) == bleu(as_words[:5], as_words[5:])


def test_each_change_moves_its_score():
    """Broken sentences lower BLEU and raise novelty; repetition raises Self-BLEU; copies show; cutting costs brevity."""
    rng = np.random.default_rng(0)
    training, samples = ([[*rng.integers(0, 9, 5), *range(20, 26)] for _ in range(30)] for _ in range(2))
    shuffled = [[s[i] for i in rng.permutation(len(s))] for s in samples]
    for n in (2, 3, 4):
        assert bleu(shuffled, training)[n] < bleu(samples, training)[n]
        assert self_bleu(samples[:15] * 2)[n] > self_bleu(samples)[n] > self_bleu(shuffled)[n]
        assert ngram_novelty(shuffled, training)[n] > ngram_novelty(samples, training)[n]
    copied = samples[:10] + training[:20]
    assert exact_copies(samples, training) < exact_copies(copied, training) == pytest.approx(20 / 30, abs=0.05)
    assert distinct_share(samples) == 1 and distinct_share(samples[:15] * 2) == 0.5
    whole, cut, shorter = (sentence_bleu([training[0][:n]], training)[0] for n in (11, 8, 5))
    assert (shorter < cut).all() and (cut < whole).all() and np.allclose(whole, 1)
    assert sentence_bleu([training[0] + [99]], training)[0, 0] == pytest.approx(
        math.sqrt(11 / 12 * 10 / 11)
    )  # no bonus, no penalty


def test_novelty_copies_and_repetitions():
    training = ["abc", "bcd"]
    samples = [list(s) for s in ("abc", "abd", "xx", "abc")]
    novelty = ngram_novelty(samples, [list(s) for s in training], (1, 2, 3, 9))
    assert novelty[1] == pytest.approx(2 / 11) and novelty[2] == pytest.approx(2 / 7)
    assert novelty[3] == pytest.approx(1 / 3) and math.isnan(novelty[9])
    assert exact_copies(samples, [list(s) for s in training]) == 0.5
    assert distinct_share(samples) == 0.75


@pytest.mark.parametrize(
    "call, words_of_the_message",
    [
        (lambda: bleu("a cat", [["a"]]), "got one string"),
        (lambda: bleu(["a cat"], [["a"]]), "a sentence is a string"),
        (lambda: bleu([["a"]], []), "0 sentences: at least 1"),
        (lambda: self_bleu([["a"]]), "1 sentences: at least 2"),
        (lambda: bleu([[["a"]]], [["a"]]), "must be a list of tokens"),
        (lambda: bleu([3], [["a"]]), "must be a list of tokens"),
        (lambda: bleu([["a"]], [["a"]], (0, 2)), "integers from 1"),
        (lambda: bleu([["a"]], [["a"]], ()), "integers from 1"),
    ],
)
def test_refusals(call, words_of_the_message):
    with pytest.raises(ValueError, match=words_of_the_message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_empty_sentences_score_zero_and_do_not_crash():
    assert bleu([[], ["a"]], [["a"]], (1,)) == {1: 0.5}
    assert self_bleu([[], []]) == dict.fromkeys((2, 3, 4, 5), 0.0)
    assert math.isnan(ngram_novelty([[]], [[]])[2])


# --- Texygen's own sentences and published columns -----------------------------------------------------------------

PUBLISHED = {  # BLEU-2..5 and Self-BLEU-2..5, Zhu et al. 2018, tables 1 and 2
    "seq": ((0.745, 0.498, 0.294, 0.180), (0.950, 0.840, 0.670, 0.489)),
    "leakgan": ((0.746, 0.528, 0.355, 0.230), (0.966, 0.913, 0.848, 0.780)),
    "mle": ((0.731, 0.497, 0.305, 0.189), (0.916, 0.769, 0.583, 0.408)),
}


def tokenised(load):
    try:
        return [words(line) for line in load()]
    except DataError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def references():
    return tokenised(lambda: captions("test"))


@pytest.mark.parametrize("model", PUBLISHED)
def test_texygens_sentences_score_as_published(model, references):
    """All 9,984 sentences against all 10,000 references; to .001, in three decimals as they are published."""
    sentences = tokenised(lambda: read_lines(find_file(f"captions/instances/{model}.txt")))
    assert (len(sentences), len(references)) == (9984, 10000)
    published_bleu, published_self = PUBLISHED[model]
    assert np.round(list(bleu(sentences, references).values()), 3) == pytest.approx(published_bleu, abs=0.001001)
    assert np.round(list(self_bleu(sentences).values()), 3) == pytest.approx(published_self, abs=0.001001)


def test_the_training_sentences_score_the_floor(references):
    sentences = tokenised(captions)
    assert list(self_bleu(sentences).values()) == pytest.approx((0.892, 0.747, 0.574, 0.416), abs=0.001)
    scores = sentence_bleu(sentences, references)
    assert scores[:3000].mean(0) == pytest.approx(
        (0.731, 0.507, 0.325, 0.208), abs=0.001
    )  # the figures of the first 3,000
    assert scores.mean(0) == pytest.approx((0.740, 0.520, 0.337, 0.218), abs=0.001)  # of all
    assert exact_copies(references, sentences) < 0.002
