"""A page for every module, made from the docstrings: `python tools/make_docs.py [FOLDER]`, by default site/.

Needs pdoc (pip install --group dev). Open FOLDER/index.html; `pdoc tinygan.nn` alone serves one module while you edit it.
"""

import pkgutil
import sys
import warnings
from pathlib import Path

import pdoc

import tinygan


def modules():
    """The names of all modules that are not private."""
    names = [m.name for m in pkgutil.walk_packages(tinygan.__path__, "tinygan.")]
    return ["tinygan", *(name for name in names if "._" not in name)]


def main():
    """Write the pages."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "site")
    pdoc.render.configure(footer_text=f"tinygan {tinygan.__version__}")
    warnings.filterwarnings("ignore", "The module specification")  # packages bring their modules along, named here too
    pdoc.pdoc(*modules(), output_directory=folder)
    print(folder / "index.html")


if __name__ == "__main__":
    main()
