"""A run: its settings, its folder, the loop that plays a game into it, checkpoints, and what watches it.

Of a game this package knows that it has players, a step and samples. Read `loop.py` first, then `folder.py`.
"""
