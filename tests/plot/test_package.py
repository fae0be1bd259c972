"""Drawing leaves the reader's Matplotlib alone."""

import subprocess
import sys


def test_matplotlib_is_left_as_it_was(tmp_path):
    """No import until a curve is drawn, and then neither pyplot nor a backend, so that a notebook's own is untouched."""
    code = f"""if True:
        import sys
        import numpy as np
        import tinygan.plot as plot
        assert not {{"matplotlib", "PIL"}} & set(sys.modules)
        plot.save_image(plot.image_grid(np.zeros((4, 1, 8, 8)), value_range=(-1, 1)), {str(tmp_path / "a.png")!r})
        assert "matplotlib" not in sys.modules
        plot.curves([{{"step": 1, "d_loss": 1.0}}], {str(tmp_path / "c.png")!r})
        assert "matplotlib.pyplot" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)
