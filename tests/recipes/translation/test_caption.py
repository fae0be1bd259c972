"""Captions: what the eye and the judge hang on, which pictures G is judged on, pictures of a reader's, sprites or none."""

import numpy as np
import pytest
from small_runs import SMALL, hold, set_words, small_game

from tinygan import recipes
from tinygan.autodiff import no_grad
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import DataError, gather_notes, read_picture
from tinygan.ops import log_softmax
from tinygan.plot import save_image
from tinygan.recipes.translation._worlds import as_floats

SET = set_words(SMALL["caption"])
caption = recipes.load("caption")


@pytest.fixture(scope="module")
def game():
    return small_game("caption")


# --- the players -----------------------------------------------------------------------------------------------


def test_padding_changes_no_verdict_and_no_likelihood(game):
    rows, (pictures,) = game.batch(0)
    g, d = game.G.module.eval(), game.D.module.eval()
    wide = np.pad(rows, ((0, 0), (0, 3)))
    with no_grad():
        np.testing.assert_allclose(d(pictures, rows).data, d(pictures, wide).data, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(g(pictures, rows).data, g(pictures, wide).data[:, :-3], rtol=1e-4, atol=1e-5)


def test_the_verdict_hangs_on_the_picture_and_on_the_order_of_the_words(game):
    rows, (pictures,) = game.batch(0)
    d = game.D.module.eval()
    turned = rows.copy()
    turned[:, [0, 1]] = turned[:, [1, 0]]
    with no_grad():
        plain = d(pictures, rows).data
        others = [d(pictures[::-1], rows).data, d(pictures, turned).data]
    assert all(np.abs(plain - other).max() > 1e-4 for other in others)


def step(cell, x, h, c):
    """One step of an LSTM by hand."""
    sigma = lambda a: 1 / (1 + np.exp(-a))
    i, f, g, o = np.split(cell.weight_ih.data @ x + cell.bias_ih.data + cell.weight_hh.data @ h + cell.bias_hh.data, 4)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def test_the_verdict_is_the_mean_of_what_the_words_add_each_followed_in_the_picture(game):
    """By hand: a word is read, the places that it speaks of are looked at, and a second LSTM reads the two."""
    rows, (pictures,) = game.batch(1)
    d = game.D.module.eval()
    with no_grad():
        verdicts = d(pictures, rows).data
        states, gist = (a.data for a in d.eye(pictures))
    for n in range(3):
        h, c, found, cell = np.split(np.tanh(d.reader.first.weight.data @ gist[n] + d.reader.first.bias.data), 4)
        added = []
        for word in rows[n][rows[n] != 0]:
            h, c = step(d.reader.reader.cell, d.reader.reader.words.weight.data[word], h, c)
            weights = np.exp(states[n] @ h / np.sqrt(len(h)))
            found, cell = step(d.reader.follow, np.concatenate([h, weights / weights.sum() @ states[n]]), found, cell)
            added.append(d.verdict.weight.data[0] @ found + d.verdict.bias.data[0])
        assert verdicts[n, 0] == pytest.approx(np.mean(added), abs=1e-5)


def test_a_sentence_written_word_by_word_has_the_states_of_one_read_at_once(game):
    rows, (pictures,) = game.batch(1)
    g = game.G.module.eval()
    with no_grad():
        states, present, state = g.read(pictures)
        at_once, _ = g.write(g.before(rows), state, states, present)
        for t in range(4):
            hidden, state = g.write(g.before(rows)[:, t : t + 1], state, states, present)
            np.testing.assert_allclose(hidden.data[:, 0], at_once.data[:, t], atol=1e-5)


def test_looks_are_the_weights_that_words_are_written_with(game):
    rows, (pictures,) = game.batch(1)
    g = game.G.module.eval()
    with no_grad():
        looks, log_p = g.looks(pictures, rows).data, g(pictures, rows).data
        states, _, first = g.read(pictures)
        hidden = g.writer(g.before(rows), first, states)[0].data
        seen = looks.reshape(*rows.shape, 64) @ states.data
        mixed = np.tanh(np.concatenate([hidden, seen], 2) @ g.mix.weight.data.T + g.mix.bias.data)
        expected = log_softmax(mixed @ g.out.weight.data.T + g.out.bias.data, 2)
    assert looks.shape == (*rows.shape, 8, 8)
    np.testing.assert_allclose(looks.sum((2, 3)), 1, rtol=1e-5)
    picked = np.take_along_axis(expected, rows[:, :, None], 2)[:, :, 0]
    np.testing.assert_allclose(log_p[rows != 0], picked[rows != 0], rtol=1e-4, atol=1e-5)


def test_a_place_knows_where_it_is():
    """Of a picture of one colour no two places inside are alike; without their rows and columns all are."""
    eye = small_game("caption").G.module.eye.eval()
    plain = np.full((1, 3, 32, 32), 0.3, np.float32)
    apart = lambda: np.ptp(eye(plain)[0].data[0].reshape(8, 8, -1)[2:6, 2:6], (0, 1)).max()
    with no_grad():
        known = apart()
        eye.row.data *= 0
        eye.column.data *= 0
        assert known > 0.1 and apart() < 1e-5


# --- the game --------------------------------------------------------------------------------------------------


def test_imitation_sees_the_pairs_alone_and_the_judge_pictures_of_both_kinds(monkeypatch):
    game, asked = small_game("caption", paired=0.25, imitation=0.0), []
    reply = caption.Captioner.reply
    monkeypatch.setattr(caption.Captioner, "reply", lambda g, x, rng: (asked.append(x), reply(g, x, rng))[1])
    paired = {x.tobytes() for k in range(2) for x in game.batch(k).given[0]}
    assert len(paired) == 16 == len({x.tobytes() for k in range(40) for x in game.batch(k).given[0]})
    for k in range(8):
        game.step(k)
    shown = {x.tobytes() for x in np.concatenate(asked)}
    assert len(shown) == 64 and paired < shown


def test_steps_of_d_like_true_sentences_better_than_sentences_about_other_pictures():
    game = small_game("caption", steps=80, imitation=0.0, learning_rate=3e-3, hidden=24, channels=8)
    hold(game.G)
    rows, (pictures,) = game.batch(0)
    game.read = lambda k: (pictures, rows)

    def gap():
        d = game.D.module.eval()
        with no_grad():
            found = (d(pictures, rows).data - d(pictures, np.roll(rows, 1, 0)).data).mean()
        d.train()
        return found

    before = gap()
    for k in range(40):
        game.step(k)
    assert gap() > before + 0.1


def test_a_step_of_imitation_makes_true_sentences_likelier():
    game = small_game("caption", learning_rate=1e-3)
    rows, (pictures,) = game.batch(0)
    nll = lambda: -game.G.module(pictures, rows).data.sum() / (rows != 0).sum()
    before = nll()
    row = game.step(0)
    assert row["nll"] == row["g_loss"] == pytest.approx(before, rel=1e-5) and nll() < before


def test_the_pictures_asked_are_unseen_and_held_out_in_turn(game):
    world = caption.find_world("shapes")
    train = set(world.scenes("train", 2000, stream(0, "some")))
    assert not train & set(game.asked.scenes)
    from tinygan.data.shapes import HELD_OUT

    kept = [any((t.colour, t.shape) in HELD_OUT for t in scene.things) for scene in game.asked.scenes[:200]]
    assert kept == [False, True] * 100


def test_the_same_seed_and_pictures_again(game):
    a, b = game.sample(20, 3), small_game("caption").sample(20, 3)
    np.testing.assert_array_equal(a, b)
    assert game.sample(2002, 0)[:, 0].tolist() == [*range(2000), 0, 1]  # more than are drawn at once
    np.testing.assert_array_equal(game.sample(2, 3, given=np.array([7, 4]))[:, 0], [7, 4])


def test_the_colder_the_surer_is_the_likeliest_word(game):
    """At the coldest no chance is left: each word is that of the highest score, given those before it."""
    coldest = [game.sample(20, seed, temperature=1e-6) for seed in (0, 1)]
    np.testing.assert_array_equal(*coldest)
    assert (game.sample(20, 0) != game.sample(20, 1)).any()
    pictures, rows = as_floats(game.asked.pictures[:20]), coldest[0][:, 1:]
    g = game.G.average.module
    chosen = g(pictures, rows).data  # log p of the words that were taken
    for word in range(1, len(game.saved["tokens"])):  # 0: the sentence is over
        other = rows.copy()
        other[:, 0] = word
        assert (g(pictures, other).data[:, 0] <= chosen[:, 0] + 1e-5).all()
    with pytest.raises(ValueError, match="temperature 0: expected 1e-06 or more"):
        game.sample(2, 0, temperature=0.0)


def test_what_is_said_is_the_likeliest_of_several_sentences(game, monkeypatch):
    """It is at least as likely as the sentence of the likeliest words, and for some pictures likelier."""
    pictures, g = as_floats(game.asked.pictures[:40]), game.G.average.module
    log_p = lambda rows: g(pictures, rows).data.sum(1)
    said = game.say(pictures, stream(0, "x"))
    np.testing.assert_array_equal(said, game.say(pictures, stream(0, "x")))
    monkeypatch.setattr(caption, "SAID", 1)
    shortsighted = game.say(pictures, stream(0, "x"))
    np.testing.assert_array_equal(shortsighted, game.reply(pictures, stream(1, "y"), 1e-6))
    gain = log_p(said) - log_p(shortsighted)
    assert (gain > -1e-4).all() and (gain > 0.1).any()


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match=r"paired=0.0005 of pictures=50,000: 25 pairs for batches of 32"):
        caption.Settings(paired=0.0005)


def test_without_the_sprites_shapes_are_described_and_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    with gather_notes() as notes:
        game = small_game("caption", world="sprites")
        game.batch(0)
    assert game.saved["world"] == "shapes"
    assert notes[0].startswith("shapes are described instead: ") and notes[1:] == ["64 pictures of shapes, 64 with sentences"]


def test_sprites():
    try:
        caption.find_world("sprites")
    except DataError as error:
        pytest.skip(str(error))
    game = small_game("caption", world="sprites", imitation=0.0)
    assert np.isfinite(list(game.step(0).values())).all()
    scores = caption.evaluate(game, game.sample(20, 0))
    assert scores["samples"] == 20 and scores["exact"] == 0.0
    assert not any("step" in line.split() for line in game.asked.sentences)  # steps of a walk are hardly told apart


# --- the command line --------------------------------------------------------------------------------------------


def test_a_run_resumed_sampled_scored_and_asked_about_pictures(tmp_path, capsys, monkeypatch):
    train = ["train", "caption", *SET, "--steps", "8", "--set", "imitation=.5"]
    assert main([*train, "--out", str(tmp_path / "whole")]) == 0
    step = caption.Caption.step
    with monkeypatch.context() as patch:
        patch.setattr(caption.Caption, "step", lambda game, k: 1 / 0 if k == 6 else step(game, k))
        with pytest.raises(ZeroDivisionError):
            main([*train, "--out", str(tmp_path / "broken")])
    assert main(["train", "--resume", "--out", str(tmp_path / "broken")]) == 0
    ends = [(tmp_path / run / "checkpoints" / "step-8.safetensors").read_bytes() for run in ("whole", "broken")]
    assert ends[0] == ends[1]

    run = str(tmp_path / "whole")
    assert main(["sample", run, "-n", "5", "--out", str(tmp_path / "some.txt")]) == 0
    assert [line.count("\t") for line in (tmp_path / "some.txt").read_text().splitlines()] == [1] * 5
    assert main(["evaluate", run, "-n", "40"]) == 0
    assert "exact held out" in capsys.readouterr().out

    for name, picture in (("colour", np.full((50, 70, 3), 99, np.uint8)), ("grey", np.full((40, 32), 99, np.uint8))):
        save_image(picture, tmp_path / f"{name}.png")
        assert main(["apply", run, str(tmp_path / f"{name}.png")]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2 and "colour.png is 70x50; its middle square is scaled to 32x32" in printed.err
    assert main(["apply", run, str(tmp_path / "grey.png"), "--out", str(tmp_path / "maps.png")]) == 0
    assert (tmp_path / "maps.png").stat().st_size > 1000
    assert main(["apply", run, str(tmp_path / "some.txt")]) == 2
    assert "cannot be read as a picture" in capsys.readouterr().err


def test_a_writer_that_says_nothing_is_no_failure(tmp_path):
    """One that has learned little may end at once. Its answer is an empty line, its maps the picture alone."""
    game = small_game("caption")
    game.G.average.module.out.bias.data[1] = 99  # the end
    save_image(np.full((32, 32, 3), 99, np.uint8), tmp_path / "picture.png")
    with gather_notes() as notes:
        answer = caption.respond(game, str(tmp_path / "picture.png"), stream(0, "apply"))
    assert answer.sentence == "" and "more steps" in notes[0]
    for ending, write in caption.ANSWERS.items():
        write(answer, tmp_path / f"answer{ending}")
    assert (tmp_path / "answer.txt").read_text() == "\n"
    assert read_picture(tmp_path / "answer.png").shape[1:] == (128 + 2 * 6 + 16, 128 + 2 * 6)


def test_an_answer_has_a_map_for_each_word(game, tmp_path):
    save_image(np.full((32, 32, 3), 99, np.uint8), tmp_path / "picture.png")
    answer = caption.respond(game, str(tmp_path / "picture.png"), stream(0, "apply"))
    assert answer.weights.shape == (len(answer.words), 8, 8) and answer.picture.shape == (3, 32, 32)
    np.testing.assert_allclose(answer.weights.sum((1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(answer.picture, 99 / 127.5 - 1, atol=1e-6)
