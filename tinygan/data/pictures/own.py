"""Your own pictures: a folder of picture files, a NumPy file, or an IDX file, checked before training begins.

A folder is read with the folders inside it. `read_classes` takes a folder for each class, `read_sides` the folders `a` and
`b` of what is translated. Pictures stay grey if all are grey. A file that cannot be read is left out; how many were read,
which were not and why is said with `note`. A picture that does not fit the others is a DataError: one sentence that names
the file, the fault and the remedy. `picture_file.py` reads one file, `arrays.py` an array.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tinygan.backend import Array

from ..files import DataError, list_files, list_some, note, open_file, say_what_was_read
from .arrays import READERS
from .fitting import check_bytes, spread_out
from .picture_file import SUFFIXES, decode, find_format


def read_pictures(path: str | Path, size: int = 0) -> Array:
    """Return all pictures in a folder or file: (N, 1 or 3, height, width) float32 in [0, 1], in order of their names.

    size: 0 keeps each picture as it is; otherwise the middle square of each is scaled to size x size, and pictures may
    differ in size. An array in a file is (N, h, w), (N, h, w, C) or (N, C, h, w) with C = 1, 3 or 4; it holds bytes,
    16-bit integers, numbers 0 and 1, or fractions in [0, 1] or [-1, 1]. What is left out is said with `note`.
    """
    path = Path(path)
    if path.is_dir():
        return read_files(path, list_files(path, SUFFIXES, "pictures"), size)[0]
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    with open_file(path) as f:
        start = f.read(6)
    if find_format(start):
        raise DataError(f"{path}: a single picture; give the folder that it lies in, with others like it")
    read: Callable[[Path, int], Array] | None = next((READERS[kind] for kind in READERS if start.startswith(kind)), None)
    if read is None:
        raise DataError(f"{path}: expected a folder of {', '.join(SUFFIXES)} files, a .npy or .npz array, or an IDX file")
    return _grey_if_all_are(read(path, size))


def read_classes(folder: str | Path, size: int = 0) -> tuple[Array, Array, list[str]]:
    """Return pictures of a folder that has a folder for each class: (pictures as of `read_pictures`, labels (N,), names).

    A class is named as its folder, and has a label by its place among the names in alphabetical order. DataError if there
    are fewer than two classes.
    """
    folder = _expect_folder(folder, "a folder for each class")
    paths = list_files(folder, SUFFIXES, "pictures")
    within = [path for path in paths if path.parent != folder]
    if len(within) < len(paths):
        apart = list_some(path.name for path in paths if path.parent == folder)
        note(f"left out: {len(paths) - len(within):,} pictures that lie beside the folders of classes: {apart}")
    images, kept = read_files(folder, within, size) if within else (np.empty(0, np.float32), [])
    classes = [path.relative_to(folder).parts[0] for path in kept]
    labels = {name: label for label, name in enumerate(sorted({*classes}))}
    if len(labels) < 2:
        found = f"one class, {classes[0]}" if labels else "no class"
        raise DataError(f"{folder}: {found}: expected a folder of pictures for each of two or more classes")
    return images, np.array([labels[name] for name in classes]), [*labels]


def read_sides(folder: str | Path, size: int = 0) -> tuple[Array, Array, bool]:
    """Return (pictures of the folder `a`, pictures of `b`, whether they are paired: a[i] belongs to b[i]).

    They are paired if at least half of the files of either side have a partner of the same name, whatever its ending;
    those without are then left out, and said. Otherwise the two have nothing to do with each other.
    """
    folder = _expect_folder(folder, "the folders a and b")
    sides = []
    for name in "ab":
        side = folder / name
        if not side.is_dir():
            raise DataError(f"{side}: no such folder; expected pictures of the one kind in {folder / 'a'}, of the other in b")
        if not Path(os.path.realpath(side)).is_relative_to(os.path.realpath(folder)):
            raise DataError(f"{side}: a link to what is elsewhere; put the folder itself there")
        images, kept = read_files(side, list_files(side, SUFFIXES, "pictures"), size)
        rows = {path.relative_to(side).with_suffix(""): i for i, path in reversed([*enumerate(kept)])}
        sides.append((images, kept, rows))
    (a, _, rows_a), (b, _, rows_b) = sides
    pairs = sorted(rows_a.keys() & rows_b.keys())
    if 2 * len(pairs) < max(len(a), len(b)):
        note(f"not paired: {len(pairs):,} of {len(a):,} files in a and of {len(b):,} in b have a partner of the same name")
        return a, b, False
    note(f"{len(pairs):,} pairs of files of the same name in a and b")
    for _, kept, rows in sides:
        partnered = {rows[name] for name in pairs}
        alone = [str(path.relative_to(folder)) for i, path in enumerate(kept) if i not in partnered]
        if alone:
            note(f"left out: {len(alone):,} files without a partner: {list_some(alone)}")
    return a[[rows_a[name] for name in pairs]], b[[rows_b[name] for name in pairs]], True


def _expect_folder(folder: str | Path, expected: str) -> Path:
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}; expected one with {expected}")
    return folder


def _grey_if_all_are(images: Array) -> Array:
    return images[:, :1] if images.shape[1] == 3 and (images == images[:, :1]).all() else images


# --- folders -----------------------------------------------------------------------------------------------------


def read_files(folder: Path, paths: list[Path], size: int) -> tuple[Array, list[Path]]:
    """Return (the pictures in these files of a folder, the files themselves), without those that cannot be read."""
    images, kept, unread = np.empty(0, np.float32), list[Path](), dict[str, list[str]]()
    brightest, white = 0, 255
    for path in paths:
        try:
            image, *numbers = decode(path, size)
        except DataError as error:
            reason = str(error).removeprefix(str(DataError(f"{path}: ")))
            unread.setdefault(reason, []).append(str(path.relative_to(folder)))
            continue
        if not kept:
            check_bytes(folder, len(paths), (3, *image.shape[1:]), size, sum(path.stat().st_size for path in paths))
            images = np.empty((len(paths), 3, *image.shape[1:]), np.float32)
        if image.shape[1:] != images.shape[2:]:
            a, b = (f"{p.relative_to(folder)} is {x.shape[-2]}x{x.shape[-1]}" for p, x in ((kept[0], images), (path, image)))
            raise DataError(f"{folder}: {a}, {b}: pictures must be of one size; --set size=32 makes them 32x32")
        images[len(kept)] = image
        kept.append(path)
        brightest, white = max((brightest, white), numbers, key=lambda pair: pair[0] / pair[1])
    say_what_was_read(folder, len(kept), unread, "picture files")
    images = images[: len(kept)]
    spread_out(images, brightest, white)
    return _grey_if_all_are(images), kept
