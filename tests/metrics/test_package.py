"""What importing the metrics loads."""

import subprocess
import sys


def test_metrics_know_nothing_of_gans_and_import_nothing_heavy():
    code = "import sys, tinygan.metrics; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"scipy", "pooch", "matplotlib", "PIL", "safetensors", "tinygan.gan", "tinygan.recipes"} & set(loaded)
