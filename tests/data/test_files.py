"""Data files: found, downloaded and checked; text files read whole or refused in a sentence."""

import hashlib
import subprocess
import sys

import pytest
from data_files import refused

from tinygan.data import (
    DataError,
    captions,
    find_file,
    names,
    read_lines,
)


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


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_lines(tmp_path / "none")
    with pytest.raises(DataError, match="not a regular file"):
        read_lines(tmp_path)
    with pytest.raises(DataError, match="names.txt: not found"):
        names(folder=tmp_path)
    with pytest.raises(DataError, match="test_coco.txt: not found"):
        captions("test", folder=tmp_path)
