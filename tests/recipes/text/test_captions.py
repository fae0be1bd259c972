"""Captions, and lines of one's own word by word."""

import pytest
from small_runs import WAYS, small_game

from tinygan import recipes
from tinygan.backend import stream
from tinygan.data import DataError, small_text
from tinygan.recipes.text._lines import vocabulary_of


def test_words_of_ones_own(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(small_text()), encoding="utf-8")
    game = small_game("captions", way="gumbel", pretrain=2, data=str(path), rarest=2, longest=8)
    for step in range(4):
        game.step(step)
    vocabulary = vocabulary_of(game.saved)
    written = {t for line in vocabulary.token_lists(game.sample(100, 0)) for t in line}
    assert written <= set(vocabulary.tokens[3:]) and "the" in vocabulary.tokens and "�" not in written


def test_samples_are_held_against_captions_held_out(tmp_path, monkeypatch):
    """Held-out captions themselves have the best BLEU there is, one caption again and again the worst Self-BLEU."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "nothing"))
    captions, game = recipes.load("captions"), small_game("captions", way="mle", rarest=1)
    train, held_out, _ = captions.lines_of(game.settings)
    code = lambda lines: vocabulary_of(game.saved).encode(lines, game.length)[0]
    real, one, copies = (captions.evaluate(game, code(x)) for x in (held_out[:60], held_out[:1] * 60, train[:60]))
    assert real["bleu_2"] > 0.98 and one["self_bleu_5"] > 0.98 > real["self_bleu_5"]
    assert copies["copies"] == 1 and real["copies"] < 1


@pytest.fixture
def game(tmp_path, monkeypatch):
    """A filler of blanks that has learned nothing, of sentences made here."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "nothing"))
    return small_game("captions", way="infill", **WAYS["infill"])


@pytest.mark.parametrize(
    "given, words, begins, ends",
    [
        ("a dog ___ a tree .", (6, 9), ["a", "dog"], ["a", "tree", "."]),
        ("a dog _ a tree.", (6, 6), ["a", "dog"], ["a", "tree", "."]),
        ("A dog _ _ a tree .", (7, 7), ["a", "dog"], ["a", "tree", "."]),
        ("___ dog ___ tree .", (5, 11), [], ["tree", "."]),
        ("a dog", (3, 30), ["a", "dog"], []),
        ("a dog ___", (3, 30), ["a", "dog"], []),
    ],
)
def test_blanks_are_filled_and_what_was_written_stays(game, given, words, begins, ends):
    captions = recipes.load("captions")
    for seed in range(4):
        said = captions.respond(game, given, stream(seed, "apply"))
        (tokens,) = vocabulary_of(game.saved).token_lists(vocabulary_of(game.saved).encode([said])[0])
        assert words[0] <= len(tokens) <= words[1]
        assert tokens[: len(begins)] == begins and tokens[len(tokens) - len(ends) :] == ends


def test_a_full_stop_that_nobody_wrote_may_come(game):
    """Captions end with one or without: as likely as a full stop is, .87 and 0."""
    stop, respond = vocabulary_of(game.saved).number["."], recipes.load("captions").respond
    end = lambda seed: respond(game, "a dog _ a tree", stream(seed, "apply")).endswith(".")
    bias = game.G.average.module.writer.head.bias.data
    bias[stop] = 6.0
    assert {end(seed) for seed in range(12)} == {True, False}
    bias[stop] = -12.0
    assert not any(map(end, range(12)))


def test_words_that_were_never_read_are_named(game):
    respond = recipes.load("captions").respond
    with pytest.raises(DataError, match="'tabel' is not a word that this run has learned; did you mean table"):
        respond(game, "a ___ tabel", stream(0, "apply"))
    with pytest.raises(DataError, match="40 tokens, and 1 or more to be found"):
        respond(game, "a dog " * 20, stream(0, "apply"))


def test_the_example_can_be_answered(game):
    captions = recipes.load("captions")
    assert "___" in captions.example(game) and captions.respond(game, captions.example(game), stream(0, "apply"))
