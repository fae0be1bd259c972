"""Photographs: colours go and come back, folders are read whole, dead leaves look as photographs do to a gradient."""

import numpy as np
import pytest
from PIL import Image

from tinygan.backend import stream
from tinygan.data import DataError, find_file, gather_notes
from tinygan.data.pictures import photographs as module
from tinygan.data.pictures.enlargements import Enlargements
from tinygan.data.pictures.photographs import dead_leaves, own_photographs, photographs, to_rgb, to_ycbcr
from tinygan.metrics import bicubic
from tinygan.metrics.pictures.edges import gradient_magnitudes

X = stream(0, "x").random((3, 9, 7)).astype("float32")


def test_colours_go_and_come_back():
    np.testing.assert_allclose(to_rgb(to_ycbcr(X)), X, atol=1e-5)


@pytest.mark.parametrize(
    "rgb, ycbcr",
    [((0, 0, 0), (16, 128, 128)), ((1, 1, 1), (235, 128, 128)), ((1, 0, 0), (81.481, 90.203, 240))],
    ids=["black", "white", "red"],
)
def test_colours_of_bt_601(rgb, ycbcr):
    x = np.reshape(rgb, (3, 1, 1)).astype("float32")
    np.testing.assert_allclose(255 * to_ycbcr(x).ravel(), ycbcr, atol=1e-3)


# --- a folder -----------------------------------------------------------------------------------------------------


def save(array, path):
    Image.fromarray((255 * array).round().astype(np.uint8)).save(path)


def test_a_folder_of_photographs_of_any_size(tmp_path):
    shapes = [(9, 20, 3), (31, 12, 3), (12, 12)]
    pictures = [stream(0, "p", k).random(shape) for k, shape in enumerate(shapes)]
    for k, x in enumerate(pictures):
        save(x, tmp_path / f"{k}.png")
    save(np.zeros((8, 40)), tmp_path / "low.png")
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8 no more")
    with gather_notes() as notes:
        found = own_photographs(tmp_path, 9)
    assert [x.shape for x in found] == [(3, 9, 20), (3, 31, 12), (3, 12, 12)]
    np.testing.assert_allclose(found[1], pictures[1].transpose(2, 0, 1), atol=0.51 / 255)
    assert (found[2][0] == found[2][2]).all()
    said = " ".join(notes)
    assert "3 photographs" in said and "torn.jpg" in said and "low.png" in said


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_are_refused(n, tmp_path):
    for k in range(n):
        save(np.zeros((12, 12)), tmp_path / f"{k}.png")
    with pytest.raises(DataError, match="no .png|1 photographs that can be used: at least 2"):
        own_photographs(tmp_path, 9)


def test_more_than_memory_should_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 3 * 12 * 12)
    for k in range(2):
        save(np.zeros((12, 12)), tmp_path / f"{k}.png")
    with pytest.raises(DataError, match="more than the 144 pixels that are read"):
        own_photographs(tmp_path, 9)


def test_photographs_by_name(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="'set6': expected set5, set14, bsd100"):
        photographs("set6")
    try:
        find_file("set5/img_005_SRF_4_HR.png")
    except DataError as error:
        pytest.skip(str(error))
    assert [x.shape for x in photographs("set5")][:2] == [(3, 512, 512), (3, 288, 288)]
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    with pytest.raises(DataError, match="set5/img_001_SRF_4_HR.png: not found"):
        photographs("set5")


# --- dead leaves --------------------------------------------------------------------------------------------------


def test_dead_leaves_are_a_function_of_the_seed_and_all_different():
    a, b = dead_leaves(2, 24)
    assert a.shape == (3, 24, 24) and a.dtype == np.float32 and 0 <= a.min() and a.max() <= 1
    assert np.abs(a - b).mean() > 0.05
    np.testing.assert_array_equal(dead_leaves(2, 24)[1], b)
    assert (dead_leaves(1, 24, seed=1)[0] != a).any()


def test_dead_leaves_have_the_edges_of_photographs():
    """Quantiles of |∇Y| in BSD100's first ten pictures: .5 at 6.7, .9 at 31, .99 at 84 (255ths)."""
    y = np.stack([to_ycbcr(x)[:1] for x in dead_leaves(4, 96)])
    found = np.quantile(gradient_magnitudes(y, (0, 1)), [0.5, 0.9, 0.99])
    assert (np.array([3, 15, 50]) < found).all() and (found < np.array([14, 60, 140])).all()


# --- pairs --------------------------------------------------------------------------------------------------------

PAIRS = Enlargements([stream(0, "y", k).random((30 + 9 * k, 27)).astype("float32") for k in range(3)], 4)


def test_pairs_are_cut_and_shrunk_and_rounded():
    assert [x.shape for x in PAIRS.large] == [(28, 24), (36, 24), (48, 24)]
    assert [x.shape for x in PAIRS.small] == [(7, 6), (9, 6), (12, 6)]
    expected = np.rint(127.5 * (bicubic(PAIRS.large[1][None, None], (9, 6))[0, 0].clip(-1, 1) + 1))
    np.testing.assert_allclose(127.5 * (PAIRS.small[1] + 1), expected, atol=1e-3)


def test_a_crop_is_a_part_of_both_pictures_at_one_place_turned_alike():
    large, small = PAIRS.crops(120, 4, stream(0, "crops"))
    assert large.shape == (120, 1, 16, 16) and small.shape == (120, 1, 4, 4)
    symmetries = [lambda x, t=t, m=m: np.rot90(x[:, ::-1] if m else x, t) for t in range(4) for m in (0, 1)]
    seen = set()
    for y, x in zip(large[:, 0], small[:, 0]):
        found = {
            (which, top, left, k)
            for which, picture in enumerate(PAIRS.small)
            for top in range(len(picture) - 3)
            for left in range(3)
            for k, turn in enumerate(symmetries)
            if np.array_equal(turn(picture[top : top + 4, left : left + 4]), x)
        }
        ((which, top, left, k),) = found
        np.testing.assert_array_equal(symmetries[k](PAIRS.large[which][4 * top :, 4 * left :][:16, :16]), y)
        seen.add((which, k))
    assert len(seen) > 16  # of 3 pictures in 8 ways


def test_every_picture_has_a_middle_and_others_another_checksum():
    large, small = PAIRS.middles(4)
    np.testing.assert_array_equal(small[2, 0], PAIRS.small[2][4:8, 1:5])
    np.testing.assert_array_equal(large[2, 0], PAIRS.large[2][16:32, 4:20])
    assert PAIRS.checksum() != Enlargements([x / 2 for x in PAIRS.large], 4).checksum()
