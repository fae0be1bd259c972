"""One training on several processes of a machine. Read `processes.py`."""

from tinygan.distributed.processes import ROOM, DataParallel, ProcessEnded, average_gradients

__all__ = ["ROOM", "DataParallel", "ProcessEnded", "average_gradients"]
