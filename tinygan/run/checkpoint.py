"""Checkpoints: arrays by name in a safetensors file, with a SHA-256 over all that it says. Never pickle.

Loading a pickle runs whatever code is in it; loading one of these reads numbers. What cannot be read is told apart and
said in one sentence. `folder.py`, which is next, decides when checkpoints are written and which is read.
"""

import hashlib
import json
import math
from contextlib import contextmanager

import numpy as np

from tinygan.backend import to_numpy
from tinygan.files import (
    Range,
    Unfit,
    check,
    open_arrays,
    open_regular,
    parse_json,
    safetensors_numpy,
    shown,
    written_whole,
)  # fmt: skip

FORMAT = 1  # goes up when an older tinygan could not read what is written
MOST_BYTES = 1 << 30  # of a checkpoint


class RunError(RuntimeError):
    """Something is wrong with a run or its folder. The message is one sentence: what, and what to do."""


class Damaged(RunError):
    """A checkpoint is missing, or it holds nothing that can be used. An older one may be good."""


@contextmanager
def writing(path):
    """Raise RunError if what the block writes to `path` fails."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{path} could not be written ({error.strerror or error}); is there space, and may you write there?"
        ) from None


def write_file(path, content):
    """Write bytes or text so that the file is whole at every instant; RunError if that fails."""
    with writing(path), written_whole(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def save_checkpoint(path, arrays, **metadata):
    """Write arrays by name as safetensors, with metadata (JSON values) and a SHA-256 that `load_checkpoint` checks."""
    from tinygan import __version__

    save = safetensors_numpy().save
    arrays = {name: np.array(to_numpy(a), order="C") for name, a in arrays.items()}  # safetensors saves strided ones wrongly
    information = {"tinygan": __version__, "format": FORMAT, **metadata}
    information["sha256"] = _digest(arrays, information)
    # one entry: safetensors writes several in a random order, and equal checkpoints should be equal files
    write_file(path, save(arrays, {"tinygan": json.dumps(information)}))


def load_checkpoint(path, look=None):
    """Return (arrays, metadata) of a file that `save_checkpoint` wrote; RunError, in one sentence, for anything else.

    look(shapes, metadata) is called before arrays are read and may refuse them.
    """
    try:
        with open_arrays(path, MOST_BYTES, follow=False) as found:
            metadata = _metadata(path, found.metadata)
            sha256 = metadata.pop("sha256")
            if look is not None:
                look(found.shapes, metadata)
            arrays = found.read()
    except FileNotFoundError:
        raise Damaged(f"checkpoint {path} is missing") from None
    except OSError as error:
        raise RunError(f"checkpoint {path} cannot be read: {error.strerror}") from None
    except Unfit as error:
        if _begins_with(path, b"\x80", b"PK\x03\x04"):
            raise Damaged(
                f"{path} is a pickle or a PyTorch file, and loading one runs whatever code it holds: tinygan reads"
                " safetensors only, into which safetensors.torch.save_file converts it"
            ) from None
        raise Damaged(f"{path} is no readable safetensors file ({error}); it is damaged or of another kind") from None
    if sha256 != _digest(arrays, metadata):
        raise Damaged(f"{path} is damaged: it does not have the SHA-256 that was saved with it")
    for name, a in arrays.items():
        if a.dtype.kind == "f" and not np.isfinite(a).all():
            raise Damaged(f"{path} is of no use: numbers in {shown(name)} are not finite")
    return arrays, metadata


def count_numbers(path):
    """Return how many numbers a checkpoint holds, 0 for a file that cannot be read."""
    try:
        with open_arrays(path, MOST_BYTES, follow=False) as found:
            return sum(map(math.prod, found.shapes.values()))
    except (OSError, Unfit):
        return 0


def _begins_with(path, *beginnings):
    with open_regular(path, MOST_BYTES, follow=False) as file:
        return file.read(4).startswith(beginnings)


def _metadata(path, found):
    """Return what a checkpoint says beside its arrays; RunError if this tinygan cannot read it."""
    try:
        check(found, {"tinygan": str})
        metadata = parse_json(found["tinygan"], {"tinygan": str, "format": Range(0, 2**31), "sha256": str})
    except Unfit:
        raise Damaged(
            f"{path} was not written by tinygan: its metadata does not have the form of a checkpoint"
        ) from None
    if metadata["format"] > FORMAT:
        raise RunError(
            f"{path} was written by a newer tinygan ({shown(metadata['tinygan'])}), in format"
            f" {shown(metadata['format'])}, and this one reads format {FORMAT}: pip install --upgrade tinygan"
        )
    return metadata


def _digest(arrays, information):
    """Return the SHA-256 of all arrays and of all else that the file says, by name."""
    sha = hashlib.sha256(json.dumps(information, sort_keys=True).encode())
    for name in sorted(arrays):
        a = arrays[name]
        sha.update(f"{name} {a.dtype} {a.shape} ".encode())
        sha.update(a.tobytes())
    return sha.hexdigest()
