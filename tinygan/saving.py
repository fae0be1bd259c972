"""`save` and `load`: arrays by name in a safetensors file, which PyTorch reads and writes too. Never pickle.

A trained network is `save(net.state_dict(), "net.safetensors")`, later `net.load_state_dict(load("net.safetensors"))`.
Runs have checkpoints of their own, with more in them and a checksum: `run/checkpoint.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygan import remedies
from tinygan.autodiff import Tensor, raw
from tinygan.backend import Array, to_numpy, xp
from tinygan.files import safetensors_numpy, written_whole

_KINDS = "bool, 8- to 64-bit integers, float16, float32, float64"


def save(arrays: Mapping[str, Tensor | Array], path: str | Path) -> None:
    """Write arrays or Tensors by name, such as a `state_dict()`, to a safetensors file that is whole or absent.

    Raises TypeError for anything else, which safetensors cannot hold, and OSError if the file cannot be written.
    """
    serialise = safetensors_numpy().save
    if isinstance(arrays, str | Path):
        raise TypeError("save(arrays, path): the path comes second")
    if hasattr(arrays, "state_dict"):
        kind = type(arrays).__name__
        raise TypeError(f"save: a {kind} is saved by its state: save({kind.lower()}.state_dict(), path)")
    if not isinstance(arrays, Mapping):
        raise TypeError(f"save: a {type(arrays).__name__} has no names: save({{'x': x}}, path)")
    contents = {name: np.array(_array(name, value), order="C") for name, value in arrays.items()}
    content = serialise(contents)  # of C-contiguous arrays: strided ones it saves wrongly
    if not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(f"save: the folder {Path(path).absolute().parent} does not exist: make it first")
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def _array(name: Any, value: Any) -> np.ndarray:
    """Return one entry as a numpy.ndarray; raise TypeError for what a safetensors file cannot hold."""
    if not isinstance(name, str):
        raise TypeError(f"save: the name {name!r} is not text")
    if isinstance(value, Mapping):
        raise TypeError(
            f"save: {name!r} is a dictionary, and the names in a file have no levels: write one file for each, or"
            f" join the names: {{f'{name}.{{k}}': v for k, v in {name}.items()}}"
        )
    if isinstance(value, bool | int | float):
        raise TypeError(f"save: {name!r} is a number: make it an array, np.array({value!r})")
    if isinstance(value, list | tuple):
        raise TypeError(f"save: {name!r} is a {type(value).__name__}: make it an array, np.array({name})")
    try:
        xp(raw(value))
    except TypeError:
        raise TypeError(f"save: {name!r} is a {type(value).__name__}; expected an array or a Tensor") from None
    array = to_numpy(raw(value))
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(f"save: {name!r} is of {array.dtype}, which safetensors does not hold: {_KINDS}")
    return array


def load(path: str | Path) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file by name; `load_state_dict` takes them as they are.

    Raises FileNotFoundError if there is no file, ValueError for a file of another kind or a damaged one.
    """
    load_file = safetensors_numpy().load_file
    from safetensors import SafetensorError

    path = Path(path)
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise FileNotFoundError(f"load: {path} {what} (here is {Path.cwd()})")
    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        with open(path, "rb") as file:
            head = file.read(4)
        if head[:1] == b"\x80" or head == b"PK\x03\x04":
            raise ValueError(
                f"load: {path} is a pickle, as torch.save writes, and reading one runs whatever code it holds. Where it"
                " comes from, write safetensors.torch.save_file(net.state_dict(), path)"
            ) from None
        raise ValueError(
            f"load: {path} is no readable safetensors file ({error}): damaged, or of another kind"
        ) from None


remedies.watch_functions(globals(), __name__)
