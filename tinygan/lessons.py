"""The course on the reader's disk: `tinygan lessons` copies the notebooks to a folder and opens JupyterLab there.

Assignments go to its folder assignments, as students get them: their sources, with the solutions, are not copied.

tools/make_lessons.py makes the notebooks from lessons/NN_name.py. A wheel carries them in tinygan/notebooks; an
editable install reads them from the repository.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tinygan.files import written_whole


def folder_of_notebooks() -> Path:
    """Return the folder with the notebooks of this installation."""
    package = Path(__file__).resolve().parent
    for folder in (package / "notebooks", package.parent / "lessons"):
        if any(folder.glob("[0-9][0-9]_*.ipynb")):
            return folder
    raise FileNotFoundError(2, "the lessons are missing from this installation; install tinygan again", str(folder))


def copy_out(folder: str | Path) -> list[str]:
    """Copy lessons and assignments to `folder` and return the names of those that the reader has changed and that stay."""
    ours, changed = folder_of_notebooks(), []
    for source in sorted([*ours.glob("[0-9][0-9]_*.ipynb"), *ours.glob("assignments/ps*_*.ipynb")]):
        name = source.relative_to(ours)
        target, content = Path(folder, name), source.read_bytes()
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            with written_whole(target) as temporary:
                temporary.write_bytes(content)
        elif target.read_bytes() != content:
            changed.append(name.as_posix())
    return changed


def open_in_jupyterlab(folder: str | Path, options: Sequence[str] = ()) -> int | None:
    """Run JupyterLab on the first lesson in `folder` and return its exit code, None if it is not installed.

    options: what JupyterLab is called with besides, such as --no-browser.
    """
    if find_spec("jupyterlab") is None:
        return None
    first = min(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    # more BLAS threads gain nothing for small networks, and wait for each other if another program needs a core
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    return subprocess.run([sys.executable, "-m", "jupyterlab", str(first), *options], env=environment).returncode
