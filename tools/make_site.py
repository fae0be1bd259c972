"""Makes a site where the lessons run in the browser, with nothing installed: JupyterLite, and tinygan on Pyodide's NumPy.

    pip install -r lessons/site/requirements.txt
    python tools/make_site.py                                    writes build/lessons-site; a reader's browser fetches Pyodide
    python tools/make_site.py --pyodide pyodide-0.27.7.tar.bz2   the site brings Pyodide itself: for closed networks
    python tools/make_site.py --repository OWNER/NAME            each lesson links to itself in Colab and Binder
    python -m http.server --directory build/lessons-site         to try it

Its configuration is in lessons/site/. docs/in-the-browser.md says how to host it and what does not work there.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "lessons" / "site"
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
CORE = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
LOADED = ("numpy", "threadpoolctl")  # with the kernel, as `import tinygan` does not name them to it
NEEDED = (*LOADED, "matplotlib", "micropip", "ssl", "sqlite3", "jedi", "ipython")  # by the lessons and the kernel


class SiteError(Exception):
    """What stops the building of the site: one sentence, with the remedy."""


def unpack(pyodide, folder):
    """Put a Pyodide distribution, a folder or a .tar.bz2 as published in Pyodide's releases, into `folder`."""
    pyodide = Path(pyodide)
    if pyodide.is_dir():
        shutil.copytree(pyodide, folder)
    elif not pyodide.is_file():
        raise SiteError(f"{pyodide}: no such file or folder; get pyodide-VERSION.tar.bz2 from Pyodide's releases")
    else:
        try:
            with tarfile.open(pyodide) as archive, tempfile.TemporaryDirectory(dir=folder.parent) as whole:
                for member in archive.getmembers():
                    inside = not member.name.startswith("/") and ".." not in Path(member.name).parts
                    if not inside or not (member.isfile() or member.isdir()):
                        raise tarfile.TarError(f"{member.name} in it would be written elsewhere")
                # Python before 3.11.4 has no filters
                archive.extractall(whole, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
                shutil.move(Path(whole) / "pyodide", folder)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise SiteError(f"{pyodide}: not a pyodide-VERSION.tar.bz2 of Pyodide's releases ({error})") from None


def check(folder, named, wanted):
    """Raise SiteError unless a folder holds Pyodide `wanted`, such as 0.27, whole as far as the lessons need it.

    named: what the user called it, for the error.
    """
    for name in CORE:
        if not (folder / name).is_file():
            raise SiteError(f"{named}: holds no {name}, so it is no Pyodide distribution")
    lock = json.loads((folder / "pyodide-lock.json").read_text())
    version, packages = lock["info"].get("version", "of another kind"), lock["packages"]
    if not version.startswith(f"{wanted}."):
        raise SiteError(f"{named}: is Pyodide {version}; the kernel in lessons/site/requirements.txt needs {wanted}")
    waiting, found = list(NEEDED), set()
    while waiting:
        package = re.sub("[-_.]+", "-", waiting.pop()).lower()  # as the keys of the lock are written
        if package in found:
            continue
        found.add(package)
        if package not in packages:
            raise SiteError(f"{named}: pyodide-lock.json does not name {package}, which the lessons need")
        entry = packages[package]
        path = folder / entry["file_name"]
        if not path.is_file():
            raise SiteError(
                f"{named}: holds no {path.name}; take the whole pyodide-{version}.tar.bz2, not pyodide-core"
            )
        if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
            raise SiteError(f"{named}: {path.name} is damaged (another SHA-256 than in pyodide-lock.json)")
        waiting += entry["depends"]


def introduce(notebook, name, repository=None):
    """Add to a notebook's first cell (text) what is different in the browser, and links to lesson `name` elsewhere."""
    text = "In this browser training is short, as products of matrices are slow. For all of it: `FAST = False`, and patience."
    if repository:
        colab = f"https://colab.research.google.com/github/{repository}/blob/HEAD/lessons/{name}"
        binder = f"https://mybinder.org/v2/gh/{repository}/HEAD?labpath=lessons/{name}"
        text += (
            f" Faster: [open in Colab]({colab}), and run `%pip install git+https://github.com/{repository}` there first;"
            f" or [open in Binder]({binder})."
        )
    first = notebook["cells"][0]
    first["source"] = "".join(first["source"]) + "\n\n" + text


def prepare(folder, pyodide, repository):
    """Fill a folder with what JupyterLite builds a site from; returns the name of tinygan's wheel."""
    for path in CONFIGURATION.glob("*.json"):
        shutil.copy(path, folder)
    (folder / "files").mkdir()
    for path in sorted((ROOT / "lessons").glob("*.ipynb")):
        notebook = json.loads(path.read_text())
        introduce(notebook, path.name, repository)
        (folder / "files" / path.name).write_text(json.dumps(notebook, ensure_ascii=False, indent=1))
    if pyodide:
        from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

        unpacked = folder / "static" / "pyodide"
        unpacked.parent.mkdir()
        unpack(pyodide, unpacked)
        check(unpacked, pyodide, PYODIDE_VERSION.rpartition(".")[0])
    wheels = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "pypi"]
    subprocess.run([*wheels, ROOT, "-r", CONFIGURATION / "wheels.txt"], check=True)
    return next((folder / "pypi").glob("tinygan-*.whl")).name


def build(out, pyodide=None, repository=None):
    """Write the site to the folder `out`; raises SiteError."""
    try:
        import jupyterlite_core  # noqa: F401
        import jupyterlite_pyodide_kernel  # noqa: F401
    except ImportError:
        raise SiteError("JupyterLite is not installed; pip install -r lessons/site/requirements.txt") from None
    out = Path(out).resolve()
    if out.exists() and not (out / "jupyter-lite.json").is_file() and any(out.iterdir()):
        raise SiteError(f"{out} holds something else than a site; name another folder: --out")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = prepare(folder, pyodide, repository)
        shutil.rmtree(out, ignore_errors=True)
        command = [sys.executable, "-m", "jupyterlite_core", "build", "--output-dir", out]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SiteError(f"jupyter lite build failed:\n{done.stdout}{done.stderr}")
    (out / ".nojekyll").touch()  # GitHub Pages serves the folder as it is
    # The kernel starts with tinygan. It looks for the wheel from its own place, extensions/@jupyterlite/NAME/static.
    settings = json.loads((out / "jupyter-lite.json").read_text())
    kernel = settings["jupyter-config-data"]["litePluginSettings"][KERNEL]
    # Without BLAS its products take 50 times as long, so that lessons train in the short form that their tests use.
    kernel["loadPyodideOptions"] = {"packages": [*LOADED, f"../../../../pypi/{wheel}"], "env": {"TINYGAN_FAST": "1"}}
    (out / "jupyter-lite.json").write_text(json.dumps(settings, indent=2))


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description="Make a site where the lessons run in the browser.")
    parser.add_argument("--out", default=ROOT / "build" / "lessons-site", metavar="DIR", help="where the site is written")
    parser.add_argument("--pyodide", metavar="FILE_OR_FOLDER", help="a Pyodide distribution that the site is to bring")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="on GitHub: for links to Colab and Binder")
    options = parser.parse_args()
    try:
        build(options.out, options.pyodide, options.repository)
    except SiteError as error:
        sys.exit(f"make_site: {error}")
    size = sum(path.stat().st_size for path in Path(options.out).rglob("*") if path.is_file())
    print(f"{options.out}: {size / 1e6:.0f} MB; python -m http.server --directory {options.out}")


if __name__ == "__main__":
    main()
