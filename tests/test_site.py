"""The site where lessons run in a browser: what it brings is checked, and Chromium runs a gradient in it.

Building needs `pip install -r lessons/site/requirements.txt`; the kernel's test also playwright, Chromium, and a Pyodide
distribution whose path is in TINYGAN_PYODIDE. What is missing is said by the test that is skipped.
"""

import hashlib
import http.server
import importlib.util
import json
import os
import shutil
import tarfile
import threading
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parent.parent

spec = importlib.util.spec_from_file_location("make_site", ROOT / "tools" / "make_site.py")
make_site = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_site)


# --- what a distribution holds -----------------------------------------------------------------------------------


@pytest.fixture
def distribution(tmp_path):
    """A folder as a Pyodide distribution is, with empty programs and one file a package, each needing `shared-part`."""
    folder = tmp_path / "whole" / "pyodide"
    folder.mkdir(parents=True)
    packages = {}
    for name in [*make_site.NEEDED, "shared-part"]:
        path = folder / f"{name}.whl"
        path.write_text(name)
        depends = [] if name == "shared-part" else ["Shared_part"]
        packages[name] = {"file_name": path.name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "depends": depends}
    for name in make_site.CORE:
        (folder / name).touch()
    (folder / "pyodide-lock.json").write_text(json.dumps({"info": {"version": "0.27.7"}, "packages": packages}))
    return folder


def archive(folder, path):
    with tarfile.open(path, "w:bz2") as file:
        file.add(folder, "pyodide")
    return path


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "file"])
def test_a_whole_distribution_is_taken(distribution, tmp_path, packed):
    given = archive(distribution, tmp_path / "pyodide-0.27.7.tar.bz2") if packed else distribution
    make_site.unpack(given, tmp_path / "unpacked")
    make_site.check(tmp_path / "unpacked", given, "0.27")
    assert (tmp_path / "unpacked" / "numpy.whl").read_text() == "numpy"


SPOILT = {
    "no program": (lambda folder: (folder / "pyodide.asm.wasm").unlink(), "no pyodide.asm.wasm, so it is no Pyodide"),
    "core only": (lambda folder: (folder / "numpy.whl").unlink(), "no numpy.whl; take the whole pyodide-0.27.7.tar.bz2"),
    "a part missing": (lambda folder: (folder / "shared-part.whl").unlink(), "no shared-part.whl"),
    "damaged": (lambda folder: (folder / "matplotlib.whl").write_text("x"), "matplotlib.whl is damaged"),
}


@pytest.mark.parametrize("spoil, message", SPOILT.values(), ids=SPOILT)
def test_what_is_missing_or_damaged_is_named(distribution, spoil, message):
    spoil(distribution)
    with pytest.raises(make_site.SiteError, match=message):
        make_site.check(distribution, "my-pyodide", "0.27")


def test_another_version_is_refused(distribution):
    with pytest.raises(make_site.SiteError, match="is Pyodide 0.27.7; the kernel .* needs 314.0"):
        make_site.check(distribution, "my-pyodide", "314.0")


def test_a_package_that_the_lock_does_not_name(distribution):
    lock = json.loads((distribution / "pyodide-lock.json").read_text())
    del lock["packages"]["jedi"]
    (distribution / "pyodide-lock.json").write_text(json.dumps(lock))
    with pytest.raises(make_site.SiteError, match="does not name jedi"):
        make_site.check(distribution, "my-pyodide", "0.27")


@pytest.mark.parametrize("content", [None, b"not an archive"], ids=["missing", "another file"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "pyodide.tar.bz2"
    if content:
        path.write_bytes(content)
    with pytest.raises(make_site.SiteError, match="Pyodide's releases"):
        make_site.unpack(path, tmp_path / "unpacked")


def test_an_archive_of_something_else_is_refused(distribution, tmp_path):
    path = tmp_path / "other.tar.bz2"
    with tarfile.open(path, "w:bz2") as file:
        file.add(distribution, "other")
    with pytest.raises(make_site.SiteError, match="not a pyodide-VERSION.tar.bz2"):
        make_site.unpack(path, tmp_path / "unpacked")


ELSEWHERE = [("../outside", tarfile.REGTYPE), ("/outside", tarfile.REGTYPE), ("in", tarfile.SYMTYPE)]


@pytest.mark.parametrize("name, kind", ELSEWHERE)
def test_an_archive_that_writes_elsewhere_is_refused(tmp_path, name, kind):
    path = tmp_path / "evil.tar.bz2"
    with tarfile.open(path, "w:bz2") as file:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc"
        file.addfile(member)
    with pytest.raises(make_site.SiteError, match="would be written elsewhere"):
        make_site.unpack(path, tmp_path / "unpacked")


def test_links_name_the_lesson():
    notebook = {"cells": [{"cell_type": "markdown", "source": ["# 03 ·", " Title"]}, {"source": "x"}]}
    make_site.introduce(notebook, "03_title.ipynb", "someone/course")
    first = notebook["cells"][0]["source"]
    assert first.startswith("# 03 · Title\n\n")
    assert "(https://colab.research.google.com/github/someone/course/blob/HEAD/lessons/03_title.ipynb)" in first
    assert "(https://mybinder.org/v2/gh/someone/course/HEAD?labpath=lessons/03_title.ipynb)" in first
    assert notebook["cells"][1] == {"source": "x"}


# --- the site ----------------------------------------------------------------------------------------------------

CODE = """
import os
import numpy as np
import tinygan
x = tinygan.Tensor(np.array([1.0, 2.0]), requires_grad=True)
(slope,) = tinygan.grad((x * x * x).sum(), [x])
print("slope", slope.tolist(), tinygan.__file__.rsplit("/", 3)[1], os.environ["TINYGAN_FAST"])
"""
SECONDS = 300  # to boot: 98 on two cores that a dozen other programs were using


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site that is built here, with the distribution that TINYGAN_PYODIDE names, if it does."""
    for module in ("jupyterlite_core", "jupyterlite_pyodide_kernel"):
        pytest.importorskip(module, reason="pip install -r lessons/site/requirements.txt")
    folder = tmp_path_factory.mktemp("built") / "site"
    make_site.build(folder, os.environ.get("TINYGAN_PYODIDE"), "someone/course")
    return folder


def test_the_site_holds_every_lesson_and_what_the_kernel_asks_for(site):
    lessons = sorted(path.name for path in (ROOT / "lessons").glob("*.ipynb"))
    assert sorted(path.name for path in (site / "files").iterdir()) == lessons
    for name in lessons:
        assert f"course/blob/HEAD/lessons/{name}" in (site / "files" / name).read_text()
    settings = json.loads((site / "jupyter-lite.json").read_text())["jupyter-config-data"]["litePluginSettings"]
    wheel = settings[make_site.KERNEL]["loadPyodideOptions"]["packages"][-1]
    kernel = site / "extensions" / "@jupyterlite" / "pyodide-kernel-extension" / "static"
    assert kernel.is_dir() and (kernel / wheel).is_file()
    index = json.loads((site / "pypi" / "all.json").read_text())
    assert sorted(index) == ["comm", "tinygan"]


def test_what_is_no_site_is_not_overwritten(site, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(make_site.SiteError, match="something else than a site"):
        make_site.build(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.fixture
def page():
    """A page of headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.skip("no Chromium on the PATH")
    if "TINYGAN_PYODIDE" not in os.environ:
        pytest.skip("TINYGAN_PYODIDE names no Pyodide distribution, a folder or a .tar.bz2")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.fixture
def address(site):
    """The site's address while it is served on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_kernel_boots_and_takes_a_gradient(page, address):
    page.route(lambda url: not url.startswith(address), lambda route: route.abort())  # as where the network is closed
    page.goto(f"{address}/repl/index.html?kernel=python&execute=1&code={quote(CODE)}")
    page.wait_for_selector(".jp-OutputArea-output", timeout=SECONDS * 1000)
    assert "slope [3.0, 12.0] site-packages 1" in "\n".join(page.locator(".jp-OutputArea-output").all_inner_texts())
