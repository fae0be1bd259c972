"""Runs that tinygan wrote before: their folders open, draw what they drew, and go on to the same end.

`golden/make_old_runs.py` made them with the code of that time: version 1 of config.json, whose settings include what the
training did not read, and checkpoints with former names of the parts of a game.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tinygan import nn
from tinygan.cli import main
from tinygan.gan.players import Game, Player
from tinygan.optim import EMA, Adam
from tinygan.run.checkpoint import load_checkpoint, save_checkpoint
from tinygan.run.folder import FORMER_NAMES, Run
from tinygan.run.settings import RunSettings
from tinygan.text import ways

OLD = Path(__file__).parents[1] / "old_runs"


@pytest.fixture(params=["ring", "names"])
def old(request, tmp_path, monkeypatch):
    """(the folder of an old run, what the old code drew of it)."""
    folder = tmp_path / request.param
    shutil.copytree(OLD / request.param, folder)
    monkeypatch.setattr(ways, "FILTERS", ((2, 2), (3, 2)))  # with which `names` was made
    monkeypatch.setenv("TINYGAN_PROGRESS", "0")
    config = json.loads((folder / "config.json").read_text())
    if "data" in config["settings"]:
        config["settings"]["data"] = str(OLD / "lines.txt")
        (folder / "config.json").write_text(json.dumps(config))
    with np.load(folder / "samples.npz") as samples:
        return folder, dict(samples)


def drawn(folder, n, seed):
    path = folder / "drawn.npy"
    assert main(["sample", str(folder), "-n", str(n), "--seed", str(seed), "--out", str(path)]) == 0
    return np.load(path)


def assert_same(found, expected):
    """To the last bits, which are those of a machine's own products of matrices."""
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_an_old_run_draws_what_it_drew_and_goes_on_to_the_same_end(old, capsys):
    folder, samples = old
    config = json.loads((folder / "config.json").read_text())
    assert "version" not in config
    assert_same(drawn(folder, 8, 1), samples["killed"])
    capsys.readouterr()
    assert main(["train", "--resume", "--out", str(folder)]) == 0
    printed = capsys.readouterr()
    assert "going on at step 4 of 6" in printed.out and not printed.err
    assert_same(drawn(folder, 8, 1), samples["end"])
    assert json.loads((folder / "config.json").read_text())["settings"] == config["settings"]
    assert main(["plot", str(folder)]) == 0
    assert main(["train", "--resume", "--out", str(folder)]) == 0  # from a checkpoint that has the names of now


def test_the_former_names_are_those_of_the_files(old):
    folder, _ = old
    arrays, _ = load_checkpoint(folder / "checkpoints" / "step-4.safetensors")
    found = {name.partition(".")[0] for name in arrays}
    ring = {"generator", "discriminator", "average", "g_optimizer", "d_optimizer"}
    assert found == ring | ({"teacher", "lagged"} if folder.name == "names" else set())


def test_what_version_1_halved_stays_halved(tmp_path):
    run = Run.open(OLD / "ring")
    assert run.config["settings"]["learning_rate"] == 0.0005 and run.config["rewinds"] and run.pace == 1.0


def test_a_run_without_rewinds_learns_at_its_own_pace(tmp_path):
    for rewinds in ([], None):
        run = Run(tmp_path)
        run.write_config({"recipe": "ring", "settings": {}, "rewinds": rewinds})
        assert run.pace == 1.0


def test_what_the_data_taught_has_the_name_of_now():
    assert json.loads((OLD / "names" / "config.json").read_text())["kept"] == Run.open(OLD / "names").config["saved"]
    assert "kept" not in Run.open(OLD / "names").config


def everyone():
    """A game with every part that ever had another name."""

    def player(name, seed, **averages):
        module = nn.Linear(2, 1, rng=seed)
        averages = {label: EMA(nn.Linear(2, 1, rng=number), 0.9) for label, number in averages.items()}
        adam = Adam(module.parameters())
        adam.step([p.data * seed for p in module.parameters()])
        return Player(name, module, adam, averages=averages)

    players = [player("generator", 1, average=2, lagged=3)]
    players += [player(name, seed) for seed, name in enumerate(("discriminator", "imitator", "sorter"), 4)]
    return Game(players, RunSettings())


def state(game):
    return {f"{part}.{k}": np.array(a) for part, owner in game.parts().items() for k, a in owner.state_dict().items()}


@pytest.mark.parametrize("part", FORMER_NAMES)
def test_every_part_is_found_under_each_of_its_former_names(tmp_path, part):
    for former in FORMER_NAMES[part]:
        game, other = everyone(), everyone()
        assert set(FORMER_NAMES) <= set(game.parts())
        run = Run.create(tmp_path / former, "ring", RunSettings())
        path = run.save(game, 3)
        arrays, metadata = load_checkpoint(path)
        renamed = {k.replace(f"{part}.", f"{former}.", 1) if k.startswith(f"{part}.") else k: a for k, a in arrays.items()}
        assert renamed.keys() != arrays.keys()
        save_checkpoint(path, renamed, **{k: v for k, v in metadata.items() if k not in ("tinygan", "format")})
        for owner in other.parts().values():
            owner.load_state_dict({k: np.zeros_like(a) for k, a in owner.state_dict().items()})
        assert run.load(other) == 3
        for name, a in state(game).items():
            np.testing.assert_array_equal(state(other)[name], a)


def test_what_version_2_listed_beside_a_gamma_of_0_is_left_out(tmp_path, capsys):
    run = tmp_path / "run"
    tiny = ["--set", "hidden=4", "--set", "features=4", "--set", "batch_size=8", "--set", "gamma=0"]
    assert main(["train", "digits", "--steps", "1", *tiny, "--out", str(run)]) == 0
    path = run / "config.json"
    config = json.loads(path.read_text())
    assert "penalty_every" not in config["settings"]
    config["settings"] |= {"penalty_every": 4, "gamma_end": 0.0}
    for version, code in ((3, 2), (2, 0)):
        path.write_text(json.dumps({**config, "version": version}))
        assert main(["sample", str(run), "-n", "2"]) == code
    assert "penalty_every=4: this training would not read it" in capsys.readouterr().err
    path.write_text(json.dumps({**config, "version": 2, "settings": {**config["settings"], "hiden": 4}}))
    assert main(["sample", str(run), "-n", "2"]) == 2 and "hiden=4" in capsys.readouterr().err
