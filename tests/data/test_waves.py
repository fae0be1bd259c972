"""WAV files: every kind of number is read, what is spoiled is refused before memory is taken; resampling keeps sines."""

import os
import struct
import tracemalloc
import wave

import numpy as np
import pytest

from tinygan.data import DataError, gather_notes
from tinygan.data.waves import MOST_SAMPLES, read_wave, read_waves, resample, write_wave

SOUND = np.array([0.0, 0.5, -0.5, 0.25, -1.0, 0.75, 1 / 128, -0.125])  # all of them exact in 8 bits


def wav(data, *, kind=1, bits=16, channels=1, rate=8000, frame=None, size=None, before=b"", extensible=False):
    """The bytes of a WAV file. size: the length that the header of its sound says; before: chunks before the format."""
    frame = channels * bits // 8 if frame is None else frame
    fmt = struct.pack("<HHIIHH", 0xFFFE if extensible else kind, channels, rate, rate * frame % 2**32, frame, bits)
    if extensible:
        fmt += struct.pack("<HHIH", 22, bits, 0, kind) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    chunks = before + b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def numbers(values, bits):
    """Whole numbers of so many bits, as WAV files have them, of fractions in [-1, 1)."""
    if bits == 8:
        return np.rint(np.asarray(values) * 128 + 128).astype(np.uint8).tobytes()
    whole = np.rint(np.asarray(values) * 2.0 ** (bits - 1)).astype("<i4")
    return whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()


GOOD = {
    "8 bits": wav(numbers(SOUND, 8), bits=8),
    "16 bits": wav(numbers(SOUND, 16)),
    "24 bits": wav(numbers(SOUND, 24), bits=24),
    "32 bits": wav(numbers(SOUND, 32), bits=32),
    "fractions of 32 bits": wav(SOUND.astype("<f4").tobytes(), kind=3, bits=32),
    "fractions of 64 bits": wav(SOUND.astype("<f8").tobytes(), kind=3, bits=64),
    "24 bits, extensible": wav(numbers(SOUND, 24), bits=24, extensible=True),
    "fractions, extensible": wav(SOUND.astype("<f4").tobytes(), kind=3, bits=32, extensible=True),
    "another chunk first, of an odd length": wav(numbers(SOUND, 16), before=b"LIST\3\0\0\0abc\0"),
    "half a frame more": wav(numbers(SOUND, 16) + b"x"),
    "something after its sound": wav(numbers(SOUND, 16)) + b"LIST\4\0\0\0abcd",
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_every_kind_of_number_is_read(tmp_path, content):
    (tmp_path / "x.wav").write_bytes(content)
    sound, rate = read_wave(tmp_path / "x.wav")
    assert sound.dtype == np.float32 and rate == 8000
    np.testing.assert_allclose(sound, SOUND, atol=1e-7)


def test_channels_are_mixed(tmp_path):
    both = np.stack([SOUND, SOUND[::-1] / 2], 1)
    (tmp_path / "x.wav").write_bytes(wav(numbers(both, 24), bits=24, channels=2, rate=44_100))
    sound, rate = read_wave(tmp_path / "x.wav")
    np.testing.assert_allclose(sound, both.mean(1), atol=1e-6)
    assert rate == 44_100


def test_what_is_written_is_read_and_the_standard_library_reads_it(tmp_path):
    x = np.linspace(-1, 1.5, 300).astype(np.float32)
    write_wave(tmp_path / "x.wav", x, 11_025)
    sound, rate = read_wave(tmp_path / "x.wav")
    np.testing.assert_allclose(sound, np.clip(x, -1, 1), atol=1e-4)
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getparams()[:4] == (1, 2, 11_025, 300) and rate == 11_025


@pytest.mark.parametrize("sound, fault", [
    (np.array([0.0, np.nan]), "not finite"), (np.array([np.inf, 0]), "not finite"), (np.zeros((2, 3)), "one channel"),
])  # fmt: skip
def test_what_is_no_sound_is_not_written(tmp_path, sound, fault):
    with pytest.raises(ValueError, match=fault):
        write_wave(tmp_path / "x.wav", sound, 8000)
    assert not list(tmp_path.iterdir())


def test_long_files_are_read_piece_by_piece(tmp_path):
    x = 0.9 * np.sin(np.arange(600_000) / 30)
    (tmp_path / "x.wav").write_bytes(wav(numbers(x, 16)))
    np.testing.assert_allclose(read_wave(tmp_path / "x.wav")[0], x, atol=1e-4)


def test_fractions_beyond_full_scale_are_scaled_and_said(tmp_path):
    (tmp_path / "x.wav").write_bytes(wav((4 * SOUND).astype("<f4").tobytes(), kind=3, bits=32))
    with gather_notes() as notes:
        np.testing.assert_allclose(read_wave(tmp_path / "x.wav")[0], SOUND, atol=1e-6)
    assert notes == ["scaled down: x.wav reaches 4, and full scale is 1"]


good = numbers(SOUND, 16)
BAD = {
    "empty": (b"", "not a WAV file"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a WAV file"),
    "RIFF of another kind": (b"RIFF\4\0\0\0WEBP" + bytes(50), "not a WAV file"),
    "big ends first": (b"RIFX" + bytes(50), "kind RIFX"),
    "no sound": (wav(b""), "holds no sound"),
    "less than a frame": (wav(b"x"), "holds no sound"),
    "no chunk of sound": (wav(good)[:36], "ends before its sound"),
    "a format that promises": (wav(good).replace(b"fmt \x10\0\0\0", b"fmt \xff\xff\xff\xff"), "'fmt ' has 4,294,967,295"),
    "sound that promises 4 GB": (wav(good, size=2**32 - 1), "4,294,967,295 bytes, its header says, and 16 follow"),
    "sound that promises one more": (wav(good, size=17), "17 bytes, its header says, and 16 follow"),
    "a short format": (wav(good).replace(b"fmt \x10", b"fmt \x0e"), "its format has 14 bytes"),
    "sound before its format": (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd" + wav(good)[12:], "sound comes before its format"),
    "MP3 within": (wav(good, kind=0x55), r"holds MP3 \(0x55\)"),
    "an unknown kind": (wav(good, kind=0x1234), r"the kind \(0x1234\)"),
    "12 bits": (wav(good, bits=12, frame=2), "holds 12 bits"),
    "fractions of 16 bits": (wav(good, kind=3), "fractions of 16 bits"),
    "no channel": (wav(good, channels=0), "has 0 channels"),
    "65,535 channels": (wav(good, channels=65_535, frame=2), "has 65535 channels"),
    "frames that contradict": (wav(good, channels=2, frame=2), "2 channels of 16 bits in frames of 2 bytes"),
    "one sample a second": (wav(good, rate=1), "has 1 samples per second"),
    "4 GHz": (wav(good, rate=2**32 - 1), "has 4,294,967,295 samples"),
    "not a number": (wav(np.array([0, np.nan], "<f4").tobytes(), kind=3, bits=32), "not finite"),
    "infinite": (wav(np.array([0, -np.inf], "<f8").tobytes(), kind=3, bits=64), "not finite"),
    "too large": (wav(np.array([0, 1e300], "<f8").tobytes(), kind=3, bits=64), "not finite, or too large"),
    "chunks without end": (b"RIFF\0\0\0\0WAVE" + b"LIST\0\0\0\0" * 2000, "more than 1,000 chunks"),
}  # fmt: skip


@pytest.mark.parametrize("content, fault", BAD.values(), ids=BAD)
def test_other_files_are_refused_in_a_sentence(tmp_path, content, fault):
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(DataError, match=fault) as caught:
        read_wave(tmp_path / "x.wav")
    assert "x.wav" in str(caught.value) and "\n" not in str(caught.value)


def test_a_promise_takes_no_memory(tmp_path):
    """A sparse file holds what its header promises, but far too much; another one promises what it does not hold."""
    for size, room in ((3 << 30, 3 << 30), (3 << 30, 0)):
        content = wav(b"", size=size)
        (tmp_path / "x.wav").write_bytes(content)
        os.truncate(tmp_path / "x.wav", len(content) + room)
        tracemalloc.start()
        with pytest.raises(DataError, match=f"longer than the {MOST_SAMPLES:,} samples|0 follow"):
            read_wave(tmp_path / "x.wav")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20


def test_a_low_rate_cannot_grow_without_bound(tmp_path):
    (tmp_path / "x.wav").write_bytes(wav(bytes(400_000), rate=1000, bits=8))
    with pytest.raises(DataError, match="longer than"):
        read_wave(tmp_path / "x.wav", 384_000)


def test_missing_files_folders_and_pipes(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for name, fault in {"none.wav": "no such file", ".": "not a regular file", "pipe.wav": "not a regular file"}.items():
        with pytest.raises(DataError, match=fault):
            read_wave(tmp_path / name)


def test_a_folder_is_read_and_told_of(tmp_path):
    (tmp_path / "in").mkdir()
    write_wave(tmp_path / "b.wav", SOUND.repeat(100), 8000)
    write_wave(tmp_path / "in" / "a.WAV", SOUND.repeat(100), 16_000)
    (tmp_path / "c.wav").write_bytes(wav(np.full(9, 2, "<f4").tobytes(), kind=3, bits=32))
    (tmp_path / "d.wav").write_bytes(b"RIFF")
    (tmp_path / "notes.txt").write_text("x")
    with gather_notes() as notes:
        sounds, paths = read_waves(tmp_path, 8000)
    assert [path.name for path in paths] == ["b.wav", "c.wav", "a.WAV"]
    assert [len(sound) for sound in sounds] == [800, 9, 400]
    assert notes == [
        f"left out: 1 files in {tmp_path.name} that are no WAV files (.wav, .wave are read): notes.txt",
        "left out: d.wav: not a WAV file, which begins with RIFF and WAVE; save it as WAV",
        f"read: 3 of 4 WAV files in {tmp_path.name}",
        "resampled to 8,000 Hz, from 16,000 Hz",
        "scaled down, for they go beyond full scale, 1: c.wav",
    ]


def test_folders_that_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read_waves(tmp_path / "none", 8000)
    with pytest.raises(DataError, match="no .wav, .wave file"):
        read_waves(tmp_path, 8000)
    (tmp_path / "d.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match="none of 1 WAV files can be read"):
        read_waves(tmp_path, 8000)


# --- resampling --------------------------------------------------------------------------------------------------

RATES = [(44_100, 8000), (8000, 44_100), (48_000, 16_000), (22_050, 8000), (8000, 11_025), (44_099, 8000)]


def tone(share, of, rate):
    """A second of a wave at this share of half the rate `of`, neither a sine nor a cosine, at `rate`."""
    return np.sin(np.pi * share * of * np.arange(rate) / rate + 0.7)


@pytest.mark.parametrize("old, new", RATES)
def test_resampling_keeps_what_both_rates_have(old, new):
    inside = slice(new // 5, -(new // 5))
    for share in (0.0, 0.013, 0.1, 0.35, 0.6, 0.84):
        made = resample(tone(share, min(old, new), old), old, new)
        assert made.dtype == np.float32 and len(made) == new
        np.testing.assert_allclose(made[inside], tone(share, min(old, new), new)[inside], atol=2e-4)


@pytest.mark.parametrize("old, new", [pair for pair in RATES if pair[0] > pair[1]])
def test_resampling_leaves_out_what_the_lower_rate_cannot_have(old, new):
    inside = slice(new // 5, -(new // 5))
    for share in (1.0, 1.03, 1.3, 1.8):
        made = resample(tone(share, new, old), old, new)
        assert np.abs(made[inside]).max() < 1e-4, share


def test_resampling_is_linear_in_length_and_exact_where_it_should_be():
    x = np.linspace(-1, 1, 1000).astype(np.float32)
    assert resample(x, 8000, 8000) is x
    assert [len(resample(x[:n], 44_100, 8000)) for n in (0, 1, 5, 6, 1000)] == [0, 1, 1, 2, 182]
    np.testing.assert_allclose(resample(np.ones(4000), 8000, 11_025)[500:-500], 1, atol=1e-6)
    impulse = resample(np.eye(1, 2001, 1000)[0], 1000, 3000)
    assert impulse.argmax() == 3000, "what happens at a second happens then at any rate"


def test_resampling_refuses_what_it_cannot_do(tmp_path):
    with pytest.raises(ValueError, match="expected one channel"):
        resample(np.zeros((2, 9)), 8000, 16_000)
    write_wave(tmp_path / "x.wav", SOUND, 8000)
    for rate in (0, -8000, 10**9):
        with pytest.raises(ValueError, match=f"a rate of {rate} Hz"):
            read_wave(tmp_path / "x.wav", rate)
        with pytest.raises(ValueError, match=f"a rate of {rate} Hz"):
            resample(np.zeros(9), 8000, rate)
