"""Imports point one way, and `import tinygan` is light: numpy and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinygan

ROOT = Path(tinygan.__file__).parent

# A part may import the parts on floors below its own. So `run` cannot know what a GAN is.
FLOORS = [
    {"backend", "checks", "files", "seeding", "remedies", "progress", "console"},
    {"threads", "tensors"},
    {"autodiff"},
    {"ops"},
    {"losses", "gradcheck", "optim", "data", "distributed", "creation", "saving"},
    {"nn"},
    {"metrics", "plot", "run"},
    {"gan"},
    {"networks", "text"},
    {"recipes"},
    {"lab", "doctor", "lessons", "opening", "grading"},
    {"commands"},
    {"cli"},
    {"__main__", "profile", "pytest_plugin"},
    {"__init__"},  # names the parts, and imports them when they are asked for
]
FLOOR = {part: height for height, parts in enumerate(FLOORS) for part in parts}
HEAVY = set(
    "matplotlib cupy cupyx pooch jupyter IPython safetensors tqdm scipy torch PIL pytest mpi4py anywidget sklearn"
    " tensorboardX mido".split()
)


def part_of(path):
    """The floor plan's name of a file: ops/conv.py belongs to ops."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path):
    """(module, whether the import is at the top of the file) for all imports of a file."""
    tree = ast.parse(path.read_text())
    inside = {n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            folder = ["tinygan", *path.relative_to(ROOT).parent.parts]
            module = ".".join(
                folder[: len(folder) + 1 - node.level] * bool(node.level) + [node.module] * bool(node.module)
            )
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "tinygan" else [module]
        else:
            continue
        for name in names:
            yield name, node not in inside


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    part = part_of(path)
    assert part in FLOOR, f"{part} is on no floor: add it to FLOORS, where its imports allow"
    for name, _ in imports(path):
        pieces = name.split(".")
        if pieces[0] == "tinygan" and len(pieces) > 1 and pieces[1] in FLOOR and pieces[1] != part:
            assert FLOOR[pieces[1]] < FLOOR[part], f"{path.relative_to(ROOT)} imports {name}, which is not below {part}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_modules_are_imported_where_they_are_used(path):
    allowed = {"pytest"} if path.name == "pytest_plugin.py" else set()
    for name, at_the_top in imports(path):
        assert not (at_the_top and name.split(".")[0] in HEAVY - allowed), (
            f"{path.relative_to(ROOT)} imports {name} at the top: import it in the function that needs it"
        )


def test_only_the_backend_and_the_doctor_import_cupy():
    for path in FILES:
        if path.name not in ("backend.py", "doctor.py"):
            assert not any(name.split(".")[0] in ("cupy", "cupyx") for name, _ in imports(path)), path


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return done.stdout, done.stderr


def test_import_loads_numpy_only():
    loaded, _ = run(
        "import sys, numpy; before = set(sys.modules); import tinygan\n"
        "print(*sorted({n.partition('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    assert set(loaded.split()) <= {"tinygan", "numpy"}


def test_import_is_quick():
    """At most twice the processor time of numpy's own import, measured beside it: a slow machine stretches both."""
    code = (
        "from time import process_time as now; start = now(); import numpy; middle = now(); import tinygan\n"
        "print((now() - middle) / (middle - start))"
    )
    assert min(float(run(code)[0]) for _ in range(3)) < 2


def test_import_prints_nothing_and_changes_nothing():
    out, err = run(
        "import os, numpy as np; before, state = dict(os.environ), np.random.get_state()[1].tolist()\n"
        "import tinygan\n"
        "assert dict(os.environ) == before and np.random.get_state()[1].tolist() == state"
    )
    assert out == "" and err == ""
