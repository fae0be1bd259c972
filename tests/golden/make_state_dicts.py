"""Writes layers.safetensors: what torch.nn makes of every row of tests/layer_cases.py. Needs torch.

    python tests/golden/make_state_dicts.py

For a row `name`, `name/state/...` is a state_dict as PyTorch saves it, then come inputs, outputs and gradients in training
mode, the buffers after that, and the outputs in eval mode if they are others. It also goes the other way: tinygan makes
every layer and saves it, PyTorch loads the file strictly, and must compute the same.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file as load_tensors

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from layer_cases import CASES, outputs_of, upstream  # noqa: E402

import tinygan.nn  # noqa: E402
from tinygan.autodiff import Tensor  # noqa: E402

TORCH = vars(torch.nn) | {"spectral_norm": torch.nn.utils.spectral_norm}


def to_torch(array):
    tensor = torch.from_numpy(array)
    return tensor.double().requires_grad_() if array.dtype == np.float32 else tensor


def stored(tensor):
    array = tensor.detach().numpy()
    if array.dtype != np.float64:
        return array.copy()
    return (array.round(12) + 0.0).astype("float32")  # what rounding leaves of a 0 would differ from run to run


def golden(case, seed):
    """All arrays of a row, by name."""
    torch.manual_seed(seed)
    layer = eval(case.make, TORCH)
    with torch.no_grad():  # affine weights and running statistics that are not 0 and 1
        for name, p in layer.named_parameters():
            if "bias" in name or "Norm" in case.make:
                p.add_(torch.randn(p.shape) * 0.2)
        for name, b in layer.named_buffers():
            if "running" in name:
                b.add_(torch.rand(b.shape))
    arrays = {f"state/{k}": v.numpy().copy() for k, v in layer.state_dict().items()}
    layer.double()
    inputs = case.draw(seed)
    arrays |= {f"input/{i}": x for i, x in enumerate(inputs)}
    tensors = [to_torch(x) for x in inputs]
    outputs = outputs_of(case, layer, tensors)
    arrays |= {f"output/{i}": stored(y) for i, y in enumerate(outputs)}
    sum((y * torch.from_numpy(upstream(y.shape))).sum() for y in outputs).backward()
    gradients = {k: p.grad for k, p in layer.named_parameters()} | {f"input.{i}": x.grad for i, x in enumerate(tensors)}
    arrays |= {f"grad/{k}": stored(g) for k, g in gradients.items() if g is not None}
    arrays |= {f"after/{k}": stored(b) for k, b in layer.named_buffers()}
    layer.eval()
    used = {f"eval/{i}": stored(y) for i, y in enumerate(outputs_of(case, layer, tensors))}
    if any((array != arrays[key.replace("eval", "output")]).any() for key, array in used.items()):
        arrays |= used
    return arrays


def check_the_way_back(case, seed, folder):
    """A file written by tinygan loads in PyTorch, strictly, and gives the same outputs."""
    ours = eval(case.make, vars(tinygan.nn))
    path = folder / "layer.safetensors"
    save_arrays(ours.state_dict(), path)
    theirs = eval(case.make, TORCH)
    theirs.load_state_dict(load_tensors(path), strict=True)
    inputs = case.draw(seed)
    for layer in (ours, theirs):
        layer.eval()
    expected = outputs_of(case, theirs, [torch.from_numpy(x) for x in inputs])
    found = outputs_of(case, ours, [Tensor(x) for x in inputs])
    for y, z in zip(found, expected, strict=True):
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-5, atol=1e-5)


def main():
    arrays = {}
    for seed, (name, case) in enumerate(CASES.items()):
        arrays |= {f"{name}/{key}": array for key, array in golden(case, seed).items()}
    path = HERE / "layers.safetensors"
    save_arrays({key: np.ascontiguousarray(array) if array.ndim else array for key, array in arrays.items()}, path)
    print(f"{path}: {path.stat().st_size:,} bytes")
    with tempfile.TemporaryDirectory() as folder:
        for seed, case in enumerate(CASES.values()):
            check_the_way_back(case, seed, Path(folder))
    print(f"{len(CASES)} layers saved by tinygan load in PyTorch and compute the same")


if __name__ == "__main__":
    main()
