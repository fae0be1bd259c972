"""What every test shares. Real data is found through TINYGAN_DATA; a test whose file is missing skips with its name.

`import cupy` gives a stand-in, stand_in/cupy, so that tests of the GPU's path run everywhere. TINYGAN_TEST_DEVICE=cuda runs
the same tests on CuPy itself.
"""

import os
import sys
from pathlib import Path

import pytest

from tinygan import threads
from tinygan.metrics import video
from tinygan.metrics.pictures import heads
from tinygan.metrics.sound import hearing

# What tests share holds no tests: looked through for doctests, it would be imported once more than by those who use it.
collect_ignore = [path.name for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")]
collect_ignore.append("stand_in")

if os.environ.get("TINYGAN_TEST_DEVICE") != "cuda":
    sys.path.insert(0, str(Path(__file__).parent / "stand_in"))

_data = Path(__file__).resolve().parents[2] / "shared" / "data"
if _data.is_dir():
    os.environ.setdefault("TINYGAN_DATA", str(_data))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """`pytest -n auto` takes four cores at most: each worker may need a gigabyte."""
    return min(4, os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def data_folder_stays():
    """No test leaves another TINYGAN_DATA behind. It is the first fixture, so it looks after all others are undone."""
    before = os.environ.get("TINYGAN_DATA")
    yield
    assert os.environ.get("TINYGAN_DATA") == before


@pytest.fixture(autouse=True)
def quick_heads():
    """Networks that look and listen for scores learn for two steps: no test waits for them; they are stored apart."""
    with pytest.MonkeyPatch.context() as patch:  # the fixture `monkeypatch` would be undone after those of modules
        for training in (heads.TRAINING, video.READER, video.DIGITS, hearing.TRAINING):
            patch.setitem(training, "steps", 2)
        yield


@pytest.fixture(scope="session")
def sheets(tmp_path_factory):
    """A folder of data that has made sheets of sprites; a test that spoils them copies them first."""
    from small_runs import make_sheets

    folder = tmp_path_factory.mktemp("data")
    (folder / "sprites").mkdir()
    make_sheets(folder / "sprites")
    return folder


@pytest.fixture
def use_threads(monkeypatch):
    """use_threads(n): large operations are shared by n threads until the end of the test."""

    def use(n):
        threads._pool.cache_clear()
        monkeypatch.setattr(threads, "thread_count", lambda: n)
        monkeypatch.setattr(threads, "WORTH_SPLITTING", 100)  # so that small arrays are shared too

    yield use
    threads._pool.cache_clear()
