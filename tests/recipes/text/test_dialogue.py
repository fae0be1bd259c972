"""Dialogue: attention and padding, resuming, chat, pairs of a reader's own. `tests/gan/test_replies.py` has the game."""

import io
import itertools

import numpy as np
import pytest
from small_runs import SMALL, set_words, small_game

from tinygan import recipes
from tinygan.autodiff import no_grad
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import gather_notes
from tinygan.ops import log_softmax

SET = set_words(SMALL["dialogue"])
dialogue = recipes.load("dialogue")


# --- the players -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def game():
    return small_game("dialogue")


def test_padding_changes_no_verdict_and_no_reply(game):
    replies, (prompts,) = game.batch(0)
    wider = lambda rows: np.pad(rows, ((0, 0), (0, 3)))
    with no_grad():
        narrow = game.D.module(prompts, replies), game.G.module(prompts, replies)
        wide = game.D.module(wider(prompts), wider(replies)), game.G.module(wider(prompts), wider(replies))
    np.testing.assert_allclose(narrow[0].data, wide[0].data, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(narrow[1].data, wide[1].data[:, :-3], rtol=1e-4, atol=1e-5)
    assert not wide[1].data[:, -3:].any()


def test_the_verdict_hangs_on_the_prompt_and_on_the_order_of_the_reply(game):
    replies, (prompts,) = game.batch(0)
    with no_grad():
        plain, other = game.D.module(prompts, replies).data, game.D.module(prompts[::-1], replies).data
        turned = game.D.module(prompts, replies[:, ::-1]).data
    assert np.abs(plain - other).max() > 1e-4 and np.abs(plain - turned).max() > 1e-4


def test_log_probabilities_are_those_that_words_are_drawn_with(game):
    """Word by word, by hand: the writer's state, attention as a mean over the prompt's words, softmax."""
    g, (replies, (prompts,)) = game.G.module, game.batch(1)
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
    game = small_game("dialogue")
    g, prompt = game.G.module, game.batch(0).given[0][:1]
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


def test_the_judge_reads_the_prompt_and_goes_on_to_the_reply(game):
    """By hand: one LSTM over the words of both, a linear verdict of its last state."""
    d, (replies, (prompts,)) = game.D.module, game.batch(2)
    found = d(prompts, replies).numpy()
    cell = d.reader.cell
    sigma = lambda a: 1 / (1 + np.exp(-a))
    for row in range(4):
        h = c = np.zeros(10)
        for word in [*prompts[row][prompts[row] != 0], *replies[row][replies[row] != 0]]:
            x = d.reader.words.weight.data[word]
            gates = cell.weight_ih.data @ x + cell.bias_ih.data + cell.weight_hh.data @ h + cell.bias_hh.data
            i, f, g, o = np.split(gates, 4)
            c = sigma(f) * c + sigma(i) * np.tanh(g)
            h = sigma(o) * np.tanh(c)
        assert found[row, 0] == pytest.approx(h @ d.verdict.weight.data[0] + d.verdict.bias.data[0], abs=1e-5)


# --- the game --------------------------------------------------------------------------------------------------


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


def test_a_long_pair_is_left_out_and_said(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"question {k}\tanswer {k}\n" for k in range(40)) + "a\t" + "b " * 10_000 + "\n")
    with gather_notes() as notes:
        game = small_game("dialogue", data=str(path))
    assert max(game.saved["longest"]) == 3
    assert notes == [
        "left out: 1 of 41 pairs that have more than 100 words in prompt or reply; --set longest=10000 takes them in",
        f"40 pairs of {path}, in small letters; 4 held out with their prompts",
    ]


def test_words_that_were_never_read_are_said_and_long_prompts_too():
    game = small_game("dialogue")
    respond = lambda given: dialogue.respond(game, given, stream(0, "apply"))
    assert respond(dialogue.example(game))
    with gather_notes() as notes:
        respond("what is a Zyzzyva ?")
    assert notes == ["words that this run has never read: zyzzyva"]
    with gather_notes() as notes:
        assert respond("what is " * 40)
    assert len(notes) == 1 and notes[0].startswith(f"cut to {game.asked.shape[1] - 1} words")
