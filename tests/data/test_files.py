"""Data files: found, downloaded and checked; text files read whole or refused in a sentence."""

import hashlib
import os
import subprocess
import sys
import time

import pytest
from data_files import refused

from tinygan.data import (
    DataError,
    captions,
    find_file,
    gather_notes,
    names,
    note,
    read_chorales,
    read_csv,
    read_idx,
    read_lines,
    read_pairs,
    read_pictures,
)
from tinygan.data.files import open_file


def test_import_needs_numpy_only():
    code = "import sys, tinygan.data; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"pooch", "requests", "matplotlib", "tqdm", "safetensors", "scipy", "cupy"} & set(loaded)


# --- find, download ----------------------------------------------------------------------------------------------

PUT_IT_THERE = "put the file under that name into a folder named by TINYGAN_DATA"


def test_find_file_looks_in_the_folder_then_in_tinygan_data(tmp_path, monkeypatch):
    for folder in ("given", "environment"):
        (tmp_path / folder / "sub").mkdir(parents=True)
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "environment"))
    packed, unpacked = (tmp_path / "environment" / "sub" / name for name in ("file.gz", "file"))
    unpacked.touch()
    assert find_file("sub/file.gz") == unpacked
    packed.touch()
    assert find_file("sub/file.gz") == packed
    refused(lambda: find_file("sub/other"), f"sub/other: not found in {tmp_path / 'environment'}; put the file there")
    refused(  # a folder that was given is not replaced by a download
        lambda: find_file("sub/file.gz", "http://127.0.0.1:9/file.gz", folder=tmp_path / "given"),
        f"sub/file.gz: not found in {tmp_path / 'given'}; put the file there",
    )
    (tmp_path / "given" / "sub" / "file.gz").touch()
    assert find_file("sub/file.gz", folder=tmp_path / "given") == tmp_path / "given" / "sub" / "file.gz"


def test_find_file_without_a_folder_names_the_variable(no_data_folder):
    refused(lambda: find_file("a/b"), f"a/b: not found; {PUT_IT_THERE}")


def test_download_is_checked_kept_and_made_once(no_data_folder, server, tmp_path):
    address, web, asked = server
    (web / "file.gz").write_bytes(b"content")
    sha256 = hashlib.sha256(b"content").hexdigest()
    for _ in range(2):
        path = find_file("sub/file.gz", address + "file.gz", sha256)
        assert path == tmp_path / "cache/tinygan/sub/file.gz" and path.read_bytes() == b"content"
    assert asked == ["/file.gz"]


def test_failed_download_says_where_to_put_the_file(no_data_folder, server, tmp_path, monkeypatch):
    address, web, _ = server
    (web / "file").write_bytes(b"tampered")
    remedy = f"; {PUT_IT_THERE}"
    refused(
        lambda: find_file("sub/file", address + "file", hashlib.sha256(b"content").hexdigest()),
        f"sub/file: not found, nor could {address}file be downloaded (the downloaded file has another SHA-256)"
        + remedy,
    )
    assert not (tmp_path / "cache/tinygan/sub/file").exists()
    refused(lambda: find_file("sub/none", address + "none", "0" * 64), "(HTTPError)" + remedy)
    refused(lambda: find_file("sub/file", "http://127.0.0.1:9/file", "0" * 64), "(ConnectionError)" + remedy)
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pooch", None)
    refused(
        lambda: find_file("sub/file", address + "file"),
        f"sub/file: not found in {tmp_path}, nor could {address}file be",
        "(pooch is not installed); put the file there",
    )


def test_files_are_read_as_lines(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufefffirst\r\n\r\n  second \n床前明月光\ne\u0301te\u0301".encode())
    assert read_lines(path) == ["first", "second", "床前明月光", "été"]


HOSTILE = {
    "empty": (b"", "holds no text"),
    "blank": (b" \n\t\n", "holds no text"),
    "latin-1": ("a\nété".encode("latin-1"), "line 2 is not UTF-8"),
    "utf-16": ("text".encode("utf-16"), "is not UTF-8"),
    "zero bytes": (b"a\0b", "zero bytes"),
    "half a character": ("月".encode()[:2], "line 1 is not UTF-8"),
    "large": (b"a" * 2000, "larger than 1,000 bytes.*split the file"),
}


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(tmp_path, case):
    path = tmp_path / "text.txt"
    path.write_bytes(case[0])
    with pytest.raises(DataError, match=case[1]) as caught:
        read_lines(path, 1000)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


LINES = {  # file: its lines
    "unix": ("a\nb\n", ["a", "b"]),
    "windows": ("a\r\nb\r\n\r\n", ["a", "b"]),
    "old Macintosh": ("a\rb\r", ["a", "b"]),
    "all three": ("a\nb\rc\r\nd", ["a", "b", "c", "d"]),
    "a line separator is a character": ("a\u2028b\u2029c\n", ["a\u2028b\u2029c"]),
    "so is next line": ("a\x85b\n", ["a\x85b"]),
    "form feeds and their like": ("a\x0cb\x0bc\n", ["a\x0cb\x0bc"]),
    "information separators go": ("a\x1cb\x1dc\x1ed\n", ["abcd"]),
    "escape sequences lose their escape": ("\x1b[31mred\n", ["[31mred"]),
    "marks that nobody sees": ("\ufeffa\u200b\u00adb\n\u200b\n\u2060\u202e\n", ["ab"]),
    "joiners are part of words": ("نمی\u200cخواهم\n", ["نمی\u200cخواهم"]),
    "but no words": ("\u200d\n\u200c \ufe0f\na\n", ["a"]),
    "fillers": ("\u3164\n\u2800\nb\n", ["b"]),
}


@pytest.mark.parametrize("case", LINES)
def test_lines_end_where_editors_end_them_and_hold_what_is_seen(case, tmp_path):
    text, lines = LINES[case]
    (tmp_path / "it").write_bytes(text.encode())
    assert read_lines(tmp_path / "it") == lines


def test_what_nobody_sees_is_said(tmp_path):
    (tmp_path / "it").write_text("a\u200bb\nc\u200b\n", "utf-8")
    with gather_notes() as notes:
        read_lines(tmp_path / "it")
    assert notes == ["left out: 2 characters that nobody sees, such as zero-width spaces, of it"]


def test_sentences_of_paragraphs(tmp_path):
    text = "One. Two \ngoes on! \"Three?\" he said…\n\nFour\n\n床前明月\n光。疑是地上霜。\n"
    (tmp_path / "it").write_text(text, "utf-8")
    sentences = ["One.", "Two goes on!", '"Three?"', "he said…", "Four", "床前明月光。", "疑是地上霜。"]
    assert read_lines(tmp_path / "it", by="sentence") == sentences


@pytest.mark.parametrize("mark", ["\u0301", "\u0323\u0301", "\U0001d165\u20d0"])
def test_a_heap_of_accents_is_refused_at_once(mark, tmp_path):
    (tmp_path / "it").write_text("b\na" + mark * 400_000, "utf-8")
    begun = time.process_time()
    with pytest.raises(DataError, match="line 2 has more than 100 accents on one letter"):
        read_lines(tmp_path / "it")
    assert time.process_time() - begun < 5
    (tmp_path / "it").write_text("a" + "\u0301" * 50, "utf-8")
    assert len(read_lines(tmp_path / "it")[0]) == 50


def test_more_lines_than_memory_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tinygan.data.files.MOST_LINES", 10)
    (tmp_path / "it").write_text("a\n" * 11)
    with pytest.raises(DataError, match="more than 10 lines"):
        read_lines(tmp_path / "it")


def test_pipes_and_devices_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    readers = [read_lines, read_idx, read_csv, read_pictures, read_pairs, read_chorales]
    for read in readers:
        for path in (tmp_path / "pipe", "/dev/zero", "/dev/tty"):
            with pytest.raises(DataError, match="is not a regular file|cannot be read|no such file"):
                read(path)


def test_errors_of_a_reader_are_not_taken_for_errors_of_the_file(tmp_path):
    (tmp_path / "it").write_text("1")
    with pytest.raises(ValueError, match="^mine$"), open_file(tmp_path / "it"):
        raise ValueError("mine")
    with pytest.raises(DataError, match=r"it: cannot be read \(Input/output error\)"), open_file(tmp_path / "it"):
        raise OSError(5, "Input/output error")


def test_what_is_said_is_one_printable_line(tmp_path):
    path = tmp_path / "a\x1b[31m\nb\u202e"
    for read in (read_lines, read_idx, read_csv, read_pictures, read_pairs, read_chorales):
        with pytest.raises(DataError) as error:
            read(path)
        assert str(error.value).isprintable() and "\\x1b[31m\\nb\\u202e" in str(error.value)
    with gather_notes() as notes:
        note("a\x1b\nb")
    assert notes == ["a\\x1b\\nb"]
    note("nobody hears this")
    assert len(notes) == 1


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_lines(tmp_path / "none")
    with pytest.raises(DataError, match="not a regular file"):
        read_lines(tmp_path)
    with pytest.raises(DataError, match="names.txt: not found"):
        names(folder=tmp_path)
    with pytest.raises(DataError, match="test_coco.txt: not found"):
        captions("test", folder=tmp_path)
