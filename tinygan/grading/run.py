"""Running one submission: a process of its own for all its cells, and a new one where a cell ends it.

The process (child.py) reports when a cell begins and when it is done. If it hangs, crashes or leaves in the middle of a cell,
that cell is lost: all is run again without it, from the beginning, in a new process. Only what a process says that came to
the end counts, so no cell passes in a run that stopped early.
"""

import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tinygan.grading.submission import Step

START = 60  # seconds that Python, NumPy and tinygan may take to be there
PATIENCE = 3  # seconds of the clock for each second of processor time: the machine may be busy
MOST_REPORTED = 32 << 20  # bytes


class GraderError(Exception):
    """The grader itself does not work here, whatever was handed in."""


class Stopped(Exception):
    """Grading was told to stop."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use. seconds: of processor time, for a cell. memory: of addresses, in bytes."""

    seconds: float = 10
    memory: float = 2e9
    hidden: tuple[str, ...] = ()  # folders with solutions
    closed: tuple[str, ...] = ()  # folders with what others handed in


class Result(NamedTuple):
    """How a step went; message: why not, output: the beginning of what it printed."""

    ok: bool
    message: str = ""
    output: str = ""


@dataclass
class Outcome:
    """What came of a submission: a Result for each step, and remarks."""

    results: list[Result] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def run(steps: Sequence[Step], limits: Limits, caches: Path | None = None, stop: threading.Event | None = None) -> Outcome:
    """Run the steps and return the Outcome.

    caches: a folder that is copied into the working folder, with what libraries would otherwise compute anew.
    """
    lost: dict[int, str] = {}
    while True:
        attempt = _Attempt(steps, limits, frozenset(lost), caches, stop or threading.Event())
        where, why = attempt.run()
        if why is None:
            return _outcome(steps, attempt, lost)
        if where in lost:
            raise GraderError(f"the process for submissions does not end as it should ({why})")
        lost[where] = why


def _outcome(steps: Sequence[Step], attempt: "_Attempt", lost: dict[int, str]) -> Outcome:
    results = []
    for i in range(len(steps)):
        done = attempt.done.get(i)
        if done is None:
            results.append(Result(False, lost.get(i, "it was not run")))
        else:
            results.append(Result(done["ok"], done["message"], done["output"]))
    outcome = Outcome(results)
    for i, why in lost.items():
        if steps[i].kind != "test":
            outcome.remarks.append(f"{say_step(steps[i])}: {why}")
    if attempt.changed:
        outcome.remarks.append(f"it replaced {_some(attempt.changed)}; put back before each test")
    if attempt.redefined:
        outcome.remarks.append(f"it defines {_some(attempt.redefined)} again; tests use what was given")
    if attempt.strange:
        outcome.remarks.append("it wrote into the grader's pipe; that was left out")
    return outcome


def _some(names: Sequence[str]) -> str:
    """Return the first few names, for a sentence."""
    return ", ".join(names[:5]) + f" and {len(names) - 5} more" * (len(names) > 5)


def say_step(step: Step) -> str:
    """Return how a step is called in a sentence."""
    return "a cell of the student's own" if step.kind == "own" else f"{step.kind} {step.id}".strip()


class _Attempt:
    """One process that runs the steps, from its start to its end."""

    def __init__(
        self, steps: Sequence[Step], limits: Limits, skip: Iterable[int], caches: Path | None, stop: threading.Event
    ) -> None:
        self.steps, self.limits, self.skip, self.caches, self.stop = steps, limits, skip, caches, stop
        self.word = secrets.token_hex(16)
        self.done: dict[int, dict[str, Any]] = {}
        self.changed: list[str] = []
        self.redefined: list[str] = []
        self.strange = False
        self.lines: queue.Queue[bytes | None] = queue.Queue()

    def run(self) -> tuple[int, str | None]:
        """Return (the step in which the process ended, why), or (-1, None) if all steps were run."""
        folder = tempfile.mkdtemp(prefix="tinygan-grade-")
        try:
            if self.caches:
                shutil.copytree(self.caches, folder, dirs_exist_ok=True)
            process = self._start(folder)
            try:
                return self._follow(process)
            finally:
                _end(process)
        finally:
            remove(folder)

    def _start(self, folder: str) -> subprocess.Popen:
        words = [sys.executable, "-I", "-B", "-X", "utf8", str(Path(__file__).with_name("child.py"))]
        process = subprocess.Popen(
            words, cwd=folder, env=_environment(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        steps = [(step.kind, step.id, step.text, step.seconds or self.limits.seconds) for step in self.steps]
        job = {
            "word": self.word, "steps": steps, "skip": sorted(self.skip), "memory": self.limits.memory,
            "hidden": self.limits.hidden, "closed": self.limits.closed,
        }  # fmt: skip
        with suppress(BrokenPipeError), process.stdin:  # type: ignore[union-attr]
            process.stdin.write(json.dumps(job).encode())  # if it is gone, that is seen when its reports are read
        threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()
        return process

    def _read(self, pipe: Any) -> None:
        """Put the process's lines into the queue, then None."""
        rest, total = b"", 0
        with pipe:
            while (part := os.read(pipe.fileno(), 1 << 16)) and total < MOST_REPORTED:
                total += len(part)
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    self.lines.put(line)
        self.lines.put(None)

    def _follow(self, process: subprocess.Popen) -> tuple[int, str | None]:
        now, limit, begun = None, float(START), time.monotonic()
        while True:
            line = self._next(begun + limit)
            if line is None:
                if now is None:
                    raise GraderError(f"the process for submissions did not start ({_why(process, START, START)})")
                return now, _why(process, self._seconds(now), limit)
            message = self._understand(line)
            if "begin" in message:
                now, begun = message["begin"], time.monotonic()
                limit = PATIENCE * self._seconds(now)
            elif "done" in message:
                self.done[message["done"]] = message
            elif "ready" in message:
                now, begun, limit = self._first(), time.monotonic(), START
            elif "trouble" in message:
                raise GraderError(f"the process for submissions did not start ({message['trouble']})")
            elif "end" in message:
                self.changed, self.redefined = message["changed"], message["redefined"]
                return -1, None

    def _first(self) -> int:
        """Return the step that is blamed if the process ends before one begins."""
        return next((i for i in range(len(self.steps)) if i not in self.skip), 0)

    def _seconds(self, step: int) -> float:
        return self.steps[step].seconds or self.limits.seconds

    def _next(self, deadline: float) -> bytes | None:
        """Return the next line, None if there is none before the deadline or at all."""
        while True:
            if self.stop.is_set():
                raise Stopped
            try:
                return self.lines.get(timeout=max(0.0, min(0.5, deadline - time.monotonic())))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    return None

    def _understand(self, line: bytes) -> dict[str, Any]:
        """Return the message of a line, {} if it is not the grader's."""
        word, _, text = line.partition(b" ")
        if secrets.compare_digest(word, self.word.encode()):
            return json.loads(text)
        self.strange = True
        return {}


def _why(process: subprocess.Popen, seconds: float, clock: float) -> str:
    """Return why a process that reports nothing any more ended, and end it if it has not."""
    try:
        code = process.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        return f"it did not finish within {clock:g} s of the clock"
    if code == -getattr(signal, "SIGXCPU", 0) and code:
        return f"it did not finish within {seconds:g} s of processor time"
    if code == -getattr(signal, "SIGKILL", 0) and code:
        return "the system killed it; did it take too much memory?"
    if code < 0:
        return f"it crashed Python ({signal.Signals(-code).name}); calls inside calls without an end?"
    return f"it ended Python (exit code {code})"


def _end(process: subprocess.Popen) -> None:
    """End a process and all of its group."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):  # macOS says the second of a group that has ended
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _environment(folder: str) -> dict[str, str]:
    """Return the environment of a submission: nothing of the teacher's, one thread, no screen."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept, "HOME": folder, "TMPDIR": folder, "TEMP": folder, "TMP": folder, "MPLCONFIGDIR": folder, "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TINYGAN_THREADS": "1",
        "TINYGAN_PROGRESS": "0", "TINYGAN_CACHE": str(Path(folder) / "cache"),
    }  # fmt: skip


def remove(folder: str | Path) -> None:
    """Remove a folder with whatever a submission left in it: folders without rights, thousands of them in each other."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder) and os.name == "posix":
        subprocess.run(["chmod", "-R", "u+rwx", str(folder)], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--", str(folder)])


def make_caches(folder: Path) -> Path:
    """Let matplotlib look for fonts once, into `folder`, instead of once in each process."""
    words = [sys.executable, "-I", "-c", "import matplotlib.font_manager"]
    subprocess.run(words, env=_environment(str(folder)), stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    return folder
