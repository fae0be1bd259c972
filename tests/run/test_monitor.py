"""The monitor: each failure on a made log or made samples, none where nothing is wrong."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from small_runs import small_game

from tinygan import nn, recipes
from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.players import Batch, Game, Player
from tinygan.optim import EMA, SGD
from tinygan.run.folder import Run
from tinygan.run.loop import train
from tinygan.run.monitor import FIRST_LOOK, Monitor, are_alike, diversity, period, say_alike

digits = recipes.load("digits")


BOUNDED = [name for name, objective in OBJECTIVES.items() if objective.bounds]


def watched(objective="relativistic", ema=0.998):
    """What a monitor asks of a game: the bounds of D's loss, and the averages of its players."""
    module = nn.Linear(1, 1, rng=0)
    game = Game([Player("generator", module, SGD(module.parameters(), 0.1), averages={"average": EMA(module, ema)})], None)
    game.bounds = OBJECTIVES[objective].bounds
    return game


def watch(losses, **about):
    """What a monitor says to d_losses that are logged every 20 steps: [(step, name), ...] and the sentences."""
    monitor, said, sentences = Monitor(watched(**about)), [], []
    for k, loss in enumerate(losses, 1):
        for name, says in monitor.see({"step": 20 * k, "d_loss": float(loss), "g_loss": 1.0}):
            said.append((20 * k, name))
            sentences.append(says)
    return said, sentences


def noise(n, seed=0):
    return np.random.default_rng(seed).standard_normal(n)


# --- D wins ------------------------------------------------------------------------------------------------------


def test_the_objectives_that_have_bounds():
    adversarial = "minimax non-saturating least-squares hinge relativistic relativistic-average f-js f-js-steep"
    assert adversarial.split() == BOUNDED


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_are_the_losses_of_a_guesser_and_of_one_who_knows(name):
    undecided, certain = OBJECTIVES[name].bounds
    loss = lambda real, fake: float(OBJECTIVES[name].discriminator(np.full(4, real), np.full(4, fake)))
    even = 0.5 if name == "least-squares" else 0.0
    assert loss(even, even) == pytest.approx(undecided)
    assert (loss(1, 0) if name == "least-squares" else loss(200.0, -200.0)) == pytest.approx(certain)


@pytest.mark.parametrize("name", BOUNDED)
def test_d_wins_outright(name):
    undecided, certain = OBJECTIVES[name].bounds
    share = np.concatenate([np.linspace(1, 0.5, 30), np.full(40, 0.02)])
    said, (sentence,) = watch(certain + share * (undecided - certain), objective=name)
    assert said == [(800, "D wins")]  # after ten rows of it, and once
    assert sentence.startswith("D wins outright since step 620") and "gamma" in sentence


def test_d_is_ahead_but_does_not_win():
    assert watch(np.full(100, 0.2), objective="hinge") == ([], [])
    lost_for_a_moment = np.where(np.arange(100) % 10 < 9, 0.0, 0.5)
    assert watch(lost_for_a_moment, objective="hinge")[0] == []
    assert watch(np.full(100, -30.0), objective="wasserstein") == ([], [])  # whose losses have no bounds


# --- oscillation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective, centre, height", [("non-saturating", 0.9, 0.8), ("wasserstein", 0.1, 2.0)])
@pytest.mark.parametrize("rows", [5, 8.5, 14])
def test_oscillation(objective, centre, height, rows):
    quiet = centre + 0.05 * noise(40)
    swings = centre + height * np.sin(2 * np.pi * np.arange(100) / rows) + 0.1 * height * noise(100)
    said, (sentence,) = watch(np.concatenate([quiet, swings]), objective=objective)
    ((step, name),) = said
    assert name == "oscillation" and step > 800 and "run in circles" in sentence
    assert int(sentence.partition("about every ")[2].split()[0]) == pytest.approx(20 * rows, rel=0.15)


def test_small_swings_are_no_oscillation():
    assert watch(0.69 + 0.05 * np.sin(np.arange(200)), objective="relativistic")[0] == []


@pytest.mark.parametrize("memory", [0, 0.5, 0.9, 1])
def test_noise_and_drifts_are_no_oscillation(memory):
    for seed in range(200):
        x = noise(64, seed)
        for i in range(1, 64):
            x[i] += memory * x[i - 1]
        assert period(x) is None, seed
    assert period(np.zeros(64)) is None and period(np.linspace(0, 1, 64)) is None


# --- collapse ----------------------------------------------------------------------------------------------------


def test_diversity_of_made_samples():
    real = noise(64 * 12).reshape(64, 3, 4).astype(np.float32)
    other = noise(100 * 12, 1).reshape(100, 3, 4).astype(np.float32)
    assert diversity(other, real) == pytest.approx(1, abs=0.1)
    assert diversity(0.5 * other, real) == pytest.approx(0.5, abs=0.1)
    assert diversity(other[:4].repeat(16, 0), real) < 1e-3  # copies of four, as far from each other as any
    assert diversity(np.zeros_like(real), real) == 0
    assert diversity(other[:7], real) is None and diversity(other[:, :2], real) is None
    assert diversity(other, np.zeros_like(real)) is None
    assert diversity(other.astype(int), real) is None and diversity(np.full_like(real, np.nan), real) is None


def test_collapse_is_said_at_the_second_look():
    real, rng = noise(64 * 9).reshape(64, 9), np.random.default_rng(1)
    one = rng.standard_normal(9) + 0.02 * rng.standard_normal((64, 9))
    monitor = Monitor(watched(ema=0.9))
    assert monitor.look(FIRST_LOOK - 1, [one], real) == (None, [])  # too early to judge
    share, said = monitor.look(400, [one], real)
    assert share < 0.05 and said == []
    assert monitor.look(500, [rng.standard_normal((64, 9))], real)[1] == []  # it was back
    assert monitor.look(600, [one], real)[1] == []
    ((name, sentence),) = monitor.look(700, [one], real)[1]
    assert name == "G collapsed" and "by step 700" in sentence and "0.02 times as diverse" in sentence
    assert monitor.look(800, [one], real)[1] == []


SENTENCES = np.random.default_rng(2).integers(0, 9, (64, 5))


@pytest.mark.parametrize(
    "made, real",
    [
        ([np.tile(SENTENCES[:1], (100, 1))], SENTENCES),  # the same sentence each time
        ([noise(640).reshape(10, 64).T, np.ones((64, 9)) + 1e-4 * noise(576).reshape(64, 9)], noise(640).reshape(64, 10)),
    ],
    ids=["text", "one G of two"],
)
def test_where_samples_cannot_be_compared_with_real_ones_a_collapse_is_said_if_they_are_alike(made, real):
    monitor = Monitor(watched(ema=0.9))
    assert monitor.look(400, made, real) == (0.0, [])
    assert [name for name, _ in monitor.look(500, made, real)[1]] == ["G collapsed"]


def test_samples_of_data_that_are_alike_may_be_alike():
    monitor, same = Monitor(watched(ema=0.9)), np.ones((64, 4))
    assert [monitor.look(step, [same], same) for step in (400, 500)] == [(None, [])] * 2


def test_what_is_alike():
    one = noise(12).reshape(1, 12)
    assert are_alike(one.repeat(8, 0)) and are_alike(np.zeros((8, 3))) and are_alike(SENTENCES[:1].repeat(8, 0))
    assert are_alike(one + 1e-3 * noise(96).reshape(8, 12)) and not are_alike(one + 0.1 * noise(96).reshape(8, 12))
    assert not are_alike(one.repeat(7, 0))  # too few to tell
    other = SENTENCES[:1].repeat(8, 0)
    other[7, 4] += 1
    assert not are_alike(other) and not are_alike(1e-6 * noise(96).reshape(8, 12))


def test_an_average_that_remembers_the_start_is_not_judged():
    assert Monitor(watched(ema=0.998)).first_look == pytest.approx(math.log(0.2) / math.log(0.998))
    assert Monitor(watched(ema=0.0)).first_look == FIRST_LOOK


def test_sharp_modes_are_no_collapse():
    """Eight points on a ring, each drawn with a fifth of the spread of the real ones."""
    rng = np.random.default_rng(0)

    def ring(spread):
        angle = 2 * np.pi * rng.integers(0, 8, 128) / 8
        return np.stack([np.cos(angle), np.sin(angle)], 1) + spread * rng.standard_normal((128, 2))

    assert diversity(ring(0.004), ring(0.02)) > 0.3


# --- what is not new to G ----------------------------------------------------------------------------------------


def judged(game, samples, step=10_000):
    """Whether a game of this step is said to have collapsed."""
    said = say_alike(game, step, samples)
    assert said is None or "G has collapsed" in said
    return said is not None


def test_a_picture_that_comes_twice_is_repaired_alike(monkeypatch):
    """There are three held-out pictures, so the fourth sample is the first again. That is no collapse."""
    game = small_game("pix2pix", world="shapes")
    samples = game.sample(100, 0)
    assert len(game.made(samples)[0]) == len(samples)
    few = game.asked()[:3]
    game = small_game("pix2pix", world="shapes")
    game.asked = lambda: few
    samples, real = game.sample(100, 0), game.batch(0).x
    assert diversity(samples, np.concatenate([real, real + 1])) < 0.2
    assert len(game.made(samples)[0]) == 3
    assert Monitor(game).look(9000, game.made(samples), real) == (None, [])
    assert not judged(game, np.zeros_like(samples))


@pytest.mark.parametrize("name", ["cycle", "caption", "dialogue"])
def test_what_g_was_given_is_not_what_it_made(name, tmp_path, monkeypatch):
    """A sample has its source beside it, which differs where all that was made of it is one thing."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    game = small_game(name)
    samples = game.sample(20, 0)
    assert not judged(game, samples)
    same = samples.copy()
    for made in game.made(same):
        assert np.shares_memory(made, same)
        made[:] = made[:1]
    assert (same != same[:1]).any() and judged(game, same)
    assert not judged(game, same, FIRST_LOOK - 1)


# --- in a run ----------------------------------------------------------------------------------------------------


def draw_nothing(samples, path):
    pass


def test_a_collapsed_generator_in_a_run_is_said_once_and_logged(tmp_path, capsys):
    s = digits.Settings(steps=240, batch_size=8, hidden=4, features=4, learning_rate=0.0, ema=0.9)

    def game_that_always_draws_the_same():
        game = digits.make_game(s)
        generate = game.generate
        game.generate = lambda *arguments: Batch(generate(*arguments).x * 0)
        return game

    run = Run.create(tmp_path / "run", "digits", s)
    train(game_that_always_draws_the_same(), run, draw_nothing, pictures=24)
    (event,) = [row for row in run.rows() if "event" in row]
    assert event["step"] == 210 and event["event"] == "G collapsed"
    printed = capsys.readouterr().err
    assert printed.count("G has collapsed by step 210") == 1
    assert [row["diversity"] for row in run.rows() if "diversity" in row] == [0] * 5

    # resumed, it is not said again
    (run.folder / "checkpoints" / "step-240.safetensors").unlink()
    game = game_that_always_draws_the_same()
    before = run.rows()
    train(game, run, draw_nothing, start=run.resume(game), pictures=24)
    same = lambda rows: [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    assert same(run.rows()) == same(before)
    assert "collapsed" not in capsys.readouterr().err


def test_no_false_alarm_on_the_log_of_a_real_run():
    """`tinygan train digits` as it comes: 4000 steps, 200 logged losses."""
    rows = json.loads((Path(__file__).parents[1] / "digits_log.json").read_text())
    assert len(rows) == 200
    assert watch(rows, objective=digits.Settings().objective, ema=digits.Settings().ema) == ([], [])
