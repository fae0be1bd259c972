"""Solutions of an assignment with a mistake planted in them: what mistakes/psN.py lists, as something that can be graded."""

import importlib.util
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from tinygan.grading.source import SOLUTION, find_sources, read_source, solved

ROOT = Path(__file__).resolve().parents[2]
SOURCES = find_sources(ROOT / "lessons" / "assignments")


# Mistakes that every course meets, by name. nbgrader is given these; `tinygan grade` is given all.
COMMON = {
    "ps1": ("passed on before all uses are summed", "= for += at forks", "= for += in the pass backwards",
            "recursion on 10,000 numbers"),
    "ps2": ("log_softmax: keepdims is missing", "linear: g @ w for a square w", "sentences: a repeated index assigned",
            "squared error: (N, 1) minus (N,)", "linear: broadcasting of b is not undone"),
    "ps3": ("Adam: no bias correction", "momentum: state shared between parameters", "Adam: state shared between parameters",
            "RMSprop: epsilon under the root", "Adam: epsilon under the root",
            "decay in the wrong place: added to the gradient"),
    "ps4": ("G's loss: saturating", "D's loss: overflow at ±1000", "G's loss: overflow at ±1000",
            "step of D: its gradient reaches G", "D's loss: swapped sign", "gradient of G's loss: swapped sign",
            "sequences: mean over the wrong axis"),
    "ps5": ("no graph of the gradient", "verdicts averaged before the gradient", "one norm for the batch",
            "batch norm in the critic"),
    "ps6": ("col2im overwrites", "flipped kernel", "stride off by one", "padding off by one",
            "groups ignored: all see the first channels"),
    "ps7": ("gradient of the reading step is lost", "carry of dc is lost", "gate order i, f, o, g",
            "forget bias in the block of g", "z drawn anew at each step", "time and batch are swapped", "D makes no step"),
    "ps8": ("bags of unequal size", "variance for deviation", "evaluated in training mode", "one seed",
            "copies of the training set win", "SeqGAN's NLL without its partner"),
}  # fmt: skip


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


def load_common(name):
    """Return those of the Mistakes of assignment `name` that COMMON names."""
    mistakes = [mistake for mistake in load(name) if mistake.name in COMMON[name]]
    assert {mistake.name for mistake in mistakes} == {*COMMON[name]}, name
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
