"""Files are whole or absent; a folder's lock holds while its holder lives, and no longer."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tinygan import files
from tinygan.files import Locked, locked, remove_leftovers, save_array, written_whole

# --- files that are whole or absent ------------------------------------------------------------------------------


def test_a_file_appears_when_it_is_finished(tmp_path):
    path = tmp_path / "x.txt"
    with written_whole(str(path)) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == tmp_path and temporary.suffix == ".txt" and not path.exists()
    assert path.read_text() == "whole" and list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    """A power cut between the two must not leave an empty file under the right name."""
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda number: order.append("flush") or fsync(number))
    monkeypatch.setattr(files.os, "replace", lambda a, b: order.append("rename") or replace(a, b))
    with written_whole(tmp_path / "x") as temporary:
        temporary.write_bytes(b"x")
    assert order == ["flush", "rename"]


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.zeros((0, 2), np.uint8), np.float32(3)], ids=str)
def test_an_array_is_saved_under_the_name_that_was_given(tmp_path, array):
    save_array(tmp_path / "samples", array)  # numpy.save alone would append .npy
    np.testing.assert_array_equal(np.load(tmp_path / "samples"), array)
    assert [p.name for p in tmp_path.iterdir()] == ["samples"]


def test_leftovers_are_files_named_by_a_process(tmp_path):
    for name in (".123.config.json", ".git", ".123", "1.2.x", ".x.1.y"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {".git", ".123", "1.2.x", ".x.1.y"}


# --- the lock ----------------------------------------------------------------------------------------------------


def test_a_lock_is_held_by_one_and_given_back(tmp_path):
    path = tmp_path / "lock"
    with locked(path):
        assert path.read_text() == f"{os.getpid()}\n"
        with pytest.raises(Locked) as refused, locked(path):
            pytest.fail("two holders")
        assert refused.value.pid == os.getpid() and path.exists()  # the second left the first's file alone
    assert not path.exists()
    with locked(path):
        pass


def test_a_lock_is_given_back_by_a_block_that_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "lock"):
        raise ZeroDivisionError
    with locked(tmp_path / "lock"):
        pass


@pytest.mark.parametrize("content, pid", [("", None), ("no number\n", None), ("17\n", 17)], ids=repr)
def test_a_refusal_names_the_process_that_the_file_names(tmp_path, content, pid):
    path = tmp_path / "lock"
    with locked(path):
        path.write_text(content)
        with pytest.raises(Locked) as refused, locked(path):
            pytest.fail("two holders")
        assert refused.value.pid == pid


def test_a_stale_file_locks_nothing(tmp_path):
    path = tmp_path / "lock"
    path.write_text("1\nand more than a number\n")
    with locked(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import sys, time; from tinygan.files import locked\n"
        "with locked(sys.argv[1]): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            with pytest.raises(Locked) as refused, locked(path):
                pytest.fail("two holders")
            assert refused.value.pid == other.pid
        finally:
            other.kill()
    assert path.exists()
    with locked(path):
        pass


def test_a_file_that_its_holder_removes_meanwhile_is_made_again(tmp_path, monkeypatch):
    """Between opening the file and locking it, its holder may have removed it: a lock on it would lock nothing."""
    path, lock = tmp_path / "lock", files._lock

    def lock_a_removed_file(f):
        monkeypatch.setattr(files, "_lock", lock)
        path.unlink()
        lock(f)

    monkeypatch.setattr(files, "_lock", lock_a_removed_file)
    with locked(path):
        assert path.exists()
        with pytest.raises(Locked), locked(path):
            pytest.fail("two holders")
