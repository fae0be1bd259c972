"""WAV files: one is read, a folder of them is read, one is written; sound of one rate becomes sound of another.

A sound is an array (T,), float32 in [-1, 1], with a rate in Hz: samples per second. Files of 8, 16, 24 and 32 bits and of
32 and 64 bit fractions are read; channels are mixed to one. A file is a row of chunks, each with a name and a length. A
length that promises more than the file holds is refused before memory is taken. `resample` is a windowed sinc.
"""

import io
import math
import os
import struct
import wave
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from tinygan.backend import Array
from tinygan.files import written_whole

from .files import DataError, list_files, list_some, note, open_file, read_exactly, say_what_was_read

SUFFIXES = ".wav", ".wave"
RATES = 1000, 384_000  # Hz, the lowest and the highest
MOST_SAMPLES = 1 << 26  # of a file, before and after resampling: 25 minutes at 44,100 Hz, 256 MB as float32
MOST_CHANNELS, MOST_CHUNKS = 32, 1000
PIECE = 1 << 18  # frames that are read at a time
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # kinds of numbers, as files name them
NUMBERS = {(PCM, 8): "u1", (PCM, 16): "<i2", (PCM, 24): "", (PCM, 32): "<i4", (FLOAT, 32): "<f4", (FLOAT, 64): "<f8"}
KINDS = {  # of those that are not read, the best known
    2: "ADPCM", 6: "A-law", 7: "mu-law", 0x11: "ADPCM", 0x31: "GSM", 0x50: "MPEG", 0x55: "MP3", 0xFF: "AAC",
}  # fmt: skip


def read_wave(path: str | Path, rate: int | None = None) -> tuple[Array, int]:
    """Return the sound in a WAV file, mixed to one channel: samples (T,) float32 in [-1, 1], and its rate in Hz.

    rate: resample to this rate. Fractions that go beyond 1 are scaled down to it, and that is said with `note`.
    DataError, one sentence, for any other file; ValueError for a rate that is not in RATES.
    """
    path = Path(path)
    if rate is not None:
        _check_rate(rate)
    sound, own, loudest = _read(path, rate)
    if loudest > 1:
        note(f"scaled down: {path.name} reaches {loudest:.3g}, and full scale is 1")
    rate = own if rate is None else rate
    return resample(sound, own, rate), rate


def _read(path: Path, rate: int | None) -> tuple[Array, int, float]:
    """Return the sound in a file at its own rate, that rate, and how far it went before it was scaled down to 1.

    rate: which it will have. DataError for a file that is refused.
    """
    with open_file(path) as file:
        try:
            about, frames = _find_sound(file)
            if frames * max(1.0, (rate or about.rate) / about.rate) > MOST_SAMPLES:
                raise ValueError(f"longer than the {MOST_SAMPLES:,} samples that are read; cut it into pieces")
            sound = _mix(file, frames, about)
        except ValueError as error:
            raise DataError(f"{path}: {error.args[0]}") from None
    loudest = float(np.abs(sound).max())
    return sound / np.float32(max(1.0, loudest)), about.rate, loudest


class _Format(NamedTuple):
    """What the chunk `fmt ` says: kind of number, bits of one, channels, Hz, and bytes of a frame, a number a channel."""

    kind: int
    bits: int
    channels: int
    rate: int
    frame: int


def _find_sound(file: BinaryIO) -> tuple[_Format, int]:
    """Return the format of a file, and how many frames of sound follow where it now stands. ValueError says the fault."""
    end = os.fstat(file.fileno()).st_size
    head = file.read(12)
    if head[:4] in (b"RIFX", b"RF64"):
        raise ValueError(f"a WAV file of the kind {head[:4].decode()}, which is not read; save it as plain WAV")
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise ValueError("not a WAV file, which begins with RIFF and WAVE; save it as WAV")
    about = None
    for _ in range(MOST_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8:
            raise ValueError("it ends before its sound; copy it again")
        name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
        left = end - file.tell()
        if size > left:
            said = "its sound" if name == b"data" else f"its chunk {name.decode('latin-1')!r}"
            raise ValueError(f"{said} has {size:,} bytes, its header says, and {left:,} follow; copy or save it again")
        if name == b"fmt ":
            about = _read_format(file.read(min(size, 40)))
            file.seek(max(0, size - 40) + size % 2, os.SEEK_CUR)
        elif name != b"data":
            file.seek(size + size % 2, os.SEEK_CUR)  # a chunk begins at an even place
        elif about is None:
            raise ValueError("its sound comes before its format; save it again")
        elif size < about.frame:
            raise ValueError("holds no sound")
        else:
            return about, size // about.frame
    raise ValueError(f"has more than {MOST_CHUNKS:,} chunks before its sound; save it again")


def _read_format(content: bytes) -> _Format:
    """Return the format that a chunk `fmt ` tells. ValueError for one that is not read, or contradicts itself."""
    if len(content) < 16:
        raise ValueError(f"its format has {len(content)} bytes: expected 16 or more; save it again")
    kind, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", content[:16])
    if kind == EXTENSIBLE and len(content) >= 26:
        kind = int.from_bytes(content[24:26], "little")
    if (kind, bits) not in NUMBERS:
        what = f"{bits} bits" if kind == PCM else f"fractions of {bits} bits" if kind == FLOAT else ""
        what = what or f"{KINDS.get(kind, 'the kind')} ({kind:#x})"
        raise ValueError(f"holds {what}: 8, 16, 24, 32 bits and fractions of 32 or 64 are read; save it as 16 bits")
    if not 1 <= channels <= MOST_CHANNELS or frame != channels * bits // 8:
        raise ValueError(f"has {channels} channels of {bits} bits in frames of {frame} bytes; save it again")
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"has {rate:,} samples per second: expected {RATES[0]:,} to {RATES[1]:,}")
    return _Format(kind, bits, channels, rate, frame)


def _mix(file: BinaryIO, frames: int, about: _Format) -> Array:
    """Return the mean of the channels of a sound, float32 (T,); whole numbers become fractions in [-1, 1)."""
    sound = np.empty(frames, np.float32)
    for start in range(0, frames, PIECE):
        part = sound[start : start + PIECE]
        content = read_exactly(file, len(part) * about.frame)
        if about.bits == 24:
            numbers = np.zeros((len(part) * about.channels, 4), np.uint8)
            numbers[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)  # the highest three bytes of 32 bits
            values = numbers.view("<i4")[:, 0] / 2.0**31
        else:
            with np.errstate(invalid="ignore"):  # some values that are not numbers complain
                values = np.frombuffer(content, NUMBERS[about.kind, about.bits]).astype(np.float64)
            if about.bits == 8:
                values = values / 128 - 1
            elif about.kind == PCM:
                values = values / 2.0 ** (about.bits - 1)
        if not np.abs(values).max() < 1e30:  # float32 goes to 3e38
            raise ValueError("holds fractions that are not finite, or too large; save it again")
        part[:] = values.reshape(-1, about.channels).mean(1)
    return sound


def read_waves(folder: str | Path, rate: int) -> tuple[list[Array], list[Path]]:
    """Return the sounds (T,) of all WAV files in a folder and those inside it, at `rate` Hz, and the files, by name.

    Files that cannot be read are left out. How many were read, which were not and why is said with `note`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}; expected one with WAV files")
    sounds, kept, unread, rates = list[Array](), list[Path](), dict[str, list[str]](), set[int]()
    loud, total = list[str](), 0
    for path in list_files(folder, SUFFIXES, "WAV files"):
        name = str(path.relative_to(folder))
        try:
            sound, own, loudest = _read(path, rate)
        except DataError as error:
            unread.setdefault(str(error).removeprefix(str(DataError(f"{path}: "))), []).append(name)
            continue
        total += round(len(sound) * rate / own)
        if total > MOST_SAMPLES:
            raise DataError(f"{folder}: longer than the {MOST_SAMPLES:,} samples that are read, in all; take some files out")
        sounds.append(resample(sound, own, rate))
        kept.append(path)
        rates.add(own)
        loud += [name] if loudest > 1 else []
    say_what_was_read(folder, len(kept), unread, "WAV files")
    if others := sorted(rates - {rate}):
        note(f"resampled to {rate:,} Hz, from {list_some(f'{own:,}' for own in others)} Hz")
    if loud:
        note(f"scaled down, for they go beyond full scale, 1: {list_some(loud)}")
    return sounds, kept


def write_wave(path: str | Path, sound: Array, rate: int) -> None:
    """Write a sound (T,) in [-1, 1] as a WAV file of one channel with 16 bits per sample; what is beyond is clipped.

    ValueError for another shape; DataError for numbers that are not finite.
    """
    sound = np.asarray(sound)
    if sound.ndim != 1:
        raise ValueError(f"write_wave: sound {sound.shape}: expected one channel, (T,)")
    if not np.isfinite(sound).all():
        faults = np.sum(~np.isfinite(sound))
        raise DataError(f"{path}: not written: {faults:,} of {len(sound):,} samples are not finite numbers")
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    with written_whole(path) as temporary:
        temporary.write_bytes(content.getvalue())


# --- another rate ------------------------------------------------------------------------------------------------

ZEROS = 32  # zero crossings of the sinc on either side
PASSED = 0.92  # cut at this share of half the lower rate: up to .84 of it all passes, from 1 on nothing
BETA = 8.0  # Kaiser's window: what shall be left out falls to -80 dB
BLOCK = 1 << 22  # numbers of input that are gathered at a time


def resample(sound: Array, old: int, new: int) -> Array:
    """Return a sound (T,) of the rate `old` at the rate `new`, (⌈T new / old⌉,) float32; both in Hz.

    y(n) = Σ_k x(k) h(n old/new - k), h a sinc under Kaiser's window. Sines up to .84 of half the lower rate keep their
    height to 2e-4, those from 1 on fall below 1e-4. Smith 1984, *A flexible sampling-rate conversion method*.
    """
    for rate in (old, new):
        _check_rate(rate)
    if np.ndim(sound) != 1:
        raise ValueError(f"resample: sound {np.shape(sound)}: expected one channel, (T,)")
    sound = np.asarray(sound, np.float32)
    if old == new or not len(sound):
        return sound
    common = math.gcd(old, new)
    up, down = new // common, old // common  # output n lies at the place n down / up of the input
    cut = PASSED * min(1.0, up / down)
    reach = math.ceil(ZEROS / cut)
    taps = np.arange(-reach, reach + 1)
    padded = np.pad(sound, reach)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)  # row k: x around place k
    result = np.empty(-(-len(sound) * up // down), np.float32)
    for phase in range(min(up, len(result))):  # outputs of a phase lie equally between two inputs: they share h
        first, between = divmod(phase * down, up)
        distance = taps - between / up
        h = np.sinc(cut * distance) * np.i0(BETA * np.sqrt(np.maximum(0, 1 - (distance / reach) ** 2)))
        h = (h / h.sum()).astype(np.float32)
        rows = windows[first::down][: len(result[phase::up])]
        each = max(1, BLOCK // len(h))
        made = [np.ascontiguousarray(rows[k : k + each]) @ h for k in range(0, len(rows), each)]
        result[phase::up] = np.concatenate(made)
    return result


def _check_rate(rate: int) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"a rate of {rate} Hz: expected {RATES[0]:,} to {RATES[1]:,}")
