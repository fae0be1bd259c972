"""The groups of settings that games read: what they refuse, schedules of the learning rate and of the penalty."""

import numpy as np
import pytest
from point_games import Settings

from tinygan.gan.augment import CHANGES
from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.penalties import PENALTIES
from tinygan.gan.settings import AdversarialSettings, DuelSettings, FallSettings, RateSettings
from tinygan.optim.schedules import SHAPES
from tinygan.run.settings import defaults


@pytest.mark.parametrize(
    "settings, reason",
    [
        ({"steps": 0}, "steps=0: must be at least 1"),
        ({"learning_rate": float("nan")}, "finite"),
        ({"beta1": 1.5}, "between 0"),
        ({"objective": "chess"}, "expected one of minimax"),
        ({"batch_size": 1.5}, "expected a whole number"),
        ({"penalty": "r3"}, "expected one of none, r1"),
        ({"penalty": "dragan", "gamma": 0.0}, "penalises nothing"),
        ({"penalty": "wgan-gp", "clip_weights": 0.01}, "leave one of them out"),
        ({"gamma": 0.0, "gamma_end": 0.1}, "gamma_end=0.1: this training would not read it; with gamma given it would"),
        ({"packing": 3, "batch_size": 64}, "batch_size=64 does not divide evenly by packing=3: take batch_size=66"),
        ({"packing": 2, "processes": 3}, "does not divide evenly by processes=3 and packing=2: take batch_size=66"),
        ({"smoothing": 0.1, "objective": "wasserstein"}, "with objective=minimax or .* it would"),
        ({"smoothing": 0.1}, "would not read it; with objective=minimax or"),
        ({"smoothing": 0.7, "objective": "minimax"}, "between 0.0 and 0.5"),
        ({"n_critic": 0}, "at least 1"),
        ({"d_rate": 0.0}, "never learn"),
        ({"instance_noise": -1.0}, "at least 0"),
        ({"penalty": "none", "gamma": 1.0}, "gamma=1.0: this training would not read it; with penalty=r1 or"),
        ({"schedule": "constant", "decay_from": 0.5}, "with schedule=linear or schedule=cosine or schedule=exponential"),
    ],
    ids=str,
)
def test_nonsense_is_refused_with_the_reason(settings, reason):
    with pytest.raises(ValueError, match=reason):
        Settings(**settings)


def test_what_is_no_nonsense():
    Settings(penalty="wgan-gp", gamma=10.0)
    Settings(penalty="r1", gamma=0.0, clip_weights=0.01)
    Settings(penalty="none", clip_weights=0.01)
    Settings(batch_size=12, packing=2, processes=3)
    assert not hasattr(AdversarialSettings(penalty="none"), "gamma")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_smoothing_is_there_where_the_objective_has_a_target(name):
    assert hasattr(Settings(objective=name), "smoothing") == OBJECTIVES[name].targets


@pytest.mark.parametrize("name", PENALTIES)
def test_gamma_is_there_where_there_is_a_penalty(name):
    s = Settings(penalty=name)
    assert hasattr(s, "gamma") == hasattr(s, "gamma_end") == hasattr(s, "penalty_every") == (name != "none")


def test_the_changes_of_pictures_are_named_where_they_are_set():
    (meaning,) = [f.metadata["meaning"] for name, f in Settings.__dataclass_fields__.items() if name == "augment"]
    assert all(name in meaning for name in CHANGES)


# --- schedules -----------------------------------------------------------------------------------------------------


def shares(*steps, **settings):
    s = Settings(steps=100, **settings)
    return [s.share_left(k) for k in steps]


def test_learning_rate_falls_over_the_second_half():
    assert shares(0, 49, 50, 75) == [1, 1, 1, 0.5]
    assert shares(99) == pytest.approx([0.02])


def test_schedules_of_the_learning_rate():
    assert shares(0, 99, schedule="constant") == [1, 1]
    assert shares(20, 60, 80, 99, schedule="cosine", decay_from=0.2) == pytest.approx(
        [1, 0.5, 0.5 * (1 + np.cos(0.75 * np.pi)), 0.5 * (1 + np.cos(np.pi * 79 / 80))]
    )
    assert shares(0, 50, 75, schedule="exponential") == pytest.approx([1, 1, 0.1])
    assert shares(0, 4, 9, 10, 75, warmup=10) == pytest.approx([0.1, 0.5, 1, 1, 0.5])
    assert shares(0, 4, 50, schedule="constant", warmup=10) == pytest.approx([0.1, 0.5, 1])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_share_of_the_steps_is_there_where_the_rate_falls(shape):
    assert issubclass(type(RateSettings(schedule=shape)), FallSettings) == (shape != "constant")


def test_gamma_falls_at_an_even_pace():
    s = Settings(steps=100, gamma=0.5, gamma_end=0.005)
    assert [s.weight(k) for k in (0, 50, 100)] == pytest.approx([0.5, 0.05, 0.005])
    assert Settings(gamma=0.5).weight(50) == 0.5
    assert Settings(gamma=0.5, penalty_every=4).weight(50) == 2.0


def test_turns_that_are_penalised():
    turns = lambda **settings: [turn for turn in range(9) if Settings(**settings).is_penalised(turn)]
    assert turns() == list(range(9)) and turns(penalty_every=4) == [0, 4, 8] and turns(gamma=0.0) == []


def test_a_recipe_changes_the_default_of_a_group_that_a_choice_brings():
    @defaults(gamma=3.0, decay_from=0.25, learning_rate=0.5)
    class Mine(AdversarialSettings):
        """Settings of a recipe."""

    s = Mine()
    assert (s.gamma, s.decay_from, s.learning_rate) == (3.0, 0.25, 0.5)
    assert Mine(penalty="none", schedule="constant").share_left(9) == 1.0
    assert DuelSettings().learning_rate == 1e-3 and Settings().gamma == 1.0
