"""One clip: an animated GIF, PNG or WebP, or a folder of frames, as an array (T, 1 or 3, height, width) in [-1, 1].

`_read_promise` walks through a file's structure and unpacks no pixel. It finds how many frames there are, how large they
are, how long each lasts, and how many bytes it has. A file that ends too early, promises more than its bytes can hold, or
more than is read, is refused before memory is taken. Then Pillow decodes, frame by frame. A folder is read as
`read_pictures` reads it, but in the order of the numbers in its names: frame-2 before frame-10.
"""

import io
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygan.backend import Array

from ..files import DataError, list_files, list_some, note, open_file
from ..pictures.fitting import fit, middle_square, without_alpha
from ..pictures.own import read_files
from ..pictures.picture_file import SUFFIXES, find_format

MOST_BYTES = 1 << 28  # of a file
MOST_FRAMES = 10_000  # of a clip
MOST_PIXELS = 1 << 24  # of a clip as it is kept: 200 MB
MOST_OF_FRAME = 1 << 22  # pixels, 2048x2048: it takes as much while it is read
MOST_UNPACKED = 1 << 28  # pixels of all frames
FEW_UNPACKED, UNPACKED_PER_BYTE = 1 << 22, 1024  # of a small file, and of others
DEFLATE = 1032  # bytes that a byte of a PNG can unpack to, at most
LZW = 4096  # pixels that a code of a GIF can stand for, at most
SCALED = "the middle square of each frame is scaled to {size}x{size}"


class Promise(NamedTuple):
    """What a file says of itself: the size of its frames, how long each lasts (any unit), whether it has an end mark."""

    kind: str
    width: int
    height: int
    lasting: list[float]
    is_closed: bool


def read_clip(path: str | Path, size: int = 0) -> Array:
    """Return a clip: (T, 1 or 3, height, width) float32 in [-1, 1], 1 if it is grey; T is at least 2.

    A frame that lasts k times as long as the shortest counts k times. Transparent pixels become white. size: 0 keeps the
    frames as they are; otherwise the middle square of each is scaled to size x size. `note` says what was read. DataError
    for any other file.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, size)
    content, promise, times = open_clip(path, size)
    clip = decode_clip(path, content, promise, times, size)
    frames, first = len(promise.lasting), _shortest(promise)
    longer = f"; {sum(k > 1 for k in times):,} that last longer count several times" if len(clip) > frames else ""
    note(f"read: {len(clip):,} frames of {promise.width}x{promise.height} in {path.name}{longer}")
    if size and (promise.width, promise.height) != (size, size):
        note(SCALED.format(size=size))
    if not promise.is_closed:
        note(f"{path.name} has no end mark: frames may be missing")
    if times == [1] * frames and max(promise.lasting) > 1.5 * first:
        note("frames do not last equally long; each counts once")
    return _finish(clip)


def open_clip(path: Path, size: int) -> tuple[bytes, Promise, list[int]]:
    """Return (the bytes of a file, what it promises, how often each frame counts); DataError for what is not read.

    No pixel is unpacked.
    """
    with open_file(path, MOST_BYTES) as file:
        content = file.read()
    promise = _read_promise(path, content)
    frames, first = len(promise.lasting), _shortest(promise)
    times = [max(1, round(d / first)) for d in promise.lasting]
    if sum(times) > max(2 * frames, 100):  # the last frame of many stands for seconds
        times = [1] * frames
    _check_promise(path, promise, size, len(content), sum(times))
    return content, promise, times


def is_animated(path: Path) -> bool:
    """Return whether a picture file is, or pretends to be, an animation, which its beginning tells. DataError: it is none."""
    with open_file(path, MOST_BYTES) as file:
        content = file.read(1 << 16)
        kind = find_format(content)
        if kind is None:
            raise DataError(f"{path}: neither a clip nor a frame of one; remove it")
        if kind == "GIF":
            try:
                return len(_promise_of_gif(content + file.read()).lasting) > 1
            except (IndexError, ValueError):
                return True
    return b"acTL" in content.partition(b"IDAT")[0] if kind == "PNG" else kind == "WEBP" and b"ANIM" in content[12:]


def _shortest(promise: Promise) -> float:
    return min((d for d in promise.lasting if d > 0), default=1)


def _finish(clip: Array) -> Array:
    """Return frames in [0, 1] in [-1, 1], with one channel if all are grey."""
    clip *= 2
    clip -= 1
    return clip[:, :1] if clip.shape[1] == 3 and (clip[:, 1:] == clip[:, :1]).all() else clip


def _read_folder(folder: Path, size: int) -> Array:
    paths = sorted(list_files(folder, SUFFIXES, "pictures"), key=lambda path: number_order(path.relative_to(folder)))
    inside = Counter(path.parent for path in paths)
    if len(inside) > 1:
        shown = list_some(str(place.relative_to(folder)) for place in inside)
        raise DataError(f"{folder}: frames in several folders, {shown}; give the one that has the frames of a clip")
    if len(paths) > MOST_FRAMES:
        raise DataError(f"{folder}: {len(paths):,} frames, more than the {MOST_FRAMES:,} that are read; take some out")
    clip, _ = read_files(folder, paths, size)
    if len(clip) < 2:
        raise DataError(f"{folder}: one frame; a clip has two or more")
    if size:
        note(f"{SCALED.format(size=size)}, where it has another size")
    return _finish(clip)


def number_order(path: Path) -> list:
    """Return a key that puts frame-2 before frame-10: words and numbers in turn."""
    return [int(part) if k % 2 else part for k, part in enumerate(re.split(r"([0-9]{1,18})", str(path)))]


# --- what a file promises ------------------------------------------------------------------------------------------


def _read_promise(path: Path, content: bytes) -> Promise:
    """Return what a file promises. DataError for a still picture, a file that ends early, and too few bytes for a frame."""
    readers = {b"GIF8": _promise_of_gif, b"\x89PNG\r\n\x1a\n": _promise_of_png, b"RIFF": _promise_of_webp}
    read = next((read for start, read in readers.items() if content.startswith(start)), None)
    if read is None or read is _promise_of_webp and content[8:12] != b"WEBP":
        raise DataError(f"{path}: expected an animated GIF, PNG or WebP, or a folder of frames ({', '.join(SUFFIXES)})")
    try:
        promise = read(content)
    except IndexError:
        raise DataError(f"{path}: it ends too early, after {len(content):,} bytes; copy it again") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}; repair or remove it") from None
    if len(promise.lasting) < 2:
        raise DataError(f"{path}: a single picture; a clip has two frames or more")
    return promise


class _Reader:
    """Bytes that are read one after another; IndexError where they end too early."""

    def __init__(self, content: bytes, at: int = 0, order: Any = "little"):
        self.content, self.at, self.order = content, at, order

    def skip(self, n: int) -> None:
        if self.at + n > len(self.content):
            raise IndexError
        self.at += n

    def take(self, n: int) -> bytes:
        self.skip(n)
        return self.content[self.at - n : self.at]

    def number(self, n: int) -> int:
        return int.from_bytes(self.take(n), self.order)

    @property
    def is_done(self) -> bool:
        return self.at == len(self.content)


def _promise_of_gif(content: bytes) -> Promise:
    """Walk through the blocks of a GIF. GIF89a specification, sections 17 to 27."""
    file = _Reader(content, 6)
    width, height, packed, _, _ = (file.number(n) for n in (2, 2, 1, 1, 1))
    skip_colours = lambda packed: file.skip(3 << (packed & 7) + 1 if packed & 0x80 else 0)
    skip_colours(packed)
    lasting: list[float] = []
    delay = 0.0
    mark = 0
    while mark != 0x3B and not file.is_done:  # some writers leave out the end mark
        mark = file.number(1)
        if mark == 0x21:
            if file.number(1) == 0xF9:  # how long the next frame lasts
                file.skip(2)
                delay = file.number(2)
                file.at -= 4
            _skip_blocks(file)
        elif mark == 0x2C:
            left, top, w, h, packed = (file.number(n) for n in (2, 2, 2, 2, 1))
            skip_colours(packed)
            bits = file.number(1) + 1  # of the shortest code
            held = _skip_blocks(file)
            if w * h > LZW * (8 * held // bits):
                raise ValueError(
                    f"frame {len(lasting) + 1} promises {w}x{h} pixels, more than its {held:,} bytes can hold"
                )
            lasting.append(delay)
            width, height, delay = max(width, left + w), max(height, top + h), 0.0  # as Pillow makes room
        elif mark != 0x3B:
            raise ValueError(f"byte {file.at - 1:,} is {mark}, where a GIF's next frame should begin")
    return Promise("GIF", width, height, lasting, mark == 0x3B)


def _skip_blocks(file: _Reader) -> int:
    """Skip blocks up to an empty one; return how many bytes they held."""
    held = 0
    while n := file.number(1):
        file.skip(n)
        held += n
    return held


def _promise_of_png(content: bytes) -> Promise:
    """Walk through the chunks of an animated PNG. PNG specification, third edition, sections 5 and 11.3.6."""
    file = _Reader(content, 8, "big")
    width = height = depth = promised = 0
    lasting: list[float] = []
    area, held = 0, 0  # of the frame at hand

    def close() -> None:
        if area * depth > 8 * DEFLATE * held:
            raise ValueError(f"frame {len(lasting)} promises {area:,} pixels, more than its {held:,} bytes can hold")

    while True:
        length, kind = file.number(4), file.take(4)
        body = _Reader(content, file.at, "big")
        file.skip(length + 4)
        if kind == b"IHDR":
            width, height, bits, colours = (body.number(n) for n in (4, 4, 1, 1))
            depth = bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colours, 1)
        elif kind == b"acTL":
            promised = body.number(4)
        elif kind == b"fcTL":
            close()
            _, w, h, left, top, delay, of = (body.number(n) for n in (4, 4, 4, 4, 4, 2, 2))
            if left + w > width or top + h > height or not w * h:
                raise ValueError(
                    f"frame {len(lasting) + 1} is {w}x{h} pixels at {left}, {top}, outside of {width}x{height}"
                )
            lasting.append(delay / (of or 100))
            area, held = w * h, 0
        elif kind in (b"IDAT", b"fdAT"):
            held += length
        elif kind == b"IEND":
            break
    close()
    if promised != len(lasting):
        raise ValueError(f"it promises {promised:,} frames and holds {len(lasting):,}")
    return Promise("PNG", width, height, lasting, True)


def _promise_of_webp(content: bytes) -> Promise:
    """Walk through the chunks of a WebP. RFC 9649, section 2.7. One of a single colour takes no bytes for its pixels."""
    file = _Reader(content, 4)
    end = 8 + file.number(4)
    file.skip(4)
    width = height = 0
    lasting: list[float] = []
    while file.at < end:
        kind, length = file.take(4), file.number(4)
        body = _Reader(content, file.at)
        file.skip(length + length % 2)
        if kind == b"VP8X":
            body.skip(4)
            width, height = body.number(3) + 1, body.number(3) + 1
        elif kind == b"ANMF":
            left, top = (2 * body.number(3) for _ in range(2))
            w, h = (body.number(3) + 1 for _ in range(2))
            delay = body.number(3)
            if left + w > width or top + h > height:
                raise ValueError(
                    f"frame {len(lasting) + 1} is {w}x{h} pixels at {left}, {top}, outside of {width}x{height}"
                )
            lasting.append(delay)
    return Promise("WEBP", width, height, lasting, True)


def _check_promise(path: Path, promise: Promise, size: int, file_bytes: int, kept_frames: int) -> None:
    """Raise DataError for a clip with more frames or pixels than are read."""
    frames, pixels = len(promise.lasting), promise.width * promise.height
    kept = kept_frames * (size**2 if size else pixels)
    unpacked = min(MOST_UNPACKED, max(FEW_UNPACKED, UNPACKED_PER_BYTE * file_bytes))
    what = f"{path}: {frames:,} frames of {promise.width}x{promise.height}"
    if frames > MOST_FRAMES:
        raise DataError(f"{what}, more than the {MOST_FRAMES:,} that are read; cut it into pieces")
    if pixels > MOST_OF_FRAME or frames * pixels > unpacked:
        which, found, most = "a frame", pixels, MOST_OF_FRAME
        if pixels <= MOST_OF_FRAME:
            which, found, most = f"{file_bytes:,} bytes", frames * pixels, unpacked
        raise DataError(f"{what}: {found:,} pixels, more than the {most:,} that are read from {which}; make it smaller")
    if kept > MOST_PIXELS:
        side = math.isqrt(MOST_PIXELS // kept_frames)
        raise DataError(
            f"{what}: {kept:,} pixels, more than the {MOST_PIXELS:,} that are kept; frames of {side}x{side} fit"
        )


# --- frames --------------------------------------------------------------------------------------------------------


def decode_clip(path: Path, content: bytes, promise: Promise, times: list[int], size: int) -> Array:
    """Return the frames of a file, each so many times: (T, 3, height, width) in [0, 1]. DataError where one is damaged."""
    import warnings

    from PIL import Image

    clip = np.empty((sum(times), 3, size or promise.height, size or promise.width), np.float32)
    frame = at = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what it mends by itself
        try:
            picture: Any = Image.open(io.BytesIO(content), formats=[promise.kind])
            before = int(bool(getattr(picture, "default_image", False)))  # a PNG's still picture, which is not a frame
            for frame, k in enumerate(times):
                picture.seek(before + frame)
                shown = picture.convert("RGBA")
                if shown.size != (promise.width, promise.height):
                    raise ValueError(f"it is {shown.width}x{shown.height}, not {promise.width}x{promise.height}")
                if size:
                    shown = shown.crop(middle_square(shown.height, shown.width))
                values = np.asarray(shown, np.float32).transpose(2, 0, 1)[None] / np.float32(255)
                clip[at : at + k] = fit(without_alpha(values), size)
                at += k
        except Exception as error:  # Pillow's decoders raise what they happen to meet
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise DataError(f"{path}: frame {frame + 1} cannot be read ({reason}); copy it again") from None
    return clip
