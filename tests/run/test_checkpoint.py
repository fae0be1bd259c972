"""Checkpoints: what is saved comes back, what is damaged or foreign is told so, and a resumed run ends at the same bits."""

import json

import numpy as np
import pytest
from point_games import weights
from tiny_runs import digits

from tinygan.backend import stream
from tinygan.run.checkpoint import RunError, load_checkpoint, save_checkpoint
from tinygan.run.folder import Run
from tinygan.run.loop import train


def small_game(**settings):
    return digits.make_game(digits.Settings(steps=6, batch_size=8, hidden=8, features=8, **settings))


def draw_nothing(samples, path):
    assert samples.shape[1:] == (1, 8, 8) and np.abs(samples).max() <= 1


def stop_after(game, steps):
    batch = game.batch

    def interrupted(step):
        if step == steps:
            raise KeyboardInterrupt
        return batch(step)

    game.batch = interrupted


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"objective": "non-saturating", "gamma": 0.0},
        {"context": 3},
        {"penalty": "dragan", "n_critic": 2, "instance_noise": 0.1},
    ],
    ids=str,
)
def test_resumed_run_ends_at_the_same_bits(tmp_path, settings):
    whole = small_game(**settings)
    train(whole, Run.create(tmp_path / "whole", "digits", whole.settings), draw_nothing, progress=False)

    first = small_game(**settings)
    run = Run.create(tmp_path / "broken", "digits", first.settings)
    stop_after(first, 4)
    with pytest.raises(KeyboardInterrupt):
        train(first, run, draw_nothing, progress=False)
    again = small_game(**settings)
    start = run.load(again)
    assert 0 < start <= 4
    train(again, run, draw_nothing, start=start, progress=False)

    expected, found = weights(whole), weights(again)
    assert expected.keys() == found.keys()
    for name in expected:
        assert expected[name].tobytes() == found[name].tobytes(), name
    assert [row["step"] for row in run.rows()] == [row["step"] for row in Run.open(tmp_path / "whole").rows()]


# --- checkpoints -----------------------------------------------------------------------------------------------


def test_checkpoint_keeps_strided_arrays_and_scalars(tmp_path):
    arrays = {"t": np.arange(6.0).reshape(2, 3).T, "s": np.float32(3), "i": np.arange(3)}
    save_checkpoint(tmp_path / "a.safetensors", arrays, step=3, config={"a": [1]})
    found, metadata = load_checkpoint(tmp_path / "a.safetensors")
    for name in arrays:
        np.testing.assert_array_equal(found[name], arrays[name])
        assert found[name].shape == np.shape(arrays[name]) and found[name].dtype == arrays[name].dtype
    assert metadata["step"] == 3 and metadata["config"] == {"a": [1]}
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def damaged(kind, good):
    flipped = bytearray(good)
    flipped[-3] ^= 1
    return {
        "empty": b"",
        "truncated": good[:-7],
        "one bit flipped": bytes(flipped),
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}",
        "huge header": (1 << 62).to_bytes(8, "little") + good[8:],
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "truncated", "one bit flipped", "pickle", "huge header"])
def test_damaged_checkpoint_gets_one_sentence(tmp_path, kind):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {"w": np.ones(5)}, step=1)
    path.write_bytes(damaged(kind, path.read_bytes()))
    with pytest.raises(RunError) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_foreign_checkpoint_and_other_networks_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"w": np.ones(5)}, tmp_path / "b.safetensors")
    with pytest.raises(RunError, match="not written by tinygan"):
        load_checkpoint(tmp_path / "b.safetensors")
    game = small_game()
    run = Run.create(tmp_path / "run", "digits", game.settings)
    run.save(game, 1)
    with pytest.raises(RunError, match="does not fit"):
        run.load(digits.make_game(digits.Settings(hidden=9)))


def test_folder_errors(tmp_path):
    game = small_game()
    run = Run.create(tmp_path / "run", "digits", game.settings)
    with pytest.raises(RunError, match="holds a run already"):
        Run.create(tmp_path / "run", "digits", game.settings)
    with pytest.raises(RunError, match="no checkpoint"):
        run.load(game)
    with pytest.raises(RunError, match="holds no run"):
        Run.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made"):
        Run.create(tmp_path / "file" / "run", "digits", game.settings)
    (run.folder / "config.json").write_text(json.dumps({"recipe": "digits"}))
    with pytest.raises(RunError, match="damaged"):
        _ = run.config


def test_streams_are_functions_of_seed_name_and_step():
    draw = lambda *key: stream(*key).standard_normal(3).tolist()
    assert draw(0, "noise", 7) == draw(0, "noise", 7)
    assert len({str(draw(*key)) for key in [(0, "noise", 7), (1, "noise", 7), (0, "data", 7), (0, "noise", 8)]}) == 4
