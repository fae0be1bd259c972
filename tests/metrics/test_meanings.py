"""What `evaluate` prints: every score of every recipe has a meaning, a direction and real data's score where there is one."""

import pytest
from small_runs import SMALL, small_game

from tinygan import recipes
from tinygan.data import DataError
from tinygan.metrics import series
from tinygan.metrics.meanings import MEANINGS, describe_scores, find_meaning, find_real
from tinygan.metrics.pictures import classifier, emblems, synthetic

NEEDS_NO_DIRECTION = {"samples", "pictures", "frechet_samples", "frechet_real_samples", "class_shares", "class_of_code",
                      "classifier_accuracy"}  # fmt: skip
FEW = {"sines": 40, "stock": 40, "captions": 40, "names": 40, "dialogue": 40, "oracle": 40, "caption": 40,
       "speech": 4, "wave": 30}


@pytest.fixture
def quick_judges(monkeypatch, tmp_path):
    """Networks that judge learn for two steps: names of scores do not depend on it."""
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path))
    train, train_pictures = series._train, classifier.train_classifier
    monkeypatch.setattr(series, "_train", lambda network, loss, n, steps, *rest: train(network, loss, n, 2, *rest))
    monkeypatch.setattr(emblems, "STEPS", 2)
    few = lambda images, labels, **settings: train_pictures(images[:200], labels[:200], **{**settings, "steps": 20})
    for module in (classifier, synthetic):
        monkeypatch.setattr(module, "train_classifier", few)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_score_is_explained(name, quick_judges):
    recipe = recipes.load(name)
    try:
        game = small_game(name, **({"way": "mle"} if name in ("names", "captions") else {}))
        scores = recipe.evaluate(game, game.sample(FEW.get(name, 60), 0))
    except DataError as error:  # MNIST is not at hand
        pytest.skip(str(error))
    referred = {find_real(score, scores)[0] for score in scores}
    for score in scores:
        meaning = find_meaning(score)
        if meaning is None:
            assert score in referred or score.endswith("_error"), f"{score} has no meaning"
            continue
        chance = score.startswith("by_chance_")
        assert meaning.better in ("higher", "lower", "real") or score in NEEDS_NO_DIRECTION or chance, score
        if meaning.better == "real":
            assert find_real(score, scores)[1] is not None, f"{score}: like which real score?"
    lines = list(describe_scores(scores, recipe.EVALUATED_SAMPLES, 200))
    assert lines[0].split() == ["score", "value", "real", "data", "better"]
    assert lines[-1].endswith("chance has a larger part in them")


def test_the_table_is_readable_and_fits_the_terminal():
    scores = {"samples": 8, "sliced_wasserstein": 0.0004, "sliced_wasserstein_of_real": 0.25, "copied_share": 0.62,
              "copied_share_error": 0.35, "frechet_ratio": 2.0, "unknown": 3}  # fmt: skip
    lines = list(describe_scores(scores, 10_000, 80))
    assert max(map(len, lines[:-1])) <= 80
    text = " ".join(" ".join(lines).split())
    assert "sliced wasserstein 0.0004 0.250 lower distance between generated and real samples" in text
    assert "copied share 0.620 ± 0.350 0.500 like real" in text and "too few samples to say" in text
    assert "unknown 3" in text and "copied share error" not in text and "of real" not in text.replace("that of real", "")
    assert "of 8 samples; the scores are defined on 10,000" in text
    assert "too few" not in " ".join(describe_scores({**scores, "copied_share_error": 0.03}, 8))


def test_a_score_says_what_it_is_of():
    """A baseline has the name of the score that it is beside, and another ending."""
    says = {"edit_right_untouched": "of no edit", "edit_flicker_by_swap": "of the best swap of colours",
            "edit_right_recolour_held_out": "kept from training", "edit_outside_longer": "four times as long"}  # fmt: skip
    for name, what in says.items():
        meaning, plain = find_meaning(name), find_meaning("_".join(name.split("_")[:2]))
        assert meaning.text.startswith(plain.text) and what in meaning.text and meaning[1:] == plain[1:]
    assert find_meaning("told_held_out") == MEANINGS["told_held_out"] and find_meaning("unknown_untouched") is None
    for name in ("frechet_distance", "frechet_ratio", "by_chance_digit"):
        assert "picture" not in find_meaning(name).text, "of sound and clips too"


def test_meanings_are_short_enough_for_one_line():
    assert max(len(meaning.text) for meaning in MEANINGS.values()) <= 72
