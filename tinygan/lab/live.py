"""The page of a training: its curves and its samples, read from the run's folder. Nothing is written here.

    {"do": "look", "log": 0, "sample": "", "have": ""}
        log: bytes of the log that the page has seen; sample: a file of samples/, "" is the newest; have: the one it shows

The answer has the curves if the log has grown, and the file if it is another.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from tinygan.files import read_bytes
from tinygan.lab.session import split
from tinygan.run.checkpoint import RunError
from tinygan.run.folder import Run

SAMPLE = re.compile(r"step-(\d{6,15})\.(png|gif|txt)", re.ASCII)
MOST_BYTES = 1 << 26  # of a file of samples
MOST_CURVES = 24


class Live:
    """What a run's folder shows. RunError if there is no run."""

    def __init__(self, folder: Any):
        self.run = Run.open(folder)

    def answer(self, message: Any) -> tuple[dict, bytes]:
        """Return the JSON and the bytes that answer a question; the bytes of a sample come last."""
        if not isinstance(message, dict) or message.get("do") != "look":
            raise ValueError("a page of a training asks to look")
        header: dict[str, Any] = {"log": self._log_size(), "names": [], "samples": self._samples()}
        arrays, content = {}, b""
        try:
            if header["log"] != message.get("log"):
                header["names"], arrays["curves"], header["says"] = self._curves()
                config = self.run.config
                header |= {"recipe": config["recipe"], "steps": config["settings"].get("steps")}
            sample = message.get("sample") or (header["samples"] or [""])[-1]
            if sample in header["samples"]:
                header["sample"] = sample
                if sample != message.get("have"):
                    content = read_bytes(self.run.folder / "samples" / sample, MOST_BYTES, follow=False)
        except (RunError, OSError) as error:  # the folder is gone, or cannot be read
            header["error"] = str(error)
        header, block = split(header, arrays)
        return {**header, "content": len(content)}, block + content

    def _log_size(self) -> int:
        try:
            return (self.run.folder / "log.jsonl").stat().st_size
        except OSError:
            return 0

    def _samples(self) -> list[str]:
        """Return the names of the files that training wrote, the newest last."""
        try:
            found = [m for path in (self.run.folder / "samples").iterdir() if (m := SAMPLE.fullmatch(path.name))]
        except OSError:
            return []
        return [m[0] for m in sorted(found, key=lambda m: (int(m[1]), m[0]))]

    def _curves(self) -> tuple[list[str], Any, list[str]]:
        """Return the names of what is logged, (rows, 1 + names) float32 with the step first, and what the monitor said."""
        rows = self.run.rows()
        numbers = [row for row in rows if "event" not in row]
        names: dict[str, None] = {}
        for row in numbers:
            names |= {name: None for name in row if name not in ("step", "seconds") and "/" not in name}
        chosen = sorted(names, key=lambda name: (not name.endswith("loss"), name))[:MOST_CURVES]
        table = [[row.get(name, math.nan) for name in ("step", *chosen)] for row in numbers]
        says = [f"{row['step']}: {row['says']}" for row in rows if "event" in row and "says" in row]
        return chosen, np.array(table, "float32").reshape(-1, 1 + len(chosen)), says[-5:]
