"""The command of the profiler."""

from tinygan.profile.__main__ import main


def test_the_command_prints_its_tables(capsys, monkeypatch):
    monkeypatch.setenv("TINYGAN_THREADS", "3")
    assert main(["ring", "--steps", "1", "--set", "hidden=8"]) == 0
    out = capsys.readouterr().out
    assert "generator.0" in out and "linear" in out and "total" in out and "training: 3." in out
    assert main(["ring", "--steps", "0"]) == 2
    assert main(["nothing"]) == 2
