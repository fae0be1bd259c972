"""What may happen to a run's folder: full disks, damaged and foreign files, two processes at once.

Each is one sentence, the last good checkpoint is never harmed, and the run that goes on ends at the bytes of the unbroken.
"""

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import SET, contents, go_on, one_sentence, tiny_game, trained

from tinygan.cli import main
from tinygan.files import remove_leftovers
from tinygan.run import folder
from tinygan.run.checkpoint import FORMAT, RunError, load_checkpoint, save_checkpoint
from tinygan.run.folder import Run


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """All that an undisturbed run leaves."""
    return contents(trained(tmp_path_factory.mktemp("unbroken") / "run").folder)


# --- checkpoints that are not what they should be ----------------------------------------------------------------


def truncate(path):
    path.write_bytes(path.read_bytes()[:-7])


def flip_a_bit_of_the_weights(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def flip_a_bit_of_the_step(path):
    content = path.read_bytes()
    assert content.count(b'\\"step\\": 6') == 1
    path.write_bytes(content.replace(b'\\"step\\": 6', b'\\"step\\": 4'))


def huge_header(path):
    path.write_bytes((1 << 62).to_bytes(8, "little") + path.read_bytes()[8:])


def pickled(path):
    path.write_bytes(pickle.dumps({"w": np.ones(3)}))


def zipped_pickle(path):
    path.write_bytes(b"PK\x03\x04" + bytes(200))


def foreign(path):
    from safetensors.numpy import save_file

    save_file({"w": np.ones(5)}, path, {"format": "pt", "tinygan": "no json"})


def resave(path, arrays=None, **metadata):
    found, information = load_checkpoint(path)
    information = {key: value for key, value in information.items() if key not in ("tinygan", "format")}
    save_checkpoint(path, found if arrays is None else arrays, **{**information, **metadata})


def of_the_future(path):
    resave(path, format=FORMAT + 1)


def of_another_recipe(path):
    resave(path, recipe="mnist-rows")


def of_other_networks(path):
    resave(path, {name: a for name, a in load_checkpoint(path)[0].items() if "fc1" not in name})


def a_folder(path):
    path.unlink()
    path.mkdir()


FALLS_BACK = {
    Path.unlink: None,  # then `latest` names a file that is missing, and nothing is to be said
    truncate: "no readable safetensors file",
    flip_a_bit_of_the_weights: "is damaged",
    flip_a_bit_of_the_step: "is damaged",
    huge_header: "no readable safetensors file",
    pickled: "is a pickle.*runs whatever code it holds",
    zipped_pickle: "is a pickle",
    foreign: "was not written by tinygan",
}
STOPS = {
    of_the_future: "newer tinygan.*upgrade",
    of_another_recipe: "is of mnist-rows, and this is a run of digits",
    of_other_networks: "does not fit the networks",
    a_folder: "cannot be read: Is a directory",
}


def name_of(value):
    return value.__name__.replace("_", " ") if callable(value) else None


@pytest.mark.parametrize("damage", FALLS_BACK, ids=name_of)
def test_a_checkpoint_that_is_no_good_is_passed_over(tmp_path, damage, unbroken):
    run = trained(tmp_path / "run")
    newest, older = run.checkpoints()
    good = older.read_bytes()
    damage(newest)
    with_damage = newest.read_bytes() if newest.exists() else None
    start, notes = go_on(run.folder)
    assert start == 3
    if FALLS_BACK[damage]:
        (note,) = notes
        with pytest.raises(RunError, match=FALLS_BACK[damage]) as error:
            raise RunError(note)
        assert str(newest) in one_sentence(error)
    found = contents(run.folder)
    assert found.pop("checkpoints/step-6.safetensors.damaged", None) == with_damage
    assert found == unbroken
    assert older.read_bytes() == good


@pytest.mark.parametrize("damage", STOPS, ids=name_of)
def test_a_checkpoint_that_may_be_good_is_left_alone(tmp_path, damage):
    run = trained(tmp_path / "run")
    damage(run.checkpoints()[0])
    before = contents(run.folder)
    with pytest.raises(RunError, match=STOPS[damage]) as error:
        go_on(run.folder)
    one_sentence(error)
    assert contents(run.folder) == before


@pytest.mark.parametrize("damage", [d for d in FALLS_BACK if FALLS_BACK[d]], ids=name_of)
def test_a_run_with_no_good_checkpoint_is_left_alone(tmp_path, damage):
    run = trained(tmp_path / "run")
    for path in run.checkpoints():
        damage(path) if damage is not flip_a_bit_of_the_step else truncate(path)
    before = contents(run.folder)
    with pytest.raises(RunError, match="no other checkpoint that is good") as error:
        go_on(run.folder)
    one_sentence(error)
    assert contents(run.folder) == before


@pytest.mark.parametrize("damage", [*FALLS_BACK, *STOPS], ids=name_of)
def test_the_command_line_says_it_in_one_sentence(tmp_path, damage, capsys):
    run = trained(tmp_path / "run")
    damage(run.checkpoints()[0])
    code = main(["sample", str(run.folder), "--out", str(tmp_path / "x.npy")])
    printed = capsys.readouterr().err
    assert code == (0 if damage in FALLS_BACK else 2)
    assert printed.count("\n") == (1 if (FALLS_BACK | STOPS)[damage] else 0) and "Traceback" not in printed


def test_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {"w": np.ones(5, np.float32), "b": np.arange(3)}, step=1, settings={"steps": 6})
    good = path.read_bytes()
    for bit in range(8 * len(good)):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(RunError):
            load_checkpoint(path)


def test_equal_checkpoints_are_equal_files(tmp_path):
    for name in "ab":
        save_checkpoint(tmp_path / name, {k: np.ones(3) for k in "uvw"}, step=1, recipe="digits", settings={})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\xff\xfe\x00", b"step-99.safetensors\n", b"../../../etc/passwd", b"step-x.safetensors"],
    ids=str,
)
def test_latest_may_be_missing_or_wrong(tmp_path, content, unbroken):
    run = trained(tmp_path / "run")
    latest = run.folder / "checkpoints" / "latest"
    latest.unlink() if content is None else latest.write_bytes(content)
    assert go_on(run.folder)[0] == 6
    latest.write_bytes(b"step-3.safetensors")  # by hand: back to an older one
    assert go_on(run.folder)[0] == 3
    assert contents(run.folder) == unbroken


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    run, game = Run.create(tmp_path / "run", "digits", tiny_game().settings), tiny_game()
    game.G.parameters[0].data[0] = np.nan
    with pytest.raises(FloatingPointError, match="the generator's fc1.weight is no longer finite"):
        run.save(game, 1)
    assert run.checkpoints() == []


# --- disks and folders -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_disk_that_fails_at_any_moment(tmp_path, monkeypatch, function, number, unbroken):
    real, failures = getattr(os, function), 0
    for moment in range(1, 20):
        calls = []

        def failing(*arguments, calls=calls, moment=moment):
            calls.append(arguments)
            if len(calls) == moment:
                raise OSError(number, os.strerror(number))
            return real(*arguments)

        folder = tmp_path / f"run-{moment}"
        monkeypatch.setattr(os, function, failing)
        try:
            trained(folder)
        except RunError as error:
            assert os.strerror(number) in str(error) and "is there space" in str(error) and "\n" not in str(error)
            failures += 1
        monkeypatch.setattr(os, function, real)
        if len(calls) < moment:
            break
        assert not list(folder.rglob(".*")), "temporary files are left"
        if (folder / "config.json").exists():
            go_on(folder)
        else:
            trained(folder)
        assert contents(folder) == unbroken
    assert failures == 7  # config; picture, checkpoint and latest of steps 3 and 6


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_under_the_log(tmp_path, monkeypatch):
    run = trained(tmp_path / "run")
    before = contents(run.folder)
    monkeypatch.setattr(folder, "open_to_append", lambda path: open("/dev/full", "ab"))
    with pytest.raises(RunError, match="log.jsonl could not be written .No space left") as error:
        run.log({"step": 7})
    one_sentence(error)
    after = {name: (run.folder / name).read_bytes() for name in before if name != "log"}
    assert all(after[name] == before[name] for name in after)


@pytest.mark.parametrize("arguments", [["train", "digits", *SET, "--steps", "1"], ["train", "--resume"]], ids=" ".join)
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, arguments, capsys, monkeypatch):
    folder = tmp_path / "run"
    if "--resume" in arguments:
        trained(folder)

    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", denied)  # root may write everywhere, so that chmod would not do
    assert main([*arguments, "--out", str(folder)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("tinygan: ") and "Permission denied" in printed and printed.count("\n") == 1


def test_a_log_line_that_was_cut_short_is_left_out(tmp_path, unbroken):
    run = trained(tmp_path / "run")
    with open(run.folder / "log.jsonl", "a") as f:
        f.write('{"step": 7, "d_lo')
    assert [row["step"] for row in run.rows()] == [3, 6]
    with open(run.folder / "log.jsonl", "ab") as f:
        f.write(b'\n\xff\xfe\n3\n{"no": 1}\n')
    assert [row["step"] for row in run.rows()] == [3, 6]
    go_on(run.folder)
    assert contents(run.folder) == unbroken


def test_leftovers_of_killed_writes_are_removed_and_nothing_else(tmp_path, unbroken):
    run = trained(tmp_path / "run")
    for name in (".123.config.json", "checkpoints/.99999.step-6.safetensors", "samples/.1.step-000003.png"):
        (run.folder / name).write_text("half")
    go_on(run.folder)
    assert contents(run.folder) == unbroken
    for name in (".git", ".123", "1.2.x"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"run", ".git", ".123", "1.2.x"}


def test_a_checkpoint_that_a_kill_left_behind_is_removed(tmp_path, unbroken):
    """Killed after the last checkpoint was written and before the oldest was removed: there is no later save to do it."""
    run = trained(tmp_path / "run")
    arrays, metadata = load_checkpoint(run.folder / "checkpoints" / "step-3.safetensors")
    save_checkpoint(run.folder / "checkpoints" / "step-2.safetensors", arrays, **metadata | {"step": 2})
    assert go_on(run.folder) == (6, [])
    assert contents(run.folder) == unbroken


def test_a_run_killed_before_its_first_checkpoint_begins_again(tmp_path, unbroken):
    run = Run.create(tmp_path / "run", "digits", tiny_game().settings)
    assert go_on(run.folder) == (0, [])
    assert contents(run.folder) == unbroken


def test_a_folder_that_was_removed_is_made_again(tmp_path, unbroken):
    run = trained(tmp_path / "run")
    for path in (run.folder / "samples").iterdir():
        path.unlink()
    (run.folder / "samples").rmdir()
    (run.folder / "checkpoints" / "step-6.safetensors").unlink()
    go_on(run.folder)
    found = contents(run.folder)
    assert found.keys() == unbroken.keys() - {"samples/step-000003.png"}
    assert all(found[name] == unbroken[name] for name in found)


def test_reading_a_run_changes_nothing(tmp_path):
    run = trained(tmp_path / "run")
    run.log({"step": 9})
    before = contents(run.folder)
    assert run.load(tiny_game()) == 6
    assert contents(run.folder) == before


# --- runs that are in the way ------------------------------------------------------------------------------------


def test_another_run_in_the_folder(tmp_path, capsys):
    run = trained(tmp_path / "run")
    before = contents(run.folder)
    config = run.config

    def says(*arguments):
        assert main([*arguments, "--out", str(run.folder)]) == 2
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1
        return printed

    assert "holds a run already, of digits" in says("train", "digits")
    assert "is a run of digits, not of mnist-rows" in says("train", "mnist-rows", "--resume")
    assert contents(run.folder) == before
    run.write_config({**config, "recipe": "chess"})
    assert "unknown recipe 'chess'" in says("train", "--resume")
    run.write_config({**config, "settings": {**config["settings"], "pawns": 8}})
    assert "does not fit the recipe digits" in says("train", "--resume")
    run.write_config({**config, "settings": {**config["settings"], "hidden": 5}})
    assert "does not fit the networks" in says("train", "--resume")
    run.write_config({**config, "version": 99})
    assert "written by a newer tinygan" in says("train", "--resume")
    run.write_config({**config, "version": "two"})
    assert "config.json is damaged" in says("train", "--resume")
    (run.folder / "config.json").write_text("{")
    assert "config.json is damaged" in says("train", "--resume")
    (run.folder / "config.json").unlink()
    assert "holds no run" in says("train", "--resume")
    assert "checkpoints of a run whose config.json is gone" in says("train", "digits")


HOLD = """
import sys, time
from tinygan.run.folder import Run
with Run.open(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_in_one_folder(tmp_path, capsys, unbroken):
    run = trained(tmp_path / "run")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(run.folder)], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            before = contents(run.folder)
            assert main(["train", "--resume", "--out", str(run.folder)]) == 2
            printed = capsys.readouterr().err
            assert f"is being trained by process {other.pid}" in printed and printed.count("\n") == 1
            assert contents(run.folder) == before
            assert main(["sample", str(run.folder), "--out", str(tmp_path / "x.npy")]) == 0  # reading is free
        finally:
            other.kill()
    assert (run.folder / "lock").exists()  # stale: its holder is dead
    assert go_on(run.folder)[0] == 6
    assert contents(run.folder) == unbroken


@pytest.mark.parametrize("content", ["1\n", f"{os.getpid()}\n", "no number", ""], ids=["init", "own", "no number", "empty"])
def test_a_stale_lock_holds_nobody(tmp_path, content, unbroken):
    run = trained(tmp_path / "run")
    (run.folder / "lock").write_text(content)
    go_on(run.folder)
    assert contents(run.folder) == unbroken


@pytest.mark.parametrize(
    "damage", [{"rewinds": "twice"}, {"rewinds": [{"pace": "x"}]}, {"rewinds": [{"pace": 0}]}, {"on_nan": "bogus"}], ids=str
)
def test_a_config_with_nonsense_in_it_is_damaged(tmp_path, damage):
    run = Run.create(tmp_path / "run", "digits", tiny_game().settings)
    run.write_config({**run.config, **damage})
    with pytest.raises(RunError, match="config.json is damaged") as error:
        _ = run.config
    one_sentence(error)
