"""Clips of a reader's own: read as they were written, or refused in a sentence, by what a file promises alone."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from tinygan.data import DataError, gather_notes, read_clip
from tinygan.plot import gif, save_image

rng = np.random.default_rng(0)
CLIP = rng.integers(0, 2, (5, 6, 9, 3)).astype(np.uint8) * 255  # eight colours: a GIF keeps them
GREY = rng.integers(0, 2, (5, 6, 9)).astype(np.uint8) * 255
as_clip = lambda frames: (frames.transpose(0, 3, 1, 2) if frames.ndim == 4 else frames[:, None]) / 127.5 - 1


def written(kind, frames, **options):
    """The bytes of an animation."""
    file, (first, *others) = io.BytesIO(), [Image.fromarray(frame) for frame in frames]
    options = {"duration": 50, **({"lossless": True} if kind == "WEBP" else {}), **options}
    first.save(file, kind, save_all=True, append_images=others, **options)
    return file.getvalue()


def put(tmp_path, content):
    (tmp_path / "it").write_bytes(content)
    return tmp_path / "it"


# --- what is read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [CLIP, GREY], ids=["colour", "grey"])
@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_clip_is_read_as_it_was_written(kind, frames, tmp_path):
    path = put(tmp_path, written(kind, frames))
    with gather_notes() as notes:
        clip = read_clip(path)
    assert clip.dtype == np.float32 and notes == ["read: 5 frames of 9x6 in it"]
    np.testing.assert_allclose(clip, as_clip(frames), atol=1e-6)


def test_what_plot_writes_is_read_back_though_frames_that_are_alike_are_stored_as_one(tmp_path):
    frames = CLIP[[0, 0, 1, 1, 1, 2]]
    gif(frames, tmp_path / "a.gif")
    with gather_notes() as notes:
        np.testing.assert_allclose(read_clip(tmp_path / "a.gif"), as_clip(frames), atol=1e-6)
    assert notes == ["read: 6 frames of 9x6 in a.gif; 2 that last longer count several times"]


def test_a_last_frame_that_stands_for_long_counts_once(tmp_path):
    path = put(tmp_path, written("GIF", CLIP, duration=[20, 20, 20, 20, 4000]))
    with gather_notes() as notes:
        assert len(read_clip(path)) == 5
    assert notes[1] == "frames do not last equally long; each counts once"


def test_a_still_picture_before_an_animated_png_is_no_frame(tmp_path):
    path = put(tmp_path, written("PNG", CLIP, default_image=True))
    np.testing.assert_allclose(read_clip(path), as_clip(CLIP[1:]), atol=1e-6)


def test_transparent_pixels_are_white(tmp_path):
    clear = np.concatenate([CLIP, np.zeros((5, 6, 9, 1), np.uint8)], 3)
    path = put(tmp_path, written("PNG", clear))
    np.testing.assert_allclose(read_clip(path), np.ones((5, 1, 6, 9)), atol=1e-6)


def test_frames_are_scaled_to_a_size(tmp_path):
    even = np.repeat(CLIP[:, :1, :1], 12, 1).repeat(18, 2)  # a colour a frame
    clip = read_clip(put(tmp_path, written("GIF", even)), size=4)
    assert clip.shape == (5, 3, 4, 4)
    np.testing.assert_allclose(clip, np.broadcast_to(as_clip(even)[:, :, :1, :1], clip.shape), atol=1e-3)


def test_a_folder_is_read_in_the_order_of_its_numbers_and_what_is_left_out_is_said(tmp_path):
    for name, frame in zip(("f-1", "f-2", "f-9", "f-10", "f-11"), CLIP):
        save_image(frame, tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "f-12.png").write_bytes(b"hello")
    with gather_notes() as notes:
        np.testing.assert_allclose(read_clip(tmp_path), as_clip(CLIP), atol=1e-6)
    assert "notes.txt" in notes[0] and "f-12.png" in notes[1] and notes[2].startswith("read: 5 of 6 picture files")


def test_frames_in_several_folders_are_no_clip(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        save_image(CLIP[0], tmp_path / name / "1.png")
    with pytest.raises(DataError, match="several folders, a, b; give the one"):
        read_clip(tmp_path)


# --- what is refused -----------------------------------------------------------------------------------------------


def gif_of(screen, frames, data=b"\x02\x4c\x01\0", count=1):
    """The bytes of a GIF with a screen of this side and `count` frames of side `frames`; data: of each, in blocks."""
    image = b"," + struct.pack("<HHHHB", 0, 0, frames, frames, 0) + b"\x02" + data
    return b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0xF0, 0, 0) + bytes(6) + image * count + b";"


DEFLATED = zlib.compress(bytes(100))


def png_of(side, count, promised=None, data=DEFLATED):
    """The bytes of an animated PNG of `count` frames that promises others."""
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    frames = [
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * k, side, side, 0, 0, 1, 20, 0, 0))
        + (chunk(b"fdAT", struct.pack(">I", 2 * k + 1) + data) if k else chunk(b"IDAT", data))
        for k in range(count)
    ]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    animated = chunk(b"acTL", struct.pack(">II", count if promised is None else promised, 0))
    return b"\x89PNG\r\n\x1a\n" + header + animated + b"".join(frames) + chunk(b"IEND", b"")


def webp_of(side, count, frame=8):
    """The bytes of an animated WebP with a canvas of this side and `count` frames of side `frame`, each of a few bytes."""
    chunk = lambda kind, body: kind + struct.pack("<I", len(body)) + body
    three = lambda *numbers: b"".join(number.to_bytes(3, "little") for number in numbers)
    picture = chunk(b"VP8L", b"\x2f" + struct.pack("<I", (frame - 1) * (1 + (1 << 14))) + bytes(7))
    frames = chunk(b"ANMF", three(0, 0, frame - 1, frame - 1, 50) + b"\0" + picture) * count
    body = b"WEBP" + chunk(b"VP8X", b"\2\0\0\0" + three(side - 1, side - 1)) + chunk(b"ANIM", bytes(6)) + frames
    return chunk(b"RIFF", body)


REFUSED = {
    "a text": (b"hello", "expected an animated GIF, PNG or WebP, or a folder of frames"),
    "nothing": (b"", "expected an animated GIF, PNG or WebP"),
    "a sound": (b"RIFF\x04\0\0\0WAVE", "expected an animated GIF, PNG or WebP"),
    "a single WebP": (written("WEBP", CLIP[:1]), "a single picture"),
    "a WebP cut short": (written("WEBP", CLIP)[:-60], "it ends too early"),
    "a WebP with a frame beyond its canvas": (webp_of(8, 2, 16), "frame 1 is 16x16 pixels at 0, 0, outside of 8x8"),
    "a WebP with a wide canvas": (webp_of(16_000, 2), "2 frames of 16000x16000: 256,000,000 pixels, more than the"),
    "a WebP bomb": (webp_of(2000, 5000, 2000), "5,000 frames of 2000x2000: 20,000,000,000 pixels, more than the"),
    "a single GIF": (gif_of(8, 8, count=1), "a single picture; a clip has two frames or more"),
    "a single PNG": (written("PNG", CLIP[:1]), "a single picture"),
    "a GIF cut short": (written("GIF", CLIP)[:-60], "it ends too early, after .* bytes; copy it again"),
    "a PNG cut short": (written("PNG", CLIP)[:-60], "it ends too early"),
    "a GIF with a frame that its bytes cannot hold": (gif_of(8, 4000, count=2), "frame 1 promises 4000x4000 pixels, more"),
    "a PNG with a frame that its bytes cannot hold": (png_of(4000, 2), "frame 1 promises 16,000,000 pixels, more than its"),
    "a PNG with fewer frames than promised": (png_of(8, 2, 9999), "it promises 9,999 frames and holds 2"),
    "a GIF with a wide screen": (gif_of(60_000, 8, count=2), "2 frames of 60000x60000: 3,600,000,000 pixels, more"),
    "a GIF with frames beyond its screen": (
        gif_of(60, 5000, 40 * (b"\xff" + bytes(255)) + b"\0", 2), "2 frames of 5000x5000: 25,000,000 pixels, more"
    ),
    "a GIF bomb": (gif_of(2000, 8, count=5000), "5,000 frames of 2000x2000: 20,000,000,000 pixels, more than the"),
    "a PNG bomb": (png_of(2000, 60, data=zlib.compress(bytes(12_100_000))), "60 frames of 2000x2000: 240,000,000 pixels"),
    "very many frames": (gif_of(8, 8, count=10_001), "10,001 frames of 8x8, more than the 10,000"),
    "more than is kept": (gif_of(1000, 8, 8 * (b"\xff" + bytes(255)) + b"\0", count=100), "frames of 409x409 fit"),
    "a GIF with another block": (gif_of(8, 8)[:-1] + b"\x07\x07;", "where a GIF's next frame should begin"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_clip_or_a_bomb_is_refused_before_it_is_decoded(case, tmp_path, monkeypatch):
    def decoded(*arguments):
        raise AssertionError("it was decoded")

    content, says = REFUSED[case]
    path = put(tmp_path, content)
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    monkeypatch.setattr(Image, "open", decoded)
    with pytest.raises(DataError, match=says) as error:
        read_clip(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_file_cut_anywhere_is_refused_in_a_sentence_or_read_in_full(kind, tmp_path):
    whole = written(kind, CLIP)
    for end in range(len(whole)):
        try:
            with gather_notes() as notes:
                clip = read_clip(put(tmp_path, whole[:end]))
        except DataError as error:
            assert "\n" not in str(error)
        else:  # cut between two frames of a GIF
            assert kind == "GIF" and (len(clip) == 5 or "no end mark: frames may be missing" in " ".join(notes))
            np.testing.assert_allclose(clip, as_clip(CLIP)[: len(clip)], atol=1e-6)


def test_a_damaged_frame_is_named(tmp_path):
    content = bytearray(written("PNG", CLIP))
    at = content.rindex(b"fdAT") + 12
    content[at : at + 8] = bytes(8)
    with pytest.raises(DataError, match="frame 5 cannot be read"):
        read_clip(put(tmp_path, bytes(content)))


def test_a_missing_file_and_a_folder_of_one_frame(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_clip(tmp_path / "nothing.gif")
    save_image(CLIP[0], tmp_path / "1.png")
    with pytest.raises(DataError, match="one frame; a clip has two or more"):
        read_clip(tmp_path)
