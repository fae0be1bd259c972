"""Files are whole or absent; a folder's lock holds while its holder lives, and no longer."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tinygan import files, load, save
from tinygan.files import Locked, Range, Unfit, locked, remove_leftovers, save_array, written_whole

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


@pytest.mark.parametrize("how", ["link", "folder", "pipe"])
def test_what_lies_under_the_name_is_replaced_and_never_written_through(tmp_path, how):
    path, outside = tmp_path / "x", tmp_path / "outside"
    outside.write_text("of somebody")
    {"link": lambda: path.symlink_to(outside), "folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}[how]()
    if how == "folder":
        with pytest.raises(OSError), written_whole(path) as temporary:
            temporary.write_text("whole")
        assert path.is_dir()
    else:
        with written_whole(path) as temporary:
            temporary.write_text("whole")
        assert path.read_text() == "whole" and not path.is_symlink()
    assert outside.read_text() == "of somebody" and {p.name for p in tmp_path.iterdir()} == {"x", "outside"}


def test_a_temporary_name_that_is_taken_is_not_written_to(tmp_path, monkeypatch):
    """Whoever guesses the name, and puts a link there, gains nothing."""
    monkeypatch.setattr(files.os, "urandom", bytes)
    planted = tmp_path / f".{os.getpid()}.{'00' * 8}.x"
    planted.symlink_to(tmp_path / "outside")
    with pytest.raises(FileExistsError), written_whole(tmp_path / "x") as temporary:
        temporary.write_text("whole")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("digits", ["²", "٣", "1" * 30, "", "-1", "1_0"])
def test_a_number_in_a_name_is_of_ascii_digits(digits):
    assert not files.is_number(digits) and files.is_number("0012")


# --- reading -----------------------------------------------------------------------------------------------------


def lay(tmp_path, how):
    """A path at which there is something of this kind."""
    path = tmp_path / "x"
    if how == "device":
        return "/dev/zero"
    make = {
        "file": lambda: path.write_bytes(b"12345"), "folder": path.mkdir, "pipe": lambda: os.mkfifo(path),
        "nothing": lambda: None,
        "sparse": lambda: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 1 << 40),
    }  # fmt: skip
    if how == "link":
        (tmp_path / "other").write_bytes(b"12345")
        path.symlink_to(tmp_path / "other")
    else:
        make[how]()
    return path


@pytest.mark.parametrize(
    "how, says",
    [
        ("link", "it is a link"), ("folder", "Is a directory"), ("pipe", "it is no regular file"),
        ("device", "it is no regular file"), ("nothing", "No such file"),
        ("sparse", "it has 1,099,511,627,776 bytes, and at most 5"),
    ],
)  # fmt: skip
def test_only_small_regular_files_are_read(tmp_path, how, says):
    with pytest.raises(OSError, match=says):
        files.read_bytes(lay(tmp_path, how), 5, follow=False)


def test_regular_files_are_read(tmp_path):
    assert files.read_bytes(lay(tmp_path, "file"), 5, follow=False) == b"12345"
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert files.read_bytes(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="it has 5 bytes, and at most 4 are read"):
        files.read_bytes(tmp_path / "x", 4)


SCHEMA = {"name": str, "n?": Range(0, 9), "share?": Range(0.0, 1.0), "way?": ("a", "b"), "rows?": [{"k": [Range(0, 9)]}]}


@pytest.mark.parametrize(
    "text, says",
    [
        ("[", "it is not JSON"), ("\xff", "it is not JSON"), ("[" * 100_000, "it is not JSON"), ("", "it is not JSON"),
        ('{"name": "", "x": NaN}', "NaN is no number there"), ('{"name": ""} 1', "it is not JSON"),
        ('{"name": "", "x": %s}' % ("9" * 5000), "it is not JSON"),
        ('{"name": "", "x": %s}' % ("[" * 20 + "]" * 20), "lists in lists, more than 16 deep"),
        ("7", "it: expected names with values, not 7"), ("{}", "it: expected an entry 'name'"),
        ('{"name": 7}', "name: expected text, not 7"), ('{"name": null}', "name: expected text, not None"),
        ('{"name": "", "n": true}', "n: expected a whole number from 0 to 9, not True"),
        ('{"name": "", "n": 1.0}', "n: expected a whole number"), ('{"name": "", "n": 10}', "n: expected a whole number"),
        ('{"name": "", "share": 1e999}', "share: expected a number from 0.0 to 1.0, not inf"),
        ('{"name": "", "share": %s}' % ("9" * 400), "share: expected a number from 0.0 to 1.0, not 9{57}[.]{3}$"),
        ('{"name": "", "way": ["a"]}', "way: expected one of a, b, not a list"),
        ('{"name": "", "rows": {}}', "rows: expected a list, not names with values"),
        ('{"name": "", "rows": [{"k": [1, -1]}]}', r"rows\[0\].k\[1\]: expected a whole number from 0 to 9, not -1"),
    ],
)  # fmt: skip
def test_json_of_another_form_is_refused(text, says):
    with pytest.raises(Unfit, match=says):
        files.parse_json(text.encode("latin-1"), SCHEMA)


@pytest.mark.parametrize("text", ['{"name": "x", "more": [1]}', '{"name": "", "n": null, "share": 1, "rows": [{"k": []}]}'])
def test_json_of_the_form_is_read(text):
    assert files.parse_json(text, SCHEMA) == json.loads(text)


def arrays_file(header, payload=b""):
    header = json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + payload


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", "longer than the file"), (b"\xff" * 8, "longer than the file"), (arrays_file([]), "expected names"),
        (arrays_file({"w": ENTRY}), "promises"), (arrays_file({"w": ENTRY}, bytes(9)), "promises"),
        (arrays_file({"w": {**ENTRY, "dtype": "O"}}, bytes(8)), "w.dtype: expected one of F64"),
        (arrays_file({"w": {**ENTRY, "shape": [3]}}, bytes(8)), "is not that of an array of its shape"),
        (arrays_file({"w": {**ENTRY, "shape": [-1, -2]}}, bytes(8)), "expected a whole number from 0"),
        (arrays_file({"w": {**ENTRY, "shape": [True, 2]}}, bytes(8)), "expected a whole number from 0"),
        (arrays_file({"w": ENTRY, "v": ENTRY}, bytes(8)), "is not that of an array of its shape"),  # one place, two arrays
        (arrays_file({"w": {**ENTRY, "shape": [2**47, 2**47]}}, bytes(8)), "is not that of an array of its shape"),
        (arrays_file({"__metadata__": 3, "w": ENTRY}, bytes(8)), "__metadata__: expected names"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_arrays_of_another_form_are_refused(tmp_path, content, says):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(Unfit, match=says), files.open_arrays(tmp_path / "a", 1000) as found:
        found.read()


def test_arrays_are_read_as_safetensors_wrote_them(tmp_path):
    from safetensors.numpy import save_file

    arrays = {
        kind: np.arange(6).reshape(2, 3).astype(kind)
        for kind in "float64 float32 float16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool".split()
    }
    arrays |= {"none": np.zeros((0, 4), np.float32), "number": np.array(3.5)}
    save_file(arrays, tmp_path / "a", {"k": "v"})
    with files.open_arrays(tmp_path / "a", 10_000) as found:
        assert found.metadata == {"k": "v"} and found.shapes == {name: a.shape for name, a in arrays.items()}
        read = found.read()
    assert read.keys() == arrays.keys()
    for name, a in arrays.items():
        assert read[name].dtype == a.dtype
        np.testing.assert_array_equal(read[name], a)


def test_what_a_terminal_would_obey_is_written_out():
    assert files.printable("a\x1b[2J\r\u202e\ud800é中\n") == "a\\x1b[2J\\r\\u202e\\ud800é中\n"
    assert files.sentence("a\nb" + "x" * 5000) == "a b" + "x" * 994 + "..."


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


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such folder to write a.png into") as caught:
        with written_whole(tmp_path / "missing" / "a.png"):
            pass
    assert caught.value.filename == str(tmp_path / "missing")


# --- without safetensors, as in a browser -------------------------------------------------------------------------


def test_saving_without_safetensors_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for use in (lambda path: save({"x": np.ones(2)}, path), load):
        with pytest.raises(ImportError, match=r"pip install safetensors.*np\.savez"):
            use(tmp_path / "x.safetensors")
