"""A folder of a reader's clips: what is read and left out is said, bombs are refused unopened; windows are cut of them."""

import re
import struct

import numpy as np
import pytest
from PIL import Image, ImageFile

from tinygan.backend import stream
from tinygan.data import DataError, gather_notes, read_clips
from tinygan.data.video import OwnClips, own
from tinygan.plot import save_image

KINDS = {"gif": "GIF", "png": "PNG", "apng": "PNG", "webp": "WEBP"}


def frames_of(colour, count, side=8):
    """Frames of one colour that go from black to it, uint8."""
    shades = np.linspace(0, 1, count)[:, None, None, None] * np.array(colour)
    return np.broadcast_to(np.rint(shades), (count, side, side, 3)).astype(np.uint8)


def put(path, colour=(255, 0, 0), count=9, side=8):
    """Write a clip: a file as its ending says, or a folder of frames."""
    frames = frames_of(colour, count, side)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        first, *others = [Image.fromarray(frame) for frame in frames]
        more = {"lossless": True} if path.suffix == ".webp" else {}
        first.save(path, KINDS[path.suffix[1:]], save_all=True, append_images=others, duration=50, **more)
    else:
        path.mkdir()
        for k, frame in enumerate(frames):
            save_image(frame, path / f"frame-{k}.png")
    return path


# --- what is read --------------------------------------------------------------------------------------------------


def test_files_and_folders_of_frames_are_clips_and_the_folders_they_lie_in_are_classes(tmp_path):
    made = {"red/1.gif": (255, 0, 0), "red/b/2.png": (255, 0, 0), "blue/a.webp": (0, 0, 255), "blue/b": (0, 0, 255),
            "blue/c.apng": (0, 0, 255)}  # fmt: skip
    for k, (name, colour) in enumerate(made.items()):
        put(tmp_path / name, colour, 11 + k, (8, 16)[k % 2])
    with gather_notes() as notes:
        clips, labels, names = read_clips(tmp_path, 8)
    assert names == ["blue", "red"] and labels.tolist() == [0, 0, 0, 1, 1]
    assert notes == [f"read: 5 of 5 clips in {tmp_path.name}"]
    for clip, label, count in zip(clips, labels, (13, 14, 15, 11, 12)):
        colour = ((0, 0, 255), (255, 0, 0))[label]
        assert clip.dtype == np.float32 and clip.shape == (count, 3, 8, 8)
        np.testing.assert_allclose(clip, frames_of(colour, count).transpose(0, 3, 1, 2) / 127.5 - 1, atol=0.02)


def test_without_folders_of_classes_there_is_one_label(tmp_path):
    put(tmp_path / "1.gif")
    put(tmp_path / "2")
    clips, labels, names = read_clips(tmp_path, 4)
    assert names == [] and labels.tolist() == [0, 0] and [clip.shape for clip in clips] == [(9, 3, 4, 4)] * 2


def test_grey_clips_have_three_channels(tmp_path):
    put(tmp_path / "1.gif", (255, 255, 255))
    (clip,), _, _ = read_clips(tmp_path, 8)
    assert clip.shape == (9, 3, 8, 8)


def test_a_folder_of_frames_alone_is_one_clip(tmp_path):
    put(tmp_path / "own")
    (clip,), _, names = read_clips(tmp_path / "own", 8)
    assert len(clip) == 9 and names == [] and clip[0].max() < clip[-1].max()


# --- what is left out ----------------------------------------------------------------------------------------------


def cut(path):
    path.write_bytes(path.read_bytes()[:-60])


def spoil_last_frame(path):
    content = bytearray(path.read_bytes())
    at = content.rindex(b"fdAT") + 12
    content[at : at + 8] = bytes(8)
    path.write_bytes(bytes(content))


def write_single(path):
    save_image(frames_of((9, 9, 9), 1)[0], path)


def write_bomb(path):
    frame = b"," + struct.pack("<HHHHB", 0, 0, 8, 8, 0) + b"\x02\x02\x4c\x01\0"
    path.write_bytes(b"GIF89a" + struct.pack("<HHBBB", 2000, 2000, 0xF0, 0, 0) + bytes(6) + frame * 5000 + b";")


LEFT_OUT = {  # what lies in the folder beside one good clip, good.gif: what is said of it
    "cut short": (lambda f: cut(put(f / "x.gif")), r"left out: x.gif: it ends too early, after [\d,]+ bytes"),
    "a PNG cut short": (lambda f: cut(put(f / "x.png")), "left out: x.png: it ends too early"),
    "a WebP cut short": (lambda f: cut(put(f / "x.webp")), "left out: x.webp: it ends too early"),
    "a damaged frame": (lambda f: spoil_last_frame(put(f / "x.png")), "left out: x.png: frame 9 cannot be read"),
    "too short": (lambda f: put(f / "x.gif", count=5), "left out: x.gif: fewer than 8 frames"),
    "few frames in a folder": (lambda f: put(f / "x", count=5), "left out: x: fewer than 8 frames"),
    "no picture": (lambda f: (f / "x.gif").write_text("hello"), "left out: x.gif: neither a clip nor a frame of one"),
    "another file": (lambda f: (f / "x.txt").write_text("hello"), "left out: 1 files in .* that are no clips or frames"),
    "a single picture": (lambda f: write_single(f / "x.png"), "left out: 1 pictures that lie beside clips: x.png"),
    "a single GIF": (lambda f: put(f / "x.gif", count=1), "left out: 1 pictures that lie beside clips: x.gif"),
    "a frame that cannot be read": (
        lambda f: cut(put(f / "x") / "frame-3.png"), "left out: x/frame-3.png: cannot be read as a picture"
    ),
    "a clip in a folder of its own": (lambda f: put(f / "y" / "x.gif"), "left out: 1 clips that lie beside .*: good.gif"),
    "frames that are all the same": (lambda f: put(f / "x", (0, 0, 0)), "left out: x: nothing moves in it"),
    "a bomb": (lambda f: write_bomb(f / "x.gif"), "left out: x.gif: 5,000 frames of 2000x2000: 20,000,000,000 pixels, more"),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_left_out_is_named_with_the_reason(case, tmp_path):
    plant, says = LEFT_OUT[case]
    put(tmp_path / "good.gif")
    plant(tmp_path)
    with gather_notes() as notes:
        clips, *_ = read_clips(tmp_path, 8, 8)
    assert any(re.match(says, line) for line in notes), notes
    left = case not in ("a frame that cannot be read",)
    assert len(clips) == 2 - left and re.match(rf"read: {2 - left} of [12] clips", notes[-1])
    if not left:
        assert [len(clip) for clip in clips] == [9, 8]


def test_frames_of_many_clips_that_cannot_be_read_take_few_lines(tmp_path):
    for k in range(9):
        cut(put(tmp_path / f"{k}") / "frame-3.png")
    with gather_notes() as notes:
        assert len(read_clips(tmp_path, 8)[0]) == 9
    assert len(notes) == 5 and notes[3] == "left out: frames of 6 more clips"


def test_a_gif_without_an_end_mark_is_said(tmp_path):
    path = put(tmp_path / "a.gif")
    path.write_bytes(path.read_bytes()[:-1])
    with gather_notes() as notes:
        read_clips(tmp_path, 8)
    assert notes[0] == "left out, perhaps, the last frames of a.gif: it has no end mark"


REFUSED = {
    "no folder": (lambda f: f / "none", "no such folder; expected one with clips"),
    "a file": (lambda f: put(f / "a.gif"), "not a folder"),
    "an empty one": (lambda f: f, "no .png, .*.apng file in it"),
    "no clip that fits": (lambda f: put(f / "a.gif", count=3).parent, "none of 1 clips can be read; a.gif: fewer than 8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_folders_that_are_refused(case, tmp_path):
    plant, says = REFUSED[case]
    with pytest.raises(DataError, match=says) as error:
        read_clips(plant(tmp_path), 8, 8)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("limit, most, says", [
    ("FEW_UNPACKED", 5 * 9 * 400**2 - 1, "5 clips of 45 frames in all: 7,200,000 pixels, more than the 7,199,999 that are"),
    ("MOST_KEPT", 45 * 64 - 1, "5 clips of 45 frames in all, more than the 44 of 8x8 that are kept"),
])  # fmt: skip
def test_what_is_too_much_together_is_refused_before_one_clip_is_unpacked(limit, most, says, tmp_path, monkeypatch):
    for k in range(5):
        put(tmp_path / f"{k}.gif", side=400)
    monkeypatch.setattr(own, limit, most + 1)
    monkeypatch.setattr(own, "UNPACKED_PER_BYTE", 1)
    assert len(read_clips(tmp_path, 8)[0]) == 5
    monkeypatch.setattr(own, limit, most)

    def decoded(*arguments, **options):
        raise AssertionError("it was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    monkeypatch.setattr(Image, "open", decoded)
    with pytest.raises(DataError, match=says):
        read_clips(tmp_path, 8)


# --- the world of them ---------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Two classes: six clips that grow red, five that grow blue, of 12 frames and more."""
    for k in range(6):
        put(tmp_path / "own" / "red" / f"{k}.gif", (255 - 8 * k, 0, 0), 12 + k)
    for k in range(5):
        put(tmp_path / "own" / "blue" / f"{k}.gif", (0, 0, 255 - 8 * k), 12)
    return tmp_path / "own"


def test_windows_are_of_their_class_cut_anywhere_and_parts_share_no_clip(folder):
    with gather_notes() as notes:
        world = OwnClips(folder, 8)
    assert "11 clips in 2 classes, blue, red; the middle square of each is scaled to 32x32; a tenth is held out" in notes
    assert world.saved["names"] == ["blue", "red"] and world.shown == world.motion == {"class": 2}
    seen = {}
    for part in ("train", "unseen", "held_out"):
        scenes = world.scenes(part, 400, stream(0, "scenes"))
        assert set(scenes) == {0, 1} and (world.rows(scenes) == np.array(scenes)[:, None]).all()
        clips = world.draw(scenes, 8, stream(0, "draw"), part)
        assert clips.shape == (400, 8, 3, 32, 32) and clips.dtype == np.float32
        of_class = np.where(clips[:, -1, 0].mean((1, 2)) > clips[:, -1, 2].mean((1, 2)), 1, 0)
        np.testing.assert_array_equal(of_class, scenes)
        seen[part] = {tuple(np.round(clip[:, [0, 2]].mean((2, 3)).ravel(), 3)) for clip in clips}
    assert len(seen["train"]) > 40 and len(seen["unseen"]) >= 10  # 5 to 10 places in each of 9 clips, and of 2
    assert seen["unseen"] == seen["held_out"] and not seen["unseen"] & seen["train"]
    repeated = world.draw([0, 1], 8, stream(3, "draw"))
    np.testing.assert_array_equal(repeated, world.draw([0, 1], 8, stream(3, "draw")))


def test_a_world_that_was_saved_needs_its_folder_for_clips_alone(folder, tmp_path):
    saved = OwnClips(folder, 8).saved
    np.testing.assert_array_equal(OwnClips(folder, 8, saved).draw([0], 8, stream(0, "a")).shape, (1, 8, 3, 32, 32))
    gone = OwnClips(tmp_path / "gone", 8, saved)
    assert gone.scenes("unseen", 3, stream(0, "a")) and gone.read(" Red ") == 1 and gone.say(1) == "red"
    with pytest.raises(DataError, match="no such folder"):
        gone.draw([0], 8, stream(0, "a"))
    (folder / "red" / "1.gif").unlink()
    with pytest.raises(DataError, match="not the clips that this run began with"):
        OwnClips(folder, 8, saved).draw([0], 8, stream(0, "a"))


def test_a_class_of_few_clips_and_an_unknown_class(folder):
    with pytest.raises(DataError, match="'green': expected the name of a class: blue, red"):
        OwnClips(folder, 8).read("green")
    (folder / "blue" / "1.gif").unlink()
    with pytest.raises(DataError, match="4 clips of blue: at least 5 of each class are needed"):
        OwnClips(folder, 8)


def test_a_class_is_asked_for_as_it_is_typed():
    """Systems write ä as one character or as two. Names that differ by capitals alone are told apart by them."""
    saved = {"world": "own", "source": "", "names": ["Ball", "ball", "ba\u0308ume", "straße"], "checksum": 0}
    world = OwnClips("nowhere", 8, saved)
    assert [world.read(name) for name in ("Ball", "ball", "b\u00e4ume", " B\u00c4UME ", "STRASSE")] == [0, 1, 2, 2, 3]


def test_clips_without_classes_are_called_clip(tmp_path):
    for k in range(5):
        put(tmp_path / f"{k}.gif", count=9 + k)
    world = OwnClips(tmp_path, 8)
    assert world.saved["names"] == ["clip"] and world.read("clip") == 0
    assert world.draw([0, 0], 8, stream(0, "a"), "unseen").shape == (2, 8, 3, 32, 32)
