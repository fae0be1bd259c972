"""Captions, and lines of one's own word by word."""

from small_runs import small_game

from tinygan import recipes
from tinygan.data import small_text
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
