"""Your own pictures: folders and arrays are read exactly, or refused in a sentence."""

import gzip

import numpy as np
import pytest
from data_files import folder_of, idx, saved
from PIL import Image

from tinygan.data import DataError, read_pictures

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (5, 8, 12), dtype=np.uint8)
COLOUR = rng.integers(0, 256, (5, 8, 12, 3), dtype=np.uint8)
grey, colour = GREY[:, None] / 255, COLOUR.transpose(0, 3, 1, 2) / 255


def zipped(**arrays):
    def write(path):
        with open(path, "wb") as f:
            np.savez_compressed(f, **arrays)

    return write


def written(data):
    return lambda path: path.write_bytes(data)


in_folders = lambda x: x[[0, 2, 4, 1, 3]]  # by name: those of the folder itself, then those of the one inside
clear = np.concatenate([COLOUR, np.full((5, 8, 12, 1), 0, np.uint8)], 3)
half = np.concatenate([COLOUR, np.full((5, 8, 12, 1), 51, np.uint8)], 3)  # a fifth of it is ink
GOOD = {
    "a folder, grey": (folder_of(GREY), in_folders(grey)),
    "a folder, colour": (folder_of(COLOUR), in_folders(colour)),
    "a folder, grey saved as colour": (folder_of(GREY, mode="RGB"), in_folders(grey)),
    "a folder, palette": (folder_of(GREY // 16 * 16, mode="P"), in_folders(GREY[:, None] // 16 * 16 / 255)),
    "a folder, black and white": (folder_of(GREY // 128 * 255, mode="1"), in_folders(GREY[:, None] // 128)),
    "a folder, 16 bits": (folder_of(GREY.astype(np.uint16) * 257), in_folders(grey)),
    "a folder, transparent": (folder_of(clear), np.ones((5, 1, 8, 12))),
    "a folder, half transparent": (folder_of(half), in_folders(0.2 * colour + 0.8)),
    "npy, grey": (saved(GREY), grey),
    "npy, colour last": (saved(COLOUR), colour),
    "npy, colour first": (saved(COLOUR.transpose(0, 3, 1, 2)), colour),
    "npy, alpha": (saved(half), 0.2 * colour + 0.8),
    "npy, one channel last": (saved(GREY[..., None]), grey),
    "npy, 0 to 1": (saved(colour), colour),
    "npy, -1 to 1": (saved(colour.astype(np.float32) * 2 - 1), colour),
    "npy, 16 bits": (saved(GREY.astype(np.uint16) * 257), grey),
    "npy, int64": (saved(GREY.astype(np.int64)), grey),
    "npy, truth": (saved(GREY > 99), GREY[:, None] > 99),
    "npz beside labels": (zipped(x=COLOUR, y=np.arange(5)), colour),
    "idx": (written(idx(GREY)), grey),
    "idx, gzipped": (written(gzip.compress(idx(GREY))), grey),
}


@pytest.mark.parametrize("case", GOOD)
def test_pictures_are_read_as_they_were_written(case, tmp_path):
    write, expected = GOOD[case]
    write(tmp_path / "it")
    images = read_pictures(tmp_path / "it")
    assert images.dtype == np.float32 and images.shape == expected.shape
    np.testing.assert_allclose(images, expected, atol=1e-3)


def test_jpeg_is_nearly_what_was_written(tmp_path):
    smooth = np.linspace(0, 255, 16 * 16).reshape(1, 16, 16).astype(np.uint8)
    folder_of(smooth, ".JPG")(tmp_path / "it")
    np.testing.assert_allclose(read_pictures(tmp_path / "it")[:, 0], smooth / 255, atol=0.02)


def test_the_middle_square_is_scaled(tmp_path):
    wide = np.zeros((8, 16), np.uint8)
    wide[:, 4:12] = 200  # the middle square, all of one grey
    (tmp_path / "it").mkdir()
    for name, image in (("a", wide), ("b", np.full((30, 20), 200, np.uint8))):
        Image.fromarray(image).save(tmp_path / "it" / f"{name}.png")
    images = read_pictures(tmp_path / "it", size=12)
    assert images.shape == (2, 1, 12, 12)
    np.testing.assert_allclose(images, 200 / 255, atol=1e-5)


def test_a_picture_is_turned_as_its_camera_was(tmp_path):
    picture, exif = Image.fromarray(GREY[0]), Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    (tmp_path / "it").mkdir()
    picture.save(tmp_path / "it" / "a.png", exif=exif)
    np.testing.assert_allclose(read_pictures(tmp_path / "it")[0, 0], np.rot90(GREY[0], -1) / 255, atol=1e-6)


# --- what does not fit -------------------------------------------------------------------------------------------


def of_two_sizes(path):
    folder_of(GREY)(path)
    Image.fromarray(GREY[0, :4]).save(path / "small.png")


def with_a_bad_file(content):
    def write(path):
        folder_of(GREY)(path)
        (path / "bad.png").write_bytes(content)

    return write


def cut_short(write):
    def cut(path):
        write(path)
        path.write_bytes(path.read_bytes()[:-9])

    return cut


def with_a_file_cut_short(path):
    folder_of(rng.integers(0, 256, (1, 64, 64), dtype=np.uint8))(path)
    whole = (path / "0.png").read_bytes()
    (path / "0.png").write_bytes(whole[: len(whole) // 2])


BAD = {
    "nothing": (lambda path: None, "no such file or folder"),
    "an empty folder": (lambda path: path.mkdir(), "no .png, .jpg, .jpeg file in it"),
    "pictures of two sizes": (of_two_sizes, "0.png is 8x12, small.png is 4x12: .* of one size; --set size=32"),
    "text called a picture": (
        with_a_bad_file(b"hello"),
        r"bad\.png: cannot be read as a picture .*repair or remove it",
    ),
    "an empty file": (with_a_bad_file(b""), r"bad\.png: cannot be read as a picture"),
    "a picture cut short": (with_a_file_cut_short, r"0\.png: cannot be read as a picture"),
    "a single picture": (lambda path: Image.fromarray(GREY[0]).save(path, "PNG"), "a single picture; give the folder"),
    "text": (written(b"hello, world"), "expected a folder of"),
    "an empty file by itself": (written(b""), "expected a folder of"),
    "a pickle": (saved(np.array([{}, None])), "Python objects, a pickle"),
    "an array of points": (saved(np.ones((5, 2))), r"an array \(5, 2\): expected \(N, h, w\)"),
    "an array of two channels": (saved(np.ones((5, 2, 8, 8))), r"expected \(N, h, w\)"),
    "no pictures": (saved(np.ones((0, 8, 8))), r"an array \(0, 8, 8\)"),
    "values beyond": (saved(np.full((5, 8, 8), 200.0)), "float64 from 200 to 200: expected whole numbers from 0"),
    "negative integers": (saved(np.full((5, 8, 8), -3)), "int64 from -3 to -3"),
    "not a number": (saved(np.full((5, 8, 8), np.nan)), "float64 from nan to nan"),
    "complex numbers": (saved(np.ones((5, 8, 8), complex)), "an array of complex128"),
    "npy cut short": (cut_short(saved(GREY)), "cannot be read"),
    "npz of two": (zipped(a=GREY, b=COLOUR), r"several arrays that could be pictures \(a, b\).*numpy\.save"),
    "npz of none": (zipped(a=np.ones(3)), "no array of 3 or 4 dimensions"),
    "npz cut short": (cut_short(zipped(a=GREY)), "cannot be read"),
    "idx cut short": (written(idx(GREY)[:-9]), "truncated"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_told_in_one_sentence(case, tmp_path):
    write, says = BAD[case]
    write(tmp_path / "it")
    with pytest.raises(DataError, match=says) as error:
        read_pictures(tmp_path / "it")
    assert str(tmp_path / "it") in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("write", [saved(GREY), folder_of(GREY)], ids=["npy", "folder"])
def test_pictures_beyond_memory_are_refused(write, tmp_path, monkeypatch):
    monkeypatch.setattr("tinygan.data.pictures.own.MOST_BYTES", 100)
    write(tmp_path / "it")
    with pytest.raises(DataError, match="5 pictures of 8x12 take 0.0 GB.*--set size=32"):
        read_pictures(tmp_path / "it")
