"""What every test shares. Real data is found through TINYGAN_DATA; a test whose file is missing skips with its name."""

import os
from pathlib import Path

_data = Path(__file__).resolve().parents[2] / "shared" / "data"
if _data.is_dir():
    os.environ.setdefault("TINYGAN_DATA", str(_data))
