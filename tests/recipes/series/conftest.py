"""No data but what is made, little of it, and judges that hardly learn."""

import pytest

from tinygan.data import made_prices
from tinygan.recipes.series import stock


@pytest.fixture(autouse=True)
def little(monkeypatch, tmp_path):
    """60 days of made prices; no data folder."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setenv("TINYGAN_PROGRESS", "0")
    monkeypatch.setattr(stock, "made_prices", lambda: made_prices(60))
    monkeypatch.setattr(stock, "JUDGE_STEPS", 3)
    monkeypatch.setattr(stock, "LEARNER_STEPS", 3)
    stock.table.cache_clear()
    yield
    stock.table.cache_clear()
