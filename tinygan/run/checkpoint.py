"""Checkpoints: arrays by name in a safetensors file, with a SHA-256 over all that it says. Never pickle.

Loading a pickle runs whatever code is in it; loading one of these reads numbers. What cannot be read is told apart and
said in one sentence. `folder.py`, which is next, decides when checkpoints are written and which is read.
"""

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tinygan.backend import to_numpy
from tinygan.files import written_whole

FORMAT = 1  # goes up when an older tinygan could not read what is written


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
    from safetensors.numpy import save

    from tinygan import __version__

    arrays = {name: np.array(to_numpy(a), order="C") for name, a in arrays.items()}  # safetensors saves strided ones wrongly
    information = {"tinygan": __version__, "format": FORMAT, **metadata}
    information["sha256"] = _digest(arrays, information)
    # one entry: safetensors writes several in a random order, and equal checkpoints should be equal files
    write_file(path, save(arrays, {"tinygan": json.dumps(information)}))


def load_checkpoint(path):
    """Return (arrays, metadata) of a file that `save_checkpoint` wrote; RunError, in one sentence, for anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = Path(path).read_bytes()
        arrays = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except FileNotFoundError:
        raise Damaged(f"checkpoint {path} is missing") from None
    except OSError as error:
        raise RunError(f"checkpoint {path} cannot be read: {error.strerror}") from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        if content[:1] == b"\x80" or content[:4] == b"PK\x03\x04":
            raise Damaged(
                f"{path} is a pickle or a PyTorch file, and loading one runs whatever code it holds: tinygan reads"
                " safetensors only, into which safetensors.torch.save_file converts it"
            ) from None
        raise Damaged(f"{path} is no readable safetensors file ({error}); it is damaged or of another kind") from None
    try:
        metadata = json.loads(metadata["tinygan"])
        written, version, sha256 = metadata["format"], metadata["tinygan"], metadata.pop("sha256")
    except (KeyError, TypeError, ValueError):
        raise Damaged(
            f"{path} was not written by tinygan: its metadata does not have the form of a checkpoint"
        ) from None
    if isinstance(written, int) and written > FORMAT:
        raise RunError(
            f"{path} was written by a newer tinygan ({version}), in format {written}, and this one reads format {FORMAT}:"
            " pip install --upgrade tinygan"
        )
    if sha256 != _digest(arrays, metadata):
        raise Damaged(f"{path} is damaged: it does not have the SHA-256 that was saved with it")
    return arrays, metadata


def _digest(arrays, information):
    """Return the SHA-256 of all arrays and of all else that the file says, by name."""
    sha = hashlib.sha256(json.dumps(information, sort_keys=True).encode())
    for name in sorted(arrays):
        a = arrays[name]
        sha.update(f"{name} {a.dtype} {a.shape} ".encode())
        sha.update(a.tobytes())
    return sha.hexdigest()
