"""`tinygan apply` and `chat`: what a recipe says it answers to, how answers are written, and what is refused."""

import io
from pathlib import Path

import pytest
from small_runs import SMALL, set_words

from tinygan import recipes
from tinygan.cli import main
from tinygan.data import DataError, note

ring = recipes.load("ring")


def echo(game, given, rng):
    """An answer that shows what came in, and that chance is the seed's."""
    if given == "bad":
        raise DataError("'bad': expected something good")
    note(f"{len(given)} characters read")
    return f"{given} {rng.integers(1000)}"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of `ring`, which has been taught to answer."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "ring", "--steps", "1", "--out", "run", *set_words(SMALL["ring"])]) == 0
    monkeypatch.setattr(ring, "respond", echo, raising=False)
    return tmp_path / "run"


def write(answer, path):
    Path(path).write_text(f"written: {answer}")


def test_text_is_printed_and_written_where_it_is_wanted(run, capsys):
    capsys.readouterr()
    assert main(["apply", "run", "a man ___"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("a man ___ ") and printed.out.count("\n") == 1
    assert printed.err == "tinygan: 9 characters read\n"
    assert not (run / "applied").exists()
    assert main(["apply", "run", "a man ___"]) == 0
    assert capsys.readouterr().out == printed.out
    assert main(["apply", "run", "a man ___", "--seed", "1"]) == 0
    assert capsys.readouterr().out != printed.out
    assert main(["apply", "run", "a man ___", "--out", "new/x.txt"]) == 0
    assert capsys.readouterr().out == f"{Path('new/x.txt')}\n" and Path("new/x.txt").read_text() == printed.out


@pytest.mark.parametrize(
    "arguments, name",
    [
        (["a man ___ a horse"], "run/applied/a-man-___-a-horse.png"),
        (["a man", "--seed", "3"], "run/applied/a-man-seed-3.png"),
        (["?!"], "run/applied/answer.png"),
        (["../" * 30 + "x" * 300], f"run/applied/{'x' * 59}.png"),
        (["data/photo of us.jpg"], "run/applied/photo-of-us.png"),
        (["a man", "--out", "table.csv"], "table.csv"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_answers_are_files_named_by_what_was_given(arguments, name, run, capsys, monkeypatch):
    monkeypatch.setattr(ring, "ANSWERS", {".png": write, ".csv": write}, raising=False)
    Path("data").mkdir()
    Path("data/photo of us.jpg").write_text("a photo")
    capsys.readouterr()
    assert main(["apply", "run", *arguments]) == 0
    assert capsys.readouterr().out == f"{Path(name)}\n"
    assert Path(name).read_text().startswith(f"written: {arguments[0]} ")


def test_an_answer_that_may_be_printed_or_drawn(run, capsys, monkeypatch):
    monkeypatch.setattr(ring, "ANSWERS", {".txt": write, ".png": write}, raising=False)
    capsys.readouterr()
    assert main(["apply", "run", "a"]) == 0
    assert capsys.readouterr().out.startswith("written: a ")
    assert main(["apply", "run", "a", "--out", "a.png"]) == 0 and Path("a.png").is_file()


@pytest.mark.parametrize(
    "arguments, named",
    [
        (["run", ""], "INPUT is empty"),
        (["run", " \n"], "INPUT is empty"),
        (["run", "a", "--out", "a.jpg"], "--out a.jpg: expected a name that ends in .txt"),
        (["run", "a.txt", "--out", "run/../a.txt"], "is INPUT itself"),
        (["run", "b:a.txt", "--out", "a.txt"], "is INPUT itself"),
        (["run", "bad"], "'bad': expected something good"),
        (["no-run", "a"], "holds no run"),
        (["run", "two", "words"], "ring answers to INPUT; got 2 inputs. A line of text goes in quotes"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_answered_is_said_in_one_sentence(arguments, named, run, capsys):
    Path("a.txt").write_text("a line")
    before = sorted(Path().rglob("*"))
    capsys.readouterr()
    assert main(["apply", *arguments]) == 2
    printed = capsys.readouterr()
    assert named in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert sorted(Path().rglob("*")) == before and Path("a.txt").read_text() == "a line"


def test_a_recipe_may_answer_to_a_file_and_a_line(run, capsys, monkeypatch):
    def both(game, given, rng):
        clip, line = given
        return f"{Path(clip).read_text()}, {line}"

    monkeypatch.setattr(ring, "respond", both)
    monkeypatch.setattr(ring, "INPUTS", ("CLIP", "SENTENCE"), raising=False)
    monkeypatch.setattr(ring, "ANSWERS", {".gif": write}, raising=False)
    Path("my clip.gif").write_text("a clip")
    capsys.readouterr()
    assert main(["apply", "run", "my clip.gif", "make it blue"]) == 0
    assert capsys.readouterr().out == f"{Path('run/applied/my-clip-make-it-blue.gif')}\n"
    assert Path("run/applied/my-clip-make-it-blue.gif").read_text() == "written: a clip, make it blue"
    for given, says in (
        (["my clip.gif"], "ring answers to CLIP SENTENCE; got 1 inputs"),
        (["my clip.gif", " "], "INPUT is empty"),
        (["my clip.gif", "make it blue", "--out", "my clip.gif"], "is INPUT itself"),
    ):
        assert main(["apply", "run", *given]) == 2
        assert says in capsys.readouterr().err
    assert Path("my clip.gif").read_text() == "a clip"


def test_a_recipe_without_answers_names_those_with(run, capsys, monkeypatch):
    monkeypatch.delattr(ring, "respond")
    for verb in (["apply", "run", "a"], ["chat", "run"]):
        assert main(verb) == 2
        said = capsys.readouterr().err
        assert "run is a run of ring, which" in said and "dialogue" in said and "ring," not in said.partition("which")[2]


def test_a_recipe_that_chats_says_what_to_try(run, capsys, monkeypatch):
    assert main(["chat", "run"]) == 2  # it answers, and does not talk
    assert "does not talk" in capsys.readouterr().err
    monkeypatch.setattr(ring, "CHATS", True, raising=False)
    monkeypatch.setattr(ring, "example", lambda game: "hello", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("a\nb\n"))
    assert main(["chat", "run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("an empty line ends it; try: hello\n> a ") and said.count("> ") == 3


def last_line(capsys):
    return capsys.readouterr().out.splitlines()[-1]


def test_training_ends_by_naming_what_can_be_done_next(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train = ["train", "ring", "--steps", "1", *set_words(SMALL["ring"])]
    assert main([*train, "--out", "a"]) == 0
    assert last_line(capsys) == "next: tinygan evaluate a, tinygan plot a, tinygan sample a"
    monkeypatch.setattr(ring, "respond", echo, raising=False)
    assert main([*train, "--out", "b c"]) == 0
    usual = "next: tinygan evaluate 'b c', tinygan plot 'b c', tinygan sample 'b c'"
    assert last_line(capsys) == f"{usual}, tinygan apply 'b c' INPUT"
    monkeypatch.setattr(ring, "example", lambda game: "a $HOME\x1b", raising=False)
    monkeypatch.setattr(ring, "CHATS", True, raising=False)
    assert main([*train, "--out", "b"]) == 0
    assert last_line(capsys).endswith(r"tinygan chat b, tinygan apply b 'a $HOME\x1b'")
    monkeypatch.setattr(ring, "example", lambda game: ("CLIP", "make it blue"), raising=False)
    assert main([*train, "--out", "d"]) == 0
    assert last_line(capsys).endswith("tinygan apply d CLIP 'make it blue'")
    monkeypatch.setattr(ring, "example", lambda game: None, raising=False)  # by its settings, this run takes nothing
    assert main([*train, "--out", "c"]) == 0
    assert "apply" not in last_line(capsys)
