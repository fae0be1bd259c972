"""Your own pictures: folders and arrays are read exactly, or refused in a sentence."""

import gzip
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from data_files import folder_of, idx, saved
from PIL import Image

from tinygan.data import DataError, gather_notes, read_classes, read_pictures, read_sides

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


def in_folder(content, name="0.png"):
    def write(path):
        path.mkdir()
        (path / name).write_bytes(content)

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
    "an empty folder": (lambda path: path.mkdir(), "no .png, .jpg, .jpeg, .webp, .bmp, .gif, .tif, .tiff file in it"),
    "pictures of two sizes": (of_two_sizes, "0.png is 8x12, small.png is 4x12: .* of one size; --set size=32"),
    "text called a picture": (
        in_folder(b"hello"),
        r"none of 1 picture files can be read; 0\.png: cannot be read as a picture \(it is none of PNG, .*or remove it",
    ),
    "an empty file": (in_folder(b""), r"0\.png: cannot be read as a picture"),
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
    monkeypatch.setattr("tinygan.data.pictures.fitting.MOST_BYTES", 100)
    write(tmp_path / "it")
    with pytest.raises(DataError, match="5 pictures of 8x12 take 0.00 GB.*--set size=32"):
        read_pictures(tmp_path / "it")


# --- what strangers put there: refused before it takes memory ----------------------------------------------------


def png(width, height, data=b""):
    """The bytes of a grey PNG file whose header promises this size."""
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def npy(descr, shape, data=b"", version=(1, 0)):
    """The bytes of a NumPy file with this header."""
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(header)) + header.encode() + data


def in_zip(content, compression=zipfile.ZIP_DEFLATED, **changed):
    """write(path): a .npz file with one member; changed: bytes of its headers, by name."""

    def write(path):
        with zipfile.ZipFile(path, "w", compression) as members:
            members.writestr("a.npy", content)
        data = bytearray(path.read_bytes())
        for start, offset in ((data.index(b"PK\x03\x04"), 6), (data.index(b"PK\x01\x02"), 8)):
            if "flags" in changed:
                data[start + offset] |= changed["flags"]
            if "method" in changed:
                data[start + offset + 2] = changed["method"]
        path.write_bytes(data)

    return write


GREY_NPY = npy("|u1", GREY.shape, GREY.tobytes())
HOSTILE = {
    "a picture bomb": (in_folder(png(20_000, 20_000, bytes(20_001 * 2_000))), "more pixels than the 33,554,432"),
    "a smaller one": (in_folder(png(4000, 4000, bytes(4001 * 400))), "16,000,000 pixels, more than the 4,194,304"),
    "a wide one": (in_folder(png(2**31 - 1, 1)), "more pixels than the 33,554,432"),
    "a picture of no size": (in_folder(png(0, 5)), "cannot be read as a picture"),
    "a BMP that promises more": (
        in_folder(b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 2**30, 2**20, 1, 24, 0, 0, 0, 0, 0, 0), "0.bmp"),
        "more pixels than the",
    ),
    "PostScript by another name": (in_folder(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n"), "it is none of PNG"),
    "npy that promises more": (written(npy("|u1", (10**6, 8, 8), b"few")), "64,000,000 bytes, and it has"),
    "npy that promises terabytes": (written(npy("<f8", (10**6, 1000, 1000))), "more than the 0.25 that are read"),
    "npy of a negative size": (written(npy("|u1", (-1, 8, 8))), "its shape is"),
    "npy of objects": (written(npy("|O", (5, 8, 8), b"cos\nsystem\n")), "Python objects, a pickle"),
    "npy of records with objects": (written(npy([("a", "|O"), ("b", "<i4")], (5, 8, 8))), "Python objects, a pickle"),
    "npy of words": (written(npy("<U3", (5, 8, 8), bytes(5 * 8 * 8 * 12))), "expected numbers"),
    "npy of a version to come": (written(npy("|u1", (5, 8, 8), version=(9, 0))), r"its version is \(9, 0\)"),
    "npy whose header is code": (written(npy("|u1", "__import__('os').abort()")), "cannot be read"),
    "an encrypted npz": (in_zip(GREY_NPY, flags=1), "'a.npy' in it is encrypted"),
    "an unknown compression": (in_zip(GREY_NPY, method=97), "cannot be read"),
    "an npz bomb": (in_zip(npy("|u1", (100, 1000, 1000), bytes(10**8))), "more than the 0.25 that are read from"),
    "an npz that promises more": (in_zip(npy("|u1", (900, 100, 100), b"few")), "9,000,000 bytes, and it has"),
    "an npz of objects": (in_zip(npy("|O", (5, 8, 8), b"cos\nsystem\n")), "Python objects, a pickle"),
    "a gzip bomb": (written(gzip.compress(idx(np.zeros((100, 1000, 1000), "u1")))), "more than the 0.25 that are read from"),
    "a FIFO": (os.mkfifo, "is not a regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_strangers_put_there_is_refused_in_a_sentence_and_little_memory(case, tmp_path):
    write, says = HOSTILE[case]
    write(tmp_path / "it")
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=says) as error:
            read_pictures(tmp_path / "it")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert str(tmp_path / "it") in str(error.value) and str(error.value).isprintable() and len(str(error.value)) < 500


def test_a_folder_is_read_alone(tmp_path):
    """Links out of it, pipes and other files are left out, and said; a link within it is a picture."""
    (tmp_path / "elsewhere").mkdir()
    Image.fromarray(GREY[4]).save(tmp_path / "elsewhere" / "secret.png")
    folder_of(GREY[:3])(tmp_path / "it")
    (tmp_path / "it" / "a.png").symlink_to(tmp_path / "elsewhere" / "secret.png")
    (tmp_path / "it" / "b.png").symlink_to("0.png")
    (tmp_path / "it" / "c").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "it" / "d.png")
    (tmp_path / "it" / "g.png").symlink_to("g.png")
    (tmp_path / "it" / "e.svg").write_bytes(b"<svg/>")
    (tmp_path / "it" / "f\x1b.txt").write_bytes(b"")
    with gather_notes() as notes:
        images = read_pictures(tmp_path / "it")
    assert (images * 255 == GREY[[0, 2, 0, 1], None]).all()
    known = ".png, .jpg, .jpeg, .webp, .bmp, .gif, .tif, .tiff are read"
    assert notes == [
        f"left out: 3 files in it that are no pictures ({known}): e.svg, f\\x1b.txt, notes.txt",
        "left out: 2 files in it that are links to what is elsewhere: a.png, c",
        "left out: 2 files in it that are no regular files: d.png, g.png",
        "read: 4 of 4 picture files in it",
    ]


def test_broken_files_are_left_out_and_said(tmp_path):
    folder_of(GREY)(tmp_path / "it")
    (tmp_path / "it" / "5.png").write_bytes(b"hello")
    (tmp_path / "it" / "6.webp").write_bytes(b"")
    (tmp_path / "it" / "7.png").write_bytes(png(20_000, 20_000))
    (tmp_path / "it" / "2.png").write_bytes((tmp_path / "it" / "2.png").read_bytes()[:50])
    with gather_notes() as notes:
        images = read_pictures(tmp_path / "it")
    np.testing.assert_allclose(images[:, 0], GREY[[0, 4, 1, 3]] / 255, atol=1e-6)
    broken, no_pictures, bomb, read = notes[1:]
    assert broken.startswith("left out: 2.png: cannot be read as a picture (")
    assert no_pictures.startswith("left out: 5.png, 6.webp: cannot be read as a picture (it is none of PNG, JPEG, ")
    assert bomb.startswith("left out: 7.png: has more pixels than")
    assert read == "read: 4 of 8 picture files in it"


def test_many_reasons_are_said_in_few_sentences(tmp_path):
    folder_of(GREY)(tmp_path / "it")
    for k in range(100):  # each has its own number of pixels
        (tmp_path / "it" / f"bomb{k:02}.png").write_bytes(png(4000, 4000 + k))
    with gather_notes() as notes:
        read_pictures(tmp_path / "it")
    assert len(notes) == 1 + 5 + 2
    assert notes[-2].startswith("left out, for further reasons: bomb05.png, ") and notes[-2].endswith("and 89 more")
    assert notes[-1] == "read: 5 of 105 picture files in it"


# --- a folder for each class, and two sides ------------------------------------------------------------------------


def save(pixels, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_a_folder_a_class(tmp_path):
    for k, name in enumerate(["shoes/a.png", "hats/b.png", "hats/inside/c.bmp", "shoes/d.tiff", "stray.png"]):
        save(GREY[k], tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"")
    with gather_notes() as notes:
        images, labels, names = read_classes(tmp_path)
    assert (images * 255 == GREY[[1, 2, 0, 3], None]).all()
    assert names == ["hats", "shoes"] and labels.tolist() == [0, 0, 1, 1]
    assert notes[0] == "left out: 1 pictures that lie beside the folders of classes: stray.png"
    assert notes[1].startswith("left out: broken/a.png: cannot be read") and notes[2].startswith("read: 4 of 5 ")
    with pytest.raises(DataError, match=r"one class, inside: expected a folder of pictures for each of two or more"):
        read_classes(tmp_path / "hats")
    with pytest.raises(DataError, match=r"no class: expected a folder of pictures for each of two or more"):
        read_classes(tmp_path / "shoes")
    with pytest.raises(DataError, match=r"not a folder; expected one with a folder for each class"):
        read_classes(tmp_path / "stray.png")


def test_classes_are_grey_only_together(tmp_path):
    save(GREY[0], tmp_path / "grey" / "a.png")
    save(COLOUR[0], tmp_path / "red" / "a.png")
    images, _, _ = read_classes(tmp_path)
    np.testing.assert_allclose(images, [np.repeat(grey[0], 3, 0), colour[0]], atol=1e-6)


def test_sides_are_paired_by_name(tmp_path):
    for k, name in enumerate(["a/2.png", "a/1.png", "a/in/3.png", "b/in/3.bmp", "b/1.tiff"]):
        save(GREY[k], tmp_path / name)
    save(COLOUR[0], tmp_path / "b" / "2.png")
    save(COLOUR[1], tmp_path / "b" / "4.png")
    with gather_notes() as notes:
        a, b, paired = read_sides(tmp_path)
    assert paired and (a * 255 == GREY[[1, 0, 2], None]).all()
    np.testing.assert_allclose(b[1], colour[0], atol=1e-6)
    assert (b[[0, 2]] * 255 == GREY[[4, 3], None]).all()
    assert notes == [
        "read: 3 of 3 picture files in a", "read: 4 of 4 picture files in b",
        "3 pairs of files of the same name in a and b", "left out: 1 files without a partner: b/4.png",
    ]  # fmt: skip


def test_a_broken_file_takes_its_partner_along(tmp_path):
    for name in ("a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png"):
        save(GREY[0], tmp_path / name)
    (tmp_path / "b" / "3.png").write_bytes(b"")
    with gather_notes() as notes:
        a, b, paired = read_sides(tmp_path)
    assert paired and len(a) == len(b) == 2 and notes[-1] == "left out: 1 files without a partner: a/3.png"


def test_sides_without_partners_are_whole(tmp_path):
    for k, name in enumerate(["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/x.png"]):
        save(GREY[k], tmp_path / name)
    with gather_notes() as notes:
        a, b, paired = read_sides(tmp_path)
    assert not paired and (a * 255 == GREY[:3, None]).all() and (b * 255 == GREY[3:, None]).all()
    assert notes[-1] == "not paired: 1 of 3 files in a and of 2 in b have a partner of the same name"
    with pytest.raises(DataError, match=r"b/a: no such folder; expected pictures of the one kind in"):
        read_sides(tmp_path / "b")
    (tmp_path / "it").mkdir()
    for name in "ab":
        (tmp_path / "it" / name).symlink_to(tmp_path / name)
    with pytest.raises(DataError, match=r"it/a: a link to what is elsewhere"):
        read_sides(tmp_path / "it")


# --- ranges ------------------------------------------------------------------------------------------------------

BITS = rng.integers(0, 2, (5, 8, 12))
TWELVE = rng.integers(0, 4096, (5, 8, 12), dtype=np.uint16)
TWELVE[0, 0, 0] = 4095
RANGES = {  # file: (the pictures, what is said)
    "0 and 1 in bytes": (saved(BITS.astype("u1")), BITS, "1 was taken as white"),
    "0 and 1 in int64": (saved(BITS), BITS, "1 was taken as white"),
    "0 and 1 in 16 bits": (saved(BITS.astype("u2")), BITS, "1 was taken as white"),
    "0 and 1 in IDX": (written(idx(BITS.astype("u1"))), BITS, "1 was taken as white"),
    "0 and 1 in PNG": (folder_of(BITS.astype("u1")[[0, 2, 4, 1, 3]]), BITS[[0, 4, 3, 2, 1]], "1 was taken as white"),
    "True and False": (saved(BITS > 0), BITS, None),
    "black": (saved(0 * BITS), 0 * BITS, None),
    "12 bits in 16": (saved(TWELVE), TWELVE / 65535, "if 4,095 should be white, of 12 bits, multiply by 16 and"),
    "12 bits in a 16-bit PNG": (folder_of(TWELVE[:1]), TWELVE[:1] / 65535, "if 4,095 should be white, of 12 bits"),
    "4 bits in bytes": (saved(15 * BITS.astype("u1")), BITS * 15 / 255, "if 15 should be white, of 4 bits"),
    "from -1 to 1": (saved(BITS * 2.0 - 1), BITS, "-1 was taken as black, 1 as white"),
    "bytes": (saved(GREY), GREY / 255, None),
}


@pytest.mark.parametrize("case", RANGES)
def test_ranges_are_seen_and_said(case, tmp_path):
    write, pictures, says = RANGES[case]
    write(tmp_path / "it")
    with gather_notes() as notes:
        images = read_pictures(tmp_path / "it")
    np.testing.assert_allclose(images[:, 0], pictures, atol=1e-6)
    notes = [note for note in notes if not note.startswith(("left out:", "read:"))]
    assert len(notes) == (says is not None) and all(says in note for note in notes)


def test_masks_are_white_after_they_are_made_smaller_too(tmp_path):
    mask = np.zeros((1, 64, 64), "u1")
    mask[:, :32] = 1
    folder_of(mask)(tmp_path / "it")
    assert read_pictures(tmp_path / "it", 8).max() > 0.99
