"""Dialogue: small talk is right where it says so, pairs from files, attention and padding, the game, and chat."""

import io
import itertools

import numpy as np
import pytest

from tinygan import recipes
from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import DataError
from tinygan.data.dialogue import TOPICS, clock_words, is_right, number_words, read_pairs, small_talk, topic_of
from tinygan.ops import log_softmax

TINY = {"steps": 8, "batch_size": 8, "embedding": 6, "hidden": 10}
SET = ["--set", "batch_size=8", "--set", "embedding=6", "--set", "hidden=10"]
dialogue = recipes.load("dialogue")


# --- data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n, words", [(0, "zero"), (19, "nineteen"), (20, "twenty"), (47, "forty seven"), (100, "one hundred")]
)
def test_numbers_in_words(n, words):
    assert number_words(n) == words


@pytest.mark.parametrize(
    "minutes, words",
    [(0, "twelve o'clock"), (60, "one o'clock"), (90, "half past one"), (195, "a quarter past three"),
     (225, "a quarter to four"), (715, "five to twelve"), (720 + 25, "twenty five past twelve")],
)  # fmt: skip
def test_times_in_words(minutes, words):
    assert clock_words(minutes) == words


@pytest.mark.parametrize(
    "prompt, right, wrong",
    [
        ("what comes after ninety nine?", "it is one hundred.", "it is one hundred and one."),
        ("which number leads to twenty?", "nineteen.", "twenty one."),
        ("it is five to twelve. what time is it in ten minutes?", "five past twelve.", "five past eleven."),
        ("what time is two hours after half past eleven?", "half past one.", "half past nine."),
        ("mix blue with yellow, please.", "you get green.", "you get purple."),
        ("i look north, turn left, then turn left. where do i look?", "west, then south.", "south."),
        ("facing west, i turn around. which way now?", "to the east.", "to the north."),
        ("facing east, i turn left and around. which way now?", "you look north, then south.", "south, then north."),
    ],
)
def test_right_and_wrong(prompt, right, wrong):
    assert is_right(prompt, right) and not is_right(prompt, wrong)


def test_train_and_test_share_no_prompt_and_leave_none_out():
    train, test = ({prompt for prompt, _ in small_talk(part)} for part in ("train", "test"))
    asked = [p for asks in TOPICS.values() for prompts, _ in asks() for p in prompts]
    assert not train & test and train | test == set(asked) and len(asked) == len(set(asked))
    assert 0.15 < len(test) / len(asked) < 0.25
    assert {topic_of(prompt) for prompt in test} == set(TOPICS)
    with pytest.raises(ValueError, match="no prompt of small_talk"):
        is_right("how are you?", "fine.")
    with pytest.raises(ValueError, match="'train' or 'test'"):
        small_talk("valid")


@pytest.mark.parametrize("line", ["no tab", "\tno prompt", "no reply\t", "a\tb\tc"])
def test_lines_that_are_no_pair_are_named(line, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("hello\thi\n" + line + "\n")
    with pytest.raises(DataError, match="is no pair; expected a prompt, one tab, a reply"):
        read_pairs(path)


# --- the players -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def game():
    return dialogue.make_game(dialogue.Settings(**TINY))


def test_padding_changes_no_verdict_and_no_reply(game):
    prompts, replies = game.real(0)
    wider = lambda rows: np.pad(rows, ((0, 0), (0, 3)))
    with no_grad():
        narrow = game.discriminator(prompts, replies), game.generator(prompts, replies)
        wide = game.discriminator(wider(prompts), wider(replies)), game.generator(wider(prompts), wider(replies))
    np.testing.assert_allclose(narrow[0].data, wide[0].data, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(narrow[1].data, wide[1].data[:, :-3], rtol=1e-4, atol=1e-5)
    assert not wide[1].data[:, -3:].any()


def test_the_verdict_hangs_on_the_prompt_and_on_the_order_of_the_reply(game):
    prompts, replies = game.real(0)
    with no_grad():
        plain, other = game.discriminator(prompts, replies).data, game.discriminator(prompts[::-1], replies).data
        turned = game.discriminator(prompts, replies[:, ::-1]).data
    assert np.abs(plain - other).max() > 1e-4 and np.abs(plain - turned).max() > 1e-4


def test_log_probabilities_are_those_that_words_are_drawn_with(game):
    """Word by word, by hand: the writer's state, attention as a mean over the prompt's words, softmax."""
    g, (prompts, replies) = game.generator, game.real(1)
    with no_grad():
        expected = g(prompts, replies).data
        for row in range(3):
            prompt, reply = prompts[row][prompts[row] != 0], replies[row][replies[row] != 0]
            states, cell = g.reader(prompt[None])
            state, before = (states[-1], cell), 1
            for t, word in enumerate(reply):
                hidden, cell = g.writer(np.array([[before]]), state)
                state, before = (hidden[0], cell), word
                h, s = hidden[0, 0].data, states[:, 0].data
                weights = np.exp(s @ h / np.sqrt(len(h)))
                seen = weights / weights.sum() @ s
                mixed = np.tanh(g.mix.weight.data @ np.concatenate([h, seen]) + g.mix.bias.data)
                scores = g.out.weight.data @ mixed + g.out.bias.data
                np.testing.assert_allclose(expected[row, t], log_softmax(scores, 0)[word], rtol=1e-4)


def test_drawn_replies_follow_the_probabilities():
    """The share of each first word among 4,000 replies to one prompt, against the softmax."""
    game = dialogue.make_game(dialogue.Settings(**TINY))
    g, prompt = game.generator, game.real(0)[0][:1]
    words = len(game.vocabulary)
    with no_grad():
        first = g(np.repeat(prompt, words, 0), np.arange(words)[:, None]).data[:, 0]  # log p of each word
    first[0] = 0  # <pad> costs nothing where a reply is over, and is drawn as any word is: the rest of the sum
    p = np.exp(first)
    p[0] = 1 - p[1:].sum()
    drawn = g.reply(np.repeat(prompt, 4000, 0), np.random.default_rng(0))
    share = np.bincount(drawn[:, 0], minlength=words) / 4000
    assert np.abs(share - p).max() < 5 * np.sqrt(p.max() / 4000)
    over = np.cumsum(drawn == 1, 1) - (drawn == 1) > 0
    assert not drawn[over].any()


# --- the game --------------------------------------------------------------------------------------------------


def test_what_the_step_would_not_heed_is_refused():
    with pytest.raises(ValueError, match="n_critic=2: the training step of this recipe has no such thing"):
        dialogue.Settings(n_critic=2)


def test_phases():
    game = dialogue.make_game(dialogue.Settings(**TINY | {"steps": 20, "imitation": 0.5}))
    rows = [game.step(step) for step in range(20)]
    assert [step for step, row in enumerate(rows) if "d_loss" in row] == list(range(8, 20))
    assert [step for step, row in enumerate(rows) if "reward" in row] == list(range(10, 20))
    assert all(np.isfinite(v) for row in rows for v in row.values())
    assert rows[9]["nll"] < rows[0]["nll"]


def test_reward_makes_replies_that_the_judge_likes_likelier(monkeypatch):
    """With a judge that likes replies which begin with `it`, and them alone, their share must rise."""
    s = dialogue.Settings(**TINY | {"steps": 60, "imitation": 0.0, "reward_weight": 50.0, "learning_rate": 0.01})
    game = dialogue.make_game(s)
    it = game.vocabulary.number["it"]
    likes = lambda judge, prompts, replies: (
        Tensor(np.where(replies[:, :1] == it, 5.0, -5.0).astype(np.float32))
        + (
            0.0 * sum(p.sum() for p in judge.parameters())  # so that D, which learns nothing here, has a gradient
        )
    )
    monkeypatch.setattr(dialogue.PairJudge, "forward", likes)
    prompts = np.repeat(game.real(0)[0], 50, 0)
    share = lambda: (game.generator.reply(prompts, stream(0, "look")) == it)[:, 0].mean()
    before = share()
    for step in range(60):
        game.step(step)
    assert share() > 5 * before


def test_resume_talk_and_scores(tmp_path, capsys, monkeypatch):
    train = ["train", "dialogue", *SET, "--steps", "16"]
    assert main([*train, "--out", str(tmp_path / "whole")]) == 0
    stop = dialogue.Dialogue.step
    with monkeypatch.context() as patch:
        patch.setattr(dialogue.Dialogue, "step", lambda game, k: 1 / 0 if k == 14 else stop(game, k))
        with pytest.raises(ZeroDivisionError):
            main([*train, "--out", str(tmp_path / "broken")])
    assert main(["train", "--resume", "--out", str(tmp_path / "broken")]) == 0
    ends = [(tmp_path / run / "checkpoints" / "step-16.safetensors").read_bytes() for run in ("whole", "broken")]
    assert ends[0] == ends[1]
    assert len((tmp_path / "whole" / "samples" / "step-000016.txt").read_text().splitlines()) == 100
    assert main(["evaluate", str(tmp_path / "whole"), "-n", "50"]) == 0
    printed = capsys.readouterr().out
    assert "right about numbers" in printed and "evenness" in printed
    monkeypatch.setattr("sys.stdin", io.StringIO("What comes after seven?\nxyzzy\n"))
    assert main(["chat", str(tmp_path / "whole")]) == 0
    assert capsys.readouterr().out.count("> ") == 3


def test_own_pairs_sampled_when_their_file_is_gone(tmp_path, capsys):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"wie heißt {a} {b}?\tes heißt {b}.\n" for a, b in itertools.product("abcdefgh", "uvwxyz")))
    run = str(tmp_path / "run")
    assert main(["train", "dialogue", *SET, "--steps", "4", "--data", str(path), "--out", run]) == 0
    path.unlink()
    assert main(["sample", run, "-n", "3", "--out", str(tmp_path / "some.txt")]) == 0
    assert all(line.startswith("wie heißt") for line in (tmp_path / "some.txt").read_text("utf-8").splitlines())
    assert main(["evaluate", run, "-n", "10"]) == 0 and "right" not in capsys.readouterr().out
    path.write_text("a\tb\n" * 10)
    assert main(["train", "dialogue", *SET, "--data", str(path), "--out", str(tmp_path / "few")]) == 2
    assert "add pairs" in capsys.readouterr().err
