"""The command line, called as a user would: what it prints, what it leaves, and its exit codes."""

import json
import os
import re
import subprocess
import sys
import time
import types
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from small_runs import SMALL, set_words

import tinygan
from tinygan import commands, recipes
from tinygan.cli import main
from tinygan.console import SPELL
from tinygan.run.settings import list_groups


def test_train_sample_evaluate_resume(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits", "--steps", "3", "--seed", "1", "--set", "hidden=8", "--set", "batch_size=16"]) == 0
    printed = capsys.readouterr().out
    run = tmp_path / "runs" / "digits"
    for name in ("config.json", "log.jsonl", "curves.png", "samples/step-000003.png", "checkpoints/step-3.safetensors"):
        assert (run / name).is_file(), name
    assert "samples/step-000003.png" in printed and "tinygan evaluate runs/digits" in printed
    config = json.loads((run / "config.json").read_text())
    assert config["recipe"] == "digits" and config["settings"]["hidden"] == 8 and config["settings"]["seed"] == 1

    assert main(["sample", str(run), "-n", "5", "--out", str(tmp_path / "new" / "x.npy")]) == 0
    assert (tmp_path / "new" / "x.npy").is_file()
    assert main(["sample", str(run)]) == 0
    assert (run / "samples" / "seed-0.png").is_file()
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    assert "frechet" in capsys.readouterr().out.lower()
    assert main(["sample", "digits"]) == 2
    assert "did you mean runs/digits?" in capsys.readouterr().err
    assert main(["sample", str(run), "--class", "1"]) == 2
    assert "has no classes" in capsys.readouterr().err
    assert main(["evaluate", str(run), "-n", "1"]) == 2
    assert "tinygan: -n 1: " in (printed := capsys.readouterr().err) and "at least 20" in printed
    assert main(["train", "--resume", "--out", str(run)]) == 0

    assert main(["train", "digits", "--steps", "1", "--set", "hidden=8"]) == 0  # a second run gets a folder of its own
    assert (tmp_path / "runs" / "digits-2" / "config.json").is_file()


@pytest.mark.parametrize(
    "arguments, named",
    [
        (["train", "digts"], "did you mean digits?"),
        (["train", "nothing-like-it"], "expected one of"),
        (["train"], "tinygan list"),
        (["train", "digits", "--set", "hiden=3"], "did you mean hidden?"),
        (["train", "digits", "--set", "hidden"], "KEY=VALUE"),
        (["train", "digits", "--set", "hidden=many"], "expected a whole number"),
        (["train", "digits", "--set", "gamma=much"], "expected a number"),
        (["train", "digits", "--data", "x"], "these have: captions, cgan, "),
        (["train", "digits", "--set", "hidden=0"], "at least 1"),
        (["train", "digits", "--steps", "-4"], "at least 1"),
        (["train", "ring", "--set", "augment=cutout"], "unknown setting 'augment'"),
        (["train", "digits", "--set", "objective=wasserstein", "--set", "gamma=0"], "nothing holds"),
        (
            ["train", "names", "--set", "way=gumbel", "--set", "objective=wasserstein"],  # text has no penalty to advise
            "its loss falls for ever as D grows. Take clip_weights=.01, or a D under nn.spectral_norm, or another objective",
        ),
        (["train", "ring", "--set", "reach=0"], "reach=0.0: all points would lie at 0"),
        (["train", "names", "--set", "way=infill", "--set", "hidden=1"], "hidden 1: expected 2 or more"),
        (["train", "digits", "--device", "gpu"], "expected cpu, or cuda"),
        (["train", "--resume"], "--out"),
        (["train", "--resume", "--out", "x", "--seed", "9"], "leave --set, --seed and --data out"),
        (["train", "--resume", "--out", "x", "--data", "0"], "leave --set, --seed and --data out"),
        (["train", "digits", "--resume", "--out", "x"], "holds no run"),
        (["train", "ring", "--out", os.devnull + "/x"], "cannot be made (Not a directory); choose another with --out"),
        (["sample", "no-such-run"], "holds no run"),
        (["evaluate", "no-such-run"], "holds no run"),
        (["plot", "no-such-run"], "holds no run"),
        (["list", "digts"], "did you mean digits?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_usage_errors_are_one_sentence_and_exit_code_2(arguments, named, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert named in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_are_gone_are_not_said_to_be_too_few_samples(tmp_path, capsys):
    own, run = tmp_path / "own.npy", str(tmp_path / "run")
    np.save(own, np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8))
    small = set_words(SMALL["mnist"])
    assert main(["train", "mnist", "--data", str(own), "--steps", "1", *small, "--out", run]) == 0
    own.unlink()
    capsys.readouterr()
    assert main(["evaluate", run, "-n", "50"]) == 2
    assert capsys.readouterr().err == f"tinygan: {own}: no such file or folder\n"


def test_too_little_memory_is_one_sentence(capsys, monkeypatch):
    def fail(options):
        raise MemoryError("Unable to allocate 455. PiB")

    monkeypatch.setattr(commands, "doctor", fail)
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err == "tinygan: not enough memory (Unable to allocate 455. PiB); take smaller settings\n"


UNREAD = "this training would not read it; with"


@pytest.mark.parametrize(
    "words, named",
    [
        # each was taken once, and trained without it
        ("names --set way=policy --set latent=99", f"latent=99: {UNREAD} way=vae it would"),
        ("names --set gamma=50", "unknown setting 'gamma'"),
        (
            "names --set way=mle --set learning_rate=9",
            f"learning_rate=9.0: {UNREAD} way=policy or way=gumbel or way=infill it would",
        ),
        ("dialogue --set penalty_every=9", "unknown setting 'penalty_every'"),
        ("sines --set judge=cnn --set judge_hidden=999", f"judge_hidden=999: {UNREAD} judge=lstm or judge=gru it would"),
        ("names --set way=vae --set pretrain=5", f"pretrain=5: {UNREAD} way=policy or way=gumbel or way=infill it would"),
        ("names --set way=policy --set reward=constant --set lag=.5", f"lag=0.5: {UNREAD} reward=judge it would"),
        ("digits --set penalty=none --set gamma=1", f"gamma=1.0: {UNREAD} penalty=r1 or penalty=r2 or penalty=r1+r2"),
        ("digits --set gamma=0 --set penalty_every=9", f"penalty_every=9: {UNREAD} gamma given it would"),
        ("digits --set schedule=constant --set decay_from=.2", f"decay_from=0.2: {UNREAD} schedule=linear or"),
        ("digits --set smoothing=.1", f"smoothing=0.1: {UNREAD} objective=minimax or objective=non-saturating"),
        ("names --set way=mle --set smoothing=.1", f"smoothing=0.1: {UNREAD} objective=minimax or"),  # and way=gumbel
        ("digits --set packing=2", "unknown setting 'packing'"),
        ("ring --set codes=0 --set noise_share=.1", f"noise_share=0.1: {UNREAD} codes given it would"),
        ("mnist --set size=32", f"size=32: {UNREAD} data given it would"),
        ("ring --set packing=3", "batch_size=256 does not divide evenly by packing=3: take batch_size=258"),
        (
            "names --steps 5",
            "steps=5: none is left for G in the game, which it begins after step 1560; take more steps, or fewer of"
            " pretrain=1500 and d_pretrain=60",
        ),
        ("ring --set lr=0.1", "unknown setting 'lr'; did you mean learning_rate?"),
    ],
    ids=lambda value: value if "--" in value else "",
)
def test_a_setting_that_the_training_would_not_read_is_refused(words, named, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words.split()]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"tinygan: {named}") and printed.err.count("\n") == 1 and not printed.out
    assert list(tmp_path.iterdir()) == []


def test_plot(tmp_path, capsys):
    from PIL import Image

    run = tmp_path / "run"
    tiny = ["--set", "hidden=4", "--set", "features=4", "--set", "batch_size=8"]
    assert main(["train", "digits", "--steps", "4", *tiny, "--out", str(run)]) == 0
    (run / "curves.png").unlink()
    capsys.readouterr()
    assert main(["plot", str(run)]) == 0
    drawn = ["curves.png", "samples.gif", "between.png", "walk.gif", "nearest.png", "directions.png", "shares.png"]
    assert capsys.readouterr().out.split() == [str(run / name) for name in drawn]
    assert all((run / name).is_file() for name in drawn)
    with Image.open(run / "samples.gif") as animation, Image.open(run / "samples" / "step-000004.png") as last:
        assert animation.n_frames == 4 and animation.size == last.size

    (run / "samples" / "step-000002.png").write_bytes(b"\x89PNG half")
    assert main(["plot", str(run)]) == 2
    assert "step-000002.png is not a picture that can be read" in capsys.readouterr().err
    for path in run.glob("samples/*"):
        path.unlink()
    (run / "log.jsonl").write_text('{"step": 4, "d_')
    for path in run.glob("checkpoints/*"):
        path.unlink()
    assert main(["plot", str(run)]) == 2
    assert "nothing to draw yet" in capsys.readouterr().err


@pytest.mark.parametrize("name, way", [("names", "mle"), ("dialogue", None), ("chorales", None)])
def test_what_has_no_latent_says_so_in_a_line(name, way, tmp_path, capsys):
    run = tmp_path / "run"
    words = set_words({**SMALL[name], **({"way": way} if way else {})})
    assert main(["train", name, "--steps", "2", *words, "--out", str(run)]) == 0
    capsys.readouterr()
    assert main(["plot", str(run)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{name}: there is no latent vector")


def test_sentences_between_sentences(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "names", "--steps", "2", *set_words({**SMALL["names"], "way": "vae"}), "--out", str(run)]) == 0
    assert main(["plot", str(run)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(run / "between.txt")
    lines = (run / "between.txt").read_text("utf-8").split("\n")
    assert len(lines) == 4 * 7 + 3 + 1 and all(lines[k] == "" for k in (7, 15, 23))


def test_points_are_scored_while_they_train_and_truncated_when_sampled(tmp_path, capsys):
    import numpy as np

    run = tmp_path / "run"
    tiny = ["--set", "hidden=4", "--set", "batch_size=8", "--set", "codes=0", "--steps", "100"]
    assert main(["train", "ring", *tiny, "--out", str(run)]) == 0
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert {"modes", "high_quality", "reverse_kl", "g_gradient_norm/0"} <= set(rows[-1])
    capsys.readouterr()
    assert main(["plot", str(run)]) == 0
    assert capsys.readouterr().out.split() == [
        str(run / name) for name in ("curves.png", "gradients.png", "samples.gif", "directions.png")
    ]
    spreads = []
    for truncation in ([], ["--truncation", ".5"]):
        assert main(["sample", str(run), "-n", "300", *truncation, "--out", str(tmp_path / "x.npy")]) == 0
        spreads.append(np.load(tmp_path / "x.npy").std(0).mean())
    assert spreads[1] < 0.6 * spreads[0]
    capsys.readouterr()
    assert main(["sample", str(run), "--truncation", "0"]) == 2
    assert "expected .01 or more" in capsys.readouterr().err


@pytest.mark.parametrize("steps", [199, 200])
def test_samples_that_are_all_alike_are_said(steps, tmp_path, capsys, monkeypatch):
    """A run of fewer than 200 steps shows nothing: G draws what it was born with."""
    run = tmp_path / "run"
    assert main(["train", "ring", "--steps", "1", "--set", "ema=0", "--set", "hidden=4", "--out", str(run)]) == 0
    game, _, opened = commands.open_trained(run, None)
    ways = {"sample": [], "evaluate": ["-n", "20"], "sample --truncation": ["--truncation", "1"]}
    told = lambda: [
        name
        for name, more in ways.items()
        if [main([name.split()[0], str(run), *more])] == [0] and "G has collapsed" in capsys.readouterr().err
    ]
    opened.save(game, steps)
    assert told() == []
    for weight in game.G.average.module.parameters()[-2:]:
        weight.data[:] = 0.5 * (weight.data.ndim == 1)  # whatever z is
    opened.save(game, steps + 1000 * (steps > 199))
    assert told() == (["sample", "evaluate"] if steps > 199 else [])


class FakeWriter:
    """What tensorboardX's SummaryWriter is called with."""

    calls = []

    def __init__(self, folder, purge_step=None):
        self.calls.append((os.path.basename(folder), purge_step))

    def add_scalar(self, name, value, step):
        self.calls.append((name, value, step))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.append("closed")


def test_tensorboard(tmp_path, capsys, monkeypatch):
    tiny = ["--set", "hidden=4", "--set", "features=4", "--set", "batch_size=8"]
    train = ["train", "digits", "--steps", "4", *tiny, "--tensorboard", "--out", str(tmp_path / "run")]
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert main(train) == 2
    assert "pip install tensorboardX" in capsys.readouterr().err and not (tmp_path / "run").exists()
    monkeypatch.setitem(sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=FakeWriter))
    assert main(train) == 0
    (begun, *scalars, closed), rows = FakeWriter.calls, (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert begun == ("tensorboard", None) and closed == "closed"
    rows = [json.loads(row) for row in rows]
    assert scalars == [(k, v, row["step"]) for row in rows for k, v in row.items() if k not in ("step", "seconds")]
    assert len(rows) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["digits", "--tensorboard"], ["mnist"], ["mnist", "--data", "nowhere"], ["ring", "--set", "reach=0.0"],
        ["ring", "--set", "batch_size=33", "--set", "packing=2"], ["ring", "--set", "hidden=10000000"],
        ["digits", "--set", "processes=1000", "--set", "batch_size=1000"], ["digits", "--device", "gpu"],
        ["names", "--set", "way=infill", "--set", "hidden=1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_trained_leaves_no_folder(tmp_path, capsys, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pooch", None)  # nothing is downloaded
    assert main(["train", *arguments, "--steps", "1", "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "run").exists()


def test_list(capsys):
    assert main(["list"]) == 0
    assert "digits" in capsys.readouterr().out
    assert main(["list", "digits"]) == 0
    printed = capsys.readouterr().out
    assert "learning_rate" in printed and "gamma" in printed
    assert "Where D's slope is penalised. One of none, r1, r2, r1+r2, wgan-gp, dragan." in printed


def listed(name, capsys):
    """What `tinygan list RECIPE` prints: [(heading, [(setting, default), ...]), ...]."""
    assert main(["list", name]) == 0
    groups = []
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("  "):
            groups[-1][1].append((line[2:18].strip(), line[19:35].strip()))
            assert line.endswith(".")
        else:
            groups.append((line, []))
    return groups


@pytest.mark.parametrize("name", recipes.names())
def test_the_settings_of_a_recipe_are_listed_by_group(name, capsys):
    usual, groups = recipes.load(name).Settings(), listed(name, capsys)
    headings = [heading for heading, _ in groups]
    first = next((k for k, heading in enumerate(headings) if heading.startswith("With ")), len(headings))
    assert all(heading.startswith("With ") and "=" in heading or heading.endswith(" given") for heading in headings[first:])
    read = dict(pair for _, described in groups[:first] for pair in described)
    assert read == {f.name: str(getattr(usual, f.name)) for f in fields(usual)}  # what is heeded as it comes, and no more
    assert sum(len(described) for _, described in groups[:first]) == len(read)
    others = [key for _, described in groups[first:] for key, _ in described]
    assert not set(others) & set(read)
    groups_of_choices = [group for _, group in list_groups(type(usual).root)]
    assert set(others) | set(read) == {f.name for group in (type(usual), *groups_of_choices) for f in fields(group)}
    assert "Its own" not in headings[1:] and headings[first - 1] == "Settings of every run"


def test_a_recipes_own_settings_are_listed_first(capsys):
    groups = listed("sines", capsys)
    assert groups[0] == ("Its own", [("length", "30"), ("bands", "0")])
    assert groups[1][0] == "Settings of both networks"
    assert ("With judge=lstm or judge=gru", [("verdict", "pooled"), ("judge_hidden", "64")]) in groups
    named = dict(listed("names", capsys))
    assert named["With way=vae"] == [("latent", "16"), ("kl_rises", "0.5"), ("free", "4.0"), ("forget", "0.3")]
    assert ("copies", "0.0") in named["What D says a token is worth"]  # the recipe's default, in a group that a choice brings
    policy = dict(listed("oracle", capsys))["With way=policy"]  # not its usual way
    there, usual = (recipes.load("oracle").Settings.choose(way) for way in ({"way": "policy"}, {}))
    assert dict(policy) == {f.name: str(f.default) for f in fields(there) if not hasattr(usual, f.name)}
    assert len(policy) == len(dict(policy)) and dict(policy)["decay_from"] == "1.0"  # as GameSettings has it


def test_what_nobody_reads_is_not_an_error():
    with subprocess.Popen(
        [sys.executable, "-m", "tinygan", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        program.stdout.close()  # as `tinygan list | head` does
        assert program.stderr.read() == "" and program.wait() == 1


def test_doctor(capsys):
    assert main(["doctor"]) == 0
    assert "numpy" in capsys.readouterr().out.lower()


def test_python_dash_m(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tinygan", "train", "digitz"],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.returncode == 2 and "did you mean digits?" in done.stderr and "Traceback" not in done.stderr


# --- what a terminal gets ------------------------------------------------------------------------------------------


def test_version_and_help(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out == f"tinygan {tinygan.__version__}\n"
    assert main([]) == 0
    assert "COMMAND" in (printed := capsys.readouterr().out) and "evaluate" in printed
    with pytest.raises(SystemExit) as ended:
        main(["list", "--no-browser"])  # JupyterLab's options are for lessons alone
    assert ended.value.code == 2 and "unrecognized arguments: --no-browser" in capsys.readouterr().err


def test_more_samples_than_fit_into_memory_are_refused(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "ring", "--steps", "1", "--out", str(run)]) == 0
    capsys.readouterr()
    for command in ("sample", "evaluate"):
        assert main([command, str(run), "-n", "100000000"]) == 2
        assert "-n 100000000: must be at most 1,000,000" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, proposed",
    [
        ("train ring --lr 0.1", "a setting is given as --set learning_rate=VALUE, and `tinygan list RECIPE` prints all"),
        ("train ring --batch-size=8", "a setting is given as --set batch_size=VALUE"),
        ("train ring --epochs 3", "did you mean --steps?"),
        ("train ring --gpu", "did you mean --device cuda?"),
        ("sample RUN --n 5", "did you mean -n?"),
        ("sample RUN --count 5", "did you mean -n?"),
        ("sample RUN --temprature 5", "did you mean --temperature?"),
        ("plot RUN --count 5", "unrecognized arguments: --count 5\n"),
    ],
)
def test_an_unknown_option_is_answered_by_what_may_be_meant(words, proposed, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2 and proposed in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk", "cp437"])
def test_any_console_can_show_the_recipes(encoding):
    """In processes of their own: pytest's stdout has no encoding to speak of."""
    code = (
        "from tinygan import recipes; from tinygan.cli import main\n"
        "assert not any(main(['list', *name]) for name in [[], *([name] for name in recipes.names())])"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode("ascii", "replace")
    assert "written row by row" in done.stdout.decode(encoding) and "?x" not in done.stdout.decode(encoding)


def test_characters_that_a_console_lacks_are_spelled():
    assert "MMD² ≤ 5 × 10⁻³ – é ± 木".encode("ascii", SPELL) == b"MMD2 <= 5 x 10-3 - e +- ?"


def test_recipes_are_listed_by_medium(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    media = [line for line in lines if not line.startswith(" ")]
    assert media == ["points", "pictures", "translation", "series", "text", "sound", "video"]
    assert len(lines) == len(media) + len(recipes.names())
    assert lines[lines.index("sound") + 1].split()[0] == "chorales"


def test_text_is_printed_on_a_terminal_and_a_path_into_a_pipe(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = set_words(SMALL["names"])
    assert main(["train", "names", "--steps", "2", "--out", "run", "--set", "way=mle", *words]) == 0
    capsys.readouterr()
    for terminal in (False, True):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal, raising=False)
        assert main(["sample", "run", "-n", "3"]) == 0
        printed = capsys.readouterr().out
        text = (tmp_path / "run" / "samples" / "seed-0.txt").read_text("utf-8")
        assert printed == (text if terminal else "") + f"{Path('run/samples/seed-0.txt')}\n"
        assert text.count("\n") == 3


def test_waves_are_written_as_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "sines", "--steps", "1", "--out", "run", *set_words(SMALL["sines"])]) == 0
    assert main(["sample", "run", "-n", "2", "--out", "waves.csv"]) == 0
    assert main(["sample", "run", "-n", "2", "--out", "waves.npy"]) == 0
    waves = np.load(tmp_path / "waves.npy")
    table = np.loadtxt(tmp_path / "waves.csv", delimiter=",", skiprows=1)
    assert (tmp_path / "waves.csv").read_text().startswith("sample,step,value\n0,0,")
    np.testing.assert_allclose(table[:, 2], waves.ravel(), rtol=1e-6)


def test_more_processes_than_cores_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits", "--set", "processes=2000", "--set", "batch_size=4000"]) == 2
    assert "processes=2000: each wants a core of its own, and there are" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_jupyters_own_options_reach_it(tmp_path, monkeypatch):
    from tinygan import lessons

    called = []
    monkeypatch.setattr(lessons, "find_spec", lambda name: name)
    ran = types.SimpleNamespace(returncode=0)
    monkeypatch.setattr(lessons.subprocess, "run", lambda words, **_: called.append(words) or ran)
    assert main(["lessons", str(tmp_path / "course"), "--no-browser", "--port", "9999"]) == 0
    assert called[0][-3:] == ["--no-browser", "--port", "9999"] and called[0][-4].endswith(".ipynb")


def test_no_numpy_warning_reaches_a_user(capsys):
    """A process of its own: here pytest makes errors of warnings."""
    code = (
        "import numpy as np, sys; from tinygan import commands, ops; from tinygan.cli import main\n"
        "commands.doctor = lambda options: print(ops.log(np.zeros(1)), np.exp(np.float32(1000)), np.zeros(0).mean())\n"
        "sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "inf" in done.stdout and done.stderr == ""


def test_training_is_never_silent_for_long(tmp_path, capsys, monkeypatch):
    from tinygan import progress

    monkeypatch.setattr(progress, "QUIET", 0.05)
    monkeypatch.setenv("TINYGAN_PROGRESS", "1")
    game = recipes.load("digits").make_game
    slow = lambda *arguments: time.sleep(0.3) or game(*arguments)
    monkeypatch.setattr(recipes.load("digits"), "make_game", slow)
    words = ["--steps", "300", "--out", str(tmp_path / "run"), *set_words(SMALL["digits"])]
    assert main(["train", "digits", *words]) == 0
    said = capsys.readouterr().err
    assert "reading data and making networks" in said and re.search(r"step \d+ of 300, \d+ s, about \d+ s left\n", said)
