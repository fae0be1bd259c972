"""The page of a training: it shows what is written, writes nothing, and the training does not notice."""

import json

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.lab.live import Live
from tinygan.run.checkpoint import RunError

TRAIN = ["train", "ring", "--steps", "40", "--set", "hidden=8", "--set", "batch_size=16"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of the same seed: one was shown while it was trained, by a page that asked again and again."""
    folder = tmp_path_factory.mktemp("runs")
    for name, more in (("plain", []), ("live", ["--live"])):
        assert main([*TRAIN, "--out", str(folder / name), *more]) == 0
    return folder


def content(folder):
    """Every file of a run, without the seconds in its log."""
    files = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    rows = [json.loads(line) for line in files.pop("log.jsonl").splitlines()]
    return files, [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_a_training_that_is_shown_is_the_same_to_the_bit(runs):
    (a, rows), (b, others) = content(runs / "plain"), content(runs / "live")
    assert rows == others and a.keys() == b.keys()
    different = {name for name in a if a[name] != b[name]} - {"curves.png", "lock"}
    assert not different and any("safetensors" in name for name in a)


def test_live_prints_an_address(tmp_path, capsys, monkeypatch):
    import tinygan.lab.server as server

    asked = []

    def serve_run(folder, port=0):
        made = kept(folder, port)
        answer = made.answer
        asked.append(answer({"do": "look"})[0])
        return made

    kept = server.serve_run
    monkeypatch.setattr(server, "serve_run", serve_run)
    assert main([*TRAIN, "--out", str(tmp_path / "run"), "--live"]) == 0
    assert "live: http://127.0.0.1:" in capsys.readouterr().out and asked[0]["recipe"] == "ring"


def test_it_shows_curves_and_the_newest_samples_and_writes_nothing(runs):
    before = content(runs / "plain")
    live = Live(runs / "plain")
    header, block = live.answer({"do": "look", "log": 0, "sample": "", "have": ""})
    assert header["recipe"] == "ring" and header["steps"] == 40
    (_, shape), names = header["arrays"][0], header["names"]
    rows = np.frombuffer(block[: 4 * shape[0] * shape[1]], "<f4").reshape(shape)
    logged = [row for row in before[1] if "event" not in row]
    assert names[:2] == ["d_loss", "g_loss"] and rows[:, 0].tolist() == [row["step"] for row in logged]
    assert rows[:, 1] == pytest.approx([row["d_loss"] for row in logged])
    assert header["sample"] == "step-000040.png"
    assert block[4 * rows.size :] == before[0]["samples/step-000040.png"] and header["content"] == len(block) - 4 * rows.size
    assert content(runs / "plain") == before


def test_what_the_page_has_is_not_sent_again(runs):
    live = Live(runs / "plain")
    header, _ = live.answer({"do": "look"})
    again, block = live.answer({"do": "look", "log": header["log"], "have": header["sample"]})
    assert block == b"" and again["names"] == [] and "recipe" not in again


def test_an_older_sample_can_be_asked_for_and_no_other_file(runs):
    live = Live(runs / "plain")
    assert live.answer({"do": "look", "sample": "step-000005.png"})[0]["sample"] == "step-000005.png"
    for name in ("../config.json", "/etc/passwd", "step-000005.png/../../config.json", "step-9.png", 3):
        header, block = live.answer({"do": "look", "log": live._log_size(), "sample": name})
        assert "sample" not in header and block == b""


def test_a_link_among_the_samples_is_not_followed(runs, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    link = runs / "live" / "samples" / "step-999999.txt"
    link.symlink_to(tmp_path / "secret.txt")
    header, block = Live(runs / "live").answer({"do": "look"})
    link.unlink()
    assert header["error"] and b"secret" not in block


def test_a_folder_without_a_run(tmp_path, capsys):
    with pytest.raises(RunError, match="holds no run"):
        Live(tmp_path)
    assert main(["lab", str(tmp_path), "--no-browser"]) == 2 and "holds no run" in capsys.readouterr().err


def test_a_run_that_vanishes(tmp_path):
    assert main([*TRAIN, "--out", str(tmp_path / "run")]) == 0
    live = Live(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "gone")
    header, _ = live.answer({"do": "look", "log": 5})
    assert header["samples"] == [] and header["log"] == 0 and header["error"]


@pytest.mark.parametrize("message", [None, {}, {"do": "play"}])
def test_what_is_no_question(runs, message):
    with pytest.raises(ValueError, match="look"):
        Live(runs / "plain").answer(message)
