"""Clips of your own: a folder of animated GIFs, PNGs and WebPs, and of folders of frames; perhaps a folder for each class.

    own/ball/1.gif, own/ball/2.webp, own/ring/a/frame-1.png, own/ring/a/frame-2.png, ...: the classes ball and ring

`read_clips` looks at what all files promise before it unpacks one: what is unfit is left out and named, and a folder that
promises too much in all is refused. `OwnClips` is the world that `video` learns: its labels are the classes, and what
D sees is cut out of the clips at random places. A tenth of the clips of each class is held out.
"""

import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygan.backend import Array, stream

from ..files import DataError, fingerprint, gather_notes, list_files, list_some, note, refuse_others, say_what_was_read
from ..pictures import picture_file
from ..pictures.own import read_files
from .clip_file import MOST_FRAMES, UNPACKED_PER_BYTE, decode_clip, is_animated, number_order, open_clip

SUFFIXES = *picture_file.SUFFIXES, ".apng"
MOST_KEPT = 1 << 26  # pixels of all clips as they are kept: 65,536 frames of 32x32, 800 MB
FEW_UNPACKED, MOST_UNPACKED = 1 << 30, 1 << 34  # pixels of all frames: of small files, and of others, 10 minutes
FEWEST = 5  # clips of a class
SIDE = 32


class _Found(NamedTuple):
    """A clip: its files, one or frame by frame; how many frames it has; what is unpacked for them; the bytes of a file."""

    files: list[Path]
    frames: int
    unpacked: int = 0
    bytes: int = 0


def read_clips(folder: str | Path, size: int, least: int = 2) -> tuple[list[Array], Array, list[str]]:
    """Return (clips, their labels (N,), the names of classes) of a folder; a clip is (T, 3, size, size) in [-1, 1].

    A clip is a file, or a folder of frames in the order of their numbers. A class is named as the folder that its clips
    lie in; there may be none, and labels are then 0. The middle square of each frame is scaled to size x size. Clips of
    fewer than `least` frames are left out. `note` says what was read, what was left out and why. DataError if no clip is
    left, or if there is too much.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}; expected one with clips")
    unread: dict[str, list[str]] = {}
    found = _choose(folder, _find(folder, size, unread), least, unread)
    _check_all(folder, found, size)
    clips, kept = [], []
    with gather_notes() as notes:  # of frames that cannot be read, among others
        for path, about in found.items():
            try:
                clip = _read(folder, path, about, size)
                if not np.ptp(clip, 0).any():
                    raise DataError("nothing moves in it")
                clips.append(clip)
                kept.append(path)
            except DataError as error:
                _leave_out(unread, folder, path, error)
    for line in (lines := [line for line in notes if line.startswith("left out")])[:3]:
        note(line)
    if len(lines) > 3:
        note(f"left out: frames of {len(lines) - 3:,} more clips")
    say_what_was_read(folder, len(clips), unread, "clips")
    classes = [_class_of(folder, path) for path in kept]
    names = sorted({*classes} - {""})
    return clips, np.array([names.index(name) if name else 0 for name in classes]), names


def _find(folder: Path, size: int, unread: dict) -> dict[Path, _Found]:
    """Return all clips, by the path of a file or a folder of frames; what is unfit goes to `unread`, {reason: names}."""
    found, frames, aside = dict[Path, _Found](), dict[Path, list[Path]](), list[str]()
    for path in list_files(folder, SUFFIXES, "clips or frames"):
        try:
            if not is_animated(path):
                frames.setdefault(path.parent, []).append(path)
                continue
            content, promise, times = open_clip(path, size)
            pixels = len(promise.lasting) * promise.width * promise.height
            found[path] = _Found([path], sum(times), pixels, len(content))
        except DataError as error:
            _leave_out(unread, folder, path, error)
    homes = {parent for path in [*found, *frames] for parent in path.parents}
    for place, paths in frames.items():
        if place in homes:
            aside += [str(path.relative_to(folder)) for path in paths]
        else:
            paths.sort(key=lambda path: number_order(path.relative_to(place)))
            found[place] = _Found(paths, len(paths))
    if aside:
        note(f"left out: {len(aside):,} pictures that lie beside clips: {list_some(aside)}")
    return found


def _choose(folder: Path, found: dict[Path, _Found], least: int, unread: dict) -> dict[Path, _Found]:
    """Return the clips that are long enough and, where there are classes, lie in one; the others are said."""
    classes = {path: _class_of(folder, path) for path in found}
    beside = [path for path in found if not classes[path]] if any(classes.values()) else []
    if beside:
        apart = list_some(str(path.relative_to(folder)) for path in beside)
        note(f"left out: {len(beside):,} clips that lie beside the folders of classes: {apart}")
    chosen = dict[Path, _Found]()
    for path in sorted(found.keys() - {*beside}, key=lambda path: number_order(path.relative_to(folder))):
        frames = found[path].frames
        if least <= frames <= MOST_FRAMES:
            chosen[path] = found[path]
        else:
            fault = f"fewer than {least} frames" if frames < least else f"more than {MOST_FRAMES:,} frames; cut it"
            _leave_out(unread, folder, path, DataError(fault))
    return chosen


def _class_of(folder: Path, path: Path) -> str:
    """Return the name of the folder in `folder` that a clip lies in, "" if it lies in none."""
    inside = path.relative_to(folder).parts
    return inside[0] if len(inside) > 1 else ""


def _check_all(folder: Path, found: dict[Path, _Found], size: int) -> None:
    """Raise DataError for clips that are too much together, before one is unpacked."""
    frames, unpacked, held = (sum(column) for column in zip(*(about[1:] for about in found.values()), (0, 0, 0)))
    most = min(MOST_UNPACKED, max(FEW_UNPACKED, UNPACKED_PER_BYTE * held))
    what = f"{folder}: {len(found):,} clips of {frames:,} frames in all"
    if unpacked > most:
        raise DataError(
            f"{what}: {unpacked:,} pixels, more than the {most:,} that are read from {held:,} bytes; take some out"
        )
    if frames * size**2 > MOST_KEPT:
        raise DataError(f"{what}, more than the {MOST_KEPT // size**2:,} of {size}x{size} that are kept; take some out")


def _read(folder: Path, path: Path, about: _Found, size: int) -> Array:
    if path.is_dir():
        clip, _ = read_files(folder, about.files, size)
        clip = np.repeat(clip, 3 // clip.shape[1], 1)
    else:
        content, promise, times = open_clip(path, size)
        clip = decode_clip(path, content, promise, times, size)
        if not promise.is_closed:
            note(f"left out, perhaps, the last frames of {path.relative_to(folder)}: it has no end mark")
    return 2 * clip - 1


def _leave_out(unread: dict, folder: Path, path: Path, error: DataError) -> None:
    reason = str(error).removeprefix(str(DataError(f"{path}: ")))
    unread.setdefault(reason, []).append(str(path.relative_to(folder)))


# --- a world of them -----------------------------------------------------------------------------------------------


class OwnClips:
    """The world of a reader's clips. A label says the class twice: what is shown, and how it moves.

    Parts: "train", and "unseen" or "held_out", which are one here. With `saved`, clips are read when they are needed.
    """

    name, shape, steps = "own", (3, SIDE, SIDE), 0

    def __init__(self, folder: str, frames: int, saved: dict | None = None) -> None:
        """frames: clips that have fewer are left out."""
        self.folder, self.frames = folder, frames
        self.saved: dict = saved or self._begin()
        self.names = self.saved["names"]
        self.shown = self.motion = {"class": len(self.names)}
        self.source = f"{self.saved['checksum']:08x}"  # judges of these clips are stored under this name

    def _begin(self) -> dict:
        """Return what a run saves of its clips."""
        clips, labels, names = self._everything
        shown = f"in {len(names):,} classes, {list_some(names)}" if names else "with one label: no folders of classes"
        note(f"{len(clips):,} clips {shown}; the middle square of each is scaled to {SIDE}x{SIDE}; a tenth is held out")
        for k, name in enumerate(names or ["no class"]):
            if (count := int((labels == k).sum())) < FEWEST:
                raise DataError(f"{self.folder}: {count} clips of {name}: at least {FEWEST} of each class are needed")
        return {"world": self.name, "source": "", "names": names or ["clip"], "checksum": fingerprint(*clips, labels)}

    @cached_property
    def _everything(self) -> tuple[list[Array], Array, list[str]]:
        return read_clips(self.folder, SIDE, self.frames)

    @cached_property
    def _parts(self) -> tuple[list[list[Array]], list[list[Array]]]:
        """Return the clips of each class to learn from, and those held out. DataError: they are not those of the run."""
        clips, labels, _ = self._everything
        refuse_others(self.folder, fingerprint(*clips, labels), self.saved["checksum"], "clips")
        learned, held_out = [], []
        for k in range(len(self.names)):
            rows = stream(0, "held out", k).permutation(np.flatnonzero(labels == k))
            count = max(1, len(rows) // 10)
            held_out.append([clips[i] for i in rows[:count]])
            learned.append([clips[i] for i in rows[count:]])
        return learned, held_out

    def middles(self, part: str) -> Array:
        """Return the middle frame of each clip of a part, (N, 3, 32, 32)."""
        return np.stack([clip[len(clip) // 2] for of_class in self._parts[part != "train"] for clip in of_class])

    def scenes(self, part: str, n: int, rng: np.random.Generator) -> list[int]:
        """Return n classes, by chance; all are as likely."""
        return rng.integers(len(self.names), size=n).tolist()

    def draw(self, scenes: Sequence[int], frames: int, rng: np.random.Generator, part: str = "train") -> Array:
        """Return clips (N, frames, 3, 32, 32) of these classes, each cut out of one of a part at a random place."""
        cut = []
        for label in scenes:
            of_class = self._parts[part != "train"][label]
            clip = of_class[rng.integers(len(of_class))]
            begin = rng.integers(len(clip) - frames + 1)
            cut.append(clip[begin : begin + frames])
        return np.stack(cut)

    def rows(self, scenes: Sequence[int]) -> Array:
        """Return the labels of classes, (N, 2)."""
        return np.stack([scenes, scenes], 1)

    def say(self, label: int, rng: Any = None) -> str:
        """Return the name of a class."""
        return self.names[label]

    def read(self, sentence: str) -> int:
        """Return the class of this name, in capitals or not; DataError for any other."""
        fold = lambda name: unicodedata.normalize("NFC", name).strip().casefold()
        known = {fold(name): label for label, name in enumerate(self.names)}
        known |= {name: label for label, name in enumerate(self.names)}  # names may differ by capitals alone
        name = sentence.strip()
        if (name := name if name in known else fold(name)) not in known:
            raise DataError(f"{sentence!r}: expected the name of a class: {list_some(self.names)}")
        return known[name]
