"""Solutions of an assignment with a mistake planted in them: what mistakes/psN.py lists, as something that can be graded."""

import importlib.util
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from tinygan.grading.source import SOLUTION, find_sources, read_source, solved

ROOT = Path(__file__).resolve().parents[2]
SOURCES = find_sources(ROOT / "lessons" / "assignments")


class Mistake(NamedTuple):
    """A mistake of assignment `of`, in one of its tasks: `old` in its solution becomes `new`, the tests `lost` must fail."""

    of: str
    task: str
    name: str
    old: str
    new: str
    lost: list


def load(name):
    """Return the Mistakes of assignment `name`."""
    spec = importlib.util.spec_from_file_location(f"mistakes_{name}", Path(__file__).parent / "mistakes" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tasks = [cell for cell in read_source(SOURCES[name]).cells if cell.kind == "task"]
    mistakes = []
    for about, old, new, lost in module.MISTAKES:
        places = [task.id for task in tasks for _ in range(task.text.count(old))]
        assert len(places) == 1, f"{name}, {about}: the old text is in the tasks {places}, expected one place"
        mistakes.append(Mistake(name, places[0], about, old, new, lost))
    return mistakes


def plant(name, mistakes, folder):
    """Return the solved Assignment with `mistakes` in it, as students hand it in; `folder` holds a file for a moment."""
    text = SOURCES[name].read_text(encoding="utf-8")
    for mistake in mistakes:
        before, old, after = text.partition(mistake.old)
        assert old and mistake.old not in after, f"{mistake.name}: the old text is there {text.count(mistake.old)} times"
        assert SOLUTION in before, mistake.name
        text = before + mistake.new + after
    path = folder / SOURCES[name].name
    path.write_text(text, encoding="utf-8")
    return solved(read_source(path))


def rounds(mistakes):
    """Return lists of mistakes, at most one of a task in each, so that few submissions show them all."""
    tasks = {mistake.task: [] for mistake in mistakes}
    for mistake in mistakes:
        tasks[mistake.task].append(mistake)
    return [[mistake for mistake in same if mistake] for same in zip_longest(*tasks.values())]
