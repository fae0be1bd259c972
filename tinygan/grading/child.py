"""The process that runs a submission: run.py starts this file, once or, where a cell ends it, again.

It reads one JSON document on standard input and reports on what was its standard output. Every line begins with a word
that the submission is not told, and "end" comes after the last cell. See guard.py for what this is not.
"""

import io
import json
import linecache
import os
import re
import signal
import sys
import types
from pathlib import Path

MOST_OUTPUT, MOST_MESSAGE = 4000, 2000  # characters


def main():
    """Read the job, run its steps, report."""
    job = json.load(sys.stdin)
    report = _reporter(job.pop("word"))
    try:
        namespace, tools, limit_time = _prepare(job)
    except Exception as error:
        report({"trouble": f"{type(error).__name__}: {error}"})
        return
    report({"ready": True})
    _run_steps(job, namespace, tools, report, limit_time)
    report({"end": True, "changed": sorted(tools.changed), "redefined": sorted(tools.redefined)})
    os._exit(0)  # no exit handler of the submission runs


ROOT = Path(__file__).resolve().parents[2]


def _prepare(job):
    """Import what is needed, limit this process; return (namespace of the cells, what tests judge with, limit_time)."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from tinygan.grading import guard

    _warm()
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    vars(module)["display"] = print  # a notebook's own
    tools = _Tools()
    guard.limit(job["memory"])
    python = [*sys.path, sys.prefix, sys.base_prefix, str(ROOT / "tinygan")]
    guard.install(os.getcwd(), job["hidden"], job["closed"], python)
    return vars(module), tools, guard.limit_time


def _reporter(word):
    """Return a function that reports a dict; standard streams lead nowhere from now on."""
    pipe, nowhere = os.dup(1), os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    write, dumps = os.write, json.dumps

    def report(message):
        line = f"{word} {dumps(message)}\n".encode()
        while line:
            line = line[write(pipe, line) :]

    return report


def _warm():
    """Import what most tests use, and ask once for what the guard will refuse: the allocator's settings, the kind of BLAS."""
    import numpy as np

    import tinygan.gradcheck  # noqa: F401
    from tinygan import Tensor, nn, threads

    threads.prime_malloc()
    nn.LSTM(1, 1)(Tensor(np.zeros((1, 1, 1), "float32")))


def _run_steps(job, namespace, tools, report, limit_time):
    """Run all steps but those to skip; the seconds of a step are of processor time."""
    skip = set(job["skip"])
    for i, (kind, name, text, seconds) in enumerate(job["steps"]):
        if i in skip:
            continue
        if kind == "test":
            tools.put_back(namespace)
        report({"begin": i})
        limit_time(seconds)
        output = _Output()
        sys.stdout = sys.stderr = output
        label = f"<{kind} {name or i}>"
        error = _run(text, label, kind, namespace)
        _disarm()
        report({"done": i, "ok": error is None, "message": error or "", "output": "".join(output.parts)})
        if kind == "given":
            tools.remember(namespace)


def _disarm():
    """Stop what a cell set up to happen during the next one: tracing, timers."""
    sys.settrace(None)
    sys.setprofile(None)
    for timer in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF"):
        if hasattr(signal, timer):
            signal.setitimer(getattr(signal, timer), 0)


def _run(text, label, kind, namespace):
    """Run a cell in `namespace`; return what went wrong, or None."""
    if kind in ("task", "own"):
        linecache.cache[label] = (len(text), None, text.splitlines(True), label)
    try:
        exec(_compile(text, label), namespace)
    except BaseException as error:
        try:
            return _explain(error)[:MOST_MESSAGE]
        except BaseException:  # its text is a student's, or there is no memory
            return type(error).__name__
    return None


def _compile(text, label):
    """Return the code of a cell; lines for IPython (%matplotlib inline, !pip install) are left out where there are any."""
    try:
        return compile(text, label, "exec")
    except SyntaxError:
        plain = re.sub(r"^([ \t]*)[%!].*$", r"\1pass", text, flags=re.M)
        if plain == text:
            raise
        return compile(plain, label, "exec")


def _explain(error):
    """Return what an exception says, and the student's line where it came from."""
    name, said = type(error).__name__, str(error).strip()
    if isinstance(error, SystemExit):
        return "the cell asked Python to exit; it may not"
    if isinstance(error, SyntaxError) and str(error.filename).startswith("<"):
        return f"{name}: {error.msg} (line {error.lineno} of {_place(error.filename)}: {(error.text or '').strip()})"
    if isinstance(error, NotImplementedError) and not said:
        return "the task is not solved yet"
    if isinstance(error, AssertionError):
        return said or "a check of this test failed"
    if isinstance(error, RecursionError):
        name, said = "RecursionError", "too many calls inside calls"
    where, trace = "", error.__traceback__
    while trace is not None:
        label = trace.tb_frame.f_code.co_filename
        if label.startswith(("<task ", "<own ")):
            line = linecache.getline(label, trace.tb_lineno).strip()
            where = f" (line {trace.tb_lineno} of {_place(label)}: {line})"
        trace = trace.tb_next
    return f"{name}: {said}{where}" if said else f"{name}{where}"


def _place(label):
    """Return how a label is said: <task 2.1> is task 2.1."""
    return "a cell of your own" if label.startswith("<own") else label.strip("<>")


class _Output(io.TextIOBase):
    """What a cell prints, the beginning of it."""

    def __init__(self):
        self.parts, self.room = [], MOST_OUTPUT

    def writable(self):
        return True

    def write(self, text):
        if self.room > 0:
            self.parts.append(text[: self.room])
        self.room -= len(text)
        return len(text)


class _Tools:
    """What tests judge with: functions and classes of numpy, tinygan and Python, and names of given cells.

    A submission that replaces one of them gets it put back before the next test; `changed` and `redefined` name it.
    """

    def __init__(self):
        self.modules, self.given, self.changed, self.redefined = {}, {}, set(), set()
        self.remember({})

    def remember(self, namespace):
        """Remember modules that are new, and what is now in `namespace`, right after one of our cells."""
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in ("numpy", "tinygan", "builtins") and name not in self.modules:
                self._remember_one(name, module)
                for key, value in list(vars(module).items()):
                    if isinstance(value, type) and value.__module__ == name and name.startswith("tinygan"):
                        self._remember_one(f"{name}.{key}", value)
        self.given.update({k: v for k, v in namespace.items() if callable(v) or isinstance(v, types.ModuleType)})

    def _remember_one(self, name, owner):
        kept = {k: (v, getattr(v, "__code__", None)) for k, v in vars(owner).items() if callable(v)}
        self.modules[name] = owner, kept

    def put_back(self, namespace):
        """Undo what was replaced."""
        for name, (owner, kept) in self.modules.items():
            now = vars(owner)
            for key, (value, code) in kept.items():
                if now.get(key) is not value:
                    setattr(owner, key, value)
                elif code is None or value.__code__ is code:
                    continue
                else:
                    value.__code__ = code
                self.changed.add(f"{name}.{key}")
        for key, value in self.given.items():
            if namespace.get(key) is not value:
                self.redefined.add(key)
                namespace[key] = value


if __name__ == "__main__":
    main()
