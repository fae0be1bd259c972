"""`tinygan doctor`: it says what is there and what is missing, and its exit code is right."""

import ctypes
import io
import os
import sys
import time

import numpy as np
import pytest

from tinygan import doctor

MATMUL_SPEED = doctor.matmul_speed


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A speed that is not measured, and an environment without settings."""
    monkeypatch.setattr(doctor, "matmul_speed", lambda: 123.4)
    for name in ("TINYGAN_DEVICE", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def told():
    """(exit code, text, first word of a line -> the rest of it)."""
    out = io.StringIO()
    code = doctor.report(out)
    lines = {line[:14].strip(): line[15:] for line in out.getvalue().splitlines()}
    return code, out.getvalue(), lines


def test_report(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path))
    (tmp_path / "classifier-digits-1.safetensors").write_bytes(b"")
    code, text, lines = told()
    assert code == 0 and text.endswith("training can run: tinygan train digits\n")
    assert lines["numpy"] == np.__version__ and lines["speed"].startswith("123 GFLOP/s")
    assert lines["cache"] == f"{tmp_path}: classifier-digits-1.safetensors"
    assert {"tinygan", "python", "cores", "BLAS", "matplotlib", "safetensors", "cupy", "data", "GPU", "device"} <= set(
        lines
    )
    assert "hint" not in lines and "problem" not in lines
    assert not any(line != line.rstrip() for line in text.splitlines())


CASES = {  # environment, what is said, exit code
    "older kernel": ({"OPENBLAS_CORETYPE": "Haswell"}, "hint           OPENBLAS_CORETYPE=Haswell pins", 0),
    "too many threads": ({"OMP_NUM_THREADS": "4096"}, "hint           4096 BLAS threads", 0),
    "no such device": ({"TINYGAN_DEVICE": "tpu"}, "problem        TINYGAN_DEVICE=tpu is not a device", 1),
    "no data folder": ({"TINYGAN_DATA": "/no/such/folder"}, "TINYGAN_DATA=/no/such/folder is not a folder", 0),
    "no data": ({"TINYGAN_DATA": ""}, "TINYGAN_DATA is not set", 0),
    "no cache yet": ({"TINYGAN_CACHE": "/no/such/folder"}, "/no/such/folder: empty", 0),
}


@pytest.mark.parametrize("environment, said, code", CASES.values(), ids=CASES)
def test_environment(monkeypatch, environment, said, code):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found, text, _ = told()
    assert said in text and found == code
    assert text.splitlines()[-1] == ("training cannot run yet" if code else "training can run: tinygan train digits")


def test_data_sets_found(monkeypatch, tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    assert told()[2]["data"] == f"{tmp_path}: mnist"


def test_gpu(monkeypatch):
    monkeypatch.setattr(doctor, "cuda_problem", lambda: "the driver sleeps")
    assert told()[2]["GPU"] == "the driver sleeps" and told()[0] == 0
    monkeypatch.setenv("TINYGAN_DEVICE", "cuda")
    code, text, _ = told()
    assert code == 1 and "TINYGAN_DEVICE asks for a GPU that cannot be used" in text
    monkeypatch.setattr(doctor, "cuda_problem", lambda: None)
    monkeypatch.setattr(doctor, "gpu_name", lambda: "a fine one")
    assert told()[0] == 0 and told()[2]["GPU"] == "a fine one"


@pytest.mark.parametrize(
    "source, fault",
    [(None, "is missing"), ("raise OSError('libfine.so: not found\\nmore')", "does not load: libfine.so: not found")],
)
def test_needed_package_that_fails(monkeypatch, tmp_path, source, fault):
    if source:
        (tmp_path / "fine_package.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "NEEDED", {"fine_package": "finer pictures"})
    code, text, lines = told()
    assert code == 1 and lines["fine_package"] == f"{fault} (for finer pictures)"
    assert f"fine_package {fault}, and training needs it for finer pictures: pip install --upgrade fine_package" in text


def test_package_without_a_distribution(monkeypatch, tmp_path):
    (tmp_path / "bare_package.py").write_text("__version__ = '7'")
    monkeypatch.syspath_prepend(tmp_path)
    assert doctor.installed("bare_package", load=True) == ("7", None)
    assert doctor.installed("numpy", load=False) == (np.__version__, None)


def test_slow_machine_gets_a_hint(monkeypatch):
    monkeypatch.setattr(doctor, "matmul_speed", lambda: 3.0)
    code, text, _ = told()
    assert code == 0 and "hint           3 GFLOP/s is slow" in text


def test_old_numpy_is_a_problem(monkeypatch):
    monkeypatch.setattr(doctor.np, "__version__", "1.26.4")
    code, text, _ = told()
    assert code == 1 and "NumPy 2.0 or newer is needed" in text


def test_openblas_is_asked_without_threadpoolctl(monkeypatch):
    known = doctor._kernel_and_threads()
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)  # as if it were not installed
    assert doctor._kernel_and_threads() in (known, (None, None))
    if os.path.isdir(os.path.join(os.path.dirname(os.path.dirname(np.__file__)), "numpy.libs")):
        assert doctor._kernel_and_threads() == known
    monkeypatch.setattr(ctypes, "CDLL", lambda path: ctypes)  # a library without these functions
    assert doctor._kernel_and_threads() == (None, None)
    assert "pip install threadpoolctl" in doctor.blas()


def test_speed_is_that_of_this_machine():
    begun = time.monotonic()
    assert 0.1 < MATMUL_SPEED(0.2) < 1e5
    assert time.monotonic() - begun < 10
